"""One ONNX graph from a learner: inputs in, quantiles and each expert's median in MWh out, routing every row as LightGBM does.

Stock converters round split thresholds to the nearest float32, which sends ties to the wrong leaf; here they are rounded
down, which is exact for float32 inputs (x <= t holds for float32 x exactly when x <= floor32(t)).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import lightgbm as lgb
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from engine.domain import LEVELS
from models.learner import HEADS, LEAD_GROUPS_H, Learner

_LARGEST = float(np.finfo(np.float32).max)


def floor32(value: float) -> np.float32:
    """Largest float32 that is not above a double."""
    near = np.float32(min(max(value, -_LARGEST), _LARGEST))  # LightGBM writes 1e300 for "everything goes left"
    return np.nextafter(near, np.float32(-np.inf)) if float(near) > value else near


def tree_node(booster: lgb.Booster, columns: Sequence[int], inputs: str, output: str) -> onnx.NodeProto:
    """A TreeEnsemble (ai.onnx.ml 5) node; `columns[i]` is the graph's input for the booster's feature i."""
    split, feature, true_id, false_id, true_leaf, false_leaf, missing_true = ([] for _ in range(7))  # type: ignore[var-annotated]
    leaf_weight: list[float] = []
    roots: list[int] = []

    def place(node: dict[str, Any]) -> tuple[int, int]:
        """Index of a node or leaf, and 1 for a leaf."""
        if "split_feature" not in node:
            leaf_weight.append(node["leaf_value"])
            return len(leaf_weight) - 1, 1
        if node["decision_type"] != "<=" or node["missing_type"] == "Zero":
            raise ValueError(
                "only numeric splits with NaN or no missing values can be converted; train without categories and zero_as_missing"
            )
        here = len(split)
        split.append(floor32(node["threshold"]))
        feature.append(columns[node["split_feature"]])
        # Without missing values in training LightGBM reads NaN as 0.
        missing_true.append(int(node["default_left"] if node["missing_type"] == "NaN" else node["threshold"] >= 0.0))
        for ids in (true_id, false_id, true_leaf, false_leaf):
            ids.append(0)
        true_id[here], true_leaf[here] = place(node["left_child"])
        false_id[here], false_leaf[here] = place(node["right_child"])
        return here, 0

    for tree in booster.dump_model()["tree_info"]:
        structure = tree["tree_structure"]
        if "split_feature" not in structure:  # a tree that is one leaf: both branches of a dummy split lead to it
            structure = {
                "split_feature": 0, "threshold": 0.0, "decision_type": "<=", "missing_type": "NaN", "default_left": True,
                "left_child": structure, "right_child": structure,
            }  # fmt: skip
        roots.append(place(structure)[0])
    return helper.make_node(
        "TreeEnsemble",
        [inputs],
        [output],
        domain="ai.onnx.ml",
        name=f"grow_{output}",
        nodes_splits=numpy_helper.from_array(np.array(split, np.float32)),
        nodes_featureids=feature,
        nodes_modes=numpy_helper.from_array(np.zeros(len(split), np.uint8)),
        nodes_truenodeids=true_id,
        nodes_falsenodeids=false_id,
        nodes_trueleafs=true_leaf,
        nodes_falseleafs=false_leaf,
        nodes_missing_value_tracks_true=missing_true,
        leaf_weights=numpy_helper.from_array(np.array(leaf_weight, np.float32)),
        leaf_targetids=[0] * len(leaf_weight),
        n_targets=1,
        aggregate_function=1,
        post_transform=0,
        tree_roots=roots,
    )


def build(learner: Learner) -> bytes:
    """Serialised graph: `features` float32 (n, names) to `quantiles` (n, LEVELS) and `experts` (n, experts), float32 MWh."""
    centre = learner.centre
    names = centre.names
    constants: list[onnx.TensorProto] = []
    nodes: list[onnx.NodeProto] = []

    def constant(name: str, values: object, dtype: type) -> str:
        constants.append(numpy_helper.from_array(np.array(values, dtype), name))
        return name

    def node(kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def column(name: str) -> str:
        index = constant(f"index_{name}", [names.index(name)], np.int64)
        return node("Gather", ["features", index], f"input_{name}", axis=1)

    double = TensorProto.DOUBLE
    # Linear heads in double: centre, missing to zero, all heads at once, pick the row's.
    exact = node("Cast", ["features"], "features_double", to=double)
    centred = node("Sub", [exact, constant("fill", centre.heads.fill, np.float64)], "centred")
    missing = node("IsNaN", ["features"], "missing")
    filled = node("Where", [missing, constant("zero_double", 0.0, np.float64), centred], "filled")
    product = node("MatMul", [filled, constant("weights", centre.heads.weights, np.float64)], "product")
    heads = node("Add", [product, constant("bias", centre.heads.bias, np.float64)], "heads")
    head_number = column("hour")
    if "east" in names:
        east = node("Mul", [column("east"), constant("hours", 24.0, np.float32)], "east_offset")
        head_number = node("Add", [head_number, east], "head_float")
    head = node("Cast", [head_number], "head", to=TensorProto.INT64)
    logs = [node("GatherElements", [heads, head], "log_heads", axis=1)]
    # An expert of each sister's trees, with the heads or alone.
    for name, booster in centre.sisters.items():
        nodes.append(tree_node(booster, centre.columns, "features", f"trees_{name}"))
        exact = node("Cast", [f"trees_{name}"], f"trees_{name}_double", to=double)
        logs.append(node("Add", [logs[0], exact], f"log_{name}") if name in centre.on_heads else exact)
    ratios = node("Exp", [node("Concat", logs, "log_ratios", axis=1)], "ratios")
    base = node("Cast", [column("base_mwh")], "base_double", to=double)
    medians = node("Mul", [base, ratios], "medians")
    node("Cast", [medians], "experts", to=TensorProto.FLOAT)
    middle = node("MatMul", [medians, constant("shares", centre.shares[:, None], np.float64)], "middle")
    # The size of the error.
    nodes.append(tree_node(learner.scale, centre.columns, "features", "log_size"))
    size = node("Exp", [node("Cast", ["log_size"], "log_size_double", to=double)], "size")
    if "noise" in names:
        size = node("Mul", [size, node("Cast", [column("noise")], "noise_double", to=double)], "size_of_series")
    # Error quantiles of the lead group.
    beyond = node("Greater", [column("lead_h"), constant("lead_groups", [LEAD_GROUPS_H], np.float32)], "beyond")
    steps = node("Cast", [beyond], "steps", to=TensorProto.INT64)
    group = node("ReduceSum", [steps, constant("along", [1], np.int64)], "group", keepdims=0)
    errors = node("Gather", [constant("table", learner.table, np.float64), group], "errors", axis=0)
    spread = node("Exp", [node("Mul", [size, errors], "log_spread")], "spread")
    load = node("Max", [node("Mul", [middle, spread], "load"), "zero_double"], "not_negative")
    rounded = node("Cast", [load], "load_float", to=TensorProto.FLOAT)
    count = constant("levels", [len(LEVELS)], np.int64)
    nodes.append(helper.make_node("TopK", [rounded, count], ["quantiles", "order"], axis=1, largest=0, sorted=1))
    graph = helper.make_graph(
        nodes,
        "lastvagt",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["rows", len(names)])],
        [
            helper.make_tensor_value_info("quantiles", TensorProto.FLOAT, ["rows", len(LEVELS)]),
            helper.make_tensor_value_info("experts", TensorProto.FLOAT, ["rows", len(centre.experts)]),
        ],
        constants,
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 5)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9, producer_name="lastvagt")
    onnx.checker.check_model(model)
    assert centre.heads.weights.shape[1] == HEADS
    serialised: bytes = model.SerializeToString()
    return serialised
