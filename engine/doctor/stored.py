"""What is kept: the database with its data, copies and backups, and the models."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from engine import backing, health, plan
from engine import clock as time
from engine.config import Config
from engine.doctor.finding import Finding, fail, ok, warn
from engine.doctor.machine import DISK_FAIL
from engine.domain import WEATHER, Freshness, Tier
from engine.forecaster import Forecaster
from engine.store import Reader, backups
from engine.store.reader import SeriesState
from engine.store.schema import MIGRATIONS
from engine.store.space import Space

#: Bytes of a write-ahead log from which on something keeps it from being taken over.
_LONG_LOG = 64e6
#: Days until the disk is full from which on that is told, and is a failure.
_SOON, _NOW = 60, 7
#: Seconds that may be between the clock and what is stored.
_AHEAD_S = 300


def database(config: Config, clock: time.Clock) -> Iterator[Finding]:
    """The database: whether it is whole, how it grows, how old its data are, and what copies there are."""
    if not config.database.exists():
        yield ok("database.size", "none yet; the first start makes one")
        return
    reader = Reader(config.database)
    try:
        if damage := reader.damage():
            yield fail("database.damage", f"{config.database} is damaged: {damage}.", "Restore a copy; keep this file.")
        else:
            yield ok("database.damage", "whole, as far as a quick check and the newest issues tell")
        space = reader.space()
        kind = "simulated" if reader.simulated else "real"
        yield ok("database.size", f"{space.database_bytes / 1e6:.1f} MB of {kind} data, schema {len(MIGRATIONS)}")
        yield from _growth(space)
        yield from _ages(config, reader, clock.now())
        for event in reader.events():
            if event.code not in ("proposal", *plan.VERSIONS):
                text = event.problem if event.subject in event.problem else f"{event.subject}: {event.problem}"
                yield warn(f"event.{event.code}", text, event.remedy, event.subject)
    finally:
        reader.close()
    yield _copies(config)


def _growth(space: Space) -> Iterator[Finding]:
    if space.log_bytes > _LONG_LOG:
        remedy = "End programs that keep the database open; the next start of the engine takes the log over."
        yield warn("database.log", f"Its write-ahead log has grown to {space.log_bytes / 1e6:.0f} MB.", remedy)
    growth = space.growth_bytes_a_day
    if growth is None:
        yield ok("database.growth", "its growth is known after two days")
    elif growth <= 0:
        yield ok("database.growth", "does not grow")
    else:
        left = max(0.0, space.free_bytes - DISK_FAIL) / growth
        text = f"grows by {growth / 1e6:.2f} MB a day; the disk has room for {left:.0f} days of that"
        remedy = "Free disk space, or keep fewer issues: thin_forecasts_after_days, keep_forecasts_days."
        if left < _SOON:
            yield (fail if left < _NOW else warn)("database.growth", text, remedy)
        else:
            yield ok("database.growth", text)


def _ages(config: Config, reader: Reader, now: int) -> Iterator[Finding]:
    """How old the newest value of each dataset is; no trouble where nobody asks for newer ones."""
    newest = max((state.newest_available for state in reader.series()), default=0)
    if newest > now + _AHEAD_S:
        yield warn("clock.data", f"The newest data came {time.iso(newest)}, after now.", "Set this computer's clock.")
    parts: dict[tuple[str, str], list[SeriesState]] = {}
    for (quantity, source), states in health.datasets(reader).items():
        parts.setdefault(("weather" if quantity in WEATHER else quantity, source), []).extend(states)
    for (quantity, source), states in parts.items():
        behind, state = health.judged(states, now)
        text = (
            f"{quantity} ({source}) to {time.iso(behind.newest_valid)}, come {time.iso(behind.newest_available)}: {state.value}"
        )
        about = f"{source}/{quantity}"
        if state is Freshness.FRESH:
            yield ok("database.age", text, about)
        elif config.is_offline:
            yield ok("database.age", f"{text}; no network by settings, a kit brings newer", about)
        else:
            yield warn("database.age", text, "Look whether the engine runs and its source answers.", about)


def backed_up(config: Config, clock: time.Clock) -> Iterator[Finding]:
    """The daily backups: whether there is one, and how old it is."""
    if not config.keep_backups:
        yield warn("backup.age", "none are made, by the setting keep_backups.", "Set keep_backups, or copy the data yourself.")
        return
    if config.backup_dir and not config.backups.is_dir():
        yield fail("backup.folder", f"There is no folder {config.backups}.", "Mount its disk or make it, or change backup_dir.")
        return
    there = backups.found(config.backups, config.simulated)
    if not there:
        if config.database.exists():
            yield warn("backup.age", f"none in {config.backups} yet.", "Make one: lastvagt-engine backup now")
        else:
            yield ok("backup.age", "none yet; the first day makes one")
        return
    newest, age_s = there[0], clock.now() - there[0].made_at
    text = f"{len(there)} in {config.backups}, the newest of {newest.size_bytes / 1e6:.1f} MB made {time.iso(newest.made_at)}"
    if age_s > backing.OLD_S:
        remedy = "Look whether the engine runs and its disk has room; make one: lastvagt-engine backup now"
        yield warn("backup.age", text, remedy, newest.name)
    else:
        yield ok("backup.age", text, newest.name)


def _copies(config: Config) -> Finding:
    copies = sorted(config.database.parent.glob(f"{config.database.name}.before-*"), key=lambda path: path.stat().st_mtime)
    if not copies:
        return ok("database.copy", "no copy; one is made before a new version changes the database")
    made = dt.datetime.fromtimestamp(copies[-1].stat().st_mtime, dt.UTC)
    return ok("database.copy", f"newest copy {copies[-1].name} of {made:%Y-%m-%d %H:%M} UTC", copies[-1].name)


def models(config: Config) -> Iterator[Finding]:
    """Every bundle: whether it is as it was made, loads, and gives the answers here that it gave where it was made."""
    found = [Forecaster(folder, config.data_dir) for folder in (config.model_dir, config.own_model_dir)]
    for problem in (problem for forecaster in found for problem in forecaster.problems):
        yield fail("models.load", problem.problem, problem.remedy)
    bundles = [bundle for forecaster in found for bundle in forecaster.bundles]
    for bundle in bundles:
        areas = f", {', '.join(sorted(bundle.areas))}" if bundle.areas else ""
        trained = time.iso(bundle.trained_to)[:10]
        text = f"{bundle.model_id} ({bundle.tier}{areas}), trained to {trained}, signed by {bundle.signed_by}, answers here as where it was made"
        yield ok("models.load", text, bundle.model_id)
    if not any(bundle.tier is Tier.FULL for bundle in bundles):
        text = f"no bundle of the best tier in {config.model_dir} or {config.own_model_dir}; a lower one is used"
        yield warn("models.tier", text, "Check the setting model_dir, or install the program again.")
