"""How the engines of a folder ended: after too many early deaths in a row the next one works in safe mode, where no job runs."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from engine import disk
from engine.clock import Clock, iso
from engine.domain import HOUR, Expected

log = logging.getLogger(__name__)

#: The event that tells of safe mode.
EVENT = "safe_mode"
#: The file that outlives a death.
LEDGER = "life.json"
#: An engine that dies sooner than this died early; one that got further is useful, however it ends.
EARLY_S = 120.0
#: So many early deaths within so long are no accident.
MANY, WITHIN_S = 5, HOUR
#: How long safe mode lasts before the jobs are tried again.
REST_S = float(HOUR)


class Life:
    """One run of the engine on a folder that it holds alone, entered when it begins; what it wrote down is taken back if it ends well.

    `cut_off` tells whether the run before was killed, crashed or lost its power. A ledger that cannot be written stops nobody.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.cut_off = False
        self._path, self._clock = folder / LEDGER, clock
        self._deaths: tuple[int, ...] = ()
        self._begun, self._rests, self._early = time.monotonic(), False, True

    def __enter__(self) -> Life:
        now = self._clock.now()
        self.cut_off, deaths = self._read()
        self._deaths = tuple(death for death in deaths if abs(now - death) < WITHIN_S)
        self._rests = len(self._deaths) >= MANY
        if self.cut_off:
            log.warning("The engine before this one did not end in order.")
        self._begin()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None or not issubclass(kind, Exception):  # it was told to end, if by Ctrl-C
            self._keep(False, ())
        elif issubclass(kind, Expected):  # it said why it cannot run, which is no crash
            self._keep(False, self._deaths)

    def rests(self) -> bool:
        """Whether this is safe mode; asked now and then, it also notes how far the run got."""
        lived_s = time.monotonic() - self._begun
        if self._rests and lived_s >= REST_S:
            self.resume()
        elif self._early and not self._rests and lived_s >= EARLY_S:
            self._early, self._deaths = False, ()
            self._keep(True, ())
        return self._rests

    def resume(self) -> None:
        """End safe mode, if this is it. Who dies early now is in it again with the next start."""
        if self._rests:
            self._rests = False
            self._begin()

    def trouble(self) -> Expected | None:
        """What safe mode is, and what to do about it, if this is it."""
        if not self._rests:
            return None
        again = iso(self._clock.now() + round(REST_S - (time.monotonic() - self._begun)))
        return Expected(
            f"Safe mode: the engine ended {len(self._deaths)} times soon after its start. It serves what is stored; no job runs.",
            f"Send engine.log to the authors. The jobs are tried again at {again}, or once one is told to run.",
        )

    def _begin(self) -> None:
        self._begun, self._early = time.monotonic(), True
        self._keep(True, (*self._deaths, self._clock.now()))

    def _read(self) -> tuple[bool, Sequence[int]]:
        """Whether a run was cut off, and when those began that died early."""
        try:
            kept = json.loads(self._path.read_text(encoding="utf-8"))
            return bool(kept["running"]), [int(began) for began in kept["early"]]
        except FileNotFoundError:
            return False, ()
        except (OSError, ValueError, TypeError, KeyError) as error:
            log.warning("How the engine ended before cannot be read from %s: %s", self._path, error)
            return False, ()

    def _keep(self, running: bool, early: Sequence[int]) -> None:
        try:
            disk.write(self._path, json.dumps({"running": running, "early": list(early)}))
        except OSError as error:
            log.warning("How the engine ends cannot be noted in %s: %s", self._path, error)
