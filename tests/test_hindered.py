"""What the window tells of an engine that lives and cannot write, by that engine's own word; a real engine, and another process in its way."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
from pytestqt.qtbot import QtBot
from serving import serving

from app import present
from app.engine_link import ASK_EVERY_S, HEARTBEAT_S, EngineLink
from app.remote import RemoteLink
from app.snapshot import EngineKind, EngineStatus, Snapshot, with_told
from app.translations import Language
from engine import service
from engine.access import Endpoint
from engine.clock import SimulatedClock, SystemClock
from engine.config import Config
from engine.domain import HOUR
from engine.store import Reader, refusals
from engine.store.reader import EngineState, Event

EN, DA = Language("en"), Language("da")
PATIENCE_MS = 30_000
LOCKS = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=30, isolation_level=None)
db.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""

Make = Callable[..., EngineLink]


@pytest.fixture
def make(qtbot: QtBot) -> Iterator[Make]:
    made: list[EngineLink] = []

    def link(now: int) -> EngineLink:
        made.append(EngineLink([], SimulatedClock(now), start=False))
        return made[-1]

    yield link
    for one in made:
        one.stop()


@contextlib.contextmanager
def locked(database: Path) -> Iterator[None]:
    """Another process keeps the database locked against writing."""
    process = subprocess.Popen(
        [sys.executable, "-c", LOCKS, str(database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "locked\n"
    try:
        yield
    finally:
        process.communicate()


@pytest.mark.gate(
    "B7",
    "What the window says of an engine that cannot write",
    target="real engine, database locked by another process: called locked, not lost; dead: called lost; free again: no trouble",
)
def test_an_engine_whose_database_is_locked_is_told_from_one_that_is_dead(
    tmp_path: Path, make: Make, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, gate: Callable[[str], None]
) -> None:
    monkeypatch.setattr(service, "_HEARTBEAT_S", 0.1)
    config = Config(data_dir=tmp_path, simulated=True, port=0, disk_low_mb=0)

    def words(link: EngineLink) -> str:
        return " | ".join(notice.told for notice in present.notices(Snapshot(0), link.status, EN, link._clock.now()))

    with serving(config) as (running, _):
        running._writer._db.execute("PRAGMA busy_timeout=20")
        reader = Reader(config.database)
        with locked(config.database):
            state = reader.engine()
            assert state is not None
            later = state.heartbeat + 10 * HEARTBEAT_S
            link = make(later)
            link.consider(Snapshot(later, engine=state))
            first = link.status.kind
            qtbot.waitUntil(lambda: [event.code for event in link.status.told] == ["locked"], timeout=PATIENCE_MS)
            hindered, in_trouble = link.status, words(link)
            foot = present.engine_line(Snapshot(later, engine=state), hindered, EN)
        qtbot.waitUntil(lambda: _newer(reader, state), timeout=PATIENCE_MS)
        written = reader.engine()
        assert written is not None
        link._clock.set(written.heartbeat)  # type: ignore[attr-defined]
        link.consider(Snapshot(later, engine=written))
        free, after = link.status, words(link)
    link._clock.set(later)  # type: ignore[attr-defined]
    link.consider(Snapshot(later, engine=written))
    qtbot.waitUntil(lambda: link.status.kind is EngineKind.FAILED, timeout=PATIENCE_MS)
    dead = words(link)
    reader.close()
    gate(
        f"heartbeat {later - state.heartbeat} s old: locked -> '{in_trouble.partition('.')[0]}'; "
        f"free -> {len(after)} troubles; dead -> '{dead.partition('.')[0]}'"
    )
    assert first is EngineKind.UNKNOWN, "nobody knows yet"
    assert hindered.kind is EngineKind.FOUND
    assert in_trouble.startswith("Another program keeps the database locked.")
    assert foot.endswith("· cannot store")
    assert free == EngineStatus(EngineKind.FOUND)
    assert after == ""
    assert dead.startswith("The engine does not answer any more.")


def _newer(reader: Reader, than: EngineState) -> bool:
    state = reader.engine()
    return state is not None and state != than


def _state(port: int, pid: int, heartbeat: int) -> EngineState:
    return EngineState(pid, "127.0.0.1", port, "1", heartbeat - 1000, heartbeat)


def test_another_program_at_the_engines_port_is_no_engine_and_one_that_answers_again_is(make: Make, qtbot: QtBot) -> None:
    answer = b'["hello"]'

    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Other)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    now = SystemClock().now()
    link = make(now)
    link.consider(Snapshot(now, engine=_state(server.server_port, os.getpid(), now - 2 * HEARTBEAT_S)))
    assert link.status.kind is EngineKind.UNKNOWN
    qtbot.waitUntil(lambda: link.status.kind is EngineKind.ABSENT, timeout=PATIENCE_MS)
    answer = b'{"events": []}'
    link._clock.set(now + ASK_EVERY_S)  # type: ignore[attr-defined]
    qtbot.waitUntil(lambda: link.status.kind is EngineKind.FOUND, timeout=PATIENCE_MS)
    server.shutdown()
    thread.join()
    server.server_close()


def test_what_the_engine_tells_stands_over_what_is_stored_of_the_same_kind() -> None:
    told = Event("disk_full", "disk", "now", "", 200, None)
    stored = [Event("disk_full", "disk", "before", "", 100, None), Event("disk_full", "disk", "over", "", 10, 20)]
    other = Event("source", "x", "y", "", 100, None)
    assert with_told([*stored, other], EngineStatus(EngineKind.FOUND, told=(told,))) == (told, stored[1], other)
    assert with_told([*stored, other], EngineStatus(EngineKind.FOUND)) == (*stored, other)


@pytest.mark.parametrize("code", refusals.CODES)
def test_what_hinders_an_engine_is_said_in_both_languages_with_what_waits(code: str) -> None:
    problem = "Trouble. 2 hourly issues wait in memory, to be stored later."
    status = EngineStatus(EngineKind.FOUND, told=(Event(code, "disk", problem, "Do.", HOUR, None),))
    for language, words in ((EN, "Issues that wait in memory: 2"), (DA, "Prognoser, der venter i hukommelsen: 2")):
        (notice,) = present.notices(Snapshot(HOUR), status, language, 2 * HOUR)
        assert notice.problem == language.text(f"event.{code}")
        assert words in notice.effect
        assert notice.remedy == language.text(f"action.{code}")
        assert notice.since
        assert notice.detail == f"{problem} Do."


def test_an_engine_on_another_machine_tells_it_too(tmp_path: Path, qtbot: QtBot) -> None:
    event = {"code": "locked", "subject": "disk", "problem": "Held.", "remedy": "End it.", "since": "2026-10-24T22:00:00Z"}
    answers = {"/v1/access": {"orders": True}, "/health": {"events": [event, event | {"code": "source"}]}}
    there = SimpleNamespace(get=answers.__getitem__, url="https://there:8787")
    link = RemoteLink(Endpoint(there.url), tmp_path / "lastvagt.sqlite", SystemClock())
    link._endpoint = there  # type: ignore[assignment]
    link._copy = SimpleNamespace(renew=lambda: None)  # type: ignore[assignment]
    link.consider(Snapshot(0))
    qtbot.waitUntil(lambda: link.status.kind is EngineKind.CONNECTED, timeout=PATIENCE_MS)
    link.stop()
    assert [(told.code, told.problem) for told in link.status.told] == [("locked", "Held.")]
