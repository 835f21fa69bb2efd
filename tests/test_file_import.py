import csv
import datetime as dt
import gzip
import io
import itertools
import time
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.clock import iso, local_time, parse_utc
from engine.domain import DAY, HOUR, UNITS, Expected, Flag
from engine.sources import file_import, read_file
from engine.store import Writer

NOW = parse_utc("2026-06-15T10:20Z")
HEAD = "valid_time,area,quantity,value"
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def write(tmp_path, text, name="values.csv"):
    path = tmp_path / name
    raw = text.encode() if isinstance(text, str) else text
    path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
    return path


def read(path, file_format="csv", known_after_s=None, **more):
    return [batch for chunk in read_file(path, file_format, known_after_s, NOW, **more) for batch in chunk]


@pytest.mark.parametrize("name", ["values.csv", "values.csv.gz"])
def test_values_are_read_by_series_from_plain_and_packed_files(tmp_path, name):
    text = f"{HEAD}\n2026-06-01T00:00Z,DK1,load,2500\n2026-06-01T02:00+01:00,DK1,load,2400.5\n\n2026-06-01T00:00Z,DK2,temperature,-3\n"
    load, temperature = read(write(tmp_path, text, name))
    assert (load.series.quantity, load.series.area, load.series.source, load.series.rank) == ("load", "DK1", "file", 1)
    assert load.valid_time.tolist() == [parse_utc("2026-06-01T00:00Z"), parse_utc("2026-06-01T01:00Z")]
    assert load.value.tolist() == [2500.0, 2400.5]
    assert load.available_at.tolist() == [NOW, NOW]
    assert load.flags.tolist() == [Flag.PLAIN, Flag.PLAIN]
    assert temperature.value.tolist() == [-3.0]


@pytest.mark.parametrize(("after", "flag"), [(2 * HOUR, Flag.NOMINAL), (0, Flag.NOMINAL), (-7 * DAY, Flag.EX_POST)])
def test_known_after_counts_from_the_hour_and_is_told_apart(tmp_path, after, flag):
    (batch,) = read(write(tmp_path, f"{HEAD}\n2026-06-01T00:00Z,DK,temperature,15\n"), known_after_s=after)
    assert (batch.available_at - batch.valid_time).tolist() == [after]
    assert batch.flags.tolist() == [flag]


def test_a_lines_own_available_at_comes_before_known_after(tmp_path):
    text = f"{HEAD},available_at\n2026-06-01T00:00Z,DK1,load,1,2026-06-01T03:30Z\n2026-06-01T01:00Z,DK1,load,2,\n"
    (batch,) = read(write(tmp_path, text), known_after_s=2 * HOUR)
    assert batch.available_at.tolist() == [parse_utc("2026-06-01T03:30Z"), parse_utc("2026-06-01T03:00Z")]
    assert batch.flags.tolist() == [Flag.PLAIN, Flag.NOMINAL]


@pytest.mark.parametrize(
    ("quantity", "unit", "value", "ours"),
    [
        ("load", "kWh", 2500000, 2500),
        ("load", "GWh", 2.5, 2500),
        ("load", "", 2500, 2500),
        ("temperature", "K", 273.15, 0),
        ("wind_speed", "km/h", 36, 10),
        ("cloud_cover", "1", 0.5, 50),
    ],
)
def test_units_become_ours(tmp_path, quantity, unit, value, ours):
    (batch,) = read(write(tmp_path, f"{HEAD},unit,consumer_type\n2026-06-01T00:00Z,851,{quantity},{value},{unit},household\n"))
    assert batch.value[0] == pytest.approx(ours)
    assert batch.series.consumer_type == "household"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("2026-06-01T00:00Z,DK1,lod,1,,", "Unknown quantity 'lod'.*Known quantities: load, temperature"),
        ("2026-06-01T00:00,DK1,load,1,,", "names no time zone"),
        ("2026-06-01T00:15Z,DK1,load,1,MWh,", "is not a whole hour, as those before"),
        ("2026-06-01T00:10Z,DK1,load,1,,", "is not a whole hour or a quarter"),
        (f"2026-06-01T00:00Z,{'x' * 61},load,1,,", "has 61 characters.*at most 60"),
        ("2026-06-01T00:00Z,DK1/plant,load,1,,", "characters that names cannot have.*Use letters"),
        ("2026-06-01T00:00Z,-plant,load,1,,", "characters that names cannot have"),
        ("2926-06-01T00:00Z,DK1,load,1,,", "no time of this age"),
        ("2026-06-01T00:00Z,DK1,load,nan,,", "is not a number"),
        ('2026-06-01T00:00Z,DK1,load,"1,5",,', "'1,5' is written with a decimal comma"),
        ("2026-06-01T00:00Z,DK1,load,much,,", "could not convert"),
        ("2026-06-01T00:00Z,DK1,load,1,furlong,", "'furlong' is no unit of load.*MWh"),
        ("2026-06-01T00:00Z,DK1,load,1,,yesterday", "'yesterday' is not a time"),
        ("2026-06-01T00:00Z,,load,1,,", "the area is empty"),
        ("2026-06-01T00:00Z,DK1,load,1", "does not have 6 fields"),
    ],
)
def test_a_bad_line_is_named_with_its_number_and_what_was_imported(tmp_path, monkeypatch, line, told):
    monkeypatch.setattr(file_import, "_CHUNK", 2)
    good = [f"{iso(NOW // HOUR * HOUR - k * HOUR)},DK1,load,{k + 1},MWh," for k in range(3)]
    path = write(tmp_path, "\n".join([f"{HEAD},unit,available_at", *good, line, good[0]]))
    seen = []
    with pytest.raises(Expected, match=f"(?s)values.csv line 5: .*{told}") as caught:
        seen.extend(itertools.chain.from_iterable(read_file(path, "csv", None, NOW)))
    assert "The 2 lines before line 4 were imported" in caught.value.remedy
    assert sum(map(len, seen)) == 2


