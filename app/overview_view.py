"""The first view: whether all is current, what is expected everywhere, how sure that is, and what is unusual."""

from __future__ import annotations

import functools

from PySide6 import QtCore, QtWidgets

from app import overview_snapshot, theme
from app.empty import EmptyPage
from app.map_canvas import Ground, MapCanvas
from app.map_view import RampBar
from app.menu import action
from app.overview_snapshot import OverviewSnapshot
from app.overview_tile import TileCard, TileHead
from app.pane import Pane, Question, Scene
from app.preferences import PLAIN
from app.present import (
    MapChoice,
    MapView,
    Origin,
    OverviewView,
    Shade,
    Situation,
    map_frame,
    map_read_out,
    map_view,
    overview_view,
)
from app.ramps import colour
from app.snapshot import PRICE_AREAS, Snapshot
from app.theme import Palette
from app.translations import Language
from engine import geography, limits
from engine.domain import Consumer, Freshness
from engine.geography import Kind

#: Heights of the rows of price areas and of all others stand to each other like this.
_LARGE, _SMALL = 3, 2
#: Width of the map, as a share of the view.
_MAP_SHARE = 0.27
#: Digits that a view must be wider than to have a map.
_NARROW = 125


class SituationBar(QtWidgets.QFrame):
    """The situation in words: a headline with what is not well, and under it how old everything is and what is unusual."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self._headline, self._troubles = theme.label(1.2, bold=True), theme.label()
        self._unusual, self._ages = theme.label(0.92, role="quiet"), theme.label(0.92, role="quiet")
        for label in (self._troubles, self._unusual, self._ages):
            label.setWordWrap(True)
        self.badges = theme.Badges()
        top = QtWidgets.QHBoxLayout()
        top.setSpacing(18)
        top.addWidget(self._headline)
        top.addWidget(self._troubles, 1)
        top.addWidget(self.badges)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(14, 5, 10, 8)
        column.setSpacing(1)
        column.addLayout(top)
        column.addWidget(self._ages)
        column.addWidget(self._unusual)

    def show_situation(self, situation: Situation) -> None:
        """Show it."""
        fresh = situation.freshness is Freshness.FRESH
        self._headline.setText(f"{theme.SYMBOLS[situation.freshness]} {situation.headline}")
        theme.paint(self._headline, "" if fresh else theme.role_of(situation.freshness))
        self._troubles.setText("   ·   ".join(situation.troubles))
        self._unusual.setText(situation.unusual)
        self._unusual.setVisible(bool(situation.unusual))
        self._ages.setText(situation.ages)
        self._ages.setVisible(bool(situation.ages))
        self.setAccessibleName(
            ". ".join(filter(None, (situation.headline, *situation.troubles, situation.ages, situation.unusual)))
        )


class OverviewMap(QtWidgets.QFrame):
    """The map of this hour against the week before. `pointed` carries the Consumer that is looked at, `chosen` one that was meant."""

    pointed = QtCore.Signal(object)
    chosen = QtCore.Signal(object)

    def __init__(self, language: Language, palette: Palette) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self._language, self._palette = language, palette
        self._view: MapView | None = None
        self._title = theme.label(bold=True, text=language.text("overview.map"))
        self.canvas = MapCanvas(palette)
        self.canvas.setMinimumSize(200, 200)
        self.canvas.setAccessibleName(language.text("overview.map"))
        self.canvas.pointed.connect(self._look_at)
        self.canvas.chosen.connect(lambda row: self.chosen.emit(self._consumer(row)))
        self._ramp = RampBar(language, palette)
        self._name, self._value = theme.label(bold=True), theme.label(0.92)
        self._value.setWordWrap(True)
        self._legend = theme.label(0.92, role="quiet")
        self._legend.setWordWrap(True)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 8)
        column.setSpacing(3)
        for widget in (self._title, self.canvas, self._name, self._value, self._legend, self._ramp):
            column.addWidget(widget, 1 if widget is self.canvas else 0)

    def set_palette(self, palette: Palette) -> None:
        """Take new colours."""
        self._palette = palette
        self.canvas.set_palette(palette)
        self._draw()

    def show_snapshot(self, snapshot: Snapshot, now: int) -> None:
        """Show this hour of the regions, or where nothing is known of them, of the price areas."""
        regions = any(geography.kind(of.area) is Kind.REGION for of in snapshot.map.consumers)
        choice = MapChoice(Kind.REGION if regions else Kind.PRICE_AREA, "total", Shade.CHANGE)
        self._view = map_view(snapshot, choice, self._language, now)
        self.canvas.show_areas(self._view.areas)
        self._draw()

    def _draw(self) -> None:
        view = self._view
        if view is None or view.empty is not None:
            return
        frame = map_frame(view, view.index_of(view.now), self._language)
        dark = self._palette.is_dark
        places = zip(frame.position.tolist(), frame.origin.tolist(), frame.rows, strict=True)
        self.canvas.show_grounds(
            [
                Ground(None if origin == Origin.MISSING else colour(view.legend.ramp, place, dark), False, row[1])
                for place, origin, row in places
            ]
        )
        self._legend.setText(frame.legend_title)
        self._ramp.show_legend(view.legend, self._palette, False)
        self._point(self.canvas.row)

    def show_consumer(self, of: Consumer) -> None:
        """Move the focus to an area, where it is on the map."""
        if self._view is not None and of.area in self._view.areas:
            with QtCore.QSignalBlocker(self.canvas):
                self.canvas.focus_row(self._view.areas.index(of.area))
            self._point(self.canvas.row)

    def _look_at(self, row: int) -> None:
        self._point(row)
        if self._view is not None:
            self.pointed.emit(self._consumer(row))

    def _point(self, row: int) -> None:
        view = self._view
        if view is None or view.empty is not None or not 0 <= row < len(view.areas):
            return
        out = map_read_out(view, row, view.index_of(view.now), self._language, view.now)
        self._name.setText(out.name)
        self._value.setText("\n".join((out.value, *out.lines)))
        self.canvas.setAccessibleDescription(f"{out.name}. {out.value}. {self._language.text('overview.map_help')}")

    def _consumer(self, row: int) -> Consumer:
        assert self._view is not None
        return Consumer(self._view.areas[row], self._view.choice.consumer_type)


class OverviewPane(Pane):
    """All areas at one glance."""

    of_consumer = False
    has_panel = False
    tells = ("peak",)

    def __init__(self, language: Language, palette: Palette) -> None:
        super().__init__()
        self._language, self._palette = language, palette
        self._scene: Scene | None = None
        self._more = OverviewSnapshot()
        self._read: Snapshot | None = None
        self._pinned: tuple[Consumer, ...] = ()
        self._likes = PLAIN
        self.pin = action(self, "", self._toggle_chosen, "P")
        self.addAction(self.pin)
        self.situation = SituationBar()
        self.head = TileHead(language, palette)
        self.cards: list[TileCard] = []
        self._rows = QtWidgets.QVBoxLayout()
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setSpacing(4)
        rows = QtWidgets.QWidget()
        rows.setLayout(self._rows)
        self._scroll = QtWidgets.QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        self._scroll.setFocusPolicy(QtCore.Qt.FocusPolicy.NoFocus)
        self._scroll.setWidget(rows)
        self.map = OverviewMap(language, palette)
        self.map.chosen.connect(self._open)
        self.map.pointed.connect(self._mark)
        left = QtWidgets.QVBoxLayout()
        left.setSpacing(2)
        left.addWidget(self.head)
        left.addWidget(self._scroll, 1)
        body = QtWidgets.QHBoxLayout()
        body.setSpacing(10)
        body.addLayout(left, 1)
        body.addWidget(self.map)
        page = QtWidgets.QWidget()
        column = QtWidgets.QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.situation)
        column.addLayout(body, 1)
        self._empty = EmptyPage()
        self._pages = QtWidgets.QStackedWidget()
        self._pages.addWidget(page)
        self._pages.addWidget(self._empty)
        whole = QtWidgets.QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self._pages)

    def set_palette(self, palette: Palette) -> None:
        """Take new colours."""
        self._palette = palette
        for widget in (self.head, self.map, *self.cards):
            widget.set_palette(palette)

    def show_scene(self, scene: Scene) -> None:
        """Show all areas, and ask for what the snapshot does not hold."""
        self._scene = scene
        if scene.likes != self._likes:
            self._likes = scene.likes
            self._pin(tuple(limits.named(name) for name in scene.likes.pinned.split(",") if name.strip()))
        if scene.snapshot is not self._read and scene.snapshot.fault is None:
            self._read = scene.snapshot
            self._ask(scene.snapshot)
        key = "pin_none" if scene.of in PRICE_AREAS else "unpin" if scene.of in self._pinned else "pin"
        self.pin.setText(self._language.text(f"overview.{key}", name=geography.title(scene.of, self._language.code)))
        self.pin.setEnabled(scene.of not in PRICE_AREAS)
        self._draw()

    def _ask(self, shown: Snapshot) -> None:
        others = overview_snapshot.beside(shown, self._pinned)
        self.asked.emit(Question("overview", functools.partial(overview_snapshot.read, others=others)))

    def _pin(self, wanted: tuple[Consumer, ...]) -> None:
        if wanted != self._pinned:
            self._pinned = wanted
            if self._read is not None:
                self._ask(self._read)

    def _toggle_chosen(self) -> None:
        """Pin the chosen consumer, or take it away again."""
        if self._scene is not None:
            of = self._scene.of
            self._pin(tuple(each for each in self._pinned if each != of) if of in self._pinned else (*self._pinned, of))
            self.liked.emit({"pinned": ", ".join(map(limits.written, self._pinned))})
            self.show_scene(self._scene)

    def take_found(self, name: str, found: object) -> None:
        """Take what was asked for; a database that cannot be read is told by the snapshot."""
        if name == "overview" and isinstance(found, OverviewSnapshot):
            self._more = found
            self._draw()

    def _draw(self) -> None:
        scene = self._scene
        if scene is None:
            return
        view = overview_view(scene.snapshot, self._more, scene.engine, self._language, scene.now)
        self._pages.setCurrentIndex(0 if view.empty is None else 1)
        if view.empty is not None:
            self._empty.show_reason(view.empty)
            return
        self.situation.show_situation(view.situation)
        self.situation.badges.show_marks(view.marks)
        self.head.show_heads(view.heads, view.span, view.now)
        self._show_tiles(view)
        self.map.show_snapshot(scene.snapshot, scene.now)

    def _show_tiles(self, view: OverviewView) -> None:
        while len(self.cards) > len(view.tiles):
            self.cards.pop().deleteLater()
        while len(self.cards) < len(view.tiles):
            card = TileCard(self._language, self._palette)
            card.opened.connect(functools.partial(self._open_card, card))
            card.moved.connect(functools.partial(self._move, card))
            card.focused.connect(functools.partial(self._focus, card))
            self._rows.addWidget(card)
            self.cards.append(card)
        for place, (card, tile) in enumerate(zip(self.cards, view.tiles, strict=True)):
            card.show_tile(tile, view.span, view.now)
            self._rows.setStretch(place, _LARGE if tile.large else _SMALL)

    def _move(self, card: TileCard, step: int) -> None:
        place = min(max(0, self.cards.index(card) + step), len(self.cards) - 1)
        self.cards[place].setFocus(QtCore.Qt.FocusReason.TabFocusReason)

    def _focus(self, card: TileCard) -> None:
        """The map follows the cards."""
        self._scroll.ensureWidgetVisible(card)
        if card.tile is not None:
            self._mark(None)
            self.map.show_consumer(card.tile.row.of)

    def _mark(self, of: Consumer | None) -> None:
        """The cards follow the map."""
        for card in self.cards:
            card.mark(card.tile is not None and card.tile.row.of == of)

    def _open_card(self, card: TileCard) -> None:
        if card.tile is not None:
            self._open(card.tile.row.of)

    def _open(self, of: Consumer) -> None:
        self.chosen.emit(of)
        self.opened.emit("forecast")

    def resizeEvent(self, event: object) -> None:
        """The map takes its share of the width, and makes way where that is narrow."""
        self.map.setFixedWidth(round(_MAP_SHARE * self.width()))
        self.map.setVisible(self.width() > _NARROW * theme.digit_px())
