import pytest

from engine import clock, geography
from engine.domain import Consumer
from engine.geography import Kind


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("DK1", "DK1"),
        ("dk1", "DK1"),
        ("DK-2", "DK2"),
        ("DKl", "DK1"),
        ("DKI", "DK1"),
        ("Dannmark", "DK"),
        ("Danmark", "DK"),
        ("Western Denmark", "DK1"),
        ("851", "851"),
        ("aalborg", "851"),
        ("852", None),
        ("NO1", None),
        ("DK1-mejeri", None),
        ("DK1-0151", None),
        ("Fabrik 4 (Køge)", None),
        ("", None),
    ],
)
def test_what_an_area_code_was_meant_to_be(written, meant):
    assert geography.meant_by(written) == meant


AFTER, BEFORE = geography.MERGER, geography.MERGER - 1


def test_municipalities_lie_in_regions_and_regions_in_price_areas():
    municipalities = geography.of_kind(Kind.MUNICIPALITY)
    assert len(municipalities) == 98
    assert geography.ancestors("851") == ("851", "1081", "DK1", "DK")
    east = [m for m in municipalities if geography.price_area(m) == "DK2"]
    assert len(east) == 46
    assert {geography.AREAS[m].parent for m in east} == set(geography.SUCCEEDED["OST"])
    assert sum(geography.AREAS[m].population for m in municipalities) == 6_031_156


def test_an_own_area_hangs_where_its_name_says():
    assert geography.ancestors("851-skole") == ("851-skole", "851", "1081", "DK1", "DK")
    assert geography.price_area("DK2-plant") == "DK2"
    assert geography.ancestors("plant") == ("plant", "DK")
    assert geography.price_area("my-plant") == "DK"


def test_eastern_regions_become_one_at_danish_new_year_2027():
    assert clock.iso(geography.MERGER) == "2026-12-31T23:00:00Z"
    assert geography.of_kind(Kind.REGION, BEFORE) == ("1081", "1082", "1083", "1084", "1085")
    assert geography.of_kind(Kind.REGION, AFTER) == ("1081", "1082", "1083", "OST")
    east = Consumer("DK2", "household")
    assert geography.addends(east, BEFORE) == (Consumer("1084", "household"), Consumer("1085", "household"))
    assert geography.addends(east, AFTER) == (Consumer("OST", "household"),)


def test_only_loads_of_one_measure_add_up():
    assert geography.addends(Consumer("DK"), AFTER) == (Consumer("DK1"), Consumer("DK2"))
    assert geography.addends(Consumer("DK1"), AFTER) == ()
    assert geography.addends(Consumer("1082"), AFTER) == tuple(Consumer("1082", t) for t in geography.REGION_TYPES)
    assert geography.addends(Consumer("DK", "public"), AFTER) == (Consumer("DK1", "public"), Consumer("DK2", "public"))
    assert geography.addends(Consumer("851", "household"), AFTER) == ()
    assert geography.addends(Consumer("plant", "own"), AFTER) == ()


def test_consumers_are_those_stored_and_the_sums_of_them():
    regions = {Consumer(region, kind) for region in geography.of_kind(Kind.REGION, BEFORE) for kind in geography.REGION_TYPES}
    found = geography.known_consumers(regions | {Consumer("851", "household"), Consumer("plant", "steel")}, BEFORE)
    assert found[:3] == (Consumer("DK"), Consumer("DK1"), Consumer("DK2"))
    assert len(found) == 3 + 3 * 3 + 5 * 4 + 2
    assert found[-2:] == (Consumer("851", "household"), Consumer("plant", "steel"))
    assert geography.known_consumers([Consumer("1082", "household")], BEFORE)[3:] == (Consumer("1082", "household"),)


@pytest.mark.parametrize(
    ("area", "consumer_type", "measure"),
    [
        ("DK2", "total", "gross"),
        ("DK2", "public", "category"),
        ("1082", "total", "category"),
        ("851", "household", "households"),
        ("851", "business", "own"),
        ("DK", "dk36-PR", "industry"),
        ("DK1-131", "total", "grid_area"),
        ("DK1-plant", "total", "own"),
        ("plant", "household", "own"),
    ],
)
def test_what_a_load_counts(area, consumer_type, measure):
    assert geography.measure(Consumer(area, consumer_type)) == measure


@pytest.mark.parametrize(
    ("written", "meant"),
    [("household", "household"), ("Household", "household"), ("husholdning", "household"), ("proces", None), ("dk36-PR", None)],
)
def test_what_a_consumer_type_was_meant_to_be(written: str, meant: str | None) -> None:
    assert geography.meant_type(written) == meant
