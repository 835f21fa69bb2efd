"""The disk: room on it for what is to come, and small files that are written whole or not at all."""

from __future__ import annotations

import errno
import os
import re
import shutil
import sys
import time
from pathlib import Path

from engine.domain import Expected

#: Error numbers of what can be written nowhere: no space, read-only, somebody else's.
UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)
#: Kinds of network drives, as Linux calls them.
_NETWORK = ("nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "fuse.glusterfs", "ceph", "afs", "davfs")
#: How long, in seconds, a file that another program has open is waited for, and between two attempts.
_HELD_S, _ATTEMPT_S = 10.0, 0.2


def require_room(folder: Path, wanted: float, what: str, remedy: str = "Free disk space, then try again.") -> None:
    """Raise Expected where the disk of a folder has fewer bytes free than wanted; `what` is said before their number."""
    free = shutil.disk_usage(folder).free
    if free < wanted:
        raise Expected(f"{what} {wanted / 1e6:.0f} MB; {free / 1e6:.0f} MB are free at {folder}.", remedy)


def network_kind(folder: Path, mounts: Path = Path("/proc/self/mounts")) -> str:
    """What kind of network drive a folder is on; empty where it is none, or where the system does not tell."""
    if not mounts.exists():
        return ""
    here, found = folder.resolve(), (Path("/"), "")
    for line in mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        _, point, kind = line.split(" ")[:3]
        place = Path(re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), point))
        if here.is_relative_to(place) and len(place.parts) >= len(found[0].parts):
            found = place, kind
    return found[1] if found[1] in _NETWORK else ""


def is_read_only(folder: Path) -> bool:
    """Whether a folder is on a disk that takes nothing, where the system tells."""
    return sys.platform != "win32" and bool(os.statvfs(folder).f_flag & os.ST_RDONLY)


def sync(path: Path) -> None:
    """Bring a file to the disk, or what a folder lists, where the system can do that for folders."""
    if path.is_dir() and sys.platform == "win32":
        return
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def move(path: Path, to: Path) -> None:
    """Give a file another name; Windows does not while a program has it open, which is waited for."""
    end = time.monotonic() + _HELD_S
    while True:
        try:
            path.replace(to)
        except PermissionError as error:
            if time.monotonic() >= end:
                raise Expected(
                    f"{path} cannot be moved to {to}: {error.strerror}.",
                    "Close programs that have it open, such as windows of Lastvagt, and check the permissions; then start again.",
                ) from error
            time.sleep(_ATTEMPT_S)
        else:
            return


def write(path: Path, text: str, mode: int = 0o666) -> None:
    """Put text into a file, whole or not at all, even if the power fails; with mode 0o600 nobody but its owner can ever read it."""
    beside = path.with_name(f"{path.name}.new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
