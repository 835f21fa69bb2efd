"""A list to read: lines of words, states and small courses, chosen with keys or mouse."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6 import QtCore, QtGui, QtWidgets

from app import theme
from app.present import Cell
from app.theme import Palette
from engine.domain import Freshness

_CELL = QtCore.Qt.ItemDataRole.UserRole


class _Painter(QtWidgets.QStyledItemDelegate):
    """Draws the course of a cell: a thin line, its newest value as a dot, and what is usual as dashes."""

    def __init__(self, parent: QtCore.QObject, palette: Palette) -> None:
        super().__init__(parent)
        self.palette = palette

    def paint(
        self,
        painter: QtGui.QPainter,
        option: QtWidgets.QStyleOptionViewItem,
        index: QtCore.QModelIndex | QtCore.QPersistentModelIndex,
    ) -> None:
        """Draw one cell."""
        super().paint(painter, option, index)
        cell: Cell | None = index.data(_CELL)
        if cell is None or len(cell.course) < 2:
            return
        frame = QtCore.QRectF(option.rect).adjusted(8, 5, -10, -5)  # type: ignore[attr-defined]
        draw_course(painter, frame, cell, self.palette)


def draw_course(painter: QtGui.QPainter, frame: QtCore.QRectF, cell: Cell, palette: Palette) -> None:
    """Draw the course of a cell into a frame, from 0 at its foot."""
    top = max(*cell.course, cell.usual or 0.0) or 1.0
    step = frame.width() / (len(cell.course) - 1)

    def height(value: float) -> float:
        return frame.bottom() - value / top * frame.height()

    painter.save()
    painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
    if cell.usual is not None:
        pen = QtGui.QPen(QtGui.QColor(palette.reference), 1, QtCore.Qt.PenStyle.DashLine)
        painter.setPen(pen)
        painter.drawLine(QtCore.QPointF(frame.left(), height(cell.usual)), QtCore.QPointF(frame.right(), height(cell.usual)))
    points = [QtCore.QPointF(frame.left() + i * step, height(value)) for i, value in enumerate(cell.course)]
    painter.setPen(QtGui.QPen(QtGui.QColor(palette.median), 1.4))
    painter.drawPolyline(QtGui.QPolygonF(points))
    painter.setBrush(QtGui.QColor(palette.median))
    painter.drawEllipse(points[-1], 2.2, 2.2)
    painter.restore()


class Listing(QtWidgets.QTableWidget):
    """Lines under heads, one of which is chosen; as high as its lines, but no more than `most`. `stretch` is the widest column."""

    def __init__(self, name: str, heads: Sequence[str], palette: Palette, stretch: int = 0, most: int = 12) -> None:
        super().__init__()
        self.setProperty("role", "list")
        self.setColumnCount(len(heads))
        self._palette, self._most = palette, most
        self._lines: tuple[tuple[Cell, ...], ...] = ()
        self._painter = _Painter(self, palette)
        self.setItemDelegate(self._painter)
        self.setAccessibleName(name)
        self.setFont(theme.font())
        self.setHorizontalHeaderLabels(list(heads))
        self.setEditTriggers(QtWidgets.QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QtWidgets.QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QtWidgets.QAbstractItemView.SelectionMode.SingleSelection)
        self.setWordWrap(False)
        self.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(round(1.75 * self.fontMetrics().height()))
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(QtCore.Qt.AlignmentFlag.AlignLeft | QtCore.Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(QtWidgets.QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(stretch, QtWidgets.QHeaderView.ResizeMode.Stretch)

    def set_palette(self, palette: Palette) -> None:
        """Take new colours."""
        self._palette = self._painter.palette = palette
        self._fill()

    def show_lines(self, lines: Sequence[tuple[Cell, ...]]) -> None:
        """Show lines; the chosen one stays chosen by its place. What has not changed is left alone."""
        if tuple(lines) == self._lines:
            return
        self._lines = tuple(lines)
        self._fill()

    @property
    def at(self) -> int | None:
        """Place of the chosen line."""
        rows = self.selectionModel().selectedRows()
        return rows[0].row() if rows else None

    def _fill(self) -> None:
        before = self.at
        with QtCore.QSignalBlocker(self):
            self.setRowCount(len(self._lines))
            for row, cells in enumerate(self._lines):
                for column, cell in enumerate(cells):
                    self.setItem(row, column, self._item(cell))
            if self._lines:
                self.selectRow(min(before or 0, len(self._lines) - 1))
        rows = sum(self.rowHeight(row) for row in range(min(len(self._lines), self._most)))
        self.setFixedHeight(self.horizontalHeader().sizeHint().height() + rows + 2 * self.frameWidth())

    def _item(self, cell: Cell) -> QtWidgets.QTableWidgetItem:
        sign = "" if cell.state is None else f"{theme.SYMBOLS[cell.state]} "
        item = QtWidgets.QTableWidgetItem(f"{sign}{cell.words}")
        item.setToolTip(cell.words)
        item.setData(_CELL, cell)
        if cell.state in (Freshness.LATE, Freshness.STALE):
            colour = self._palette.late if cell.state is Freshness.LATE else self._palette.stale
            item.setForeground(QtGui.QColor(colour))
        elif cell.state is not None:
            item.setForeground(QtGui.QColor(self._palette.quiet))
        return item
