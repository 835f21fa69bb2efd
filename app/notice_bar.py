"""What an operator must not miss, over every view."""

from __future__ import annotations

from PySide6 import QtWidgets

from app import theme
from app.present import Notice
from app.translations import Language


class NoticeBar(QtWidgets.QFrame):
    """The first trouble, what to do about it, and how many more there are."""

    def __init__(self, language: Language) -> None:
        super().__init__()
        self._language = language
        self.setProperty("role", "notice")
        self._problem, self._remedy, self._more = theme.label(bold=True), theme.label(), theme.label(role="quiet")
        for label in (self._problem, self._remedy):
            label.setWordWrap(True)
        words = QtWidgets.QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self._problem)
        words.addWidget(self._remedy)
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(12, 6, 12, 6)
        row.addLayout(words, 1)
        row.addWidget(self._more)

    def show_notices(self, notices: tuple[Notice, ...]) -> None:
        """Show them, or nothing."""
        self.setVisible(bool(notices))
        if not notices:
            return
        first = notices[0]
        self._problem.setText(f"▲ {first.problem}")
        self._remedy.setText(first.remedy)
        more = self._language.text("window.more", count=len(notices) - 1) if len(notices) > 1 else ""
        self._more.setText("   ".join(part for part in (first.since, more) if part))
        self.setToolTip("\n".join(f"{notice.problem} {notice.remedy}" for notice in notices[1:]))
        self.setAccessibleName(". ".join(f"{notice.problem} {notice.remedy}" for notice in notices))
