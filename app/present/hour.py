"""The page of one hour: everything that is known and forecast of it, as rows of a table."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from app.present.forecast import ForecastView, is_adjusted, published_at, value_at
from app.translations import Language
from engine.domain import HOUR
from engine.limits import exceedance

#: Kinds of truth in the order they are told.
_TRUTHS = ("provisional", "newest", "settled", "settlement")


@dataclass(frozen=True, slots=True)
class HourRow:
    """A name with its value, and how far that lies from the median; a row without a value is a heading."""

    name: str
    value: str = ""
    against: str = ""


def hour_rows(view: ForecastView, hour: int, language: Language) -> tuple[HourRow, ...]:
    """What was measured of an hour, what is published of it on every level, and who says else; what is not known is left out."""
    published = published_at(view, hour)
    median = published.get(0.5, math.nan)
    found = (
        _truths(view, hour, median, language),
        _forecast(view, hour, published, language),
        _others(view, hour, median, language),
    )
    return tuple(row for rows in found for row in rows) or (HourRow(language.text("hour.nothing")),)


def _row(view: ForecastView, name: str, value: float, median: float, language: Language) -> HourRow:
    unit, decimals = view.scale.unit, view.scale.decimals
    against = language.number(100 * (value / median - 1), 1, sign=True) + "\u00a0%" if median and math.isfinite(median) else ""
    return HourRow(name, language.quantity(value, unit, decimals), against)


def _truths(view: ForecastView, hour: int, median: float, language: Language) -> tuple[HourRow, ...]:
    values = {truth: value_at(*view.known[truth], hour) for truth in _TRUTHS if truth in view.known}
    rows = [
        _row(view, language.text(f"hour.{truth}"), value, median, language)
        for truth, value in values.items()
        if math.isfinite(value) and not (truth == "newest" and value == values["provisional"])
    ]
    return (HourRow(language.text("hour.measured")), *rows) if rows else ()


def _forecast(view: ForecastView, hour: int, published: Mapping[float, float], language: Language) -> tuple[HourRow, ...]:
    median = published.get(0.5, math.nan)
    if not math.isfinite(median):
        return ()
    levels = [
        _row(view, f"P{round(100 * level):02d}", value, math.nan if level == 0.5 else median, language)
        for level, value in published.items()
    ]
    adjusted = ()
    if is_adjusted(view, hour):
        untouched = value_at(view.forecast_time, view.median, hour)
        adjusted = (
            _row(view, language.text("forecast.adjusted"), median, math.nan, language),
            _row(view, language.text("hour.untouched"), untouched, median, language),
        )
    risk = ()
    if math.isfinite(view.limit):
        probability = 100 * float(exceedance(np.array([[*published.values()]]), view.levels, view.limit)[0])
        name = language.text("hour.exceeds", limit=language.quantity(view.limit, view.scale.unit, view.scale.decimals))
        risk = (HourRow(name, language.quantity(probability, "%", 1)),)
    return (HourRow(language.text("hour.forecast")), *_issue(view, hour, language), *adjusted, *risk, *reversed(levels))


def _issue(view: ForecastView, hour: int, language: Language) -> tuple[HourRow, ...]:
    if math.isnan(view.issue_time):
        return ()
    lead = language.quantity(round((hour - view.issue_time) / HOUR), "t" if language.code == "da" else "h", sign=True)
    return (
        HourRow(language.text("hour.issued"), language.moment(view.issue_time, view.now)),
        HourRow(language.text("hour.age"), language.duration(view.now - view.issue_time)),
        HourRow(language.text("readout.lead"), lead),
    )


def _others(view: ForecastView, hour: int, median: float, language: Language) -> tuple[HourRow, ...]:
    values = {
        "forecast.naive": value_at(view.naive_time, view.naive, hour),
        "forecast.tso": value_at(view.tso_time, view.tso, hour),
    }
    rows = [_row(view, language.text(key), value, median, language) for key, value in values.items() if math.isfinite(value)]
    return (HourRow(language.text("hour.others")), *rows) if rows else ()
