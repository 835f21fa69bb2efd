"""What operators change about forecasts: which adjustments make sense, when each is in force, and the forecast that they make."""

from __future__ import annotations

import dataclasses
import enum
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine import geography
from engine.clock import floor_hour, iso
from engine.domain import DAY, HOUR, Consumer, Expected, FloatArray, IntArray, QuantileForecast

#: How far ahead of now an adjustment may reach.
REACH_S = 8 * DAY
#: Least and greatest factor, and the most MWh an hour that may be added or taken, as a share of the consumer's usual load.
FACTORS = (0.5, 1.5)
MOST_ADDED = 0.5
#: Decimals of a published MWh: whole Wh.
_DECIMALS = 6


class Act(enum.StrEnum):
    """What an adjustment does: add MWh to every hour, or multiply."""

    ADD = "add"
    MULTIPLY = "multiply"


class State(enum.StrEnum):
    """How things stand with an adjustment: in force, taken back, out of date before its last hour, or past."""

    ACTIVE = "active"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    ENDED = "ended"


class Refused(Expected):
    """A decision that makes no sense, or comes too late."""


@dataclass(frozen=True, slots=True)
class Adjustment:
    """What an operator decided about the forecast of the hours in [valid_start, valid_end); `amount` is MWh an hour or a factor.

    What is in force when an hour begins stays with that hour. From `expires_at` on, or once it is withdrawn, an adjustment
    changes no hour that has not begun; it is never deleted.
    """

    adjustment_id: int
    consumer: Consumer
    act: Act
    amount: float
    valid_start: int
    valid_end: int
    made_at: int
    expires_at: int
    who: str
    reason: str
    withdrawn_at: int | None = None
    withdrawn_by: str = ""
    withdrawn_for: str = ""

    def state(self, now: int) -> State:
        """How things stand with it."""
        if self.withdrawn_at is not None and self.withdrawn_at <= now:
            return State.WITHDRAWN
        if self.expires_at < self.valid_end and self.expires_at <= now:
            return State.EXPIRED
        return State.ENDED if self.valid_end <= now else State.ACTIVE

    def in_force(self, hours: IntArray, at: int) -> npt.NDArray[np.bool_]:
        """Which of these hours it changes as things stand at a moment."""
        until = self.expires_at if self.withdrawn_at is None else min(self.expires_at, self.withdrawn_at)
        decided = np.minimum(hours, at)
        return np.asarray(
            (hours >= self.valid_start) & (hours < self.valid_end) & (self.made_at <= decided) & (decided < until), np.bool_
        )


def check(wanted: Adjustment, now: int, usual_mwh: float) -> None:
    """Raise `Refused` where an adjustment makes no sense at a moment; `usual_mwh` is the load an hour of its consumer usually has."""
    first, last = floor_hour(now) + HOUR, floor_hour(now) + REACH_S
    if wanted.valid_start % HOUR or wanted.valid_end % HOUR:
        raise Refused("An adjustment begins and ends at a full hour.", "Give times such as 2026-10-25T14:00Z.")
    if wanted.valid_end <= wanted.valid_start:
        raise Refused("The adjustment ends before it begins.", "Let the end be after the start.")
    if wanted.valid_start < first:
        begun = "An hour that has begun keeps what was published for it."
        raise Refused(begun, f"Begin with the hour from {iso(first)} or later.")
    if wanted.valid_end > last:
        raise Refused("The adjustment reaches further ahead than forecasts do.", f"Let it end by {iso(last)}.")
    if not now < wanted.expires_at <= wanted.valid_end:
        raise Refused(
            "The adjustment expires outside its time.", "Let it expire after now, and with its last hour at the latest."
        )
    if not wanted.reason.strip():
        raise Refused("An adjustment needs a reason.", "Say in a few words what the model cannot know.")
    _check_amount(wanted.act, wanted.amount, usual_mwh)


def _check_amount(act: Act, amount: float, usual_mwh: float) -> None:
    nothing = 1.0 if act is Act.MULTIPLY else 0.0
    if not math.isfinite(amount) or amount == nothing:
        raise Refused(f"To {act} {amount:g} changes nothing.", "Give another amount.")
    if act is Act.MULTIPLY and not FACTORS[0] <= amount <= FACTORS[1]:
        raise Refused(f"The factor {amount:g} is too far from 1.", f"Give one from {FACTORS[0]:g} to {FACTORS[1]:g}.")
    most = MOST_ADDED * usual_mwh
    if act is Act.ADD and abs(amount) > most:
        problem = f"{amount:g} MWh an hour is more than half of the usual load."
        raise Refused(problem, f"Give at most {most:.4g} MWh an hour, up or down.")


@dataclass(frozen=True, slots=True)
class Step:
    """What one adjustment does to the median of each hour of a forecast, MWh, after those that were made before it."""

    adjustment: Adjustment
    change: FloatArray


@dataclass(frozen=True, slots=True)
class Published:
    """The model's `issue`, the `forecast` that adjustments make of it, and their steps, in the order they were made."""

    issue: QuantileForecast
    forecast: QuantileForecast
    steps: tuple[Step, ...]

    @property
    def change(self) -> FloatArray:
        """What all adjustments together do to the median of each hour, MWh."""
        total: FloatArray = np.sum([np.zeros(len(self.issue.valid_time)), *(step.change for step in self.steps)], axis=0)
        return total


def untouched(issue: QuantileForecast) -> Published:
    """An issue as its model made it."""
    return Published(issue, issue, ())


def published(
    issue: QuantileForecast, adjustments: Iterable[Adjustment], at: int, parts: Mapping[Consumer, QuantileForecast]
) -> Published:
    """An issue with the adjustments in force at a moment: quantiles are shifted or scaled together and never below 0.

    What changes the median of one of the `parts` that add up to it (`geography.addends`) shifts the whole by as many MWh; an
    adjustment of the whole alone stays there.
    """
    of, ordered = Consumer(issue.area, issue.consumer_type), sorted(adjustments, key=lambda a: (a.made_at, a.adjustment_id))
    shifts = {
        step.adjustment.adjustment_id: _on(issue.valid_time, parts[part].valid_time, step.change)
        for part in geography.addends(of, issue.issue_time)
        if part in parts
        for step in published(parts[part], ordered, at, parts).steps
    }
    quantiles, median, steps = issue.quantiles, issue.levels.index(0.5), list[Step]()
    for adjustment in ordered:
        if adjustment.consumer == of:
            concerned = adjustment.in_force(issue.valid_time, at)
            changed = quantiles * adjustment.amount if adjustment.act is Act.MULTIPLY else quantiles + adjustment.amount
        elif adjustment.adjustment_id in shifts:
            concerned = shifts[adjustment.adjustment_id] != 0
            changed = quantiles + shifts[adjustment.adjustment_id][:, None]
        else:
            continue
        changed = np.where(concerned[:, None], np.round(np.maximum(changed, 0.0), _DECIMALS), quantiles)
        change = changed[:, median] - quantiles[:, median]
        quantiles = changed
        if change.any():
            steps.append(Step(adjustment, change))
    return Published(issue, dataclasses.replace(issue, quantiles=quantiles), tuple(steps))


def _on(hours: IntArray, known: IntArray, change: FloatArray) -> FloatArray:
    """A change an hour brought to other hours, 0 where it is not known."""
    at = np.minimum(np.searchsorted(known, hours), len(known) - 1)
    return np.where(known[at] == hours, change[at], 0.0)
