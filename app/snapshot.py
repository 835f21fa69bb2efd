"""What the screen knows of the database at one moment, and the queries that find it out."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from app import map_snapshot
from app.map_snapshot import MapSnapshot
from engine import clock, geography, lag, published, roles, scoreboard
from engine.adaptation import Adaptation
from engine.adjusting import Published
from engine.calibration import Calibration
from engine.domain import (
    BRIDGE_H,
    DAY,
    HOUR,
    LEAD_BUCKETS,
    Consumer,
    Expected,
    FloatArray,
    IntArray,
    JobRun,
    QuantileForecast,
    Score,
    Tier,
)
from engine.lag import Lag
from engine.roles import Roles
from engine.scoreboard import Scoreboard
from engine.store import Reader
from engine.store.reader import EngineState, Event, SeriesState
from engine.store.roster import DayLoss, RoleChange

#: Days of load read for the chart; some of them are shown at first, the rest can be panned to.
HISTORY_DAYS = 35
#: Days of scores: six whole weeks, so that settled truth (about 15 days late) has some to be compared on.
SCORE_DAYS = 42
#: Groupings of scores the monitoring view draws.
GROUPINGS = ("day", "lead_bucket", "hour")
TRUTHS = ("provisional", "settled", "settlement")
#: The consumers that are always on screen.
PRICE_AREAS = tuple(Consumer(area) for area in geography.PRICE_AREAS)


@dataclass(frozen=True, slots=True)
class ConsumerSnapshot:
    """One consumer: observed load (the newest version of each hour), the newest issue, and scores by truth and grouping.

    `published` is that issue with what operators have changed. `calibration` is what its model has learned by `learned_at`,
    `adaptation` the same of a load that is measured late; `tso` the grid operator's forecast in MWh of hours of the issue, as it
    was known when it was made; `board` both forecasts of the scored days; `truths` are all kinds of truth of the observed hours,
    see `Archive.truth`.
    """

    of: Consumer
    observed_time: IntArray
    observed: FloatArray
    published: Published | None
    scores: Mapping[tuple[str, str], Mapping[int, Score]] = field(default_factory=dict)
    calibration: Calibration | None = None
    learned_at: int = 0
    adaptation: Adaptation | None = None
    tso_time: IntArray = field(default_factory=lambda: np.empty(0, np.int64))
    tso: FloatArray = field(default_factory=lambda: np.empty(0))
    board: Scoreboard | None = None
    truths: Mapping[str, tuple[IntArray, FloatArray]] = field(default_factory=dict)

    @property
    def forecast(self) -> QuantileForecast | None:
        """The newest issue, as the model made it."""
        return None if self.published is None else self.published.issue

    @property
    def official(self) -> QuantileForecast | None:
        """The forecast that leaves the program: the issue with what operators have changed."""
        return None if self.published is None else self.published.forecast


@dataclass(frozen=True, slots=True)
class ModelsSnapshot:
    """Roles by tier, the days the challenger of a tier was compared with its champion on, and all changes, newest last."""

    roles: Mapping[Tier, Roles] = field(default_factory=dict)
    losses: Mapping[Tier, tuple[DayLoss, ...]] = field(default_factory=dict)
    changes: tuple[RoleChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One picture for the screen. `fault` says why the database could not be read; what was read before it is kept.

    `offline`: by its settings the engine asks no source, so that data come by kit. `exposed`: where other machines reach it.
    `consumers` are the price areas and the one that was chosen beside them; `known` are all that can be chosen, `lags` how late each stored
    load is.
    """

    read_at: int
    consumers: Mapping[Consumer, ConsumerSnapshot] = field(default_factory=dict)
    known: tuple[Consumer, ...] = ()
    lags: Mapping[Consumer, Lag] = field(default_factory=dict)
    series: tuple[SeriesState, ...] = ()
    events: tuple[Event, ...] = ()
    job_runs: tuple[JobRun, ...] = ()
    models: ModelsSnapshot = ModelsSnapshot()
    engine: EngineState | None = None
    map: MapSnapshot = field(default_factory=MapSnapshot)
    simulated: bool = False
    offline: bool = False
    exposed: str = ""
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
    CONNECTING = "connecting"
    CONNECTED = "connected"
    UNHEARD = "unheard"


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """The engine as the app sees it. `detail` is its last line where it failed; of one on another machine its address, or why it is not
    heard. That one lets us give `orders` or not, and was `heard` last at that time. `told` is what keeps it from writing, by its own
    word, for that is not in the database.
    """

    kind: EngineKind
    detail: str = ""
    orders: bool = True
    heard: int = 0
    told: tuple[Event, ...] = ()

    @property
    def answers(self) -> bool:
        """Whether it runs, here or elsewhere, and can be asked."""
        return self.kind in (EngineKind.FOUND, EngineKind.OURS, EngineKind.CONNECTED)

    @property
    def takes_orders(self) -> bool:
        """Whether it runs and we may tell it what to do."""
        return self.orders and self.answers


