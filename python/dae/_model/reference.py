"""The equations in plain NumPy: the executable specification of the compiled core.

Same functions and arguments as `dae._core` (less the thread count); tests hold the core to
this file, array by array. Written to be read, not to be fast.

    x~ = corrupt(x)
    a  = b + W x~          h = g1(a)         encode;  W is `encoder` transposed
    a* = b* + W* h         z = g2(a*)        decode;  W* is `decoder`
    E  = 1/B sum_i w_i sum_d loss(x_id, a*_id)

g and the losses are in `activations.py` and `losses.py`, the kinds of corruption in
`corruption.py`. In a stack, h of one layer is x of the next, z of one layer is what the layer
below decodes, and only the lowest z is compared with x; in a supervised stack, the topmost h with
a target. With an emphasis (alpha, beta), the terms of corrupted entries have weight alpha, the
others beta. Outputs in blocks of features have an activation, a loss and a weight for each block.
NaN in X is a missing entry: x~ is 0 there, whatever the corruption, and its term is left out. The
factors of every product are rounded as `Layer.matmul_precision` says; where the core has no faster
product of such factors, it does not round.

Sources: Vincent et al. (2008), sections 2.2 and 2.3; Vincent et al. (2010), section 4.2 for the
emphasis; Salmon et al. (2011) for Philox.
"""

from __future__ import annotations

import numpy as np

from dae._model.activations import get_activation
from dae._model.blocks import columns_of
from dae._model.corruption import Corruption, Words, get_kind
from dae._model.csr import CSR
from dae._model.losses import get_loss
from dae._model.missing import is_missing, without_missing
from dae._model.network import Layer, Network
from dae._model.precision import product
from dae._model.sampling import zeros_asked
from dae._model.solver import Solver

# ------------------------------------------------------------------ activations, losses


def activate(name: str, a: np.ndarray) -> np.ndarray:
    """g(a)."""
    return get_activation(name).value(a)


def derivative(name: str, g: np.ndarray) -> np.ndarray:
    """g'(a) in terms of g = g(a)."""
    return get_activation(name).derivative(g)


