"""Cuts the data of ICU, which Qt for Linux brings, down to the languages of the app: of 32 MB 3 are left.

Qt has tables of its own for dates and numbers and asks ICU for the order of words. Everything else of ICU's data is for other
languages, for 8-bit character sets, and for taking text apart. Format: icu4c/source/common/ucmndata.h, and elf(5).
"""

from __future__ import annotations

import re
import struct
from pathlib import Path

LANGUAGES = ("da", "en")
_PAGE = 4096
_LEFT_OUT = re.compile(r"(brkitr|rbnf|translit)/|.*\.cnv$")
_LOCALE = re.compile(r"(?:.*/)?([a-z]{2,3})(_\w+)?\.res$")


def is_kept(name: str) -> bool:
    """Whether an item of the data, named as coll/da.res, is one of those languages or of none."""
    locale = _LOCALE.match(name)
    return not _LEFT_OUT.match(name) and (locale is None or locale[1] in LANGUAGES)


def cut_data(data: bytes) -> bytes:
    """A data package without the items that are not kept."""
    (header,) = struct.unpack_from("<H", data)
    if data[2:4] != b"\xda\x27" or data[12:16] != b"CmnD":
        raise ValueError("This is no data package of ICU.")
    (count,) = struct.unpack_from("<I", data, header)
    table = [struct.unpack_from("<II", data, header + 4 + 8 * i) for i in range(count)]
    ends = [start for _, start in table[1:]] + [len(data) - header]
    items = []
    for (name_at, start), end in zip(table, ends, strict=True):
        name = data[header + name_at : data.index(b"\0", header + name_at)]
        if is_kept(name.decode("ascii").partition("/")[2]):
            items.append((name + b"\0", data[header + start : header + end]))
    names_at = 4 + 8 * len(items)
    names, bodies, entries = b"", b"", b""
    body_at = _aligned(names_at + sum(len(name) for name, _ in items), 16)
    for name, body in items:
        entries += struct.pack("<II", names_at + len(names), body_at + len(bodies))
        names += name
        bodies += body.ljust(_aligned(len(body), 16), b"\0")
    head = struct.pack("<I", len(items)) + entries + names
    return data[:header] + head.ljust(body_at, b"\0") + bodies


def cut(path: Path) -> None:
    """Cut a libicudata.so, which must be as Qt ships it: one segment that ends with the data, and one with the dynamic section."""
    elf = bytearray(path.read_bytes())
    (phoff,) = struct.unpack_from("<Q", elf, 32)
    entry, count = struct.unpack_from("<HH", elf, 54)
    headers = [phoff + i * entry for i in range(count)]
    read_only, writable = (at for at in headers if struct.unpack_from("<I", elf, at)[0] == 1)
    (end,) = struct.unpack_from("<Q", elf, read_only + 32)
    start = elf.index(b"CmnD") - 12
    data = cut_data(bytes(elf[start:end]))
    moved_from, address, size = (struct.unpack_from("<Q", elf, writable + at)[0] for at in (8, 16, 32))
    # A segment must lie in the file as in memory, but for whole pages. Addresses stay, so that nothing needs to be relocated.
    moved_to = _aligned(start + len(data), _PAGE) + address % _PAGE
    for at in headers:
        if moved_from <= struct.unpack_from("<Q", elf, at + 8)[0] < moved_from + size:
            struct.pack_into("<Q", elf, at + 8, struct.unpack_from("<Q", elf, at + 8)[0] - moved_from + moved_to)
    for at in (32, 40):
        struct.pack_into("<Q", elf, read_only + at, start + len(data))
    struct.pack_into("<Q", elf, 40, 0)  # no section headers, which only linkers and debuggers read
    struct.pack_into("<HHH", elf, 58, 0, 0, 0)
    path.write_bytes(bytes(elf[:start] + data).ljust(moved_to, b"\0") + bytes(elf[moved_from : moved_from + size]))


def _aligned(size: int, to: int) -> int:
    return -(-size // to) * to
