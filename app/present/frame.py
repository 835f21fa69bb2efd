"""What stands around every view: marks, the engine's line, and why there is nothing to show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.snapshot import ConsumerSnapshot, EngineKind, EngineStatus, Snapshot
from app.translations import Language
from engine import clock, geography
from engine.domain import DAY, HOUR, Consumer, FloatArray, QuantileForecast, Tier
from engine.geography import Measure

#: Measures that are forecast once a day; all others are every hour.
_DAILY = (Measure.HOUSEHOLDS, Measure.INDUSTRY, Measure.GRID_AREA)
#: The setting that turns on the fetching of a measure.
_SETTINGS = {
    Measure.CATEGORY: "fetch_regions",
    Measure.HOUSEHOLDS: "fetch_municipalities",
    Measure.INDUSTRY: "fetch_industries",
    Measure.GRID_AREA: "fetch_grid_areas",
}


@dataclass(frozen=True, slots=True)
class Empty:
    """Why there is nothing to show, and what to do."""

    title: str
    lines: tuple[str, ...]


def seen(snapshot: Snapshot, of: Consumer) -> ConsumerSnapshot:
    """What is known of a consumer, be it nothing."""
    return snapshot.consumers.get(of) or ConsumerSnapshot(of, np.empty(0, np.int64), np.empty(0), None)


def is_gross(of: Consumer) -> bool:
    """Whether a consumer is a price area, whose load comes within hours; every other is metered and comes late."""
    return geography.measure(of) is Measure.GROSS


def best_tier(of: Consumer) -> Tier:
    """The tier of a forecast that nothing is missing for."""
    return Tier.FULL if is_gross(of) else Tier.POOLED


def usual_issue_age_s(of: Consumer) -> int:
    """Seconds between two issues."""
    return DAY if geography.measure(of) in _DAILY else HOUR


def level(forecast: QuantileForecast, probability: float) -> FloatArray:
    """Quantiles of one level in MWh, one an hour."""
    column: FloatArray = forecast.quantiles[:, forecast.levels.index(probability)]
    return column


def marks(snapshot: Snapshot, forecast: QuantileForecast | None, language: Language) -> tuple[str, ...]:
    """What must not be overlooked about these numbers: they are simulated, or made with weather known afterwards."""
    simulated = snapshot.simulated or (forecast is not None and forecast.simulated)
    ex_post = forecast is not None and forecast.ex_post
    return tuple(language.text(key) for key, holds in (("mark.simulated", simulated), ("mark.ex_post", ex_post)) if holds)


def nothing_to_show(snapshot: Snapshot, of: Consumer, engine: EngineStatus, language: Language) -> Empty:
    """What is missing and what to do about it, from the database's fault, the engine and the newest failed job."""
    name = geography.title(of, language.code)
    if snapshot.fault is not None and not snapshot.no_database:
        told = (snapshot.fault.problem, snapshot.fault.remedy, language.text("empty.keep_file"))
        return Empty(language.text("empty.unreadable"), told)
    lines = []
    newest = _newest_load(snapshot, of)
    afar = engine.kind in (EngineKind.CONNECTING, EngineKind.UNHEARD)
    if snapshot.fault is not None and afar:
        title = language.text("empty.nothing_came")
    elif snapshot.fault is not None:
        title = language.text("empty.no_database")
        lines.append(snapshot.fault.problem)
    elif newest:
        title = language.text("empty.only_old", name=name)
        lines.append(language.text("empty.old_load", last=f"{language.date(newest, weekday=False)} {clock.local(newest).year}"))
        lines.append(language.text("empty.backtest"))
    else:
        title = language.text("empty.no_data", name=name)
        lines.append(language.text("empty.missing"))
        if setting := _SETTINGS.get(geography.measure(of)):
            lines.append(language.text("empty.opt_in", setting=setting))
    lines += [f"{run.problem} {run.remedy}" for run in snapshot.job_runs if run.status == "expected"][:1]
    if engine.kind is EngineKind.STARTING:
        lines.append(language.text("empty.starting"))
    elif engine.kind is EngineKind.CONNECTING:
        lines.append(language.text("empty.connecting", url=engine.detail))
    elif engine.kind is EngineKind.UNHEARD:
        lines.append(engine.detail)
    elif engine.answers:
        lines += [language.text("empty.running")] if is_gross(of) else []
    else:
        lines.append(language.text("empty.start_engine"))
    if not newest and not afar:
        lines.append(language.text("empty.import"))
    return Empty(title, tuple(lines))


def _newest_load(snapshot: Snapshot, of: Consumer) -> int:
    """Newest hour of load of a consumer, of a sum that all its parts have; 0 where there is none."""
    if parts := geography.addends(of, snapshot.read_at):
        return min(_newest_load(snapshot, part) for part in parts)
    held = [s.newest_valid for s in snapshot.series if s.quantity == "load" and (s.area, s.consumer_type) == of]
    return max(held, default=0)


def closed(engine: EngineStatus, language: Language) -> str:
    """Why an engine on another machine takes no orders from us; empty where it does, and of one on this machine."""
    if engine.kind is EngineKind.CONNECTED and not engine.orders:
        return language.text("engine.read_only_why")
    return language.text("engine.unheard_orders") if engine.kind in (EngineKind.UNHEARD, EngineKind.CONNECTING) else ""


def engine_line(snapshot: Snapshot, engine: EngineStatus, language: Language) -> str:
    """One line on the engine behind the screen."""
    hindered = f" · {language.text('engine.hindered')}" if engine.told else ""
    if engine.kind is EngineKind.CONNECTED:
        right = "" if engine.orders else f" · {language.text('engine.read_only')}"
        return language.text("engine.connected", url=engine.detail) + right + hindered
    more = (f" · {language.text('engine.exposed', address=snapshot.exposed)}" if snapshot.exposed else "") + hindered
    if engine.kind is EngineKind.OURS:
        return language.text("engine.ours") + more
    if engine.kind is not EngineKind.FOUND:
        return language.text(f"engine.{engine.kind.value}")
    if snapshot.engine is None:  # it said good-bye, and nobody has looked since
        return language.text("engine.absent")
    return language.text("engine.found", pid=snapshot.engine.pid, port=snapshot.engine.port) + more
