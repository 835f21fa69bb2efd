"""The wish that the engine ends, as a signal or the end of its standard input brings it: it is heard before anything takes time."""

from __future__ import annotations

import contextlib
import os
import signal
import threading

_SIGNALS = ("SIGTERM", "SIGINT", "SIGHUP", "SIGBREAK")


def listen() -> threading.Event:
    """The event that a signal to end sets from now on; a second signal of Ctrl-C changes nothing."""
    asked = threading.Event()
    for name in _SIGNALS:
        if hasattr(signal, name) and signal.getsignal(getattr(signal, name)) is not signal.SIG_IGN:  # as nohup wants it
            signal.signal(getattr(signal, name), lambda *_: asked.set())
    return asked


def follow_input(asked: threading.Event) -> None:
    """Set the event when standard input ends, too, which it does with the program at its other end."""
    threading.Thread(target=_read_to_the_end, args=(asked,), name="input", daemon=True).start()


def _read_to_the_end(asked: threading.Event) -> None:
    # Past sys.stdin, whose lock a thread that waits would hold while the interpreter ends.
    with contextlib.suppress(OSError):
        while os.read(0, 1024):
            pass
    asked.set()
