"""Areas in a chart: the filled band of an interval, drawn fast however many hours it has, and stretches of time, hatched or named."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from PySide6 import QtCore, QtGui

from app import theme
from engine.domain import FloatArray

#: Polygons of this many points: Qt's time to fill one grows faster than its size.
CHUNK = 64
#: More points than this cannot be told apart on a screen: they are drawn as lowest low and highest high of each group.
MOST_POINTS = 1200


def decimate(x: FloatArray, low: FloatArray, high: FloatArray, most: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """At most `most` points that cover the same area; a group of hours that are all NaN stays NaN."""
    group = -(-len(x) // most)
    if group <= 1:
        return x, low, high
    padding = (0, -len(x) % group)
    lows = np.pad(low, padding, constant_values=np.nan).reshape(-1, group)
    highs = np.pad(high, padding, constant_values=np.nan).reshape(-1, group)
    return x[::group], np.fmin.reduce(lows, axis=1), np.fmax.reduce(highs, axis=1)


def runs(known: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> list[tuple[int, int]]:
    """First and last-plus-one index of each unbroken stretch of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], known.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


class HourlyItem(pg.GraphicsObject):  # type: ignore[misc]
    """What is drawn over times that ascend, of which only those in sight are looked at."""

    def _cover(self, x: FloatArray, low: FloatArray, high: FloatArray) -> None:
        """Reach from the first to the last of `x` and over all that is known of `low` and `high`; draw again."""
        self.prepareGeometryChange()
        self._x = x
        known = np.isfinite(low) & np.isfinite(high)
        self._bounds = QtCore.QRectF()
        if known.any():
            bottom, top = float(low[known].min()), float(high[known].max())
            self._bounds = QtCore.QRectF(x[0], bottom, x[-1] - x[0], top - bottom)
        self.update()

    def _in_sight(self) -> slice:
        """The points in sight, and one more on either side."""
        (left, right), _range = self.getViewBox().viewRange()
        return slice(max(0, int(np.searchsorted(self._x, left)) - 1), int(np.searchsorted(self._x, right)) + 1)

    def boundingRect(self) -> QtCore.QRectF:
        """Extent in the chart's coordinates."""
        return self._bounds

    def viewTransformChanged(self) -> None:
        """Another stretch became visible."""
        self.update()


class BandItem(HourlyItem):
    """A filled band between two series; hours where either is NaN stay empty."""

    def __init__(self) -> None:
        super().__init__()
        self._brush = QtGui.QBrush()
        self.set_data(np.empty(0), np.empty(0), np.empty(0))

    def set_colour(self, colour: str) -> None:
        """Fill with a colour."""
        self._brush = QtGui.QBrush(QtGui.QColor(colour))
        self.update()

    def set_data(self, x: FloatArray, low: FloatArray, high: FloatArray) -> None:
        """Show the band of `low` to `high` at `x`, ascending."""
        self._low, self._high = low, high
        self._cover(x, low, high)

    def paint(self, painter: QtGui.QPainter, *_: object) -> None:
        """Draw the visible stretch."""
        seen = self._in_sight()
        x, low, high = decimate(self._x[seen], self._low[seen], self._high[seen], MOST_POINTS)
        painter.setPen(QtCore.Qt.PenStyle.NoPen)
        painter.setBrush(self._brush)
        painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing, False)
        for start, end in runs(np.isfinite(low) & np.isfinite(high)):
            for a in range(start, end - 1, CHUNK):
                b = min(end, a + CHUNK + 1)
                outline_x = np.concatenate([x[a:b], x[a:b][::-1]])
                outline_y = np.concatenate([high[a:b], low[a:b][::-1]])
                painter.drawPolygon(pg.functions.arrayToQPolygonF(outline_x, outline_y))


