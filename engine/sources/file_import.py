"""Values from files: which tables are understood, and how their lines become observations, a chunk at a time."""

from __future__ import annotations

import csv
import gzip
import itertools
import math
import re
import unicodedata
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from engine.clock import iso, parse_utc
from engine.domain import HOUR, UNITS, Expected, Flag, FloatArray, IntArray, Observations, Series
from engine.sources.day_ahead import KNOWN_AT_HOUR, nominally_known

FORMATS = ("csv", "lastvagt-data")
_CHUNK = 100_000
_FIRST_YEAR, _LAST_YEAR = parse_utc("1980-01-01"), parse_utc("2080-01-01")
_REQUIRED = ("valid_time", "area", "quantity", "value")
_OPTIONAL = ("consumer_type", "available_at", "unit")
#: Units a file may use besides ours: (unit, factor, offset) such that ours = theirs * factor + offset.
_CONVERSIONS: Mapping[str, tuple[tuple[str, float, float], ...]] = {
    "MWh": (("MW", 1, 0), ("kWh", 1e-3, 0), ("Wh", 1e-6, 0), ("GWh", 1e3, 0), ("GW", 1e3, 0), ("kW", 1e-3, 0)),
    "C": (("°C", 1, 0), ("K", 1, -273.15), ("F", 5 / 9, -160 / 9), ("°F", 5 / 9, -160 / 9)),
    "m/s": (("km/h", 1 / 3.6, 0), ("kn", 0.514444, 0)),
    "W/m2": (("W/m²", 1, 0), ("kW/m2", 1e3, 0), ("J/cm2", 1e4 / 3600, 0)),
    "%": (("1", 100, 0),),
    "EUR/MWh": (("EUR/kWh", 1e3, 0),),
}
_ENERGY = {"load_mwh": "load"}
#: Units of what adds up over an hour; everything else has its mean there.
_ADDS_UP = frozenset({"MWh", "kWh", "Wh", "GWh"})
_QUARTER = HOUR // 4
#: Names of areas and consumer types: what is safe in an address, a file and a table, in any alphabet.
_NAME, _NAME_LENGTH = re.compile(r"[^\W_](?:[\w .&()+'-]*[\w.)])?"), 60
_MARKET = {
    "solar_forecast_mwh": "solar_forecast",
    "onshore_wind_forecast_mwh": "onshore_wind_forecast",
    "offshore_wind_forecast_mwh": "offshore_wind_forecast",
    "day_ahead_price_eur_mwh": "day_ahead_price",
}
_WEATHER = {
    "temperature_c": "temperature",
    "wind_speed_10m_m_s": "wind_speed",
    "global_radiation_w_m2": "global_radiation",
    "relative_humidity_pct": "relative_humidity",
    "cloud_cover_pct": "cloud_cover",
}
_WEATHER_RANKS = {"dmi_station_mean_dk": 0, "heatforecast_dk_point": 1}


class _Layout(Protocol):
    def __call__(self, rows: Sequence[Sequence[str]]) -> list[Observations]: ...

    def rest(self) -> list[Observations]:
        """What could not be handed out before the end of the file."""


def read_file(
    path: Path,
    file_format: str,
    known_after_s: int | None,
    now: int,
    progress: Callable[[float], None] | None = None,
) -> Iterator[list[Observations]]:
    """The file's values, chunk by chunk; `progress` is told the share of the file that is read.

    `known_after_s` says when values without `available_at` became known, counted from their hour: flagged nominal, and ex-post
    where negative. None: now, but day-ahead values of lastvagt-data by the rule of `day_ahead`. A bad line raises Expected with
    its number; the chunks before it have been handed out.
    """
    if file_format not in FORMATS:
        raise Expected(f"'{file_format}' is no format of files.", f"Choose one of {', '.join(FORMATS)}.")
    line = 0
    try:
        with path.open("rb") as raw, gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw as unpacked:
            size = max(1, path.stat().st_size)
            lines = csv.reader(text.decode("utf-8-sig" if i == 0 else "utf-8") for i, text in enumerate(unpacked))
            header = [name.strip() for name in next(lines, [])]
            line = 1
            layout = _layout(path, file_format, header, _Knowledge(known_after_s, now, file_format == "lastvagt-data"))
            while rows := list(itertools.islice(lines, _CHUNK)):
                yield _convert(path, layout, rows, len(header), line)
                line += len(rows)
                if progress:
                    progress(raw.tell() / size)
            yield layout.rest()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise Expected(
            f"{path.name} cannot be read{f' beyond line {line}' if line else ''}: {error}.",
            "Check the file; lines read before were imported, and importing them again changes nothing.",
        ) from error


