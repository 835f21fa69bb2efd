"""The small copy of the database: what is in it, and that it replaces another whole or not at all."""

from __future__ import annotations

import gzip
from pathlib import Path

import filled_store
import numpy as np
import pytest
from filled_store import NOW
from test_adjusting import made

from app import snapshot
from engine.domain import DAY, HOUR, Consumer, Expected, Flag, JobRun, Observations, Series, Tier
from engine.limits import Limits
from engine.store import Reader, Writer, replica
from engine.store.decisions import ACCEPT, REJECT
from engine.store.replica import Copies
from engine.store.roster import RoleChange

MIDT = Consumer("1082", "household")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filled_store.fill(tmp_path_factory.mktemp("original"), days=20, late=True, stalled_d=21) / "lastvagt.sqlite"


def _read(path: Path) -> snapshot.Snapshot:
    reader = Reader(path)
    try:
        return snapshot.read(reader, NOW, MIDT)
    finally:
        reader.close()


def test_a_screen_sees_in_the_copy_what_it_sees_in_the_original(original: Path, tmp_path: Path) -> None:
    replica.install(replica.copy(original, NOW), tmp_path / "copy.sqlite")
    here, there = _read(original), _read(tmp_path / "copy.sqlite")
    assert set(here.consumers) == set(there.consumers)
    for of, seen in here.consumers.items():
        other = there.consumers[of]
        np.testing.assert_array_equal(seen.observed, other.observed)
        np.testing.assert_array_equal(seen.observed_time, other.observed_time)
        assert seen.forecast is not None
        assert other.forecast is not None
        np.testing.assert_array_equal(seen.forecast.quantiles, other.forecast.quantiles)
        assert seen.scores == other.scores
        assert repr(seen.board) == repr(other.board)
        assert seen.learned_at == other.learned_at
    for name in ("known", "lags", "events", "job_runs", "simulated"):
        assert getattr(here, name) == getattr(there, name), name
    assert repr(here.models) == repr(there.models)


def test_the_copy_keeps_its_days_and_leaves_the_rest(tmp_path: Path) -> None:
    original = filled_store.fill(tmp_path, days=replica.DAYS + 30) / "lastvagt.sqlite"
    writer = Writer(original)
    for issue_time in range(NOW - 30 * DAY, NOW - 20 * DAY, 4 * HOUR):
        writer.put_forecasts([filled_store.forecast("DK1", issue_time)], issue_time)
    writer.close()
    replica.install(replica.copy(original, NOW), tmp_path / "copy.sqlite")
    reader = Reader(tmp_path / "copy.sqlite")
    try:
        loads = [state for state in reader.series() if state.quantity == "load"]
        for state in loads:
            assert replica.DAYS * DAY - HOUR <= state.newest_valid + HOUR - state.first_valid <= replica.DAYS * DAY
        old = [issue.issue_time // DAY for issue in reader.issues("DK1", end=NOW - replica.WHOLE_DAYS * DAY, limit=10_000)]
        assert len(old) == len(set(old)) >= 10, "one issue a day"
    finally:
        reader.close()


def test_an_empty_database_is_copied_too(tmp_path: Path) -> None:
    Writer(tmp_path / "a.sqlite", simulated=True).close()
    replica.install(replica.copy(tmp_path / "a.sqlite", NOW), tmp_path / "b.sqlite")
    assert _read(tmp_path / "b.sqlite").simulated


def test_who_reads_meanwhile_sees_the_change(original: Path, tmp_path: Path) -> None:
    Writer(tmp_path / "a.sqlite").close()
    target = tmp_path / "b.sqlite"
    replica.install(replica.copy(tmp_path / "a.sqlite", NOW), target)
    reader = Reader(target)
    try:
        before = reader.data_version()
        assert reader.series() == []
        replica.install(replica.copy(original, NOW), target)
        assert reader.data_version() != before
        assert reader.series() != []
    finally:
        reader.close()


def test_damage_leaves_what_was_there(original: Path, tmp_path: Path) -> None:
    target, packed = tmp_path / "b.sqlite", replica.copy(original, NOW)
    replica.install(packed, target)
    torn = bytearray(packed)
    torn[len(torn) // 2] ^= 0xFF
    for wrong in (b"", packed[:-9], bytes(torn), gzip.compress(b"no database"), gzip.compress(b"SQLite format 3\0" + bytes(99))):
        with pytest.raises(Expected):
            replica.install(wrong, target)
    assert _read(target).consumers[Consumer("DK1")].forecast is not None


def _odd() -> Observations:
    """Two values that are set aside."""
    at, flags = np.array([NOW - 2 * HOUR, NOW - HOUR], np.int64), np.full(2, Flag.PLAIN, np.uint8)
    return Observations(Series("load", "DK1", "test"), at, at, np.array([9e5, 8e5]), flags)


def test_a_copy_is_made_anew_for_news_and_not_for_a_heartbeat(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "a.sqlite")
    try:
        copies = Copies(tmp_path / "a.sqlite")
        engine = {"pid": 1, "host": "127.0.0.1", "port": 1, "version": "1", "started_at": NOW, "heartbeat": NOW}
        writer.set_engine(engine)
        first = copies.newest(NOW)
        assert first[0] == copies.etag()
        writer.heartbeat(NOW + 30)
        assert copies.newest(NOW)[1] is first[1]
        changes = [
            lambda: writer.put_job_run(JobRun("score", NOW, NOW, "ok", "", "", {})),
            lambda: writer.open_event("source", "x", "It fails.", "Wait.", NOW),
            lambda: writer.open_event("source", "y", "It fails.", "Wait.", NOW),
            lambda: writer.close_event("source", "x", NOW),
            lambda: writer.close_event("source", "y", NOW),
            lambda: writer.set_limits(Limits({Consumer("DK1"): 3400.0})),
            lambda: writer.decisions.put_adjustment(made("DK1", made_at=NOW)),
            lambda: writer.decisions.put_adjustment(made("DK2", made_at=NOW)),
            lambda: writer.decisions.withdraw(1, NOW, "kmj", ""),
            lambda: writer.decisions.withdraw(2, NOW, "kmj", ""),
            lambda: writer.put([], [(_odd(), ["odd", "odd"])]),
            lambda: writer.decisions.judge(1, ACCEPT, "kmj", NOW),
            lambda: writer.decisions.judge(2, REJECT, "kmj", NOW),
            lambda: writer.roster.put_change(RoleChange(NOW, Tier.FULL, "challenge", "", "new", "kmj", ""), 0),
        ]
        seen = [first[0]]
        for change in changes:
            change()
            seen.append(copies.newest(NOW)[0])
        assert len(set(seen)) == len(changes) + 1
    finally:
        writer.close()
