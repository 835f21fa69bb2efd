"""What happens before an engine opens its database: a backup that was asked for takes its place, or a damaged file gives way."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine import backing, clock, disk
from engine.config import Config
from engine.domain import DAY, HOUR, Expected, JobRun
from engine.store import Reader, Writer, backups, examination, salvage
from engine.store.backups import Backup
from engine.store.examination import Finding, State
from engine.store.salvage import Saved

log = logging.getLogger(__name__)

#: Code of the event that tells what was lost, and for how long it is told unless somebody takes note of it.
EVENT = "restored"
TOLD_S = 7 * DAY
#: Folders in the data folder: of damaged databases, which are kept for so long; of what is not ours, which stays; of a database that a
#: backup took the place of, until the next one.
DAMAGED, FOREIGN, REPLACED = "damaged", "foreign", "replaced"
KEPT_S = 30 * DAY
_KEPT = f"are kept for {KEPT_S // DAY} days"
#: A file that says which backup is wanted, and by whom, until it is in place.
_WANTED = "restore.wanted"
#: A database that is not in place yet: while it is made, and when it is whole.
_MAKING, _MADE = "lastvagt.sqlite.making", "lastvagt.sqlite.restored"
#: Says that the next start is to look thoroughly, for damage was met at work; and when that was done last.
_SUSPECT, _LOOKED = "database.suspect", "database.looked"
#: Who meets damage so soon after such a look is not helped by another one.
_AGAIN_S = HOUR

Progress = Callable[[], object]


def make_ready(config: Config, now: int, progress: Progress = lambda: None) -> None:
    """See that there is a sound database where one can be had; whoever calls holds the data folder alone.

    Raises Expected for a database of a newer program, and where the disk, rights or another program are in the way: then nothing was
    changed. Ended at any moment, the next call goes on.
    """
    database, made = config.database, config.data_dir / _MADE
    if made.exists():  # an earlier call was ended before the last step
        _set_aside(config.data_dir / DAMAGED / backups.stamp(now), *_logs(database), database)
        disk.move(made, database)
    suspect = config.data_dir / _SUSPECT
    thorough = suspect.exists() or examination.log_of(database).exists()
    found = examination.examine(database, thorough, progress)
    if found.state is State.DAMAGED or (found.torn and _is_behind(config)) or found.state is State.FOREIGN:
        _recover(config, found, now)
    elif found.torn:
        _tell_of_log(config, now)
    if suspect.exists():
        suspect.replace(config.data_dir / _LOOKED)
        os.utime(config.data_dir / _LOOKED, (now, now))
    _put_wanted(config, now)


def suspect(config: Config, now: int) -> bool:
    """Have the next start look thoroughly; returns whether that is any use, which it is not soon after the last such look."""
    looked = config.data_dir / _LOOKED
    if looked.exists() and 0 <= now - looked.stat().st_mtime < _AGAIN_S:
        return False
    (config.data_dir / _SUSPECT).touch()
    return True


def _is_behind(config: Config) -> bool:
    """Whether the newest backup knows more than a database whose write-ahead log is gone."""
    there = backups.found(config.backups, config.simulated)
    return bool(there) and backups.moment_of(there[0].path) > backups.moment_of(config.database)


# -- a damaged database -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Recovered:
    """What took the place of a database: a backup, or nothing (None), and what was saved beside it."""

    backup: Backup | None
    saved: Saved


def _recover(config: Config, found: Finding, now: int) -> None:
    """Make a new database of the newest backup that is whole and of what the damaged one still gives, and let it take the place."""
    ours = found.state is not State.FOREIGN
    aside = config.data_dir / (DAMAGED if ours else FOREIGN) / backups.stamp(now)
    log.error("%s: %s; it is set aside in %s.", config.database, found.words or "its write-ahead log is none", aside)
    making, made = config.data_dir / _MAKING, config.data_dir / _MADE
    last_seen = _written_at(config.database)
    for left in config.data_dir.glob(f"{_MAKING}*"):
        left.unlink()
    recovered = _build(config, making, ours)
    writer = Writer(making, config.simulated)
    try:
        writer.clear_engine()
        missing = _missing(making, min(last_seen, now))
        writer.open_event(EVENT, "database", *_words(found, recovered, missing, aside), now)
        _log_run(writer, recovered, missing, now)
    finally:
        writer.close()
    for copy in config.data_dir.glob(f"{_MAKING}.before-*"):  # of a backup by an earlier version, which is kept itself
        copy.unlink()
    disk.sync(making)
    making.replace(made)
    _set_aside(aside, *_logs(config.database), config.database)
    disk.move(made, config.database)
    disk.sync(config.data_dir)


def _build(config: Config, making: Path, ours: bool) -> _Recovered:
    newest = None
    for backup in backups.found(config.backups, config.simulated):
        try:
            backups.verify(backup.path)
            shutil.copyfile(backup.path, making)
            newest = backup
            break
        except Expected as problem:
            log.warning("%s %s", problem.problem, problem.remedy)
            making.unlink(missing_ok=True)
    Writer(making, config.simulated).close()
    return _Recovered(newest, salvage.salvage(config.database, making) if ours else Saved())


def _written_at(database: Path) -> int:
    """When a database was last written, be it in its log."""
    paths = (database, examination.log_of(database))
    return int(max(path.stat().st_mtime for path in paths if path.exists()))


def _logs(database: Path) -> tuple[Path, Path]:
    """The files beside a database, which mean nothing to what takes its place: they go before it does."""
    return examination.log_of(database), database.with_name(f"{database.name}-shm")


def _set_aside(folder: Path, *paths: Path) -> None:
    """Move the files that there are into a folder, in this order."""
    for path in paths:
        if path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            disk.move(path, folder / path.name)


def _missing(database: Path, until: int) -> range:
    """The hours from the newest issue that there is until a moment, whose planned issues are missing."""
    reader = Reader(database)
    try:
        newest = next((issue.issue_time for issue in reader.issues(limit=1)), None)
    finally:
        reader.close()
    return range(0) if newest is None else range(clock.floor_hour(newest) + HOUR, until, HOUR)


def _issues_of(hours: range) -> str:
    return f"issues of {len(hours)} hours, {clock.iso(hours[0])} to {clock.iso(hours[-1])}"


def _remedy(keeps: str, aside: Path) -> str:
    return f"The files {keeps} in {aside}. Check the disk; then take note: lastvagt-engine backup noted"


def _words(found: Finding, recovered: _Recovered, missing: range, aside: Path) -> tuple[str, str]:
    """What an operator is told: what it was, what took its place, what is lost."""
    saved, backup = recovered.saved, recovered.backup
    what = (
        "was another program's"
        if found.state is State.FOREIGN
        else f"was damaged ({found.words or 'its write-ahead log is gone'})"
    )
    if backup is not None:
        became = f"the backup of {clock.iso(backup.made_at)} took its place"
    else:
        became = "there is no backup, so that it began anew"
    told = [f"The database {what}; {became}."]
    if found.state is not State.FOREIGN:
        told.append(
            f"Saved from the damaged file: {saved.values} values, {saved.issues} issues, {saved.decisions} decisions of people."
        )
    if missing:
        told.append(f"Lost: the {_issues_of(missing)}.")
    elif backup is not None:
        told.append("No issue is lost.")
    if saved.unread:
        told.append(f"{saved.unread} portions of its tables could not be read.")
    return " ".join(told), _remedy("stay" if found.state is State.FOREIGN else _KEPT, aside)


def _log_run(writer: Writer, recovered: _Recovered, missing: range, now: int) -> None:
    saved = recovered.saved
    detail = {
        "backup": "" if recovered.backup is None else recovered.backup.name,
        "values": saved.values,
        "issues": saved.issues,
        "decisions": saved.decisions,
        "hours_lost": len(missing),
    }
    writer.put_job_run(JobRun("restore", now, now, "ok", detail=detail))


def _tell_of_log(config: Config, now: int) -> None:
    """A log that begins like none is passed over by SQLite in silence; what only it held is gone."""
    aside, last_seen = config.data_dir / DAMAGED / backups.stamp(now), _written_at(config.database)
    _set_aside(aside, *_logs(config.database))
    writer = Writer(config.database, config.simulated)
    try:
        missing = _missing(config.database, min(last_seen, now))
        lost = f" The {_issues_of(missing)}, are lost." if missing else ""
        problem = f"The write-ahead log of the database was damaged: what only it held, some minutes at most, is gone.{lost}"
        writer.open_event(EVENT, "database", problem, _remedy(_KEPT, aside), now)
    finally:
        writer.close()


def tidy(config: Config, writer: Writer, reader: Reader, now: int) -> None:
    """Delete damaged databases that were kept long enough, and end what was told for long enough."""
    for folder in (config.data_dir / DAMAGED).glob("*"):
        if folder.is_dir() and now - folder.stat().st_mtime > KEPT_S:
            shutil.rmtree(folder)
    for event in reader.events():
        if event.code == EVENT and now - event.since > TOLD_S:
            writer.close_event(event.code, event.subject, now)


def note(writer: Writer, reader: Reader, now: int) -> dict[str, object]:
    """Somebody has taken note of what was lost; returns how many such troubles there were."""
    told = [event for event in reader.events() if event.code == EVENT]
    for event in told:
        writer.close_event(event.code, event.subject, now)
    return {"noted": len(told)}


# -- a backup that somebody wants ------------------------------------------------------------------------------------------


def want(config: Config, name: str, who: str) -> dict[str, object]:
    """Have the next start put a backup in place, which must be whole; returns what is lost by it."""
    backups.verify(backups.named(config.backups, config.simulated, name).path)
    lost = backing.loss(config, name)
    disk.write(config.data_dir / _WANTED, json.dumps({"name": name, "who": who}))
    return lost


def _put_wanted(config: Config, now: int) -> None:
    """Put the backup in place that is wanted, if one is; where that fails the database stays, and it is told."""
    wanted = config.data_dir / _WANTED
    if not wanted.exists():
        return
    try:
        words = json.loads(wanted.read_text(encoding="utf-8"))
        backup = backups.named(config.backups, config.simulated, words["name"])
        aside = config.data_dir / REPLACED / config.database.name
        aside.unlink(missing_ok=True)
        backups.put_in_place(backup.path, config.database, aside)
    except (Expected, ValueError, KeyError) as problem:
        told = problem if isinstance(problem, Expected) else Expected(f"{wanted} is garbled.", "Order it again.")
        log.error("%s %s", told.problem, told.remedy)
        run = JobRun("restore", now, now, "expected", told.problem, told.remedy)
    else:
        run = JobRun("restore", now, now, "ok", detail={"backup": backup.name, "who": words["who"], "aside": str(aside)})
        log.warning("The backup %s is in place; the database before it is kept as %s.", backup.name, aside)
    writer = Writer(config.database, config.simulated)
    try:
        writer.put_job_run(run)
    finally:
        writer.close()
    wanted.unlink()
