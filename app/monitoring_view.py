"""The monitoring view: are forecasts as good as usual, where are errors, do levels hold what they promise, and all scores."""

from __future__ import annotations

import functools

from PySide6 import QtCore, QtWidgets

from app import record, theme
from app.empty import EmptyPage
from app.pane import Pane, Question, Scene
from app.present import lag_days, monitor_view, promise_view, quality_view
from app.present.frame import seen
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

SECTIONS = ("state", "where", "promises", "scores")
#: Names of the questions: what is shown against first published load, and against what was chosen.
_RECORD, _OTHER = "monitoring.record", "monitoring.other"


class MonitoringPane(Pane):
    """Four sections about one consumer; or, with no scores, the reason. `hour_chosen` carries a Consumer and an hour to look at."""

    hour_chosen = QtCore.Signal(object, int)

    def __init__(self, language: Language, palette: Palette) -> None:
        super().__init__()
        self._language = language
        self._scene: Scene | None = None
        self._asked: tuple[object, ...] = ()
        self._record: Record | None = None
        self._other: Record | None = None
        self._lead: int | None = None
        self._title = theme.label(1.55, bold=True)
        self._badges = theme.Badges()
        self._period = theme.label(role="quiet")
        for label in (self._title, self._period):
            label.setWordWrap(True)
        self.state, self.where = StatePage(language, palette), WherePage(language, palette)
        self.promises, self.scores = PromisesPage(language, palette), ScoresPage(language, palette)
        self.where.opened.connect(self._open)
        self.where.truth_chosen.connect(lambda: self._ask())
        self.promises.lead_chosen.connect(self._choose_lead)
        self._tabs = QtWidgets.QTabBar()
        self._tabs.setProperty("role", "pages")
        self._tabs.setDrawBase(False)
        self._tabs.setExpanding(False)
        self._tabs.setAccessibleName(language.text("monitor.sections"))
        self._sections = QtWidgets.QStackedWidget()
        for section, page in zip(SECTIONS, (self.state, self.where, self.promises, self.scores), strict=True):
            self._tabs.addTab(language.text(f"monitor.{section}"))
            self._sections.addWidget(page)
        self._tabs.currentChanged.connect(self._switch)
        self._empty = EmptyPage()
        self._pages = QtWidgets.QStackedWidget()
        self._pages.addWidget(self._sections)
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
        self.set_palette(palette)

    @property
    def section(self) -> str:
        """Name of the section in front."""
        return SECTIONS[self._tabs.currentIndex()]

    def choose_section(self, section: str) -> None:
        """Bring a section to the front."""
        self._tabs.setCurrentIndex(SECTIONS.index(section))

    def set_palette(self, palette: Palette) -> None:
        """Take new colours."""
        for page in (self.state, self.where, self.promises, self.scores):
            page.set_palette(palette)

    def show_scene(self, scene: Scene) -> None:
        """Show how good the forecasts of the chosen consumer were."""
        self._scene = scene
        view = monitor_view(scene.snapshot, scene.of, scene.engine, self._language, scene.now)
        self._title.setText(view.title)
        self._period.setText(view.period)
        self._badges.show_marks(view.marks)
        self._tabs.setVisible(view.empty is None)
        if view.empty is not None:
            self._empty.show_reason(view.empty)
        self._pages.setCurrentIndex(0 if view.empty is None else 1)
        self.scores.show_view(view)
        self.promises.show_learned(view.calibration)
        self._ask()

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
        of, truth = self._scene.of, self.where.truth
        wanted = (of, truth, self._scene.snapshot.read_at)
        if wanted == self._asked:
            return
        self._asked = wanted
        self._ask_for(_RECORD, of, "provisional")
        if truth != "provisional":
            self._ask_for(_OTHER, of, truth)
        self._draw()

    def _ask_for(self, name: str, of: Consumer, truth: str) -> None:
        self.asked.emit(Question(name, functools.partial(_read, of, truth)))

    def _draw(self) -> None:
        """Draw the section in front, once what it shows has been read."""
        scene, held = self._scene, self._record
        if scene is None or held is None or held.of != scene.of:
            return
        known = seen(scene.snapshot, scene.of)
        if self.section == "state":
            self.state.show_view(quality_view(scene.snapshot, known, held, self._language, scene.now))
        elif self.section == "where":
            other = held if self.where.truth == held.truth else self._other
            if other is not None and (other.of, other.truth) == (scene.of, self.where.truth):
                self.where.show_record(other, scale_for(known), scene.now)
        elif self.section == "promises":
            late = lag_days(scene.snapshot, scene.of)
            self.promises.show_view(promise_view(known, held, self._lead, late, self._language, scene.now))

    def _switch(self, index: int) -> None:
        self._sections.setCurrentIndex(index)
        self._draw()

    def _choose_lead(self, bucket: int) -> None:
        self._lead = bucket
        self._draw()

    def _open(self, hour: int) -> None:
        if self._scene is not None:
            self.hour_chosen.emit(self._scene.of, hour)


def _read(of: Consumer, truth: str, reader: Reader, now: int) -> Record:
    return record.read(reader, of, truth, now)
