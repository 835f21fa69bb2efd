import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.clock import SimulatedClock, parse_utc
from engine.config import Config
from engine.domain import DAY, HORIZON_H, HOUR, UNITS, WEATHER, Expected, Flag
from engine.geography import AREAS
from engine.sources import open_meteo
from engine.sources.fetch import Request
from engine.sources.open_meteo import Forecast, PreviousRuns, Reanalysis
from engine.sources.simulated import SimulatedUpstream

NOW = parse_utc("2026-06-15T10:20Z")
HERE = NOW // HOUR * HOUR
POINTS = sum(len(area.points) for area in AREAS.values())
RECORDED = (Path(__file__).parent / "data" / "open_meteo_forecast_2026-06-15.json").read_bytes()
FORECAST = Forecast(Config())
(LIVE,) = FORECAST.requests(NOW, NOW + 8 * DAY)


def answer(request, now=NOW):
    return SimulatedUpstream(SimulatedClock(now)).send(request, 1.0).body


def by_key(batches):
    return {(b.series.quantity, b.series.area): b for b in batches}


def recorded(change):
    """The recorded answer, changed; it holds 12 hours from 2026-06-15T06:00 of the live request's 11 points."""
    elements = json.loads(RECORDED)
    return json.dumps(change(elements) or elements).encode()


def test_one_call_asks_for_all_points_in_our_units_and_world_time():
    params = LIVE.params
    assert params["latitude"].count(",") == params["longitude"].count(",") == POINTS - 1
    assert params["timezone"] == "GMT"
    assert params["wind_speed_unit"] == "ms"
    assert params["hourly"].split(",")[0] == "temperature_2m"
    assert "apikey" not in params


def test_every_quantity_of_both_price_areas_reaches_the_horizon_until_the_next_fetch():
    batches = by_key(FORECAST.parse(LIVE, answer(LIVE), NOW))
    assert set(batches) == {(q, a) for q in WEATHER for a in ("DK1", "DK2")}
    for batch in batches.values():
        assert batch.valid_time.max() >= NOW + FORECAST.every_s + HORIZON_H * HOUR
        assert (np.diff(batch.valid_time) == HOUR).all()
        assert (batch.available_at == NOW).all()
        assert (batch.flags == Flag.PLAIN).all()
        assert batch.series.unit == UNITS[batch.series.quantity]


def test_an_empty_store_gets_past_hours_as_known_three_hours_later_and_coming_hours_now():
    (request,) = Forecast(Config(backfill_days=30)).requests(NOW, None)
    assert request.params["past_days"] == "30"
    batch = by_key(FORECAST.parse(request, answer(request), NOW))["temperature", "DK1"]
    old = batch.valid_time + 3 * HOUR < NOW
    assert (batch.available_at[old] == batch.valid_time[old] + 3 * HOUR).all()
    assert (batch.flags[old] == Flag.NOMINAL).all()
    assert (batch.available_at[~old] == NOW).all()
    assert (batch.flags[~old] == Flag.PLAIN).all()


def test_after_a_long_pause_the_missed_days_are_asked_for():
    newest = NOW - 20 * DAY  # nine days beyond the last fetch
    (request,) = FORECAST.requests(NOW, newest)
    assert request.params["past_days"] == "31"
    assert FORECAST.requests(NOW, NOW - 900 * DAY)[0].params["past_days"] == "92"


def test_radiation_is_moved_to_the_hour_it_is_the_mean_of():
    batches = by_key(FORECAST.parse(LIVE, RECORDED, NOW))
    assert batches["temperature", "DK1"].valid_time[0] == parse_utc("2026-06-15T06:00Z")
    assert batches["global_radiation", "DK1"].valid_time[0] == parse_utc("2026-06-15T05:00Z")


def test_an_area_is_the_weighted_mean_of_the_points_that_have_a_value():
    elements = json.loads(RECORDED)
    weights = np.array([p[2] for p in AREAS["DK1"].points])
    column = np.array([e["hourly"]["temperature_2m"] for e in elements[:6]], float)  # one None, at point 2, hour 3
    batch = by_key(FORECAST.parse(LIVE, RECORDED, NOW))["temperature", "DK1"]
    kept = np.arange(6) != 2
    assert batch.value[0] == pytest.approx(weights @ column[:, 0] / weights.sum(), abs=0.051)
    assert batch.value[3] == pytest.approx(weights[kept] @ column[kept, 3] / weights[kept].sum(), abs=0.051)


def test_an_hour_without_any_point_is_left_out_for_its_area_alone():
    batches = by_key(FORECAST.parse(LIVE, RECORDED, NOW))  # DK2 has no wind in the sixth hour
    assert len(batches["wind_speed", "DK1"]) == 12
    assert parse_utc("2026-06-15T11:00Z") not in batches["wind_speed", "DK2"].valid_time
    assert len(batches["wind_speed", "DK2"]) == 11


