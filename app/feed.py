"""The thread that reads the database, so that the window never waits for a disk."""

from __future__ import annotations

import dataclasses
import threading
from pathlib import Path

from PySide6 import QtCore

from app import snapshot
from app.pane import Question
from app.snapshot import Snapshot
from engine.clock import Clock
from engine.domain import Consumer, Expected
from engine.store import Reader

#: Seconds between two looks at `data_version`: a change is on screen within two.
POLL_S = 1.0


class Feed(QtCore.QThread):
    """Sends a Snapshot when the database changed, came or went, or another consumer was chosen.

    A fault of the world is sent with what was read before it.
    """

    arrived = QtCore.Signal(object)
    #: Name of a question, and what was found.
    found = QtCore.Signal(str, object)

    def __init__(self, database: Path, clock: Clock) -> None:
        super().__init__()
        self.setObjectName("feed")
        self._database = database
        self._clock = clock
        self._stopping = False
        self._called = threading.Event()
        self._chosen: Consumer | None = None
        self._last: Snapshot | None = None
        self._questions: dict[str, Question] = {}

    def stop(self) -> None:
        """End the thread and wait for it."""
        self._stopping = True
        self._called.set()
        self.wait()

    def choose(self, of: Consumer) -> None:
        """Read this consumer beside the price areas from now on, and at once."""
        self._chosen = of
        self._called.set()

    def ask(self, question: Question) -> None:
        """Answer a question from the database at once; `found` follows."""
        self._questions[question.name] = question
        self._called.set()

    def _pause(self) -> None:
        """Wait until the next look is due, or somebody calls."""
        self._called.wait(POLL_S)
        self._called.clear()

    def run(self) -> None:
        """Poll until stopped."""
        while not self._stopping:
            try:
                reader = Reader(self._database)
            except Expected as fault:
                self._send_fault(fault)
                self._pause()
                continue
            try:
                self._follow(reader)
            except Expected as fault:
                self._send_fault(fault)
                self._pause()
            finally:
                reader.close()

    def _follow(self, reader: Reader) -> None:
        seen: int | None = None
        read, file = self._chosen, self._file()
        while not self._stopping:
            version, chosen = reader.data_version(), self._chosen
            if version != seen:
                self._send(snapshot.read(reader, self._clock.now(), chosen))
            elif chosen != read and chosen is not None and self._last is not None:
                self._send(snapshot.choose(self._last, reader, self._clock.now(), chosen))
            seen, read = version, chosen
            self._answer(reader)
            self._pause()
            if self._file() != file:
                return

    def _file(self) -> tuple[int, int] | None:
        """Which file bears the name of the database: a recovery puts another one in its place."""
        try:
            found = self._database.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _answer(self, reader: Reader) -> None:
        while self._questions and not self._stopping:
            name = next(iter(self._questions))
            question = self._questions.pop(name)
            found: object
            try:
                found = question.read(reader, self._clock.now())
            except Expected as fault:
                found = fault
            self.found.emit(name, found)

    def _send_fault(self, fault: Expected) -> None:
        last = self._last
        if last is None or last.fault is None or last.fault.problem != fault.problem:
            before = last or Snapshot(read_at=self._clock.now())
            self._send(dataclasses.replace(before, fault=fault, no_database=not self._database.exists()))

    def _send(self, made: Snapshot) -> None:
        self._last = made
        self.arrived.emit(made)
