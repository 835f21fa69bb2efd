"""Commands, views and areas are found by a part of their name and done with keys alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from filled_store import NOW
from hypothesis import given
from hypothesis import strategies as st
from PySide6 import QtCore, QtGui, QtWidgets
from pytestqt.qtbot import QtBot

from app import theme
from app.present import ranked
from app.translations import TEXTS, Language
from app.window import VIEWS, Window
from engine.clock import SimulatedClock
from engine.domain import Consumer

KEYS = QtCore.Qt.Key
CTRL = QtCore.Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def window(qtbot: QtBot, qapp: QtWidgets.QApplication) -> Iterator[Window]:
    theme.apply(qapp, theme.LIGHT)
    made = Window(Language("da"), theme.LIGHT, SimulatedClock(NOW))
    qtbot.addWidget(made)
    made.resize(1280, 800)
    made.show()
    made.activateWindow()
    yield made
    made.close()


def _listed(window: Window) -> list[str]:
    items = window.finder.list
    return [items.topLevelItem(row).text(0) for row in range(items.topLevelItemCount())]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("aal", (1, 2)),
        ("ål", (1, 2)),
        ("AALB", (1, 2)),
        ("kort", (0,)),
        ("husholdninger aalborg", (2,)),
        ("nowhere", ()),
        ("", (0, 1, 2)),
    ],
)
def test_what_is_found_by_words(words: str, found: tuple[int, ...]) -> None:
    assert ranked(words, [["Kort", "Map"], ["Ålborg"], ["Aalborg · Husholdninger"]]) == found


@given(st.text(max_size=12), st.lists(st.lists(st.text(max_size=8), min_size=1, max_size=2), max_size=6))
def test_all_that_is_found_has_every_word_and_nothing_is_found_twice(words: str, names: list[list[str]]) -> None:
    found = ranked(words, names)
    assert len(set(found)) == len(found)
    for place in range(len(names)):
        if all(word in names[place][0] for word in words.split()) and words.isascii() and names[place][0].isascii():
            assert place in found


def test_a_view_an_area_and_a_command_are_reached_with_keys_alone(window: Window, qtbot: QtBot) -> None:
    window.areas.areas.setFocus()
    for words, reached in (
        ("kort", lambda: window.view == "map"),
        ("ostdanmark", lambda: window.chosen == Consumer("DK2")),
        ("østdanmark", lambda: window.chosen == Consumer("DK2")),
        ("vægskærm", lambda: window.wall.on),
    ):
        qtbot.keyClick(window, KEYS.Key_K, CTRL)
        assert window.finder.isVisible()
        assert QtWidgets.QApplication.focusWidget() is window.finder.field
        window.finder.field.setText(words)
        qtbot.keyClick(window.finder.field, KEYS.Key_Return if _listed(window) else KEYS.Key_Escape)
        assert not window.finder.isVisible()
        assert reached(), words


def test_down_chooses_the_next_and_escape_gives_the_keys_back(window: Window, qtbot: QtBot) -> None:
    window.choose_view("forecast")
    window.areas.areas.setFocus()
    window.find()
    second = _listed(window)[1]
    qtbot.keyClick(window.finder.field, KEYS.Key_Down)
    assert window.finder.list.currentItem().text(0) == second
    qtbot.keyClick(window.finder.field, KEYS.Key_Escape)
    assert not window.finder.isVisible()
    assert QtWidgets.QApplication.focusWidget() is window.areas.areas


def test_what_the_view_in_front_can_do_comes_first(window: Window, qtbot: QtBot) -> None:
    done: list[str] = []
    own = QtGui.QAction("Læg til side …", window)
    own.triggered.connect(lambda: done.append("own"))
    window.pane(window.view).addAction(own)
    window.find()
    listed = _listed(window)
    assert listed.index("Læg til side") < listed.index("Kort")
    window.finder.field.setText("læg til")
    qtbot.keyClick(window.finder.field, KEYS.Key_Return)
    assert done == ["own"]
    own.setEnabled(False)
    window.find()
    assert "Læg til side" not in _listed(window)


def test_every_command_has_keys_or_is_in_the_menu_and_no_key_means_two_things(window: Window) -> None:
    keys = [each.toString() for _, command in window.menu.commands() for each in command.shortcuts()]
    assert len(keys) == len(set(keys))
    assert {f"F{number}" for number in range(2, 2 + len(VIEWS))} <= set(keys)
    assert all(f"window.{view}" in TEXTS for view in VIEWS)


def test_only_the_view_in_front_is_made(window: Window) -> None:
    assert list(window._made) == ["overview"]
    window.choose_view("models")
    assert list(window._made) == ["overview", "models"]
