"""Back to the database of an earlier version of the program, from the copy that the newer one made before it changed the file."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from engine.domain import Expected
from engine.store import schema


@dataclass(frozen=True, slots=True)
class PutBack:
    """What came of it: where the newer file lies now, and the issues it holds that the copy does not, by the first and the last."""

    aside: Path
    issues: int
    first: int | None
    last: int | None


def is_newer(path: Path) -> bool:
    """Whether a database was brought further than this program can read."""
    try:
        return path.exists() and schema.version_of(path) > len(schema.MIGRATIONS)
    except sqlite3.DatabaseError:
        return False


def put_back(path: Path) -> PutBack | None:
    """Put the copy in the place of a database that is newer than this program; None where it is not.

    Whoever calls holds the data folder alone. The newer file is kept beside it. Ended at any moment, it can be called again.
    Raises Expected where there is no whole copy that this program reads.
    """
    if not is_newer(path):
        return None
    version = schema.version_of(path)
    copy = schema.before(path, version)
    _require_whole(path, copy)
    try:
        held = _held(path, copy)
        with contextlib.closing(sqlite3.connect(path, timeout=10.0, isolation_level=None)) as db:
            if db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                raise Expected(f"{path} is being read.", "Close the windows of Lastvagt, then try again.")
    except sqlite3.DatabaseError as error:
        raise Expected(f"{path} cannot be closed: {error}.", "Check the disk; nothing was changed.") from error
    aside = _free_name(path, version)
    try:
        os.link(path, aside)
    except OSError:  # a file system without links
        shutil.copyfile(path, aside)
    for log in ("-wal", "-shm"):  # they belong to the file that goes
        path.with_name(path.name + log).unlink(missing_ok=True)
    copy.replace(path)
    return PutBack(aside, *held)


def _require_whole(path: Path, copy: Path) -> None:
    remedy = "Install the newer version again, or start anew with another data folder; the file was left as it is."
    if not copy.exists():
        raise Expected(f"{path} is of a newer version, and there is no copy from before it: {copy.name}.", remedy)
    with contextlib.closing(sqlite3.connect(f"{copy.resolve().as_uri()}?mode=ro", uri=True)) as db:
        try:
            schema.check(db, copy)
            found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        except sqlite3.DatabaseError as error:
            found = str(error)
    if found != "ok":
        raise Expected(f"The copy {copy} is damaged: {found}.", remedy)


def _held(path: Path, copy: Path) -> tuple[int, int | None, int | None]:
    """How many issues the newer file has that were made after the copy, and the times of the first and the last."""
    newest = "SELECT coalesce(max(issue_time), -1) FROM forecast_run"
    after = "SELECT count(DISTINCT issue_time), min(issue_time), max(issue_time) FROM forecast_run WHERE issue_time > ?"
    with contextlib.closing(sqlite3.connect(f"{copy.resolve().as_uri()}?mode=ro", uri=True)) as db:
        last = db.execute(newest).fetchone()[0]
    with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
        count, first, end = db.execute(after, (last,)).fetchone()
    return int(count), first, end


def _free_name(path: Path, version: int) -> Path:
    """A name for the newer file that is not taken; one that is a link to it was made before a kill."""
    number = 1
    while True:
        name = path.with_name(f"{path.name}.of-schema-{version}" + (f"-{number}" if number > 1 else ""))
        if not name.exists():
            return name
        if name.samefile(path):
            name.unlink()
            return name
        number += 1
