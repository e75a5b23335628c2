"""`TabularDenoisingAutoencoder`: tables with columns of any kind, in and out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils._param_validation import StrOptions, validate_parameter_constraints
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted

from dae._data.checks import check_score_weight, code_array
from dae._estimator.messages import in_words_of_owner
from dae._estimator.parameters import (
    DECODING,
    EPOCHS,
    LAYER,
    TRAINING,
    Interval,
    layer_sizes,
)
from dae._estimator.state import check_features, check_unchanged, unchanged_if_it_fails
from dae._model.damage import damaged
from dae._tables.column_types import checked_column_types
from dae._tables.columns import LevelColumn
from dae._tables.encoder import Encoding, TableEncoder, check_table
from dae._tables.frames import schema_of
from dae._tables.scalers import SCALERS
from dae._tables.state import check_fields, is_a, record
from dae.stacked import StackedDenoisingAutoencoder
from dae.tabular._inputs import TableTransformer

# what columns become numbers by, and the network: fixed once it is trained
_FIXED = (
    "column_types",
    "numeric_scaler",
    "max_categories",
    "min_frequency",
    "missing_indicator",
    "column_weights",
    "activation",
    "tied_weights",
)

# parameters that are used after `fit`
_USED = ("output_layers", "keep_input", "n_jobs")

# what `fit` leaves behind, besides what is known of the columns of X
_FIELDS = {
    "_encoder": record(TableEncoder),
    "network_": is_a(StackedDenoisingAutoencoder),
    "_fixed": is_a(dict),
}

# of parameters that may be dicts by column: valid values for one column
_BY_COLUMN: dict[str, list[Any]] = {
    "column_weights": [Interval(Real, 0, None, closed="neither")],
    "corruption_level": [Interval(Real, 0, 1, closed="both")],
}


class TabularDenoisingAutoencoder(TableTransformer):
    """Denoising autoencoder of a table: a DataFrame in, a DataFrame back.

    Each column is turned into numbers by what it holds, each has a loss of its own, and all losses
    count the same: numbers, dates and ordered categories by squared error, counts by the Poisson
    deviance, other categories by cross-entropy of a softmax over their levels. A missing value is
    shown to the network as masked and has no loss.

    Parameters
    ----------
    hidden_layer_sizes : int or tuple of int, default=(256,)
        Hidden units of each layer. All layers are trained together.

    column_types : "auto" or dict, default="auto"
        From names of columns (of an array: positions) to "numeric", "count", "ordinal", "date",
        "boolean", "binary", "categorical", "ignore", or a list of levels. Columns without an entry
        are inferred from their dtype and values. An array of numbers is numeric throughout.

    numeric_scaler : {"robust", "quantile", "standard"}, default="robust"
        "robust": median and interquartile range, with a smooth bound for outliers. "quantile": to
        a normal distribution by ranks ("RankGauss"). "standard": mean and standard deviation.

    max_categories : int, default=40
        Columns of the network for one category at most; the rarest levels share the last one, which
        decodes to the most frequent of them.

    min_frequency : int, default=1
        Levels in fewer rows than this are rare as well.

    missing_indicator : bool, default=False
        Whether the network also reads, and reconstructs, which columns were missing.

    column_weights : dict or None, default=None
        Factors above 0 for the losses of columns, by name.

    corruption : {"swap", "masking"} or None, default="swap"
        "swap" replaces a value by that of another row, a category as a whole.

    corruption_level : float or dict, default=0.15
        Probability of corruption, one for all columns or by name (0.15 for the others).

    emphasis : (float, float) or None, default=None
        Weights of the loss of corrupted and of untouched values.

    activation : {"identity", "logistic", "tanh", "relu"}, default="relu"
        Activation of the hidden units.

    tied_weights : bool, default=False
        Whether decoders use the transposed weights of the encoders.

    output_layers : {"last", "all"}, default="last"
        Codes that `transform` returns. May be changed after `fit`.

    keep_input : bool, default=False
        Whether `transform` also returns the encoded columns themselves, missing ones as 0.

    learning_rate_init : float, default=0.002
        Step size of Adam in the first epoch.

    learning_rate : {"constant", "cosine"}, default="cosine"
        Learning-rate schedule in `fit`.

    alpha : float, default=0.0
        L2 penalty of the weights.

    batch_size : int, default=64
        Samples per mini-batch.

    max_iter : int or "auto", default="auto"
        Maximal number of epochs; "auto" takes 600 divided by the square root of the number of
        mini-batches in an epoch, from 5 to 200.

    tol : float or None, default=None
        Relative improvement that `n_iter_no_change` epochs must bring; None trains for all epochs.

    n_iter_no_change : int, default=10
        Epochs without improvement before training stops.

    early_stopping : bool, default=False
        Whether `validation_fraction` of the rows judge the training.

    validation_fraction : float, default=0.1
        Fraction of the rows that `early_stopping` sets aside.

    random_state : int, RandomState instance or None, default=None
        Determines initial weights, order of the samples and corruption.

    verbose : int, default=0
        Whether to print one line per epoch.

    n_jobs : int or None, default=None
        Number of threads; it changes the time, not the result.

    Attributes
    ----------
    network_ : StackedDenoisingAutoencoder
        The fitted network, over the encoded columns.

    categories_ : dict
        Levels of each categorical column, in the order of `level_probabilities`.

    n_iter_ : int
        Number of passes over the data.

    n_features_in_ : int
        Number of columns seen during `fit`.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if they are strings.

    Notes
    -----
    The defaults were chosen by what a linear model gains from the codes, on tables of
    ``python -m bench.features choose`` in the source repository; other tables judge them.

    A level that `fit` has not seen is treated as missing. A column of unique texts is ignored, with
    a warning; `reconstruct` and `impute` return it as it came, `inverse_transform` as missing.
    Constant columns are returned, and cost nothing. A table is never modified.

    Examples
    --------
    >>> import numpy as np
    >>> from dae.tabular import TabularDenoisingAutoencoder
    >>> X = np.array([[1.0, "red"], [2.0, "blue"], [np.nan, "red"], [2.5, None]], dtype=object)
    >>> dae = TabularDenoisingAutoencoder(8, max_iter=5, random_state=0).fit(X)
    >>> dae.transform(X).shape
    (4, 8)
    >>> dae.impute(X).shape
    (4, 2)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "hidden_layer_sizes": [Interval(Integral, 1, None, closed="left"), "array-like"],
        "column_types": [StrOptions({"auto"}), dict],
        "numeric_scaler": [StrOptions(set(SCALERS))],
        "max_categories": [Interval(Integral, 2, None, closed="left")],
        "min_frequency": [Interval(Integral, 1, None, closed="left")],
        "missing_indicator": ["boolean"],
        "column_weights": [dict, None],
        "corruption": [StrOptions({"swap", "masking"}), None],
        "corruption_level": [*_BY_COLUMN["corruption_level"], dict],
        "emphasis": DECODING["emphasis"],
        "activation": LAYER["activation"],
        "tied_weights": DECODING["tied_weights"],
        "output_layers": [StrOptions({"last", "all"})],
        "keep_input": ["boolean"],
        "learning_rate_init": LAYER["learning_rate_init"],
        "max_iter": EPOCHS,
        **{
            name: TRAINING[name]
            for name in (
                "learning_rate",
                "alpha",
                "batch_size",
                "tol",
                "n_iter_no_change",
                "early_stopping",
                "validation_fraction",
                "random_state",
                "verbose",
                "n_jobs",
            )
        },
    }

    def __init__(
        self,
        hidden_layer_sizes: Any = (256,),
        *,
        column_types: Any = "auto",
        numeric_scaler: str = "robust",
        max_categories: int = 40,
        min_frequency: int = 1,
        missing_indicator: bool = False,
        column_weights: dict[Any, float] | None = None,
        corruption: str | None = "swap",
        corruption_level: Any = 0.15,
        emphasis: tuple[float, float] | None = None,
        activation: str = "relu",
        tied_weights: bool = False,
        output_layers: str = "last",
        keep_input: bool = False,
        learning_rate_init: float = 0.002,
        learning_rate: str = "cosine",
        alpha: float = 0.0,
        batch_size: int = 64,
        max_iter: int | str = "auto",
        tol: float | None = None,
        n_iter_no_change: float = 10,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        random_state: Any = None,
        verbose: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.column_types = column_types
        self.numeric_scaler = numeric_scaler
        self.max_categories = max_categories
        self.min_frequency = min_frequency
        self.missing_indicator = missing_indicator
        self.column_weights = column_weights
        self.corruption = corruption
        self.corruption_level = corruption_level
        self.emphasis = emphasis
        self.activation = activation
        self.tied_weights = tied_weights
        self.output_layers = output_layers
        self.keep_input = keep_input
        self.learning_rate_init = learning_rate_init
        self.learning_rate = learning_rate
        self.alpha = alpha
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.random_state = random_state
        self.verbose = verbose
        self.n_jobs = n_jobs

    # -------------------------------------------------------------- training

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn to repair corrupted copies of a table.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Of pandas, of polars, or an array; missing values as these have them.
        y : Ignored
            Present for API consistency.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of the loss of each row, 0 or more.

        Returns
        -------
        self : TabularDenoisingAutoencoder
        """
        # again, because scikit-learn's configuration may have skipped it
        self._validate_params()
        with unchanged_if_it_fails(self), in_words_of_owner(self):
            X = check_table(self, X, reset=True)
            encoder = TableEncoder.fit(X, self._encoding())
            network = StackedDenoisingAutoencoder(**self._network_parameters(encoder))
            network.fit(encoder.encode(X), sample_weight=sample_weight)
            self._store(encoder, network)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Continue training by one pass over a block of rows.

        The first call fixes types, scales and levels: levels of categories must be declared, by the
        dtype or in `column_types`. Parameters that these and the network follow from must stay as
        they were, or ValueError is raised; others may change between the calls.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
        y : Ignored
            Present for API consistency.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of the loss of each row, 0 or more.

        Returns
        -------
        self : TabularDenoisingAutoencoder
        """
        # scikit-learn checks the parameters before the first call only
        self._validate_params()
        with unchanged_if_it_fails(self), in_words_of_owner(self):
            first = not self.__sklearn_is_fitted__()
            if not first:
                self._check_fitted()
            X = check_table(self, X, reset=first)
            if first:
                encoder = TableEncoder.fit(X, self._encoding(), partial=True)
                network = StackedDenoisingAutoencoder()
            else:
                self._check_unchanged()
                encoder, network = self._encoder, self.network_
            encoded = encoder.encode(X)
            parameters, stages = self._network_parameters(encoder), vars(network).get("_stages")
            with unchanged_if_it_fails(network, lambda: vars(network).get("_stages") is not stages):
                network.set_params(**parameters)
                network.partial_fit(encoded, sample_weight=sample_weight)
            self._store(encoder, network)
        return self

    def _store(self, encoder: TableEncoder, network: StackedDenoisingAutoencoder) -> None:
        fixed = deepcopy(self._fixed_parameters())  # dicts can be changed from outside
        self.__dict__.update(_encoder=encoder, network_=network, _fixed=fixed)

    def _check_unchanged(self) -> None:
        """Raise ValueError if training cannot continue with the parameters as they are now."""
        fixed, asked = self._fixed, self._fixed_parameters()
        if fixed.keys() != asked.keys():
            raise damaged(f"_fixed must hold {', '.join(asked)}")
        names, sizes = self._encoder.schema.names, fixed["hidden_layer_sizes"]
        if not isinstance(sizes, tuple) or not all(type(size) is int for size in sizes):
            raise damaged(f"_fixed must hold hidden_layer_sizes as a tuple, got {sizes!r}")
        try:
            self._check_parameters(fixed)
            self._check_by_column("column_weights", fixed["column_weights"], names)
            checked_column_types(fixed["column_types"], names)
        except ValueError as error:
            raise damaged(f"_fixed is not what fit leaves there: {error}") from None
        check_unchanged(fixed, asked, fit=False)

    def _fixed_parameters(self) -> dict[str, Any]:
        """Parameters that must not change when training continues."""
        fixed = {name: getattr(self, name) for name in _FIXED}
        return {"hidden_layer_sizes": layer_sizes(self), **fixed}

    def _encoding(self) -> Encoding:
        return Encoding(
            self.column_types,
            self.numeric_scaler,
            self.max_categories,
            self.min_frequency,
            self.missing_indicator,
        )

    def _network_parameters(self, encoder: TableEncoder) -> dict[str, Any]:
        """Parameters of the network, as those of the table are now."""
        encoder.check_learnable()
        for parameter in _BY_COLUMN:
            self._check_by_column(parameter, getattr(self, parameter), encoder.schema.names)
        sizes = layer_sizes(self)
        above = len(sizes) - 1
        return {
            "hidden_layer_sizes": sizes,
            "corruption": [self.corruption, *[None] * above],
            "corruption_level": [encoder.levels_of(self.corruption_level), *[0.0] * above],
            "activation": self.activation,
            "output_blocks": encoder.output_blocks(self.column_weights or {}),
            "tied_weights": self.tied_weights,
            "emphasis": self.emphasis,
            "fine_tune": True,
            "max_iter": 0,
            "fine_tune_max_iter": self.max_iter,
            "fine_tune_learning_rate_init": self.learning_rate_init,
            "output_layers": self.output_layers,
            "learning_rate": self.learning_rate,
            "alpha": self.alpha,
            "batch_size": self.batch_size,
            "tol": self.tol,
            "n_iter_no_change": self.n_iter_no_change,
            "early_stopping": self.early_stopping,
            "validation_fraction": self.validation_fraction,
            "random_state": self.random_state,
            "verbose": self.verbose,
            "n_jobs": self.n_jobs,
        }

    def _check_by_column(self, parameter: str, value: Any, names: Sequence[Any]) -> None:
        """Raise ValueError if a dict by column names no column of X, or has an invalid value."""
        if not isinstance(value, Mapping):
            return
        for name, of_column in value.items():
            if name not in names:
                raise ValueError(
                    f"{parameter} names {name!r}, which is no column of X. Use its names."
                )
            label = f"{parameter}[{name!r}]"
            validate_parameter_constraints(
                {label: _BY_COLUMN[parameter]}, {label: of_column}, caller_name=type(self).__name__
            )

    # -------------------------------------------------------------- use

    def _check_fitted(self) -> None:
        """Raise ValueError unless fitted state and parameters are what can be used."""
        check_is_fitted(self)
        self._check_present(*_USED)
        check_fields(self, _FIELDS)
        check_features(self, len(self._encoder.columns))
        self._encoder.check_network("network_", self.network_)

    def _network(self) -> StackedDenoisingAutoencoder:
        """The network, checked, with the present values of what may change after `fit`."""
        self._check_fitted()
        network = self.network_
        # set_params would take longer than encoding a row
        network.output_layers, network.n_jobs = self.output_layers, self.n_jobs
        return network

    def transform(self, X: Any) -> np.ndarray:
        """Codes of a table.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)

        Returns
        -------
        H : ndarray of shape (n_samples, n_codes)
            With `keep_input` the encoded columns lie behind the codes.
        """
        X, encoded, network = self._encoded(X)
        H = network.transform(encoded)
        return np.hstack([H, np.nan_to_num(encoded)]) if self.keep_input else H

    def inverse_transform(self, X: Any) -> Any:
        """A table from codes, of the kind and the dtypes of that of `fit`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_codes)
            As `transform` returns them.

        Returns
        -------
        X_original : DataFrame or ndarray of shape (n_samples, n_features)
        """
        network = self._network()
        H = code_array(self, X)
        if self.keep_input:
            n_codes, n_encoded = network._n_features_out, self._encoder.n_encoded
            if H.shape[1] != n_codes + n_encoded:
                raise ValueError(
                    f"inverse_transform requires {n_codes} codes and behind them, as "
                    f"keep_input=True, {n_encoded} encoded columns: {n_codes + n_encoded} columns, "
                    f"got {H.shape[1]}. Pass what transform returned."
                )
            H = H[:, :n_codes]
        Z = network.inverse_transform(H)
        return self._encoder.schema.build(self._encoder.decode(Z), like=X)

    def reconstruct(self, X: Any) -> Any:
        """The repaired table: of the kind, columns, dtypes, category sets and index of X.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)

        Returns
        -------
        X_reconstructed : DataFrame or ndarray of shape (n_samples, n_features)
        """
        X, encoded, network = self._encoded(X)
        values = self._encoder.decode(network.reconstruct(encoded))
        schema, ignored = self._encoder.schema_for(X), self._encoder.ignored()
        built = schema.build(values, like=X)
        return schema.restored(built, X, ignored) if ignored else built

    def impute(self, X: Any) -> Any:
        """A copy of X with its missing values filled; all others are what they were, bit by bit.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)

        Returns
        -------
        X_filled : DataFrame or ndarray of shape (n_samples, n_features)
            Of the kind, dtypes and index of X. Missing values of ignored columns stay missing.
        """
        X, encoded, network = self._encoded(X)
        return self._encoder.filled(X, schema_of(X).columns(X), network.reconstruct(encoded))

    def level_probabilities(self, X: Any) -> dict[Any, np.ndarray]:
        """Probabilities of the levels of each categorical column.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)

        Returns
        -------
        probabilities : dict from names of columns to ndarrays of shape (n_samples, n_levels)
            Levels in the order of `categories_`.
        """
        _, encoded, network = self._encoded(X)
        Z = network.reconstruct(encoded)
        return {
            column.name: Z[:, place]
            for column, place in zip(self._encoder.columns, self._encoder.places, strict=True)
            if isinstance(column, LevelColumn)
        }

    @property
    def categories_(self) -> dict[Any, list[Any]]:
        """Levels of each categorical column; rare ones as a tuple in the last place."""
        self._check_fitted()
        return {
            column.name: [
                *map(column.value, column.levels),
                *([tuple(map(column.value, column.rare))] if column.rare else []),
            ]
            for column in self._encoder.columns
            if isinstance(column, LevelColumn)
        }

    def errors(self, X: Any) -> Any:
        """Reconstruction error of each cell, as a fraction of that of a constant guess.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)

        Returns
        -------
        errors : DataFrame or ndarray of shape (n_samples, n_features)
            NaN where X is missing, and in constant and ignored columns.
        """
        X, encoded, network = self._encoded(X)
        errors = self._encoder.errors(encoded, network.reconstruct(encoded))
        schema = schema_of(X)
        return schema.numbers(errors, schema.names, like=X)

    def score_samples(self, X: Any) -> np.ndarray:
        """Negative mean of the errors of each row over what is not missing; unusual rows are low.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)

        Returns
        -------
        scores : ndarray of shape (n_samples,)
            In float64; 0 for rows without any value.
        """
        _, encoded, network = self._encoded(X)
        errors = self._encoder.errors(encoded, network.reconstruct(encoded))
        there = ~np.isnan(errors)
        return -np.where(there, errors, 0).sum(axis=1) / np.maximum(there.sum(axis=1), 1)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Mean of `score_samples`; greater is better.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
        y : Ignored
            Present for API consistency.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row in the mean, 0 or more.

        Returns
        -------
        score : float
        """
        scores = self.score_samples(X)
        weight = check_score_weight(sample_weight, len(scores))
        return float(np.average(scores, weights=weight))

    def describe_columns(self) -> list[dict[str, Any]]:
        """What each column was taken for, one dict per column, for ``pandas.DataFrame(...)``.

        Returns
        -------
        description : list of dict
            With the keys "column", "type", "encoded_columns", "loss", "values".
        """
        self._check_fitted()
        return [
            {
                "column": column.name,
                "type": column.type,
                "encoded_columns": column.width,
                "loss": column.loss,
                "values": column.describe(),
            }
            for column in self._encoder.columns
        ]

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of what `transform` returns.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Only compared with the names seen in `fit`.

        Returns
        -------
        names : ndarray of str objects
        """
        network = self._network()
        _check_feature_names_in(self, input_features, generate_names=False)
        prefix = type(self).__name__.lower()
        codes = [f"{prefix}{k}" for k in range(network._n_features_out)]
        kept = self._encoder.encoded_names() if self.keep_input else []
        return np.asarray([*codes, *kept], dtype=object)

    @property
    def n_iter_(self) -> int:
        """Number of passes over the data."""
        self._check_fitted()
        return self.network_.n_iter_

    def _encoded(self, X: Any) -> tuple[Any, np.ndarray, StackedDenoisingAutoencoder]:
        """X, checked; its matrix; and the network."""
        network = self._network()
        X = check_table(self, X, reset=False)
        return X, self._encoder.encode(X), network

    def __sklearn_is_fitted__(self) -> bool:
        return "network_" in self.__dict__
