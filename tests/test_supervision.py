from __future__ import annotations

import dataclasses
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine import lanes, supervision
from engine.clock import SimulatedClock, parse_utc
from engine.config import Config
from engine.service import Service
from engine.store import Writer, schema

START = parse_utc("2026-10-24T21:00Z")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="systemd is a thing of Linux")


@dataclasses.dataclass(frozen=True)
class Systemd:
    """The end of the socket at which systemd listens."""

    address: str
    ears: socket.socket

    def hears(self, within_s: float = 0.0) -> dict[str, str]:
        """The next news; empty where none come."""
        self.ears.settimeout(within_s or 0.01)
        try:
            text = self.ears.recv(4096).decode()
        except TimeoutError:
            return {}
        return dict(line.split("=", 1) for line in text.split("\n"))


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ears:
        ears.bind(str(tmp_path / "notify"))
        yield Systemd(str(tmp_path / "notify"), ears)


@pytest.fixture
def listening(systemd: Systemd, monkeypatch: pytest.MonkeyPatch) -> Systemd:
    monkeypatch.setenv("NOTIFY_SOCKET", systemd.address)
    return systemd


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(data_dir=tmp_path / "data", simulated=True, port=0, backfill_days=30)


def test_news_reach_who_listens_and_nobody_else(listening: Systemd, monkeypatch: pytest.MonkeyPatch) -> None:
    supervision.tell(READY=1, STATUS="Serves æøå")
    assert listening.hears() == {"READY": "1", "STATUS": "Serves æøå"}
    monkeypatch.delenv("NOTIFY_SOCKET")
    supervision.tell(READY=1)
    assert listening.hears() == {}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has names of sockets that are no files")
def test_a_socket_may_have_a_name_that_is_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ears:
        ears.bind(f"\0lastvagt-test-{os.getpid()}")
        monkeypatch.setenv("NOTIFY_SOCKET", f"@lastvagt-test-{os.getpid()}")
        supervision.tell(WATCHDOG=1)
        assert ears.recv(100) == b"WATCHDOG=1"


def test_a_systemd_that_went_away_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    supervision.tell(WATCHDOG=1)
    assert "cannot be told WATCHDOG" in caplog.text


def test_a_systemd_too_busy_to_read_holds_nothing_up(listening: Systemd, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "settimeout", lambda of, _: of.setblocking(False))
        for _ in range(5000):
            supervision.tell(WATCHDOG=1)
            if caplog.records:
                break
    assert "cannot be told WATCHDOG" in caplog.text


@pytest.mark.parametrize(
    ("usec", "pid", "wanted"),
    [("90000000", None, 90.0), ("90000000", "1", None), (None, None, None), ("soon", None, None)],
    ids=["waits", "waits for another process", "waits for nobody", "garbled"],
)
def test_how_long_the_watchdog_waits(
    monkeypatch: pytest.MonkeyPatch, usec: str | None, pid: str | None, wanted: float | None
) -> None:
    for name, value in (("WATCHDOG_USEC", usec), ("WATCHDOG_PID", pid)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    assert supervision.patience_s() == wanted


def test_a_long_migration_asks_for_time_while_it_gets_on(
    listening: Systemd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "old.sqlite"
    monkeypatch.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:-1])
    Writer(path).close()
    monkeypatch.undo()
    monkeypatch.setenv("NOTIFY_SOCKET", listening.address)
    monkeypatch.setattr(schema, "PROGRESS_STEPS", 10)
    monkeypatch.setattr(supervision, "_TELL_S", 3600)
    Writer(path, progress=supervision.LongStart(threading.Event())).close()
    assert listening.hears() == {"EXTEND_TIMEOUT_USEC": "60000000", "STATUS": "Brings the database up to date"}
    assert listening.hears() == {}, "now and then is enough"
    monkeypatch.setattr(schema, "PROGRESS_STEPS", 1_000_000)
    Writer(path, progress=supervision.LongStart(threading.Event())).close()
    assert listening.hears() == {}, "what is up to date takes no time"


