"""A box that holds an hour in Danish time and is moved by hours and days, with keys, wheel or buttons."""

from __future__ import annotations

from PySide6 import QtCore, QtWidgets

from app import theme
from app.translations import Language
from engine.domain import HOUR

_DAY_H = 24
#: Steps that a spin box takes at Page Up and Page Down.
_PAGE = 10


class HourBox(QtWidgets.QSpinBox):
    """Up and down move it by an hour, Page Up and Page Down by a day; both hours of the autumn night can be told apart.

    `moved` carries the epoch second the hour starts at.
    """

    moved = QtCore.Signal(int)

    def __init__(self, language: Language, name: str) -> None:
        super().__init__()
        self._language = language
        self.setFont(theme.font())
        self.setAccessibleName(name)
        self.lineEdit().setReadOnly(True)
        self.valueChanged.connect(lambda hours: self.moved.emit(hours * HOUR))

    @property
    def time(self) -> int:
        """The hour that is chosen, in epoch seconds."""
        return self.value() * HOUR

    def set_time(self, time: int) -> None:
        """Choose an hour; one out of range becomes the nearest that is not."""
        self.setValue(time // HOUR)

    def set_bounds(self, first: int, last: int) -> None:
        """Let only hours from `first` to `last` be chosen."""
        self.setRange(first // HOUR, last // HOUR)

    def textFromValue(self, value: int) -> str:
        """The hour in words."""
        return f"{self._language.date(value * HOUR)} {self._language.time(value * HOUR)}"

    def stepBy(self, steps: int) -> None:
        """A page is a day."""
        super().stepBy(steps * _DAY_H // _PAGE if abs(steps) == _PAGE else steps)
