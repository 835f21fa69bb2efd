"""A view as a picture that tells by itself where its numbers are from: PNG, SVG and PDF."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from PySide6 import QtCore, QtGui, QtWidgets

from app import theme
from app.svg import SvgDevice
from app.theme import Palette

#: Pixels of a PNG for each of the screen's.
_SHARPNESS = 2.0
_MARGIN = 12


def _foot(notes: tuple[str, ...], width: int) -> tuple[QtGui.QTextLayout, float]:
    """The notes laid out in lines, and their height."""
    layout = QtGui.QTextLayout("   ·   ".join(notes), theme.font(0.86))
    layout.beginLayout()
    height = 0.0
    while (line := layout.createLine()).isValid():
        line.setLineWidth(width - 2 * _MARGIN)
        line.setPosition(QtCore.QPointF(0, height))
        height += line.height()
    layout.endLayout()
    return layout, height


@dataclass(frozen=True, slots=True)
class Picture:
    """A view as it was drawn at a moment, and the notes under it. It can be written in any thread."""

    drawing: QtGui.QPicture
    size: QtCore.QSize
    notes: tuple[str, ...]

    def image(self) -> QtGui.QImage:
        """In pixels, with the notes in its text, too."""
        made = QtGui.QImage(self.size * _SHARPNESS, QtGui.QImage.Format.Format_RGB32)
        made.setDevicePixelRatio(_SHARPNESS)
        made.setText("Description", "\n".join(self.notes))
        self._play(made)
        return made

    def png(self) -> bytes:
        """As PNG."""
        buffer = _buffer()
        self.image().save(buffer, "PNG")  # type: ignore[call-overload]
        return bytes(buffer.data().data())

    def svg(self) -> bytes:
        """As SVG."""
        made = SvgDevice(self.size, "Lastvagt", "\n".join(self.notes))
        self._play(made)
        return made.document()

    def pdf(self) -> bytes:
        """As PDF of one page as large as the picture."""
        buffer, dots = _buffer(), self.drawing.logicalDpiX()
        made = QtGui.QPdfWriter(buffer)
        made.setTitle("Lastvagt")
        made.setCreator("\n".join(self.notes))
        made.setResolution(dots)
        points = QtCore.QSizeF(self.size) * 72 / dots
        made.setPageSize(QtGui.QPageSize(points, QtGui.QPageSize.Unit.Point, "", QtGui.QPageSize.SizeMatchPolicy.ExactMatch))
        made.setPageMargins(QtCore.QMarginsF())
        self._play(made)
        return bytes(buffer.data().data())

    def _play(self, device: QtGui.QPaintDevice) -> None:
        with QtGui.QPainter(device) as painter:
            painter.drawPicture(QtCore.QPoint(0, 0), self.drawing)


def take(widget: QtWidgets.QWidget, notes: tuple[str, ...], palette: Palette) -> Picture:
    """The picture of a widget with notes under it."""
    width = widget.width() + 2 * _MARGIN
    layout, height = _foot(notes, width)
    size = QtCore.QSize(width, widget.height() + 3 * _MARGIN + round(height))
    drawing = QtGui.QPicture()
    with QtGui.QPainter(drawing) as painter:
        painter.fillRect(QtCore.QRect(QtCore.QPoint(0, 0), size), QtGui.QColor(palette.ground))
        widget.render(painter, QtCore.QPoint(_MARGIN, _MARGIN))
        painter.setPen(QtGui.QColor(palette.quiet))
        layout.draw(painter, QtCore.QPointF(_MARGIN, widget.height() + 2.0 * _MARGIN))
    return Picture(drawing, size, notes)


def _buffer() -> QtCore.QBuffer:
    made = QtCore.QBuffer()
    made.open(QtCore.QIODevice.OpenModeFlag.WriteOnly)
    return made


#: How a picture is written, by the name of the form, which is what the file's name ends with.
FORMS: Mapping[str, Callable[[Picture], bytes]] = {"png": Picture.png, "svg": Picture.svg, "pdf": Picture.pdf}
