"""ONNX graphs: what one may hold is checked in its bytes before the runtime sees them.

The bytes are walked as the protobuf messages they are (github.com/onnx/onnx, onnx/onnx.proto). Whatever training never writes is
refused, so that the runtime is given little to get wrong: data in other files, operators of others, graphs inside graphs.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import onnxruntime

from engine.domain import LEVELS, Expected

# On Windows the variable that `engine` sets is not heeded, and this is.
onnxruntime.disable_telemetry_events()

#: Versions of the operators' two sets.
_OPSETS = {"": 17, "ai.onnx.ml": 5}
#: By operator: its set, and how many inputs it has at least.
_OPERATORS = {
    **dict.fromkeys(("Add", "Gather", "GatherElements", "Greater", "MatMul", "Mul", "Sub", "TopK"), ("", 2)),
    **dict.fromkeys(("Cast", "Concat", "Exp", "IsNaN", "Max", "ReduceSum"), ("", 1)),
    "Where": ("", 3),
    "TreeEnsemble": ("ai.onnx.ml", 1),
}
_FLOAT = 1
#: Of tensors, by the number of their type.
_DTYPES = {_FLOAT: "<f4", 2: "u1", 7: "<i8", 9: "?", 11: "<f8"}
#: An attribute's integers lie one by one, each after its tag: a run of them is passed over at once.
_INTEGERS = re.compile(rb"(?:\x40[\x80-\xff]{0,9}[\x00-\x7f])+")
_VARINT, _BYTES = 0, 2

Value = int | bytes


@dataclass(frozen=True, slots=True)
class _Message:
    """Fields by number that a message may have: those `once`, and those `often`."""

    name: str
    once: Mapping[int, str]
    often: Mapping[int, str]

    def read(self, content: bytes) -> dict[str, list[Value]]:
        """The values of each field; raises ValueError for any other field, and where one comes twice that may not."""
        found: dict[str, list[Value]] = {name: [] for name in (*self.once.values(), *self.often.values())}
        for number, value in _fields(content):
            name = self.once.get(number) or self.often.get(number)
            if name is None:
                raise ValueError(f"a {self.name} has the field {number}, which no bundle needs")
            if number in self.once and found[name]:
                raise ValueError(f"a {self.name} has two of {name}")
            found[name].append(value)
        return found


_MODEL = _Message("model", {1: "ir_version", 2: "producer", 7: "graph"}, {8: "opsets"})
_OPSET = _Message("set of operators", {1: "domain", 2: "version"}, {})
_GRAPH = _Message("graph", {2: "name"}, {1: "nodes", 5: "tensors", 11: "inputs", 12: "outputs"})
_NODE = _Message("node", {3: "name", 4: "operator", 7: "domain"}, {1: "inputs", 2: "outputs", 5: "attributes"})
_ATTRIBUTE = _Message("attribute", {1: "name", 3: "integer", 5: "tensor", 20: "type"}, {8: "integers"})
_TENSOR = _Message("tensor", {2: "type", 8: "name", 9: "raw"}, {1: "dims"})
_PORT = _Message("input or output", {1: "name", 2: "type"}, {})
_TYPE = _Message("type", {1: "tensor"}, {})
_TENSOR_TYPE = _Message("type of a tensor", {1: "element", 2: "shape"}, {})
_SHAPE = _Message("shape", {}, {1: "dims"})
_DIM = _Message("dimension", {1: "size", 2: "name"}, {})


def check(content: bytes, inputs: int, experts: int) -> None:
    """Raise Expected unless these bytes are a graph as training writes them, from `inputs` features to quantiles and `experts` medians."""
    try:
        model = _MODEL.read(content)
        sets = [_OPSET.read(_of(each)) for each in model["opsets"]]
        if {_text(each["domain"]): each["version"] for each in sets} != {name: [v] for name, v in _OPSETS.items()}:
            raise ValueError("its operators are of another version")
        graph = _GRAPH.read(_only(model["graph"]))
        for node in graph["nodes"]:
            _check_node(_NODE.read(_of(node)))
        for tensor in graph["tensors"]:
            _check_tensor(_of(tensor))
        if [_port(port) for port in graph["inputs"]] != [("features", inputs)]:
            raise ValueError(f"it does not take {inputs} features")
        if [_port(port) for port in graph["outputs"]] != [("quantiles", len(LEVELS)), ("experts", experts)]:
            raise ValueError(f"it does not give {len(LEVELS)} quantiles and {experts} experts")
    except ValueError as refused:
        raise Expected(f"A model's graph is refused: {refused}.", "Use a bundle that this program's training made.") from refused


def session(graph: bytes) -> onnxruntime.InferenceSession:
    """A session over the bytes of a graph that was checked."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def _check_node(node: Mapping[str, list[Value]]) -> None:
    operator, domain = _text(node["operator"]), _text(node["domain"])
    known = _OPERATORS.get(operator)
    if known is None or known[0] != domain:
        raise ValueError(f"it has the operator {domain or 'ai.onnx'}.{operator}, which is not allowed")
    if len(node["inputs"]) < known[1] or not node["outputs"]:
        raise ValueError(f"{operator} has {len(node['inputs'])} inputs and {len(node['outputs'])} outputs")
    for each in node["attributes"]:
        for tensor in _ATTRIBUTE.read(_of(each))["tensor"]:
            _check_tensor(_of(tensor))


