"""What the map shows of each area in each hour, where areas stand on it, and colours that everybody tells apart."""

from __future__ import annotations

import dataclasses
import itertools
import time
from pathlib import Path

import numpy as np
import pytest
from filled_map import LAG_DAYS, fill_map, load_mwh
from filled_store import NOW
from test_theme import DEFICIENCIES, _lab

from app import map_snapshot, outlines, present, snapshot
from app.map_snapshot import MapSnapshot
from app.present import MapChoice, MapView, Origin, Shade
from app.ramps import Ramp, colour, ink
from app.snapshot import Snapshot
from app.theme import contrast
from app.translations import Language
from engine import clock, geography
from engine.domain import DAY, HOUR, Consumer, Freshness
from engine.geography import MERGER, Kind
from engine.store import Reader

DA, EN = Language("da"), Language("en")
MUNICIPALITIES = MapChoice(Kind.MUNICIPALITY, "household")
#: Vejle, of which nothing is known.
MISSING = "630"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill_map(tmp_path_factory.mktemp("map"), missing=(MISSING,))


@pytest.fixture(scope="module")
def filled(folder: Path) -> Snapshot:
    reader = Reader(folder / "lastvagt.sqlite")
    try:
        return snapshot.read(reader, NOW)
    finally:
        reader.close()


def _view(of: Snapshot, choice: MapChoice = MUNICIPALITIES, language: Language = EN, now: int = NOW) -> MapView:
    return present.map_view(of, choice, language, now)


# -- where areas stand


def test_every_municipality_has_one_tile_of_its_own_with_a_label_of_its_own() -> None:
    assert sorted(tile.area for tile in outlines.TILES) == sorted(geography.of_kind(Kind.MUNICIPALITY))
    assert len({tile.label for tile in outlines.TILES}) == len({(tile.column, tile.row) for tile in outlines.TILES}) == 98
    assert all(len(tile.label) == 3 for tile in outlines.TILES)


def test_tiles_lie_as_the_municipalities_do() -> None:
    place = {tile.area: (tile.column, tile.row) for tile in outlines.TILES}
    position = {code: geography.AREAS[code].position for code in place}
    north_of = east_of = pairs = 0
    for one, other in itertools.combinations(place, 2):
        here, there = position[one], position[other]
        assert here is not None
        assert there is not None
        if abs(here[0] - there[0]) > 0.3:
            pairs += 1
            north_of += (here[0] > there[0]) == (place[one][1] < place[other][1])
        if abs(here[1] - there[1]) > 0.5:
            pairs += 1
            east_of += (here[1] > there[1]) == (place[one][0] > place[other][0])
    assert (north_of + east_of) / pairs > 0.95
    # Each stands within two tiles of the five that live nearest, as far as the sea allows.
    gaps = []
    for code, (column, row) in place.items():
        latitude, longitude = position[code] or (0.0, 0.0)
        nearest = sorted(
            (o for o in place if o != code),
            key=lambda o: np.hypot((position[o] or (0, 0))[0] - latitude, 0.56 * ((position[o] or (0, 0))[1] - longitude)),
        )
        gaps += [max(abs(place[o][0] - column), abs(place[o][1] - row)) for o in nearest[:3]]
    assert np.mean(np.array(gaps) <= 2) > 0.9


@pytest.mark.parametrize("at", [NOW, MERGER])
def test_regions_and_price_areas_have_outlines_before_and_after_the_merger(at: int) -> None:
    for code in (*geography.of_kind(Kind.REGION, at), *geography.of_kind(Kind.PRICE_AREA)):
        rings = outlines.outline(code)
        x, y, _ = outlines.name_place(code)
        assert 0 < x < outlines.EXTENT_KM[0]
        assert 0 < y < outlines.EXTENT_KM[1]
        points = np.array([point for ring in rings for point in ring])
        assert (points >= 0).all()
        assert (points <= outlines.EXTENT_KM).all()
    assert outlines.outline("OST") == (*outlines.outline("1084"), *outlines.outline("1085")) == outlines.outline("DK2")


def test_neighbouring_regions_share_their_border() -> None:
    points = {code: {p for ring in outlines.outline(code) for p in ring} for code in geography.of_kind(Kind.REGION, NOW)}
    for one, other in (("1081", "1082"), ("1082", "1083"), ("1084", "1085")):
        assert len(points[one] & points[other]) >= 4
    assert not points["1083"] & points["1085"]


