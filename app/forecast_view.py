"""The forecast view: what was observed and what is forecast, with a read-out of every hour."""

from __future__ import annotations

import math

import numpy as np
import pyqtgraph as pg
from PySide6 import QtCore, QtGui, QtWidgets

from app import theme
from app.axis import TimeAxis
from app.bands import BandItem, HatchItem, HeadItem
from app.chart import Chart, Legend
from app.empty import EmptyPage
from app.pane import Pane, Scene
from app.present import ForecastView, Part, ReadOut, forecast_view, read_out
from app.theme import Palette
from app.translations import Language
from engine.domain import DAY, HOUR, Freshness


class ForecastChart(Chart):
    """The chart. The read-out follows the mouse, or the arrow keys; `pointed` carries its time, or None for now."""

    pointed = QtCore.Signal(object)

    def __init__(self, language: Language, palette: Palette) -> None:
        self._bands = (BandItem(), BandItem(), BandItem())
        self._unmeasured, self._gap, self._old, self._head = HatchItem(), HatchItem(), HatchItem(line=1), HeadItem()
        self._observed, self._bridge, self._median, self._tso = (
            pg.PlotDataItem(connect="finite", antialias=True) for _ in range(4)
        )
        self._now = pg.InfiniteLine(
            angle=90, label=language.text("forecast.now"), labelOpts={"position": 0.97, "anchors": [(0, 0.5), (0, 0.5)]}
        )
        self._until, self._cursor = pg.InfiniteLine(angle=90), pg.InfiniteLine(angle=90)
        self._point = pg.ScatterPlotItem(size=8)
        self._watermark = QtWidgets.QGraphicsSimpleTextItem()
        self._language = language
        self._view: ForecastView | None = None
        self._palette = palette
        self._follows_now = True
        super().__init__(language, TimeAxis(language), palette)
        for z, item in enumerate(
            (
                self._unmeasured,
                *self._bands,
                *(
                    self._gap,
                    self._old,
                    self._until,
                    self._now,
                    self._tso,
                    self._observed,
                    self._bridge,
                    self._median,
                    self._head,
                ),
                *(self._cursor, self._point),
            )
        ):
            item.setZValue(z)
            self.plot.addItem(item, ignoreBounds=True)
        self._watermark.setParentItem(self.plot.getViewBox())
        self._watermark.setZValue(100)
        self.plot.setMouseEnabled(x=True, y=False)
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.StrongFocus)
        self.plot.getViewBox().sigRangeChangedManually.connect(self._panned)
        self.plot.getViewBox().sigResized.connect(self._place_watermark)
        self.scene().sigMouseMoved.connect(self._moved)

    def set_palette(self, palette: Palette) -> None:
        """Take new colours."""
        super().set_palette(palette)
        self._palette = palette
        self._now.setPen(pg.mkPen(palette.quiet))
        self._now.label.setColor(palette.quiet)
        self._cursor.setPen(pg.mkPen(palette.quiet, style=QtCore.Qt.PenStyle.DotLine))
        self._observed.setPen(pg.mkPen(palette.observed, width=1))
        self._tso.setPen(pg.mkPen(palette.quiet, width=1, style=QtCore.Qt.PenStyle.DashLine))
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
        self._tso.setData(view.tso_time, view.tso)
        self._observed.setData(view.observed_time, view.observed)
        self._now.setPos(view.now)
        self._gap.set_span(view.gap, view.gap_label)
        self._old.set_span((view.issue_time, view.now) if view.stale else None, view.stale_label)
        self._watermark.setText("\n".join(view.marks))
        self.plot.setYRange(*view.value_range, padding=0)
        first = min(view.shown[0], view.observed_time[0] if len(view.observed_time) else view.shown[0])
        self.plot.setLimits(xMin=first, xMax=view.shown[1] + DAY, minXRange=6 * HOUR)
        if self._follows_now:  # after the limits, which hold for ranges that are set, too
            self.plot.setXRange(*view.shown, padding=0)
        self._place_watermark()

    def _show_medians(self, view: ForecastView) -> None:
        """Solid ahead of the issue, dashed over what nobody has measured; of a price area, which is bridged by hours, all solid."""
        colour = self._palette.old_median if view.stale else self._palette.median
        self._median.setPen(pg.mkPen(colour, width=2))
        self._bridge.setPen(pg.mkPen(colour, width=2, style=QtCore.Qt.PenStyle.DotLine))
        bridge = next((s for s in view.stretches if s.part is Part.BRIDGE), None)
        cut = 0 if bridge is None else int(np.searchsorted(view.forecast_time, bridge.end))
        self._bridge.setData(view.forecast_time[: cut + 1 if cut else 0], view.median[: cut + 1 if cut else 0])
        self._median.setData(view.forecast_time[cut:], view.median[cut:])

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

    def follow_now(self) -> None:
        """Show the stretch of time around now again."""
        self._follows_now = True
        if self._view is not None:
            self.plot.setXRange(*self._view.shown, padding=0)

    def _panned(self, *_: object) -> None:
        self._follows_now = False

    def _moved(self, position: QtCore.QPointF) -> None:
        box = self.plot.getViewBox()
        if box.sceneBoundingRect().contains(position):
            self.pointed.emit(box.mapSceneToView(position).x())

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
        elif event.key() == keys.Key_Home:
            self.follow_now()
            self.pointed.emit(None)
        else:
            super().keyPressEvent(event)

    def mouseDoubleClickEvent(self, event: QtGui.QMouseEvent) -> None:
        """Back to the time around now."""
        self.follow_now()


