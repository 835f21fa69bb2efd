"""How fast the app is: `python tests/bench_app.py` prints JSON. Run with QT_QPA_PLATFORM=offscreen where no display is."""

from __future__ import annotations

import dataclasses
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyqtgraph as pg
from filled_map import fill_map
from filled_store import NOW, add_metered, fill, load_mwh, metered_consumers
from PySide6 import QtCore, QtWidgets
from turns import work_through

from app import snapshot, surroundings, theme
from app.axis import TimeAxis
from app.bands import BandItem
from app.chart import Chart
from app.feed import Feed
from app.forecast_view import ForecastPane
from app.pane import Scene
from app.past_issues import Ahead
from app.snapshot import EngineKind, EngineStatus
from app.translations import Language
from app.window import Window
from engine import clock, geography
from engine.clock import SimulatedClock
from engine.domain import DAY, HOUR, Consumer
from engine.geography import Kind
from engine.store import Reader, Writer

#: Starts the app as a user does and ends it when the first snapshot has been painted.
_FIRST_PAINT = """
import sys, time
from app import __main__ as program
show = program.Window.show_snapshot
def show_and_end(window, snapshot):
    show(window, snapshot)
    program.QtWidgets.QApplication.processEvents()
    assert snapshot.consumers, "the database was not read"
    print(time.time() - float(sys.argv[1]))
    window.close()
program.Window.show_snapshot = show_and_end
sys.exit(program.main(sys.argv[2:]))
"""


def first_paint_s(runs: int = 5) -> float:
    """Median seconds from process start to the first painted window of a database filled with six weeks."""
    with tempfile.TemporaryDirectory() as name:
        folder = fill(Path(name))
        options = ["--data-dir", str(folder), "--no-engine", "--now", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(NOW))]
        seconds = []
        for _ in range(runs):
            command = [sys.executable, "-c", _FIRST_PAINT, str(time.time()), *options]
            alone = os.environ | {"XDG_CONFIG_HOME": name}  # whoever measures has a window of their own
            done = subprocess.run(command, env=alone, capture_output=True, text=True, check=True)
            seconds.append(float(done.stdout))
    return statistics.median(seconds)


def year_redraw_ms(runs: int = 15) -> float:
    """Median milliseconds to redraw a year of hours, three bands and a line, at 1200 x 400."""
    chart = Chart(Language("da"), TimeAxis(Language("da")), theme.LIGHT)
    x = NOW + HOUR * np.arange(-8760, 0, dtype=np.int64)
    load = load_mwh("DK", x)
    for share, colour in zip((0.06, 0.045, 0.02), theme.LIGHT.bands, strict=True):
        band = BandItem()
        band.set_colour(colour)
        band.set_data(x.astype(float), load * (1 - share), load * (1 + share))
        chart.plot.addItem(band, ignoreBounds=True)
    chart.plot.addItem(pg.PlotDataItem(x.astype(float), load, pen=pg.mkPen(theme.LIGHT.observed, width=1)), ignoreBounds=True)
    chart.plot.setXRange(float(x[0]), float(x[-1]), padding=0)
    chart.plot.setYRange(float(load.min()), float(load.max()))
    chart.resize(1200, 400)
    chart.show()
    QtWidgets.QApplication.processEvents()
    chart.grab()
    spent = []
    for _ in range(runs):
        started = time.perf_counter()
        chart.viewport().update()
        chart.grab()
        spent.append(1000 * (time.perf_counter() - started))
    chart.close()
    return statistics.median(spent)


