"""Lines that are fast however long they are."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
import pytest
from PySide6 import QtCore, QtGui
from pytestqt.qtbot import QtBot

from app.lines import MOST_POINTS, LineItem


@pytest.fixture
def plot(qtbot: QtBot) -> pg.PlotWidget:
    made = pg.PlotWidget(background="#ffffff")
    qtbot.addWidget(made)
    for side in ("bottom", "left"):
        made.hideAxis(side)
    made.resize(400, 200)
    made.setStyleSheet("border: none;")  # an application in the app's colours frames what has the focus
    made.setXRange(0, 100, padding=0)
    made.setYRange(0, 10, padding=0)
    made.show()
    return made


def _dark_columns(plot: pg.PlotWidget) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    image = plot.grab().toImage().convertToFormat(QtGui.QImage.Format.Format_RGB32)
    raw = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine() // 4, 4)
    return (raw[:, : image.width(), :3].max(axis=2) < 160).any(axis=0)


def _line(plot: pg.PlotWidget, x: object, y: object, shaded: bool = False) -> LineItem:
    item = LineItem(shaded)
    item.set_pen("#000000", 2)
    plot.addItem(item, ignoreBounds=True)
    item.set_data(np.asarray(x, float), np.asarray(y, float))
    return item


def test_a_gap_breaks_the_line_and_nothing_stands_beyond_its_ends(plot: pg.PlotWidget) -> None:
    y = np.full(81, 5.0)
    y[30:51] = np.nan
    _line(plot, np.arange(10, 91), y)
    dark = np.flatnonzero(_dark_columns(plot))
    assert 36 <= dark.min() <= 44
    assert 356 <= dark.max() <= 364
    assert not ((dark > 4 * 40 + 4) & (dark < 4 * 61 - 4)).any()


def test_a_dashed_line_differs_from_a_solid_one_in_more_than_colour(plot: pg.PlotWidget) -> None:
    item = _line(plot, np.arange(0, 101), np.full(101, 5.0))
    assert _dark_columns(plot).mean() > 0.97
    item.set_pen("#000000", 2, QtCore.Qt.PenStyle.DotLine)
    assert _dark_columns(plot).mean() < 0.8


def test_a_year_is_drawn_as_the_mean_of_days_in_the_range_of_their_hours(plot: pg.PlotWidget) -> None:
    x = np.linspace(0, 100, 24 * 200)
    _line(plot, x, 5 + 3 * np.sin(2 * np.pi * np.arange(len(x)) / 24), shaded=True)
    assert len(x) > MOST_POINTS
    image = plot.grab().toImage()
    column = [image.pixelColor(200, row).lightness() for row in range(200)]
    assert column[100] < 120, "the mean of every day"
    assert all(130 < column[row] < 240 for row in (50, 70, 130, 150)), "the range of its hours"
    assert column[20] == column[180] == 255


def test_nothing_to_draw_is_no_fault(plot: pg.PlotWidget) -> None:
    _line(plot, [], [])
    _line(plot, [1.0, 2.0], [np.nan, np.nan])
    assert not _dark_columns(plot).any()
