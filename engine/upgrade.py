"""A version that is ready takes the place of the one that runs, is watched, and gives way again where it does not prove itself.

A portable installation is a folder with `versions/`, and links into it: `current` is used, `former` was before. While a file `trial`
stands beside them, the version it names has yet to prove itself: by serving for half a minute. Each step is one atomic change, and
whatever ends between two of them, `current` names a version that is whole: the new one goes on with its trial, or the former finds at
its next start that the trial is over, and cleans up. `bin/lastvagt-engine` counts the starts of a trial and ends it after the third.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine import clock, disk, installation
from engine.access import Endpoint
from engine.config import Config, Outside
from engine.domain import Expected
from engine.installation import CURRENT, VERSIONS, Form, Installation
from engine.lock import AlreadyRuns, exclusive, holder
from engine.releases import Release
from engine.store import Reader
from engine.store.former import put_back
from engine.updates import FOLDER, Memory, Stand, Updates

FORMER = "former"
_TRIAL = "trial"
#: A line of the file that `bin/lastvagt-engine` adds with each start; the first names the version, any other says why it gave way.
_START = "start"
#: Starts after which `bin/lastvagt-engine` goes back to the former version.
_STARTS = 3
#: How long a new version serves before it has proved itself, and how long it may take to come so far, migration included.
PROVEN_S = 30
WATCHED_S = 900.0
_STOPPED_S = 15.0
#: How long an engine may take to become another version, and somebody who looks after one to start it again.
_RENEWED_S, _SUPERVISED_S = 60.0, 6.0
_LOOK_S = 0.2

#: Tells a person what is being done.
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Trial:
    """The version that has yet to prove itself, whether it was started, and why it gave way, if it did."""

    version: str
    started: bool
    reason: str

    @staticmethod
    def read(root: Path) -> Trial | None:
        """The trial that goes on in a portable installation, if one does."""
        try:
            lines = (root / _TRIAL).read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return None
        said = [line for line in lines[1:] if line != _START]
        return Trial(lines[0] if lines else "", len(lines) > 1, " ".join(said))


def _begin(root: Path, version: str, reason: str = "") -> None:
    """Write that a version is on trial, or with a reason that it gives way, even if nobody gets further than this."""
    lines = (version, *([*[_START] * _STARTS, reason] if reason else []))
    disk.write(root / _TRIAL, "".join(f"{line}\n" for line in lines))


def _point(link: Path, version: str) -> None:
    """Let a link name a version, at once."""
    beside = link.with_name(f"{link.name}.new")
    beside.unlink(missing_ok=True)
    beside.symlink_to(Path(VERSIONS) / version)
    beside.replace(link)


def _named(link: Path) -> str:
    """The version a link names; empty where there is none."""
    return link.readlink().name if link.is_symlink() else ""


def former(place: Installation) -> str:
    """The version before, to which there is a way back; empty where there is none."""
    if place.form is not Form.PORTABLE:
        return ""
    name = _named(place.root / FORMER)
    return name if name != _named(place.root / CURRENT) and (place.root / VERSIONS / name).is_dir() else ""


# -- what an engine does of itself ----------------------------------------------------------------------------------


def settle(config: Config, place: Installation, version: str, always: bool = False) -> str:
    """End the trial of another version than this one, which then gave way; returns what came of the database, where it was put back.

    Called before the database is opened, by an engine that starts, or by a command (`always`: without a trial too).
    """
    trial = Trial.read(place.root) if place.form is Form.PORTABLE else None
    gone = trial is not None and trial.version != version and trial.started
    told = ""
    if always or gone:
        with exclusive(config.data_dir):
            told = _put_back(config)
    if trial is None or trial.version == version or (not gone and _named(place.root / CURRENT) == trial.version):
        return told
    if gone:
        reason = " ".join(filter(None, (trial.reason or "It was started three times and never served for long.", told)))
        memory = Memory.read(config.data_dir / FOLDER)
        refused = {**memory.refused, trial.version: reason}
        dataclasses.replace(memory, ready="", refused=refused).write(config.data_dir / FOLDER)
        if _named(place.root / CURRENT) == trial.version:
            _point(place.root / CURRENT, version)
        (place.root / FORMER).unlink(missing_ok=True)
    (place.root / _TRIAL).unlink(missing_ok=True)
    return told


def _put_back(config: Config) -> str:
    came = put_back(config.database)
    if came is None:
        return ""
    held = ""
    if came.issues and came.first is not None and came.last is not None:
        held = f"; it holds {came.issues} issues from {clock.iso(came.first)} to {clock.iso(came.last)} that this one does not"
    return f"The database is again as it was before; the newer file is {came.aside}{held}."


def on_trial(place: Installation, version: str) -> bool:
    """Whether a version that runs has yet to prove itself."""
    trial = Trial.read(place.root) if place.form is Form.PORTABLE else None
    return trial is not None and trial.version == version and not trial.reason


def prove(place: Installation) -> None:
    """The version on trial has served long enough."""
    (place.root / _TRIAL).unlink(missing_ok=True)


def confirm(config: Config, version: str, patience_s: float = 300.0) -> None:
    """Wait until an engine of a version has served for a while; raises Expected where none does."""
    end, since, pid = time.monotonic() + patience_s, time.monotonic(), 0
    while time.monotonic() < end:
        serving = _serving(config, version)
        if serving != pid or not serving:
            since, pid = time.monotonic(), serving
        elif time.monotonic() - since > PROVEN_S:
            return
        time.sleep(1.0)
    raise Expected(f"No engine of version {version} serves from {config.data_dir}.", "engine.log tells more.")


def _serving(config: Config, version: str) -> int:
    """The process of an engine of a version that answers; 0 where there is none."""
    try:
        reader = Reader(config.database)
    except Expected:
        return 0
    try:
        state = reader.engine()
        if state is not None and state.version == version:
            Endpoint(state.url, timeout_s=5.0).get("/health")
            return state.pid
    except Expected:
        return 0
    finally:
        reader.close()
    return 0


def begin_apart(place: Installation, outside: Outside) -> None:
    """Let a process of its own put the version that is ready in the place of this one, where an installation can do that."""
    if place.form is not Form.PORTABLE:
        return
    words = ["--data-dir", str(outside.folder()), *(["--config", str(outside.path)] if outside.path else [])]
    _detach([*place.engine, "update", "apply", *words], str(Path.cwd()), installation.outer_environment())


def _detach(command: Sequence[str], folder: str, environment: Mapping[str, str]) -> int:
    """Start a program that outlives this one; returns its process."""
    script = 'exec "$@" </dev/null >/dev/null 2>&1 & echo $!'
    started = subprocess.run(
        ["/bin/sh", "-c", script, "sh", *command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        start_new_session=True,
        check=True,
    )
    return int(started.stdout)


def start_again(place: Installation) -> None:
    """Become the engine of the version that is used now, as the same process with the same words; does not return."""
    command = [*place.engine, *sys.argv[1:]]
    os.execve(command[0], command, installation.outer_environment())


# -- what a command does ----------------------------------------------------------------------------------------------


def apply(updates: Updates, words: Sequence[str], say: Say, watched_s: float = WATCHED_S) -> Release:
    """Let the version that is ready take over, in a portable installation; returns it once it has proved itself.

    `words` start an engine where none runs. Raises Expected where none is ready, and where it does not prove itself: then the version
    before runs again.
    """
    state, place = updates.state(), updates.installation
    if state.stand is not Stand.READY or state.release is None:
        raise Expected(
            "No newer version is ready.", "See: lastvagt-engine update status; make it ready: lastvagt-engine update stage"
        )
    release, before = state.release, _named(place.root / CURRENT)
    with _alone(place):
        engine = _Engine.find(updates.config, place, words)
        say(f"Version {release.version} takes the place of {before}.")
        _point(place.root / FORMER, before)
        _begin(place.root, release.version)
        _point(place.root / CURRENT, release.version)
        engine.renew()
        say(f"It has {watched_s:.0f} seconds to serve, and to go on doing so.")
        problem = engine.watch(release.version, watched_s)
        if problem:
            say(f"{problem} Version {before} comes back.")
            _return(place, release.version, before, problem, engine, at_once=False)
            raise Expected(
                f"Version {release.version} was taken back: {problem}", f"Version {before} is used again; engine.log tells more."
            )
        engine.leave()
    return release


def roll_back(updates: Updates, words: Sequence[str], say: Say) -> str:
    """Back to the version before, in a portable installation; returns it. Raises Expected where there is none."""
    place = updates.installation
    before, now = former(place), _named(place.root / CURRENT)
    if not before:
        raise Expected("No version before this one is kept.", "There is one after an update: lastvagt-engine update status")
    with _alone(place):
        engine = _Engine.find(updates.config, place, words)
        say(f"Version {before} takes the place of {now}.")
        _return(place, now, before, "It was taken back by hand.", engine, at_once=True)
    return before


def _return(place: Installation, version: str, before: str, reason: str, engine: _Engine, at_once: bool) -> None:
    """Let the version before take over again; its engine, or a command of it, puts the database back."""
    _begin(place.root, version, reason)
    _point(place.root / CURRENT, before)
    engine.come_back(at_once)


@contextlib.contextmanager
def _alone(place: Installation) -> Iterator[None]:
    """One update of an installation at a time."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(exclusive(place.root, "update.lock"))
        except AlreadyRuns:
            raise Expected("Another update of this installation goes on.", "Wait for its end.") from None
        yield


