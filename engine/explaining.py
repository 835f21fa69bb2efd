"""Why a forecast is what it is, and why it is not what the issue before said: exact splits of published medians, in MWh.

Nothing here is stored or official. An issue is made again from what was known then, with some of its inputs as they usually are, or
as they were before; who of them did how much is their Shapley value.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from engine import clock, remaking, shapley
from engine.domain import (
    MEDIAN,
    Cause,
    Consumer,
    Expected,
    FeatureMatrix,
    FloatArray,
    History,
    IntArray,
    Part,
    QuantileForecast,
    Tier,
)
from engine.remaking import BundleOf, Knowledge, Maker
from engine.store import Reader
from engine.tables import Missing, Table

#: Beginnings of the names of the inputs of each group; of two that fit the longer counts. All other inputs say which hour it is.
_GROUPS: Mapping[Part, tuple[str, ...]] = {
    Part.LOAD: ("recent_", "same_hour_", "day_lag_", "week_", "base_trend", "level_", "trend"),
    Part.AROUND: ("grid", "beyond"),
    Part.CALENDAR: (
        *("is_", "free", "bridge", "christmas_weeks", "july", "industry_vacation", "school_vacation"),
        *("sunday_if_free", "same_hour_unusual"),
    ),
    Part.TEMPERATURE: ("temperature", "heating", "cooling"),
    Part.WIND: ("wind_speed", "wind_chill"),
    Part.LIGHT: ("sun", "dusk", "global_radiation", "cloud_cover", "relative_humidity"),
}
_HOUR_ITSELF = ("sunday",)
#: Inputs whose distance from what is usual has another name.
_ANOMALIES = {"temperature": "temperature_ewma_12h_anomaly", "temperature_ewma_48h": "temperature_ewma_240h_anomaly"}
#: Inputs without a usual value.
_AS_THEY_ARE = ("relative_humidity", "temperature_lag_")


def group_of(name: str) -> Part | None:
    """The group an input belongs to; None for those that say which hour it is."""
    fits = [(len(start), part) for part, starts in _GROUPS.items() for start in starts if name.startswith(start)]
    return max(fits)[1] if fits and name not in _HOUR_ITSELF else None


def usual(matrix: FeatureMatrix, name: str) -> FloatArray:
    """One input of a usual hour: weather as in the weeks that make the base, no deviation, no special day; NaN where it is missing."""
    value = matrix.column(name).astype(np.float64)
    anomaly = _ANOMALIES.get(name, f"{name}_anomaly")
    if anomaly in matrix.names:
        plain = value - matrix.column(anomaly)
        return np.where(np.isnan(plain), value, plain)
    return value if name.startswith(_AS_THEY_ARE) else np.where(np.isnan(value), value, 0.0)


def explain(
    reader: Reader, bundle_of: BundleOf, of: Consumer, now: int, hour: int | None = None, issue_time: int | None = None
) -> Table:
    """A row per hour (None: every hour of the issue): what its published median is made of; the parts of a row add up to it.

    Parts that the model has no inputs for are NaN. `remade` says whether the model's median, made again, is that of the issue.
    Raises `Missing`, or Expected where the issue cannot be made again.
    """
    issue = remaking.find(reader, of, hour, issue_time)
    hours = issue.valid_time if hour is None else np.array([hour], np.int64)
    makers = remaking.makers(reader, bundle_of, issue)
    knowledge = remaking.known(reader, [maker.leaf for maker in makers], issue.issue_time, issue.issue_time)
    parts, remade = dict[Part, FloatArray](), set[bool | None]()
    for maker in makers:
        mine = _parts(maker, knowledge, hours)
        remade.add(maker.remade(np.sum(list(mine.values()), axis=0), hours))
        for part, share in mine.items():
            parts[part] = parts.get(part, 0.0) + share
    whole = remaking.published(reader, issue, now)
    parts[Part.LEARNED] = remaking.median(issue, hours) - np.sum(list(parts.values()), axis=0)
    median = remaking.median(whole.forecast, hours)
    parts[Part.ADJUSTED] = median - remaking.median(issue, hours)
    told = head(issue) | _inputs(makers) | {"remade": None if None in remade else all(remade)}
    return _table(told, hours, {part: parts.get(part) for part in Part} | {"published": median})


def _parts(maker: Maker, known: Knowledge, hours: IntArray) -> dict[Part, FloatArray]:
    """What the model's own median of a leaf is made of."""
    if maker.bundle is None:
        raw = maker.median(known, hours)
        if maker.issue.tier is not Tier.SEASONAL:
            return {Part.USUAL: raw}
        base = maker.median(replace(known, history=_long_past(known.history)), hours)
        return {Part.USUAL: base, Part.LOAD: raw - base}
    matrix = remaking.inputs(known, maker.leaf, hours)
    actual = maker.bundle.rows(matrix)
    groups: dict[Part, list[int]] = {}
    neutral = actual.copy()
    for i, name in enumerate(maker.bundle.features):
        if (part := group_of(name)) is not None:
            groups.setdefault(part, []).append(i)
            neutral[:, i] = usual(matrix, name)
    # A group that is as usual in every hour adds nothing, and doubles the work.
    moved = [
        part for part, columns in groups.items() if not np.array_equal(actual[:, columns], neutral[:, columns], equal_nan=True)
    ]
    rows = []
    for coalition in itertools.product((False, True), repeat=len(moved)):
        mixed = neutral.copy()
        for part, present in zip(reversed(moved), coalition, strict=True):
            if present:
                mixed[:, groups[part]] = actual[:, groups[part]]
        rows.append(mixed)
    worth = maker.bundle.run(np.concatenate(rows))[0][:, MEDIAN].reshape(len(rows), len(hours))
    shares = dict(zip(moved, shapley.split(worth), strict=True))
    return {Part.USUAL: worth[0]} | {part: shares.get(part, np.zeros(len(hours))) for part in Part if part in groups}


