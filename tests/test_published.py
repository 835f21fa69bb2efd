"""What leaves the program with adjustments in it, and what these were worth once the truth has come."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from test_adjusting import issue, made

from engine import clock, decisions, extracts, orders, pipeline, published, tables
from engine.adjusting import Act, Adjustment, Refused, State
from engine.config import Config
from engine.domain import DAY, HOUR, Consumer, Flag, Observations, Series
from engine.limits import Limits
from engine.lineup import Lineup
from engine.roles import Pointless
from engine.store import Reader, Writer
from engine.store.decisions import AdjustedHour, Worth

NOW = clock.parse_utc("2026-10-24T12:20Z")
FIRST = clock.parse_utc("2026-10-24T13:00Z")
WORDS = {
    "area": "DK1",
    "consumer_type": "total",
    "act": "add",
    "amount": 100.0,
    "valid_start": "2026-10-24T13:00Z",
    "valid_end": "2026-10-24T18:00Z",
    "reason": "the works start",
    "who": "kmj",
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[tuple[Writer, Reader]]:
    """A fortnight of load of both price areas, and an issue of all."""
    writer = Writer(tmp_path / "lastvagt.sqlite")
    reader = Reader(writer.path)
    for area in ("DK1", "DK2"):
        arrive(writer, area, NOW - 14 * DAY, NOW - 3 * HOUR)
    writer.put_forecasts([issue("DK", 4100.0), issue("DK1", 2600.0), issue("DK2", 1500.0)], NOW)
    yield writer, reader
    reader.close()
    writer.close()


def arrive(writer: Writer, area: str, start: int, end: int) -> None:
    """Load of the hours in [start, end), two hours after each."""
    times = np.arange(clock.floor_hour(start), end, HOUR, dtype=np.int64)
    mean = {"DK1": 2680.0, "DK2": 1500.0}[area]
    series, flags = Series("load", area, "test"), np.full(len(times), Flag.PLAIN, np.uint8)
    writer.put([Observations(series, times, times + 2 * HOUR, np.full(len(times), mean), flags)])


def rows(reader: Reader, area: str, now: int, untouched: bool = False) -> dict[str, dict[str, object]]:
    table = tables.forecast(reader, Consumer(area), now, untouched=untouched)
    return {str(row[0]): dict(zip(table.columns, row, strict=True)) for row in table.rows}


def test_what_is_published_is_the_models_and_the_adjustment_and_the_models_stays(store: tuple[Writer, Reader]) -> None:
    writer, reader = store
    before = rows(reader, "DK1", NOW)
    assert {row["adjustment"] for row in before.values()} == {0.0}
    recorded = decisions.adjust(writer, reader, WORDS, NOW)
    assert (recorded["adjustment_id"], recorded["state"], recorded["value_added"]) == (1, "active", None)
    after, own = rows(reader, "DK1", NOW + 60), rows(reader, "DK1", NOW + 60, untouched=True)
    assert own == before
    changed = {t for t, row in after.items() if row["adjustment"]}
    assert sorted(changed) == [f"2026-10-24T{hour}:00:00Z" for hour in range(13, 18)]
    for t in changed:
        assert float(str(after[t]["p95"])) == pytest.approx(float(str(own[t]["p95"])) + 100.0)
        assert rows(reader, "DK", NOW + 60)[t]["adjustment"] == pytest.approx(100.0)
        assert rows(reader, "DK2", NOW + 60)[t]["adjustment"] == 0.0
    assert tables.forecast(reader, Consumer("DK"), NOW + 60).head["adjustments"] == [1]
    assert tables.forecast(reader, Consumer("DK1"), NOW + 60, as_of=NOW - 1).head["adjustments"] == []


def test_who_decides_by_a_forecast_gets_the_published_one_and_an_archive_says_that_it_holds_the_models(
    store: tuple[Writer, Reader],
) -> None:
    writer, reader = store
    decisions.adjust(writer, reader, WORDS, NOW)
    overview = extracts.overview(reader, Consumer("DK"), NOW, NOW, NOW + 60)
    peaks = {row[0]: row[overview.columns.index("peak")] for row in overview.rows}
    assert peaks == pytest.approx({"DK": 4200.0, "DK1": 2700.0, "DK2": 1500.0})
    archive = [table for name, table in tables.export(reader, NOW - DAY, NOW + DAY) if name == "forecasts"]
    assert {table.head["untouched"] for table in archive} == {True}
    assert not any(row[-1] for table in archive for row in table.rows)
    assert not tables.forecast(reader, Consumer("DK1"), NOW + 60).head["untouched"]
    assert tables.forecast(reader, Consumer("DK1"), NOW + 60, untouched=True).head["untouched"]


def test_an_alarm_follows_what_is_published_at_once(store: tuple[Writer, Reader], tmp_path: Path) -> None:
    writer, reader = store
    writer.set_limits(Limits({Consumer("DK1"): 2690.0}, 80))
    config = Config.load(environment={}, data_dir=tmp_path)
    acts = orders.by_path(config, writer, reader, Lineup(config, writer, reader), clock.SimulatedClock(NOW))
    acts["/v1/adjustments/make"]({**WORDS, "amount": 500.0})
    assert [(event.code, event.subject) for event in reader.events()] == [("peak", "DK1")]
    acts["/v1/adjustments/withdraw"]({"adjustment_id": 1})
    assert reader.events() == []


def test_one_that_is_withdrawn_leaves_the_hours_to_come_and_stays_on_record(store: tuple[Writer, Reader]) -> None:
    writer, reader = store
    decisions.adjust(writer, reader, WORDS, NOW)
    at = FIRST + HOUR + 600
    back = decisions.withdraw(writer, reader, {"adjustment_id": 1, "who": "lb", "reason": "they start tomorrow"}, at)
    assert (back["state"], back["withdrawn_by"], back["withdrawn_for"]) == ("withdrawn", "lb", "they start tomorrow")
    changed = [t for t, row in rows(reader, "DK1", at + 60).items() if row["adjustment"]]
    assert changed == ["2026-10-24T13:00:00Z", "2026-10-24T14:00:00Z"]
    with pytest.raises(Pointless, match="withdrawn already"):
        decisions.withdraw(writer, reader, {"adjustment_id": 1}, at + 60)
    with pytest.raises(tables.Missing):
        decisions.withdraw(writer, reader, {"adjustment_id": 7}, at)


def test_adjusted_hours_are_scored_once_against_what_they_found(store: tuple[Writer, Reader]) -> None:
    writer, reader = store
    decisions.adjust(writer, reader, WORDS, NOW)
    later = {**WORDS, "act": "multiply", "amount": 1.1, "valid_end": "2026-10-24T15:00Z", "who": "lb"}
    decisions.adjust(writer, reader, later, NOW + 60)
    assert pipeline.score(writer, reader, NOW + HOUR, 15).status == "ok"
    assert published.score(reader, NOW + HOUR) == []  # no truth yet
    arrive(writer, "DK1", FIRST, FIRST + 3 * HOUR)
    at = FIRST + 5 * HOUR
    writer.put_forecasts([issue("DK1", 1.0, FIRST + HOUR)], at)  # made when the second hour began: it comes too late for it
    run = pipeline.score(writer, reader, at, 15)
    assert run.detail["adjusted"] == 5
    hours = {h: reader.decisions.scored_hours(h) for h in (1, 2)}
    assert hours == {1: {FIRST, FIRST + HOUR, FIRST + 2 * HOUR}, 2: {FIRST, FIRST + HOUR}}
    worth = reader.decisions.worth()
    assert worth[2].hours == 2
    assert worth[2].value_added == pytest.approx(2 * (20 - 290))  # 2700 became 2970 where 2680 came true
    assert set(reader.decisions.worth_by_operator()) == {"kmj", "lb"}
    assert published.score(reader, at) == []
    table = decisions.adjustments(reader, at)
    assert [row[table.columns.index("scored_hours")] for row in table.rows] == [2, 3]
    assert table.head["operators"][1]["who"] == "lb"  # type: ignore[index]


def test_a_withdrawn_hour_is_not_scored(store: tuple[Writer, Reader]) -> None:
    writer, reader = store
    decisions.adjust(writer, reader, WORDS, NOW)
    decisions.withdraw(writer, reader, {"adjustment_id": 1}, FIRST + 60)
    arrive(writer, "DK1", FIRST, FIRST + 5 * HOUR)
    scored = published.score(reader, FIRST + 8 * HOUR)
    assert scored == [AdjustedHour(1, FIRST, 2680.0, 2600.0, 2700.0)]


def test_every_field_of_an_adjustment_is_kept(store: tuple[Writer, Reader]) -> None:
    writer, reader = store
    one = made("DK1-plant", act=Act.MULTIPLY, amount=0.97, withdrawn_at=NOW + 1, withdrawn_by="ærø", withdrawn_for="ø")
    kept = writer.decisions.put_adjustment(one)
    assert reader.decisions.adjustment(kept.adjustment_id) == kept
    assert kept == dataclasses.replace(one, adjustment_id=kept.adjustment_id)
    assert reader.decisions.adjustments(start=one.valid_end) == []
    assert isinstance(kept, Adjustment)
    assert kept.state(NOW + 5) is State.WITHDRAWN
    assert np.isnan(Worth().value_added)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"area": "DK9"}, "no area"),
        ({"area": "DK1", "consumer_type": "household"}, "stored"),
        ({"valid_start": "2026-02-30T00:00Z"}, "not a time"),
        ({"amount": 9000.0}, "more than half"),
    ],
)
def test_an_order_that_cannot_be_meant_is_refused(store: tuple[Writer, Reader], changed: dict[str, object], told: str) -> None:
    with pytest.raises(Exception, match=told):
        decisions.adjust(*store, WORDS | changed, NOW)
    assert store[1].decisions.adjustments() == []


def odd(writer: Writer, value: float, hour: int) -> None:
    """Set a value aside."""
    series, at = Series("load", "DK1", "test"), np.array([hour], np.int64)
    one = Observations(series, at, at + 2 * HOUR, np.array([value]), np.array([Flag.NOMINAL], np.uint8))
    writer.put([], [(one, ["under 900 MWh"])])


def test_a_value_that_is_accepted_is_the_truth_from_then_on(store: tuple[Writer, Reader]) -> None:
    writer, reader = store
    hour = clock.floor_hour(NOW - 3 * HOUR) + HOUR
    odd(writer, 850.0, hour)
    (one,) = reader.decisions.quarantine()
    assert (one.verdict, one.value, one.consumer) == ("", 850.0, Consumer("DK1"))
    told = decisions.judge(writer, reader, "accept", {"quarantine_id": one.quarantine_id, "who": "kmj"}, NOW)
    assert (told["verdict"], told["decided_at"], told["who"]) == ("accept", clock.iso(NOW), "kmj")
    times, loads = reader.truth("DK1", hour, hour + HOUR)["newest"]
    assert (times.tolist(), loads.tolist()) == ([hour], [850.0])
    assert reader.as_of(NOW - 1, hour, 1, ["DK1"]).get("load", "DK1") is None
    odd(writer, 850.0, hour)  # the source says it again
    assert len(reader.decisions.quarantine()) == 1
    assert reader.decisions.quarantine(open_only=True) == []
    with pytest.raises(Pointless, match="decided already"):
        decisions.judge(writer, reader, "reject", {"quarantine_id": one.quarantine_id}, NOW)


def test_an_hour_without_a_number_is_set_aside_once(store: tuple[Writer, Reader]) -> None:
    writer, reader = store
    for _ in range(2):
        odd(writer, float("nan"), FIRST)
    (one,) = reader.decisions.quarantine()
    assert one.value is None
    with pytest.raises(Refused, match="no number"):
        decisions.judge(writer, reader, "accept", {"quarantine_id": one.quarantine_id}, NOW)


def test_a_value_that_is_rejected_stays_aside_and_is_not_asked_about_again(store: tuple[Writer, Reader]) -> None:
    writer, reader = store
    hour = clock.floor_hour(NOW - 3 * HOUR) + HOUR
    odd(writer, 9e5, hour)
    decisions.judge(writer, reader, "reject", {"quarantine_id": 1, "who": "kmj"}, NOW)
    odd(writer, 9e5, hour)
    assert [one.verdict for one in reader.decisions.quarantine()] == ["reject"]
    assert len(reader.truth("DK1", hour, hour + HOUR)["newest"][0]) == 0
    with pytest.raises(tables.Missing):
        decisions.judge(writer, reader, "accept", {"quarantine_id": 9}, NOW)
