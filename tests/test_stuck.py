"""Jobs that hang and programs that are halted: forecasts go on, nothing piles up."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from test_fetch import Limits
from test_service import started

from engine.clock import SimulatedClock, floor_hour, parse_utc
from engine.config import Config
from engine.domain import HOUR, Expected
from engine.service import Service
from engine.sources import connecting, fetch
from engine.sources.fetch import HttpTransport, Reply, Request
from engine.store import Reader

START = parse_utc("2026-10-24T21:00Z")
MINUTE = 60
#: Questions after which what holds on to nothing holds no more than before.
_WARM = 40


@contextmanager
def silent() -> Iterator[str]:
    """A server that takes every connection and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        held: list[socket.socket] = []

        def take() -> None:
            while True:
                try:
                    held.append(server.accept()[0])
                    if len(held) > _WARM // 2:
                        held.pop(0).close()  # whoever asked has hung up long since
                except OSError:
                    return

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/x"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(30)
            for connection in held:
                connection.close()


@pytest.mark.long
@pytest.mark.gate(
    "C4", "A source that never answers", target="the issue is made from the last data within 120 s of start and of its hour"
)
def test_an_issue_waits_for_no_source_that_hangs(tmp_path: Path, gate) -> None:
    """The name server, the connection or the answer hangs for ever: the lane that asks is stuck, the one that forecasts is not."""
    config = Config(data_dir=tmp_path, simulated=True, port=0, backfill_days=30)
    with Service(config, SimulatedClock(START)) as service:
        service.tick(START)
    time_, hangs, ends = SimulatedClock(START + 30 * MINUTE + 30), threading.Event(), threading.Event()

    class Hanging:
        def send(self, request: Request, timeout_s: float) -> Reply:
            hangs.set()
            ends.wait(60)
            raise TimeoutError("no answer in time")

    with Service(config, time_) as service:
        began = time_.now()
        service._transport = Hanging()
        network = threading.Thread(target=service.tick, args=(began, ("network",)), daemon=True)
        network.start()
        assert hangs.wait(30)

        def lives_until(issue_time: int) -> float:
            while not service._reader.issues(start=issue_time, limit=1):
                assert time_.now() < issue_time + HOUR, "nothing is issued while a source hangs"
                time_.set(time_.now() - time_.now() % MINUTE + MINUTE + 5)
                service.tick(time_.now(), ("work",))
            return service._reader.issues("DK1", limit=1)[0].created_at

        told = service._carry_out("/v1/jobs/run", {"job": "forecast", "who": ""})
        assert told
        first_s = lives_until(began) - began
        next_s = lives_until(START + HOUR) - (START + HOUR)
        issue = service._reader.issues("DK1", limit=1)[0]
        ends.set()
        network.join(30)
    gate(f"{first_s} s after the start, {next_s} s after the hour, tier {issue.tier.value}")
    assert max(first_s, next_s) <= 120
    assert issue.issue_time == START + HOUR


@contextmanager
def silent_resolver() -> Iterator[None]:
    """Names are looked up for ever, until it ends: then they are unknown."""
    ends = threading.Event()

    def look_up(*_):
        ends.wait()
        raise socket.gaierror("unknown")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", look_up)
        try:
            yield
        finally:
            ends.set()
            wait(lambda: not lookups(), 30)


def lookups() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "lookup"]


def hung(number: int) -> tuple[float, int, int]:
    """Of so many questions for which a name cannot be looked up: the longest in seconds, and the threads that look, then and after."""
    transport, longest = HttpTransport(), 0.0
    with silent_resolver():
        for i in range(number):
            began = time.monotonic()
            with pytest.raises(OSError, match=r"in time|not to be found"):
                transport.send(Request("a/b", f"http://{'ab'[i % 2]}.example/x"), 0.002)
            longest = max(longest, time.monotonic() - began)
        held = len(lookups())
    return longest, held, len(lookups())


def test_names_that_nobody_looks_up_leave_nothing_behind() -> None:
    assert hung(20)[1:] == (2, 0)


