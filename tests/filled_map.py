"""Adds the late loads of regions and municipalities, and pooled issues of them, to a filled database."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
from filled_store import NOW, fill

from engine import clock, geography
from engine.domain import DAY, HOUR, LEVELS, Consumer, FloatArray, IntArray, Observations, QuantileForecast, Reason, Series, Tier
from engine.geography import Kind
from engine.store import Writer

#: Days between an hour and its publication, of regions and of municipalities.
LAG_DAYS = {Kind.REGION: 9, Kind.MUNICIPALITY: 11}
#: Hour of the evening peak and share of the day's shape by consumer type.
_PEAKS = {"household": 18.0, "business": 10.5, "public": 11.5}
_SIZES = {"household": 0.16, "business": 0.30, "public": 0.06}  # kWh an inhabitant and hour
_DEVIATIONS = np.interp(LEVELS, [0.05, 0.25, 0.5, 0.75, 0.95], [-1.64, -0.67, 0.0, 0.67, 1.64])


def inhabitants(area: str) -> int:
    """Of a municipality, or of all in a region."""
    return geography.AREAS[area].population or sum(inhabitants(child) for child in geography.children(area))


def load_mwh(of: Consumer, times: IntArray) -> FloatArray:
    """A load with a peak of its consumer type, weekends, and a size, an hour and a wander that differ from area to area."""
    day, hour = clock.local_day_hour(times)
    chance = np.random.default_rng(int(of.area))
    size, shift, pace = chance.uniform(0.75, 1.35), chance.uniform(-1.6, 1.6), chance.uniform(5.0, 14.0)
    peak = _PEAKS[of.consumer_type] + shift
    weekend = np.where((day + 3) % 7 >= 5, 1.06 if of.consumer_type == "household" else 0.78, 1.0)
    shape = 0.7 + 0.35 * np.exp(-(((hour - 8 - shift) / 3) ** 2)) + 0.7 * np.exp(-(((hour - peak) / 3.5) ** 2))
    wander = 1 + 0.1 * np.sin(times / (pace * DAY) + shift)
    load: FloatArray = _SIZES[of.consumer_type] * size * inhabitants(of.area) / 1000 * shape * weekend * wander
    return load


def issue(of: Consumer, issue_time: int, newest: int, simulated: bool = False) -> QuantileForecast:
    """A pooled issue: the bridge after the newest truth, and two days ahead; wider with every day."""
    times = np.arange(newest + HOUR, issue_time + 48 * HOUR + 1, HOUR, dtype=np.int64)
    middle = load_mwh(of, times) * (1 + 0.01 * np.sin(times / DAY))
    wide = 0.03 + 0.004 * (times - newest) / DAY
    quantiles = middle[:, None] * (1 + wide[:, None] * _DEVIATIONS[None, :])
    inputs = {"newest_load": clock.iso(newest)}
    return QuantileForecast(
        *of, issue_time, times, LEVELS, np.round(quantiles, 2), Tier.POOLED, Reason.NONE, "pooled-2026", inputs, False, simulated
    )


def fill_map(
    folder: Path,
    now: int = NOW,
    simulated: bool = False,
    missing: tuple[str, ...] = (),
    frozen: tuple[str, ...] = (),
    days: int = 16,
    load_days: int = 30,
) -> Path:
    """Fill a data folder with price areas, regions and municipalities as it would stand at `now`.

    Of `missing` areas nothing is known, of `frozen` ones no load of the last 30 days.
    """
    fill(folder, now, days=days, simulated=simulated, learned=False, tso=False)
    writer = Writer(folder / "lastvagt.sqlite", simulated=simulated)
    consumers = [Consumer(area, kind) for area in geography.of_kind(Kind.REGION, now) for kind in geography.REGION_TYPES]
    consumers += [Consumer(area, "household") for area in geography.of_kind(Kind.MUNICIPALITY)]
    issues = []
    for of in consumers:
        if of.area in missing:
            continue
        kind = geography.kind(of.area)
        lag_days = 30 if of.area in frozen else LAG_DAYS[kind]
        newest = clock.local_midnight(clock.local(now).date()) - lag_days * DAY - HOUR
        times = np.arange(newest - load_days * DAY, newest + HOUR, HOUR, dtype=np.int64)
        source = "ConsumptionConsumerCategoryHour" if kind is Kind.REGION else "PrivateConsumptionHeatingHour"
        flags = np.zeros(len(times), np.uint8)
        values = np.round(load_mwh(of, times), 3)
        writer.put(
            [Observations(Series("load", of.area, source, of.consumer_type), times, times + DAY, values, flags, simulated)]
        )
        issued = clock.floor_hour(now) - (HOUR if kind is Kind.REGION else 11 * HOUR)
        issues.append(issue(of, issued, newest, simulated))
    by_consumer = {Consumer(made.area, made.consumer_type): made for made in issues}
    sums = [Consumer(area) for area in geography.of_kind(Kind.REGION, now)]
    sums += [Consumer(area, kind) for area in ("DK1", "DK2") for kind in geography.REGION_TYPES]
    for of in sums:
        parts = [by_consumer[part] for part in geography.addends(of, now)]
        total = np.sum([part.quantiles for part in parts], axis=0)
        issues.append(dataclasses.replace(parts[0], area=of.area, consumer_type=of.consumer_type, quantiles=total))
    writer.put_forecasts(issues, now)
    writer.close()
    return folder
