import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import upstream as stand_in
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import sources
from engine.clock import SimulatedClock, iso, local_hours, parse_utc
from engine.config import Config
from engine.domain import DAY, HOUR, Expected, Flag
from engine.sources.energi_data_service import DayAheadPrices, Elspotprices, ForecastsHour, GenerationProdTypeExchange
from engine.sources.fetch import HttpTransport, Request
from engine.sources.simulated import SimulatedUpstream

NOW = parse_utc("2026-06-15T10:20Z")
SOURCE = GenerationProdTypeExchange(Config())
LIVE = Request(SOURCE.dataset, "http://x")
BACKFILL = Request(SOURCE.dataset, "http://x", backfill=True)
DATA = Path(__file__).parent / "data"


def row(hour=NOW - 3 * HOUR - 20 * 60, area="DK1", version="Initial", value=2500.0, **extra):
    time = iso(hour)[:19] if isinstance(hour, int) else hour
    return {"TimeUTC": time, "PriceArea": area, "Version": version, "GrossCon": value, **extra}


def body(*records, total=None):
    return json.dumps({"total": len(records) if total is None else total, "records": list(records)}).encode()


def test_requests_are_explicit_in_everything_the_service_guesses_otherwise():
    (request,) = SOURCE.requests(NOW, NOW - 3 * HOUR)
    assert request.params == {
        "start": "2026-06-13T11:00",
        "end": "2026-06-15T11:00",
        "timezone": "UTC",
        "columns": "TimeUTC,PriceArea,Version,GrossCon",
        "filter": '{"PriceArea":["DK1","DK2"]}',
        "sort": "TimeUTC,PriceArea",
        "limit": "0",
    }
    assert not request.backfill


def test_revisions_of_two_weeks_are_looked_for_once_a_day():
    starts = [SOURCE.requests(NOW + k * HOUR, NOW)[0].params["start"] for k in range(24)]
    assert starts.count("2026-06-01T08:00") == 1
    assert sum(start > "2026-06-13" for start in starts) == 23


def test_an_empty_store_asks_for_the_backfill_days_and_a_stale_one_from_its_newest_hour():
    (first,) = GenerationProdTypeExchange(Config(backfill_days=35)).requests(NOW, None)
    assert first.backfill
    assert first.params["start"] == "2026-05-11T11:00"
    (stale,) = SOURCE.requests(NOW, parse_utc("2026-04-01T03:00Z"))
    assert stale.params["start"] == "2026-04-01T03:00"


def test_history_comes_in_slices_that_join_and_begin_where_the_data_do():
    slices = SOURCE.history_requests(parse_utc("2010-01-01"), parse_utc("2017-01-01"))
    bounds = [(s.params["start"], s.params["end"]) for s in slices]
    assert bounds[0][0] == "2014-12-31T23:00"
    assert bounds[-1][1] == "2017-01-01T00:00"
    assert all(a[1] == b[0] for a, b in itertools.pairwise(bounds))
    assert SOURCE.history_requests(parse_utc("2010-01-01"), parse_utc("2011-01-01")) == []


