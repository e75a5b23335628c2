"""What `ImageDenoiser` computes, as ONNX operators.

The network of patches with what is done before and after it (`dae.image._patch_task`), and the
cleaning of whole pictures: patches cut out and averaged (`dae.image._patches`), resolutions
(`dae.image._multiscale`), colours (`dae.image._colour`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from dae._estimator.transformer import NetworkTransformer
from dae._model.convolutional import ConvolutionalNetwork
from dae._model.network import Layer
from dae.image._cleaning import Cleaner
from dae.image._colour import GREY, OPPONENT
from dae.image._multiscale import HALF, HALVING, LOW_HALF, LOWER, NOISE_LEFT
from dae.image._patch_task import CONSTANT, LOST, SCALE, PatchTask
from dae.image.convolutional import ConvolutionalAutoencoder
from dae.onnx._graph import Graph, Output
from dae.onnx._networks import reconstruct


def denoiser_graph(denoiser: Any, method: str) -> tuple[Graph, list[Output]]:
    """The graph of a fitted denoiser's "transform" or "reconstruct"."""
    cleaner = denoiser._cleaner()
    task, network = cleaner.task, cleaner.network
    if not isinstance(network, (NetworkTransformer, ConvolutionalAutoencoder)):
        raise TypeError(
            "autoencoder must be a DenoisingAutoencoder, a StackedDenoisingAutoencoder or a "
            f"ConvolutionalAutoencoder for an ONNX model, got {type(network).__name__}."
        )
    if method == "transform" and task.noise in LOST:
        raise ValueError(
            f"method='transform' cannot be written for noise={task.noise!r}: lost pixels are "
            "first filled by an iteration that depends on where they are. Use "
            "method='reconstruct', the network that cleans filled patches."
        )
    graph = Graph(np.dtype(np.float32))
    if isinstance(network, ConvolutionalAutoencoder):
        cleaning: PlaneCleaning = MapCleaning(task, network._network())
    else:
        cleaning = PatchCleaning(task, network._fitted().layers, cleaner.stride)
    if method == "reconstruct":
        return graph, [_patch_network(graph, cleaner, cleaning)]
    return graph, [_picture_network(graph, cleaner, cleaning)]


def _patch_network(graph: Graph, cleaner: Cleaner, cleaning: PlaneCleaning) -> Output:
    task = cleaner.task
    shape: list[str | int | None] = ["batch", task.size**2]
    patches = [graph.input("X", np.float32, shape)]
    if task.noise in LOST:
        patches.append(graph.input("mask", np.float32, shape))
    elif task.noise == "unknown":
        patches.append(graph.input("neighbours", np.float32, shape))
    told = _told_level(graph, cleaner)
    level = _trained_level(graph, cleaner) if told is None else _column(graph, told)
    cleaned = cleaning.of_patches(graph, patches, level)
    return Output("variable", graph.dtype, shape, cleaned)


def _picture_network(graph: Graph, cleaner: Cleaner, cleaning: PlaneCleaning) -> Output:
    shape: list[str | int | None] = ["batch", "height", "width", "channels"]
    colours = graph.input("X", np.float32, shape)
    told = _told_level(graph, cleaner)
    if cleaner.luminance:
        colours = _mixed(graph, colours, OPPONENT.T, cleaner.task.convolves)
    planes = graph.op("Transpose", colours, perm=[0, 3, 1, 2])
    as_planes = graph.op("Shape", planes)
    if told is None:
        level = _trained_level(graph, cleaner)
    else:  # of each plane
        each = graph.op("Expand", _column(graph, told), graph.op("Shape", planes, end=2))
        level = graph.op("Reshape", each, [-1, 1])
    size = graph.op("Shape", planes, start=2)
    planes = graph.op("Reshape", planes, graph.op("Concat", [-1], size, axis=0))
    planes = cleaning.at_scales(graph, planes, level, cleaner.scales)
    colours = graph.op("Transpose", graph.op("Reshape", planes, as_planes), perm=[0, 2, 3, 1])
    if cleaner.luminance:
        colours = _mixed(graph, colours, OPPONENT, cleaner.task.convolves)
    return Output("variable", graph.dtype, shape, graph.op("Clip", colours, 0.0, 1.0))


