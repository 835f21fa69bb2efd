"""The map as an operator sees and works it, with the mouse or with keys alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from filled_map import fill_map
from filled_store import NOW
from PySide6 import QtCore, QtGui, QtTest, QtWidgets
from pytestqt.qtbot import QtBot

from app import snapshot, theme
from app.map_view import MapPane
from app.pane import Scene
from app.ramps import Ramp, colour
from app.snapshot import EngineKind, EngineStatus, Snapshot
from app.theme import DARK, LIGHT
from app.translations import Language
from app.window import Window
from engine.clock import SimulatedClock
from engine.domain import DAY, HOUR, Consumer
from engine.store import Reader, Writer

KEYS = QtCore.Qt.Key
MISSING = "630"


def _read(folder: Path) -> Snapshot:
    reader = Reader(folder / "lastvagt.sqlite")
    try:
        return snapshot.read(reader, NOW)
    finally:
        reader.close()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return _read(fill_map(tmp_path_factory.mktemp("map"), missing=(MISSING,)))


def _scene(shown: Snapshot, now: int) -> Scene:
    return Scene(shown, Consumer("DK"), EngineStatus(EngineKind.ABSENT), now)


@pytest.fixture
def pane(qtbot: QtBot, qapp: QtWidgets.QApplication, filled: Snapshot) -> Iterator[MapPane]:
    theme.apply(qapp, LIGHT)
    made = MapPane(Language("en"), LIGHT)
    qtbot.addWidget(made)
    made.resize(940, 680)
    made.show()
    made.show_scene(_scene(filled, NOW))
    QtWidgets.QApplication.processEvents()
    yield made
    made.close()


def _words(widget: QtWidgets.QWidget) -> str:
    return "\n".join(label.text() for label in widget.findChildren(QtWidgets.QLabel) if label.isVisible())


def _row(pane: MapPane, name: str) -> int:
    return next(row for row in range(pane.table.rowCount()) if pane.table.item(row, 0).text() == name)


def _take(pane: MapPane, box: QtWidgets.QComboBox, words: str) -> None:
    """Choose an entry as a user does."""
    box.setCurrentIndex(box.findText(words))
    box.activated.emit(box.currentIndex())


def test_it_opens_now_on_the_finest_layer(pane: MapPane) -> None:
    assert pane.layer.currentText() == "Municipalities"
    assert pane.table.rowCount() == 98
    assert "Tue 24 Nov 18–19 CET" in _words(pane)
    assert pane.table.item(_row(pane, "Vejle"), 2).text() == "no data"


def test_keys_alone_choose_an_area(pane: MapPane, qtbot: QtBot) -> None:
    pane.canvas.focus_row(_row(pane, "Aalborg"))
    heard: list[Consumer] = []
    pane.chosen.connect(heard.append)
    for key, name in (
        (KEYS.Key_Up, "Brønderslev"),
        (KEYS.Key_Up, "Hjørring"),
        (KEYS.Key_Right, "Frederikshavn"),
        (KEYS.Key_Right, "Læsø"),
    ):
        qtbot.keyClick(pane.canvas, key)
        assert name in _words(pane)
        assert name in pane.canvas.accessibleDescription()
        assert pane.table.currentRow() == _row(pane, name)
    qtbot.keyClick(pane.canvas, KEYS.Key_Right)  # nothing lies east of it in that direction but the far islands
    qtbot.keyClick(pane.canvas, KEYS.Key_Return)
    assert len(heard) == 1
    assert heard[0].consumer_type == "household"


def test_arrows_reach_every_tile(pane: MapPane, qtbot: QtBot) -> None:
    reached, edge = {pane.canvas.focused}, [pane.canvas.focused]
    while edge:
        here = edge.pop()
        for key in (KEYS.Key_Left, KEYS.Key_Right, KEYS.Key_Up, KEYS.Key_Down):
            pane.canvas.focus_row(here)
            qtbot.keyClick(pane.canvas, key)
            if pane.canvas.focused not in reached:
                reached.add(pane.canvas.focused)
                edge.append(pane.canvas.focused)
    assert len(reached) == 98


def test_keys_move_the_hour(pane: MapPane, qtbot: QtBot) -> None:
    for key, hour in (
        (KEYS.Key_Right, "Tue 24 Nov 19–20 CET"),
        (KEYS.Key_PageDown, "Wed 25 Nov 19–20 CET"),
        (KEYS.Key_Left, "Wed 25 Nov 18–19 CET"),
        (KEYS.Key_PageUp, "Tue 24 Nov 18–19 CET"),
        (KEYS.Key_Home, "Mon 9 Nov 00–01 CET"),
        (KEYS.Key_End, "Thu 26 Nov 07–08 CET"),
    ):
        qtbot.keyClick(pane.slider, key)
        assert hour in _words(pane)
    pane.now.click()
    assert "Tue 24 Nov 18–19 CET" in _words(pane)


def test_the_hour_follows_the_clock_until_it_is_moved(pane: MapPane, filled: Snapshot, qtbot: QtBot) -> None:
    pane.show_scene(_scene(filled, NOW + HOUR))
    assert "Tue 24 Nov 19–20 CET" in _words(pane)
    qtbot.keyClick(pane.slider, KEYS.Key_PageUp)
    pane.show_scene(_scene(filled, NOW + 2 * HOUR))
    assert "Mon 23 Nov 19–20 CET" in _words(pane)


def test_it_plays_to_the_end_and_stops(pane: MapPane, qtbot: QtBot) -> None:
    pane.slider.setValue(pane.slider.maximum() - 2)
    pane.play.click()
    assert pane.play.text() == "Pause"
    qtbot.waitUntil(lambda: not pane.play.isChecked())
    assert pane.slider.value() == pane.slider.maximum()


def test_the_mouse_points_and_leaving_goes_back_to_the_focus(pane: MapPane, qtbot: QtBot) -> None:
    pane.canvas.focus_row(_row(pane, "Aalborg"))
    QtTest.QTest.mouseMove(pane.canvas, pane.canvas.place_of(_row(pane, "København")).toPoint())
    QtWidgets.QApplication.processEvents()
    assert "København" in _words(pane)
    assert "% of the sum" in _words(pane)
    pane.canvas.leaveEvent(QtCore.QEvent(QtCore.QEvent.Type.Leave))
    assert "Aalborg" in _words(pane)
    heard: list[Consumer] = []
    pane.chosen.connect(heard.append)
    QtTest.QTest.mouseDClick(
        pane.canvas,
        QtCore.Qt.MouseButton.LeftButton,
        QtCore.Qt.KeyboardModifier.NoModifier,
        pane.canvas.place_of(_row(pane, "Odense")).toPoint(),
    )
    assert heard == [Consumer("461", "household")]


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=lambda p: p.name)
def test_colours_are_those_of_the_ramp_and_no_data_has_none_of_them(pane: MapPane, palette: theme.Palette) -> None:
    pane.set_palette(palette)
    _take(pane, pane.shade, "Load per inhabitant")
    QtWidgets.QApplication.processEvents()
    picture = pane.canvas.grab().toImage()

    def around(name: str) -> set[str]:
        """Colours in the lower part of a tile, under its words."""
        at = pane.canvas.place_of(_row(pane, name)).toPoint()
        return {picture.pixelColor(at.x() + dx, at.y() + 15).name() for dx in range(-12, 13)}

    ramp = {colour(Ramp.SEQUENTIAL, i / 255, palette.name == "dark") for i in range(256)}
    assert around("Esbjerg") <= ramp
    assert not around("Vejle") & ramp
    assert len(around("Vejle")) > 1


def test_every_layer_and_shade_can_be_drawn_in_both_languages(qtbot: QtBot, filled: Snapshot) -> None:
    for code in ("da", "en"):
        pane = MapPane(Language(code), LIGHT)
        qtbot.addWidget(pane)
        pane.resize(1572, 930)
        pane.show()
        pane.show_scene(_scene(filled, NOW))
        for layer in range(pane.layer.count()):
            pane.layer.setCurrentIndex(layer)
            pane.layer.activated.emit(layer)
            for kind in range(pane.type.count()):
                pane.type.setCurrentIndex(kind)
                pane.type.activated.emit(kind)
                for shade in range(pane.shade.count()):
                    pane.shade.setCurrentIndex(shade)
                    pane.shade.activated.emit(shade)
                    image = pane.canvas.grab().toImage().convertToFormat(QtGui.QImage.Format.Format_RGB32)
                    raw = np.frombuffer(image.constBits(), np.uint32)
                    assert len(np.unique(raw)) > 20
                    assert pane.table.accessibleDescription()


def test_without_data_it_says_why(pane: MapPane, tmp_path: Path) -> None:
    Writer(tmp_path / "lastvagt.sqlite").close()
    pane.show_scene(_scene(_read(tmp_path), NOW))
    assert "The map has nothing to show" in _words(pane)
    assert not pane.canvas.isVisible()
    assert not pane.play.isVisible()


def test_what_is_chosen_on_the_map_is_chosen_in_the_window(qtbot: QtBot, filled: Snapshot) -> None:
    window = Window(Language("en"), LIGHT, SimulatedClock(NOW))
    qtbot.addWidget(window)
    window.resize(1280, 800)
    window.show()
    window.show_snapshot(filled)
    window.choose_view("map")
    window.pane("map").canvas.focus_row(_row(window.pane("map"), "Aalborg"))
    qtbot.keyClick(window.pane("map").canvas, KEYS.Key_Return)
    assert window.chosen == Consumer("851", "household")
    window.show_snapshot(filled)
    assert "Aalborg" in _words(window.pane("map"))  # the map stays where it was
    window.close()


def test_a_snapshot_of_a_later_day_keeps_the_hour_that_was_chosen(pane: MapPane, filled: Snapshot, qtbot: QtBot) -> None:
    qtbot.keyClick(pane.slider, KEYS.Key_Home)
    _take(pane, pane.layer, "Regions")
    assert "Wed 11 Nov 00–01 CET" in _words(pane)  # where this layer begins
    pane.now.click()
    pane.show_scene(_scene(filled, NOW + DAY))
    assert "Wed 25 Nov 18–19 CET" in _words(pane)
