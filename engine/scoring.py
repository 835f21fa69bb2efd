"""How good forecasts were: pure scores of arrays, and the reference forecast they are compared with."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from engine import clock
from engine.domain import DAY, HOUR, LEAD_BUCKETS, LEVELS, MEDIAN, FloatArray, IntArray, Score

WEEK = 7 * 24 * HOUR
#: Weeks that `seasonal_naive` looks back for one that was known: load may come 40 days late. And the seconds before an hour it may see.
REFERENCE_WEEKS = 8
REFERENCE_S = REFERENCE_WEEKS * WEEK + HOUR
#: Share of the typical load under which an hour has no relative error.
RELATIVE_FLOOR = 0.05
#: Age from which settlement counts: about 99 % of it is right after 15 days (Energinet).
SETTLEMENT_DAYS = 15
_DECILES = [i for i, level in enumerate(LEVELS) if round(level * 100) % 10 == 0]


def pinball(observed: FloatArray, quantiles: FloatArray, levels: tuple[float, ...] = LEVELS) -> FloatArray:
    """Pinball loss in MWh, shape (n, levels), of quantiles (n, levels) for observed (n,). Koenker and Bassett 1978."""
    miss = observed[:, None] - quantiles
    alpha = np.array(levels)
    loss: FloatArray = np.maximum(alpha * miss, (alpha - 1.0) * miss)
    return loss


def decile_loss(observed: FloatArray, quantiles: FloatArray) -> FloatArray:
    """Twice the pinball loss averaged over the nine deciles, MWh, shape (n,); the absolute error where all quantiles are one."""
    loss: FloatArray = 2 * pinball(observed, quantiles)[:, _DECILES].mean(axis=1)
    return loss


def crps(observed: FloatArray, quantiles: FloatArray, levels: tuple[float, ...] = LEVELS) -> FloatArray:
    """Continuous ranked probability score in MWh, shape (n,): twice the pinball loss integrated over the levels.

    Trapezoids between the levels; beyond the outer ones the loss falls to zero linearly (Gneiting and Raftery 2007, eq. 21).
    """
    loss = pinball(observed, quantiles, levels)
    grid = np.concatenate([[0.0], levels, [1.0]])
    padded = np.pad(loss, ((0, 0), (1, 1)))
    area: FloatArray = 2.0 * np.sum((padded[:, 1:] + padded[:, :-1]) / 2 * np.diff(grid), axis=1)
    return area


def expected_error(quantiles: FloatArray, levels: tuple[float, ...] = LEVELS) -> FloatArray:
    """The absolute error in MWh, shape (n,), that quantiles (n, levels) expect of their own median: E|X - median|.

    Exact for the distribution that is linear between the levels and goes on beyond the outer two as between them, down to zero.
    """
    reach = np.array(levels)
    first = quantiles[:, :1] - (quantiles[:, 1:2] - quantiles[:, :1]) * reach[0] / (reach[1] - reach[0])
    last = quantiles[:, -1:] + (quantiles[:, -1:] - quantiles[:, -2:-1]) * (1 - reach[-1]) / (reach[-1] - reach[-2])
    whole = np.column_stack([np.maximum(first, 0.0), quantiles, last])
    away = np.abs(whole - quantiles[:, [levels.index(0.5)]])
    widths = np.diff(np.concatenate([[0.0], reach, [1.0]]))
    error: FloatArray = ((away[:, 1:] + away[:, :-1]) / 2 * widths).sum(axis=1)
    return error


def inside(observed: FloatArray, quantiles: FloatArray, share: float) -> npt.NDArray[np.bool_]:
    """Whether each observed value lies in the central interval that should hold `share` of them; shape (n,)."""
    low, high = LEVELS.index(round((1 - share) / 2, 2)), LEVELS.index(round((1 + share) / 2, 2))
    within: npt.NDArray[np.bool_] = (quantiles[:, low] <= observed) & (observed <= quantiles[:, high])
    return within


def score(observed: FloatArray, quantiles: FloatArray, reference: FloatArray, floor: float) -> Score:
    """Score of n forecasts (n, LEVELS) against n observed loads in MWh, with `seasonal_naive` values (NaN where it has none).

    Hours with a load under `floor` MWh have no relative error.
    """
    return scores(observed, quantiles, reference, floor, np.zeros(len(observed), np.int64)).get(0, Score())


def scores(observed: FloatArray, quantiles: FloatArray, reference: FloatArray, floor: float, group: IntArray) -> dict[int, Score]:
    """The same of each group of forecasts, by the number `group` (n,) gives them."""
    if not len(observed):
        return {}
    error = quantiles[:, MEDIAN] - observed
    large = observed > floor
    relative = np.divide(error, observed, out=np.zeros_like(error), where=large)
    compared = ~np.isnan(reference)
    miss = np.abs(error)
    low, high = LEVELS.index(0.1), LEVELS.index(0.9)
    sums: dict[str, npt.NDArray[Any]] = {
        "n": np.ones(len(observed)),
        "observed": observed,
        "error": error,
        "abs_error": miss,
        "sq_error": error**2,
        "rel_n": large,
        "abs_rel": np.abs(relative),
        "sq_rel": relative**2,
        "pinball": decile_loss(observed, quantiles) / 2,
        "crps": crps(observed, quantiles),
        "in50": inside(observed, quantiles, 0.5),
        "in80": inside(observed, quantiles, 0.8),
        "in90": inside(observed, quantiles, 0.9),
        "width80": quantiles[:, high] - quantiles[:, low],
        "ref_n": compared,
        "ref_abs_error": np.where(compared, np.abs(reference - observed), 0.0),
        "ref_model_abs_error": np.where(compared, miss, 0.0),
    }
    found, place = np.unique(group, return_inverse=True)
    columns = [np.bincount(place, sums[f.name]).astype(_TYPES[f.type]).tolist() for f in dataclasses.fields(Score)]
    return {number: Score(*row) for number, row in zip(found.tolist(), zip(*columns, strict=True), strict=True)}


#: Whether a sum of `Score` counts or measures.
_TYPES: Mapping[Any, type] = {"int": np.int64, "float": np.float64}


def settlement(truth: Mapping[str, tuple[IntArray, FloatArray]], now: int) -> dict[int, float]:
    """Load in MWh by hour as settled between market players, of hours old enough that about 99 % of it stays."""
    hours, loads = truth["settlement"]
    old = hours < now - SETTLEMENT_DAYS * DAY
    return dict(zip(hours[old].tolist(), loads[old].tolist(), strict=True))


def settled(truth: Mapping[str, tuple[IntArray, FloatArray]], now: int, after_days: int) -> dict[int, float]:
    """Load in MWh by hour that counts as settled at `now`: marked final by the publisher, or the newest of an hour `after_days` old."""
    hours, loads = truth["newest"]
    old = hours < now - after_days * DAY
    final = zip(*(column.tolist() for column in truth["settled"]), strict=True)
    return dict(final) | dict(zip(hours[old].tolist(), loads[old].tolist(), strict=True))


def lead_bucket(lead_h: FloatArray) -> IntArray:
    """Bucket of `LEAD_BUCKETS` of each lead time in hours; -1 outside all of them."""
    upper = np.array([last for _, last in LEAD_BUCKETS], np.float64)
    bucket = np.searchsorted(upper, np.ceil(lead_h))
    return np.where((bucket < len(upper)) & (lead_h >= LEAD_BUCKETS[0][0]), bucket, -1)


def same_hour_weeks_before(valid_time: IntArray, weeks: int) -> IntArray:
    """The same Danish weekday and hour `weeks` weeks earlier; a clock change between moves it by an hour."""
    earlier = valid_time - weeks * WEEK
    shift = (clock.local_day_hour(earlier)[1] - clock.local_day_hour(valid_time)[1] + 12) % 24 - 12
    return earlier - shift * HOUR


def block_days(n: int, block: int = 7, draws: int = 2000, seed: int = 1) -> IntArray:
    """Which of n days make up each resample of whole blocks of `block` days, shape (draws, n). Kuensch 1989, joined to a circle."""
    starts = np.random.default_rng(seed).integers(0, n, (draws, -(-n // block)))
    days: IntArray = ((starts[:, :, None] + np.arange(block)) % n).reshape(draws, -1)[:, :n]
    return days


def block_bootstrap(
    numerator: FloatArray, denominator: FloatArray, block: int = 7, draws: int = 2000, seed: int = 1
) -> tuple[float, float]:
    """95 % interval of 1 - sum(numerator) / sum(denominator) over days (n,), resampled in blocks of `block` days."""
    n = len(numerator)
    if n < 2 * block:
        return float("nan"), float("nan")
    days = block_days(n, block, draws, seed)
    whole = denominator[days].sum(axis=1)
    if not (whole > 0).all():
        return float("nan"), float("nan")
    low, high = np.quantile(1.0 - numerator[days].sum(axis=1) / whole, (0.025, 0.975))
    return float(low), float(high)
