"""A page of the monitoring view: at which lead times, hours and months errors are, and the hours behind a cell."""

from __future__ import annotations

from PySide6 import QtCore, QtGui, QtWidgets

from app import theme
from app.chart_card import chart_card
from app.choice_box import ChoiceBox
from app.heat_map import HeatView, RampBar
from app.present import Behind, behind, heat_map
from app.present.frame import is_gross
from app.present.heat import SHOWN
from app.present.scale import Scale
from app.record import Record
from app.snapshot import TRUTHS
from app.theme import Palette
from app.translations import Language

_MAPS = ("lead", "month")


class WherePage(QtWidgets.QWidget):
    """Two heat maps, and beside them the hours of the cell that was chosen. `opened` carries the hour chosen in the list.

    `truth_chosen` carries what errors are to be measured against.
    """

    opened = QtCore.Signal(int)
    truth_chosen = QtCore.Signal(str)

    def __init__(self, language: Language, palette: Palette) -> None:
        super().__init__()
        self._language = language
        text = language.text
        self._record: Record | None = None
        self._scale, self._now = Scale(), 0
        self._cell: tuple[int, int, int] | None = None
        self._shown, self._truth = ChoiceBox(text("where.show")), ChoiceBox(text("where.truth"))
        for box, keys in ((self._shown, SHOWN), (self._truth, TRUTHS)):
            box.show_entries(tuple((key, text(f"where.{key}")) for key in keys), keys[0])
        self._shown.currentIndexChanged.connect(self._draw)
        self._truth.currentIndexChanged.connect(lambda index: self.truth_chosen.emit(TRUTHS[index]))
        self.maps = tuple(HeatView(palette) for _ in _MAPS)
        self._ramps = tuple(RampBar(palette, text("monitor.no_data")) for _ in _MAPS)
        self._captions = tuple(theme.label(bold=True) for _ in _MAPS)
        self.hours = HourList(language)
        self.hours.opened.connect(self.opened)
        row = QtWidgets.QHBoxLayout()
        row.setSpacing(8)
        for words, box in ((text("where.show"), self._shown), (text("where.truth"), self._truth)):
            label = theme.label(role="quiet", text=words)
            label.setBuddy(box)
            row.addWidget(label)
            row.addWidget(box)
            row.addSpacing(8)
        row.addStretch(1)
        left = QtWidgets.QVBoxLayout()
        left.setSpacing(10)
        left.addLayout(row)
        for number, (view, caption, ramp, rows) in enumerate(zip(self.maps, self._captions, self._ramps, (9, 14), strict=True)):
            left.addWidget(chart_card(view, caption, ramp), rows)
            view.picked.connect(lambda row, column, number=number: self._pick(number, row, column))
        body = QtWidgets.QHBoxLayout(self)
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(10)
        body.addLayout(left, 3)
        body.addWidget(self.hours, 2)

    def set_palette(self, palette: Palette) -> None:
        """Take new colours."""
        for part in (*self.maps, *self._ramps):
            part.set_palette(palette)

    def show_record(self, record: Record, scale: Scale, now: int) -> None:
        """Show the errors of a record."""
        if self._record is None or self._record.of != record.of:
            self._cell = None
        self._record, self._scale, self._now = record, scale, now
        with QtCore.QSignalBlocker(self._truth):
            self._truth.setCurrentIndex(TRUTHS.index(record.truth))
        self._truth.setEnabled(is_gross(record.of))
        self._draw()

    def _draw(self) -> None:
        if self._record is None:
            return
        shown = str(self._shown.currentData())
        for by, view, caption, ramp in zip(_MAPS, self.maps, self._captions, self._ramps, strict=True):
            heat = heat_map(self._record, by, shown, self._language, self._now)
            view.show_heat(heat)
            caption.setText(heat.caption)
            ramp.show_ends(heat, *heat.ends)
        names = max(view.names_width() for view in self.maps)
        for view in self.maps:
            view.verticalHeader().setFixedWidth(names)  # so that hours stand under hours
        if self._cell is None:
            self.hours.show_nothing()
        else:
            self._pick(*self._cell)

    def _pick(self, number: int, row: int, hour: int) -> None:
        heat = self.maps[number].heat
        if self._record is not None and heat is not None and row < len(heat.rows):
            self._cell = (number, row, hour)
            self.hours.show_hours(behind(self._record, heat, row, hour, self._scale, self._language, self._now))


