"""The engine behind the window: finds the one that runs on the data folder, or starts one and stops it with the app; brings requests before it."""

from __future__ import annotations

import dataclasses
import os
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from PySide6 import QtCore

from app.snapshot import EngineKind, EngineStatus, Snapshot
from engine import access, installation
from engine.access import Endpoint
from engine.clock import Clock, parse_utc
from engine.domain import Expected
from engine.installation import Form
from engine.store import refusals
from engine.store.reader import EngineState, Event

#: A heartbeat older than this is that of an engine that died, unless it says itself that it lives and cannot write.
HEARTBEAT_S = 120
#: One is written every half minute: where the newest is older, the engine is asked, so often, and given so many seconds.
OVERDUE_S, ASK_EVERY_S, ANSWER_S = 45, 5, 10.0
#: Seconds an engine that died is left alone before it is started again, and one that had been serving.
RETRY_S = 60
SOON_S = 3
#: Milliseconds between two looks whether the engine still lives.
LOOK_MS = 1000
_CONNECT_S = 2.0
STOP_MS = 10_000


def runs(state: EngineState | None, now: int) -> bool:
    """Whether an engine is alive by its own word and by its process."""
    return state is not None and now - state.heartbeat < HEARTBEAT_S and _process_lives(state.pid)


def _process_lives(pid: int) -> bool:
    if sys.platform == "win32":  # os.kill(pid, 0) would end the process there; its heartbeat has to do
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _answers(state: EngineState) -> bool:
    """Whether it lives and its endpoint is open, which a process of the same number would not have."""
    if not _process_lives(state.pid):
        return False
    try:
        socket.create_connection((state.host, state.port), _CONNECT_S).close()
    except OSError:
        return False
    return True


def told(endpoint: Endpoint) -> tuple[Event, ...]:
    """What keeps an engine from writing to its database, by its own word; raises Expected where it does not answer."""
    try:
        return tuple(
            Event(each["code"], each["subject"], each["problem"], each["remedy"], parse_utc(each["since"]), None)
            for each in endpoint.get("/health")["events"]
            if each["code"] in refusals.CODES
        )
    except (LookupError, TypeError, ValueError) as error:
        raise Expected(f"{endpoint.url} does not answer as an engine does.", "Look which program has that port.") from error


@dataclass(frozen=True, slots=True)
class _Look:
    """Whether the engine of a state lives, and what it told, None where it was not asked."""

    state: EngineState
    alive: bool
    told: tuple[Event, ...] | None = None


def _look_at(state: EngineState, asks: bool) -> _Look:
    if not _answers(state):
        return _Look(state, False)
    try:
        return _Look(state, True, told(Endpoint(state.url, timeout_s=ANSWER_S)) if asks else None)
    except Expected:
        return _Look(state, False)


def command() -> list[str]:
    """How the engine is started: as a module, or, in a frozen app, as the program beside this one; by its launcher where it has one,
    which knows the version that is used."""
    place = installation.here()
    if place.form is Form.PORTABLE:
        return place.engine
    if getattr(sys, "frozen", False):
        return [str(Path(sys.executable).with_name("lastvagt-engine" + Path(sys.executable).suffix))]
    return [sys.executable, "-m", "engine"]


def environment() -> QtCore.QProcessEnvironment:
    """The environment for a program that may be of another version than this one."""
    made = QtCore.QProcessEnvironment()
    for name, value in installation.outer_environment().items():
        made.insert(name, value)
    return made


def _is_same(one: EngineState | None, other: EngineState | None) -> bool:
    """Whether both are words of the same engine."""
    return one is not None and other is not None and (one.pid, one.started_at) == (other.pid, other.started_at)


@dataclass(frozen=True, slots=True)
class Request:
    """What a view, its `sender`, wants of the engine: an order where there are `words`, else a question with its `query`."""

    sender: str
    path: str
    words: Mapping[str, object] | None = None
    query: Mapping[str, object] | None = None
    timeout_s: float = access.TIMEOUT_S