def test_live_values_become_known_now_however_late_they_are():
    (batch,) = SOURCE.parse(LIVE, body(row(NOW // HOUR * HOUR - 50 * HOUR)), NOW)
    assert batch.available_at.tolist() == [NOW]
    assert batch.flags.tolist() == [Flag.PLAIN]


def test_backfilled_old_hours_get_the_nominal_lag_and_fresh_ones_now():
    hour = NOW // HOUR * HOUR
    (batch,) = SOURCE.parse(BACKFILL, body(row(hour - 9 * DAY, version="Final"), row(hour - 2 * HOUR)), NOW)
    assert batch.available_at.tolist() == [hour - 9 * DAY + 2 * HOUR, NOW]
    assert batch.flags.tolist() == [Flag.NOMINAL | Flag.SETTLED, Flag.PLAIN]


@pytest.mark.parametrize("order", [1, -1])
def test_the_best_version_of_an_hour_counts_in_any_order(order):
    rows = [row(version="Preliminary", value=1.0), row(version="Final", value=2.0)][::order]
    (batch,) = SOURCE.parse(LIVE, body(*rows), NOW)
    assert batch.value.tolist() == [2.0]
    assert batch.flags.tolist() == [Flag.SETTLED]


def test_missing_values_other_areas_and_unknown_columns_are_passed_over():
    answer = body(row(value=None), row(area="DK2", Biogas=1.0), row(area="SE3"))
    (batch,) = SOURCE.parse(LIVE, answer, NOW)
    assert (batch.series.area, len(batch)) == ("DK2", 1)


def test_a_bare_list_is_read_like_an_envelope():
    assert SOURCE.parse(LIVE, json.dumps([row()]).encode(), NOW)[0].value.tolist() == [2500.0]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda r: {k: v for k, v in r.items() if k != "GrossCon"}, "column 'GrossCon' is missing"),
        (lambda r: {("HourUTC" if k == "TimeUTC" else k): v for k, v in r.items()}, "column 'TimeUTC' is missing"),
        (lambda r: {**r, "GrossCon": "2.500,1"}, "GrossCon '2.500,1' is not a number"),
        (lambda r: {**r, "GrossCon": True}, "GrossCon 'True' is not a number"),
        (lambda r: {**r, "TimeUTC": 17}, "TimeUTC is not a text"),
        (lambda r: {**r, "TimeUTC": "2026-06-15T05:00:00+02:00"}, "is not a time in UTC"),
        (lambda r: {**r, "TimeUTC": "2026-06-15T05:15:00"}, "resolution changed"),
        (lambda r: {**r, "TimeUTC": "2926-06-15T05:00:00"}, "in the future"),
        (lambda r: {**r, "PriceArea": None}, "is not a text"),
    ],
)
def test_schema_drift_is_named(change, told):
    with pytest.raises(Expected, match=told):
        SOURCE.parse(LIVE, body(change(row())), NOW)


def test_a_truncated_list_is_not_taken_for_the_whole():
    with pytest.raises(Expected, match="only 1 of 5 rows"):
        SOURCE.parse(LIVE, body(row(), total=5), NOW)


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25)])
def test_clock_change_days_have_as_many_hours_as_they_last(day, hours):
    clock = SimulatedClock(parse_utc(f"{day}T00:00Z") + 3 * DAY)
    times = local_hours(np.datetime64(day).item())
    (request,) = SOURCE.history_requests(int(times[0]), int(times[-1]) + HOUR)
    answer = SimulatedUpstream(clock).send(request, 1.0).body
    for batch in SOURCE.parse(request, answer, clock.now()):
        assert batch.valid_time.tolist() == times.tolist()
        assert len(batch) == hours


@pytest.mark.gate("E6", "Errors of a clock-change day", target="Any hour of 25 missing, twice or contradicted: no value shifted")
def test_no_error_of_the_25_hour_day_shifts_a_value(gate):
    now = parse_utc("2026-10-26T10:20Z")
    cases = shifted = told = 0
    for source, name in (
        (SOURCE, "generation_prod_type_exchange_2026-10-25.json"),
        (DayAheadPrices(Config()), "day_ahead_prices_2026-10-25.json"),
    ):
        envelope = json.loads((DATA / name).read_bytes())

        def read(records, source=source):
            return {
                (b.series.area, t): x
                for b in source.parse(Request(source.dataset, "http://x"), body(*records), now)
                for t, x in zip(b.valid_time.tolist(), b.value.tolist(), strict=True)
            }

        rows = envelope["records"]
        true = read(rows)
        for i in range(len(rows)):
            for spoilt in (rows[:i] + rows[i + 1 :], [*rows[: i + 1], *rows[i:]]):
                cases += 1
                shifted += any(true[key] != x for key, x in read(spoilt).items())
        if source is SOURCE:
            for one in rows:
                cases += 1
                with pytest.raises(Expected, match="came twice for"):
                    read([*rows, {**one, "GrossCon": one["GrossCon"] + 1}])
                told += 1
    gate(f"{cases} spoilt answers of 25 October 2026: {shifted} with a shifted value, {told} contradictions of {told} told")
    assert shifted == 0


