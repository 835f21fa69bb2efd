"""Past days that were like another."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import clock, similar
from engine.domain import HOUR, Consumer, FloatArray, History

DK1 = Consumer("DK1")
#: Wednesday.
DAY_ASKED = (dt.date(2026, 3, 18) - clock.EPOCH).days


def _history(warmth: FloatArray, load: FloatArray, days: int = 60) -> History:
    """`days` before the day asked about and that day, each with a temperature and a load of its own."""
    start = clock.local_midnight(clock.EPOCH + dt.timedelta(days=DAY_ASKED - days))
    end = clock.local_midnight(clock.EPOCH + dt.timedelta(days=DAY_ASKED + 1))
    times = np.arange(start, end, HOUR, dtype=np.int64)
    day, hour = clock.local_day_hour(times)
    at = day - (DAY_ASKED - days)
    values = {
        ("temperature", "DK1", "total"): warmth[at],
        ("load", "DK1", "total"): load[at] + np.where(at < days, hour, np.nan),
    }
    return History(end, start, len(times), values)


def test_the_most_alike_is_of_the_same_kind_as_warm_and_near() -> None:
    warmth, load = np.full(61, 10.0), np.full(61, 100.0)
    warmth[60] = 2.0
    warmth[60 - 14] = 2.0
    found = similar.similar_days(_history(warmth, load), DK1, DAY_ASKED)
    assert found[0].day == DAY_ASKED - 14
    assert (found[0].same_weekday, found[0].warmer_k, found[0].season_days) == (True, 0.0, 14)
    assert found[0].distance == pytest.approx(14 / 30)
    assert len(found) == 5
    assert {clock.weekday(each.day) for each in found} <= set(range(5)), "a weekend is never like a working day"
    assert found[0].load.tolist() == [100.0 + hour for hour in range(24)]


def test_a_week_at_another_level_is_less_alike() -> None:
    load = np.full(61, 100.0)
    load[: 60 - 10] = 200.0
    found = similar.similar_days(_history(np.full(61, 5.0), load), DK1, DAY_ASKED)
    assert found[0].day > DAY_ASKED - 10
    far = similar.similar_days(_history(np.full(61, 5.0), load), DK1, DAY_ASKED, count=60)
    assert far[-1].level == pytest.approx(0.9, abs=0.15)


def test_a_holiday_is_like_the_same_holiday_only() -> None:
    assert similar.kind((dt.date(2026, 12, 24) - clock.EPOCH).days) == "christmas_eve"
    assert [similar.kind(DAY_ASKED + shift) for shift in (0, 3, 4)] == ["work", "saturday", "sunday"]


def test_without_temperature_of_the_day_the_rest_decides_and_nothing_is_guessed() -> None:
    warmth = np.full(61, 5.0)
    warmth[60] = np.nan
    found = similar.similar_days(_history(warmth, np.full(61, 100.0)), DK1, DAY_ASKED)
    assert found[0].day == DAY_ASKED - 7
    assert np.isnan(found[0].warmer_k)
    warmth = np.full(61, np.nan)
    warmth[60], warmth[10] = 5.0, 5.0
    assert [each.day - DAY_ASKED + 60 for each in similar.similar_days(_history(warmth, np.full(61, 100.0)), DK1, DAY_ASKED)] == [
        10
    ]


def test_nothing_stored_finds_nothing() -> None:
    empty = History(0, clock.local_midnight(dt.date(2026, 3, 1)), 24 * 20, {})
    assert similar.similar_days(empty, DK1, DAY_ASKED) == ()


@settings(max_examples=25)
@given(st.integers(0, 700), st.integers(1, 8))
def test_any_day_of_the_calendar_ranks_by_distance(shift: int, count: int) -> None:
    """Days of 23 and 25 hours among them."""
    asked = (dt.date(2025, 6, 1) - clock.EPOCH).days + shift
    start = clock.local_midnight(clock.EPOCH + dt.timedelta(days=asked - 45))
    end = clock.local_midnight(clock.EPOCH + dt.timedelta(days=asked + 1))
    times = np.arange(start, end, HOUR, dtype=np.int64)
    chance = np.random.default_rng(shift)
    values = {
        ("load", "DK1", "total"): 100 + chance.random(len(times)),
        ("temperature", "DK1", "total"): 9 * chance.random(len(times)),
    }
    found = similar.similar_days(History(end, start, len(times), values), DK1, asked, count)
    assert len(found) <= count
    distances = [each.distance for each in found]
    assert distances == sorted(distances)
    assert all(each.day != asked and similar.kind(each.day) == similar.kind(asked) and len(each.load) == 24 for each in found)


def test_days_a_year_apart_are_at_the_same_time_of_year() -> None:
    assert similar._season(DAY_ASKED, DAY_ASKED - 365) == 0
    assert similar._season(DAY_ASKED, DAY_ASKED - 360) == 5
    assert similar._season(DAY_ASKED, DAY_ASKED - 200) == 165
