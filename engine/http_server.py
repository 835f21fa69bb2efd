"""Serves an ASGI app from a thread, on the loopback address or behind TLS, and keeps hostile or broken clients from doing harm.

uvicorn knows no deadline for receiving a request and no order in which to drop clients; `_Protocol` adds both. `Guard` stands
outside everything else, so that errors and unknown paths are guarded too.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
import socket
import ssl
import sys
import threading
from collections.abc import Awaitable, Callable, Collection, Iterable, MutableMapping
from dataclasses import dataclass
from pathlib import Path
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

#: Whether a token is known.
Admits = Callable[[str], bool]
#: Takes note of a wrong token from an address; returns the seconds to wait before another, 0 where it may be sent at once.
Wrong = Callable[[str], int]

METHODS = ("GET", "HEAD")
DEADLINE_S = 10.0
#: Longest time a client may take to read its answer, in deadlines.
_ANSWER_DEADLINES = 6
MAX_CONNECTIONS = 64
MAX_HEADER_BYTES = 16 * 1024
MAX_BODY_BYTES = 64 * 1024
#: What proxies add to what they pass on.
_FORWARDED = (b"forwarded", b"x-forwarded-for")
#: Headers that browsers add, and no program, to what a page sends; a page can keep the first back, the second not.
_OF_PAGES = (b"referer", b"sec-fetch-site")
_PORT = re.compile(rb":[0-9]{1,5}$")
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


def bearer(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The token a request carries; empty where it carries none."""
    given = next((value for name, value in headers if name == b"authorization"), b"").decode("latin-1")
    return given.removeprefix("Bearer ").strip() if given.startswith("Bearer ") else ""


def _nobody(_: str) -> bool:
    return False


def _at_once(_: str) -> int:
    return 0


class Guard:
    """Answers itself what no route should see: a foreign Host, a web page's Origin, a method that is not served, a large body.

    A page on the web can make a browser call this port (DNS rebinding, cross-site requests); the exact Host and the absence
    of Origin tell such calls apart. Paths in `posts` take JSON and nothing that a page's form could send.

    Who calls by one of the `public` names, from behind a proxy, or where loopback names mean nothing (`local` False), needs a
    token that `admits` knows. A wrong token is refused wherever it comes from, and told to `wrong`.
    """

    def __init__(
        self,
        app: App,
        port: int,
        posts: Collection[str] = (),
        public: Collection[str] = (),
        admits: Admits = _nobody,
        local: bool = True,
        wrong: Wrong = _at_once,
    ) -> None:
        self._app = app
        self._posts = frozenset(posts)
        self._public = {name.lower().encode() for name in public}
        self._admits = admits
        self._wrong = wrong
        names = ("localhost", "127.0.0.1", "[::1]") if local else ()
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
        host = hosts[0].lower()
        local = host in self._hosts
        if not local and _PORT.sub(b"", host) not in self._public:
            return problem(
                403,
                "Foreign Host",
                "This server does not answer to that name.",
                "Use http://localhost, or a name of 'public_names'.",
            )
        if sum(len(name) + len(value) for name, value in headers) > MAX_HEADER_BYTES:
            return problem(431, "Headers too large", f"Headers may have {MAX_HEADER_BYTES} bytes.", "Send fewer.")
        if any(name == b"origin" for name, _ in headers):
            return problem(403, "Cross-site request", "Web pages may not read this server.", "Call it from a program.")
        if given := bearer(headers):
            if refusal := self._refusal_of_token(given, scope["client"][0]):
                return refusal
        elif not local or any(name in _FORWARDED for name, _ in headers):
            return problem(
                401, "No valid token", "From another machine this needs a token.", "lastvagt-engine token new makes one.",
                {"www-authenticate": "Bearer"},
            )  # fmt: skip
        posts = scope["path"] in self._posts
        methods = ("POST",) if posts else METHODS
        if scope["method"] not in methods:
            allow = ", ".join(methods)
            return problem(405, "Method not allowed", f"Here only {allow} is served.", f"Use {methods[0]}.", {"allow": allow})
        if any(name == b"transfer-encoding" for name, _ in headers) or (
            posts and not any(n == b"content-length" for n, _ in headers)
        ):
            return problem(411, "Length required", "The body has no length.", "Send Content-Length.", {"connection": "close"})
        length = next((value for name, value in headers if name == b"content-length"), b"0")
        if int(length) > MAX_BODY_BYTES:
            return problem(
                413, "Body too large", f"A body may have {MAX_BODY_BYTES} bytes.", "Send less.", {"connection": "close"}
            )
        return self._refusal_of_post(dict(headers)) if posts else None

    def _refusal_of_token(self, given: str, peer: str) -> Response | None:
        try:
            if self._admits(given):
                return None
        except Expected as error:
            return problem(503, "Tokens cannot be read", error.problem, error.remedy)
        if wait_s := self._wrong(peer):
            return problem(
                429, "Too many wrong tokens", "Too many wrong tokens came from this address.", "Wait, then send a valid one.",
                {"retry-after": str(wait_s)},
            )  # fmt: skip
        return problem(
            401, "No valid token", "This engine does not know the token.", "lastvagt-engine token new makes one.",
            {"www-authenticate": "Bearer"},
        )  # fmt: skip

    @staticmethod
    def _refusal_of_post(headers: dict[bytes, bytes]) -> Response | None:
        if not headers.keys().isdisjoint(_OF_PAGES):
            return problem(403, "Cross-site request", "Web pages may not change anything.", "Call it from a program.")
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


