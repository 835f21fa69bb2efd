"""The life of the engine: one instance, the plan of its jobs, the HTTP endpoint, and a clean end.

The plan (`engine.plan`) is a pure question, "what is due at this moment?", asked by `Service.tick`. The scheduler asks it every
minute, so a sleeping computer, a clock that jumps or a job that hangs needs no case of its own; a test asks it with a clock of its
own.
"""

from __future__ import annotations

import contextlib
import faulthandler
import functools
import logging
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any

from engine import (
    __version__,
    access,
    api,
    backing,
    bridge,
    consumers,
    crashes,
    disk,
    diskguard,
    doors,
    explaining,
    installation,
    kit_import,
    logs,
    orders,
    pace,
    peaks,
    pipeline,
    plan,
    queries,
    recovery,
    roles,
    settings,
    site,
    sources,
    supervision,
    support,
    timetable,
    update_job,
    upgrade,
    whatif,
)
from engine.clock import Clock, iso
from engine.config import Config, Outside
from engine.crashes import Life
from engine.diskguard import DiskGuard, Waiting
from engine.domain import HOUR, Expected, JobRun
from engine.guesses import Guesses
from engine.lanes import LANES, Lanes
from engine.lineup import Cast, Lineup
from engine.lock import exclusive
from engine.pace import CalledOff
from engine.reconciler import Reconciler
from engine.store import Reader, Writer
from engine.store.refusals import Refused
from engine.timeguard import TimeGuard
from engine.tokens import Tokens
from engine.updates import FOLDER, Memory, Stand, Updates
from engine.watch import Watch

log = logging.getLogger(__name__)

#: The lane of every job that can be told to run.
_LANE_OF = {job: {"ingest": "network", backing.JOB: "update"}.get(job, "work") for job in plan.RUNNABLE}
#: How long running jobs may take to end when the engine stops.
_STOP_S = 5.0
_HEARTBEAT_S = 30.0


