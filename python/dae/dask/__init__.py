"""Training on Dask collections, which no machine has to hold whole.

The estimators have the parameters of the ones in `dae`, two more, and `to_local`, which gives the
plain estimator. Rows stay with the workers that have them; what moves are the weights and the
solver's moments, once per round of local training. Without a cluster the same passes are made in
this process, one partition at a time: memory maps, Parquet files and other lazy collections are
trained on out of core.

Requires dask (``pip install daecore[dask]``).
"""

from __future__ import annotations

import copy
import inspect
from dataclasses import replace
from numbers import Integral
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

try:
    from dask.base import compute
except ImportError as error:
    raise ImportError(
        "dae.dask requires dask. Install it with: pip install 'daecore[dask]'"
    ) from error

from dae._estimator.doc_link import DocLinkMixin
from dae._estimator.messages import warn_how_it_ended
from dae._model.damage import damaged
from dae._training.settings import AUTO
from dae.autoencoder import DenoisingAutoencoder
from dae.dask._cluster import WorkersLost, client_of, until_done
from dae.dask._partitions import (
    Partition,
    by_partition,
    known_length,
    lazily,
    n_rows_of,
    partitions_of,
)
from dae.dask._passes import Passes
from dae.dask._rounds import count_rows, start, weighted_score, zero_weights_only
from dae.stacked import StackedDenoisingAutoencoder

__all__ = ["DaskDenoisingAutoencoder", "DaskStackedDenoisingAutoencoder"]


def _constructor(of: type[Any]) -> Any:
    """An `__init__` with the parameters of a plain estimator, and those of all estimators here."""
    own = [inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)]
    own += inspect.signature(of).parameters.values()
    for name, default in (("n_shards", 8), ("client", None)):
        own.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default))
    signature = inspect.Signature(own)

    def __init__(self: Any, *values: Any, **named: Any) -> None:
        bound = signature.bind(self, *values, **named)
        bound.apply_defaults()
        for name, value in list(bound.arguments.items())[1:]:
            setattr(self, name, value)

    __init__.__signature__ = signature  # type: ignore[attr-defined]
    return __init__


