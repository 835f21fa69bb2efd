"""Whether forecasts are still as good as usual: a control chart of the error of seven days, with hysteresis."""

from __future__ import annotations

import datetime as dt
import enum
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine import clock, geography
from engine.domain import DAY, HOUR, LEAD_BUCKETS, Consumer, Expected, FloatArray, IntArray
from engine.geography import Measure
from engine.store import Reader

BoolArray = npt.NDArray[np.bool_]

#: Lead buckets of the day ahead, 13 to 48 hours, and of hours that had passed but that nobody had measured.
DAY_AHEAD, BRIDGE = tuple(i for i, (first, _) in enumerate(LEAD_BUCKETS) if 13 <= first <= 25), (0,)
#: Days an error is taken over, and days they may be spread over where some are special or unknown.
WINDOW_DAYS, _SPREAD_DAYS = 7, 21
#: Usual days before the window that limits are made of, and how many of them there must be.
USUAL_DAYS, FEWEST_DAYS = 91, 28
#: Days outside a limit, one after the other, that decide.
CONFIRM_DAYS = 2
#: The upper limit lies so many standard deviations above the usual, a tenth at least; drift ends within the half of it.
#: Simulated, with daily errors that scatter by 20 and by 30 %: 0.4 and 0.5 false alarms a year, and errors that grow by 30 % are told
#: of after 7 and after 18 days (medians).
_SIGMAS, _LEAST = 2.8, 0.1
#: Days of scores that are read: limits of the oldest day on screen need as many before it.
READ_DAYS = 240
#: Days after which a judgement that is no newer is said to wait: load may be late, or the days between special.
_WAIT_DAYS = 4
#: A day with a smaller share of the usual number of issues is of other lead times, and is not judged.
_ENOUGH = 0.5


class Stand(enum.StrEnum):
    """How errors stand."""

    USUAL = "usual"
    DRIFT = "drift"
    UNKNOWN = "unknown"  # too few days to say what is usual


@dataclass(frozen=True, slots=True)
class DayErrors:
    """Forecasts of Danish days (`day`, since 1970, ascending): sums over pairs of an hour and an issue, in MWh.

    `whole` are days of which every hour is scored.
    """

    day: IntArray
    abs_error: FloatArray
    observed: FloatArray
    pairs: FloatArray
    whole: BoolArray


@dataclass(frozen=True, slots=True)
class Course:
    """The control chart, a value a day of `day`: `wape` in percent of the seven usual days to it, `usual`, `upper` and `lower` limit, NaN
    where the day is not judged, and whether `drift` was in force after it."""

    day: IntArray
    wape: FloatArray
    usual: FloatArray
    upper: FloatArray
    lower: FloatArray
    drift: BoolArray

    @property
    def stand(self) -> Stand:
        """How errors stand after the newest day."""
        judged = np.flatnonzero(np.isfinite(self.upper))
        if not len(judged):
            return Stand.UNKNOWN
        return Stand.DRIFT if self.drift[-1] else Stand.USUAL

    @property
    def newest(self) -> int | None:
        """The newest day that was judged."""
        judged = np.flatnonzero(np.isfinite(self.wape))
        return int(self.day[judged[-1]]) if len(judged) else None


def judged(of: Consumer) -> tuple[int, ...]:
    """Lead buckets that are judged: the day ahead of a price area; of loads that come late the hours that nobody had measured."""
    return DAY_AHEAD if geography.measure(of) is Measure.GROSS else BRIDGE


def day_errors(buckets: Sequence[int], hours: IntArray, n: FloatArray, abs_error: FloatArray, observed: FloatArray) -> DayErrors:
    """Sums by Danish day and over `buckets` of scored hours (h,), whose pairs, errors and loads are of shape (h, lead buckets)."""
    columns = [part[:, list(buckets)].sum(axis=1) for part in (n, abs_error, observed)]
    day = clock.local_day_hour(hours)[0]
    days, place = np.unique(day, return_inverse=True)
    pairs, errors, loads = (np.bincount(place, column, len(days)).astype(np.float64) for column in columns)
    scored = np.bincount(place, columns[0] > 0, len(days))
    length = [len(clock.local_hours(clock.EPOCH + dt.timedelta(days=int(each)))) for each in days]
    return DayErrors(days, errors, loads, pairs, scored == np.array(length, np.int64))


