"""The weather under the chart: a row for each kind of it, on the chart's time axis."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from app.present.forecast import value_at
from app.surroundings import SHOWN_WEATHER, Surroundings
from app.translations import Language
from engine import clock, geography
from engine.domain import UNITS, FloatArray

#: Units as they are written.
_WRITTEN = {"C": "°C", "W/m2": "W/m²"}
_DECIMALS = {"temperature": 1, "wind_speed": 1}
#: Least span of a row, so that a calm day looks calm.
_LEAST_SPAN = {"temperature": 8.0, "wind_speed": 8.0, "global_radiation": 200.0}


@dataclass(frozen=True, slots=True)
class WeatherRow:
    """One kind of weather: values at the view's times, NaN where nothing is known."""

    quantity: str
    name: str
    unit: str
    value: FloatArray

    def span(self, seen: slice) -> tuple[float, float]:
        """Whole numbers around the values of these times; a calm day fills only a part of them."""
        known = self.value[seen]
        known = known[np.isfinite(known)]
        low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
        spare = max(0.0, _LEAST_SPAN[self.quantity] - (high - low)) / 2
        low = low - spare if self.quantity == "temperature" else max(0.0, low - spare)
        return math.floor(low), math.ceil(max(high + spare, low + _LEAST_SPAN[self.quantity]))


@dataclass(frozen=True, slots=True)
class WeatherView:
    """Rows from the top. What lies after `forecast_from` was a forecast when the issue was made."""

    time: FloatArray
    rows: tuple[WeatherRow, ...]
    forecast_from: float
    about: str
    summary: str


def weather_view(around: Surroundings, language: Language) -> WeatherView:
    """The weather as it was known when an issue was made."""
    rows = tuple(_row(quantity, around, language) for quantity in SHOWN_WEATHER)
    known = f"{language.date(around.as_of)} {language.time(around.as_of)}"
    where = language.text("weather.and").join(geography.name(place, language.code) for place in around.places)
    about = language.text("weather.about" if len(around.places) < 2 else "weather.about_mean", where=where, time=known)
    if not around.places:
        about = language.text("weather.none")
    spans = [
        language.text(
            "weather.span", name=row.name, low=_written(row, float(low), language), high=_written(row, float(high), language)
        )
        for row in rows
        if np.isfinite(row.value).any()
        for low, high in [(np.nanmin(row.value), np.nanmax(row.value))]
    ]
    return WeatherView(around.hours.astype(float), rows, float(around.as_of), about, " ".join((about, *spans)))


def _row(quantity: str, around: Surroundings, language: Language) -> WeatherRow:
    values = around.weather.get(quantity, np.full(len(around.hours), np.nan))
    unit = _WRITTEN.get(UNITS[quantity], UNITS[quantity])
    return WeatherRow(quantity, language.text(f"quantity.{quantity}"), unit, values)


def _written(row: WeatherRow, value: float, language: Language) -> str:
    return language.quantity(value, row.unit, _DECIMALS.get(row.quantity, 0))


def weather_at(view: WeatherView | None, time: float, language: Language) -> str:
    """The weather of an hour in words: 4,5 °C · 7,2 m/s · 120 W/m²."""
    hour = clock.floor_hour(int(time))
    values = [] if view is None else [(row, value_at(view.time, row.value, hour)) for row in view.rows]
    known = [_written(row, value, language) for row, value in values if math.isfinite(value)]
    return " · ".join(known) or language.text("monitor.no_data")
