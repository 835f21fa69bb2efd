"""A line in a chart that is drawn fast however many hours it has, and however it is dashed."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6 import QtCore, QtGui

from app.bands import decimate, runs
from engine.domain import FloatArray

#: Points drawn in one stroke: Qt's time for one grows faster than its size.
CHUNK = 64
#: More points than this in sight are drawn as lowest and highest of each group, and neither dashed nor wide: nobody could tell.
MOST_POINTS = 1000


class LineItem(pg.GraphicsObject):  # type: ignore[misc]
    """A line through points; where values are NaN it is broken."""

    def __init__(self) -> None:
        super().__init__()
        self._pen = QtGui.QPen()
        self.set_data(np.empty(0), np.empty(0))

    def set_pen(self, colour: str, width: int = 1, style: QtCore.Qt.PenStyle = QtCore.Qt.PenStyle.SolidLine) -> None:
        """Draw with another pen, its width in pixels."""
        self._pen = QtGui.QPen(QtGui.QColor(colour), width, style)
        self.update()

    def set_data(self, x: FloatArray, y: FloatArray) -> None:
        """Show a line through these points, `x` ascending."""
        self.prepareGeometryChange()
        self._x, self._y = x, y
        known = y[np.isfinite(y)]
        self._bounds = QtCore.QRectF()
        if len(known):
            low, high = float(known.min()), float(known.max())
            self._bounds = QtCore.QRectF(x[0], low, x[-1] - x[0], high - low)
        self.update()

    def boundingRect(self) -> QtCore.QRectF:
        """Extent in the chart's coordinates."""
        return self._bounds

    def viewTransformChanged(self) -> None:
        """Another stretch became visible."""
        self.update()

    def paint(self, painter: QtGui.QPainter, *_: object) -> None:
        """Draw the visible stretch in pixels, so that the pen is not stretched."""
        (left, right), _range = self.getViewBox().viewRange()
        first, last = max(0, int(np.searchsorted(self._x, left)) - 1), int(np.searchsorted(self._x, right)) + 1
        x, y = self._x[first:last], self._y[first:last]
        pen, dense = self._pen, len(x) > MOST_POINTS
        if dense:
            x, low, high = decimate(x, y, y, MOST_POINTS // 2)
            x, y = np.repeat(x, 2), np.column_stack([low, high]).reshape(-1)
            pen = QtGui.QPen(pen.color(), 1)
        to_pixels = painter.transform()
        painter.save()
        painter.resetTransform()
        painter.setPen(pen)
        painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing, not dense)
        px, py = to_pixels.m11() * x + to_pixels.dx(), to_pixels.m22() * y + to_pixels.dy()
        for start, end in runs(np.isfinite(y)):
            for a in range(start, end - 1, CHUNK):
                b = min(end, a + CHUNK + 1)
                painter.drawPolyline(pg.functions.arrayToQPolygonF(px[a:b], py[a:b]))
        painter.restore()
