"""Forecasts of the past beside what came true: an earlier issue, and what was said so many hours before each hour."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from app.past_issues import Ahead
from app.present.forecast import Band, ForecastView, forecast_view
from app.present.frame import is_gross
from app.snapshot import EngineStatus, Snapshot
from app.surroundings import Surroundings
from app.translations import Language
from engine import adjusting, geography
from engine.domain import DAY, Consumer, FloatArray, QuantileForecast


def widened(snapshot: Snapshot, around: Surroundings) -> Snapshot:
    """The snapshot with the load of all hours that were read around the forecast of a consumer."""
    own = snapshot.consumers.get(around.of)
    if own is None or (len(own.observed_time) and around.hours[0] > own.observed_time[0]):
        return snapshot
    times, values = around.truths["newest"]
    wide = dataclasses.replace(own, observed_time=times, observed=values, truths=around.truths)
    return dataclasses.replace(snapshot, consumers={**snapshot.consumers, around.of: wide})


def stored_days(snapshot: Snapshot, of: Consumer, now: int) -> float:
    """How many days back the load of a consumer is stored, the longest of its parts; 0 where none is."""
    places = {of.area, *geography.parts(of.area)}
    firsts = [s.first_valid for s in snapshot.series if s.quantity == "load" and s.area in places]
    return max((now - first) / DAY for first in firsts) if firsts else 0.0


def surrounded(view: ForecastView, around: Surroundings) -> ForecastView:
    """The view with the seasonal naive forecast and the limit of the load."""
    limit = math.nan if around.limit_mwh is None else around.limit_mwh * view.scale.factor
    return dataclasses.replace(view, naive_time=around.hours.astype(float), naive=around.naive * view.scale.factor, limit=limit)


def as_known(
    newest: ForecastView, snapshot: Snapshot, issue: QuantileForecast, engine: EngineStatus, language: Language
) -> ForecastView:
    """An earlier issue in the place of the newest, with what came true of it: muted, and marked as what it is."""
    own = snapshot.consumers[newest.of]
    nothing = dataclasses.replace(own, published=adjusting.untouched(issue), tso_time=np.empty(0, np.int64), tso=np.empty(0))
    then = dataclasses.replace(snapshot, consumers={**snapshot.consumers, newest.of: nothing})
    made = forecast_view(then, newest.of, engine, language, int(newest.now))
    age = language.duration(newest.now - issue.issue_time)
    return dataclasses.replace(
        made,
        scale=newest.scale,
        shown=newest.shown,
        naive_time=newest.naive_time,
        naive=newest.naive,
        limit=newest.limit,
        stale=True,
        stale_label="",
        known_at=language.text(
            "past.known_at", time=f"{language.date(issue.issue_time)} {language.time(issue.issue_time)}", age=age
        ),
        outcome=outcome(made, language),
        newest_time=newest.forecast_time,
        newest=newest.median,
    )


def outcome(view: ForecastView, language: Language) -> str:
    """How the hours of a view that came true after its issue were forecast: mean absolute error and share inside 80 %.

    Of load that is measured late those of the bridge count, too, which nobody had measured then.
    """
    band = next((band for band in view.bands if band.percent == 80), None)
    ahead = (view.forecast_time > view.issue_time) | (not is_gross(view.of))
    truth = _on(view.forecast_time, view.observed_time, view.observed)
    return _outcome(truth[ahead], view.median[ahead], band.low[ahead], band.high[ahead], view, language) if band else ""


def _outcome(
    truth: FloatArray, median: FloatArray, low: FloatArray, high: FloatArray, view: ForecastView, language: Language
) -> str:
    known = np.isfinite(truth) & np.isfinite(median)
    if not known.any():
        return language.text("past.no_truth")
    error = float(np.abs(median - truth)[known].mean())
    inside = 100 * float(((truth >= low) & (truth <= high))[known].mean())
    return language.text(
        "past.outcome",
        mae=language.quantity(error, view.scale.unit, view.scale.decimals),
        share=language.quantity(100 * error / float(truth[known].mean()), "%", 1),
        inside=language.quantity(inside, "%"),
        hours=language.number(int(known.sum())),
    )


def hours_ahead(view: ForecastView, ahead: Ahead, language: Language) -> ForecastView:
    """What was forecast so many hours before each hour in the place of the newest issue, with its 80 % band."""
    low, median, high = (values * view.scale.factor for values in (ahead.low, ahead.median, ahead.high))
    hours = ahead.hours.astype(float)
    span = language.quantity(ahead.lead_h, "t" if language.code == "da" else "h")
    truth = _on(hours, view.observed_time, view.observed)
    return dataclasses.replace(
        view,
        forecast_time=hours,
        median=median,
        bands=(Band(80, low, high),),
        levels=(0.10, 0.50, 0.90),
        quantiles=np.column_stack([low, median, high]),
        adjusted=np.empty(0),
        stretches=(),
        tso_time=np.empty(0),
        tso=np.empty(0),
        issue_time=math.nan,
        stale=False,
        known_at=language.text("past.ahead", span=span),
        outcome=_outcome(truth, median, low, high, view, language),
        newest_time=view.forecast_time,
        newest=view.median,
    )


def _on(hours: FloatArray, times: FloatArray, values: FloatArray) -> FloatArray:
    """Values of a series at these hours, NaN where it has none."""
    if not len(times):
        return np.full(len(hours), np.nan)
    at = np.clip(np.searchsorted(times, hours), 0, len(times) - 1)
    return np.where(times[at] == hours, values[at], np.nan)
