"""The hourly issues that were planned beside those that were made: which is due, which came late, which never came and why."""

from __future__ import annotations

import enum
import itertools
import logging
from dataclasses import dataclass

from engine import plan
from engine.clock import Clock, floor_hour, iso, parse_utc
from engine.domain import DAY, HOUR, JobRun
from engine.store import Reader, Writer
from engine.timeguard import APART_S, TimeGuard

log = logging.getLogger(__name__)

#: An issue made later than this, or by an engine that started after the hour, is one of now: what arrived meanwhile counts.
LATE_S = 5 * 60
#: How long the first issue of an engine waits for its first ingest.
FIRST_INGEST_S = 50
#: Runs that tell of missed issues are looked for among so many.
_RUNS = 50
#: How long it is remembered why an issue could not be made.
_KEPT_S = 2 * DAY


class Outcome(enum.StrEnum):
    """What became of a planned issue."""

    ON_TIME = "on_time"
    LATE = "late"
    MISSED = "missed"


@dataclass(frozen=True, slots=True)
class PlannedIssue:
    """The issue of an hour; `made_at` is None where nobody made one, and `reason` says why it came late or never, where that is known."""

    hour: int
    outcome: Outcome
    made_at: int | None = None
    reason: str = ""


def planned_issues(reader: Reader, start: int, now: int) -> list[PlannedIssue]:
    """Every hour from `start` on whose issue should have been made by now, from the first issue on that is kept."""
    start = floor_hour(start - 1) + HOUR
    created: dict[int, int] = {}
    for issue in reader.issues("DK1", start, now + 1, limit=(now - start) // 60 + 1, consumer_type="total"):
        hour = floor_hour(issue.issue_time)
        created[hour] = min(created.get(hour, issue.created_at), issue.created_at)
    if not reader.issues("DK1", end=start, limit=1, consumer_type="total"):
        start = min(created, default=now)
    why = {hour: run.problem for run in reversed(reader.job_runs("forecast", _RUNS, "missed")) for hour in _hours(run)}
    return [_planned(hour, created.get(hour), why.get(hour, "")) for hour in range(start, now - LATE_S + 1, HOUR)]


def _planned(hour: int, made_at: int | None, why: str) -> PlannedIssue:
    if made_at is None:
        return PlannedIssue(hour, Outcome.MISSED, None, why)
    late = made_at - hour >= LATE_S
    return PlannedIssue(hour, Outcome.LATE if late else Outcome.ON_TIME, made_at, why)


class Reconciler:
    """Compares the plan with what was made, every minute: says which issue to make now, and records those that nobody made."""

    def __init__(self, writer: Writer, reader: Reader, clock: Clock, guard: TimeGuard) -> None:
        self._writer, self._reader, self._clock, self._guard = writer, reader, clock, guard
        self._began = clock.steady()
        self._tried = -1
        self._hindered: dict[int, str] = {}  # why the issue of an hour could not be made so far

    def due(self, now: int, told: bool, ingested: bool, waiting: int | None = None) -> int | None:
        """The issue time of an issue to make now, which counts as tried with that; None where nothing is due.

        Nothing is dated by a clock that is ahead of what the sources say. An issue that waits to be stored, of the time `waiting`, is
        made.
        """
        hour, running_s = floor_hour(now), self._clock.steady() - self._began
        if not ingested and running_s < FIRST_INGEST_S:
            return None
        if self._guard.holds:
            return None
        if self._guard.confirmed:
            self._withdraw(now)
        newest = next((issue.issue_time for issue in self._reader.issues(end=now + 1, limit=1)), None)
        if waiting is not None:
            newest = max(waiting, newest or waiting)
        made = newest is not None and newest >= hour
        if not told and (made or not plan.Rhythm(plan.RETRY_S).is_due(self._tried, now)):
            return None
        if newest is not None:
            self._note_missed(range(floor_hour(newest) + HOUR, hour, HOUR), now)
        self._tried = now
        on_time = not made and now - running_s <= hour and now < hour + LATE_S
        return hour if on_time else now

    def made(self, run: JobRun) -> None:
        """What became of an issue that was due."""
        hour = floor_hour(run.started_at)
        if run.status == "ok":
            self._hindered.pop(hour, None)
        else:
            self.hindered(run.started_at, run.problem)

    def hindered(self, now: int, problem: str) -> None:
        """An issue that is due now could not be made; the reason is kept should nobody make it later."""
        self._hindered = {hour: why for hour, why in self._hindered.items() if hour > now - _KEPT_S} | {floor_hour(now): problem}

    def _note_missed(self, hours: range, now: int) -> None:
        """Record, once, the planned issues that nobody made: made now they would not be what they claim to be."""
        noted = {hour for run in self._reader.job_runs("forecast", _RUNS, "missed") for hour in _hours(run)}
        missed = [hour for hour in hours if hour not in noted]
        for why, group in itertools.groupby(missed, lambda hour: self._hindered.get(hour, "")):
            times = list(group)
            span = iso(times[0]) if len(times) == 1 else f"{iso(times[0])} to {iso(times[-1])}"
            problem = f"{len(times)} hourly issues, {span}, were not made: {why or self._absence(times[-1])}"
            detail = {"first": iso(times[0]), "last": iso(times[-1]), "count": len(times)}
            remedy = "" if why else "Keep the engine running, and this computer awake."
            self._writer.put_job_run(JobRun("forecast", now, now, "missed", problem, remedy, detail))

    def _absence(self, hour: int) -> str:
        began = self._clock.now() - (self._clock.steady() - self._began)
        if hour < began:
            return "the engine did not run."
        return "the computer slept, or its clock was set forward."

    def _withdraw(self, now: int) -> None:
        """Take back what a clock that was ahead has dated after now: it would be taken for the newest, and for what is made then."""
        count = self._writer.withdraw_after(now + APART_S, now)
        if count:
            problem = (
                f"{count} issues dated after {iso(now)} were withdrawn: this computer's clock was ahead when they were made."
            )
            log.warning(problem)
            self._writer.open_event("withdrawn", "engine", problem, "Let a time service keep the clock (NTP).", now)
            self._writer.close_event("withdrawn", "engine", now)


def _hours(run: JobRun) -> range:
    """The hours of a run that tells of missed issues."""
    return range(parse_utc(str(run.detail["first"])), parse_utc(str(run.detail["last"])) + 1, HOUR)
