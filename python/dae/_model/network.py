"""The network's parameters: what they are and how they start.

A `Layer` is one layer of hidden units, a `Network` is several of them; both own nothing but
ndarrays. Weights are kept feature-major: ``encoder[d, j]`` is the weight between feature
``d`` and hidden unit ``j``, so that one row holds the weights of one feature to all units
(``components_`` is the transposed view). Rows are padded with zeros to whole cache lines;
the core keeps the padding at zero.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dae._model.activations import ACTIVATIONS, DECODER_ACTIVATIONS, get_activation
from dae._model.blocks import IN_BLOCKS, BlockLosses, Blocks, categories_of, starts_of
from dae._model.damage import checked_choice, damaged, is_array
from dae._model.layout import aligned_copy, aligned_zeros, check_layout, padded_width
from dae._model.losses import LOSSES, OUTPUT_LOSSES, Loss, get_loss
from dae._model.missing import Categories
from dae._model.precision import HIGHEST, PRECISIONS

PARAMETERS = ("encoder", "decoder", "hidden_bias", "visible_bias")

_DTYPES = (np.dtype(np.float32), np.dtype(np.float64))


@dataclass
class Layer:
    """Parameters of ``z = g2(b* + W* g1(b + W x))``, or of ``g1(b + W x)`` alone.

    Attributes
    ----------
    encoder : ndarray of shape (n_features, stride)
        ``W`` transposed and padded, ``stride >= n_hidden``; columns from `n_hidden` on are zero.
    decoder : ndarray of shape (n_features, stride), or None
        ``W*`` padded. The same object as `encoder` when the weights are tied; None in a layer
        without a decoder, one of a supervised `Network`.
    hidden_bias : ndarray of shape (n_hidden,)
    visible_bias : ndarray of shape (n_features,), or None together with `decoder`
    activation : str, of `ACTIVATIONS`
    decoder_activation : str, of `DECODER_ACTIVATIONS`
    loss : str
        Name of the loss of the reconstruction, of `LOSSES`; without a decoder, of `OUTPUT_LOSSES`,
        for units that are the outputs of a supervised network (identity units: the loss takes
        their pre-activations).
    blocks : tuple of Block, or None
        Of the outputs, which then have the activations and losses of their blocks, and
        `decoder_activation` and `loss` are `IN_BLOCKS`.
    matmul_precision : str, of `PRECISIONS`
        Of the factors of products of float32, where the machine is faster with less; the same in
        all layers of a `Network`.
    """

    encoder: np.ndarray
    decoder: np.ndarray | None
    hidden_bias: np.ndarray
    visible_bias: np.ndarray | None
    activation: str
    decoder_activation: str
    loss: str
    blocks: Blocks | None = None
    matmul_precision: str = HIGHEST

    @property
    def layers(self) -> list[Layer]:
        return [self]

    @property
    def categories(self) -> Categories:
        """Ranges of features that are missing, and swapped, as a whole."""
        return categories_of(self.blocks)

    @property
    def output_loss(self) -> Loss:
        """The loss of the reconstruction, or of the outputs."""
        return get_loss(self.loss) if self.blocks is None else BlockLosses(self.blocks)

    def prefixes(self) -> list[str]:
        """Prefix of the names of each layer's parameters."""
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
        """The same layer over new, aligned arrays."""
        copies: dict[str, Any] = {
            name: aligned_copy(array) for name, array in self.parameters().items()
        }
        if self.tied:
            copies["decoder"] = copies["encoder"]
        return replace(self, **copies)

    def assign(self, other: Layer) -> None:
        """Overwrite every parameter in place with `other`'s values."""
        _assign(self, other)

    def check(self) -> None:
        """Raise ValueError unless every array fits the others: what the core relies on.

        Attributes can be assigned and pickles edited, so each entry into compiled code derives
        the shapes again and checks the chain (microseconds).
        """
        arrays: list[tuple[str, Any]] = [
            ("encoder", self.encoder),
            ("hidden_bias", self.hidden_bias),
        ]
        if self.decodes:
            arrays += [("decoder", self.decoder), ("visible_bias", self.visible_bias)]
        for name, array in arrays:
            if not is_array(array):
                raise damaged(f"{name} must be an ndarray, got {type(array).__name__}")
        dtype = self.encoder.dtype
        if dtype not in _DTYPES:  # another byte order is another dtype
            raise damaged(f"encoder must be float32 or float64, got {dtype}")
        if self.encoder.ndim != 2 or self.hidden_bias.ndim != 1:
            raise damaged(
                "encoder must have two dimensions and hidden_bias one, "
                f"got {self.encoder.ndim} and {self.hidden_bias.ndim}"
            )
        n_features, n_hidden = self.n_features, self.n_hidden
        shape = (n_features, padded_width(n_hidden, dtype))
        check_layout("encoder", self.encoder, shape, dtype)
        check_layout("hidden_bias", self.hidden_bias, (n_hidden,), dtype)
        if self.decodes:
            if not self.tied:
                check_layout("decoder", self.decoder, shape, dtype)
            check_layout("visible_bias", self.visible_bias, (n_features,), dtype)
        losses = LOSSES if self.decodes else OUTPUT_LOSSES
        checked_choice("activation", self.activation, ACTIVATIONS)
        checked_choice("matmul_precision", self.matmul_precision, PRECISIONS)
        if self.matmul_precision != HIGHEST and dtype != np.float32:
            raise damaged(f"weights of {dtype} must have matmul_precision={HIGHEST!r}")
        if self.blocks is not None:
            self._check_blocks()
            return
        checked_choice("decoder_activation", self.decoder_activation, DECODER_ACTIVATIONS)
        checked_choice("loss", self.loss, losses)
        if self.decodes:
            get_loss(self.loss).decoder_activation(self.decoder_activation)
        elif self.visible_bias is not None:
            raise damaged("there is a visible_bias without a decoder")

    def _check_blocks(self) -> None:
        assert self.blocks is not None
        checked_choice("decoder_activation", self.decoder_activation, (IN_BLOCKS,))
        checked_choice("loss", self.loss, (IN_BLOCKS,))
        covered = starts_of(self.blocks)[-1]
        if not self.decodes or covered != self.n_features:
            raise damaged(f"there are output_blocks of {covered} columns for {self.n_features}")


