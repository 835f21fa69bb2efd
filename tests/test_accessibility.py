"""Every view works without a mouse, without eyes and without colours, in letters of any size and in longer words."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import filled_store
import pyqtgraph as pg
import pytest
from every_view import focusable, open_window, pages
from PySide6 import QtCore, QtGui, QtWidgets
from pytestqt.qtbot import QtBot

from app import theme
from app.present import Notice
from app.theme import LIGHT
from app.translations import Language
from app.window import Window

HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filled_store.fill(tmp_path_factory.mktemp("filled"), days=20, late=True)


@pytest.fixture
def window(qtbot: QtBot, qapp: QtWidgets.QApplication, filled: Path) -> Iterator[Window]:
    theme.apply(qapp, LIGHT)
    made = open_window(filled, Language("en"), LIGHT)
    made.show_trouble("test", "The disk is full.", "Make room.")
    qtbot.addWidget(made)
    made.activateWindow()
    yield made
    made.quit()
    made.deleteLater()
    qapp.sendPostedEvents(None, QtCore.QEvent.Type.DeferredDelete)


def test_everything_that_takes_keys_has_a_name(window: Window) -> None:
    window.show_help("keys")
    for page in pages(window):
        nameless = [widget for widget in focusable(window) if not widget.accessibleName()]
        assert not nameless, page


def test_tab_goes_to_every_control_and_comes_back(window: Window, qtbot: QtBot) -> None:
    for page in pages(window):
        wanted, reached = set(focusable(window)), set()
        window.menu.setFocus()
        for _ in range(2 * len(wanted) + 20):
            here = QtWidgets.QApplication.focusWidget()
            assert here is not None, page
            reached.add(here)
            qtbot.keyClick(here, QtCore.Qt.Key.Key_Tab)
            if QtWidgets.QApplication.focusWidget() is window.menu:
                break
        else:
            pytest.fail(f"Tab never comes back on {page}; it stays at {here}")
        missed = [widget.accessibleName() for widget in wanted - reached if not _beside(widget, reached)]
        assert not missed, page


def _beside(widget: QtWidgets.QWidget, reached: set[QtWidgets.QWidget]) -> bool:
    """Whether arrow keys go on from a button of its group that was reached, or it is the inside of something that was."""
    group = widget.group() if isinstance(widget, QtWidgets.QAbstractButton) else None
    return widget.focusProxy() in reached or (group is not None and any(button in reached for button in group.buttons()))


def test_every_chart_says_in_words_what_it_shows(window: Window) -> None:
    seen = 0
    for page in pages(window):
        for chart in window.findChildren(pg.PlotWidget):
            if chart.isVisible():
                seen += 1
                assert chart.accessibleName(), page
                assert len(chart.accessibleDescription()) > 10, (page, chart)
    assert seen >= 5


def test_notices_can_be_copied_and_shelved_with_keys_and_come_back(window: Window, qtbot: QtBot) -> None:
    line = window._notices._lines[0]
    qtbot.keyClick(line.copy, QtCore.Qt.Key.Key_Space)
    assert "The disk is full.\nMake room." in QtWidgets.QApplication.clipboard().text()
    line.shelve.menu().actions()[0].trigger()
    assert not window._notices.isVisible()
    assert "1 shelved until" in window._shelf_line.text()
    window._clock.set(filled_store.NOW + 3601)
    window.show_trouble("other", "Another.", "")
    qtbot.keyClick(window._notices._more, QtCore.Qt.Key.Key_Space)
    assert [each._notice.problem for each in window._notices._lines if each.isVisible()] == ["The disk is full.", "Another."]
    assert isinstance(window._notices._lines[0]._notice, Notice)


@pytest.mark.parametrize(
    ("scale", "code", "size", "words"),
    [
        ("1.25", "en", (1280, 800), "same"),
        ("1.5", "da", (1280, 800), "same"),
        ("2", "en", (1920, 1080), "same"),
        ("1", "en", (1920, 1080), "longer"),
    ],
)
def test_no_text_is_cut_at_any_scale_nor_in_longer_words(
    filled: Path, scale: str, code: str, size: tuple[int, int], words: str
) -> None:
    surroundings = os.environ | {"QT_SCALE_FACTOR": scale, "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(HERE.parent)}
    command = [sys.executable, str(HERE / "every_view.py"), str(filled), code, *map(str, size), words]
    done = subprocess.run(command, env=surroundings, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["ratio"] == pytest.approx(float(scale))
    assert told["cut"] == {}
    assert told["size"] == list(size), "no view needs a larger window"


def test_every_letter_of_the_pages_has_a_shape(qapp: QtWidgets.QApplication) -> None:
    raw = QtGui.QRawFont.fromFont(theme.font())
    if not raw.isValid():
        pytest.skip("no font is installed")
    assert all(raw.supportsCharacter(ord(letter)) for letter in "æøåÆØÅéÉ–−×±≤≥°%·…»«0123456789")
