"""The one writing connection: every change of the database is a method here and one transaction."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine import clock, pace
from engine.adaptation import Adaptation
from engine.calibration import Calibration
from engine.domain import DAY, HOUR, Consumer, Expected, Flag, FloatArray, JobRun, Observations, QuantileForecast, Score
from engine.limits import Limits
from engine.store import codec, examination, schema, scorebook, seals, soundness
from engine.store.backups import Known
from engine.store.decisions import DecisionsWriter
from engine.store.kits import Arrival, put_kit
from engine.store.reader import ScoreRow, Target
from engine.store.refusals import Refused, refusal
from engine.store.roster import RosterWriter, put_calibrations

#: Danish hour by which the issue of a day is made that is kept when others go.
_DAY_AHEAD_HOUR = 10

#: Seconds that a change has to come to its end when the database is closed.
_LAST_S = 2.0


@dataclass(frozen=True, slots=True)
class PutResult:
    """Values a `put` added (of them revisions of known hours), found known already, found twice or more in their batch, and set
    aside as implausible."""

    new: int = 0
    revised: int = 0
    unchanged: int = 0
    repeated: int = 0
    quarantined: int = 0

    def __add__(self, other: PutResult) -> PutResult:
        return PutResult(*(a + b for a, b in zip(dataclasses.astuple(self), dataclasses.astuple(other), strict=True)))

    def counts(self) -> dict[str, int]:
        """All counts by name."""
        return dataclasses.asdict(self)


def _rows(batch: Observations) -> FloatArray:
    """A batch as rows (valid_time, available_at, value, flags)."""
    return np.column_stack((batch.valid_time, batch.available_at, batch.value, batch.flags)).astype(np.float64)


def _last_of_each_version(rows: FloatArray) -> FloatArray:
    """Rows (valid_time, available_at, value, flags) in order of the first two, the last one where these are equal."""
    rows = rows[np.lexsort((rows[:, 1], rows[:, 0]))]
    last = np.ones(len(rows), bool)
    last[:-1] = (rows[1:, :2] != rows[:-1, :2]).any(axis=1)
    kept: FloatArray = rows[last]
    return kept


def _as_revisions(old: FloatArray, new: FloatArray, now: int | None) -> FloatArray:
    """New rows as they became known to a store that holds `old`; both of one series, in order of (valid_time, available_at)."""
    if not len(old):
        return new
    valid, known, value, flags = new.T
    first, end = (np.searchsorted(old[:, 0], valid, side) for side in ("left", "right"))
    measured = np.concatenate([[0], np.cumsum((old[:, 3].astype(np.int64) & Flag.NOMINAL) == 0)])
    nominal = (flags.astype(np.int64) & Flag.NOMINAL) != 0
    # Complex numbers compare by real, then by imaginary part.
    versions, wanted = old[:, 0] + 1j * old[:, 1], valid + 1j * known
    at = np.minimum(np.searchsorted(versions, wanted), len(old) - 1)
    differs = (versions[at] == wanted) & (
        (old[at, 2] != value) | ((old[at, 3].astype(np.int64) ^ flags.astype(np.int64)) & ~int(Flag.NOMINAL) != 0)
    )
    forecast = nominal & (known < valid)
    revised = (differs | (nominal & (measured[end] > measured[first]))) & ~forecast
    newest = old[np.maximum(end - 1, 0), 1]
    new = new.copy()
    new[revised, 1] = np.maximum(newest[revised] + 1, now or 0)
    new[revised, 3] = flags[revised].astype(np.int64) & ~int(Flag.NOMINAL)
    kept: FloatArray = new[~(differs & forecast)]
    return kept


class Writer:
    """Opens (and creates or migrates) a database for writing. Simulated and real data never share a database.

    `progress` is called now and then while an older file is brought up to date, which takes minutes for a big one; where it returns
    True that is broken off and taken back.
    """

    def __init__(self, path: Path, simulated: bool = False, progress: Callable[[], bool] | None = None) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.simulated = simulated
        self._lock = threading.RLock()
        self.refused: Refused | None = None  # the last change that was not taken, until somebody sees that they are again
        self._series: dict[tuple[str, str, str, str], int] = {}
        #: Whether a change met damage in the file.
        self.met_damage = False
        self.roster = RosterWriter(self._transaction)
        self.decisions = DecisionsWriter(self._transaction)
        try:
            self._db = sqlite3.connect(path, timeout=10.0, isolation_level=None, check_same_thread=False)
            schema.check(self._db, path)
            self._db.execute("PRAGMA page_size=16384")  # of a new file: an issue takes 1.7 kB, of which 4 kB pages hold but two
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute("PRAGMA journal_size_limit=16777216")
            self._db.set_progress_handler(progress, schema.PROGRESS_STEPS)
            schema.migrate(self._db, path)
            self._db.set_progress_handler(None, 0)
        except sqlite3.DatabaseError as error:
            raise Expected(
                f"The database {path} cannot be opened: {error}.", "Check the disk and the folder's permissions."
            ) from error
        with self._transaction() as db:
            db.execute("INSERT OR IGNORE INTO property VALUES('simulated', ?)", (str(int(simulated)),))
            stored = db.execute("SELECT value FROM property WHERE name='simulated'").fetchall()[0][0] == "1"
        if stored != simulated:
            self.close()
            kinds = ("real", "simulated")
            raise Expected(
                f"{path} holds {kinds[stored]} data and was opened for {kinds[simulated]} data.",
                "Give simulated data a folder of its own with --data-dir; the two are never mixed.",
            )

    def close(self) -> None:
        """Checkpoint and close; what still writes after a while is broken off and taken back."""
        if not self._lock.acquire(timeout=_LAST_S):
            self._db.interrupt()
            self._lock.acquire()
        try:
            with suppress(sqlite3.DatabaseError):  # of a damaged file, or a full disk: the log stays for the next start
                self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            self._db.close()
        finally:
            self._lock.release()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield self._db
                self._db.execute("COMMIT")
            except BaseException as error:
                self._series.clear()  # numbers given in this transaction will be given again
                if self._db.in_transaction:  # a full disk has rolled back already
                    self._db.execute("ROLLBACK")
                if isinstance(error, sqlite3.DatabaseError) and not isinstance(
                    error, sqlite3.IntegrityError | sqlite3.ProgrammingError
                ):
                    self.met_damage |= examination.is_damage(error)
                    self.refused = refusal(self.path, error)
                    raise self.refused from error
                raise

    # -- observations ---------------------------------------------------------------------------------------------

    def put(
        self,
        batches: Iterable[Observations],
        rejected: Iterable[tuple[Observations, Sequence[str]]] = (),
        now: int | None = None,
        kit: Arrival | None = None,
    ) -> PutResult:
        """Add values and set rejected ones aside with their reasons, all in one transaction.

        A value equal to the version before it adds no row, so versions of one hour must come in the order in which they
        became known (within one batch any order will do). A different value for a version that is already stored, and a
        back-filled (nominal) value for a past hour that was seen arriving, are kept as revisions that became known at `now`
        (default: one second after the newest stored version); a back-filled forecast of a later hour stays as first stored.
        Of two values for one version in a batch the last counts. NaN is an error.

        Values of a `kit`, which is recorded with them, say themselves when they became known here, in whatever order kits come.
        """
        result = PutResult()
        with self._transaction() as db:
            for batch in batches:
                result += self._put_one(db, batch, now) if kit is None else self._put_as_given(db, batch)
            for batch, reasons in rejected:
                identifier = self._series_id_for(batch)
                cursor = db.executemany(
                    """INSERT OR IGNORE INTO quarantine(series_id, valid_time, available_at, value, flags, reason)
                       SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE ?4 IS NOT NULL
                       OR NOT EXISTS (SELECT 1 FROM quarantine WHERE series_id = ?1 AND valid_time = ?2 AND value IS NULL)""",
                    zip(
                        [identifier] * len(batch),
                        batch.valid_time.tolist(),
                        batch.available_at.tolist(),
                        batch.value.tolist(),
                        batch.flags.tolist(),
                        reasons,
                        strict=True,
                    ),
                )
                result += PutResult(quarantined=max(0, cursor.rowcount))
            if kit is not None:
                put_kit(db, kit, result.counts())
        return result

    def _series_id_for(self, batch: Observations) -> int:
        if batch.simulated != self.simulated:
            raise Expected("Simulated and real data were about to be mixed.", "Use separate data folders; nothing was stored.")
        series = batch.series
        key = (series.quantity, series.area, series.consumer_type, series.source)
        if key not in self._series:
            db = self._db
            db.execute(
                "INSERT OR IGNORE INTO series(quantity, area, consumer_type, source, unit, step_s, rank) VALUES(?,?,?,?,?,?,?)",
                (*key, series.unit, HOUR, series.rank),
            )
            rows = db.execute(
                "SELECT series_id FROM series WHERE quantity=? AND area=? AND consumer_type=? AND source=?", key
            ).fetchall()
            self._series[key] = int(rows[0][0])
        return self._series[key]

    def _put_one(self, db: sqlite3.Connection, batch: Observations, now: int | None) -> PutResult:
        if not len(batch):
            return PutResult()
        if not np.isfinite(batch.value).all():
            raise ValueError("a value that is not a number cannot be stored")
        identifier = self._series_id_for(batch)
        old = seals.rows(db, identifier, int(batch.valid_time.min()), int(batch.valid_time.max()) + 1)
        new = _last_of_each_version(_rows(batch))
        repeated = len(batch) - len(new)
        new = _as_revisions(old, new, now)
        both, fresh = np.concatenate([old, new]), np.arange(len(old) + len(new)) >= len(old)
        order = np.lexsort((fresh, both[:, 1], both[:, 0]))
        both, fresh = both[order], fresh[order]
        same_hour = np.concatenate([[False], both[1:, 0] == both[:-1, 0]])
        meaning = both[:, 3].astype(np.int64) & ~int(Flag.NOMINAL)
        same_value = np.concatenate([[False], (both[1:, 2] == both[:-1, 2]) & (meaning[1:] == meaning[:-1])]) & same_hour
        keep = fresh & ~same_value
        added = seals.add_missing(db, identifier, both[keep], old)
        revised = int((keep & same_hour).sum())
        return PutResult(new=added, revised=revised, unchanged=len(batch) - repeated - added, repeated=repeated)

    def _put_as_given(self, db: sqlite3.Connection, batch: Observations) -> PutResult:
        """Add versions that are not there; one that is stays as first stored."""
        if not len(batch):
            return PutResult()
        identifier = self._series_id_for(batch)
        there = seals.rows(db, identifier, int(batch.valid_time.min()), int(batch.valid_time.max()) + 1)
        added = seals.add_missing(db, identifier, _rows(batch), there)
        return PutResult(new=added, unchanged=len(batch) - added)

    # -- forecasts and scores -------------------------------------------------------------------------------------

    def put_forecasts(
        self, forecasts: Sequence[QuantileForecast], now: int, learned: Mapping[Target, Calibration] | None = None
    ) -> int:
        """Keep a set of issues (all or none); an issue that exists already stays as it is.

        The newest stand as rows in `forecast_latest`, as models made them: `published` adds what operators changed. With them goes
        what calibrations had learned when they were made.

        Returns how many were new. When this returns, they survive a power cut.
        """
        added = 0
        with self._transaction() as db:
            put_calibrations(db, learned or {}, now)
            for forecast in forecasts:
                blob = codec.encode(forecast.quantiles)
                valid_start = int(forecast.valid_time[0])
                sha = codec.digest(forecast.area, forecast.consumer_type, forecast.issue_time, valid_start, blob)
                levels = " ".join(f"{100 * level:g}" for level in forecast.levels)
                made = (forecast.model_id, forecast.tier.value, forecast.reason.value)
                head = (*made, HOUR, len(forecast.valid_time), levels, int(forecast.ex_post))
                cursor = db.execute(
                    """INSERT OR IGNORE INTO forecast_run(area, consumer_type, issue_time, model_id, tier, reason, valid_start, step_s,
                       hours, levels, quantiles, digest, inputs, ex_post, created_at) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)""",
                    (
                        forecast.area,
                        forecast.consumer_type,
                        forecast.issue_time,
                        *made,
                        valid_start,
                        HOUR,
                        len(forecast.valid_time),
                        levels,
                        blob,
                        sha,
                        codec.encode_inputs(forecast.inputs, *head),
                        int(forecast.ex_post),
                        now,
                    ),
                )
                if cursor.rowcount < 1:
                    continue
                added += 1
                if forecast.draft is not None:
                    made_of = codec.encode_draft(forecast.draft)
                    of = (forecast.area, forecast.consumer_type, forecast.issue_time)
                    db.execute("INSERT INTO draft VALUES(?,?,?,?,?)", (*of, *made_of))
                soundness.show(db, forecast)
        return added

    def mend(self, backups: Sequence[Path] = ()) -> soundness.Finding:
        """Look through every issue and value, put right from backups, newest first, what is damaged, and give everybody's table back
        the rows that are not those of their issues."""
        return soundness.mend(self._transaction, backups)

    def withdraw_after(self, moment: int, now: int) -> int:
        """Take back issues dated after a moment that has not come yet, and let what is said to have become known after it have become
        known now. Returns how many published issues that were."""
        with self._lock:
            if not self._db.execute("SELECT 1 FROM forecast_run WHERE issue_time > ? LIMIT 1", (moment,)).fetchall():
                return 0
        with self._transaction() as db:
            withdrawn = db.execute("DELETE FROM forecast_run WHERE issue_time > ?", (moment,)).rowcount
            for table in ("forecast_latest", "draft", "shadow_run"):
                db.execute(f"DELETE FROM {table} WHERE issue_time > ?", (moment,))
            seals.known_now(db, moment, now, int(Flag.NOMINAL))
        return withdrawn

    def put_adaptations(self, learned: Mapping[tuple[Consumer, str], Adaptation]) -> None:
        """Keep what consumers have learned, by consumer and model."""
        with self._transaction() as db:
            db.executemany(
                "INSERT OR REPLACE INTO adaptation VALUES(?,?,?,?,?,?)",
                [(*c, model, a.learned_to, a.days, codec.encode_adaptation(a)) for (c, model), a in learned.items()],
            )

    def put_scores(self, rows: Iterable[ScoreRow], renew: bool = False) -> None:
        """Keep scores; all lead buckets of an hour must come together, for one that is scored already stays as it is, or is renewed.

        So it is with how the issues kept their promises, where rows tell that too.
        """
        hours: dict[tuple[str, str, str, int], dict[int, Score]] = {}
        promises: dict[Consumer, dict[int, dict[int, tuple[float, ...]]]] = {}
        for row in rows:
            hours.setdefault((row.area, row.consumer_type, row.truth, row.valid_time), {})[row.lead_bucket] = row.score
            if row.kept:
                of = promises.setdefault(Consumer(row.area, row.consumer_type), {})
                of.setdefault(row.valid_time, {})[row.lead_bucket] = row.kept
        days: dict[tuple[str, str, str, int], dict[int, FloatArray]] = {}
        for (area, kind, truth, hour), by_bucket in hours.items():
            days.setdefault((area, kind, truth, hour // DAY), {})[hour % DAY // HOUR] = codec.score_sums(by_bucket)
        with self._transaction() as db:
            for key, new in days.items():
                kept = db.execute(
                    "SELECT sums FROM score_day WHERE area=? AND consumer_type=? AND truth=? AND day=?", key
                ).fetchall()
                old = codec.decode_scores(kept[0][0]) if kept else {}
                blob = codec.encode_scores(old | new if renew else new | old)
                db.execute("INSERT OR REPLACE INTO score_day VALUES(?,?,?,?,?)", (*key, blob))
            for of_one, by_hour in promises.items():
                scorebook.count(db, of_one, by_hour)

    # -- the program itself ---------------------------------------------------------------------------------------

    def put_job_run(self, run: JobRun) -> None:
        """Keep what a job did."""
        with self._transaction() as db:
            db.execute(
                "INSERT INTO job_run(job, started_at, finished_at, status, problem, remedy, detail) VALUES(?,?,?,?,?,?,?)",
                (
                    run.job,
                    run.started_at,
                    run.finished_at,
                    run.status,
                    run.problem,
                    run.remedy,
                    json.dumps(dict(run.detail), sort_keys=True),
                ),
            )

    def open_event(self, code: str, subject: str, problem: str, remedy: str, now: int) -> None:
        """Tell the operator of a trouble; one that is open already keeps its first time and takes the new words."""
        with self._transaction() as db:
            db.execute(
                """INSERT INTO event(code, subject, problem, remedy, since) VALUES(?,?,?,?,?)
                   ON CONFLICT(code, subject) WHERE until IS NULL DO UPDATE SET problem=excluded.problem, remedy=excluded.remedy""",
                (code, subject, problem, remedy, now),
            )

    def close_event(self, code: str, subject: str, now: int) -> None:
        """The trouble is over."""
        with self._transaction() as db:
            db.execute("UPDATE event SET until=? WHERE code=? AND subject=? AND until IS NULL", (now, code, subject))

    def set_limits(self, limits: Limits) -> None:
        """Keep the limits of loads that the engine was told."""
        with self._transaction() as db:
            rows = [("peak_limits", limits.text), ("peak_alarm_percent", str(limits.alarm_percent))]
            db.executemany("INSERT OR REPLACE INTO property VALUES(?,?)", rows)

    def set_offline(self, offline: bool) -> None:
        """Keep whether the engine is kept off the network."""
        with self._transaction() as db:
            db.execute("INSERT OR REPLACE INTO property VALUES('offline', ?)", (str(int(offline)),))

    def note_backups(self, known: Known) -> None:
        """Keep which backups there are."""
        with self._transaction() as db:
            told = json.dumps(dataclasses.asdict(known), sort_keys=True)
            db.execute("INSERT OR REPLACE INTO property VALUES('backups', ?)", (told,))

    def set_exposed(self, address: str) -> None:
        """Keep where other machines reach the engine; empty where none does."""
        with self._transaction() as db:
            db.execute("INSERT OR REPLACE INTO property VALUES('exposed', ?)", (address,))

    def fetch_limit(self, dataset: str) -> tuple[float, float]:
        """When a dataset was last asked, and until when it must not be asked, as epoch seconds (0 for never)."""
        with self._lock:
            rows = self._db.execute("SELECT last_call, blocked_until FROM fetch_limit WHERE dataset=?", (dataset,)).fetchall()
        return (float(rows[0][0]), float(rows[0][1])) if rows else (0.0, 0.0)

    def set_fetch_limit(self, dataset: str, last_call: float, blocked_until: float) -> None:
        """Remember a call before it is made, so that a restart does not repeat it too early."""
        with self._transaction() as db:
            db.execute("INSERT OR REPLACE INTO fetch_limit VALUES(?,?,?)", (dataset, last_call, blocked_until))

    def set_engine(self, state: Mapping[str, object]) -> None:
        """Say who runs here: pid, host, port, version, started_at, heartbeat."""
        with self._transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO engine(one, pid, host, port, version, started_at, heartbeat) "
                "VALUES(1, :pid, :host, :port, :version, :started_at, :heartbeat)",
                dict(state),
            )

    def heartbeat(self, now: int) -> None:
        """The engine is alive."""
        with self._transaction() as db:
            db.execute("UPDATE engine SET heartbeat=?", (now,))

    def checkpoint(self) -> None:
        """Take the write-ahead log over into the database, and give its room back."""
        with self._lock:
            try:
                self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            except sqlite3.DatabaseError as error:
                raise refusal(self.path, error) from error

    def clear_engine(self) -> None:
        """Nobody runs here any more."""
        with self._transaction() as db:
            db.execute("DELETE FROM engine")

    def thin_forecasts(self, before: int) -> int:
        """Of issues made before then keep one a consumer and Danish day: the newest made by ten o'clock, when the day ahead is
        planned, else the day's first. Returns how many were dropped.

        A day is a transaction, so that other writing waits for one at most; days that were thinned before are not read again.
        Freed pages are filled by new issues: the file stops growing, but does not shrink (SQLite would have to move every page
        behind them; `VACUUM` into a copy does it in one go).
        """
        with self._lock:
            done = self._db.execute("SELECT value FROM property WHERE name='thinned_to'").fetchall()
            oldest = self._db.execute("SELECT min(issue_time) FROM forecast_run").fetchall()[0][0]
        if oldest is None:
            return 0
        dropped = 0
        day = clock.local(max(oldest, int(done[0][0]) if done else 0)).date()
        while (end := clock.local_midnight(day + dt.timedelta(days=1))) <= before:
            pace.step()
            span = {"start": clock.local_midnight(day), "ten": clock.local_time(day, _DAY_AHEAD_HOUR), "end": end}
            with self._transaction() as db:
                dropped += db.execute(
                    """DELETE FROM forecast_run WHERE issue_time >= :start AND issue_time < :end AND (area, consumer_type, issue_time)
                       NOT IN (SELECT area, consumer_type, coalesce(max(issue_time) FILTER (WHERE issue_time <= :ten), min(issue_time))
                               FROM forecast_run WHERE issue_time >= :start AND issue_time < :end GROUP BY area, consumer_type)""",
                    span,
                ).rowcount
                db.execute("INSERT OR REPLACE INTO property VALUES('thinned_to', ?)", (str(end),))
            day += dt.timedelta(days=1)
        return dropped

    def prune(
        self, now: int, keep_forecasts_days: int, keep_drafts_days: int, keep_latest_days: int = 0, keep_runs_days: int = 90
    ) -> Mapping[str, int]:
        """Drop what retention allows (0 keeps for ever) and give the disk its due; returns rows dropped per table.

        Of `forecast_latest` hours that ended `keep_latest_days` ago are dropped.
        """
        dropped = {}
        with self._transaction() as db:
            dropped["job_run"] = db.execute("DELETE FROM job_run WHERE started_at < ?", (now - keep_runs_days * DAY,)).rowcount
            for table in ("draft", "shadow_run"):
                limit = now - keep_drafts_days * DAY
                dropped[table] = db.execute(f"DELETE FROM {table} WHERE issue_time < ?", (limit,)).rowcount
            if keep_forecasts_days:
                limit = now - keep_forecasts_days * DAY
                dropped["forecast_run"] = db.execute("DELETE FROM forecast_run WHERE issue_time < ?", (limit,)).rowcount
            if latest := [days for days in (keep_latest_days, keep_forecasts_days) if days]:
                limit = now - min(latest) * DAY
                dropped["forecast_latest"] = db.execute("DELETE FROM forecast_latest WHERE valid_time < ?", (limit,)).rowcount
        with self._lock:
            self._db.execute("PRAGMA optimize").fetchall()
        self.checkpoint()
        return dropped