# -- colours


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("kind", [None, *DEFICIENCIES])
def test_colours_are_told_apart_with_every_colour_vision(kind: str | None, dark: bool) -> None:
    def lab(ramp: Ramp, position: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return _lab(colour(ramp, position, dark), kind)

    steps = [lab(Ramp.SEQUENTIAL, i / 5) for i in range(6)]
    lightness = np.diff([step[0] for step in steps])
    assert (lightness > 3).all() or (lightness < -3).all()
    low, middle, high = (lab(Ramp.DIVERGING, position) for position in (0.15, 0.5, 0.85))
    assert min(np.linalg.norm(low - high), np.linalg.norm(low - middle), np.linalg.norm(high - middle)) >= 12
    hours = [lab(Ramp.CYCLIC, hour / 24) for hour in (0, 6, 12, 18)]
    assert all(np.linalg.norm(one - other) >= 12 for one, other in itertools.combinations(hours, 2))
    assert colour(Ramp.CYCLIC, 0.0, dark) == colour(Ramp.CYCLIC, 1.0, dark)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("ramp", list(Ramp))
def test_words_can_be_read_on_every_colour(ramp: Ramp, dark: bool) -> None:
    for position in np.linspace(-0.1, 1.1, 60):
        ground = colour(ramp, float(position), dark)
        assert contrast(ink(ground), ground) >= 4.5


# -- what is read


def test_the_map_is_read_in_one_piece_and_soon(folder: Path) -> None:
    reader = Reader(folder / "lastvagt.sqlite")
    series = reader.series()
    spent = []
    for _ in range(3):
        started = time.thread_time()
        found = map_snapshot.read(reader, series, NOW)
        spent.append(time.thread_time() - started)
    reader.close()
    assert min(spent) < 0.5  # a tenth of it is measured on an idle machine
    row = found.consumers.index(Consumer("851", "household"))
    newest = clock.local_midnight(clock.local(NOW).date()) - LAG_DAYS[Kind.MUNICIPALITY] * DAY - HOUR
    times = found.times()
    measured = np.isfinite(found.observed[row])
    assert times[measured][-1] == newest
    np.testing.assert_allclose(found.observed[row][measured], load_mwh(Consumer("851", "household"), times[measured]), atol=1e-3)
    ahead = np.isfinite(found.median[row])
    assert (times[ahead][0], times[ahead][-1]) == (newest + HOUR, found.issue_time[row] + 48 * HOUR)
    assert (found.low[row][ahead] < found.high[row][ahead]).all()


def test_a_region_is_the_sum_of_its_types(filled: Snapshot) -> None:
    rows = {of: row for row, of in enumerate(filled.map.consumers)}
    parts = sum(filled.map.observed[rows[Consumer("1082", kind)]] for kind in geography.REGION_TYPES)
    np.testing.assert_allclose(filled.map.observed[rows[Consumer("1082")]], parts)


# -- what is shown


def test_shares_add_up_and_say_what_they_are_shares_of(filled: Snapshot) -> None:
    view = _view(filled)
    index = view.index_of(NOW)
    assert np.nansum(view.value[:, index]) == pytest.approx(100)
    frame = present.map_frame(view, index, EN)
    assert "97 of 98" in frame.legend_title
    assert "1 no data" in frame.summary
    assert "Highest: København" in frame.summary
    regions = _view(filled, MapChoice(Kind.REGION))
    assert present.map_frame(regions, 0, EN).legend_title == regions.legend.title


def test_change_is_against_the_same_danish_hour_a_week_before(filled: Snapshot) -> None:
    view = _view(filled, MapChoice(Kind.MUNICIPALITY, "household", Shade.CHANGE))
    row, of = view.areas.index("851"), Consumer("851", "household")
    hour = view.hours[30:31]
    expected = 100 * (load_mwh(of, hour) / load_mwh(of, hour - 7 * DAY) - 1)
    assert view.value[row, 30] == pytest.approx(float(expected[0]), abs=0.05)
    position = view.position[row, 30]
    assert (position > 0.5) == (view.value[row, 30] > 0)
    assert view.legend.ticks[2] == (0.5, "0")


def test_the_peak_is_that_of_the_24_hours_from_the_one_shown(filled: Snapshot) -> None:
    view = _view(filled, MapChoice(Kind.MUNICIPALITY, "household", Shade.PEAK))
    row, index = view.areas.index("101"), view.index_of(NOW)
    day = view.load[row, index : index + 24]
    assert view.peak_time[row, index] == view.hours[index] + HOUR * int(np.argmax(day))
    assert view.peak_load[row, index] == day.max()
    assert view.value[row, index] == clock.local(int(view.peak_time[row, index])).hour
    assert Origin(view.origin[row, index]) is Origin.AHEAD
    assert (view.origin[:, -1] == Origin.MISSING).all()  # less than a day is known from the last hour on


def test_load_per_inhabitant_counts_the_people_of_all_municipalities(filled: Snapshot) -> None:
    view = _view(filled, MapChoice(Kind.REGION, "household", Shade.PERSON))
    row = view.areas.index("1081")
    people = sum(geography.AREAS[code].population for code in geography.children("1081"))
    assert view.value[row, 5] == pytest.approx(1000 * view.load[row, 5] / people)
    merged = _view(filled, MapChoice(Kind.PRICE_AREA, "total", Shade.PERSON))
    assert 0.1 < merged.value[merged.areas.index("DK2"), 5] < 2


def test_the_hours_are_told_apart_as_measured_bridge_and_forecast(filled: Snapshot) -> None:
    view = _view(filled)
    assert [run.origin for run in view.runs] == [Origin.MEASURED, Origin.BRIDGE, Origin.AHEAD]
    measured, bridge, ahead = view.runs
    assert measured.last - measured.first == 4 * 24
    issued = int(filled.map.issue_time.max() // HOUR * HOUR)
    assert view.hours[bridge.last - 1] <= issued
    assert ahead.last == len(view.hours)
    row = view.areas.index("851")
    reads = [present.map_read_out(view, row, run.first, EN, NOW) for run in view.runs]
    assert [read.lines[0].rpartition(", ")[2] for read in reads] == ["measured", "bridge", "forecast"]
    assert (reads[0].issued, len(reads[0].lines)) == ("", 1)
    assert "80 % interval" in reads[1].lines[1]
    assert "07:00, 11\u00a0h\u00a020\u00a0min ago" in reads[1].issued
    assert reads[1].issue_freshness is Freshness.FRESH
    old = present.map_read_out(view, row, bridge.first, EN, NOW + 9 * DAY)
    assert old.issue_freshness is Freshness.STALE


def test_an_area_that_stands_still_is_bridged_and_does_not_hold_up_the_others(tmp_path: Path, filled: Snapshot) -> None:
    fill_map(tmp_path, frozen=("665",))
    reader = Reader(tmp_path / "lastvagt.sqlite")
    view = _view(snapshot.read(reader, NOW))
    reader.close()
    assert view.hours[0] == _view(filled).hours[0]
    assert view.runs[0].origin is Origin.MEASURED
    assert Origin(view.origin[view.areas.index("665"), 0]) is Origin.BRIDGE
    assert "1 bridge" in present.map_frame(view, 0, EN).summary


def test_what_is_not_known_has_no_place_on_the_ramp(filled: Snapshot) -> None:
    for shade in Shade:
        view = _view(filled, MapChoice(Kind.MUNICIPALITY, "household", shade))
        row, index = view.areas.index(MISSING), view.index_of(NOW)
        assert np.isnan(view.position[row]).all()
        assert present.map_frame(view, index, DA).rows[row] == ("Vejle", "–", "ingen data")
        read = present.map_read_out(view, row, index, DA, NOW)
        assert (read.value, read.lines) == ("ingen data", ())
        known = np.isfinite(view.position)
        assert (view.position[known] >= 0).all() or shade is Shade.CHANGE


def test_each_area_says_what_its_load_counts_and_that_it_is_simulated(filled: Snapshot) -> None:
    gross = _view(filled, MapChoice(Kind.PRICE_AREA))
    assert "grid losses included" in present.map_read_out(gross, 0, 0, EN, NOW).measure
    assert "Metered at dwellings" in present.map_read_out(_view(filled), 0, 0, EN, NOW).measure
    assert _view(dataclasses.replace(filled, simulated=True)).marks == ("SIMULATED DATA",)


def test_a_type_that_a_layer_has_not_becomes_one_that_it_has(filled: Snapshot) -> None:
    view = _view(filled, MapChoice(Kind.MUNICIPALITY, "business"))
    assert (view.choice.consumer_type, [kind for kind, _ in view.types]) == ("household", ["household"])
    assert [kind for kind, _ in _view(filled, MapChoice(Kind.REGION)).types] == ["total", "household", "business", "public"]
    assert present.first_choice(filled).layer is Kind.MUNICIPALITY


def test_a_layer_without_data_says_which_setting_fetches_it(filled: Snapshot) -> None:
    nothing = dataclasses.replace(filled, map=MapSnapshot())
    view = _view(nothing, language=DA)
    assert view.empty is not None
    assert any("fetch_municipalities" in line for line in view.empty.lines)
    assert present.first_choice(nothing).layer is Kind.PRICE_AREA


def test_after_the_merger_there_is_one_region_in_the_east_with_the_history_of_both(tmp_path: Path) -> None:
    now = MERGER + 2 * DAY
    fill_map(tmp_path, MERGER - DAY)
    reader = Reader(tmp_path / "lastvagt.sqlite")
    found = map_snapshot.read(reader, reader.series(), now)
    reader.close()
    rows = {of: row for row, of in enumerate(found.consumers)}
    assert not {Consumer("1084", "household"), Consumer("1085", "household")} & rows.keys()
    both = sum(load_mwh(Consumer(code, "household"), found.times()) for code in ("1084", "1085"))
    east = found.observed[rows[Consumer("OST", "household")]]
    known = np.isfinite(east)
    assert known.any()
    np.testing.assert_allclose(east[known], both[known], atol=2e-3)
    view = _view(Snapshot(now, map=found), MapChoice(Kind.REGION, "household"), now=now)
    assert view.areas == ("1081", "1082", "1083", "OST")


def test_hours_of_the_autumn_night_keep_their_names(tmp_path: Path) -> None:
    now = clock.parse_utc("2026-10-25T12:00Z")
    fill_map(tmp_path, now)
    reader = Reader(tmp_path / "lastvagt.sqlite")
    view = _view(snapshot.read(reader, now), language=DA, now=now)
    reader.close()
    first = view.index_of(clock.parse_utc("2026-10-25T00:00Z"))
    assert [present.map_frame(view, first + i, DA).hour for i in (0, 1)] == [
        "søn. 25. okt. kl. 02a–02b CEST",
        "søn. 25. okt. kl. 02b–03 CET",
    ]