def _convert(path: Path, layout: _Layout, rows: list[list[str]], width: int, before: int) -> list[Observations]:
    """A chunk through its layout. When that fails, line by line to find the first bad one."""

    def convert(some: list[list[str]]) -> list[Observations]:
        filled = [row for row in some if row]
        if any(len(row) != width for row in filled):
            raise Expected(f"it does not have {width} fields", "Correct it")
        return layout(filled) if filled else []

    try:
        return convert(rows)
    except (Expected, ValueError):
        for i, row in enumerate(rows):
            try:
                convert([row])
            except (Expected, ValueError) as error:
                problem = error.problem if isinstance(error, Expected) else str(error)
                remedy = error.remedy if isinstance(error, Expected) else "Correct it"
                stored = (
                    f"The {before - 1} lines before line {before + 1} were imported" if before > 1 else "Nothing was imported"
                )
                raise Expected(
                    f"{path.name} line {before + i + 1}: {problem.rstrip('.')}.",
                    f"{remedy.rstrip('.')}, then import the file again. {stored}.",
                ) from error
        raise


@dataclass(frozen=True, slots=True)
class _Knowledge:
    """When values of a file became known that do not say so themselves."""

    known_after_s: int | None
    now: int
    by_rule: bool  # day-ahead quantities, where nothing else is said, as `day_ahead` says

    def observations(self, series: Series, valid_time: IntArray, value: FloatArray, given: FloatArray | None) -> Observations:
        """Values of one series; `given` holds each row's own `available_at`, NaN where it has none."""
        flag = Flag.NOMINAL
        if self.known_after_s is None and self.by_rule and series.quantity in KNOWN_AT_HOUR:
            assumed = nominally_known(series.quantity, valid_time, self.now)
        elif self.known_after_s is None:
            assumed, flag = np.full(len(valid_time), self.now, np.int64), Flag.PLAIN
        else:
            assumed, flag = valid_time + self.known_after_s, Flag.EX_POST if self.known_after_s < 0 else flag
        if given is None:
            return Observations(series, valid_time, assumed, value, np.full(len(valid_time), flag, np.uint8))
        own = np.isfinite(given)
        available_at = np.where(own, np.where(own, given, 0).astype(np.int64), assumed)
        return Observations(series, valid_time, available_at, value, np.where(own, Flag.PLAIN, flag).astype(np.uint8))


