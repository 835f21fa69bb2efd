"""A stack that asks for room for the page in front alone."""

from __future__ import annotations

from PySide6 import QtCore, QtWidgets


class FrontStack(QtWidgets.QStackedWidget):
    """Pages of which one is in front; the largest of the others does not keep the window from being small."""

    def __init__(self) -> None:
        super().__init__()
        self.currentChanged.connect(lambda _: self.updateGeometry())

    def sizeHint(self) -> QtCore.QSize:
        """That of the page in front."""
        front = self.currentWidget()
        return super().sizeHint() if front is None else front.sizeHint()

    def minimumSizeHint(self) -> QtCore.QSize:
        """That of the page in front."""
        front = self.currentWidget()
        return super().minimumSizeHint() if front is None else front.minimumSizeHint()
