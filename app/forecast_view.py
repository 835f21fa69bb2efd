"""The forecast view: what was observed and what is forecast, with a read-out of every hour."""

from __future__ import annotations

from collections.abc import Callable

from PySide6 import QtCore, QtGui, QtWidgets

from app import theme
from app.adjust_sheet import AdjustSheet
from app.chart import Legend
from app.empty import EmptyPage
from app.engine_link import Answer
from app.flow import FlowLayout
from app.forecast_chart import ForecastChart
from app.hour_sheet import HourSheet
from app.inspector import Inspector, SheetMaker
from app.pane import Pane, Scene
from app.present import ForecastView, forecast_view, read_out
from app.theme import Palette
from app.translations import Language
from app.whatif_sheet import WhatIfSheet
from app.why_sheet import WhySheet
from engine import clock
from engine.domain import Freshness

#: Pages of the inspector: a name, of which `inspector.<name>` is the text, and what makes it.
SHEETS: dict[str, SheetMaker] = {"hour": HourSheet, "why": WhySheet, "whatif": WhatIfSheet, "adjust": AdjustSheet}
#: A view this wide has room for the inspector beside the chart.
ROOMY_PX = 1400


class ForecastPane(Pane):
    """Header, read-out and chart of one consumer, and the inspector beside them; or, with nothing to show, the reason."""

    def __init__(self, language: Language, palette: Palette) -> None:
        super().__init__()
        self._language = language
        self._scene: Scene | None = None
        self._pinned: int | None = None
        self._view: ForecastView | None = None
        self._pointed: float | None = None
        self._title = theme.label(1.55, bold=True)
        self._badges = theme.Badges()
        self._tier, self._issued, self._state, self._model = (
            theme.label(),
            theme.label(),
            theme.label(),
            theme.label(role="quiet"),
        )
        self._tier.setFont(theme.font(bold=True))
        self._reason = theme.label(role="late")
        self._reason.setWordWrap(True)
        self._measured, self._measure = theme.label(), theme.label(0.92, role="quiet")
        self._part = theme.label(0.92, role="quiet")
        for label in (self._title, self._measured, self._measure, self._part):
            label.setWordWrap(True)
        text = language.text
        self._cells = {key: theme.label(1.12) for key in ("time", "observed", "median", "interval", "lead")}
        self._legend = Legend(
            (
                text("forecast.observed"),
                text("forecast.settled"),
                text("forecast.bridge_median"),
                text("forecast.median"),
                text("forecast.adjusted"),
                *(text("forecast.band", level=level) for level in (50, 80, 90)),
                text("forecast.tso"),
            )
        )
        self._legend.setToolTip(text("forecast.observed_about"))
        self._axis_note, self._zone = theme.label(0.92, role="quiet"), theme.label(0.92, role="quiet")
        self.chart = ForecastChart(language, palette)
        self.chart.pointed.connect(self._point_at)
        self.chart.pinned.connect(self._pin)
        self.inspector = Inspector(language, palette, SHEETS)
        self.inspector.asked.connect(self.asked)
        self.inspector.told.connect(self.told)
        self.inspector.drawn.connect(lambda overlay: self.chart.lay_over(overlay if self.inspect.isChecked() else None))
        self.inspect = QtWidgets.QPushButton(text("inspector.show"))
        self.inspect.setAccessibleName(text("inspector.show"))
        self.inspect.setToolTip(text("inspector.show_help"))
        self.inspect.setCheckable(True)
        self.inspect.toggled.connect(self._open_inspector)
        #: Whether the user wants the inspector beside the chart; None leaves it to the room there is.
        self.wants_inspector: bool | None = None
        self._act("inspector.show", "I", self._toggle_inspector)
        self._pages = QtWidgets.QStackedWidget()
        self._empty = EmptyPage()
        beside = QtWidgets.QWidget()
        row = QtWidgets.QHBoxLayout(beside)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self._chart_page(), 1)
        row.addWidget(self.inspector)
        self._pages.addWidget(beside)
        self._pages.addWidget(self._empty)
        self.inspector.hide()
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(self._header())
        column.addWidget(self._pages, 1)
        self.set_palette(palette)

    def _header(self) -> QtWidgets.QLayout:
        top = QtWidgets.QHBoxLayout()
        top.addWidget(self._title, 1)
        top.addWidget(self._badges)
        line = QtWidgets.QHBoxLayout()
        line.setSpacing(18)
        for label in (self._tier, self._issued, self._state, self._model):
            line.addWidget(label)
        line.addStretch(1)
        column = QtWidgets.QVBoxLayout()
        column.setSpacing(4)
        column.addLayout(top)
        column.addLayout(line)
        column.addWidget(self._reason)
        column.addWidget(self._measured)
        column.addWidget(self._measure)
        return column

    def _chart_page(self) -> QtWidgets.QWidget:
        page = QtWidgets.QFrame()
        page.setProperty("role", "card")
        column = QtWidgets.QVBoxLayout(page)
        column.setContentsMargins(14, 10, 14, 8)
        column.setSpacing(8)
        column.addLayout(self._read_out_row())
        column.addWidget(self._part)
        column.addWidget(self._legend)
        notes = QtWidgets.QHBoxLayout()
        notes.addWidget(self._axis_note)
        notes.addStretch(1)
        notes.addWidget(self._zone)
        notes.addWidget(self.inspect)
        column.addLayout(notes)
        column.addWidget(self.chart, 1)
        return page

    def _read_out_row(self) -> QtWidgets.QLayout:
        """Cells of fixed width: numbers change in place and nothing moves under the eye."""
        row = FlowLayout(across=22)
        widest = {"time": "ons. 30. sep. 02a–02b CEST", "interval": "99.999–99.999 MWh", "lead": "begyndt"}
        for key, cell in self._cells.items():
            name = theme.label(0.92, role="quiet", text=self._language.text(f"readout.{key}"))
            cell.setMinimumWidth(cell.fontMetrics().horizontalAdvance(widest.get(key, "99.999 MWh")))
            held = QtWidgets.QWidget()
            column = QtWidgets.QVBoxLayout(held)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(1)
            column.addWidget(name)
            column.addWidget(cell)
            row.addWidget(held)
        return row

    def set_palette(self, palette: Palette) -> None:
        """Take new colours."""
        self.chart.set_palette(palette)
        self.inspector.set_palette(palette)
        self._palette = palette
        self._paint_legend()

    def _paint_legend(self) -> None:
        """The samples are as muted as the forecast they explain."""
        palette, view = self._palette, self._view
        stale = view is not None and view.stale
        wide, middle, narrow = palette.old_bands if stale else palette.bands
        median = palette.old_median if stale else palette.median
        adjusted = (palette.ink, "bold_dashes") if view is not None and len(view.adjusted) else None
        forecast = ((median, "bold"), adjusted, *((colour, "block") for colour in (narrow, middle, wide)))
        tso = (palette.quiet, "dashes") if view is not None and len(view.tso) else None
        issued = view is None or len(view.median) > 0
        bridge = (median, "dots") if view is not None and view.stretches and issued else None
        settled = (palette.observed, "dash_dots") if view is not None and len(view.settled) else None
        self._legend.set_samples(((palette.observed, "line"), settled, bridge, *(forecast if issued else 5 * (None,)), tso))

    def show_scene(self, scene: Scene) -> None:
        """Show the forecast of the chosen consumer."""
        self._scene = scene
        self.show_view(forecast_view(scene.snapshot, scene.of, scene.engine, self._language, scene.now))

    def take_found(self, name: str, found: object) -> None:
        """Give the inspector what was found in the database."""
        self.inspector.take_found(name, found)

    def deliver(self, answer: Answer) -> None:
        """Give the inspector what the engine made of its request."""
        self.inspector.deliver(answer)

    def resizeEvent(self, event: QtGui.QResizeEvent) -> None:
        """Show the inspector where there is room, until the user has decided."""
        super().resizeEvent(event)
        if self.wants_inspector is None:
            self.inspect.setChecked(self.width() >= ROOMY_PX)

    def _act(self, text: str, shortcut: str, do: Callable[[], object]) -> None:
        """Something this view can do, by its name and a key."""
        action = QtGui.QAction(self._language.text(text), self, shortcut=QtGui.QKeySequence(shortcut))
        action.setShortcutContext(QtCore.Qt.ShortcutContext.WidgetWithChildrenShortcut)
        action.triggered.connect(lambda: do())
        self.addAction(action)

    def _toggle_inspector(self) -> None:
        self.wants_inspector = not self.inspect.isChecked()
        self.inspect.setChecked(self.wants_inspector)

    def _open_inspector(self, opened: bool) -> None:
        self.inspector.setVisible(opened)
        self.chart.lay_over(self.inspector.overlay if opened else None)

    def _pin(self, hour: int | None) -> None:
        """Tell of this hour until another is pinned, or none."""
        self._pinned = hour
        self.chart.show_pin(hour)
        if hour is not None and not self.inspect.isChecked():
            self._toggle_inspector()
        self._tell_hour()

    def _tell_hour(self) -> None:
        """Tell the inspector which hour to tell of: the pinned one, else the present one."""
        if self._view is None or self._scene is None or self._view.empty is not None:
            return
        hour = clock.floor_hour(int(self._view.now)) if self._pinned is None else self._pinned
        title = read_out(self._view, hour, self._language).hour
        if self._pinned is not None:
            title = self._language.text("inspector.pinned", hour=title)
        self.inspector.show_hour(self._scene, self._view, hour, title)

    def show_view(self, view: ForecastView) -> None:
        """Show a view."""
        if self._view is not None and self._view.of != view.of:
            self._pointed = self._pinned = None
            self.chart.show_pin(None)
            self.chart.follow_now()
        self._view = view
        self._title.setText(view.title)
        self._badges.show_marks(view.marks)
        self._tier.setText(view.tier)
        theme.paint(self._tier, "late" if view.reduced else "")
        self._issued.setText(view.issued)
        self._state.setText(f"{theme.SYMBOLS[view.issue_freshness]} {view.issue_state}")
        theme.paint(self._state, theme.role_of(view.issue_freshness))
        self._state.setVisible(bool(view.issued))
        self._paint_legend()
        self._model.setText(view.model)
        self._reason.setText(f"{theme.SYMBOLS[Freshness.LATE]} {view.tier_reason}")
        self._reason.setVisible(bool(view.tier_reason))
        state = view.load_freshness
        late = state in (Freshness.LATE, Freshness.STALE)
        self._measured.setText(f"{theme.SYMBOLS[state]} {view.measured}" if state and late else view.measured)
        theme.paint(self._measured, theme.role_of(state) if state and late else "")
        self._measured.setVisible(bool(view.measured))
        self._measure.setText(view.measure)
        self._axis_note.setText(view.axis)
        self._part.setVisible(bool(view.stretches))
        self._zone.setText(view.zone)
        if view.empty is not None:
            self._empty.show_reason(view.empty)
        self._pages.setCurrentIndex(0 if view.empty is None else 1)
        self.chart.show_view(view)
        self.chart.setAccessibleName(self._language.text("forecast.chart", name=view.title))
        self.chart.setAccessibleDescription(f"{view.summary} {self._language.text('forecast.chart_help')}")
        self._point_at(self._pointed)
        self._tell_hour()

    def _point_at(self, time: float | None) -> None:
        if self._view is None:
            return
        self._pointed = time
        numbers = read_out(self._view, self._view.now if time is None else time, self._language)
        for key, words in (
            ("time", numbers.hour),
            ("observed", numbers.observed),
            ("median", numbers.median),
            ("interval", numbers.interval),
            ("lead", numbers.lead),
        ):
            self._cells[key].setText(words)
        self._part.setText(numbers.part)
        self.chart.show_point(numbers, pointing=time is not None)
