"""The reliability diagram: how often load was at or below each level, beside what the level promises and what chance explains."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg

from app.chart import Chart
from app.present import PromiseView
from app.theme import Palette
from app.translations import Language


class ReliabilityPlot(Chart):
    """Levels in percent to the right, shares seen upwards; dots on the diagonal keep their promise, bars are 95 % of chance."""

    def __init__(self, language: Language, palette: Palette) -> None:
        self._diagonal = pg.PlotDataItem([0, 100], [0, 100])
        self._bars = pg.PlotDataItem(connect="pairs")
        self._dots = pg.ScatterPlotItem(symbol="o", size=8)
        self._off = pg.ScatterPlotItem(symbol="t1", size=11)
        super().__init__(language, _LevelAxis(), palette)
        for item in (self._diagonal, self._bars, self._dots, self._off):
            self.plot.addItem(item)
        self.plot.setXRange(0, 100, padding=0)
        self.plot.setYRange(0, 100, padding=0)

    def set_palette(self, palette: Palette) -> None:
        """Take new colours."""
        super().set_palette(palette)
        self._diagonal.setPen(pg.mkPen(palette.reference))
        self._bars.setPen(pg.mkPen(palette.median, width=2))
        self._dots.setBrush(pg.mkBrush(palette.ink))
        self._dots.setPen(pg.mkPen(palette.surface))
        self._off.setBrush(pg.mkBrush(palette.late))
        self._off.setPen(pg.mkPen(palette.surface))

    def show_promises(self, view: PromiseView) -> None:
        """Draw the levels of a view."""
        self.setAccessibleName(view.caption)
        self.setAccessibleDescription(view.summary)
        nominal, seen, reach = np.array([(line.nominal, line.seen, line.reach) for line in view.levels], float).T
        off = np.array([line.off for line in view.levels], bool)
        told = np.isfinite(reach)
        ends = np.repeat(nominal[told], 2)
        self._bars.setData(ends, np.clip(ends + np.repeat(reach[told], 2) * np.tile([-1, 1], int(told.sum())), 0, 100))
        known = np.isfinite(seen)
        self._dots.setData(nominal[known & ~off], seen[known & ~off])
        self._off.setData(nominal[off], seen[off])


class _LevelAxis(pg.AxisItem):  # type: ignore[misc]
    """Levels as they are called."""

    def __init__(self) -> None:
        super().__init__("bottom")
        self.setTicks([[(level, f"P{level:02d}") for level in (10, 25, 50, 75, 90)]])
