"""Seals of observations: of each series and UTC day a number that changes with any bit of its values, kept with them.

A seal is the exclusive or of a mark per row, so that rows come and go without the others being read. A mark is found by steps that
can be undone, whence two rows that differ never have the same: a change of one row is always seen.
"""

from __future__ import annotations

import hashlib
import sqlite3

import numpy as np
import numpy.typing as npt

from engine.domain import DAY, FloatArray, IntArray

#: Days that are looked at together: of a weather forecast some 50,000 rows.
PORTION_D = 60
#: Rows as seals see them; whatever else a damaged page gives is none.
_ROWS = """SELECT valid_time, available_at, value, flags FROM observation WHERE series_id = ? AND valid_time >= ? AND valid_time < ?
    AND typeof(valid_time) = 'integer' AND typeof(available_at) = 'integer' AND typeof(value) = 'real' AND typeof(flags) = 'integer'"""
#: The first and the last day of which there are rows or seals, of those that a date may be.
_ENDS = """SELECT min(day), max(day) FROM (
    SELECT min(valid_time) / 86400 AS day FROM observation WHERE series_id = ?1 AND valid_time BETWEEN 0 AND 1e10
    UNION ALL SELECT max(valid_time) / 86400 FROM observation WHERE series_id = ?1 AND valid_time BETWEEN 0 AND 1e10
    UNION ALL SELECT min(day) FROM observation_seal WHERE series_id = ?1 AND day BETWEEN 0 AND 1e5
    UNION ALL SELECT max(day) FROM observation_seal WHERE series_id = ?1 AND day BETWEEN 0 AND 1e5)"""
_TURN = """INSERT INTO observation_seal VALUES(?1, ?2, ?3)
    ON CONFLICT(series_id, day) DO UPDATE SET seal = (seal | excluded.seal) & ~(seal & excluded.seal)"""


def rows(db: sqlite3.Connection, series_id: int, start: int, end: int) -> FloatArray:
    """Rows (valid_time, available_at, value, flags) of a series with valid time in [start, end), in the order of their keys."""
    return np.array(db.execute(_ROWS, (series_id, start, end)).fetchall(), np.float64).reshape(-1, 4)


def insert(db: sqlite3.Connection, series_id: int, new: FloatArray) -> None:
    """Store rows, of which none is there, and leave the seals."""
    valid, known, value, flags = new.T
    numbers = (valid.astype(np.int64).tolist(), known.astype(np.int64).tolist(), value.tolist(), flags.astype(np.int64).tolist())
    db.executemany("INSERT OR REPLACE INTO observation VALUES(?,?,?,?,?)", zip([series_id] * len(new), *numbers, strict=True))


def add(db: sqlite3.Connection, series_id: int, new: FloatArray) -> int:
    """Store rows of which none is there yet, and seal them; returns how many that were."""
    insert(db, series_id, new)
    turn(db, series_id, new)
    return len(new)


def add_missing(db: sqlite3.Connection, series_id: int, new: FloatArray, there: FloatArray) -> int:
    """The same of those whose version is not `there`; of one version the first counts. Returns how many were added."""
    _, first = np.unique(version(new), return_index=True)
    new = new[first]
    return add(db, series_id, new[~np.isin(version(new), version(there))])


def put(db: sqlite3.Connection, series_id: int, row: FloatArray) -> None:
    """Store a row, shape (1, 4), in the place of that of the same version where there is one."""
    valid_time, known = int(row[0, 0]), int(row[0, 1])
    there = rows(db, series_id, valid_time, valid_time + 1)
    turn(db, series_id, there[there[:, 1] == known])
    db.execute(
        "DELETE FROM observation WHERE series_id = ? AND valid_time = ? AND available_at = ?", (series_id, valid_time, known)
    )
    add(db, series_id, row)


def known_now(db: sqlite3.Connection, moment: int, now: int, but: int) -> None:
    """Let what is said to have become known after a moment have become known now, save for rows with the flags of `but`."""
    where = f"available_at > {moment:d} AND NOT flags & {but:d}"
    hours = db.execute(f"SELECT DISTINCT series_id, valid_time FROM observation WHERE {where}").fetchall()
    for series_id, hour in hours:
        turn(db, series_id, rows(db, series_id, hour, hour + 1))
    db.execute(f"UPDATE OR REPLACE observation SET available_at = {now:d} WHERE {where}")
    for series_id, hour in hours:
        turn(db, series_id, rows(db, series_id, hour, hour + 1))


