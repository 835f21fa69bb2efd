"""Finds a command, a view, an area or a page of help by a part of its name, and does it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6 import QtCore, QtGui, QtWidgets

from app import present, theme
from app.translations import Language

_WIDTH, _HEIGHT, _TOP = 620, 420, 56
_PLACE = QtCore.Qt.ItemDataRole.UserRole
_LIST_KEYS = (QtCore.Qt.Key.Key_Up, QtCore.Qt.Key.Key_Down, QtCore.Qt.Key.Key_PageUp, QtCore.Qt.Key.Key_PageDown)


@dataclass(frozen=True, slots=True)
class Command:
    """Something to do: its name, of what kind it is, its keys, other words it is found by, and how it is done."""

    name: str
    kind: str
    keys: str
    act: Callable[[], object]
    also: tuple[str, ...] = ()


class Finder(QtWidgets.QFrame):
    """A field over a list, in front of the window's upper half. Up and down choose, Enter does, Escape leaves."""

    def __init__(self, window: QtWidgets.QWidget, language: Language) -> None:
        super().__init__(window)
        self._language = language
        self._commands: tuple[Command, ...] = ()
        self._before: QtWidgets.QWidget | None = None
        self.setProperty("role", "float")
        self.setAccessibleName(language.text("finder.name"))
        self.field = QtWidgets.QLineEdit()
        self.field.setFont(theme.font(1.15))
        self.field.setPlaceholderText(language.text("finder.hint"))
        self.field.setAccessibleName(language.text("finder.name"))
        self.field.setClearButtonEnabled(True)
        self.field.textChanged.connect(self._fill)
        self.field.returnPressed.connect(self._do)
        self.field.installEventFilter(self)
        self.list = QtWidgets.QTreeWidget()
        self.list.setAccessibleName(language.text("finder.list"))
        self.list.setProperty("role", "found")
        self.list.setHeaderHidden(True)
        self.list.setRootIsDecorated(False)
        self.list.setUniformRowHeights(True)
        self.list.setColumnCount(3)
        self.list.setFocusPolicy(QtCore.Qt.FocusPolicy.NoFocus)
        self.list.setFont(theme.font())
        self.list.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.header().setStretchLastSection(False)
        self.list.header().setMinimumSectionSize(0)
        modes = QtWidgets.QHeaderView.ResizeMode
        for column, mode in enumerate((modes.Stretch, modes.ResizeToContents, modes.ResizeToContents)):
            self.list.header().setSectionResizeMode(column, mode)
        self.list.itemClicked.connect(lambda _item, _column: self._do())
        self._none = theme.label(role="quiet", text=language.text("finder.none"))
        column_of_all = QtWidgets.QVBoxLayout(self)
        column_of_all.setContentsMargins(10, 10, 10, 10)
        column_of_all.addWidget(self.field)
        column_of_all.addWidget(self.list, 1)
        column_of_all.addWidget(self._none, 1, QtCore.Qt.AlignmentFlag.AlignTop)
        self.hide()

    def open(self, commands: Sequence[Command]) -> None:
        """Come to the front with these commands."""
        self._commands = tuple(commands)
        if not self.isVisible():
            self._before = QtWidgets.QApplication.focusWidget()
        self.field.clear()
        self._fill("")
        self.place()
        self.show()
        self.raise_()
        self.field.setFocus(QtCore.Qt.FocusReason.PopupFocusReason)

    def place(self) -> None:
        """Stand in the middle of the window's upper half."""
        around = self.parentWidget().rect()
        width, height = min(_WIDTH, around.width() - 32), min(_HEIGHT, around.height() - _TOP - 16)
        self.setGeometry((around.width() - width) // 2, _TOP, width, height)

    def close_again(self) -> None:
        """Leave, and give the keys back to who had them."""
        if self.isVisible():
            self.hide()
            if self._before is not None and self._before.isVisible():
                self._before.setFocus(QtCore.Qt.FocusReason.PopupFocusReason)

    def eventFilter(self, watched: QtCore.QObject, event: QtCore.QEvent) -> bool:
        """Of the field's keys Escape leaves and up and down belong to the list; who goes elsewhere leaves too."""
        if isinstance(event, QtGui.QKeyEvent) and event.type() == QtCore.QEvent.Type.KeyPress:
            if event.key() == QtCore.Qt.Key.Key_Escape:
                self.close_again()
                return True
            if event.key() in _LIST_KEYS:
                self.list.keyPressEvent(event)
                return True
        if event.type() == QtCore.QEvent.Type.FocusOut and QtWidgets.QApplication.focusWidget() is not None:
            self.hide()
        return super().eventFilter(watched, event)

    def _fill(self, words: str) -> None:
        found = present.ranked(words, [(f"{each.name} {each.kind}", *each.also) for each in self._commands])
        self.list.clear()
        for place in found:
            command = self._commands[place]
            item = QtWidgets.QTreeWidgetItem([command.name, command.kind, command.keys])
            item.setData(0, _PLACE, place)
            item.setToolTip(0, command.name)
            for column in (1, 2):
                item.setForeground(column, self.palette().brush(QtGui.QPalette.ColorRole.PlaceholderText))
            self.list.addTopLevelItem(item)
        if found:
            self.list.setCurrentItem(self.list.topLevelItem(0))
        self.list.setVisible(bool(found))
        self._none.setVisible(not found)

    def _do(self) -> None:
        item = self.list.currentItem()
        if item is not None and self.list.isVisible():
            self.close_again()
            self._commands[item.data(0, _PLACE)].act()
