"""The monitoring view: are forecasts as good as usual, where are errors, do levels hold what they promise, and all scores."""

from __future__ import annotations

import functools
from typing import TypeVar

from PySide6 import QtCore, QtGui, QtWidgets

from app import record, theme
from app.empty import EmptyPage
from app.front_stack import FrontStack
from app.pane import Pane, Question, Scene
from app.present import MonitorView, lag_days, monitor_view, promise_view, quality_view
from app.present.frame import is_gross, seen
from app.present.scale import scale_for
from app.promises_page import PromisesPage
from app.record import Record
from app.scores_page import ScoresPage
from app.state_page import StatePage
from app.theme import Palette
from app.translations import Language
from app.where_page import WherePage
from engine.domain import Consumer
from engine.store import Reader

_Page = TypeVar("_Page", StatePage, WherePage, PromisesPage, ScoresPage)

SECTIONS = ("state", "where", "promises", "scores")
#: Names of the questions: what is shown against first published load, and against what was chosen.
_RECORD, _OTHER = "monitoring.record", "monitoring.other"


class MonitoringPane(Pane):
    """Four sections about one consumer, each made when it is first looked at; or, with no scores, the reason.

    `hour_chosen` carries a Consumer and an hour to look at.
    """

    hour_chosen = QtCore.Signal(object, int)

    def __init__(self, language: Language, palette: Palette) -> None:
        super().__init__()
        self._language, self._palette = language, palette
        self._scene: Scene | None = None
        self._view: MonitorView | None = None
        self._asked: dict[str, tuple[Consumer, str, int]] = {}
        self._truth = "provisional"
        self._record: Record | None = None
        self._other: Record | None = None
        self._lead: int | None = None
        self._title = theme.label(1.55, bold=True)
        self._badges = theme.Badges()
        self._period = theme.label(role="quiet")
        for label in (self._title, self._period):
            label.setWordWrap(True)
        self._tabs = QtWidgets.QTabBar()
        self._tabs.setProperty("role", "pages")
        self._tabs.setDrawBase(False)
        self._tabs.setExpanding(False)
        self._tabs.setAccessibleName(language.text("monitor.sections"))
        for section in SECTIONS:
            self._tabs.addTab(language.text(f"monitor.{section}"))
            action = QtGui.QAction(language.text(f"monitor.{section}"), self)
            action.triggered.connect(functools.partial(self.choose_section, section))
            self.addAction(action)
        self._tabs.currentChanged.connect(self._draw)
        self._made: list[StatePage | WherePage | PromisesPage | ScoresPage] = []
        self._empty = EmptyPage()
        self._pages = FrontStack()
        self._pages.addWidget(self._empty)
        top = QtWidgets.QHBoxLayout()
        top.addWidget(self._title, 1)
        top.addWidget(self._badges)
        line = QtWidgets.QHBoxLayout()
        line.addWidget(self._tabs)
        line.addStretch(1)
        stack = QtWidgets.QVBoxLayout(self)
        stack.setContentsMargins(0, 0, 0, 0)
        stack.setSpacing(6)
        stack.addLayout(top)
        stack.addWidget(self._period)
        stack.addLayout(line)
        stack.addWidget(self._pages, 1)

    @functools.cached_property
    def state(self) -> StatePage:
        """Whether forecasts are as good as usual."""
        return self._place(StatePage(self._language, self._palette))

    @functools.cached_property
    def where(self) -> WherePage:
        """Where errors are."""
        page = self._place(WherePage(self._language, self._palette))
        page.opened.connect(self._open)
        page.truth_chosen.connect(self._choose_truth)
        return page

    @functools.cached_property
    def promises(self) -> PromisesPage:
        """Whether levels hold what they promise."""
        page = self._place(PromisesPage(self._language, self._palette))
        page.lead_chosen.connect(self._choose_lead)
        return page

    @functools.cached_property
    def scores(self) -> ScoresPage:
        """All scores."""
        return self._place(ScoresPage(self._language, self._palette))

    def prepare(self) -> bool:
        """Make a section that nobody has looked at."""
        ahead = next((section for section in SECTIONS if section not in vars(self)), "")
        return bool(ahead and getattr(self, ahead))

    def _place(self, page: _Page) -> _Page:
        page.set_palette(self._palette)
        self._made.append(page)
        self._pages.addWidget(page)
        return page

    @property
    def section(self) -> str:
        """Name of the section in front."""
        return SECTIONS[self._tabs.currentIndex()]

    def choose_section(self, section: str, *_: object) -> None:
        """Bring a section to the front."""
        self._tabs.setCurrentIndex(SECTIONS.index(section))

    def set_palette(self, palette: Palette) -> None:
        """Take new colours."""
        self._palette = palette
        for page in self._made:
            page.set_palette(palette)

    def show_scene(self, scene: Scene) -> None:
        """Show how good the forecasts of the chosen consumer were."""
        self._scene = scene
        view = self._view = monitor_view(scene.snapshot, scene.of, scene.engine, self._language, scene.now)
        if not self._title.text():
            self._head(view)
        self._ask()
        self._draw()

    def take_found(self, name: str, found: object) -> None:
        """Take a record that was read."""
        if not isinstance(found, Record) or self._scene is None or found.of != self._scene.of:
            return
        if name == _RECORD:
            self._record = found
        elif name == _OTHER:
            self._other = found
        self._draw()

    def _ask(self) -> None:
        """Ask for the record where another consumer, truth or state of the database is to be shown."""
        if self._scene is None:
            return
        of, read_at, chosen = self._scene.of, self._scene.snapshot.read_at, self._truth_of(self._scene.of)
        for name, truth in ((_RECORD, "provisional"), *(((_OTHER, chosen),) if chosen != "provisional" else ())):
            if self._asked.get(name) != (of, truth, read_at):
                self._asked[name] = (of, truth, read_at)
                self.asked.emit(Question(name, functools.partial(_read, of, truth)))

    def _head(self, view: MonitorView) -> None:
        """Say whose forecasts these are."""
        self._title.setText(view.title)
        self._period.setText(view.period)
        self._badges.show_marks(view.marks)
        self._tabs.setVisible(view.empty is None)

    def _draw(self, *_: object) -> None:
        """Draw the section in front once what it shows has been read; until then what was shown before stays, under its own title."""
        scene, view, held = self._scene, self._view, self._record
        if scene is None or view is None:
            return
        if view.empty is not None:
            self._head(view)
            self._empty.show_reason(view.empty)
            self._pages.setCurrentWidget(self._empty)
            return
        if self.section != "scores" and (held is None or held.of != scene.of):
            return
        self._head(view)
        self._pages.setCurrentWidget(getattr(self, self.section))
        known = seen(scene.snapshot, scene.of)
        if self.section == "state":
            self.state.show_view(quality_view(scene.snapshot, known, held, self._language, scene.now))
        elif self.section == "where":
            truth = self._truth_of(scene.of)
            other = held if truth == held.truth else self._other
            if other is not None and (other.of, other.truth) == (scene.of, truth):
                self.where.show_record(other, scale_for(known, self._language), scene.now)
        elif self.section == "promises":
            late = lag_days(scene.snapshot, scene.of)
            promised = promise_view(known, held, self._lead, late, self._language, scene.now)
            self.promises.show_view(promised, view.calibration)
        else:
            self.scores.show_view(view)

    def _truth_of(self, of: Consumer) -> str:
        """What errors of a consumer are measured against: what is metered is never called final."""
        return self._truth if is_gross(of) else "provisional"

    def _choose_truth(self, truth: str) -> None:
        self._truth = truth
        self._ask()
        self._draw()

    def _choose_lead(self, bucket: int) -> None:
        self._lead = bucket
        self._draw()

    def _open(self, hour: int) -> None:
        if self._scene is not None:
            self.hour_chosen.emit(self._scene.of, hour)


def _read(of: Consumer, truth: str, reader: Reader, now: int) -> Record:
    return record.read(reader, of, truth, now)
