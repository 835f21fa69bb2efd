"""The table of values that were set aside as implausible, each of which can be accepted or rejected."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6 import QtWidgets

from app import theme
from app.engine_link import Answer
from app.listing import Listing
from app.pane import Asker
from app.present import SetAsideLine, judged_text, set_aside_lines, undecidable
from app.snapshot import EngineKind, EngineStatus
from app.theme import Palette
from app.translations import Language
from engine.store.decisions import ACCEPT, REJECT, SetAside

_HEADS = ("hour", "series", "what", "value", "reason", "verdict")


class QuarantineTable(Asker):
    """The list, a button for each verdict on the chosen value, and what became of the last one."""

    def __init__(self, language: Language, palette: Palette) -> None:
        super().__init__()
        self._language = language
        text = language.text
        self._lines: tuple[SetAsideLine, ...] = ()
        self._closed, self._answered = "", ("", False)
        self.list = Listing(text("quarantine.list"), [text(f"quarantine.{head}") for head in _HEADS], palette, stretch=4, most=8)
        self.list.itemSelectionChanged.connect(self._look)
        self.buttons = {verdict: QtWidgets.QPushButton(text(f"quarantine.{verdict}")) for verdict in (ACCEPT, REJECT)}
        self._none = theme.label(role="quiet", text=text("quarantine.none"))
        self.answer = theme.label(role="quiet")
        row = QtWidgets.QHBoxLayout()
        for verdict, button in self.buttons.items():
            button.setAccessibleName(button.text())
            button.setToolTip(text(f"quarantine.{verdict}_about"))
            button.clicked.connect(lambda _=False, verdict=verdict: self._judge(verdict))
            row.addWidget(button)
        row.addWidget(self.answer)
        row.addStretch(1)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        for widget in (self._none, self.list):
            column.addWidget(widget)
        column.addLayout(row)
        self.show_values((), EngineStatus(EngineKind.UNKNOWN), 0)

    def set_palette(self, palette: Palette) -> None:
        """Take new colours."""
        self.list.set_palette(palette)

    def show_values(self, values: Sequence[SetAside], engine: EngineStatus, now: int) -> None:
        """Show values as they stand at `now`; without an engine that takes orders nothing can be decided about them."""
        lines = set_aside_lines(values, self._language, now)
        self._lines, self._closed = lines, undecidable(engine, self._language)
        self.list.show_lines([line.cells for line in lines])
        for widget in (self.list, *self.buttons.values()):
            widget.setVisible(bool(lines))
        self._none.setVisible(not lines)
        self._look()

    def take_answer(self, answer: Answer) -> None:
        """Tell what became of a verdict."""
        if answer.refusal is not None:
            self._answered = (f"{answer.refusal.problem} {answer.refusal.remedy}", True)
        else:
            self._answered = (judged_text(answer.document, self._language), False)
        self._look()

    def _look(self) -> None:
        """Let what can be decided about the chosen value be decided."""
        at = self.list.at
        line = self._lines[at] if at is not None and at < len(self._lines) else None
        waits = line is not None and line.waits and not self._closed
        self.buttons[ACCEPT].setEnabled(waits and line is not None and line.numeric)
        self.buttons[REJECT].setEnabled(waits)
        words, refused = (self._closed, False) if self._closed else self._answered
        self.answer.setText(words)
        self.answer.setVisible(bool(words) and bool(self._lines))
        theme.paint(self.answer, "stale" if refused else "quiet")

    def _judge(self, verdict: str) -> None:
        at = self.list.at
        if at is not None and at < len(self._lines):
            self._answered = (self._language.text("adjust.sending"), False)
            self._look()
            self.request(f"/v1/quarantine/{verdict}", {"quarantine_id": self._lines[at].quarantine_id})
