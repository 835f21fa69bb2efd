"""A start that is killed while it brings an older database up to date leaves the old or the new one, and a whole copy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills without warning are those of POSIX")

#: Kills ask nothing of a disk: what a process has written is there without it.
_MEMORY = Path("/dev/shm")


def killed(every: int) -> dict[str, dict[str, int]]:
    """What `migration_kills.py` found, in a process of its own: only one without threads may fork."""
    script = Path(__file__).with_name("migration_kills.py")
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as folder:
        command = [sys.executable, str(script), folder, str(every)]
        done = subprocess.run(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, int]] = json.loads(done.stdout)
    return found


def test_a_few_kills_leave_the_old_or_the_new() -> None:
    found = killed(every=25)
    assert not found["wrong"]
    assert all(found["kills"].values())


@pytest.mark.long
@pytest.mark.gate(
    "B8",
    "Kill -9 while an older database is brought up to date",
    target="every schema, every statement and within: the old or the new, never between; the next start ends it",
)
def test_no_kill_leaves_anything_between_old_and_new(gate: Callable[[str], None]) -> None:
    found = killed(every=1)
    kills = found["kills"]
    gate(f"{sum(kills.values())} kills over {len(kills)} older schemas: {len(found['wrong'])} left something else")
    assert not found["wrong"]
    assert min(kills.values()) > 20
