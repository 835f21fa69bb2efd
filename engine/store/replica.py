"""A small copy of the database that a screen on another machine reads like the original: what is in it, and how it is taken over."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import sqlite3
import tempfile
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

from engine.domain import DAY, Expected
from engine.store import codec, schema

#: Days of each series before its own newest hour, so that one that stands still is not lost.
DAYS = 70
#: Days in which every issue, and every version of a weather forecast, is kept; before, one issue a day and the newest version.
WHOLE_DAYS = 7
#: Days of the drafts that issues were made of, which are large.
DRAFT_DAYS = 2

_OLD = f":now - {DAYS * DAY}"
_WHOLE = f":now - {WHOLE_DAYS * DAY}"
_GROSS = "area IN ('DK', 'DK1', 'DK2')"
#: Which rows of a table are copied; of a table that is not named all of them.
_WANTED = {
    "observation": f"""valid_time > (SELECT max(valid_time) FROM source.observation o WHERE o.series_id = t.series_id) - {DAYS * DAY}
        AND (available_at > {_WHOLE} OR series_id IN (SELECT series_id FROM source.series WHERE quantity = 'load')
             OR NOT EXISTS (SELECT 1 FROM source.observation o WHERE o.series_id = t.series_id AND o.valid_time = t.valid_time
                            AND o.available_at > t.available_at))""",
    "forecast_run": f"""issue_time > {_OLD} AND (issue_time > {_WHOLE} OR run_id IN (
        SELECT max(run_id) FROM source.forecast_run WHERE issue_time > {_OLD} GROUP BY area, consumer_type, issue_time / {DAY}))""",
    "observation_seal": "0",
    "forecast_latest": "0",
    "draft": f"issue_time > :now - {DRAFT_DAYS * DAY}",
    "shadow_run": "0",
    "score_day": f"{_GROSS} OR day > (:now / {DAY}) - {DAYS}",
    "reliability": f"{_GROSS} OR day > (:now / {DAY}) - {DAYS}",
    "job_run": f"started_at > {_OLD}",
    "event": f"until IS NULL OR until > {_OLD}",
    "fetch_limit": "0",
}
_TABLES = "SELECT name FROM source.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
#: What changes with every job's end, every decision and every limit, and with nothing else. What jobs keep comes before their end.
_STATE = """
    SELECT (SELECT max(job_run_id) FROM job_run), (SELECT max(run_id) FROM forecast_run), (SELECT max(role_change_id) FROM role_change),
           (SELECT max(event_id) FROM event), (SELECT max(until) FROM event), (SELECT count(*) FROM event WHERE until IS NULL),
           (SELECT max(quarantine_id) FROM quarantine), (SELECT count(decided_at) FROM quarantine),
           (SELECT max(adjustment_id) FROM adjustment), (SELECT count(withdrawn_at) FROM adjustment), (SELECT started_at FROM engine),
           (SELECT group_concat(name || '=' || value) FROM property)"""


def state(path: Path) -> str:
    """A word that is another one whenever a new copy would tell a screen something new; heartbeats alone change nothing."""
    with _opened(path) as db:
        return hashlib.sha256(repr((db.execute(_STATE).fetchall(), len(schema.MIGRATIONS))).encode()).hexdigest()[:32]


def copy(path: Path, now: int) -> bytes:
    """The copy of one consistent moment of a database, gzip-compressed; raises Expected where it cannot be read."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "replica.sqlite"
        with _opened(target, "rwc") as db:
            db.execute("PRAGMA journal_mode=OFF")
            schema.migrate(db, target)
            db.create_function("without_moments", 1, codec.without_moments)
            db.execute("ATTACH ? AS source", (f"{path.resolve().as_uri()}?mode=ro",))
            db.execute("BEGIN")
            for (table,) in db.execute(_TABLES).fetchall():
                wanted = _WANTED.get(table, "1")
                db.execute(f"INSERT INTO main.{table} SELECT * FROM source.{table} t WHERE {wanted}", {"now": now})
            db.execute("UPDATE main.adaptation SET numbers = without_moments(numbers)")
            db.execute("COMMIT")
            db.execute("DETACH source")
        return gzip.compress(target.read_bytes(), 6, mtime=0)


class Copies:
    """The newest copy of a database, made when it is asked for and kept for whoever asks next. Safe to use from any thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._kept: tuple[str, bytes] = ("", b"")

    def etag(self) -> str:
        """Of the copy that would be made now."""
        return f'W/"{state(self._path)}"'

    def newest(self, now: int) -> tuple[str, bytes]:
        """ETag and bytes of a copy that is no older than this question."""
        with self._lock:
            etag = self.etag()  # before the copy: what is written meanwhile is in it, and is fetched once more
            if etag != self._kept[0]:
                self._kept = etag, copy(self._path, now)
            return self._kept


def install(packed: bytes, path: Path) -> None:
    """Make the database at `path` equal to a copy, in one transaction: whoever reads it meanwhile sees the old or the new one.

    A copy by an older engine is brought up to date; raises Expected where it is damaged, no database of ours, or of a newer program.
    """
    damaged = Expected("The copy of the database arrived damaged.", "It is fetched again by itself.")
    try:
        whole = gzip.decompress(packed)
    except (OSError, EOFError, zlib.error) as error:
        raise damaged from error
    if not whole.startswith(b"SQLite format 3\0"):  # nothing at all would pass for a database that is new
        raise damaged
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as source:
            source.deserialize(whole)
            schema.migrate(source, path)
            with contextlib.closing(sqlite3.connect(path, timeout=10.0, isolation_level=None)) as target:
                source.backup(target)
    except sqlite3.DatabaseError as error:
        raise Expected(f"The copy of the database cannot be kept at {path}: {error}.", "Check the disk; is it full?") from error


@contextlib.contextmanager
def _opened(path: Path, mode: str = "ro") -> Iterator[sqlite3.Connection]:
    try:
        with contextlib.closing(
            sqlite3.connect(f"{path.resolve().as_uri()}?mode={mode}", uri=True, timeout=10.0, isolation_level=None)
        ) as db:
            yield db
    except sqlite3.DatabaseError as error:
        raise Expected(
            f"The database {path} cannot be copied: {error}.", "Check the disk; `lastvagt-engine doctor` tells more."
        ) from error
