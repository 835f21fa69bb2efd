"""A paint device that writes SVG.

Qt's own writes coordinates with six digits and clips nothing: times in seconds since 1970 need ten, and charts draw beyond their edges.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from html import escape

from PySide6 import QtCore, QtGui

_Element = QtGui.QPainterPath.ElementType
_DOTS = 96


class SvgDevice(QtGui.QPaintDevice):
    """Paint on it, then take the `document`."""

    def __init__(self, size: QtCore.QSize, title: str, description: str) -> None:
        super().__init__()
        self._size, self._engine = size, _Engine()
        self._title, self._description = title, description

    def document(self) -> bytes:
        """The SVG."""
        width, height = self._size.width(), self._size.height()
        head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
        told = f"<title>{escape(self._title)}</title><desc>{escape(self._description)}</desc>"
        return "\n".join(
            (head, told, "<defs>", *self._engine.named.values(), "</defs>", *self._engine.lines, "</svg>\n")
        ).encode()

    def paintEngine(self) -> QtGui.QPaintEngine:
        """What draws."""
        return self._engine

    def metric(self, metric: QtGui.QPaintDevice.PaintDeviceMetric) -> int:
        """Size and resolution."""
        kinds = QtGui.QPaintDevice.PaintDeviceMetric
        return {
            kinds.PdmWidth: self._size.width(),
            kinds.PdmHeight: self._size.height(),
            kinds.PdmWidthMM: round(self._size.width() * 25.4 / _DOTS),
            kinds.PdmHeightMM: round(self._size.height() * 25.4 / _DOTS),
            kinds.PdmNumColors: 1 << 24,
            kinds.PdmDepth: 32,
            kinds.PdmDevicePixelRatio: 1,
            kinds.PdmDevicePixelRatioScaled: 1 << 16,
        }.get(metric, _DOTS)


class _Engine(QtGui.QPaintEngine):
    """Every drawing is mapped to the picture's own coordinates, so that hundredths of a pixel say enough."""

    def __init__(self) -> None:
        super().__init__(QtGui.QPaintEngine.PaintEngineFeature.AllFeatures)
        self.lines: list[str] = []
        self.named: dict[str, str] = {}  # what drawings refer to, by its name

    def begin(self, device: QtGui.QPaintDevice) -> bool:
        """Nothing to prepare."""
        return True

    def end(self) -> bool:
        """Nothing to finish."""
        return True

    def type(self) -> QtGui.QPaintEngine.Type:
        """One of our own."""
        return QtGui.QPaintEngine.Type.User

    def updateState(self, state: QtGui.QPaintEngineState) -> None:
        """The painter is asked for its state at each drawing."""

    def drawPath(self, path: QtGui.QPainterPath) -> None:
        """A path with the pen and the brush."""
        self._write_path(path, self._fill())

    def drawPolygon(self, points: Sequence[QtCore.QPointF], mode: QtGui.QPaintEngine.PolygonDrawMode) -> None:
        """A polygon, or a line through points."""
        path, line = QtGui.QPainterPath(), mode is QtGui.QPaintEngine.PolygonDrawMode.PolylineMode
        path.addPolygon(QtGui.QPolygonF([QtCore.QPointF(point) for point in points]))
        if not line:
            path.closeSubpath()
        self._write_path(path, 'fill="none"' if line else self._fill())

    def drawPixmap(self, target: QtCore.QRectF, pixmap: QtGui.QPixmap, source: QtCore.QRectF) -> None:
        """Pixels, as a PNG of their own."""
        buffer = QtCore.QBuffer()
        buffer.open(QtCore.QIODevice.OpenModeFlag.WriteOnly)
        pixmap.toImage().copy(source.toRect()).save(buffer, "PNG")  # type: ignore[call-overload]
        at = self.painter().deviceTransform().mapRect(target)
        data = base64.b64encode(bytes(buffer.data().data())).decode("ascii")
        place = f'x="{at.x():.2f}" y="{at.y():.2f}" width="{at.width():.2f}" height="{at.height():.2f}"'
        self._write(f'<image {place} href="data:image/png;base64,{data}"/>')

    def drawTextItem(self, point: QtCore.QPointF, item: QtGui.QTextItem) -> None:
        """Text that stays text, as long as it was on screen whatever font is found."""
        to, font = self.painter().deviceTransform(), QtGui.QFontInfo(item.font())
        matrix = " ".join(f"{number:.4f}" for number in (to.m11(), to.m12(), to.m21(), to.m22(), *to.map(point).toTuple()))
        style = f'font-family="{escape(font.family())}, sans-serif" font-size="{font.pixelSize()}" font-weight="{font.weight()}"'
        pen = self.painter().pen().color()
        length = f'textLength="{item.width():.2f}" lengthAdjust="spacingAndGlyphs"' if len(item.text()) > 1 else ""
        ink = f'fill="{pen.name()}" fill-opacity="{pen.alphaF() * self.painter().opacity():.3f}"'
        self._write(
            f'<text transform="matrix({matrix})" {style} {length} {ink} xml:space="preserve">{escape(item.text())}</text>'
        )

    def _write_path(self, path: QtGui.QPainterPath, fill: str) -> None:
        self._write(f'<path d="{_steps(self.painter().deviceTransform().map(path))}" {fill} {self._stroke()}/>')

    def _write(self, element: str) -> None:
        """An element inside what is clipped away now."""
        painter = self.painter()
        if not painter.hasClipping():
            self.lines.append(element)
            return
        edge = painter.deviceTransform().mapRect(painter.clipBoundingRect())
        rect = f'x="{edge.x():.2f}" y="{edge.y():.2f}" width="{edge.width():.2f}" height="{edge.height():.2f}"'
        name = "clip" + re.sub("[^0-9-]+", "_", rect)
        self.named[name] = f'<clipPath id="{name}"><rect {rect}/></clipPath>'
        self.lines.append(f'<g clip-path="url(#{name})">{element}</g>')

    def _fill(self) -> str:
        brush, opacity = self.painter().brush(), self.painter().opacity()
        if brush.style() is QtCore.Qt.BrushStyle.NoBrush:
            return 'fill="none"'
        if brush.style() is QtCore.Qt.BrushStyle.BDiagPattern:
            colour, name = brush.color().name(), f"hatch{brush.color().name()[1:]}"
            line = f'<path d="M-2 2L2 -2M0 8L8 0M6 10L10 6" stroke="{colour}"/>'
            self.named[name] = f'<pattern id="{name}" width="8" height="8" patternUnits="userSpaceOnUse">{line}</pattern>'
            return f'fill="url(#{name})"'
        return f'fill="{brush.color().name()}" fill-opacity="{brush.color().alphaF() * opacity:.3f}" fill-rule="evenodd"'

    def _stroke(self) -> str:
        pen, painter = self.painter().pen(), self.painter()
        if pen.style() is QtCore.Qt.PenStyle.NoPen:
            return 'stroke="none"'
        to = painter.deviceTransform()
        width = (pen.widthF() or 1.0) * (1.0 if pen.isCosmetic() else abs(to.determinant()) ** 0.5)
        dashes = " ".join(f"{dash * width:.2f}" for dash in pen.dashPattern())
        dashed = f'stroke-dasharray="{dashes}"' if pen.style() is not QtCore.Qt.PenStyle.SolidLine else ""
        ink = f'stroke="{pen.color().name()}" stroke-opacity="{pen.color().alphaF() * painter.opacity():.3f}"'
        return f'{ink} stroke-width="{width:.2f}" {dashed}'


def _steps(path: QtGui.QPainterPath) -> str:
    """The path in SVG's words. Of a curve Qt keeps two control points and the end one after the other."""
    words = []
    for number in range(path.elementCount()):
        element = path.elementAt(number)
        place = f"{element.x:.2f} {element.y:.2f}"
        if element.type is _Element.MoveToElement:
            words.append(f"M{place}")
        elif element.type is _Element.LineToElement:
            words.append(f"L{place}")
        else:
            words.append(f"C{place}" if element.type is _Element.CurveToElement else place)
    return " ".join(words)
