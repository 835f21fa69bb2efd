"""Serves an ASGI app on the loopback address from a thread, and keeps hostile or broken clients from doing harm.

uvicorn knows no deadline for receiving a request and no order in which to drop clients; `_Protocol` adds both. `Guard` stands
outside everything else, so that errors and unknown paths are guarded too.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
import threading
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any

import h11
import uvicorn
from starlette.responses import Response
from uvicorn.protocols.http.h11_impl import H11Protocol

from engine.domain import Expected

log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

METHODS = ("GET", "HEAD")
DEADLINE_S = 10.0
#: Longest time a client may take to read its answer, in deadlines.
_ANSWER_DEADLINES = 6
MAX_CONNECTIONS = 64
MAX_HEADER_BYTES = 16 * 1024
MAX_BODY_BYTES = 64 * 1024
_RECEIVED = (h11.DONE, h11.MUST_CLOSE, h11.CLOSED)


def problem(status: int, title: str, detail: str, remedy: str, headers: dict[str, str] | None = None) -> Response:
    """An error as RFC 9457 problem JSON with a `remedy`."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, "remedy": remedy}
    return Response(
        json.dumps(body),
        status,
        {"cache-control": "no-store", "x-content-type-options": "nosniff"} | (headers or {}),
        "application/problem+json",
    )


class Guard:
    """Answers itself what no route should see: a foreign Host, a web page's Origin, a method that is not served, a large body.

    A page on the web can make a browser call this port (DNS rebinding, cross-site requests); the exact Host and the absence
    of Origin tell such calls apart. Paths in `posts` take JSON and nothing that a page's form could send.
    """

    def __init__(self, app: App, port: int, posts: Collection[str] = ()) -> None:
        self._app = app
        self._posts = frozenset(posts)
        names = ("localhost", "127.0.0.1", "[::1]")
        self._hosts = {f"{name}:{port}".encode() for name in names}
        if port == 80:
            self._hosts |= {name.encode() for name in names}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        hosts = [value for name, value in headers if name == b"host"]
        if len(hosts) != 1 or not hosts[0]:
            return problem(400, "Bad Host", "The request has no single Host header.", "Send Host: localhost and the port.")
        if hosts[0].lower() not in self._hosts:
            return problem(403, "Foreign Host", "This server answers to its loopback names only.", "Use http://localhost.")
        if sum(len(name) + len(value) for name, value in headers) > MAX_HEADER_BYTES:
            return problem(431, "Headers too large", f"Headers may have {MAX_HEADER_BYTES} bytes.", "Send fewer.")
        if any(name == b"origin" for name, _ in headers):
            return problem(403, "Cross-site request", "Web pages may not read this server.", "Call it from a program.")
        posts = scope["path"] in self._posts
        methods = ("POST",) if posts else METHODS
        if scope["method"] not in methods:
            allow = ", ".join(methods)
            return problem(405, "Method not allowed", f"Here only {allow} is served.", f"Use {methods[0]}.", {"allow": allow})
        # Where no route reads a body, uvicorn buffers at most 64 KiB of it, so only chunked bodies that are read need a refusal.
        length = next((value for name, value in headers if name == b"content-length"), b"0")
        if int(length) > MAX_BODY_BYTES:
            return problem(
                413, "Body too large", f"A body may have {MAX_BODY_BYTES} bytes.", "Send less.", {"connection": "close"}
            )
        return self._refusal_of_post(dict(headers)) if posts else None

    @staticmethod
    def _refusal_of_post(headers: dict[bytes, bytes]) -> Response | None:
        if b"referer" in headers:
            return problem(403, "Cross-site request", "Web pages may not change anything.", "Call it from a program.")
        if b"transfer-encoding" in headers or b"content-length" not in headers:
            return problem(411, "Length required", "The body has no length.", "Send Content-Length.", {"connection": "close"})
        if headers.get(b"content-type", b"").partition(b";")[0].strip().lower() != b"application/json":
            return problem(415, "Not JSON", "The body is not application/json.", "Send JSON and say so in Content-Type.")
        return None


class _Protocol(H11Protocol):
    """One connection: the whole request must arrive within the deadline, however steadily its bytes trickle in."""

    deadline_s = DEADLINE_S
    max_connections = MAX_CONNECTIONS
    live: dict[_Protocol, None]  # in order of arrival
    _receiving = True
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.live[self] = None
        self._arm()
        if len(self.live) > self.max_connections:
            others = [p for p in self.live if p is not self]
            next((p for p in others if p._receiving), others[0])._drop()

    def data_received(self, data: bytes) -> None:
        try:
            super().data_received(data)
        except h11.LocalProtocolError:  # garbage after a request that was answered: uvicorn tries to answer it again
            self._drop()
            return
        if self._receiving:
            self._arm(only_if_received=True)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def _arm(self, only_if_received: bool = False) -> None:
        self._receiving = self.conn.their_state not in _RECEIVED or self.cycle is None or self.cycle.response_complete
        if only_if_received and self._receiving:
            return
        if self._timer is not None:
            self._timer.cancel()
        wait_s = self.deadline_s * (1 if self._receiving else _ANSWER_DEADLINES)
        self._timer = self.loop.call_later(wait_s, self._drop)

    def _forget(self) -> None:
        self.live.pop(self, None)
        if self._timer is not None:
            self._timer.cancel()

    def _drop(self) -> None:
        self._forget()
        self.transport.abort()


class HttpServer:
    """Runs an app in a daemon thread. `start` returns once connections are accepted."""

    def __init__(self, app: App, host: str, port: int, deadline_s: float = DEADLINE_S, posts: Collection[str] = ()) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        if os.name == "posix":  # on Windows this option would let another program take the port over
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((host, port))
        except OSError as error:
            self._socket.close()
            raise Expected(
                f"Port {port} of {host} cannot be used: {error.strerror}.",
                "End the program that uses it, or choose another one with the setting 'port' (0 lets the system choose).",
            ) from error
        self.port = int(self._socket.getsockname()[1])
        protocol = type("Protocol", (_Protocol,), {"deadline_s": deadline_s, "live": {}})
        self._server = uvicorn.Server(
            uvicorn.Config(
                Guard(app, self.port, posts),
                http=protocol,
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="error",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                h11_max_incomplete_event_size=MAX_HEADER_BYTES,
                timeout_graceful_shutdown=2,
            )
        )
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)

    def _run(self) -> None:
        try:
            self._server.run(sockets=[self._socket])
        except Exception:
            log.exception("The HTTP endpoint ended.")

    def start(self) -> None:
        """Accept connections on `port`."""
        self._socket.listen(128)
        self._thread.start()

    def stop(self) -> None:
        """Finish running answers (at most two seconds) and close."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(4.0)
        with contextlib.suppress(OSError):
            self._socket.close()
