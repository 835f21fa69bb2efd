"""Measures what README quotes: store, features, inference, cycle, memory, start-up, growth. Prints a table, writes out/bench.json.

make bench        (or: python tests/bench.py [--json FILE])
"""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import gzip
import json
import os
import platform
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import histories
import numpy as np
import psutil
from filled_store import fill, forecast

import engine
from engine import clock, features, pipeline, replay
from engine.config import Config
from engine.domain import DAY, HORIZON_H, HOUR, WEATHER, Observations, Series
from engine.forecaster import Forecaster
from engine.store import Reader, Writer, replica

NOW = clock.parse_utc("2026-06-10T08:00Z")
Figure = tuple[str, float, str, str]


def times_ms(run: Callable[[], object], repeats: int) -> list[float]:
    """Milliseconds of each of `repeats` calls after a warm-up."""
    for _ in range(3):
        run()
    taken = []
    for _ in range(repeats):
        began = time.perf_counter()
        run()
        taken.append(1e3 * (time.perf_counter() - began))
    return taken


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def bench_import(folder: Path) -> list[Figure]:
    """A file of 2.6 million rows, and the same again."""
    path = folder / "big.csv.gz"
    series, hours = 104, 25_000
    start = clock.parse_utc("2023-01-01T00:00Z")
    stamps = [clock.iso(start + HOUR * i) for i in range(hours)]
    shape = histories.load_at(start + HOUR * np.arange(hours), 60.0)
    with gzip.open(path, "wt", compresslevel=1, newline="") as file:
        out = csv.writer(file)
        out.writerow(("valid_time", "area", "quantity", "value"))
        for at, value in zip(stamps, shape, strict=True):
            out.writerows((at, f"M{s:03d}", "load", f"{value * (1 + s / 50):.3f}") for s in range(series))
    writer = Writer(folder / "big" / "lastvagt.sqlite")
    reader = Reader(writer.path)
    figures: list[Figure] = []
    for name in ("import of 2.6 million rows", "import of the same file again"):
        began = time.perf_counter()
        run = pipeline.import_file(writer, reader, path, "csv", 2 * HOUR, NOW)
        figures.append((name, time.perf_counter() - began, "s", "40"))
        expected = series * hours if name.endswith("rows") else 0
        assert run.detail["new"] == expected, run
    reader.close()
    writer.close()
    return figures


def pile_up_weather(writer: Writer, reader: Reader, now: int) -> None:
    """What a quarter of a year leaves in the store: a new weather forecast of nine days each six hours, every value changed."""
    rng = np.random.default_rng(3)
    weather = [s for s in reader.series() if s.quantity in WEATHER]
    for run in range(now - 95 * DAY, now, 6 * HOUR):
        hours = run + HOUR * np.arange(9 * 24, dtype=np.int64)
        known, flags = np.full(len(hours), run), np.zeros(len(hours), np.uint8)
        values = [np.round(rng.uniform(5, 15, len(hours)), 1) for _ in weather]
        series = [Series(s.quantity, s.area, s.source) for s in weather]
        writer.put([Observations(s, hours, known, v, flags, simulated=True) for s, v in zip(series, values, strict=True)])


def bench_forecast(folder: Path) -> list[Figure]:
    """Features, inference and the whole job, on a store with a quarter of a year of load and of weather as it was forecast."""
    archive = histories.archive(NOW)
    span = features.window(NOW)
    history = archive.as_of(NOW, *span)
    hours = NOW + HOUR * np.arange(1, HORIZON_H + 1)
    forecaster = Forecaster(Config().model_dir)
    bundle = next(b for b in forecaster.bundles if b.tier == "full")
    matrix = features.build(history, "DK1", hours)
    assert matrix is not None
    config = Config.load(environment={}, data_dir=folder / "cycle", simulated=True)
    replay.demo(config, days=1)
    writer = Writer(config.database, simulated=True)
    reader = Reader(config.database)
    newest = reader.issues("DK1", limit=1)[0].issue_time
    pile_up_weather(writer, reader, newest)
    offset = iter(range(1, 1000))

    def cycle() -> None:
        moment = newest + next(offset)
        run = pipeline.forecast(writer, reader, forecaster, moment, moment)
        assert run.status == "ok", run

    figures: list[Figure] = [
        ("known-as-of cut, one issue", statistics.median(times_ms(lambda: archive.as_of(NOW, *span), 50)), "ms", ""),
        ("features, one area, 168 h", statistics.median(times_ms(lambda: features.build(history, "DK1", hours), 50)), "ms", ""),
        ("inference, one area, 168 h x 13 levels, p95", p95(times_ms(lambda: bundle.predict(matrix), 300)), "ms", "5"),
        ("forecast job of DK, DK1, DK2, median", statistics.median(times_ms(cycle, 30)), "ms", "150"),
    ]
    reader.close()
    writer.close()
    return figures


