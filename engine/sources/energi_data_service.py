"""Energi Data Service: how its datasets of load, wind and solar forecasts and prices are asked for and read."""

from __future__ import annotations

import datetime as dt
import functools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from engine.clock import floor_hour, iso, local, local_midnight, local_time, parse_utc
from engine.config import Config
from engine.domain import DAY, HOUR, Expected, Flag, FloatArray, IntArray, Observations, Series
from engine.sources.day_ahead import KNOWN_AT_HOUR, nominally_known
from engine.sources.fetch import Manners, Request, decode

AREAS = ("DK1", "DK2")
#: Best last. The publisher overwrites one by the next.
_VERSIONS = ("Initial", "Preliminary", "Final")
#: Usual age of the newest hour. A back-filled hour older than `_FRESH_S` is taken to have become known at this age.
NOMINAL_LAG_S = 2 * HOUR
_FRESH_S = 6 * HOUR
#: The newest hours are asked for again with every question, and within one hour of the day (UTC) all that is likely to be revised.
_REPULL_S = 2 * DAY
_DAILY_REPULL_S = 15 * DAY
_DAILY_HOUR = 7
_SLICE_S = 180 * DAY
_QUARTER_S = 15 * 60
#: Day-ahead values reach to the end of tomorrow; none lies beyond this.
_AHEAD_S = 4 * DAY

_FORECAST_TYPES: Mapping[str, str] = {
    "Solar": "solar_forecast",
    "Onshore Wind": "onshore_wind_forecast",
    "Offshore Wind": "offshore_wind_forecast",
}
#: From here on prices are in DayAheadPrices, a quarter of an hour each; until here in Elspotprices, an hour each.
_QUARTERS_FROM = parse_utc("2025-09-30T22:00Z")


#: Every hour comes once for each area and kind, and again with the next answer.
_utc = functools.lru_cache(maxsize=4096)(parse_utc)


class Dataset:
    """One dataset that held hours from `first` to `end`. Its first `key` columns are its key, the time in UTC first of all."""

    #: Of the series its values are kept in.
    source = "energidataservice"
    #: What is asked of the columns' values; empty for all.
    _filter: Mapping[str, Sequence[str]] = {"PriceArea": AREAS}

    def __init__(self, config: Config, name: str, columns: Sequence[str], key: int, first: int, end: int | None = None) -> None:
        self._name = name
        self.dataset = f"energidataservice/{name}"
        self._columns, self._key = columns, columns[:key]
        self._first, self._end = first, end
        self._url = config.energi_data_service_url
        self._backfill_s = config.backfill_days * DAY
        # Nobody shares a mirror or a simulation with us.
        self._manners = Manners(turn_s=0) if config.mirror or config.simulated else Manners()
        self._simulated = config.simulated

    def history_requests(self, start: int, end: int) -> list[Request]:
        return self._slices(floor_hour(start), end, backfill=True)

    def _slices(self, start: int, end: int, backfill: bool) -> list[Request]:
        start, end = max(start, self._first), end if self._end is None else min(end, self._end)
        return [self._request(at, min(at + _SLICE_S, end), backfill) for at in range(start, end, _SLICE_S)]

    def _request(self, start: int, end: int, backfill: bool) -> Request:
        params = {
            "start": iso(start)[:16],
            "end": iso(end)[:16],
            "timezone": "UTC",
            "columns": ",".join(self._columns),
            "sort": ",".join(self._key),
            "limit": "0",
        }
        if self._filter:
            params["filter"] = json.dumps(dict(self._filter), separators=(",", ":"))
        return Request(
            self.dataset,
            f"{self._url}/dataset/{self._name}",
            params,
            # A slice that holds nothing but the newest hours may rightly be empty.
            expects_data=end - start > 12 * HOUR,
            backfill=backfill,
            catalogue=f"{self._url}/meta/dataset",
            manners=self._manners,
        )

    def _rows(self, body: bytes) -> Iterator[list[Any]]:
        """The cells of each row of the price areas, in the order of our columns."""
        strangers, ours = set[str](), 0
        for row in self._cells(body):
            if not isinstance(row[1], str):
                raise self._drift("PriceArea is not a text")
            if row[1] in AREAS:
                ours += 1
                yield row
            else:
                strangers.add(row[1])
        if strangers and not ours:
            raise self._drift(f"PriceArea is none of {', '.join(AREAS)}")

    def _cells(self, body: bytes) -> Iterator[list[Any]]:
        """The cells of each row, in the order of our columns."""
        for record in self._records(body):
            try:
                yield [record[name] for name in self._columns]
            except KeyError as error:
                raise self._drift(f"the column {error} is missing") from error

    def _records(self, body: bytes) -> list[dict[str, object]]:
        """Rows of an envelope, or of a bare list, in which some answers come."""
        answer = decode(body, self.dataset)
        records = answer.get("records") if isinstance(answer, dict) else answer
        if not isinstance(records, list) or not all(isinstance(r, dict) for r in records):
            raise self._drift("the answer holds no list of records")
        total = answer.get("total") if isinstance(answer, dict) else len(records)
        if type(total) is not int:
            raise self._drift("the answer does not say how many rows there are in total")
        if total > len(records):
            raise self._drift(f"only {len(records)} of {total} rows were sent although all were asked for")
        return records

    def _time(self, moment: object, latest: int, step_s: int = HOUR) -> int:
        """Epoch seconds of a time as the provider writes it: UTC without saying so."""
        name = self._columns[0]
        if not isinstance(moment, str):
            raise self._drift(f"{name} is not a text")
        try:
            t = _utc(f"{moment}Z")
        except (Expected, OverflowError) as error:
            raise self._drift(f"{name} '{moment[:30]}' is not a time in UTC") from error
        if t % step_s:
            raise self._drift(f"{name} '{moment[:30]}' is no multiple of {step_s // 60} minutes, so the resolution changed")
        if not self._first <= t <= latest:
            raise self._drift(f"{name} '{moment[:30]}' lies before the first hour or in the future")
        return t

    def _number(self, column: str, value: object) -> float:
        if type(value) is float and math.isfinite(value):  # nearly all are, of very many
            return value
        if isinstance(value, int | float) and not isinstance(value, bool):
            try:
                number = float(value)
            except OverflowError:
                number = math.inf
            if math.isfinite(number):
                return number
        raise self._drift(f"{column} '{str(value)[:30]}' is not a number")

    def _drift(self, what: str) -> Expected:
        return Expected(
            f"{self.dataset}: {what}.",
            "The provider changed its dataset; look for a newer Lastvagt. Nothing of this answer was stored.",
        )


