"""The menu of the window: every command with its words and its keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6 import QtCore, QtGui, QtWidgets

from app.translations import Language


def action(
    parent: QtCore.QObject,
    words: str,
    act: Callable[[], object],
    *keys: str | QtGui.QKeySequence.StandardKey,
    ticked: bool | None = None,
) -> QtGui.QAction:
    """A command with its keys; one that is `ticked` or not shows which of some is chosen."""
    made = QtGui.QAction(words, parent)
    made.setShortcuts([QtGui.QKeySequence(key) for key in keys])
    if ticked is not None:
        made.setCheckable(True)
        made.setChecked(ticked)
    made.triggered.connect(lambda _checked=False: act())
    return made


class Menu(QtWidgets.QToolButton):
    """A button over the sections of the menu. The section of the view in front is filled when it is about to be seen."""

    def __init__(self, language: Language, front: Callable[[], Sequence[QtGui.QAction]]) -> None:
        super().__init__()
        words = language.text("menu.menu")
        self.setText(f"☰  {words}")
        self.setAccessibleName(words)
        self.setToolTip("F10")
        self.setPopupMode(QtWidgets.QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.StrongFocus)
        self._language, self._front = language, front
        self._menu = QtWidgets.QMenu(self)
        self._here: QtWidgets.QMenu | None = None
        self._sections: list[tuple[str, list[QtGui.QAction]]] = []
        self.setMenu(self._menu)

    def add_section(self, name: str, actions: Sequence[QtGui.QAction]) -> None:
        """Add commands under a name; the window hears their keys."""
        self._sections.append((name, list(actions)))
        self._menu.addMenu(name).addActions(actions)
        self.window().addActions(actions)

    def add_front(self) -> None:
        """Add the section of the view in front."""
        self._here = self._menu.addMenu(self._language.text("menu.here"))
        self._menu.aboutToShow.connect(self._fill_front)

    def _fill_front(self) -> None:
        assert self._here is not None
        self._here.clear()
        self._here.addActions(self._front())
        self._here.setEnabled(not self._here.isEmpty())

    def commands(self) -> list[tuple[str, QtGui.QAction]]:
        """What can be done now, each with the name of its section; what the view in front can do comes first."""
        here = [(self._language.text("menu.here"), each) for each in self._front()]
        known = [(name, each) for name, actions in self._sections for each in actions]
        return [(name, each) for name, each in (*here, *known) if each.isEnabled() and each.isVisible() and each.text()]