class HourList(QtWidgets.QFrame):
    """The hours behind a cell, the worst first. `opened` carries the hour that is chosen with Enter or a double click."""

    opened = QtCore.Signal(int)

    def __init__(self, language: Language) -> None:
        super().__init__()
        self._language = language
        self._times: tuple[int, ...] = ()
        self.setProperty("role", "card")
        self._title = theme.label(bold=True)
        self._hint = theme.label(0.92, role="quiet")
        for label in (self._title, self._hint):
            label.setWordWrap(True)
        self.table = QtWidgets.QTableWidget()
        self.table.setProperty("role", "list")
        self.table.setFont(theme.font(0.88))
        self.table.horizontalHeader().setFont(theme.font(0.88))
        self.table.setEditTriggers(QtWidgets.QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QtWidgets.QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QtWidgets.QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setShowGrid(False)
        self.table.setTabKeyNavigation(False)
        self.table.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        self.table.verticalHeader().hide()
        self.table.horizontalHeader().setHighlightSections(False)
        self.table.horizontalHeader().setSectionResizeMode(QtWidgets.QHeaderView.ResizeMode.ResizeToContents)
        self.table.doubleClicked.connect(lambda index: self.opened.emit(self._times[index.row()]))
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(12, 8, 6, 6)
        column.setSpacing(4)
        column.addWidget(self._title)
        column.addWidget(self._hint)
        column.addWidget(self.table, 1)
        self._space = QtWidgets.QWidget()
        column.addWidget(self._space, 1)

    def show_nothing(self) -> None:
        """Say how to choose a cell."""
        self._title.setText(self._language.text("where.hours"))
        self._hint.setText(self._language.text("where.how"))
        self._show_table(False)

    def show_hours(self, behind: Behind) -> None:
        """Show the hours of a cell."""
        self._title.setText(behind.title)
        self._hint.setText(behind.hint)
        self._show_table(bool(behind.lines))
        self._times = tuple(line.valid_time for line in behind.lines)
        self.table.setAccessibleName(behind.title)
        self.table.setColumnCount(len(behind.heads))
        self.table.setRowCount(len(behind.lines))
        middle = QtCore.Qt.AlignmentFlag.AlignVCenter
        for column, head in enumerate(behind.heads):
            side = (QtCore.Qt.AlignmentFlag.AlignRight if column else QtCore.Qt.AlignmentFlag.AlignLeft) | middle
            item = QtWidgets.QTableWidgetItem(head)
            item.setTextAlignment(side)
            self.table.setHorizontalHeaderItem(column, item)
            for row, line in enumerate(behind.lines):
                cell = QtWidgets.QTableWidgetItem(line.cells[column])
                cell.setTextAlignment(side)
                self.table.setItem(row, column, cell)
        self.table.resizeRowsToContents()
        self.table.horizontalHeader().setSectionResizeMode(0, QtWidgets.QHeaderView.ResizeMode.Stretch)
        if behind.lines:
            self.table.setCurrentCell(0, 0)

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:
        """Enter chooses; the table lets it pass."""
        if event.key() in (QtCore.Qt.Key.Key_Return, QtCore.Qt.Key.Key_Enter) and self.table.currentRow() >= 0:
            self.opened.emit(self._times[self.table.currentRow()])
        else:
            super().keyPressEvent(event)

    def _show_table(self, shown: bool) -> None:
        self.table.setVisible(shown)
        self._space.setVisible(not shown)
