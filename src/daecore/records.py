"""What the core is called with: records whose fields are read by name.

A record holds the caller's arrays, and numbers; nothing is copied, nothing is checked here.
`dae._core.arguments` builds them from what it has checked. The records of training are the structs
of csrc/kernels.h, field by field.

Arrays are C-contiguous and aligned, of float32 or float64, all arrays of numbers in one call of
the same dtype. n features, m hidden units; `stride` >= m elements lie between two rows of weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np


class Encoder(NamedTuple):
    """h = g1(b + W x), of a layer of m hidden units."""

    weights: np.ndarray  # INOUT (n, stride), only read by inference; W[d, j], feature-major
    bias: np.ndarray  # INOUT (m,)
    activation: int  # of `_enums.ACTIVATIONS`
    precision: int  # of `_enums.PRECISIONS`, of the factors of products; one for all layers
    # the solver's arrays: (), (v,) or (v1, v2), shaped like the parameter
    weights_moments: tuple[np.ndarray, ...] = ()  # INOUT
    bias_moments: tuple[np.ndarray, ...] = ()  # INOUT


class Blocks(NamedTuple):
    """Outputs in blocks of features, each with its own loss."""

    starts: np.ndarray  # IN (n_blocks + 1,) intp, first features, and n
    losses: np.ndarray  # IN (n_blocks,) int32, of `_enums.LOSSES`
    activations: np.ndarray  # IN (n_blocks,) int32, of `_enums.ACTIVATIONS`
    weights: np.ndarray  # IN (n_blocks,) float64


class Decoder(NamedTuple):
    """z = g2(b* + V h), of the same layer."""

    weights: np.ndarray  # INOUT (n, stride); the encoder's array when the weights are tied
    bias: np.ndarray  # INOUT (n,)
    activation: int
    precision: int  # the encoder's
    weights_moments: tuple[np.ndarray, ...] = ()  # INOUT; the encoder's when tied
    bias_moments: tuple[np.ndarray, ...] = ()  # INOUT
    blocks: Blocks | None = None  # with them, `activation` must be identity; `loss` is not read


class Layer(NamedTuple):
    """One layer in training."""

    encoder: Encoder
    decoder: Decoder | None  # None in all layers of a supervised network
    loss: int  # of `_enums.LOSSES`; of the reconstruction, or of the outputs


class Convolution(NamedTuple):
    """A convolution of 3 x 3 pixels; maps have a border of zeros around the pixels."""

    height: int  # of the pixels, without the border
    width: int
    inputs: int  # channels
    outputs: int  # a multiple of 16
    rectify: bool  # whether the activation is max(0, a), else the identity
    precision: int  # of `_enums.PRECISIONS`


class Solver(NamedTuple):
    """How a gradient moves a parameter."""

    kind: int  # of `_enums.SOLVERS`
    learning_rate: float
    momentum: float
    beta_1: float
    beta_2: float
    epsilon: float
    alpha: float


class Corruption(NamedTuple):
    """A built-in corruption; arrays that the kind does not use are None."""

    kind: int  # of `_enums.CORRUPTIONS`
    threshold: np.ndarray | None  # IN (n,) uint32, probability * 2^24
    level: np.ndarray | None  # IN (n,) standard deviations
    low: np.ndarray | None  # IN (n,)
    high: np.ndarray | None  # IN (n,)
    donors: np.ndarray | None  # IN intp, rows of the clean data
    seed: int
    presentation: int
    # IN (n_categories, 2) intp, ranges of features that are hidden, and swapped, as a whole
    categories: np.ndarray | None = None


class CSR(NamedTuple):
    """Rows of which only the stored entries exist; columns ascend within a row."""

    starts: np.ndarray  # IN (n_samples + 1,) intp
    columns: np.ndarray  # IN (n_entries,) int32
    values: np.ndarray  # IN (n_entries,)


class SampledData(NamedTuple):
    """Where the rows of a batch come from whose outputs are sampled."""

    clean: CSR
    corruption: Corruption  # "none" or "masking"
    zeros_per_nonzero: float  # zeros that are reconstructed per known entry of a row
    corrupted: CSR | None = None  # instead of the corruption
    weight: np.ndarray | None = None  # IN (n_samples,)
    unit_rows: bool = False  # whether corrupted rows are scaled to unit length
    emphasis: tuple[float, float] = (1.0, 1.0)


class Data(NamedTuple):
    """Where the rows of a batch come from."""

    clean: np.ndarray | CSR  # IN (n_samples, n)
    corruption: Corruption
    corrupted: np.ndarray | CSR | None = None  # IN (n_samples, n) as clean, for the corruption
    weight: np.ndarray | None = None  # IN (n_samples,)
    target: np.ndarray | None = None  # IN (n_samples, outputs) of a supervised network
    classes: np.ndarray | None = None  # IN (n_samples,) intp, the same for softmax_log_loss
    # weight of the loss of a corrupted entry, of an untouched one
    emphasis: tuple[float, float] = (1.0, 1.0)
    unit_rows: bool = False  # whether corrupted rows are scaled to unit length
    missing: bool = False  # whether NaN in dense rows are missing entries


class Batches(NamedTuple):
    """The mini-batches of one call."""

    rows: np.ndarray  # IN (n_rows,) intp, rows of the data in order of presentation
    batch_size: int  # the last batch may be smaller
    n_steps: int  # solver steps made before
    max_loss: float  # the first batch whose mean loss is above it, or NaN, is refused
