"""The portable archive: the same bytes from the same files, a program that runs wherever it is unpacked, and updates of real ones."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import versions
from frozen_programs import PACKAGING, ROOT, made_from, made_once

from engine.lock import holder
from engine.store import former, schema

OUT = ROOT / "out" / "portable"
sys.path.insert(0, str(PACKAGING))

import portable  # noqa: E402

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="of Linux alone")
MOMENT = 1_767_225_600
_WAIT_S = 240.0


@pytest.fixture
def frozen(tmp_path: Path) -> Path:
    """A folder that looks like a frozen program."""
    folder = tmp_path / "dist" / "lastvagt"
    (folder / "_internal").mkdir(parents=True)
    for name in ("lastvagt", "lastvagt-engine"):
        (folder / name).write_text(f'#!/bin/sh\necho {name} "$@"\n')
        (folder / name).chmod(0o755)
    (folder / "_internal" / "lib.so.1").write_bytes(b"library")
    (folder / "_internal" / "lib.so").symlink_to("lib.so.1")
    return folder


@pytest.fixture
def unpacked(frozen: Path, tmp_path: Path) -> Path:
    archive = tmp_path / "a.tar.gz"
    portable.write(frozen, "1.2.3", archive, MOMENT)
    home = tmp_path / "hjem mappe æøå"
    home.mkdir()
    with tarfile.open(archive) as tar:
        tar.extractall(home, filter="data")
    return home / "lastvagt"


def test_the_same_files_make_the_same_bytes(frozen: Path, tmp_path: Path) -> None:
    again = tmp_path / "again" / "lastvagt"
    shutil.copytree(frozen, again, symlinks=True)
    for path in again.rglob("*"):
        os.utime(path, (1, 1), follow_symlinks=False)
    made = []
    for folder in (frozen, again):
        portable.write(folder, "1.2.3", tmp_path / "a.tar.gz", MOMENT)
        made.append(hashlib.sha256((tmp_path / "a.tar.gz").read_bytes()).hexdigest())
    assert made[0] == made[1]


def test_it_runs_wherever_it_is_unpacked_and_through_a_link(unpacked: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(unpacked / "bin" / "lastvagt-engine")
    for program, name in ((unpacked / "bin" / "lastvagt", "lastvagt"), (tmp_path / "link", "lastvagt-engine")):
        said = subprocess.run([program, "run", "a b"], capture_output=True, text=True, check=True)
        assert said.stdout == f"{name} run a b\n"
    assert (unpacked / "current").readlink() == Path("versions/1.2.3")
    assert (unpacked / "versions" / "1.2.3" / "_internal" / "lib.so").read_bytes() == b"library"
    assert "LASTVAGT 1.2.3" in (unpacked / "README.txt").read_text(encoding="utf-8")


def test_it_comes_into_the_menu_of_the_desktop_and_out_again(unpacked: Path, tmp_path: Path) -> None:
    share = tmp_path / "share"
    other = share / "icons" / "hicolor" / "48x48" / "apps" / "other.png"
    other.parent.mkdir(parents=True)
    other.touch()

    def call(act: str) -> int:
        words = [unpacked / "bin" / "lastvagt-desktop", act]
        return subprocess.run(
            words, env=os.environ | {"XDG_DATA_HOME": str(share)}, check=False, stderr=subprocess.DEVNULL
        ).returncode

    assert call("install") == 0
    entry = share / "applications" / "dk.lastvagt.Lastvagt.desktop"
    assert re.findall(r"^Exec=.*$", entry.read_text(encoding="utf-8"), re.MULTILINE)[0] == f'Exec="{unpacked}/bin/lastvagt"'
    assert list(share.rglob("lastvagt.svg"))
    if shutil.which("desktop-file-validate"):
        subprocess.run(["desktop-file-validate", entry], check=True)
    assert call("remove") == 0
    assert [path for path in share.rglob("*") if path.is_file()] == [other]
    assert call("nonsense") == 2


def test_the_launchers_are_sound_shell() -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is missing")
    subprocess.run(["shellcheck", *(PACKAGING / "portable" / "bin").iterdir()], check=True)


# -- real programs ----------------------------------------------------------------------------------------------------


def _frozen(version: str, more: str = "") -> Path:
    """The archive of the sources frozen as another version, perhaps with more in its schema."""
    parts = sorted((*PACKAGING.glob("*.py"), *(PACKAGING / "portable").rglob("*"), ROOT / "CHANGELOG.md"))
    texts = [path.read_text(encoding="utf-8") for path in parts if path.is_file()]
    folder = OUT / version
    made_once(folder, made_from(version, more, *texts), lambda: _freeze(folder, version, more))
    return _archive(folder, version)


def _archive(folder: Path, version: str) -> Path:
    return folder / f"lastvagt-{version}.tar.gz"


def _freeze(folder: Path, version: str, more: str) -> None:
    sources = folder / "sources"
    for name in ("sources", "dist", "work"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in ("engine", "app", "models", "packaging"):
        shutil.copytree(ROOT / name, sources / name, ignore=shutil.ignore_patterns("__pycache__", "screenshots"))
    for name in ("pyproject.toml", "CHANGELOG.md"):
        shutil.copy(ROOT / name, sources / name)
    (sources / "engine" / "keys").mkdir(exist_ok=True)
    (sources / "engine" / "keys" / "release.pub").write_text(versions.KEY.public("release").text(), encoding="ascii")
    start = sources / "engine" / "__init__.py"
    start.write_text(re.sub(r'(?m)^__version__ = ".*"$', f'__version__ = "{version}"', start.read_text(encoding="utf-8")))
    with (sources / "engine" / "store" / "schema.py").open("a", encoding="utf-8") as file:
        file.write(more)
    alone = os.environ | {"PYTHONPATH": str(sources)}
    words = ["--dist", str(folder / "dist"), "--work", str(folder / "work")]
    subprocess.run([sys.executable, sources / "packaging" / "freeze.py", *words], check=True, env=alone, cwd=sources)
    portable.write(folder / "dist" / "lastvagt", version, _archive(folder, version), MOMENT)


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + _WAIT_S
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.2)


@contextlib.contextmanager
def running(command: list[str], data: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, env=environment)
    try:
        until(lambda: holder(data) is not None and (data / "engine.token").exists())
        yield process
    finally:
        for pid in {holder(data), process.pid} - {None}:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        process.wait(30)


@pytest.mark.long
def test_real_programs_are_updated_and_taken_back_while_they_serve(tmp_path: Path) -> None:
    """Two frozen versions, of which the newer moves the schema, and a third that dies: check, stage, apply, serve, roll back."""
    moves = "\nMIGRATIONS = (*MIGRATIONS, lambda db: db.execute('CREATE TABLE later(x)'))\n"
    old, new = _frozen("900.0.0"), _frozen("900.1.0", moves)
    with tarfile.open(old) as tar:
        tar.extractall(tmp_path, filter="data")
    root, data, site = tmp_path / "lastvagt", tmp_path / "data", tmp_path / "site"
    versions.publish(site, "900.1.0", new.read_bytes(), schema=len(schema.MIGRATIONS) + 1)
    launcher = str(root / "bin" / "lastvagt-engine")
    environment = {"HOME": str(tmp_path), "PATH": os.defpath, "LASTVAGT_PORT": "0", "LASTVAGT_UPDATE_URL": site.as_uri()}
    folder = ["--data-dir", str(data), "--simulated"]

    def call(*words: str) -> str:
        done = subprocess.run([launcher, *words, *folder], env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    with running([launcher, "run", *folder], data, environment) as process:
        assert json.loads(call("update", "check", "--json"))["stand"] == "available"
        began = time.monotonic()
        assert json.loads(call("update", "stage", "--json"))["stand"] == "ready"
        print(f"staged in {time.monotonic() - began:.1f} s")
        began = time.monotonic()
        assert "Version 900.1.0 has proved itself" in call("update", "apply")
        print(f"applied in {time.monotonic() - began:.1f} s")
        assert holder(data) == process.pid
        assert former.is_newer(data / "lastvagt.sqlite")
        state = json.loads(call("status", "--json"))
        assert (state["version"], state["engine"]["version"], state["engine"]["alive"]) == ("900.1.0", "900.1.0", True)
        began = time.monotonic()
        assert "Version 900.0.0 is used again" in call("update", "rollback")
        print(f"rolled back in {time.monotonic() - began:.1f} s")
        until(lambda: (data / "engine.token").exists() and not former.is_newer(data / "lastvagt.sqlite"))
        until(lambda: (json.loads(call("status", "--json"))["engine"] or {}).get("version") == "900.0.0")
        told = json.loads(call("update", "--json"))
        assert (told["version"], told["stand"]) == ("900.0.0", "refused")
        assert list(data.glob("*.of-schema-*"))
        assert call("update", "stage", "--again")
        (root / "versions" / "900.1.0" / "_internal" / "base_library.zip").write_bytes(b"damaged")
        done = subprocess.run(
            [launcher, "update", "apply", *folder], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 4, done.stdout
        assert "Version 900.1.0 was taken back: Its engine ended." in done.stderr
        until(lambda: (json.loads(call("status", "--json"))["engine"] or {}).get("version") == "900.0.0")
