"""One pass over the partitions: rounds of local training, each ended by an average.

In a round, each of up to `n_shards` partitions is trained on by itself, from the same weights, and
what they come to is averaged: weights and the solver's moments (local SGD, Stich 2019). A partition
counts as much as the sum of its sample weights, which without any is its number of rows. Which
partitions make a round follows from their number and the seed alone, and sums run in their order:
any number of workers gives the same bits.

All functions here are pure: what they are given is not changed, so that the engine may run them
again when a worker is lost.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from dae._data.checks import check_score_weight
from dae._data.containers import check_not_masked
from dae.dask._partitions import Partition, lazily, n_rows_of


class Stage(NamedTuple):
    """Passes that train one network: a layer, or all layers of a stack together.

    Attributes
    ----------
    number : int
        Of the training state among those of the estimator.
    parameters : dict
        What the estimator's parameters are in this stage.
    """

    number: int
    parameters: dict[str, Any]


class Trained(NamedTuple):
    """A fitted plain estimator, and what the pass has seen so far.

    Attributes
    ----------
    estimator : DenoisingAutoencoder or StackedDenoisingAutoencoder
    n_rows : int
        Those of weight 0 are not counted.
    weight : float
        Sum of the sample weights of the rows; their number without any.
    loss : float
        Sum over the rows, each times its weight.
    """

    estimator: Any
    n_rows: int
    weight: float
    loss: float


NOTHING = Trained(None, 0, 0.0, 0.0)


def start(estimator: Any, rows: Any) -> Any:
    """The estimator with new, untrained networks for such rows; None if there are no rows."""
    if not n_rows_of(rows):
        return None
    estimator = copy.deepcopy(estimator)
    begun = estimator._begin(rows, None, fit=False)
    estimator._store(begun, fit=False)
    return estimator


def count_rows(partitions: Sequence[Partition]) -> Any:
    """The graph of the number of rows of a weight above 0 of all partitions, a Delayed."""
    return lazily(
        sum,
        [
            lazily(n_rows_of, rows) if weights is None else lazily(np.count_nonzero, weights)
            for rows, weights in partitions
        ],
    )


def one_pass(
    state: Any,
    order: Sequence[int],
    partitions: Sequence[Partition],
    stage: Stage,
    n_shards: int,
) -> Any:
    """The graph of a pass: a Delayed of Trained.

    Parameters
    ----------
    state : fitted estimator, or a future of one
    order : sequence of int
        Numbers of the partitions.
    """
    trained = lazily(Trained, state, *NOTHING[1:])
    for first in range(0, len(order), n_shards):
        results = [
            lazily(train_partition, trained, stage, int(k), *partitions[k])
            for k in order[first : first + n_shards]
        ]
        trained = lazily(average, trained, stage, results)
    return trained


def train_partition(
    before: Trained, stage: Stage, partition: int, rows: Any, weights: Any
) -> Trained:
    """One pass over one partition, with random numbers of its own."""
    if not n_rows_of(rows) or _are_zero(weights, n_rows_of(rows)):
        return NOTHING
    estimator = copy.deepcopy(before.estimator).set_params(**stage.parameters)
    state = training_state(estimator, stage)
    kept = {name: state[name] for name in ("_seed", "loss_curve_", "best_loss_", "n_iter_")}
    state["_seed"] = _seed_of(kept["_seed"], partition)
    estimator.partial_fit(rows, sample_weight=weights)
    state = training_state(estimator, stage)
    loss = state["loss_curve_"][-1]
    # the pass is one presentation, counted where it ends
    state.update(kept, _presentation=state["_presentation"] - 1)
    n_rows, weight = _weighed(n_rows_of(rows), weights)
    return Trained(estimator, n_rows, weight, loss * weight)


def weighted_score(estimator: Any, rows: Any, weights: Any) -> tuple[float, float]:
    """The mean of the scores of one partition by their weights, and the sum of the weights."""
    n_rows = n_rows_of(rows)
    if not n_rows or _are_zero(weights, n_rows):
        return 0.0, 0.0
    share = check_score_weight(weights, n_rows)
    scores = estimator.score_samples(rows)
    return float(np.average(scores, weights=share)), _weighed(n_rows, weights)[1]


def zero_weights_only(n_partitions: int) -> ValueError:
    """The error for weights of which none is above 0."""
    return ValueError(
        "sample_weight must have at least one value above 0, got zero weights only in all "
        f"{n_partitions} partitions. Pass None to give all rows the same weight."
    )


def average(before: Trained, stage: Stage, results: Sequence[Trained]) -> Trained:
    """The results of a round as one, by their weights; `before` if none has any rows."""
    results = [result for result in results if result.n_rows]
    if not results:
        return before
    share = np.array([result.weight for result in results]) / sum(r.weight for r in results)
    estimator = _shell(results[0].estimator)
    networks = [result.estimator._fitted() for result in results]
    network = networks[0].copy()
    for name, mean in network.parameters().items():
        mean[...] = _mean([each.parameters()[name] for each in networks], share)
    estimator.__dict__.update(estimator._network_attributes(network))

    states = [training_state(result.estimator, stage) for result in results]
    state = training_state(estimator, stage)
    state["_moments"] = {
        name: tuple(
            _mean([each["_moments"][name][k] for each in states], share)
            for k in range(len(moments))
        )
        for name, moments in state["_moments"].items()
    }
    state["_n_steps"] = max(each["_n_steps"] for each in states)
    state["_largest_sane_loss"] = max(each["_largest_sane_loss"] for each in states)
    ranges = [each["_feature_range"] for each in states if each["_feature_range"] is not None]
    if ranges:
        low, high = zip(*ranges, strict=True)
        # NaN: all entries of a feature have been missing
        state["_feature_range"] = np.fmin.reduce(low), np.fmax.reduce(high)
    return Trained(
        estimator,
        before.n_rows + sum(result.n_rows for result in results),
        before.weight + sum(result.weight for result in results),
        before.loss + sum(result.loss for result in results),
    )


def training_state(estimator: Any, stage: Stage) -> dict[str, Any]:
    """What continuing the training of a stage takes, to be changed in place."""
    stages = estimator.__dict__.get("_stages")
    return estimator.__dict__ if stages is None else stages[stage.number]


def _shell(estimator: Any) -> Any:
    """A copy whose training states can be changed; the arrays are shared."""
    shell = copy.copy(estimator)
    if "_stages" in shell.__dict__:
        shell._stages = [dict(state) for state in shell._stages]
    return shell


def _mean(arrays: Sequence[np.ndarray], share: np.ndarray) -> np.ndarray:
    """In float64, from the first to the last; of the dtype of the arrays."""
    total = np.zeros(arrays[0].shape)
    for array, weight in zip(arrays, share, strict=True):
        total += weight * array
    return total.astype(arrays[0].dtype)


def _seed_of(seed: int, partition: int) -> int:
    """The key of a partition's random streams."""
    words = np.random.SeedSequence([seed, partition]).generate_state(1, np.uint64)
    return int(words[0])


def _are_zero(weights: Any, n_rows: int) -> bool:
    """Whether all rows are left out; what does not fit the rows is for `partial_fit` to refuse.

    Raises
    ------
    ValueError
        Weights are masked: if all are, none would count.
    """
    check_not_masked("sample_weight", weights)
    return weights is not None and np.shape(weights) == (n_rows,) and not np.any(weights)


def _weighed(n_rows: int, weights: Any) -> tuple[int, float]:
    """The number of rows of a weight above 0, and the sum of the weights, which are checked."""
    if weights is None:
        return n_rows, float(n_rows)
    weights = np.broadcast_to(np.asarray(weights, np.float64), n_rows)
    return int(np.count_nonzero(weights)), float(weights.sum())
