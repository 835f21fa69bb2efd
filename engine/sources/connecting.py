"""How a provider is connected to: its name is looked up, its addresses are tried, and all that follows is cut, at one deadline."""

from __future__ import annotations

import contextvars
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from types import TracebackType
from typing import Any, ClassVar, cast

import requests
from requests.adapters import HTTPAdapter
from urllib3 import ProxyManager
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import ConnectionPool, HTTPConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.connection import allowed_gai_family

from engine import pace

#: How long to wait for the addresses of a name: a resolver goes on from a dead name server to the next after five seconds.
_LOOK_UP_S = 20.0
#: How long each address may take to answer.
_CONNECT_S = 10.0

#: Of each address: family, kind and protocol of its sockets, its name, and itself.
_Addresses = Sequence[tuple[int, int, int, str, Any]]
_lookups: dict[tuple[str, int], Future[_Addresses]] = {}
_lock = threading.Lock()


def addresses(host: str, port: int, patience_s: float) -> _Addresses:
    """The addresses of a name; raises OSError or UnicodeError where it has none, or nobody tells them in time.

    A lookup cannot be called off. One that hangs goes on alone, and whoever asks for the name meanwhile waits for it too: there is
    one thread for each name at most.
    """
    with _lock:
        lookup = _lookups.get((host, port))
        if lookup is None:
            lookup = _lookups[host, port] = Future()
            threading.Thread(target=_look_up, args=(lookup, host, port), name="lookup", daemon=True).start()
    end = time.monotonic() + patience_s
    while not lookup.done() and (left := end - time.monotonic()) > 0:
        pace.step()
        wait((lookup,), min(left, pace.LOOK_S))
    return lookup.result(0)


def _look_up(lookup: Future[_Addresses], host: str, port: int) -> None:
    try:
        lookup.set_result(socket.getaddrinfo(host, port, allowed_gai_family(), socket.SOCK_STREAM))
    except (OSError, UnicodeError) as error:
        lookup.set_exception(error)
    finally:
        with _lock:
            del _lookups[host, port]


class Deadline:
    """Cuts the connections of a request when its time is up or its answer is not wanted any more, whatever it waits for: a socket's
    timeout begins anew with each byte."""

    def __init__(self, timeout_s: float) -> None:
        self._ends = time.monotonic() + timeout_s
        self._sockets: list[socket.socket] = []
        self._passed, self._over = threading.Event(), threading.Event()
        seen = contextvars.copy_context().run  # the steps of the one who watches are those of the one who asks
        self._watcher = threading.Thread(target=seen, args=(self._watch,), name="deadline", daemon=True)

    def __enter__(self) -> Deadline:
        self._watcher.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._over.set()
        self._watcher.join()
        for each in self._sockets:
            each.close()

    def left_s(self) -> float:
        """Seconds that are left, more than none."""
        return max(0.001, self._ends - time.monotonic())

    def watch(self, connection: socket.socket) -> None:
        """Cut this one too."""
        self._sockets.append(connection.dup())  # TLS takes the descriptor out of the original
        if self._passed.is_set():
            self._cut()

    def check(self) -> None:
        """Raise TimeoutError where the time is up, `CalledOff` where the answer is not wanted any more."""
        if self._passed.is_set():
            pace.step()
            raise TimeoutError("no whole answer in time")

    def _watch(self) -> None:
        with suppress(pace.CalledOff):
            while (left := self._ends - time.monotonic()) > 0:
                pace.step()
                if self._over.wait(min(left, pace.LOOK_S)):
                    return
        self._cut()

    def _cut(self) -> None:
        self._passed.set()
        for each in list(self._sockets):
            with suppress(OSError):  # the other side has closed it already
                each.shutdown(socket.SHUT_RDWR)


class _Watched(HTTPConnection):
    """A connection that is made and ends before a deadline."""

    deadline: ClassVar[Deadline]

    def _new_conn(self) -> socket.socket:
        host = self.host.strip("[]")
        try:
            found = addresses(host, self.port, min(_LOOK_UP_S, self.deadline.left_s()))
        except (OSError, UnicodeError) as error:
            raise NameResolutionError(host, self, socket.gaierror(str(error))) from error
        trouble: OSError | None = None
        for family, kind, protocol, _, address in found:
            try:
                return self._connected(socket.socket(family, kind, protocol), address)
            except OSError as error:
                trouble = error
        if isinstance(trouble, TimeoutError):
            raise ConnectTimeoutError(self, "no address answered in time") from trouble
        raise NewConnectionError(self, f"no address answered: {trouble}") from trouble

    def _connected(self, made: socket.socket, address: Any) -> socket.socket:
        try:
            for option in self.socket_options or ():
                made.setsockopt(*option)
            made.settimeout(min(_CONNECT_S, self.deadline.left_s()))
            made.connect(address)
        except OSError:
            made.close()
            raise
        self.deadline.watch(made)
        return made


class Adapter(HTTPAdapter):
    """Makes connections, direct or through an HTTP proxy, that end at a deadline."""

    def __init__(self, deadline: Deadline) -> None:
        super().__init__()
        self._deadline = deadline

    def proxy_manager_for(self, proxy: str, **more: Any) -> ProxyManager:
        if proxy.lower().startswith("socks"):  # whose connections make themselves: ours would go past it
            raise requests.exceptions.InvalidProxyURL("a SOCKS proxy is not supported")
        return cast(ProxyManager, super().proxy_manager_for(proxy, **more))

    def get_connection_with_tls_context(
        self,
        request: requests.PreparedRequest,
        verify: bool | str | None,
        proxies: Mapping[str, str] | None = None,
        cert: tuple[str, str] | str | None = None,
    ) -> ConnectionPool:
        pool = cast(HTTPConnectionPool, super().get_connection_with_tls_context(request, verify, proxies, cert))
        pool.ConnectionCls = type("Connection", (_Watched, pool.ConnectionCls), {"deadline": self._deadline})
        return pool
