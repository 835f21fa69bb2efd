"""The forecast view: what was observed and what is forecast, now or as known at an earlier time, with a read-out of every hour."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from PySide6 import QtCore, QtGui, QtWidgets

from app import past_issues, surroundings, theme
from app.adjust_sheet import AdjustSheet
from app.empty import EmptyPage
from app.engine_link import Answer
from app.forecast_chart import ForecastChart
from app.forecast_header import ForecastHeader
from app.forecast_tools import YEAR_DAYS, ForecastTools
from app.hour_sheet import HourSheet
from app.inspector import Inspector, SheetMaker
from app.lines import MOST_POINTS
from app.pane import Pane, Question, Scene
from app.past_bar import PastBar
from app.past_issues import Ahead, PastIssues
from app.preferences import PLAIN
from app.present import (
    ForecastView,
    WeatherView,
    as_known,
    forecast_view,
    hours_ahead,
    read_out,
    stored_days,
    surrounded,
    weather_at,
    weather_view,
    widened,
)
from app.read_out import ForecastLegend, ReadOutRow
from app.sheet import Overlay
from app.similar_sheet import SimilarSheet
from app.snapshot import HISTORY_DAYS
from app.surroundings import Surroundings
from app.theme import Palette
from app.translations import Language
from app.weather_strip import WeatherStrip
from app.whatif_sheet import WhatIfSheet
from app.why_sheet import WhySheet
from engine import clock
from engine.domain import DAY, HOUR, QuantileForecast

#: Pages of the inspector: a name, of which `inspector.<name>` is the text, and what makes it.
SHEETS: dict[str, SheetMaker] = {
    "hour": HourSheet,
    "why": WhySheet,
    "whatif": WhatIfSheet,
    "adjust": AdjustSheet,
    "similar": SimilarSheet,
}
#: A view this wide has room for the inspector beside the chart.
ROOMY_PX = 1400
#: Factor of one step of zoom.
_ZOOM = 0.7


class ForecastPane(Pane):
    """Header, read-out and chart of one consumer, and the inspector beside them; or, with nothing to show, the reason."""

    def __init__(self, language: Language, palette: Palette) -> None:
        super().__init__()
        self._language, self._palette = language, palette
        self._scene: Scene | None = None
        self._newest: ForecastView | None = None
        self._view: ForecastView | None = None
        self._weather: WeatherView | None = None
        self._around: Surroundings | None = None
        self._ahead: Ahead | None = None
        self._issue: QuantileForecast | None = None
        self._overlay: Overlay | None = None
        self._lead_h = 0
        self._days: int | None = None
        self._asked_for: dict[str, object] = {}
        self._pinned: int | None = None
        self._pointed: float | None = None
        self._likes = PLAIN
        self._header, self._numbers, self._legend = ForecastHeader(), ReadOutRow(language), ForecastLegend(language)
        self._part, self._axis_note = theme.label(0.92, role="quiet"), theme.label(0.92, role="quiet")
        self._zone, self._outcome = theme.label(0.92, role="quiet"), theme.label()
        self._known_at = theme.label(bold=True, role="badge")
        for label in (self._part, self._outcome):
            label.setWordWrap(True)
        self.tools = ForecastTools(language)
        self.chart = ForecastChart(language, palette)
        self.weather = WeatherStrip(language, palette, self.chart)
        self.past = PastBar(language, palette)
        self.past.hide()
        self.inspector = Inspector(language, palette, SHEETS)
        self.inspector.hide()
        self._pages, self._empty = QtWidgets.QStackedWidget(), EmptyPage()
        self._pages.addWidget(self._page())
        self._pages.addWidget(self._empty)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self._header)
        column.addWidget(self._pages, 1)
        self._connect()
        self._add_actions()

    def _page(self) -> QtWidgets.QWidget:
        card = QtWidgets.QFrame()
        card.setProperty("role", "card")
        column = QtWidgets.QVBoxLayout(card)
        column.setContentsMargins(14, 10, 14, 8)
        column.setSpacing(6)
        known = QtWidgets.QHBoxLayout()
        known.addWidget(self._known_at, 0, QtCore.Qt.AlignmentFlag.AlignTop)
        known.addWidget(self._outcome, 1)
        notes = QtWidgets.QHBoxLayout()
        notes.addWidget(self._axis_note)
        notes.addStretch(1)
        notes.addWidget(self._zone)
        column.addWidget(self.tools)
        column.addWidget(self._numbers)
        column.addWidget(self._part)
        column.addWidget(self._legend)
        column.addLayout(known)
        column.addLayout(notes)
        column.addWidget(self.chart, 1)
        column.addWidget(self.weather)
        column.addWidget(self.past)
        page = QtWidgets.QWidget()
        row = QtWidgets.QHBoxLayout(page)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(card, 1)
        row.addWidget(self.inspector)
        return page

    def _connect(self) -> None:
        tools = self.tools
        self.chart.pointed.connect(self._point_at)
        self.chart.pinned.connect(self._pin)
        self.chart.moved.connect(lambda: tools.show_days(None))
        self.chart.plot.getViewBox().sigXRangeChanged.connect(lambda *_: self._name_axis())
        self.inspector.asked.connect(self.asked)
        self.inspector.told.connect(self.told)
        self.inspector.drawn.connect(lambda _: self._lay_over())
        self.past.chosen.connect(self._choose_issue)
        tools.ranged.connect(self.show_days)
        tools.led.connect(self.show_lead)
        tools.narrower.clicked.connect(lambda: self.chart.zoom(_ZOOM))
        tools.wider.clicked.connect(lambda: self.chart.zoom(1 / _ZOOM))
        tools.reset.clicked.connect(lambda: self.show_days(None))
        tools.naive.toggled.connect(self._show_naive)
        tools.weather.toggled.connect(self.weather.setVisible)
        tools.past.toggled.connect(self._open_past)
        tools.inspect.clicked.connect(lambda opened: self._like(inspector="shown" if opened else "hidden"))
        for name in ("weather", "naive"):
            getattr(tools, name).clicked.connect(lambda shown, name=name: self._like(**{name: shown}))
        tools.inspect.toggled.connect(self._open_inspector)
        self._follow_likes()

    def _add_actions(self) -> None:
        tools = self.tools
        for key, do, *shortcuts in (
            ("inspector.show", tools.inspect.click, "I"),
            ("forecast.naive", tools.naive.click, "N"),
            ("forecast.weather", tools.weather.click, "W"),
            ("past.show", tools.past.click, "P"),
            ("past.before", lambda: self._step(-1), "[", "Ctrl+Left"),
            ("past.after", lambda: self._step(1), "]", "Ctrl+Right"),
            ("forecast.zoom_in", tools.narrower.click, "+"),
            ("forecast.zoom_out", tools.wider.click, "-"),
            ("forecast.reset", tools.reset.click),
        ):
            action = QtGui.QAction(self._language.text(key), self)
            action.setShortcuts([QtGui.QKeySequence(shortcut) for shortcut in shortcuts])
            action.triggered.connect(lambda _checked, do=do: do())
            self.addAction(action)

    # -- what is shown ------------------------------------------------------------------------------------------------

    def show_scene(self, scene: Scene) -> None:
        """Show the forecast of the chosen consumer."""
        if self._scene is not None and self._scene.of != scene.of:
            self._begin_anew()
        if scene.likes != (PLAIN if self._scene is None else self._scene.likes):
            self._likes = scene.likes
            self._follow_likes()
        self._scene = scene
        self.tools.show_stored(stored_days(scene.snapshot, scene.of, scene.now))
        self._ask()
        self._compose()

    @property
    def as_of(self) -> int | None:  # type: ignore[override]
        """Issue time of the earlier issue that is shown; None for the newest."""
        return None if self._issue is None else self._issue.issue_time

    def _begin_anew(self) -> None:
        """Forget what was read and chosen of the consumer before."""
        self._around = self._ahead = self._issue = self._pinned = self._pointed = None
        self._asked_for.clear()
        self.past.forget()
        self.chart.show_pin(None)
        self.chart.show_days(self._days)

    def _ask(self) -> None:
        """Ask for what stands around the forecast, each only when it may have changed."""
        scene = self._scene
        if scene is None or (own := scene.snapshot.consumers.get(scene.of)) is None:
            return
        of, newest, now = scene.of, own.forecast, clock.floor_hour(scene.now)
        shown = self._issue or newest
        as_of = now if shown is None else shown.issue_time
        ends = [now + 2 * DAY, *(int(issue.valid_time[-1]) + HOUR for issue in (newest, self._issue) if issue is not None)]
        back = max(HISTORY_DAYS, self._days or 0) * DAY
        start = min([now - back, *own.observed_time[:1].tolist()])
        load = own.observed_time[-1:].tolist()
        self._question(
            "forecast.around", (of, as_of, start, load), lambda reader, _: surroundings.read(reader, of, as_of, start, max(ends))
        )
        if self.past.isVisibleTo(self):
            key = (of, None if newest is None else newest.issue_time)
            self._question("forecast.past", key, lambda reader, at: past_issues.read_issues(reader, of, at))
        if lead_h := self._lead_h:
            until = now + lead_h * HOUR
            key = (of, lead_h, start, as_of)
            self._question("forecast.ahead", key, lambda reader, _: past_issues.read_ahead(reader, of, lead_h, start, until))

    def _question(self, name: str, key: object, read: Callable[..., object]) -> None:
        if self._asked_for.get(name) != key:
            self._asked_for[name] = key
            self.asked.emit(Question(name, read))

    def take_found(self, name: str, found: object) -> None:
        """Take what was found in the database, of the consumer that is still shown; and give the inspector's pages theirs."""
        of = None if self._scene is None else self._scene.of
        if isinstance(found, Surroundings) and found.of == of:
            self._around = found
            self._compose()
        elif isinstance(found, PastIssues) and found.of == of and self._scene is not None:
            self.past.show_issues(found, self._scene.now)
        elif isinstance(found, Ahead) and (found.of, found.lead_h) == (of, self._lead_h):
            self._ahead = found
            self._compose()
        self.inspector.take_found(name, found)

    def deliver(self, answer: Answer) -> None:
        """Give the inspector what the engine made of its request."""
        self.inspector.deliver(answer)

    def _compose(self) -> None:
        """Make the view of all that is known: the newest issue, or an earlier one, or what was said before each hour."""
        scene, around, language = self._scene, self._around, self._language
        if scene is None:
            return
        snapshot = scene.snapshot if around is None else widened(scene.snapshot, around)
        view = forecast_view(snapshot, scene.of, scene.engine, language, scene.now)
        if around is not None:
            view = surrounded(view, around)
            self._weather = weather_view(around, language)
        else:
            self._weather = None
        self.weather.show_view(self._weather, view.now)
        self.weather.setToolTip(self._weather.about if self._weather else "")
        self._newest, self._scene = view, dataclasses.replace(scene, snapshot=snapshot)
        self._show_time()

    def _show_time(self) -> None:
        """Show the newest issue, or what was chosen instead of it."""
        view, scene = self._newest, self._scene
        assert view is not None
        assert scene is not None
        if self._issue is not None:
            view = as_known(view, scene.snapshot, self._issue, scene.engine, self._language)
        elif self._ahead is not None and self._ahead.lead_h == self._lead_h:
            view = hours_ahead(view, self._ahead, self._language)
        self.show_view(view)

    def show_view(self, view: ForecastView) -> None:
        """Show a view."""
        self._view = view
        self._header.show_view(view)
        self._name_lines()
        self._name_axis()
        self._part.setVisible(bool(view.stretches))
        self._zone.setText(view.zone)
        for label, words in ((self._known_at, view.known_at), (self._outcome, view.outcome)):
            label.setText(words)
            label.setVisible(bool(words))
        if view.empty is not None:
            self._empty.show_reason(view.empty)
        self._pages.setCurrentIndex(0 if view.empty is None else 1)
        self.chart.show_view(view)
        self.chart.setAccessibleName(self._language.text("forecast.chart", name=view.title))
        told = (view.known_at, view.outcome, view.summary, self._language.text("forecast.chart_help"))
        self.chart.setAccessibleDescription(" ".join(filter(None, told)))
        self.weather.setAccessibleName(self._language.text("weather.chart", name=view.title))
        self.weather.setAccessibleDescription(self._weather.summary if self._weather else "")
        self._point_at(self._pointed)
        self._tell_hour()

    def set_palette(self, palette: Palette) -> None:
        """Take new colours."""
        self._palette = palette
        for part in (self.chart, self.weather, self.past, self.inspector):
            part.set_palette(palette)
        self._name_lines()

    # -- what the user does -------------------------------------------------------------------------------------------

    def show_days(self, days: int | None) -> None:
        """Show so many days around now, None for what a consumer opens with; more is read where a year is wanted."""
        wider = (days == YEAR_DAYS) != (self._days == YEAR_DAYS)
        self._days = days
        self.tools.show_days(days)
        self.chart.show_days(days)
        if wider:
            self._ask()

    def show_lead(self, hours: int) -> None:
        """Show what was forecast so many hours before each hour; 0 shows the newest issue."""
        self._lead_h, self._ahead, self._issue = hours, None, None
        self._asked_for.pop("forecast.ahead", None)
        self.tools.show_lead(hours)
        self.past.go_to_newest()
        self._ask()
        self._compose()

    def _choose_issue(self, issue: QuantileForecast | None) -> None:
        """Show an earlier issue, or with None the newest again."""
        self._issue = issue
        if self._lead_h and issue is not None:
            self._lead_h, self._ahead = 0, None
            self.tools.show_lead(0)
        if self._newest is not None:
            self._show_time()
        if issue is not None:
            self.chart.bring_in_sight(issue.issue_time)
        self._ask()

    def _step(self, steps: int) -> None:
        self.tools.past.setChecked(True)
        self.past.go(steps)

    def _open_past(self, opened: bool) -> None:
        self.past.setVisible(opened)
        if not opened:
            self.past.go_to_newest()
        self._ask()

    def _show_naive(self, shown: bool) -> None:
        self.chart.show_naive(shown)
        self._name_lines()

    def _open_inspector(self, opened: bool) -> None:
        self.inspector.setVisible(opened)
        self._lay_over()

    def _lay_over(self) -> None:
        """Draw what the page in front lays over the chart, while it can be seen."""
        self._overlay = self.inspector.overlay if self.tools.inspect.isChecked() else None
        self.chart.lay_over(self._overlay)
        self._name_lines()

    def _name_axis(self) -> None:
        """Unit of the value axis, and, where long lines are drawn by days, that they are."""
        if self._view is not None:
            left, right = self.chart.plot.viewRange()[0]
            by_days = (right - left) / HOUR > MOST_POINTS
            self._axis_note.setText(self._language.text("forecast.by_days", axis=self._view.axis) if by_days else self._view.axis)

    def _name_lines(self) -> None:
        self._legend.show_view(self._view, self.tools.naive.isChecked(), self._overlay, self._palette)

    def resizeEvent(self, event: QtGui.QResizeEvent) -> None:
        """Show the inspector where there is room, until the user has decided."""
        super().resizeEvent(event)
        self._follow_likes()

    def _like(self, **changes: object) -> None:
        self._likes = dataclasses.replace(self._likes, **changes)
        self.liked.emit(changes)

    def _follow_likes(self) -> None:
        """Show what the user wants to see, and the inspector, until that was decided, where there is room."""
        likes, tools = self._likes, self.tools
        roomy = self.width() >= ROOMY_PX
        tools.inspect.setChecked({"shown": True, "hidden": False}.get(likes.inspector, roomy))
        tools.weather.setChecked(likes.weather)
        tools.naive.setChecked(likes.naive)

    def look_at(self, hour: int) -> None:
        """Bring an hour in sight and tell of it."""
        self._pin(hour)
        self.chart.bring_in_sight(hour)

    def _pin(self, hour: int | None) -> None:
        """Tell of this hour until another is pinned, or none."""
        self._pinned = hour
        self.chart.show_pin(hour)
        if hour is not None and not self.tools.inspect.isChecked():
            self.tools.inspect.click()
        self._point_at(self._pointed)
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

    def _point_at(self, time: float | None) -> None:
        if self._view is None:
            return
        self._pointed = time
        held = self._view.now if self._pinned is None else self._pinned
        at = held if time is None else time
        numbers = read_out(self._view, at, self._language)
        self._numbers.show_numbers(numbers, weather_at(self._weather, at, self._language))
        self._part.setText(numbers.part)
        self.chart.show_point(numbers, pointing=time is not None)
        self.weather.show_time(None if time is None else numbers.time)
