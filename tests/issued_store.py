"""A store whose issues real bundles made from what it says was known, for tests of what is told about them."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from pathlib import Path

import bundles
import histories
import numpy as np

from engine import clock, features, geography, issuing, pipeline
from engine.domain import DAY, HOUR, INPUTS, WEATHER, Consumer, FloatArray, IntArray, Observations, Series, Tier
from engine.forecaster import Bundle, Forecaster
from engine.store import Reader, Writer

NOW = clock.parse_utc("2026-11-24T09:00Z")
HOUSEHOLDS = Consumer("851", "household")
REGION = (Consumer("1082", "household"), Consumer("1082", "business"), Consumer("1082", "public"))
_MEAN_MWH = {Consumer("DK1"): 2600.0, Consumer("DK2"): 1500.0, HOUSEHOLDS: 40.0, **dict.fromkeys(REGION, 90.0)}
LATE_H = 264


@functools.cache
def bundle(tier: Tier) -> Bundle:
    """The shipped bundle of a tier."""
    return Bundle.load(bundles.shipped(tier))


def bundle_of(model_id: str) -> Bundle:
    """A shipped bundle by its name."""
    return next(made for tier in (Tier.FULL, Tier.NO_WEATHER, Tier.POOLED) if (made := bundle(tier)).model_id == model_id)


def fill(
    path: Path,
    issue_times: Iterable[int] = (NOW - HOUR, NOW),
    seed: int = 1,
    weather_runs: Iterable[tuple[int, float]] = (),
    late: bool = False,
    days: int = 45,
    weather: bool = True,
    tiers: tuple[Tier, ...] = (Tier.FULL, Tier.POOLED),
    gap_h: tuple[int, int] = (0, 0),
) -> Reader:
    """Load of both price areas to two hours before `NOW`, a weather run of six days before it, and of each of `weather_runs` one
    more, known at its moment and so many degrees warmer; with `late` a municipality and a region; without load from so many hours to so
    many hours ago. Then issues of each time."""
    chance = np.random.default_rng(seed)
    writer = Writer(path)
    for of, mean in _MEAN_MWH.items():
        lag_h = 2 if of.consumer_type == "total" else LATE_H
        if lag_h == LATE_H and not late:
            continue
        hours = clock.floor_hour(NOW) - days * DAY + HOUR * np.arange(days * 24 - lag_h + 1, dtype=np.int64)
        hours = hours[(hours < NOW - gap_h[0] * HOUR) | (hours >= NOW - gap_h[1] * HOUR)]
        load = histories.load_at(hours, mean) * np.exp(0.02 * chance.normal(size=len(hours)))
        writer.put([_observations(Series("load", *of[:1], "test", of.consumer_type), hours, hours + lag_h * HOUR, load)])
    hours = NOW - days * DAY + HOUR * np.arange((days + 8) * 24, dtype=np.int64)
    for known_at, warmer in ((NOW - 6 * DAY, 0.0), *weather_runs) if weather else ():
        writer.put(list(_weather(hours, known_at, warmer, seed)))
    reader = Reader(path)
    forecaster = Forecaster([bundle(tier) for tier in tiers])
    for issue_time in issue_times:
        issue(writer, reader, forecaster, issue_time)
        if late:
            pipeline.forecast_late(writer, reader, forecaster, issue_time, issue_time)
    writer.close()
    return reader


def issue(writer: Writer, reader: Reader, forecaster: Forecaster, issue_time: int) -> None:
    """Publish issues of the price areas as the models make them, with nothing learned."""
    start, hours = features.window(issue_time)
    end = start + hours * HOUR
    archive = reader.archive(start, end, geography.PRICE_AREAS, issue_time, quantities=INPUTS, newest_only=True)
    writer.put_forecasts(issuing.make_issues(archive, forecaster, issue_time, {}), issue_time)


def _observations(series: Series, hours: IntArray, known_at: IntArray, values: FloatArray) -> Observations:
    return Observations(series, hours, known_at, values, np.zeros(len(hours), np.uint8))


def _weather(hours: IntArray, known_at: int, warmer: float, seed: int) -> Iterable[Observations]:
    ahead = hours > known_at
    for area in ("DK1", "DK2"):
        for i, quantity in enumerate(WEATHER):
            values = 6 + 3 * np.sin(hours / (2 * DAY) + i + seed) + (warmer * ahead if quantity == "temperature" else 0.0)
            yield _observations(Series(quantity, area, "test"), hours, np.minimum(hours, known_at), values)
