"""Copies of the database that were found whole before they count: how one is made, which are kept, what one holds."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import disk, pace
from engine.domain import Expected
from engine.store import codec, schema, soundness

#: Backups of as many weeks are kept beside those of the last days.
WEEKS = 4
#: Pages that are copied at once; between two portions one may call it off.
_PORTION = 512
_NAME = re.compile(r"lastvagt-(?P<simulated>simulated-)?(?P<moment>\d{8}T\d{6}Z)\.sqlite")
_MOMENT = "%Y%m%dT%H%M%SZ"
_ISSUES = f"SELECT {soundness.PARTS} FROM forecast_run"
_SHADOW = "SELECT area, consumer_type, issue_time, valid_start, quantiles || numbers, digest FROM shadow_run"


class NoBackup(Expected):
    """There is none of that name."""


class NotAsWritten(Expected):
    """Issues in a database are not as they were written."""


@dataclass(frozen=True, slots=True)
class Backup:
    """One that was found whole when it was made, after `left_out` issues that are damaged in the database were taken out of it."""

    path: Path
    made_at: int
    size_bytes: int
    left_out: int = 0

    @property
    def name(self) -> str:
        """By which it is restored."""
        return self.path.name


@dataclass(frozen=True, slots=True)
class Known:
    """What the database says of its backups: how many there are and in which folder, and the newest one (None: none)."""

    folder: str
    count: int
    made_at: int | None
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Held:
    """How many issues a database holds, and the newest issue time (None: no issue)."""

    issues: int
    newest_issue: int | None


@dataclass(frozen=True, slots=True)
class Lost:
    """What a database has that a backup of it has not; `first` and `last` are the issue times of the issues."""

    issues: int
    first: int | None
    last: int | None
    values: int
    decisions: int


def stamp(moment: int) -> str:
    """A moment as it stands in names of files."""
    return dt.datetime.fromtimestamp(moment, dt.UTC).strftime(_MOMENT)


def found(folder: Path, simulated: bool) -> list[Backup]:
    """Those of a folder, newest first."""
    if not folder.is_dir():
        return []
    backups = []
    for path in folder.iterdir():
        parts = _NAME.fullmatch(path.name)
        if parts is None or bool(parts["simulated"]) is not simulated:
            continue
        with contextlib.suppress(ValueError):  # digits that are no moment
            made = dt.datetime.strptime(parts["moment"], _MOMENT).replace(tzinfo=dt.UTC)
            backups.append(Backup(path, int(made.timestamp()), path.stat().st_size))
    return sorted(backups, key=lambda backup: backup.made_at, reverse=True)


def named(folder: Path, simulated: bool, name: str | None) -> Backup:
    """The one of that name, or the newest; raises `NoBackup` where there is none."""
    backups = found(folder, simulated)
    chosen = backups[0] if backups and name is None else next((each for each in backups if each.name == name), None)
    if chosen is None:
        what = f"There is no backup {name} in {folder}." if name else f"There is no backup in {folder}."
        raise NoBackup(what, "lastvagt-engine backup list tells which there are.")
    return chosen


def make(
    database: Path,
    folder: Path,
    simulated: bool,
    now: int,
    keep_free: float,
    leave_out: bool = False,
) -> Backup:
    """Copy one moment of a database that may be written meanwhile, and look whether the copy is whole before it bears its name.

    So many bytes stay free on its disk; `leave_out` takes damaged issues out of the copy.
    Raises Expected where there is no room, where it cannot be written, and where it is not whole; nothing is left of it then.
    """
    size = database.stat().st_size
    if (log := database.with_name(f"{database.name}-wal")).exists():
        size += log.stat().st_size
    target = folder / f"lastvagt-{'simulated-' if simulated else ''}{stamp(now)}.sqlite"
    part = target.with_suffix(".part")
    try:
        for left in folder.glob("lastvagt-*.part*"):  # by one that was killed
            left.unlink()
        disk.require_room(folder, size + keep_free, "A backup needs, with what must stay free,")
        try:
            copy(database, part)
            left_out = _leave_out(part) if leave_out else 0
            verify(part)
            disk.sync(part)
            part.replace(target)
            disk.sync(folder)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise Expected(
            f"No backup can be written to {folder}: {error.strerror}.", "Check that disk and the permissions."
        ) from error
    return Backup(target, now, target.stat().st_size, left_out)


def copy(database: Path, target: Path) -> None:
    """Copy one moment of a database to a new file that needs no other beside it; who writes meanwhile does not wait."""
    try:
        with (
            contextlib.closing(sqlite3.connect(_uri(database, "ro"), uri=True, timeout=10.0, isolation_level=None)) as source,
            contextlib.closing(sqlite3.connect(target, isolation_level=None)) as made,
        ):
            source.execute("BEGIN")  # else every change meanwhile would begin the copy anew
            source.execute("SELECT count(*) FROM sqlite_master").fetchall()
            made.execute("PRAGMA synchronous=OFF")  # it counts only once it was brought to the disk as a whole
            source.backup(made, pages=_PORTION, progress=lambda *_: pace.step())
            source.execute("ROLLBACK")
            made.execute("PRAGMA journal_mode=DELETE").fetchall()
            made.execute("DELETE FROM engine")  # who runs is of the moment
    except sqlite3.DatabaseError as error:
        raise Expected(f"{database} cannot be copied to {target}: {error}.", "Check both disks; is one full?") from error


def _leave_out(path: Path) -> int:
    """Take damaged issues out of a copy; returns how many there were."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        issues = db.execute(_ISSUES.replace("SELECT", "SELECT rowid,"))
        damaged = [(row,) for row, *issue in issues if soundness.made_of(*issue) is None]
        shadows = db.execute(_SHADOW.replace("SELECT", "SELECT rowid,"))
        others = [(row,) for row, *issue, digest in shadows if codec.digest(*issue) != digest]
        db.executemany("DELETE FROM forecast_run WHERE rowid = ?", damaged)
        db.executemany("DELETE FROM shadow_run WHERE rowid = ?", others)
        db.commit()
    return len(damaged) + len(others)


