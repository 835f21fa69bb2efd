"""A line in a chart that is drawn fast however many hours it has, and however it is dashed."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6 import QtCore, QtGui

from app.bands import HourlyItem, decimate, runs
from engine import features
from engine.domain import FloatArray

#: Points drawn in one stroke: Qt's time for one grows faster than its size.
CHUNK = 64
#: More hours than this in sight are drawn by days: as the mean of each.
MOST_POINTS = 1000
_DAY_POINTS = 24
#: How much of the line's colour the range has.
_SHADE = 0.22


class LineItem(HourlyItem):
    """A line through points; where values are NaN it is broken. One that is `shaded` shows the range of its days where it is long."""

    def __init__(self, shaded: bool = False) -> None:
        super().__init__()
        self._shaded = shaded
        self._pen = QtGui.QPen()
        self.set_data(np.empty(0), np.empty(0))

    def set_pen(self, colour: str, width: int = 1, style: QtCore.Qt.PenStyle = QtCore.Qt.PenStyle.SolidLine) -> None:
        """Draw with another pen, its width in pixels."""
        self._pen = QtGui.QPen(QtGui.QColor(colour), width, style)
        self.update()

    def set_data(self, x: FloatArray, y: FloatArray) -> None:
        """Show a line through these points, `x` ascending."""
        self._y = y
        self._cover(x, y, y)

    def paint(self, painter: QtGui.QPainter, *_: object) -> None:
        """Draw the visible stretch in pixels, so that the pen is not stretched."""
        seen = self._in_sight()
        x, y = self._x[seen], self._y[seen]
        painter.save()
        to_pixels = painter.transform()
        painter.resetTransform()
        painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
        pen = QtGui.QPen(self._pen)
        if len(x) > MOST_POINTS:
            groups = min(MOST_POINTS, len(x) // _DAY_POINTS)
            if self._shaded:
                self._paint_range(painter, to_pixels, *decimate(x, y, y, groups))
            x, y = _means(x, y, groups)
            pen.setWidth(1)
        painter.setPen(pen)
        px, py = _place(to_pixels, x, y)
        for start, end in runs(np.isfinite(y)):
            for a in range(start, end - 1, CHUNK):
                b = min(end, a + CHUNK + 1)
                painter.drawPolyline(pg.functions.arrayToQPolygonF(px[a:b], py[a:b]))
        painter.restore()

    def _paint_range(
        self, painter: QtGui.QPainter, to_pixels: QtGui.QTransform, x: FloatArray, low: FloatArray, high: FloatArray
    ) -> None:
        """Shade from the lowest to the highest of each group."""
        shade = QtGui.QColor(self._pen.color())
        shade.setAlphaF(_SHADE)
        painter.setPen(QtCore.Qt.PenStyle.NoPen)
        painter.setBrush(shade)
        (px, bottom), (_, top) = _place(to_pixels, x, low), _place(to_pixels, x, high)
        for start, end in runs(np.isfinite(low)):
            around_x = np.concatenate([px[start:end], px[start:end][::-1]])
            around_y = np.concatenate([top[start:end], bottom[start:end][::-1]])
            painter.drawPolygon(pg.functions.arrayToQPolygonF(around_x, around_y))


def _means(x: FloatArray, y: FloatArray, groups: int) -> tuple[FloatArray, FloatArray]:
    """First time of each group of at least as many points as make `groups`, and the mean of what is known in it."""
    size = -(-len(x) // groups)
    rows = np.pad(y, (0, -len(y) % size), constant_values=np.nan).reshape(-1, size)
    return x[::size], features.mean(rows, axis=1)


def _place(to_pixels: QtGui.QTransform, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    return to_pixels.m11() * x + to_pixels.dx(), to_pixels.m22() * y + to_pixels.dy()
