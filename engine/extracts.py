"""What people take away from the program: tables that still tell by themselves, in years, what their numbers are."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping

import numpy as np

from engine import __version__, clock, geography, published, tables
from engine.domain import FIGURES, HOUR, Consumer
from engine.store import TRUTHS, Reader
from engine.tables import Missing, Table

#: Groupings of scores that are taken away together.
GROUPINGS = ("day", "lead_bucket", "hour", "weekday")


def forecast(reader: Reader, of: Consumer, start: int, end: int, now: int, as_of: int | None = None) -> Table:
    """What was observed and is forecast of the hours in [start, end), by the newest issue or the one that stood at `as_of`."""
    times, loads = reader.truth(of.area, start, end, of.consumer_type)["newest"]
    observed = dict(zip(times.tolist(), loads.tolist(), strict=True))
    found = published.read(reader, of, now if as_of is None else as_of)
    if found is None and not observed:
        raise Missing(f"Nothing is known of {geography.title(of, 'en')} in these days.", "Choose other days.")
    issued = None if found is None else tables.issue_table(found)
    hours = {} if found is None or issued is None else dict(zip(found.issue.valid_time.tolist(), issued.rows, strict=True))
    columns = () if issued is None else issued.columns[1:]
    nothing = ("measured", *(math.nan,) * (len(columns) - 1)) if columns else ()
    rows = [
        (*_moment(hour), observed.get(hour, math.nan), *(hours[hour][1:] if hour in hours else nothing))
        for hour in sorted({*observed, *(hour for hour in hours if start <= hour < end)})
    ]
    digest = {} if found is None else {"digest": reader.digest(of, found.issue.issue_time)}
    head = {**(issued.head if issued else {"simulated": reader.simulated}), **digest}
    units = {"observed": "MWh", **(issued.units if issued else {})}
    return _signed(Table(head, ("valid_time", "danish_time", "observed", *columns), rows, units), of, now)


def observations(reader: Reader, of: Consumer, start: int, end: int, now: int) -> Table:
    """The load of the hours in [start, end) in each of the versions it has had."""
    found = reader.truth(of.area, start, end, of.consumer_type)
    values = {name: dict(zip(found[name][0].tolist(), found[name][1].tolist(), strict=True)) for name in TRUTHS}
    rows = [
        (*_moment(hour), *(values[name].get(hour, math.nan) for name in TRUTHS))
        for hour in sorted({hour for known in values.values() for hour in known})
    ]
    head = {"quantity": "load", "simulated": reader.simulated}
    return _signed(Table(head, ("valid_time", "danish_time", *TRUTHS), rows, dict.fromkeys(TRUTHS, "MWh")), of, now)


def errors(reader: Reader, of: Consumer, start: int, end: int, now: int) -> Table:
    """How the issues for the hours in [start, end) turned out, in every grouping, against first published truth."""
    parts = {by: tables.scores(reader, of, by, start=start, end=end) for by in GROUPINGS}
    rows = [(by, *row) for by, table in parts.items() for row in table.rows]
    first = parts[GROUPINGS[0]]
    head = {name: value for name, value in first.head.items() if name != "by"}
    return _signed(Table(head, ("by", *first.columns), rows, first.units), of, now)


def overview(reader: Reader, _: Consumer, start: int, end: int, now: int) -> Table:
    """A row per consumer: the newest load, the newest issue, its next peak as published, and how good issues for [start, end) were."""
    rows = []
    for each in reader.consumers(now):
        found = published.read(reader, each, now)
        issue = None if found is None else found.forecast
        score = reader.scores(each.area, "all", start, end, consumer_type=each.consumer_type).get(0)
        ahead = np.flatnonzero(issue.valid_time > now) if issue is not None else np.empty(0, int)
        peak = int(ahead[np.argmax(issue.median[ahead])]) if issue is not None and len(ahead) else None
        times, loads = reader.truth(each.area, now - 60 * 24 * HOUR, now, each.consumer_type)["newest"]
        rows.append(
            (
                *each,
                geography.title(each, "da"),
                geography.title(each, "en"),
                clock.iso(int(times[-1])) if len(times) else None,
                float(loads[-1]) if len(times) else math.nan,
                clock.iso(issue.issue_time) if issue is not None else None,
                issue.tier.value if issue is not None else None,
                issue.model_id if issue is not None else None,
                clock.iso(int(issue.valid_time[peak])) if issue is not None and peak is not None else None,
                float(issue.median[peak]) if issue is not None and peak is not None else math.nan,
                *((score.n, *score.figures().values()) if score is not None else (0, *(math.nan,) * len(FIGURES))),
            )
        )
    columns = ("area", "consumer_type", "name_da", "name_en", "newest_load_time", "newest_load", "issue_time", "tier", "model_id")
    units = {"newest_load": "MWh", "peak": "MWh", **{name: unit for name, unit in FIGURES.items() if unit}}
    table = Table({"simulated": reader.simulated}, (*columns, "peak_time", "peak", "n", *FIGURES), rows, units)
    return _signed(table, None, now)


def planned(reader: Reader, _: Consumer, start: int, end: int, now: int) -> Table:
    """What became of each hourly issue that was planned in [start, end), oldest first."""
    found = tables.planned(reader, now, start, end)
    rows = [(*_moment(clock.parse_utc(str(row[0]))), *row[1:]) for row in reversed(found.rows)]
    table = dataclasses.replace(found, columns=("issue_time", "danish_time", *found.columns[1:]), rows=rows)
    return dataclasses.replace(_signed(table, None, now), head={**_signed(table, None, now).head, "times": "issue times"})


#: What can be taken away of a consumer and a span of time, by name.
EXTRACTS: Mapping[str, Callable[..., Table]] = {
    "forecast": forecast,
    "observations": observations,
    "errors": errors,
    "overview": overview,
    "planned": planned,
}


def _moment(hour: int) -> tuple[str, str]:
    """The start of an hour in UTC, and as the clocks of Denmark showed it, with its offset."""
    return clock.iso(hour), clock.local(hour).isoformat()


def _signed(table: Table, of: Consumer | None, now: int) -> Table:
    """The table with who it is of, when it was taken away, from which program, and how its times are to be read."""
    who = {} if of is None else {"area": of.area, "consumer_type": of.consumer_type, "name": geography.title(of, "en")}
    made = {
        "zone": "Europe/Copenhagen",
        "times": "start of the hour",
        "exported_at": clock.iso(now),
        "program": f"Lastvagt {__version__}",
    }
    return dataclasses.replace(table, head={**who, **table.head, **made})
