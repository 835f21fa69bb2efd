"""The line at the foot that tells of a newer version: quiet, for nothing is wrong."""

from __future__ import annotations

from PySide6 import QtWidgets

from app import theme
from app.present import UpdateNews
from app.translations import Language


class UpdateLine(QtWidgets.QWidget):
    """Shows news of a version. Its buttons bring that in, or put the news off until tomorrow."""

    def __init__(self, language: Language) -> None:
        super().__init__()
        self._told = theme.label(0.92, role="quiet")
        self.open, self.later = self._button(language.text("updates.open")), self._button(language.text("updates.later"))
        self.later.setAccessibleDescription(language.text("updates.later_about"))
        self.later.setToolTip(language.text("updates.later_about"))
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        for widget in (self._told, self.open, self.later):
            row.addWidget(widget)
        self.hide()

    def _button(self, words: str) -> QtWidgets.QPushButton:
        made = QtWidgets.QPushButton(words)
        made.setProperty("role", "tool")
        made.setFont(theme.font(0.92))
        made.setAccessibleName(words)
        return made

    def show_news(self, news: UpdateNews | None) -> None:
        """Show it, or nothing."""
        self.setVisible(news is not None)
        if news is not None:
            self._told.setText(news.text)
            self._told.setToolTip(news.detail)
            self.setAccessibleName(news.text)
            self.open.setVisible(news.can_apply)
