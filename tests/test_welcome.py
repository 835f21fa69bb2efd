"""The first start: three steps, which can be skipped, in either language, with keys alone."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6 import QtCore, QtWidgets
from pytestqt.qtbot import QtBot

from app.translations import Language
from app.welcome import STEPS, Choices, Welcome

FINDINGS = '[{"check": "source.connect", "status": "fail", "text": "example.org cannot be reached."}, {"check": "disk.free", "status": "ok", "text": "-"}]'


@pytest.fixture
def welcome(qtbot: QtBot, tmp_path: Path) -> Iterator[Welcome]:
    made = Welcome(Language("en"), tmp_path / "data", [sys.executable, "-c", f"print('''{FINDINGS}''')"])
    qtbot.addWidget(made)
    made.show()
    yield made
    made.close()


def _chosen(welcome: Welcome) -> list[Choices]:
    heard: list[Choices] = []
    welcome.done.connect(heard.append)
    return heard


def test_three_times_enter_is_enough(welcome: Welcome, qtbot: QtBot, tmp_path: Path) -> None:
    heard = _chosen(welcome)
    for step in range(len(STEPS)):
        assert welcome.pages.currentIndex() == step
        qtbot.keyClick(welcome.next, QtCore.Qt.Key.Key_Return)
    assert heard == [Choices("en", "", "DK", (), False, tmp_path / "data")]
    assert not welcome.isVisible()
    assert not (tmp_path / "data" / "settings.toml").exists()


@pytest.mark.parametrize("leave", ["skip", "close"])
def test_who_leaves_takes_what_stands_there(welcome: Welcome, leave: str) -> None:
    heard = _chosen(welcome)
    welcome.skip.click() if leave == "skip" else welcome.close()
    assert len(heard) == 1


def test_what_is_wanted_is_written_where_the_engine_reads_it_beside_what_stood_there(welcome: Welcome, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "settings.toml").write_text("backfill_days = 30\n")
    for box in welcome.more.values():
        box.setChecked(True)
    welcome.finish()
    kept = tomllib.loads((tmp_path / "data" / "settings.toml").read_text())
    assert kept == {"backfill_days": 30, "fetch_regions": True, "fetch_municipalities": True}


def test_simulated_data_have_a_folder_of_their_own(welcome: Welcome, tmp_path: Path) -> None:
    heard = _chosen(welcome)
    welcome.simulated.setChecked(True)
    assert not welcome.check.isEnabled()
    welcome.finish()
    assert (heard[0].simulated, heard[0].data_dir) == (True, tmp_path / "data" / "simulated")


def test_another_language_is_spoken_at_once_and_nothing_chosen_is_lost(welcome: Welcome) -> None:
    welcome.area.setCurrentIndex(welcome.area.findData("DK2"))
    welcome.more["fetch_regions"].setChecked(True)
    welcome.language.setCurrentIndex(welcome.language.findData("da"))
    welcome.language.activated.emit(0)
    assert welcome.windowTitle() == "Velkommen til Lastvagt"
    assert (welcome.chosen().language, welcome.chosen().area, welcome.chosen().more) == ("da", "DK2", ("fetch_regions",))


def test_the_connection_is_looked_at_by_the_engine_and_told_with_a_mark(welcome: Welcome, qtbot: QtBot) -> None:
    welcome.check.click()
    qtbot.waitUntil(lambda: "example.org" in welcome.findings.text())
    assert welcome.findings.text() == "■ example.org cannot be reached."
    assert welcome.check.isEnabled()


def test_a_folder_that_cannot_be_used_is_said_where_it_stands(welcome: Welcome, tmp_path: Path) -> None:
    heard = _chosen(welcome)
    (tmp_path / "file").write_text("")
    welcome.folder.setText(str(tmp_path / "file" / "below"))
    welcome.finish()
    assert not heard
    assert welcome.pages.currentIndex() == STEPS.index("folder")
    assert "cannot be written to" in welcome.trouble.text()
    welcome.folder.setText(str(tmp_path / "data"))


@pytest.mark.parametrize("code", ["da", "en"])
def test_everything_has_a_name_and_nothing_is_cut(qtbot: QtBot, tmp_path: Path, code: str) -> None:
    made = Welcome(Language(code), tmp_path, ["none"])
    qtbot.addWidget(made)
    made.show()
    for step in range(len(STEPS)):
        made._go(step)
        QtWidgets.QApplication.processEvents()
        for widget in made.findChildren(QtWidgets.QWidget):
            if widget.isVisible() and widget.focusPolicy() & QtCore.Qt.FocusPolicy.TabFocus:
                assert widget.accessibleName(), widget
        for label in made.findChildren(QtWidgets.QLabel):
            if label.isVisible():
                assert label.height() >= label.heightForWidth(label.width()), label.text()
    made.close()
