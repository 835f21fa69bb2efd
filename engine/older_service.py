"""The six routes of the service that this program took over from, with its codes, its field names and its units.

That service (github.com/iusztinpaul/energy-forecasting, app-api/api/views.py and schemas) counted time in hours since 1970 and
energy in kWh, and knew consumers by two numbers: an area, and a type of the industry code DE35. The data behind those types ended
on 2023-06-30; what is measured today is coarser, so several types of before have the same answer now.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from engine import consumers, published
from engine.domain import DAY, HOUR, Consumer, FloatArray, IntArray, QuantileForecast
from engine.store import FOREVER, Reader
from engine.tables import Missing

#: feature_pipeline/etl/cleaning.py of that service.
AREAS = {0: "DK", 1: "DK1", 2: "DK2"}
#: Types that exist today, by what the publisher's list of the codes (Energi Data Service, Industrycodes_DE35, DE35_DA) called them.
#: 0 is new: everybody, which DE35 had no code for.
TYPES = {
    0: "total",
    111: "household",  # Lejligheder m.v. uden elvarme
    112: "household",  # Lejligheder m.v. med elvarme
    119: "household",  # Lejligheder m.v. fællesforbrug
    121: "household",  # Parcel-, række- m.v. huse uden elvarme
    122: "household",  # Parcel-, række- m.v. huse med elvarme
    123: "household",  # Parcel-, række- m.v. huse med varmepumpe
}
#: Types that DE35 had beside them, and why they have no answer.
_UNKNOWN = "nothing that is published today is known to be the same"
_MIXED = "its group held trade, service and public customers together, whom today's data count apart"
GONE = {
    **dict.fromkeys((130, 211, 212, 215, 220, 310, 320, 330, 340, 350, 360, 370, 381, 382, 390), _UNKNOWN),
    # The group 400 of that list (DE4_DA): Handel, service, offentlige foretagender m.v. samt andre forbrugere.
    **dict.fromkeys((410, 421, 422, 431, 432, 433, 441, 442, 443, 444, 445, 446, 447, 450, 461, 462), _MIXED),
    999: _UNKNOWN,
}

_WEEK_H, _MONITORED_DAYS = 168, 30
#: How far back a week of load is looked for: the latest data are 40 days late.
_SEARCHED_S = 60 * DAY
_KWH = 1000.0


def health() -> dict[str, str]:
    """That it answers."""
    return {"name": "Lastvagt", "api_version": "v1"}


def area_values() -> dict[str, list[int]]:
    """The areas there are."""
    return {"values": list(AREAS)}


def consumer_type_values(reader: Reader, now: int) -> dict[str, list[int]]:
    """The types that at least one area has an answer for."""
    types = {of.consumer_type for of in reader.consumers(now) if of.area in AREAS.values()}
    return {"values": [code for code, name in TYPES.items() if name in types]}


def predictions(reader: Reader, area: int, consumer_type: int, now: int) -> dict[str, list[int] | list[float]]:
    """The newest 168 hours of load, and the published median of the hours after them; raises `Missing`."""
    of = _consumer(reader, area, consumer_type, now)
    times, load = _load(reader, of, now - _SEARCHED_S, now)
    found = published.read(reader, of, now)
    if found is None or not len(times):
        raise Missing(*_no_data(area, consumer_type))
    issue = found.forecast
    later = issue.valid_time > times[-1]
    return {
        "datetime_utc": _hours(times[-_WEEK_H:]),
        "energy_consumption": _kwh(load[-_WEEK_H:]),
        "preds_datetime_utc": _hours(issue.valid_time[later]),
        "preds_energy_consumption": _kwh(issue.median[later]),
    }


def monitoring_values(reader: Reader, area: int, consumer_type: int, now: int) -> dict[str, list[int] | list[float]]:
    """Load of the last 30 days, and what each day's first issue said of the 24 hours after it; raises `Missing`."""
    of = _consumer(reader, area, consumer_type, now)
    forecast_times, forecast = _first_said(reader, of, now)
    times, load = _load(reader, of, now - _MONITORED_DAYS * DAY, now)
    if not len(times) or not len(forecast_times):
        raise Missing(*_no_data(area, consumer_type))
    return {
        "y_monitoring_datetime_utc": _hours(times),
        "y_monitoring_energy_consumption": _kwh(load),
        "predictions_monitoring_datetime_utc": _hours(forecast_times),
        "predictions_monitoring_energy_consumptionc": _kwh(forecast),  # so spelled there
    }


