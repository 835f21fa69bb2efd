"""Issues of late series and what they learn: `engine.bridge` and its two jobs."""

import datetime as dt
from pathlib import Path

import bundles
import histories
import numpy as np
import pytest

from engine import bridge, clock, issuing, pipeline, pooled
from engine.domain import (
    BRIDGE_H,
    DAY,
    HOUR,
    LEVELS,
    Consumer,
    FloatArray,
    Observations,
    QuantileForecast,
    Reason,
    Series,
    Tier,
)
from engine.forecaster import Forecaster
from engine.store import Archive, Reader, Writer
from engine.store.archive import Versions

NOW = clock.parse_utc("2026-06-10T08:00Z")
AALBORG, PLANT = Consumer("851", "household"), Consumer("DK2-plant", "steel")
REGION = {Consumer("1082", "household"): 300.0, Consumer("1082", "business"): 420.0, Consumer("1082", "public"): 61.3}
P05, P95 = LEVELS.index(0.05), LEVELS.index(0.95)


@pytest.fixture(scope="module")
def forecaster() -> Forecaster:
    return Forecaster([forecast for tier in (Tier.FULL, Tier.POOLED) for forecast in Forecaster(bundles.shipped(tier)).bundles])


def series(now: int, lag_h: int, mean: float, days: int = 150, seed: int = 1) -> Versions:
    """Load with noise, each Danish day of it known some days later, the newest hour `lag_h` before `now`."""
    hours = now - days * DAY + HOUR * np.arange(days * 24 - lag_h + 1, dtype=np.int64)
    load = histories.load_at(hours, mean) * np.exp(0.03 * np.random.default_rng(seed).normal(size=len(hours)))
    return histories.versions(hours, load, lag_h * HOUR)


def archive(late: dict[Consumer, Versions], now: int = NOW) -> Archive:
    return Archive({**histories.archive(now, days=150).versions, **{("load", *c): v for c, v in late.items()}})


def issued(
    known: Archive, forecaster: Forecaster, now: int = NOW, learned: bridge.Adaptations | None = None
) -> dict[Consumer, QuantileForecast]:
    consumers = [Consumer(area, kind) for quantity, area, kind in known.versions if quantity == "load"]
    areas = issuing.make_issues(known, forecaster, now, {})
    made = bridge.make_issues(known, forecaster, now, consumers, learned or {}, areas)
    return {Consumer(issue.area, issue.consumer_type): issue for issue in made}


def test_late_series_are_bridged_and_forecast_two_days_ahead(forecaster):
    made = issued(archive({AALBORG: series(NOW, 11 * 24, 40.0), PLANT: series(NOW, 24, 3.0)}), forecaster)
    assert list(made) == [AALBORG, PLANT]
    for consumer, lag_h in ((AALBORG, 11 * 24), (PLANT, 24)):
        issue = made[consumer]
        assert (issue.tier, issue.reason) == (Tier.POOLED, Reason.NONE)
        assert issue.valid_time[0] == NOW - lag_h * HOUR + HOUR
        assert issue.valid_time[-1] == NOW + 48 * HOUR
        assert issue.inputs["newest_load"] == clock.iso(NOW - lag_h * HOUR)
        truth = histories.load_at(issue.valid_time, 40.0 if consumer == AALBORG else 3.0)
        assert np.abs(issue.median / truth - 1).mean() < 0.04
        assert (np.diff(issue.quantiles, axis=1) >= 0).all()


def test_bands_widen_with_the_lag(forecaster):
    widths = {}
    for lag_d in (1, 11, 30):
        hours = NOW - 150 * DAY + HOUR * np.arange((150 - lag_d) * 24 + 1, dtype=np.int64)
        # Without noise, which is a reason of its own.
        late = histories.versions(hours, histories.load_at(hours, 40.0), lag_d * DAY)
        plain = histories.archive(NOW, days=150, weather=False, noise=0.0).versions
        issue = issued(Archive({**plain, ("load", *AALBORG): late}), forecaster)[AALBORG]
        widths[lag_d] = (issue.quantiles[:, P95] - issue.quantiles[:, P05])[issue.valid_time > NOW].mean()
    assert widths[1] < widths[11] < widths[30]


def test_a_source_that_stood_still_for_months_is_bridged_as_far_as_a_model_was_taught(forecaster):
    issue = issued(archive({AALBORG: series(NOW, 60 * 24, 40.0)}), forecaster)[AALBORG]
    assert issue.valid_time[0] == NOW - BRIDGE_H * HOUR
    assert issue.inputs["newest_load"] == clock.iso(NOW - 60 * DAY)


@pytest.mark.parametrize(
    ("days", "tier", "reason"), [(47, Tier.POOLED, ""), (31, Tier.SEASONAL, "short_history"), (14, None, "")]
)
def test_a_new_series_is_forecast_as_soon_as_enough_is_known(forecaster, days, tier, reason):
    issue = issued(archive({PLANT: series(NOW, 11 * 24, 3.0, days)}), forecaster).get(PLANT)
    assert (issue and issue.tier) == tier
    assert str(issue.reason if issue else "") == reason


