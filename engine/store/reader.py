"""Read-only view of the database for the engine, the HTTP endpoint and the app; safe to use from any thread."""

from __future__ import annotations

import dataclasses
import json
import logging
import sqlite3
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine import geography, pace
from engine.adaptation import Adaptation
from engine.calibration import Calibration
from engine.domain import (
    BRIDGE_H,
    HORIZON_H,
    HOUR,
    SETTLEMENT,
    WEATHER,
    Consumer,
    Draft,
    Expected,
    FloatArray,
    History,
    IntArray,
    JobRun,
    Key,
    QuantileForecast,
    Reason,
    Score,
    Tier,
)
from engine.geography import Measure
from engine.limits import Limits
from engine.store import codec, examination, schema, soundness, space
from engine.store.archive import FOREVER, Archive, Versions, succession
from engine.store.arrivals import ArrivalsReader
from engine.store.backups import Known
from engine.store.decisions import DecisionsReader
from engine.store.kits import KitsReader
from engine.store.roster import RosterReader
from engine.store.scorebook import Scorebook

log = logging.getLogger(__name__)

_ALL_VERSIONS = """
    SELECT valid_time, available_at, value, flags FROM observation
    WHERE series_id = :series AND valid_time >= :start AND valid_time < :end AND available_at <= :until"""
#: Forecasts of which every hour piles up dozens of versions.
OFTEN_RENEWED = frozenset({*WEATHER, "load_forecast"})
#: Two seeks an hour instead of a scan over all its versions. Materialised, since SQLite else scans them all for a Bloom filter.
_NEWEST_VERSIONS = """
    WITH RECURSIVE hour(t) AS (SELECT :start UNION ALL SELECT t + 3600 FROM hour WHERE t + 3600 < :end),
    newest(t, known) AS MATERIALIZED (
        SELECT t, (SELECT available_at FROM observation WHERE series_id = :series AND valid_time = t AND available_at <= :until
                   ORDER BY available_at DESC LIMIT 1) FROM hour)
    SELECT valid_time, available_at, value, flags FROM newest CROSS JOIN observation
    ON series_id = :series AND valid_time = t AND available_at = known"""

_ANY_ISSUE = "(:area IS NULL OR area = :area) AND (:kind IS NULL OR consumer_type = :kind)"

#: What a calibration belongs to: area, consumer type and model_id.
Target = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """How the issues of one lead bucket did for one hour. `truth` is provisional, settled or settlement.

    `kept` are the `reliability.SUMS` of the same issues, which only first published load has.
    """

    area: str
    consumer_type: str
    truth: str
    valid_time: int
    lead_bucket: int
    score: Score
    kept: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class ForecastIssue:
    """The head of one issue."""

    area: str
    consumer_type: str
    issue_time: int
    model_id: str
    tier: Tier
    reason: Reason
    valid_start: int
    hours: int
    ex_post: bool
    created_at: int


@dataclass(frozen=True, slots=True)
class SeriesState:
    """What the database holds of one series. `newest_available` is when one of its newest hours last became known or changed."""

    quantity: str
    area: str
    consumer_type: str
    source: str
    unit: str
    first_valid: int
    newest_valid: int
    newest_available: int

    def age_s(self, now: int) -> int:
        """How old the newest value is: since its hour, or, where it is about an hour to come, since it became known."""
        return now - (self.newest_valid if self.newest_valid <= now else self.newest_available)


@dataclass(frozen=True, slots=True)
class Event:
    """A trouble the operator should know; `until` is None while it lasts."""

    code: str
    subject: str
    problem: str
    remedy: str
    since: int
    until: int | None


@dataclass(frozen=True, slots=True)
class EngineState:
    """The engine that wrote here last, by its own word."""

    pid: int
    host: str
    port: int
    version: str
    started_at: int
    heartbeat: int

    @property
    def url(self) -> str:
        """Address of its endpoint."""
        return f"http://[{self.host}]:{self.port}" if ":" in self.host else f"http://{self.host}:{self.port}"


