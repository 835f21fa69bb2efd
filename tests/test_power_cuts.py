"""What an engine told is there after the power fails, at any moment and whatever of the un-synced writes had arrived."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from recording_disk import Disk, library

pytestmark = pytest.mark.skipif(
    sys.platform == "win32" or library() is None, reason="this Python's SQLite does not let a file system be put beneath it"
)


def cut(folder: Path, hours: int, cuts: int, control: str = "", seed: int = 20261129) -> dict[str, object]:
    """What `power_cuts.py` found, in a process of its own."""
    script = Path(__file__).with_name("power_cuts.py")
    command = [sys.executable, str(script), str(folder / f"cuts{control}"), str(hours), str(cuts), str(seed), *control.split()]
    done = subprocess.run(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_what_was_synced_survives_and_the_rest_may_not() -> None:
    disk, chance = Disk(), random.Random(1)
    for note in (
        ("create", "a-wal"),
        ("write", "a-wal", 0, b"x" * 1500),
        ("sync", "a-wal"),
        ("write", "a-wal", 1000, b"y" * 1500),
        ("truncate", "a-wal", 100),
    ):
        disk.play(note)
    left = [disk.cut(chance)["a-wal"] for _ in range(200)]
    assert all(each[:100] == b"x" * 100 for each in left)
    assert {len(each) for each in left} >= {100, 1500, 2500}
    assert any(len(each) > 2000 and set(each) > {*b"xy"} for each in left), "some is garbage"
    lying = Disk(lies=True)
    for note in (("create", "a-wal"), ("write", "a-wal", 0, b"x"), ("sync", "a-wal")):
        lying.play(note)
    assert {lying.cut(chance).get("a-wal") for _ in range(50)} >= {None}


def test_no_power_cut_of_a_few_loses_an_issue_that_was_told(tmp_path: Path) -> None:
    found = cut(tmp_path, hours=2, cuts=25)
    assert (found["lost"], found["damaged"]) == ([], []), found
    assert found["issues"]


@pytest.mark.long
@pytest.mark.gate(
    "B2",
    "Power cut while the engine writes",
    target="2,000 cuts: 0 acknowledged issues lost, 0 files damaged; with synchronous=NORMAL some are lost, with a disk that lies more",
)
def test_no_power_cut_loses_an_issue_that_was_told(tmp_path: Path, gate: Callable[[str], None]) -> None:
    found = cut(tmp_path, hours=72, cuts=2000)
    normal, lying = cut(tmp_path, 24, 300, "NORMAL"), cut(tmp_path, 24, 300, "LIES")
    figures = [
        f"{each['cuts']:,} cuts among {each['writes']:,} writes and {each['syncs']:,} syncs: {len(each['lost'])} lost something, "  # type: ignore[arg-type]
        f"{len(each['damaged'])} damaged"  # type: ignore[arg-type]
        for each in (found, normal, lying)
    ]
    gate(f"{figures[0]}. Control NORMAL: {figures[1]}. Control, a disk that lies: {figures[2]}. SQLite {sqlite3.sqlite_version}")
    assert (found["lost"], found["damaged"]) == ([], []), found
    assert normal["lost"]
    assert lying["damaged"]
