"""Issues of every consumer whose load comes days late: over the days nobody has measured yet and two days ahead, and what they learn.

The price areas' own forecasts go first: what they measured and forecast is the load `around` every other series. Live, backtest and
a store's first hour use the same functions.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from engine import adaptation, clock, features, geography, hierarchy, issuing, pace, pooled
from engine.adaptation import AHEAD, BRIDGE, Adaptation, Lesson
from engine.domain import (
    HORIZON_H,
    HOUR,
    LEVELS,
    MEDIAN,
    Consumer,
    FeatureMatrix,
    FloatArray,
    History,
    IntArray,
    QuantileForecast,
    Reason,
    Tier,
)
from engine.forecaster import Bundle, Forecaster, plausible
from engine.geography import Measure
from engine.store import Archive, codec

#: Danish hour of the issues that teach, and of those of consumers that are issued once a day.
ISSUE_HOUR = 10
#: A day is learned from the issue of the day before it and from one so many days after it, which had to bridge it.
_BRIDGE_TEACHES_D = 4
#: Days of load a series must have before a day of it teaches.
FIRST_DAYS = 35
#: Days looked back for what a series can be learned from, and how many are learned in one go, so that no issue waits long.
LEARN_BACK_D, LEARN_AT_ONCE_D = 400, 20
#: Consumers whose inputs are held in memory at once.
_BATCH = 40
#: A correlation of errors of the parts of a sum where no bundle says one.
_CORRELATION = 0.5

Adaptations = Mapping[tuple[Consumer, str], Adaptation]  # by consumer and model_id


def leaves(consumers: Iterable[Consumer], at: int) -> tuple[Consumer, ...]:
    """Those of the consumers that are forecast here and whose load is published by itself."""
    return tuple(
        c
        for c in consumers
        if geography.measure(c) is not Measure.GROSS and not geography.addends(c, at) and geography.exists(c.area, at)
    )


def around(history: History, forecasts: Iterable[QuantileForecast]) -> dict[str, FloatArray]:
    """Load of each price area on a history's grid in MWh: as published, and where it was not yet as forecast."""
    found = {}
    medians = {f.area: dict(zip(f.valid_time.tolist(), f.median.tolist(), strict=True)) for f in forecasts}
    for area in geography.PRICE_AREAS:
        loads = [history.get("load", part) for part in geography.parts(area)]
        known = [load for load in loads if load is not None]
        if len(known) == len(loads):
            load = np.sum(known, axis=0)
            for i in np.flatnonzero(np.isnan(load)).tolist():
                load[i] = medians.get(area, {}).get(history.start + HOUR * i, np.nan)
            found[area] = load
    return found


def make_issues(
    archive: Archive,
    forecaster: Forecaster,
    issue_time: int,
    consumers: Sequence[Consumer],
    adaptations: Adaptations,
    price_areas: Iterable[QuantileForecast],
) -> list[QuantileForecast]:
    """Forecasts to publish of these consumers that have load of their own, and of the sums of them, from what was known.

    `price_areas` are the issues of the price areas made from the same knowledge. A consumer with too little history is left out.
    """
    history = archive.as_of(issue_time, *pooled.window(issue_time))
    wanted = [c for c in leaves(consumers, issue_time) if ("load", *c) in history.values]
    bundle, beside = forecaster.pooled, around(history, price_areas)
    made: dict[Consumer, QuantileForecast] = {}
    for first in range(0, len(wanted), _BATCH):
        pace.step()
        batch = wanted[first : first + _BATCH]
        raws = _raw(bundle, history, batch, beside)
        issues = {c: _issue(history, bundle, c, raws.get(c), adaptations) for c in batch}
        made |= {c: issue for c, issue in issues.items() if issue is not None}
    made = _rounded(made)
    return list(_with_sums(made, issue_time, adaptations)[0].values())


