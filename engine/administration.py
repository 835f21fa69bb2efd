"""What an administrator asks of an installation: the commands `settings` and `doctor`."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from engine import site
from engine.commands import outside
from engine.domain import Expected

#: Columns of a terminal that are filled.
_WIDTH = 80
#: Characters of a value that are shown in a list.
_SHOWN = 36


def settings(args: argparse.Namespace) -> int:
    """List settings, change one, or show what a site can set."""
    from engine import settings, terminal

    if args.act == "example":
        print(site.EXAMPLE.read_text(encoding="utf-8"), end="")
        return 0
    if args.act != "list":
        return _change(args)
    listed = [setting.document() for setting in settings.listed(outside(args))]
    chosen = [each for each in listed if args.name in (None, each["name"])]
    if not chosen:
        raise Expected(f"There is no setting '{args.name}'.", "lastvagt-engine settings lists them.")
    if args.json:
        print(json.dumps(chosen, indent=2))
    elif args.name:
        print(f"{args.name} = {_shown(chosen[0])}, {_whence(chosen[0])}\n{chosen[0]['help']}\n{chosen[0]['closed']}".rstrip())
    else:
        terminal.grid(("setting", "value", "from"), [(each["name"], _short(_shown(each)), _whence(each)) for each in chosen])
    return 0


def _shown(setting: Mapping[str, Any]) -> str:
    if setting["kind"] == "secret":
        return "(secret)" if setting["kept"] else ""
    return str(setting["value"]).lower() if setting["kind"] == "switch" else str(setting["value"])


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def _whence(setting: Mapping[str, Any]) -> str:
    """Where a value comes from."""
    if setting["place"] == "built_in":
        return "built in"
    where = str(setting["where"])
    return {"site": f"the site, {where}", "required": f"fixed by the site, {where}"}.get(setting["place"], where)


def _change(args: argparse.Namespace) -> int:
    """Set a setting or take that back, here or by the engine that runs."""
    from engine import orders, settings

    if args.name is None or (args.act == "set" and args.value is None):
        raise Expected("No setting is named, or no value.", "lastvagt-engine settings set NAME VALUE")
    value = sys.stdin.readline().strip() if args.value == "-" else args.value
    orders.set_setting(outside(args), args.name, value if args.act == "set" else None)
    new = next(each.document() for each in settings.listed(outside(args)) if each.name == args.name)
    print(f"{args.name} = {_shown(new)}, {_whence(new)}")
    return 0


def doctor(args: argparse.Namespace) -> int:
    """Tell what is wrong."""
    from engine import doctor
    from engine.clock import SystemClock

    findings, part = [], ""
    for finding in doctor.examine(outside(args), SystemClock(), args.offline):
        findings.append(finding)
        if args.json:
            continue
        if finding.subject != part:
            part = finding.subject
            print(part.upper())
        print(_told(finding.status, finding.text), flush=True)
        if finding.remedy:
            print(_told("", f"> {finding.remedy}"))
    if args.json:
        print(json.dumps([dataclasses.asdict(finding) for finding in findings], indent=2))
    else:
        print(f"\n{_summary([finding.status for finding in findings])}")
    return 4 if any(finding.status == "fail" for finding in findings) else 0


def _summary(statuses: Sequence[str]) -> str:
    fails, warns = statuses.count("fail"), statuses.count("warn")
    if not fails + warns:
        return f"Nothing is wrong: {len(statuses)} things were looked at."
    if not fails:
        return f"Nothing fails; of {len(statuses)} things {warns} want a look."
    return f"Of {len(statuses)} things {fails} do not work, and {warns} want a look."


def _told(status: str, text: str) -> str:
    """A status and words beside it, as wide as a terminal."""
    return textwrap.fill(text, _WIDTH, initial_indent=f"{status:4}  ", subsequent_indent=" " * 6, break_on_hyphens=False)
