"""The row under the forecast that goes back in time: a slider over issues, and a button that plays them."""

from __future__ import annotations

import numpy as np
from PySide6 import QtCore, QtWidgets

from app.past_issues import PastIssues
from app.theme import Palette
from app.time_slider import TimeSlider
from app.translations import Language
from engine.domain import DAY, QuantileForecast

#: Milliseconds an issue stays while they are played.
PLAY_MS = 120
#: Issues played in one go at most: of more only every second, third ... is shown.
_PLAYED = 120


class PastBar(QtWidgets.QWidget):
    """`chosen` carries the issue to be shown, None for the newest."""

    chosen = QtCore.Signal(object)

    def __init__(self, language: Language, palette: Palette) -> None:
        super().__init__()
        self._language = language
        self._issues: tuple[QuantileForecast, ...] = ()
        self._wanted = 0
        self.slider = TimeSlider(language, palette, "past.slider")
        self.slider.setAccessibleDescription(language.text("past.slider_help"))
        self.slider.setFixedHeight(42)
        self.slider.valueChanged.connect(self._slide)
        self.play, self.newest = (QtWidgets.QPushButton(language.text(key)) for key in ("past.play", "past.newest"))
        for button in (self.play, self.newest):
            button.setAccessibleName(button.text())
        self.newest.setToolTip(language.text("past.newest_help"))
        self.newest.clicked.connect(self.go_to_newest)
        self.play.setCheckable(True)
        self.play.toggled.connect(self._play)
        self._timer = QtCore.QTimer(self)
        self._timer.setInterval(PLAY_MS)
        self._timer.timeout.connect(self._step)
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.play)
        row.addWidget(self.slider, 1)
        row.addWidget(self.newest)

    def show_issues(self, past: PastIssues, now: int) -> None:
        """Slide over these issues; the newest is shown unless an earlier one was chosen."""
        at_newest = self.at_newest
        self._issues = past.issues
        with QtCore.QSignalBlocker(self.slider):
            self.slider.show_hours(np.array([issue.issue_time for issue in past.issues], np.int64), (), now)
            if at_newest:
                self.slider.setValue(self.slider.maximum())
        day = sum(issue.issue_time > past.issues[-1].issue_time - DAY for issue in past.issues) if past.issues else 1
        self.slider.setPageStep(max(1, day))
        if self._wanted:
            wanted, self._wanted = self._wanted, 0
            self.go(wanted)

    @property
    def at_newest(self) -> bool:
        """Whether the newest issue is shown."""
        return self.slider.value() == self.slider.maximum()

    def go(self, steps: int) -> None:
        """Show the issue so many before (negative) or after; before issues have been read, as soon as they are."""
        if self._issues:
            self.slider.setValue(self.slider.value() + steps)
        else:
            self._wanted += steps

    def go_to_newest(self) -> None:
        """Show the newest issue."""
        self.play.setChecked(False)
        self.slider.setValue(self.slider.maximum())

    def forget(self) -> None:
        """Leave the past: another consumer is looked at."""
        self.play.setChecked(False)
        self._issues, self._wanted = (), 0
        with QtCore.QSignalBlocker(self.slider):
            self.slider.show_hours(np.empty(0, np.int64), (), 0)

    def set_palette(self, palette: Palette) -> None:
        """Take new colours."""
        self.slider.set_palette(palette)

    def _slide(self, index: int) -> None:
        if self._issues:
            self.chosen.emit(None if self.at_newest else self._issues[index])

    def _play(self, on: bool) -> None:
        self.play.setText(self._language.text("past.pause" if on else "past.play"))
        if on and self.at_newest:
            self.slider.setValue(0)
        self._timer.start() if on else self._timer.stop()

    def _step(self) -> None:
        """On to the newest, which ends it, and so does another view."""
        if self.at_newest or not self.isVisible():
            self.play.setChecked(False)
        else:
            self.slider.setValue(self.slider.value() + max(1, len(self._issues) // _PLAYED))
