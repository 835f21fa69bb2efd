"""One scale for weather from several sources: where the preferred one is silent, another's values as the preferred would have it.

Stations differ: a sheltered inland point has half the wind of an open coast. Pooled as they are, they dilute every effect of the
weather. Regression calibration (Carroll, Ruppert, Stefanski and Crainiceanu 2006, chapter 4): the preferred source is regressed on
the other over the hours both know, and the fit speaks for the hours only the other knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine import clock
from engine.domain import DAY, HOUR, WEATHER, FloatArray, IntArray, Key
from engine.store import FOREVER, Archive, Reader
from engine.store.archive import Versions

#: Hours two sources must share before one is put on the other's scale.
LEAST_OVERLAP_H = 60 * 24
_HALF_LIVES_H = (3, 12, 48)
_RIDGE = 5.0
_RANGE: Mapping[str, tuple[float, float]] = {
    "wind_speed": (0.0, np.inf),
    "global_radiation": (0.0, np.inf),
    "relative_humidity": (0.0, 100.0),
    "cloud_cover": (0.0, 100.0),
}


@dataclass(frozen=True, slots=True)
class Link:
    """One source put on another's scale: how many hours both know, their correlation there before and after (on fortnights the fit
    had not seen), and how many hours it then spoke for."""

    quantity: str
    area: str
    source: str
    preferred: str
    overlap_h: int
    correlation_before: float
    correlation: float
    filled_h: int


def read(reader: Reader, start: int, end: int, areas: Iterable[str]) -> tuple[Archive, list[Link]]:
    """The archive of [start, end) with weather on one scale, and what was done for it."""
    areas = list(areas)
    order: dict[Key, list[str]] = {}
    for series in reader.series():  # of one key the preferred source comes first
        if series.quantity in WEATHER and series.area in areas:
            order.setdefault((series.quantity, series.area, series.consumer_type), []).append(series.source)
    order = {key: sources for key, sources in order.items() if len(sources) > 1}
    sources = dict.fromkeys(source for several in order.values() for source in several)
    alone = {source: reader.archive(start, end, areas, sources=[source], quantities=WEATHER) for source in sources}
    return harmonise(reader.archive(start, end, areas), alone, order)


def harmonise(archive: Archive, alone: Mapping[str, Archive], order: Mapping[Key, Sequence[str]]) -> tuple[Archive, list[Link]]:
    """An archive whose weather of lesser sources is on the scale of the preferred one, and the links made.

    `alone` holds the archive of each source, `order` the sources of each key that has several, preferred first.
    """
    known = [v.valid_time for a in alone.values() for v in a.versions.values()]
    if not known:
        return archive, []
    start = min(int(times.min()) for times in known)
    times = np.arange(start, max(int(t.max()) for t in known) + HOUR, HOUR, dtype=np.int64)
    inputs = {source: _inputs(a, times) for source, a in alone.items()}
    versions, links = dict(archive.versions), []
    for key, sources in order.items():
        present = [source for source in sources if key in alone[source].versions]
        grids = {source: _grid(alone[source].versions[key], times) for source in present}
        parts = []
        for rank, source in enumerate(present):
            own = alone[source].versions[key]
            shift = np.zeros(len(times))
            target = grids[present[0]]
            open_hours = np.isnan(target) & ~np.isnan(grids[source])
            shared = ~np.isnan(target) & ~np.isnan(grids[source])
            if rank and open_hours.any() and np.count_nonzero(shared) >= LEAST_OVERLAP_H:
                fit = np.clip(_fit(inputs[source], target, shared), *_RANGE.get(key[0], (-np.inf, np.inf)))
                shift[open_hours] = (fit - grids[source])[open_hours]
                before, after = _correlations(inputs[source], target, grids[source], shared, times)
                links.append(Link(key[0], key[1], source, present[0], int(shared.sum()), before, after, int(open_hours.sum())))
            # All versions of an hour move alike: forecasts keep their differences.
            parts.append((own, rank, own.value + shift[(own.valid_time - start) // HOUR]))
        versions[key] = Versions.sort(
            np.concatenate([own.valid_time for own, _, _ in parts]),
            np.concatenate([np.full(len(own.valid_time), rank, np.int64) for own, rank, _ in parts]),
            np.concatenate([own.available_at for own, _, _ in parts]),
            np.concatenate([value for _, _, value in parts]),
            np.concatenate([own.flags for own, _, _ in parts]),
        )
    return Archive(versions, archive.simulated), links


def _grid(versions: Versions, times: IntArray) -> FloatArray:
    """Newest known values at hourly times."""
    chosen = versions.known(FOREVER, int(times[0]), int(times[-1]) + HOUR)
    grid = np.full(len(times), np.nan)
    grid[(versions.valid_time[chosen] - times[0]) // HOUR] = versions.value[chosen]
    return grid


def _smooth(values: FloatArray, half_life: int) -> FloatArray:
    """Exponentially weighted mean of what is known of the last eight half-lives; NaN where nothing is."""
    kernel = 0.5 ** (np.arange(8 * half_life) / half_life)
    known = ~np.isnan(values)
    total = np.convolve(np.where(known, values, 0.0), kernel)[: len(values)]
    weight = np.convolve(known.astype(np.float64), kernel)[: len(values)]
    return np.where(weight > 1e-6, total / np.maximum(weight, 1e-6), np.nan)


def _inputs(archive: Archive, times: IntArray) -> FloatArray:
    """What a source says of each hour: all its quantities now and smoothed, and their daily and yearly cycles; shape (n, inputs)."""
    _, hour = clock.local_day_hour(times)
    day, year = 2 * np.pi * hour / 24, 2 * np.pi * (times / DAY % 365.25) / 365.25
    cycles = [f(k * day) for k in (1, 2) for f in (np.sin, np.cos)] + [np.sin(year), np.cos(year)]
    columns = cycles + [a * b for a in cycles[:2] for b in cycles[4:]]
    for (quantity, _, _), versions in archive.versions.items():
        if quantity in WEATHER:
            grid = _grid(versions, times)
            columns += [grid, *(_smooth(grid, hours) for hours in _HALF_LIVES_H), *(grid * cycle for cycle in cycles)]
    return np.column_stack(columns)


def _fit(inputs: FloatArray, target: FloatArray, learned: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> FloatArray:
    """Ridge regression of `target` on `inputs` over the hours `learned`, evaluated at every hour."""
    mean, deviation = np.nanmean(inputs[learned], axis=0), np.nanstd(inputs[learned], axis=0)
    z = np.nan_to_num((inputs - mean) / np.where(deviation > 1e-9, deviation, 1.0))
    x, y = z[learned], target[learned]
    middle = x.mean(axis=0)
    x = x - middle
    coefficients = np.linalg.solve(x.T @ x + _RIDGE * np.eye(x.shape[1]), x.T @ (y - y.mean()))
    fit: FloatArray = (z - middle) @ coefficients + y.mean()
    return fit


def _correlations(
    inputs: FloatArray,
    target: FloatArray,
    values: FloatArray,
    shared: np.ndarray[tuple[int], np.dtype[np.bool_]],
    times: IntArray,
) -> tuple[float, float]:
    """Correlation with the target of the source's values and of a fit to every second fortnight, over the other fortnights."""
    odd = times // (14 * DAY) % 2 == 1
    told = shared & ~odd
    fit = _fit(inputs, target, shared & odd)
    return tuple(round(float(np.corrcoef(x[told], target[told])[0, 1]), 3) for x in (values, fit))  # type: ignore[return-value]