def read(reader: Reader, of: Consumer, now: int) -> Course:
    """The control chart of a consumer from what is scored by `now`, against first published load."""
    sums = ("n", "abs_error", "observed")
    hours, parts = reader.scorebook.parts(of, "provisional", now - READ_DAYS * DAY, now + HOUR, sums)
    return judge(day_errors(judged(of), hours, *parts))


def special(day: int) -> bool:
    """Whether a day is one on which forecasts are known to do worse: a holiday, or one squeezed between days off."""
    return bool(clock.special_day(day)) or clock.bridge(day) > 0


def judge(errors: DayErrors) -> Course:
    """The control chart of all days. It depends on nothing but them: days of drift count as usual for none that come after.

    The spread of seven-day errors is that of single days (median absolute deviation of their logs), widened as neighbouring days
    are alike, for so few windows do not overlap that their own would say little.
    """
    count = len(errors.day)
    with np.errstate(invalid="ignore", divide="ignore"):
        log = np.log(100 * errors.abs_error / errors.observed)
    enough = errors.pairs >= _ENOUGH * float(np.median(errors.pairs[errors.whole])) if errors.whole.any() else errors.whole
    plain = errors.whole & enough & np.isfinite(log) & ~np.array([special(int(day)) for day in errors.day], bool)
    wape, usual, upper, lower = (np.full(count, np.nan) for _ in range(4))
    drift, rolled = np.zeros(count, bool), np.full(count, np.nan)
    in_force, outside = False, 0
    for i in range(count):
        window = np.flatnonzero(plain[: i + 1])[-WINDOW_DAYS:]
        if plain[i] and len(window) == WINDOW_DAYS and errors.day[window[0]] > errors.day[i] - _SPREAD_DAYS:
            wape[i] = 100 * errors.abs_error[window].sum() / errors.observed[window].sum()
            rolled[i] = math.log(wape[i])
            base = np.flatnonzero(plain[: window[0]] & ~drift[: window[0]])[-USUAL_DAYS:]
            middle = rolled[base][np.isfinite(rolled[base])]
            if len(base) >= FEWEST_DAYS and len(middle):
                centre = float(np.median(middle))
                reach = max(_LEAST, _SIGMAS * _spread(log[base]) / math.sqrt(WINDOW_DAYS))
                usual[i], upper[i], lower[i] = np.exp(centre + reach * np.array([0, 1, 0.5]))
                beyond = wape[i] < lower[i] if in_force else wape[i] > upper[i]
                outside = outside + 1 if beyond else 0
                if outside == CONFIRM_DAYS:
                    in_force, outside = not in_force, 0
        drift[i] = in_force
    return Course(errors.day, wape, usual, upper, lower, drift)


def _spread(log: FloatArray) -> float:
    """Standard deviation of daily logs as it counts for means of a week: robust, and larger where neighbouring days are alike."""
    away = log - np.median(log)
    deviation = 1.4826 * float(np.median(np.abs(away)))
    cut = np.clip(away, -3 * deviation, 3 * deviation)
    whole = float((cut**2).sum())
    alike = min(max(float((cut[1:] * cut[:-1]).sum()) / whole, 0.0), 0.6) if whole else 0.0
    return deviation * math.sqrt((1 + alike) / (1 - alike))


def trouble(course: Course, name: str, now: int) -> Expected:
    """What an operator is told of drift; the judgement waits while load is late, and says so."""
    wape, usual, upper = (float(part[np.isfinite(part)][-1]) for part in (course.wape, course.usual, course.upper))
    behind = int(clock.local_day_hour(np.array([now]))[0][0]) - (course.newest or 0)
    waits = f" The judgement has waited {behind} days for load." if behind > _WAIT_DAYS else ""
    return Expected(
        f"Errors of forecasts of {name} are {wape:.1f} % of the load over seven days; {usual:.1f} % is usual, {upper:.1f} % the limit.{waits}",
        "Look in the view of monitoring where they are; consider a newer model.",
    )
