"""The inspector's page of what if: other weather, another kind of day, extra load; a ghost beside the curve, and nothing is stored."""

from __future__ import annotations

import datetime as dt

from PySide6 import QtCore, QtWidgets

from app import theme
from app.choice_box import ChoiceBox
from app.engine_link import Answer
from app.hour_box import HourBox
from app.pane import Scene
from app.present import ForecastView, WhatIfView, Wish, what_if_view
from app.score_table import ScoreTable
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
#: Farthest of extra load, and hours that a block of it spans until it is told otherwise.
_MOST_EXTRA_MWH, _MOST_HOURS, _SPAN_H = 5000.0, 72, 3
_NUMBER_PX, _ROW_PX = 92, 23
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

    def reset(self) -> None:
        """Back to nothing, without a word."""
        with QtCore.QSignalBlocker(self):
            self.number.setValue(0.0)

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
        self._days: dict[dt.date, str] = {}
        self._asked: dict[str, object] = {}
        self._answer: Answer | None = None
        text = language.text
        self.temperature = Dial(text("whatif.temperature"), "°C", language)
        self.wind = Dial(text("whatif.wind"), "m/s", language)
        self.kind = ChoiceBox("")
        self.kind.addItems([text(f"whatif.{kind}") for kind in _KINDS])
        self.extra, self.hours = QtWidgets.QDoubleSpinBox(), QtWidgets.QSpinBox()
        self.extra.setAccessibleName(text("whatif.extra"))
        self.extra.setLocale(QtCore.QLocale(language.code))
        self.start = HourBox(language, text("whatif.start"))
        self.hours.setRange(1, _MOST_HOURS)
        self.hours.setValue(_SPAN_H)
        self.hours.setSuffix("\u00a0t" if language.code == "da" else "\u00a0h")
        self.hours.setAccessibleName(text("whatif.hours"))
        for box in (self.extra, self.hours):
            box.setAlignment(_RIGHT)
            box.setFixedWidth(_NUMBER_PX)
        self.reset = QtWidgets.QPushButton(text("whatif.reset"))
        self._day = theme.label(0.95)
        self._never, self._state, self._note = theme.label(0.92, role="quiet"), theme.label(0.95), theme.label(0.92, role="late")
        self._never.setText(text("whatif.never"))
        for label in (self._never, self._state, self._note):
            label.setWordWrap(True)
        self.table = ScoreTable(text("whatif.table"))
        self.table.verticalHeader().setDefaultSectionSize(_ROW_PX)
        self._rest = QtCore.QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_REST_MS)
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        text = self._language.text
        form = QtWidgets.QGridLayout()
        form.setHorizontalSpacing(8)
        form.setVerticalSpacing(6)
        names = [theme.label(0.95, text=text(f"whatif.{name}")) for name in ("temperature", "wind", "extra", "begins", "lasts")]
        for row, (name, field) in enumerate(((names[0], self.temperature), (names[1], self.wind), (self._day, self.kind))):
            form.addWidget(name, row, 0)
            form.addWidget(field, row, 1, 1, 2)
        form.addWidget(names[2], 3, 0)
        form.addWidget(self.extra, 3, 2)
        form.addWidget(names[3], 4, 0)
        form.addWidget(self.start, 4, 1, 1, 2)
        form.addWidget(names[4], 5, 0)
        form.addWidget(self.hours, 5, 2)
        form.setColumnStretch(1, 1)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 2, 0, 0)
        column.setSpacing(6)
        column.addWidget(self._never)
        column.addLayout(form)
        column.addWidget(self.reset, 0, QtCore.Qt.AlignmentFlag.AlignRight)
        for widget in (self._state, self.table, self._note):
            column.addWidget(widget)
        column.addStretch(1)

    def _connect(self) -> None:
        for changed in (
            self.temperature.turned,
            self.wind.turned,
            self.extra.valueChanged,
            self.start.moved,
            self.hours.valueChanged,
        ):
            changed.connect(self._change)
        self.kind.currentIndexChanged.connect(self._change_day)
        self.reset.clicked.connect(self._reset)
        self._rest.timeout.connect(self._ask)

    def set_palette(self, palette: Palette) -> None:
        """Everything has its colours from the style sheet."""

    @property
    def _wish(self) -> Wish:
        """What the fields say is to be different."""
        factor = self._seen[1].scale.factor if self._seen else 1.0
        extra = (self.extra.value() / factor, self.start.time, self.hours.value())
        return Wish(self.temperature.value, self.wind.value, self._days, *extra)

    def show_hour(self, scene: Scene, view: ForecastView, hour: int) -> None:
        """Tell of another hour; another issue is asked about anew, another consumer without a change."""
        before = self._seen[1] if self._seen else None
        self._seen = scene, view, hour
        if before is None or before.of != view.of:
            self._reset()
        elif before.median.tobytes() != view.median.tobytes():
            self._ask()
        if len(view.forecast_time) and not self.extra.value():
            with QtCore.QSignalBlocker(self.start):
                self.start.set_bounds(int(view.forecast_time[0]), int(view.forecast_time[-1]))
                self.start.set_time(hour)
        self._tell()

    def take_answer(self, answer: Answer) -> None:
        """Take an answer, unless another was asked for since."""
        if answer.request.query == self._asked:
            self._answer = answer
            self._tell()
            self._draw()

    def _reset(self) -> None:
        """Back to the forecast as it is."""
        if self._seen is not None:
            scale = self._seen[1].scale
            with QtCore.QSignalBlocker(self.extra):
                self.extra.setRange(-_MOST_EXTRA_MWH * scale.factor, _MOST_EXTRA_MWH * scale.factor)
                self.extra.setDecimals(scale.decimals)
                self.extra.setSingleStep(10.0 ** (1 - scale.decimals))
                self.extra.setSuffix(f"\u00a0{scale.unit}")
                self.extra.setValue(0.0)
        self.temperature.reset()
        self.wind.reset()
        self._days = {}
        self._ask()

    def _change(self) -> None:
        self._rest.start()
        self._tell()

    def _change_day(self, index: int) -> None:
        if self._seen is not None:
            days = self._days | {clock.local(self._seen[2]).date(): _KINDS[index]}
            self._days = {day: kind for day, kind in days.items() if kind != _KINDS[0]}
            self._change()

    def _ask(self) -> None:
        """Ask about what is different now; without a difference there is nothing to ask."""
        self._rest.stop()
        self._answer, self._asked = None, {}
        words = self._wish.query
        if self._seen is not None and words and len(self._seen[1].median):
            view = self._seen[1]
            of = {"area": view.of.area, "consumer_type": view.of.consumer_type}
            self._asked = of | {"issue_time": clock.iso(int(view.issue_time))} | words
            self.request(_PATH, query=self._asked)
        self._tell()
        self._draw()

    def _draw(self) -> None:
        """Lay the ghost over the chart while there is one."""
        shown = self._shown()
        name = self._language.text("whatif.ghost")
        self.drawn.emit(None if shown is None else Overlay(shown.time, shown.median, name, "ghost"))

    def _shown(self) -> WhatIfView | None:
        """What there is to show of the newest answer."""
        if self._seen is None or self._answer is None or self._answer.refusal is not None:
            return None
        scene, view, hour = self._seen
        return what_if_view(self._answer.document, self._wish, hour, view.scale, self._language, scene.now)

    def _tell(self) -> None:
        if self._seen is None:
            return
        _, view, hour = self._seen
        text = self._language.text
        day = text("whatif.day_kind", date=self._language.date(hour, weekday=False))
        self._day.setText(day)
        self.kind.setAccessibleName(day)
        with QtCore.QSignalBlocker(self.kind):
            self.kind.setCurrentIndex(_KINDS.index(self._days.get(clock.local(hour).date(), _KINDS[0])))
        self.reset.setEnabled(bool(self._wish.query))
        shown = self._shown()
        self._state.setVisible(shown is None)
        self.table.setVisible(shown is not None)
        self._note.setVisible(shown is not None and bool(shown.note))
        if shown is None:
            self._state.setText(self._reason())
            return
        self._note.setText(shown.note)
        heads = [view.scale.unit, *(text(f"whatif.{name}") for name in ("published", "imagined", "difference"))]
        lines = [(row.name, row.published, row.imagined, row.difference) for row in shown.rows]
        self.table.show_lines(heads, lines)
        told = (", ".join(f"{head} {cell}" for head, cell in zip(heads[1:], cells, strict=True)) for _, *cells in lines)
        self.table.setAccessibleDescription(
            " ".join(f"{row.name}: {words}." for row, words in zip(shown.rows, told, strict=True))
        )

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
