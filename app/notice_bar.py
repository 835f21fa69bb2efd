"""What an operator must not miss, over every view: a line for each cause, which can be copied or put off for a while."""

from __future__ import annotations

from collections.abc import Callable

from PySide6 import QtCore, QtWidgets

from app import theme
from app.present import Notice
from app.translations import Language

#: Notices that are seen without asking for more, and at most.
_FEW, _MOST = 2, 6
SHELVES = ("hour", "shift", "tomorrow")


class NoticeLine(QtWidgets.QWidget):
    """One trouble. `copied` and `shelved` carry it; the latter with until when, by its name."""

    copied = QtCore.Signal(object)
    shelved = QtCore.Signal(object, str)

    def __init__(self, language: Language) -> None:
        super().__init__()
        self._language = language
        self._notice: Notice | None = None
        self._problem, self._since = theme.label(bold=True), theme.label(role="quiet")
        self._told = theme.label()
        for label in (self._problem, self._told):
            label.setWordWrap(True)
        self.copy, self.shelve = (
            QtWidgets.QPushButton(language.text("notices.copy")),
            QtWidgets.QPushButton(language.text("notices.shelve")),
        )
        self.copy.clicked.connect(lambda: self.copied.emit(self._notice))
        choices = QtWidgets.QMenu(self.shelve)
        for shelf in SHELVES:
            choices.addAction(language.text(f"notices.{shelf}"), self._shelver(shelf))
        self.shelve.setMenu(choices)
        head = QtWidgets.QHBoxLayout()
        head.addWidget(self._problem, 1)
        head.addWidget(self._since)
        words = QtWidgets.QVBoxLayout()
        words.setSpacing(1)
        words.addLayout(head)
        words.addWidget(self._told)
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addLayout(words, 1)
        row.addWidget(self.copy)
        row.addWidget(self.shelve)

    def _shelver(self, shelf: str) -> Callable[[], None]:
        return lambda: self.shelved.emit(self._notice, shelf)

    def show_notice(self, notice: Notice) -> None:
        """Show it."""
        self._notice = notice
        self._problem.setText(f"▲ {notice.problem}")
        self._since.setText(notice.since)
        self._told.setText(" ".join(part for part in (notice.effect, notice.remedy) if part))
        self.setToolTip(notice.detail)
        self.setAccessibleDescription(notice.detail)
        for button, key in ((self.copy, "copy"), (self.shelve, "shelve")):
            button.setAccessibleName(self._language.text(f"notices.{key}_about", problem=notice.problem))


class NoticeBar(QtWidgets.QFrame):
    """All troubles under each other, the first few at once."""

    copied = QtCore.Signal(object)
    shelved = QtCore.Signal(object, str)

    def __init__(self, language: Language) -> None:
        super().__init__()
        self._language = language
        self._notices: tuple[Notice, ...] = ()
        self._all = False
        self.setProperty("role", "notice")
        self._lines: list[NoticeLine] = []
        self._more = QtWidgets.QPushButton()
        self._more.clicked.connect(self._toggle)
        self._column = QtWidgets.QVBoxLayout(self)
        self._column.setContentsMargins(12, 6, 12, 6)
        self._column.setSpacing(8)
        self._column.addWidget(self._more, 0, QtCore.Qt.AlignmentFlag.AlignRight)

    def show_notices(self, notices: tuple[Notice, ...]) -> None:
        """Show them, or nothing."""
        self._notices = notices
        shown = notices[: _MOST if self._all else _FEW]
        while len(self._lines) < len(shown):
            line = NoticeLine(self._language)
            line.copied.connect(self.copied)
            line.shelved.connect(self.shelved)
            self._column.insertWidget(len(self._lines), line)
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
        self.setAccessibleName(". ".join(f"{notice.problem} {notice.remedy}" for notice in notices))
        self.setVisible(bool(notices))

    def _toggle(self) -> None:
        self._all = not self._all
        self.show_notices(self._notices)
