"""The page that tells what every gate found."""

from __future__ import annotations

import subprocess
from types import SimpleNamespace

import pytest
import trust_report
from trust_report import Finding, Gate

GATES = [
    Gate("A1", "Foreign hosts", "0 wrong answers", "tests/test_a.py::test_hosts"),
    Gate("B1", "Kills", "0 lost", "tests/test_b.py::test_kill"),
    Gate("B10", "Not run yet", "0 | 1", "tests/test_b.py::test_other"),
]


def _found(test: str, outcome: str, commit: str = "c0ffee") -> Finding:
    return Finding(test, outcome, "1,000 kills, 0 lost", 612.3, "2026-01-02T03:04Z", commit, changed=False, processor_s=900.0)


def test_the_page_tells_what_held_what_failed_and_what_was_not_run() -> None:
    found = {f.test: f for f in (_found(GATES[0].test, "passed"), _found(GATES[1].test, "failed", "0ld"))}
    page = trust_report.page(GATES, found, "c0ffee", "a machine with 2 cores")
    rows = {line.split("|")[1].strip(): line for line in page.splitlines() if line.startswith("| ") and "::" in line}
    assert "3 gates: 1 held, 1 failed, 1 not proven" in page
    assert "2026-01-02T02:53Z to 2026-01-02T03:04Z: 10 minutes; 30 minutes of one core in all." in page
    assert "| held |" in rows["A1 Foreign hosts"]
    assert "0ld" not in rows["A1 Foreign hosts"]
    assert "**FAILED**" in rows["B1 Kills"]
    assert "commit 0ld" in rows["B1 Kills"], "what another program did is told as such"
    assert "not run" in rows["B10 Not run yet"]
    assert "0 \\| 1" in rows["B10 Not run yet"]
    assert "package.yml" in page


def test_a_commit_that_changes_nothing_shipped_has_the_same_program(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust_report, "ROOT", tmp_path)

    def git(*words: str) -> str:
        who = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
        return subprocess.run(["git", *who, *words], cwd=tmp_path, check=True, capture_output=True, text=True).stdout.strip()

    def commit(changed: str) -> str:
        (tmp_path / changed).parent.mkdir(exist_ok=True)
        (tmp_path / changed).write_text(changed)
        git("add", ".")
        git("commit", "-qm", changed)
        return git("rev-parse", "HEAD")

    git("init", "-q")
    before = [commit(f"{folder}/here") for folder in trust_report.SHIPPED][-1]
    docs, other = commit("README.md"), commit("engine/other")
    found = [_found(GATES[0].test, "passed", name) for name in (before, docs, other)]
    assert trust_report.same_program(found, docs) == {before, docs}
    assert trust_report.same_program(found, other) == {other}
    assert trust_report.same_program(found, "") == set()
    page = trust_report.page(GATES, {GATES[0].test: found[0]}, docs, "a machine", {before, docs})
    assert before not in page


def test_what_held_is_known_to_take_its_time_again(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust_report, "PAGE", tmp_path / "page.md")
    assert trust_report.took_s() == {}
    found = {f.test: f for f in (_found(GATES[0].test, "passed"), _found(GATES[1].test, "failed"))}
    trust_report.PAGE.write_text(trust_report.page(GATES, found, "c0ffee", "a machine"), encoding="utf-8")
    assert trust_report.took_s() == {GATES[0].test: 612.0}


def test_a_finding_is_kept_with_its_figure_and_read_again(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust_report, "KEPT", tmp_path / "trust")
    told = [("gate", ("B1", "Kills", "0 lost")), ("figure", "1 lost"), ("processor_s", 1.04)]
    report = SimpleNamespace(
        nodeid="tests/test_b.py::test_kill", outcome="failed", skipped=False, duration=1.25, user_properties=told
    )
    trust_report.keep(report)
    report.user_properties, report.nodeid = [], "tests/test_b.py::test_no_gate"
    trust_report.keep(report)
    (finding,) = trust_report.findings().values()
    assert (finding.test, finding.outcome, finding.figure) == ("tests/test_b.py::test_kill", "failed", "1 lost")
    assert (finding.seconds, finding.processor_s) == (1.2, 1.0)


def test_a_gate_without_a_number_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="No gate"):
        trust_report.words(pytest.mark.gate("first", "Kills", target="0 lost").mark)
