"""Forecasts that add up: an area's quantiles from those of its parts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.domain import MEDIAN, Draft, FloatArray, QuantileForecast, Tier


def add(area: str, parts: Sequence[QuantileForecast], correlation: FloatArray) -> QuantileForecast:
    """The forecast of a whole: medians add up exactly; distances from the median add like errors with this correlation (n,).

    For two parts with distances a and b at a level the whole's is sqrt(a^2 + b^2 + 2 * correlation * a * b), the rule for
    the spread of a sum, applied level by level; it keeps levels ordered. The tier is the worst of the parts'.
    """
    median = np.sum([p.median for p in parts], axis=0)
    spreads = [p.quantiles - p.median[:, None] for p in parts]
    total = np.sum(spreads, axis=0)
    alone = np.sum([s**2 for s in spreads], axis=0)
    together = correlation[:, None]
    distance = np.sqrt(np.maximum((1 - together) * alone + together * total**2, 0.0))
    sign = np.where(np.arange(len(parts[0].levels)) < MEDIAN, -1.0, 1.0)
    quantiles = np.maximum(median[:, None] + sign * distance, 0.0)
    worst = max(parts, key=lambda p: list(Tier).index(p.tier))
    return QuantileForecast(
        area=area,
        consumer_type=parts[0].consumer_type,
        issue_time=parts[0].issue_time,
        valid_time=parts[0].valid_time,
        levels=parts[0].levels,
        quantiles=np.sort(quantiles, axis=1),
        tier=worst.tier,
        reason=worst.reason,
        model_id="+".join(dict.fromkeys(p.model_id for p in parts)),
        inputs={"sum_of": [p.area for p in parts], "correlation": sorted(set(correlation.round(3).tolist()))},
        ex_post=any(p.ex_post for p in parts),
        simulated=any(p.simulated for p in parts),
        draft=Draft((), np.zeros((len(median), 0)), (), np.zeros((len(median), 0)), np.zeros((len(median), 2))),
    )
