"""The card of what was learned: how often bands held beside what they promise, whom the median trusts, what is corrected."""

from __future__ import annotations

import html
import math

from PySide6 import QtCore, QtGui, QtWidgets

from app import theme
from app.present import CalibrationView, Coverage, Weight
from app.theme import Palette
from app.translations import Language
from engine.calibration import LEAD_GROUPS, SHARES
from engine.domain import Freshness

_BAR_PX, _STRIP_PX = 12, 24
#: Percentage points a strip shows to each side of nominal.
_REACH = 15.0


class CoverageStrip(QtWidgets.QWidget):
    """One coverage as a dot on a line: nominal in the middle, a field for what chance explains."""

    def __init__(self, palette: Palette) -> None:
        super().__init__()
        self._palette, self._coverage = palette, Coverage(math.nan, 0.0, 0.0, "")
        self.setMinimumSize(24, 16)
        self.setSizePolicy(QtWidgets.QSizePolicy.Policy.Expanding, QtWidgets.QSizePolicy.Policy.Expanding)

    def set_palette(self, palette: Palette) -> None:
        """Take new colours."""
        self._palette = palette
        self.update()

    def show_coverage(self, coverage: Coverage) -> None:
        """Show another."""
        self._coverage = coverage
        self.update()

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        """Draw; a share beyond the strip stands at its end."""
        palette, coverage = self._palette, self._coverage
        height = float(min(self.height(), _STRIP_PX))
        middle, half = self.width() / 2, self.width() / 2 - 5
        with QtGui.QPainter(self) as painter:
            painter.translate(0, (self.height() - height) / 2)
            painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
            painter.setPen(QtGui.QPen(QtGui.QColor(palette.rule), 1))
            painter.drawLine(QtCore.QPointF(0, height / 2), QtCore.QPointF(self.width(), height / 2))
            if math.isfinite(coverage.share + coverage.tolerance):
                field = half * min(coverage.tolerance / _REACH, 1.0)
                painter.fillRect(QtCore.QRectF(middle - field, 3, 2 * field, height - 6), QtGui.QColor(palette.bands[0]))
            painter.setPen(QtGui.QPen(QtGui.QColor(palette.quiet), 1))
            painter.drawLine(QtCore.QPointF(middle, 1), QtCore.QPointF(middle, height - 1))
            if math.isfinite(coverage.share):
                x = middle + half * max(-1.0, min(1.0, (coverage.share - coverage.nominal) / _REACH))
                painter.setPen(QtCore.Qt.PenStyle.NoPen)
                painter.setBrush(QtGui.QColor(palette.late if coverage.off else palette.median))
                painter.drawEllipse(QtCore.QPointF(x, height / 2), 4.0, 4.0)


class WeightBar(QtWidgets.QWidget):
    """Parts of a whole as one bar, over their names."""

    def __init__(self, palette: Palette) -> None:
        super().__init__()
        self._palette, self._weights = palette, tuple[Weight, ...]()
        self._names = theme.label(0.92)
        self._names.setTextFormat(QtCore.Qt.TextFormat.RichText)
        self._names.setWordWrap(True)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, _BAR_PX + 3, 0, 0)
        column.addWidget(self._names)

    def _colours(self) -> tuple[str, ...]:
        return (self._palette.median, self._palette.reference, self._palette.bands[2], self._palette.rule)

    def set_palette(self, palette: Palette) -> None:
        """Take new colours."""
        self._palette = palette
        self.show_weights(self._weights)

    def show_weights(self, weights: tuple[Weight, ...]) -> None:
        """Show other parts."""
        self._weights = weights
        named = (
            f'<span style="color: {colour}">■</span>&nbsp;{html.escape(f"{part.name} {part.words}").replace(" ", "&nbsp;")}'
            for part, colour in zip(weights, self._colours(), strict=False)
        )
        self._names.setText(" &nbsp; ".join(named))
        self.update()

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        """Draw the bar; a hair of ground parts its pieces."""
        left, width = 0.0, float(self.width())
        with QtGui.QPainter(self) as painter:
            for part, colour in zip(self._weights, self._colours(), strict=False):
                painter.fillRect(QtCore.QRectF(left, 0, max(0.0, part.share * width - 1), _BAR_PX), QtGui.QColor(colour))
                left += part.share * width


