"""Freezes app and engine into folders that need no Python: runs PyInstaller, trims, checks, lists. `make freeze`.

Makes DIST/lastvagt and DIST/lastvagt-engine, and beside each a list of its files with SHA-256 and bytes. The same sources and
the same installed packages give the same lists.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

import icu
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from PyInstaller.archive.readers import CArchiveReader

ROOT = Path(__file__).resolve().parent.parent
#: Most MB (of 1024 x 1024 bytes, as du counts them) a folder may have on Linux, and the extras of pyproject.toml whose packages may be
#: in it.
FOLDERS = {"lastvagt": (230, ("app",)), "lastvagt-engine": (110, ())}
#: Compilers leave symbols in these, which nothing needs: a third of libpython is code. Stripping OpenBLAS breaks it, whose layout
#: the makers of numpy's wheel have changed; the rest comes stripped.
_WITH_SYMBOLS = ("libpython*", "python*/lib-dynload/*", "cryptography/hazmat/bindings/*", "nacl/*")
#: Data of packages for what we do not use: icons of a window we do not open, and the names of every file that was installed.
_UNUSED = ("pyqtgraph/icons/peegee", "*.dist-info/RECORD")


def main() -> int:
    """Freeze; 1 where something came out that should not."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--dist", type=Path, default=ROOT / "dist", metavar="DIR", help="folder to write to (default: dist)")
    parser.add_argument("--work", type=Path, default=ROOT / "build", metavar="DIR", help="folder to work in (default: build)")
    args = parser.parse_args()
    freeze(args.dist, args.work)
    troubles, can_strip = [], sys.platform.startswith("linux") and shutil.which("strip") is not None
    for name, (most_mb, extras) in FOLDERS.items():
        folder = args.dist / name
        trim(folder)
        lines = list(listed(folder))
        Path(f"{folder}.files").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        size_mb = sum(int(line.split()[1]) for line in lines) / 2**20
        troubles += [f"{name} holds {module}, which no dependency brings." for module in surprises(folder, extras)]
        if size_mb > most_mb and can_strip:
            troubles.append(f"{name} has {size_mb:.1f} MB; it may have {most_mb}.")
        print(f"{folder}: {len(lines)} files, {size_mb:.1f} MB")
    for trouble in troubles:
        print(trouble, file=sys.stderr)
    return 1 if troubles else 0


def freeze(dist: Path, work: Path) -> None:
    """Run PyInstaller, so that the same sources give the same bytes."""
    places = ["--distpath", str(dist), "--workpath", str(work)]
    command = [sys.executable, "-m", "PyInstaller", "--noconfirm", "--clean", "--log-level", "ERROR", *places]
    fixed = {"PYTHONHASHSEED": "0", "SOURCE_DATE_EPOCH": os.environ.get("SOURCE_DATE_EPOCH", "1767225600")}
    subprocess.run([*command, str(ROOT / "packaging" / "lastvagt.spec")], check=True, cwd=ROOT, env=os.environ | fixed)


def trim(folder: Path) -> None:
    """Take out what nothing reads."""
    inside = folder / "_internal"
    for pattern in _UNUSED:
        for path in inside.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    if not sys.platform.startswith("linux"):
        return
    for path in inside.glob("PySide6/Qt/lib/libicudata.so.*"):
        icu.cut(path)
    if shutil.which("strip") is None:
        print("strip is missing (Debian: binutils): the folders may become 25 MB larger.", file=sys.stderr)
        return
    files = [str(path) for pattern in _WITH_SYMBOLS for path in sorted(inside.glob(pattern)) if ".so" in path.name]
    subprocess.run(["strip", "--strip-unneeded", *files], check=True)


def listed(folder: Path) -> Iterator[str]:
    """SHA-256, bytes and path of every file, and where links lead, in the order of the paths."""
    for path in sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).as_posix()):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            yield f"{'-' * 64} {0:>10} {name} -> {path.readlink().as_posix()}"
        elif path.is_file():
            yield f"{hashlib.sha256(path.read_bytes()).hexdigest()} {path.stat().st_size:>10} {name}"


def surprises(folder: Path, extras: Iterable[str]) -> list[str]:
    """Top-level modules of packages that are installed here and that the program does not depend on."""
    wanted, brought_by = dependencies(extras), importlib.metadata.packages_distributions()
    return sorted(
        module
        for module in modules(folder) - sys.stdlib_module_names
        if module in brought_by and not wanted & {canonicalize_name(name) for name in brought_by[module]}
    )


def modules(folder: Path) -> set[str]:
    """Top-level modules of the programs in a folder: those packed into them, and those that lie beside as files."""
    found = {path.name.partition(".")[0] for path in (folder / "_internal").iterdir() if path.suffix != ".dist-info"}
    for program in folder.iterdir():
        if program.is_file():
            archive = CArchiveReader(str(program)).open_embedded_archive("PYZ.pyz")
            found |= {name.partition(".")[0] for name in archive.toc}
    return found


def dependencies(extras: Iterable[str]) -> set[str]:
    """Canonical names of all packages that the program with some of its extras depends on here, and those in turn."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
    waiting = [(Requirement(line), "") for line in wanted]
    found = {canonicalize_name(project["name"])}
    while waiting:
        requirement, extra = waiting.pop()
        name = canonicalize_name(requirement.name)
        if (requirement.marker is None or requirement.marker.evaluate({"extra": extra})) and name not in found:
            found.add(name)
            lines = importlib.metadata.requires(name) or ()
            waiting += [(Requirement(line), extra) for line in lines for extra in ("", *requirement.extras)]
    return found


if __name__ == "__main__":
    sys.exit(main())
