"""The program's mark, drawn: a load curve on a plate, and in its corner a shape for the state it is in."""

from __future__ import annotations

from PySide6 import QtCore, QtGui

from app.theme import Palette

#: States of the mark: nothing to tell, something late or failing, nobody works.
STATES = ("well", "late", "stopped")
_SIZES = (16, 22, 24, 32, 48, 64, 128, 256)
#: The curve of a day, in parts of the plate from its upper left corner.
_CURVE = ((0.14, 0.66), (0.28, 0.72), (0.42, 0.36), (0.56, 0.46), (0.70, 0.26), (0.86, 0.56))


def mark(state: str, palette: Palette) -> QtGui.QIcon:
    """The mark in a state, in every size a desktop asks for."""
    made = QtGui.QIcon()
    for size in _SIZES:
        made.addPixmap(_picture(size, state, palette))
    return made


def _picture(size: int, state: str, palette: Palette) -> QtGui.QPixmap:
    picture = QtGui.QPixmap(size, size)
    picture.fill(QtCore.Qt.GlobalColor.transparent)
    painter = QtGui.QPainter(picture)
    painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
    painter.setPen(QtCore.Qt.PenStyle.NoPen)
    painter.setBrush(QtGui.QColor(palette.median))
    painter.drawRoundedRect(QtCore.QRectF(0, 0, size, size), 0.18 * size, 0.18 * size)
    painter.setBrush(QtCore.Qt.BrushStyle.NoBrush)
    pen = QtGui.QPen(QtGui.QColor(palette.surface), max(1.5, 0.085 * size))
    pen.setCapStyle(QtCore.Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(QtCore.Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    painter.drawPolyline([QtCore.QPointF(x * size, y * size) for x, y in _CURVE])
    if state != "well":
        _draw_state(painter, size, state, palette)
    painter.end()
    return picture


def _draw_state(painter: QtGui.QPainter, size: int, state: str, palette: Palette) -> None:
    """A triangle for late, a square for stopped, as everywhere in the window."""
    box = QtCore.QRectF(0.46 * size, 0.46 * size, 0.52 * size, 0.52 * size)
    painter.setPen(QtGui.QPen(QtGui.QColor(palette.surface), max(1.0, 0.05 * size)))
    painter.setBrush(QtGui.QColor(palette.badge if state == "late" else palette.stale))
    if state == "late":
        painter.drawPolygon([box.bottomLeft(), QtCore.QPointF(box.center().x(), box.top()), box.bottomRight()])
    else:
        painter.drawRect(box)
