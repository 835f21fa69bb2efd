"""The inspector's first page: every number of the hour that is looked at."""

from __future__ import annotations

from PySide6 import QtCore, QtWidgets

from app import theme
from app.pane import Scene
from app.present import ForecastView, HourRow, hour_rows
from app.sheet import Sheet
from app.theme import Palette
from app.translations import Language

_RIGHT = QtCore.Qt.AlignmentFlag.AlignRight | QtCore.Qt.AlignmentFlag.AlignVCenter
_LEFT = QtCore.Qt.AlignmentFlag.AlignLeft | QtCore.Qt.AlignmentFlag.AlignVCenter


class HourSheet(Sheet):
    """A table of what was measured, what is forecast on every level, and how far each lies from the median."""

    def __init__(self, language: Language, palette: Palette) -> None:
        super().__init__()
        self._language = language
        self._rows: tuple[HourRow, ...] = ()
        self.table = QtWidgets.QTableWidget(0, 3)
        self.table.setAccessibleName(language.text("hour.table"))
        self.table.setProperty("role", "plain")
        self.table.setFont(theme.font(0.95))
        self.table.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        self.table.setEditTriggers(QtWidgets.QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionMode(QtWidgets.QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setSelectionBehavior(QtWidgets.QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.table.setShowGrid(False)
        self.table.setTabKeyNavigation(False)
        self.table.verticalHeader().hide()
        self.table.horizontalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(21)
        head = self.table.horizontalHeader()
        head.setSectionResizeMode(0, QtWidgets.QHeaderView.ResizeMode.Stretch)
        for column in (1, 2):
            head.setSectionResizeMode(column, QtWidgets.QHeaderView.ResizeMode.ResizeToContents)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.table)

    def set_palette(self, palette: Palette) -> None:
        """The table has its colours from the style sheet."""

    def show_hour(self, scene: Scene, view: ForecastView, hour: int) -> None:
        """Show the numbers of an hour; the row that was chosen stays chosen."""
        rows = hour_rows(view, hour, self._language)
        if rows == self._rows:
            return
        self._rows = rows
        self.table.clearSpans()
        self.table.setRowCount(len(rows))
        for number, row in enumerate(rows):
            heading = not row.value
            for column, words in enumerate((row.name, row.value, row.against)):
                item = self.table.item(number, column) or QtWidgets.QTableWidgetItem()
                item.setText(words)
                item.setFont(theme.font(0.95, bold=heading))
                item.setTextAlignment(_RIGHT if column else _LEFT)
                if item.tableWidget() is None:
                    self.table.setItem(number, column, item)
            if heading:
                self.table.setSpan(number, 0, 1, 3)
        told = ". ".join(" ".join(filter(None, (row.name, row.value, row.against))) for row in rows)
        self.table.setAccessibleDescription(told)
