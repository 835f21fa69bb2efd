"""One window on a folder: a second start calls the first window to the front and ends."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import time
from collections.abc import Iterator
from pathlib import Path

from PySide6 import QtCore

from engine.lock import AlreadyRuns, exclusive

log = logging.getLogger("lastvagt.app")


class Calls(QtCore.QObject):
    """Hears, by a file that it watches, that somebody started the program again: `came`."""

    came = QtCore.Signal()

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._watcher = QtCore.QFileSystemWatcher(self)
        self._watcher.fileChanged.connect(self.came)

    def listen(self) -> None:
        """Hear calls from now on."""
        self._path.touch()
        self._watcher.addPath(str(self._path))

    def call(self) -> None:
        """Be heard by who listens."""
        self._path.write_text(str(time.time_ns()), encoding="ascii")


@contextlib.contextmanager
def alone(folder: Path, places: Path) -> Iterator[Calls]:
    """Be the one window on a folder, by a lock of this user among `places`; raises `AlreadyRuns` once it has called the other.

    Where no lock can be kept there may be several windows: they only read, and no call comes.
    """
    name = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
    calls = Calls(places / f"{name}.call")
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(exclusive(places, f"{name}.lock"))
            calls.listen()
        except AlreadyRuns:
            calls.call()
            raise
        except OSError as error:
            log.warning("Whether there is another window on %s is not known: %s", folder, error)
        yield calls
