"""Issues of the past, read for the screen: all of the last days to slide through, and what was forecast so many hours before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine import geography
from engine.domain import DAY, HOUR, Consumer, FloatArray, IntArray, QuantileForecast
from engine.store import Reader

#: Days of issues to slide through: two weeks, and so at most 337 issues.
PAST_DAYS = 14
#: Days whose issues are read at a time: a month of hourly ones is 30 MB.
_DAYS_AT_ONCE = 30
#: Seconds an issue speaks for after it was made, where none followed: several hours, or, of a consumer that is forecast daily, a day.
_HOLDS_S, _HOLDS_DAILY_S = 6 * HOUR, DAY
_DRAWN = (0.10, 0.50, 0.90)


@dataclass(frozen=True, slots=True)
class PastIssues:
    """Issues of a consumer, oldest first."""

    of: Consumer
    issues: tuple[QuantileForecast, ...]


@dataclass(frozen=True, slots=True)
class Ahead:
    """What the newest issue at least `lead_h` hours before each of `hours` said, in MWh; NaN where there was none."""

    of: Consumer
    lead_h: int
    hours: IntArray
    low: FloatArray
    median: FloatArray
    high: FloatArray


def read_issues(reader: Reader, of: Consumer, now: int) -> PastIssues:
    """The issues of the last two weeks."""
    found = reader.forecasts(of.area, now - PAST_DAYS * DAY, now + 1, of.consumer_type)
    return PastIssues(of, tuple(reversed(found)))


def read_ahead(reader: Reader, of: Consumer, lead_h: int, start: int, end: int) -> Ahead:
    """The hours of [start, end), both whole, as forecast `lead_h` hours before each."""
    hours = np.arange(start, end, HOUR, dtype=np.int64)
    values = np.full((len(_DRAWN), len(hours)), np.nan)
    holds = _HOLDS_DAILY_S if geography.measure(of) in geography.ISSUED_DAILY else _HOLDS_S
    lead = lead_h * HOUR
    for first in range(start, end, _DAYS_AT_ONCE * DAY):
        last = min(end, first + _DAYS_AT_ONCE * DAY)
        issues = reader.forecasts(of.area, first - lead - holds, last - lead, of.consumer_type)
        for issue, following in zip(issues, (None, *issues), strict=False):
            until = issue.issue_time + holds if following is None else min(following.issue_time, issue.issue_time + holds)
            mine = (hours >= max(first, issue.issue_time + lead)) & (hours < min(last, until + lead))
            mine &= (hours >= issue.valid_time[0]) & (hours <= issue.valid_time[-1])
            place = (hours[mine] - issue.valid_time[0]) // HOUR
            for row, level in enumerate(_DRAWN):
                values[row, mine] = issue.quantiles[place, issue.levels.index(level)]
    return Ahead(of, lead_h, hours, *values)
