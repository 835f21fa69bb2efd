"""Which licence each shipped part has, whether a release may hold it, and the file that tells all of them with their texts."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import contents
from contents import Part, Share

#: The file beside the program.
FILE = "THIRD_PARTY_LICENSES.txt"
_HERE = Path(__file__).parent
_TEXTS = _HERE / "licences"
_NAMES = re.compile(r"(LICEN[CS]E|COPYING|NOTICE|AUTHORS|ThirdPartyNotices)", re.IGNORECASE)
_RULE = "=" * 100
_COMMON = re.compile(r"/usr/share/common-licenses/((?:[A-Z][A-Za-z0-9.+-]*)[A-Za-z0-9])")


@functools.cache
def _table() -> dict[str, Any]:
    return tomllib.loads((_HERE / "licences.toml").read_text(encoding="utf-8"))


def of(part: Part) -> str:
    """The licence of a part as an SPDX expression: what the table says, else what the part does; raises Unknown where neither tells."""
    told: Mapping[str, str] = _table().get(part.kind, {})
    if part.name in told:
        return told[part.name]
    if part.kind != "pypi":
        raise contents.Unknown(f"Whose licence {part.name} has is not in licences.toml: read its copyright file.")
    said = importlib.metadata.metadata(part.name)
    kinds = [line.rpartition(" :: ")[2] for line in said.get_all("Classifier") or () if line.startswith("License ::")]
    for word in (said.get("License-Expression"), said.get("License"), *kinds[:1]):
        if word and terms(meant(word)) is not None:
            return meant(word)
    raise contents.Unknown(f"{part.name} does not tell its licence in SPDX: put it into licences.toml.")


def meant(word: str) -> str:
    """An expression as SPDX writes it."""
    told: Mapping[str, str] = _table()["meant"]
    return told.get(word.strip(), word.strip())


def terms(expression: str) -> list[str] | None:
    """The words of an SPDX expression; None where it is none."""
    words = re.findall(r"\(|\)|[A-Za-z0-9.+-]+(?: WITH [A-Za-z0-9.-]+)?", expression)
    if re.sub(r"\s", "", "".join(words)) != re.sub(r"\s", "", expression):
        return None
    plain = [word for word in words if word not in ("(", ")")]
    alternate = all((word in ("AND", "OR")) == bool(place % 2) for place, word in enumerate(plain))
    return words if alternate and len(plain) % 2 else None


def is_allowed(expression: str) -> bool:
    """Whether a release may hold what is under this licence: one of what `OR` joins is enough, of `AND` all are needed."""
    words = terms(expression)
    if words is None:
        return False
    allowed, waiting = frozenset(_table()["allowed"]), list(words)

    def any_of() -> bool:
        found = all_of()
        while waiting and waiting[0] == "OR":
            waiting.pop(0)
            found = all_of() or found
        return found

    def all_of() -> bool:
        found = one()
        while waiting and waiting[0] == "AND":
            waiting.pop(0)
            found = one() and found
        return found

    def one() -> bool:
        word = waiting.pop(0)
        if word != "(":
            return word in allowed
        found = any_of()
        waiting.pop(0)
        return found

    return any_of()


def refused(parts: Iterable[Part]) -> list[str]:
    """What a release may not hold, each with why."""
    found = []
    for part in sorted(parts):
        try:
            if not is_allowed(of(part)):
                found.append(f"{part.name} {part.version} is under {of(part)}, which licences.toml does not allow.")
        except contents.Unknown as trouble:
            found.append(str(trouble))
        for one in contents.vendored(part):
            for expression in filter(None, map(_expression, one.get("licenses") or ())):
                if not is_allowed(meant(expression)):
                    found.append(f"{one['name']} inside {part.name} is under {expression}, which licences.toml does not allow.")
    return found


def _expression(told: Mapping[str, Any]) -> str:
    return str(told.get("expression") or told.get("license", {}).get("id") or told.get("license", {}).get("name") or "")


def text(parts: Mapping[Part, Share]) -> str:
    """The whole file: what is in the program, the terms of Qt, and every text once."""
    others = sorted((part for part in parts if part.kind != "own"), key=lambda part: (part.kind != "pypi", part.name.lower()))
    has_qt = any(part.name == "PySide6_Essentials" for part in others)
    own = next(part for part in parts if part.kind == "own")
    lines = [f"What Lastvagt {own.version} is made of besides its own code, and under which terms", "", *map(_line, others), ""]
    lines += [_RULE, (_TEXTS / "qt.txt").read_text(encoding="utf-8")] if has_qt else []
    seen: dict[str, str] = {}
    common = {"LGPL-3", "GPL-3", "Apache-2.0"} if has_qt else {"Apache-2.0"}
    for part in others:
        lines += [_RULE, _line(part), ""]
        for name, words in _texts(part, parts[part]):
            common |= {found[1] for found in _COMMON.finditer(words) if (_TEXTS / found[1]).exists()}
            digest = hashlib.sha256(words.encode()).hexdigest()
            lines += [f"({name} is the same as that of {seen[digest]}.)"] if digest in seen else [words.strip(), ""]
            seen.setdefault(digest, part.name)
        inside = contents.vendored(part)
        if inside:
            lines += ["Its binaries hold:", *(_line_of(one) for one in inside), ""]
    for name in sorted(common):
        lines += [_RULE, name, "", (_TEXTS / name).read_text(encoding="utf-8").strip("\n"), ""]
    return "\n".join(lines) + "\n"


def _line(part: Part) -> str:
    return f"{part.name} {part.version}{' (Debian)' if part.kind == 'deb' else ''}: {of(part)}"


def _line_of(inside: Mapping[str, Any]) -> str:
    words = " AND ".join(meant(word) for word in map(_expression, inside.get("licenses") or ()) if word)
    return f"  {inside['name']} {inside.get('version', '')}{': ' if words else ''}{words}"


def _texts(part: Part, share: Share) -> Iterator[tuple[str, str]]:
    """What a part says of its terms, by name of the file."""
    if part.kind == "pypi":
        for file in sorted(importlib.metadata.files(part.name) or (), key=str):
            if _NAMES.search(file.name) and file.suffix not in (".py", ".pyc", ".pyi"):
                yield file.name, Path(str(file.locate())).read_text(encoding="utf-8", errors="replace")
    elif part.kind == "python":
        for path in sorted(contents.PYTHON.glob("lib/python3.*/LICENSE.txt")) or sorted(contents.PYTHON.glob("LICENSE.txt")):
            yield path.name, path.read_text(encoding="utf-8")
    else:
        for package in sorted(share.packages):
            path = Path("/usr/share/doc") / package.partition(":")[0] / "copyright"
            yield "copyright", path.read_text(encoding="utf-8", errors="replace")
