"""Graphs that a trusted key signed and that are hostile nevertheless: refused before the runtime sees them, or tried apart."""

from __future__ import annotations

import io
import os
import random
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import bundles
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from engine import graphs, sealed, trial
from engine.config import Config
from engine.domain import Expected
from engine.forecaster import Bundle
from engine.lineup import Lineup
from engine.store import Reader, Writer


def _outside(location: str, offset: int = 0) -> Callable[[onnx.ModelProto], None]:
    def change(model: onnx.ModelProto) -> None:
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in (("location", location), ("offset", str(offset)), ("length", "4")):
            tensor.external_data.add(key=key, value=value)

    return change


def _dims(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].dims[:] = [2**62, 4]


def _no_inputs(model: onnx.ModelProto) -> None:
    del next(node for node in model.graph.node if node.op_type == "Add").input[:]


def _another_input(model: onnx.ModelProto) -> None:
    model.graph.input.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, ["rows", 1]))


def _nan(model: onnx.ModelProto) -> None:
    bias = next(tensor for tensor in model.graph.initializer if tensor.name == "bias")
    bias.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(bias) * np.nan, "bias"))


def _opset(model: onnx.ModelProto) -> None:
    model.opset_import[0].version = 12


def _domain(model: onnx.ModelProto) -> None:
    model.opset_import.add(domain="org.evil", version=1)
    model.graph.node.append(helper.make_node("Shell", ["features"], ["quantity"], domain="org.evil"))


def _other_shape(model: onnx.ModelProto) -> None:
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 12


CHANGES = {
    "data in ../": _outside("../secret.bin"),
    "data at an absolute path": _outside("/etc/hostname"),
    "data behind a symbolic link": _outside("symbolic.bin"),
    "data behind a hard link": _outside("hard.bin"),
    "an offset past the end": _outside("hard.bin", 10**9),
    "a tensor of 2^62 numbers": _dims,
    "an operator without inputs": _no_inputs,
    "another input": _another_input,
    "a weight that is no number": _nan,
    "operators of another version": _opset,
    "an operator of somebody else": _domain,
    "another shape": _other_shape,
}
RAW = {
    "cut short": lambda graph: graph[: len(graph) // 2],
    "a part that claims 2 GB": lambda graph: b"\x3a\xff\xff\xff\xff\x07" + graph,
}


@pytest.mark.gate(
    "D2", "Hostile model files", target="14 hostile files, each signed by a trusted key: 0 loaded, the champion serves"
)
def test_no_hostile_graph_is_loaded(tmp_path: Path, gate: Callable[[str], None]) -> None:
    config = Config(data_dir=tmp_path / "data", model_dir=tmp_path / "shipped")
    bundles.copy(config.model_dir, "champion")
    for number, name in enumerate((*CHANGES, *RAW)):
        made = bundles.copy(config.own_model_dir, f"hostile-{number}", "2026-02-01T00:00:00Z")
        (tmp_path / "secret.bin").write_bytes(b"keep")
        if not (made / "hard.bin").exists() and sys.platform != "win32":
            os.link(tmp_path / "secret.bin", made / "hard.bin")
            (made / "symbolic.bin").symlink_to(tmp_path / "secret.bin")
        graph = (made / sealed.GRAPH).read_bytes()
        if name in RAW:
            graph = RAW[name](graph)
        else:
            model = onnx.load_from_string(graph)
            CHANGES[name](model)
            graph = model.SerializeToString()
        bundles.reseal(made, graph)
    loaded, unchecked = [], []
    for made in sorted(config.own_model_dir.iterdir()):
        try:
            Bundle.load(made)
            loaded.append(made.name)
        except Expected as refused:
            unchecked += [] if "graph is refused" in refused.problem else [f"{made.name}: {refused.problem}"]
    writer = Writer(config.database)
    reader = Reader(config.database)
    serving = [bundle.model_id for bundle in Lineup(config, writer, reader).settle(1_795_000_000).forecaster.bundles]
    reader.close()
    writer.close()
    gate(f"{len(CHANGES) + len(RAW)} hostile files: {len(loaded)} loaded, {serving[0] if serving else 'nobody'} serves")
    assert len(CHANGES) + len(RAW) == 14
    assert (loaded, unchecked, serving) == ([], [], ["champion"])


def test_garbage_is_refused_and_nothing_else_happens() -> None:
    graph = (bundles.shipped() / sealed.GRAPH).read_bytes()
    dice = random.Random(5)
    for _ in range(300):
        start = dice.randrange(len(graph))
        spoilt = dice.choice((graph[:start], graph[start:], dice.randbytes(dice.randrange(200))))
        with pytest.raises(Expected, match="graph is refused"):
            graphs.check(spoilt, 112, 4)


def test_every_shipped_graph_is_allowed() -> None:
    for path in sorted(Config().model_dir.glob("*/model.onnx")):
        assert Bundle.load(path.parent).signed_by == "program"


def test_a_graph_is_tried_apart_once_and_a_bad_one_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = bundles.shipped()
    graph = (bundle / sealed.GRAPH).read_bytes()
    with np.load(io.BytesIO((bundle / sealed.GOLDEN).read_bytes())) as golden:
        rows = golden["features"][:2]
    with pytest.raises(Expected, match="did not stand its trial"):
        trial.require_harmless(graph[:-1], rows, tmp_path)
    trial.require_harmless(graph, rows, tmp_path)
    assert len(list((tmp_path / trial.FOLDER).iterdir())) == 1
    monkeypatch.setattr(trial.subprocess, "run", lambda *_, **__: pytest.fail("It was tried again."))
    trial.require_harmless(graph, rows, tmp_path)
    shutil.rmtree(tmp_path / trial.FOLDER)
