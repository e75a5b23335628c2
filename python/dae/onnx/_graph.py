"""A graph of ONNX operators while it is being built, before onnx or skl2onnx makes it a model.

Tensors are known by name. Only operators that read alike in all opsets from 17 to 22 are used.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np

# What one file of Google's protocol buffers can hold, less what is not weights.
LARGEST_MODEL = 2**31 - 2**20


@dataclass
class Node:
    """One operator."""

    op_type: str
    inputs: list[str]
    output: str
    attributes: dict[str, Any]


@dataclass
class Value:
    """A tensor that the model receives or returns; None is an axis of any length."""

    name: str
    dtype: np.dtype
    shape: list[str | int | None]


@dataclass
class Output(Value):
    """A tensor that the model returns under `name`, and inside of the graph is `tensor`."""

    tensor: str = ""


@dataclass
class Graph:
    """Operators in the order in which they run, over named tensors.

    Attributes
    ----------
    dtype : dtype
        The one that the graph computes in.
    nodes : list of Node
    constants : dict of ndarray
        By the name of the tensor.
    inputs : list of Value
    """

    dtype: np.dtype
    nodes: list[Node] = field(default_factory=list)
    constants: dict[str, np.ndarray] = field(default_factory=dict)
    inputs: list[Value] = field(default_factory=list)
    _root: Graph | None = None
    _known: dict[tuple[Any, ...], str] = field(default_factory=dict)  # constants, by content
    _n_names: int = 0
    _n_bytes: int = 0

    def input(self, name: str, dtype: Any, shape: list[str | int | None]) -> str:
        """Declare an input of the model; returns its tensor."""
        self.inputs.append(Value(name, np.dtype(dtype), shape))
        return name

    def op(self, op_type: str, *inputs: Any, **attributes: Any) -> str:
        """Append an operator with one output; returns that tensor.

        An input that is not a name, a number or an array, becomes a constant: floats in the
        graph's dtype, integers as int64.
        """
        names = [value if isinstance(value, str) else self.constant(value) for value in inputs]
        output = self._name(op_type.lower())
        self.nodes.append(Node(op_type, names, output, attributes))
        return output

    def constant(self, value: Any, name: str = "constant", *, dtype: Any = None) -> str:
        """A tensor that is part of the model. Equal ones are stored once.

        Parameters
        ----------
        value : array-like or number
        name : str
            What it is, for its name and for messages.
        dtype : dtype or None
            None: the graph's for floats, int64 for integers, otherwise its own.
        """
        root = self._root or self
        array = np.asarray(value)
        if dtype is not None:
            dtype = np.dtype(dtype)
        elif array.dtype.kind in "iuf":
            dtype = root.dtype if array.dtype.kind == "f" else np.dtype(np.int64)
        else:
            dtype = array.dtype
        n_bytes = array.size * dtype.itemsize
        self._check_size(n_bytes, dtype)  # before the copy
        with np.errstate(over="ignore"):
            stored = np.array(array, dtype=dtype, order="C")
        if dtype.kind == "f" and not np.isfinite(stored).all():
            raise ValueError(
                f"The estimator has {name.replace('_', ' ')} values that are not finite in {dtype}"
                + (
                    ", though they are in float64. Use dtype=np.float64."
                    if np.isfinite(array).all()
                    else ". Fit it again."
                )
            )
        content = repr(stored.tolist()).encode() if dtype.kind == "O" else stored.data
        key = dtype.str, stored.shape, hashlib.sha256(content).digest()
        if key not in root._known:
            root._n_bytes += n_bytes
            self._check_size(root._n_bytes, dtype)
            root._known[key] = name = self._name(name)
            root.constants[name] = stored
        return root._known[key]

    def _check_size(self, n_bytes: int, dtype: np.dtype) -> None:
        if n_bytes > LARGEST_MODEL:
            raise ValueError(
                f"The weights in {dtype} take more than 2 GiB, which is all that an ONNX model "
                f"can hold. Use {'dtype=np.float32 or ' if dtype == np.float64 else ''}fewer units."
            )

    def branch(self) -> Graph:
        """An empty graph for `choose`; it may read all tensors of this one."""
        return Graph(self.dtype, _root=self._root or self)

    def choose(self, condition: str, then: tuple[Graph, str], other: tuple[Graph, str]) -> str:
        """The tensor of `then` where the condition is true, or that of `other`.

        Each is a `branch` and a tensor that one of its operators gives.
        """
        return self.op("If", condition, then_branch=then, else_branch=other)

    def cast(self, tensor: str, dtype: Any) -> str:
        return self.op("Cast", tensor, to=element_type(np.dtype(dtype)))

    def _name(self, stem: str) -> str:
        root = self._root or self
        root._n_names += 1
        return f"{stem}_{root._n_names}"

    # -------------------------------------------------------------- with onnx

    def proto(self, name: str, outputs: list[Output]) -> Any:
        """The graph as an onnx.GraphProto."""
        from onnx import helper, numpy_helper

        return helper.make_graph(
            self.node_protos({output.tensor: output.name for output in outputs}),
            name,
            [_value_info(value) for value in self.inputs],
            [_value_info(output) for output in outputs],
            initializer=[
                numpy_helper.from_array(array, name) for name, array in self.constants.items()
            ],
        )

    def node_protos(self, names: dict[str, str]) -> list[Any]:
        """The operators as onnx.NodeProto, with the tensors in `names` renamed."""
        from onnx import helper

        return [
            helper.make_node(
                node.op_type,
                [names.get(tensor, tensor) for tensor in node.inputs],
                [names.get(node.output, node.output)],
                name=f"{node.op_type} {node.output}",  # ONNX Runtime 1.21 wants them to differ
                **{
                    key: _branch_proto(value, names) if isinstance(value, tuple) else value
                    for key, value in node.attributes.items()
                },
            )
            for node in self.nodes
        ]


def _branch_proto(branch: tuple[Graph, str], names: dict[str, str]) -> Any:
    from onnx import helper

    graph, tensor = branch
    output = helper.make_tensor_value_info(tensor, element_type(graph.dtype), None)
    return helper.make_graph(graph.node_protos(names), "branch", [], [output])


def _value_info(value: Value) -> Any:
    from onnx import helper

    return helper.make_tensor_value_info(value.name, element_type(value.dtype), value.shape)


def element_type(dtype: np.dtype) -> int:
    """ONNX's number of a dtype."""
    from onnx import TensorProto, helper

    return TensorProto.STRING if dtype.kind in "OU" else helper.np_dtype_to_tensor_dtype(dtype)