def with_told(stored: Iterable[Event], engine: EngineStatus) -> tuple[Event, ...]:
    """Troubles that are stored, after those that the engine can only tell."""
    codes = {event.code for event in engine.told}
    return (*engine.told, *(event for event in stored if event.until is not None or event.code not in codes))


def read(reader: Reader, now: int, chosen: Consumer | None = None) -> Snapshot:
    """Everything the views show at `now`: of consumers the price areas, and one that was chosen beside them."""
    series = tuple(reader.series())
    return Snapshot(
        read_at=now,
        consumers={of: _consumer(reader, of, now) for of in dict.fromkeys((*PRICE_AREAS, *_beside(chosen)))},
        known=reader.consumers(now),
        lags={of_one.consumer: of_one for of_one in lag.measure(reader, now)},
        series=series,
        events=tuple(reader.events()),
        job_runs=tuple(reader.job_runs(limit=20)),
        models=_models(reader),
        engine=reader.engine(),
        map=map_snapshot.read(reader, series, now),
        simulated=reader.simulated,
        offline=reader.offline(),
        exposed=reader.exposed(),
    )


def choose(before: Snapshot, reader: Reader, now: int, chosen: Consumer) -> Snapshot:
    """The same picture with another consumer beside the price areas, who alone is read."""
    kept = {of: before.consumers[of] for of in PRICE_AREAS}
    beside = {of: _consumer(reader, of, now) for of in _beside(chosen)}
    return dataclasses.replace(before, consumers=kept | beside)


def _beside(chosen: Consumer | None) -> tuple[Consumer, ...]:
    return () if chosen is None or chosen in PRICE_AREAS else (chosen,)


def _models(reader: Reader) -> ModelsSnapshot:
    changes = reader.roster.changes()
    assigned = roles.assign(reader.roster.bundles(), changes)
    losses = {tier: tuple(reader.roster.losses(mine.champion, mine.tried)) for tier, mine in assigned.items() if mine.tried}
    return ModelsSnapshot(assigned, losses, tuple(changes))


def _consumer(reader: Reader, of: Consumer, now: int) -> ConsumerSnapshot:
    area, consumer_type = of
    gross = of in PRICE_AREAS
    back = HISTORY_DAYS * DAY + (0 if gross else BRIDGE_H * HOUR)
    truths = reader.truth(area, now - back, now + DAY, consumer_type)
    times, values = truths["newest"]
    start = clock.local_midnight(clock.local(now).date() - dt.timedelta(days=SCORE_DAYS))
    scores = {
        (truth, by): reader.scores(
            area,
            by,
            start=start,
            truth=truth,
            consumer_type=consumer_type,
            lead_buckets=range(len(LEAD_BUCKETS)) if by == "lead_bucket" else None,
        )
        for truth in TRUTHS
        for by in GROUPINGS
    }
    its = published.read(reader, of, now)
    if its is None:
        return ConsumerSnapshot(of, times, values, None, scores, truths=truths)
    forecast = its.issue
    learned_at, calibration = reader.lessons(of).get((area, consumer_type, forecast.model_id), (0, None))
    made = ConsumerSnapshot(of, times, values, its, scores, calibration, learned_at, truths=truths)
    if not gross:
        return dataclasses.replace(made, adaptation=reader.adaptations([of]).get((of, forecast.model_id)))
    first, last = int(forecast.valid_time[0]), int(forecast.valid_time[-1])
    tso_time, tso = scoreboard.tso_forecast(reader, area, forecast.issue_time, first, last + HOUR)
    board = scoreboard.against_tso(reader, area, start, now)
    return dataclasses.replace(made, tso_time=tso_time, tso=tso, board=board)
