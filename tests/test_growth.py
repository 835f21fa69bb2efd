"""What two years leave on the disk: hourly issues, weather, load, scores and jobs, through the real writer and its maintenance."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import filled_store
import histories
import numpy as np
import pytest

from engine import clock, pipeline
from engine.config import Config
from engine.domain import HOUR, WEATHER, Draft, JobRun, Observations, QuantileForecast, Series
from engine.store import Writer, codec

START = clock.parse_utc("2026-01-01T00:00Z")
_AREAS = ("DK1", "DK2")
#: Job runs are kept for 90 days: of earlier ones nothing is left, so that they need not be written.
_RUNS_D = 100
_EVERY_S = {"ingest": 15 * 60, "score": 15 * 60, "forecast": HOUR}
#: Days between two looks at everything, in place of seven: they leave nothing on the disk and take time.
_LOOK_EVERY_D = 90
#: The most that rotated logs take: six files.
_LOG_BYTES = 60_000_000


@dataclass(frozen=True, slots=True)
class Grown:
    """Bytes at the end, and of the write-ahead log at its largest."""

    database: int
    largest_log: int
    issues: int


def issue(area: str, at: int, rng: np.random.Generator) -> QuantileForecast:
    """An issue as ragged as models make them, with the draft it was made of."""
    plain = filled_store.forecast(area, at)
    hours = len(plain.valid_time)
    middle = plain.median * (1 + 0.01 * rng.standard_normal(hours).cumsum() / np.sqrt(hours))
    spread = (plain.quantiles - plain.median[:, None]) * (1 + 0.05 * rng.standard_normal((hours, 1)))
    quantiles = np.sort(np.maximum(middle[:, None] + spread, 0.0), axis=1)
    experts = ("heads", "trees_l1", "trees_l2", "seasonal_naive")
    medians = middle[:, None] * (1 + 0.01 * rng.standard_normal((hours, len(experts))))
    names = ("wind_speed_anomaly", "wind_chill_anomaly")
    draft = Draft(experts, medians, names, rng.standard_normal((hours, 2)), 0.01 * rng.standard_normal((hours, 2)))
    largest = float(quantiles.max())
    return QuantileForecast(
        area, "total", at, plain.valid_time, plain.levels, codec.quantise(quantiles, largest), plain.tier, plain.reason,
        "price-areas-full-2024-06", {"weather_age_h": 3}, draft=codec.quantise_draft(draft, largest),
    )  # fmt: skip


@pytest.fixture(autouse=True)
def rare_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "_EXAMINED_EVERY", _LOOK_EVERY_D)


def grow(folder: Path, days: int) -> Grown:
    """Let so many days be written, hour by hour."""
    config, rng, largest = Config(data_dir=folder), np.random.default_rng(9), 0
    log = config.database.with_name(f"{config.database.name}-wal")
    with contextlib.closing(Writer(config.database)) as writer:
        writer._db.execute(
            "PRAGMA synchronous=OFF"
        )  # no power fails here: it is room that counts, and a write to the disk takes none
        for hour in range(days * 24):
            now = START + hour * HOUR
            writer.put_forecasts([issue(area, now, rng) for area in ("DK", *_AREAS)], now)
            writer.put(list(measured(now, rng)), now=now)
            if hour % 6 == 0:
                writer.put(list(weather(now, rng)), now=now)
            if days - hour // 24 <= _RUNS_D:
                for job, every_s in _EVERY_S.items():
                    for at in range(now, now + HOUR, every_s):
                        writer.put_job_run(
                            JobRun(job, at, at + 2, "ok", detail={"energidataservice/load": {"new": 2, "revised": 1}})
                        )
            if hour % 24 == 3:
                for area in ("DK", *_AREAS):
                    writer.put_scores(list(filled_store.scores(area, now, 1)))
                run = pipeline.maintain(writer, config, now)
                assert run.status == "ok", run
            largest = max(largest, log.stat().st_size if log.exists() else 0)
        issues = writer._db.execute("SELECT count(*) FROM forecast_run").fetchone()[0]
    return Grown(config.database.stat().st_size, largest, int(issues))


def measured(now: int, rng: np.random.Generator) -> list[Observations]:
    """The newest hour of load of each price area, and that of a day before as it was settled."""
    found = []
    for area in _AREAS:
        hours = np.array([now - 2 * HOUR, now - 26 * HOUR], np.int64)
        load = np.round(histories.load_at(hours) * (1 + 0.01 * rng.standard_normal(2)), 3)
        found.append(Observations(Series("load", area, "energidataservice"), hours, np.full(2, now), load, np.zeros(2, np.uint8)))
    return found


def weather(now: int, rng: np.random.Generator) -> list[Observations]:
    """A weather forecast of nine days, every value changed."""
    hours = now + HOUR * np.arange(9 * 24, dtype=np.int64)
    flags, known = np.zeros(len(hours), np.uint8), np.full(len(hours), now)
    return [
        Observations(Series(quantity, area, "open-meteo"), hours, known, np.round(rng.uniform(5, 15, len(hours)), 1), flags)
        for area in _AREAS
        for quantity in WEATHER
    ]


def test_a_few_days_keep_the_log_small(tmp_path: Path) -> None:
    grown = grow(tmp_path, days=2)
    assert grown.largest_log <= 32_000_000
    assert grown.issues == 2 * 24 * 3


@pytest.mark.long
@pytest.mark.gate(
    "B9",
    "Growth in two years",
    target="database, its log and the logs of the program at most 500 MB; its log at most 32 MB at every step",
)
def test_two_years_stay_small(tmp_path: Path, gate: Callable[[str], None]) -> None:
    grown = grow(tmp_path, days=730)
    gate(
        f"two years, default settings: database {grown.database / 1e6:.0f} MB and at most {_LOG_BYTES / 1e6:.0f} MB of logs, "
        f"its write-ahead log at most {grown.largest_log / 1e6:.1f} MB; {grown.issues:,} issues kept"
    )
    assert grown.database + _LOG_BYTES <= 500_000_000
    assert grown.largest_log <= 32_000_000
