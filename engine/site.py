"""What an administrator sets for a machine or a whole fleet: the folders it lies in, and the keys that are trusted there."""

from __future__ import annotations

import stat
import sys
from collections.abc import Iterable
from pathlib import Path

import platformdirs

from engine.domain import Expected
from engine.signing import PublicKey

#: Keys that came with the program.
SHIPPED = Path(__file__).resolve().parent / "keys"
#: In a site's folder and in a data folder: keys that kits and updates are checked with.
TRUSTED = "trusted"


def folders() -> tuple[Path, ...]:
    """Where a site's files may lie: the folder of the system, then that in which the program was unpacked or installed."""
    if sys.platform.startswith("linux"):
        system = Path("/etc/lastvagt")
    else:
        system = Path(platformdirs.site_data_dir("Lastvagt", appauthor=False))
    return (system, home) if (home := program_folder()) else (system,)


def program_folder() -> Path | None:
    """The folder of a frozen program, of a portable one that above its versions; None where Python runs it or macOS has it."""
    if not getattr(sys, "frozen", False) or sys.platform == "darwin":  # a bundle is sealed
        return None
    folder = Path(sys.executable).resolve().parent
    return folder.parent.parent if folder.parent.name == "versions" else folder


def trusted_keys(data_dir: Path | None = None) -> tuple[PublicKey, ...]:
    """Keys that kits and updates are checked with: those of the program, of the site, and of a data folder where one is named.

    A job of an administrator names none, for its user could have written the keys there. Raises Expected for a key that is damaged
    or that anybody could have written.
    """
    return tuple(PublicKey.read(path) for path in key_files(data_dir))


def key_files(data_dir: Path | None = None) -> tuple[Path, ...]:
    """The files of `trusted_keys`."""
    places = [SHIPPED, *(folder / TRUSTED for folder in folders()), *([data_dir / TRUSTED] if data_dir else [])]
    return tuple(path for place in places for path in keys_in(place))


def keys_in(folder: Path) -> Iterable[Path]:
    """The public keys of a folder by name; raises Expected for one that anybody could have written."""
    found = sorted(folder.glob("*.pub"))
    for path in found:
        require_safe(path)
    return found


def require_safe(path: Path) -> None:
    """Raise Expected where any user may change a file, or put another in its place."""
    if sys.platform == "win32":  # rights are in lists there, which the installer sets
        return
    for each in (path, path.parent):
        mode = each.stat().st_mode
        if mode & stat.S_IWOTH and not (each.is_dir() and mode & stat.S_ISVTX):
            raise Expected(f"Every user may write to {each}, so what stands in {path} is not used.", f"chmod o-w {each}")
