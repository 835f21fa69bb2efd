"""How forecasts keep their promises, as a table: the share of load at or below each level, and errors beside expected ones."""

from __future__ import annotations

import datetime as dt

from engine import clock, drift
from engine.domain import LEAD_BUCKETS, LEVELS, Consumer
from engine.reliability import Reliability
from engine.store import FOREVER, Reader
from engine.store.schema import level_column
from engine.tables import Table

#: Share in percent of pairs with load at or below a level, by the level's column.
SHARES = tuple(level_column(level) for level in LEVELS)
COLUMNS = ("first_lead_h", "last_lead_h", "days", "n", "mae", "expected_mae", *SHARES)


def reliability(reader: Reader, of: Consumer, now: int, start: int | None = None, end: int | None = None) -> Table:
    """A row for each lead bucket with hours in the UTC days that [start, end) touches; the head tells how errors stand now."""
    kept = reader.scorebook.reliability(of, start or 0, FOREVER if end is None else end)
    course = drift.read(reader, of, now)
    newest = course.newest
    head = {
        "area": of.area,
        "consumer_type": of.consumer_type,
        "truth": "provisional",
        "start": None if start is None else clock.iso(start),
        "end": None if end is None else clock.iso(end),
        "drift": course.stand.value,
        "judged_to": None if newest is None else str(clock.EPOCH + dt.timedelta(days=newest)),
        "simulated": reader.simulated,
    }
    rows = [_row(kept, bucket) for bucket in range(len(LEAD_BUCKETS)) if kept.n[:, bucket].any()]
    return Table(head, COLUMNS, rows, dict.fromkeys(("mae", "expected_mae"), "MWh") | dict.fromkeys(SHARES, "%"))


def _row(kept: Reliability, bucket: int) -> tuple[object, ...]:
    n = float(kept.n[:, bucket].sum())
    errors = (float(part[:, bucket].sum()) / n for part in (kept.abs_error, kept.expected_error))
    shares, _ = kept.shares([bucket])
    return (*LEAD_BUCKETS[bucket], int((kept.n[:, bucket] > 0).sum()), int(n), *errors, *(100 * shares).tolist())
