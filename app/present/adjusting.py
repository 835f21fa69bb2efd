"""The page of adjustments: what one that is being written would do, and how things stand with those that were made."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.adjustments_snapshot import AdjustmentsSnapshot
from app.present.frame import closed, seen
from app.present.scale import Scale, scale_for
from app.snapshot import EngineStatus, Snapshot
from app.translations import Language
from engine import adjusting, clock, geography
from engine.adjusting import FACTORS, MOST_ADDED, REACH_S, Act, Adjustment, State
from engine.domain import HOUR, Consumer, FloatArray
from engine.store.decisions import Worth

#: Where each state is told as of.
_SINCE = {State.ACTIVE: "expires_at", State.EXPIRED: "expires_at", State.ENDED: "valid_end", State.WITHDRAWN: "withdrawn_at"}


@dataclass(frozen=True, slots=True)
class Bounds:
    """What can be chosen: from the hour `first` to the moment `last`, so much (in the unit on screen) to add, so many percent."""

    first: int
    last: int
    most_added: float
    percent: tuple[float, float]
    unit: str
    decimals: int


@dataclass(frozen=True, slots=True)
class Sketch:
    """An adjustment that is being written; `amount` is in the unit on screen, or in percent."""

    act: Act
    amount: float
    start: int
    end: int
    expires_at: int

    def engine_amount(self, scale: Scale) -> float:
        """The amount in MWh an hour, or the factor."""
        return round(self.amount / scale.factor, 9) if self.act is Act.ADD else round(1 + self.amount / 100, 6)


@dataclass(frozen=True, slots=True)
class Preview:
    """What a sketch would make of the published median: the curve (NaN where it changes nothing), and in words."""

    time: FloatArray
    value: FloatArray
    sentence: str


@dataclass(frozen=True, slots=True)
class AdjustmentLine:
    """An adjustment that was made: of whom where that is a part, what, how things stand, who made it why, and what it was worth.

    An `active` one can be withdrawn.
    """

    adjustment_id: int
    whose: str
    what: str
    state: str
    why: str
    worth: str
    active: bool

    @property
    def words(self) -> str:
        """All of it."""
        return ". ".join(filter(None, (self.whose, self.what, self.state, self.why, self.worth)))


@dataclass(frozen=True, slots=True)
class AdjustView:
    """The page. `closed` says why nothing can be adjusted, if so."""

    of: Consumer
    bounds: Bounds
    lines: tuple[AdjustmentLine, ...]
    operators: tuple[str, ...]
    closed: str


def adjust_view(snapshot: Snapshot, found: AdjustmentsSnapshot, engine: EngineStatus, language: Language, now: int) -> AdjustView:
    """The page of one consumer at `now`."""
    of_it = seen(snapshot, found.of)
    scale, first = scale_for(of_it, language), clock.floor_hour(now) + HOUR
    usual = 0.0 if of_it.forecast is None else float(of_it.forecast.median.mean())
    if not engine.takes_orders:
        why = closed(engine, language) or language.text("adjust.closed")
    else:
        why = "" if of_it.forecast is not None else language.text("adjust.no_forecast")
    return AdjustView(
        of=found.of,
        bounds=Bounds(
            first,
            first - HOUR + REACH_S,
            math.floor(MOST_ADDED * usual * scale.factor * 10**scale.decimals) / 10**scale.decimals,
            (100 * (FACTORS[0] - 1), 100 * (FACTORS[1] - 1)),
            scale.unit,
            scale.decimals,
        ),
        lines=tuple(_line(made, found, scale, language, now) for made in found.adjustments),
        operators=tuple(
            _worth("adjust.worth", "adjust.harm", worth, scale, language, who=who) for who, worth in found.operators.items()
        ),
        closed=why,
    )


def preview(snapshot: Snapshot, of: Consumer, sketch: Sketch, language: Language, now: int) -> Preview:
    """What a sketch would do to what is published now."""
    of_it = seen(snapshot, of)
    before, scale = of_it.published, scale_for(of_it, language)
    nothing = np.empty(0)
    if before is None:
        return Preview(nothing, nothing, "")
    wanted = Adjustment(0, of, sketch.act, sketch.engine_amount(scale), sketch.start, sketch.end, now, sketch.end, "", "")
    after = adjusting.published(before.forecast, [wanted], now, {})
    inside = wanted.in_force(before.issue.valid_time, now)
    if not inside.any():
        return Preview(nothing, nothing, language.text("adjust.outside"))
    if not after.change.any():
        return Preview(nothing, nothing, language.text("adjust.no_change"))

    def span(median: FloatArray) -> str:
        return scale.span(float(median[inside].min()), float(median[inside].max()), language)

    total = float(after.change.sum()) * scale.factor
    sentence = language.text(
        "adjust.preview",
        span=hours_text(sketch.start, sketch.end, language),
        before=span(before.forecast.median),
        after=span(after.forecast.median),
        total=language.quantity(total, scale.unit, scale.decimals, sign=True),
        hours=_hours(int(inside.sum()), language),
    )
    value = np.where(inside, after.forecast.median * scale.factor, np.nan)
    return Preview(before.issue.valid_time.astype(float), value, sentence)


def hours_text(start: int, end: int, language: Language) -> str:
    """A span of whole hours: the day with both ends, or both days."""
    last = end - HOUR
    if clock.local(start).date() == clock.local(last).date():
        return f"{language.date(start)} {language.hour(start)}–{language.hour(end)}"
    return f"{language.date(start)} {language.hour(start)} – {language.date(end)} {language.hour(end)}"


def change_text(act: Act, amount: float, scale: Scale, language: Language) -> str:
    """What an adjustment does to each hour."""
    if act is Act.MULTIPLY:
        return language.quantity(100 * (amount - 1), "%", 1, sign=True)
    return language.quantity(amount * scale.factor, scale.unit, scale.decimals, sign=True)


def made_text(recorded: Mapping[str, Any], scale: Scale, language: Language) -> str:
    """What the engine recorded, an adjustment that was made or withdrawn, in words."""
    span = hours_text(clock.parse_utc(recorded["valid_start"]), clock.parse_utc(recorded["valid_end"]), language)
    what = f"{change_text(Act(recorded['act']), recorded['amount'], scale, language)}, {span}"
    return language.text("adjust.done" if recorded["state"] == State.ACTIVE else "adjust.withdrawn_now", what=what)


def _hours(count: int, language: Language) -> str:
    return language.quantity(count, "t" if language.code == "da" else "h")


def _line(made: Adjustment, found: AdjustmentsSnapshot, scale: Scale, language: Language, now: int) -> AdjustmentLine:
    state, whose = made.state(now), "" if made.consumer == found.of else geography.title(made.consumer, language.code)
    worth = found.worth.get(made.adjustment_id)
    measured = _worth("adjust.line_worth", "adjust.line_harm", worth, scale, language) if worth else ""
    change = change_text(made.act, made.amount, scale, language)
    return AdjustmentLine(
        made.adjustment_id,
        whose,
        f"{change}, {hours_text(made.valid_start, made.valid_end, language)}",
        language.text(
            f"adjust.state_{state.value}",
            time=language.moment(getattr(made, _SINCE[state]), now),
            **({"who": made.withdrawn_by} if state is State.WITHDRAWN else {}),
        ),
        f"{made.who}: {made.reason}",
        measured or ("" if made.valid_start > now else language.text("adjust.not_scored")),
        state is State.ACTIVE,
    )


def _worth(saved: str, cost: str, worth: Worth, scale: Scale, language: Language, **places: str) -> str:
    value = language.quantity(abs(worth.value_added) * scale.factor, scale.unit, scale.decimals)
    return language.text(saved if worth.value_added >= 0 else cost, value=value, hours=_hours(worth.hours, language), **places)