class ForecastPane(Pane):
    """Header, read-out and chart of one consumer; or, with nothing to show, the reason."""

    def __init__(self, language: Language, palette: Palette) -> None:
        super().__init__()
        self._language = language
        self._view: ForecastView | None = None
        self._pointed: float | None = None
        self._title = theme.label(1.55, bold=True)
        self._badges = theme.Badges()
        self._tier, self._issued, self._state, self._model = (
            theme.label(),
            theme.label(),
            theme.label(),
            theme.label(role="quiet"),
        )
        self._tier.setFont(theme.font(bold=True))
        self._reason = theme.label(role="late")
        self._reason.setWordWrap(True)
        self._measured, self._measure = theme.label(), theme.label(0.92, role="quiet")
        self._part = theme.label(0.92, role="quiet")
        for label in (self._title, self._measured, self._measure, self._part):
            label.setWordWrap(True)
        text = language.text
        self._cells = {key: theme.label(1.12) for key in ("time", "observed", "median", "interval", "lead")}
        self._legend = Legend(
            (
                text("forecast.observed"),
                text("forecast.bridge_median"),
                text("forecast.median"),
                *(text("forecast.band", level=level) for level in (50, 80, 90)),
                text("forecast.tso"),
            )
        )
        self._legend.setToolTip(text("forecast.observed_about"))
        self._axis_note, self._zone = theme.label(0.92, role="quiet"), theme.label(0.92, role="quiet")
        self.chart = ForecastChart(language, palette)
        self.chart.pointed.connect(self._point_at)
        self._pages = QtWidgets.QStackedWidget()
        self._empty = EmptyPage()
        self._pages.addWidget(self._chart_page())
        self._pages.addWidget(self._empty)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(self._header())
        column.addWidget(self._pages, 1)
        self.set_palette(palette)

    def _header(self) -> QtWidgets.QLayout:
        top = QtWidgets.QHBoxLayout()
        top.addWidget(self._title, 1)
        top.addWidget(self._badges)
        line = QtWidgets.QHBoxLayout()
        line.setSpacing(18)
        for label in (self._tier, self._issued, self._state, self._model):
            line.addWidget(label)
        line.addStretch(1)
        column = QtWidgets.QVBoxLayout()
        column.setSpacing(4)
        column.addLayout(top)
        column.addLayout(line)
        column.addWidget(self._reason)
        column.addWidget(self._measured)
        column.addWidget(self._measure)
        return column

    def _chart_page(self) -> QtWidgets.QWidget:
        page = QtWidgets.QFrame()
        page.setProperty("role", "card")
        column = QtWidgets.QVBoxLayout(page)
        column.setContentsMargins(14, 10, 14, 8)
        column.setSpacing(8)
        column.addLayout(self._read_out_row())
        column.addWidget(self._part)
        column.addWidget(self._legend)
        notes = QtWidgets.QHBoxLayout()
        notes.addWidget(self._axis_note)
        notes.addStretch(1)
        notes.addWidget(self._zone)
        column.addLayout(notes)
        column.addWidget(self.chart, 1)
        return page

    def _read_out_row(self) -> QtWidgets.QLayout:
        """Cells of fixed width: numbers change in place and nothing moves under the eye."""
        row = QtWidgets.QGridLayout()
        row.setHorizontalSpacing(24)
        row.setVerticalSpacing(1)
        widest = {"time": "ons. 30. sep. 02a–02b CEST", "interval": "99.999–99.999 MWh", "lead": "begyndt"}
        for column, (key, cell) in enumerate(self._cells.items()):
            row.addWidget(theme.label(0.92, role="quiet", text=self._language.text(f"readout.{key}")), 0, column)
            row.addWidget(cell, 1, column)
            cell.setMinimumWidth(cell.fontMetrics().horizontalAdvance(widest.get(key, "99.999 MWh")))
        row.setColumnStretch(len(self._cells), 1)
        return row

    def set_palette(self, palette: Palette) -> None:
        """Take new colours."""
        self.chart.set_palette(palette)
        self._palette = palette
        self._paint_legend()

    def _paint_legend(self) -> None:
        """The samples are as muted as the forecast they explain."""
        palette, view = self._palette, self._view
        stale = view is not None and view.stale
        wide, middle, narrow = palette.old_bands if stale else palette.bands
        median = palette.old_median if stale else palette.median
        forecast = ((median, "bold"), *((colour, "block") for colour in (narrow, middle, wide)))
        tso = (palette.quiet, "dashes") if view is not None and len(view.tso) else None
        issued = view is None or len(view.median) > 0
        bridge = (median, "dots") if view is not None and view.stretches and issued else None
        self._legend.set_samples(((palette.observed, "line"), bridge, *(forecast if issued else 4 * (None,)), tso))

    def show_scene(self, scene: Scene) -> None:
        """Show the forecast of the chosen consumer."""
        self.show_view(forecast_view(scene.snapshot, scene.of, scene.engine, self._language, scene.now))

    def show_view(self, view: ForecastView) -> None:
        """Show a view."""
        if self._view is not None and self._view.of != view.of:
            self._pointed = None
            self.chart.follow_now()
        self._view = view
        self._title.setText(view.title)
        self._badges.show_marks(view.marks)
        self._tier.setText(view.tier)
        theme.paint(self._tier, "late" if view.reduced else "")
        self._issued.setText(view.issued)
        self._state.setText(f"{theme.SYMBOLS[view.issue_freshness]} {view.issue_state}")
        theme.paint(self._state, theme.role_of(view.issue_freshness))
        self._state.setVisible(bool(view.issued))
        self._paint_legend()
        self._model.setText(view.model)
        self._reason.setText(f"{theme.SYMBOLS[Freshness.LATE]} {view.tier_reason}")
        self._reason.setVisible(bool(view.tier_reason))
        state = view.load_freshness
        late = state in (Freshness.LATE, Freshness.STALE)
        self._measured.setText(f"{theme.SYMBOLS[state]} {view.measured}" if state and late else view.measured)
        theme.paint(self._measured, theme.role_of(state) if state and late else "")
        self._measured.setVisible(bool(view.measured))
        self._measure.setText(view.measure)
        self._axis_note.setText(view.axis)
        self._part.setVisible(bool(view.stretches))
        self._zone.setText(view.zone)
        if view.empty is not None:
            self._empty.show_reason(view.empty)
        self._pages.setCurrentIndex(0 if view.empty is None else 1)
        self.chart.show_view(view)
        self.chart.setAccessibleName(self._language.text("forecast.chart", name=view.title))
        self.chart.setAccessibleDescription(f"{view.summary} {self._language.text('forecast.chart_help')}")
        self._point_at(self._pointed)

    def _point_at(self, time: float | None) -> None:
        if self._view is None:
            return
        self._pointed = time
        numbers = read_out(self._view, self._view.now if time is None else time, self._language)
        for key, words in (
            ("time", numbers.hour),
            ("observed", numbers.observed),
            ("median", numbers.median),
            ("interval", numbers.interval),
            ("lead", numbers.lead),
        ):
            self._cells[key].setText(words)
        self._part.setText(numbers.part)
        self.chart.show_point(numbers, pointing=time is not None)
