"""How one series answers in its own way: what days that came true add to the pooled model's forecast of it.

Households answer to dusk and frost, offices to the calendar. An `Adaptation` belongs to one consumer and model and is a value: `apply`
corrects raw quantiles, `learn` takes a day whose load became known. Every input of the model, and some times the hour of day, has a
slope of its own, held near zero by a strong prior (discounted ridge regression): the more days, the more of its own way.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine import calibration
from engine.calibration import SHARES
from engine.domain import MEDIAN, FeatureMatrix, FloatArray, IntArray

#: Bands of hours that nobody has measured yet and of hours to come learn by themselves.
BRIDGE, AHEAD = 0, 1
_PARTS = 2
#: Inputs whose effect differs over the day.
_BY_HOUR = (
    *("temperature", "temperature_72h", "dusk", "sun", "solar", "wind_power", "price"),
    *("grid", "grid_daily", "beyond", "level_7d", "same_hour_7d", "week_1", "trend"),
    *("free", "weekday_5", "weekday_6", "july", "christmas_weeks", "sin1", "cos1"),
)
_HARMONICS = 2
_HALF_LIFE_D, _PRIOR_D = 300.0, 40.0
#: How many earlier states are remembered: about a usual lag.
_EARLIER_D = 16
_LARGEST_ERROR = 0.15  # of a log error: what lies beyond is cut, so that a broken day does not bend the slopes
_LARGEST_CORRECTION = 0.5
_COVERAGE_HALF_LIFE_D, _FRESH_D = 30.0, 2


def design(matrix: FeatureMatrix, scales: Mapping[str, tuple[float, float]]) -> FloatArray:
    """What slopes multiply, shape (n, p): one, each input standardised by its mean and deviation (0 where it is missing), and some
    of them times harmonics of the hour of day."""
    inputs = {name: (matrix.column(name) - mean) / deviation for name, (mean, deviation) in scales.items()}
    angle = 2 * np.pi * matrix.column("hour").astype(np.float64) / 24
    waves = [wave(k * angle) for k in range(1, _HARMONICS + 1) for wave in (np.cos, np.sin)]
    columns = [*inputs.values(), *(inputs[name] * wave for name in _by_hour(scales) for wave in waves)]
    return np.column_stack([np.ones(len(angle)), *(np.nan_to_num(column) for column in columns)])


def size(scales: Mapping[str, tuple[float, float]]) -> int:
    """Columns of a design."""
    return 1 + len(scales) + 2 * _HARMONICS * len(_by_hour(scales))


def _by_hour(scales: Mapping[str, tuple[float, float]]) -> list[str]:
    return [name for name in _BY_HOUR if name in scales]


@dataclass(frozen=True, slots=True)
class Lesson:
    """Raw quantiles (n, LEVELS) in MWh of hours of one Danish day as an issue had them, their design (n, p), part (0 bridge, 1 ahead)
    and hour of day (n,); and how many days the issue had learned less than all before that day."""

    valid_time: IntArray
    quantiles: FloatArray
    inputs: FloatArray
    part: IntArray
    hour: IntArray
    days_back: int


@dataclass(frozen=True, slots=True)
class Adaptation:
    """`moments` (p, p) and `effects` (p,) are the discounted sums of the ridge, `slopes` (p,) what they give; `width` (2, SHARES) and
    `width_by_hour` (2, 24) log factors on raw bands, `inside` (2, SHARES) their recent coverage, of the bridge and of hours to come;
    `earlier` (days, p + widths) slopes and widths as they were, oldest first; `learned_to` the Danish day (since 1970) learned last,
    `days` how many. A sum of consumers has p = 0: its median is theirs."""

    moments: FloatArray
    effects: FloatArray
    slopes: FloatArray
    width: FloatArray
    width_by_hour: FloatArray
    inside: FloatArray
    earlier: FloatArray
    learned_to: int
    days: int

    @staticmethod
    def start(size: int) -> Adaptation:
        """Nothing learned yet about a design of `size` columns."""
        width, by_hour = np.zeros((_PARTS, len(SHARES))), np.zeros((_PARTS, 24))
        earlier = np.zeros((0, size + width.size + by_hour.size))
        inside = np.tile(SHARES, (_PARTS, 1))
        return Adaptation(np.zeros((size, size)), np.zeros(size), np.zeros(size), width, by_hour, inside, earlier, 0, 0)

    def apply(self, of: Lesson) -> FloatArray:
        """Quantiles in MWh (n, LEVELS) to publish of raw ones."""
        raw = of.quantiles
        correction = np.clip(of.inputs @ self.slopes, -_LARGEST_CORRECTION, _LARGEST_CORRECTION)
        middle = np.log(np.maximum(raw[:, MEDIAN], 1e-9)) + correction
        quantiles = calibration.around(middle, raw, self.width[of.part], self.width_by_hour[of.part, of.hour])
        if not len(self.slopes):
            quantiles[:, MEDIAN] = raw[:, MEDIAN]
        return quantiles

    def learn(self, day: int, lessons: Sequence[Lesson], observed: Sequence[FloatArray]) -> Adaptation:
        """The adaptation after a Danish day came true with `observed` MWh, an array for each lesson; hours that are NaN teach nothing,
        and a day without lessons is one more that is over."""
        after = dataclasses.replace(
            self,
            width=self.width.copy(),
            width_by_hour=self.width_by_hour.copy(),
            inside=self.inside.copy(),
            earlier=np.vstack([self.earlier, self._state()])[-_EARLIER_D:],
            learned_to=day,
            days=self.days + 1,
        )
        rows, errors = [np.zeros((0, len(self.slopes)))], [np.zeros(0)]
        for lesson, load in zip(lessons, observed, strict=True):
            known = load > 0
            x, raw = lesson.inputs[known], lesson.quantiles[known]
            after._steer(lesson, known, calibration.inside(load[known], self._then(lesson)[known]))
            rows.append(x)
            errors.append(np.log(load[known] / np.maximum(raw[:, MEDIAN], 1e-9)))
        design, error = np.concatenate(rows), np.clip(np.concatenate(errors), -_LARGEST_ERROR, _LARGEST_ERROR)
        if not len(error) or not len(self.slopes):
            return after
        keep = 0.5 ** (1 / _HALF_LIFE_D)
        moments = keep * self.moments + design.T @ design / len(design)
        effects = keep * self.effects + design.T @ error / len(design)
        slopes = np.linalg.solve(moments + _PRIOR_D * np.eye(len(effects)), effects)
        return dataclasses.replace(after, moments=moments, effects=effects, slopes=slopes)

    def _then(self, lesson: Lesson) -> FloatArray:
        """What the issue of a lesson published: bands judged by a later state, which knows more, would be steered too narrow."""
        states = np.vstack([self.earlier, self._state()])
        state = states[max(len(states) - 1 - lesson.days_back, 0)]
        slopes, width, by_hour = np.split(state, np.cumsum([len(self.slopes), self.width.size]))
        then = dataclasses.replace(
            self, slopes=slopes, width=width.reshape(self.width.shape), width_by_hour=by_hour.reshape(self.width_by_hour.shape)
        )
        return then.apply(lesson)

    def _state(self) -> FloatArray:
        return np.concatenate([self.slopes, self.width.reshape(-1), self.width_by_hour.reshape(-1)])

    def _steer(self, lesson: Lesson, known: npt.NDArray[np.bool_], hits: FloatArray) -> None:
        share = calibration.share_of_hour(_COVERAGE_HALF_LIFE_D)
        # Steering on news this old must be gentle: at full strength it would answer one miss again and again, and swing.
        gentle = min(1.0, _FRESH_D / max(lesson.days_back, 1))
        for of, h, hit in zip(lesson.part[known].tolist(), lesson.hour[known].tolist(), hits, strict=True):
            miss = gentle * (np.array(SHARES) - hit)
            self.width[of], self.width_by_hour[of, h] = calibration.steered(self.width[of], self.width_by_hour[of, h], miss)
            self.inside[of] += share * (hit - self.inside[of])
