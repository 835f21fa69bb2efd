from pathlib import Path

import numpy as np
import pytest
import upstream as stand_in
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import pipeline, sources
from engine.clock import SimulatedClock, iso, local_hours, parse_utc
from engine.config import Config
from engine.domain import HOUR, Expected, Flag
from engine.sources.entsoe import ZONES, DayAheadLoadForecast
from engine.sources.fetch import HttpTransport
from engine.store import FOREVER, Reader, Writer

NOW = parse_utc("2026-10-24T09:05Z")
TOKEN = stand_in.TOKEN
SOURCE = DayAheadLoadForecast(Config(entsoe_token=TOKEN))
DK1, DK2 = SOURCE.requests(NOW, None)
DATA = Path(__file__).parent / "data"


def period(start, end, resolution, *points):
    """Points are quantities, or (position, quantity)."""
    pairs = [p if isinstance(p, tuple) else (i + 1, p) for i, p in enumerate(points)]
    lines = "".join(f"<Point><position>{p}</position><quantity>{q}</quantity></Point>" for p, q in pairs)
    interval = f"<timeInterval><start>2026-10-24T{start}Z</start><end>2026-10-24T{end}Z</end></timeInterval>"
    return f"<Period>{interval}<resolution>{resolution}</resolution>{lines}</Period>"


def series(*periods, curve="A03", zone=ZONES["DK1"], unit="MAW"):
    return (
        f"<TimeSeries><outBiddingZone_Domain.mRID codingScheme='A01'>{zone}</outBiddingZone_Domain.mRID>"
        f"<quantity_Measure_Unit.name>{unit}</quantity_Measure_Unit.name><curveType>{curve}</curveType>"
        f"{''.join(periods)}</TimeSeries>"
    )


def document(*parts, kind="A65", process="A01", head="", edition="3:0"):
    namespace = f"urn:iec62325.351:tc57wg16:451-6:generationloaddocument:{edition}"
    types = f"<type>{kind}</type><process.processType>{process}</process.processType>"
    return f"{head}<GL_MarketDocument xmlns='{namespace}'>{types}{''.join(parts)}</GL_MarketDocument>".encode()


def acknowledgement(code, text):
    return (
        '<Acknowledgement_MarketDocument xmlns="urn:iec62325.351:tc57wg16:451-1:acknowledgementdocument:7:0">'
        f"<Reason><code>{code}</code><text>{text}</text></Reason></Acknowledgement_MarketDocument>"
    ).encode()


def read(*parts, now=NOW, **more):
    batches = SOURCE.parse(DK1, document(*parts, **more), now)
    return {iso(t)[11:13]: v for b in batches for t, v in zip(b.valid_time.tolist(), b.value.tolist(), strict=True)}


def test_it_asks_for_what_has_not_begun_and_never_for_the_past():
    for newest in (None, NOW - 400 * HOUR):
        requests = SOURCE.requests(NOW, newest)
        assert [r.params["outBiddingZone_Domain"] for r in requests] == ["10YDK-1--------W", "10YDK-2--------M"]
        for request in requests:
            assert request.url == "https://web-api.tp.entsoe.eu/api"
            # The 25th has 25 hours and ends at 23:00 UTC.
            assert (request.params["periodStart"], request.params["periodEnd"]) == ("202610241000", "202610252300")
            assert (request.params["documentType"], request.params["processType"]) == ("A65", "A01")
    assert not hasattr(SOURCE, "history_requests")


def test_without_a_token_nobody_asks():
    assert not any(s.dataset.startswith("entsoe") for s in sources.live(Config()))
    assert any(s.dataset.startswith("entsoe") for s in sources.live(Config(entsoe_token=TOKEN)))
    assert not any(s.dataset.startswith("entsoe") for s in sources.history(Config(entsoe_token=TOKEN)))


def test_hours_are_means_of_their_quarters_known_now():
    (batch,) = SOURCE.parse(DK1, document(series(period("10:00", "12:00", "PT15M", 1, 2, 3, 6, 10, 10, 10, 10))), NOW)
    assert (batch.series.quantity, batch.series.area, batch.series.source) == ("load_forecast", "DK1", "entsoe")
    assert batch.value.tolist() == [3.0, 10.0]
    assert (batch.available_at == NOW).all()
    assert (batch.flags == Flag.PLAIN).all()


@pytest.mark.parametrize(
    ("curve", "expected"),
    [
        # Positions 2, 3, 4 repeat the first; 6 to 8 the fifth, and so on to the end.
        ("A03", {"10": 100.0, "11": 200.0, "12": 200.0}),
        # A plain curve gives every value: what is left out is unknown, and so are these hours.
        ("A01", {}),
    ],
)
def test_what_a_variable_curve_leaves_out_carries_on(curve, expected):
    assert read(series(period("10:00", "13:00", "PT15M", (1, 100), (5, 200)), curve=curve)) == expected


def test_a_variable_curve_that_does_not_begin_at_one_has_no_first_hour():
    assert read(series(period("10:00", "12:00", "PT15M", (3, 100)))) == {"11": 100.0}


