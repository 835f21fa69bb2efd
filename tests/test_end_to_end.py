"""The whole program against a stand-in upstream, over the week in which Danish clocks go back."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import requests
from upstream import LOAD, RESET, TRUNCATED, WEATHER, Upstream, no_records, status, too_many

from app import present, snapshot
from app.snapshot import EngineKind, EngineStatus
from app.translations import Language
from app.window import VIEWS
from engine import api, clock, geography
from engine.clock import SimulatedClock, parse_utc
from engine.config import Config
from engine.domain import HOUR, Consumer, Tier
from engine.http_server import HttpServer
from engine.service import Service
from engine.store import Reader

START = parse_utc("2026-10-20T10:00Z")
END = START + 7 * 24 * HOUR
STEP_S = 30 * 60
#: Hours after START at which the upstream starts to misbehave, and how.
FAULTS = {
    20: lambda up: up.faults[LOAD].extend([too_many(292), status(500), status(503)]),
    30: lambda up: up.faults[LOAD].extend([no_records, status(200)]),
    44: lambda up: setattr(up, "blocks_filter", True),
    52: lambda up: setattr(up, "blocks_filter", False),
    60: lambda up: up.faults[WEATHER].extend([TRUNCATED, RESET, status(200, "Unexpected error while streaming data: x")]),
    72: lambda up: up.freeze(START + 72 * HOUR),
    84: lambda up: up.freeze(None),
}


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Config, Upstream, SimulatedClock]]:
    time = SimulatedClock(START)
    with Upstream(time, limits="strict") as upstream:
        config = upstream.config(data_dir=tmp_path_factory.mktemp("week"), port=0, backfill_days=60)
        faults = dict(FAULTS)
        with Service(config, time) as service:
            moment = START
            while moment <= END:
                time.set(max(moment, time.now()))
                for hour in [h for h in faults if START + h * HOUR <= moment]:
                    faults.pop(hour)(upstream)
                service.tick(time.now())
                moment += STEP_S
        assert not faults
        time.set(END)
        yield config, upstream, time


@pytest.fixture
def reader(week: tuple[Config, Upstream, SimulatedClock]) -> Iterator[Reader]:
    made = Reader(week[0].database)
    yield made
    made.close()


def test_every_planned_issue_was_made_once(reader: Reader) -> None:
    for area in ("DK", "DK1", "DK2"):
        times = [issue.issue_time for issue in reader.issues(area)]
        assert len(times) == len(set(times))
        hourly = [t for t in times if t % HOUR == 0]
        late = [t for t in times if t % HOUR]
        missing = set(range(START + HOUR, END + 1, HOUR)) - set(hourly) - {clock.floor_hour(t) for t in late}
        assert not missing
        assert {issue.tier for issue in reader.issues(area)} == {Tier.FULL}


def test_the_whole_is_the_sum_of_its_parts(reader: Reader) -> None:
    for whole, *parts in zip(*(reader.forecasts(a) for a in ("DK", "DK1", "DK2")), strict=True):
        np.testing.assert_allclose(whole.median, sum(p.median for p in parts), atol=1e-6)


def test_the_long_day_has_25_hours_of_truth_and_forecast(reader: Reader) -> None:
    day = clock.local_hours(dt.date(2026, 10, 25))
    assert len(day) == 25
    times, _ = reader.truth("DK", int(day[0]), int(day[-1]) + 1)["newest"]
    assert times.tolist() == day.tolist()
    before = reader.forecast("DK", as_of=clock.local_time(dt.date(2026, 10, 24), 10))
    assert before is not None
    assert set(day.tolist()) <= set(before.valid_time.tolist())


def test_nothing_was_lost_and_nothing_is_wrong_at_the_end(reader: Reader) -> None:
    first = START - 59 * 24 * HOUR
    times, _ = reader.truth("DK1", first, END)["newest"]
    assert len(times) > 0.995 * (END - first) / HOUR  # the upstream itself has a gap now and then
    assert END - times[-1] <= 4 * HOUR
    assert reader.events() == []
    told = {e.code for e in reader.events(open_only=False)}
    assert "source" in told
    score = reader.scores("DK")[0]
    assert score.n > 5000
    assert score.wape < 8
    assert len(reader.scorebook.loads(Consumer("DK"), "provisional", START)) >= 7 * 24 - 4


def test_no_dataset_was_asked_more_than_once_a_minute(week: tuple[Config, Upstream, SimulatedClock]) -> None:
    _, upstream, _ = week
    assert len(upstream.calls[LOAD]) > 300
    for calls in upstream.calls.values():
        assert min(np.diff(calls), default=60) >= 60
    assert all(agent.startswith("Lastvagt/") for agent in upstream.agents)


def test_an_issue_can_be_made_again_from_what_was_known(week: tuple[Config, Upstream, SimulatedClock], reader: Reader) -> None:
    """The as-of store is the proof: the same history, with what was learned until then, gives the same numbers days later."""
    from engine import features, issuing
    from engine.forecaster import Forecaster

    forecaster = Forecaster(week[0].model_dir)
    start = features.window(START)[0] - 60 * 24 * HOUR
    archive = reader.archive(start, END + 8 * 24 * HOUR)
    lessons = issuing.Lessons(archive, list(geography.PRICE_AREAS))
    times = sorted({issue.issue_time for issue in reader.issues()})
    stored = {(f.area, f.issue_time): f for area in geography.PRICE_AREAS for f in reader.forecasts(area)}
    lessons.calibrations |= issuing.hindcast(archive, forecaster, times[0])
    for issue_time in times:
        lessons.learn(issue_time)
        made = issuing.make_issues(archive, forecaster, issue_time, lessons.calibrations)
        lessons.add(made)
        for again in made:
            np.testing.assert_array_equal(again.quantiles, stored[again.area, issue_time].quantiles)
    assert len(times) > 160
    learned = reader.calibrations()
    assert learned
    assert {area for (area, _, _), state in learned.items() if state.hours.sum() > 300} == set(geography.PRICE_AREAS)


def test_the_endpoint_serves_it(week: tuple[Config, Upstream, SimulatedClock], reader: Reader) -> None:
    server = HttpServer(api.create(reader, week[2]), "127.0.0.1", 0)
    server.start()
    try:
        base = f"http://127.0.0.1:{server.port}"
        health = requests.get(f"{base}/health", timeout=30).json()
        assert (health["status"], health["simulated"]) == ("ok", False)
        forecast = requests.get(f"{base}/v1/forecast", {"area": "DK1"}, timeout=30).json()
        assert forecast["tier"] == "full"
        assert len(forecast["rows"]) >= 168
        csv = requests.get(f"{base}/v1/forecast", {"area": "DK1", "format": "csv"}, timeout=30).text.splitlines()
        assert len(csv) == len(forecast["rows"]) + 1
        scores = requests.get(f"{base}/v1/scores", {"area": "DK", "by": "lead_bucket"}, timeout=30).json()
        assert len(scores["rows"]) >= 5
    finally:
        server.stop()


@pytest.mark.parametrize("language", [Language("da"), Language("en")])
def test_the_app_presents_it(reader: Reader, language: Language) -> None:
    picture = snapshot.read(reader, END)
    engine = EngineStatus(EngineKind.FOUND)
    rows = present.area_rows(picture, language, END)
    assert [row.of.area for row in rows] == ["DK", "DK1", "DK2"]
    view = present.forecast_view(picture, Consumer("DK2"), engine, language, END)
    assert view.empty is None
    assert not view.marks
    monitor = present.monitor_view(picture, Consumer("DK2"), engine, language, END)
    assert monitor.empty is None


def test_the_app_draws_it(week: tuple[Config, Upstream, SimulatedClock], tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "app",
        "--data-dir",
        str(week[0].data_dir),
        "--screenshot",
        str(tmp_path),
        "--language",
        "da",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.glob("*.png"))) == len(VIEWS)