def _raw(
    bundle: Bundle | None,
    history: History,
    consumers: Sequence[Consumer],
    beside: Mapping[str, FloatArray],
    span: tuple[int, int] | None = None,
) -> dict[Consumer, Lesson]:
    """What the pooled model says of each consumer's hours, as it is; without those whose hours it cannot forecast."""
    if bundle is None or not consumers:
        return {}
    matrix, owner = pooled.build(history, consumers, beside, span)
    known = np.isfinite(matrix.column("base_mwh"))
    matrix = FeatureMatrix(
        matrix.names, matrix.valid_time, np.where(known[:, None], matrix.values, np.nan_to_num(matrix.values, nan=1.0))
    )
    quantiles = bundle.quantiles(matrix)
    inputs = adaptation.design(matrix, bundle.responses)
    # How wide bands may be differs between a country and a plant.
    fine = known & np.isfinite(quantiles).all(axis=1) & plausible(quantiles[:, [MEDIAN]], matrix)
    part = np.where(matrix.valid_time <= history.as_of, BRIDGE, AHEAD)
    hour = matrix.column("hour").astype(np.int64)
    found = {}
    for i, consumer in enumerate(consumers):
        first, end = np.searchsorted(owner, (i, i + 1))
        if end > first and fine[first:end].all():
            mine = slice(int(first), int(end))
            newest, day = _days([history.newest_valid["load", *consumer], int(matrix.valid_time[first])])
            rows = matrix.valid_time[mine], quantiles[mine], inputs[mine], part[mine], hour[mine]
            found[consumer] = Lesson(*rows, days_back=day - 1 - newest)
    return found


def _issue(
    history: History, bundle: Bundle | None, consumer: Consumer, raw: Lesson | None, adaptations: Adaptations
) -> QuantileForecast | None:
    """The adapted forecast of one consumer, or the seasonal one where the model cannot serve it; None with less than a week of load."""
    key = ("load", *consumer)
    days = features.load_days(history, *consumer)
    reason = Reason.NO_MODEL
    if bundle is not None:
        reason = Reason.SHORT_HISTORY if days < bundle.needs.load_days else Reason.BAD_OUTPUT if raw is None else Reason.NONE
        if raw is not None and not reason:
            learned = adaptations.get((consumer, bundle.model_id)) or Adaptation.start(raw.inputs.shape[1])
            quantiles = learned.apply(raw)
            ex_post = any(k in history.ex_post for k in [key, *_weather(history, consumer)])
            return _made(history, consumer, raw.valid_time, quantiles, (Tier.POOLED, reason, bundle.model_id, ex_post))
    hours = pooled.hours_to_forecast(history.as_of, history.newest_valid[key])
    seasonal = (
        features.seasonal(history, consumer.area, hours, consumer.consumer_type) if days >= features.SEASONAL_DAYS else None
    )
    if seasonal is None:
        return None
    return _made(history, consumer, hours, seasonal, (Tier.SEASONAL, reason, "seasonal", key in history.ex_post))


def _weather(history: History, consumer: Consumer) -> list[tuple[str, str, str]]:
    return features.weather_keys(history, geography.price_area(consumer.area))


def _made(
    history: History, consumer: Consumer, hours: IntArray, quantiles: FloatArray, how: tuple[Tier, Reason, str, bool]
) -> QuantileForecast:
    tier, reason, model_id, ex_post = how
    newest = clock.iso(history.newest_valid["load", *consumer])
    weather = [history.newest_available[key] for key in _weather(history, consumer)]
    inputs = {"newest_load": newest, "newest_weather": clock.iso(max(weather)) if weather else None}
    return QuantileForecast(
        *consumer, history.as_of, hours, LEVELS, quantiles, tier, reason, model_id, inputs, ex_post, history.simulated
    )


