"""A page of the monitoring view: whether levels hold what they promise, and what error to expect by lead time."""

from __future__ import annotations

from PySide6 import QtCore, QtWidgets

from app import theme
from app.calibration_card import CalibrationCard
from app.choice_box import ChoiceBox
from app.present import CalibrationView, PromiseView
from app.reliability_chart import ReliabilityPlot
from app.score_table import ScoreTable
from app.theme import SYMBOLS, Palette
from app.translations import Language
from engine.domain import Freshness


class PromisesPage(QtWidgets.QWidget):
    """The reliability diagram with its numbers beside it, and the table of expected errors. `lead_chosen` carries a lead bucket."""

    lead_chosen = QtCore.Signal(int)

    def __init__(self, language: Language, palette: Palette) -> None:
        super().__init__()
        text = language.text
        self.chart = ReliabilityPlot(language, palette)
        self.calibration = CalibrationCard(language, palette)
        self._leads = ChoiceBox(text("promise.choose"))
        self._leads.activated.connect(lambda: self.lead_chosen.emit(self._leads.currentData()))
        self._caption, self._about, self._summary = theme.label(bold=True), theme.label(0.92, role="quiet"), theme.label()
        self._levels, self._errors = ScoreTable(text("promise.levels")), ScoreTable(text("promise.errors"))
        about_errors = theme.label(0.92, role="quiet", text=text("promise.about_errors"))
        for label in (self._about, self._summary, about_errors):
            label.setWordWrap(True)
        head = QtWidgets.QHBoxLayout()
        head.addWidget(self._caption)
        head.addStretch(1)
        choose = theme.label(role="quiet", text=text("promise.choose"))
        choose.setBuddy(self._leads)
        head.addWidget(choose)
        head.addWidget(self._leads)
        diagram = _card()
        column = QtWidgets.QVBoxLayout(diagram)
        column.setContentsMargins(12, 8, 12, 8)
        column.setSpacing(6)
        column.addLayout(head)
        column.addWidget(self._summary)
        row = QtWidgets.QHBoxLayout()
        row.setSpacing(12)
        row.addWidget(self.chart, 1)
        side = QtWidgets.QVBoxLayout()
        side.addWidget(self._levels)
        side.addStretch(1)
        self._levels.setFixedWidth(190)
        row.addLayout(side)
        column.addLayout(row, 1)
        column.addWidget(self._about)
        errors = _card()
        below = QtWidgets.QVBoxLayout(errors)
        below.setContentsMargins(12, 8, 12, 8)
        below.setSpacing(6)
        below.addWidget(theme.label(bold=True, text=text("promise.errors")))
        below.addWidget(self._errors)
        below.addWidget(about_errors)
        body = QtWidgets.QHBoxLayout(self)
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(10)
        body.addWidget(diagram, 5)
        right = QtWidgets.QVBoxLayout()
        right.setSpacing(10)
        right.addWidget(errors)
        right.addWidget(self.calibration, 1)
        body.addLayout(right, 4)

    def set_palette(self, palette: Palette) -> None:
        """Take new colours."""
        for part in (self.chart, self.calibration):
            part.set_palette(palette)

    def show_view(self, view: PromiseView, learned: CalibrationView) -> None:
        """Show a view, and what was learned of hours that came true."""
        self.calibration.show_view(learned)
        self._leads.clear()
        for number, name in view.leads:
            self._leads.addItem(name, number)
        self._leads.setCurrentIndex(self._leads.findData(view.lead))
        self._leads.setEnabled(bool(view.leads))
        self._caption.setText(view.caption)
        self._summary.setText(view.summary)
        off = any(line.off for line in view.levels)
        theme.paint(self._summary, "late" if off else "")
        self._about.setText(view.about)
        self._about.setVisible(not view.empty)
        self.chart.show_promises(view)
        mark = f" {SYMBOLS[Freshness.LATE]}"
        self._levels.show_lines(
            view.heads, [(f"{cells[0]}{mark if line.off else ''}", *cells[1:]) for line in view.levels for cells in [line.cells]]
        )
        self._errors.show_lines(view.error_heads, view.errors)


def _card() -> QtWidgets.QFrame:
    card = QtWidgets.QFrame()
    card.setProperty("role", "card")
    return card
