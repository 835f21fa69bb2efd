"""Time: UTC epoch seconds inside, Danish calendar days of 23, 24 or 25 hours, and Danish special days."""

from __future__ import annotations

import datetime as dt
import functools
import re
import sys
import time
from collections.abc import Mapping
from typing import Protocol
from zoneinfo import ZoneInfo

import numpy as np

from engine import pace
from engine.domain import DAY, HOUR, Expected, IntArray

ZONE = ZoneInfo("Europe/Copenhagen")
UTC = dt.UTC
EPOCH = dt.date(1970, 1, 1)


class Clock(Protocol):
    """Where the program learns what time it is, so that a year can pass in a test."""

    def now(self) -> int:
        """UTC epoch seconds."""
        ...

    def steady(self) -> float:
        """Seconds that nobody can set, which go on while the computer sleeps."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


#: What counts sleep too: on Windows `time.monotonic` does, on macOS CLOCK_MONOTONIC.
_STEADY = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None)) if sys.platform != "win32" else None


class SystemClock:
    """The computer's clock."""

    def now(self) -> int:
        return int(time.time())

    def steady(self) -> float:
        return time.monotonic() if _STEADY is None else time.clock_gettime(_STEADY)

    def sleep(self, seconds: float) -> None:
        pace.sleep(seconds)


class SimulatedClock:
    """A clock that moves only when told to."""

    def __init__(self, now: int) -> None:
        self._now = now
        self._steady = 0.0

    def now(self) -> int:
        return self._now

    def steady(self) -> float:
        return self._steady

    def sleep(self, seconds: float) -> None:
        self.set(self._now + max(0, round(seconds)))

    def set(self, now: int) -> None:
        """Let time pass until a moment; to one that has passed it is set back."""
        self._steady += max(0, now - self._now)
        self._now = now

    def step(self, seconds: int) -> None:
        """Be set forward or back, while no time passes."""
        self._now += seconds


def floor_hour(t: int) -> int:
    """Start of the hour that holds t."""
    return t - t % HOUR


def parse_utc(text: str) -> int:
    """Epoch seconds of an ISO 8601 time that names its zone; a bare date is midnight UTC. Naive times are refused."""
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        text += "T00:00Z"
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise Expected(f"'{text}' is not a time.", "Write it like 2026-10-25T01:00Z.") from error
    if moment.tzinfo is None:
        raise Expected(f"'{text}' names no time zone.", "Add Z for UTC or an offset such as +01:00.")
    return int(moment.timestamp())


def iso(t: int) -> str:
    """UTC time as 2026-10-25T01:00:00Z."""
    return dt.datetime.fromtimestamp(t, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def local(t: float) -> dt.datetime:
    """Danish wall-clock time."""
    return dt.datetime.fromtimestamp(t, ZONE)


def local_midnight(day: dt.date) -> int:
    """Epoch seconds of the start of a Danish day."""
    return int(dt.datetime(day.year, day.month, day.day, tzinfo=ZONE).timestamp())


def local_hours(day: dt.date) -> IntArray:
    """Valid times of the 23, 24 or 25 hours of a Danish day."""
    return np.arange(local_midnight(day), local_midnight(day + dt.timedelta(days=1)), HOUR, dtype=np.int64)


def local_time(day: dt.date, hour: int, minute: int = 0) -> int:
    """Epoch seconds of a Danish wall-clock time; the first of two where the clock repeats it."""
    return int(dt.datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZONE).timestamp())


@functools.lru_cache(maxsize=1)
def _offsets() -> tuple[IntArray, IntArray]:
    """Moments (UTC) at which Denmark's offset changes, 2000-2060, and the offset in seconds from each on."""
    moments, values = [0], [HOUR]
    for year in range(2000, 2061):
        for month, offset in ((3, 2 * HOUR), (10, HOUR)):
            last = dt.datetime(year, month, 31, 1, tzinfo=UTC)
            change = last - dt.timedelta(days=(last.weekday() + 1) % 7)
            moments.append(int(change.timestamp()))
            values.append(offset)
    return np.array(moments, np.int64), np.array(values, np.int64)


def local_day_hour(valid_time: IntArray) -> tuple[IntArray, IntArray]:
    """Danish calendar day (days since 1970-01-01) and hour of day (0-23) of each time; follows EU clock rules 2000-2060."""
    moments, values = _offsets()
    shifted = valid_time + values[np.searchsorted(moments, valid_time, side="right") - 1]
    day = shifted // DAY
    return day, (shifted - day * DAY) // HOUR


def local_day_time(day: IntArray, hour: int) -> IntArray:
    """Epoch seconds of a full Danish hour (4-23, which no clock change touches) of each day (days since 1970-01-01)."""
    moments, values = _offsets()
    shifted = day * DAY + hour * HOUR
    times: IntArray = shifted - values[np.searchsorted(moments, shifted - HOUR, side="right") - 1]
    return times


