"""Trains on the shared data to the end of a year and backtests the next, day ahead, in good and bad circumstances, against the goals.

make bench-accuracy; `--year 2021` for another year than 2022, `--trained-to 2020-06-30` for a model that was not refitted since.
Says so where the data are absent.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from engine import clock, pipeline, replay
from engine import report as report_page
from engine.domain import DAY, HORIZON_H, HOUR, WEATHER, Flag, Tier
from engine.evaluation import report
from engine.forecaster import Forecaster
from engine.store import FOREVER, Archive, Reader, Writer
from engine.store.archive import Versions
from models import bundle, sampling, train

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "data"
OUT = ROOT / "out" / "accuracy"
AREAS = ("DK1", "DK2", "DK")
#: Wanted figures by circumstance and area; worst months, holidays and noise below.
WAPE: Mapping[str, Mapping[str, float]] = {
    "good": {"DK1": 3.5, "DK2": 2.4, "DK": 2.75},
    "late": {"DK1": 4.2, "DK2": 3.1},
    "no_weather": {"DK1": 4.0, "DK2": 2.9},
}
SKILL = {"DK1": 0.46, "DK2": 0.52, "DK": 0.49}
WQL = {"DK1": 2.9, "DK2": 1.95, "DK": 2.25}
LEAST_WAPE = {"DK1": 3.9, "DK2": 2.7}

Change = Callable[[Archive], Archive]


class Altered:
    """A reader of a store in which things were known otherwise."""

    def __init__(self, reader: Reader, change: Change) -> None:
        self._reader, self._change = reader, change

    def archive(self, *given: Any, **more: Any) -> Archive:
        return self._change(self._reader.archive(*given, **more))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)


def late(archive: Archive) -> Archive:
    """Load becomes known in whole Danish days, on the ninth after: at 10:00 of D-1 to the end of D-10."""
    versions = dict(archive.versions)
    for key, v in archive.versions.items():
        if key[0] == "load":
            day, _ = clock.local_day_hour(v.valid_time)
            known = clock.local_day_time(day + 9, 0)
            versions[key] = Versions(v.valid_time, np.maximum(v.available_at, known), v.value, v.flags)
    return Archive(versions, archive.simulated)


def no_weather(archive: Archive) -> Archive:
    return Archive({key: v for key, v in archive.versions.items() if key[0] not in WEATHER}, archive.simulated)


def noisy(archive: Archive) -> Archive:
    """Before each issue of 10:00 the temperature after it is forecast with errors of 1.2 K, AR(1) 0.97; once it is past, it is known."""
    versions = dict(archive.versions)
    for key, v in archive.versions.items():
        if key[0] != "temperature":
            continue
        times, known, values = [v.valid_time], [v.available_at], [v.value]
        first, last = (int(clock.local_day_hour(v.valid_time[[i]])[0][0]) for i in (0, -1))
        for day in range(first + 1, last - 7):
            issue_time = clock.local_time(clock.EPOCH + dt.timedelta(days=day), 10)
            history = Archive({key: v}).as_of(FOREVER, issue_time - DAY, 24 + HORIZON_H)
            rng = np.random.default_rng(issue_time)
            forecast = sampling.with_weather_error(
                type(history)(issue_time, history.start, history.hours, history.values),
                rng.normal(size=(1, HORIZON_H + 1)),
                {"temperature": (1.2, 1.2, 1.2)},
            )
            grid = forecast.values[key][: 24 + 60]
            told = ~np.isnan(grid)
            times.append(history.times()[: len(grid)][told])
            known.append(np.full(told.sum(), issue_time - 1))
            values.append(grid[told])
        n = sum(map(len, times))
        rank = np.zeros(n, np.int64)
        rank[: len(v.valid_time)] = 1
        versions[key] = Versions.sort(
            np.concatenate(times), rank, np.concatenate(known), np.concatenate(values), np.full(n, Flag.EX_POST, np.uint8)
        )
    return Archive(versions, archive.simulated)


CIRCUMSTANCES: Mapping[str, tuple[str, Change | None]] = {
    "good": ("load known after 2 h, weather ex-post", None),
    "noisy": ("the same, temperature errors of 1.2 K", noisy),
    "late": ("load known to the end of D-10, weather ex-post", late),
    "no_weather": ("load known after 2 h, no weather", no_weather),
}


def judged(name: str, value: float, goal: float, most: bool = True) -> str:
    """One figure beside its goal."""
    reached = value <= goal if most else value >= goal
    return f"{name} {value:.3g} (goal {goal:g}{', reached' if reached else ', missed'})"


def store() -> Reader:
    """A store of the shared load and weather of the price areas, filled where it is not yet."""
    writer = Writer(OUT / "store" / "lastvagt.sqlite")
    now = int(time.time())
    for name, known_after in (
        ("load_price_area_hourly", 2 * HOUR),
        ("weather_hourly_by_source", -8 * DAY),
        ("tso_wind_solar_forecast_and_price_hourly", None),
    ):
        pipeline.import_file(writer, Reader(writer.path), DATA / f"{name}.csv.gz", "lastvagt-data", known_after, now)
    writer.close()
    return Reader(writer.path)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--year", type=int, default=2022, help="year of the backtest (default: %(default)s, the final test)")
    parser.add_argument("--models", type=Path, help="bundles to use instead of training some")
    parser.add_argument(
        "--trained-to",
        type=dt.date.fromisoformat,
        metavar="DAY",
        help="an earlier last day of training: shows what a model loses that is not refitted, and what learning online wins back",
    )
    arguments = parser.parse_args()
    if not DATA.is_dir():
        print(f"The data are not here ({DATA.parent.name}/{DATA.name} beside the project); nothing was measured.")
        return 0
    year, trained_to = arguments.year, arguments.trained_to or dt.date(arguments.year - 1, 12, 31)
    models = arguments.models or OUT / f"models-to-{trained_to}"
    circumstances = ["good"] if arguments.trained_to else list(CIRCUMSTANCES)
    reader = store()
    if arguments.models is None:
        for tier in [Tier.FULL] if arguments.trained_to else sampling.REGIMES:
            bundle.train(reader, clock.parse_utc("2015-04-05"), train.end_of(trained_to), tier, models)
    forecaster = Forecaster(models, reader.path.parent)
    found: dict[str, Mapping[str, Any]] = {}
    for name in circumstances:
        told, change = CIRCUMSTANCES[name]
        began = time.perf_counter()
        known = reader if change is None else Altered(reader, change)
        for calibrated in (False, True):
            collected = replay.collect(known, forecaster, dt.date(year, 1, 1), dt.date(year, 12, 31), AREAS, calibrate=calibrated)  # type: ignore[arg-type]
            found[name if calibrated else f"{name} raw"] = report(collected)["areas"]
            if name == "good" and calibrated:
                whole = report(collected)
                (OUT / f"backtest-{year}.json").write_text(json.dumps(whole, indent=1) + "\n")
                (OUT / f"backtest-{year}.html").write_text(report_page.backtest_page(whole))
        print(f"\n{year}, issued 10:00 the day before; {told}; {time.perf_counter() - began:.0f} s\n")
        print("| area | tier | raw WAPE % | WAPE % | skill | 95 % interval | WQL % | 80 % holds | 90 % holds | width 80 % |")
        print("|---|---|---|---|---|---|---|---|---|---|")
        for area, row in found[name].items():
            low, high = row["skill_interval_95"]
            print(
                f"| {area} | {'/'.join(row['tiers'])} | {found[f'{name} raw'][area]['wape']:.2f} | {row['wape']:.2f} | {row['skill']:.3f} "
                f"| {low:.2f} to {high:.2f} | {row['wql']:.2f} | {row['coverage_80']:.1f} | {row['coverage_90']:.1f} | {row['width_80']:.1f} |"
            )
    if arguments.trained_to:
        return 0
    print("\nAgainst the goals:\n")
    for area, row in found["good"].items():
        months = [m for m in row["by_month"].values() if m["n"] > 500]
        worst = {level: max((m[f"coverage_{level}"] - level for m in months), key=abs) for level in (80, 90)}
        special = row["by_holiday"]
        figures = [
            judged("WAPE", row["wape"], WAPE["good"][area]),
            judged("skill", row["skill"], SKILL[area], most=False),
            judged("WQL", row["wql"], WQL[area]),
            judged("80 % coverage error", abs(row["coverage_80"] - 80), 1.0),
            judged("90 % coverage error", abs(row["coverage_90"] - 90), 0.5),
            *(judged(f"worst month of {level} %", abs(error), 7) for level, error in worst.items()),
            judged("holidays and bridge days to others", special["holiday_or_bridge"]["wape"] / special["other"]["wape"], 1.4),
            judged("1.2 K errors, worse by %", 100 * (found["noisy"][area]["wape"] / row["wape"] - 1), 3),
            *(
                judged(f"WAPE {name}", found[name][area]["wape"], goals[area])
                for name, goals in WAPE.items()
                if name != "good" and area in goals
            ),
        ]
        print(f"* {area}: {'; '.join(figures)}")
    missed = [area for area, most in LEAST_WAPE.items() if found["good"][area]["wape"] > most]
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
