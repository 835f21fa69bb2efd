"""Portable installations and releases whose programs are scripts that keep to the protocol of the frozen ones."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path

from engine import installation
from engine.installation import Form, Installation
from engine.releases import LIST
from engine.signing import SUFFIX, SecretKey

KEY = SecretKey(b"releases", bytes(range(32)))
_REPOSITORY = Path(__file__).resolve().parent.parent
_PORTABLE = _REPOSITORY / "packaging" / "portable"

#: The engine that holds its folder, settles, proves itself and starts again as the real one does, and does no work. `MOVED` adds a
#: step to the schema, `DIES` ends it before it has proved itself, `HANGS` keeps it from proving itself, `UNFIT` fails its own check.
_SCRIPT = """\
#!{python}
import sys
version, kind = {version!r}, {kind!r}
if "--version" in sys.argv:
    sys.exit(print("lastvagt-engine", version))
if sys.argv[1] == "selfcheck":
    sys.exit("The engine does not serve.\\nInstall it again." if kind == "UNFIT" else 0)
sys.path.insert(0, {repository!r})
import argparse, signal, time
from pathlib import Path
from engine import upgrade
from engine.config import Config
from engine.installation import Form, Installation
from engine.lock import exclusive
from engine.store import Writer, schema
root = Path(sys.argv[0]).resolve().parent.parent.parent
parser = argparse.ArgumentParser()
parser.add_argument("--data-dir", type=Path)
data_dir = parser.parse_known_args(sys.argv[2:])[0].data_dir
place, config = Installation(Form.PORTABLE, root), Config(data_dir=data_dir)
if kind == "MOVED":
    schema.MIGRATIONS = (*schema.MIGRATIONS, lambda db: db.execute("CREATE TABLE later(x)"))
if sys.argv[1:3] == ["update", "settle"]:
    sys.exit(upgrade.settle(config, place, version, always=True) and 0)
upgrade.settle(config, place, version)
ended = []
signal.signal(signal.SIGTERM, lambda *_: ended.append("stop"))
signal.signal(signal.SIGUSR2, lambda *_: ended.append("renew"))
with exclusive(data_dir):
    Writer(config.database).close()
    with (data_dir / "story").open("a") as story:
        story.write(version + "\\n")
    if kind == "DIES":
        sys.exit(7)
    began = time.monotonic()
    while not ended:
        time.sleep(0.02)
        if kind != "HANGS" and time.monotonic() - began > 0.2 and upgrade.on_trial(place, version):
            upgrade.prove(place)
if ended == ["renew"]:
    upgrade.start_again(place)
"""


def script(version: str, kind: str = "GOOD") -> bytes:
    """The engine of a version."""
    return _SCRIPT.format(python=sys.executable, repository=str(_REPOSITORY), version=version, kind=kind).encode()


def install(root: Path, version: str) -> Installation:
    """A portable installation that uses a version."""
    folder = root / "versions" / version
    folder.mkdir(parents=True)
    (folder / "lastvagt-engine").write_bytes(script(version))
    (folder / "lastvagt-engine").chmod(0o755)
    shutil.copytree(_PORTABLE / "bin", root / "bin")
    (root / "current").symlink_to(f"versions/{version}")
    return Installation(Form.PORTABLE, root)


def archive(version: str, kind: str = "GOOD", extra: Sequence[tarfile.TarInfo] = (), program: bytes | None = None) -> bytes:
    """A portable version, packed."""
    raw, program = io.BytesIO(), program or script(version, kind)
    with tarfile.open(fileobj=raw, mode="w:gz", compresslevel=1) as tar:
        member = tarfile.TarInfo(f"lastvagt/versions/{version}/lastvagt-engine")
        member.size, member.mode = len(program), 0o755
        tar.addfile(member, io.BytesIO(program))
        for each in extra:
            tar.addfile(each)
    return raw.getvalue()


def publish(folder: Path, version: str, content: bytes, key: SecretKey = KEY, form: str = "portable", schema: int = 6) -> str:
    """A release with one file in a folder; returns the name of the file."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"lastvagt-{version}-{form}.tar.gz"
    (folder / name).write_bytes(content)
    file = {
        "name": name,
        "system": installation.system(),
        "form": form,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    told = {
        "version": version,
        "released": "2026-11-29",
        "notes": f"What is new in {version}.",
        "schema": schema,
        "files": [file],
    }
    (folder / LIST).write_text(json.dumps(told), encoding="utf-8")
    (folder / (LIST + SUFFIX)).write_text(key.sign(folder / LIST, f"lastvagt {version}"), encoding="utf-8")
    return name
