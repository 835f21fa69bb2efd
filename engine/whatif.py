"""What a forecast would be if the weather, the calendar or the load were different: never stored, never official."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine import adaptation, clock, geography, hierarchy, queries, remaking
from engine.adaptation import AHEAD, BRIDGE, Adaptation, Lesson
from engine.calibration import Calibration
from engine.domain import HOUR, MEDIAN, Consumer, Expected, FeatureMatrix, FloatArray, History, IntArray, Part, QuantileForecast
from engine.explaining import group_of, head
from engine.forecaster import plausible
from engine.geography import Measure
from engine.queries import Senseless
from engine.remaking import BundleOf, Knowledge, Maker
from engine.store import Reader, Target
from engine.store.schema import level_column
from engine.tables import Table

#: Correlation of the errors of the parts of a sum; the ratio of two sums hardly depends on it.
_CORRELATION = 0.5


@dataclass(frozen=True, slots=True)
class Change:
    """What is different: degrees and metres a second added to the weather from the issue on, Danish days (since 1970) taken for free
    days or for working days, and MWh added in each hour of [start, end)."""

    temperature_k: float = 0.0
    wind_ms: float = 0.0
    free: frozenset[int] = frozenset()
    working: frozenset[int] = frozenset()
    extra_mwh: float = 0.0
    start: int = 0
    end: int = 0


def change_of(query: Mapping[str, Any]) -> Change:
    """The change that the words of a query ask for; raises `Senseless`."""
    free, working = (_days(query, name) for name in ("free", "working"))
    if free & working:
        raise Senseless("A day cannot be free and a working day.", "Name it once.")
    start, end = queries.moment(query, "start"), queries.moment(query, "end")
    if query["extra_mwh"] and (start is None or end is None or start >= end):
        raise Senseless("It is not said when the extra load is to come.", "Name start, and an end after it.")
    return Change(query["temperature_k"], query["wind_ms"], free, working, query["extra_mwh"], start or 0, end or 0)


def _days(query: Mapping[str, Any], name: str) -> frozenset[int]:
    try:
        dates = [dt.date.fromisoformat(word) for word in (query[name] or "").split(",") if word]
    except ValueError as error:
        raise Senseless(f"'{query[name]}' names a day that does not exist.", "Write days like 2026-12-23.") from error
    return frozenset((date - clock.EPOCH).days for date in dates)


def imagine(reader: Reader, bundle_of: BundleOf, of: Consumer, now: int, change: Change, issue_time: int | None = None) -> Table:
    """A row per hour of an issue (None: the newest): its published median, and the quantiles it would have, in MWh.

    The model answers twice, to what was known and to what is changed, and published quantiles move by the ratio of both answers:
    without a change nothing moves. Raises `Missing`, or Expected where the issue cannot be made again or the model loses its way.
    """
    issue = remaking.find(reader, of, None, issue_time)
    makers = remaking.makers(reader, bundle_of, issue)
    leaves = [maker.leaf for maker in makers]
    hours = issue.valid_time
    knowledge = remaking.known(reader, leaves, issue.issue_time, issue.issue_time)
    changed = dataclasses.replace(knowledge, history=_weather(knowledge.history, change))
    calibrations, adaptations = reader.calibrations(), reader.adaptations(leaves)

    before = [_issued(maker.issue, hours) for maker in makers]
    after = []
    for maker, issued in zip(makers, before, strict=True):
        usual, other = (
            _answer(maker, of_them, what, hours, adaptations, calibrations)
            for of_them, what in ((knowledge, Change()), (changed, change))
        )
        after.append(dataclasses.replace(issued, quantiles=issued.quantiles * _ratio(other, usual)))
    moved = np.sort(issue.quantiles * _ratio(_total(of, after), _total(of, before)), axis=1)
    official, imagined = (
        remaking.published(reader, each, now).forecast for each in (issue, dataclasses.replace(issue, quantiles=moved))
    )
    extra = np.where((hours >= change.start) & (hours < change.end), change.extra_mwh, 0.0)
    quantiles = np.maximum(imagined.quantiles + extra[:, None], 0.0)
    levels = tuple(level_column(level) for level in issue.levels)
    rows = [
        (clock.iso(hour), median, *row)
        for hour, median, row in zip(hours.tolist(), official.median.tolist(), quantiles.round(6).tolist(), strict=True)
    ]
    columns = ("published", *levels)
    told = head(issue) | {
        "official": False,
        "answers_to": sorted({part.value for maker in makers for part in _answerable(maker)}),
    }
    return Table(told, ("valid_time", *columns), rows, dict.fromkeys(columns, "MWh"))


def _answerable(maker: Maker) -> set[Part]:
    """What of a change a leaf's model has inputs for."""
    found = {group_of(name) for name in (() if maker.bundle is None else maker.bundle.features)}
    return {part for part in (Part.TEMPERATURE, Part.WIND, Part.CALENDAR) if part in found}


