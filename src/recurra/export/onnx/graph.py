"""A graph of ONNX in the making: every method adds a node and names its value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.errors import UsageError

OPSET, IR = 17, 8
Array = npt.NDArray[Any]


def need_onnx() -> Any:
    """The package. Errors: UsageError, with what to install"""
    try:
        import onnx
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise UsageError(
            f"--to onnx needs onnx and onnxruntime, which proves it ({error.name} is missing): pip install "
            "'recurra[onnx]'"
        ) from error
    return onnx


class Graph:
    """Nodes of one graph. outer: the graph whose constants a loop's body shares"""

    def __init__(self, name: str, outer: Graph | None = None) -> None:
        self.onnx = need_onnx()
        self.name, self.outer = name, outer
        self.nodes: list[Any] = []
        self.inputs: list[Any] = []
        self.outputs: list[Any] = []
        self.constants: dict[str, Array] = {} if outer is None else outer.constants
        self._known: dict[bytes, str] = {} if outer is None else outer._known
        self._count: list[int] = [0] if outer is None else outer._count

    def fresh(self, hint: str = "v") -> str:
        self._count[0] += 1
        return f"{hint}_{self._count[0]}"

    def constant(self, value: Any, hint: str = "w") -> str:
        """A tensor that is always the same; equal ones are one."""
        array = np.ascontiguousarray(value)
        if array.dtype == np.float64:
            array = array.astype(np.float32)
        key = str((array.dtype, array.shape)).encode() + array.tobytes()
        if key not in self._known:
            self._known[key] = self.fresh(hint)
            self.constants[self._known[key]] = array
        return self._known[key]

    def ints(self, *values: int) -> str:
        return self.constant(np.array(values, np.int64), "i")

    def number(self, value: float) -> str:
        return self.constant(np.float32(value), "n")

    def many(self, op: str, args: Sequence[str], count: int, **attributes: Any) -> list[str]:
        """A node of several values."""
        names = [self.fresh(op.lower()) for _ in range(count)]
        self.nodes.append(self.onnx.helper.make_node(op, list(args), names, **attributes))
        return names

    def op(self, op: str, *args: str, **attributes: Any) -> str:
        """A node of one value."""
        return self.many(op, args, 1, **attributes)[0]

    def call(self, op: str, args: Sequence[str], outputs: Sequence[str], **attributes: Any) -> None:
        """A node whose values have these names."""
        self.nodes.append(self.onnx.helper.make_node(op, list(args), list(outputs), **attributes))

    # values by the operations that networks are made of

    def add(self, a: str, b: str) -> str:
        return self.op("Add", a, b)

    def mul(self, a: str, b: str) -> str:
        return self.op("Mul", a, b)

    def sub(self, a: str, b: str) -> str:
        return self.op("Sub", a, b)

    def div(self, a: str, b: str) -> str:
        return self.op("Div", a, b)

    def matmul(self, a: str, b: str) -> str:
        return self.op("MatMul", a, b)

    def where(self, chosen: str, a: str, b: str) -> str:
        return self.op("Where", chosen, a, b)

    def concat(self, parts: Sequence[str], axis: int) -> str:
        return parts[0] if len(parts) == 1 else self.op("Concat", *parts, axis=axis)

    def split(self, x: str, sizes: Sequence[int], axis: int) -> list[str]:
        return [x] if len(sizes) == 1 else self.many("Split", [x, self.ints(*sizes)], len(sizes), axis=axis)

    def transpose(self, x: str, *order: int) -> str:
        return self.op("Transpose", x, perm=list(order))

    def squeeze(self, x: str, *axes: int) -> str:
        return self.op("Squeeze", x, self.ints(*axes))

    def unsqueeze(self, x: str, *axes: int) -> str:
        return self.op("Unsqueeze", x, self.ints(*axes))

    def reshape(self, x: str, *shape: int) -> str:
        """0 keeps an axis, -1 is what is left."""
        return self.op("Reshape", x, self.ints(*shape))

    def gather(self, x: str, index: str, axis: int = 0) -> str:
        return self.op("Gather", x, index, axis=axis)

    def cut(self, x: str, start: int, stop: int | None, axis: int, step: int = 1) -> str:
        """From start to stop; None: to the end."""
        last = np.iinfo(np.int64).max if stop is None else stop
        return self.op("Slice", x, self.ints(start), self.ints(last), self.ints(axis), self.ints(step))

    def size(self, x: str, axis: int) -> str:
        """int64 [1]"""
        return self.op("Shape", x, start=axis, end=axis + 1)

    def cast(self, x: str, to: str) -> str:
        return self.op("Cast", x, to=getattr(self.onnx.TensorProto, to))

    def linear(self, x: str, weight: Array, bias: Array | None = None) -> str:
        """x W' + b. Shapes: weight [R, C], bias [R]"""
        found = self.matmul(x, self.constant(np.asarray(weight, np.float32).T))
        return found if bias is None else self.add(found, self.constant(np.asarray(bias, np.float32)))

    def filled(self, shape: str, value: float = 0.0) -> str:
        """shape: the name of an int64 [N]"""
        held = self.onnx.numpy_helper.from_array(np.array([value], np.float32))
        return self.op("ConstantOfShape", shape, value=held)

    def mean(self, x: str, axis: int) -> str:
        return self.op("ReduceMean", x, axes=[axis], keepdims=1)

    def steps(self, time: str) -> str:
        """0 to T - 1. time: int64 [1]"""
        zero, one = self.constant(np.int64(0), "i"), self.constant(np.int64(1), "i")
        return self.op("Range", zero, self.squeeze(time, 0), one)

    # what stands around

    def input(self, name: str, kind: str, shape: Sequence[int | str]) -> str:
        kinds = self.onnx.TensorProto
        self.inputs.append(self.onnx.helper.make_tensor_value_info(name, getattr(kinds, kind), list(shape)))
        return name

    def output(self, value: str, name: str, kind: str, shape: Sequence[int | str] | None) -> None:
        """A value under a name of its own."""
        self.call("Identity", [value], [name])
        kinds = self.onnx.TensorProto
        self.outputs.append(self.onnx.helper.make_tensor_value_info(name, getattr(kinds, kind), shape))

    def body(self) -> Any:
        """As the body of a loop."""
        return self.onnx.helper.make_graph(self.nodes, self.name, self.inputs, self.outputs)

    def model(self, metadata: dict[str, str]) -> bytes:
        """The whole, checked. metadata: kept beside it"""
        held = [self.onnx.numpy_helper.from_array(value, name) for name, value in self.constants.items()]
        graph = self.onnx.helper.make_graph(self.nodes, self.name, self.inputs, self.outputs, held)
        opsets = [self.onnx.helper.make_opsetid("", OPSET)]
        made = self.onnx.helper.make_model(graph, opset_imports=opsets, ir_version=IR, producer_name="recurra")
        self.onnx.helper.set_model_props(made, metadata)
        self.onnx.checker.check_model(made, full_check=True)
        written: bytes = made.SerializeToString()
        return written
