"""Everything a backtest finds out, from pairs of forecasts and what came true."""

from __future__ import annotations

import calendar
import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine import clock, comparison, scoring
from engine.domain import HOUR, LEVELS, MEDIAN, Expected, FloatArray, IntArray, Score

#: Weeks before a day that its temperature is compared with.
WEEKS_BEFORE = 4
#: Autocorrelation of honest day-ahead errors at one hour, at the least.
_HONEST = 0.7
#: What to do about a leak alarm.
LEAK_ADVICE = (
    "Errors made a day ahead last for hours and have about 0.9. Look for values known before they could be: --known-after of imported "
    "files, inputs of hours after the issue, a load that was itself made from forecasts. A load that jumps at random from hour to "
    "hour, as a single consumer's does, looks the same."
)


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
    calibrated: bool = True

    @property
    def name(self) -> str:
        """What to call the forecasts."""
        return " and ".join(self.models) + ("" if self.calibrated else " uncalibrated")


def join(area: str, parts: Sequence[Pairs]) -> Pairs:
    """The pairs of several issues of an area as one, without the hours whose truth is unknown."""
    if not parts:
        raise Expected("No day could be forecast.", "Import more load before the backtest's first day.")
    joined = Pairs(*(np.concatenate([getattr(p, name) for p in parts]) for name in Pairs.__slots__))
    known = ~np.isnan(joined.observed)
    if not known.any():
        raise Expected(f"The store holds no load of {area} on the days of the backtest.", "Import it, or backfill that span.")
    return Pairs(*(getattr(joined, name)[known] for name in Pairs.__slots__))


def report(found: Backtest, against: Backtest | None = None) -> dict[str, Any]:
    """All that can be told of a backtest, as a JSON document. Percentages are percent; what cannot be computed is None.

    With a second backtest of the same days, the two are compared hour by hour.
    """
    areas = {}
    for area, pairs in found.pairs.items():
        rivals = {"seasonal_naive": _of_reference(pairs)}
        if against is not None and area in against.pairs:
            rivals[against.name if against.name != found.name else f"{against.name} (the other)"] = against.pairs[area]
        areas[area] = (
            _scores(pairs)
            | {"tiers": dict(Counter(found.tiers[area].values()))}
            | _calibration(pairs)
            | {
                "rolling_28_days": _rolling(pairs),
                "holidays": _holidays(pairs),
                "worst_days": _worst_days(pairs, found.tiers[area], found.temperature[area]),
                "comparisons": {name: _compare(pairs, rival, found.name, name) for name, rival in rivals.items()},
            }
        )
    return {
        "from": found.first.isoformat(),
        "to": found.last.isoformat(),
        "issue": found.issue,
        "models": list(found.models),
        "calibrated": found.calibrated,
        "ex_post": found.ex_post,
        "in_sample": found.in_sample,
        "simulated": found.simulated,
        "leak_alarm": any(figures["leak_alarm"] for figures in areas.values()),
        "areas": areas,
        "against": None if against is None else _other(against),
    }


def _other(against: Backtest) -> dict[str, Any]:
    return {
        "models": list(against.models),
        "calibrated": against.calibrated,
        "ex_post": against.ex_post,
        "in_sample": against.in_sample,
        "areas": {area: summary(pairs.score(slice(None), _floor(pairs))) for area, pairs in against.pairs.items()},
    }


def summary(score: Score) -> dict[str, float | int | None]:
    """The figures of a score, rounded; None where there is nothing."""
    figures = {"n": score.n} | score.figures()
    return {name: (value if name == "n" else _rounded(value)) for name, value in figures.items()}


def _rounded(value: float, digits: int = 4) -> float | None:
    return round(float(value), digits) if np.isfinite(value) else None


def _interval(bounds: tuple[float, float]) -> list[float] | None:
    return [round(bound, 4) for bound in bounds] if np.isfinite(bounds[0]) else None


def _floor(pairs: Pairs) -> float:
    return scoring.RELATIVE_FLOOR * float(np.median(pairs.observed))


def _date(day: int) -> dt.date:
    return clock.EPOCH + dt.timedelta(days=int(day))


DAY_TYPES = ("working_day", "saturday", "sunday", "holiday", "bridge_day")


