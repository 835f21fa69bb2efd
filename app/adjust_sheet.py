"""The inspector's page of adjustments: writing one with its effect in sight, and those that were made, which can be taken back."""

from __future__ import annotations

import functools

from PySide6 import QtCore, QtGui, QtWidgets

from app import adjustments_snapshot, theme
from app.adjustments_snapshot import AdjustmentsSnapshot
from app.choice_box import ChoiceBox
from app.engine_link import Answer
from app.hour_box import HourBox
from app.models_view import DecisionDialog
from app.pane import Question, Scene
from app.present import AdjustView, Decision, ForecastView, Sketch, adjust_view, made_text, preview
from app.sheet import Overlay, Sheet
from app.theme import Palette
from app.translations import Language
from engine import clock
from engine.adjusting import Act
from engine.domain import HOUR

_QUESTION = "adjustments"
_MAKE, _WITHDRAW = "/v1/adjustments/make", "/v1/adjustments/withdraw"
#: Letters of a reason, as many as the engine takes.
_REASON_LENGTH = 500
#: Hours that a new adjustment spans until it is told otherwise.
_SPAN_H = 3
#: What an item has around its words, both sides together, with the space to the next.
_ITEM_PX = 24


class AdjustSheet(Sheet):
    """A form whose effect is drawn over the chart while it is written, and below it what was decided before.

    The form begins with the hour that is looked at, until something is written in it.
    """

    def __init__(self, language: Language, palette: Palette) -> None:
        super().__init__()
        self._language = language
        text = language.text
        self._seen: tuple[Scene, ForecastView, int] | None = None
        self._found: AdjustmentsSnapshot | None = None
        self._asked: tuple[object, int] | None = None
        self._view: AdjustView | None = None
        self._answered = ("", False)
        self.start, self.end = HourBox(language, text("adjust.from")), HourBox(language, text("adjust.to"))
        self.expires = HourBox(language, text("adjust.expires"))
        self.act = ChoiceBox(text("adjust.act"))
        self.amount = QtWidgets.QDoubleSpinBox()
        self.amount.setLocale(QtCore.QLocale(language.code))
        self.amount.setAlignment(QtCore.Qt.AlignmentFlag.AlignRight)
        self.amount.setAccessibleName(text("adjust.amount"))
        self.reason = QtWidgets.QLineEdit()
        self.reason.setMaxLength(_REASON_LENGTH)
        self.reason.setPlaceholderText(text("adjust.reason_about"))
        self.reason.setAccessibleName(text("adjust.reason"))
        self.apply = QtWidgets.QPushButton(text("adjust.apply"))
        self.withdraw = QtWidgets.QPushButton(text("adjust.withdraw"))
        for button in (self.apply, self.withdraw):
            button.setAccessibleName(button.text().removesuffix(" …"))
        self.made = QtWidgets.QListWidget()
        self.made.setAccessibleName(text("adjust.list"))
        self.made.setProperty("role", "words")
        self.made.setWordWrap(True)
        self.made.setFont(theme.font(0.95))
        self.made.setVerticalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.made.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._effect, self._state = theme.label(0.95), theme.label(0.95)
        self._none, self._worth = theme.label(0.95, role="quiet", text=text("adjust.none")), theme.label(0.92, role="quiet")
        for label in (self._effect, self._state, self._worth):
            label.setWordWrap(True)
        self._lay_out()
        self.start.moved.connect(self._keep_order)
        self.end.moved.connect(self._keep_order)
        self.expires.moved.connect(self._sketch)
        self.act.currentIndexChanged.connect(self._choose_act)
        self.amount.valueChanged.connect(self._sketch)
        self.reason.textChanged.connect(self._sketch)
        self.apply.clicked.connect(self._apply)
        self.made.currentRowChanged.connect(self._look)
        self.withdraw.clicked.connect(self._withdraw)

    def _lay_out(self) -> None:
        text = self._language.text
        form = QtWidgets.QGridLayout()
        form.setHorizontalSpacing(8)
        form.setVerticalSpacing(6)
        form.setColumnStretch(1, 1)
        fields = {"from": self.start, "to": self.end, "act": self.act, "amount": self.amount, "expires": self.expires}
        for row, (name, field) in enumerate({**fields, "reason": self.reason}.items()):
            form.addWidget(theme.label(0.95, text=text(f"adjust.{name}")), row, 0)
            form.addWidget(field, row, 1)
        about = theme.label(0.92, role="quiet", text=text("adjust.about"))
        about.setWordWrap(True)
        right = QtCore.Qt.AlignmentFlag.AlignRight
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 2, 0, 0)
        column.setSpacing(6)
        column.addWidget(about)
        column.addLayout(form)
        column.addWidget(self._effect)
        column.addWidget(self.apply, 0, right)
        column.addWidget(self._state)
        column.addSpacing(6)
        column.addWidget(theme.label(0.95, bold=True, text=text("adjust.list")))
        for widget in (self._none, self.made):
            column.addWidget(widget)
        column.addWidget(self.withdraw, 0, right)
        column.addWidget(self._worth)
        column.addStretch(1)

    def set_palette(self, palette: Palette) -> None:
        """Everything has its colours from the style sheet."""

    def show_hour(self, scene: Scene, view: ForecastView, hour: int) -> None:
        """Begin with another hour where nothing is written yet; another consumer starts anew."""
        before, self._seen = self._seen, (scene, view, hour)
        fresh = before is None or before[1].of != view.of
        if fresh:
            self._found, self._answered = None, ("", False)
        if self._asked != (view.of, scene.snapshot.read_at):
            self._asked = view.of, scene.snapshot.read_at
            self.asked.emit(Question(_QUESTION, functools.partial(adjustments_snapshot.read, of=view.of)))
        self._show(fresh)
        if fresh or not self._begun():
            self._set_span(hour)
        self._sketch()

    def take_found(self, name: str, found: object) -> None:
        """Take the list; a database that cannot be read is told over the view already."""
        if name == _QUESTION and isinstance(found, AdjustmentsSnapshot):
            self._found = found
            self._show(fresh=False)

    def take_answer(self, answer: Answer) -> None:
        """Tell what became of an order; one that was carried out leaves an empty form."""
        if answer.refusal is not None:
            self._tell(f"{answer.refusal.problem} {answer.refusal.remedy}", refused=True)
            return
        if self._seen is not None:
            self._tell(made_text(answer.document, self._seen[1].scale, self._language))
        if answer.request.path == _MAKE:
            self.reason.clear()
            self.amount.setValue(0)

    def _show(self, fresh: bool) -> None:
        """Show what can be chosen and what was decided."""
        if self._seen is None:
            return
        scene, view, _ = self._seen
        found = self._found if self._found is not None and self._found.of == view.of else AdjustmentsSnapshot(view.of)
        before = self._view
        self._view = shown = adjust_view(scene.snapshot, found, scene.engine, self._language, scene.now)
        first, last = shown.bounds.first, shown.bounds.last
        for box, low, high in ((self.start, first, last - HOUR), (self.end, first + HOUR, last), (self.expires, first, last)):
            with QtCore.QSignalBlocker(box):
                box.set_bounds(low, high)
        if fresh:
            with QtCore.QSignalBlocker(self.act), QtCore.QSignalBlocker(self.amount):
                self.act.clear()
                self.act.addItem(self._language.text("adjust.add", unit=shown.bounds.unit), Act.ADD)
                self.act.addItem(self._language.text("adjust.multiply"), Act.MULTIPLY)
                self.amount.setValue(0)
            with QtCore.QSignalBlocker(self.reason):
                self.reason.clear()
            self._choose_act()
        if before is None or (before.lines, before.operators) != (shown.lines, shown.operators):
            self._list(shown)
        self._look()

    def _list(self, shown: AdjustView) -> None:
        row = self.made.currentRow()
        number = self.made.item(row).data(QtCore.Qt.ItemDataRole.UserRole) if row >= 0 else None
        with QtCore.QSignalBlocker(self.made):
            self.made.clear()
            for line in shown.lines:
                item = QtWidgets.QListWidgetItem(
                    "\n".join(filter(None, (line.whose, line.what, line.state, line.why, line.worth)))
                )
                item.setData(QtCore.Qt.ItemDataRole.UserRole, line.adjustment_id)
                item.setData(QtCore.Qt.ItemDataRole.AccessibleTextRole, line.words)
                self.made.addItem(item)
            self._fit()
            numbers = [line.adjustment_id for line in shown.lines]
            self.made.setCurrentRow(numbers.index(number) if number in numbers else 0 if numbers else -1)
        for widget in (self.made, self.withdraw):
            widget.setVisible(bool(shown.lines))
        self._none.setVisible(not shown.lines)
        self._worth.setText("\n".join(shown.operators))
        self._worth.setVisible(bool(shown.operators))

    def _fit(self) -> None:
        """Make items as high as their words, and the list as its items."""
        width = self.made.viewport().width() - _ITEM_PX
        wrap, metrics = QtCore.Qt.TextFlag.TextWordWrap, self.made.fontMetrics()
        heights = [
            metrics.boundingRect(QtCore.QRect(0, 0, width, 0), wrap, item.text()).height() + _ITEM_PX
            for item in (self.made.item(row) for row in range(self.made.count()))
        ]
        for row, height in enumerate(heights):
            self.made.item(row).setSizeHint(QtCore.QSize(0, height))
        self.made.setFixedHeight(sum(heights) + 2 * self.made.frameWidth())

    def resizeEvent(self, event: QtGui.QResizeEvent) -> None:
        """Break the words anew."""
        super().resizeEvent(event)
        self._fit()

    def _begun(self) -> bool:
        """Whether somebody is writing."""
        return bool(self.amount.value()) or bool(self.reason.text())

    def _set_span(self, hour: int) -> None:
        for box, time in ((self.start, hour), (self.end, max(hour, self.start.time) + _SPAN_H * HOUR)):
            with QtCore.QSignalBlocker(box):
                box.set_time(time)
        self._keep_order()

    def _keep_order(self, *_: object) -> None:
        """The end follows a start that passes it, and the expiry an end that moves."""
        with QtCore.QSignalBlocker(self.end), QtCore.QSignalBlocker(self.expires):
            self.end.set_time(max(self.end.time, self.start.time + HOUR))
            self.expires.set_time(self.end.time)
        self._sketch()

    def _choose_act(self, *_: object) -> None:
        """Let so much be chosen as the engine takes."""
        if self._view is None:
            return
        bounds, adds = self._view.bounds, self.act.currentData() == Act.ADD
        with QtCore.QSignalBlocker(self.amount):
            self.amount.setDecimals(bounds.decimals if adds else 1)
            self.amount.setRange(*((-bounds.most_added, bounds.most_added) if adds else bounds.percent))
            self.amount.setSingleStep(10.0 ** (1 - bounds.decimals) if adds else 1.0)
            self.amount.setSuffix(f"\u00a0{bounds.unit}" if adds else "\u00a0%")
            self.amount.setValue(0)
        self._sketch()

    @property
    def sketch(self) -> Sketch:
        """What the form says."""
        act = Act(self.act.currentData() or Act.ADD)
        return Sketch(act, self.amount.value(), self.start.time, self.end.time, min(self.expires.time, self.end.time))

    def _sketch(self, *_: object) -> None:
        """Show what it would do, and let it be done where it can be."""
        if self._seen is None or self._view is None:
            return
        scene, view, _hour = self._seen
        seen = preview(scene.snapshot, view.of, self.sketch, self._language, scene.now)
        self._effect.setText(seen.sentence)
        self.apply.setEnabled(bool(len(seen.time)) and bool(self.reason.text().strip()) and not self._view.closed)
        self.apply.setToolTip(self._view.closed)
        words, refused = (self._view.closed, False) if self._view.closed else self._answered
        self._state.setText(words)
        self._state.setVisible(bool(words))
        theme.paint(self._state, "stale" if refused else "quiet")
        name = self._language.text("adjust.preview_name")
        self.drawn.emit(Overlay(seen.time, seen.value, name, "published") if len(seen.time) else None)

    def _apply(self) -> None:
        if self._seen is None:
            return
        view, wanted = self._seen[1], self.sketch
        self._tell(self._language.text("adjust.sending"))
        self.request(
            _MAKE,
            {
                "area": view.of.area,
                "consumer_type": view.of.consumer_type,
                "act": wanted.act.value,
                "amount": wanted.engine_amount(view.scale),
                "valid_start": clock.iso(wanted.start),
                "valid_end": clock.iso(wanted.end),
                "expires_at": clock.iso(wanted.expires_at),
                "reason": self.reason.text().strip(),
            },
        )

    def _tell(self, words: str, refused: bool = False) -> None:
        self._answered = (words, refused)
        self._sketch()

    def _look(self, *_: object) -> None:
        row = self.made.currentRow()
        line = self._view.lines[row] if self._view is not None and 0 <= row < len(self._view.lines) else None
        self.withdraw.setEnabled(line is not None and line.active and self._view is not None and not self._view.closed)

    def _withdraw(self) -> None:
        if self._view is None:
            return
        line = self._view.lines[self.made.currentRow()]
        question = self._language.text("adjust.ask_withdraw", what=line.what)
        name = self.withdraw.text().removesuffix(" …")
        dialog = DecisionDialog(self, Decision("withdraw", question, {}, needs_reason=False), name, self._language)
        if dialog.exec() == QtWidgets.QDialog.DialogCode.Accepted:
            self._tell(self._language.text("adjust.sending"))
            self.request(_WITHDRAW, {"adjustment_id": line.adjustment_id, "reason": dialog.reason.text().strip()})
