"""Keys: made, trusted, listed, signed and checked with; and only keys that no stranger could have written count."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from engine import site
from engine.__main__ import main
from engine.domain import Expected
from engine.signing import PublicKey, SecretKey

posix = pytest.mark.skipif(sys.platform == "win32", reason="rights are in lists there")


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Folders of the site and of data, and a program without keys."""
    monkeypatch.setattr(site, "folders", lambda: (tmp_path / "etc",))
    monkeypatch.setattr(site, "SHIPPED", tmp_path / "shipped")
    monkeypatch.setattr(site, "SHIPPED_MODELS", tmp_path / "shipped" / "models")
    return tmp_path / "etc", tmp_path / "data"


def put(folder: Path, name: str) -> SecretKey:
    """A key whose public part lies in a folder."""
    made = SecretKey.new()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.pub").write_text(made.public(name).text())
    return made


def call(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = main(["key", *map(str, words)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_a_key_signs_and_is_trusted(folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, data = folders
    parcel = tmp_path / "october.kit"
    parcel.write_bytes(b"x" * 100)
    assert call(capsys, "new", tmp_path / "site.key")[0] == 0
    assert call(capsys, "sign", parcel, "--key", tmp_path / "site.key", "--comment", "kit of october")[0] == 0
    code, _, err = call(capsys, "verify", parcel, "--data-dir", data)
    assert (code, "not trusted here" in err) == (4, True)
    assert call(capsys, "trust", tmp_path / "site.pub", "--data-dir", data)[0] == 0
    code, out, _ = call(capsys, "verify", parcel, "--data-dir", data)
    assert (code, "signed with site" in out, "kit of october" in out) == (0, True, True)
    parcel.write_bytes(b"y" * 100)
    code, _, err = call(capsys, "verify", parcel, "--key", tmp_path / "site.pub")
    assert (code, "is not what 'site' signed" in err) == (4, True)


def test_keys_are_listed_with_whence_they_come(folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    etc, data = folders
    assert "No key is trusted" in call(capsys, "list", "--data-dir", data)[1]
    for folder, name in (
        (site.SHIPPED, "release"),
        (etc / "trusted", "grid"),
        (data / "trusted", "mine"),
        (data / "model-keys", "anna"),
    ):
        put(folder, name)
    code, out, _ = call(capsys, "list", "--json", "--data-dir", data)
    assert code == 0
    assert [(each["name"], each["from"]) for each in json.loads(out)] == [
        ("anna", "data folder, bundles"),
        ("release", "program"),
        ("grid", "site"),
        ("mine", "data folder"),
    ]
    assert "release" in call(capsys, "list", "--data-dir", data)[1]


def test_a_job_of_the_administrator_trusts_no_key_of_a_user(folders: tuple[Path, Path]) -> None:
    etc, data = folders
    put(etc / "trusted", "grid")
    put(data / "trusted", "mine")
    assert [key.name for key in site.trusted_keys()] == ["grid"]
    assert [key.name for key in site.trusted_keys(data)] == ["grid", "mine"]


def test_the_administrator_trusts_for_everybody(
    folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path, "grid")
    before = os.umask(0o077)
    try:
        assert call(capsys, "trust", tmp_path / "grid.pub", "--machine")[0] == 0
    finally:
        os.umask(before)
    if sys.platform != "win32":
        trusted = folders[0] / "trusted"
        assert [path.stat().st_mode & 0o777 for path in (trusted, trusted / "grid.pub")] == [0o755, 0o644]
    assert [key.name for key in site.trusted_keys()] == ["grid"]


@posix
@pytest.mark.parametrize("whose", ["file", "folder"])
def test_a_key_that_anybody_could_have_written_is_told(folders: tuple[Path, Path], whose: str) -> None:
    trusted = folders[0] / "trusted"
    put(trusted, "grid")
    path = trusted if whose == "folder" else trusted / "grid.pub"
    path.chmod(path.stat().st_mode | 0o002)
    with pytest.raises(Expected, match="Every user may write to"):
        site.trusted_keys()
    path.chmod(
        path.stat().st_mode | 0o1000 if whose == "folder" else 0o644
    )  # as in /tmp, where nobody can replace another's file
    assert [key.name for key in site.trusted_keys()] == ["grid"]


def test_a_damaged_key_is_told(folders: tuple[Path, Path]) -> None:
    trusted = folders[0] / "trusted"
    put(trusted, "grid")
    (trusted / "grid.pub").write_text("untrusted comment: x\nAAAA\n")
    with pytest.raises(Expected, match="holds no public key"):
        site.trusted_keys()


def test_nothing_is_written_over(folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, data = folders
    assert call(capsys, "new", tmp_path / "site.key")[0] == 0
    before = (tmp_path / "site.pub").read_text()
    assert call(capsys, "new", tmp_path / "site.key")[0] == 4
    assert (tmp_path / "site.pub").read_text() == before
    assert call(capsys, "trust", tmp_path / "site.pub", "--data-dir", data)[0] == 0
    put(tmp_path, "site")
    code, _, err = call(capsys, "trust", tmp_path / "site.pub", "--data-dir", data)
    assert (code, "another key of that name" in err) == (4, True)
    assert (data / "trusted" / "site.pub").read_text() == before


def test_a_forged_number_is_told(folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, data = folders
    real = put(data / "trusted", "grid")
    (tmp_path / "other.pub").write_text(SecretKey(real.number, bytes(32)).public("other").text())
    code, _, err = call(capsys, "trust", tmp_path / "other.pub", "--data-dir", data)
    assert (code, "forged" in err) == (4, True)


@pytest.mark.parametrize("words", [("sign",), ("sign", "x"), ("verify", "no-such"), ("trust", "no-such")])
def test_what_is_missing_is_told(folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str], words: tuple[str, ...]) -> None:
    code, _, err = call(capsys, *words, "--data-dir", folders[1])
    assert code == 4
    assert len(err.splitlines()) == 2


def test_a_portable_program_keeps_its_site_above_its_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "lastvagt" / "versions" / "1.2.3" / "lastvagt-engine"))
    assert site.program_folder() is None
    (tmp_path / "lastvagt" / "bin").mkdir(parents=True)
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert site.program_folder() == tmp_path / "lastvagt"
    monkeypatch.setattr(sys, "executable", str(tmp_path / "usr" / "lib" / "lastvagt" / "lastvagt"))
    assert site.program_folder() == tmp_path / "usr" / "lib" / "lastvagt"


def test_a_public_key_tells_its_number_as_minisign_does() -> None:
    assert PublicKey(bytes(range(8)), bytes(32), "x").hexadecimal == "0706050403020100"
