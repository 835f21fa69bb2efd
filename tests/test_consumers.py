from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from consumer_store import NOW, OWN, STORED, SUMS, fill
from hypothesis import given
from hypothesis import strategies as st

from engine import clock, consumers, geography, tables
from engine.domain import DAY, HOUR, Consumer, Observations, Series
from engine.geography import Measure
from engine.store import Reader, Writer
from engine.tables import Missing, Table


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    reader = Reader(fill(tmp_path_factory.mktemp("store") / "lastvagt.sqlite"))
    yield reader
    reader.close()


def records(table: Table) -> list[dict[str, object]]:
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def refusal(reader: Reader, area: str, consumer_type: str = "total") -> Missing:
    with pytest.raises(Missing) as caught:
        consumers.find(reader, area, consumer_type, NOW)
    return caught.value


@pytest.mark.parametrize("of", [*STORED, *SUMS])
def test_every_stored_consumer_and_every_sum_is_found(reader: Reader, of: Consumer) -> None:
    assert consumers.find(reader, *of, NOW) == of


def test_an_unknown_area_is_answered_with_the_nearest(reader: Reader) -> None:
    assert refusal(reader, "dk-1").remedy.startswith("Did you mean DK1")
    assert "851 (Aalborg)" in refusal(reader, "aalborg").remedy
    assert "DK1-plant" in refusal(reader, "DK1-plnt").remedy
    assert "Åbenrå værk 2 / øst" in refusal(reader, "Aabenrå værk 2").remedy
    assert "Did you mean" not in refusal(reader, "%%%").remedy
    assert all(len(refusal(reader, word).remedy) < 300 for word in ("Region", "x" * 64))


def test_an_unknown_type_is_answered_with_those_there_are(reader: Reader) -> None:
    assert refusal(reader, "851").problem == "There is no consumer type 'total' of 851 (Aalborg)."
    assert refusal(reader, "851").remedy == "Choose household."
    assert "household, business" in refusal(reader, "1084", "private").remedy


@pytest.mark.parametrize(
    ("area", "consumer_type", "setting"),
    [
        ("DK", "dk36-A", "fetch_industries"),
        ("DK1-131", "total", "fetch_grid_areas"),
    ],
)
def test_what_is_published_and_not_fetched_tells_the_setting(reader: Reader, area: str, consumer_type: str, setting: str) -> None:
    assert f"LASTVAGT_{setting.upper()}=true" in refusal(reader, area, consumer_type).remedy


def test_an_empty_store_tells_what_to_fetch(tmp_path: Path) -> None:
    Writer(tmp_path / "empty.sqlite").close()
    with contextlib.closing(Reader(tmp_path / "empty.sqlite")) as empty:
        for area, consumer_type in (("1081", "total"), ("1081", "public"), ("DK", "household"), ("DK2", "business")):
            assert "fetch_regions" in refusal(empty, area, consumer_type).remedy
        for consumer_type in ("total", "household"):
            assert "fetch_municipalities" in refusal(empty, "851", consumer_type).remedy
        assert refusal(empty, "DK1", "steel").remedy == "Choose total."


def test_a_sum_tells_what_it_lacks(reader: Reader) -> None:
    problem = refusal(reader, "DK1", "household").problem
    assert problem.startswith("Western Denmark (DK1) · Households is a sum, and nothing is stored of North Denmark Region")


def test_a_region_of_next_year_tells_whom_it_follows(reader: Reader) -> None:
    assert refusal(reader, "OST", "household").problem == "OST (Region of Eastern Denmark) begins on 2027-01-01."
    assert "1084 (Capital Region of Denmark) or 1085" in refusal(reader, "OST", "household").remedy


def test_lists_of_all_accept_any_area_or_type_there_is(reader: Reader) -> None:
    consumers.require(reader, None, None, NOW)
    consumers.require(reader, "851", None, NOW)
    consumers.require(reader, None, "steel", NOW)
    with pytest.raises(Missing):
        consumers.require(reader, None, "stone", NOW)
    with pytest.raises(Missing):
        consumers.require(reader, "DK9", None, NOW)


def test_a_region_of_which_nothing_is_stored_beside_others_is_told(reader: Reader) -> None:
    assert refusal(reader, "1081", "household").problem == "Nothing is stored of 1081 (North Denmark Region)."
    assert refusal(reader, "751", "household").problem == "Nothing is stored of 751 (Aarhus)."


@given(area=st.text(max_size=64), consumer_type=st.text(max_size=64))
def test_whatever_is_asked_is_found_or_refused_with_a_remedy(reader: Reader, area: str, consumer_type: str) -> None:
    if (area, consumer_type) in {*STORED, *SUMS}:
        assert consumers.find(reader, area, consumer_type, NOW) == (area, consumer_type)
    else:
        assert 0 < len(refusal(reader, area, consumer_type).remedy) < 1000


def test_areas_list_price_areas_first_and_everybody_once(reader: Reader) -> None:
    rows = records(consumers.areas(reader, NOW))
    assert [row["area"] for row in rows[:3]] == ["DK", "DK1", "DK2"]
    assert {Consumer(str(row["area"]), str(row["consumer_type"])) for row in rows} == {*STORED, *SUMS}
    assert len(rows) == len(STORED) + len(SUMS)
    by = {(row["area"], row["consumer_type"]): row for row in rows}
    region = by["1084", "household"]
    assert (region["name_da"], region["name_en"]) == (
        "Region Hovedstaden · Husholdninger",
        "Capital Region of Denmark · Households",
    )
    assert (region["kind"], region["parent"], region["price_area"], region["measure"]) == ("region", "DK2", "DK2", "category")
    assert (region["until"], region["lag_h"], region["newest_load"]) == (clock.iso(geography.MERGER), 240, "2026-10-16T12:00:00Z")
    assert {"area": "DK2", "consumer_type": "household"} in region["adds_up_to"]  # type: ignore[operator]
    assert by["DK2", "household"]["sum_of"] == [
        {"area": "1084", "consumer_type": "household"},
        {"area": "1085", "consumer_type": "household"},
    ]
    assert by["DK", "total"]["newest_load"] == "2026-10-26T10:00:00Z"
    own = by["Åbenrå værk 2 / øst", "valse & ø"]
    assert (own["kind"], own["measure"], own["parent"], own["sum_of"], own["adds_up_to"]) == ("own", "own", "DK", [], [])
    assert by["DK1-plant", "steel"]["price_area"] == "DK1"
    assert by["851", "household"]["newest_issue"] == "2026-10-26T12:00:00Z"


