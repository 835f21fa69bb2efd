"""A proxy on loopback between the program and the simulated upstream that spoils answers on their way, byte by byte, on an injected clock."""

from __future__ import annotations

import contextlib
import functools
import re
import socket
import struct
import threading
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import pytest

from engine.clock import Clock
from engine.sources import connecting
from engine.sources.fetch import HttpTransport, Reply, Request
from engine.sources.simulated import SimulatedUpstream

#: What a client waits for an answer that is slow on purpose, and for any other.
IMPATIENT_S, PATIENT_S = 0.02, 30.0
#: A name whose first address swallows connections and whose second is the proxy.
TWO_ADDRESSES = "two-addresses.test"
_LAST_NUMBER = re.compile(rb"(?s)(.*(?:<quantity>|[,:\[]))-?\d+(?:\.\d+)?(?=[],}<])")

#: Writes an answer to a connection.
Write = Callable[[socket.socket, Reply, "Proxy"], None]


@dataclass(frozen=True)
class Fault:
    """What goes wrong. `harmless` faults hinder nobody; a client loses patience with those that are `slow`."""

    write: Write
    slow: bool = False
    harmless: bool = False
    #: Where the client is sent instead of to the proxy's own address.
    route: Callable[[str], str] = str


def answer(reply: Reply, *, length: object = "", **headers: str) -> bytes:
    """An answer as it is sent; header names are written with underscores. A length of None is left out."""
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in {**reply.headers, **headers}.items()]
    if length is not None:
        lines.append(f"content-length: {length if length != '' else len(reply.body)}")
    return "\r\n".join([f"HTTP/1.1 {reply.status} Said so", *lines, "connection: close", "", ""]).encode() + reply.body


def _instead(status: int = 200, body: bytes = b"", **headers: str) -> Fault:
    return Fault(lambda c, _, __: c.sendall(answer(Reply(status, {}, body), **headers)))


def _changed(change: Callable[[bytes], bytes]) -> Fault:
    return Fault(lambda c, reply, _: c.sendall(answer(Reply(200, reply.headers, change(reply.body)))))


def _raw(text: bytes) -> Fault:
    return Fault(lambda c, _, __: c.sendall(text))


def _trickle(head: bytes, again: bytes) -> Fault:
    """A head, then the same bytes for ever, slowly."""

    def write(connection: socket.socket, _: Reply, proxy: Proxy) -> None:
        connection.sendall(head)
        while not proxy.wait(0.02):
            connection.sendall(again)

    return Fault(write, slow=True)


def _until_left(connection: socket.socket) -> None:
    """Wait until the client has hung up."""
    while connection.recv(65536):
        pass


def _late(connection: socket.socket, reply: Reply, _: Proxy) -> None:
    _until_left(connection)
    connection.sendall(answer(reply))


def _trickled(connection: socket.socket, reply: Reply, proxy: Proxy) -> None:
    for byte in answer(reply):
        connection.sendall(bytes([byte]))
        if proxy.wait(0.02):
            return


def _never_closed(connection: socket.socket, reply: Reply, _: Proxy) -> None:
    connection.sendall(answer(reply, length=None))
    _until_left(connection)


def _silent(connection: socket.socket, _: Reply, __: Proxy) -> None:
    _until_left(connection)


def _reset(connection: socket.socket, reply: Reply, _: Proxy) -> None:
    connection.sendall(answer(reply)[:200])
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _sliced(connection: socket.socket, reply: Reply, _: Proxy) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    whole = answer(reply)
    for at in range(0, len(whole), 97):
        connection.sendall(whole[at : at + 97])


