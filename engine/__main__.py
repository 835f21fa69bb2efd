"""The command line `lastvagt-engine`: reads words, builds the settings, calls one function, and tells what came of it."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import logging
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine import __version__
from engine.domain import DAY, Expected

# Modules are imported where they are used: `--help` must not wait for a model runtime, nor `run` for the backtest.
if TYPE_CHECKING:
    from engine.config import Config
    from engine.domain import JobRun
    from engine.forecaster import Forecaster
    from engine.store import Reader, Writer

_EXIT_CODES = """\
exit codes:
  0  done
  1  a fault of the program; the text above it belongs into a report
  2  the command line is wrong
  3  another engine works on this data folder
  4  a fault of the world (no network, full disk, unreadable file ...): what is wrong and what to do is on standard error
"""
_EXAMPLES = """\
examples:
  lastvagt-engine run                              serve live forecasts on http://127.0.0.1:8787 until Ctrl-C
  lastvagt-engine demo                             two simulated weeks, no network needed
  lastvagt-engine forecast --area DK1              the newest forecast as a table
  lastvagt-engine doctor                           what is wrong here, and what to do

Every setting can stand in a TOML file (--config) or in the environment: LASTVAGT_PORT=9000, LASTVAGT_CONTACT=me@example.org.
"""


def _config(args: argparse.Namespace) -> Config:
    from engine.config import Config

    return Config.load(args.config, data_dir=args.data_dir, simulated=args.simulated or None)


@contextlib.contextmanager
def _reader(args: argparse.Namespace) -> Iterator[Reader]:
    from engine.store import Reader

    reader = Reader(_config(args).database)
    try:
        yield reader
    finally:
        reader.close()


@contextlib.contextmanager
def _store(config: Config) -> Iterator[tuple[Writer, Reader]]:
    """The store for writing, which needs the data folder for itself."""
    from engine.service import exclusive
    from engine.store import Reader, Writer

    with exclusive(config.data_dir):
        writer = Writer(config.database, config.simulated)
        reader = Reader(config.database)
        try:
            yield writer, reader
        finally:
            reader.close()
            writer.close()


@contextlib.contextmanager
def _progress(text: str) -> Iterator[Callable[[float], None] | None]:
    """A bar on standard error where a person looks at it."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task(text, total=1.0)
        yield lambda share: bar.update(task, completed=share)


def _report(runs: Iterable[JobRun], as_json: bool) -> int:
    """Tell what jobs did; 4 where one met a fault of the world."""
    runs = list(runs)
    if as_json:
        print(json.dumps([dataclasses.asdict(run) for run in runs], indent=2, default=dict))
    for run in runs:
        if not as_json:
            print(
                f"{run.job}: {'in trouble' if run.status == 'expected' else run.status}; "
                + ", ".join(f"{name} {value}" for name, value in run.detail.items())
            )
        if run.problem:
            print(f"{run.problem}\n{run.remedy}", file=sys.stderr)
    return 4 if any(run.status != "ok" for run in runs) else 0


def _run(args: argparse.Namespace) -> int:
    from engine import service
    from engine.clock import SystemClock

    service.run(_config(args), SystemClock())
    return 0


def _once(args: argparse.Namespace) -> int:
    from engine.clock import SystemClock
    from engine.service import Service

    clock = SystemClock()
    with Service(_config(args), clock) as service:
        return _report(service.tick(clock.now()), args.json)


def _status(args: argparse.Namespace) -> int:
    from engine import api, clock, tables, terminal

    now = clock.SystemClock().now()
    with _reader(args) as reader:
        engine, health, jobs = reader.engine(), api.health(reader, now), tables.jobs(reader, limit=10).document()["rows"]
    alive = engine is not None and now - engine.heartbeat < 180
    status = health["status"] if alive else "stopped"
    if args.json:
        state = dataclasses.asdict(engine) | {"alive": alive} if engine else None
        print(json.dumps(health | {"status": status, "engine": state, "jobs": jobs}, indent=2))
        return 0
    print(f"{status}{' (simulated data)' if health['simulated'] else ''}, {health['now']}")
    if engine is None:
        print("No engine runs here.")
    else:
        heard = "" if alive else f", last heard {clock.iso(engine.heartbeat)}"
        print(f"Engine {engine.version}, process {engine.pid}, http://{engine.host}:{engine.port}{heard}")
    for title, names in (
        ("areas", ("area", "issue_time", "tier", "freshness")),
        ("sources", ("quantity", "area", "source", "newest_valid", "freshness")),
        ("events", ("since", "problem", "remedy")),
    ):
        rows = health[title]
        assert isinstance(rows, list)
        terminal.grid(names, [tuple(row[name] for name in names) for row in rows])
    assert isinstance(jobs, list)
    names = ("job", "started_at", "status", "problem")
    terminal.grid(names, [tuple(row[name] for name in names) for row in jobs])
    return 0


