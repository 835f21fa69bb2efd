"""A card that holds a chart under its caption, with the words of what is pointed at."""

from __future__ import annotations

from PySide6 import QtCore, QtWidgets

from app import theme
from app.bar_chart import BarChart
from app.day_chart import DayPlot
from app.heat_map import HeatView


def chart_card(
    chart: BarChart | DayPlot | HeatView, caption: QtWidgets.QLabel, beside: QtWidgets.QWidget | None = None
) -> QtWidgets.QFrame:
    """The card; `beside` stands under the chart, at the right."""
    card = QtWidgets.QFrame()
    card.setProperty("role", "card")
    column = QtWidgets.QVBoxLayout(card)
    column.setContentsMargins(12, 8, 12, 6)
    column.setSpacing(4)
    words = theme.label(0.92, role="quiet")
    words.setSizePolicy(QtWidgets.QSizePolicy.Policy.Ignored, QtWidgets.QSizePolicy.Policy.Preferred)
    chart.pointed.connect(words.setText)
    line = QtWidgets.QHBoxLayout()
    line.addWidget(caption)
    column.addLayout(line)
    column.addWidget(chart, 1)
    if beside is None:
        words.setAlignment(QtCore.Qt.AlignmentFlag.AlignRight)
        line.addWidget(words, 1)
    else:
        foot = QtWidgets.QHBoxLayout()
        foot.addWidget(words, 1)
        foot.addWidget(beside)
        column.addLayout(foot)
    return card