def bench_growth(folder: Path) -> list[Figure]:
    """Twelve days of the whole program, hourly; growth of the database over the last four as a year.

    By then all lead times are scored, against first published and, since it counts as settled after two days here, settled truth.
    """
    config = Config.load(environment={}, data_dir=folder / "growth", simulated=True, settled_after_days=2)
    end = clock.floor_hour(int(time.time()))
    replay.demo(config, days=8, end=end - 4 * DAY)
    before = config.database.stat().st_size
    began = time.perf_counter()
    replay.demo(config, days=4, end=end)
    hourly = (time.perf_counter() - began) / (4 * 24 + 1)
    with sqlite3.connect(config.database) as db:
        tables = db.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name ORDER BY 2 DESC LIMIT 6").fetchall()
    grown = (config.database.stat().st_size - before) / 4 * 365 / 1e6
    print("largest tables:", ", ".join(f"{name} {size / 1e6:.1f} MB" for name, size in tables), file=sys.stderr)
    return [
        ("one simulated hour: ingest, forecast, score", 1e3 * hourly, "ms", ""),
        ("database growth, three areas, hourly issues", grown, "MB/year", "150"),
    ]


def bench_replica(folder: Path) -> list[Figure]:
    """The copy that a screen elsewhere reads, of a year of price areas: hourly load, weather, and an issue of each area each hour."""
    fill(folder, NOW, days=365)
    path = folder / "lastvagt.sqlite"
    writer = Writer(path)
    for issued in range(NOW - 365 * DAY, NOW, HOUR):
        writer.put_forecasts([forecast(area, issued) for area in ("DK", "DK1", "DK2")], issued)
    writer.close()
    began = time.perf_counter()
    packed = replica.copy(path, NOW)
    copied = time.perf_counter() - began
    began = time.perf_counter()
    replica.install(packed, folder / "screen.sqlite")
    return [
        ("replica of a year of price areas, on the wire", len(packed) / 1e6, "MB", ""),
        ("replica, database it is made of", path.stat().st_size / 1e6, "MB", ""),
        ("replica, made by the engine", copied, "s", ""),
        ("replica, taken over by the screen", time.perf_counter() - began, "s", ""),
    ]


def bench_reach(_: Path) -> list[Figure]:
    """The jobs on 3, 118 and 1,000 series, each in a process of its own; what grows faster than the number of series is told."""
    script = Path(__file__).with_name("bench_reach.py")
    goals = {
        "forecast_s": ("forecast job, all series at once", "s", "2"),
        "forecast_mb": ("memory of the forecast job", "MB", "400"),
        "score_s": ("scoring a day of truth of every series", "s", "3"),
        "lag_ms": ("lag of every series", "ms", "100"),
        "year_mb": ("database of a year", "MB", "1500"),
        "small_year_mb": ("database of a year, thinned after 20 days and kept for 180", "MB", "500"),
    }
    sizes = [3, 118, 1000]
    found = [
        json.loads(subprocess.run([sys.executable, str(script), str(n)], stdout=subprocess.PIPE, text=True, check=True).stdout)
        for n in sizes
    ]
    print(f"\n| {'growth':58s} | {' | '.join(f'{n:>8,d}' for n in sizes)} | per series, 118 to 1,000 |", file=sys.stderr)
    for name, (what, unit, _goal) in goals.items():
        slope = (found[2][name] - found[1][name]) / (sizes[2] - sizes[1]) / (found[1][name] / sizes[1])
        cells = " | ".join(f"{answer[name]:8.3g}" for answer in found)
        print(f"| {f'{what}, {unit}':58s} | {cells} | x {slope:.2f} |", file=sys.stderr)
    return [
        (f"{what}, {n:,d} series", answer[name], unit, goal if n == 118 else "")
        for n, answer in zip(sizes, found, strict=True)
        for name, (what, unit, goal) in goals.items()
    ]


#: The engine's service and endpoint in one process, through a day of its plan on a clock that is set forward.
_DAY_OF_WORK = """
import sys
from pathlib import Path
import psutil
from engine import api
from engine.clock import SimulatedClock, SystemClock
from engine.config import Config
from engine.http_server import HttpServer
from engine.service import Service
from engine.store import Reader
config = Config.load(environment={}, data_dir=Path(sys.argv[1]), simulated=True)
time = SimulatedClock(SystemClock().now() - 86400)
with Service(config, time) as service:
    server = HttpServer(api.create(Reader(config.database), time), "127.0.0.1", 0)
    server.start()
    service.tick(time.now())
    for _ in range(24 * 12):
        time.sleep(300)
        service.tick(time.now())
    resident = psutil.Process().memory_info().rss / 1e6
    server.stop()
print(resident)
"""


