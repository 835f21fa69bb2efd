"""How one finds a consumer among all: by the tree, by part of a name, and with nothing but keys."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from filled_store import NOW
from hypothesis import given
from hypothesis import strategies as st
from PySide6 import QtCore, QtWidgets
from pytestqt.qtbot import QtBot

from app import theme
from app.area_panel import AreaPanel
from app.present import Group, choices, find
from app.theme import LIGHT
from app.translations import Language
from engine import geography
from engine.domain import Consumer
from engine.geography import Kind

DA, EN = Language("da"), Language("en")
REGIONS = [Consumer(area, each) for area in geography.of_kind(Kind.REGION, NOW) for each in geography.REGION_TYPES]
MUNICIPALITIES = [Consumer(area, "household") for area in geography.of_kind(Kind.MUNICIPALITY)]
OTHERS = [Consumer("DK1-bryggeri"), Consumer("DK", "dk36-PR"), Consumer("DK1-740"), Consumer("851", "plant")]
KNOWN = geography.known_consumers([*REGIONS, *MUNICIPALITIES, *OTHERS], NOW)
Keys = QtCore.Qt.Key


def _walk(groups: tuple[Group, ...]) -> Iterator[Group]:
    for group in groups:
        yield group
        yield from _walk(group.parts)


def _names(words: str, language: Language = DA) -> list[str]:
    return [group.name for group in find(KNOWN, words, language)]


def test_every_consumer_stands_in_the_tree_once() -> None:
    listed = [group.of for group in _walk(choices(KNOWN, DA)) if group.of is not None]
    assert sorted(listed) == sorted(KNOWN)


def test_the_tree_goes_from_denmark_to_municipalities_and_own_series_are_apart() -> None:
    denmark, own = choices(KNOWN, DA)
    assert (denmark.name, own.name) == ("Danmark", "Egne serier")
    assert {group.of for group in own.parts} == {Consumer("DK1-bryggeri"), Consumer("851", "plant")}
    west = denmark.parts[3]
    assert (west.name, west.of) == ("Vestdanmark (DK1)", Consumer("DK1"))
    north = next(part for part in west.parts if part.name == "Region Nordjylland")
    assert north.of == Consumer("1081")
    assert [part.name for part in north.parts[:4]] == ["Husholdninger", "Erhverv", "Offentlig", "Brønderslev · Husholdninger"]
    assert north.parts[-1].name == "Aalborg · Husholdninger", "aa is sorted as å, which comes last"
    assert {group.name for group in _walk((denmark,)) if group.of is None} == {"Brancher", "Netområder"}


@pytest.mark.parametrize("words", ["aal", "ål", "AAL", "aalborg hus", "851", "ålborg"])
def test_danish_letters_and_part_of_a_name_find_aalborg(words: str) -> None:
    assert "Aalborg · Husholdninger" in _names(words)


@pytest.mark.parametrize("words", ["københavn", "koebenhavn", "kobenhavn", "KØBEN"])
def test_a_name_is_found_with_and_without_its_letters(words: str) -> None:
    assert "København · Husholdninger" in _names(words)


def test_names_of_both_languages_are_known_and_what_has_a_word_that_begins_so_comes_first() -> None:
    assert _names("midt hus") == ["Region Midtjylland · Husholdninger", "Faaborg-Midtfyn · Husholdninger"]
    assert "Central Denmark Region · Households" in _names("midtjylland", EN)
    assert [name.split()[0] for name in _names("sor")] == ["Sorø"]
    assert _names("no such place") == []


@given(st.text(max_size=12))
def test_any_words_can_be_looked_for(words: str) -> None:
    found = [group.of for group in find(KNOWN, words, DA)]
    assert len(set(found)) == len(found)
    assert set(found) <= set(KNOWN)


@given(st.sampled_from(KNOWN), st.data())
def test_a_consumer_is_found_by_any_part_of_its_name(of: Consumer, data: st.DataObject) -> None:
    name = geography.title(of, "da")
    start = data.draw(st.integers(0, len(name) - 1))
    part = name[start : data.draw(st.integers(start + 1, len(name)))]
    assert of in [group.of for group in find(KNOWN, part, DA)]


@pytest.fixture
def panel(qtbot: QtBot, qapp: QtWidgets.QApplication) -> AreaPanel:
    theme.apply(qapp, LIGHT)
    made = AreaPanel(DA)
    qtbot.addWidget(made)
    made.resize(300, 700)
    made.list.set_known(KNOWN, Consumer("DK"))
    made.show()
    return made


def test_a_consumer_is_chosen_by_writing_part_of_its_name(panel: AreaPanel, qtbot: QtBot) -> None:
    panel.search()
    assert panel.list.isVisible()
    qtbot.keyClicks(panel.field, "aal")
    with qtbot.waitSignal(panel.chosen) as sent:
        qtbot.keyClick(panel.field, Keys.Key_Return)
    assert sent.args == [Consumer("851", "household")]
    assert not panel.list.isVisible()
    assert panel.field.text() == ""


def test_the_arrow_keys_walk_the_list_while_one_writes(panel: AreaPanel, qtbot: QtBot) -> None:
    panel.search()
    qtbot.keyClicks(panel.field, "midtjylland")
    found = [group.of for group in find(KNOWN, "midtjylland", DA)]
    for _ in range(2):
        qtbot.keyClick(panel.field, Keys.Key_Down)
    with qtbot.waitSignal(panel.chosen) as sent:
        qtbot.keyClick(panel.field, Keys.Key_Enter)
    assert sent.args == [found[2]]


def test_the_tree_is_walked_opened_and_chosen_from_with_keys(panel: AreaPanel, qtbot: QtBot) -> None:
    panel.search()
    tree = panel.list.tree
    assert tree.currentItem().text(0) == "Danmark", "what is shown now is marked"
    for _ in range(2):
        qtbot.keyClick(panel.field, Keys.Key_Down)
    tree.setFocus()
    while tree.currentItem().text(0) != "Region Nordjylland":
        qtbot.keyClick(tree, Keys.Key_Down)
    qtbot.keyClick(tree, Keys.Key_Right)
    qtbot.keyClick(tree, Keys.Key_Down)
    with qtbot.waitSignal(panel.chosen) as sent:
        qtbot.keyClick(tree, Keys.Key_Return)
    assert sent.args[0].area in ("1081", *geography.children("1081"))


def test_escape_goes_back_and_chooses_nothing(panel: AreaPanel, qtbot: QtBot) -> None:
    panel.search()
    qtbot.keyClicks(panel.field, "aal")
    with qtbot.assertNotEmitted(panel.chosen):
        qtbot.keyClick(panel.field, Keys.Key_Escape)
    assert not panel.list.isVisible()
    assert panel.areas.isVisible()


def test_who_works_with_a_mouse_can_close_the_list_too(panel: AreaPanel, qtbot: QtBot) -> None:
    qtbot.mouseClick(panel.field, QtCore.Qt.MouseButton.LeftButton)
    assert panel.list.isVisible()
    qtbot.mouseClick(panel.list.findChild(QtWidgets.QPushButton), QtCore.Qt.MouseButton.LeftButton)
    assert panel.areas.isVisible()


def test_what_nothing_is_called_says_so_and_enter_chooses_nothing(panel: AreaPanel, qtbot: QtBot) -> None:
    panel.search()
    qtbot.keyClicks(panel.field, "xyzzy")
    assert any("Intet navn" in label.text() for label in panel.list.findChildren(QtWidgets.QLabel))
    with qtbot.assertNotEmitted(panel.chosen):
        qtbot.keyClick(panel.field, Keys.Key_Return)


def test_a_thousand_series_are_searched_without_a_wait(panel: AreaPanel, qtbot: QtBot) -> None:
    many = geography.known_consumers([Consumer(f"DK1-feeder{i:04d}") for i in range(1000)], NOW)
    panel.list.set_known(many, Consumer("DK"))
    panel.search()
    timer = QtCore.QElapsedTimer()
    timer.start()
    qtbot.keyClicks(panel.field, "feeder")
    assert timer.elapsed() < 6 * 200
    assert panel.list.tree.topLevelItemCount() == 1000
