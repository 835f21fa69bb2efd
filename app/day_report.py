"""Draws the day report on A4 as PDF: two pages that can be printed in grey."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PySide6 import QtCore, QtGui

from app.present import DayReport
from app.theme import SYMBOLS, Palette
from engine.domain import FloatArray

DOTS = 600
_MM = DOTS / 25.4
#: Millimetres of the page.
_WIDTH, _HEIGHT, _MARGIN = 210.0, 297.0, 16.0
_RIGHT = _WIDTH - _MARGIN
_ROW = 4.6
_TOP, _CHART, _TABLE = 61.0, 66.0, 136.0
_LEFT = QtCore.Qt.AlignmentFlag.AlignLeft
_TO_RIGHT = QtCore.Qt.AlignmentFlag.AlignRight
_CENTRE = QtCore.Qt.AlignmentFlag.AlignHCenter


def pdf(report: DayReport, palette: Palette) -> bytes:
    """The pages of a report."""
    buffer = QtCore.QBuffer()
    buffer.open(QtCore.QIODevice.OpenModeFlag.WriteOnly)
    writer = QtGui.QPdfWriter(buffer)
    writer.setTitle(f"{report.title}: {report.name}, {report.date}")
    writer.setCreator("\n".join(report.notes))
    writer.setResolution(DOTS)
    writer.setPageSize(QtGui.QPageSize(QtGui.QPageSize.PageSizeId.A4))
    writer.setPageMargins(QtCore.QMarginsF())
    with QtGui.QPainter(writer) as painter:
        draw(painter, report, palette, 1)
        writer.newPage()
        draw(painter, report, palette, 2)
    return bytes(buffer.data().data())


def draw(painter: QtGui.QPainter, report: DayReport, palette: Palette, number: int) -> None:
    """Draw its first or second page on a device of A4 with `DOTS` dots an inch."""
    page = _Page(painter, report, palette)
    page.first() if number == 1 else page.second()


class _Page:
    """The pen over a page; places and sizes are millimetres, fonts points."""

    def __init__(self, painter: QtGui.QPainter, report: DayReport, palette: Palette) -> None:
        self._painter, self._report, self._palette = painter, report, palette
        painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)

    def first(self) -> None:
        """Figures, chart and the hours."""
        self._head()
        self._figures()
        self._chart()
        self._hours()
        self._foot("1/2")

    def second(self) -> None:
        """What the numbers rest on."""
        self._head()
        report, y = self._report, 44.0
        self._text(report.sources_title, _MARGIN, y, 90, 11, bold=True)
        y += 8
        columns = ((0.0, 52.0, _LEFT), (52.0, 34.0, _TO_RIGHT), (90.0, 34.0, _TO_RIGHT), (132.0, 46.0, _LEFT))
        y = self._line(report.source_heads, columns, y, quiet=True)
        self._rule(y)
        for source in report.sources:
            symbol = SYMBOLS[source.freshness] if source.freshness else "○"
            y = self._line((source.name, source.age, source.usual, f"{symbol} {source.state}"), columns, y + 0.7)
        y += 9
        self._text(report.errors_title, _MARGIN, y, 160, 11, bold=True)
        y += 8
        places = ((0.0, 40.0, _LEFT), *((40.0 + n * 23, 23.0, _TO_RIGHT) for n in range(6)))
        y = self._line(report.error_heads, places, y, quiet=True)
        self._rule(y)
        for row in report.errors:
            y = self._line(row, places, y + 0.7)
        y += 9
        self._text(report.troubles_title, _MARGIN, y, 90, 11, bold=True)
        y += 8
        for notice in report.troubles:
            since = f" ({notice.since})" if notice.since else ""
            y += self._paragraph(f"▲ {notice.told}{since}", y) + 2
        if not report.troubles:
            y += self._paragraph(report.no_troubles, y)
        y += 7
        for note in report.about:
            y += self._paragraph(note, y, self._palette.quiet) + 1.2
        self._foot("2/2")

    # -- parts --------------------------------------------------------------------------------------------------------

    def _head(self) -> None:
        report = self._report
        self._text("Lastvagt", _MARGIN, 12, 60, 9, bold=True)
        self._text(report.title, _RIGHT - 90, 12, 90, 9, self._palette.quiet, _TO_RIGHT)
        self._rule(17.5, self._palette.ink)
        self._text(report.name, _MARGIN, 20.5, 120, 19, bold=True)
        self._text(report.date, _RIGHT - 70, 23.5, 70, 11, align=_TO_RIGHT)
        for number, mark in enumerate(report.marks):
            width = 48.0
            box = self._box(_RIGHT - (number + 1) * (width + 2) + 2, 30.5, width, 6)
            self._painter.fillRect(box, QtGui.QColor(self._palette.badge))
            self._text(mark, box.x() / _MM, 31.6, width, 8.5, self._palette.badge_ink, _CENTRE, bold=True)

    def _figures(self) -> None:
        width = (_RIGHT - _MARGIN) / 4
        for number, figure in enumerate(self._report.figures):
            x = _MARGIN + number * width
            self._text(figure.name, x, 41, width - 3, 7.5, self._palette.quiet)
            self._text(figure.value, x, 44.5, width - 3, 15, bold=True)
            self._paragraph(figure.detail, 51.5, self._palette.quiet, 7, width - 3, x)

    def _chart(self) -> None:
        report, palette = self._report, self._palette
        left, top, width, height = _MARGIN + 12, _TOP + 9, _RIGHT - _MARGIN - 12, _CHART - 15
        low, high, step = _range(report)
        start, end = report.days[0].start, report.days[-1].end

        def place(times: FloatArray, values: FloatArray) -> QtGui.QPolygonF:
            x = left + width * (times - start) / (end - start)
            y = top + height * (high - values) / (high - low)
            return QtGui.QPolygonF([QtCore.QPointF(a * _MM, b * _MM) for a, b in zip(x.tolist(), y.tolist(), strict=True)])

        self._text(report.axis, _MARGIN, _TOP + 2.4, 60, 7, palette.quiet)
        self._legend(_TOP + 2.4)
        for value in np.arange(low, high + step / 2, step):
            y = top + height * (high - value) / (high - low)
            self._rule(y, palette.grid, left)
            self._text(report.tick(float(value)), _MARGIN, y - 1.7, 10.5, 7, palette.quiet, _TO_RIGHT)
        for band, colour in zip(report.bands, palette.bands, strict=False):
            around = np.concatenate([report.forecast_time, report.forecast_time[::-1]])
            self._pen(None)
            self._painter.setBrush(QtGui.QColor(colour))
            self._painter.drawPolygon(place(around, np.concatenate([band.low, band.high[::-1]])))
        for day in report.days:
            x = left + width * (day.start - start) / (end - start)
            self._stroke(x, top, x, top + height, palette.rule)
            self._text(day.name, x, top + height + 1.2, width / 3, 7.5, palette.quiet, _CENTRE)
        now = left + width * (report.now - start) / (end - start)
        self._stroke(now, top, now, top + height, palette.ink, style=QtCore.Qt.PenStyle.DotLine)
        self._curve(place(report.ahead_time, report.ahead), palette.quiet, 0.25, QtCore.Qt.PenStyle.DashLine)
        for stretch in _stretches(report.observed):
            self._curve(place(report.observed_time[stretch], report.observed[stretch]), palette.observed, 0.3)
        self._curve(place(report.forecast_time, report.median), palette.median, 0.5)

    def _legend(self, y: float) -> None:
        observed, median, bands, ahead = self._report.legend
        palette, x = self._palette, _RIGHT
        for name, colour, width, style in (
            (ahead, palette.quiet, 0.25, QtCore.Qt.PenStyle.DashLine),
            (bands, "", 0.0, QtCore.Qt.PenStyle.SolidLine),
            (median, palette.median, 0.5, QtCore.Qt.PenStyle.SolidLine),
            (observed, palette.observed, 0.3, QtCore.Qt.PenStyle.SolidLine),
        ):
            long = self._width(name, 7) + 0.6
            x -= long
            self._text(name, x, y, long, 7, palette.quiet)
            x -= 8
            if colour:
                self._stroke(x, y + 1.6, x + 6.5, y + 1.6, colour, width, style)
            else:
                for number, shade in enumerate(palette.bands):
                    self._painter.fillRect(self._box(x + number * 2.2, y + 0.3, 2.2, 2.6), QtGui.QColor(shade))
            x -= 4

    def _hours(self) -> None:
        report, y = self._report, _TABLE
        widths = (15.0, 18.0, 20.0, 17.0, 19.0, 19.0, 26.0, 19.0, 25.0)
        places = np.cumsum((0.0, *widths)).tolist()
        columns = tuple(
            (x, width - 2, _LEFT if n == 0 else _TO_RIGHT) for n, (x, width) in enumerate(zip(places, widths, strict=False))
        )
        at = 0
        for name, count in report.groups:
            if name:
                x = _MARGIN + places[at]
                self._text(name, x, y, places[at + count] - places[at] - 2, 8, bold=True, align=_TO_RIGHT)
                self._stroke(x + 4, y + 4.4, _MARGIN + places[at + count] - 2, y + 4.4, self._palette.rule)
            at += count
        y = self._line(report.heads, columns, y + 5.2, quiet=True)
        self._rule(y - 0.3, self._palette.ink)
        for number, row in enumerate(report.rows):
            if number % 2:
                self._painter.fillRect(self._box(_MARGIN, y, _RIGHT - _MARGIN, _ROW), QtGui.QColor(self._palette.ground))
            y = self._line(row, columns, y + 0.4) - 0.4
        self._rule(y)

    def _foot(self, number: str) -> None:
        self._rule(_HEIGHT - 18)
        self._text(number, _RIGHT - 12, _HEIGHT - 16.5, 12, 7, self._palette.quiet, _TO_RIGHT)
        self._paragraph("\u00a0\u00a0·  ".join(self._report.notes), _HEIGHT - 16.5, self._palette.quiet, 6.8, 160)

    # -- strokes ------------------------------------------------------------------------------------------------------

    def _font(self, points: float, bold: bool = False) -> QtGui.QFont:
        font = QtGui.QFont(QtGui.QGuiApplication.font())
        font.setPointSizeF(points)
        font.setBold(bold)
        font.setFeature(QtGui.QFont.Tag("tnum"), 1)
        return font

    def _width(self, words: str, points: float, bold: bool = False) -> float:
        return QtGui.QFontMetricsF(self._font(points, bold), self._painter.device()).horizontalAdvance(words) / _MM

    @staticmethod
    def _box(x: float, y: float, width: float, height: float) -> QtCore.QRectF:
        return QtCore.QRectF(x * _MM, y * _MM, width * _MM, height * _MM)

    def _text(
        self,
        words: str,
        x: float,
        y: float,
        width: float,
        points: float,
        colour: str = "",
        align: QtCore.Qt.AlignmentFlag = _LEFT,
        bold: bool = False,
    ) -> None:
        """A line of text, smaller where it would not fit."""
        while points > 5 and self._width(words, points, bold) > width:
            points -= 0.25
        self._painter.setFont(self._font(points, bold))
        self._painter.setPen(QtGui.QColor(colour or self._palette.ink))
        self._painter.drawText(self._box(x, y, width, 12), int(align | QtCore.Qt.AlignmentFlag.AlignTop), words)

    def _paragraph(
        self,
        words: str,
        y: float,
        colour: str = "",
        points: float = 8.5,
        width: float = _RIGHT - _MARGIN,
        x: float = _MARGIN,
    ) -> float:
        """Text in as many lines as it takes; returns their height."""
        self._painter.setFont(self._font(points))
        self._painter.setPen(QtGui.QColor(colour or self._palette.ink))
        drawn = self._painter.drawText(self._box(x, y, width, 80), int(_LEFT | QtCore.Qt.TextFlag.TextWordWrap), words)
        return float(drawn.height() / _MM)

    def _line(
        self,
        words: Sequence[str],
        columns: Sequence[tuple[float, float, QtCore.Qt.AlignmentFlag]],
        y: float,
        quiet: bool = False,
    ) -> float:
        """A line of a table; returns where the next begins."""
        for word, (x, width, align) in zip(words, columns, strict=True):
            self._text(word, _MARGIN + x, y, width, 7.6, self._palette.quiet if quiet else "", align)
        return y + _ROW

    def _pen(self, colour: str | None, width: float = 0.15, style: QtCore.Qt.PenStyle = QtCore.Qt.PenStyle.SolidLine) -> None:
        if colour is None:
            self._painter.setPen(QtCore.Qt.PenStyle.NoPen)
            return
        pen = QtGui.QPen(QtGui.QColor(colour), width * _MM, style)
        pen.setJoinStyle(QtCore.Qt.PenJoinStyle.RoundJoin)
        self._painter.setPen(pen)

    def _stroke(
        self,
        x1: float,
        y1: float,
        x2: float,
        y2: float,
        colour: str,
        width: float = 0.15,
        style: QtCore.Qt.PenStyle = QtCore.Qt.PenStyle.SolidLine,
    ) -> None:
        self._pen(colour, width, style)
        self._painter.drawLine(QtCore.QPointF(x1 * _MM, y1 * _MM), QtCore.QPointF(x2 * _MM, y2 * _MM))

    def _curve(
        self, line: QtGui.QPolygonF, colour: str, width: float, style: QtCore.Qt.PenStyle = QtCore.Qt.PenStyle.SolidLine
    ) -> None:
        self._pen(colour, width, style)
        self._painter.setBrush(QtCore.Qt.BrushStyle.NoBrush)
        self._painter.drawPolyline(line)

    def _rule(self, y: float, colour: str = "", left: float = _MARGIN) -> None:
        self._stroke(left, y, _RIGHT, y, colour or self._palette.rule)


def _range(report: DayReport) -> tuple[float, float, float]:
    """Round limits of the value axis around everything drawn, and the step of its grid."""
    parts = [report.observed, report.ahead, report.median, *(edge for band in report.bands for edge in (band.low, band.high))]
    values = np.concatenate(parts)
    values = values[np.isfinite(values)]
    if not len(values):
        return 0.0, 1.0, 1.0
    span = max(float(np.ptp(values)), 0.05 * float(np.abs(values).max()), 1e-3)
    rough = span / 4
    size = 10.0 ** math.floor(math.log10(rough))
    step = size * next(n for n in (1, 2, 5, 10) if n * size >= rough)
    return step * math.floor(values.min() / step), step * math.ceil(values.max() / step), step


def _stretches(values: FloatArray) -> list[slice]:
    """The parts of a series without a gap."""
    known = np.flatnonzero(np.isfinite(values))
    cuts = np.flatnonzero(np.diff(known) > 1) + 1
    return [slice(int(part[0]), int(part[-1]) + 1) for part in np.split(known, cuts) if len(part)]
