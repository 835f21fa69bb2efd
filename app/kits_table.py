"""The list of kits that were imported, and the button that imports another one."""

from __future__ import annotations

from pathlib import Path

from PySide6 import QtWidgets

from app import theme
from app.engine_link import Answer
from app.health_snapshot import HealthSnapshot
from app.listing import Listing
from app.pane import Asker
from app.present import kit_taken, kits_view, unimportable
from app.snapshot import EngineStatus
from app.theme import Palette
from app.translations import Language

_HEADS = ("imported", "file", "until", "brought", "signed_by")
_IMPORT = "/v1/kits/import"
#: How long an engine may take to import one.
_IMPORT_S = 3600.0


class KitsTable(Asker):
    """How old the newest kit is, the list, and what became of the last import."""

    def __init__(self, language: Language, palette: Palette) -> None:
        super().__init__()
        self._language, self._now = language, 0
        self._closed, self._answered = "", ("", False)
        text = language.text
        self.newest = theme.label()
        self.list = Listing(text("kits.kits"), [text(f"kits.{head}") for head in _HEADS], palette, stretch=3, most=5)
        self.button = QtWidgets.QPushButton(text("kits.import"))
        self.button.setAccessibleName(self.button.text())
        self.button.clicked.connect(self.choose)
        self.answer = theme.label(role="quiet")
        self.answer.setWordWrap(True)
        row = QtWidgets.QHBoxLayout()
        row.addWidget(self.button)
        row.addWidget(self.answer, 1)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        for widget in (self.newest, self.list):
            column.addWidget(widget)
        column.addLayout(row)

    def set_palette(self, palette: Palette) -> None:
        """Take new colours."""
        self.list.set_palette(palette)

    def show_kits(self, found: HealthSnapshot, engine: EngineStatus, now: int) -> None:
        """Show the kits there are; one is imported where the engine runs on this machine."""
        view = kits_view(found.kits, self._language, now)
        self._now, self._closed = now, unimportable(engine, self._language)
        sign = "" if view.state is None else f"{theme.SYMBOLS[view.state]} "
        self.newest.setText(f"{sign}{view.newest}")
        theme.paint(self.newest, "quiet" if view.state is None else theme.role_of(view.state))
        self.list.show_lines(view.lines)
        self.list.setVisible(bool(view.lines))
        self._look()

    def choose(self) -> None:
        """Let the user choose a kit, and import it."""
        if self._closed:
            self._look()
            return
        text = self._language.text
        path, _ = QtWidgets.QFileDialog.getOpenFileName(self, text("kits.choose"), "", f"{text('kits.kits')} (*.kit)")
        if path:
            self.take(Path(path))

    def take(self, path: Path) -> None:
        """Have the engine import a kit."""
        self._answered = (self._language.text("kits.working", file=path.name), False)
        self.button.setEnabled(False)
        self.request(_IMPORT, {"path": str(path.resolve())}, timeout_s=_IMPORT_S)
        self._look()

    def take_answer(self, answer: Answer) -> None:
        """Tell what became of it."""
        self.button.setEnabled(True)
        if answer.refusal is not None:
            self._answered = (f"{answer.refusal.problem} {answer.refusal.remedy}", True)
        else:
            self._answered = (kit_taken(answer.document, self._language, self._now), bool(answer.document["troubles"]))
        self._look()

    def _look(self) -> None:
        words, refused = (self._closed, False) if self._closed else self._answered
        self.answer.setText(words)
        theme.paint(self.answer, "stale" if refused else "quiet")
        self.button.setToolTip(self._closed)
