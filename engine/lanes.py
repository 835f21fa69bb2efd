"""The threads that jobs run on: each looks every minute for what is due, can be woken, and is missed where it hangs or sleeps."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger

from engine import pace
from engine.clock import UTC

#: Jobs that wait for the network have a thread of their own, so that an issue never waits for an upstream.
LANES = ("network", "work", "update")
#: A lane that begins nothing for this long, though it is asked to every minute, sleeps: the clock was set back.
ASLEEP_S = 150.0
#: A step that takes longer than this hangs. The longest that is meant to take long is a question to a source, with 90 s.
HANGS_S = 300.0


class Lanes:
    """The lanes of an engine, at rest until `start`. In each one job runs at a time; `moved` is when it made a step last.

    Once the engine `ends` each is broken off with its next step.
    """

    def __init__(self, ends: Callable[[], bool]) -> None:
        self._ends = ends
        self.locks = {lane: threading.Lock() for lane in LANES}
        self.moved = dict.fromkeys(LANES, time.monotonic())
        self._scheduler: BackgroundScheduler | None = None

    @contextmanager
    def held(self, lane: str) -> Iterator[None]:
        """Nobody else runs a job of a lane meanwhile, and its steps are seen."""
        with self.locks[lane], pace.seen(lambda: self._step(lane)):
            pace.step()
            yield

    def _step(self, lane: str) -> None:
        self.moved[lane] = time.monotonic()
        if self._ends():
            raise pace.CalledOff

    def start(self, tick: Callable[[str], object]) -> None:
        """Let each lane tick now, and every minute."""
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={lane: ThreadPoolExecutor(1) for lane in LANES},
            # One that runs and one that waits for it: who is woken while it works looks again afterwards.
            job_defaults={"coalesce": True, "max_instances": 2, "misfire_grace_time": None},
        )
        for lane in LANES:
            trigger = CronTrigger(second=5, timezone=UTC)
            self._scheduler.add_job(tick, trigger, (lane,), id=lane, executor=lane, next_run_time=dt.datetime.now(UTC))
        self._scheduler.start()

    def wake(self, *lanes: str) -> None:
        """Let lanes look at once for what is due."""
        if self._scheduler is not None and not self._ends():
            for lane in lanes:
                self._scheduler.modify_job(lane, next_run_time=dt.datetime.now(UTC))

    def get_on(self) -> bool:
        """Whether every lane makes its steps; one that sleeps is woken."""
        on = True
        for lane, lock in self.locks.items():
            idle_s, works = time.monotonic() - self.moved[lane], lock.locked()
            if not works and idle_s > ASLEEP_S:
                self.wake(lane)
            on = on and idle_s < (HANGS_S if works else 2 * ASLEEP_S)
        return on

    def stop(self) -> None:
        """Begin no more jobs."""
        if self._scheduler is not None:
            self._scheduler.shutdown(wait=False)

    def come_to_rest(self, patience_s: float) -> bool:
        """Wait for the jobs that run; whether all came to their end."""
        end, rest = time.monotonic() + patience_s, True
        for lock in self.locks.values():
            if lock.acquire(timeout=max(0.0, end - time.monotonic())):
                lock.release()  # who was woken and waits for it finds that we stop; else its thread would keep the process
            else:
                rest = False
        return rest
