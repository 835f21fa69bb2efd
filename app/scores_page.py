"""A page of the monitoring view: scores against provisional and settled truth, and errors by day, lead time and hour."""

from __future__ import annotations

from PySide6 import QtWidgets

from app import theme
from app.axis import NameAxis, TimeAxis
from app.bar_chart import BarChart
from app.chart import Legend
from app.chart_card import chart_card
from app.present import MonitorView
from app.score_table import ScoreTable
from app.theme import Palette
from app.translations import Language


class ScoresPage(QtWidgets.QWidget):
    """A table and three charts of one consumer."""

    def __init__(self, language: Language, palette: Palette) -> None:
        super().__init__()
        text = language.text
        self._truth_head = text("monitor.truth")
        self._table = ScoreTable(text("monitor.scores"))
        self._legend = Legend((text("monitor.model"), text("monitor.reference")))
        about = theme.label(0.92, role="quiet", text=text("monitor.about"))
        self._board = theme.label(0.92)
        for label in (about, self._board):
            label.setWordWrap(True)
        self.daily = BarChart(language, palette, TimeAxis(language))
        self.lead, self.hour = BarChart(language, palette, NameAxis()), BarChart(language, palette, NameAxis())
        self._captions = tuple(
            theme.label(bold=True, text=text(f"monitor.{key}", unit="MWh")) for key in ("daily", "lead", "hour")
        )
        grid = QtWidgets.QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(10)
        grid.addWidget(self._table, 0, 0, 1, 2)
        line = QtWidgets.QHBoxLayout()
        line.addWidget(about, 1)
        line.addWidget(self._legend)
        grid.addLayout(line, 1, 0, 1, 2)
        grid.addWidget(self._board, 2, 0, 1, 2)
        for place, (chart, caption) in enumerate(zip((self.daily, self.lead, self.hour), self._captions, strict=True)):
            grid.addWidget(chart_card(chart, caption), *((3, 0, 1, 2), (4, 0, 1, 1), (4, 1, 1, 1))[place])
        for row in (3, 4):
            grid.setRowStretch(row, 1)
        for column in (0, 1):
            grid.setColumnStretch(column, 1)

    def set_palette(self, palette: Palette) -> None:
        """Take new colours."""
        for chart in (self.daily, self.lead, self.hour):
            chart.set_palette(palette)
        self._legend.set_samples(((palette.bar, "block"), (palette.ink, "bold")))

    def show_view(self, view: MonitorView) -> None:
        """Show a view."""
        captions = (view.daily_caption, view.lead_caption, view.hour_caption)
        for chart, label, caption in zip((self.daily, self.lead, self.hour), self._captions, captions, strict=True):
            chart.setAccessibleName(caption)
            label.setText(caption)
        self.daily.setAccessibleDescription(view.summary)
        for chart, shown in ((self.lead, view.lead), (self.hour, view.hour)):
            chart.setAccessibleDescription(". ".join(shown.texts))
        self.daily.show_bars(view.daily)
        self.lead.show_bars(view.lead)
        self.hour.show_bars(view.hour, every=3)
        self._board.setText(view.board)
        self._board.setVisible(bool(view.board))
        self._table.show_lines((self._truth_head, *view.heads), [(line.name, *line.cells) for line in view.lines])
