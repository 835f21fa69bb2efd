"""The program over a past period: a backtest of what it would have said, and the demonstration with a simulated clock."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine import clock, features, geography, hierarchy, pipeline, scoring, sources
from engine.clock import SimulatedClock
from engine.config import Config
from engine.domain import DAY, HOUR, MEDIAN, Expected, FloatArray, IntArray, Score
from engine.forecaster import Forecaster
from engine.store import FOREVER, Archive, Reader, Writer

Progress = Callable[[float], None]


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


def backtest(
    reader: Reader,
    forecaster: Forecaster,
    first: dt.date,
    last: dt.date,
    areas: Sequence[str],
    issue_hour: int = 10,
    issue_minute: int = 0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Issue at that Danish time of the day before each day from `first` to `last`, all hours of the day, and score.

    Only values with `available_at` at or before an issue are used for it. Percentages are percent. Hours without truth are left
    out. `ex_post` is true where an input was known earlier than anybody could have known it, `in_sample` where a model was
    trained on days it is tested on.
    """
    if last < first:
        raise Expected(f"The backtest ends ({last}) before it begins ({first}).", "Swap --from and --to.")
    areas = tuple(dict.fromkeys(areas))
    start = clock.local_midnight(first) - (features.LOOKBACK_DAYS + 2) * DAY
    end = clock.local_midnight(last + dt.timedelta(days=1))
    leaves = tuple(dict.fromkeys(part for area in areas for part in geography.parts(area)))
    archive = reader.archive(start, end, {place for leaf in leaves for place in geography.ancestors(leaf)})
    for leaf in leaves:
        if ("load", leaf, "total") not in archive.versions:
            raise Expected(f"The store holds no load of {leaf} between {first} and {last}.", "Import it, or backfill that span.")
    collected: dict[str, list[Pairs]] = {area: [] for area in areas}
    tiers: dict[str, dict[str, int]] = {area: {} for area in areas}
    models: set[str] = set()
    ex_post = False
    days = [first + dt.timedelta(days=i) for i in range((last - first).days + 1)]
    for done, day in enumerate(days):
        issue_time = clock.local_time(day - dt.timedelta(days=1), issue_hour, issue_minute)
        hours = clock.local_hours(day)
        history = archive.as_of(issue_time, *features.window(issue_time))
        made = {leaf: issue for leaf in leaves if (issue := forecaster.forecast(history, leaf, hours)) is not None}
        for area in areas:
            parts = [made[part] for part in geography.parts(area) if part in made]
            if len(parts) < len(geography.parts(area)):
                tiers[area]["none"] = tiers[area].get("none", 0) + 1
                continue
            issue = hierarchy.add(area, parts, forecaster.correlation()) if geography.children(area) else parts[0]
            tiers[area][issue.tier.value] = tiers[area].get(issue.tier.value, 0) + 1
            models.add(issue.model_id)
            ex_post |= issue.ex_post
            observed = _truth(archive, area, hours)
            reference = np.array([pipeline.seasonal_naive(archive, area, int(h), np.array([issue_time]))[0] for h in hours])
            collected[area].append(Pairs(hours, np.full(len(hours), issue_time), observed, issue.quantiles, reference))
        if progress:
            progress((done + 1) / len(days))
    report: dict[str, Any] = {
        "from": first.isoformat(),
        "to": last.isoformat(),
        "issue": f"{issue_hour:02d}:{issue_minute:02d} Europe/Copenhagen, the day before",
        "models": sorted(models),
        "ex_post": ex_post,
        "in_sample": any(clock.local_midnight(first) <= trained_to for trained_to in forecaster.trained_to(models)),
        "simulated": archive.simulated,
        "areas": {},
    }
    for area in areas:
        pairs = _join(collected[area])
        if not len(pairs.observed):
            raise Expected(f"The store holds no load of {area} between {first} and {last}.", "Import it, or backfill that span.")
        report["areas"][area] = _area_report(pairs) | {"tiers": tiers[area]}
    return report


def _truth(archive: Archive, area: str, hours: IntArray) -> FloatArray:
    """Newest known load in MWh of each hour; NaN where it, or that of a part, is unknown."""
    newest = archive.as_of(FOREVER, int(hours[0]), len(hours))
    loads = [newest.get("load", part) for part in geography.parts(area)]
    total: FloatArray = np.sum([np.full(len(hours), np.nan) if load is None else load for load in loads], axis=0)
    return total


def _join(parts: Sequence[Pairs]) -> Pairs:
    if not parts:
        raise Expected("No day could be forecast.", "Import more load before the backtest's first day.")
    joined = Pairs(*(np.concatenate([getattr(p, name) for p in parts]) for name in Pairs.__slots__))
    known = ~np.isnan(joined.observed)
    return Pairs(*(getattr(joined, name)[known] for name in Pairs.__slots__))


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


def demo(config: Config, days: int = 14, progress: Progress | None = None, end: int | None = None) -> Mapping[str, int]:
    """Run the whole program over simulated days: every hour ingest (each half hour in real life), forecast and score.

    Fills `config.data_dir`, whose data are marked simulated. The last simulated moment is `end` (default: now).
    """
    finish = clock.floor_hour(clock.SystemClock().now() if end is None else end)
    time = SimulatedClock(finish - days * DAY)
    writer = Writer(config.database, simulated=True)
    counts = {"issues": 0, "hours": 0}
    try:
        reader = Reader(config.database)
        forecaster = Forecaster(config.model_dir)
        live, transport = sources.live(config), sources.transport(config, time)
        due = {source.dataset: 0 for source in live}
        for step in range(days * 24 + 1):
            now = finish - days * DAY + step * HOUR
            time.set(now - 600)
            asked = [s for s in live if due[s.dataset] <= time.now()]
            pipeline.ingest(writer, reader, asked, transport, time)
            due |= {s.dataset: now - 600 + s.every_s for s in asked}
            run = pipeline.forecast(writer, reader, forecaster, now, now)
            pipeline.score(writer, reader, now, config.settled_after_days)
            counts["hours"] += 1
            counts["issues"] += run.status == "ok"
            if progress:
                progress(step / (days * 24))
        pipeline.maintain(writer, config, finish)
        reader.close()
    finally:
        writer.close()
    return counts
