"""The weather under a forecast: thin rows on the time axis of the chart above."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6 import QtCore, QtGui

from app import theme
from app.axis import TimeAxis
from app.bands import decimate, runs
from app.chart import Chart
from app.present import WeatherRow, WeatherView
from app.theme import Palette
from app.translations import Language
from engine.domain import FloatArray

HEIGHT_PX = 112
#: Share of a row that is left empty above, for its name, and below the curve.
_ABOVE, _BELOW = 0.36, 0.10
_MOST_POINTS = 1500


class _Rows(pg.GraphicsObject):  # type: ignore[misc]
    """Curves in rows of equal height, solid where the weather has been and dashed where it was a forecast."""

    def __init__(self, language: Language) -> None:
        super().__init__()
        self._language = language
        self._view: WeatherView | None = None
        self._palette: Palette | None = None
        self._spans: tuple[tuple[float, float], ...] = ()

    def show_view(self, view: WeatherView | None, palette: Palette, spans: tuple[tuple[float, float], ...]) -> None:
        """Draw weather, each row from its lowest to its highest value."""
        self.prepareGeometryChange()
        self._view, self._palette, self._spans = view, palette, spans
        self.update()

    def boundingRect(self) -> QtCore.QRectF:
        """Everything visible, for names keep to its left edge."""
        box = self.getViewBox()
        return box.viewRect() if self._view is not None and box is not None else QtCore.QRectF()

    def viewRangeChanged(self) -> None:
        """Another stretch became visible."""
        self.prepareGeometryChange()
        self.update()

    def paint(self, painter: QtGui.QPainter, *_: object) -> None:
        """Draw in pixels, so that words and hatching are not stretched."""
        if self._view is None or self._palette is None:
            return
        seen = self.boundingRect()
        place = painter.transform().mapRect(seen)
        painter.save()
        painter.resetTransform()
        painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font(0.85))
        high = place.height() / len(self._view.rows)
        for number, row in enumerate(self._view.rows):
            box = QtCore.QRectF(place.left(), place.top() + number * high, place.width(), high)
            self._paint_row(painter, row, self._spans[number], box, (seen.left(), seen.right()))
        painter.restore()

    def _paint_row(
        self,
        painter: QtGui.QPainter,
        row: WeatherRow,
        span: tuple[float, float],
        box: QtCore.QRectF,
        seen: tuple[float, float],
    ) -> None:
        view, palette = self._view, self._palette
        left, right = seen
        assert view is not None
        assert palette is not None
        second_px = box.width() / (right - left)

        def x_of(time: FloatArray) -> FloatArray:
            return box.left() + (time - left) * second_px

        first, last = (int(np.searchsorted(view.time, t)) for t in (left, right))
        time, value = view.time[max(0, first - 1) : last + 1], row.value[max(0, first - 1) : last + 1]
        known = np.isfinite(value)
        painter.setPen(QtCore.Qt.PenStyle.NoPen)
        painter.setBrush(QtGui.QBrush(QtGui.QColor(palette.rule), QtCore.Qt.BrushStyle.BDiagPattern))
        for start, end in runs(~known):
            ends = x_of(np.array([time[start], time[min(end, len(time) - 1)]]))
            painter.drawRect(QtCore.QRectF(ends[0], box.top() + 2, ends[1] - ends[0], box.height() - 4))
        curve = (1 - _ABOVE - _BELOW) * box.height()
        y = box.bottom() - _BELOW * box.height() - curve * (value - span[0]) / (span[1] - span[0])
        painter.setBrush(QtCore.Qt.BrushStyle.NoBrush)
        cut = int(np.searchsorted(time, view.forecast_from))
        for start, end in runs(known):
            for a, b, style in (
                (start, min(end, cut + 1), QtCore.Qt.PenStyle.SolidLine),
                (max(start, cut), end, QtCore.Qt.PenStyle.DashLine),
            ):
                if b - a > 1:
                    painter.setPen(QtGui.QPen(QtGui.QColor(palette.median), 1, style))
                    painter.drawPolyline(_polyline(x_of(time[a:b]), y[a:b]))
        painter.setPen(QtGui.QColor(palette.grid))
        painter.drawLine(box.bottomLeft(), box.bottomRight())
        words = f"{row.name}, {row.unit}"
        ground = QtGui.QColor(palette.surface)
        ground.setAlphaF(0.8)
        metrics = painter.fontMetrics()
        painter.fillRect(
            QtCore.QRectF(box.left() + 4, box.top() + 1, metrics.horizontalAdvance(words) + 6, metrics.height()), ground
        )
        painter.setPen(QtGui.QColor(palette.quiet))
        painter.drawText(QtCore.QPointF(box.left() + 7, box.top() + metrics.ascent() + 1), words)


def _polyline(x: FloatArray, y: FloatArray) -> QtGui.QPolygonF:
    """Every point, or, of more than can be told apart, the lowest and highest of each group."""
    if len(x) > _MOST_POINTS:
        x, low, high = decimate(x, y, y, _MOST_POINTS // 2)
        x, y = np.repeat(x, 2), np.column_stack([low, high]).reshape(-1)
    return pg.functions.arrayToQPolygonF(x, y)


class _RowAxis(pg.AxisItem):  # type: ignore[misc]
    """Lowest and highest value of each row beside it."""

    def __init__(self, language: Language) -> None:
        super().__init__("left")
        self._language = language
        self.setWidth(52)

    def show_spans(self, spans: tuple[tuple[float, float], ...]) -> None:
        """Write them."""
        ticks = []
        for number, span in enumerate(reversed(spans)):
            ticks += [(number + at, self._language.number(value)) for at, value in zip((_BELOW, 1 - _ABOVE), span, strict=True)]
        self.setTicks([ticks])


class WeatherStrip(Chart):
    """Rows of weather; its time axis is that of `above` and needs no words."""

    def __init__(self, language: Language, palette: Palette, above: Chart) -> None:
        self._rows, self._axis = _Rows(language), _RowAxis(language)
        self._cursor = pg.InfiniteLine(angle=90)
        self._now = pg.InfiniteLine(angle=90)
        self._view: WeatherView | None = None
        super().__init__(language, TimeAxis(language), palette, left=self._axis)
        self.plot.hideAxis("bottom")
        self.plot.setYRange(0, 3, padding=0)
        for item in (self._rows, self._now, self._cursor):
            self.plot.addItem(item, ignoreBounds=True)
        self.plot.setXLink(above.plot)
        self.plot.getViewBox().sigXRangeChanged.connect(self._fit)
        self.setFixedHeight(HEIGHT_PX)
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.NoFocus)
        self._cursor.hide()

    def set_palette(self, palette: Palette) -> None:
        """Take new colours."""
        super().set_palette(palette)
        self.plot.getAxis("left").setGrid(False)
        self.plot.getAxis("left").setStyle(tickFont=theme.font(0.8))
        self._cursor.setPen(pg.mkPen(palette.quiet, style=QtCore.Qt.PenStyle.DotLine))
        self._now.setPen(pg.mkPen(palette.quiet))
        self._fit()

    def show_view(self, view: WeatherView | None, now: float) -> None:
        """Show other weather."""
        self._view = view
        self._now.setPos(now)
        self._fit()

    def _fit(self, *_: object) -> None:
        """Let every row follow what is in sight."""
        view, spans = self._view, ()
        if view is not None:
            seen = slice(*np.searchsorted(view.time, self.plot.viewRange()[0]))
            spans = tuple(row.span(seen) for row in view.rows)
        self._axis.show_spans(spans)
        self._rows.show_view(view, self._palette, spans)

    def show_time(self, time: float | None) -> None:
        """Mark the hour that is read out above, or none."""
        self._cursor.setVisible(time is not None)
        self._cursor.setPos(time or 0.0)
