"""What is read out of the forecast chart: the numbers of an hour in cells that never move, and the names of the lines."""

from __future__ import annotations

from PySide6 import QtWidgets

from app import theme
from app.chart import Legend
from app.flow import FlowLayout
from app.present import ForecastView, ReadOut
from app.sheet import Overlay
from app.theme import Palette
from app.translations import Language

#: Cells in order, each with the widest words it holds.
_CELLS = {
    "time": "ons. 30. sep. 02a–02b CEST",
    "observed": "99.999 MWh",
    "median": "99.999 MWh",
    "interval": "99.999–99.999 MWh",
    "lead": "begyndt",
    "settled": "99.999 MWh",
    "naive": "99.999 MWh",
    "tso": "99.999 MWh",
    "weather": "−12,3 °C · 12,3 m/s · 999 W/m²",
}


class ReadOutRow(QtWidgets.QWidget):
    """Cells of fixed width: numbers change in place and nothing moves under the eye."""

    def __init__(self, language: Language) -> None:
        super().__init__()
        rows = FlowLayout(across=14, down=4)
        self.setLayout(rows)
        self._cells = {key: theme.label(1.03) for key in _CELLS}
        for key, cell in self._cells.items():
            cell.setMinimumWidth(cell.fontMetrics().horizontalAdvance(_CELLS[key]))
            held = QtWidgets.QWidget()
            column = QtWidgets.QVBoxLayout(held)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(0)
            column.addWidget(theme.label(0.92, role="quiet", text=language.text(f"readout.{key}")))
            column.addWidget(cell)
            rows.addWidget(held)

    def show_numbers(self, numbers: ReadOut, weather: str) -> None:
        """Show the numbers of an hour."""
        told = (numbers.observed, numbers.median, numbers.interval, numbers.lead, numbers.settled, numbers.naive, numbers.tso)
        for cell, words in zip(self._cells.values(), (numbers.hour, *told, weather), strict=True):
            cell.setText(words)


class ForecastLegend(Legend):
    """Names of the lines that are drawn, with samples as muted as the forecast they explain."""

    def __init__(self, language: Language) -> None:
        text = language.text
        super().__init__(
            (
                text("forecast.observed"),
                text("forecast.settled"),
                text("forecast.bridge_median"),
                text("forecast.median"),
                text("forecast.adjusted"),
                *(text("forecast.band", level=level) for level in (50, 80, 90)),
                text("forecast.newest"),
                text("forecast.naive"),
                text("forecast.tso"),
                "",  # what a page of the inspector lays over the chart
            )
        )
        self.setToolTip(text("forecast.observed_about"))

    def show_view(self, view: ForecastView | None, naive: bool, overlay: Overlay | None, palette: Palette) -> None:
        """Name what is drawn of a view, and what is laid over it."""
        if view is None:
            return
        self.rename(-1, overlay.name if overlay else "")
        drawn = {band.percent for band in view.bands}
        wide, middle, narrow = palette.old_bands if view.stale else palette.bands
        median = palette.old_median if view.stale else palette.median
        issued = len(view.median) > 0
        self.set_samples(
            (
                (palette.observed, "line"),
                (palette.observed, "dash_dots") if len(view.settled) else None,
                (median, "dots") if view.stretches and issued else None,
                (median, "bold") if issued else None,
                (palette.ink, "bold") if len(view.adjusted) else None,
                *((colour, "block") if p in drawn else None for p, colour in ((50, narrow), (80, middle), (90, wide))),
                (palette.median, "ghost") if len(view.newest) else None,
                (palette.quiet, "fine_dots") if naive and len(view.naive) else None,
                (palette.quiet, "dashes") if len(view.tso) else None,
                (palette.ink, overlay.style) if overlay else None,
            )
        )
