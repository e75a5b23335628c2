"""`DenoisingImputer`: missing values of tables filled by two denoising autoencoders."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils import check_random_state
from sklearn.utils._missing import is_pandas_na, is_scalar_nan
from sklearn.utils._param_validation import MissingValues, StrOptions
from sklearn.utils._set_output import _get_output_config
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted

from dae._data.streams import new_seed
from dae._estimator.messages import in_words_of_owner
from dae._estimator.parameters import LAYER, TRAINING, Interval, layer_sizes
from dae._estimator.state import check_features, unchanged_if_it_fails
from dae._model.damage import damaged
from dae._tables.arrays import ArraySchema
from dae._tables.column import Column
from dae._tables.encoder import Encoding, TableEncoder, check_table, read_columns
from dae._tables.frames import as_pandas, schema_of
from dae._tables.scalers import SCALERS
from dae._tables.state import (
    check_fields,
    check_positions,
    is_a,
    list_of,
    optional,
    random_seed,
    record,
)
from dae.stacked import StackedDenoisingAutoencoder
from dae.tabular._inputs import TableTransformer
from dae.tabular._network_fill import NetworkFill

_MASKED = 0.15  # in training
_PRESENTATIONS = 100_000  # rows shown in one training
_FEWEST_EPOCHS, _MOST_EPOCHS = 10, 1000
_HIDDEN_PER_DRAW = 0.2  # of the observed values, for one of several imputations

# parameters that are used after `fit`
_USED = ("missing_values", "n_imputations", "add_indicator", "keep_empty_features", "n_jobs")

# what `fit` leaves behind, besides what is known of the columns of X
_FIELDS = {
    "_encoder": record(TableEncoder),
    "_filling": optional(record(NetworkFill)),
    "_seed": random_seed,
    "_empty": is_a(list),
    "_indicated": is_a(list),
    "networks_": list_of(is_a(StackedDenoisingAutoencoder)),
    "blend_": is_a(dict),
}


class DenoisingImputer(TableTransformer):
    """Fill missing values by denoising autoencoders, scikit-learn's imputer for whole tables.

    Three steps: what a normal distribution expects fills the table; a network learns to predict
    masked values of it from the others, and fills it again; so does a second one, from there. In
    the first two, a tenth of the observed values is hidden, which then tells how much of the
    networks' and how much of the linear prediction to take, and how far to stay at the mean: the
    less there is to learn from, the nearer to it.

    Parameters
    ----------
    missing_values : number, str, None or nan, default=numpy.nan
        What marks a missing value, besides NaN, None and NA. Numbers are looked for in columns of
        numbers and among categories, text in columns of text and among categories.

    column_types : "auto" or dict, default="auto"
        As in `TabularDenoisingAutoencoder`. Columns of an array of numbers are numeric: filled by
        their expected value, also where it is none of the column's values.

    hidden_layer_sizes : int or tuple of int, default=(192,)
        Hidden units of each layer of both networks.

    numeric_scaler : {"standard", "robust", "quantile"}, default="standard"
        As in `TabularDenoisingAutoencoder`. With "standard" a filled number estimates the mean.

    max_categories : int, default=40
        Columns of a network for one category at most.

    learning_rate_init : float, default=0.006
        Step size of Adam in the first epoch; cosine schedule.

    alpha : float, default=0.0
        L2 penalty of the weights.

    batch_size : int, default=32
        Samples per mini-batch.

    max_iter : int or None, default=None
        Epochs of each network. None: 100,000 over the number of rows, from 10 to 1,000.

    n_imputations : int, default=1
        With more than one, `transform` averages so many imputations, in each of which 20 % of the
        observed values are hidden as well; `impute_many` returns them all. Which ones are hidden
        depends on a row's place in the table, and so does a value that is filled in: the same row
        alone, or in another place, may be filled with a slightly different value.

    add_indicator : bool, default=False
        Whether booleans for the columns with missing values in `fit` are appended, in an array as
        numbers: ``missingindicator_a`` for the column ``a``.

    keep_empty_features : bool, default=False
        Whether columns without any value in `fit` are kept, filled with 0 if they are numbers.

    random_state : int, RandomState instance or None, default=None
        Determines initial weights, order of the samples and masks.

    n_jobs : int or None, default=None
        Number of threads; it changes the time, not the result.

    Attributes
    ----------
    networks_ : list of StackedDenoisingAutoencoder
        The first and the second network; empty if nothing varies.

    blend_ : dict of (float, float)
        From losses ("squared_error" for numbers, "multinomial" for categories, "poisson" for
        counts) to the weights of the networks and of the linear fill, chosen on hidden values.
        What they leave of 1 is the weight of the column's mean: with (0, 0) nothing was found that
        columns tell about each other.

    n_iter_ : int
        Number of epochs of each network.

    n_features_in_ : int
        Number of columns seen during `fit`.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if they are strings.

    See Also
    --------
    sklearn.impute.IterativeImputer : One regression per column.
    sklearn.impute.KNNImputer : Means of the nearest rows.

    Notes
    -----
    A table comes back as one of its kind, with its dtypes and index; observed values are not
    changed by a bit. In integers, those of an array too, what is filled in is rounded: pass floats
    for the expected values themselves. Among objects, numbers are filled with Decimal where all
    others are, else with floats. Missing values of ignored columns stay as they are.

    Values below 0 in a column that was taken for counts are shown to the networks as 0; they are
    an error where `column_types` says "count".

    Several imputations differ by what the networks are shown: their spread leaves out the noise of
    a single value and is less than the whole uncertainty.

    Ctrl-C in the training of the second network keeps its last complete epoch, with a warning.
    Before that, KeyboardInterrupt is raised and the estimator is unchanged.

    Examples
    --------
    >>> import numpy as np
    >>> from dae.tabular import DenoisingImputer
    >>> X = np.random.RandomState(0).rand(200, 1) * [1, 2, 3]
    >>> X[:20, 1] = np.nan
    >>> filled = DenoisingImputer(random_state=0).fit_transform(X)
    >>> bool(np.abs(filled[:20, 1] - 2 * X[:20, 0]).mean() < 0.1)
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "missing_values": [MissingValues()],
        "column_types": [StrOptions({"auto"}), dict],
        "hidden_layer_sizes": [Interval(Integral, 1, None, closed="left"), "array-like"],
        "numeric_scaler": [StrOptions(set(SCALERS))],
        "max_categories": [Interval(Integral, 2, None, closed="left")],
        "learning_rate_init": LAYER["learning_rate_init"],
        "alpha": TRAINING["alpha"],
        "batch_size": TRAINING["batch_size"],
        "max_iter": [Interval(Integral, 1, None, closed="left"), None],
        "n_imputations": [Interval(Integral, 1, None, closed="left")],
        "add_indicator": ["boolean"],
        "keep_empty_features": ["boolean"],
        "random_state": TRAINING["random_state"],
        "n_jobs": TRAINING["n_jobs"],
    }

    def __init__(
        self,
        *,
        missing_values: Any = np.nan,
        column_types: Any = "auto",
        hidden_layer_sizes: Any = (192,),
        numeric_scaler: str = "standard",
        max_categories: int = 40,
        learning_rate_init: float = 0.006,
        alpha: float = 0.0,
        batch_size: int = 32,
        max_iter: int | None = None,
        n_imputations: int = 1,
        add_indicator: bool = False,
        keep_empty_features: bool = False,
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.missing_values = missing_values
        self.column_types = column_types
        self.hidden_layer_sizes = hidden_layer_sizes
        self.numeric_scaler = numeric_scaler
        self.max_categories = max_categories
        self.learning_rate_init = learning_rate_init
        self.alpha = alpha
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.n_imputations = n_imputations
        self.add_indicator = add_indicator
        self.keep_empty_features = keep_empty_features
        self.random_state = random_state
        self.n_jobs = n_jobs

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn to predict the values of each column from the others.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
        y : Ignored
            Present for API consistency.

        Returns
        -------
        self : DenoisingImputer
        """
        # again, because scikit-learn's configuration may have skipped it
        self._validate_params()
        with unchanged_if_it_fails(self), in_words_of_owner(self):
            X = self._marked(check_table(self, X, reset=True))
            how = Encoding(self.column_types, self.numeric_scaler, self.max_categories)
            encoder = TableEncoder.fit(X, how)
            missing = [column.missing for column in read_columns(X)]
            empty = [k for k, where in enumerate(missing) if where.all()]
            indicated = [k for k, where in enumerate(missing) if where.any()]
            if self.add_indicator:
                _indicator_names(encoder.schema.names, indicated)
            random_state = check_random_state(self.random_state)
            seed = new_seed(random_state)
            epochs = self._n_epochs(len(missing[0]))
            filling = None
            if encoder.n_encoded:
                encoded = encoder.encode(X)
                filling = NetworkFill.fit(
                    encoder, encoded, lambda: self._network(encoder, epochs, random_state), seed
                )
            self.__dict__.update(
                _empty=empty,
                _indicated=indicated,
                _encoder=encoder,
                _filling=filling,
                _seed=seed,
                networks_=filling.networks if filling else [],
                blend_=filling.blend if filling else {},
                n_iter_=epochs,
            )
        return self

    def _n_epochs(self, n_rows: int) -> int:
        if self.max_iter is not None:
            return int(self.max_iter)
        return min(max(_PRESENTATIONS // n_rows, _FEWEST_EPOCHS), _MOST_EPOCHS)

    def _network(
        self, encoder: TableEncoder, epochs: int, random_state: Any
    ) -> StackedDenoisingAutoencoder:
        sizes = layer_sizes(self)
        above = len(sizes) - 1
        return StackedDenoisingAutoencoder(
            sizes,
            corruption=["masking", *[None] * above],
            corruption_level=[_MASKED, *[0.0] * above],
            output_blocks=encoder.output_blocks({}),
            tied_weights=False,
            emphasis=(1, 0),
            fine_tune=True,
            max_iter=0,
            fine_tune_max_iter=epochs,
            fine_tune_learning_rate_init=self.learning_rate_init,
            learning_rate="cosine",
            alpha=self.alpha,
            batch_size=self.batch_size,
            tol=None,
            random_state=random_state.randint(2**31 - 1),
            n_jobs=self.n_jobs,
        )

    def transform(self, X: Any) -> Any:
        """A copy of X with its missing values filled.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)

        Returns
        -------
        X_filled : DataFrame or ndarray of shape (n_samples, n_features_out)
            Of the kind and dtypes of X.
        """
        X, read, encoded = self._read(X)
        filled = self._table(X, read, self._mean_fill(encoded))
        # scikit-learn would make pandas' frame of an array, without the dtypes
        wanted = _get_output_config("transform", self)["dense"]
        return as_pandas(filled) if wanted == "pandas" else filled

    def impute_many(self, X: Any) -> list[Any]:
        """`n_imputations` filled tables, which differ in the values that were missing.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)

        Returns
        -------
        tables : list of DataFrame or ndarray of shape (n_samples, n_features_out)
        """
        X, read, encoded = self._read(X)
        return [self._table(X, read, draw) for draw in self._draws(encoded)]

    def _read(self, X: Any) -> tuple[Any, list[Column], np.ndarray]:
        """X, checked; its columns, missing where it has the user's mark; and their matrix."""
        self._check_fitted()
        X = check_table(self, X, reset=False)
        marked = self._marked(X)
        return X, read_columns(marked), self._encoder.encode(marked)

    def _draws(self, encoded: np.ndarray) -> Any:
        """Imputations with more values hidden, one after the other."""
        owner = self._encoder.owners()
        n_columns = len(self._encoder.columns)
        for k in range(self.n_imputations):
            rng = np.random.default_rng([int(self._seed) % 2**63, k])
            hidden = rng.random((len(encoded), n_columns)) < _HIDDEN_PER_DRAW
            yield self._fill(np.where(hidden[:, owner], np.float32(np.nan), encoded))

    def _mean_fill(self, encoded: np.ndarray) -> np.ndarray:
        """The matrix with every NaN replaced, by the mean of several imputations if so asked."""
        if self.n_imputations == 1:
            return self._fill(encoded)
        draws = self._draws(encoded)
        mean = next(draws).astype(np.float64)
        for draw in draws:
            mean += draw
        return mean / self.n_imputations

    def _fill(self, encoded: np.ndarray) -> np.ndarray:
        """The matrix with every NaN replaced."""
        if not self._filling:
            return encoded
        for network in self._filling.networks:
            network.n_jobs = self.n_jobs
        return self._filling.fill(encoded)

    def _check_fitted(self) -> None:
        """Raise ValueError unless fitted state and parameters are what can be used."""
        check_is_fitted(self)
        self._check_present(*_USED)
        check_fields(self, _FIELDS)
        n_columns = len(self._encoder.columns)
        check_features(self, n_columns)
        check_positions("_empty", self._empty, n_columns)
        check_positions("_indicated", self._indicated, n_columns)
        n_filled = self._filling.encoder.n_encoded if self._filling else 0
        if n_filled != self._encoder.n_encoded:
            raise damaged(f"_filling must fill the {self._encoder.n_encoded} encoded columns")
        if len(self.networks_) != (2 if self._filling else 0):
            raise damaged("networks_ must be the networks of _filling")

    # -------------------------------------------------------------- tables

    def _marked(self, X: Any) -> Any:
        """X with the user's own mark of missing values replaced by what its kind has for them."""
        mark = self.missing_values
        always = mark is None or is_scalar_nan(mark) or is_pandas_na(mark)
        return X if always else schema_of(X).marked(X, mark)

    def _table(self, X: Any, read: Sequence[Column], matrix: np.ndarray) -> Any:
        """X, whose columns have been `read`, filled from the matrix."""
        schema = schema_of(X)
        filled = self._encoder.filled(X, read, matrix, zeroed=self._empty)
        if len(kept := self._kept()) < len(read):
            filled = schema.select(filled, kept)
        if not self.add_indicator:
            return filled
        flags = np.zeros((len(read[0]), len(self._indicated)), dtype=bool)
        for flag, k in zip(flags.T, self._indicated, strict=True):
            flag[:] = read[k].missing
        return schema.beside(filled, flags, _indicator_names(schema.names, self._indicated))

    def _kept(self) -> list[int]:
        everything = range(len(self._encoder.columns))
        return [k for k in everything if self.keep_empty_features or k not in self._empty]

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the columns that `transform` returns.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Compared with the names seen in `fit`; names where `fit` saw none.

        Returns
        -------
        names : ndarray of str objects
        """
        self._check_fitted()
        names = _check_feature_names_in(self, input_features)
        schema = self._encoder.schema
        # a frame is given flags by its own names, also where they are no strings
        own = names if isinstance(schema, ArraySchema) else schema.names
        flags = _indicator_names(own, self._indicated) if self.add_indicator else []
        return np.asarray([*(names[k] for k in self._kept()), *flags], dtype=object)

    def describe_columns(self) -> list[dict[str, Any]]:
        """What each column was taken for, one dict per column.

        Returns
        -------
        description : list of dict
            With the keys "column", "type", "values".
        """
        self._check_fitted()
        return [
            {"column": column.name, "type": column.type, "values": column.describe()}
            for column in self._encoder.columns
        ]

    def __sklearn_is_fitted__(self) -> bool:
        return "networks_" in self.__dict__


def _indicator_names(names: Sequence[Any], indicated: Sequence[int]) -> list[str]:
    """Names of the booleans for these columns; raises ValueError if X has one of them already."""
    added = [f"missingindicator_{names[k]}" for k in indicated]
    twice = [name for name in added if name in list(names)]
    if twice:
        raise ValueError(
            f"add_indicator=True adds a column {twice[0]!r}, and X has one of that name. Rename "
            "it, or set add_indicator=False."
        )
    return added