def test_a_beat_tells_what_is_to_look_at(listening: Systemd, config: Config) -> None:
    with Service(config, SimulatedClock(START)) as engine:
        engine.tick(START)
        engine._writer.open_event("source", "load", "Load is silent.", "Wait.", START)
        engine._beat(8787)
    told = listening.hears()
    assert told["WATCHDOG"] == "1"
    assert told["STATUS"] == "Serves http://127.0.0.1:8787; newest issue 2026-10-24T21:00:00Z; 1 to look at: Load is silent."


def test_an_engine_whose_writer_is_stuck_is_not_said_to_live(listening: Systemd, config: Config) -> None:
    with Service(config, SimulatedClock(START)) as engine:
        engine._writer._lock.acquire()
        beat = threading.Thread(target=engine._beat, args=(8787,))
        beat.start()
        assert listening.hears(0.3) == {}
        engine._writer._lock.release()
        beat.join()
        assert listening.hears()["WATCHDOG"] == "1"


def test_a_job_that_hangs_ends_the_pings_and_one_that_takes_long_does_not(
    listening: Systemd, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Service(config, SimulatedClock(START)) as engine, engine._lanes.locks["work"]:
        engine._lanes.moved["work"] -= lanes.HANGS_S - 60
        engine._beat(8787)
        assert listening.hears()["WATCHDOG"] == "1"
        engine._lanes.moved["work"] -= 120
        engine._beat(8787)
        assert listening.hears() == {}


#: An engine whose issues hang, by what it waits for, with less patience than it has.
_HANGING = """
import os, sys, threading
from engine import lanes, pipeline, service, supervision
from engine.__main__ import main
def stuck_in_a_job(*given):
    {hangs}
    threading.Event().wait()
pipeline.forecast = stuck_in_a_job
lanes.HANGS_S = 0.5
service._HEARTBEAT_S, supervision.WAIT_S, supervision.WAITS = 0.1, 0.2, 5
sys.exit(main(["run", "--simulated", "--data-dir", sys.argv[1]]))
"""


@pytest.mark.long
@pytest.mark.gate(
    "C5",
    "A job that hangs, where nobody watches",
    target="the engine ends itself with 1 and its log keeps where it hung, also if the database hangs with it; one that gets on lives",
)
def test_an_engine_that_hangs_ends_itself(tmp_path: Path, gate: Callable[[str], None]) -> None:
    def ended(name: str, hangs: str) -> subprocess.CompletedProcess[str]:
        environment = {"LASTVAGT_PORT": "0", "LASTVAGT_BACKFILL_DAYS": "30"}
        code = _HANGING.format(hangs=hangs)
        command = [sys.executable, "-c", code, str(tmp_path / name)]
        return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, timeout=120, check=False)

    job = ended("job", "pass")
    store = ended("store", "given[0]._lock.acquire()")
    living = ended("living", "threading.Timer(3, os.kill, (os.getpid(), 15)).start(); raise OSError('no hang')")
    gate(
        f"exit codes {job.returncode}, and {store.returncode} where it holds the database; {living.returncode} of one that gets on"
    )
    assert (job.returncode, store.returncode, living.returncode) == (1, 1, 0)
    for name, told in (("job", job), ("store", store)):
        assert "in stuck_in_a_job" in (tmp_path / name / "engine.log").read_text(encoding="utf-8")
        assert "ends itself" in told.stderr.strip().splitlines()[-1], "what the app shows"


#: An engine whose issues hang, by what it waits for; it says when, and listens to a watchdog as one that is installed does.
_DEADLOCKED = """
import sys, threading
from engine import lanes, pipeline
from engine.__main__ import main
def stuck_in_a_job(*given):
    {hangs}
    print("hangs", flush=True)
    threading.Event().wait()
pipeline.forecast = stuck_in_a_job
lanes.HANGS_S = {hangs_s}
sys.exit(main(["run", "--simulated", "--data-dir", sys.argv[1]]))
"""


