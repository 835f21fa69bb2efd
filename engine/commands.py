"""What each command of `lastvagt-engine` does with the words it was given; each returns the exit code."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from engine.domain import DAY, Consumer, Expected

# Modules are imported where they are used: `--help` must not wait for a model runtime, nor `run` for the backtest.
if TYPE_CHECKING:
    from engine.config import Config, Outside
    from engine.domain import JobRun
    from engine.store import Reader, Writer


def outside(args: argparse.Namespace) -> Outside:
    """What the command line and the environment say of settings."""
    from engine.config import Outside

    return Outside(args.config, os.environ, {"data_dir": args.data_dir, "simulated": args.simulated or None})


def _config(args: argparse.Namespace) -> Config:
    return outside(args).config()


@contextlib.contextmanager
def reading(args: argparse.Namespace) -> Iterator[Reader]:
    """The store, for reading."""
    from engine.store import Reader

    reader = Reader(_config(args).database)
    try:
        yield reader
    finally:
        reader.close()


@contextlib.contextmanager
def _writing(config: Config) -> Iterator[tuple[Writer, Reader]]:
    """The store for writing, which needs the data folder for itself."""
    from engine.lock import exclusive
    from engine.store import Reader, Writer

    with exclusive(config.data_dir):
        writer = Writer(config.database, config.simulated)
        reader = Reader(config.database)
        try:
            yield writer, reader
        finally:
            reader.close()
            writer.close()


def report(runs: Iterable[JobRun], as_json: bool) -> int:
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


def run(args: argparse.Namespace) -> int:
    """Serve until told to stop."""
    from engine import ending

    stopping = ending.listen()  # before what takes a second to import
    if args.attached:
        ending.follow_input(stopping)
    from engine import service
    from engine.clock import SystemClock

    service.run(outside(args), SystemClock(), stopping)
    return 0


def once(args: argparse.Namespace) -> int:
    """Do what is due."""
    from engine.clock import SystemClock
    from engine.service import Service

    clock = SystemClock()
    with Service(_config(args), clock) as service:
        return report(service.tick(clock.now()), args.json)


def status(args: argparse.Namespace) -> int:
    """Tell what is stored and who works here."""
    from engine import clock, health, tables, terminal

    now = clock.SystemClock().now()
    with reading(args) as reader:
        engine, found, jobs = reader.engine(), health.state(reader, now), tables.jobs(reader, limit=10).document()["rows"]
    alive = engine is not None and now - engine.heartbeat < 180
    status = found["status"] if alive else "stopped"
    if args.check and not alive:
        raise Expected("No engine is at work here.", "Start it: lastvagt-engine run.")
    if args.json:
        state = dataclasses.asdict(engine) | {"alive": alive} if engine else None
        print(json.dumps(found | {"status": status, "engine": state, "jobs": jobs}, indent=2))
        return 0
    print(f"{status}{' (simulated data)' if found['simulated'] else ''}, {found['now']}")
    if found["offline"]:
        print("No network by settings: no source is asked, data come by kit (lastvagt-engine kit import FILE).")
    if found["exposed"]:
        print(f"Other machines reach it at {found['exposed']}, with a token.")
    if found["newest_kit"]:
        usual = f"; the next one is usually made at {found['next_kit']}" if found["next_kit"] else ""
        print(f"The newest kit tells what was known at {found['newest_kit']}{usual}.")
    if engine is None:
        print("No engine runs here.")
    else:
        heard = "" if alive else f", last heard {clock.iso(engine.heartbeat)}"
        print(f"Engine {engine.version}, process {engine.pid}, {engine.url}{heard}")
    others = found["others"]
    assert isinstance(others, dict)
    if others["consumers"]:
        newest = f", {others['oldest_issue']} or newer" if others["forecast"] else ""
        print(f"Besides the price areas {others['consumers']} consumers, of which {others['forecast']} are forecast{newest}")
    for title, names in (
        ("areas", ("area", "issue_time", "tier", "freshness")),
        ("sources", ("quantity", "source", "series", "oldest_valid", "newest_valid", "freshness")),
        ("events", ("since", "problem", "remedy")),
    ):
        rows = found[title]
        assert isinstance(rows, list)
        terminal.grid(names, [tuple(row[name] for name in names) for row in rows])
    assert isinstance(jobs, list)
    names = ("job", "started_at", "status", "problem")
    terminal.grid(names, [tuple(row[name] for name in names) for row in jobs])
    return 0


def support(args: argparse.Namespace) -> int:
    """Write what a person who helps needs to know."""
    from engine import support
    from engine.clock import SystemClock

    text = support.text(outside(args), SystemClock())
    if args.out is None:
        print(text, end="")
    else:
        args.out.write_text(text, encoding="utf-8")
        print(f"{args.out}: read it before you send it.")
    return 0


def backfill(args: argparse.Namespace) -> int:
    """Fetch the past."""
    from engine import clock, pipeline, sources, terminal

    config, time = _config(args), clock.SystemClock()
    start, end = _span(args, time.now())
    past = {source.dataset.rpartition("/")[2]: source for source in sources.history(config)}
    if args.only and args.only not in past:
        raise Expected(
            f"There is no dataset '{args.only}' to fetch.", f"Choose one of {', '.join(past)}, or change the settings."
        )
    chosen = [past[args.only]] if args.only else list(past.values())
    transport = sources.transport(config, time)
    with _writing(config) as (writer, reader), terminal.progress("Fetching") as progress:
        run = pipeline.backfill(writer, reader, chosen, transport, time, start, end, progress)
    return report([run], args.json)


def import_file(args: argparse.Namespace) -> int:
    """Keep a file's values."""
    from engine import clock, pipeline, terminal

    known_after_s = clock.parse_duration(args.known_after) if args.known_after else None
    now = clock.SystemClock().now()
    with _writing(_config(args)) as (writer, reader), terminal.progress("Importing") as progress:
        run = pipeline.import_file(writer, reader, args.file, args.format, known_after_s, now, progress)
    return report([run], args.json)


