"""The window: areas at the left, a view at the right, and around them what an operator must not miss."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from PySide6 import QtCore, QtGui, QtWidgets

from app import help_pages, present, theme
from app.area_panel import AreaPanel
from app.engine_link import Answer
from app.export_actions import export_actions
from app.export_dialog import told
from app.exporter import Exporter, Front
from app.finder import Command, Finder
from app.forecast_view import ForecastPane
from app.front_stack import FrontStack
from app.health_view import HealthPane
from app.map_view import MapPane
from app.menu import Menu, action
from app.models_view import ModelsPane
from app.monitoring_view import MonitoringPane
from app.notice_bar import NoticeBar
from app.overview_view import OverviewPane
from app.pane import Pane, Question, Scene
from app.preferences import PLAIN, Preferences
from app.present import Notice, UpdateNews
from app.pressing import press
from app.settings_view import SettingsPane
from app.side_panel import SidePanel
from app.snapshot import PRICE_AREAS, EngineKind, EngineStatus, Snapshot
from app.theme import Palette
from app.translations import LANGUAGES, Language
from app.update_line import UpdateLine
from app.wall import Wall
from engine import geography, installation
from engine.clock import Clock
from engine.domain import Consumer, Expected

#: Milliseconds between two looks at the clock: proof of life, and ages that grow while no data come.
TICK_MS = 1000
REFRESH_EVERY_TICKS = 20
#: Milliseconds of rest between two parts that are made in advance, for the user goes first.
_REST_MS = 60
#: Height of the line over a view that says what it is and whether data are simulated: no page lies over it.
HEAD_PX = 32
#: Milliseconds that what is told at the foot stays there.
SAID_MS = 12_000
#: Who shows each view, in the order of the tabs.
PANES: dict[str, Callable[[Language, Palette], Pane]] = {
    "overview": OverviewPane,
    "forecast": ForecastPane,
    "monitoring": MonitoringPane,
    "models": ModelsPane,
    "map": MapPane,
    "health": HealthPane,
    "settings": SettingsPane,
}
VIEWS = tuple(PANES)
#: Name of the question for troubles of the past.
_HISTORY = "notices"


class Window(QtWidgets.QMainWindow):
    """Shows snapshots as they arrive, and their ages as they grow.

    `wanted` carries a Consumer that is to be read, `asked` a view's Question to the database, `told` its Request to the engine,
    `liked` which preferences the user has changed, `noticed` the troubles on screen when they are other ones, `update_wanted` the version to bring in.
    """

    wanted = QtCore.Signal(object)
    asked = QtCore.Signal(object)
    told = QtCore.Signal(object)
    liked = QtCore.Signal(object)
    noticed = QtCore.Signal(object)
    update_wanted = QtCore.Signal(str)

    def __init__(self, language: Language, palette: Palette, clock: Clock, likes: Preferences = PLAIN) -> None:
        super().__init__()
        self._language, self._palette, self._clock, self._likes = language, palette, clock, likes
        self._snapshot: Snapshot | None = None
        self._engine = EngineStatus(EngineKind.UNKNOWN)
        self._trouble: tuple[Notice, ...] = ()
        self._shelved = present.on_shelf(likes.shelved, clock.now())
        self._chosen = Consumer(likes.area, likes.consumer_type) if likes.area else PRICE_AREAS[0]
        self._made: dict[str, Pane] = {}
        self._noticed: tuple[Notice, ...] = ()
        self._quits = False
        self.on_close: Callable[[], None] = lambda: None
        #: Whether closing the window only puts it away.
        self.hides: Callable[[], bool] = lambda: False
        self.setWindowTitle(language.text("window.title"))
        self.areas = AreaPanel(language)
        self.areas.chosen.connect(self.choose_consumer)
        self._tabs = QtWidgets.QTabBar()
        self._tabs.setAccessibleName(language.text("window.views"))
        self._tabs.setFont(theme.font(1.08, bold=True))
        self._tabs.setDrawBase(False)
        self._tabs.setExpanding(False)
        self._stack = FrontStack()
        for number, view in enumerate(VIEWS, start=1):
            self._tabs.addTab(language.text(f"window.{view}"))
            self._tabs.setTabToolTip(number - 1, f"Ctrl+{number}, F{number + 1}")
        self._tabs.setCurrentIndex(VIEWS.index(likes.view) if likes.view else 0)
        self._tabs.currentChanged.connect(self._switch)
        self._time = theme.label(1.08, bold=True)
        self._time.setAccessibleName(language.text("window.clock"))
        self._notices = NoticeBar(language)
        self._notices.copied.connect(lambda notice: self._copy((notice,)))
        self._notices.shelved.connect(lambda notice, shelf: self._shelve(notice.cause, shelf))
        self._notices.hide()
        self._panel = SidePanel(language)
        self._panel.asked.connect(self.show_help)
        self._panel.closed.connect(lambda: self.pane(self.view).setFocus())
        self._said = theme.label(0.92)
        self.exporter = Exporter(language)
        self.exporter.asked.connect(self.asked)
        self.exporter.said.connect(self.say)
        self.exporter.finished.connect(lambda result: self.say(told(result, language)))
        self._engine_line, self._shelf_line = theme.label(0.92, role="quiet"), theme.label(0.92, role="quiet")
        self._update = UpdateLine(language)
        self._news: UpdateNews | None = None
        self._update.open.clicked.connect(lambda: self._news and self.update_wanted.emit(self._news.version))
        self._update.later.clicked.connect(lambda: self._news and self._shelve(self._news.cause, "tomorrow"))
        self.menu = Menu(language, lambda: self.pane(self.view).actions())
        self.setCentralWidget(self._layout())
        self._fill_menu()
        self.finder = Finder(self, language)
        self.wall = Wall(
            self, (self._tabs, self.menu, self._engine_line, self._shelf_line), lambda: self.set_palette(self._palette)
        )
        self._switch()
        self._ticks = 0
        self._timer = QtCore.QTimer(self)
        self._timer.timeout.connect(self._tick)
        self._timer.start(TICK_MS)
        self._rest = QtCore.QTimer(self, interval=_REST_MS, singleShot=True)
        self._rest.timeout.connect(self._make_ahead)
        if likes.geometry:
            self.restoreGeometry(QtCore.QByteArray.fromBase64(likes.geometry.encode("ascii")))
        self._tick()

    def _layout(self) -> QtWidgets.QWidget:
        top = QtWidgets.QHBoxLayout()
        name = theme.label(1.3, bold=True, text="Lastvagt")
        name.setMinimumWidth(self.areas.minimumWidth())
        top.addWidget(name)
        top.addWidget(self._tabs)
        top.addStretch(1)
        top.addWidget(self._time)
        top.addWidget(self.menu)
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
        over = QtWidgets.QGridLayout()
        over.addLayout(body, 0, 0, 2, 1)
        over.addWidget(self._panel, 1, 0, QtCore.Qt.AlignmentFlag.AlignRight)
        over.setRowMinimumHeight(0, HEAD_PX)
        over.setRowStretch(1, 1)
        self._body = body
        self._panel.turned.connect(lambda: self._panel.make_room(body, self.width()))
        column.addLayout(over, 1)
        foot = QtWidgets.QHBoxLayout()
        foot.setSpacing(24)
        foot.addWidget(self._engine_line)
        foot.addWidget(self._update)
        foot.addWidget(self._said)
        foot.addStretch(1)
        foot.addWidget(self._shelf_line)
        column.addLayout(foot)
        return page

    def _fill_menu(self) -> None:
        text = self._language.text

        def show(view: str, number: int) -> QtGui.QAction:
            return action(self, text(f"window.{view}"), lambda: self.choose_view(view), f"F{number + 1}", f"Ctrl+{number}")

        self.menu.add_section(text("menu.views"), [show(view, number) for number, view in enumerate(VIEWS, start=1)])
        self.menu.add_front()
        self.menu.add_section(
            text("menu.area"),
            [
                action(self, text("menu.find_area"), self._search, QtGui.QKeySequence.StandardKey.Find),
                action(self, text("menu.next_area"), lambda: self.areas.step(1), "Alt+Down"),
                action(self, text("menu.previous_area"), lambda: self.areas.step(-1), "Alt+Up"),
            ],
        )
        self.menu.add_section(
            text("menu.notices"),
            [
                action(self, text("notices.copy_all"), lambda: self._copy(self._all_notices())),
                action(self, text("notices.unshelve"), self._unshelve),
                action(
                    self,
                    text("notices.history"),
                    lambda: self.asked.emit(Question(_HISTORY, lambda reader, _now: reader.events(open_only=False))),
                ),
            ],
        )
        self.menu.add_section(
            text("menu.export"), export_actions(self, self.exporter, self._front, self.liked.emit, self._language)
        )
        self.menu.add_section(text("menu.look"), self._look_actions())
        pages = [action(self, text("help.here"), lambda: self.show_help(self.view), QtGui.QKeySequence.StandardKey.HelpContents)]
        for topic in sorted(help_pages.topics(), key=lambda topic: help_pages.title(topic, self._language)):
            pages.append(action(self, help_pages.title(topic, self._language), lambda topic=topic: self.show_help(topic)))
        self.menu.add_section(text("menu.help"), pages)
        self.menu.add_section(
            text("menu.program"),
            [
                action(self, text("menu.find"), self.find, "Ctrl+K", "Ctrl+Shift+P"),
                action(self, text("menu.import_kit"), self._import_kit),
                action(self, text("menu.wall"), lambda: self.wall.toggle(), "F11"),
                action(self, text("menu.quit"), self.quit, "Ctrl+Q"),
            ],
        )
        QtGui.QShortcut("F10", self, self.menu.showMenu)

    def say(self, words: str) -> None:
        """Tell something at the foot for a while."""
        self._said.setText(words)
        QtCore.QTimer.singleShot(SAID_MS, self._said, lambda: self._said.setText("") if self._said.text() == words else None)

    @property
    def _scene(self) -> Scene:
        now = self._clock.now()
        return Scene(self._snapshot or Snapshot(now), self._chosen, self._engine, now, self._likes)

    def _front(self) -> Front:
        return Front(self._scene, self.view, self.pane(self.view), self._palette)

    def _look_actions(self) -> list[QtGui.QAction]:
        """The themes and the languages, of each group one ticked."""
        text = self._language.text
        themes = [(f"theme.{name}", {"theme": name}) for name in theme.PALETTES]
        languages = [(f"language.{code}", {"language": code}) for code in LANGUAGES]
        made = []
        for key, choices, now in (
            ("menu.theme", [("theme.system", {"theme": ""}), *themes], {"theme": self._likes.theme}),
            ("menu.language", languages, {"language": self._language.code}),
        ):
            group = QtGui.QActionGroup(self)
            for name, like in choices:
                made.append(action(self, text(key, name=text(name)), lambda like=like: self.liked.emit(like), ticked=like == now))
                group.addAction(made[-1])
        return made

    def show_help(self, topic: str) -> None:
        """Show a page of help beside the view."""
        self._panel.show_page(self._language.text("menu.help"), help_pages.page(topic, self._language))

    def find(self) -> None:
        """Let a command, a view or a consumer be found by a part of its name."""
        commands = [
            Command(
                each.text().removesuffix(" …"),
                kind,
                each.shortcut().toString(QtGui.QKeySequence.SequenceFormat.NativeText),
                each.trigger,
            )
            for kind, each in self.menu.commands()
        ]
        known = self._snapshot.known if self._snapshot is not None else ()
        for of in dict.fromkeys((*PRICE_AREAS, *known)):
            names = tuple(geography.title(of, code) for code in LANGUAGES)
            name = names[LANGUAGES.index(self._language.code)]
            commands.append(Command(name, self._language.text("menu.area"), "", lambda of=of: self._go_to(of), (*names, of.area)))
        self.finder.open(commands)

    def _search(self) -> None:
        self._go_to(self._chosen)
        self.areas.search()

    def _go_to(self, of: Consumer) -> None:
        """Show a consumer, in a view that shows one."""
        self.choose_consumer(of)
        if not self.pane(self.view).has_panel:
            self.choose_view("forecast")

    def _import_kit(self) -> None:
        """Import a kit in the view that lists them."""
        self.choose_view("health")
        pane = self.pane("health")
        assert isinstance(pane, HealthPane)
        pane.import_kit()

    def hang(self, views: Sequence[str], turn_s: int) -> None:
        """Be a wall display; of several views each is shown for so many seconds."""
        self.choose_view(views[0])
        self.wall.enter()
        if len(views) > 1:
            self.wall.take_turns([functools.partial(self.choose_view, view) for view in views], turn_s)

    def pane(self, view: str) -> Pane:
        """Who shows a view, made when it is first asked for."""
        if view not in self._made:
            made = self._made[view] = PANES[view](self._language, self._palette)
            made.asked.connect(self.asked)
            made.told.connect(self.told)
            made.chosen.connect(self.choose_consumer)
            made.opened.connect(self.choose_view)
            made.liked.connect(self.liked)
            if isinstance(made, MonitoringPane):
                made.hour_chosen.connect(self.show_hour)
            self._stack.addWidget(made)
        return self._made[view]

    def prepare(self) -> None:
        """Begin to make what nobody has looked at, one part after the other with rests, so that the first look need not wait."""
        self._rest.start()

    def _make_ahead(self) -> None:
        view = next((view for view in VIEWS if view not in self._made), None)
        if view is not None:
            self.pane(view)
        elif not any(pane.prepare() for pane in self._made.values()):
            return
        self._rest.start()

    @property
    def view(self) -> str:
        """Name of the view in front."""
        return VIEWS[self._tabs.currentIndex()]

    def choose_view(self, view: str) -> None:
        """Bring a view to the front, and the keys to it."""
        self._tabs.setCurrentIndex(VIEWS.index(view))
        self.pane(view).setFocus(QtCore.Qt.FocusReason.ShortcutFocusReason)

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

    def show_hour(self, of: Consumer, hour: int) -> None:
        """Show an hour of a consumer in the forecast view."""
        self.choose_consumer(of)
        self.choose_view("forecast")
        self.pane("forecast").look_at(hour)

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show what the feed has read."""
        self._snapshot = snapshot
        self._tabs.setTabText(VIEWS.index("models"), present.models_view(snapshot, self._engine, self._language).tab)
        self._refresh()

    def show_engine(self, status: EngineStatus) -> None:
        """Show what is known of the engine."""
        self._engine = status
        self._refresh()

    def show_trouble(self, cause: str, problem: str, remedy: str) -> None:
        """Show a fault of the app itself until it is closed."""
        since = self._language.text("window.since", time=self._language.time(self._clock.now()))
        self._trouble = (*(t for t in self._trouble if t.cause != cause), Notice(cause, problem, "", remedy, since))
        self._refresh()

    def set_likes(self, likes: Preferences) -> None:
        """Take what the user likes another way."""
        self._likes = likes
        self._refresh()

    def look(self) -> dict[str, object]:
        """What it shows and where it stands, as preferences."""
        return {
            "view": self.view,
            "area": self._chosen.area,
            "consumer_type": self._chosen.consumer_type,
            "geometry": bytes(self.saveGeometry().toBase64().data()).decode("ascii"),
        }

    def take_over(self, before: Window) -> None:
        """Show what another window showed."""
        self._engine, self._trouble, self._chosen = before._engine, before._trouble, before.chosen
        if before._snapshot is not None:
            self.show_snapshot(before._snapshot)

    def show_answer(self, answer: Answer) -> None:
        """Give a view what the engine made of its request."""
        for pane in self._made.values():
            pane.deliver(answer)

    def show_found(self, name: str, found: object) -> None:
        """Give views what was found in the database."""
        self.exporter.take_found(name, found)
        for pane in self._made.values():
            pane.take_found(name, found)
        if name == _HISTORY and not isinstance(found, Expected):
            page = present.history(found, self._language, self._clock.now())
            self._panel.show_page(self._language.text("menu.notices"), page)

    def set_palette(self, palette: Palette) -> None:
        """Take the colours of another theme."""
        self._palette = palette
        for pane in self._made.values():
            pane.set_palette(palette)

    def _switch(self) -> None:
        """Bring the view in front of the others once it shows what it has to: out of sight, nothing is laid out on the way."""
        pane = self.pane(self.view)
        self._refresh()
        self.areas.setVisible(pane.has_panel)
        self._stack.setCurrentWidget(pane)

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
        self._show_notices(now)
        if snapshot is None:
            return
        self.areas.show_rows(present.area_rows(snapshot, self._language, now), of)
        self.areas.list.set_known(snapshot.known, of)
        self._engine_line.setText(present.engine_line(snapshot, self._engine, self._language))
        self._show_news(snapshot)
        known = of in snapshot.consumers or snapshot.fault is not None
        pane = self.pane(self.view)
        if known and pane.has_panel:
            self.areas.show_sources(present.source_ages(snapshot, of, self._language, now))
        if known or not pane.of_consumer:
            pane.show_scene(self._scene)

    def _all_notices(self) -> tuple[Notice, ...]:
        now = self._clock.now()
        known = self._snapshot or Snapshot(now)
        return (*self._trouble, *present.notices(known, self._engine, self._language, now))

    def _show_notices(self, now: int) -> None:
        """Those that were put off are counted below until they come back."""
        self._shelved = present.on_shelf(self._shelved, now)
        found = self._all_notices()
        shown = tuple(notice for notice in found if notice.cause not in self._shelved)
        told = self.pane(self.view).tells
        self._notices.show_notices(tuple(notice for notice in shown if notice.cause.partition(":")[0] not in told))
        if shown != self._noticed:
            self._noticed = shown
            self.noticed.emit(shown)
        away = [self._shelved[notice.cause] for notice in found if notice.cause in self._shelved]
        words = (
            self._language.text("notices.shelved", count=len(away), time=self._language.moment(min(away), now)) if away else ""
        )
        self._shelf_line.setText(words)

    def _show_news(self, snapshot: Snapshot) -> None:
        """Tell of a newer version, unless that was put off, or the window is a wall display."""
        remote = self._engine.kind in (EngineKind.CONNECTED, EngineKind.UNHEARD)
        news = present.update_news(snapshot, installation.here().form, remote, self._language)
        self._news = None if news is None or news.cause in self._shelved or self.wall.on else news
        self._update.show_news(self._news)

    def _copy(self, notices: tuple[Notice, ...]) -> None:
        QtWidgets.QApplication.clipboard().setText("\n\n".join(notice.copied(self._clock.now()) for notice in notices))

    def _shelve(self, cause: str, shelf: str) -> None:
        self._shelved = {**self._shelved, cause: present.shelf_times(self._clock.now())[shelf]}
        self.liked.emit({"shelved": self._shelved})
        self._refresh()

    def _unshelve(self) -> None:
        self._shelved = {}
        self.liked.emit({"shelved": {}})
        self._refresh()

    def resizeEvent(self, event: QtGui.QResizeEvent) -> None:
        """Keep the finder where it stands, and the page to read beside the view where there is room."""
        super().resizeEvent(event)
        self.finder.place()
        self._panel.make_room(self._body, self.width())

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:
        """Enter presses the button that has the focus."""
        if not press(self, event):
            super().keyPressEvent(event)

    def quit(self) -> None:
        """Close for good."""
        self._quits = True
        self.close()

    def come_back(self) -> None:
        """Stand in front again."""
        self.setWindowState(self.windowState() & ~QtCore.Qt.WindowState.WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()

    def closeEvent(self, event: QtGui.QCloseEvent) -> None:
        """Hide at once, for the engine may take some seconds to stop."""
        self.wall.leave()
        self.hide()
        if not self._quits and self.hides():
            event.ignore()
            return
        self._timer.stop()
        self._rest.stop()
        self.on_close()
        super().closeEvent(event)