def _doctor(args: argparse.Namespace) -> int:
    from engine import doctor
    from engine.clock import SystemClock

    findings = []
    for finding in doctor.examine(_config(args), SystemClock(), args.offline):
        findings.append(finding)
        if not args.json:
            print(f"{finding.status:4}  {finding.subject}: {finding.text}")
            if finding.remedy:
                print(f"      {finding.remedy}")
    if args.json:
        print(json.dumps([dataclasses.asdict(finding) for finding in findings], indent=2))
    return 4 if any(finding.status == "fail" for finding in findings) else 0


def _backfill(args: argparse.Namespace) -> int:
    from engine import clock, pipeline, sources

    config, time = _config(args), clock.SystemClock()
    start, end = _span(args, time.now())
    transport = sources.transport(config, time)
    with _store(config) as (writer, reader), _progress("Fetching") as progress:
        run = pipeline.backfill(writer, reader, sources.history(config), transport, time, start, end, progress)
    return _report([run], args.json)


def _import(args: argparse.Namespace) -> int:
    from engine import clock, pipeline

    known_after_s = clock.parse_duration(args.known_after) if args.known_after else None
    now = clock.SystemClock().now()
    with _store(_config(args)) as (writer, reader), _progress("Importing") as progress:
        run = pipeline.import_file(writer, reader, args.file, args.format, known_after_s, now, progress)
    return _report([run], args.json)


def _span(args: argparse.Namespace, end_without: int) -> tuple[int, int]:
    """Start and end of --from and --to, which must leave something between them."""
    from engine import clock

    start, end = clock.parse_utc(args.start), clock.parse_utc(args.end) if args.end else end_without
    if start >= end:
        raise Expected(f"The span from {clock.iso(start)} to {clock.iso(end)} holds no time.", "Let --from be before --to.")
    return start, end


def _forecast(args: argparse.Namespace) -> int:
    from engine import clock, tables, terminal

    with _reader(args) as reader:
        now, as_of = clock.SystemClock().now(), clock.parse_utc(args.as_of) if args.as_of else None
        return terminal.tell(tables.forecast(reader, args.area, now, as_of), args.format, terminal.forecast)


def _scores(args: argparse.Namespace) -> int:
    from engine import clock, tables, terminal

    start, end = (clock.parse_utc(text) if text else None for text in (args.start, args.end))
    with _reader(args) as reader:
        if args.against == "tso":
            return terminal.tell(tables.against_tso(reader, args.area, start, end), args.format, terminal.against_tso)
        return terminal.tell(tables.scores(reader, args.area, args.by, args.truth, start, end), args.format, terminal.scores)


def _calibration(args: argparse.Namespace) -> int:
    from engine import tables, terminal

    with _reader(args) as reader:
        return terminal.tell(tables.calibration(reader, args.area), args.format, terminal.calibration)


def _quarantine(args: argparse.Namespace) -> int:
    from engine import tables, terminal

    with _reader(args) as reader:
        return terminal.tell(tables.quarantine(reader, args.area, args.limit), args.format, terminal.quarantine)


def _export(args: argparse.Namespace) -> int:
    from engine import clock, tables, terminal

    start, end = _span(args, clock.SystemClock().now() + 8 * DAY)
    args.out.mkdir(parents=True, exist_ok=True)
    written: dict[str, int] = {}
    with _reader(args) as reader, contextlib.ExitStack() as files:
        for name, table in tables.export(reader, start, end):
            path = args.out / f"{name}.csv"
            if str(path) not in written:
                files.close()
                file = files.enter_context(path.open("w", encoding="utf-8", newline=""))
            file.write(table.csv(header=str(path) not in written))
            written[str(path)] = written.get(str(path), 0) + len(table.rows)
    if args.json:
        print(json.dumps(written, indent=2))
    else:
        terminal.grid(("file", "rows"), list(written.items()))
    return 0


def _backtest(args: argparse.Namespace) -> int:
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
    with _reader(args) as reader:
        span = (first, last, areas, issue.hour, issue.minute)
        with _progress("Backtest") as progress:
            collected = replay.collect(reader, forecaster, *span, progress, calibrate=not args.uncalibrated)
        if rival:
            with _progress("Backtest of the other") as progress:
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

    forecaster = Forecaster(named or _config(args).model_dir)
    for problem in forecaster.problems:
        print(f"{problem.problem}\n{problem.remedy}", file=sys.stderr)
    if named and not forecaster.bundles:
        raise Expected(f"There is no usable model bundle in {named}.", "Name a bundle's folder, or a folder of bundles.")
    return forecaster


