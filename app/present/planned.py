"""The hourly issues that came late or never, and why, beside how many there were."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from app.present.cell import Cell
from app.translations import Language
from engine.domain import Freshness
from engine.ledger import NOT_RUNNING, SLEPT, Outcome, PlannedIssue


@dataclass(frozen=True, slots=True)
class PlannedView:
    """How many issues were planned and what became of them, and a line for each that was not made on time, newest first."""

    summary: str = ""
    lines: tuple[tuple[Cell, ...], ...] = ()


def planned_view(issues: Sequence[PlannedIssue], days: int, language: Language, now: int) -> PlannedView:
    """What became of the issues of so many days."""
    if not issues:
        return PlannedView(language.text("planned.none"))
    counts = Counter(issue.outcome for issue in issues)
    summary = language.text(
        "planned.summary",
        days=days,
        count=language.number(len(issues)),
        **{outcome.value: language.number(counts[outcome]) for outcome in Outcome},
    )
    odd = [issue for issue in reversed(issues) if issue.outcome is not Outcome.ON_TIME]
    return PlannedView(summary, tuple(_line(issue, language, now) for issue in odd))


def _line(issue: PlannedIssue, language: Language, now: int) -> tuple[Cell, ...]:
    made = "–"
    if issue.made_at is not None:
        after = language.duration(issue.made_at - issue.hour)
        made = language.text("planned.after", time=language.time(issue.made_at), after=after)
    missed = issue.outcome is Outcome.MISSED
    return (
        Cell(language.moment(issue.hour, now)),
        Cell(language.text(f"planned.{issue.outcome.value}"), Freshness.MISSING if missed else None),
        Cell(made),
        Cell(reason(issue.reason, language, issue.code) or "–"),
    )


def reason(words: str, language: Language, code: str = "") -> str:
    """Why an issue did not come in its hour, in the user's language where it is the engine that words it."""
    if code:
        return language.text(f"event.{code}")
    return {NOT_RUNNING: language.text("planned.not_running"), SLEPT: language.text("planned.slept")}.get(words, words)
