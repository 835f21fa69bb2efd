"""The head of the forecast view: whose forecast it is, how it was made and when, and how old the load is."""

from __future__ import annotations

from PySide6 import QtWidgets

from app import theme
from app.present import ForecastView
from engine.domain import Freshness


class ForecastHeader(QtWidgets.QWidget):
    """Title, marks, tier, issue and model in two lines, and under them what is not as usual."""

    def __init__(self) -> None:
        super().__init__()
        self._title, self._badges = theme.label(1.55, bold=True), theme.Badges()
        self._tier, self._issued, self._state = theme.label(bold=True), theme.label(), theme.label()
        self._model = theme.label(role="quiet")
        self._reason, self._measured = theme.label(role="late"), theme.label()
        self._measure = theme.label(0.92, role="quiet")
        top = QtWidgets.QHBoxLayout()
        top.addWidget(self._title, 1)
        top.addWidget(self._badges)
        line = QtWidgets.QHBoxLayout()
        line.setSpacing(18)
        for label in (self._tier, self._issued, self._state, self._model):
            line.addWidget(label)
        line.addStretch(1)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(top)
        column.addLayout(line)
        for label in (self._reason, self._measured, self._measure):
            column.addWidget(label)
        for label in (self._title, self._reason, self._measured, self._measure):
            label.setWordWrap(True)

    def show_view(self, view: ForecastView) -> None:
        """Show a view."""
        self._title.setText(view.title)
        self._badges.show_marks(view.marks)
        self._tier.setText(view.tier)
        theme.paint(self._tier, "late" if view.reduced else "")
        self._issued.setText(view.issued)
        self._state.setText(f"{theme.SYMBOLS[view.issue_freshness]} {view.issue_state}")
        theme.paint(self._state, theme.role_of(view.issue_freshness))
        self._state.setVisible(bool(view.issued))
        self._model.setText(view.model)
        self._reason.setText(f"{theme.SYMBOLS[Freshness.LATE]} {view.tier_reason}")
        self._reason.setVisible(bool(view.tier_reason))
        state = view.load_freshness
        late = state in (Freshness.LATE, Freshness.STALE)
        self._measured.setText(f"{theme.SYMBOLS[state]} {view.measured}" if state and late else view.measured)
        theme.paint(self._measured, theme.role_of(state) if state and late else "")
        self._measured.setVisible(bool(view.measured))
        self._measure.setText(view.measure)
