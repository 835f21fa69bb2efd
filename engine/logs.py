"""The log of a process: a file of bounded size, in which the same fault, told each second for months, takes next to no room."""

from __future__ import annotations

import contextlib
import copy
import logging
import logging.handlers
import re
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

#: Bytes of a file, and files of a log.
_BYTES, _FILES = 10_000_000, 5
#: After so many messages of a kind at once, one more is written each so many seconds, with the number of those left out.
_AT_ONCE, _EVERY_S = 100, 360.0
#: Kinds that are remembered: enough to see those that come back.
_KINDS = 1000
_NUMBER = re.compile(r"\d+")


def log_to(path: Path, logger: logging.Logger, *beside: logging.Handler) -> None:
    """Let a logger write to a file, and to handlers beside it, with moments in UTC."""
    form = logging.Formatter("%(asctime)sZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")
    form.converter = time.gmtime
    handlers = (_File(path), *beside)
    for handler in handlers:
        handler.setFormatter(form)
    logger.addHandler(Thrift(*handlers))


@dataclass(slots=True)
class _Kind:
    """Messages that are alike but for numbers: how many more may be written since when; how many were not, and the last of them."""

    left: float
    at: float
    dropped: int = 0
    last: logging.LogRecord | None = None


class Thrift(logging.Handler):
    """Hands on the first messages of each kind, then a few; those say how many like them were left out, at the end the last one does.

    Of an error that nobody expected the kind is its type and place, so that each kind's first traceback is written.
    """

    def __init__(self, *handlers: logging.Handler) -> None:
        super().__init__()
        self._handlers = handlers
        self._kinds: OrderedDict[object, _Kind] = OrderedDict()

    def emit(self, record: logging.LogRecord) -> None:
        """Hand a record on, or leave it out."""
        kind = self._kind(record)
        kind.left = min(_AT_ONCE, kind.left + max(0.0, record.created - kind.at) / _EVERY_S)
        kind.at = record.created
        if kind.left < 1:
            kind.dropped += 1
            kind.last = copy.copy(record)
            kind.last.exc_info = None  # which would keep alive whatever its frames know
            return
        kind.left -= 1
        self._hand_on(record, kind.dropped)
        kind.dropped, kind.last = 0, None

    def close(self) -> None:
        """Tell what was left out, and close what was given."""
        while self._kinds:
            self._forget()
        for handler in self._handlers:
            handler.close()
        super().close()

    def _kind(self, record: logging.LogRecord) -> _Kind:
        key = (record.levelno, record.pathname, record.lineno, _NUMBER.sub("#", record.getMessage()), _place(record))
        kind = self._kinds.pop(key, None) or _Kind(_AT_ONCE, record.created)
        self._kinds[key] = kind
        if len(self._kinds) > _KINDS:
            self._forget()
        return kind

    def _forget(self) -> None:
        """Forget the kind that was heard of longest ago."""
        _, kind = self._kinds.popitem(last=False)
        if kind.last is not None:
            self._hand_on(kind.last, kind.dropped)

    def _hand_on(self, record: logging.LogRecord, dropped: int) -> None:
        if dropped:
            record = copy.copy(record)
            record.msg, record.args = f"{record.getMessage()} ({dropped:,} like it were left out)", ()
        for handler in self._handlers:
            handler.handle(record)


def _place(record: logging.LogRecord) -> object:
    """Type and place of the error that a record tells of."""
    if not record.exc_info or record.exc_info[2] is None:
        return None
    trace = record.exc_info[2]
    while trace.tb_next is not None:
        trace = trace.tb_next
    return record.exc_info[0], trace.tb_frame.f_code.co_filename, trace.tb_lineno


class _File(logging.handlers.RotatingFileHandler):
    """Files that are opened with the first message. A disk or a folder that takes nothing costs messages, never the caller."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, maxBytes=_BYTES, backupCount=_FILES - 1, encoding="utf-8", errors="backslashreplace", delay=True)

    def doRollover(self) -> None:  # noqa: N802 - a name of logging
        """Begin a new file; where another program keeps the old one from being renamed, as on Windows, empty it at twice its size."""
        self.close()
        base = Path(self.baseFilename)
        names = [base.with_name(f"{base.name}.{number}") for number in range(_FILES)]
        try:
            base.replace(names[0])
        except OSError:
            self.stream = self._open()
            if self.stream.tell() >= 2 * self.maxBytes:
                self.stream.truncate(0)
            return
        self.stream = self._open()
        for older, newer in reversed(list(zip(names[1:], names, strict=False))):
            with contextlib.suppress(OSError):
                newer.replace(older)

    def close(self) -> None:
        """Close the file, even if it cannot take the last of what was written to it."""
        with contextlib.suppress(OSError):
            super().close()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Lose the message: the disk is full, and whoever watches the engine hears that from the store."""
