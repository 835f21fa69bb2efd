"""The inspector's page of what if: other weather, another kind of day, extra load; a ghost beside the curve, and nothing is stored."""

from __future__ import annotations

import dataclasses

from PySide6 import QtCore, QtWidgets

from app import theme
from app.chart import Legend
from app.choice_box import ChoiceBox
from app.engine_link import Answer
from app.pane import Scene
from app.present import ForecastView, WhatIfRow, Wish, what_if_view
from app.sheet import Overlay, Sheet
from app.snapshot import EngineKind
from app.theme import Palette
from app.translations import Language
from engine import clock

_PATH = "/v1/whatif"
#: Milliseconds of rest after which a change is asked about.
_REST_MS = 200
_KINDS = ("as_is", "free", "working")
#: Farthest change of temperature and wind, and steps of their sliders for each unit.
_FARTHEST, _STEPS = 10, 2
_MOST_EXTRA_MWH, _MOST_HOURS = 5000.0, 72
_NUMBER_PX = 92
_LEFT = QtCore.Qt.AlignmentFlag.AlignLeft | QtCore.Qt.AlignmentFlag.AlignVCenter
_RIGHT = QtCore.Qt.AlignmentFlag.AlignRight | QtCore.Qt.AlignmentFlag.AlignVCenter


class Dial(QtWidgets.QWidget):
    """A slider and a number that are one value, from `-_FARTHEST` to `_FARTHEST`; `turned` says that it has changed."""

    turned = QtCore.Signal()

    def __init__(self, name: str, unit: str, language: Language) -> None:
        super().__init__()
        self.slider = QtWidgets.QSlider(QtCore.Qt.Orientation.Horizontal)
        self.slider.setRange(-_FARTHEST * _STEPS, _FARTHEST * _STEPS)
        self.slider.setPageStep(2 * _STEPS)
        self.slider.setAccessibleName(language.text("whatif.slider", name=name))
        self.number = QtWidgets.QDoubleSpinBox()
        self.number.setRange(-_FARTHEST, _FARTHEST)
        self.number.setSingleStep(1 / _STEPS)
        self.number.setDecimals(1)
        self.number.setSuffix(f"\u00a0{unit}")
        self.number.setLocale(QtCore.QLocale(language.code))
        self.number.setAlignment(_RIGHT)
        self.number.setAccessibleName(name)
        self.number.setFixedWidth(_NUMBER_PX)
        self.slider.valueChanged.connect(lambda steps: self.number.setValue(steps / _STEPS))
        self.number.valueChanged.connect(self._follow)
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.slider, 1)
        row.addWidget(self.number)

    @property
    def value(self) -> float:
        """What it is set to."""
        return self.number.value()

    def _follow(self, value: float) -> None:
        with QtCore.QSignalBlocker(self.slider):
            self.slider.setValue(round(value * _STEPS))
        self.turned.emit()


