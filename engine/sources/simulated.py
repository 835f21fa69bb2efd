"""The providers' own interfaces in front of a made-up Denmark: what they would send now, for demo and tests."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

import numpy as np

from engine import clock, geography
from engine.clock import Clock, floor_hour, iso, local_day_hour, local_day_time
from engine.domain import DAY, HOUR, Consumer, FloatArray, IntArray
from engine.sources.entsoe import ZONES
from engine.sources.fetch import Reply, Request
from engine.sources.meters import CATEGORIES, GRID_AREAS, INDUSTRIES, MUNICIPALITIES, Meters
from engine.sources.world import MEAN_LOAD, RUN_S, Noise, World

_PUBLISHED_S = 2 * HOUR
_LATE_S = 9 * HOUR
_PRELIMINARY_S = 3 * DAY
_FINAL_S = 12 * DAY
_QUARTER_S = 15 * 60
_VERSIONS = ("Initial", "Preliminary", "Final")
_UNITS = {
    "temperature_2m": "°C",
    "wind_speed_10m": "m/s",
    "shortwave_radiation": "W/m²",
    "relative_humidity_2m": "%",
    "cloud_cover": "%",
}
_FORECAST_TYPES = ("Offshore Wind", "Onshore Wind", "Solar")
_CATEGORY_NAMES = {"household": "Privat", "business": "Erhverv", "public": "Offentlige foretagender"}
_AUCTION_OF_QUARTERS = clock.parse_utc("2025-09-30T22:00Z")

#: A table of an Energi Data Service dataset: cells by column, in the order of time, area and so on.
_Table = Mapping[str, Sequence[object]]
#: Makes one for start, end, areas and at least these columns.
_Make = Callable[[int, int, Sequence[str], Sequence[str]], _Table]


class SimulatedUpstream:
    """Energi Data Service, Open-Meteo and ENTSO-E in one `Transport`. The same seed and clock give the same bytes."""

    def __init__(self, clock: Clock, seed: int = 1) -> None:
        self._clock = clock
        self._noise = Noise(seed)
        self.world = World(seed)
        self.meters = Meters(self.world, self._noise)
        self._datasets: Mapping[str, tuple[Sequence[str], _Make]] = {
            "GenerationProdTypeExchange": (("TimeUTC", "TimeDK", "PriceArea", "Version", "GrossCon"), self._loads),
            "Forecasts_Hour": (
                ("HourUTC", "HourDK", "PriceArea", "ForecastType", "ForecastDayAhead", "ForecastCurrent"),
                self._power_forecasts,
            ),
            "DayAheadPrices": (("TimeUTC", "TimeDK", "PriceArea", "DayAheadPriceEUR"), self._quarter_prices),
            "Elspotprices": (("HourUTC", "HourDK", "PriceArea", "SpotPriceEUR"), self._hour_prices),
            "ProductionConsumptionSettlement": (
                ("HourUTC", "HourDK", "PriceArea", "LocalPowerSelfConMWh", "GrossConsumptionMWh"),
                self._settlement,
            ),
            "ConsumptionConsumerCategoryHour": (
                ("TimeUTC", "TimeDK", "RegionName", "ConsumerCategory2", "ConsumerCategory3", "ConsumptionkWh"),
                self._regions,
            ),
            "PrivateConsumptionHeatingHour": (
                ("TimeUTC", "TimeDK", "MunicipalityCode", "HousingCategory", "HeatingCategory", "ConsumptionkWh"),
                self._municipalities,
            ),
            "ConsumptionDK3619IndustryHour": (("TimeUTC", "TimeDK", "DK36Code", "Consumption_MWh"), self._industries),
            "ConsumptionGridAreaHour": (("TimeUTC", "TimeDK", "PriceArea", "GridArea", "ConsumptionkWh"), self._grid_areas),
        }

    def send(self, request: Request, timeout_s: float) -> Reply:  # noqa: ARG002 - it is never late
        """The answer the provider would send now; 404 for what none of them serves."""
        path = urlsplit(request.url).path
        if path.startswith("/dataset/"):
            return self._dataset(path.removeprefix("/dataset/"), request.params)
        if path == "/meta/dataset":
            listing = [{"datasetName": name, "title": f"{name},\nsimulated", "active": True} for name in self._datasets]
            # The provider sends raw newlines inside strings, which is not valid JSON.
            return _reply(200, json.dumps(listing).replace("\\n", "\n"))
        if path in ("/v1/forecast", "/v1/archive"):
            return self._weather(request.params)
        if path == "/api":
            return self._load_forecast(request.params)
        return _reply(404, "not found")

    # -- Energi Data Service --------------------------------------------------------------------------------------

    def _dataset(self, name: str, params: Mapping[str, str]) -> Reply:
        known = next((known for known in self._datasets if known.casefold() == name.casefold()), None)
        if known is None:
            return _reply(404, f"dataset not found {name}")
        all_columns, make = self._datasets[known]
        columns = params["columns"].split(",") if "columns" in params else list(all_columns)
        unknown = [c for c in columns if c not in all_columns]
        if unknown:
            return _reply(400, f"Invalid column {unknown[0]}")
        areas = json.loads(params["filter"])["PriceArea"] if "filter" in params else list(MEAN_LOAD)
        utc = params.get("timezone", "DK").upper() == "UTC"
        table = make(_bound(params["start"], utc), _bound(params["end"], utc), [a for a in areas if a in MEAN_LOAD], columns)
        records = [dict(zip(columns, row, strict=True)) for row in zip(*(table[c] for c in columns), strict=True)]
        limit = int(params.get("limit", "0")) or len(records)
        envelope: dict[str, object] = {"total": len(records)}
        envelope |= {key: params[name] for key, name in (("filters", "filter"), ("sort", "sort")) if name in params}
        envelope |= {"limit": int(params.get("limit", "0")), "dataset": known, "records": records[:limit]}
        return _reply(200, json.dumps(envelope, separators=(",", ":")))

    def _loads(self, start: int, end: int, areas: Sequence[str], _: Sequence[str]) -> _Table:
        hours = np.arange(start, end, HOUR, dtype=np.int64)
        age = self._clock.now() - hours
        stall = self._noise.uniform(11, hours // (6 * HOUR)) < 0.01  # now and then the publication of six hours stalls
        hours = hours[age >= np.where(stall, _LATE_S, _PUBLISHED_S)]
        version = np.searchsorted([_PRELIMINARY_S, _FINAL_S], self._clock.now() - hours, side="right")
        values = []
        for i, area in enumerate(areas):
            revision = np.choose(version, [0.006, 0.002, 0.0]) * self._noise.normal(21 + i, hours // HOUR)
            load = np.round(self.world.load(area, hours) * (1 + revision), 6).astype(object)
            load[self._noise.uniform(31 + i, hours // HOUR) < 0.0003] = None
            values.append(load)
        versions = np.repeat(np.array(_VERSIONS)[version], len(areas)).tolist()
        return _times("Time", hours, len(areas)) | {
            "PriceArea": list(areas) * len(hours),
            "Version": versions,
            "GrossCon": _by_time(values),
        }

    def _power_forecasts(self, start: int, end: int, areas: Sequence[str], columns: Sequence[str]) -> _Table:
        """Rows to the end of tomorrow, whose day-ahead forecast is empty until the evening."""
        now = self._clock.now()
        day, _ = local_day_hour(np.array([now], np.int64))
        hours = np.arange(start, min(end, int(local_day_time(day + 1, 23)[0]) + HOUR), HOUR, dtype=np.int64)
        evening = local_day_time(local_day_hour(hours)[0] - 1, 18) - _QUARTER_S
        kinds = [(area, kind) for area in areas for kind in _FORECAST_TYPES]
        forecasts: dict[str, list[object]] = {}
        known_by = {"ForecastDayAhead": evening, "ForecastCurrent": np.minimum(now, hours)}
        for name, known in ((name, known_by[name]) for name in columns if name in known_by):
            values = [np.round(self.world.power_forecast(kind, area, hours, known), 6).astype(object) for area, kind in kinds]
            for value in values:
                value[known > now] = None
            forecasts[name] = _by_time(values)
        return _times("Hour", hours, len(kinds)) | {
            "PriceArea": [area for area, _ in kinds] * len(hours),
            "ForecastType": [kind for _, kind in kinds] * len(hours),
            **forecasts,
        }

    def _quarter_prices(self, start: int, end: int, areas: Sequence[str], _: Sequence[str]) -> _Table:
        hours = self._auctioned(max(start, _AUCTION_OF_QUARTERS), end)
        quarters = (hours[:, None] + _QUARTER_S * np.arange(4)).ravel()
        values = [_quarters(functools.partial(self.world.price, area), hours).round(2) for area in areas]
        return _times("Time", quarters, len(areas)) | {
            "PriceArea": list(areas) * len(quarters),
            "DayAheadPriceEUR": _by_time(values),
        }

    def _hour_prices(self, start: int, end: int, areas: Sequence[str], _: Sequence[str]) -> _Table:
        hours = self._auctioned(start, min(end, _AUCTION_OF_QUARTERS))
        return _times("Hour", hours, len(areas)) | {
            "PriceArea": list(areas) * len(hours),
            "SpotPriceEUR": _by_time([self.world.price(area, hours).round(2) for area in areas]),
        }

    def _auctioned(self, start: int, end: int) -> IntArray:
        """Hours of [start, end) whose prices are out: just before 13:00 of the day before, now and then an hour later."""
        hours = np.arange(start, end, HOUR, dtype=np.int64)
        day, _ = local_day_hour(hours)
        delay = np.where(self._noise.uniform(41, day) < 0.03, HOUR, -180)
        return np.asarray(hours[local_day_time(day - 1, 13) + delay <= self._clock.now()], np.int64)

    # -- what is metered, in Energi Data Service's datasets -----------------------------------------------------------

    def _metered_hours(self, start: int, end: int) -> IntArray:
        hours = np.arange(start, end, HOUR, dtype=np.int64)
        return np.asarray(hours[self.meters.published_at(hours) <= self._clock.now()], np.int64)

    def _kwh(self, hours: IntArray, mwh: FloatArray) -> FloatArray:
        return np.round(1e3 * mwh * self.meters.revision(hours, self._clock.now()), 3)

    def _settlement(self, start: int, end: int, areas: Sequence[str], _: Sequence[str]) -> _Table:
        hours = self._metered_hours(start, end)
        own = [self.meters.self_consumption(area, hours).round(6) for area in areas]
        revision = self.meters.revision(hours, self._clock.now())
        gross = [(self.world.load(area, hours) * revision + part).round(6) for area, part in zip(areas, own, strict=True)]
        return _times("Hour", hours, len(areas)) | {
            "PriceArea": list(areas) * len(hours),
            "LocalPowerSelfConMWh": _by_time(own),
            "GrossConsumptionMWh": _by_time(gross),
        }

    def _regions(self, start: int, end: int, _: Sequence[str], __: Sequence[str]) -> _Table:
        """Two regions under the name of the one they became, from the day on which they did."""
        hours = self._metered_hours(start, end)
        merged = hours >= geography.MERGER
        tables = []
        for part in (~merged, merged):
            loads = self.meters.regions(hours[part])
            for successor, before in geography.SUCCEEDED.items() if part is merged else ():
                for kind in _CATEGORY_NAMES:
                    loads[Consumer(successor, kind)] = np.sum([loads.pop(Consumer(region, kind)) for region in before], axis=0)
            names = [_CATEGORY_NAMES[kind] for _, kind in loads]
            tables.append(
                _times("Time", hours[part], len(loads))
                | {
                    "RegionName": [geography.name(region, "da") for region, _ in loads] * int(part.sum()),
                    "ConsumerCategory2": ["Privat" if name == "Privat" else "Erhverv" for name in names] * int(part.sum()),
                    "ConsumerCategory3": names * int(part.sum()),
                    "ConsumptionkWh": _by_time([self._kwh(hours[part], load) for load in loads.values()]),
                }
            )
        return {column: [*tables[0][column], *tables[1][column]] for column in tables[0]}

    def _municipalities(self, start: int, end: int, _: Sequence[str], __: Sequence[str]) -> _Table:
        hours = self._metered_hours(start, end)
        loads = self.meters.households(hours)
        rows = [(int(code), *category) for code in MUNICIPALITIES for category in CATEGORIES]
        values = np.repeat(loads, len(CATEGORIES), axis=0) * np.array([share for *_, share in rows])[:, None]
        return _times("Time", hours, len(rows)) | {
            "MunicipalityCode": [row[0] for row in rows] * len(hours),
            "HousingCategory": [row[1] for row in rows] * len(hours),
            "HeatingCategory": [row[2] for row in rows] * len(hours),
            "ConsumptionkWh": self._kwh(hours, values).T.ravel().tolist(),
        }

    def _industries(self, start: int, end: int, _: Sequence[str], __: Sequence[str]) -> _Table:
        hours = self._metered_hours(start, end)
        return _times("Time", hours, len(INDUSTRIES)) | {
            "DK36Code": list(INDUSTRIES) * len(hours),
            "Consumption_MWh": _by_time([self._kwh(hours, self.meters.industry(code, hours)) / 1e3 for code in INDUSTRIES]),
        }

    def _grid_areas(self, start: int, end: int, areas: Sequence[str], _: Sequence[str]) -> _Table:
        hours = self._metered_hours(start, end)
        codes = [(area, code) for area in areas for code in GRID_AREAS[area]]
        return _times("Time", hours, len(codes)) | {
            "PriceArea": [area for area, _ in codes] * len(hours),
            "GridArea": [code for _, code in codes] * len(hours),
            "ConsumptionkWh": _by_time([self._kwh(hours, self.meters.grid_area(*code, hours)) for code in codes]),
        }

    # -- ENTSO-E --------------------------------------------------------------------------------------------------

    def _load_forecast(self, params: Mapping[str, str]) -> Reply:
        """DK1 in quarters of an hour with repeated values left out, DK2 in hours with all of them."""
        area = next((area for area, zone in ZONES.items() if zone == params.get("outBiddingZone_Domain")), None)
        if area is None or (params.get("documentType"), params.get("processType")) != ("A65", "A01"):
            return _acknowledgement(400, "Delivered parameters are not valid for any data item.")
        start, end = (_stamp(params[name]) for name in ("periodStart", "periodEnd"))
        hours = np.arange(start, end, HOUR, dtype=np.int64)
        # The law wants tomorrow's forecast two hours before the auction closes at noon.
        now = self._clock.now()
        hours = hours[local_day_time(local_day_hour(hours)[0] - 1, 10) - _QUARTER_S <= now]
        if not len(hours):
            return _acknowledgement(200, "No matching data found for Data item Day-ahead Total Load Forecast [6.1.B].")
        forecast = functools.partial(self.world.load_forecast, area, now)
        values = (_quarters(forecast, hours) if area == "DK1" else forecast(hours)).round().astype(np.int64)
        kept = np.ones(len(values), bool)
        kept[1:] = (values[1:] != values[:-1]) | (area != "DK1")
        points = "".join(
            f"<Point><position>{i + 1}</position><quantity>{values[i]}</quantity></Point>" for i in np.flatnonzero(kept).tolist()
        )
        interval = f"<start>{iso(int(hours[0]))[:16]}Z</start><end>{iso(int(hours[-1]) + HOUR)[:16]}Z</end>"
        curve, resolution = ("A03", "PT15M") if area == "DK1" else ("A01", "PT60M")
        return _reply(
            200,
            '<?xml version="1.0" encoding="utf-8"?>\n'
            '<GL_MarketDocument xmlns="urn:iec62325.351:tc57wg16:451-6:generationloaddocument:3:0">'
            f"<mRID>simulated</mRID><revisionNumber>1</revisionNumber><type>A65</type><process.processType>A01</process.processType>"
            f"<createdDateTime>{iso(now)}</createdDateTime><time_Period.timeInterval>{interval}</time_Period.timeInterval>"
            "<TimeSeries><mRID>1</mRID><businessType>A04</businessType><objectAggregation>A01</objectAggregation>"
            f'<outBiddingZone_Domain.mRID codingScheme="A01">{ZONES[area]}</outBiddingZone_Domain.mRID>'
            f"<quantity_Measure_Unit.name>MAW</quantity_Measure_Unit.name><curveType>{curve}</curveType>"
            f"<Period><timeInterval>{interval}</timeInterval><resolution>{resolution}</resolution>{points}</Period>"
            "</TimeSeries></GL_MarketDocument>",
        )

    # -- Open-Meteo -----------------------------------------------------------------------------------------------

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
        known = np.minimum(stamps - days_before * DAY, floor_hour(now))
        run = np.minimum(known, stamps) // RUN_S
        lead_days = np.maximum(0, hours - run * RUN_S) / DAY
        column = self.world.forecast_at(variable, point, hours, run, lead_days).round(1).astype(object)
        if days_before:
            column[stamps - days_before * DAY > now] = None
        numbers: list[float | None] = column.tolist()
        return numbers


def _times(stem: str, times: IntArray, repeats: int) -> dict[str, Sequence[object]]:
    """The two time columns of an Energi Data Service dataset, each time as often as it has rows."""
    columns = {f"{stem}UTC": times, f"{stem}DK": times + _local_offset(times)}
    return {name: np.repeat(t.astype("datetime64[s]").astype(str), repeats).tolist() for name, t in columns.items()}


def _by_time(values: Sequence[np.ndarray[tuple[int], np.dtype[np.object_]] | FloatArray]) -> list[object]:
    """Columns of one value a time, interleaved: all values of the first time, all of the second, and so on."""
    interleaved: list[object] = np.stack(values, axis=1).ravel().tolist() if values else []
    return interleaved


def _quarters(value: Callable[[IntArray], FloatArray], hours: IntArray) -> FloatArray:
    """Four values an hour whose mean is the hour's, on their way from the hour before to the hour after."""
    if not len(hours):
        return np.empty(0)
    around = value(np.arange(hours.min() - HOUR, hours.max() + 2 * HOUR, HOUR, dtype=np.int64))
    at = (hours - hours.min()) // HOUR + 1
    rising = (around[at + 1] - around[at - 1])[:, None] / 2 * (np.arange(4) - 1.5) / 4
    quarters: FloatArray = (around[at][:, None] + rising).ravel()
    return quarters


