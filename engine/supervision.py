"""What the engine tells a systemd that started it: that it serves, what it does, that it gets on, that it ends. See sd_notify(3)."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
import time

log = logging.getLogger(__name__)

#: How much longer each step forward of a start may take, and how soon the next is told.
_MORE_S, _TELL_S = 60, 5


def tell(**news: object) -> None:
    """Send news such as READY=1; silent where nobody waits for any."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    text = "\n".join(f"{name}={value}" for name, value in news.items())
    if address.startswith("@"):  # a name that is no file
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to:
        to.settimeout(1.0)  # of one that is too busy to read, its queue is full
        try:
            to.sendto(text.encode(), address)
        except OSError as error:  # the engine works on; a watchdog that hears nothing will see to it
            log.warning("systemd cannot be told %s: %s", ", ".join(news), error)


def patience_s() -> float | None:
    """How long a watchdog waits for WATCHDOG=1 before it ends the process; None where none waits."""
    with contextlib.suppress(ValueError):
        if os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid()):
            return int(os.environ.get("WATCHDOG_USEC", "")) / 1e6
    return None


class LongStart:
    """Asks, call by call, for more time for a start that gets on: without calls the time runs out.

    A call returns whether the start is to be broken off.
    """

    def __init__(self, stopping: threading.Event) -> None:
        self._stopping = stopping
        self._told = time.monotonic() - _TELL_S

    def __call__(self) -> bool:
        if time.monotonic() - self._told >= _TELL_S:
            self._told = time.monotonic()
            tell(EXTEND_TIMEOUT_USEC=_MORE_S * 1_000_000, STATUS="Brings the database up to date")
        return self._stopping.is_set()
