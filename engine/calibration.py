"""What hours that came true teach the next issues: which expert to trust, how load answers to weather now, how wide bands must be.

A `Calibration` belongs to one area, consumer type and model and is a value. `apply` turns a raw issue into the one to publish;
`learn` takes an hour whose truth has become known and returns the calibration after it. The same hours in the same order give
the same numbers, live or replayed.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine import clock
from engine.domain import DAY, HOUR, LEVELS, MEDIAN, Draft, FloatArray, IntArray, QuantileForecast

#: Lead hours of the groups that learn by themselves, first and last. Between groups `apply` goes over smoothly.
LEAD_GROUPS = ((-12, 6), (7, 48), (49, 168))
#: Which of them forecasts of tomorrow belong to.
DAY_AHEAD = 1
_BLEND_H = 3.0
#: Central shares of the hours that bands are steered to hold.
SHARES = (0.50, 0.80, 0.90)

#: The bundle's median comes first among a draft's experts; references are never corrected, all others are.
MODEL, REFERENCES = "model", ("seasonal_naive",)
#: Made here from the model: its median with the recent level on top of the correction, and its median as it was.
LEVELLED, UNCORRECTED = "levelled", "uncorrected"
#: Weight to begin with: of the corrected model, the levelled one, all other corrected experts and all uncorrected ones together.
_PRIOR = (0.76, 0.10, 0.10, 0.04)
_WEIGHT_HALF_LIFE_D = 90.0
#: Errors of neighbouring hours are so alike that a day of them tells little more than a few: learn that much slower.
_CAUTION = 0.1
_LEVEL_HALF_LIFE_D = 5.0

#: Discounted ridge of the model's log error on its responses: half-life, and how many days weigh as much as "nothing changed".
_RESPONSE_HALF_LIFE_D, _RESPONSE_PRIOR_D = 150.0, 30.0
_LARGEST_ERROR = 0.25  # of a log error: what lies beyond is cut, so that a broken day does not bend the responses

#: How far (in logs) a day of hours outside a band widens it, per share, and an hour outside the 80 % band that hour of the day.
_WIDEN = np.array([0.3, 0.5, 0.8])
_WIDEN_HOUR = 0.03
_WIDEST = 2.0
_FRESH_S = 2 * DAY  # up to this time from issue to truth bands are steered at full strength
_FURTHEST = 5.0  # log distance of any level from the median: beyond lies nothing that a load does
_COVERAGE_HALF_LIFE_D = 30.0
#: Weight of each share's width on each level's distance from the median; steered levels have one, those between have two.
_OF_LEVEL = np.array([np.interp([abs(2 * level - 1) for level in LEVELS], SHARES, row) for row in np.eye(len(SHARES))])
_LOW, _HIGH = ([LEVELS.index(round((1 + side * share) / 2, 2)) for share in SHARES] for side in (-1, 1))


@dataclass(frozen=True, slots=True)
class Calibration:
    """State per lead group (first axis). `experts` and `responses` name what is weighed and re-estimated.

    `moments` (G, p, p) and `effects` (G, p) are the discounted sums of the ridge, constant first; `level` (G,) the recent mean log error
    left by them; `regret`, `variance` and `bound` (G, K) the sums of the aggregation; `width` (G, shares) and `width_by_hour` (G, 24) log factors on raw bands; `inside`
    (G, shares) recent coverage of published bands, as shares; `hours` (G,) how many hours were learned from.
    """

    experts: tuple[str, ...]
    responses: tuple[str, ...]
    moments: FloatArray
    effects: FloatArray
    level: FloatArray
    regret: FloatArray
    variance: FloatArray
    bound: FloatArray
    width: FloatArray
    width_by_hour: FloatArray
    inside: FloatArray
    hours: FloatArray

    @staticmethod
    def start(draft: Draft) -> Calibration:
        """Nothing learned yet."""
        g, k, p = len(LEAD_GROUPS), len(_candidates(draft.experts)), len(draft.responses) + 1
        return Calibration(
            experts=_candidates(draft.experts),
            responses=draft.responses,
            moments=np.zeros((g, p, p)),
            effects=np.zeros((g, p)),
            level=np.zeros(g),
            regret=np.zeros((g, k)),
            variance=np.zeros((g, k)),
            bound=np.zeros((g, k)),
            width=np.zeros((g, len(SHARES))),
            width_by_hour=np.zeros((g, 24)),
            inside=np.tile(SHARES, (g, 1)),
            hours=np.zeros(g),
        )

    @staticmethod
    def parse(text: str) -> Calibration:
        """The calibration that `text` was made of."""
        fields: dict[str, Any] = json.loads(text)
        experts, responses = (tuple(fields.pop(name)) for name in ("experts", "responses"))
        return Calibration(experts, responses, **{name: np.array(value, np.float64) for name, value in fields.items()})

    def text(self) -> str:
        """All of it as JSON, exactly."""
        return json.dumps(
            {
                f.name: value.tolist() if isinstance(value := getattr(self, f.name), np.ndarray) else value
                for f in dataclasses.fields(self)
            }
        )

    def suits(self, draft: Draft) -> bool:
        """Whether it was learned from issues of the same experts and responses."""
        return self.experts == _candidates(draft.experts) and self.responses == draft.responses

    @property
    def weights(self) -> FloatArray:
        """Weight of each expert, shape (G, experts); Bernstein online aggregation, Wintenberger 2017, with forgetting."""
        rate = self._rates()
        gain = np.log(_prior(self.experts)) + np.log(rate) - rate * self.regret
        share = np.exp(gain - gain.max(axis=1, keepdims=True, initial=-np.inf))
        weights: FloatArray = share / share.sum(axis=1, keepdims=True)
        return weights

    def _rates(self) -> FloatArray:
        surprise = np.sqrt(-np.log(_prior(self.experts)) / np.maximum(self.variance, 1e-6))
        rates: FloatArray = np.asarray(_CAUTION * np.minimum(1 / (2 * np.maximum(self.bound, 1e-3)), surprise), np.float64)
        return rates

    @property
    def slopes(self) -> FloatArray:
        """Correction in logs per unit of the constant and of each standardised response, shape (G, 1 + responses)."""
        ridge = self.moments + _RESPONSE_PRIOR_D * np.eye(self.moments.shape[1])
        slopes: FloatArray = np.linalg.solve(ridge, self.effects[:, :, None])[:, :, 0].astype(np.float64)
        return slopes

    @property
    def coverage(self) -> FloatArray:
        """Share of the learned hours inside each band, recent ones counting most, shape (G, shares); NaN where none was learned."""
        begun = _kept(self.hours)[:, None]
        share: FloatArray = np.where(begun < 1, (self.inside - begun * np.array(SHARES)) / np.maximum(1 - begun, 1e-12), np.nan)
        return share

    @property
    def coverage_deviation(self) -> FloatArray:
        """Standard deviation that chance alone gives `coverage` where bands are right, shape (G, shares)."""
        begun, hour = _kept(self.hours)[:, None], share_of_hour(_COVERAGE_HALF_LIFE_D)
        as_many = (2 - hour) / hour * (1 - begun) / (1 + begun)  # hours that would tell as much if all counted alike
        share = np.array(SHARES)
        deviation: FloatArray = np.sqrt(share * (1 - share) / np.maximum(_CAUTION * as_many, 1e-12))
        return deviation

    def apply(self, raw: QuantileForecast) -> QuantileForecast:
        """The issue to publish: experts weighed, responses corrected, bands widened or narrowed; its draft tells the corrections.

        A draft without experts (a sum of parts) keeps its median.
        """
        draft = raw.draft
        if draft is None:
            return raw
        mix = _blend((raw.valid_time - raw.issue_time) / HOUR)
        log_model = np.log(np.maximum(raw.median, 1e-9))
        if draft.experts:
            correction = ((mix @ self.slopes) * _design(draft)).sum(axis=1)
            draft = dataclasses.replace(draft, corrections=np.column_stack([correction, mix @ self.level]))
            middle = ((mix @ self.weights) * _log_medians(draft)).sum(axis=1)
        else:
            middle = log_model
        hour = clock.local_day_hour(raw.valid_time)[1]
        quantiles = around(middle, raw.quantiles, mix @ self.width, (mix * self.width_by_hour[:, hour].T).sum(axis=1))
        if not draft.experts:
            quantiles[:, MEDIAN] = raw.median
        return dataclasses.replace(raw, quantiles=quantiles, draft=draft)

    def learn(self, valid_time: int, observed: float, issues: Sequence[QuantileForecast], known_at: int) -> Calibration:
        """The calibration after an hour came true with `observed` MWh, known at `known_at`, by the published issues that forecast it.

        All issues of a lead group together count as one hour; an hour without load, and issues of other experts, teach nothing.
        """
        rows = [
            (issue, issue.draft, int(np.searchsorted(issue.valid_time, valid_time)))
            for issue in issues
            if issue.draft is not None and self.suits(issue.draft)
        ]
        if not rows or not observed > 0:
            return self
        changed: dict[str, Any] = {name: getattr(self, name).copy() for name in _LEARNED}
        after = dataclasses.replace(self, **changed)
        hour = int(clock.local_day_hour(np.array([valid_time]))[1][0])
        group = lead_group(np.array([(valid_time - issue.issue_time) / HOUR for issue, _, _ in rows]))
        rates = self._rates()
        for g in np.unique(group):
            mine = [row for row, of in zip(rows, group, strict=True) if of == g]
            published = np.array([issue.quantiles[i] for issue, _, i in mine])
            if self.experts:
                draft = Draft(
                    mine[0][1].experts,
                    np.array([d.medians[i] for _, d, i in mine]),
                    self.responses,
                    np.array([d.inputs[i] for _, d, i in mine]),
                    np.array([d.corrections[i] for _, d, i in mine]),
                )
                after._learn_responses(g, draft, observed)
                after._learn_weights(g, draft, observed, published[:, MEDIAN], rates[g])
            hit = inside(np.full(len(mine), observed), published).mean(axis=0)
            # Steering on news this old must be gentle: at full strength it would answer one miss again and again, and swing.
            age_s = known_at - np.mean([issue.issue_time for issue, _, _ in mine])
            miss = (np.array(SHARES) - hit) * min(1.0, _FRESH_S / max(float(age_s), 1.0))
            after.width[g], after.width_by_hour[g, hour] = steered(self.width[g], self.width_by_hour[g, hour], miss)
            after.inside[g] += share_of_hour(_COVERAGE_HALF_LIFE_D) * (hit - self.inside[g])
            after.hours[g] += 1
        return after

    def _learn_responses(self, g: int, draft: Draft, observed: float) -> None:
        design = _design(draft)
        error = np.clip(np.log(observed / np.maximum(draft.medians[:, 0], 1e-9)), -_LARGEST_ERROR, _LARGEST_ERROR)
        left = float(np.mean(error - draft.corrections[:, 0]))
        self.level[g] += share_of_hour(_LEVEL_HALF_LIFE_D) * (left - self.level[g])
        keep = 1 - share_of_hour(_RESPONSE_HALF_LIFE_D)
        self.moments[g] = keep * self.moments[g] + design.T @ design / len(design) / 24
        self.effects[g] = keep * self.effects[g] + design.T @ error / len(design) / 24

    def _learn_weights(self, g: int, draft: Draft, observed: float, median: FloatArray, rate: FloatArray) -> None:
        mixed = np.log(np.maximum(median, 1e-9))
        side = np.sign(mixed - np.log(observed))
        excess = ((_log_medians(draft) - mixed[:, None]) * side[:, None]).mean(axis=0)
        keep = 1 - share_of_hour(_WEIGHT_HALF_LIFE_D)
        self.bound[g] = np.maximum(self.bound[g], np.abs(excess))
        self.variance[g] = keep * self.variance[g] + excess**2
        self.regret[g] = keep * self.regret[g] + excess * (1 + rate * excess)


#: Fields of a calibration that learning changes.
_LEARNED = tuple(field.name for field in dataclasses.fields(Calibration) if field.name not in ("experts", "responses"))


def around(middle: FloatArray, raw: FloatArray, width: FloatArray, width_of_hour: FloatArray) -> FloatArray:
    """Quantiles (n, LEVELS) in MWh around medians exp(`middle`) (n,), as far from them in logs as raw ones are from theirs, times
    exp of `width` (n, SHARES) at those shares and of `width_of_hour` (n,); ordered."""
    factor = np.exp(np.clip(width @ _OF_LEVEL + width_of_hour[:, None], -_WIDEST, _WIDEST))
    logs = np.log(np.maximum(raw, 1e-9))
    spread = np.clip((logs - logs[:, [MEDIAN]]) * factor, -_FURTHEST, _FURTHEST)
    # A wider inner band pushes the outer ones along, so that levels never cross.
    spread[:, MEDIAN:] = np.maximum.accumulate(spread[:, MEDIAN:], axis=1)
    spread[:, MEDIAN::-1] = np.minimum.accumulate(spread[:, MEDIAN::-1], axis=1)
    quantiles: FloatArray = np.where(raw > 0, np.exp(middle[:, None] + spread), 0.0)
    return quantiles


def inside(observed: FloatArray, quantiles: FloatArray) -> FloatArray:
    """Whether each observed load (n,) lies in the bands of `SHARES` of its quantiles (n, LEVELS): 1 or 0, shape (n, SHARES)."""
    load = observed[:, None]
    return ((quantiles[:, _LOW] <= load) & (load <= quantiles[:, _HIGH])).astype(np.float64)


def steered(width: FloatArray, width_of_hour: float, miss: FloatArray) -> tuple[FloatArray, float]:
    """Widths of the bands and of the 80 % band at one hour of day, after an hour at which bands missed their shares by `miss`."""
    after: FloatArray = np.clip(width + _WIDEN / 24 * miss, -_WIDEST, _WIDEST)
    return after, float(np.clip(width_of_hour + _WIDEN_HOUR * miss[1], -_WIDEST, _WIDEST))


def lead_group(lead_h: FloatArray) -> IntArray:
    """Group of `LEAD_GROUPS` of each lead time in hours."""
    return np.searchsorted([last for _, last in LEAD_GROUPS[:-1]], np.ceil(lead_h)).astype(np.int64)


def _blend(lead_h: FloatArray) -> FloatArray:
    """Share of each lead group in each row, shape (n, G): one inside a group, passing over within a few hours at its border."""
    passed = [np.clip((lead_h - last - 0.5) / (2 * _BLEND_H) + 0.5, 0, 1) for _, last in LEAD_GROUPS[:-1]]
    above = np.column_stack([np.ones_like(lead_h), *passed, np.zeros_like(lead_h)])
    shares: FloatArray = above[:, :-1] - above[:, 1:]
    return shares


def share_of_hour(half_life_d: float) -> float:
    return float(1 - 0.5 ** (1 / (24 * half_life_d)))


def _kept(hours: FloatArray) -> FloatArray:
    """Weight of what `inside` began with after so many hours."""
    kept: FloatArray = (1 - share_of_hour(_COVERAGE_HALF_LIFE_D)) ** hours
    return kept


def _candidates(experts: Sequence[str]) -> tuple[str, ...]:
    """Experts that are weighed: the draft's, and two more made of the model's."""
    return (*experts, LEVELLED, UNCORRECTED) if experts else ()


def _prior(experts: Sequence[str]) -> FloatArray:
    kinds = {MODEL: 0, LEVELLED: 1} | dict.fromkeys((UNCORRECTED, *REFERENCES), 3)
    kind = np.array([kinds.get(name, 2) for name in experts], np.int64)
    share = np.array(_PRIOR)[kind] / np.maximum(np.bincount(kind, minlength=len(_PRIOR)), 1)[kind]
    prior: FloatArray = share / max(share.sum(), 1e-9)
    return prior


def _log_medians(draft: Draft) -> FloatArray:
    """Logs of all candidates' medians, shape (n, candidates)."""
    logs = np.log(np.maximum(draft.medians, 1e-9))
    correction, level = draft.corrections.T
    corrected = logs + np.outer(correction, [name not in REFERENCES for name in draft.experts])
    return np.column_stack([corrected, corrected[:, 0] + level, logs[:, 0]])


def _design(draft: Draft) -> FloatArray:
    return np.column_stack([np.ones(len(draft.inputs)), draft.inputs])
