"""Which hours are scored, how, and against which load; scores are kept by UTC day."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from engine import clock
from engine.domain import DAY, HOUR, LEAD_BUCKETS, Consumer, Expected, FloatArray, IntArray, Score
from engine.store import codec
from engine.store.archive import FOREVER

#: What scores can be grouped by; hours, days and months are Danish ones.
GROUPINGS = ("all", "lead_bucket", "hour", "weekday", "day", "month")
_N, _OBSERVED = codec.SCORE_SUMS.index("n"), codec.SCORE_SUMS.index("observed")


class Scorebook:
    """The questions about scores, asked through a reader's query function."""

    def __init__(self, rows: Callable[[str, Sequence[object] | Mapping[str, object]], list[tuple[Any, ...]]]) -> None:
        self._rows = rows

    def newest(self, of: Consumer, truth: str) -> int | None:
        """The newest hour of a consumer that is scored against a truth."""
        rows = self._rows(
            "SELECT day, sums FROM score_day WHERE area=? AND consumer_type=? AND truth=? ORDER BY day DESC LIMIT 1", (*of, truth)
        )
        return max((t for t, _ in _by_hour(rows)), default=None)

    def sums(self, of: Consumer, truth: str, start: int, end: int) -> tuple[IntArray, FloatArray]:
        """Scored hours in [start, end), and their sums, shape (hours, lead buckets, SCORE_SUMS)."""
        rows = self._rows(
            "SELECT day, sums FROM score_day WHERE area=? AND consumer_type=? AND truth=? AND day BETWEEN ? AND ?",
            (*of, truth, start // DAY, (end - 1) // DAY),
        )
        found = [(t, sums) for t, sums in _by_hour(rows) if start <= t < end]
        shape = (len(found), len(LEAD_BUCKETS), len(codec.SCORE_SUMS))
        return np.array([t for t, _ in found], np.int64), np.array([sums for _, sums in found], np.float64).reshape(shape)

    def loads(self, of: Consumer, truth: str, since: int) -> dict[int, float]:
        """Hours from `since` on that are scored against a truth, each with the load in MWh it was scored against."""
        hours, sums = self.sums(of, truth, since, FOREVER)
        whole = sums.sum(axis=1)
        return dict(zip(hours.tolist(), (whole[:, _OBSERVED] / np.maximum(whole[:, _N], 1)).tolist(), strict=True))

    def scores(
        self, of: Consumer, by: str, truth: str, start: int, end: int, lead_buckets: Iterable[int] | None
    ) -> dict[int, Score]:
        """See `Reader.scores`."""
        if by not in GROUPINGS:
            raise Expected(f"Scores cannot be grouped by '{by}'.", f"Choose one of {', '.join(GROUPINGS)}.")
        buckets = list(range(1, len(LEAD_BUCKETS)) if lead_buckets is None else lead_buckets)
        hours, sums = self.sums(of, truth, start, end)
        sums = sums[:, buckets]
        if by == "lead_bucket":
            labels, parts = np.array(buckets, np.int64), sums.sum(axis=0)
        else:
            labels, parts = _labels(by, hours), sums.sum(axis=1)
        found, inverse = np.unique(labels, return_inverse=True)
        totals = np.zeros((len(found), len(codec.SCORE_SUMS)))
        np.add.at(totals, inverse, parts)
        kinds: list[Any] = [int if f.type == "int" else float for f in dataclasses.fields(Score)]
        scores = {
            int(label): Score(*[kind(x) for kind, x in zip(kinds, row, strict=True)])
            for label, row in zip(found, totals, strict=True)
        }
        return {label: score for label, score in scores.items() if score.n}


def _labels(by: str, values: IntArray) -> IntArray:
    """The Danish hour, weekday, day or month of each hour, or 0 for all."""
    if by == "all":
        return np.zeros_like(values)
    day, hour = clock.local_day_hour(values)
    if by == "hour":
        return hour
    if by == "weekday":
        return (day + 3) % 7
    return day if by == "day" else day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)


def _by_hour(rows: Sequence[tuple[int, bytes]]) -> Iterator[tuple[int, FloatArray]]:
    for day, blob in rows:
        for hour, sums in codec.decode_scores(blob).items():
            yield day * DAY + hour * HOUR, sums