def _span(args: argparse.Namespace, end_without: int) -> tuple[int, int]:
    """Start and end of --from and --to, which must leave something between them."""
    from engine import clock

    start, end = clock.parse_utc(args.start), clock.parse_utc(args.end) if args.end else end_without
    if start >= end:
        raise Expected(f"The span from {clock.iso(start)} to {clock.iso(end)} holds no time.", "Let --from be before --to.")
    return start, end


def areas(args: argparse.Namespace) -> int:
    """Print who is known, whose loads add up to whose, or how late they are."""
    from engine import clock, consumers, terminal

    now = clock.SystemClock().now()
    with reading(args) as reader:
        if args.hierarchy:
            return terminal.tell(consumers.hierarchy(reader, now), args.format, terminal.hierarchy)
        if args.lags:
            return terminal.tell(consumers.lags(reader, now), args.format, terminal.lags)
        return terminal.tell(consumers.areas(reader, now), args.format, terminal.areas)


def _consumer(reader: Reader, args: argparse.Namespace) -> Consumer:
    from engine import clock, consumers

    return consumers.find(reader, args.area, args.consumer_type, clock.SystemClock().now())


def _wanted(reader: Reader, args: argparse.Namespace) -> tuple[str | None, str | None]:
    """Area and consumer type of a list that may be of all."""
    from engine import clock, consumers

    consumers.require(reader, args.area, args.consumer_type, clock.SystemClock().now())
    return args.area, args.consumer_type


def forecast(args: argparse.Namespace) -> int:
    """Print an issue."""
    from engine import clock, tables, terminal

    with reading(args) as reader:
        now, as_of = clock.SystemClock().now(), clock.parse_utc(args.as_of) if args.as_of else None
        table = tables.forecast(reader, _consumer(reader, args), now, as_of, args.untouched)
        return terminal.tell(table, args.format, terminal.forecast)


