"""One process at a time: a folder is held by a kernel lock that ends with the process."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from engine.domain import Expected

#: The lock of an engine on its data folder.
ENGINE = "engine.lock"
#: How long one waits for who only looks whether the folder is held.
_PATIENCE_S = 0.3


class AlreadyRuns(Expected):
    """Another engine holds the data folder."""

    exit_code = 3


@contextlib.contextmanager
def exclusive(folder: Path, name: str = ENGINE) -> Iterator[None]:
    """Hold a folder alone, by a kernel lock that ends with the process; raises `AlreadyRuns`, naming the holder.

    The lock file is never deleted: deleting it would let two processes lock two files of one name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("a+", encoding="ascii") as file:
        end = time.monotonic() + _PATIENCE_S
        while not _take(file.fileno()):
            if time.monotonic() < end:
                time.sleep(0.02)
                continue
            file.seek(0)
            raise AlreadyRuns(
                f"Another engine (process {file.read().strip() or 'unknown'}) works on {folder}.",
                "Use that one, stop it first, or give this one a folder of its own with --data-dir.",
            )
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def holder(folder: Path, name: str = ENGINE) -> int | None:
    """The process that holds a folder, if one does."""
    try:
        with (folder / name).open("r+", encoding="ascii") as file:
            return None if _take(file.fileno()) else int(file.read().strip() or 0) or None
    except FileNotFoundError:
        return None


def _take(descriptor: int) -> bool:
    try:
        _lock(descriptor)
    except OSError:
        return False
    return True


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        # A locked region cannot be read by others, so it lies far behind the process id.
        os.lseek(descriptor, 1 << 20, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
