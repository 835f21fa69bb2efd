"""Rolling-origin validation: what a learner fitted to all years before a year says of that year, day ahead, and how good it was."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine import clock, features
from engine.domain import DAY, HORIZON_H, FloatArray, History, Tier
from engine.store import Archive, Reader
from models import harmonise
from models.sampling import AREAS, REGIMES, Sample, day_ahead, pool, sample_area, with_weather_error

#: Years that choices are made on. 2022 is for the final test alone.
YEARS = (2020, 2021)
#: Hours between the issues learned from: more than a bundle has, to be quick; they too meet every hour of the week.
STEP_H = 11
_FIRST_DAY = dt.date(2015, 4, 5)
_NOISE_K = 1.2


@dataclass(frozen=True, slots=True)
class Year:
    """A year to validate on: rows of the years before it, ending at `end`, and rows of its days by circumstance (`TESTS`)."""

    end: int
    train: Sample
    tests: Mapping[str, Sample]
    archive: Archive

    def facts(self) -> dict[str, object]:
        """What the experiment table tells of the data learned from."""
        times = self.train.valid_time
        return {"data_from": clock.iso(int(times.min())), "data_to": clock.iso(int(times.max())), "rows": len(times)}


def _noisy(history: History) -> History:
    """Errors of 1.2 K in the temperature after the issue, AR(1) by the hour, the same for all areas."""
    shocks = np.random.default_rng(history.as_of).normal(size=(1, HORIZON_H + 1))
    return with_weather_error(history, shocks, {"temperature": (_NOISE_K, _NOISE_K, _NOISE_K)})


_CIRCUMSTANCES: Mapping[str, tuple[int, Callable[[History], History] | None]] = {
    "10:00": (10, None),
    "1.2 K": (10, _noisy),
    "20:00": (20, None),
}
#: Circumstances of a test: issued at 10:00 of the day before, the same with temperature errors of 1.2 K, issued at 20:00.
TESTS = tuple(_CIRCUMSTANCES)


def load_year(reader: Reader, year: int, tier: Tier, harmonised: bool = True, tests: Sequence[str] = TESTS) -> Year:
    """Sample one year and what came before it. Raises Expected where the store holds too little."""
    first, last = dt.date(year, 1, 1), dt.date(year, 12, 31)
    start, end = clock.local_midnight(_FIRST_DAY), clock.local_midnight(first)
    before = start - features.LOOKBACK_DAYS * DAY
    whole = reader.archive(before, clock.local_midnight(last) + 2 * DAY, [*AREAS, "DK"])
    tested = {
        name: pool([day_ahead(whole, area, first, last, hour, change) for area in AREAS])
        for name, (hour, change) in _CIRCUMSTANCES.items()
        if name in tests
    }
    archive = (
        harmonise.read(reader, before, end, [*AREAS, "DK"])[0] if harmonised else reader.archive(before, end, [*AREAS, "DK"])
    )
    train = pool([sample_area(archive, area, start, end, REGIMES[tier], STEP_H) for area in AREAS])
    return Year(end, train, tested, whole)


@dataclass(frozen=True, slots=True)
class Daily:
    """Absolute errors and load in MWh by area, summed over each Danish day."""

    errors: Mapping[str, FloatArray]
    load: Mapping[str, FloatArray]

    def wape(self, area: str) -> float:
        """WAPE in percent."""
        return float(100 * self.errors[area].sum() / self.load[area].sum())

    def __add__(self, later: Daily) -> Daily:
        """Both periods, one after the other."""
        return Daily(
            *({a: np.concatenate([x[a], y[a]]) for a in x} for x, y in ((self.errors, later.errors), (self.load, later.load)))
        )


def score(test: Sample, logs: FloatArray) -> Daily:
    """Daily errors of forecasts log(load / base) of a test's rows, for each price area and for Denmark as their sum."""
    observed, forecast = test.observed, test.base * np.exp(logs)
    areas = {area: np.flatnonzero(test.east == (area == "DK2")) for area in AREAS}
    _, west, east = np.intersect1d(test.valid_time[areas["DK1"]], test.valid_time[areas["DK2"]], return_indices=True)
    both = np.stack([areas["DK1"][west], areas["DK2"][east]])
    parts = {area: (test.valid_time[i], observed[i], forecast[i]) for area, i in areas.items()}
    parts["DK"] = (test.valid_time[both[0]], observed[both].sum(axis=0), forecast[both].sum(axis=0))
    errors: dict[str, FloatArray] = {}
    load: dict[str, FloatArray] = {}
    for area, (times, truth, said) in parts.items():
        _, day = np.unique(clock.local_day_hour(times)[0], return_inverse=True)
        errors[area] = np.bincount(day, np.abs(said - truth)).astype(np.float64)
        load[area] = np.bincount(day, truth).astype(np.float64)
    return Daily(errors, load)
