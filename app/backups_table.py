"""The list of backups, a button that makes one, and one that puts one in the place of the database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6 import QtCore, QtWidgets

from app import theme
from app.engine_link import Answer
from app.listing import Listing
from app.pane import Asker
from app.present import BackupLine, backup_lines, loss_text, unrestorable
from app.snapshot import EngineStatus
from app.theme import Palette
from app.translations import Language

_HEADS = ("made_at", "size", "issues", "newest_issue")
_LIST, _LOSS, _RESTORE, _NOTED, _RUN = (
    *("/v1/backups", "/v1/backups/loss", "/v1/backups/restore", "/v1/backups/noted"),
    "/v1/jobs/run",
)
#: How long an engine may take to look a backup through.
_LOOK_S = 600.0


class BackupsTable(Asker):
    """Where backups lie and which there are, as the engine tells; what became of the last order."""

    def __init__(self, language: Language, palette: Palette) -> None:
        super().__init__()
        self._language, self._now, self._read_at = language, 0, 0
        self._lines: tuple[BackupLine, ...] = ()
        self._closed, self._answered, self._waits = "", ("", False), False
        text = language.text
        self.about = theme.label(0.92, role="quiet")
        self.about.setWordWrap(True)
        self.list = Listing(text("backups.backups"), [text(f"backups.{head}") for head in _HEADS], palette, stretch=3, most=6)
        self.list.itemSelectionChanged.connect(self._look)
        self.make, self.restore, self.noted = (
            QtWidgets.QPushButton(text(f"backups.{name}")) for name in ("now", "restore", "noted")
        )
        self.make.clicked.connect(lambda: self._order(_RUN, {"job": "backup"}))
        self.restore.clicked.connect(self._ask_loss)
        self.noted.clicked.connect(lambda: self._order(_NOTED, {}))
        self.answer = theme.label(role="quiet")
        self.answer.setWordWrap(True)
        row = QtWidgets.QHBoxLayout()
        for button in (self.make, self.restore, self.noted):
            button.setAccessibleName(button.text())
            row.addWidget(button)
        row.addWidget(self.answer, 1)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        for widget in (self.list, self.about):
            column.addWidget(widget)
        column.addLayout(row)
        self.noted.hide()
        self._look()

    def set_palette(self, palette: Palette) -> None:
        """Take new colours."""
        self.list.set_palette(palette)

    def show_state(self, engine: EngineStatus, read_at: int, now: int, replaced: bool) -> None:
        """Ask the engine what there is when the database has changed; `replaced`: somebody is to take note of a recovery."""
        closed_before, self._closed, self._now = self._closed, unrestorable(engine, self._language), now
        self.noted.setVisible(replaced)
        if not self._closed and (read_at != self._read_at or closed_before):
            self._read_at = read_at
            self.request(_LIST, query={}, timeout_s=_LOOK_S)
        self._look()

    def take_answer(self, answer: Answer) -> None:
        """Take the list, ask whether the loss is wanted, or tell what became of an order."""
        path, text = answer.request.path, self._language.text
        if answer.refusal is not None:
            self._tell(f"{answer.refusal.problem} {answer.refusal.remedy}", refused=True)
        elif path == _LIST:
            self._show_list(answer.document)
        elif path == _LOSS:
            self._tell("")
            self._confirm(answer.document)
        elif path == _RESTORE:
            self._tell(text("backups.restoring"))
        else:
            self._tell(text("backups.ordered" if path == _RUN else "backups.noted_done"))

    def _show_list(self, document: Mapping[str, Any]) -> None:
        self._lines = backup_lines(document, self._language, self._now)
        self.list.show_lines([line.cells for line in self._lines])
        self.about.setText(self._language.text("backups.folder" if self._lines else "backups.none", folder=document["folder"]))
        self._look()

    def _chosen(self) -> BackupLine | None:
        at = self.list.at
        return self._lines[at] if at is not None and at < len(self._lines) else None

    def _look(self) -> None:
        for button in (self.make, self.noted):
            button.setEnabled(not self._closed and not self._waits)
        self.restore.setEnabled(not self._closed and not self._waits and self._chosen() is not None)
        self.list.setVisible(bool(self._lines))
        words, refused = (self._closed, False) if self._closed and not self._waits else self._answered
        self.answer.setText(words)
        theme.paint(self.answer, "stale" if refused else "quiet")

    def _tell(self, words: str, refused: bool = False) -> None:
        self._answered, self._waits = (words, refused), False
        self._look()

    def _order(self, path: str, words: dict[str, object] | None, query: dict[str, object] | None = None, told: str = "") -> None:
        self._answered, self._waits = (told or self._language.text("health.sending"), False), True
        self._look()
        self.request(path, words, query, timeout_s=_LOOK_S)

    def _ask_loss(self) -> None:
        chosen = self._chosen()
        if chosen is not None:
            self._order(_LOSS, None, {"name": chosen.name}, self._language.text("backups.asking"))

    def _confirm(self, loss: Mapping[str, Any]) -> None:
        """Say what is lost and what happens; nothing is ordered unless that is wanted."""
        text = self._language.text
        dialog = QtWidgets.QMessageBox(
            QtWidgets.QMessageBox.Icon.Warning, text("backups.sure"), loss_text(loss, self._language, self._now), parent=self
        )
        dialog.setAttribute(QtCore.Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setInformativeText(text("backups.after"))
        go = dialog.addButton(text("backups.go"), QtWidgets.QMessageBox.ButtonRole.AcceptRole)
        leave = dialog.addButton(text("backups.leave"), QtWidgets.QMessageBox.ButtonRole.RejectRole)
        dialog.setDefaultButton(leave)
        dialog.setEscapeButton(leave)
        for button in (go, leave):
            button.setAccessibleName(button.text())
        go.clicked.connect(lambda: self._order(_RESTORE, {"name": loss["name"]}, told=text("backups.restoring")))
        dialog.open()
