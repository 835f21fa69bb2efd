"""Wrong tokens: whoever sends too many within a minute is told to wait, and operators hear of it."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable

from engine.store import Reader, Writer

#: Wrong tokens that one address may send within the span.
MOST = 10
SPAN_S = 60.0
#: How long an address that sent too many stays in the events.
QUIET_S = 600.0
#: Addresses that are remembered; the one that was heard of least lately is forgotten first.
REMEMBERED = 1000
#: Addresses that have an event of their own.
_TOLD = 5


class Guesses:
    """Counts wrong tokens by the address they come from. A right token is none of its business, wherever it comes from."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._wrong: dict[str, deque[float]] = {}
        self._loud: dict[str, float] = {}  # when an address last sent one too many

    def wrong(self, peer: str) -> int:
        """Take note of a wrong token; returns the seconds to wait before another, 0 where it was not one too many."""
        with self._lock:
            now = self._clock()
            sent = self._wrong.pop(peer, None) or deque(maxlen=MOST)
            self._wrong[peer] = sent  # last in the order
            if len(self._wrong) > REMEMBERED:
                forgotten = next(iter(self._wrong))
                del self._wrong[forgotten]
                self._loud.pop(forgotten, None)
            if len(sent) == MOST and now - sent[0] < SPAN_S:
                self._loud[peer] = now
                return math.ceil(sent[0] + SPAN_S - now)
            sent.append(now)
            return 0

    def loud(self) -> list[str]:
        """Addresses that sent too many of late, those that did last first."""
        with self._lock:
            self._loud = {peer: at for peer, at in self._loud.items() if self._clock() - at < QUIET_S}
            return sorted(self._loud, key=lambda peer: -self._loud[peer])[:_TOLD]


def watch(guesses: Guesses, writer: Writer, reader: Reader, now: int) -> None:
    """Tell operators of addresses that send wrong tokens, until they are quiet."""
    loud = guesses.loud()
    told = {event.subject for event in reader.events() if event.code == "guesses"}
    for peer in loud:
        if peer not in told:
            problem = f"More than {MOST} wrong tokens within a minute came from {peer}; none was let in."
            remedy = "Find the program there: give it a token that is valid, or keep it away with the firewall."
            writer.open_event("guesses", peer, problem, remedy, now)
    for peer in told.difference(loud):
        writer.close_event("guesses", peer, now)
