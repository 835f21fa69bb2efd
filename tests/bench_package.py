"""Measures what README quotes of the frozen programs: sizes, and how long they take to start. Prints a table, writes out/bench-package.json.

make bench-package        (or, as root, so that a start from a cold disk can be measured: python tests/bench_package.py)
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterable
from pathlib import Path

from bench import machine
from filled_store import NOW, fill

from engine import clock

ROOT = Path(__file__).parent.parent
PATIENCE_S = 60
#: Name, values of the runs, unit, goal.
Figure = tuple[str, list[float], str, str]


def sizes(dist: Path) -> list[Figure]:
    """MB (of 1024 x 1024 bytes, as du counts them) of what is installed: of the bytes of all files, and of the disk they take."""
    figures: list[Figure] = []
    for name, goal in (("lastvagt", "230"), ("lastvagt-engine", "110")):
        stats = [path.lstat() for path in (dist / name).rglob("*") if not path.is_dir()]
        figures.append((f"{name}, installed", [sum(stat.st_size for stat in stats) / 2**20], "MB", goal))
        if sys.platform != "win32":
            figures.append((f"{name}, on disk", [sum(stat.st_blocks for stat in stats) * 512 / 2**20], "MB", goal))
    return figures


def downloads(folder: Path) -> list[Figure]:
    """MB of 10^6 bytes of the packages that were built."""
    packages = sorted(path for kind in ("deb", "tar.gz", "exe", "dmg") for path in folder.glob(f"release-*/*.{kind}"))
    return [(path.name, [path.stat().st_size / 1e6], "MB", "70" if path.suffix == ".deb" else "") for path in packages]


def can_forget() -> bool:
    """Whether the system lets us empty its memory of files, as if it had just been switched on."""
    return sys.platform.startswith("linux") and os.access("/proc/sys/vm/drop_caches", os.W_OK)


def forget() -> None:
    os.sync()
    Path("/proc/sys/vm/drop_caches").write_text("3", encoding="ascii")


def starts(name: str, start_s: Callable[[], float], goal: str, runs: int) -> Iterable[Figure]:
    """Seconds from a cold disk where that can be had, and from a warm one."""
    if can_forget():
        cold = []
        for _ in range(runs):
            forget()
            cold.append(start_s())
        yield f"{name}, cold", cold, "s", goal
    start_s()
    yield f"{name}, warm", [start_s() for _ in range(runs)], "s", goal


def first_paint_s(program: Path, data: Path) -> float:
    """From the start of the app's process to the window painted with six weeks of the price areas."""
    command = [program / "lastvagt", "--data-dir", data, "--no-engine", "--until-painted", "--now", clock.iso(NOW)]
    alone = os.environ | {"XDG_CONFIG_HOME": str(data.parent), "HOME": str(data.parent)}
    began = time.perf_counter()
    with subprocess.Popen(command, env=alone, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "painted\n"
        return time.perf_counter() - began


def serving_s(program: Path, data: Path) -> float:
    """From the start of the engine's process to its first answer over HTTP."""
    command = [program / "lastvagt-engine", "run", "--simulated", "--data-dir", data]
    (data / "engine.log").unlink(missing_ok=True)
    began = time.perf_counter()
    with subprocess.Popen(command, env=os.environ | {"LASTVAGT_PORT": "0"}, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            line = next(line for line in process.stderr if " serves http://" in line)
            address = line.partition(" serves ")[2].split()[0]
            urllib.request.urlopen(f"{address}/v1/areas", timeout=PATIENCE_S).read()
            return time.perf_counter() - began
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=PATIENCE_S)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--dist", type=Path, default=ROOT / "dist", metavar="DIR", help="where make freeze, and make package, put things"
    )
    parser.add_argument(
        "--packages", type=Path, default=ROOT / "dist", metavar="DIR", help="where packages lie, if any were built"
    )
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", type=Path, default=ROOT / "out" / "bench-package.json")
    arguments = parser.parse_args()
    figures = sizes(arguments.dist) + downloads(arguments.dist)
    with tempfile.TemporaryDirectory() as name:
        data, simulated = fill(Path(name) / "data"), Path(name) / "simulated"
        app, alone = arguments.dist / "lastvagt", arguments.dist / "lastvagt-engine"
        subprocess.run([alone / "lastvagt-engine", "demo", "--days", "1", "--price-areas-only", "--out", name, "--data-dir", simulated],
                       check=True, stdout=subprocess.DEVNULL)  # fmt: skip
        figures += starts("app, start to first paint", lambda: first_paint_s(app, data), "2", arguments.runs)
        figures += starts(
            "engine beside the app, start to first answer", lambda: serving_s(app, simulated), "1.5", arguments.runs
        )
        figures += starts("engine alone, start to first answer", lambda: serving_s(alone, simulated), "1.5", arguments.runs)
    where = machine()
    print(f"\n{where['processor']}, {where['cores']} cores, {where['system']}, {where['date']}\n")
    print(
        f"| {'what':50s} | {'least':>8s} | {'median':>8s} | {'most':>8s} | goal |\n|{'-' * 52}|{'-' * 10}|{'-' * 10}|{'-' * 10}|------|"
    )
    for what, values, unit, goal in figures:
        columns = " | ".join(f"{value:8.2f}" for value in (min(values), statistics.median(values), max(values)))
        print(f"| {what:50s} | {columns} | {f'{goal} {unit}' if goal else unit} |")
    if not can_forget():
        print("\nRoot alone can measure a start from a cold disk.")
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        {"what": what, "values": [round(v, 3) for v in values], "unit": unit, "goal": goal}
        for what, values, unit, goal in figures
    ]
    arguments.json.write_text(json.dumps({"machine": where, "figures": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