def version(of: FloatArray) -> npt.NDArray[np.complex128]:
    """Valid time and when it became known as one number."""
    return of[:, 0] + 1j * of[:, 1]


def turn(db: sqlite3.Connection, series_id: int, changed: FloatArray) -> None:
    """Take rows into the seals of their days, or out of them, which is the same."""
    days, seals = _sealed(_seed(db, series_id), changed)
    db.executemany(_TURN, zip([series_id] * len(days), days.tolist(), seals.tolist(), strict=True))


def seal_all(db: sqlite3.Connection) -> None:
    """Seal what was stored before there were seals, as it stands."""
    for series_id, start, end in portions(db):
        turn(db, series_id, rows(db, series_id, start, end))


def portions(db: sqlite3.Connection) -> list[tuple[int, int, int]]:
    """Every series in spans [start, end) of valid time that hold all of its rows and seals."""
    found = []
    for (series_id,) in db.execute("SELECT series_id FROM series ORDER BY series_id").fetchall():
        first, last = db.execute(_ENDS, (series_id,)).fetchone()
        days = range(first, last + 1, PORTION_D) if first is not None else ()
        found += [(series_id, day * DAY, (day + PORTION_D) * DAY) for day in days]
    return found


def broken(db: sqlite3.Connection, series_id: int, start: int, end: int) -> list[int]:
    """The days in [start, end) whose rows are not those that were sealed."""
    days, seals = _sealed(_seed(db, series_id), rows(db, series_id, start, end))
    found = dict(zip(days.tolist(), seals.tolist(), strict=True))
    kept = dict(
        db.execute(
            "SELECT day, seal FROM observation_seal WHERE series_id = ? AND day >= ? AND day < ?",
            (series_id, start // DAY, end // DAY),
        )
    )
    return sorted(day for day in found.keys() | kept.keys() if found.get(day, 0) != kept.get(day, 0))


def is_sealed(db: sqlite3.Connection, series_id: int, day: int, as_they_were: FloatArray) -> bool:
    """Whether these rows are those of a series and day that were sealed."""
    _, seals = _sealed(_seed(db, series_id), as_they_were)
    kept = db.execute("SELECT seal FROM observation_seal WHERE series_id = ? AND day = ?", (series_id, day)).fetchall()
    return [(seal,) for seal in seals.tolist()] == kept


def seal_anew(db: sqlite3.Connection, series_id: int, day: int) -> None:
    """Seal the rows of a series and day that are known to be right."""
    db.execute("DELETE FROM observation_seal WHERE series_id = ? AND day = ?", (series_id, day))
    turn(db, series_id, rows(db, series_id, day * DAY, (day + 1) * DAY))


def name(db: sqlite3.Connection, series_id: int) -> list[tuple[object, ...]]:
    """What a series is, as one row; none where it is not there."""
    return db.execute(
        "SELECT quantity, area, consumer_type, source, unit, step_s, rank FROM series WHERE series_id = ?", (series_id,)
    ).fetchall()


def rename(db: sqlite3.Connection, series_id: int, of: list[tuple[object, ...]]) -> None:
    """Let a series be another one, unless that is there already."""
    db.executemany(
        f"""UPDATE OR IGNORE series SET quantity = ?, area = ?, consumer_type = ?, source = ?, unit = ?, step_s = ?, rank = ?
            WHERE series_id = {series_id:d}""",
        of,
    )


def _seed(db: sqlite3.Connection, series_id: int) -> int:
    """What a series is goes into its marks too: values of one that is called another now are seen."""
    return int.from_bytes(hashlib.sha256(repr(name(db, series_id)).encode()).digest()[:8], "big")


def _sealed(seed: int, of: FloatArray) -> tuple[IntArray, IntArray]:
    """Days of rows, and the seal of each."""
    if not len(of):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    marks = np.full(len(of), seed, np.uint64)
    for column in (of + 0.0).T:  # SQLite knows no negative zero
        marks = _mixed(marks ^ np.ascontiguousarray(column).view(np.uint64))
    days = of[:, 0].astype(np.int64) // DAY
    order = np.argsort(days, kind="stable")
    found, first = np.unique(days[order], return_index=True)
    return found, np.bitwise_xor.reduceat(marks[order], first).view(np.int64)


def _mixed(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """The finalizer of SplitMix64 (Steele, Lea and Flood 2014), which maps no two numbers to one."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))
