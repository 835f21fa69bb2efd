"""The view of the map: what to colour it by, the map, the numbers of one area, and the hour shown."""

from __future__ import annotations

import itertools

from PySide6 import QtCore, QtGui, QtWidgets

from app import theme
from app.card import card
from app.choice_box import ChoiceBox
from app.empty import EmptyPage
from app.map_canvas import Ground, MapCanvas
from app.pane import Pane, Scene
from app.present import (
    Legend,
    MapChoice,
    MapReadOut,
    MapView,
    Origin,
    Shade,
    first_choice,
    map_frame,
    map_read_out,
    map_view,
)
from app.ramps import colour
from app.snapshot import Snapshot
from app.theme import Palette
from app.time_slider import TimeSlider
from app.translations import Language
from engine.domain import HOUR, Consumer, Freshness
from engine.geography import Kind

#: Milliseconds an hour is shown for while the map plays.
PLAY_MS = 250
_SIDE_PX = 300
_BAR_PX = 12
_LEFT = QtCore.Qt.AlignmentFlag.AlignLeft | QtCore.Qt.AlignmentFlag.AlignVCenter
_RIGHT = QtCore.Qt.AlignmentFlag.AlignRight | QtCore.Qt.AlignmentFlag.AlignVCenter


class RampBar(QtWidgets.QWidget):
    """The colours of the map over their numbers, and the pattern of no data."""

    def __init__(self, language: Language, palette: Palette) -> None:
        super().__init__()
        self._palette = palette
        self._legend: Legend | None = None
        self._corners = False
        self._missing, self._estimated = language.text("map.missing"), language.text("map.legend_estimated")

    def show_legend(self, legend: Legend, palette: Palette, corners: bool) -> None:
        """Show another; `corners` is whether the map has tiles, which tell by a corner that a value is not measured."""
        self._legend, self._palette, self._corners = legend, palette, corners
        self.setFixedHeight(_BAR_PX + 12 + 2 * QtGui.QFontMetrics(theme.font(0.92)).height())
        self.update()

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        """Draw the ramp, ticks that stay inside, and the sample of no data."""
        legend, palette = self._legend, self._palette
        if legend is None:
            return
        with QtGui.QPainter(self) as painter:
            painter.setFont(theme.font(0.92))
            width = self.width() - 2
            for step in range(width):
                shade = colour(legend.ramp, step / width, palette.is_dark)
                painter.fillRect(1 + step, 0, 1, _BAR_PX, QtGui.QColor(shade))
            painter.setPen(QtGui.QColor(palette.quiet))
            height = painter.fontMetrics().height()
            for position, words in legend.ticks:
                x, wide = 1 + position * (width - 1), painter.fontMetrics().horizontalAdvance(words)
                painter.drawLine(QtCore.QPointF(x, _BAR_PX), QtCore.QPointF(x, _BAR_PX + 3))
                painter.drawText(QtCore.QPointF(min(max(0.0, x - wide / 2), self.width() - wide), _BAR_PX + height), words)
            top = _BAR_PX + height + 8
            box = round(0.85 * height)
            missing = QtCore.QRectF(1, top, box + 2, box)
            painter.fillRect(missing, QtGui.QBrush(QtGui.QColor(palette.reference), QtCore.Qt.BrushStyle.BDiagPattern))
            painter.setPen(QtGui.QColor(palette.reference))
            painter.drawRect(missing)
            half = self.width() / 2 - 24
            if self._corners:
                painter.drawPolygon([QtCore.QPointF(half + x, top + y) for x, y in ((0, 0), (8, 0), (14, 6), (14, 12), (0, 12))])
            painter.setPen(QtGui.QColor(palette.quiet))
            for left, words in ((0.0, self._missing), (half, self._estimated if self._corners else "")):
                painter.drawText(QtCore.QPointF(left + box + 9, top + box - 1), words)