def day_type(day: int) -> str:
    """Which of `DAY_TYPES` a day (days since 1970-01-01) is; a holiday on a Sunday is a holiday."""
    if clock.is_free(day):
        return "holiday"
    if clock.bridge(day) >= 1:
        return "bridge_day"
    return {5: "saturday", 6: "sunday"}.get(clock.weekday(day), "working_day")


def _scores(pairs: Pairs) -> dict[str, Any]:
    """Scores of the whole and of its parts, and the alarm."""
    floor = _floor(pairs)
    day, hour = clock.local_day_hour(pairs.valid_time)
    month = day.astype("datetime64[D]").astype("datetime64[M]")
    lead = (pairs.valid_time - pairs.issue_time) // HOUR
    kind = np.array([day_type(int(d)) for d in day])
    weekday = np.array([calendar.day_name[clock.weekday(int(d))] for d in day])
    special = np.isin(kind, ("holiday", "bridge_day"))

    def by(labels: Any, values: Iterable[Any]) -> dict[str, Any]:
        return {str(v): summary(pairs.score(labels == v, floor)) for v in values}

    _, error, naive = _daily(pairs, _of_reference(pairs), _absolute_error)
    correlation, honest = _autocorrelation(pairs)
    return summary(pairs.score(slice(None), floor)) | {
        "skill_interval_95": _interval(scoring.block_bootstrap(error, naive)),
        "days_won": _rounded(100 * float(np.mean(error < naive)), 1) if len(error) else None,
        "error_autocorrelation_1h": _rounded(correlation, 3),
        "leak_alarm": bool(correlation < honest) if np.isfinite(correlation) else None,
        "leak_alarm_below": _rounded(honest, 3),
        "by_month": by(month, np.unique(month)),
        "by_hour": by(hour, range(24)),
        "by_lead_h": by(lead, np.unique(lead)),
        "by_weekday": by(weekday, calendar.day_name),
        "by_day_type": by(kind, DAY_TYPES),
        "by_holiday": {"holiday_or_bridge": summary(pairs.score(special, floor)), "other": summary(pairs.score(~special, floor))},
    }


def _autocorrelation(pairs: Pairs) -> tuple[float, float]:
    """Lag-one-hour autocorrelation of the error within an issue, and the value under which it betrays a leak; NaN for few hours.

    Errors made a day ahead have about 0.9: what was not foreseen at one hour is not foreseen at the next. A forecast that saw
    recent load has about 0.5, as the archived forecasts of Danish transmission show. Under `_HONEST` a series of n hours is
    suspect when chance does not explain it: the estimate's deviation is sqrt((1 - r^2) / n) (Bartlett 1946).
    """
    error = pairs.quantiles[:, MEDIAN] - pairs.observed
    together = (np.diff(pairs.valid_time) == HOUR) & (np.diff(pairs.issue_time) == 0)
    before, after = error[:-1][together], error[1:][together]
    if len(before) < 48 or not np.ptp(before) or not np.ptp(after):
        return float("nan"), float("nan")
    chance = np.sqrt((1 - _HONEST**2) / len(before))
    return float(np.corrcoef(before, after)[0, 1]), _HONEST - 2 * float(chance)


def _calibration(pairs: Pairs) -> dict[str, Any]:
    """How often the truth was under each level, and between the levels."""
    below = (pairs.observed[:, None] <= pairs.quantiles).astype(np.float64)
    days, index = np.unique(clock.local_day_hour(pairs.valid_time)[0], return_inverse=True)
    hours = np.bincount(index)
    deviation = [
        np.sqrt(comparison.long_run_variance(np.bincount(index, column) / hours)[-1] / len(days)) if len(days) >= 14 else np.nan
        for column in below.T
    ]
    counts = np.bincount((pairs.observed[:, None] > pairs.quantiles).sum(axis=1), minlength=len(LEVELS) + 1)
    edges = np.array([0.0, *LEVELS, 1.0])
    return {
        "reliability": {
            "level": list(LEVELS),
            "observed": [_rounded(share) for share in below.mean(axis=0)],
            "low": [_rounded(max(level - 1.96 * d, 0.0)) for level, d in zip(LEVELS, deviation, strict=True)],
            "high": [_rounded(min(level + 1.96 * d, 1.0)) for level, d in zip(LEVELS, deviation, strict=True)],
        },
        "pit": {"edges": edges.tolist(), "density": [_rounded(d) for d in counts / counts.sum() / np.diff(edges)]},
    }


