"""The command `backup`: what backups there are, one more, and one in the place of the database."""

from __future__ import annotations

import argparse
import json
import sys
import time as waiting
from typing import TYPE_CHECKING

from engine.commands import outside
from engine.domain import Expected

# As in `commands`, modules are imported where they are used.
if TYPE_CHECKING:
    from engine.clock import Clock
    from engine.config import Config
    from engine.domain import JobRun

#: How long an engine that runs may take to make a backup.
_MADE_S = 3600.0


def backup(args: argparse.Namespace) -> int:
    """List backups, make one, or put one in place."""
    from engine import clock, orders

    config, time = outside(args).config(), clock.SystemClock()
    if args.act == "list":
        return _list(config, time, args.json)
    if args.act == "now":
        return _now(config, time, args.json)
    if args.act == "restore":
        return _restore(config, time, args)
    noted = orders.decide(config, "/v1/backups/noted", {}, time)["noted"]
    print(json.dumps({"noted": noted}) if args.json else "Noted." if noted else "There was nothing to take note of.")
    return 0


def _list(config: Config, time: Clock, as_json: bool) -> int:
    from engine import backing, terminal

    listed = backing.listed(config, time.now())
    if as_json:
        print(json.dumps(listed, indent=2))
        return 0
    rows = listed["backups"]
    assert isinstance(rows, list)
    if not rows:
        print(f"No backup in {listed['folder']}. Make one: lastvagt-engine backup now")
        return 0
    print(f"In {listed['folder']}:")
    heads = ("name", "made_at", "MB", "issues", "newest_issue")
    terminal.grid(
        heads,
        [(r["name"], r["made_at"], f"{r['size_bytes'] / 1e6:.1f}", r["issues"], r["newest_issue"] or "none") for r in rows],
    )
    return 0


def _now(config: Config, time: Clock, as_json: bool) -> int:
    """Make one here, or have it made by the engine that runs and wait for it."""
    from engine import backing, lock
    from engine.commands import report
    from engine.store import Reader, Writer

    reader = Reader(config.database)
    try:
        with lock.exclusive(config.data_dir):
            writer = Writer(config.database, config.simulated)
            try:
                run = backing.run(writer, config, time)
            finally:
                writer.close()
    except lock.AlreadyRuns as held:
        run = _made_by_engine(reader, held, time)
    finally:
        reader.close()
    return report([run], as_json)


def _made_by_engine(reader: object, held: Expected, time: Clock) -> JobRun:
    from engine import access, backing, orders
    from engine.lock import AlreadyRuns
    from engine.store import Reader

    assert isinstance(reader, Reader)
    assert isinstance(held, AlreadyRuns)
    told_at, end = time.now(), waiting.monotonic() + _MADE_S
    orders.to_engine(reader, held, "/v1/jobs/run", {"job": backing.JOB, "who": access.user()})
    while waiting.monotonic() < end:
        for run in reader.job_runs(backing.JOB, limit=1):
            if run.started_at >= told_at:
                return run
        waiting.sleep(0.2)
    raise Expected("The engine made no backup within an hour.", "engine.log tells more.")


def _restore(config: Config, time: Clock, args: argparse.Namespace) -> int:
    """Say what is lost, ask, and put a backup in place, here or by the engine that runs."""
    from engine import access, backing, lock, orders, recovery
    from engine.store import Reader

    loss = backing.loss(config, args.name)
    if not args.json:
        print(_told(loss))
    if not args.yes and not _is_wanted():
        print("Nothing was changed.", file=sys.stderr)
        return 4
    name = str(loss["name"])
    try:
        with lock.exclusive(config.data_dir):
            recovery.want(config, name, access.user())
            recovery.make_ready(config, time.now())
    except lock.AlreadyRuns as held:
        reader = Reader(config.database)
        try:
            orders.to_engine(reader, held, "/v1/backups/restore", {"name": name, "who": access.user()}, _MADE_S)
        finally:
            reader.close()
        print("The engine puts it in place and starts again.", file=sys.stderr)
    if args.json:
        print(json.dumps(loss, indent=2))
    return 0


def _told(loss: dict[str, object]) -> str:
    span = f" ({loss['first_issue']} to {loss['last_issue']})" if loss["issues"] else ""
    return (
        f"{loss['name']} of {loss['made_at']} takes the place of the database.\n"
        f"Lost by it: {loss['issues']} issues{span}, {loss['values']} values, {loss['decisions']} decisions of people.\n"
        "The present database is kept in the folder replaced until the next time."
    )


def _is_wanted() -> bool:
    """Ask; who is not there to answer has not said yes."""
    if not sys.stdin.isatty():
        raise Expected("Nobody is there to be asked.", "Say it beforehand: --yes")
    return input("Go on? [y/N] ").strip().lower() in ("y", "yes", "j", "ja")
