"""Tables of the database and how an older file becomes a current one."""

from __future__ import annotations

import contextlib
import itertools
import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path

from engine import disk
from engine.domain import DAY, HOUR, LEVELS, Expected
from engine.store import codec, seals

log = logging.getLogger(__name__)

APPLICATION_ID = 0x4C617374  # "Last"
#: Instructions of SQLite's machine between two calls that tell of progress: some milliseconds.
PROGRESS_STEPS = 1_000_000


def level_column(level: float) -> str:
    """Column name of a quantile level: 0.05 is p05."""
    return f"p{round(level * 100):02d}"


def _version_1(db: sqlite3.Connection) -> None:
    quantiles = ", ".join(f"{level_column(level)} REAL NOT NULL" for level in LEVELS)
    for statement in (
        "CREATE TABLE property(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
        """CREATE TABLE series(
            series_id INTEGER PRIMARY KEY, quantity TEXT NOT NULL, area TEXT NOT NULL, consumer_type TEXT NOT NULL,
            source TEXT NOT NULL, unit TEXT NOT NULL, step_s INTEGER NOT NULL, rank INTEGER NOT NULL,
            UNIQUE(quantity, area, consumer_type, source))""",
        """CREATE TABLE observation(
            series_id INTEGER NOT NULL, valid_time INTEGER NOT NULL, available_at INTEGER NOT NULL,
            value REAL NOT NULL, flags INTEGER NOT NULL,
            PRIMARY KEY(series_id, valid_time, available_at)) WITHOUT ROWID""",
        """CREATE TABLE quarantine(
            quarantine_id INTEGER PRIMARY KEY, series_id INTEGER NOT NULL, valid_time INTEGER NOT NULL,
            available_at INTEGER NOT NULL, value REAL, flags INTEGER NOT NULL, reason TEXT NOT NULL,
            UNIQUE(series_id, valid_time, value))""",
        """CREATE TABLE forecast_run(
            run_id INTEGER PRIMARY KEY, area TEXT NOT NULL, consumer_type TEXT NOT NULL, issue_time INTEGER NOT NULL,
            model_id TEXT NOT NULL, tier TEXT NOT NULL, reason TEXT NOT NULL, valid_start INTEGER NOT NULL,
            step_s INTEGER NOT NULL, hours INTEGER NOT NULL, levels TEXT NOT NULL, quantiles BLOB NOT NULL,
            digest BLOB NOT NULL, inputs TEXT NOT NULL, ex_post INTEGER NOT NULL, created_at INTEGER NOT NULL,
            UNIQUE(area, consumer_type, issue_time))""",
        "CREATE INDEX forecast_run_by_time ON forecast_run(issue_time)",
        f"""CREATE TABLE forecast_latest(
            area TEXT NOT NULL, consumer_type TEXT NOT NULL, valid_time INTEGER NOT NULL, issue_time INTEGER NOT NULL,
            tier TEXT NOT NULL, {quantiles}, PRIMARY KEY(area, consumer_type, valid_time)) WITHOUT ROWID""",
        """CREATE TABLE score(
            area TEXT NOT NULL, consumer_type TEXT NOT NULL, truth TEXT NOT NULL, valid_time INTEGER NOT NULL,
            sums BLOB NOT NULL, PRIMARY KEY(area, consumer_type, truth, valid_time)) WITHOUT ROWID""",
        """CREATE TABLE job_run(
            job_run_id INTEGER PRIMARY KEY, job TEXT NOT NULL, started_at INTEGER NOT NULL, finished_at INTEGER NOT NULL,
            status TEXT NOT NULL, problem TEXT NOT NULL, remedy TEXT NOT NULL, detail TEXT NOT NULL)""",
        "CREATE INDEX job_run_by_job ON job_run(job, started_at)",
        """CREATE TABLE event(
            event_id INTEGER PRIMARY KEY, code TEXT NOT NULL, subject TEXT NOT NULL, problem TEXT NOT NULL,
            remedy TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER)""",
        "CREATE UNIQUE INDEX event_open ON event(code, subject) WHERE until IS NULL",
        "CREATE TABLE fetch_limit(dataset TEXT PRIMARY KEY, last_call REAL NOT NULL, blocked_until REAL NOT NULL) WITHOUT ROWID",
        """CREATE TABLE engine(
            one INTEGER PRIMARY KEY CHECK(one = 1), pid INTEGER NOT NULL, host TEXT NOT NULL, port INTEGER NOT NULL,
            version TEXT NOT NULL, started_at INTEGER NOT NULL, heartbeat INTEGER NOT NULL)""",
    ):
        db.execute(statement)


