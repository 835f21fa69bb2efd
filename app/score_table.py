"""A table of figures that is as high as its rows and no column narrower than its words."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6 import QtCore, QtGui, QtWidgets

from app import theme


class ScoreTable(QtWidgets.QTableWidget):
    """Names to the left, numbers to the right; as high as its rows, and no column narrower than its words."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._heads: tuple[str, ...] = ()
        self.setAccessibleName(name)
        self.setFont(theme.font())
        self.setEditTriggers(QtWidgets.QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QtWidgets.QAbstractItemView.SelectionMode.NoSelection)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self.horizontalHeader().setHighlightSections(False)
        self.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.setVerticalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def show_lines(self, heads: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
        """Show other lines of cells, the first of each its name."""
        middle = QtCore.Qt.AlignmentFlag.AlignVCenter
        left, right = QtCore.Qt.AlignmentFlag.AlignLeft | middle, QtCore.Qt.AlignmentFlag.AlignRight | middle
        self._heads = tuple(heads)
        self.setColumnCount(len(heads))
        self.setRowCount(len(lines))
        for column in range(len(heads)):
            item = QtWidgets.QTableWidgetItem()
            item.setTextAlignment(right if column else left)
            self.setHorizontalHeaderItem(column, item)
        for row, line in enumerate(lines):
            for column, cell in enumerate(line):
                item = QtWidgets.QTableWidgetItem(cell)
                if column:
                    item.setTextAlignment(right)
                self.setItem(row, column, item)
        self._share_width()

    def resizeEvent(self, event: QtGui.QResizeEvent) -> None:
        """Share the new width."""
        super().resizeEvent(event)
        self._share_width()

    def _share_width(self) -> None:
        """Each column as wide as its words, and a share of what is left. Units go under their names where there is little room."""
        for between in (", ", "\n"):
            for column, head in enumerate(self._heads):
                self.horizontalHeaderItem(column).setText(head.replace(", ", between))
            needed = [max(self.sizeHintForColumn(i), self._head_width(i)) for i in range(len(self._heads))]
            spare = self.viewport().width() - sum(needed)
            if spare >= 0:
                break
        more, count = max(0, spare), len(needed)
        for i, width in enumerate(needed):
            self.setColumnWidth(i, width + more * (i + 1) // count - more * i // count)
        bar = self.horizontalScrollBar().sizeHint().height() if spare < 0 else 0
        rows = sum(self.rowHeight(row) for row in range(self.rowCount()))
        self.setFixedHeight(self.horizontalHeader().sizeHint().height() + rows + 2 * self.frameWidth() + bar)

    def _head_width(self, column: int) -> int:
        """Of the words and the room around them; Qt's own hint keeps room for an arrow to sort by."""
        lines = self.horizontalHeaderItem(column).text().split("\n")
        return max(map(self.fontMetrics().horizontalAdvance, lines)) + theme.HEAD_PADDING
