"""A layout that fills rows from the left and goes on in the next, as words do in a text."""

from __future__ import annotations

from PySide6 import QtCore, QtWidgets


class FlowLayout(QtWidgets.QLayout):
    """Visible items side by side, each as wide as it asks for, in as many rows as the width makes necessary."""

    def __init__(self, across: int = 12, down: int = 2) -> None:
        super().__init__()
        self._items: list[QtWidgets.QLayoutItem] = []
        self._across, self._down = across, down
        self._heights: dict[int, int] = {}
        self.setContentsMargins(0, 0, 0, 0)

    def addItem(self, item: QtWidgets.QLayoutItem) -> None:
        """Put an item last."""
        self._items.append(item)

    def count(self) -> int:
        """How many items there are."""
        return len(self._items)

    def itemAt(self, index: int) -> QtWidgets.QLayoutItem | None:
        """An item, or None past the last."""
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QtWidgets.QLayoutItem | None:
        """Take an item away."""
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def expandingDirections(self) -> QtCore.Qt.Orientation:
        """None: spare room is left empty."""
        return QtCore.Qt.Orientation(0)

    def hasHeightForWidth(self) -> bool:
        """A narrow one needs more rows."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Height of the rows at a width."""
        if width not in self._heights:
            self._heights[width] = self._place(QtCore.QRect(0, 0, width, 0), move=False)
        return self._heights[width]

    def invalidate(self) -> None:
        """Forget what was measured: an item has changed."""
        self._heights.clear()
        super().invalidate()

    def setGeometry(self, rect: QtCore.QRect) -> None:
        """Place the items."""
        super().setGeometry(rect)
        self._place(rect, move=True)

    def sizeHint(self) -> QtCore.QSize:
        """All in one row."""
        sizes = [item.sizeHint() for item in self._items if not item.isEmpty()]
        width = sum(size.width() for size in sizes) + self._across * max(0, len(sizes) - 1)
        return QtCore.QSize(width, max((size.height() for size in sizes), default=0))

    def minimumSize(self) -> QtCore.QSize:
        """One item in a row."""
        size = QtCore.QSize()
        for item in self._items:
            if not item.isEmpty():
                size = size.expandedTo(item.minimumSize())
        return size

    def _place(self, rect: QtCore.QRect, move: bool) -> int:
        """Height of the rows; each item stands in the middle of its row."""
        y = rect.y()
        for number, row in enumerate(self._rows(rect.width())):
            y += self._down if number else 0
            x, high = rect.x(), max(item.sizeHint().height() for item in row)
            for item in row:
                size = item.sizeHint()
                if move:
                    item.setGeometry(QtCore.QRect(QtCore.QPoint(x, y + (high - size.height()) // 2), size))
                x += size.width() + self._across
            y += high
        return y - rect.y()

    def _rows(self, width: int) -> list[list[QtWidgets.QLayoutItem]]:
        rows: list[list[QtWidgets.QLayoutItem]] = []
        used = 0
        for item in self._items:
            if item.isEmpty():
                continue
            wide = item.sizeHint().width()
            if not rows or used + self._across + wide > width:
                rows.append([item])
                used = wide
            else:
                rows[-1].append(item)
                used += self._across + wide
        return rows
