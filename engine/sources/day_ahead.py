"""When day-ahead values become known, for archives that do not say: the one rule for back-filled and imported ones."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from engine.clock import local_day_hour, local_day_time
from engine.domain import IntArray

#: Danish hour of the day before delivery at which a quantity is known. The auction's results are out shortly before 13:00; the
#: transmission system operator owes its wind and solar forecasts by 18:00 (Regulation (EU) 543/2013, article 14).
KNOWN_AT_HOUR: Mapping[str, int] = {
    "solar_forecast": 18,
    "onshore_wind_forecast": 18,
    "offshore_wind_forecast": 18,
    "day_ahead_price": 13,
}


def nominally_known(quantity: str, valid_time: IntArray, now: int) -> IntArray:
    """Epoch seconds at which day-ahead values of these hours are taken to have become known: `KNOWN_AT_HOUR` on the day before
    their Danish day, and never after `now`, when they are in hand."""
    day, _ = local_day_hour(valid_time)
    known: IntArray = np.minimum(local_day_time(day - 1, KNOWN_AT_HOUR[quantity]), now)
    return known
