import datetime as dt

import numpy as np
import pytest

from engine.clock import local_hours, parse_utc
from engine.sources.day_ahead import nominally_known

LATER = parse_utc("2030-01-01")


@pytest.mark.parametrize(
    ("day", "hours", "price", "wind"),
    [
        (dt.date(2026, 3, 29), 23, "2026-03-28T12:00Z", "2026-03-28T17:00Z"),  # the clock goes forward
        (dt.date(2026, 3, 30), 24, "2026-03-29T11:00Z", "2026-03-29T16:00Z"),
        (dt.date(2026, 10, 25), 25, "2026-10-24T11:00Z", "2026-10-24T16:00Z"),  # the clock goes back
        (dt.date(2026, 10, 26), 24, "2026-10-25T12:00Z", "2026-10-25T17:00Z"),
    ],
)
def test_all_hours_of_a_danish_day_become_known_at_one_danish_hour_of_the_day_before(day, hours, price, wind):
    valid_time = local_hours(day)
    assert nominally_known("day_ahead_price", valid_time, LATER).tolist() == [parse_utc(price)] * hours
    for quantity in ("solar_forecast", "onshore_wind_forecast", "offshore_wind_forecast"):
        assert nominally_known(quantity, valid_time, LATER).tolist() == [parse_utc(wind)] * hours


def test_what_is_in_hand_is_not_called_unknown():
    now = parse_utc("2026-06-15T10:00Z")
    tomorrow = local_hours(dt.date(2026, 6, 16))
    assert (nominally_known("day_ahead_price", tomorrow, now) == now).all()
    assert (nominally_known("day_ahead_price", np.array([now]), now) < now).all()
