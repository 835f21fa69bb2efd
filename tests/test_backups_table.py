"""The list of backups in the view of health: what there is, one more, and one that is put in place when the loss is wanted."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6 import QtWidgets
from pytestqt.qtbot import QtBot

from app import present
from app.backups_table import BackupsTable
from app.engine_link import Answer, Request
from app.snapshot import EngineKind, EngineStatus
from app.theme import LIGHT
from app.translations import Language
from engine import clock
from engine.domain import DAY, HOUR, Expected

NOW = clock.parse_utc("2026-11-24T12:00Z")
DA, EN = Language("da"), Language("en")
RUNS, ABSENT = EngineStatus(EngineKind.OURS), EngineStatus(EngineKind.ABSENT)
NAME = "lastvagt-20261123T032700Z.sqlite"
BACKUPS: dict[str, Any] = {
    "folder": "backups",
    "backups": [
        {
            "name": NAME,
            "made_at": clock.iso(NOW - DAY),
            "size_bytes": 5_300_000,
            "issues": 4711,
            "newest_issue": clock.iso(NOW - DAY),
        },
        {"name": "older", "made_at": clock.iso(NOW - 2 * DAY), "size_bytes": 5_200_000, "issues": 0, "newest_issue": None},
    ],
}
LOSS: dict[str, Any] = {
    "name": NAME,
    "made_at": clock.iso(NOW - DAY),
    "issues": 48,
    "values": 1200,
    "decisions": 0,
    "first_issue": clock.iso(NOW - DAY + HOUR),
    "last_issue": clock.iso(NOW - HOUR),
}


@pytest.fixture
def table(qtbot: QtBot) -> tuple[BackupsTable, list[Request]]:
    made, told = BackupsTable(EN, LIGHT), list[Request]()
    qtbot.addWidget(made)
    made.told.connect(told.append)
    made.show_state(RUNS, NOW, NOW, replaced=False)
    made.deliver(Answer(told.pop(), BACKUPS))
    made.show()
    return made, told


def dialog_of(table: BackupsTable) -> QtWidgets.QMessageBox:
    (found,) = table.findChildren(QtWidgets.QMessageBox)
    return found


def test_the_list_is_asked_of_the_engine_when_the_database_changed(table: tuple[BackupsTable, list[Request]]) -> None:
    made, told = table
    assert made.list.rowCount() == 2
    made.show_state(RUNS, NOW, NOW, replaced=False)
    assert told == []
    made.show_state(RUNS, NOW + 1, NOW, replaced=False)
    assert [request.path for request in told] == ["/v1/backups"]


def test_what_is_lost_is_told_before_anything_is_ordered(table: tuple[BackupsTable, list[Request]]) -> None:
    made, told = table
    made.list.selectRow(0)
    made.restore.click()
    assert (told[-1].path, told[-1].query) == ("/v1/backups/loss", {"name": NAME})
    assert not made.make.isEnabled(), "one order after the other"
    made.deliver(Answer(told[-1], LOSS))
    dialog = dialog_of(made)
    assert "48 issues, 1,200 values" in dialog.text()
    assert "starts again" in dialog.informativeText()
    assert dialog.defaultButton().text() == EN.text("backups.leave")
    assert len(told) == 1
    next(each for each in dialog.buttons() if each.text() == EN.text("backups.go")).click()
    assert (told[-1].path, told[-1].words) == ("/v1/backups/restore", {"name": NAME})
    made.deliver(Answer(told[-1], LOSS))
    assert made.answer.text() == EN.text("backups.restoring")


def test_who_keeps_the_database_orders_nothing(table: tuple[BackupsTable, list[Request]]) -> None:
    made, told = table
    made.list.selectRow(0)
    made.restore.click()
    made.deliver(Answer(told[-1], LOSS))
    dialog_of(made).defaultButton().click()
    assert [request.path for request in told] == ["/v1/backups/loss"]
    assert made.restore.isEnabled()


def test_a_refusal_is_told(table: tuple[BackupsTable, list[Request]]) -> None:
    made, told = table
    made.make.click()
    assert (told[-1].path, told[-1].words) == ("/v1/jobs/run", {"job": "backup"})
    made.deliver(Answer(told[-1], refusal=Expected("No room.", "Free some.")))
    assert made.answer.text() == "No room. Free some."
    assert made.make.isEnabled()


def test_a_loss_can_be_noted_while_one_is_told(table: tuple[BackupsTable, list[Request]]) -> None:
    made, told = table
    assert not made.noted.isVisible()
    made.show_state(RUNS, NOW, NOW, replaced=True)
    made.noted.click()
    assert told[-1].path == "/v1/backups/noted"


def test_without_an_engine_nothing_can_be_done(qtbot: QtBot) -> None:
    made, told = BackupsTable(DA, LIGHT), list[Request]()
    qtbot.addWidget(made)
    made.told.connect(told.append)
    made.show_state(ABSENT, NOW, NOW, replaced=True)
    assert told == []
    assert not any(button.isEnabled() for button in (made.make, made.restore, made.noted))
    assert "motoren" in made.answer.text()


@pytest.mark.parametrize("language", [DA, EN])
def test_nothing_lost_is_said_so(language: Language) -> None:
    none = LOSS | {"issues": 0, "values": 0, "first_issue": None, "last_issue": None}
    assert language.text("backups.lost_nothing") in present.loss_text(none, language, NOW)
