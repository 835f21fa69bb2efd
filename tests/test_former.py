"""Back from a newer schema: the copy takes the file's place, the newer file is kept, and a kill between two steps loses neither."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.domain import Expected, JobRun
from engine.store import Reader, Writer, former, schema

_CURRENT = schema.MIGRATIONS


class Killed(BaseException):
    """The process ends here."""


@contextlib.contextmanager
def newer_program(monkeypatch: pytest.MonkeyPatch, *more: str) -> Iterator[None]:
    """A program whose schema has more steps."""
    steps = tuple(lambda db, each=each: db.execute(each) for each in more or ("CREATE TABLE later(x)",))
    with monkeypatch.context() as patched:
        patched.setattr(schema, "MIGRATIONS", (*_CURRENT, *steps))
        yield


def write(path: Path, word: str) -> None:
    writer = Writer(path)
    writer.put_job_run(JobRun("score", 1, 2, "ok", word))
    writer.close()


def words(path: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(path)) as db:
        return [row[0] for row in db.execute("SELECT problem FROM job_run ORDER BY job_run_id")]


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database that a newer program has brought up to date and written to."""
    path = tmp_path / "lastvagt.sqlite"
    write(path, "before")
    with newer_program(monkeypatch):
        write(path, "after")
        with contextlib.closing(sqlite3.connect(path)) as db:
            db.executemany(
                "INSERT INTO forecast_run(area, consumer_type, issue_time, run_id, model_id, tier, reason, valid_start, step_s, hours,"
                " levels, quantiles, digest, inputs, ex_post, created_at)"
                " VALUES('DK1', 'total', ?, ?, '', 'full', '', 0, 3600, 1, '', x'', x'', '', 0, 0)",
                [(3600, 1), (7200, 2)],
            )
            db.commit()
    return path


def test_the_copy_takes_the_place_and_the_newer_file_is_kept_with_what_it_held(path: Path) -> None:
    assert former.is_newer(path)
    with pytest.raises(Expected, match="written by a newer Lastvagt"):
        Reader(path)
    came = former.put_back(path)
    assert came is not None
    assert (came.issues, came.first, came.last) == (2, 3600, 7200)
    assert words(path) == ["before"]
    assert words(came.aside) == ["before", "after"]
    write(path, "again")
    assert words(path) == ["before", "again"]
    assert former.put_back(path) is None, "nothing is left to do"


def test_who_goes_forth_and_back_again_loses_no_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = former.put_back(path)
    with newer_program(monkeypatch):
        write(path, "later")
    second = former.put_back(path)
    assert first is not None
    assert second is not None
    assert words(first.aside) == ["before", "after"]
    assert words(second.aside) == ["before", "later"]
    assert words(path) == ["before"]


@pytest.mark.parametrize("step", range(5))
def test_a_kill_between_two_steps_loses_nothing(path: Path, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    left = [step]

    def count(act: object) -> object:
        def acted(*args: object, **words: object) -> object:
            if not left[0]:
                raise Killed
            left[0] -= 1
            return act(*args, **words)  # type: ignore[operator]

        return acted

    with monkeypatch.context() as patched:
        for owner, name in ((os, "link"), (Path, "unlink"), (Path, "replace")):
            patched.setattr(owner, name, count(getattr(owner, name)))
        with contextlib.suppress(Killed):
            former.put_back(path)
    former.put_back(path)
    assert words(path) == ["before"]
    kept = [each for each in path.parent.glob("*.of-schema-*") if words(each) == ["before", "after"]]
    assert len(kept) == 1


def test_without_a_whole_copy_nothing_is_changed(path: Path) -> None:
    copy = schema.before(path, len(_CURRENT) + 1)
    whole = copy.read_bytes()
    copy.write_bytes(b"SQLite format 3\0" + bytes(5000))
    with pytest.raises(Expected, match="is damaged"):
        former.put_back(path)
    copy.unlink()
    with pytest.raises(Expected, match="there is no copy from before it"):
        former.put_back(path)
    assert words(path) == ["before", "after"]
    copy.write_bytes(whole)
    assert former.put_back(path) is not None


def test_the_copy_of_a_migration_that_was_cut_short_is_that_from_before_its_first_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lastvagt.sqlite"
    write(path, "before")
    with newer_program(monkeypatch, "CREATE TABLE one(x)", "CREATE nonsense"), pytest.raises(Expected, match="cannot be opened"):
        Writer(path)
    assert schema.version_of(path) == len(_CURRENT) + 1
    with newer_program(monkeypatch, "CREATE TABLE one(x)", "CREATE TABLE two(x)"):
        write(path, "after")
    assert former.put_back(path) is not None
    assert words(path) == ["before"]


def test_a_migration_needs_room_for_its_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lastvagt.sqlite"
    write(path, "before")
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with newer_program(monkeypatch), pytest.raises(Expected, match="must be brought up to date, which needs"):
        Writer(path)
    assert schema.version_of(path) == len(_CURRENT)
    assert words(path) == ["before"]


def test_the_copy_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lastvagt.sqlite"
    write(path, "before")
    copy, synced = schema.before(path, len(_CURRENT) + 1), list[tuple[str, bool]]()
    monkeypatch.setattr(schema.disk, "sync", lambda of: synced.append((of.name, copy.exists())))
    with newer_program(monkeypatch):
        write(path, "after")
    assert synced == [(f"{copy.name}.part", False), (tmp_path.name, True)]
