"""Sees when the window stands still: a thread writes down where, again whenever the time doubles, and the window says so then."""

from __future__ import annotations

import logging
import sys
import threading
import time
import traceback

from PySide6 import QtCore

log = logging.getLogger("lastvagt.app")

#: Seconds without a sign of life after which the display counts as frozen.
LIMIT_S = 2.0


class Watchdog(QtCore.QObject):
    """Lives in the main thread, whose timers give the sign of life. `thawed` carries for how many seconds the display was frozen.

    `longest_s` is the longest time without a sign of life since the start.
    """

    thawed = QtCore.Signal(float)

    def __init__(self, limit_s: float = LIMIT_S) -> None:
        super().__init__()
        self.longest_s = 0.0
        self._limit_s = limit_s
        self._main = threading.get_ident()
        self._sign = time.monotonic()
        self._ended = threading.Event()
        self._timer = QtCore.QTimer(self)
        self._timer.setTimerType(QtCore.Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._live)
        self._timer.start(max(1, int(1000 * limit_s / 20)))
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Watch no more."""
        self._timer.stop()
        self._ended.set()
        self._thread.join()

    def _live(self) -> None:
        now = time.monotonic()
        still, self._sign = now - self._sign, now
        self.longest_s = max(self.longest_s, still)
        if still > self._limit_s:
            log.warning("The display stood still for %.1f s.", still)
            self.thawed.emit(still)

    def _watch(self) -> None:
        seen, next_s = 0.0, self._limit_s
        while not self._ended.wait(self._limit_s / 8):
            sign = self._sign
            if sign != seen:
                seen, next_s = sign, self._limit_s
            still = time.monotonic() - sign
            if still > next_s:
                next_s = 2 * still
                where = "".join(traceback.format_stack(sys._current_frames()[self._main]))
                log.warning("The display stands still for %.1f s, in:\n%s", still, where)
