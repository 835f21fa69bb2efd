"""A made-up Denmark: weather, load, wind and solar power and prices as functions of seed and hour alone, true and as forecast."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from engine import clock, geography
from engine.domain import DAY, HOUR, FloatArray, IntArray

RUN_S = 6 * HOUR  # a weather model run starts this often
#: Mean load, MWh, as published for 2024.
MEAN_LOAD = {"DK1": 2600.0, "DK2": 1500.0}
WEATHER = ("temperature_2m", "wind_speed_10m", "shortwave_radiation", "relative_humidity_2m", "cloud_cover")
#: Power that stands in each area, MW, about as in 2025; and wind at hub height over wind at 10 m in towns.
CAPACITY = {
    ("Solar", "DK1"): 3300.0,
    ("Solar", "DK2"): 1300.0,
    ("Onshore Wind", "DK1"): 4000.0,
    ("Onshore Wind", "DK2"): 750.0,
    ("Offshore Wind", "DK1"): 1700.0,
    ("Offshore Wind", "DK2"): 1000.0,
}
_HUB_WIND = {"Onshore Wind": 1.45, "Offshore Wind": 1.75}

#: Load over its mean by local hour, from the load of 2019 to 2024 (ENTSO-E, both areas, rounded).
_WORKING = (84, 81, 80, 80, 81, 85, 98, 111, 117, 118, 120, 119, 118, 117, 115, 112, 113, 119, 117, 111, 105, 100, 94, 88)
_DAY_OFF = (81, 78, 77, 76, 75, 76, 79, 85, 92, 97, 100, 100, 100, 99, 98, 97, 100, 107, 106, 101, 96, 92, 88, 84)
_SEASON = 0.085  # half the yearly swing that is not heating
#: Prices: mean, EUR/MWh, at a mean residual load of Denmark, MW, and what one MW of it adds.
_PRICE, _RESIDUAL, _PER_MW = 65.0, 1300.0, 0.018
_REVISED_S = 3 * HOUR  # the grid operator renews its load forecast this often


class Noise:
    """Deterministic noise: the same seed, stream and index give the same number, on any machine and in any order."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def smooth(self, stream: int, hours: IntArray, periods_h: Sequence[int], run: IntArray | None = None) -> FloatArray:
        """About unit variance, varying over all of the periods; a function of seed, stream, hour (and run) alone."""
        total = np.zeros(len(hours))
        for i, period in enumerate(periods_h):
            knot, part = np.divmod(hours // HOUR, period)
            share = (part / period) ** 2 * (3 - 2 * part / period)
            low, high = (self.normal(stream * 100 + i, knot + shift, run) for shift in (0, 1))
            total += low * (1 - share) + high * share
        # Between knots the variance falls to about three quarters on average.
        total /= np.sqrt(0.74 * len(periods_h))
        return total

    def normal(self, stream: int, index: IntArray, run: IntArray | None = None) -> FloatArray:
        """Nearly normal: the sum of four 16-bit uniforms of one hash."""
        bits = self._hash(stream, index, run)
        total = sum((bits >> np.uint64(16 * k) & np.uint64(0xFFFF)).astype(np.float64) for k in range(4))
        return np.asarray((total / 65536 - 2.0) * np.sqrt(3.0), np.float64)

    def uniform(self, stream: int, index: IntArray) -> FloatArray:
        """Between 0 and 1."""
        return np.asarray(self._hash(stream, index, None) / 2.0**64, np.float64)

    def _hash(self, stream: int, index: IntArray, run: IntArray | None) -> npt.NDArray[np.uint64]:
        """SplitMix64 (Steele, Lea, Flood 2014) of a counter made of seed, stream, index and run."""
        x = index.astype(np.uint64) + np.uint64((self._seed * 0x632BE59BD9B4E019 + stream * 0xD1342543DE82EF95) % 2**64)
        if run is not None:
            x = x + run.astype(np.uint64) * np.uint64(0xA0761D6478BD642F)
        for multiplier, shift in ((0xBF58476D1CE4E5B9, 30), (0x94D049BB133111EB, 27)):
            x = (x ^ (x >> np.uint64(shift))) * np.uint64(multiplier)
        return x ^ (x >> np.uint64(31))


class World:
    """What is true, and what forecasters say of it. Areas are DK1 and DK2, hours epoch seconds, energy MWh per hour."""

    def __init__(self, seed: int) -> None:
        self._noise = Noise(seed)

    def load(self, area: str, hours: IntArray) -> FloatArray:
        """True load."""
        stream = 100 + 10 * list(MEAN_LOAD).index(area)
        day, hour = clock.local_day_hour(hours)
        days, inverse = np.unique(day, return_inverse=True)
        off = np.array([1.0 if clock.is_free(d) or clock.weekday(d) >= 5 else 0.6 * clock.bridge(d) for d in days.tolist()])
        shape = (1 - off[inverse]) * np.array(_WORKING)[hour] + off[inverse] * np.array(_DAY_OFF)[hour]
        july = (days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12 == 6)[inverse]
        cold = np.maximum(0.0, 15.0 - _mean_of_last(lambda t: self.weather("temperature_2m", area, t), hours))
        relative = (
            shape / 100
            + _SEASON * np.cos(2 * np.pi * _year_angle(hours, 15))
            - 0.05 * july
            + 0.009 * cold
            + 0.0005 * cold * self.weather("wind_speed_10m", area, hours)
            - 0.03 * self.weather("shortwave_radiation", area, hours) / 500
            + 0.027 * self._noise.smooth(stream, hours, (9, 40, 200))
            + 0.006 * self._noise.normal(stream + 9, hours // HOUR)
            - 0.077
        )
        return np.asarray(MEAN_LOAD[area] * relative, np.float64)

    def load_forecast(self, area: str, now: int, hours: IntArray) -> FloatArray:
        """Load as the grid operator forecasts it now: some 2 % off the day before, half of that in the last hour."""
        stream = 300 + 10 * list(MEAN_LOAD).index(area)
        revision = np.minimum(now, hours) // _REVISED_S
        scale = 0.02 * np.sqrt(np.clip((hours - revision * _REVISED_S) / DAY, 0.25, 1.5))
        lasting, passing = self._noise.smooth(stream, hours, (8, 30)), self._noise.smooth(stream + 1, hours, (4, 12), revision)
        return np.asarray(self.load(area, hours) * (1 + scale * (0.9 * lasting + 0.45 * passing)), np.float64)

    def power_forecast(self, kind: str, area: str, hours: IntArray, known: IntArray) -> FloatArray:
        """Solar or wind power of CAPACITY as forecast from the weather run that was out at each `known`."""
        run = (np.minimum(known, hours) - 5 * HOUR) // RUN_S
        variable = "shortwave_radiation" if kind == "Solar" else "wind_speed_10m"
        weather = self.forecast(variable, area, hours, run, (hours - run * RUN_S) / DAY)
        share = 0.85 * weather / 1000 if kind == "Solar" else _power_curve(_HUB_WIND[kind] * weather)
        return np.asarray(CAPACITY[kind, area] * share, np.float64)

    def price(self, area: str, hours: IntArray) -> FloatArray:
        """Day-ahead price, EUR/MWh: it follows the load of Denmark that wind and sun are forecast to leave to others."""
        day, _ = clock.local_day_hour(hours)
        auction = clock.local_day_time(day - 1, 12)
        residual = np.sum([self.load(each, hours) for each in MEAN_LOAD], axis=0)
        residual -= np.sum([self.power_forecast(kind, each, hours, auction) for kind, each in CAPACITY], axis=0)
        fuel = 12 * self._noise.smooth(400, hours, (240, 900))
        own = 4 * self._noise.smooth(410 + list(MEAN_LOAD).index(area), hours, (12, 60))
        price = _PRICE + _PER_MW * (residual - _RESIDUAL) + fuel + own + (5 if area == "DK2" else 0)
        return np.asarray(np.where(price < 0, 0.4 * price, price), np.float64)

    def forecast_at(
        self, variable: str, point: tuple[float, float], hours: IntArray, run: IntArray, lead_days: FloatArray
    ) -> FloatArray:
        """`forecast` at a place (latitude, longitude), which may be warmer or colder than its area."""
        value = self.forecast(variable, "DK1" if point[1] < 10.9 else "DK2", hours, run, lead_days)
        if variable == "temperature_2m":
            value = value + 0.3 * self._noise.smooth(int(point[0] * 1e4) * 7 + int(point[1] * 1e4), hours, (24, 96))
        return value

    def forecast(self, variable: str, area: str, hours: IntArray, run: IntArray, lead_days: FloatArray) -> FloatArray:
        """Truth with an error that grows with lead time and hangs together within a run."""
        stream = 1000 + WEATHER.index(variable)
        error = self._noise.smooth(stream, hours, (12, 72), run) * np.minimum(1.0, np.sqrt(lead_days / 7))
        value = self.weather(variable, area, hours)
        if variable == "temperature_2m":
            value = value + 3.0 * error
        elif variable == "wind_speed_10m":
            value = np.maximum(0.0, value + 2.5 * error)
        elif variable == "shortwave_radiation":
            clear_sky = _clear_sky(area, hours)
            value = np.clip(value * (1 + 0.4 * error), 0.2 * clear_sky, clear_sky)
        else:
            value = np.clip(value + (30.0 if variable == "cloud_cover" else 10.0) * error, 0, 100)
        return value

    def weather(self, variable: str, area: str, hours: IntArray) -> FloatArray:
        """What the weather of a price area is: one of WEATHER, in Open-Meteo's units."""
        summer = -np.cos(2 * np.pi * _year_angle(hours, 20))
        afternoon = np.cos(2 * np.pi * ((hours % DAY) / HOUR - 13.5) / 24)
        value: FloatArray
        if variable == "temperature_2m":
            noise = self._regional(1, area, hours, (10, 50, 240))
            value = 8.9 + 8.1 * summer + (2.3 + 1.7 * summer) * afternoon + 3.0 * noise
        elif variable == "wind_speed_10m":
            value = 5.2 * (1 - 0.15 * summer) * np.exp(0.36 * self._regional(2, area, hours, (8, 40, 120)))
        elif variable == "cloud_cover":
            value = np.clip(62 - 12 * summer + 38 * self._regional(3, area, hours, (7, 30, 110)), 0, 100)
        elif variable == "shortwave_radiation":
            cloud = self.weather("cloud_cover", area, hours)
            value = _clear_sky(area, hours) * (1 - 0.72 * (cloud / 100) ** 2.5)
        else:
            noise = self._regional(4, area, hours, (12, 60))
            value = np.clip(82 - 5 * summer - (6 + 6 * summer) * afternoon + 6 * noise, 25, 100)
        return value

    def _regional(self, stream: int, area: str, hours: IntArray, periods_h: Sequence[int]) -> FloatArray:
        """Noise of unit variance that the areas share but for a third of its deviation."""
        own = stream * 10 + 1 + list(MEAN_LOAD).index(area)
        return 0.94 * self._noise.smooth(stream * 10, hours, periods_h) + 0.34 * self._noise.smooth(own, hours, periods_h)


def _mean_of_last(value: Callable[[IntArray], FloatArray], hours: IntArray, count: int = 12) -> FloatArray:
    """Mean over each hour and the `count` - 1 hours before it: buildings are slow."""
    if not len(hours):
        return np.empty(0)
    grid = np.arange(hours.min() - (count - 1) * HOUR, hours.max() + HOUR, HOUR, dtype=np.int64)
    sums: FloatArray = np.concatenate([[0.0], np.cumsum(value(grid))])
    means: FloatArray = ((sums[count:] - sums[:-count]) / count)[(hours - hours.min()) // HOUR]
    return means


def _power_curve(wind: FloatArray) -> FloatArray:
    """Share of the capacity of many turbines, which start and end one after the other, at a wind speed at hub height, m/s."""
    return np.asarray(np.clip(1 / (1 + np.exp((10.5 - wind) / 1.9)) - 0.004, 0.0, 1.0), np.float64)


def _year_angle(hours: IntArray, coldest_day: int) -> FloatArray:
    return np.asarray((hours / DAY - coldest_day) / 365.2425, np.float64)


def _clear_sky(area: str, hours: IntArray) -> FloatArray:
    """Global radiation without clouds, W/m2."""
    return np.asarray(990 * np.maximum(0.0, geography.sun_height(area, hours + HOUR // 2)) ** 1.15, np.float64)