class Reader:
    """Opens a database read-only. Every query reads one consistent state and holds nothing open afterwards."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.held: tuple[Event, ...] = ()  # troubles that the database cannot take, told with those it holds
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        #: Whether a query met damage in the file.
        self.met_damage = False
        try:
            schema.check_current(self._db, path)
        except Expected:
            self.close()
            raise
        except sqlite3.DatabaseError as error:
            self.close()
            raise self._unreadable(error) from error
        self.simulated = self._rows("SELECT value FROM property WHERE name='simulated'") == [("1",)]
        self.roster = RosterReader(self._rows, self.simulated)
        self.arrivals = ArrivalsReader(self._rows)
        self.scorebook = Scorebook(self._rows)
        self.decisions = DecisionsReader(self._rows)
        self.kits = KitsReader(self._rows)

    @property
    def _db(self) -> sqlite3.Connection:
        db: sqlite3.Connection | None = getattr(self._local, "db", None)
        if db is None:
            if not self.path.exists():
                raise Expected(f"There is no database at {self.path}.", "Start the engine once: lastvagt-engine run.")
            db = sqlite3.connect(
                f"{self.path.resolve().as_uri()}?mode=ro", uri=True, timeout=10.0, isolation_level=None, check_same_thread=False
            )
            self._local.db = db
            self._connections.append(db)
        return db

    def close(self) -> None:
        """Close the connections of all threads."""
        while self._connections:
            self._connections.pop().close()
        self._local = threading.local()

    def _rows(self, sql: str, parameters: Sequence[object] | Mapping[str, object] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._db.execute(sql, parameters).fetchall()
        except sqlite3.DatabaseError as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: sqlite3.DatabaseError) -> Expected:
        self.met_damage |= examination.is_damage(error)
        return Expected(
            f"The database {self.path} cannot be read: {error}.", "Check the disk; `lastvagt-engine doctor` tells more."
        )

    def data_version(self) -> int:
        """A number that changes when another connection changed the database."""
        return int(self._rows("PRAGMA data_version")[0][0])

    # -- observations ---------------------------------------------------------------------------------------------

    def archive(
        self,
        start: int,
        end: int,
        areas: Iterable[str] | None = None,
        known_until: int = FOREVER,
        sources: Iterable[str] | None = None,
        quantities: Iterable[str] | None = None,
        newest_only: bool = False,
        consumer_type: str | None = None,
    ) -> Archive:
        """All versions with valid time in [start, end), of these areas, sources and quantities (None: all), known by `known_until`,
        of one consumer type or all.

        `newest_only` may leave out versions that a newer one of the same source had replaced by `known_until`: all that an
        `as_of` that moment needs, and a small part of what a year of weather forecasts has piled up.
        """
        wanted = self._rows("SELECT series_id, quantity, area, consumer_type, rank, source FROM series ORDER BY series_id")
        areas = None if areas is None else set(areas)
        areas = areas and areas.union(*(geography.SUCCEEDED.get(area, ()) for area in areas))
        sources = None if sources is None else set(sources)
        quantities = None if quantities is None else set(quantities)
        parts: dict[Key, list[tuple[IntArray, IntArray, IntArray, FloatArray, np.ndarray[tuple[int], np.dtype[np.uint8]]]]] = {}
        for identifier, quantity, area, kind, rank, source in wanted:
            if (areas is not None and area not in areas) or (sources is not None and source not in sources):
                continue
            if (quantities is not None and quantity not in quantities) or consumer_type not in (None, kind):
                continue
            rows = self._rows(
                _NEWEST_VERSIONS if newest_only and quantity in OFTEN_RENEWED else _ALL_VERSIONS,
                {"series": identifier, "start": start, "end": end, "until": known_until},
            )
            if not rows:
                continue
            valid, available, value, flags = zip(*rows, strict=True)
            parts.setdefault((quantity, area, kind), []).append(
                (
                    np.array(valid, np.int64),
                    np.full(len(rows), int(rank), np.int64),
                    np.array(available, np.int64),
                    np.array(value, np.float64),
                    np.array(flags, np.uint8),
                )
            )
        merged = {key: Versions.sort(*(np.concatenate(column) for column in zip(*p, strict=True))) for key, p in parts.items()}
        for successor, before in geography.SUCCEEDED.items():
            if areas is None or successor in areas:
                merged |= succession(merged, successor, before)
        return Archive(merged, self.simulated)

    def as_of(self, moment: int, start: int, hours: int, areas: Iterable[str] | None = None) -> History:
        """What was known at `moment` of the `hours` hours from `start`, for these areas (None: all)."""
        return self.archive(start, start + hours * HOUR, areas, moment, newest_only=True).as_of(moment, start, hours)

    def truth(self, area: str, start: int, end: int, consumer_type: str = "total") -> Mapping[str, tuple[IntArray, FloatArray]]:
        """Load in MWh of [start, end), of each of `TRUTHS`; see `Archive.truth`."""
        of = Consumer(area, consumer_type)
        leaves = geography.leaves(of, end)
        kinds = {leaf.consumer_type for leaf in leaves}
        archive = self.archive(
            start,
            end,
            {leaf.area for leaf in leaves},
            quantities=("load", *SETTLEMENT) if geography.measure(of) is Measure.GROSS else ("load",),
            consumer_type=kinds.pop() if len(kinds) == 1 else None,
        )
        return archive.truth(of, start, end)

    def series(self) -> list[SeriesState]:
        """Every series that holds values, with its span."""
        rows = self._rows(
            """SELECT quantity, area, consumer_type, source, unit,
                 (SELECT min(valid_time) FROM observation o WHERE o.series_id = s.series_id),
                 (SELECT max(valid_time) FROM observation o WHERE o.series_id = s.series_id),
                 (SELECT max(available_at) FROM observation o WHERE o.series_id = s.series_id AND o.valid_time >
                    (SELECT max(valid_time) FROM observation o WHERE o.series_id = s.series_id) - 864000)
               FROM series s ORDER BY quantity, area, consumer_type, rank"""
        )
        return [SeriesState(*row) for row in rows if row[5] is not None]

    def load_spans(self) -> dict[Consumer, tuple[int, int]]:
        """First and newest hour of the stored load of each consumer, of all its sources."""
        rows = self._rows(
            """SELECT area, consumer_type, min(first), max(newest) FROM (
                 SELECT area, consumer_type,
                   (SELECT min(valid_time) FROM observation o WHERE o.series_id = s.series_id) AS first,
                   (SELECT max(valid_time) FROM observation o WHERE o.series_id = s.series_id) AS newest
                 FROM series s WHERE quantity = 'load')
               WHERE newest IS NOT NULL GROUP BY area, consumer_type"""
        )
        spans = {Consumer(area, kind): (first, newest) for area, kind, first, newest in rows}
        for successor, before in geography.SUCCEEDED.items():
            for kind in {of.consumer_type for of in spans if of.area in before}:
                parts = [spans[area, kind] for area in (*before, successor) if (area, kind) in spans]  # type: ignore[index]
                spans[Consumer(successor, kind)] = min(first for first, _ in parts), max(newest for _, newest in parts)
        return spans

    def consumers(self, now: int) -> tuple[Consumer, ...]:
        """Every consumer whose load is stored or is the sum of stored ones at `now`; see `geography.known_consumers`."""
        rows = self._rows("SELECT DISTINCT area, consumer_type FROM series WHERE quantity='load'")
        return geography.known_consumers({Consumer(*row) for row in rows}, now)

    # -- forecasts ------------------------------------------------------------------------------------------------

    def issues(
        self,
        area: str | None = None,
        start: int = 0,
        end: int = FOREVER,
        limit: int = 1000,
        consumer_type: str | None = None,
    ) -> list[ForecastIssue]:
        """Heads of issues with issue time in [start, end), of one area and consumer type or of all, newest first."""
        # Only with both does the index on consumers help; with the area alone SQLite would sort all of its issues.
        wanted = "area = :area AND consumer_type = :kind" if area and consumer_type else _ANY_ISSUE
        rows = self._rows(
            f"""SELECT area, consumer_type, issue_time, model_id, tier, reason, valid_start, hours, ex_post, created_at FROM forecast_run
               WHERE issue_time >= :start AND issue_time < :end AND {wanted} ORDER BY issue_time DESC, area LIMIT :limit""",
            {"start": start, "end": end, "area": area, "kind": consumer_type, "limit": limit},
        )
        return [ForecastIssue(a, c, i, m, Tier(t), Reason(r), v, h, bool(x), k) for a, c, i, m, t, r, v, h, x, k in rows]

    def first_forecast_hour(self, of: Consumer) -> int | None:
        """First hour that the oldest kept issue forecasts."""
        rows = self._rows("SELECT valid_start FROM forecast_run WHERE area=? AND consumer_type=? ORDER BY issue_time LIMIT 1", of)
        return int(rows[0][0]) if rows else None

    def forecasts(
        self,
        area: str,
        start: int = 0,
        end: int = FOREVER,
        consumer_type: str = "total",
        limit: int = FOREVER,
        drafts: bool = False,
        every_s: int = 1,
    ) -> list[QuantileForecast]:
        """Whole issues with issue time in [start, end), newest first; one that was damaged on disk is left out and logged.

        With `drafts` each has the draft it was made of, where that is still kept; `every_s` asks for issue times that are
        multiples of so many seconds only.
        """
        rows = self._rows(
            f"""SELECT {soundness.PARTS} FROM forecast_run WHERE area=? AND consumer_type=? AND issue_time >= ? AND issue_time < ? AND issue_time % ? = 0
               ORDER BY issue_time DESC LIMIT ?""",
            (area, consumer_type, start, end, every_s, limit),
        )
        found = [forecast for row in rows if (forecast := self._forecast(row)) is not None]
        if drafts:
            kept = self._drafts(area, start, end, consumer_type, every_s)
            found = [dataclasses.replace(forecast, draft=kept.get(forecast.issue_time)) for forecast in found]
        if len(found) < len(rows):
            log.error("%d of %d issues of %s were damaged on disk and are left out.", len(rows) - len(found), len(rows), area)
        return found

    def forecasts_of_hours(self, of: Consumer, first: int, last: int, all_until: int, window_s: int) -> list[QuantileForecast]:
        """Whole issues that forecast any hour from `first` to `last`, newest first, damaged ones left out.

        Of those made after `all_until` only the first of every `window_s` seconds.
        """
        rows = self._rows(
            f"""SELECT {soundness.PARTS} FROM forecast_run WHERE area=:area AND consumer_type=:type AND issue_time BETWEEN :oldest AND :newest
               AND valid_start <= :last AND valid_start + (hours - 1) * step_s >= :first AND (issue_time <= :all OR issue_time IN (
                 SELECT min(issue_time) FROM forecast_run WHERE area=:area AND consumer_type=:type
                 AND issue_time BETWEEN :oldest AND :newest GROUP BY issue_time / :window))
               ORDER BY issue_time DESC""",
            {
                **dict(zip(("area", "type"), of, strict=True)),
                "oldest": first - HORIZON_H * HOUR,
                "newest": last + BRIDGE_H * HOUR,
                "first": first,
                "last": last,
                "all": all_until,
                "window": window_s,
            },
        )
        return [forecast for row in rows if (forecast := self._forecast(row)) is not None]

    def _forecast(self, row: tuple[Any, ...]) -> QuantileForecast | None:
        made_of = soundness.made_of(*row)
        if made_of is None:
            return None
        area, consumer_type, issue_time, start, blob, _, _, model_id, tier, reason, step_s, hours, levels, ex_post = row
        return QuantileForecast(
            area,
            consumer_type,
            issue_time,
            start + step_s * np.arange(hours, dtype=np.int64),
            tuple(round(float(percent) / 100, 6) for percent in levels.split()),
            codec.decode(blob),
            Tier(tier),
            Reason(reason),
            model_id,
            made_of,
            bool(ex_post),
            self.simulated,
        )

    def digest(self, of: Consumer, issue_time: int) -> str:
        """SHA-256 by which an issue is known, as hexadecimal digits; empty where it is not kept."""
        rows = self._rows(
            "SELECT hex(digest) FROM forecast_run WHERE area=? AND consumer_type=? AND issue_time=?", (*of, issue_time)
        )
        return str(rows[0][0]).lower() if rows else ""

    def _drafts(self, area: str, start: int, end: int, consumer_type: str, every_s: int) -> dict[int, Draft]:
        rows = self._rows(
            """SELECT issue_time, names, numbers FROM draft
               WHERE area=? AND consumer_type=? AND issue_time >= ? AND issue_time < ? AND issue_time % ? = 0""",
            (area, consumer_type, start, end, every_s),
        )
        drafts = {t: codec.decode_draft(names, numbers) for t, names, numbers in rows}
        return {t: draft for t, draft in drafts.items() if draft is not None}

    def calibrations(self) -> dict[Target, Calibration]:
        """What each area, consumer type and model has learned so far."""
        return {target: calibration for target, (_, calibration) in self.lessons().items()}

    def lessons(self, of: Consumer | None = None) -> dict[Target, tuple[int, Calibration]]:
        """The same, each with when it last learned; of one consumer where it is named."""
        rows = self._rows(
            """SELECT area, consumer_type, model_id, learned_at, state FROM calibration
               WHERE ?1 IS NULL OR (area = ?1 AND consumer_type = ?2) ORDER BY area, consumer_type, model_id""",
            of or (None, None),
        )
        found = {}
        for area, kind, model, learned_at, state in rows:
            try:
                found[area, kind, model] = learned_at, Calibration.parse(state)
            except (ValueError, KeyError, TypeError):
                log.error("What was learned of %s by %s was damaged on disk: it begins anew.", area, model)
        return found

    def adaptations(self, of: Iterable[Consumer] | None = None) -> dict[tuple[Consumer, str], Adaptation]:
        """How these consumers (None: all) answer in their own way, by consumer and model."""
        wanted = None if of is None else json.dumps([list(c) for c in of])
        rows = self._rows(
            """SELECT area, consumer_type, model_id, learned_to, days, numbers FROM adaptation
               WHERE ?1 IS NULL OR (area, consumer_type) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?1))""",
            (wanted,),
        )
        return {(Consumer(a, c), model): codec.decode_adaptation(to, days, blob) for a, c, model, to, days, blob in rows}

    def learned_to(self, model_id: str) -> dict[Consumer, int]:
        """The Danish day (since 1970) that each consumer of a model learned last."""
        rows = self._rows("SELECT area, consumer_type, learned_to FROM adaptation WHERE model_id = ?", (model_id,))
        return {Consumer(area, kind): day for area, kind, day in rows}

    def forecast(self, area: str, as_of: int = FOREVER, consumer_type: str = "total") -> QuantileForecast | None:
        """The newest undamaged issue made at or before `as_of`."""
        found = self.forecasts(area, 0, as_of + 1, consumer_type, limit=1) or self.forecasts(
            area, 0, as_of + 1, consumer_type, limit=50
        )
        return found[0] if found else None

    # -- scores, jobs, events -------------------------------------------------------------------------------------

    def scores(
        self,
        area: str,
        by: str = "all",
        start: int = 0,
        end: int = FOREVER,
        truth: str = "provisional",
        consumer_type: str = "total",
        lead_buckets: Iterable[int] | None = None,
    ) -> dict[int, Score]:
        """Scores of the hours in [start, end) and these lead buckets (None: all but the bridge), grouped.

        Keys: 0 for `all`; the bucket number; hour 0-23; weekday 0 Monday; days since 1970 for `day`; months since 1970.
        """
        return self.scorebook.scores(Consumer(area, consumer_type), by, truth, start, end, lead_buckets)

    def job_runs(self, job: str | None = None, limit: int = 50, status: str | None = None) -> list[JobRun]:
        """Runs of a job (None: all) with a status (None: any), newest first."""
        rows = self._rows(
            """SELECT job, started_at, finished_at, status, problem, remedy, detail FROM job_run
               WHERE (?1 IS NULL OR job = ?1) AND (?2 IS NULL OR status = ?2) ORDER BY job_run_id DESC LIMIT ?3""",
            (job, status, limit),
        )
        return [JobRun(j, a, b, status, problem, remedy, json.loads(d)) for j, a, b, status, problem, remedy, d in rows]

    def job_counts(self, since: int) -> dict[tuple[str, str], int]:
        """How many runs that began after `since` there are of each job, by status."""
        rows = self._rows("SELECT job, status, count(*) FROM job_run WHERE started_at > ? GROUP BY job, status", (since,))
        return {(job, status): count for job, status, count in rows}

    def events(self, open_only: bool = True, limit: int = 100) -> list[Event]:
        """Troubles, newest first, after those that are `held` because the database cannot take them."""
        rows = self._rows(
            f"SELECT code, subject, problem, remedy, since, until FROM event {'WHERE until IS NULL' if open_only else ''} ORDER BY since DESC LIMIT ?",
            (limit,),
        )
        stored = [Event(*row) for row in rows]
        held = self.held
        return [*held, *(event for event in stored if event.until is not None or event.code not in {one.code for one in held})]

    def limits(self) -> Limits:
        """The limits of loads that the engine which wrote here last was told."""
        told = dict(self._rows("SELECT name, value FROM property WHERE name IN ('peak_limits', 'peak_alarm_percent')"))
        return Limits.parse(told["peak_limits"], int(told["peak_alarm_percent"])) if told else Limits()

    def offline(self) -> bool:
        """Whether the engine which wrote here last was kept off the network by its settings, so that data come by kit."""
        return self._rows("SELECT value FROM property WHERE name='offline'") == [("1",)]

    def backups(self) -> Known | None:
        """Which backups there were when the engine looked last; None where none has looked."""
        rows = self._rows("SELECT value FROM property WHERE name='backups'")
        return Known(**json.loads(rows[0][0])) if rows else None

    def exposed(self) -> str:
        """Where other machines reach the engine which wrote here last; empty where none does."""
        return "".join(value for (value,) in self._rows("SELECT value FROM property WHERE name='exposed'"))

    def engine(self) -> EngineState | None:
        """The engine that runs here, or ran last without a clean stop."""
        rows = self._rows("SELECT pid, host, port, version, started_at, heartbeat FROM engine")
        return EngineState(*rows[0]) if rows else None

    def size_bytes(self) -> int:
        """Bytes of the database file, without its write-ahead log."""
        return int(self._rows("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")[0][0])

    def thinned_to(self) -> int:
        """Before when only one issue a day is kept; 0 where all are."""
        found = self._rows("SELECT value FROM property WHERE name='thinned_to'")
        return int(found[0][0]) if found else 0

    def space(self) -> space.Space:
        """What the database takes of the disk."""
        return space.measure(self._rows, self.path)

    def structure(self) -> str:
        """What SQLite finds wrong when it looks at every page and index; empty where nothing is."""
        self._db.set_progress_handler(pace.step, schema.PROGRESS_STEPS)
        try:
            return "; ".join(str(row[0]) for row in self._rows("PRAGMA integrity_check(3)") if row[0] != "ok")
        except Expected:
            pace.step()  # SQLite tells no better that it was called off
            raise
        finally:
            self._db.set_progress_handler(None, 0)

    def damage(self) -> str:
        """What SQLite finds wrong with the file, and how many of the newest 600 issues are not as they were written; empty where nothing is wrong."""
        findings = [str(row[0]) for row in self._rows("PRAGMA quick_check(3)") if row[0] != "ok"]
        rows = self._rows(f"SELECT {soundness.PARTS} FROM forecast_run ORDER BY issue_time DESC LIMIT 600")
        damaged = sum(soundness.made_of(*issue) is None for issue in rows)
        if damaged:
            findings.append(f"{damaged} of the newest {len(rows)} issues were damaged on disk")
        return "; ".join(findings)
