"""Model inputs of many late series at once: how each hour nobody has measured yet differs from the series' own last known weeks.

The target is the logarithm of load over a base profile, the mean log load of the last four known clean same-weekday hours, so
that a municipality and a plant are rows of one model. What the price area around a series consumes is known to the hour: its
deviation from the same base weeks (`grid`), and that of the price area beyond, bridge the days in which the series itself was not
measured.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Mapping, Sequence

import numpy as np

from engine import clock, features, geography
from engine.domain import BRIDGE_H, HOUR, WEATHER, Consumer, FeatureMatrix, FloatArray, History, IntArray

#: What late series are made of.
INPUTS = ("load", *WEATHER, "solar_forecast", "onshore_wind_forecast", "day_ahead_price")
#: Inputs that the model of all series does not learn from, and each series does: how they act differs between a country and a town, or
#: few of the years trained on have them. With the mean and deviation they are standardised by.
ONLY_ADAPTED: Mapping[str, tuple[float, float]] = {
    **{f"beyond{what}": (0.0, 0.05) for what in ("", "_7d", "_daily", "_same_hour_7d")},
    **{f"trend{what}": (0.0, 0.05) for what in ("", "_same_hour")},
    **{f"{name}{what}": (0.0, 1.0) for name in ("solar", "wind_power") for what in ("", "_7d")},
    **{f"{name}{what}": (0.0, 0.4) for name in ("price", "price_level") for what in ("", "_7d")},
}
#: Hours forecast beyond the issue.
AHEAD_H = 48
_WEEKS, _BASE_WEEKS = 10, 4
LOOKBACK_DAYS = BRIDGE_H // 24 + 2 + 7 * _WEEKS
_RECENT_DAYS = 7
_SMOOTH_H = 24
#: Errors of the price areas, forecast as late series by models that had not seen them, grow with this power of days since the newest load.
_WIDENING = 0.1
#: EUR/MWh at which an hour's distance from the price of its day stops to count for more, and below which days are alike.
_USUAL_PRICE, _LOW_PRICE = 20.0, 5.0


def window(issue_time: int) -> tuple[int, int]:
    """First hour and number of hours of the history that `build` needs for an issue."""
    first = clock.EPOCH + dt.timedelta(days=int(clock.local_day_hour(np.array([issue_time]))[0][0]) - LOOKBACK_DAYS)
    start = clock.local_midnight(first)
    return start, (clock.floor_hour(issue_time) - start) // HOUR + AHEAD_H + 1


def hours_to_forecast(issue_time: int, newest: int) -> IntArray:
    """Hours of an issue of a series whose newest known hour is `newest`: what nobody has measured yet, and the next two days."""
    now = clock.floor_hour(issue_time)
    first = max(min(newest, now) + HOUR, now - BRIDGE_H * HOUR)
    return np.arange(first, issue_time + AHEAD_H * HOUR + 1, HOUR, dtype=np.int64)


def build(
    history: History,
    consumers: Sequence[Consumer],
    around: Mapping[str, FloatArray],
    span: tuple[int, int] | None = None,
) -> tuple[FeatureMatrix, IntArray]:
    """Inputs of every hour to forecast of consumers that `history` holds load of, and which consumer each row belongs to (n,).

    With `span` only of the hours in [start, end). `around` is the load in MWh of each price area on the history's grid, forecast
    where it is not known yet. Rows come in the order of the consumers, each in the order of time; a row whose base is unknown
    has NaN as `base_mwh`.
    """
    days = features.Days(history)
    matrices, owners = [], []
    for place in dict.fromkeys(geography.price_area(c.area) for c in consumers):
        mine = [i for i, c in enumerate(consumers) if geography.price_area(c.area) == place]
        load = np.stack([history.values["load", *consumers[i]] for i in mine])
        columns, owner = _rows(history, days, place, load, around, span)
        matrices.append(columns)
        owners.append(np.array(mine)[owner])
    owner = np.concatenate(owners)
    order = np.argsort(owner, kind="stable")
    names = tuple(matrices[0])
    values = np.column_stack([np.concatenate([m[name] for m in matrices]) for name in names])[order]
    times = values[:, names.index("valid_time")].astype(np.int64)
    kept = [i for i, name in enumerate(names) if name != "valid_time"]
    return FeatureMatrix(tuple(names[i] for i in kept), times, values[:, kept].astype(np.float32)), owner[order]


class _Base:
    """The last known same-weekday hours of each series, and what anything else was in those very hours.

    Tables are (series, 7, 24) by weekday and hour.
    """

    def __init__(self, days: features.Days, table: FloatArray) -> None:
        last = days.first + days.count - 1
        weeks = days.count // 7
        self._index = (days.count - 1 - np.arange(7 * weeks)).reshape(weeks, 7)
        weekday = np.array([clock.weekday(last - j) for j in range(7)])
        self._order = np.argsort(weekday)
        unusual = np.array([features.is_unusual(days.first + d) for d in range(days.count)])
        stacked = self._stack(np.where(unusual[:, None], np.nan, table))
        known = ~np.isnan(stacked)
        rank = np.cumsum(known, axis=1)
        self._chosen = known & (rank <= _BASE_WEEKS)
        self.profile = self._mean(stacked)
        self.newest = features.mean(np.where(known & (rank == 1), stacked, np.nan), axis=1)
        older = features.mean(np.where(known & (rank > _BASE_WEEKS) & (rank <= 2 * _BASE_WEEKS), stacked, np.nan), axis=1)
        self.trend = features.mean(self.profile - older, axis=1)  # (series, 24): a month's change
        freedom = (self._chosen.sum(axis=1) - 1).clip(0).sum(axis=(1, 2))
        spread = np.where(self._chosen, (stacked - self.profile[:, None]) ** 2, 0.0).sum(axis=(1, 2, 3))
        self.noise = np.sqrt(spread / np.maximum(freedom, 1)).clip(0.005, 2.0)

    def _stack(self, table: FloatArray) -> FloatArray:
        """(..., days, 24) as (..., weeks, 7, 24), newest week first, Monday first."""
        weeks: FloatArray = table[..., self._index, :][..., self._order, :]
        return weeks

    def _mean(self, stacked: FloatArray) -> FloatArray:
        return features.mean(np.where(self._chosen, stacked, np.nan), axis=1)

    def of(self, table: FloatArray) -> FloatArray:
        """Mean of a (days, 24) table over the hours that make each series' base."""
        return self._mean(self._stack(table)[None])


