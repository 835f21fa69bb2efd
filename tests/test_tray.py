"""The icon of the desktop, and the window that closes into it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from filled_store import NOW
from PySide6 import QtCore, QtGui, QtWidgets
from pytestqt.qtbot import QtBot

from app import icons, theme, tray
from app.engine_link import EngineLink
from app.feed import Feed
from app.preferences import PLAIN, Preferences
from app.present import Notice
from app.session import Session
from app.translations import Language
from app.tray import Tray
from engine.clock import SimulatedClock
from engine.domain import HOUR

SOURCE = Notice("source:a", "A fails", "", "Wait.", "")
ENGINE = Notice("engine", "It died", "", "Wait.", "")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    heard: list[str] = []
    monkeypatch.setattr(Tray, "tell", lambda _self, title, _words: heard.append(title))
    return heard


@pytest.mark.parametrize("palette", theme.PALETTES.values(), ids=lambda p: p.name)
def test_states_differ_in_shape_in_every_size(qapp: QtWidgets.QApplication, palette: theme.Palette) -> None:
    for size in (16, 22, 64):
        pictures = [icons.mark(state, palette).pixmap(size, size).toImage() for state in icons.STATES]
        greys = [picture.convertToFormat(QtGui.QImage.Format.Format_Grayscale8) for picture in pictures]
        assert all(greys[i] != greys[j] for i in range(3) for j in range(i))


def test_a_trouble_is_told_once_an_hour_and_the_icon_shows_the_worst(qapp: QtWidgets.QApplication, told: list[str]) -> None:
    clock = SimulatedClock(NOW)
    icon = Tray(Language("en"), theme.LIGHT, clock)
    for notices, state in (((), "well"), ((SOURCE,), "late"), ((ENGINE, SOURCE), "stopped"), ((), "well"), ((SOURCE,), "late")):
        icon.show_notices(notices)
        assert icon.state == state
    assert told == ["A fails", "It died"]
    clock.sleep(HOUR)
    icon.show_notices((SOURCE,))
    assert told == ["A fails", "It died", "A fails"]
    icon.go()


@pytest.fixture
def session(
    qtbot: QtBot, qapp: QtWidgets.QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Session]:
    monkeypatch.setattr(Preferences, "file", staticmethod(lambda: tmp_path / "window.json"))
    monkeypatch.setattr(tray, "is_there", lambda: request.param)
    clock = SimulatedClock(NOW)
    made = Session(qapp, PLAIN, PLAIN, Feed(tmp_path / "none.sqlite", clock), EngineLink([], clock, start=False), clock)
    made.start()
    yield made
    if made.feed.isRunning():
        made.window.quit()
    made.deleteLater()
    qapp.sendPostedEvents(None, QtCore.QEvent.Type.DeferredDelete)


@pytest.mark.parametrize("session", [True], indirect=True)
def test_with_an_icon_closing_puts_the_window_away_and_says_so_once(session: Session, told: list[str]) -> None:
    for _ in range(2):
        session.window.close()
        assert not session.window.isVisible()
        assert session.feed.isRunning()
        session.window.come_back()
        assert session.window.isVisible()
    assert len(told) == 1
    session.window.quit()
    assert not session.feed.isRunning()


@pytest.mark.parametrize("session", [True], indirect=True)
def test_a_desktop_that_ends_is_not_held_up(session: Session, told: list[str]) -> None:
    session._leave_for_good(None)
    session.window.close()
    assert not session.feed.isRunning()
    assert told == []


@pytest.mark.parametrize("session", [False], indirect=True)
def test_without_one_closing_ends_it(session: Session) -> None:
    session.window.close()
    assert not session.feed.isRunning()
