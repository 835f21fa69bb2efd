"""The thread that reads the database, so that the window never waits for a disk."""

from __future__ import annotations

import dataclasses
import threading
from pathlib import Path

from PySide6 import QtCore

from app import snapshot
from app.snapshot import Snapshot
from engine.clock import Clock
from engine.domain import Expected
from engine.store import Reader

#: Seconds between two looks at `data_version`: a change is on screen within two.
POLL_S = 1.0


class Feed(QtCore.QThread):
    """Sends a Snapshot when the database changed, came or went. A fault of the world is sent with what was read before it."""

    arrived = QtCore.Signal(object)

    def __init__(self, database: Path, clock: Clock) -> None:
        super().__init__()
        self.setObjectName("feed")
        self._database = database
        self._clock = clock
        self._stopping = threading.Event()
        self._last: Snapshot | None = None

    def stop(self) -> None:
        """End the thread and wait for it."""
        self._stopping.set()
        self.wait()

    def run(self) -> None:
        """Poll until stopped."""
        while not self._stopping.is_set():
            try:
                reader = Reader(self._database)
            except Expected as fault:
                self._send_fault(fault)
                self._stopping.wait(POLL_S)
                continue
            try:
                self._follow(reader)
            except Expected as fault:
                self._send_fault(fault)
                self._stopping.wait(POLL_S)
            finally:
                reader.close()

    def _follow(self, reader: Reader) -> None:
        seen: int | None = None
        while not self._stopping.is_set():
            version = reader.data_version()
            if version != seen:
                self._send(snapshot.read(reader, self._clock.now()))
                seen = version
            self._stopping.wait(POLL_S)
            if not self._database.exists():
                return

    def _send_fault(self, fault: Expected) -> None:
        last = self._last
        if last is None or last.fault is None or last.fault.problem != fault.problem:
            before = last or Snapshot(read_at=self._clock.now())
            self._send(dataclasses.replace(before, fault=fault, no_database=not self._database.exists()))

    def _send(self, made: Snapshot) -> None:
        self._last = made
        self.arrived.emit(made)
