"""A disk that remembers what SQLite did to it, and what is left of that when the power fails.

`Recorder` stands between this process's SQLite and the system: a VFS that passes everything on and notes every write, sync,
truncation, creation and deletion. `Disk` plays such notes and gives, at any moment, files as a power cut may leave them: what was
synced is there, and of all else each write, each new length and each name may have arrived or not, in part, or as garbage.
"""

from __future__ import annotations

import _sqlite3
import ctypes
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_POINTER = ctypes.c_void_p
_OPEN = ctypes.CFUNCTYPE(ctypes.c_int, _POINTER, _POINTER, _POINTER, ctypes.c_int, _POINTER)
_DELETE = ctypes.CFUNCTYPE(ctypes.c_int, _POINTER, ctypes.c_char_p, ctypes.c_int)
_WRITE = ctypes.CFUNCTYPE(ctypes.c_int, _POINTER, _POINTER, ctypes.c_int, ctypes.c_int64)
_TRUNCATE = ctypes.CFUNCTYPE(ctypes.c_int, _POINTER, ctypes.c_int64)
_SYNC = ctypes.CFUNCTYPE(ctypes.c_int, _POINTER, ctypes.c_int)


class _Vfs(ctypes.Structure):
    """sqlite3_vfs up to version 3."""

    _fields_ = (
        *[(name, ctypes.c_int) for name in ("version", "file_size", "longest_path")],
        *[("next", _POINTER), ("name", ctypes.c_char_p), ("data", _POINTER), ("open", _OPEN), ("delete", _DELETE)],
        *[(f"other_{i}", _POINTER) for i in range(14)],
    )


class _Methods(ctypes.Structure):
    """sqlite3_io_methods up to version 3."""

    _fields_ = (
        *[("version", ctypes.c_int), ("close", _POINTER), ("read", _POINTER)],
        *[("write", _WRITE), ("truncate", _TRUNCATE), ("sync", _SYNC)],
        *[(f"other_{i}", _POINTER) for i in range(13)],
    )


#: What happened: a kind, the name of a file, and what belongs to it. `told` has words instead of a name.
Note = tuple[Any, ...]


def library() -> ctypes.CDLL | None:
    """The SQLite that Python uses; None where its functions cannot be called."""
    found = ctypes.CDLL(getattr(_sqlite3, "__file__", None))
    return found if hasattr(found, "sqlite3_vfs_find") else None


class Recorder:
    """From now on notes what this process's SQLite does to the files of a folder."""

    def __init__(self, folder: Path) -> None:
        self.notes: list[Note] = []
        self._folder = folder
        self._names: dict[int, str] = {}
        self._methods: dict[int, _Methods] = {}
        sqlite = library()
        assert sqlite is not None
        sqlite.sqlite3_vfs_find.restype = _POINTER
        self._below = _Vfs.from_address(sqlite.sqlite3_vfs_find(None))
        self._vfs = _Vfs.from_buffer_copy(self._below)
        self._vfs.next, self._vfs.name = None, b"recording"
        self._vfs.open, self._vfs.delete = _OPEN(self._open), _DELETE(self._delete)
        self._register = sqlite.sqlite3_vfs_register
        self._register(ctypes.byref(self._vfs), 1)

    def stop(self) -> None:
        """Let what is opened from now on go unnoticed."""
        self._register(ctypes.byref(self._below), 1)

    def told(self, words: list[Any]) -> None:
        self.notes.append(("told", words))

    def _open(self, _: int, name: int | None, file: int, flags: int, out: int | None) -> int:
        path = Path(ctypes.string_at(name).decode()) if name else None
        new = path is not None and not path.exists()
        result = self._below.open(ctypes.addressof(self._below), name, file, flags, out)
        self._names.pop(file, None)
        if result == 0 and path is not None and path.parent == self._folder:
            self._names[file] = path.name
            if new and path.exists():
                self.notes.append(("create", path.name))
            at = _POINTER.from_address(file)
            at.value = ctypes.addressof(self._noting(at.value or 0))
        return int(result)

    def _noting(self, address: int) -> _Methods:
        """The methods of a file, of which those that change it are ours."""
        if address not in self._methods:
            below = _Methods.from_address(address)
            ours = _Methods.from_buffer_copy(below)

            def write(file: int, data: int, size: int, offset: int) -> int:
                result: int = below.write(file, data, size, offset)
                if result == 0:
                    self.notes.append(("write", self._names[file], offset, ctypes.string_at(data, size)))
                return result

            def truncate(file: int, size: int) -> int:
                result: int = below.truncate(file, size)
                if result == 0:
                    self.notes.append(("truncate", self._names[file], size))
                return result

            def sync(file: int, flags: int) -> int:
                result: int = below.sync(file, flags)
                if result == 0:
                    self.notes.append(("sync", self._names[file]))
                return result

            ours.write, ours.truncate, ours.sync = _WRITE(write), _TRUNCATE(truncate), _SYNC(sync)
            self._methods[address] = ours
        return self._methods[address]

    def _delete(self, _: int, name: bytes, sync_folder: int) -> int:
        result = self._below.delete(ctypes.addressof(self._below), name, sync_folder)
        path = Path(name.decode())
        if result == 0 and path.parent == self._folder:
            self.notes.append(("delete", path.name, bool(sync_folder)))
        return int(result)