def _weather(history: History, change: Change) -> History:
    """The history with other weather in every hour after its issue."""
    ahead = history.times() > history.as_of
    values = dict(history.values)
    for key, grid in history.values.items():
        if key[0] == "temperature":
            values[key] = np.where(ahead, grid + change.temperature_k, grid)
        elif key[0] == "wind_speed":
            values[key] = np.where(ahead, np.maximum(grid + change.wind_ms, 0.0), grid)
    return dataclasses.replace(history, values=values)


def _calendar(matrix: FeatureMatrix, change: Change) -> FeatureMatrix:
    """Model inputs with other days off, and days beside them to match; a day that is changed is no special day by name."""
    told = change.free | change.working

    def free(day: int) -> bool:
        return day in change.free or (day not in change.working and clock.is_free(day))

    def off(day: int) -> bool:
        return free(day) or clock.weekday(day) >= 5

    def bridge(day: int) -> float:
        squeezed = off(day - 1) and off(day + 1) and (free(day - 1) or free(day + 1))
        return 0.0 if off(day) else 1.0 if squeezed else clock.bridge(day) % 1.0

    days = clock.local_day_hour(matrix.valid_time)[0]
    sunday, values = _sunday(matrix), matrix.values.copy()
    for day in np.unique(days).tolist():
        if told.isdisjoint((day - 1, day, day + 1)):
            continue
        mine = days == day
        columns: dict[str, float | FloatArray] = {
            "free": free(day),
            "free_before": free(day - 1),
            "free_after": free(day + 1),
            "bridge": bridge(day),
            "sunday_if_free": sunday[mine] * free(day),
        }
        if day in told:
            columns |= {name: 0.0 for name in matrix.names if name.startswith("is_")}
        if day - 1 in told:
            columns["same_hour_unusual"] = free(day - 1)
        for name, value in columns.items():
            if name in matrix.names:
                values[mine, matrix.names.index(name)] = value
    return FeatureMatrix(matrix.names, matrix.valid_time, values)


def _sunday(matrix: FeatureMatrix) -> FloatArray:
    """How the same hour of Sundays differs from the base of each row, in logs; NaN where no row is of one."""
    if "sunday" in matrix.names:
        return matrix.column("sunday").astype(np.float64)
    base, hour = np.log(matrix.column("base_mwh").astype(np.float64)), matrix.column("hour").astype(np.int64)
    of_sundays = np.full(24, np.nan)
    on_sunday = matrix.column("weekday_6") == 1
    of_sundays[hour[on_sunday]] = base[on_sunday]
    return of_sundays[hour] - base


def _issued(issue: QuantileForecast, hours: IntArray) -> QuantileForecast:
    """Some hours of an issue, as they were published."""
    mine = (hours - issue.valid_time[0]) // HOUR
    return dataclasses.replace(issue, valid_time=hours, quantiles=issue.quantiles[mine], draft=None)


def _answer(
    maker: Maker,
    known: Knowledge,
    change: Change,
    hours: IntArray,
    adaptations: Mapping[tuple[Consumer, str], Adaptation],
    calibrations: Mapping[Target, Calibration],
) -> FloatArray:
    """Quantiles in MWh that a leaf's model and what it has learned by now give; without a model, what was issued."""
    issue, bundle, leaf = maker.issue, maker.bundle, maker.leaf
    if bundle is None:
        return _issued(issue, hours).quantiles
    matrix = _calendar(remaking.inputs(known, leaf, hours), change)
    quantiles, draft = bundle.predict(matrix)
    if not plausible(quantiles[:, [MEDIAN]], matrix).all():
        raise Expected("The model gives no plausible answer to so large a change.", "Ask for a smaller one.")
    if geography.measure(leaf) is Measure.GROSS:
        learned = calibrations.get((*leaf, issue.model_id))
        raw = dataclasses.replace(issue, valid_time=hours, quantiles=quantiles, draft=draft)
        return learned.apply(raw).quantiles if learned is not None and learned.suits(draft) else quantiles
    inputs = adaptation.design(matrix, bundle.responses)
    adapted = adaptations.get((leaf, issue.model_id)) or Adaptation.start(inputs.shape[1])
    part = np.where(hours <= issue.issue_time, BRIDGE, AHEAD)
    return adapted.apply(Lesson(hours, quantiles, inputs, part, matrix.column("hour").astype(np.int64), days_back=0))


def _ratio(one: FloatArray, other: FloatArray) -> FloatArray:
    """One over the other; 1 where the other is nothing."""
    return np.divide(one, other, out=np.ones_like(one), where=other > 0)


def _total(of: Consumer, parts: Sequence[QuantileForecast]) -> FloatArray:
    """Quantiles of a consumer from those of its leaves."""
    if len(parts) == 1:
        return parts[0].quantiles
    return hierarchy.add(of.area, parts, np.full(len(parts[0].valid_time), _CORRELATION)).quantiles