@dataclass(frozen=True, slots=True)
class Answer:
    """What the engine made of a request: the JSON document it sent, or why it refused."""

    request: Request
    document: Any = None
    refusal: Expected | None = None


def bring(request: Request, endpoint: Callable[[], Endpoint]) -> Answer:
    """What the engine there makes of a request."""
    try:
        there = dataclasses.replace(endpoint(), timeout_s=request.timeout_s)
        if request.words is None:
            return Answer(request, there.get(request.path, request.query))
        return Answer(request, there.post(request.path, {**request.words, "who": access.user()}))
    except Expected as refusal:
        return Answer(request, refusal=refusal)


class _Work(QtCore.QObject):
    """Work in another thread, and who asked for it: kept until the work is done, and let go where it was made.

    Whoever else held an object last would destroy it in that other thread, under its timers.
    """

    done = QtCore.Signal()
    _running: ClassVar[set[_Work]] = set()

    def __init__(self, asker: QtCore.QObject, work: Callable[[], object]) -> None:
        super().__init__()
        self._asker, self._work = asker, work
        self._running.add(self)
        self.done.connect(self._end, QtCore.Qt.ConnectionType.QueuedConnection)

    def run(self) -> None:
        """Do it."""
        try:
            self._work()
        finally:
            self.done.emit()

    def _end(self) -> None:
        self._running.discard(self)


def in_background(asker: QtCore.QObject, work: Callable[[], object]) -> None:
    """Do work of an object in another thread, so that nothing waits for it."""
    QtCore.QThreadPool.globalInstance().start(_Work(asker, work).run)


