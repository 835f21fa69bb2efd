"""Tokens for people and programs on other machines: made, listed, revoked, and kept as hashes only."""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import json
import secrets
from dataclasses import dataclass
from pathlib import Path

from engine import disk
from engine.domain import Expected


class Right(enum.StrEnum):
    """What the holder of a token may do: only read, or give orders too."""

    READER = "reader"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Holder:
    """Whom a token was made for."""

    name: str
    right: Right
    made_at: int


class Tokens:
    """The tokens of a data folder. The file is read anew at each question, so that one that was revoked ends at once."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "tokens.json"

    def new(self, name: str, right: Right, now: int) -> str:
        """A token for somebody who has none yet. It is told this once: what is kept is its hash."""
        known = self._read()
        if not name.isprintable() or not 0 < len(name) <= 40:
            raise Expected(f"'{name[:40]}' is no name for a token.", "Give one to 40 printable characters: --name wall-display.")
        if any(holder.name == name for holder in known.values()):
            raise Expected(
                f"'{name}' has a token already.", f"Choose another name, or: lastvagt-engine token revoke --name {name}."
            )
        token = secrets.token_urlsafe(32)
        self._write(known | {_digest(token): Holder(name, right, now)})
        return token

    def renew(self, name: str, now: int) -> str:
        """A token in place of somebody's, with the same right; the one before ends with that."""
        left, ended = self._without(name)
        token = secrets.token_urlsafe(32)
        self._write(left | {_digest(token): dataclasses.replace(ended, made_at=now)})
        return token

    def revoke(self, name: str) -> None:
        """End a token; raises Expected where there is none of that name."""
        self._write(self._without(name)[0])

    def _without(self, name: str) -> tuple[dict[str, Holder], Holder]:
        known = self._read()
        left = {digest: holder for digest, holder in known.items() if holder.name != name}
        if len(left) == len(known):
            raise Expected(f"Nobody named '{name}' has a token.", "lastvagt-engine token list names all.")
        return left, next(holder for holder in known.values() if holder.name == name)

    def holders(self) -> list[Holder]:
        """Everybody who has one, oldest first."""
        return sorted(self._read().values(), key=lambda holder: (holder.made_at, holder.name))

    def holder(self, token: str) -> Holder | None:
        """Whom a token was made for. It is compared by its hash, of which timing tells nothing."""
        return self._read().get(_digest(token)) if token else None

    def _read(self) -> dict[str, Holder]:
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
            return {digest: Holder(h["name"], Right(h["right"]), int(h["made_at"])) for digest, h in found.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise Expected(
                f"{self._path} cannot be read.", "Check its permissions; delete it to make all tokens anew."
            ) from error

    def _write(self, known: dict[str, Holder]) -> None:
        """Whole or not at all, for the user's eyes only."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({digest: dataclasses.asdict(holder) for digest, holder in known.items()}, indent=1)
        disk.write(self._path, text, 0o600)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
