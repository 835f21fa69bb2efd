"""The view of settings: sections at the left, and at the right each setting explained, checked and saved where it stands."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from PySide6 import QtCore, QtWidgets

from app import theme
from app.choice_box import ChoiceBox
from app.engine_link import Answer
from app.pane import Pane, Question, Scene
from app.present import Field, Section, closed, settings_view, wrong
from app.scroll import ScrollPage
from app.snapshot import EngineKind
from app.theme import Palette
from app.translations import Language
from engine import settings
from engine.config import Outside
from engine.domain import Expected
from engine.store import Reader

_QUESTION, _ASK, _CHANGE = "settings", "/v1/settings", "/v1/settings/change"

#: A page wider than this is hard to read across.
_WIDEST = 1180


def _listed(reader: Reader, _: int) -> list[dict[str, object]]:
    """The settings as the next engine on this folder would find them."""
    words = {"data_dir": reader.path.parent, "simulated": reader.simulated or None}
    return [each.document() for each in settings.listed(Outside(environment=os.environ, words=words))]


def _names(section: Section) -> list[str]:
    return [field.name for field in section.fields]


class FieldRow(QtWidgets.QFrame):
    """A setting with its explanation, its editor, and what there is to tell of it. `saved` carries the new value, None for a reset."""

    saved = QtCore.Signal(object)

    def __init__(self, field: Field, language: Language) -> None:
        super().__init__()
        self._language, self._field = language, field
        text = language.text
        label, about = theme.label(bold=True, text=field.label), theme.label(0.92, role="quiet", text=field.help)
        about.setWordWrap(True)
        self._state = theme.label(0.92, role="quiet")
        self._state.setWordWrap(True)
        self.editor = self._make_editor()
        self.editor.setAccessibleName(field.label)
        self.save, self.reset = QtWidgets.QPushButton(text("settings.save")), QtWidgets.QPushButton()
        self.save.setAccessibleName(text("settings.save_one", name=field.label))
        self.save.clicked.connect(self._save)
        undo = "remove" if field.kind == "secret" else "reset"
        self.reset.setText(text(f"settings.{undo}"))
        self.reset.setAccessibleName(text(f"settings.{undo}_one", name=field.label))
        self.reset.clicked.connect(lambda: self.saved.emit(None))
        words = QtWidgets.QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(label)
        words.addWidget(about)
        words.addStretch(1)
        line = QtWidgets.QHBoxLayout()
        line.setSpacing(6)
        line.addWidget(self.editor, 1)
        line.addWidget(self.save)
        line.addWidget(self.reset)
        right = QtWidgets.QVBoxLayout()
        right.setSpacing(4)
        right.addLayout(line)
        right.addWidget(self._state)
        right.addStretch(1)
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 10, 0, 10)
        row.setSpacing(24)
        row.addLayout(words, 11)
        row.addLayout(right, 10)
        self._put_value()
        self.show_field(field)

    def _make_editor(self) -> QtWidgets.QWidget:
        field = self._field
        if isinstance(field.value, bool):
            box = QtWidgets.QCheckBox(self._language.text("settings.on"))
            box.clicked.connect(lambda on: self.saved.emit("true" if on else "false"))
            return box
        if field.entries:
            choice = ChoiceBox(field.label)
            choice.activated.connect(lambda _: self.saved.emit(choice.currentData()))
            return choice
        line = QtWidgets.QLineEdit()
        if field.kind == "secret":
            line.setEchoMode(QtWidgets.QLineEdit.EchoMode.Password)
        line.textEdited.connect(lambda _: self._check())
        line.returnPressed.connect(self._save)
        return line

    def show_field(self, field: Field) -> None:
        """Show a setting as it is now; what is being written stays, unless the value became another."""
        before, self._field = self._field, field
        self.editor.setAccessibleDescription(f"{field.help} {field.state}")
        if isinstance(self.editor, QtWidgets.QLineEdit):
            self.editor.setPlaceholderText(field.hint)
            self.editor.setReadOnly(not field.open)
        else:
            self.editor.setEnabled(field.open)
        self.reset.setVisible(field.open and field.can_reset)
        if field.value != before.value:
            self._put_value()
        self._check()

    def tell(self, words: str, refused: bool = False) -> None:
        """Tell what became of a change."""
        self._state.setText(words)
        self._state.setVisible(bool(words))
        theme.paint(self._state, "stale" if refused else "quiet")

    def take_back(self) -> None:
        """Show the value that holds, for a change was refused or has been made."""
        self._put_value()
        self._check()

    def _put_value(self) -> None:
        value = self._field.value
        if isinstance(self.editor, QtWidgets.QCheckBox):
            self.editor.setChecked(bool(value))
        elif isinstance(self.editor, ChoiceBox):
            self.editor.show_entries(self._field.entries, str(value))
        elif isinstance(self.editor, QtWidgets.QLineEdit):
            self.editor.setText(str(value))
            self.editor.setCursorPosition(0)

    def _check(self) -> None:
        """Tell what is wrong with what is written; it can be saved where nothing is."""
        field = self._field
        self.save.setVisible(isinstance(self.editor, QtWidgets.QLineEdit) and field.open)
        fault, changed = "", False
        if isinstance(self.editor, QtWidgets.QLineEdit):
            changed = self.editor.text() != field.value
            fault = wrong(field, self.editor.text(), self._language) if changed else ""
        self.save.setEnabled(changed and not fault)
        self.tell(fault or field.state, refused=bool(fault))
        if not fault and field.calls:
            theme.paint(self._state, "late")

    def _save(self) -> None:
        if self.save.isEnabled() and isinstance(self.editor, QtWidgets.QLineEdit):
            self.saved.emit(self.editor.text())


class SettingsPane(Pane):
    """Sections and their settings. What concerns the engine is asked of it and changed by it; without one it can only be read."""

    of_consumer = False
    has_panel = False

    def __init__(self, language: Language, palette: Palette) -> None:
        super().__init__()
        self._language = language
        text = language.text
        self._scene: Scene | None = None
        self._listed: list[Mapping[str, Any]] = []
        self._asked_of: tuple[EngineKind, int] | None = None
        self._view: tuple[Section, ...] = ()
        #: Rows of the pages that were turned to, by setting.
        self.rows: dict[str, FieldRow] = {}
        self._title, self._told = theme.label(1.55, bold=True, text=text("settings.title")), theme.label(role="quiet")
        self._told.setWordWrap(True)
        self.sections = QtWidgets.QTreeWidget()
        self.sections.setAccessibleName(text("settings.sections"))
        self.sections.setHeaderHidden(True)
        self.sections.setRootIsDecorated(False)
        self.sections.setIndentation(0)
        self.sections.setFont(theme.font(1.08))
        self.sections.setFixedWidth(210)
        self._pages = QtWidgets.QStackedWidget()
        self.sections.currentItemChanged.connect(lambda *_: self._turn())
        self._to_models = QtWidgets.QPushButton(text("settings.to_models"))
        self._to_models.setAccessibleName(self._to_models.text())
        self._to_models.clicked.connect(lambda: self.opened.emit("models"))
        body = QtWidgets.QHBoxLayout()
        body.setSpacing(16)
        body.addWidget(self.sections)
        body.addWidget(self._pages, 1)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addWidget(self._title)
        column.addWidget(self._told)
        column.addLayout(body, 1)
        self.setFocusProxy(self.sections)

    def set_palette(self, palette: Palette) -> None:
        """The style sheet of the window colours everything here."""

    def show_scene(self, scene: Scene) -> None:
        """Show the settings, and ask for them again when another engine answers or the database has changed."""
        self._scene = scene
        asked = scene.engine.kind, scene.snapshot.read_at
        if asked != self._asked_of:
            self._asked_of = asked
            self._ask()
        self._show()

    @property
    def _runs(self) -> bool:
        return self._scene is not None and self._scene.engine.answers

    def _ask(self) -> None:
        if self._runs:
            self.request(_ASK, query={})
        if not self._runs or not self._listed:  # what the engine answers takes its place
            self.asked.emit(Question(_QUESTION, _listed))

    def take_found(self, name: str, found: object) -> None:
        """Take the settings that were read without an engine."""
        if name != _QUESTION or (self._runs and self._listed):
            return
        if isinstance(found, Expected):
            self._told.setText(self._language.text("settings.unread", why=f"{found.problem} {found.remedy}"))
            return
        assert isinstance(found, list)
        self._listed = found
        self._show()

    def take_answer(self, answer: Answer) -> None:
        """Take the settings, or what became of a change."""
        words = answer.request.words
        if words is None:
            if answer.refusal is None:
                self._listed = answer.document["settings"]
                self._show()
            else:
                why = f"{answer.refusal.problem} {answer.refusal.remedy}"
                self._told.setText(self._language.text("settings.unread", why=why))
            return
        row = self.rows[str(words["name"])]
        if answer.refusal is not None:
            row.take_back()
            why = f"{answer.refusal.problem} {answer.refusal.remedy}"
            row.tell(self._language.text("settings.refused", why=why), refused=True)
            return
        made = answer.document
        self._listed = [made if each["name"] == made["name"] else each for each in self._listed]
        self._show()
        row.take_back()
        if not made["waits"]:
            row.tell(self._language.text("settings.saved"))

    def _show(self) -> None:
        if self._scene is None:
            return
        engine = self._scene.engine
        why = "" if engine.takes_orders else closed(engine, self._language) or self._language.text("settings.no_engine")
        self._told.setText(why)
        self._told.setVisible(bool(why))
        self.show_view(settings_view(self._listed, self._scene.likes, tuple(theme.PALETTES), engine.takes_orders, self._language))

    def show_view(self, sections: Sequence[Section]) -> None:
        """Show sections. A page is made when it is first turned to; its rows stay, so that what is being written is not lost."""
        before, self._view = self._view, tuple(sections)
        if [_names(section) for section in before] != [_names(section) for section in sections]:
            self._start_anew(before)
        for field in (field for section in sections for field in section.fields if field.name in self.rows):
            self.rows[field.name].show_field(field)

    def open_section(self, name: str) -> None:
        """Turn to a section."""
        at = next(i for i, section in enumerate(self._view) if section.name == name)
        self.sections.setCurrentItem(self.sections.topLevelItem(at))

    def _start_anew(self, before: Sequence[Section]) -> None:
        """Other settings than before: the first time, and with an engine of another version. Pages that stay the same are kept."""
        at = max(0, self._pages.currentIndex())
        pages = [self._pages.widget(i) for i in range(self._pages.count())]
        kept = {
            section.name: page
            for section, page in zip(before, pages, strict=True)
            if isinstance(page, ScrollPage) and any(_names(section) == _names(each) for each in self._view)
        }
        for page in pages:
            self._pages.removeWidget(page)
            if page not in kept.values():
                page.deleteLater()
        stay = {name for section in before if section.name in kept for name in _names(section)}
        self.rows = {name: row for name, row in self.rows.items() if name in stay}
        for section in self._view:
            self._pages.addWidget(kept.get(section.name) or QtWidgets.QWidget())
        with QtCore.QSignalBlocker(self.sections):
            self.sections.clear()
            self.sections.addTopLevelItems([QtWidgets.QTreeWidgetItem([section.title]) for section in self._view])
            self.sections.setCurrentItem(self.sections.topLevelItem(at))
        self._turn()

    def _turn(self) -> None:
        """Show the chosen page, which may have to be made."""
        item = self.sections.currentItem()
        if item is None:
            return
        at = self.sections.indexOfTopLevelItem(item)
        if not isinstance(self._pages.widget(at), ScrollPage):
            empty = self._pages.widget(at)
            self._pages.insertWidget(at, self._page(self._view[at]))
            self._pages.removeWidget(empty)
            empty.deleteLater()
        self._pages.setCurrentIndex(at)

    def _page(self, section: Section) -> QtWidgets.QWidget:
        card = QtWidgets.QFrame()
        card.setProperty("role", "card")
        card.setMaximumWidth(_WIDEST)
        column = QtWidgets.QVBoxLayout(card)
        column.setContentsMargins(20, 14, 20, 14)
        column.setSpacing(0)
        column.addWidget(theme.label(1.2, bold=True, text=section.title))
        about = theme.label(role="quiet", text=section.about)
        about.setWordWrap(True)
        column.addWidget(about)
        column.addSpacing(8)
        for field in section.fields:
            rule = QtWidgets.QFrame()
            rule.setProperty("role", "rule")
            rule.setFixedHeight(1)
            column.addWidget(rule)
            row = FieldRow(field, self._language)
            row.saved.connect(lambda value, name=field.name, kind=field.kind: self._save(name, kind, value))
            self.rows[field.name] = row
            column.addWidget(row)
        if section.name == "models":
            column.addWidget(self._to_models, 0, QtCore.Qt.AlignmentFlag.AlignLeft)
        inside = QtWidgets.QWidget()
        outer = QtWidgets.QVBoxLayout(inside)
        outer.setContentsMargins(0, 0, 6, 0)
        outer.addWidget(card)
        outer.addStretch(1)
        return ScrollPage(inside)

    def _save(self, name: str, kind: str, value: str | None) -> None:
        if kind == "like":
            self.liked.emit({name: {"true": True, "false": False}.get(value or "", value)})
            return
        self.rows[name].tell(self._language.text("settings.saving"))
        self.request(_CHANGE, {"name": name, "value": value})
