"""Damage met at start or at work, and a backup put in place over HTTP: the engine goes on, loses little, and says what."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import issued_store
import pytest
import requests

from engine import access, backing, disk, recovery
from engine.clock import SimulatedClock
from engine.config import Config
from engine.domain import HOUR, Expected, QuantileForecast
from engine.service import Service
from engine.store import Reader, Writer, backups, examination, salvage
from engine.store.examination import Finding, State
from engine.store.reader import EngineState

NOW, MINUTE = issued_store.NOW, 60
PAGE = 16384
#: Rows that identify an issue and all that is in it.
_ISSUES = "SELECT area, consumer_type, issue_time, digest FROM forecast_run"
_SAVED_DATABASE = "saved.sqlite"


def issues_of(path: Path) -> set[tuple[object, ...]]:
    db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    try:
        return set(db.execute(_ISSUES).fetchall())
    finally:
        db.close()


def back_up(config: Config, now: int = NOW) -> None:
    writer = Writer(config.database)
    assert backing.run(writer, config, SimulatedClock(now)).status == "ok"
    writer.close()


# -- at start ---------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Made:
    """A data folder as a crash left it: a backup, and an issue since that stands in the write-ahead log alone."""

    folder: Path
    backed: set[tuple[object, ...]]
    since: set[tuple[object, ...]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    there, folder = (tmp_path_factory.mktemp(name) for name in ("lives", "crashed"))
    config = Config(data_dir=there, disk_low_mb=0)
    issued_store.fill(config.database, days=20).close()
    back_up(config)
    backed = issues_of(config.database)
    writer, reader = Writer(config.database), Reader(config.database)
    writer.put_forecasts([other_hour(reader)], NOW + HOUR)
    shutil.copytree(there, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*-shm"))
    every = issues_of(config.database)
    reader.close()
    writer.close()
    return Made(folder, backed, every - backed)


def other_hour(reader: Reader) -> QuantileForecast:
    newest = reader.forecast("DK1", NOW)
    assert newest is not None
    return dataclasses.replace(newest, issue_time=NOW + HOUR, valid_time=newest.valid_time + HOUR)


def log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def overwrite(path: Path, at: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(content)


def header(path: Path, chance: random.Random) -> None:
    overwrite(path, 0, chance.randbytes(100))


def one_page(path: Path, chance: random.Random) -> None:
    overwrite(path, PAGE * chance.randrange(path.stat().st_size // PAGE), chance.randbytes(PAGE))


def many_pages(path: Path, chance: random.Random) -> None:
    for _ in range(path.stat().st_size // PAGE // 4):
        one_page(path, chance)


def sector(path: Path, chance: random.Random) -> None:
    overwrite(path, 512 * chance.randrange(path.stat().st_size // 512), bytes(512))


def truncated(path: Path, chance: random.Random) -> None:
    with path.open("r+b") as file:
        file.truncate(chance.randrange(1, path.stat().st_size))


def emptied(path: Path, chance: random.Random) -> None:
    path.write_bytes(b"")


def wrong_id(path: Path, chance: random.Random) -> None:
    overwrite(path, 68, chance.randbytes(4))


def zeroed_log(path: Path, chance: random.Random) -> None:
    log_of(path).write_bytes(bytes(log_of(path).stat().st_size))


def garbage_log(path: Path, chance: random.Random) -> None:
    log_of(path).write_bytes(chance.randbytes(chance.randrange(1, 200_000)))


def short_log(path: Path, chance: random.Random) -> None:
    truncated(log_of(path), chance)


KINDS: list[Callable[[Path, random.Random], None]] = [
    *(header, one_page, many_pages, sector, truncated, emptied, wrong_id, zeroed_log, garbage_log, short_log),
]


@dataclasses.dataclass(frozen=True)
class After:
    """What came of a start: how long it took, whether all of the backup is there, what else was, whether the loss was told, and
    whether an issue could be made."""

    took_s: float
    backed: bool
    since: bool
    told: bool
    issued: bool


def start(made: Made, folder: Path, kind: Callable[[Path, random.Random], None], seed: int) -> After:
    """Damage a copy, and start an engine on it, kept off the network."""
    shutil.copytree(made.folder, folder)
    config = Config(data_dir=folder, disk_low_mb=0, network=False)
    kind(config.database, random.Random(seed))
    before = time.monotonic()
    with Service(config, SimulatedClock(NOW + 2 * HOUR + MINUTE)) as engine:
        took_s = time.monotonic() - before
        runs = engine.tick(NOW + 2 * HOUR + MINUTE, ("network", "work"))
        reader = Reader(config.database)
        told = any(event.code == recovery.EVENT for event in reader.events())
        reader.close()
    there = issues_of(config.database)
    shutil.rmtree(folder)
    issued = any(run.job == "forecast" and run.status == "ok" for run in runs)
    return After(took_s, there >= made.backed, there >= made.since, told, issued)


def all_starts(made: Made, tmp_path: Path, count: int) -> list[tuple[str, After]]:
    return [
        (f"{kind.__name__} {seed}", start(made, tmp_path / str(seed), kind, seed))
        for seed in range(count)
        for kind in (KINDS[seed % len(KINDS)],)
    ]


def bad(found: list[tuple[str, After]]) -> list[tuple[str, After]]:
    """Starts after which not all is well; what came since the backup may be lost where that is told.

    A log that is cut short looks like that of a crash in the midst of writing, so that nothing can be told of it.
    """
    return [
        (name, a)
        for name, a in found
        if not (a.took_s <= 60 and a.backed and a.issued and (a.since or a.told or name.startswith(short_log.__name__)))
    ]


def test_an_engine_starts_on_damage_and_issues(made: Made, tmp_path: Path) -> None:
    assert bad(all_starts(made, tmp_path, len(KINDS))) == []


@pytest.mark.long
@pytest.mark.gate(
    "B3", "Start on a damaged database", target="200 of 200 start within 60 s, lose nothing that a backup had, say so and issue"
)
def test_two_hundred_damaged_databases_start(made: Made, tmp_path: Path, gate: Callable[[str], None]) -> None:
    found = all_starts(made, tmp_path, 200)
    after = [each for _, each in found]
    gate(
        f"{len(found) - len(bad(found))} of {len(found)} start, the slowest in {max(each.took_s for each in after):.1f} s; "
        f"{sum(not each.backed for each in after)} lost what the backup had, {sum(not each.since for each in after)} what came since, "
        f"{sum(not each.since and not each.told for each in after)} of them untold (logs cut short, as by a crash); {sum(each.issued for each in after)} issue"
    )
    assert bad(found) == []


def test_what_is_newer_is_saved_from_a_damaged_database(made: Made, tmp_path: Path) -> None:
    shutil.copytree(made.folder, tmp_path / "data")
    config = Config(data_dir=tmp_path / "data")
    (backup,) = backups.found(config.backups, simulated=False)
    into = tmp_path / _SAVED_DATABASE
    shutil.copyfile(backup.path, into)
    saved = salvage.salvage(config.database, into)
    assert (saved.issues, saved.unread) == (len(made.since), 0)
    assert issues_of(into) == made.backed | made.since
    assert salvage.salvage(config.database, into).issues == 0, "nothing comes twice"


def test_an_issue_that_is_not_as_it_was_written_is_not_saved(made: Made, tmp_path: Path) -> None:
    shutil.copytree(made.folder, tmp_path / "data")
    config = Config(data_dir=tmp_path / "data")
    (backup,) = backups.found(config.backups, simulated=False)
    shutil.copyfile(backup.path, tmp_path / _SAVED_DATABASE)
    db = sqlite3.connect(config.database)
    db.execute("UPDATE forecast_run SET valid_start = valid_start + 3600 WHERE issue_time > ?", (NOW,))
    db.commit()
    db.close()
    assert salvage.salvage(config.database, tmp_path / _SAVED_DATABASE).issues == 0


def test_what_a_damaged_page_says_is_the_newest_is_not_looked_for_for_ever(made: Made, tmp_path: Path) -> None:
    shutil.copytree(made.folder, tmp_path / "data")
    config = Config(data_dir=tmp_path / "data")
    (backup,) = backups.found(config.backups, simulated=False)
    shutil.copyfile(backup.path, tmp_path / _SAVED_DATABASE)
    with contextlib.closing(sqlite3.connect(config.database)) as db:
        for change in ("observation SET valid_time = valid_time + (1 << 60)", "forecast_run SET run_id = run_id + (1 << 60)"):
            key = "valid_time" if "observation" in change else "run_id"
            db.execute(f"UPDATE {change} WHERE {key} = (SELECT max({key}) FROM {change.split()[0]})")
        db.commit()
    saved = salvage.salvage(config.database, tmp_path / _SAVED_DATABASE)
    assert saved.issues == len(made.since) - 1


def test_a_file_that_is_open_elsewhere_is_waited_for_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "_ATTEMPT_S", 0.01)
    (tmp_path / "a").write_text("a")
    replace, held = Path.replace, 3

    def open_elsewhere(path: Path, to: Path) -> Path:
        nonlocal held
        held -= 1
        if held >= 0:
            raise PermissionError(13, "Access is denied")
        return replace(path, to)

    monkeypatch.setattr(Path, "replace", open_elsewhere)
    disk.move(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_text() == "a"
    held = 1_000_000
    monkeypatch.setattr(disk, "_HELD_S", 0.05)
    with pytest.raises(Expected, match="Access is denied"):
        disk.move(tmp_path / "b", tmp_path / "a")


# -- at work ------------------------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Serving:
    """An engine in a process of its own, attached to this one."""

    config: Config
    process: subprocess.Popen[bytes]

    def state(self, after: int = 0) -> EngineState:
        """What it says of itself, once it was started later than that."""
        end = time.monotonic() + 120
        while time.monotonic() < end and self.process.poll() is None:
            with contextlib.suppress(Expected):  # the database is being replaced
                reader = Reader(self.config.database)
                with contextlib.closing(reader):
                    state = reader.engine()
                if state is not None and state.pid == self.process.pid and state.started_at > after:
                    return state
            time.sleep(0.05)
        raise AssertionError("no engine answers")

    def ask(self, path: str) -> requests.Response:
        return requests.get(self.state().url + path, headers=self._bearer(), timeout=30)

    def _bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {access.read(self.config.data_dir)}"}

    def order(self, path: str, words: dict[str, object]) -> requests.Response:
        return requests.post(self.state().url + path, json={"who": "kmj", **words}, headers=self._bearer(), timeout=30)

    def events(self) -> list[str]:
        with contextlib.closing(Reader(self.config.database)) as reader:
            return [event.code for event in reader.events()]


@pytest.fixture
def serving(made: Made, tmp_path: Path) -> Iterator[Serving]:
    shutil.copytree(made.folder, tmp_path / "data")
    config = Config(data_dir=tmp_path / "data")
    process = subprocess.Popen(
        [sys.executable, "-m", "engine", "run", "--attached", "--data-dir", str(config.data_dir)],
        env=os.environ | {"LASTVAGT_PORT": "0", "LASTVAGT_NETWORK": "false", "LASTVAGT_KEEP_BACKUPS": "0"},
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield Serving(config, process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()


def test_a_backup_is_put_in_place_over_http_and_the_engine_goes_on(serving: Serving, made: Made) -> None:
    config, first = serving.config, serving.state()
    time.sleep(1)  # so that it starts again in another second
    (backup,) = serving.ask("/v1/backups").json()["backups"]
    assert serving.order("/v1/backups/restore", {"name": "lastvagt-20200101T000000Z.sqlite"}).status_code == 404
    lost = serving.order("/v1/backups/restore", {"name": backup["name"]})
    assert lost.status_code == 200, lost.text
    assert lost.json()["issues"] >= len(made.since)
    serving.state(after=first.started_at)
    assert serving.ask("/v1/backups").status_code == 200
    assert issues_of(config.database) >= made.backed
    assert issues_of(config.data_dir / recovery.REPLACED / config.database.name) >= made.backed | made.since
    with contextlib.closing(Reader(config.database)) as reader:
        (run,) = reader.job_runs("restore", limit=1)
    assert (run.status, run.detail["who"]) == ("ok", "kmj")


def test_damage_that_is_met_at_work_is_mended_by_a_start_in_the_same_process(serving: Serving, made: Made) -> None:
    config, first = serving.config, serving.state()
    time.sleep(1)  # so that it starts again in another second
    with contextlib.closing(sqlite3.connect(config.database)) as db:
        root = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'adjustment'").fetchone()[0]
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    overwrite(config.database, (root - 1) * PAGE, b"\xff" * PAGE)
    assert serving.ask("/v1/adjustments").status_code == 503
    serving.state(after=first.started_at)
    assert recovery.EVENT in serving.events()
    assert issues_of(config.database) >= made.backed | made.since
    assert list((config.data_dir / recovery.DAMAGED).iterdir())
    assert serving.order("/v1/backups/noted", {}).json() == {"noted": 1}
    assert recovery.EVENT not in serving.events()


def test_a_look_that_found_nothing_is_not_made_again_soon(made: Made, tmp_path: Path) -> None:
    shutil.copytree(made.folder, tmp_path / "data")
    config = Config(data_dir=tmp_path / "data")
    assert recovery.suspect(config, NOW)
    recovery.make_ready(config, NOW)
    assert not recovery.suspect(config, NOW + HOUR - 1)
    assert recovery.suspect(config, NOW + HOUR)


def test_a_new_database_that_was_cut_off_before_its_log_was_taken_over_is_sound(tmp_path: Path, writer: Writer) -> None:
    writer.open_event("job", "forecast", "It fails.", "Wait.", 1)
    for path in writer.path.parent.glob(f"{writer.path.name}*"):  # as kill -9 leaves them
        shutil.copy(path, tmp_path / f"cut-{path.name}")
    cut = tmp_path / f"cut-{writer.path.name}"
    assert examination.log_of(cut).stat().st_size > 0
    assert examination.examine(cut, thorough=True) == Finding(State.SOUND)
