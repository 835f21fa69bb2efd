"""Champion against challenger: what one settled day says about them, and when enough days have spoken."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine import comparison, scoring
from engine.domain import HOUR, MEDIAN, FloatArray, IntArray, QuantileForecast
from engine.store.roster import DayLoss

#: Lead times compared, in hours.
FIRST_LEAD_H, LAST_LEAD_H = 1, 48
#: Share of a day's hourly issues that must be there from both for the day to count.
_ENOUGH = 0.5
#: Confidence of the interval; each of its two questions ("better?", "worse?") is wrong at most one time in twenty.
LEVEL = 0.90
#: Days after which a challenger that is neither better nor worse is let go.
LONGEST_DAYS = 400


class Verdict(enum.StrEnum):
    """What the days say should be done with a challenger."""

    UNDECIDED = "undecided"
    PROMOTE = "promote"
    DROP = "drop"


def day_loss(
    day: int,
    observed: Mapping[str, tuple[IntArray, FloatArray]],
    champion: Mapping[str, Sequence[QuantileForecast]],
    challenger: Mapping[str, Sequence[QuantileForecast]],
) -> DayLoss | None:
    """Losses of both over the hours of a day, for all areas, lead times of 1 to 48 h and issues that both made.

    All are by area; `observed` holds valid times and loads in MWh. None where too few issues are there to speak for the day.
    """
    pairs, load, sums = 0, 0.0, np.zeros((2, 2))
    for area, (hours, loads) in observed.items():
        others = {issue.issue_time: issue for issue in challenger[area]}
        for both in ((issue, others[issue.issue_time]) for issue in champion[area] if issue.issue_time in others):
            lead = (hours - both[0].issue_time) / HOUR
            first, last = max(issue.valid_time[0] for issue in both), min(issue.valid_time[-1] for issue in both)
            chosen = (lead >= FIRST_LEAD_H) & (lead <= LAST_LEAD_H) & (hours >= first) & (hours <= last)
            truth = loads[chosen]
            for row, issue in enumerate(both):
                quantiles = issue.quantiles[(hours[chosen] - issue.valid_time[0]) // HOUR]
                sums[row] += np.abs(quantiles[:, MEDIAN] - truth).sum(), scoring.decile_loss(truth, quantiles).sum()
            pairs += len(truth)
            load += float(truth.sum())
    possible = LAST_LEAD_H * sum(len(hours) for hours, _ in observed.values())
    if not load > 0 or pairs < _ENOUGH * possible:
        return None
    (champion_wape, champion_wql), (challenger_wape, challenger_wql) = (100 * sums / load).tolist()
    return DayLoss(day, pairs, champion_wape, challenger_wape, champion_wql, challenger_wql)


@dataclass(frozen=True, slots=True)
class Course:
    """How the mean difference in WQL (challenger less champion, percent of load) went, day by day, with its bounds; infinite at first."""

    day: IntArray
    mean: FloatArray
    low: FloatArray
    high: FloatArray


def course(losses: Sequence[DayLoss]) -> Course:
    """The running comparison after each day."""
    difference = np.array([d.challenger_wql - d.champion_wql for d in losses])
    low, high = comparison.confidence_sequence(difference, LEVEL)
    mean = np.cumsum(difference) / np.arange(1, len(difference) + 1)
    return Course(np.array([d.day for d in losses], np.int64), mean, low, high)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What all days say: mean losses in percent of load, the difference in WQL (negative: the challenger is better), its bounds.

    The bounds hold at every moment together, so one may look every day. NaN where there is no day, infinite for eight weeks.
    """

    champion: str
    challenger: str
    days: int
    champion_wape: float
    challenger_wape: float
    champion_wql: float
    challenger_wql: float
    difference: float
    low: float
    high: float
    verdict: Verdict

    @property
    def relative(self) -> float:
        """The difference as percent of the champion's WQL."""
        return 100 * self.difference / self.champion_wql if self.days else math.nan

    def sentence(self) -> str:
        """The finding in words."""
        if not self.days:
            return f"{self.challenger} against {self.champion}: no settled day yet."
        size = f"{abs(self.relative):.1f} % {'lower' if self.difference < 0 else 'higher'}"
        losses = f"{self.challenger_wql:.2f} against {self.champion_wql:.2f} % of load"
        found = f"The WQL of {self.challenger} was {size} than that of {self.champion} on {self.days} days ({losses})"
        if not math.isfinite(self.low):
            return f"{found}; no claim is made before eight weeks."
        bounds = f"the 90 % bounds of the difference are {self.low:+.3f} and {self.high:+.3f}"
        claim = {
            Verdict.PROMOTE: "leave out 0: promote it.",
            Verdict.DROP: "leave out 0: drop it." if self.low > 0 else f"still hold 0 after {LONGEST_DAYS} days: drop it.",
            Verdict.UNDECIDED: "hold 0: not decided yet."
            if self.high >= 0
            else "leave out 0, but its absolute error is higher: not decided yet.",
        }[self.verdict]
        return f"{found}; {bounds} and {claim}"


def evidence(champion: str, challenger: str, losses: Sequence[DayLoss]) -> Evidence:
    """What all days say. A challenger is better when the bounds of the WQL say so and those of the absolute error do not say worse."""
    if not losses:
        nan, inf = math.nan, math.inf
        return Evidence(champion, challenger, 0, nan, nan, nan, nan, nan, -inf, inf, Verdict.UNDECIDED)
    run = course(losses)
    low, high = float(run.low[-1]), float(run.high[-1])
    absolute_low, _ = comparison.confidence_sequence(np.array([d.challenger_wape - d.champion_wape for d in losses]), LEVEL)
    if high < 0 and not absolute_low[-1] > 0:
        verdict = Verdict.PROMOTE
    elif low > 0 or len(losses) >= LONGEST_DAYS:
        verdict = Verdict.DROP
    else:
        verdict = Verdict.UNDECIDED
    means = np.mean([(d.champion_wape, d.challenger_wape, d.champion_wql, d.challenger_wql) for d in losses], axis=0)
    wape, other_wape, wql, other_wql = means.tolist()
    difference = float(run.mean[-1])
    return Evidence(champion, challenger, len(losses), wape, other_wape, wql, other_wql, difference, low, high, verdict)
