"""Newer versions of the program: whether there is one, and one made ready, fetched, checked and tried, before anything changes.

Nothing is asked unless an address is set. What is fetched is signed by a key this site trusts, is newer than the program, and was not
taken back here before; an old list that is served again is therefore no update. `upgrade` puts what is ready in the place of what runs.
"""

from __future__ import annotations

import dataclasses
import enum
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engine import __version__, clock, disk, download, installation, pace, releases
from engine.config import Config
from engine.domain import Expected
from engine.installation import VERSIONS, Form, Installation
from engine.releases import LIST, Release, ReleaseFile
from engine.signing import SUFFIX, PublicKey, verify

#: In the data folder: the newest list, what was fetched, and what is remembered.
FOLDER = "updates"
_STATE = "state.json"
_MOST_LIST_BYTES = 200_000
#: Of an unpacked version.
_MOST_MEMBERS, _MOST_UNPACKED = 20_000, 2_000_000_000
#: How long a new version may take to prove itself on a copy of the database.
TRIED_S = 900.0
_STAGED = ".staged-"


class Stand(enum.StrEnum):
    """How it stands with updates."""

    OFF = "off"
    UNKNOWN = "unknown"
    CURRENT = "current"
    AVAILABLE = "available"
    READY = "ready"
    REFUSED = "refused"
    NOT_FOR_HERE = "not_for_here"


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered of earlier checks: when, what went wrong, and versions that were taken back here, each with the reason."""

    checked_at: int | None = None
    problem: str = ""
    remedy: str = ""
    ready: str = ""
    refused: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def read(folder: Path) -> Memory:
        """What stands in the folder of updates; nothing where there is none."""
        try:
            told = json.loads((folder / _STATE).read_text(encoding="utf-8"))
            return Memory(**{f.name: told[f.name] for f in dataclasses.fields(Memory) if f.name in told})
        except (OSError, ValueError, TypeError):
            return Memory()

    def write(self, folder: Path) -> None:
        """Keep it, whole or not at all."""
        folder.mkdir(parents=True, exist_ok=True)
        disk.write(folder / _STATE, json.dumps(dataclasses.asdict(self), indent=2))


@dataclass(frozen=True, slots=True)
class State:
    """How it stands; `release` is the newest that was heard of, if any."""

    stand: Stand
    form: Form
    version: str
    release: Release | None
    memory: Memory

    def document(self) -> dict[str, object]:
        """For JSON."""
        memory, release = self.memory, self.release
        return {
            "version": self.version,
            "form": self.form.value,
            "stand": self.stand.value,
            "checked_at": None if memory.checked_at is None else clock.iso(memory.checked_at),
            "newest": release.version if release else "",
            "released": release.released if release else "",
            "notes": release.notes if release else "",
            "problem": memory.problem,
            "remedy": memory.remedy,
            "refused": dict(memory.refused),
        }


@dataclass(frozen=True, slots=True)
class Updates:
    """The updates of an installation, seen from a data folder. `keys` are those trusted here."""

    config: Config
    installation: Installation
    keys: tuple[PublicKey, ...] = field(repr=False)
    version: str = __version__

    @property
    def folder(self) -> Path:
        """Where what was fetched lies."""
        return self.config.data_dir / FOLDER

    def state(self) -> State:
        """How it stands by what was heard last; asks nobody."""
        memory = Memory.read(self.folder)
        try:
            release = self._known()
        except Expected:
            release = None
        return State(self._stand(release, memory), self.installation.form, self.version, release, memory)

    def _stand(self, release: Release | None, memory: Memory) -> Stand:
        if release is None:
            return Stand.UNKNOWN if self.config.update_url else Stand.OFF
        if not releases.is_newer(release.version, self.version):
            return Stand.CURRENT
        if release.version in memory.refused:
            return Stand.REFUSED
        if self._file(release) is None:
            return Stand.NOT_FOR_HERE
        return Stand.READY if memory.ready == release.version and self.staged(release).exists() else Stand.AVAILABLE

    def _file(self, release: Release) -> ReleaseFile | None:
        return release.file(installation.system(), self.installation.form)

    def _known(self) -> Release | None:
        """The release of the list that was fetched last, whose signature is checked again; None before the first."""
        path = self.folder / LIST
        if not path.exists():
            return None
        verify(path, path.with_name(LIST + SUFFIX), self.keys)
        return releases.read(path)

    def check(self, now: int) -> State:
        """Ask the address for the newest version. Raises Expected, which is remembered too, and then what was known stays."""
        url, before = self.config.update_url, Memory.read(self.folder)
        if not url:
            raise Expected("No address is set at which newer versions are told of.", "Set update_url, or give --url.")
        try:
            self._ask(url)
        except Expected as trouble:
            dataclasses.replace(before, checked_at=now, problem=trouble.problem, remedy=trouble.remedy).write(self.folder)
            raise
        dataclasses.replace(before, checked_at=now, problem="", remedy="").write(self.folder)
        return self.state()

    def _ask(self, url: str) -> None:
        if not self.keys:
            raise Expected("No key is trusted here, so that no update can be checked.", "lastvagt-engine key trust FILE")
        incoming = self.folder / "incoming"
        incoming.mkdir(parents=True, exist_ok=True)
        for name, most in ((LIST, _MOST_LIST_BYTES), (LIST + SUFFIX, 2000)):
            download.small(url, name, incoming / name, most)
        verify(incoming / LIST, incoming / (LIST + SUFFIX), self.keys)
        release = releases.read(incoming / LIST)
        known = self.state().release
        if known is not None and releases.is_newer(known.version, release.version):
            return  # an older list served again: what is known already is newer
        for name in (LIST + SUFFIX, LIST):
            (incoming / name).replace(self.folder / name)

    def staged(self, release: Release) -> Path:
        """Where a version lies once it is ready: a folder of a portable installation, else the file that was fetched."""
        if self.installation.form is Form.PORTABLE:
            return self.installation.root / VERSIONS / release.version
        file = self._file(release)
        assert file is not None
        return self.folder / file.name

    def stage(self, progress: download.Progress | None = None, again: bool = False) -> State:
        """Make the newest version ready: fetch it, check it, unpack it, and let it try itself on a copy of the database.

        A version that was taken back here is left alone, unless it is to be tried `again`. Raises Expected, and then nothing changed
        but what was fetched.
        """
        state = self.state()
        release = state.release
        if state.stand is Stand.READY or release is None or state.stand is Stand.CURRENT:
            return state
        if state.stand is Stand.REFUSED and not again:
            raise Expected(
                f"Version {release.version} was taken back here: {state.memory.refused[release.version]}",
                "Wait for a newer one, or try it again: lastvagt-engine update stage --again",
            )
        file = self._file(release)
        if file is None:
            raise Expected(
                f"Version {release.version} has no file for {installation.system()} as it is installed here ({state.form}).",
                "Fetch it by the way this one came." if state.form is not Form.SOURCE else "Update the sources: git pull.",
            )
        self._clear(release)
        fetched = self.folder / file.name
        download.large(self.config.update_url, file.name, fetched, file.size, file.sha256, progress=progress)
        if state.form is Form.PORTABLE:
            self._unpack(fetched, release)
        refused = {version: why for version, why in state.memory.refused.items() if version != release.version}
        dataclasses.replace(Memory.read(self.folder), ready=release.version, refused=refused).write(self.folder)
        if state.form is Form.PORTABLE:
            fetched.unlink()
        return self.state()

    def _clear(self, release: Release) -> None:
        """Throw away what was fetched of other versions, and versions that neither run nor are kept for a way back."""
        wanted = {file.name for file in release.files} | {LIST, LIST + SUFFIX, _STATE}
        if self.folder.exists():
            for path in self.folder.iterdir():
                if path.is_file() and path.name.removesuffix(".part") not in wanted:
                    path.unlink()
        if self.installation.form is Form.PORTABLE:
            root = self.installation.root
            kept = {(root / link).readlink().name for link in ("current", "former") if (root / link).is_symlink()}
            for folder in (root / VERSIONS).iterdir():
                if folder.name not in kept | {self.version}:
                    shutil.rmtree(folder)

    def _unpack(self, archive: Path, release: Release) -> None:
        versions = self.installation.root / VERSIONS
        target = versions / f"{_STAGED}{release.version}"
        if not os.access(versions, os.W_OK):
            raise Expected(f"{versions} cannot be written.", "Run this as the user to whom the installation belongs.")
        shutil.rmtree(target, ignore_errors=True)
        try:
            unpack(archive, f"lastvagt/{VERSIONS}/{release.version}/", target)
            try_out(target, self.config.database, release)
            target.rename(versions / release.version)
        except BaseException:
            shutil.rmtree(target, ignore_errors=True)
            raise


def unpack(archive: Path, prefix: str, target: Path) -> None:
    """Unpack what lies below a folder of an archive; raises Expected for one that is damaged or would reach out of the target."""
    try:
        with tarfile.open(archive) as tar:
            members = list(_below(tar, prefix))
            size = sum(member.size for member in members)
            if not members or len(members) > _MOST_MEMBERS or size > _MOST_UNPACKED:
                raise Expected(f"{archive.name} does not hold what it should.", "Tell whoever publishes it.")
            disk.require_room(target.parent, 1.1 * size, f"To unpack {archive.name} takes")
            target.mkdir()
            tar.extractall(target, members, filter="data")
    except (tarfile.TarError, EOFError, OSError) as error:
        raise Expected(f"{archive.name} cannot be unpacked: {error}.", "Check the disk, then fetch it again.") from error


def _below(tar: tarfile.TarFile, prefix: str) -> Iterable[tarfile.TarInfo]:
    for member in tar:
        if member.name.startswith(prefix) and len(member.name) > len(prefix):
            if member.islnk():
                raise Expected("The archive holds a hard link.", "Tell whoever publishes it.")
            yield member.replace(name=member.name.removeprefix(prefix))


def try_out(folder: Path, database: Path, release: Release) -> None:
    """Let a version that is unpacked in a folder prove itself on a copy of a database; raises Expected where it does not."""
    engine = folder / "lastvagt-engine"
    said = _run([str(engine), "--version"], 60.0)
    if said.stdout.split()[-1:] != [release.version]:
        raise Expected(
            f"What came as version {release.version} says of itself '{said.stdout.strip()[:80]}'.", "Tell whoever publishes it."
        )
    words = ["--database", str(database)] if database.exists() else []
    tried = _run([str(engine), "selfcheck", *words], TRIED_S)
    if tried.returncode:
        lines = [line.strip() for line in f"{tried.stdout}\n{tried.stderr}".splitlines() if line.strip()]
        raise Expected(
            f"Version {release.version} does not work here: {' '.join(lines[-2:])[:400]}",
            "The version that runs stays. Tell its authors.",
        )


def _run(command: list[str], timeout_s: float) -> subprocess.CompletedProcess[str]:
    environment = installation.outer_environment() | {"QT_QPA_PLATFORM": "offscreen"}
    try:
        return pace.run(command, timeout_s, env=environment)
    except subprocess.TimeoutExpired:
        raise Expected(
            f"{' '.join(command[1:2])} of the new version takes longer than {timeout_s:.0f} s.", "The version that runs stays."
        ) from None
    except OSError as error:
        raise Expected(
            f"The new version cannot be started: {error.strerror}.", "The version that runs stays; tell its authors."
        ) from None
