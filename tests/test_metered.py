import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import geography, sources
from engine.clock import iso, local_hours, parse_utc
from engine.config import Config
from engine.domain import DAY, HOUR, Consumer, Expected, Flag
from engine.geography import Kind
from engine.sources.fetch import Request
from engine.sources.metered import (
    ConsumptionConsumerCategoryHour,
    ConsumptionDK3619IndustryHour,
    ConsumptionGridAreaHour,
    Metered,
    PartlyRead,
    PrivateConsumptionHeatingHour,
    ProductionConsumptionSettlement,
)

NOW = parse_utc("2026-06-15T10:20Z")
T = NOW // HOUR * HOUR - 12 * DAY
CONFIG = Config()
REGIONS, MUNICIPALITIES = ConsumptionConsumerCategoryHour(CONFIG), PrivateConsumptionHeatingHour(CONFIG)
INDUSTRIES, GRID_AREAS = ConsumptionDK3619IndustryHour(CONFIG), ConsumptionGridAreaHour(CONFIG)
SETTLEMENT = ProductionConsumptionSettlement(CONFIG)
DATA = Path(__file__).parent / "data"
LIVE = Request("energidataservice/X", "http://x")
BACKFILL = Request("energidataservice/X", "http://x", backfill=True)


def body(*rows, total=None):
    return json.dumps({"total": len(rows) if total is None else total, "records": list(rows)}, ensure_ascii=False).encode()


def region(name="Region Sjælland", kind="Privat", kwh=250_000.0, hour=T, above="Privat"):
    row = {"TimeUTC": iso(hour)[:19], "RegionName": name, "ConsumerCategory2": above, "ConsumerCategory3": kind}
    return {**row, "ConsumptionkWh": kwh}


def dwelling(code=851, housing="Etageejendom", heating="-", kwh=1000.0, hour=T):
    row = {"TimeUTC": iso(hour)[:19], "MunicipalityCode": code, "HousingCategory": housing, "HeatingCategory": heating}
    return {**row, "ConsumptionkWh": kwh}


def loads(source, *rows, request=LIVE, now=NOW):
    return {
        Consumer(b.series.area, b.series.consumer_type): dict(zip(b.valid_time.tolist(), b.value.tolist(), strict=True))
        for b in source.parse(request, body(*rows), now)
    }


# -- labels


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Region Nordjylland", "1081"),
        ("Midtjylland", "1082"),
        ("REGION SYDDANMARK", "1083"),
        (" region  Hovedstaden ", "1084"),
        ("Region SjÃ¦lland", "1085"),
        ("Region Sj?lland", "1085"),
        ("Region Sj\ufffdlland", "1085"),
        ("Region Sj&aelig;lland", "1085"),
        ("Sjaelland", "1085"),
        ("Region Østdanmark", "OST"),
        ("Region Ã˜stdanmark", "OST"),
        ("Østdanmark", "OST"),
        ("1082", "1082"),
    ],
)
def test_a_region_is_known_however_its_name_came(name, code):
    assert list(loads(REGIONS, region(name))) == [Consumer(code, "household")]


@given(
    st.sampled_from([a for a in geography.AREAS.values() if a.kind is Kind.REGION]),
    st.sampled_from(["cp1252", "cp850", "latin-1"]),
)
def test_danish_names_survive_any_wrong_decoding(area, wrong):
    garbled = area.name_da.encode("utf-8").decode(wrong, "replace")
    assert list(loads(REGIONS, region(garbled))) == [Consumer(area.code, "household")]


def test_the_three_categories_become_types_and_kwh_become_mwh():
    rows = [
        region(kind=kind, kwh=kwh) for kind, kwh in (("Privat", 1500.0), ("Erhverv", 2500.5), ("Offentlige foretagender", 0.4))
    ]
    found = loads(REGIONS, *rows)
    assert {kind: by_hour[T] for (_, kind), by_hour in found.items()} == {"household": 1.5, "business": 2.5005, "public": 0.0004}


