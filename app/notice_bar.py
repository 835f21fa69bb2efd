"""What an operator must not miss, over every view: one line, the most serious, and the others on demand."""

from __future__ import annotations

import html
from collections.abc import Callable

from PySide6 import QtCore, QtWidgets

from app import theme
from app.present import Notice
from app.translations import Language

#: Notices that are seen without asking for more, and at most.
_FEW, _MOST = 1, 6
SHELVES = ("hour", "shift", "tomorrow")


class NoticeLine(QtWidgets.QWidget):
    """One trouble. `copied` and `shelved` carry it; the latter with until when, by its name."""

    copied = QtCore.Signal(object)
    shelved = QtCore.Signal(object, str)

    def __init__(self, language: Language) -> None:
        super().__init__()
        self._language = language
        self._notice: Notice | None = None
        self._told, self._since = theme.label(), theme.label(0.92, role="quiet")
        self._told.setTextFormat(QtCore.Qt.TextFormat.RichText)
        self._told.setWordWrap(True)
        self.copy, self.shelve = _small_button(language.text("notices.copy")), _small_button(language.text("notices.shelve"))
        self.copy.clicked.connect(lambda: self.copied.emit(self._notice))
        choices = QtWidgets.QMenu(self.shelve)
        for shelf in SHELVES:
            choices.addAction(language.text(f"notices.{shelf}"), self._shelver(shelf))
        self.shelve.setMenu(choices)
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self._told, 1)
        for widget in (self._since, self.copy, self.shelve):
            row.addWidget(widget, 0, QtCore.Qt.AlignmentFlag.AlignVCenter)

    def _shelver(self, shelf: str) -> Callable[[], None]:
        return lambda: self.shelved.emit(self._notice, shelf)

    def show_notice(self, notice: Notice) -> None:
        """Show it."""
        self._notice = notice
        told = " ".join(filter(None, (notice.effect, notice.remedy)))
        self._told.setText(f"<b>▲ {html.escape(notice.problem)}</b>&nbsp; {html.escape(told)}")
        self._told.setAccessibleName(notice.told)
        self._since.setText(notice.since)
        self.setToolTip(notice.detail)
        self.setAccessibleDescription(notice.detail)
        for button, key in ((self.copy, "copy"), (self.shelve, "shelve")):
            button.setAccessibleName(self._language.text(f"notices.{key}_about", problem=notice.problem))


class NoticeBar(QtWidgets.QFrame):
    """All troubles under each other, the first at once."""

    copied = QtCore.Signal(object)
    shelved = QtCore.Signal(object, str)

    def __init__(self, language: Language) -> None:
        super().__init__()
        self._language = language
        self._notices: tuple[Notice, ...] = ()
        self._all = False
        self.setProperty("role", "notice")
        self._lines: list[NoticeLine] = []
        self._more = _small_button("")
        self._more.clicked.connect(self._toggle)
        self._column = QtWidgets.QVBoxLayout()
        self._column.setSpacing(4)
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(12, 4, 8, 4)
        row.setSpacing(8)
        row.addLayout(self._column, 1)
        row.addWidget(self._more, 0, QtCore.Qt.AlignmentFlag.AlignTop)

    def show_notices(self, notices: tuple[Notice, ...]) -> None:
        """Show them, or nothing."""
        self._notices = notices
        shown = notices[: _MOST if self._all else _FEW]
        while len(self._lines) < len(shown):
            line = NoticeLine(self._language)
            line.copied.connect(self.copied)
            line.shelved.connect(self.shelved)
            self._column.addWidget(line)
            self._lines.append(line)
        for line, notice in zip(self._lines, shown, strict=False):
            line.show_notice(notice)
        for place, line in enumerate(self._lines):
            line.setVisible(place < len(shown))
        self._more.setVisible(len(notices) > _FEW)
        count = len(notices) - _FEW
        self._more.setText(
            self._language.text("notices.fewer") if self._all else self._language.text("notices.more", count=count)
        )
        self._more.setAccessibleName(self._more.text())
        self.setAccessibleName(" ".join(notice.told for notice in notices))
        self.setVisible(bool(notices))

    def _toggle(self) -> None:
        self._all = not self._all
        self.show_notices(self._notices)


def _small_button(words: str) -> QtWidgets.QPushButton:
    """A button that makes no line higher."""
    made = QtWidgets.QPushButton(words)
    made.setProperty("role", "tool")
    made.setFont(theme.font(0.92))
    return made
