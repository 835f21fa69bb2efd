from __future__ import annotations

import random
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import issued_store
import pytest

from engine import backing, recovery
from engine.clock import SimulatedClock
from engine.config import Config
from engine.domain import DAY, HOUR, Expected
from engine.store import Reader, Writer, backups
from engine.store.backups import Backup

NOW = issued_store.NOW


@pytest.fixture
def config(tmp_path: Path) -> Config:
    made = Config(data_dir=tmp_path / "data", disk_low_mb=0)
    issued_store.fill(made.database).close()
    return made


def back_up(config: Config, now: int = NOW) -> None:
    writer = Writer(config.database)
    assert backing.run(writer, config, SimulatedClock(now)).status == "ok"
    writer.close()


def ready(config: Config, now: int = NOW + HOUR) -> list[tuple[str, str]]:
    """Open events after a start."""
    recovery.make_ready(config, now)
    writer, reader = Writer(config.database), Reader(config.database)
    events = [(event.code, event.problem) for event in reader.events()]
    reader.close()
    writer.close()
    return events


def test_a_backup_is_a_whole_database_and_is_known(config: Config) -> None:
    back_up(config)
    (backup,) = backups.found(config.backups, simulated=False)
    backups.verify(backup.path)
    assert backups.held(backup.path) == backups.held(config.database)
    assert not list(config.backups.glob("*.part*"))
    reader = Reader(config.database)
    known = reader.backups()
    reader.close()
    assert known is not None
    assert (known.count, known.made_at) == (1, NOW)


def test_a_copy_with_one_changed_issue_does_not_count(config: Config) -> None:
    back_up(config)
    (backup,) = backups.found(config.backups, simulated=False)
    db = sqlite3.connect(backup.path)
    db.execute("UPDATE forecast_run SET valid_start = valid_start + 3600 WHERE run_id = 1")
    db.commit()
    db.close()
    with pytest.raises(Expected, match=r"1 issues .* not as they were written"):
        backups.verify(backup.path)


def test_where_a_named_folder_is_not_there_an_event_says_so(config: Config, tmp_path: Path) -> None:
    away = Config(data_dir=config.data_dir, backup_dir=str(tmp_path / "unmounted"), disk_low_mb=0)
    writer, reader = Writer(config.database), Reader(config.database)
    assert backing.run(writer, away, SimulatedClock(NOW)).status == "expected"
    assert [event.code for event in reader.events()] == ["backup"]
    assert not (tmp_path / "unmounted").exists()
    reader.close()
    writer.close()


def test_a_week_of_days_and_four_weeks_are_kept(tmp_path: Path) -> None:
    made = [Backup(tmp_path / str(day), NOW - day * DAY, 1) for day in range(60)]
    days = [(NOW - backup.made_at) // DAY for backup in backups.kept(made, 7)]
    assert days[:7] == list(range(7))
    assert len(days) <= 7 + backups.WEEKS
    assert days[-1] > 14


def test_a_restore_brings_back_what_was_and_keeps_what_is(config: Config) -> None:
    back_up(config)
    before = backups.held(config.database)
    issued_store.fill(config.database, [NOW + HOUR]).close()
    (backup,) = backups.found(config.backups, simulated=False)
    lost = recovery.want(config, backup.name, "kmj")
    assert lost["issues"] == 3
    assert ready(config) == []
    assert backups.held(config.database) == before
    assert backups.held(config.data_dir / "replaced" / config.database.name).issues == before.issues + 3


def header(path: Path, chance: random.Random) -> None:
    with path.open("r+b") as file:
        file.seek(0)
        file.write(chance.randbytes(100))


def pages(path: Path, chance: random.Random) -> None:
    with path.open("r+b") as file:
        count = path.stat().st_size // 16384
        for page in chance.sample(range(1, count), max(1, count // 4)):
            file.seek(page * 16384)
            file.write(chance.randbytes(16384))


def truncated(path: Path, chance: random.Random) -> None:
    with path.open("r+b") as file:
        file.truncate(chance.randrange(1, path.stat().st_size - 16384))


def emptied(path: Path, chance: random.Random) -> None:
    path.write_bytes(b"")


def wrong_id(path: Path, chance: random.Random) -> None:
    with path.open("r+b") as file:
        file.seek(68)
        file.write(chance.randbytes(4))


def garbage_log(path: Path, chance: random.Random) -> None:
    path.with_name(f"{path.name}-wal").write_bytes(chance.randbytes(100_000))


@pytest.mark.parametrize("damage", [header, pages, truncated, emptied, wrong_id, garbage_log])
def test_a_damaged_database_gives_way_to_the_newest_backup(config: Config, damage: Callable[..., None]) -> None:
    back_up(config)
    before = backups.held(config.database)
    damage(config.database, random.Random(7))
    told = ready(config)
    assert [code for code, _ in told] == ["restored"]
    assert backups.held(config.database).issues >= before.issues
    assert list((config.data_dir / "damaged").iterdir())
    assert ready(config) == told, "once is enough"


def test_a_database_of_another_program_is_kept(config: Config) -> None:
    back_up(config)
    config.database.unlink()
    db = sqlite3.connect(config.database)
    db.execute("CREATE TABLE mine(x)")
    db.close()
    assert [code for code, _ in ready(config)] == ["restored"]
    (aside,) = (config.data_dir / "foreign").iterdir()
    assert sqlite3.connect(aside / config.database.name).execute("SELECT name FROM sqlite_master").fetchall() == [("mine",)]


def test_a_sound_database_stays_as_it_is(config: Config) -> None:
    back_up(config)
    before = config.database.read_bytes()
    recovery.make_ready(config, NOW)
    assert config.database.read_bytes() == before


def _while_written(config: Config, count: int) -> tuple[int, int, int]:
    """Backups made while issues are written: how many, those that are whole, and those with fewer values than one before."""
    done, wrote, writing = threading.Event(), threading.Event(), Writer(config.database)

    def write() -> None:
        moment = NOW
        while not done.wait(0.005):
            moment += 1
            writing.heartbeat(moment)
            writing.open_event("test", str(moment), "written", "none", moment)
            wrote.set()

    thread = threading.Thread(target=write)
    thread.start()
    whole, fewer, most = 0, 0, 0
    try:
        for number in range(count):
            backup = backups.make(config.database, config.backups, simulated=False, now=NOW + number, keep_free=0)
            backups.verify(backup.path)
            db = sqlite3.connect(backup.path)
            rows = db.execute("SELECT count(*) FROM event").fetchone()[0]
            db.close()
            whole, fewer, most = whole + 1, fewer + (rows < most), max(rows, most)
            backup.path.unlink()
            wrote.clear()
            done.wait(0.05)
            assert wrote.wait(30), "nothing is written meanwhile"
    finally:
        done.set()
        thread.join()
        writing.close()
    assert most >= count - 1
    return count, whole, fewer


def test_backups_are_whole_while_the_database_is_written(config: Config) -> None:
    config.backups.mkdir()
    assert _while_written(config, 8) == (8, 8, 0)


@pytest.mark.long
@pytest.mark.gate("B5", "Backups while the database is written", target="500 backups, one every 50 ms: all whole, no row fewer")
def test_five_hundred_backups_are_whole(config: Config, gate: Callable[[str], None]) -> None:
    config.backups.mkdir()
    count, whole, fewer = _while_written(config, 500)
    gate(f"{whole} of {count} whole, {fewer} with fewer rows than one before")
    assert (whole, fewer) == (count, 0)
