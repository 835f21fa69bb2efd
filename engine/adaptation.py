"""How one series answers in its own way: what days that came true add to the pooled model's forecast of it.

Households answer to dusk and frost, offices to the calendar. An `Adaptation` belongs to one consumer and model and is a value: `apply`
corrects raw quantiles, `learn` takes a day whose load became known. Every input of the model, and some times the hour of day, has a
slope of its own, held near zero by a strong prior (discounted ridge regression): the more days, the more of its own way.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from engine import calibration
from engine.calibration import SHARES
from engine.domain import MEDIAN, FeatureMatrix, FloatArray, IntArray

#: Bands of hours that nobody has measured yet and of hours to come learn by themselves.
BRIDGE, AHEAD = 0, 1
_PARTS = 2
#: Inputs whose effect differs over the day.
_BY_HOUR = ("temperature", "dusk", "grid", "free", "level_7d", "sun", "weekday_5", "weekday_6")
_HARMONICS = 2
_HALF_LIFE_D, _PRIOR_D = 300.0, 120.0
_LARGEST_ERROR = 0.15  # of a log error: what lies beyond is cut, so that a broken day does not bend the slopes
_LARGEST_CORRECTION = 0.5
_COVERAGE_HALF_LIFE_D = 30.0


def design(matrix: FeatureMatrix, scales: Mapping[str, tuple[float, float]]) -> FloatArray:
    """What slopes multiply, shape (n, p): one, each input standardised by its mean and deviation (0 where it is missing), and some
    of them times harmonics of the hour of day."""
    inputs = {name: (matrix.column(name) - mean) / deviation for name, (mean, deviation) in scales.items()}
    angle = 2 * np.pi * matrix.column("hour").astype(np.float64) / 24
    waves = [wave(k * angle) for k in range(1, _HARMONICS + 1) for wave in (np.cos, np.sin)]
    columns = [*inputs.values(), *(inputs[name] * wave for name in _BY_HOUR if name in inputs for wave in waves)]
    return np.column_stack([np.ones(len(angle)), *(np.nan_to_num(column) for column in columns)])


@dataclass(frozen=True, slots=True)
class Adaptation:
    """`moments` (p, p) and `effects` (p,) are the discounted sums of the ridge, `slopes` (p,) what they give; `width` (2, SHARES) and
    `width_by_hour` (2, 24) log factors on raw bands, `inside` (2, SHARES) their recent coverage, of the bridge and of hours to come;
    `learned_to` the Danish day (since 1970) learned last, `days` how many. A sum of consumers has p = 0: its median is theirs."""

    moments: FloatArray
    effects: FloatArray
    slopes: FloatArray
    width: FloatArray
    width_by_hour: FloatArray
    inside: FloatArray
    learned_to: int
    days: int

    @staticmethod
    def start(size: int) -> Adaptation:
        """Nothing learned yet about a design of `size` columns."""
        return Adaptation(
            np.zeros((size, size)),
            np.zeros(size),
            np.zeros(size),
            np.zeros((_PARTS, len(SHARES))),
            np.zeros((_PARTS, 24)),
            np.tile(SHARES, (_PARTS, 1)),
            0,
            0,
        )

    def apply(self, raw: FloatArray, inputs: FloatArray, part: IntArray, hour: IntArray) -> FloatArray:
        """Quantiles in MWh (n, LEVELS) to publish of raw ones, their design (n, p), part (0 bridge, 1 ahead) and hour of day (n,)."""
        correction = np.clip(inputs @ self.slopes, -_LARGEST_CORRECTION, _LARGEST_CORRECTION)
        middle = np.log(np.maximum(raw[:, MEDIAN], 1e-9)) + correction
        quantiles = calibration.around(middle, raw, self.width[part], self.width_by_hour[part, hour])
        if not len(self.slopes):
            quantiles[:, MEDIAN] = raw[:, MEDIAN]
        return quantiles

    def learn(
        self, day: int, observed: FloatArray, raw: FloatArray, inputs: FloatArray, part: IntArray, hour: IntArray
    ) -> Adaptation:
        """The adaptation after a Danish day came true with `observed` MWh (n,), by raw forecasts of it as in `apply`."""
        if not len(observed):
            return dataclasses.replace(self, learned_to=day)
        hit = calibration.inside(observed, self.apply(raw, inputs, part, hour))
        width, by_hour, inside = self.width.copy(), self.width_by_hour.copy(), self.inside.copy()
        share = calibration.share_of_hour(_COVERAGE_HALF_LIFE_D)
        for of, h, held in zip(part.tolist(), hour.tolist(), hit, strict=True):
            width[of], by_hour[of, h] = calibration.steered(width[of], by_hour[of, h], np.array(SHARES) - held)
            inside[of] += share * (held - inside[of])
        learned = {"width": width, "width_by_hour": by_hour, "inside": inside}
        if len(self.slopes) and (positive := observed > 0).any():
            x = inputs[positive]
            with np.errstate(divide="ignore"):
                error = np.log(observed[positive] / np.maximum(raw[positive, MEDIAN], 1e-9))
            error = np.clip(error, -_LARGEST_ERROR, _LARGEST_ERROR)
            keep = 0.5 ** (1 / _HALF_LIFE_D)
            moments = keep * self.moments + x.T @ x / len(x)
            effects = keep * self.effects + x.T @ error / len(x)
            slopes = np.linalg.solve(moments + _PRIOR_D * np.eye(len(effects)), effects)
            learned |= {"moments": moments, "effects": effects, "slopes": slopes}
        return dataclasses.replace(self, learned_to=day, days=self.days + 1, **learned)
