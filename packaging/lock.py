"""Writes packaging/lock.txt: every package a release is built from, in its version of constraints.txt, with the hashes of its wheels.

pip itself resolves, once for each system and Python, and tells the hashes; what a system needs is decided by each package's own markers,
which pip evaluates for the machine it runs on."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
LOCK, CONSTRAINTS = ROOT / "packaging" / "lock.txt", ROOT / "constraints.txt"
#: What freezes, beside the program and its app.
PACKER = "pyinstaller"
PYTHONS = ("3.11", "3.12", "3.13")
#: By `sys_platform`: what else markers ask, and the platforms whose wheels are taken.
SYSTEMS: Mapping[str, tuple[Mapping[str, str], tuple[str, ...]]] = {
    "linux": (
        {"platform_system": "Linux", "platform_machine": "x86_64", "os_name": "posix"},
        tuple(
            f"manylinux{tag}_x86_64" for tag in ("_2_36", "_2_35", "_2_34", "_2_31", "_2_28", "_2_27", "_2_24", "_2_17", "2014")
        ),
    ),
    "win32": ({"platform_system": "Windows", "platform_machine": "AMD64", "os_name": "nt"}, ("win_amd64",)),
    "darwin": (
        {"platform_system": "Darwin", "platform_machine": "arm64", "os_name": "posix"},
        ("macosx_14_0_arm64", "macosx_12_0_arm64", "macosx_11_0_arm64", "macosx_14_0_universal2", "macosx_10_9_universal2"),
    ),
}
_HEAD = """\
# What a release is built from, with the SHA-256 of every wheel that pip may take: pip install --require-hashes -r packaging/lock.txt
# packaging/lock.py writes this file from constraints.txt and pyproject.toml.
"""


@dataclass(frozen=True, slots=True)
class Locked:
    """A package for one system and Python: its version, the hash of its wheel, and what it needs there."""

    name: str
    version: str
    sha256: str
    needs: tuple[str, ...]


def main() -> int:
    """Resolve and write."""
    where = {(system, python): resolve(system, python) for system in SYSTEMS for python in PYTHONS}
    LOCK.write_text(_HEAD + "".join(f"{line}\n" for line in lines(where)), encoding="utf-8")
    print(f"{LOCK.relative_to(ROOT)}: {len({name for found in where.values() for name in found})} packages")
    return 0


def wanted() -> list[str]:
    """What the program, its app and the packer require."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [*project["dependencies"], *project["optional-dependencies"]["app"], PACKER]


def resolve(system: str, python: str) -> dict[str, Locked]:
    """Every package needed there, by canonical name."""
    asked = set(wanted())
    while True:
        known = {canonicalize_name(one.name): one for one in _told(asked, system, python)}
        needed = closure(known, system, python)
        missing = needed - known.keys()
        if not missing:
            return {name: known[name] for name in sorted(needed)}
        asked |= missing


def closure(known: Mapping[str, Locked], system: str, python: str) -> set[str]:
    """Canonical names of what is needed there, as far as the known packages tell."""
    environment = {"sys_platform": system, "python_version": python, "python_full_version": f"{python}.0"} | dict(
        SYSTEMS[system][0]
    )
    environment["implementation_name"] = "cpython"
    waiting, found = [(line, "") for line in wanted()], set[str]()
    visited = set[tuple[str, str]]()
    while waiting:
        line, extra = waiting.pop()
        requirement = Requirement(line)
        if requirement.marker is not None and not requirement.marker.evaluate(environment | {"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        found.add(name)
        for each in {"", *requirement.extras}:
            if (name, each) not in visited and name in known:
                visited.add((name, each))
                waiting += [(need, each) for need in known[name].needs]
    return found


def _told(asked: Iterable[str], system: str, python: str) -> Iterator[Locked]:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet", "--quiet"]
        command += ["--report", str(report), "--only-binary=:all:", "--target", folder, "--python-version", python]
        command += ["-c", str(CONSTRAINTS), *(f"--platform={each}" for each in SYSTEMS[system][1]), *sorted(asked)]
        subprocess.run(command, check=True)
        for one in json.loads(report.read_text(encoding="utf-8"))["install"]:
            yield _locked(one)


def _locked(one: Mapping[str, Any]) -> Locked:
    told = one["metadata"]
    return Locked(
        told["name"],
        told["version"],
        one["download_info"]["archive_info"]["hashes"]["sha256"],
        tuple(told.get("requires_dist", ())),
    )


def lines(where: Mapping[tuple[str, str], Mapping[str, Locked]]) -> Iterator[str]:
    """The lines of the file: a package, where it is needed, and its hashes."""
    for name in sorted({name for found in where.values() for name in found}):
        places = {place: found[name] for place, found in where.items() if name in found}
        (version,) = {locked.version for locked in places.values()}
        condition = _condition(set(places))
        hashes = " \\\n".join(f"    --hash=sha256:{digest}" for digest in sorted({locked.sha256 for locked in places.values()}))
        yield f"{name}=={version}{f' ; {condition}' if condition else ''} \\\n{hashes}"


def _condition(places: set[tuple[str, str]]) -> str:
    """A marker that holds in these systems and Pythons and in no other; empty where it is all of them."""
    systems = [system for system in SYSTEMS if any(place[0] == system for place in places)]
    pythons = [python for python in PYTHONS if any(place[1] == python for place in places)]
    if places == {(system, python) for system in systems for python in pythons}:
        parts = [
            " or ".join(f'sys_platform == "{system}"' for system in systems) if len(systems) < len(SYSTEMS) else "",
            " or ".join(f'python_version == "{python}"' for python in pythons) if len(pythons) < len(PYTHONS) else "",
        ]
        return " and ".join(f"({part})" for part in parts if part)
    return " or ".join(f'(sys_platform == "{system}" and python_version == "{python}")' for system, python in sorted(places))


if __name__ == "__main__":
    sys.exit(main())
