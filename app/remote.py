"""An engine on another machine: its database as a copy that is kept current, its answers, and whether it is heard at all."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs
from PySide6 import QtCore

from app.engine_link import Request, bring, in_background, told
from app.snapshot import EngineKind, EngineStatus, Snapshot
from engine.access import Endpoint
from engine.clock import Clock
from engine.domain import Expected
from engine.store import replica

#: Seconds between two questions whether there is anything new; after a failure soon again, then later, but so that an engine that is
#: back is on screen within five.
POLL_S = 4.0
FIRST_RETRY_S, LONGEST_RETRY_S = 1.0, 3.0
#: Seconds between two questions what keeps it from writing, which no copy tells.
TOLD_S = 30.0
#: Seconds an engine may stay silent within one answer.
TIMEOUT_S = 10.0


def endpoint(url: str, token_file: Path | None = None, ca: Path | None = None) -> Endpoint:
    """Where the engine is and what lets us in; raises Expected where that cannot be."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise Expected(f"'{url}' is no address of an engine.", "Write it like https://lastvagt.example.org:8787.")
    if parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        raise Expected(f"{url} would send the token in the clear.", "Use https, or a tunnel to localhost.")
    try:
        token = token_file.read_text(encoding="ascii").strip() if token_file else ""
        if ca is not None:
            ca.read_bytes()
    except (OSError, UnicodeDecodeError) as error:
        raise Expected(
            f"{getattr(error, 'filename', None) or token_file} cannot be read.", "Check --token-file and --ca."
        ) from error
    return Endpoint(url.rstrip("/"), token, ca, TIMEOUT_S)


def folder(url: str) -> Path:
    """Where what an engine sent is kept, so that the next start shows it at once."""
    name = hashlib.sha256(url.rstrip("/").encode()).hexdigest()[:16]
    return Path(platformdirs.user_cache_dir("lastvagt", appauthor=False)) / "remote" / name


class Copy:
    """The copy of an engine's database in a folder of its own."""

    def __init__(self, of: Endpoint, database: Path) -> None:
        self._endpoint, self._database = of, database
        self._note = database.with_suffix(".etag")

    def renew(self) -> None:
        """Fetch what is new, if anything is; raises Expected with what was there left as it is."""
        known = ""
        with contextlib.suppress(OSError):
            known = self._note.read_text(encoding="ascii") if self._database.exists() else ""
        found = self._endpoint.fetch("/v1/replica", known)
        if found is None:
            return
        etag, packed = found
        self._database.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._note.unlink(missing_ok=True)
        replica.install(packed, self._database)
        self._note.write_text(etag, encoding="ascii")


class RemoteLink(QtCore.QObject):
    """Takes the place of `EngineLink`: `changed` carries an EngineStatus, `answered` an Answer."""

    changed = QtCore.Signal(object)
    answered = QtCore.Signal(object)

    def __init__(self, of: Endpoint, database: Path, clock: Clock) -> None:
        super().__init__()
        self._endpoint, self._copy, self._clock = of, Copy(of, database), clock
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._poll, name="remote", daemon=True)
        self.status = EngineStatus(EngineKind.CONNECTING, of.url)

    def consider(self, _: Snapshot) -> None:
        """Begin to follow the engine, once somebody looks."""
        if self._thread.ident is None:
            self.changed.emit(self.status)
            self._thread.start()

    def ask(self, request: Request) -> None:
        """Bring a request before the engine; `answered` follows, and nothing waits for it."""
        in_background(self, lambda: self.answered.emit(bring(request, lambda: self._endpoint)))

    def stop(self) -> None:
        """Leave the engine alone. A fetch that hangs ends with the program."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(1.0)

    def _poll(self) -> None:
        retry_s, ask_at, hinders = FIRST_RETRY_S, time.monotonic(), self.status.told
        while not self._stopping.is_set():
            try:
                orders = bool(self._endpoint.get("/v1/access")["orders"])
                self._copy.renew()
                if time.monotonic() >= ask_at:
                    hinders, ask_at = told(self._endpoint), time.monotonic() + TOLD_S
            except Expected as fault:
                self._become(EngineStatus(EngineKind.UNHEARD, fault.problem, orders=False, heard=self.status.heard))
                self._stopping.wait(retry_s)
                retry_s = min(2 * retry_s, LONGEST_RETRY_S)
            else:
                retry_s = FIRST_RETRY_S
                self._become(EngineStatus(EngineKind.CONNECTED, self._endpoint.url, orders, self._clock.now(), hinders))
                self._stopping.wait(POLL_S)

    def _become(self, status: EngineStatus) -> None:
        before, self.status = self.status, status
        if status != dataclasses.replace(before, heard=status.heard) and not self._stopping.is_set():
            self.changed.emit(status)
