"""Measures how time, memory and database grow with the number of series, one size in a process of its own; prints JSON.

python tests/bench_reach.py 118

A store is filled with synthetic load (11 days late but for the price areas) and weather, and with two weeks of issues: real ones
of this moment, set back hour by hour. Then the engine's own jobs run on it. The database of a year is bytes a row, as SQLite
reports them for each table after that, times the rows that a year and the settings on retention make.
"""

from __future__ import annotations

import json
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import histories
import numpy as np

from engine import clock, geography, lag, pipeline
from engine.config import Config
from engine.domain import DAY, HOUR, WEATHER, Consumer, FloatArray, IntArray, Observations, Series
from engine.forecaster import Forecaster
from engine.geography import Kind
from engine.store import Reader, Writer, codec

#: Ten o'clock Danish time, when every series is issued.
NOW = clock.parse_utc("2026-06-10T08:00Z")
LAG_S = 11 * DAY
HISTORY_D, ISSUES_D, DRAFTS_D = 130, 14, 47
#: Settings of a small database.
SMALL: dict[str, object] = {"thin_forecasts_after_days": 20, "keep_forecasts_days": 180}
_HOURLY = "(area, consumer_type) IN (SELECT area, consumer_type FROM forecast_run WHERE issue_time = ?)"


def consumers(n: int) -> list[Consumer]:
    """n consumers: the price areas, then regions by type, two feeders, municipalities, grid areas."""
    regions = [Consumer(area, kind) for area in geography.of_kind(Kind.REGION, NOW) for kind in geography.REGION_TYPES]
    feeders = [Consumer("DK1-feeder"), Consumer("DK2-feeder")]
    many = [Consumer(code, "household") for code in geography.of_kind(Kind.MUNICIPALITY)]
    many += [Consumer(f"DK1-{number}") for number in range(1000)]
    return [Consumer(area) for area in geography.PRICE_AREAS] + (regions + feeders + many)[: n - 3]


def put(writer: Writer, of: Consumer, valid: IntArray, value: FloatArray, known: IntArray, quantity: str = "load") -> None:
    series = Series(quantity, of.area, "bench", of.consumer_type)
    writer.put([Observations(series, valid, known, np.round(value, 3), np.zeros(len(valid), np.uint8))])


def load(valid: IntArray, mean: float, rng: np.random.Generator) -> FloatArray:
    values: FloatArray = histories.load_at(valid, mean) * np.exp(0.02 * rng.normal(size=len(valid)))
    return values


