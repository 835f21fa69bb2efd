"""Everything a backtest finds out, from pairs of forecasts and what came true."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine import clock, scoring
from engine.domain import HOUR, MEDIAN, Expected, FloatArray, IntArray, Score

#: Weeks before a day that its temperature is compared with.
WEEKS_BEFORE = 4


@dataclass(frozen=True, slots=True)
class Pairs:
    """Forecasts and what came true, one row per hour of the backtest of one area."""

    valid_time: IntArray
    issue_time: IntArray
    observed: FloatArray
    quantiles: FloatArray  # (n, LEVELS)
    reference: FloatArray

    def score(self, mask: Any, floor: float) -> Score:
        """Score of the rows a mask selects."""
        return scoring.score(self.observed[mask], self.quantiles[mask], self.reference[mask], floor)


@dataclass(frozen=True, slots=True)
class Backtest:
    """What was forecast for the Danish days `first` to `last`, and what came true, by area.

    `ex_post` is true where an input was known earlier than anybody could have known it, `in_sample` where a model was trained
    on days it is tested on. `tiers` names the tier of each day, or `none`; `temperature` holds the newest known mean of
    each day in C, from `WEEKS_BEFORE` weeks before the first on.
    """

    first: dt.date
    last: dt.date
    issue: str
    models: tuple[str, ...]
    ex_post: bool
    in_sample: bool
    simulated: bool
    pairs: Mapping[str, Pairs]
    tiers: Mapping[str, Mapping[dt.date, str]]
    temperature: Mapping[str, Mapping[dt.date, float]]


def join(area: str, parts: Sequence[Pairs]) -> Pairs:
    """The pairs of several issues of an area as one, without the hours whose truth is unknown."""
    if not parts:
        raise Expected("No day could be forecast.", "Import more load before the backtest's first day.")
    joined = Pairs(*(np.concatenate([getattr(p, name) for p in parts]) for name in Pairs.__slots__))
    known = ~np.isnan(joined.observed)
    if not known.any():
        raise Expected(f"The store holds no load of {area} on the days of the backtest.", "Import it, or backfill that span.")
    return Pairs(*(getattr(joined, name)[known] for name in Pairs.__slots__))


def report(found: Backtest) -> dict[str, Any]:
    """The scores of a backtest as a JSON document. Percentages are percent; what cannot be computed is None."""
    return {
        "from": found.first.isoformat(),
        "to": found.last.isoformat(),
        "issue": found.issue,
        "models": list(found.models),
        "ex_post": found.ex_post,
        "in_sample": found.in_sample,
        "simulated": found.simulated,
        "areas": {
            area: _area_report(pairs) | {"tiers": dict(Counter(found.tiers[area].values()))}
            for area, pairs in found.pairs.items()
        },
    }


def summary(score: Score) -> dict[str, float | int | None]:
    """The figures of a score, rounded; None where there is nothing."""
    figures = {"n": score.n} | score.figures()
    return {name: (value if name == "n" else round(value, 4) if np.isfinite(value) else None) for name, value in figures.items()}


def _area_report(pairs: Pairs) -> dict[str, Any]:
    floor = scoring.RELATIVE_FLOOR * float(np.median(pairs.observed)) if len(pairs.observed) else 0.0
    day, hour = clock.local_day_hour(pairs.valid_time)
    month = day.astype("datetime64[D]").astype("datetime64[M]")
    lead = (pairs.valid_time - pairs.issue_time) // HOUR
    special = np.array([clock.is_free(int(d)) or clock.bridge(int(d)) >= 1 for d in day], bool)

    def by(labels: Any, values: Iterable[Any]) -> dict[str, Any]:
        return {str(v): summary(pairs.score(labels == v, floor)) for v in values}

    error = np.abs(pairs.quantiles[:, MEDIAN] - pairs.observed)
    naive = np.abs(pairs.reference - pairs.observed)
    compared = ~np.isnan(naive)
    days, index = np.unique(day[compared], return_inverse=True)
    model_days, naive_days = (np.bincount(index, x[compared], len(days)).astype(np.float64) for x in (error, naive))
    low, high = scoring.block_bootstrap(model_days, naive_days)
    return summary(pairs.score(slice(None), floor)) | {
        "skill_interval_95": [round(low, 4), round(high, 4)] if np.isfinite(low) else None,
        "days_won": round(100 * float(np.mean(model_days < naive_days)), 1) if len(days) else None,
        "error_autocorrelation_1h": _autocorrelation(pairs),
        "by_month": by(month, np.unique(month)),
        "by_hour": by(hour, range(24)),
        "by_lead_h": by(lead, np.unique(lead)),
        "by_holiday": {"holiday_or_bridge": summary(pairs.score(special, floor)), "other": summary(pairs.score(~special, floor))},
    }


def _autocorrelation(pairs: Pairs) -> float | None:
    """Lag-one-hour autocorrelation of the error within a day; honest day-ahead errors have about 0.9, a leak shows as 0.5."""
    error = pairs.quantiles[:, MEDIAN] - pairs.observed
    together = (np.diff(pairs.valid_time) == HOUR) & (np.diff(pairs.issue_time) == 0)
    if together.sum() < 48:
        return None
    return round(float(np.corrcoef(error[:-1][together], error[1:][together])[0, 1]), 3)
