"""What the overview shows beyond the snapshot: the limits, the areas beside the price areas, and what was expected of the newest hour."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from app.snapshot import PRICE_AREAS, SCORE_DAYS, ConsumerSnapshot, Snapshot
from engine import clock, geography, published
from engine.domain import BRIDGE_H, DAY, HOUR, Consumer, QuantileForecast
from engine.geography import Kind
from engine.limits import Limits
from engine.store import Reader

#: Days of load read before the longest bridge: the newest day, and the week that it is compared with.
_TRUTH_DAYS = 9


@dataclass(frozen=True, slots=True)
class OverviewSnapshot:
    """`beside` are consumers in the order they are shown in; `expected` is what was published before the newest measured hour,
    `limited` what is published now of everybody with a limit.
    """

    limits: Limits = field(default_factory=Limits)
    beside: Mapping[Consumer, ConsumerSnapshot] = field(default_factory=dict)
    expected: Mapping[Consumer, QuantileForecast] = field(default_factory=dict)
    limited: Mapping[Consumer, QuantileForecast] = field(default_factory=dict)


def beside(snapshot: Snapshot, pinned: tuple[Consumer, ...] = ()) -> tuple[Consumer, ...]:
    """Who is shown beside the price areas: whoever the user pinned, else the regions."""
    regions = tuple(Consumer(area) for area in geography.of_kind(Kind.REGION, snapshot.read_at))
    return tuple(of for of in pinned or regions if of in snapshot.known and of not in PRICE_AREAS)


def read(reader: Reader, now: int, others: tuple[Consumer, ...]) -> OverviewSnapshot:
    """The limits, these consumers, and of the price areas what was expected."""
    told, newest = reader.limits(), dict[Consumer, int]()
    for of in PRICE_AREAS:
        times, _ = reader.truth(of.area, now - 2 * DAY, now, of.consumer_type)["newest"]
        newest |= {of: int(times[-1])} if len(times) else {}
    beside_them = {of: _consumer(reader, of, now) for of in others}
    return OverviewSnapshot(told, beside_them, _published(reader, newest), _published(reader, dict.fromkeys(told.loads, now)))


def _published(reader: Reader, moments: Mapping[Consumer, int]) -> dict[Consumer, QuantileForecast]:
    """What was published of each at a moment, where anything was."""
    found = {of: published.read(reader, of, moment) for of, moment in moments.items()}
    return {of: its.forecast for of, its in found.items() if its is not None}


def _consumer(reader: Reader, of: Consumer, now: int) -> ConsumerSnapshot:
    area, consumer_type = of
    times, values = reader.truth(area, now - BRIDGE_H * HOUR - _TRUTH_DAYS * DAY, now + DAY, consumer_type)["newest"]
    start = clock.local_midnight(clock.local(now).date() - dt.timedelta(days=SCORE_DAYS))
    scores = {("provisional", "day"): reader.scores(area, "day", start=start, consumer_type=consumer_type)}
    return ConsumerSnapshot(of, times, values, published.read(reader, of, now), scores)
