"""Backtests the pooled model on the households of Aalborg, which it was not trained on: each day of two years, load known to D-10.

make bench-late; `--models DIR` for bundles that are there already. Says so where the data are absent.
"""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import gzip
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import bench_accuracy
import numpy as np
from bench_accuracy import DATA, OUT

from engine import bridge, calibration, clock, issuing, scoring
from engine.adaptation import Adaptation
from engine.domain import DAY, HOUR, INPUTS, LEVELS, MEDIAN, Consumer, FloatArray, IntArray, QuantileForecast, Tier
from engine.forecaster import Forecaster
from engine.store import Archive, Reader
from engine.store.archive import Versions
from models import bundle, train

AALBORG = Consumer("851", "household")
TRAINED_TO = dt.date(2021, 12, 31)
FIRST, LAST = dt.date(2022, 1, 1), dt.date(2023, 12, 31)
LAG_D = 10
GOAL_SKILL, GOAL_COVERAGE = 0.35, 3.0
_P10, _P90 = LEVELS.index(0.1), LEVELS.index(0.9)


def load() -> tuple[IntArray, FloatArray]:
    """Hours and MWh of the households of Aalborg."""
    with gzip.open(DATA / "ConsumptionIndustry_851_Privat.csv.gz", "rt", encoding="utf-8") as file:
        rows = [
            (clock.parse_utc(row["HourUTC"].replace(" ", "T") + "Z"), float(row["ConsumptionkWh"]) / 1000)
            for row in csv.DictReader(file)
        ]
    times, values = np.array(rows).T
    return times.astype(np.int64), values


def archive(reader: Reader, times: IntArray, values: FloatArray) -> Archive:
    """What the store holds of the price areas, and Aalborg, each Danish day of it known when the tenth day after it begins."""
    around = reader.archive(int(times[0]) - 200 * DAY, int(times[-1]) + 10 * DAY, ["DK", "DK1", "DK2"], quantities=INPUTS)
    known = clock.local_day_time(clock.local_day_hour(times)[0] + LAG_D, 0)
    late = Versions(times, known, values, np.zeros(len(times), np.uint8))
    return Archive({**around.versions, ("load", *AALBORG): late})


def issues(known: Archive, forecaster: Forecaster, first_day: int) -> Iterator[QuantileForecast]:
    """Each day's issue of 10:00, learning from each day as it becomes known, from the first with enough history on."""
    learned: dict[tuple[Consumer, str], Adaptation] = {}
    start, today = first_day + bridge.FIRST_DAYS, (FIRST - clock.EPOCH).days - 2
    for day in range(start, (LAST - clock.EPOCH).days + 1):
        moment = clock.local_time(clock.EPOCH + dt.timedelta(days=day), bridge.ISSUE_HOUR)
        if day - LAG_D >= start:
            learned |= bridge.learn(known, forecaster, {day - LAG_D: [AALBORG]}, learned, moment)
        if day >= today:
            areas = issuing.make_issues(known, forecaster, moment, {})
            yield from bridge.make_issues(known, forecaster, moment, [AALBORG], learned, areas)


def naive(issue: QuantileForecast, times: IntArray, values: FloatArray) -> FloatArray:
    """The latest same Danish weekday and hour that was known at the issue, MWh."""
    newest = int(issue.valid_time[0]) - HOUR
    weeks = -(-(issue.valid_time - newest) // scoring.WEEK)
    then = np.empty(len(weeks), np.int64)
    for week in np.unique(weeks).tolist():
        then[weeks == week] = scoring.same_hour_weeks_before(issue.valid_time[weeks == week], week)
    return values[(then - times[0]) // HOUR]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, help="bundles to use instead of training the pooled one")
    arguments = parser.parse_args()
    if not DATA.is_dir():
        print(f"The data are not here ({DATA.parent.name}/{DATA.name} beside the project); nothing was measured.")
        return 0
    reader = bench_accuracy.store()
    models = arguments.models or OUT / f"models-to-{TRAINED_TO}"
    if arguments.models is None:
        bundle.train(reader, clock.parse_utc("2015-04-05"), train.end_of(TRAINED_TO), Tier.POOLED, models)
    forecaster = Forecaster(models, reader.path.parent)
    if forecaster.pooled is None:
        print("There is no pooled bundle among these models.", file=sys.stderr)
        return 4
    began = time.perf_counter()
    times, values = load()
    made = list(issues(archive(reader, times, values), forecaster, int(clock.local_day_hour(times[:1])[0][0])))
    hours = np.concatenate([issue.valid_time for issue in made])
    issued = np.concatenate([np.full(len(issue.valid_time), issue.issue_time) for issue in made])
    quantiles = np.concatenate([issue.quantiles for issue in made])
    reference = np.concatenate([naive(issue, times, values) for issue in made])
    span = (hours >= clock.local_midnight(FIRST)) & (hours < clock.local_midnight(LAST + dt.timedelta(days=1)))
    observed = np.where(span, values[np.clip((hours - times[0]) // HOUR, 0, len(values) - 1)], np.nan)
    years = np.array([clock.local(int(t)).year for t in hours.tolist()])
    tiers = "/".join(sorted({issue.tier.value for issue in made}))
    print(
        f"Households of Aalborg, {len(made)} issues of 10:00, load known to the end of D-{LAG_D}, tier {tiers}; weather ex-post in 2022,"
    )
    print(f"none in 2023; models trained to {TRAINED_TO} without Aalborg; {time.perf_counter() - began:.0f} s\n")
    print("| year | hours | WAPE % | naive WAPE % | skill | 80 % holds | 90 % holds | width 80 % |")
    print("|---|---|---|---|---|---|---|---|")
    whole = {}
    for label, of_year in (("2022", years == 2022), ("2023", years == 2023), ("both", years > 0)):
        for part, rows in (("bridge", hours <= issued), ("ahead", hours > issued), ("all", hours > 0)):
            mine = span & of_year & rows
            total = observed[mine].sum()
            wape, of_naive = (100 * np.abs(f[mine] - observed[mine]).sum() / total for f in (quantiles[:, MEDIAN], reference))
            held = 100 * calibration.inside(observed[mine], quantiles[mine]).mean(axis=0)
            width = 100 * (quantiles[mine, _P90] - quantiles[mine, _P10]).sum() / total
            whole[label, part] = 1 - wape / of_naive, held[1]
            print(
                f"| {label} | {part} | {wape:.2f} | {of_naive:.2f} | {1 - wape / of_naive:.3f} | {held[1]:.1f} | {held[2]:.1f} | {width:.1f} |"
            )
    skill, held = whole["both", "all"]
    skill_told = bench_accuracy.judged("skill", skill, GOAL_SKILL, most=False)
    print(f"\nAgainst the goals: {skill_told}; {bench_accuracy.judged('80 % coverage error', abs(held - 80), GOAL_COVERAGE)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
