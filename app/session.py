"""One run of the app: what reads and what works behind the window, and a window that is made anew when it is to speak another language."""

from __future__ import annotations

import dataclasses
import logging
import sys
from collections.abc import Sequence

from PySide6 import QtCore, QtWidgets

from app import icons, theme, tray
from app.engine_link import EngineLink, environment, in_background
from app.feed import Feed
from app.preferences import Preferences
from app.present import Notice
from app.remote import RemoteLink
from app.theme import Palette
from app.translations import Language
from app.tray import Tray
from app.update_dialog import UpdateDialog
from app.watchdog import Watchdog
from app.window import VIEWS, Window
from engine import installation
from engine.clock import Clock
from engine.domain import Consumer
from engine.installation import Form

log = logging.getLogger("lastvagt.app")

#: Milliseconds that what is still being written or asked may take when the app closes.
_LAST_MS = 2000


class Session(QtCore.QObject):
    """Holds the window, the feed and the link to the engine together, and keeps how the user likes it.

    `shown` is how the window looks now; `kept` what is written down, which the command line does not change. `ended` tells that the
    window has closed for good.
    """

    ended = QtCore.Signal()

    def __init__(
        self,
        application: QtWidgets.QApplication,
        kept: Preferences,
        shown: Preferences,
        feed: Feed,
        link: EngineLink | RemoteLink,
        clock: Clock,
    ) -> None:
        super().__init__()
        self._application, self._clock = application, clock
        self._kept, self._shown = kept, shown
        self.feed, self.link = feed, link
        self.tray: Tray | None = None
        application.styleHints().colorSchemeChanged.connect(self._dress)
        application.commitDataRequest.connect(self._leave_for_good)
        self.window = self._make()
        if tray.is_there():
            self._take_place()
        self._watchdog = Watchdog()
        self._watchdog.thawed.connect(self._thawed)
        feed.arrived.connect(link.consider)
        feed.finished.connect(self._feed_ended)

    @property
    def language(self) -> Language:
        """What the window speaks."""
        return Language(self._shown.language or Language.of_system().code, self._shown.unit)

    @property
    def _palette(self) -> Palette:
        return theme.PALETTES[self._shown.theme] if self._shown.theme else theme.of_system()

    def _make(self) -> Window:
        """A window that shows what is known by now."""
        theme.apply(self._application, self._palette)
        window = Window(self.language, self._palette, self._clock, self._shown)
        window.wanted.connect(self.feed.choose)
        window.asked.connect(self.feed.ask)
        window.told.connect(self.link.ask)
        window.liked.connect(self._like)
        window.noticed.connect(self._notice)
        window.update_wanted.connect(self._update)
        window.hides = self._put_away
        window.setWindowIcon(icons.mark("well", self._palette))
        self.feed.arrived.connect(window.show_snapshot)
        self.feed.arrived.connect(window.prepare)
        self.feed.found.connect(window.show_found)
        self.link.changed.connect(window.show_engine)
        self.link.answered.connect(window.show_answer)
        window.on_close = self._close
        return window

    def start(self) -> None:
        """Show the window and read."""
        self.window.show()
        self.feed.start()

    def _dress(self) -> None:
        palette = self._palette
        theme.apply(self._application, palette)
        self.window.set_palette(palette)

    def _like(self, changes: dict[str, object]) -> None:
        """The user likes something another way: keep it, and do it."""
        language = self.language
        self._kept = dataclasses.replace(self._kept, **changes)
        self._shown = dataclasses.replace(self._shown, **changes)
        self._write()
        self.window.set_likes(self._shown)
        if "theme" in changes:
            self._dress()
        if self.language != language:
            QtCore.QTimer.singleShot(0, self._speak)  # not inside a command of the window that goes

    def _speak(self) -> None:
        """Another window in the place of this one."""
        before = self.window
        self._shown = dataclasses.replace(self._shown, **before.look())
        self.window = self._make()
        if self.tray is not None:
            self._take_place()
        self.window.take_over(before)
        self.window.show()
        before.on_close = lambda: None
        before.quit()
        before.deleteLater()

    def _take_place(self) -> None:
        """Stand among the icons of the desktop."""
        if self.tray is not None:
            self.tray.go()
        self.tray = Tray(self.language, self._palette, self._clock)
        self.tray.opened.connect(lambda: self.window.come_back())
        self.tray.quitted.connect(lambda: self.window.quit())

    def _notice(self, notices: Sequence[Notice]) -> None:
        if self.tray is not None:
            self.tray.show_notices(notices)

    def _update(self, version: str) -> None:
        """Let a newer version be brought in."""
        if isinstance(self.link, EngineLink):
            restarts = installation.here().form is Form.PORTABLE
            dialog = UpdateDialog(self.window, version, self.link.command, restarts, self.language)
            dialog.restart_wanted.connect(self._start_again)
            dialog.setAttribute(QtCore.Qt.WidgetAttribute.WA_DeleteOnClose)
            dialog.open()

    def _start_again(self) -> None:
        """Give way to a window of the version that is used now; it begins when this one is gone, for there is one at a time."""
        process = QtCore.QProcess()
        process.setProgram(str(installation.here().root / "bin" / "lastvagt"))
        process.setArguments(sys.argv[1:])
        process.setProcessEnvironment(environment())
        self._application.aboutToQuit.connect(lambda: process.startDetached())
        self.window.quit()

    def _put_away(self) -> bool:
        """Whether the icon stands for the closed window, which is told once."""
        if self.tray is None:
            return False
        if not self._kept.told_of_tray:
            self.tray.tell(self.language.text("tray.hidden"), self.language.text("tray.hidden_why"))
            self._like({"told_of_tray": True})
        return True

    def _leave_for_good(self, _desktop: object) -> None:
        """The desktop ends: a window that only hides would hold it up."""
        self.window.hides = lambda: False

    def _feed_ended(self) -> None:
        self.window.show_trouble("feed", self.language.text("window.feed_stopped"), self.language.text("window.restart"))

    def _thawed(self, seconds: float) -> None:
        text = self.language.text
        words = text("window.frozen", seconds=self.language.number(seconds, 1))
        self.window.show_trouble("frozen", words, text("window.frozen_what"))

    def _write(self) -> None:
        """Keep it without waiting for the disk."""
        kept, path = self._kept, Preferences.file()

        def write() -> None:
            try:
                kept.write(path)
            except OSError as error:
                log.warning("How the window is liked could not be kept: %s", error)

        in_background(self, write)

    def _close(self) -> None:
        self.feed.finished.disconnect()
        self._kept = dataclasses.replace(self._kept, **self.window.look())
        self._write()
        if self.tray is not None:
            self.tray.go()
        self._watchdog.stop()
        self.feed.stop()
        self.link.stop()
        QtCore.QThreadPool.globalInstance().waitForDone(_LAST_MS)
        self.ended.emit()


def preferred(kept: Preferences, language: str | None, theme_name: str | None, of: Consumer | None) -> Preferences:
    """What is kept, overruled by the command line, without what this version does not know."""
    known = dataclasses.replace(
        kept,
        language=kept.language if kept.language in ("da", "en") else "",
        theme=kept.theme if kept.theme in theme.PALETTES else "",
        view=kept.view if kept.view in VIEWS else "",
    )
    given = {"language": language, "theme": theme_name, "area": of and of.area, "consumer_type": of and of.consumer_type}
    given["view"] = "forecast" if of else None
    return dataclasses.replace(known, **{name: value for name, value in given.items() if value})