def verify(path: Path) -> None:
    """Raise Expected unless a copy is a database of ours whose structure and every issue are as they were written."""
    try:
        with contextlib.closing(sqlite3.connect(f"{_uri(path, 'ro')}&immutable=1", uri=True, isolation_level=None)) as db:
            if schema.check(db, path) == 0:
                raise Expected(f"{path} is empty.", "Choose another backup.")
            db.set_progress_handler(pace.step, schema.PROGRESS_STEPS)
            wrong = db.execute("PRAGMA integrity_check(1)").fetchone()[0]
            damaged = sum(soundness.made_of(*issue) is None for issue in _each(db, _ISSUES))
            damaged += sum(codec.digest(*issue) != digest for *issue, digest in _each(db, _SHADOW))
    except sqlite3.DatabaseError as error:
        pace.step()  # SQLite tells no better that it was called off
        wrong, damaged = str(error), 0
    if wrong != "ok":
        raise Expected(f"{path} is not whole: {wrong}.", "Check the disk; lastvagt-engine doctor tells more.")
    if damaged:
        raise NotAsWritten(
            f"{damaged} issues in {path} are not as they were written.", "Check the disk; restore an older backup."
        )


def _each(db: sqlite3.Connection, sql: str) -> Iterator[tuple[Any, ...]]:
    rows = db.execute(sql)
    while some := rows.fetchmany(500):
        yield from some


def _uri(path: Path, mode: str) -> str:
    return f"{path.resolve().as_uri()}?mode={mode}"


def kept(backups: Sequence[Backup], days: int) -> list[Backup]:
    """Those that retention keeps: the newest of each of so many days, and of each of `WEEKS` weeks; days on which none was made do
    not count, so that none goes because time passed."""
    by_day: dict[int, Backup] = {}
    by_week: dict[tuple[int, int], Backup] = {}
    for backup in sorted(backups, key=lambda backup: backup.made_at, reverse=True):
        day = dt.datetime.fromtimestamp(backup.made_at, dt.UTC)
        by_day.setdefault(day.toordinal(), backup)
        by_week.setdefault(day.isocalendar()[:2], backup)
    chosen = {*list(by_day.values())[:days], *list(by_week.values())[:WEEKS]}
    return [backup for backup in backups if backup in chosen]