def _rolling(pairs: Pairs, window: int = 28) -> dict[str, list[Any]]:
    """Figures of the `window` days that end with each day, where at least three quarters of them have truth."""
    day = clock.local_day_hour(pairs.valid_time)[0]
    days, index = np.unique(day, return_inverse=True)
    error, naive = (np.abs(x - pairs.observed) for x in (pairs.quantiles[:, MEDIAN], pairs.reference))
    compared = ~np.isnan(naive)
    columns = (
        np.ones(len(day)),
        pairs.observed,
        error,
        np.where(compared, naive, 0.0),
        np.where(compared, pairs.observed, 0.0),
        scoring.inside(pairs.observed, pairs.quantiles, 0.8).astype(np.float64),
        scoring.inside(pairs.observed, pairs.quantiles, 0.9).astype(np.float64),
    )
    last = np.flatnonzero(days - days[0] >= window - 1)
    first = np.searchsorted(days, days[last] - window + 1)
    kept = last - first + 1 >= 0.75 * window
    last, first = last[kept], first[kept]
    sums = [np.concatenate([[0.0], np.cumsum(np.bincount(index, column))]) for column in columns]
    n, load, error, naive, compared_load, in80, in90 = (s[last + 1] - s[first] for s in sums)
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = {
            "wape": error / load,
            "reference_wape": naive / compared_load,
            "coverage_80": in80 / n,
            "coverage_90": in90 / n,
        }
    return {"day": [_date(d).isoformat() for d in days[last]]} | {
        name: [_rounded(100 * share, 3) for share in column] for name, column in shares.items()
    }


def _holidays(pairs: Pairs) -> list[dict[str, Any]]:
    """Scores of each holiday, special day and bridge day by itself."""
    floor = _floor(pairs)
    day = clock.local_day_hour(pairs.valid_time)[0]
    return [
        _about(d) | summary(pairs.score(day == d, floor))
        for d in np.unique(day).tolist()
        if clock.special_day(d) or clock.bridge(d) >= 1
    ]


def _about(day: int) -> dict[str, Any]:
    date = _date(day)
    return {
        "day": date.isoformat(),
        "weekday": calendar.day_name[date.weekday()],
        "day_type": day_type(day),
        "special_day": clock.special_day(day),
    }


def _worst_days(
    pairs: Pairs, tiers: Mapping[dt.date, str], temperature: Mapping[dt.date, float], count: int = 10
) -> list[dict[str, Any]]:
    """The days with the greatest WAPE, of those with truth for half a day or more, worst first, and what was special about them."""
    floor = _floor(pairs)
    day, hour = clock.local_day_hour(pairs.valid_time)
    error = pairs.quantiles[:, MEDIAN] - pairs.observed
    days, index = np.unique(day, return_inverse=True)
    load = np.bincount(index, pairs.observed)
    wape = np.bincount(index, np.abs(error)) / np.where(load > 0, load, np.nan)
    wape[(np.bincount(index) < 12) | np.isnan(wape)] = -1
    stories = []
    for d in days[np.argsort(-wape, kind="stable")][: min(count, int((wape >= 0).sum()))].tolist():
        rows = np.flatnonzero(day == d)
        worst = rows[np.argmax(np.abs(error[rows]))]
        date = _date(d)
        before = [t for i in range(1, 7 * WEEKS_BEFORE + 1) if (t := temperature.get(date - dt.timedelta(days=i))) is not None]
        today = temperature.get(date, np.nan)
        reference = pairs.reference[rows]
        level_share = float(np.mean(error[rows]) ** 2 / np.mean(error[rows] ** 2)) if error[rows].any() else np.nan
        stories.append(
            _about(d)
            | summary(pairs.score(rows, floor))
            | {
                "tier": tiers[date],
                "level_share": _rounded(level_share, 3),
                "worst_hour": int(hour[worst]),
                "worst_error": _rounded(error[worst], 1),
                "temperature": _rounded(today, 1),
                "temperature_anomaly": _rounded(today - float(np.mean(before)), 1) if len(before) >= 7 else None,
                "load_over_reference": _rounded(100 * (pairs.observed[rows].sum() / reference.sum() - 1), 2),
                "valid_time": [clock.iso(int(t)) for t in pairs.valid_time[rows]],
                "local_hour": hour[rows].tolist(),
                "observed": [_rounded(x, 1) for x in pairs.observed[rows]],
                "reference": [_rounded(x, 1) for x in reference],
            }
            | {
                f"p{round(100 * level):02d}": [_rounded(x, 1) for x in pairs.quantiles[rows, LEVELS.index(level)]]
                for level in (0.1, 0.5, 0.9)
            }
        )
    return stories