def _version_2(db: sqlite3.Connection) -> None:
    for statement in (
        """CREATE TABLE draft(
            area TEXT NOT NULL, consumer_type TEXT NOT NULL, issue_time INTEGER NOT NULL, names TEXT NOT NULL, numbers BLOB NOT NULL,
            PRIMARY KEY(area, consumer_type, issue_time))""",
        "CREATE INDEX draft_by_time ON draft(issue_time)",
        """CREATE TABLE calibration(
            area TEXT NOT NULL, consumer_type TEXT NOT NULL, model_id TEXT NOT NULL, learned_at INTEGER NOT NULL, state TEXT NOT NULL,
            PRIMARY KEY(area, consumer_type, model_id)) WITHOUT ROWID""",
    ):
        db.execute(statement)


def _version_3(db: sqlite3.Connection) -> None:
    for statement in (
        """CREATE TABLE bundle(
            model_id TEXT PRIMARY KEY, tier TEXT NOT NULL, trained_to INTEGER NOT NULL, origin TEXT NOT NULL,
            problem TEXT NOT NULL) WITHOUT ROWID""",
        """CREATE TABLE role_change(
            role_change_id INTEGER PRIMARY KEY, changed_at INTEGER NOT NULL, tier TEXT NOT NULL, act TEXT NOT NULL,
            from_id TEXT NOT NULL, to_id TEXT NOT NULL, who TEXT NOT NULL, reason TEXT NOT NULL)""",
        """CREATE TABLE shadow_run(
            area TEXT NOT NULL, issue_time INTEGER NOT NULL, consumer_type TEXT NOT NULL, model_id TEXT NOT NULL, tier TEXT NOT NULL,
            valid_start INTEGER NOT NULL, quantiles BLOB NOT NULL, digest BLOB NOT NULL, ex_post INTEGER NOT NULL,
            names TEXT NOT NULL, numbers BLOB NOT NULL, PRIMARY KEY(area, issue_time, consumer_type, model_id))""",
        "CREATE INDEX shadow_run_by_time ON shadow_run(issue_time)",
        """CREATE TABLE day_loss(
            champion TEXT NOT NULL, challenger TEXT NOT NULL, day INTEGER NOT NULL, pairs INTEGER NOT NULL,
            champion_wape REAL NOT NULL, challenger_wape REAL NOT NULL, champion_wql REAL NOT NULL, challenger_wql REAL NOT NULL,
            PRIMARY KEY(champion, challenger, day)) WITHOUT ROWID""",
    ):
        db.execute(statement)


