"""What error a forecast expects of itself, what errors of its like have been beside that, and so what to expect of hours not yet measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine import scoring
from engine.domain import DAY, HOUR, LEAD_BUCKETS, FloatArray, IntArray, QuantileForecast
from engine.reliability import Reliability

#: Days the ratio of errors to expected ones is learned from, and as how many days "they are alike" counts.
LEARN_DAYS, PRIOR_DAYS = 28, 7

#: Expected errors in MWh under which nothing is learned from them.
_LEAST = 1e-9


@dataclass(frozen=True, slots=True)
class Estimate:
    """The mean absolute error in MWh expected of `hours` hours of one lead bucket, and their mean median load."""

    lead_bucket: int
    hours: int
    mae: float
    load: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was expected of UTC days (`day`, since 1970), as it could be said before them, and what came: MAE in MWh, NaN for none."""

    day: IntArray
    expected: FloatArray
    actual: FloatArray

    @property
    def ratio(self) -> float:
        """Actual over expected error of all days together; NaN for none."""
        known = np.isfinite(self.expected) & np.isfinite(self.actual)
        total = float(self.expected[known].sum())
        return float(self.actual[known].sum()) / total if total else math.nan


def ratios(kept: Reliability, before: IntArray) -> FloatArray:
    """Actual over expected error, shape (len(before), lead buckets), of `LEARN_DAYS` days before each UTC day; drawn towards 1 where
    there are few."""
    first, end = np.searchsorted(kept.day, before - LEARN_DAYS), np.searchsorted(kept.day, before)
    sums = (np.vstack([part[:0].sum(axis=0), part.cumsum(axis=0)]) for part in (kept.abs_error, kept.expected_error, kept.n > 0))
    actual, expected, days = (total[end] - total[first] for total in sums)
    prior = PRIOR_DAYS * expected / np.maximum(days, 1)
    known = (days > 0) & (expected > _LEAST)
    ratio: FloatArray = np.where(known, (actual + prior) / np.where(known, expected + prior, 1.0), 1.0)
    return ratio


def estimate(issue: QuantileForecast, first: int, kept: Reliability, now: int) -> list[Estimate]:
    """What to expect of the hours of an issue from `first` on, by lead bucket."""
    lead = scoring.lead_bucket((issue.valid_time - issue.issue_time) / HOUR)
    spread = scoring.expected_error(issue.quantiles)
    factor = ratios(kept, np.array([now // DAY]))[0]
    found = []
    for bucket in range(len(LEAD_BUCKETS)):
        mine = (lead == bucket) & (issue.valid_time >= first)
        if mine.any():
            mae = float(spread[mine].mean() * factor[bucket])
            found.append(Estimate(bucket, int(mine.sum()), mae, float(issue.median[mine].mean())))
    return found


def outcome(kept: Reliability, buckets: Sequence[int], lag_days: int) -> Outcome:
    """Each kept day's expected error of lead buckets beside what came, from the ratios that were known when the first issue was made.

    `lag_days` is how late the load is, in days: so much, and the longest lead, before a day nothing was known of its like.
    """
    mine = list(buckets)
    behind = lag_days + 1 + max(0, *(LEAD_BUCKETS[bucket][1] for bucket in mine)) // 24
    factor = ratios(kept, kept.day - behind)[:, mine]
    n = kept.n[:, mine].sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = (factor * kept.expected_error[:, mine]).sum(axis=1) / n
        return Outcome(kept.day, expected, kept.abs_error[:, mine].sum(axis=1) / n)
