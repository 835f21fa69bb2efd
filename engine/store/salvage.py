"""What can still be read in a damaged database and is newer than what took its place, brought over row by row."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.domain import DAY
from engine.store import schema, seals, soundness

#: How far before the newest issue of a backup hours may lie whose values came after it.
_BACK_S = 60 * DAY
#: Rows that are read at once, and hours: a page that cannot be read costs so many at first, then each is tried by itself.
_ROWS, _HOURS_S = 64, 10 * DAY
#: Portions without a row after which a table whose end cannot be read is taken to have ended.
_PATIENCE = 200
_ISSUE = f"{soundness.PARTS}, created_at"
#: Tables of decisions and records that are read as a whole: what tells a row, and all that is kept of it.
_WHOLE = {
    "role_change": ("changed_at, tier, to_id", "changed_at, tier, act, from_id, to_id, who, reason"),
    "adjustment": (
        "area, consumer_type, valid_start, made_at",
        """area, consumer_type, act, amount, valid_start, valid_end, made_at, expires_at, who, reason, withdrawn_at, withdrawn_by,
        withdrawn_for""",
    ),
    "kit": ("digest", "digest, since, until, imported_at, signed_by, program, file, who, brought"),
}


@dataclass(frozen=True, slots=True)
class Saved:
    """How many values, issues and decisions of people were brought over, and how many portions of rows could not be read."""

    values: int = 0
    issues: int = 0
    decisions: int = 0
    unread: int = 0


class _Source:
    """A damaged database; counts the portions that it does not give."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self.unread = 0

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """What a query gives; nothing where that cannot be read."""
        try:
            return self._db.execute(sql, parameters).fetchall()
        except sqlite3.DatabaseError:
            self.unread += 1
            return []

    def portions(self, sql: str, first: int, last: int | None, size: int) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of a query on [?1, ?2), portion by portion from `first` to `last`, or to where nothing more comes."""
        empty = 0
        while (first <= last) if last is not None else empty < _PATIENCE:
            before = self.unread
            rows = self.rows(sql, (first, first + size))
            if self.unread > before and size > 1:
                rows = [
                    row
                    for at in range(first, first + size, max(1, size // 10))
                    for row in self._part(sql, at, first + size, size)
                ]
            empty = 0 if rows else empty + 1
            first += size
            yield rows

    def _part(self, sql: str, at: int, end: int, size: int) -> list[tuple[Any, ...]]:
        return self.rows(sql, (at, min(end, at + max(1, size // 10))))


def salvage(damaged: Path, into: Path) -> Saved:
    """Bring what is newer in a damaged database into a sound one of the current version; nothing where it cannot be read at all, or is
    of another version."""
    with (
        contextlib.closing(sqlite3.connect(f"{damaged.resolve().as_uri()}?mode=ro", uri=True, timeout=10.0)) as db,
        contextlib.closing(sqlite3.connect(into, timeout=10.0, isolation_level=None)) as target,
    ):
        db.text_factory = lambda text: text.decode("utf-8", "replace")
        source = _Source(db)
        if source.rows("PRAGMA user_version") != [(len(schema.MIGRATIONS),)]:
            return Saved(unread=source.unread)
        target.execute("BEGIN IMMEDIATE")
        since = target.execute("SELECT coalesce(max(issue_time), 0) FROM forecast_run").fetchone()[0]
        saved = _values(source, target, since - _BACK_S), _issues(source, target), _decisions(source, target)
        limits = source.rows("SELECT dataset, last_call, blocked_until FROM fetch_limit WHERE instr(dataset, ' ') = 0")
        target.executemany("INSERT OR REPLACE INTO fetch_limit VALUES(?,?,?)", _of(limits, str, float, float))
        target.execute("COMMIT")
        return Saved(*saved, source.unread)


def _of(rows: list[tuple[Any, ...]], *kinds: type) -> list[tuple[Any, ...]]:
    """The rows whose values are of these kinds: a torn page gives anything."""
    return [row for row in rows if all(isinstance(value, kind) for value, kind in zip(row, kinds, strict=True))]


def _series(source: _Source, target: sqlite3.Connection) -> dict[int, int]:
    """The numbers of series here by those there; one that is not known here is added."""
    columns = "quantity, area, consumer_type, source, unit, step_s, rank"
    rows = _of(source.rows(f"SELECT series_id, {columns} FROM series"), int, str, str, str, str, str, int, int)
    numbers = {}
    for number, *head in rows:
        target.execute(f"INSERT OR IGNORE INTO series({columns}) VALUES(?,?,?,?,?,?,?)", head)
        found = target.execute(
            "SELECT series_id FROM series WHERE quantity=? AND area=? AND consumer_type=? AND source=?", head[:4]
        ).fetchone()
        numbers[number] = found[0]
    return numbers


def _values(source: _Source, target: sqlite3.Connection, since: int) -> int:
    saved = 0
    for number, here in _series(source, target).items():
        ends = source.rows("SELECT min(valid_time), max(valid_time) FROM observation WHERE series_id = ?", (number,))
        first, last = ends[0] if ends else (None, None)
        if isinstance(last, int) and isinstance(first, int):
            sql = f"""SELECT valid_time, available_at, value, flags FROM observation
                      WHERE series_id = {number} AND valid_time >= ? AND valid_time < ?"""
            for rows in source.portions(sql, max(first, since), last, _HOURS_S):
                good = np.array(_of(rows, int, int, float, int), np.float64).reshape(-1, 4)
                if len(good):
                    there = seals.rows(target, here, int(good[:, 0].min()), int(good[:, 0].max()) + 1)
                    saved += seals.add_missing(target, here, good, there)
    return saved


def _issues(source: _Source, target: sqlite3.Connection) -> int:
    """Issues that are as they were written."""
    before = target.total_changes
    first = target.execute("SELECT coalesce(max(run_id), 0) + 1 FROM forecast_run").fetchone()[0]
    newest = source.rows("SELECT max(run_id) FROM forecast_run")
    last = newest[0][0] if newest and isinstance(newest[0][0], int) else None
    kinds = (str, str, int, int, bytes, bytes, str, str, str, str, int, int, str, int, int)
    for rows in source.portions(f"SELECT {_ISSUE} FROM forecast_run WHERE run_id >= ? AND run_id < ?", first, last, _ROWS):
        good = [row for row in _of(rows, *kinds) if soundness.made_of(*row[:-1]) is not None]
        target.executemany(f"INSERT OR IGNORE INTO forecast_run({_ISSUE}) VALUES({','.join('?' * len(kinds))})", good)
    return target.total_changes - before


def _decisions(source: _Source, target: sqlite3.Connection) -> int:
    before = target.total_changes
    for table, (key, columns) in _WHOLE.items():
        marks, same = ",".join("?" * (columns.count(",") + 1)), " AND ".join(f"{name} = ?" for name in key.split(", "))
        for row in source.rows(f"SELECT {key}, {columns} FROM {table}"):
            key_of, kept = row[: key.count(",") + 1], row[key.count(",") + 1 :]
            if not target.execute(f"SELECT 1 FROM {table} WHERE {same}", key_of).fetchall():
                with contextlib.suppress(sqlite3.IntegrityError):  # a torn row
                    target.execute(f"INSERT INTO {table}({columns}) VALUES({marks})", kept)
    for *verdict, quantity, area, kind, name, valid_time in source.rows(
        """SELECT verdict, decided_at, q.who, quantity, area, consumer_type, source, valid_time FROM quarantine q JOIN series USING(series_id)
           WHERE verdict != ''"""
    ):
        target.execute(
            """UPDATE quarantine SET verdict=?, decided_at=?, who=? WHERE verdict = '' AND valid_time = ? AND series_id =
               (SELECT series_id FROM series WHERE quantity=? AND area=? AND consumer_type=? AND source=?)""",
            (*verdict, valid_time, quantity, area, kind, name),
        )
    return target.total_changes - before
