"""A page of the monitoring view: whether forecasts are as good as usual, at a glance."""

from __future__ import annotations

import numpy as np
from PySide6 import QtWidgets

from app import theme
from app.axis import TimeAxis
from app.bar_chart import BarChart
from app.chart import Legend
from app.chart_card import chart_card
from app.day_chart import DayPlot
from app.present import QualityView
from app.present.quality import Card
from app.theme import SYMBOLS, Palette
from app.translations import Language
from engine.domain import Freshness

#: Cards there is room for.
_CARDS = 5


class FigureCard(QtWidgets.QFrame):
    """A figure under its name, and what to make of it; a symbol and a colour where it is not as it should be."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self._name, self._figure, self._words = theme.label(0.92, role="quiet"), theme.label(1.5, bold=True), theme.label(0.92)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 8)
        column.setSpacing(2)
        for label in (self._name, self._figure, self._words):
            label.setWordWrap(True)
            column.addWidget(label)
        column.addStretch(1)

    def show_card(self, card: Card) -> None:
        """Show another."""
        off = card.state == "off"
        self._name.setText(card.name)
        self._figure.setText(card.figure)
        self._words.setText(f"{SYMBOLS[Freshness.LATE]} {card.words}" if off else card.words)
        theme.paint(self._words, "late" if off else "quiet" if card.state == "unknown" else "")
        self.setAccessibleName(f"{card.name}: {card.figure}. {card.words}")


class StatePage(QtWidgets.QWidget):
    """Cards over the control chart, skill, and expected errors beside those that came."""

    def __init__(self, language: Language, palette: Palette) -> None:
        super().__init__()
        text = language.text
        self._palette, self._operator = palette, False
        self._cards = [FigureCard() for _ in range(_CARDS)]
        self.control = DayPlot(language, palette, lines=3, against_zero=False)
        self.skill = DayPlot(language, palette, lines=2, against_zero=True)
        self.expected = BarChart(language, palette, TimeAxis(language))
        self._captions = tuple(theme.label(bold=True) for _ in range(3))
        self._legends = (
            Legend((text("quality.wape"), text("quality.usual_line"), text("quality.limit"), text("quality.in_drift"))),
            Legend((text("quality.naive"), text("quality.tso"))),
            Legend((text("quality.came"), text("quality.was_expected"))),
        )
        cards = QtWidgets.QHBoxLayout()
        cards.setSpacing(10)
        for card in self._cards:
            cards.addWidget(card, 1)
        grid = QtWidgets.QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(10)
        grid.addLayout(cards, 0, 0, 1, 2)
        charts = zip((self.control, self.skill, self.expected), self._captions, self._legends, strict=True)
        for place, (chart, caption, legend) in zip(((1, 0, 1, 2), (2, 0, 1, 1), (2, 1, 1, 1)), charts, strict=True):
            grid.addWidget(chart_card(chart, caption, legend), *place)
        grid.setRowStretch(1, 6)
        grid.setRowStretch(2, 5)
        for column in (0, 1):
            grid.setColumnStretch(column, 1)

    def set_palette(self, palette: Palette) -> None:
        """Take new colours."""
        for chart in (self.control, self.skill, self.expected):
            chart.set_palette(palette)
        self._palette = palette
        control, _, expected = self._legends
        control.set_samples(((palette.ink, "bold"), (palette.bands[0], "block"), (palette.quiet, "line"), (palette.late, "up")))
        self._paint_skill()
        expected.set_samples(((palette.bar, "block"), (palette.ink, "bold")))

    def _paint_skill(self) -> None:
        """The grid operator has a sample where it has a curve."""
        operator = (self._palette.median, "dashes") if self._operator else None
        self._legends[1].set_samples(((self._palette.ink, "bold"), operator))

    def show_view(self, view: QualityView) -> None:
        """Show a view."""
        for i, card in enumerate(self._cards):
            card.setVisible(i < len(view.cards))
            if i < len(view.cards):
                card.show_card(view.cards[i])
        self.control.show_chart(view.control)
        self.skill.show_chart(view.skill)
        self._operator = bool(np.isfinite(view.skill.lines[1].value).any())
        self._paint_skill()
        self.expected.show_bars(view.expected)
        self.expected.setAccessibleName(view.expected_caption)
        self.expected.setAccessibleDescription(view.expected_summary)
        for label, caption in zip(self._captions, (view.control.caption, view.skill.caption, view.expected_caption), strict=True):
            label.setText(caption)
