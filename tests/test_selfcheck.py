"""The program tries itself out: what it tells, and that whatever is wrong ends it."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
from pathlib import Path
from typing import NamedTuple

import bundles
import histories
import pytest

from engine import selfcheck
from engine.__main__ import main
from engine.clock import parse_utc
from engine.config import Config
from engine.domain import Expected, Tier
from engine.store import Writer, schema
from engine.store.duplicate import duplicate


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for what is temporary."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_everything_is_tried_and_nothing_is_left_behind(
    tmp_path: Path, temporary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    histories.fill(tmp_path / "lastvagt.sqlite", parse_utc("2026-06-10T08:00Z"), days=3).close()
    before = (tmp_path / "lastvagt.sqlite").read_bytes()
    assert main(["selfcheck", "--database", str(tmp_path / "lastvagt.sqlite")]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    subjects = [line.split()[1] for line in out.splitlines()[:-1]]
    assert subjects == ["program:", *["models:"] * 4, "issue:", "endpoint:", "database:", "database:"]
    assert "the best model forecasts DK, DK1, DK2" in out
    assert (tmp_path / "lastvagt.sqlite").read_bytes() == before
    assert list(temporary.iterdir()) == []


def test_a_model_that_was_changed_ends_it(tmp_path: Path) -> None:
    bundles.copy(tmp_path / "models", "full")
    config = Config(data_dir=tmp_path, model_dir=tmp_path / "models")
    assert len(list(selfcheck.models(config))) == 1
    bundles.damage(tmp_path / "models" / "full")
    with pytest.raises(Expected, match="was changed"):
        list(selfcheck.models(config))


def test_without_the_best_model_it_fails(tmp_path: Path) -> None:
    bundles.copy(tmp_path / "models", "no-weather", tier=Tier.NO_WEATHER)
    config = Config(data_dir=tmp_path / "data", model_dir=tmp_path / "models", simulated=True, port=0, backfill_days=30)
    with pytest.raises(Expected, match="no issue of the best model"):
        list(selfcheck.issue(config))
    with pytest.raises(Expected, match="no models"):
        list(selfcheck.models(Config(data_dir=tmp_path, model_dir=tmp_path / "nowhere")))


def test_a_copy_of_an_older_database_is_brought_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lastvagt.sqlite"
    with monkeypatch.context() as older:
        older.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:2])
        Writer(path, simulated=True).close()
    told = list(selfcheck.database(path, tmp_path))
    assert "0 series" in told[0]
    assert "DK climatology" in told[1]
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (2,)


def test_a_database_that_cannot_be_used_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lastvagt.sqlite"
    Writer(path).close()
    with monkeypatch.context() as older:
        older.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:-1])
        with pytest.raises(Expected, match="newer Lastvagt"):
            list(selfcheck.database(path, tmp_path))
    path.write_bytes(path.read_bytes()[:40_000])
    (tmp_path / "other").mkdir()
    with pytest.raises(Expected, match="malformed"):
        list(selfcheck.database(path, tmp_path / "other"))


def test_a_full_disk_is_told_before_a_copy_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage(NamedTuple):
        free: int

    Writer(tmp_path / "lastvagt.sqlite").close()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1000))
    with pytest.raises(Expected, match="0 MB are free"):
        list(selfcheck.database(tmp_path / "lastvagt.sqlite", tmp_path))


def test_a_duplicate_holds_what_a_writer_has_committed(tmp_path: Path) -> None:
    path, copy = tmp_path / "lastvagt.sqlite", tmp_path / "copy.sqlite"
    writer = Writer(path, simulated=True)
    writer.open_event("source", "x", "It is down.", "Wait.", 5)
    assert duplicate(path, copy) is True
    writer.close()
    with contextlib.closing(sqlite3.connect(copy)) as db:
        assert db.execute("SELECT problem FROM event").fetchall() == [("It is down.",)]
    with pytest.raises(Expected, match="There is no database"):
        duplicate(tmp_path / "none.sqlite", tmp_path / "other.sqlite")
    assert not (tmp_path / "none.sqlite").exists()
