"""`DenoisingOutlierDetector`: anomalies are rows whose entries do not fit each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import OutlierMixin, _fit_context
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted

from dae import _core
from dae._data.checks import check_inference_data, check_training_data, check_weights
from dae._data.containers import holds_only_numbers
from dae._data.masked_errors import Cells, EntryPredictor, masking_groups
from dae._data.robust_scale import RobustScale
from dae._data.rows import Rows
from dae._estimator.messages import in_words_of_owner
from dae._estimator.parameters import (
    EPOCHS,
    LAYER,
    TRAINING,
    CheckedParametersMixin,
    Interval,
    layer_sizes,
)
from dae._estimator.state import check_features, unchanged_if_it_fails
from dae._estimator.version_stamp import VersionStampMixin
from dae._model.damage import checked_number, damaged, is_array
from dae._model.memory import check_result
from dae._tables.cells import TableCells
from dae._tables.encoder import Encoding, TableEncoder, check_table
from dae._tables.frames import is_frame, schema_of
from dae._tables.state import check_fields, record
from dae.stacked import StackedDenoisingAutoencoder

# `max_iter="auto"`: about so many mini-batches, within these epochs.
_BATCHES = 2000
_FEWEST_EPOCHS, _MOST_EPOCHS = 10, 200

# Rows, evenly spaced, whose mean errors are the usual ones; and what is added to these, so that
# features that are predicted almost exactly do not decide alone (scaled variances are around 1).
_USUAL_ROWS = 1024
_LEAST_ERROR = 0.1

# `contamination="auto"`. Tukey's fence: beyond the upper quartile by this many distances of the
# quartiles, of log errors; and at least so many percent of the training rows.
_FENCE = 1.5
_LEAST_PERCENT = 1.0

# Rows that the network is not shown: they tell how much larger errors of new rows are.
_HELD_SHARE, _MOST_HELD = 0.1, 400
_FEWEST_ROWS = 100  # below these, each is needed to learn from

# Of the mini-batches, how many the first training takes that tells which rows `support_fraction`
# leaves out. A tenth to a fifth are equally good on the sets that defaults are chosen on.
_FIRST_SHARE = 1 / 8

# Weights times rows of a batch from which a second thread is worth its barriers in training.
_SERIAL_WEIGHTS = 2**20


class DenoisingOutlierDetector(VersionStampMixin, OutlierMixin, CheckedParametersMixin):
    """Anomaly detection by a denoising autoencoder that predicts masked entries.

    A network learns to predict entries of a row from the others. A row is odd if its entries
    are not what the others let expect: its score is the mean error over masks that hide every
    feature equally often. What is predicted is never shown, so that, unlike with a plain
    autoencoder, a large network does not learn to copy anomalies too.

    Features may have any units, tails and outliers: `fit` scales them by median and quartiles.
    DataFrames may have columns of any kind: text, categories, dates, missing values.

    There are two uses. **Novelty detection**: `fit` on rows that are known to be normal, then
    `score_samples` or `predict` for new ones. **Outlier detection**: `fit_predict` on rows that
    contain the anomalies to be found; set `support_fraction` to 0.7, so that the oddest rows are
    not learned from, and `contamination` to the share of anomalies, if it is known. The first is
    easier: anomalies that many rows share are learned as normal.

    Parameters
    ----------
    hidden_layer_sizes : array-like of int, default=(64, 64)
        Number of hidden units of each layer, from the input on.

    corruption_level : float, default=0.4
        Probability in (0, 1) that an entry is masked in training. In scoring the features are
        divided at random into about ``1 / corruption_level`` groups, and masked one group at a
        time.

    n_repeats : int, default=8
        How many such divisions the score is a mean over: how often each entry is masked.

    contamination : "auto" or float, default="auto"
        Share in (0, 0.5] of anomalies in the training data, which sets `offset_`. "auto" knows no
        share: rows count as outliers whose error is beyond Tukey's fence, the upper quartile plus
        1.5 distances of the quartiles, on a logarithmic scale, or among the oddest hundredth. It
        is made for new rows: the errors of rows that were learned from are enlarged by as much as
        the median error of rows that were held out is larger than theirs.

    support_fraction : float, default=1.0
        Share in (0, 1] of the training rows that the network learns from: those that are the most
        normal by a first, short training. 1 suits rows that are known to be normal. Where there are
        anomalies among them, 0.7 finds more of these, be they many or few.

    column_types : "auto" or dict, default="auto"
        What the columns of a table hold, as in `dae.tabular.TabularDenoisingAutoencoder`, which
        infers those without an entry. With "auto", arrays, and DataFrames whose columns all are
        numbers or booleans, are numbers throughout.

    learning_rate_init : float, default=0.01
        Step size of Adam in the first epoch; it decreases to 0 along half a cosine.

    alpha : float, default=0.0
        L2 penalty: ``alpha / 2`` times the sum of the squared weights in training is added
        to the loss of each batch.

    batch_size : int, default=64
        Samples per mini-batch, clipped to the number of samples.

    max_iter : "auto" or int, default="auto"
        Number of epochs (passes over the data). "auto": as many as make 2,000 mini-batches, at
        least 10 and at most 200, so that a fit takes a fraction of a second for tables of any
        usual size.

    random_state : int, RandomState instance or None, default=None
        Determines initial weights, order of the samples and all masks, those of the scores
        included: these are drawn in `fit`, so that scores of a fitted detector never change.

    verbose : int, default=0
        Whether to print one line per epoch.

    n_jobs : int or None, default=None
        Number of threads of the core. None means one per core, within the limits of
        OMP_NUM_THREADS, threadpoolctl and the control group; -1 means all cores, -2 all but
        one. It changes the time, not the result. Small networks are trained on one thread.

    Attributes
    ----------
    autoencoder_ : StackedDenoisingAutoencoder
        The network, of scaled features; `loss_curve_` shows its training.

    center_ : ndarray of shape (n_features,)
        Median of each feature. Not there for tables with columns that are not numbers.

    scale_ : ndarray of shape (n_features,)
        Spread of each feature, as `center_`: the distance of its quartiles over that of a standard
        normal distribution, or, where they are equal, the median distance from the median of values
        that differ from it.

    usual_errors_ : ndarray of shape (n_features,)
        Mean squared error of each feature, scaled and masked, over (at most 1,024) training rows
        of the `support_fraction`.
        Of the columns of a table, the mean of their errors as `dae.tabular` has them.

    offset_ : float
        ``decision_function(X) = score_samples(X) - offset_``: the score below which a row is an
        outlier.

    n_iter_ : int
        Number of passes over the data.

    n_features_in_ : int
        Number of features seen during `fit`.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if X has string names for all of them.

    See Also
    --------
    sklearn.ensemble.IsolationForest : Rows that random splits separate early.
    sklearn.neighbors.LocalOutlierFactor : Rows in regions less dense than their neighbours'.
    DenoisingAutoencoder : Its `score_samples` is the plain error of unmasked rows.

    Notes
    -----
    A feature x is scaled to ``z / sqrt(1 + (z / 4)**2)``, where ``z = (x - center_) / scale_``:
    about linear near the median, and never beyond 4. A masked entry is 0, the median. NaN in dense
    X is a missing entry: the network sees it as a masked one, and it is neither trained nor scored.
    Training and scoring are in float32 for any dtype of X; one scaled copy of X is made in `fit`,
    and blocks of rows in scoring. Sparse X gives the scores of ``X.toarray()`` and is never made
    dense whole. The work of scoring is that of ``n_repeats / corruption_level`` reconstructions.

    Masks are those of [2]_; that the mean error over several of them tells anomalies from normal
    rows better than the error of a plain reconstruction is the finding of [1]_. The defaults were
    chosen on a third of the sets of ``python -m bench.anomalies`` in the source repository, which
    compares with other detectors; its tables are in ``bench/results``. Learning from normal rows
    it is level with the distance to the fifth neighbour and ahead of isolation forests. With the
    anomalies among few training rows it is behind both; ``support_fraction=0.7`` makes it level.

    New rows have larger errors than those that were learned from, the more so the fewer these were.
    So a tenth of the training rows, at most 400, is not shown to the network (none of less than
    100 rows), and "auto" takes the difference into account. A number for `contamination` is a share
    of the training rows, as in all of scikit-learn: of new rows more will be beyond it.

    **Coming from PyOD**, mind the opposite sign:

    =================================  ==========================================
    PyOD (large is odd)                here and in scikit-learn (large is normal)
    =================================  ==========================================
    ``decision_function(X)``           ``-score_samples(X)``
    ``decision_scores_``               ``-score_samples(X_train)``
    ``threshold_``                     ``-offset_``
    ``predict(X)``, ``labels_``: 0, 1  ``predict(X)``: 1, -1
    ``contamination=0.1``              ``contamination="auto"``
    =================================  ==========================================

    and ``decision_function`` here is negative for outliers.

    `score_samples`, `errors`, `decision_function` and `predict` do not modify the estimator:
    several threads may call them at the same time.

    Ctrl-C in `fit` keeps the last complete epoch, with a warning. Before the end of the first one,
    and in the first, short training of a `support_fraction` below 1, KeyboardInterrupt is raised
    and the estimator is as it was.

    References
    ----------
    .. [1] J. Yin, Y. Qiao, Z. Zhou, X. Wang, J. Yang. "MCM: masked cell modeling for anomaly
       detection in tabular data", ICLR 2024.
    .. [2] P. Vincent, H. Larochelle, Y. Bengio, P.-A. Manzagol. "Extracting and composing
       robust features with denoising autoencoders", ICML 2008.

    Examples
    --------
    Novelty detection: two measurements that belong together, in new rows.

    >>> import numpy as np
    >>> from dae import DenoisingOutlierDetector
    >>> rng = np.random.default_rng(0)
    >>> metres = rng.uniform(1, 9, size=500)
    >>> X = np.c_[metres, 3.28 * metres + rng.normal(0, 0.1, size=500)]
    >>> detector = DenoisingOutlierDetector(random_state=0).fit(X)
    >>> detector.predict([[3.0, 9.84], [3.0, 24.0]])  # each number alone is usual
    array([ 1, -1])

    Outlier detection: the anomalies are among the rows that are learned from.

    >>> X[:5, 1] = X[:5, 1][::-1] + 15
    >>> labels = DenoisingOutlierDetector(contamination=0.01, random_state=0).fit_predict(X)
    >>> int((labels == -1).sum())
    5
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "hidden_layer_sizes": [Interval(Integral, 1, None, closed="left"), "array-like"],
        "corruption_level": [Interval(Real, 0, 1, closed="neither")],
        "n_repeats": [Interval(Integral, 1, None, closed="left")],
        "contamination": [StrOptions({"auto"}), Interval(Real, 0, 0.5, closed="right")],
        "support_fraction": [Interval(Real, 0, 1, closed="right")],
        "column_types": [StrOptions({"auto"}), dict],
        "learning_rate_init": LAYER["learning_rate_init"],
        "alpha": TRAINING["alpha"],
        "batch_size": TRAINING["batch_size"],
        "max_iter": EPOCHS,
        "random_state": TRAINING["random_state"],
        "verbose": TRAINING["verbose"],
        "n_jobs": TRAINING["n_jobs"],
    }

    def __init__(
        self,
        hidden_layer_sizes: Any = (64, 64),
        *,
        corruption_level: float = 0.4,
        n_repeats: int = 8,
        contamination: str | float = "auto",
        support_fraction: float = 1.0,
        column_types: Any = "auto",
        learning_rate_init: float = 0.01,
        alpha: float = 0.0,
        batch_size: int = 64,
        max_iter: str | int = "auto",
        random_state: Any = None,
        verbose: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.corruption_level = corruption_level
        self.n_repeats = n_repeats
        self.contamination = contamination
        self.support_fraction = support_fraction
        self.column_types = column_types
        self.learning_rate_init = learning_rate_init
        self.alpha = alpha
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.random_state = random_state
        self.verbose = verbose
        self.n_jobs = n_jobs

    # -------------------------------------------------------------- training

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn to predict entries of a row from the others.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Rows that are normal, or that contain some anomalies; NaN in dense rows is a missing
            entry. A DataFrame of pandas or polars may have columns of any kind.

        y : Ignored
            Present for API consistency.

        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row in the loss, in `usual_errors_` and in `offset_`; rows of weight 0
            are left out. Medians and quartiles do not weigh.

        Returns
        -------
        self : DenoisingOutlierDetector
            The fitted estimator.

        Raises
        ------
        ValueError
            X has infinity, or text or dates in an array; a parameter is invalid; training
            diverged.
        """
        # again, because scikit-learn's configuration may have skipped it
        self._validate_params()
        with unchanged_if_it_fails(self):
            encoder, rows = self._read_first(X)
            weight, index = check_weights(sample_weight, rows, normalise=True)
            if weight is not None and len(index) < len(rows):
                rows, weight = rows.subset(index), weight[index]
            random_state = check_random_state(self.random_state)
            cells = TableCells(encoder) if encoder else RobustScale.of(rows)
            groups = masking_groups(
                cells.n_cells, self.corruption_level, self.n_repeats, random_state
            )
            data = _TrainingRows(rows, weight, _held_out(len(rows), random_state))
            kept = np.ones(len(rows), dtype=bool)
            if self.support_fraction < 1:
                first = self._trained(cells, data, _FIRST_SHARE, random_state)
                if first.n_iter_ != first.fine_tune_max_iter:  # nothing but Ctrl-C ends it early
                    raise KeyboardInterrupt  # it only chooses rows, and the second has not begun
                scores = self._scores(*self._judging(first, cells, groups, data), rows)
                percent = 100 * (1 - float(self.support_fraction))
                kept = scores >= _percentile(scores, percent, weight)
            support = data if kept.all() else data.subset(kept)
            autoencoder = self._trained(cells, support, 1.0, random_state)
            predictor, usual = self._judging(autoencoder, cells, groups, support)
            scores = self._scores(predictor, usual, rows)
            offset = _offset(scores, self.contamination, data, kept)
            for name in ("center_", "scale_", "_encoder"):  # of a fit to another kind of table
                self.__dict__.pop(name, None)
            how: dict[str, Any] = {"_encoder": encoder}
            if isinstance(cells, RobustScale):
                how = {"center_": cells.center, "scale_": cells.scale}
            self.__dict__.update(
                how,
                autoencoder_=autoencoder,
                usual_errors_=usual,
                _groups=groups,
                n_iter_=autoencoder.n_iter_,
                offset_=offset,
            )
        return self

    def _read_first(self, X: Any) -> tuple[TableEncoder | None, Rows]:
        """What encodes the columns of a table, None if X is numbers; and X as rows of numbers."""
        if isinstance(self.column_types, str) and (not is_frame(X) or holds_only_numbers(X)):
            return None, check_training_data(self, X, reset=True)
        X = check_table(self, X, reset=True)
        encoder = TableEncoder.fit(X, Encoding(self.column_types))
        encoder.check_learnable()
        return encoder, Rows(encoder.encode(X), missing=True)

    def _read(self, X: Any, predictor: EntryPredictor) -> Rows:
        """X as rows of numbers, to be scored."""
        if isinstance(predictor.cells, TableCells):
            X = check_table(self, X, reset=False)
            return Rows(predictor.cells.encoder.encode(X), missing=True)
        # not in the network's float32: they are scaled first, and decide the dtype of `errors`
        return check_inference_data(self, X, predictor.network, dtype=np.float64)

    def _trained(
        self,
        cells: Cells,
        data: _TrainingRows,
        share: float,
        random_state: np.random.RandomState,
    ) -> StackedDenoisingAutoencoder:
        """An autoencoder of scaled rows, but for those that are held out.

        `share` is that of the epochs which training takes.
        """
        shown = data.subset(~data.held) if data.held.any() and not data.held.all() else data
        rows, weight = shown.rows, shown.weight
        sizes = layer_sizes(self)
        n_rows, n_features = len(rows), rows.n_features
        batch_size = min(int(self.batch_size), n_rows)
        n_weights = sum(a * b for a, b in zip((n_features, *sizes), sizes, strict=False))
        autoencoder = StackedDenoisingAutoencoder(
            sizes,
            corruption_level=float(self.corruption_level),
            output_blocks=cells.output_blocks(),
            emphasis=(1, 0),
            tied_weights=False,
            max_iter=0,  # all layers together, from the start
            fine_tune=True,
            fine_tune_max_iter=max(round(share * self._n_epochs(-(-n_rows // batch_size))), 1),
            fine_tune_learning_rate_init=self.learning_rate_init,
            learning_rate="cosine",
            alpha=self.alpha,
            batch_size=batch_size,
            tol=None,
            random_state=random_state.randint(2**31 - 1),
            verbose=self.verbose,
            n_jobs=self.n_jobs if n_weights * batch_size >= _SERIAL_WEIGHTS else 1,
        )
        with in_words_of_owner(self):
            return autoencoder.fit(cells.scaled_rows(rows), sample_weight=weight)

    def _judging(
        self,
        autoencoder: StackedDenoisingAutoencoder,
        cells: Cells,
        groups: np.ndarray,
        data: _TrainingRows,
    ) -> tuple[EntryPredictor, np.ndarray]:
        """What scores are made by: the predictor, and the errors that are usual for these rows."""
        predictor = EntryPredictor(autoencoder._fitted(), cells, groups)
        n_threads = self._n_threads(predictor, data.rows)
        usual = predictor.mean_errors(data.rows, _USUAL_ROWS, data.weight, n_threads=n_threads)
        return predictor, usual

    def _n_epochs(self, n_batches: int) -> int:
        """Epochs of so many mini-batches."""
        if isinstance(self.max_iter, str):
            return min(max(round(_BATCHES / n_batches), _FEWEST_EPOCHS), _MOST_EPOCHS)
        return int(self.max_iter)

    # -------------------------------------------------------------- scores

    def errors(self, X: Any) -> Any:
        """How far each entry is from what the other entries of its row let expect.

        The squared error of the scaled feature over what is usual for it, ``usual_errors_ + 0.1``:
        around 1 and below for normal entries. Says which features make a row odd. The error of a
        category is the negative log-likelihood of its level.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Samples; NaN in dense rows is a missing entry.

        Returns
        -------
        errors : ndarray or DataFrame of shape (n_samples, n_features)
            0 or more, NaN where the entry is missing, or its column of a table constant or ignored;
            a DataFrame of the kind, columns and index of X if X is one. float32 for float32 X,
            else float64.
        """
        predictor, usual = self._fitted()
        rows = self._read(X, predictor)
        n_cells = predictor.cells.n_cells
        narrow = rows.dtype == np.float32 and isinstance(predictor.cells, RobustScale)
        dtype = np.dtype(np.float32 if narrow else np.float64)
        check_result("errors", len(rows), n_cells, dtype)
        result = np.empty((len(rows), n_cells), dtype)
        for part, errors in self._relative_errors(predictor, usual, rows):
            result[part] = errors
        if not is_frame(X):
            return result
        schema = schema_of(X)
        return schema.numbers(result, schema.names, like=X)

    def score_samples(self, X: Any) -> np.ndarray:
        """How normal each row is: minus the mean of its `errors`, of entries that are not missing.

        PyOD's sign is the opposite: ``-score_samples(X)`` is large for anomalies.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Samples; NaN in dense rows is a missing entry.

        Returns
        -------
        scores : ndarray of shape (n_samples,)
            0 or less, float64; greater is more normal. 0 for a row without any entry.
        """
        predictor, usual = self._fitted()
        return self._scores(predictor, usual, self._read(X, predictor))

    def decision_function(self, X: Any) -> np.ndarray:
        """`score_samples` minus `offset_`: negative for outliers.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Samples; NaN in dense rows is a missing entry.

        Returns
        -------
        decision : ndarray of shape (n_samples,)
        """
        scores = self.score_samples(X)
        return scores - checked_number("offset_", self.__dict__.get("offset_"))

    def predict(self, X: Any) -> np.ndarray:
        """Whether each row is an inlier, 1, or an outlier, -1.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Samples; NaN in dense rows is a missing entry.

        Returns
        -------
        labels : ndarray of int of shape (n_samples,)
            -1 where `decision_function` is negative.
        """
        return np.where(self.decision_function(X) < 0, -1, 1)

    def _scores(self, predictor: EntryPredictor, usual: np.ndarray, rows: Rows) -> np.ndarray:
        scores = np.empty(len(rows))
        for part, errors in self._relative_errors(predictor, usual, rows):
            if rows.missing:
                n_known = errors.shape[1] - np.isnan(errors).sum(axis=1)
                total = np.nansum(errors, axis=1, dtype=np.float64)
                scores[part] = -total / np.maximum(n_known, 1)
            else:
                scores[part] = -errors.mean(axis=1, dtype=np.float64)
        return scores

    def _relative_errors(
        self, predictor: EntryPredictor, usual: np.ndarray, rows: Rows
    ) -> Iterator[tuple[slice, np.ndarray]]:
        """Errors over what is usual, of blocks of rows."""
        weight = (1 / (usual + _LEAST_ERROR)).astype(np.float32)
        n_threads = self._n_threads(predictor, rows)
        for part, errors in predictor.errors(rows, n_threads=n_threads):
            errors *= weight
            yield part, errors

    def _n_threads(self, predictor: EntryPredictor, rows: Rows) -> int:
        return _core.n_threads_for(self.n_jobs, predictor.network, len(rows))

    # -------------------------------------------------------------- fitted state

    def _fitted(self) -> tuple[EntryPredictor, np.ndarray]:
        """What scoring uses, checked: attributes can be assigned and pickles edited."""
        check_is_fitted(self)
        get: Callable[[str], Any] = self.__dict__.get  # checked below
        autoencoder = get("autoencoder_")
        if not isinstance(autoencoder, StackedDenoisingAutoencoder):
            raise damaged("autoencoder_ must be a StackedDenoisingAutoencoder")
        network = autoencoder._fitted()
        if "_encoder" in self.__dict__:
            check_fields(self, {"_encoder": record(TableEncoder)})
            encoder = get("_encoder")
            encoder.check_network("autoencoder_", autoencoder)
            cells: Cells = TableCells(encoder)
            check_features(self, cells.n_cells)
        else:
            check_features(self, network.n_features)
            cells = RobustScale(get("center_"), get("scale_"))
        predictor = EntryPredictor(network, cells, get("_groups"))
        predictor.check()
        usual = get("usual_errors_")
        if (
            not is_array(usual)
            or usual.shape != (cells.n_cells,)
            or usual.dtype != np.float64
            or not (np.isfinite(usual) & (usual >= 0)).all()
        ):
            raise damaged(f"usual_errors_ must be {cells.n_cells} finite numbers of 0 or more")
        return predictor, usual

    def __sklearn_is_fitted__(self) -> bool:
        return "autoencoder_" in self.__dict__

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        return tags


@dataclass(frozen=True)
class _TrainingRows:
    """Rows of `fit`, as they came.

    Attributes
    ----------
    rows : Rows
    weight : ndarray of shape (n_rows,) or None
    held : bool ndarray of shape (n_rows,)
        Those that the network is not shown.
    """

    rows: Rows
    weight: Any
    held: np.ndarray

    def subset(self, kept: np.ndarray) -> _TrainingRows:
        """Some of them: `kept` is bool."""
        index = np.flatnonzero(kept)
        weight = None if self.weight is None else self.weight[index]
        return _TrainingRows(self.rows.subset(index), weight, self.held[index])


def _held_out(n_rows: int, random_state: np.random.RandomState) -> np.ndarray:
    """Which rows the network is not shown, bool."""
    held = np.zeros(n_rows, dtype=bool)
    if n_rows >= _FEWEST_ROWS:
        n_held = min(round(_HELD_SHARE * n_rows), _MOST_HELD)
        held[random_state.permutation(n_rows)[:n_held]] = True
    return held


def _offset(
    scores: np.ndarray, contamination: str | float, data: _TrainingRows, kept: np.ndarray
) -> float:
    """The score below which a row is an outlier, from those of the training rows.

    `kept` are those that are learned from, or held out.
    """
    weight = data.weight
    if not isinstance(contamination, str):
        return float(_percentile(scores, 100 * float(contamination), weight))
    errors = np.maximum(-scores, np.finfo(np.float32).tiny)
    held, seen = data.held & kept, kept & ~data.held
    if held.any() and seen.any():
        # as if no row had been learned from; by the median, which a few anomalies do not move
        unseen_error, seen_error = (
            _percentile(errors[own], 50, None if weight is None else weight[own])
            for own in (held, seen)
        )
        errors[seen] *= max(unseen_error / seen_error, 1.0)
    low, high = (_percentile(errors, percent, weight) for percent in (25, 75))
    with np.errstate(over="ignore"):
        fence = high * (high / low) ** _FENCE
    return -float(min(fence, _percentile(errors, 100 - _LEAST_PERCENT, weight)))


def _percentile(values: np.ndarray, percent: float, weight: Any) -> float:
    """Of values that count by their weights; a mean weight of 1 makes integers repetitions."""
    if weight is None:
        return float(np.percentile(values, percent))
    order = np.argsort(values)
    ends = np.cumsum(weight[order], dtype=np.float64)
    # the value of weight w covers w places from 0; between two values as np.percentile has it
    place = percent / 100 * (ends[-1] - 1)
    first = np.searchsorted(ends, np.floor(place), side="right")
    second = np.searchsorted(ends, np.floor(place) + 1, side="right")
    low, high = (values[order[min(k, len(order) - 1)]] for k in (first, second))
    return float(low + (high - low) * (place - np.floor(place)))
