"""How this program came onto the machine, and how other programs, of this version or of another, are started from it."""

from __future__ import annotations

import enum
import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_LIB = Path("/usr/lib")
#: In a portable folder: where each version lies, and the link to the one that is used.
VERSIONS, CURRENT = "versions", "current"


class Form(enum.StrEnum):
    """How it came here. A folder is a frozen program that nothing here looks after, as a build or an administrator leaves it; windows a
    user's own, source a developer's."""

    SOURCE = "source"
    FOLDER = "folder"
    PORTABLE = "portable"
    DEB = "deb"
    DEB_ENGINE = "deb-engine"
    WINDOWS = "windows"
    MACOS = "macos"


@dataclass(frozen=True, slots=True)
class Installation:
    """An installation and its topmost folder: of a portable one that which holds `versions`, else that of the program."""

    form: Form
    root: Path

    @property
    def engine(self) -> list[str]:
        """How its engine is started, by whichever version it has then."""
        if self.form is Form.SOURCE:
            return [sys.executable, "-m", "engine"]
        folder = self.root / "bin" if self.form is Form.PORTABLE else self.root
        return [str(folder / f"lastvagt-engine{'.exe' if sys.platform == 'win32' else ''}")]


def here() -> Installation:
    """The installation this program runs from."""
    if not getattr(sys, "frozen", False):
        return Installation(Form.SOURCE, Path(__file__).resolve().parent.parent)
    folder = Path(sys.executable).resolve().parent
    if folder.parent.name == VERSIONS and (folder.parent.parent / "bin").is_dir():
        return Installation(Form.PORTABLE, folder.parent.parent)
    return Installation(_form(folder), folder)


def same_engine() -> list[str]:
    """How the engine of this very version is started."""
    if not getattr(sys, "frozen", False):
        return [sys.executable, "-m", "engine"]
    return [str(Path(sys.executable).with_name(f"lastvagt-engine{'.exe' if sys.platform == 'win32' else ''}"))]


def _form(folder: Path) -> Form:
    if sys.platform == "win32":
        everybodys = any(part.startswith("Program Files") for part in folder.parts)
        return Form.WINDOWS if (folder / "uninstall.exe").exists() and not everybodys else Form.FOLDER
    if sys.platform == "darwin":
        return Form.MACOS if folder.parent.parent.suffix == ".app" else Form.FOLDER
    return {_LIB / "lastvagt": Form.DEB, _LIB / "lastvagt-engine": Form.DEB_ENGINE}.get(folder, Form.FOLDER)


def system() -> str:
    """This system and processor, as the files of a release are named: linux-x86_64."""
    name = {"win32": "windows", "darwin": "macos"}.get(sys.platform, "linux")
    machine = {"amd64": "x86_64", "aarch64": "arm64"}.get(platform.machine().lower(), platform.machine().lower())
    return f"{name}-{machine}"


def outer_environment(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment for a program of another version: a frozen one changes its own, and passed on that would lead astray."""
    found = {name: value for name, value in environment.items() if not name.startswith("_PYI_")}
    if getattr(sys, "frozen", False):
        for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"):
            found.pop(name, None)
            if f"{name}_ORIG" in found:
                found[name] = found.pop(f"{name}_ORIG")
    return found | {"PYINSTALLER_RESET_ENVIRONMENT": "1"}
