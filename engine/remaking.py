"""Issues made again, from what was known when they were made or from what might have been: hour by hour, and nothing is stored."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine import bridge, clock, features, geography, pooled
from engine import published as publishing
from engine.adjusting import Published
from engine.domain import (
    HOUR,
    MEDIAN,
    WEATHER,
    Consumer,
    Expected,
    FeatureMatrix,
    FloatArray,
    History,
    IntArray,
    QuantileForecast,
    Tier,
)
from engine.forecaster import Bundle
from engine.geography import Measure
from engine.store import FOREVER, Reader, codec
from engine.tables import Missing

#: Gives the verified bundle of a model_id; raises Expected where it is gone.
BundleOf = Callable[[str], Bundle]


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What forecasts are made from: `history` on the grid of an issue, and `around` late loads that of the price areas on it."""

    history: History
    around: Mapping[str, FloatArray]


@dataclass(frozen=True, slots=True)
class Maker:
    """How an issue of a leaf was made: by its bundle, where its tier has one."""

    issue: QuantileForecast
    bundle: Bundle | None

    def median(self, known: Knowledge, hours: IntArray) -> FloatArray:
        """What the model alone says of these hours from other knowledge, in MWh. A climatology always says the same."""
        of = self.leaf
        if self.bundle is not None:
            return self.bundle.quantiles(inputs(known, of, hours))[:, MEDIAN]
        if self.issue.tier is Tier.SEASONAL:
            seasonal = features.seasonal(known.history, of.area, hours, of.consumer_type)
            if seasonal is None:
                raise _unknown(of)
            return seasonal[:, MEDIAN]
        return median(self.issue, hours)

    @property
    def leaf(self) -> Consumer:
        """Whose issue it is."""
        return Consumer(self.issue.area, self.issue.consumer_type)

    def remade(self, raw: FloatArray, hours: IntArray) -> bool | None:
        """Whether the model's median made again is that of the issue, to the precision it is kept with; None where nobody knows."""
        draft = self.issue.draft
        if draft is None or not draft.experts:
            return None
        kept = draft.medians[(hours - self.issue.valid_time[0]) // HOUR, 0]
        return bool(np.max(np.abs(kept - raw)) <= codec.quantum(float(self.issue.quantiles.max())))


def median(issue: QuantileForecast, hours: IntArray) -> FloatArray:
    """Medians of an issue in MWh at hours that it covers."""
    at: FloatArray = issue.median[(hours - issue.valid_time[0]) // HOUR]
    return at


def published(reader: Reader, issue: QuantileForecast, now: int) -> Published:
    """An issue with what operators had decided when the next one took its place; of the newest by now."""
    after = reader.issues(issue.area, issue.issue_time + 1, now + 1, FOREVER, issue.consumer_type)
    return publishing.apply(reader, issue, after[-1].issue_time if after else max(now, issue.issue_time))


def find(reader: Reader, of: Consumer, hour: int | None = None, issue_time: int | None = None) -> QuantileForecast:
    """The newest issue made at or before a moment (None: now), which must forecast the hour; raises `Missing`."""
    issue = reader.forecast(of.area, FOREVER if issue_time is None else issue_time, of.consumer_type)
    name = geography.title(of, "en")
    if issue is None:
        when = "yet" if issue_time is None else f"by {clock.iso(issue_time)}"
        raise Missing(f"No forecast of {name} has been issued {when}.", "Name another moment; /v1/issues lists them.")
    if hour is not None and not issue.covers(hour):
        first, last = (clock.iso(int(issue.valid_time[end])) for end in (0, -1))
        raise Missing(
            f"The issue of {clock.iso(issue.issue_time)} does not forecast {clock.iso(hour)}.", f"It forecasts {first} to {last}."
        )
    return issue


def makers(reader: Reader, bundle_of: BundleOf, issue: QuantileForecast) -> list[Maker]:
    """How the issues of all leaves of an issue were made; raises `Missing` where one of them is not kept any more."""
    found = []
    for leaf in geography.leaves(Consumer(issue.area, issue.consumer_type), issue.issue_time):
        span = issue.issue_time, issue.issue_time + 1
        mine = reader.forecasts(leaf.area, *span, leaf.consumer_type, drafts=True)
        if not mine:
            problem = f"The issue of {geography.title(leaf, 'en')} of {clock.iso(issue.issue_time)} is not kept any more."
            raise Missing(problem, "Ask about a newer issue.")
        alone = mine[0].tier in (Tier.SEASONAL, Tier.CLIMATOLOGY)
        found.append(Maker(mine[0], None if alone else bundle_of(mine[0].model_id)))
    return found


def known(reader: Reader, leaves: Sequence[Consumer], moment: int, issue_time: int) -> Knowledge:
    """What was known at a moment of these leaves, all of them price areas or none, on the grid of an issue of `issue_time`."""
    gross = geography.measure(leaves[0]) is Measure.GROSS
    start, hours = (features if gross else pooled).window(issue_time)
    places = {place for leaf in leaves for place in geography.ancestors(leaf.area)}.union(geography.PRICE_AREAS)
    quantities = ("load", *WEATHER) if gross else pooled.INPUTS
    archive = reader.archive(start, start + hours * HOUR, places, moment, quantities=quantities, newest_only=True)
    history = dataclasses.replace(archive.as_of(moment, start, hours), as_of=issue_time)
    if gross:
        return Knowledge(history, {})
    areas = [forecast for area in geography.PRICE_AREAS if (forecast := reader.forecast(area, moment)) is not None]
    return Knowledge(history, bridge.around(history, areas))


def inputs(known: Knowledge, leaf: Consumer, hours: IntArray) -> FeatureMatrix:
    """Model inputs of these hours of a leaf; raises Expected where too little of its load is known."""
    matrix: FeatureMatrix | None
    if geography.measure(leaf) is Measure.GROSS:
        matrix = features.build(known.history, leaf.area, hours, leaf.consumer_type)
    elif ("load", *leaf) in known.history.values:
        matrix, _ = pooled.build(known.history, [leaf], known.around, (int(hours[0]), int(hours[-1]) + HOUR))
    else:
        matrix = None
    if matrix is None or len(matrix.valid_time) != len(hours) or np.isnan(matrix.column("base_mwh")).any():
        raise _unknown(leaf)
    return matrix


def _unknown(leaf: Consumer) -> Expected:
    problem = f"Too little load of {geography.title(leaf, 'en')} was known to make this again."
    return Expected(problem, "Ask about an hour or an issue before which more was known.")
