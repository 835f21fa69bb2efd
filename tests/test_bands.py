"""Bands and hatching: where they are drawn, and where not."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
import pytest
from PySide6 import QtGui
from pytestqt.qtbot import QtBot

from app.bands import BandItem, HatchItem, decimate, runs

RED = QtGui.QColor("#ff0000")


def _plot(qtbot: QtBot, item: pg.GraphicsObject, first: float, last: float) -> pg.PlotWidget:
    """400 x 200 pixels of nothing but the item, from `first` to `last` and from 0 to 100."""
    plot = pg.PlotWidget(background="#ffffff")
    qtbot.addWidget(plot)
    for side in ("left", "bottom"):
        plot.hideAxis(side)
    plot.getPlotItem().layout.setContentsMargins(0, 0, 0, 0)
    plot.getPlotItem().hideButtons()
    plot.setFrameShape(pg.QtWidgets.QFrame.Shape.NoFrame)
    plot.addItem(item, ignoreBounds=True)
    plot.resize(400, 200)
    plot.show()
    plot.setXRange(first, last, padding=0)
    plot.setYRange(0, 100, padding=0)
    return plot


def _red(plot: pg.PlotWidget) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """Which pixels are red; [row, column]."""
    image = plot.grab().toImage().convertToFormat(QtGui.QImage.Format.Format_RGB32)
    pixels = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine() // 4, 4)
    return (pixels[:, : image.width(), 2] > 200) & (pixels[:, : image.width(), 1] < 60)


def test_a_band_is_drawn_where_its_data_are_and_a_gap_stays_a_gap(qtbot: QtBot) -> None:
    x = np.arange(0.0, 101.0)
    low, high = np.full(101, 25.0), np.full(101, 75.0)
    low[40:60] = np.nan
    band = BandItem()
    band.set_colour(RED.name())
    band.set_data(x, low, high)
    red = _red(_plot(qtbot, band, 0, 200))
    columns = np.flatnonzero(red.any(axis=0))
    in_gap = columns[(columns > 2 * 39 + 4) & (columns < 2 * 60 - 4)]
    assert len(in_gap) == 0
    assert columns.max() <= 2 * 100 + 4, "nothing after the last hour"
    assert red[100, 8:74].all()
    assert not red[:44].any()
    assert not red[156:].any()


def test_no_data_draw_nothing(qtbot: QtBot) -> None:
    band = BandItem()
    band.set_colour(RED.name())
    plot = _plot(qtbot, band, 0, 10)
    assert not _red(plot).any()
    band.set_data(np.arange(5.0), np.full(5, np.nan), np.full(5, np.nan))
    assert not _red(plot).any()


def test_decimating_keeps_lowest_and_highest_of_each_group() -> None:
    rng = np.random.default_rng(2)
    x = np.arange(1003.0)
    low = rng.normal(size=1003)
    high = low + 1
    low[100:140] = high[100:140] = np.nan
    few_x, few_low, few_high = decimate(x, low, high, 100)
    assert len(few_x) == len(few_low) == len(few_high) <= 100
    assert np.nanmin(few_low) == np.nanmin(low)
    assert np.nanmax(few_high) == np.nanmax(high)
    assert np.isnan(few_low).any()
    same = decimate(x, low, high, 2000)
    np.testing.assert_array_equal(same[1], low)


def test_runs() -> None:
    assert runs(np.array([True, True, False, True])) == [(0, 2), (3, 4)]
    assert runs(np.array([], bool)) == []


@pytest.mark.parametrize("words", ["", "old"])
def test_hatching_covers_its_stretch_of_time(qtbot: QtBot, words: str) -> None:
    hatch = HatchItem()
    hatch.set_colours(RED.name(), RED.name())
    hatch.set_span((50.0, 150.0), words)
    plot = _plot(qtbot, hatch, 0, 200)
    columns = np.flatnonzero(_red(plot).any(axis=0))
    assert 98 <= columns.min() <= 104
    assert 296 <= columns.max() <= 302
    hatch.set_span(None)
    assert not _red(plot).any()


def test_words_that_do_not_fit_stand_before_the_stretch(qtbot: QtBot) -> None:
    hatch = HatchItem()
    hatch.set_colours("#ffffff", RED.name())
    hatch.set_span((150.0, 152.0), "Old forecast")
    columns = np.flatnonzero(_red(_plot(qtbot, hatch, 0, 200)).any(axis=0))
    assert len(columns) > 20
    assert columns.max() < 300
