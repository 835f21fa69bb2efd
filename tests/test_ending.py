"""However it is asked to end, and whatever it does at that moment, the engine ends in order; killed, it holds up no other."""

from __future__ import annotations

import concurrent.futures
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pytest

from engine import crashes
from engine.store import Reader

ROOT = Path(__file__).resolve().parent.parent
SEED = 20261129
#: Engines that are stopped beside each other, for each lives mostly to wait for its end.
_AT_ONCE = 4
#: Starts engines fast: what takes a second to import is imported once, and each engine is a child. It reads folders and prints numbers.
_NURSERY = """
import os, signal, sys
import engine.service, engine.commands
from engine.__main__ import main
for each in (signal.SIGCHLD, signal.SIGINT, signal.SIGHUP):  # tests that run in the background ignore some
    signal.signal(each, signal.SIG_DFL)
print("ready", flush=True)
for line in sys.stdin:
    words = line.split()
    if words[0] == "start":
        child = os.fork()
        if child == 0:
            sys.stderr = open(words[1] + ".err", "a")
            code = main(["run", "--simulated", "--data-dir", words[1]])
            sys.stderr.flush()
            os._exit(code)
        print(child, flush=True)
    else:
        _, state = os.waitpid(int(words[1]), 0)
        print(os.waitstatus_to_exitcode(state), flush=True)
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no signals and no fork there")


class Nursery:
    """Starts engines on folders, and tells how they ended."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        assert process.stdin is not None and process.stdout is not None  # noqa: PT018
        self._said: IO[str] = process.stdin
        self._heard: IO[str] = process.stdout
        assert self._heard.readline() == "ready\n"

    def _ask(self, *words: object) -> int:
        print(*words, file=self._said, flush=True)
        return int(self._heard.readline())

    def start(self, folder: Path) -> int:
        """The process of a new engine."""
        return self._ask("start", folder)

    def end(self, process: int) -> int:
        """The exit code of an engine, once it ends."""
        return self._ask("end", process)


@contextlib.contextmanager
def opened() -> Iterator[Nursery]:
    """A nursery of its own process."""
    surroundings = os.environ | {"LASTVAGT_PORT": "0", "LASTVAGT_BACKFILL_DAYS": "30", "PYTHONWARNINGS": "ignore"}
    with subprocess.Popen(
        [sys.executable, "-c", _NURSERY], cwd=ROOT, env=surroundings, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Nursery(process)


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with opened() as made:
        yield made


def listens(process: int) -> bool:
    """Whether a process hears SIGTERM, which it does before it touches anything; also once it is gone."""
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    except FileNotFoundError:
        return True
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) & (1 << (signal.SIGTERM - 1)))


def await_ears(process: int) -> None:
    """Return once a process hears SIGTERM."""
    end = time.monotonic() + 120
    while not listens(process):
        assert time.monotonic() < end, "it never hears a wish to end"
        time.sleep(0.002)


def stop_at_random(nursery: Nursery, folder: Path, rounds: int, seed: int) -> tuple[list[str], float]:
    """What was not in order in so many rounds of start and SIGTERM, and the longest end in seconds; each fifth begins with a new folder."""
    chance, wrong, longest = random.Random(seed), [], 0.0
    for number in range(rounds):
        data = folder / str(number // 5)
        engine = nursery.start(data)
        await_ears(engine)
        time.sleep(chance.uniform(0, 2.5))
        begin = time.monotonic()
        os.kill(engine, chance.choice((signal.SIGTERM, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)))
        code = nursery.end(engine)
        longest = max(longest, time.monotonic() - begin)
        wrong += [f"round {number}: exit code {code}"] if code else []
        wrong += [f"round {number}: {path.name}" for path in data.glob("*-wal")]
        if (ledger := data / crashes.LEDGER).exists() and json.loads(ledger.read_text()) != {"running": False, "early": []}:
            wrong.append(f"round {number}: {ledger.read_text()}")
        log = data / "engine.log"
        if log.exists() and "did not end in order" in log.read_text():
            wrong.append(f"round {number}: it thinks the one before was cut off")
    return wrong, longest


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks /proc")
def test_an_engine_that_is_told_to_end_ends_in_order(nursery: Nursery, tmp_path: Path) -> None:
    wrong, _ = stop_at_random(nursery, tmp_path, 3, SEED)
    assert wrong == [], f"seed {SEED}"


@pytest.mark.long
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks /proc")
@pytest.mark.gate(
    "C6",
    "Stop at any moment",
    target="200 signals at random moments: exit code 0 within 10 s, no -wal left, the next start finds it clean",
)
def test_two_hundred_ends_are_all_in_order(tmp_path: Path, gate: Callable[[str], None]) -> None:
    def many(seed: int) -> tuple[list[str], float]:
        (folder := tmp_path / str(seed)).mkdir()
        with opened() as nursery:
            return stop_at_random(nursery, folder, 200 // _AT_ONCE, seed)

    with concurrent.futures.ThreadPoolExecutor(_AT_ONCE) as pool:
        found = list(pool.map(many, range(SEED, SEED + _AT_ONCE)))
    wrong, longest = [one for each, _ in found for one in each], max(each for _, each in found)
    gate(f"200 signals: {len(wrong)} ends not in order; the longest took {longest:.1f} s")
    assert wrong == [], f"seed {SEED}"
    assert longest < 10


def start_two(nursery: Nursery, folder: Path, rounds: int) -> tuple[int, int, list[int]]:
    """In so many rounds of kill -9 and two starts at once: how often not one held the folder, damages, and exit codes of the losers."""
    doubles, losers, holder = 0, [], nursery.start(folder)
    for _ in range(rounds):
        await_ears(holder)
        os.kill(holder, signal.SIGKILL)
        nursery.end(holder)
        both = [nursery.start(folder), nursery.start(folder)]
        end = time.monotonic() + 120
        gone: list[int] = []
        while not gone and time.monotonic() < end:
            time.sleep(0.01)
            gone = [each for each in both if zombie(each)]
        doubles += len(gone) != 1
        losers += [nursery.end(each) for each in gone]
        for each in set(both) - set(gone):
            holder = each
    os.kill(holder, signal.SIGTERM)
    assert nursery.end(holder) == 0
    damaged = 0
    with contextlib.closing(Reader(folder / "lastvagt.sqlite")) as reader:
        damaged += reader.damage() != ""
    return doubles, damaged, losers


def zombie(process: int) -> bool:
    """Whether it has ended."""
    return Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] == "Z"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks /proc")
def test_of_two_engines_one_gets_the_folder(nursery: Nursery, tmp_path: Path) -> None:
    assert start_two(nursery, tmp_path / "data", 3) == (0, 0, [3] * 3)


@pytest.mark.long
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks /proc")
@pytest.mark.gate(
    "C7", "Two engines", target="100 rounds of kill -9, then two starts at once: never two, exit code 3 of the second"
)
def test_a_hundred_kills_never_leave_two_or_none(nursery: Nursery, tmp_path: Path, gate: Callable[[str], None]) -> None:
    doubles, damaged, losers = start_two(nursery, tmp_path / "data", 100)
    gate(
        f"100 rounds: {doubles} without exactly one engine, {losers.count(3)} second starts ended with 3, {damaged} databases damaged"
    )
    assert (doubles, damaged, losers) == (0, 0, [3] * 100)
