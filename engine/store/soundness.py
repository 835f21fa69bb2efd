"""Whether issues and values are as they were written, and the table that shows the newest issues to everybody as plain rows.

SQLite's own check sees what breaks its structure. A bit that changes a number within it is seen by digests and seals, here; what it
changed is taken from a backup that has it whole.
"""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import pace
from engine.domain import LEVELS, QuantileForecast
from engine.store import codec, retrieval, schema, seals
from engine.store.retrieval import Former

#: What of an issue `made_of` wants, in its order.
PARTS = """area, consumer_type, issue_time, valid_start, quantiles, digest, inputs, model_id, tier, reason, step_s, hours, levels,
    ex_post"""
_COLUMNS = ", ".join(schema.level_column(level) for level in LEVELS)
#: Rows of no issue that is kept, though retention has let none go that made them.
_NOBODYS = """DELETE FROM forecast_latest AS l WHERE NOT EXISTS (
      SELECT 1 FROM forecast_run r WHERE r.area = l.area AND r.consumer_type = l.consumer_type AND r.issue_time = l.issue_time
      AND l.valid_time BETWEEN r.valid_start AND r.valid_start + (r.hours - 1) * r.step_s
      AND (l.valid_time - r.valid_start) % r.step_s = 0)
    AND (l.valid_time > l.issue_time + 14 * 86400 OR l.issue_time >= max(
      (SELECT min(issue_time) FROM forecast_run r WHERE r.area = l.area AND r.consumer_type = l.consumer_type),
      coalesce((SELECT CAST(value AS INTEGER) FROM property WHERE name = 'thinned_to'), 0)))
    RETURNING area, consumer_type, issue_time, valid_time"""
#: The issue that a row says to be of, else the newest that has its hour.
_SOMEBODYS = f"""SELECT {PARTS} FROM forecast_run WHERE area = ?1 AND consumer_type = ?2
    AND (issue_time = ?3 OR ?4 BETWEEN valid_start AND valid_start + (hours - 1) * step_s)
    ORDER BY issue_time = ?3 DESC, issue_time DESC LIMIT 1"""
#: Issues read at a time.
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Finding:
    """How many issues were looked at, which are damaged (area, consumer type, issue time), of how many series and days values are,
    how many of both were put right from a backup, and how many rows of `forecast_latest` were not those of their issue: they are again,
    or are gone where they were nobody's."""

    issues: int = 0
    damaged: tuple[tuple[str, str, int], ...] = ()
    days: tuple[tuple[str, str, int], ...] = ()
    put_right: int = 0
    renewed: int = 0

    def __add__(self, other: Finding) -> Finding:
        return Finding(*(getattr(self, f.name) + getattr(other, f.name) for f in dataclasses.fields(self)))


def made_of(
    area: str, consumer_type: str, issue_time: int, valid_start: int, quantiles: bytes, digest: bytes, inputs: str, *head: object
) -> Mapping[str, object] | None:
    """The inputs of an issue that is as it was written; None where any part of it was damaged on disk."""
    if not isinstance(quantiles, bytes) or codec.digest(area, consumer_type, issue_time, valid_start, quantiles) != digest:
        return None
    return codec.decode_inputs(inputs, *head)


def show(db: sqlite3.Connection, forecast: QuantileForecast) -> None:
    """Let the hours of an issue stand as rows in `forecast_latest`, unless a newer one's stand there."""
    of = (forecast.area, forecast.consumer_type, forecast.issue_time, forecast.tier.value)
    _show(db, of, forecast.valid_time.tolist(), forecast.quantiles.tolist())


def _show(db: sqlite3.Connection, of: tuple[str, str, int, str], hours: Iterable[int], quantiles: Iterable[list[float]]) -> None:
    area, consumer_type, issue_time, tier = of
    columns = _COLUMNS.split(", ")
    marks = ",".join("?" * (5 + len(columns)))
    db.executemany(
        f"""INSERT INTO forecast_latest(area, consumer_type, valid_time, issue_time, tier, {_COLUMNS}) VALUES({marks})
            ON CONFLICT(area, consumer_type, valid_time) DO UPDATE SET issue_time=excluded.issue_time, tier=excluded.tier,
            {", ".join(f"{c}=excluded.{c}" for c in columns)} WHERE excluded.issue_time >= issue_time""",
        [(area, consumer_type, hour, issue_time, tier, *row) for hour, row in zip(hours, quantiles, strict=True)],
    )


