"""The page of adjustments: what can be chosen, what it would do, how an order goes to the engine, and what was decided before."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import filled_store
import numpy as np
import pytest
from filled_store import NOW
from PySide6 import QtCore, QtWidgets
from pytestqt.qtbot import QtBot
from test_adjusting import made

from app import adjustments_snapshot, present, snapshot, theme
from app.adjust_sheet import AdjustSheet
from app.engine_link import Answer, Request
from app.hour_box import HourBox
from app.models_view import DecisionDialog
from app.pane import Question, Scene
from app.present import Sketch, adjust_view, forecast_view, hour_rows
from app.sheet import Overlay
from app.snapshot import EngineKind, EngineStatus, Snapshot
from app.theme import LIGHT
from app.translations import Language
from engine import clock
from engine.adjusting import Act
from engine.domain import DAY, HOUR, Consumer, Expected
from engine.store import Reader, Writer
from engine.store.decisions import AdjustedHour

DA, EN = Language("da"), Language("en")
RUNS, ABSENT = EngineStatus(EngineKind.OURS), EngineStatus(EngineKind.ABSENT)
FIRST = clock.floor_hour(NOW) + HOUR
HOUSEHOLDS = Consumer("1082", "household")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """DK1 is adjusted twice: once for the hours to come, once for hours that are scored."""
    path = filled_store.fill(tmp_path_factory.mktemp("filled"), days=20, late=True) / "lastvagt.sqlite"
    writer = Writer(path)
    past = {"valid_start": FIRST - 6 * HOUR, "valid_end": FIRST - 4 * HOUR, "expires_at": FIRST - 4 * HOUR}
    old = made("DK1", made_at=NOW - DAY, amount=-40.0, who="lb", reason="stålværket står stille", **past)
    number = writer.decisions.put_adjustment(old).adjustment_id
    writer.decisions.put_scores([AdjustedHour(number, FIRST - 6 * HOUR, 3000.0, 3050.0, 3010.0)])
    future = {"valid_start": FIRST + 2 * HOUR, "valid_end": FIRST + 4 * HOUR, "expires_at": FIRST + 4 * HOUR}
    writer.decisions.put_adjustment(made("DK1", made_at=NOW - 600, amount=150.0, who="kmj", reason="prøvekørsel", **future))
    writer.close()
    return path


@pytest.fixture(scope="module")
def reader(database: Path) -> Iterator[Reader]:
    made = Reader(database)
    yield made
    made.close()


DK1 = Consumer("DK1")


def scene(reader: Reader, of: Consumer = DK1, engine: EngineStatus = RUNS) -> Scene:
    return Scene(snapshot.read(reader, NOW, of), of, engine, NOW)


@pytest.fixture
def sheet(qtbot: QtBot, qapp: QtWidgets.QApplication, reader: Reader) -> AdjustSheet:
    theme.apply(qapp, LIGHT)
    sheet = AdjustSheet(EN, LIGHT)
    qtbot.addWidget(sheet)
    sheet.resize(320, 700)
    sheet.asked.connect(lambda question: sheet.take_found(question.name, question.read(reader, NOW)))
    sheet.show()
    return sheet


def show(sheet: AdjustSheet, seen: Scene, hour: int = FIRST + HOUR) -> None:
    sheet.show_hour(seen, forecast_view(seen.snapshot, seen.of, seen.engine, EN, seen.now), hour)


def words(widget: QtWidgets.QWidget) -> str:
    return "\n".join(label.text() for label in widget.findChildren(QtWidgets.QLabel) if not label.isHidden())


def test_the_published_curve_is_a_layer_of_its_own(reader: Reader) -> None:
    for of, changed in ((Consumer("DK1"), 2), (Consumer("DK"), 2), (Consumer("DK2"), 0), (HOUSEHOLDS, 0)):
        seen = scene(reader, of)
        view = forecast_view(seen.snapshot, of, RUNS, EN, NOW)
        if not changed:
            assert len(view.adjusted) == 0
            continue
        difference = view.adjusted - view.median
        assert np.count_nonzero(difference > 0) == changed
        assert np.count_nonzero(difference == 0) == 2  # an hour on either side, so that a line leaves the median and comes back
        assert "Adjustments in it: 1." in view.summary
        names = [row.name for row in hour_rows(view, FIRST + 2 * HOUR, EN)]
        assert "Adjusted, published" in names
        assert present.read_out(view, FIRST + 2 * HOUR, EN).median.endswith("(adjusted)")
        assert "Adjusted, published" not in [row.name for row in hour_rows(view, FIRST, EN)]


def test_the_hour_page_tells_what_is_published_and_its_risk(reader: Reader) -> None:
    seen, hour = scene(reader), FIRST + 2 * HOUR
    official = seen.snapshot.consumers[DK1].official
    assert official is not None
    place = int((hour - official.valid_time[0]) // HOUR)
    limit = float(official.median[place])
    view = dataclasses.replace(forecast_view(seen.snapshot, DK1, RUNS, EN, NOW), limit=limit)
    told = {row.name: row.value for row in hour_rows(view, hour, EN)}
    assert told["P50"] == told["Adjusted, published"] == EN.quantity(limit, "MWh", view.scale.decimals)
    assert told["The model's own median"] == EN.quantity(limit - 150.0, "MWh", view.scale.decimals)
    assert told[f"Above the limit {told['P50']}"] == EN.quantity(50.0, "%", 1), "a median is exceeded half of the time"


def test_what_can_be_chosen_is_what_the_engine_takes(reader: Reader) -> None:
    seen = scene(reader)
    view = adjust_view(seen.snapshot, adjustments_snapshot.read(reader, NOW, Consumer("DK1")), RUNS, EN, NOW)
    assert (view.bounds.first, view.bounds.last) == (FIRST, FIRST - HOUR + 8 * DAY)
    forecast = seen.snapshot.consumers[Consumer("DK1")].forecast
    assert forecast is not None
    assert view.bounds.most_added == int(forecast.median.mean() / 2)
    assert view.closed == ""
    assert (
        "No engine runs" in adjust_view(seen.snapshot, adjustments_snapshot.AdjustmentsSnapshot(seen.of), ABSENT, EN, NOW).closed
    )
    nothing = adjust_view(Snapshot(NOW), adjustments_snapshot.AdjustmentsSnapshot(seen.of), RUNS, DA, NOW)
    assert nothing.closed == "Der er ingen prognose at justere endnu."


def test_lines_tell_how_things_stand_and_what_it_was_worth(reader: Reader) -> None:
    seen = scene(reader)
    view = adjust_view(seen.snapshot, adjustments_snapshot.read(reader, NOW, Consumer("DK1")), RUNS, DA, NOW)
    new, old = view.lines
    assert new.active
    assert not old.active
    assert new.what.startswith("+150\u00a0MWh")
    assert old.words.endswith("lb: stålværket står stille. sparede 40\u00a0MWh fejl over 1\u00a0t")
    assert view.operators == ("lb: sparede 40\u00a0MWh fejl over 1\u00a0t",)
    whole = adjust_view(seen.snapshot, adjustments_snapshot.read(reader, NOW, Consumer("DK")), RUNS, EN, NOW)
    assert [line.whose for line in whole.lines] == 2 * ["Western Denmark (DK1)"]
    assert adjust_view(seen.snapshot, adjustments_snapshot.read(reader, NOW, Consumer("DK2")), RUNS, EN, NOW).lines == ()


@pytest.mark.parametrize("of", [Consumer("DK1"), HOUSEHOLDS, filled_store.OWN])
def test_a_preview_shows_the_change_in_the_unit_on_screen(reader: Reader, of: Consumer) -> None:
    seen = scene(reader, of)
    view = forecast_view(seen.snapshot, of, RUNS, EN, NOW)
    sketch = Sketch(Act.MULTIPLY, 10.0, FIRST + 20 * HOUR, FIRST + 23 * HOUR, FIRST + 23 * HOUR)
    found = present.preview(seen.snapshot, of, sketch, EN, NOW)
    inside = np.isfinite(found.value)
    assert inside.sum() == 3
    assert np.allclose(found.value[inside], 1.1 * view.median[inside])
    assert view.scale.unit in found.sentence
    nothing = dataclasses.replace(sketch, amount=0.0)
    assert present.preview(seen.snapshot, of, nothing, DA, NOW).sentence == "Vælg, hvor meget der skal ændres."
    beyond = dataclasses.replace(sketch, start=FIRST + 180 * HOUR, end=FIRST + 183 * HOUR)
    assert "does not reach" in present.preview(seen.snapshot, of, beyond, EN, NOW).sentence


def test_the_form_begins_with_the_hour_that_is_looked_at_until_something_is_written(sheet: AdjustSheet, reader: Reader) -> None:
    seen = scene(reader)
    show(sheet, seen)
    assert (sheet.start.time, sheet.end.time, sheet.expires.time) == (FIRST + HOUR, FIRST + 4 * HOUR, FIRST + 4 * HOUR)
    show(sheet, seen, NOW - DAY)
    assert sheet.start.time == FIRST  # what has begun cannot be adjusted
    sheet.amount.setValue(30)
    show(sheet, seen, FIRST + 9 * HOUR)
    assert sheet.start.time == FIRST
    sheet.start.set_time(FIRST + 12 * HOUR)
    assert sheet.end.time == FIRST + 13 * HOUR
    show(sheet, scene(reader, Consumer("DK2")))
    assert sheet.amount.value() == 0


def test_an_adjustment_is_previewed_and_sent_with_its_reason(sheet: AdjustSheet, reader: Reader, qtbot: QtBot) -> None:
    drawn: list[Overlay | None] = []
    sheet.drawn.connect(drawn.append)
    show(sheet, scene(reader))
    assert not sheet.apply.isEnabled()
    sheet.amount.setValue(-80)
    assert drawn[-1] is not None
    assert drawn[-1].style == "published"
    assert not sheet.apply.isEnabled()
    qtbot.keyClicks(sheet.reason, "works stand still")
    assert sheet.apply.isEnabled()
    with qtbot.waitSignal(sheet.told) as sent:
        qtbot.mouseClick(sheet.apply, QtCore.Qt.MouseButton.LeftButton)
    request: Request = sent.args[0]
    assert request.path == "/v1/adjustments/make"
    assert request.words == {
        "area": "DK1",
        "consumer_type": "total",
        "act": "add",
        "amount": -80.0,
        "valid_start": clock.iso(FIRST + HOUR),
        "valid_end": clock.iso(FIRST + 4 * HOUR),
        "expires_at": clock.iso(FIRST + 4 * HOUR),
        "reason": "works stand still",
    }
    assert "Asking the engine" in words(sheet)
    sheet.deliver(Answer(request, refusal=Expected("The disk is full.", "Free some.")))
    assert "The disk is full. Free some." in words(sheet)
    assert sheet.reason.text() == "works stand still"
    document = {
        "valid_start": clock.iso(FIRST),
        "valid_end": clock.iso(FIRST + HOUR),
        "act": "add",
        "amount": -80.0,
        "state": "active",
    }
    sheet.deliver(Answer(request, document))
    assert "Done: −80\u00a0MWh" in words(sheet)
    assert sheet.reason.text() == ""
    assert drawn[-1] is None


def test_percent_and_kwh_become_what_the_engine_wants(sheet: AdjustSheet, reader: Reader) -> None:
    seen = scene(reader, filled_store.OWN)
    show(sheet, seen)
    scale = forecast_view(seen.snapshot, filled_store.OWN, RUNS, EN, NOW).scale
    assert scale.unit == "kWh"
    sheet.amount.setValue(50)
    assert sheet.sketch.engine_amount(scale) == pytest.approx(0.05)
    sheet.act.setCurrentIndex(1)
    assert sheet.amount.suffix() == "\u00a0%"
    sheet.amount.setValue(-4)
    assert sheet.sketch.engine_amount(scale) == pytest.approx(0.96)


def test_one_in_force_is_withdrawn_after_it_was_asked_about(sheet: AdjustSheet, reader: Reader, qtbot: QtBot) -> None:
    show(sheet, scene(reader))
    assert sheet.made.count() == 2
    assert sheet.withdraw.isEnabled()

    def work() -> None:
        dialog = QtWidgets.QApplication.activeModalWidget()
        assert isinstance(dialog, DecisionDialog)
        qtbot.keyClicks(dialog.reason, "over")
        qtbot.mouseClick(dialog.decide, QtCore.Qt.MouseButton.LeftButton)

    QtCore.QTimer.singleShot(50, work)
    with qtbot.waitSignal(sheet.told) as sent:
        qtbot.mouseClick(sheet.withdraw, QtCore.Qt.MouseButton.LeftButton)
    assert sent.args[0] == Request("AdjustSheet", "/v1/adjustments/withdraw", {"adjustment_id": 2, "reason": "over"})
    sheet.made.setCurrentRow(1)
    assert not sheet.withdraw.isEnabled()


def test_without_an_engine_it_is_read_only_and_says_why(sheet: AdjustSheet, reader: Reader) -> None:
    show(sheet, scene(reader, engine=ABSENT))
    sheet.amount.setValue(10)
    sheet.reason.setText("x")
    assert not sheet.apply.isEnabled()
    assert not sheet.withdraw.isEnabled()
    assert "lastvagt-engine adjust can" in words(sheet)
    show(sheet, Scene(Snapshot(NOW), Consumer("DK2"), RUNS, NOW))
    assert "no forecast to adjust" in words(sheet)


def test_everything_that_takes_the_keys_has_a_name(sheet: AdjustSheet, reader: Reader) -> None:
    show(sheet, scene(reader))
    fields = [
        sheet.start,
        sheet.end,
        sheet.act,
        sheet.amount,
        sheet.expires,
        sheet.reason,
        sheet.apply,
        sheet.made,
        sheet.withdraw,
    ]
    assert all(field.accessibleName() for field in fields)
    order, at = [], sheet.start
    for _ in range(60):
        at = at.nextInFocusChain()
        order += [field for field in fields if field is at]
    assert order[: len(fields) - 1] == fields[1:]
    assert sheet.made.item(0).data(QtCore.Qt.ItemDataRole.AccessibleTextRole).startswith("+150")


def test_an_hour_box_moves_by_hours_and_days_and_knows_both_hours_of_the_autumn_night(qtbot: QtBot) -> None:
    box = HourBox(DA, "Fra")
    qtbot.addWidget(box)
    night = clock.parse_utc("2026-10-24T23:00Z")
    box.set_bounds(night, night + 3 * DAY)
    box.set_time(night)
    seen = [box.text()]
    for _ in range(3):
        qtbot.keyClick(box, QtCore.Qt.Key.Key_Up)
        seen.append(box.text())
    assert [text[-6:] for text in seen] == [" 01:00", "02a:00", "02b:00", " 03:00"]
    qtbot.keyClick(box, QtCore.Qt.Key.Key_PageUp)
    assert box.time == night + 27 * HOUR
    qtbot.keyClick(box, QtCore.Qt.Key.Key_PageDown)
    assert box.time == night + 3 * HOUR


def test_a_question_is_asked_once_a_snapshot(qtbot: QtBot, reader: Reader) -> None:
    sheet, asked = AdjustSheet(EN, LIGHT), list[Question]()
    qtbot.addWidget(sheet)
    sheet.asked.connect(asked.append)
    seen = scene(reader)
    for hour in range(3):
        show(sheet, seen, FIRST + hour * HOUR)
    assert len(asked) == 1
    sheet.take_found(asked[0].name, Expected("gone", "wait"))
    assert sheet.made.count() == 0
