"""Outputs in blocks of features, each with its own loss: the parameter `output_blocks`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from numbers import Integral, Real
from typing import Any

import numpy as np

from dae._model.damage import damaged
from dae._model.losses import LOSSES, Entries, Loss, get_loss
from dae._model.missing import is_missing
from dae._model.numbers import as_float

# what `loss` and `decoder_activation` of a layer say when its blocks have their own
IN_BLOCKS = "blocks"


@dataclass(frozen=True)
class Block:
    """Consecutive features that are compared together.

    Attributes
    ----------
    loss : str, of `LOSSES`
        Its "auto" activation is that of the outputs.
    n_columns : int
    weight : float
        Of the block's loss in the sum.
    """

    loss: str
    n_columns: int
    weight: float = 1.0

    @property
    def activation(self) -> str:
        return get_loss(self.loss).decoder_activations[0]

    @property
    def is_category(self) -> bool:
        """Whether its features, the levels of one category, are one thing."""
        return get_loss(self.loss).couples_features


Blocks = tuple[Block, ...]


def columns_of(blocks: Blocks) -> Iterator[tuple[Block, slice]]:
    """Each block and its features."""
    start = 0
    for block in blocks:
        yield block, slice(start, start + block.n_columns)
        start += block.n_columns


def starts_of(blocks: Blocks) -> list[int]:
    """The first feature of each block, and the number of features."""
    return [0, *accumulate(block.n_columns for block in blocks)]


def categories_of(blocks: Blocks | None) -> tuple[tuple[int, int], ...]:
    """Ranges of features that are missing, and swapped, as a whole."""
    if blocks is None:
        return ()
    return tuple((own.start, own.stop) for block, own in columns_of(blocks) if block.is_category)


class BlockLosses(Loss):
    """The weighted sum of the losses of blocks of features."""

    name = IN_BLOCKS
    decoder_activations = (IN_BLOCKS,)
    couples_features = True

    def __init__(self, blocks: Blocks) -> None:
        self.blocks = blocks

    @property
    def parameter(self) -> str:
        return "output_blocks"

    def check(self, x: Entries, of: str | None = None) -> None:
        for k, (block, own) in enumerate(columns_of(self.blocks)):
            columns = f"columns {own.start} to {own.stop - 1}"
            get_loss(block.loss).check(
                x.columns(own), f"output_blocks[{k}] ({block.loss!r}, {columns})"
            )

    def at_zero(self, x: Entries, activation: str) -> float:
        return sum(
            block.weight * get_loss(block.loss).at_zero(x.columns(own), block.activation)
            for block, own in columns_of(self.blocks)
        )

    def entries(
        self, activation: str, a: np.ndarray, x: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        return self.weighted_entries(activation, a, x)

    def weighted_entries(
        self, activation: str, a: np.ndarray, x: np.ndarray, weight: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Each block's own, times its weight; of a category with a missing entry 0."""
        losses, deltas = [], []
        for block, own in columns_of(self.blocks):
            x_own, weight_own = x[:, own], None if weight is None else weight[:, own]
            if block.is_category:
                gone = is_missing(x_own).any(axis=1, keepdims=True)
                x_own = np.where(gone, x.dtype.type(0), x_own)
            of_block, delta = get_loss(block.loss).weighted_entries(
                block.activation, a[:, own], x_own, weight_own
            )
            losses.append(block.weight * of_block)
            deltas.append(a.dtype.type(block.weight) * delta)
        return np.concatenate(losses, axis=1), np.concatenate(deltas, axis=1)

    def observed_share(self, missing: np.ndarray) -> np.ndarray:
        """Features count by the weight of their block; a category counts as one feature."""
        observed, total = np.zeros(len(missing)), 0.0
        for block, own in columns_of(self.blocks):
            there = ~missing[:, own]
            counts = there.all(axis=1) if block.is_category else there.sum(axis=1)
            observed += block.weight * counts
            total += block.weight * (1 if block.is_category else block.n_columns)
        return observed / total


# ------------------------------------------------------------------ what users pass, what is stored


def blocks_of(parameter: Any) -> Blocks | None:
    """The value of `output_blocks`. Raises ValueError unless it is one."""
    if parameter is None:
        return None
    expected = "(loss, n_columns) or (loss, n_columns, weight)"
    if not isinstance(parameter, (list, tuple)) or not parameter:
        raise ValueError(
            f"output_blocks must be None or a list of {expected}, one for each group of "
            f"consecutive features, got {parameter!r}."
        )
    blocks = []
    for k, entry in enumerate(parameter):
        name = f"output_blocks[{k}]"
        if not isinstance(entry, (list, tuple)) or len(entry) not in (2, 3):
            raise ValueError(f"{name} must be {expected}, got {entry!r}.")
        loss, n_columns, weight = (*entry, 1.0)[:3]
        if not isinstance(loss, str) or loss not in LOSSES:
            raise ValueError(f"{name} must have one of the losses {LOSSES}, got {loss!r}.")
        if not isinstance(n_columns, Integral) or isinstance(n_columns, bool) or n_columns < 1:
            raise ValueError(
                f"{name} must have a number of columns, an integer of 1 or more, got {n_columns!r}."
            )
        if (
            not isinstance(weight, Real)
            or isinstance(weight, bool)
            or not 0 < as_float(weight) < math.inf
        ):
            raise ValueError(
                f"{name} must have a finite weight above 0, got {weight!r}. Leave columns that "
                "must not count out of X."
            )
        blocks.append(Block(loss, int(n_columns), float(weight)))
    return tuple(blocks)


def check_covers(blocks: Blocks | None, n_features: int) -> None:
    """Raise ValueError unless the blocks are those of so many features."""
    if blocks is not None and (covered := starts_of(blocks)[-1]) != n_features:
        raise ValueError(
            f"output_blocks must cover all of X, {n_features} features, got blocks of {covered} "
            f"columns in all: {as_stored(blocks)}."
        )


def as_stored(blocks: Blocks | None) -> list[tuple[str, int, float]] | None:
    """Blocks as an estimator stores them."""
    if blocks is None:
        return None
    return [(block.loss, block.n_columns, block.weight) for block in blocks]


def stored_blocks(name: str, value: Any) -> Blocks | None:
    """The same read back. Raises ValueError when damaged."""
    try:
        return blocks_of(value)
    except ValueError as error:
        raise damaged(f"{name}: {error}") from None
