"""Makes Debian packages of the frozen programs, without root: lastvagt (app and engine) and lastvagt-engine. `make deb`.

The same frozen folders give the same bytes; SOURCE_DATE_EPOCH is the time of every file, by default that of the last commit.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
from datetime import UTC, datetime
from pathlib import Path
from string import Template

import completion
import desktop
import manual

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("lastvagt", "lastvagt-engine")
MAINTAINER = "The Lastvagt founders <lastvagt@example.org>"
_HERE = Path(__file__).parent / "deb"
_UNITS = ("lastvagt-engine.service", "lastvagt-engine-doctor.service", "lastvagt-update.service", "lastvagt-update.timer")
#: What the frozen programs load and leave to the system, and the package of Debian that brings it. None for those of the C library.
_BROUGHT_BY = {
    **dict.fromkeys(("ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1", "libc.so.6", "libm.so.6"), None),
    **dict.fromkeys(("libdl.so.2", "libpthread.so.0", "libresolv.so.2", "librt.so.1", "libutil.so.1"), None),
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libOpenGL.so.0": "libopengl0",
    "libX11.so.6": "libx11-6",
    "libdbus-1.so.3": "libdbus-1-3",
    "libdrm.so.2": "libdrm2",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libgcc_s.so.1": "libgcc-s1",
    "libstdc++.so.6": "libstdc++6",
    "libwayland-client.so.0": "libwayland-client0",
    "libwayland-cursor.so.0": "libwayland-cursor0",
    "libwayland-egl.so.1": "libwayland-egl1",
    "libxcb.so.1": "libxcb1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libz.so.1": "zlib1g",
}


class Unpackable(Exception):
    """A frozen folder that no package can be made of; the text says why."""


def main() -> int:
    """Make both packages; 1 where one cannot be made."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--dist", type=Path, default=ROOT / "dist", metavar="DIR", help="folder of the frozen programs (default: dist)"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder to write to (default: that of the frozen programs)")
    parser.add_argument("--only", choices=PACKAGES, help="make this one alone")
    parser.add_argument("--version", default=version(), help="(default: %(default)s)")
    parser.add_argument("--fast", action="store_true", help="compress for tests: a third larger, in a fiftieth of the time")
    args = parser.parse_args()
    try:
        for name in (args.only,) if args.only else PACKAGES:
            made = build(args.dist / name, args.out or args.dist, args.version, args.fast)
            print(f"{made}: {made.stat().st_size / 1e6:.1f} MB")
    except Unpackable as trouble:
        print(trouble, file=sys.stderr)
        return 1
    return 0


def version() -> str:
    """The program's, which is the package's too."""
    return re.search(r'__version__ = "(.+)"', (ROOT / "engine" / "__init__.py").read_text(encoding="utf-8"))[1]


def architecture() -> str:
    """That of this machine, as Debian calls it."""
    return _told("dpkg", "--print-architecture")


