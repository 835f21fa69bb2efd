"""What an engine that serves looks at besides its jobs: time, damage, the disk, guesses of its tokens, and whether it gets on."""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass

from engine import __version__, access, guesses, plan, recovery, supervision, timeguard, upgrade
from engine.clock import Clock, iso
from engine.config import Config
from engine.diskguard import DiskGuard
from engine.domain import Expected
from engine.guesses import Guesses
from engine.installation import Installation
from engine.lanes import LANES, Lanes
from engine.store import Reader, Writer
from engine.store.refusals import Refused
from engine.timeguard import TimeGuard

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Watch:
    """Looks now and then, and tells what it sees: to the store, to the lanes, to those who watch the engine."""

    writer: Writer
    reader: Reader
    clock: Clock
    time: TimeGuard
    disk: DiskGuard
    guesses: Guesses
    lanes: Lanes
    place: Installation
    started_at: int

    def look_at_time(self) -> None:
        """Let every lane look for what is due after a sleep or when the clock was set, and tell of both."""
        if happened := self.time.look():
            self.lanes.wake(*LANES)
            with contextlib.suppress(Refused):
                timeguard.tell_of_past(self.writer, happened, self.clock.now())

    def meets_damage(self, config: Config) -> bool:
        """Whether the database is damaged, so that the engine is to start again, which looks through it and recovers it."""
        met = (self.reader.met_damage or self.writer.met_damage) and recovery.suspect(config, self.clock.now())
        if met:
            log.error("Damage was met in %s.", config.database)
        return met

    def beat(self, port: int, resting: bool) -> bool:
        """Tell those who watch that the engine lives, if it gets on; returns whether it does."""
        state = {}
        with contextlib.suppress(Expected):  # a locked database: the next beat says more
            timeguard.tell_of_clock(self.writer, self.reader, self.time, self.clock.now())
            state = {"STATUS": self._state(port)}
            self._prove()
            guesses.watch(self.guesses, self.writer, self.reader, self.clock.now())
        gets_on = resting or self.lanes.get_on()
        if gets_on:
            supervision.tell(WATCHDOG=1, **state)
        return gets_on

    def _state(self, port: int) -> str:
        """One line for who looks at the service."""
        newest = next((iso(issue.issue_time) for issue in self.reader.issues(end=self.clock.now() + 1, limit=1)), "none yet")
        troubles = [event.problem for event in self.reader.events() if event.code not in plan.VERSIONS]
        told = f"; {len(troubles)} to look at: {troubles[0]}" if troubles else ""
        return f"Serves http://127.0.0.1:{port}; newest issue {newest}{told}"

    def _prove(self) -> None:
        """A new version has proved itself when it has served for a while, answers, and none of its jobs failed by a fault of its own."""
        faults = [event for event in self.reader.events() if event.code == "job" and event.since >= self.started_at]
        if self.clock.now() - self.started_at < upgrade.PROVEN_S or faults:
            return
        here = self.reader.engine()
        if here is not None and upgrade.on_trial(self.place, __version__):
            access.Endpoint(here.url, timeout_s=5.0).get("/health")
            upgrade.prove(self.place)
            log.info("Version %s has proved itself.", __version__)
