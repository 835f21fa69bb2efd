"""The view of health: how late sources are, what jobs did, how forecasts were made, and a job that is told to run."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import filled_store
import pytest
from filled_store import NOW
from PySide6 import QtWidgets
from pytestqt.qtbot import QtBot

from app import health_snapshot, present, snapshot, theme
from app.engine_link import Answer, Request
from app.health_snapshot import TIER_DAYS, HealthSnapshot
from app.health_view import HealthPane
from app.pane import Question, Scene
from app.snapshot import PRICE_AREAS, EngineKind, EngineStatus, Snapshot
from app.support_dialog import SupportDialog
from app.theme import DARK, LIGHT
from app.translations import Language
from engine import clock
from engine.domain import DAY, HOUR, Expected, Freshness, JobRun, Tier
from engine.store import Reader, Writer

DA, EN = Language("da"), Language("en")
RUNS, ABSENT = EngineStatus(EngineKind.OURS), EngineStatus(EngineKind.ABSENT)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = filled_store.fill(tmp_path_factory.mktemp("filled"), days=16, late=True, stalled_d=21)
    writer = Writer(folder / "lastvagt.sqlite")
    for day, size in ((9, 50_000_000), (1, 66_000_000)):
        writer.put_job_run(JobRun("maintenance", NOW - day * DAY, NOW - day * DAY, "ok", detail={"database_bytes": size}))
    writer.put_job_run(JobRun("forecast", NOW - HOUR, NOW - HOUR + 4, "expected", "No disk.", "Free some."))
    writer.put_forecasts([filled_store.forecast("DK1", NOW - 2 * DAY, Tier.SEASONAL)], NOW)
    writer.open_event("source", "open-meteo/forecast", "No answer.", "Wait.", NOW - 5 * HOUR)
    writer.close_event("source", "open-meteo/forecast", NOW - 3 * HOUR)
    writer.close()
    return folder / "lastvagt.sqlite"


@pytest.fixture(scope="module")
def seen(database: Path) -> tuple[Snapshot, HealthSnapshot]:
    reader = Reader(database)
    try:
        return snapshot.read(reader, NOW), health_snapshot.read(reader, NOW)
    finally:
        reader.close()


def test_sources_are_judged_by_what_is_usual_with_them(seen: tuple[Snapshot, HealthSnapshot]) -> None:
    view = present.health_view(*seen, RUNS, EN, NOW)
    by_name = {line.cells[0].words: line for line in view.sources}
    assert by_name["Load"].cells[3].state is Freshness.FRESH
    stalled = by_name["Load of regions"]
    assert stalled.cells[3].state in (Freshness.LATE, Freshness.STALE)
    assert "Has stood still since" in stalled.more
    assert len(stalled.cells[4].course) > 7
    assert by_name["Weather"].cells[2].words == "6\u00a0h"


def test_jobs_tell_what_they_did_and_when_they_are_due(seen: tuple[Snapshot, HealthSnapshot]) -> None:
    jobs = {line.cells[0].words: line for line in present.health_view(*seen, RUNS, EN, NOW).jobs}
    assert jobs["Forecast"].cells[3].state is Freshness.LATE
    assert "No disk. Free some." in jobs["Forecast"].more
    assert jobs["Forecast"].cells[2].words == "4\u00a0s"
    assert jobs["Forecast"].cells[4].words == EN.time(clock.floor_hour(NOW) + HOUR)
    assert jobs["Late series"].cells[4].words == "after Forecast"
    assert jobs["Late series"].job == ""
    stopped = present.health_view(*seen, ABSENT, EN, NOW)
    assert {line.cells[4].words for line in stopped.jobs} <= {"–", "after Forecast", "after Fetching"}
    assert stopped.closed


def test_without_network_by_settings_nothing_is_fetched_and_cannot_be(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "lastvagt.sqlite")
    writer.set_offline(True)
    writer.close()
    reader = Reader(tmp_path / "lastvagt.sqlite")
    seen = snapshot.read(reader, NOW), health_snapshot.read(reader, NOW)
    reader.close()
    fetching = next(line for line in present.health_view(*seen, RUNS, EN, NOW).jobs if line.cells[0].words == "Fetching")
    assert (fetching.cells[4].words, fetching.job) == ("never: no network", "")


def test_a_day_is_named_by_its_lowest_tier(seen: tuple[Snapshot, HealthSnapshot]) -> None:
    strip = next(s for s in present.health_view(*seen, RUNS, EN, NOW).strips if "DK1" in s.name)
    assert len(strip.days) == TIER_DAYS
    odd = strip.days[-3]
    assert odd.worst is Tier.SEASONAL
    assert "1 × Weekly profile" in odd.words
    assert odd.words in strip.summary


def test_days_that_were_thinned_lack_nothing(seen: tuple[Snapshot, HealthSnapshot]) -> None:
    snap, found = seen
    ten = clock.local_time(clock.local(NOW - 3 * DAY).date(), 10)
    issues = dict.fromkeys(found.issues, ((ten, Tier.FULL),))
    found = dataclasses.replace(found, issues=issues, first_issue=ten - 9 * DAY)
    kept = dataclasses.replace(
        found, space=dataclasses.replace(found.space, thinned_to=clock.local_midnight(clock.local(NOW).date()))
    )
    day = present.health_view(snap, kept, RUNS, EN, NOW).strips[0].days[-4]
    assert (day.missing, day.full, day.lower) == (False, 1.0, 0.0)
    day = present.health_view(snap, found, RUNS, EN, NOW).strips[0].days[-4]
    assert (day.missing, day.full) == (True, 1 / 24)
    assert "23 not made" in day.words


def test_the_disk_tells_how_the_database_grew(seen: tuple[Snapshot, HealthSnapshot]) -> None:
    view = present.health_view(*seen, RUNS, DA, NOW)
    assert dict(view.disk)["Vækst"].words == "+2,0\u00a0MB/døgn"
    assert view.growth.course == (50.0, 66.0)
    snap, found = seen
    full = dataclasses.replace(found, space=dataclasses.replace(found.space, free_bytes=1_000_000))
    assert dict(present.health_view(snap, full, RUNS, DA, NOW).disk)["Fri plads på disken"].state is Freshness.STALE


def test_troubles_that_last_come_first_and_past_ones_tell_how_long(seen: tuple[Snapshot, HealthSnapshot]) -> None:
    events = present.health_view(*seen, RUNS, EN, NOW).events
    assert [line.cells[0].words for line in events] == sorted(
        (line.cells[0].words for line in events), key=["open", "over"].index
    )
    past = next(line for line in events if "Open-Meteo" in line.cells[3].words)
    assert (past.cells[0].state, past.cells[2].words) == (None, "2\u00a0h")


@pytest.mark.parametrize("language", [DA, EN])
def test_an_empty_store_has_lists_without_lines(tmp_path: Path, language: Language) -> None:
    Writer(tmp_path / "lastvagt.sqlite").close()
    reader = Reader(tmp_path / "lastvagt.sqlite")
    view = present.health_view(snapshot.read(reader, NOW), health_snapshot.read(reader, NOW), ABSENT, language, NOW)
    reader.close()
    assert (view.sources, view.events) == ((), ())
    assert all(day.worst is None for strip in view.strips for day in strip.days)
    assert len(view.jobs) == 8


@pytest.fixture
def pane(
    qtbot: QtBot, qapp: QtWidgets.QApplication, database: Path, seen: tuple[Snapshot, HealthSnapshot]
) -> Iterator[HealthPane]:
    theme.apply(qapp, LIGHT)
    made = HealthPane(EN, LIGHT)
    qtbot.addWidget(made)
    reader = Reader(database)

    def find(question: Question) -> None:
        made.take_found(question.name, question.read(reader, NOW))

    made.asked.connect(find)
    made.resize(940, 700)
    made.show()
    made.show_scene(Scene(seen[0], PRICE_AREAS[0], RUNS, NOW))
    yield made
    reader.close()


def test_a_job_is_told_to_run_and_the_answer_is_told(pane: HealthPane, qtbot: QtBot) -> None:
    pane.jobs.selectRow(4)
    with qtbot.waitSignal(pane.told) as told:
        pane.run.click()
    request = told.args[0]
    assert request == Request("HealthPane", "/v1/jobs/run", {"job": "score"})
    pane.deliver(Answer(request, {"job": "score", "told_at": "2026-11-24T17:20:00Z"}))
    assert pane.answer.text() == "Scoring is ordered and runs at once."
    pane.deliver(Answer(request, refusal=Expected("No.", "Wait.")))
    assert pane.answer.text() == "No. Wait."


def test_without_an_engine_nothing_can_be_run(pane: HealthPane, seen: tuple[Snapshot, HealthSnapshot]) -> None:
    pane.show_scene(Scene(seen[0], PRICE_AREAS[0], ABSENT, NOW + 1))
    assert not pane.run.isEnabled()
    assert "No engine runs" in pane.answer.text()


def test_the_chosen_line_stays_chosen_when_ages_grow(pane: HealthPane, seen: tuple[Snapshot, HealthSnapshot]) -> None:
    pane.jobs.selectRow(2)
    pane.show_scene(Scene(seen[0], PRICE_AREAS[0], RUNS, NOW + 3 * HOUR))
    assert pane.jobs.at == 2
    pane.set_palette(DARK)
    assert pane.jobs.at == 2


def test_the_support_text_is_read_before_it_is_copied(
    pane: HealthPane, qtbot: QtBot, seen: tuple[Snapshot, HealthSnapshot]
) -> None:
    with qtbot.waitSignal(pane.told) as told:
        pane.support.click()
    assert told.args[0].path == "/v1/support"
    pane.deliver(Answer(told.args[0], {"text": "== settings\nall well"}))
    (dialog,) = pane.findChildren(SupportDialog)
    assert dialog.words.isReadOnly()
    dialog.copy.click()
    assert QtWidgets.QApplication.clipboard().text() == "== settings\nall well"
    dialog.close()
    pane.show_scene(Scene(seen[0], PRICE_AREAS[0], ABSENT, NOW + 1))
    pane.support.click()
    gathered = next(d for d in pane.findChildren(SupportDialog) if d.isVisible())
    assert "== doctor, offline" in gathered.words.toPlainText()
    gathered.close()


def test_no_support_text_is_made_here_of_an_engine_elsewhere(pane: HealthPane, seen: tuple[Snapshot, HealthSnapshot]) -> None:
    pane.show_scene(Scene(seen[0], PRICE_AREAS[0], EngineStatus(EngineKind.CONNECTED, "https://host", orders=False), NOW + 2))
    pane.support.click()
    assert pane.support.isEnabled()
    assert pane.answer.text() == EN.text("engine.read_only_why")
    assert not pane.run.isEnabled()


def test_the_engine_tells_when_sources_are_asked(pane: HealthPane) -> None:
    sources = [{"dataset": "open-meteo/forecast", "every_s": 21600, "last_asked": None, "next_time": "2026-11-24T18:05:00Z"}]
    pane.deliver(Answer(Request("HealthPane", "/v1/plan", None, {}), {"sources": sources}))
    assert pane.jobs.item(0, 4).text() == "19:05"
    pane.jobs.selectRow(0)
    assert "Sources are asked: forecast 19:05." in "".join(label.text() for label in pane.findChildren(QtWidgets.QLabel))