class GenerationProdTypeExchange(Dataset):
    """Gross consumption of the price areas, MWh per hour, about two hours behind and revised in place."""

    every_s = 15 * 60
    quantities = ("load",)

    def __init__(self, config: Config) -> None:
        columns = ("TimeUTC", "PriceArea", "Version", "GrossCon")
        super().__init__(config, "GenerationProdTypeExchange", columns, 2, parse_utc("2014-12-31T23:00Z"))

    def requests(self, now: int, newest_valid: int | None) -> list[Request]:
        end = floor_hour(now) + HOUR
        if newest_valid is None:
            return self._slices(end - self._backfill_s, end, backfill=True)
        again = _DAILY_REPULL_S if now % DAY // HOUR == _DAILY_HOUR else _REPULL_S
        return self._slices(min(end - again, newest_valid), end, backfill=False)

    def parse(self, request: Request, body: bytes, now: int) -> list[Observations]:
        best: dict[tuple[str, int], tuple[int, float]] = {}
        for moment, area, version, value in self._rows(body):
            if not isinstance(version, str | None):
                raise self._drift("Version is not a text")
            if value is None:
                continue
            rank = _VERSIONS.index(version) if version in _VERSIONS else -1
            key = (area, self._time(moment, now))
            new = (rank, self._number("GrossCon", value))
            # Two rows of one hour, of an older and a newer version, have been seen.
            if key not in best or rank > best[key][0]:
                best[key] = new
            elif rank == best[key][0] and new != best[key]:
                raise self._drift(f"{moment} came twice for {area}, with different values")
        return [self._observations(area, best, request.backfill, now) for area in AREAS if any(a == area for a, _ in best)]

    def _observations(self, area: str, best: dict[tuple[str, int], tuple[int, float]], backfill: bool, now: int) -> Observations:
        rows = sorted((t, rank, value) for (a, t), (rank, value) in best.items() if a == area)
        valid_time = np.array([t for t, _, _ in rows], np.int64)
        settled = np.array([rank == len(_VERSIONS) - 1 for _, rank, _ in rows])
        nominal = (valid_time < now - _FRESH_S) & backfill
        return Observations(
            Series("load", area, self.source),
            valid_time,
            np.where(nominal, np.minimum(valid_time + NOMINAL_LAG_S, now), now).astype(np.int64),
            np.array([value for _, _, value in rows], np.float64),
            (np.where(settled, Flag.SETTLED, 0) | np.where(nominal, Flag.NOMINAL, 0)).astype(np.uint8),
            self._simulated,
        )