def _local_offset(hours: IntArray) -> IntArray:
    day, hour = local_day_hour(hours)
    return day * DAY + hour * HOUR - hours // HOUR * HOUR


def _bound(text: str, utc: bool) -> int:
    """A start or end as the provider reads it: Danish time unless UTC is asked for."""
    t = clock.parse_utc((text if "T" in text else f"{text}T00:00") + "Z")
    if utc:
        return t
    return t - int(_local_offset(np.array([t - HOUR]))[0])


def _stamp(text: str) -> int:
    """A time as ENTSO-E writes it in a question: 202610242200."""
    return clock.parse_utc(f"{text[:4]}-{text[4:6]}-{text[6:8]}T{text[8:10]}:{text[10:12]}Z")


def _acknowledgement(status: int, text: str) -> Reply:
    return _reply(
        status,
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<Acknowledgement_MarketDocument xmlns="urn:iec62325.351:tc57wg16:451-1:acknowledgementdocument:7:0">'
        f"<mRID>simulated</mRID><Reason><code>999</code><text>{text}</text></Reason></Acknowledgement_MarketDocument>",
    )


def _reply(status: int, text: str) -> Reply:
    kind = {"[": "application/json", "{": "application/json", "<": "text/xml"}.get(text[:1], "text/plain")
    return Reply(status, {"content-type": kind}, text.encode())
