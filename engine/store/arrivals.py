"""When the values of a series arrived: few hours of many series, read without looking at the rest."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.domain import DAY, Consumer, Flag, IntArray


@dataclass(frozen=True, slots=True)
class LoadSeries:
    """What is stored of one source's load of a consumer. `known_hours` counts those of the last days up to `newest_valid`."""

    series_id: int
    consumer: Consumer
    source: str
    first_valid: int
    newest_valid: int
    known_hours: int


class ArrivalsReader:
    """The questions about arrivals, asked through a reader's query function."""

    def __init__(self, rows: Callable[[str, Sequence[object] | Mapping[str, object]], list[tuple[Any, ...]]]) -> None:
        self._rows = rows

    def load_series(self, days: int) -> list[LoadSeries]:
        """Every stored load series, its hours counted over so many days."""
        rows = self._rows(
            """SELECT series_id, area, consumer_type, source,
                 (SELECT min(valid_time) FROM observation o WHERE o.series_id = s.series_id), newest,
                 (SELECT count(*) FROM (SELECT DISTINCT valid_time FROM observation o
                                        WHERE o.series_id = s.series_id AND o.valid_time > newest - ?))
               FROM (SELECT *, (SELECT max(valid_time) FROM observation o WHERE o.series_id = series.series_id) AS newest
                     FROM series WHERE quantity = 'load') s
               WHERE newest IS NOT NULL ORDER BY series_id""",
            (days * DAY,),
        )
        return [LoadSeries(number, Consumer(area, kind), *more) for number, area, kind, *more in rows]

    def furthest(self, source: str) -> tuple[int, int] | None:
        """Number and newest hour of the load of a source that reaches furthest; None where none is stored."""
        rows = self._rows(
            """SELECT series_id, (SELECT max(valid_time) FROM observation o WHERE o.series_id = s.series_id) AS newest
               FROM series s WHERE quantity = 'load' AND source = ? AND newest IS NOT NULL ORDER BY newest DESC LIMIT 1""",
            (source,),
        )
        return (int(rows[0][0]), int(rows[0][1])) if rows else None

    def first(self, series_id: int, hours: IntArray) -> tuple[IntArray, IntArray, npt.NDArray[np.bool_]]:
        """Of those of `hours` that are stored: valid_time, when the first version became known, whether that is nominal."""
        # Of the columns beside min() SQLite takes the values of the row that holds the minimum.
        rows = self._rows(
            """SELECT valid_time, min(available_at), flags FROM json_each(?) wanted CROSS JOIN observation
               ON series_id = ? AND valid_time = wanted.value GROUP BY valid_time""",
            (json.dumps(hours.tolist()), series_id),
        )
        valid, available, flags = np.array(rows, np.int64).reshape(-1, 3).T
        return valid, available, (flags & Flag.NOMINAL) != 0
