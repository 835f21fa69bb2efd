"""Train, validate and tune the models, offline.

python -m models.train                     train all bundles the program's own database allows, for the engine to find
python -m models.train fit --data-dir STORE --to 2024-06-30 --out models
python -m models.train ablate              what each ingredient gives
python -m models.train tune --trials 20    search better choices; goes on where the last search ended
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from engine import clock
from engine.config import Config
from engine.domain import DAY, HOUR, Expected, Tier
from engine.store import Reader
from models import bundle, validation
from models.learner import Recipe
from models.sampling import AREAS, REGIMES


def end_of(day: dt.date) -> int:
    """The end of a Danish day: training to a day must not see the first hour of a backtest that begins the day after."""
    return clock.local_midnight(day + dt.timedelta(days=1))


def newest_settled_day(reader: Reader, settled_after_days: int) -> dt.date:
    """The last Danish day whose load is known in all price areas and no longer revised."""
    newest = [s.newest_valid for s in reader.series() if s.quantity == "load" and s.area in AREAS]
    if not newest:
        raise Expected("The store holds no load of a price area.", "Fetch it with `lastvagt-engine backfill`, or import it.")
    day = clock.local_day_hour(np.array([min(newest) + HOUR - settled_after_days * DAY]))[0][0]
    return clock.EPOCH + dt.timedelta(days=int(day) - 1)


def fit(reader: Reader, start: int, end: int, tiers: Sequence[Tier], out: Path, recipe: Recipe | None) -> list[Path]:
    """Train the bundles of these tiers; one that the data do not allow is told and left out. Raises Expected when none is left."""
    made, problems = [], []
    for tier in tiers:
        try:
            made.append(bundle.train(reader, start, end, tier, out, recipe))
        except Expected as problem:
            problems.append(problem)
            print(f"No bundle of tier {tier.value}: {problem.problem} {problem.remedy}", file=sys.stderr, flush=True)
    if not made:
        raise problems[0]
    return made


def _tiers(text: str) -> list[Tier]:
    return [Tier(name) for name in text.split(",") if Tier(name) in REGIMES]


def _years(text: str) -> list[int]:
    return [int(year) for year in text.split(",")]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m models.train", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name: str, told: str, *aliases: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=told, description=told, aliases=aliases)
        added.add_argument("--data-dir", type=Path, metavar="DIR", help="folder of the store (default: the program's own)")
        added.add_argument(
            "--out", type=Path, metavar="DIR", help="folder to write to (default: models in the folder of the store)"
        )
        return added

    day = dt.date.fromisoformat
    making = command("fit", "train bundles; without options all that the data allow, up to the newest settled day", "retrain")
    making.add_argument("--from", dest="start", type=day, default=dt.date(2015, 4, 5), help="first day (default: %(default)s)")
    making.add_argument("--to", dest="end", type=day, help="last Danish day (default: the newest settled one)")
    making.add_argument("--tiers", type=_tiers, default=list(REGIMES), help="with commas (default: full,no_weather,late,pooled)")
    making.add_argument("--recipe", type=Path, metavar="FILE", help="choices of the learner, as `tune` writes them")
    removing = command("ablate", "what each ingredient gives, on years forecast by learners fitted to the years before")
    searching = command("tune", "search better choices of the learner; goes on where the last search ended")
    searching.add_argument("--trials", type=int, default=10, help="how many more to try (default: %(default)s)")
    for validating in (removing, searching):
        validating.add_argument(
            "--years", type=_years, default=list(validation.YEARS), help="years to forecast, with commas (default: 2020,2021)"
        )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; without a command `fit`."""
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or (words[0].startswith("-") and words[0] not in ("-h", "--help")):
        words.insert(0, "fit")
    arguments = _parser().parse_args(words)
    try:
        config = Config.load(data_dir=arguments.data_dir)
        reader = Reader(config.database)
        out = arguments.out or config.own_model_dir
        if arguments.command == "ablate":
            from models.ablation import ablate

            print(ablate(reader, out, arguments.years))
        elif arguments.command == "tune":
            from models.tuning import tune

            print(tune(reader, out, arguments.trials, arguments.years))
        else:
            recipe = Recipe.read(arguments.recipe) if arguments.recipe else None
            last = arguments.end or newest_settled_day(reader, config.settled_after_days)
            fit(reader, clock.local_midnight(arguments.start), end_of(last), arguments.tiers, out, recipe)
    except Expected as problem:
        print(f"{problem.problem}\n{problem.remedy}", file=sys.stderr)
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(main())