def _rounded(made: Mapping[Consumer, QuantileForecast]) -> dict[Consumer, QuantileForecast]:
    """Rounded to the precision issues are kept with: what is summed up to that of the smallest, so that sums are exact."""
    finest = _finest(made)
    largest = {c: finest if geography.measure(c) is Measure.CATEGORY else float(i.quantiles.max()) for c, i in made.items()}
    return {c: dataclasses.replace(i, quantiles=codec.rounded(i.quantiles, largest[c])) for c, i in made.items()}


def _finest(made: Mapping[Consumer, QuantileForecast]) -> float:
    """Largest quantile in MWh of the smallest of those that are summed."""
    summed = [i for c, i in made.items() if geography.measure(c) is Measure.CATEGORY]
    return min((float(i.quantiles.max()) for i in summed), default=0.0)


def _with_sums(
    made: dict[Consumer, QuantileForecast], issue_time: int, adaptations: Adaptations
) -> tuple[dict[Consumer, QuantileForecast], dict[Consumer, Lesson]]:
    """Issues with those of all sums of them, in the order of the tree, and the sums as they were before their adaptation."""
    raw: dict[Consumer, Lesson] = {}
    finest = _finest(made)
    wanted = [c for c in geography.known_consumers(made, issue_time) if geography.measure(c) is not Measure.GROSS]
    while missing := [c for c in wanted if c not in made and all(p in made for p in geography.addends(c, issue_time))]:
        for consumer in missing:
            total = _total(consumer, [made[c] for c in geography.addends(consumer, issue_time)])
            raw[consumer] = _lesson(total)
            learned = adaptations.get((consumer, total.model_id)) or Adaptation.start(0)
            quantiles = learned.apply(raw[consumer])
            made[consumer] = dataclasses.replace(total, quantiles=np.sort(codec.rounded(quantiles, finest), axis=1))
    return {c: made[c] for c in wanted if c in made}, raw


def _total(consumer: Consumer, parts: Sequence[QuantileForecast]) -> QuantileForecast:
    """A whole of parts over the hours that all of them forecast; its median is the sum of theirs."""
    first = max(int(p.valid_time[0]) for p in parts)
    later = [p.valid_time >= first for p in parts]
    cut = [
        dataclasses.replace(p, valid_time=p.valid_time[mine], quantiles=p.quantiles[mine])
        for p, mine in zip(parts, later, strict=True)
    ]
    total = hierarchy.add(consumer.area, cut, np.full(len(cut[0].valid_time), _CORRELATION))
    newest = min(str(p.inputs["newest_load"]) for p in parts)
    inputs = {"sum_of": [[p.area, p.consumer_type] for p in parts], "newest_load": newest}
    return dataclasses.replace(total, consumer_type=consumer.consumer_type, inputs=inputs, draft=None)


def _lesson(total: QuantileForecast) -> Lesson:
    """A sum as raw quantiles without inputs: all it can learn is how wide its bands must be."""
    hours = total.valid_time
    part, hour = np.where(hours <= total.issue_time, BRIDGE, AHEAD), clock.local_day_hour(hours)[1]
    newest, day = _days([clock.parse_utc(str(total.inputs["newest_load"])), int(hours[0])])
    return Lesson(hours, total.quantiles, np.zeros((len(hours), 0)), part, hour, days_back=day - 1 - newest)


def days_to_learn(
    spans: Mapping[Consumer, tuple[int, int]], learned_to: Mapping[Consumer, int], now: int
) -> dict[int, list[Consumer]]:
    """Danish days that are over and not learned, the oldest `LEARN_AT_ONCE_D` of them, with whose they are.

    `spans` are the first and newest known hours of consumers, `learned_to` the last day each has learned.
    """
    today, *ends = _days([now, *(t for first, newest in spans.values() for t in (first, newest + HOUR))])
    pending = {}
    for consumer, first, end in zip(spans, ends[::2], ends[1::2], strict=True):
        start = max(learned_to.get(consumer, 0) + 1, first + FIRST_DAYS, today - LEARN_BACK_D)
        if start < end:
            pending[consumer] = range(start, end)
    oldest = min((days.start for days in pending.values()), default=0)
    wanted = {day: [c for c, days in pending.items() if day in days] for day in range(oldest, oldest + LEARN_AT_ONCE_D)}
    return {day: mine for day, mine in wanted.items() if mine}


