"""Kills a working engine over and over at a random moment and looks at what it leaves; prints JSON.

python tests/kills.py FOLDER CYCLES SEED

A cycle is a child, forked from a process that has imported everything, loaded the models, which only reads, and started no thread.
It is the real `Service` with its real jobs on simulated sources, on a clock that is set to the next hour as soon as an hour's work is
done. Half the kills come at any moment of its life, half within 12 ms of the beginning of a transaction that keeps issues.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import random
import select
import signal
import sys
import time
from pathlib import Path
from typing import Any

import told

from engine.clock import SimulatedClock, floor_hour, parse_utc
from engine.config import Config
from engine.domain import HOUR
from engine.forecaster import Bundle, Forecaster
from engine.service import Service
from engine.store import Reader

_START = parse_utc("2026-10-24T21:00Z")
#: Longest life of a child, how long around the beginning of a transaction kills come, and how long that is waited for.
_LIFE_S, _AROUND_S, _PATIENCE_S = 0.6, 0.012, 30.0
#: Cycles between two looks at the whole file.
_WHOLE_EVERY = 50
_BEGIN = b"[]\n"


def live(config: Config, start: int, to_parent: int) -> None:
    """Be an engine until somebody kills it."""

    def send(words: list[Any]) -> None:
        os.write(to_parent, json.dumps(words).encode() + b"\n")

    told.tell(send, lambda: os.write(to_parent, _BEGIN) and None)
    clock = SimulatedClock(start)
    with Service(config, clock) as service:
        while True:
            service.tick(clock.now())
            clock.set(floor_hour(clock.now()) + HOUR)


def cycle(config: Config, start: int, chance: random.Random) -> list[list[Any]]:
    """Start an engine, kill it, and return what it had told."""
    heard, to_parent = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(heard)
            live(config, start, to_parent)
        finally:
            os._exit(1)  # nothing of the parent's may run here
    os.close(to_parent)
    words = b""
    if chance.random() < 0.5:
        time.sleep(chance.uniform(0, _LIFE_S))
    else:
        wanted, end = chance.randint(1, 2), time.monotonic() + _PATIENCE_S
        while words.count(_BEGIN) < wanted and (left := end - time.monotonic()) > 0:
            if select.select([heard], [], [], left)[0]:
                words += os.read(heard, 1 << 16)
        time.sleep(chance.uniform(0, _AROUND_S))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        raise RuntimeError("The engine ended before it was killed.")
    with os.fdopen(heard, "rb") as pipe:
        words += pipe.read()
    return [json.loads(line) for line in words.splitlines(keepends=True) if line.endswith(b"\n") and line != _BEGIN]


def load_models(config: Config) -> None:
    """Load every bundle that came with the program, for all children."""
    load = functools.cache(Bundle.load)
    Bundle.load = staticmethod(lambda folder, *_: load(folder))  # type: ignore[assignment]
    Forecaster(config.model_dir)


def first_day(config: Config) -> None:
    """A store that holds load and weather, made by an engine that ended by itself."""
    with Service(config, SimulatedClock(_START)) as service:
        service.tick(_START)


def main(folder: Path, cycles: int, seed: int) -> dict[str, object]:
    """What came of so many cycles, and as many more as it takes until an issue was told: a busy machine may not make one in a few."""
    config = Config(data_dir=folder, simulated=True, port=0, backfill_days=30)
    load_models(config)
    chance = random.Random(seed)
    if not os.fork():
        first_day(config)
        os._exit(0)
    os.wait()
    issues: dict[told.Name, str] = {}
    lost, partial, damaged = list[str](), list[str](), list[str]()
    rows = told.rows(config.database)
    seen, moment, began = _START, _START + HOUR, time.monotonic()
    number = 0
    while number < cycles or not issues:
        number += 1
        new = {}
        for words in cycle(config, moment, chance):
            if words[0] == "rows":
                rows += words[1]
            else:
                new[words[1], words[2], words[3]] = words[4]
        issues |= new
        whole = number % _WHOLE_EVERY == 0 or number >= cycles
        lost += told.lost(config.database, issues if whole else new, rows)
        partial += told.partial(config.database, 0 if whole else seen)
        if whole and (found := told.integrity(config.database)) != "ok":
            damaged.append(found)
        seen = max((at for _, _, at in issues), default=seen)
        moment = newest(config) + HOUR
    return {
        "cycles": number,
        "issues": len(issues),
        "rows": rows,
        "lost": lost,
        "partial": partial,
        "damaged": damaged,
        "seconds": round(time.monotonic() - began, 1),
    }


def newest(config: Config) -> int:
    """The last hour for which there is an issue, told or not."""
    with contextlib.closing(Reader(config.database)) as reader:
        return floor_hour(reader.issues(limit=1)[0].issue_time)


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
