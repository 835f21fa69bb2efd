"""Drift: quiet where errors are as usual, told of within days where they grow, and patient while load is late."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path

import numpy as np
import pytest
from filled_store import NOW

from engine import clock, drift, pipeline
from engine.domain import DAY, HOUR, Consumer, FloatArray, Score
from engine.drift import DayErrors, Stand
from engine.store import Reader, ScoreRow, Writer

#: A year without clock changes or holidays would be none: days follow each other from here.
FIRST = 20_000
GROWN = np.log(1.3)


def errors(log_wape: FloatArray, first: int = FIRST) -> DayErrors:
    """Days of a constant load whose WAPE is 3 % times exp of these."""
    count = len(log_wape)
    return DayErrors(
        first + np.arange(count), 0.03 * np.exp(log_wape), np.ones(count), np.full(count, 864.0), np.ones(count, bool)
    )


def noise(days: int, seed: int, deviation: float = 0.2, alike: float = 0.0) -> FloatArray:
    fresh = np.random.default_rng(seed).standard_normal(days) * deviation * np.sqrt(1 - alike**2)
    out = np.zeros(days)
    for i in range(days):
        out[i] = alike * out[i - 1] + fresh[i]
    return out


def opened(course: drift.Course) -> int:
    return int((np.diff(course.drift.astype(int)) == 1).sum())


@pytest.mark.parametrize(("deviation", "alike"), [(0.2, 0.0), (0.25, 0.2)])
def test_false_alarms_are_at_most_one_a_year(deviation: float, alike: float) -> None:
    years = [opened(drift.judge(errors(noise(365 + 98, seed, deviation, alike)))) for seed in range(12)]
    assert sum(years) / len(years) <= 1.0


def test_errors_that_grow_by_30_percent_are_told_of_within_ten_days() -> None:
    delays = []
    for seed in range(15):
        log = noise(150, seed)
        log[120:] += GROWN
        found = np.flatnonzero(drift.judge(errors(log)).drift[120:])
        delays.append(int(found[0]) + 1 if len(found) else 99)
    assert np.median(delays) <= 10


def test_drift_ends_when_errors_are_back_and_its_days_make_no_new_usual() -> None:
    log = noise(260, 3, 0.1)
    log[120:180] += GROWN
    course = drift.judge(errors(log))
    assert course.drift[135:180].all(), "sixty worse days do not become the usual ones"
    assert not course.drift[195:].any()
    assert opened(course) == 1, "a day within the limit does not end it and another begin it"
    assert course.stand is Stand.USUAL


def test_days_that_are_not_whole_or_of_few_issues_or_special_are_not_judged() -> None:
    made = errors(noise(120, 1, 0.1))
    whole, pairs, wrong = made.whole.copy(), made.pairs.copy(), made.abs_error.copy()
    whole[-1], pairs[-3] = False, 200
    wrong[[-1, -3]] *= 20
    course = drift.judge(dataclasses.replace(made, whole=whole, pairs=pairs, abs_error=wrong))
    assert np.isnan(course.wape[[-1, -3]]).all()
    assert not course.drift.any()
    assert course.newest == made.day[-2]
    assert drift.special((dt.date(2026, 12, 24) - clock.EPOCH).days)
    assert not drift.special((dt.date(2026, 11, 24) - clock.EPOCH).days)


def test_few_days_tell_nothing_and_none_are_no_error() -> None:
    assert drift.judge(errors(noise(30, 1))).stand is Stand.UNKNOWN
    assert drift.judge(errors(np.empty(0))).stand is Stand.UNKNOWN
    assert drift.judge(errors(np.empty(0))).newest is None


@pytest.mark.parametrize(("date", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-10", 24)])
def test_a_day_is_whole_with_all_the_hours_it_has(date: str, hours: int) -> None:
    times = clock.local_hours(dt.date.fromisoformat(date))
    assert len(times) == hours
    ones = np.ones((hours, 7))
    assert drift.day_errors(drift.DAY_AHEAD, times, ones, ones, ones).whole.all()
    assert not drift.day_errors(drift.DAY_AHEAD, times[1:], ones[1:], ones[1:], ones[1:]).whole.any()
    assert drift.day_errors(drift.DAY_AHEAD, times, ones, ones, ones).pairs.tolist() == [2.0 * hours], (
        "13-24 and 25-48 hours ahead"
    )


def put_days(writer: Writer, area: str, log: FloatArray, end: int) -> None:
    """Scored hours of the Danish days before `end`."""
    last = clock.local(end).date()
    rows = []
    for back, size in zip(range(len(log), 0, -1), log.tolist(), strict=True):
        for t in clock.local_hours(last - dt.timedelta(days=back)).tolist():
            rows.append(ScoreRow(area, "total", "provisional", t, 3, Score(n=24, observed=24e3, abs_error=720 * np.exp(size))))
    writer.put_scores(rows)


def test_an_event_tells_of_drift_while_it_lasts_and_waits_for_late_load(tmp_path: Path) -> None:
    end = clock.local_midnight(clock.local(NOW).date())
    log = noise(80, 2, 0.05)
    log[-20:] += GROWN
    writer = Writer(tmp_path / "lastvagt.sqlite")
    put_days(writer, "DK1", log, end)
    put_days(writer, "DK2", noise(80, 4, 0.05), end)
    reader = Reader(writer.path)
    watched = [Consumer("DK1"), Consumer("DK2"), Consumer("DK")]
    pipeline.watch_drift(writer, reader, watched, NOW)
    [event] = reader.events()
    assert (event.code, event.subject) == ("drift", "DK1")
    assert "is usual" in event.problem
    assert "waited" not in event.problem
    pipeline.watch_drift(writer, reader, watched, NOW + 9 * DAY)
    [later] = reader.events()
    assert later.since == event.since
    assert "has waited 10 days for load" in later.problem, "late load neither ends it nor raises another"
    put_days(writer, "DK1", noise(14, 5, 0.05), end + 14 * DAY + HOUR)
    pipeline.watch_drift(writer, reader, watched, NOW + 14 * DAY)
    assert reader.events() == []
    reader.close()
    writer.close()


def test_scoring_judges_when_a_day_has_become_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[Consumer] = []
    monkeypatch.setattr(pipeline, "watch_drift", lambda _writer, _reader, watched, _now: judged.extend(watched))
    of = Consumer("DK1")
    writer = Writer(tmp_path / "lastvagt.sqlite")
    reader = Reader(writer.path)
    midnight = clock.local_midnight(clock.local(NOW).date())
    for hour in (midnight - 2 * HOUR, midnight - HOUR, midnight):
        monkeypatch.setattr(pipeline.verification, "unscored", lambda *_, hour=hour: {"provisional": {hour: 1.0}})
        judged.clear()
        pipeline.score(writer, reader, midnight + 9 * HOUR + hour % DAY // HOUR, 15)
        assert (of in judged) == (hour != midnight), "the first run of a day judges too"
    reader.close()
    writer.close()
