"""What operators decided: adjustments of forecasts with how they did, and verdicts on values that were set aside."""

from __future__ import annotations

import dataclasses
import math
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.adjusting import Act, Adjustment
from engine.domain import Consumer, Flag
from engine.store import seals

#: Verdicts on a value that was set aside.
ACCEPT, REJECT = "accept", "reject"
_COLUMNS = (
    "area, consumer_type, act, amount, valid_start, valid_end, made_at, expires_at, who, reason, "
    "withdrawn_at, withdrawn_by, withdrawn_for"
)
_SET_ASIDE = """SELECT quarantine_id, quantity, area, consumer_type, source, valid_time, value, reason, verdict, decided_at, who
    FROM quarantine JOIN series USING(series_id)"""
_WORTH = "count(*), total(abs(before - observed)), total(abs(adjusted - observed))"


@dataclass(frozen=True, slots=True)
class AdjustedHour:
    """How an adjustment did in one hour, MWh: the forecast `before` it (the model's, with adjustments made earlier) and after it,
    both as they stood when the hour began, against the first truth."""

    adjustment_id: int
    valid_time: int
    observed: float
    before: float
    adjusted: float


@dataclass(frozen=True, slots=True)
class Worth:
    """What adjustments were worth: sums of absolute errors in MWh over the scored hours, without and with them."""

    hours: int = 0
    error_before: float = 0.0
    error_adjusted: float = 0.0

    @property
    def value_added(self) -> float:
        """MWh of absolute error that were saved, negative where they did harm; NaN over no hour."""
        return self.error_before - self.error_adjusted if self.hours else math.nan


@dataclass(frozen=True, slots=True)
class SetAside:
    """A value that was found implausible when it came. `verdict` is accept, reject, or empty while nobody has decided."""

    quarantine_id: int
    quantity: str
    consumer: Consumer
    source: str
    valid_time: int
    value: float | None
    reason: str
    verdict: str = ""
    decided_at: int | None = None
    who: str = ""


class DecisionsReader:
    """Reads through the query function of a `Reader`, whose promises hold here too."""

    def __init__(self, rows: Callable[[str, Sequence[object] | Mapping[str, object]], list[tuple[Any, ...]]]) -> None:
        self._rows = rows

    def adjustments(self, start: int = 0, limit: int = 1 << 40) -> list[Adjustment]:
        """Adjustments that reach beyond `start`, newest first."""
        rows = self._rows(
            f"SELECT adjustment_id, {_COLUMNS} FROM adjustment WHERE valid_end > ? ORDER BY adjustment_id DESC LIMIT ?",
            (start, limit),
        )
        return [_adjustment(row) for row in rows]

    def adjustment(self, adjustment_id: int) -> Adjustment | None:
        """One adjustment."""
        rows = self._rows(f"SELECT adjustment_id, {_COLUMNS} FROM adjustment WHERE adjustment_id = ?", (adjustment_id,))
        return _adjustment(rows[0]) if rows else None

    def scored_hours(self, adjustment_id: int) -> set[int]:
        """Hours of an adjustment that are scored."""
        return {int(t) for (t,) in self._rows("SELECT valid_time FROM adjustment_score WHERE adjustment_id=?", (adjustment_id,))}

    def worth(self) -> dict[int, Worth]:
        """What each scored adjustment was worth, by its number."""
        rows = self._rows(f"SELECT adjustment_id, {_WORTH} FROM adjustment_score GROUP BY adjustment_id", ())
        return {number: Worth(*sums) for number, *sums in rows}

    def worth_by_operator(self) -> dict[str, Worth]:
        """What the scored adjustments of each operator were worth."""
        rows = self._rows(f"SELECT who, {_WORTH} FROM adjustment_score JOIN adjustment USING(adjustment_id) GROUP BY who", ())
        return {who: Worth(*sums) for who, *sums in rows}

    def quarantine(
        self, limit: int = 100, area: str | None = None, consumer_type: str | None = None, open_only: bool = False
    ) -> list[SetAside]:
        """Values set aside, of one area and consumer type or of all, newest first; with `open_only` those nobody has decided about."""
        rows = self._rows(
            f"""{_SET_ASIDE}
               WHERE (:area IS NULL OR area = :area) AND (:kind IS NULL OR consumer_type = :kind) AND (verdict = '' OR NOT :open)
               ORDER BY quarantine_id DESC LIMIT :limit""",
            {"area": area, "kind": consumer_type, "open": open_only, "limit": limit},
        )
        return [_set_aside(row) for row in rows]

    def set_aside(self, quarantine_id: int) -> SetAside | None:
        """One value that was set aside."""
        rows = self._rows(f"{_SET_ASIDE} WHERE quarantine_id = ?", (quarantine_id,))
        return _set_aside(rows[0]) if rows else None


def _adjustment(row: tuple[Any, ...]) -> Adjustment:
    number, area, consumer_type, act, *rest = row
    return Adjustment(number, Consumer(area, consumer_type), Act(act), *rest)


def _set_aside(row: tuple[Any, ...]) -> SetAside:
    number, quantity, area, consumer_type, *rest = row
    return SetAside(number, quantity, Consumer(area, consumer_type), *rest)


class DecisionsWriter:
    """Writes through the transactions of a `Writer`."""

    def __init__(self, transaction: Callable[[], AbstractContextManager[sqlite3.Connection]]) -> None:
        self._transaction = transaction

    def put_adjustment(self, made: Adjustment) -> Adjustment:
        """Keep an adjustment; returns it with its number."""
        values = (
            *(*made.consumer, made.act.value, made.amount, made.valid_start, made.valid_end, made.made_at, made.expires_at),
            *(made.who, made.reason, made.withdrawn_at, made.withdrawn_by, made.withdrawn_for),
        )
        with self._transaction() as db:
            cursor = db.execute(f"INSERT INTO adjustment({_COLUMNS}) VALUES({','.join('?' * len(values))})", values)
        return dataclasses.replace(made, adjustment_id=int(cursor.lastrowid or 0))

    def withdraw(self, adjustment_id: int, at: int, who: str, reason: str) -> None:
        """Take an adjustment back; one that was taken back already stays as it is."""
        with self._transaction() as db:
            db.execute(
                """UPDATE adjustment SET withdrawn_at=?, withdrawn_by=?, withdrawn_for=?
                   WHERE adjustment_id=? AND withdrawn_at IS NULL""",
                (at, who, reason, adjustment_id),
            )

    def put_scores(self, hours: Iterable[AdjustedHour]) -> None:
        """Keep how adjustments did; an hour that is scored already stays as it is."""
        with self._transaction() as db:
            db.executemany("INSERT OR IGNORE INTO adjustment_score VALUES(?,?,?,?,?)", [dataclasses.astuple(h) for h in hours])

    def judge(self, quarantine_id: int, verdict: str, who: str, now: int) -> None:
        """Record a verdict on a value that was set aside; one that is accepted becomes a version of its hour, known now."""
        with self._transaction() as db:
            cursor = db.execute(
                "UPDATE quarantine SET verdict=?, decided_at=?, who=? WHERE quarantine_id=? AND verdict=''",
                (verdict, now, who, quarantine_id),
            )
            if verdict == ACCEPT and cursor.rowcount:
                series_id, valid_time, value, flags = db.execute(
                    "SELECT series_id, valid_time, value, flags & ~? FROM quarantine WHERE quarantine_id=?",
                    (int(Flag.NOMINAL), quarantine_id),
                ).fetchone()
                seals.put(db, series_id, np.array([(valid_time, now, value, flags)], np.float64))
