"""What people take away: every hour once, whatever the clocks do, with all that tells where numbers are from."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator
from pathlib import Path

import filled_store
import pytest
from filled_store import NOW

from engine import clock, extracts
from engine.domain import DAY, HOUR, Consumer
from engine.store import Reader, Writer
from engine.tables import Missing, Table

DK, AALBORG = Consumer("DK"), Consumer("851", "household")
START, END = NOW - NOW % HOUR - 3 * DAY, NOW - NOW % HOUR + 2 * DAY


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    made = Reader(filled_store.fill(tmp_path_factory.mktemp("store"), days=32, late=True) / "lastvagt.sqlite")
    yield made
    made.close()


def _column(table: Table, name: str) -> list[object]:
    return [row[table.columns.index(name)] for row in table.rows]


def test_a_forecast_comes_with_what_was_observed_and_who_made_it(reader: Reader) -> None:
    table = extracts.forecast(reader, DK, START, END, NOW)
    assert _column(table, "valid_time") == [clock.iso(t) for t in range(START, END, HOUR)]
    issue = reader.forecast("DK", NOW)
    assert issue is not None
    medians = dict(zip(issue.valid_time.tolist(), issue.median.tolist(), strict=True))
    for hour, observed, median in zip(range(START, END, HOUR), _column(table, "observed"), _column(table, "p50"), strict=True):
        assert (observed == observed) == (hour < NOW - filled_store.LAG_H * HOUR)
        assert median == medians[hour] if hour in medians else median != median
    assert table.head["issue_time"] == clock.iso(issue.issue_time)
    assert (table.head["model_id"], table.head["tier"], table.head["zone"]) == ("dk-2026.1", "full", "Europe/Copenhagen")
    assert (table.head["simulated"], table.head["ex_post"]) == (False, False)
    assert len(str(table.head["digest"])) == hashlib.sha256().digest_size * 2


def test_the_issue_that_stood_at_a_moment_is_taken(reader: Reader) -> None:
    earlier = extracts.forecast(reader, DK, START, END, NOW, as_of=NOW - DAY)
    assert str(earlier.head["issue_time"]) <= clock.iso(NOW - DAY)
    assert earlier.head["digest"] != extracts.forecast(reader, DK, START, END, NOW).head["digest"]


def test_who_is_measured_late_has_a_bridge(reader: Reader) -> None:
    begin = NOW - NOW % HOUR - 20 * DAY
    table = extracts.forecast(reader, AALBORG, begin, END, NOW)
    assert {"measured", "bridge", "ahead"} == set(_column(table, "part"))
    assert table.head["consumer_type"] == "household"


@pytest.mark.parametrize(("day", "hours"), [(dt.date(2026, 10, 25), 25), (dt.date(2026, 11, 1), 24)])
def test_a_day_of_danish_clocks_has_all_its_hours(reader: Reader, day: dt.date, hours: int) -> None:
    span = clock.local_midnight(day), clock.local_midnight(day + dt.timedelta(days=1))
    table = extracts.observations(reader, DK, *span, NOW)
    assert len(table.rows) == hours
    danish = [str(each) for each in _column(table, "danish_time")]
    assert len(set(danish)) == hours
    assert all(each.startswith(day.isoformat()) for each in danish)
    assert [clock.parse_utc(each) for each in danish] == [clock.parse_utc(str(each)) for each in _column(table, "valid_time")]


def test_errors_stand_in_every_grouping(reader: Reader) -> None:
    table = extracts.errors(reader, DK, NOW - 10 * DAY, NOW, NOW)
    assert list(dict.fromkeys(_column(table, "by"))) == list(extracts.GROUPINGS)
    assert _column(table, "by").count("hour") == 24
    assert table.units["wape"] == "%"


def test_the_overview_has_a_line_for_everybody(reader: Reader) -> None:
    table = extracts.overview(reader, DK, NOW - 7 * DAY, NOW, NOW)
    assert [Consumer(*row[:2]) for row in table.rows] == list(reader.consumers(NOW))  # type: ignore[arg-type]


def test_nothing_at_all_is_told(tmp_path: Path) -> None:
    Writer(tmp_path / "a.sqlite").close()
    empty = Reader(tmp_path / "a.sqlite")
    try:
        with pytest.raises(Missing, match="Nothing is known of Denmark"):
            extracts.forecast(empty, DK, START, END, NOW)
        assert extracts.observations(empty, DK, START, END, NOW).rows == []
        assert {row[4] for row in extracts.overview(empty, DK, START, END, NOW).rows} == {None}
        assert extracts.errors(empty, DK, START, END, NOW).rows == []
    finally:
        empty.close()
