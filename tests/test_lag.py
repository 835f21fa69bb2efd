"""Lag: late, frozen, revised and holey series tell how late they are and since when they stand still."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import clock, geography, lag, pipeline
from engine.domain import DAY, HOUR, Consumer, Flag, IntArray, Observations, Series
from engine.store import Reader, Writer

#: Midnight of a Danish summer day: days are whole UTC days shifted by two hours for as long as no clock changes.
MIDNIGHT = clock.parse_utc("2026-06-30T22:00Z")


def put(writer: Writer, series: Series, valid: IntArray, arrival: IntArray, flag: Flag = Flag.PLAIN, value: float = 1.0) -> None:
    flags = np.full(len(valid), flag, np.uint8)
    writer.put([Observations(series, valid, arrival, (value + valid % 7).astype(np.float64), flags)])


def households(code: str = "851") -> Series:
    return Series("load", code, "PrivateConsumptionHeatingHour", "household")


def hours(first: int, last: int) -> IntArray:
    return np.arange(first, last, HOUR, dtype=np.int64)


def weekly(days: int) -> tuple[IntArray, IntArray]:
    """A week at a time, its last day nine days after it ended: nine to sixteen days late."""
    valid = hours(MIDNIGHT, MIDNIGHT + days * DAY)
    week = (valid - MIDNIGHT) // (7 * DAY)
    return valid, MIDNIGHT + (week + 1) * 7 * DAY + 9 * DAY


def test_a_load_that_comes_weekly_stands_still_only_when_a_week_is_left_out(writer: Writer, reader: Reader) -> None:
    valid, arrival = weekly(84)
    put(writer, households(), valid, arrival)
    last = int(arrival[-1])
    (fresh,) = lag.measure(reader, last + HOUR)
    assert fresh.consumer == Consumer("851", "household")
    assert fresh.source == "PrivateConsumptionHeatingHour"
    assert fresh.lag_s == last + HOUR - int(valid[-1])
    assert fresh.stalled_since is None
    assert fresh.usual_s is not None
    assert 15 * DAY <= fresh.usual_s <= 16 * DAY + HOUR
    assert not fresh.nominal
    assert fresh.holes == 0
    told = [day for day in range(1, 30) if lag.measure(reader, last + day * DAY)[0].stalled_since is not None]
    assert 16 <= told[0] + 9 <= 18
    assert told == list(range(told[0], 30)), "once told, told until it moves on"
    (frozen,) = lag.measure(reader, last + 20 * DAY)
    assert frozen.stalled_since == last
    assert frozen.usual_s == fresh.usual_s, "a stand-still is not what is usual"


@pytest.mark.parametrize("nominal_days", [9, 15])
def test_a_freeze_of_three_weeks_is_told_though_only_nominal_arrivals_are_known(
    writer: Writer, reader: Reader, nominal_days: int
) -> None:
    valid = hours(MIDNIGHT, MIDNIGHT + 70 * DAY)
    put(writer, households(), valid, valid + nominal_days * DAY, Flag.NOMINAL)
    end = int(valid[-1])
    (usual,) = lag.measure(reader, end + nominal_days * DAY)
    assert usual.nominal
    assert usual.stalled_since is None
    assert usual.usual_s is not None
    assert nominal_days * DAY <= usual.usual_s <= (nominal_days + 1) * DAY
    (frozen,) = lag.measure(reader, end + 21 * DAY)
    assert frozen.stalled_since == end + nominal_days * DAY


def test_one_event_tells_of_a_frozen_dataset_and_ends_when_it_moves_on(writer: Writer, reader: Reader) -> None:
    valid = hours(MIDNIGHT, MIDNIGHT + 70 * DAY)
    for code in ("851", "751", "101"):
        put(writer, households(code), valid, valid + 11 * DAY)
    put(writer, Series("load", "DK1", "energidataservice"), valid, valid + 2 * HOUR)
    end = int(valid[-1]) + HOUR

    def told(now: int) -> dict[str, str]:
        pipeline.watch_lag(writer, reader, now)
        return {event.subject: event.problem for event in reader.events() if event.code == "stalled"}

    assert told(end + 2 * HOUR) == {}
    writer.open_event("source", "energidataservice/load", "No answer.", "Wait.", end)
    assert told(end + 21 * DAY) == {
        "PrivateConsumptionHeatingHour": "Households of municipalities (PrivateConsumptionHeatingHour) stand still since 2026-09-19: "
        "21 days old, usually 12 days."
    }, "that DK1 cannot be fetched is an event already"
    writer.close_event("source", "energidataservice/load", end + 21 * DAY)
    later = hours(end, end + 7 * DAY)
    for code in ("851", "101"):
        put(writer, households(code), later, np.full(len(later), end + 21 * DAY + 1))
    found = told(end + 21 * DAY + HOUR)
    assert found["PrivateConsumptionHeatingHour"].startswith("1 of 3 households of municipalities (")
    assert found["energidataservice"].endswith("21 days old, usually 3 hours.")
    for series in (households("751"), Series("load", "DK1", "energidataservice")):
        put(writer, series, later, np.full(len(later), end + 21 * DAY + 1))
    put(
        writer,
        Series("load", "DK1", "energidataservice"),
        hours(end + 7 * DAY, end + 21 * DAY),
        hours(end + 7 * DAY, end + 21 * DAY),
    )
    assert told(end + 21 * DAY + 2 * HOUR) == {}


def test_a_price_area_stands_still_after_hours(writer: Writer, reader: Reader) -> None:
    valid = hours(MIDNIGHT, MIDNIGHT + 40 * DAY)
    put(writer, Series("load", "DK1", "energidataservice"), valid, valid + 2 * HOUR + 1200)
    end = int(valid[-1])
    (fresh,) = lag.measure(reader, end + 3 * HOUR)
    assert fresh.usual_s == 3 * HOUR + 1200
    assert fresh.stalled_since is None
    told = [h for h in range(3, 24) if lag.measure(reader, end + h * HOUR)[0].stalled_since is not None]
    assert told[0] == 7
    assert {seconds for _, seconds in fresh.by_day[1:]} == {3 * HOUR + 1200}


def test_an_outage_within_a_day_shows_on_that_day(writer: Writer, reader: Reader) -> None:
    valid = hours(MIDNIGHT, MIDNIGHT + 30 * DAY)
    arrival = valid + 2 * HOUR
    out = (valid >= MIDNIGHT + 20 * DAY + 8 * HOUR) & (valid < MIDNIGHT + 20 * DAY + 14 * HOUR)
    arrival[out] = MIDNIGHT + 20 * DAY + 16 * HOUR
    put(writer, Series("load", "DK2", "energidataservice"), valid, arrival)
    (found,) = lag.measure(reader, int(valid[-1]) + 2 * HOUR)
    by_day = dict(found.by_day)
    worst = max(by_day, key=lambda day: by_day[day])
    assert worst == int(clock.local_day_hour(np.array([MIDNIGHT + 20 * DAY]))[0][0])
    assert by_day[worst] == 9 * HOUR
    assert found.usual_s == 3 * HOUR, "one bad day in ten is not usual"


def test_a_late_revision_neither_moves_nor_delays_a_series(writer: Writer, reader: Reader) -> None:
    valid, arrival = weekly(70)
    put(writer, households(), valid, arrival)
    now = int(arrival[-1]) + DAY
    before = lag.measure(reader, now)
    put(writer, households(), valid[: 24 * 14], np.full(24 * 14, now), value=3.0)
    assert lag.measure(reader, now) == before


def test_holes_count_the_missing_hours_of_the_last_sixty_known_days(writer: Writer, reader: Reader) -> None:
    valid, arrival = weekly(84)
    missing = np.isin(np.arange(len(valid)), [5, *range(24 * 60, 24 * 63)])  # the first is longer ago
    put(writer, households(), valid[~missing], arrival[~missing])
    assert lag.measure(reader, int(arrival[-1]))[0].holes == 72


def test_what_is_imported_at_once_has_no_usual_lag_and_stands_never_still(writer: Writer, reader: Reader) -> None:
    valid = hours(MIDNIGHT, MIDNIGHT + 40 * DAY)
    put(writer, Series("load", "DK1-mejeri", "file", rank=1), valid, np.full(len(valid), int(valid[-1]) + DAY))
    (found,) = lag.measure(reader, int(valid[-1]) + 90 * DAY)
    assert (found.usual_s, found.stalled_since) == (None, None)
    assert found.lag_s == 90 * DAY


def test_nobody_is_told_that_an_imported_history_ends(writer: Writer, reader: Reader) -> None:
    valid = hours(MIDNIGHT, MIDNIGHT + 40 * DAY)
    put(writer, Series("load", "DK1-mejeri", "file", rank=1), valid, valid + 2 * HOUR, Flag.NOMINAL)
    pipeline.watch_lag(writer, reader, int(valid[-1]) + 90 * DAY)
    assert reader.events() == []


def test_the_source_that_reaches_furthest_counts(writer: Writer, reader: Reader) -> None:
    valid = hours(MIDNIGHT, MIDNIGHT + 30 * DAY)
    put(writer, Series("load", "DK1", "lastvagt-data", rank=1), valid[: 24 * 10], valid[: 24 * 10] + 2 * HOUR, Flag.NOMINAL)
    put(writer, Series("load", "DK1", "energidataservice"), valid, valid + 2 * HOUR)
    (found,) = lag.measure(reader, int(valid[-1]) + 2 * HOUR)
    assert found.source == "energidataservice"
    assert found.newest_valid == valid[-1]


def test_a_region_that_others_took_over_ends_without_standing_still(writer: Writer, reader: Reader) -> None:
    source = "ConsumptionConsumerCategoryHour"
    merger = geography.MERGER
    valid = hours(merger - 70 * DAY, merger)
    for code in ("1083", "1085"):
        put(writer, Series("load", code, source, "public"), valid, valid + 11 * DAY)
    put(writer, Series("load", "1084", source, "public"), valid[:-24], valid[:-24] + 11 * DAY)
    found = {each.consumer.area: each for each in lag.measure(reader, merger + 20 * DAY)}
    assert set(found) == {"1083", "1084"}, "1085 is whole; of 1084 a day is still to come"
    assert all(each.stalled_since is not None for each in found.values())


@settings(max_examples=40)
@given(
    delays=st.lists(st.integers(2, 30 * 24), min_size=8, max_size=40),
    dropped=st.sets(st.integers(0, 39), max_size=5),
    later_h=st.integers(0, 500),
)
def test_each_day_is_as_late_as_asking_every_hour_says(
    tmp_path_factory: pytest.TempPathFactory, delays: list[int], dropped: set[int], later_h: int
) -> None:
    """Days arrive whole, each so many hours after its end, in any order, some never."""
    kept = [i for i in range(len(delays)) if i not in dropped] or [0]
    last_hours = np.array([MIDNIGHT + (i + 1) * DAY - HOUR for i in kept], np.int64)
    arrivals = np.array([MIDNIGHT + (i + 1) * DAY + delays[i] * HOUR for i in kept], np.int64)
    now = int(max(arrivals)) + later_h * HOUR
    folder: Path = tmp_path_factory.mktemp("lag")
    writer = Writer(folder / "lastvagt.sqlite")
    for last, arrival in zip(last_hours, arrivals, strict=True):
        put(writer, households(), hours(int(last) - 23 * HOUR, int(last) + HOUR), np.full(24, arrival))
    reader = Reader(writer.path)
    (found,) = lag.measure(reader, now)
    reader.close()
    writer.close()
    expected: dict[int, int] = {}
    for moment in range(int(arrivals.min()), now + 1, HOUR):
        at = moment - 1 if moment > arrivals.min() else moment  # arrivals and midnights end the hour before them
        newest = int(last_hours[arrivals <= at].max())
        day = (at + 2 * HOUR) // DAY
        expected[day] = max(expected.get(day, 0), moment - newest)
    today = (now + 2 * HOUR) // DAY
    for day, seconds in found.by_day:
        assert today - lag.WINDOW_DAYS < day <= today
        if day in expected and day != today:
            assert seconds == expected[day], day
    assert found.newest_valid == last_hours.max()
    assert found.lag_s == now - last_hours.max()
    assert found.holes == 24 * (max(kept) - min(kept) + 1 - len(kept))


@pytest.mark.long
def test_a_hundred_and_eighteen_series_are_measured_in_a_moment(writer: Writer, reader: Reader) -> None:
    valid, arrival = weekly(112)
    for i in range(118):
        put(writer, Series("load", f"DK1-{i:03d}", "ConsumptionGridAreaHour"), valid, arrival)
    lag.measure(reader, int(arrival[-1]))
    began = time.process_time()
    assert len(lag.measure(reader, int(arrival[-1]))) == 118
    assert time.process_time() - began < 0.3, "measured 0.05 s on a quiet core"