@pytest.mark.long
@pytest.mark.gate(
    "C5",
    "A deadlock under a watchdog",
    target="the database or the beat hangs: no sign of life from the next beat on, 30 s later at most; a job alone: none 5 min after its last step",
)
def test_an_engine_in_a_deadlock_gives_no_more_signs_of_life(
    systemd: Systemd, config: Config, tmp_path: Path, gate: Callable[[str], None]
) -> None:
    """All is 100 times as fast: a beat each 0.3 s, and three seconds for a step."""

    def signs(name: str, hangs: str) -> int:
        """How often an engine tells that it lives, from its deadlock on until it has told nothing for 20 beats."""
        environment = {"NOTIFY_SOCKET": systemd.address, "WATCHDOG_USEC": "900000", "LASTVAGT_PORT": "0"}
        code = _DEADLOCKED.format(hangs=hangs, hangs_s=3.0)
        command = [sys.executable, "-c", code, str(tmp_path / name)]
        with subprocess.Popen(
            command, env=os.environ | environment | {"LASTVAGT_BACKFILL_DAYS": "30"}, stdout=subprocess.PIPE
        ) as engine:
            try:
                assert systemd.hears(60) == {"READY": "1"}
                assert "WATCHDOG" in systemd.hears(60), "it gives signs of life as long as it lives"
                assert engine.stdout is not None
                assert engine.stdout.readline() == b"hangs\n"
                while systemd.hears():
                    pass
                told = 0
                while told < 30 and "WATCHDOG" in systemd.hears(6.0):
                    told += 1
                assert engine.poll() is None
            finally:
                engine.kill()
        return told

    store = signs("store", "given[0]._lock.acquire()")
    job = signs("job", "pass")
    gate(f"beats that gave a sign of life: {store} once the database hung, {job} of 10 in the time that a job has for a step")
    assert store <= 1, "one may have begun before"
    assert job <= 11


def test_a_lane_that_sleeps_is_woken_and_missed_when_that_does_not_help(
    listening: Systemd, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[str] = []
    with Service(config, SimulatedClock(START)) as engine:
        monkeypatch.setattr(engine._lanes, "wake", woken.append)
        engine._lanes.moved["work"] -= lanes.ASLEEP_S + 1
        engine._beat(8787)
        assert woken == ["work"]
        assert listening.hears()["WATCHDOG"] == "1"
        engine._lanes.moved["work"] -= lanes.ASLEEP_S
        engine._beat(8787)
        assert listening.hears() == {}


def test_an_engine_tells_its_life_from_ready_to_end(systemd: Systemd, config: Config) -> None:
    environment = {"NOTIFY_SOCKET": systemd.address, "WATCHDOG_USEC": "300000", "LASTVAGT_PORT": "0"}
    engine = subprocess.Popen(
        [sys.executable, "-m", "engine", "run", "--simulated", "--data-dir", str(config.data_dir)],
        env=os.environ | environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert systemd.hears(30) == {"READY": "1"}
        for _ in range(3):
            assert systemd.hears(30)["WATCHDOG"] == "1"
        engine.send_signal(signal.SIGTERM)
        while "STOPPING" not in (told := systemd.hears(30)):
            assert told["WATCHDOG"] == "1"
        assert engine.wait(30) == 0
    finally:
        engine.kill()
        engine.communicate()


def test_a_watchdog_that_ends_an_engine_learns_where_it_stood(systemd: Systemd, config: Config) -> None:
    engine = subprocess.Popen(
        [sys.executable, "-m", "engine", "run", "--simulated", "--data-dir", str(config.data_dir)],
        env=os.environ | {"NOTIFY_SOCKET": systemd.address, "LASTVAGT_PORT": "0"},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert systemd.hears(30) == {"READY": "1"}
    engine.send_signal(signal.SIGABRT)
    _, said = engine.communicate(timeout=30)
    assert engine.returncode == -signal.SIGABRT
    assert "in serve" in said
