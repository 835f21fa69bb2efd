"""The commands `backtest` and `demo`: the program at work on days that are past, or simulated."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from engine.commands import outside, reading
from engine.domain import Consumer, Expected

# Modules are imported where they are used: see `commands`.
if TYPE_CHECKING:
    from engine.forecaster import Forecaster


def backtest(args: argparse.Namespace) -> int:
    """Issue and score a past period."""
    import datetime as dt

    from engine import evaluation, replay, report, terminal

    try:
        first, last = dt.date.fromisoformat(args.start), dt.date.fromisoformat(args.end)
        issue = dt.time.fromisoformat(args.issue)
    except ValueError as error:
        raise Expected(f"{error}.", "Write days like 2022-01-31 and the issue time like 10:00.") from error
    if args.html:
        report.plotly_script()  # tells what is missing before a long run, not after
    forecaster = _forecaster(args, args.model)
    raw = args.against == Path("uncalibrated")
    rival = forecaster if raw else _forecaster(args, args.against) if args.against else None
    areas = [area.strip() for area in args.areas.split(",")]
    against = None
    with reading(args) as reader:
        span = (first, last, areas, issue.hour, issue.minute)
        with terminal.progress("Backtest") as progress:
            collected = replay.collect(reader, forecaster, *span, progress, calibrate=not args.uncalibrated)
        if rival:
            with terminal.progress("Backtest of the other") as progress:
                against = replay.collect(reader, rival, *span, progress, calibrate=not raw)
    found = evaluation.report(collected, against)
    if args.json:
        args.json.write_text(json.dumps(found, indent=2), encoding="utf-8")
    if args.html:
        args.html.write_text(report.backtest_page(found), encoding="utf-8")
    if args.save_pairs:
        evaluation.save_pairs(collected, args.save_pairs)
    names = ("n", "wape", "mae", "rmse", "skill", "wql", "coverage_80", "coverage_90", "width_80")
    terminal.grid(("area", *names), [(area, *(figures[name] for name in names)) for area, figures in found["areas"].items()])
    for area, figures in found["areas"].items():
        print(f"{area}: " + ", ".join(f"{days} days {tier}" for tier, days in figures["tiers"].items()))
    if found["ex_post"]:
        print("EX POST: inputs were used that nobody could have known at the time.")
    if found["in_sample"]:
        print("IN SAMPLE: a model was trained on days it is tested on; these figures say nothing about the future.")
    for area, figures in found["areas"].items():
        for losses in figures["comparisons"].values():
            print(f"{area}: {losses['absolute_error']['sentence']}")
    for area, figures in found["areas"].items():
        if figures["leak_alarm"]:
            correlation = figures["error_autocorrelation_1h"]
            print(f"WARNING: LEAK ALARM for {area}: the autocorrelation of its errors at one hour is only {correlation:.2f}.")
    if found["leak_alarm"]:
        print(evaluation.LEAK_ADVICE)
    return 0


def _forecaster(args: argparse.Namespace, named: Path | None) -> Forecaster:
    """The bundles of a folder named on the command line, of which one at least must be usable, or those of the settings."""
    from engine.forecaster import Forecaster

    config = outside(args).config()
    forecaster = Forecaster(named or config.model_dir, config.data_dir)
    for problem in forecaster.problems:
        print(f"{problem.problem}\n{problem.remedy}", file=sys.stderr)
    if named and not forecaster.bundles:
        raise Expected(f"There is no usable model bundle in {named}.", "Name a bundle's folder, or a folder of bundles.")
    return forecaster


def demo(args: argparse.Namespace) -> int:
    """Simulate days and tell what came of them."""
    from engine import replay, report, settings, tables, terminal
    from engine.clock import SystemClock
    from engine.store import Reader

    args.data_dir, args.simulated = args.data_dir or args.out / "data", True
    args.out.mkdir(parents=True, exist_ok=True)
    wanted = {"peak_limits": "DK=5900, DK1=3700, DK2=2150"}
    if not args.price_areas_only:
        wanted |= {"fetch_regions": "true", "fetch_municipalities": "true"}
    for name, value in wanted.items():  # kept in the folder, so that an engine that goes on there has the same
        with contextlib.suppress(settings.Overruled):
            settings.change(outside(args), name, value)
    config = outside(args).config()
    with terminal.progress(f"Simulating {args.days} days") as progress:
        counts = replay.demo(config, args.days, progress)
    reader = Reader(config.database)
    try:
        now = SystemClock().now()
        print(f"Simulated: {counts['issues']} issues in {counts['hours']} hours.\n")
        terminal.forecast(tables.forecast(reader, Consumer("DK"), now), hours=24)
        for area in ("DK", "DK1", "DK2"):
            scores = tables.scores(reader, Consumer(area), by="lead_bucket")
            print(f"{area}: how earlier issues turned out, by lead time in hours")
            names = ("group", "n", "mae", "wape", "skill", "coverage_80", "coverage_90")
            at = [scores.columns.index(name) for name in names]
            terminal.grid(names, [tuple(row[i] for i in at) for row in scores.rows])
        page = args.out / "overview.html"
        page.write_text(report.overview_page(reader), encoding="utf-8")
    finally:
        reader.close()
    print(f"The same as a page: {page}")
    print(f"The database is in {config.data_dir}. Look at it with: lastvagt --data-dir {config.data_dir}")
    return 0
