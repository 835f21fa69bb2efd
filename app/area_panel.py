"""The panel at the left: cards of the areas, how current the chosen one's sources are, and the list of all there is to choose."""

from __future__ import annotations

from typing import cast

from PySide6 import QtCore, QtWidgets

from app import theme
from app.chooser import ConsumerList, SearchField
from app.present import AreaRow, SourceAge
from app.translations import Language
from engine.domain import Consumer, Freshness

WIDTH = 300
#: What stands around a card in the list, in pixels.
_FRAME = 8


class AreaCard(QtWidgets.QWidget):
    """One area: its newest load large, the rest under it with figures at the right."""

    def __init__(self, language: Language) -> None:
        super().__init__()
        grid = QtWidgets.QGridLayout(self)
        grid.setContentsMargins(12, 7, 12, 7)
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(3)
        grid.setColumnStretch(1, 1)
        self._name = theme.label(bold=True)
        self._observed, self._observed_at = theme.label(1.5, bold=True), theme.label(role="quiet")
        self._estimate, self._range = theme.label(), theme.label(0.92, role="quiet")
        self._peak, self._peak_at, self._trend = theme.label(), theme.label(0.92, role="quiet"), theme.label()
        self._trend.setToolTip(language.text("area.trend_about"))
        self._reduced = theme.label(role="late")
        right = QtCore.Qt.AlignmentFlag.AlignRight | QtCore.Qt.AlignmentFlag.AlignBottom
        grid.addWidget(self._name, 0, 0, 1, 3)
        newest = QtWidgets.QHBoxLayout()
        newest.addWidget(self._observed)
        newest.addStretch(1)
        newest.addWidget(self._observed_at, 0, right)
        grid.addLayout(newest, 1, 0, 1, 3)
        for row, (key, value, more) in enumerate(
            (
                ("estimate", self._estimate, self._range),
                ("peak", self._peak, self._peak_at),
                ("trend", self._trend, None),
            ),
            start=2,
        ):
            grid.addWidget(theme.label(0.92, role="quiet", text=language.text(f"area.{key}")), row, 0)
            grid.addWidget(value, row, 1, right)
            if more is not None:
                grid.addWidget(more, row, 2, right)
        grid.addWidget(self._reduced, 5, 0, 1, 3)

    def show_row(self, row: AreaRow) -> None:
        """Show an area."""
        self._name.setText(row.name)
        self._observed.setText(row.observed)
        state = row.observed_freshness
        mark = "" if state in (None, Freshness.FRESH) else f"{theme.SYMBOLS[state]} "
        self._observed_at.setText(f"{mark}{row.observed_at}")
        theme.paint(self._observed_at, theme.role_of(state or Freshness.FRESH))
        _show_aged(self._estimate, row.estimate, row.forecast_freshness)
        self._range.setText(row.estimate_range)
        _show_aged(self._peak, row.peak, row.forecast_freshness)
        self._peak_at.setText(row.peak_at)
        # A day against the week before stays true for some hours after its last; and ▲ beside an arrow would read as one.
        _show_aged(self._trend, row.trend, state if state is Freshness.STALE else Freshness.FRESH)
        self._reduced.setText(f"{theme.SYMBOLS[Freshness.LATE]} {row.reduced}")
        self._reduced.setVisible(bool(row.reduced))


def _show_aged(label: QtWidgets.QLabel, words: str, state: Freshness) -> None:
    """A value, marked where what it is made from has grown old; where that is missing the words say so."""
    old = state in (Freshness.LATE, Freshness.STALE)
    label.setText(f"{theme.SYMBOLS[state]} {words}" if old else words)
    theme.paint(label, theme.role_of(state) if old else "")


