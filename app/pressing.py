"""Enter presses the button that has the focus, as it does in dialogs; Qt leaves that out of other windows."""

from __future__ import annotations

from PySide6 import QtCore, QtGui, QtWidgets


def press(window: QtWidgets.QWidget, event: QtGui.QKeyEvent) -> bool:
    """Press the focused button where a key that reached the window is Enter, and tell whether one was pressed."""
    button = window.focusWidget()
    enter = event.key() in (QtCore.Qt.Key.Key_Return, QtCore.Qt.Key.Key_Enter)
    if not (enter and isinstance(button, QtWidgets.QPushButton | QtWidgets.QToolButton)):
        return False
    button.click()
    return True
