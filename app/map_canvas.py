"""The drawn map: areas as outlines or tiles, coloured, with one that has the focus; worked with keys or the mouse."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6 import QtCore, QtGui, QtWidgets

from app import outlines, theme
from app.ramps import ink
from app.theme import Palette
from engine import geography
from engine.geography import Kind

_MARGIN_PX, _GAP_PX = 12, 2
#: Size of the names of areas, by the size of other type: on a map, and on one narrower than so many digits.
_LABEL, _SMALL_LABEL, _NARROW = 1.15, 0.9, 50
_ARROWS = {
    QtCore.Qt.Key.Key_Left: (-1.0, 0.0),
    QtCore.Qt.Key.Key_Right: (1.0, 0.0),
    QtCore.Qt.Key.Key_Up: (0.0, -1.0),
    QtCore.Qt.Key.Key_Down: (0.0, 1.0),
}


@dataclass(frozen=True, slots=True)
class _Shape:
    """An area in map units: its path, where its label stands and whether on its own ground, and the label's first line."""

    path: QtGui.QPainterPath
    label_at: QtCore.QPointF
    on_own_ground: bool
    label: str


@dataclass(frozen=True, slots=True)
class Ground:
    """How one area is drawn: its colour, None for no data; whether the value is a forecast; and its label's second line."""

    colour: str | None
    estimated: bool
    label: str


def _shape(area: str) -> _Shape:
    path = QtGui.QPainterPath()
    for ring in outlines.outline(area):
        part = QtGui.QPainterPath()
        part.addPolygon(QtGui.QPolygonF([QtCore.QPointF(x, y) for x, y in ring]))
        part.closeSubpath()
        path = path.united(part)
    x, y, own = outlines.name_place(area)
    name = area if geography.kind(area) is Kind.PRICE_AREA else geography.name(area, "da").removeprefix("Region ")
    return _Shape(path, QtCore.QPointF(x, y), own, name)


def _tile(tile: outlines.Tile) -> _Shape:
    path = QtGui.QPainterPath()
    path.addRect(QtCore.QRectF(tile.column, tile.row, 1, 1))
    return _Shape(path, QtCore.QPointF(tile.column + 0.5, tile.row + 0.5), True, tile.label)


