"""A page that is as wide as its place and scrolls where it is higher."""

from __future__ import annotations

from PySide6 import QtCore, QtGui, QtWidgets


class ScrollPage(QtWidgets.QScrollArea):
    """Holds a widget whose texts wrap, so that its height follows from its width, which Qt's own area does not see.

    What takes the focus is scrolled into sight.
    """

    def __init__(self, inside: QtWidgets.QWidget) -> None:
        super().__init__()
        self.setWidget(inside)
        self.setWidgetResizable(True)
        self.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.NoFocus)
        self.viewport().setAutoFillBackground(False)
        inside.setAutoFillBackground(False)
        inside.installEventFilter(self)

    def eventFilter(self, watched: QtCore.QObject, event: QtCore.QEvent) -> bool:
        """Fit again when something inside asks for another size."""
        if event.type() == QtCore.QEvent.Type.LayoutRequest:
            self._fit()
        return super().eventFilter(watched, event)

    def resizeEvent(self, event: QtGui.QResizeEvent) -> None:
        """Fit to the new width."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        layout = self.widget().layout()
        self.widget().setMinimumHeight(layout.totalHeightForWidth(self.viewport().width()) if layout.hasHeightForWidth() else 0)
