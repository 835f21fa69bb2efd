"""Similar past days in words, and their curves laid over the day that was asked about."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass

from app.present.forecast import ForecastView
from app.translations import Language
from engine import clock
from engine.domain import FloatArray
from engine.similar import SimilarDay


@dataclass(frozen=True, slots=True)
class SimilarRow:
    """A day, why it is alike, and its load in the view's unit at the hours of the day that was asked about."""

    date: str
    why: str
    time: FloatArray
    value: FloatArray


def similar_rows(found: Sequence[SimilarDay], view: ForecastView, hour: int, language: Language) -> tuple[SimilarRow, ...]:
    """The days found for the Danish day of an hour, the most alike first."""
    times = clock.local_hours(clock.local(hour).date())
    _, hours = clock.local_day_hour(times)
    return tuple(
        SimilarRow(_date(each.day, language), _why(each, language), times.astype(float), each.load[hours] * view.scale.factor)
        for each in found
    )


def _date(day: int, language: Language) -> str:
    date = clock.EPOCH + dt.timedelta(days=day)
    return f"{language.date(clock.local_midnight(date))} {date.year}"


def _why(each: SimilarDay, language: Language) -> str:
    """From the most telling on: the weekday, how much warmer, how far in the year, and the level of the week before."""
    told = [language.text("similar.weekday" if each.same_weekday else "similar.kind")]
    if math.isfinite(each.warmer_k):
        told.append(language.quantity(each.warmer_k, "°C", 1, sign=True))
    told.append(language.text("similar.season", days=language.quantity(each.season_days, "d")))
    if math.isfinite(each.level):
        told.append(language.text("similar.level", share=language.quantity(100 * each.level, "%", 1, sign=True)))
    return " · ".join(told)
