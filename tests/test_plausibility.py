import csv
import dataclasses
import gzip
import itertools
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.clock import parse_utc
from engine.domain import DAY, HOUR, UNITS, History, Observations, Series
from engine.plausibility import LOOKBACK_DAYS, check
from engine.sources import read_file
from engine.sources.world import World

START = parse_utc("2025-01-01")
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
REAL = DATA / "load_price_area_hourly.csv.gz"
MARKET = DATA / "tso_wind_solar_forecast_and_price_hourly.csv.gz"
FACTORS = (5.0, 0.2, 10.0, 0.1, 100.0, 1000.0, 0.001, 1e6, -1.0, 0.0)
LENGTHS = (1, 3, 24)
SEED = 7


def batch(valid_time, value, quantity="load", area="DK1"):
    valid_time, value = np.asarray(valid_time, np.int64), np.asarray(value, np.float64)
    return Observations(Series(quantity, area, "x"), valid_time, valid_time + 2 * HOUR, value, np.zeros(len(value), np.uint8))


def history(start, values, quantity="load", area="DK1"):
    return History(start + len(values) * HOUR, start, len(values), {(quantity, area, "total"): np.asarray(values, float)})


@pytest.fixture(scope="module")
def year():
    """Hours and load of a simulated year."""
    hours = START + HOUR * np.arange(365 * 24)
    return hours, World(1).load("DK1", hours)


def day_of(hours, load, i, area="DK1"):
    """One day of values and the history before it."""
    back = LOOKBACK_DAYS * 24
    return hours[i : i + 24], load[i : i + 24].copy(), history(int(hours[i - back]), load[i - back : i], area=area)


def plant(hours, load, days):
    """Plant every corruption into so many random days; how many hours were spoilt and found, and clean beside them and lost."""
    random = np.random.default_rng(SEED)
    planted = caught = clean = lost = 0
    for factor, length in itertools.product(FACTORS, LENGTHS):
        for i in random.choice(np.flatnonzero(np.isfinite(load))[LOOKBACK_DAYS * 24 : -24], days).tolist():
            times, values, recent = day_of(hours, load, i)
            known = np.isfinite(values)
            first = int(random.integers(0, 25 - length))
            bad = np.zeros(24, bool)
            bad[first : first + length] = True
            values[bad] *= factor
            rejected = np.isin(times, check(batch(times[known], values[known]), recent)[1].valid_time)
            planted, caught = planted + (bad & known).sum(), caught + (rejected & bad).sum()
            clean, lost = clean + (known & ~bad).sum(), lost + (rejected & ~bad).sum()
    return planted, caught, clean, lost


def test_gross_errors_are_found_and_what_stands_beside_them_stays(year):
    planted, caught, clean, lost = plant(*year, 35)
    assert caught >= 0.99 * planted
    assert lost <= 0.002 * clean


@pytest.mark.long
@pytest.mark.gate("E7", "Gross errors in load", target="30 kinds x 1,000 days: at least 99 % set aside")
def test_gross_errors_of_thirty_kinds_are_found(year, gate):
    hours, load = real_load("DK1") if REAL.exists() else year
    planted, caught, clean, lost = plant(hours, load, 1000)
    gate(
        f"{'real' if REAL.exists() else 'simulated'} load, {len(FACTORS) * len(LENGTHS)} kinds x 1,000 days: {caught / planted:.3%} of "
        f"{planted:,} spoilt hours set aside, and {lost / clean:.3%} of {clean:,} sound ones beside them"
    )
    assert len(FACTORS) * len(LENGTHS) >= 30
    assert caught >= 0.99 * planted


def test_errors_in_a_first_backfill_are_found_without_any_history(year):
    hours, load = year
    values = load[: 90 * 24].copy()
    bad = np.random.default_rng(3).choice(len(values), 12, replace=False)
    values[bad] *= 5
    rejected = check(batch(hours[: len(values)], values))[1]
    assert set(hours[bad].tolist()) <= set(rejected.valid_time.tolist())
    assert len(rejected) <= len(bad) + 2


def test_each_hour_alone_is_judged_by_the_past_only(year):
    hours, load = year
    back = LOOKBACK_DAYS * 24
    for i in range(back, len(hours), 97):
        recent = history(int(hours[i - back]), load[i - back : i])
        assert not len(check(batch(hours[i : i + 1], load[i : i + 1]), recent)[1])
        assert len(check(batch(hours[i : i + 1], 5 * load[i : i + 1]), recent)[1]) == 1


