"""The words of the command line `lastvagt-engine`: its commands, their options, and what each calls."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from engine import (
    __version__,
    administration,
    backup_command,
    commands,
    kit_command,
    licences,
    rehearsal,
    selfcheck,
    trust,
    updating,
)
from engine.domain import MODEL_TIERS, UNITS

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
  lastvagt-engine areas                            whose consumption is known
  lastvagt-engine forecast --area DK1              the newest forecast as a table
  lastvagt-engine doctor                           what is wrong here, and what to do

Every setting can stand in settings.toml of the data folder, in a TOML file (--config) or in the environment: LASTVAGT_PORT=9000,
LASTVAGT_CONTACT=me@example.org. Of these a later one overrules. A site's file holds what they may change ([default]) and what they may
not ([required]); `settings` shows where each value comes from.
"""
#: Adds a command: its name, what it calls, what it does, and the words of examples.
Add = Callable[..., argparse.ArgumentParser]


def parse(words: Sequence[str]) -> argparse.Namespace:
    """What the words say; ends the program where they mean nothing, or ask for help."""
    return parser().parse_args(_joined(words))


def parser() -> argparse.ArgumentParser:
    """All commands."""
    everywhere = argparse.ArgumentParser(add_help=False)
    everywhere.add_argument("--data-dir", type=Path, help="folder of the database (default: the user's data folder)")
    everywhere.add_argument("--config", type=Path, metavar="FILE", help="settings as TOML")
    everywhere.add_argument("--site", type=Path, metavar="FILE", help="settings of the site (default: site.toml of its folder)")
    everywhere.add_argument("--simulated", action="store_true", help="simulated upstream and data instead of the network")

    made = argparse.ArgumentParser(
        prog="lastvagt-engine",
        description="Forecasts Danish electricity consumption, hour by hour: the headless part.",
        epilog=f"{_EXAMPLES}\n{_EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--version", action="version", version=f"lastvagt-engine {__version__}")
    named = made.add_subparsers(metavar="COMMAND", required=True)

    def command(name: str, function: Callable[[argparse.Namespace], int], text: str, *examples: str) -> argparse.ArgumentParser:
        lines = "\n".join(f"  lastvagt-engine {name} {example}".rstrip() for example in examples)
        one = named.add_parser(
            name,
            parents=[everywhere],
            help=text,
            description=text[0].upper() + text[1:] + ".",
            epilog=f"examples:\n{lines}\n\n{_EXIT_CODES}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        one.set_defaults(function=function)
        return one

    named.add_parser("try-graph").set_defaults(function=commands.try_graph, site=None)  # `engine.trial` calls it

    for add in (_operating, _filling, _asking, _deciding, _carrying, _rehearsing):
        add(command)
    return made


def _as_json(made: argparse.ArgumentParser) -> None:
    made.add_argument("--json", action="store_true", help="print JSON")


def _in_forms(made: argparse.ArgumentParser) -> None:
    made.add_argument("--format", choices=("table", "json", "csv"), default="table", help="(default: %(default)s)")


def _of_one(made: argparse.ArgumentParser) -> None:
    made.add_argument("--area", default="DK", help="code of an area; `areas` lists them (default: %(default)s)")
    made.add_argument(
        "--consumer-type",
        "--type",
        default="total",
        metavar="TYPE",
        help="whose consumption there: total, household, business, public, or one of your own (default: %(default)s)",
    )


def _of_any(made: argparse.ArgumentParser) -> None:
    made.add_argument("--area", help="code of an area (default: all)")
    made.add_argument("--consumer-type", "--type", metavar="TYPE", help="whose consumption there (default: all)")


def _operating(command: Add) -> None:
    """To run the program, and to keep it well."""
    run = command(
        "run", commands.run, "fetch, forecast and serve until Ctrl-C or SIGTERM", "", "--data-dir /srv/lastvagt", "--simulated"
    )
    run.add_argument("--attached", action="store_true", help="stop when standard input ends too; the app starts its engine so")
    _as_json(command("once", commands.once, "do whatever is due now, then exit: fetch, forecast, score", "", "--json"))
    status = command(
        "status", commands.status, "what is stored, how current it is, and whether an engine runs", "", "--json", "--check"
    )
    status.add_argument("--check", action="store_true", help="end with 4 where no engine is at work")
    _as_json(status)

    doctor = command("doctor", administration.doctor, "look for what is wrong with this installation", "", "--offline --json")
    doctor.add_argument("--offline", action="store_true", help="do not try to reach the sources")
    _as_json(doctor)

    backup = command(
        "backup",
        backup_command.backup,
        "list the backups of the database, make one now, put one in its place; and take note of what a recovery lost",
        "",
        "now",
        "restore",
        "restore lastvagt-20261128T032700Z.sqlite --yes",
        "noted",
    )
    backup.add_argument(
        "act", nargs="?", choices=("list", "now", "restore", "noted"), default="list", help="(default: %(default)s)"
    )
    backup.add_argument("name", nargs="?", metavar="NAME", help="with restore: which one (default: the newest)")
    backup.add_argument("--yes", action="store_true", help="with restore: do not ask")
    _as_json(backup)

    check = command(
        "selfcheck",
        selfcheck.command,
        "try this program out on simulated data in a folder that is gone afterwards; an update asks this of a new version",
        "",
        "--database /var/lib/lastvagt/lastvagt.sqlite",
    )
    check.add_argument(
        "--database", type=Path, metavar="FILE", help="try a copy of this database too, which itself stays as it is"
    )

    command("licences", licences.command, "the terms of this program and of everything it is made of", "")

    settings = command(
        "settings",
        administration.settings,
        "list every setting with its value and where that comes from; change one or take that back; show a site's file",
        "",
        "set fetch_regions true",
        "reset fetch_regions",
        "example > site.toml",
        "--site site.toml",
    )
    settings.add_argument(
        "act", nargs="?", choices=("list", "set", "reset", "example"), default="list", help="(default: %(default)s)"
    )
    settings.add_argument("name", nargs="?", metavar="NAME", help="a setting")
    settings.add_argument("value", nargs="?", metavar="VALUE", help="its new value; - reads a secret from standard input")
    _as_json(settings)

    support = command(
        "support",
        commands.support,
        "tell what a person who helps needs to know, with secrets and names covered",
        "",
        "--out support.txt",
    )
    support.add_argument("--out", type=Path, metavar="FILE", help="file to write (default: standard output)")


def _filling(command: Add) -> None:
    """To bring in the past."""
    backfill = command(
        "backfill",
        commands.backfill,
        "fetch past load, weather and what of metered consumption the settings ask for; goes on where it was ended",
        "--from 2023-01-01",
        "--from 2023-01-01 --to 2024-01-01 --only PrivateConsumptionHeatingHour",
    )
    backfill.add_argument("--from", dest="start", required=True, metavar="TIME", help="first hour, UTC")
    backfill.add_argument("--to", dest="end", metavar="TIME", help="end, exclusive (default: now)")
    backfill.add_argument("--only", metavar="DATASET", help="one dataset alone (default: all)")
    _as_json(backfill)

    load = command(
        "import",
        commands.import_file,
        "keep the values of a file (CSV, also gzip-compressed)",
        "load.csv --known-after PT2H",
        "dairy.csv.gz",
        "weather.csv.gz --known-after -P7D",
    )
    load.add_argument(
        "file",
        type=Path,
        metavar="FILE",
        help="columns valid_time, area, quantity, value; optional consumer_type, unit, available_at; by the hour, or four to the hour. "
        "An area such as DK1-dairy is a series of your own, forecast like any other",
    )
    load.add_argument("--format", default="csv", help="csv, or lastvagt-data (default: %(default)s)")
    load.add_argument(
        "--known-after",
        metavar="DURATION",
        help="when values became known, counted from their hour, where the file does not say; "
        "negative for perfect foresight, which marks results ex-post (default: now)",
    )
    _as_json(load)


def _asking(command: Add) -> None:
    """To read what is known."""
    areas = command(
        "areas", commands.areas, "list whose consumption is known and forecast", "", "--hierarchy", "--lags --format csv"
    )
    instead = areas.add_mutually_exclusive_group()
    instead.add_argument("--hierarchy", action="store_true", help="whose loads add up to whose, and why others do not")
    instead.add_argument("--lags", action="store_true", help="how late each load is, and usually is")
    _in_forms(areas)

    forecast = command(
        "forecast",
        commands.forecast,
        "print a forecast",
        "--area DK1",
        "--area 1082 --type household",
        "--area DK --as-of 2026-10-25T08:00Z --format csv",
    )
    _of_one(forecast)
    forecast.add_argument("--as-of", metavar="TIME", help="the newest issue of that moment (default: now)")
    forecast.add_argument("--untouched", action="store_true", help="as the model made it, without the adjustments of operators")
    _in_forms(forecast)

    explain = command(
        "explain",
        commands.explain,
        "what a forecast is made of, or why it differs from the one before; exactly, in MWh",
        "--area DK1 --hour 2026-10-25T17:00Z",
        "--area DK --hour 2026-10-25T17:00Z --changes",
    )
    _of_one(explain)
    explain.add_argument("--hour", metavar="TIME", help="start of the hour, UTC (default: every hour of the issue)")
    explain.add_argument("--issue", metavar="TIME", help="the newest issue of that moment (default: now)")
    explain.add_argument("--changes", action="store_true", help="why it is not what an issue before it said")
    explain.add_argument(
        "--before", metavar="TIME", help="with --changes: the newest issue of that moment (default: the one before)"
    )
    _in_forms(explain)

    observations = command(
        "observations",
        commands.observations,
        "print what was measured",
        "--area DK1 --from 2026-10-25",
        "--area 851 --type household --from 2026-09-01 --to 2026-09-08 --format csv",
    )
    _of_one(observations)
    observations.add_argument("--quantity", choices=UNITS, default="load", metavar="NAME", help="(default: %(default)s)")
    observations.add_argument("--from", dest="start", required=True, metavar="TIME", help="first hour, UTC")
    observations.add_argument("--to", dest="end", metavar="TIME", help="end, exclusive (default: now)")
    observations.add_argument("--as-of", metavar="TIME", help="as it was known at that moment (default: now)")
    observations.add_argument(
        "--truth",
        choices=("newest", "provisional", "settled", "settlement"),
        default="newest",
        help="version of the load: newest, first published, marked final, or from the settlement (default: %(default)s)",
    )
    _in_forms(observations)

    scores = command(
        "scores",
        commands.scores,
        "how earlier issues turned out",
        "--area DK1 --by month",
        "--area DK1 --against tso --from 2026-10-01",
    )
    _of_one(scores)
    scores.add_argument(
        "--by",
        choices=("all", "lead_bucket", "hour", "weekday", "day", "month"),
        default="lead_bucket",
        help="(default: %(default)s)",
    )
    scores.add_argument(
        "--truth",
        choices=("provisional", "settled", "settlement"),
        default="provisional",
        help="first published, marked final, or from the settlement of price areas (default: %(default)s)",
    )
    scores.add_argument(
        "--against",
        choices=("tso",),
        help="beside the grid operator's own forecast (ENTSO-E), both as known at 10:00 the day before, newest load as truth",
    )
    scores.add_argument("--from", dest="start", metavar="TIME", help="first hour, UTC (default: all)")
    scores.add_argument("--to", dest="end", metavar="TIME", help="end, exclusive (default: all)")
    _in_forms(scores)

    calibration = command(
        "calibration",
        commands.calibration,
        "what was learned from hours that came true: weights of experts, corrections, widths and coverage of bands",
        "--area DK1",
        "--format json",
    )
    _of_any(calibration)
    _in_forms(calibration)


def _deciding(command: Add) -> None:
    """To decide, and to say who may."""
    quarantine = command(
        "quarantine",
        commands.quarantine,
        "list the values set aside as implausible, newest first, with the reason; accept or reject one",
        "",
        "--area DK1",
        "accept 12",
    )
    quarantine.add_argument("act", nargs="?", choices=("list", "accept", "reject"), default="list", help="(default: %(default)s)")
    quarantine.add_argument("quarantine_id", nargs="?", type=_at_least_one, metavar="ID", help="number of a value")
    _of_any(quarantine)
    quarantine.add_argument("--limit", type=_at_least_one, default=100, help="most rows (default: %(default)s)")
    _in_forms(quarantine)

    adjust = command(
        "adjust",
        commands.adjust,
        "what operators changed about forecasts and what it was worth; change one, or take that back",
        "",
        'add -40 --area DK1 --from 2026-10-26T14:00Z --to 2026-10-26T18:00Z --reason "steelworks stand still"',
        'multiply 1.03 --area DK2 --from 2026-10-27 --to 2026-10-28 --reason "football"',
        'withdraw 3 --reason "they started again"',
    )
    adjust.add_argument(
        "act", nargs="?", choices=("list", "add", "multiply", "withdraw"), default="list", help="(default: %(default)s)"
    )
    adjust.add_argument("number", nargs="?", type=float, metavar="N", help="MWh an hour, a factor, or which adjustment")
    _of_one(adjust)
    adjust.add_argument("--from", dest="start", metavar="TIME", help="first hour, UTC")
    adjust.add_argument("--to", dest="end", metavar="TIME", help="end, exclusive")
    adjust.add_argument("--expires", metavar="TIME", help="when it ceases unless made again (default: with its last hour)")
    adjust.add_argument("--reason", default="", help="why, for the record")
    adjust.add_argument("--limit", type=_at_least_one, default=100, help="most rows of the list (default: %(default)s)")
    _in_forms(adjust)

    models = command(
        "models",
        commands.models,
        "bundles, their roles and how challengers do; and decisions about them",
        "",
        'promote price-areas-full-2026-10 --reason "3 % better over 90 days"',
        "rollback --tier full",
        "challenge none",
        "changes",
    )
    acts = ("list", "promote", "rollback", "challenge", "changes")
    models.add_argument("act", nargs="?", choices=acts, default="list", help="what to do (default: %(default)s)")
    models.add_argument("model_id", nargs="?", metavar="ID", help="of a bundle; none ends a trial")
    models.add_argument("--reason", default="", help="why, for the record")
    models.add_argument("--tier", choices=MODEL_TIERS, default=MODEL_TIERS[0], help="(default: %(default)s)")
    _in_forms(models)

    token = command(
        "token",
        commands.token,
        "tokens by which apps and programs on other machines come in",
        "new --name wall-display --reader > wall-display.token",
        "new --name anna --operator > anna.token",
        "renew --name anna > anna.token",
        "revoke --name anna",
        "list",
    )
    token.add_argument("act", choices=("new", "list", "renew", "revoke"), help="what to do")
    token.add_argument("--name", metavar="NAME", help="whom it is for")
    right = token.add_mutually_exclusive_group()
    right.add_argument("--reader", action="store_true", help="may only read (the default)")
    right.add_argument("--operator", action="store_true", help="may give orders too")


def _carrying(command: Add) -> None:
    """To carry things in and out, with signatures."""
    key = command(
        "key",
        trust.key,
        "keys that kits, updates and a site's settings are signed and checked with (those of minisign)",
        "new site.key",
        "trust site.pub",
        "trust anna.pub --models",
        "list",
        "sign site.toml --key site.key",
        "verify site.toml",
    )
    key.add_argument("act", choices=("new", "trust", "list", "sign", "verify"), help="what to do")
    key.add_argument("file", nargs="?", type=Path, metavar="FILE", help="the key, or the file that is signed or checked")
    key.add_argument("--key", type=Path, metavar="FILE", help="secret key to sign with, or public key to check with alone")
    key.add_argument("--comment", metavar="TEXT", help="with sign: a line that is signed too (default: the name of the file)")
    key.add_argument("--machine", action="store_true", help="with trust: for every user of this machine, by its administrator")
    key.add_argument("--models", action="store_true", help="with trust: for model bundles alone")
    _as_json(key)

    kit = command(
        "kit",
        kit_command.kit,
        "carry data, holidays, model bundles and updates to a site without a network, in one signed file",
        "export --since 2026-01-01 --key site.key --out first.kit",
        "export --since-kit first.kit --key site.key --out second.kit",
        "export --since P10D --key site.key --out week.kit --models none",
        "show second.kit",
        "import second.kit",
        "list",
    )
    kit.add_argument("act", choices=("export", "import", "show", "list"), help="what to do")
    kit.add_argument("file", nargs="?", type=Path, metavar="FILE", help="with import and show: the kit")
    begins = kit.add_mutually_exclusive_group()
    begins.add_argument(
        "--since", metavar="TIME", help="export what became known since: a time (UTC), or a duration before now such as P10D"
    )
    begins.add_argument("--since-kit", type=Path, metavar="FILE", help="export what became known since that kit was made")
    kit.add_argument("--key", type=Path, metavar="FILE", help="secret key that signs the kit; `key new` makes one")
    kit.add_argument("--out", type=Path, metavar="FILE", help="kit to write (default: lastvagt-DATE.kit)")
    kit.add_argument(
        "--models", default="all", metavar="IDS", help="bundles to add: all, none, or ids with commas (default: all)"
    )
    kit.add_argument(
        "--update",
        nargs="+",
        type=Path,
        default=[],
        metavar="FILE",
        help="files of a program update to add: updates.json, updates.json.minisig, and those for the systems of the site",
    )
    kit.add_argument("--note", default="", metavar="TEXT", help="a line for those who import it")
    _as_json(kit)

    export = command(
        "export",
        commands.export,
        "write observations, issues as models made them, and scores of all consumers in a span as files",
        "--from 2026-10-01 --out october",
        "--from 2026-10-01 --to 2026-11-01 --format csv-eu",
    )
    export.add_argument("--from", dest="start", required=True, metavar="TIME", help="first moment, UTC")
    export.add_argument("--to", dest="end", metavar="TIME", help="end, exclusive (default: everything after --from)")
    export.add_argument(
        "--format",
        choices=("csv", "csv-eu", "json"),
        default="csv",
        help="csv-eu has semicolons and decimal commas, for Excel; json has an object per line (default: %(default)s)",
    )
    export.add_argument(
        "--out", type=Path, default=Path("export"), metavar="DIR", help="folder to write to (default: %(default)s)"
    )
    _as_json(export)

    update = command(
        "update",
        updating.update,
        "newer versions of the program: whether there is one, fetch and try it, let it take over, go back",
        "",
        "check",
        "stage --url file:///media/usb/lastvagt",
        "apply",
        "rollback",
    )
    update.add_argument(
        "act",
        nargs="?",
        choices=updating.ACTS,
        default="status",
        help="check asks, stage makes ready, apply takes over, rollback goes back; settle puts the database back after a version was "
        "taken out by hand, confirm waits until an engine of this version serves (default: %(default)s)",
    )
    update.add_argument("--url", metavar="URL", help="folder with updates.json (default: the setting update_url)")
    update.add_argument("--again", action="store_true", help="with stage: also a version that was taken back here")
    _as_json(update)


def _rehearsing(command: Add) -> None:
    """To try the program out on other days."""
    backtest = command(
        "backtest",
        rehearsal.backtest,
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

    demo = command(
        "demo", rehearsal.demo, "run everything over simulated days and print the result", "", "--days 30 --out /tmp/demo"
    )
    demo.add_argument("--days", type=_at_least_one, default=14, help="simulated days (default: %(default)s)")
    demo.add_argument("--price-areas-only", action="store_true", help="leave out regions and municipalities, which take as long")
    demo.add_argument(
        "--out", type=Path, default=Path("out/demo"), metavar="DIR", help="folder to write to (default: %(default)s)"
    )


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