def test_a_single_point_comes_as_an_object(monkeypatch):
    monkeypatch.setattr(open_meteo, "_POINTS", [("DK1", 56.16, 10.2, 1.0)])
    (request,) = FORECAST.requests(NOW, NOW)
    body = answer(request)
    assert isinstance(json.loads(body), dict)
    assert {b.series.area for b in FORECAST.parse(request, body, NOW)} == {"DK1"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda e: e.pop(), "10 points were sent, 11 were asked for"),
        (lambda e: e[1:] + e[:1], "another order"),
        (lambda e: e[3].pop("hourly"), "no table 'hourly'"),
        (lambda e: e[3]["hourly"].pop("cloud_cover"), "'cloud_cover' is missing"),
        (lambda e: e[3]["hourly"]["cloud_cover"].pop(), "of another length"),
        (lambda e: e[0]["hourly"]["temperature_2m"].__setitem__(0, "warm"), "not a number"),
        (lambda e: e[0]["hourly_units"].__setitem__("wind_speed_10m", "km/h"), "wind_speed_10m came in 'km/h'"),
        (lambda e: e[0]["hourly"]["time"].__setitem__(0, "2026-06-15T06:30"), "not hourly"),
        (lambda e: e[0]["hourly"]["time"].__setitem__(0, "today"), "no time in GMT"),
        (lambda e: e[5]["hourly"].__setitem__("time", [*e[5]["hourly"]["time"][:-1], "2026-06-15T18:00"]), "without gaps"),
    ],
)
def test_schema_drift_is_named(change, told):
    def apply(elements):
        result = change(elements)
        return result if isinstance(result, list) and len(result) == POINTS else None

    with pytest.raises(Expected, match=told):
        FORECAST.parse(LIVE, recorded(apply), NOW)


def test_a_key_goes_to_the_host_of_paying_customers_and_a_mirror_stays_as_it_is():
    keyed = Forecast(Config(open_meteo_api_key="k")).requests(NOW, NOW)[0]
    assert keyed.url == "https://customer-api.open-meteo.com/v1/forecast"
    assert keyed.params["apikey"] == "k"
    mirror = Config(open_meteo_api_key="k", open_meteo_archive_url="http://weather.example.dk")
    assert Reanalysis(mirror).history_requests(0, DAY)[0].url == "http://weather.example.dk/v1/archive"
    previous = PreviousRuns(Config(open_meteo_api_key="k")).history_requests(NOW - DAY, NOW)[0]
    assert previous.url == "https://customer-previous-runs-api.open-meteo.com/v1/forecast"


def test_previous_runs_become_known_that_many_days_before_their_hour():
    source = PreviousRuns(Config())
    (request,) = source.history_requests(NOW - 5 * DAY, NOW)
    everything = source.parse(request, answer(request), NOW)
    batches = [b for b in everything if (b.series.quantity, b.series.area) == ("temperature", "DK2")]
    ahead = [set(((b.valid_time - b.available_at) // HOUR).tolist()) for b in batches]
    assert ahead == [{-3}] + [{24 * n} for n in range(1, 8)]
    radiation = [b for b in everything if (b.series.quantity, b.series.area) == ("global_radiation", "DK2")]
    assert ((radiation[1].valid_time - radiation[1].available_at) == 23 * HOUR).all()
    for batch in batches:
        assert (batch.flags == Flag.NOMINAL).all()
        assert (batch.available_at <= NOW).all()
        assert batch.series.source == "open-meteo-previous-runs"
    truth, day1, day7 = (dict(zip(b.valid_time.tolist(), b.value, strict=True)) for b in (batches[0], batches[1], batches[7]))
    errors = [np.mean([abs(day[t] - truth[t]) for t in truth]) for day in (day1, day7)]
    assert errors[0] < errors[1]


def test_reanalysis_is_ex_post_visible_to_every_issue_and_serves_only_what_previous_runs_cannot():
    source = Reanalysis(Config())
    requests = source.history_requests(parse_utc("2020-06-01"), NOW)
    assert requests[0].params["start_date"] == "2020-06-01"
    assert requests[-1].params["end_date"] == "2023-12-31"
    for before, after in itertools.pairwise(requests):
        assert parse_utc(after.params["start_date"]) - parse_utc(before.params["end_date"]) == DAY
    (request,) = source.history_requests(parse_utc("2021-01-05"), parse_utc("2021-01-07"))
    for batch in source.parse(request, answer(request), NOW):
        assert (batch.valid_time - batch.available_at == 8 * DAY).all()
        assert (batch.flags == Flag.EX_POST).all()
        assert batch.series.rank == 1
    first = PreviousRuns(Config()).history_requests(parse_utc("2020-06-01"), parse_utc("2024-03-01"))[0]
    assert first.params["start_date"] == "2024-01-01"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["hourly", "time", "temperature_2m"]), inner),
    max_leaves=10,
)


@settings(max_examples=200)
@given(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
def test_only_expected_leaves_the_parser(body):
    with pytest.raises(Expected):
        FORECAST.parse(LIVE, body, NOW)


@settings(max_examples=100)
@given(
    st.integers(0, POINTS - 1),
    st.sampled_from(["time", "temperature_2m", "shortwave_radiation", "hourly", "location_id", "hourly_units"]),
    JSON,
    st.integers(0, 11),
)
def test_one_wrong_place_is_named_or_skipped_and_never_nan(point, name, value, hour):
    elements = json.loads(RECORDED)
    target = elements[point]["hourly"] if name in elements[point]["hourly"] else elements[point]
    if isinstance(target.get(name), list):
        target[name][hour] = value
    else:
        target[name] = value
    try:
        batches = FORECAST.parse(LIVE, json.dumps(elements).encode(), NOW)
    except Expected:
        return
    assert all(np.isfinite(b.value).all() for b in batches)


def test_an_answer_to_another_question_is_refused():
    with pytest.raises(Expected, match="were asked for"):
        FORECAST.parse(Request("open-meteo/forecast", "http://x"), RECORDED, NOW)