class _DaskEstimator(DocLinkMixin, BaseEstimator):
    """Base: passes over partitions, and lazy use of the result."""

    _plain_class: type[Any]
    n_shards: Any
    client: Any
    random_state: Any
    verbose: Any
    warm_start: Any
    _local: Any  # the fitted plain estimator

    # -------------------------------------------------------------- training

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Train on all partitions, `max_iter` passes or until the loss no longer decreases.

        Persist X first (``X = X.persist()``) if it fits the memory of the cluster: otherwise each
        pass computes its partitions again, and holds one per thread that trains.

        Parameters
        ----------
        X : dask Array, dask DataFrame or list of Delayed, of shape (n_samples, n_features)
            Blocks of arrays, of SciPy's CSR or of DataFrames; their lengths need not be known. A
            partition should have some thousand rows at least, and there should be at least as many
            partitions as workers.

        y : Ignored
            Present for API consistency.

        sample_weight : dask Array of shape (n_samples,), default=None
            Weight of the loss of each sample, 0 or more, in the chunks of X; used as given, not
            scaled to a mean of 1. Samples of weight 0 are left out.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            For parameters or data that do not fit, or if training diverges.
        RuntimeError
            If workers are lost and so is their part of X, or again and again. The estimator keeps
            the last complete pass.
        """
        return self._train(X, sample_weight, once=False)

    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Continue by one pass over the partitions of X, at a constant learning rate.

        Parameters
        ----------
        X, y, sample_weight : as in `fit`

        Returns
        -------
        self : object
            The estimator, after one more pass.
        """
        return self._train(X, sample_weight, once=True)

    def _train(self, X: Any, sample_weight: Any, *, once: bool) -> Self:
        partitions = partitions_of(X, sample_weight)
        if not isinstance(self.n_shards, Integral) or self.n_shards < 1:
            raise ValueError(f"n_shards must be an integer of 1 or more, got {self.n_shards!r}.")
        client = client_of(self.client)
        plain = self._plain()
        plain._validate_params()
        if plain.early_stopping:
            raise ValueError(
                "early_stopping=True is not supported on Dask collections: no rows are set aside. "
                "Set early_stopping=False: training stops by tol and the training loss."
            )
        if once:
            settings = [replace(how, schedule="constant") for how in plain._settings_of_a_pass()]
        else:
            settings = plain._settings()
            if any(how.max_iter == AUTO for how in settings):
                n_rows = known_length(X) if sample_weight is None else None
                if n_rows is None:
                    n_rows = until_done(lambda: count_rows(partitions), client)
                settings = [how.for_rows(n_rows) for how in settings]
        if "_local" in self.__dict__ and (once or self.warm_start):
            state = copy.copy(self._fitted_local()).set_params(**plain.get_params())
        else:
            state = self._new(plain, partitions, client)
        outcomes = []
        try:
            for number, how in enumerate(settings):
                if how.max_iter:
                    passes = Passes(
                        partitions,
                        number,
                        how,
                        n_shards=int(self.n_shards),
                        verbose=self.verbose,
                        client=client,
                    )
                    state, outcome = passes.run(state, 1 if once else how.max_iter)
                    outcomes.append(outcome)
                    if outcome.interrupted:
                        break
        except WorkersLost as error:
            kept = state if error.state is None else error.state
            if outcomes or error.state is not None:
                self._local = kept
                done = f"the estimator keeps the {kept.n_iter_} complete passes"
            else:
                done = "no pass was complete, the estimator is as it was"
            raise RuntimeError(
                f"Workers were lost, and with them a part of X or of the pass ({error}); {done}. "
                "Data that the workers alone held must be loaded again: give fit a collection that "
                "can be computed again, or one that is persisted by the workers that are left."
            ) from error
        self._local = state
        if not once:
            for outcome in outcomes:
                warn_how_it_ended(self, outcome)
        return self

    def _plain(self) -> Any:
        """The plain estimator with these parameters; a number for `random_state`."""
        names = inspect.signature(self._plain_class).parameters
        plain = clone(self._plain_class(**{name: getattr(self, name) for name in names}))
        if not isinstance(plain.random_state, Integral):
            random_state = check_random_state(plain.random_state)
            plain.random_state = int(random_state.randint(2**31 - 1))
        return plain

    def _new(self, plain: Any, partitions: list[Partition], client: Any) -> Any:
        """The estimator with new networks for the rows of the first partition that has any."""
        for rows, _ in partitions:
            started = until_done(lambda rows=rows: lazily(start, plain, rows), client)
            if started is not None:
                return started
        raise ValueError(f"X must have at least one row, got {len(partitions)} empty partitions.")

    # -------------------------------------------------------------- use

    def to_local(self) -> Any:
        """The fitted plain estimator: `DenoisingAutoencoder` or `StackedDenoisingAutoencoder`.

        Returns
        -------
        estimator : object
            A copy; it can be pickled, and trained further without Dask.
        """
        local = copy.deepcopy(self._fitted_local())
        return local.set_params(random_state=self.random_state)

    def transform(self, X: Any) -> Any:
        """Encode X, without corruption.

        Parameters
        ----------
        X : dask Array, dask DataFrame or list of Delayed, of shape (n_samples, n_features)

        Returns
        -------
        H : dask Array of shape (n_samples, n_components)
            Their codes, computed when they are asked for.
        """
        return self._apply("transform", X, lambda local: local._n_features_out)

    def inverse_transform(self, X: Any) -> Any:
        """Decode codes.

        Parameters
        ----------
        X : dask Array of shape (n_samples, n_components)

        Returns
        -------
        X_original : dask Array of shape (n_samples, n_features)
        """
        return self._apply("inverse_transform", X, lambda local: local.n_features_in_)

    def reconstruct(self, X: Any) -> Any:
        """Encode X and decode the codes.

        Parameters
        ----------
        X : dask Array, dask DataFrame or list of Delayed, of shape (n_samples, n_features)

        Returns
        -------
        X_reconstructed : dask Array of shape (n_samples, n_features)
        """
        return self._apply("reconstruct", X, lambda local: local.n_features_in_)

    def score_samples(self, X: Any) -> Any:
        """Negative loss of each sample, without corruption; unusual samples have low scores.

        Parameters
        ----------
        X : dask Array, dask DataFrame or list of Delayed, of shape (n_samples, n_features)

        Returns
        -------
        scores : dask Array of shape (n_samples,)
            In float64.
        """
        return self._apply("score_samples", X, lambda local: None)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Mean of `score_samples`, computed at once; greater is better.

        Parameters
        ----------
        X : dask Array, dask DataFrame or list of Delayed, of shape (n_samples, n_features)

        y : Ignored
            Present for API consistency.

        sample_weight : dask Array of shape (n_samples,), default=None
            Weight of each sample in the mean, 0 or more, in the chunks of X.

        Returns
        -------
        score : float
        """
        if sample_weight is None:
            return float(self.score_samples(X).mean().compute())
        shared = lazily(_itself, self._fitted_local())
        partitions = partitions_of(X, sample_weight)
        found = compute([lazily(weighted_score, shared, *each) for each in partitions])[0]
        scores, weights = np.array(found).T
        if not weights.any():
            raise zero_weights_only(len(partitions))
        return float(np.average(scores, weights=weights / weights.max()))

    def _apply(self, method: str, X: Any, width_of: Any) -> Any:
        local = self._fitted_local()
        width = width_of(local)
        dtype = np.dtype(np.float64 if width is None else local._fitted().dtype)
        shared = lazily(_itself, local)
        return by_partition(
            lambda rows: lazily(_applied, shared, method, rows, width, dtype), X, width, dtype
        )

    def _fitted_local(self) -> Any:
        """The fitted plain estimator, checked: it can be assigned, and pickles edited."""
        check_is_fitted(self)
        local = self._local
        if type(local) is not self._plain_class or not local.__sklearn_is_fitted__():
            raise damaged(f"_local must be a fitted {self._plain_class.__name__}")
        local._fitted()
        return local

    def __getattr__(self, name: str) -> Any:
        """What training has left, as the plain estimator has it."""
        if name.endswith("_") and not name.startswith("_") and "_local" in self.__dict__:
            return getattr(self._local, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __sklearn_clone__(self) -> Any:
        """A copy with the same client, which cannot be copied."""
        parameters = self.get_params(deep=False)
        client = parameters.pop("client")
        return type(self)(client=client, **clone(parameters, safe=False))

    def __sklearn_is_fitted__(self) -> bool:
        return "_local" in self.__dict__


def _itself(value: Any) -> Any:
    return value


def _applied(local: Any, method: str, rows: Any, width: int | None, dtype: np.dtype) -> np.ndarray:
    """A method's result for one partition, which may be empty."""
    if not n_rows_of(rows):
        return np.empty((0,) if width is None else (0, width), dtype)
    return np.asarray(getattr(local, method)(rows)).astype(dtype, copy=False)


