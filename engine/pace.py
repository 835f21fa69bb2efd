"""Work that takes long goes step by step: with each it is seen to get on, and it is broken off there when nobody wants it any more."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import Any

#: A wait looks so often whether it is still wanted.
LOOK_S = 0.2

_seen: ContextVar[Callable[[], None]] = ContextVar("seen", default=lambda: None)


class CalledOff(BaseException):
    """Nobody wants any more what was begun; no failure, so that who puts up with failures lets it pass."""


@contextlib.contextmanager
def seen(by: Callable[[], None]) -> Iterator[None]:
    """Let each step of this thread call `by`, which breaks it off by raising `CalledOff`."""
    token = _seen.set(by)
    try:
        yield
    finally:
        _seen.reset(token)


def step() -> None:
    """The work of this thread gets on; raises `CalledOff` where it is not wanted any more."""
    _seen.get()()


def sleep(seconds: float) -> None:
    """Wait, as long as that is wanted."""
    end = time.monotonic() + seconds
    step()
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, LOOK_S))
        step()


def run(command: Sequence[str], timeout_s: float, **options: Any) -> subprocess.CompletedProcess[str]:
    """`subprocess.run` of a command that is given nothing, with all that it says, as long as that is wanted."""
    pipe, end = subprocess.PIPE, time.monotonic() + timeout_s
    options |= {"stdin": subprocess.DEVNULL, "text": True, "errors": "replace"}
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, **options) as ran:
        try:
            while True:
                step()
                try:
                    said, wrong = ran.communicate(timeout=LOOK_S)
                except subprocess.TimeoutExpired:
                    if time.monotonic() >= end:
                        raise
                else:
                    return subprocess.CompletedProcess(command, ran.returncode, said, wrong)
        except BaseException:
            ran.kill()
            raise
