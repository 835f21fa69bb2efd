"""Axes of a chart: Danish time, right on days of 23 and 25 hours whatever zone the computer keeps, and numbers as Danes write them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pyqtgraph as pg

from app.translations import Language
from engine import clock
from engine.domain import DAY, HOUR

#: Steps a time axis may have, in Danish wall-clock hours; beyond a week it goes by months.
_HOUR_STEPS = (1, 3, 6, 12)
#: Pixels the label of an hour and of a day or month need.
_HOUR_PX, _DAY_PX = 34, 56


def hour_ticks(first: float, last: float, step_h: int) -> list[float]:
    """Times whose Danish hour is a multiple of `step_h`. Both hours of a repeated one are there, a skipped one is not."""
    start = clock.floor_hour(int(first) + HOUR - 1)
    return [float(t) for t in range(start, int(last) + 1, HOUR) if clock.local(t).hour % step_h == 0]


def day_ticks(first: float, last: float, every: int = 1) -> list[float]:
    """Danish midnights of every so many days; of every seventh Mondays."""
    return [t for t, day in _midnights(first, last) if (day.toordinal() - 1) % every == 0]


def month_ticks(first: float, last: float, every: int) -> list[float]:
    """Danish midnights of the first of every `every`-th month, counted from January."""
    return [t for t, day in _midnights(first, last) if day.day == 1 and (day.year * 12 + day.month - 1) % every == 0]


def _midnights(first: float, last: float) -> Iterator[tuple[float, dt.date]]:
    day = clock.local(first).date()
    while (t := clock.local_midnight(day)) <= last:
        if t >= first:
            yield float(t), day
        day += dt.timedelta(days=1)


class TimeAxis(pg.AxisItem):  # type: ignore[misc]
    """A time axis in Danish time. Midnights carry the date; the two hours that autumn makes alike are 02a and 02b."""

    def __init__(self, language: Language, orientation: str = "bottom") -> None:
        super().__init__(orientation)
        self._language = language
        self.enableAutoSIPrefix(False)

    def tickValues(self, first: float, last: float, size: float) -> list[tuple[float, list[float]]]:
        """Tick times of the widest step whose labels do not touch, with its step in seconds."""
        second_px = max(1.0, size) / (last - first)
        for hours in _HOUR_STEPS:
            if hours * HOUR * second_px >= _HOUR_PX and DAY * second_px >= 2 * _DAY_PX:
                return [(hours * HOUR, hour_ticks(first, last, hours))]
        wanted = _DAY_PX / second_px
        if wanted <= 7 * DAY:
            every = next(n for n in (1, 2, 7) if wanted <= n * DAY)
            return [(every * DAY, day_ticks(first, last, every))]
        every = next((n for n in (1, 3, 6, 12) if wanted <= n * 28 * DAY), 60)
        return [(every * 30 * DAY, month_ticks(first, last, every))]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        """The hour, the date at midnight, or the month."""
        if spacing > 7 * DAY:
            return [f"{self._language.month(t)} {clock.local(t):%Y}" for t in values]
        return [self._date(t, with_month=spacing == 7 * DAY) if _is_midnight(t) else self._language.hour(t) for t in values]

    def _date(self, t: float, with_month: bool) -> str:
        """Weekday and day, short enough to stand at every day of two weeks; the month where it begins, and week by week."""
        day, dot = clock.local(t).day, "." if self._language.code == "da" else ""
        if with_month or day == 1:
            return f"{day}{dot} {self._language.month(t)}"
        return f"{self._language.weekday(t)} {day}{dot}"


def _is_midnight(t: float) -> bool:
    return clock.local(t).hour == 0


class ValueAxis(pg.AxisItem):  # type: ignore[misc]
    """A number axis of fixed width, so that charts under each other line up."""

    def __init__(self, language: Language, width: int = 52) -> None:
        super().__init__("left")
        self._language = language
        self.enableAutoSIPrefix(False)
        self.setWidth(width)

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        """Numbers with the decimals the spacing needs."""
        decimals = 0 if spacing >= 1 else 1 if spacing >= 0.1 else 2
        return [self._language.number(value, decimals) for value in values]


class NameAxis(pg.AxisItem):  # type: ignore[misc]
    """An axis of names at 0, 1, 2 ...; every `every`-th is written."""

    def __init__(self) -> None:
        super().__init__("bottom")
        self._names: tuple[str, ...] = ()

    def set_names(self, names: tuple[str, ...], every: int = 1) -> None:
        """Write these names."""
        self._names = names
        self.setTicks([[(i, name) for i, name in enumerate(names) if i % every == 0]])