def build(frozen: Path, out: Path, version: str, fast: bool = False) -> Path:
    """The package of a frozen folder, by whose name it is called."""
    name, born = frozen.name, _born()
    if not (frozen / name).is_file():
        raise Unpackable(f"{frozen} holds no frozen program. Freeze it first: make freeze")
    made = out / f"{name}_{version}_{architecture()}.deb"
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / name
        lay_out(frozen, root, version, born)
        files = sorted(path.relative_to(root) for path in root.rglob("*") if path.is_file() and not path.is_symlink())
        told = {
            "version": version,
            "architecture": architecture(),
            "maintainer": MAINTAINER,
            "libraries": ", ".join(libraries(frozen)),
            "kilobytes": str(sum(-(-(root / file).stat().st_size // 1024) for file in files)),
        }
        control = root / "DEBIAN"
        control.mkdir()
        _write(control / "control", _filled(_HERE / f"{name}.control", told))
        for script in ("preinst", "postinst", "prerm", "postrm"):
            _write(control / script, _filled(_HERE / script, told), 0o755)
        sums = (f"{hashlib.md5((root / file).read_bytes(), usedforsecurity=False).hexdigest()}  {file}\n" for file in files)
        _write(control / "md5sums", "".join(sums))
        for path in (root, *root.rglob("*")):
            os.utime(path, (born, born), follow_symlinks=False)
        out.mkdir(parents=True, exist_ok=True)
        packed = ["-Zzstd", "-z3"] if fast else ["-Zxz", "-z9"]
        # With more threads the bytes depend on how much memory there is, of which each takes two thirds of a GB.
        environment = os.environ | {"SOURCE_DATE_EPOCH": str(born), "DPKG_DEB_THREADS_MAX": "1"}
        subprocess.run(
            ["dpkg-deb", "--build", "--root-owner-group", *packed, root, made],
            check=True, env=environment, stdout=subprocess.DEVNULL,
        )  # fmt: skip
    return made


def lay_out(frozen: Path, root: Path, version: str, born: int) -> None:
    """Every file of the package where it will lie."""
    name, has_app = frozen.name, frozen.name == "lastvagt"
    programs = PACKAGES if has_app else ("lastvagt-engine",)
    lib, share = root / "usr" / "lib", root / "usr" / "share"
    shutil.copytree(frozen, lib / name, symlinks=True)
    for path in (lib / name).rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or (path.parent == lib / name and path.name in PACKAGES) else 0o644)
    (root / "usr" / "bin").mkdir()
    for program in programs:
        (root / "usr" / "bin" / program).symlink_to(f"../lib/{name}/{program}")
    _write(root / "usr" / "sbin" / "lastvagt-service", (_HERE / "lastvagt-service").read_text(encoding="utf-8"), 0o755)
    for unit in _UNITS:
        _write(lib / "systemd" / "system" / unit, (_HERE / unit).read_text(encoding="utf-8"))
    for kind in ("sysusers", "tmpfiles"):
        _write(lib / f"{kind}.d" / "lastvagt.conf", (_HERE / f"{kind}.conf").read_text(encoding="utf-8"))
    for page, text in manual.pages(programs, datetime.fromtimestamp(born, UTC).date()).items():
        _pack(share / "man" / f"man{page[-1]}" / f"{page}.gz", text)
    _pack(share / "man" / "man8" / "lastvagt-service.8.gz", (_HERE / "lastvagt-service.8").read_text(encoding="utf-8"))
    completion.write(share, programs)
    if has_app:
        desktop.write(share, datetime.fromtimestamp(born, UTC).date())
    doc = share / "doc" / name
    _write(doc / "copyright", copyright(frozen))
    _pack(doc / "changelog.gz", changelog(name, version, born))
    _write(share / "lintian" / "overrides" / name, (_HERE / "lintian-overrides").read_text(encoding="utf-8"))
    for path in (root, *(p for p in root.rglob("*") if p.is_dir())):
        path.chmod(0o755)


def copyright(frozen: Path) -> str:
    """Our terms, then those of everything that was frozen in."""
    ours = (ROOT / "LICENSE").read_text(encoding="utf-8")
    others = frozen / "THIRD_PARTY_LICENSES.txt"
    return ours + ("\n" + others.read_text(encoding="utf-8") if others.exists() else "")


def changelog(name: str, version: str, born: int) -> str:
    """The newest part of CHANGELOG.md in the form of Debian."""
    newest = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").split("\n## ")[1]
    entries = re.findall(r"^\* (.+(?:\n  .+)*)", newest, re.MULTILINE) or ["See CHANGELOG.md."]
    points = "\n".join(
        textwrap.fill(" ".join(entry.split()), 78, initial_indent="  * ", subsequent_indent="    ") for entry in entries
    )
    day = datetime.fromtimestamp(born, UTC).strftime("%a, %d %b %Y %H:%M:%S +0000")
    return f"{name} ({version}) unstable; urgency=medium\n\n{points}\n\n -- {MAINTAINER}  {day}\n"


def libraries(frozen: Path) -> list[str]:
    """Packages of Debian with what the frozen files load and do not bring; raises Unpackable for a library of no known package."""
    brought, needed, glibc = set(), dict[str, str](), (0,)
    for path in sorted(p for p in frozen.rglob("*") if p.is_file()):
        brought.add(path.name)
        with path.open("rb") as file:
            if file.read(4) != b"\x7fELF":
                continue
        told = _told("objdump", "-p", str(path))
        needed |= dict.fromkeys(re.findall(r"NEEDED +(\S+)", told), path.name)
        glibc = max(
            glibc, *(tuple(map(int, found.split("."))) for found in re.findall(r"GLIBC_([0-9.]+)$", told, re.MULTILINE)), (0,)
        )
    unknown = sorted(needed.keys() - brought - _BROUGHT_BY.keys())
    if unknown:
        by = ", ".join(f"{soname} (for {needed[soname]})" for soname in unknown)
        raise Unpackable(f"No package is known for {by}. Freeze it in, or name its package in packaging/deb.py.")
    outside = sorted({package for soname in needed.keys() - brought if (package := _BROUGHT_BY[soname])})
    return [f"libc6 (>= {'.'.join(map(str, glibc))})", *outside]


def _born() -> int:
    if epoch := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(epoch)
    return int(_told("git", "-C", str(ROOT), "log", "-1", "--format=%ct"))


def _told(*command: str) -> str:
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    except FileNotFoundError as error:
        raise Unpackable(f"{command[0]} is missing (Debian: dpkg, binutils, git).") from error


def _filled(path: Path, told: dict[str, str]) -> str:
    return Template(path.read_text(encoding="utf-8")).safe_substitute(told)


def _write(path: Path, text: str, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)


def _pack(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode(), mtime=0))
    path.chmod(0o644)


if __name__ == "__main__":
    sys.exit(main())
