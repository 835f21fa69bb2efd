"""A card: parts below each other on a surface of their own."""

from __future__ import annotations

from PySide6 import QtWidgets


def card(
    *parts: QtWidgets.QWidget | QtWidgets.QLayout, spacing: int = 6, margins: tuple[int, int, int, int] = (12, 8, 12, 8)
) -> tuple[QtWidgets.QFrame, QtWidgets.QVBoxLayout]:
    """The card, and the column its parts stand in."""
    frame = QtWidgets.QFrame()
    frame.setProperty("role", "card")
    column = QtWidgets.QVBoxLayout(frame)
    column.setContentsMargins(*margins)
    column.setSpacing(spacing)
    for part in parts:
        if isinstance(part, QtWidgets.QWidget):
            column.addWidget(part)
        else:
            column.addLayout(part)
    return frame, column
