"""What the engine tells a systemd that started it: that it serves, what it does, that it gets on, that it ends. See sd_notify(3).

One that does not get on ends itself too: nobody else ends what the app started.
"""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import os
import socket
import sys
import threading
import time
import traceback
from types import TracebackType

log = logging.getLogger(__name__)

#: How much longer each step forward of a start may take, and how soon the next is told.
_MORE_S, _TELL_S = 60, 5
#: Seconds of a wait of `DeadMan`, after how many without a sign of life it gives up, and how long it may take to write down why.
WAIT_S, WAITS, _WRITE_S = 30.0, 10, 10.0


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


class DeadMan:
    """Ends the process with 1 while it is entered, once `live` was not called for long; the log keeps where each thread stood.

    It counts its own waits: a computer that sleeps, a process that is halted and a clock that is set end nothing.
    """

    def __init__(self) -> None:
        self._ended, self._lives = threading.Event(), True

    def __enter__(self) -> DeadMan:
        threading.Thread(target=self._watch, name="dead-man", daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ended.set()

    def live(self) -> None:
        """Give a sign of life."""
        self._lives = True

    def _watch(self) -> None:
        silent = 0
        while not self._ended.wait(WAIT_S):
            silent, self._lives = 0 if self._lives else silent + 1, False
            if silent >= WAITS:
                faulthandler.dump_traceback_later(_WRITE_S, exit=True)  # what hangs may hold the log
                names = {thread.ident: thread.name for thread in threading.enumerate()}
                for number, frame in sys._current_frames().items():
                    log.critical("%s hangs or waits in:\n%s", names.get(number, number), "".join(traceback.format_stack(frame)))
                log.critical("The engine does not get on and ends itself. Send engine.log to the authors.")
                logging.shutdown()
                os._exit(1)