def _long_past(history: History) -> History:
    """A history so old that the level of its last days has faded from what comes."""
    return replace(history, as_of=0)


def changes(
    reader: Reader,
    bundle_of: BundleOf,
    of: Consumer,
    now: int,
    hour: int | None = None,
    issue_time: int | None = None,
    before: int | None = None,
) -> Table:
    """A row per hour that both forecast: by how much an issue differs from the newest made at or before `before` (None: the one
    before it), and what made it; the causes of a row add up to the difference of both medians.

    Time passes first, for nobody knows the load or the weather of a later moment before it; then what became known since, and the
    model, in every order. What was learned is what both published beyond their models. Raises as `explain` does.
    """
    new = remaking.find(reader, of, hour, issue_time)
    old = remaking.find(reader, of, hour, min(new.issue_time - 1, new.issue_time if before is None else before))
    hours = np.intersect1d(new.valid_time, old.valid_time) if hour is None else np.array([hour], np.int64)
    sides = [remaking.makers(reader, bundle_of, issue) for issue in (old, new)]
    leaves = [maker.leaf for maker in sides[1]]
    if not len(hours) or leaves != [maker.leaf for maker in sides[0]]:
        raise Missing("The two issues have no hour in common, or are sums of different parts.", "Name a newer issue before.")
    then = remaking.known(reader, leaves, old.issue_time, old.issue_time)
    later = remaking.known(reader, leaves, old.issue_time, new.issue_time)
    newer = remaking.known(reader, leaves, new.issue_time, new.issue_time)
    causes = dict[Cause, FloatArray]()
    for maker_then, maker_now in zip(*sides, strict=True):
        for cause, share in _causes(maker_then, maker_now, (then, later, newer), hours).items():
            causes[cause] = causes.get(cause, 0.0) + share
    raw = [remaking.median(issue, hours) for issue in (old, new)]
    medians = [remaking.median(remaking.published(reader, issue, now).forecast, hours) for issue in (old, new)]
    causes[Cause.LEARNED] = raw[1] - raw[0] - np.sum(list(causes.values()), axis=0)
    causes[Cause.ADJUSTED] = medians[1] - raw[1] - (medians[0] - raw[0])
    told = head(new) | _inputs(sides[1])
    told["before"] = {**_made(old), **_inputs(sides[0])}
    return _table(told, hours, {"before": medians[0], **{cause: causes.get(cause) for cause in Cause}, "published": medians[1]})


def _causes(old: Maker, new: Maker, known: tuple[Knowledge, Knowledge, Knowledge], hours: IntArray) -> dict[Cause, FloatArray]:
    """What moved the model's own median of a leaf: `known` then, the same later, and now."""
    then, later, now = known
    learned = [Cause.LOAD, *([Cause.AROUND] if now.around else []), Cause.WEATHER]
    players = learned if old.issue.model_id == new.issue.model_id else [*learned, Cause.MODEL]
    worth = []
    for coalition in itertools.product((False, True), repeat=len(players)):
        newer = {player for player, present in zip(reversed(players), coalition, strict=True) if present}
        maker = new if Cause.MODEL in newer else old
        worth.append(maker.median(_mixed(later, now, newer, old.leaf), hours))
    if not np.isfinite(worth).all():
        raise Expected(
            "Too little was known to tell what changed the forecast.", "Compare issues between which less has changed."
        )
    shares = dict(zip(players, shapley.split(np.array(worth)), strict=True))
    return {Cause.TIME: worth[0] - old.median(then, hours), Cause.MODEL: np.zeros(len(hours)), **shares}


def _mixed(old: Knowledge, new: Knowledge, newer: set[Cause], leaf: Consumer) -> Knowledge:
    """Old knowledge with some of its inputs as they were known later."""
    load = ("load", *leaf)
    of_load, of_weather = (new if cause in newer else old for cause in (Cause.LOAD, Cause.WEATHER))
    values = {key: grid for key, grid in of_weather.history.values.items() if key[0] != "load"}
    if load in of_load.history.values:
        values[load] = of_load.history.values[load]
    return Knowledge(replace(new.history, values=values), (new if Cause.AROUND in newer else old).around)


def _table(told: Mapping[str, object], hours: IntArray, columns: Mapping[str, FloatArray | None]) -> Table:
    nothing = np.full(len(hours), np.nan)
    values = [nothing if column is None else column for column in columns.values()]
    names = tuple(str(name) for name in columns)
    rows = [(clock.iso(hour), *row) for hour, row in zip(hours.tolist(), np.column_stack(values).round(6).tolist(), strict=True)]
    return Table(told, ("valid_time", *names), rows, dict.fromkeys(names, "MWh"))


def head(issue: QuantileForecast) -> dict[str, object]:
    """Whose issue it is, how it was made, and its marks."""
    of = {"area": issue.area, "consumer_type": issue.consumer_type}
    return of | _made(issue) | {"simulated": issue.simulated, "ex_post": issue.ex_post}


def _made(issue: QuantileForecast) -> dict[str, object]:
    return {"issue_time": clock.iso(issue.issue_time), "tier": issue.tier.value, "model_id": issue.model_id}


def _inputs(makers: Sequence[Maker]) -> dict[str, object]:
    """The newest load that all leaves knew, and when the oldest of their weather became known."""
    found: dict[str, object] = {}
    for name in ("newest_load", "newest_weather"):
        said = [maker.issue.inputs.get(name) for maker in makers]
        found[name] = min(map(str, said)) if all(said) else None
    return found
