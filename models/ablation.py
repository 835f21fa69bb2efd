"""What each ingredient of the learner gives: the same years forecast without it, paired day by day."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine import comparison, features
from engine.domain import DAY, FloatArray, Tier
from engine.store import Archive, Reader
from models import learner, validation
from models.experiments import record
from models.learner import Centre, Recipe
from models.sampling import AREAS, Mask, Sample
from models.validation import Daily, Year

_HOLIDAYS = ("is_", "free", "bridge", "christmas_weeks", "sunday_if_free", "same_hour_unusual", "july", "industry_", "school_")
_NEW = ("temperature_lag_", "sun_", "dusk")
_TRUE = Recipe()
_ALONE = dataclasses.replace(_TRUE, sisters={name: dataclasses.replace(s, on_heads=False) for name, s in _TRUE.sisters.items()})

#: Further inputs for the rows of a sample, by name.
Extra = Callable[[Sample, Archive], Mapping[str, FloatArray]]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing done differently, under its name for the table, and the circumstances it is judged in (`validation.TESTS`)."""

    name: str
    without: Callable[[str], bool] = lambda _: False
    recipe: Recipe = _TRUE
    rows: Callable[[Sample], Mask] = lambda sample: np.ones(len(sample), bool)
    extra: Extra | None = None
    apart: bool = False
    harmonised: bool = True
    tests: tuple[str, ...] = ("10:00",)


def _starts(*prefixes: str) -> Callable[[str], bool]:
    return lambda name: name.startswith(prefixes)


def market(sample: Sample, archive: Archive) -> Mapping[str, FloatArray]:
    """Day-ahead wind and solar forecasts and price of each row's own area as known at its issue, and how they differ from the
    four weeks before at the same hour."""
    columns: dict[str, FloatArray] = {}
    for quantity in ("solar_forecast", "onshore_wind_forecast", "offshore_wind_forecast", "day_ahead_price"):
        now = np.full(len(sample), np.nan)
        before = np.full((4, len(sample)), np.nan)
        for area in AREAS:
            versions = archive.versions.get((quantity, area, "total"))
            if versions is None:
                continue
            mine = np.flatnonzero(sample.east == (area == "DK2"))
            for weeks in range(5):
                wanted = sample.valid_time[mine] - weeks * 7 * DAY
                at = np.searchsorted(versions.valid_time, wanted, side="right") - 1  # one version an hour in this archive
                known = (at >= 0) & (versions.valid_time[at] == wanted) & (versions.available_at[at] <= sample.issue_time[mine])
                value = np.where(known, versions.value[at], np.nan)
                if weeks:
                    before[weeks - 1, mine] = value
                else:
                    now[mine] = value
        columns[quantity] = now
        columns[f"{quantity}_anomaly"] = now - before.mean(axis=0)
    return columns


def neighbour(sample: Sample, _archive: Archive) -> Mapping[str, FloatArray]:
    """How the other price area deviated from its base in the hours before the issue."""
    key = sample.issue_time * 1_000_000 + (sample.valid_time - sample.issue_time) // 3600
    areas = [np.flatnonzero(sample.east == east) for east in (False, True)]
    _, west, east = np.intersect1d(key[areas[0]], key[areas[1]], return_indices=True)
    west, east = areas[0][west], areas[1][east]
    columns = {}
    for name in ("recent_6h", "recent_24h", "same_hour_1", "week_1"):
        told = np.full(len(sample), np.nan)
        told[west], told[east] = sample.column(name)[east], sample.column(name)[west]
        columns[f"neighbour_{name}"] = told
    return columns


def bends(sample: Sample, _archive: Archive) -> Mapping[str, FloatArray]:
    """Linear pieces of temperature and products of inputs, for the heads."""
    t, anomaly = sample.column("temperature_ewma_12h"), sample.column("temperature_ewma_12h_anomaly")
    wind, free = sample.column("wind_speed_anomaly"), sample.column("free")
    columns = {f"sin_bend_{at}": np.maximum(0.0, t - at) for at in (0, 5, 10, 14, 20)}  # "sin": not for trees
    columns |= {"sin_cold": anomaly * np.maximum(0, 12 - t) / 10, "sin_warm": anomaly * np.maximum(0, t - 16) / 5}
    columns |= {"sin_gale": np.maximum(wind, 0), "sin_cold_wind": wind * np.maximum(0, 12 - t) / 10, "sin_free_wind": wind * free}
    for name in ("sin1", "cos1"):
        columns |= {f"sin_season_{name}": anomaly * sample.column(name), f"sin_free_{name}": free * sample.column(name)}
    return {name: np.asarray(values, np.float64) for name, values in columns.items()}


CHANGES = (
    Change("without weather", features.is_weather),
    Change("without wind", _starts("wind_")),
    Change("without radiation and clouds", _starts("global_radiation", "cloud_cover")),
    Change("without holiday inputs", _starts(*_HOLIDAYS)),
    Change(
        "without light of day, changes of temperature, weather of the last 6 h",
        lambda name: name.startswith(_NEW) or name.endswith("_anomaly_6h"),
    ),
    Change("trees without heads", recipe=_ALONE),
    Change("without disturbed rows", rows=lambda sample: ~sample.disturbed, tests=("10:00", "1.2 K")),
    Change("without rows that have no weather", rows=lambda sample: ~sample.blind),
    Change("all lead times alike", recipe=dataclasses.replace(_TRUE, day_ahead_weight=1.0)),
    Change("weather of each source as it is", harmonised=False),
    Change("each area by itself", apart=True),
    Change("tried: wind and solar forecasts and price", extra=market, tests=("10:00", "20:00")),
    Change("tried: the other area's deviations", extra=neighbour),
    Change("tried: bends and products in the heads", extra=bends),
)
_CIRCUMSTANCES = {"10:00": "", "1.2 K": ", temperature errors of 1.2 K", "20:00": ", issued at 20:00"}