@pytest.mark.parametrize("file_format", file_import.FORMATS)
@pytest.mark.parametrize(("separator", "told"), [(";", "by semicolons"), ("\t", "by tabs")])
def test_another_separator_is_told(tmp_path, file_format, separator, told):
    text = f"{HEAD}\n2026-06-01T00:00Z,DK1,load,2500\n".replace(",", separator)
    with pytest.raises(Expected, match=told) as caught:
        read(write(tmp_path, text), file_format)
    assert "commas" in caught.value.remedy


@pytest.mark.parametrize(
    ("header", "told"),
    [("valid_time,area,value", "lacks quantity"), (f"{HEAD},colour", "colour"), (f"{HEAD},value", "repeated"), ("", "lacks")],
)
def test_a_wrong_header_is_told(tmp_path, header, told):
    with pytest.raises(Expected, match=told):
        read(write(tmp_path, header + "\n"))


def test_files_that_cannot_be_read_are_told(tmp_path):
    whole = gzip.compress(f"{HEAD}\n2026-06-01T00:00Z,DK1,load,1\n".encode() * 50)
    (tmp_path / "torn.csv.gz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "no.csv.gz").write_bytes(b"not packed")
    for path in (tmp_path / "absent.csv", tmp_path / "torn.csv.gz", tmp_path / "no.csv.gz", tmp_path):
        with pytest.raises(Expected, match="cannot be read"):
            read(path)
    with pytest.raises(Expected, match="cannot be read"):
        read(write(tmp_path, f"{HEAD}\n2026-06-01T00:00Z,K\xf8benhavn,load,1\n".encode("latin-1")))
    with pytest.raises(Expected, match="no format of files"):
        read(tmp_path / "absent.csv", "excel")


def test_progress_ends_at_the_whole_file(tmp_path):
    shares = []
    read(write(tmp_path, f"{HEAD}\n2026-06-01T00:00Z,DK1,load,1\n"), progress=shares.append)
    assert shares == [1.0]


def test_the_three_tables_of_the_project_are_known_by_their_header(tmp_path):
    load = (
        "valid_time,price_area,load_mwh,load_mwh_published,flag\n2020-01-01T00:00Z,DK1,2500,9999,x\n2020-01-01T01:00Z,DK1,,1,x\n"
    )
    (batch,) = read(write(tmp_path, load), "lastvagt-data", 2 * HOUR)
    assert (batch.series.quantity, batch.series.area, batch.value.tolist()) == ("load", "DK1", [2500.0])
    market = (
        "valid_time,price_area,solar_forecast_mwh,onshore_wind_forecast_mwh,offshore_wind_forecast_mwh,day_ahead_price_eur_mwh\n"
        "2020-01-01T00:00Z,DK2,,5,6,-0.1\n"
    )
    found = {b.series.quantity: b.value.tolist() for b in read(write(tmp_path, market), "lastvagt-data")}
    assert found == {"onshore_wind_forecast": [5.0], "offshore_wind_forecast": [6.0], "day_ahead_price": [-0.1]}
    for batch in read(write(tmp_path, market), "lastvagt-data"):
        hour = 13 if batch.series.quantity == "day_ahead_price" else 18
        assert batch.available_at.tolist() == [local_time(dt.date(2019, 12, 31), hour)]
        assert batch.flags.tolist() == [Flag.NOMINAL]
    told = read(write(tmp_path, market), "lastvagt-data", -DAY)
    assert all((b.available_at == b.valid_time - DAY).all() and (b.flags == Flag.EX_POST).all() for b in told)
    weather = "valid_time,source,temperature_c,global_radiation_w_m2,wind_speed_10m_m_s,relative_humidity_pct,cloud_cover_pct\n"
    weather += "".join(
        f"2020-01-01T00:00Z,{s},1,,3,,\n"
        for s in ("dmi_station_mean_dk", "heatforecast_dk_point", "openmeteo_55.99N_9.96E", "dmi_weatherarchive_2019")
    )
    batches = read(write(tmp_path, weather), "lastvagt-data", -7 * DAY)
    ranks = {b.series.source: b.series.rank for b in batches}
    assert list(ranks.values()) == [0, 1, 2, 3]
    assert {b.series.quantity for b in batches} == {"temperature", "wind_speed"}
    assert all(b.series.area == "DK" and (b.flags == Flag.EX_POST).all() for b in batches)
    with pytest.raises(Expected, match="none of the tables"):
        read(write(tmp_path, "HourUTC,HourDK,PriceArea,ConsumerType_DE35,TotalCon\n"), "lastvagt-data")


@pytest.mark.skipif(not DATA.is_dir(), reason="the project's data are not beside this clone")
def test_the_projects_real_load_is_read_whole():
    batches = read(DATA / "load_price_area_hourly.csv.gz", "lastvagt-data", 2 * HOUR)
    counts = {area: sum(len(b) for b in batches if b.series.area == area) for area in ("DK1", "DK2")}
    assert counts == {"DK1": 83210, "DK2": 74459}


def test_importing_again_changes_nothing(tmp_path):
    times = [iso(NOW // HOUR * HOUR - k * HOUR) for k in range(500)]
    path = write(tmp_path, "\n".join([HEAD, *(f"{t},DK1,load,{2000 + k % 7}" for k, t in enumerate(times))]))
    writer = Writer(tmp_path / "lastvagt.sqlite")
    try:
        results = [writer.put(read(path, known_after_s=2 * HOUR), now=NOW + k) for k in range(2)]
    finally:
        writer.close()
    assert [r.new for r in results] == [500, 0]


@pytest.mark.long
def test_three_hundred_thousand_lines_are_read_and_stored_in_seconds(tmp_path):
    """A ninth of the 2.6 million lines that `make bench` imports in at most 40 s; three times its share is allowed here."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(HEAD.split(","))
    times = [iso(parse_utc("2015-01-01") + k * HOUR) for k in range(37_500)]
    for quantity in ("load", "temperature", "wind_speed", "day_ahead_price"):
        for area in ("DK1", "DK2"):
            rows.writerows((t, area, quantity, f"{1000 + k % 977}.5") for k, t in enumerate(times))
    path = write(tmp_path, out.getvalue())
    writer = Writer(tmp_path / "lastvagt.sqlite")
    begun = time.process_time()
    try:
        stored = sum(writer.put(chunk, now=NOW).new for chunk in read_file(path, "csv", 2 * HOUR, NOW))
    finally:
        writer.close()
    assert stored == 300_000
    assert time.process_time() - begun < 14


cell = st.text(max_size=8) | st.sampled_from(["2026-06-01T00:00Z", "DK1", "load", "1.5", "kWh", "", *UNITS])


@settings(max_examples=200)
@given(st.binary(max_size=80) | st.lists(st.lists(cell, max_size=7), max_size=4), st.sampled_from(file_import.FORMATS))
def test_only_expected_leaves_the_reader(tmp_path, content, file_format):
    if isinstance(content, list):
        out = io.StringIO()
        csv.writer(out).writerows(content)
        content = (f"{HEAD},unit,available_at\n" + out.getvalue()).encode("utf-8", "replace")
    for name in ("a.csv", "a.csv.gz"):
        try:
            batches = read(write(tmp_path, content, name), file_format, 2 * HOUR)
        except Expected:
            continue
        assert all(np.isfinite(b.value).all() for b in batches)


def quarters(start, count):
    return [iso(start + HOUR // 4 * i) for i in range(count)]


@pytest.mark.parametrize(
    ("unit", "quantity", "ours"),
    [
        ("MWh", "load", [6, 22]),
        ("", "load", [6, 22]),
        ("kWh", "load", [0.006, 0.022]),
        ("kW", "load", [0.0015, 0.0055]),
        ("MW", "load", [1.5, 5.5]),
        ("C", "temperature", [1.5, 5.5]),
        ("K", "temperature", [-271.65, -267.65]),
    ],
)
@pytest.mark.parametrize("chunk", [1, 3, 100])
def test_quarters_add_up_or_average_by_what_their_unit_counts(tmp_path, monkeypatch, chunk, unit, quantity, ours):
    monkeypatch.setattr(file_import, "_CHUNK", chunk)
    start = parse_utc("2026-06-01T00:00Z")
    lines = [f"{t},DK1-mejeri,{quantity},{i},{unit}" for i, t in enumerate(quarters(start, 8))]
    batches = read(write(tmp_path, "\n".join([f"{HEAD},unit", *lines])))
    assert [t for batch in batches for t in batch.valid_time.tolist()] == [start, start + HOUR]
    assert np.concatenate([batch.value for batch in batches]) == pytest.approx(ours)


def test_an_hour_is_known_when_its_last_quarter_is(tmp_path):
    start = parse_utc("2026-06-01T00:00Z")
    lines = [f"{t},DK1-mejeri,load,1,{iso(NOW - i)}" for i, t in enumerate(quarters(start, 4))]
    (batch,) = read(write(tmp_path, "\n".join([f"{HEAD},available_at", *lines])))
    assert batch.available_at.tolist() == [NOW]


def test_an_hour_that_lacks_a_quarter_is_told_and_whole_ones_are_handed_out(tmp_path):
    start = parse_utc("2026-06-01T00:00Z")
    lines = [f"{t},DK1-mejeri,load,1" for t in quarters(start, 11)]
    seen = []
    with pytest.raises(Expected, match="DK1-mejeri has hours that lack quarters, the first at 2026-06-01T02:00") as caught:
        seen.extend(itertools.chain.from_iterable(read_file(write(tmp_path, "\n".join([HEAD, *lines])), "csv", None, NOW)))
    assert "Add the missing quarters" in caught.value.remedy
    assert [batch.valid_time.tolist() for batch in seen] == [[start, start + HOUR]]


@settings(max_examples=40)
@given(data=st.data(), hours=st.integers(2, 30), chunk=st.integers(1, 50) | st.just(1000))
def test_quarters_give_the_same_hours_however_a_file_is_sorted_and_cut(tmp_path, data, hours, chunk):
    start = parse_utc("2026-03-28T20:00Z")  # over a clock change
    lines = [f"{t},Værk {s},load,{i * (s + 1)},kW" for s in range(2) for i, t in enumerate(quarters(start, 4 * hours))]
    lines = data.draw(st.permutations(lines) if chunk == 1000 else st.sampled_from([lines, sorted(lines)]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(file_import, "_CHUNK", chunk)
        batches = read(write(tmp_path, "\n".join([f"{HEAD},unit", *lines])))
    for s in range(2):
        mine = [batch for batch in batches if batch.series.area == f"Værk {s}"]
        found = dict(zip(np.concatenate([b.valid_time for b in mine]), np.concatenate([b.value for b in mine]), strict=True))
        assert found == pytest.approx({start + HOUR * h: (4 * h + 1.5) * (s + 1) / 1000 for h in range(hours)})


@settings(max_examples=60)
@given(name=st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=70))
def test_a_name_is_kept_as_it_is_or_refused(tmp_path, name):
    line = io.StringIO()
    csv.writer(line).writerow(["2026-06-01T00:00Z", name, "load", "1"])
    try:
        batches = read(write(tmp_path, f"{HEAD}\n{line.getvalue()}"))
    except Expected:
        return
    for batch in batches:
        kept = batch.series.area
        assert kept == unicodedata.normalize("NFC", name.strip())
        assert 0 < len(kept) <= 60
        assert kept.isprintable()
        assert not set(kept) & set('/\\:;,"<>|*?%#=@')


def test_letters_of_two_signs_are_one(tmp_path):
    line = "2026-06-01T00:00Z,{},load,1\n"
    text = HEAD + "\n" + line.format("A\u030arhus Værk") + line.format("Århus Værk")
    assert {batch.series.area for batch in read(write(tmp_path, text))} == {"Århus Værk"}