def year_pan_ms(runs: int = 30) -> float:
    """Median milliseconds to pan and paint a year of the forecast view at 1560 x 900.

    It holds load, a forecast of each hour with its band, the newest and the naive forecast, and the weather under them.
    """
    with tempfile.TemporaryDirectory() as name:
        reader = Reader(fill(Path(name)) / "lastvagt.sqlite")
        pane = ForecastPane(Language("da"), theme.LIGHT)
        pane.asked.connect(lambda question: pane.take_found(question.name, question.read(reader, NOW)))
        pane.resize(1560, 900)
        pane.show()
        shown = snapshot.read(reader, NOW)
        pane.show_scene(Scene(shown, Consumer("DK1"), EngineStatus(EngineKind.ABSENT), NOW))
        pane.show_days(365)
        pane.show_lead(24)
        hours = clock.floor_hour(NOW) + HOUR * np.arange(-8760, 7 * 24, dtype=np.int64)
        load = load_mwh("DK1", hours)
        around = surroundings.read(reader, Consumer("DK1"), NOW, int(hours[0]), int(hours[-1]) + HOUR)
        year = {quantity: 9 * np.sin(hours / DAY) for quantity in around.weather}
        truths = dict.fromkeys(around.truths, (hours[:8760], load[:8760]))
        pane.take_found("forecast.around", dataclasses.replace(around, naive=load, weather=year, truths=truths))
        pane.take_found("forecast.ahead", Ahead(Consumer("DK1"), 24, hours, 0.95 * load, 1.01 * load, 1.05 * load))
        reader.close()
    QtWidgets.QApplication.processEvents()
    spent = []
    for run in range(runs):
        started = time.perf_counter()
        left, right = pane.chart.plot.viewRange()[0]
        pane.chart.plot.setXRange(left + (-1) ** run * 3 * DAY, right + (-1) ** run * 3 * DAY, padding=0)
        pane.chart.grab()
        pane.weather.grab()
        spent.append(1000 * (time.perf_counter() - started))
    pane.close()
    return statistics.median(spent)


def switch_ms(rounds: int = 25) -> float:
    """Median milliseconds from choosing a consumer to its painted forecast, among 118 in a store of ten weeks.

    The first two, which also draw for the first time, do not count.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = fill(Path(name))
        writer = Writer(folder / "lastvagt.sqlite")
        late = metered_consumers(geography.of_kind(Kind.MUNICIPALITY))[:-1]
        add_metered(writer, consumers=late)
        writer.close()
        still = SimulatedClock(NOW)
        window, feed = Window(Language("da"), theme.LIGHT, still), Feed(folder / "lastvagt.sqlite", still)
        window.resize(1280, 800)
        window.show()
        window.wanted.connect(feed.choose)
        feed.arrived.connect(window.show_snapshot)
        feed.start()
        spent = []
        for of in [None, *late[:: max(1, len(late) // rounds)]]:
            arrived = QtCore.QEventLoop()
            feed.arrived.connect(arrived.quit)
            started = time.perf_counter()
            if of is not None:
                window.choose_consumer(of)
            arrived.exec()
            QtWidgets.QApplication.processEvents()
            spent.append(1000 * (time.perf_counter() - started))
        feed.stop()
        window.close()
    return statistics.median(spent[2:])


def map_frame_ms(frames: int = 30) -> tuple[float, float]:
    """Median milliseconds to paint the 98 tiles, and to show the map's next hour with everything beside it, at 1920 x 1080."""
    with tempfile.TemporaryDirectory() as name:
        reader = Reader(fill_map(Path(name)) / "lastvagt.sqlite")
        shown = snapshot.read(reader, NOW)
        reader.close()
    window = Window(Language("da"), theme.LIGHT, SimulatedClock(NOW))
    window.resize(1920, 1080)
    window.show()
    window.choose_view("map")
    window.show_snapshot(shown)
    painted, stepped = [], []
    for hour in range(frames):
        started = time.perf_counter()
        window.pane("map").slider.setValue(hour)
        QtWidgets.QApplication.processEvents()
        stepped.append(1000 * (time.perf_counter() - started))
        started = time.perf_counter()
        window.pane("map").canvas.repaint()
        painted.append(1000 * (time.perf_counter() - started))
    window.close()
    return statistics.median(painted), statistics.median(stepped)


def longest_turns_ms() -> dict[str, list[float]]:
    """The main thread's longest turn of everything an operator does while a feed reads, in milliseconds: its own work, and with waiting."""
    with tempfile.TemporaryDirectory() as name:
        found = work_through(fill(Path(name), late=True))
    return {act: [round(1000 * cpu_s), round(1000 * wall_s)] for act, (cpu_s, wall_s) in found.items()}


def main() -> None:
    """Measure and print."""
    application = QtWidgets.QApplication.instance() or QtWidgets.QApplication([])
    theme.apply(application, theme.LIGHT)
    painted, stepped = map_frame_ms()
    figures = {
        "first_paint_s": round(first_paint_s(), 2),
        "year_redraw_ms": round(year_redraw_ms(), 1),
        "year_pan_ms": round(year_pan_ms(), 1),
        "switch_consumer_of_118_ms": round(switch_ms(), 1),
        "map_paint_ms": round(painted, 1),
        "map_hour_ms": round(stepped, 1),
        "longest_turns_ms": longest_turns_ms(),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    main()
