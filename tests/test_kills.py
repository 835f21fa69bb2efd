"""What an engine told is there after any kill: of the service in a child of ours, and of the program as it is started."""

from __future__ import annotations

import contextlib
import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import told

from engine import access, clock
from engine.domain import Expected
from engine.store import Reader

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills without warning are those of POSIX")

#: How long the program works before it is killed, at most.
_LIFE_S = 3.0


#: Kills ask nothing of a disk: what a process has written is there without it.
_MEMORY = Path("/dev/shm")


def killed(cycles: int, seed: int = 20261129) -> dict[str, object]:
    """What `kills.py` found, in a process of its own: only one without threads may fork."""
    script = Path(__file__).with_name("kills.py")
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as folder:
        command = [sys.executable, str(script), folder, str(cycles), str(seed)]
        one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        done = subprocess.run(command, env=os.environ | one_thread, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_no_kill_of_a_few_loses_an_issue_that_was_told() -> None:
    found = killed(cycles=3, seed=1)  # two of these kills wait until an issue was told
    assert (found["lost"], found["partial"], found["damaged"]) == ([], [], []), found
    assert found["issues"]


@pytest.mark.long
@pytest.mark.gate(
    "B1", "Kill -9 while the engine writes", target="1,000 kills: 0 acknowledged issues lost, 0 partial, the file sound"
)
def test_no_kill_loses_an_issue_that_was_told(gate: Callable[[str], None]) -> None:
    found = killed(cycles=1000)
    lost, partial, damaged = (len(found[what]) for what in ("lost", "partial", "damaged"))  # type: ignore[arg-type]
    gate(
        f"{found['cycles']:,} kills, {found['issues']:,} issues acknowledged: {lost} lost, {partial} partial, {damaged} damaged files"
    )
    assert not lost + partial + damaged, found
    assert found["issues"] > 500  # type: ignore[operator]


@pytest.mark.long
@pytest.mark.gate("B1", "Kill -9 of the installed program", target="20 kills of `run`: every issue that HTTP showed is there")
def test_no_kill_of_the_program_loses_an_issue_that_was_served(tmp_path: Path, gate: Callable[[str], None]) -> None:
    chance, shown = random.Random(7), set[str]()
    for number in range(20):
        forget_questions(tmp_path / "lastvagt.sqlite")
        shown |= life(tmp_path, time.monotonic() + 60, chance.uniform(0, _LIFE_S), shown if number % 2 == 0 else None)
    with contextlib.closing(Reader(tmp_path / "lastvagt.sqlite")) as reader:
        kept = {clock.iso(issue.issue_time) for issue in reader.issues(limit=100_000)}
    partial, lost = told.partial(tmp_path / "lastvagt.sqlite", 0), shown - kept
    gate(f"20 kills, {len(shown)} issues served: {len(lost)} lost, {len(partial)} partial")
    assert not lost
    assert not partial
    assert len(shown) >= 10
    assert told.integrity(tmp_path / "lastvagt.sqlite") == "ok"


def forget_questions(path: Path) -> None:
    """As if a minute had passed: sources may be asked again, which the first issue of an engine waits for."""
    if path.exists():
        with contextlib.closing(sqlite3.connect(path)) as db:
            db.execute("DELETE FROM fetch_limit")
            db.commit()


def life(folder: Path, patience: float, life_s: float, before: set[str] | None) -> set[str]:
    """Start the program, have it issue again and again, and kill it; where issues `before` are given, not before it has served
    others. Returns the issues that it served."""
    served: set[str] = set()
    command = [sys.executable, "-m", "engine", "run", "--simulated", "--data-dir", str(folder)]
    with subprocess.Popen(
        command, env=os.environ | {"LASTVAGT_PORT": "0", "LASTVAGT_BACKFILL_DAYS": "30"}, stderr=subprocess.DEVNULL
    ) as engine:
        try:
            endpoint = serving(folder, engine.pid, patience)
            end = time.monotonic() + life_s
            while time.monotonic() < (patience if before is not None and served <= before else end):
                endpoint.post("/v1/jobs/run", {"job": "forecast", "who": "test"})
                answer = endpoint.get("/v1/issues", {"area": "DK", "limit": 1000})
                served |= {row["issue_time"] for row in answer["rows"]}
                time.sleep(0.05)
        finally:
            engine.kill()
    return served


def serving(folder: Path, pid: int, patience: float) -> access.Endpoint:
    """The endpoint of an engine that has begun to serve."""
    while time.monotonic() < patience:
        with contextlib.suppress(Expected), contextlib.closing(Reader(folder / "lastvagt.sqlite")) as reader:
            state = reader.engine()
            if state is not None and state.pid == pid:
                return access.Endpoint(f"http://127.0.0.1:{state.port}", access.read(folder))
        time.sleep(0.02)
    raise AssertionError("The engine does not serve.")
