"""Dashboards and alerts ask for what the engine tells."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import filled_store
import pytest

from engine import metrics
from engine.domain import Consumer, JobRun
from engine.limits import Limits
from engine.store import Reader, Writer

CONTAINER = Path(__file__).parent.parent / "packaging" / "container"
sys.path.insert(0, str(CONTAINER))

import trial  # noqa: E402

BOARDS = sorted((CONTAINER / "grafana" / "dashboards").glob("*.json"))
PROMETHEUS = CONTAINER / "prometheus"
_OF_PROMETHEUS = {"up", "scrape_duration_seconds"}
promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool of Prometheus is not installed")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Metrics of an engine with weeks behind it."""
    path = filled_store.fill(tmp_path_factory.mktemp("store"), days=10) / "lastvagt.sqlite"
    writer = Writer(path)
    writer.set_limits(Limits({Consumer("DK1"): 2000.0}))
    writer.put_job_run(JobRun("forecast", filled_store.NOW - 60, filled_store.NOW - 50, "ok"))
    writer.heartbeat(filled_store.NOW)
    writer.close()
    reader = Reader(path)
    try:
        return metrics.text(reader, filled_store.NOW)
    finally:
        reader.close()


def asked() -> list[tuple[str, str]]:
    return [*trial.questions(), *trial.alerts()]


@pytest.mark.parametrize(("where", "expression"), asked(), ids=lambda word: "".join(re.findall(r"\w", word))[:60])
def test_every_question_is_about_metrics_and_labels_there_are(told: str, where: str, expression: str) -> None:
    names = trial.metrics(expression)
    assert names
    for name in names - _OF_PROMETHEUS - {"lastvagt_heartbeat_timestamp_seconds"}:
        lines = [line for line in told.splitlines() if re.match(rf"{name}[ {{]", line)]
        assert lines, f"{where}: nobody tells {name}"
        for matched in re.findall(rf"{name}\{{([^}}]*)\}}", expression):
            labels = set(re.findall(r"(\w+)(?:=~?|!=)", matched)) - {"job"}
            assert all(re.search(rf'[{{,]{label}="', lines[0]) for label in labels)
            for label, value in re.findall(r'(\w+)="([^"]*)"', matched):
                if label not in ("job", "area", "code") and "!=" not in matched:
                    assert any(f'{label}="{value}"' in line for line in lines), f"{where}: no {label} {value} of {name}"


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.stem)
def test_a_dashboard_is_what_grafana_provisions(path: Path) -> None:
    board = json.loads(path.read_text(encoding="utf-8"))
    source = (CONTAINER / "grafana" / "provisioning" / "datasources" / "prometheus.yaml").read_text(encoding="utf-8")
    assert board["uid"] == f"lastvagt-{path.stem}"
    assert board["schemaVersion"] >= 36
    assert "id" not in board, "Grafana numbers boards itself"
    numbers = [panel["id"] for panel in board["panels"]]
    assert len(set(numbers)) == len(numbers)
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert max(x for x, _ in cells) < 24
        assert not cells & taken, f"{panel['title']} lies on another"
        taken |= cells
        if panel["type"] == "row":
            continue
        assert panel["type"] in ("stat", "timeseries")
        assert panel["title"]
        assert {target["datasource"]["uid"] for target in panel["targets"]} == {"lastvagt-prometheus"}
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
    assert "uid: lastvagt-prometheus" in source
    linked = {link["url"].rpartition("/")[2] for link in board["links"]}
    assert linked <= {f"lastvagt-{other.stem}" for other in BOARDS}


@promtool
def test_alerts_come_when_they_should_and_not_before() -> None:
    for words in (("check", "config", "prometheus.yml"), ("check", "rules", "alerts.yml"), ("test", "rules", "alerts_test.yml")):
        ran = subprocess.run(["promtool", *words], cwd=PROMETHEUS, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr


def test_every_alert_is_tested() -> None:
    tests = (PROMETHEUS / "alerts_test.yml").read_text(encoding="utf-8")
    assert {name for name, _ in trial.alerts()} == set(re.findall(r"alertname: (\w+)", tests))


def test_nothing_but_grafana_on_this_machine_is_published() -> None:
    compose = (CONTAINER / "compose.yaml").read_text(encoding="utf-8")
    ports = re.findall(r"ports:\n((?:\s+- .+\n)+)", compose)
    assert [line.strip() for part in ports for line in part.splitlines()] == ["- 127.0.0.1:3000:3000"]
    assert compose.count("network_mode: service:lastvagt") == 2
    assert compose.count("no-new-privileges:true") == compose.count("image:") == 3
