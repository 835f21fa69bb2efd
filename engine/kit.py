"""A kit: one signed file that carries data, holidays, model bundles and a program update to a site without a network.

It is a zip file of plain members. `manifest.json` lists every other one with its size and SHA-256, and `manifest.json.minisig` signs
it, so that what was not signed is not read. Values of a series are columns of numbers (`pack`), not a program and not text."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
import re
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from engine import clock, releases, sealed, signing
from engine.disk import require_room
from engine.domain import HOUR, Expected, Flag, FloatArray, IntArray
from engine.signing import PublicKey, SecretKey

#: What the names of kits end with.
SUFFIX = ".kit"
#: How it is told that a file is out of reach, as the files of a user are for a service.
UNSEEN = "cannot be read here"
#: Version of this form; a kit of another one is refused.
FORM = 1
#: Files of a model bundle.
BUNDLE_FILES = (sealed.MANIFEST, sealed.SIGNATURE, *sealed.FILES)
MANIFEST = "manifest.json"
_SIGNATURE = MANIFEST + signing.SUFFIX
_MEGABYTE = 1 << 20
_WORD = r"[A-Za-z0-9][A-Za-z0-9._+~-]{0,99}"
#: Names that members may have, and the bytes they may hold.
_MEMBERS = (
    (re.compile(re.escape(MANIFEST)), 16 * _MEGABYTE),
    (re.compile(re.escape(_SIGNATURE)), 4096),
    (re.compile(r"series/\d{4}\.bin"), 512 * _MEGABYTE),
    (re.compile(rf"models/{_WORD}/({'|'.join(map(re.escape, BUNDLE_FILES))})"), 64 * _MEGABYTE),
    (re.compile(rf"update/{_WORD}"), 1024 * _MEGABYTE),
)
_MOST_MEMBERS, _MOST_BYTES = 10_000, 4096 * _MEGABYTE
_CHUNK = 1 << 20
#: Every member is as old as zip files can say, so that the same contents are the same bytes.
_AGE = (1980, 1, 1, 0, 0, 0)
#: What a damaged or hostile zip file makes the standard library raise.
_BROKEN = (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, RuntimeError, ValueError, OverflowError, OSError)
_NAME = re.compile(r"[^\W_](?:[\w .&()+'-]*[\w.)])?")
_DAY_NAME = re.compile(r"[a-z0-9_]{1,40}")
_FIRST, _LAST = clock.parse_utc("1980-01-01"), clock.parse_utc("2080-01-01")
#: Bytes of one value: when it is valid, when it became known, how much, and its flags.
_WIDTH = 8 + 8 + 8 + 1


class Refused(Expected):
    """A kit that is not taken: not there, not whole, not trusted, or not for this folder."""


@dataclass(frozen=True, slots=True)
class Part:
    """The values of one series: how many rows, in which member."""

    quantity: str
    area: str
    consumer_type: str
    source: str
    rank: int
    rows: int
    member: str


@dataclass(frozen=True, slots=True)
class Contents:
    """What a kit holds: everything that became known in [since, until) on the machine of `program` (a version) that made it.

    `days` are its special days by class, `models` the ids of bundles, `update` the version of a program. `files` are sizes and SHA-256
    of members by name; `digest` is the SHA-256 of the manifest, by which a kit is known.
    """

    since: int
    until: int
    program: str
    simulated: bool
    note: str
    parts: tuple[Part, ...]
    days: Mapping[dt.date, str]
    models: tuple[str, ...]
    update: str
    files: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    digest: str = ""

    @property
    def rows(self) -> int:
        """Values of all series."""
        return sum(part.rows for part in self.parts)

    @property
    def size(self) -> int:
        """Bytes of all members, unpacked."""
        return sum(size for size, _ in self.files.values())

    def document(self) -> dict[str, object]:
        """The same for JSON."""
        return {
            "form": FORM,
            "program": self.program,
            "simulated": self.simulated,
            "since": clock.iso(self.since),
            "until": clock.iso(self.until),
            "note": self.note,
            "series": [
                {
                    "quantity": part.quantity,
                    "area": part.area,
                    "consumer_type": part.consumer_type,
                    "source": part.source,
                    "rank": part.rank,
                    "rows": part.rows,
                    "member": part.member,
                }
                for part in self.parts
            ],
            "days": {day.isoformat(): name for day, name in sorted(self.days.items())},
            "models": list(self.models),
            "update": self.update,
            "files": {name: {"bytes": size, "sha256": sha} for name, (size, sha) in sorted(self.files.items())},
        }


# -- values -----------------------------------------------------------------------------------------------------------


def pack(valid_time: IntArray, available_at: IntArray, value: FloatArray, flags: np.ndarray[Any, np.dtype[np.uint8]]) -> bytes:
    """The columns as bytes, little-endian, times as steps from the row before."""
    steps = [np.diff(times, prepend=0).astype("<i8").tobytes() for times in (valid_time, available_at)]
    return b"".join((*steps, value.astype("<f8").tobytes(), flags.astype("u1").tobytes()))


def unpack(raw: bytes, rows: int) -> tuple[IntArray, IntArray, FloatArray, np.ndarray[Any, np.dtype[np.uint8]]]:
    """The columns that `pack` was given; raises ValueError for what it cannot have made."""
    if len(raw) != rows * _WIDTH:
        raise ValueError(f"{rows} rows do not take {len(raw)} bytes")
    with np.errstate(over="ignore"):
        valid, available = (np.cumsum(np.frombuffer(raw, "<i8", rows, offset).astype(np.int64)) for offset in (0, rows * 8))
    value = np.frombuffer(raw, "<f8", rows, rows * 16).astype(np.float64)
    flags = np.frombuffer(raw, "u1", rows, rows * 24).astype(np.uint8)
    if rows and not ((valid >= _FIRST) & (valid < _LAST) & (available >= _FIRST) & (available < _LAST)).all():
        raise ValueError("a time is none of this age")
    if (valid % HOUR).any():
        raise ValueError("a time is not a whole hour")
    if not np.isfinite(value).all():
        raise ValueError("a value is not a number")
    if (flags > sum(Flag)).any():
        raise ValueError("a value has marks that nobody knows")
    later = (np.diff(valid) > 0) | ((np.diff(valid) == 0) & (np.diff(available) > 0))
    if not later.all():
        raise ValueError("rows are not in order")
    return valid, available, value, flags


# -- writing ----------------------------------------------------------------------------------------------------------


class Packer:
    """Writes a kit beside its place, and puts it there when it is sealed."""

    def __init__(self, path: Path) -> None:
        self._path, self._beside = path, path.with_name(f"{path.name}.part")
        self._files: dict[str, tuple[int, str]] = {}

    def __enter__(self) -> Packer:
        self._archive = zipfile.ZipFile(self._beside, "w")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._archive.close()
        self._beside.unlink(missing_ok=True)

    def add(self, name: str, content: bytes) -> None:
        """A member that is held in memory."""
        self._put(name, len(content), [content], zipfile.ZIP_DEFLATED)
        self._files[name] = len(content), hashlib.sha256(content).hexdigest()

    def add_file(self, name: str, path: Path, packed: bool = False) -> None:
        """A member from a file; one that is `packed` already is not packed again."""
        digest, size = hashlib.sha256(), path.stat().st_size

        def chunks() -> Iterator[bytes]:
            with path.open("rb") as file:
                while chunk := file.read(_CHUNK):
                    digest.update(chunk)
                    yield chunk

        self._put(name, size, chunks(), zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED)
        self._files[name] = size, digest.hexdigest()

    def _put(self, name: str, size: int, chunks: Iterable[bytes], how: int) -> None:
        if size > _limit(name):
            raise Expected(f"{name} is too large for a kit ({size / 1e6:.0f} MB).", "Let the kit begin later: --since.")
        member = zipfile.ZipInfo(name, _AGE)
        member.compress_type, member.create_system, member.external_attr = how, 3, 0o644 << 16
        member.file_size = size
        with self._archive.open(member, "w", force_zip64=size > 1 << 31) as target:
            for chunk in chunks:
                target.write(chunk)

    def seal(self, contents: Contents, key: SecretKey) -> Contents:
        """Sign what is in it, and put it in its place; returns the contents with their files."""
        whole = dataclasses.replace(contents, files=dict(self._files))
        manifest = json.dumps(whole.document(), indent=1, ensure_ascii=False).encode()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / MANIFEST
            path.write_bytes(manifest)
            signature = key.sign(path, f"kit:{clock.iso(contents.until)}")
        self._put(MANIFEST, len(manifest), [manifest], zipfile.ZIP_DEFLATED)
        self._put(_SIGNATURE, len(signature), [signature.encode()], zipfile.ZIP_STORED)
        self._archive.close()
        self._beside.replace(self._path)
        return dataclasses.replace(whole, digest=hashlib.sha256(manifest).hexdigest())


# -- reading ----------------------------------------------------------------------------------------------------------


def read(path: Path) -> Contents:
    """What a kit says it holds, whoever signed it; nothing else of it is read."""
    with _opened(path) as archive:
        return _contents(path, _members(path, archive), _read(path, archive, MANIFEST))


def signer(path: Path, keys: Iterable[PublicKey]) -> PublicKey:
    """Whose signature a kit bears; raises Expected where it is none of these keys', or the list of contents is another."""
    with _opened(path) as archive:
        _members(path, archive)
        return _signed(path, archive, keys)[1]


