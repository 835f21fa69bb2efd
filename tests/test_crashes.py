"""An engine that keeps dying early rests in safe mode; one that ends in order, or lives for a while, is forgiven everything."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from engine import crashes
from engine.clock import SimulatedClock, parse_utc
from engine.config import Config
from engine.crashes import Life
from engine.domain import HOUR, Expected
from engine.roles import Pointless
from engine.service import Service
from engine.store import Reader

START = parse_utc("2026-10-24T21:00Z")


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(START)


@pytest.fixture
def lived(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets so many seconds pass for who lives."""
    moment = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: moment[0])

    def go(seconds: float) -> None:
        moment[0] += seconds

    return go


def die(folder: Path, clock: SimulatedClock, fault: BaseException | None = None) -> Life:
    """A run that begins and ends so; without a fault it is killed, which no line of it hears of."""
    life = Life(folder, clock).__enter__()
    clock.set(clock.now() + 15)
    if fault is not None:
        life.__exit__(type(fault), fault, None)
    return life


def begun(folder: Path, clock: SimulatedClock) -> Life:
    return Life(folder, clock).__enter__()


def test_the_sixth_start_after_five_early_deaths_is_safe_mode(tmp_path: Path, clock: SimulatedClock) -> None:
    for number in range(crashes.MANY):
        life = die(tmp_path, clock, ValueError("a fault of ours") if number % 2 else None)
        assert (life.rests(), life.trouble(), life.cut_off) == (False, None, number > 0)
    life = begun(tmp_path, clock)
    assert life.rests()
    trouble = life.trouble()
    assert trouble is not None
    assert "ended 5 times soon after its start" in trouble.problem
    assert "tried again at 2026-10-24T22:01:15Z" in trouble.remedy


@pytest.mark.parametrize("fault", [None, KeyboardInterrupt(), SystemExit(0)])
def test_an_end_in_order_clears_the_count(tmp_path: Path, clock: SimulatedClock, fault: BaseException | None) -> None:
    for _ in range(crashes.MANY - 1):
        die(tmp_path, clock)
    begun(tmp_path, clock).__exit__(None if fault is None else type(fault), fault, None)
    life = die(tmp_path, clock)
    assert not life.cut_off
    assert not begun(tmp_path, clock).rests()


def test_one_that_says_why_it_cannot_run_has_not_crashed(tmp_path: Path, clock: SimulatedClock) -> None:
    for _ in range(3 * crashes.MANY):
        die(tmp_path, clock, Expected("The port is in use.", "Choose another."))
    life = begun(tmp_path, clock)
    assert (life.rests(), life.cut_off) == (False, False)


def test_two_minutes_of_life_clear_the_count(tmp_path: Path, clock: SimulatedClock, lived: Callable[[float], None]) -> None:
    for number in range(4 * crashes.MANY):
        life = die(tmp_path, clock)
        assert not life.rests()
        if number % (crashes.MANY - 1) == 0:
            lived(crashes.EARLY_S)
            life.rests()
    assert not begun(tmp_path, clock).rests()


def test_deaths_far_apart_are_accidents(tmp_path: Path, clock: SimulatedClock) -> None:
    for _ in range(4 * crashes.MANY):
        assert not die(tmp_path, clock).rests()
        clock.set(clock.now() + HOUR // (crashes.MANY - 1))


def test_safe_mode_ends_after_an_hour_and_a_death_soon_after_brings_it_back(
    tmp_path: Path, clock: SimulatedClock, lived: Callable[[float], None]
) -> None:
    for _ in range(crashes.MANY):
        die(tmp_path, clock)
    life = begun(tmp_path, clock)
    lived(crashes.REST_S - 1)
    assert life.rests()
    lived(1)
    assert not life.rests()
    assert begun(tmp_path, clock).rests(), "who told it to go on too early"
    clock.set(clock.now() + HOUR)
    assert not begun(tmp_path, clock).rests()


def test_a_kill_in_safe_mode_does_not_end_it(tmp_path: Path, clock: SimulatedClock, lived: Callable[[float], None]) -> None:
    for _ in range(crashes.MANY):
        die(tmp_path, clock)
    life = begun(tmp_path, clock)
    lived(600)
    assert life.rests()
    assert begun(tmp_path, clock).rests()


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"running": true}', '{"running": 1, "early": [null]}', "\0" * 40])
def test_a_damaged_ledger_stops_nobody(
    tmp_path: Path, clock: SimulatedClock, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / crashes.LEDGER).write_text(text)
    assert not begun(tmp_path, clock).rests()
    assert "cannot be read" in caplog.text


