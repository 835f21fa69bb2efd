"""Goes through every view and page of a window on a filled store; run as a program it prints, as JSON, every text that is cut there."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path

from filled_store import NOW
from PySide6 import QtCore, QtWidgets

from app import snapshot, theme, translations
from app.theme import Palette
from app.translations import Language
from app.window import VIEWS, Window
from engine.clock import SimulatedClock
from engine.store import Reader


def open_window(folder: Path, language: Language, palette: Palette, size: tuple[int, int] = (1280, 800)) -> Window:
    """A window that shows what the database of a folder holds, and answers its views' questions at once."""
    reader = Reader(folder / "lastvagt.sqlite")
    window = Window(language, palette, SimulatedClock(NOW))
    window.asked.connect(lambda question: window.show_found(question.name, question.read(reader, NOW)))
    window.destroyed.connect(lambda: reader.close())
    window.resize(*size)
    window.show()
    window.show_snapshot(snapshot.read(reader, NOW, window.chosen))
    return window


def pages(window: Window) -> Iterator[str]:
    """Bring each view to the front, and each page in it that has a tab; gives where we are."""
    for view in VIEWS:
        window.choose_view(view)
        settle()
        yield view
        bars = [bar for bar in window.pane(view).findChildren(QtWidgets.QTabBar) if bar.isVisible()]
        for bar in bars:
            for index in range(bar.count()):
                bar.setCurrentIndex(index)
                settle()
                yield f"{view}, {bar.tabText(index)}"


def settle() -> None:
    """Let layouts come to rest: a table that grows moves what stands below it one round later."""
    for _ in range(4):
        QtWidgets.QApplication.processEvents()


def focusable(window: QtWidgets.QWidget) -> list[QtWidgets.QWidget]:
    """What the keys can go to now."""
    return [
        widget
        for widget in window.findChildren(QtWidgets.QWidget)
        if widget.isVisible() and widget.isEnabled() and widget.focusPolicy() & QtCore.Qt.FocusPolicy.TabFocus
    ]


def cut_texts(window: QtWidgets.QWidget) -> list[str]:
    """Texts on screen for which there is too little room."""
    cut = []
    for label in window.findChildren(QtWidgets.QLabel):
        if label.isVisible() and label.text() and label.textFormat() is not QtCore.Qt.TextFormat.RichText:
            room = label.contentsRect()
            if label.wordWrap():
                bad = label.heightForWidth(label.width()) > label.height() + 1
            else:
                lines = label.text().split("\n")
                bad = room.width() < max(math.floor(label.fontMetrics().horizontalAdvance(line)) for line in lines)
            if bad and _in_sight(label):
                cut.append(label.text())
    for button in window.findChildren(QtWidgets.QAbstractButton):
        if (
            button.isVisible()
            and button.text()
            and button.width() < button.fontMetrics().horizontalAdvance(button.text().replace("&", ""))
        ):
            cut.append(button.text())
    return cut


def _in_sight(label: QtWidgets.QLabel) -> bool:
    return not label.visibleRegion().isEmpty()


def _lengthen() -> None:
    """Make every text 40 % longer, as another language might."""
    for key, both in translations.TEXTS.items():
        translations.TEXTS[key] = tuple(text + "e" * math.ceil(0.4 * len(text)) for text in both)  # type: ignore[assignment]


def main(folder: str, code: str, width: str, height: str, longer: str) -> None:
    """Print what is cut, by page."""
    application = QtWidgets.QApplication([])
    QtCore.qInstallMessageHandler(lambda *_: None)
    if longer == "longer":
        _lengthen()
    theme.apply(application, theme.LIGHT)
    window = open_window(Path(folder), Language(code), theme.LIGHT, (int(width), int(height)))
    found = {page: cut for page in pages(window) if (cut := cut_texts(window))}
    print(
        json.dumps(
            {"cut": found, "size": [window.width(), window.height()], "ratio": window.devicePixelRatioF()}, ensure_ascii=False
        )
    )
    window.quit()


if __name__ == "__main__":
    main(*sys.argv[1:])
