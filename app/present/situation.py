"""The situation in words: whether all is current, what is not, what is unusual, and how old everything is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from app.overview_snapshot import OverviewSnapshot
from app.present.areas import area_row, last_week_percent
from app.present.frame import is_gross, level
from app.present.lateness import source_ages
from app.present.scale import scale_of
from app.snapshot import PRICE_AREAS, EngineKind, EngineStatus, Snapshot, with_told
from app.translations import Language
from engine import geography, limits, plan
from engine.domain import HOUR, WEATHER, Consumer, Freshness


@dataclass(frozen=True, slots=True)
class Situation:
    """`headline` says whether all is well; `troubles` what is not, one line a cause; `unusual` and `ages` are for information."""

    headline: str
    freshness: Freshness
    troubles: tuple[str, ...]
    unusual: str
    ages: str


def situation(snapshot: Snapshot, more: OverviewSnapshot, engine: EngineStatus, language: Language, now: int) -> Situation:
    """What there is to say of the areas of a snapshot."""
    found = [*_stopped(snapshot, engine, language), *_late(snapshot, language, now), *_peaks(snapshot, more, language, now)]
    events = with_told(snapshot.events, engine)
    told = [event for event in events if event.code not in ("tier", "proposal", "peak", "stalled", *plan.VERSIONS)]
    if told:
        found.append((Freshness.LATE, language.text("situation.events", count=len(told))))
    worst = Freshness.STALE if any(state is not Freshness.LATE for state, _ in found) else Freshness.LATE
    headline = language.text("situation.forecasts_current" if snapshot.offline else "situation.all_current")
    if found:
        headline = language.text("situation.one" if len(found) == 1 else "situation.many", count=len(found))
    return Situation(
        headline=headline,
        freshness=worst if found else Freshness.FRESH,
        troubles=tuple(words for _, words in found),
        unusual=_unusual(snapshot, more, language),
        ages=_ages(snapshot, language, now),
    )


def _stopped(snapshot: Snapshot, engine: EngineStatus, language: Language) -> list[tuple[Freshness, str]]:
    found = []
    if snapshot.fault is not None:
        found.append((Freshness.STALE, language.text("situation.unreadable")))
    if engine.kind in (EngineKind.FAILED, EngineKind.ABSENT):
        found.append((Freshness.LATE, language.text("situation.no_engine")))
    if engine.kind is EngineKind.UNHEARD:
        found.append((Freshness.LATE, language.text("engine.unheard")))
    return found


def _late(snapshot: Snapshot, language: Language, now: int) -> list[tuple[Freshness, str]]:
    """Forecasts and inputs that are not current, each cause once with the areas it is of."""
    causes: dict[tuple[str, Freshness], list[str]] = {}
    weather = {language.text(f"quantity.{quantity}") for quantity in WEATHER}

    def add(what: str, state: Freshness | None, of: Consumer) -> None:
        if state is not None and state is not Freshness.FRESH:
            name = language.text("quantity.weather") if what in weather else what
            words = language.text("situation.late", what=name, state=language.text(f"freshness.{state.value}"))
            areas = causes.setdefault((words, state), [])
            areas += [short_name(of, language)] if short_name(of, language) not in areas else []

    # Between two kits the engine tells of no lower tier: it is as planned.
    planned = snapshot.offline and all(event.code not in ("tier", "kit") for event in snapshot.events)
    for of in snapshot.consumers:
        row = area_row(snapshot, of, language, now)
        add(language.text("situation.forecast"), row.forecast_freshness, of)
        if row.reduced and not planned:
            causes.setdefault((row.reduced, Freshness.LATE), []).append(short_name(of, language))
        if snapshot.offline:
            continue  # how old inputs are stands below, and that no kit has come is a trouble of its own
        if not is_gross(of):
            add(language.text("situation.metered"), row.observed_freshness, of)
        elif of.area in geography.parts("DK"):
            for source in source_ages(snapshot, of, language, now):
                add(source.name, source.freshness, of)
    return [(state, f"{words} ({', '.join(areas)})") for (words, state), areas in causes.items()]


def short_name(of: Consumer, language: Language) -> str:
    """The code of a price area, and the title of any other."""
    return of.area if is_gross(of) else geography.title(of, language.code)


def _peaks(snapshot: Snapshot, more: OverviewSnapshot, language: Language, now: int) -> list[tuple[Freshness, str]]:
    """Limits whose alarm the engine has raised, as the newest forecast sees them, the likeliest first."""
    raised = [limits.named(event.subject) for event in snapshot.events if event.code == "peak"]
    found: list[tuple[float, str]] = []
    for of in raised:
        limit = more.limits.loads.get(of)
        peak = limits.peak(more.limited[of], now, limits.ALARM_S, limit) if of in more.limited else None
        if limit is None or peak is None:
            found.append((0.0, language.text("situation.peak_past", area=short_name(of, language))))
            continue
        words = language.text(
            "situation.peak",
            area=short_name(of, language),
            percent=percent_text(peak.probability, language),
            limit=scale_of(limit, language.unit).quantity(limit, language),
            time=f"{language.weekday(peak.probable_at)} {language.hour_span(peak.probable_at)}",
            lead=language.duration(peak.probable_at - now),
        )
        found.append((peak.probability, words))
    likeliest = sorted(found, key=lambda each: -each[0])
    return [(Freshness.STALE, words) for _, words in likeliest]


def percent_text(probability: float, language: Language) -> str:
    """A probability in whole percent; never 0 or 100 % of what is not certain."""
    percent = 100 * probability
    if percent < 1:
        return f"<{language.quantity(1, '%')}"
    return f">{language.quantity(99, '%')}" if percent > 99 else language.quantity(percent, "%")


def _unusual(snapshot: Snapshot, more: OverviewSnapshot, language: Language) -> str:
    """The largest deviation of the newest day from the week before, and of the newest hour from what was expected of it."""
    weeks = {of: last_week_percent(snapshot.consumers[of]) for of in PRICE_AREAS}
    known = {of: percent for of, percent in weeks.items() if percent is not None and math.isfinite(percent)}
    parts = []
    if known:
        of = max(known, key=lambda each: abs(known[each]))
        change = language.quantity(known[of], "%", 1, sign=True)
        parts.append(language.text("situation.week", area=short_name(of, language), change=change))
    misses = [miss for of in PRICE_AREAS if (miss := _miss(snapshot, more, of)) is not None]
    if misses:
        time, percent, outside, of = max(misses, key=lambda each: abs(each[1]))
        change = language.quantity(percent, "%", 1, sign=True)
        key = "situation.outside" if outside else "situation.inside"
        parts.append(language.text(key, area=short_name(of, language), change=change, time=language.hour_span(time)))
    return " · ".join(parts)


def _miss(snapshot: Snapshot, more: OverviewSnapshot, of: Consumer) -> tuple[int, float, bool, Consumer] | None:
    """The newest measured hour, by how many percent it was missed, and whether it lay outside the 90 % band; None where unknown."""
    of_it, issue = snapshot.consumers[of], more.expected.get(of)
    if issue is None or not len(of_it.observed_time) or not issue.covers(int(of_it.observed_time[-1])):
        return None
    time, load = int(of_it.observed_time[-1]), float(of_it.observed[-1])
    at = int(np.searchsorted(issue.valid_time, time))
    low, middle, high = (float(level(issue, p)[at]) for p in (0.05, 0.5, 0.95))
    return (time, 100 * (load / middle - 1), not low <= load <= high, of) if middle > 0 else None


def _ages(snapshot: Snapshot, language: Language, now: int) -> str:
    """How old the newest issue of all price areas is, and their inputs that everything hangs on."""
    shown = [snapshot.consumers[of] for of in PRICE_AREAS]
    parts = [language.text("situation.offline")] if snapshot.offline else []
    issues = [of_it.forecast.issue_time for of_it in shown if of_it.forecast is not None]
    if issues:
        age = language.duration(now - min(issues))
        parts.append(language.text("situation.issued", time=language.moment(min(issues), now), age=age))
    loads = [int(of_it.observed_time[-1]) + HOUR for of_it in shown if len(of_it.observed_time)]
    if loads:
        parts.append(
            language.text("situation.measured", time=language.moment(min(loads), now), age=language.duration(now - min(loads)))
        )
    weather = [s.age_s(now) for s in snapshot.series if s.quantity == "temperature" and s.area in geography.PRICE_AREAS]
    if weather:
        parts.append(language.text("situation.weather", age=language.duration(max(weather))))
    return " · ".join(parts)
