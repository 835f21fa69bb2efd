"""Why the forecast of an hour is what it is, and what changed it since an earlier issue: steps of a waterfall, and what they rest on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.present.scale import Scale
from app.translations import Language
from engine import clock
from engine.domain import Cause, FloatArray, Part


@dataclass(frozen=True, slots=True)
class Step:
    """A row of a waterfall: from `start` to `end` as shares of its width; of a `total` both are where it stands."""

    name: str
    value: str
    about: str
    start: float
    end: float
    total: bool = False


@dataclass(frozen=True, slots=True)
class WhyView:
    """The steps from a usual hour to the published median, their sum in one sentence, and what is odd about them."""

    steps: tuple[Step, ...]
    summary: str
    note: str


@dataclass(frozen=True, slots=True)
class ChangesView:
    """The steps from the median of an earlier issue to the newest, their sum in one sentence, and which inputs are newer."""

    steps: tuple[Step, ...]
    summary: str
    inputs: tuple[str, ...]


def why_view(explanation: Mapping[str, Any], hour: int, scale: Scale, language: Language) -> WhyView | None:
    """What an answer of /v1/explain tells of an hour; None where it does not hold it."""
    row = _row(explanation, hour)
    if row is None:
        return None
    scale = scale.fine_for(row["published"])
    told = [part for part in Part if row[part] is not None and (row[part] or part is not Part.ADJUSTED)]
    changes = [(f"why.{part.value}", row[part]) for part in told if part is not Part.USUAL]
    steps = _steps("why.usual", row[Part.USUAL], changes, "why.published", scale, language)
    summary = language.text("why.summary", size=_size(row["published"] - row[Part.USUAL], scale, language))
    note = language.text("why.not_remade") if explanation["remade"] is False else ""
    return WhyView(steps, summary, note)


def usual_curve(explanation: Mapping[str, Any], scale: Scale) -> tuple[FloatArray, FloatArray]:
    """Epoch seconds of every hour of an answer of /v1/explain, and what a usual hour like it would take, in the view's unit."""
    rows = explanation["rows"]
    times = np.array([clock.parse_utc(row["valid_time"]) for row in rows], np.float64)
    return times, scale.factor * np.array([row[Part.USUAL] for row in rows], np.float64)


def changes_view(changes: Mapping[str, Any], hour: int, scale: Scale, language: Language, now: int) -> ChangesView | None:
    """What an answer of /v1/explain/changes tells of an hour; None where not both issues forecast it."""
    row, before = _row(changes, hour), changes["before"]
    if row is None:
        return None
    scale = scale.fine_for(row["published"])
    same = before["model_id"] == changes["model_id"]
    rare = {Cause.ADJUSTED, *([Cause.MODEL] if same else [])}
    causes = [cause for cause in Cause if row[cause] is not None and (row[cause] or cause not in rare)]
    told = [(f"why.since_{cause.value}", row[cause]) for cause in causes]
    steps = _steps("why.before", row["before"], told, "why.now", scale, language)
    size = _size(row["published"] - row["before"], scale, language)
    issued = language.moment(clock.parse_utc(before["issue_time"]), now)
    inputs = [
        _newer("why.newest_load", before["newest_load"], changes["newest_load"], language, now),
        _newer("why.newest_weather", before["newest_weather"], changes["newest_weather"], language, now),
        "" if same else language.text("why.other_model", model=changes["model_id"]),
    ]
    summary = language.text("why.changed", size=size, time=issued)
    return ChangesView(steps, summary, tuple(words for words in inputs if words))


def _row(answer: Mapping[str, Any], hour: int) -> Mapping[str, Any] | None:
    wanted = clock.iso(hour)
    row: Mapping[str, Any] | None = next((row for row in answer["rows"] if row["valid_time"] == wanted), None)
    return row


def _steps(
    first: str, start: float, changes: Sequence[tuple[str, float]], last: str, scale: Scale, language: Language
) -> tuple[Step, ...]:
    """From one total over changes to another; positions are shares of the span that all of them take."""
    path = [start]
    for _, change in changes:
        path.append(path[-1] + change)
    low, span = min(path), max(max(path) - min(path), 1e-9)
    at = [(value - low) / span for value in path]

    def total(key: str, value: float, place: float) -> Step:
        return Step(language.text(key), scale.number(value, language), language.text(f"{key}_about"), place, place, total=True)

    moved = [
        Step(language.text(key), _signed(change, scale, language), language.text(f"{key}_about"), at[i], at[i + 1])
        for i, (key, change) in enumerate(changes)
    ]
    return total(first, start, at[0]), *moved, total(last, path[-1], at[-1])


def _signed(mwh: float, scale: Scale, language: Language) -> str:
    """A change with its sign, which one that is nothing when written has not."""
    nothing = abs(mwh) * scale.factor < 0.5 * 10.0**-scale.decimals
    return scale.number(0.0 if nothing else mwh, language, sign=not nothing)


def _size(mwh: float, scale: Scale, language: Language) -> str:
    return f"{_signed(mwh, scale, language)}\u00a0{scale.unit}"


def _newer(key: str, before: str | None, after: str | None, language: Language, now: int) -> str:
    """Which input is newer, or that it is the same; nothing where it is not known."""
    if before is None or after is None:
        return ""
    old, new = (language.moment(clock.parse_utc(t), now, weekday=False) for t in (before, after))
    return language.text(f"{key}_same", new=new) if before == after else language.text(key, old=old, new=new)
