"""The view of models: bundles with their roles, how a trial goes, and decisions that are asked about twice."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6 import QtCore, QtWidgets

from app import theme
from app.axis import TimeAxis
from app.bands import BandItem
from app.card import card
from app.chart import Chart, Legend
from app.empty import EmptyPage
from app.engine_link import Answer
from app.pane import Pane, Scene
from app.present import DECISIONS, Decision, ModelLine, ModelsView, Trial, change_text, models_view
from app.theme import Palette
from app.translations import Language
from engine.domain import DAY

#: Bundles that are seen without scrolling.
_MOST_ROWS = 7
#: Letters of a reason, as many as the engine takes.
_REASON_LENGTH = 500


class TrialChart(Chart):
    """The course of a mean difference between its bounds, with a line at 0."""

    def __init__(self, language: Language, palette: Palette) -> None:
        self._band, self._mean, self._zero = BandItem(), pg.PlotDataItem(), pg.InfiniteLine(0.0, angle=0)
        super().__init__(language, TimeAxis(language), palette)
        for item in (self._band, self._zero, self._mean):
            self.plot.addItem(item)

    def set_palette(self, palette: Palette) -> None:
        """Take new colours."""
        super().set_palette(palette)
        self._band.set_colour(palette.bands[1])
        self._mean.setPen(pg.mkPen(palette.median, width=2))
        self._zero.setPen(pg.mkPen(palette.ink, width=1))

    def show_trial(self, trial: Trial) -> None:
        """Draw the course; bounds beyond the chart are cut at its edge."""
        low, high = (np.clip(bound, -2 * trial.reach, 2 * trial.reach) for bound in (trial.low, trial.high))
        self._band.set_data(trial.time, low, high)
        self._mean.setData(trial.time, trial.mean)
        self.plot.setYRange(-trial.reach, trial.reach, padding=0)
        self.plot.setXRange(trial.time[0] - DAY, max(trial.time[-1], trial.time[0] + 28 * DAY) + DAY, padding=0)


class DecisionDialog(QtWidgets.QDialog):
    """Asks whether it is meant, and why; accepted only with a reason where one is needed."""

    def __init__(self, parent: QtWidgets.QWidget, decision: Decision, name: str, language: Language) -> None:
        super().__init__(parent)
        self.setWindowTitle(name)
        question = theme.label(text=decision.question)
        question.setWordWrap(True)
        question.setMinimumWidth(460)
        self.reason = QtWidgets.QLineEdit()
        self.reason.setMaxLength(_REASON_LENGTH)
        self.reason.setPlaceholderText(language.text("models.reason"))
        self.reason.setAccessibleName(language.text("models.reason"))
        buttons = QtWidgets.QDialogButtonBox()
        self.decide = buttons.addButton(name, QtWidgets.QDialogButtonBox.ButtonRole.AcceptRole)
        self.cancel = buttons.addButton(language.text("models.cancel"), QtWidgets.QDialogButtonBox.ButtonRole.RejectRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        if decision.needs_reason:
            self.decide.setEnabled(False)
            self.reason.textChanged.connect(lambda words: self.decide.setEnabled(bool(words.strip())))
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(20, 16, 20, 16)
        column.setSpacing(12)
        for widget in (question, self.reason, buttons):
            column.addWidget(widget)


class ModelsPane(Pane):
    """Table, buttons and the trial of the tier that is looked at. Decisions go to the engine, once they are meant."""

    of_consumer = False

    def __init__(self, language: Language, palette: Palette) -> None:
        super().__init__()
        self._language = language
        text = language.text
        self._view: ModelsView | None = None
        self._seen = ""  # the bundle looked at
        self._answered = ("", False)
        self._title, self._badges = theme.label(1.55, bold=True), theme.Badges()
        self.table = _table(text("models.table"))
        self.table.itemSelectionChanged.connect(self._look)
        self.buttons = {name: QtWidgets.QPushButton(text(f"models.{name}")) for name in DECISIONS}
        for name, button in self.buttons.items():
            button.setAccessibleName(button.text())
            button.clicked.connect(lambda _=False, name=name: self._ask(name))
        self.answer = theme.label(role="quiet")
        self.answer.setWordWrap(True)
        self._trial_head, self._sentence = theme.label(bold=True), theme.label()
        self._sentence.setWordWrap(True)
        self._legend = Legend((text("models.mean"), text("models.band")))
        self._caption = theme.label(0.92, role="quiet", text=text("models.chart"))
        self.chart = TrialChart(language, palette)
        self.chart.setAccessibleName(text("models.chart"))
        self._log = theme.label()
        self._log.setWordWrap(True)
        self._empty = EmptyPage()
        self._pages = QtWidgets.QStackedWidget()
        self._pages.addWidget(self._page(text("models.log")))
        self._pages.addWidget(self._empty)
        top = QtWidgets.QHBoxLayout()
        top.addWidget(self._title)
        top.addStretch(1)
        top.addWidget(self._badges)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addLayout(top)
        column.addWidget(self._pages, 1)
        self.set_palette(palette)

    def _page(self, log_head: str) -> QtWidgets.QWidget:
        row = QtWidgets.QHBoxLayout()
        row.setSpacing(8)
        for button in self.buttons.values():
            row.addWidget(button)
        row.addStretch(1)
        names = QtWidgets.QHBoxLayout()
        names.addWidget(self._caption)
        names.addStretch(1)
        names.addWidget(self._legend)
        self._trial_card, trial = card(self._trial_head, self._sentence)
        trial.addLayout(names)
        trial.addWidget(self.chart, 1)
        log_card, _ = card(theme.label(bold=True, text=log_head), self._log)
        page = QtWidgets.QWidget()
        column = QtWidgets.QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addWidget(self.table)
        column.addLayout(row)
        column.addWidget(self.answer)
        column.addWidget(self._trial_card, 1)
        column.addWidget(log_card)
        column.addStretch(0)
        return page

    def set_palette(self, palette: Palette) -> None:
        """Take new colours."""
        self.chart.set_palette(palette)
        self._legend.set_samples(((palette.median, "bold"), (palette.bands[1], "block")))

    def show_scene(self, scene: Scene) -> None:
        """Show bundles, roles and trials."""
        self.show_view(models_view(scene.snapshot, scene.engine, self._language))

    def take_answer(self, answer: Answer) -> None:
        """Tell what became of a decision."""
        if answer.refusal is not None:
            self.show_answer(f"{answer.refusal.problem} {answer.refusal.remedy}", refused=True)
        else:
            made = answer.document
            change = change_text(made["act"], made["from_id"], made["to_id"], self._language)
            self.show_answer(self._language.text("models.done", change=change))

    def show_view(self, view: ModelsView) -> None:
        """Show a view; the bundle looked at stays the same where it is still there."""
        self._view = view
        self._title.setText(view.title)
        self._badges.show_marks(view.marks)
        if view.empty is not None:
            self._empty.show_reason(view.empty)
        self._pages.setCurrentIndex(0 if view.empty is None else 1)
        self._log.setText("\n".join(view.log))
        ids = [line.model_id for line in view.lines]
        at = ids.index(self._seen) if self._seen in ids else view.first
        with QtCore.QSignalBlocker(self.table):
            _fill(self.table, view.heads, view.lines)
            self.table.selectRow(at)
        self._look()

    def show_answer(self, words: str, refused: bool = False) -> None:
        """Tell what became of a decision."""
        self._answered = (words, refused)
        self._tell()

    def _tell(self) -> None:
        """Why nothing can be decided, or what became of the last decision."""
        closed = self._view.closed if self._view is not None else ""
        words, refused = (closed, False) if closed else self._answered
        self.answer.setText(words)
        self.answer.setVisible(bool(words))
        theme.paint(self.answer, "stale" if refused else "quiet")

    def _line(self) -> ModelLine | None:
        rows = self.table.selectionModel().selectedRows()
        return self._view.lines[rows[0].row()] if self._view is not None and rows else None

    def _look(self) -> None:
        """Show what concerns the chosen bundle."""
        line, view = self._line(), self._view
        if line is None or view is None:
            return
        self._seen = line.model_id
        for name, button in self.buttons.items():
            button.setEnabled(name in line.decisions and not view.closed)
            button.setToolTip(view.closed)
        self._tell()
        trial = view.trials[line.tier]
        self._trial_head.setText(self._language.text("models.trial", tier=line.cells[1]))
        self._sentence.setText(trial.sentence)
        drawn = len(trial.time) > 1
        for widget in (self.chart, self._caption, self._legend):
            widget.setVisible(drawn)
        policy = QtWidgets.QSizePolicy.Policy
        self._trial_card.setSizePolicy(policy.Preferred, policy.Preferred if drawn else policy.Maximum)
        self.chart.setAccessibleDescription(trial.sentence)
        if drawn:
            self.chart.show_trial(trial)

    def _ask(self, name: str) -> None:
        line = self._line()
        if line is None or name not in line.decisions:
            return
        decision = line.decisions[name]
        dialog = DecisionDialog(self, decision, self.buttons[name].text().removesuffix(" …"), self._language)
        if dialog.exec() == QtWidgets.QDialog.DialogCode.Accepted:
            self.show_answer(self._language.text("models.sending"))
            self.request(f"/v1/models/{decision.act}", {**decision.words, "reason": dialog.reason.text().strip()})


def _table(name: str) -> QtWidgets.QTableWidget:
    table = QtWidgets.QTableWidget()
    table.setAccessibleName(name)
    table.setProperty("role", "list")
    table.setFont(theme.font())
    table.setEditTriggers(QtWidgets.QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionBehavior(QtWidgets.QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QtWidgets.QAbstractItemView.SelectionMode.SingleSelection)
    table.setWordWrap(False)
    table.setTextElideMode(QtCore.Qt.TextElideMode.ElideMiddle)  # names differ at their ends
    table.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    table.setShowGrid(False)
    table.setTabKeyNavigation(False)
    table.verticalHeader().hide()
    table.horizontalHeader().setHighlightSections(False)
    table.horizontalHeader().setDefaultAlignment(QtCore.Qt.AlignmentFlag.AlignLeft | QtCore.Qt.AlignmentFlag.AlignVCenter)
    return table


def _fill(table: QtWidgets.QTableWidget, heads: tuple[str, ...], lines: tuple[ModelLine, ...]) -> None:
    """Bundles under the heads; as high as a few of them."""
    table.setColumnCount(len(heads))
    table.setRowCount(len(lines))
    table.setHorizontalHeaderLabels(heads)
    for row, line in enumerate(lines):
        for column, cell in enumerate(line.cells):
            item = QtWidgets.QTableWidgetItem(cell)
            item.setToolTip(cell)
            table.setItem(row, column, item)
    modes = QtWidgets.QHeaderView.ResizeMode
    table.horizontalHeader().setSectionResizeMode(modes.ResizeToContents)
    table.horizontalHeader().setSectionResizeMode(0, modes.Stretch)
    rows = sum(table.rowHeight(row) for row in range(min(len(lines), _MOST_ROWS)))
    table.setFixedHeight(table.horizontalHeader().sizeHint().height() + rows + 2 * table.frameWidth())