def test_megawatt_hours_stay_what_they_are():
    row = {"TimeUTC": iso(T)[:19], "DK36Code": "PR", "Consumption_MWh": 812.25}
    assert loads(INDUSTRIES, row) == {Consumer("DK", "dk36-PR"): {T: 812.25}}
    with pytest.raises(Expected, match="column 'Consumption_MWh' is missing"):
        loads(INDUSTRIES, {"TimeUTC": iso(T)[:19], "DK36Code": "PR", "ConsumptionkWh": 812.25})


@pytest.mark.parametrize("code", [131, "131", "0131", 131.0])
def test_a_grid_area_hangs_under_its_price_area(code):
    row = {"TimeUTC": iso(T)[:19], "PriceArea": "DK1", "GridArea": code, "ConsumptionkWh": 5000}
    (consumer,) = loads(GRID_AREAS, row)
    assert consumer == Consumer("DK1-131")
    assert geography.measure(consumer) is geography.Measure.GRID_AREA


def test_what_is_unknown_is_named_and_the_rest_is_read():
    with pytest.raises(PartlyRead, match="'Region Atlantis'") as told:
        loads(REGIONS, region(), region("Region Atlantis"), region(kind="Robotter"))
    assert "'Robotter'" in told.value.problem
    assert [b.series.area for b in told.value.batches] == ["1085"]
    with pytest.raises(Expected, match="nothing is known of 'Region Atlantis'") as drift:
        loads(REGIONS, region("Region Atlantis"))
    assert not isinstance(drift.value, PartlyRead)


# -- municipalities


@pytest.mark.parametrize("code", [851, "851", "0851", 851.0, " 851 "])
def test_a_municipality_is_known_by_number_or_text(code):
    assert list(loads(MUNICIPALITIES, dwelling(code))) == [Consumer("851", "household")]


def test_all_dwellings_and_heatings_are_added_also_the_nameless_one():
    rows = [
        dwelling(heating=heating, kwh=kwh) for heating, kwh in (("Elvarme eller varmepumpe", 1000), ("Andet", 200), ("-", 30))
    ]
    rows += [dwelling(housing="Fritidshuse", heating="-", kwh=4), dwelling(101, kwh=7)]
    assert loads(MUNICIPALITIES, *rows) == {Consumer("851", "household"): {T: 1.234}, Consumer("101", "household"): {T: 0.007}}


def test_rows_of_no_municipality_are_passed_over_and_unknown_codes_are_told():
    assert list(loads(MUNICIPALITIES, dwelling(None), dwelling("-"), dwelling(411), dwelling())) == [Consumer("851", "household")]
    with pytest.raises(PartlyRead, match="'999'"):
        loads(MUNICIPALITIES, dwelling(999), dwelling())


HEATINGS = ("Elvarme eller varmepumpe", "Andet", "-")


@settings(max_examples=60)
@given(st.sets(st.tuples(st.integers(0, 23), st.sampled_from(HEATINGS)), max_size=20), st.booleans())
def test_an_hour_without_a_category_of_its_day_is_left_out_and_no_sum_is_too_small(missing, as_null):
    hours = local_hours(np.datetime64("2026-06-02").item()).tolist()
    rows = []
    for i, hour in enumerate(hours):
        for heating in HEATINGS:
            if (i, heating) not in missing:
                rows.append(dwelling(heating=heating, kwh=1000.0, hour=hour))
            elif as_null:
                rows.append(dwelling(heating=heating, kwh=None, hour=hour))
    found = loads(MUNICIPALITIES, *rows)[Consumer("851", "household")]
    expected = {hour: 3.0 for i, hour in enumerate(hours) if not any((i, heating) in missing for heating in HEATINGS)}
    assert found == expected


