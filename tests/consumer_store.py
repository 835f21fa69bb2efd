"""A small store with price areas, both regions of DK2, two municipalities and two areas of a user's own, for tests of what is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine import clock
from engine.domain import DAY, HOUR, LEVELS, Consumer, Flag, Observations, QuantileForecast, Reason, Score, Series, Tier
from engine.store import ScoreRow, Writer

NOW = clock.parse_utc("2026-10-26T12:00Z")
#: Hours from the newest load to `NOW`, and the load itself in MWh.
PRICE_AREAS = {Consumer("DK1"): (2, 2600.0), Consumer("DK2"): (2, 1500.0)}
REGIONS = {
    Consumer(region, kind): (240, mwh)
    for region in ("1084", "1085")
    for kind, mwh in (("household", 300.0), ("business", 250.0), ("public", 50.0))
}
MUNICIPALITIES = {Consumer("851", "household"): (264, 40.0), Consumer("101", "household"): (264, 90.0)}
OWN = {Consumer("DK1-plant", "steel"): (24, 12.0), Consumer("Åbenrå værk 2 / øst", "valse & ø"): (30, 3.0)}
STORED = {**PRICE_AREAS, **REGIONS, **MUNICIPALITIES, **OWN}
#: What is published of regions is their sum, too.
SUMS = {
    Consumer("DK"): ((Consumer("DK1"), Consumer("DK2"))),
    **{
        Consumer(region): tuple(Consumer(region, kind) for kind in ("household", "business", "public"))
        for region in ("1084", "1085")
    },
    **{Consumer("DK2", kind): (Consumer("1084", kind), Consumer("1085", kind)) for kind in ("household", "business", "public")},
}
_SOURCES = {
    "1084": "ConsumptionConsumerCategoryHour",
    "1085": "ConsumptionConsumerCategoryHour",
    "851": "PrivateConsumptionHeatingHour",
    "101": "PrivateConsumptionHeatingHour",
    "DK1": "energidataservice",
    "DK2": "energidataservice",
}


def fill(path: Path) -> Path:
    """Thirty days of load, an issue of each consumer at `NOW` and one a day of price areas and sums before, and a score each."""
    writer = Writer(path)
    batches = []
    for of, (lag_h, mwh) in STORED.items():
        valid_time = np.arange(NOW - 30 * DAY, NOW - lag_h * HOUR + 1, HOUR, dtype=np.int64)
        series = Series("load", of.area, _SOURCES.get(of.area, "file"), of.consumer_type)
        value = np.full(len(valid_time), mwh)
        flags = np.full(len(valid_time), Flag.NOMINAL, np.uint8)
        batches.append(Observations(series, valid_time, valid_time + lag_h * HOUR, value, flags))
    writer.put(batches)
    for of in (*STORED, *SUMS):
        gross = of in PRICE_AREAS or of == Consumer("DK")
        for issue_time in range(NOW - 20 * DAY, NOW + 1, DAY):
            if of in SUMS or gross or issue_time == NOW:
                writer.put_forecasts([_issue(of, issue_time, _lag_h(of), gross)], issue_time)
        row = ScoreRow(*of, "provisional", NOW - 12 * DAY, 0 if not gross else 3, Score(n=1, observed=10.0, abs_error=1.0))
        writer.put_scores([row])
    odd = Observations(Series("load", "851", "PrivateConsumptionHeatingHour", "household"), *_one(NOW - 13 * DAY, 9e6))
    writer.put([], [(odd, ["over 5000 MWh"])])
    writer.close()
    return path


def _lag_h(of: Consumer) -> int:
    return STORED[of][0] if of in STORED else max(_lag_h(each) for each in SUMS[of])


def mwh(of: Consumer) -> float:
    """The load of each hour."""
    return STORED[of][1] if of in STORED else sum(mwh(each) for each in SUMS[of])


def _issue(of: Consumer, issue_time: int, lag_h: int, gross: bool) -> QuantileForecast:
    """A forecast of the very load, from the hour after the newest at that moment."""
    newest = issue_time - lag_h * HOUR
    hours = np.arange(newest + HOUR, issue_time + (168 if gross else 48) * HOUR + 1, HOUR, dtype=np.int64)
    quantiles = mwh(of) + np.tile(LEVELS, (len(hours), 1)) - 0.5
    tier = Tier.FULL if gross else Tier.POOLED
    inputs = {} if of in SUMS else {"newest_load": clock.iso(newest)}
    return QuantileForecast(*of, issue_time, hours, LEVELS, quantiles, tier, Reason.NONE, "m1", inputs)


def _one(valid_time: int, value: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    times = np.array([valid_time], np.int64)
    return times, times, np.array([value]), np.zeros(1, np.uint8)
