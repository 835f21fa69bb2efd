"""The first start in three steps: how it looks and what is of interest, where data come from, and where they are kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6 import QtCore, QtGui, QtWidgets

from app import theme
from app.card import card
from app.choice_box import ChoiceBox
from app.pressing import press
from app.translations import LANGUAGES, Language
from engine import geography
from engine.config import SETTINGS_FILE
from engine.domain import Expected

STEPS = ("look", "sources", "folder")
#: What may be fetched beside the price areas: the settings of the engine, cheapest first.
MORE = ("fetch_regions", "fetch_municipalities")
_WIDTH = 660


@dataclass(frozen=True, slots=True)
class Choices:
    """What was chosen. `more` are settings of the engine to turn on."""

    language: str
    theme: str
    area: str
    more: tuple[str, ...]
    simulated: bool
    data_dir: Path

    def keep_settings(self) -> None:
        """Write the settings into the data folder, where the engine reads them; raises Expected."""
        if not self.more:
            return
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
            path = self.data_dir / SETTINGS_FILE
            before = path.read_text(encoding="utf-8") if path.exists() else ""
            new = [f"{name} = true" for name in self.more if f"{name} =" not in before]
            path.write_text("\n".join([*before.splitlines(), *new, ""]), encoding="utf-8")
        except OSError as error:
            raise Expected(
                f"The settings could not be written into {self.data_dir} ({error.strerror}).", "Choose another folder."
            ) from error


class Welcome(QtWidgets.QWidget):
    """A window of three pages. `done` carries the Choices; closing it or "skip" takes them as they stand."""

    done = QtCore.Signal(object)

    def __init__(self, language: Language, folder: Path, doctor: Sequence[str]) -> None:
        super().__init__()
        self._folder, self._doctor, self._asked = folder, list(doctor), None
        self._ended = False
        self._language = language
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(32, 24, 32, 24)
        self._page = QtWidgets.QWidget()
        column.addWidget(self._page)
        self.resize(760, 600)
        self._build(0)

    def _build(self, step: int, before: Choices | None = None) -> None:
        """All pages in the language as it is now, with what was chosen before."""
        text = self._language.text
        self.setWindowTitle(text("welcome.title"))
        page = QtWidgets.QWidget()
        column = QtWidgets.QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(14)
        self._heads = [
            theme.label(text=f"{number}  {text(f'welcome.step_{name}')}") for number, name in enumerate(STEPS, start=1)
        ]
        heads = QtWidgets.QHBoxLayout()
        heads.setSpacing(24)
        for head in self._heads:
            heads.addWidget(head)
        heads.addStretch(1)
        self.pages = QtWidgets.QStackedWidget()
        for made in (self._look_page(), self._sources_page(), self._folder_page()):
            self.pages.addWidget(made)
        self.skip, self.back, self.next = (QtWidgets.QPushButton() for _ in range(3))
        self.skip.setText(text("welcome.skip"))
        self.back.setText(text("welcome.back"))
        self.skip.clicked.connect(self.finish)
        self.back.clicked.connect(lambda: self._go(self.pages.currentIndex() - 1))
        self.next.clicked.connect(self._forward)
        feet = QtWidgets.QHBoxLayout()
        feet.addWidget(self.skip)
        feet.addStretch(1)
        feet.addWidget(self.back)
        feet.addWidget(self.next)
        column.addWidget(theme.label(1.7, bold=True, text=text("welcome.title")))
        column.addLayout(heads)
        column.addWidget(self.pages, 1)
        column.addLayout(feet)
        if before is not None:
            self._restore(before)
        self.layout().replaceWidget(self._page, page)
        self._page.deleteLater()
        self._page = page
        self._go(step)

    def _look_page(self) -> QtWidgets.QWidget:
        text = self._language.text
        self.language = _choice(
            text("welcome.language"), [(text(f"language.{code}"), code) for code in LANGUAGES], self._language.code
        )
        self.theme = _choice(
            text("welcome.theme"), [(text(f"theme.{name}"), name) for name in ("system", *theme.PALETTES)], "system"
        )
        areas = [(geography.name(code, self._language.code), code) for code in geography.PRICE_AREAS]
        self.area = _choice(text("welcome.area"), areas, "DK")
        self.language.activated.connect(self._speak)
        self.theme.activated.connect(self._dress)
        self.more = {name: _tick(text(f"welcome.{name}")) for name in MORE}
        form = QtWidgets.QFormLayout()
        form.setHorizontalSpacing(24)
        form.setVerticalSpacing(12)
        for box in (self.language, self.theme, self.area):
            form.addRow(theme.label(text=box.accessibleName()), box)
        return _page(
            _words(text("welcome.look")),
            form,
            theme.label(bold=True, text=text("welcome.more")),
            *self.more.values(),
            _quiet(text("welcome.more_cost")),
        )

    def _sources_page(self) -> QtWidgets.QWidget:
        text = self._language.text
        self.live, self.simulated = (QtWidgets.QRadioButton(text(f"welcome.{name}")) for name in ("live", "simulated"))
        self.live.setChecked(True)
        self.check = QtWidgets.QPushButton(text("welcome.check"))
        for button in (self.live, self.simulated, self.check):
            button.setAccessibleName(button.text())
        self.check.clicked.connect(self._examine)
        self.findings = _words("")
        self.live.toggled.connect(self._choose_source)
        checking = QtWidgets.QHBoxLayout()
        checking.addWidget(self.check)
        checking.addStretch(1)
        return _page(
            self.live, _quiet(text("welcome.live_about")), _quiet(text("welcome.terms")), checking, self.findings,
            self.simulated, _quiet(text("welcome.simulated_about")),
        )  # fmt: skip

    def _folder_page(self) -> QtWidgets.QWidget:
        text = self._language.text
        self.folder = QtWidgets.QLineEdit(str(self._folder))
        self.folder.setAccessibleName(text("welcome.folder"))
        browse = QtWidgets.QPushButton(text("welcome.browse"))
        browse.setAccessibleName(text("welcome.browse"))
        browse.clicked.connect(self._browse)
        row = QtWidgets.QHBoxLayout()
        row.addWidget(self.folder, 1)
        row.addWidget(browse)
        self.trouble = theme.label(role="stale")
        self.trouble.setWordWrap(True)
        return _page(
            _words(text("welcome.folder_about")),
            theme.label(bold=True, text=text("welcome.folder")),
            row,
            self.trouble,
            _quiet(text("welcome.start_about")),
        )

    def chosen(self) -> Choices:
        """What is chosen by now."""
        simulated = self.simulated.isChecked()
        look = self.theme.currentData()
        return Choices(
            language=self.language.currentData(),
            theme="" if look == "system" else look,
            area=self.area.currentData(),
            more=tuple(name for name, box in self.more.items() if box.isChecked() and not simulated),
            simulated=simulated,
            data_dir=Path(self.folder.text()).expanduser(),
        )

    def finish(self) -> None:
        """Begin with what is chosen; a folder that cannot be used is said where it stands."""
        choices = self.chosen()
        try:
            _usable(choices.data_dir, self._language)
            choices.keep_settings()
        except Expected as wrong:
            self._go(STEPS.index("folder"))
            self.trouble.setText(f"{wrong.problem} {wrong.remedy}")
            return
        self._ended = True
        self.done.emit(choices)
        self.close()

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:
        """Enter presses the button that has the focus."""
        if not press(self, event):
            super().keyPressEvent(event)

    def closeEvent(self, event: QtGui.QCloseEvent) -> None:
        """Who closes it takes what is chosen, as one who skips."""
        if not self._ended:
            self._ended = True
            self.done.emit(self.chosen())
        super().closeEvent(event)

    def _go(self, step: int) -> None:
        self.pages.setCurrentIndex(step)
        for place, head in enumerate(self._heads):
            theme.paint(head, "" if place == step else "quiet")
            head.setFont(theme.font(bold=place == step))
        self.back.setVisible(step > 0)
        last = step == len(STEPS) - 1
        self.next.setText(self._language.text("welcome.start" if last else "welcome.next"))
        self.next.setDefault(True)
        self.next.setFocus()
        for button in (self.skip, self.back, self.next):
            button.setAccessibleName(button.text())

    def _forward(self) -> None:
        step = self.pages.currentIndex()
        if step < len(STEPS) - 1:
            self._go(step + 1)
        else:
            self.finish()

    def _restore(self, before: Choices) -> None:
        for box, value in ((self.theme, before.theme or "system"), (self.area, before.area)):
            box.setCurrentIndex(box.findData(value))
        for name, box in self.more.items():
            box.setChecked(name in before.more)

    def _speak(self) -> None:
        self._language = Language(self.language.currentData())
        self._build(self.pages.currentIndex(), self.chosen())

    def _dress(self) -> None:
        _wear(self.theme.currentData())

    def _choose_source(self, live: bool) -> None:
        """Simulated data have a folder of their own, so that they never stand among real ones."""
        self.folder.setText(str(self._folder if live else self._folder / "simulated"))
        self.check.setEnabled(live)

    def _browse(self) -> None:
        found = QtWidgets.QFileDialog.getExistingDirectory(self, self._language.text("welcome.folder"), self.folder.text())
        if found:
            self.folder.setText(found)

    def _examine(self) -> None:
        """Ask the engine's doctor, in a process of its own, whether the sources can be reached."""
        self.findings.setText(self._language.text("welcome.checking"))
        self.check.setEnabled(False)
        self._asked = QtCore.QProcess(self)
        self._asked.finished.connect(self._tell_findings)
        self._asked.errorOccurred.connect(self._tell_findings)
        self._asked.start(self._doctor[0], [*self._doctor[1:], "doctor", "--json", "--data-dir", self.folder.text()])

    def _tell_findings(self, *_: object) -> None:
        if self._asked is None:
            return
        process, self._asked = self._asked, None
        self.check.setEnabled(self.live.isChecked())
        try:
            found = [
                one for one in json.loads(bytes(process.readAllStandardOutput().data())) if one["check"].startswith("source.")
            ]
        except ValueError:
            found = []
        marks = {"ok": "●", "warn": "▲", "fail": "■"}
        lines = [f"{marks.get(one['status'], '○')} {one['text']}" for one in found]
        self.findings.setText("\n".join(lines or [self._language.text("welcome.no_check")]))


