"""A slider over times that shows what they are: measured, bridged or forecast, the days, and where now is."""

from __future__ import annotations

import bisect

from PySide6 import QtCore, QtGui, QtWidgets

from app import theme
from app.present import Origin, Run
from app.theme import Palette
from app.translations import Language
from engine import clock
from engine.domain import HOUR, IntArray

_BAND_TOP, _BAND_PX, _KNOB_PX, _MARGIN_PX = 20, 12, 8, 10
#: Least pixels between the names of two days.
_DAY_PX = 62


class TimeSlider(QtWidgets.QAbstractSlider):
    """Its value is the index of a time. Arrows move by one, Page Up and Page Down by a day of them.

    `name` is the key of its accessible name, and `<name>_help` that of what it is for.
    """

    def __init__(self, language: Language, palette: Palette, name: str = "map.time") -> None:
        super().__init__()
        self._language, self._palette = language, palette
        self._hours: tuple[int, ...] = ()
        self._runs: tuple[Run, ...] = ()
        self._now = 0.0
        self.setOrientation(QtCore.Qt.Orientation.Horizontal)
        self.setRange(0, 0)
        self.setPageStep(24)
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(300, 56)
        self.setSizePolicy(QtWidgets.QSizePolicy.Policy.Expanding, QtWidgets.QSizePolicy.Policy.Fixed)
        self.setAccessibleName(language.text(name))
        self.setToolTip(language.text(f"{name}_help"))
        self.valueChanged.connect(self.update)

    def set_palette(self, palette: Palette) -> None:
        """Take new colours."""
        self._palette = palette
        self.update()

    def show_hours(self, hours: IntArray, runs: tuple[Run, ...], now: int) -> None:
        """Slide over these times, ascending; the value becomes the same time, or the last before it."""
        before = self._hours[self.value()] if self._hours else None
        self._hours, self._runs = tuple(hours.tolist()), runs
        self._now = self._index_of(now)
        self.setRange(0, max(0, len(self._hours) - 1))
        if before is not None and self._hours:
            self.setValue(bisect.bisect_right(self._hours, before) - 1)
        self.update()

    def _index_of(self, time: int) -> float:
        """Where a time lies between the times it slides over; beyond their ends by one hour each."""
        if not self._hours:
            return 0.0
        after = bisect.bisect_right(self._hours, time)
        if 0 < after < len(self._hours):
            before = self._hours[after - 1]
            return after - 1 + (time - before) / (self._hours[after] - before)
        return (time - self._hours[0]) / HOUR if after == 0 else after - 1 + (time - self._hours[-1]) / HOUR

    def _x(self, index: float) -> float:
        """Where an hour begins; its middle is half an hour further."""
        return _MARGIN_PX + (self.width() - 2 * _MARGIN_PX) * index / max(1, len(self._hours))

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:
        """Page Down goes on in time, as in the other views."""
        pages = {QtCore.Qt.Key.Key_PageUp: -1, QtCore.Qt.Key.Key_PageDown: 1}
        if event.key() in pages:
            self.setValue(self.value() + pages[QtCore.Qt.Key(event.key())] * self.pageStep())
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QtGui.QMouseEvent) -> None:
        """Go to where the mouse is."""
        self._go(event.position().x())

    def mouseMoveEvent(self, event: QtGui.QMouseEvent) -> None:
        """Follow the mouse while it is pressed."""
        if event.buttons():
            self._go(event.position().x())

    def _go(self, x: float) -> None:
        width = max(1, self.width() - 2 * _MARGIN_PX)
        self.setValue(int((x - _MARGIN_PX) / width * len(self._hours)))

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        """Days over the band of parts, their names under it."""
        if not self._hours:
            return
        palette = self._palette
        with QtGui.QPainter(self) as painter:
            painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
            painter.setFont(theme.font(0.85))
            self._paint_days(painter)
            if not self._runs:
                painter.fillRect(
                    QtCore.QRectF(self._x(0), _BAND_TOP + _BAND_PX / 2 - 1, self.width() - 2 * _MARGIN_PX, 2),
                    QtGui.QColor(palette.rule),
                )
            for run in self._runs:
                self._paint_run(painter, run)
            if 0 <= self._now <= len(self._hours):
                x = self._x(self._now)
                painter.setPen(QtGui.QPen(QtGui.QColor(palette.ink), 1, QtCore.Qt.PenStyle.DashLine))
                painter.drawLine(QtCore.QPointF(x, _BAND_TOP - 5), QtCore.QPointF(x, _BAND_TOP + _BAND_PX + 5))
            middle = QtCore.QPointF(self._x(self.value() + 0.5), _BAND_TOP + _BAND_PX / 2)
            painter.setPen(QtGui.QPen(QtGui.QColor(palette.surface), 2))
            painter.setBrush(QtGui.QColor(palette.focus if self.hasFocus() else palette.ink))
            painter.drawEllipse(middle, _KNOB_PX, _KNOB_PX)

    def _paint_days(self, painter: QtGui.QPainter) -> None:
        metrics, after = painter.fontMetrics(), 0.0
        for index, t in enumerate(self._hours):
            before = self._hours[index - 1] if index else t - HOUR
            if clock.local(t).date() == clock.local(before).date():
                continue
            x = self._x(index)
            painter.setPen(QtGui.QColor(self._palette.rule))
            painter.drawLine(QtCore.QPointF(x, _BAND_TOP - 4), QtCore.QPointF(x, _BAND_TOP))
            words = self._language.date(t, weekday=False)
            if x >= after and x + metrics.horizontalAdvance(words) < self.width():
                painter.setPen(QtGui.QColor(self._palette.quiet))
                painter.drawText(QtCore.QPointF(x, _BAND_TOP - 7), words)
                after = x + max(_DAY_PX, metrics.horizontalAdvance(words) + 10)

    def _paint_run(self, painter: QtGui.QPainter, run: Run) -> None:
        palette = self._palette
        left, right = self._x(run.first), self._x(run.last)
        place = QtCore.QRectF(left, _BAND_TOP, right - left, _BAND_PX)
        painter.fillRect(place, run_brush(run.origin, palette))
        if run.origin is Origin.BRIDGE:
            painter.fillRect(place, QtGui.QBrush(QtGui.QColor(palette.median), QtCore.Qt.BrushStyle.BDiagPattern))
        painter.setPen(QtGui.QPen(QtGui.QColor(palette.median if run.origin is not Origin.MISSING else palette.rule), 1))
        painter.setBrush(QtCore.Qt.BrushStyle.NoBrush)
        painter.drawRect(place)
        words = next(
            (text for text in (run.name, run.short) if painter.fontMetrics().horizontalAdvance(text) <= right - left), ""
        )
        painter.setPen(QtGui.QColor(palette.quiet))
        below = QtCore.QRectF(left, _BAND_TOP + _BAND_PX + 6, right - left, 18)
        painter.drawText(below, QtCore.Qt.AlignmentFlag.AlignLeft | QtCore.Qt.AlignmentFlag.AlignTop, words)


def run_brush(origin: Origin, palette: Palette) -> QtGui.QBrush:
    """Ground of a part: dark where measured, light where forecast, none where there is nothing."""
    if origin is Origin.MISSING:
        return QtGui.QBrush(QtCore.Qt.BrushStyle.NoBrush)
    return QtGui.QBrush(QtGui.QColor(palette.median if origin is Origin.MEASURED else palette.bands[0]))
