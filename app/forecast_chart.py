"""The chart of a forecast: what was observed, what is forecast and how surely, and the hour that is looked at."""

from __future__ import annotations

import math

import numpy as np
import pyqtgraph as pg
from pyqtgraph.GraphicsScene.mouseEvents import MouseClickEvent
from PySide6 import QtCore, QtGui, QtWidgets

from app import theme
from app.axis import TimeAxis
from app.bands import BandItem, HatchItem, HeadItem
from app.chart import Chart
from app.lines import LineItem
from app.present import ForecastView, Part, ReadOut, time_range, value_range
from app.sheet import Overlay
from app.theme import Palette
from app.translations import Language
from engine import clock
from engine.domain import DAY, HOUR, Freshness


class ForecastChart(Chart):
    """The chart. The read-out follows the mouse, or the arrow keys; `pointed` carries its time, or None for now.

    `pinned` carries the start of the hour that was clicked or entered, or None where it was let go. `moved` tells that another
    stretch of time was brought into sight by hand.
    """

    pointed = QtCore.Signal(object)
    pinned = QtCore.Signal(object)
    moved = QtCore.Signal()

    def __init__(self, language: Language, palette: Palette) -> None:
        self._bands = (BandItem(), BandItem(), BandItem())
        self._unmeasured, self._gap, self._old, self._head = HatchItem(), HatchItem(), HatchItem(line=1), HeadItem()
        self._observed = LineItem(shaded=True)
        self._settled, self._bridge, self._median = (LineItem() for _ in range(3))
        self._naive, self._tso, self._newest, self._adjusted, self._overlay = (LineItem() for _ in range(5))
        self._now = pg.InfiniteLine(
            angle=90, label=language.text("forecast.now"), labelOpts={"position": 0.97, "anchors": [(0, 0.5), (0, 0.5)]}
        )
        self._until, self._cursor, self._pin = (pg.InfiniteLine(angle=90) for _ in range(3))
        self._issued = pg.InfiniteLine(
            angle=90,
            label=language.text("forecast.issued_here"),
            labelOpts={"position": 0.97, "anchors": [(1, 0.5), (1, 0.5)]},
        )
        self._limit = pg.InfiniteLine(angle=0, label=" ", labelOpts={"position": 0.02, "anchors": [(0, 1), (0, 1)]})
        self._point = pg.ScatterPlotItem(size=8)
        self._watermark = QtWidgets.QGraphicsSimpleTextItem()
        self._language = language
        self._view: ForecastView | None = None
        self._palette = palette
        self._follows_now = True
        self._days: int | None = None
        self._laid: Overlay | None = None
        super().__init__(language, TimeAxis(language), palette)
        for z, item in enumerate(
            (
                self._unmeasured,
                *self._bands,
                *(
                    self._gap,
                    self._old,
                    self._until,
                    self._limit,
                    self._issued,
                    self._now,
                    self._naive,
                    self._tso,
                    self._newest,
                    self._observed,
                    self._settled,
                    self._bridge,
                    self._median,
                    self._adjusted,
                    self._overlay,
                    self._head,
                ),
                *(self._pin, self._cursor, self._point),
            )
        ):
            item.setZValue(z)
            self.plot.addItem(item, ignoreBounds=True)
        self._watermark.setParentItem(self.plot.getViewBox())
        self._watermark.setZValue(100)
        self.plot.setMouseEnabled(x=True, y=False)
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.StrongFocus)
        self.plot.getViewBox().sigRangeChangedManually.connect(self._panned)
        self.plot.getViewBox().sigXRangeChanged.connect(self._fit)
        self.plot.getViewBox().sigResized.connect(self._place_watermark)
        self.scene().sigMouseMoved.connect(self._moved)
        self.scene().sigMouseClicked.connect(self._clicked)
        self._pin.hide()

    def set_palette(self, palette: Palette) -> None:
        """Take new colours."""
        super().set_palette(palette)
        self._palette = palette
        self._now.setPen(pg.mkPen(palette.quiet))
        self._now.label.setColor(palette.quiet)
        self._limit.setPen(pg.mkPen(palette.late, style=QtCore.Qt.PenStyle.DashLine))
        self._limit.label.setColor(palette.late)
        self._issued.setPen(pg.mkPen(palette.ink))
        self._issued.label.setColor(palette.ink)
        self._cursor.setPen(pg.mkPen(palette.quiet, style=QtCore.Qt.PenStyle.DotLine))
        self._pin.setPen(pg.mkPen(palette.focus))
        self._observed.set_pen(palette.observed, 1)
        self._settled.set_pen(palette.observed, 1, QtCore.Qt.PenStyle.DashDotLine)
        self._naive.set_pen(palette.quiet, 1, QtCore.Qt.PenStyle.DotLine)
        self._newest.set_pen(palette.median, 1, QtCore.Qt.PenStyle.DashDotDotLine)
        self._paint_overlay()
        self._adjusted.set_pen(palette.ink, 2)
        self._tso.set_pen(palette.quiet, 1, QtCore.Qt.PenStyle.DashLine)
        self._point.setPen(pg.mkPen(palette.surface))
        self._point.setBrush(pg.mkBrush(palette.ink))
        self._gap.set_colours(palette.rule, palette.quiet)
        self._unmeasured.set_colours(palette.grid, palette.quiet)
        self._until.setPen(pg.mkPen(palette.quiet))
        self._head.set_colour(palette.ground)
        self._old.set_colours(palette.old_median, palette.stale)
        faint = QtGui.QColor(palette.ink)
        faint.setAlphaF(0.17)
        self._watermark.setBrush(faint)
        if self._view is not None:
            self.show_view(self._view)

    def show_view(self, view: ForecastView) -> None:
        """Draw the curves; the stretch of time in sight stays unless it follows the present."""
        self._view = view
        colours = self._palette.old_bands if view.stale else self._palette.bands
        for item, band, colour in zip(self._bands, view.bands, colours, strict=False):
            item.set_colour(colour)
            item.set_data(view.forecast_time, band.low, band.high)
        for item in self._bands[len(view.bands) :]:
            item.set_data(view.forecast_time, view.forecast_time, view.forecast_time)
        self._show_medians(view)
        self._show_stretches(view)
        self._tso.set_data(view.tso_time, view.tso)
        self._observed.set_data(view.observed_time, view.observed)
        self._settled.set_data(view.settled_time, view.settled)
        self._now.setPos(view.now)
        self._gap.set_span(view.gap, view.gap_label)
        self._old.set_span((view.issue_time, view.now) if view.stale and not view.known_at else None, view.stale_label)
        self._naive.set_data(view.naive_time, view.naive)
        self._newest.set_data(view.newest_time, view.newest)
        self._show_limit(view)
        self._issued.setVisible(bool(view.known_at) and math.isfinite(view.issue_time))
        self._issued.setPos(view.issue_time if math.isfinite(view.issue_time) else 0.0)
        self._watermark.setText("\n".join(view.marks))
        wanted = self._wanted(view)
        first = min(wanted[0], view.shown[0], view.observed_time[0] if len(view.observed_time) else view.shown[0])
        self.plot.setLimits(xMin=first, xMax=view.shown[1] + DAY, minXRange=6 * HOUR)
        if self._follows_now:  # after the limits, which hold for ranges that are set, too
            self.plot.setXRange(*wanted, padding=0)
        self._fit()
        self._place_watermark()

    def _show_limit(self, view: ForecastView) -> None:
        known = math.isfinite(view.limit)
        self._limit.setVisible(known)
        if known:
            self._limit.setPos(view.limit)
            told = self._language.quantity(view.limit, view.scale.unit, view.scale.decimals)
            self._limit.label.setText(self._language.text("forecast.limit", limit=told))

    def _show_medians(self, view: ForecastView) -> None:
        """Solid ahead of the issue, dashed over what nobody has measured; of a price area, which is bridged by hours, all solid."""
        colour = self._palette.old_median if view.stale else self._palette.median
        self._median.set_pen(colour, 2)
        self._bridge.set_pen(colour, 2, QtCore.Qt.PenStyle.DotLine)
        bridge = next((s for s in view.stretches if s.part is Part.BRIDGE), None)
        cut = 0 if bridge is None else int(np.searchsorted(view.forecast_time, bridge.end))
        self._bridge.set_data(view.forecast_time[: cut + 1 if cut else 0], view.median[: cut + 1 if cut else 0])
        self._median.set_data(view.forecast_time[cut:], view.median[cut:])
        self._adjusted.set_data(view.forecast_time[: len(view.adjusted)], view.adjusted)

    def _show_stretches(self, view: ForecastView) -> None:
        """Names over the parts of the chart, and hatching behind what nobody has measured."""
        inks = {Freshness.LATE: self._palette.late, Freshness.STALE: self._palette.stale}
        told = []
        for stretch in view.stretches:
            names, ink = stretch.names, self._palette.ink
            if stretch.freshness in inks:
                names = tuple(f"{theme.SYMBOLS[stretch.freshness]} {name}" for name in names)
                ink = inks[stretch.freshness]
            told.append((stretch.start, stretch.end, names, ink))
        self._head.set_stretches(told)
        unmeasured = [s for s in view.stretches if s.part in (Part.BRIDGE, Part.NOTHING)]
        self._unmeasured.set_span((unmeasured[0].start, unmeasured[-1].end) if unmeasured else None)
        measured = next((s.end for s in view.stretches if s.part is Part.MEASURED), None)
        self._until.setVisible(measured is not None)
        self._until.setPos(measured or 0.0)
        self._now.label.setPosition(0.88 if view.stretches else 0.97)

    def show_point(self, point: ReadOut, pointing: bool) -> None:
        """Mark the hour that is read out; the present needs no mark."""
        self._cursor.setVisible(pointing)
        self._cursor.setPos(point.time)
        known = math.isfinite(point.point)
        self._point.setData([point.time] if known else [], [point.point] if known else [])
        self._point.setVisible(pointing and math.isfinite(point.point))

    def show_pin(self, hour: int | None) -> None:
        """Mark the hour that is pinned, or none."""
        self._pin.setVisible(hour is not None)
        self._pin.setPos(hour or 0)

    def lay_over(self, overlay: Overlay | None) -> None:
        """Draw a curve over the chart, or none."""
        self._laid = overlay
        self._overlay.setVisible(overlay is not None)
        if overlay is not None:
            self._overlay.set_data(overlay.time, overlay.value)
            self._paint_overlay()
        self._fit()

    def _paint_overlay(self) -> None:
        published = self._laid is not None and self._laid.style == "published"
        style = QtCore.Qt.PenStyle.DashLine if published else QtCore.Qt.PenStyle.DashDotDotLine
        self._overlay.set_pen(self._palette.ink, 2 if published else 1, style)

    def show_naive(self, shown: bool) -> None:
        """Draw the seasonal naive forecast or leave it out."""
        self._naive.setVisible(shown)
        self._fit()

    def show_days(self, days: int | None) -> None:
        """Show so many days around now; None shows what the consumer opens with."""
        self._days = days
        self.follow_now()

    def follow_now(self) -> None:
        """Show the stretch of time around now again."""
        self._follows_now = True
        if self._view is not None:
            self.plot.setXRange(*self._wanted(self._view), padding=0)

    def zoom(self, factor: float) -> None:
        """Show so many times the time, around the hour that is read out, or the middle where none in sight is."""
        (left, right), _ = self.plot.viewRange()
        middle = self._cursor.value() if self._cursor.isVisible() and left < self._cursor.value() < right else (left + right) / 2
        self._panned()
        self.plot.setXRange(middle - factor * (middle - left), middle + factor * (right - middle), padding=0)

    def bring_in_sight(self, time: float) -> None:
        """Move the stretch of time in sight, as wide as it is, where a time is not well inside it."""
        (left, right), _ = self.plot.viewRange()
        span = right - left
        if not left + 0.05 * span <= time <= right - 0.25 * span:
            self._panned()
            self.plot.setXRange(time - 0.3 * span, time + 0.7 * span, padding=0)

    def _wanted(self, view: ForecastView) -> tuple[float, float]:
        return view.shown if self._days is None else time_range(view, self._days)

    def _fit(self, *_: object) -> None:
        """Let the value axis follow what is in sight; where it still fits well, it stays."""
        view = self._view
        if view is None:
            return
        (left, right), (bottom, top) = self.plot.viewRange()
        series = [(view.observed_time, view.observed), (view.settled_time, view.settled), (view.tso_time, view.tso)]
        series += [(view.forecast_time, edge) for band in view.bands[:1] for edge in (band.low, band.high)]
        series += [(view.forecast_time, view.median), (view.newest_time, view.newest)]
        series.append((view.forecast_time[: len(view.adjusted)], view.adjusted))
        if self._naive.isVisible():
            series.append((view.naive_time, view.naive))
        if self._laid is not None and self._overlay.isVisible():
            series.append((self._laid.time, self._laid.value))
        seen = [value[slice(*np.searchsorted(time, (left, right)))] for time, value in series]
        low, high = value_range(seen, headed=bool(view.stretches))
        if not (bottom <= low and high <= top and high - low > 0.7 * (top - bottom)):
            self.plot.setYRange(low, high, padding=0)

    def _panned(self, *_: object) -> None:
        self._follows_now = False
        self.moved.emit()

    def _moved(self, position: QtCore.QPointF) -> None:
        box = self.plot.getViewBox()
        if box.sceneBoundingRect().contains(position):
            self.pointed.emit(box.mapSceneToView(position).x())

    def _clicked(self, event: MouseClickEvent) -> None:
        box = self.plot.getViewBox()
        if event.button() == QtCore.Qt.MouseButton.LeftButton and box.sceneBoundingRect().contains(event.scenePos()):
            self.pinned.emit(clock.floor_hour(int(box.mapSceneToView(event.scenePos()).x())))

    def _place_watermark(self, *_: object) -> None:
        """In the middle of the plot, as wide as fits."""
        area = self.plot.getViewBox().rect()
        font = theme.font(1.0, bold=True)
        font.setPixelSize(40)
        self._watermark.setFont(font)
        size = self._watermark.boundingRect()
        if size.isEmpty() or area.isEmpty():
            return
        scale = min(1.6, 0.86 * area.width() / size.width())
        self._watermark.setScale(scale)
        self._watermark.setPos((area.width() - scale * size.width()) / 2, (area.height() - scale * size.height()) / 2)

    def leaveEvent(self, event: QtCore.QEvent) -> None:
        """Back to now when the mouse leaves."""
        self.pointed.emit(None)
        super().leaveEvent(event)

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:
        """Move the read-out by an hour or a day."""
        keys = QtCore.Qt.Key
        steps = {keys.Key_Left: -HOUR, keys.Key_Right: HOUR, keys.Key_PageUp: -DAY, keys.Key_PageDown: DAY}
        if self._view is not None and event.key() in steps:
            start = self._cursor.value() if self._cursor.isVisible() else self._view.now
            self.pointed.emit(start + steps[QtCore.Qt.Key(event.key())])
        elif event.key() in (keys.Key_Return, keys.Key_Enter) and self._view is not None:
            self.pinned.emit(clock.floor_hour(int(self._cursor.value() if self._cursor.isVisible() else self._view.now)))
        elif event.key() == keys.Key_Escape:
            self.pinned.emit(None)
        elif event.key() == keys.Key_Home:
            self.follow_now()
            self.pointed.emit(None)
        else:
            super().keyPressEvent(event)

    def mouseDoubleClickEvent(self, event: QtGui.QMouseEvent) -> None:
        """Back to the time around now."""
        self.follow_now()
