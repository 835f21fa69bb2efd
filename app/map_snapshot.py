"""What the database knows of all areas of the map, on one hourly grid."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from engine import clock, geography, published
from engine.domain import DAY, HOUR, Consumer, FloatArray, IntArray
from engine.geography import Kind
from engine.store import Reader
from engine.store.reader import SeriesState

#: Kinds of areas the map has a layer for.
LAYERS = (Kind.PRICE_AREA, Kind.REGION, Kind.MUNICIPALITY)
#: Days of truth read of the latest series: those shown, and the week that their change is measured against.
TRUTH_DAYS = 11
#: Load that stood still longer ago than a forecast bridges is not waited for.
LONGEST_WAIT_DAYS = 40
#: Days ahead.
AHEAD_DAYS = 7


def _nothing() -> FloatArray:
    return np.empty((0, 0))


@dataclass(frozen=True, slots=True)
class MapSnapshot:
    """Loads in MWh, arrays of shape (consumers, hours) with NaN where nothing is known; entry i is of `start + i * 3600`.

    `median`, `low` and `high` are P50, P10 and P90 as published, of the newest issue, whose `issue_time` (one a consumer) is 0 where
    there is none.
    """

    consumers: tuple[Consumer, ...] = ()
    start: int = 0
    observed: FloatArray = field(default_factory=_nothing)
    median: FloatArray = field(default_factory=_nothing)
    low: FloatArray = field(default_factory=_nothing)
    high: FloatArray = field(default_factory=_nothing)
    issue_time: IntArray = field(default_factory=lambda: np.empty(0, np.int64))

    def times(self) -> IntArray:
        """Valid times of the grid."""
        return self.start + HOUR * np.arange(self.observed.shape[1], dtype=np.int64)


def _newest(series: Iterable[SeriesState], now: int) -> int:
    """Newest hour of load of the latest layer: that of its middle area, so that one that stands still does not count for all."""
    by_layer: dict[Kind, list[int]] = {}
    for state in series:
        layer = geography.kind(state.area)
        if state.quantity == "load" and layer in LAYERS and state.newest_valid > now - LONGEST_WAIT_DAYS * DAY:
            by_layer.setdefault(layer, []).append(state.newest_valid)
    return min((sorted(newest)[len(newest) // 2] for newest in by_layer.values()), default=now)


def read(reader: Reader, series: Iterable[SeriesState], now: int) -> MapSnapshot:
    """All consumers of the layers at `now`, from some days before the newest hour of the latest load on."""
    consumers = tuple(
        each for each in reader.consumers(now) if geography.kind(each.area) in LAYERS and geography.exists(each.area, now)
    )
    start = clock.floor_hour(_newest(series, now)) - TRUTH_DAYS * DAY
    hours = (clock.floor_hour(now) - start) // HOUR + AHEAD_DAYS * 24
    shape = (len(consumers), hours)
    observed, median, low, high = (np.full(shape, np.nan) for _ in range(4))
    issue_time = np.zeros(len(consumers), np.int64)
    areas = {each.area for each in consumers}
    known = reader.archive(start, start + hours * HOUR, areas, quantities=["load"]).as_of(now, start, hours)
    for row, of in enumerate(consumers):
        if (own := known.get("load", *of)) is not None:
            observed[row] = own
        its = published.read(reader, of, now)
        if its is None:
            continue
        forecast = its.forecast
        issue_time[row] = forecast.issue_time
        at = (forecast.valid_time - start) // HOUR
        inside = (at >= 0) & (at < hours)
        for level, target in ((0.5, median), (0.1, low), (0.9, high)):
            target[row, at[inside]] = forecast.quantiles[inside, forecast.levels.index(level)]
    rows = {of: row for row, of in enumerate(consumers)}
    for of in reversed(consumers):  # parts stand after their sums
        addends = geography.addends(of, now)
        if addends and rows.keys() >= set(addends):
            observed[rows[of]] = np.sum([observed[rows[part]] for part in addends], axis=0)
    return MapSnapshot(consumers, start, observed, median, low, high, issue_time)