class _DayAhead(Dataset):
    """A dataset of day-ahead values, which come once a day; nobody recorded when, where they are back-filled."""

    every_s = 15 * 60
    quantities: Sequence[str] = ()

    def requests(self, now: int, newest_valid: int | None) -> list[Request]:
        """Nothing as long as the store holds all that is out: today, and tomorrow from the hour at which it is due."""
        today = local(now).date()
        due = now >= local_time(today, max(KNOWN_AT_HOUR[quantity] for quantity in self.quantities))
        if newest_valid is None:
            return self._slices(floor_hour(now) - self._backfill_s, local_midnight(today + dt.timedelta(days=2)), backfill=True)
        end = local_midnight(today + dt.timedelta(days=2 if due else 1))
        if newest_valid >= end - HOUR:
            return []
        return self._slices(min(local_midnight(today), newest_valid), end, backfill=False)

    def _batches(self, values: Mapping[tuple[str, str], Mapping[int, float]], backfill: bool, now: int) -> list[Observations]:
        """Observations of values by (quantity, area) and hour."""
        batches = []
        for (quantity, area), by_hour in values.items():
            valid_time: IntArray = np.array(sorted(by_hour), np.int64)
            value: FloatArray = np.array([by_hour[t] for t in valid_time.tolist()], np.float64)
            known = nominally_known(quantity, valid_time, now) if backfill else np.full(len(valid_time), now, np.int64)
            flags = np.where(known < now, Flag.NOMINAL, Flag.PLAIN).astype(np.uint8)
            series = Series(quantity, area, self.source)
            batches.append(Observations(series, valid_time, known, value, flags, self._simulated))
        return batches


class ForecastsHour(_DayAhead):
    """Wind and solar of the price areas as forecast by the transmission system operator the day before, MWh per hour.

    The dataset's other forecasts are renewed until, and on past rows after, their hour: who read them would know the future.
    """

    quantities = tuple(_FORECAST_TYPES.values())

    def __init__(self, config: Config) -> None:
        columns = ("HourUTC", "PriceArea", "ForecastType", "ForecastDayAhead")
        super().__init__(config, "Forecasts_Hour", columns, 3, parse_utc("2019-10-30T23:00Z"))

    def parse(self, request: Request, body: bytes, now: int) -> list[Observations]:
        values: dict[tuple[str, str], dict[int, float]] = {}
        rows = list(self._rows(body))
        if not all(isinstance(kind, str) for _, _, kind, _ in rows):
            raise self._drift("ForecastType is not a text")
        if rows and not any(kind in _FORECAST_TYPES for _, _, kind, _ in rows):
            raise self._drift(f"ForecastType is none of {', '.join(_FORECAST_TYPES)}")
        for moment, area, kind, value in rows:
            t = self._time(moment, now + _AHEAD_S)
            if kind in _FORECAST_TYPES and value is not None:
                values.setdefault((_FORECAST_TYPES[kind], area), {})[t] = self._number("ForecastDayAhead", value)
        return self._batches(values, request.backfill, now)


class DayAheadPrices(_DayAhead):
    """Prices of the day-ahead auction, EUR/MWh: the mean of the four quarters of each hour that has all of them."""

    quantities = ("day_ahead_price",)

    def __init__(self, config: Config) -> None:
        super().__init__(config, "DayAheadPrices", ("TimeUTC", "PriceArea", "DayAheadPriceEUR"), 2, _QUARTERS_FROM)

    def parse(self, request: Request, body: bytes, now: int) -> list[Observations]:
        quarters: dict[tuple[str, int], dict[int, float]] = {}
        for moment, area, value in self._rows(body):
            if value is not None:
                t = self._time(moment, now + _AHEAD_S, _QUARTER_S)
                quarters.setdefault((area, floor_hour(t)), {})[t] = self._number("DayAheadPriceEUR", value)
        values: dict[tuple[str, str], dict[int, float]] = {}
        for (area, hour), prices in quarters.items():
            if len(prices) == HOUR // _QUARTER_S:
                values.setdefault(("day_ahead_price", area), {})[hour] = round(math.fsum(prices.values()) / len(prices), 6)
        if quarters and not values:
            raise self._drift("no hour has its four quarters, so the resolution changed")
        return self._batches(values, request.backfill, now)


class Elspotprices(_DayAhead):
    """The same prices an hour each, until the auction went over to quarters; a history that grows no more."""

    quantities = ("day_ahead_price",)

    def __init__(self, config: Config) -> None:
        columns = ("HourUTC", "PriceArea", "SpotPriceEUR")
        super().__init__(config, "Elspotprices", columns, 2, parse_utc("1999-06-30T22:00Z"), _QUARTERS_FROM)

    def parse(self, request: Request, body: bytes, now: int) -> list[Observations]:
        values: dict[tuple[str, str], dict[int, float]] = {}
        for moment, area, value in self._rows(body):
            if value is not None:
                t = self._time(moment, _QUARTERS_FROM - HOUR)
                values.setdefault(("day_ahead_price", area), {})[t] = self._number("SpotPriceEUR", value)
        return self._batches(values, request.backfill, now)
