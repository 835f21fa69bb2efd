"""A real engine on a disk that fills, on one that another program locks, or on one that takes nothing; prints JSON.

python tests/disk_troubles.py full|locked|read_only FOLDER SECONDS

`full` and `read_only` mount a disk of their own at the folder, and so want a mount namespace: unshare -rm.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from engine import access, clock
from engine.access import Endpoint
from engine.config import Config
from engine.domain import Expected
from engine.store import Reader

#: What the engine may take for anything that it does not do at once.
PATIENCE_S = 120.0
_SETTINGS = {"LASTVAGT_DISK_LOW_MB": "1", "LASTVAGT_BACKFILL_DAYS": "3", "LASTVAGT_PORT": "0"}


def start(folder: Path) -> subprocess.Popen[str]:
    """The engine as anybody starts it, on simulated data."""
    command = [sys.executable, "-m", "engine", "run", "--simulated", "--data-dir", str(folder)]
    return subprocess.Popen(command, env=os.environ | _SETTINGS, stderr=subprocess.PIPE, text=True)


def until(of: Callable[[], Any], patience_s: float = PATIENCE_S) -> tuple[Any, float]:
    """The first answer that is something, and how many seconds it took; whatever came last when patience ends."""
    began, found = time.monotonic(), None
    while not found and time.monotonic() - began < patience_s:
        with contextlib.suppress(Expected, FileNotFoundError):
            found = of()
        time.sleep(0.2)
    return found, round(time.monotonic() - began, 1)


def issues(folder: Path) -> list[tuple[str, int]]:
    """Every issue of a price area that is stored: area and issue time."""
    with contextlib.closing(Reader(Config(data_dir=folder, simulated=True).database)) as reader:
        return sorted((issue.area, issue.issue_time) for issue in reader.issues(limit=10_000))


@contextlib.contextmanager
def engine(folder: Path) -> Iterator[tuple[subprocess.Popen[str], Endpoint]]:
    """One that has made its first issue."""
    process = start(folder)
    try:

        def endpoint() -> Endpoint | None:
            with contextlib.closing(Reader(Config(data_dir=folder, simulated=True).database)) as reader:
                state = reader.engine()
            return None if state is None else Endpoint(state.url, access.read(folder))

        there, _ = until(endpoint)
        until(lambda: there.get("/health")["areas"])
        time.sleep(3)
        yield process, there
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    finally:
        process.kill()


def suffer(
    folder: Path, there: Endpoint, code: str, begin: Callable[[], Callable[[], None]], least_s: float
) -> dict[str, object]:
    """Begin a trouble, have an issue made in it, see how the engine tells of it, end it, and see the issue stored."""
    before = set(issues(folder))
    end, began = begin(), time.monotonic()
    asked = clock.SystemClock().now()
    there.post("/v1/jobs/run", {"job": "forecast", "who": "the test"})
    told, told_s = until(lambda: next((e for e in there.get("/health")["events"] if e["code"] == code), None))
    status, metrics = there.get("/health")["status"], there._call("GET", "/metrics")[1].decode()
    time.sleep(max(0.0, least_s - (time.monotonic() - began)))
    made_in_trouble = len(set(issues(folder)) - before)
    end()
    _, stored_s = until(lambda: [at for _, at in issues(folder) if at >= asked])
    quiet, quiet_s = until(lambda: all(e["code"] != code for e in there.get("/health")["events"]))
    after = issues(folder)
    return {
        "told": told,
        "told_s": told_s,
        "status": status,
        "in_metrics": f'code="{code}"' in metrics,
        "stored_in_trouble": made_in_trouble,
        "stored_s": stored_s,
        "quiet": quiet,
        "quiet_s": quiet_s,
        "stored_once": sorted(area for area, at in after if at >= asked and (area, at) not in before),
        "lost": len(before - set(after)),
        "whole": sqlite3.connect(Config(data_dir=folder, simulated=True).database)
        .execute("PRAGMA integrity_check")
        .fetchone()[0],
    }


def fill(folder: Path) -> Callable[[], None]:
    """Leave no byte free; returns what gives all of it back."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        for size in (1 << 20, 1 << 12):
            with contextlib.suppress(OSError):
                while file.write(bytes(size)):
                    pass
    return ballast.unlink


def lock(folder: Path) -> Callable[[], None]:
    """Lock the database against writing; returns what ends that."""
    db = sqlite3.connect(Config(data_dir=folder, simulated=True).database, timeout=30, isolation_level=None)
    db.execute("BEGIN IMMEDIATE")

    def end() -> None:
        db.execute("ROLLBACK")
        db.close()

    return end


def mount(*words: str) -> None:
    """Mount something in the namespace of this process."""
    subprocess.run(["mount", *words], check=True)


def main(trouble: str, folder: Path, least_s: float) -> dict[str, object]:
    """One trouble, and how the engine took it."""
    if trouble == "full":
        mount("-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder))
        with engine(folder) as (process, there):
            found = suffer(folder, there, "disk_full", lambda: fill(folder), least_s)
            return found | {"alive": process.poll() is None}
    if trouble == "locked":
        with engine(folder) as (process, there):
            found = suffer(folder, there, "locked", lambda: lock(folder), least_s)
            return found | {"alive": process.poll() is None}
    mount("--bind", str(folder), str(folder))
    mount("-o", "remount,bind,ro", str(folder))
    process = start(folder)
    _, words = process.communicate(timeout=PATIENCE_S)
    return {"exit": process.returncode, "words": words}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]))))
