"""Where secrets are kept: in the keyring of the operating system where one works, else in a file that only the user can read."""

from __future__ import annotations

import contextlib
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from engine import disk
from engine.domain import Expected

#: What stands in the file in place of a secret that is in the keyring.
IN_KEYRING = "keyring:"
#: What stands before the path of a file that holds a secret, where the secret itself would stand.
IN_FILE = "file:"
_FILE = "secrets.toml"
_SERVICE = "lastvagt"


def file(folder: Path) -> Path:
    """The file of a data folder's secrets; as TOML, name by name."""
    return folder / _FILE


def keep(folder: Path, name: str, secret: str) -> str:
    """Keep a secret of a data folder; returns what to write into its file: `IN_KEYRING`, or the secret where no keyring works."""
    if (ring := _keyring()) is None:
        return secret
    with _told_as_expected():
        ring.set_password(_SERVICE, _key(folder, name), secret)
    return IN_KEYRING


def recall(folder: Path, name: str) -> str:
    """A secret that is in the keyring; raises Expected where it does not give it."""
    if (ring := _keyring()) is not None:
        with _told_as_expected():
            secret: str | None = ring.get_password(_SERVICE, _key(folder, name))
            if secret is not None:
                return secret
    raise Expected(f"The keyring does not give '{name}'.", "Unlock it and start the engine again, or set the secret anew.")


def fetch(place: str) -> str:
    """The secret in a file that `IN_FILE` names; raises Expected where it cannot be read."""
    path = Path(place.removeprefix(IN_FILE))
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Expected(f"The secret in {path} cannot be read.", "Check that it exists and who may read it.") from error


def forget(folder: Path, name: str) -> None:
    """Take a secret out of the keyring, if it is there."""
    if (ring := _keyring()) is not None:
        with contextlib.suppress(Expected), _told_as_expected():
            ring.delete_password(_SERVICE, _key(folder, name))


def read(path: Path) -> dict[str, object]:
    """What stands in a TOML file; raises Expected where it is none."""
    return parse(path, content(path))


def content(path: Path) -> bytes:
    """The bytes of a file; raises Expected where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise Expected(f"{path} cannot be read: {error.strerror}.", "Check who may read it.") from error


def parse(path: Path, content: bytes) -> dict[str, object]:
    """What was read from a TOML file; raises Expected where it is none."""
    try:
        return tomllib.loads(content.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Expected(f"{path} is not valid TOML: {error}.", "Correct that line.") from error


def write(path: Path, values: Mapping[str, object]) -> None:
    """Write values as TOML, for the user's eyes only, whole or not at all; without any the file goes. Raises OSError."""
    if not values:
        path.unlink(missing_ok=True)
        return
    disk.write(path, "".join(f"{name} = {_toml(value)}\n" for name, value in values.items()), 0o600)


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    escaped = {'"': '\\"', "\\": "\\\\"}
    return '"' + "".join(escaped.get(c, c if c.isprintable() else f"\\U{ord(c):08x}") for c in str(value)) + '"'


def _key(folder: Path, name: str) -> str:
    """Each data folder has secrets of its own."""
    return f"{name} of {folder.resolve()}"


def _keyring() -> Any:
    """The keyring that works here, or None. Imported when it is asked for: looking for one takes time and may wake a service."""
    try:
        import keyring
    except ImportError:  # an engine without the app
        return None
    ring = keyring.get_keyring()
    return ring if ring.priority >= 1 else None


@contextlib.contextmanager
def _told_as_expected() -> Iterator[None]:
    from keyring.errors import KeyringError

    try:
        yield
    except KeyringError as error:
        raise Expected(f"The keyring refuses: {error}.", "Unlock it, then try again.") from error