def _trained_level(graph: Graph, cleaner: Cleaner) -> str:
    return graph.constant(np.full((1, 1), cleaner.levels[0]))


def _told_level(graph: Graph, cleaner: Cleaner) -> str | None:
    """The input `sigma`, clipped to the levels that were trained on; None where there is none."""
    if not cleaner.tells_level:
        return None
    return graph.op("Clip", graph.input("sigma", np.float32, [None]), *cleaner.levels)


def _column(graph: Graph, vector: str) -> str:
    return graph.op("Unsqueeze", vector, [1])


def _mixed(graph: Graph, colours: str, matrix: np.ndarray, around_grey: bool) -> str:
    """Colours times the matrix where there are three of them, otherwise as they are."""
    n_colours = graph.op("Squeeze", graph.op("Shape", colours, start=3, end=4))
    three, other = graph.branch(), graph.branch()
    if around_grey:
        turned = three.op("MatMul", three.op("Sub", colours, float(GREY)), matrix)
        turned = three.op("Add", turned, float(GREY))
    else:
        turned = three.op("MatMul", colours, matrix)
    return graph.choose(
        graph.op("Equal", n_colours, 3),
        (three, turned),
        (other, other.op("Identity", colours)),
    )


# ------------------------------------------------------------------ planes


class PlaneCleaning(ABC):
    """The cleaning of planes (n, height, width) of one size.

    Parameters
    ----------
    task : PatchTask
    """

    def __init__(self, task: PatchTask) -> None:
        self.task = task

    @abstractmethod
    def clean(self, graph: Graph, planes: str, level: str) -> str:
        """Planes cleaned at one resolution; `level` (n, 1) or (1, 1)."""

    @abstractmethod
    def of_patches(self, graph: Graph, patches: list[str], level: str) -> str:
        """Patches (n, size * size), cut from `PatchTask.planes`, cleaned."""

    def at_scales(self, graph: Graph, planes: str, level: str, scales: int) -> str:
        """Planes cleaned at `scales` resolutions, or fewer where they are too small.

        As in `dae.image._multiscale`, the coarser resolutions determine the low frequencies.
        """
        fine = self.clean(graph, planes, level)
        if scales == 1:
            return fine
        smallest = graph.op("ReduceMin", graph.op("Shape", planes, start=1), keepdims=0)
        enough = graph.op("Greater", smallest, 2 * self.task.coarsest - 1)
        several, one = graph.branch(), graph.branch()
        return graph.choose(
            enough,
            (several, self._with_coarse(several, planes, fine, level, scales)),
            (one, one.op("Identity", fine)),
        )

    def _with_coarse(self, graph: Graph, planes: str, fine: str, level: str, scales: int) -> str:
        coarse = self.at_scales(
            graph, _halved(graph, planes), graph.op("Mul", level, NOISE_LEFT), scales - 1
        )
        change = _lower(graph, graph.op("Sub", coarse, _halved(graph, fine)))
        return graph.op("Add", fine, _doubled(graph, change, planes))


def _scale(graph: Graph, task: PatchTask, level: str) -> str:
    """The divisor of the pixels, as `PatchTask.show` chooses it."""
    if task.noise == "gaussian":
        return graph.op("Sqrt", graph.op("Mul", level, float(SCALE) / 2))
    return graph.constant(np.full((1, 1), SCALE))


# ------------------------------------------------------------------ by patches


