"""The support text: read first, then copied."""

from __future__ import annotations

import os

from PySide6 import QtGui, QtWidgets

from app import theme
from app.translations import Language
from engine.clock import SimulatedClock
from engine.config import Outside
from engine.store import Reader


def gather(reader: Reader, now: int) -> str:
    """The text of the folder whose database is read, made here because no engine runs."""
    from engine import support  # with the models' runtime, which the app does without until somebody needs help

    words = {"data_dir": reader.path.parent, "simulated": reader.simulated or None}
    return support.text(Outside(environment=os.environ, words=words), SimulatedClock(now))


class SupportDialog(QtWidgets.QDialog):
    """Shows the text, and copies it when told to."""

    def __init__(self, parent: QtWidgets.QWidget, words: str, language: Language) -> None:
        super().__init__(parent)
        text = language.text
        self.setWindowTitle(text("health.support_title"))
        self.resize(860, 600)
        about = theme.label(role="quiet", text=text("health.support_about"))
        about.setWordWrap(True)
        self.words = QtWidgets.QPlainTextEdit(words)
        self.words.setReadOnly(True)
        self.words.setTabChangesFocus(True)
        self.words.setLineWrapMode(QtWidgets.QPlainTextEdit.LineWrapMode.NoWrap)
        self.words.setFont(QtGui.QFontDatabase.systemFont(QtGui.QFontDatabase.SystemFont.FixedFont))
        self.words.setAccessibleName(text("health.support_title"))
        buttons = QtWidgets.QDialogButtonBox()
        self.copy = buttons.addButton(text("health.copy"), QtWidgets.QDialogButtonBox.ButtonRole.ActionRole)
        close = buttons.addButton(text("health.close"), QtWidgets.QDialogButtonBox.ButtonRole.RejectRole)
        self.copy.clicked.connect(lambda: self._copy(text("health.copied")))
        buttons.rejected.connect(self.reject)
        for button in (self.copy, close):
            button.setAccessibleName(button.text())
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(20, 16, 20, 16)
        column.setSpacing(12)
        for widget in (about, self.words, buttons):
            column.addWidget(widget)
        self.copy.setDefault(True)
        self.copy.setFocus()

    def _copy(self, done: str) -> None:
        QtGui.QGuiApplication.clipboard().setText(self.words.toPlainText())
        self.copy.setText(done)
