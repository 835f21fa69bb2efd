"""The command `update` tells how it stands, in words and as JSON, and refuses what cannot be done with a remedy."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import versions

from engine import installation, site, updating
from engine.__main__ import main
from engine.installation import Form, Installation
from engine.updates import Memory, Stand


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A portable installation of this version; the folder of the site."""
    place = versions.install(tmp_path / "lastvagt", "0.1.0")
    monkeypatch.setattr(installation, "here", lambda: place)
    monkeypatch.setattr(site, "trusted_keys", lambda _: (versions.KEY.public("site"),))
    versions.publish(tmp_path / "site", "999.0.0", versions.archive("999.0.0"))
    return tmp_path / "site"


def call(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = main(["update", *map(str, words)])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_each_step_tells_the_next(here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = ("--data-dir", tmp_path / "data")
    code, out, _ = call(capsys, *data)
    assert (code, "nobody is asked" in out) == (0, True)
    code, _, trouble = call(capsys, "check", *data)
    assert (code, "Set update_url, or give --url." in trouble) == (4, True)
    code, out, _ = call(capsys, "check", "--url", here.as_uri(), *data)
    assert code == 0
    assert "Version 999.0.0 can be fetched and tried: lastvagt-engine update stage" in out
    assert out.endswith("What is new in 999.0.0.\n")
    code, out, _ = call(capsys, "stage", "--url", here.as_uri(), *data)
    assert "Version 999.0.0 is ready: lastvagt-engine update apply" in out
    code, out, _ = call(capsys, "status", "--json", *data)
    told = json.loads(out)
    assert (code, told["stand"], told["newest"], told["form"], told["former"]) == (0, "ready", "999.0.0", "portable", "")
    code, _, trouble = call(capsys, "rollback", *data)
    assert (code, "No version before this one is kept" in trouble) == (4, True)
    code, out, _ = call(capsys, "settle", *data)
    assert (code, out) == (0, "There is nothing to put back.\n")
    Memory(refused={"999.0.0": "It ended."}).write(tmp_path / "data" / "updates")
    assert "Version 999.0.0 was taken back here: It ended." in call(capsys, *data)[1]


@pytest.mark.parametrize("act", ["apply", "rollback"])
@pytest.mark.parametrize(("form", "remedy"), [(Form.SOURCE, "git pull"), (Form.FOLDER, "by the way this one came")])
def test_what_was_not_installed_is_left_alone(
    here: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    act: str,
    form: Form,
    remedy: str,
) -> None:
    monkeypatch.setattr(installation, "here", lambda: Installation(form, tmp_path))
    code, _, trouble = call(capsys, act, "--data-dir", tmp_path / "data")
    assert (code, remedy in trouble) == (4, True)


@pytest.mark.parametrize(("form", "expected"), [(Form.DEB_ENGINE, None), (Form.PORTABLE, "data")])
def test_who_installs_packages_trusts_no_key_of_the_data_folder(
    here: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    form: Form,
    expected: str | None,
) -> None:
    asked: list[Path | None] = []
    monkeypatch.setattr(installation, "here", lambda: Installation(form, tmp_path / "lastvagt"))
    monkeypatch.setattr(site, "trusted_keys", lambda folder: asked.append(folder) or ())
    monkeypatch.setattr("engine.package_update.SPOOL", tmp_path / "spool")
    assert call(capsys, "apply", "--data-dir", tmp_path / "data")[0] == 4
    assert asked == [expected and tmp_path / expected]


def test_every_stand_has_its_words() -> None:
    assert set(updating._SAID) == set(Stand)
