"""The workflow files: nothing in them may be changed from outside, and no secret may get into a log."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

yaml = pytest.importorskip("yaml", reason="PyYAML, which reads workflow files, is not installed")

ROOT = Path(__file__).parent.parent
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def _jobs(path: Path) -> dict[str, Any]:
    jobs: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]
    return jobs


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_actions_are_named_by_their_commit_and_beside_it_their_version(path: Path) -> None:
    named = re.findall(r"uses: (.*)", path.read_text(encoding="utf-8"))
    assert named
    for line in named:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_jobs_may_read_alone_and_one_may_write(path: Path) -> None:
    whole = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert whole["permissions"] == {"contents": "read"}
    writing = [name for name, job in whole["jobs"].items() if "permissions" in job]
    assert writing == (["release"] if path.stem == "package" else [])
    assert all(job["timeout-minutes"] <= 60 for job in whole["jobs"].values())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_secrets_reach_a_step_by_its_environment_alone(path: Path) -> None:
    for job in _jobs(path).values():
        for step in job["steps"]:
            script = step.get("run", "")
            assert "secrets." not in script
            assert "github.event" not in script  # whose words anybody may write
            for name in (name for name, value in step.get("env", {}).items() if "secrets." in str(value)):
                assert not re.search(rf"\becho\b[^|]*\${{?{name}\b", script)
                assert "set -x" not in script


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_is_called_is_there(path: Path) -> None:
    scripts = {
        name
        for job in _jobs(path).values()
        for step in job["steps"]
        for name in re.findall(r"packaging/[\w/.-]+\w", step.get("run", ""))
    }
    missing = [name for name in scripts if not (ROOT / name).exists()]
    assert not missing


def test_a_release_waits_for_every_system() -> None:
    jobs = _jobs(ROOT / ".github" / "workflows" / "package.yml")
    before, waiting = set(), ["release"]
    while waiting:
        needs = jobs[waiting.pop()].get("needs", [])
        needs = [needs] if isinstance(needs, str) else needs
        waiting += needs
        before |= set(needs)
    assert before == set(jobs) - {"release"}
