"""The window: areas at the left, a view at the right, and around them what an operator must not miss."""

from __future__ import annotations

from collections.abc import Callable

from PySide6 import QtCore, QtGui, QtWidgets

from app import present, theme
from app.area_panel import AreaPanel
from app.engine_link import Answer
from app.forecast_view import ForecastPane
from app.map_view import MapPane
from app.models_view import ModelsPane
from app.monitoring_view import MonitoringPane
from app.pane import Pane, Scene
from app.present import Notice
from app.snapshot import PRICE_AREAS, EngineKind, EngineStatus, Snapshot
from app.theme import Palette
from app.translations import Language
from engine.clock import Clock
from engine.domain import Consumer

#: Milliseconds between two looks at the clock: proof of life, and ages that grow while no data come.
TICK_MS = 1000
REFRESH_EVERY_TICKS = 20
VIEWS = ("forecast", "monitoring", "models", "map")


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


class Window(QtWidgets.QMainWindow):
    """Shows snapshots as they arrive, and their ages as they grow.

    `wanted` carries a Consumer that is to be read, `asked` a view's Question to the database, `told` its Request to the engine.
    """

    wanted = QtCore.Signal(object)
    asked = QtCore.Signal(object)
    told = QtCore.Signal(object)

    def __init__(self, language: Language, palette: Palette, clock: Clock) -> None:
        super().__init__()
        self._language, self._clock = language, clock
        self._snapshot: Snapshot | None = None
        self._engine = EngineStatus(EngineKind.UNKNOWN)
        self._trouble: tuple[Notice, ...] = ()
        self._chosen = PRICE_AREAS[0]
        self.on_close: Callable[[], None] = lambda: None
        self.setWindowTitle(language.text("window.title"))
        self.areas = AreaPanel(language)
        self.areas.chosen.connect(self.choose_consumer)
        QtGui.QShortcut(QtGui.QKeySequence.StandardKey.Find, self, self.areas.search)
        self.forecast, self.monitoring = ForecastPane(language, palette), MonitoringPane(language, palette)
        self.models, self.map = ModelsPane(language, palette), MapPane(language, palette)
        self.map.chosen.connect(self.choose_consumer)
        self._tabs = QtWidgets.QTabBar()
        self._tabs.setAccessibleName(language.text("window.views"))
        self._tabs.setFont(theme.font(1.08, bold=True))
        self._tabs.setDrawBase(False)
        self._tabs.setExpanding(False)
        self._stack = QtWidgets.QStackedWidget()
        for number, (view, pane) in enumerate(zip(VIEWS, self._panes(), strict=True), start=1):
            self._tabs.addTab(language.text(f"window.{view}"))
            self._tabs.setTabToolTip(number - 1, f"Ctrl+{number}")
            self._stack.addWidget(pane)
            pane.asked.connect(self.asked)
            pane.told.connect(self.told)
            QtGui.QShortcut(f"Ctrl+{number}", self, lambda index=number - 1: self._tabs.setCurrentIndex(index))
        self._tabs.currentChanged.connect(self._switch)
        self._time = theme.label(1.08, bold=True)
        self._time.setAccessibleName(language.text("window.clock"))
        self._notices = NoticeBar(language)
        self._notices.hide()
        self._engine_line = theme.label(0.92, role="quiet")
        self.setCentralWidget(self._layout())
        self._ticks = 0
        self._timer = QtCore.QTimer(self)
        self._timer.timeout.connect(self._tick)
        self._timer.start(TICK_MS)
        self._tick()

    def _layout(self) -> QtWidgets.QWidget:
        top = QtWidgets.QHBoxLayout()
        name = theme.label(1.3, bold=True, text="Lastvagt")
        name.setFixedWidth(self.areas.width())
        top.addWidget(name)
        top.addWidget(self._tabs)
        top.addStretch(1)
        top.addWidget(self._time)
        right = QtWidgets.QVBoxLayout()
        right.setSpacing(8)
        right.addWidget(self._stack, 1)
        body = QtWidgets.QHBoxLayout()
        body.setSpacing(16)
        left = QtWidgets.QVBoxLayout()
        left.setSpacing(6)
        left.addWidget(self.areas, 1)
        body.addLayout(left)
        body.addLayout(right, 1)
        page = QtWidgets.QWidget()
        column = QtWidgets.QVBoxLayout(page)
        column.setContentsMargins(16, 8, 16, 8)
        column.setSpacing(8)
        column.addLayout(top)
        column.addWidget(self._notices)
        column.addLayout(body, 1)
        column.addWidget(self._engine_line)
        return page

    def _panes(self) -> tuple[Pane, ...]:
        return self.forecast, self.monitoring, self.models, self.map

    @property
    def view(self) -> str:
        """Name of the view in front."""
        return VIEWS[self._stack.currentIndex()]

    def choose_view(self, view: str) -> None:
        """Bring a view to the front."""
        self._tabs.setCurrentIndex(VIEWS.index(view))

    @property
    def chosen(self) -> Consumer:
        """The consumer that is shown, or will be as soon as it has been read."""
        return self._chosen

    def choose_consumer(self, of: Consumer) -> None:
        """Show another consumer in every view of consumers."""
        self._chosen = of
        if of not in PRICE_AREAS:
            self.wanted.emit(of)
        self._refresh()

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show what the feed has read."""
        self._snapshot = snapshot
        self._refresh()

    def show_engine(self, status: EngineStatus) -> None:
        """Show what is known of the engine."""
        self._engine = status
        self._refresh()

    def show_trouble(self, problem: str, remedy: str) -> None:
        """Show a fault of the app itself until it is closed."""
        self._trouble = (Notice(problem, remedy, self._language.time(self._clock.now())),)
        self._refresh()

    def show_answer(self, answer: Answer) -> None:
        """Give a view what the engine made of its request."""
        for pane in self._panes():
            pane.deliver(answer)

    def show_found(self, name: str, found: object) -> None:
        """Give views what was found in the database."""
        for pane in self._panes():
            pane.take_found(name, found)

    def set_palette(self, palette: Palette) -> None:
        """Take the colours of another theme."""
        for pane in self._panes():
            pane.set_palette(palette)

    def _switch(self, index: int) -> None:
        self._stack.setCurrentIndex(index)
        self._refresh()

    def _tick(self) -> None:
        now = self._clock.now()
        written = f"{self._language.date(now)}  {self._language.time(now)}:{now % 60:02d}  {self._language.zone(now, now)}"
        self._time.setText(written)
        self._ticks += 1
        if self._ticks % REFRESH_EVERY_TICKS == 0:
            self._refresh()

    def _refresh(self) -> None:
        """Present the snapshot at this moment; only the view in front is drawn, and it waits for a consumer that is being read."""
        snapshot, of, now = self._snapshot, self._chosen, self._clock.now()
        if snapshot is None:
            return
        self.areas.show_rows(present.area_rows(snapshot, self._language, now), of)
        self.areas.list.set_known(snapshot.known, of)
        self._notices.show_notices((*self._trouble, *present.notices(snapshot, self._engine, self._language, now)))
        self._engine_line.setText(present.engine_line(snapshot, self._engine, self._language))
        self._tabs.setTabText(VIEWS.index("models"), present.models_view(snapshot, self._engine, self._language).tab)
        known = of in snapshot.consumers or snapshot.fault is not None
        if known:
            self.areas.show_sources(present.forecast_view(snapshot, of, self._engine, self._language, now).sources)
        pane = self._panes()[self._stack.currentIndex()]
        if known or not pane.of_consumer:
            pane.show_scene(Scene(snapshot, of, self._engine, now))

    def closeEvent(self, event: QtGui.QCloseEvent) -> None:
        """Hide at once, for the engine may take some seconds to stop."""
        self._timer.stop()
        self.hide()
        self.on_close()
        super().closeEvent(event)
