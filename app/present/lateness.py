"""How late load is: how old its newest hour, how old it usually gets, and whether that is late for it; and the other sources."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.present.frame import is_gross, seen
from app.snapshot import ConsumerSnapshot, Snapshot
from app.translations import Language
from engine import geography
from engine.domain import DAY, HOUR, USUAL_AGE_S, WEATHER, Consumer, Freshness, freshness
from engine.lag import Lag, stands_still


@dataclass(frozen=True, slots=True)
class SourceAge:
    """How current one input of a consumer is. `freshness` is None where nobody can tell yet what is usual."""

    name: str
    age: str
    usual: str
    freshness: Freshness | None
    state: str
    summary: str


def lag_of(snapshot: Snapshot, of: Consumer) -> Lag | None:
    """The measured lag of a consumer's load, of a sum that of the part that is furthest behind; None where it is not known."""
    if of in snapshot.lags:
        return snapshot.lags[of]
    parts = [lag_of(snapshot, part) for part in geography.addends(of, snapshot.read_at)]
    known = [lag for lag in parts if lag is not None]
    return min(known, key=lambda lag: lag.newest_valid) if known and len(known) == len(parts) else None


def judge(lag: Lag | None, age_s: int) -> Freshness | None:
    """Whether a metered load is late for what is usual with it: late while it stands still, stale at twice the usual age."""
    if lag is None or lag.usual_s is None:
        return None
    if not stands_still(age_s, lag.usual_s):
        return Freshness.FRESH
    return Freshness.STALE if age_s > 2 * lag.usual_s else Freshness.LATE


def load_freshness(snapshot: Snapshot, of_it: ConsumerSnapshot, now: int) -> Freshness | None:
    """How current the newest load of a consumer is; None where nobody can tell yet."""
    age = now - int(of_it.observed_time[-1]) if len(of_it.observed_time) else None
    if age is None or is_gross(of_it.of):
        return freshness(age, USUAL_AGE_S["load"])
    return judge(lag_of(snapshot, of_it.of), age)


def usual_span(lag: Lag, language: Language) -> str:
    """The lag of a usual day: from that of the fastest to that of the slowest in ten days."""
    assert lag.usual_s is not None
    days = np.array([seconds for _, seconds in lag.by_day if seconds <= lag.usual_s])
    low = int(np.quantile(days, 0.1)) if len(days) else lag.usual_s
    first, last = round(low / DAY), round(lag.usual_s / DAY)
    if lag.usual_s < 2 * DAY:
        return language.text("late.about", usual=language.duration(lag.usual_s // HOUR * HOUR))
    return f"{last if first == last else f'{first}–{last}'}\u00a0d"


def measured_text(snapshot: Snapshot, of_it: ConsumerSnapshot, language: Language, now: int) -> str:
    """Until when a metered load is known, how long ago that is, and what is usual; empty where nothing is."""
    if not len(of_it.observed_time):
        return ""
    end = int(of_it.observed_time[-1]) + HOUR
    measured = language.text("late.measured", time=language.moment(end, now), age=language.duration(now - end))
    lag = lag_of(snapshot, of_it.of)
    if lag is None or lag.usual_s is None:
        return f"{measured}."
    usual = usual_span(lag, language)
    if lag.stalled_since is None:
        return language.text("late.usual", measured=measured, usual=usual) + "."
    since = language.date(lag.stalled_since)
    return language.text("late.stalled", measured=measured, usual=usual, since=since.rstrip(".")) + "."


def source_ages(snapshot: Snapshot, of: Consumer, language: Language, now: int) -> tuple[SourceAge, ...]:
    """Age of each input; load and weather are expected, so that they are listed even where they are missing.

    A metered load is judged by its own measured lag. Its forecast follows the load and the weather of its price area.
    """
    if is_gross(of):
        return _price_area_sources(snapshot, of.area, language, now)
    price_area = geography.price_area(of.area)
    fresh = _price_area_sources(snapshot, price_area, language, now, ("load", *WEATHER))
    return (_metered(snapshot, seen(snapshot, of), language, now), *fresh)


def _metered(snapshot: Snapshot, of_it: ConsumerSnapshot, language: Language, now: int) -> SourceAge:
    age = now - int(of_it.observed_time[-1]) if len(of_it.observed_time) else None
    state = load_freshness(snapshot, of_it, now)
    lag = lag_of(snapshot, of_it.of)
    usual = "–" if lag is None or lag.usual_s is None else language.duration(lag.usual_s // DAY * DAY or lag.usual_s)
    return _row(language.text("quantity.load"), None if age is None else age // HOUR * HOUR, usual, state, language)


def _price_area_sources(
    snapshot: Snapshot, code: str, language: Language, now: int, only: tuple[str, ...] = ()
) -> tuple[SourceAge, ...]:
    parts = {code, *geography.parts(code)}
    states = [state for state in snapshot.series if state.area in parts and state.consumer_type == "total"]
    # What businesses used of their own comes with settlement, and is as old.
    quantities = {s.quantity for s in states if s.quantity in only or not only} - {"self_consumption"} | {"load"}
    order = [*USUAL_AGE_S, "weather"]
    if not quantities & set(WEATHER):
        quantities.add("weather")

    def row(quantity: str) -> SourceAge:
        name = language.text(f"quantity.{quantity}")
        if only and quantity == "load":
            name = language.text("sources.of", name=name, area=code)
        usual_s = USUAL_AGE_S[WEATHER[0] if quantity == "weather" else quantity]
        age_s = _age_s(snapshot, quantity, code, now)
        return _row(name, age_s, language.duration(usual_s), freshness(age_s, usual_s), language)

    return tuple(row(quantity) for quantity in sorted(quantities, key=order.index))


def _age_s(snapshot: Snapshot, quantity: str, code: str, now: int) -> int | None:
    """Age of the newest value of an area from its best source; of an area without values of its own, that of its oldest part."""
    own = [s.age_s(now) for s in snapshot.series if (s.quantity, s.area, s.consumer_type) == (quantity, code, "total")]
    if own:
        return min(own)
    parts = [_age_s(snapshot, quantity, part, now) for part in geography.parts(code) if part != code]
    known = [age for age in parts if age is not None]
    return max(known) if known and len(known) == len(parts) else None


def _row(name: str, age_s: int | None, usual: str, state: Freshness | None, language: Language) -> SourceAge:
    age = "–" if age_s is None else language.duration(age_s)
    words = "" if state is None else language.text(f"freshness.{state.value}")
    summary = language.text("sources.row", name=name, age=age, usual=usual, state=words or "–")
    return SourceAge(name, age, usual, state, words, summary)
