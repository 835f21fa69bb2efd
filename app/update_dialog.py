"""Brings a newer version in: what is new in it, what is being done, and the restart at the end."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from PySide6 import QtCore, QtWidgets

from app import theme
from app.engine_link import environment
from app.translations import Language

#: Makes a command of the engine's program of the words of an act.
Command = Callable[..., list[str]]
_NOT_STARTED, _STOPS_MS = 4, 1000


class _Run(QtCore.QObject):
    """A command that runs. `said` carries lines as they come, `ended` the exit code and all it said on either output."""

    said = QtCore.Signal(str)
    ended = QtCore.Signal(int, str, str)

    def __init__(self, parent: QtCore.QObject, command: Sequence[str]) -> None:
        super().__init__(parent)
        self._command, self._out, self._trouble = command, "", ""
        self._process = QtCore.QProcess(self)
        self._process.setProcessEnvironment(environment())
        self._process.readyReadStandardOutput.connect(self._hear)
        self._process.readyReadStandardError.connect(self._hear)
        self._process.finished.connect(self._end)
        self._process.errorOccurred.connect(self._not_started)

    def start(self) -> None:
        """Begin."""
        self._process.start(self._command[0], list(self._command[1:]))

    def stop(self) -> None:
        """End it, and say no more."""
        self.blockSignals(True)
        if self._process.state() is not QtCore.QProcess.ProcessState.NotRunning:
            self._process.kill()
            self._process.waitForFinished(_STOPS_MS)

    def _hear(self) -> None:
        out = bytes(self._process.readAllStandardOutput().data()).decode("utf-8", "replace")
        trouble = bytes(self._process.readAllStandardError().data()).decode("utf-8", "replace")
        self._out, self._trouble = self._out + out, self._trouble + trouble
        if new := f"{out}{trouble}".strip():
            self.said.emit(new)

    def _end(self, code: int, _: QtCore.QProcess.ExitStatus) -> None:
        self._hear()
        self.ended.emit(code, self._out, self._trouble)

    def _not_started(self, error: QtCore.QProcess.ProcessError) -> None:
        if error is QtCore.QProcess.ProcessError.FailedToStart:
            self.ended.emit(_NOT_STARTED, "", self._process.errorString())


class UpdateDialog(QtWidgets.QDialog):
    """Runs the engine's own commands, one after the other. `finished_well` tells that the new version is in use."""

    finished_well = QtCore.Signal()
    restart_wanted = QtCore.Signal()

    def __init__(
        self, parent: QtWidgets.QWidget | None, version: str, command: Command, restarts: bool, language: Language
    ) -> None:
        """`restarts`: this window can start again as the new version by itself."""
        super().__init__(parent)
        self._version, self._command, self._restarts, self._language = version, command, restarts, language
        self._runs: _Run | None = None
        text = language.text
        self.setWindowTitle(text("updates.title", version=version))
        self.resize(640, 420)
        about = theme.label(text=text("updates.about"))
        about.setWordWrap(True)
        self.notes, self.steps = self._page("updates.notes"), self._page("updates.steps")
        self.steps.hide()
        self.told = theme.label(bold=True)
        self.told.setWordWrap(True)
        self.told.hide()
        buttons = QtWidgets.QDialogButtonBox()
        role = QtWidgets.QDialogButtonBox.ButtonRole
        self.now = buttons.addButton(text("updates.now"), role.AcceptRole)
        self.restart = buttons.addButton(text("updates.restart"), role.AcceptRole)
        self.end = buttons.addButton(text("updates.close"), role.RejectRole)
        self.restart.hide()
        for button in (self.now, self.restart, self.end):
            button.setAccessibleName(button.text())
        self.now.clicked.connect(self.begin)
        self.restart.clicked.connect(self.restart_wanted)
        self.end.clicked.connect(self.reject)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(20, 16, 20, 16)
        column.setSpacing(12)
        for widget in (
            about,
            theme.label(0.92, role="quiet", text=text("updates.notes")),
            self.notes,
            self.steps,
            self.told,
            buttons,
        ):
            column.addWidget(widget)
        self.now.setFocus()
        self._run(("update", "status", "--json"), self._take_notes)

    def _page(self, key: str) -> QtWidgets.QPlainTextEdit:
        made = QtWidgets.QPlainTextEdit()
        made.setReadOnly(True)
        made.setTabChangesFocus(True)
        made.setAccessibleName(self._language.text(key))
        made.setPlaceholderText(self._language.text(key))
        return made

    def _take_notes(self, code: int, out: str, _: str) -> None:
        if code == 0:
            self.notes.setPlainText(json.loads(out)["notes"])

    def begin(self) -> None:
        """Make the version ready, then let it take over."""
        self.now.setEnabled(False)
        self.end.setEnabled(False)
        self.steps.show()
        self._tell("updates.staging")
        self._run(("update", "stage"), self._staged)

    def _staged(self, code: int, _: str, trouble: str) -> None:
        if code:
            self._fail(trouble)
            return
        self._tell("updates.applying")
        self._run(("update", "apply"), self._applied)

    def _applied(self, code: int, _: str, trouble: str) -> None:
        if code:
            self._fail(trouble)
            return
        self._tell("updates.done" if self._restarts else "updates.started", version=self._version)
        self.restart.setVisible(self._restarts)
        self.end.setEnabled(True)
        self.restart.setFocus()
        self.finished_well.emit()

    def _fail(self, trouble: str) -> None:
        self._tell("updates.failed", why=" ".join(trouble.split()))
        self.now.setEnabled(True)
        self.end.setEnabled(True)

    def _tell(self, key: str, **values: str) -> None:
        self.told.setText(self._language.text(key, **values))
        self.told.show()

    def _run(self, words: tuple[str, ...], then: Callable[[int, str, str], None]) -> None:
        """Run a command of the engine; `then` takes its exit code and what it said. One that runs still is of no use any more."""
        self._stop()
        self._runs = _Run(self, self._command(*words))
        self._runs.ended.connect(then)
        if "--json" not in words:
            self._runs.said.connect(self.steps.appendPlainText)
        self._runs.start()

    def _stop(self) -> None:
        if self._runs is not None:
            self._runs.stop()

    def reject(self) -> None:
        """Close, but not while versions change."""
        if self.end.isEnabled():
            self._stop()
            super().reject()
