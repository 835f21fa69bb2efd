"""The command `update`: tells of newer versions, makes one ready, lets it take over, and goes back."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
from typing import TYPE_CHECKING

from engine.commands import outside
from engine.domain import Expected

# Modules are imported where they are used: see `commands`.
if TYPE_CHECKING:
    from engine.config import Config
    from engine.updates import State, Updates

ACTS = ("status", "check", "stage", "apply", "rollback", "settle", "confirm")
_SAID = {
    "off": "No address is set at which newer versions are told of; nobody is asked.",
    "unknown": "Nobody has been asked yet: lastvagt-engine update check",
    "current": "This is the newest version.",
    "available": "Version {newest} can be fetched and tried: lastvagt-engine update stage",
    "ready": "Version {newest} is ready: lastvagt-engine update apply",
    "refused": "Version {newest} was taken back here: {why}",
    "not_for_here": "There is a version {newest}, but no file of it for the way this one is installed here ({form}).",
}


def update(args: argparse.Namespace) -> int:
    """Do what was asked, and tell how it stands then."""
    from engine import upgrade
    from engine.clock import SystemClock

    updates = _updates(args)
    place, config = updates.installation, updates.config
    if args.act == "check":
        updates.check(SystemClock().now())
    elif args.act == "stage":
        updates.check(SystemClock().now())
        _stage(updates, args.again)
    elif args.act == "apply":
        _apply(updates, args)
    elif args.act == "rollback":
        _roll_back(updates, args)
    elif args.act == "settle":
        print(upgrade.settle(config, place, updates.version, always=True) or "There is nothing to put back.")
        return 0
    elif args.act == "confirm":
        upgrade.confirm(config, updates.version)
        print(f"The engine serves with version {updates.version}.")
        return 0
    if args.act not in ("apply", "rollback"):
        _tell(updates.state(), upgrade.former(place), args.json)
    return 0


def _updates(args: argparse.Namespace) -> Updates:
    from engine import installation, package_update, site
    from engine.installation import Form
    from engine.updates import Updates

    place, said = installation.here(), outside(args)
    words = {**said.words, "update_url": args.url}
    as_root = args.act in ("apply", "rollback") and place.form in (Form.DEB, Form.DEB_ENGINE)
    if as_root and args.data_dir is None and "LASTVAGT_DATA_DIR" not in os.environ:
        words["data_dir"] = package_update.SERVED
    config = dataclasses.replace(said, words=words).config()
    # Root, who installs packages, trusts no key that the user of the data folder could have written there.
    return Updates(config, place, site.trusted_keys(None if as_root else config.data_dir))


def _words(args: argparse.Namespace, config: Config) -> list[str]:
    """What starts an engine on the same data with the same settings."""
    settings = ["--config", str(args.config.resolve())] if args.config else []
    return ["run", "--data-dir", str(config.data_dir.resolve()), *settings, *(["--simulated"] if config.simulated else [])]


def _stage(updates: Updates, again: bool) -> None:
    from engine import terminal

    with terminal.progress("Fetching") as bar:
        updates.stage(bar, again)


def _apply(updates: Updates, args: argparse.Namespace) -> None:
    from engine import package_update, upgrade
    from engine.installation import Form

    form = updates.installation.form
    if form is Form.PORTABLE:
        release = upgrade.apply(updates, _words(args, updates.config), _say)
        print(f"Version {release.version} has proved itself. The way back: lastvagt-engine update rollback")
    elif form in (Form.DEB, Form.DEB_ENGINE):
        installed = package_update.Package(updates.installation, updates.config.data_dir, updates.keys).apply(_say)
        if installed is None:
            print("No newer version was fetched; the engine does that where update_apply is stage.")
        else:
            print(f"Version {installed.version} is installed. The way back: lastvagt-engine update rollback")
    elif form in (Form.WINDOWS, Form.MACOS):
        print(f"Started: {' '.join(package_update.start_installer(updates))}")
    else:
        raise _left_alone(form)


def _roll_back(updates: Updates, args: argparse.Namespace) -> None:
    from engine import package_update, upgrade
    from engine.installation import Form

    form = updates.installation.form
    if form is Form.PORTABLE:
        print(f"Version {upgrade.roll_back(updates, _words(args, updates.config), _say)} is used again.")
    elif form in (Form.DEB, Form.DEB_ENGINE):
        package_update.Package(updates.installation, updates.config.data_dir, updates.keys).roll_back(_say)
    else:
        raise _left_alone(form)


def _left_alone(form: str) -> Expected:
    remedy = "Update the sources: git pull." if form == "source" else "Install the version you want by the way this one came."
    return Expected(f"This program ({form}) is not put in and taken out by itself.", remedy)


def _say(text: str) -> None:
    print(text, flush=True)


def _tell(state: State, former: str, as_json: bool) -> None:
    told = state.document() | {"former": former}
    if as_json:
        print(json.dumps(told, indent=2))
        return
    print(f"Lastvagt {state.version} ({state.form})")
    newest = str(told["newest"])
    print(_SAID[state.stand].format(newest=newest, form=state.form, why=state.memory.refused.get(newest, "")))
    if told["checked_at"]:
        print(f"Asked {told['checked_at']}.")
    if state.memory.problem:
        print(f"{state.memory.problem}\n{state.memory.remedy}")
    if former:
        print(f"Version {former} is kept: lastvagt-engine update rollback")
    if state.stand in ("available", "ready") and told["notes"]:
        print(f"\n{told['notes']}")