def test_a_25_hour_day_without_its_repeated_hour_shifts_nothing():
    """Recorded from the simulated upstream, with the defect of 2022-10-30: the first 02:00 of the day is absent."""
    answer = (DATA / "generation_prod_type_exchange_2026-10-25.json").read_bytes()
    times = local_hours(np.datetime64("2026-10-25").item())
    for batch in SOURCE.parse(LIVE, answer, parse_utc("2026-10-28")):
        missing = set(times.tolist()) - set(batch.valid_time.tolist())
        assert missing == {parse_utc("2026-10-25T00:00Z")}
        assert np.isfinite(batch.value).all()


def test_a_real_answer_of_an_older_dataset_is_an_envelope_with_other_columns():
    """46 records of ProductionConsumptionSettlement as sent in 2024 (Energinet, CC BY 4.0)."""
    answer = (DATA / "production_consumption_settlement_2024-01-22.json").read_bytes()
    with pytest.raises(Expected, match="column 'TimeUTC' is missing"):
        SOURCE.parse(LIVE, answer, NOW)


def test_frozen_publication_sends_nothing_newer():
    clock = SimulatedClock(NOW)
    with stand_in.Upstream(clock) as server:
        server.freeze(NOW - 2 * DAY)
        source = sources.live(server.config())[0]
        (request,) = source.requests(NOW, NOW // HOUR * HOUR - 3 * DAY)
        reply = HttpTransport().send(request, 10.0)
        assert max(b.valid_time.max() for b in source.parse(request, reply.body, NOW)) <= NOW - 2 * DAY - 2 * HOUR


# -- day-ahead forecasts and prices

FORECASTS, PRICES, OLD_PRICES = ForecastsHour(Config()), DayAheadPrices(Config()), Elspotprices(Config())
FORECAST_FIXTURE = Path(__file__).resolve().parents[2] / "shared" / "data" / "fixtures" / "Forecasts_Hour_2026-09-01.json"


def forecast_row(hour="2026-06-15T12:00:00", area="DK1", kind="Solar", value=900.0, **extra):
    return {"HourUTC": hour, "PriceArea": area, "ForecastType": kind, "ForecastDayAhead": value, **extra}


def price_rows(hour, *values, area="DK1"):
    return [
        {"TimeUTC": iso(parse_utc(hour) + 900 * i)[:19], "PriceArea": area, "DayAheadPriceEUR": value}
        for i, value in enumerate(values)
    ]


def asked(source, now, newest):
    return [(r.params["start"], r.params["end"]) for r in source.requests(parse_utc(now), newest and parse_utc(newest))]


def test_only_the_day_ahead_forecast_is_asked_for_and_read():
    """The other forecasts of the dataset are renewed until the hour and after it."""
    (request,) = FORECASTS.requests(NOW, NOW - 2 * HOUR)
    assert request.params["columns"] == "HourUTC,PriceArea,ForecastType,ForecastDayAhead"
    assert request.params["sort"] == "HourUTC,PriceArea,ForecastType"
    (batch,) = FORECASTS.parse(request, body(forecast_row(ForecastCurrent=1.0, Forecast1Hour=2.0)), NOW)
    assert (batch.series.quantity, batch.value.tolist(), batch.available_at.tolist()) == ("solar_forecast", [900.0], [NOW])


def test_the_kinds_become_quantities_and_what_is_not_out_yet_is_passed_over():
    answer = body(
        forecast_row(kind="Offshore Wind", value=1.0),
        forecast_row(kind="Onshore Wind", value=2.0, area="DK2"),
        forecast_row(hour="2026-06-16T12:00:00", value=None),
        forecast_row(kind="Tidal", value=3.0),
    )
    found = {(b.series.quantity, b.series.area): b.value.tolist() for b in FORECASTS.parse(LIVE, answer, NOW)}
    assert found == {("offshore_wind_forecast", "DK1"): [1.0], ("onshore_wind_forecast", "DK2"): [2.0]}


@pytest.mark.skipif(not FORECAST_FIXTURE.is_file(), reason="the project's data are not beside this clone")
def test_a_real_answer_of_forecasts_hour_is_read():
    batches = FORECASTS.parse(LIVE, FORECAST_FIXTURE.read_bytes(), parse_utc("2026-09-01"))
    found = {b.series.quantity: b.value.tolist() for b in batches}
    assert found == {
        "offshore_wind_forecast": [444.875, 446.333344],
        "onshore_wind_forecast": [305.0, 343.375],
        "solar_forecast": [0.0, 0.0],
    }


@pytest.mark.parametrize(
    ("source", "change", "told"),
    [
        (FORECASTS, {"ForecastType": "Sol"}, "ForecastType is none of Solar"),
        (FORECASTS, {"ForecastDayAhead": "12,5"}, "is not a number"),
        (FORECASTS, {"HourUTC": "2026-06-15T12:15:00"}, "resolution changed"),
        (FORECASTS, {"HourUTC": "2026-06-25T12:00:00"}, "in the future"),
        (PRICES, {"TimeUTC": "2026-06-15T12:05:00"}, "resolution changed"),
        (PRICES, {"TimeUTC": "2025-09-30T21:45:00"}, "before the first hour"),
        (OLD_PRICES, {"HourUTC": "2025-09-30T22:00:00"}, "in the future"),
    ],
)
def test_drift_of_day_ahead_datasets_is_named(source, change, told):
    row = forecast_row(TimeUTC="2026-06-15T12:00:00", DayAheadPriceEUR=1.0, SpotPriceEUR=1.0)
    with pytest.raises(Expected, match=told):
        source.parse(LIVE, body({**row, **change}), NOW)


def test_an_hours_price_is_the_mean_of_its_quarters_and_an_hour_that_lacks_one_is_not_stored():
    answer = body(
        *price_rows("2026-06-15T10:00Z", 10.0, 20.0, -30.0, 40.0),
        *price_rows("2026-06-15T11:00Z", 10.0, 20.0, 30.0),
        *price_rows("2026-06-15T12:00Z", 10.0, None, 30.0, 40.0),
        *price_rows("2026-06-15T13:00Z", 1.0, 1.0, 1.0, 1.0)[::-1],
    )
    (batch,) = PRICES.parse(LIVE, answer, NOW)
    assert dict(zip(map(iso, batch.valid_time.tolist()), batch.value.tolist(), strict=True)) == {
        "2026-06-15T10:00:00Z": 10.0,
        "2026-06-15T13:00:00Z": 1.0,
    }
    with pytest.raises(Expected, match="resolution changed"):
        PRICES.parse(LIVE, body(*price_rows("2026-06-15T10:00Z", 10.0)), NOW)


def test_the_two_price_datasets_join_without_gap_or_overlap():
    span = parse_utc("2025-09-01"), parse_utc("2025-11-01")
    clock = SimulatedClock(NOW)
    upstream = SimulatedUpstream(clock)
    hours = []
    for source in (OLD_PRICES, PRICES):
        for request in source.history_requests(*span):
            for batch in source.parse(request, upstream.send(request, 1.0).body, NOW):
                assert batch.series.source == "energidataservice"
                assert (batch.flags == Flag.NOMINAL).all()
                if batch.series.area == "DK2":
                    hours += batch.valid_time.tolist()
    assert hours == list(range(*span, HOUR))
    assert OLD_PRICES.history_requests(parse_utc("2025-10-01"), NOW) == []
    assert PRICES.history_requests(parse_utc("2024-10-01"), parse_utc("2025-01-01")) == []


@pytest.mark.parametrize(
    ("source", "now", "newest", "expected"),
    [
        # 12:55 and 13:05 in Denmark; tomorrow ends at 22:00 UTC in summer, at 23:00 in winter.
        (PRICES, "2026-06-15T10:55Z", "2026-06-15T21:00Z", []),
        (PRICES, "2026-06-15T11:05Z", "2026-06-15T21:00Z", [("2026-06-14T22:00", "2026-06-16T22:00")]),
        (PRICES, "2026-06-15T11:05Z", "2026-06-16T21:00Z", []),
        (PRICES, "2026-01-15T11:55Z", "2026-01-15T22:00Z", []),
        (PRICES, "2026-01-15T12:05Z", "2026-01-15T22:00Z", [("2026-01-14T23:00", "2026-01-16T23:00")]),
        # Before and after the clock goes back, and three days missed.
        (PRICES, "2026-10-24T11:05Z", "2026-10-24T21:00Z", [("2026-10-23T22:00", "2026-10-25T23:00")]),
        (PRICES, "2026-10-24T11:05Z", "2026-10-25T22:00Z", []),
        (PRICES, "2026-06-15T08:00Z", "2026-06-12T21:00Z", [("2026-06-12T21:00", "2026-06-15T22:00")]),
        (FORECASTS, "2026-06-15T15:55Z", "2026-06-15T21:00Z", []),
        (FORECASTS, "2026-06-15T16:05Z", "2026-06-15T21:00Z", [("2026-06-14T22:00", "2026-06-16T22:00")]),
        (PRICES, "2026-06-15T08:00Z", None, [("2026-03-17T08:00", "2026-06-16T22:00")]),
    ],
)
def test_day_ahead_values_are_asked_for_when_they_are_due_and_until_they_are_there(source, now, newest, expected):
    assert asked(source, now, newest) == expected


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25)])
@pytest.mark.parametrize("source", [FORECASTS, PRICES])
def test_clock_change_days_of_day_ahead_values(source, day, hours):
    clock = SimulatedClock(parse_utc(f"{day}T00:00Z") + 3 * DAY)
    times = local_hours(np.datetime64(day).item())
    (request,) = source.history_requests(int(times[0]), int(times[-1]) + HOUR)
    batches = source.parse(request, SimulatedUpstream(clock).send(request, 1.0).body, clock.now())
    assert {b.series.area for b in batches} == {"DK1", "DK2"}
    for batch in batches:
        assert batch.valid_time.tolist() == times.tolist()
        assert len(batch) == hours
        assert len(set(batch.available_at.tolist())) == 1


