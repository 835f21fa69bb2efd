"""What the screen knows of the database at one moment, and the queries that find it out."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from engine import clock, geography
from engine.domain import DAY, LEAD_BUCKETS, Expected, FloatArray, IntArray, JobRun, QuantileForecast, Score
from engine.store import Reader
from engine.store.reader import EngineState, Event, SeriesState

#: Days of load read for the chart; a week of them is shown at first, the rest can be panned to.
HISTORY_DAYS = 35
#: Days of scores: six whole weeks, so that settled truth (about 15 days late) has some to be compared on.
SCORE_DAYS = 42
#: Groupings of scores the monitoring view draws.
GROUPINGS = ("day", "lead_bucket", "hour")
TRUTHS = ("provisional", "settled")


@dataclass(frozen=True, slots=True)
class AreaSnapshot:
    """One area: observed load (the newest version of each hour), the newest issue, and scores by truth and grouping."""

    code: str
    observed_time: IntArray
    observed: FloatArray
    forecast: QuantileForecast | None
    scores: Mapping[tuple[str, str], Mapping[int, Score]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One picture for the screen. `fault` says why the database could not be read; what was read before it is kept."""

    read_at: int
    areas: Mapping[str, AreaSnapshot] = field(default_factory=dict)
    series: tuple[SeriesState, ...] = ()
    events: tuple[Event, ...] = ()
    job_runs: tuple[JobRun, ...] = ()
    engine: EngineState | None = None
    simulated: bool = False
    fault: Expected | None = None
    no_database: bool = False


class EngineKind(enum.StrEnum):
    """What is known of the engine behind the database."""

    UNKNOWN = "unknown"
    FOUND = "found"
    STARTING = "starting"
    OURS = "ours"
    FAILED = "failed"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """The engine as the app sees it. `detail` is its last line where it failed."""

    kind: EngineKind
    detail: str = ""


def read(reader: Reader, now: int) -> Snapshot:
    """Everything the views show at `now`."""
    return Snapshot(
        read_at=now,
        areas={code: _area(reader, code, now) for code in geography.AREAS},
        series=tuple(reader.series()),
        events=tuple(reader.events()),
        job_runs=tuple(reader.job_runs(limit=20)),
        engine=reader.engine(),
        simulated=reader.simulated,
    )


def _area(reader: Reader, code: str, now: int) -> AreaSnapshot:
    times, values = reader.truth(code, now - HISTORY_DAYS * DAY, now + DAY)["newest"]
    start = clock.local_midnight(clock.local(now).date() - dt.timedelta(days=SCORE_DAYS))
    scores = {
        (truth, by): reader.scores(
            code, by, start=start, truth=truth, lead_buckets=range(len(LEAD_BUCKETS)) if by == "lead_bucket" else None
        )
        for truth in TRUTHS
        for by in GROUPINGS
    }
    return AreaSnapshot(code, times, values, reader.forecast(code, now), scores)
