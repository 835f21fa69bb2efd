"""A connection to an HTTP endpoint on which tests send bytes as they are, one request after the other or all at once."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.domain import Expected
from engine.store import Reader

#: Requests that are on their way at once.
_AHEAD = 64


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back; `status` is 0 where the connection was closed without a word."""

    status: int
    headers: dict[str, str]
    body: bytes


_NOTHING = Reply(0, {}, b"")


class Wire:
    """One connection, made anew where the other side closed it."""

    def __init__(self, port: int, host: str = "127.0.0.1", timeout_s: float = 20.0) -> None:
        self._where, self._timeout_s = (host, port), timeout_s
        self._socket: socket.socket | None = None
        self._got = b""

    def ask(self, request: bytes) -> Reply:
        """What a request is answered."""
        return next(self.ask_all([request]))

    def ask_all(self, requests: Iterable[bytes]) -> Iterator[Reply]:
        """What each of many requests is answered; what the other side left unanswered when it closed is sent once more."""
        waiting = list(requests)
        while waiting:
            batch = waiting[:_AHEAD]
            answered = 0
            if self._socket is None:
                self._socket, self._got = socket.create_connection(self._where, timeout=self._timeout_s), b""
            with contextlib.suppress(ConnectionError):
                self._socket.sendall(b"".join(batch))
            for request in batch:
                reply = self._read(head=request.startswith(b"HEAD "))
                if reply is None:
                    break
                yield reply
                answered += 1
                if reply.headers.get("connection") == "close":
                    self.close()
                    break
            if not answered:
                self.close()
                yield _NOTHING
                answered = 1
            elif answered < len(batch):
                self.close()
            waiting = waiting[answered:]

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _read(self, head: bool) -> Reply | None:
        """The next answer; None where the connection ended before it."""
        while b"\r\n\r\n" not in self._got:
            if not self._more():
                return None
        top, _, self._got = self._got.partition(b"\r\n\r\n")
        first, *lines = top.decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        status = int(first.split()[1])
        length = 0 if head or status in (204, 304) else int(headers.get("content-length", "-1"))
        if length < 0:
            body = self._chunks() if headers.get("transfer-encoding") == "chunked" else self._rest()
        else:
            body = self._exactly(length)
        return None if body is None else Reply(status, headers, body)

    def _chunks(self) -> bytes | None:
        body = b""
        while True:
            while b"\r\n" not in self._got:
                if not self._more():
                    return None
            size, _, self._got = self._got.partition(b"\r\n")
            chunk = self._exactly(int(size, 16) + 2)
            if chunk is None or int(size, 16) == 0:
                return body if chunk is not None else None
            body += chunk[:-2]

    def _rest(self) -> bytes:
        while self._more():
            pass
        body, self._got = self._got, b""
        return body

    def _exactly(self, length: int) -> bytes | None:
        while len(self._got) < length:
            if not self._more():
                return None
        body, self._got = self._got[:length], self._got[length:]
        return body

    def _more(self) -> bool:
        assert self._socket is not None
        try:
            came = self._socket.recv(1 << 18)
        except ConnectionError:
            return False
        self._got += came
        return bool(came)


def request(method: str, target: str, *headers: str, body: bytes = b"") -> bytes:
    """A request byte for byte, with the length of its body where it has one."""
    lines = [f"{method} {target} HTTP/1.1", *headers, *([f"Content-Length: {len(body)}"] if body else []), "", ""]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + body


def serving_port(folder: Path, pid: int) -> int:
    """Where the engine of a process serves, as soon as it does."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        with contextlib.suppress(Expected), contextlib.closing(Reader(folder / "lastvagt.sqlite")) as reader:
            state = reader.engine()
            if state is not None and state.pid == pid:
                return state.port
        time.sleep(0.05)
    raise AssertionError("the engine does not serve")