@dataclass
class Network:
    """Several layers: the hidden units of one are the features of the next.

    Either all of them decode: the decoders, from the last to the first, lead from the topmost
    code back to a reconstruction, and `loss` is that of the first layer. Or none does: the units
    of the last layer are the outputs, which its `loss` compares with a target.

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
    def output_loss(self) -> Loss:
        """The same as an object."""
        return self.layers[0 if self.decodes else -1].output_loss

    @property
    def dtype(self) -> np.dtype:
        return self.layers[0].dtype

    def prefixes(self) -> list[str]:
        """Prefix of the names of each layer's parameters."""
        return [f"{k}." for k in range(len(self.layers))]

    def multiply(self, matmul_precision: str) -> None:
        """Set the precision of all layers' products."""
        for layer in self.layers:
            layer.matmul_precision = matmul_precision

    def parameters(self) -> dict[str, np.ndarray]:
        """The distinct parameter arrays, as "0.encoder", "0.hidden_bias", ..."""
        return {
            prefix + name: array
            for prefix, layer in zip(self.prefixes(), self.layers, strict=True)
            for name, array in layer.parameters().items()
        }

    def copy(self) -> Network:
        """The same network over new, aligned arrays."""
        return Network([layer.copy() for layer in self.layers])

    def assign(self, other: Network) -> None:
        """Overwrite every parameter in place with `other`'s values."""
        _assign(self, other)

    def check(self) -> None:
        """Raise ValueError unless every array fits the others: what the core relies on."""
        if not self.layers:
            raise damaged("there is a stack without layers")
        for layer in self.layers:
            layer.check()
        for k, (below, above) in enumerate(itertools.pairwise(self.layers), start=1):
            if above.n_features != below.n_hidden:
                problem = f"encodes {above.n_features} features, layer {k - 1} has {below.n_hidden}"
            elif above.dtype != below.dtype:
                problem = f"is {above.dtype}, layer {k - 1} is {below.dtype}"
            elif above.matmul_precision != below.matmul_precision:
                problem = (
                    f"has matmul_precision={above.matmul_precision!r}, layer {k - 1} "
                    f"{below.matmul_precision!r}"
                )
            elif above.decodes != below.decodes:
                problem = f"and layer {k - 1} must both have a decoder, or none"
            else:
                continue
            raise damaged(f"layer {k} {problem}")
        top = self.layers[-1]
        if not top.decodes and top.activation != "identity":
            raise damaged(f"the outputs must be identity units, got {top.activation!r}")


def _assign(mine: Layer | Network, other: Layer | Network) -> None:
    theirs = other.parameters()
    for name, array in mine.parameters().items():
        array[...] = theirs[name]


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
    blocks: Blocks | None = None,
) -> Layer:
    """Random weights, uniform in +-sqrt(6 / (n_features + n_hidden)), biases zero.

    Glorot & Bengio (2010), eq. 16; four times that for logistic units, whose derivative at zero
    is a quarter (the same paper; also the 2010 denoising autoencoder tutorial).
    """
    bound = np.sqrt(6.0 / (n_features + n_hidden)) * get_activation(activation).initial_scale
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
        blocks=blocks,
    )
