"""What the core is called with: checks of what comes in, and the records it goes out as.

The core checks nothing, and releases the GIL: every entry point derives the shapes here, and looks
at dtype, memory layout and indices, before it calls.
"""

from __future__ import annotations

import numpy as np

from dae._model.blocks import Blocks, starts_of
from dae._model.corruption import KINDS, Corruption, get_kind
from dae._model.csr import CSR
from dae._model.layout import is_plain
from dae._model.losses import get_loss
from dae._model.network import Layer, Network
from dae._model.solver import Solver
from daecore import _enums, records

# ------------------------------------------------------------------ checks


def check_rows(name: str, X: np.ndarray, n_columns: int, dtype: np.dtype) -> None:
    """Raise ValueError unless `X` is a plain matrix of at least one row, `n_columns` wide."""
    if (
        not isinstance(X, np.ndarray)
        or X.ndim != 2
        or X.shape[0] < 1
        or X.shape[1] != n_columns
        or X.dtype != dtype
        or not is_plain(X)
    ):
        found = f"{X.dtype} of shape {X.shape}" if isinstance(X, np.ndarray) else type(X).__name__
        raise ValueError(
            f"{name} must be an aligned, C-ordered {dtype} array of shape "
            f"(n_samples >= 1, {n_columns}), got {found}."
        )


def check_same_rows(name: str, array: np.ndarray | CSR, X: np.ndarray | CSR) -> None:
    """Raise ValueError unless `array` has as many rows as `X`."""
    if len(array) != len(X):
        raise ValueError(f"X has {len(X)} rows, {name} {len(array)}.")


def check_index(name: str, rows: np.ndarray, n_rows: int) -> None:
    """Raise ValueError unless all of `rows` are indices into `n_rows` rows."""
    if rows.dtype != np.intp or rows.ndim != 1 or not is_plain(rows):
        raise ValueError(f"{name} must be a one-dimensional, C-ordered intp array.")
    if len(rows) and (rows.min() < 0 or rows.max() >= n_rows):
        raise ValueError(f"{name} must lie in [0, {n_rows}).")


def check_vector(name: str, vector: np.ndarray, n_features: int) -> None:
    """Raise ValueError unless `vector` has one number per feature."""
    if not isinstance(vector, np.ndarray) or vector.shape != (n_features,):
        raise ValueError(f"{name} must have shape ({n_features},), got {np.shape(vector)}.")


def check_csr(name: str, X: CSR, n_columns: int, dtype: np.dtype) -> None:
    """Raise ValueError unless `X` is valid CSR of that width and dtype."""
    X.check(name)
    if X.n_features != n_columns or X.dtype != dtype:
        raise ValueError(
            f"{name} must be CSR of {dtype} with {n_columns} columns, got {X.dtype} with "
            f"{X.n_features}."
        )


def check_inputs(name: str, X: np.ndarray | CSR, n_columns: int, dtype: np.dtype) -> None:
    """Raise ValueError unless `X` can be handed to the core: `check_rows` or `check_csr`."""
    if isinstance(X, CSR):
        check_csr(name, X, n_columns, dtype)
    else:
        check_rows(name, X, n_columns, dtype)


def check_weight(weight: np.ndarray, n_rows: int, dtype: np.dtype) -> None:
    """Raise ValueError unless `weight` is a plain vector of one number per row."""
    if weight.shape != (n_rows,) or weight.dtype != dtype or not is_plain(weight):
        raise ValueError(f"sample_weight must be {dtype} of shape ({n_rows},).")


def check_emphasis(emphasis: tuple[float, float]) -> None:
    """Raise ValueError unless both weights are finite and not negative."""
    if len(emphasis) != 2 or not all(0 <= weight < np.inf for weight in emphasis):
        raise ValueError(f"emphasis must be two finite numbers of 0 or more, got {emphasis!r}.")


def check_decodes(network: Layer | Network) -> None:
    """Raise ValueError unless the network has decoders."""
    if not network.decodes:
        raise ValueError("A network without decoders reconstructs nothing.")


def check_target(network: Layer | Network, target: np.ndarray | None, X: np.ndarray | CSR) -> None:
    """Raise ValueError unless a supervised network, and no other, has a target that fits."""
    if network.decodes:
        if target is not None:
            raise ValueError("target is for a network without decoders.")
        return
    if target is None:
        raise ValueError("A network without decoders must be trained with a target.")
    if target_is_classes(network):
        check_index("target", target, network.n_hidden)
    else:
        check_rows("target", target, network.n_hidden, network.dtype)
    check_same_rows("target", target, X)


def target_is_classes(network: Layer | Network) -> bool:
    """Whether a supervised network's target is one class number per row."""
    return get_loss(network.loss).of_classes


# ------------------------------------------------------------------ records


def encoder_record(layer: Layer) -> records.Encoder:
    """The encoder of a checked layer, for inference."""
    return records.Encoder(
        layer.encoder,
        layer.hidden_bias,
        _enums.ACTIVATIONS[layer.activation],
        _enums.PRECISIONS[layer.matmul_precision],
    )


