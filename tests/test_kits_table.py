"""The list of kits in the view of health: what came when, what is missed, and a kit that is imported."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import filled_store
import pytest
from filled_store import NOW
from PySide6 import QtWidgets
from pytestqt.qtbot import QtBot

from app import health_snapshot, present, snapshot, theme
from app.engine_link import Answer, Request
from app.health_snapshot import HealthSnapshot
from app.health_view import HealthPane
from app.kits_table import KitsTable
from app.pane import Scene
from app.snapshot import PRICE_AREAS, EngineKind, EngineStatus, Snapshot
from app.theme import DARK, LIGHT
from app.translations import Language
from app.window import Window
from engine import clock
from engine.clock import SimulatedClock
from engine.domain import DAY, HOUR, Expected, Freshness
from engine.store import Reader
from engine.store.kits import KitRecord, late
from engine.store.reader import Event

DA, EN = Language("da"), Language("en")
RUNS, ABSENT = EngineStatus(EngineKind.OURS), EngineStatus(EngineKind.ABSENT)
BROUGHT = {"new": 4711, "quarantined": 2, "models": ["a", "b"], "update": "1.2.0"}


def record(age_d: float) -> KitRecord:
    until = round(NOW - age_d * DAY)
    return KitRecord("d", until - 7 * DAY, until, until + 5 * HOUR, "mainland", "0.1.0", "uge 47.kit", "anna", BROUGHT)


KITS = tuple(record(age_d) for age_d in (3, 10, 17))
DOCUMENT: dict[str, Any] = {
    "file": "uge 47.kit",
    "imported_at": clock.iso(NOW - HOUR),
    "again": False,
    "brought": BROUGHT,
    "troubles": [],
}


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> tuple[Snapshot, HealthSnapshot]:
    folder = filled_store.fill(tmp_path_factory.mktemp("filled"), days=8, learned=False, tso=False)
    reader = Reader(folder / "lastvagt.sqlite")
    try:
        return snapshot.read(reader, NOW), dataclasses.replace(health_snapshot.read(reader, NOW), kits=KITS, offline=True)
    finally:
        reader.close()


@pytest.fixture
def table(qtbot: QtBot, qapp: QtWidgets.QApplication, seen: tuple[Snapshot, HealthSnapshot]) -> KitsTable:
    theme.apply(qapp, LIGHT)
    made = KitsTable(EN, LIGHT)
    qtbot.addWidget(made)
    made.show()
    made.show_kits(seen[1], RUNS, NOW)
    return made


def test_a_line_tells_what_a_kit_brought() -> None:
    view = present.kits_view(KITS, DA, NOW)
    assert (len(view.lines), view.state) == (3, None)
    assert view.lines[0][1].words == "uge 47.kit"
    assert view.lines[0][3].words == "4.711 nye tal, 2 sat til side, 2 modeller, programversion 1.2.0"
    assert "3\u00a0d" in view.newest
    assert present.kits_view(tuple(record(age_d) for age_d in (12, 19, 26)), DA, NOW).state is Freshness.LATE
    assert present.kits_view((), EN, NOW).newest == "No kit was imported here."


def test_a_missed_kit_is_a_notice_with_its_age() -> None:
    kits = [record(age_d) for age_d in (12, 19, 26)]
    trouble = late(kits, NOW)
    assert trouble is not None
    event = Event("kit", "age", trouble.problem, trouble.remedy, NOW - HOUR, None)
    known = dataclasses.replace(Snapshot(NOW), events=(event,))
    (notice,) = present.notices(known, RUNS, DA, NOW)
    assert notice.problem == "Der mangler en ny datapakke"
    assert notice.effect == "Den nyeste er 12 døgn gammel; normalt kommer der én hver 7. dag."
    first = late(kits[:1], NOW)
    assert first is not None
    (notice,) = present.notices(
        dataclasses.replace(known, events=(dataclasses.replace(event, problem=first.problem),)), RUNS, EN, NOW
    )
    assert notice.effect == "The newest is 12 days old."


def test_sources_are_as_old_as_kits_let_them_be(seen: tuple[Snapshot, HealthSnapshot]) -> None:
    snap, found = seen
    for offline, state in ((True, Freshness.FRESH), (False, Freshness.STALE)):
        lines = present.health_view(snap, dataclasses.replace(found, offline=offline), RUNS, EN, NOW + 3 * DAY).sources
        assert {line.cells[3].state for line in lines} == {state}


def test_a_kit_is_imported_by_the_engine(table: KitsTable, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "uge 47.kit"
    monkeypatch.setattr(QtWidgets.QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    with qtbot.waitSignal(table.told) as told:
        table.button.click()
    request = told.args[0]
    assert isinstance(request, Request)
    assert (request.path, request.words) == ("/v1/kits/import", {"path": str(path)})
    assert request.timeout_s > 600
    assert "is checked" in table.answer.text()
    assert not table.button.isEnabled()
    table.deliver(Answer(request, DOCUMENT))
    assert table.answer.text().startswith("uge 47.kit is imported: 4,711 new values, 2 set aside, 2 models")
    assert table.button.isEnabled()
    table.deliver(Answer(request, {**DOCUMENT, "again": True}))
    assert table.answer.text().endswith("nothing changed.")
    table.deliver(Answer(request, {**DOCUMENT, "troubles": ["The bundle bad was not taken. Mend it."]}))
    assert "bad was not taken" in table.answer.text()
    table.deliver(Answer(request, refusal=Expected("It is no whole kit.", "Copy it again.")))
    assert table.answer.text() == "It is no whole kit. Copy it again."
    table.set_palette(DARK)


def test_a_choice_that_is_broken_off_orders_nothing(table: KitsTable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QtWidgets.QFileDialog, "getOpenFileName", lambda *_: ("", ""))
    table.told.connect(lambda *_: pytest.fail("something was ordered"))
    table.button.click()


@pytest.mark.parametrize(
    ("engine", "why"),
    [
        (ABSENT, "No engine runs"),
        (EngineStatus(EngineKind.CONNECTED, "https://lastvagt.example.org:8787"), "runs on another machine"),
    ],
)
def test_where_none_can_be_imported_it_is_told_why(
    table: KitsTable, seen: tuple[Snapshot, HealthSnapshot], engine: EngineStatus, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QtWidgets.QFileDialog, "getOpenFileName", lambda *_: pytest.fail("a file was asked for"))
    table.show_kits(seen[1], engine, NOW)
    table.button.click()
    assert why in table.answer.text()


def test_the_card_is_there_where_kits_are(
    qtbot: QtBot, qapp: QtWidgets.QApplication, seen: tuple[Snapshot, HealthSnapshot]
) -> None:
    theme.apply(qapp, LIGHT)
    pane = HealthPane(DA, LIGHT)
    qtbot.addWidget(pane)
    pane.show()
    snap, found = seen
    pane.show_scene(Scene(snap, PRICE_AREAS[0], RUNS, NOW))
    pane.take_found("health", dataclasses.replace(found, kits=(), offline=False))
    assert not pane.kits.isVisible()
    pane.take_found("health", found)
    assert pane.kits.isVisible()
    assert pane.kits.list.rowCount() == 3


def test_the_menu_leads_there(qtbot: QtBot, qapp: QtWidgets.QApplication, monkeypatch: pytest.MonkeyPatch) -> None:
    theme.apply(qapp, LIGHT)
    window = Window(EN, LIGHT, SimulatedClock(NOW))
    qtbot.addWidget(window)
    monkeypatch.setattr(KitsTable, "choose", lambda self: self.answer.setText("chosen"))
    next(each for _, each in window.menu.commands() if each.text() == EN.text("menu.import_kit")).trigger()
    pane = window.pane("health")
    assert window.view == "health"
    assert isinstance(pane, HealthPane)
    assert pane.kits.answer.text() == "chosen"