def test_a_plant_that_stands_still_at_weekends_is_forecast_to_stand_still(forecaster):
    hours = NOW - 150 * DAY + HOUR * np.arange(149 * 24, dtype=np.int64)
    weekend = np.isin((clock.local_day_hour(hours)[0] + 3) % 7, (5, 6))
    load = np.where(weekend, 0.0, 3.0)
    for days, tier in ((149, Tier.POOLED), (20, Tier.SEASONAL)):
        plant = histories.versions(hours[-days * 24 :], load[-days * 24 :], DAY)
        issue = issued(archive({PLANT: plant}, NOW), forecaster)[PLANT]
        assert issue.tier is tier
        still = np.isin((clock.local_day_hour(issue.valid_time)[0] + 3) % 7, (5, 6))
        assert (issue.median[still] < 0.2).all()
        assert (issue.median[~still] > 2.0).all()


def test_without_a_pooled_bundle_the_series_repeats_its_weeks():
    issue = issued(archive({AALBORG: series(NOW, 260, 40.0)}), Forecaster([]))[AALBORG]
    assert (issue.tier, issue.reason) == (Tier.SEASONAL, Reason.NO_MODEL)


def test_sums_are_exact_and_their_bands_narrower_than_those_of_their_parts(forecaster):
    made = issued(archive({c: series(NOW, 260, mean, seed=i) for i, (c, mean) in enumerate(REGION.items())}), forecaster)
    total = made[Consumer("1082")]
    np.testing.assert_allclose(total.median, sum(made[c].median for c in REGION), atol=1e-9)
    width = sum(made[c].quantiles[:, P95] - made[c].quantiles[:, P05] for c in REGION)
    assert (total.quantiles[:, P95] - total.quantiles[:, P05] < width).all()
    assert total.inputs["newest_load"] == made[AALBORG if AALBORG in made else Consumer("1082", "public")].inputs["newest_load"]


def test_nothing_known_later_changes_an_issue(forecaster):
    late = series(NOW, 260, 40.0)
    revised = Versions.sort(
        *(np.concatenate([a, b]) for a, b in (
            (late.valid_time, late.valid_time), (np.zeros(len(late.valid_time), np.int64),) * 2,
            (late.available_at, np.full(len(late.valid_time), NOW + HOUR)), (late.value, 2 * late.value), (late.flags, late.flags),
        ))
    )  # fmt: skip
    before, after = (issued(archive({AALBORG: v}), forecaster)[AALBORG] for v in (late, revised))
    np.testing.assert_array_equal(before.quantiles, after.quantiles)
    doubled = issued(archive({AALBORG: revised}, NOW + 2 * HOUR), forecaster, NOW + 2 * HOUR)[AALBORG]
    assert 1.8 < doubled.median.mean() / before.median.mean() < 2.2


def test_when_regions_become_one_its_history_is_theirs(forecaster):
    now = clock.local_time(dt.date(2027, 1, 2), 10)
    kinds = ("household", "business", "public")
    both = {Consumer(region, kind): series(now, 12 * 24, 200.0) for region in ("1084", "1085") for kind in kinds}
    from engine.store.archive import succession

    known = archive(both, now)
    known = Archive({**known.versions, **succession(known.versions, "OST", ("1084", "1085"))})
    made = issued(known, forecaster, now)
    assert {c.area for c in made} == {"OST", "DK2"}
    np.testing.assert_allclose(made[Consumer("DK2", "public")].median, made[Consumer("OST", "public")].median)
    assert 350 < made[Consumer("OST", "household")].median.mean() < 450


def taught(known: Archive, forecaster: Forecaster, consumers: list[Consumer], days: range, now: int) -> bridge.Adaptations:
    return bridge.learn(known, forecaster, dict.fromkeys(days, consumers), {}, now)


def test_what_a_series_teaches_brings_its_forecast_nearer(forecaster):
    now, today = NOW, int(clock.local_day_hour(np.array([NOW]))[0][0])
    hours = now - 220 * DAY + HOUR * np.arange(220 * 24 + 49, dtype=np.int64)
    free = np.isin((clock.local_day_hour(hours)[0] + 3) % 7, (5, 6))

    def load(warm: FloatArray) -> FloatArray:
        return histories.load_at(hours, 40.0) * np.exp(-0.05 * warm * np.where(free, 2, 1))

    warm = np.sin(hours / (9 * DAY))
    weather = {("temperature", a, "total"): histories.versions(hours, 8 + 6 * warm, -30 * DAY) for a in ("DK1", "DK2")}
    known = load(warm)
    cut = hours <= now - 10 * DAY
    late = histories.versions(hours[cut], known[cut], 10 * DAY)
    whole = Archive({**histories.archive(now, days=220, weather=False).versions, **weather, ("load", *AALBORG): late})
    learned = taught(whole, forecaster, [AALBORG], range(today - 60, today - 11), now)
    plain, better = (issued(whole, forecaster, now, known)[AALBORG] for known in ({}, learned))
    truth = known[np.searchsorted(hours, plain.valid_time)]
    errors = [np.abs(issue.median - truth).mean() for issue in (plain, better)]
    assert errors[1] < 0.85 * errors[0]


