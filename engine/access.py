"""The token by which programs of the same user may change what a running engine does: where it lies, and how it is used."""

from __future__ import annotations

import contextlib
import getpass
import http.client
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

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


def decide(host: str, port: int, token: str, act: str, words: Mapping[str, str | None]) -> dict[str, Any]:
    """Have the engine carry out a decision about models; returns the change it recorded, raises Expected with its refusal."""
    # A connection of our own: libraries would send the token through a proxy that the environment names.
    connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
    try:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        connection.request("POST", f"/v1/models/{act}", json.dumps(words), headers)
        reply = connection.getresponse()
        answer: dict[str, Any] = json.loads(reply.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Expected(
            f"The engine on port {port} does not answer ({type(error).__name__}).", "Look at engine.log, then try again."
        ) from error
    finally:
        connection.close()
    if reply.status != http.client.OK:
        raise Expected(str(answer.get("detail")), str(answer.get("remedy")))
    return answer