def _check_tensor(content: bytes) -> None:
    tensor = _TENSOR.read(content)
    (number,) = tensor["type"] or (0,)
    kind = _DTYPES.get(number) if isinstance(number, int) else None
    if kind is None:
        raise ValueError(f"a tensor is of the type {number!r}, which is not allowed")
    raw, dims = _only(tensor["raw"]), [dim for dim in tensor["dims"] if isinstance(dim, int)]
    if len(dims) < len(tensor["dims"]) or math.prod(dims) * np.dtype(kind).itemsize != len(raw):
        raise ValueError(f"a tensor of {' x '.join(map(str, dims))} numbers has {len(raw)} bytes")
    if not np.isfinite(np.frombuffer(raw, kind)).all():
        raise ValueError("a weight is no number")


def _port(content: Value) -> tuple[str, int]:
    """Name and width of an input or output: rows of float32."""
    port = _PORT.read(_of(content))
    kind = _TENSOR_TYPE.read(_only(_TYPE.read(_only(port["type"]))["tensor"]))
    dims = [_DIM.read(_of(dim)) for dim in _SHAPE.read(_only(kind["shape"]))["dims"]]
    if kind["element"] != [_FLOAT] or len(dims) != 2 or dims[0]["size"] or len(dims[1]["size"]) != 1:
        raise ValueError(f"{_text(port['name'])} is no table of float32")
    width = dims[1]["size"][0]
    if not isinstance(width, int):
        raise ValueError("a width is no number")
    return _text(port["name"]), width


def _fields(content: bytes) -> Iterator[tuple[int, Value]]:
    """Number and value of each field of a message; of a run of integers one stands for all."""
    at = 0
    while at < len(content):
        if run := _INTEGERS.match(content, at):
            at = run.end()
            yield 8, 0
            continue
        tag, at = _varint(content, at)
        number, kind = tag >> 3, tag & 7
        value, at = _varint(content, at)
        if kind == _VARINT:
            yield number, value
        elif kind != _BYTES:
            raise ValueError(f"a field is of the kind {kind}, which no bundle needs")
        elif value > len(content) - at:
            raise ValueError(f"it claims {value:,} bytes where {len(content) - at:,} are left")
        else:
            yield number, content[at : at + value]
            at += value


def _varint(content: bytes, at: int) -> tuple[int, int]:
    """The number that begins at a place, and the place after it."""
    value = 0
    for i in range(10):
        if at + i >= len(content):
            raise ValueError("it is cut short")
        byte = content[at + i]
        value |= (byte & 0x7F) << (7 * i)
        if byte < 0x80:
            return value, at + i + 1
    raise ValueError("a number is longer than any")


def _of(value: Value) -> bytes:
    if not isinstance(value, bytes):
        raise ValueError("a number stands where a message must")
    return value


def _only(values: list[Value]) -> bytes:
    if len(values) != 1:
        raise ValueError("a part is missing")
    return _of(values[0])


def _text(values: list[Value]) -> str:
    return _of(values[0]).decode("utf-8") if values else ""
