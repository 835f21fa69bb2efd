"""Whether this program works on this machine: what an update asks of a new version before that takes over."""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from engine import __version__
from engine.domain import Expected

# Modules are imported where they are used, for the command line must not wait for them.
if TYPE_CHECKING:
    from engine.config import Config

#: Days of simulated load; the models need four weeks.
_DAYS = 30
_SERVED_S = 20.0
#: Times its size that a copy of a database may take: a migration keeps one more, and writes pages anew.
_ROOM = 3
_AGAIN = "Install the program again; tell the authors if that does not help."


def command(args: argparse.Namespace) -> int:
    """Tell what works, one after the other; what does not is raised and ends it."""
    from engine.config import Config

    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="lastvagt-selfcheck-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        simulated = Config(data_dir=folder / "simulated", simulated=True, port=0, backfill_days=_DAYS)
        checks = [models(simulated), issue(simulated)]
        if args.database is not None:
            checks.append(database(args.database, folder))
        print(f"ok    program: Lastvagt {__version__}", flush=True)
        for check in checks:
            for text in check:
                print(f"ok    {text}", flush=True)
    print(f"Everything works; that took {time.monotonic() - began:.1f} s.")
    return 0


def models(config: Config) -> Iterator[str]:
    """Every bundle that came with the program answers as it was trained to."""
    from engine.forecaster import Forecaster

    forecaster = Forecaster(config.model_dir)
    for problem in forecaster.problems:
        raise problem
    if not forecaster.bundles:
        raise Expected(f"There are no models in {config.model_dir}.", _AGAIN)
    for bundle in forecaster.bundles:
        yield f"models: {bundle.model_id} gives the answers it was trained to give"


def issue(config: Config) -> Iterator[str]:
    """An engine on an empty folder fetches simulated data, makes an issue of them with the best model, serves it, and stops."""
    from engine.access import Endpoint
    from engine.clock import SimulatedClock, SystemClock
    from engine.domain import Tier
    from engine.service import Service
    from engine.store import Reader

    clock = SimulatedClock(SystemClock().now())  # one that does not pass while it spares an upstream
    with Service(config, clock) as service:
        runs = {run.job: run for run in service.tick(clock.now())}
        made = runs.get("forecast")
        tiers = made.detail.get("tiers") if made else None
        if not isinstance(tiers, dict) or set(tiers.values()) != {Tier.FULL}:
            found = made.problem if made and made.problem else tiers
            raise Expected(f"Of simulated data no issue of the best model was made: {found}.", _AGAIN)
        yield f"issue: of simulated data the best model forecasts {', '.join(sorted(tiers))}"
        ended: list[bool] = []
        thread = threading.Thread(target=lambda: ended.append(service.serve()), daemon=True)
        thread.start()
        reader = Reader(config.database)
        try:
            until = time.monotonic() + _SERVED_S
            while (state := reader.engine()) is None and time.monotonic() < until:
                time.sleep(0.05)
            if state is None:
                raise Expected("The engine does not serve.", _AGAIN)
            answer = Endpoint(state.url).get("/v1/forecast", {"area": "DK"})
            yield f"endpoint: HTTP serves {len(answer['rows'])} hours of it"
        finally:
            reader.close()
            service.stop()
            thread.join(_SERVED_S)
    if not ended:
        raise Expected("The engine does not stop.", _AGAIN)


def database(path: Path, folder: Path) -> Iterator[str]:
    """A copy of a database is brought up to date, is whole, and can be forecast from."""
    from engine import pipeline
    from engine.clock import SystemClock
    from engine.config import Config
    from engine.disk import require_room
    from engine.lineup import Lineup
    from engine.store import Reader, Writer
    from engine.store.duplicate import duplicate

    copy, now = folder / "copy" / "lastvagt.sqlite", SystemClock().now()
    copy.parent.mkdir()
    remedy = "Free disk space there, or name another folder: TMPDIR=/path (on Windows TEMP)."
    require_room(folder.parent, _ROOM * path.stat().st_size, f"A copy of {path} may take", remedy)
    writer = Writer(copy, duplicate(path, copy))
    reader = Reader(copy)
    try:
        if damage := reader.damage():
            raise Expected(f"A copy of {path} is damaged: {damage}.", "lastvagt-engine doctor tells more.")
        yield f"database: a copy of {path.stat().st_size / 1e6:.1f} MB with {len(reader.series())} series is up to date and whole"
        forecaster = Lineup(Config(data_dir=copy.parent), writer, reader).settle(now).forecaster
        made = pipeline.forecast(writer, reader, forecaster, now, now)
        told = ", ".join(f"{area} {tier}" for area, tier in dict(made.detail.get("tiers") or {}).items())  # type: ignore[call-overload]
        yield f"database: forecast from it now: {told or made.problem}"
    finally:
        reader.close()
        writer.close()
