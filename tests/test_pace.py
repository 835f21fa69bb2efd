"""Whatever an engine waits for, it hears that it is to end."""

from __future__ import annotations

import itertools
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from engine import lanes, pace
from engine.clock import SimulatedClock, SystemClock, parse_utc
from engine.config import Config
from engine.pace import CalledOff
from engine.service import Service
from engine.sources.fetch import HttpTransport, Request, fetch
from engine.store import Reader, Writer, backups, schema

NOW = parse_utc("2026-10-24T21:02Z")
LONG_S = 3600.0


def after(steps: int) -> Callable[[], None]:
    """Calls off what has made so many steps."""
    numbers = itertools.count(1)

    def by() -> None:
        if next(numbers) > steps:
            raise CalledOff

    return by


def test_steps_that_nobody_sees_end_nothing() -> None:
    pace.step()
    pace.sleep(0.0)
    assert pace.run([sys.executable, "-c", "print('x')"], 60).stdout.split() == ["x"]


def test_a_wait_is_broken_off() -> None:
    with pytest.raises(CalledOff), pace.seen(after(3)):
        SystemClock().sleep(LONG_S)


def test_a_process_that_is_waited_for_is_ended_with_the_wait() -> None:
    with pytest.raises(CalledOff), pace.seen(after(3)):
        pace.run([sys.executable, "-c", "import time; time.sleep(3600)"], LONG_S)
    with pytest.raises(subprocess.TimeoutExpired):
        pace.run([sys.executable, "-c", "import time; time.sleep(3600)"], 0.1)


@pytest.mark.parametrize("says", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"], ids=["nothing", "half"])
def test_a_question_is_broken_off_while_the_answer_is_waited_for(writer: Writer, says: bytes) -> None:
    asked = threading.Event()

    def by() -> None:
        if asked.is_set():
            raise CalledOff

    def answer(server: socket.socket) -> None:
        held.append(server.accept()[0])
        held[0].recv(100)
        held[0].sendall(says)
        asked.set()

    held: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=answer, args=(server,), daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/x"
        with pytest.raises(CalledOff), pace.seen(by):
            fetch(Request("a/b", url), HttpTransport(), writer, SystemClock())
        thread.join(30)
    held[0].close()


def test_a_question_is_broken_off_while_its_name_is_looked_up(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    hangs, ends = threading.Event(), threading.Event()

    def look_up(*_: object) -> list[object]:
        hangs.set()
        ends.wait(60)
        return []

    def by() -> None:
        if hangs.is_set():
            raise CalledOff

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(CalledOff), pace.seen(by):
        fetch(Request("a/b", "http://nowhere.invalid/x"), HttpTransport(), writer, SystemClock())
    ends.set()


def test_a_backup_is_broken_off_and_leaves_nothing(writer: Writer, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    with pytest.raises(CalledOff), pace.seen(after(0)):
        backups.make(writer.path, folder, simulated=False, now=NOW, keep_free=0.0)
    assert list(folder.iterdir()) == []


def test_a_look_at_every_page_is_broken_off(writer: Writer, reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "PROGRESS_STEPS", 10)
    with pytest.raises(CalledOff), pace.seen(after(1)):
        reader.structure()
    assert reader.structure() == ""


def test_a_fetch_that_waits_for_its_turn_hears_the_end(tmp_path: Path) -> None:
    """Started anew within a minute an engine may not ask yet; it is told to end as it begins to wait."""
    config = Config(data_dir=tmp_path, simulated=True, port=0, backfill_days=30)
    time, waits = SimulatedClock(NOW), threading.Event()
    with Service(config, time) as service:
        service.tick(NOW, ("network",))
        ran = len(service._reader.job_runs("ingest"))

    class Waiting(SimulatedClock):
        def sleep(self, seconds: float) -> None:
            waits.set()
            pace.sleep(LONG_S)

    with Service(config, Waiting(NOW + 1)) as service:
        network = threading.Thread(target=service.tick, args=(NOW + 1, ("network", "work")), daemon=True)
        network.start()
        assert waits.wait(30)
        service.stop()
        network.join(30)
        assert not network.is_alive()
    reader = Reader(config.database)
    assert len(reader.job_runs("ingest")) == ran, "one that was called off is no run"
    reader.close()


def test_a_job_hangs_that_makes_no_step_though_it_began_just_now(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(lanes.time, "monotonic", lambda: now)
    every = lanes.Lanes(lambda: False)
    with every.held("network"):
        for _ in range(100):
            now += lanes.HANGS_S - 1
            every.moved |= {"work": now, "update": now}
            assert every.get_on()
            pace.step()
        now += lanes.HANGS_S
        every.moved |= {"work": now, "update": now}
        assert not every.get_on()