def real_load(area):
    """Hours and load of a price area since 2015, NaN where it is unknown."""
    with gzip.open(REAL, "rt") as file:
        rows = [r for r in csv.DictReader(file) if r["price_area"] == area and r["load_mwh"]]
    times = np.array([parse_utc(r["valid_time"]) for r in rows])
    load = np.full((times[-1] - times[0]) // HOUR + 1, np.nan)
    load[(times - times[0]) // HOUR] = [float(r["load_mwh"]) for r in rows]
    return times[0] + HOUR * np.arange(len(load)), load


@pytest.mark.gate("E7", "False alarms over sound load", target="At most 0.1 % of the hours set aside")
@pytest.mark.parametrize("area", ["DK1", "DK2"])
def test_sound_load_is_left_alone(year, area, gate):
    hours, load = real_load(area) if REAL.exists() else year
    rejected = judged = 0
    for i in range(LOOKBACK_DAYS * 24, len(load) - 24, 24):
        day, values, recent = day_of(hours, load, i, area)
        known = np.isfinite(values)
        rejected += len(check(batch(day[known], values[known], area=area), recent)[1])
        judged += int(known.sum())
    gate(f"{area}, {'real' if REAL.exists() else 'simulated'} load: {rejected} of {judged:,} hours, {rejected / judged:.4%}")
    assert rejected <= 0.001 * judged


def test_the_point_goes_and_the_batch_stays_with_a_reason_for_each(year):
    hours, load = year
    times, values, recent = day_of(hours, load, 100 * 24)
    values[[3, 9, 15]] = [-5.0, 1e6, 9 * values[15]]
    accepted, rejected, reasons = check(batch(times, values), recent)
    assert len(accepted) == 21
    assert rejected.value.tolist() == [-5.0, 1e6, values[15]]
    assert reasons[:2] == ["outside 0 to 20000 MWh"] * 2
    assert "times the usual load" in reasons[2] or "outside" in reasons[2]


def test_a_lone_spike_within_bounds_is_a_step_too_large(year):
    hours, load = year
    times, values, recent = day_of(hours, load, 100 * 24)
    values[12] *= 1.4
    _, rejected, reasons = check(batch(times, values), recent)
    assert rejected.valid_time.tolist() == [times[12]]
    assert reasons == ["a single hour far from the hours around it"]
    _, rejected, reasons = check(batch(times[:13], values[:13]), recent)
    assert reasons == ["too large a step from the hour before"]


def test_a_stuck_meter_is_found_across_the_seam_to_the_past(year):
    hours, load = year
    times, values, recent = day_of(hours, load, 100 * 24)
    values[:3] = recent.values["load", "DK1", "total"][-3:] = values[0]
    _, rejected, reasons = check(batch(times, values), recent)
    assert rejected.valid_time.tolist() == times[:3].tolist()
    assert reasons[0].startswith("the same value for 6 hours")
    values[2] += 1
    assert not len(check(batch(times, values), recent)[1])


def test_a_small_area_and_a_short_history_have_only_wide_bounds():
    times = START + HOUR * np.arange(30)
    assert not len(check(batch(times, np.linspace(0.5, 9, 30)))[1])
    assert check(batch(times[:2], [0.0, 1.0]))[2] == ["load is not positive"]


@pytest.mark.parametrize(
    ("quantity", "good", "bad"),
    [
        ("day_ahead_price", [-440.0, 0.0, 4000.0], [-501.0, 50_000.0]),
        ("temperature", [-31.0, 36.0], [-60.0, 288.0]),
        ("wind_speed", [0.0, 45.0], [-1.0, 120.0]),
        ("global_radiation", [0.0, 1000.0], [-20.0, 9999.0]),
        ("relative_humidity", [5.0, 100.0], [-1.0, 900.0]),
        ("cloud_cover", [0.0, 100.0], [-1.0, 101.0]),
        ("solar_forecast", [0.0, 8.0], [-200.0, 3_000_000.0]),
        ("onshore_wind_forecast", [0.0, 4500.0], [-20.0, 9000.0]),
        ("offshore_wind_forecast", [0.0, 2500.0], [-20.0, 6000.0]),
        ("load_forecast", [1100.0, 4800.0], [0.0, 250.0, 2_500_000.0]),
    ],
)
def test_other_quantities_have_bounds_of_nature(quantity, good, bad):
    times = START + HOUR * np.arange(len(good) + len(bad))
    accepted, rejected, reasons = check(batch(times, good + bad, quantity))
    assert accepted.value.tolist() == good
    assert rejected.value.tolist() == bad
    assert len(reasons) == len(bad)


@pytest.mark.parametrize(("day", "first", "last"), [("2025-06-21", 2, 20), ("2025-12-21", 7, 15)])
def test_solar_power_by_night_is_set_aside_and_that_of_a_long_dusk_is_not(day, first, last):
    times = parse_utc(day) + HOUR * np.arange(24)
    power = np.where((times % DAY >= first * HOUR) & (times % DAY <= last * HOUR), 400.0, 0.0)
    assert not check(batch(times, power, "solar_forecast"))[2]
    _, rejected, reasons = check(batch(times, np.roll(power, 12), "solar_forecast"))
    assert set(reasons) == {"solar power at night"}
    assert parse_utc(day) in rejected.valid_time


@pytest.mark.skipif(not MARKET.is_file(), reason="the project's data are not beside this clone")
def test_nearly_all_of_nine_years_of_forecasts_and_prices_is_plausible():
    chunks = read_file(MARKET, "lastvagt-data", None, parse_utc("2026-01-01"))
    found = [(b.series.quantity, *map(len, check(b)[:2])) for chunk in chunks for b in chunk]
    assert sum(n for _, n, _ in found) > 660_000
    assert sum(n for q, _, n in found if q == "solar_forecast") <= 5
    assert sum(n for q, _, n in found if q != "solar_forecast") == 0


@pytest.mark.long
def test_a_day_is_judged_in_milliseconds(year):
    times, values, recent = day_of(*year, 100 * 24)
    begun = time.process_time()
    for _ in range(20):
        check(batch(times, values), recent)
    assert (time.process_time() - begun) / 20 < 0.02


@given(
    st.sampled_from(list(UNITS)),
    st.lists(st.tuples(st.integers(0, 400), st.floats()), max_size=20),
    st.none() | st.lists(st.floats(allow_infinity=False), min_size=1, max_size=40),
)
def test_every_row_is_either_accepted_or_rejected_with_a_reason(quantity, rows, past):
    times = START + HOUR * np.array([t for t, _ in rows], np.int64)
    given_batch = batch(times, [v for _, v in rows], quantity)
    recent = None if past is None else dataclasses.replace(history(START - 20 * HOUR, past, quantity), as_of=START + DAY)
    accepted, rejected, reasons = check(given_batch, recent)
    assert len(accepted) + len(rejected) == len(rows)
    assert len(rejected) == len(reasons)
    assert all(reasons)
    assert np.isfinite(accepted.value).all()


def metered(area, consumer_type, values):
    times = START + HOUR * np.arange(len(values))
    series = Series("load", area, "x", consumer_type)
    return check(Observations(series, times, times + 10 * DAY, np.asarray(values, float), np.zeros(len(values), np.uint8)))


@pytest.mark.parametrize(
    ("area", "kind", "good", "bad"),
    [
        ("851", "household", [55.0, 240.0], [20_000.0, 55_000.0]),
        ("825", "household", [1.2, 8.0], [600.0]),  # Læsø, with more holiday homes than dwellings
        ("1082", "business", [700.0, 900.0], [900_000.0]),
        ("OST", "household", [400.0, 1200.0], [400_000.0]),
        ("DK", "dk36-C", [800.0], [800_000.0]),
    ],
)
def test_metered_load_has_bounds_of_its_own_size(area, kind, good, bad):
    accepted, rejected, _ = metered(area, kind, good + bad)
    assert accepted.value.tolist() == good
    assert rejected.value.tolist() == bad


@pytest.mark.parametrize(
    ("area", "kind", "idle"),
    [
        ("DK1-plant", "total", True),
        ("DK1-131", "total", True),
        ("DK", "dk36-AB", True),
        ("851", "household", False),
        ("1082", "public", False),
        ("DK2", "total", False),
    ],
)
def test_a_plant_may_stand_still_and_a_town_may_not(area, kind, idle):
    assert len(metered(area, kind, [5.0, 0.0, 6.0])[1]) == (0 if idle else 1)
    assert len(metered(area, kind, [5.0] + [0.5] * 8)[1]) == (0 if idle else 7)
    assert len(metered(area, kind, [5.0, -1.0])[1]) == 1
