"""Whether the computer's clock can be believed: beside one that nobody sets, and beside what the sources say of the time."""

from __future__ import annotations

import contextlib
import email.utils
import logging
import threading
from collections import defaultdict, deque
from collections.abc import Mapping
from urllib.parse import urlsplit

from engine.clock import Clock, iso
from engine.domain import DAY, HOUR, Expected
from engine.sources.fetch import Reply, Request, Transport
from engine.store import Reader, Writer

log = logging.getLogger(__name__)

#: Seconds by which the clock may be ahead of the sources, or behind.
APART_S = 300
#: A program that looked at nothing for this long did not run.
PAUSE_S = 90.0
#: Seconds by which the clock must leave the steady one at once to have been set.
_STEP_S = 30.0
#: What a source said of the time is forgotten after this long; the one that is asked least is asked every six hours.
_FORGET_S = DAY / 2
#: An answer that took longer says too little of the time.
_SLOW_S = 20.0
#: Kinds of trouble that last, of which `TimeGuard.trouble` finds one.
_LASTING = ("clock_ahead", "clock_behind")


class TimeGuard:
    """Remembers what the sources said of the time beside the steady clock, so that a clock that is set is noticed at once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._looked = clock.now(), clock.steady()
        self._told: dict[str, deque[tuple[float, float]]] = defaultdict(
            lambda: deque(maxlen=2)
        )  # by host: true time less steady, when

    def look(self) -> dict[str, Expected]:
        """What happened to time since the last look, by code of its event: a pause of the program, a clock that was set."""
        with self._lock:
            (wall, steady), self._looked = self._looked, (self._clock.now(), self._clock.steady())
            now, passed = self._looked[0], self._looked[1] - steady
        found = {}
        if passed > PAUSE_S:
            problem = (
                f"The engine did not run for {_duration(passed)} until {iso(now)}: the computer slept, or the program was halted."
            )
            found["pause"] = Expected(problem, "Let this computer not sleep where forecasts must not fail.")
        if abs(step := now - wall - passed) > _STEP_S:
            problem = (
                f"This computer's clock was set {'forward' if step > 0 else 'back'} by {_duration(abs(step))} to {iso(now)}."
            )
            found["clock_set"] = Expected(problem, "Let a time service keep the clock (NTP).")
        return found

    def listen(self, transport: Transport) -> Transport:
        """A transport whose answers tell what the time is."""
        return _Listening(transport, self._clock, self)

    def hear(self, host: str, told: float, steady: float) -> None:
        """A source said the time when the steady clock said `steady`."""
        with self._lock:
            self._told[host].append((told - steady, steady))

    def ahead_s(self) -> float:
        """Seconds by which the clock is ahead of the sources (negative: behind); 0 as long as fewer than two answers told the time.

        Of the last two answers of a source the kinder counts, and of all sources the middle one: neither one wrong answer nor one
        wrong source makes the clock wrong.
        """
        return self._measured() or 0.0

    def _measured(self) -> float | None:
        with self._lock:
            now, steady = self._clock.now(), self._clock.steady()
            told = [[now - steady - at for at, when in of if steady - when < _FORGET_S] for of in self._told.values()]
        if sum(map(len, told)) < 2:
            return None
        kinder = sorted((min(of, key=abs) for of in told if of), key=abs)
        return kinder[(len(kinder) - 1) // 2]

    @property
    def holds(self) -> bool:
        """Whether the clock is so far ahead that nothing may be dated by it."""
        return self.ahead_s() > APART_S

    @property
    def confirmed(self) -> bool:
        """Whether the sources have said that the clock is right."""
        measured = self._measured()
        return measured is not None and abs(measured) <= APART_S

    def trouble(self) -> dict[str, Expected]:
        """What is wrong with the clock, by code of its event: at most one."""
        ahead = self.ahead_s()
        if abs(ahead) <= APART_S:
            return {}
        words = "ahead of" if ahead > 0 else "behind"
        code, effect = (
            ("clock_ahead", "Until then nothing is issued.") if ahead > 0 else ("clock_behind", "Issues are dated too early.")
        )
        problem = f"This computer's clock is {_duration(abs(ahead))} {words} what the sources say."
        return {code: Expected(problem, f"Set the clock, or let a time service do it (NTP). {effect}")}


def tell_of_past(writer: Writer, happened: Mapping[str, Expected], now: int) -> None:
    """Keep what happened to time as events that are over."""
    for code, told in happened.items():
        log.warning("%s %s", told.problem, told.remedy)
        with contextlib.suppress(Expected):  # of a database that cannot be written the log tells
            writer.open_event(code, "engine", told.problem, told.remedy, now)
            writer.close_event(code, "engine", now)


def tell_of_clock(writer: Writer, reader: Reader, guard: TimeGuard, now: int) -> None:
    """Keep an open event while the clock is another than that of the sources."""
    trouble = guard.trouble()
    for event in reader.events():
        if event.code in _LASTING and event.code not in trouble:
            writer.close_event(event.code, event.subject, now)
    for code, told in trouble.items():
        writer.open_event(code, "engine", told.problem, told.remedy, now)


class _Listening:
    def __init__(self, transport: Transport, clock: Clock, guard: TimeGuard) -> None:
        self._transport, self._clock, self._guard = transport, clock, guard

    def send(self, request: Request, timeout_s: float) -> Reply:
        asked = self._clock.steady()
        reply = self._transport.send(request, timeout_s)
        took = self._clock.steady() - asked
        if took < _SLOW_S and (told := _date(reply.headers)) is not None:
            self._guard.hear(urlsplit(request.url).netloc, told, asked + took / 2)
        return reply


def _date(headers: Mapping[str, str]) -> float | None:
    """What the time was when an answer was sent, also of one that a cache has kept for a while; None where it does not say."""
    try:
        return email.utils.parsedate_to_datetime(headers["date"]).timestamp() + int(headers.get("age", "0")) + 0.5
    except (KeyError, ValueError, TypeError, OverflowError):
        return None


def _duration(seconds: float) -> str:
    """For people: 3 days 2 h, 4 h 5 min, 12 min, 40 s."""
    whole = round(seconds)
    for unit, name, part, part_name in ((DAY, "days", HOUR, "h"), (HOUR, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= unit:
            return f"{whole // unit} {name} {whole % unit // part} {part_name}"
    return f"{whole} s"
