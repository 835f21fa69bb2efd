"""The inspector beside the forecast chart: pages about the hour that is looked at, of which one is in front."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6 import QtCore, QtWidgets

from app import theme
from app.engine_link import Answer
from app.pane import Asker, Scene
from app.present import ForecastView
from app.sheet import Overlay, Sheet
from app.theme import Palette
from app.translations import Language

#: Makes a page.
SheetMaker = Callable[[Language, Palette], Sheet]

WIDTH_PX = 336


class Inspector(Asker):
    """Pages by name, each made when it first comes to the front. `drawn` carries the Overlay of the page in front, or None."""

    drawn = QtCore.Signal(object)

    def __init__(self, language: Language, palette: Palette, makers: Mapping[str, SheetMaker]) -> None:
        super().__init__()
        self._language, self._palette = language, palette
        self._makers = tuple(makers.items())
        self._sheets: dict[int, Sheet] = {}
        self._overlays: dict[int, Overlay | None] = {}
        self._seen: tuple[Scene, ForecastView, int] | None = None
        self.setFixedWidth(WIDTH_PX)
        self.setAccessibleName(language.text("inspector.name"))
        self._hour = theme.label(1.08, bold=True)
        self._hour.setWordWrap(True)
        self.tabs = QtWidgets.QTabBar()
        self.tabs.setProperty("role", "pages")
        self.tabs.setAccessibleName(language.text("inspector.pages"))
        self.tabs.setFont(theme.font(0.95))
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        self.tabs.setUsesScrollButtons(False)
        self._stack = QtWidgets.QStackedWidget()
        for name, _ in self._makers:
            self.tabs.addTab(language.text(f"inspector.{name}"))
            self._stack.addWidget(QtWidgets.QWidget())
        self.tabs.currentChanged.connect(self._turn)
        card = QtWidgets.QFrame()
        card.setProperty("role", "card")
        inside = QtWidgets.QVBoxLayout(card)
        inside.setContentsMargins(12, 10, 12, 8)
        inside.setSpacing(6)
        inside.addWidget(self._hour)
        inside.addWidget(self.tabs)
        inside.addWidget(self._stack, 1)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(card)

    @property
    def overlay(self) -> Overlay | None:
        """What the page in front lays over the chart."""
        return self._overlays.get(self.tabs.currentIndex())

    def choose(self, name: str) -> None:
        """Bring a page to the front."""
        self.tabs.setCurrentIndex([own for own, _ in self._makers].index(name))

    def show_hour(self, scene: Scene, view: ForecastView, hour: int, title: str) -> None:
        """Tell of an hour on the page in front, under this title; of one that is out of sight when it comes to the front."""
        self._seen = scene, view, hour
        self._hour.setText(title)
        if self.isVisible():
            self._front().show_hour(scene, view, hour)

    def set_palette(self, palette: Palette) -> None:
        """Take the colours of another theme."""
        self._palette = palette
        for sheet in self._sheets.values():
            sheet.set_palette(palette)

    def take_found(self, name: str, found: object) -> None:
        """Give every page what was found in the database."""
        for sheet in self._sheets.values():
            sheet.take_found(name, found)

    def deliver(self, answer: Answer) -> None:
        """Give every page what the engine made of its request."""
        for sheet in self._sheets.values():
            sheet.deliver(answer)

    def showEvent(self, event: object) -> None:
        """Show what was told while this was hidden."""
        self._turn()

    def _turn(self) -> None:
        if self._seen is not None and self.isVisible():
            self._front().show_hour(*self._seen)
        self.drawn.emit(self.overlay)

    def _front(self) -> Sheet:
        """The page in front, made where it was never there."""
        index = self.tabs.currentIndex()
        if index not in self._sheets:
            sheet = self._sheets[index] = self._makers[index][1](self._language, self._palette)
            sheet.asked.connect(self.asked)
            sheet.told.connect(self.told)
            sheet.drawn.connect(lambda overlay: self._lay(index, overlay))
            held = QtWidgets.QScrollArea()
            held.setWidget(sheet)
            held.setWidgetResizable(True)
            held.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
            held.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
            held.setFocusPolicy(QtCore.Qt.FocusPolicy.NoFocus)
            held.viewport().setAutoFillBackground(False)
            sheet.setAutoFillBackground(False)
            before = self._stack.widget(index)
            self._stack.insertWidget(index, held)
            self._stack.removeWidget(before)
            before.deleteLater()
        self._stack.setCurrentIndex(index)
        return self._sheets[index]

    def _lay(self, index: int, overlay: Overlay | None) -> None:
        self._overlays[index] = overlay
        if index == self.tabs.currentIndex():
            self.drawn.emit(overlay)
