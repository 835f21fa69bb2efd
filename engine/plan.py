"""What is planned when: the rhythm of every job and of every question to a source. Pure, so that engine and app say the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.domain import DAY, HOUR

MINUTE = 60


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Due every `every_s` seconds, `offset_s` after the UTC day began, and after each run of the job `after`, where one is named.

    A job that only follows another has an `every_s` of 0.
    """

    every_s: int
    offset_s: int = 0
    after: str = ""

    def next_time(self, now: int) -> int | None:
        """The first planned moment after `now`; None for a job that only follows another."""
        return planned(now, self.every_s, self.offset_s) + self.every_s if self.every_s else None

    def is_due(self, last: int, now: int) -> bool:
        """Whether a planned moment has passed since the last time; a clock that was set back makes everything due."""
        return not planned(now, self.every_s, self.offset_s) <= last <= now


#: Jobs in the order in which they follow each other. Load appears about twenty minutes past and ten to the hour; a quarter-hourly
#: question five minutes past meets both.
JOBS: Mapping[str, Rhythm] = {
    "ingest": Rhythm(15 * MINUTE, 5 * MINUTE),
    "forecast": Rhythm(HOUR),
    "forecast_late": Rhythm(0, after="forecast"),
    "adapt": Rhythm(0, after="ingest"),
    "score": Rhythm(HOUR, 5 * MINUTE, after="ingest"),
    "compare": Rhythm(DAY, 3 * HOUR + 7 * MINUTE),
    "maintenance": Rhythm(DAY, 3 * HOUR + 17 * MINUTE),
    "backup": Rhythm(DAY, 3 * HOUR + 27 * MINUTE),
}
#: The job that asks the sources.
ASKS = "ingest"
#: The job that looks for newer versions of the program, as often as the settings say; it belongs to the plan only where they do.
UPDATE = "update"
#: Kinds of events about versions, none of which is a trouble: one that can be had, that is ready, that was taken back here.
FOUND, READY, REFUSED = VERSIONS = ("update", "update_ready", "update_refused")
#: Jobs that can be told to run at once; `forecast_late` runs with the forecast it follows.
RUNNABLE = ("ingest", "forecast", "adapt", "score", "compare", "maintenance", "backup")
#: How soon an issue that could not be made is tried again.
RETRY_S = 5 * MINUTE


def planned(now: int, every_s: int, offset_s: int = 0) -> int:
    """The newest moment at or before `now` at which something planned every so often was due."""
    return now - (now - offset_s) % every_s


def question(every_s: int) -> Rhythm:
    """The rhythm of the questions to a source that is asked so often."""
    return Rhythm(every_s, JOBS["ingest"].offset_s)


def next_question(every_s: int, last: int, failing_since: int | None, now: int) -> int:
    """When a source is asked next that was asked `last` (-1: never). One that fails is left alone for as long again as it had been
    failing, a minute to an hour, and never for longer than one that answers.

    So a short outage ends within minutes, and after a long one the first question comes within the source's own period, without the
    twelve an hour with which a breaker would probe one that is down.
    """
    rhythm = question(every_s)
    if failing_since is not None and last <= now:
        return last + min(max(last - failing_since, MINUTE), every_s, HOUR)
    if last < 0 or rhythm.is_due(last, now):
        return now
    return planned(now, every_s, rhythm.offset_s) + every_s
