"""The monitoring view: scores against provisional and settled truth, errors by day, lead time and hour, and what was learned."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6 import QtCore, QtGui, QtWidgets

from app import theme
from app.axis import NameAxis, TimeAxis
from app.calibration_card import CalibrationCard
from app.chart import Chart, Legend
from app.empty import EmptyPage
from app.pane import Pane, Scene
from app.present import Comparison, MonitorView, ScoreLine, monitor_view
from app.theme import Palette
from app.translations import Language
from engine.domain import DAY


class BarChart(Chart):
    """Bars of the forecast under marks of what they are held against. `pointed` carries the words of the bar pointed at."""

    pointed = QtCore.Signal(str)

    def __init__(self, language: Language, palette: Palette, names: NameAxis | TimeAxis) -> None:
        self._bars = pg.BarGraphItem(x=[], height=[], width=1)
        self._marks = pg.PlotDataItem(connect="pairs")
        self._names = names
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
        everything = np.concatenate([shown.values[known], shown.reference[held]])
        self.plot.setYRange(0, 1.12 * float(everything.max(initial=0.0)) or 1.0, padding=0)
        self.plot.setXRange(middle[0] - 0.7 * step, middle[-1] + 0.7 * step, padding=0)
        if isinstance(self._names, NameAxis):
            self._names.set_names(shown.labels, every)

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


class MonitoringPane(Pane):
    """Table, three charts and the calibration of one consumer; or, with no scores, the reason."""

    def __init__(self, language: Language, palette: Palette) -> None:
        super().__init__()
        self._language = language
        text = language.text
        self._title = theme.label(1.55, bold=True)
        self._badges = theme.Badges()
        self._period = theme.label(role="quiet")
        self._legend = Legend((text("monitor.model"), text("monitor.reference")))
        self._table = ScoreTable(text("monitor.scores"))
        self._truth_head = text("monitor.truth")
        self._about = theme.label(0.92, role="quiet", text=text("monitor.about"))
        self._board = theme.label(0.92)
        for label in (self._title, self._period, self._about, self._board):
            label.setWordWrap(True)
        self.daily = BarChart(language, palette, TimeAxis(language))
        self.lead, self.hour = BarChart(language, palette, NameAxis()), BarChart(language, palette, NameAxis())
        self.calibration = CalibrationCard(language, palette)
        self._pages = QtWidgets.QStackedWidget()
        self._empty = EmptyPage()
        page = QtWidgets.QWidget()
        grid = QtWidgets.QGridLayout(page)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(10)
        grid.addWidget(self._table, 0, 0, 1, 2)
        grid.addWidget(self._about, 1, 0, 1, 2)
        grid.addWidget(self._board, 2, 0, 1, 2)
        self._captions = tuple(
            theme.label(bold=True, text=text(f"monitor.{key}", unit="MWh")) for key in ("daily", "lead", "hour")
        )
        for place, (chart, caption) in enumerate(zip((self.daily, self.lead, self.hour), self._captions, strict=True)):
            grid.addWidget(_card(chart, caption), 3 + place // 2, place % 2)
        grid.addWidget(self.calibration, 4, 1)
        for row in (3, 4):
            grid.setRowStretch(row, 1)
        for column in (0, 1):
            grid.setColumnStretch(column, 1)
        self._pages.addWidget(page)
        self._pages.addWidget(self._empty)
        top = QtWidgets.QHBoxLayout()
        top.addWidget(self._title, 1)
        top.addWidget(self._badges)
        line = QtWidgets.QHBoxLayout()
        line.addWidget(self._period, 1)
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
        for chart in (self.daily, self.lead, self.hour, self.calibration):
            chart.set_palette(palette)
        self._legend.set_samples(((palette.bar, "block"), (palette.ink, "bold")))

    def show_scene(self, scene: Scene) -> None:
        """Show how good the forecasts of the chosen consumer were."""
        self.show_view(monitor_view(scene.snapshot, scene.of, scene.engine, self._language, scene.now))

    def show_view(self, view: MonitorView) -> None:
        """Show a view."""
        self._title.setText(view.title)
        self._period.setText(view.period)
        self._badges.show_marks(view.marks)
        self._legend.setVisible(view.empty is None)
        if view.empty is not None:
            self._empty.show_reason(view.empty)
        self._pages.setCurrentIndex(0 if view.empty is None else 1)
        captions = (view.daily_caption, view.lead_caption, view.hour_caption)
        for chart, label, caption in zip((self.daily, self.lead, self.hour), self._captions, captions, strict=True):
            chart.setAccessibleName(caption)
            label.setText(caption)
        self.daily.setAccessibleDescription(view.summary)
        self.daily.show_bars(view.daily)
        self.lead.show_bars(view.lead)
        self.hour.show_bars(view.hour, every=3)
        self.calibration.show_view(view.calibration)
        self._board.setText(view.board)
        self._board.setVisible(bool(view.board))
        self._table.show_lines((self._truth_head, *view.heads), view.lines)


class ScoreTable(QtWidgets.QTableWidget):
    """Names to the left, numbers to the right; as high as its rows, and no column narrower than its words."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._heads: tuple[str, ...] = ()
        self.setAccessibleName(name)
        self.setFont(theme.font())
        self.setEditTriggers(QtWidgets.QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QtWidgets.QAbstractItemView.SelectionMode.NoSelection)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self.horizontalHeader().setHighlightSections(False)
        self.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.setVerticalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def show_lines(self, heads: tuple[str, ...], lines: tuple[ScoreLine, ...]) -> None:
        """Show other lines."""
        middle = QtCore.Qt.AlignmentFlag.AlignVCenter
        left, right = QtCore.Qt.AlignmentFlag.AlignLeft | middle, QtCore.Qt.AlignmentFlag.AlignRight | middle
        self._heads = heads
        self.setColumnCount(len(heads))
        self.setRowCount(len(lines))
        for column in range(len(heads)):
            item = QtWidgets.QTableWidgetItem()
            item.setTextAlignment(right if column else left)
            self.setHorizontalHeaderItem(column, item)
        for row, line in enumerate(lines):
            for column, cell in enumerate((line.name, *line.cells)):
                item = QtWidgets.QTableWidgetItem(cell)
                if column:
                    item.setTextAlignment(right)
                self.setItem(row, column, item)
        self._share_width()

    def resizeEvent(self, event: QtGui.QResizeEvent) -> None:
        """Share the new width."""
        super().resizeEvent(event)
        self._share_width()

    def _share_width(self) -> None:
        """Each column as wide as its words, and a share of what is left. Units go under their names where there is little room."""
        for between in (", ", "\n"):
            for column, head in enumerate(self._heads):
                self.horizontalHeaderItem(column).setText(head.replace(", ", between))
            needed = [max(self.sizeHintForColumn(i), self._head_width(i)) for i in range(len(self._heads))]
            spare = self.viewport().width() - sum(needed)
            if spare >= 0:
                break
        more, count = max(0, spare), len(needed)
        for i, width in enumerate(needed):
            self.setColumnWidth(i, width + more * (i + 1) // count - more * i // count)
        bar = self.horizontalScrollBar().sizeHint().height() if spare < 0 else 0
        rows = sum(self.rowHeight(row) for row in range(self.rowCount()))
        self.setFixedHeight(self.horizontalHeader().sizeHint().height() + rows + 2 * self.frameWidth() + bar)

    def _head_width(self, column: int) -> int:
        """Of the words and the room around them; Qt's own hint keeps room for an arrow to sort by."""
        lines = self.horizontalHeaderItem(column).text().split("\n")
        return max(map(self.fontMetrics().horizontalAdvance, lines)) + theme.HEAD_PADDING


def _card(chart: BarChart, caption: QtWidgets.QLabel) -> QtWidgets.QFrame:
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
    line.addWidget(caption)
    line.addWidget(words, 1)
    column.addLayout(line)
    column.addWidget(chart, 1)
    return card