def _version_4(db: sqlite3.Connection) -> None:
    db.execute(
        """CREATE TABLE score_day(
            area TEXT NOT NULL, consumer_type TEXT NOT NULL, truth TEXT NOT NULL, day INTEGER NOT NULL,
            sums BLOB NOT NULL, PRIMARY KEY(area, consumer_type, truth, day))"""
    )
    rows = db.execute("SELECT area, consumer_type, truth, valid_time, sums FROM score ORDER BY 1, 2, 3, 4").fetchall()
    for day, hours in itertools.groupby(rows, lambda row: (*row[:3], row[3] // DAY)):
        sums = {t % DAY // HOUR: codec.decode_scores_of_an_hour(blob) for *_, t, blob in hours}
        db.execute("INSERT INTO score_day VALUES(?,?,?,?,?)", (*day, codec.encode_scores(sums)))
    db.execute("DROP TABLE score")


def _version_5(db: sqlite3.Connection) -> None:
    db.execute(
        """CREATE TABLE adaptation(
            area TEXT NOT NULL, consumer_type TEXT NOT NULL, model_id TEXT NOT NULL, learned_to INTEGER NOT NULL, days INTEGER NOT NULL,
            numbers BLOB NOT NULL, PRIMARY KEY(area, consumer_type, model_id))"""
    )


def _version_6(db: sqlite3.Connection) -> None:
    for statement in (
        """CREATE TABLE adjustment(
            adjustment_id INTEGER PRIMARY KEY, area TEXT NOT NULL, consumer_type TEXT NOT NULL, act TEXT NOT NULL,
            amount REAL NOT NULL, valid_start INTEGER NOT NULL, valid_end INTEGER NOT NULL, made_at INTEGER NOT NULL,
            expires_at INTEGER NOT NULL, who TEXT NOT NULL, reason TEXT NOT NULL,
            withdrawn_at INTEGER, withdrawn_by TEXT NOT NULL DEFAULT '', withdrawn_for TEXT NOT NULL DEFAULT '')""",
        """CREATE TABLE adjustment_score(
            adjustment_id INTEGER NOT NULL, valid_time INTEGER NOT NULL, observed REAL NOT NULL, before REAL NOT NULL,
            adjusted REAL NOT NULL, PRIMARY KEY(adjustment_id, valid_time)) WITHOUT ROWID""",
        """CREATE TABLE reliability(
            area TEXT NOT NULL, consumer_type TEXT NOT NULL, day INTEGER NOT NULL, numbers BLOB NOT NULL,
            PRIMARY KEY(area, consumer_type, day)) WITHOUT ROWID""",
        "ALTER TABLE quarantine ADD COLUMN verdict TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE quarantine ADD COLUMN decided_at INTEGER",
        "ALTER TABLE quarantine ADD COLUMN who TEXT NOT NULL DEFAULT ''",
    ):
        db.execute(statement)


def _version_7(db: sqlite3.Connection) -> None:
    db.execute(
        """CREATE TABLE kit(
            kit_id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, since INTEGER NOT NULL, until INTEGER NOT NULL,
            imported_at INTEGER NOT NULL UNIQUE, signed_by TEXT NOT NULL, program TEXT NOT NULL, file TEXT NOT NULL,
            who TEXT NOT NULL, brought TEXT NOT NULL)"""
    )


def _version_8(db: sqlite3.Connection) -> None:
    db.execute("ALTER TABLE bundle ADD COLUMN signed_by TEXT NOT NULL DEFAULT ''")


def _version_9(db: sqlite3.Connection) -> None:
    db.execute(
        """CREATE TABLE observation_seal(
            series_id INTEGER NOT NULL, day INTEGER NOT NULL, seal INTEGER NOT NULL, PRIMARY KEY(series_id, day)) WITHOUT ROWID"""
    )
    seals.seal_all(db)


#: Migration i turns a database of version i into version i + 1.
MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (
    _version_1,
    _version_2,
    _version_3,
    _version_4,
    _version_5,
    _version_6,
    _version_7,
    _version_8,
    _version_9,
)


def check(db: sqlite3.Connection, path: Path) -> int:
    """Version of the database file; refuses a file that is not ours or is newer than this program."""
    application_id = db.execute("PRAGMA application_id").fetchone()[0]
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if application_id != APPLICATION_ID and tables:
        raise Expected(f"{path} is not a Lastvagt database.", "Choose another data folder; this file was left as it is.")
    if version > len(MIGRATIONS):
        raise Expected(
            f"{path} was written by a newer Lastvagt (schema {version}, this program knows {len(MIGRATIONS)}).",
            "Install that version or newer; this file was left as it is.",
        )
    return version


def suits(db: sqlite3.Connection, version: int) -> bool:
    """Whether a database has the tables of a version, which may be one that this program does not know."""
    if version > len(MIGRATIONS):
        return True
    listed = "SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as made:
        for step in MIGRATIONS[:version]:
            step(made)
        return set(made.execute(listed).fetchall()) <= set(db.execute(listed).fetchall())


def check_current(db: sqlite3.Connection, path: Path) -> None:
    """Refuse, like `check`, what is not ours, and what an engine has yet to bring up to date."""
    version = check(db, path)
    if 0 < version < len(MIGRATIONS):
        raise Expected(
            f"{path} was written by an earlier Lastvagt (schema {version}, this program reads {len(MIGRATIONS)}).",
            "Start the engine once; it keeps a copy and brings the file up to date: lastvagt-engine run.",
        )


def before(path: Path, version: int) -> Path:
    """Where the copy of a database lies that was made before it became one of a version."""
    return path.with_name(f"{path.name}.before-schema-{version}")


def version_of(path: Path) -> int:
    """Version of a file that a program of any version has written."""
    with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=10.0)) as db:
        return int(db.execute("PRAGMA user_version").fetchone()[0])


def _keep(db: sqlite3.Connection, path: Path, version: int) -> None:
    """Make a copy, and see that it is whole, before anything is changed; nobody but its owner deletes it."""
    copy = before(path, len(MIGRATIONS))
    if copy.exists() and version_of(copy) < version:
        return  # a migration was cut short after some of its steps: this is the file as it was before them
    remedy = "Free disk space and start again, or install the version before; the file was left as it is."
    disk.require_room(path.parent, 2 * path.stat().st_size, f"{path} must be brought up to date, which needs", remedy)
    log.info("%s is brought from schema %d to %d; a copy is kept in %s.", path, version, len(MIGRATIONS), copy)
    unfinished = copy.with_name(f"{copy.name}.part")
    unfinished.unlink(missing_ok=True)
    db.execute("VACUUM INTO ?", (str(unfinished),))
    with contextlib.closing(sqlite3.connect(unfinished)) as made:
        found = made.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok" or version_of(unfinished) != version:
        raise Expected(f"The copy of {path} is not whole: {found}.", "Check the disk; the file was left as it is.")
    disk.sync(unfinished)  # VACUUM INTO leaves that to others, see sqlite.org/lang_vacuum.html
    unfinished.replace(copy)
    disk.sync(copy.parent)


def migrate(db: sqlite3.Connection, path: Path) -> None:
    """Bring a database up to date, one transaction a step, after a copy of a file that already holds data."""
    version = check(db, path)
    if 0 < version < len(MIGRATIONS):
        _keep(db, path, version)
    for step in range(version, len(MIGRATIONS)):
        db.execute("BEGIN IMMEDIATE")
        try:
            MIGRATIONS[step](db)
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            db.execute(f"PRAGMA user_version = {step + 1}")
        except BaseException:
            db.execute("ROLLBACK")
            raise
        db.execute("COMMIT")