#: Special days that have a shape of their own, one class each; order is fixed, a model depends on it.
SPECIAL_DAYS = (
    "new_year",
    "maundy_thursday",
    "good_friday",
    "easter_sunday",
    "easter_monday",
    "store_bededag",
    "ascension",
    "whit_sunday",
    "whit_monday",
    "may_1",
    "constitution_day",
    "christmas_eve",
    "christmas_day",
    "second_christmas_day",
    "new_years_eve",
)
#: Special days on which most of Denmark does not work (1 May and 5 June only in part).
_FREE = frozenset(SPECIAL_DAYS) - {"may_1", "constitution_day"}


#: Special days of years that another calendar was taken over for, by year.
_TAKEN_OVER: dict[int, dict[dt.date, str]] = {}


def take_over(days: Mapping[dt.date, str]) -> None:
    """Let these be all the special days of the years they lie in, for a newer program knows of a law that this one does not.

    Classes that models do not know are left out. Whoever keeps something that was made of special days must make it anew.
    """
    _TAKEN_OVER.clear()
    for day, label in days.items():
        of_year = _TAKEN_OVER.setdefault(day.year, {})
        if label in SPECIAL_DAYS:
            of_year[day] = label
    for kept in (special_days, special_day, bridge):
        kept.cache_clear()


def easter_sunday(year: int) -> dt.date:
    """Easter of a Gregorian year (Meeus, Astronomical Algorithms, 1991, chapter 8)."""
    a, (b, c) = year % 19, divmod(year, 100)
    (d, e), f = divmod(b, 4), (b + 8) // 25
    h = (19 * a + b - d - (b - f + 1) // 3 + 15) % 30
    i, k = divmod(c, 4)
    weekday = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * weekday) // 451
    month, day = divmod(h + weekday - 7 * m + 114, 31)
    return dt.date(year, month, day + 1)


@functools.lru_cache(maxsize=128)
def special_days(year: int) -> dict[dt.date, str]:
    """Special days of a year by class. Store Bededag exists until 2023 only."""
    if year in _TAKEN_OVER:
        return _TAKEN_OVER[year]
    easter = easter_sunday(year)
    fixed = {
        dt.date(year, 1, 1): "new_year",
        dt.date(year, 5, 1): "may_1",
        dt.date(year, 6, 5): "constitution_day",
        dt.date(year, 12, 24): "christmas_eve",
        dt.date(year, 12, 25): "christmas_day",
        dt.date(year, 12, 26): "second_christmas_day",
        dt.date(year, 12, 31): "new_years_eve",
    }
    moving = {
        -3: "maundy_thursday",
        -2: "good_friday",
        0: "easter_sunday",
        1: "easter_monday",
        39: "ascension",
        49: "whit_sunday",
        50: "whit_monday",
    }
    if year <= 2023:
        moving[26] = "store_bededag"
    return fixed | {easter + dt.timedelta(days=shift): label for shift, label in moving.items()}


@functools.lru_cache(maxsize=8192)
def special_day(day: int) -> str:
    """Class of a day (days since 1970-01-01), or an empty string."""
    date = EPOCH + dt.timedelta(days=int(day))
    return special_days(date.year).get(date, "")


def is_free(day: int) -> bool:
    """Whether most of Denmark is off work for a holiday; weekends alone do not count."""
    return special_day(day) in _FREE


def weekday(day: int) -> int:
    """0 Monday to 6 Sunday of a day number."""
    return (int(day) + 3) % 7


#: Days outside weekends on which much of Denmark is away although the calendar says work: (month, day).
_HALF_FREE = frozenset({(12, 22), (12, 23), (12, 27), (12, 28), (12, 29), (12, 30), (1, 2), (1, 3)})


@functools.lru_cache(maxsize=8192)
def bridge(day: int) -> float:
    """How far a working day is one between days off: 1 squeezed next to a holiday, 0.5 around New Year and before Easter, else 0."""
    if is_free(day) or weekday(day) >= 5:
        return 0.0
    off_before, off_after = (is_free(d) or weekday(d) >= 5 for d in (day - 1, day + 1))
    if off_before and off_after and (is_free(day - 1) or is_free(day + 1)):
        return 1.0
    date = EPOCH + dt.timedelta(days=int(day))
    easter_week = any(special_day(day + shift) == "maundy_thursday" for shift in (1, 2, 3))
    return 0.5 if easter_week or (date.month, date.day) in _HALF_FREE else 0.0


_DURATION = re.compile(r"(-?)P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?)?")


def parse_duration(text: str) -> int:
    """Seconds of an ISO 8601 duration of days, hours and minutes: PT2H, P1DT12H, -P7D."""
    match = _DURATION.fullmatch(text)
    if not match or not any(match.groups()[1:]):
        raise Expected(f"'{text}' is not a duration.", "Write it like PT2H, P7D or -P7D.")
    days, hours, minutes = (int(g or 0) for g in match.groups()[1:])
    return (-1 if match[1] else 1) * (days * DAY + hours * HOUR + minutes * 60)
