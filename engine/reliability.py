"""How forecasts kept their promises: how often load stayed at or below each level, and errors beside those the forecasts expected."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from engine.domain import LEVELS, FloatArray, IntArray

#: What is kept of an hour and lead bucket, or of a day of them, in this order; all of it adds up.
SUMS = ("n", *(f"at_or_below_{level:g}" for level in LEVELS), "abs_error", "expected_error")


def sums(observed: FloatArray, quantiles: FloatArray, median: FloatArray, expected: FloatArray) -> FloatArray:
    """`SUMS` of n forecasts, shape (n, SUMS): `quantiles` (n, LEVELS), `median`, `expected` error and load (n,) in MWh."""
    below = observed[:, None] <= quantiles
    columns: FloatArray = np.column_stack([np.ones(len(observed)), below, np.abs(median - observed), expected])
    return columns


#: Independent hours that a day tells as much as, at most.
_TELLING_H = 2.4


@dataclass(frozen=True, slots=True)
class Reliability:
    """Sums of UTC days (`day`, since 1970) by lead bucket, over pairs of an hour and an issue that forecast it.

    `n`, `abs_error` and `expected_error` (MWh) have shape (days, lead buckets), `below`, pairs whose load was at or below each
    level, (days, lead buckets, LEVELS).
    """

    day: IntArray
    n: FloatArray
    below: FloatArray
    abs_error: FloatArray
    expected_error: FloatArray

    @staticmethod
    def of(day: IntArray, table: FloatArray) -> Reliability:
        """The days whose `SUMS` are the last axis of `table`, (days, lead buckets, SUMS)."""
        return Reliability(day, table[..., 0], table[..., 1:-2], table[..., -2], table[..., -1])

    def between(self, first: int, end: int) -> Reliability:
        """Days from `first` to before `end`."""
        low, high = np.searchsorted(self.day, (first, end))
        return Reliability(*(getattr(self, f.name)[low:high] for f in fields(Reliability)))

    def shares(self, buckets: list[int]) -> tuple[FloatArray, FloatArray]:
        """Share of pairs of these lead buckets with load at or below each level, and its standard error; shape (LEVELS,), NaN for none.

        Issues of one day err alike, so days, not pairs, are what the error is made of (ratio of sums over clusters, Cochran 1977), and
        no day tells more than a few hours would that are independent. With fewer than eight days it is NaN.
        """
        n, below = self.n[:, buckets].sum(axis=1), self.below[:, buckets].sum(axis=1)
        days, total = int((n > 0).sum()), float(n.sum())
        if not total:
            return np.full(len(LEVELS), np.nan), np.full(len(LEVELS), np.nan)
        share: FloatArray = below.sum(axis=0) / total
        if days < 8:
            return share, np.full(len(LEVELS), np.nan)
        spread = ((below - share * n[:, None]) ** 2).sum(axis=0) * days / (days - 1)
        level = np.array(LEVELS)
        return share, np.maximum(np.sqrt(spread) / total, np.sqrt(level * (1 - level) / (_TELLING_H * days)))
