"""Cuts the power of a working engine at thousands of moments and looks at what its disk then holds; prints JSON.

python tests/power_cuts.py FOLDER HOURS CUTS SEED [NORMAL | LIES]

The real `Service` with its real jobs on simulated sources works for so many hours while every write and sync of its database is
noted. Each cut plays the notes up to a moment, leaves to chance what of the rest had arrived, and opens what is there as the next
engine would. NORMAL is the negative control: the same with `synchronous=NORMAL`; LIES another: a disk that never syncs.
"""

from __future__ import annotations

import contextlib
import functools
import json
import random
import shutil
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

import told
from recording_disk import Disk, Note, Recorder

from engine.clock import SimulatedClock, parse_utc
from engine.config import Config
from engine.domain import HOUR, Expected
from engine.service import Service
from engine.store import Writer

_START = parse_utc("2026-10-24T21:00Z")


def record(folder: Path, hours: int, synchronous: str) -> list[Note]:
    """What a working engine does to its database, from its creation on."""
    made = Writer.__init__

    @functools.wraps(made)
    def make(self: Writer, *of: Any, **words: Any) -> None:
        made(self, *of, **words)
        self._db.execute(f"PRAGMA synchronous={synchronous}")

    Writer.__init__ = make  # type: ignore[method-assign]
    recorder, clock = Recorder(folder), SimulatedClock(_START)
    told.tell(recorder.told)
    config = Config(data_dir=folder, simulated=True, port=0, backfill_days=30)
    with Service(config, clock) as service:
        for hour in range(hours + 1):
            clock.set(_START + hour * HOUR)
            service.tick(clock.now())
        notes = list(recorder.notes)
    recorder.stop()
    return notes


def look(folder: Path, issues: dict[told.Name, str], rows: int) -> tuple[list[str], str]:
    """What is lost, and what is damaged, when the next engine opens what a cut has left."""
    path = folder / "lastvagt.sqlite"
    try:
        Writer(path, simulated=True).close()
        lost = told.lost(path, issues, rows)
        partial = told.partial(path, 0)
        found = told.integrity(path)
    except (Expected, sqlite3.DatabaseError, UnicodeDecodeError) as error:
        return [], str(error)
    return lost, "; ".join([*partial, *([found] if found != "ok" else [])])


def main(folder: Path, hours: int, cuts: int, seed: int, control: str = "") -> dict[str, object]:
    began = time.monotonic()
    source, left = (folder / "recorded").resolve(), folder / "left"
    source.mkdir(parents=True)
    notes = record(source, hours, "NORMAL" if control == "NORMAL" else "FULL")
    chance = random.Random(seed)
    words = [i + 1 for i, note in enumerate(notes) if note[0] == "told"]
    moments = sorted(chance.choice(words) if chance.random() < 0.3 else chance.randint(1, len(notes)) for _ in range(cuts))
    disk, played = Disk(lies=control == "LIES"), 0
    issues, rows = dict[told.Name, str](), 0
    lost, damaged = list[list[str]](), list[str]()
    for moment in moments:
        for note in notes[played:moment]:
            if note[0] != "told":
                disk.play(note)
            elif note[1][0] == "rows":
                rows += note[1][1]
            else:
                issues[note[1][1], note[1][2], note[1][3]] = note[1][4]
        played = moment
        shutil.rmtree(left, ignore_errors=True)
        left.mkdir()
        for name, content in disk.cut(chance).items():
            (left / name).write_bytes(content)
        gone, wrong = look(left, issues, rows)
        lost += [gone] if gone else []
        damaged += [wrong] if wrong else []
    kinds = [note[0] for note in notes]
    return {
        "cuts": cuts,
        "issues": len(issues),
        "writes": kinds.count("write"),
        "syncs": kinds.count("sync"),
        "lost": lost,
        "damaged": damaged,
        "seconds": round(time.monotonic() - began, 1),
    }


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        print(json.dumps(main(Path(sys.argv[1]), *map(int, sys.argv[2:5]), *sys.argv[5:6])))  # type: ignore[arg-type]
