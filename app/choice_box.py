"""A box to choose one of several from."""

from __future__ import annotations

from PySide6 import QtCore, QtGui, QtWidgets


class ChoiceBox(QtWidgets.QComboBox):
    """A box to choose from with an arrow of its own: the style sheet takes that of the style away."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.view().setAccessibleName(name)
        self.setSizeAdjustPolicy(QtWidgets.QComboBox.SizeAdjustPolicy.AdjustToContents)

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        """Draw the arrow over the box."""
        super().paintEvent(event)
        with QtGui.QPainter(self) as painter:
            painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
            painter.setPen(QtGui.QPen(self.palette().color(QtGui.QPalette.ColorRole.ButtonText), 1.5))
            right, middle = self.width() - 9, self.height() / 2
            painter.drawPolyline([QtCore.QPointF(right - x, middle + y) for x, y in ((8, -2), (4, 2), (0, -2))])

    def show_entries(self, entries: tuple[tuple[str, str], ...], chosen: str) -> None:
        """Values with their names; only touched where they differ, so that an open list stays open."""
        if [(self.itemData(i), self.itemText(i)) for i in range(self.count())] != list(entries):
            self.clear()
            for value, name in entries:
                self.addItem(name, str(value))
        self.setCurrentIndex(self.findData(str(chosen)))
        self.setEnabled(len(entries) > 1)
