"""The row of buttons over the forecast chart: how much time is in sight, what is drawn, and how long before it was forecast."""

from __future__ import annotations

from PySide6 import QtCore, QtWidgets

from app import theme
from app.choice_box import ChoiceBox
from app.flow import FlowLayout
from app.translations import Language

#: Days that can be brought into sight.
RANGES = (1, 3, 7, 14, 35, 365)
#: Days of load read for the widest of them.
YEAR_DAYS = 365
#: Days of load with which a year is more to look at than the days of the button before it.
_WORTH_A_YEAR = 60
#: Hours before each hour that can be looked at.
LEADS = (1, 6, 12, 24, 48, 72, 120)


class ForecastTools(QtWidgets.QWidget):
    """`ranged` carries days; `led` hours, or 0 for the newest issue. The toggles are there for others to connect to."""

    ranged = QtCore.Signal(int)
    led = QtCore.Signal(int)

    def __init__(self, language: Language) -> None:
        super().__init__()
        self._language = language
        text = language.text
        row = FlowLayout(across=4, down=4)
        self.setLayout(row)
        self._ranges = QtWidgets.QButtonGroup(self)
        for days in RANGES:
            words = text("forecast.range_year") if days == YEAR_DAYS else text("forecast.range_days", days=days)
            button = _button(words, text("forecast.range_named", days=days))
            button.setCheckable(True)
            self._ranges.addButton(button, days)
            row.addWidget(button)
        self._ranges.idClicked.connect(self.ranged)
        self.narrower, self.wider = _button("+", text("forecast.zoom_in")), _button("−", text("forecast.zoom_out"))
        self.reset = _button("⟲", text("forecast.reset"), text("forecast.reset_help"))
        self.naive = _button(text("forecast.naive"), text("forecast.naive"), text("forecast.naive_help"))
        self.weather = _button(text("forecast.weather"), text("forecast.weather"), text("forecast.weather_help"))
        self.past = _button(text("past.show"), text("past.show"), text("past.show_help"))
        self.inspect = _button(text("inspector.show"), text("inspector.show"), text("inspector.show_help"))
        for button in (self.naive, self.weather, self.past, self.inspect):
            button.setCheckable(True)
        self.lead = ChoiceBox(text("past.lead"))
        self.lead.setToolTip(text("past.lead_help"))
        self.lead.setFont(theme.font(0.92))
        entries = [("0", text("past.lead_newest")), *((str(hours), text("past.lead_hours", hours=hours)) for hours in LEADS)]
        self.lead.show_entries(tuple(entries), "0")
        self.lead.activated.connect(lambda: self.led.emit(int(self.lead.currentData())))
        for widget in (self.narrower, self.wider, self.reset, _gap(), self.naive, self.weather, self.past, self.inspect, _gap()):
            row.addWidget(widget)
        name = theme.label(0.92, role="quiet", text=text("past.lead"))
        name.setBuddy(self.lead)
        row.addWidget(name)
        row.addWidget(self.lead)

    def show_days(self, days: int | None) -> None:
        """Mark which stretch of time is in sight; none where it is another."""
        self._ranges.setExclusive(False)
        for button in self._ranges.buttons():
            button.setChecked(self._ranges.id(button) == days)
        self._ranges.setExclusive(True)

    def show_stored(self, days: float) -> None:
        """Offer a year only where so many days of load are stored that there is more to see."""
        year, enough = self._ranges.button(YEAR_DAYS), days >= _WORTH_A_YEAR
        year.setEnabled(enough)
        key = "forecast.range_named" if enough else "forecast.range_short"
        year.setToolTip(self._language.text(key, days=YEAR_DAYS if enough else round(days)))

    def show_lead(self, hours: int) -> None:
        """Mark how long before is shown."""
        self.lead.setCurrentIndex(self.lead.findData(str(hours)))


def _button(words: str, name: str, about: str = "") -> QtWidgets.QPushButton:
    made = QtWidgets.QPushButton(words)
    made.setProperty("role", "tool")
    made.setFont(theme.font(0.92))
    made.setAccessibleName(name)
    made.setToolTip(about or name)
    return made


def _gap() -> QtWidgets.QWidget:
    made = QtWidgets.QWidget()
    made.setFixedSize(8, 1)
    return made