class MapCanvas(QtWidgets.QWidget):
    """Rows are those of the areas shown. `pointed` carries the row under the mouse or with the focus, `chosen` one that was meant."""

    pointed = QtCore.Signal(int)
    chosen = QtCore.Signal(int)

    def __init__(self, palette: Palette) -> None:
        super().__init__()
        self._palette = palette
        self._areas: tuple[str, ...] = ()
        self._shapes: list[_Shape] = []
        self._grounds: Sequence[Ground] = ()
        self._focused, self._hovered = 0, -1
        self._tiles = False
        self.setMouseTracking(True)
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(360, 300)

    @property
    def row(self) -> int:
        """The row under the mouse, else the one with the focus."""
        return self._hovered if self._hovered >= 0 else self._focused

    @property
    def focused(self) -> int:
        """The row with the focus."""
        return self._focused

    def set_palette(self, palette: Palette) -> None:
        """Take new colours."""
        self._palette = palette
        self.update()

    def show_areas(self, areas: tuple[str, ...]) -> None:
        """Show other areas; the focus stays with its area where that is still there."""
        if areas == self._areas:
            return
        before = self._areas[self._focused] if self._areas else ""
        tiles = {tile.area: tile for tile in outlines.TILES}
        self._tiles = bool(areas) and areas[0] in tiles
        self._shapes = [_tile(tiles[area]) if self._tiles else _shape(area) for area in areas]
        self._areas, self._hovered, self._grounds = areas, -1, ()
        self._focused = areas.index(before) if before in areas else 0
        self.update()

    def show_grounds(self, grounds: Sequence[Ground]) -> None:
        """Colour the areas."""
        self._grounds = grounds
        self.update()

    def focus_row(self, row: int) -> None:
        """Move the focus."""
        if row != self._focused:
            self._focused = row
            self.pointed.emit(self.row)
            self.update()

    def place_of(self, row: int) -> QtCore.QPointF:
        """Where an area's label stands, in pixels."""
        return self._view().map(self._shapes[row].label_at)

    def _label(self) -> float:
        return _LABEL if self.width() > _NARROW * theme.digit_px() else _SMALL_LABEL

    def _view(self) -> QtGui.QTransform:
        """From map units to pixels: as large as fits, in the middle."""
        wide, high = outlines.GRID if self._tiles else outlines.EXTENT_KM
        room = self.rect().adjusted(_MARGIN_PX, _MARGIN_PX, -_MARGIN_PX, -_MARGIN_PX)
        names = QtGui.QFontMetricsF(theme.font(self._label(), bold=True))
        beside = [(shape.label_at.x(), names.horizontalAdvance(shape.label)) for shape in self._shapes if not shape.on_own_ground]
        factor = min(room.width() / wide, room.height() / high, *((room.width() - name) / x for x, name in beside))
        width = max(wide * factor, *(x * factor + name for x, name in beside), 0.0)
        left, top = room.center().x() + 0.5 - width / 2, room.center().y() + 0.5 - high * factor / 2
        return QtGui.QTransform(factor, 0, 0, factor, round(left), round(top))

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:
        """Go to the nearest area in the arrow's direction; Enter chooses."""
        key = QtCore.Qt.Key(event.key())
        if key in _ARROWS:
            self._hovered = -1
            self.focus_row(self._neighbour(*_ARROWS[key]))
        elif key in (QtCore.Qt.Key.Key_Return, QtCore.Qt.Key.Key_Enter, QtCore.Qt.Key.Key_Space) and self._areas:
            self.chosen.emit(self._focused)
        else:
            super().keyPressEvent(event)

    def _neighbour(self, across: float, down: float) -> int:
        """The area that lies nearest in a direction, sideways counting double; the focused one where there is none."""
        here = self._shapes[self._focused].label_at
        found, least = self._focused, math.inf
        for row, shape in enumerate(self._shapes):
            step = shape.label_at - here
            ahead, aside = step.x() * across + step.y() * down, abs(step.x() * down) + abs(step.y() * across)
            if ahead > 0 and aside <= 2 * ahead and ahead + 2 * aside < least:
                found, least = row, ahead + 2 * aside
        return found

    def _at(self, position: QtCore.QPointF) -> int:
        inverse, _ = self._view().inverted()
        point = inverse.map(position)
        return next((row for row, shape in enumerate(self._shapes) if shape.path.contains(point)), -1)

    def _hover(self, row: int) -> None:
        if row != self._hovered:
            self._hovered = row
            self.pointed.emit(self.row)
            self.update()

    def mouseMoveEvent(self, event: QtGui.QMouseEvent) -> None:
        """Point at what is under the mouse."""
        self._hover(self._at(event.position()))

    def leaveEvent(self, event: QtCore.QEvent) -> None:
        """Point at the focused one again."""
        self._hover(-1)

    def mousePressEvent(self, event: QtGui.QMouseEvent) -> None:
        """Focus what is under the mouse."""
        if (row := self._at(event.position())) >= 0:
            self.focus_row(row)

    def mouseDoubleClickEvent(self, event: QtGui.QMouseEvent) -> None:
        """Choose what is under the mouse."""
        if (row := self._at(event.position())) >= 0:
            self.chosen.emit(row)

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        """Draw areas, their labels, and a frame around the one pointed at and the one focused."""
        if len(self._grounds) != len(self._shapes):
            return
        palette, view = self._palette, self._view()
        with QtGui.QPainter(self) as painter:
            painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
            if not self._tiles:
                painter.setPen(QtGui.QPen(QtGui.QColor(palette.rule), 1))
                painter.drawRect(view.mapRect(QtCore.QRectF(*outlines.INSET_KM)))
            for shape, ground in zip(self._shapes, self._grounds, strict=True):
                self._paint_ground(painter, self._on_screen(shape, ground, view), ground)
            if self._hovered >= 0:
                self._paint_frame(painter, self._hovered, view, palette.ink, 1.5)
            if self._shapes and (self.hasFocus() or self._hovered < 0):
                self._paint_frame(painter, self._focused, view, palette.focus if self.hasFocus() else palette.quiet, 2.5)
            for shape, ground in zip(self._shapes, self._grounds, strict=True):
                self._paint_label(painter, shape, ground, view)

    def _on_screen(self, shape: _Shape, ground: Ground, view: QtGui.QTransform) -> QtGui.QPainterPath:
        """The path in pixels; tiles are parted by a gap, and lack a corner where their value was not measured."""
        if not self._tiles:
            return view.map(shape.path)
        place = view.mapRect(shape.path.boundingRect()).adjusted(_GAP_PX / 2, _GAP_PX / 2, -_GAP_PX / 2, -_GAP_PX / 2)
        cut = view.m11() / 5 if ground.estimated and ground.colour is not None else 0.0
        right = [place.topRight() - QtCore.QPointF(cut, 0), place.topRight() + QtCore.QPointF(0, cut)]
        path = QtGui.QPainterPath()
        path.addPolygon(QtGui.QPolygonF([place.topLeft(), *right, place.bottomRight(), place.bottomLeft()]))
        path.closeSubpath()
        return path

    def _paint_ground(self, painter: QtGui.QPainter, path: QtGui.QPainterPath, ground: Ground) -> None:
        palette = self._palette
        if ground.colour is None:
            painter.fillPath(path, QtGui.QColor(palette.surface))
            painter.fillPath(path, QtGui.QBrush(QtGui.QColor(palette.reference), QtCore.Qt.BrushStyle.BDiagPattern))
        else:
            painter.fillPath(path, QtGui.QColor(ground.colour))
        painter.strokePath(path, QtGui.QPen(QtGui.QColor(palette.reference), 1 if ground.colour is None else 0.6))

    def _paint_label(self, painter: QtGui.QPainter, shape: _Shape, ground: Ground, view: QtGui.QTransform) -> None:
        """Two lines; where they stand on no colour of the ramp they have a ground of their own."""
        palette, at = self._palette, view.map(shape.label_at)
        on_colour = shape.on_own_ground and ground.colour is not None
        colour = ink(ground.colour) if on_colour and ground.colour else palette.ink
        scale = min(_LABEL, view.m11() / 44) if self._tiles else self._label()
        flags = QtCore.Qt.AlignmentFlag
        aligned = flags.AlignCenter if shape.on_own_ground else flags.AlignLeft | flags.AlignVCenter
        for line, (words, bold) in enumerate(((shape.label, True), (ground.label, False))):
            painter.setFont(theme.font(scale * (1.0 if bold else 0.92), bold))
            height, width = painter.fontMetrics().height(), painter.fontMetrics().horizontalAdvance(words) + 4
            left = at.x() - (width / 2 if shape.on_own_ground else 0)
            place = QtCore.QRectF(left, at.y() + (line - 1) * height * 0.98, width, height)
            if shape.on_own_ground and ground.colour is None:
                painter.fillRect(place, QtGui.QColor(palette.surface))
            painter.setPen(QtGui.QColor(colour))
            painter.drawText(place, aligned, words)

    def _paint_frame(self, painter: QtGui.QPainter, row: int, view: QtGui.QTransform, colour: str, width: float) -> None:
        path = self._on_screen(self._shapes[row], self._grounds[row], view)
        painter.strokePath(path, QtGui.QPen(QtGui.QColor(self._palette.surface), width + 2.5))
        painter.strokePath(path, QtGui.QPen(QtGui.QColor(colour), width))
