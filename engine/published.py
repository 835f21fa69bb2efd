"""The forecast that leaves the program: the model's issue with what operators have changed, and how these changes did."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from engine import adjusting, geography
from engine.adjusting import Adjustment, Published
from engine.domain import DAY, HOUR, Consumer, QuantileForecast
from engine.store import Reader
from engine.store.decisions import AdjustedHour

#: How long the first truth of an adjusted hour is waited for: metered load is up to 40 days late.
_WAITED_S = 60 * DAY


def read(reader: Reader, of: Consumer, at: int, issued_by: int | None = None) -> Published | None:
    """The newest issue made by `issued_by` (None: `at`) with the adjustments in force at `at`; None where there is no issue."""
    issue = reader.forecast(of.area, at if issued_by is None else issued_by, of.consumer_type)
    return None if issue is None else apply(reader, issue, at)


def apply(reader: Reader, issue: QuantileForecast, at: int) -> Published:
    """An issue with the adjustments in force at a moment, of it and of those whose loads add up to it."""
    of = Consumer(issue.area, issue.consumer_type)
    anybodys = reader.decisions.adjustments(int(issue.valid_time[0]))
    if not anybodys:
        return adjusting.untouched(issue)
    beneath = tuple(parts_of(of, issue.issue_time))
    made = [a for a in anybodys if a.consumer in (of, *beneath)]
    parts: dict[Consumer, QuantileForecast] = {}
    if any(a.consumer != of for a in made):
        found = {part: reader.forecast(part.area, issue.issue_time, part.consumer_type) for part in beneath}
        parts = {part: its for part, its in found.items() if its is not None}
    return adjusting.published(issue, made, at, parts)


def parts_of(of: Consumer, at: int) -> Iterator[Consumer]:
    """Everybody whose load is part of one's sum, down to the last."""
    for part in geography.addends(of, at):
        yield part
        yield from parts_of(part, at)


def score(reader: Reader, now: int) -> list[AdjustedHour]:
    """How adjustments did in hours whose first truth has arrived since the last time.

    Each is held against what it found: the newest issue made before the hour began, with the adjustments made before it.
    Values added by adjustments of one hour therefore add up.
    """
    return [hour for made in reader.decisions.adjustments(now - _WAITED_S) for hour in _scored(reader, made, now)]


def _scored(reader: Reader, made: Adjustment, now: int) -> Iterator[AdjustedHour]:
    begun = np.arange(made.valid_start, min(made.valid_end, now), HOUR, dtype=np.int64)
    due = set(begun[made.in_force(begun, now)].tolist()) - reader.decisions.scored_hours(made.adjustment_id)
    if not due:
        return
    truth = reader.truth(made.consumer.area, min(due), max(due) + HOUR, made.consumer.consumer_type)["provisional"]
    for hour, load in zip(*(column.tolist() for column in truth), strict=True):
        if hour not in due:
            continue
        whole = read(reader, made.consumer, hour, issued_by=hour - 1)
        if whole is None or not whole.issue.covers(hour):
            continue
        i, before = (hour - int(whole.issue.valid_time[0])) // HOUR, whole.issue.median
        for step in whole.steps:
            if step.adjustment.adjustment_id == made.adjustment_id and step.change[i]:
                yield AdjustedHour(made.adjustment_id, hour, load, float(before[i]), float(before[i] + step.change[i]))
            before = before + step.change
