"""The program over a past period: a backtest of what it would have said, and the demonstration with a simulated clock."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from engine import bridge, clock, decisions, evaluation, features, geography, issuing, pipeline, sources, verification
from engine.clock import SimulatedClock
from engine.config import Config
from engine.domain import DAY, HOUR, INPUTS, Consumer, Expected, FloatArray, IntArray
from engine.evaluation import Backtest, Pairs
from engine.forecaster import Forecaster
from engine.issuing import Lessons
from engine.lineup import Lineup
from engine.store import FOREVER, Archive, Reader, Writer

Progress = Callable[[float], None]

#: What the operator of the demonstration does: hours before its end, then in Danish time on the day after, from and to which hour, whose
#: forecast changes how and by how much, and why. What it was worth is scored like any other.
_OPERATOR = (
    (98, 16, 19, "DK1", "add", 60.0, "Testkørsel på et stålværk / trial run of a steel works"),
    (74, 8, 15, "DK2", "multiply", 0.98, "Lukkedag i industrien / closing day in industry"),
    (2, 17, 20, "DK1", "add", 80.0, "Julemarked åbner / a Christmas market opens"),
)
#: Days before a backtest that its calibrations learn from, where the models were not trained on them.
WARM_UP_DAYS = 60


def collect(
    reader: Reader,
    forecaster: Forecaster,
    first: dt.date,
    last: dt.date,
    areas: Sequence[str],
    issue_hour: int = 10,
    issue_minute: int = 0,
    progress: Progress | None = None,
    calibrate: bool = True,
) -> Backtest:
    """Issue at that Danish time of the day before each day from `first` to `last`, for all hours of the day, beside what came true.

    Only values with `available_at` at or before an issue are used for it. Hours without truth are left out. Calibrations learn
    from issues made here, each hour when its truth is known; where no model was trained on them, the weeks before `first` are
    issued too, so that the first day is not the first they see. Without `calibrate` issues stay as the models made them.
    """
    if last < first:
        raise Expected(f"The backtest ends ({last}) before it begins ({first}).", "Swap --from and --to.")
    areas = tuple(dict.fromkeys(areas))
    begin = _warm_up_from(forecaster, first) if calibrate else first
    start = clock.local_midnight(begin) - (features.LOOKBACK_DAYS + 2) * DAY
    end = clock.local_midnight(last + dt.timedelta(days=1))
    leaves = tuple(dict.fromkeys(part for area in areas for part in geography.parts(area)))
    archive = reader.archive(start, end, {place for leaf in leaves for place in geography.ancestors(leaf)}, quantities=INPUTS)
    for leaf in leaves:
        if ("load", leaf, "total") not in archive.versions:
            raise Expected(f"The store holds no load of {leaf} between {first} and {last}.", "Import it, or backfill that span.")
    collected: dict[str, list[Pairs]] = {area: [] for area in areas}
    tiers: dict[str, dict[dt.date, str]] = {area: {} for area in areas}
    models: set[str] = set()
    ex_post = False
    learners = tuple(dict.fromkeys((*leaves, *areas)))
    lessons = Lessons(archive, learners)
    days = [begin + dt.timedelta(days=i) for i in range((last - begin).days + 1)]
    for done, day in enumerate(days):
        issue_time = clock.local_time(day - dt.timedelta(days=1), issue_hour, issue_minute)
        hours = clock.local_hours(day)
        if calibrate:
            lessons.learn(issue_time)
        made = issuing.make_issues(archive, forecaster, issue_time, lessons.calibrations, hours, learners)
        if calibrate:
            lessons.add(made)
        issues = {issue.area: issue for issue in made}
        for area in areas if day >= first else ():
            issue = issues.get(area)
            if issue is None:
                tiers[area][day] = "none"
                continue
            tiers[area][day] = issue.tier.value
            models.add(issue.model_id)
            ex_post |= issue.ex_post
            observed = _truth(archive, area, hours)
            reference = verification.seasonal_naive(archive, Consumer(area), hours, np.full(len(hours), issue_time))
            collected[area].append(Pairs(hours, np.full(len(hours), issue_time), observed, issue.quantiles, reference))
        if progress:
            progress((done + 1) / len(days))
    return Backtest(
        first,
        last,
        f"{issue_hour:02d}:{issue_minute:02d} Europe/Copenhagen, the day before",
        tuple(sorted(models)),
        ex_post,
        any(clock.local_midnight(first) <= trained_to for trained_to in forecaster.trained_to(models)),
        archive.simulated,
        {area: evaluation.join(area, parts) for area, parts in collected.items()},
        tiers,
        {area: _temperature(archive, area, first - dt.timedelta(days=evaluation.WEEKS_BEFORE * 7), last) for area in areas},
        calibrate,
    )


def _warm_up_from(forecaster: Forecaster, first: dt.date) -> dt.date:
    """First day to learn from before a backtest: none that a model was trained on, since its errors there are too small."""
    after_training = clock.local(forecaster.seen_to).date() + dt.timedelta(days=2)
    return min(first, max(after_training, first - dt.timedelta(days=WARM_UP_DAYS)))


def _truth(archive: Archive, area: str, hours: IntArray) -> FloatArray:
    """Newest known load in MWh of each hour; NaN where it, or that of a part, is unknown."""
    newest = archive.as_of(FOREVER, int(hours[0]), len(hours))
    loads = [newest.get("load", part) for part in geography.parts(area)]
    total: FloatArray = np.sum([np.full(len(hours), np.nan) if load is None else load for load in loads], axis=0)
    return total


def _temperature(archive: Archive, area: str, first: dt.date, last: dt.date) -> dict[dt.date, float]:
    """Mean newest known temperature in C of each Danish day, over the parts of the area; without the days it is unknown on."""
    start, end = clock.local_midnight(first), clock.local_midnight(last + dt.timedelta(days=1))
    newest = archive.as_of(FOREVER, start, (end - start) // HOUR)
    keys = [k for part in geography.parts(area) for k in features.weather_keys(newest, part) if k[0] == "temperature"]
    if not keys:
        return {}
    hourly = np.mean([newest.values[key] for key in keys], axis=0)
    days, index = np.unique(clock.local_day_hour(newest.times())[0], return_inverse=True)
    daily = np.bincount(index, hourly) / np.bincount(index)
    return {clock.EPOCH + dt.timedelta(days=int(d)): float(t) for d, t in zip(days, daily, strict=True) if np.isfinite(t)}


def demo(config: Config, days: int = 14, progress: Progress | None = None, end: int | None = None) -> Mapping[str, int]:
    """Run the whole program over simulated days: every hour ingest and forecast, every day the rest.

    Fills `config.data_dir`, whose data are marked simulated. The last simulated moment is `end` (default: now).
    """
    finish = clock.floor_hour(clock.SystemClock().now() if end is None else end)
    time = SimulatedClock(finish - days * DAY)
    writer = Writer(config.database, simulated=True)
    counts = {"issues": 0, "hours": 0}
    try:
        writer.set_limits(config.limits)
        reader = Reader(config.database)
        forecaster = Lineup(config, writer, reader).settle(time.now()).forecaster
        live, transport = sources.live(config), sources.transport(config, time)
        due = {source.dataset: 0 for source in live}
        for step in range(days * 24 + 1):
            now = finish - days * DAY + step * HOUR
            time.set(now - 600)
            asked = [s for s in live if due[s.dataset] <= time.now()]
            pipeline.ingest(writer, reader, asked, transport, time)
            due |= {s.dataset: now - 600 + s.every_s for s in asked}
            run = pipeline.forecast(writer, reader, forecaster, now, now)
            _operate(writer, reader, now, finish)
            if clock.local(now).hour == bridge.ISSUE_HOUR or now == finish:  # the service does so each hour
                pipeline.adapt(writer, reader, forecaster, now)
                pipeline.forecast_late(writer, reader, forecaster, now, now)
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


def _operate(writer: Writer, reader: Reader, now: int, finish: int) -> None:
    """Carry out what the operator of the demonstration does at this hour."""
    for before_h, first, last, area, act, amount, reason in _OPERATOR:
        if now == finish - before_h * HOUR:
            day = clock.local(now).date() + dt.timedelta(days=1)
            start, end = (clock.iso(clock.local_time(day, hour)) for hour in (first, last))
            words = {"area": area, "act": act, "amount": amount, "valid_start": start, "valid_end": end}
            decisions.adjust(writer, reader, {**words, "who": "demo", "reason": reason}, now)