def _broken_off(connection: socket.socket, reply: Reply, _: Proxy) -> None:
    whole = answer(reply)
    connection.sendall(whole[: -len(reply.body) // 2])


@functools.cache
def bomb(megabytes: int) -> bytes:
    """A gzip stream that inflates to so many megabytes of spaces."""
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    head = packer.compress(b" " * 1_000_000) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(b" " * 1_000_000) + packer.flush(zlib.Z_FULL_FLUSH)
    return head + block * (megabytes - 1) + packer.flush()


def _tail(connection: socket.socket, reply: Reply, proxy: Proxy) -> None:
    """A whole gzip stream, then more and more."""
    packer = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    packed = packer.compress(reply.body) + packer.flush()
    connection.sendall(answer(Reply(200, {"content-encoding": "gzip"}, packed), length=None))
    while not proxy.wait(0.0):
        connection.sendall(bytes(65536))


def _twice(body: bytes) -> bytes:
    """Says one thing twice, first wrongly."""
    if body.startswith(b"<"):
        return re.sub(rb"(?s)(<Point>.*?<quantity>)([\d.]+)(.*?</Point>)", rb"\g<1>1234.5\3\1\2\3", body, count=1)
    if named := re.fullmatch(rb'(?s)(.*)("\w+":)(\d+(?:\.\d+)?)(\D*)', body):
        return named[1] + named[2] + b"1234.5," + named[2] + named[3] + named[4]
    return body.replace(b'{"', b'{"hourly":{},"', 1)


def _number(word: bytes) -> Callable[[bytes], bytes]:
    """Puts a word in the place of the last number."""
    return lambda body: _LAST_NUMBER.sub(lambda found: found[1] + word, body, count=1)


def _elsewhere(url: str) -> Fault:
    return _instead(302, location=url)


def _with_host(host: str) -> Callable[[str], str]:
    """Another host, at the same port."""
    return lambda url: urlunsplit((parts := urlsplit(url))._replace(netloc=f"{host}:{parts.port}"))


FAULTS: dict[str, Fault] = {
    # Toxiproxy's seven
    "latency": Fault(_late, slow=True),
    "bandwidth": Fault(_trickled, slow=True),
    "slow_close": Fault(_never_closed, slow=True),
    "timeout": Fault(_silent, slow=True),
    "reset_peer": Fault(_reset),
    "slicer": Fault(_sliced, harmless=True),
    "limit_data": Fault(_broken_off),
    # the way there
    "refused": Fault(_silent, route=lambda url: urlunsplit(urlsplit(url)._replace(netloc="127.0.0.1:9"))),
    "unknown name": Fault(_silent, route=_with_host("nobody.invalid")),
    "first address is a black hole": Fault(
        lambda c, reply, _: c.sendall(answer(reply)), harmless=True, route=_with_host(TWO_ADDRESSES)
    ),
    "no TLS": Fault(_silent, route=lambda url: url.replace("http:", "https:")),
    "TLS never answers": Fault(_silent, slow=True, route=lambda url: url.replace("http:", "https:")),
    # heads
    "no HTTP": _raw(b"\x00\x80garbage without any sense\r\n\r\n"),
    "huge header": _raw(b"HTTP/1.1 200 OK\r\nx-filler: " + b"x" * 70_000 + b"\r\n\r\n[]"),
    "many headers": _raw(b"HTTP/1.1 200 OK\r\n" + b"x-filler: x\r\n" * 500 + b"\r\n[]"),
    "head without end": _trickle(b"HTTP/1.1 200 OK\r\nx-filler: ", b"x"),
    "length too long": Fault(lambda c, reply, _: c.sendall(answer(reply, length=len(reply.body) + 10))),
    "length too short": Fault(lambda c, reply, _: c.sendall(answer(reply, length=len(reply.body) - 10))),
    "length below zero": _raw(b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n"),
    "chunked garbage": _raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n"),
    "chunk without end": _trickle(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;", b"x"),
    "redirect in a circle": Fault(lambda c, _, proxy: c.sendall(answer(Reply(302, {"location": proxy.url}, b"")))),
    "redirect to a file": _elsewhere("file:///etc/hosts"),
    "redirect to another host": Fault(lambda c, _, proxy: c.sendall(answer(Reply(307, {"location": proxy.trap_url}, b"")))),
    # bodies
    "gzip bomb": Fault(lambda c, _, __: c.sendall(answer(Reply(200, {"content-encoding": "gzip"}, bomb(25))))),
    "gzip bomb in a redirect": _instead(302, bomb(25), location="http://127.0.0.1:9/", content_encoding="gzip"),
    "gzip and no end": Fault(_tail),
    "broken gzip": _instead(200, bomb(1)[:500], content_encoding="gzip"),
    "HTML": _instead(200, b"<!DOCTYPE html><html><body>Maintenance</body></html>", content_type="text/html"),
    "half the JSON": _changed(lambda body: body[: len(body) // 2]),
    "another charset": _changed(lambda body: body.decode().encode("utf-16")),
    "empty": _instead(200),
    "NaN": _changed(_number(b"NaN")),
    "infinity": _changed(_number(b"1e999")),
    "deep nesting": _instead(200, b'{"records":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "names twice": _changed(_twice),
    "an error inside": _instead(200, b'{"statusCode":500,"message":"Internal server error"}'),
    # refusals
    **{str(code): _instead(code, b"busy") for code in (400, 401, 403, 404, 500, 502, 503)},
    "204": Fault(lambda c, _, __: c.sendall(answer(Reply(204, {}, b""), length=None))),
    "429": _instead(429),
    "429 for 292 s": _instead(429, b"Rate limit is exceeded. Try again in 292 seconds.", retry_after="292"),
    "429 for ever": _instead(429, retry_after="10000000000"),
}


class Proxy:
    """Serves while used as a context manager, with `fault` where there is one. `calls[path]` holds when it was asked."""

    def __init__(self, clock: Clock, seed: int = 1) -> None:
        self.fault: Fault | None = None
        self.calls: dict[str, list[int]] = defaultdict(list)
        self.bodies: list[bytes] = []  # as they were before they were spoilt
        self.strangers = 0  # who came where only a redirect leads
        self._clock = clock
        self._upstream = SimulatedUpstream(clock, seed)
        self._ended = threading.Event()
        self._sockets = contextlib.ExitStack()

    def __enter__(self) -> Proxy:
        self._server, self._trap = (self._sockets.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2))
        self._trap.setblocking(False)
        self.url, self.trap_url = (f"http://127.0.0.1:{each.getsockname()[1]}" for each in (self._server, self._trap))
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(BlockingIOError):
            self._trap.accept()[0].close()
            self.strangers += 1
        self._ended.set()
        self._server.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._sockets.close()

    def wait(self, seconds: float) -> bool:
        """Wait, unless the proxy ends; whether it does."""
        return self._ended.wait(seconds)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):  # the client hangs up on many
            connection.settimeout(PATIENT_S)
            head = b""
            while b"\r\n\r\n" not in head and not head.startswith(b"\x16"):  # with which TLS begins
                if not (piece := connection.recv(65536)):
                    return
                head += piece
            fault = self.fault
            if head.startswith(b"\x16"):
                if fault is not None and fault.slow:
                    _until_left(connection)
                else:
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                return
            target = head.split(b" ", 2)[1].decode()
            parts = urlsplit(target)
            self.calls[parts.path].append(self._clock.now())
            reply = self._upstream.send(Request("", parts.path, dict(parse_qsl(parts.query))), PATIENT_S)
            self.bodies.append(reply.body)
            if fault is None:
                connection.sendall(answer(reply))
            else:
                fault.write(connection, reply, self)


class Through(HttpTransport):
    """The program's own transport, sent wherever the proxy's fault leads, and impatient where that is slow.

    `sent[path]` holds when it asked: a proxy that is serves on a slow thread may note that later.
    """

    def __init__(self, proxy: Proxy, clock: Clock) -> None:
        super().__init__()
        self.sent: dict[str, list[int]] = defaultdict(list)
        self._proxy = proxy
        self._clock = clock

    def send(self, request: Request, timeout_s: float) -> Reply:
        self.sent[urlsplit(request.url).path].append(self._clock.now())
        fault = self._proxy.fault
        if fault is None:
            return super().send(request, PATIENT_S)
        moved = Request(request.dataset, fault.route(request.url), request.params)
        return super().send(moved, IMPATIENT_S if fault.slow else PATIENT_S)


@contextlib.contextmanager
def two_addresses(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Lets a name have two addresses, of which the first takes no connection, since its queue is full, and is given up soon."""
    real = socket.getaddrinfo
    with socket.socket() as hole, socket.socket() as filler:
        hole.bind(("127.0.0.1", 0))
        hole.listen(0)
        filler.connect(hole.getsockname())

        def resolve(host: Any, port: Any, *rest: Any, **named: Any) -> Any:
            if host != TWO_ADDRESSES:
                return real(host, port, *rest, **named)
            kind = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
            return [(*kind, hole.getsockname()), (*kind, ("127.0.0.1", port))]

        patch.setattr(socket, "getaddrinfo", resolve)
        patch.setattr(connecting, "_CONNECT_S", 0.05)
        yield
