"""What stands around a forecast on its chart: the weather it was made with, the seasonal naive forecast, and older load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from engine import features, geography, scoring, verification
from engine.domain import HOUR, Consumer, FloatArray, IntArray
from engine.store import Reader

#: Weather that is drawn, from the top.
SHOWN_WEATHER = ("temperature", "wind_speed", "global_radiation")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Values on the unbroken grid `hours`, NaN where nothing was known. `naive` is in MWh; `truths` see `Archive.truth`.

    `places` are the areas the weather is of: more than one where it is their mean. `limit_mwh` is that of the consumer's load.
    """

    of: Consumer
    as_of: int
    hours: IntArray
    naive: FloatArray
    weather: Mapping[str, FloatArray]
    places: tuple[str, ...]
    truths: Mapping[str, tuple[IntArray, FloatArray]]
    limit_mwh: float | None


def read(reader: Reader, of: Consumer, as_of: int, start: int, end: int) -> Surroundings:
    """The hours of [start, end), both whole, as known at `as_of`; `seasonal_naive` of hours before that as known when they began."""
    hours = np.arange(start, end, HOUR, dtype=np.int64)
    first = start - scoring.REFERENCE_WEEKS * scoring.WEEK - HOUR
    leaves = geography.leaves(of, end)
    loads = reader.archive(first, end, {leaf.area for leaf in leaves}, quantities=("load",))
    weather, places = _weather(reader, of.area, as_of, hours)
    return Surroundings(
        of=of,
        as_of=as_of,
        hours=hours,
        naive=verification.seasonal_naive(loads, of, hours, np.minimum(hours, as_of)),
        weather=weather,
        places=places,
        truths=reader.truth(of.area, start, end, of.consumer_type),
        limit_mwh=reader.limits().loads.get(of),
    )


def _weather(reader: Reader, area: str, as_of: int, hours: IntArray) -> tuple[dict[str, FloatArray], tuple[str, ...]]:
    """Of the nearest area around one that has weather; of Denmark, which has none of its own, the mean of its price areas."""
    around, parts = geography.ancestors(area), geography.parts(area)
    start, end = int(hours[0]), int(hours[-1]) + HOUR
    history = reader.archive(start, end, {*around, *parts}, as_of, quantities=SHOWN_WEATHER, newest_only=True).as_of(
        as_of, start, len(hours)
    )
    own = {quantity: features.weather(history, area, quantity) for quantity in SHOWN_WEATHER}
    if known := {quantity: values for quantity, values in own.items() if values is not None}:
        place = next(place for place in around if any((quantity, place, "total") in history.values for quantity in known))
        return known, (place,)
    found = {}
    for quantity in SHOWN_WEATHER:
        values = [history.get(quantity, part) for part in parts]
        if all(each is not None for each in values):
            found[quantity] = np.mean([each for each in values if each is not None], axis=0)
    return found, parts if found else ()
