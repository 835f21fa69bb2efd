import dataclasses
import datetime as dt

import histories
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import clock, features
from engine.domain import DAY, HORIZON_H, HOUR, LEVELS, MEDIAN, FeatureMatrix
from engine.store import Archive
from engine.store.archive import Versions

NOW = clock.parse_utc("2026-06-10T08:00Z")


def matrix(archive: Archive, issue_time: int = NOW, valid_time: np.ndarray | None = None, area: str = "DK1") -> FeatureMatrix:
    hours = clock.floor_hour(issue_time) + HOUR * np.arange(1, HORIZON_H + 1) if valid_time is None else valid_time
    built = features.build(archive.as_of(issue_time, *features.window(issue_time)), area, hours)
    assert built is not None
    return built


def test_what_becomes_known_after_the_issue_changes_nothing() -> None:
    """The one leak test: rewrite every value that is not yet available, and drop it altogether."""
    archive = histories.with_weather_runs(histories.archive(NOW), NOW)
    expected = matrix(archive).values
    newer_run = matrix(archive).column("temperature") - matrix(histories.archive(NOW)).column("temperature")
    np.testing.assert_allclose(newer_run, 1, atol=1e-5)
    rng = np.random.default_rng(0)
    changed, dropped = {}, {}
    for key, v in archive.versions.items():
        later = v.available_at > NOW
        assert later.any()
        changed[key] = dataclasses.replace(v, value=np.where(later, rng.uniform(1, 9000, len(later)), v.value))
        dropped[key] = Versions(v.valid_time[~later], v.available_at[~later], v.value[~later], v.flags[~later])
    for other in (changed, dropped):
        np.testing.assert_array_equal(matrix(Archive(other)).values, expected)


def test_what_was_known_matters() -> None:
    archive = histories.archive(NOW)
    load = archive.versions[("load", "DK1", "total")]
    recent = (load.available_at <= NOW) & (load.valid_time > NOW - DAY)
    other = dict(archive.versions) | {
        ("load", "DK1", "total"): dataclasses.replace(load, value=load.value * np.where(recent, 1.1, 1.0))
    }
    column = matrix(Archive(other)).column("recent_6h") - matrix(archive).column("recent_6h")
    assert column == pytest.approx(np.full(HORIZON_H, np.log(1.1)), abs=1e-5)


@given(st.dates(dt.date(2020, 1, 15), dt.date(2026, 12, 15)), st.integers(0, 23))
@settings(max_examples=25)
def test_base_is_the_mean_of_the_same_danish_weekday_and_hour(day: dt.date, hour: int) -> None:
    issue_time = clock.local_time(day, hour)
    built = matrix(histories.archive(issue_time, noise=0.0), issue_time)
    expected = histories.load_at(built.valid_time)
    usual = [clock.local(int(t)).hour not in (1, 2, 3) for t in built.valid_time]  # the spring hour is a mean of neighbours
    np.testing.assert_allclose(built.column("base_mwh")[usual], expected[usual], rtol=1e-5)


@pytest.mark.parametrize("day", [dt.date(2026, 3, 29), dt.date(2026, 10, 25)])
def test_clock_change_days_have_a_row_for_each_hour(day: dt.date) -> None:
    issue_time = clock.local_time(day - dt.timedelta(days=1), 10)
    hours = clock.local_hours(day)
    built = matrix(histories.archive(issue_time), issue_time, hours)
    assert len(built.values) == len(hours)
    assert np.isfinite(built.column("base_mwh")).all()
    assert built.column("hour").tolist() == [clock.local(int(t)).hour for t in hours]


@pytest.mark.parametrize("hours", range(-2, 8))
def test_the_night_the_clock_goes_back_loses_no_known_hour(hours: int) -> None:
    issue_time = clock.parse_utc("2026-10-25T00:00Z") + hours * HOUR
    built = matrix(histories.archive(issue_time), issue_time)
    assert np.isfinite(built.column("recent_1h")).all()
    assert built.column("load_lag_h")[0] == 2


def test_both_kinds_of_daily_lag_differ_only_across_a_clock_change() -> None:
    issue_time = clock.local_time(dt.date(2026, 10, 25), 18)
    built = matrix(histories.archive(issue_time, noise=0.05), issue_time)
    local, absolute = built.column("same_hour_1"), built.column("day_lag_1")
    assert (local != absolute)[:10].any()
    quiet = clock.local_time(dt.date(2026, 6, 10), 18)
    built = matrix(histories.archive(quiet, noise=0.05), quiet)
    np.testing.assert_array_equal(built.column("same_hour_1"), built.column("day_lag_1"))


def test_holidays_are_masked_from_the_base_and_marked() -> None:
    issue_time = clock.local_time(dt.date(2026, 4, 9), 10)  # Easter is among the past weeks
    archive = histories.archive(issue_time, noise=0.0)
    load = archive.versions[("load", "DK1", "total")]
    day, _ = clock.local_day_hour(load.valid_time)
    free = np.array([clock.is_free(int(d)) for d in day])
    other = dict(archive.versions) | {
        ("load", "DK1", "total"): dataclasses.replace(load, value=np.where(free, 1000.0, load.value))
    }
    np.testing.assert_allclose(
        matrix(Archive(other), issue_time).column("base_mwh"), matrix(archive, issue_time).column("base_mwh"), rtol=1e-6
    )
    christmas = clock.local_time(dt.date(2026, 12, 23), 10)
    built = matrix(histories.archive(christmas), christmas)
    eve = [clock.local(int(t)).date() == dt.date(2026, 12, 24) for t in built.valid_time]
    assert built.column("is_christmas_eve").tolist() == [float(x) for x in eve]