def _clean_patches(
    graph: Graph,
    task: PatchTask,
    layers: list[Layer],
    patches: list[str],
    level: str,
    pixels: np.ndarray,
) -> str:
    """Some pixels of each patch, cleaned.

    Parameters
    ----------
    patches : list of tensors (n, size * size)
        Cut from `PatchTask.planes`.
    level : tensor (n, 1) or (1, 1)
    pixels : ndarray of int
        Numbers of the pixels that are returned.

    Returns
    -------
    cleaned : tensor (n, len(pixels))
    """
    n_pixels = task.size**2
    guess = patches[0]
    if task.noise == "unknown":
        hidden = np.outer(task.blind(), task.blind()).reshape(1, n_pixels)
        guess = graph.op("Where", hidden, patches[1], guess)
    if not task.centre:
        mean = graph.constant(np.full((1, 1), 0.5))
    else:
        mean = graph.op("Mul", graph.op("ReduceSum", guess, [1], keepdims=1), 1 / n_pixels)
    scale = _scale(graph, task, level)
    constant = graph.constant(np.full((1, 1), CONSTANT))
    if task.noise == "gaussian":
        constant = graph.op("Mul", level, CONSTANT * 10)
    columns = [graph.op("Div", graph.op("Sub", guess, mean), scale)]
    if task.noise in LOST:
        columns.append(patches[1])
    n_patches = graph.op("Shape", guess, start=0, end=1)
    one_each = graph.op("Concat", n_patches, [1], axis=0)
    columns.append(graph.op("Expand", constant, one_each))
    shown = graph.op("Concat", *columns, axis=1)
    answer = graph.op("Mul", reconstruct(graph, layers, shown, pixels), scale)
    if task.predict == "patch":
        return graph.op("Add", answer, mean)
    if len(pixels) < n_pixels:
        guess = graph.op("Gather", guess, pixels, axis=1)
    return graph.op("Sub", guess, answer)


class PatchCleaning(PlaneCleaning):
    """The same by a network of patches.

    Parameters
    ----------
    layers : list of Layer
    stride : int
        Pixels between neighbouring patches.
    """

    def __init__(self, task: PatchTask, layers: list[Layer], stride: int) -> None:
        super().__init__(task)
        self.layers = layers
        self.stride = stride

    def of_patches(self, graph: Graph, patches: list[str], level: str) -> str:
        """All pixels of the patches."""
        pixels = np.arange(self.task.size**2)
        return _clean_patches(graph, self.task, self.layers, patches, level, pixels)

    def clean(self, graph: Graph, planes: str, level: str) -> str:
        """Planes cleaned at one resolution, as `dae.image._patches.filter_picture` does."""
        task, stride, before = self.task, self.stride, self.task.size // 2
        lines = np.flatnonzero(task.profile())
        pixels = (lines[:, None] * task.size + lines).ravel()
        lengths = [_length(graph, planes, axis) for axis in (1, 2)]
        places = [_patch_lines(graph, n, task.size, stride) for n in lengths]
        shown = [planes]
        if task.noise == "unknown":
            shown.append(_neighbour_mean(graph, planes, lengths))
        patches = []
        for plane in shown:
            # (n, rows, size, columns, size)
            cut = graph.op(
                "Gather", graph.op("Gather", plane, places[0], axis=1), places[1], axis=3
            )
            cut = graph.op("Transpose", cut, perm=[0, 1, 3, 2, 4])
            grid = graph.op("Shape", cut, end=3)
            patches.append(graph.op("Reshape", cut, [-1, task.size**2]))
        if task.noise == "gaussian":  # of each patch
            n_planes = graph.op("Slice", grid, [0], [1])
            per_plane = graph.op("ReduceProd", graph.op("Slice", grid, [1], [3]), keepdims=1)
            n_each = graph.op("Concat", n_planes, per_plane, axis=0)
            level = graph.op("Reshape", graph.op("Expand", level, n_each), [-1, 1])
        cleaned = _clean_patches(graph, task, self.layers, patches, level, pixels)

        # each patch weighted and added where it was cut out
        shape = graph.op("Concat", grid, [len(pixels)], axis=0)
        cleaned = graph.op("Transpose", graph.op("Reshape", cleaned, shape), perm=[0, 3, 1, 2])
        profile = task.profile()
        kernels = np.zeros((len(pixels), 1, task.size, task.size))
        weights = np.outer(profile, profile).ravel()
        kernels.reshape(len(pixels), -1)[np.arange(len(pixels)), pixels] = weights[pixels]
        total = graph.op("ConvTranspose", cleaned, kernels, strides=[stride, stride])
        coverage = [
            _coverage(graph, graph.op("Slice", grid, [k], [k + 1]), profile, stride) for k in (1, 2)
        ]
        weight = graph.op("Mul", _column(graph, coverage[0]), coverage[1])
        first = [before, before]
        last = [graph.op("Reshape", graph.op("Add", n, before), [1]) for n in lengths]
        end = graph.op("Concat", *last, axis=0)
        total = graph.op("Squeeze", graph.op("Slice", total, first, end, [2, 3]), [1])
        return graph.op("Div", total, graph.op("Slice", weight, first, end, [0, 1]))


