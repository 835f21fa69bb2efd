"""Energi Data Service: how its load dataset is asked for and read."""

from __future__ import annotations

import json
import math

import numpy as np

from engine.clock import floor_hour, iso, parse_utc
from engine.config import Config
from engine.domain import DAY, HOUR, Expected, Flag, Observations, Series
from engine.sources.fetch import Request, decode

AREAS = ("DK1", "DK2")
#: Best last. The publisher overwrites one by the next.
_VERSIONS = ("Initial", "Preliminary", "Final")
_COLUMNS = ("TimeUTC", "PriceArea", "Version", "GrossCon")
_FIRST_HOUR = parse_utc("2014-12-31T23:00Z")
#: Usual age of the newest hour. A back-filled hour older than `_FRESH_S` is taken to have become known at this age.
NOMINAL_LAG_S = 2 * HOUR
_FRESH_S = 6 * HOUR
#: Most revisions arrive within this time.
_REPULL_S = 15 * DAY
_SLICE_S = 180 * DAY


class GenerationProdTypeExchange:
    """Gross consumption of the price areas, MWh per hour, about two hours behind and revised in place."""

    dataset = "energidataservice/GenerationProdTypeExchange"
    every_s = 15 * 60

    def __init__(self, config: Config) -> None:
        self._url = config.energi_data_service_url
        self._backfill_s = config.backfill_days * DAY
        self._simulated = config.simulated

    def requests(self, now: int, newest_valid: int | None) -> list[Request]:
        end = floor_hour(now) + HOUR
        if newest_valid is None:
            return self._slices(end - self._backfill_s, end, backfill=True)
        return self._slices(min(end - _REPULL_S, newest_valid), end, backfill=False)

    def history_requests(self, start: int, end: int) -> list[Request]:
        return self._slices(floor_hour(start), end, backfill=True)

    def _slices(self, start: int, end: int, backfill: bool) -> list[Request]:
        start = max(start, _FIRST_HOUR)
        return [self._request(at, min(at + _SLICE_S, end), backfill) for at in range(start, end, _SLICE_S)]

    def _request(self, start: int, end: int, backfill: bool) -> Request:
        name = self.dataset.rpartition("/")[2]
        params = {
            "start": iso(start)[:16],
            "end": iso(end)[:16],
            "timezone": "UTC",
            "columns": ",".join(_COLUMNS),
            "filter": json.dumps({"PriceArea": AREAS}, separators=(",", ":")),
            "sort": "TimeUTC,PriceArea",
            "limit": "0",
        }
        return Request(
            self.dataset,
            f"{self._url}/dataset/{name}",
            params,
            # A slice that holds nothing but the newest hours may rightly be empty.
            expects_data=end - start > 12 * HOUR,
            backfill=backfill,
            catalogue=f"{self._url}/meta/dataset",
        )

    def parse(self, request: Request, body: bytes, now: int) -> list[Observations]:
        best: dict[tuple[str, int], tuple[int, float]] = {}
        for record in _records(body, self.dataset):
            try:
                moment, area, version, value = (record[name] for name in _COLUMNS)
            except KeyError as error:
                raise _drift(f"the column {error} is missing") from error
            if not isinstance(area, str) or not isinstance(version, str | None):
                raise _drift("PriceArea or Version is not a text")
            if area not in AREAS or value is None:
                continue
            rank = _VERSIONS.index(version) if version in _VERSIONS else -1
            key = (area, _hour(moment, now))
            # Two rows of one hour, of an older and a newer version, have been seen.
            if key not in best or rank >= best[key][0]:
                best[key] = (rank, _number(value))
        return [self._observations(area, best, request.backfill, now) for area in AREAS if any(a == area for a, _ in best)]

    def _observations(self, area: str, best: dict[tuple[str, int], tuple[int, float]], backfill: bool, now: int) -> Observations:
        rows = sorted((t, rank, value) for (a, t), (rank, value) in best.items() if a == area)
        valid_time = np.array([t for t, _, _ in rows], np.int64)
        settled = np.array([rank == len(_VERSIONS) - 1 for _, rank, _ in rows])
        nominal = (valid_time < now - _FRESH_S) & backfill
        return Observations(
            Series("load", area, "energidataservice"),
            valid_time,
            np.where(nominal, np.minimum(valid_time + NOMINAL_LAG_S, now), now).astype(np.int64),
            np.array([value for _, _, value in rows], np.float64),
            (np.where(settled, Flag.SETTLED, 0) | np.where(nominal, Flag.NOMINAL, 0)).astype(np.uint8),
            self._simulated,
        )


def _drift(what: str) -> Expected:
    return Expected(
        f"{GenerationProdTypeExchange.dataset}: {what}.",
        "The provider changed its dataset; look for a newer Lastvagt. Nothing of this answer was stored.",
    )


def _records(body: bytes, dataset: str) -> list[dict[str, object]]:
    """Rows of an envelope, or of a bare list, in which some answers come."""
    answer = decode(body, dataset)
    total = answer.get("total") if isinstance(answer, dict) else None
    records = answer.get("records") if isinstance(answer, dict) else answer
    if not isinstance(records, list) or not all(isinstance(r, dict) for r in records):
        raise _drift("the answer holds no list of records")
    if isinstance(total, int) and total > len(records):
        raise _drift(f"only {len(records)} of {total} rows were sent although all were asked for")
    return records


def _hour(moment: object, now: int) -> int:
    """Epoch seconds of a time as the provider writes it: UTC without saying so."""
    if not isinstance(moment, str):
        raise _drift("TimeUTC is not a text")
    try:
        t = parse_utc(f"{moment}Z")
    except (Expected, OverflowError) as error:
        raise _drift(f"TimeUTC '{moment[:30]}' is not a time in UTC") from error
    if t % HOUR:
        raise _drift(f"TimeUTC '{moment[:30]}' is not a whole hour, so the resolution changed")
    if not _FIRST_HOUR <= t <= now:
        raise _drift(f"TimeUTC '{moment[:30]}' lies before the first hour or in the future")
    return t


def _number(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number
    raise _drift(f"GrossCon '{str(value)[:30]}' is not a number")
