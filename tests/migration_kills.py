"""Kills the start of an engine on an older database at every statement, and within statements; prints JSON.

python tests/migration_kills.py FOLDER EVERY

A database of each schema is filled; children, forked from a process without threads, open it as the engine does and are killed with
SIGKILL at one moment each: the start of a statement, or so many instructions of SQLite's machine further. Every EVERYth is tried.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from engine.domain import LEAD_BUCKETS
from engine.store import Writer, codec, schema

#: Instructions between two moments within a statement.
_STEPS = 200
_NEWEST = len(schema.MIGRATIONS)
_connect = sqlite3.connect

Contents = dict[str, list[str]]


def older(path: Path, version: int) -> None:
    """A database of a version, with rows in every table."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        for step in range(version):
            schema.MIGRATIONS[step](db)
        db.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {version}")
        tables = db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'").fetchall()
        for (table,) in tables:
            columns = db.execute(f"PRAGMA table_info({table})").fetchall()
            for number in range(1 if table in ("engine", "property") else 40):
                values = [_value(table, name, kind, number) for _, name, kind, *_ in columns]
                db.execute(f"INSERT INTO {table} VALUES({','.join('?' * len(values))})", values)


def _value(table: str, column: str, kind: str, number: int) -> object:
    if (table, column) == ("score", "sums"):
        return zlib.compress(np.full(len(codec.SCORE_SUMS) * len(LEAD_BUCKETS), number, "<f4").tobytes())
    if table == "property":
        return {"name": "simulated", "value": "0"}[column]
    if column == "one":
        return 1
    return {"TEXT": f"{column} {number}", "BLOB": bytes([number]) * 90}.get(kind, number)


def contents(path: Path) -> Contents:
    """Everything in a database, the words that made its tables too."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        made = db.execute("SELECT type, name, sql FROM sqlite_master ORDER BY type, name").fetchall()
        found = {"": [repr(row) for row in made] + [str(db.execute("PRAGMA user_version").fetchone()[0])]}
        for kind, name, _ in made:
            if kind == "table" and not name.startswith("sqlite_"):
                found[name] = sorted(map(repr, db.execute(f"SELECT * FROM {name}").fetchall()))
    return found


def begin(path: Path, reached: Callable[[], None]) -> None:
    """Open a database as the engine does; every moment is told."""

    def traced(*of: Any, **words: Any) -> sqlite3.Connection:
        db: sqlite3.Connection = _connect(*of, **words)
        db.set_trace_callback(lambda _: reached())
        return db

    def going() -> bool:
        reached()
        return False

    sqlite3.connect = traced  # type: ignore[assignment]
    schema.PROGRESS_STEPS = _STEPS
    Writer(path, progress=going).close()


def moments(path: Path) -> int:
    """How many moments a start on a database has."""
    count, heard = [0], os.pipe()
    if not os.fork():
        begin(path, lambda: count.__setitem__(0, count[0] + 1))
        os.write(heard[1], str(count[0]).encode())
        os._exit(0)
    _, status = os.wait()
    if status:
        raise RuntimeError("The start of an engine failed.")
    return int(os.read(heard[0], 20))


def kill_at(path: Path, moment: int) -> None:
    left = [moment]

    def reached() -> None:
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1

    if not os.fork():
        begin(path, reached)
        os._exit(0)
    _, status = os.wait()
    if not os.WIFSIGNALED(status):
        raise RuntimeError(f"The start of an engine ended before moment {moment}.")


def steps(path: Path, version: int, folder: Path) -> dict[int, Contents]:
    """What a database holds after each step of its way, by version."""
    found = {}
    for until in range(version, _NEWEST + 1):
        there = folder / f"step-{until}"
        shutil.copyfile(path, there)
        with contextlib.closing(sqlite3.connect(there, isolation_level=None)) as db:
            for step in range(version, until):
                schema.MIGRATIONS[step](db)
            db.execute(f"PRAGMA application_id = {schema.APPLICATION_ID if until else 0}")
            db.execute(f"PRAGMA user_version = {until}")
        found[until] = contents(there)
    return found


def wrong_after(path: Path, ways: dict[int, Contents]) -> str:
    """What a kill has left that must not be, or the next start makes of it; empty where all is well."""
    version = min(ways)
    copy = schema.before(path, _NEWEST)
    found = contents(path)
    if version == 0 and "property" in found:
        found["property"] = []  # says whose data it will hold
    if found != ways.get(schema.version_of(path)):
        return f"version {schema.version_of(path)} holds what it must not"
    if copy.exists() and contents(copy) != ways[version]:
        return "the copy is not the file of before"
    Writer(path).close()
    new = contents(path)
    if version == 0:
        new["property"] = []
    if new != ways[_NEWEST]:
        return "the next start did not end it"
    if version and contents(copy) != ways[version]:
        return "after the next start the copy is not the file of before"
    return ""


def main(folder: Path, every: int) -> dict[str, object]:
    kills, wrong = {}, list[str]()
    for version in range(_NEWEST):
        place = folder / str(version)
        place.mkdir(parents=True)
        old, path = place / "old", place / "lastvagt.sqlite"
        older(old, version) if version else old.touch()
        ways = steps(old, version, place)
        shutil.copyfile(old, path)
        tried = range(version % every, moments(path), every)
        for moment in tried:
            for left in place.glob("lastvagt.sqlite*"):
                left.unlink()
            shutil.copyfile(old, path)
            kill_at(path, moment)
            if found := wrong_after(path, ways):
                wrong.append(f"schema {version}, moment {moment}: {found}")
        kills[version] = len(tried)
    return {"kills": kills, "wrong": wrong}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]))))
