"""Frozen programs where somebody deletes temporary files under them, as systems do at times."""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import frozen_programs
import pytest
from frozen_programs import PACKAGING

from engine import access
from engine.store import Reader

sys.path.insert(0, str(PACKAGING))

import smoke

#: What an engine with simulated data of the price areas can be told to do.
JOBS = ("ingest", "forecast", "score", "maintenance", "backup")


class Cleaner(threading.Thread):
    """Empties a folder again and again while it is entered, and counts what it deletes."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self.folder, self.deleted, self.ends = folder, 0, threading.Event()

    def run(self) -> None:
        while not self.ends.wait(0.02):
            for path in self.folder.iterdir():
                self.deleted += 1
                with contextlib.suppress(OSError):  # its owner was quicker
                    shutil.rmtree(path) if path.is_dir() else path.unlink()

    def __enter__(self) -> Cleaner:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ends.set()
        self.join()


def unpacked(*folders: Path) -> set[Path]:
    """What programs that are one file unpack when they start."""
    return {path for folder in folders for path in folder.glob("_MEI*")}


def does(data: Path, address: str, job: str) -> bool:
    """Whether an engine that is told to run a job does it well."""
    endpoint = access.Endpoint(address, access.read(data))
    with contextlib.closing(Reader(data / "lastvagt.sqlite")) as reader:
        before, end = reader.job_runs(job, limit=1), time.monotonic() + 180
        endpoint.post("/v1/jobs/run", {"job": job, "who": "test"})
        while (runs := reader.job_runs(job, limit=1)) == before and time.monotonic() < end:
            time.sleep(0.1)
    return runs != before and runs[0].status == "ok"


@pytest.mark.long
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="an open file cannot be deleted on Windows")
@pytest.mark.gate(
    "C10",
    "Frozen programs whose temporary files are deleted",
    target="all that is in TMPDIR deleted all the time: a simulated day, then each job of an engine that the app started, end well; nothing is unpacked there or in the system's folder",
)
def test_nothing_that_a_frozen_program_needs_lies_where_cleaners_work(tmp_path: Path, gate: Callable[[str], None]) -> None:
    for name in ("home", "tmp", "work"):
        (tmp_path / name).mkdir()
    place, data = smoke.Place(frozen_programs.frozen() / "lastvagt", tmp_path), tmp_path / "demo" / "data"
    systems = Path(tempfile.gettempdir())
    before = unpacked(systems)
    with place.running(tmp_path / "still", "lastvagt", "--simulated"):
        there = unpacked(tmp_path / "tmp", systems) - before
    with Cleaner(tmp_path / "tmp") as cleaner:
        told = smoke.demo(place, 1)
        with place.running(data, "lastvagt", "--simulated") as address:
            done = [job for job in JOBS if does(data, address, job)]
            there |= unpacked(systems) - before
    logs = "".join(log.read_text(encoding="utf-8") for log in data.glob("*.log"))
    faults = sum(" ERROR " in line or " CRITICAL " in line for line in logs.splitlines())
    gate(
        f"{told.removesuffix('.')}; {len(done)} of {len(JOBS)} jobs done, {faults} errors in the logs; "
        f"{cleaner.deleted} temporary files deleted, {len(there)} folders unpacked"
    )
    assert (done, faults, there) == (list(JOBS), 0, set()), logs
