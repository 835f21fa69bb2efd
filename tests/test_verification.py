"""Verification: every hour is held against each truth once, whenever it comes, and the sums are those of one-by-one arithmetic."""

from __future__ import annotations

import numpy as np
import pytest

from engine import clock, geography, pipeline, scoring, verification
from engine.domain import (
    DAY,
    HOUR,
    LEAD_BUCKETS,
    LEVELS,
    Consumer,
    FloatArray,
    IntArray,
    Observations,
    QuantileForecast,
    Reason,
    Score,
    Series,
    Tier,
)
from engine.store import Reader, Writer

#: Ten in the morning, eleven days after the newest truth of a municipality.
NOW = clock.parse_utc("2026-06-20T08:00Z")
AALBORG = Consumer("851", "household")


def put(
    writer: Writer, of: Consumer, valid: IntArray, value: FloatArray | float, known: IntArray | int, quantity: str = "load"
) -> None:
    columns = (np.broadcast_to(np.asarray(x), len(valid)) for x in (known, value))
    available_at, values = next(columns).astype(np.int64), next(columns).astype(np.float64)
    series = Series(quantity, of.area, "test", of.consumer_type)
    writer.put([Observations(series, valid, available_at, values, np.zeros(len(valid), np.uint8))])


def hours(first: int, last: int) -> IntArray:
    return np.arange(first, last, HOUR, dtype=np.int64)


