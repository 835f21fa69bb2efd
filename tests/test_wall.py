"""The window as a wall display, and back."""

from __future__ import annotations

from collections.abc import Iterator

import filled_store
import pytest
from filled_store import NOW
from PySide6 import QtCore, QtGui, QtTest, QtWidgets
from pytestqt.qtbot import QtBot

from app import snapshot, theme, wall
from app.__main__ import main
from app.snapshot import Snapshot
from app.translations import Language
from app.window import Window
from engine.clock import SimulatedClock
from engine.store import Reader

KEYS = QtCore.Qt.Key


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    reader = Reader(filled_store.fill(tmp_path_factory.mktemp("wall"), days=16, learned=False, tso=False) / "lastvagt.sqlite")
    try:
        return snapshot.read(reader, NOW)
    finally:
        reader.close()


@pytest.fixture
def window(qtbot: QtBot, qapp: QtWidgets.QApplication, filled: Snapshot) -> Iterator[Window]:
    theme.apply(qapp, theme.DARK)
    made = Window(Language("en"), theme.DARK, SimulatedClock(NOW))
    qtbot.addWidget(made)
    made.resize(1280, 800)
    made.show()
    made.show_snapshot(filled)
    yield made
    made.wall.leave()
    made.close()


def _sizes(window: Window) -> dict[str, float]:
    return {label.text(): label.font().pointSizeF() for label in window.findChildren(QtWidgets.QLabel) if label.text()}


def test_f11_fills_the_screen_with_the_view_and_the_clock_and_esc_gives_the_window_back(
    window: Window, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wall, "_DRAWN_FOR", QtCore.QSize(400, 400))  # the screen of tests is 800 pixels high
    before, plain = _sizes(window), QtGui.QFont(QtWidgets.QApplication.font())
    window.wall.toggle()
    assert window.isFullScreen()
    assert not window.menu.isVisible()
    assert not window._tabs.isVisible()
    assert window._time.isVisible()
    assert window._time.text().startswith("Tue 24 Nov  18:20:00")
    assert _sizes(window) == pytest.approx({text: 2 * size for text, size in before.items()})
    assert theme.font().pointSizeF() == pytest.approx(2 * plain.pointSizeF())
    qtbot.keyClick(window, KEYS.Key_Escape)
    assert not window.wall.on
    assert not window.isFullScreen()
    assert window.menu.isVisible()
    assert _sizes(window) == pytest.approx(before)
    assert QtWidgets.QApplication.font().pointSizeF() == pytest.approx(plain.pointSizeF())


def test_the_cursor_goes_when_nobody_moves_it_and_comes_when_somebody_does(window: Window, qtbot: QtBot) -> None:
    still = window.wall._still
    window.wall.enter()
    still.timeout.emit()
    assert QtWidgets.QApplication.overrideCursor().shape() == QtCore.Qt.CursorShape.BlankCursor
    QtTest.QTest.mouseMove(window, QtCore.QPoint(40, 40))
    QtTest.QTest.mouseMove(window, QtCore.QPoint(60, 60))
    qtbot.waitUntil(lambda: QtWidgets.QApplication.overrideCursor() is None)
    assert still.isActive()
    still.timeout.emit()
    assert QtWidgets.QApplication.overrideCursor() is not None
    window.wall.leave()
    assert QtWidgets.QApplication.overrideCursor() is None


def test_views_take_turns_until_it_comes_down(window: Window) -> None:
    window.hang(("overview", "map"), 3600)
    assert window.view == "overview"
    seen = []
    for _ in range(3):
        window.wall._turn.timeout.emit()
        seen.append(window.view)
    assert seen == ["map", "overview", "map"]
    window.wall.leave()
    assert not window.wall._turn.isActive()


def test_a_view_that_is_none_is_refused_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--wall", "overview,clock"]) == 2
    assert "'clock' is no view. Choose of overview, forecast" in capsys.readouterr().err
    assert main(["--wall", "overview", "--turn", "0"]) == 2
    assert "A turn cannot last 0 seconds." in capsys.readouterr().err
