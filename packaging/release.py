"""Makes a release: freezes, tells what is inside and under which terms, packs every form this machine can, signs, and lists it all.

`release.py package` (make package) writes dist/release-VERSION; `release.py version X.Y.Z` sets the version, in its one place."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "packaging")]

from engine import __version__, installation, releases, signing  # noqa: E402
from engine.domain import Expected  # noqa: E402
from engine.store import schema  # noqa: E402

FOLDERS = ("lastvagt", "lastvagt-engine")
_CHANGES, _VERSION = ROOT / "CHANGELOG.md", ROOT / "engine" / "__init__.py"
_SMOKE = ROOT / "packaging" / "smoke.py"
_DEVELOPMENT = ROOT / "out" / "development.key"
_UNRELEASED = re.compile(r"^## (\S+), unreleased$", re.MULTILINE)
_SUMS = "SHA256SUMS"
#: By the end of its name: what is made on other systems, its form where an update may take it, and the system it is for.
_ELSEWHERE = {
    "-user-setup.exe": ("Windows installer of a user", "windows", "windows-x86_64"),
    "-machine-setup.exe": ("Windows installer of a machine", "", "windows-x86_64"),
    "-server-setup.exe": ("Windows installer of a server", "", "windows-x86_64"),
    ".dmg": ("macOS image", "macos", "macos-arm64"),
}


@dataclass(frozen=True, slots=True)
class Made:
    """A file of the release; `form` is how it is installed (see `installation.Form`), empty for what is only read, on which `system`;
    `smoke` is how it did."""

    path: Path
    form: str = ""
    system: str = installation.system()
    smoke: str = ""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What was not made, and why."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Build:
    """What all steps share: where frozen folders and the release lie, its key, the moment that every file is dated, and the folder
    of what was made elsewhere."""

    dist: Path
    key: signing.SecretKey
    is_development: bool
    moment: int
    others: Path | None = None

    @property
    def out(self) -> Path:
        """The folder of the release."""
        return self.dist / f"release-{__version__}"

    @property
    def environment(self) -> dict[str, str]:
        """For the programs that pack."""
        return os.environ | {"SOURCE_DATE_EPOCH": str(self.moment), "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(ROOT)}

    def run(self, *words: str | Path) -> None:
        """Run a step; what it says is seen."""
        subprocess.run([str(word) for word in words], check=True, cwd=ROOT, env=self.environment)


# -- the version ------------------------------------------------------------------------------------------------------


def set_version(version: str, today: dt.date) -> None:
    """Put a version into the sources and a date into the changelog; raises Expected where the tree or the version is not ready."""
    releases.order(version)
    if _git("status", "--porcelain"):
        raise Expected("There are changes that are not committed.", "Commit or take them back first.")
    if _git("tag", "--list", f"v{version}"):
        raise Expected(f"There is a release {version} already.", "Choose a later version.")
    changes = _CHANGES.read_text(encoding="utf-8")
    found = _UNRELEASED.search(changes)
    if found is None:
        raise Expected("CHANGELOG.md has no unreleased version.", "Write what is new under '## X.Y.Z, unreleased'.")
    if version != __version__ and not releases.is_newer(version, __version__):
        raise Expected(f"{version} is not later than {__version__}.", "Choose a later version.")
    _CHANGES.write_text(changes.replace(found[0], f"## {version}, {today.isoformat()}", 1), encoding="utf-8")
    sources = _VERSION.read_text(encoding="utf-8")
    _VERSION.write_text(sources.replace(f'__version__ = "{__version__}"', f'__version__ = "{version}"'), encoding="utf-8")


def notes(version: str) -> str:
    """What CHANGELOG.md says of a version."""
    parts = re.split(r"^## ", _CHANGES.read_text(encoding="utf-8"), flags=re.MULTILINE)
    found = next((part for part in parts if part.startswith(f"{version},")), None)
    if found is None:
        raise Expected(f"CHANGELOG.md says nothing of {version}.", f"Write what is new under '## {version}, unreleased'.")
    return found.partition("\n")[2].strip() + "\n"


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


# -- the package ------------------------------------------------------------------------------------------------------


def build(dist: Path, key: Path | None, others: Path | None = None) -> Build:
    """What is to be made; raises Expected where a real key is to sign what is no release."""
    if key is not None:
        if _git("status", "--porcelain"):
            raise Expected("There are changes that are not committed.", "Commit them, or leave out KEY for a trial.")
        if _UNRELEASED.search(_CHANGES.read_text(encoding="utf-8")):
            raise Expected("The version is not released.", f"packaging/release.py version {__version__}, commit, and try again.")
        secret = signing.SecretKey.read(key)
    else:
        if not _DEVELOPMENT.exists():
            _DEVELOPMENT.parent.mkdir(exist_ok=True)
            signing.SecretKey.new().write(_DEVELOPMENT)
        secret = signing.SecretKey.read(_DEVELOPMENT)
    return Build(dist, secret, key is None, int(_git("log", "-1", "--format=%ct")), others)


def package(job: Build) -> list[Made | LeftOut]:
    """Everything this machine can make, in the order in which it was made."""
    if job.out.exists():
        shutil.rmtree(job.out)
    job.out.mkdir(parents=True)
    freeze(job)
    made: list[Made | LeftOut] = []
    for step in (describe, portable, deb, elsewhere):
        for one in step(job):
            made.append(one)
            print(f"-- {one.path.name}" if isinstance(one, Made) else f"-- no {one.name}: {one.why}", flush=True)
    made += told(job, [one for one in made if isinstance(one, Made)])
    return made


def freeze(job: Build) -> None:
    """The frozen folders, with the public key that kits and updates are checked with."""
    name = "development" if job.is_development else "release"
    public = ROOT / "engine" / "keys" / f"{name}.pub"
    public.parent.mkdir(exist_ok=True)
    public.write_text(job.key.public(name).text(), encoding="ascii")
    try:
        job.run(sys.executable, ROOT / "packaging" / "freeze.py", "--dist", job.dist)
    finally:
        public.unlink()


def describe(job: Build) -> Iterator[Made | LeftOut]:
    """Terms and bill of materials of each frozen folder, put into it, and the list of its files; raises Expected for a licence that is
    not allowed."""
    import contents
    import freeze
    import licences
    import sbom

    for name in FOLDERS:
        folder = job.dist / name
        for file in (folder / "LICENSE.txt", folder / licences.FILE, folder / sbom.FILE):
            file.unlink(missing_ok=True)
        parts = contents.of(folder, ROOT / "build" / "lastvagt")
        if refused := licences.refused(parts):
            raise Expected(" ".join(refused), "Leave it out of the frozen folder, or allow it in packaging/licences.toml.")
        (folder / "LICENSE.txt").write_bytes((ROOT / "LICENSE").read_bytes())
        (folder / licences.FILE).write_text(licences.text(parts), encoding="utf-8")
        sbom.write(folder, contents.of(folder, ROOT / "build" / "lastvagt"), folder / sbom.FILE, job.moment)
        bill, files = job.out / f"{name}-{__version__}.cdx.json", job.out / f"{name}-{__version__}.files"
        bill.write_bytes((folder / sbom.FILE).read_bytes())
        files.write_text("".join(f"{line}\n" for line in freeze.listed(folder)), encoding="utf-8")
        yield Made(bill)
        yield Made(files)


def portable(job: Build) -> Iterator[Made | LeftOut]:
    """The folder to unpack anywhere."""
    if not sys.platform.startswith("linux"):
        yield LeftOut("portable", "it is packed on Linux.")
        return
    job.run(sys.executable, ROOT / "packaging" / "portable.py", "--frozen", job.dist / "lastvagt", "--out", job.out)
    (path,) = job.out.glob("*.tar.gz")

    def unpack(folder: Path) -> Path:
        with tarfile.open(path) as tar:
            tar.extractall(folder, filter="tar")
        return folder / "lastvagt" / "versions" / __version__

    yield Made(path, "portable", smoke=smoke(unpack))


def deb(job: Build) -> Iterator[Made | LeftOut]:
    """The packages of Debian and Ubuntu."""
    script = ROOT / "packaging" / "deb.py"
    if shutil.which("dpkg-deb") is None or not script.exists():
        yield LeftOut("deb", "dpkg-deb is not installed (Debian: dpkg).")
        return
    job.run(sys.executable, script, "--dist", job.dist, "--out", job.out)
    for path in sorted(job.out.glob("*.deb")):
        name = path.name.partition("_")[0]

        def unpack(folder: Path, path: Path = path, name: str = name) -> Path:
            subprocess.run(["dpkg-deb", "-x", str(path), str(folder)], check=True)
            return folder / "usr" / "lib" / name

        yield Made(path, "deb-engine" if name == "lastvagt-engine" else "deb", smoke=smoke(unpack))


def elsewhere(job: Build) -> Iterator[Made | LeftOut]:
    """What was made on other systems, where there is a folder of it."""
    files = sorted(job.others.iterdir()) if job.others else []
    for end, (name, form, system) in _ELSEWHERE.items():
        found = [path for path in files if path.name.endswith(end)]
        for path in found:
            shutil.copy(path, job.out)
            yield Made(job.out / path.name, form, system, "not tried here")
        if not found:
            yield LeftOut(name, "made on that system by .github/workflows, and added here by --with.")


def smoke(unpack: Callable[[Path], Path]) -> str:
    """Whether the programs of an artefact, unpacked where nothing else is, work."""
    with tempfile.TemporaryDirectory() as folder:
        ran = subprocess.run(
            [sys.executable, _SMOKE, unpack(Path(folder)), "--quick"], capture_output=True, text=True, check=False
        )
    if ran.returncode:
        raise Expected(f"What was packed does not work: {(ran.stdout + ran.stderr).strip()}", "Mend it; nothing was released.")
    return "passed"


def told(job: Build, made: list[Made]) -> list[Made]:
    """Notes, the signed list that updates are found by, and signed checksums of everything."""
    page = job.out / "NOTES.md"
    page.write_text(
        ("Signed with a development key: for trials only.\n\n" if job.is_development else "") + notes(__version__),
        encoding="utf-8",
    )
    files = [
        {
            "name": one.path.name,
            "system": one.system,
            "form": one.form,
            "bytes": one.path.stat().st_size,
            "sha256": sha256(one.path),
        }
        for one in made
        if one.form
    ]
    document = {
        "version": __version__,
        "released": dt.datetime.fromtimestamp(job.moment, dt.UTC).date().isoformat(),
        "notes": page.read_text(encoding="utf-8"),
        "schema": len(schema.MIGRATIONS),
        "files": files,
    }
    listing = job.out / releases.LIST
    listing.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    releases.read(listing)
    public = job.out / ("development.pub" if job.is_development else "release.pub")
    public.write_text(job.key.public(public.stem).text(), encoding="ascii")
    these = [Made(page), Made(public), Made(listing), signed(job, listing)]
    sums = job.out / _SUMS
    listed = sorted(path for path in job.out.iterdir() if not path.name.startswith(_SUMS))
    sums.write_text("".join(f"{sha256(path)}  {path.name}\n" for path in listed), encoding="ascii")
    return [*these, Made(sums), signed(job, sums)]


def signed(job: Build, path: Path) -> Made:
    """The signature beside a file."""
    kind = "development key, for trials only" if job.is_development else "release"
    signature = path.with_name(path.name + signing.SUFFIX)
    signature.write_text(job.key.sign(path, f"lastvagt {__version__} {path.name}; {kind}"), encoding="ascii")
    signing.verify(path, signature, [job.key.public(kind)])
    return Made(signature)


def sha256(path: Path) -> str:
    """Of the bytes of a file."""
    import contents

    return contents.sha256(path)


def tell(job: Build, made: list[Made | LeftOut]) -> None:
    """What came of it, as a table."""
    print(f"\n{job.out}{' (signed with a development key: for trials only)' if job.is_development else ''}")
    for one in made:
        if isinstance(one, Made):
            print(
                f"{one.path.name:<44} {one.path.stat().st_size / 1e6:9.2f} MB  {sha256(one.path)}  {one.smoke and f'smoke: {one.smoke}'}".rstrip()
            )
    for one in made:
        if isinstance(one, LeftOut):
            print(f"{one.name}: left out, {one.why}")


def main() -> int:
    """Do what the words say."""
    parser = argparse.ArgumentParser(description=__doc__)
    acts = parser.add_subparsers(dest="act", required=True)
    version = acts.add_parser("version", help="set the version of the sources, and the date in the changelog")
    version.add_argument("version", metavar="X.Y.Z")
    whole = acts.add_parser("package", help="make everything this machine can")
    whole.add_argument("--key", type=Path, metavar="FILE", help="that signs (default: one for trials, made in out)")
    whole.add_argument("--dist", type=Path, default=ROOT / "dist", metavar="DIR", help="folder to write to (default: dist)")
    whole.add_argument("--with", dest="others", type=Path, metavar="DIR", help="folder of installers made on other systems")
    args = parser.parse_args()
    try:
        if args.act == "version":
            set_version(args.version, dt.datetime.now(dt.UTC).date())
            print(f"Look at it, then: git commit -am 'Release {args.version}' && git tag -s v{args.version}")
        else:
            job = build(args.dist.resolve(), args.key, args.others)
            tell(job, package(job))
    except Expected as problem:
        print(f"{problem.problem}\n{problem.remedy}", file=sys.stderr)
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(main())
