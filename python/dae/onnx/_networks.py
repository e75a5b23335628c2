"""What autoencoders, classifiers and regressors compute, as ONNX operators.

The equations are those of ``dae/_model/reference.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dae._estimator.state import input_norm_of
from dae._model.blocks import columns_of
from dae._model.losses import get_loss
from dae._model.network import Layer, Network
from dae.onnx._graph import Graph, Output

AUTOENCODER_METHODS = ("transform", "inverse_transform", "reconstruct", "score_samples")

_OPERATORS = {
    "identity": None,
    "logistic": "Sigmoid",
    "tanh": "Tanh",
    "relu": "Relu",
    "exp": "Exp",
    "softmax": "Softmax",  # over the last axis, which is that of the features
}


def network_outputs(
    graph: Graph, estimator: Any, network: Layer | Network, method: str, X: str
) -> list[Output]:
    """Append what `method` of a fitted autoencoder, classifier or regressor computes of X."""
    shown = X if method == "inverse_transform" else shown_rows(graph, estimator, X)
    if method == "predict":
        if "classes_" in estimator.__dict__:
            return classifier_outputs(graph, network, estimator.classes_, shown)
        return [regressor_output(graph, estimator, network, shown)]
    if method == "transform":
        tensor, width = codes(graph, estimator, network, shown)
        return [Output("variable", graph.dtype, ["batch", width], tensor)]
    if method == "score_samples":
        score = scores(graph, network.layers, X, shown)
        return [Output(method, graph.dtype, ["batch", 1], score)]
    if method == "inverse_transform":
        layers = coded_layers(estimator, network)
        first = estimator._n_features_out - layers[-1].n_hidden
        if first:  # of all codes side by side the last layer's are decoded
            X = graph.op("Slice", X, [first], [estimator._n_features_out], [1])
        tensor = decode(graph, layers, X)
    else:
        tensor = reconstruct(graph, network.layers, shown)
    return [Output("variable", graph.dtype, ["batch", network.n_features], tensor)]


def shown_rows(graph: Graph, estimator: Any, X: str) -> str:
    """The rows as the first layer reads them: scaled by the `input_norm` of the training."""
    if input_norm_of(estimator) is None:
        return X
    rows = _double(graph, X)
    squares = graph.op("ReduceSum", graph.op("Mul", rows, rows), [1], keepdims=1)
    length = graph.op("Sqrt", squares)
    zero, one = (graph.constant(value, dtype=np.float64) for value in (0.0, 1.0))
    length = graph.op("Where", graph.op("Equal", length, zero), one, length)
    return _single(graph, graph.op("Div", rows, length))


# ------------------------------------------------------------------ layers


def encode(graph: Graph, layers: list[Layer], X: str) -> str:
    for layer in layers:
        weights = _weights(graph, layer, "encoder")
        bias = graph.constant(layer.hidden_bias, "hidden_bias")
        X = activate(graph, layer.activation, graph.op("Gemm", X, weights, bias))
    return X


def pre_decode(graph: Graph, layer: Layer, H: str, rows: np.ndarray | None = None) -> str:
    """Pre-activations of what a layer decodes; `rows` are the features that are asked for."""
    assert layer.decoder is not None and layer.visible_bias is not None
    weights = _weights(graph, layer, "encoder" if layer.tied else "decoder", rows)
    bias = layer.visible_bias if rows is None else layer.visible_bias[rows]
    return graph.op("Gemm", H, weights, graph.constant(bias, "visible_bias"), transB=1)


def decode(graph: Graph, layers: list[Layer], H: str, rows: np.ndarray | None = None) -> str:
    for k in reversed(range(len(layers))):
        a = pre_decode(graph, layers[k], H, None if k else rows)
        H = outputs(graph, layers[k], a)
    return H


def outputs(graph: Graph, layer: Layer, a: str) -> str:
    """What a layer decodes, from its pre-activations."""
    if layer.blocks is None:
        return activate(graph, layer.decoder_activation, a)
    parts = [
        activate(graph, block.activation, _columns(graph, a, own))
        for block, own in columns_of(layer.blocks)
    ]
    return graph.op("Concat", *parts, axis=1)


def _columns(graph: Graph, tensor: str, own: slice) -> str:
    return graph.op("Slice", tensor, [own.start], [own.stop], [1])


def reconstruct(graph: Graph, layers: list[Layer], X: str, rows: np.ndarray | None = None) -> str:
    return decode(graph, layers, encode(graph, layers, X), rows)


def activate(graph: Graph, activation: str, a: str) -> str:
    operator = _OPERATORS[activation]
    return a if operator is None else graph.op(operator, a)


def _weights(graph: Graph, layer: Layer, name: str, rows: np.ndarray | None = None) -> str:
    """Weights (n_features, n_hidden) without their padding."""
    weights = getattr(layer, name)[:, : layer.n_hidden]
    return graph.constant(weights if rows is None else weights[rows], name)


def coded_layers(estimator: Any, network: Layer | Network) -> list[Layer]:
    """The layers that lead to the (topmost) code of `transform`."""
    up_to = getattr(estimator, "_up_to", None)
    return network.layers if up_to is None else up_to(network).layers


def codes(graph: Graph, estimator: Any, network: Layer | Network, X: str) -> tuple[str, int]:
    """What `transform` computes, and its number of columns."""
    layers = coded_layers(estimator, network)
    if getattr(estimator, "output_layers", "last") != "all":
        return encode(graph, layers, X), layers[-1].n_hidden
    each = []
    for layer in layers:
        X = encode(graph, [layer], X)
        each.append(X)
    width = sum(layer.n_hidden for layer in layers)
    return (each[0] if len(each) == 1 else graph.op("Concat", *each, axis=1)), width


# ------------------------------------------------------------------ losses


def scores(graph: Graph, layers: list[Layer], X: str, shown: str) -> str:
    """Minus the loss of each row, (n_samples, 1), summed in float64 as the core does."""
    first, *others = layers
    H = encode(graph, layers, shown)
    a = pre_decode(graph, first, decode(graph, others, H))
    if first.blocks is None:
        total = _total(graph, first.loss, first.decoder_activation, a, X)
    else:
        parts = []
        for block, own in columns_of(first.blocks):
            a_own, X_own = _columns(graph, a, own), _columns(graph, X, own)
            weight = graph.constant(block.weight, "block_weight", dtype=np.float64)
            part = _total(graph, block.loss, block.activation, a_own, X_own)
            parts.append(graph.op("Mul", part, weight))
        total = parts[0] if len(parts) == 1 else graph.op("Sum", *parts)
    return _single(graph, graph.op("Neg", total))


def _total(graph: Graph, loss: str, activation: str, a: str, X: str) -> str:
    """The loss of each row, (n_samples, 1), in float64."""
    if loss not in _ENTRIES:
        raise NotImplementedError(f"There are no ONNX operators for loss={loss!r} yet.")
    return graph.op("ReduceSum", _ENTRIES[loss](graph, activation, a, X), [1], keepdims=1)


def _squared_error(graph: Graph, activation: str, a: str, X: str) -> str:
    z = activate(graph, activation, a)
    error = _double(graph, graph.op("Sub", z, X))
    return graph.op("Mul", error, error)


def _log_loss(graph: Graph, activation: str, a: str, X: str) -> str:
    """softplus(a) - x a, of which relu(a) - x a is exactly 0 where x is 0 or 1 and right."""
    linear = graph.op("Sub", graph.op("Relu", a), graph.op("Mul", X, a))
    return _double(graph, graph.op("Add", linear, _log1p_exp_minus_abs(graph, a)))


def _poisson(graph: Graph, activation: str, a: str, X: str) -> str:
    """exp(a) - x - x (a - log x), in float64 because it cancels where exp(a) is near x."""
    a, X = _double(graph, a), _double(graph, X)
    tiny = graph.constant(1e-300, "tiny", dtype=np.float64)  # 0 log 0 is 0
    log = graph.op("Log", graph.op("Max", X, tiny))
    linear = graph.op("Add", X, graph.op("Mul", X, graph.op("Sub", a, log)))
    return graph.op("Sub", graph.op("Exp", a), linear)


def _multinomial(graph: Graph, activation: str, a: str, X: str) -> str:
    log_softmax = _double(graph, graph.op("LogSoftmax", a))
    return graph.op("Neg", graph.op("Mul", _double(graph, X), log_softmax))


# loss -> operators that give the loss of each entry, in float64
_ENTRIES = {
    "squared_error": _squared_error,
    "log_loss": _log_loss,
    "poisson": _poisson,
    "multinomial": _multinomial,
}


def _log1p_exp_minus_abs(graph: Graph, a: str) -> str:
    """log(1 + e) with e = exp(-|a|), to full relative accuracy.

    ONNX has no log1p, and Softplus is written as a plain log(1 + e) in ONNX Runtime. With
    u = 1 + e as it is rounded, log(u) e / (u - 1) makes up for the rounding (W. Kahan; Higham,
    "Accuracy and stability of numerical algorithms", section 1.14.1).
    """
    e = graph.op("Exp", graph.op("Neg", graph.op("Abs", a)))
    one = graph.constant(np.ones(1))
    u = graph.op("Add", e, one)
    lost = graph.op("Equal", u, one)
    correction = graph.op("Div", e, graph.op("Where", lost, one, graph.op("Sub", u, one)))
    return graph.op("Where", lost, e, graph.op("Mul", graph.op("Log", u), correction))


def _double(graph: Graph, tensor: str) -> str:
    return tensor if graph.dtype == np.float64 else graph.cast(tensor, np.float64)


def _single(graph: Graph, tensor: str) -> str:
    return tensor if graph.dtype == np.float64 else graph.cast(tensor, graph.dtype)


# ------------------------------------------------------------------ classifier and regressor


def classifier_outputs(
    graph: Graph,
    network: Layer | Network,
    classes: np.ndarray,
    X: str,
    *,
    raw_scores: bool = False,
) -> list[Output]:
    """Labels and probabilities, or with `raw_scores` what these are the softmax or logistic of."""
    outputs = encode(graph, network.layers, X)
    if not get_loss(network.loss).of_classes:  # multilabel: one logistic output for each label
        zero = graph.constant(np.zeros(1), "zero")
        label = graph.cast(graph.op("Greater", outputs, zero), np.int64)
        probabilities = outputs if raw_scores else graph.op("Sigmoid", outputs)
        width = network.n_hidden
        return [
            Output("label", np.dtype(np.int64), ["batch", width], label),
            Output("probabilities", graph.dtype, ["batch", width], probabilities),
        ]
    labels = label_values(classes)
    number = graph.op("ArgMax", outputs, axis=1, keepdims=0)
    label = graph.op("Gather", graph.constant(labels, "classes"), number, axis=0)
    probabilities = outputs if raw_scores else graph.op("Softmax", outputs, axis=1)
    return [
        Output("label", labels.dtype, ["batch"], label),
        Output("probabilities", graph.dtype, ["batch", len(labels)], probabilities),
    ]


def label_values(classes: np.ndarray) -> np.ndarray:
    """The classes as ONNX can hold them: int64, or strings as an object array."""
    if all(isinstance(label, str) for label in classes):
        return np.array([str(label) for label in classes], dtype=object)
    try:
        labels = classes.astype(np.int64)
    except (TypeError, ValueError, OverflowError):
        labels = None
    if labels is None or not np.array_equal(labels.astype(object), classes.astype(object)):
        raise ValueError(
            "An ONNX model can return classes that are strings or integers of 64 bits, got "
            f"classes_={classes!r}. Fit the classifier on such labels."
        )
    return labels


def regressor_output(graph: Graph, estimator: Any, network: Layer | Network, X: str) -> Output:
    """Targets, shifted and scaled back in float64 as `predict` does."""
    outputs = encode(graph, network.layers, X)
    scale = graph.constant(estimator._target_scale, "target_scale", dtype=np.float64)
    mean = graph.constant(estimator._target_mean, "target_mean", dtype=np.float64)
    scaled = graph.op("Mul", _double(graph, outputs), scale)
    targets = _single(graph, graph.op("Add", scaled, mean))
    return Output("variable", graph.dtype, ["batch", network.n_hidden], targets)