def test_a_category_that_begins_or_ends_with_a_day_costs_nothing():
    days = [local_hours(np.datetime64(day).item()).tolist() for day in ("2026-06-01", "2026-06-02")]
    rows = [dwelling(hour=hour) for day in days for hour in day] + [dwelling(housing="Andet", hour=hour) for hour in days[1]]
    found = loads(MUNICIPALITIES, *rows)[Consumer("851", "household")]
    assert [found[hour] for hour in days[0]] == [1.0] * 24
    assert [found[hour] for hour in days[1]] == [2.0] * 24


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2025-10-26", 25)])
def test_clock_change_days(day, hours):
    times = local_hours(np.datetime64(day).item()).tolist()
    (by_hour,) = loads(MUNICIPALITIES, *(dwelling(hour=t, heating=h) for t in times for h in HEATINGS)).values()
    assert by_hour == dict.fromkeys(times, 3.0)
    assert len(by_hour) == hours
    spans = [(r.params["start"], r.params["end"]) for r in MUNICIPALITIES.history_requests(times[0], times[-1] + HOUR)]
    assert spans == [(iso(times[0])[:16], iso(times[-1] + HOUR)[:16])]


@pytest.mark.parametrize("source", [REGIONS, MUNICIPALITIES, INDUSTRIES, GRID_AREAS, SETTLEMENT])
def test_an_empty_answer_is_nothing_and_a_torn_one_is_told(source):
    assert source.parse(LIVE, body(), NOW) == []
    with pytest.raises(Expected, match="only 0 of 9 rows"):
        source.parse(LIVE, body(total=9), NOW)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8), lambda x: st.lists(x, max_size=2)
)


@settings(max_examples=80)
@given(st.sampled_from([REGIONS, MUNICIPALITIES, INDUSTRIES, GRID_AREAS, SETTLEMENT]), st.data())
def test_nonsense_is_told_and_never_breaks(source, data):
    names = source._columns
    rows = data.draw(st.lists(st.fixed_dictionaries(dict.fromkeys(names, JSON)), min_size=1, max_size=3))
    if data.draw(st.booleans()):
        rows[0][names[0]] = iso(T)[:19]
    try:
        batches = source.parse(LIVE, json.dumps({"records": rows}).encode(), NOW)
    except PartlyRead as partly:
        batches = partly.batches
    except Expected:
        return
    assert all(np.isfinite(batch.value).all() for batch in batches)


# -- settlement


def test_a_real_settlement_answer_is_read():
    answer = (DATA / "production_consumption_settlement_2024-01-22.json").read_bytes()
    record = json.loads(answer)["records"][0]
    batches = SETTLEMENT.parse(LIVE, answer, NOW)
    assert {(b.series.quantity, b.series.source) for b in batches} == {
        ("settlement", "energidataservice"),
        ("self_consumption", "energidataservice"),
    }
    hour = parse_utc(f"{record['HourUTC']}Z")
    for quantity, column in (("settlement", "GrossConsumptionMWh"), ("self_consumption", "LocalPowerSelfConMWh")):
        batch = next(b for b in batches if (b.series.quantity, b.series.area) == (quantity, record["PriceArea"]))
        assert batch.value[batch.valid_time == hour] == record[column]


def test_settlement_is_asked_for_by_day_and_by_month():
    newest = NOW - 12 * DAY
    months, days = SETTLEMENT.requests(NOW, newest)
    assert (months.params["start"], days.params["start"]) == ("2025-12-17T11:00", "2026-05-31T11:00")
    assert (iso(months.good_since), iso(days.good_since)) == ("2026-06-01T06:30:00Z", "2026-06-15T06:30:00Z")
    assert [r.span for r in SETTLEMENT.requests(NOW, None)] == ["months"]
    early = parse_utc("2026-06-01T05:00Z")  # before the month's first renewal
    assert iso(SETTLEMENT.requests(early, newest)[0].good_since) == "2026-05-01T06:30:00Z"


# -- spans and when what is in them became known


def wanted(source, now, newest):
    return {r.span: r.good_since for r in source.requests(now, newest)}


