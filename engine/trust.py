"""The command `key`: makes keys, signs with them, and says whose signatures count here."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

from engine import disk, site
from engine.commands import outside
from engine.domain import Expected
from engine.signing import SUFFIX, PublicKey, SecretKey, verify


def key(args: argparse.Namespace) -> int:
    """Make, trust or list keys, sign a file or check one."""
    if args.act == "list":
        return _list(args)
    if args.file is None:
        raise Expected("No file is named.", "lastvagt-engine key --help shows how.")
    acts = {"new": _new, "trust": _trust, "sign": _sign, "verify": _verify}
    acts[args.act](args)
    return 0


def _data_dir(args: argparse.Namespace) -> Path:
    return outside(args).folder()


def _list(args: argparse.Namespace) -> int:
    from engine import terminal

    columns = ("name", "number", "from", "file")
    rows = [(k.name, k.hexadecimal, place, str(path)) for place, path in _places(_data_dir(args)) for k in [PublicKey.read(path)]]
    if args.json:
        print(json.dumps([dict(zip(columns, row, strict=True)) for row in rows], indent=2))
        return 0
    if rows:
        terminal.grid(columns, rows)
    if not site.key_files(_data_dir(args)):
        print("No key is trusted here: neither kits nor updates can be checked.\nAdd one: lastvagt-engine key trust FILE")
    return 0


def _places(data_dir: Path) -> Iterator[tuple[str, Path]]:
    """Every trusted key with whence it comes."""
    mine = data_dir / site.TRUSTED
    for path in (*site.keys_in(site.SHIPPED_MODELS), *site.keys_in(data_dir / site.MODELS)):
        yield "program, bundles" if path.parent == site.SHIPPED_MODELS else "data folder, bundles", path
    for path in site.key_files(data_dir):
        yield "program" if path.parent == site.SHIPPED else "data folder" if path.parent == mine else "site", path


def _new(args: argparse.Namespace) -> None:
    made, public = SecretKey.new(), args.file.with_suffix(".pub")
    if args.file.suffix == ".pub" or public.exists():
        raise Expected(f"{public} would be written over.", "Choose another name, such as site.key.")
    made.write(args.file)
    public.write_text(made.public(public.stem).text(), encoding="ascii")
    print(f"{args.file}: signs. Keep it where nobody else can read it, and a copy of it in a safe.")
    print(f"{public}: checks what it signed. Give it to every machine: lastvagt-engine key trust {public.name}")


def _trust(args: argparse.Namespace) -> None:
    added = PublicKey.read(args.file)
    if args.machine and args.models:
        raise Expected("A key for bundles alone is one of a data folder.", "Leave out --machine or --models.")
    folder = (site.folders()[0] if args.machine else _data_dir(args)) / (site.MODELS if args.models else site.TRUSTED)
    for path in site.keys_in(folder):
        known = PublicKey.read(path)
        if known.number == added.number and known.point != added.point:
            raise Expected(f"{path} has the same number and is another key.", "One of them is forged; ask who made them.")
        if path.name == f"{added.name}.pub" and known.number != added.number:
            raise Expected(f"{path} is another key of that name.", "Rename the file, or delete that key.")
    if not folder.exists():
        folder.mkdir(parents=True)
        folder.chmod(0o755)  # whatever the umask: a key that the engine's user cannot read is none
    path = folder / f"{added.name}.pub"
    disk.write(path, added.text())
    path.chmod(0o644)
    what = "bundles" if args.models else "kits, bundles and updates"
    print(f"{path}: {what} signed with {added.hexadecimal} are taken from now on. Delete it to end that.")


def _sign(args: argparse.Namespace) -> None:
    if args.key is None:
        raise Expected("No key is named.", "Give the secret key: --key site.key")
    signature = args.file.with_name(args.file.name + SUFFIX)
    signature.write_text(SecretKey.read(args.key).sign(args.file, args.comment or f"file:{args.file.name}"), encoding="utf-8")
    print(f"{signature}: give it along with {args.file.name}.")


def _verify(args: argparse.Namespace) -> None:
    keys = [PublicKey.read(args.key)] if args.key else site.trusted_keys(_data_dir(args))
    signer, comment = verify(args.file, args.file.with_name(args.file.name + SUFFIX), keys)
    print(f"{args.file}: signed with {signer.name} ({signer.hexadecimal}): {comment}")