def test_resolutions_mix_in_one_answer_and_the_finer_one_counts():
    hours = period("10:00", "14:00", "PT60M", 1000, 1100, 1200, 1300)
    quarters = period("12:00", "13:00", "PT15M", 4, 5, 6, 7)
    expected = {"10": 1000.0, "11": 1100.0, "12": 5.5, "13": 1300.0}
    assert read(series(hours, quarters)) == read(series(quarters), series(hours, curve="A01")) == expected
    assert read(series(period("10:00", "11:00", "PT30M", 1, 2))) == {"10": 1.5}


def test_hours_that_have_begun_are_no_forecast_any_more():
    found = read(series(period("08:00", "12:00", "PT60M", 1, 2, 3, 4)))
    assert found == {"10": 3.0, "11": 4.0}
    assert read(series(period("08:00", "10:00", "PT60M", 1, 2))) == {}
    assert read(series(period("10:00", "11:00", "PT60M", 3)), now=parse_utc("2026-10-24T10:00Z")) == {"10": 3.0}


@pytest.mark.parametrize(("request_", "name"), [(DK1, "dk1"), (DK2, "dk2")])
def test_the_25_hour_day_as_recorded(request_, name):
    """Recorded from the simulated upstream in the documented shape, quarters with gaps for DK1 and hours for DK2."""
    body = (DATA / f"entsoe_day_ahead_load_forecast_{name}_2026-10-25.xml").read_bytes()
    (batch,) = SOURCE.parse(request_, body, NOW)
    day = local_hours(np.datetime64("2026-10-25").item())
    assert len(day) == 25
    assert batch.valid_time.tolist() == list(range(parse_utc("2026-10-24T10:00Z"), int(day[-1]) + 1, HOUR))
    assert batch.series.area == name.upper()


@pytest.mark.parametrize("edition", ["3:0", "3:1", "4:0"])
def test_the_edition_of_the_schema_does_not_matter(edition):
    assert read(series(period("10:00", "11:00", "PT60M", 3)), edition=edition) == {"10": 3.0}


def test_no_data_is_told_from_a_refusal_by_its_words():
    assert SOURCE.parse(DK1, acknowledgement(999, "No matching data found for Data item X [6.1.B]."), NOW) == []
    for code, text in ((999, "AMOUNT OF REQUESTED DATA EXCEEDS ALLOWED LIMIT"), (401, f"bad token {TOKEN}")):
        with pytest.raises(Expected, match="sends no data but: ") as caught:
            SOURCE.parse(DK1, acknowledgement(code, text), NOW)
        assert TOKEN not in str(caught.value)


_ENTITY = "<!DOCTYPE a [<!ENTITY b 'bbbbbbbbbb'><!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;'>]>"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (document(head=_ENTITY), "document type"),
        (document(head="<!DOCTYPE a SYSTEM 'file:///etc/passwd'>"), "document type"),
        (document(head=_ENTITY).decode().encode("utf-16"), "is not XML"),
        (document(head="<?xml version='1.0' encoding='utf-16'?>")[:-9], "is not XML"),
        (b"<html>maintenance</html>", "no day-ahead load forecast"),
        (b" " * 2_000_001, "too large"),
        (b"<a>" * 100_000, "is not XML"),
        (document(process="A16"), "no day-ahead load forecast"),
        (document(kind="A75"), "no day-ahead load forecast"),
        (document(series(zone=ZONES["DK2"])), "another bidding zone"),
        (document(series(unit="MWH")), "unit is not MW"),
        (document(series(period("10:00", "11:00", "P1Y", 1))), "resolution 'P1Y' is unknown"),
        (document(series(period("10:00", "10:00", "PT60M", 1))), "no sensible start"),
        (document(series(period("10:30", "11:30", "PT60M", 1))), "no sensible start"),
        (document(series(period("10:00", "11:00", "PT60M", 1).replace("2026", "1970", 1))), "no sensible start"),
        (document(series(period("10:00", "11:00", "PT60M", (2, 5)))), "outside its period"),
        (document(series(period("10:00", "11:00", "PT60M", (0, 5)))), "outside its period"),
        (document(series(period("10:00", "11:00", "PT60M", "NaN"))), "no finite number"),
        (document(series(period("10:00", "11:00", "PT60M", "1,5"))), "no number"),
        (document(series(period("10:00", "11:00", "PT60M", ("9" * 9999, 5)))), "no number"),
        (document(series(period("10:00", "1x:00", "PT60M", 1))), "is not a time"),
        (document(series(*[period("10:00", "11:00", "PT60M", 1)] * 300)), "too many periods"),
    ],
)
def test_what_is_no_load_forecast_is_told_and_nothing_stored(body, told):
    with pytest.raises(Expected, match=told):
        SOURCE.parse(DK1, body, NOW)


TAGS = ("GL_MarketDocument", "TimeSeries", "Period", "Point", "position", "quantity", "timeInterval", "start", "end")
text = st.sampled_from(
    ["1", "-1", "1e999", "A65", "A01", "A03", "PT15M", "2026-10-24T10:00Z", "9999-12-31T23:59Z", "&#0;", "&b;"]
)
tree = st.recursive(text, lambda inner: st.tuples(st.sampled_from(TAGS), st.lists(inner, max_size=4)), max_leaves=15)


