import time

import numpy as np
import pytest

from engine import sources
from engine.clock import SimulatedClock, is_free, iso, local_day_hour, parse_utc
from engine.config import Config
from engine.domain import DAY, HOUR, Flag
from engine.sources.energi_data_service import DayAheadPrices, ForecastsHour, GenerationProdTypeExchange
from engine.sources.open_meteo import Forecast
from engine.sources.simulated import SimulatedUpstream
from engine.sources.world import CAPACITY, World

NOW = parse_utc("2026-06-15T10:20Z")
CONFIG = Config(simulated=True)
LOAD, WEATHER = GenerationProdTypeExchange(CONFIG), Forecast(CONFIG)


def loads(now, start, end, seed=1):
    (request,) = LOAD.history_requests(start, end)
    return {
        b.series.area: b for b in LOAD.parse(request, SimulatedUpstream(SimulatedClock(now), seed).send(request, 1).body, now)
    }


def weather(now, quantity="temperature", area="DK1"):
    (request,) = WEATHER.requests(now, now)
    batches = WEATHER.parse(request, SimulatedUpstream(SimulatedClock(now)).send(request, 1).body, now)
    batch = next(b for b in batches if (b.series.quantity, b.series.area) == (quantity, area))
    return dict(zip(batch.valid_time.tolist(), batch.value.tolist(), strict=True))


def test_settings_choose_it_and_everything_from_it_says_that_it_is_simulated():
    clock = SimulatedClock(NOW)
    upstream = sources.transport(CONFIG, clock)
    for source in sources.live(CONFIG):
        for request in source.requests(NOW, None):
            batches = source.parse(request, upstream.send(request, 1.0).body, NOW)
            assert batches
            assert all(b.simulated for b in batches)


@pytest.mark.parametrize(("area", "mean"), [("DK1", 2600), ("DK2", 1500)])
def test_magnitudes_and_shape_are_those_of_denmark(area, mean):
    hours = np.arange(parse_utc("2025-01-01"), parse_utc("2026-01-01"), HOUR)
    load = World(1).load(area, hours)
    day, hour = local_day_hour(hours)
    free = np.array([is_free(d) for d in day.tolist()])
    weekend = (day + 3) % 7 >= 5
    month = hours.astype("datetime64[s]").astype("datetime64[M]").astype(int) % 12
    assert load.mean() == pytest.approx(mean, rel=0.03)
    assert load.min() > 0.45 * mean
    assert load.max() < 1.8 * mean
    assert load[month == 0].mean() > 1.2 * load[month == 6].mean()
    assert load[~weekend & ~free].mean() > 1.1 * load[weekend].mean()
    assert load[free & ~weekend].mean() < 0.95 * load[~weekend & ~free].mean()
    assert load[hour == 18].mean() > 1.2 * load[hour == 3].mean()