# ------------------------------------------------------------------ by convolutions


class MapCleaning(PlaneCleaning):
    """The same by a network that convolves, as `dae._model.convolutional` has it.

    Parameters
    ----------
    network : ConvolutionalNetwork
    """

    def __init__(self, task: PatchTask, network: ConvolutionalNetwork) -> None:
        super().__init__(task)
        self.network = network

    def of_patches(self, graph: Graph, patches: list[str], level: str) -> str:
        """Patches as pictures of their own."""
        shape = [-1, 1, self.task.size, self.task.size]
        maps = [graph.op("Reshape", patch, shape) for patch in patches]
        return graph.op("Reshape", self._cleaned(graph, maps, level), [-1, self.task.size**2])

    def clean(self, graph: Graph, planes: str, level: str) -> str:
        """Planes, those of odd height or width with their last line twice."""
        lengths = [_length(graph, planes, axis) for axis in (1, 2)]
        even = planes
        for axis, length in enumerate(lengths, start=1):
            stop = graph.op("Add", length, graph.op("Mod", length, 2))
            places = graph.op("Min", graph.op("Range", 0, stop, 1), graph.op("Sub", length, 1))
            even = graph.op("Gather", even, places, axis=axis)
        cleaned = graph.op(
            "Squeeze", self._cleaned(graph, [graph.op("Unsqueeze", even, [1])], level), [1]
        )
        end = graph.op("Concat", *(graph.op("Reshape", n, [1]) for n in lengths), axis=0)
        return graph.op("Slice", cleaned, [0, 0], end, [1, 2])

    def _cleaned(self, graph: Graph, maps: list[str], level: str) -> str:
        """The first of these maps (n, 1, height, width), of even height and width."""
        task, network = self.task, self.network
        scale = _scale(graph, task, level)
        constant = graph.constant(np.ones((1, 1)))
        if task.noise == "gaussian":
            constant = graph.op("Div", level, scale)
        scale, constant = (graph.op("Unsqueeze", value, [2, 3]) for value in (scale, constant))
        pixels = graph.op("Div", graph.op("Sub", maps[0], 0.5), scale)
        quarters = [graph.op("SpaceToDepth", part, blocksize=2) for part in (pixels, *maps[1:])]
        n = graph.op("Shape", quarters[0], start=0, end=1)
        size = graph.op("Shape", quarters[0], start=2)
        everywhere = graph.op("Concat", n, [1], size, axis=0)
        inputs = graph.op("Concat", *quarters, graph.op("Expand", constant, everywhere), axis=1)
        code = _convolved(graph, inputs, network.head)
        for first, second in network.blocks:
            hidden = graph.op("Relu", _convolved(graph, code, first))
            code = graph.op("Add", code, _convolved(graph, hidden, second))
        change = _convolved(graph, code, network.tail[..., : network.n_outputs])
        answer = graph.op("Add", graph.op("DepthToSpace", change, blocksize=2), pixels)
        answer = graph.op("Mul", answer, scale)
        if task.predict == "noise":
            return graph.op("Sub", maps[0], answer)
        return graph.op("Add", answer, 0.5)


def _convolved(graph: Graph, maps: str, filters: np.ndarray) -> str:
    """Maps (n, inputs, height, width) through filters (3, 3, inputs, outputs)."""
    return graph.op("Conv", maps, filters.transpose(3, 2, 0, 1), pads=[1, 1, 1, 1])


# ------------------------------------------------------------------ lines


def _length(graph: Graph, tensor: str, axis: int) -> str:
    return graph.op("Squeeze", graph.op("Shape", tensor, start=axis, end=axis + 1))


