"""The table of reliability: a row a lead bucket, what was promised beside what came, and how errors stand."""

from __future__ import annotations

from pathlib import Path

import filled_store
import pytest
from filled_store import NOW

from engine import quality
from engine.domain import DAY, LEAD_BUCKETS, Consumer
from engine.store import Reader, Writer


def test_a_row_tells_how_often_load_was_below_each_level(tmp_path: Path) -> None:
    folder = filled_store.fill(tmp_path, learned=False, tso=False)
    reader = Reader(folder / "lastvagt.sqlite")
    table = quality.reliability(reader, Consumer("DK1"), NOW)
    assert [row[:2] for row in table.rows] == list(LEAD_BUCKETS)
    assert table.head["drift"] == "usual"
    assert table.head["judged_to"] == "2026-11-23"
    row = dict(zip(quality.COLUMNS, table.rows[4], strict=True))
    shares = [row[share] for share in quality.SHARES]
    assert shares == sorted(shares)
    assert row["p50"] == pytest.approx(50, abs=4)
    assert row["mae"] > row["expected_mae"]
    week = quality.reliability(reader, Consumer("DK1"), NOW, NOW - 7 * DAY, NOW)
    assert [row[2] for row in week.rows] == [8] * len(LEAD_BUCKETS), "both ends are days of their own"
    reader.close()


def test_an_empty_store_has_no_rows_and_no_judgement(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "lastvagt.sqlite")
    reader = Reader(writer.path)
    table = quality.reliability(reader, Consumer("DK1"), NOW)
    assert table.rows == []
    assert (table.head["drift"], table.head["judged_to"]) == ("unknown", None)
    reader.close()
    writer.close()
