"""Whether issues are as they were written, and the table that shows the newest of them to everybody as plain rows.

SQLite's own check sees what breaks its structure. A bit that changes a number within it is seen by digests, here.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from engine import pace
from engine.domain import LEVELS, QuantileForecast
from engine.store import codec, schema

_COLUMNS = ", ".join(schema.level_column(level) for level in LEVELS)
_ISSUES = """SELECT area, consumer_type, issue_time, valid_start, step_s, hours, model_id, tier, reason, levels, ex_post, inputs,
    quantiles, digest FROM forecast_run"""
#: Rows of no issue that is kept, though retention has let none go that made them.
_NOBODYS = """DELETE FROM forecast_latest AS l WHERE NOT EXISTS (
      SELECT 1 FROM forecast_run r WHERE r.area = l.area AND r.consumer_type = l.consumer_type AND r.issue_time = l.issue_time
      AND l.valid_time BETWEEN r.valid_start AND r.valid_start + (r.hours - 1) * r.step_s
      AND (l.valid_time - r.valid_start) % r.step_s = 0)
    AND (l.valid_time > l.issue_time + 14 * 86400 OR l.issue_time >= max(
      (SELECT min(issue_time) FROM forecast_run r WHERE r.area = l.area AND r.consumer_type = l.consumer_type),
      coalesce((SELECT CAST(value AS INTEGER) FROM property WHERE name = 'thinned_to'), 0)))"""
#: Issues read at a time.
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Finding:
    """How many issues were looked at, which were damaged (area, consumer type, issue time), and how many rows of `forecast_latest`
    were not those of their issue: they are again, or are gone where they were nobody's."""

    issues: int
    damaged: tuple[tuple[str, str, int], ...]
    renewed: int


def show(db: sqlite3.Connection, forecast: QuantileForecast) -> None:
    """Let the hours of an issue stand as rows in `forecast_latest`, unless a newer one's stand there."""
    columns = [schema.level_column(level) for level in forecast.levels]
    marks = ",".join("?" * (5 + len(columns)))
    head = (forecast.area, forecast.consumer_type)
    db.executemany(
        f"""INSERT INTO forecast_latest(area, consumer_type, valid_time, issue_time, tier, {", ".join(columns)}) VALUES({marks})
            ON CONFLICT(area, consumer_type, valid_time) DO UPDATE SET issue_time=excluded.issue_time, tier=excluded.tier,
            {", ".join(f"{c}=excluded.{c}" for c in columns)} WHERE excluded.issue_time >= issue_time""",
        [
            (*head, t, forecast.issue_time, forecast.tier.value, *row)
            for t, row in zip(forecast.valid_time.tolist(), forecast.quantiles.tolist(), strict=True)
        ],
    )


def mend(db: sqlite3.Connection) -> Finding:
    """Look through every issue, and give `forecast_latest` back what it should show."""
    count, renewed, damaged = 0, 0, []
    rows = db.execute(_ISSUES)
    while some := rows.fetchmany(_AT_ONCE):
        pace.step()
        count += len(some)
        for area, kind, issue_time, start, step_s, hours, *made, inputs, blob, digest in some:
            model, tier, reason, levels, ex_post = made
            whole = codec.decode_inputs(inputs, model, tier, reason, step_s, hours, levels, ex_post) is not None
            if codec.digest(area, kind, issue_time, start, blob) != digest or not whole:
                damaged.append((area, kind, issue_time))
                continue
            renewed += _renew(db, (area, kind, issue_time, tier), start, step_s, blob)
    renewed += max(0, db.execute(_NOBODYS).rowcount)
    return Finding(count, tuple(damaged), renewed)


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
        if (at := (valid - start) // step_s) < len(values) and (told != tier or row != values[at])
    ]
    sets = ", ".join(f"{column} = ?" for column in ("tier", *_COLUMNS.split(", ")))
    db.executemany(f"UPDATE forecast_latest SET {sets} WHERE area = ? AND consumer_type = ? AND valid_time = ?", wrong)
    return len(wrong)
