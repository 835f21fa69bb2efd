"""The monitoring view on screen: sections, heat maps with keys alone, the way to an hour, and figures that do not mix consumers."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import filled_store
import numpy as np
import pytest
from filled_store import NOW
from PySide6 import QtCore, QtGui, QtWidgets
from pytestqt.qtbot import QtBot

from app import snapshot, theme
from app.calibration_card import WeightBar
from app.day_chart import DayPlot
from app.heat_map import shade
from app.monitoring_view import SECTIONS, MonitoringPane
from app.pane import Question, Scene
from app.present import heat_map
from app.snapshot import EngineKind, EngineStatus, Snapshot
from app.theme import DARK, LIGHT
from app.translations import Language
from engine.domain import Consumer, Expected
from engine.store import Reader

EN = Language("en")
DK1, DK2, OWN = Consumer("DK1"), Consumer("DK2"), filled_store.OWN
KEY = QtCore.Qt.Key


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    folder: Path = filled_store.fill(tmp_path_factory.mktemp("watched"), late=True)
    made = Reader(folder / "lastvagt.sqlite")
    yield made
    made.close()


@pytest.fixture(scope="module")
def filled(reader: Reader) -> Snapshot:
    return snapshot.read(reader, NOW, OWN)


def scene(filled: Snapshot, of: Consumer = DK1) -> Scene:
    return Scene(filled, of, EngineStatus(EngineKind.UNKNOWN), NOW)


@pytest.fixture(scope="module", autouse=True)
def colours(qapp: QtWidgets.QApplication) -> None:
    theme.apply(qapp, LIGHT)


@pytest.fixture
def pane(qtbot: QtBot, reader: Reader) -> MonitoringPane:
    made = MonitoringPane(EN, LIGHT)
    made.asked.connect(lambda question: made.take_found(question.name, question.read(reader, NOW)))
    qtbot.addWidget(made)
    made.resize(985, 640)
    made.show()
    return made


def words(widget: QtWidgets.QWidget) -> str:
    return "\n".join(label.text() for label in widget.findChildren(QtWidgets.QLabel) if label.isVisible())


def test_each_section_shows_what_it_is_about_and_everything_has_a_name(pane: MonitoringPane, filled: Snapshot) -> None:
    pane.show_scene(scene(filled))
    seen = {}
    for section in SECTIONS:
        pane.choose_section(section)
        QtWidgets.QApplication.processEvents()
        seen[section] = words(pane)
        for widget in pane.findChildren(QtWidgets.QWidget):
            if widget.isVisible() and widget.focusPolicy() & QtCore.Qt.FocusPolicy.TabFocus:
                assert widget.accessibleName(), (section, widget)
        assert (pane.width(), pane.height()) == (985, 640), "it fits in a small window"
    assert "As usual" in seen["state"]
    assert "Error by lead time and hour of day" in seen["where"]
    assert "25–48 h ahead" not in seen["where"], "names of rows are the table's own"
    assert "Expected error of hours not yet measured" in seen["promises"]
    assert "Mean absolute error by day" in seen["scores"]
    assert [action.text() for action in pane.actions()] == ["State", "Where and when", "Uncertainty", "Scores"]


def test_keys_alone_lead_from_a_cell_to_an_hour_of_the_forecast(pane: MonitoringPane, filled: Snapshot, qtbot: QtBot) -> None:
    pane.show_scene(scene(filled))
    pane.choose_section("where")
    chosen: list[tuple[object, int]] = []
    pane.hour_chosen.connect(lambda of, hour: chosen.append((of, hour)))
    view = pane.where.maps[0]
    view.setFocus()
    for key in (KEY.Key_Down, KEY.Key_Right, KEY.Key_Right):
        qtbot.keyClick(view, key)
    assert "1–6 h ahead, 02–03: " in words(pane.where)
    qtbot.keyClick(view, KEY.Key_Return)
    assert "1–6 h ahead, 02–03: 43 hours" in words(pane.where.hours)
    table = pane.where.hours.table
    assert table.accessibleName().startswith("1–6 h ahead, 02–03")
    qtbot.keyClick(table, KEY.Key_Down)
    qtbot.keyClick(table, KEY.Key_Return)
    [(of, hour)] = chosen
    assert of == DK1
    assert hour == pane.where.hours._times[1]
    pane.show_scene(scene(filled, DK2))
    assert "The hours behind a cell" in words(pane.where.hours), "another consumer has other hours"


def test_bias_and_another_truth_can_be_chosen(pane: MonitoringPane, filled: Snapshot) -> None:
    asked: list[Question] = []
    pane.asked.connect(asked.append)
    pane.show_scene(scene(filled))
    pane.choose_section("where")
    first = pane.where.maps[0].heat
    pane.where._shown.setCurrentIndex(1)
    bias = pane.where.maps[0].heat
    assert first is not None
    assert bias is not None
    assert bias.low < 0 == first.low
    pane.where._truth.setCurrentIndex(1)
    settled = pane.where.maps[0].heat
    assert settled is not None
    assert not np.array_equal(settled.values, bias.values, equal_nan=True)
    assert [question.name for question in asked] == ["monitoring.record", "monitoring.other"]
    pane.show_scene(scene(filled))
    assert len(asked) == 2, "the same database is not read again"
    pane.show_scene(scene(filled, OWN))
    assert not pane.where._truth.isEnabled(), "what is metered is never called final"
    assert pane.where._truth.currentText() == "Provisional load"
    pane.show_scene(scene(filled, DK2))
    assert pane.where._truth.currentText() == "Settled load"


def test_an_answer_about_another_consumer_or_a_fault_is_not_shown(qtbot: QtBot, reader: Reader, filled: Snapshot) -> None:
    pane = MonitoringPane(EN, LIGHT)
    qtbot.addWidget(pane)
    asked: list[Question] = []
    pane.asked.connect(asked.append)
    pane.show()
    pane.show_scene(scene(filled))
    pane.show_scene(scene(filled, DK2))
    late, right = asked
    pane.take_found(late.name, late.read(reader, NOW))
    assert "Western" in words(pane), "nothing of one is shown under the name of another"
    pane.take_found(late.name, Expected("The disk is gone.", "Find it."))
    assert "As usual" not in words(pane.state)
    pane.take_found(right.name, right.read(reader, NOW))
    assert "As usual" in words(pane.state)
    assert "Eastern" in words(pane)
    third = scene(filled, OWN)
    pane.show_scene(third)
    assert "Eastern" in words(pane), "what was shown stays under its own title until the other is read"


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_cells_have_the_colour_of_their_value_and_hatching_where_there_is_none(
    pane: MonitoringPane, filled: Snapshot, reader: Reader, palette: theme.Palette
) -> None:
    pane.set_palette(palette)
    pane.show_scene(scene(filled))
    pane.choose_section("where")
    QtWidgets.QApplication.processEvents()
    view = pane.where.maps[1]
    heat = view.heat
    assert heat is not None
    assert np.isnan(heat.values[0]).all(), "a year ago nothing was scored"
    picture = view.viewport().grab().toImage()

    def colours(row: int) -> set[str]:
        box = view.visualRect(view.model().index(row, 12)).adjusted(1, 1, -3, -3)
        return {
            QtGui.QColor(picture.pixel(x, y)).name()
            for x in range(box.left(), box.right())
            for y in range(box.top(), box.bottom())
        }

    assert shade(heat, float(heat.values[-1, 12]), palette) in colours(len(heat.rows) - 1)
    assert {palette.surface, palette.rule} <= colours(0)


def test_the_days_of_a_chart_are_read_with_keys(pane: MonitoringPane, filled: Snapshot, qtbot: QtBot) -> None:
    pane.show_scene(scene(filled))
    heard: list[str] = []
    pane.state.control.pointed.connect(heard.append)
    for _ in range(3):
        qtbot.keyClick(pane.state.control, KEY.Key_Left)
    assert [text.partition(":")[0] for text in heard] == ["Tue 24 Nov", "Mon 23 Nov", "Sun 22 Nov"]


def test_a_chart_of_nothing_says_so_and_has_no_scale(pane: MonitoringPane, filled: Snapshot) -> None:
    pane.show_scene(scene(filled))
    plot = pane.state.findChildren(DayPlot)[0]
    shown = plot._shown
    assert shown is not None
    assert (plot._nothing, plot.plot.getAxis("left").style["showValues"]) == ("", True)
    nothing = np.full(len(shown.time), np.nan)
    lines = tuple(dataclasses.replace(line, value=nothing) for line in shown.lines)
    plot.show_chart(dataclasses.replace(shown, lines=lines, low=nothing, high=nothing, marked=()))
    assert (plot._nothing, plot.plot.getAxis("left").style["showValues"]) == ("No data yet", False)
    plot.grab()
    plot.show_chart(shown)
    assert plot._nothing == ""


def test_promises_of_another_lead_time_can_be_chosen(pane: MonitoringPane, filled: Snapshot, qtbot: QtBot) -> None:
    pane.show_scene(scene(filled))
    pane.choose_section("promises")
    box = pane.promises._leads
    assert box.currentText() == "25–48 h ahead"
    qtbot.keyClick(box, KEY.Key_Down)
    assert box.currentText() == "49–72 h ahead"
    assert pane.promises.chart.accessibleDescription()


def test_the_calibration_is_shown_and_an_empty_one_explains_itself(pane: MonitoringPane, filled: Snapshot) -> None:
    pane.show_scene(scene(filled))
    pane.choose_section("promises")
    card = pane.promises.calibration
    assert "400 hours learned, last 18:00" in words(card)
    assert "Bands: " in words(card)
    assert card.accessibleDescription().startswith("Coverage 7–48")
    QtWidgets.QApplication.processEvents()
    bar = card.findChild(WeightBar).grab().toImage()
    assert len({bar.pixel(x, 6) for x in range(bar.width())}) >= 4, "parts of different colours"
    without = dataclasses.replace(filled.consumers[DK1], calibration=None)
    pane.show_scene(scene(dataclasses.replace(filled, consumers=filled.consumers | {DK1: without})))
    assert "Learns from the first hours" in words(card)
    assert "Bands: " not in words(card)


def test_a_consumer_that_is_measured_late_is_shown_too(pane: MonitoringPane, filled: Snapshot, reader: Reader) -> None:
    pane.show_scene(scene(filled, OWN))
    for section in SECTIONS:
        pane.choose_section(section)
    heat = pane.where.maps[0].heat
    assert heat is not None
    assert heat.rows[0] == "bridge"
    record = pane._record
    assert record is not None
    assert heat_map(record, "lead", "wape", EN, NOW).rows == heat.rows
