"""A heat map that is a table: every cell can be reached with keys and read aloud, and hatching says where there is no hour."""

from __future__ import annotations

import math

from PySide6 import QtCore, QtGui, QtWidgets

from app import theme
from app.present import HeatMap
from app.ramps import Ramp, colour, ink
from app.theme import Palette

_Index = QtCore.QModelIndex | QtCore.QPersistentModelIndex
_ROOT = QtCore.QModelIndex()


class _Model(QtCore.QAbstractTableModel):
    """The cells of a heat map; what is drawn in them is for their delegate."""

    def __init__(self) -> None:
        super().__init__()
        self.heat: HeatMap | None = None

    def show(self, heat: HeatMap) -> None:
        """Show another."""
        self.beginResetModel()
        self.heat = heat
        self.endResetModel()

    def rowCount(self, parent: _Index = _ROOT) -> int:
        return len(self.heat.rows) if self.heat is not None else 0

    def columnCount(self, parent: _Index = _ROOT) -> int:
        return len(self.heat.columns) if self.heat is not None else 0

    def data(self, index: _Index, role: int = QtCore.Qt.ItemDataRole.DisplayRole) -> object:
        roles = QtCore.Qt.ItemDataRole
        if self.heat is None:
            return None
        if role == roles.DisplayRole:
            return self.heat.words[index.row()][index.column()]
        if role in (roles.ToolTipRole, roles.AccessibleTextRole):
            return self.heat.texts[index.row()][index.column()]
        return None

    def headerData(
        self, section: int, orientation: QtCore.Qt.Orientation, role: int = QtCore.Qt.ItemDataRole.DisplayRole
    ) -> object:
        if self.heat is None or role != QtCore.Qt.ItemDataRole.DisplayRole:
            return None
        return (self.heat.columns if orientation == QtCore.Qt.Orientation.Horizontal else self.heat.rows)[section]


class _Painter(QtWidgets.QStyledItemDelegate):
    """Draws a cell: its colour, its number where that fits, hatching where there is none, and a frame where the cursor is."""

    def __init__(self, view: HeatView) -> None:
        super().__init__(view)
        self._view = view

    def paint(self, painter: QtGui.QPainter, option: QtWidgets.QStyleOptionViewItem, index: _Index) -> None:
        heat, palette = self._view.heat, self._view.colours
        assert heat is not None
        value = float(heat.values[index.row(), index.column()])
        box: QtCore.QRect = option.rect  # type: ignore[attr-defined]
        cell = box.adjusted(0, 0, -1, -1)
        painter.save()
        painter.fillRect(box, QtGui.QColor(palette.surface))
        if math.isnan(value):
            painter.fillRect(cell, QtGui.QBrush(QtGui.QColor(palette.rule), QtCore.Qt.BrushStyle.BDiagPattern))
        else:
            ground = shade(heat, value, palette)
            painter.fillRect(cell, QtGui.QColor(ground))
            words = heat.words[index.row()][index.column()]
            painter.setFont(self._view.words_font)
            if painter.fontMetrics().horizontalAdvance(words) + 2 <= cell.width():
                painter.setPen(QtGui.QColor(ink(ground)))
                painter.drawText(cell, QtCore.Qt.AlignmentFlag.AlignCenter, words)
        if index == self._view.currentIndex():
            painter.setPen(QtGui.QPen(QtGui.QColor(palette.ink), 2))
            painter.drawRect(cell.adjusted(1, 1, -1, -1))
        painter.restore()


def shade(heat: HeatMap, value: float, palette: Palette) -> str:
    """The colour of a value."""
    ramp = Ramp.DIVERGING if heat.low < 0 else Ramp.SEQUENTIAL
    return colour(ramp, (value - heat.low) / (heat.high - heat.low), palette.is_dark)


