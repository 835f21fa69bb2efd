"""Takes figures, pictures and the day report out of the app: reads in the feed's thread, writes in another, and tells how it went."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PySide6 import QtCore, QtGui, QtWidgets

from app import day_report, files, picture, present
from app.engine_link import in_background
from app.pane import Pane, Question, Scene
from app.picture import Picture
from app.present import ReportFacts
from app.theme import LIGHT, Palette
from app.translations import Language
from engine import clock, extracts
from engine.domain import Consumer, Expected, QuantileForecast
from engine.store import Reader
from engine.tables import Table

#: What can be taken away, and in which forms.
FORMS = {**dict.fromkeys(extracts.EXTRACTS, tuple(files.FORMS)), "picture": tuple(picture.FORMS), "report": ("pdf",)}
#: Which table goes to the clipboard with the picture of a view.
_TABLES = {"monitoring": "errors", "overview": "overview", "health": "planned"}
_DAYS_AROUND = dt.timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be taken away: a name and a form of `FORMS`, Danish days from the first through the last, and where to."""

    what: str
    form: str
    first: dt.date
    last: dt.date
    folder: Path

    @property
    def span(self) -> tuple[int, int]:
        """From the beginning of the first day to the end of the last."""
        return clock.local_midnight(self.first), clock.local_midnight(self.last + dt.timedelta(days=1))


@dataclass(frozen=True, slots=True)
class Front:
    """What is in front: the view of a scene, drawn by its pane in the colours of a theme."""

    scene: Scene
    view: str
    pane: Pane
    palette: Palette


@dataclass(frozen=True, slots=True)
class _Found:
    """What the database gave to a wish. The issue is the one on screen."""

    issue: QuantileForecast | None
    digest: str
    simulated: bool
    now: int
    table: Table | None = None
    report: ReportFacts | None = None


def _read(wish: Wish, of: Consumer, as_of: int | None, reader: Reader, now: int) -> _Found:
    issue = reader.forecast(of.area, now if as_of is None else as_of, of.consumer_type)
    found = (issue, "" if issue is None else reader.digest(of, issue.issue_time), reader.simulated, now)
    if wish.what == "picture":
        return _Found(*found)
    if wish.what == "report":
        return _Found(*found, report=present.report_facts(reader, of, now))
    more = {"as_of": as_of} if wish.what == "forecast" else {}
    return _Found(*found, table=extracts.EXTRACTS[wish.what](reader, of, *wish.span, now, **more))


def default_days(scene: Scene) -> tuple[dt.date, dt.date]:
    """A week to both sides of today, and all hours of an issue that begins before."""
    today, seen = clock.local(scene.now).date(), scene.snapshot.consumers.get(scene.of)
    forecast = None if seen is None else seen.forecast
    begins = today if forecast is None else clock.local(int(forecast.valid_time[0])).date()
    return min(today, begins) - _DAYS_AROUND, today + _DAYS_AROUND


def _name(wish: Wish, front: Front, now: int) -> str:
    """Of a file: what of whom, and when it was taken away by Danish clocks."""
    of = front.scene.of
    whom = () if wish.what in ("overview", "planned") else (of.area, of.consumer_type if of.consumer_type != "total" else "")
    what = front.view if wish.what == "picture" else wish.what
    parts = filter(None, ("lastvagt", what, *whom, f"{clock.local(now):%Y-%m-%d-%H%M}"))
    plain = "-".join("".join(c if c.isalnum() or c in "-_" else "_" for c in part) for part in parts)
    kind, _, variant = wish.form.partition("_")
    return f"{plain}{'-' if variant else ''}{variant}.{kind}"


class Exporter(QtCore.QObject):
    """`asked` carries a Question; `finished` the path that was written, or why it was not; `said` a line for the window."""

    asked = QtCore.Signal(object)
    finished = QtCore.Signal(object)
    said = QtCore.Signal(str)
    _drawn = QtCore.Signal(object, str)

    def __init__(self, language: Language) -> None:
        super().__init__()
        self._language = language
        self._pending: dict[str, Callable[[_Found], None]] = {}
        self._drawn.connect(self._put_on_clipboard)

    def save(self, wish: Wish, front: Front, opened: bool = False) -> None:
        """Write what is wished for, and show it with the desktop's own program where it shall be `opened`."""
        self._ask("export.save", wish, front, lambda found: self._save(wish, front, found, opened))

    def report(self, front: Front, folder: Path) -> None:
        """Write the day report, and show it with the desktop's own program, which can print it."""
        self.save(Wish("report", "pdf", *default_days(front.scene), folder), front, opened=True)

    def copy(self, front: Front) -> None:
        """Put the view on the clipboard: a picture for documents, a table for spreadsheets."""
        wish = Wish(_TABLES.get(front.view, "forecast"), "csv", *default_days(front.scene), Path())
        self._ask("export.copy", wish, front, lambda found: self._copy(front, found))

    def take_found(self, name: str, found: object) -> None:
        """Go on with what the database gave."""
        go_on = self._pending.pop(name, None)
        if go_on is not None and isinstance(found, _Found):
            go_on(found)
        elif go_on is not None and isinstance(found, Expected):
            self._tell(found)

    def _ask(self, name: str, wish: Wish, front: Front, go_on: Callable[[_Found], None]) -> None:
        self._pending[name] = go_on
        self.asked.emit(Question(name, functools.partial(_read, wish, front.scene.of, front.pane.as_of)))

    def _notes(self, scene: Scene, found: _Found) -> tuple[str, ...]:
        return present.provenance(scene.of, found.issue, found.digest, found.simulated, self._language, found.now)

    def _save(self, wish: Wish, front: Front, found: _Found, opened: bool) -> None:
        notes = self._notes(front.scene, found)
        if found.table is not None:
            content = functools.partial(files.FORMS[wish.form], found.table)
        elif found.report is not None:
            content = functools.partial(day_report.pdf, present.day_report(found.report, notes, self._language), LIGHT)
        else:
            content = functools.partial(picture.FORMS[wish.form], picture.take(front.pane, notes, front.palette))
        path = wish.folder / _name(wish, front, found.now)

        def write() -> None:
            try:
                files.write(path, content())
                self.finished.emit(path)
                if opened:
                    QtGui.QDesktopServices.openUrl(QtCore.QUrl.fromLocalFile(str(path)))
            except Expected as fault:
                self._tell(fault)

        in_background(self, write)

    def _copy(self, front: Front, found: _Found) -> None:
        taken, table = picture.take(front.pane, self._notes(front.scene, found), front.palette), found.table
        assert table is not None

        def draw(taken: Picture = taken) -> None:
            self._drawn.emit(taken.image(), files.tabbed(table, european=self._language.code == "da"))

        in_background(self, draw)

    def _put_on_clipboard(self, image: QtGui.QImage, text: str) -> None:
        data = QtCore.QMimeData()
        data.setImageData(image)
        data.setText(text)
        QtWidgets.QApplication.clipboard().setMimeData(data)
        self.said.emit(self._language.text("export.copied"))

    def _tell(self, fault: Expected) -> None:
        self.finished.emit(fault)
