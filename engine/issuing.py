"""Issues to publish from what was known: forecast, calibrate, add up; and what calibrations learn when issues come true.

Live, backtest, demonstration and a store's first hour use the same functions, so that any issue can be made again.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from engine import clock, features, geography, hierarchy, pace
from engine.calibration import Calibration
from engine.domain import DAY, HORIZON_H, HOUR, INPUTS, FloatArray, IntArray, QuantileForecast
from engine.forecaster import Forecaster
from engine.store import Archive, Reader, Target, codec

#: Hours that have begun but are not published yet are forecast too, at most this many.
BEGUN_H = 12
#: How long after an issue its drafts are kept, to learn from hours whose truth came late.
LEARN_BACK_S = 40 * DAY + HORIZON_H * HOUR
#: Lead time in hours up to which every issue teaches, and the step of issue times that teach beyond.
ALL_TEACH_H, TEACHING_STEP_S = 48, 6 * HOUR
#: How a store that has load and weather but no issue is learned from before the first: issues of the last days, so many hours apart.
_HINDCAST_DAYS, _HINDCAST_STEP_S = 42, 12 * HOUR


def make_issues(
    archive: Archive,
    forecaster: Forecaster,
    issue_time: int,
    calibrations: Mapping[Target, Calibration],
    valid_time: IntArray | None = None,
    areas: Sequence[str] = geography.PRICE_AREAS,
) -> list[QuantileForecast]:
    """Forecasts to publish of these areas for these hours (None: from the first unpublished one to the horizon).

    Areas with parts have the sum of theirs; an area that nothing is known of is left out.
    """
    history = archive.as_of(issue_time, *features.window(issue_time))
    leaves = tuple(dict.fromkeys(part for area in areas for part in geography.parts(area)))
    if valid_time is None:
        newest = min((history.newest_valid.get(("load", area, "total"), 0) for area in leaves), default=0)
        now_hour = clock.floor_hour(issue_time)
        first = max(newest + HOUR, now_hour - BEGUN_H * HOUR)
        valid_time = np.arange(min(first, now_hour + HOUR), issue_time + HORIZON_H * HOUR + 1, HOUR, dtype=np.int64)
    raw = {leaf: issue for leaf in leaves if (issue := forecaster.forecast(history, leaf, valid_time)) is not None}
    largest = sum(float(issue.quantiles.max()) for issue in raw.values())
    made = {leaf: _publishable(issue, calibrations, largest) for leaf, issue in raw.items()}
    for area in areas:
        parts = [part for part in geography.parts(area) if part != area]
        if parts and all(part in made for part in parts):
            correlation = forecaster.correlation((valid_time - issue_time) / HOUR)
            total = hierarchy.add(area, [made[part] for part in parts], correlation)
            made[area] = _publishable(total, calibrations, largest)
    return [made[area] for area in areas if area in made]


def _publishable(raw: QuantileForecast, calibrations: Mapping[Target, Calibration], largest: float) -> QuantileForecast:
    """A raw issue calibrated by what its area and model have learned, rounded to the precision it is kept with."""
    assert raw.draft is not None
    learned = calibrations.get((raw.area, raw.consumer_type, raw.model_id))
    if learned is None or not learned.suits(raw.draft):
        learned = Calibration.start(raw.draft)
    issue = learned.apply(raw)
    assert issue.draft is not None
    draft = codec.quantise_draft(issue.draft, largest)
    return dataclasses.replace(issue, quantiles=codec.rounded(issue.quantiles, largest), draft=draft)


def lessons(reader: Reader, forecaster: Forecaster, issue_time: int) -> dict[Target, Calibration]:
    """The calibrations that changed between the issue before and this one: by hours whose truth became known in between.

    Before the first issue of a store, what `first_lessons` finds.
    """
    if not reader.issues(end=issue_time, limit=1):
        return first_lessons(reader, forecaster, issue_time)
    return lessons_of(reader, issue_time, functools.partial(reader.forecasts, drafts=True))


def first_lessons(reader: Reader, forecaster: Forecaster, issue_time: int) -> dict[Target, Calibration]:
    """What `hindcast` learns from a store: a beginning for models that have issued nothing yet."""
    start = issue_time - (_HINDCAST_DAYS + features.LOOKBACK_DAYS + 2) * DAY
    end = issue_time + (HORIZON_H + 1) * HOUR
    archive = reader.archive(start, end, geography.PRICE_AREAS, known_until=issue_time, quantities=INPUTS)
    return hindcast(archive, forecaster, issue_time)


def lessons_of(reader: Reader, issue_time: int, issues_of: Callable[..., list[QuantileForecast]]) -> dict[Target, Calibration]:
    """What issues taught by hours whose truth became known since the published issue before `issue_time`.

    `issues_of(area, start, end, every_s=...)` are those with issue time in [start, end), newest first, with their drafts.
    """
    before = next((issue.issue_time for issue in reader.issues(end=issue_time, limit=1)), issue_time)
    calibrations, learned = reader.calibrations(), dict[Target, Calibration]()
    span = issue_time - LEARN_BACK_S, issue_time + HOUR
    archive = reader.archive(*span, geography.PRICE_AREAS, known_until=issue_time, quantities=["load"])
    for area in geography.PRICE_AREAS:
        known_at, hours, observed = first_truth(archive, area)
        new = known_at > before
        if not new.any():
            continue
        first, last = int(hours[new].min()), int(hours[new].max())
        recent, end = first - ALL_TEACH_H * HOUR, last + BEGUN_H * HOUR + 1
        issues = issues_of(area, recent, end)
        issues += issues_of(area, first - HORIZON_H * HOUR, recent, every_s=TEACHING_STEP_S)
        for known, hour, load in zip(known_at[new].tolist(), hours[new].tolist(), observed[new].tolist(), strict=True):
            learned |= learn(calibrations | learned, hour, load, issues, known)
    return learned


def hindcast(archive: Archive, forecaster: Forecaster, issue_time: int) -> dict[Target, Calibration]:
    """What issues of the weeks before `issue_time` would have taught, made from what an archive says was known then.

    Weeks that a model was trained on are left out: its errors there are too small.
    """
    learners = geography.PRICE_AREAS
    lessons = Lessons(archive, learners)
    first = max(issue_time - _HINDCAST_DAYS * DAY, forecaster.seen_to + DAY)
    for moment in range(-(-first // _HINDCAST_STEP_S) * _HINDCAST_STEP_S, issue_time, _HINDCAST_STEP_S):
        pace.step()
        lessons.learn(moment)
        lessons.add(make_issues(archive, forecaster, moment, lessons.calibrations))
    lessons.learn(issue_time)
    return lessons.calibrations


def learn(
    calibrations: Mapping[Target, Calibration], hour: int, observed: float, issues: Sequence[QuantileForecast], known_at: int
) -> dict[Target, Calibration]:
    """The calibrations that change when an hour came true with `observed` MWh, known at `known_at`, by those of the issues
    (newest first) that forecast it.

    Of issues longer than `ALL_TEACH_H` ago every sixth hour's teach: the others say nearly the same and cost time.
    """
    by_target: dict[Target, list[QuantileForecast]] = {}
    for issue in issues:
        teaches = hour - issue.issue_time <= ALL_TEACH_H * HOUR or issue.issue_time % TEACHING_STEP_S == 0
        if teaches and issue.draft is not None and issue.covers(hour):
            by_target.setdefault((issue.area, issue.consumer_type, issue.model_id), []).append(issue)
    learned = {}
    for target, mine in by_target.items():
        newest, before = mine[0].draft, calibrations.get(target)
        assert newest is not None
        if before is None or not before.suits(newest):
            before = Calibration.start(newest)
        learned[target] = before.learn(hour, observed, mine, known_at)
    return learned


def first_truth(archive: Archive, area: str) -> tuple[IntArray, IntArray, FloatArray]:
    """When the load of each hour was first known of every part of an area, the hour, and what it was said to be in MWh; in that order."""
    known: dict[int, tuple[int, float]] = {}
    for i, part in enumerate(geography.parts(area)):
        versions = archive.versions.get(("load", part, "total"))
        if versions is None:
            known = {}
            break
        order = np.lexsort((versions.available_at, versions.valid_time))
        hours, first = np.unique(versions.valid_time[order], return_index=True)
        at, value = versions.available_at[order][first], versions.value[order][first]
        mine = dict(zip(hours.tolist(), zip(at.tolist(), value.tolist(), strict=True), strict=True))
        known = {h: (max(known[h][0], a), known[h][1] + v) for h, (a, v) in mine.items() if h in known} if i else mine
    rows = np.array(sorted((at, hour, load) for hour, (at, load) in known.items()), np.float64).reshape(-1, 3)
    return rows[:, 0].astype(np.int64), rows[:, 1].astype(np.int64), rows[:, 2]


class Lessons:
    """Calibrations over a past period: each hour of an area is learned from once, as soon as its first truth is known."""

    def __init__(self, archive: Archive, areas: Sequence[str]) -> None:
        self.calibrations: dict[Target, Calibration] = {}
        self._truth = {area: first_truth(archive, area) for area in areas}
        self._next = dict.fromkeys(areas, 0)
        self._issues: dict[str, list[QuantileForecast]] = {area: [] for area in areas}

    def add(self, issues: Sequence[QuantileForecast]) -> None:
        """Remember issues to learn from; they must come in the order of their issue times."""
        for issue in issues:
            self._issues[issue.area].insert(0, issue)

    def learn(self, moment: int) -> None:
        """Learn from every hour that is known at `moment` and was not before."""
        for area, (known_at, hours, observed) in self._truth.items():
            issues = self._issues[area] = [f for f in self._issues[area] if f.issue_time > moment - LEARN_BACK_S]
            while self._next[area] < len(hours) and known_at[self._next[area]] <= moment:
                hour, load = int(hours[self._next[area]]), float(observed[self._next[area]])
                self.calibrations |= learn(self.calibrations, hour, load, issues, int(known_at[self._next[area]]))
                self._next[area] += 1
