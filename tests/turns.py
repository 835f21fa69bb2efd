"""How long the main thread is away at a time while somebody works with a window that a feed keeps current."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from filled_store import NOW
from PySide6 import QtCore

from app.feed import Feed
from app.forecast_view import SHEETS
from app.monitoring_view import SECTIONS
from app.snapshot import PRICE_AREAS
from app.theme import LIGHT
from app.translations import Language
from app.window import VIEWS, Window
from engine.clock import SimulatedClock
from engine.domain import Consumer, JobRun
from engine.store import Writer

#: Seconds after an act in which its answers come and are painted.
_SETTLE_S = 0.12


class Turns:
    """The longest turn of the event loop since `begin`, in seconds: `cpu_s` of this thread's work, `wall_s` with all it waited for."""

    def __init__(self) -> None:
        self._timer = QtCore.QTimer(interval=1, timerType=QtCore.Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._turn)
        self.begin()
        self._timer.start()

    def begin(self) -> None:
        """Forget what was."""
        self.cpu_s = self.wall_s = 0.0
        self._seen = time.thread_time(), time.perf_counter()

    def _turn(self) -> None:
        (cpu, wall), self._seen = self._seen, (time.thread_time(), time.perf_counter())
        self.cpu_s, self.wall_s = max(self.cpu_s, self._seen[0] - cpu), max(self.wall_s, self._seen[1] - wall)


def work_through(folder: Path) -> dict[str, tuple[float, float]]:
    """Seconds of the longest turn, `cpu_s` and `wall_s`, of everything an operator does at the desk, on a filled database."""
    clock = SimulatedClock(NOW)
    window, feed = Window(Language("da"), LIGHT, clock), Feed(folder / "lastvagt.sqlite", clock)
    writer = Writer(folder / "lastvagt.sqlite")
    window.asked.connect(feed.ask)
    window.wanted.connect(feed.choose)
    feed.found.connect(window.show_found)
    feed.arrived.connect(window.show_snapshot)
    feed.arrived.connect(window.prepare)
    window.resize(1280, 800)
    turns, found = Turns(), {}

    def act(name: str, do: Callable[[], object], settle_s: float = _SETTLE_S) -> None:
        turns.begin()
        do()
        _wait(settle_s)
        found[name] = turns.cpu_s, turns.wall_s

    try:
        act("first paint", window.show)
        act("start", feed.start, 2.0)
        for again in ("", " again"):
            for view in VIEWS:
                act(f"{view}{again}", lambda view=view: window.choose_view(view))
            window.choose_view("monitoring")
            for section in SECTIONS:
                act(f"{section}{again}", lambda section=section: window.pane("monitoring").choose_section(section))
            window.choose_view("forecast")
            _wait(_SETTLE_S)
            act(f"inspector{again}", window.pane("forecast").tools.inspect.click)
            for sheet in SHEETS:
                act(f"{sheet}{again}", lambda sheet=sheet: window.pane("forecast").inspector.choose(sheet))
        for of in (*PRICE_AREAS, Consumer("1082", "total"), Consumer("851", "household"), Consumer("DK1")):
            act(f"consumer {of.area}", lambda of=of: window.choose_consumer(of))
        past = window.pane("forecast").past
        act("past", window.pane("forecast").tools.past.click, 0.3)
        act("slider", lambda: past.go(-20))
        act("play", past.play.click, 1.0)
        past.go_to_newest()
        act("a day ahead", lambda: window.pane("forecast").show_lead(24))
        act("a year", lambda: window.pane("forecast").show_days(365), 0.4)
        for number, view in enumerate(VIEWS):
            window.choose_view(view)
            _wait(_SETTLE_S)
            news = JobRun("score", NOW + number, NOW + number, "ok")
            act(f"news for {view}", lambda news=news: (writer.put_job_run(news), feed.choose(window.chosen)))
        act("finder", window.find)
        window.finder.close()
        act("help", lambda: window.show_help("forecast"))
        act("list", window.areas.search)
    finally:
        writer.close()
        feed.stop()
        window.quit()
        window.deleteLater()
    return found


def _wait(seconds: float) -> None:
    loop = QtCore.QEventLoop()
    QtCore.QTimer.singleShot(int(1000 * seconds), loop.quit)
    loop.exec()
