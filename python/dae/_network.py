"""The network's parameters: what they are, how they lie in memory, how they start.

A `Network` owns nothing but ndarrays. Weights are kept feature-major, ``encoder[d, j]``
is the weight between feature ``d`` and hidden unit ``j``, so that one row is what one
feature says to all units (``components_`` is the transposed view). Rows are padded with
zeros to whole cache lines; the core keeps the padding at zero.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

ACTIVATIONS = ("identity", "logistic", "tanh", "relu")
LOSSES = ("squared_error", "log_loss")

CACHE_LINE = 64  # bytes
PARAMETERS = ("encoder", "decoder", "hidden_bias", "visible_bias")


def padded_width(n_hidden: int, dtype: np.dtype) -> int:
    """Row stride, in elements, of a weight array with `n_hidden` columns.

    A whole number of cache lines, and an odd one from 1 KiB on: with a power of two every
    row of a column block falls into the same few cache sets, which costs a third of the speed.
    """
    per_line = CACHE_LINE // np.dtype(dtype).itemsize
    lines = -(-n_hidden // per_line)
    if lines * CACHE_LINE >= 1024 and lines % 2 == 0:
        lines += 1
    return lines * per_line


def aligned_zeros(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Zeros whose first element lies at the start of a cache line."""
    dtype = np.dtype(dtype)
    n_bytes = int(np.prod(shape, dtype=object)) * dtype.itemsize
    buffer = np.zeros(n_bytes + CACHE_LINE, dtype=np.uint8)
    offset = -buffer.ctypes.data % CACHE_LINE
    return buffer[offset : offset + n_bytes].view(dtype).reshape(shape)


@dataclass
class Network:
    """Parameters of ``z = g2(b* + W* g1(b + W x))``.

    Attributes
    ----------
    encoder : ndarray of shape (n_features, stride)
        ``W`` transposed and padded, ``stride >= n_hidden``; columns from `n_hidden` on are zero.
    decoder : ndarray of shape (n_features, stride)
        ``W*`` padded. The same object as `encoder` when the weights are tied.
    hidden_bias : ndarray of shape (n_hidden,)
    visible_bias : ndarray of shape (n_features,)
    activation, decoder_activation : str, of `ACTIVATIONS`
    loss : str, of `LOSSES`
    """

    encoder: np.ndarray
    decoder: np.ndarray
    hidden_bias: np.ndarray
    visible_bias: np.ndarray
    activation: str
    decoder_activation: str
    loss: str

    @property
    def n_features(self) -> int:
        return self.encoder.shape[0]

    @property
    def n_hidden(self) -> int:
        return self.hidden_bias.shape[0]

    @property
    def tied(self) -> bool:
        return self.decoder is self.encoder

    @property
    def dtype(self) -> np.dtype:
        return self.encoder.dtype

    def parameters(self) -> dict[str, np.ndarray]:
        """The distinct parameter arrays by name (`decoder` only where it is free)."""
        return {
            name: getattr(self, name)
            for name in PARAMETERS
            if not (name == "decoder" and self.tied)
        }

    def copy(self) -> Network:
        """The same network over fresh, aligned arrays."""
        copies: dict[str, Any] = {}
        for name, array in self.parameters().items():
            copies[name] = aligned_zeros(array.shape, array.dtype)
            copies[name][...] = array
        copies.setdefault("decoder", copies["encoder"])
        return replace(self, **copies)

    def assign(self, other: Network) -> None:
        """Overwrite every parameter in place with `other`'s values."""
        theirs = other.parameters()
        for name, array in self.parameters().items():
            array[...] = theirs[name]

    def is_finite(self) -> bool:
        return all(np.isfinite(array).all() for array in self.parameters().values())

    def check(self) -> None:
        """Raise ValueError unless every array fits the others: what the core relies on.

        Attributes can be assigned, pickles can be edited, so each entry into compiled code
        derives the shapes anew and checks the chain (microseconds).
        """
        for name in PARAMETERS:
            if not isinstance(getattr(self, name), np.ndarray):
                raise ValueError(
                    f"The fitted state is damaged: {name} should be an ndarray, "
                    f"got {type(getattr(self, name)).__name__}. Fit the estimator again."
                )
        dtype = self.encoder.dtype
        if dtype not in (np.float32, np.float64) or not dtype.isnative:
            raise ValueError(
                f"The fitted state is damaged: encoder should be float32 or float64, got {dtype}. "
                "Fit the estimator again."
            )
        if self.encoder.ndim != 2 or self.hidden_bias.ndim != 1:
            raise ValueError(
                "The fitted state is damaged: encoder should have two dimensions and hidden_bias "
                f"one, got {self.encoder.ndim} and {self.hidden_bias.ndim}. "
                "Fit the estimator again."
            )
        n_features, n_hidden = self.n_features, self.n_hidden
        shape = (n_features, padded_width(n_hidden, dtype))
        expected = {
            "encoder": shape,
            "decoder": shape,
            "hidden_bias": (n_hidden,),
            "visible_bias": (n_features,),
        }
        for name, wanted in expected.items():
            _check_array(name, getattr(self, name), wanted, dtype)
        for name, allowed in (
            ("activation", ACTIVATIONS),
            ("decoder_activation", ACTIVATIONS),
            ("loss", LOSSES),
        ):
            if getattr(self, name) not in allowed:
                raise ValueError(
                    f"The fitted state is damaged: {name} should be one of {allowed}, "
                    f"got {getattr(self, name)!r}. Fit the estimator again."
                )
        if self.loss == "log_loss" and self.decoder_activation != "logistic":
            raise ValueError(
                "loss='log_loss' needs decoder_activation='logistic' (or 'auto'), "
                f"got {self.decoder_activation!r}."
            )