def _rows(
    history: History,
    days: features.Days,
    place: str,
    load: FloatArray,
    around: Mapping[str, FloatArray],
    span: tuple[int, int] | None,
) -> tuple[dict[str, FloatArray], IntArray]:
    """Columns of all hours to forecast of series (s, hours) in one price area, and which series each row belongs to."""
    logs = features.log_load(load)
    known = ~np.isnan(logs)
    newest = history.hours - 1 - np.argmax(known[:, ::-1], axis=1)
    newest_day = days.day[newest]
    table = days.fold(logs)
    base = _Base(days, table)
    weekday = np.array([clock.weekday(days.first + d) for d in range(days.count)])

    wanted = [hours_to_forecast(history.as_of, history.start + HOUR * int(i)) for i in newest]
    if span is not None:
        wanted = [hours[(hours >= span[0]) & (hours < span[1])] for hours in wanted]
    owner = np.repeat(np.arange(len(load)), [len(w) for w in wanted])
    times = np.concatenate(wanted)
    index = (times - history.start) // HOUR
    d, h = days.day[index], days.hour[index]
    w = weekday[d]

    lead = (times - history.as_of) / HOUR
    profile = base.profile[owner, w, h]
    columns: dict[str, FloatArray] = {
        "valid_time": times.astype(np.float64),
        "hour": h.astype(np.float64),
        "lead_h": lead,
        "age_d": (index - newest[owner]) / 24,
        "noise": base.noise[owner] * (1 + (index - newest[owner]) / 24) ** _WIDENING,
    }

    # What of each series' own last days is not in its base.
    last_days = np.maximum(newest_day[:, None] - np.arange(_RECENT_DAYS), 0)
    series = np.arange(len(load))[:, None]
    deviation = table[series, last_days] - base.profile[series, weekday[last_days]]
    columns |= {f"level_{k}d": features.mean(deviation[:, :k], axis=(1, 2))[owner] for k in (1, 3, 7)}
    columns["same_hour_7d"] = features.mean(deviation, axis=1)[owner, h]
    columns["week_1"] = base.newest[owner, w, h] - profile

    sunday = base.profile[owner, 6, h] - profile
    columns["sunday_if_free"] = sunday * np.array([clock.is_free(days.first + x) for x in range(days.count)])[d]
    calendar = [features.calendar(days.first + x) for x in range(days.count)]
    for name in calendar[0]:
        columns[name] = np.array([c[name] for c in calendar])[d]
    columns["trend"] = features.mean(base.trend, axis=1)[owner]
    columns["trend_same_hour"] = base.trend[owner, h]

    for name, grid, smooth in _outside(history, days, place, around):
        outer = days.fold(grid)
        usual = base.of(outer)
        anomaly = outer[d, h] - usual[owner, w, h]
        columns[name] = anomaly
        recent = outer[last_days] - usual[series, weekday[last_days]]
        columns[f"{name}_7d"] = features.mean(recent, axis=(1, 2))[owner]
        if smooth:
            daily = days.fold(features.ewma(grid, _SMOOTH_H))
            columns[f"{name}_daily"] = daily[d, h] - base.of(daily)[owner, w, h]
            columns[f"{name}_same_hour_7d"] = features.mean(recent, axis=1)[owner, h]
    columns["base_mwh"] = np.exp(profile)
    return columns, owner