#: Files whose first sync SQLite lets the folder follow; that of others' names it never asks for.
_SYNCS_FOLDER = ("-wal", "-journal")
_SECTOR = 512


@dataclass(slots=True)
class _File:
    """Bytes that are safe, and what was done since. `named` is whether its name is."""

    safe: bytearray = field(default_factory=bytearray)
    since: list[Note] = field(default_factory=list)
    named: bool = False
    followed: bool = False


class Disk:
    """Files as the notes make them. One that `lies` says that it has synced and has not."""

    def __init__(self, lies: bool = False) -> None:
        self._files: dict[str, _File] = {}
        self._gone: dict[str, _File] = {}  # deleted, and perhaps there again after a cut
        self._lies = lies

    def play(self, note: Note) -> None:
        """Let one more thing happen."""
        kind, name = note[0], note[1]
        if kind == "create":
            self._files[name] = _File()
        elif kind == "delete":
            self._gone[name] = self._files.pop(name)
            if note[2]:
                self._sync_folder()
        elif kind == "sync":
            self._sync(name)
        else:
            self._files[name].since.append(note)

    def _sync(self, name: str) -> None:
        file = self._files[name]
        if self._lies:
            return
        for note in file.since:
            _apply(file.safe, note)
        file.since.clear()
        if name.endswith(_SYNCS_FOLDER) and not file.followed:
            file.followed = True
            self._sync_folder()

    def _sync_folder(self) -> None:
        self._gone.clear()
        for file in self._files.values():
            file.named = True

    def cut(self, chance: random.Random) -> dict[str, bytes]:
        """What the files are after the power has failed now. A shared memory file is none: it is made anew."""
        fate = chance.choice((_none, _all, _some, _some, _torn, _garbled))
        left = {}
        for name, file in (*self._gone.items(), *self._files.items()):
            if name.endswith("-shm") or not (file.named or chance.random() < 0.5):
                continue
            found = bytearray(file.safe)
            for note in file.since:
                fate(found, note, chance)
            left[name] = bytes(found)
        return left


def _apply(to: bytearray, note: Note) -> None:
    if note[0] == "truncate":
        del to[note[2] :]
        return
    _, _, offset, data = note
    to.extend(bytes(max(0, offset + len(data) - len(to))))
    to[offset : offset + len(data)] = data


def _none(to: bytearray, note: Note, chance: random.Random) -> None:
    pass


def _all(to: bytearray, note: Note, chance: random.Random) -> None:
    _apply(to, note)


def _some(to: bytearray, note: Note, chance: random.Random) -> None:
    if chance.random() < 0.5:
        _apply(to, note)


def _sectors(note: Note, chance: random.Random, arrives: Callable[[bytes], bytes | None]) -> list[Note]:
    """A write in the pieces that a disk writes as one."""
    _, name, offset, data = note
    ends = [*range(_SECTOR - offset % _SECTOR, len(data), _SECTOR), len(data)]
    pieces = zip([0, *ends], ends, strict=False)
    found = ((offset + a, arrives(data[a:b])) for a, b in pieces)
    return [("write", name, at, piece) for at, piece in found if piece is not None]


def _torn(to: bytearray, note: Note, chance: random.Random) -> None:
    if note[0] == "truncate":
        _some(to, note, chance)
        return
    for piece in _sectors(note, chance, lambda data: data if chance.random() < 0.7 else None):
        _apply(to, piece)


def _garbled(to: bytearray, note: Note, chance: random.Random) -> None:
    if note[0] == "truncate":
        _some(to, note, chance)
        return
    for piece in _sectors(note, chance, lambda data: data if chance.random() < 0.8 else chance.randbytes(len(data))):
        _apply(to, piece)
