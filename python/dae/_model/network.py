"""The network's parameters: what they are, how they lie in memory, how they start.

A `Layer` is one layer of hidden units, a `Network` is several of them; both own nothing but
ndarrays. Weights are kept feature-major, ``encoder[d, j]`` is the weight between feature
``d`` and hidden unit ``j``, so that one row is what one feature says to all units
(``components_`` is the transposed view). Rows are padded with zeros to whole cache lines;
the core keeps the padding at zero.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

ACTIVATIONS = ("identity", "logistic", "tanh", "relu")
LOSSES = ("squared_error", "log_loss")
# the last one is of a whole row: the softmax of the outputs against the number of a class
OUTPUT_LOSSES = (*LOSSES, "softmax_log_loss")

CACHE_LINE = 64  # bytes
PARAMETERS = ("encoder", "decoder", "hidden_bias", "visible_bias")

AGAIN = "Fit the estimator again."


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


def is_plain(array: np.ndarray) -> bool:
    """Whether compiled code can read it as it lies."""
    flags = array.flags  # made anew each time it is asked for
    return flags.c_contiguous and flags.aligned


@dataclass
class Layer:
    """Parameters of ``z = g2(b* + W* g1(b + W x))``, or of ``g1(b + W x)`` alone.

    Attributes
    ----------
    encoder : ndarray of shape (n_features, stride)
        ``W`` transposed and padded, ``stride >= n_hidden``; columns from `n_hidden` on are zero.
    decoder : ndarray of shape (n_features, stride), or None
        ``W*`` padded. The same object as `encoder` when the weights are tied; None in a layer
        that decodes nothing, one of a supervised `Network`.
    hidden_bias : ndarray of shape (n_hidden,)
    visible_bias : ndarray of shape (n_features,), or None together with `decoder`
    activation, decoder_activation : str, of `ACTIVATIONS`
    loss : str
        Of the reconstruction, of `LOSSES`; without a decoder, of `OUTPUT_LOSSES`, for units that
        are a supervised stack's outputs (identity units: the loss takes their pre-activations).
    """

    encoder: np.ndarray
    decoder: np.ndarray | None
    hidden_bias: np.ndarray
    visible_bias: np.ndarray | None
    activation: str
    decoder_activation: str
    loss: str

    @property
    def layers(self) -> list[Layer]:
        return [self]

    def prefixes(self) -> list[str]:
        """What the names of each layer's parameters begin with."""
        return [""]

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

    @property
    def decodes(self) -> bool:
        return self.decoder is not None

    def parameters(self) -> dict[str, np.ndarray]:
        """The distinct parameter arrays by name (`decoder` only where it is free)."""
        return {
            name: getattr(self, name)
            for name in PARAMETERS
            if getattr(self, name) is not None and not (name == "decoder" and self.tied)
        }

    def copy(self) -> Layer:
        """The same network over fresh, aligned arrays."""
        copies: dict[str, Any] = {}
        for name, array in self.parameters().items():
            copies[name] = aligned_zeros(array.shape, array.dtype)
            copies[name][...] = array
        if self.tied:
            copies["decoder"] = copies["encoder"]
        return replace(self, **copies)

    def assign(self, other: Layer) -> None:
        """Overwrite every parameter in place with `other`'s values."""
        _assign(self, other)

    def is_finite(self) -> bool:
        return _is_finite(self)

    def check(self) -> None:
        """Raise ValueError unless every array fits the others: what the core relies on.

        Attributes can be assigned, pickles can be edited, so each entry into compiled code
        derives the shapes anew and checks the chain (microseconds).
        """
        arrays: dict[str, Any] = {"encoder": self.encoder, "hidden_bias": self.hidden_bias}
        if self.decodes:
            arrays |= {"decoder": self.decoder, "visible_bias": self.visible_bias}
        for name, array in arrays.items():
            if not isinstance(array, np.ndarray):
                raise ValueError(
                    f"The fitted state is damaged: {name} should be an ndarray, "
                    f"got {type(array).__name__}. Fit the estimator again."
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
        _check_array("encoder", self.encoder, shape, dtype)
        _check_array("hidden_bias", self.hidden_bias, (n_hidden,), dtype)
        if self.decodes:
            if not self.tied:
                _check_array("decoder", arrays["decoder"], shape, dtype)
            _check_array("visible_bias", arrays["visible_bias"], (n_features,), dtype)
        for name, value, allowed in (
            ("activation", self.activation, ACTIVATIONS),
            ("decoder_activation", self.decoder_activation, ACTIVATIONS),
            ("loss", self.loss, LOSSES if self.decodes else OUTPUT_LOSSES),
        ):
            if value not in allowed:
                raise ValueError(
                    f"The fitted state is damaged: {name} should be one of {allowed}, "
                    f"got {value!r}. Fit the estimator again."
                )
        if not self.decodes:
            if self.visible_bias is not None:
                raise ValueError(
                    f"The fitted state is damaged: a visible_bias without a decoder. {AGAIN}"
                )
        elif self.loss == "log_loss" and self.decoder_activation != "logistic":
            raise ValueError(
                "loss='log_loss' needs decoder_activation='logistic' (or 'auto'), "
                f"got {self.decoder_activation!r}."
            )


@dataclass
class Network:
    """Several layers: the hidden units of one are the features of the next.

    Either all of them decode; then the decoders, from the last to the first, lead from the
    topmost code back to a reconstruction (`loss` is that of the first layer). Or none does; then
    the last one's units are the outputs, and its `loss` compares them with a target.

    Attributes
    ----------
    layers : list of Layer, at least one
    """

    layers: list[Layer]

    @property
    def n_features(self) -> int:
        return self.layers[0].n_features

    @property
    def n_hidden(self) -> int:
        return self.layers[-1].n_hidden

    @property
    def decodes(self) -> bool:
        return self.layers[0].decodes

    @property
    def loss(self) -> str:
        return self.layers[0 if self.decodes else -1].loss

    @property
    def dtype(self) -> np.dtype:
        return self.layers[0].dtype

    def prefixes(self) -> list[str]:
        """What the names of each layer's parameters begin with."""
        return [f"{k}." for k in range(len(self.layers))]

    def parameters(self) -> dict[str, np.ndarray]:
        """The distinct parameter arrays, as "0.encoder", "0.hidden_bias", ..."""
        return {
            prefix + name: array
            for prefix, layer in zip(self.prefixes(), self.layers, strict=True)
            for name, array in layer.parameters().items()
        }

    def copy(self) -> Network:
        """The same stack over fresh, aligned arrays."""
        return Network([layer.copy() for layer in self.layers])

    def assign(self, other: Network) -> None:
        """Overwrite every parameter in place with `other`'s values."""
        _assign(self, other)

    def is_finite(self) -> bool:
        return _is_finite(self)

    def check(self) -> None:
        """Raise ValueError unless every array fits the others: what the core relies on."""
        if not self.layers:
            raise ValueError(f"The fitted state is damaged: a stack without layers. {AGAIN}")
        for layer in self.layers:
            layer.check()
        for k, (below, above) in enumerate(itertools.pairwise(self.layers), start=1):
            if above.n_features != below.n_hidden:
                problem = f"codes {above.n_features} features, layer {k - 1} has {below.n_hidden}"
            elif above.dtype != below.dtype:
                problem = f"is {above.dtype}, layer {k - 1} is {below.dtype}"
            elif above.decodes != below.decodes:
                problem = f"and layer {k - 1} should both have a decoder, or none"
            else:
                continue
            raise ValueError(f"The fitted state is damaged: layer {k} {problem}. {AGAIN}")
        top = self.layers[-1]
        if not top.decodes and top.activation != "identity":
            raise ValueError(
                "The fitted state is damaged: the outputs should be identity units, "
                f"got {top.activation!r}. {AGAIN}"
            )


def _assign(mine: Layer | Network, other: Layer | Network) -> None:
    theirs = other.parameters()
    for name, array in mine.parameters().items():
        array[...] = theirs[name]


def _is_finite(network: Layer | Network) -> bool:
    return all(np.isfinite(array).all() for array in network.parameters().values())


def _check_array(name: str, array: np.ndarray, shape: tuple[int, ...], dtype: np.dtype) -> None:
    """Raise ValueError unless `array` can be handed to the core as it is."""
    if array.dtype != dtype:
        problem = f"dtype {dtype}, got {array.dtype}"
    elif array.shape != shape:
        problem = f"shape {shape}, got {array.shape}"
    elif is_plain(array):
        return
    elif array.flags.aligned:
        problem = "C order, got another memory layout"
    else:
        problem = "aligned memory, got an unaligned array"
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
) -> Layer:
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
    return Layer(
        encoder=encoder,
        decoder=encoder if tied_weights else uniform(),
        hidden_bias=aligned_zeros((n_hidden,), dtype),
        visible_bias=aligned_zeros((n_features,), dtype),
        activation=activation,
        decoder_activation=decoder_activation,
        loss=loss,
    )