def observations(args: argparse.Namespace) -> int:
    """Print what was measured."""
    from engine import clock, tables, terminal

    start, end = _span(args, clock.SystemClock().now())
    as_of = clock.parse_utc(args.as_of) if args.as_of else None
    with reading(args) as reader:
        table = tables.observations(reader, _consumer(reader, args), args.quantity, start, end, as_of, args.truth)
        return terminal.tell(table, args.format, terminal.observations)


def scores(args: argparse.Namespace) -> int:
    """Print how issues turned out, or how the grid operator's did beside them."""
    from engine import clock, tables, terminal

    start, end = (clock.parse_utc(text) if text else None for text in (args.start, args.end))
    with reading(args) as reader:
        if args.against == "tso":
            table = tables.against_tso(reader, _consumer(reader, args).area, start, end)
            return terminal.tell(table, args.format, terminal.against_tso)
        table = tables.scores(reader, _consumer(reader, args), args.by, args.truth, start, end)
        return terminal.tell(table, args.format, terminal.scores)


def calibration(args: argparse.Namespace) -> int:
    """Print what was learned."""
    from engine import tables, terminal

    with reading(args) as reader:
        return terminal.tell(tables.calibration(reader, *_wanted(reader, args)), args.format, terminal.calibration)


def quarantine(args: argparse.Namespace) -> int:
    """Print what was set aside, or judge it."""
    from engine import access, decisions, orders, terminal
    from engine.clock import SystemClock

    if args.act == "list":
        with reading(args) as reader:
            table = decisions.quarantine(reader, *_wanted(reader, args), args.limit)
            return terminal.tell(table, args.format, terminal.quarantine)
    if args.quarantine_id is None:
        raise Expected("No value is named.", "lastvagt-engine quarantine lists them with their numbers.")
    words = {"who": access.user(), "quarantine_id": args.quarantine_id}
    one = orders.decide(_config(args), f"/v1/quarantine/{args.act}", words, SystemClock())
    if args.format == "json":
        print(json.dumps(one, indent=2))
    else:
        done = "counts from now on" if args.act == "accept" else "stays aside"
        print(f"{one['quantity']} of {one['area']} at {one['valid_time']}, {one['value']}: {done}.")
    return 0


def adjust(args: argparse.Namespace) -> int:
    """Print adjustments, make one, or take one back."""
    from engine import access, clock, decisions, orders, terminal

    time = clock.SystemClock()
    if args.act == "list":
        with reading(args) as reader:
            return terminal.tell(decisions.adjustments(reader, time.now(), args.limit), args.format, terminal.adjustments)
    if args.number is None:
        missing = "No adjustment is named." if args.act == "withdraw" else "No amount is given."
        raise Expected(missing, "lastvagt-engine adjust --help shows how.")
    words: dict[str, object] = {"who": access.user(), "reason": args.reason}
    if args.act == "withdraw":
        words["adjustment_id"] = round(args.number)
        made = orders.decide(_config(args), "/v1/adjustments/withdraw", words, time)
    else:
        if not (args.start and args.end):
            raise Expected("No span is given.", "Give the first hour with --from and the end with --to.")
        words |= {"area": args.area, "consumer_type": args.consumer_type, "act": args.act, "amount": args.number}
        words |= {"valid_start": args.start, "valid_end": args.end, "expires_at": args.expires}
        made = orders.decide(
            _config(args), "/v1/adjustments/make", {name: word for name, word in words.items() if word is not None}, time
        )
    if args.format == "json":
        print(json.dumps(made, indent=2))
    else:
        print(f"Adjustment {made['adjustment_id']}: {terminal.adjustment(made)}; {made['state']}.")
    return 0


