"""Bars under marks of what they are held against, with the words of the bar that is pointed at."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6 import QtCore, QtGui

from app.axis import NameAxis, TimeAxis
from app.chart import Chart
from app.present import Comparison
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
        self.set_empty(not len(everything))
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
