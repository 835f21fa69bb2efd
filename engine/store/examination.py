"""What state a database file is in, before anybody writes to it."""

from __future__ import annotations

import contextlib
import enum
import sqlite3
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.domain import Expected
from engine.store import schema

#: How long a file is looked through at most; what was not reached by then shows when it is read.
PATIENCE_S = 25.0
#: A schema that no program of ours will have.
_ABSURD = 10_000
_MAGIC = b"SQLite format 3\0"
_LOG_MAGIC = (0x377F0682, 0x377F0683)
#: Faults that tell of damage whoever asks; and those that do where the question is known to be right.
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_DAMAGE_HERE = (*_DAMAGE, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_MISMATCH)


class State(enum.Enum):
    """What a file is."""

    NONE = enum.auto()
    SOUND = enum.auto()
    DAMAGED = enum.auto()
    FOREIGN = enum.auto()


@dataclass(frozen=True, slots=True)
class Finding:
    """The state, and in words what is wrong; `torn`: the write-ahead log is none, so that what stood in it alone is gone."""

    state: State
    words: str = ""
    torn: bool = False


def is_damage(error: sqlite3.Error) -> bool:
    """Whether an error tells of damage in the file."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _DAMAGE


def log_of(path: Path) -> Path:
    """The write-ahead log of a database."""
    return path.with_name(f"{path.name}-wal")


def examine(path: Path, thorough: bool, progress: Callable[[], object] = lambda: None) -> Finding:
    """Look through a file; `thorough` compares indexes with tables too.

    Raises Expected for one that a newer program has written, and where it cannot be read for another reason than what is in it.
    """
    if not path.exists():
        return Finding(State.NONE)
    torn = _is_torn(log_of(path))
    if wrong := _head(path):
        return Finding(State.DAMAGED, wrong, torn)
    try:
        with contextlib.closing(
            sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=10.0, isolation_level=None)
        ) as db:
            return _look(db, path, thorough, torn, progress)
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        if code & 0xFF in _DAMAGE_HERE:
            return Finding(State.DAMAGED, str(error), torn)
        raise Expected(
            f"The database {path} cannot be opened: {error}.", "Check the disk and the folder's permissions; nothing was changed."
        ) from error


def _look(db: sqlite3.Connection, path: Path, thorough: bool, torn: bool, progress: Callable[[], object]) -> Finding:
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()}
    ours = db.execute("PRAGMA application_id").fetchone()[0] == schema.APPLICATION_ID
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    if not tables and not version:
        return Finding(State.DAMAGED, "it is empty", torn)
    if not ours and not {"series", "observation", "forecast_run"} <= tables:
        return Finding(State.FOREIGN, "it is another program's", torn)
    if not ours or not 0 < version < _ABSURD:
        return Finding(State.DAMAGED, "its head does not say what it is", torn)
    schema.check(db, path)
    end = time.monotonic() + PATIENCE_S

    def go_on() -> int:
        return bool(progress()) or time.monotonic() > end

    db.set_progress_handler(go_on, schema.PROGRESS_STEPS)
    try:
        wrong = db.execute(f"PRAGMA {'integrity_check' if thorough else 'quick_check'}(1)").fetchone()[0]
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        wrong = "ok"  # as far as it was looked through
    if wrong == "ok" and not schema.suits(db, version):
        wrong = "its tables are not those of its version"
    return Finding(State.SOUND, "", torn) if wrong == "ok" else Finding(State.DAMAGED, str(wrong), torn)


def _head(path: Path) -> str:
    """What is wrong with the first hundred bytes, which SQLite does not look at all of; see sqlite.org/fileformat.html."""
    try:
        with path.open("rb") as file:
            head = file.read(100)
    except OSError as error:
        raise Expected(f"The database {path} cannot be read: {error.strerror}.", "Check the disk and its permissions.") from error
    if not head and log_of(path).exists() and log_of(path).stat().st_size:
        return "it is empty beside a write-ahead log"
    if not head:
        return "it is empty"
    if len(head) < 100 or not head.startswith(_MAGIC):
        return "it does not begin like a database"
    page, write, read, reserved, most, least, leaf = struct.unpack(">HBBBBBB", head[16:24])
    encoding = struct.unpack(">I", head[56:60])[0]
    # Until the log of a new file is first taken over, its head names no encoding.
    fixed = write in (1, 2) and read in (1, 2) and (most, least, leaf) == (64, 32, 32) and encoding in (0, 1, 2, 3)
    if not fixed or (page != 1 and (page < 512 or page & (page - 1))) or reserved:
        return "its head is none of a database"
    return ""


def _is_torn(log: Path) -> bool:
    """Whether a write-ahead log begins like none."""
    if not log.exists() or not log.stat().st_size:
        return False
    with log.open("rb") as file:
        head = file.read(4)
    return len(head) < 4 or struct.unpack(">I", head)[0] not in _LOG_MAGIC