def mend(transaction: Callable[[], AbstractContextManager[sqlite3.Connection]], backups: Sequence[Path]) -> Finding:
    """Look through every issue and value, put right from backups (newest first) what is damaged, and give `forecast_latest` back what it
    should show. A portion is a transaction: other writing waits for one at most."""
    with retrieval.opened(backups) as formers:
        found, after = Finding(), -1
        while True:
            pace.step()
            with transaction() as db:
                some, last = _mend_issues(db, after, formers)
            found += some
            if last is None:
                break
            after = last
        with transaction() as db:
            found += Finding(renewed=_replace_nobodys(db))
            portions = seals.portions(db)
        for portion in portions:
            pace.step()
            with transaction() as db:
                found += _mend_values(db, *portion, formers)
    return found


def _mend_issues(db: sqlite3.Connection, after: int, formers: Sequence[Former]) -> tuple[Finding, int | None]:
    """Of the next issues, and the number of the last one; None where there are no more."""
    rows = db.execute(
        f"SELECT run_id, {PARTS} FROM forecast_run WHERE run_id > ? ORDER BY run_id LIMIT {_AT_ONCE}", (after,)
    ).fetchall()
    put_right, renewed, damaged = 0, 0, []
    for run_id, *row in rows:
        issue = tuple(row)
        if made_of(*issue) is None:
            sound = retrieval.issue(formers, run_id, PARTS, issue, lambda other: made_of(*other) is not None)
            if sound is None or not _replace(db, run_id, sound):
                damaged.append(issue[:3])
                continue
            put_right, issue = put_right + 1, sound
        area, kind, issue_time, start, blob, _, _, _, tier, _, step_s, *_ = issue
        renewed += _renew(db, (area, kind, issue_time, tier), start, step_s, blob)
    return Finding(len(rows), tuple(damaged), (), put_right, renewed), rows[-1][0] if rows else None


def _replace(db: sqlite3.Connection, run_id: int, issue: tuple[Any, ...]) -> bool:
    """Let an issue be another one, unless that is there already."""
    sets = ", ".join(f"{part} = ?" for part in PARTS.replace("\n", "").split(", "))
    return db.execute(f"UPDATE OR IGNORE forecast_run SET {sets} WHERE run_id = ?", (*issue, run_id)).rowcount == 1


def _replace_nobodys(db: sqlite3.Connection) -> int:
    """Let the issues whose rows they may have been stand again where rows are nobody's; returns how many those were."""
    gone = db.execute(_NOBODYS).fetchall()
    for issue in {tuple(issue) for row in gone for issue in db.execute(_SOMEBODYS, row).fetchall()}:
        if made_of(*issue) is not None:
            area, kind, issue_time, start, blob, _, _, _, tier, _, step_s, hours, *_ = issue
            _show(db, (area, kind, issue_time, tier), range(start, start + hours * step_s, step_s), codec.decode(blob).tolist())
    return len(gone)


def _mend_values(db: sqlite3.Connection, series_id: int, start: int, end: int, formers: Sequence[Former]) -> Finding:
    """Of one series in [start, end)."""
    broken, named = seals.broken(db, series_id, start, end), 0
    if broken and retrieval.name(formers, db, series_id, lambda: seals.broken(db, series_id, start, end)):
        broken, named = seals.broken(db, series_id, start, end), 1
    left = [day for day in broken if not retrieval.day(formers, db, series_id, day)]
    of = seals.name(db, series_id)
    days = tuple((str(quantity), str(area), day) for quantity, area, *_ in of for day in left)
    return Finding(days=days, put_right=len(broken) - len(left) + named)


def _renew(db: sqlite3.Connection, of: tuple[str, str, int, str], start: int, step_s: int, blob: bytes) -> int:
    """Put right the rows that say to be of an issue; returns how many were not."""
    area, kind, issue_time, tier = of
    shown = db.execute(
        f"""SELECT valid_time, tier, {_COLUMNS} FROM forecast_latest
            WHERE area = ? AND consumer_type = ? AND valid_time >= ? AND valid_time < ? AND issue_time = ?""",
        (area, kind, start, start + step_s * 24 * 14, issue_time),
    ).fetchall()
    if not shown:
        return 0
    values = codec.decode(blob).tolist()
    wrong = [
        (tier, *values[at], area, kind, valid)
        for valid, told, *row in shown
        if 0 <= (at := (valid - start) // step_s) < len(values) and (told != tier or row != values[at])
    ]
    sets = ", ".join(f"{column} = ?" for column in ("tier", *_COLUMNS.split(", ")))
    db.executemany(f"UPDATE forecast_latest SET {sets} WHERE area = ? AND consumer_type = ? AND valid_time = ?", wrong)
    return len(wrong)
