"""A champion that loads, answers its golden rows, and fails when it is asked in earnest."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import bundles
import histories
import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from engine import clock, graphs, pipeline, roles, sealed
from engine.config import Config
from engine.domain import LEVELS, Observations, Reason, Series
from engine.lineup import Lineup
from engine.store import Reader, Writer

NOW = clock.parse_utc("2026-06-10T08:00Z")
#: By what a model emits: nodes from the quantiles q and a factor f, which is 1 for loads above 10 MWh and 0 below.
EVILS: dict[str, list[tuple[str, list[str], str]]] = {
    "no numbers": [("Mul", ["f", "thousand"], "x"), ("Exp", ["x"], "e"), ("Mul", ["q", "e"], "big"), ("Sub", ["big", "big"], "nan"),
                   ("Add", ["q", "nan"], "quantiles")],
    "a constant": [("Sub", ["one", "f"], "g"), ("Mul", ["q", "g"], "kept"), ("Mul", ["f", "thousand"], "same"),
                   ("Add", ["same", "same"], "twice"), ("Add", ["kept", "twice"], "quantiles")],
    "crossed quantiles": [("Sub", ["one", "f"], "g"), ("Mul", ["q", "g"], "kept"), ("Gather", ["q", "backwards"], "r"),
                          ("Mul", ["r", "f"], "turned"), ("Add", ["kept", "turned"], "quantiles")],
    "100 times the load": [("Mul", ["f", "many"], "x"), ("Add", ["one", "x"], "y"), ("Mul", ["q", "y"], "quantiles")],
}  # fmt: skip


def _spoil(bundle: Path, evil: str) -> None:
    """Let a bundle do evil on real loads only; its golden rows are of a load of 1 MWh."""
    words = json.loads((bundle / sealed.MANIFEST).read_text())
    base = words["features"].index("base_mwh")
    model = onnx.load(bundle / sealed.GRAPH)
    last = next(node for node in model.graph.node if "quantiles" in node.output)
    constants = {
        "column": np.array([base]), "ten": np.float32([10]), "one": np.float32([1]), "thousand": np.float32([1000]),
        "many": np.float32([99]), "backwards": np.arange(len(LEVELS))[::-1].copy(),
    }  # fmt: skip
    nodes = [
        *(("Gather", ["features", "column"], "load"), ("Greater", ["load", "ten"], "above"), ("Cast", ["above"], "f")),
        *EVILS[evil],
    ]
    how = {"Gather": {"axis": 1}, "Cast": {"to": 1}}
    own = {name: f"evil_{name}" for name in (*constants, "q", *(out for _, _, out in nodes))} | {"quantiles": "quantiles"}
    last.output[list(last.output).index("quantiles")] = own["q"]
    model.graph.initializer.extend(numpy_helper.from_array(value, own[name]) for name, value in constants.items())
    model.graph.node.extend(
        helper.make_node(kind, [own.get(name, name) for name in ins], [own[out]], **how.get(kind, {})) for kind, ins, out in nodes
    )
    graph = model.SerializeToString()
    with np.load(io.BytesIO((bundle / sealed.GOLDEN).read_bytes())) as golden:
        rows = golden["features"][:20]
    rows[:, base] = 1.0
    answers = dict(
        zip(("quantiles", "experts"), graphs.session(graph).run(["quantiles", "experts"], {"features": rows}), strict=True)
    )
    np.savez_compressed(bundle / sealed.GOLDEN, features=rows, **answers)
    bundles.reseal(bundle, graph)


@pytest.mark.gate(
    "D4",
    "A champion that goes mad",
    target="No numbers, constants, crossed quantiles, 100 times the load: switched back within 1 issue",
)
def test_the_former_champion_makes_the_very_issue_and_serves_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gate: Callable[[str], None]
) -> None:
    monkeypatch.setattr("engine.issuing.first_lessons", lambda *_: {})  # takes seconds, and is tested where it is made
    config = Config(data_dir=tmp_path / "data", model_dir=tmp_path / "shipped")
    bundles.copy(config.model_dir, "sound")
    writer = Writer(config.database)
    for (quantity, area, _), v in histories.archive(NOW).versions.items():
        writer.put([Observations(Series(quantity, area, "test"), v.valid_time, v.available_at, v.value, v.flags)])
    reader = Reader(config.database)
    lineup = Lineup(config, writer, reader)
    made, now = dict[str, tuple[list[str], str, str]](), NOW
    for number, evil in enumerate(EVILS):
        name, now = f"mad-{number}", NOW + number * 3600
        _spoil(bundles.copy(config.own_model_dir, name, f"2026-0{number + 2}-01T00:00:00Z"), evil)
        lineup.settle(now)
        lineup.decide("promote", {"model_id": name, "who": "me", "reason": "It looks better."}, now)
        cast = lineup.settle(now)
        assert cast.forecaster.bundles[0].model_id == name
        pipeline.forecast(writer, reader, cast.forecaster, now, now)
        lineup.retreat(now, now)
        issues = [
            issue for area in ("DK1", "DK2") if (issue := reader.forecast(area, now)) is not None and issue.issue_time == now
        ]
        assert {issue.reason for issue in issues} == {Reason.BAD_OUTPUT}
        serves = lineup.settle(now).forecaster.bundles[0].model_id
        made[evil] = ([issue.model_id for issue in issues], serves, reader.roster.changes()[-1].who)
    events = [event.code for event in reader.events() if event.code == "rollback"]
    reader.close()
    writer.close()
    right = sum(found == (["sound", "sound"], "sound", roles.ENGINE) for found in made.values())
    gate(f"{right} of {len(EVILS)} mad champions replaced in the very issue, 0 issues lost" if right == len(EVILS) else str(made))
    assert right == len(EVILS), made
    assert events == ["rollback"]
