"""The window as a display on the wall: the whole screen, type as large as it allows, nothing to click, until Esc is pressed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6 import QtCore, QtGui, QtWidgets

#: The size the window is drawn for; on the wall everything grows with the screen from there.
_DRAWN_FOR = QtCore.QSize(1280, 800)
#: Milliseconds without a movement after which the cursor goes.
CURSOR_MS = 3000


class Wall(QtCore.QObject):
    """Turns a window into a wall display and back. `hidden` is not shown on the wall; `redress` redraws what has fonts of its own."""

    def __init__(self, window: QtWidgets.QWidget, hidden: Sequence[QtWidgets.QWidget], redress: Callable[[], None]) -> None:
        super().__init__(window)
        self._window, self._hidden, self._redress = window, hidden, redress
        self._before = QtCore.Qt.WindowState.WindowNoState
        self._scale = 1.0
        self._on = self._blank = False
        self._still = QtCore.QTimer(self)
        self._still.setSingleShot(True)
        self._still.setInterval(CURSOR_MS)
        self._still.timeout.connect(self._hide_cursor)
        self._views: Sequence[Callable[[], None]] = ()
        self._turns = 0
        self._turn = QtCore.QTimer(self)
        self._turn.timeout.connect(self._show_next)

    @property
    def on(self) -> bool:
        """Whether it is on the wall."""
        return self._on

    def toggle(self) -> None:
        """Go to the wall or come back."""
        self.leave() if self._on else self.enter()

    def enter(self) -> None:
        """Fill the screen."""
        if self._on:
            return
        self._on, self._before = True, self._window.windowState()
        for widget in self._hidden:
            widget.hide()
        screen = self._window.screen().size()
        self._enlarge(min(screen.width() / _DRAWN_FOR.width(), screen.height() / _DRAWN_FOR.height()))
        self._window.setWindowState(self._before | QtCore.Qt.WindowState.WindowFullScreen)
        QtWidgets.QApplication.instance().installEventFilter(self)
        self._still.start()

    def leave(self) -> None:
        """Be a window again."""
        if not self._on:
            return
        self._on = False
        QtWidgets.QApplication.instance().removeEventFilter(self)
        self._turn.stop()
        self._still.stop()
        self._show_cursor()
        self._enlarge(1.0)
        for widget in self._hidden:
            widget.show()
        self._window.setWindowState(self._before)

    def take_turns(self, views: Sequence[Callable[[], None]], every_s: int) -> None:
        """Show one view after the other, each for so many seconds."""
        self._views = views
        self._turn.start(1000 * every_s)

    def _show_next(self) -> None:
        self._turns = (self._turns + 1) % len(self._views)
        self._views[self._turns]()

    def eventFilter(self, watched: QtCore.QObject, event: QtCore.QEvent) -> bool:
        """Esc leaves; the cursor comes when it is moved."""
        kinds = QtCore.QEvent.Type
        if event.type() in (kinds.MouseMove, kinds.MouseButtonPress, kinds.Wheel):
            self._show_cursor()
            self._still.start()
        elif isinstance(event, QtGui.QKeyEvent) and event.type() == kinds.KeyPress and event.key() == QtCore.Qt.Key.Key_Escape:
            self.leave()
            return True
        return super().eventFilter(watched, event)

    def _hide_cursor(self) -> None:
        if not self._blank:
            self._blank = True
            QtWidgets.QApplication.setOverrideCursor(QtCore.Qt.CursorShape.BlankCursor)

    def _show_cursor(self) -> None:
        if self._blank:
            self._blank = False
            QtWidgets.QApplication.restoreOverrideCursor()

    def _enlarge(self, scale: float) -> None:
        """Give all type another size: that of the application, which new widgets take, and that of every widget there is."""
        factor, self._scale = scale / self._scale, scale
        fonts = [(widget, widget.font()) for widget in self._window.findChildren(QtWidgets.QWidget)]
        QtWidgets.QApplication.setFont(_scaled(QtWidgets.QApplication.font(), factor))
        for widget, font in fonts:
            widget.setFont(_scaled(font, factor))
        self._redress()


def _scaled(font: QtGui.QFont, factor: float) -> QtGui.QFont:
    made = QtGui.QFont(font)
    made.setPointSizeF(font.pointSizeF() * factor)
    return made