@contextmanager
def unpacked(path: Path, folder: Path, keys: Iterable[PublicKey]) -> Iterator[tuple[Contents, PublicKey]]:
    """A kit with its members in a new folder that is gone afterwards; raises Expected unless every byte is what a trusted key signed."""
    shutil.rmtree(folder, ignore_errors=True)  # of an import that was killed
    try:
        yield _unpack(path, folder, keys)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unpack(path: Path, folder: Path, keys: Iterable[PublicKey]) -> tuple[Contents, PublicKey]:
    try:
        with _opened(path) as archive:
            members = _members(path, archive)
            manifest, key = _signed(path, archive, keys)
            contents = _contents(path, members, manifest)
            folder.mkdir(parents=True)
            require_room(folder, contents.size, f"To unpack {path} takes")
            for name, (size, sha) in contents.files.items():
                _extract(path, archive, name, size, sha, folder)
    except OSError as error:
        raise Expected(f"{path} cannot be unpacked: {error.strerror}.", "Check the disk and the medium the kit is on.") from error
    return contents, key


def _signed(path: Path, archive: zipfile.ZipFile, keys: Iterable[PublicKey]) -> tuple[bytes, PublicKey]:
    """The manifest and the key that signed it."""
    with tempfile.TemporaryDirectory() as folder:
        manifest, signature = Path(folder) / MANIFEST, Path(folder) / _SIGNATURE
        manifest.write_bytes(content := _read(path, archive, MANIFEST))
        signature.write_bytes(_read(path, archive, _SIGNATURE))
        try:
            return content, signing.verify(manifest, signature, keys)[0]
        except Expected as problem:
            raise Refused(problem.problem.replace(str(manifest), str(path)), problem.remedy) from None


