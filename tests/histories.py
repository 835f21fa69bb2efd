"""Archives with a plain synthetic truth, for tests of what is made from them."""

from __future__ import annotations

import numpy as np

from engine import clock
from engine.domain import DAY, HOUR, WEATHER, Flag, FloatArray, IntArray
from engine.store import Archive
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
