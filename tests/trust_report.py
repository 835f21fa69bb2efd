"""The trust report: every gate, what was found, what was promised, and the command that finds it again. Writes tests/trust-report.md.

make trust-report         (runs every gate first, at most an hour on two cores; `python tests/trust_report.py` only writes the page)

A gate is a test marked `gate` with its number, its title and its target; the fixture of that name takes the figure.
"""

from __future__ import annotations

import datetime as dt
import functools
import json
import re
import subprocess
import sys
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
KEPT = ROOT / "out" / "trust"
PAGE = ROOT / "tests" / "trust-report.md"
#: Folders of which a change makes another program.
SHIPPED = ("engine", "app", "models", "packaging")
SECTIONS = {
    "A": "The HTTP endpoint",
    "B": "The store",
    "C": "Time and service",
    "D": "Models",
    "E": "Sources of data",
    "S": "Supply chain",
}
_MOMENT = "%Y-%m-%dT%H:%MZ"
#: What no machine with Linux can prove: which gates, what of them, and where it would be proven.
ELSEWHERE = (
    ("A4, C7", "one engine, one window and loopback only on Windows and macOS", ".github/workflows/test.yml"),
    ("B1, B3, B6", "kills, damage and full disks on NTFS and APFS", ".github/workflows/test.yml"),
    ("C5, C6", "a service that Windows or launchd starts, stops and brings back", ".github/workflows/package.yml"),
    ("C8", "logs that rotate while another program of Windows reads them", ".github/workflows/test.yml"),
    ("C10, S", "frozen programs on Windows and macOS, their signatures and notarisation", ".github/workflows/package.yml"),
)


@dataclass(frozen=True, slots=True)
class Gate:
    """A promise, and the test that proves it."""

    number: str
    title: str
    target: str
    test: str

    @property
    def order(self) -> tuple[str, int, str]:
        """A2 before A10."""
        return self.number[0], int(self.number[1:] or 0), self.test


@dataclass(frozen=True, slots=True)
class Finding:
    """What the newest run of a gate found; `commit` is that of the program it ran on, `changed` where it had uncommitted changes."""

    test: str
    outcome: str
    figure: str
    seconds: float
    at: str
    commit: str
    changed: bool
    processor_s: float = 0.0  # as findings of before have none


def words(mark: pytest.Mark) -> tuple[str, str, str]:
    """Number, title and target of a gate; a test that is marked otherwise is a mistake."""
    number, title = mark.args
    if not re.fullmatch(r"[A-ES]\d*", number):
        raise ValueError(f"No gate has the number {number!r}.")
    return number, title, mark.kwargs["target"]


def keep(report: pytest.TestReport) -> None:
    """Remember what a gate found, if the report is of one."""
    told = dict(report.user_properties)
    if "gate" not in told:
        return
    figure = str(told.get("figure", ""))
    if report.skipped:
        figure = report.longrepr[2] if isinstance(report.longrepr, tuple) else "skipped"
    processor_s, now = float(told.get("processor_s", 0)), dt.datetime.now(dt.UTC).strftime(_MOMENT)
    finding = Finding(report.nodeid, report.outcome, figure, round(report.duration, 1), now, *_commit(), round(processor_s, 1))
    KEPT.mkdir(parents=True, exist_ok=True)
    (KEPT / (re.sub(r"\W+", "_", report.nodeid) + ".json")).write_text(json.dumps(asdict(finding), indent=1), encoding="utf-8")


