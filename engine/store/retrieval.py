"""What a bit that flipped on disk has changed, taken back from a backup that has it as it was written."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.domain import DAY, FloatArray
from engine.store import seals

#: A connection to a backup.
Former = sqlite3.Connection
_Issue = tuple[Any, ...]


@contextlib.contextmanager
def opened(backups: Sequence[Path]) -> Iterator[list[Former]]:
    """These backups for reading, save for those that are gone or cannot be opened; nothing is written beside them."""
    with contextlib.ExitStack() as stack:
        formers = []
        for path in backups:
            with contextlib.suppress(sqlite3.DatabaseError):
                former = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
                formers.append(stack.enter_context(contextlib.closing(former)))
        yield formers


def issue(
    formers: Sequence[Former], run_id: int, parts: str, damaged: _Issue, is_sound: Callable[[_Issue], bool]
) -> _Issue | None:
    """A damaged issue as the newest backup has it that has it sound: by its number, and by its name or its digest, for one bit does
    not change both."""
    for former in formers:
        for row in _asked(former, f"SELECT {parts} FROM forecast_run WHERE run_id = ?", run_id):
            if is_sound(row) and (row[:3] == damaged[:3] or row[5] == damaged[5]):
                return row
    return None


def _asked(former: Former, sql: str, *parameters: object) -> list[_Issue]:
    """What a backup answers; nothing where it is damaged itself."""
    with contextlib.suppress(sqlite3.DatabaseError):
        return former.execute(sql, parameters).fetchall()
    return []


def name(formers: Sequence[Former], db: sqlite3.Connection, series_id: int, broken: Callable[[], list[int]]) -> bool:
    """Give a series back what it is called in a backup, where fewer of its days are `broken` then; returns whether it was so."""
    present, days = seals.name(db, series_id), len(broken())
    for former in formers:
        with contextlib.suppress(sqlite3.DatabaseError):
            past = seals.name(former, series_id)
            if past != present:
                seals.rename(db, series_id, past)
                if len(broken()) < days:
                    return True
                seals.rename(db, series_id, present)
    return False


def day(formers: Sequence[Former], db: sqlite3.Connection, series_id: int, of: int) -> bool:
    """Put right the values of a series on a UTC day from the newest backup with which its seal is right; returns whether one has them.

    Where a backup has the same rows it is the seal that was damaged.
    """
    start, end = of * DAY, (of + 1) * DAY
    present = seals.rows(db, series_id, start, end)
    for former in formers:
        try:
            past = seals.rows(former, series_id, start, end)
            if seals.name(former, series_id) != seals.name(db, series_id):
                continue
        except sqlite3.DatabaseError:
            continue
        if np.array_equal(past, present) and len(past):
            seals.seal_anew(db, series_id, of)
            return True
        for rows in _candidates(past, present):
            if seals.is_sealed(db, series_id, of, rows):
                db.execute(
                    "DELETE FROM observation WHERE series_id = ? AND valid_time >= ? AND valid_time < ?", (series_id, start, end)
                )
                seals.insert(db, series_id, rows)
                return True
    return False


def _candidates(past: FloatArray, present: FloatArray) -> Iterator[FloatArray]:
    """What the rows may have been: those of a backup with those that came since, of which one may be a former one under another time."""
    since = present[~np.isin(seals.version(present), seals.version(past))]
    yield np.concatenate([past, since])
    for left_out in range(len(since)):
        yield np.concatenate([past, np.delete(since, left_out, axis=0)])
