"""The alarm of a peak is raised once, stays while it is likely, and ends by itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from filled_store import NOW, forecast

from engine import metrics, peaks, tables
from engine.domain import DAY, LEVELS, Consumer
from engine.limits import Limits
from engine.store import Reader, Writer

DK1 = Consumer("DK1")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[tuple[Writer, Reader]]:
    writer = Writer(tmp_path / "lastvagt.sqlite")
    reader = Reader(tmp_path / "lastvagt.sqlite")
    yield writer, reader
    reader.close()
    writer.close()


def _issue(writer: Writer, level: float = 0.5) -> float:
    """Issue a forecast; the load that its most dangerous hour within two days exceeds with the probability 1 - `level`."""
    issue = forecast("DK1", NOW)
    writer.put_forecasts([issue], NOW)
    ahead = (issue.valid_time > NOW) & (issue.valid_time <= NOW + 2 * DAY)
    return max(np.interp(level, LEVELS, hour) for hour in issue.quantiles[ahead])


def _open(reader: Reader) -> list[tuple[str, str]]:
    return [(event.code, event.subject) for event in reader.events()]


def test_an_alarm_comes_at_its_probability_and_goes_at_half_of_it(store: tuple[Writer, Reader]) -> None:
    writer, reader = store
    for hour, (level, opened) in enumerate(((0.85, False), (0.78, True), (0.85, True), (0.92, False), (0.85, False))):
        writer.set_limits(Limits({DK1: _issue(writer, level)}))
        peaks.watch(writer, reader, NOW + hour)
        assert _open(reader) == ([("peak", "DK1")] if opened else [])
        assert all(event.since == NOW + 1 for event in reader.events())


def test_an_alarm_tells_who_what_when_and_how_probably(store: tuple[Writer, Reader]) -> None:
    writer, reader = store
    limit = round(_issue(writer, 0.6))
    writer.set_limits(Limits({DK1: limit}))
    peaks.watch(writer, reader, NOW)
    told = reader.events()[0]
    assert told.problem.startswith(f"The load of Western Denmark (DK1) may exceed {limit} MWh: 40 % for 2026-11-2")
    assert told.problem.endswith(" h ahead.")
    assert told.remedy.endswith("ends by itself under 10 %.")


def test_a_limit_that_was_taken_away_ends_its_alarm(store: tuple[Writer, Reader]) -> None:
    writer, reader = store
    writer.set_limits(Limits({DK1: _issue(writer), Consumer("nobody"): 3.0}))
    peaks.watch(writer, reader, NOW)
    assert _open(reader) == [("peak", "DK1")]
    peaks.watch(writer, reader, NOW + 20 * DAY)  # nothing is forecast of then: nobody can tell
    assert _open(reader) == [("peak", "DK1")]
    writer.set_limits(Limits())
    peaks.watch(writer, reader, NOW)
    assert _open(reader) == []


def test_the_table_has_a_day_and_a_week_and_no_probability_without_a_limit(store: tuple[Writer, Reader]) -> None:
    writer, reader = store
    top = _issue(writer)
    rows = tables.peaks(reader, NOW).document()["rows"]
    assert [(row["area"], row["within_h"], row["probability"], row["limit"]) for row in rows] == [
        ("DK1", 24, None, None),
        ("DK1", 168, None, None),
    ]
    writer.set_limits(Limits({DK1: top}, 30))
    document = tables.peaks(reader, NOW).document()
    assert document["alarm_percent"] == 30
    day, week = document["rows"]
    assert day["limit"] == week["limit"] == top
    assert week["probability"] >= max(50, day["probability"])
    gauge = f'lastvagt_peak_exceedance_ratio{{area="DK1",consumer_type="total",within_h="168"}} {week["probability"] / 100}'
    assert gauge in metrics.text(reader, NOW).splitlines()
