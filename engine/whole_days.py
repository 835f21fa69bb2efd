"""Whether days of load are whole, and whether another source says that they are shifted by an hour: told, never set aside.

Providers have left out or doubled the hour of a clock change and moved all that followed. Two sources that contradict each other do
not say which is right, so an operator is told which day it is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import numpy as np

from engine import clock, geography
from engine.domain import DAY, HOUR, SETTLEMENT, Expected, FloatArray, History
from engine.store import Reader, Writer

#: Kinds of events: hours are missing of a day, and another source contradicts one.
INCOMPLETE, CONTRADICTED = KINDS = "incomplete", "contradicted"
#: Days back that are compared, in which settled values come and may be revised, and those of which hours are missed.
_COMPARED_DAYS, _MISSED_DAYS = 21, 3
#: A day is shifted where an hour's shift brings two sources closer together by this much. In nine years no day of the load and of its
#: own forecast an hour ahead came near it.
_CLOSER = 0.7
#: Distance, as a share of the load, up to which two sources agree.
_AGREE = 0.01


def watch(writer: Writer, reader: Reader, now: int) -> None:
    """Keep an open event for each price area of which days lack hours or are contradicted, as long as they are looked at."""
    days = [clock.local(now).date() - dt.timedelta(days=back) for back in range(_COMPARED_DAYS, 0, -1)]
    start = clock.local_midnight(days[0]) - DAY
    archive = reader.archive(start, now, geography.PRICE_AREAS, quantities=("load", "load_forecast", *SETTLEMENT))
    known = archive.as_of(now, start, (now - start) // HOUR)
    found: dict[tuple[str, str], Expected] = {}
    for area in geography.parts("DK"):
        load = known.get("load", area)
        if load is not None:
            found |= _incomplete(area, known, load, days[-_MISSED_DAYS:])
            found |= _contradicted(area, known, load, days)
    for event in reader.events():
        if event.code in KINDS and (event.code, event.subject) not in found:
            writer.close_event(event.code, event.subject, now)
    for (code, subject), trouble in found.items():
        writer.open_event(code, subject, trouble.problem, trouble.remedy, now)


def _incomplete(area: str, known: History, load: FloatArray, days: Sequence[dt.date]) -> Mapping[tuple[str, str], Expected]:
    """Days with fewer hours than their 23, 24 or 25, though hours before and after them are known."""
    held = np.flatnonzero(np.isfinite(load))
    told = []
    for day in days:
        here = _hours(known, day)
        missing = int(np.isnan(load[here]).sum())
        if missing and held[0] < here.start and held[-1] >= here.stop:
            told.append(f"{missing} of the {here.stop - here.start} hours of {day}")
    if not told:
        return {}
    problem = f"The load of {area} lacks {', '.join(told)}."
    remedy = "Forecasts go on without them. They are asked for again for two weeks; a file with them can be imported."
    return {(INCOMPLETE, area): Expected(problem, remedy)}


def _contradicted(area: str, known: History, load: FloatArray, days: Sequence[dt.date]) -> Mapping[tuple[str, str], Expected]:
    settled, used = (known.get(quantity, area) for quantity in SETTLEMENT)
    twins = {
        "settled consumption": None if settled is None or used is None else settled - used,
        "the grid operator's forecast": known.get("load_forecast", area),
    }
    told = []
    for name, twin in twins.items():
        shifted = [] if twin is None else [day for day in days if is_shifted(load, twin, _hours(known, day))]
        told += [f"{name} on {', '.join(map(str, shifted))}"] if shifted else []
    if not told:
        return {}
    problem = f"The load of {area} is an hour apart from {' and from '.join(told)}."
    remedy = "Nobody can tell which is right, so nothing was set aside: look at that day before you trust its errors."
    return {(CONTRADICTED, area): Expected(problem, remedy)}


def _hours(known: History, day: dt.date) -> slice:
    """Where the 23, 24 or 25 hours of a Danish day stand."""
    first, end = (clock.local_midnight(each) for each in (day, day + dt.timedelta(days=1)))
    return slice((first - known.start) // HOUR, (end - known.start) // HOUR)


def is_shifted(load: FloatArray, twin: FloatArray, day: slice) -> bool:
    """Whether what two sources say of the hours of a day comes much closer together when one is moved by an hour; their levels may
    differ. False where an hour of it, or of the twin an hour before or after it, is not known."""
    its = load[day]
    before, same, after = (twin[day.start + hour : day.stop + hour] for hour in (-1, 0, 1))
    if len(after) < len(its) or not all(np.isfinite(each).all() for each in (its, before, after)):
        return False
    apart = _distance(its, same)
    return apart > _AGREE and min(_distance(its, before), _distance(its, after)) < _CLOSER * apart


def _distance(load: FloatArray, twin: FloatArray) -> float:
    """Root mean square of what a twin that is scaled to a load leaves of it, as a share of the load."""
    scale = float(load @ twin) / max(float(twin @ twin), 1e-9)
    return float(np.sqrt(np.mean((load - scale * twin) ** 2)) / max(float(load.mean()), 1e-9))
