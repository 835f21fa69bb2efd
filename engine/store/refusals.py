"""Why a database takes no change, and what to do: its disk is full, it may not be written, or another program holds it."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

from engine import disk
from engine.domain import Expected
from engine.store import examination

#: What may hinder a database from taking a change; an engine that meets one can only tell of it, not write it down.
CODES = ("disk_full", "read_only", "locked", "refused")
#: Codes of SQLite that a full disk, one that became read-only and missing rights have too, as well as a broken one.
_UNCLEAR = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
#: A disk with fewer bytes free is full.
_NOTHING = 1e6


class Refused(Expected):
    """A change that a database did not take. `code` is one of `CODES`: refused where it is none of the others."""

    def __init__(self, code: str, problem: str, remedy: str) -> None:
        super().__init__(problem, remedy)
        self.code = code


def refusal(path: Path, error: sqlite3.DatabaseError) -> Refused:
    """What an error of SQLite means for who wants to write to a database."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL or (code in _UNCLEAR and shutil.disk_usage(path.parent).free < _NOTHING):
        return Refused(
            "disk_full",
            f"The disk of {path.parent} is full: nothing new can be stored.",
            "Free space on it; the engine goes on by itself.",
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM) or (code in _UNCLEAR and _is_closed(path)):
        return Refused(
            "read_only",
            f"{path} cannot be written: its disk is read-only, or its folder is not the engine's.",
            "Check the disk (one that fails becomes read-only) and who may write there.",
        )
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return Refused(
            "locked",
            f"Another program keeps the database {path} locked.",
            "End that program, or close the database in it; the engine goes on by itself.",
        )
    if examination.is_damage(error):
        return Refused("refused", f"The database {path} is damaged: {error}.", "Check the disk; the next start recovers it.")
    return Refused(
        "refused", f"The database {path} refused a change: {error}.", "Free disk space, or end the program that locks it."
    )


def _is_closed(path: Path) -> bool:
    return disk.is_read_only(path.parent) or not os.access(path.parent, os.W_OK)
