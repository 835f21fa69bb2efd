"""What the screen knows of the database at one moment, and the queries that find it out."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from engine import clock, geography, roles, scoreboard
from engine.calibration import Calibration
from engine.domain import DAY, HOUR, LEAD_BUCKETS, Expected, FloatArray, IntArray, JobRun, QuantileForecast, Score, Tier
from engine.roles import Roles
from engine.scoreboard import Scoreboard
from engine.store import Reader, Target
from engine.store.reader import EngineState, Event, SeriesState
from engine.store.roster import DayLoss, RoleChange

#: Days of load read for the chart; a week of them is shown at first, the rest can be panned to.
HISTORY_DAYS = 35
#: Days of scores: six whole weeks, so that settled truth (about 15 days late) has some to be compared on.
SCORE_DAYS = 42
#: Groupings of scores the monitoring view draws.
GROUPINGS = ("day", "lead_bucket", "hour")
TRUTHS = ("provisional", "settled")


@dataclass(frozen=True, slots=True)
class AreaSnapshot:
    """One area: observed load (the newest version of each hour), the newest issue, and scores by truth and grouping.

    `calibration` is what the model of that issue has learned by `learned_at`; `tso` the grid operator's forecast in MWh of hours
    of the issue, as it was known when it was made; `board` both forecasts of the scored days.
    """

    code: str
    observed_time: IntArray
    observed: FloatArray
    forecast: QuantileForecast | None
    scores: Mapping[tuple[str, str], Mapping[int, Score]] = field(default_factory=dict)
    calibration: Calibration | None = None
    learned_at: int = 0
    tso_time: IntArray = field(default_factory=lambda: np.empty(0, np.int64))
    tso: FloatArray = field(default_factory=lambda: np.empty(0))
    board: Scoreboard | None = None


@dataclass(frozen=True, slots=True)
class ModelsSnapshot:
    """Roles by tier, the days the challenger of a tier was compared with its champion on, and all changes, newest last."""

    roles: Mapping[Tier, Roles] = field(default_factory=dict)
    losses: Mapping[Tier, tuple[DayLoss, ...]] = field(default_factory=dict)
    changes: tuple[RoleChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One picture for the screen. `fault` says why the database could not be read; what was read before it is kept."""

    read_at: int
    areas: Mapping[str, AreaSnapshot] = field(default_factory=dict)
    series: tuple[SeriesState, ...] = ()
    events: tuple[Event, ...] = ()
    job_runs: tuple[JobRun, ...] = ()
    models: ModelsSnapshot = ModelsSnapshot()
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


@dataclass(frozen=True, slots=True)
class Answer:
    """What the engine made of a decision about models: the change it recorded, or why it refused."""

    act: str = ""
    from_id: str = ""
    to_id: str = ""
    refusal: Expected | None = None


def read(reader: Reader, now: int) -> Snapshot:
    """Everything the views show at `now`."""
    lessons = reader.lessons()
    return Snapshot(
        read_at=now,
        areas={code: _area(reader, code, now, lessons) for code in geography.PRICE_AREAS},
        series=tuple(reader.series()),
        events=tuple(reader.events()),
        job_runs=tuple(reader.job_runs(limit=20)),
        models=_models(reader),
        engine=reader.engine(),
        simulated=reader.simulated,
    )


def _models(reader: Reader) -> ModelsSnapshot:
    changes = reader.roster.changes()
    assigned = roles.assign(reader.roster.bundles(), changes)
    losses = {tier: tuple(reader.roster.losses(mine.champion, mine.tried)) for tier, mine in assigned.items() if mine.tried}
    return ModelsSnapshot(assigned, losses, tuple(changes))


def _area(reader: Reader, code: str, now: int, lessons: Mapping[Target, tuple[int, Calibration]]) -> AreaSnapshot:
    times, values = reader.truth(code, now - HISTORY_DAYS * DAY, now + DAY)["newest"]
    start = clock.local_midnight(clock.local(now).date() - dt.timedelta(days=SCORE_DAYS))
    scores = {
        (truth, by): reader.scores(
            code, by, start=start, truth=truth, lead_buckets=range(len(LEAD_BUCKETS)) if by == "lead_bucket" else None
        )
        for truth in TRUTHS
        for by in GROUPINGS
    }
    forecast = reader.forecast(code, now)
    if forecast is None:
        return AreaSnapshot(code, times, values, None, scores)
    learned_at, calibration = lessons.get((code, forecast.consumer_type, forecast.model_id), (0, None))
    first, last = int(forecast.valid_time[0]), int(forecast.valid_time[-1])
    tso = scoreboard.tso_forecast(reader, code, forecast.issue_time, first, last + HOUR)
    board = scoreboard.against_tso(reader, code, start, now)
    return AreaSnapshot(code, times, values, forecast, scores, calibration, learned_at, *tso, board)
