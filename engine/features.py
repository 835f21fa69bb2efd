"""From what was known at the issue time to model inputs: pure numpy, the same code for training, live forecasts and backtests.

The target is the logarithm of load over a base profile: the mean log load of the last four clean same-weekday hours (holidays
masked). Everything else says how the hour to forecast differs from those hours: recent deviations from the base, calendar,
weather now and in the base weeks. Missing inputs are NaN.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Iterator

import numpy as np

from engine import clock, geography
from engine.domain import DAY, HORIZON_H, HOUR, LEVELS, MEDIAN, WEATHER, FeatureMatrix, FloatArray, History, IntArray

LOOKBACK_DAYS = 84
#: Days of load that `seasonal` needs: a week less a usual lag.
SEASONAL_DAYS = 6.5
#: Share of its mean load that an hour in which a plant stands still counts as.
_STANDING_STILL = 0.01
#: Weeks looked back for clean same-weekday hours, and how many of them make the base.
_WEEKS = 12
_BASE_WEEKS = 4
_SAME_HOUR_DAYS = 14
_HALF_LIVES_H = (12, 48, 240)
#: Hours over which the change of temperature is an input.
_CHANGES_H = (1, 2, 3, 6, 24)
#: The middle of Denmark, degrees north and east, for the light of day.
_MIDDLE = (55.9, 10.5)


def window(issue_time: int, horizon_h: int = HORIZON_H) -> tuple[int, int]:
    """First hour and number of hours of the history that `build` needs for an issue."""
    first = clock.EPOCH + dt.timedelta(days=int(clock.local_day_hour(np.array([issue_time]))[0][0]) - LOOKBACK_DAYS)
    start = clock.local_midnight(first)
    return start, (clock.floor_hour(issue_time) - start) // HOUR + horizon_h + 1


@functools.lru_cache(maxsize=8192)
def calendar(day: int) -> dict[str, float]:
    """Features of a whole Danish day."""
    date = clock.EPOCH + dt.timedelta(days=day)
    special = clock.special_day(day)
    week = date.isocalendar().week
    angle = 2 * np.pi * (date.timetuple().tm_yday - 1) / 365.25
    features = {f"is_{name}": float(special == name) for name in clock.SPECIAL_DAYS}
    features |= {f"weekday_{d}": float(clock.weekday(day) == d) for d in range(7)}
    features |= {f"{f.__name__}{k}": float(f(k * angle)) for k in (1, 2, 3) for f in (np.sin, np.cos)}
    return features | {
        "free": float(clock.is_free(day)),
        "free_before": float(clock.is_free(day - 1)),
        "free_after": float(clock.is_free(day + 1)),
        "bridge": clock.bridge(day),
        "christmas_weeks": float((date.month, date.day) >= (12, 20) or (date.month, date.day) <= (1, 3)),
        "july": float(date.month == 7),
        "industry_vacation": float(week in (28, 29, 30)),
        "school_vacation": float(week in (7, 42)),
        "weekday": float(clock.weekday(day)),
    }


@functools.lru_cache(maxsize=8192)
def is_unusual(day: int) -> bool:
    """Whether a day is no model for the same weekday of later weeks."""
    date = clock.EPOCH + dt.timedelta(days=day)
    return (
        bool(clock.special_day(day))
        or clock.bridge(day) > 0
        or (date.month, date.day) >= (12, 22)
        or (date.month, date.day) <= (1, 2)
    )


class Days:
    """A history folded into Danish days of 24 hours: cell [d, h] is day `first + d`, hour h.

    The repeated hour in autumn shares a cell (mean of both); the missing hour in spring is the mean of its neighbours.
    """

    def __init__(self, history: History) -> None:
        day, self.hour = clock.local_day_hour(history.times())
        self.first = int(day[0])
        self.day = day - self.first
        self.count = int(self.day[-1]) + 1
        self.cell = self.day * 24 + self.hour
        changes = np.flatnonzero(np.bincount(self.day)[1:-1] != 24) + 1
        self._short = [d for d in changes.tolist() if np.count_nonzero(self.day == d) == 23]
        self._long = [d for d in changes.tolist() if np.count_nonzero(self.day == d) == 25]

    def fold(self, grid: FloatArray) -> FloatArray:
        """(..., count, 24) array of hourly grids (..., hours)."""
        table = np.full((*grid.shape[:-1], self.count * 24), np.nan)
        table[..., self.cell] = grid
        table = table.reshape(*grid.shape[:-1], self.count, 24)
        for d in self._short:
            table[..., d, 2] = (table[..., d, 1] + table[..., d, 3]) / 2
        for d in self._long:
            table[..., d, 2] = mean(grid[..., (self.day == d) & (self.hour == 2)], axis=-1)
        return table

    def unfold(self, table: FloatArray) -> FloatArray:
        """The hourly grid of a (count, 24) array."""
        grid: FloatArray = table.reshape(-1)[self.cell]
        return grid


def mean(values: FloatArray, axis: int | tuple[int, ...] | None = None) -> FloatArray:
    """Mean of what is not NaN; NaN where nothing is."""
    known = ~np.isnan(values)
    count = known.sum(axis=axis)
    total = np.where(known, values, 0.0).sum(axis=axis)
    result: FloatArray = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return result


def _first(values: FloatArray, count: int) -> Iterator[FloatArray]:
    """The first, second ... `count`-th value that is not NaN along axis 0."""
    order = np.cumsum(~np.isnan(values), axis=0)
    for k in range(1, count + 1):
        yield mean(np.where(order == k, values, np.nan), axis=0)


def ewma(values: FloatArray, half_life: float) -> FloatArray:
    """Exponentially weighted mean of an hourly grid up to each hour; hours that are NaN carry no weight."""
    decay = 0.5 ** (1.0 / half_life)
    growth = decay ** -np.arange(len(values), dtype=np.float64)
    known = ~np.isnan(values)
    weight = np.cumsum(np.where(known, growth, 0.0))
    total = np.cumsum(np.where(known, values, 0.0) * growth)
    result: FloatArray = np.where(weight > 0, total / np.maximum(weight, 1e-300), np.nan)
    return result


class _Base:
    """Which of the past weeks make the base of each cell, so that load and weather are averaged over the same hours."""

    def __init__(self, clean: FloatArray) -> None:
        weeks = self._weeks(clean, np.arange(len(clean)))
        known = ~np.isnan(weeks)
        rank = np.cumsum(known, axis=0)
        self.chosen = known & (rank <= _BASE_WEEKS)
        self.profile = mean(np.where(self.chosen, weeks, np.nan), axis=0)
        self.recent = mean(np.where(known & (rank <= 2), weeks, np.nan), axis=0)

    @staticmethod
    def _weeks(table: FloatArray, days: IntArray) -> FloatArray:
        """The same weekdays of past weeks of some days, latest first, shape (weeks, days, 24)."""
        back = days - 7 * np.arange(1, _WEEKS + 1)[:, None]
        weeks: FloatArray = np.where((back >= 0)[:, :, None], table[np.maximum(back, 0)], np.nan)
        return weeks

    def anomaly(self, table: FloatArray, days: IntArray) -> FloatArray:
        """How any table differs from its mean over the hours that make the base; NaN on other days than these."""
        anomaly = np.full_like(table, np.nan)
        anomaly[days] = table[days] - mean(np.where(self.chosen[:, days], self._weeks(table, days), np.nan), axis=0)
        return anomaly


def weather(history: History, area: str, quantity: str) -> FloatArray | None:
    """One quantity of the weather of an area, or of the nearest area around it that has it."""
    for place in geography.ancestors(area):
        values = history.get(quantity, place)
        if values is not None:
            return values
    return None


def weather_keys(history: History, area: str) -> list[tuple[str, str, str]]:
    """Keys of the weather series that `build` uses for an area: its own, else those of the areas it lies in."""
    found = []
    for quantity in WEATHER:
        for place in geography.ancestors(area):
            if (quantity, place, "total") in history.values:
                found.append((quantity, place, "total"))
                break
    return found


def build(history: History, area: str, valid_time: IntArray, consumer_type: str = "total") -> FeatureMatrix | None:
    """Model inputs for the hours `valid_time` of an area, from a history that spans `window(history.as_of)`.

    Returns None when the history holds no load of the area. A row whose base is unknown has NaN as `base_mwh`.
    """
    load = history.get("load", area, consumer_type)
    if load is None:
        return None
    days = Days(history)
    logs = np.log(np.where(load > 0, load, np.nan))
    table = days.fold(logs)
    unusual = np.array([is_unusual(days.first + d) for d in range(days.count)])
    clean = np.where(unusual[:, None], np.nan, table)
    base = _Base(clean)
    deviation = table - base.profile

    index = (valid_time - history.start) // HOUR
    d, h = days.day[index], days.hour[index]
    lead = (valid_time - history.as_of) / HOUR
    east = np.full(len(h), float("DK2" in geography.ancestors(area)))
    columns: dict[str, FloatArray] = {"hour": h.astype(np.float64), "lead_h": lead, "east": east}
    profile = base.profile[d, h]

    newest = int(np.flatnonzero(~np.isnan(logs))[-1])
    recent = days.unfold(deviation)[: newest + 1]
    _add_recent(columns, recent, lead)
    columns["load_lag_h"] = np.full(len(h), (history.as_of - history.start) / HOUR - newest)

    same_hour = np.stack([deviation[np.maximum(d - k, 0), h] for k in range(1, _SAME_HOUR_DAYS + 1)])
    for k, values in enumerate(_first(same_hour, 3), 1):
        columns[f"same_hour_{k}"] = values
    offsets = index - 24 * np.arange(1, _SAME_HOUR_DAYS + 1)[:, None]
    columns["day_lag_1"] = next(_first(days.unfold(deviation)[np.maximum(offsets, 0)], 1))
    weeks = np.stack([table[np.maximum(d - 7 * k, 0), h] for k in range(1, _WEEKS)])
    for k, values in enumerate(_first(weeks, 4), 1):
        columns[f"week_{k}"] = values - profile
    columns["base_trend"] = base.recent[d, h] - profile

    sundays = np.where((np.arange(days.count) + days.first + 3) % 7 == 6, 1.0, np.nan)[:, None] * clean
    last_sundays = np.stack([_rows(sundays, d, k, h) for k in range(1, 7 * 8)])
    columns["sunday"] = mean(np.stack(list(_first(last_sundays, _BASE_WEEKS))), axis=0) - profile
    columns["sunday_if_free"] = columns["sunday"] * np.array([clock.is_free(days.first + int(x)) for x in d])
    columns["same_hour_unusual"] = np.array([is_unusual(days.first + int(x) - 1) for x in d], np.float64)

    target_days, position = np.unique(d, return_inverse=True)
    of_day = [calendar(days.first + int(x)) for x in target_days]
    for name in of_day[0]:
        columns[name] = np.array([c[name] for c in of_day])[position]

    _add_light(columns, history, days, base, index)
    _add_weather(columns, history, area, days, base, index, newest)
    columns["base_mwh"] = np.exp(profile)
    return FeatureMatrix(tuple(columns), valid_time, np.column_stack(list(columns.values())).astype(np.float32))


def log_load(load: FloatArray) -> FloatArray:
    """Logarithms of loads (..., hours) in MWh; an hour in which a plant stands still is one of very little."""
    floor = _STANDING_STILL * mean(load, axis=-1)[..., None]
    with np.errstate(divide="ignore", invalid="ignore"):
        logs: FloatArray = np.log(np.maximum(load, floor))
    return np.where(np.isfinite(logs), logs, np.nan)


def seasonal(history: History, area: str, valid_time: IntArray, consumer_type: str = "total") -> FloatArray | None:
    """Quantiles in MWh, shape (n, LEVELS), from the load's own weekly profile and how far recent days strayed from it.

    Free days take the profile of Sundays. Where a weekday-hour was never seen, the mean of the hour over all known days stands in.
    Returns None where even that is unknown.
    """
    load = history.get("load", area, consumer_type)
    if load is None:
        return None
    days = Days(history)
    table = days.fold(log_load(load))
    unusual = np.array([is_unusual(days.first + d) for d in range(days.count)])
    clean = np.where(unusual[:, None] & (np.count_nonzero(~np.isnan(table)) > 28 * 24), np.nan, table)
    base = _Base(clean)
    hourly = mean(clean, axis=0)
    profile = np.where(np.isnan(base.profile), hourly, base.profile)
    sundays = mean(clean[(np.arange(days.count) + days.first + 3) % 7 == 6], axis=0)
    free = np.array([clock.is_free(days.first + d) for d in range(days.count)])
    profile[free] = np.where(np.isnan(sundays), profile[free], sundays)
    deviation = table - profile
    flat = days.unfold(deviation)
    known = flat[~np.isnan(flat)]
    index = (valid_time - history.start) // HOUR
    middle = profile[days.day[index], days.hour[index]]
    if not len(known) or np.isnan(middle).any():
        return None
    level = float(np.mean(known[-48:]))
    middle = middle + level * np.exp(-np.maximum(valid_time - history.as_of, 0) / (72 * HOUR))
    stray = known[-56 * 24 :] - np.median(known[-56 * 24 :])
    spread = np.quantile(stray, LEVELS) if len(stray) >= 7 * 24 else 0.3 * (np.array(LEVELS) - 0.5)
    quantiles: FloatArray = np.exp(middle[:, None] + spread - spread[MEDIAN])
    return quantiles


@functools.lru_cache(maxsize=1)
def names() -> tuple[str, ...]:
    """Names of all inputs `build` makes, in order."""
    start, hours = window(0)
    history = History(0, start, hours, {("load", "DK1", "total"): np.ones(hours)})
    matrix = build(history, "DK1", np.array([HOUR], np.int64))
    assert matrix is not None
    return matrix.names


def _rows(table: FloatArray, day: IntArray, back: int, hour: IntArray) -> FloatArray:
    """Cells `back` days before (day, hour)."""
    cells: FloatArray = table[np.maximum(day - back, 0), hour]
    return cells


def _add_recent(columns: dict[str, FloatArray], recent: FloatArray, lead: FloatArray) -> None:
    """How the load has deviated from its base up to the newest known hour, also faded with lead time for linear models."""
    last6, last24 = float(mean(recent[-6:])), float(mean(recent[-24:]))
    columns["recent_1h"] = np.full(len(lead), recent[-1])
    columns["recent_6h"] = np.full(len(lead), last6)
    columns["recent_24h"] = np.full(len(lead), last24)
    ahead = np.maximum(lead, 0.0)
    columns["recent_1h_fading_3h"] = recent[-1] * np.exp(-ahead / 3)
    columns["recent_6h_fading_12h"] = last6 * np.exp(-ahead / 12)
    columns["recent_6h_fading_36h"] = last6 * np.exp(-ahead / 36)
    columns["recent_24h_fading_72h"] = last24 * np.exp(-ahead / 72)
    for k in range(7):
        block = recent[max(0, len(recent) - 24 * (k + 1)) : len(recent) - 24 * k]
        columns[f"recent_day_{k + 1}"] = np.full(len(lead), mean(block))


def sun_height(times: IntArray) -> FloatArray:
    """Height of the sun over the horizon of the middle of Denmark, degrees, at these epoch seconds. Spencer 1971, as NOAA uses it."""
    north, east = _MIDDLE
    year = 2 * np.pi * (times / DAY % 365.2422) / 365.2422
    sin, cos, sin2, cos2 = np.sin(year), np.cos(year), np.sin(2 * year), np.cos(2 * year)
    declination = 0.006918 - 0.399912 * cos + 0.070257 * sin - 0.006758 * cos2 + 0.000907 * sin2
    declination += 0.00148 * np.sin(3 * year) - 0.002697 * np.cos(3 * year)
    late_min = 229.18 * (0.000075 + 0.001868 * cos - 0.032077 * sin - 0.014615 * cos2 - 0.040849 * sin2)
    angle = np.radians((times % DAY / 60 + late_min + 4 * east) / 4 - 180)
    latitude = np.radians(north)
    height: FloatArray = np.degrees(
        np.arcsin(np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(angle))
    )
    return height


def _add_light(columns: dict[str, FloatArray], history: History, days: Days, base: _Base, index: IntArray) -> None:
    """Height of the sun and how light it is (0 night, 1 day), and how they differ from the base weeks."""
    height = sun_height(history.times() + HOUR // 2)
    for name, grid in (("sun", np.clip(height, -8.0, 60.0)), ("dusk", 1 / (1 + np.exp(-(height - 2.0) / 2.5)))):
        columns[name] = grid[index]
        columns[f"{name}_anomaly"] = days.unfold(base.anomaly(days.fold(grid), np.unique(days.day[index])))[index]


def _add_weather(
    columns: dict[str, FloatArray], history: History, area: str, days: Days, base: _Base, index: IntArray, newest: int
) -> None:
    """Weather at the hour and how it differs from the base weeks and the last known day."""
    nothing = np.full(history.hours, np.nan)
    grids = {q: nothing if (v := weather(history, area, q)) is None else v for q in WEATHER}
    t = grids["temperature"]
    smooth = {f"temperature_ewma_{hours}h": ewma(t, hours) for hours in _HALF_LIVES_H}
    missing = np.isnan(t)
    for grid in smooth.values():
        grid[missing] = np.nan
    heating = np.maximum(0.0, 16.0 - smooth["temperature_ewma_12h"])
    cooling = np.maximum(0.0, smooth["temperature_ewma_12h"] - 18.0)
    chill = grids["wind_speed"] * heating
    plain = {**grids, **smooth, "heating": heating, "cooling": cooling, "wind_chill": chill}
    for name, grid in plain.items():
        columns[name] = grid[index]
    concerned = np.unique(days.day[np.concatenate([index, np.arange(max(0, newest - 23), newest + 1)])])
    for name in (
        "temperature_ewma_12h",
        "temperature_ewma_240h",
        "heating",
        "cooling",
        "wind_speed",
        "wind_chill",
        "global_radiation",
        "cloud_cover",
    ):
        anomaly = days.unfold(base.anomaly(days.fold(plain[name]), concerned))
        columns[f"{name}_anomaly"] = anomaly[index]
        columns[f"{name}_anomaly_recent"] = np.full(len(index), mean(anomaly[max(0, newest - 23) : newest + 1]))
        columns[f"{name}_anomaly_6h"] = np.full(len(index), mean(anomaly[max(0, newest - 5) : newest + 1]))
    for hours in _CHANGES_H:
        columns[f"temperature_lag_{hours}h"] = t[np.maximum(index - hours, 0)] - t[index]


def is_weather(name: str) -> bool:
    """Whether an input is made from weather."""
    return name.startswith((*WEATHER, "heating", "cooling", "wind_chill"))


def weather_share(features: FeatureMatrix) -> float:
    """Share of the rows that have a temperature."""
    return float(np.mean(~np.isnan(features.column("temperature"))))


def load_days(history: History, area: str, consumer_type: str = "total") -> float:
    """Days' worth of known load hours in a history."""
    load = history.get("load", area, consumer_type)
    return 0.0 if load is None else float(np.count_nonzero(~np.isnan(load))) * HOUR / DAY