def test_areas_change_with_the_hour_and_not_with_the_second(reader: Reader) -> None:
    assert consumers.areas(reader, NOW) == consumers.areas(reader, NOW + 3599)
    assert consumers.areas(reader, NOW) != consumers.areas(reader, NOW + 3600)


def test_loads_add_up_within_a_measure_and_never_across_two(reader: Reader) -> None:
    rows = records(consumers.hierarchy(reader, NOW))
    exact = {(r["area"], r["consumer_type"], r["part_area"], r["part_consumer_type"]) for r in rows if r["adds_up"]}
    assert exact == {(*whole, *part) for whole, parts in SUMS.items() for part in parts}
    for row in rows:
        assert bool(row["reason"]) is not row["adds_up"]
        if row["adds_up"]:
            assert row["measure"] == row["part_measure"]
    losses = next(r for r in rows if (r["area"], r["part_area"], r["part_consumer_type"]) == ("DK2", "1084", "total"))
    assert "grid losses" in str(losses["reason"])
    assert "make and use themselves" in str(losses["reason"])
    parts = {(r["part_area"], r["part_consumer_type"]) for r in rows}
    assert {*STORED, *SUMS} - parts == {Consumer("DK")}


def test_an_ended_region_is_no_part_of_the_sum_any_more(reader: Reader) -> None:
    rows = records(consumers.hierarchy(reader, geography.MERGER))
    assert all("ended" in str(r["reason"]) for r in rows if r["part_area"] == "1084" and r["area"] != "1084")


def test_a_sum_goes_on_over_the_merger_of_two_regions(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "merged.sqlite")
    later = geography.MERGER + 10 * DAY
    for area, mwh, start, end in (
        ("1084", 300.0, geography.MERGER - 5 * DAY, geography.MERGER),
        ("1085", 200.0, geography.MERGER - 5 * DAY, geography.MERGER),
        ("OST", 510.0, geography.MERGER, geography.MERGER + 5 * DAY),
    ):
        for kind in ("household", "business", "public"):
            times = np.arange(start, end, HOUR, dtype=np.int64)
            values, flags = np.full(len(times), mwh), np.zeros(len(times), np.uint8)
            writer.put([Observations(Series("load", area, "test", kind), times, times + DAY, values, flags)])
    with contextlib.closing(Reader(writer.path)) as merged:
        for of, before, after in (
            (Consumer("OST", "household"), 500.0, 510.0),
            (Consumer("DK2", "household"), 500.0, 510.0),
            (Consumer("OST"), 1500.0, 1530.0),
        ):
            assert consumers.find(merged, *of, later) == of
            table = tables.observations(merged, of, "load", geography.MERGER - 5 * DAY, geography.MERGER + 5 * DAY)
            assert [value for _, value in table.rows] == [before] * 120 + [after] * 120
        rows = {(r["area"], r["consumer_type"]): r for r in records(consumers.areas(merged, later))}
        assert rows["1084", "household"]["until"] == rows["OST", "household"]["since"]
        assert rows["1084", "household"]["adds_up_to"] == []
        assert {"area": "DK2", "consumer_type": "household"} in rows["OST", "household"]["adds_up_to"]  # type: ignore[operator]
    writer.close()


def test_lags_are_told_per_series(reader: Reader) -> None:
    rows = {(r["area"], r["consumer_type"]): r for r in records(consumers.lags(reader, NOW))}
    assert rows.keys() == STORED.keys()
    assert all(rows[of]["lag_h"] == lag_h for of, (lag_h, _) in STORED.items())
    assert rows["851", "household"]["source"] == "PrivateConsumptionHeatingHour"
    assert all(r["stalled_since"] is None and r["nominal"] for r in rows.values())
    later = {(r["area"], r["consumer_type"]): r for r in records(consumers.lags(reader, NOW + 20 * 86400))}
    assert later["851", "household"]["stalled_since"] is not None


def test_a_daily_forecast_is_not_stale_after_an_hour_as_an_hourly_one_is(reader: Reader) -> None:
    for of in STORED:
        head = tables.forecast(reader, of, NOW + 14 * HOUR).head
        daily = geography.measure(of) in (Measure.HOUSEHOLDS, Measure.INDUSTRY, Measure.GRID_AREA)
        assert head["freshness"] == ("fresh" if daily else "stale")


def test_every_measure_is_explained() -> None:
    assert consumers.MEANINGS.keys() == set(Measure)
    assert {geography.measure(of) for of in OWN} == {Measure.OWN}


def test_an_empty_store_knows_the_price_areas(tmp_path: Path) -> None:
    Writer(tmp_path / "empty.sqlite").close()
    empty = Reader(tmp_path / "empty.sqlite")
    assert [row["area"] for row in records(consumers.areas(empty, NOW))] == ["DK", "DK1", "DK2"]
    assert len(consumers.hierarchy(empty, NOW).rows) == 2
    assert consumers.lags(empty, NOW).rows == []
    empty.close()
