"""The view of settings: every setting is explained in both languages, checked where it stands, and saved by the engine."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from filled_store import NOW
from PySide6 import QtCore, QtWidgets
from pytestqt.qtbot import QtBot

from app import present, snapshot, theme
from app.engine_link import Answer, Request
from app.pane import Question, Scene
from app.preferences import Preferences
from app.present import Field
from app.settings_view import FieldRow, SettingsPane
from app.snapshot import PRICE_AREAS, EngineKind, EngineStatus
from app.theme import LIGHT
from app.translations import Language
from app.translations.settings import TEXTS
from engine import settings, site, vault
from engine.config import Config, Outside
from engine.domain import Expected
from engine.store import Reader, Writer

DA, EN = Language("da"), Language("en")
RUNS, ABSENT = EngineStatus(EngineKind.OURS), EngineStatus(EngineKind.ABSENT)
CHANGE = "/v1/settings/change"


@pytest.fixture(autouse=True)
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Outside:
    monkeypatch.setattr(vault, "_keyring", lambda: None)
    Writer(tmp_path / "lastvagt.sqlite").close()
    return Outside(words={"data_dir": tmp_path})


def documents(outside: Outside, running: Config | None = None) -> list[dict[str, object]]:
    return [each.document() for each in settings.listed(outside, running)]


def fields(outside: Outside, language: Language = EN, runs: bool = True, running: Config | None = None) -> dict[str, Field]:
    sections = present.settings_view(documents(outside, running), Preferences(), tuple(theme.PALETTES), runs, language)
    return {field.name: field for section in sections for field in section.fields}


def test_every_setting_has_a_name_and_a_sentence_in_both_languages() -> None:
    for name in (field.name for field in dataclasses.fields(Config)):
        danish, english = TEXTS[f"setting.{name}_help"]
        assert english == Config.help_of(name)
        assert danish.strip()
        assert danish != english
        assert all(TEXTS[f"setting.{name}"])


def test_every_setting_stands_in_one_section(outside: Outside) -> None:
    names = list(fields(outside))
    assert sorted(names) == sorted(
        [*(field.name for field in dataclasses.fields(Config)), "language", "theme", "unit", "inspector", "weather", "naive"]
    )


def test_a_field_tells_where_its_value_comes_from(outside: Outside) -> None:
    assert fields(outside)["contact"].state == "Built in"
    assert fields(outside)["port"].state == "Built in. Counts from the engine's next start"
    settings.change(outside, "fetch_regions", "yes")
    changed = fields(outside, DA)["fetch_regions"]
    assert (changed.value, changed.can_reset, changed.state) == (True, True, "Ændret i datamappen; ellers: fra")
    overruled = dataclasses.replace(outside, environment={"LASTVAGT_CONTACT": "me"})
    field = fields(overruled)["contact"]
    assert not field.open
    assert field.state == "Given by the environment variable LASTVAGT_CONTACT, which overrules: cannot be changed here"
    assert not fields(outside, runs=False)["contact"].open
    assert not fields(outside)["data_dir"].open
    running = outside.config()
    settings.change(outside, "port", "9000")
    assert fields(outside, running=running)["port"].calls


def test_what_the_site_sets_is_told_and_what_it_requires_is_closed(
    outside: Outside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site, "folders", lambda: (tmp_path / "the site",))
    (tmp_path / "the site").mkdir()
    path = tmp_path / "the site" / "site.toml"
    path.write_text("[default]\nweather_every_h = 3\nentsoe_token = 'x'\n[required]\nnetwork = false\n")
    shown = fields(outside)
    assert (shown["network"].open, shown["network"].value) == (False, False)
    assert shown["network"].state == f"Set by your organisation in {path}: cannot be changed here"
    assert (shown["weather_every_h"].open, shown["weather_every_h"].hint) == (True, "3")
    assert shown["weather_every_h"].state == f"Recommended by your organisation in {path}"
    assert shown["entsoe_token"].state.startswith("Recommended by your organisation in")
    settings.change(outside, "weather_every_h", "4")
    assert fields(outside, DA)["weather_every_h"].state == "Ændret i datamappen; ellers: 3"


def test_a_secret_is_never_shown_and_tells_where_it_is_kept(outside: Outside) -> None:
    assert fields(outside)["entsoe_token"].state == "Not set"
    settings.change(outside, "entsoe_token", "5e95fc18")
    field = fields(outside)["entsoe_token"]
    assert (field.value, field.state) == ("", "Set; kept in secrets.toml in the data folder")
    assert "5e95fc18" not in str(fields(outside))


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("weather_every_h", "0", "Write a whole number from 1 to 24."),
        ("port", "x", "Write a whole number from 0 to 65,535."),
        ("entsoe_url", "example.org", "Write an address like https://host.org."),
        ("peak_limits", "DK1", "Write limits in MWh like DK1=3400, 851/household=120."),
        ("contact", "anything", ""),
        ("port", "9000", ""),
    ],
)
def test_what_is_wrong_is_told_while_it_is_written(outside: Outside, name: str, value: str, words: str) -> None:
    assert present.wrong(fields(outside)[name], value, EN) == words


@pytest.fixture
def pane(qtbot: QtBot, qapp: QtWidgets.QApplication, tmp_path: Path, outside: Outside) -> Iterator[SettingsPane]:
    theme.apply(qapp, LIGHT)
    made = SettingsPane(EN, LIGHT)
    qtbot.addWidget(made)
    reader = Reader(tmp_path / "lastvagt.sqlite")

    def find(question: Question) -> None:
        made.take_found(question.name, question.read(reader, NOW))

    def answer(request: Request) -> None:
        """As a running engine does."""
        try:
            if request.words is None:
                document: object = {"folder": "", "settings": documents(outside)}
            else:
                settings.change(outside, str(request.words["name"]), request.words["value"])  # type: ignore[arg-type]
                document = next(each for each in documents(outside) if each["name"] == request.words["name"])
            made.deliver(Answer(request, document))
        except Expected as refusal:
            made.deliver(Answer(request, refusal=refusal))

    made.asked.connect(find)
    made.told.connect(answer)
    made.resize(1200, 700)
    made.show()
    show(made, reader, RUNS)
    yield made
    reader.close()


def row_of(pane: SettingsPane, section: str, name: str) -> FieldRow:
    pane.open_section(section)
    return pane.rows[name]


def show(pane: SettingsPane, reader: Reader, engine: EngineStatus) -> None:
    pane.show_scene(Scene(snapshot.read(reader, NOW), PRICE_AREAS[0], engine, NOW))


def test_a_line_is_saved_with_enter_and_taken_back(pane: SettingsPane, qtbot: QtBot, outside: Outside) -> None:
    row = row_of(pane, "sources", "weather_every_h")
    assert isinstance(row.editor, QtWidgets.QLineEdit)
    row.editor.setText("")
    qtbot.keyClicks(row.editor, "99")
    assert not row.save.isEnabled()
    qtbot.keyClick(row.editor, QtCore.Qt.Key.Key_Return)
    assert outside.config().weather_every_h == 6
    row.editor.setText("")
    qtbot.keyClicks(row.editor, "3")
    qtbot.keyClick(row.editor, QtCore.Qt.Key.Key_Return)
    assert outside.config().weather_every_h == 3
    assert not row.save.isEnabled()
    assert not row.reset.isHidden()
    row.reset.click()
    assert outside.config().weather_every_h == 6
    assert row.editor.text() == "6"


def test_a_switch_is_saved_at_once_and_a_refusal_takes_it_back(pane: SettingsPane, outside: Outside) -> None:
    row = row_of(pane, "areas", "fetch_regions")
    assert isinstance(row.editor, QtWidgets.QCheckBox)
    row.editor.click()
    assert outside.config().fetch_regions
    pane.deliver(
        Answer(Request("SettingsPane", CHANGE, {"name": "fetch_regions", "value": "false"}), refusal=Expected("No.", "Wait."))
    )
    assert row.editor.isChecked()
    assert "Not saved: No. Wait." in [label.text() for label in row.findChildren(QtWidgets.QLabel)]


def test_a_secret_is_typed_unseen_and_gone_from_the_screen_once_saved(pane: SettingsPane, qtbot: QtBot, outside: Outside) -> None:
    row = row_of(pane, "sources", "entsoe_token")
    assert isinstance(row.editor, QtWidgets.QLineEdit)
    assert row.editor.echoMode() is QtWidgets.QLineEdit.EchoMode.Password
    qtbot.keyClicks(row.editor, "5e95fc18")
    qtbot.keyClick(row.editor, QtCore.Qt.Key.Key_Return)
    assert outside.config().entsoe_token == "5e95fc18"
    assert row.editor.text() == ""


def test_what_is_being_written_outlives_new_data(pane: SettingsPane, qtbot: QtBot, tmp_path: Path) -> None:
    row = row_of(pane, "sources", "contact")
    assert isinstance(row.editor, QtWidgets.QLineEdit)
    qtbot.keyClicks(row.editor, "me@exam")
    reader = Reader(tmp_path / "lastvagt.sqlite")
    show(pane, reader, RUNS)
    reader.close()
    assert row.editor.text() == "me@exam"
    assert pane.rows["contact"] is row


def test_without_an_engine_it_can_be_read_and_not_changed(pane: SettingsPane, tmp_path: Path) -> None:
    reader = Reader(tmp_path / "lastvagt.sqlite")
    show(pane, reader, ABSENT)
    reader.close()
    row = row_of(pane, "program", "port")
    assert isinstance(row.editor, QtWidgets.QLineEdit)
    assert row.editor.isReadOnly()
    assert row.editor.text() == "8787"
    assert row.save.isHidden()
    assert row_of(pane, "window", "language").editor.isEnabled()


def test_with_a_token_that_only_reads_the_reason_is_told(pane: SettingsPane, tmp_path: Path) -> None:
    reader = Reader(tmp_path / "lastvagt.sqlite")
    show(pane, reader, EngineStatus(EngineKind.CONNECTED, "https://host", orders=False))
    reader.close()
    assert not row_of(pane, "areas", "fetch_regions").editor.isEnabled()
    assert EN.text("engine.read_only_why") in [label.text() for label in pane.findChildren(QtWidgets.QLabel)]


def test_the_window_is_liked_another_way_at_once(pane: SettingsPane, qtbot: QtBot) -> None:
    box = pane.rows["theme"].editor
    assert isinstance(box, QtWidgets.QComboBox)
    with qtbot.waitSignal(pane.liked) as liked:
        box.setCurrentIndex(box.findData("dark"))
        box.activated.emit(box.currentIndex())
    assert liked.args == [{"theme": "dark"}]
    with qtbot.waitSignal(pane.liked) as liked:
        pane.rows["weather"].editor.click()  # type: ignore[attr-defined]
    assert liked.args == [{"weather": False}]


def test_everything_that_takes_the_focus_has_a_name(pane: SettingsPane) -> None:
    for section in ("window", "areas", "sources", "limits", "retention", "models", "program"):
        pane.open_section(section)
    widgets = [w for w in pane.findChildren(QtWidgets.QWidget) if w.focusPolicy() & QtCore.Qt.FocusPolicy.TabFocus]
    assert len(widgets) > 40
    assert [type(w).__name__ for w in widgets if not w.accessibleName()] == []
