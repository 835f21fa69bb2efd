"""Days that are shifted by an hour against another source, or lack hours: told, while nothing is said of sound ones."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable, Mapping
from pathlib import Path

import histories
import numpy as np
import pytest

from engine import clock, whole_days
from engine.clock import parse_utc
from engine.domain import DAY, HOUR, Flag, FloatArray, IntArray, Observations, Series
from engine.store import Reader, Writer

REAL = Path(__file__).resolve().parents[2] / "shared" / "data" / "load_price_area_hourly.csv.gz"
#: Ten days after the clocks went back.
NOW = parse_utc("2026-11-04T01:05Z")
MIDNIGHT = parse_utc("2026-10-24T22:00Z")
CHANGE = parse_utc("2026-10-25T01:00Z")
END = parse_utc("2026-10-25T23:00Z")
SINCE = NOW // HOUR * HOUR - 40 * DAY


def hours(end: int = NOW - 2 * HOUR) -> IntArray:
    return np.arange(SINCE, end, HOUR, dtype=np.int64)


def put(writer: Writer, quantity: str, valid: IntArray, value: FloatArray, known: int = NOW - HOUR) -> None:
    series = Series(quantity, "DK1", "energidataservice")
    flags = np.full(len(valid), Flag.PLAIN, np.uint8)
    writer.put([Observations(series, valid, np.full(len(valid), known, np.int64), value, flags)], now=known)


def settle(writer: Writer, valid: IntArray, load: FloatArray, known: int = NOW - HOUR) -> None:
    """What is settled of a load: more by what businesses used themselves, and at a level of its own."""
    put(writer, "settlement", valid, 0.95 * load + 60, known)
    put(writer, "self_consumption", valid, np.full(len(valid), 60.0), known)


def told(writer: Writer, reader: Reader, now: int = NOW) -> Mapping[str, str]:
    whole_days.watch(writer, reader, now)
    return {event.code: event.problem for event in reader.events()}


def moved(valid: IntArray, start: int, end: int, by_h: int) -> FloatArray:
    """The usual load, where hours of [start, end) have that of another hour."""
    return histories.load_at(np.where((valid >= start) & (valid < end), valid + by_h * HOUR, valid))


def test_sound_days_are_not_told(writer: Writer, reader: Reader) -> None:
    assert told(writer, reader) == {}
    put(writer, "load", hours(), histories.load_at(hours()))
    settle(writer, hours(NOW - 10 * DAY), histories.load_at(hours(NOW - 10 * DAY)))
    assert told(writer, reader) == {}


@pytest.mark.parametrize("by_h", [-1, 1])
@pytest.mark.parametrize(("start", "end"), [(MIDNIGHT, END), (CHANGE, END)], ids=["the whole day", "from the change on"])
def test_a_day_that_is_shifted_against_settlement_is_told_until_it_is_revised(
    writer: Writer, reader: Reader, start: int, end: int, by_h: int
) -> None:
    put(writer, "load", hours(), moved(hours(), start, end, by_h))
    settle(writer, hours(), histories.load_at(hours()))
    assert told(writer, reader) == {"contradicted": "The load of DK1 is an hour apart from settled consumption on 2026-10-25."}
    put(writer, "load", hours(), histories.load_at(hours()), NOW)
    assert told(writer, reader, NOW + 1) == {}


def test_it_is_forgotten_when_no_revision_comes(writer: Writer, reader: Reader) -> None:
    put(writer, "load", hours(), moved(hours(), MIDNIGHT, END, 1))
    put(writer, "load_forecast", hours(), histories.load_at(hours()))
    assert told(writer, reader) == {
        "contradicted": "The load of DK1 is an hour apart from the grid operator's forecast on 2026-10-25."
    }
    assert told(writer, reader, NOW + 15 * DAY) == {}


@pytest.mark.parametrize("missing", [0, 2, 3, 24])
def test_an_hour_that_is_missing_is_told_while_later_ones_are_there(writer: Writer, reader: Reader, missing: int) -> None:
    gap, now = MIDNIGHT + missing * HOUR, END + DAY + 5 * 60
    valid = hours(now - HOUR)
    put(writer, "load", valid[valid != gap], histories.load_at(valid[valid != gap]), now - 1)
    assert told(writer, reader, now) == {"incomplete": "The load of DK1 lacks 1 of the 25 hours of 2026-10-25."}
    put(writer, "load", valid, histories.load_at(valid), now)
    assert told(writer, reader, now + 1) == {}


def test_load_that_stands_still_or_begins_lacks_no_hours(writer: Writer, reader: Reader) -> None:
    until = hours(END - 6 * HOUR)
    put(writer, "load", until[until > MIDNIGHT + 4 * HOUR], histories.load_at(until[until > MIDNIGHT + 4 * HOUR]), END)
    assert told(writer, reader, END + DAY) == {}


def real(area: str) -> tuple[int, FloatArray, FloatArray]:
    """First hour of nine years of load, that load, and what the grid operator forecast of it about an hour before; NaN where unknown."""
    with gzip.open(REAL, "rt") as file:
        rows = [row for row in csv.DictReader(file) if row["price_area"] == area]
    times = np.array([parse_utc(row["valid_time"]) for row in rows])
    found = np.full((2, (times[-1] - times[0]) // HOUR + 1), np.nan)
    for kept, column in zip(found, ("load_mwh", "tso_forecast_mwh"), strict=True):
        kept[(times - times[0]) // HOUR] = [float(row[column] or "nan") for row in rows]
    return int(times[0]), found[0], found[1]


@pytest.mark.long
@pytest.mark.skipif(not REAL.exists(), reason="the real load is not here")
@pytest.mark.gate(
    "E6",
    "Days shifted by an hour",
    target="Over 6,000 days of real load beside the operator's forecast: 0 sound ones told, 95 % of shifted ones",
)
def test_years_of_sound_days_are_not_told_and_shifted_ones_are(gate: Callable[[str], None]) -> None:
    days = false = shifted = found = 0
    for area in ("DK1", "DK2"):
        start, load, forecast = real(area)
        day, _ = clock.local_day_hour(start + HOUR * np.arange(len(load)))
        firsts = np.flatnonzero(np.diff(day)) + 1
        for first, end in zip(firsts[1:-2].tolist(), firsts[2:-1].tolist(), strict=True):
            mine, its = load[first - 2 : end + 2], forecast[first - 2 : end + 2]
            here = slice(2, len(mine) - 2)
            if not np.isfinite([*mine[here], *its]).all():
                continue
            days += 1
            false += whole_days.is_shifted(mine, its, here)
            shifted += 2
            found += sum(whole_days.is_shifted(mine, np.roll(its, by), here) for by in (-1, 1))
    gate(f"{days:,} days: {false} sound ones told, {found / shifted:.1%} of {shifted:,} shifted ones")
    assert days > 6000
    assert not false
    assert found >= 0.95 * shifted