def _wear(name: str) -> None:
    application = QtWidgets.QApplication.instance()
    assert isinstance(application, QtWidgets.QApplication)
    theme.apply(application, theme.of_system() if name == "system" else theme.PALETTES[name])


def _usable(folder: Path, language: Language) -> None:
    """Make the folder; raises Expected where that cannot be done."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".lastvagt"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise Expected(language.text("welcome.no_folder", folder=folder), language.text("welcome.other_folder")) from error


def _choice(name: str, entries: Sequence[tuple[str, str]], chosen: str) -> ChoiceBox:
    box = ChoiceBox(name)
    box.show_entries(tuple((value, words) for words, value in entries), chosen)
    return box


def _tick(words: str) -> QtWidgets.QCheckBox:
    box = QtWidgets.QCheckBox(words)
    box.setAccessibleName(words)
    return box


def _words(text: str, role: str = "") -> QtWidgets.QLabel:
    made = theme.label(role=role, text=text)
    made.setWordWrap(True)
    made.setMaximumWidth(_WIDTH)
    return made


def _quiet(text: str) -> QtWidgets.QLabel:
    return _words(text, "quiet")


def _page(*parts: QtWidgets.QWidget | QtWidgets.QLayout) -> QtWidgets.QWidget:
    page, column = card(*parts, spacing=10, margins=(24, 20, 24, 20))
    column.addStretch(1)
    return page


def ask(language: Language, folder: Path, doctor: Sequence[str]) -> Choices:
    """Show the assistant until it is done, and give what was chosen."""
    _wear("system")
    welcome, loop, found = Welcome(language, folder, doctor), QtCore.QEventLoop(), []
    keep: Callable[[Choices], None] = found.append
    welcome.done.connect(keep)
    welcome.done.connect(loop.quit)
    welcome.show()
    loop.exec()
    welcome.deleteLater()
    choices: Choices = found[0]
    return choices