def test_a_ledger_that_cannot_be_written_stops_nobody(
    tmp_path: Path, clock: SimulatedClock, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    assert not begun(tmp_path / "file", clock).rests()
    assert "cannot be noted" in caplog.text


def test_in_safe_mode_no_job_runs_until_one_is_told_to(tmp_path: Path, clock: SimulatedClock) -> None:
    config = Config(data_dir=tmp_path, simulated=True, port=0, backfill_days=30)
    for _ in range(crashes.MANY):
        die(tmp_path, clock)
    with Service(config, clock, life=Life(tmp_path, clock)) as engine:
        engine._begin_jobs()
        assert [event.code for event in engine._reader.events()] == [crashes.EVENT]
        with pytest.raises(Pointless, match="safe mode"):
            engine._answer("/v1/explain", {})
        engine._beat(8787)
        assert engine._lanes._scheduler is None
        engine._carry_out("/v1/jobs/run", {"job": "ingest", "who": "kmj"})
        engine._beat(8787)
        assert engine._lanes._scheduler is not None
        assert engine._reader.events() == []
        engine._stopping.set()
        engine._lanes.stop()
        assert engine._lanes.come_to_rest(30)
    assert json.loads((tmp_path / crashes.LEDGER).read_text()) == {"running": False, "early": []}


def test_a_service_that_fails_is_not_said_to_have_ended_in_order(tmp_path: Path, clock: SimulatedClock) -> None:
    config = Config(data_dir=tmp_path, simulated=True, port=0)
    with pytest.raises(ZeroDivisionError), Service(config, clock, life=Life(tmp_path, clock)):
        raise ZeroDivisionError
    assert json.loads((tmp_path / crashes.LEDGER).read_text()) == {"running": True, "early": [START]}


def engine_of(folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "engine", "run", "--simulated", "--data-dir", str(folder)]
    surroundings = os.environ | {"LASTVAGT_PORT": "0", "LASTVAGT_BACKFILL_DAYS": "30"}
    return subprocess.Popen(command, env=surroundings, stderr=subprocess.DEVNULL)


def health(engine: subprocess.Popen[bytes], folder: Path) -> dict[str, Any]:
    """What an engine that has just begun answers."""
    end = time.monotonic() + 120
    while time.monotonic() < end and engine.poll() is None:
        try:
            reader = Reader(folder / "lastvagt.sqlite")
            state = reader.engine()
            reader.close()
            if state is not None and state.pid == engine.pid:
                found: dict[str, Any] = requests.get(f"http://127.0.0.1:{state.port}/health", timeout=30).json()
                return found | {"port": state.port}
        except (Expected, requests.ConnectionError):  # it has only begun
            pass
        time.sleep(0.05)
    raise AssertionError(f"the engine does not serve: {engine.poll()}")


@pytest.fixture
def engines(tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts engines on one folder; none of them outlives the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        started.append(engine_of(tmp_path))
        return started[-1]

    yield start
    for engine in started:
        engine.kill()
        engine.wait()


def jobs(folder: Path) -> int:
    reader = Reader(folder / "lastvagt.sqlite")
    found = len(reader.job_runs(limit=100))
    reader.close()
    return found


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL there")
@pytest.mark.gate(
    "C5", "Five crashes", target="the sixth start is safe mode: it serves, says so and runs no job; a clean stop ends it"
)
def test_an_engine_that_was_killed_five_times_rests(
    tmp_path: Path, engines: Callable[[], subprocess.Popen[bytes]], gate: Callable[[str], None]
) -> None:
    for _ in range(crashes.MANY):
        engine = engines()
        assert health(engine, tmp_path)["status"] != crashes.EVENT
        engine.send_signal(signal.SIGKILL)
        engine.wait()
    before, engine = jobs(tmp_path), engines()
    found = health(engine, tmp_path)
    time.sleep(3)
    ran = jobs(tmp_path) - before
    log = (tmp_path / "engine.log").read_text(encoding="utf-8")
    engine.send_signal(signal.SIGTERM)
    ended = engine.wait(30)
    next_one = health(engines(), tmp_path)["status"]
    gate(f"{crashes.MANY} kills: then status {found['status']}, {ran} jobs in 3 s, ended with {ended}; next start {next_one}")
    assert (found["status"], ran, ended) == (crashes.EVENT, 0, 0)
    assert next_one != crashes.EVENT
    assert "Safe mode: the engine ended 5 times" in log
    assert "tried again at" in found["events"][0]["remedy"]
