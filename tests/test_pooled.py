import histories
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import clock, pooled
from engine.domain import BRIDGE_H, DAY, HOUR, Consumer, FeatureMatrix, FloatArray, History

NOW = clock.parse_utc("2026-06-10T08:00Z")
AALBORG, PLANT = Consumer("851", "household"), Consumer("DK2-plant", "steel")


def history(loads: dict[Consumer, FloatArray], now: int = NOW) -> History:
    start, hours = pooled.window(now)
    values = {("load", *consumer): load for consumer, load in loads.items()}
    values["temperature", "DK1", "total"] = np.full(hours, 8.0)
    newest = {key: start + HOUR * int(np.flatnonzero(~np.isnan(v))[-1]) for key, v in values.items()}
    return History(now, start, hours, values, newest, newest)


def late(lag_h: int, mean: float = 40.0, now: int = NOW) -> FloatArray:
    """A load that repeats every week, known to `lag_h` hours before `now`."""
    start, hours = pooled.window(now)
    times = start + HOUR * np.arange(hours, dtype=np.int64)
    return np.where(times <= now - lag_h * HOUR, histories.load_at(times, mean), np.nan)


def around(now: int = NOW) -> dict[str, FloatArray]:
    return {"DK1": late(-9999, 2600.0, now), "DK2": late(-9999, 1500.0, now)}


def rows_of(made: tuple[FeatureMatrix, np.ndarray], i: int) -> FeatureMatrix:
    matrix, owner = made
    return FeatureMatrix(matrix.names, matrix.valid_time[owner == i], matrix.values[owner == i])


@given(lag_h=st.integers(-5, 2000), minute=st.integers(0, 59))
def test_an_issue_reaches_from_the_newest_load_to_two_days_ahead(lag_h, minute):
    issue_time = NOW + 60 * minute
    hours = pooled.hours_to_forecast(issue_time, NOW - lag_h * HOUR)
    assert (np.diff(hours) == HOUR).all()
    assert issue_time + 47 * HOUR < hours[-1] <= issue_time + 48 * HOUR
    assert hours[0] == NOW + HOUR * (1 - min(max(lag_h, 0), BRIDGE_H + 1))


def test_inputs_of_many_series_at_once_are_those_of_each_alone():
    loads = {AALBORG: late(260), PLANT: late(20, 3.0), Consumer("DK", "dk36-PR"): late(300, 900.0)}
    together = pooled.build(history(loads), list(loads), around())
    for i, consumer in enumerate(loads):
        alone, _ = pooled.build(history({consumer: loads[consumer]}), [consumer], around())
        mine = rows_of(together, i)
        np.testing.assert_array_equal(mine.valid_time, alone.valid_time)
        np.testing.assert_allclose(mine.values, alone.values, rtol=1e-6, equal_nan=True)
    assert together[0].names == pooled.names()


def test_the_base_of_a_load_that_repeats_is_the_load():
    matrix, _ = pooled.build(history({AALBORG: late(260)}), [AALBORG], around())
    np.testing.assert_allclose(matrix.column("base_mwh"), histories.load_at(matrix.valid_time, 40.0), rtol=1e-4)
    for name in ("level_7d", "grid", "beyond", "trend", "same_hour_7d"):
        np.testing.assert_allclose(matrix.column(name), 0.0, atol=1e-4)


def test_what_the_price_area_consumes_bridges_the_days_not_measured():
    beside = around()
    start, hours = pooled.window(NOW)
    risen = start + HOUR * np.arange(hours) > NOW - 5 * DAY
    beside["DK1"] = np.where(risen, 1.1, 1.0) * beside["DK1"]
    matrix, _ = pooled.build(history({AALBORG: late(260)}), [AALBORG], beside)
    after = matrix.valid_time > NOW - 5 * DAY
    np.testing.assert_allclose(matrix.column("grid"), np.where(after, np.log(1.1), 0.0), atol=1e-4)
    np.testing.assert_allclose(matrix.column("beyond"), 0.0, atol=1e-4)


def test_a_hole_of_weeks_leaves_the_base_to_the_weeks_around_it():
    load = late(260)
    load[-80 * 24 : -40 * 24] = np.nan
    matrix, _ = pooled.build(history({AALBORG: load}), [AALBORG], around())
    np.testing.assert_allclose(matrix.column("base_mwh"), histories.load_at(matrix.valid_time, 40.0), rtol=1e-4)


def test_without_a_known_week_the_base_is_missing_and_without_surroundings_only_they_are():
    load = late(260)
    load[: -(15 * 24)] = np.nan
    matrix, _ = pooled.build(history({AALBORG: load}), [AALBORG], {})
    assert np.isnan(matrix.column("base_mwh")).any()
    assert np.isnan(matrix.column("grid")).all()
    assert np.isfinite(matrix.column("dusk")).any()


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25", "2026-03-31", "2026-10-27"])
def test_days_of_23_and_25_hours_are_bridged_hour_by_hour(day):
    now = clock.parse_utc(f"{day}T12:00Z")
    matrix, _ = pooled.build(history({AALBORG: late(260, now=now)}, now), [AALBORG], around(now))
    assert (np.diff(matrix.valid_time) == HOUR).all()
    np.testing.assert_allclose(matrix.column("base_mwh"), histories.load_at(matrix.valid_time, 40.0), rtol=1e-4)


def test_only_the_span_that_is_asked_for():
    span = NOW - 3 * DAY, NOW - 2 * DAY
    whole, _ = pooled.build(history({AALBORG: late(260)}), [AALBORG], around())
    part, _ = pooled.build(history({AALBORG: late(260)}), [AALBORG], around(), span)
    mine = (whole.valid_time >= span[0]) & (whole.valid_time < span[1])
    np.testing.assert_array_equal(part.values, whole.values[mine])
