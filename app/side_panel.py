"""A page to read beside the view: help, and the history of notices."""

from __future__ import annotations

from pathlib import Path

from PySide6 import QtCore, QtGui, QtWidgets

from app import theme
from app.translations import Language

WIDTH = 400
#: Width of a window in which it stands beside the view and not over it.
_ROOMY_PX = 1700
_INDENT = 18


class SidePanel(QtWidgets.QFrame):
    """A page of Markdown at the right of the window. `asked` carries the topic of a link that was followed; Escape closes.

    `turned` tells that it appeared or went.
    """

    asked = QtCore.Signal(str)
    closed = QtCore.Signal()
    turned = QtCore.Signal()

    def __init__(self, language: Language) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self.setFixedWidth(WIDTH)
        self._title = theme.label(bold=True)
        close = QtWidgets.QPushButton(language.text("panel.close"))
        close.setAccessibleName(language.text("panel.close"))
        close.clicked.connect(self.close_again)
        self.page = QtWidgets.QTextBrowser()
        self.page.setOpenLinks(False)
        self.page.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        self.page.setFont(theme.font(1.04))
        self.page.anchorClicked.connect(self._follow)
        head = QtWidgets.QHBoxLayout()
        head.addWidget(self._title, 1)
        head.addWidget(close)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(14, 10, 10, 10)
        column.addLayout(head)
        column.addWidget(self.page, 1)
        self.hide()

    def show_page(self, title: str, markdown: str) -> None:
        """Show a page from its beginning."""
        self._title.setText(title)
        self.page.setAccessibleName(title)
        self.page.document().setDocumentMargin(6)
        self.page.document().setIndentWidth(_INDENT)
        self.page.setMarkdown(markdown)
        self.show()
        self.page.setFocus(QtCore.Qt.FocusReason.OtherFocusReason)

    def close_again(self) -> None:
        """Go away."""
        self.hide()
        self.closed.emit()

    def make_room(self, body: QtWidgets.QLayout, width: int) -> None:
        """Stand beside a layout in a window of so much width, or over its right end, so that the window never has to grow."""
        beside = self.isVisible() and width >= _ROOMY_PX
        body.setContentsMargins(0, 0, WIDTH + body.spacing() if beside else 0, 0)

    def showEvent(self, event: QtGui.QShowEvent) -> None:
        """Come to the front."""
        super().showEvent(event)
        self.raise_()
        self.turned.emit()

    def hideEvent(self, event: QtGui.QHideEvent) -> None:
        """Give the room back."""
        super().hideEvent(event)
        self.turned.emit()

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:
        """Escape closes."""
        if event.key() == QtCore.Qt.Key.Key_Escape:
            self.close_again()
        else:
            super().keyPressEvent(event)

    def _follow(self, url: QtCore.QUrl) -> None:
        if url.scheme() in ("https", "http"):
            QtGui.QDesktopServices.openUrl(url)
        else:
            self.asked.emit(Path(url.path()).name.partition(".")[0])