class WhatIfSheet(Sheet):
    """Dials over the numbers they lead to. What is different stays while hours are looked at, and another consumer starts anew."""

    def __init__(self, language: Language, palette: Palette) -> None:
        super().__init__()
        self._language = language
        self._seen: tuple[Scene, ForecastView, int] | None = None
        self._wish, self._asked, self._answer = Wish(), dict[str, object](), None
        text = language.text
        self.temperature = Dial(text("whatif.temperature"), "°C", language)
        self.wind = Dial(text("whatif.wind"), "m/s", language)
        self.kind = ChoiceBox("")
        self.kind.addItems([text(f"whatif.{kind}") for kind in _KINDS])
        self.extra, self.hours = QtWidgets.QDoubleSpinBox(), QtWidgets.QSpinBox()
        self.extra.setAccessibleName(text("whatif.extra"))
        self.extra.setLocale(QtCore.QLocale(language.code))
        self.extra.setAlignment(_RIGHT)
        self.hours.setRange(1, _MOST_HOURS)
        self.hours.setValue(self._wish.hours)
        self.hours.setAlignment(_RIGHT)
        self.hours.setFixedWidth(_NUMBER_PX)
        self.hours.setSuffix("\u00a0t" if language.code == "da" else "\u00a0h")
        self.hours.setAccessibleName(text("whatif.hours"))
        self.reset = QtWidgets.QPushButton(text("whatif.reset"))
        self.reset.clicked.connect(self._reset)
        self._day, self._from = theme.label(0.95), theme.label(0.95)
        self._never, self._state, self._note = theme.label(0.92, role="quiet"), theme.label(0.95), theme.label(0.92, role="late")
        self._never.setText(text("whatif.never"))
        for label in (self._never, self._state, self._note):
            label.setWordWrap(True)
        self.table = _table(language)
        self._key = Legend((text("whatif.ghost"),))
        self._rest = QtCore.QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_REST_MS)
        self._rest.timeout.connect(self._ask)
        for dial in (self.temperature, self.wind):
            dial.turned.connect(self._change)
        self.kind.currentIndexChanged.connect(self._change_day)
        self.extra.valueChanged.connect(self._change_extra)
        self.hours.valueChanged.connect(self._change)
        self._lay_out()
        self.set_palette(palette)

    def _lay_out(self) -> None:
        form = QtWidgets.QGridLayout()
        form.setHorizontalSpacing(8)
        form.setVerticalSpacing(6)
        text = self._language.text
        names = (theme.label(0.95, text=text(f"whatif.{name}")) for name in ("temperature", "wind"))
        for row, (name, field) in enumerate(zip((*names, self._day), (self.temperature, self.wind, self.kind), strict=True)):
            form.addWidget(name, row, 0)
            form.addWidget(field, row, 1, 1, 2)
        form.addWidget(theme.label(0.95, text=text("whatif.extra")), 3, 0)
        self.extra.setFixedWidth(_NUMBER_PX)
        form.addWidget(self.extra, 3, 2)
        form.addWidget(self._from, 4, 0, 1, 2)
        form.addWidget(self.hours, 4, 2)
        form.setColumnStretch(1, 1)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 2, 0, 0)
        column.setSpacing(6)
        column.addWidget(self._never)
        column.addLayout(form)
        column.addWidget(self.reset, 0, QtCore.Qt.AlignmentFlag.AlignRight)
        for widget in (self._state, self.table, self._key, self._note):
            column.addWidget(widget)
        column.addStretch(1)

    def set_palette(self, palette: Palette) -> None:
        """Take the colours of another theme."""
        self._key.set_samples(((palette.ink, "ghost"),))

    def show_hour(self, scene: Scene, view: ForecastView, hour: int) -> None:
        """Tell of another hour; another issue is asked about anew, another consumer without a change."""
        before = self._seen[1] if self._seen else None
        self._seen = scene, view, hour
        if before is None or before.of != view.of:
            self.extra.setRange(-_MOST_EXTRA_MWH * view.scale.factor, _MOST_EXTRA_MWH * view.scale.factor)
            self.extra.setDecimals(view.scale.decimals)
            self.extra.setSuffix(f"\u00a0{view.scale.unit}")
            self.extra.setSingleStep(10.0 ** (1 - view.scale.decimals))
            self._reset()
        elif before.issue_time != view.issue_time:
            self._ask()
        self._tell()

    def take_answer(self, answer: Answer) -> None:
        """Take an answer, unless another was asked for since."""
        if answer.request.query == self._asked:
            self._answer = answer
            self._tell()

    def _reset(self) -> None:
        fields = (self.temperature.number, self.wind.number, self.temperature.slider, self.wind.slider, self.extra)
        for field in fields:
            with QtCore.QSignalBlocker(field):
                field.setValue(0)  # type: ignore[attr-defined]
        self._wish = Wish(hours=self.hours.value())
        self._ask()

    def _change(self) -> None:
        wish = dataclasses.replace(
            self._wish, temperature_k=self.temperature.value, wind_ms=self.wind.value, hours=self.hours.value()
        )
        self._set(wish)

    def _change_day(self, index: int) -> None:
        if self._seen is not None:
            days = dict(self._wish.days) | {clock.local(self._seen[2]).date(): _KINDS[index]}
            self._set(dataclasses.replace(self._wish, days={day: kind for day, kind in days.items() if kind != _KINDS[0]}))

    def _change_extra(self, amount: float) -> None:
        """The extra load begins with the hour that is looked at when it is first given."""
        if self._seen is not None:
            start = self._wish.start if self._wish.extra_mwh else self._seen[2]
            extra_mwh = amount / self._seen[1].scale.factor
            self._set(dataclasses.replace(self._wish, extra_mwh=extra_mwh, start=start))

    def _set(self, wish: Wish) -> None:
        self._wish = wish
        self._rest.start()
        self._tell()

    def _ask(self) -> None:
        """Ask about what is different now; without a difference there is nothing to ask."""
        self._rest.stop()
        self._answer, self._asked = None, {}
        if self._seen is not None and self._wish.query:
            view = self._seen[1]
            of = {"area": view.of.area, "consumer_type": view.of.consumer_type}
            if len(view.median):
                self._asked = of | {"issue_time": clock.iso(int(view.issue_time))} | self._wish.query
                self.request(_PATH, query=self._asked)
        self._tell()

    def _tell(self) -> None:
        if self._seen is None:
            return
        scene, view, hour = self._seen
        text = self._language.text
        day = text("whatif.day_kind", date=self._language.date(hour, weekday=False))
        self._day.setText(day)
        self.kind.setAccessibleName(day)
        with QtCore.QSignalBlocker(self.kind):
            self.kind.setCurrentIndex(_KINDS.index(self._wish.days.get(clock.local(hour).date(), _KINDS[0])))
        start = self._wish.start if self._wish.extra_mwh else hour
        self._from.setText(text("whatif.extra_from", time=self._language.moment(start, scene.now)))
        self.reset.setEnabled(bool(self._wish.query))
        answer = self._answer
        shown = None
        if answer is not None and answer.refusal is None and self._wish.query:
            shown = what_if_view(answer.document, self._wish, hour, view.scale, self._language, scene.now)
        self._state.setVisible(shown is None)
        for widget in (self.table, self._key):
            widget.setVisible(shown is not None)
        self._note.setVisible(shown is not None and bool(shown.note))
        if shown is None:
            self._state.setText(self._reason())
            self.drawn.emit(None)
            return
        self._note.setText(shown.note)
        _fill(self.table, shown.rows, view.scale.unit)
        self.drawn.emit(Overlay(shown.time, shown.median, text("whatif.ghost"), "ghost"))

    def _reason(self) -> str:
        """Why there are no numbers."""
        assert self._seen is not None
        scene, view, _ = self._seen
        if not len(view.median):
            return self._language.text("why.no_issue")
        if self._answer is not None and self._answer.refusal is not None:
            return f"{self._answer.refusal.problem} {self._answer.refusal.remedy}"
        if scene.engine.kind is EngineKind.ABSENT:
            return self._language.text("why.no_engine")
        return self._language.text("why.asking" if self._wish.query else "whatif.begin")


