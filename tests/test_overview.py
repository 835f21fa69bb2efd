"""The overview in words and arrays, and as a view that is worked with keys."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from pathlib import Path

import filled_store
import numpy as np
import pytest
from filled_store import NOW
from hypothesis import given
from hypothesis import strategies as st
from PySide6 import QtCore, QtWidgets
from pytestqt.qtbot import QtBot

from app import overview_snapshot, snapshot, theme
from app.overview_snapshot import OverviewSnapshot
from app.overview_tile import Columns
from app.overview_view import OverviewPane
from app.pane import Question, Scene
from app.preferences import PLAIN
from app.present import overview_view
from app.present.overview import _ticks, _with_gaps
from app.present.situation import percent_text
from app.snapshot import PRICE_AREAS, EngineKind, EngineStatus, Snapshot
from app.translations import Language
from app.window import Window
from engine import clock
from engine.clock import SimulatedClock
from engine.domain import DAY, HOUR, Consumer, Expected, Freshness, Reason, Tier
from engine.limits import Limits
from engine.store import Reader, Writer
from engine.store.reader import Event

DA, EN = Language("da"), Language("en")
DK1, MIDT = Consumer("DK1"), Consumer("1082")
RUNS = EngineStatus(EngineKind.FOUND)
Seen = tuple[Snapshot, OverviewSnapshot]


def _read(folder: Path, now: int = NOW) -> Seen:
    reader = Reader(folder / "lastvagt.sqlite")
    try:
        shown = snapshot.read(reader, now)
        return shown, overview_snapshot.read(reader, now, overview_snapshot.beside(shown))
    finally:
        reader.close()


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    return _read(filled_store.fill(tmp_path_factory.mktemp("plain"), days=20, learned=False))


@pytest.fixture(scope="module")
def late(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    folder = filled_store.fill(tmp_path_factory.mktemp("late"), days=16, late=True, learned=False, tso=False)
    writer = Writer(folder / "lastvagt.sqlite")
    writer.set_limits(Limits.parse("DK1=2900, 1082=2000"))
    writer.close()
    return _read(folder)


def test_where_all_is_well_it_says_so_and_how_old_everything_is(plain: Seen) -> None:
    view = overview_view(*plain, RUNS, DA, NOW)
    assert (view.situation.headline, view.situation.freshness) == ("Alt er aktuelt", Freshness.FRESH)
    assert view.situation.troubles == ()
    assert view.situation.ages.startswith("Prognose udstedt 18:00, for 20\u00a0min siden · forbrug målt til 17:00")
    assert "Seneste døgn mod ugen før afviger mest i " in view.situation.unusual
    assert "-båndet" in view.situation.unusual


def test_every_price_area_has_its_figures_and_all_charts_one_axis(plain: Seen) -> None:
    view = overview_view(*plain, RUNS, EN, NOW)
    assert [tile.row.of for tile in view.tiles] == list(PRICE_AREAS)
    assert view.span == (clock.floor_hour(NOW) - 30 * HOUR, clock.floor_hour(NOW) + 48 * HOUR)
    tile = view.tiles[1]
    assert tile.measured.endswith("16–17")
    assert tile.wape.endswith("\u00a0%")
    assert (tile.risk, tile.alarm, tile.strip.limit) == ("", False, None)
    assert tile.row.name in tile.summary
    assert tile.usual in tile.summary
    assert tile.strip.observed_time[-1] < tile.strip.time[-1]
    assert tile.strip.unmeasured == (clock.floor_hour(NOW) - HOUR, NOW)
    low, high = tile.strip.value_range
    assert low < tile.strip.low.min() < tile.strip.high.max() < high


def test_regions_follow_with_an_estimate_where_nobody_has_measured(late: Seen) -> None:
    view = overview_view(*late, RUNS, EN, NOW)
    assert [tile.row.of.area for tile in view.tiles][3:] == ["1081", "1082", "1083", "1084", "1085"]
    tile = next(tile for tile in view.tiles if tile.row.of == MIDT)
    assert not tile.large
    assert len(tile.strip.observed) == 0
    assert tile.strip.unmeasured == (view.span[0], NOW)
    assert tile.strip.solid_from == NOW - 20 * 60
    assert tile.strip.time[0] <= view.span[0]


def test_a_limit_is_drawn_where_it_is_near_and_its_risk_is_told(late: Seen) -> None:
    tiles = {tile.row.of: tile for tile in overview_view(*late, RUNS, DA, NOW).tiles}
    assert tiles[DK1].risk.startswith("P(>2.900) ")
    assert tiles[DK1].strip.limit == 2900
    assert tiles[DK1].risk in tiles[DK1].summary
    assert tiles[MIDT].risk.startswith("P(>2.000) ")
    assert tiles[MIDT].strip.limit is None, "it lies far above"


def test_an_alarm_of_a_peak_is_one_trouble_with_its_hour_and_lead(late: Seen) -> None:
    shown, more = late
    raised = dataclasses.replace(shown, events=(Event("peak", "DK1", "It may.", "Look.", NOW, None),))
    certain = dataclasses.replace(more, limits=Limits({DK1: 2000.0}))
    view = overview_view(raised, certain, RUNS, DA, NOW)
    assert view.situation.headline == "1 ting at se på"
    (trouble,) = view.situation.troubles
    assert trouble.startswith("Spids: DK1 overstiger 2.000\u00a0MWh, >99\u00a0% sandsynligt, tir. 19–20 (om ")
    tile = view.tiles[1]
    assert tile.alarm
    assert tile.risk.endswith(" tir. 19")
    assert overview_view(shown, certain, RUNS, DA, NOW).situation.troubles == (), "the engine has raised none"


def test_an_alarm_of_a_peak_is_told_once_on_every_view(qtbot: QtBot, qapp: QtWidgets.QApplication, late: Seen) -> None:
    theme.apply(qapp, theme.LIGHT)
    window = Window(EN, theme.LIGHT, SimulatedClock(NOW))
    qtbot.addWidget(window)
    window.asked.connect(lambda question: window.show_found(question.name, late[1]))
    window.show()
    window.show_snapshot(dataclasses.replace(late[0], events=(Event("peak", "DK1", "It may.", "Look.", NOW, None),)))
    assert any(
        trouble.text().startswith("Peak: DK1 exceeds") for trouble in window.pane("overview").findChildren(QtWidgets.QLabel)
    )
    assert not window._notices.isVisible()
    window.choose_view("models")
    assert window._notices.isVisible()
    window.quit()


def test_what_is_late_is_said_once_with_its_areas(tmp_path: Path) -> None:
    folder = filled_store.fill(
        tmp_path, days=16, learned=False, tso=False, tier=Tier.NO_WEATHER, reason=Reason.NO_WEATHER_FORECAST, gap_h=(12, 0)
    )
    view = overview_view(*_read(folder), EngineStatus(EngineKind.ABSENT), EN, NOW)
    troubles = view.situation.troubles
    assert view.situation.headline == f"{len(troubles)} things to look at"
    assert "The engine does not run" in troubles
    assert "Model without weather (DK, DK1, DK2)" in troubles
    assert [t for t in troubles if t.startswith("Load: ")] == ["Load: late (DK1, DK2)"], troubles
    assert len(set(troubles)) == len(troubles)


def test_without_network_by_settings_old_inputs_are_told_but_no_trouble(tmp_path: Path) -> None:
    folder = filled_store.fill(tmp_path, days=16, learned=False, tso=False, gap_h=(12, 0))
    writer = Writer(folder / "lastvagt.sqlite")
    writer.set_offline(True)
    writer.close()
    situation = overview_view(*_read(folder), RUNS, DA, NOW).situation
    assert (situation.headline, situation.troubles) == ("Prognoserne er aktuelle", ())
    assert situation.ages.startswith("Uden net efter indstillingerne: data kommer med datapakker · Prognose udstedt")
    assert "forbrug målt til 07:00, for 11" in situation.ages


@pytest.mark.parametrize("code", ["", "tier", "kit"])
def test_without_network_a_lower_tier_is_a_trouble_where_the_engine_tells_of_it(tmp_path: Path, code: str) -> None:
    lower = {"tier": Tier.NO_WEATHER, "reason": Reason.NO_WEATHER_FORECAST}
    folder = filled_store.fill(tmp_path, days=16, learned=False, tso=False, **lower)
    writer = Writer(folder / "lastvagt.sqlite")
    writer.set_offline(True)
    if code:
        writer.open_event(code, "DK1", "It is late.", "Wait.", NOW)
    writer.close()
    troubles = overview_view(*_read(folder), RUNS, EN, NOW).situation.troubles
    assert ("Model without weather (DK, DK1, DK2)" in troubles) == bool(code)


def test_a_screen_that_cannot_read_says_that_it_is_old(plain: Seen) -> None:
    shown, more = plain
    broken = dataclasses.replace(shown, fault=Expected("The disk is gone.", "Check it."))
    assert "The database cannot be read; what is shown is old" in overview_view(broken, more, RUNS, EN, NOW).situation.troubles
    old = overview_view(shown, more, RUNS, EN, NOW + DAY).situation
    assert "Forecast: stale (DK, DK1, DK2)" in old.troubles
    assert old.freshness is Freshness.STALE


def test_an_empty_database_has_an_overview_that_explains_itself(tmp_path: Path) -> None:
    Writer(tmp_path / "lastvagt.sqlite").close()
    view = overview_view(*_read(tmp_path), RUNS, EN, NOW)
    assert view.empty is not None
    assert view.empty.title == "No data for Denmark yet"


@pytest.mark.parametrize("day", ["2026-03-29T10:00Z", "2026-10-25T10:00Z"])
def test_on_days_of_23_and_25_hours_the_axis_has_one_point_an_hour(tmp_path: Path, day: str) -> None:
    now = clock.parse_utc(day)
    folder = filled_store.fill(tmp_path, now=now, days=16, learned=False, tso=False)
    for tile in overview_view(*_read(folder, now), RUNS, DA, now).tiles:
        hours = np.concatenate([tile.strip.observed_time, tile.strip.time])
        assert (np.diff(np.unique(hours)) == HOUR).all()


@given(st.lists(st.integers(0, 60), min_size=1, max_size=30, unique=True).map(sorted))
def test_a_missing_hour_breaks_the_line(hours: list[int]) -> None:
    times = HOUR * np.array(hours, float)
    filled_time, value = _with_gaps(times, np.ones(len(times)))
    assert filled_time[np.isfinite(value)].tolist() == times.tolist()
    assert np.isnan(value).sum() == (np.diff(times) > HOUR).sum()
    assert (np.diff(filled_time) > 0).all()


@given(st.floats(1e-3, 1e6), st.floats(1e-3, 1e4))
def test_ticks_are_few_and_inside(low: float, width: float) -> None:
    ticks = _ticks((low, low + width), EN)
    assert len(ticks) <= 4
    assert all(low - 1e-6 * low <= value <= (low + width) * (1 + 1e-6) for value, _ in ticks)


def test_a_probability_is_never_written_as_certain() -> None:
    assert [percent_text(p, EN) for p in (0.0, 0.004, 0.2, 0.996, 1.0)] == [
        "<1\u00a0%",
        "<1\u00a0%",
        "20\u00a0%",
        ">99\u00a0%",
        ">99\u00a0%",
    ]


@pytest.fixture
def pane(qtbot: QtBot, qapp: QtWidgets.QApplication, late: Seen) -> Iterator[OverviewPane]:
    theme.apply(qapp, theme.LIGHT)
    made = OverviewPane(EN, theme.LIGHT)
    qtbot.addWidget(made)
    made.resize(1248, 700)
    made.show()
    made.activateWindow()
    asked: list[Question] = []
    made.asked.connect(asked.append)
    made.show_scene(Scene(late[0], DK1, RUNS, NOW))
    assert len(made.cards) == 3, "the snapshot has the price areas"
    assert [question.name for question in asked] == ["overview"]
    made.take_found("overview", late[1])
    made.show_scene(Scene(late[0], DK1, RUNS, NOW + 60))
    assert len(asked) == 1, "one snapshot is asked about once"
    return made


def test_arrows_go_from_card_to_card_and_enter_opens_the_forecast(pane: OverviewPane, qtbot: QtBot) -> None:
    keys = QtCore.Qt.Key
    pane.cards[0].setFocus()
    for key, place in ((keys.Key_Up, 0), (keys.Key_Down, 1), (keys.Key_End, 7), (keys.Key_Home, 0), (keys.Key_Down, 1)):
        qtbot.keyClick(QtWidgets.QApplication.focusWidget(), key)
        assert QtWidgets.QApplication.focusWidget() is pane.cards[place]
    meant: list[object] = []
    pane.chosen.connect(meant.append)
    pane.opened.connect(meant.append)
    qtbot.keyClick(pane.cards[1], keys.Key_Return)
    assert meant == [DK1, "forecast"]


def test_a_region_is_chosen_on_the_map_and_marks_its_card(pane: OverviewPane, qtbot: QtBot) -> None:
    qtbot.mouseClick(pane.map.canvas, QtCore.Qt.MouseButton.LeftButton, pos=pane.map.canvas.place_of(1).toPoint())
    assert [card.tile.row.of for card in pane.cards if card.marked and card.tile is not None] == [MIDT]
    with qtbot.waitSignal(pane.chosen) as caught:
        qtbot.keyClick(pane.map.canvas, QtCore.Qt.Key.Key_Return)
    assert caught.args == [MIDT]


def test_everything_can_be_heard(pane: OverviewPane) -> None:
    for card in pane.cards:
        assert card.tile is not None
        assert card.accessibleName() == card.tile.row.name
        assert card.tile.wape in card.accessibleDescription()
    assert "Everything is current" in pane.situation.accessibleName()
    assert pane.map.canvas.accessibleDescription().startswith("North Denmark Region. ")


@pytest.mark.parametrize("width", [560, 700, 900, 1248, 1900, 3800])
def test_columns_never_lie_over_each_other(qapp: QtWidgets.QApplication, width: int) -> None:
    columns = Columns.of(width)
    placed = [column for column in (columns.left, columns.strip, columns.peak, columns.week) if column[1]]
    assert all(wide > 0 for _, wide in placed)
    assert all(left + wide <= after for (left, wide), (after, _) in itertools.pairwise(placed))
    assert placed[-1][0] + placed[-1][1] <= width


def test_whom_the_user_pins_takes_the_place_of_the_regions(pane: OverviewPane, late: Seen) -> None:
    asked: list[Question] = []
    liked: list[dict[str, str]] = []
    pane.asked.connect(asked.append)
    pane.liked.connect(liked.append)
    aalborg = Consumer("851", "household")
    pane.show_scene(Scene(late[0], aalborg, RUNS, NOW))
    assert pane.pin.text() == "Pin Aalborg · Households to the overview"
    pane.pin.trigger()
    assert pane.pin.text() == "Take Aalborg · Households from the overview"
    assert overview_snapshot.beside(late[0], (aalborg, DK1, Consumer("nobody"))) == (aalborg,)
    likes = dataclasses.replace(PLAIN, pinned="851/household, 1082")
    pane.show_scene(Scene(late[0], aalborg, RUNS, NOW, likes))
    pane.pin.trigger()
    assert [each["pinned"] for each in liked] == ["851/household", "1082"]
    assert len(asked) == 3, "who is to be read has changed three times"
    pane.show_scene(Scene(late[0], DK1, RUNS, NOW, likes))
    assert not pane.pin.isEnabled()
