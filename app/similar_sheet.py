"""The inspector's page of similar past days: what they were like, and the curve of one over the chart."""

from __future__ import annotations

import numpy as np
from PySide6 import QtCore, QtWidgets

from app import theme
from app.pane import Question, Scene
from app.present import ForecastView, SimilarRow, similar_rows
from app.sheet import Overlay, Sheet
from app.theme import Palette
from app.translations import Language
from engine import clock, similar


class SimilarSheet(Sheet):
    """A list of days; the chosen one is laid over the day that is looked at."""

    def __init__(self, language: Language, palette: Palette) -> None:
        super().__init__()
        self._language = language
        self._rows: tuple[SimilarRow, ...] = ()
        self._key: tuple[object, ...] | None = None
        self._view: ForecastView | None = None
        self._hour = 0
        self._about = theme.label(0.92, role="quiet")
        self._about.setWordWrap(True)
        self.list = QtWidgets.QListWidget()
        self.list.setAccessibleName(language.text("similar.list"))
        self.list.setProperty("role", "lines")
        self.list.setFont(theme.font(0.95))
        self.list.setWordWrap(True)
        self.list.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.currentRowChanged.connect(self._draw)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 0)
        column.setSpacing(8)
        column.addWidget(self._about)
        column.addWidget(self.list, 1)
        self._show(language.text("similar.asking"))

    def set_palette(self, palette: Palette) -> None:
        """The list has its colours from the style sheet."""

    def show_hour(self, scene: Scene, view: ForecastView, hour: int) -> None:
        """Look for days like that of an hour, once for each day and each newest load."""
        day = int(clock.local_day_hour(np.array([hour], np.int64))[0][0])
        self._view, self._hour = view, hour
        key = (scene.of, day, *view.observed_time[-1:].tolist())
        if key == self._key:
            return
        self._key = key
        self._rows = ()
        self._show(self._language.text("similar.asking"))
        of = scene.of
        self.asked.emit(Question("forecast.similar", lambda reader, now: (key, similar.read(reader, of, day, now))))

    def take_found(self, name: str, found: object) -> None:
        """Take the days, where they are those last asked for."""
        if name != "forecast.similar" or not isinstance(found, tuple) or found[0] != self._key or self._view is None:
            return
        self._rows = similar_rows(found[1], self._view, self._hour, self._language)
        self._show(self._language.text("similar.about" if self._rows else "similar.none"))

    def _show(self, about: str) -> None:
        self._about.setText(about)
        with QtCore.QSignalBlocker(self.list):
            self.list.clear()
            for row in self._rows:
                item = QtWidgets.QListWidgetItem(f"{row.date}\n{row.why}")
                item.setData(QtCore.Qt.ItemDataRole.AccessibleTextRole, f"{row.date}: {row.why}")
                self.list.addItem(item)
        self.list.setVisible(bool(self._rows))
        self._draw(-1)

    def _draw(self, index: int) -> None:
        row = self._rows[index] if 0 <= index < len(self._rows) else None
        self.drawn.emit(None if row is None else Overlay(row.time, row.value, row.date, "ghost"))
