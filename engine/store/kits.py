"""What the database knows of kits that were imported, what goes into a new one, and how the values of one take their place."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.domain import DAY, Expected, FloatArray, IntArray, Series

Rows = tuple[IntArray, IntArray, FloatArray, npt.NDArray[np.uint8]]  # valid_time, available_at, value, flags

#: Property that holds the moment from which on values of kits count as having arrived; before, they are history.
_BEGAN = "kits_began"
#: Property that holds the special days of a program that is newer than this one.
_CALENDAR = "calendar"

#: Age of the newest kit beyond which it is missed, before it is known how often they come: weather forecasts reach a week ahead.
_FIRST_AGE_S = 8 * DAY
#: Kits that tell how often they come, and how much later than usual the next one may be.
USUAL_OF, _SLACK, _GRACE_S = 8, 1.5, DAY


@dataclass(frozen=True, slots=True)
class KitRecord:
    """A kit that was imported: `digest` names it, it holds what became known in [since, until) where it was made.

    `brought` counts values as `PutResult` does, and tells of model bundles and updates.
    """

    digest: str
    since: int
    until: int
    imported_at: int
    signed_by: str
    program: str
    file: str
    who: str
    brought: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Calendar:
    """Special days by ISO date, as the program of a version knows them."""

    program: str
    days: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A kit as it comes in: what is recorded of it, from when on its values count as having arrived, and a calendar to take over."""

    record: KitRecord
    began: int
    calendar: Calendar | None = None


def late(kits: Sequence[KitRecord], now: int) -> Expected | None:
    """What is missed where no kit came for longer than usual; None where none ever came."""
    ends = sorted({record.until for record in kits})
    if not ends:
        return None
    age_s, usual_s = now - ends[-1], usual_gap_s(kits)
    if age_s <= (_FIRST_AGE_S if usual_s is None else _SLACK * usual_s + _GRACE_S):
        return None
    usually = "" if usual_s is None else f", and one usually comes every {max(1, round(usual_s / DAY))} days"
    return Expected(
        f"The newest kit is {age_s / DAY:.0f} days old{usually}.",
        "Forecasts go on from older data with wider bands. Bring a newer kit: lastvagt-engine kit import FILE.",
    )


def on_plan(kits: Sequence[KitRecord], now: int) -> bool:
    """Whether kits come, and the next one is not missed."""
    return bool(kits) and late(kits, now) is None


def usual_gap_s(kits: Sequence[KitRecord]) -> int | None:
    """Seconds that usually lie between one kit and the next; None before the third."""
    ends = sorted({record.until for record in kits})
    return int(np.median(np.diff(ends))) if len(ends) > 2 else None


class KitsReader:
    """Reads through the query function of a `Reader`, whose promises hold here too."""

    def __init__(self, rows: Callable[[str, Sequence[object] | Mapping[str, object]], list[tuple[Any, ...]]]) -> None:
        self._rows = rows

    def imported(self, limit: int = 1 << 40) -> list[KitRecord]:
        """Every kit that was imported, newest import first."""
        rows = self._rows(
            """SELECT digest, since, until, imported_at, signed_by, program, file, who, brought FROM kit
               ORDER BY imported_at DESC LIMIT ?""",
            (limit,),
        )
        return [KitRecord(*(*row[:8], json.loads(row[8]))) for row in rows]

    def newest(self) -> int | None:
        """The moment until which kits tell what had become known; None before the first kit."""
        found: int | None = self._rows("SELECT max(until) FROM kit", ())[0][0]
        return found

    def began(self) -> int | None:
        """The moment from which on values of kits count as having arrived here; None before the first kit."""
        rows = self._rows("SELECT value FROM property WHERE name=?", (_BEGAN,))
        return int(rows[0][0]) if rows else None

    def calendar(self) -> Calendar | None:
        """The newest calendar that a kit brought."""
        rows = self._rows("SELECT value FROM property WHERE name=?", (_CALENDAR,))
        return Calendar(**json.loads(rows[0][0])) if rows else None

    def versions(self, since: int, until: int, hours_from: int, often_renewed: Sequence[str]) -> Iterator[tuple[Series, Rows]]:
        """Of every series what became known in [since, until), and all versions of hours from `hours_from` on that were known by then;
        of quantities that are renewed often only the former."""
        for number, quantity, area, kind, source, rank in self._rows(
            "SELECT series_id, quantity, area, consumer_type, source, rank FROM series ORDER BY quantity, area, consumer_type, source",
            (),
        ):
            rows = self._rows(
                """SELECT valid_time, available_at, value, flags FROM observation
                   WHERE series_id = ? AND (available_at >= ? OR valid_time >= ?) AND available_at < ?
                   ORDER BY valid_time, available_at""",
                (number, since, 1 << 40 if quantity in often_renewed else hours_from, until),
            )
            if rows:
                valid, available, value, flags = zip(*rows, strict=True)
                columns = np.array(valid, np.int64), np.array(available, np.int64)
                yield (
                    Series(quantity, area, source, kind, rank),
                    (*columns, np.array(value, np.float64), np.array(flags, np.uint8)),
                )

    def newest_known(self, series: Series, start: int, end: int) -> tuple[IntArray, IntArray]:
        """Hours of [start, end] that a series has a value of, and when the newest version of each became known."""
        rows = self._rows(
            """SELECT valid_time, max(available_at) FROM observation
               WHERE series_id = (SELECT series_id FROM series WHERE quantity=? AND area=? AND consumer_type=? AND source=?)
               AND valid_time BETWEEN ? AND ? GROUP BY valid_time""",
            (series.quantity, series.area, series.consumer_type, series.source, start, end),
        )
        hours, known = np.array(rows, np.int64).reshape(-1, 2).T
        return hours, known


def put_kit(db: sqlite3.Connection, arrival: Arrival, counts: Mapping[str, object]) -> None:
    """Within a transaction, record an import, with counts of its values."""
    record, calendar = arrival.record, arrival.calendar
    db.execute(
        "INSERT INTO kit(digest, since, until, imported_at, signed_by, program, file, who, brought) VALUES(?,?,?,?,?,?,?,?,?)",
        (
            *(record.digest, record.since, record.until, record.imported_at, record.signed_by, record.program),
            *(record.file, record.who, json.dumps({**counts, **record.brought}, sort_keys=True)),
        ),
    )
    db.execute("INSERT OR IGNORE INTO property VALUES(?, ?)", (_BEGAN, str(arrival.began)))
    if calendar is not None:
        told = json.dumps({"program": calendar.program, "days": dict(calendar.days)}, sort_keys=True)
        db.execute("INSERT OR REPLACE INTO property VALUES(?, ?)", (_CALENDAR, told))
