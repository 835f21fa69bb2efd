"""The program's place among the icons of the desktop, where it has one: the state at a glance, and messages while the window is away."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6 import QtCore, QtWidgets

from app import icons
from app.present import Notice
from app.theme import Palette
from app.translations import Language
from engine.clock import Clock
from engine.domain import HOUR

#: Seconds before the desktop is told of the same trouble again.
_QUIET_S = HOUR


def is_there() -> bool:
    """Whether the desktop has a place for such icons; many Linux desktops have none."""
    return QtWidgets.QSystemTrayIcon.isSystemTrayAvailable()


class Tray(QtCore.QObject):
    """The icon with its menu. `opened` and `quitted` are what was chosen in it."""

    opened = QtCore.Signal()
    quitted = QtCore.Signal()

    def __init__(self, language: Language, palette: Palette, clock: Clock) -> None:
        super().__init__()
        self._language, self._palette, self._clock = language, palette, clock
        self._told: dict[str, int] = {}
        self.state = "well"
        self.icon = QtWidgets.QSystemTrayIcon(icons.mark(self.state, palette))
        self._menu = QtWidgets.QMenu()
        self._menu.addAction(language.text("tray.open"), self.opened.emit)
        self._menu.addAction(language.text("menu.quit"), self.quitted.emit)
        self.icon.setContextMenu(self._menu)
        self.icon.activated.connect(self._activate)
        self.show_notices(())
        self.icon.show()

    def show_notices(self, notices: Sequence[Notice]) -> None:
        """Show the state, and tell the desktop of a trouble it has not been told of within an hour."""
        self.state = "well" if not notices else "stopped" if notices[0].cause == "engine" else "late"
        self.icon.setIcon(icons.mark(self.state, self._palette))
        first = notices[0].problem if notices else self._language.text("tray.well")
        self.icon.setToolTip(f"Lastvagt: {first}")
        now = self._clock.now()
        for notice in notices:
            if now - self._told.get(notice.cause, now - _QUIET_S) >= _QUIET_S:
                self._told[notice.cause] = now
                self.tell(notice.problem, f"{notice.effect} {notice.remedy}".strip())

    def tell(self, title: str, words: str) -> None:
        """Let the desktop show a message."""
        self.icon.showMessage(title, words, icons.mark(self.state, self._palette))

    def go(self) -> None:
        """Leave the desktop."""
        self.icon.hide()

    def _activate(self, how: QtWidgets.QSystemTrayIcon.ActivationReason) -> None:
        if how is not QtWidgets.QSystemTrayIcon.ActivationReason.Context:
            self.opened.emit()
