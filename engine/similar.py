"""Past days that were like another day: of its kind, as warm, at its time of year, and at its level of load."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np

from engine import clock, features, geography
from engine.domain import HOUR, Consumer, FloatArray, History
from engine.store import Reader

#: Days of the past that are looked through.
LOOKBACK_DAYS = 366
#: What counts as one unit of distance: another weekday of the same kind, so many degrees, days of the year, and share of the level.
_TEMPERATURE_K, _SEASON_DAYS, _LEVEL = 3.0, 30.0, 0.05
#: Hours that must be known of a day, and days whose mean load is its level.
_LEAST_HOURS, _LEVEL_DAYS = 22, 7
#: Days in which the level of a future day is looked for where load comes late.
_LATE_DAYS = 40


@dataclass(frozen=True, slots=True)
class SimilarDay:
    """A past day (since 1970) and how it differed from the one asked about.

    `warmer_k` is the mean difference of temperature (NaN where it did not count), `season_days` the distance in the year, `level`
    that of the mean load of the week before, as a share. `load` is in MWh, one value an hour of the Danish clock, 0 to 23; the
    hour that autumn repeats is the mean of both.
    """

    day: int
    distance: float
    same_weekday: bool
    warmer_k: float
    season_days: int
    level: float
    load: FloatArray


def read(reader: Reader, of: Consumer, day: int, now: int, count: int = 5) -> tuple[SimilarDay, ...]:
    """The `count` known days most like a Danish day (since 1970), as everything stood at `now`."""
    first = clock.local_midnight(clock.EPOCH + dt.timedelta(days=day - LOOKBACK_DAYS))
    end = clock.local_midnight(clock.EPOCH + dt.timedelta(days=day + 1))
    places = {*geography.ancestors(of.area), *geography.parts(of.area), *(leaf.area for leaf in geography.leaves(of, now))}
    archive = reader.archive(first, end, places, now, quantities=("load", "temperature"), newest_only=True)
    return similar_days(archive.as_of(now, first, (end - first) // HOUR), of, day, count)


def similar_days(history: History, of: Consumer, day: int, count: int = 5) -> tuple[SimilarDay, ...]:
    """The days of a history most like one of its days, nearest first; days of another kind are never like it.

    The distance is Euclidean over: another weekday of the same kind (0 or 1), the root mean square difference of the hours'
    temperature over 3 K, the distance in the year over 30 days, and the difference of the mean load of the week before over 5 %.
    Temperature counts where it is known of the day asked about, and days of which it is not are then left out.
    """
    days = features.Days(history)
    load = days.fold(_load(history, of))
    warmth = days.fold(_temperature(history, of.area))
    wanted = day - days.first
    recent = _recent(load)
    found = []
    for d in range(days.count):
        past = days.first + d
        if d == wanted or kind(past) != kind(day) or np.isfinite(load[d]).sum() < _LEAST_HOURS:
            continue
        difference = warmth[d] - warmth[wanted]
        counts = bool(np.isfinite(warmth[wanted]).sum() >= _LEAST_HOURS)
        if counts and np.isfinite(difference).sum() < _LEAST_HOURS:
            continue
        same = clock.weekday(past) == clock.weekday(day)
        season = _season(past, day)
        level = float(recent[d] / recent[wanted] - 1)
        parts = (
            0.0 if same else 1.0,
            float(np.sqrt(np.nanmean(difference**2))) / _TEMPERATURE_K if counts else 0.0,
            season / _SEASON_DAYS,
            level / _LEVEL if np.isfinite(level) else 0.0,
        )
        warmer = float(np.nanmean(difference)) if counts else np.nan
        found.append(SimilarDay(past, float(np.hypot.reduce(parts)), same, warmer, season, level, load[d]))
    return tuple(sorted(found, key=lambda each: each.distance)[:count])


def kind(day: int) -> str:
    """What a Danish day is: a special day by its name, else `work`, `saturday` or `sunday`."""
    return clock.special_day(day) or ("work", "saturday", "sunday")[max(0, clock.weekday(day) - 4)]


def _load(history: History, of: Consumer) -> FloatArray:
    """Load on the grid, of a sum that of its parts, NaN where one of them is not known."""
    nothing = np.full(history.hours, np.nan)
    parts = [history.get("load", *leaf) for leaf in geography.leaves(of, history.as_of)]
    total: FloatArray = np.sum([nothing if part is None else part for part in parts], axis=0)
    return total


def _temperature(history: History, area: str) -> FloatArray:
    """Of the nearest area around that has one; of Denmark the mean of its price areas."""
    nothing = np.full(history.hours, np.nan)
    own = features.weather(history, area, "temperature")
    parts = [own] if own is not None else [history.get("temperature", part) for part in geography.parts(area)]
    return np.asarray(np.mean([nothing if part is None else part for part in parts], axis=0))


def _recent(load: FloatArray) -> FloatArray:
    """Mean load of the last known days before each, a week of them; NaN where there were none in forty days."""
    daily = features.mean(load, axis=1)
    known = np.flatnonzero(np.isfinite(load).sum(axis=1) >= _LEAST_HOURS)
    recent = np.full(len(load), np.nan)
    for d in range(len(load)):
        before = known[(known < d) & (known >= d - _LATE_DAYS)][-_LEVEL_DAYS:]
        if len(before):
            recent[d] = daily[before].mean()
    return recent


def _season(one: int, other: int) -> int:
    """Days between two days of the year, whatever year they are of."""
    apart = abs(one - other) % 365
    return min(apart, 365 - apart)
