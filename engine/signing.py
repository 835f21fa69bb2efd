"""Signed files: what a site takes from elsewhere (kits, updates, its settings) is checked against keys it trusts.

Keys and signatures are those of minisign (jedisct1.github.io/minisign), so that `minisign -Vm FILE -p KEY` checks them too: Ed25519
over the BLAKE2b digest of the file, and over a comment that is signed with it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.domain import Expected

# Imported where something is signed or checked, for which most starts have no need.
if TYPE_CHECKING:
    from nacl.signing import SigningKey

#: Added to the name of a file for that of its signature.
SUFFIX = ".minisig"
_KEY, _SIGNATURE = b"Ed", b"ED"
_COMMENT, _TRUSTED = "untrusted comment: ", "trusted comment: "
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that signatures are checked with; `name` is for people."""

    number: bytes
    point: bytes
    name: str

    @staticmethod
    def read(path: Path) -> PublicKey:
        """The key in a file; raises Expected where it holds none."""
        raw = _decoded(_lines(path, 2)[1], path)
        if len(raw) != 42 or raw[:2] != _KEY:
            raise Expected(f"{path} holds no public key.", "Give the .pub file that came with the key.")
        return PublicKey(raw[2:10], raw[10:], path.stem)

    @property
    def hexadecimal(self) -> str:
        """Its number as minisign shows it."""
        return self.number[::-1].hex().upper()

    def text(self) -> str:
        """The key as its file holds it."""
        return f"{_COMMENT}minisign public key {self.hexadecimal}\n{_encoded(_KEY + self.number + self.point)}\n"


@dataclass(frozen=True, slots=True)
class SecretKey:
    """A key that signs; never leaves the machine that made it."""

    number: bytes
    seed: bytes

    @staticmethod
    def new() -> SecretKey:
        """A new key."""
        return SecretKey(secrets.token_bytes(8), secrets.token_bytes(32))

    @staticmethod
    def read(path: Path) -> SecretKey:
        """The key in a file, one without a password; raises Expected where it holds none."""
        raw = _decoded(_lines(path, 2)[1], path)
        if len(raw) != 158 or raw[:2] != _KEY or raw[4:6] != b"B2":
            raise Expected(f"{path} holds no secret key.", "Make one: lastvagt-engine key new.")
        if raw[2:4] != b"\0\0":
            raise Expected(
                f"The key in {path} is locked by a password.", "Take one without (minisign -G -W), in a file only you can read."
            )
        number, secret, checksum = raw[54:62], raw[62:126], raw[126:]
        if checksum not in (bytes(32), _checksum(number, secret)):  # minisign leaves it out of a key without a password
            raise Expected(f"The key in {path} is damaged.", "Take a copy of it.")
        return SecretKey(number, secret[:32])

    def write(self, path: Path) -> None:
        """Into a new file that its owner alone can read; raises Expected where there is one."""
        secret = self.seed + self.public("").point
        raw = _KEY + b"\0\0" + b"B2" + bytes(48) + self.number + secret + _checksum(self.number, secret)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise Expected(f"{path} exists already.", "Choose another name; a key is not overwritten.") from None
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(f"{_COMMENT}minisign secret key, not encrypted\n{_encoded(raw)}\n")

    def public(self, name: str) -> PublicKey:
        """The key that others check with."""
        return PublicKey(self.number, bytes(self._signing.verify_key), name)

    @property
    def _signing(self) -> SigningKey:
        from nacl.signing import SigningKey

        return SigningKey(self.seed)

    def sign(self, path: Path, comment: str) -> str:
        """The text of the signature of a file, with a comment of one line that is signed too."""
        key = self._signing
        signature = key.sign(_digest(path)).signature
        whole = key.sign(signature + comment.encode()).signature
        mark = _encoded(_SIGNATURE + self.number + signature)
        return f"{_COMMENT}signature from lastvagt\n{mark}\n{_TRUSTED}{comment}\n{_encoded(whole)}\n"


def verify(path: Path, signature: Path, keys: Iterable[PublicKey], content: bytes | None = None) -> tuple[PublicKey, str]:
    """The key that signed a file, and the signed comment; raises Expected where none of the keys did, or the file is another.

    `content` is what was read of the file already, and is checked in its place.
    """
    from nacl.exceptions import BadSignatureError
    from nacl.signing import VerifyKey

    _, mark, comment, whole = _lines(signature, 4)
    raw, over_comment = _decoded(mark, signature), _decoded(whole, signature)
    if len(raw) != 74 or raw[:2] != _SIGNATURE or len(over_comment) != 64 or not comment.startswith(_TRUSTED):
        raise Expected(f"{signature} holds no signature.", "Fetch the file and its signature again.")
    number, signed = raw[2:10], raw[10:]
    comment = comment.removeprefix(_TRUSTED)
    trusted = list(keys)
    for key in trusted:
        if key.number == number:
            try:
                digest = _digest(path) if content is None else hashlib.blake2b(content, digest_size=64).digest()
                VerifyKey(key.point).verify(digest, signed)
                VerifyKey(key.point).verify(signed + comment.encode(), over_comment)
            except BadSignatureError:
                raise Expected(f"{path} is not what '{key.name}' signed.", "Do not use it; fetch it again.") from None
            return key, comment
    names = ", ".join(key.name for key in trusted) or "none"
    raise Expected(
        f"{path} is signed with the key {number[::-1].hex().upper()}, which is not trusted here (trusted: {names}).",
        "If you trust who signed it, add the public key: lastvagt-engine key trust FILE.",
    )


def _checksum(number: bytes, secret: bytes) -> bytes:
    return hashlib.blake2b(_KEY + number + secret, digest_size=32).digest()


def _digest(path: Path) -> bytes:
    made = hashlib.blake2b(digest_size=64)
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                made.update(chunk)
    except OSError as error:
        raise Expected(f"{path} cannot be read: {error.strerror}.", "Check that it exists and who may read it.") from None
    return made.digest()


def _lines(path: Path, count: int) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise Expected(f"{path} cannot be read: {reason}.", "Check that it exists and who may read it.") from None
    if len(lines) < count:
        raise Expected(f"{path} is cut short.", "Fetch it again.")
    return lines[:count]


def _encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _decoded(text: str, path: Path) -> bytes:
    """What base64 text holds, in the one form that it is written in."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if _encoded(raw) != text:
        raise Expected(f"{path} holds neither key nor signature.", "Fetch it again.")
    return raw