def as_xml(node):
    return node if isinstance(node, str) else f"<{node[0]}>{''.join(map(as_xml, node[1]))}</{node[0]}>"


@settings(max_examples=300)
@given(st.binary(max_size=60) | tree.map(as_xml).map(str.encode) | tree.map(lambda t: document(series(as_xml(t)))))
def test_only_expected_leaves_the_parser(body):
    try:
        batches = SOURCE.parse(DK1, body, NOW)
    except Expected:
        return
    assert all(np.isfinite(b.value).all() for b in batches)


@settings(max_examples=100)
@given(
    st.lists(st.tuples(st.integers(1, 16), st.integers(-10, 9999)), min_size=1, max_size=16, unique_by=lambda point: point[0]),
    st.sampled_from(["A01", "A03"]),
)
def test_points_in_any_order_give_whole_hours_within_their_range(points, curve):
    found = read(series(period("10:00", "14:00", "PT15M", *points), curve=curve))
    for value in found.values():
        assert min(q for _, q in points) <= value <= max(q for _, q in points)


def test_a_point_that_stands_twice_must_say_the_same():
    assert read(series(period("10:00", "11:00", "PT60M", (1, 1500), (1, 1500)))) == read(
        series(period("10:00", "11:00", "PT60M", (1, 1500)))
    )
    with pytest.raises(Expected, match="twice with different values"):
        read(series(period("10:00", "11:00", "PT60M", (1, 1500), (1, 1501))))


@pytest.fixture
def store(tmp_path):
    writer = Writer(tmp_path / "lastvagt.sqlite")
    reader = Reader(writer.path)
    yield writer, reader
    reader.close()
    writer.close()


def test_each_hour_it_is_kept_as_it_stood(store):
    clock = SimulatedClock(NOW)
    with stand_in.Upstream(clock) as server:
        source = DayAheadLoadForecast(server.config(entsoe_token=TOKEN))
        for k in range(13):
            clock.set(NOW + k * HOUR)
            run = pipeline.ingest(*store, [source], HttpTransport(), clock)
            assert (run.status, run.problem) == ("ok", "")
    archive = store[1].archive(0, FOREVER, quantities=["load_forecast"])
    versions = archive.versions["load_forecast", "DK1", "total"]
    evening = parse_utc("2026-10-24T20:00Z")
    its = versions.available_at[versions.valid_time == evening]
    assert 3 <= len(its) <= 5  # renewed every three hours, and never again once the hour has begun
    assert (np.diff(its) >= 2 * HOUR).all()
    assert (versions.available_at <= versions.valid_time).all()
    assert (versions.flags == Flag.PLAIN).all()
    stood = archive.as_of(NOW + 5 * HOUR + 60, evening, 1).get("load_forecast", "DK1")
    assert stood == versions.value[(versions.valid_time == evening) & (versions.available_at <= NOW + 5 * HOUR + 60)][-1]


@pytest.mark.parametrize("fault", [None, stand_in.no_matching_data(200), stand_in.no_matching_data(400)])
def test_nothing_published_yet_is_no_trouble(store, fault):
    clock = SimulatedClock(NOW)
    with stand_in.Upstream(clock) as server:
        if fault:
            server.always[stand_in.LOAD_FORECAST] = fault
        source = DayAheadLoadForecast(server.config(entsoe_token=TOKEN))
        run = pipeline.ingest(*store, [source], HttpTransport(), clock)
        assert run.status == "ok"
        assert (run.detail[source.dataset]["new"] == 0) == bool(fault)
        assert len(server.calls[stand_in.LOAD_FORECAST]) == 2


def test_a_wrong_token_is_told_with_what_to_do_and_never_shown(store, caplog):
    caplog.set_level(0)
    clock = SimulatedClock(NOW)
    with stand_in.Upstream(clock) as server:
        source = DayAheadLoadForecast(server.config(entsoe_token="wrong-secret"))
        run = pipeline.ingest(*store, [source], HttpTransport(), clock)
        assert len(server.calls[stand_in.LOAD_FORECAST]) == 1
    (event,) = store[1].events()
    assert "401" in event.problem
    assert "entsoe_token" in event.remedy
    kept = f"{run} {event} {store[1].job_runs('ingest')} {server.config(entsoe_token='wrong-secret')} {caplog.text}"
    assert "wrong-secret" not in kept


def test_a_ban_is_waited_out(store):
    clock = SimulatedClock(NOW)
    with stand_in.Upstream(clock) as server:
        source = DayAheadLoadForecast(server.config(entsoe_token=TOKEN))
        server.faults[stand_in.LOAD_FORECAST] = [stand_in.status(429)]
        begun = clock.now()
        while pipeline.ingest(*store, [source], HttpTransport(), clock).status != "ok":
            clock.sleep(60)
        calls = server.calls[stand_in.LOAD_FORECAST]
        assert 600 <= calls[1] - begun <= 700
        assert len(calls) == 3
