"""A chart in the app's colours: what every plot of every view has in common."""

from __future__ import annotations

import pyqtgraph as pg
from PySide6 import QtCore, QtGui, QtWidgets

from app import theme
from app.axis import ValueAxis
from app.flow import FlowLayout
from app.theme import Palette
from app.translations import Language

#: How lines of a shape other than solid are drawn.
PEN_STYLES = {
    "dashes": QtCore.Qt.PenStyle.DashLine,
    "dots": QtCore.Qt.PenStyle.DotLine,
    "fine_dots": QtCore.Qt.PenStyle.DotLine,
    "dash_dots": QtCore.Qt.PenStyle.DashDotLine,
    "published": QtCore.Qt.PenStyle.DashLine,
    "ghost": QtCore.Qt.PenStyle.DashDotDotLine,
}


class Chart(pg.PlotWidget):  # type: ignore[misc]
    """A plot with a quiet grid, a Danish value axis, and neither menu nor buttons."""

    def __init__(self, language: Language, bottom: pg.AxisItem, palette: Palette, left: pg.AxisItem | None = None) -> None:
        axes = {"bottom": bottom, "left": left or ValueAxis(language)}
        super().__init__(viewBox=pg.ViewBox(enableMenu=False), axisItems=axes, enableMenu=False)
        self.plot = self.getPlotItem()
        self.plot.hideButtons()
        self.plot.setMouseEnabled(x=False, y=False)
        self.plot.disableAutoRange()
        self.viewport().setFocusPolicy(QtCore.Qt.FocusPolicy.NoFocus)  # the chart itself takes the keys
        self.setFrameShape(QtWidgets.QFrame.Shape.Box)
        self._palette = palette
        self._nothing = ""  # said where there is nothing to draw
        self._said_of_nothing = language.text("chart.empty")
        self.set_palette(palette)

    def set_empty(self, empty: bool) -> None:
        """Say that there is nothing to draw, and measure it with no scale."""
        self._nothing = self._said_of_nothing if empty else ""
        for side in ("bottom", "left"):
            self.plot.getAxis(side).setStyle(showValues=not empty)
        self.viewport().update()

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        """Write over the empty plot that it is."""
        super().paintEvent(event)
        if self._nothing:
            with QtGui.QPainter(self.viewport()) as painter:
                painter.setFont(theme.font())
                painter.setPen(QtGui.QColor(self._palette.quiet))
                painter.drawText(self.viewport().rect(), QtCore.Qt.AlignmentFlag.AlignCenter, self._nothing)

    def set_palette(self, palette: Palette) -> None:
        """Take the colours of ground, grid and labels."""
        self._palette = palette
        self.setBackground(palette.surface)
        for side in ("bottom", "left"):
            self.dress(side)

    def dress(self, side: str) -> None:
        """Give an axis its font and colours, and lay its grid under everything."""
        axis = self.plot.getAxis(side)
        axis.setStyle(tickFont=theme.font(0.92), tickLength=0, maxTickLevel=0)
        axis.setZValue(-1000)
        axis.setPen(self._palette.rule)
        axis.setTextPen(self._palette.quiet)
        axis.setTickPen(pg.mkPen(self._palette.grid))
        axis.setGrid(255)


def _sample(colour: str, shape: str) -> QtGui.QPixmap:
    """A sample for a legend: `block`, `line`, `bold`, `up` or one of `PEN_STYLES`."""
    ratio = QtWidgets.QApplication.primaryScreen().devicePixelRatio()
    picture = QtGui.QPixmap(QtCore.QSize(18, 12) * ratio)
    picture.setDevicePixelRatio(ratio)
    picture.fill(QtCore.Qt.GlobalColor.transparent)
    with QtGui.QPainter(picture) as painter:
        if shape == "block":
            painter.fillRect(QtCore.QRectF(0, 1, 18, 10), QtGui.QColor(colour))
        elif shape == "up":
            painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
            painter.setPen(QtCore.Qt.PenStyle.NoPen)
            painter.setBrush(QtGui.QColor(colour))
            painter.drawPolygon([QtCore.QPointF(9, 1), QtCore.QPointF(14, 11), QtCore.QPointF(4, 11)])
        else:
            pen = QtGui.QPen(QtGui.QColor(colour), 2 if shape in ("bold", "dots", "published") else 1)
            pen.setStyle(PEN_STYLES.get(shape, pen.style()))
            painter.setPen(pen)
            painter.drawLine(0, 6, 18, 6)
    return picture


class Legend(QtWidgets.QWidget):
    """Samples with their names in rows; what has no sample now is not named."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__()
        rows = FlowLayout()
        self.setLayout(rows)
        self._entries = []
        self._samples: tuple[tuple[str, str] | None, ...] = ()
        for text in names:
            entry, sample, name = QtWidgets.QWidget(), QtWidgets.QLabel(), theme.label(0.92, role="quiet", text=text)
            row = QtWidgets.QHBoxLayout(entry)
            row.setContentsMargins(0, 0, 0, 0)
            row.setSpacing(5)
            row.addWidget(sample)
            row.addWidget(name)
            rows.addWidget(entry)
            self._entries.append((entry, sample, name))

    def rename(self, index: int, text: str) -> None:
        """Give an entry another name."""
        self._entries[index][2].setText(text)

    def set_samples(self, samples: tuple[tuple[str, str] | None, ...]) -> None:
        """Draw each sample: its colour and shape, or None."""
        if samples == self._samples:
            return
        self._samples = samples
        for (entry, sample, _), drawn in zip(self._entries, samples, strict=True):
            if drawn is not None:
                sample.setPixmap(_sample(*drawn))
            entry.setVisible(drawn is not None)