def _absolute_error(pairs: Pairs) -> FloatArray:
    return np.abs(pairs.quantiles[:, MEDIAN] - pairs.observed)


def _quantile_loss(pairs: Pairs) -> FloatArray:
    return scoring.decile_loss(pairs.observed, pairs.quantiles)


#: What forecasts are compared by: key, words, loss of each hour in MWh.
_LOSSES = (
    ("absolute_error", "absolute error", _absolute_error),
    ("wql", "weighted quantile loss", _quantile_loss),
)


def _of_reference(pairs: Pairs) -> Pairs:
    """The reference as a forecast that is sure of itself, where there is one."""
    known = ~np.isnan(pairs.reference)
    quantiles = np.repeat(pairs.reference[known, None], len(LEVELS), axis=1)
    return Pairs(pairs.valid_time[known], pairs.issue_time[known], pairs.observed[known], quantiles, pairs.reference[known])


def _daily(first: Pairs, second: Pairs, loss: Callable[[Pairs], FloatArray]) -> tuple[IntArray, FloatArray, FloatArray]:
    """Days, and the mean loss of two forecasts on each, over the hours both have issues of the same moment for."""
    _, a, b = np.intersect1d(first.valid_time, second.valid_time, return_indices=True)
    same = first.issue_time[a] == second.issue_time[b]
    a, b = a[same], b[same]
    days, index = np.unique(clock.local_day_hour(first.valid_time[a])[0], return_inverse=True)
    hours = np.bincount(index)
    return days, np.bincount(index, loss(first)[a]) / hours, np.bincount(index, loss(second)[b]) / hours


def _compare(pairs: Pairs, rival: Pairs, name: str, rival_name: str) -> dict[str, Any]:
    """Paired comparison by day and loss; differences are this forecast's loss minus the rival's, MWh and percent of the rival's."""
    found = {}
    for key, words, loss in _LOSSES:
        days, first, second = _daily(pairs, rival, loss)
        result = comparison.compare(first, second)
        lower, upper = comparison.confidence_sequence(first - second)
        weekly = np.arange(comparison.WEEK - 1, len(days), comparison.WEEK)
        mean = np.cumsum(first - second) / np.arange(1, len(days) + 1)
        whole = 100 / second.mean() if len(second) and second.mean() > 0 else np.nan
        found[key] = {
            "days": result.days,
            "mean_difference": _rounded(result.mean_difference),
            "interval_95": _interval(result.interval),
            "relative_difference": _rounded(100 * result.relative_difference),
            "relative_interval_95": _interval((100 * result.relative_interval[0], 100 * result.relative_interval[1])),
            "days_won": _rounded(result.days_won, 1),
            "diebold_mariano": _rounded(result.diebold_mariano),
            "p_value": _rounded(result.p_value, 6),
            "better": result.better,
            "sentence": result.sentence(name, rival_name, words),
            "confidence_sequence": {
                "day": [_date(d).isoformat() for d in days[weekly]],
                "mean": [_rounded(whole * x) for x in mean[weekly]],
                "lower": [_rounded(whole * x) for x in lower[weekly]],
                "upper": [_rounded(whole * x) for x in upper[weekly]],
            },
        }
    return found


def save_pairs(found: Backtest, path: Path) -> None:
    """Write all pairs as a compressed numpy archive: `levels`, and `<area>_<field of Pairs>` of every area."""
    columns = {f"{area}_{name}": getattr(pairs, name) for area, pairs in found.pairs.items() for name in Pairs.__slots__}
    with path.open("wb") as file:
        np.savez_compressed(file, levels=np.array(LEVELS), **columns)