def _table(language: Language) -> QtWidgets.QTableWidget:
    table = QtWidgets.QTableWidget(0, 4)
    table.setAccessibleName(language.text("whatif.table"))
    table.setProperty("role", "list")
    table.setFont(theme.font(0.95))
    table.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
    table.setEditTriggers(QtWidgets.QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionBehavior(QtWidgets.QAbstractItemView.SelectionBehavior.SelectRows)
    table.setVerticalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    table.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    table.setShowGrid(False)
    table.setTabKeyNavigation(False)
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(22)
    names = ("published", "imagined", "difference")
    table.setHorizontalHeaderLabels(["", *(language.text(f"whatif.{name}") for name in names)])
    table.horizontalHeader().setDefaultAlignment(_RIGHT)
    table.horizontalHeader().setSectionResizeMode(QtWidgets.QHeaderView.ResizeMode.ResizeToContents)
    table.horizontalHeader().setSectionResizeMode(0, QtWidgets.QHeaderView.ResizeMode.Stretch)
    table.horizontalHeader().setHighlightSections(False)
    return table


def _fill(table: QtWidgets.QTableWidget, rows: tuple[WhatIfRow, ...], unit: str) -> None:
    corner = QtWidgets.QTableWidgetItem(unit)
    corner.setTextAlignment(_LEFT)
    table.setHorizontalHeaderItem(0, corner)
    table.setRowCount(len(rows))
    for number, row in enumerate(rows):
        for column, words in enumerate((row.name, row.published, row.imagined, row.difference)):
            item = table.item(number, column) or QtWidgets.QTableWidgetItem()
            item.setText(words)
            if column:
                item.setTextAlignment(_RIGHT)
            if item.tableWidget() is None:
                table.setItem(number, column, item)
    height = table.horizontalHeader().sizeHint().height() + len(rows) * table.verticalHeader().defaultSectionSize()
    table.setFixedHeight(height + 4)
    table.setAccessibleDescription(". ".join(f"{row.name}: {row.published}, {row.imagined}, {row.difference}" for row in rows))
