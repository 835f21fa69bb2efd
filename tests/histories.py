"""Archives with a plain synthetic truth, for tests of what is made from them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine import clock
from engine.domain import DAY, HOUR, WEATHER, Flag, FloatArray, IntArray, Observations, Series
from engine.store import Archive, Reader, Writer
from engine.store.archive import Versions

LAG_S = 2 * HOUR


def load_at(valid_time: IntArray, mean: float = 2600.0) -> FloatArray:
    """A load that depends on Danish weekday and hour alone."""
    day, hour = clock.local_day_hour(valid_time)
    weekend = np.isin((day + 3) % 7, (5, 6))
    return mean * (1 + 0.2 * np.sin((hour - 6) / 24 * 2 * np.pi) - 0.1 * weekend)


def versions(valid_time: IntArray, value: FloatArray, known_after_s: int, flag: Flag = Flag.PLAIN) -> Versions:
    """One version of each hour."""
    n = len(valid_time)
    return Versions.sort(valid_time, np.zeros(n, np.int64), valid_time + known_after_s, value, np.full(n, flag, np.uint8))


def with_weather_runs(made: Archive, now: int) -> Archive:
    """The same, with newer forecasts of every weather hour: one known six hours before `now`, one six hours after."""
    runs = dict(made.versions)
    for key, v in made.versions.items():
        if key[0] in WEATHER:
            times = np.concatenate([v.valid_time] * 3)
            known = np.concatenate(
                [v.available_at, np.full(len(v.valid_time), now - 6 * HOUR), np.full(len(v.valid_time), now + 6 * HOUR)]
            )
            value = np.concatenate([v.value, v.value + 1, v.value + 5])
            runs[key] = Versions.sort(times, np.zeros(len(times), np.int64), known, value, np.zeros(len(times), np.uint8))
    return Archive(runs)


def archive(now: int, days: int = 100, weather: bool = True, ahead_days: int = 9, noise: float = 0.01) -> Archive:
    """Load of DK1 and DK2 with noise, published two hours late, and weather known long before, around `now`."""
    rng = np.random.default_rng(4)
    hours = clock.floor_hour(now) - days * DAY + HOUR * np.arange((days + ahead_days) * 24, dtype=np.int64)
    made = {}
    for area, mean in (("DK1", 2600.0), ("DK2", 1500.0)):
        load = load_at(hours, mean) * np.exp(noise * rng.normal(size=len(hours)))
        made[("load", area, "total")] = versions(hours, load, LAG_S)
        for quantity in WEATHER if weather else ():
            made[(quantity, area, "total")] = versions(hours, 8 + 4 * np.sin(hours / DAY), -30 * DAY, Flag.EX_POST)
    return Archive(made)


def fill(path: Path, end: int, days: int, weather: bool = True) -> Reader:
    """A store with that many days of load, following the weather a little, and of weather known long before, up to `end`."""
    hours = end - days * DAY + HOUR * np.arange(days * 24, dtype=np.int64)
    temperature = 8 + 6 * np.sin(hours / (17 * DAY)) + 2 * np.sin(hours / (3 * DAY))
    noise = np.random.default_rng(1).normal(size=(2, len(hours)))
    batches = []
    for i, (area, mean) in enumerate((("DK1", 2600.0), ("DK2", 1500.0))):
        load = load_at(hours, mean) * np.exp(-0.004 * temperature + 0.01 * noise[i])
        flags = np.full(len(hours), Flag.NOMINAL, np.uint8)
        batches.append(Observations(Series("load", area, "test"), hours, hours + LAG_S, load, flags))
        for quantity in WEATHER if weather else ():
            values = temperature if quantity == "temperature" else 5 + np.sin(hours / (2 * DAY))
            foresight = np.full(len(hours), Flag.EX_POST, np.uint8)
            batches.append(Observations(Series(quantity, area, "test"), hours, hours - 9 * DAY, values, foresight))
    writer = Writer(path)
    writer.put(batches, now=end)
    writer.close()
    return Reader(path)
