"""The whole database once more, to try something on."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from engine.domain import Expected
from engine.store import backups, schema


def duplicate(path: Path, target: Path) -> bool:
    """Copy one consistent moment of a database of this or an earlier version to a new file; returns whether its data are simulated.

    Whoever writes the original goes on; raises Expected where it cannot be read, is not ours, or is newer than this program.
    """
    if not path.exists():
        raise Expected(f"There is no database {path}.", "Check the path.")
    try:
        with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=10.0)) as source:
            schema.check(source, path)
            simulated = bool(source.execute("SELECT value = '1' FROM property WHERE name = 'simulated'").fetchall() == [(1,)])
    except sqlite3.DatabaseError as error:
        raise Expected(f"The database {path} cannot be copied to {target}: {error}.", "Check both disks.") from error
    backups.copy(path, target)
    return simulated