class MapTable(QtWidgets.QTableWidget):
    """The map as rows of area, value and kind of value; as high as its rows, where there is room."""

    def __init__(self, name: str) -> None:
        super().__init__(0, 3)
        self.setAccessibleName(name)
        self.setProperty("role", "list")
        self.setFont(theme.font(0.92))
        self.setEditTriggers(QtWidgets.QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QtWidgets.QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QtWidgets.QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(22)
        head = self.horizontalHeader()
        head.style().unpolish(head)  # it was dressed before the table had its role
        head.setHighlightSections(False)
        head.setDefaultAlignment(_LEFT)
        head.setSectionResizeMode(0, QtWidgets.QHeaderView.ResizeMode.Stretch)
        for column, width in ((1, 54), (2, 84)):
            self.setColumnWidth(column, width)

    def resizeEvent(self, event: QtGui.QResizeEvent) -> None:
        """Keep the chosen row in sight."""
        super().resizeEvent(event)
        self.scrollTo(self.currentIndex())

    def show_rows(self, heads: tuple[str, ...], rows: tuple[tuple[str, str, str], ...]) -> None:
        """Show other words; only what differs is touched."""
        if self.rowCount() != len(rows):
            self.setRowCount(len(rows))
            for row, column in itertools.product(range(len(rows)), range(3)):
                item = QtWidgets.QTableWidgetItem()
                item.setTextAlignment(_RIGHT if column == 1 else _LEFT)
                self.setItem(row, column, item)
            high = len(rows) * self.verticalHeader().defaultSectionSize()
            self.setMaximumHeight(self.horizontalHeader().sizeHint().height() + high + 2 * self.frameWidth())
        self.setHorizontalHeaderLabels(heads)
        if (number := self.horizontalHeaderItem(1)) is not None:
            number.setTextAlignment(_RIGHT)
        for row, cells in enumerate(rows):
            for column, words in enumerate(cells):
                cell = self.item(row, column)
                if cell is not None and cell.text() != words:
                    cell.setText(words)
                    cell.setToolTip(words)


class MapPane(Pane):
    """The map, and the table beside it from which an area is chosen for the other views."""

    of_consumer = False

    def __init__(self, language: Language, palette: Palette) -> None:
        super().__init__()
        self._language, self._palette = language, palette
        text = language.text
        self._snapshot: Snapshot | None = None
        self._view: MapView | None = None
        self._choice: MapChoice | None = None  # before anything is known
        self._moved = False  # by the user, away from now
        self._now = 0
        self._title, self._badges = theme.label(1.55, bold=True), theme.Badges()
        self.layer, self.type, self.shade = (ChoiceBox(text(f"map.{key}")) for key in ("layer", "type", "shade"))
        for box in (self.layer, self.type, self.shade):
            box.activated.connect(self._decide)
        self.canvas = MapCanvas(palette)
        self.canvas.pointed.connect(self._point)
        self.canvas.chosen.connect(self._choose)
        self._name, self._value = theme.label(1.15, bold=True), theme.label(1.05)
        self._lines, self._issued, self._measure = theme.label(), theme.label(), theme.label(0.92, role="quiet")
        self._legend_title = theme.label(0.92)
        for label in (self._name, self._value, self._lines, self._issued, self._measure, self._legend_title):
            label.setWordWrap(True)
        self._ramp = RampBar(language, palette)
        self.table = MapTable(text("map.table"))
        self.table.currentCellChanged.connect(lambda row, *_: self.canvas.focus_row(row) if row >= 0 else None)
        self.table.itemActivated.connect(lambda item: self._choose(item.row()))
        self.slider = TimeSlider(language, palette)
        self.slider.valueChanged.connect(self._slide)
        self._hour = theme.label(1.15, bold=True)
        self.play = QtWidgets.QPushButton(text("map.play"))
        self.play.setCheckable(True)
        self.play.setAccessibleName(text("map.play"))
        self.play.toggled.connect(self._play)
        self.now = QtWidgets.QPushButton(text("map.now").capitalize())
        self.now.setAccessibleName(self.now.text())
        self.now.clicked.connect(self._go_to_now)
        self._timer = QtCore.QTimer(self)
        self._timer.setInterval(PLAY_MS)
        self._timer.timeout.connect(self._step)
        self._empty = EmptyPage()
        self._pages = QtWidgets.QStackedWidget()
        self._pages.addWidget(self._page())
        self._pages.addWidget(self._empty)
        top = QtWidgets.QHBoxLayout()
        top.addWidget(self._title)
        top.addStretch(1)
        top.addWidget(self._badges)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(top)
        column.addLayout(self._choices())
        column.addWidget(self._pages, 1)

    def _choices(self) -> QtWidgets.QHBoxLayout:
        row = QtWidgets.QHBoxLayout()
        row.setSpacing(6)
        for box in (self.layer, self.type, self.shade):
            name = theme.label(0.92, role="quiet", text=box.accessibleName())
            name.setBuddy(box)
            row.addWidget(name)
            row.addWidget(box)
            row.addSpacing(14)
        row.addStretch(1)
        return row

    def _page(self) -> QtWidgets.QWidget:
        side = QtWidgets.QVBoxLayout()
        side.setSpacing(8)
        side.addWidget(card(self._name, self._value, self._lines, self._issued, self._measure, spacing=3)[0])
        side.addWidget(card(self._legend_title, self._ramp, spacing=3)[0])
        side.addWidget(self.table, 100)
        side.addStretch(1)
        aside = QtWidgets.QWidget()
        aside.setFixedWidth(_SIDE_PX)
        aside.setLayout(side)
        side.setContentsMargins(0, 0, 0, 0)
        body = QtWidgets.QHBoxLayout()
        body.setSpacing(8)
        body.addWidget(self.canvas, 1)
        body.addWidget(aside)
        buttons = QtWidgets.QHBoxLayout()
        buttons.addWidget(self.play)
        buttons.addWidget(self.now)
        buttons.addSpacing(10)
        buttons.addWidget(self._hour)
        buttons.addStretch(1)
        page = QtWidgets.QWidget()
        column = QtWidgets.QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(body, 1)
        column.addLayout(buttons)
        column.addWidget(self.slider)
        return page

    def set_palette(self, palette: Palette) -> None:
        """Take new colours."""
        self._palette = palette
        self.canvas.set_palette(palette)
        self.slider.set_palette(palette)
        self._draw()

    def show_scene(self, scene: Scene) -> None:
        """Show what is known; layer, colours and hour stay, and the hour follows the clock until it was moved."""
        snapshot, now = scene.snapshot, scene.now
        if snapshot is not self._snapshot or now // HOUR != self._now // HOUR:
            self._snapshot, self._now = snapshot, now
            self._look()
        self._now = now

    def _decide(self) -> None:
        """Take what the boxes say."""
        self._choice = MapChoice(Kind(self.layer.currentData()), self.type.currentData(), Shade(self.shade.currentData()))
        self._look()

    def _look(self) -> None:
        """Work out the layer for all hours."""
        if self._snapshot is None:
            return
        choice = self._choice or first_choice(self._snapshot)
        view = self._view = map_view(self._snapshot, choice, self._language, self._now)
        self._title.setText(view.title)
        self._badges.show_marks(view.marks)
        for box, entries, chosen in (
            (self.layer, view.layers, view.choice.layer),
            (self.type, view.types, view.choice.consumer_type),
            (self.shade, view.shades, view.choice.shade),
        ):
            box.show_entries(entries, chosen)
        self._pages.setCurrentIndex(0 if view.empty is None else 1)
        if view.empty is not None:
            self._empty.show_reason(view.empty)
            self.play.setChecked(False)
            return
        self.canvas.setAccessibleName(self._language.text("map.canvas", layer=dict(view.layers)[view.choice.layer].lower()))
        with QtCore.QSignalBlocker(self.slider):
            self.slider.show_hours(view.hours, view.runs, self._now)
            if not self._moved:
                self.slider.setValue(view.index_of(view.now))
        self.canvas.show_areas(view.areas)
        self._draw()

    def _draw(self) -> None:
        """Show the hour of the slider."""
        view = self._view
        if view is None or view.empty is not None:
            return
        frame = map_frame(view, self.slider.value(), self._language)
        dark = self._palette.is_dark
        self.canvas.show_grounds(
            [
                Ground(
                    None if origin == Origin.MISSING else colour(view.legend.ramp, place, dark), origin != Origin.MEASURED, words
                )
                for place, origin, words in zip(frame.position.tolist(), frame.origin.tolist(), frame.labels, strict=True)
            ]
        )
        self._hour.setText(frame.hour)
        self.slider.setAccessibleDescription(f"{frame.hour}. {self._language.text('map.time_help')}")
        self._legend_title.setText(frame.legend_title)
        self._ramp.show_legend(view.legend, self._palette, view.choice.layer is Kind.MUNICIPALITY)
        with QtCore.QSignalBlocker(self.table):
            self.table.show_rows(view.heads, frame.rows)
        self.table.setAccessibleDescription(frame.summary)
        self._point(self.canvas.row)

    def _point(self, row: int) -> None:
        """Show the numbers of an area."""
        view = self._view
        if view is None or view.empty is not None or not 0 <= row < len(view.areas):
            return
        out = map_read_out(view, row, self.slider.value(), self._language, self._now)
        self._show_read_out(out)
        with QtCore.QSignalBlocker(self.table):
            self.table.setCurrentCell(self.canvas.focused, 0)

    def _show_read_out(self, out: MapReadOut) -> None:
        self._name.setText(out.name)
        self._value.setText(out.value)
        self._lines.setText("\n".join(out.lines))
        self._lines.setVisible(bool(out.lines))
        self._measure.setText(out.measure)
        state = out.issue_freshness
        fresh = state is Freshness.FRESH
        self._issued.setText(out.issued if fresh else f"{theme.SYMBOLS[state]} {out.issued}")
        self._issued.setVisible(bool(out.issued))
        theme.paint(self._issued, "" if fresh else theme.role_of(state))
        spoken = ". ".join(filter(None, (out.name, out.value, *out.lines, out.issued, out.measure)))
        self.canvas.setAccessibleDescription(f"{spoken} {self._language.text('map.canvas_help')}")
        self.canvas.setToolTip(out.name)

    def _choose(self, row: int) -> None:
        if self._view is not None:
            self.chosen.emit(Consumer(self._view.areas[row], self._view.choice.consumer_type))

    def _slide(self) -> None:
        self._moved = True
        self._draw()

    def _go_to_now(self) -> None:
        if self._view is not None:
            self.play.setChecked(False)
            self.slider.setValue(self._view.index_of(self._view.now))
            self._moved = False

    def _play(self, on: bool) -> None:
        self.play.setText(self._language.text("map.pause" if on else "map.play"))
        if on and self.slider.value() == self.slider.maximum():
            self.slider.setValue(0)
        self._timer.start() if on else self._timer.stop()

    def _step(self) -> None:
        """An hour further; the end ends it, and so does another view."""
        if self.slider.value() == self.slider.maximum() or not self.isVisible():
            self.play.setChecked(False)
        else:
            self.slider.setValue(self.slider.value() + 1)
