"""Packs a frozen program as a portable .tar.gz: unpacked anywhere it runs, and it keeps versions side by side for updates."""

from __future__ import annotations

import argparse
import gzip
import os
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import desktop

_HERE = Path(__file__).parent
_PARTS = _HERE / "portable"
#: Best that gzip does; slower by a third than its default and smaller by half a percent.
_LEVEL = 9


def write(frozen: Path, version: str, target: Path, moment: int) -> None:
    """Pack the frozen folder; the same files at the same `moment` make the same bytes."""
    with tempfile.TemporaryDirectory() as name:
        share, readme = Path(name) / "share", Path(name) / "README.txt"
        desktop.write(share, datetime.fromtimestamp(moment, UTC).date())
        readme.write_text((_PARTS / "README.txt").read_text(encoding="utf-8").replace("@VERSION@", version), encoding="utf-8")
        whole = [
            *_tree(_PARTS / "bin", "lastvagt/bin"),
            *_tree(share, "lastvagt/share"),
            *_tree(frozen, f"lastvagt/versions/{version}"),
            (readme, "lastvagt/README.txt"),
        ]
        with (
            target.open("wb") as raw,
            gzip.GzipFile("", "wb", _LEVEL, raw, mtime=moment) as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
        ):
            _link(tar, "lastvagt/current", f"versions/{version}", moment)
            for path, inside in sorted(whole, key=lambda pair: pair[1]):
                _add(tar, path, inside, moment)


def _tree(folder: Path, inside: str) -> Iterator[tuple[Path, str]]:
    """A folder and everything below it, with names in the archive; links are not followed."""
    yield folder, inside
    for path in folder.rglob("*"):
        yield path, f"{inside}/{path.relative_to(folder).as_posix()}"


def _link(tar: tarfile.TarFile, inside: str, to: str, moment: int) -> None:
    member = tarfile.TarInfo(inside)
    member.type, member.linkname, member.mtime, member.mode = tarfile.SYMTYPE, to, moment, 0o777
    tar.addfile(member)


def _add(tar: tarfile.TarFile, path: Path, inside: str, moment: int) -> None:
    if path.is_symlink():
        _link(tar, inside, str(path.readlink()), moment)
        return
    member = tarfile.TarInfo(inside)
    member.mtime = moment
    if path.is_dir():
        member.type, member.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(member)
        return
    member.size = path.stat().st_size
    member.mode = 0o755 if os.access(path, os.X_OK) else 0o644
    with path.open("rb") as file:
        tar.addfile(member, file)


def main() -> int:
    """Pack dist/lastvagt; SOURCE_DATE_EPOCH is when, where it is set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frozen", type=Path, default=Path("dist/lastvagt"), metavar="DIR", help="(default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("dist"), metavar="DIR", help="(default: %(default)s)")
    parser.add_argument("--version", help="(default: that of the sources)")
    options = parser.parse_args()
    sys.path.insert(0, str(_HERE.parent))
    from engine import __version__, installation

    if not (options.frozen / "lastvagt-engine").exists():
        print(f"There is no frozen program in {options.frozen}: make freeze", file=sys.stderr)
        return 4
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    version = options.version or __version__
    target = options.out / f"lastvagt-{version}-{installation.system()}.tar.gz"
    options.out.mkdir(parents=True, exist_ok=True)
    write(options.frozen, version, target, int(os.environ.get("SOURCE_DATE_EPOCH", datetime.now(UTC).timestamp())))
    print(f"{target}: {target.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