def test_missing_weather_is_missing_not_a_number() -> None:
    built = matrix(histories.archive(NOW, weather=False))
    weather = [i for i, name in enumerate(built.names) if features.is_weather(name)]
    assert np.isnan(built.values[:, weather]).all()
    assert not np.isnan(np.delete(built.values, weather, axis=1)).any()
    assert features.weather_share(built) == 0


def test_weather_of_the_whole_country_stands_in_for_an_area() -> None:
    archive = histories.archive(NOW)
    national = {(q, "DK" if q != "load" else a, c): v for (q, a, c), v in archive.versions.items()}
    np.testing.assert_array_equal(matrix(Archive(national)).values, matrix(archive).values)


def test_the_lag_of_the_load_is_measured() -> None:
    assert matrix(histories.archive(NOW)).column("load_lag_h")[0] == 2
    archive = histories.archive(NOW)
    load = archive.versions[("load", "DK1", "total")]
    late = load.valid_time < NOW - 30 * HOUR
    cut = Versions(load.valid_time[late], load.available_at[late], load.value[late], load.flags[late])
    assert matrix(Archive(dict(archive.versions) | {("load", "DK1", "total"): cut})).column("load_lag_h")[0] == 31


def test_no_load_no_features() -> None:
    history = Archive({}).as_of(NOW, *features.window(NOW))
    assert features.build(history, "DK1", np.array([NOW])) is None


@given(st.lists(st.one_of(st.none(), st.floats(-20, 30)), min_size=1, max_size=200), st.sampled_from([3, 12, 48]))
def test_weighted_mean_by_recursion(values: list[float | None], half_life: int) -> None:
    grid = np.array([np.nan if v is None else v for v in values])
    decay, top, weight, expected = 0.5 ** (1 / half_life), 0.0, 0.0, []
    for v in grid:
        top, weight = top * decay, weight * decay
        if not np.isnan(v):
            top, weight = top + v, weight + 1
        expected.append(top / weight if weight else np.nan)
    np.testing.assert_allclose(features.ewma(grid, half_life), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("days", [7, 35, 84])
def test_the_seasonal_tier_knows_the_weekly_shape(days: int) -> None:
    history = histories.archive(NOW, days=days, noise=0.01).as_of(NOW, *features.window(NOW))
    hours = NOW + HOUR * np.arange(1, 169)
    quantiles = features.seasonal(history, "DK1", hours)
    assert quantiles is not None
    assert quantiles.shape == (168, len(LEVELS))
    assert (np.diff(quantiles, axis=1) >= 0).all()
    assert np.mean(np.abs(quantiles[:, MEDIAN] / histories.load_at(hours) - 1)) < 0.03


def test_hours_of_day_never_seen_leave_the_seasonal_tier_without_an_answer() -> None:
    history = histories.archive(NOW, days=0).as_of(NOW, *features.window(NOW))
    assert features.seasonal(history, "DK1", NOW + HOUR * np.arange(1, 169)) is None


def test_the_sun_stands_where_almanacs_put_it() -> None:
    """Vejle: highest 57.7 degrees at midsummer about 11:20 UTC, sunrise at the equinox near 5:20 UTC, never up at midnight."""
    day = clock.parse_utc("2026-06-21T00:00Z") + 60 * np.arange(24 * 60, dtype=np.int64)
    height = features.sun_height(day)
    assert height.max() == pytest.approx(90 - 55.9 + 23.44, abs=0.1)
    assert 11.2 < np.argmax(height) / 60 < 11.45
    equinox = features.sun_height(clock.parse_utc("2026-03-20T00:00Z") + 60 * np.arange(12 * 60, dtype=np.int64))
    assert np.flatnonzero(equinox > 0)[0] / 60 == pytest.approx(5.4, abs=0.15)
    assert height[0] < 0


def test_light_differs_from_the_base_weeks_when_days_grow_shorter() -> None:
    autumn = clock.parse_utc("2026-10-08T08:00Z")
    built = matrix(histories.archive(autumn), autumn)
    evening = built.column("hour") == 18
    assert (built.column("dusk_anomaly")[evening] < -0.1).all()
    assert (built.column("sun")[built.column("hour") == 0] == -8).all()


def test_changes_of_temperature_are_against_the_hours_before() -> None:
    archive = histories.archive(NOW)
    built, t = matrix(archive), archive.versions[("temperature", "DK1", "total")]
    for hours in (1, 24):
        now, before = (np.interp(built.valid_time - back * HOUR, t.valid_time, t.value) for back in (0, hours))
        np.testing.assert_allclose(built.column(f"temperature_lag_{hours}h"), before - now, atol=1e-4)


def test_late_load_still_has_a_base_of_four_weeks() -> None:
    archive = histories.archive(NOW, days=130)
    load = archive.versions[("load", "DK1", "total")]
    known = load.valid_time < NOW - 40 * DAY
    old = Versions(load.valid_time[known], load.available_at[known], load.value[known], load.flags[known])
    built = matrix(Archive(dict(archive.versions) | {("load", "DK1", "total"): old}))
    assert np.isfinite(built.column("base_mwh")).all()
    assert np.isfinite(built.column("week_4")).all()
    assert built.column("load_lag_h")[0] > 40 * 24
