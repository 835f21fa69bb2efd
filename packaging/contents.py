"""What is really in a frozen folder, and whose it is: every file on disk and every module packed into the programs.

PyInstaller notes in its work folder where each file came from; the packages of Python and of Debian know whose it was there."""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import json
import platform
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from PyInstaller.archive.readers import CArchiveReader

ROOT = Path(__file__).parent.parent
PROGRAMS = ("lastvagt", "lastvagt-engine")
SITE = Path(sysconfig.get_path("purelib"))
PYTHON = Path(sys.base_prefix)
#: What the programs are packed with: its start-up code is in each of them.
PACKER = "pyinstaller"
_PACKED = "PYZ.pyz"


class Unknown(Exception):
    """Something in the folder that belongs to nobody we know."""


@dataclass(frozen=True, slots=True, order=True)
class Part:
    """Something that is shipped. `kind` is own, python, pypi (a distribution) or deb (a source package of Debian)."""

    kind: str
    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Share:
    """What of a part is in a folder: files by path in the folder, names of modules packed into programs, and, of Debian, the
    binary packages."""

    files: set[str] = field(default_factory=set)
    modules: set[str] = field(default_factory=set)
    packages: set[str] = field(default_factory=set)


def of(folder: Path, work: Path) -> dict[Part, Share]:
    """The parts of a frozen folder, made with this Python; raises Unknown for a file that nobody owns."""
    origins, modules = _origins(work)
    found: dict[Part, Share] = {}
    system: dict[str, Path] = {}
    for name in listed(folder):
        inside = name.removeprefix("_internal/")
        if (folder / name).is_symlink():
            inside = (folder / name).resolve().relative_to(folder.resolve()).as_posix().removeprefix("_internal/")
        source = origins.get(inside)
        part = _ours(name) if source is None else _part(source)
        if part is None and source is not None:
            system[name] = source
        elif part is not None:
            found.setdefault(part, Share()).files.add(name)
    for name, (part, package) in _debian(system).items():
        share = found.setdefault(part, Share())
        share.files.add(name)
        share.packages.add(package)
    for program in (folder / name for name in PROGRAMS):
        if program.exists():
            for module in _packed(program):
                part = _part(modules[module])
                if part is None:
                    raise Unknown(f"The module {module} comes from {modules[module]}, which no package owns.")
                found.setdefault(part, Share()).modules.add(module)
            found.setdefault(_distribution(PACKER), Share()).modules.add("pyiboot01_bootstrap")
    return found


def vendored(part: Part) -> list[dict[str, object]]:
    """What a distribution says is inside its own binaries: the components of the bills of materials it brings (PEP 770)."""
    if part.kind != "pypi":
        return []
    files = importlib.metadata.files(part.name) or []
    boms = [json.loads(file.read_text(encoding="utf-8")) for file in files if ".dist-info/sboms/" in str(file)]
    found = {(c["name"], c.get("version", "")): c for bom in boms for c in bom.get("components", [])}
    return [found[key] for key in sorted(found)]


def sha256(path: Path) -> str:
    """Of the bytes of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def listed(folder: Path) -> list[str]:
    """Every file and link of a folder, by path in it."""
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_symlink() or p.is_file())


def _origins(work: Path) -> tuple[dict[str, Path], dict[str, Path]]:
    """Where files, by path under `_internal`, and packed modules came from."""
    files: dict[str, Path] = {}
    modules: dict[str, Path] = {}
    for toc in sorted(work.glob("COLLECT-*.toc")):
        for name, source, kind in ast.literal_eval(toc.read_text(encoding="utf-8"))[0]:
            if kind != "SYMLINK":
                files[Path(name).as_posix()] = Path(source)
    for toc in sorted(work.glob("PYZ-*.toc")):
        modules |= {name: Path(source) for name, source, _ in ast.literal_eval(toc.read_text(encoding="utf-8"))[1]}
    return files, modules


def _packed(program: Path) -> Iterator[str]:
    archive = CArchiveReader(str(program))
    yield from archive.open_embedded_archive(_PACKED).toc


def _part(source: Path) -> Part | None:
    """Whose a file of this machine is; None where only its system may know."""
    if str(source) == "-":  # a namespace package: a folder without a file of its own
        return Part("python", "python", platform.python_version())
    if source.is_relative_to(SITE):
        owner = _owners().get(source.relative_to(SITE).as_posix())
        if owner is None:
            raise Unknown(f"{source.relative_to(SITE)} belongs to no distribution.")
        return owner
    if source.name == "base_library.zip":
        return Part("python", "python", platform.python_version())
    if source.is_relative_to(ROOT):
        return _own()
    is_pythons = source.is_relative_to(PYTHON / "lib") and "python" in source.relative_to(PYTHON / "lib").as_posix()
    if is_pythons or (source.is_relative_to(PYTHON) and sys.platform != "linux"):
        return Part("python", "python", platform.python_version())
    return None


def _ours(name: str) -> Part:
    """The programs themselves, and what the release adds to the folder."""
    if name in PROGRAMS or not name.startswith("_internal/") or name.startswith("_internal/engine/keys/"):
        return _own()
    raise Unknown(f"{name} came from nowhere that the packer noted.")


def _own() -> Part:
    from engine import __version__

    return Part("own", "lastvagt", __version__)


_known: dict[str, Part] = {}


def _owners() -> Mapping[str, Part]:
    """Every installed file, by path in site-packages."""
    if not _known:
        for one in importlib.metadata.distributions(path=[str(SITE)]):
            part = Part("pypi", one.metadata["Name"], one.version)
            _known.update(dict.fromkeys((file.as_posix() for file in one.files or ()), part))
    return _known


def _distribution(name: str) -> Part:
    one = importlib.metadata.distribution(name)
    return Part("pypi", one.metadata["Name"], one.version)


def _debian(files: Mapping[str, Path]) -> dict[str, tuple[Part, str]]:
    """The source package, with its version, and the binary package of system files."""
    if not files:
        return {}
    real = {name: str(path.resolve()).removeprefix("/usr") for name, path in files.items()}
    asked = sorted({f"{prefix}{path}" for path in real.values() for prefix in ("", "/usr")})  # dpkg knows a file by one of both
    owners = (line.rsplit(": ", 1) for line in _dpkg("-S", *asked))
    package = {path.removeprefix("/usr"): owner for owner, path in owners}
    if missing := sorted(set(real.values()) - package.keys()):
        raise Unknown(f"{', '.join(missing)}: no Debian package owns it.")
    form = "${binary:Package}\t${source:Package}\t${source:Version}\n"
    source = {one: rest for one, *rest in (line.split("\t") for line in _dpkg("-W", "-f", form, *sorted(set(package.values()))))}
    return {name: (Part("deb", *source[package[path]]), package[path]) for name, path in real.items()}


def _dpkg(*words: str) -> list[str]:
    return subprocess.run(["dpkg-query", *words], capture_output=True, text=True, check=False).stdout.splitlines()