def decoder_record(layer: Layer) -> records.Decoder:
    """The decoder of a checked layer that has one, for inference."""
    assert layer.decoder is not None and layer.visible_bias is not None
    if layer.blocks is not None:  # which have their own activations
        blocks, activation = _blocks_record(layer.blocks), "identity"
    else:
        blocks, activation = None, layer.decoder_activation
    return records.Decoder(
        layer.decoder,
        layer.visible_bias,
        _enums.ACTIVATIONS[activation],
        _enums.PRECISIONS[layer.matmul_precision],
        blocks=blocks,
    )


def _blocks_record(blocks: Blocks) -> records.Blocks:
    return records.Blocks(
        starts=np.array(starts_of(blocks), np.intp),
        losses=np.array([_enums.LOSSES[block.loss] for block in blocks], np.int32),
        activations=np.array([_enums.ACTIVATIONS[block.activation] for block in blocks], np.int32),
        weights=np.array([block.weight for block in blocks], np.float64),
    )


def loss_number(layer: Layer) -> int:
    """The core's number for the loss of a checked layer; -1 where blocks have their own."""
    return -1 if layer.blocks is not None else _enums.LOSSES[layer.loss]


def layer_records(network: Layer | Network, solver: Solver) -> list[records.Layer]:
    """Each layer with its moments, from the lowest; network and solver are checked."""
    network.check()
    solver.check(network)
    layers = []
    for prefix, layer in zip(network.prefixes(), network.layers, strict=True):
        moments = solver.moments
        encoder = encoder_record(layer)._replace(
            weights_moments=moments[prefix + "encoder"],
            bias_moments=moments[prefix + "hidden_bias"],
        )
        decoder = None
        if layer.decodes:
            decoder = decoder_record(layer)._replace(
                weights_moments=moments[prefix + ("encoder" if layer.tied else "decoder")],
                bias_moments=moments[prefix + "visible_bias"],
            )
        layers.append(records.Layer(encoder, decoder, loss_number(layer)))
    return layers


def solver_record(solver: Solver, dtype: np.dtype) -> records.Solver:
    """The settings of a checked solver."""
    name = solver.name
    if name == "sgd" and solver.momentum:
        name = "nesterov" if solver.nesterov else "momentum"
    return records.Solver(
        kind=_enums.SOLVERS[name],
        learning_rate=solver.learning_rate,
        momentum=solver.momentum,
        beta_1=solver.beta_1,
        beta_2=solver.beta_2,
        # not lost in float32: padding would be 0 / 0
        epsilon=max(solver.epsilon, float(np.finfo(dtype).tiny)),
        alpha=solver.alpha,
    )


def input_record(X: np.ndarray | CSR) -> np.ndarray | records.CSR:
    """Checked rows as the core takes them."""
    return csr_record(X) if isinstance(X, CSR) else X


def csr_record(X: CSR) -> records.CSR:
    """Checked rows in CSR."""
    return records.CSR(X.starts, X.columns, X.values)


def corruption_record(
    corruption: Corruption, X: np.ndarray | CSR, presentation: int
) -> records.Corruption:
    """The corruption of `X` at this presentation, checked against it."""
    n_features, dtype = X.shape[1], X.dtype
    threshold = level = low = high = donors = categories = None
    if corruption.kind not in KINDS:
        raise ValueError(f"corruption must be one of {KINDS}, got {corruption.kind!r}.")
    kind = get_kind(corruption.kind)
    if kind.has_level:
        check_vector("corruption level", corruption.level, n_features)
        if not (corruption.level >= 0).all():
            raise ValueError("corruption level must not be negative.")
    if kind.replaces:
        threshold = np.rint(np.minimum(corruption.level, 1) * 2**24).astype(np.uint32)
    elif kind.has_level:
        level = corruption.level.astype(dtype)
    if kind.needs_feature_range:
        check_vector("corruption low", corruption.low, n_features)
        check_vector("corruption high", corruption.high, n_features)
        low, high = corruption.low.astype(dtype), corruption.high.astype(dtype)
    if kind.needs_donors:
        donors = corruption.donors
        check_index("donors", donors, len(X))
        if len(donors) < 1:
            raise ValueError(f"{kind.name} corruption needs at least one donor row.")
    if corruption.categories:
        categories = np.array(corruption.categories, np.intp)
        edges = categories.ravel()
        if (
            categories.shape != (len(corruption.categories), 2)
            or (categories[:, 0] >= categories[:, 1]).any()
            or (categories[1:, 0] < categories[:-1, 1]).any()
            or not (edges[0] >= 0 and edges[-1] <= n_features)
        ):
            raise ValueError(f"categories must be ascending ranges of {n_features} features.")
    return records.Corruption(
        kind=_enums.CORRUPTIONS[kind.name],
        threshold=threshold,
        level=level,
        low=low,
        high=high,
        donors=donors,
        seed=corruption.seed,
        presentation=presentation,
        categories=categories,
    )
