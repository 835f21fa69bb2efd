"""Which hours are scored, how, and against which load; scores are kept by UTC day."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from engine import clock
from engine.domain import DAY, HOUR, LEAD_BUCKETS, Consumer, Expected, FloatArray, IntArray, Score
from engine.reliability import SUMS, Reliability
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

    def parts(self, of: Consumer, truth: str, start: int, end: int, names: Sequence[str]) -> tuple[IntArray, list[FloatArray]]:
        """Scored hours in [start, end), and some of their sums, each of shape (hours, lead buckets)."""
        hours, sums = self.sums(of, truth, start, end)
        return hours, [sums[:, :, codec.SCORE_SUMS.index(name)] for name in names]

    def loads(self, of: Consumer, truth: str, since: int) -> dict[int, float]:
        """Hours from `since` on that are scored against a truth, each with the load in MWh it was scored against."""
        hours, sums = self.sums(of, truth, since, FOREVER)
        whole = sums.sum(axis=1)
        return dict(zip(hours.tolist(), (whole[:, _OBSERVED] / np.maximum(whole[:, _N], 1)).tolist(), strict=True))

    def reliability(self, of: Consumer, start: int, end: int) -> Reliability:
        """How issues of a consumer kept their promises on the UTC days that [start, end) touches."""
        days = self._kept(of, start // DAY, (end - 1) // DAY)
        table = np.array([sums for _, _, sums in days], np.float64).reshape(len(days), len(LEAD_BUCKETS), len(SUMS))
        return Reliability.of(np.array([day for day, _, _ in days], np.int64), table)

    def counted(self, of: Consumer, since: int) -> set[int]:
        """Hours from `since` on that are counted in the reliability."""
        days = self._kept(of, since // DAY, FOREVER)
        found = {day * DAY + hour * HOUR for day, hours, _ in days for hour in range(24) if hours >> hour & 1}
        return {hour for hour in found if hour >= since}

    def _kept(self, of: Consumer, first: int, last: int) -> list[tuple[int, int, FloatArray]]:
        rows = self._rows(
            "SELECT day, numbers FROM reliability WHERE area=? AND consumer_type=? AND day BETWEEN ? AND ? ORDER BY day",
            (*of, first, last),
        )
        return [(day, *codec.decode_reliability(blob)) for day, blob in rows]

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


def count(db: sqlite3.Connection, of: Consumer, by_hour: Mapping[int, Mapping[int, Sequence[float]]]) -> None:
    """Add the `reliability.SUMS` of hours by lead bucket to their days; an hour that is counted already stays as it is."""
    for hour, by_bucket in by_hour.items():
        day, bit = hour // DAY, 1 << hour % DAY // HOUR
        kept = db.execute("SELECT numbers FROM reliability WHERE area=? AND consumer_type=? AND day=?", (*of, day)).fetchall()
        hours, sums = codec.decode_reliability(kept[0][0]) if kept else (0, np.zeros((len(LEAD_BUCKETS), len(SUMS))))
        if hours & bit:
            continue
        for bucket, more in by_bucket.items():
            sums[bucket] += more
        db.execute("INSERT OR REPLACE INTO reliability VALUES(?,?,?,?)", (*of, day, codec.encode_reliability(hours | bit, sums)))


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
