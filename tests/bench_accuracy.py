"""Trains on the shared data to the end of 2021 and backtests 2022, day ahead, as README quotes; says so where the data are absent.

make bench-accuracy
"""

from __future__ import annotations

import datetime as dt
import json
import sys
import time
from pathlib import Path

from engine import clock, pipeline, replay
from engine import report as report_page
from engine.domain import DAY, HOUR, Tier
from engine.forecaster import Forecaster
from engine.store import Reader, Writer
from models import train

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "data"
OUT = ROOT / "out" / "accuracy"
GOALS = {"DK1": (3.9, 0.40), "DK2": (2.7, 0.46)}


def main() -> int:
    if not DATA.is_dir():
        print(f"The data are not here ({DATA.parent.name}/{DATA.name} beside the project); nothing was measured.")
        return 0
    writer = Writer(OUT / "store" / "lastvagt.sqlite")
    reader = Reader(writer.path)
    now = int(time.time())
    for name, known_after in (("load_price_area_hourly", 2 * HOUR), ("weather_hourly_by_source", -8 * DAY)):
        pipeline.import_file(writer, reader, DATA / f"{name}.csv.gz", "lastvagt-data", known_after, now)
    writer.close()
    end = train.end_of(dt.date(2021, 12, 31))
    models = OUT / "models"
    for tier in (Tier.FULL, Tier.NO_WEATHER):
        train.train(reader, clock.parse_utc("2015-04-05"), end, tier, models)
    began = time.perf_counter()
    report = replay.backtest(reader, Forecaster(models), dt.date(2022, 1, 1), dt.date(2022, 12, 31), ["DK1", "DK2", "DK"])
    seconds = time.perf_counter() - began
    (OUT / "backtest-2022.json").write_text(json.dumps(report, indent=1) + "\n")
    (OUT / "backtest-2022.html").write_text(report_page.backtest_page(report))
    print(
        f"\n2022, issued 10:00 the day before, load known after 2 h, weather {'ex-post' if report['ex_post'] else 'as forecast'}; {seconds:.1f} s\n"
    )
    print(
        "| area | WAPE % | skill | 95 % interval | WQL % | 80 % holds | 90 % holds | width 80 % |\n|---|---|---|---|---|---|---|---|"
    )
    missed = []
    for area, row in report["areas"].items():
        low, high = row["skill_interval_95"]
        print(
            f"| {area} | {row['wape']:.2f} | {row['skill']:.3f} | {low:.2f} to {high:.2f} | {row['wql']:.2f} "
            f"| {row['coverage_80']:.1f} | {row['coverage_90']:.1f} | {row['width_80']:.1f} |"
        )
        wape, skill = GOALS.get(area, (100.0, -100.0))
        if row["wape"] > wape or row["skill"] < skill:
            missed.append(area)
    if missed:
        print(f"Goal missed for {', '.join(missed)}.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
