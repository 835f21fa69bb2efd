"""What to do while the database takes nothing: say so, give up a reserve of the disk, keep issues in memory and store them later."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.calibration import Calibration
from engine.config import Config
from engine.domain import HOUR, QuantileForecast
from engine.store import Reader, Writer, refusals
from engine.store.reader import Event, Target
from engine.store.refusals import Refused

log = logging.getLogger(__name__)

#: Events that tell of the disk; the first two are kept in the database where it takes them.
CODES = ("disk_low", *refusals.CODES)
#: A file of the data folder that holds disk space until there is none left otherwise, and its bytes.
RESERVE, RESERVE_BYTES = "reserve", 48 << 20
#: An engine makes it once it has run so long; one that only looks in needs none.
SETTLED_S = 60.0
#: With fewer bytes free an engine does not start well.
_TIGHT = 8e6
#: Issues that waited longer are of no use to anybody.
_KEPT_S = 48 * HOUR


@dataclass(frozen=True, slots=True)
class _Held:
    issues: Sequence[QuantileForecast]
    learned: Mapping[Target, Calibration] | None


class Waiting:
    """Issues that the database did not take, of the last 48 hours: each is stored once, in order, when it takes them."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._lock = threading.Lock()
        self._held: dict[int, _Held] = {}  # by issue time, in order

    def put(self, issues: Sequence[QuantileForecast], now: int, learned: Mapping[Target, Calibration] | None = None) -> int:
        """`Writer.put_forecasts`, which still raises what hinders it; the issues then wait here."""
        try:
            return self._writer.put_forecasts(issues, now, learned)
        except Refused:
            with self._lock:
                if issues:
                    self._held[issues[0].issue_time] = _Held(issues, learned)
                    self._held = {at: self._held[at] for at in sorted(self._held) if at > now - _KEPT_S}
            raise

    def newest(self) -> int | None:
        """The newest issue time of those that wait."""
        with self._lock:
            return max(self._held, default=None)

    def count(self) -> int:
        """How many issue times wait."""
        with self._lock:
            return len(self._held)

    def store(self, now: int) -> int:
        """Store what waits; returns how many issue times that were. Raises what hinders it, and the rest waits on."""
        stored = 0
        with self._lock:
            for at, held in list(self._held.items()):
                self._writer.put_forecasts(held.issues, now, held.learned)
                del self._held[at]
                stored += 1
        if stored:
            log.info("Stored the issues of %d hours that had waited in memory.", stored)
        return stored


class DiskGuard:
    """Looks now and then whether the database takes what there is to keep, and tells what hinders it through the reader.

    What hinders it is held in memory, for the database could not take it.
    """

    def __init__(self, writer: Writer, reader: Reader, waiting: Waiting) -> None:
        self._writer, self._reader, self._waiting = writer, reader, waiting
        self._began = time.monotonic()
        self._gave_up = False

    def look(self, config: Config, now: int) -> bool:
        """Write that the engine lives, and all that waits; whether the database takes changes again which it did not take before."""
        before = self._writer.refused
        if before is not None and before.code == "disk_full":
            self._gave_up |= give_up_reserve(config)
            with contextlib.suppress(Refused):
                self._writer.checkpoint()
        try:
            self._writer.heartbeat(now)
            self._waiting.store(now)
        except Refused as refused:
            self._hold(refused, now)
            return False
        self._writer.refused, held, self._reader.held = None, self._reader.held, ()
        with contextlib.suppress(Refused):
            for event in held:  # now that there is where to keep it
                self._writer.open_event(event.code, event.subject, event.problem, event.remedy, event.since)
                self._writer.close_event(event.code, event.subject, now)
        with contextlib.suppress(Refused):
            self._mind_room(config, now)
        if before is not None:
            log.info("The database takes changes again.")
        return before is not None

    def _hold(self, refused: Refused, now: int) -> None:
        since = next((event.since for event in self._reader.held if event.code == refused.code), now)
        if since == now:
            log.error("%s %s", refused.problem, refused.remedy)
        count = self._waiting.count()
        waiting = f" {count} hourly issues wait in memory, to be stored later." if count else ""
        self._reader.held = (Event(refused.code, "disk", refused.problem + waiting, refused.remedy, since, None),)

    def _mind_room(self, config: Config, now: int) -> None:
        """Tell of a disk with little room, and have a reserve where there is enough."""
        folder, low = config.data_dir, config.disk_low_mb * 1e6
        free = shutil.disk_usage(folder).free
        there = (folder / RESERVE).exists()
        if not there and free - RESERVE_BYTES >= low and time.monotonic() - self._began >= SETTLED_S:
            there = _make_reserve(folder)
        self._gave_up &= not there
        told = {event.code for event in self._reader.events() if event.code in CODES}
        if self._gave_up:
            wanted, what = (
                "disk_full",
                f"The disk of {folder} was full; the engine goes on with the {RESERVE_BYTES >> 20} MB it had kept.",
            )
        else:
            wanted, what = ("disk_low" if free < low else ""), f"{free / 1e6:.0f} MB are free on the disk of {folder}."
        for code in told - {wanted}:
            self._writer.close_event(code, "disk", now)
        if wanted and wanted not in told:
            self._writer.open_event(wanted, "disk", what, "Free space on it, before nothing can be stored.", now)
            log.warning(what)


def make_way(config: Config) -> None:
    """Give up the reserve where an engine that starts would find no room."""
    if config.data_dir.exists() and shutil.disk_usage(config.data_dir).free < _TIGHT:
        give_up_reserve(config)


def give_up_reserve(config: Config) -> bool:
    """Let the disk have the room of the reserve; whether there was one."""
    try:
        (config.data_dir / RESERVE).unlink()
    except OSError:
        return False
    log.warning("Gave up the reserve of %d MB.", RESERVE_BYTES >> 20)
    return True


def _make_reserve(folder: Path) -> bool:
    """Take room with bytes that no file system makes smaller."""
    path, beside = folder / RESERVE, folder / f"{RESERVE}.new"
    try:
        with beside.open("wb") as file:
            for _ in range(RESERVE_BYTES >> 20):
                file.write(os.urandom(1 << 20))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        log.warning("No reserve of the disk could be made: %s", error)
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        return False
    return True
