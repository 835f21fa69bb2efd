"""Ticks of the time axis in Danish time."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from app.axis import TimeAxis, ValueAxis
from app.translations import Language
from engine import clock
from engine.domain import DAY, HOUR


@pytest.fixture(params=["UTC", "America/Los_Angeles", "Europe/Copenhagen", "Asia/Kathmandu"])
def zone(request: pytest.FixtureRequest) -> Iterator[None]:
    """Another zone of the computer."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = request.param
    time.tzset()
    yield
    os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
    time.tzset()


def _labels(first: int, hours: int, width: int, language: str = "da") -> list[str]:
    axis = TimeAxis(Language(language))
    ((spacing, times),) = axis.tickValues(first, first + hours * HOUR, width)
    return axis.tickStrings(times, 1.0, spacing)


@pytest.mark.usefixtures("zone")
def test_the_autumn_night_has_two_hours_of_two(qtbot: QtBot) -> None:
    start = clock.local_midnight(clock.dt.date(2026, 10, 25))
    assert _labels(start, 6, 900) == ["søn. 25.", "01", "02a", "02b", "03", "04", "05"]


@pytest.mark.usefixtures("zone")
def test_the_spring_night_has_no_two(qtbot: QtBot) -> None:
    start = clock.local_midnight(clock.dt.date(2026, 3, 29))
    assert _labels(start, 6, 900) == ["søn. 29.", "01", "03", "04", "05", "06", "07"]


@pytest.mark.usefixtures("zone")
@pytest.mark.parametrize(("day", "hours"), [(clock.dt.date(2026, 10, 24), 73), (clock.dt.date(2026, 3, 28), 71)])
def test_days_around_a_clock_change_begin_at_midnight(qtbot: QtBot, day: clock.dt.date, hours: int) -> None:
    start = clock.local_midnight(day)
    labels = _labels(start, hours, 700, "en")
    assert [label for label in labels if " " in label] == [
        f"{n} {day.day + i}" for i, n in enumerate(("Sat", "Sun", "Mon", "Tue"))
    ]
    assert {label for label in labels if " " not in label} <= {"03", "06", "09", "12", "15", "18", "21"}


def test_two_weeks_have_a_label_a_day_and_six_weeks_one_a_week(qtbot: QtBot) -> None:
    start = clock.local_midnight(clock.dt.date(2026, 11, 17))
    assert len(_labels(start, 14 * 24, 860)) == 15
    assert _labels(start, 14 * 24, 860)[-1] == "1. dec."
    assert _labels(start - 28 * DAY, 42 * 24, 400) == ["26. okt.", "2. nov.", "9. nov.", "16. nov.", "23. nov.", "30. nov."]


def test_longer_spans_go_by_months(qtbot: QtBot) -> None:
    start = clock.local_midnight(clock.dt.date(2025, 12, 15))
    assert _labels(start, 365 * 24, 1000, "en")[:3] == ["Jan 2026", "Feb 2026", "Mar 2026"]
    assert _labels(start, 4 * 365 * 24, 500, "en")[:2] == ["Jan 2026", "Jul 2026"]


@pytest.mark.parametrize("width", [200, 500, 1000])
@pytest.mark.parametrize("hours", [3, 12, 30, 80, 200, 400, 1000, 9000, 40000])
def test_labels_never_touch(qtbot: QtBot, hours: int, width: int) -> None:
    axis = TimeAxis(Language("da"))
    start = clock.local_midnight(clock.dt.date(2026, 10, 20))
    ((spacing, times),) = axis.tickValues(start, start + hours * HOUR, width)
    texts = axis.tickStrings(times, 1.0, spacing)
    at = [(t - start) / (hours * HOUR) * width for t in times]
    for (x, left), (y, right) in zip(zip(at, texts, strict=True), list(zip(at, texts, strict=True))[1:], strict=False):
        assert y - x >= 3.3 * (len(left) + len(right))


def test_values_are_written_as_danes_do(qtbot: QtBot) -> None:
    assert ValueAxis(Language("da")).tickStrings([2500.0, 0.5], 1.0, 500.0)[0] == "2.500"
    assert ValueAxis(Language("en")).tickStrings([2.5], 1.0, 0.5) == ["2.5"]
