"""The view of health: whether everything that forecasts are made of and by works, and what to do where it does not."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6 import QtCore, QtGui, QtWidgets

from app import health_snapshot, theme
from app.backups_table import BackupsTable
from app.card import card
from app.empty import EmptyPage
from app.engine_link import Answer
from app.health_snapshot import HealthSnapshot
from app.kits_table import KitsTable
from app.listing import Listing, draw_course
from app.pane import Pane, Question, Scene
from app.present import Cell, HealthLine, HealthView, closed, health_view
from app.quarantine_table import QuarantineTable
from app.scroll import ScrollPage
from app.support_dialog import SupportDialog, gather
from app.theme import Palette
from app.tier_strip import TierStripItem
from app.translations import Language
from engine import clock
from engine.domain import Expected
from engine.geography import PRICE_AREAS

#: Name of the question to the database.
_QUESTION = "health"
#: Code of the event that a database was recovered.
_RESTORED = "restored"
#: What the engine is asked.
_PLAN, _SUPPORT = "/v1/plan", "/v1/support"
#: Columns of names and values on the disk's card.
_DISK_COLUMNS = 2


class Course(QtWidgets.QWidget):
    """A course on its own, from 0 at its foot."""

    def __init__(self, palette: Palette) -> None:
        super().__init__()
        self._palette, self._cell = palette, Cell()
        self.setMinimumHeight(44)

    def set_palette(self, palette: Palette) -> None:
        """Take new colours."""
        self._palette = palette
        self.update()

    def show_cell(self, cell: Cell) -> None:
        """Draw a course; nothing where there is none."""
        self._cell = cell
        self.setVisible(len(cell.course) > 1)
        self.setAccessibleDescription(cell.words)
        self.update()

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        """Draw it."""
        if len(self._cell.course) > 1:
            with QtGui.QPainter(self) as painter:
                draw_course(painter, QtCore.QRectF(self.rect()).adjusted(3, 5, -5, -5), self._cell, self._palette)


class HealthPane(Pane):
    """Lists of sources, jobs, troubles and values set aside, days by tier, and the disk. A job can be run at once."""

    of_consumer = False
    has_panel = False

    def __init__(self, language: Language, palette: Palette) -> None:
        super().__init__()
        self._language = language
        text = language.text
        self._scene: Scene | None = None
        self._found: HealthSnapshot | None = None
        self._asked_at = 0
        self._asked_next: dict[str, int] = {}
        self._view: HealthView | None = None
        self._title, self._badges = theme.label(1.55, bold=True), theme.Badges()

        def listing(name: str, *heads: str, stretch: int = 0, most: int = 12) -> Listing:
            return Listing(text(f"health.{name}"), [text(f"health.{head}") for head in heads], palette, stretch, most)

        self.sources = listing("sources", "what", "age", "usual", "state", "course", most=20)
        self.jobs = listing("jobs", "job", "last", "took", "result", "next")
        self.events = listing("events", "state", "since", "lasted", "event", stretch=3, most=8)
        self.planned = Listing(
            text("planned.planned"), [text(f"planned.{head}") for head in ("hour", "state", "made", "reason")], palette, 3, most=8
        )
        self.set_aside, self.kits = QuarantineTable(language, palette), KitsTable(language, palette)
        self.backups = BackupsTable(language, palette)
        for asker in (self.set_aside, self.kits, self.backups):
            asker.told.connect(self.told)
        self._kits_card = _card(text("kits.kits"), self.kits)
        self._kits_card.hide()
        self.strips = {area: TierStripItem(palette) for area in PRICE_AREAS}
        self.run = QtWidgets.QPushButton(text("health.run"))
        self.run.setAccessibleName(self.run.text())
        self.run.clicked.connect(self._run)
        self.answer = theme.label(role="quiet")
        self.answer.setWordWrap(True)
        self.support = QtWidgets.QPushButton(text("health.support"))
        self.support.setAccessibleName(self.support.text())
        self.support.clicked.connect(self._ask_support)
        self._more = {each: _told() for each in (self.sources, self.jobs, self.events)}
        for each in self._more:
            each.itemSelectionChanged.connect(self._look)
        self._first_day, self._last_day = theme.label(0.92, role="quiet"), theme.label(0.92, role="quiet")
        self._no_events, self._planned = theme.label(role="quiet"), theme.label(role="quiet")
        self._disk = QtWidgets.QGridLayout()
        self._disk.setHorizontalSpacing(16)
        self._disk.setVerticalSpacing(4)
        self._disk.setColumnStretch(_DISK_COLUMNS * 2, 1)
        self._growth, self._grew = Course(palette), _told()
        self._growth.setAccessibleName(text("health.growth"))
        self._empty = EmptyPage()
        self._pages = QtWidgets.QStackedWidget()
        self._pages.addWidget(self._page())
        self._pages.addWidget(self._empty)
        top = QtWidgets.QHBoxLayout()
        top.addWidget(self._title)
        top.addStretch(1)
        top.addWidget(self.support)
        top.addWidget(self._badges)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addLayout(top)
        column.addWidget(self._pages, 1)

    def _page(self) -> QtWidgets.QWidget:
        text = self._language.text
        run = QtWidgets.QHBoxLayout()
        run.addWidget(self.run)
        run.addWidget(self.answer, 1)
        strips = QtWidgets.QGridLayout()
        strips.setVerticalSpacing(4)
        for row, (area, strip) in enumerate(self.strips.items()):
            strips.addWidget(theme.label(role="quiet", text=area), row, 0, QtCore.Qt.AlignmentFlag.AlignBottom)
            strips.addWidget(strip, row, 1)
        strips.setColumnStretch(1, 1)
        days = QtWidgets.QHBoxLayout()
        days.addWidget(self._first_day)
        days.addStretch(1)
        days.addWidget(self._last_day)
        strips.addLayout(days, len(self.strips), 1)
        about = theme.label(0.92, role="quiet", text=text("health.tiers_about"))
        about.setWordWrap(True)
        left = _column(
            _card(text("health.sources"), self.sources, self._more[self.sources]),
            _card(text("health.jobs"), self.jobs, self._more[self.jobs], run),
        )
        right = _column(
            _card(text("health.tiers"), strips, about),
            _card(text("health.disk"), self._disk, self._growth, self._grew),
            _card(text("health.events"), self._no_events, self.events, self._more[self.events]),
        )
        both = QtWidgets.QHBoxLayout()
        both.setSpacing(10)
        both.addLayout(left, 13)
        both.addLayout(right, 12)
        inside = QtWidgets.QWidget()
        column = QtWidgets.QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 6, 0)
        column.setSpacing(10)
        column.addWidget(self._kits_card)
        column.addLayout(both)
        column.addWidget(_card(text("planned.planned"), self._planned, self.planned))
        column.addWidget(_card(text("backups.backups"), self.backups))
        column.addWidget(_card(text("health.set_aside"), self.set_aside))
        column.addStretch(1)
        return ScrollPage(inside)

    def set_palette(self, palette: Palette) -> None:
        """Take new colours."""
        for each in (
            self.sources,
            self.jobs,
            self.events,
            self.planned,
            self.set_aside,
            self.kits,
            self.backups,
            *self.strips.values(),
            self._growth,
        ):
            each.set_palette(palette)

    def show_scene(self, scene: Scene) -> None:
        """Show what is known, and ask for the rest when the database has changed."""
        self._scene = scene
        if scene.snapshot.read_at != self._asked_at and scene.snapshot.fault is None:
            self._asked_at = scene.snapshot.read_at
            self.asked.emit(Question(_QUESTION, health_snapshot.read))
            if self._runs:
                self.request(_PLAN, query={})
        self._show()

    @property
    def _runs(self) -> bool:
        return self._scene is not None and self._scene.engine.answers

    def take_found(self, name: str, found: object) -> None:
        """Show what was found; a database that could not be read is told over the view already."""
        if name == _SUPPORT:
            self._show_support(f"{found.problem}\n{found.remedy}" if isinstance(found, Expected) else str(found))
        elif name == _QUESTION and not isinstance(found, Expected):
            assert isinstance(found, HealthSnapshot)
            self._found = found
            self._show()

    def deliver(self, answer: Answer) -> None:
        """Take an answer, or give it to the values set aside, the kits or the backups."""
        super().deliver(answer)
        self.set_aside.deliver(answer)
        self.kits.deliver(answer)
        self.backups.deliver(answer)

    def import_kit(self) -> None:
        """Let the user choose a kit, and import it."""
        self._kits_card.show()
        self.kits.choose()

    def take_answer(self, answer: Answer) -> None:
        """Take the plan or the support text, or tell whether a job runs."""
        path, refusal, document = answer.request.path, answer.refusal, answer.document
        if path == _PLAN:
            if refusal is None:
                self._asked_next = {each["dataset"]: clock.parse_utc(each["next_time"]) for each in document["sources"]}
                self._show()
        elif refusal is not None:
            self.support.setEnabled(True)
            self._tell(f"{refusal.problem} {refusal.remedy}", refused=True)
        elif path == _SUPPORT:
            self._show_support(document["text"])
        else:
            self._tell(self._language.text("health.told", job=self._language.text(f"job.{document['job']}")))

    def _ask_support(self) -> None:
        """Have the text gathered, by the engine where one runs that does it for us."""
        if self._scene is None or self._view is None:
            return
        if closed(self._scene.engine, self._language):  # what lies here tells nothing of the engine on another machine
            self._tell(self._view.closed, refused=True)
            return
        self.support.setEnabled(False)
        self._tell(self._language.text("health.waiting"))
        if self._scene.engine.takes_orders:
            self.request(_SUPPORT, {})
        else:
            self.asked.emit(Question(_SUPPORT, gather))

    def _show_support(self, words: str) -> None:
        self.support.setEnabled(True)
        self._tell(self._view.closed if self._view is not None else "")
        dialog = SupportDialog(self, words, self._language)
        dialog.setAttribute(QtCore.Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def _show(self) -> None:
        if self._scene is not None:
            scene = self._scene
            asked_next = self._asked_next if self._runs else {}
            view = health_view(scene.snapshot, self._found, scene.engine, self._language, scene.now, asked_next)
            values = self._found.set_aside if self._found is not None else ()
            self.set_aside.show_values(values, scene.engine, scene.now)
            replaced = self._found is not None and any(e.code == _RESTORED and e.until is None for e in self._found.events)
            self.backups.show_state(scene.engine, scene.snapshot.read_at, scene.now, replaced)
            if self._found is not None:
                self.kits.show_kits(self._found, scene.engine, scene.now)
                if self._found.kits or self._found.offline:
                    self._kits_card.show()
            self.show_view(view)

    def show_view(self, view: HealthView) -> None:
        """Show a view."""
        before, self._view = self._view, view
        self._title.setText(view.title)
        self._badges.show_marks(view.marks)
        if view.empty is not None:
            self._empty.show_reason(view.empty)
        self._pages.setCurrentIndex(0 if view.empty is None else 1)
        for listing, lines in (
            (self.sources, view.sources),
            (self.jobs, view.jobs),
            (self.events, view.events),
        ):
            listing.show_lines([line.cells for line in lines])
        self.events.setVisible(bool(view.events))
        self._no_events.setText(view.no_events)
        self._no_events.setVisible(not view.events)
        self._planned.setText(view.planned.summary)
        self.planned.show_lines(view.planned.lines)
        self.planned.setVisible(bool(view.planned.lines))
        for item, strip in zip(self.strips.values(), view.strips, strict=False):
            item.show_strip(strip)
        self._first_day.setText(view.first_day)
        self._last_day.setText(view.last_day)
        if before is None or before.disk != view.disk:
            self._fill_disk(view.disk)
        self._growth.show_cell(view.growth)
        self._grew.setText(view.growth.words)
        if before is None or before.closed != view.closed:
            self._tell(view.closed)
        self._look()

    def _fill_disk(self, disk: Sequence[tuple[str, Cell]]) -> None:
        while (item := self._disk.takeAt(0)) is not None:
            if (label := item.widget()) is not None:
                label.deleteLater()
        rows = -(-len(disk) // _DISK_COLUMNS)
        for number, (name, cell) in enumerate(disk):
            row, column = number % rows, number // rows * 2
            sign = "" if cell.state is None else f"{theme.SYMBOLS[cell.state]} "
            role = "" if cell.state is None else theme.role_of(cell.state)
            self._disk.addWidget(theme.label(role="quiet", text=name), row, column)
            self._disk.addWidget(theme.label(role=role, text=f"{sign}{cell.words}"), row, column + 1)

    def _line(self, listing: Listing, lines: Sequence[HealthLine]) -> HealthLine | None:
        at = listing.at
        return lines[at] if at is not None and at < len(lines) else None

    def _look(self) -> None:
        """Tell more of the chosen lines."""
        view = self._view
        if view is None:
            return
        for listing, lines in ((self.sources, view.sources), (self.jobs, view.jobs), (self.events, view.events)):
            line = self._line(listing, lines)
            self._more[listing].setText(line.more if line is not None else "")
            self._more[listing].setVisible(line is not None)
        job = self._line(self.jobs, view.jobs)
        self.run.setEnabled(job is not None and bool(job.job) and not view.closed)
        self.run.setToolTip(view.closed)

    def _run(self) -> None:
        view = self._view
        line = None if view is None else self._line(self.jobs, view.jobs)
        if line is not None and line.job:
            self._tell(self._language.text("health.sending"))
            self.request("/v1/jobs/run", {"job": line.job})

    def _tell(self, words: str, refused: bool = False) -> None:
        """Tell what became of an order, or why none can be given."""
        self.answer.setText(words)
        theme.paint(self.answer, "stale" if refused else "quiet")


def _told() -> QtWidgets.QLabel:
    """A quiet text of some lines."""
    made = theme.label(0.92, role="quiet")
    made.setWordWrap(True)
    return made


def _card(head: str, *parts: QtWidgets.QWidget | QtWidgets.QLayout) -> QtWidgets.QFrame:
    """A card with parts below each other under a head."""
    made, column = card(theme.label(bold=True, text=head), *parts, margins=(12, 8, 12, 10))
    column.addStretch(1)
    return made


def _column(*cards: QtWidgets.QWidget) -> QtWidgets.QVBoxLayout:
    """Cards below each other; the last takes what is left."""
    column = QtWidgets.QVBoxLayout()
    column.setSpacing(10)
    for each in cards:
        column.addWidget(each)
    column.setStretchFactor(cards[-1], 1)
    return column
