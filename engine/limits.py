"""Limits that loads should stay under: how they are written, and how probable it is that a forecast load exceeds one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from engine.domain import DAY, HOUR, Consumer, Expected, FloatArray, QuantileForecast

#: How far ahead in seconds an alarm looks.
ALARM_S = 2 * DAY


@dataclass(frozen=True, slots=True)
class Limits:
    """Loads in MWh an hour by consumer, and the probability in percent of exceeding one at which the alarm is raised."""

    loads: Mapping[Consumer, float] = field(default_factory=dict)
    alarm_percent: int = 20

    @property
    def alarm(self) -> float:
        """The probability from which on there is an alarm."""
        return self.alarm_percent / 100

    @property
    def quiet(self) -> float:
        """The probability under which an alarm ends: half of that, so that it does not come and go."""
        return self.alarm / 2

    @property
    def text(self) -> str:
        """As `parse` reads it."""
        return ", ".join(f"{written(of)}={limit:.15g}" for of, limit in self.loads.items())

    @staticmethod
    def parse(text: str, alarm_percent: int = 20) -> Limits:
        """Limits written as `DK1=3400, 851/household=120`; raises Expected naming the part that is wrong."""
        loads: dict[Consumer, float] = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            name, _, number = (side.strip() for side in part.partition("="))
            of = named(name)
            limit = _number(number)
            if not (of.area and of.consumer_type and math.isfinite(limit) and limit > 0):
                raise Expected(
                    f"'{part}' is no limit of a load.", "Write limits in MWh an hour like DK1=3400, 851/household=120.5."
                )
            if of in loads:
                raise Expected(f"{written(of)} has two limits.", "Leave one of them out.")
            loads[of] = limit
        return Limits(loads, alarm_percent)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def written(of: Consumer) -> str:
    """A consumer as limits name it: its area, and its type where that is not all of it."""
    return of.area if of.consumer_type == "total" else f"{of.area}/{of.consumer_type}"


def named(name: str) -> Consumer:
    """The consumer that a name of `written` means."""
    area, slash, consumer_type = (side.strip() for side in name.partition("/"))
    return Consumer(area, consumer_type if slash else "total")


def exceedance(quantiles: FloatArray, levels: tuple[float, ...], limit: float) -> FloatArray:
    """P(load > limit) of each hour, shape (n,), from quantiles (n, levels) in MWh; NaN where one is NaN.

    Linear between two levels. Beyond the outermost it falls off exponentially with the density between the two outermost.
    """
    count = len(levels)
    at = np.array(levels)
    below = (quantiles <= limit).sum(axis=1)
    low, high = np.clip(below - 1, 0, count - 2), np.clip(below, 1, count - 1)
    rows = np.arange(len(quantiles))
    under, over = quantiles[rows, low], quantiles[rows, high]
    with np.errstate(divide="ignore", invalid="ignore"):
        inside = at[low] + (at[high] - at[low]) * (limit - under) / (over - under)
        first = at[0] * np.exp(-_steps(quantiles[:, 0] - limit, quantiles[:, 1] - quantiles[:, 0], at[1] - at[0], at[0]))
        last = 1 - (1 - at[-1]) * np.exp(
            -_steps(limit - quantiles[:, -1], quantiles[:, -1] - quantiles[:, -2], at[-1] - at[-2], 1 - at[-1])
        )
    share = np.where(below == 0, first, np.where(below == count, last, inside))
    return np.where(np.isnan(quantiles).any(axis=1), np.nan, 1 - share)


def _steps(beyond: FloatArray, width: FloatArray, mass: float, tail: float) -> FloatArray:
    """How many of its own lengths a tail is left behind: its density begins as that of `mass` spread over `width`."""
    return np.where(beyond > 0, beyond * mass / (tail * width), 0.0)


@dataclass(frozen=True, slots=True)
class Peak:
    """The largest hour ahead: its start, P50, P10 and P90 in MWh.

    `probability` is that of the hour most probable to exceed the limit, which begins at `probable_at`; NaN without a limit.
    """

    time: int
    load: float
    low: float
    high: float
    probability: float
    probable_at: int


def peak(forecast: QuantileForecast, now: int, span_s: int, limit: float | None = None) -> Peak | None:
    """The peak of the hours that begin within `span_s` seconds after `now`; None where none of them is forecast."""
    ahead = np.flatnonzero((forecast.valid_time > now) & (forecast.valid_time <= now + span_s))
    if not len(ahead):
        return None
    quantiles = forecast.quantiles[ahead]
    low, middle, high = (quantiles[:, forecast.levels.index(level)] for level in (0.1, 0.5, 0.9))
    best = int(np.argmax(middle))
    risk = np.full(len(ahead), math.nan) if limit is None else exceedance(quantiles, forecast.levels, limit)
    risky = int(np.argmax(risk)) if limit is not None else best
    times = forecast.valid_time[ahead]
    return Peak(
        *(int(times[best]), float(middle[best]), float(low[best]), float(high[best])),
        *(float(risk[risky]), int(times[risky])),
    )


def lead_h(peak_time: int, now: int) -> int:
    """Whole hours until an hour begins."""
    return max(0, -(-(peak_time - now) // HOUR))