def _mirrored(graph: Graph, places: str, length: str) -> str:
    """Places beyond the border, mirrored there; the line at the border comes twice."""
    twice = graph.op("Mul", length, 2)
    inside = graph.op("Mod", places, twice)  # not negative
    return graph.op("Min", inside, graph.op("Sub", graph.op("Sub", twice, 1), inside))


def _patch_lines(graph: Graph, length: str, size: int, stride: int) -> str:
    """The lines of a plane that each patch along an axis consists of, (n_patches, size)."""
    before = size // 2
    reach = graph.op("Add", length, 2 * before - size + stride - 1)
    count = graph.op("Add", graph.op("Div", reach, stride), 1)
    starts = graph.op("Range", 0, graph.op("Mul", count, stride), stride)
    places = graph.op("Add", _column(graph, starts), np.arange(size) - before)
    return _mirrored(graph, places, length)


def _neighbour_mean(graph: Graph, planes: str, lengths: list[str]) -> str:
    beside = []
    for axis, length in enumerate(lengths, start=1):
        for step in (-1, 1):
            places = graph.op("Add", graph.op("Range", 0, length, 1), step)
            beside.append(graph.op("Gather", planes, _mirrored(graph, places, length), axis=axis))
    return graph.op("Mul", graph.op("Sum", *beside), 0.25)


def _coverage(graph: Graph, count: str, profile: np.ndarray, stride: int) -> str:
    """Sum of the profiles of `count` patches along an axis, at each of its pixels."""
    ones = graph.op("Expand", np.ones((1, 1, 1)), graph.op("Concat", [1, 1], count, axis=0))
    sums = graph.op("ConvTranspose", ones, profile.reshape(1, 1, -1), strides=[stride])
    return graph.op("Reshape", sums, [-1])


# ------------------------------------------------------------------ resolutions


def _halved(graph: Graph, planes: str) -> str:
    """Planes at half the resolution, as `dae.image._multiscale.halved` does it."""
    for axis in (1, 2):
        odd = graph.op("Mod", _length(graph, planes, axis), 2)
        after = graph.op("Add", odd, HALF - 1)
        planes = _filtered(graph, _extended(graph, planes, axis, HALF - 1, after), axis, HALVING, 2)
    return planes


def _doubled(graph: Graph, planes: str, like: str) -> str:
    """Planes at twice the resolution, of the height and width of `like`."""
    for axis in (1, 2):
        extended = _extended(graph, planes, axis, HALF // 2, graph.constant(HALF // 2))
        kernel, strides = _kernel(2 * HALVING, axis), [2 if axis == k else 1 for k in (1, 2)]
        planes = graph.op("Unsqueeze", extended, [1])
        planes = graph.op("ConvTranspose", planes, kernel, strides=strides)
        planes = graph.op("Squeeze", planes, [1])
        first = 2 * HALF - 1
        end = graph.op("Reshape", graph.op("Add", _length(graph, like, axis), first), [1])
        planes = graph.op("Slice", planes, [first], end, [axis])
    return planes


def _lower(graph: Graph, planes: str) -> str:
    """The lower frequencies of planes."""
    for axis in (1, 2):
        after = graph.constant(LOW_HALF)
        planes = _filtered(graph, _extended(graph, planes, axis, LOW_HALF, after), axis, LOWER, 1)
    return planes


def _extended(graph: Graph, planes: str, axis: int, before: int, after: str) -> str:
    """Planes with lines beyond their border, mirrored there."""
    length = _length(graph, planes, axis)
    places = graph.op("Range", -before, graph.op("Add", length, after), 1)
    return graph.op("Gather", planes, _mirrored(graph, places, length), axis=axis)


def _filtered(graph: Graph, planes: str, axis: int, weights: np.ndarray, stride: int) -> str:
    """Planes through a symmetric filter, of which every `stride`-th value is kept."""
    strides = [stride if axis == k else 1 for k in (1, 2)]
    planes = graph.op("Unsqueeze", planes, [1])
    planes = graph.op("Conv", planes, _kernel(weights, axis), strides=strides)
    return graph.op("Squeeze", planes, [1])


def _kernel(weights: np.ndarray, axis: int) -> np.ndarray:
    return weights.reshape((1, 1, -1, 1) if axis == 1 else (1, 1, 1, -1))