class Service:
    """An engine on one data folder, which it holds alone between `__enter__` and `__exit__`."""

    def __init__(
        self,
        config: Config,
        clock: Clock,
        outside: Outside | None = None,
        life: Life | None = None,
        stopping: threading.Event | None = None,
    ) -> None:
        """With `outside`, what overrules the settings of the data folder; without, `config` says all that does.

        With `life`, how it ends is written down, and safe mode possible; `stopping` ends it, also while it begins.
        """
        self._config = config
        self._outside = outside or Outside(words={"data_dir": config.data_dir, "simulated": config.simulated})
        self._changing = threading.Lock()
        self._clock = clock
        self._resources = contextlib.ExitStack()
        self._lanes = Lanes(self._ends)
        self._life = life
        self._resting = False
        self._stopping = stopping or threading.Event()
        self._ingested = False
        self._cast: Cast | None = None
        self._last: dict[str, int] = {}  # when each planned thing was begun last
        self._told: set[str] = set()  # jobs that were told to run at once
        self._installation = installation.here()
        self._renewed = self._restarts = False
        self._guesses = Guesses()
        self._remembered = Memory()  # of updates, when they were told of last

    def __enter__(self) -> Service:
        with contextlib.ExitStack() as stack:
            stack.enter_context(exclusive(self._config.data_dir))
            if self._life is not None:
                stack.enter_context(self._life)
            diskguard.make_way(self._config)
            get_on = supervision.LongStart(self._stopping)
            recovery.make_ready(self._config, self._clock.now(), get_on)
            self._writer = Writer(self._config.database, self._config.simulated, get_on)
            stack.callback(self._writer.close)
            self._writer.set_limits(self._config.limits)
            self._writer.set_offline(self._config.is_offline)
            self._reader = Reader(self._config.database)
            stack.callback(self._reader.close)
            self._waiting = Waiting(self._writer)
            self._disk = DiskGuard(self._writer, self._reader, self._waiting)
            self._sources = sources.live(self._config)
            self._guard = TimeGuard(self._clock)
            self._transport = self._guard.listen(sources.transport(self._config, self._clock))
            self._reconciler = Reconciler(self._writer, self._reader, self._clock, self._guard)
            self._lineup = Lineup(self._config, self._writer, self._reader)
            kit_import.adopt_calendar(self._reader)
            self._started_at = self._clock.now()
            known = self._writer, self._reader, self._clock, self._guard, self._disk, self._guesses, self._lanes
            self._watch = Watch(*known, self._installation, self._started_at)
            self._forget_unasked()
            for job in ("compare", "maintenance", backing.JOB):
                self._last[job] = backing.last(self._reader, job, self._started_at)
            backing.note(self._writer, self._config)
            self._resources = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._resources.__exit__(kind, error, trace)

    # -- the plan -------------------------------------------------------------------------------------------------

    def tick(self, now: int, lanes: Sequence[str] = LANES) -> list[JobRun]:
        """Do whatever is due; returns what was done, for each job that ran to its end."""
        steps = {
            "network": (self._ingest, self._watch_kits),
            "work": (self._forecast, self._forecast_late, self._adapt, self._score, self._compare, self._maintain),
            "update": (self._update, self._back_up),
        }
        runs = []
        for lane in lanes:
            with contextlib.suppress(CalledOff), self._lanes.held(lane):
                for step in steps[lane]:
                    runs.append(self._guarded(step, max(now, self._clock.now())))
                    pace.step()
        return [run for run in runs if run is not None]

    def _guarded(self, step: Callable[[int], JobRun | None], now: int) -> JobRun | None:
        """Run a step so that its failure harms no other; the job itself has recorded what it could."""
        name = step.__name__.strip("_")
        try:
            run = step(now)
        except Expected as problem:
            log.warning("%s: %s %s", name, problem.problem, problem.remedy)
            return None
        except Exception:
            if not self._ends():  # closing the store under a job that takes too long to stop is no news
                log.exception("The job %s failed.", name)
                with contextlib.suppress(Expected):
                    trouble = f"The job '{name}' fails by a fault of the program."
                    self._writer.open_event("job", name, trouble, "Send engine.log to the authors; other jobs go on.", now)
            return None
        if run is not None:
            log.info("%s: %s %s", run.job, run.status, dict(run.detail))
            with contextlib.suppress(Expected):
                self._writer.close_event("job", name, now)
        return run

    def _due(self, job: str, now: int) -> bool:
        """Whether a job was told to run or a planned moment has passed since the last time; what was told is done with that."""
        told = job in self._told
        self._told.discard(job)
        return told or plan.JOBS[job].is_due(self._last.get(job, -1), now)

    def _ingest(self, now: int) -> JobRun | None:
        told = "ingest" in self._told
        self._told.discard("ingest")
        asked = self._next_questions(now)
        due = [source for source in self._sources if told or asked[source.dataset] <= now]
        if not due:
            self._ingested |= not self._sources  # nothing to wait for
            return None
        self._last |= {source.dataset: now for source in due}
        try:
            run = pipeline.ingest(self._writer, self._reader, due, self._transport, self._clock)
            pipeline.watch_lag(self._writer, self._reader, self._clock.now())
            return run
        finally:
            self._ingested = True
            self._last.pop("score", None)
            self._lanes.wake("work")

    def _watch_kits(self, now: int) -> None:
        """Where nothing else brings data, miss the kit that does not come."""
        if self._config.is_offline and plan.Rhythm(HOUR).is_due(self._last.get("kit", -1), now):
            self._last["kit"] = now
            kit_import.watch(self._writer, self._reader, now)

    def _next_questions(self, now: int) -> dict[str, int]:
        """When each source is asked next, by dataset."""
        failing = {event.subject: event.since for event in self._reader.events() if event.code == "source"}
        return {
            dataset: plan.next_question(source.every_s, self._last.get(dataset, -1), failing.get(dataset), now)
            for source in self._sources
            for dataset in (source.dataset,)
        }

    def _forecast(self, now: int) -> JobRun | None:
        with contextlib.suppress(Refused):
            self._waiting.store(now)
        issue_time = self._reconciler.due(now, "forecast" in self._told, self._ingested, self._waiting.newest())
        if issue_time is None:
            return None
        self._told.discard("forecast")
        try:
            run = self._issue(issue_time, now)
        except Exception as failed:
            self._reconciler.hindered(now, str(failed))
            raise
        self._reconciler.made(run)
        return run

    def _issue(self, issue_time: int, now: int) -> JobRun:
        try:
            self._cast = self._lineup.settle(now)
        except Exception:
            if self._cast is None:
                raise
            log.exception("Roles could not be settled; who served goes on.")
        cast, why_late = self._cast, self._reconciler.why_late
        run = pipeline.forecast(
            self._writer, self._reader, cast.forecaster, issue_time, now, cast.duels, self._waiting.put, why_late
        )
        self._lineup.retreat(issue_time, now)
        return run

    def _forecast_late(self, now: int) -> JobRun | None:
        """Every other consumer, from the newest issue of the price areas on."""
        newest = self._reader.forecast("DK1", now) or self._reader.forecast("DK2", now)
        if self._cast is None or newest is None or newest.issue_time <= self._last.get("forecast_late", -1):
            return None
        self._last["forecast_late"] = newest.issue_time
        if not bridge.leaves(self._reader.consumers(now), now):
            return None
        return pipeline.forecast_late(self._writer, self._reader, self._cast.forecaster, newest.issue_time, now)

    def _adapt(self, now: int) -> JobRun | None:
        """What has become known of late series; while much of it is unlearned, a part of it with every tick."""
        self._told.discard("adapt")
        if self._cast is None:
            return None
        return pipeline.adapt(self._writer, self._reader, self._cast.forecaster, now)

    def _score(self, now: int) -> JobRun | None:
        if not self._due("score", now):
            return None
        self._last["score"] = now
        return pipeline.score(self._writer, self._reader, now, self._config.settled_after_days)

    def _compare(self, now: int) -> JobRun | None:
        if self._cast is None or not self._due("compare", now):
            return None
        self._last["compare"] = now
        settled, worse = self._config.settled_after_days, self._config.switch_back_percent
        return pipeline.compare(self._writer, self._reader, self._cast.duels, now, settled, self._lineup, worse)

    def _maintain(self, now: int) -> JobRun | None:
        # A clock that is ahead would have young forecasts thinned: sources are asked first what the time is.
        if not self._ingested or self._guard.holds or not self._due("maintenance", now):
            return None
        self._last["maintenance"] = now
        recovery.tidy(self._config, self._writer, self._reader, now)
        return pipeline.maintain(self._writer, self._config, now)

    def _update(self, now: int) -> JobRun | None:
        """Tell of newer versions; where the settings say so ask for them, make one ready, and let it take over."""
        config, memory = self._config, Memory.read(self._config.data_dir / FOLDER)
        since = now - (memory.checked_at or 0)
        asks = config.update_url.startswith("file:" if config.is_offline else ("file:", "http"))
        due = asks and not 0 <= since < config.update_check_hours * HOUR
        if not due and memory == self._remembered:
            return None
        updates = Updates(config, self._installation, site.trusted_keys(config.data_dir))
        run = update_job.look(self._writer, updates, self._clock, config.update_apply != "never") if due else None
        state = updates.state()
        self._remembered = state.memory
        update_job.tell(self._writer, self._reader, state, now)
        if due and state.stand is Stand.READY and config.update_apply == "apply":
            upgrade.begin_apart(self._installation, self._outside)
        return run

    def _back_up(self, now: int) -> JobRun | None:
        if not self._config.keep_backups and backing.JOB not in self._told:
            return None
        if not (self._due(backing.JOB, now) or backing.is_to_try_again(self._reader, self._last[backing.JOB], now)):
            return None
        self._last[backing.JOB] = now
        return backing.run(self._writer, self._config, self._clock)

    # -- running --------------------------------------------------------------------------------------------------

    def serve(self) -> bool:
        """Answer HTTP and tick every minute until `stop`; returns whether every job had come to its end."""
        token = self._resources.enter_context(access.grant(self._config.data_dir))
        tokens = Tokens(self._config.data_dir)
        desk = api.Desk(token, self._carry_out, self._answer)
        app = api.create(self._reader, self._clock, desk, tokens)
        servers = doors.make(self._config, app, desk, tokens, self._guesses)
        for server in servers:
            server.start()
        self._writer.set_exposed(doors.exposed_as(self._config, servers[-1].port))
        self._announce(servers[0].port)
        self._begin_jobs()
        supervision.tell(READY=1)
        beat, every_s = time.monotonic(), min(_HEARTBEAT_S, (supervision.patience_s() or math.inf) / 3)
        with supervision.DeadMan() as dead_man:
            # A wait without end would not hear Ctrl-C on Windows.
            while not (self._restarts or self._stopping.wait(min(0.5, every_s))):
                self._watch.look_at_time()
                self._restarts |= self._watch.meets_damage(self._config)
                if time.monotonic() >= beat:
                    beat += every_s
                    if self._beat(servers[0].port):
                        dead_man.live()
        supervision.tell(STOPPING=1, STATUS="Ends")
        self._lanes.stop()
        for server in servers:
            server.stop()
        idle = self._lanes.come_to_rest(_STOP_S)
        with contextlib.suppress(Expected):  # a damaged database: the start that follows forgets who ran
            self._writer.clear_engine()
        log.info("Stopped.")
        return idle

    def _begin_jobs(self) -> None:
        """Let the lanes work; in safe mode tell why they do not."""
        trouble, now = None if self._life is None else self._life.trouble(), self._clock.now()
        self._resting = trouble is not None
        if trouble is None:
            self._writer.close_event(crashes.EVENT, "engine", now)
            self._lanes.start(lambda lane: self.tick(self._clock.now(), (lane,)))
        else:
            log.error("%s %s", trouble.problem, trouble.remedy)
            self._writer.open_event(crashes.EVENT, "engine", trouble.problem, trouble.remedy, now)

    def _carry_out(self, path: str, words: Mapping[str, Any]) -> object:
        """An order that came over HTTP with the token."""
        acts = orders.by_path(self._config, self._writer, self._reader, self._lineup, self._clock) | {
            "/v1/backups/restore": self._restore,
            "/v1/jobs/run": self._run_job,
            "/v1/kits/import": self._import_kit,
            "/v1/settings/change": self._change_setting,
            "/v1/support": lambda _: {"text": support.text(self._outside, self._clock)},
        }
        return acts[path](words)

    def _answer(self, path: str, query: Mapping[str, Any]) -> object:
        """A question that needs a running engine."""
        answers: dict[str, Callable[[Mapping[str, Any]], object]] = {
            "/v1/backups": lambda _: backing.listed(self._config, self._clock.now()),
            "/v1/backups/loss": lambda query: backing.loss(self._config, query["name"]),
            "/v1/plan": lambda _: self._plan(),
            "/v1/settings": lambda _: self._settings(),
            **dict.fromkeys(("/v1/explain", "/v1/explain/changes", "/v1/whatif"), functools.partial(self._explain, path)),
        }
        return answers[path](query)

    def _explain(self, path: str, query: Mapping[str, Any]) -> object:
        """A question that needs the models."""
        if self._resting:
            raise roles.Pointless("In safe mode no model is loaded.", "Let a job run, which ends it, then ask again.")
        now = self._clock.now()
        of = consumers.find(self._reader, query["area"], query["consumer_type"], now)
        ask, issue_time = (self._reader, self._lineup.bundle, of, now), queries.moment(query, "issue_time")
        if path == "/v1/whatif":
            return whatif.imagine(*ask, whatif.change_of(query), issue_time).document()
        hour = queries.moment(query, "valid_time")
        if path == "/v1/explain":
            return explaining.explain(*ask, hour, issue_time).document()
        return explaining.changes(*ask, hour, issue_time, queries.moment(query, "before")).document()

    def _run_job(self, words: Mapping[str, Any]) -> dict[str, object]:
        """Let a job run at once, after the one that runs now."""
        job, now = words["job"], self._clock.now()
        if job == "ingest" and self._config.is_offline:
            raise roles.Pointless("No network by settings: no source is asked.", "Import a kit or a file, or set network = true.")
        log.info("%s: run %s now.", words["who"] or "somebody", job)
        self._told.add(job)
        if self._life is not None:
            self._life.resume()
        self._lanes.wake(_LANE_OF[job])
        return {"job": job, "told_at": iso(now)}

    def _import_kit(self, words: Mapping[str, Any]) -> dict[str, object]:
        """Import a kit, then issue at once from what it brought."""
        taken = kit_import.order(self._config, self._writer, self._reader, words, self._clock.now())
        log.info("%s: imported the kit %s.", words["who"] or "somebody", taken["file"])
        if not taken["again"]:
            self._told.add("forecast")
            self._last.pop("score", None)
            self._lanes.wake("work")
        return taken

    def _restore(self, words: Mapping[str, Any]) -> dict[str, object]:
        """Have a backup put in place of the database by the engine that starts when this one has stopped."""
        lost = recovery.want(self._config, words["name"], words["who"] or "somebody")
        log.warning("%s: restore %s.", words["who"] or "somebody", words["name"])
        self._restarts = True
        return lost

    def _plan(self) -> dict[str, object]:
        now = self._clock.now()
        asked = self._next_questions(now)
        states = [timetable.SourceState(s.dataset, s.every_s, self._last.get(s.dataset), asked[s.dataset]) for s in self._sources]
        return timetable.document(self._reader, now, states, self._told)

    def _settings(self) -> dict[str, object]:
        listed = settings.listed(self._outside, self._config)
        return {"folder": str(self._config.data_dir), "settings": [setting.document() for setting in listed]}

    def _change_setting(self, words: Mapping[str, Any]) -> dict[str, object]:
        """Change a setting, and take over at once what a running engine can."""
        name = words["name"]
        with self._changing:
            self._adopt(settings.change(self._outside, name, words["value"]))
        log.info("%s: changed the setting %s.", words["who"] or "somebody", name)
        return next(setting.document() for setting in settings.listed(self._outside, self._config) if setting.name == name)

    def _adopt(self, new: Config) -> None:
        before, self._config = self._config, settings.adopted(self._config, new)
        if before.limits != self._config.limits:
            self._writer.set_limits(self._config.limits)
            peaks.watch(self._writer, self._reader, self._clock.now())
        self._sources = sources.live(self._config)
        self._transport = self._guard.listen(sources.transport(self._config, self._clock))
        if before.log_level != self._config.log_level:
            logging.getLogger().setLevel(self._config.log_level)
        self._writer.set_offline(self._config.is_offline)
        self._forget_unasked()
        self._lanes.wake("network")

    def _forget_unasked(self) -> None:
        """End the troubles of sources that are not asked, or not any more."""
        asked = {source.dataset for source in self._sources}
        for event in self._reader.events():
            if (event.code == "source" and event.subject not in asked) or (event.code == "stalled" and not asked):
                self._writer.close_event(event.code, event.subject, self._clock.now())

    def _beat(self, port: int) -> bool:
        """Tell those who watch that the engine lives, if it gets on; returns whether it does."""
        if self._disk.look(self._config, self._clock.now()):
            self._told.add("ingest")
            self._lanes.wake(*LANES)
        with contextlib.suppress(Expected):  # a locked database: the next beat tries again
            if self._life is not None and self._resting != self._life.rests():
                self._begin_jobs()
        return self._watch.beat(port, self._resting)

    def stop(self) -> None:
        """Make `serve` return within ten seconds."""
        self._stopping.set()

    def _ends(self) -> bool:
        return self._restarts or self._stopping.is_set()

    def renew(self) -> None:
        """Stop, and let `run` start the version that is used now."""
        self._renewed = True
        self.stop()

    @property
    def restarts(self) -> bool:
        """Whether it stopped so that another one takes its place in this process."""
        return self._restarts

    @property
    def renewed(self) -> bool:
        """Whether it stopped to be started again."""
        return self._renewed

    def _announce(self, port: int) -> None:
        self._writer.set_engine(
            {
                "pid": os.getpid(),
                "host": "127.0.0.1" if self._config.is_remote else self._config.host,
                "port": port,
                "version": __version__,
                "started_at": self._started_at,
                "heartbeat": self._started_at,
            }
        )
        log.info("Lastvagt %s serves http://127.0.0.1:%d from %s.", __version__, port, self._config.data_dir)