class HeatView(QtWidgets.QTableView):
    """Shows a heat map. `pointed` carries the words of the cell the cursor is on, `picked` its row and column when it is chosen."""

    pointed = QtCore.Signal(str)
    picked = QtCore.Signal(int, int)

    def __init__(self, palette: Palette) -> None:
        super().__init__()
        self.colours = palette
        self.setProperty("role", "heat")
        self._model = _Model()
        self.setModel(self._model)
        self.setItemDelegate(_Painter(self))
        self._fonts = theme.font(0.82), theme.font(0.7)
        self.words_font = self._fonts[0]
        self.setFont(self.words_font)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setMouseTracking(True)
        self.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        self.setSelectionMode(QtWidgets.QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QtWidgets.QAbstractItemView.EditTrigger.NoEditTriggers)
        for head in (self.horizontalHeader(), self.verticalHeader()):
            head.setFont(theme.font(0.82))
            head.setMinimumSectionSize(8)
            head.setSectionsClickable(False)
            head.setHighlightSections(False)
            head.setSectionResizeMode(QtWidgets.QHeaderView.ResizeMode.Stretch)
        self.horizontalHeader().setDefaultAlignment(QtCore.Qt.AlignmentFlag.AlignCenter)
        self.verticalHeader().setDefaultAlignment(QtCore.Qt.AlignmentFlag.AlignLeft | QtCore.Qt.AlignmentFlag.AlignVCenter)
        self.horizontalHeader().setFixedHeight(self.fontMetrics().height() + 4)
        self.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setCornerButtonEnabled(False)
        self.entered.connect(self._point)
        self.clicked.connect(self._pick)

    @property
    def heat(self) -> HeatMap | None:
        """What is shown."""
        return self._model.heat

    def set_palette(self, palette: Palette) -> None:
        """Take new colours."""
        self.colours = palette
        self.viewport().update()

    def show_heat(self, heat: HeatMap) -> None:
        """Show another; the cursor stays where it is."""
        at = self.currentIndex()
        row, column = at.row(), at.column()
        self._model.show(heat)
        self.setAccessibleName(heat.caption)
        self.setAccessibleDescription(heat.summary)
        if row >= 0:
            self.setCurrentIndex(self._model.index(min(row, len(heat.rows) - 1), column))

    def names_width(self) -> int:
        """Pixels that the names of the rows need."""
        rows = self.heat.rows if self.heat is not None else ()
        return max((self.verticalHeader().fontMetrics().horizontalAdvance(name) for name in rows), default=0) + 10

    def currentChanged(self, current: _Index, previous: _Index) -> None:
        """Say the cell that keys have reached."""
        super().currentChanged(current, previous)
        self.viewport().update()
        if current.isValid():
            self._point(current)

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        """Write all numbers in the largest letters that the narrowest column has room for, or the smallest there are."""
        if self.heat is not None:
            room = min(self.columnWidth(column) for column in range(len(self.heat.columns))) - 3
            longest = max((words for row in self.heat.words for words in row), key=len, default="")
            fits = (font for font in self._fonts if QtGui.QFontMetrics(font).horizontalAdvance(longest) <= room)
            self.words_font = next(fits, self._fonts[-1])
        super().paintEvent(event)

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:
        """Enter picks the cell, on every platform."""
        if event.key() in (QtCore.Qt.Key.Key_Return, QtCore.Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self._pick(self.currentIndex())
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QtGui.QFocusEvent) -> None:
        """Begin at the first cell."""
        super().focusInEvent(event)
        if not self.currentIndex().isValid() and self._model.rowCount():
            self.setCurrentIndex(self._model.index(0, 0))

    def leaveEvent(self, event: QtCore.QEvent) -> None:
        """Nothing is pointed at."""
        self.pointed.emit("")
        super().leaveEvent(event)

    def _point(self, index: _Index) -> None:
        if self.heat is not None:
            self.pointed.emit(self.heat.texts[index.row()][index.column()])

    def _pick(self, index: _Index) -> None:
        self.picked.emit(index.row(), index.column())


class RampBar(QtWidgets.QWidget):
    """What the colours of a heat map stand for, and hatching for `nothing`."""

    def __init__(self, palette: Palette, nothing: str) -> None:
        super().__init__()
        self._palette = palette
        self._heat: HeatMap | None = None
        self._ends = ("", "")
        self.setFont(theme.font(0.82))
        self._nothing = nothing
        self.setFixedSize(232 + self.fontMetrics().horizontalAdvance(nothing), self.fontMetrics().height() + 2)

    def set_palette(self, palette: Palette) -> None:
        """Take new colours."""
        self._palette = palette
        self.update()

    def show_ends(self, heat: HeatMap, low: str, high: str) -> None:
        """Show the colours between two values."""
        self._heat, self._ends = heat, (low, high)
        self.update()

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        """Draw the ramp between its ends."""
        if self._heat is None:
            return
        heat, metrics = self._heat, self.fontMetrics()
        box = QtCore.QRect(0, 4, 14, self.height() - 8)
        words = self.rect().adjusted(20, 0, 0, 0)
        start = words.left() + metrics.horizontalAdvance(self._nothing) + 14
        left, right = (metrics.horizontalAdvance(end) + 6 for end in self._ends)
        width = self.width() - start - left - right
        with QtGui.QPainter(self) as painter:
            painter.setPen(QtGui.QColor(self._palette.quiet))
            painter.fillRect(box, QtGui.QBrush(QtGui.QColor(self._palette.rule), QtCore.Qt.BrushStyle.BDiagPattern))
            for place, text in ((words, self._nothing), (self.rect().adjusted(start, 0, 0, 0), self._ends[0])):
                painter.drawText(place, QtCore.Qt.AlignmentFlag.AlignLeft | QtCore.Qt.AlignmentFlag.AlignVCenter, text)
            painter.drawText(
                self.rect(), QtCore.Qt.AlignmentFlag.AlignRight | QtCore.Qt.AlignmentFlag.AlignVCenter, self._ends[1]
            )
            for x in range(width):
                value = heat.low + (heat.high - heat.low) * x / max(width - 1, 1)
                painter.fillRect(start + left + x, 4, 1, self.height() - 8, QtGui.QColor(shade(heat, value, self._palette)))
