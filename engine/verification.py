"""Which hours forecasts are still to be held against, and how the kept issues did for them, beside the reference."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from engine import geography, pace, reliability, scoring
from engine.domain import DAY, HOUR, LEAD_BUCKETS, MEDIAN, Consumer, FloatArray, IntArray
from engine.store import FOREVER, Archive, Reader, ScoreRow

#: How far back hours are looked for: as far as settlement is asked for again and holes of months are filled; else two days
#: before the newest that is scored.
_FAR_S, _NEAR_S = 190 * DAY, 2 * DAY
#: Share of its load by which settlement must have changed for an hour to be scored again.
_RENEWED_BEYOND = 0.001
#: Seconds back to which every issue that bridges an hour is scored. Of those that are later still one in six hours is: a load
#: that is eleven days late has been forecast 264 times since, nearly the same from hour to hour.
_ALL_BRIDGE_S, _BRIDGE_STEP_S = 12 * HOUR, 6 * HOUR
#: How far back hours that were scored before reliability was kept are counted in it.
_COUNTED_S = 42 * DAY
#: Hours of a consumer whose issues are held in memory together.
_HOURS_AT_ONCE = 10 * 24


def unscored(reader: Reader, of: Consumer, now: int, settled_after_days: int, thorough: bool) -> dict[str, dict[int, float]]:
    """Load in MWh by truth and hour that forecasts of a consumer are still to be held against.

    First published load comes in order, but for holes filled later. To find these too, and what has settled, be `thorough`.
    """
    first, newest = reader.first_forecast_hour(of), reader.scorebook.newest(of, "provisional")
    if first is None:
        return {}
    since = max(now - _FAR_S, first)
    if newest is not None and not thorough:
        since = max(since, newest - _NEAR_S)
    truth = reader.truth(of.area, since, now + HOUR, of.consumer_type)
    hours, loads = truth["provisional"]
    found = {"provisional": dict(zip(hours.tolist(), loads.tolist(), strict=True))}
    if thorough:
        found |= {"settled": scoring.settled(truth, now, settled_after_days), "settlement": scoring.settlement(truth, now)}
    recent = now - _COUNTED_S if thorough else FOREVER
    uncounted = {hour for hour in found["provisional"] if hour >= recent}
    uncounted -= reader.scorebook.counted(of, recent) if uncounted else set()
    for name, due in found.items():
        if due:
            for hour, load in reader.scorebook.loads(of, name, since).items():
                if name == "provisional" and hour in uncounted:
                    continue
                if name != "settlement" or abs(due.get(hour, load) - load) <= _RENEWED_BEYOND * load:
                    due.pop(hour, None)
    return {name: due for name, due in found.items() if due}


def score(reader: Reader, truth: str, observed: Mapping[Consumer, Mapping[int, float]]) -> list[ScoreRow]:
    """Score rows of hours with their load in MWh, by consumer: the kept issues that forecast them, by lead bucket."""
    hours = {of: np.array(sorted(loads), np.int64) for of, loads in observed.items() if loads}
    if not hours:
        return []
    first, last = min(int(each[0]) for each in hours.values()), max(int(each[-1]) for each in hours.values())
    areas = {leaf.area for of in hours for leaf in geography.leaves(of, last + HOUR)}
    archive = reader.archive(first - scoring.REFERENCE_S, last + HOUR, areas, quantities=["load"])
    rows = []
    for of, every in hours.items():
        for together in np.split(every, np.flatnonzero(np.diff(every) > DAY) + 1):
            for i in range(0, len(together), _HOURS_AT_ONCE):
                pace.step()
                rows += _score_block(reader, archive, of, truth, together[i : i + _HOURS_AT_ONCE], observed[of])
    return rows


def _score_block(
    reader: Reader, archive: Archive, of: Consumer, truth: str, hours: IntArray, observed: Mapping[int, float]
) -> list[ScoreRow]:
    first, last = int(hours[0]), int(hours[-1])
    issues = reader.forecasts_of_hours(of, first, last, last + _ALL_BRIDGE_S, _BRIDGE_STEP_S)
    windows = [issue.issue_time // _BRIDGE_STEP_S for issue in issues] + [-1]
    pairs = [(issue, np.searchsorted(issue.valid_time, hours)) for issue in issues]
    inside = [
        (hours >= issue.valid_time[0])
        & (hours <= issue.valid_time[-1])
        & ((issue.issue_time - hours <= _ALL_BRIDGE_S) | (windows[i] != windows[i + 1]))  # the oldest of its window comes last
        for i, issue in enumerate(issues)
    ]
    if not any(mine.any() for mine in inside):
        return []
    quantiles = np.concatenate([issue.quantiles[at[mine]] for (issue, at), mine in zip(pairs, inside, strict=True)])
    place = np.concatenate([np.flatnonzero(mine) for mine in inside])
    issued = np.repeat([issue.issue_time for issue in issues], [int(mine.sum()) for mine in inside])
    leaves = [archive.versions.get(("load", *leaf)) for leaf in geography.leaves(of, int(hours[-1]) + HOUR)]
    floor = scoring.RELATIVE_FLOOR * sum(float(np.median(leaf.value)) for leaf in leaves if leaf is not None)
    loads = np.array([observed[hour] for hour in hours.tolist()])
    bucket = scoring.lead_bucket((hours[place] - issued) / HOUR)
    group = np.where(bucket < 0, -1, place * len(LEAD_BUCKETS) + bucket)
    scores = scoring.scores(loads[place], quantiles, seasonal_naive(archive, of, hours[place], issued), floor, group)
    scores.pop(-1, None)
    kept = _kept(loads[place], quantiles, group) if truth == "provisional" else {}
    return [
        ScoreRow(*of, truth, int(hours[number // len(LEAD_BUCKETS)]), number % len(LEAD_BUCKETS), made, kept.get(number, ()))
        for number, made in scores.items()
    ]


def _kept(observed: FloatArray, quantiles: FloatArray, group: IntArray) -> dict[int, tuple[float, ...]]:
    """`reliability.SUMS` of each group of forecasts, by its number."""
    columns = reliability.sums(observed, quantiles, quantiles[:, MEDIAN], scoring.expected_error(quantiles))
    found, place = np.unique(group, return_inverse=True)
    sums = np.zeros((len(found), len(reliability.SUMS)))
    np.add.at(sums, place, columns)
    return {number: tuple(row) for number, row in zip(found.tolist(), sums.tolist(), strict=True)}


def seasonal_naive(archive: Archive, of: Consumer, hours: IntArray, issued: IntArray) -> FloatArray:
    """Load in MWh of the latest same Danish weekday and hour that was known at each issue time; NaN where it was of no week.

    `hours` and `issued` have the same length. Of a consumer with addends it is the sum of theirs.
    """
    total = np.zeros(len(hours))
    for leaf in geography.leaves(of, int(hours.max(initial=0)) + HOUR):
        versions = archive.versions.get(("load", *leaf))
        value = np.full(len(hours), np.nan)
        for weeks in range(scoring.REFERENCE_WEEKS, 0, -1) if versions is not None else ():
            assert versions is not None
            then = scoring.same_hour_weeks_before(hours, weeks)
            low, high = (np.searchsorted(versions.valid_time, then, side) for side in ("left", "right"))
            for i in range(int((high - low).max(initial=0))):
                at = np.minimum(low + i, high - 1)
                known = (high > low) & (versions.available_at[at] <= issued)
                value = np.where(known, versions.value[at], value)
        total += value
    return total
