"""The hourly issues that were planned beside those that were made: which came late, which never came, and why."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from engine import crashes
from engine.clock import floor_hour, parse_utc
from engine.domain import HOUR, JobRun
from engine.store import Reader, refusals
from engine.store.reader import Event

#: An issue made later than this, or by an engine that started after the hour, is one of now: what arrived meanwhile counts.
LATE_S = 5 * 60
#: Runs that tell of missed issues are looked for among so many, and those that failed.
MISSED_RUNS, _FAILED = 50, 200
#: Kinds of events that keep every issue waiting.
_HINDER = (*refusals.CODES, "clock_ahead", "pause", crashes.EVENT)
#: Why nobody made an issue that nothing hindered.
NOT_RUNNING = "The engine did not run."
SLEPT = "The computer slept, or its clock was set forward."


class Outcome(enum.StrEnum):
    """What became of a planned issue."""

    ON_TIME = "on_time"
    LATE = "late"
    MISSED = "missed"


@dataclass(frozen=True, slots=True)
class PlannedIssue:
    """The issue of an hour; `made_at` is None where nobody made one, and `reason` says why it came late or never, where that is known;
    `code` is that of the event which tells it, if one does."""

    hour: int
    outcome: Outcome
    made_at: int | None = None
    reason: str = ""
    code: str = ""


def planned_issues(reader: Reader, start: int, now: int) -> list[PlannedIssue]:
    """Every hour from `start` on whose issue should have been made by now, from the first issue on that is kept with all its kind."""
    start = floor_hour(max(start, reader.thinned_to()) - 1) + HOUR
    if start > now:
        return []
    created: dict[int, int] = {}
    for issue in reader.issues("DK1", start, now + 1, limit=(now - start) // 60 + 1, consumer_type="total"):
        hour = floor_hour(issue.issue_time)
        created[hour] = min(created.get(hour, issue.created_at), issue.created_at)
    if not reader.issues("DK1", end=start, limit=1, consumer_type="total"):
        start = min(created, default=now)
    why = {
        floor_hour(run.started_at): run.problem
        for status in ("expected", "bug")
        for run in reader.job_runs("forecast", _FAILED, status)
    }
    why |= {
        floor_hour(run.started_at): str(run.detail["late"])
        for run in reader.job_runs("forecast", (now - start) // HOUR + _FAILED, "ok")
        if "late" in run.detail
    }
    why |= {
        hour: str(run.detail.get("why", run.problem))
        for run in reversed(reader.job_runs("forecast", MISSED_RUNS, "missed"))
        for hour in hours_of(run)
    }
    events = [event for event in reader.events(open_only=False, limit=_FAILED) if event.code in _HINDER]
    return [_planned(hour, created.get(hour), why.get(hour, ""), events, now) for hour in range(start, now - LATE_S + 1, HOUR)]


def _planned(hour: int, made_at: int | None, why: str, events: Sequence[Event], now: int) -> PlannedIssue:
    if made_at is not None and made_at - hour < LATE_S:
        return PlannedIssue(hour, Outcome.ON_TIME, made_at)
    outcome, end = (Outcome.MISSED, hour + HOUR) if made_at is None else (Outcome.LATE, made_at)
    lasted = next((e for e in events if e.since <= end and (now if e.until is None else e.until) >= hour), None)
    if why or lasted is None:
        return PlannedIssue(hour, outcome, made_at, why)
    return PlannedIssue(hour, outcome, made_at, lasted.problem, lasted.code)


def hours_of(run: JobRun) -> range:
    """The hours of a run that tells of missed issues."""
    return range(parse_utc(str(run.detail["first"])), parse_utc(str(run.detail["last"])) + 1, HOUR)
