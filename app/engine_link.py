"""The engine behind the window: finds the one that runs on the data folder, or starts one and stops it with the app; brings requests before it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6 import QtCore

from app.snapshot import EngineKind, EngineStatus, Snapshot
from engine import access
from engine.clock import Clock
from engine.domain import Expected
from engine.store.reader import EngineState

#: A heartbeat older than this is that of an engine that died.
HEARTBEAT_S = 120
#: Seconds an engine that died is left alone before it is started again.
RETRY_S = 60
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


def command() -> list[str]:
    """How the engine is started: as a module, or, in a frozen app, as the program beside this one."""
    if getattr(sys, "frozen", False):
        return [str(Path(sys.executable).with_name("lastvagt-engine" + Path(sys.executable).suffix))]
    return [sys.executable, "-m", "engine"]


@dataclass(frozen=True, slots=True)
class Request:
    """What a view, its `sender`, wants of the engine: an order where there are `words`, else a question with its `query`."""

    sender: str
    path: str
    words: Mapping[str, object] | None = None
    query: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the engine made of a request: the JSON document it sent, or why it refused."""

    request: Request
    document: Any = None
    refusal: Expected | None = None


class EngineLink(QtCore.QObject):
    """Keeps an engine running while the app does. `changed` carries an EngineStatus, `answered` an Answer."""

    changed = QtCore.Signal(object)
    answered = QtCore.Signal(object)

    def __init__(
        self, options: Sequence[str], clock: Clock, start: bool, program: Sequence[str] | None = None, data_dir: Path = Path()
    ) -> None:
        super().__init__()
        self._data_dir = data_dir
        self._state: EngineState | None = None
        self._command = [*(program or command()), "run", *options]
        self._clock = clock
        self._start = start
        self._process: QtCore.QProcess | None = None
        self._last_line = ""
        self._died_at: int | None = None
        self.status = EngineStatus(EngineKind.UNKNOWN)

    def consider(self, snapshot: Snapshot) -> None:
        """Take note of who writes to the database, and start an engine where nobody does."""
        now, state = self._clock.now(), snapshot.engine
        self._state = state
        if self._process is not None:
            self._become(EngineKind.OURS if runs(state, now) else EngineKind.STARTING)
        elif runs(state, now):
            self._become(EngineKind.FOUND)
        elif not self._start:
            self._become(EngineKind.ABSENT)
        elif self._died_at is None or now - self._died_at >= RETRY_S:
            self._launch(["--simulated"] if snapshot.simulated and "--simulated" not in self._command else [])

    def ask(self, request: Request) -> None:
        """Bring a request before the engine; `answered` follows, and nothing waits for it."""
        state, data_dir = self._state, self._data_dir

        def ask() -> None:
            try:
                if state is None:
                    raise Expected("No engine runs here.", "Start one: lastvagt-engine run.")
                endpoint = access.Endpoint(f"http://{state.host}:{state.port}", access.read(data_dir))
                if request.words is None:
                    answer = Answer(request, endpoint.get(request.path, request.query))
                else:
                    answer = Answer(request, endpoint.post(request.path, {**request.words, "who": access.user()}))
            except Expected as refusal:
                answer = Answer(request, refusal=refusal)
            self.answered.emit(answer)

        QtCore.QThreadPool.globalInstance().start(ask)

    def stop(self) -> None:
        """End the engine if we started it; one that does not end in time is killed."""
        process, self._process = self._process, None
        if process is None:
            return
        process.finished.disconnect(self._ended)
        process.terminate()
        if not process.waitForFinished(STOP_MS):
            process.kill()
            process.waitForFinished(STOP_MS)

    def _launch(self, more: list[str]) -> None:
        process = QtCore.QProcess(self)
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
        self._died_at = self._clock.now()
        self._become(EngineKind.FAILED, self._last_line)

    def _become(self, kind: EngineKind, detail: str = "") -> None:
        status = EngineStatus(kind, detail)
        if status != self.status:
            self.status = status
            self.changed.emit(status)