class CalibrationCard(QtWidgets.QFrame):
    """Coverage by band and lead time, weights of tomorrow's experts, and the corrections in words."""

    def __init__(self, language: Language, palette: Palette) -> None:
        super().__init__()
        self._language = language
        self.setProperty("role", "card")
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.TabFocus)
        self.setAccessibleName(language.text("calibration.title"))
        self._about = theme.label(0.92, role="quiet")
        self._learned, self._empty = theme.label(0.92, role="quiet"), theme.label()
        self._correction, self._width, self._weights_of = theme.label(0.92), theme.label(0.92), theme.label(0.92, role="quiet")
        for label in (self._empty, self._about, self._correction, self._width):
            label.setWordWrap(True)
        self._weights = WeightBar(palette)
        self._heads = [theme.label(0.92, role="quiet") for _ in LEAD_GROUPS]
        self._bands = [theme.label(0.92) for _ in SHARES]
        self._cells = [[(CoverageStrip(palette), theme.label(0.92)) for _ in LEAD_GROUPS] for _ in SHARES]
        self._learning = QtWidgets.QWidget()
        inside = QtWidgets.QVBoxLayout(self._learning)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(3)
        inside.addLayout(self._coverage_grid(), 2)
        inside.addWidget(self._about)
        inside.addSpacing(6)
        inside.addStretch(1)
        for widget in (self._weights_of, self._weights, self._correction, self._width):
            inside.addWidget(widget)
        top = QtWidgets.QHBoxLayout()
        top.addWidget(theme.label(bold=True, text=language.text("calibration.title")))
        top.addStretch(1)
        top.addWidget(self._learned)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 8)
        column.setSpacing(4)
        column.addLayout(top)
        column.addWidget(self._empty)
        column.addWidget(self._learning, 1)
        column.addStretch(0)

    def _coverage_grid(self) -> QtWidgets.QGridLayout:
        grid = QtWidgets.QGridLayout()
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(2)
        for column, head in enumerate(self._heads):
            grid.addWidget(head, 0, 1 + 2 * column, 1, 2)
            grid.setColumnStretch(1 + 2 * column, 1)
        for row, (band, cells) in enumerate(zip(self._bands, self._cells, strict=True), start=1):
            grid.addWidget(band, row, 0)
            grid.setRowStretch(row, 1)
            for column, (strip, words) in enumerate(cells):
                grid.addWidget(strip, row, 1 + 2 * column)
                words.setMinimumWidth(words.fontMetrics().horizontalAdvance("99,9\u00a0%\u00a0▲"))
                grid.addWidget(words, row, 2 + 2 * column)
        return grid

    def set_palette(self, palette: Palette) -> None:
        """Take new colours."""
        self._weights.set_palette(palette)
        for strip, _ in (cell for cells in self._cells for cell in cells):
            strip.set_palette(palette)

    def show_view(self, view: CalibrationView) -> None:
        """Show what was learned, or that nothing was yet."""
        self._empty.setText(view.empty)
        self._empty.setVisible(bool(view.empty))
        self._learning.setVisible(not view.empty)
        self._learned.setText(view.learned)
        self.setAccessibleDescription(view.summary)
        if view.empty:
            return
        self._about.setText(view.about)
        used = len(view.leads)
        for head, lead in zip(self._heads, view.leads, strict=False):
            head.setText(lead)
        for label, band in zip(self._bands, view.bands, strict=True):
            label.setText(band)
        for column, head in enumerate(self._heads):
            for part in (head, *(part for cells in self._cells for part in cells[column])):
                part.setVisible(column < used)
        for cells, row in zip(self._cells, view.coverage, strict=True):
            for (strip, words), coverage in zip(cells[:used], row, strict=True):
                strip.show_coverage(coverage)
                words.setText(f"{coverage.words}\u00a0{theme.SYMBOLS[Freshness.LATE]}" if coverage.off else coverage.words)
                theme.paint(words, "late" if coverage.off else "")
        self._weights_of.setText(view.weights_of)
        self._weights.show_weights(view.weights)
        for widget in (self._weights_of, self._weights):
            widget.setVisible(bool(view.weights))
        self._correction.setText(view.correction)
        self._width.setText(view.width)