class AreaPanel(QtWidgets.QWidget):
    """A field to find consumers with over cards and source ages. `chosen` carries a Consumer; arrow keys move along the cards.

    The cards are the price areas and the consumer chosen last beside them. While one looks for another, the list of all takes
    their place.
    """

    chosen = QtCore.Signal(object)

    def __init__(self, language: Language) -> None:
        super().__init__()
        self._language = language
        self._shown: tuple[Consumer, ...] = ()
        self.setMinimumWidth(WIDTH)
        self.setSizePolicy(QtWidgets.QSizePolicy.Policy.Fixed, QtWidgets.QSizePolicy.Policy.Preferred)
        self.field = SearchField()
        self.field.setPlaceholderText(language.text("choose.find"))
        self.field.setAccessibleName(language.text("choose.find"))
        self.field.setToolTip(language.text("choose.about"))
        self.field.setClearButtonEnabled(True)
        self.list = ConsumerList(language, self.field)
        self.list.picked.connect(self._pick)
        self.list.closed.connect(self.close_list)
        self.field.opened.connect(self.open_list)
        self.field.textEdited.connect(self.open_list)
        self.field.closed.connect(self.close_list)
        self.areas = QtWidgets.QListWidget()
        self.areas.setAccessibleName(language.text("window.areas"))
        self.areas.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.areas.setVerticalScrollMode(QtWidgets.QAbstractItemView.ScrollMode.ScrollPerPixel)
        # Else cards keep the width they had when they were filled.
        self.areas.setResizeMode(QtWidgets.QListView.ResizeMode.Adjust)
        self.areas.currentItemChanged.connect(self._choose)
        self.areas.verticalScrollBar().rangeChanged.connect(lambda *_: self.areas.scrollToItem(self.areas.currentItem()))
        self._sources = QtWidgets.QGridLayout()
        self._sources.setHorizontalSpacing(7)
        self._sources.setVerticalSpacing(1)
        self._sources.setColumnStretch(0, 1)
        self._source_labels: list[tuple[QtWidgets.QLabel, ...]] = []
        self._source_box = QtWidgets.QFrame()
        self._source_box.setProperty("role", "card")
        box = QtWidgets.QVBoxLayout(self._source_box)
        box.setContentsMargins(12, 9, 12, 9)
        box.addWidget(theme.label(bold=True, text=language.text("sources.title")))
        box.addLayout(self._sources)
        for column, head in enumerate((language.text("sources.age"), language.text("sources.usual")), start=1):
            self._sources.addWidget(theme.label(0.92, role="quiet", text=head), 0, column, QtCore.Qt.AlignmentFlag.AlignRight)
        cards = QtWidgets.QWidget()
        column_of_cards = QtWidgets.QVBoxLayout(cards)
        column_of_cards.setContentsMargins(0, 0, 0, 0)
        column_of_cards.setSpacing(2)
        column_of_cards.addWidget(self.areas, 1)
        column_of_cards.addWidget(self._source_box)
        self._pages = QtWidgets.QStackedWidget()
        self._pages.addWidget(cards)
        self._pages.addWidget(self.list)
        stack = QtWidgets.QVBoxLayout(self)
        stack.setContentsMargins(0, 0, 0, 0)
        stack.setSpacing(8)
        stack.addWidget(self.field)
        stack.addWidget(self._pages, 1)

    def open_list(self) -> None:
        """Show all there is to choose from."""
        if self._pages.currentWidget() is not self.list:
            self._pages.setCurrentWidget(self.list)
            self.list.fill()

    def search(self) -> None:
        """Open the list and write in the field."""
        self.field.setFocus(QtCore.Qt.FocusReason.ShortcutFocusReason)
        self.field.selectAll()
        self.open_list()

    def close_list(self) -> None:
        """Show the cards again, where the keys then go."""
        if self._pages.currentWidget() is self.list:
            self.field.clear()
            self._pages.setCurrentIndex(0)
            self.areas.setFocus()

    def step(self, by: int) -> None:
        """Choose the card so many places further down, as far as there are any."""
        self.areas.setCurrentRow(max(0, min(self.areas.count() - 1, self.areas.currentRow() + by)))

    def _pick(self, of: Consumer) -> None:
        self.close_list()
        self.chosen.emit(of)

    def _choose(self, item: QtWidgets.QListWidgetItem | None) -> None:
        if item is not None:
            self.chosen.emit(self._shown[self.areas.row(item)])

    def show_rows(self, rows: tuple[AreaRow, ...], chosen: Consumer) -> None:
        """Show the cards, that of the chosen consumer marked."""
        # Filling the list moves Qt's own mark, which nobody chose.
        with QtCore.QSignalBlocker(self.areas):
            self._shown = tuple(row.of for row in rows)
            while self.areas.count() > len(rows):
                self.areas.takeItem(self.areas.count() - 1)
            while self.areas.count() < len(rows):
                item = QtWidgets.QListWidgetItem()
                self.areas.addItem(item)
                self.areas.setItemWidget(item, AreaCard(self._language))
            for index, row in enumerate(rows):
                item = self.areas.item(index)
                card = cast(AreaCard, self.areas.itemWidget(item))
                card.show_row(row)
                item.setSizeHint(QtCore.QSize(0, card.sizeHint().height() + 12))
                item.setData(QtCore.Qt.ItemDataRole.AccessibleTextRole, row.summary)
            cards = (self.areas.itemWidget(self.areas.item(row)) for row in range(self.areas.count()))
            self.areas.setMinimumWidth(max((card.minimumSizeHint().width() + _FRAME for card in cards), default=0))
            place = self._shown.index(chosen) if chosen in self._shown else -1
            if place != self.areas.currentRow():
                self.areas.setCurrentRow(place)
                self.areas.scrollToItem(self.areas.item(place))

    def show_sources(self, sources: tuple[SourceAge, ...]) -> None:
        """Show how current the inputs are."""
        right = QtCore.Qt.AlignmentFlag.AlignRight
        grows = len(self._source_labels) < len(sources)
        self._source_box.setVisible(not grows)  # each label that appears in sight would lay out the whole window
        while len(self._source_labels) < len(sources):
            line = (theme.label(0.92), theme.label(0.92), theme.label(0.92, role="quiet"), theme.label(0.92))
            for column, label in enumerate(line):
                self._sources.addWidget(
                    label, len(self._source_labels) + 1, column, right if column in (1, 2) else QtCore.Qt.AlignmentFlag.AlignLeft
                )
            self._source_labels.append(line)
        for unused in self._source_labels[len(sources) :]:
            for label in unused:
                label.hide()
        for (name, age, usual, state), source in zip(self._source_labels, sources, strict=False):
            name.setText(source.name)
            age.setText(source.age)
            usual.setText(source.usual)
            state.setText("" if source.freshness is None else f"{theme.SYMBOLS[source.freshness]} {source.state}")
            theme.paint(state, theme.role_of(source.freshness or Freshness.FRESH))
            for label in (name, age, usual, state):
                label.show()
        self._source_box.show()
        self._source_box.setAccessibleName(self._language.text("sources.title"))
        self._source_box.setAccessibleDescription(". ".join(source.summary for source in sources))
