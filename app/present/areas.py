"""The cards of areas: newest load, estimate of this hour, next peak and trend of each price area and of the one chosen beside."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from app.present.frame import best_tier, level, seen, usual_issue_age_s
from app.present.lateness import load_freshness
from app.present.scale import Scale, scale_for
from app.snapshot import PRICE_AREAS, ConsumerSnapshot, Snapshot
from app.translations import Language
from engine import clock, geography
from engine.domain import DAY, HOUR, Consumer, Freshness, IntArray, QuantileForecast, Tier, freshness

#: Hours a trend compares, and how many of them must be known.
TREND_HOURS, TREND_NEEDS = 24, 12


@dataclass(frozen=True, slots=True)
class AreaRow:
    """One card. `reduced` names the tier where it is not the best, and is empty where it is.

    `observed_freshness` is also that of the trend, and None where nobody can tell yet; `forecast_freshness` that of estimate and peak.
    """

    of: Consumer
    name: str
    reduced: str
    observed: str
    observed_at: str
    observed_freshness: Freshness | None
    forecast_freshness: Freshness
    estimate: str
    estimate_range: str
    peak: str
    peak_at: str
    trend: str
    summary: str


def area_rows(snapshot: Snapshot, language: Language, now: int) -> tuple[AreaRow, ...]:
    """The price areas, then the consumer that was chosen beside them; one of which nothing is known says so."""
    return tuple(area_row(snapshot, of, language, now) for of in (snapshot.consumers or PRICE_AREAS))


def area_row(snapshot: Snapshot, of: Consumer, language: Language, now: int) -> AreaRow:
    """The card of one consumer."""
    no_data = language.text("monitor.no_data")
    name = geography.title(of, language.code)
    of_it = seen(snapshot, of)
    scale, forecast = scale_for(of_it, language), of_it.official
    observed, observed_at = no_data, ""
    if len(of_it.observed_time):
        newest = int(of_it.observed_time[-1])
        observed = scale.quantity(float(of_it.observed[-1]), language)
        day = "" if now - newest < DAY / 2 else f"{language.date(newest, weekday=False)} "
        observed_at = day + language.hour_span(newest)
    observed_freshness = load_freshness(snapshot, of_it, now)
    forecast_freshness = freshness(None if forecast is None else now - forecast.issue_time, usual_issue_age_s(of))
    estimate, estimate_range = _estimate(forecast, scale, language, now)
    peak, peak_at = next_peak(forecast, scale, language, now)
    trend = _trend(of_it, language)
    return AreaRow(
        of=of,
        name=name,
        reduced="" if forecast is None or forecast.tier is best_tier(of) else tier_text(forecast.tier, language),
        observed=observed,
        observed_at=observed_at,
        observed_freshness=observed_freshness,
        forecast_freshness=forecast_freshness,
        estimate=estimate,
        estimate_range=estimate_range,
        peak=peak,
        peak_at=peak_at,
        trend=trend,
        summary=language.text(
            "area.summary",
            name=name,
            observed=_aged(observed, observed_freshness, language),
            observed_at=observed_at,
            estimate=_aged(estimate, forecast_freshness, language),
            peak=_aged(peak, forecast_freshness, language),
            peak_at=peak_at,
            trend=_aged(trend, observed_freshness, language),
        ),
    )


def _aged(words: str, state: Freshness | None, language: Language) -> str:
    """For ears: what is marked on screen where it has grown old."""
    if state in (Freshness.LATE, Freshness.STALE):
        return f"{words} ({language.text(f'freshness.{state.value}')})"
    return words


def _estimate(forecast: QuantileForecast | None, scale: Scale, language: Language, now: int) -> tuple[str, str]:
    index = None if forecast is None else _index(forecast.valid_time, clock.floor_hour(now))
    if forecast is None or index is None:
        return language.text("monitor.no_data"), ""
    low, high = (scale.number(float(level(forecast, p)[index]), language) for p in (0.10, 0.90))
    return scale.quantity(float(forecast.median[index]), language), f"{low}–{high}"


def tier_text(tier: Tier, language: Language) -> str:
    """How a forecast was made, in words."""
    return language.text(f"tier.{tier.value}")


def next_peak(forecast: QuantileForecast | None, scale: Scale, language: Language, now: int) -> tuple[str, str]:
    """Largest median of the 24 hours from the next full hour on, and when it is."""
    nothing = language.text("monitor.no_data"), ""
    if forecast is None:
        return nothing
    ahead = np.flatnonzero((forecast.valid_time > now) & (forecast.valid_time <= now + DAY))
    if not len(ahead):
        return nothing
    best = int(ahead[np.argmax(forecast.median[ahead])])
    time = int(forecast.valid_time[best])
    return scale.quantity(float(forecast.median[best]), language), f"{language.weekday(time)} {language.hour_span(time)}"


def _trend(of: ConsumerSnapshot, language: Language) -> str:
    """Change on the week before, with an arrow."""
    percent = last_week_percent(of)
    if percent is None:
        return language.text("monitor.no_data")
    arrow = "▲" if percent >= 1 else "▼" if percent <= -1 else "►"
    return f"{arrow} {language.quantity(percent, '%', 1, sign=True)}"


def last_week_percent(of: ConsumerSnapshot) -> float | None:
    """Change of the newest 24 hours on the same Danish hours a week before; None where too few of them are known."""
    times = of.observed_time
    recent = times > (times[-1] - TREND_HOURS * HOUR if len(times) else 0)
    before = week_before(times[recent])
    _, of_before, of_recent = np.intersect1d(times, before, return_indices=True)
    if len(of_before) < TREND_NEEDS:
        return None
    was = float(of.observed[of_before].sum())
    return 100 * (float(of.observed[recent][of_recent].sum()) / was - 1) if was else math.nan


def week_before(times: IntArray) -> IntArray:
    """The same Danish wall-clock hour seven days before each time."""

    def offset(of: IntArray) -> IntArray:
        day, hour = clock.local_day_hour(of)
        return day * DAY + hour * HOUR - of

    plain = times - 7 * DAY
    return plain + offset(times) - offset(plain)


def _index(times: IntArray, time: int) -> int | None:
    found = int(np.searchsorted(times, time))
    return found if found < len(times) and times[found] == time else None
