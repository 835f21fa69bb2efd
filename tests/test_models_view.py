"""The view of models: what it says of roles and trials, and how a decision goes from a button to the engine and back."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import filled_store
import numpy as np
import pytest
from filled_store import NOW
from PySide6 import QtCore, QtWidgets
from pytestqt.qtbot import QtBot

from app import present, snapshot, theme
from app.engine_link import Answer, EngineLink, Request
from app.models_view import DecisionDialog
from app.snapshot import EngineKind, EngineStatus, ModelsSnapshot, Snapshot
from app.theme import LIGHT
from app.translations import Language
from app.window import Window
from engine import access, api, openapi, roles, tables
from engine.clock import SimulatedClock
from engine.domain import DAY, Expected, Tier
from engine.http_server import HttpServer
from engine.store import Reader, Writer
from engine.store.reader import EngineState
from engine.store.roster import BundleState, DayLoss, RoleChange

DA, EN = Language("da"), Language("en")
RUNS, ABSENT = EngineStatus(EngineKind.OURS), EngineStatus(EngineKind.ABSENT)
PROMOTE = Request("ModelsPane", "/v1/models/promote", {})
NEW, OLD, FIRST = "price-areas-full-2026-06", "price-areas-full-2025-12", "price-areas-full-2024-06"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    folder = tmp_path_factory.mktemp("filled")
    writer = Writer(folder / "lastvagt.sqlite")
    filled_store.models(writer, NOW)
    writer.close()
    reader = Reader(folder / "lastvagt.sqlite")
    try:
        return snapshot.read(reader, NOW)
    finally:
        reader.close()


@pytest.fixture
def window(qtbot: QtBot, qapp: QtWidgets.QApplication, filled: Snapshot) -> Iterator[Window]:
    theme.apply(qapp, LIGHT)
    made = Window(EN, LIGHT, SimulatedClock(NOW))
    qtbot.addWidget(made)
    made.resize(1280, 800)
    made.show()
    made.choose_view("models")
    made.show_engine(RUNS)
    made.show_snapshot(filled)
    yield made
    made.close()


def of(*losses: DayLoss, bundles: tuple[BundleState, ...] = (), changes: tuple[RoleChange, ...] = ()) -> Snapshot:
    assigned = roles.assign(bundles, changes)
    return Snapshot(NOW, models=ModelsSnapshot(assigned, {Tier.FULL: losses}, changes))


def test_a_line_tells_role_age_and_origin(filled: Snapshot) -> None:
    lines = {line.model_id: line for line in present.models_view(filled, RUNS, EN).lines}
    assert lines[OLD].cells == (OLD, "Full model", "Champion", "7 Jun 2026", "1 Jan 2026", "your data", "your own key")
    assert lines[NEW].cells[2:4] == ("Challenger", "21 Jun 2026")
    assert lines[FIRST].cells[2:] == ("–", "–", "1 Jul 2024", "the program", "the program's key")
    assert set(lines[OLD].decisions) == {"rollback"}
    assert set(lines[NEW].decisions) == {"promote", "rollback", "end"}
    assert set(lines[FIRST].decisions) == {"promote", "rollback", "challenge"}
    assert lines["price-areas-late-2024-06"].decisions == {}


def test_a_proposal_is_seen_on_the_tab_in_the_sentence_and_by_the_line_in_front(filled: Snapshot) -> None:
    view = present.models_view(filled, RUNS, DA)
    assert view.tab == "Modeller (1)"
    assert view.lines[view.first].model_id == NEW
    trial = view.trials[Tier.FULL]
    assert trial.sentence.startswith(f"WQL for {NEW} var ")
    assert trial.sentence.endswith("Forslag: sæt den i drift.")
    assert len(trial.time) == len(trial.mean) == len(trial.low) == len(trial.high) == 140
    assert np.isnan(trial.low[:55]).all()
    assert np.isfinite(trial.low[56:]).all()
    assert "tried" in present.models_view(filled, RUNS, EN).log[0]
    assert "kmj" in view.log[1]


def days(n: int, better_by: float) -> tuple[DayLoss, ...]:
    chance = np.random.default_rng(1)
    return tuple(DayLoss(20_000 + i, 2304, 3.0, 3.0, 2.0, 2.0 * (1 - better_by) + 0.1 * chance.normal()) for i in range(n))


@pytest.mark.parametrize(
    ("losses", "words"),
    [
        ((), "no settled day yet"),
        (days(20, 0.1), "Nothing is claimed before eight weeks."),
        (days(100, 0.0), "Not decided yet."),
        (days(100, 0.2), "Proposed: promote it."),
        (days(100, -0.2), "It is worse. Proposed: end the trial."),
        (days(400, 0.0), "Undecided after 400 days. Proposed: end the trial."),
        (
            tuple(dataclasses.replace(d, challenger_wape=4.0 + i % 3 / 9) for i, d in enumerate(days(100, 0.2))),
            "But its absolute error is higher: not decided yet.",
        ),
    ],
)
def test_every_stage_of_a_trial_has_its_words(losses: tuple[DayLoss, ...], words: str) -> None:
    bundles = (BundleState("old", Tier.FULL, 1, "shipped"), BundleState("new", Tier.FULL, 2, "own"))
    shown = of(*losses, bundles=bundles, changes=(RoleChange(NOW, Tier.FULL, "challenge", "", "new", "engine", ""),))
    trial = present.models_view(shown, RUNS, EN).trials[Tier.FULL]
    assert words in trial.sentence
    assert trial.proposes is ("Proposed" in words)
    assert trial.reach > 0


def test_bundles_that_cannot_be_used_say_so() -> None:
    bundles = (BundleState("old", Tier.FULL, 1, "shipped"), BundleState("bad", Tier.FULL, 2, "own", "It is damaged."))
    changes = (
        RoleChange(NOW, Tier.FULL, "promote", "old", "bad", "me", "x"),
        RoleChange(NOW, Tier.FULL, "challenge", "", "lost", "me", ""),
    )
    lines = {line.model_id: line for line in present.models_view(of(bundles=bundles, changes=changes), RUNS, EN).lines}
    assert lines["bad"].cells[2] == "▲ Champion, cannot be used"
    assert lines["old"].cells[2] == "Stand-in"
    assert lines["lost"].cells[2:] == ("▲ Challenger, cannot be used", "24 Nov 2026", "–", "gone", "–")
    assert "promote" not in lines["bad"].decisions
    assert "end" in lines["lost"].decisions


def test_without_models_or_a_database_the_view_says_why(window: Window) -> None:
    window.show_snapshot(Snapshot(NOW))
    assert "No models are known yet" in words(window)
    window.show_snapshot(Snapshot(NOW, fault=Expected("The disk is gone.", "Put it back.")))
    assert "The database cannot be read" in words(window)


def words(widget: QtWidgets.QWidget) -> str:
    return "\n".join(label.text() for label in widget.findChildren(QtWidgets.QLabel) if label.isVisible())


def enabled(window: Window) -> set[str]:
    return {name for name, button in window.pane("models").buttons.items() if button.isEnabled()}


def test_buttons_follow_the_chosen_bundle_and_the_engine(window: Window, filled: Snapshot) -> None:
    assert enabled(window) == {"promote", "rollback", "end"}
    ids = [window.pane("models").table.item(row, 0).text() for row in range(window.pane("models").table.rowCount())]
    window.pane("models").table.selectRow(ids.index(FIRST))
    assert enabled(window) == {"promote", "rollback", "challenge"}
    window.show_snapshot(filled)
    assert enabled(window) == {"promote", "rollback", "challenge"}  # still the one that was chosen
    window.pane("models").table.selectRow(ids.index("price-areas-late-2024-06"))
    assert enabled(window) == set()
    assert "No model is tried in this tier." in words(window)
    assert not window.pane("models").chart.isVisible()
    window.pane("models").table.selectRow(ids.index(FIRST))
    window.show_engine(ABSENT)
    assert enabled(window) == set()
    assert "No engine runs" in words(window)


def order(act: str, words: dict[str, object]) -> Request:
    """What the view asks of the engine."""
    return Request("ModelsPane", f"/v1/models/{act}", words)


def answer_dialog(qtbot: QtBot, reason: str, accept: bool = True) -> list[bool]:
    """Fill in the dialog that is about to open; returns whether it could be accepted before and after a reason."""
    seen: list[bool] = []

    def work() -> None:
        dialog = QtWidgets.QApplication.activeModalWidget()
        assert isinstance(dialog, DecisionDialog)
        seen.append(dialog.decide.isEnabled())
        qtbot.keyClicks(dialog.reason, reason)
        seen.append(dialog.decide.isEnabled())
        qtbot.mouseClick(dialog.decide if accept else dialog.cancel, QtCore.Qt.MouseButton.LeftButton)

    QtCore.QTimer.singleShot(50, work)
    return seen


def test_a_promotion_is_asked_about_and_needs_a_reason(window: Window, qtbot: QtBot) -> None:
    seen = answer_dialog(qtbot, "It is better.")
    with qtbot.waitSignal(window.told) as sent:
        qtbot.mouseClick(window.pane("models").buttons["promote"], QtCore.Qt.MouseButton.LeftButton)
    assert sent.args == [order("promote", {"model_id": NEW, "reason": "It is better."})]
    assert seen == [False, True]
    assert "Asking the engine" in words(window)


def test_other_decisions_may_go_without_a_reason(window: Window, qtbot: QtBot) -> None:
    for name, act, told in (
        ("rollback", "rollback", {"tier": "full", "reason": ""}),
        ("end", "challenge", {"model_id": None, "tier": "full", "reason": ""}),
    ):
        answer_dialog(qtbot, "")
        with qtbot.waitSignal(window.told) as sent:
            qtbot.mouseClick(window.pane("models").buttons[name], QtCore.Qt.MouseButton.LeftButton)
        assert sent.args == [order(act, told)]


def test_second_thoughts_decide_nothing(window: Window, qtbot: QtBot) -> None:
    answer_dialog(qtbot, "x", accept=False)
    with qtbot.assertNotEmitted(window.told, wait=200):
        qtbot.mouseClick(window.pane("models").buttons["promote"], QtCore.Qt.MouseButton.LeftButton)


def test_the_answer_is_shown(window: Window) -> None:
    window.show_answer(Answer(PROMOTE, {"act": "promote", "from_id": OLD, "to_id": NEW}))
    assert f"Done: {NEW} champion instead of {OLD}." in words(window)
    window.show_answer(Answer(PROMOTE, refusal=Expected("It is damaged.", "Mend it.")))
    assert "It is damaged. Mend it." in words(window)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[HttpServer, list[tuple[str, Any]]]]:
    """An endpoint that takes decisions with the token of a folder, and refuses rollbacks."""
    writer = Writer(tmp_path / "lastvagt.sqlite")
    reader = Reader(writer.path)
    asked: list[tuple[str, Any]] = []

    def decide(path: str, given: Any) -> object:
        act = path.rpartition("/")[2]
        asked.append((act, dict(given)))
        if act == "rollback":
            raise roles.Pointless("There is nobody to go back to.", "Promote somebody.")
        return tables.role_change(RoleChange(NOW, Tier.FULL, act, "old", given["model_id"], given["who"], given["reason"]))

    with access.grant(tmp_path) as token:
        app = api.create(reader, SimulatedClock(NOW), api.Desk(token, decide, lambda *_: None))
        made = HttpServer(app, "127.0.0.1", 0, posts=openapi.ORDERS, admits=lambda given: given == token)
        made.start()
        yield made, asked
        made.stop()
    reader.close()
    writer.close()


def link_to(port: int, folder: Path) -> EngineLink:
    link = EngineLink([], SimulatedClock(NOW), start=False, data_dir=folder)
    link.consider(Snapshot(NOW, engine=EngineState(os.getpid(), "127.0.0.1", port, "1", NOW - DAY, NOW)))
    return link


def test_a_decision_reaches_the_engine_with_the_token_and_its_answer_comes_back(
    qtbot: QtBot, server: tuple[HttpServer, list[tuple[str, Any]]], tmp_path: Path
) -> None:
    made, asked = server
    link = link_to(made.port, tmp_path)
    with qtbot.waitSignal(link.answered) as sent:
        link.ask(order("promote", {"model_id": "new", "reason": "It is better, æøå."}))
    answer: Answer = sent.args[0]
    assert answer.refusal is None
    assert [answer.document[name] for name in ("act", "from_id", "to_id")] == ["promote", "old", "new"]
    assert asked == [("promote", {"model_id": "new", "reason": "It is better, æøå.", "who": access.user()})]
    with qtbot.waitSignal(link.answered) as sent:
        link.ask(order("rollback", {"tier": "full", "reason": ""}))
    refusal = sent.args[0].refusal
    assert (refusal.problem, refusal.remedy) == ("There is nobody to go back to.", "Promote somebody.")


def test_without_token_or_engine_the_answer_says_so(
    qtbot: QtBot, server: tuple[HttpServer, list[tuple[str, Any]]], tmp_path: Path
) -> None:
    made, asked = server
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for link, told in (
        (link_to(made.port, elsewhere), "token"),
        (link_to(1, tmp_path), "does not answer"),
        (EngineLink([], SimulatedClock(NOW), start=False, data_dir=tmp_path), "No engine runs"),
    ):
        with qtbot.waitSignal(link.answered) as sent:
            link.ask(order("promote", {"model_id": "new", "reason": "x"}))
        assert told in sent.args[0].refusal.problem
    (elsewhere / "engine.token").write_text("wrong")
    link = link_to(made.port, elsewhere)
    with qtbot.waitSignal(link.answered) as sent:
        link.ask(order("promote", {"model_id": "new", "reason": "x"}))
    assert "token" in sent.args[0].refusal.problem
    assert asked == []
