"""What a release is built from is in the lock, in the versions that were tested together, by its hash."""

from __future__ import annotations

import importlib.metadata
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PACKAGING = Path(__file__).parent.parent / "packaging"
sys.path.insert(0, str(PACKAGING))

import lock  # noqa: E402


def entries() -> dict[str, tuple[Requirement, list[str]]]:
    """Requirement and hashes of each package of the lock."""
    joined = lock.LOCK.read_text(encoding="utf-8").replace("\\\n", " ")
    found = {}
    for line in joined.splitlines():
        if line and not line.startswith("#"):
            words, *hashes = line.split("--hash=sha256:")
            requirement = Requirement(words)
            found[canonicalize_name(requirement.name)] = (requirement, [each.strip() for each in hashes])
    return found


@pytest.mark.gate("S", "Locked packages", target="each package of a release has its tested version and the SHA-256 of its wheels")
def test_versions_are_those_of_the_constraints(gate: Callable[[str], None]) -> None:
    lines = [line for line in lock.CONSTRAINTS.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    tested = {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines)}
    gate(f"{len(entries())} packages, {sum(bool(hashes) for _, hashes in entries().values())} with hashes")
    for name, (requirement, hashes) in entries().items():
        assert str(requirement.specifier) == f"=={tested[name]}"
        assert hashes
        assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in hashes)


@pytest.mark.parametrize("system", lock.SYSTEMS)
@pytest.mark.parametrize("python", lock.PYTHONS)
def test_whatever_a_package_needs_there_is_locked_too(system: str, python: str) -> None:
    locked = {
        name: lock.Locked(name, "", "", tuple(importlib.metadata.requires(name) or ()))
        for name in entries()
        if any(True for _ in importlib.metadata.distributions(name=name))
    }
    environment = {"sys_platform": system, "python_version": python} | dict(lock.SYSTEMS[system][0])
    there = {name for name, (one, _) in entries().items() if one.marker is None or one.marker.evaluate(environment)}
    assert lock.closure(locked, system, python) <= there


def test_a_condition_names_where_a_package_is_needed_and_nowhere_else() -> None:
    every = {(system, python) for system in lock.SYSTEMS for python in lock.PYTHONS}
    for places in (
        every,
        {p for p in every if p[0] == "linux"},
        {p for p in every if p[1] == "3.11"},
        {("win32", "3.12"), ("linux", "3.13")},
    ):
        line = next(iter(lock.lines({place: {"a": lock.Locked("a", "1", "0" * 64, ())} for place in places})))
        requirement = Requirement(line.replace("\\\n", " ").partition("--hash")[0])
        held = {
            place
            for place in every
            if requirement.marker is None or requirement.marker.evaluate({"sys_platform": place[0], "python_version": place[1]})
        }
        assert held == places