def monitoring_metrics(reader: Reader, now: int) -> dict[str, list[int] | list[float]]:
    """By hour of the last 30 days the mean absolute relative error of `monitoring_values` over all areas and types, as a fraction."""
    errors: dict[int, list[float]] = {}
    served = {Consumer(area, name) for area in AREAS.values() for name in TYPES.values()}
    for of in sorted(served.intersection(reader.consumers(now))):
        forecast_times, forecast = _first_said(reader, of, now)
        times, load = _load(reader, of, now - _MONITORED_DAYS * DAY, now)
        common, at, forecast_at = np.intersect1d(times, forecast_times, return_indices=True)
        relative = np.abs(forecast[forecast_at] - load[at]) / np.maximum(np.abs(load[at]), 1e-9)
        for hour, error in zip(_hours(common), relative.tolist(), strict=True):
            errors.setdefault(hour, []).append(error)
    return {"datetime_utc": sorted(errors), "mape": [float(np.mean(errors[hour])) for hour in sorted(errors)]}


def _consumer(reader: Reader, area: int, consumer_type: int, now: int) -> Consumer:
    """Who is meant by two numbers; raises `Missing` with the reason where nobody is."""
    if area not in AREAS:
        raise Missing(f"There is no area {area}.", "Areas are " + ", ".join(f"{n} ({code})" for n, code in AREAS.items()) + ".")
    if consumer_type not in TYPES:
        reason = GONE.get(consumer_type, "DE35 had no such code")
        raise Missing(
            f"There is no consumer type {consumer_type}: {reason}.",
            "/api/v1/consumer_type_values lists those that have an answer; /v1/areas lists everybody under today's names.",
        )
    return consumers.find(reader, AREAS[area], TYPES[consumer_type], now)


def _no_data(area: int, consumer_type: int) -> tuple[str, str]:
    """Problem and remedy; the problem in the words of that service."""
    return (
        f"No data found for the given area and consumer type: {area}, {consumer_type}",
        "The first forecast follows once enough load is known; /v1/lags tells how late it is.",
    )


def _load(reader: Reader, of: Consumer, start: int, end: int) -> tuple[IntArray, FloatArray]:
    return reader.truth(of.area, start, end, of.consumer_type)["newest"]


def _first_said(reader: Reader, of: Consumer, now: int) -> tuple[IntArray, FloatArray]:
    """Medians of the 24 hours after the first issue of each UTC day, the earlier issue's where two overlap."""
    found: dict[int, float] = {}
    for issue in _first_issues(reader, of, now):
        for hour, median in zip(issue.valid_time.tolist(), issue.median.tolist(), strict=True):
            if issue.issue_time < hour <= issue.issue_time + DAY:
                found.setdefault(hour, median)
    times = np.array(sorted(found), np.int64)
    return times, np.array([found[t] for t in times.tolist()])


def _first_issues(reader: Reader, of: Consumer, now: int) -> Iterator[QuantileForecast]:
    """The first issue of each UTC day, oldest first."""
    heads = reader.issues(of.area, now - _MONITORED_DAYS * DAY, now + 1, FOREVER, of.consumer_type)
    first = {head.issue_time // DAY: head.issue_time for head in heads}  # newest first, so that the first of a day stays
    for issue_time in sorted(first.values()):
        yield from reader.forecasts(of.area, issue_time, issue_time + 1, of.consumer_type)


def _hours(times: IntArray) -> list[int]:
    return [int(t) for t in times // HOUR]


def _kwh(mwh: FloatArray) -> list[float]:
    return [round(float(value), 3) for value in mwh * _KWH]
