"""The command `kit`: writes kits for sites without a network, tells what is in them, and imports them."""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from engine.commands import outside, reading
from engine.domain import DAY, Expected

# Modules are imported where they are used: see `commands`.
if TYPE_CHECKING:
    from engine.config import Config
    from engine.kit import Contents

#: How long an engine may take to import a kit.
_IMPORT_S = 3600.0
_SUFFIX = ".kit"


def kit(args: argparse.Namespace) -> int:
    """Export, import, show or list."""
    acts = {"export": _export, "import": _import, "show": _show, "list": _list}
    return acts[args.act](args)


def _file(args: argparse.Namespace) -> Path:
    if args.file is None:
        raise Expected("No kit is named.", f"lastvagt-engine kit {args.act} FILE")
    path: Path = args.file.resolve()
    return path


def _export(args: argparse.Namespace) -> int:
    from engine import clock, kit_export, terminal
    from engine.signing import SecretKey

    if args.file is not None:
        raise Expected(f"{args.file} is not asked for.", "Name the kit to write with --out.")
    if args.key is None:
        raise Expected("No key is named.", "Give the secret key: --key site.key. `lastvagt-engine key new site.key` makes one.")
    now = clock.SystemClock().now()
    since, key = _since(args, now), SecretKey.read(args.key)
    path = args.out or Path(f"lastvagt-{clock.iso(now)[:10]}{_SUFFIX}")
    if path.suffix != _SUFFIX:
        raise Expected(f"{path} would not be known for a kit.", f"Let its name end with {_SUFFIX}.")
    models = None if args.models == "all" else [] if args.models == "none" else args.models.split(",")
    with reading(args) as reader, terminal.progress("Packing") as progress:
        made = kit_export.pack(reader, outside(args).config(), path, key, since, now, models, args.update, args.note, progress)
    if args.json:
        print(json.dumps({"file": str(path), "bytes": path.stat().st_size, **_document(made)}, indent=2))
    else:
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
        _tell(made)
    return 0


def _since(args: argparse.Namespace, now: int) -> int:
    from engine import clock, kit

    if args.since_kit is not None:
        return kit.read(args.since_kit).until
    if args.since is None:
        raise Expected(
            "It is not said since when.", "Give --since 2026-01-01 for a first kit, then --since-kit with the one before."
        )
    return now - clock.parse_duration(args.since) if args.since.startswith("P") else clock.parse_utc(args.since)


def _import(args: argparse.Namespace) -> int:
    from engine.store import Writer

    path, config = _file(args), outside(args).config()
    if not config.database.exists():  # the first kit may be the first thing a site sees
        Writer(config.database, config.simulated).close()
    taken = _order(config, path)
    troubles = taken["troubles"]
    assert isinstance(troubles, list)
    if args.json:
        print(json.dumps(taken, indent=2))
        return 4 if troubles else 0
    if taken["again"]:
        print(f"{path.name} was imported at {taken['imported_at']}; nothing changed.")
    else:
        brought = taken["brought"]
        assert isinstance(brought, dict)
        print(f"{path.name}, signed by {taken['signed_by']}, tells what became known from {taken['since']} to {taken['until']}.")
        print(f"{brought['new']} values of {brought['series']} series are new here; {brought['quarantined']} were set aside.")
        for name, what in (("models", "Model bundles that begin to be tried"), ("unknown", "Left out, unknown to this program")):
            if brought.get(name):
                print(f"{what}: {', '.join(brought[name])}.")
    for trouble in troubles:
        print(trouble)
    return 4 if troubles else 0


def _order(config: Config, path: Path) -> dict[str, object]:
    """What comes of an import, here or by the engine that runs. One that cannot see the file, as a service sees no user's folder, gets
    a copy of it in its data folder."""
    from engine import access, orders
    from engine.clock import SystemClock
    from engine.kit import UNSEEN

    def order(at: Path) -> dict[str, object]:
        words = {"who": access.user(), "path": str(at)}
        return orders.decide(config, "/v1/kits/import", words, SystemClock(), _IMPORT_S)

    try:
        return order(path)
    except access.Refused as refusal:
        if UNSEEN not in refusal.problem or not path.is_file():
            raise
    folder = config.data_dir / "incoming"
    folder.mkdir(exist_ok=True)
    try:
        return order(Path(shutil.copyfile(path, folder / path.name)))
    finally:
        shutil.rmtree(folder)


def _show(args: argparse.Namespace) -> int:
    from engine import kit, site

    path = _file(args)
    contents, trouble = kit.read(path), None
    try:
        signed_by = kit.signer(path, site.trusted_keys(outside(args).config().data_dir)).name
    except Expected as problem:
        signed_by, trouble = "", problem
    if args.json:
        print(
            json.dumps({"file": str(path), "bytes": path.stat().st_size, "signed_by": signed_by, **_document(contents)}, indent=2)
        )
    else:
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB, {f'signed by {signed_by}' if signed_by else 'NOT TRUSTED'}")
        _tell(contents)
    if trouble is not None:
        raise trouble
    return 0


def _document(contents: Contents) -> dict[str, object]:
    """Contents for JSON, without the list of members."""
    return {name: of for name, of in contents.document().items() if name != "files"}


def _tell(contents: Contents) -> None:
    from engine import clock, terminal

    kind = "Simulated" if contents.simulated else "Real"
    print(f"{kind} data that became known from {clock.iso(contents.since)} to {clock.iso(contents.until)}")
    print(f"Made by Lastvagt {contents.program}{f': {contents.note}' if contents.note else ''}")
    found: dict[tuple[str, str], list[int]] = {}
    for part in contents.parts:
        found.setdefault((part.quantity, part.source), []).append(part.rows)
    terminal.grid(("quantity", "source", "series", "values"), [(*of, len(rows), sum(rows)) for of, rows in found.items()])
    if contents.days:
        first, last = min(contents.days), max(contents.days)
        print(f"Special days: {len(contents.days)}, {first.year} to {last.year}")
    print(f"Model bundles: {', '.join(contents.models) or 'none'}")
    print(f"Program update: {contents.update or 'none'}")


def _list(args: argparse.Namespace) -> int:
    from engine import clock, terminal

    now = clock.SystemClock().now()
    with reading(args) as reader:
        kits = reader.kits.imported()
    if args.json:
        print(
            json.dumps(
                [
                    {
                        **{name: getattr(k, name) for name in ("file", "digest", "signed_by", "program", "who")},
                        **{name: clock.iso(getattr(k, name)) for name in ("imported_at", "since", "until")},
                        "brought": dict(k.brought),
                    }
                    for k in kits
                ],
                indent=2,
            )
        )
    elif kits:
        rows = [
            (clock.iso(k.imported_at), k.file, clock.iso(k.since), clock.iso(k.until), k.brought["new"], k.signed_by)
            for k in kits
        ]
        terminal.grid(("imported", "file", "since", "until", "new", "signed by"), rows)
        print(f"The newest tells of everything until {(now - max(k.until for k in kits)) / DAY:.1f} days ago.")
    else:
        print("No kit was imported here.")
    return 0
