"""The forecast view: what was observed, what is forecast, how old both are, and the numbers of one hour."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from app.present.areas import next_peak, tier_text
from app.present.frame import UNIT, USUAL_ISSUE_AGE_S, Empty, area_of, level, marks, nothing_to_show
from app.snapshot import AreaSnapshot, EngineStatus, Snapshot
from app.translations import Language
from engine import clock, geography
from engine.domain import (
    DAY,
    HOUR,
    USUAL_AGE_S,
    WEATHER,
    FloatArray,
    Freshness,
    IntArray,
    QuantileForecast,
    Tier,
    freshness,
)

#: Half the width of the chart when it opens.
SHOWN_S = 7 * DAY
#: Central intervals drawn, widest first: percent, lower level, upper level.
INTERVALS = ((90, 0.05, 0.95), (80, 0.10, 0.90), (50, 0.25, 0.75))


@dataclass(frozen=True, slots=True)
class Band:
    """A central interval of the forecast in MWh, one value an hour of the forecast."""

    percent: int
    low: FloatArray
    high: FloatArray


@dataclass(frozen=True, slots=True)
class SourceAge:
    """How current one input of an area is."""

    name: str
    age: str
    usual: str
    freshness: Freshness
    state: str
    summary: str


@dataclass(frozen=True, slots=True)
class ForecastView:
    """The forecast of one area. Times are epoch seconds as float; NaN in `observed` and `tso` is a gap and breaks the line.

    `tso` is the grid operator's forecast as it was known when ours was made.
    """

    area: str
    title: str
    tier: str
    tier_reason: str
    reduced: bool
    issued: str
    issue_freshness: Freshness
    issue_state: str
    model: str
    marks: tuple[str, ...]
    now: float
    shown: tuple[float, float]
    value_range: tuple[float, float]
    observed_time: FloatArray
    observed: FloatArray
    forecast_time: FloatArray
    median: FloatArray
    bands: tuple[Band, ...]
    tso_time: FloatArray
    tso: FloatArray
    issue_time: float
    stale: bool
    stale_label: str
    gap: tuple[float, float] | None
    gap_label: str
    zone: str
    sources: tuple[SourceAge, ...]
    empty: Empty | None
    summary: str


@dataclass(frozen=True, slots=True)
class ReadOut:
    """The numbers of one hour. `time` is its start; `point` is the height of the marker in MWh, NaN for none."""

    time: float
    hour: str
    observed: str
    median: str
    interval: str
    lead: str
    point: float


def with_gaps(times: IntArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The series on an unbroken hourly grid from its first to its last hour, NaN where an hour is missing."""
    if not len(times):
        return np.empty(0), np.empty(0)
    grid = np.arange(times[0], times[-1] + HOUR, HOUR, dtype=np.int64)
    filled = np.full(len(grid), np.nan)
    filled[(times - times[0]) // HOUR] = values
    return grid.astype(float), filled


def forecast_view(snapshot: Snapshot, code: str, engine: EngineStatus, language: Language, now: int) -> ForecastView:
    """The forecast view of one area at `now`, which moves on while a snapshot stays."""
    area = area_of(snapshot, code)
    forecast = area.forecast
    observed_time, observed = with_gaps(area.observed_time, area.observed)
    tso_time, tso = with_gaps(area.tso_time, area.tso)
    name = geography.name(code, language.code)
    age = None if forecast is None else now - forecast.issue_time
    issue_freshness = freshness(age, USUAL_ISSUE_AGE_S)
    stale = issue_freshness is Freshness.STALE
    if forecast is None:
        unknown = snapshot.fault is not None and not snapshot.no_database
        tier = "" if unknown else language.text("forecast.none")
        reason = "" if unknown else language.text("forecast.none_reason")
        issued = model = ""
    else:
        tier, reason = tier_text(forecast.tier, language), _reason(forecast, language)
        issued = language.text(
            "forecast.issued", time=language.moment(forecast.issue_time, now), age=language.duration(now - forecast.issue_time)
        )
        model = language.text("forecast.model", model=forecast.model_id)
    shown = (float(now - SHOWN_S), float(now + SHOWN_S))
    bands = () if forecast is None else tuple(Band(p, level(forecast, a), level(forecast, b)) for p, a, b in INTERVALS)
    forecast_time = np.empty(0) if forecast is None else forecast.valid_time.astype(float)
    median = np.empty(0) if forecast is None else forecast.median
    in_sight = (observed_time >= shown[0]) & np.isfinite(observed)
    return ForecastView(
        area=code,
        title=name,
        tier=tier,
        tier_reason=reason,
        reduced=forecast is None or forecast.tier is not Tier.FULL,
        issued=issued,
        issue_freshness=issue_freshness,
        issue_state=language.text(f"freshness.{issue_freshness.value}"),
        model=model,
        marks=marks(snapshot, forecast, language),
        now=float(now),
        shown=shown,
        value_range=_value_range(
            [observed[in_sight], tso[np.isfinite(tso)], *(edge for band in bands for edge in (band.low, band.high))]
        ),
        observed_time=observed_time,
        observed=observed,
        forecast_time=forecast_time,
        median=median,
        bands=bands,
        tso_time=tso_time,
        tso=tso,
        issue_time=math.nan if forecast is None else float(forecast.issue_time),
        stale=stale,
        stale_label=language.text("forecast.stale_zone", age=language.duration(age)) if stale and age is not None else "",
        gap=(float(observed_time[-1]) + HOUR, float(now)) if len(observed_time) and observed_time[-1] + HOUR < now else None,
        gap_label=_gap_label(area, language, now),
        zone=language.text("forecast.zone", zone=language.zone(*shown)),
        sources=_sources(snapshot, code, language, now),
        empty=nothing_to_show(snapshot, code, engine, language) if not len(observed_time) and forecast is None else None,
        summary=_summary(forecast, tier, issued, language, now),
    )


def _gap_label(area: AreaSnapshot, language: Language, now: int) -> str:
    """Nothing for the usual lag of load, which needs no words; beyond it, for how long there was none."""
    age = now - int(area.observed_time[-1]) if len(area.observed_time) else 0
    late = freshness(age, USUAL_AGE_S["load"]) is not Freshness.FRESH
    return language.text("forecast.gap_zone", age=language.duration(age)) if late else ""


def _reason(forecast: QuantileForecast, language: Language) -> str:
    return language.text(f"reason.{forecast.reason.value}") if forecast.reason else ""


def _value_range(series: Iterable[FloatArray]) -> tuple[float, float]:
    """Limits of the value axis: whole hundreds around everything in sight."""
    together = np.concatenate(list(series))
    if not len(together):
        return 0.0, 1000.0
    low, high = float(together.min()), float(together.max())
    margin = 0.06 * max(high - low, 100.0)
    return 100 * math.floor(max(0.0, low - margin) / 100), 100 * math.ceil((high + margin) / 100)


def _summary(forecast: QuantileForecast | None, tier: str, issued: str, language: Language, now: int) -> str:
    if forecast is None or not len(forecast.median):
        return tier
    low, high = (language.quantity(float(f(forecast.median)), UNIT) for f in (np.min, np.max))
    peak, peak_at = next_peak(forecast, language, now)
    return language.text("forecast.summary", tier=tier, issued=issued, low=low, high=high, peak=peak, peak_at=peak_at)


def _sources(snapshot: Snapshot, code: str, language: Language, now: int) -> tuple[SourceAge, ...]:
    """Age of each input of an area; load and weather are expected, so that they are listed even where they are missing."""
    parts = {code, *geography.parts(code)}
    quantities = {state.quantity for state in snapshot.series if state.area in parts} | {"load"}
    order = [*USUAL_AGE_S, "weather"]
    if not quantities & set(WEATHER):
        quantities.add("weather")
    return tuple(_source_age(q, _age_s(snapshot, q, code, now), language) for q in sorted(quantities, key=order.index))


def _age_s(snapshot: Snapshot, quantity: str, code: str, now: int) -> int | None:
    """Age of the newest value of an area from its best source; of an area without values of its own, that of its oldest part."""
    own = [state.age_s(now) for state in snapshot.series if (state.quantity, state.area) == (quantity, code)]
    if own:
        return min(own)
    parts = [_age_s(snapshot, quantity, part, now) for part in geography.parts(code) if part != code]
    known = [age for age in parts if age is not None]
    return max(known) if known and len(known) == len(parts) else None


def _source_age(quantity: str, age_s: int | None, language: Language) -> SourceAge:
    usual_s = USUAL_AGE_S[WEATHER[0] if quantity == "weather" else quantity]
    state = freshness(age_s, usual_s)
    name = language.text(f"quantity.{quantity}")
    age = "–" if age_s is None else language.duration(age_s)
    usual, words = language.duration(usual_s), language.text(f"freshness.{state.value}")
    return SourceAge(name, age, usual, state, words, language.text("sources.row", name=name, age=age, usual=usual, state=words))


def read_out(view: ForecastView, time: float, language: Language) -> ReadOut:
    """The numbers of the hour that holds `time`; what is not known reads "no data"."""
    start = clock.floor_hour(int(time))
    no_data = language.text("monitor.no_data")
    observed = _value_at(view.observed_time, view.observed, start)
    median = _value_at(view.forecast_time, view.median, start)
    interval, lead = no_data, "–"
    if math.isfinite(median):
        band = next(band for band in view.bands if band.percent == 80)
        low, high = (_value_at(view.forecast_time, edge, start) for edge in (band.low, band.high))
        interval = f"{language.number(low)}–{language.quantity(high, UNIT)}"
        hours = round((start - view.issue_time) / HOUR)
        hour_unit = "t" if language.code == "da" else "h"
        lead = language.text("readout.bridge") if hours <= 0 else language.quantity(hours, hour_unit, sign=True)
    return ReadOut(
        time=float(start),
        hour=f"{language.date(start)} {language.hour_span(start)} {language.zone(start, start)}",
        observed=language.quantity(observed, UNIT),
        median=language.quantity(median, UNIT),
        interval=interval,
        lead=lead,
        point=observed if math.isfinite(observed) else median,
    )


def _value_at(times: FloatArray, values: FloatArray, time: int) -> float:
    found = int(np.searchsorted(times, time))
    return float(values[found]) if found < len(times) and times[found] == time else math.nan
