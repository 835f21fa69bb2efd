"""Reliability: what is counted of each hour once, kept exactly, and how sure the shares are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from test_verification import AALBORG, NOW, daily_issues, hours, put, shape

from engine import pipeline, reliability, scoring
from engine.domain import DAY, HOUR, LEAD_BUCKETS, LEVELS, MEDIAN, Consumer, Score
from engine.reliability import SUMS, Reliability
from engine.store import Reader, ScoreRow, Writer, codec


@given(arrays.arrays(np.uint16, (len(LEAD_BUCKETS), len(SUMS))), st.integers(0, 2**24 - 1))
def test_bytes_keep_counts_exactly(sums: np.ndarray, mask: int) -> None:
    table = sums.astype(float)
    table[table[:, 0] == 0] = 0
    kept_hours, kept = codec.decode_reliability(codec.encode_reliability(mask, table))
    assert kept_hours == mask
    np.testing.assert_array_equal(kept, table)


def test_sums_count_load_at_or_below_each_level() -> None:
    quantiles = np.linspace(10, 22, len(LEVELS))[None, :].repeat(2, axis=0)
    sums = reliability.sums(np.array([10.0, 23.0]), quantiles, quantiles[:, MEDIAN], scoring.expected_error(quantiles))
    assert sums[0, 1:-2].tolist() == [1.0] * len(LEVELS), "at the lowest level is below all"
    assert sums[1, 1:-2].tolist() == [0.0] * len(LEVELS)
    assert sums[:, -2].tolist() == [6.0, 7.0]


def test_shares_of_forecasts_that_are_right_lie_within_what_chance_explains() -> None:
    chance = np.random.default_rng(1)
    days, pairs = 60, 24
    within = []
    for _ in range(60):
        rank = chance.random((days, 1)) * 0.5 + chance.random((days, pairs)) * 0.5  # hours of a day err alike
        order = np.sort(rank.reshape(-1))
        levels = np.searchsorted(order, rank, "right") / rank.size
        below = (levels[:, :, None] <= np.array(LEVELS)).sum(axis=1)
        table = np.zeros((days, len(LEAD_BUCKETS), len(SUMS)))
        table[:, 4, 0], table[:, 4, 1:-2] = pairs, below
        shares, error = Reliability.of(np.arange(days), table).shares([4])
        within.append(np.abs(shares - np.array(LEVELS)) <= 1.96 * error + 1 / days)
    assert np.mean(within) > 0.9


def test_few_days_have_no_error_and_none_no_share() -> None:
    table = np.ones((3, len(LEAD_BUCKETS), len(SUMS)))
    shares, error = Reliability.of(np.arange(3), table).shares([0, 1])
    assert shares.tolist() == [1.0] * len(LEVELS)
    assert np.isnan(error).all()
    assert np.isnan(Reliability.of(np.arange(0), table[:0]).shares([0])[0]).all()


def test_an_hour_is_counted_once(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "lastvagt.sqlite")
    rows = [
        ScoreRow("DK1", "total", "provisional", NOW - NOW % HOUR + i * HOUR, 4, Score(n=1), (1.0,) * len(SUMS)) for i in range(2)
    ]
    for _ in range(2):
        writer.put_scores(rows)
    reader = Reader(writer.path)
    kept = reader.scorebook.reliability(Consumer("DK1"), 0, NOW + DAY)
    assert kept.n.sum() == 2
    assert kept.n[:, 4].sum() == 2
    assert not len(reader.scorebook.reliability(AALBORG, 0, NOW + DAY).day), "another consumer has none"
    reader.close()
    writer.close()


def test_scoring_counts_what_was_scored_before_reliability_was_kept(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "lastvagt.sqlite")
    times = hours(NOW - NOW % HOUR - 30 * DAY, NOW - NOW % HOUR - 11 * DAY)
    put(writer, AALBORG, times, shape(times), times + 11 * DAY)
    daily_issues(writer, AALBORG, 14)
    reader = Reader(writer.path)
    pipeline.score(writer, reader, NOW, 15)
    kept = reader.scorebook.reliability(AALBORG, 0, NOW)
    whole = reader.scores(*AALBORG[:1], by="lead_bucket", consumer_type=AALBORG.consumer_type, lead_buckets=range(7))
    assert {b: int(kept.n[:, b].sum()) for b in whole} == {b: s.n for b, s in whole.items()}
    assert {b: float(kept.abs_error[:, b].sum()) for b in whole} == pytest.approx(
        {b: s.abs_error for b, s in whole.items()}, rel=1e-4
    )
    with writer._transaction() as db:
        db.execute("DELETE FROM reliability")
    pipeline.score(writer, reader, NOW + DAY, 15)
    again = reader.scorebook.reliability(AALBORG, 0, NOW)
    np.testing.assert_array_equal(again.n, kept.n)
    after = reader.scores(*AALBORG[:1], by="lead_bucket", consumer_type=AALBORG.consumer_type, lead_buckets=range(7))
    assert after == whole, "and scores stay as they were"
    reader.close()
    writer.close()
