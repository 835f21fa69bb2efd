"""Whether the machine can carry the program: its libraries, its clock, its disk, its limits."""

from __future__ import annotations

import platform
import shutil
import sqlite3
import sys
import time
from collections.abc import Iterator

import numpy as np
import onnxruntime

from engine import __version__, clock, installation, site
from engine.config import Config
from engine.doctor.finding import Finding, fail, ok, warn
from engine.domain import DAY
from engine.updates import Stand, Updates

#: Free bytes of the disk below which it is nearly full, and short.
DISK_FAIL, DISK_WARN = 500e6, 2e9
#: Seconds by which the clock may run apart from the one that nobody sets, while all is looked at.
_JUMP_S = 3
#: Files and connections that a process should be able to hold open.
_FILES = 256


def findings(now: clock.Clock) -> Iterator[Finding]:
    """Versions, clock and limits."""
    how = "frozen" if getattr(sys, "frozen", False) else "from source"
    yield ok("program.version", f"Lastvagt {__version__} ({how}), Python {platform.python_version()}, {platform.platform()}")
    yield ok("program.libraries", f"numpy {np.__version__}, onnxruntime {onnxruntime.__version__}")
    yield _sqlite()
    yield from _files()
    yield _zone(now)


class Pace:
    """The clock beside the one that nobody can set, from now until `finding`."""

    def __init__(self, now: clock.Clock) -> None:
        self._clock, self._began, self._since = now, now.now(), time.monotonic()

    def finding(self) -> Finding:
        """Whether both have gone on alike."""
        jump = self._clock.now() - self._began - (time.monotonic() - self._since)
        if abs(jump) <= _JUMP_S:
            return ok("clock.pace", "goes steadily")
        remedy = "Let one service alone set this computer's clock; a virtual machine takes it from its host."
        return warn("clock.pace", f"The clock jumped by {jump:+.0f} s while this was looked at.", remedy)


def wal_reset_fixed(version: tuple[int, ...]) -> bool:
    """Whether an SQLite has the repair of the WAL-reset bug (sqlite.org/wal.html#walresetbug): 3.51.3, 3.50.7, 3.44.6."""
    return version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)


def _sqlite() -> Finding:
    text = f"SQLite {sqlite3.sqlite_version}"
    if not wal_reset_fixed(sqlite3.sqlite_version_info):
        text += " (has the WAL-reset bug, which needs two writers at once; Lastvagt has one and lets nobody else write)"
    return ok("program.sqlite", text)


def _zone(of: clock.Clock) -> Finding:
    now = of.now()
    moments = np.array([now, now + 182 * DAY], np.int64)
    zone = [clock.local(t) for t in moments.tolist()]
    if [t.hour for t in zone] == clock.local_day_hour(moments)[1].tolist():
        return ok("clock.zone", f"{clock.iso(now)}, in Denmark {zone[0]:%Y-%m-%d %H:%M}")
    return warn("clock.zone", "The zone data of this computer disagree with EU clock rules.", "Update the package tzdata.")


def _files() -> Iterator[Finding]:
    if sys.platform == "win32":  # has no such limit
        return
    import resource

    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if most == resource.RLIM_INFINITY or most >= _FILES:
        yield ok("program.files", f"may hold {'any number of' if most == resource.RLIM_INFINITY else most} files open")
    else:
        remedy = f"Raise the limit: ulimit -n {4 * _FILES}, or LimitNOFILE={4 * _FILES} in the service's unit."
        yield warn("program.files", f"may hold only {most} files and connections open", remedy)


def update(config: Config) -> Iterator[Finding]:
    """Whether a newer version is known of; nobody is asked."""
    state = Updates(config, installation.here(), site.trusted_keys(config.data_dir)).state()
    newest = state.release.version if state.release else ""
    if state.memory.problem:
        yield warn("update.known", state.memory.problem, state.memory.remedy)
    elif state.stand in (Stand.AVAILABLE, Stand.READY):
        yield warn("update.known", f"There is a newer version: {newest}.", "lastvagt-engine update tells what to do.")
    elif state.stand is Stand.REFUSED:
        remedy = "Wait for the next; lastvagt-engine update tells why."
        yield warn("update.known", f"Version {newest} was taken back here.", remedy)
    else:
        said = {Stand.OFF: "nobody is asked for newer versions", Stand.UNKNOWN: "nobody was asked for newer versions yet"}
        yield ok("update.known", said.get(state.stand, "no newer version for this installation is known"))


def disk(config: Config) -> Iterator[Finding]:
    """Whether there is room for the data."""
    folder = config.data_dir
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    text = f"{free / 1e9:.1f} GB free where {config.data_dir} is"
    remedy = "Free disk space; a year of the price areas takes 0.15 GB."
    if free < config.disk_low_mb * 1e6:
        yield fail("disk.free", text, remedy)
    else:
        yield warn("disk.free", text, remedy) if free < DISK_WARN else ok("disk.free", text)
