"""The forecast view as an operator works it: back in time, nearer and farther, with the weather under it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import filled_store
import numpy as np
import pytest
from filled_store import NOW
from PySide6 import QtCore, QtWidgets
from pytestqt.qtbot import QtBot

from app import snapshot, theme
from app.forecast_view import ForecastPane
from app.pane import Question, Scene
from app.similar_sheet import SimilarSheet
from app.snapshot import EngineKind, EngineStatus
from app.theme import LIGHT
from app.translations import Language
from engine.adjusting import untouched
from engine.domain import DAY, HOUR, Consumer, Expected
from engine.store import Reader

EN = Language("en")
KEYS = QtCore.Qt.Key


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    made = Reader(filled_store.fill(tmp_path_factory.mktemp("pane"), days=70, late=True) / "lastvagt.sqlite")
    yield made
    made.close()


def _scene(reader: Reader, of: Consumer) -> Scene:
    return Scene(snapshot.read(reader, NOW, of), of, EngineStatus(EngineKind.ABSENT), NOW)


@pytest.fixture(scope="module")
def scene(reader: Reader) -> Scene:
    return _scene(reader, Consumer("DK1"))


@pytest.fixture
def pane(qtbot: QtBot, qapp: QtWidgets.QApplication, reader: Reader, scene: Scene) -> ForecastPane:
    """A pane whose questions are answered at once."""
    theme.apply(qapp, LIGHT)
    made = ForecastPane(EN, LIGHT)
    qtbot.addWidget(made)
    made.asked.connect(lambda question: made.take_found(question.name, question.read(reader, NOW)))
    made.resize(940, 700)
    made.show()
    made.activateWindow()
    made.show_scene(scene)
    made.chart.setFocus()
    qapp.processEvents()
    return made


def _words(widget: QtWidgets.QWidget) -> str:
    return "\n".join(label.text() for label in widget.findChildren(QtWidgets.QLabel) if label.isVisible())


def test_the_keys_go_back_in_time_and_the_past_never_looks_like_now(qtbot: QtBot, pane: ForecastPane) -> None:
    assert "AS KNOWN" not in _words(pane)
    for _ in range(4):
        qtbot.keyClick(pane.chart, KEYS.Key_BracketLeft)
    assert "AS KNOWN Mon 23 Nov 18:00, 1\u00a0d ago" in _words(pane)
    assert "Since observed: " in _words(pane)
    assert "Newest median" in _words(pane)
    assert pane.chart.accessibleDescription().startswith("AS KNOWN")
    qtbot.keyClick(pane.chart, KEYS.Key_BracketRight)
    assert "AS KNOWN Tue 24 Nov 00:00" in _words(pane)
    qtbot.mouseClick(pane.past.newest, QtCore.Qt.MouseButton.LeftButton)
    assert "AS KNOWN" not in _words(pane)


def test_closing_the_row_of_the_past_comes_back_to_the_newest(qtbot: QtBot, pane: ForecastPane) -> None:
    qtbot.keyClick(pane.chart, KEYS.Key_BracketLeft)
    assert pane.past.isVisible()
    qtbot.keyClick(pane.chart, KEYS.Key_P)
    assert not pane.past.isVisible()
    assert "AS KNOWN" not in _words(pane)


def test_playing_ends_at_the_newest_issue(qtbot: QtBot, pane: ForecastPane) -> None:
    qtbot.keyClick(pane.chart, KEYS.Key_P)
    pane.past._timer.setInterval(1)
    pane.past.play.click()
    assert "AS KNOWN" in _words(pane)
    qtbot.waitUntil(lambda: not pane.past.play.isChecked())
    assert pane.past.at_newest
    assert "AS KNOWN" not in _words(pane)


def test_an_issue_that_is_looked_at_stays_while_new_ones_come(pane: ForecastPane, scene: Scene) -> None:
    pane._step(-3)
    before = pane._known_at.text()
    own = scene.snapshot.consumers[scene.of]
    assert own.forecast is not None
    newer = dataclasses.replace(
        own, published=untouched(dataclasses.replace(own.forecast, issue_time=own.forecast.issue_time + 600))
    )
    pane.show_scene(dataclasses.replace(scene, snapshot=dataclasses.replace(scene.snapshot, consumers={scene.of: newer})))
    assert pane._known_at.text() == before


def test_what_was_said_so_many_hours_before_is_shown_and_left_again(pane: ForecastPane) -> None:
    pane.show_lead(24)
    assert "AS FORECAST 24\u00a0h BEFORE EACH HOUR" in _words(pane)
    pane._step(-1)
    assert "AS KNOWN" in _words(pane)
    assert "AS FORECAST" not in _words(pane)
    assert pane.tools.lead.currentData() == "0"
    pane.show_lead(6)
    assert "AS KNOWN" not in _words(pane), "one look into the past at a time"
    pane.show_lead(0)
    assert "AS FORECAST" not in _words(pane)


def test_another_consumer_is_shown_as_it_is_now(pane: ForecastPane, reader: Reader) -> None:
    pane._step(-2)
    late = Consumer("1082", "household")
    pane.show_scene(_scene(reader, late))
    assert "AS KNOWN" not in _words(pane)
    assert "Bridge: nobody" in _words(pane)
    pane._step(-1)
    assert "AS KNOWN" not in _words(pane), "of it one issue is kept"
    nothing = Scene(pane._scene.snapshot, Consumer("DK1-none"), pane._scene.engine, NOW)
    pane.show_scene(nothing)
    assert not pane.chart.isVisible()


def test_ranges_zoom_and_home(qtbot: QtBot, pane: ForecastPane) -> None:
    def span() -> float:
        left, right = pane.chart.plot.viewRange()[0]
        return float(right - left) / DAY

    for button, days in ((0, 1.0), (1, 3.0), (4, 35.0)):
        pane.tools._ranges.buttons()[button].click()
        assert span() == pytest.approx(days)
    qtbot.keyClick(pane.chart, KEYS.Key_Plus)
    assert span() == pytest.approx(35 * 0.7)
    assert not any(button.isChecked() for button in pane.tools._ranges.buttons())
    qtbot.keyClick(pane.chart, KEYS.Key_Minus)
    assert span() == pytest.approx(35.0)
    pane.tools.reset.click()
    assert span() == pytest.approx(14.0)
    pane.tools._ranges.buttons()[-1].click()
    assert len(pane._view.observed_time) > 69 * 24 - 3, "the year that is wanted is read"
    assert span() == pytest.approx(365.0)
    assert "Long curves are daily means" in _words(pane)
    pane.tools.reset.click()
    assert "Long curves are daily means" not in _words(pane)


def test_a_year_is_offered_only_where_more_than_two_months_are_stored(pane: ForecastPane) -> None:
    year = pane.tools._ranges.button(365)
    assert year.isEnabled()
    pane.tools.show_stored(20.4)
    assert not year.isEnabled()
    assert year.toolTip() == "Only 20 days of load are stored"


def test_zoom_keeps_the_hour_that_is_read_out_where_it_is(qtbot: QtBot, pane: ForecastPane) -> None:
    qtbot.keyClick(pane.chart, KEYS.Key_PageDown)
    left, right = pane.chart.plot.viewRange()[0]
    at = pane._pointed
    share = (at - left) / (right - left)
    qtbot.keyClick(pane.chart, KEYS.Key_Plus)
    left, right = pane.chart.plot.viewRange()[0]
    assert (at - left) / (right - left) == pytest.approx(share, abs=0.005)


def test_the_value_axis_follows_what_is_in_sight(pane: ForecastPane) -> None:
    pane.tools._ranges.buttons()[4].click()
    wide = pane.chart.plot.viewRange()[1]
    night = 1795568400 - 3 * DAY  # two hours past midnight
    pane.chart.plot.setXRange(night, night + 6 * HOUR, padding=0)
    bottom, top = pane.chart.plot.viewRange()[1]
    assert top - bottom < 0.6 * (wide[1] - wide[0])
    times, loads = pane._view.observed_time, pane._view.observed
    seen = loads[(times >= night) & (times < night + 6 * HOUR)]
    assert bottom <= np.nanmin(seen)
    assert np.nanmax(seen) <= top


def test_weather_lies_on_the_same_time_axis_and_can_be_folded(qtbot: QtBot, pane: ForecastPane) -> None:
    assert pane.weather.isVisible()
    pane.tools._ranges.buttons()[1].click()
    assert pane.weather.plot.viewRange()[0] == pytest.approx(pane.chart.plot.viewRange()[0])
    assert "5.0\u00a0°C · 5.0\u00a0m/s · 5\u00a0W/m²" in _words(pane)
    assert pane.weather.accessibleDescription().startswith("Weather of Western Denmark")
    liked: list[dict[str, object]] = []
    pane.liked.connect(liked.append)
    qtbot.keyClick(pane.chart, KEYS.Key_W)
    assert not pane.weather.isVisible()
    assert liked == [{"weather": False}]


def test_the_naive_forecast_can_be_left_out(qtbot: QtBot, pane: ForecastPane) -> None:
    def legend() -> str:
        return _words(pane._legend)

    assert "Seasonal naive" in legend()
    qtbot.keyClick(pane.chart, KEYS.Key_N)
    assert "Seasonal naive" not in legend()
    assert not pane.chart._naive.isVisible()


def test_similar_days_are_listed_with_why_and_drawn_when_chosen(pane: ForecastPane) -> None:
    pane.tools.inspect.click()
    pane.inspector.choose("similar")
    sheet = pane.inspector.findChild(SimilarSheet)
    assert sheet.list.count() == 4, "the working days of the week whose weather is stored"
    assert "same kind of day" in sheet.list.item(0).text()
    sheet.list.setCurrentRow(0)
    laid = pane.inspector.overlay
    assert laid is not None
    assert len(laid.time) == 24
    assert pane.chart._overlay.isVisible()
    assert laid.name in _words(pane._legend)
    pane.inspector.choose("hour")
    assert not pane.chart._overlay.isVisible()


def test_a_database_that_cannot_be_read_leaves_the_chart_as_it_is(qtbot: QtBot, scene: Scene) -> None:
    made = ForecastPane(EN, LIGHT)
    qtbot.addWidget(made)
    asked: list[Question] = []
    made.asked.connect(asked.append)
    made.show_scene(scene)
    for question in asked:
        made.take_found(question.name, Expected("The disk is gone.", "Put it back."))
    assert "Western Denmark" in made.chart.accessibleName()
    made.show_scene(scene)
    assert len(asked) == len({question.name for question in asked}), "nothing is asked twice"


def test_every_action_has_a_name_and_a_key_of_its_own(pane: ForecastPane) -> None:
    keys = [key.toString() for action in pane.actions() for key in action.shortcuts()]
    assert len(keys) == len(set(keys))
    assert all(action.text() for action in pane.actions())