def test_a_quarter_that_a_25_hour_day_lacks_costs_its_hour_and_shifts_nothing():
    """Recorded from the simulated upstream, without 2026-10-25T00:30Z of DK1."""
    answer = (DATA / "day_ahead_prices_2026-10-25.json").read_bytes()
    times = local_hours(np.datetime64("2026-10-25").item())
    missing = {b.series.area: set(times.tolist()) - set(b.valid_time.tolist()) for b in PRICES.parse(LIVE, answer, times[-1])}
    assert missing == {"DK1": {parse_utc("2026-10-25T00:00Z")}, "DK2": set()}


def test_a_backfill_knows_past_days_by_rule_and_tomorrow_since_now():
    now = parse_utc("2026-06-15T11:10Z")
    clock = SimulatedClock(now)
    (request,) = PRICES.requests(now, None)
    for batch in PRICES.parse(request, SimulatedUpstream(clock).send(request, 1.0).body, now):
        past = batch.available_at < now
        assert batch.valid_time[-1] == parse_utc("2026-06-16T21:00Z")
        assert (batch.flags == np.where(past, Flag.NOMINAL, Flag.PLAIN)).all()
        assert set(batch.available_at[batch.valid_time >= parse_utc("2026-06-15T22:00Z")]) == {parse_utc("2026-06-15T11:00Z")}


