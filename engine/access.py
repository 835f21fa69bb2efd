"""How programs ask a running engine and give it orders, and the token that orders need: where it lies, and how it is used."""

from __future__ import annotations

import contextlib
import getpass
import http.client
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from engine.domain import Expected

_FILE = "engine.token"
_TIMEOUT_S = 30.0


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


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The HTTP endpoint of an engine, by its address (http://127.0.0.1:8787) and the token, without which one may only look."""

    url: str
    token: str = field(default="", repr=False)

    def get(self, path: str, query: Mapping[str, object] | None = None) -> Any:
        """The JSON answer to a question; raises Expected with the engine's refusal, or where it does not answer."""
        words = {name: value for name, value in (query or {}).items() if value is not None}
        return self._call("GET", f"{path}?{urlencode(words)}" if words else path)

    def post(self, path: str, words: Mapping[str, object]) -> Any:
        """The JSON answer to an order; raises Expected with the engine's refusal, or where it does not answer."""
        return self._call("POST", path, json.dumps(words))

    def _call(self, method: str, path: str, body: str | None = None) -> Any:
        parts = urlsplit(self.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        # A connection of our own: libraries would send the token through a proxy that the environment names.
        connection = kind(parts.hostname or "", parts.port, timeout=_TIMEOUT_S)
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            connection.request(method, parts.path.rstrip("/") + path, body, headers)
            reply = connection.getresponse()
            answer = json.loads(reply.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Expected(
                f"The engine at {self.url} does not answer ({type(error).__name__}).", "Look at engine.log, then try again."
            ) from error
        finally:
            connection.close()
        if reply.status != http.client.OK:
            raise Expected(str(answer.get("detail")), str(answer.get("remedy")))
        return answer
