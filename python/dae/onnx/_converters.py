"""Converters of the estimators for skl2onnx, which is imported here."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import numpy_helper
from skl2onnx import update_registered_converter
from skl2onnx.common.data_types import (
    DoubleTensorType,
    Int64TensorType,
    StringTensorType,
    guess_tensor_type,
)
from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes
from sklearn.utils.validation import check_is_fitted

from dae.autoencoder import DenoisingAutoencoder
from dae.classifier import StackedDenoisingClassifier
from dae.onnx._graph import Graph, Output, element_type
from dae.onnx._networks import classifier_outputs, codes, network_outputs, scores, shown_rows
from dae.regressor import StackedDenoisingRegressor
from dae.stacked import StackedDenoisingAutoencoder

LOWEST_OPSET = 17


def register_all() -> None:
    for kind in (DenoisingAutoencoder, StackedDenoisingAutoencoder):
        update_registered_converter(
            kind,
            f"Dae{kind.__name__}",
            _transformer_shapes,
            _convert,
            parser=_parse_transformer,
            options={"score_samples": [False, True]},
        )
    update_registered_converter(
        StackedDenoisingClassifier,
        "DaeStackedDenoisingClassifier",
        _classifier_shapes,
        _convert,
        options={
            "zipmap": [True, False, "columns"],
            "nocl": [True, False],
            "output_class_labels": [False, True],
            "raw_scores": [True, False],
        },
    )
    update_registered_converter(
        StackedDenoisingRegressor, "DaeStackedDenoisingRegressor", _regressor_shapes, _convert
    )


# ------------------------------------------------------------------ what goes in and out


def _parse_transformer(scope: Any, model: Any, inputs: Any, custom_parsers: Any = None) -> Any:
    operator = scope.declare_local_operator(f"Dae{_public_class(model).__name__}", model)
    operator.inputs = inputs
    names = ["variable"]
    if scope.get_options(model, {"score_samples": False})["score_samples"]:
        names.append("score_samples")
    for name in names:
        variable = scope.declare_local_variable(name, guess_tensor_type(inputs[0].type))
        operator.outputs.append(variable)
    return operator.outputs


def _public_class(model: Any) -> type:
    kinds = (DenoisingAutoencoder, StackedDenoisingAutoencoder)
    return next(kind for kind in kinds if isinstance(model, kind))


def _transformer_shapes(operator: Any) -> None:
    _check_input(operator)
    widths = [operator.raw_operator._n_features_out, 1]
    for output, width in zip(operator.outputs, widths, strict=False):
        _set_shape(operator, output, width)


def _classifier_shapes(operator: Any) -> None:
    _check_input(operator)
    calculate_linear_classifier_output_shapes(operator)
    estimator = operator.raw_operator
    if estimator._is_multilabel():  # a row of labels for each sample
        rows = operator.inputs[0].get_first_dimension()
        operator.outputs[0].set_type(Int64TensorType([rows, len(estimator.classes_)]))


def _regressor_shapes(operator: Any) -> None:
    _check_input(operator)
    _set_shape(operator, operator.outputs[0], operator.raw_operator.n_outputs_)


def _set_shape(operator: Any, output: Any, width: int) -> None:
    kind = type(guess_tensor_type(operator.inputs[0].type))
    output.set_type(kind([operator.inputs[0].get_first_dimension(), width]))


def _check_input(operator: Any) -> None:
    estimator = operator.raw_operator
    check_is_fitted(estimator)
    if len(operator.inputs) != 1 or isinstance(operator.inputs[0].type, StringTensorType):
        raise RuntimeError(
            f"{type(estimator).__name__} must have one numeric input, got "
            f"{[(variable.raw_name, variable.type) for variable in operator.inputs]}. Put a "
            "ColumnTransformer or a scaler before it, or convert with one input of all columns."
        )


# ------------------------------------------------------------------ the operators


def _convert(scope: Any, operator: Any, container: Any) -> None:
    if container.target_opset < LOWEST_OPSET:
        raise RuntimeError(
            f"{type(operator.raw_operator).__name__} needs target_opset={LOWEST_OPSET} or more, "
            f"got {container.target_opset}."
        )
    estimator = operator.raw_operator
    network = estimator._fitted()
    is_double = isinstance(operator.inputs[0].type, DoubleTensorType)
    graph = Graph(np.dtype(np.float64 if is_double else np.float32))
    X = operator.inputs[0].full_name
    if type(operator.inputs[0].type) is not type(guess_tensor_type(operator.inputs[0].type)):
        X = graph.cast(X, graph.dtype)  # integers
    shown = shown_rows(graph, estimator, X)
    if isinstance(estimator, StackedDenoisingClassifier):
        options = scope.get_options(estimator, {"nocl": False, "raw_scores": False})
        classes = np.arange(network.n_hidden) if options["nocl"] else estimator.classes_
        outputs = classifier_outputs(
            graph, network, classes, shown, raw_scores=bool(options["raw_scores"])
        )
    elif isinstance(estimator, StackedDenoisingRegressor):
        outputs = network_outputs(graph, estimator, network, "predict", X)
    else:
        tensor, width = codes(graph, estimator, network, shown)
        outputs = [Output("variable", graph.dtype, [None, width], tensor)]
        if len(operator.outputs) > 1:
            score = scores(graph, network.layers, X, shown)
            outputs.append(Output("score_samples", graph.dtype, [None, 1], score))
    _append(graph, scope, container, {
        output.tensor: variable.full_name
        for output, variable in zip(outputs, operator.outputs, strict=True)
    })  # fmt: skip


def _append(graph: Graph, scope: Any, container: Any, names: dict[str, str]) -> None:
    """The graph into skl2onnx's container, under names that are free there."""
    names = dict(names)
    for name, array in graph.constants.items():
        names[name] = scope.get_unique_variable_name(name)
        if array.dtype.kind == "O":
            content: Any = [label.encode() for label in array]
        else:
            content = numpy_helper.from_array(array)
        container.add_initializer(
            names[name], element_type(array.dtype), list(array.shape), content
        )
    for node in graph.nodes:
        if node.output not in names:
            names[node.output] = scope.get_unique_variable_name(node.output)
        container.add_node(
            node.op_type,
            [names.get(tensor, tensor) for tensor in node.inputs],
            names[node.output],
            name=scope.get_unique_operator_name(node.op_type),
            **node.attributes,
        )