def shape(valid: IntArray) -> FloatArray:
    return 10 + (valid // HOUR % 24) / 10 + (valid // DAY % 7) / 5 + valid // DAY % 90 / 50


def issue(of: Consumer, issue_time: int, first: int, last: int) -> QuantileForecast:
    valid = hours(first, last)
    spread = np.linspace(-2, 2, len(LEVELS))
    quantiles = shape(valid)[:, None] + 0.3 + spread * (1 + (valid[:, None] % (5 * HOUR)) / HOUR / 3)
    return QuantileForecast(*of, issue_time, valid, LEVELS, np.round(quantiles, 3), Tier.POOLED, Reason.NONE, "m")


def daily_issues(writer: Writer, of: Consumer, days: int, lag_days: int = 11) -> None:
    for day in range(days):
        moment = NOW - day * DAY
        first = clock.floor_hour(moment) - lag_days * DAY
        writer.put_forecasts([issue(of, moment, first, moment + 48 * HOUR + 1)], moment)


def one_by_one(reader: Reader, of: Consumer, hour: int, observed: float, floor: float) -> dict[int, Score]:
    """Scores of an hour by bucket, an issue at a time, straight from their definitions."""
    start = hour - scoring.REFERENCE_S
    found: dict[int, Score] = {}
    for made in reader.forecasts(*of[:1], consumer_type=of.consumer_type):
        if not made.covers(hour):
            continue
        known = reader.as_of(
            made.issue_time, start, scoring.REFERENCE_S // HOUR, {leaf.area for leaf in geography.leaves(of, hour)}
        )
        naive = np.nan
        for weeks in range(scoring.REFERENCE_WEEKS, 0, -1):
            then = (int(scoring.same_hour_weeks_before(np.array([hour]), weeks)[0]) - start) // HOUR
            values = known.get("load", *of)
            naive = values[then] if values is not None and not np.isnan(values[then]) else naive
        quantiles = made.quantiles[(hour - made.valid_time[0]) // HOUR][None, :]
        bucket = int(scoring.lead_bucket(np.array([(hour - made.issue_time) / HOUR]))[0])
        score = scoring.score(np.array([observed]), quantiles, np.array([naive]), floor)
        found[bucket] = found.get(bucket, Score()) + score
    return found


def run(writer: Writer, reader: Reader, now: int) -> dict[str, object]:
    return dict(pipeline.score(writer, reader, now, 15).detail)


def test_a_day_that_arrives_late_is_scored_at_once_mostly_as_bridge(writer: Writer, reader: Reader) -> None:
    old, day = hours(NOW - 80 * DAY, NOW - 11 * DAY), hours(NOW - 11 * DAY, NOW - 10 * DAY)
    put(writer, AALBORG, old, shape(old), old + 11 * DAY)
    daily_issues(writer, AALBORG, days=20)
    assert run(writer, reader, NOW)["provisional"] == 19 * 24, "the first issue began 30 days ago"
    put(writer, AALBORG, day, shape(day) + 0.1, NOW + HOUR)
    assert run(writer, reader, NOW + HOUR) == {"provisional": 24}
    assert run(writer, reader, NOW + HOUR) == {}
    of_it = {"consumer_type": "household", "start": int(day[0])}
    by_bucket = reader.scores("851", "lead_bucket", lead_buckets=range(len(LEAD_BUCKETS)), **of_it)  # type: ignore[arg-type]
    assert by_bucket[0].n > 10 * 24 > by_bucket[4].n == 24
    floor = 0.05 * float(np.median(np.concatenate([shape(old), shape(day) + 0.1])))
    for hour, observed in zip(day.tolist()[::5], (shape(day) + 0.1).tolist()[::5], strict=True):
        expected = one_by_one(reader, AALBORG, hour, observed, floor)
        assert expected[0].ref_n == expected[0].n, "a reference must be known 11 days later too"
        for bucket, score in expected.items():
            kept = reader.scores("851", "all", hour, hour + 1, consumer_type="household", lead_buckets=[bucket])[0]
            assert kept.figures() == pytest.approx(score.figures(), rel=1e-4, nan_ok=True), (hour, bucket)


def test_of_hourly_issues_that_bridge_an_hour_long_after_it_one_in_six_counts(writer: Writer, reader: Reader) -> None:
    day = hours(NOW - 4 * DAY, NOW - 3 * DAY)
    every = [issue(AALBORG, NOW - back * HOUR, NOW - 5 * DAY, NOW + 24 * HOUR) for back in range(4 * 24)]
    writer.put_forecasts(every, NOW)
    put(writer, AALBORG, day, shape(day), NOW)
    run(writer, reader, NOW)
    for hour in day.tolist():
        counted = reader.scores("851", "all", hour, hour + 1, consumer_type="household", lead_buckets=[0])[0].n
        after = [made.issue_time - hour for made in every if made.issue_time >= hour]
        late = {(hour + s) // (6 * HOUR) for s in after if s > 12 * HOUR}
        early = sum(s <= 12 * HOUR for s in after)
        assert counted in (early + len(late), early + len(late) - 1), "a window whose first issue counts already has no second"


def test_a_hole_filled_after_months_is_scored_the_next_day(writer: Writer, reader: Reader) -> None:
    valid = hours(NOW - 150 * DAY, NOW - 11 * DAY)
    hole = (valid >= NOW - 100 * DAY) & (valid < NOW - 97 * DAY)
    put(writer, AALBORG, valid[~hole], shape(valid[~hole]), valid[~hole] + 11 * DAY)
    daily_issues(writer, AALBORG, days=120)
    run(writer, reader, NOW)
    put(writer, AALBORG, valid[hole], shape(valid[hole]), NOW + HOUR)
    assert run(writer, reader, NOW + HOUR) == {}
    assert run(writer, reader, NOW + DAY) == {"provisional": 72, "settled": 72 + 24}
    put(writer, AALBORG, valid[hole], shape(valid[hole]) * 2, NOW + 2 * DAY)
    assert run(writer, reader, NOW + 2 * DAY) == {"settled": 24}, "a revision after settling is not scored again"


def test_a_sum_is_scored_at_the_hours_that_all_addends_have(writer: Writer, reader: Reader) -> None:
    valid = hours(NOW - 80 * DAY, NOW - 10 * DAY)
    for kind, till in (("household", 0), ("business", 1), ("public", 3)):
        mine = valid[valid < NOW - (10 + till) * DAY]
        put(writer, Consumer("1081", kind), mine, shape(mine) / 3, mine + 10 * DAY)
    total = Consumer("1081")
    daily_issues(writer, total, days=6)
    assert run(writer, reader, NOW)["provisional"] == (16 - 13) * 24
    hour = NOW - 14 * DAY
    kept = reader.scores("1081", "all", hour, hour + 1, lead_buckets=[0])[0]
    expected = one_by_one(reader, total, hour, float(shape(np.array([hour]))[0]), 0.5)[0]
    assert kept.observed == pytest.approx(expected.observed, rel=2e-5)
    assert kept.ref_n == kept.n


def test_settlement_is_scored_after_fifteen_days_and_again_when_it_changes(writer: Writer, reader: Reader) -> None:
    valid = hours(NOW - 80 * DAY, NOW)
    for area in ("DK1", "DK2"):
        of = Consumer(area)
        put(writer, of, valid, shape(valid), valid + 2 * HOUR)
        put(writer, of, valid, shape(valid) + 3, valid + 9 * DAY, "settlement")
        put(writer, of, valid, 2.0, valid + 9 * DAY, "self_consumption")
        for back in range(30):
            moment = NOW - back * DAY
            writer.put_forecasts([issue(of, moment, moment - 2 * HOUR, moment + 168 * HOUR)], moment)
    first = run(writer, reader, NOW)
    assert first["settlement"] == first["settled"] == 2 * (14 * 24 + 2)
    day = hours(NOW - 20 * DAY, NOW - 19 * DAY)

    def kept(hour: int) -> Score:
        return reader.scores("DK1", "all", hour, hour + 1, "settlement")[0]

    before = [kept(hour) for hour in day.tolist()]
    assert [score.observed / score.n for score in before] == pytest.approx((shape(day) + 1).tolist(), rel=2e-5)
    put(writer, Consumer("DK1"), day[:12], shape(day[:12]) + 3.005, NOW + HOUR, "settlement")  # less than a per-mille
    put(writer, Consumer("DK1"), day[12:], shape(day[12:]) + 4, NOW + HOUR, "settlement")
    after_a_day = run(writer, reader, NOW + DAY)
    assert after_a_day["settlement"] == 2 * 24 + 12
    after = [kept(hour) for hour in day.tolist()]
    assert after[:12] == before[:12]
    assert [score.observed / score.n for score in after[12:]] == pytest.approx((shape(day[12:]) + 2).tolist(), rel=2e-5)
    assert reader.scores("851", truth="settlement", consumer_type="household") == {}


def test_the_reference_of_pairs_is_that_of_each_pair(writer: Writer, reader: Reader) -> None:
    rng = np.random.default_rng(2)
    valid = hours(NOW - 90 * DAY, NOW)
    kept = rng.random(len(valid)) < 0.8
    known = valid + rng.integers(2 * HOUR, 40 * DAY, len(valid))
    put(writer, Consumer("DK1"), valid[kept], rng.normal(100, 5, kept.sum()), known[kept])
    later = valid[kept][::3]
    put(writer, Consumer("DK1"), later, rng.normal(100, 5, len(later)), NOW - 5 * DAY)
    archive = reader.archive(NOW - 90 * DAY, NOW + DAY, ["DK1"])
    asked = NOW - HOUR * rng.integers(0, 20 * 24, 200)
    issued = asked + HOUR * rng.integers(-48, 40 * 24, 200)
    together = verification.seasonal_naive(archive, Consumer("DK1"), asked, issued)
    for hour, moment, value in zip(asked.tolist(), issued.tolist(), together.tolist(), strict=True):
        history = archive.as_of(moment, NOW - 90 * DAY, 90 * 24).get("load", "DK1")
        weeks = [int(scoring.same_hour_weeks_before(np.array([hour]), w)[0]) for w in range(1, scoring.REFERENCE_WEEKS + 1)]
        values = [history[(then - NOW) // HOUR + 90 * 24] for then in weeks] if history is not None else []
        assert value == pytest.approx(next((x for x in values if not np.isnan(x)), np.nan), nan_ok=True)
