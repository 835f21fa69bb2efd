"""Hundreds of clients that trickle their requests, and bodies without end: others are served, and nothing grows."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import filled_store
import psutil
import pytest
from wire import Wire, request, serving_port

from engine.clock import SystemClock
from engine.http_server import DEADLINE_S

ROOT = Path(__file__).resolve().parent.parent
#: An engine without jobs, so that what grows grows by its clients.
IDLE = """
import sys
from engine.__main__ import main
from engine.service import Service
Service.tick = lambda *_: []
sys.exit(main(["run", "--data-dir", sys.argv[1]]))
"""
#: Seconds between two bytes of a slow client, and before it comes back when it was dropped.
BYTE_S, BACK_S = 5.0, 1.0


@dataclass
class Seen:
    """What clients and process looked like meanwhile."""

    ages_s: list[float] = field(default_factory=list)  # of slow connections at their end
    answers_s: list[float] = field(default_factory=list)  # of a healthy client, each on a connection of its own
    failed: int = 0
    rss: list[int] = field(default_factory=list)
    threads: set[int] = field(default_factory=set)

    @property
    def p99_ms(self) -> float:
        return 1000 * sorted(self.answers_s)[int(0.99 * len(self.answers_s))]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[tuple[psutil.Process, int]]:
    """The process of an engine that serves a filled database, and its port."""
    folder = filled_store.fill(tmp_path / "data", SystemClock().now(), days=2, learned=False, tso=False)
    surroundings = os.environ | {"LASTVAGT_PORT": "0", "LASTVAGT_NETWORK": "false"}
    process = subprocess.Popen([sys.executable, "-c", IDLE, str(folder)], cwd=ROOT, env=surroundings, stderr=subprocess.DEVNULL)
    try:
        yield psutil.Process(process.pid), serving_port(folder, process.pid)
    finally:
        process.terminate()
        process.wait(30)


def besiege(process: psutil.Process, port: int, clients: int, seconds: float) -> Seen:
    """Let slow clients come and come again, and a healthy one poll meanwhile."""
    seen, end = Seen(), time.monotonic() + seconds
    health = request("GET", "/health", f"Host: localhost:{port}")
    for _ in range(200):  # until it has grown as it does by serving
        _poll(port, health)
    before = process.memory_info().rss

    def watch() -> None:
        while time.monotonic() < end:
            began = time.perf_counter()
            seen.failed += not _poll(port, health)
            seen.answers_s.append(time.perf_counter() - began)
            seen.rss.append(process.memory_info().rss - before)
            seen.threads.add(process.num_threads())
            time.sleep(0.05)

    watcher = threading.Thread(target=watch)
    watcher.start()
    asyncio.run(_crowd(port, clients, end, seen))
    watcher.join()
    return seen


def _poll(port: int, asked: bytes) -> bool:
    with contextlib.closing(Wire(port)) as wire:
        return wire.ask(asked).status == 200


async def _crowd(port: int, clients: int, end: float, seen: Seen) -> None:
    head = f"GET /health HTTP/1.1\r\nHost: localhost:{port}\r\nX: {'x' * 500}".encode()

    async def trickle(nth: int) -> None:
        await asyncio.sleep(nth / clients)
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                began = time.monotonic()
                for byte in head:
                    if time.monotonic() > end + DEADLINE_S + 2:
                        break  # it should have been dropped, and is as old as that
                    writer.write(bytes([byte]))
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(reader.read(1), BYTE_S)
                        break  # the other side has closed
                seen.ages_s.append(time.monotonic() - began)
                writer.close()
            await asyncio.sleep(BACK_S)

    await asyncio.gather(*(trickle(n) for n in range(clients)))


@pytest.mark.long
@pytest.mark.gate(
    "A6",
    "Slow clients",
    target="500 trickling connections for 60 s: p99 of a healthy client under 250 ms, none older than 12 s, at most 10 MB more",
)
def test_five_hundred_slow_clients_hinder_nobody(engine: tuple[psutil.Process, int], gate: Callable[[str], None]) -> None:
    seen = besiege(*engine, clients=500, seconds=60)
    gate(
        f"{len(seen.ages_s):,} slow connections, the oldest {max(seen.ages_s):.1f} s; {len(seen.answers_s):,} healthy requests, "
        f"p99 {seen.p99_ms:.0f} ms, {seen.failed} failed; {max(seen.rss) / 1e6:+.1f} MB; {len(seen.threads)} number of threads"
    )
    assert max(seen.ages_s) < DEADLINE_S + 2
    assert seen.failed == 0
    assert seen.p99_ms < 250
    assert max(seen.rss) < 10e6
    assert len(seen.threads) == 1


@pytest.mark.gate(
    "A6", "Large bodies and headers", target="A body of 200 MB: 413 at once, memory as before; headers over 16 KiB: refused"
)
def test_a_body_without_end_is_refused_before_it_comes(engine: tuple[psutil.Process, int], gate: Callable[[str], None]) -> None:
    process, port = engine
    host = f"Host: localhost:{port}"
    health = request("GET", "/health", host)
    for _ in range(50):
        _poll(port, health)
    before, began = process.memory_info().rss, time.perf_counter()
    with contextlib.closing(Wire(port)) as wire:
        status = wire.ask(request("POST", "/v1/support", host, "Content-Length: 200000000")).status
    took = time.perf_counter() - began
    sent = [
        _push(port, request("POST", "/v1/support", host, length))
        for length in ("Content-Length: 200000000", "Transfer-Encoding: chunked")
    ]
    sent.append(_push(port, request("GET", "/health", host, "Transfer-Encoding: chunked")))
    grown = process.memory_info().rss - before
    with contextlib.closing(Wire(port)) as wire:
        headers = wire.ask(request("GET", "/health", host, *(f"X{n}: {'x' * 1000}" for n in range(17)))).status
    gate(
        f"{status} after {1000 * took:.0f} ms, {max(sent) / 1e6:.1f} MB taken of 200 MB pushed, {grown / 1e6:+.1f} MB; 17 KB of headers: {headers}"
    )
    assert status == 413
    assert max(sent) < 20e6
    assert grown < 10e6
    assert headers in (400, 431)
    assert _poll(port, health)


def _push(port: int, head: bytes) -> int:
    """Bytes of a body of 200 MB that could be sent before the other side closed or did not read on."""
    chunk, sent = b"40000\r\n" + b"x" * 0x40000 + b"\r\n", 0
    with socket.create_connection(("127.0.0.1", port), timeout=2) as connection, contextlib.suppress(OSError):
        connection.sendall(head)
        while sent < 200_000_000:
            connection.sendall(chunk)
            sent += len(chunk)
    return sent
