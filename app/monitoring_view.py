"""The monitoring view: errors by day, lead time and hour, coverage, and the scores against provisional and settled truth."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6 import QtCore, QtGui, QtWidgets

from app import theme
from app.axis import NameAxis, TimeAxis
from app.chart import Chart, Legend
from app.empty import EmptyPage
from app.present import Comparison, MonitorView, ScoreLine
from app.theme import Palette
from app.translations import Language
from engine.domain import DAY


class BarChart(Chart):
    """Bars of the forecast under marks of what they are held against. `pointed` carries the words of the bar pointed at."""

    pointed = QtCore.Signal(str)

    def __init__(self, language: Language, palette: Palette, names: NameAxis | TimeAxis, top: float | None = None) -> None:
        self._bars = pg.BarGraphItem(x=[], height=[], width=1)
        self._marks = pg.PlotDataItem(connect="pairs")
        self._tops: list[pg.TextItem] = []
        self._names = names
        self._top = top
        self._shown: Comparison | None = None
        self._palette = palette
        self._at = -1
        super().__init__(language, names, palette)
        self.plot.addItem(self._bars)
        self.plot.addItem(self._marks)
        self.scene().sigMouseMoved.connect(self._moved)

    def set_palette(self, palette: Palette) -> None:
        """Take new colours."""
        super().set_palette(palette)
        self._palette = palette
        self._bars.setOpts(brush=pg.mkBrush(palette.bar), pen=pg.mkPen(None))
        self._marks.setPen(pg.mkPen(palette.ink, width=2))
        for top in self._tops:
            top.setColor(palette.ink)

    def show_bars(self, shown: Comparison, every: int = 1) -> None:
        """Draw; NaN draws nothing. Every `every`-th name is written."""
        self._shown = shown
        is_time = not shown.labels
        step = DAY if is_time else 1.0
        middle = shown.at + (DAY / 2 if is_time else 0.0)
        known = np.isfinite(shown.values)
        self._bars.setOpts(x=middle[known], height=shown.values[known], width=(0.66 if len(shown.at) > 4 else 0.4) * step)
        held = np.isfinite(shown.reference)
        ends = np.repeat(middle[held], 2) + np.tile([-0.4 * step, 0.4 * step], int(held.sum()))
        self._marks.setData(ends, np.repeat(shown.reference[held], 2))
        everything = np.concatenate([shown.values[known], shown.reference[held], [1.0]])
        top = self._top or 1.12 * float(everything.max())
        self.plot.setYRange(0, top, padding=0)
        self.plot.setXRange(middle[0] - 0.7 * step, middle[-1] + 0.7 * step, padding=0)
        if isinstance(self._names, NameAxis):
            self._names.set_names(shown.labels, every)
        self._write_tops(shown, middle)

    def _write_tops(self, shown: Comparison, middle: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
        while len(self._tops) < len(shown.tops):
            self._tops.append(pg.TextItem(color=self._palette.ink, anchor=(0.5, 1.0)))
            self._tops[-1].setFont(theme.font(0.92))
            self.plot.addItem(self._tops[-1])
        for item, words, x, value, mark in zip(self._tops, shown.tops, middle, shown.values, shown.reference, strict=False):
            item.setText(words)
            item.setPos(x, np.fmax(value, mark))

    def _moved(self, position: QtCore.QPointF) -> None:
        box = self.plot.getViewBox()
        if self._shown is not None and box.sceneBoundingRect().contains(position):
            x = box.mapSceneToView(position).x()
            self._point_at(int(np.searchsorted(self._shown.at, x if not self._shown.labels else x + 0.5, side="right")) - 1)

    def _point_at(self, index: int) -> None:
        if self._shown is not None and 0 <= index < len(self._shown.texts):
            self._at = index
            self.pointed.emit(self._shown.texts[index])

    def leaveEvent(self, event: QtCore.QEvent) -> None:
        """Nothing is pointed at."""
        self._at = -1
        self.pointed.emit("")
        super().leaveEvent(event)

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:
        """Point at the bar before or after."""
        step = {QtCore.Qt.Key.Key_Left: -1, QtCore.Qt.Key.Key_Right: 1}.get(QtCore.Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
        else:
            self._point_at(max(0, self._at + step))


class MonitoringPane(QtWidgets.QWidget):
    """Table and four charts of one area; or, with no scores, the reason."""

    def __init__(self, language: Language, palette: Palette) -> None:
        super().__init__()
        text = language.text
        self._title = theme.label(1.55, bold=True)
        self._badges = theme.Badges()
        self._period = theme.label(role="quiet")
        self._legend = Legend((text("monitor.model"), f"{text('monitor.reference')} / {text('monitor.nominal').lower()}"))
        self._table = _score_table(text("monitor.scores"))
        self._truth_head = text("monitor.truth")
        self._about = theme.label(0.92, role="quiet", text=text("monitor.about"))
        self._about.setWordWrap(True)
        self.daily = BarChart(language, palette, TimeAxis(language))
        self.lead, self.hour = BarChart(language, palette, NameAxis()), BarChart(language, palette, NameAxis())
        self.coverage = BarChart(language, palette, NameAxis(), top=112)
        self._pages = QtWidgets.QStackedWidget()
        self._empty = EmptyPage()
        page = QtWidgets.QWidget()
        grid = QtWidgets.QGridLayout(page)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(10)
        grid.addWidget(self._table, 0, 0, 1, 2)
        grid.addWidget(self._about, 1, 0, 1, 2)
        for place, (chart, key) in enumerate(
            ((self.daily, "daily"), (self.lead, "lead"), (self.hour, "hour"), (self.coverage, "coverage"))
        ):
            chart.setAccessibleName(text(f"monitor.{key}"))
            grid.addWidget(_card(chart, text(f"monitor.{key}")), 2 + place // 2, place % 2)
        for row in (2, 3):
            grid.setRowStretch(row, 1)
        for column in (0, 1):
            grid.setColumnStretch(column, 1)
        self._pages.addWidget(page)
        self._pages.addWidget(self._empty)
        top = QtWidgets.QHBoxLayout()
        top.addWidget(self._title)
        top.addStretch(1)
        top.addWidget(self._badges)
        line = QtWidgets.QHBoxLayout()
        line.addWidget(self._period)
        line.addStretch(1)
        line.addWidget(self._legend)
        stack = QtWidgets.QVBoxLayout(self)
        stack.setContentsMargins(0, 0, 0, 0)
        stack.setSpacing(6)
        stack.addLayout(top)
        stack.addLayout(line)
        stack.addWidget(self._pages, 1)
        self.set_palette(palette)

    def set_palette(self, palette: Palette) -> None:
        """Take new colours."""
        for chart in (self.daily, self.lead, self.hour, self.coverage):
            chart.set_palette(palette)
        self._legend.set_samples(((palette.bar, "block"), (palette.ink, "bold")))

    def show_view(self, view: MonitorView) -> None:
        """Show a view."""
        self._title.setText(view.title)
        self._period.setText(view.period)
        self._badges.show_marks(view.marks)
        self._legend.setVisible(view.empty is None)
        if view.empty is not None:
            self._empty.show_reason(view.empty)
        self._pages.setCurrentIndex(0 if view.empty is None else 1)
        self.daily.setAccessibleDescription(view.summary)
        self.daily.show_bars(view.daily)
        self.lead.show_bars(view.lead)
        self.hour.show_bars(view.hour, every=3)
        self.coverage.show_bars(view.coverage)
        _fill(self._table, (self._truth_head, *view.heads), view.lines)


def _score_table(name: str) -> QtWidgets.QTableWidget:
    table = QtWidgets.QTableWidget()
    table.setAccessibleName(name)
    table.setFont(theme.font())
    table.setEditTriggers(QtWidgets.QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionMode(QtWidgets.QAbstractItemView.SelectionMode.NoSelection)
    table.setShowGrid(False)
    table.setTabKeyNavigation(False)
    table.verticalHeader().hide()
    table.horizontalHeader().setHighlightSections(False)
    table.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAsNeeded)
    table.setVerticalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    return table


def _fill(table: QtWidgets.QTableWidget, heads: tuple[str, ...], lines: tuple[ScoreLine, ...]) -> None:
    """Names to the left, numbers to the right; as high as its rows."""
    middle = QtCore.Qt.AlignmentFlag.AlignVCenter
    left, right = QtCore.Qt.AlignmentFlag.AlignLeft | middle, QtCore.Qt.AlignmentFlag.AlignRight | middle
    table.setColumnCount(len(heads))
    table.setRowCount(len(lines))
    for column, head in enumerate(heads):
        item = QtWidgets.QTableWidgetItem(head)
        item.setTextAlignment(right if column else left)
        table.setHorizontalHeaderItem(column, item)
    for row, line in enumerate(lines):
        for column, cell in enumerate((line.name, *line.cells)):
            item = QtWidgets.QTableWidgetItem(cell)
            if column:
                item.setTextAlignment(right)
            table.setItem(row, column, item)
    modes = QtWidgets.QHeaderView.ResizeMode
    table.horizontalHeader().setSectionResizeMode(modes.Stretch)
    table.horizontalHeader().setSectionResizeMode(0, modes.ResizeToContents)
    rows = sum(table.rowHeight(row) for row in range(len(lines)))
    table.setFixedHeight(table.horizontalHeader().sizeHint().height() + rows + 2 * table.frameWidth())


def _card(chart: BarChart, caption: str) -> QtWidgets.QFrame:
    """A chart under its caption, with the words of the bar that is pointed at."""
    card = QtWidgets.QFrame()
    card.setProperty("role", "card")
    column = QtWidgets.QVBoxLayout(card)
    column.setContentsMargins(12, 8, 12, 6)
    column.setSpacing(4)
    words = theme.label(0.92, role="quiet")
    words.setAlignment(QtCore.Qt.AlignmentFlag.AlignRight)
    words.setSizePolicy(QtWidgets.QSizePolicy.Policy.Ignored, QtWidgets.QSizePolicy.Policy.Preferred)
    chart.pointed.connect(words.setText)
    line = QtWidgets.QHBoxLayout()
    line.addWidget(theme.label(bold=True, text=caption))
    line.addWidget(words, 1)
    column.addLayout(line)
    column.addWidget(chart, 1)
    return card
