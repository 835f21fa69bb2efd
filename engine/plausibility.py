"""Which new values cannot be true: bounds, sign, steps and stuck meters, judged against the series' own recent past."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from engine import geography
from engine.domain import DAY, HOUR, Consumer, FloatArray, History, IntArray, Observations, Series
from engine.geography import Measure

#: How far back the past of a price area's load says something about its next values.
LOOKBACK_DAYS = 56
#: Limits of nature (or, for energy, far beyond Denmark), by quantity. Prices may be negative; the European auction's limits are
#: -500 and 4000 EUR/MWh, of which the upper one is raised by 1000 after prices that come near it.
_BOUNDS: Mapping[str, tuple[float, float]] = {
    "load": (0.0, 20_000.0),
    "temperature": (-45.0, 45.0),
    "wind_speed": (0.0, 70.0),
    "global_radiation": (0.0, 1400.0),
    "relative_humidity": (0.0, 105.0),
    "cloud_cover": (0.0, 100.5),
    "solar_forecast": (-1.0, 20_000.0),
    "onshore_wind_forecast": (-1.0, 20_000.0),
    "offshore_wind_forecast": (-1.0, 20_000.0),
    "day_ahead_price": (-500.0, 5000.0),
    "load_forecast": (0.0, 20_000.0),
    "settlement": (0.0, 20_000.0),
    "self_consumption": (0.0, 5000.0),
}
#: Most metered load, MWh an hour, of one who lives there: several times what a dwelling heated by electricity takes in frost, for
#: there are more holiday homes than dwellings in some municipalities.
_MWH_PER_PERSON = 0.005
#: Sums over so many meters that none ever is zero or repeats for hours. What is in one industry, one grid area or one plant may.
_NEVER_IDLE = (Measure.GROSS, Measure.CATEGORY, Measure.HOUSEHOLDS)
#: Narrower limits of an area: of forecasts of power, about twice what stood there in 2025; of load, well beyond its extremes since 2015.
_AREA_BOUNDS: Mapping[tuple[str, str], tuple[float, float]] = {
    ("solar_forecast", "DK1"): (-1.0, 7000.0),
    ("solar_forecast", "DK2"): (-1.0, 3000.0),
    ("onshore_wind_forecast", "DK1"): (-1.0, 8000.0),
    ("onshore_wind_forecast", "DK2"): (-1.0, 2000.0),
    ("offshore_wind_forecast", "DK1"): (-1.0, 5000.0),
    ("offshore_wind_forecast", "DK2"): (-1.0, 4000.0),
    ("load_forecast", "DK1"): (500.0, 8000.0),
    ("load_forecast", "DK2"): (300.0, 5000.0),
}
#: Solar power, MWh, beyond which an hour cannot be one with the sun more than 6 degrees under the horizon.
_NIGHT_SOLAR = 10.0
_NIGHT = math.sin(math.radians(-6))
#: Load is compared with the median of the same hour of these days before and after.
_SAME_HOUR_DAYS = (-42, -35, -28, -21, -14, -7, -4, -3, -2, -1, 1, 2, 3, 4, 7, 14, 21, 28, 35, 42)
_MIN_SAME_HOURS = 3
#: Load over that median. Ten years of DK1 and DK2 stay between 0.58 and 1.48, the worst holidays included.
_RATIO = (0.55, 1.6)
#: A single hour that leaves both its neighbours in the same direction by this much of that ratio.
_SPIKE = 0.15
#: A step away from the hour before, where the hour after is not known yet.
_STEP = 0.3
_STUCK_HOURS = 6


def lookback_s(series: Series) -> int:
    """How far back `check` wants to know the past of a series."""
    return LOOKBACK_DAYS * DAY if _is_shaped(series) else _STUCK_HOURS * HOUR


def _is_shaped(series: Series) -> bool:
    """Limits of shape were learned from price areas; a plant or one consumer type may jump as it likes."""
    return series.consumer_type == "total" and series.area in geography.PRICE_AREAS


def check(batch: Observations, recent: History | None = None) -> tuple[Observations, Observations, list[str]]:
    """Split a batch of one series into the values to accept and those to set aside, with a reason for each of the latter.

    `recent` holds what was known of the series before (`lookback_s`); without it the batch is judged by itself.
    """
    reasons = _judge(batch, recent)
    good = reasons == ""
    return _part(batch, good), _part(batch, ~good), reasons[~good].tolist()


def _part(batch: Observations, rows: npt.NDArray[np.bool_]) -> Observations:
    arrays = {name: getattr(batch, name)[rows] for name in ("valid_time", "available_at", "value", "flags")}
    return dataclasses.replace(batch, **arrays)


def _judge(batch: Observations, recent: History | None) -> npt.NDArray[np.object_]:
    """A reason per row, empty where the value is plausible."""
    series = batch.series
    low, high = _bounds(series)
    outside = ~((batch.value >= low) & (batch.value <= high))  # NaN is outside
    reasons = np.full(len(batch), "", object)
    reasons[outside] = f"outside {low:g} to {high:g} {series.unit}"
    if series.quantity == "load" and len(batch):
        if _measure(series) in _NEVER_IDLE:
            reasons[(batch.value <= 0) & ~outside] = "load is not positive"
        _judge_load(batch, recent, reasons)
    if series.quantity == "solar_forecast" and geography.known(series.area) and geography.AREAS[series.area].points:
        highest = np.maximum(*(geography.sun_height(series.area, batch.valid_time + s) for s in (0, HOUR)))
        reasons[(batch.value > _NIGHT_SOLAR) & (highest < _NIGHT) & ~outside] = "solar power at night"
    return reasons


def _measure(series: Series) -> Measure:
    return geography.measure(Consumer(series.area, series.consumer_type))


def _bounds(series: Series) -> tuple[float, float]:
    """Lowest and highest value that can be true."""
    if series.quantity == "load" and _measure(series) in (Measure.CATEGORY, Measure.HOUSEHOLDS):
        return 0.0, _MWH_PER_PERSON * _people(series.area)
    return _AREA_BOUNDS.get((series.quantity, series.area), _BOUNDS[series.quantity])


@functools.cache
def _people(area: str) -> int:
    """Who lives in an area of the tree, and in those that it succeeded."""
    places = {area, *geography.SUCCEEDED.get(area, ())}
    return sum(each.population for each in geography.AREAS.values() if places.intersection(geography.ancestors(each.code)))


def _judge_load(batch: Observations, recent: History | None, reasons: npt.NDArray[np.object_]) -> None:
    """Write reasons for rows that do not fit the load around them."""
    fine = reasons == ""
    if not fine.any():
        return
    start, load = _timeline(batch, recent, fine)
    at = (batch.valid_time[fine] - start) // HOUR
    found = np.full(len(at), "", object)
    if _measure(batch.series) in _NEVER_IDLE:
        found[_stuck(load)[at]] = f"the same value for {_STUCK_HOURS} hours or more"
    if _is_shaped(batch.series):
        _judge_shape(batch.value[fine], load, at, found)
    reasons[fine] = found


def _judge_shape(value: FloatArray, load: FloatArray, at: IntArray, found: npt.NDArray[np.object_]) -> None:
    """Write reasons for values, at these places of the load, that leave its usual shape; the last one that holds is told."""
    usual = _usual(load)
    with np.errstate(invalid="ignore", over="ignore"):
        ratio = value / usual[at]
        around = np.concatenate([[np.nan], load / usual, [np.nan]])
        before, after = around[at], around[at + 2]
        away = np.minimum(np.abs(ratio - before), np.abs(ratio - after))
        spike = (np.sign(ratio - before) == np.sign(ratio - after)) & (away > _SPIKE)
        step = np.isnan(after) & (np.abs(ratio - before) > _STEP)
    for rows, reason in (
        (step, "too large a step from the hour before"),
        (spike, "a single hour far from the hours around it"),
        (ratio < _RATIO[0], f"less than {_RATIO[0]:g} of the usual load of its hour"),
        (ratio > _RATIO[1], f"more than {_RATIO[1]:g} times the usual load of its hour"),
    ):
        found[rows] = reason


def _timeline(batch: Observations, recent: History | None, fine: npt.NDArray[np.bool_]) -> tuple[int, FloatArray]:
    """Start and hourly load of the recent past with the batch's own values laid over it, NaN where there is none."""
    first, last = int(batch.valid_time[fine].min()), int(batch.valid_time[fine].max())
    known = None if recent is None else recent.get("load", batch.series.area, batch.series.consumer_type)
    start = first if recent is None or known is None else min(first, recent.start)
    end = last + HOUR if recent is None or known is None else max(last + HOUR, recent.start + recent.hours * HOUR)
    load = np.full((end - start) // HOUR, np.nan)
    if recent is not None and known is not None:
        offset = (recent.start - start) // HOUR
        load[offset : offset + recent.hours] = known
    load[(batch.valid_time[fine] - start) // HOUR] = batch.value[fine]
    return start, load


def _usual(load: FloatArray) -> FloatArray:
    """Median load of the same hour on days around each hour, NaN where too few are known or it is not positive."""
    columns = np.full((len(load), len(_SAME_HOUR_DAYS)), np.nan)
    for j, days in enumerate(_SAME_HOUR_DAYS):
        shift = abs(days) * DAY // HOUR
        if shift < len(load):
            to, of = (slice(shift, None), slice(None, -shift)) if days < 0 else (slice(None, -shift), slice(shift, None))
            columns[to, j] = load[of]
    columns.sort(axis=1)  # NaN last
    known = np.isfinite(columns).sum(axis=1)
    row = np.arange(len(load))
    median: FloatArray = columns[row, (known - 1).clip(0) // 2] / 2 + columns[row, known // 2] / 2
    median[(known < _MIN_SAME_HOURS) | ~(median > 0)] = np.nan
    return median


def _stuck(load: FloatArray) -> npt.NDArray[np.bool_]:
    """Hours from the second on of a run of equal values that is too long."""
    repeats = np.concatenate([[False], load[1:] == load[:-1]])
    run = np.cumsum(~repeats)
    lengths = np.bincount(run)
    stuck: npt.NDArray[np.bool_] = repeats & (lengths[run] >= _STUCK_HOURS)
    return stuck
