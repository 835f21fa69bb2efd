"""A chart of daily figures: curves over days, a band of what is usual, and marks on days that must not be overlooked."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6 import QtCore, QtGui

from app.axis import TimeAxis
from app.bands import BandItem
from app.chart import Chart
from app.present import DayChart
from app.theme import Palette
from app.translations import Language
from engine.domain import DAY


class DayPlot(Chart):
    """Shows a `DayChart`: its first line strong, others quiet. `pointed` carries the words of the day pointed at, else the summary."""

    pointed = QtCore.Signal(str)

    def __init__(self, language: Language, palette: Palette, lines: int, against_zero: bool) -> None:
        self._band = BandItem()
        self._lines = [pg.PlotDataItem(connect="finite") for _ in range(lines)]
        self._marks = pg.ScatterPlotItem(symbol="t1", size=9)
        self._zero = pg.InfiniteLine(0.0, angle=0)
        self._cursor = pg.InfiniteLine(angle=90)
        self._shown: DayChart | None = None
        self._at = -1
        super().__init__(language, TimeAxis(language), palette)
        for item in (self._band, *reversed(self._lines), self._marks, self._cursor):
            self.plot.addItem(item)
        if against_zero:
            self.plot.addItem(self._zero)
        self._against_zero = against_zero
        self._cursor.hide()
        self.scene().sigMouseMoved.connect(self._moved)

    def set_palette(self, palette: Palette) -> None:
        """Take new colours."""
        super().set_palette(palette)
        self._band.set_colour(palette.bands[0])
        styles = (
            pg.mkPen(palette.ink, width=2),
            pg.mkPen(palette.median, width=1, style=QtCore.Qt.PenStyle.DashLine),
            pg.mkPen(palette.quiet, width=1),
        )
        for line, pen in zip(self._lines, styles, strict=False):
            line.setPen(pen)
        self._marks.setBrush(pg.mkBrush(palette.late))
        self._marks.setPen(pg.mkPen(palette.surface))
        self._zero.setPen(pg.mkPen(palette.reference))
        self._cursor.setPen(pg.mkPen(palette.quiet, style=QtCore.Qt.PenStyle.DotLine))

    def show_chart(self, shown: DayChart) -> None:
        """Draw another."""
        self._shown = shown
        self.setAccessibleName(shown.caption)
        self.setAccessibleDescription(shown.summary)
        self._band.set_data(shown.time, shown.low, shown.high)
        for item, line in zip(self._lines, shown.lines, strict=True):
            item.setData(shown.time, line.value)
        marked = list(shown.marked)
        self._marks.setData(shown.time[marked], shown.lines[0].value[marked])
        values = np.concatenate([*(line.value for line in shown.lines), shown.low, shown.high])
        values = values[np.isfinite(values)]
        self.set_empty(not len(values))
        if self._against_zero:
            values = np.append(values, 0.0)
        low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
        room = 0.15 * ((high - low) or 1.0)
        self.plot.setYRange(low - room, high + room, padding=0)
        known = np.flatnonzero(np.isfinite(np.vstack([line.value for line in shown.lines])).any(axis=0))
        first = shown.time[max(0, min(int(known[0]) if len(known) else len(shown.time), len(shown.time) - 28))]
        self.plot.setXRange(first - DAY, shown.time[-1] + DAY, padding=0)
        if self._at < 0:
            self.pointed.emit(shown.summary)

    def _moved(self, position: QtCore.QPointF) -> None:
        box = self.plot.getViewBox()
        if self._shown is not None and box.sceneBoundingRect().contains(position):
            self._point_at(int(np.searchsorted(self._shown.time + DAY / 2, box.mapSceneToView(position).x())))

    def _point_at(self, index: int) -> None:
        if self._shown is not None and 0 <= index < len(self._shown.texts):
            self._at = index
            self._cursor.setValue(self._shown.time[index])
            self._cursor.show()
            self.pointed.emit(self._shown.texts[index])

    def leaveEvent(self, event: QtCore.QEvent) -> None:
        """Nothing is pointed at."""
        self._at = -1
        self._cursor.hide()
        self.pointed.emit("" if self._shown is None else self._shown.summary)
        super().leaveEvent(event)

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:
        """Point at the day before or after; begin at the newest."""
        step = {QtCore.Qt.Key.Key_Left: -1, QtCore.Qt.Key.Key_Right: 1}.get(QtCore.Qt.Key(event.key()))
        if step is None or self._shown is None:
            super().keyPressEvent(event)
        else:
            last = len(self._shown.texts) - 1
            self._point_at(last if self._at < 0 else min(max(0, self._at + step), last))