@functools.cache
def _commit() -> tuple[str, bool]:
    """Of the checkout; empty where there is none."""
    try:
        name, state = (
            subprocess.run(["git", *ask], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
            for ask in (("rev-parse", "--short=10", "HEAD"), ("status", "--porcelain", "--untracked-files=no"))
        )
    except (OSError, subprocess.CalledProcessError):
        return "", False
    return name, bool(state)


def _programs(commit: str) -> str:
    """What is shipped, as it stood at a commit."""
    asked = ["git", "rev-parse", *(f"{commit}:{folder}" for folder in SHIPPED)]
    return subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def same_program(found: Iterable[Finding], commit: str) -> set[str]:
    """Commits of findings at which what is shipped was the same as at this one."""
    return {each for each in {finding.commit for finding in found} - {""} if commit and _programs(each) == _programs(commit)}


class _Collector:
    gates: list[Gate]

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.gates = [
            Gate(*words(mark), test=item.nodeid)
            for item in session.items
            if (mark := item.get_closest_marker("gate")) is not None
        ]


def collected() -> list[Gate]:
    """Every gate there is, in order."""
    collector = _Collector()
    code = pytest.main(["--collect-only", "-qq", "--no-summary", "-m", "gate", str(ROOT / "tests")], plugins=[collector])
    if code != pytest.ExitCode.OK:
        sys.exit(f"The tests cannot be collected ({code.name}).")
    return sorted(collector.gates, key=lambda gate: gate.order)


def findings() -> dict[str, Finding]:
    """What was found last, by test."""
    kept = [Finding(**json.loads(path.read_text(encoding="utf-8"))) for path in KEPT.glob("*.json")]
    return {finding.test: finding for finding in kept}


def took_s() -> dict[str, float]:
    """Seconds of each gate that held, as the page tells them."""
    rows = (
        re.findall(r"\[([0-9]+) s\] \| held \| `pytest -m gate '(.+)'`", PAGE.read_text(encoding="utf-8"))
        if PAGE.exists()
        else ()
    )
    return {test: float(seconds) for seconds, test in rows}


def page(gates: Sequence[Gate], found: dict[str, Finding], commit: str, machine: str, same: Collection[str] = ()) -> str:
    """The report as Markdown. A figure of another program than that of `commit`, which is the `same` at others, says so."""
    mine = [found[gate.test] for gate in gates if gate.test in found]
    held, failed = (sum(finding.outcome == outcome for finding in mine) for outcome in ("passed", "failed"))
    open_ = len(gates) - held - failed
    lines = [
        "# Trust report",
        "",
        "Faults and attacks, what the program promises for each, and what was measured. `make trust-report` runs every gate and",
        "writes this page; the command of one gate runs it alone.",
        "",
        f"**{len(gates)} gates: {held} held, {failed} failed, {open_} not proven.** Commit {commit or 'unknown'}, {machine},",
        f"{_period(mine)}.",
    ]
    for letter, section in SECTIONS.items():
        if rows := [gate for gate in gates if gate.number[0] == letter]:
            lines += ["", f"## {letter}. {section}", "", "| gate | target | found | | run it again |", "|---|---|---|---|---|"]
            lines += [_row(gate, found.get(gate.test), {commit, *same}) for gate in rows]
    lines += ["", "## Not proven here", "", "| gates | what | would be proven by |", "|---|---|---|"]
    lines += [f"| {numbers} | {what} | `{where}`, never run so far |" for numbers, what, where in ELSEWHERE]
    return "\n".join(lines) + "\n"


def _period(found: Sequence[Finding]) -> str:
    """From when to when gates ran, and how long the processor worked for them."""
    if not found:
        return "never run"
    ends = {finding: dt.datetime.fromisoformat(finding.at) for finding in found}
    begin, end = min(at - dt.timedelta(seconds=finding.seconds) for finding, at in ends.items()), max(ends.values())
    worked_s = sum(finding.processor_s for finding in found)
    wall_s = (end - begin).total_seconds()
    return f"{begin:{_MOMENT}} to {end:{_MOMENT}}: {wall_s / 60:.0f} minutes; {worked_s / 60:.0f} minutes of one core in all"


def _row(gate: Gate, finding: Finding | None, commits: Collection[str]) -> str:
    told, figure = "not run", ""
    if finding is not None:
        told = {"passed": "held", "failed": "**FAILED**"}.get(finding.outcome, "not proven")
        figure = finding.figure
        if finding.changed or finding.commit not in commits:
            figure += f" (commit {finding.commit}{' with changes' if finding.changed else ''}, {finding.at})"
        figure += f" [{finding.seconds:.0f} s]"
    cells = (f"{gate.number} {gate.title}", gate.target, figure, told, f"`pytest -m gate '{gate.test}'`")
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def main() -> None:
    """Write the page, and end with 1 where a gate failed or was not run."""
    from bench import machine  # which takes its time, and every test imports this file

    gates, found, where = collected(), findings(), machine()
    told = f"{where['processor']} with {where['cores']} cores, {where['system']}, Python {where['python']}"
    commit = _commit()[0]
    PAGE.write_text(page(gates, found, commit, told, same_program(found.values(), commit)), encoding="utf-8")
    bad = [gate for gate in gates if gate.test not in found or found[gate.test].outcome == "failed"]
    for gate in bad:
        print(f"{gate.number} {gate.title}: {'failed' if gate.test in found else 'not run'} ({gate.test})")
    print(f"{len(gates)} gates, {len(bad)} of them failed or were not run: {PAGE.relative_to(ROOT)}")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