@dataclass(slots=True)
class _Engine:
    """The engine of a data folder while versions change: the process that ran already, or one that is started for the trial."""

    place: Installation
    ran: bool
    pid: int
    words: list[str]
    folder: str
    environment: dict[str, str]

    @staticmethod
    def find(config: Config, place: Installation, words: Sequence[str]) -> _Engine:
        """The one that runs, if one does; `words` are those to start one with."""
        pid = holder(config.data_dir)
        if pid is None:
            return _Engine(place, False, 0, list(words), str(Path.cwd()), installation.outer_environment())
        process = Path("/proc") / str(pid)
        said = (process / "cmdline").read_text(encoding="utf-8", errors="surrogateescape").split("\0")[:-1]
        program = next((i for i, word in enumerate(said) if Path(word).name == "lastvagt-engine"), 0)
        if said[program + 1 : program + 2] != ["run"]:
            raise Expected(f"A command works on {config.data_dir} (process {pid}).", "Wait for its end.")
        words = [word for word in said[program + 1 :] if word != "--attached"]  # to a window, which starts one anew itself
        pairs = (process / "environ").read_text(encoding="utf-8", errors="surrogateescape").split("\0")
        variables = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
        folder = str((process / "cwd").readlink())
        return _Engine(place, True, pid, words, folder, installation.outer_environment(variables))

    @property
    def lives(self) -> bool:
        """Whether its process has not ended, be it that nobody has taken note of its end."""
        try:
            told = (Path("/proc") / str(self.pid) / "stat").read_text(encoding="utf-8", errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            return False
        return told.rpartition(")")[2].split()[0] != "Z"

    def renew(self) -> None:
        """Let it become the version that is used now."""
        if self.ran:
            os.kill(self.pid, signal.SIGUSR2)
        else:
            self._start()

    def _start(self) -> None:
        self.pid = _detach([*self.place.engine, *self.words], self.folder, self.environment)

    def watch(self, version: str, watched_s: float) -> str:
        """Wait until the new version has proved itself; returns why it has not."""
        end = time.monotonic() + watched_s
        while (trial := Trial.read(self.place.root)) is not None and trial.version == version:
            if not self.lives:
                return "Its engine ended."
            if time.monotonic() > end:
                return f"It did not serve within {watched_s:.0f} seconds."
            time.sleep(_LOOK_S)
        return "" if _named(self.place.root / CURRENT) == version else "It ended more than once."

    def leave(self) -> None:
        """Stop what was started for the trial alone."""
        if not self.ran:
            self._stop()

    def _stop(self) -> None:
        for word in (signal.SIGTERM, signal.SIGKILL):
            if not self.lives:
                return
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, word)
            end = time.monotonic() + _STOPPED_S
            while self.lives and time.monotonic() < end:
                time.sleep(_LOOK_S)

    def come_back(self, at_once: bool) -> None:
        """See that the version before, which is used again, has ended the trial: as the engine that runs `at_once` where that can
        become it, else as one that is started, or as a command where none ran."""
        if self.ran and at_once:
            self.renew()
            if self._ended(_RENEWED_S):
                return
        self._stop()
        if self.ran and self._ended(_SUPERVISED_S):
            return
        if self.ran:
            self._start()
        else:
            self.words = ["update", "settle", *self.words[1:]]
            self._start()
        if not self._ended(_RENEWED_S):
            raise Expected("The version before does not start.", "engine.log tells more; start it: lastvagt-engine run")

    def _ended(self, patience_s: float) -> bool:
        """Whether the trial is over before too long."""
        end = time.monotonic() + patience_s
        while Trial.read(self.place.root) is not None and time.monotonic() < end:
            time.sleep(_LOOK_S)
        return Trial.read(self.place.root) is None
