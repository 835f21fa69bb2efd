"""Writes the pictures of `packaging/screenshots`: every view and page in both themes and languages, on simulated data of one moment."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PySide6 import QtCore, QtGui, QtWidgets

from app import day_report, present, snapshot, theme
from app.engine_link import Answer, Request
from app.export_dialog import ExportDialog
from app.exporter import default_days
from app.snapshot import PRICE_AREAS, EngineKind, EngineStatus
from app.translations import Language
from app.welcome import Welcome
from app.window import VIEWS, Window
from engine import clock, explaining, replay, settings, timetable, whatif
from engine.clock import SimulatedClock
from engine.config import Config
from engine.domain import DAY, HOUR, Consumer, Expected
from engine.lineup import Shelf
from engine.settings import Outside
from engine.store import Reader

#: The last simulated moment, an issue, and how long after it the pictures are taken.
_END, _AFTER_S = clock.parse_utc("2026-11-28T23:00Z"), 360
_DAYS = 14
#: What is fetched and watched in the demonstration.
_SETTINGS = {"peak_limits": "DK=5500, DK1=3400, DK2=2150", "fetch_regions": "true", "fetch_municipalities": "true"}
#: How long after the moment the hour begins that is looked at.
_LOOKED_AT_S = 35 * HOUR
#: The cell of the first heat map that is looked behind: 13 to 24 hours ahead, at four in the morning.
_CELL = (3, 4)
#: Whose load is measured two weeks late.
_HOUSEHOLDS = Consumer("1082", "household")
_SMALL, _LARGE = (1280, 800), (1920, 1080)
#: Looks of the views; what lies within them is shown in the second and the third.
_LOOKS = (("light", "da", _SMALL), ("light", "en", _SMALL), ("dark", "da", _LARGE), ("dark", "en", _LARGE))
_COLOURS = 256
#: What a question about a change asks for where it does not say.
_NO_CHANGE = {"temperature_k": 0.0, "wind_ms": 0.0, "free": None, "working": None, "extra_mwh": 0.0, "start": None, "end": None}


def _store(folder: Path) -> Path:
    """The demonstration up to its moment, made where it is not there: a few minutes."""
    config = Config.load(data_dir=folder, simulated=True)
    if not config.database.exists():
        for name, value in _SETTINGS.items():
            settings.change(_outside(folder), name, value)
        replay.demo(Config.load(data_dir=folder, simulated=True), _DAYS, end=_END)
    return config.database


def _outside(folder: Path) -> Outside:
    return Outside(words={"data_dir": folder, "simulated": True})


class Stage:
    """A window on the store with an engine that answers, in one look."""

    def __init__(self, database: Path, look: tuple[str, str, tuple[int, int]], out: Path) -> None:
        theme_name, code, size = look
        self.palette, self.language, self._size, self._out = theme.PALETTES[theme_name], Language(code), size, out
        self._suffix = f"{theme_name}-{code}-{size[0]}x{size[1]}.png"
        self._folder = database.parent
        self.reader = Reader(database)
        newest = self.reader.forecast("DK", _END + DAY, "total")
        self.now = (_END if newest is None else newest.issue_time) + _AFTER_S
        self._shelf = Shelf(Config.load(data_dir=self._folder, simulated=True))
        self._shelf.look()
        theme.apply(QtWidgets.QApplication.instance(), self.palette)  # type: ignore[arg-type]
        self.window = self.open()

    def open(self) -> Window:
        """A new window, which has not been touched."""
        window = Window(self.language, self.palette, SimulatedClock(self.now))
        window.asked.connect(lambda question: window.show_found(question.name, question.read(self.reader, self.now)))
        window.told.connect(lambda request: window.show_answer(self._answer(request)))
        window.setAttribute(QtCore.Qt.WidgetAttribute.WA_DontShowOnScreen)
        window.resize(*self._size)
        window.show_engine(EngineStatus(EngineKind.OURS))
        window.show()
        window.wanted.connect(lambda of: window.show_snapshot(snapshot.read(self.reader, self.now, of)))
        window.show_snapshot(snapshot.read(self.reader, self.now))
        settle()
        return window

    def _answer(self, request: Request) -> Answer:
        """What the engine would say."""
        query: dict[str, Any] = request.query or {}
        try:
            return Answer(request, json.loads(json.dumps(self._document(request.path, query))), None)
        except Expected as refusal:
            return Answer(request, None, refusal)

    def _document(self, path: str, query: dict[str, Any]) -> object:
        if path == "/v1/plan":
            return timetable.document(self.reader, self.now, (), set())
        if path == "/v1/settings":
            listed = settings.listed(_outside(self._folder))
            return {"folder": "…", "settings": [setting.document() for setting in listed]}
        of, times = (
            Consumer(query["area"], query["consumer_type"]),
            {k: clock.parse_utc(query[k]) for k in ("issue_time", "before") if k in query},
        )
        ask, issue = (self.reader, self._shelf.get, of, self.now), times.get("issue_time")
        if path == "/v1/explain":
            return explaining.explain(*ask, None, issue).document()
        if path == "/v1/explain/changes":
            return explaining.changes(*ask, None, issue, times.get("before")).document()
        return whatif.imagine(*ask, whatif.change_of(_NO_CHANGE | query), issue).document()

    def take(self, name: str, widget: QtWidgets.QWidget | None = None) -> None:
        """Write a picture of the window, or of a part of it."""
        settle()
        self.keep(name, (widget or self.window).grab().toImage())

    def keep(self, name: str, image: QtGui.QImage) -> None:
        """Write a picture in a few colours."""
        path = self._out / f"{name}-{self._suffix}"
        few(image).save(str(path), "PNG", 0)
        print(path)

    def close(self) -> None:
        """Let go of the window and the store."""
        self.window.quit()
        self.window.deleteLater()
        self.reader.close()
        settle()


def settle() -> None:
    """Let layouts come to rest, and timers of a moment run out."""
    end = QtCore.QDeadlineTimer(300)
    while not end.hasExpired():
        QtWidgets.QApplication.processEvents(QtCore.QEventLoop.ProcessEventsFlag.AllEvents, 50)


def few(image: QtGui.QImage) -> QtGui.QImage:
    """The same picture in at most 256 colours: the most frequent, those farthest from them, and for every other the nearest."""
    plain = image.convertToFormat(QtGui.QImage.Format.Format_RGB32)
    pixels = np.frombuffer(plain.constBits(), np.uint32).reshape(plain.height(), plain.width())
    colours, place, count = np.unique(pixels, return_inverse=True, return_counts=True)
    parts = np.stack([(colours >> shift & 255).astype(np.float32) for shift in (16, 8, 0)], axis=1)
    kept = np.argsort(-count)[: _COLOURS // 3].tolist()
    apart = np.min([((parts - parts[one]) ** 2).sum(axis=1) for one in kept], axis=0)
    while len(kept) < _COLOURS and apart.max() > 0:
        kept.append(int(apart.argmax()))
        apart = np.minimum(apart, ((parts - parts[kept[-1]]) ** 2).sum(axis=1))
    nearest = np.argmin([((parts - parts[one]) ** 2).sum(axis=1) for one in kept], axis=0).astype(np.uint8)
    index = np.ascontiguousarray(nearest[place].reshape(pixels.shape))
    made = QtGui.QImage(index.data, plain.width(), plain.height(), plain.width(), QtGui.QImage.Format.Format_Indexed8).copy()
    made.setColorTable([int(colour) | 0xFF000000 for colour in colours[kept]])
    return made


# -- what is shown ----------------------------------------------------------------------------------------------------


def views(stage: Stage) -> None:
    """Every view as it opens, and the forecast of a load that is measured late."""
    for view in VIEWS:
        stage.window.choose_view(view)
        stage.take(view)
    stage.window.choose_consumer(_HOUSEHOLDS)
    stage.window.choose_view("forecast")
    stage.take("bridge")


def pages(stage: Stage) -> None:
    """What lies within the views."""
    window, pane = stage.window, stage.window.pane("forecast")
    window.choose_consumer(PRICE_AREAS[0])
    window.choose_view("forecast")
    window.show_hour(PRICE_AREAS[0], stage.now - stage.now % HOUR + _LOOKED_AT_S)
    for page in ("hour", "why", "whatif", "adjust", "similar"):
        pane.inspector.choose(page)
        settle()
        if page == "whatif":
            pane.inspector.findChildren(QtWidgets.QDoubleSpinBox)[0].setValue(-5)
            settle()
        stage.take(f"forecast-{page}")
    window.quit()
    stage.window = window = stage.open()
    window.choose_view("forecast")
    pane = window.pane("forecast")
    pane.tools.past.click()
    pane.past.go(-30)
    stage.take("forecast-past")
    pane.tools.past.click()
    pane.show_lead(24)
    stage.take("forecast-ahead")
    window.choose_view("monitoring")
    for section in ("where", "promises", "scores"):
        window.pane("monitoring").choose_section(section)
        settle()
        if section == "where":
            window.pane("monitoring").where.maps[0].picked.emit(*_CELL)
        stage.take(f"monitoring-{section}")


def around(stage: Stage) -> None:
    """Help, the finder, the dialog of exports, the first start, the wall, the day report, and trouble."""
    window, language = stage.window, stage.language
    window.choose_view("forecast")
    window.pane("forecast").show_lead(0)
    window.show_help("forecast")
    stage.take("help")
    window._panel.close_again()
    window.find()
    settle()
    for field in window.finder.findChildren(QtWidgets.QLineEdit):
        field.setText("sø" if language.code == "da" else "so")
    stage.take("finder")
    window.finder.close_again()
    dialog = window.findChild(ExportDialog)
    dialog.setAttribute(QtCore.Qt.WidgetAttribute.WA_DontShowOnScreen)
    dialog.open_with(*default_days(window._scene), {"folder": "Lastvagt"})
    stage.take("export", dialog)
    dialog.close()
    welcome = Welcome(language, Path("Lastvagt"), ())
    welcome.setAttribute(QtCore.Qt.WidgetAttribute.WA_DontShowOnScreen)
    welcome.show()
    for step in range(3):
        welcome._go(step)
        stage.take(f"welcome-{step + 1}", welcome)
    welcome.deleteLater()
    theme.apply(QtWidgets.QApplication.instance(), stage.palette)
    window.show_engine(EngineStatus(EngineKind.FAILED))
    stage.take("engine-lost")
    window.show_engine(EngineStatus(EngineKind.OURS))
    window.choose_view("overview")
    window.wall.enter()
    window.resize(*_LARGE)
    stage.take("wall")
    window.wall.leave()
    for number, image in enumerate(report(stage), start=1):
        stage.keep(f"report-{number}", image)


def report(stage: Stage) -> Iterator[QtGui.QImage]:
    """The pages of the day report of Denmark."""
    of, reader = PRICE_AREAS[0], stage.reader
    issue = reader.forecast(of.area, stage.now, of.consumer_type)
    digest = "" if issue is None else reader.digest(of, issue.issue_time)
    notes = present.provenance(of, issue, digest, reader.simulated, stage.language, stage.now)
    told = present.day_report(present.report_facts(reader, of, stage.now), notes, stage.language)
    for number in (1, 2):
        image = QtGui.QImage(round(8.27 * day_report.DOTS), round(11.69 * day_report.DOTS), QtGui.QImage.Format.Format_RGB32)
        image.setDotsPerMeterX(round(day_report.DOTS / 0.0254))
        image.setDotsPerMeterY(round(day_report.DOTS / 0.0254))
        image.fill(QtCore.Qt.GlobalColor.white)
        with QtGui.QPainter(image) as painter:
            day_report.draw(painter, told, theme.LIGHT, number)
        yield image.scaledToWidth(900, QtCore.Qt.TransformationMode.SmoothTransformation)


_PARTS: Mapping[str, Callable[[Stage], None]] = {"views": views, "pages": pages, "around": around}


def main() -> int:
    """Write the pictures and name them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, default=Path("out/pictures"), help="a simulated store; made where there is none")
    parser.add_argument("--out", type=Path, default=Path("packaging/screenshots"))
    parser.add_argument("--parts", nargs="+", choices=tuple(_PARTS), default=tuple(_PARTS))
    parser.add_argument("--all", action="store_true", help="pages, too, in each look")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    database = _store(options.data_dir)
    with tempfile.TemporaryDirectory() as folder:
        screen = Path(folder) / "screen.json"
        screen.write_text(json.dumps({"screens": [{"name": "wall", "x": 0, "y": 0, "width": _LARGE[0], "height": _LARGE[1]}]}))
        os.environ["QT_QPA_PLATFORM"] = f"offscreen:configfile={screen}"
        application = QtWidgets.QApplication(sys.argv[:1])
    application.setApplicationName("Lastvagt")
    QtCore.qInstallMessageHandler(
        lambda _kind, _context, text: None if "propagateSizeHints" in text else print(text, file=sys.stderr)
    )
    for look in _LOOKS:
        stage = Stage(database, look, options.out)
        for part in options.parts:
            if part == "views" or options.all or look in _LOOKS[1:3]:
                _PARTS[part](stage)
        stage.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
