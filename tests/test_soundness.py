"""A bit that flips on disk: no issue with another value is served, and what changed an issue is told."""

from __future__ import annotations

import contextlib
import hashlib
import random
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import filled_store
import numpy as np
import pytest

from engine import geography, pipeline
from engine.config import Config
from engine.domain import DAY, HOUR, Draft, Expected, QuantileForecast
from engine.store import Reader, Writer, codec

NOW = filled_store.NOW
#: Everything of an issue but when it was stored, everybody's table, and observations.
_ISSUES = """SELECT area, consumer_type, issue_time, model_id, tier, reason, valid_start, step_s, hours, levels, quantiles, digest,
    inputs, ex_post FROM forecast_run NOT INDEXED ORDER BY 1, 2, 3"""
_SHOWN = "SELECT * FROM forecast_latest ORDER BY 1, 2, 3"
_OBSERVED = "SELECT * FROM observation ORDER BY 1, 2, 3"


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
        assert pipeline.examine(writer, reader, NOW) == len(reader.issues())
        (event,) = reader.events()
        assert (event.code, "1 rows of newest forecasts" in event.problem) == ("damaged", True)
        with contextlib.closing(sqlite3.connect(store)) as db:
            shown = db.execute("SELECT p50 FROM forecast_latest WHERE area = 'DK2' ORDER BY valid_time").fetchall()
        np.testing.assert_array_equal(np.array(shown)[-len(issue.median) :, 0], issue.median)
        pipeline.examine(writer, reader, NOW)
        assert reader.events() == []
        change(store, f"UPDATE forecast_run SET tier = 'late' WHERE area = 'DK2' AND issue_time = {issue.issue_time}")
        pipeline.examine(writer, reader, NOW)
        assert "1 of 51 issues are not as they were written" in reader.events()[0].problem


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
    """What flips did, and which of them were told."""

    issues: int = 0
    issues_told: int = 0
    shown: int = 0
    shown_told: int = 0
    observed: int = 0
    observed_told: int = 0
    served: list[str] = field(default_factory=list)


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


def is_told(path: Path) -> bool:
    """Whether the weekly look tells of damage, or nothing can be read at all."""
    try:
        with desk(path) as (writer, reader):
            pipeline.examine(writer, reader, NOW)
            return any(event.code == "damaged" for event in reader.events())
    except (Expected, sqlite3.DatabaseError):
        return True


def flip_bits(pristine: Path, path: Path, flips: int, seed: int) -> Tally:
    """Flip one bit of a whole database at a time."""
    chance, content, found = random.Random(seed), pristine.read_bytes(), Tally()
    issues, shown, observed = (raw(pristine, sql) for sql in (_ISSUES, _SHOWN, _OBSERVED))
    truth = served(pristine)
    for _ in range(flips):
        at, bit = chance.randrange(len(content)), 1 << chance.randrange(8)
        for left in path.parent.glob(f"{path.name}*"):
            left.unlink()
        path.write_bytes(content[:at] + bytes([content[at] ^ bit]) + content[at + 1 :])
        with contextlib.suppress(Expected):
            wrong = [key for key, value in served(path).items() if truth.get(key) != value]
            found.served += [f"seed {seed}, byte {at}, bit {bit}: {key}" for key in wrong]
        changed = [raw(path, sql) != before for sql, before in ((_ISSUES, issues), (_SHOWN, shown), (_OBSERVED, observed))]
        told = any(changed) and is_told(path)
        found.issues, found.issues_told = found.issues + changed[0], found.issues_told + (changed[0] and told)
        found.shown, found.shown_told = found.shown + changed[1], found.shown_told + (changed[1] and told)
        found.observed, found.observed_told = found.observed + changed[2], found.observed_told + (changed[2] and told)
    return found


def test_of_a_few_flips_none_is_served_and_those_of_issues_are_told(filled: Path, tmp_path: Path) -> None:
    found = flip_bits(filled, tmp_path / "lastvagt.sqlite", flips=25, seed=4)
    assert not found.served
    assert (found.issues_told, found.shown_told) == (found.issues, found.shown)


@pytest.mark.long
@pytest.mark.gate(
    "B4",
    "A bit flips on the disk",
    target="1,500 flips: every one that changes an issue is told, none is served; observations: measured",
)
def test_no_flipped_bit_is_served_and_those_of_issues_are_told(filled: Path, tmp_path: Path, gate: Callable[[str], None]) -> None:
    found = flip_bits(filled, tmp_path / "lastvagt.sqlite", flips=1500, seed=20261129)
    gate(
        f"1,500 flips: {len(found.served)} served; {found.issues_told} of {found.issues} that changed an issue told, "
        f"{found.shown_told} of {found.shown} in everybody's table told and put right or taken out; of {found.observed} that changed observations "
        f"{found.observed_told} told by SQLite's own check"
    )
    assert not found.served
    assert (found.issues_told, found.shown_told) == (found.issues, found.shown)
    assert found.issues > 20
    assert found.shown > 20
