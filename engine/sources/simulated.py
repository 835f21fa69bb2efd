"""A made-up Denmark behind the providers' own interfaces: weather and load as functions of seed and hour, for demo and tests."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt

from engine import clock
from engine.clock import Clock, floor_hour
from engine.domain import DAY, HOUR, FloatArray, IntArray
from engine.geography import AREAS
from engine.sources.fetch import Reply, Request

_RUN_S = 6 * HOUR  # a weather model run starts this often
_PUBLISHED_S = 2 * HOUR
_LATE_S = 9 * HOUR
_PRELIMINARY_S = 3 * DAY
_FINAL_S = 12 * DAY

#: Mean load, MWh, as published for 2024; share lost per K below 15 C and per m/s of wind on a cold day.
_MEAN_LOAD = {"DK1": 2600.0, "DK2": 1500.0}
#: Load over its mean by local hour, from the load of 2019 to 2024 (ENTSO-E, both areas, rounded).
_WORKING = (84, 81, 80, 80, 81, 85, 98, 111, 117, 118, 120, 119, 118, 117, 115, 112, 113, 119, 117, 111, 105, 100, 94, 88)
_DAY_OFF = (81, 78, 77, 76, 75, 76, 79, 85, 92, 97, 100, 100, 100, 99, 98, 97, 100, 107, 106, 101, 96, 92, 88, 84)
_SEASON = 0.085  # half the yearly swing that is not heating

_VERSIONS = ("Initial", "Preliminary", "Final")
_COLUMNS = ("TimeUTC", "TimeDK", "PriceArea", "Version", "GrossCon")
_UNITS = {
    "temperature_2m": "°C",
    "wind_speed_10m": "m/s",
    "shortwave_radiation": "W/m²",
    "relative_humidity_2m": "%",
    "cloud_cover": "%",
}


class SimulatedUpstream:
    """Energi Data Service and Open-Meteo in one `Transport`. The same seed and clock give the same bytes."""

    def __init__(self, clock: Clock, seed: int = 1) -> None:
        self._clock = clock
        self._seed = seed

    def send(self, request: Request, timeout_s: float) -> Reply:  # noqa: ARG002 - it is never late
        """The answer the provider would send now; 404 for what neither serves."""
        path = urlsplit(request.url).path
        if path.startswith("/dataset/"):
            return self._dataset(path.removeprefix("/dataset/"), request.params)
        if path == "/meta/dataset":
            listing = [
                {"datasetName": "GenerationProdTypeExchange", "title": "Generation per type,\nand exchange", "active": True}
            ]
            # The provider sends raw newlines inside strings, which is not valid JSON.
            return _reply(200, json.dumps(listing).replace("\\n", "\n"))
        if path in ("/v1/forecast", "/v1/archive"):
            return self._weather(request.params)
        return _reply(404, "not found")

    def _dataset(self, name: str, params: Mapping[str, str]) -> Reply:
        if name.casefold() != "generationprodtypeexchange":
            return _reply(404, f"dataset not found {name}")
        columns = params["columns"].split(",") if "columns" in params else list(_COLUMNS)
        unknown = [c for c in columns if c not in _COLUMNS]
        if unknown:
            return _reply(400, f"Invalid column {unknown[0]}")
        areas = json.loads(params["filter"])["PriceArea"] if "filter" in params else list(_MEAN_LOAD)
        utc = params.get("timezone", "DK").upper() == "UTC"
        hours = np.arange(_bound(params["start"], utc), _bound(params["end"], utc), HOUR, dtype=np.int64)
        records = self._records(hours, [a for a in areas if a in _MEAN_LOAD], columns)
        limit = int(params.get("limit", "0")) or len(records)
        envelope: dict[str, object] = {"total": len(records)}
        envelope |= {key: params[name] for key, name in (("filters", "filter"), ("sort", "sort")) if name in params}
        envelope |= {"limit": int(params.get("limit", "0")), "dataset": "GenerationProdTypeExchange", "records": records[:limit]}
        return _reply(200, json.dumps(envelope, separators=(",", ":")))

    def _records(self, hours: IntArray, areas: Sequence[str], columns: Sequence[str]) -> list[dict[str, object]]:
        age = self._clock.now() - hours
        stall = self._uniform(11, hours // (6 * HOUR)) < 0.01  # now and then the publication of six hours stalls
        hours = hours[age >= np.where(stall, _LATE_S, _PUBLISHED_S)]
        version = np.searchsorted([_PRELIMINARY_S, _FINAL_S], self._clock.now() - hours, side="right")
        local = (hours + _local_offset(hours)).astype("datetime64[s]").astype(str)
        values = []
        for i, area in enumerate(areas):
            revision = np.choose(version, [0.006, 0.002, 0.0]) * self._normal(21 + i, hours // HOUR)
            load = np.round(self.load(area, hours) * (1 + revision), 6).astype(object)
            load[self._uniform(31 + i, hours // HOUR) < 0.0003] = None
            values.append(load)
        table = {
            "TimeUTC": np.repeat(hours.astype("datetime64[s]").astype(str), len(areas)).tolist(),
            "TimeDK": np.repeat(local, len(areas)).tolist(),
            "PriceArea": list(areas) * len(hours),
            "Version": np.repeat(np.array(_VERSIONS)[version], len(areas)).tolist(),
            "GrossCon": np.stack(values, axis=1).ravel().tolist() if values else [],
        }
        return [dict(zip(columns, row, strict=True)) for row in zip(*(table[c] for c in columns), strict=True)]

    def load(self, area: str, hours: IntArray) -> FloatArray:
        """True load of DK1 or DK2 in MWh."""
        stream = 100 + 10 * list(_MEAN_LOAD).index(area)
        day, hour = clock.local_day_hour(hours)
        days, inverse = np.unique(day, return_inverse=True)
        off = np.array([1.0 if clock.is_free(d) or clock.weekday(d) >= 5 else 0.6 * clock.bridge(d) for d in days.tolist()])
        shape = (1 - off[inverse]) * np.array(_WORKING)[hour] + off[inverse] * np.array(_DAY_OFF)[hour]
        july = (days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12 == 6)[inverse]
        cold = np.maximum(0.0, 15.0 - _mean_of_last(lambda t: self._truth("temperature_2m", area, t), hours))
        relative = (
            shape / 100
            + _SEASON * np.cos(2 * np.pi * _year_angle(hours, 15))
            - 0.05 * july
            + 0.009 * cold
            + 0.0005 * cold * self._truth("wind_speed_10m", area, hours)
            - 0.03 * self._truth("shortwave_radiation", area, hours) / 500
            + 0.027 * self._smooth(stream, hours, (9, 40, 200))
            + 0.006 * self._normal(stream + 9, hours // HOUR)
            - 0.077
        )
        return np.asarray(_MEAN_LOAD[area] * relative, np.float64)

    def _weather(self, params: Mapping[str, str]) -> Reply:
        now = self._clock.now()
        today = now - now % DAY
        if "start_date" in params:
            first, last = (clock.parse_utc(params[name]) for name in ("start_date", "end_date"))
        else:
            first = today - int(params.get("past_days", "0")) * DAY
            last = today + (int(params.get("forecast_days", "7")) - 1) * DAY
        stamps = np.arange(first, last + DAY, HOUR, dtype=np.int64)
        latitudes, longitudes = ([float(x) for x in params[name].split(",")] for name in ("latitude", "longitude"))
        elements = []
        for i, (latitude, longitude) in enumerate(zip(latitudes, longitudes, strict=True)):
            hourly: dict[str, object] = {"time": [t[:16] for t in stamps.astype("datetime64[s]").astype(str).tolist()]}
            for column in params["hourly"].split(","):
                variable, _, days_before = column.partition("_previous_day")
                if variable not in _UNITS:
                    return _reply(400, json.dumps({"error": True, "reason": f"Cannot initialize String value {column}."}))
                hourly[column] = self._column(variable, int(days_before or 0), (latitude, longitude), stamps, now)
            element = {
                "latitude": round(latitude, 2),
                "longitude": round(longitude, 2),
                "generationtime_ms": 0.5,
                "utc_offset_seconds": 0,
                "timezone": "GMT",
                "timezone_abbreviation": "GMT",
                "elevation": 10.0,
                **({"location_id": i} if i else {}),
                "hourly_units": {"time": "iso8601"} | {c: _UNITS[c.partition("_previous_day")[0]] for c in hourly if c != "time"},
                "hourly": hourly,
            }
            elements.append(element)
        answer: object = elements if len(elements) > 1 else elements[0]
        return _reply(200, json.dumps(answer, separators=(",", ":")))

    def _column(
        self, variable: str, days_before: int, point: tuple[float, float], stamps: IntArray, now: int
    ) -> list[float | None]:
        """Values as known `days_before` days before each stamp (0: as known now); None where that is still to come."""
        # Radiation is the mean of the hour before its stamp, everything else holds at the stamp.
        hours = stamps - HOUR if variable == "shortwave_radiation" else stamps
        area = "DK1" if point[1] < 10.9 else "DK2"
        known = np.minimum(stamps - days_before * DAY, floor_hour(now))
        run = np.minimum(known, stamps) // _RUN_S
        lead_days = np.maximum(0, hours - run * _RUN_S) / DAY
        value = self._forecast(variable, area, hours, run, lead_days)
        if variable == "temperature_2m":
            value = value + 0.3 * self._smooth(int(point[0] * 1e4) * 7 + int(point[1] * 1e4), hours, (24, 96))
        column = value.round(1).astype(object)
        if days_before:
            column[stamps - days_before * DAY > now] = None
        numbers: list[float | None] = column.tolist()
        return numbers

    def _forecast(self, variable: str, area: str, hours: IntArray, run: IntArray, lead_days: FloatArray) -> FloatArray:
        """Truth with an error that grows with lead time and hangs together within a run."""
        stream = 1000 + list(_UNITS).index(variable)
        error = self._smooth(stream, hours, (12, 72), run) * np.minimum(1.0, np.sqrt(lead_days / 7))
        value = self._truth(variable, area, hours)
        if variable == "temperature_2m":
            value = value + 3.0 * error
        elif variable == "wind_speed_10m":
            value = np.maximum(0.0, value + 2.5 * error)
        elif variable == "shortwave_radiation":
            clear_sky = 990 * _sun_height(area, hours + HOUR // 2) ** 1.15
            value = np.clip(value * (1 + 0.4 * error), 0.2 * clear_sky, clear_sky)
        else:
            value = np.clip(value + (30.0 if variable == "cloud_cover" else 10.0) * error, 0, 100)
        return value

    def _truth(self, variable: str, area: str, hours: IntArray) -> FloatArray:
        """What the weather of a price area is."""
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
            cloud = self._truth("cloud_cover", area, hours)
            value = 990 * _sun_height(area, hours + HOUR // 2) ** 1.15 * (1 - 0.72 * (cloud / 100) ** 2.5)
        else:
            noise = self._regional(4, area, hours, (12, 60))
            value = np.clip(82 - 5 * summer - (6 + 6 * summer) * afternoon + 6 * noise, 25, 100)
        return value

    def _regional(self, stream: int, area: str, hours: IntArray, periods_h: Sequence[int]) -> FloatArray:
        """Noise of unit variance that the areas share but for a third of its deviation."""
        own = stream * 10 + 1 + list(_MEAN_LOAD).index(area)
        return 0.94 * self._smooth(stream * 10, hours, periods_h) + 0.34 * self._smooth(own, hours, periods_h)

    def _smooth(self, stream: int, hours: IntArray, periods_h: Sequence[int], run: IntArray | None = None) -> FloatArray:
        """About unit variance, varying over all of the periods; a function of seed, stream, hour (and run) alone."""
        total = np.zeros(len(hours))
        for i, period in enumerate(periods_h):
            knot, part = np.divmod(hours // HOUR, period)
            share = (part / period) ** 2 * (3 - 2 * part / period)
            low, high = (self._normal(stream * 100 + i, knot + shift, run) for shift in (0, 1))
            total += low * (1 - share) + high * share
        # Between knots the variance falls to about three quarters on average.
        total /= np.sqrt(0.74 * len(periods_h))
        return total

    def _normal(self, stream: int, index: IntArray, run: IntArray | None = None) -> FloatArray:
        """Nearly normal: the sum of four 16-bit uniforms of one hash."""
        bits = self._hash(stream, index, run)
        total = sum((bits >> np.uint64(16 * k) & np.uint64(0xFFFF)).astype(np.float64) for k in range(4))
        return np.asarray((total / 65536 - 2.0) * np.sqrt(3.0), np.float64)

    def _uniform(self, stream: int, index: IntArray) -> FloatArray:
        return np.asarray(self._hash(stream, index, None) / 2.0**64, np.float64)

    def _hash(self, stream: int, index: IntArray, run: IntArray | None) -> npt.NDArray[np.uint64]:
        """SplitMix64 (Steele, Lea, Flood 2014) of a counter made of seed, stream, index and run."""
        x = index.astype(np.uint64) + np.uint64((self._seed * 0x632BE59BD9B4E019 + stream * 0xD1342543DE82EF95) % 2**64)
        if run is not None:
            x = x + run.astype(np.uint64) * np.uint64(0xA0761D6478BD642F)
        for multiplier, shift in ((0xBF58476D1CE4E5B9, 30), (0x94D049BB133111EB, 27)):
            x = (x ^ (x >> np.uint64(shift))) * np.uint64(multiplier)
        return x ^ (x >> np.uint64(31))


def _mean_of_last(value: Callable[[IntArray], FloatArray], hours: IntArray, count: int = 12) -> FloatArray:
    """Mean over each hour and the `count` - 1 hours before it: buildings are slow."""
    if not len(hours):
        return np.empty(0)
    grid = np.arange(hours.min() - (count - 1) * HOUR, hours.max() + HOUR, HOUR, dtype=np.int64)
    sums: FloatArray = np.concatenate([[0.0], np.cumsum(value(grid))])
    means: FloatArray = ((sums[count:] - sums[:-count]) / count)[(hours - hours.min()) // HOUR]
    return means


def _year_angle(hours: IntArray, coldest_day: int) -> FloatArray:
    return np.asarray((hours / DAY - coldest_day) / 365.2425, np.float64)


def _sun_height(area: str, t: IntArray) -> FloatArray:
    """Sine of the sun's height over the horizon, 0 at night."""
    latitude, longitude = np.average([p[:2] for p in AREAS[area].points], axis=0, weights=[p[2] for p in AREAS[area].points])
    declination = np.radians(-23.44) * np.cos(2 * np.pi * _year_angle(t, -10))
    hour_angle = 2 * np.pi * ((t % DAY) / DAY + longitude / 360 - 0.5)
    phi = np.radians(latitude)
    height = np.sin(phi) * np.sin(declination) + np.cos(phi) * np.cos(declination) * np.cos(hour_angle)
    above: FloatArray = np.maximum(0.0, height)
    return above


def _local_offset(hours: IntArray) -> IntArray:
    day, hour = clock.local_day_hour(hours)
    return day * DAY + hour * HOUR - hours


def _bound(text: str, utc: bool) -> int:
    """A start or end as the provider reads it: Danish time unless UTC is asked for."""
    t = clock.parse_utc((text if "T" in text else f"{text}T00:00") + "Z")
    if utc:
        return t
    return t - int(_local_offset(np.array([t - HOUR]))[0])


def _reply(status: int, text: str) -> Reply:
    kind = "application/json" if text[:1] in "[{" else "text/plain"
    return Reply(status, {"content-type": kind}, text.encode())
