"""The inspector beside the forecast chart, and its page of the hour."""

from __future__ import annotations

import filled_store
import numpy as np
import pytest
from filled_store import NOW
from PySide6 import QtCore, QtWidgets
from pytestqt.qtbot import QtBot

from app import snapshot, theme
from app.forecast_view import ForecastPane
from app.hour_sheet import HourSheet
from app.inspector import Inspector
from app.pane import Scene
from app.present import ForecastView, forecast_view, hour_rows
from app.sheet import Overlay, Sheet
from app.snapshot import EngineKind, EngineStatus
from app.theme import LIGHT
from app.translations import Language
from engine import clock
from engine.domain import DAY, HOUR, LEVELS, Consumer
from engine.store import Reader

EN = Language("en")
HERE = clock.floor_hour(NOW)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    reader = Reader(filled_store.fill(tmp_path_factory.mktemp("filled"), days=20) / "lastvagt.sqlite")
    shown = snapshot.read(reader, NOW)
    reader.close()
    return Scene(shown, Consumer("DK1"), EngineStatus(EngineKind.ABSENT), NOW)


def _view(scene: Scene) -> ForecastView:
    return forecast_view(scene.snapshot, scene.of, scene.engine, EN, scene.now)


class _Recorder(Sheet):
    def __init__(self, *_: object) -> None:
        super().__init__()
        self.hours: list[int] = []
        self.found: list[object] = []

    def set_palette(self, palette: theme.Palette) -> None:
        """Nothing to colour."""

    def show_hour(self, scene: Scene, view: ForecastView, hour: int) -> None:
        self.hours.append(hour)

    def take_found(self, name: str, found: object) -> None:
        self.found.append(found)


def test_only_the_page_in_front_is_made_and_told(qtbot: QtBot, scene: Scene) -> None:
    made: list[_Recorder] = []

    def make(*_: object) -> _Recorder:
        made.append(_Recorder())
        return made[-1]

    inspector = Inspector(EN, LIGHT, {"hour": make, "similar": make})
    qtbot.addWidget(inspector)
    inspector.show_hour(scene, _view(scene), HERE, "now")
    assert made == [], "nobody sees it"
    inspector.show()
    inspector.show_hour(scene, _view(scene), HERE + HOUR, "then")
    assert [sheet.hours for sheet in made] == [[HERE, HERE + HOUR]]
    inspector.choose("similar")
    assert [sheet.hours for sheet in made] == [[HERE, HERE + HOUR], [HERE + HOUR]]
    inspector.take_found("x", 1)
    assert [sheet.found for sheet in made] == [[1], [1]]


def test_the_chart_has_the_curve_of_the_page_in_front(qtbot: QtBot, scene: Scene) -> None:
    inspector = Inspector(EN, LIGHT, {"hour": _Recorder, "similar": _Recorder})
    qtbot.addWidget(inspector)
    inspector.show()
    inspector.show_hour(scene, _view(scene), HERE, "now")
    curve = Overlay(np.arange(2.0), np.arange(2.0), "curve", "ghost")
    drawn: list[object] = []
    inspector.drawn.connect(drawn.append)
    inspector.findChild(_Recorder).drawn.emit(curve)
    inspector.choose("similar")
    inspector.choose("hour")
    assert drawn == [curve, None, curve]


def test_an_hour_that_was_measured_tells_every_truth_and_how_far_the_forecast_was_off(scene: Scene) -> None:
    view = _view(scene)
    names = [row.name for row in hour_rows(view, HERE - 18 * DAY, EN)]
    assert names == ["Observed", "First published", "Since corrected to", "Final at the publisher"]
    begun = hour_rows(view, int(view.forecast_time[0]), EN)
    assert begun[0].name == "Forecast", "of the hours nobody has published there is no truth"


def test_an_hour_ahead_tells_every_level_from_the_highest_down(scene: Scene) -> None:
    rows = hour_rows(_view(scene), HERE + 30 * HOUR, EN)
    levels = [row for row in rows if row.name.startswith("P") and row.name[1:].isdigit()]
    assert [row.name for row in levels] == [f"P{round(100 * level):02d}" for level in reversed(LEVELS)]
    values = [int(row.value.split("\u00a0")[0].replace(",", "")) for row in levels]
    assert values == sorted(values, reverse=True)
    assert next(row.against for row in levels if row.name == "P50") == ""
    assert next(row.value for row in rows if row.name == "Lead time") == "+30\u00a0h"
    assert hour_rows(_view(scene), HERE + 20 * DAY, EN)[0].name == "Neither measured nor part of the forecast."


def test_an_hour_is_pinned_with_mouse_or_keys_and_let_go_with_escape(qtbot: QtBot, scene: Scene) -> None:
    pane = ForecastPane(EN, LIGHT)
    qtbot.addWidget(pane)
    pane.resize(940, 700)
    pane.show()
    pane.show_scene(scene)
    assert not pane.inspector.isVisible(), "a narrow window has the whole chart"
    pane.activateWindow()
    pane.chart.setFocus()
    QtWidgets.QApplication.processEvents()
    keys = QtCore.Qt.Key
    for key in (keys.Key_Right, keys.Key_Right, keys.Key_Return):
        qtbot.keyClick(pane.chart, key)
    table = pane.inspector.findChild(HourSheet).table
    assert pane.inspector.isVisible()
    assert "Lead time +2\u00a0h" in table.accessibleDescription()
    qtbot.keyClick(pane.chart, keys.Key_PageDown)
    assert "Lead time +2\u00a0h" in table.accessibleDescription(), "it stays with the pinned hour"
    qtbot.keyClick(pane.chart, keys.Key_Escape)
    assert "Lead time +2\u00a0h" not in table.accessibleDescription()
    qtbot.keyClick(pane.chart, keys.Key_I)
    assert not pane.inspector.isVisible()


def test_a_wide_window_opens_the_inspector_until_the_user_decides(qtbot: QtBot, scene: Scene) -> None:
    pane = ForecastPane(EN, LIGHT)
    qtbot.addWidget(pane)
    pane.show()
    pane.show_scene(scene)
    pane.resize(1560, 900)
    assert pane.inspector.isVisible()
    pane.activateWindow()
    pane.chart.setFocus()
    QtWidgets.QApplication.processEvents()
    qtbot.keyClick(pane.chart, QtCore.Qt.Key.Key_I)
    pane.resize(1600, 900)
    assert not pane.inspector.isVisible()
