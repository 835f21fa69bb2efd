"""The inspector's pages of reasons and of what if."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator
from typing import Any

import issued_store
import pytest
from issued_store import HOUSEHOLDS, NOW, bundle_of
from PySide6 import QtCore, QtWidgets
from pytestqt.qtbot import QtBot

from app import snapshot
from app.engine_link import Answer, Request
from app.pane import Scene
from app.present import ForecastView, Wish, changes_view, forecast_view, what_if_view, why_view
from app.present.scale import Scale
from app.sheet import Overlay
from app.snapshot import EngineKind, EngineStatus
from app.theme import DARK, LIGHT
from app.translations import Language
from app.whatif_sheet import WhatIfSheet
from app.why_sheet import WhySheet
from engine import clock, explaining, queries, whatif
from engine.domain import DAY, HOUR, Consumer, Expected
from engine.store import Reader

DA, EN = Language("da"), Language("en")
DK1 = Consumer("DK1")
HERE = NOW + 9 * HOUR


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    made = issued_store.fill(tmp_path_factory.mktemp("why") / "lastvagt.sqlite", (NOW - DAY, NOW - HOUR, NOW), late=True)
    yield made
    made.close()


@pytest.fixture(scope="module")
def shown(reader: Reader) -> snapshot.Snapshot:
    return snapshot.read(reader, NOW, HOUSEHOLDS)


def scene(shown: snapshot.Snapshot, of: Consumer = DK1, kind: EngineKind = EngineKind.FOUND) -> Scene:
    return Scene(shown, of, EngineStatus(kind), NOW)


def view(scene: Scene, language: Language = EN) -> ForecastView:
    return forecast_view(scene.snapshot, scene.of, scene.engine, language, scene.now)


class Engine:
    """Answers requests as the engine would, when it is told to."""

    def __init__(self, reader: Reader, sheet: WhySheet | WhatIfSheet) -> None:
        self._reader, self._sheet = reader, sheet
        self.asked: list[Request] = []
        sheet.told.connect(self.asked.append)

    def answer(self) -> None:
        """Answer all that was asked."""
        for request in self.asked:
            self._sheet.deliver(Answer(request, document(self._reader, request)))
        self.asked.clear()


def document(reader: Reader, request: Request) -> Any:
    assert request.query is not None
    query = queries.parse_query(request.path, [(name, str(word)) for name, word in request.query.items()])
    ask = (reader, bundle_of, Consumer(query["area"], query["consumer_type"]), NOW)
    issued = clock.parse_utc(query["issue_time"])
    if request.path == "/v1/whatif":
        return whatif.imagine(*ask, whatif.change_of(query), issued).document()
    if request.path == "/v1/explain":
        return explaining.explain(*ask, None, issued).document()
    before = query["before"] and clock.parse_utc(query["before"])
    return explaining.changes(*ask, None, issued, before).document()


def words(sheet: QtWidgets.QWidget) -> str:
    return "\n".join(label.text() for label in sheet.findChildren(QtWidgets.QLabel) if label.isVisibleTo(sheet))


def cells(table: QtWidgets.QTableWidget) -> dict[str, list[str]]:
    rows = [[table.item(row, column).text() for column in range(table.columnCount())] for row in range(table.rowCount())]
    return {name: rest for name, *rest in rows}


def test_the_steps_of_an_hour_lead_to_its_forecast(qtbot: QtBot, reader: Reader, shown: snapshot.Snapshot) -> None:
    sheet = WhySheet(EN, LIGHT)
    qtbot.addWidget(sheet)
    engine = Engine(reader, sheet)
    sheet.show_hour(scene(shown), view(scene(shown)), HERE)
    assert "working on it" in words(sheet)
    engine.answer()
    told = cells(sheet.parts)
    assert list(told) == [
        *("Usual hour", "Recent load", "Special days", "Temperature", "Wind", "Sun, light, cloud", "What was learned"),
        "Forecast",
    ]
    issue = reader.forecast("DK1")
    assert issue is not None
    assert told["Forecast"][-1] == EN.number(float(issue.median[issue.valid_time == HERE][0]))
    assert told["Special days"][-1] == "0"
    assert list(cells(sheet.causes)) == [
        "Forecast before",
        "Time has passed",
        "New load",
        "New weather",
        "What was learned",
        "Forecast now",
    ]
    assert "Load known to" in words(sheet)
    assert "Same weather forecast" in words(sheet)
    assert "Usual hour" in sheet.parts.accessibleDescription()
    sheet.set_palette(DARK)
    assert not sheet.grab().isNull()


def test_other_hours_of_an_issue_are_told_without_asking_again(qtbot: QtBot, reader: Reader, shown: snapshot.Snapshot) -> None:
    sheet = WhySheet(DA, LIGHT)
    qtbot.addWidget(sheet)
    engine = Engine(reader, sheet)
    sheet.show_hour(scene(shown), view(scene(shown), DA), HERE)
    engine.answer()
    first = cells(sheet.parts)["Prognose"]
    sheet.show_hour(scene(shown), view(scene(shown), DA), HERE + 5 * HOUR)
    assert engine.asked == []
    assert cells(sheet.parts)["Prognose"] != first
    sheet.show_hour(scene(shown), view(scene(shown), DA), NOW - 30 * DAY)
    assert "ikke med i prognosen" in words(sheet)
    assert not sheet.parts.isVisibleTo(sheet)


def test_another_consumer_or_earlier_issue_is_asked_about_and_a_late_answer_is_dropped(
    qtbot: QtBot, reader: Reader, shown: snapshot.Snapshot
) -> None:
    sheet = WhySheet(EN, LIGHT)
    qtbot.addWidget(sheet)
    engine = Engine(reader, sheet)
    sheet.show_hour(scene(shown), view(scene(shown)), HERE)
    late = list(engine.asked)
    engine.asked.clear()
    sheet.show_hour(scene(shown, HOUSEHOLDS), view(scene(shown, HOUSEHOLDS)), HERE)
    for request in late:
        sheet.deliver(Answer(request, document(reader, request)))
    assert "working on it" in words(sheet)
    engine.answer()
    assert "The grid around" in cells(sheet.parts)
    sheet.earlier.setCurrentIndex(2)
    assert [request.path for request in engine.asked] == ["/v1/explain/changes"]
    assert engine.asked[0].query is not None
    assert engine.asked[0].query["before"] == clock.iso(NOW - DAY)


def test_why_there_are_no_reasons_is_said(qtbot: QtBot, shown: snapshot.Snapshot) -> None:
    sheet = WhySheet(EN, LIGHT)
    qtbot.addWidget(sheet)
    sheet.show_hour(scene(shown, kind=EngineKind.ABSENT), view(scene(shown)), HERE)
    assert "Only a running engine" in words(sheet)
    requests: list[Request] = []
    sheet.told.connect(requests.append)
    sheet.show_hour(scene(shown), view(scene(shown)), HERE)
    for request in requests:
        sheet.deliver(Answer(request, refusal=Expected("The bundle is gone.", "Put it back.")))
    assert "The bundle is gone. Put it back." in words(sheet)
    nobody = scene(snapshot.Snapshot(NOW))
    sheet.show_hour(nobody, view(nobody), HERE)
    assert "no forecast to explain" in words(sheet)


def explained(**more: float | None) -> dict[str, Any]:
    parts = dict.fromkeys(("usual", "load", "around", "calendar", "temperature", "wind", "light", "learned", "adjusted"), 0.0)
    row = {"valid_time": clock.iso(HERE), **parts, "around": None, "usual": 100.0, "published": 130.0} | more
    return {"remade": False, "rows": [row]}


def test_bars_begin_where_the_one_before_ended_and_keep_in_the_row() -> None:
    found = why_view(explained(load=50.0, wind=-20.0), HERE, Scale(), EN)
    assert found is not None
    assert found.summary == "+30.0\u00a0MWh against a usual hour."
    assert "changed since" in found.note
    places = [(step.start, step.end) for step in found.steps]
    assert all(0 <= place <= 1 for pair in places for place in pair)
    assert all(before[1] == after[0] for before, after in itertools.pairwise(places))
    assert [step.value for step in found.steps[:2]] == ["100.0", "+50.0"]
    assert why_view(explained(published=100.0), HERE, Scale(), EN) is not None, "nothing moves"
    assert why_view(explained(), HERE + HOUR, Scale(), EN) is None


def test_kilowatt_hours_and_another_model_are_told() -> None:
    found = why_view(explained(usual=0.1, load=0.03, published=0.13), HERE, Scale("kWh", 1000.0, 0), DA)
    assert found is not None
    assert found.summary == "+30,0\u00a0kWh mod en sædvanlig time."
    causes: dict[str, float | None] = dict.fromkeys(("time", "load", "weather", "learned", "adjusted"), 0.0) | {
        "around": None,
        "model": 5.0,
    }
    made = {"newest_load": None, "newest_weather": clock.iso(NOW)}
    changes = {
        "before": {"issue_time": clock.iso(NOW - HOUR), "model_id": "old", **made},
        "model_id": "new",
        **made,
        "rows": [{"valid_time": clock.iso(HERE), "before": 100.0, **causes, "published": 105.0}],
    }
    told = changes_view(changes, HERE, Scale(), EN, NOW)
    assert told is not None
    assert [step.name for step in told.steps if step.value == "+5.0"] == ["Other model"]
    assert told.inputs == ("Same weather forecast: of 10:00.", "Another model: new.")


@pytest.fixture
def imagining(qtbot: QtBot, reader: Reader, shown: snapshot.Snapshot) -> tuple[WhatIfSheet, Engine, list[Overlay | None]]:
    sheet = WhatIfSheet(EN, LIGHT)
    qtbot.addWidget(sheet)
    drawn: list[Overlay | None] = []
    sheet.drawn.connect(drawn.append)
    engine = Engine(reader, sheet)
    sheet.show_hour(scene(shown), view(scene(shown)), HERE)
    return sheet, engine, drawn


def test_a_change_is_asked_about_once_it_rests_and_drawn_beside_the_curve(
    qtbot: QtBot, imagining: tuple[WhatIfSheet, Engine, list[Overlay | None]]
) -> None:
    sheet, engine, drawn = imagining
    assert engine.asked == []
    assert "Nothing is stored" in words(sheet)
    for steps in range(-1, -11, -1):
        sheet.temperature.slider.setValue(steps)
    assert sheet.temperature.value == -5.0
    qtbot.waitUntil(lambda: bool(engine.asked))
    assert len(engine.asked) == 1
    assert engine.asked[0].query is not None
    assert engine.asked[0].query["temperature_k"] == -5.0
    engine.answer()
    assert drawn[-1] is not None
    assert drawn[-1].style == "ghost"
    told = cells(sheet.table)
    assert list(told) == ["The hour", "Peak, 24 h", "– at", "Sum, 24 h"]
    assert told["The hour"][2].startswith("+")
    sheet.reset.click()
    assert drawn[-1] is None
    assert sheet.temperature.value == 0.0
    assert not sheet.reset.isEnabled()


def test_a_day_and_a_block_of_load_stay_with_the_hour_they_were_given_at(
    qtbot: QtBot, shown: snapshot.Snapshot, imagining: tuple[WhatIfSheet, Engine, list[Overlay | None]]
) -> None:
    sheet, engine, _ = imagining
    sheet.kind.setCurrentIndex(1)
    sheet.extra.setValue(100.0)
    sheet.hours.setValue(4)
    sheet.show_hour(scene(shown), view(scene(shown)), HERE + 2 * DAY)
    assert sheet.kind.currentIndex() == 0, "another day"
    qtbot.waitUntil(lambda: bool(engine.asked))
    query = engine.asked[-1].query
    assert query is not None
    assert query["free"] == clock.local(HERE).date().isoformat()
    assert (query["start"], query["end"]) == (clock.iso(HERE), clock.iso(HERE + 4 * HOUR))
    engine.answer()
    assert sheet.table.isVisibleTo(sheet)
    sheet.show_hour(scene(shown, HOUSEHOLDS), view(scene(shown, HOUSEHOLDS)), HERE)
    assert sheet.extra.value() == 0.0
    assert not sheet.table.isVisibleTo(sheet)


def test_what_is_not_known_to_the_model_is_said() -> None:
    row = {"valid_time": clock.iso(HERE), "published": 4000.0, "p50": 4000.2}
    answer = {"rows": [row], "answers_to": ["calendar"]}
    wish = Wish(temperature_k=-2.0, days={dt.date(2026, 11, 24): "free"})
    found = what_if_view(answer, wish, HERE, Scale(), EN, NOW)
    assert found.note == "The model of this issue does not know: temperature."
    assert found.rows[0].difference == "0"
    assert wish.query == {"temperature_k": -2.0, "free": "2026-11-24"}
    assert Wish().query == {}


def test_every_control_has_a_name(imagining: tuple[WhatIfSheet, Engine, list[Overlay | None]]) -> None:
    sheet, _, _ = imagining
    for widget in sheet.findChildren(QtWidgets.QWidget):
        if widget.focusPolicy() != QtCore.Qt.FocusPolicy.NoFocus and not isinstance(widget.parent(), QtWidgets.QAbstractSpinBox):
            named = widget.accessibleName() or (isinstance(widget, QtWidgets.QPushButton) and widget.text())
            assert named or isinstance(widget, QtWidgets.QAbstractItemView | QtWidgets.QHeaderView), widget
