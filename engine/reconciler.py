"""Which hourly issue is due, and which will never be made: the plan of issues held against the ledger, every minute."""

from __future__ import annotations

import itertools
import logging

from engine import plan
from engine.clock import Clock, floor_hour, iso
from engine.domain import DAY, HOUR, JobRun
from engine.ledger import LATE_S, MISSED_RUNS, NOT_RUNNING, SLEPT, hours_of
from engine.store import Reader, Writer
from engine.timeguard import APART_S, TimeGuard

log = logging.getLogger(__name__)

#: How long the first issue of an engine waits for its first ingest.
FIRST_INGEST_S = 50
#: How long it is remembered why an issue could not be made.
_KEPT_S = 2 * DAY


class Reconciler:
    """Compares the plan with what was made, every minute: says which issue to make now, and records those that nobody made."""

    def __init__(self, writer: Writer, reader: Reader, clock: Clock, guard: TimeGuard) -> None:
        self._writer, self._reader, self._clock, self._guard = writer, reader, clock, guard
        self._began = clock.steady()
        self._tried = -1
        self.why_late = ""  # the issue that was due last, where this engine knows
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
        self.why_late = "" if on_time or made else self._hindered.get(hour) or (NOT_RUNNING if hour < self._began_at else "")
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
        noted = {hour for run in self._reader.job_runs("forecast", MISSED_RUNS, "missed") for hour in hours_of(run)}
        missed = [hour for hour in hours if hour not in noted]
        for why, group in itertools.groupby(missed, lambda hour: self._hindered.get(hour, "")):
            times = list(group)
            span = iso(times[0]) if len(times) == 1 else f"{iso(times[0])} to {iso(times[-1])}"
            reason = why or (NOT_RUNNING if times[-1] < self._began_at else SLEPT)
            problem = f"{len(times)} hourly issues, {span}, were not made. {reason}"
            detail = {"first": iso(times[0]), "last": iso(times[-1]), "count": len(times), "why": reason}
            remedy = "" if why else "Keep the engine running, and this computer awake."
            self._writer.put_job_run(JobRun("forecast", now, now, "missed", problem, remedy, detail))

    @property
    def _began_at(self) -> float:
        """When this engine began, by the clock as it is now."""
        return self._clock.now() - (self._clock.steady() - self._began)

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