def _outside(
    history: History, days: features.Days, place: str, around: Mapping[str, FloatArray]
) -> list[tuple[str, FloatArray, bool]]:
    """What moves a series from outside, on the history's grid: name, values, and whether its daily mean counts by itself."""
    nothing = np.full(history.hours, np.nan)
    solar, wind, price = (
        nothing if (v := history.get(q, place)) is None else v
        for q in ("solar_forecast", "onshore_wind_forecast", "day_ahead_price")
    )
    price_of_day = features.mean(days.fold(price), axis=1)[days.day]
    weather = {q: nothing if (v := features.weather(history, place, q)) is None else v for q in WEATHER}
    temperature = weather["temperature"]
    smooth = {hours: np.where(np.isnan(temperature), np.nan, features.ewma(temperature, hours)) for hours in (12, 72)}
    height = features.sun_height(history.times() + HOUR // 2)
    beyond = {"DK1": "DK2", "DK2": "DK1"}.get(place, "")
    with np.errstate(divide="ignore", invalid="ignore"):
        loads = {area: np.log(np.where(load > 0, load, np.nan)) for area, load in around.items()}
    return [
        ("grid", loads.get(place, nothing), True),
        ("beyond", loads.get(beyond, nothing), True),  # has other industry and the same households
        ("dusk", 1 / (1 + np.exp(-(height - 2.0) / 2.5)), False),
        ("sun", np.clip(height, -8.0, 60.0), False),
        ("temperature", smooth[12], False),
        ("temperature_72h", smooth[72], False),
        ("heating", np.maximum(0.0, 16.0 - smooth[12]), False),
        ("cooling", np.maximum(0.0, smooth[12] - 18.0), False),
        ("wind_speed", weather["wind_speed"], False),
        ("global_radiation", weather["global_radiation"], False),
        ("cloud_cover", weather["cloud_cover"], False),
        # Relative to the weeks of the window: capacities grow from year to year.
        ("solar", solar / np.maximum(features.mean(solar), 1.0), False),
        ("wind_power", wind / np.maximum(features.mean(wind), 1.0), False),
        ("price", (price - price_of_day) / (np.abs(price_of_day) + _USUAL_PRICE), False),
        ("price_level", np.log(np.maximum(price_of_day, _LOW_PRICE)), False),
    ]


@functools.lru_cache(maxsize=1)
def names() -> tuple[str, ...]:
    """Names of all inputs `build` makes, in order."""
    start, hours = window(0)
    load = np.where(start + HOUR * np.arange(hours) < 0, 1.0, np.nan)
    matrix, _ = build(History(0, start, hours, {("load", "DK1", "total"): load}), [Consumer("DK1")], {})
    return matrix.names