def test_sums_learn_how_wide_their_bands_must_be(forecaster):
    known = archive({c: series(NOW, 240, mean, seed=i) for i, (c, mean) in enumerate(REGION.items())})
    today = int(clock.local_day_hour(np.array([NOW]))[0][0])
    learned = taught(known, forecaster, list(REGION), range(today - 20, today - 15), NOW)
    assert {consumer for consumer, _ in learned} == {*REGION, Consumer("1082")}
    assert all(of.days == 5 and of.learned_to == today - 16 for of in learned.values())


def test_days_to_learn_are_whole_new_and_not_too_many():
    today = int(clock.local_day_hour(np.array([NOW]))[0][0])
    spans = {
        AALBORG: (NOW - 500 * DAY, clock.local_midnight(dt.date(2026, 6, 1)) - HOUR),
        PLANT: (NOW - 60 * DAY, NOW - 2 * HOUR),
    }
    days = bridge.days_to_learn(spans, {AALBORG: today - 15}, NOW)
    assert list(days) == list(range(today - 25, today - 25 + bridge.LEARN_AT_ONCE_D))
    assert [day for day, mine in days.items() if AALBORG in mine] == list(range(today - 14, today - 9))
    assert bridge.days_to_learn(spans, {AALBORG: today, PLANT: today - 1}, NOW) == {}
    beginner = bridge.days_to_learn({AALBORG: spans[AALBORG]}, {}, NOW)
    assert list(beginner) == list(range(today - bridge.LEARN_BACK_D, today - bridge.LEARN_BACK_D + bridge.LEARN_AT_ONCE_D))


def store(tmp_path: Path, days: int = 150) -> tuple[Writer, Reader]:
    histories.fill(tmp_path / "lastvagt.sqlite", NOW, 150).close()
    writer = Writer(tmp_path / "lastvagt.sqlite")
    batches = []
    for consumer, mean in {AALBORG: 40.0, **REGION}.items():
        v = series(NOW, 260, mean, days)
        batches.append(
            Observations(
                Series("load", consumer.area, "test", consumer.consumer_type), v.valid_time, v.available_at, v.value, v.flags
            )
        )
    writer.put(batches)
    return writer, Reader(writer.path)


def newest(reader: Reader, of: Consumer) -> int:
    return reader.issues(of.area, limit=1, consumer_type=of.consumer_type)[0].issue_time


def test_the_job_issues_regions_each_hour_and_municipalities_once_a_day(tmp_path, forecaster):
    writer, reader = store(tmp_path)
    region, later = Consumer("1082", "public"), NOW + 5 * HOUR
    for now in (NOW, NOW + HOUR, later):
        pipeline.forecast(writer, reader, forecaster, now, now)
        run = pipeline.forecast_late(writer, reader, forecaster, now, now)
        assert run.status == "ok", run.problem
    assert (newest(reader, region), newest(reader, Consumer("1082")), newest(reader, AALBORG)) == (later, later, NOW)
    stored = reader.forecast("1082", consumer_type="public")
    parts = [reader.forecast("1082", consumer_type=kind) for kind in ("household", "business", "public")]
    whole = reader.forecast("1082")
    np.testing.assert_allclose(whole.median, sum(part.median for part in parts), atol=1e-9)
    assert stored.tier is Tier.POOLED
    assert pipeline.forecast_late(writer, reader, forecaster, later, later).status == "ok"
    assert len(reader.issues("1082", consumer_type="public")) == 3
    writer.close()


def test_the_job_learns_each_day_once_and_keeps_it(tmp_path, forecaster):
    writer, reader = store(tmp_path, days=51)
    run = pipeline.adapt(writer, reader, forecaster, NOW)
    assert run.status == "ok", run.problem
    learned = reader.adaptations([AALBORG])
    assert len(learned) == 1
    assert next(iter(learned.values())).days == 51 - bridge.FIRST_DAYS - 11
    assert pipeline.adapt(writer, reader, forecaster, NOW) is None
    assert pipeline.adapt(writer, reader, Forecaster([]), NOW) is None
    writer.close()


def test_the_window_of_an_issue_holds_its_longest_bridge_and_ten_weeks_before():
    start, hours = pooled.window(NOW)
    assert start <= NOW - BRIDGE_H * HOUR - 70 * DAY
    assert start + (hours - 1) * HOUR == NOW + 48 * HOUR
