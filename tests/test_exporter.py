"""Saving and copying, as an operator does it: with the keys of the window, from a dialog, without the window waiting for a disk."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import filled_store
import pytest
from filled_store import NOW
from PySide6 import QtCore, QtGui, QtWidgets
from pytestqt.qtbot import QtBot

from app import picture, snapshot, theme
from app.export_dialog import ExportDialog
from app.exporter import FORMS
from app.preferences import Preferences
from app.theme import LIGHT
from app.translations import Language
from app.window import Window
from engine.clock import SimulatedClock
from engine.domain import Consumer, Expected
from engine.store import Reader

AALBORG = Consumer("851", "household")
CONTROL = QtCore.Qt.KeyboardModifier.ControlModifier


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filled_store.fill(tmp_path_factory.mktemp("store"), days=16, simulated=True)


@pytest.fixture
def window(qtbot: QtBot, qapp: QtWidgets.QApplication, store: Path) -> Iterator[Window]:
    theme.apply(qapp, LIGHT)
    reader = Reader(store / "lastvagt.sqlite")
    made = Window(Language("en"), LIGHT, SimulatedClock(NOW), Preferences(view="forecast"))
    made.asked.connect(lambda question: made.show_found(question.name, _answer(question, reader)))
    qtbot.addWidget(made)
    made.resize(1280, 800)
    made.show()
    made.show_snapshot(snapshot.read(reader, NOW))
    yield made
    QtCore.QThreadPool.globalInstance().waitForDone()
    qapp.processEvents()
    made.close()
    reader.close()


def _answer(question, reader: Reader) -> object:  # type: ignore[no-untyped-def]
    try:
        return question.read(reader, NOW)
    except Expected as fault:
        return fault


def _open(window: Window, folder: Path) -> ExportDialog:
    next(each for _, each in window.menu.commands() if each.text().startswith("Save figures")).trigger()
    dialog = window.findChild(ExportDialog)
    assert dialog.isVisible()
    dialog.folder.setText(str(folder))
    return dialog


def _choose(dialog: ExportDialog, what: str, form: str) -> None:
    dialog.what.setCurrentIndex(dialog.what.findData(what))
    dialog.form.setCurrentIndex(dialog.form.findData(form))


@pytest.mark.parametrize(("what", "form"), [(what, form) for what, forms in FORMS.items() for form in forms])
def test_everything_is_saved_in_every_form_and_names_itself(
    window: Window, qtbot: QtBot, tmp_path: Path, what: str, form: str
) -> None:
    dialog = _open(window, tmp_path)
    _choose(dialog, what, form)
    with qtbot.waitSignal(window.exporter.finished) as done:
        dialog.save.click()
    path = done.args[0]
    assert isinstance(path, Path), path
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    assert path.name.startswith(f"lastvagt-{'forecast' if what == 'picture' else what}-")
    assert path.name in dialog.told.text()
    content = path.read_bytes()
    begins = {
        "xlsx": b"PK",
        "parquet": b"PAR1",
        "json": b"{",
        "png": b"\x89PNG",
        "svg": b"<svg",
        "pdf": b"%PDF",
        "csv_eu": b"\xef\xbb\xbf",
    }
    assert content.startswith(begins.get(form, b""))
    if form in ("json", "csv", "csv_eu", "svg"):
        assert b"simulated" in content.lower()


def test_the_first_day_comes_first(window: Window, tmp_path: Path) -> None:
    dialog = _open(window, tmp_path)
    dialog.first.setDate(QtCore.QDate(2026, 11, 24))
    dialog.last.setDate(QtCore.QDate(2026, 11, 23))
    dialog.save.click()
    assert "before the first" in dialog.told.text()
    assert list(tmp_path.iterdir()) == []


def test_the_days_are_danish_ones(window: Window, qtbot: QtBot, tmp_path: Path) -> None:
    dialog = _open(window, tmp_path)
    _choose(dialog, "observations", "json")
    for field in (dialog.first, dialog.last):
        field.setDate(QtCore.QDate(2026, 11, 20))
    with qtbot.waitSignal(window.exporter.finished) as done:
        dialog.save.click()
    hours = [row["danish_time"] for row in json.loads(done.args[0].read_text("utf-8"))["rows"]]
    assert (len(hours), hours[0], hours[-1]) == (24, "2026-11-20T00:00:00+01:00", "2026-11-20T23:00:00+01:00")


def test_what_was_saved_last_is_remembered(window: Window, qtbot: QtBot, tmp_path: Path) -> None:
    liked: list[dict[str, object]] = []
    window.liked.connect(liked.append)
    dialog = _open(window, tmp_path)
    _choose(dialog, "errors", "csv_eu")
    with qtbot.waitSignal(window.exporter.finished):
        dialog.save.click()
    kept = liked[-1]["export"]
    assert kept == {"what": "errors", "form": "csv_eu", "folder": str(tmp_path)}
    dialog.open_with(dt.date(2026, 11, 1), dt.date(2026, 11, 2), kept)  # type: ignore[arg-type]
    assert (dialog.what.currentData(), dialog.form.currentData(), dialog.folder.text()) == ("errors", "csv_eu", str(tmp_path))


def test_a_folder_that_will_not_do_is_told_in_one_line(window: Window, qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    dialog = _open(window, tmp_path / "file")
    with qtbot.waitSignal(window.exporter.finished) as done:
        dialog.save.click()
    assert isinstance(done.args[0], Expected)
    assert "cannot be written" in dialog.told.text()
    assert dialog.save.isEnabled()


def test_what_the_database_does_not_know_is_told(window: Window, qtbot: QtBot, tmp_path: Path) -> None:
    window.choose_consumer(AALBORG)
    dialog = _open(window, tmp_path)
    with qtbot.waitSignal(window.exporter.finished) as done:
        dialog.save.click()
    assert isinstance(done.args[0], Expected)
    assert "Aalborg" in dialog.told.text()


def test_ctrl_c_copies_picture_and_table(window: Window, qtbot: QtBot) -> None:
    clipboard = QtWidgets.QApplication.clipboard()
    clipboard.clear()
    window.activateWindow()
    window.setFocus()
    qtbot.keyClick(window, QtCore.Qt.Key.Key_C, CONTROL)
    qtbot.waitUntil(lambda: clipboard.mimeData() is not None and clipboard.mimeData().hasImage())
    data = clipboard.mimeData()
    image = QtGui.QImage(data.imageData())
    assert image.width() > 1200
    head, first, *_ = data.text().splitlines()
    assert head.split("\t")[:3] == ["valid_time", "danish_time", "observed_mwh"]
    assert len(first.split("\t")) == len(head.split("\t"))
    window.choose_view("health")
    qtbot.keyClick(window, QtCore.Qt.Key.Key_C, CONTROL)
    qtbot.waitUntil(lambda: clipboard.text().startswith("issue_time\tdanish_time\toutcome\tmade_at\treason"))
    clipboard.clear()  # what it holds would outlive the interpreter here
    assert len({image.pixel(x, y) for x in range(0, image.width(), 7) for y in range(0, image.height(), 97)}) > 9


def test_a_picture_says_where_it_is_from_and_stays_a_drawing(window: Window, qtbot: QtBot) -> None:
    notes = ("SIMULATED DATA", "Denmark <DK>", "issued Tue 24 Nov 18:00")
    taken = picture.take(window.pane("forecast"), notes, LIGHT)
    document = ElementTree.fromstring(taken.svg())
    space = "{http://www.w3.org/2000/svg}"
    assert document.findtext(f"{space}desc") == "\n".join(notes)
    words = "".join(each.text or "" for each in document.iter(f"{space}text"))
    assert all(note in words for note in notes)
    assert "Median" in words
    longest = max((each.get("d") or "" for each in document.iter(f"{space}path")), key=len)
    across = [float(x) for x in re.findall(r"L(-?[0-9.]+) ", longest)][:100]
    assert len(set(across)) == 100, "hours do not fall on each other, as they do with six digits"
    assert taken.image().text("Description") == "\n".join(notes)
    assert notes[0].encode("utf-16-be") in taken.pdf()
