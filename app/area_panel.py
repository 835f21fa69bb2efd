"""The panel at the left: the areas to choose from, and how current the chosen one's sources are."""

from __future__ import annotations

from typing import cast

from PySide6 import QtCore, QtWidgets

from app import theme
from app.present import AreaRow, SourceAge
from app.translations import Language
from engine.domain import Freshness

WIDTH = 300


class AreaCard(QtWidgets.QWidget):
    """One area: its newest load large, the rest under it with figures at the right."""

    def __init__(self, language: Language) -> None:
        super().__init__()
        grid = QtWidgets.QGridLayout(self)
        grid.setContentsMargins(12, 9, 12, 9)
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
        mark = "" if state is Freshness.FRESH else f"{theme.SYMBOLS[state]} "
        self._observed_at.setText(f"{mark}{row.observed_at}")
        theme.paint(self._observed_at, theme.role_of(state))
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
    """Area list over source ages. `chosen` carries the code of an area; arrow keys move the choice."""

    chosen = QtCore.Signal(str)

    def __init__(self, language: Language) -> None:
        super().__init__()
        self._language = language
        self.setFixedWidth(WIDTH)
        self.areas = QtWidgets.QListWidget()
        self.areas.setAccessibleName(language.text("window.areas"))
        self.areas.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.areas.currentItemChanged.connect(self._choose)
        self._sources = QtWidgets.QGridLayout()
        self._sources.setHorizontalSpacing(7)
        self._sources.setVerticalSpacing(3)
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
        stack = QtWidgets.QVBoxLayout(self)
        stack.setContentsMargins(0, 0, 0, 0)
        stack.setSpacing(2)
        stack.addWidget(self.areas, 1)
        stack.addWidget(self._source_box)

    def _choose(self, item: QtWidgets.QListWidgetItem | None) -> None:
        if item is not None:
            self.chosen.emit(item.data(QtCore.Qt.ItemDataRole.UserRole))

    def show_rows(self, rows: tuple[AreaRow, ...]) -> None:
        """Show the areas; the choice stays."""
        if self.areas.count() != len(rows):
            self.areas.clear()
            for row in rows:
                item = QtWidgets.QListWidgetItem()
                item.setData(QtCore.Qt.ItemDataRole.UserRole, row.code)
                self.areas.addItem(item)
                self.areas.setItemWidget(item, AreaCard(self._language))
        for index, row in enumerate(rows):
            item = self.areas.item(index)
            card = cast(AreaCard, self.areas.itemWidget(item))
            card.show_row(row)
            item.setSizeHint(QtCore.QSize(0, card.sizeHint().height() + 12))
            item.setData(QtCore.Qt.ItemDataRole.AccessibleTextRole, row.summary)
        if self.areas.currentRow() < 0:
            self.areas.setCurrentRow(0)

    def show_sources(self, sources: tuple[SourceAge, ...]) -> None:
        """Show how current the inputs are."""
        right = QtCore.Qt.AlignmentFlag.AlignRight
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
            state.setText(f"{theme.SYMBOLS[source.freshness]} {source.state}")
            theme.paint(state, theme.role_of(source.freshness))
            for label in (name, age, usual, state):
                label.show()
        self._source_box.setAccessibleName(self._language.text("sources.title"))
        self._source_box.setAccessibleDescription(". ".join(source.summary for source in sources))