def _check_array(name: str, array: np.ndarray, shape: tuple[int, ...], dtype: np.dtype) -> None:
    """Raise ValueError unless `array` can be handed to the core as it is."""
    if array.dtype != dtype:
        problem = f"dtype {dtype}, got {array.dtype}"
    elif array.shape != shape:
        problem = f"shape {shape}, got {array.shape}"
    elif not array.flags.c_contiguous:
        problem = "C order, got another memory layout"
    elif not array.flags.aligned:
        problem = "aligned memory, got an unaligned array"
    else:
        return
    raise ValueError(
        f"The fitted state is damaged: {name} should have {problem}. Fit the estimator again."
    )


def initial_network(
    n_features: int,
    n_hidden: int,
    *,
    dtype: np.dtype,
    activation: str,
    decoder_activation: str,
    loss: str,
    tied_weights: bool,
    random_state: np.random.RandomState,
) -> Network:
    """Random weights, uniform in +-sqrt(6 / (n_features + n_hidden)), biases zero.

    Glorot & Bengio (2010), eq. 16; four times that for logistic units, whose slope at zero
    is a quarter (the same paper; also the 2010 denoising autoencoder tutorial).
    """
    bound = np.sqrt(6.0 / (n_features + n_hidden))
    if activation == "logistic":
        bound *= 4.0
    shape = (n_features, padded_width(n_hidden, dtype))

    def uniform() -> np.ndarray:
        weights = aligned_zeros(shape, dtype)
        # row blocks: no temporary float64 copy of the whole array
        for first in range(0, n_features, 1024):
            block = weights[first : first + 1024, :n_hidden]
            block[...] = random_state.uniform(-bound, bound, block.shape)
        return weights

    encoder = uniform()
    return Network(
        encoder=encoder,
        decoder=encoder if tied_weights else uniform(),
        hidden_bias=aligned_zeros((n_hidden,), dtype),
        visible_bias=aligned_zeros((n_features,), dtype),
        activation=activation,
        decoder_activation=decoder_activation,
        loss=loss,
    )
