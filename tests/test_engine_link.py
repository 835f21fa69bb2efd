"""Finding, starting and stopping the engine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from PySide6 import QtCore
from pytestqt.qtbot import QtBot

from app.engine_link import RETRY_S, SOON_S, EngineLink, command, runs
from app.snapshot import EngineKind, EngineStatus, Snapshot
from engine.clock import SimulatedClock
from engine.store.reader import EngineState

NOW = 1_790_000_000
WAITS = "import time; print('serving', flush=True); time.sleep(60)"
DIES = "print('starting', flush=True); print(); raise SystemExit('The disk is full.')"
Make = Callable[..., EngineLink]


def _state(pid: int, age_s: int = 10) -> EngineState:
    return EngineState(pid, "127.0.0.1", 8787, "1", NOW - 1000, NOW - age_s)


@pytest.fixture
def make(qtbot: QtBot) -> Iterator[Make]:
    made: list[EngineLink] = []

    def link(script: str = WAITS, start: bool = True, clock: SimulatedClock | None = None) -> EngineLink:
        made.append(EngineLink(["--data-dir", "d"], clock or SimulatedClock(NOW), start, [sys.executable, "-c", script]))
        return made[-1]

    yield link
    for one in made:
        one.stop()


def _dead_pid() -> int:
    return next(pid for pid in range(400_000, 500_000) if not psutil.pid_exists(pid))


def test_an_engine_runs_by_its_word_and_by_its_process() -> None:
    assert runs(_state(os.getpid()), NOW)
    assert not runs(_state(os.getpid(), age_s=121), NOW)
    assert not runs(_state(_dead_pid()), NOW)
    assert not runs(None, NOW)


def test_a_running_engine_is_used_and_left_alone(make: Make) -> None:
    link = make()
    link.consider(Snapshot(NOW, engine=_state(os.getpid())))
    assert link.status.kind is EngineKind.FOUND
    link.stop()
    assert psutil.pid_exists(os.getpid())


def test_none_is_started_where_none_is_wanted(make: Make) -> None:
    link = make(start=False)
    link.consider(Snapshot(NOW))
    assert link.status.kind is EngineKind.ABSENT


def test_an_engine_is_started_and_stopped_with_the_app(make: Make, qtbot: QtBot) -> None:
    link = make()
    link.consider(Snapshot(NOW))
    assert link.status.kind is EngineKind.STARTING
    (child,) = psutil.Process().children()
    link.consider(Snapshot(NOW, engine=_state(child.pid)))
    assert link.status.kind is EngineKind.OURS
    link.stop()
    assert not psutil.pid_exists(child.pid)


def test_one_that_no_signal_reaches_ends_with_its_input_as_on_windows(make: Make) -> None:
    link = make(
        "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('serving', flush=True); sys.stdin.read()"
    )
    link.consider(Snapshot(NOW))
    (child,) = psutil.Process().children()
    process = link._process
    assert process is not None
    assert process.waitForReadyRead(10_000)
    link.stop()
    assert not psutil.pid_exists(child.pid)
    assert process.exitStatus() is QtCore.QProcess.ExitStatus.NormalExit


def test_it_is_told_the_folder_and_that_the_data_are_simulated(make: Make, qtbot: QtBot, tmp_path: Path) -> None:
    told = tmp_path / "told"
    link = make(f"import sys, pathlib; pathlib.Path({str(told)!r}).write_text(' '.join(sys.argv[1:]))")
    with qtbot.waitSignal(link.changed, check_params_cb=lambda s: s.kind is EngineKind.FAILED):
        link.consider(Snapshot(NOW, simulated=True))
    assert told.read_text() == "run --attached --data-dir d --simulated"


def test_the_last_line_of_one_that_dies_is_shown_and_it_is_tried_again(make: Make, qtbot: QtBot) -> None:
    clock = SimulatedClock(NOW)
    link = make(DIES, clock=clock)
    with qtbot.waitSignal(link.changed, check_params_cb=lambda s: s.kind is EngineKind.FAILED):
        link.consider(Snapshot(NOW))
    assert link.status == EngineStatus(EngineKind.FAILED, "The disk is full.")
    link.consider(Snapshot(NOW))
    assert link.status.kind is EngineKind.FAILED
    clock.sleep(RETRY_S)
    link.consider(Snapshot(NOW))
    assert link.status.kind is EngineKind.STARTING


def test_a_program_that_cannot_be_started_is_a_failure(qtbot: QtBot) -> None:
    link = EngineLink([], SimulatedClock(NOW), True, ["/no/such/program"])
    link.consider(Snapshot(NOW))
    qtbot.waitUntil(lambda: link.status.kind is EngineKind.FAILED)
    assert link.status.detail


def test_a_frozen_app_starts_the_program_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert command() == [sys.executable, "-m", "engine"]
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", str(Path("opt", "lastvagt.exe")))
    assert command() == [str(Path("opt", "lastvagt-engine.exe"))]


def _serve(port: int = 0) -> tuple[subprocess.Popen[str], int]:
    """A process that listens like an engine, and its port."""
    script = f"import socket, time; s = socket.create_server(('127.0.0.1', {port})); print(s.getsockname()[1], flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, int(process.stdout.readline())


def _kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def _state_of(process: subprocess.Popen[str], port: int, started_at: int = NOW - 1000) -> EngineState:
    return EngineState(process.pid, "127.0.0.1", port, "1", started_at, NOW - 10)


def test_an_engine_of_somebody_else_that_is_killed_is_missed_within_seconds_and_found_again(make: Make, qtbot: QtBot) -> None:
    link = make(start=False)
    first, port = _serve()
    link.consider(Snapshot(NOW, engine=_state_of(first, port)))
    assert link.status.kind is EngineKind.FOUND
    qtbot.wait(1500)
    assert link.status.kind is EngineKind.FOUND, "it lives"
    _kill(first)
    qtbot.waitUntil(lambda: link.status.kind is EngineKind.FAILED)
    link.consider(Snapshot(NOW, engine=_state_of(first, port)))
    assert link.status.kind is EngineKind.FAILED, "its last word is still in the database"
    second, port = _serve()
    link.consider(Snapshot(NOW, engine=_state_of(second, port, NOW)))
    assert link.status.kind is EngineKind.FOUND
    _kill(second)


def test_an_engine_that_hangs_with_a_closed_door_counts_as_gone(make: Make, qtbot: QtBot) -> None:
    link = make(start=False)
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))  # and nobody listens
        link.consider(Snapshot(NOW, engine=EngineState(os.getpid(), *door.getsockname(), "1", NOW - 1000, NOW - 10)))
        assert link.status.kind is EngineKind.FOUND
        qtbot.waitUntil(lambda: link.status.kind is EngineKind.FAILED)


def test_our_engine_that_is_killed_while_it_serves_is_started_again_at_once(make: Make, qtbot: QtBot) -> None:
    clock = SimulatedClock(NOW)
    link = make(clock=clock)
    link.consider(Snapshot(NOW))
    (child,) = psutil.Process().children()
    link.consider(Snapshot(NOW, engine=_state(child.pid)))
    assert link.status.kind is EngineKind.OURS
    child.kill()
    qtbot.waitUntil(lambda: link.status.kind is EngineKind.FAILED)
    clock.sleep(SOON_S)
    qtbot.waitUntil(lambda: link.status.kind is EngineKind.STARTING)


def test_a_look_that_ends_after_the_app_has_let_go_starts_no_engine(make: Make, qtbot: QtBot) -> None:
    link = make()
    link.consider(Snapshot(NOW, engine=_state(os.getpid(), age_s=1000)))
    assert link.status.kind is EngineKind.UNKNOWN
    link._look()
    link.stop()
    QtCore.QThreadPool.globalInstance().waitForDone()
    qtbot.waitUntil(lambda: not link._looking, timeout=30_000)
    assert link._process is None