def explain(args: argparse.Namespace) -> int:
    """Print what a forecast is made of, or why it differs from the one before."""
    from engine import clock, explaining, terminal
    from engine.lineup import Shelf

    hour, issue_time, before = (clock.parse_utc(text) if text else None for text in (args.hour, args.issue, args.before))
    with reading(args) as reader:
        ask = (reader, Shelf(_config(args)).get, _consumer(reader, args), clock.SystemClock().now(), hour, issue_time)
        if args.changes:
            return terminal.tell(explaining.changes(*ask, before), args.format, terminal.changes)
        return terminal.tell(explaining.explain(*ask), args.format, terminal.explanation)


def models(args: argparse.Namespace) -> int:
    from engine import access, orders, tables, terminal
    from engine.clock import SystemClock
    from engine.lineup import Shelf

    config = _config(args)
    if args.act in ("list", "changes"):
        with reading(args) as reader:
            if args.act == "changes":
                return terminal.tell(tables.role_changes(reader), args.format, terminal.role_changes)
            bundles = reader.roster.bundles() if reader.engine() else Shelf(config).look()[0]
            return terminal.tell(tables.models(reader, bundles), args.format, terminal.models)
    words: dict[str, str | None] = {"who": access.user(), "reason": args.reason}
    if args.act != "promote":
        words["tier"] = args.tier
    elif not args.reason:
        raise Expected("A promotion needs a reason.", 'Give one: --reason "...".')
    if args.act != "rollback":
        if not args.model_id:
            raise Expected("No bundle is named.", "lastvagt-engine models lists them.")
        words["model_id"] = None if args.model_id == "none" else args.model_id
    change = orders.decide(config, f"/v1/models/{args.act}", words, SystemClock())
    if args.format == "json":
        print(json.dumps(change, indent=2))
    else:
        role = "challenger" if args.act == "challenge" else "champion"
        before, after = (change[name] or "none" for name in ("from_id", "to_id"))
        print(f"Tier {change['tier']}: {role} {after} instead of {before}, from the next issue on.")
    return 0


def try_graph(_: argparse.Namespace) -> int:
    """Try the graph that standard input brings, within limits."""
    from engine import trial

    return trial.run_within_limits(sys.stdin.buffer)


def token(args: argparse.Namespace) -> int:
    """Make, list, renew or revoke tokens for other machines."""
    from engine import clock, terminal
    from engine.tokens import Right, Tokens

    tokens = Tokens(_config(args).data_dir)
    if args.act == "list":
        terminal.grid(("name", "right", "made_at"), [(h.name, h.right, clock.iso(h.made_at)) for h in tokens.holders()])
        return 0
    if not args.name:
        raise Expected("Nobody is named.", f"lastvagt-engine token {args.act} --name wall-display")
    if args.act == "revoke":
        tokens.revoke(args.name)
        return 0
    now = clock.SystemClock().now()
    if args.act == "renew":
        print(tokens.renew(args.name, now))
    else:
        print(tokens.new(args.name, Right.OPERATOR if args.operator else Right.READER, now))
    print("Keep it in a file that only its user can read; it is not told again.", file=sys.stderr)
    return 0


def export(args: argparse.Namespace) -> int:
    """Write files."""
    from engine import clock, tables, terminal

    start, end = _span(args, clock.SystemClock().now() + 8 * DAY)
    args.out.mkdir(parents=True, exist_ok=True)
    written: dict[str, int] = {}
    with reading(args) as reader, contextlib.ExitStack() as files:
        for name, table in tables.export(reader, start, end):
            path = args.out / f"{name}.{'jsonl' if args.format == 'json' else 'csv'}"
            begins = str(path) not in written
            if begins:
                files.close()
                coding = "utf-8-sig" if args.format == "csv-eu" else "utf-8"
                file = files.enter_context(path.open("w", encoding=coding, newline=""))
            if args.format == "json":
                file.writelines(f"{line}\n" for line in table.lines())
            else:
                file.write(table.csv(header=begins, european=args.format == "csv-eu"))
            written[str(path)] = written.get(str(path), 0) + len(table.rows)
    if args.json:
        print(json.dumps(written, indent=2))
    else:
        terminal.grid(("file", "rows"), list(written.items()))
    return 0
