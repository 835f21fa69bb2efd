"""Where any consumer is chosen: a field that finds as one writes, over the tree of all areas; with keys or the mouse."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6 import QtCore, QtGui, QtWidgets

from app import theme
from app.present import Group, choices, find
from app.translations import Language
from engine.domain import Consumer

_CONSUMER = QtCore.Qt.ItemDataRole.UserRole
#: Keys that the field hands to the list, so that one can go on writing.
_LIST_KEYS = (QtCore.Qt.Key.Key_Up, QtCore.Qt.Key.Key_Down, QtCore.Qt.Key.Key_PageUp, QtCore.Qt.Key.Key_PageDown)


class SearchField(QtWidgets.QLineEdit):
    """The field. It opens the list when it is clicked or written in; Escape closes it."""

    opened = QtCore.Signal()
    closed = QtCore.Signal()
    walked = QtCore.Signal(QtGui.QKeyEvent)

    def mousePressEvent(self, event: QtGui.QMouseEvent) -> None:
        """Open."""
        super().mousePressEvent(event)
        self.opened.emit()

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:
        """Up and down belong to the list, Escape closes it, the rest is written."""
        if event.key() == QtCore.Qt.Key.Key_Escape:
            self.closed.emit()
        elif event.key() in _LIST_KEYS:
            self.opened.emit()
            self.walked.emit(event)
        else:
            super().keyPressEvent(event)


class ConsumerTree(QtWidgets.QTreeWidget):
    """All consumers as a tree, or those that were found. `picked` carries the Consumer that was clicked or entered on."""

    picked = QtCore.Signal(object)
    closed = QtCore.Signal()

    def __init__(self, language: Language) -> None:
        super().__init__()
        self._language = language
        self._known: tuple[Consumer, ...] = ()
        self.setHeaderHidden(True)
        self.setIndentation(14)
        self.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        self.setUniformRowHeights(True)
        self.setFont(theme.font())
        self.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextElideMode(QtCore.Qt.TextElideMode.ElideRight)
        self.setAccessibleName(language.text("choose.list"))
        self.itemClicked.connect(self._enter)

    def show_all(self, known: tuple[Consumer, ...], chosen: Consumer) -> None:
        """The whole tree, open where the chosen one stands and at the price areas."""
        self._fill(choices(known, self._language))
        for item in self._items():
            item.setExpanded(item.parent() is None or item.parent().parent() is None)
            if _consumer(item) == chosen:
                self.setCurrentItem(item)
        self.scrollToItem(self.currentItem(), QtWidgets.QAbstractItemView.ScrollHint.PositionAtCenter)

    def show_found(self, known: tuple[Consumer, ...], words: str) -> bool:
        """Those with these words in their name, the first one chosen; whether there are any."""
        self._fill(find(known, words, self._language))
        if first := self.topLevelItem(0):
            self.setCurrentItem(first)
        return first is not None

    def _fill(self, groups: Iterable[Group]) -> None:
        def item_of(group: Group) -> QtWidgets.QTreeWidgetItem:
            item = QtWidgets.QTreeWidgetItem([group.name])
            item.setData(0, _CONSUMER, group.of)
            item.setToolTip(0, group.name)
            item.addChildren([item_of(part) for part in group.parts])
            return item

        self.clear()
        self.addTopLevelItems([item_of(group) for group in groups])

    def _items(self) -> Iterable[QtWidgets.QTreeWidgetItem]:
        walk = QtWidgets.QTreeWidgetItemIterator(self)
        while walk.value() is not None:
            yield walk.value()
            walk += 1

    def enter(self) -> None:
        """Choose the line that is marked; a heading opens or closes."""
        if self.currentItem() is not None:
            self._enter(self.currentItem())

    def _enter(self, item: QtWidgets.QTreeWidgetItem) -> None:
        of = _consumer(item)
        if of is None:
            item.setExpanded(not item.isExpanded())
        else:
            self.picked.emit(of)

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:
        """Enter chooses, Escape closes; the rest walks the tree."""
        if event.key() in (QtCore.Qt.Key.Key_Return, QtCore.Qt.Key.Key_Enter):
            self.enter()
        elif event.key() == QtCore.Qt.Key.Key_Escape:
            self.closed.emit()
        else:
            super().keyPressEvent(event)


def _consumer(item: QtWidgets.QTreeWidgetItem) -> Consumer | None:
    """The consumer of a line, which Qt keeps as a list."""
    of = item.data(0, _CONSUMER)
    return None if of is None else Consumer(*of)


class ConsumerList(QtWidgets.QFrame):
    """The tree, or what was found, with how many there are under it. It stands in the place of the cards while one chooses."""

    picked = QtCore.Signal(object)
    closed = QtCore.Signal()

    def __init__(self, language: Language, field: SearchField) -> None:
        super().__init__()
        self._language, self._field = language, field
        self._known: tuple[Consumer, ...] = ()
        self._chosen = Consumer("DK")
        self.setProperty("role", "card")
        self.tree = ConsumerTree(language)
        self._count = theme.label(0.92, role="quiet")
        self._count.setWordWrap(True)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(6, 6, 6, 6)
        column.addWidget(self.tree, 1)
        close = QtWidgets.QPushButton(language.text("choose.close"))
        close.clicked.connect(self.closed)
        close.setAccessibleName(close.text())
        foot = QtWidgets.QHBoxLayout()
        foot.setContentsMargins(6, 0, 0, 0)
        foot.addWidget(self._count, 1)
        foot.addWidget(close)
        column.addLayout(foot)
        field.textChanged.connect(lambda _words: self.fill())
        field.returnPressed.connect(self.tree.enter)
        field.walked.connect(self.tree.keyPressEvent)
        self.tree.picked.connect(self.picked)
        self.tree.closed.connect(self.closed)

    def set_known(self, known: tuple[Consumer, ...], chosen: Consumer) -> None:
        """What there is to choose, and what is chosen now."""
        changed, self._known, self._chosen = known != self._known, known, chosen
        if changed and self.isVisible():
            self.fill()

    def fill(self) -> None:
        """Show the tree, or with words in the field what they find."""
        words = self._field.text().strip()
        found = True
        if words:
            found = self.tree.show_found(self._known, words)
        else:
            self.tree.show_all(self._known, self._chosen)
        count = self.tree.topLevelItemCount() if words else len(self._known)
        key = "choose.none" if not found else "choose.found" if words else "choose.count"
        self._count.setText(self._language.text(key, count=self._language.number(count)))
