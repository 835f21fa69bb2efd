"""Setting a version, and what a release tells of itself."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from engine import __version__, installation, releases, signing
from engine.domain import Expected

PACKAGING = Path(__file__).parent.parent / "packaging"
sys.path.insert(0, str(PACKAGING))

import release  # noqa: E402

TODAY = dt.date(2026, 12, 1)
MOMENT = 1_796_083_200
CHANGES = "# Changes\n\n## 9.9.0, unreleased\n\nMore.\n\n* One thing.\n\n## 0.0.1, 2026-01-01\n\nLess.\n"

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a version that is not released."""
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine" / "__init__.py").write_text(f'"""The engine."""\n\n__version__ = "{__version__}"\n', encoding="utf-8")
    (tmp_path / "CHANGELOG.md").write_text(CHANGES, encoding="utf-8")
    monkeypatch.setattr(release, "ROOT", tmp_path)
    monkeypatch.setattr(release, "_CHANGES", tmp_path / "CHANGELOG.md")
    monkeypatch.setattr(release, "_VERSION", tmp_path / "engine" / "__init__.py")
    monkeypatch.setattr(release, "_DEVELOPMENT", tmp_path / "out" / "development.key")
    (tmp_path / ".gitignore").write_text("out/\ndist/\n*.key\n", encoding="utf-8")
    git(tmp_path, "init", "-q")
    commit(tmp_path)
    return tmp_path


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


def commit(folder: Path) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "All of it")


def test_a_version_is_set_in_its_one_place_and_dated(tree: Path) -> None:
    release.set_version("9.9.0", TODAY)
    assert '__version__ = "9.9.0"' in (tree / "engine" / "__init__.py").read_text(encoding="utf-8")
    changes = (tree / "CHANGELOG.md").read_text(encoding="utf-8")
    assert changes == CHANGES.replace("9.9.0, unreleased", "9.9.0, 2026-12-01")
    assert release.notes("9.9.0") == "More.\n\n* One thing.\n"
    with pytest.raises(Expected, match="not committed"):
        release.set_version("9.9.1", TODAY)


@pytest.mark.parametrize(("version", "trouble"), [("0.0.1", "not later"), ("9.9", "no version"), ("v9.9.0", "no version")])
def test_what_is_no_later_version_is_refused(tree: Path, version: str, trouble: str) -> None:
    with pytest.raises(Expected, match=trouble):
        release.set_version(version, TODAY)
    assert (tree / "CHANGELOG.md").read_text(encoding="utf-8") == CHANGES


def test_a_tag_that_there_is_and_a_changelog_that_is_dated_are_refused(tree: Path) -> None:
    git(tree, "tag", "v9.9.0")
    with pytest.raises(Expected, match=r"a release 9\.9\.0 already"):
        release.set_version("9.9.0", TODAY)
    (tree / "CHANGELOG.md").write_text(CHANGES.replace("unreleased", "2026-11-01"), encoding="utf-8")
    commit(tree)
    with pytest.raises(Expected, match="no unreleased version"):
        release.set_version("9.9.1", TODAY)


def test_a_real_key_signs_only_what_is_committed_and_released(tree: Path, tmp_path: Path) -> None:
    signing.SecretKey.new().write(key := tmp_path / "release.key")
    with pytest.raises(Expected, match="The version is not released"):
        release.build(tree / "dist", key)
    (tree / "CHANGELOG.md").write_text(CHANGES.replace("unreleased", "2026-11-01"), encoding="utf-8")
    with pytest.raises(Expected, match="not committed"):
        release.build(tree / "dist", key)
    commit(tree)
    assert not release.build(tree / "dist", key).is_development


def test_without_a_key_one_for_trials_is_made_once(tree: Path) -> None:
    first, again = release.build(tree / "dist", None), release.build(tree / "dist", None)
    assert first.is_development
    assert first.key == again.key
    assert (tree / "out" / "development.key").stat().st_mode & 0o077 == 0


def job(tree: Path) -> release.Build:
    (tree / "CHANGELOG.md").write_text(CHANGES.replace("9.9.0", __version__), encoding="utf-8")
    made = release.Build(tree / "dist", signing.SecretKey.new(), True, MOMENT)
    made.out.mkdir(parents=True)
    return made


def test_everything_is_listed_signed_and_found_by_an_update(tree: Path) -> None:
    made = job(tree)
    (made.out / "lastvagt.tar.gz").write_bytes(b"program")
    (made.out / "lastvagt.cdx.json").write_bytes(b"{}")
    files = [release.Made(made.out / "lastvagt.tar.gz", "portable", smoke="passed"), release.Made(made.out / "lastvagt.cdx.json")]
    told = release.told(made, files)
    assert {one.path.name for one in told} >= {
        "updates.json",
        "updates.json.minisig",
        "SHA256SUMS",
        "SHA256SUMS.minisig",
        "NOTES.md",
    }
    keys = [signing.PublicKey.read(made.out / "development.pub")]
    for name in ("updates.json", "SHA256SUMS"):
        _, comment = signing.verify(made.out / name, made.out / f"{name}.minisig", keys)
        assert comment == f"lastvagt {__version__} {name}; development key, for trials only"
    listed = releases.read(made.out / "updates.json")
    assert (listed.version, listed.released) == (__version__, "2026-12-01")
    assert listed.notes.startswith("Signed with a development key: for trials only.")
    found = listed.file(installation.system(), "portable")
    assert found is not None
    assert (found.size, found.sha256) == (7, hashlib.sha256(b"program").hexdigest())
    assert len(listed.files) == 1, "what is only read is no update"
    sums = dict(reversed(line.split("  ")) for line in (made.out / "SHA256SUMS").read_text(encoding="ascii").splitlines())
    present = {path.name for path in made.out.iterdir()} - {"SHA256SUMS", "SHA256SUMS.minisig"}
    assert sums.keys() == present
    assert all(hashlib.sha256((made.out / name).read_bytes()).hexdigest() == digest for name, digest in sums.items())


def test_the_table_tells_what_was_left_out_and_why(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = job(tree)
    (made.out / "a.deb").write_bytes(b"12345")
    release.tell(
        made, [release.Made(made.out / "a.deb", "deb", smoke="passed"), release.LeftOut("macOS image", "it is made there.")]
    )
    out = capsys.readouterr().out
    assert "signed with a development key: for trials only" in out
    assert hashlib.sha256(b"12345").hexdigest() in out
    assert "smoke: passed" in out
    assert out.endswith("macOS image: left out, it is made there.\n")


def test_the_list_is_the_same_for_the_same_commit(tree: Path) -> None:
    made = job(tree)
    texts = []
    for _ in range(2):
        release.told(made, [])
        texts.append(json.loads((made.out / "updates.json").read_text(encoding="utf-8")))
    assert texts[0] == texts[1]


def test_installers_made_elsewhere_are_added_and_what_is_missing_is_told(tree: Path, tmp_path: Path) -> None:
    made = job(tree)
    (others := tmp_path / "others").mkdir()
    (others / "lastvagt-user-setup.exe").write_bytes(b"MZ")
    (others / "build.log").write_text("noise", encoding="utf-8")
    found = list(release.elsewhere(dataclasses.replace(made, others=others)))
    assert found[0] == release.Made(made.out / "lastvagt-user-setup.exe", "windows", "windows-x86_64", "not tried here")
    assert [one.name for one in found[1:] if isinstance(one, release.LeftOut)] == [
        "Windows installer of a machine",
        "Windows installer of a server",
        "macOS image",
    ]
    release.told(made, [one for one in found if isinstance(one, release.Made)])
    assert releases.read(made.out / "updates.json").file("windows-x86_64", "windows") is not None
    assert all(isinstance(one, release.LeftOut) for one in release.elsewhere(made))


def test_what_does_not_work_when_unpacked_is_not_released(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release, "_SMOKE", tmp_path / "smoke.py")
    (tmp_path / "smoke.py").write_text(
        "import pathlib, sys\nsys.exit((pathlib.Path(sys.argv[1]) / 'trouble').read_text() or 0)\n", encoding="utf-8"
    )

    def unpack(folder: Path, trouble: str) -> Path:
        (folder / "trouble").write_text(trouble, encoding="utf-8")
        return folder

    assert release.smoke(lambda folder: unpack(folder, "")) == "passed"
    with pytest.raises(Expected, match="does not work: no window"):
        release.smoke(lambda folder: unpack(folder, "no window"))
