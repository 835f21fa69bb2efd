"""One run of the app: it comes back as it was left, and changes its look and language while it runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import filled_store
import pytest
import shiboken6
from filled_store import NOW
from PySide6 import QtCore, QtWidgets
from pytestqt.qtbot import QtBot

from app.engine_link import EngineLink
from app.feed import Feed
from app.preferences import PLAIN, Preferences
from app.session import Session, preferred
from engine.clock import SimulatedClock
from engine.domain import Consumer

Start = Callable[..., Session]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filled_store.fill(tmp_path_factory.mktemp("filled"), days=16, late=True)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "window.json"
    monkeypatch.setattr(Preferences, "file", staticmethod(lambda: path))
    return path


@pytest.fixture
def start(qtbot: QtBot, qapp: QtWidgets.QApplication, filled: Path, kept: Path) -> Iterator[Start]:
    made: list[Session] = []

    def session(language: str | None = "en", theme: str | None = None, of: Consumer | None = None) -> Session:
        clock, liked = SimulatedClock(NOW), Preferences.read(kept)
        feed, link = Feed(filled / "lastvagt.sqlite", clock), EngineLink([], clock, start=False)
        made.append(Session(qapp, liked, preferred(liked, language, theme, of), feed, link, clock))
        with qtbot.waitSignal(feed.arrived):
            made[-1].start()
        return made[-1]

    yield session
    for one in made:
        if one.window.isVisible():
            one.window.close()
        one.deleteLater()
    qapp.sendPostedEvents(None, QtCore.QEvent.Type.DeferredDelete)


def _words(window: QtWidgets.QWidget) -> str:
    return "\n".join(label.text() for label in window.findChildren(QtWidgets.QLabel) if label.isVisible())


def test_view_area_and_place_are_found_again(start: Start, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = start()
    first.window.choose_view("map")
    first.window.choose_consumer(Consumer("DK2"))
    first.window.close()
    left, placed = Preferences.read(kept).geometry, []
    monkeypatch.setattr(QtWidgets.QWidget, "restoreGeometry", lambda _self, saved: placed.append(bytes(saved.toBase64().data())))
    second = start()
    assert (second.window.view, second.window.chosen) == ("map", Consumer("DK2"))
    assert placed == [left.encode("ascii")]


def test_the_command_line_overrules_and_is_not_kept(start: Start, kept: Path) -> None:
    first = start(language="da", theme="dark", of=Consumer("851", "household"))
    assert first.language.code == "da"
    assert first.window.chosen == Consumer("851", "household")
    first.window.close()
    assert (Preferences.read(kept).language, Preferences.read(kept).theme) == ("", "")


def test_another_language_is_spoken_at_once_in_the_same_place_and_kept(start: Start, kept: Path, qtbot: QtBot) -> None:
    session = start()
    before = session.window
    before.choose_view("monitoring")
    before.choose_consumer(Consumer("DK1"))
    before.liked.emit({"language": "da"})
    qtbot.waitUntil(lambda: session.window is not before)
    assert "Vestdanmark (DK1)" in _words(session.window)
    assert session.window.view == "monitoring"
    assert not shiboken6.isValid(before) or not before.isVisible()
    assert session.feed.isRunning()
    session.window.close()
    assert Preferences.read(kept).language == "da"


def test_another_theme_is_worn_at_once(start: Start, qapp: QtWidgets.QApplication, qtbot: QtBot, kept: Path) -> None:
    session = start(theme="light")
    light = qapp.palette().window().color().name()
    session.window.liked.emit({"theme": "dark"})
    assert qapp.palette().window().color().name() != light
    QtCore.QThreadPool.globalInstance().waitForDone()
    assert Preferences.read(kept).theme == "dark"


def test_what_is_shelved_stays_so_after_a_restart_until_its_time(start: Start, kept: Path) -> None:
    dataclasses.replace(PLAIN, shelved={"bug": NOW + 60, "old": NOW - 60, "broken": "soon"}).write(kept)
    window = start().window
    for cause in ("bug", "old", "broken"):
        window.show_trouble(cause, f"Trouble {cause}.", "Wait.")
    window._notices._more.click()
    words = _words(window)
    assert ("Trouble old." in words, "Trouble broken." in words, "Trouble bug." in words) == (True, True, False)
    assert "1 shelved until 18:21" in words


def test_preferences_that_are_damaged_or_unknown_do_no_harm(start: Start, kept: Path) -> None:
    kept.write_text('{"view": "gone", "theme": "pink", "language": "xx", "geometry": "#", "area": 7, "shelved": []}')
    session = start(language=None)
    assert session.window.view == "overview"
    assert session.language.code in ("da", "en")
