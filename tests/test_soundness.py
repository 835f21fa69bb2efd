"""A bit that flips on disk: no issue with another value is served, and what changed an issue is told."""

from __future__ import annotations

import contextlib
import hashlib
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import filled_store
import numpy as np
import pytest

from engine import geography, mending, pipeline, recovery
from engine.config import Config
from engine.domain import DAY, HOUR, Draft, Expected, Observations, QuantileForecast, Series
from engine.store import Reader, Writer, backups, codec

NOW = filled_store.NOW
#: Everything of an issue but when it was stored, everybody's table, and observations.
_TABLES = {
    "issues": """SELECT area, consumer_type, issue_time, model_id, tier, reason, valid_start, step_s, hours, levels, quantiles, digest,
        inputs, ex_post FROM forecast_run NOT INDEXED ORDER BY 1, 2, 3""",
    "everybody's table": "SELECT * FROM forecast_latest ORDER BY 1, 2, 3",
    "observations": "SELECT * FROM observation ORDER BY 1, 2, 3",
}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("filled")
    filled_store.fill(folder, days=20, learned=False)
    return folder / "lastvagt.sqlite"


@pytest.fixture
def store(filled: Path, tmp_path: Path) -> Path:
    path = tmp_path / "lastvagt.sqlite"
    path.write_bytes(filled.read_bytes())
    return path


