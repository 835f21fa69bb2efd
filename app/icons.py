"""The program's mark, drawn: a load curve on a plate, and in its corner a shape for the state it is in."""

from __future__ import annotations

from PySide6 import QtCore, QtGui

from app.theme import Palette

#: States of the mark: nothing to tell, something late or failing, nobody works.
STATES = ("well", "late", "stopped")
SIZES = (16, 22, 24, 32, 48, 64, 128, 256)
#: The curve of a day, in parts of the plate from its upper left corner, and the band about the part of it that lies ahead.
CURVE = ((0.14, 0.66), (0.28, 0.72), (0.42, 0.36), (0.56, 0.46), (0.70, 0.26), (0.86, 0.56))
BAND = ((0.42, 0.36), (0.56, 0.33), (0.70, 0.10), (0.86, 0.36), (0.86, 0.80), (0.70, 0.46), (0.56, 0.61))
#: Rounding of the plate's corners and width of the curve, in parts of the plate; how much of the band hides the plate.
CORNER, LINE, VEIL = 0.18, 0.085, 0.35
#: The smallest picture that has room for the band.
BAND_FROM = 48


def mark(state: str, palette: Palette) -> QtGui.QIcon:
    """The mark in a state, in every size a desktop asks for."""
    made = QtGui.QIcon()
    for size in SIZES:
        made.addPixmap(QtGui.QPixmap.fromImage(picture(size, state, palette)))
    return made


def picture(size: int, state: str, palette: Palette) -> QtGui.QImage:
    """The mark in a state, `size` pixels wide and high."""
    drawn = QtGui.QImage(size, size, QtGui.QImage.Format.Format_ARGB32_Premultiplied)
    drawn.fill(QtCore.Qt.GlobalColor.transparent)
    painter = QtGui.QPainter(drawn)
    painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
    painter.setPen(QtCore.Qt.PenStyle.NoPen)
    painter.setBrush(QtGui.QColor(palette.median))
    painter.drawRoundedRect(QtCore.QRectF(0, 0, size, size), CORNER * size, CORNER * size)
    if size >= BAND_FROM:
        veil = QtGui.QColor(palette.surface)
        veil.setAlphaF(VEIL)
        painter.setBrush(veil)
        painter.drawPolygon(_points(BAND, size))
    painter.setBrush(QtCore.Qt.BrushStyle.NoBrush)
    pen = QtGui.QPen(QtGui.QColor(palette.surface), max(1.5, LINE * size))
    pen.setCapStyle(QtCore.Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(QtCore.Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    painter.drawPolyline(_points(CURVE, size))
    if state != "well":
        _draw_state(painter, size, state, palette)
    painter.end()
    return drawn


def _points(parts: tuple[tuple[float, float], ...], size: int) -> list[QtCore.QPointF]:
    return [QtCore.QPointF(x * size, y * size) for x, y in parts]


def _draw_state(painter: QtGui.QPainter, size: int, state: str, palette: Palette) -> None:
    """A triangle for late, a square for stopped, as everywhere in the window."""
    box = QtCore.QRectF(0.46 * size, 0.46 * size, 0.52 * size, 0.52 * size)
    painter.setPen(QtGui.QPen(QtGui.QColor(palette.surface), max(1.0, 0.05 * size)))
    painter.setBrush(QtGui.QColor(palette.badge if state == "late" else palette.stale))
    if state == "late":
        painter.drawPolygon([box.bottomLeft(), QtCore.QPointF(box.center().x(), box.top()), box.bottomRight()])
    else:
        painter.drawRect(box)