def _demo(args: argparse.Namespace) -> int:
    from engine import replay, report, tables, terminal
    from engine.clock import SystemClock
    from engine.store import Reader

    args.data_dir, args.simulated = args.data_dir or args.out / "data", True
    args.out.mkdir(parents=True, exist_ok=True)
    config = _config(args)
    with _progress(f"Simulating {args.days} days") as progress:
        counts = replay.demo(config, args.days, progress)
    reader = Reader(config.database)
    try:
        now = SystemClock().now()
        print(f"Simulated: {counts['issues']} issues in {counts['hours']} hours.\n")
        terminal.forecast(tables.forecast(reader, "DK", now), hours=24)
        for area in ("DK", "DK1", "DK2"):
            scores = tables.scores(reader, area, by="lead_bucket")
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


def _parser() -> argparse.ArgumentParser:
    everywhere = argparse.ArgumentParser(add_help=False)
    everywhere.add_argument("--data-dir", type=Path, help="folder of the database (default: the user's data folder)")
    everywhere.add_argument("--config", type=Path, metavar="FILE", help="settings as TOML")
    everywhere.add_argument("--simulated", action="store_true", help="simulated upstream and data instead of the network")

    parser = argparse.ArgumentParser(
        prog="lastvagt-engine",
        description="Forecasts Danish electricity consumption, hour by hour: the headless part.",
        epilog=f"{_EXAMPLES}\n{_EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"lastvagt-engine {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(name: str, function: Callable[[argparse.Namespace], int], text: str, *examples: str) -> argparse.ArgumentParser:
        lines = "\n".join(f"  lastvagt-engine {name} {example}".rstrip() for example in examples)
        made = commands.add_parser(
            name,
            parents=[everywhere],
            help=text,
            description=text[0].upper() + text[1:] + ".",
            epilog=f"examples:\n{lines}\n\n{_EXIT_CODES}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        made.set_defaults(function=function)
        return made

    def as_json(made: argparse.ArgumentParser) -> None:
        made.add_argument("--json", action="store_true", help="print JSON")

    def in_forms(made: argparse.ArgumentParser) -> None:
        made.add_argument("--format", choices=("table", "json", "csv"), default="table", help="(default: %(default)s)")

    command("run", _run, "fetch, forecast and serve until Ctrl-C or SIGTERM", "", "--data-dir /srv/lastvagt", "--simulated")
    as_json(command("once", _once, "do whatever is due now, then exit: fetch, forecast, score", "", "--json"))
    as_json(command("status", _status, "what is stored, how current it is, and whether an engine runs", "", "--json"))

    doctor = command("doctor", _doctor, "look for what is wrong with this installation", "", "--offline --json")
    doctor.add_argument("--offline", action="store_true", help="do not try to reach the sources")
    as_json(doctor)

    backfill = command(
        "backfill", _backfill, "fetch past load and weather", "--from 2023-01-01", "--from 2023-01-01 --to 2024-01-01"
    )
    backfill.add_argument("--from", dest="start", required=True, metavar="TIME", help="first hour, UTC")
    backfill.add_argument("--to", dest="end", metavar="TIME", help="end, exclusive (default: now)")
    as_json(backfill)

    load = command(
        "import",
        _import,
        "keep the values of a file (CSV, also gzip-compressed)",
        "load.csv --known-after PT2H",
        "weather.csv.gz --known-after -P7D",
    )
    load.add_argument("file", type=Path, metavar="FILE", help="columns valid_time, area, quantity, value; see the README")
    load.add_argument("--format", default="csv", help="csv, or lastvagt-data (default: %(default)s)")
    load.add_argument(
        "--known-after",
        metavar="DURATION",
        help="when values became known, counted from their hour, where the file does not say; "
        "negative for perfect foresight, which marks results ex-post (default: now)",
    )
    as_json(load)

    forecast = command(
        "forecast", _forecast, "print a forecast", "--area DK1", "--area DK --as-of 2026-10-25T08:00Z --format csv"
    )
    forecast.add_argument("--area", default="DK", help="code of an area (default: %(default)s)")
    forecast.add_argument("--as-of", metavar="TIME", help="the newest issue of that moment (default: now)")
    in_forms(forecast)

    scores = command(
        "scores",
        _scores,
        "how earlier issues turned out",
        "--area DK1 --by month",
        "--area DK1 --against tso --from 2026-10-01",
    )
    scores.add_argument("--area", default="DK", help="code of an area (default: %(default)s)")
    scores.add_argument(
        "--by",
        choices=("all", "lead_bucket", "hour", "weekday", "day", "month"),
        default="lead_bucket",
        help="(default: %(default)s)",
    )
    scores.add_argument("--truth", choices=("provisional", "settled"), default="provisional", help="(default: %(default)s)")
    scores.add_argument(
        "--against",
        choices=("tso",),
        help="beside the grid operator's own forecast (ENTSO-E), both as known at 10:00 the day before, newest load as truth",
    )
    scores.add_argument("--from", dest="start", metavar="TIME", help="first hour, UTC (default: all)")
    scores.add_argument("--to", dest="end", metavar="TIME", help="end, exclusive (default: all)")
    in_forms(scores)

    calibration = command(
        "calibration",
        _calibration,
        "what was learned from hours that came true: weights of experts, corrections, widths and coverage of bands",
        "--area DK1",
        "--format json",
    )
    calibration.add_argument("--area", help="code of an area (default: all)")
    in_forms(calibration)

    quarantine = command(
        "quarantine", _quarantine, "list the values set aside as implausible, newest first, with the reason", "", "--area DK1"
    )
    quarantine.add_argument("--area", help="code of an area (default: all)")
    quarantine.add_argument("--limit", type=_at_least_one, default=100, help="most rows (default: %(default)s)")
    in_forms(quarantine)

    export = command(
        "export", _export, "write observations, issues and scores of a span as CSV files", "--from 2026-10-01 --out october"
    )
    export.add_argument("--from", dest="start", required=True, metavar="TIME", help="first moment, UTC")
    export.add_argument("--to", dest="end", metavar="TIME", help="end, exclusive (default: everything after --from)")
    export.add_argument(
        "--out", type=Path, default=Path("export"), metavar="DIR", help="folder to write to (default: %(default)s)"
    )
    as_json(export)

    backtest = command(
        "backtest",
        _backtest,
        "what the program would have forecast in the past, and how good it was",
        "--from 2022-01-01 --to 2022-12-31 --areas DK1,DK2 --issue 10:00 --json report.json --html report.html",
        "--from 2022-01-01 --to 2022-12-31 --model new --against old",
    )
    backtest.add_argument("--from", dest="start", required=True, metavar="DAY", help="first Danish day forecast")
    backtest.add_argument("--to", dest="end", required=True, metavar="DAY", help="last Danish day forecast")
    backtest.add_argument("--areas", default="DK1,DK2", help="codes, with commas (default: %(default)s)")
    backtest.add_argument(
        "--issue", default="10:00", metavar="HH:MM", help="Danish time of issue, the day before (default: %(default)s)"
    )
    backtest.add_argument("--json", type=Path, metavar="OUT", help="write the report as JSON")
    backtest.add_argument(
        "--html", type=Path, metavar="OUT", help="write the report as a page with figures (needs the extra 'report')"
    )
    backtest.add_argument("--model", type=Path, metavar="DIR", help="bundle, or folder of bundles, to use")
    backtest.add_argument(
        "--against",
        type=Path,
        metavar="DIR",
        help="bundle, or folder of bundles, to compare with hour by hour; `uncalibrated`: the same models without online learning",
    )
    backtest.add_argument(
        "--uncalibrated", action="store_true", help="leave issues as the models made them, learn nothing online"
    )
    backtest.add_argument("--save-pairs", type=Path, metavar="OUT.npz", help="write every forecast hour and its truth (numpy)")

    demo = command("demo", _demo, "run everything over simulated days and print the result", "", "--days 30 --out /tmp/demo")
    demo.add_argument("--days", type=_at_least_one, default=14, help="simulated days (default: %(default)s)")
    demo.add_argument(
        "--out", type=Path, default=Path("out/demo"), metavar="DIR", help="folder to write to (default: %(default)s)"
    )
    return parser


def _at_least_one(text: str) -> int:
    if not re.fullmatch("[0-9]{1,9}", text) or not int(text):
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number of at least 1")
    return int(text)


def _joined(argv: Sequence[str]) -> list[str]:
    """Arguments with a negative duration tied to its option, for argparse takes what begins with a dash for an option."""
    words: list[str] = []
    for word in argv:
        if words and words[-1].startswith("--") and re.fullmatch(r"-P[0-9DTHM]+", word):
            words[-1] += f"={word}"
        else:
            words.append(word)
    return words


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code that `_EXIT_CODES` explains."""
    logging.getLogger().addHandler(logging.NullHandler())  # commands tell their troubles themselves; `run` adds a log
    try:
        args = _parser().parse_args(_joined(sys.argv[1:] if argv is None else argv))
    except SystemExit as end:
        return int(end.code or 0)
    try:
        return int(args.function(args))
    except Expected as problem:
        print(f"{problem.problem}\n{problem.remedy}", file=sys.stderr)
        return int(getattr(problem, "exit_code", 4))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output has seen enough
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115  the interpreter flushes it at exit
        return 0
    except OSError as error:
        print(
            f"{error.filename or 'The system'}: {error.strerror or error}.\nCheck the path, its permissions and the disk.",
            file=sys.stderr,
        )
        return 4
    except Exception:  # noqa: BLE001 - nothing above catches it, and the exit code must tell it from other failures
        traceback.print_exc()
        print("This is a fault of the program; please report it with the lines above.", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
