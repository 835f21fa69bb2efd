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
from engine.sources.energi_data_service import GenerationProdTypeExchange
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
        "start": "2026-05-31T11:00",
        "end": "2026-06-15T11:00",
        "timezone": "UTC",
        "columns": "TimeUTC,PriceArea,Version,GrossCon",
        "filter": '{"PriceArea":["DK1","DK2"]}',
        "sort": "TimeUTC,PriceArea",
        "limit": "0",
    }
    assert not request.backfill


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
        (request,) = source.requests(NOW, NOW - 3 * DAY)
        reply = HttpTransport().send(request, 10.0)
        assert max(b.valid_time.max() for b in source.parse(request, reply.body, NOW)) <= NOW - 2 * DAY - 2 * HOUR


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["records", "total", *row()]), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=300)
@given(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
def test_only_expected_leaves_the_parser(answer):
    try:
        batches = SOURCE.parse(BACKFILL, answer, NOW)
    except Expected:
        return
    assert all(np.isfinite(b.value).all() and (b.available_at <= NOW).all() for b in batches)


@settings(max_examples=200)
@given(st.sampled_from(list(row())), JSON)
def test_one_wrong_cell_is_named_or_skipped_and_never_nan(name, cell):
    try:
        batches = SOURCE.parse(LIVE, json.dumps({"records": [{**row(), name: cell}]}).encode(), NOW)
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