def bench_memory(folder: Path) -> list[Figure]:
    """Memory of the headless engine after a day of simulated work, every five minutes of it asked for."""
    command = [sys.executable, "-c", _DAY_OF_WORK, str(folder / "day")]
    resident = float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return [("engine, resident memory after a day of simulated work", resident, "MB", "140")]


def bench_engine(folder: Path) -> list[Figure]:
    """The real engine as a process: start to serving, memory after a day of simulated work, idle CPU."""
    data = folder / "engine"
    replay.demo(Config.load(environment={}, data_dir=data, simulated=True), days=1)
    with tempfile.TemporaryFile() as log:
        command = [sys.executable, "-m", "engine", "run", "--data-dir", str(data), "--simulated"]
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | {"LASTVAGT_PORT": "0"})
        port = 0
        while True:
            if process.poll() is not None or time.perf_counter() - began > 30:
                log.seek(0)
                raise RuntimeError(log.read().decode())
            try:
                state = Reader(data / "lastvagt.sqlite").engine()
                port = state.port if state and state.pid == process.pid else 0
                if port:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).read()
                    break
            except OSError:
                pass
            time.sleep(0.01)
        started = time.perf_counter() - began
        time.sleep(20)
        for route in ("/v1/forecast?area=DK", "/v1/scores?area=DK1", "/v1/observations?area=DK1&quantity=load", "/metrics"):
            urllib.request.urlopen(f"http://127.0.0.1:{port}{route}", timeout=10).read()
        time.sleep(2)
        watched = psutil.Process(process.pid)
        resident = watched.memory_info().rss / 1e6
        cpu = sum(watched.cpu_times()[:2])
        time.sleep(30)
        idle = 100 * (sum(watched.cpu_times()[:2]) - cpu) / 30
        stop = time.perf_counter()
        process.terminate()
        code = process.wait(15)
        assert code == 0, code
    return [
        ("engine, start to serving", started, "s", "1.5"),
        ("engine, resident memory after forecasts and requests", resident, "MB", "140"),
        ("engine, idle CPU", idle, "%", "0.5"),
        ("engine, stop", time.perf_counter() - stop, "s", "10"),
    ]


def bench_app(_: Path) -> list[Figure]:
    """The app's own benchmark, as its own process."""
    script = Path(__file__).with_name("bench_app.py")
    answer = json.loads(subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True).stdout)
    return [
        ("app, process start to first paint of a filled database", answer["first_paint_s"], "s", "1.5"),
        ("app, redraw of a year of hours with bands", answer["year_redraw_ms"], "ms", "60"),
        ("app, panning a year of the whole forecast view", answer["year_pan_ms"], "ms", "25"),
        ("app, switching among 118 consumers", answer["switch_consumer_of_118_ms"], "ms", "100"),
        (
            "app, longest turn of the main thread at the desk",
            max(cpu for cpu, _ in answer["longest_turns_ms"].values()),
            "ms",
            "100",
        ),
        ("app, painting the map of 98 municipalities", answer["map_paint_ms"], "ms", "25"),
    ]


def machine() -> dict[str, Any]:
    """Where the figures were taken."""
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.processor(),
    )
    return {
        "date": dt.date.today().isoformat(),  # noqa: DTZ011
        "processor": model,
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "lastvagt": engine.__version__,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, default=Path("out/bench.json"))
    parser.add_argument("--only", default="import,forecast,growth,replica,reach,engine,memory,app")
    arguments = parser.parse_args()
    benches = {
        "import": bench_import,
        "forecast": bench_forecast,
        "growth": bench_growth,
        "replica": bench_replica,
        "reach": bench_reach,
        "engine": bench_engine,
        "memory": bench_memory,
        "app": bench_app,
    }
    figures: list[Figure] = []
    for name in arguments.only.split(","):
        print(f"{name} ...", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory() as folder:
            figures += benches[name](Path(folder))
    where = machine()
    print(f"\n{where['processor']}, {where['cores']} cores, {where['system']}, Python {where['python']}, {where['date']}\n")
    print(f"| {'what':55s} | {'measured':>12s} | goal |\n|{'-' * 57}|{'-' * 14}|------|")
    for what, value, unit, goal in figures:
        print(f"| {what:55s} | {value:7.3g} {unit:>4s} | {f'{goal} {unit}' if goal else '':s} |")
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    rows = [{"what": w, "value": round(v, 4), "unit": u, "goal": g} for w, v, u, g in figures]
    arguments.json.write_text(json.dumps({"machine": where, "figures": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
