"""Updates that an installer of the system carries out: a Debian package by root, the installers of Windows and macOS by the user.

Root trusts nothing that another user could have written: list, signature and package are copied to a folder of root's own, checked
there with the keys of program and site, and installed from there. The package before is kept beside it for the way back.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine import __version__, download, installation, releases
from engine.config import Config
from engine.domain import Expected
from engine.installation import Form, Installation
from engine.releases import LIST, Release, ReleaseFile
from engine.signing import SUFFIX, PublicKey, verify
from engine.updates import FOLDER, Memory, Updates

#: Root's own folder, and in it the package that is installed and the one before.
SPOOL = Path("/var/lib/lastvagt-update")
INSTALLED, FORMER = "installed.deb", "former.deb"
#: Data folder of the service.
SERVED = Path("/var/lib/lastvagt")
_USER, _SERVICE = "lastvagt", "lastvagt-engine.service"
_MOST_LIST_BYTES = 200_000
_INSTALL_S = 900.0

#: Carries out a command; returns its exit code.
Run = Callable[[Sequence[str]], int]
Say = Callable[[str], None]


def carry_out(command: Sequence[str]) -> int:
    """Run a command of the system; what it says is seen."""
    environment = installation.outer_environment() | {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        return subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, timeout=_INSTALL_S, check=False).returncode
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Expected(
            f"'{command[0]}' does not do its work: {error}.", "Install the package by hand: apt install ./FILE"
        ) from None


@dataclass(frozen=True, slots=True)
class Package:
    """The Debian package of an installation, as root sees it; `data_dir` is that of the service."""

    place: Installation
    data_dir: Path
    keys: tuple[PublicKey, ...]
    spool: Path = SPOOL
    version: str = __version__
    run: Run = carry_out

    def apply(self, say: Say) -> Release | None:
        """Install the newest version that was fetched, and take it back where the service does not serve with it; None where none is
        newer, or the newer one was taken back before."""
        _require_root()
        self.spool.mkdir(mode=0o755, parents=True, exist_ok=True)
        release, file = self._checked()
        memory = Memory.read(self.spool)
        if not releases.is_newer(release.version, self.version) or release.version in memory.refused:
            return None
        package = self.spool / file.name
        _copy(self.data_dir / FOLDER / file.name, package, file.size)
        download.require(package, file.size, file.sha256)
        self._try_out(package, release)
        served = self._serves()
        say(f"Version {release.version} takes the place of {self.version}.")
        failed = self._install(package)
        # From here on the files of this program are those of the new one: what is still needed was imported before.
        if not failed and served and self.run([*self.place.engine, "update", "confirm", "--data-dir", str(self.data_dir)]):
            failed = "The service does not serve with it."
        if not failed:
            if (self.spool / INSTALLED).exists():
                (self.spool / INSTALLED).replace(self.spool / FORMER)
            package.replace(self.spool / INSTALLED)
            return release
        dataclasses.replace(memory, refused={**memory.refused, release.version: failed}).write(self.spool)
        package.unlink()
        if not (self.spool / INSTALLED).exists():
            raise Expected(
                f"{failed} No package of version {self.version} is kept here.",
                "Install one: apt install --allow-downgrades ./FILE",
            )
        self._go_back(self.spool / INSTALLED, served)
        raise Expected(
            f"Version {release.version} was taken back: {failed}", "The version before is installed again; see journalctl."
        )

    def _try_out(self, package: Path, release: Release) -> None:
        """Let the version prove itself on a copy of the database, as the user of the service, before it is installed."""
        tried = self.spool / "tried"
        shutil.rmtree(tried, ignore_errors=True)
        try:
            engine = tried / self.place.root.relative_to("/") / "lastvagt-engine"
            database = Config(data_dir=self.data_dir).database
            words = ["--database", str(database)] if database.exists() else []
            extracted = self.run(["dpkg-deb", "--extract", str(package), str(tried)])
            if extracted or self.run(["runuser", "-u", _USER, "--", str(engine), "selfcheck", *words]):
                raise Expected(f"Version {release.version} does not work here.", "The version that runs stays. Tell its authors.")
        finally:
            shutil.rmtree(tried, ignore_errors=True)

    def roll_back(self, say: Say) -> None:
        """Install the package before again."""
        _require_root()
        former = self.spool / FORMER
        if not former.exists():
            raise Expected("No package from before is kept here.", "Install one: apt install --allow-downgrades ./FILE")
        say(f"The package before {self.version} is installed.")
        memory = Memory.read(self.spool)
        dataclasses.replace(memory, refused={**memory.refused, self.version: "It was taken back by hand."}).write(self.spool)
        self._go_back(former, self._serves())
        former.replace(self.spool / INSTALLED)

    def _checked(self) -> tuple[Release, ReleaseFile]:
        """What the list tells that was fetched, checked in a copy that nobody else can change meanwhile."""
        for name, most in ((LIST, _MOST_LIST_BYTES), (LIST + SUFFIX, 2000)):
            _copy(self.data_dir / FOLDER / name, self.spool / name, most)
        verify(self.spool / LIST, self.spool / (LIST + SUFFIX), self.keys)
        release = releases.read(self.spool / LIST)
        file = release.file(installation.system(), self.place.form)
        if file is None:
            raise Expected(f"Version {release.version} has no package for {installation.system()}.", "Ask whoever publishes it.")
        return release, file

    def _serves(self) -> bool:
        return self.run(["systemctl", "is-active", "--quiet", _SERVICE]) == 0

    def _install(self, package: Path) -> str:
        """Install a package file; returns what went wrong."""
        code = self.run(["apt-get", "install", "--yes", "--no-install-recommends", "--allow-downgrades", str(package)])
        return f"apt-get ended with {code}." if code else ""

    def _go_back(self, package: Path, served: bool) -> None:
        """Install an earlier package, and let it put the database back before the service starts again."""
        if served:
            self.run(["systemctl", "stop", _SERVICE])
        if failed := self._install(package):
            raise Expected(f"The package before cannot be installed: {failed}", f"dpkg --install {package}")
        settle = ["runuser", "-u", _USER, "--", *self.place.engine, "update", "settle", "--data-dir", str(self.data_dir)]
        if self.run(settle):
            raise Expected("The database could not be put back.", f"Run: {' '.join(settle)}")
        if served:
            self.run(["systemctl", "start", _SERVICE])


def _require_root() -> None:
    if sys.platform == "win32" or os.geteuid() != 0:
        raise Expected("A package of the system is installed by root.", "sudo lastvagt-engine update apply")


def _copy(source: Path, target: Path, most: int) -> None:
    """Copy a plain file of another user, no longer than it may be, into a folder of our own."""
    target.unlink(missing_ok=True)
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)  # no link, and a pipe must not hold us up
    try:
        with os.fdopen(os.open(source, flags), "rb") as file, target.open("xb") as out:
            left = most
            while chunk := file.read(min(1 << 20, left + 1)):
                left -= len(chunk)
                if left < 0:
                    raise Expected(f"{source} is larger than it may be.", "Fetch it again: lastvagt-engine update stage")
                out.write(chunk)
    except OSError as error:
        raise Expected(f"{source} cannot be read: {error.strerror}.", "Fetch it first: lastvagt-engine update stage") from None


def installer_command(place: Installation, file: Path) -> list[str]:
    """What starts the installer that was fetched, for the user to whom a program belongs: on Windows silently, on macOS as an image."""
    return ["open", str(file)] if place.form is Form.MACOS else [str(file), "/S"]


def start_installer(updates: Updates) -> list[str]:
    """Start the installer of the version that is ready, after one more look at it; returns the command."""
    release = updates.state().release
    file = release.file(installation.system(), updates.installation.form) if release else None
    if release is None or file is None:
        raise Expected("No newer version is ready.", "lastvagt-engine update stage")
    path = updates.staged(release)
    download.require(path, file.size, file.sha256)
    command = installer_command(updates.installation, path)
    subprocess.Popen(command, env=installation.outer_environment(), close_fds=True)
    return command