def ablate(reader: Reader, out: Path, years: Sequence[int] = validation.YEARS) -> Path:
    """Measure all changes, write `ablation.json` into `out` and a line into its table of experiments; returns the file.

    Raises Expected where the store holds too little.
    """
    began = time.monotonic()
    as_made = [validation.load_year(reader, year, Tier.FULL) for year in years]
    as_is = [validation.load_year(reader, year, Tier.FULL, harmonised=False, tests=()) for year in years]
    print(f"sampled, {time.monotonic() - began:.0f} s", flush=True)
    centres = [_fit(year, Change("")) for year in as_made]
    whole = {
        test: _joined(
            validation.score(y.tests[test], c.predict(y.tests[test].rows)) for y, c in zip(as_made, centres, strict=True)
        )
        for test in validation.TESTS
    }
    rows = [_row("as shipped", whole["10:00"], None)]
    rows.append(_row(f"as shipped{_CIRCUMSTANCES['1.2 K']}", whole["1.2 K"], whole["10:00"]))
    for i, name in enumerate(centres[0].experts):
        alone = _joined(
            validation.score(y.tests["10:00"], c.expert_logs(y.tests["10:00"].rows)[:, i])
            for y, c in zip(as_made, centres, strict=True)
        )
        rows.append(_row(f"{name} only", alone, whole["10:00"]))
    for change in CHANGES:
        logs = [
            _forecast(dataclasses.replace(year, train=year.train if change.harmonised else other.train), change)
            for year, other in zip(as_made, as_is, strict=True)
        ]
        for test in change.tests:
            done = _joined(validation.score(y.tests[test], told[test]) for y, told in zip(as_made, logs, strict=True))
            rows.append(_row(f"{change.name}{_CIRCUMSTANCES[test]}", done, whole[test]))
    seconds = round(time.monotonic() - began)
    about = (
        f"Day ahead, issued at 10:00, {' and '.join(map(str, years))}, each by a learner fitted to the years before it (an issue every "
        f"{validation.STEP_H} h), weather ex-post, before the engine's corrections; change of the absolute error against the learner as "
        "shipped in the same circumstances, with the 95 % interval of a 7-day block bootstrap."
    )
    out.mkdir(parents=True, exist_ok=True)
    found = {"about": about, "years": list(years), "seconds": seconds, "changes": rows}
    (out / "ablation.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    for row in rows:
        parameters = {"change": row["name"], "years": list(years)}
        record(out, "ablation", row["wape"], parameters, what=row["name"], tier=Tier.FULL.value, **as_made[-1].facts())
    return out / "ablation.json"


def _prepared(sample: Sample, archive: Archive, change: Change) -> Sample:
    """A sample with the inputs of a change."""
    if change.extra is not None:
        added = change.extra(sample, archive)
        columns = np.column_stack([sample.rows, *added.values()]).astype(np.float32)
        sample = dataclasses.replace(sample, names=(*sample.names, *added), rows=columns)
    return sample.only(name for name in sample.names if not change.without(name))


def _fit(year: Year, change: Change, rows: Mask | None = None) -> Centre:
    """A centre fitted to a year's training rows as changed; `rows` selects some of them."""
    sample = _prepared(year.train, year.archive, change)
    kept = change.rows(year.train) & (True if rows is None else rows)
    return learner.fit_centre(sample.where(kept), year.end, change.recipe)


def _forecast(year: Year, change: Change) -> Mapping[str, FloatArray]:
    """Forecasts log(load / base) of a year's tests by a learner with a change."""
    tests = {test: _prepared(year.tests[test], year.archive, change) for test in change.tests}
    if not change.apart:
        centre = _fit(year, change)
        return {name: centre.predict(test.rows) for name, test in tests.items()}
    by_area = {east: _fit(year, change, year.train.east == east) for east in (False, True)}
    return {
        name: np.where(test.east, by_area[True].predict(test.rows), by_area[False].predict(test.rows))
        for name, test in tests.items()
    }


def _joined(years: Iterable[Daily]) -> Daily:
    first, *later = years
    return sum(later, first)


def _row(name: str, daily: Daily, against: Daily | None) -> dict[str, Any]:
    """One line of the table."""
    differences = {}
    for area in daily.errors if against is not None else ():
        assert against is not None
        found = comparison.compare(daily.errors[area], against.errors[area])
        differences[area] = [round(100 * x, 2) for x in (found.relative_difference, *found.relative_interval)]
    wape = {area: round(daily.wape(area), 3) for area in daily.errors}
    told = "  ".join(f"{x:.3f}" for x in wape.values())
    print(f"{name:80s} {told}  {'  '.join(f'{d[0]:+.1f}' for d in differences.values())}", flush=True)
    return {"name": name, "wape": wape, "difference_percent": differences}