class EngineLink(QtCore.QObject):
    """Keeps an engine running while the app does. `changed` carries an EngineStatus, `answered` an Answer."""

    changed = QtCore.Signal(object)
    answered = QtCore.Signal(object)
    _looked = QtCore.Signal(object)

    def __init__(
        self, options: Sequence[str], clock: Clock, start: bool, program: Sequence[str] | None = None, data_dir: Path = Path()
    ) -> None:
        super().__init__()
        self._data_dir = data_dir
        self._state: EngineState | None = None
        self._simulated = False
        self._program, self._options = list(program or command()), list(options)
        self._command = self.command("run", "--attached")
        self._clock = clock
        self._start = start
        self._process: QtCore.QProcess | None = None
        self._last_line = ""
        self._gone: EngineState | None = None  # one that was seen to end
        self._died_at: int | None = None
        self._wait_s = RETRY_S
        self._looking = False
        self._heard: _Look | None = None
        self._asked_at = 0
        self._looked.connect(self._take_look)
        self._timer = QtCore.QTimer(self)
        self._timer.timeout.connect(self._look)
        self._timer.start(LOOK_MS)
        self.status = EngineStatus(EngineKind.UNKNOWN)

    def command(self, *words: str) -> list[str]:
        """A command of the engine's program, for the same data and settings."""
        return [*self._program, *words, *self._options]

    def consider(self, snapshot: Snapshot) -> None:
        """Take note of who writes to the database, and start an engine where nobody does."""
        self._state, self._simulated = snapshot.engine, snapshot.simulated
        self._settle()

    def _settle(self) -> None:
        now, state = self._clock.now(), None if self._is_gone(self._state) else self._state
        serves = runs(state, now) or (state is not None and self._told is not None)
        if self._process is not None:
            self._become(EngineKind.OURS if serves else EngineKind.STARTING)
        elif serves:
            self._died_at = None
            self._become(EngineKind.FOUND)
        elif state is not None and _process_lives(state.pid):
            pass  # it may live and be unable to write: the next look finds out
        elif self.status.kind is EngineKind.FOUND:
            self._fail("", SOON_S)
        elif self._died_at is not None and (not self._start or now - self._died_at < self._wait_s):
            pass  # it stays failed until its turn comes, or somebody else starts it
        elif not self._start:
            self._become(EngineKind.ABSENT)
        else:
            self._launch(["--simulated"] if self._simulated and "--simulated" not in self._command else [])

    def _look(self) -> None:
        """See whether the engine lives, in a thread, for its endpoint may be slow to say so."""
        state, now = self._state, self._clock.now()
        if self.status.kind is EngineKind.FAILED:
            self._settle()
        if state is None or self._looking:
            return
        gone = self._is_gone(state)
        asks = (gone or now - state.heartbeat >= OVERDUE_S) and not 0 <= now - self._asked_at < ASK_EVERY_S
        if asks or (self._process is None and not gone):
            self._looking, self._asked_at = True, now if asks else self._asked_at
            in_background(self, lambda: self._looked.emit(_look_at(state, asks)))

    def _take_look(self, look: _Look) -> None:
        self._looking = False
        if look.state != self._state or not self._timer.isActive():
            return  # it has written since, or nobody wants to know any more
        if look.told is not None:
            self._heard, self._gone = look, None
        if not look.alive and self._process is None:
            self._heard, self._gone = None, look.state
        self._settle()

    @property
    def _told(self) -> tuple[Event, ...] | None:
        """What the engine has told since it wrote last; None where it was not asked since."""
        return self._heard.told if self._heard is not None and self._heard.state == self._state else None

    def _is_gone(self, state: EngineState | None) -> bool:
        """Whether it was seen to end and has not written since."""
        gone = self._gone
        return state is not None and gone is not None and _is_same(state, gone) and state.heartbeat <= gone.heartbeat

    def ask(self, request: Request) -> None:
        """Bring a request before the engine; `answered` follows, and nothing waits for it."""
        state, data_dir = self._state, self._data_dir

        def endpoint() -> Endpoint:
            if state is None:
                raise Expected("No engine runs here.", "Start one: lastvagt-engine run.")
            return Endpoint(state.url, access.read(data_dir))

        in_background(self, lambda: self.answered.emit(bring(request, endpoint)))

    def stop(self) -> None:
        """End the engine if we started it; one that does not end in time is killed."""
        self._timer.stop()
        process, self._process = self._process, None
        if process is None:
            return
        process.finished.disconnect(self._ended)
        process.closeWriteChannel()  # at which one that is attached ends; Windows has no other way to ask it
        process.terminate()
        if not process.waitForFinished(STOP_MS):
            process.kill()
            process.waitForFinished(STOP_MS)

    def _launch(self, more: list[str]) -> None:
        process = QtCore.QProcess(self)
        process.setProcessEnvironment(environment())
        process.setProcessChannelMode(QtCore.QProcess.ProcessChannelMode.MergedChannels)
        process.readyRead.connect(self._listen)
        process.finished.connect(self._ended)
        process.errorOccurred.connect(self._not_started)
        self._process, self._last_line = process, ""
        self._become(EngineKind.STARTING)
        process.start(self._command[0], [*self._command[1:], *more])

    def _listen(self) -> None:
        """Keep the last line; unread output would stop the engine once the pipe is full."""
        if self._process is None:
            return
        lines = bytes(self._process.readAll().data()).decode("utf-8", "replace").splitlines()
        self._last_line = next((line.strip() for line in reversed(lines) if line.strip()), self._last_line)

    def _not_started(self, error: QtCore.QProcess.ProcessError) -> None:
        if error is QtCore.QProcess.ProcessError.FailedToStart and self._process is not None:
            self._last_line = self._process.errorString()
            self._ended()

    def _ended(self, *_: object) -> None:
        self._listen()
        if self._process is not None:
            self._process.deleteLater()
        self._process = None
        self._fail(self._last_line, SOON_S if self.status.kind is EngineKind.OURS else RETRY_S)

    def _fail(self, detail: str, wait_s: int) -> None:
        self._gone, self._died_at, self._wait_s = self._state, self._clock.now(), wait_s
        self._become(EngineKind.FAILED, detail)

    def _become(self, kind: EngineKind, detail: str = "") -> None:
        status = EngineStatus(kind, detail, told=self._told or ())
        if status != self.status:
            self.status = status
            self.changed.emit(status)