def _damaged(path: Path, why: object) -> Refused:
    return Refused(f"{path} is no whole kit: {why}.", "Copy it again from where it came; nothing of it was taken.")


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(path)
    except (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError) as error:
        raise Refused(f"{path} {UNSEEN}: {error.strerror}.", "Check the path of the kit and who may read it.") from error
    except _BROKEN as error:
        raise _damaged(path, error) from error
    with archive:
        yield archive


def _limit(name: str) -> int:
    """Most bytes of a member of this name; below 0 where none has such a name."""
    return next((most for pattern, most in _MEMBERS if pattern.fullmatch(name)), -1)


def _members(path: Path, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Members by name, each one such as a kit may have."""
    listed = archive.infolist()
    if len(listed) > _MOST_MEMBERS:
        raise _damaged(path, f"it has {len(listed)} members")
    found: dict[str, zipfile.ZipInfo] = {}
    for member in listed:
        name, kind = member.orig_filename, stat.S_IFMT(member.external_attr >> 16)
        if name in found or name != member.filename or _limit(name) < 0:
            raise _damaged(path, f"a member is called {name[:60]!r}")
        if kind not in (0, stat.S_IFREG) or member.flag_bits & 1:
            raise _damaged(path, f"{name} is no plain file")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise _damaged(path, f"{name} is packed in another way")
        if member.file_size > _limit(name):
            raise _damaged(path, f"{name} is too large")
        found[name] = member
    if sum(member.file_size for member in listed) > _MOST_BYTES:
        raise _damaged(path, "it is too large unpacked")
    if not {MANIFEST, _SIGNATURE} <= found.keys():
        raise _damaged(path, "it has no signed list of what it holds")
    return found


def _read(path: Path, archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        with archive.open(name) as member:
            content = member.read(_limit(name) + 1)
    except _BROKEN as error:
        raise _damaged(path, error) from error
    if len(content) > _limit(name):
        raise _damaged(path, f"{name} is too large")
    return content


def _extract(path: Path, archive: zipfile.ZipFile, name: str, size: int, sha: str, folder: Path) -> None:
    target, digest, written = folder / name, hashlib.sha256(), 0
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with archive.open(name) as member, target.open("xb") as file:
            while written <= size and (chunk := member.read(_CHUNK)):
                written += len(chunk)
                digest.update(chunk)
                file.write(chunk)
    except OSError:
        raise  # of the disk, not of the kit
    except _BROKEN as error:
        raise _damaged(path, error) from error
    if written != size or digest.hexdigest() != sha:
        raise _damaged(path, f"{name} is not what was signed")


def _contents(path: Path, members: Mapping[str, zipfile.ZipInfo], manifest: bytes) -> Contents:
    """What a manifest says, which the members must be."""
    try:
        words = json.loads(manifest)
        if words["form"] != FORM:
            raise Refused(
                f"{path} is a kit of another form ({str(words['form'])[:20]}) than this program reads ({FORM}).",
                "Update this program first; a kit can bring the update.",
            )
        files = {
            str(name): (_whole(of["bytes"], _limit(name)), _fits(of["sha256"], re.compile("[0-9a-f]{64}")))
            for name, of in words["files"].items()
        }
        if files.keys() != members.keys() - {MANIFEST, _SIGNATURE}:
            raise ValueError("its members are not those that are listed")
        if any(members[name].file_size != size for name, (size, _) in files.items()):
            raise ValueError("a member is larger or smaller than listed")
        parts = tuple(_part(each, files) for each in words["series"])
        if len({part.member for part in parts}) < len(parts):
            raise ValueError("two series are in one member")
        since, until = clock.parse_utc(words["since"]), clock.parse_utc(words["until"])
        if not isinstance(words["simulated"], bool) or not 0 <= since <= until < _LAST:
            raise ValueError("its span or kind is none")
        return Contents(
            since=since,
            until=until,
            program=_version(words["program"]),
            simulated=words["simulated"],
            note=str(words["note"])[:500],
            parts=parts,
            days={dt.date.fromisoformat(day): _fits(name, _DAY_NAME) for day, name in words["days"].items()},
            models=tuple(_fits(model, re.compile(_WORD)) for model in words["models"]),
            update=_version(words["update"]) if words["update"] else "",
            files=files,
            digest=hashlib.sha256(manifest).hexdigest(),
        )
    except Expected as problem:
        raise problem if problem.problem.startswith(str(path)) else _damaged(path, problem.problem) from problem
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _damaged(path, f"its list of contents cannot be read ({error})") from error


def _part(words: Mapping[str, Any], files: Mapping[str, object]) -> Part:
    if words["member"] not in files:
        raise ValueError("a series has no member")
    return Part(
        quantity=_fits(words["quantity"], _DAY_NAME),
        area=_fits(words["area"], _NAME),
        consumer_type=_fits(words["consumer_type"], _NAME),
        source=_fits(words["source"], _NAME),
        rank=_whole(words["rank"], 9),
        rows=_whole(words["rows"], 1 << 32),
        member=words["member"],
    )


def _version(text: object) -> str:
    releases.order(version := _fits(text, re.compile(_WORD)))
    return version


def _whole(number: object, most: int) -> int:
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= most:
        raise ValueError(f"{str(number)[:20]} is no such number")
    return number


def _fits(text: object, pattern: re.Pattern[str]) -> str:
    if not isinstance(text, str) or len(text) > 120 or not pattern.fullmatch(text):
        raise ValueError(f"{str(text)[:40]!r} is no such name")
    return text
