"""Files from an address, bounded in size and time; a large one goes on where it broke off."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit
from urllib.request import url2pathname

import requests
import urllib3

from engine import __version__, pace
from engine.config import is_fetchable
from engine.disk import require_room
from engine.domain import Expected

#: Of a download: called with the share that is there, 0 to 1.
Progress = Callable[[float], None]

_CONNECT_S, _READ_S = 10.0, 30.0
_CHUNK = 1 << 16
#: Free bytes that a download leaves on the disk.
_FLOOR = 100_000_000


def small(url: str, name: str, path: Path, most: int, deadline_s: float = 30.0) -> None:
    """Write a file of a folder at an address to `path`. Raises Expected where it is longer than `most` bytes or does not come."""
    end = time.monotonic() + deadline_s
    body = bytearray()
    with _opened(url, name, 0) as (_, chunks):
        for chunk in chunks:
            body += chunk
            if len(body) > most:
                raise Expected(f"{_address(url, name)} is larger than it may be.", "Ask whoever publishes it.")
            if time.monotonic() > end:
                raise _silent(url, name, "it takes too long")
    path.write_bytes(body)


def large(
    url: str, name: str, path: Path, size: int, sha256: str, deadline_s: float = 3600.0, progress: Progress | None = None
) -> None:
    """Write a file of known size and hash to `path`, which then is whole. What came of it before is not fetched again.

    Raises Expected where it does not come, is another one, or has no room.
    """
    if path.exists() and path.stat().st_size == size and _sha256(path) == sha256:
        return
    end, part = time.monotonic() + deadline_s, path.with_name(f"{path.name}.part")
    had = part.stat().st_size if part.exists() else 0
    if had > size:
        part.unlink()
        had = 0
    require_room(path.parent, size - had + _FLOOR, f"To fetch {name} takes")
    if had < size:
        with _told_as_expected(path), _opened(url, name, had) as (goes_on, chunks), part.open("ab" if goes_on else "wb") as out:
            had = out.tell()
            for chunk in chunks:
                pace.step()
                had += out.write(chunk)
                if had > size:
                    break
                if progress is not None:
                    progress(had / size)
                if time.monotonic() > end:
                    raise _silent(url, name, "it takes too long")
    if had < size:
        raise _silent(url, name, f"it broke off after {had / 1e6:.1f} of {size / 1e6:.1f} MB")
    if had > size or _sha256(part) != sha256:
        part.unlink()
        raise Expected(
            f"{_address(url, name)} is not the file that was announced.", "It was thrown away; tell whoever publishes it."
        )
    part.replace(path)


def require(path: Path, size: int, sha256: str) -> None:
    """Raise Expected where a file is not the one that was announced."""
    if not path.exists() or path.stat().st_size != size or _sha256(path) != sha256:
        raise Expected(f"{path} is not the file that was announced.", "Fetch it again: lastvagt-engine update stage")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _address(url: str, name: str) -> str:
    return f"{url.rstrip('/')}/{name}"


@contextlib.contextmanager
def _opened(url: str, name: str, start: int) -> Iterator[tuple[bool, Iterator[bytes]]]:
    """Whether the bytes begin at `start`, else at the first, and the bytes."""
    if url.startswith("file:"):
        folder = Path(url2pathname(urlsplit(url).path))
        try:
            with (folder / name).open("rb") as file:
                file.seek(start)
                yield True, iter(lambda: file.read(_CHUNK), b"")
        except FileNotFoundError:
            raise Expected(f"There is no {folder / name}.", "Check the address.") from None
        return
    headers = {"User-Agent": f"Lastvagt/{__version__}", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    address = _address(url, quote(name))
    try:
        with requests.get(address, headers=headers, stream=True, timeout=(_CONNECT_S, _READ_S)) as answer:
            if not is_fetchable(answer.url.partition("?")[0]):
                raise Expected(f"{address} leads to {answer.url}, which is not encrypted.", "Ask whoever publishes it.")
            if answer.status_code not in (200, 206):
                raise _silent(url, name, f"the answer is {answer.status_code}")
            goes_on = answer.status_code == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {start}-")
            if answer.status_code == 206 and not goes_on:
                raise _silent(url, name, "it sends another part than asked for")
            yield goes_on, iter(lambda: answer.raw.read1(_CHUNK, decode_content=False), b"")
    except (requests.RequestException, urllib3.exceptions.HTTPError, TimeoutError) as error:
        reason = "no answer in time" if isinstance(error, requests.Timeout | TimeoutError) else "no connection, or it broke off"
        raise _silent(url, name, reason) from error


def _silent(url: str, name: str, reason: str) -> Expected:
    return Expected(
        f"{_address(url, name)} cannot be fetched: {reason}.", "Check network and address; it goes on where it ended."
    )


@contextlib.contextmanager
def _told_as_expected(path: Path) -> Iterator[None]:
    """A full disk while writing, in words."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise Expected(
            f"The disk of {path.parent} is full.", "Free disk space, then try again; it goes on where it ended."
        ) from None