class _Times(dict[str, int]):
    """Epoch seconds by text; files repeat their times."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self._step = step

    def __missing__(self, text: str) -> int:
        t = parse_utc(text.strip())
        if t % self._step:
            steps = "a whole hour" if self._step == HOUR else "a whole hour or a quarter of one"
            raise Expected(f"'{text}' is not {steps}", "Give values by the hour")
        if not _FIRST_YEAR <= t < _LAST_YEAR:
            raise Expected(f"'{text}' is no time of this age", "Correct the year")
        self[text] = t
        return t


def _number(text: str) -> float:
    if "," in text:
        raise Expected(f"'{text}' is written with a decimal comma", "Write it with a point: 1234.5")
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"'{text}' is not a number")
    return number


def _layout(path: Path, file_format: str, header: list[str], knowledge: _Knowledge) -> _Layout:
    """How to read the lines below this header."""
    for separator, name in ((";", "semicolons"), ("\t", "tabs")):
        if len(header) == 1 and separator in header[0]:
            raise Expected(
                f"{path.name} separates its columns by {name}.",
                "Save it with commas between columns and points in numbers. Nothing was imported.",
            )
    if file_format == "csv":
        missing = [name for name in _REQUIRED if name not in header]
        unknown = [name for name in header if name not in (*_REQUIRED, *_OPTIONAL)]
        if missing or unknown or len(set(header)) < len(header):
            told = (
                f"lacks {', '.join(missing)}"
                if missing
                else f"has the unknown or repeated columns {', '.join(unknown or header)}"
            )
            raise Expected(
                f"The first line of {path.name} {told}.",
                f"Columns: {','.join(_REQUIRED)}; optional: {','.join(_OPTIONAL)}. Nothing was imported.",
            )
        return _Long(header, knowledge)
    for columns, area_column, source_column in (
        (_ENERGY, "price_area", None),
        (_MARKET, "price_area", None),
        (_WEATHER, None, "source"),
    ):
        needed = {"valid_time", *columns, *(name for name in (area_column, source_column) if name)}
        if needed <= set(header):
            return _Wide(header, columns, area_column, source_column, knowledge)
    raise Expected(
        f"{path.name} is none of the tables that lastvagt-data holds for areas.",
        "Read are load_price_area_hourly, tso_wind_solar_forecast_and_price_hourly and weather_hourly_by_source. Nothing was imported.",
    )


class _Long:
    """One value a line, the series named in the line."""

    def __init__(self, header: list[str], knowledge: _Knowledge) -> None:
        self._column = {name: i for i, name in enumerate(header)}
        self._knowledge = knowledge
        self._valid_times, self._known_times = _Times(_QUARTER), _Times(1)
        self._kinds: dict[tuple[str, ...], _Kind] = {}

    def __call__(self, rows: Sequence[Sequence[str]]) -> list[Observations]:
        at = self._column
        rows = [row for row in rows if row[at["value"]]]
        if not rows:
            return []
        columns = list(zip(*rows, strict=True))
        names = [columns[at[n]] if n in at else ("",) * len(rows) for n in ("quantity", "area", "consumer_type", "unit")]
        keys = list(zip(*names, strict=True))
        numbers = {key: i for i, key in enumerate(dict.fromkeys(keys))}
        kind = np.fromiter(map(numbers.__getitem__, keys), np.int64, len(keys))
        valid_time = np.fromiter(map(self._valid_times.__getitem__, columns[at["valid_time"]]), np.int64, len(rows))
        value = np.fromiter(map(_number, columns[at["value"]]), np.float64, len(rows))
        given = np.full(len(rows), math.nan)
        if "available_at" in at:
            given = np.array([self._known_times[t] if t else math.nan for t in columns[at["available_at"]]], np.float64)
        table = np.column_stack([valid_time, value, given])
        return [
            batch
            for key, number in numbers.items()
            for batch in self._observations(self._kind(key), table[kind == number], False)
        ]

    def rest(self) -> list[Observations]:
        return [batch for kind in self._kinds.values() for batch in self._observations(kind, np.empty((0, 3)), True)]

    def _observations(self, kind: _Kind, rows: FloatArray, end: bool) -> list[Observations]:
        rows = kind.hourly(rows, end)
        if not len(rows):
            return []
        value = rows[:, 1] * kind.factor + kind.offset
        return [self._knowledge.observations(kind.series, rows[:, 0].astype(np.int64), value, rows[:, 2])]

    def _kind(self, key: tuple[str, ...]) -> _Kind:
        """The series that a line names, and how its unit becomes ours."""
        if key not in self._kinds:
            quantity, area, consumer_type, unit = (text.strip() for text in key)
            if not area:
                raise Expected("the area is empty", "Name it, for example DK1")
            series = Series(quantity, _name(area, "area"), "file", _name(consumer_type or "total", "consumer type"), rank=1)
            known = {series.unit: (1.0, 0.0)} | {name: (f, o) for name, f, o in _CONVERSIONS[UNITS[quantity]]}
            if unit and unit not in known:
                raise Expected(f"'{unit}' is no unit of {quantity}", f"Use one of {', '.join(known)}")
            unit = unit or series.unit
            self._kinds[key] = _Kind(series, *known[unit], adds_up=unit in _ADDS_UP)
        return self._kinds[key]


def _name(text: str, what: str) -> str:
    """A name as it is kept: letters that are put together of two signs (a ring over an a) are one."""
    name = unicodedata.normalize("NFC", text)
    if len(name) > _NAME_LENGTH:
        raise Expected(f"the {what} '{name[:20]}...' has {len(name)} characters", f"Use at most {_NAME_LENGTH}")
    if not _NAME.fullmatch(name):
        raise Expected(
            f"the {what} '{name}' has characters that names cannot have", "Use letters, digits, spaces and . & ( ) + ' - _"
        )
    return name


@dataclass(slots=True)
class _Kind:
    """A series of a file, in the unit it is written in. Rows are (valid_time, value, available_at)."""

    series: Series
    factor: float
    offset: float
    adds_up: bool
    _step: int = 0  # unknown until two times were seen
    _held: FloatArray = field(default_factory=lambda: np.empty((0, 3)))

    def hourly(self, rows: FloatArray, end: bool) -> FloatArray:
        """New rows by the hour. Quarters of an hour wait for the other three; at the `end` of the file they must have come."""
        rows = np.concatenate([self._held, rows])
        self._held = rows[:0]
        times = np.unique(rows[:, 0])
        if not self._step:
            if len(times) < 2 and not end:
                self._held = rows
                return rows[:0]
            self._step = _QUARTER if (times % HOUR).any() else HOUR
        if self._step == HOUR:
            if (times % HOUR).any():
                odd = iso(int(times[times % HOUR > 0][0]))
                raise Expected(f"'{odd}' is not a whole hour, as those before it are", "Give one step throughout")
            return rows
        # Of a quarter that is given twice the last counts; NaN, for no available_at of its own, is the largest.
        rows = rows[len(rows) - 1 - np.unique(rows[::-1, 0], return_index=True)[1]]
        hour, place, count = np.unique(rows[:, 0] // HOUR, return_inverse=True, return_counts=True)
        whole = count[place] == HOUR // _QUARTER
        self._held = rows[~whole]
        if end and len(self._held):
            first = iso(int(hour[count < HOUR // _QUARTER][0]) * HOUR)
            raise Expected(
                f"{self.series.area} has hours that lack quarters, the first at {first}.",
                "Add the missing quarters, or leave that hour out, then import the file again. Whole hours were imported.",
            )
        quarters = rows[whole].reshape(-1, HOUR // _QUARTER, 3)
        value = quarters[:, :, 1].sum(axis=1) if self.adds_up else quarters[:, :, 1].mean(axis=1)
        return np.column_stack([quarters[:, 0, 0], value, quarters[:, :, 2].max(axis=1)])


class _Wide:
    """One hour of one area (or of all Denmark) a line, a column per quantity; a blank is no value."""

    def __init__(
        self,
        header: list[str],
        quantities: Mapping[str, str],
        area_column: str | None,
        source_column: str | None,
        knowledge: _Knowledge,
    ) -> None:
        self._column = {name: i for i, name in enumerate(header)}
        self._quantities = quantities
        self._area_column, self._source_column = area_column, source_column
        self._knowledge = knowledge
        self._times = _Times(HOUR)

    def __call__(self, rows: Sequence[Sequence[str]]) -> list[Observations]:
        columns = list(zip(*rows, strict=True))
        areas = columns[self._column[self._area_column]] if self._area_column else ("DK",) * len(rows)
        sources = columns[self._column[self._source_column]] if self._source_column else ("lastvagt-data",) * len(rows)
        pairs = list(zip(areas, sources, strict=True))
        owners = {owner: np.array([pair == owner for pair in pairs]) for owner in dict.fromkeys(pairs)}
        valid_time = np.fromiter(map(self._times.__getitem__, columns[self._column["valid_time"]]), np.int64, len(rows))
        result = []
        for name, quantity in self._quantities.items():
            texts = columns[self._column[name]]
            value = np.array([_number(text) if text else math.nan for text in texts])
            for (area, source), its_rows in owners.items():
                mine = np.isfinite(value) & its_rows
                if mine.any():
                    rank = _weather_rank(source) if self._source_column else 1
                    series = Series(quantity, area, source, rank=rank)
                    result.append(self._knowledge.observations(series, valid_time[mine], value[mine], None))
        return result

    def rest(self) -> list[Observations]:
        return []


def _weather_rank(source: str) -> int:
    return _WEATHER_RANKS.get(source, 2 if source.startswith("openmeteo_") else 3)