def change(path: Path, sql: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute(sql)
        db.commit()


@contextlib.contextmanager
def desk(path: Path) -> Iterator[tuple[Writer, Reader]]:
    with contextlib.closing(Writer(path)) as writer, contextlib.closing(Reader(path)) as reader:
        yield writer, reader


@pytest.mark.parametrize(
    "flip",
    [
        "tier = 'late'",
        "model_id = 'dk-2026.2'",
        "levels = replace(levels, '95', '94')",
        "valid_start = valid_start + 3600",
        "step_s = 3601",
        "hours = hours - 1",
        "reason = 'no_load'",
        "ex_post = 1 - ex_post",
        "inputs = replace(inputs, '{', '{\"x\":1,')",
    ],
)
def test_an_issue_of_which_any_part_has_changed_is_not_served(store: Path, flip: str) -> None:
    with desk(store) as (_, reader):
        newest = reader.forecast("DK1")
        assert newest is not None
        change(store, f"UPDATE forecast_run SET {flip} WHERE area = 'DK1' AND issue_time = {newest.issue_time}")
        served = reader.forecast("DK1")
        assert served is not None
        assert served.issue_time < newest.issue_time
        assert "seal" not in served.inputs


def test_damage_is_told_everybodys_rows_are_mended_and_both_are_over_when_nothing_is_damaged(store: Path) -> None:
    with desk(store) as (writer, reader):
        issue = reader.forecast("DK2")
        assert issue is not None
        change(store, f"UPDATE forecast_latest SET p50 = p50 + 1 WHERE valid_time = {issue.valid_time[5]} AND area = 'DK2'")
        assert mending.examine(writer, reader, Config(data_dir=store.parent), NOW) == len(reader.issues())
        (event,) = reader.events()
        assert (event.code, "1 rows of newest forecasts" in event.problem) == ("damaged", True)
        with contextlib.closing(sqlite3.connect(store)) as db:
            shown = db.execute("SELECT p50 FROM forecast_latest WHERE area = 'DK2' ORDER BY valid_time").fetchall()
        np.testing.assert_array_equal(np.array(shown)[-len(issue.median) :, 0], issue.median)
        mending.examine(writer, reader, Config(data_dir=store.parent), NOW)
        assert reader.events() == []
        change(store, f"UPDATE forecast_run SET tier = 'late' WHERE area = 'DK2' AND issue_time = {issue.issue_time}")
        mending.examine(writer, reader, Config(data_dir=store.parent), NOW)
        assert "1 of 51 issues are not as they were written" in reader.events()[0].problem


def test_a_damaged_issue_is_put_back_from_the_newest_backup_that_has_it_sound(store: Path) -> None:
    config = Config(data_dir=store.parent)
    config.backups.mkdir()
    backups.make(store, config.backups, simulated=False, now=NOW - DAY, keep_free=0)
    newest = backups.make(store, config.backups, simulated=False, now=NOW, keep_free=0)
    change(newest.path, "UPDATE forecast_run SET hours = hours + 1 WHERE area = 'DK2'")
    with desk(store) as (writer, reader):
        before = reader.forecast("DK2")
        assert before is not None
        change(store, f"UPDATE forecast_run SET tier = 'late' WHERE area = 'DK2' AND issue_time = {before.issue_time}")
        mending.examine(writer, reader, config, NOW)
        after = reader.forecast("DK2")
        assert after is not None
        assert (after.issue_time, after.tier) == (before.issue_time, before.tier)
        assert "from a backup" in reader.events()[0].problem
        mending.examine(writer, reader, config, NOW)
        assert reader.events() == []


@pytest.mark.parametrize(
    ("flip", "put_right"),
    [
        ("UPDATE observation SET value = value + 1 WHERE series_id = 1 AND valid_time = {hour} AND available_at < {now}", True),
        ("UPDATE observation SET flags = flags + 1 WHERE series_id = 1 AND valid_time = {hour} AND available_at < {now}", True),
        (
            "UPDATE observation SET available_at = available_at + 1 WHERE series_id = 1 AND valid_time = {hour} AND available_at < {now}",
            True,
        ),
        ("UPDATE observation SET value = 'a' WHERE series_id = 1 AND valid_time = {hour} AND available_at < {now}", True),
        ("DELETE FROM observation WHERE series_id = 1 AND valid_time = {hour} AND available_at < {now}", True),
        ("UPDATE observation_seal SET seal = seal + 1 WHERE series_id = 1 AND day = {hour} / 86400 - 1", True),
        ("DELETE FROM observation_seal WHERE series_id = 1 AND day = {hour} / 86400 - 1", True),
        ("UPDATE observation SET value = value + 1 WHERE series_id = 1 AND valid_time = {since}", False),
        ("UPDATE series SET quantity = 'loae' WHERE series_id = 1", True),
    ],
)
def test_a_value_that_has_changed_is_told_and_put_right_where_a_backup_has_it(store: Path, flip: str, put_right: bool) -> None:
    config, hour, since = Config(data_dir=store.parent), NOW // HOUR * HOUR - 10 * DAY, NOW // HOUR * HOUR
    config.backups.mkdir()
    backups.make(store, config.backups, simulated=False, now=NOW, keep_free=0)
    values = "SELECT * FROM observation"
    with desk(store) as (writer, reader):
        writer.put([load(since, 2500.0), load(hour, 2400.0)], now=NOW)  # both came after the backup, one is a revision
        before = raw(store, values)
        assert mending.examine(writer, reader, config, NOW)
        assert reader.events() == []
        change(store, flip.format(hour=hour, since=since, now=NOW))
        mending.examine(writer, reader, config, NOW)
        assert ("from a backup" in reader.events()[0].problem) is put_right
        mending.examine(writer, reader, config, NOW)
        assert ([event.code for event in reader.events()] == []) is put_right
    if put_right:
        assert raw(store, values) == before


def test_whatever_the_writer_does_to_values_their_seals_stay_right(store: Path) -> None:
    with desk(store) as (writer, reader):
        hour = NOW // HOUR * HOUR - 3 * DAY
        bad = load(hour, 9e6)
        writer.put([load(hour, 2400.0), load(hour, 2401.0)], [(bad, ["too much"])], now=NOW)
        writer.put([load(hour, 2402.0, known=NOW + 9 * DAY), load(hour + HOUR, -0.0, known=NOW + 9 * DAY)], now=NOW)
        writer.put_forecasts([filled_store.forecast("DK1", NOW + 8 * DAY)], NOW)
        (aside,) = reader.decisions.quarantine()
        writer.decisions.judge(aside.quarantine_id, "accept", "kmj", NOW + 9 * DAY)
        assert writer.withdraw_after(NOW + 7 * DAY, NOW + 60)
        assert writer.mend().days == ()


def test_backups_that_are_gone_or_none_are_passed_over(store: Path) -> None:
    torn = store.with_name("torn.sqlite")
    torn.write_bytes(b"x" * 5000)
    change(store, "UPDATE observation SET value = value + 1 WHERE series_id = 1")
    change(store, "UPDATE forecast_run SET hours = hours + 1 WHERE run_id = 1")
    with desk(store) as (writer, _):
        found = writer.mend([store.with_name("gone.sqlite"), torn])
        assert (len(found.damaged), len(found.days), found.put_right) == (1, 21, 0)


def load(hour: int, value: float, known: int = NOW) -> Observations:
    series = Series("load", "DK1", "test")
    return Observations(series, np.array([hour]), np.array([known]), np.array([value]), np.zeros(1, np.uint8))


def test_damage_of_the_structure_has_the_engine_recover(store: Path) -> None:
    content = store.read_bytes()
    store.write_bytes(content.replace(b"DK2total", b"ZZ2total", 1))
    with desk(store) as (writer, reader):
        mending.examine(writer, reader, Config(data_dir=store.parent), NOW)
        assert writer.met_damage
        assert "SQLite finds" in reader.events()[0].problem


def test_issues_whose_rows_are_nobodys_stand_again(store: Path) -> None:
    before = raw(store, _TABLES["everybody's table"])
    hour = NOW // HOUR * HOUR
    with desk(store) as (writer, _):
        for wrong in ("issue_time = issue_time + 1", "valid_time = valid_time + 16"):
            change(store, f"UPDATE forecast_latest SET {wrong} WHERE area = 'DK2' AND valid_time = {hour}")
            assert writer.mend().renewed == 1
            assert raw(store, _TABLES["everybody's table"]) == before


def test_rows_of_an_issue_that_retention_let_go_are_no_damage(store: Path) -> None:
    with desk(store) as (writer, reader):
        oldest = reader.issues("DK1")[-1].issue_time
        change(store, f"DELETE FROM forecast_run WHERE area = 'DK1' AND issue_time = {oldest}")
        assert writer.mend().renewed == 0
        change(
            store,
            f"UPDATE forecast_latest SET issue_time = issue_time - 1 WHERE area = 'DK2' AND valid_time = {NOW // HOUR * HOUR}",
        )
        assert writer.mend().renewed == 1
        change(
            store,
            f"UPDATE forecast_latest SET valid_time = valid_time + 16 WHERE area = 'DK2' AND valid_time = {NOW // HOUR * HOUR + HOUR}",
        )
        assert writer.mend().renewed == 1


def test_everything_is_looked_at_once_a_week(store: Path) -> None:
    config = Config(data_dir=store.parent)
    with desk(store) as (writer, _):
        found = ["examined" in pipeline.maintain(writer, config, NOW + day * DAY).detail for day in range(15)]
    assert [day for day, examined in enumerate(found) if examined] == [0, 7, 14]


def test_issues_from_before_seals_came_are_served(store: Path) -> None:
    change(store, "UPDATE forecast_run SET inputs = '{}'")
    with desk(store) as (writer, reader):
        assert reader.forecast("DK") is not None
        assert writer.mend().damaged == ()


def test_a_damaged_draft_is_none() -> None:
    draft = Draft(("a",), np.ones((3, 1)), ("b",), np.ones((3, 1)), np.ones((3, 2)))
    names, numbers = codec.encode_draft(codec.quantise_draft(draft, 10.0))
    assert codec.decode_draft(names, numbers) is not None
    assert codec.decode_draft(names.replace('"a"', '"c"'), numbers) is None
    for byte in range(len(numbers)):
        flipped = bytearray(numbers)
        flipped[byte] ^= 4
        assert codec.decode_draft(names, bytes(flipped)) is None


@dataclass
class Tally:
    """What flips did to a table: how many changed it, which of them were told, and after which it is again as it was."""

    changed: int = 0
    told: int = 0
    untold: list[str] = field(default_factory=list)
    right: int = 0


def raw(path: Path, sql: str) -> str:
    """Fingerprint of rows; what went wrong where they cannot be read."""
    try:
        with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
            return hashlib.sha256(repr(db.execute(sql).fetchall()).encode()).hexdigest()
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        return str(error)


def served(path: Path) -> dict[tuple[str, int], str]:
    with contextlib.closing(Reader(path)) as reader:
        made = [issue for area in geography.PRICE_AREAS for issue in reader.forecasts(area)]
    return {(issue.area, issue.issue_time): fingerprint(issue) for issue in made}


def fingerprint(issue: QuantileForecast) -> str:
    head = (issue.consumer_type, issue.model_id, issue.tier, issue.reason, issue.levels, issue.ex_post, sorted(issue.inputs))
    return hashlib.sha256(repr(head).encode() + issue.valid_time.tobytes() + issue.quantiles.tobytes()).hexdigest()


def look(path: Path, now: int) -> bool:
    """The weekly look, and where that meets damage of the structure, or nothing can be opened, the next start of an engine; returns
    whether it is told."""
    config, told = Config(data_dir=path.parent, disk_low_mb=0), True
    try:
        with desk(path) as (writer, reader):
            mending.examine(writer, reader, config, now)
            if not writer.met_damage:
                return any(event.code == "damaged" for event in reader.events())
            told = any(event.code == "damaged" for event in reader.events())
    except (Expected, sqlite3.DatabaseError):
        pass
    recovery.suspect(config, now)
    recovery.make_ready(config, now)
    return told


def flip_bits(pristine: Path, path: Path, flips: int, seed: int) -> tuple[dict[str, Tally], list[str]]:
    """Flip one bit of a whole database, of which there is a backup, at a time; what it did to each table, and what was served wrong."""
    chance, content, wrong = random.Random(seed), pristine.read_bytes(), list[str]()
    (folder := path.parent / "backups").mkdir()
    backups.make(pristine, folder, simulated=False, now=NOW, keep_free=0)
    before, truth = {table: raw(pristine, sql) for table, sql in _TABLES.items()}, served(pristine)
    found = {table: Tally() for table in _TABLES}
    for number in range(flips):
        at, bit = chance.randrange(len(content)), 1 << chance.randrange(8)
        for left in path.parent.glob(f"{path.name}*"):
            left.unlink()
        shutil.rmtree(path.parent / recovery.DAMAGED, ignore_errors=True)
        path.write_bytes(content[:at] + bytes([content[at] ^ bit]) + content[at + 1 :])
        flip = f"seed {seed}, byte {at}, bit {bit}"
        with contextlib.suppress(Expected):
            wrong += [f"{flip}: {key}" for key, value in served(path).items() if truth.get(key) != value]
        changed = [table for table, sql in _TABLES.items() if raw(path, sql) != before[table]]
        told = bool(changed) and look(path, NOW + number * DAY)
        for table in changed:
            of = found[table]
            of.changed, of.told = of.changed + 1, of.told + told
            of.right += raw(path, _TABLES[table]) == before[table]
            of.untold += [] if told else [flip]
    return found, wrong


def test_of_a_few_flips_none_is_served_and_all_are_told(filled: Path, tmp_path: Path) -> None:
    found, wrong = flip_bits(filled, tmp_path / "lastvagt.sqlite", flips=25, seed=4)
    assert not wrong
    assert not [flip for tally in found.values() for flip in tally.untold]


@pytest.mark.long
@pytest.mark.gate(
    "B4",
    "A bit flips on the disk",
    target="1,500 flips: every one that changes an issue or a value is told by the next look, none is served; nine of ten put right from a backup",
)
def test_no_flipped_bit_is_served_and_every_one_is_told(filled: Path, tmp_path: Path, gate: Callable[[str], None]) -> None:
    found, wrong = flip_bits(filled, tmp_path / "lastvagt.sqlite", flips=1500, seed=20261129)
    words = [f"{of.told} of {of.changed} that changed {table} told, {of.right} put right" for table, of in found.items()]
    gate(f"1,500 flips: {len(wrong)} served; {'; '.join(words)}")
    assert not wrong
    assert not [flip for tally in found.values() for flip in tally.untold]
    assert min(tally.changed for tally in found.values()) > 20
    assert all(tally.right >= 0.9 * tally.changed for tally in found.values())
