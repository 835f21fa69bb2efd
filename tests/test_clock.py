import datetime as dt

import holidays
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import clock
from engine.domain import HOUR, Expected

DAYS = st.dates(dt.date(2010, 1, 1), dt.date(2037, 12, 31))


@given(st.integers(946684800 // HOUR, 2145916800 // HOUR))
def test_local_day_and_hour_agree_with_the_time_zone_database(hour: int) -> None:
    day, local_hour = clock.local_day_hour(np.array([hour * HOUR]))
    wall = clock.local(hour * HOUR)
    assert (clock.EPOCH + dt.timedelta(days=int(day[0])), int(local_hour[0])) == (wall.date(), wall.hour)


@given(DAYS, st.integers(4, 23))
def test_a_danish_hour_of_a_day_is_that_hour_by_the_time_zone_database(day: dt.date, hour: int) -> None:
    days = np.array([(day - clock.EPOCH).days])
    assert clock.local_day_time(days, hour).tolist() == [clock.local_time(day, hour)]


@given(DAYS)
def test_a_danish_day_is_its_hours(day: dt.date) -> None:
    hours = clock.local_hours(day)
    assert len(hours) in (23, 24, 25)
    assert {clock.local(int(t)).date() for t in hours} == {day}
    assert clock.local(int(hours[0]) - HOUR).date() == day - dt.timedelta(days=1)


@pytest.mark.parametrize(
    ("day", "hours"), [((2026, 3, 29), 23), ((2026, 10, 25), 25), ((2026, 10, 24), 24), ((2027, 10, 31), 25)]
)
def test_clock_change_days(day: tuple[int, int, int], hours: int) -> None:
    assert len(clock.local_hours(dt.date(*day))) == hours


@given(st.integers(0, 4_000_000_000))
def test_iso_round_trip(t: int) -> None:
    assert clock.parse_utc(clock.iso(t)) == t


@pytest.mark.parametrize("text", ["2026-10-25T01:00", "yesterday", "", "2026-13-01T00:00Z", "2026-10-25 01:00"])
def test_times_without_zone_or_sense_are_refused(text: str) -> None:
    with pytest.raises(Expected):
        clock.parse_utc(text)


@pytest.mark.parametrize(("text", "seconds"), [("PT2H", 7200), ("-P7D", -7 * 86400), ("P1DT12H30M", 131400), ("P0D", 0)])
def test_durations(text: str, seconds: int) -> None:
    assert clock.parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "P", "PT", "2H", "P1Y", "PT2X", "P-1D"])
def test_wrong_durations_are_refused(text: str) -> None:
    with pytest.raises(Expected):
        clock.parse_duration(text)


def day_number(year: int, month: int, day: int) -> int:
    return (dt.date(year, month, day) - clock.EPOCH).days


def test_easter_is_that_of_the_calendar() -> None:
    known = holidays.country_holidays("DK", years=range(1900, 2100), language="da")
    easters = [day for day, name in known.items() if name == "Påskedag"]
    assert [clock.easter_sunday(year) for year in range(1900, 2100)] == sorted(easters)
    assert clock.easter_sunday(1818) == dt.date(1818, 3, 22), "as early as it can be"


def test_store_bededag_ended_in_2023() -> None:
    assert clock.special_day(day_number(2023, 5, 5)) == "store_bededag"
    assert "store_bededag" not in clock.special_days(2024).values()
    assert not clock.is_free(day_number(2024, 4, 26))


def test_every_class_of_special_day_occurs_once_a_year() -> None:
    assert sorted(clock.special_days(2023).values()) == sorted(clock.SPECIAL_DAYS)


@pytest.mark.parametrize(
    ("day", "value"),
    [
        ((2026, 5, 15), 1.0),  # Friday after Ascension
        ((2026, 5, 14), 0.0),  # Ascension itself
        ((2026, 5, 13), 0.0),
        ((2026, 3, 31), 0.5),  # Tuesday before Easter
        ((2026, 12, 29), 0.5),
        ((2026, 11, 20), 0.0),  # a plain Friday
        ((2026, 11, 21), 0.0),  # a plain Saturday
    ],
)
def test_bridge_days(day: tuple[int, int, int], value: float) -> None:
    assert clock.bridge(day_number(*day)) == value
