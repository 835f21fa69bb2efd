"""The job that backs the database up, what is known of the backups, and how one is put in its place."""

from __future__ import annotations

import contextlib
from pathlib import Path

from engine import clock, mending
from engine.clock import Clock
from engine.config import Config
from engine.domain import DAY, HOUR, Expected, JobRun
from engine.store import Reader, Writer, backups
from engine.store.backups import Backup, Known

#: Name of the job, and the code of the event while it fails.
JOB = "backup"
#: Age of the newest backup from which on that is a trouble.
OLD_S = 2 * DAY


def run(writer: Writer, config: Config, time: Clock) -> JobRun:
    """Make a backup, delete those that are too old, and keep what came of it; while it fails an event is open."""
    started, problem, remedy = time.now(), "", ""
    detail: dict[str, object] = {}
    try:
        made = _make(writer, config, started)
        left = backups.prune(config.backups, config.simulated, max(1, config.keep_backups))
        detail = {"file": made.name, "bytes": made.size_bytes, "kept": len(left), "left_out": made.left_out}
    except Expected as trouble:
        problem, remedy = trouble.problem, trouble.remedy
    note(writer, config)
    done = JobRun(JOB, started, time.now(), "expected" if problem else "ok", problem, remedy, detail)
    if problem:
        writer.open_event(JOB, "database", problem, remedy, started)
    else:
        writer.close_event(JOB, "database", started)
    writer.put_job_run(done)
    return done


def _make(writer: Writer, config: Config, now: int) -> Backup:
    """A backup; of a database whose issues are damaged after those were put right that can be, and without the others."""
    where = config.database, folder(config), config.simulated, now, config.disk_low_mb * 1e6
    try:
        return backups.make(*where)
    except backups.NotAsWritten:
        with contextlib.closing(Reader(config.database)) as reader:
            mending.examine(writer, reader, config, now)
        return backups.make(*where, leave_out=True)


def folder(config: Config) -> Path:
    """Where backups go. One that a setting names must be there: on a disk that is not mounted none is made."""
    if not config.backup_dir:
        config.backups.mkdir(parents=True, exist_ok=True)
    elif not config.backups.is_dir():
        raise Expected(f"There is no folder {config.backups} for backups.", "Mount its disk or make it, or change backup_dir.")
    return config.backups


def note(writer: Writer, config: Config) -> None:
    """Keep in the database which backups there are, for whoever reads it."""
    there = backups.found(config.backups, config.simulated)
    newest = there[0] if there else None
    made_at, size = (newest.made_at, newest.size_bytes) if newest else (None, 0)
    writer.note_backups(Known(str(config.backups), len(there), made_at, size))


def last(reader: Reader, job: str, now: int) -> int:
    """When a daily job was run last; never where issues are stored already, now where nothing is."""
    runs = reader.job_runs(job, limit=1)
    if runs:
        return runs[0].started_at
    return -1 if reader.issues(limit=1) else now


def is_to_try_again(reader: Reader, tried_at: int, now: int) -> bool:
    """Whether the last one failed, an hour ago or more."""
    failed = any(event.code == JOB for event in reader.events())
    return failed and not tried_at <= now < tried_at + HOUR


def listed(config: Config, now: int) -> dict[str, object]:
    """Every backup for JSON, newest first."""
    there = backups.found(config.backups, config.simulated)
    return {"now": clock.iso(now), "folder": str(config.backups), "backups": [_document(backup) for backup in there]}


def _document(backup: Backup) -> dict[str, object]:
    held = backups.held(backup.path)
    return {
        "name": backup.name,
        "made_at": clock.iso(backup.made_at),
        "size_bytes": backup.size_bytes,
        "issues": held.issues,
        "newest_issue": None if held.newest_issue is None else clock.iso(held.newest_issue),
    }


def loss(config: Config, name: str | None) -> dict[str, object]:
    """What putting a backup (None: the newest) in place would lose, for JSON; nothing is changed."""
    backup = backups.named(config.backups, config.simulated, name)
    lost = backups.lost(config.database, backup.path)
    return {
        "name": backup.name,
        "made_at": clock.iso(backup.made_at),
        "issues": lost.issues,
        "first_issue": None if lost.first is None else clock.iso(lost.first),
        "last_issue": None if lost.last is None else clock.iso(lost.last),
        "values": lost.values,
        "decisions": lost.decisions,
    }