def _days(times: Sequence[int]) -> list[int]:
    return [int(day) for day in clock.local_day_hour(np.array(times, np.int64))[0]]


def span_to_learn(days: Iterable[int]) -> tuple[int, int]:
    """Epoch seconds [start, end) of what an archive must hold for `learn` to learn these days."""
    moments = [
        clock.local_time(clock.EPOCH + dt.timedelta(days=d), ISSUE_HOUR) for d in (min(days) - 1, max(days) + _BRIDGE_TEACHES_D)
    ]
    start, _ = pooled.window(moments[0])
    return start, moments[1] + (HORIZON_H + 1) * HOUR


def learn(
    archive: Archive,
    forecaster: Forecaster,
    days: Mapping[int, Sequence[Consumer]],
    adaptations: Adaptations,
    now: int,
) -> dict[tuple[Consumer, str], Adaptation]:
    """The adaptations that days which came true change: of these consumers, and of the sums of them.

    Each day is forecast again from what was known at two moments, by the adaptation before it, and held against its load as known
    at `now`. The archive must hold all that was known in `span_to_learn`.
    """
    bundle = forecaster.pooled
    learned: dict[tuple[Consumer, str], Adaptation] = {}
    now_known = dict(adaptations)
    price_areas = Archive({key: v for key, v in archive.versions.items() if key[1] in geography.PRICE_AREAS}, archive.simulated)
    if bundle is None:
        return learned
    for day, consumers in days.items():
        pace.step()
        date = clock.EPOCH + dt.timedelta(days=day)
        span = clock.local_midnight(date), clock.local_midnight(date + dt.timedelta(days=1))
        truth = archive.as_of(now, span[0], (span[1] - span[0]) // HOUR)
        lessons: dict[Consumer, list[Lesson]] = {}
        for days_later in (-1, _BRIDGE_TEACHES_D):
            moment = clock.local_time(date + dt.timedelta(days=days_later), ISSUE_HOUR)
            history = archive.as_of(moment, *pooled.window(moment))
            known = [c for c in consumers if ("load", *c) in history.values]
            areas = issuing.make_issues(price_areas, forecaster, moment, {})
            raws = _raw(bundle, history, known, around(history, areas), span)
            issues = {c: issue for c, raw in raws.items() if (issue := _issue(history, bundle, c, raw, now_known)) is not None}
            issues = {c: issue for c, issue in issues.items() if issue.tier is Tier.POOLED}
            _, sums = _with_sums(dict(issues), moment, now_known)
            taught = {c: raws[c] for c in issues} | sums
            for consumer, lesson in taught.items():
                lessons.setdefault(consumer, []).append(lesson)
        for consumer in dict.fromkeys([*consumers, *lessons]):
            load, mine = _load(truth, consumer, span[0]), lessons.get(consumer, [])
            size = mine[0].inputs.shape[1] if mine else adaptation.size(bundle.responses)
            before = now_known.get((consumer, bundle.model_id)) or Adaptation.start(size)
            observed = [load[(lesson.valid_time - span[0]) // HOUR] for lesson in mine]
            learned[consumer, bundle.model_id] = before.learn(day, mine, observed)
        now_known |= learned
    return learned


def _load(truth: History, consumer: Consumer, at: int) -> FloatArray:
    """Load in MWh on a history's grid of a consumer or of a sum; NaN where it, or that of a part, is unknown."""
    loads = [truth.get("load", *leaf) for leaf in geography.leaves(consumer, at)]
    nothing = np.full(truth.hours, np.nan)
    total: FloatArray = np.sum([nothing if load is None else load for load in loads], axis=0)
    return total
