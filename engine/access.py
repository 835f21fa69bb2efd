"""How programs ask a running engine and give it orders, and the token that orders need: where it lies, and how it is used."""

from __future__ import annotations

import contextlib
import getpass
import http.client
import json
import os
import secrets
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from engine.domain import Expected

_FILE = "engine.token"
#: How long an answer may take.
TIMEOUT_S = 30.0


@contextlib.contextmanager
def grant(data_dir: Path) -> Iterator[str]:
    """A new token in the data folder, for the user's eyes only, that is gone afterwards."""
    path, token = data_dir / _FILE, secrets.token_urlsafe(32)
    path.unlink(missing_ok=True)  # of an engine that was killed
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(token)
    try:
        yield token
    finally:
        path.unlink(missing_ok=True)


def read(data_dir: Path) -> str:
    """The token of the engine that runs on a data folder; raises Expected where it cannot be read."""
    try:
        return (data_dir / _FILE).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Expected(
            f"The engine's token in {data_dir} cannot be read.", "Start the engine; run as the user that started it."
        ) from error


def user() -> str:
    """Name of the user, for the record of a decision."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a user without a name, as in some containers
        return "somebody"


class Refused(Expected):
    """The engine answered, and would not."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The HTTP endpoint of an engine, by its address (http://127.0.0.1:8787) and the token, without which one may only look."""

    url: str
    token: str = field(default="", repr=False)
    #: Certificates to trust besides the system's, as a PEM file.
    ca: Path | None = None
    timeout_s: float = TIMEOUT_S

    def get(self, path: str, query: Mapping[str, object] | None = None) -> Any:
        """The JSON answer to a question; raises Expected with the engine's refusal, or where it does not answer."""
        words = {name: value for name, value in (query or {}).items() if value is not None}
        return self._checked(*self._call("GET", f"{path}?{urlencode(words)}" if words else path))

    def post(self, path: str, words: Mapping[str, object]) -> Any:
        """The JSON answer to an order; raises Expected with the engine's refusal, or where it does not answer."""
        return self._checked(*self._call("POST", path, body=json.dumps(words)))

    def fetch(self, path: str, etag: str) -> tuple[str, bytes] | None:
        """ETag and bytes, as they are packed, of what has changed since `etag`; None where nothing has."""
        reply, body = self._call("GET", path, {"If-None-Match": etag, "Accept-Encoding": "gzip"})
        if reply.status == http.client.NOT_MODIFIED:
            return None
        if reply.status != http.client.OK:
            self._checked(reply, body)
        return reply.headers["ETag"], body

    def _checked(self, reply: http.client.HTTPResponse, body: bytes) -> Any:
        try:
            answer = json.loads(body)
        except ValueError as error:
            raise self._silent(error) from error
        if reply.status != http.client.OK:
            raise Refused(str(answer.get("detail")), str(answer.get("remedy")))
        return answer

    def _call(
        self, method: str, path: str, more: Mapping[str, str] | None = None, body: str | None = None
    ) -> tuple[http.client.HTTPResponse, bytes]:
        parts = urlsplit(self.url)
        headers = {**(more or {}), **({"Authorization": f"Bearer {self.token}"} if self.token else {})}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            # A connection of our own: libraries would send the token through a proxy that the environment names.
            connection = self._connection(parts.scheme == "https", parts.hostname or "", parts.port)
        except (OSError, ValueError) as error:
            raise self._silent(error) from error
        try:
            connection.request(method, parts.path.rstrip("/") + path, body, headers)
            reply = connection.getresponse()
            return reply, reply.read()
        except ssl.SSLCertVerificationError as error:
            raise Expected(
                f"The certificate of {self.url} is not to be trusted: {error.verify_message}.",
                "Use the name the certificate was made for; name your own authority's certificate with --ca.",
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise self._silent(error) from error
        finally:
            connection.close()

    def _connection(self, secure: bool, host: str, port: int | None) -> http.client.HTTPConnection:
        if not secure:
            return http.client.HTTPConnection(host, port, timeout=self.timeout_s)
        context = ssl.create_default_context()
        if self.ca is not None:
            context.load_verify_locations(self.ca)
        return http.client.HTTPSConnection(host, port, timeout=self.timeout_s, context=context)

    def _silent(self, error: Exception) -> Expected:
        return Expected(
            f"The engine at {self.url} does not answer ({type(error).__name__}).", "Look at engine.log, then try again."
        )
