"""The window tells of a newer version at its foot, and brings it in by the engine's own commands."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import filled_store
import pytest
from filled_store import NOW
from PySide6 import QtCore
from pytestqt.qtbot import QtBot

from app import theme
from app.present import update_news
from app.snapshot import EngineKind, EngineStatus, Snapshot, read
from app.translations import Language
from app.update_dialog import UpdateDialog
from app.window import Window
from engine.clock import SimulatedClock
from engine.installation import Form, Installation
from engine.store import Reader
from engine.store.reader import Event


def event(code: str, version: str = "0.2.0") -> Event:
    return Event(code, version, f"Version {version} is ready.", "Let it take over.", NOW, None)


@pytest.mark.parametrize("language", ["da", "en"])
@pytest.mark.parametrize(
    ("code", "form", "remote", "can"),
    [
        ("update_ready", Form.PORTABLE, False, True),
        ("update", Form.WINDOWS, False, True),
        ("update_ready", Form.DEB, False, False),
        ("update_ready", Form.PORTABLE, True, False),
        ("update_refused", Form.PORTABLE, False, False),
    ],
)
def test_a_button_is_there_where_this_window_can_bring_it_in(
    code: str, form: Form, remote: bool, can: bool, language: str
) -> None:
    news = update_news(Snapshot(NOW, events=(event(code),)), form, remote, Language(language))
    assert news is not None
    assert (news.can_apply, news.version) == (can, "0.2.0")
    assert news.text.startswith("Version 0.2.0")
    assert ("sudo" in news.text) == (form is Form.DEB)


def test_without_news_nothing_is_said() -> None:
    assert update_news(Snapshot(NOW, events=(event("source"),)), Form.PORTABLE, False, Language("en")) is None


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    reader = Reader(filled_store.fill(tmp_path_factory.mktemp("filled"), days=16) / "lastvagt.sqlite")
    shown = read(reader, NOW)
    reader.close()
    return shown


def test_the_foot_of_the_window_tells_of_it_until_it_is_put_off(
    qtbot: QtBot, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.window.installation.here", lambda: Installation(Form.PORTABLE, Path("/opt/lastvagt")))
    window = Window(Language("da"), theme.LIGHT, SimulatedClock(NOW))
    qtbot.addWidget(window)
    window.show_engine(EngineStatus(EngineKind.OURS))
    window.show_snapshot(snapshot)
    line = window._update
    assert line.isHidden()
    window.show_snapshot(dataclasses.replace(snapshot, events=(*snapshot.events, event("update_ready"))))
    assert not line.isHidden()
    assert line.accessibleName() == "Version 0.2.0 er klar."
    assert not window._notices.accessibleName().count("0.2.0"), "it is no trouble"
    with qtbot.waitSignal(window.update_wanted) as wanted:
        line.open.click()
    assert wanted.args == ["0.2.0"]
    window.wall.enter()
    window.show_snapshot(dataclasses.replace(snapshot, events=(event("update_ready"),)))
    assert line.isHidden(), "a wall display is for watching"
    window.wall.leave()
    window.show_snapshot(dataclasses.replace(snapshot, events=(event("update_ready"),)))
    with qtbot.waitSignal(window.liked):
        line.later.click()
    assert line.isHidden()


def _dialog(qtbot: QtBot, tmp_path: Path, codes: dict[str, int], restarts: bool = True) -> UpdateDialog:
    """A dialog whose program answers each act with an exit code."""
    program = tmp_path / "engine.py"
    told = {"notes": "Bedre prognoser om natten."}
    program.write_text(
        f"import sys\nact = sys.argv[2]\nprint({json.dumps(told)!r} if '--json' in sys.argv else act + ' is done')\n"
        f"code = {codes!r}.get(act, 0)\n"
        "if code:\n    print('It ended.', file=sys.stderr)\nsys.exit(code)\n",
        encoding="utf-8",
    )
    dialog = UpdateDialog(None, "0.2.0", lambda *words: [sys.executable, str(program), *words], restarts, Language("en"))
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def test_notes_are_shown_then_each_step_and_the_restart(qtbot: QtBot, tmp_path: Path) -> None:
    dialog = _dialog(qtbot, tmp_path, {})
    qtbot.waitUntil(lambda: dialog.notes.toPlainText() == "Bedre prognoser om natten.")
    with qtbot.waitSignal(dialog.finished_well):
        dialog.now.click()
        assert not dialog.end.isEnabled()
        dialog.reject()
        assert dialog.isVisible(), "versions change meanwhile"
    assert dialog.steps.toPlainText().split("\n")[:2] == ["stage is done", "apply is done"]
    assert "runs version 0.2.0 now" in dialog.told.text()
    with qtbot.waitSignal(dialog.restart_wanted):
        dialog.restart.click()


@pytest.mark.parametrize("act", ["stage", "apply"])
def test_what_goes_wrong_is_told_and_can_be_tried_again(qtbot: QtBot, tmp_path: Path, act: str) -> None:
    dialog = _dialog(qtbot, tmp_path, {act: 4})
    dialog.begin()
    qtbot.waitUntil(lambda: "It ended." in dialog.told.text())
    assert dialog.restart.isHidden()
    assert dialog.now.isEnabled()
    dialog.reject()
    assert not dialog.isVisible()


def test_a_program_that_is_gone_is_told(qtbot: QtBot, tmp_path: Path) -> None:
    dialog = UpdateDialog(None, "0.2.0", lambda *words: [str(tmp_path / "none"), *words], True, Language("da"))
    qtbot.addWidget(dialog)
    dialog.begin()
    qtbot.waitUntil(lambda: "Det lykkedes ikke." in dialog.told.text())


def test_every_part_has_a_name(qtbot: QtBot, tmp_path: Path) -> None:
    dialog = _dialog(qtbot, tmp_path, {})
    for widget in (dialog.notes, dialog.steps, dialog.now, dialog.end, dialog.restart):
        assert widget.accessibleName()
        assert widget.focusPolicy() != QtCore.Qt.FocusPolicy.NoFocus