def test_cold_and_wind_raise_the_load():
    world = World(1)
    hours = np.arange(parse_utc("2024-01-01"), parse_utc("2026-01-01"), HOUR)
    month = hours.astype("datetime64[s]").astype("datetime64[M]").astype(int) % 12
    evening = (hours % DAY == 17 * HOUR) & (month < 2) & ((hours // DAY + 3) % 7 < 5)
    load, temperature = world.load("DK1", hours)[evening], world.weather("temperature_2m", "DK1", hours)[evening]
    assert np.corrcoef(load, temperature)[0, 1] < -0.4


def test_any_slice_agrees_with_any_other_and_a_seed_is_a_world():
    start = parse_utc("2026-03-27")
    whole = loads(NOW, start, start + 4 * DAY)["DK2"]
    part = loads(NOW, start + DAY + 5 * HOUR, start + 2 * DAY)["DK2"]
    at = np.searchsorted(whole.valid_time, part.valid_time)
    assert part.value.tolist() == whole.value[at].tolist()
    other = loads(NOW, start, start + 4 * DAY, seed=2)["DK2"]
    shared, a, b = np.intersect1d(whole.valid_time, other.valid_time, return_indices=True)
    assert len(shared) > 80
    assert not np.isclose(whole.value[a], other.value[b]).any()


def test_hours_appear_two_hours_late_and_are_revised_until_final():
    hour = parse_utc("2026-06-10T12:00Z")
    seen = []
    for age in (2 * HOUR - 60, 2 * HOUR, 4 * DAY, 13 * DAY):
        batches = loads(hour + age, hour, hour + HOUR)
        seen.append((batches["DK1"].value[0], batches["DK1"].flags[0]) if batches else None)
    assert seen[0] is None
    initial, preliminary, final = seen[1:]
    assert len({initial[0], preliminary[0], final[0]}) == 3
    assert initial[0] == pytest.approx(final[0], rel=0.03)
    assert [bool(x[1] & Flag.SETTLED) for x in (initial, preliminary, final)] == [False, False, True]


def test_publication_stalls_and_skips_now_and_then():
    lags = []
    for t in range(parse_utc("2026-02-01"), parse_utc("2026-06-01"), 5 * HOUR):
        newest = max(b.valid_time.max() for b in loads(t, t - DAY, t + HOUR).values())
        lags.append((t - newest) // HOUR)
    assert min(lags) == 2
    assert max(lags) > 2
    assert np.mean(np.array(lags) == 2) > 0.9
    years = [loads(NOW, NOW - (k + 1) * 170 * DAY, NOW - k * 170 * DAY)["DK1"] for k in range(1, 5)]
    assert any((np.diff(batch.valid_time) > HOUR).any() for batch in years)


def test_weather_forecasts_grow_worse_with_lead_time_and_renew_with_each_run():
    errors = {1: [], 6: []}
    for day in range(10):
        issued = parse_utc("2026-03-01T07:00Z") + day * DAY
        truth = weather(issued + 9 * DAY) | weather(issued + 7 * DAY + HOUR) | weather(issued + 2 * DAY)
        forecast = weather(issued)
        for lead, found in errors.items():
            t = issued + lead * DAY
            found.append(abs(forecast[t] - truth[t]) if t in truth else np.nan)
    assert np.nanmean(errors[1]) < np.nanmean(errors[6])
    assert np.nanmean(errors[1]) > 0.2
    assert weather(parse_utc("2026-03-01T07:00Z")) == weather(parse_utc("2026-03-01T11:00Z"))
    assert weather(parse_utc("2026-03-01T07:00Z")) != weather(parse_utc("2026-03-01T13:00Z"))


YEAR = np.arange(parse_utc("2025-01-01"), parse_utc("2026-01-01"), HOUR)


SOME = list(enumerate(YEAR))[::67]


def day_ahead(kind, area, hours=YEAR):
    return World(1).power_forecast(kind, area, hours, hours // DAY * DAY - 8 * HOUR)


@pytest.mark.parametrize(
    ("kind", "low", "high"), [("Solar", 0.07, 0.14), ("Onshore Wind", 0.2, 0.35), ("Offshore Wind", 0.3, 0.5)]
)
def test_power_follows_its_weather_and_fills_a_usual_share_of_its_capacity(kind, low, high):
    for area in ("DK1", "DK2"):
        power = day_ahead(kind, area)
        assert power.min() >= 0
        assert power.max() <= CAPACITY[kind, area]
        assert low < power.mean() / CAPACITY[kind, area] < high
        variable = "shortwave_radiation" if kind == "Solar" else "wind_speed_10m"
        assert np.corrcoef(power, World(1).weather(variable, area, YEAR))[0, 1] > 0.7


def test_wind_lowers_the_price_and_now_and_then_below_zero():
    world = World(1)
    wind = day_ahead("Onshore Wind", "DK1") + day_ahead("Offshore Wind", "DK1")
    for area in ("DK1", "DK2"):
        price = world.price(area, YEAR)
        assert np.corrcoef(price, wind)[0, 1] < -0.6
        assert 40 < price.mean() < 90
        assert -100 < price.min() < 0
        assert price.max() < 400


def test_the_grid_operator_errs_two_percent_a_day_ahead_and_half_of_it_at_the_hour():
    world = World(1)
    for area in ("DK1", "DK2"):
        error = {}
        for lead_h in (1, 24):
            forecast = np.concatenate([world.load_forecast(area, int(t) - lead_h * HOUR, YEAR[i : i + 1]) for i, t in SOME])
            truth = np.concatenate([world.load(area, YEAR[i : i + 1]) for i, _ in SOME])
            error[lead_h] = np.abs(forecast - truth).mean() / truth.mean()
        assert 0.01 < error[24] < 0.025
        assert 0.4 < error[1] / error[24] < 0.75


def day_ahead_values(source, now, start, end):
    upstream = SimulatedUpstream(SimulatedClock(parse_utc(now)))
    (request,) = source.history_requests(parse_utc(start), parse_utc(end))
    return source.parse(request, upstream.send(request, 1).body, parse_utc(now))


def test_tomorrow_appears_in_the_evening_and_its_prices_at_one():
    forecasts, prices = ForecastsHour(CONFIG), DayAheadPrices(CONFIG)
    for source, before, after in ((forecasts, "15:40", "16:05"), (prices, "10:50", "11:05")):
        newest = [
            {int(b.valid_time[-1]) for b in day_ahead_values(source, f"2026-06-15T{time}Z", "2026-06-15", "2026-06-20")}
            for time in (before, after)
        ]
        assert newest == [{parse_utc("2026-06-15T21:00Z")}, {parse_utc("2026-06-16T21:00Z")}]


def test_prices_are_late_now_and_then_but_never_beyond_the_next_hour():
    late = 0
    for day in range(60):
        one = parse_utc("2026-01-10T12:00Z") + day * DAY  # 13:00 in Denmark
        counts = [
            sum(map(len, day_ahead_values(DayAheadPrices(CONFIG), iso(now), iso(one), iso(one + 30 * HOUR))))
            for now in (one + 300, one + HOUR + 300)
        ]
        assert counts[1] == 2 * 30
        late += counts[0] < counts[1]
    assert 0 < late < 10


def test_danish_bounds_are_read_as_danish_time_unless_utc_is_asked_for():
    (request,) = LOAD.history_requests(parse_utc("2026-06-01"), parse_utc("2026-06-02"))
    danish = type(request)(request.dataset, request.url, {k: v for k, v in request.params.items() if k != "timezone"})
    batch = LOAD.parse(danish, SimulatedUpstream(SimulatedClock(NOW)).send(danish, 1).body, NOW)[0]
    assert batch.valid_time[0] == parse_utc("2026-05-31T22:00Z")


@pytest.mark.long
def test_ninety_days_are_made_quickly():
    upstream = SimulatedUpstream(SimulatedClock(NOW))
    (request,) = LOAD.requests(NOW, None)
    upstream.send(request, 1.0)
    begun = time.process_time()
    upstream.send(request, 1.0)
    assert time.process_time() - begun < 0.5