class HatchItem(pg.GraphicsObject):  # type: ignore[misc]
    """A hatched stretch of time over the whole height of the chart, with words in it, or before it where it is narrow.

    `line` is the line from the top the words stand on: stretches that may lie over each other have one each.
    """

    def __init__(self, line: int = 0) -> None:
        super().__init__()
        self._line = line
        self._colour = self._ink = QtGui.QColor()
        self._span: tuple[float, float] | None = None
        self._words = ""

    def set_colours(self, hatch: str, ink: str) -> None:
        """Colours of the lines and the words."""
        self._colour, self._ink = QtGui.QColor(hatch), QtGui.QColor(ink)
        self.update()

    def set_span(self, span: tuple[float, float] | None, words: str = "") -> None:
        """Hatch from the first to the second time, or nothing."""
        self.prepareGeometryChange()
        self._span, self._words = span, words
        self.update()

    def boundingRect(self) -> QtCore.QRectF:
        """Everything visible, for the words may stand outside the span."""
        box = self.getViewBox()
        return box.viewRect() if self._span is not None and box is not None else QtCore.QRectF()

    def viewRangeChanged(self) -> None:
        """Another stretch became visible."""
        self.prepareGeometryChange()
        self.update()

    def paint(self, painter: QtGui.QPainter, *_: object) -> None:
        """Draw in pixels: in the chart's coordinates the hatching would be stretched with them."""
        if self._span is None:
            return
        seen = self.boundingRect()
        first, last = max(self._span[0], seen.left()), min(self._span[1], seen.right())
        if first >= last:
            return
        box = painter.transform().mapRect(QtCore.QRectF(first, seen.top(), last - first, seen.height()))
        painter.save()
        painter.resetTransform()
        painter.fillRect(box, QtGui.QBrush(self._colour, QtCore.Qt.BrushStyle.BDiagPattern))
        if self._words:
            painter.setPen(self._ink)
            width = painter.fontMetrics().horizontalAdvance(self._words)
            inside = width + 12 < box.width()
            left = box.center().x() - width / 2 if inside else box.left() - width - 6
            height = painter.fontMetrics().height()
            painter.drawText(QtCore.QPointF(max(6.0, left), box.top() + (1.6 + 1.4 * self._line) * height), self._words)
        painter.restore()


class HeadItem(pg.GraphicsObject):  # type: ignore[misc]
    """Names of stretches of time in a row along the top of the chart, each over its stretch."""

    def __init__(self) -> None:
        super().__init__()
        self._ground = QtGui.QColor()
        self._stretches: tuple[tuple[float, float, tuple[str, ...], QtGui.QColor], ...] = ()

    def set_colour(self, ground: str) -> None:
        """Colour behind the names."""
        self._ground = QtGui.QColor(ground)
        self.update()

    def set_stretches(self, stretches: Sequence[tuple[float, float, tuple[str, ...], str]]) -> None:
        """Start, end, names from the longest to the shortest of which the first that fits is written, and its colour."""
        self.prepareGeometryChange()
        self._stretches = tuple((start, end, names, QtGui.QColor(ink)) for start, end, names, ink in stretches)
        self.update()

    def boundingRect(self) -> QtCore.QRectF:
        """Everything visible, for the row keeps to the top of it."""
        box = self.getViewBox()
        return box.viewRect() if self._stretches and box is not None else QtCore.QRectF()

    def viewRangeChanged(self) -> None:
        """Another stretch became visible."""
        self.prepareGeometryChange()
        self.update()

    def paint(self, painter: QtGui.QPainter, *_: object) -> None:
        """Draw in pixels, for words must not be stretched."""
        if not self._stretches:
            return
        seen = self.boundingRect()
        to_pixels = painter.transform()
        painter.save()
        painter.resetTransform()
        painter.setFont(theme.font(0.92, bold=True))
        metrics = painter.fontMetrics()
        for start, end, names, ink in self._stretches:
            first, last = max(start, seen.left()), min(end, seen.right())
            if first >= last:
                continue
            box = to_pixels.mapRect(QtCore.QRectF(first, seen.top(), last - first, seen.height()))
            row = QtCore.QRectF(box.left() + 1, box.top(), box.width() - 2, 1.7 * metrics.height())
            painter.fillRect(row, self._ground)
            name = next((name for name in names if metrics.horizontalAdvance(name) + 8 <= row.width()), "")
            painter.setPen(ink)
            painter.drawText(row, QtCore.Qt.AlignmentFlag.AlignCenter, name)
        painter.restore()
