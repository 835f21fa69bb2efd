"""Released versions of the program: their order, and the list of files a site publishes of the newest one."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.domain import Expected

#: Name of the list; its signature lies beside it, and so do the files it names.
LIST = "updates.json"
_VERSION = re.compile(r"(\d{1,6})\.(\d{1,6})\.(\d{1,6})(?:-([0-9A-Za-z]{1,20}(?:\.[0-9A-Za-z]{1,20}){0,5}))?", re.ASCII)
_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._+~-]{0,127}")
_WORD = re.compile(r"[0-9a-z][0-9a-z_-]{0,31}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
#: Largest file of a release that is taken, in bytes.
MAX_BYTES = 1_000_000_000
_MOST_FILES = 64
_MOST_NOTES = 20_000


def order(version: str) -> tuple[object, ...]:
    """What versions are compared by, as semver.org has it: 1.10.0 is newer than 1.9.0, and than 1.10.0-rc.2. Raises Expected."""
    match = _VERSION.fullmatch(version)
    if match is None:
        raise Expected(f"'{version[:40]}' is no version.", "A version is written like 1.4.2.")
    before = match[4]
    parts = tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in before.split(".")) if before else ()
    return int(match[1]), int(match[2]), int(match[3]), before is None, parts


def is_newer(version: str, than: str) -> bool:
    """Whether a version comes after another."""
    return order(version) > order(than)


@dataclass(frozen=True, slots=True)
class ReleaseFile:
    """One file of a release: `system` is like linux-x86_64, `form` one of `installation.Form`."""

    name: str
    system: str
    form: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Release:
    """A version, what is new in it, the schema its database has, and its files."""

    version: str
    released: str
    notes: str
    schema: int
    files: tuple[ReleaseFile, ...]

    def file(self, system: str, form: str) -> ReleaseFile | None:
        """The file for a system and a form of installation, if there is one."""
        return next((file for file in self.files if (file.system, file.form) == (system, form)), None)


def read(path: Path) -> Release:
    """The release that a list, whose signature was checked, tells of; raises Expected where it is none."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        files = tuple(_file(each) for each in told["files"])
        release = Release(
            _text(told["version"], 60), _text(told["released"], 40), _text(told["notes"], _MOST_NOTES), int(told["schema"]), files
        )
    except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise Expected(f"{path.name} is no list of a release: {error}.", "Ask whoever publishes it.") from None
    order(release.version)
    if len(files) > _MOST_FILES or len({file.name for file in files}) != len(files):
        raise Expected(f"{path.name} names too many files, or one twice.", "Ask whoever publishes it.")
    return release


def _file(told: Mapping[str, Any]) -> ReleaseFile:
    file = ReleaseFile(told["name"], told["system"], told["form"], told["bytes"], told["sha256"])
    sound = (
        _NAME.fullmatch(file.name)
        and _WORD.fullmatch(file.system)
        and _WORD.fullmatch(file.form)
        and _SHA256.fullmatch(file.sha256)
        and type(file.size) is int
        and 0 < file.size <= MAX_BYTES
    )
    if not sound:
        raise ValueError(f"file '{file.name[:60]}' is not described as it should be")
    return file


def _text(value: object, most: int) -> str:
    if not isinstance(value, str) or len(value) > most:
        raise ValueError(f"a text of at most {most} letters is missing")
    return value
