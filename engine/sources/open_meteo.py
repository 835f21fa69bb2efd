"""Open-Meteo: weather of the price areas, as forecast now, as it was forecast earlier, and as reanalysed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import urlsplit, urlunsplit

import numpy as np
import numpy.typing as npt

from engine.clock import iso, parse_utc
from engine.config import Config
from engine.domain import DAY, HOUR, WEATHER, Expected, Flag, FloatArray, IntArray, Observations, Series
from engine.geography import AREAS
from engine.sources.fetch import Request, decode

#: Their variable, our quantity, the unit asked for, and the decimals that mean something.
_VARIABLES = (
    ("temperature_2m", "temperature", "°C", 1),
    ("wind_speed_10m", "wind_speed", "m/s", 1),
    ("shortwave_radiation", "global_radiation", "W/m²", 0),
    ("relative_humidity_2m", "relative_humidity", "%", 0),
    ("cloud_cover", "cloud_cover", "%", 0),
)
#: Their radiation is the mean of the hour *before* its time stamp; our stamps name the start of the hour.
_SHIFT_S: Mapping[str, int] = {"shortwave_radiation": -HOUR}
#: Beyond this a number is a placeholder for a missing one, in any unit.
_NO_WEATHER = 1e6
_POINTS = [(area.code, *point) for area in AREAS.values() for point in area.points]
_FORECAST_DAYS = 9
_MAX_PAST_DAYS = 92
#: A back-filled past hour of the forecast service comes from the model run of that hour, which is out about this much later.
_ANALYSIS_LAG_S = 3 * HOUR
_PREVIOUS_DAYS = range(1, 8)
_PREVIOUS_RUNS_FROM = parse_utc("2024-01-01")
_REANALYSIS_FROM: int = parse_utc("1940-01-01")
#: Keeps one request far under the service's 600 weighted calls a minute and our cap on the size of an answer.
_PREVIOUS_SLICE_S = 90 * DAY
_REANALYSIS_SLICE_S = 365 * DAY


class Forecast:
    """The newest forecast, nine days ahead, with the last days as the models analysed them."""

    dataset = "open-meteo/forecast"
    source = "open-meteo"
    quantities = WEATHER

    def __init__(self, config: Config) -> None:
        self.every_s = config.weather_every_h * HOUR
        self._service = _Service(self.dataset, config.open_meteo_url, "/v1/forecast", config)
        self._backfill_days = config.backfill_days

    def requests(self, now: int, newest_valid: int | None) -> list[Request]:
        past_days = self._backfill_days
        if newest_valid is not None:
            last_asked = newest_valid - _FORECAST_DAYS * DAY
            past_days = 2 + max(0, (now - last_asked) // DAY)
        days = {"past_days": str(min(past_days, _MAX_PAST_DAYS)), "forecast_days": str(_FORECAST_DAYS)}
        return [self._service.request([v[0] for v in _VARIABLES], days, backfill=newest_valid is None)]

    def parse(self, request: Request, body: bytes, now: int) -> list[Observations]:
        table = self._service.table(request, body)
        result = []
        for variable, quantity, _, decimals in _VARIABLES:
            for area, valid_time, value in table.area_means(variable, decimals):
                nominal = (valid_time + _ANALYSIS_LAG_S < now) & request.backfill
                available_at = np.where(nominal, valid_time + _ANALYSIS_LAG_S, now).astype(np.int64)
                flags = np.where(nominal, Flag.NOMINAL, Flag.PLAIN).astype(np.uint8)
                series = Series(quantity, area, self.source)
                result.append(Observations(series, valid_time, available_at, value, flags, self._service.simulated))
        return result


class PreviousRuns:
    """Weather of a past period as it was forecast one to seven days before, and as analysed."""

    dataset = "open-meteo/previous-runs"

    def __init__(self, config: Config) -> None:
        self._service = _Service(self.dataset, config.open_meteo_previous_runs_url, "/v1/forecast", config)

    def history_requests(self, start: int, end: int) -> list[Request]:
        variables = [name for v in _VARIABLES for name in (v[0], *(f"{v[0]}_previous_day{n}" for n in _PREVIOUS_DAYS))]
        return self._service.slices(variables, max(start, _PREVIOUS_RUNS_FROM), end, _PREVIOUS_SLICE_S)

    def parse(self, request: Request, body: bytes, now: int) -> list[Observations]:
        table = self._service.table(request, body)
        result = []
        for variable, quantity, _, decimals in _VARIABLES:
            stamp_s = -_SHIFT_S.get(variable, 0)  # the service counts its days from its own stamp
            columns = {variable: _ANALYSIS_LAG_S}
            columns |= {f"{variable}_previous_day{n}": stamp_s - n * DAY for n in _PREVIOUS_DAYS}
            for column, known_after_s in columns.items():
                for area, valid_time, value in table.area_means(column, decimals):
                    known = valid_time + known_after_s <= now
                    series = Series(quantity, area, "open-meteo-previous-runs")
                    flags = np.full(int(known.sum()), Flag.NOMINAL, np.uint8)
                    valid_time, value = valid_time[known], value[known]
                    batch = Observations(series, valid_time, valid_time + known_after_s, value, flags, self._service.simulated)
                    result.append(batch)
        return result


class Reanalysis:
    """Weather as it was, for years without stored forecasts; whoever uses it knows the future, so it is labelled ex-post."""

    dataset = "open-meteo/archive"

    def __init__(self, config: Config) -> None:
        self._service = _Service(self.dataset, config.open_meteo_archive_url, "/v1/archive", config)

    def history_requests(self, start: int, end: int) -> list[Request]:
        variables = [v[0] for v in _VARIABLES]
        return self._service.slices(variables, max(start, _REANALYSIS_FROM), min(end, _PREVIOUS_RUNS_FROM), _REANALYSIS_SLICE_S)

    def parse(self, request: Request, body: bytes, now: int) -> list[Observations]:  # noqa: ARG002 - when it arrived does not matter
        table = self._service.table(request, body)
        result = []
        for variable, quantity, _, decimals in _VARIABLES:
            for area, valid_time, value in table.area_means(variable, decimals):
                series = Series(quantity, area, "open-meteo-archive", rank=1)
                flags = np.full(len(value), Flag.EX_POST, np.uint8)
                # Eight days: visible to every issue whose horizon reaches the hour.
                result.append(Observations(series, valid_time, valid_time - 8 * DAY, value, flags, self._service.simulated))
        return result


class _Service:
    """What the three services of the provider have in common: how to ask, and the form of the answer."""

    def __init__(self, dataset: str, base_url: str, path: str, config: Config) -> None:
        self._dataset = dataset
        self._key = config.open_meteo_api_key
        self._url = (_customer(base_url) if self._key else base_url) + path
        self.simulated = config.simulated

    def request(self, variables: Sequence[str], days: Mapping[str, str], backfill: bool) -> Request:
        params = {
            "latitude": ",".join(str(latitude) for _, latitude, _, _ in _POINTS),
            "longitude": ",".join(str(longitude) for _, _, longitude, _ in _POINTS),
            "hourly": ",".join(variables),
            "wind_speed_unit": "ms",
            # Any other zone has one fixed offset for the whole answer, which is wrong across a clock change.
            "timezone": "GMT",
            **days,
        }
        if self._key:
            params["apikey"] = self._key
        return Request(self._dataset, self._url, params, backfill=backfill)

    def slices(self, variables: Sequence[str], start: int, end: int, slice_s: int) -> list[Request]:
        """Whole days that cover [start, end)."""
        first = start - start % DAY
        return [
            self.request(variables, {"start_date": iso(at)[:10], "end_date": iso(min(at + slice_s, end) - 1)[:10]}, backfill=True)
            for at in range(first, end, slice_s)
        ]

    def table(self, request: Request, body: bytes) -> _Table:
        """The answer, checked: one element per point asked for, in that order."""
        answer = decode(body, self._dataset)
        elements = answer if isinstance(answer, list) else [answer]
        asked = request.params.get("latitude", "").count(",") + 1
        if len(elements) != asked or asked != len(_POINTS):
            raise self._drift(f"{len(elements)} points were sent, {asked} were asked for")
        variables = request.params.get("hourly", "").split(",")
        valid_time = None
        values = {name: np.full((len(_POINTS), 0), math.nan) for name in variables}
        for i, element in enumerate(elements):
            if not isinstance(element, dict) or not isinstance(hourly := element.get("hourly"), dict):
                raise self._drift("a point has no table 'hourly'")
            if element.get("location_id", i) != i:
                raise self._drift("the points came in another order")
            if element.get("utc_offset_seconds", 0) != 0:
                raise self._drift("the times are not in GMT")
            self._check_units(element.get("hourly_units"), variables)
            times = self._times(hourly.get("time"))
            if valid_time is None:
                valid_time = times
                values = {name: np.full((len(_POINTS), len(times)), math.nan) for name in variables}
            if not np.array_equal(times, valid_time):
                raise self._drift("the points have different hours")
            for name in variables:
                values[name][i] = self._numbers(name, hourly.get(name), len(times))
        return _Table(np.empty(0, np.int64) if valid_time is None else valid_time, values)

    def _check_units(self, units: object, variables: Sequence[str]) -> None:
        if not isinstance(units, dict):
            raise self._drift("a point has no table 'hourly_units'")
        expected = {variable: unit for variable, _, unit, _ in _VARIABLES}
        for name in variables:
            unit = expected[name.partition("_previous_day")[0]]
            if units.get(name) != unit:
                raise self._drift(f"{name} came in '{str(units.get(name))[:20]}', not in {unit}")

    def _times(self, column: object) -> IntArray:
        if not isinstance(column, list) or not all(isinstance(text, str) for text in column):
            raise self._drift("the column 'time' is missing or holds no texts")
        try:
            times = np.array([parse_utc(f"{text}Z") for text in column], np.int64)
        except (Expected, OverflowError) as error:
            raise self._drift("the column 'time' holds something that is no time in GMT") from error
        if (np.diff(times) != HOUR).any() or (times[:1] < _REANALYSIS_FROM).any():
            raise self._drift("the column 'time' is not hourly without gaps")
        return times

    def _numbers(self, name: str, column: object, length: int) -> FloatArray:
        if not isinstance(column, list) or len(column) != length:
            raise self._drift(f"the column '{name}' is missing or of another length than 'time'")
        if not all(x is None or (isinstance(x, int | float) and not isinstance(x, bool)) for x in column):
            raise self._drift(f"the column '{name}' holds something that is not a number")
        try:
            numbers = np.array([math.nan if x is None else x for x in column], np.float64)
        except OverflowError as error:
            raise self._drift(f"the column '{name}' holds a number without bounds") from error
        if np.isinf(numbers).any():
            raise self._drift(f"the column '{name}' holds a number without bounds")
        numbers[np.abs(numbers) >= _NO_WEATHER] = math.nan
        return numbers

    def _drift(self, what: str) -> Expected:
        return Expected(
            f"{self._dataset}: {what}.",
            "The provider changed its answer; look for a newer Lastvagt. Nothing of this answer was stored.",
        )


class _Table:
    """Values per variable, shape (points, hours), NaN where the provider has none."""

    def __init__(self, time: IntArray, values: Mapping[str, FloatArray]) -> None:
        self._time = time
        self._values = values

    def area_means(self, column: str, decimals: int) -> Iterable[tuple[str, IntArray, FloatArray]]:
        """Per area: valid times and the mean of its points, weighted by population; a point without a value gives its
        weight to the others, an hour without any point is left out."""
        valid_time = self._time + _SHIFT_S.get(column.partition("_previous_day")[0], 0)
        for area in dict.fromkeys(code for code, *_ in _POINTS):
            mine = [i for i, (code, *_) in enumerate(_POINTS) if code == area]
            values = self._values[column][mine]
            weights = np.array([_POINTS[i][3] for i in mine])[:, None] * np.isfinite(values)
            total: FloatArray = weights.sum(axis=0)
            known: npt.NDArray[np.bool_] = total > 0
            mean = np.nansum(values * weights, axis=0)[known] / total[known]
            if known.any():
                yield area, valid_time[known], mean.round(decimals) + 0.0  # + 0.0 turns -0.0 into 0.0


def _customer(base_url: str) -> str:
    """The host for paying customers, for one of the provider's own hosts."""
    parts = urlsplit(base_url)
    if not parts.netloc.endswith("open-meteo.com") or parts.netloc.startswith("customer-"):
        return base_url
    return urlunsplit(parts._replace(netloc=f"customer-{parts.netloc}"))
