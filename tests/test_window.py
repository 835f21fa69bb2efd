"""The window as an operator sees and works it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import filled_store
import numpy as np
import pyqtgraph as pg
import pytest
from filled_store import NOW
from PySide6 import QtCore, QtGui, QtTest, QtWidgets
from pytestqt.qtbot import QtBot

from app import present, snapshot, theme
from app.area_panel import AreaCard
from app.bands import HatchItem
from app.calibration_card import CoverageStrip
from app.present import Coverage
from app.snapshot import EngineKind, EngineStatus, Snapshot
from app.theme import DARK, LIGHT
from app.translations import Language
from app.window import VIEWS, Window
from engine import clock
from engine.clock import SimulatedClock
from engine.domain import DAY, HOUR, Consumer, Expected
from engine.store import Reader, Writer

MIDT, AALBORG = Consumer("1082", "household"), Consumer("851", "household")
Pixels = np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]


def _read(folder: Path, chosen: Consumer | None = None) -> Snapshot:
    reader = Reader(folder / "lastvagt.sqlite")
    try:
        return snapshot.read(reader, NOW, chosen)
    finally:
        reader.close()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return _read(filled_store.fill(tmp_path_factory.mktemp("filled"), days=20))


@pytest.fixture(scope="module")
def late(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return _read(filled_store.fill(tmp_path_factory.mktemp("late"), days=16, late=True, stalled_d=21), MIDT)


@pytest.fixture(autouse=True)
def _forget(qapp: QtWidgets.QApplication) -> None:
    """Delete the windows of the test before: Qt waits for an event loop with it, and styles them all again each time."""
    qapp.sendPostedEvents(None, QtCore.QEvent.Type.DeferredDelete)


@pytest.fixture
def time() -> SimulatedClock:
    return SimulatedClock(NOW)


@pytest.fixture
def window(qtbot: QtBot, qapp: QtWidgets.QApplication, time: SimulatedClock) -> Iterator[Window]:
    theme.apply(qapp, LIGHT)
    made = Window(Language("en"), LIGHT, time)
    qtbot.addWidget(made)
    made.resize(1280, 800)
    made.choose_view("forecast")
    made.show()
    yield made
    made.close()


def _pixels(widget: QtWidgets.QWidget) -> Pixels:
    """Red, green, blue of every pixel."""
    QtWidgets.QApplication.processEvents()
    image = widget.grab().toImage().convertToFormat(QtGui.QImage.Format.Format_RGB32)
    raw = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine() // 4, 4)
    return raw[:, : image.width(), 2::-1].copy()


def _words(widget: QtWidgets.QWidget) -> str:
    """Everything that can be read."""
    return "\n".join(label.text() for label in widget.findChildren(QtWidgets.QLabel) if label.isVisible())


def _point_at(window: Window, t: float) -> None:
    """Move the mouse to a time in the chart; pyqtgraph drops moves that follow each other within 10 ms."""
    QtTest.QTest.qWait(20)
    chart = window.pane("forecast").chart
    QtWidgets.QApplication.processEvents()
    at = chart.mapFromScene(chart.plot.getViewBox().mapViewToScene(QtCore.QPointF(t, sum(chart.plot.viewRange()[1]) / 2)))
    QtTest.QTest.mouseMove(chart.viewport(), at)
    QtWidgets.QApplication.processEvents()


def test_a_filled_database_shows_areas_forecast_and_sources(window: Window, filled: Snapshot) -> None:
    window.show_snapshot(filled)
    words = _words(window)
    assert all(part in words for part in ("Denmark", "Western Denmark (DK1)", "Eastern Denmark (DK2)", "Full model"))
    assert all(part in words for part in ("Issued 18:00, 20\u00a0min ago", "● fresh", "Temperature", "Model dk-2026.1"))
    chart = window.pane("forecast").chart
    assert tuple(chart.plot.viewRange()[0]) == (NOW - 7 * DAY, NOW + 7 * DAY)


def test_cards_that_were_filled_before_they_were_seen_fit_their_place(
    qtbot: QtBot, filled: Snapshot, time: SimulatedClock
) -> None:
    made = Window(Language("en"), LIGHT, time)
    qtbot.addWidget(made)
    made.resize(1280, 800)
    made.choose_view("overview")  # which has no panel
    made.show()
    made.show_snapshot(filled)
    QtWidgets.QApplication.processEvents()
    made.choose_view("forecast")
    QtWidgets.QApplication.processEvents()
    cards = made.areas.areas
    for row in range(cards.count()):
        assert cards.itemWidget(cards.item(row)).geometry().right() <= cards.viewport().width()
    made.close()


def test_an_empty_database_explains_itself_in_both_views(window: Window, tmp_path: Path) -> None:
    Writer(tmp_path / "lastvagt.sqlite").close()
    window.show_snapshot(_read(tmp_path))
    for view in ("forecast", "monitoring"):
        window.choose_view(view)
        assert "No data for Denmark yet" in _words(window)
        assert "lastvagt-engine run" in _words(window)
    assert not window.pane("forecast").chart.isVisible()


def test_no_database_explains_itself_and_what_the_engine_does(window: Window) -> None:
    window.show_snapshot(Snapshot(NOW, fault=Expected("There is none.", "Start it."), no_database=True))
    window.show_engine(EngineStatus(EngineKind.STARTING))
    assert "There is no database yet" in _words(window)
    assert "Engine: starting" in _words(window)
    assert "within a minute" in _words(window)


def test_the_read_out_follows_the_mouse_and_goes_back_to_now(window: Window, filled: Snapshot) -> None:
    window.show_snapshot(filled)
    assert "Tue 24 Nov 18–19 CET" in _words(window)
    hour = clock.floor_hour(NOW) + 30 * HOUR
    _point_at(window, hour + HOUR / 2)
    assert "Thu 26 Nov 00–01 CET" in _words(window)
    assert "+30\u00a0h" in _words(window)
    _point_at(window, clock.floor_hour(NOW - 3 * DAY) + HOUR / 2)
    observed = filled.consumers[Consumer("DK")]
    index = int(np.searchsorted(observed.observed_time, clock.floor_hour(NOW - 3 * DAY)))
    assert Language("en").quantity(observed.observed[index], "MWh") in _words(window)
    window.pane("forecast").chart.leaveEvent(QtCore.QEvent(QtCore.QEvent.Type.Leave))
    assert "Tue 24 Nov 18–19 CET" in _words(window)


def test_the_read_out_stays_with_an_hour_that_is_held(window: Window, filled: Snapshot) -> None:
    window.show_snapshot(filled)
    window.show_hour(Consumer("DK"), clock.floor_hour(NOW) + 30 * HOUR)
    row = window.pane("forecast")._numbers
    assert "Thu 26 Nov 00–01 CET" in _words(row)
    window.pane("forecast").chart.pinned.emit(None)
    assert "Tue 24 Nov 18–19 CET" in _words(row)


@pytest.mark.parametrize(("width", "over"), [(1280, True), (1920, False)])
def test_a_page_of_help_never_makes_the_window_grow(window: Window, filled: Snapshot, width: int, over: bool) -> None:
    window.show_snapshot(filled)
    window.resize(width, 800)
    window.pane("forecast").tools.inspect.setChecked(True)
    window.show_help("forecast")
    QtWidgets.QApplication.processEvents()
    assert window.width() == width
    panel, view = (part.mapTo(window, QtCore.QPoint()) for part in (window._panel, window.pane("forecast")))
    assert panel.x() + window._panel.width() <= width
    assert (panel.x() < view.x() + window.pane("forecast").width()) == over


def test_the_keys_of_the_forecast_count_wherever_the_focus_is_while_it_is_in_front(
    window: Window, filled: Snapshot, qtbot: QtBot
) -> None:
    window.show_snapshot(filled)
    weather = window.pane("forecast").tools.weather
    before = weather.isChecked()
    window._tabs.setFocus()
    qtbot.keyClick(window._tabs, QtCore.Qt.Key.Key_W)
    assert weather.isChecked() != before
    qtbot.keyClick(window, QtCore.Qt.Key.Key_F8)
    assert window.pane("settings").hasFocus(), "Tab goes on from there"
    qtbot.keyClick(window, QtCore.Qt.Key.Key_W)
    assert weather.isChecked() != before, "in another view it says nothing to the forecast"


def test_enter_presses_the_button_that_has_the_focus(window: Window, filled: Snapshot, qtbot: QtBot) -> None:
    window.show_snapshot(filled)
    weather = window.pane("forecast").tools.weather
    before = weather.isChecked()
    weather.setFocus()
    qtbot.keyClick(weather, QtCore.Qt.Key.Key_Return)
    assert weather.isChecked() != before


def test_everything_can_be_done_with_keys(window: Window, filled: Snapshot, qtbot: QtBot) -> None:
    window.show_snapshot(filled)
    window.activateWindow()
    keys = QtCore.Qt.Key
    for key, view in ((keys.Key_3, "monitoring"), (keys.Key_2, "forecast")):
        qtbot.keyClick(window, key, QtCore.Qt.KeyboardModifier.ControlModifier)
        assert window.view == view
    window.areas.areas.setFocus()
    qtbot.keyClick(window.areas.areas, keys.Key_Down)
    assert "Western Denmark (DK1)" in _words(window.pane("forecast"))
    chart = window.pane("forecast").chart
    chart.setFocus()
    for key, hour in (
        (keys.Key_Right, "Tue 24 Nov 19–20 CET"),
        (keys.Key_PageDown, "Wed 25 Nov 19–20 CET"),
        (keys.Key_Left, "Wed 25 Nov 18–19 CET"),
        (keys.Key_PageUp, "Tue 24 Nov 18–19 CET"),
        (keys.Key_PageUp, "Mon 23 Nov 18–19 CET"),
        (keys.Key_Home, "Tue 24 Nov 18–19 CET"),
    ):
        qtbot.keyClick(chart, key)
        assert hour in _words(window.pane("forecast"))
    window.choose_view("monitoring")
    window.pane("monitoring").choose_section("scores")
    heard: list[str] = []
    window.pane("monitoring").scores.lead.pointed.connect(heard.append)
    for _ in range(2):
        qtbot.keyClick(window.pane("monitoring").scores.lead, keys.Key_Right)
    assert heard[1].startswith("1–6 hours ahead: ")


def test_a_consumer_is_found_read_and_shown_with_keys_alone(window: Window, late: Snapshot, qtbot: QtBot) -> None:
    window.show_snapshot(late)
    window.activateWindow()
    wanted: list[Consumer] = []
    window.wanted.connect(wanted.append)
    qtbot.keyClick(window, QtCore.Qt.Key.Key_F, QtCore.Qt.KeyboardModifier.ControlModifier)
    assert window.areas.list.isVisible()
    qtbot.keyClicks(window.areas.field, "aal")
    qtbot.keyClick(window.areas.field, QtCore.Qt.Key.Key_Return)
    assert wanted == [AALBORG]
    assert window.chosen == AALBORG
    assert "Denmark" in _words(window.pane("forecast")), "until it has been read the one before stays"
    other = late.consumers[MIDT]
    seen = {of: each for of, each in late.consumers.items() if of != MIDT} | {AALBORG: dataclasses.replace(other, of=AALBORG)}
    window.show_snapshot(dataclasses.replace(late, consumers=seen))
    assert "Aalborg · Households" in _words(window.pane("forecast"))
    assert len(window.areas.findChildren(AreaCard)) == 4
    qtbot.keyClick(window.areas.areas, QtCore.Qt.Key.Key_Up)
    assert window.chosen == Consumer("DK2"), "the cards stay where they were"


def test_a_consumer_of_which_nothing_can_be_read_shows_why(window: Window, filled: Snapshot) -> None:
    window.choose_consumer(AALBORG)
    window.show_snapshot(dataclasses.replace(filled, fault=Expected("The disk is gone.", "Put it back.")))
    assert "The database cannot be read" in _words(window.pane("forecast"))


def test_the_parts_of_a_late_load_differ_in_more_than_colour(window: Window, late: Snapshot) -> None:
    window.choose_consumer(MIDT)
    window.show_snapshot(late)
    chart = window.pane("forecast").chart
    grey = _pixels(chart).astype(int).mean(axis=2)
    box = chart.plot.getViewBox()
    issue = late.consumers[MIDT].forecast
    assert issue is not None

    def texture(start: float, end: float) -> float:
        """Share of unlike neighbours in the empty stretch under the words, where only the ground is drawn."""
        left, right = (chart.mapFromScene(box.mapViewToScene(QtCore.QPointF(t, 0))).x() for t in (start, end))
        top = chart.mapFromScene(box.sceneBoundingRect().topLeft()).y() + 26
        ground = grey[top : top + 12, left + 3 : right - 3]
        return float((np.abs(np.diff(ground, axis=1)) > 2).mean())

    bridged = texture(issue.valid_time[0] + DAY, issue.valid_time[0] + 6 * DAY)
    measured = texture(issue.valid_time[0] - 4 * DAY, issue.valid_time[0] - DAY)
    assert bridged > 0.1 > measured
    words = _words(window)
    assert all(part in words for part in ("Median, bridge", "■ Measured until Sat 24 Oct 00:00", "■ stale", "Bridge: nobody"))


def test_tab_reaches_every_control_and_each_has_a_name(window: Window, filled: Snapshot) -> None:
    for view in VIEWS:
        window.choose_view(view)
        window.show_snapshot(filled)
        focusable = [
            widget
            for widget in window.findChildren(QtWidgets.QWidget)
            if widget.isVisible() and widget.isEnabled() and widget.focusPolicy() & QtCore.Qt.FocusPolicy.TabFocus
        ]
        assert len(focusable) >= 3
        for widget in focusable:
            assert widget.accessibleName(), widget
        reached: set[QtWidgets.QWidget] = set()
        walker: QtWidgets.QWidget = window
        while (walker := walker.nextInFocusChain()) not in reached:
            reached.add(walker)
        assert set(focusable) <= reached
    assert "Median from" in window.pane("forecast").chart.accessibleDescription()


def test_no_pixel_of_the_load_stands_after_its_last_hour(window: Window, time: SimulatedClock, filled: Snapshot) -> None:
    consumers = {code: dataclasses.replace(area, published=None) for code, area in filled.consumers.items()}
    time.set(NOW + 3 * DAY)
    window.show_snapshot(dataclasses.replace(filled, consumers=consumers))
    chart = window.pane("forecast").chart
    QtWidgets.QApplication.processEvents()
    box = chart.plot.getViewBox()
    last = int(filled.consumers[Consumer("DK")].observed_time[-1])
    edge = chart.mapFromScene(box.mapViewToScene(QtCore.QPointF(last, 0))).x()
    left = chart.mapFromScene(box.sceneBoundingRect().topLeft()).x()
    dark = _pixels(chart)[:-30].max(axis=2) < 70  # the ink of the load; all else in the plot is lighter
    assert dark[:, left:edge].sum() > 400
    assert not dark[:, edge + 3 :].any()
    assert "no data" in _words(window.pane("forecast"))
    assert "■ 24 Nov 16–17" in _words(window)


def test_a_forecast_that_has_grown_old_is_drawn_muted(window: Window, time: SimulatedClock, filled: Snapshot) -> None:
    def blue() -> int:
        pixels = _pixels(window.pane("forecast").chart).astype(int)
        return int((pixels[:, :, 2] - pixels[:, :, 0] > 30).sum())

    window.show_snapshot(filled)
    assert blue() > 500
    time.set(NOW + DAY)
    window.show_snapshot(filled)
    assert "■ stale" in _words(window)
    assert blue() == 0
    rows = window.areas.findChildren(AreaCard)
    assert len(rows) == 3
    for row in rows:
        marked = [label.text() for label in row.findChildren(QtWidgets.QLabel) if label.text().startswith("■")]
        assert len(marked) == 4, "newest load, estimate, peak and trend"


def test_simulated_data_are_marked_in_words_and_over_the_plot(window: Window, filled: Snapshot) -> None:
    window.show_snapshot(filled)
    without = _pixels(window.pane("forecast").chart)
    window.show_snapshot(dataclasses.replace(filled, simulated=True))
    assert "SIMULATED DATA" in _words(window.pane("forecast"))
    changed = (_pixels(window.pane("forecast").chart) != without).any(axis=2)
    assert np.ptp(np.flatnonzero(changed.any(axis=0))) > 0.5 * changed.shape[1]
    window.choose_view("monitoring")
    assert "SIMULATED DATA" in _words(window.pane("monitoring"))


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=lambda p: p.name)
def test_a_normal_screen_has_next_to_no_colour(
    window: Window, filled: Snapshot, qapp: QtWidgets.QApplication, palette: theme.Palette
) -> None:
    theme.apply(qapp, palette)
    window.set_palette(palette)
    for view in VIEWS:
        window.choose_view(view)
        window.show_snapshot(filled)
        pixels = _pixels(window).astype(float) / 255
        high, low = pixels.max(axis=2), pixels.min(axis=2)
        lightness = (high + low) / 2
        saturation = (high - low) / np.maximum(1 - np.abs(2 * lightness - 1), 1e-9)
        strong = (saturation > 0.5) & (high - low > 0.15)
        assert strong.mean() < 0.02
    ground = QtGui.QColor(palette.ground).getRgb()[:3]
    assert tuple(_pixels(window)[2, 2]) == ground


def test_troubles_stand_over_both_views_and_go_when_they_are_over(window: Window, filled: Snapshot) -> None:
    faulty = dataclasses.replace(filled, fault=Expected("The disk is gone.", "Put it back."))
    window.show_snapshot(faulty)
    window.show_engine(EngineStatus(EngineKind.FAILED, "out of memory"))
    assert "▲ The engine stopped: out of memory" in _words(window)
    window._notices._more.click()
    assert "▲ The disk is gone." in _words(window)
    window.show_engine(EngineStatus(EngineKind.OURS))
    assert "▲ The disk is gone." in _words(window)
    window.show_snapshot(filled)
    assert "▲" not in _words(window).replace("▲ +", "")


def test_a_stretch_of_time_that_was_chosen_stays_when_data_come(window: Window, filled: Snapshot) -> None:
    window.show_snapshot(filled)
    plot = window.pane("forecast").chart.plot
    plot.getViewBox().sigRangeChangedManually.emit([True, False])
    plot.setXRange(NOW - 2 * DAY, NOW, padding=0)
    window.show_snapshot(filled)
    assert tuple(plot.viewRange()[0]) == (NOW - 2 * DAY, NOW)
    window.pane("forecast").chart.follow_now()
    assert tuple(plot.viewRange()[0]) == (NOW - 7 * DAY, NOW + 7 * DAY)


def test_each_consumer_opens_on_its_own_stretch_of_time(window: Window, late: Snapshot) -> None:
    plot = window.pane("forecast").chart.plot
    for of in (MIDT, Consumer("DK"), MIDT, Consumer("DK1")):
        window.choose_consumer(of)
        window.show_snapshot(late)
        shown = present.forecast_view(late, of, EngineStatus(EngineKind.ABSENT), Language("en"), NOW).shown
        assert tuple(plot.viewRange()[0]) == pytest.approx(shown)
        plot.getViewBox().sigRangeChangedManually.emit([True, False])
        plot.setXRange(NOW - 2 * DAY, NOW, padding=0)


def test_every_letter_of_both_languages_has_a_shape(qapp: QtWidgets.QApplication) -> None:
    raw = QtGui.QRawFont.fromFont(qapp.font())
    if not raw.isValid():
        pytest.skip("no font is installed")
    assert all(raw.supportsCharacter(ord(letter)) for letter in "æøåÆØÅ–−0123456789")


@pytest.mark.parametrize("chosen", [Consumer("DK"), MIDT], ids=["fresh", "late"])
@pytest.mark.parametrize("age_s", [0, 2 * DAY])
@pytest.mark.parametrize("size", [(1024, 680), (1280, 800), (1920, 1080)])
@pytest.mark.parametrize("code", ["da", "en"])
def test_no_text_is_cut(
    qtbot: QtBot,
    time: SimulatedClock,
    filled: Snapshot,
    late: Snapshot,
    size: tuple[int, int],
    code: str,
    age_s: int,
    chosen: Consumer,
) -> None:
    time.set(NOW + age_s)
    filled = late if chosen == MIDT else filled
    made = Window(Language(code), LIGHT, time)
    made.choose_consumer(chosen)
    qtbot.addWidget(made)
    made.resize(*size)
    made.show()
    for view in VIEWS:
        made.choose_view(view)
        made.show_snapshot(filled)
        QtWidgets.QApplication.processEvents()
        for label in made.findChildren(QtWidgets.QLabel):
            if label.isVisible() and label.text() and not label.wordWrap():
                needed = label.fontMetrics().horizontalAdvance(label.text())
                assert label.width() >= needed, (label.text(), label.width(), needed)
    table = made.pane("monitoring").scores.findChild(QtWidgets.QTableWidget)
    for column in range(table.columnCount()):
        lines = table.horizontalHeaderItem(column).text().split("\n")
        cells = [table.item(row, column).text() for row in range(table.rowCount())]
        for words in (*lines, *cells):
            assert table.columnWidth(column) >= table.fontMetrics().horizontalAdvance(words) + 9, words
    assert not table.horizontalScrollBar().isVisible()
    assert (made.width(), made.height()) == size, "no view needs a larger window"
    made.close()


def test_a_table_without_settled_days_says_so_once_a_line_in_the_smallest_window(window: Window, filled: Snapshot) -> None:
    window.resize(1024, 680)
    area = filled.consumers[Consumer("DK")]
    scores = {key: value for key, value in area.scores.items() if key[0] == "provisional"}
    window.choose_view("monitoring")
    window.pane("monitoring").choose_section("scores")
    window.show_snapshot(
        dataclasses.replace(filled, consumers=filled.consumers | {Consumer("DK"): dataclasses.replace(area, scores=scores)})
    )
    QtWidgets.QApplication.processEvents()
    table = window.pane("monitoring").scores.findChild(QtWidgets.QTableWidget)
    assert [table.item(1, column).text() for column in (1, 2, 9)] == ["no data", "–", "–"]
    assert table.columnWidth(1) >= table.fontMetrics().horizontalAdvance("no data") + 9


def test_an_hour_that_is_chosen_in_another_view_is_shown_in_the_forecast(window: Window, filled: Snapshot) -> None:
    window.show_snapshot(filled)
    window.choose_view("monitoring")
    hour = clock.floor_hour(NOW) - 10 * DAY
    window.pane("monitoring").hour_chosen.emit(Consumer("DK1"), hour)
    assert window.view == "forecast"
    assert window.chosen == Consumer("DK1")
    assert "Sat 14 Nov 18–19 CET" in _words(window.pane("forecast"))
    left, right = window.pane("forecast").chart.plot.viewRange()[0]
    assert left < hour < right


def test_the_legend_of_scores_names_what_the_marks_are(window: Window, filled: Snapshot) -> None:
    window.choose_view("monitoring")
    window.show_snapshot(filled)
    window.choose_consumer(Consumer("DK1"))
    window.pane("monitoring").choose_section("scores")
    assert "\nSeasonal naive\n" in _words(window.pane("monitoring")), "the legend names what the marks are, and nothing else"


def test_a_coverage_stands_where_it_belongs(qtbot: QtBot) -> None:
    strip = CoverageStrip(LIGHT)
    qtbot.addWidget(strip)
    strip.resize(200, 16)
    strip.show()

    def dot(share: float, tolerance: float, colour: str) -> float:
        strip.show_coverage(Coverage(share, 80.0, tolerance, ""))
        found = np.flatnonzero((_pixels(strip) == QtGui.QColor(colour).getRgb()[:3]).all(axis=2).any(axis=0))
        return float(found.mean()) if len(found) else -1.0

    assert dot(80.0, 5.0, LIGHT.median) == pytest.approx(100, abs=1)
    assert 130 < dot(86.0, 7.0, LIGHT.median) < 145
    assert dot(70.0, 5.0, LIGHT.median) == -1.0
    assert 30 < dot(70.0, 5.0, LIGHT.late) < 45
    assert dot(10.0, 5.0, LIGHT.late) < 10, "beyond the end it stands at the end"
    assert dot(float("nan"), 5.0, LIGHT.median) == -1.0


def test_two_warnings_over_the_chart_do_not_cover_each_other(qtbot: QtBot) -> None:
    def rows(line: int) -> set[int]:
        item = HatchItem(line)
        item.set_colours("#ffffff", "#ff0000")
        plot = pg.PlotWidget(background="#ffffff")
        qtbot.addWidget(plot)
        plot.hideAxis("bottom")
        plot.addItem(item, ignoreBounds=True)
        plot.resize(400, 200)
        plot.show()
        plot.setXRange(0, 10, padding=0)
        item.set_span((0.0, 10.0), "Old forecast")
        red = _pixels(plot)
        return set(np.flatnonzero(((red[:, :, 0] > 200) & (red[:, :, 1] < 90)).any(axis=1)).tolist())

    assert rows(0)
    assert rows(1)
    assert not rows(0) & rows(1)