def test_what_may_be_new_is_wanted_twice_a_day_and_what_is_old_only_to_see_revisions():
    newest = parse_utc("2026-06-03T21:00Z")
    found = wanted(MUNICIPALITIES, NOW, newest)
    morning = parse_utc("2026-06-15T06:30Z")
    assert found["2026-06-04"] == found["2026-06-15"] == morning
    assert wanted(MUNICIPALITIES, NOW + 3 * HOUR, newest)["2026-06-04"] == parse_utc("2026-06-15T12:30Z")
    assert wanted(MUNICIPALITIES, NOW + 3 * HOUR, newest)["2026-06-02"] == morning
    assert found["2026-05-25"] == parse_utc("2026-05-25T22:00Z") + 15 * DAY
    assert found["2026-04-01"] == parse_utc("2026-04-01T22:00Z") + 40 * DAY
    assert all(good_since <= NOW for good_since in found.values())


@settings(max_examples=50)
@given(
    st.integers(parse_utc("2024-01-01"), parse_utc("2028-01-01")), st.integers(0, 60), st.sampled_from([REGIONS, MUNICIPALITIES])
)
def test_spans_are_whole_days_without_gap_and_always_the_same(now, age_days, source: Metered):
    newest = (now - age_days * DAY) // HOUR * HOUR
    requests = sorted(source.requests(now, newest), key=lambda r: r.params["start"])
    assert all(a.params["end"] == b.params["start"] for a, b in itertools.pairwise(requests))
    assert requests[0].params["start"] <= iso(newest)[:16]
    assert requests[-1].params["end"] > iso(now)[:16]
    assert {r.span for r in requests[:-1]} <= {r.span for r in source.history_requests(now - 200 * DAY, now)}
    assert all(not r.expects_data for r in requests)


def test_published_days_come_before_those_that_nobody_can_know():
    order = [r.span for r in MUNICIPALITIES.requests(NOW, None)]
    assert order[:2] == ["2026-06-05", "2026-06-04"]
    assert order[-2:] == ["2026-06-07", "2026-06-06"]


def test_history_begins_where_the_data_do():
    first, *_ = MUNICIPALITIES.history_requests(parse_utc("2019-01-01"), parse_utc("2021-03-01"))
    assert first.params["start"] == "2020-12-31T23:00"
    assert MUNICIPALITIES.history_requests(parse_utc("2019-01-01"), parse_utc("2020-01-01")) == []


def test_live_values_became_known_now_and_old_ones_after_the_usual_lag():
    midnight = parse_utc("2026-05-01T22:00Z")
    row = dwelling(hour=midnight - 5 * HOUR)
    for request, known, flag in (
        (LIVE, NOW, Flag.PLAIN),
        (BACKFILL, midnight + 10 * DAY, Flag.NOMINAL),
        (Request("x", "x", backfill=True, lag_s=11 * DAY), midnight + 11 * DAY, Flag.NOMINAL),
        (Request("x", "x", backfill=True, lag_s=90 * DAY), NOW, Flag.PLAIN),
    ):
        (batch,) = MUNICIPALITIES.parse(request, body(row), NOW)
        assert (batch.available_at.tolist(), batch.flags.tolist()) == ([known], [flag])


def test_settings_choose_the_datasets_and_say_what_they_cost():
    names = {"fetch_regions": REGIONS, "fetch_municipalities": MUNICIPALITIES, "fetch_industries": INDUSTRIES}
    for name, source in names.items():
        for found in (sources.live, sources.history):
            assert not any(s.dataset == source.dataset for s in found(CONFIG))
            assert any(s.dataset == source.dataset for s in found(Config(**{name: True})))
        assert "MB" in Config.help_of(name)
        assert "request" in Config.help_of(name)
    assert any(s.dataset == SETTLEMENT.dataset for s in sources.live(CONFIG))
    assert not any(s.dataset == SETTLEMENT.dataset for s in sources.live(Config(fetch_settlement=False)))


def test_only_a_mirror_of_ones_own_is_asked_without_a_pause():
    def pause(config):
        return PrivateConsumptionHeatingHour(config).requests(NOW, NOW)[0].manners.turn_s

    assert pause(CONFIG) > 60
    assert pause(Config(mirror=True)) == 0
