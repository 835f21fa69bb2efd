"""The rows of the overview: the figures of an area and its chart, all on one time axis, painted in one go."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from PySide6 import QtCore, QtGui, QtWidgets

from app import theme
from app.axis import day_ticks, hour_ticks
from app.bands import runs
from app.present import Strip, Tile
from app.theme import Palette
from app.translations import Language
from engine import clock
from engine.domain import FloatArray, Freshness

_PAD_PX = 12.0
#: Widths of the columns of text, in digits.
_LEFT, _PEAK, _WEEK, _TICKS = 29, 23, 11, 6
#: Fewer digits than this are no room for a chart, and the last column makes way.
_CHART = 14
_FLAGS = QtCore.Qt.AlignmentFlag
_STEPS_H = (3, 6, 12)
#: Further than any list of rows goes.
_FAR = 10_000


@dataclass(frozen=True, slots=True)
class Columns:
    """Where the columns of a row of some width stand, by their left edges and widths in pixels."""

    left: tuple[float, float]
    strip: tuple[float, float]
    peak: tuple[float, float]
    week: tuple[float, float]

    @staticmethod
    def of(width: float) -> Columns:
        """The columns of text keep their width, the chart takes the rest; where that is too little the last column has none."""
        digit, pad = theme.digit_px(), theme.grown(_PAD_PX)
        left, peak, week, ticks, least = (digits * digit for digits in (_LEFT, _PEAK, _WEEK, _TICKS, _CHART))
        strip_at = 1.5 * pad + left + ticks
        if width - strip_at - 3.5 * pad - peak - week < least:
            week = 0.0
        week_at = width - pad - week
        peak_at = week_at - (pad if week else 0) - peak
        return Columns((pad, left), (strip_at, peak_at - 1.5 * pad - strip_at), (peak_at, peak), (week_at, week))


@functools.lru_cache(maxsize=8)
def _hours(first: float, last: float, step_h: int) -> tuple[tuple[float, bool], ...]:
    """Times at every so many Danish hours of a stretch, and whether each is a midnight; all rows ask for the same."""
    midnights = set(day_ticks(first, last))
    return tuple((t, t in midnights) for t in sorted({*hour_ticks(first, last, step_h), *midnights}))


def _write(painter: QtGui.QPainter, at: QtCore.QRectF, words: str, scale: float, colour: str, bold: bool = False) -> float:
    """Write words at the left of a place, shortened where they are too long; returns how wide they are, 0 where there is no place."""
    if at.width() <= 0:
        return 0.0
    painter.setFont(theme.font(scale, bold))
    painter.setPen(QtGui.QColor(colour))
    shown = painter.fontMetrics().elidedText(words, QtCore.Qt.TextElideMode.ElideRight, int(at.width()))
    painter.drawText(at, _FLAGS.AlignLeft | _FLAGS.AlignVCenter, shown)
    return float(painter.fontMetrics().horizontalAdvance(shown))


class TileCard(QtWidgets.QWidget):
    """One area. `opened` is meant by Enter or a click; `moved` carries how many rows further up or down a key leads."""

    opened = QtCore.Signal()
    moved = QtCore.Signal(int)
    focused = QtCore.Signal()

    def __init__(self, language: Language, palette: Palette) -> None:
        super().__init__()
        self._language, self._palette = language, palette
        self._tile: Tile | None = None
        self._span, self._now = (0.0, 1.0), 0.0
        self._marked = False
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.StrongFocus)
        self.setCursor(QtCore.Qt.CursorShape.PointingHandCursor)

    def minimumSizeHint(self) -> QtCore.QSize:
        """Room for three lines, or four where there is something to note."""
        lines = 5.3 if self._tile is not None and self._tile.note else 4.2
        return QtCore.QSize(0, round(lines * QtGui.QFontMetricsF(theme.font()).height()))

    @property
    def tile(self) -> Tile | None:
        """What is shown."""
        return self._tile

    def set_palette(self, palette: Palette) -> None:
        """Take new colours."""
        self._palette = palette
        self.updateGeometry()
        self.update()

    def show_tile(self, tile: Tile, span: tuple[float, float], now: float) -> None:
        """Show an area over a stretch of time."""
        grows = (self._tile is not None and bool(self._tile.note)) != bool(tile.note)
        self._tile, self._span, self._now = tile, span, now
        if grows:
            self.updateGeometry()
        self.setAccessibleName(tile.row.name)
        self.setAccessibleDescription(f"{tile.summary} {self._language.text('overview.help')}")
        self.update()

    @property
    def marked(self) -> bool:
        """Whether it is the one that is pointed at on the map."""
        return self._marked

    def mark(self, marked: bool) -> None:
        """Tell it from the others, or no longer."""
        if marked != self._marked:
            self._marked = marked
            self.update()

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:
        """Go to another row, or open this one."""
        keys = QtCore.Qt.Key
        steps = {keys.Key_Up: -1, keys.Key_Down: 1, keys.Key_Home: -_FAR, keys.Key_End: _FAR}
        if event.key() in steps:
            self.moved.emit(steps[QtCore.Qt.Key(event.key())])
        elif event.key() in (keys.Key_Return, keys.Key_Enter, keys.Key_Space):
            self.opened.emit()
        else:
            super().keyPressEvent(event)

    def mouseReleaseEvent(self, event: QtGui.QMouseEvent) -> None:
        """A click opens."""
        if event.button() == QtCore.Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self.opened.emit()

    def focusInEvent(self, event: QtGui.QFocusEvent) -> None:
        """Show who has the focus."""
        self.update()
        self.focused.emit()

    def focusOutEvent(self, event: QtGui.QFocusEvent) -> None:
        """Show who has lost it."""
        self.update()

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        """Draw the card, its figures and its chart."""
        palette, tile = self._palette, self._tile
        if tile is None:
            return
        with QtGui.QPainter(self) as painter:
            painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
            painter.setBrush(QtGui.QColor(palette.selected if self._marked else palette.surface))
            painter.setPen(
                QtGui.QPen(QtGui.QColor(palette.focus if self.hasFocus() else palette.rule), 2 if self.hasFocus() else 1)
            )
            painter.drawRoundedRect(QtCore.QRectF(self.rect()).adjusted(1, 1, -1, -1), 4, 4)
            columns = Columns.of(self.width())
            self._paint_left(painter, tile, *columns.left)
            self._paint_figures(painter, tile, columns)
            at, wide = columns.strip
            if wide > 0:
                self._paint_strip(painter, tile, QtCore.QRectF(at, 6, wide, self.height() - 12))

    def _lines(self, left: float, width: float, count: int = 3) -> list[QtCore.QRectF]:
        """Places of so many lines of text, in the middle of the row; the second is for large type."""
        high = QtGui.QFontMetricsF(theme.font()).height()
        heights = [1.35 * high if line == 1 else 1.1 * high for line in range(count)]
        tops = [(self.height() - sum(heights)) / 2 + sum(heights[:line]) for line in range(count)]
        return [QtCore.QRectF(left, top, width, height) for top, height in zip(tops, heights, strict=True)]

    def _paint_left(self, painter: QtGui.QPainter, tile: Tile, left: float, width: float) -> None:
        palette, row = self._palette, tile.row
        first, second, third, *rest = self._lines(left, width, 4 if tile.note else 3)
        _write(painter, first, row.name, 1.0, palette.ink, bold=True)
        for place in rest:
            mark = f"{theme.SYMBOLS[Freshness.LATE]} " if row.reduced else ""
            _write(painter, place, f"{mark}{tile.note}", 0.92, palette.late if row.reduced else palette.median)
        ink = self._ink(row.forecast_freshness, palette.ink)
        mark = "" if row.forecast_freshness is Freshness.FRESH else f"{theme.SYMBOLS[row.forecast_freshness]} "
        used = _write(painter, second, f"{mark}{row.estimate}", 1.4, ink, bold=True)
        _write(
            painter,
            second.adjusted(used + theme.grown(10), theme.grown(2), 0, theme.grown(2)),
            row.estimate_range,
            0.92,
            palette.quiet,
        )
        state = row.observed_freshness
        mark = f"{theme.SYMBOLS[state]} " if state is not None else ""
        _write(painter, third, f"{mark}{tile.measured}", 0.92, self._ink(state, palette.quiet))

    def _paint_figures(self, painter: QtGui.QPainter, tile: Tile, columns: Columns) -> None:
        palette, row = self._palette, tile.row
        first, second, third = self._lines(*columns.peak)
        _write(painter, first, row.peak, 1.1, self._ink(row.forecast_freshness, palette.ink), bold=True)
        _write(painter, second, row.peak_at, 0.92, palette.quiet)
        mark = f"{theme.SYMBOLS[Freshness.STALE]} " if tile.alarm else ""
        _write(painter, third, f"{mark}{tile.risk}", 0.92, palette.stale if tile.alarm else palette.quiet, bold=tile.alarm)
        first, second, third = self._lines(*columns.week)
        mark = f"{theme.SYMBOLS[Freshness.LATE]} " if tile.worse else ""
        _write(painter, first, f"{mark}{tile.wape}", 1.1, palette.late if tile.worse else palette.ink, bold=True)
        for place, words in zip((second, third), filter(None, (tile.usual, tile.skill)), strict=False):
            _write(painter, place, words, 0.92, palette.quiet)

    def _ink(self, state: Freshness | None, usual: str) -> str:
        inks = {Freshness.LATE: self._palette.late, Freshness.STALE: self._palette.stale, Freshness.MISSING: self._palette.stale}
        return usual if state is None else inks.get(state, usual)

    def _paint_strip(self, painter: QtGui.QPainter, tile: Tile, place: QtCore.QRectF) -> None:
        strip, palette = tile.strip, self._palette
        (first, last), (bottom, top) = self._span, strip.value_range
        sheet = _Sheet(place, first, last, bottom, top)
        painter.save()
        painter.setClipRect(place)
        painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing, False)
        for t, midnight in _hours(first, last, 6):
            painter.setPen(QtGui.QColor(palette.rule if midnight else palette.grid))
            painter.drawLine(QtCore.QLineF(sheet.x(t), place.top(), sheet.x(t), place.bottom()))
        painter.setPen(QtGui.QColor(palette.grid))
        for value, _ in strip.ticks:
            painter.drawLine(QtCore.QLineF(place.left(), sheet.y(value), place.right(), sheet.y(value)))
        if strip.unmeasured is not None:
            start, end = (sheet.x(t) for t in strip.unmeasured)
            hatch = QtGui.QBrush(QtGui.QColor(palette.rule), QtCore.Qt.BrushStyle.BDiagPattern)
            painter.fillRect(QtCore.QRectF(start, place.top(), end - start, place.height()), hatch)
        self._paint_curves(painter, strip, sheet, tile.row.forecast_freshness is Freshness.FRESH)
        painter.restore()
        self._paint_words(painter, strip, sheet)

    def _paint_curves(self, painter: QtGui.QPainter, strip: Strip, sheet: _Sheet, fresh: bool) -> None:
        palette = self._palette
        band, median = (palette.bands[1], palette.median) if fresh else (palette.old_bands[1], palette.old_median)
        painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
        painter.setPen(QtCore.Qt.PenStyle.NoPen)
        painter.setBrush(QtGui.QColor(band))
        for start, end in runs(np.isfinite(strip.low) & np.isfinite(strip.high)):
            there = sheet.points(strip.time[start:end], strip.high[start:end])
            back = sheet.points(strip.time[start:end][::-1], strip.low[start:end][::-1])
            painter.drawPolygon(QtGui.QPolygonF([*there, *back]))
        cut = int(np.searchsorted(strip.time, strip.solid_from))
        dots = QtGui.QPen(QtGui.QColor(median), theme.grown(1.6), QtCore.Qt.PenStyle.DotLine)
        for pen, part in ((dots, slice(0, cut + 1)), (QtGui.QPen(QtGui.QColor(median), theme.grown(1.6)), slice(cut, None))):
            painter.setPen(pen)
            self._paint_line(painter, sheet, strip.time[part], strip.median[part])
        if strip.limit is not None:
            painter.setPen(QtGui.QPen(QtGui.QColor(palette.stale), theme.grown(1.2), QtCore.Qt.PenStyle.DashLine))
            painter.drawLine(QtCore.QLineF(sheet.place.left(), sheet.y(strip.limit), sheet.place.right(), sheet.y(strip.limit)))
        painter.setPen(QtGui.QPen(QtGui.QColor(palette.observed), theme.grown(1.4)))
        self._paint_line(painter, sheet, strip.observed_time, strip.observed)
        painter.setPen(QtGui.QPen(QtGui.QColor(palette.quiet), theme.grown(1)))
        painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing, False)
        painter.drawLine(QtCore.QLineF(sheet.x(self._now), sheet.place.top(), sheet.x(self._now), sheet.place.bottom()))

    def _paint_line(self, painter: QtGui.QPainter, sheet: _Sheet, time: FloatArray, value: FloatArray) -> None:
        for start, end in runs(np.isfinite(value)):
            painter.drawPolyline(sheet.points(time[start:end], value[start:end]))

    def _paint_words(self, painter: QtGui.QPainter, strip: Strip, sheet: _Sheet) -> None:
        """Round loads at the left of the chart."""
        painter.setFont(theme.font(0.8))
        painter.setPen(QtGui.QColor(self._palette.quiet))
        height = painter.fontMetrics().height()
        for value, words in strip.ticks:
            box = QtCore.QRectF(0, sheet.y(value) - height / 2, sheet.place.left() - theme.grown(4), height)
            if sheet.place.top() <= box.top() + 4 and box.bottom() - 4 <= sheet.place.bottom():
                painter.drawText(box, _FLAGS.AlignRight | _FLAGS.AlignVCenter, words)


@dataclass(frozen=True, slots=True)
class _Sheet:
    """From times and loads to pixels."""

    place: QtCore.QRectF
    first: float
    last: float
    bottom: float
    top: float

    def x(self, time: float) -> float:
        return self.place.left() + self.place.width() * (time - self.first) / (self.last - self.first)

    def y(self, value: float) -> float:
        return self.place.bottom() - self.place.height() * (value - self.bottom) / (self.top - self.bottom)

    def points(self, time: FloatArray, value: FloatArray) -> list[QtCore.QPointF]:
        return [QtCore.QPointF(self.x(t), self.y(v)) for t, v in zip(time.tolist(), value.tolist(), strict=True)]


class TileHead(QtWidgets.QWidget):
    """The heads of the columns, and over the charts the time axis they share."""

    def __init__(self, language: Language, palette: Palette) -> None:
        super().__init__()
        self._language, self._palette = language, palette
        self._heads, self._span, self._now = ("", "", ""), (0.0, 1.0), 0.0
        self.setSizePolicy(QtWidgets.QSizePolicy.Policy.Preferred, QtWidgets.QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QtCore.QSize:
        """Room for a line and the mark of the present."""
        return QtCore.QSize(0, round(1.5 * QtGui.QFontMetricsF(theme.font(0.92)).height()))

    def set_palette(self, palette: Palette) -> None:
        """Take new colours."""
        self._palette = palette
        self.updateGeometry()
        self.update()

    def show_heads(self, heads: tuple[str, str, str], span: tuple[float, float], now: float) -> None:
        """Show these words and this stretch of time."""
        self._heads, self._span, self._now = heads, span, now
        self.update()

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        """Draw words and hours, and a mark at the present."""
        columns = Columns.of(self.width())
        with QtGui.QPainter(self) as painter:
            for words, (left, width) in zip(self._heads, (columns.left, columns.peak, columns.week), strict=True):
                _write(painter, QtCore.QRectF(left, 0, width, self.height()), words, 0.92, self._palette.quiet)
            self._paint_axis(painter, *columns.strip)

    def _paint_axis(self, painter: QtGui.QPainter, left: float, width: float) -> None:
        first, last = self._span
        if width <= 0 or last - first < 2:
            return
        sheet = _Sheet(QtCore.QRectF(left, 0, width, self.height()), first, last, 0.0, 1.0)
        painter.setFont(theme.font(0.92))
        metrics = painter.fontMetrics()
        taken: list[tuple[float, float]] = []
        widest = metrics.horizontalAdvance("00") + theme.grown(14)
        step = next((h for h in _STEPS_H if sheet.x(first + 3600.0 * h) - sheet.x(first) >= widest), 24)
        for t, day in sorted(_hours(first, last, step), key=lambda hour: not hour[1]):
            dot = "." if self._language.code == "da" else ""
            words = f"{self._language.weekday(t)} {clock.local(t).day}{dot}" if day else self._language.hour(t)
            taken.append(
                self._word(painter, sheet.place, sheet.x(t), words, self._palette.ink if day else self._palette.quiet, taken)
            )
        x, bottom, size = sheet.x(self._now), float(self.height()), theme.grown(1)
        painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
        painter.setPen(QtCore.Qt.PenStyle.NoPen)
        painter.setBrush(QtGui.QColor(self._palette.ink))
        painter.drawPolygon(
            [QtCore.QPointF(x + across * size, bottom + down * size) for across, down in ((-4, -5), (4, -5), (0, 0))]
        )

    def _word(
        self, painter: QtGui.QPainter, room: QtCore.QRectF, x: float, words: str, colour: str, taken: list[tuple[float, float]]
    ) -> tuple[float, float]:
        """Write words around a place in a room unless it is taken; returns the place they take."""
        half, gap = painter.fontMetrics().horizontalAdvance(words) / 2, theme.grown(6)
        outside = x + half > room.right() + gap or x - half < room.left() - 3 * gap
        if outside or any(x - half < right + gap and left - gap < x + half for left, right in taken):
            return x, x
        painter.setPen(QtGui.QColor(colour))
        painter.drawText(QtCore.QRectF(x - half - 1, 0, 2 * half + 2, self.height()), _FLAGS.AlignCenter, words)
        return x - half, x + half
