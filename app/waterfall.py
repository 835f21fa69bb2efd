"""A waterfall as a table: a name, a bar from where the row before ended, and a value, in each row; read by keys like any table."""

from __future__ import annotations

from PySide6 import QtCore, QtGui, QtWidgets

from app import theme
from app.present import Step
from app.theme import Palette

_BAR_PX, _MARGIN_PX = 9, 5
_STEP = int(QtCore.Qt.ItemDataRole.UserRole)
_RIGHT = QtCore.Qt.AlignmentFlag.AlignRight | QtCore.Qt.AlignmentFlag.AlignVCenter
_LEFT = QtCore.Qt.AlignmentFlag.AlignLeft | QtCore.Qt.AlignmentFlag.AlignVCenter


class _Bars(QtWidgets.QStyledItemDelegate):
    """Draws the bars: filled where a step goes up, hollow where it goes down, a mark where a total stands."""

    def __init__(self, palette: Palette) -> None:
        super().__init__()
        self.palette = palette

    def paint(
        self,
        painter: QtGui.QPainter,
        option: QtWidgets.QStyleOptionViewItem,
        index: QtCore.QModelIndex | QtCore.QPersistentModelIndex,
    ) -> None:
        """Draw one row, tied to the next by a hair."""
        super().paint(painter, option, index)
        step = index.data(_STEP)
        if not isinstance(step, Step):
            return
        box: QtCore.QRect = option.rect  # type: ignore[attr-defined]
        left, width, middle = box.left() + _MARGIN_PX, box.width() - 2 * _MARGIN_PX, box.center().y()
        first, last = (left + round(width * share) for share in (step.start, step.end))
        top = middle - _BAR_PX // 2
        painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing, False)
        painter.setPen(QtGui.QColor(self.palette.rule))
        if index.row():
            painter.drawLine(first, box.top(), first, top - 1)
        if index.row() < index.model().rowCount() - 1:
            painter.drawLine(last, top + _BAR_PX, last, box.bottom())
        bar = QtCore.QRect(min(first, last), top, max(abs(last - first), 1), _BAR_PX)
        if step.total:
            painter.fillRect(first - 1, top - 2, 3, _BAR_PX + 4, QtGui.QColor(self.palette.ink))
        elif step.end >= step.start:
            painter.fillRect(bar, QtGui.QColor(self.palette.median))
        else:
            painter.setPen(QtGui.QColor(self.palette.median))
            painter.drawRect(bar.adjusted(0, 0, -1, -1))


class Waterfall(QtWidgets.QTableWidget):
    """Steps from one total to another. What a row means is its tool tip; the whole is told by the accessible description."""

    def __init__(self, name: str, palette: Palette) -> None:
        super().__init__(0, 3)
        self._bars = _Bars(palette)
        self.setAccessibleName(name)
        self.setItemDelegateForColumn(1, self._bars)
        self.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        self.setStyleSheet("QTableWidget { border: 1px solid transparent; } QTableWidget::item { padding: 0; }")
        self.setEditTriggers(QtWidgets.QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QtWidgets.QAbstractItemView.SelectionMode.SingleSelection)
        self.setSelectionBehavior(QtWidgets.QAbstractItemView.SelectionBehavior.SelectRows)
        for policy in (self.setHorizontalScrollBarPolicy, self.setVerticalScrollBarPolicy):
            policy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self.horizontalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(QtGui.QFontMetrics(theme.font(0.95)).height() + 6)
        head = self.horizontalHeader()
        head.setSectionResizeMode(1, QtWidgets.QHeaderView.ResizeMode.Stretch)
        for column in (0, 2):
            head.setSectionResizeMode(column, QtWidgets.QHeaderView.ResizeMode.ResizeToContents)

    def set_palette(self, palette: Palette) -> None:
        """Take the colours of another theme."""
        self._bars.palette = palette
        self.viewport().update()

    def show_steps(self, steps: tuple[Step, ...], summary: str) -> None:
        """Show other steps; the row that was chosen stays chosen."""
        self.setRowCount(len(steps))
        for row, step in enumerate(steps):
            for column, words in enumerate((step.name, "", step.value)):
                item = self.item(row, column) or QtWidgets.QTableWidgetItem()
                item.setText(words)
                item.setToolTip(step.about)
                item.setFont(theme.font(0.95, bold=step.total))
                item.setTextAlignment(_RIGHT if column == 2 else _LEFT)
                item.setData(_STEP, step if column == 1 else None)
                if item.tableWidget() is None:
                    self.setItem(row, column, item)
        self.setFixedHeight(len(steps) * self.verticalHeader().defaultSectionSize() + 2 * self.frameWidth() + 2)
        self.setAccessibleDescription(" ".join([summary, *(f"{step.name} {step.value}." for step in steps)]))
        self.viewport().update()