@dataclass(frozen=True, slots=True)
class Tls:
    """A certificate (with its chain) and its key, as PEM files."""

    certificate: Path
    key: Path

    def check(self) -> None:
        """Raises Expected where they cannot be used."""
        try:
            ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(self.certificate, self.key)
        except OSError as error:  # of which SSLError is one
            raise Expected(
                f"The certificate {self.certificate} with its key {self.key} cannot be used: {error.strerror or error}.",
                "Name readable PEM files that belong together with 'tls_certificate' and 'tls_key'.",
            ) from error


def _bound(host: str, port: int) -> list[socket.socket]:
    """Sockets on a port; `localhost` is the loopback address of IPv4 and, where the machine has it, that of IPv6."""
    if host != "localhost":
        return [_listener(host, port)]
    sockets = [_listener("127.0.0.1", port)]
    if _has_ipv6_loopback():
        try:
            sockets.append(_listener("::1", sockets[0].getsockname()[1]))
        except Expected:
            sockets[0].close()
            raise
    return sockets


def _has_ipv6_loopback() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends small answers at once only over a socket that says it is TCP's; else each may wait 40 ms for the one before.
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if sys.platform == "win32":  # where the option below would let another program take the port over
        made.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    else:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
    except OSError as error:
        made.close()
        raise Expected(
            f"Port {port} of {host} cannot be used: {error.strerror}.",
            "End the program that uses it, or choose another one with the setting 'port' (0 lets the system choose).",
        ) from error
    return made


class HttpServer:
    """Runs an app in a daemon thread. `start` returns once connections are accepted.

    With `tls` it may listen on any address, and every request needs a token that `admits` knows.
    """

    def __init__(
        self,
        app: App,
        host: str,
        port: int,
        deadline_s: float = DEADLINE_S,
        posts: Collection[str] = (),
        public: Collection[str] = (),
        admits: Admits = _nobody,
        tls: Tls | None = None,
        wrong: Wrong = _at_once,
    ) -> None:
        if tls is not None:
            tls.check()
        self._sockets = _bound(host, port)
        self.port = int(self._sockets[0].getsockname()[1])
        protocol = type("Protocol", (_Protocol,), {"deadline_s": deadline_s, "live": {}})
        self._server = uvicorn.Server(
            uvicorn.Config(
                Guard(app, self.port, posts, public, admits, tls is None, wrong),
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
                ssl_certfile=tls.certificate if tls else None,
                ssl_keyfile=tls.key if tls else None,
            )
        )
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)

    def _run(self) -> None:
        try:
            self._server.run(sockets=self._sockets)
        except Exception:
            log.exception("The HTTP endpoint ended.")

    def start(self) -> None:
        """Accept connections on `port`."""
        for each in self._sockets:
            each.listen(128)
        self._thread.start()

    def stop(self) -> None:
        """Finish running answers (at most two seconds) and close."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(4.0)
        for each in self._sockets:
            with contextlib.suppress(OSError):
                each.close()