def fill(writer: Writer, of: list[Consumer]) -> None:
    """Load of each consumer that has its own, and weather of the price areas."""
    rng = np.random.default_rng(1)
    now_hour = clock.floor_hour(NOW)
    for area, mean in (("DK1", 2600.0), ("DK2", 1500.0)):
        valid = np.arange(NOW - HISTORY_D * DAY, now_hour - 2 * HOUR, HOUR, dtype=np.int64)
        put(writer, Consumer(area), valid, load(valid, mean, rng), valid + 2 * HOUR)
        valid = np.arange(NOW - HISTORY_D * DAY, now_hour + 9 * DAY, HOUR, dtype=np.int64)
        for quantity in WEATHER:
            put(writer, Consumer(area), valid, 8 + 4 * np.sin(valid / DAY), np.minimum(valid, NOW) - 6 * HOUR, quantity)
    last = clock.local_midnight(clock.local(NOW - LAG_S).date())
    valid = np.arange(NOW - HISTORY_D * DAY, last, HOUR, dtype=np.int64)
    for each in of[3:]:
        put(writer, each, valid, load(valid, 20 * rng.lognormal(), rng), (valid // DAY + 1) * DAY + LAG_S)


def set_back(path: Path, made_at: int, hours: range) -> None:
    """Copies of every issue made at a moment, as if made so many hours earlier."""
    with sqlite3.connect(path) as db:
        columns = [row[1] for row in db.execute("PRAGMA table_info(forecast_run)")][1:]
        at = {name: i for i, name in enumerate(columns)}
        names = ", ".join(columns)
        for row in db.execute(f"SELECT {names} FROM forecast_run WHERE issue_time = ?", (made_at,)).fetchall():
            for back in hours:
                copy = list(row)
                for name in ("issue_time", "valid_start"):
                    copy[at[name]] -= back * HOUR
                identity = [copy[at[name]] for name in ("area", "consumer_type", "issue_time", "valid_start", "quantiles")]
                copy[at["digest"]] = codec.digest(*identity)
                db.execute(f"INSERT OR IGNORE INTO forecast_run({names}) VALUES({','.join('?' * len(columns))})", copy)
    db.close()


def seconds(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def a_day_arrives(writer: Writer, of: list[Consumer], now: int) -> None:
    """One more day of load of each late series."""
    rng = np.random.default_rng(2)
    first = clock.local_midnight(clock.local(NOW - LAG_S).date())
    valid = first + HOUR * np.arange(24)
    for each in of[3:]:
        put(writer, each, valid, load(valid, 20.0, rng), np.full(24, now))


def bytes_a_row(path: Path) -> dict[str, float]:
    """Of each table, with its indices and the unused part of its pages; of issues also by how often they are made."""
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        sizes = dict(
            db.execute("SELECT tbl_name, sum(pgsize) FROM dbstat JOIN sqlite_schema USING(name) GROUP BY tbl_name").fetchall()
        )
        rows = {table: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in sizes}
        lengths = "SELECT avg(length(quantiles) + length(inputs) + 200) FROM forecast_run"
        mean = db.execute(lengths).fetchone()[0]
        by_kind = {
            kind: db.execute(
                f"{lengths} WHERE issue_time = ? AND {'NOT' * (kind == 'daily')} {_HOURLY}", (NOW, NOW + HOUR)
            ).fetchone()
            for kind in ("hourly", "daily")
        }
    db.close()
    found = {table: size / max(1, rows[table]) for table, size in sizes.items()}
    return found | {kind: found["forecast_run"] * (length or mean) / mean for kind, (length,) in by_kind.items()}


def megabytes_a_year(size: dict[str, float], hourly: int, daily: int, drafts: int, series: int, config: Config) -> float:
    """Of a database in its first year, with `hourly` and `daily` consumers that are issued, and so many drafts an hour."""
    kept = min(config.keep_forecasts_days or 365, 365)
    all_kept = min(config.thin_forecasts_after_days or kept, kept)
    weather = 2 * len(WEATHER) * 9 * 24 * 4 * 365  # nine days ahead, four times a day, every value changed
    rows = {
        "hourly": hourly * (24 * all_kept + kept - all_kept),
        "daily": daily * kept,
        "forecast_latest": (hourly + daily) * 24 * all_kept,
        "draft": drafts * 24 * DRAFTS_D,
        "score_day": (2 * (hourly + daily) + 3) * 365,  # two truths, of gross consumption three
        "observation": (series + 4) * 8760 + weather,  # 4: settlement and self-consumption of two price areas
    }
    parts = {table: count * size[table] / 1e6 for table, count in rows.items()}
    print({table: round(part) for table, part in parts.items()}, file=sys.stderr)
    return sum(parts.values())


def measure(n: int, folder: Path) -> dict[str, float]:
    of = consumers(n)
    writer = Writer(folder / "lastvagt.sqlite")
    reader = Reader(writer.path)
    fill(writer, of)
    forecaster = Forecaster(Config().model_dir)

    def forecast(moment: int) -> None:
        run = pipeline.forecast(writer, reader, forecaster, moment, moment)
        late = pipeline.forecast_late(writer, reader, forecaster, moment, moment)
        assert (run.status, late.status) == ("ok", "ok"), (run, late)

    taken = [seconds(lambda moment=moment: forecast(moment)) for moment in (NOW - 2, NOW - 1, NOW)]  # type: ignore[misc]
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    issued = len(reader.issues(start=NOW, limit=100_000))
    forecast(NOW + HOUR)
    hourly = len(reader.issues(start=NOW + HOUR, limit=100_000))
    set_back(writer.path, NOW, range(24, ISSUES_D * 24, 24))
    set_back(writer.path, NOW + HOUR, range(1, ISSUES_D * 24))
    lags = sorted(seconds(lambda: lag.measure(reader, NOW)) for _ in range(5))[2]
    pipeline.score(writer, reader, NOW, settled_after_days=15)
    a_day_arrives(writer, of, NOW + HOUR)
    scored = seconds(lambda: pipeline.score(writer, reader, NOW + HOUR, settled_after_days=15))
    with sqlite3.connect(writer.path) as db:
        drafts = db.execute("SELECT count(*) FROM draft WHERE issue_time = ?", (NOW + HOUR,)).fetchone()[0]
    db.close()
    size = bytes_a_row(writer.path)
    year = {
        name: megabytes_a_year(size, hourly, issued - hourly, drafts, n - 1, Config.load(None, {}, **settings))
        for name, settings in (("default", {}), ("small", SMALL))
    }
    reader.close()
    writer.close()
    return {
        "series": n,
        "issues": issued,
        "forecast_s": sorted(taken)[1],
        "forecast_mb": resident,
        "score_s": scored,
        "lag_ms": 1e3 * lags,
        "year_mb": year["default"],
        "small_year_mb": year["small"],
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(int(sys.argv[1]), Path(folder))))