def prune(folder: Path, simulated: bool, days: int) -> list[Backup]:
    """Delete what retention does not keep; returns the others, newest first."""
    backups = found(folder, simulated)
    wanted = kept(backups, days)
    try:
        for backup in backups:
            if backup not in wanted:
                backup.path.unlink()
    except OSError as error:
        raise Expected(f"{error.filename} cannot be deleted: {error.strerror}.", "Check the permissions.") from error
    return wanted


def held(path: Path) -> Held:
    """What a database holds."""
    with _opened(path) as db:
        issues, newest = db.execute("SELECT count(*), max(issue_time) FROM forecast_run").fetchone()
        return Held(int(issues), newest)


def lost(database: Path, backup: Path) -> Lost:
    """What would be lost if a backup took the place of a database."""
    with _opened(database) as db:
        db.execute("ATTACH ? AS backup", (f"{_uri(backup, 'ro')}&immutable=1",))
        issues, first, last = db.execute(
            """SELECT count(*), min(issue_time), max(issue_time) FROM main.forecast_run m WHERE NOT EXISTS (SELECT 1
               FROM backup.forecast_run b WHERE (b.area, b.consumer_type, b.issue_time) = (m.area, m.consumer_type, m.issue_time))"""
        ).fetchone()
        values = _count(db, "main.observation") - _count(db, "backup.observation")
        return Lost(int(issues), first, last, max(0, values), max(0, _decisions(db, "main.") - _decisions(db, "backup.")))


def _count(db: sqlite3.Connection, table: str, where: str = "") -> int:
    return int(db.execute(f"SELECT count(*) FROM {table} {where}").fetchone()[0])


def _decisions(db: sqlite3.Connection, of: str = "") -> int:
    judged = _count(db, f"{of}quarantine", "WHERE verdict != ''")
    return _count(db, f"{of}adjustment") + _count(db, f"{of}role_change") + judged


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    try:
        with contextlib.closing(sqlite3.connect(_uri(path, "ro"), uri=True, timeout=10.0)) as db:
            yield db
    except sqlite3.DatabaseError as error:
        raise Expected(f"{path} cannot be read: {error}.", "lastvagt-engine doctor tells more.") from error


def put_in_place(backup: Path, database: Path, aside: Path, keep_free: float = 0.0) -> None:
    """Let a database become equal to a backup, in one transaction, after a copy of it was put aside.

    Whoever reads it meanwhile sees the one or the other; whoever calls holds the data folder alone.
    """
    verify(backup)
    try:
        aside.parent.mkdir(parents=True, exist_ok=True)
        if database.exists():
            disk.require_room(aside.parent, database.stat().st_size + keep_free, "To keep the present database aside needs")
            copy(database, aside)
            disk.sync(aside)
    except OSError as error:
        raise Expected(f"{aside} cannot be written: {error.strerror}.", "Check the disk; nothing was changed.") from error
    try:
        with (
            contextlib.closing(sqlite3.connect(f"{_uri(backup, 'ro')}&immutable=1", uri=True)) as source,
            contextlib.closing(sqlite3.connect(database, timeout=10.0, isolation_level=None)) as target,
        ):
            target.execute("PRAGMA synchronous=FULL")
            asked = _asked(target)
            source.backup(target, pages=-1)
            target.executemany("INSERT OR REPLACE INTO fetch_limit VALUES(?,?,?)", asked)
    except sqlite3.DatabaseError as error:
        raise Expected(f"{database} cannot be restored: {error}.", "Close programs that read it, then try again.") from error


def _asked(db: sqlite3.Connection) -> list[tuple[Any, ...]]:
    """When each source was asked, which holds whatever becomes of the answers; spans that were answered are to be asked for again."""
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'fetch_limit'").fetchall():
        return []
    return db.execute("SELECT dataset, last_call, blocked_until FROM fetch_limit WHERE instr(dataset, ' ') = 0").fetchall()


def moment_of(path: Path) -> int:
    """When something was last done in a database: its newest job run; 0 for none."""
    with _opened(path) as db:
        return int(db.execute("SELECT coalesce(max(started_at), 0) FROM job_run").fetchone()[0])