@pytest.mark.long
@pytest.mark.gate(
    "C4",
    "A name server that never answers",
    target="1,000 questions to 2 servers: each ends at its deadline; 2 threads wait, and none once it answers",
)
def test_a_thousand_names_that_nobody_looks_up_leave_nothing_behind(gate) -> None:
    longest, held, left = hung(1000)
    gate(f"1,000 questions of 2 ms: at most {longest * 1000:.0f} ms; threads {held:+d}, then {left:+d}")
    assert longest < 30
    assert (held, left) == (2, 0)


def test_a_resolver_that_hangs_is_told_and_costs_no_second_try(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "_LOOK_UP_S", 0.01)
    clock, limits = SimulatedClock(START), Limits()
    with silent_resolver(), pytest.raises(Expected, match="address of its server is not to be found"):
        fetch(Request("a/b", "http://a.example/x"), HttpTransport(), limits, clock)
    assert clock.now() == START
    assert limits["a/b"] == (START, 0.0)


def test_addresses_that_never_answer_share_one_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as hole, socket.socket() as filler:
        hole.bind(("127.0.0.1", 0))
        hole.listen(0)
        filler.connect(hole.getsockname())  # no more fit into its queue
        one = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", hole.getsockname())
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_: [one] * 20)
        began = time.monotonic()
        with pytest.raises(OSError, match=r"in time|no connection"):
            HttpTransport().send(Request("a/b", "http://a.example/x"), 0.3)
    assert time.monotonic() - began < 60, "each alone would have had ten seconds"


def cycles(number: int) -> tuple[int, int]:
    """How many threads and files a process holds more after so many questions that nobody answered."""
    with silent() as url:
        transport, process = HttpTransport(), psutil.Process()
        held = 0, 0
        for i in range(_WARM + number):
            if i == _WARM:
                held = threading.active_count(), process.num_fds()
            with pytest.raises(OSError, match="in time"):
                transport.send(Request("a/b", url), 0.02)
        return threading.active_count() - held[0], process.num_fds() - held[1]


@pytest.mark.skipif(sys.platform == "win32", reason="counts files as POSIX does")
def test_questions_that_nobody_answers_leave_nothing_behind() -> None:
    assert max(cycles(20)) <= 0


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="counts files as POSIX does")
@pytest.mark.gate("C4", "1,000 questions without an answer", target="threads and files +0")
def test_a_thousand_questions_that_nobody_answers_leave_nothing_behind(gate) -> None:
    threads, files = cycles(1000)
    gate(f"1,000 questions: threads {threads:+d}, files {files:+d}")
    assert max(threads, files) <= 0


@pytest.mark.long
@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no SIGSTOP there")
@pytest.mark.gate(
    "C3",
    "A program that is halted",
    target="SIGSTOP for 120 s: the issue of the hour at most 60 s after SIGCONT, and the pause is told",
)
def test_an_engine_that_was_halted_looks_at_once_for_what_is_due(tmp_path: Path, gate) -> None:
    config = Config(data_dir=tmp_path / "data", simulated=True, port=0)
    engine, _ = started(config, "--simulated")
    reader = Reader(config.database)
    try:
        wait(lambda: reader.issues(limit=1), 120)
        os.kill(engine.pid, signal.SIGSTOP)
        time.sleep(120)
        os.kill(engine.pid, signal.SIGCONT)
        back = time.monotonic()
        wait(lambda: any(event.code == "pause" for event in reader.events(open_only=False)), 60)
        told_s = time.monotonic() - back
        wait(lambda: reader.issues(limit=1)[0].issue_time >= floor_hour(int(time.time())), 60)
        issued_s = time.monotonic() - back
        times = [issue.issue_time for issue in reader.issues("DK1")]
    finally:
        engine.kill()
        engine.wait()
        reader.close()
    gate(f"told after {told_s:.1f} s, newest issue there after {issued_s:.1f} s, {len(times) - len(set(times))} twice")
    assert len(times) == len(set(times))


def wait(until, seconds: float) -> None:
    """Wait until something is so, so many seconds at most."""
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.1)
