"""The page that stands where there is nothing to show, and says why and what to do."""

from __future__ import annotations

from PySide6 import QtCore, QtWidgets

from app import theme
from app.present import Empty


class EmptyPage(QtWidgets.QFrame):
    """A title and a few lines in the middle of the view; commands in them can be selected and copied."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self._title = theme.label(1.4, bold=True)
        self._lines = theme.label(1.05)
        self._lines.setWordWrap(True)
        self._lines.setMaximumWidth(620)
        self._lines.setTextInteractionFlags(QtCore.Qt.TextInteractionFlag.TextSelectableByMouse)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(48, 48, 48, 48)
        column.setSpacing(12)
        column.addStretch(2)
        column.addWidget(self._title)
        column.addWidget(self._lines)
        column.addStretch(3)

    def show_reason(self, empty: Empty) -> None:
        """Show why there is nothing."""
        self._title.setText(empty.title)
        self._lines.setText("\n\n".join(empty.lines))
        self.setAccessibleName(empty.title)
        self.setAccessibleDescription(" ".join(empty.lines))