def run(outside: Outside, clock: Clock, stopping: threading.Event) -> None:
    """Be the engine until the event is set.

    Raises `AlreadyRuns`, or Expected when the folder, the database or the port is unusable.
    """
    config = outside.config()
    config.data_dir.mkdir(parents=True, exist_ok=True)
    logs.log_to(config.data_dir / "engine.log", logging.getLogger(), logging.StreamHandler())
    logging.getLogger().setLevel(config.log_level)
    for noisy in ("apscheduler", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    faulthandler.enable()  # a watchdog ends what hangs with SIGABRT: where each thread stood goes to standard error
    place = installation.here()
    if told := upgrade.settle(config, place, __version__):
        log.warning("%s", told)
    try:
        while True:
            with Service(config, clock, outside, Life(config.data_dir, clock), stopping) as service:
                if hasattr(signal, "SIGUSR2"):
                    signal.signal(signal.SIGUSR2, lambda *_, of=service: of.renew())
                idle = service.serve()
            if stopping.is_set() or not service.restarts:
                break
            log.info("Starts again in this process, for the sake of the database.")
    except Exception as error:
        if isinstance(error, OSError) and error.errno in disk.UNWRITABLE:
            raise Expected(
                f"{error.filename or config.data_dir} cannot be written: {error.strerror}.",
                "Free disk space, or check that its disk is not read-only and who may write there; then start the engine again.",
            ) from error
        if not isinstance(error, Expected):
            log.exception("The engine ends by a fault of the program.")
        elif stopping.is_set():
            log.info("Stopped while it began: %s", error.problem)
            return
        raise
    if service.renewed:
        log.info("Starts again.")
        logging.shutdown()
        upgrade.start_again(place)
    if not idle:
        # A download may last another minute, and the interpreter would wait for its thread; the store is closed already.
        logging.shutdown()
        os._exit(0)
