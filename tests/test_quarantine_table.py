"""The table of values set aside: what it tells, and how a verdict goes to the engine and back."""

from __future__ import annotations

import pytest
from PySide6 import QtCore, QtWidgets
from pytestqt.qtbot import QtBot

from app.engine_link import Answer, Request
from app.present import set_aside_lines
from app.quarantine_table import QuarantineTable
from app.snapshot import EngineKind, EngineStatus
from app.theme import LIGHT
from app.translations import Language
from engine import clock
from engine.domain import DAY, HOUR, Consumer, Expected
from engine.store.decisions import SetAside

DA, EN = Language("da"), Language("en")
RUNS = EngineStatus(EngineKind.OURS)
NOW = clock.parse_utc("2026-10-26T12:20Z")
VALUES = (
    SetAside(3, "temperature", Consumer("DK1"), "test", NOW - 2 * HOUR, 99.0, "outside -45 to 45 C", "reject", NOW - 60, "kmj"),
    SetAside(2, "load", Consumer("1082", "household"), "test", NOW - DAY, None, "no number"),
    SetAside(1, "load", Consumer("DK2"), "test", NOW - 2 * DAY, 850.04, "load is not positive"),
)


@pytest.fixture
def table(qtbot: QtBot) -> QuarantineTable:
    table = QuarantineTable(EN, LIGHT)
    qtbot.addWidget(table)
    table.show()
    table.show_values(VALUES, RUNS, NOW)
    return table


def enabled(table: QuarantineTable) -> list[bool]:
    return [button.isEnabled() for button in table.buttons.values()]


def test_lines_tell_what_it_is_and_what_was_decided_those_that_wait_first() -> None:
    lines = set_aside_lines(VALUES, DA, NOW)
    assert [line.quarantine_id for line in lines] == [2, 1, 3]
    words = [[cell.words for cell in line.cells] for line in lines]
    assert words[0][1:4] == ["Region Midtjylland · Husholdninger", "Forbrug", "–"]
    assert words[1][3:] == ["850,0\u00a0MWh", "load is not positive", "venter"]
    assert words[2][5] == "afvist af kmj, 13:19"


def test_a_verdict_is_sent_and_told(table: QuarantineTable, qtbot: QtBot) -> None:
    assert enabled(table) == [False, True]  # without a number there is nothing to accept
    table.list.selectRow(1)
    assert enabled(table) == [True, True]
    with qtbot.waitSignal(table.told) as sent:
        qtbot.mouseClick(table.buttons["accept"], QtCore.Qt.MouseButton.LeftButton)
    request: Request = sent.args[0]
    assert request == Request("QuarantineTable", "/v1/quarantine/accept", {"quarantine_id": 1})
    record = {"area": "DK2", "consumer_type": "total", "quantity": "load", "value": 850.04, "verdict": "accept"}
    table.deliver(Answer(request, {**record, "valid_time": "2026-10-24T12:00:00Z"}))
    assert table.answer.text() == "Accepted: Eastern Denmark (DK2), Sat 24 Oct 14–15, 850.0\u00a0MWh."
    table.deliver(Answer(request, refusal=Expected("Somebody decided already.", "Look again.")))
    assert table.answer.text() == "Somebody decided already. Look again."
    table.list.selectRow(2)
    assert enabled(table) == [False, False]


def test_without_an_engine_or_values_it_says_so(table: QuarantineTable) -> None:
    table.show_values(VALUES, EngineStatus(EngineKind.ABSENT), NOW)
    assert enabled(table) == [False, False]
    assert table.answer.text().startswith("No engine runs")
    table.show_values(VALUES, EngineStatus(EngineKind.CONNECTED, "http://desk", orders=False), NOW)
    assert enabled(table) == [False, False]
    assert table.answer.text()
    table.show_values((), RUNS, NOW)
    labels = [label.text() for label in table.findChildren(QtWidgets.QLabel) if label.isVisible()]
    assert labels == ["No value was set aside as implausible."]
    assert all(widget.accessibleName() for widget in (table.list, *table.buttons.values()))