def weighted_loss_and_delta(
    layer: Layer, a: np.ndarray, x: np.ndarray, entry_weight: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Loss of each entry that a layer decodes, float64, with its weight, 0 for a missing one, and
    its derivative by the pre-activation `a`.
    """
    return layer.output_loss.weighted_entries(layer.decoder_activation, a, x, entry_weight)


def output_loss_and_delta(
    loss: str, a: np.ndarray, target: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Loss of each row of outputs, float64, and its derivative by their pre-activations `a`."""
    return get_loss(loss).rows(a, target)


# ------------------------------------------------------------------ inference


def encode(network: Layer | Network, X: np.ndarray) -> np.ndarray:
    for layer in network.layers:
        a = product(X, layer.encoder[:, : layer.n_hidden], layer.matmul_precision)
        X = activate(layer.activation, a + layer.hidden_bias)
    return X


def pre_decode(layer: Layer, H: np.ndarray) -> np.ndarray:
    assert layer.decoder is not None
    weights = layer.decoder[:, : layer.n_hidden]
    return product(H, weights.T, layer.matmul_precision) + layer.visible_bias


def decode(network: Layer | Network, H: np.ndarray) -> np.ndarray:
    for layer in reversed(network.layers):
        H = outputs(layer, pre_decode(layer, H))
    return H


def outputs(layer: Layer, a: np.ndarray) -> np.ndarray:
    """What a layer decodes, from its pre-activations."""
    if layer.blocks is None:
        return activate(layer.decoder_activation, a)
    parts = [activate(block.activation, a[:, own]) for block, own in columns_of(layer.blocks)]
    return np.concatenate(parts, axis=1)


def reconstruct(network: Layer | Network, X: np.ndarray) -> np.ndarray:
    return decode(network, encode(network, X))


def sample_losses(
    network: Layer | Network,
    X: np.ndarray,
    X_corrupted: np.ndarray,
    entry_weight: np.ndarray | None = None,
) -> np.ndarray:
    """Loss of each row of X when the network is shown the row of `X_corrupted`, float64.

    `entry_weight`, shaped as X, weighs the terms.
    """
    first, *others = network.layers
    H = decode(Network(others), encode(network, X_corrupted))
    entries, _ = weighted_loss_and_delta(first, pre_decode(first, H), X, entry_weight)
    return entries.sum(axis=1)


# ------------------------------------------------------------------ corruption


def philox(counter: np.ndarray, key: tuple[int, int]) -> np.ndarray:
    """Philox4x32-10 of each counter; `counter` uint32 of shape (..., 4)."""
    c = [counter[..., i].astype(np.uint64) for i in range(4)]
    k0, k1 = np.uint64(key[0]), np.uint64(key[1])
    low, shift = np.uint64(0xFFFFFFFF), np.uint64(32)
    for _ in range(10):
        p0, p1 = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [(p1 >> shift) ^ c[1] ^ k0, p1 & low, (p0 >> shift) ^ c[3] ^ k1, p0 & low]
        k0, k1 = (k0 + np.uint64(0x9E3779B9)) & low, (k1 + np.uint64(0xBB67AE85)) & low
    return np.stack(c, axis=-1).astype(np.uint32)


def random_words(
    seed: int, presentation: int, rows: np.ndarray, n_features: int, stream: int
) -> np.ndarray:
    """A uint32 for each (row, column); column d is word d % 4 of counter d // 4.

    Counter words: column // 4; row; presentation; and the high halves of the last two,
    ``stream << 31 | (presentation >> 32 & 0x7fff) << 16 | (row >> 32 & 0xffff)``.
    """
    rows = np.asarray(rows, dtype=np.uint64)
    quads = -(-n_features // 4)
    counter = np.zeros((len(rows), quads, 4), dtype=np.uint32)
    counter[..., 0] = np.arange(quads)
    counter[..., 1] = (rows & np.uint64(0xFFFFFFFF))[:, None]
    counter[..., 2] = presentation & 0xFFFFFFFF
    high = (rows >> np.uint64(32)) & np.uint64(0xFFFF)
    high |= np.uint64((presentation >> 32 & 0x7FFF) << 16 | stream << 31)
    counter[..., 3] = high[:, None]
    words = philox(counter, (seed & 0xFFFFFFFF, seed >> 32))
    return words.reshape(len(rows), quads * 4)[:, :n_features]


def corrupt(
    corruption: Corruption, X: np.ndarray, rows: np.ndarray, presentation: int
) -> np.ndarray:
    """Corrupted copies of X[rows], as presentation number `presentation` has them."""
    words = _words_of(corruption, rows, presentation)
    out = get_kind(corruption.kind).apply(corruption, X, rows, words)
    out[is_missing(X[rows], corruption.categories)] = 0
    return out


def hits(corruption: Corruption, X: np.ndarray, rows: np.ndarray, presentation: int) -> np.ndarray:
    """Which entries of X[rows] `corrupt` picks (the new value may be the old one), bool."""
    words = _words_of(corruption, rows, presentation)
    hit = get_kind(corruption.kind).hits(corruption, len(rows), words)
    return np.broadcast_to(hit, (len(rows), X.shape[1]))


def _words_of(corruption: Corruption, rows: np.ndarray, presentation: int) -> Words:
    return lambda stream, n_columns: random_words(
        corruption.seed, presentation, rows, n_columns, stream
    )


def entry_weights(
    corruption: Corruption,
    emphasis: tuple[float, float],
    X: np.ndarray,
    rows: np.ndarray,
    presentation: int,
) -> np.ndarray:
    """emphasis[0] where `corrupt` picks an entry of X[rows], else emphasis[1], of X's dtype.

    0 where the entry is missing.
    """
    weights = np.where(hits(corruption, X, rows, presentation), *emphasis).astype(X.dtype)
    weights[is_missing(X[rows], corruption.categories)] = 0
    return weights


# ------------------------------------------------------------------ one step, one call


def gradients(
    network: Layer | Network,
    X: np.ndarray,
    X_corrupted: np.ndarray,
    weight: np.ndarray,
    *,
    entry_weight: np.ndarray | None = None,
    target: np.ndarray | None = None,
) -> tuple[float, dict[str, np.ndarray]]:
    """Loss of a batch and its gradient by each parameter.

    `weight` has shape (B,), `entry_weight` that of X. The loss is that of the outputs against
    `target` where one is given, else that of the reconstruction against X.
    """
    layers, B = network.layers, len(X)
    grads: list[dict[str, np.ndarray]] = [{} for _ in layers]
    codes = [X_corrupted]  # codes[k] is what layer k codes
    for layer in layers:
        codes.append(encode(layer, codes[-1]))

    if target is not None:
        losses, delta = output_loss_and_delta(layers[-1].loss, codes[-1], target)
        delta = delta * (weight[:, None] / B).astype(X.dtype)
    else:
        decoded = [codes[-1]]  # decoded[k] is what layer k decodes
        for layer in layers[:0:-1]:
            decoded.insert(0, decode(layer, decoded[0]))
        entries, delta = weighted_loss_and_delta(
            layers[0], pre_decode(layers[0], decoded[0]), X, entry_weight
        )
        losses = entries.sum(axis=1)
        delta = delta * (weight[:, None] / B).astype(X.dtype)
        for k, layer in enumerate(layers):
            assert layer.decoder is not None
            precision = layer.matmul_precision
            grads[k]["decoder"] = product(delta.T, decoded[k], precision)
            grads[k]["visible_bias"] = delta.sum(axis=0)
            # what layer k decodes came from the decoder above, or is the topmost code
            top = layer is layers[-1]
            made_by = layer.activation if top else layers[k + 1].decoder_activation
            delta = product(delta, layer.decoder[:, : layer.n_hidden], precision)
            delta = delta * derivative(made_by, decoded[k])

    for k in reversed(range(len(layers))):
        layer = layers[k]
        precision = layer.matmul_precision
        grads[k]["encoder"] = product(codes[k].T, delta, precision)
        grads[k]["hidden_bias"] = delta.sum(axis=0)
        if layer.tied:
            grads[k]["encoder"] = grads[k]["encoder"] + grads[k].pop("decoder")
        if k > 0:
            delta = product(delta, layer.encoder[:, : layer.n_hidden].T, precision)
            delta = delta * derivative(layers[k - 1].activation, codes[k])

    loss = float((losses * weight).sum() / B)
    return loss, {
        prefix + name: g
        for prefix, of_layer in zip(network.prefixes(), grads, strict=True)
        for name, g in of_layer.items()
    }


def update(solver: Solver, network: Layer | Network, grads: dict[str, np.ndarray]) -> None:
    """Move every parameter, in place, by one step of the solver."""
    solver.n_steps += 1
    t, lr = solver.n_steps, solver.learning_rate
    for name, parameter in network.parameters().items():
        g, moments = grads[name], solver.moments[name]
        if parameter.ndim == 2:  # a weight array: drop the padding, add the penalty
            n_hidden = g.shape[1]
            parameter = parameter[:, :n_hidden]
            moments = tuple(v[:, :n_hidden] for v in moments)
            g = g + solver.alpha * parameter
        if solver.name == "adam":
            v1, v2 = moments
            v1[...] = solver.beta_1 * v1 + (1 - solver.beta_1) * g
            v2[...] = solver.beta_2 * v2 + (1 - solver.beta_2) * g * g
            rms = np.sqrt(v2 / (1 - solver.beta_2**t))
            parameter -= lr / (1 - solver.beta_1**t) * v1 / (rms + solver.epsilon)
        elif moments:
            (v,) = moments
            v[...] = solver.momentum * v - lr * g
            parameter += solver.momentum * v - lr * g if solver.nesterov else v
        else:
            parameter -= lr * g


def train(
    network: Layer | Network,
    solver: Solver,
    corruption: Corruption,
    X: np.ndarray,
    rows: np.ndarray,
    *,
    batch_size: int,
    presentation: int,
    X_corrupted: np.ndarray | None = None,
    sample_weight: np.ndarray | None = None,
    emphasis: tuple[float, float] = (1.0, 1.0),
    unit_rows: bool = False,
    target: np.ndarray | None = None,
    max_loss: float = np.inf,
) -> np.ndarray:
    """Train on X[rows], in that order, in mini-batches; the last one may be smaller.

    Parameters
    ----------
    network, solver : updated in place
    X : ndarray of shape (n_samples, n_features), the clean data
    rows : intp ndarray, the rows of X to present, in order
    presentation : int, number of this presentation, part of the corruption's key
    X_corrupted : ndarray shaped as X, or None
        What the network is shown instead of built-in corruption; NaN is shown as 0.
    sample_weight : ndarray of shape (n_samples,) of X's dtype, or None
    emphasis : tuple of two floats
        Weight of the loss of corrupted and of untouched entries. An entry of `X_corrupted` is
        corrupted where it differs from X.
    unit_rows : bool
        Whether corrupted rows are scaled to unit length before they are encoded.
    target : ndarray or None
        For a stack without decoders: what its outputs are compared with, instead of a
        reconstruction with X. intp class numbers of shape (n_samples,) for "softmax_log_loss",
        else of shape (n_samples, n_hidden) and X's dtype.
    max_loss : float
        Training stops before the update of a batch whose loss is above this or not finite.

    Returns
    -------
    losses : float64 ndarray
        Mean loss of each batch, before its update. Shorter than the number of batches,
        and ending with the offending loss, when training was stopped.
    """
    losses = []
    for first in range(0, len(rows), batch_size):
        batch = rows[first : first + batch_size]
        x = X[batch]
        if X_corrupted is not None:
            shown = X_corrupted[batch]
            entry_weight = np.where(shown != x, *emphasis).astype(X.dtype)
            shown = without_missing(shown, corruption.categories)
        else:
            shown = corrupt(corruption, X, batch, presentation)
            entry_weight = entry_weights(corruption, emphasis, X, batch, presentation)
        if unit_rows:
            shown = of_unit_length(shown)
        loss, grads = gradients(
            network,
            x,
            shown,
            np.ones(len(batch)) if sample_weight is None else sample_weight[batch],
            entry_weight=entry_weight,
            target=None if target is None else target[batch],
        )
        losses.append(loss)
        if not loss <= max_loss:
            break
        update(solver, network, grads)
    return np.array(losses, dtype=np.float64)


# ------------------------------------------------------------------ sampled outputs


def sampling_weights(
    corruption: Corruption, known: np.ndarray, rows: np.ndarray, presentation: int, ratio: float
) -> np.ndarray:
    """How much each entry counts when outputs are sampled; 0 for those nobody asks for.

    Dauphin, Glorot & Bengio (2011): entries that are `known` (bool, (B, n)) count 1. Of the
    zeros Z of a row, k = ceil(ratio * known) are drawn, one of each of k equal parts of their
    order, and count Z / k: what is expected of the sum is the sum over all.
    """
    weights = known.astype(np.float64)
    for i, row in enumerate(rows):
        zeros = np.flatnonzero(~known[i])
        k = int(zeros_asked(known[i].sum(), known.shape[1], ratio))
        if k:
            words = random_words(corruption.seed, presentation, np.array([row]), k, 1)[0]
            part = len(zeros) / k
            rank = ((np.arange(k) + words / 2.0**32) * part).astype(np.intp)
            np.add.at(weights[i], zeros[np.minimum(rank, len(zeros) - 1)], part)
    return weights


def of_unit_length(rows: np.ndarray) -> np.ndarray:
    """Each row divided by its length; rows of zeros as they are."""
    lengths = np.sqrt((rows.astype(np.float64) ** 2).sum(axis=1, keepdims=True))
    return (rows / np.where(lengths > 0, lengths, 1)).astype(rows.dtype)


def train_sampled(
    layer: Layer,
    solver: Solver,
    corruption: Corruption,
    X: CSR,
    rows: np.ndarray,
    *,
    batch_size: int,
    presentation: int,
    zeros_per_nonzero: float,
    X_corrupted: CSR | None = None,
    unit_rows: bool = False,
    sample_weight: np.ndarray | None = None,
    emphasis: tuple[float, float] = (1.0, 1.0),
    max_loss: float = np.inf,
) -> np.ndarray:
    """`train` with sampled outputs, for one layer and rows in CSR.

    Rows of the weights that no entry of a batch names do not move, nor do their moments
    (momentum, Adam) and their penalty `alpha`: what PyTorch calls a sparse, or lazy, update.

    Parameters
    ----------
    X, X_corrupted : CSR, shape (n_samples, n_features)
        Known entries of a row are those that it stores here or there.
    zeros_per_nonzero : float
        Zeros that are reconstructed per known entry of a row, rounded up; at least one.
    unit_rows : bool
        Whether corrupted rows are scaled to unit length before they are encoded.
    """
    losses = []
    clean = X.toarray()
    stored = CSR(X.starts, X.columns, np.ones_like(X.values), X.n_features).toarray() > 0
    given = None
    if X_corrupted is not None:
        given = X_corrupted.toarray()
        ones = np.ones_like(X_corrupted.values)
        parts = X_corrupted.starts, X_corrupted.columns, ones, X.n_features
        stored |= CSR(*parts).toarray() > 0
    for start in range(0, len(rows), batch_size):
        batch = rows[start : start + batch_size]
        x = clean[batch]
        if given is not None:
            shown = given[batch]
            entry_weight = np.where(shown != x, *emphasis)
        else:
            shown = corrupt(corruption, clean, batch, presentation)
            entry_weight = entry_weights(corruption, emphasis, clean, batch, presentation)
        sampled = sampling_weights(
            corruption, stored[batch], batch, presentation, zeros_per_nonzero
        )
        if unit_rows:
            shown = of_unit_length(shown)
        loss, grads = gradients(
            layer,
            x,
            shown,
            np.ones(len(batch)) if sample_weight is None else sample_weight[batch],
            entry_weight=(entry_weight * sampled).astype(clean.dtype),
        )
        losses.append(loss)
        if not loss <= max_loss:
            break
        asked, seen = (sampled > 0).any(axis=0), (shown != 0).any(axis=0)
        moved = {
            "encoder": asked | seen if layer.tied else seen,
            "decoder": asked,
            "visible_bias": asked,
        }
        before = layer.copy()
        kept = {name: [m.copy() for m in ms] for name, ms in solver.moments.items()}
        update(solver, layer, grads)
        for name, parameter in layer.parameters().items():
            if name in moved:
                still = ~moved[name]
                parameter[still] = getattr(before, name)[still]
                for moment, old in zip(solver.moments[name], kept[name], strict=True):
                    moment[still] = old[still]
    return np.array(losses, dtype=np.float64)