SOURCES = (SOURCE, FORECASTS, PRICES, OLD_PRICES)
WHOLE = {**row(), **forecast_row(hour="2020-06-15T12:00:00"), "DayAheadPriceEUR": 1.0, "SpotPriceEUR": 1.0}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["records", "total", *WHOLE]), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=400)
@given(st.sampled_from(SOURCES), st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
def test_only_expected_leaves_the_parser(source, answer):
    try:
        batches = source.parse(BACKFILL, answer, NOW)
    except Expected:
        return
    assert all(np.isfinite(b.value).all() and (b.available_at <= NOW).all() for b in batches)


@settings(max_examples=300)
@given(st.sampled_from(SOURCES), st.sampled_from(list(WHOLE)), JSON)
def test_one_wrong_cell_is_named_or_skipped_and_never_nan(source, name, cell):
    try:
        batches = source.parse(LIVE, json.dumps({"records": [{**WHOLE, name: cell}]}).encode(), NOW)
    except Expected:
        return
    assert all(np.isfinite(b.value).all() for b in batches)


def test_deeply_nested_and_endless_numbers_are_no_bug_of_ours():
    for answer in (b"[" * 100_000, b'[{"TimeUTC":"2026-06-15T05:00:00","PriceArea":"DK1","Version":"Final","GrossCon":1e999}]'):
        with pytest.raises(Expected):
            SOURCE.parse(LIVE, answer, NOW)
    huge = body(row()).replace(b"2500.0", b"9" * 400)
    with pytest.raises(Expected, match="is not a number"):
        SOURCE.parse(LIVE, huge, NOW)