class DaskDenoisingAutoencoder(_DaskEstimator):
    """`DenoisingAutoencoder`, trained on a Dask collection by all workers of a cluster.

    A pass goes through the partitions in rounds. In a round up to `n_shards` partitions are
    trained on at the same time, each on one worker and from the same weights; then the weights and
    the solver's moments are averaged, weighted by the rows of the partitions or the sums of their
    sample weights (local SGD, Stich, ICLR 2019). Neither the rounds nor the order of the sums
    depend on the number of workers: 1, 2 or 8 of them give the same bits on machines of one kind.
    Averages of many shards need more passes than training by one process does, at first in
    proportion to their number, and end at no larger a loss.

    Per pass each partition moves the weights and moments twice, and no rows.

    Parameters
    ----------
    n_components, corruption, corruption_level, ... : as in `dae.DenoisingAutoencoder`
        `max_iter`, `tol` and `n_iter_no_change` count passes over X. `shuffle` shuffles the order
        of the partitions, and the rows within each. `n_jobs` is the number of threads of each
        task; workers of Dask set OMP_NUM_THREADS=1, and run a task on each of their threads.

    n_shards : int, default=8
        Partitions per round: the largest number of tasks that train at the same time. 1 trains on
        the partitions one after the other, as `partial_fit` does.

    client : distributed.Client or None, default=None
        The cluster. None means the client that is active, or, if there is none, this process.

    Attributes
    ----------
    components_, intercept_hidden_, loss_curve_, n_iter_, ... : as in `dae.DenoisingAutoencoder`

    See Also
    --------
    dae.DenoisingAutoencoder : For data that one machine holds.

    References
    ----------
    .. [1] S. U. Stich (2019), "Local SGD converges fast and communicates little", ICLR.

    Examples
    --------
    >>> import dask.array as da
    >>> from dae.dask import DaskDenoisingAutoencoder
    >>> X = da.random.default_rng(0).random((2000, 20), chunks=(500, -1))
    >>> dae = DaskDenoisingAutoencoder(8, max_iter=3, tol=None, n_shards=2, random_state=0)
    >>> codes = dae.fit(X).transform(X)  # lazy
    >>> codes.shape
    (2000, 8)
    >>> local = dae.to_local()
    >>> type(local).__name__
    'DenoisingAutoencoder'
    """

    _plain_class = DenoisingAutoencoder
    __init__ = _constructor(DenoisingAutoencoder)


class DaskStackedDenoisingAutoencoder(_DaskEstimator):
    """`StackedDenoisingAutoencoder`, trained on a Dask collection by all workers of a cluster.

    Each layer is trained as `DaskDenoisingAutoencoder` trains its only one, then all together with
    `fine_tune`; the layers below are applied to each partition where it is.

    Parameters
    ----------
    hidden_layer_sizes, corruption, ... : as in `dae.StackedDenoisingAutoencoder`
        `max_iter`, `fine_tune_max_iter`, `tol` and `n_iter_no_change` count passes over X.

    n_shards : int, default=8
        Partitions per round, as in `DaskDenoisingAutoencoder`.

    client : distributed.Client or None, default=None
        The cluster. None means the client that is active, or, if there is none, this process.

    Attributes
    ----------
    coefs_, loss_curves_, n_iter_, ... : as in `dae.StackedDenoisingAutoencoder`

    See Also
    --------
    DaskDenoisingAutoencoder : One layer; how training works.
    """

    _plain_class = StackedDenoisingAutoencoder
    __init__ = _constructor(StackedDenoisingAutoencoder)
