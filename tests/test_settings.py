"""Settings as they are listed and changed: where each comes from, what overrules it, and where secrets go."""

from __future__ import annotations

import dataclasses
import stat
import string
import sys
import types
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import settings, vault
from engine.config import Config, Outside, Place, is_secret
from engine.domain import Expected

SECRET = "5e95fc18-55f9-4ab1-a2b3-4f1d7d0c9b1e"


@pytest.fixture
def outside(tmp_path: Path) -> Outside:
    return Outside(words={"data_dir": tmp_path / "data"})


class Ring:
    """A keyring in memory."""

    priority = 5

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], str] = {}

    def set_password(self, service: str, key: str, secret: str) -> None:
        self.held[service, key] = secret

    def get_password(self, service: str, key: str) -> str | None:
        return self.held.get((service, key))

    def delete_password(self, service: str, key: str) -> None:
        del self.held[service, key]


@pytest.fixture(autouse=True)
def ring(monkeypatch: pytest.MonkeyPatch) -> Ring:
    """No test touches the keyring of whoever runs it."""
    made = Ring()
    monkeypatch.setattr(vault, "_keyring", lambda: None)
    return made


def of(outside: Outside, name: str, running: Config | None = None) -> settings.Setting:
    return next(each for each in settings.listed(outside, running) if each.name == name)


def test_each_place_overrules_those_before_it(tmp_path: Path) -> None:
    data, file = tmp_path / "data", tmp_path / "own.toml"
    data.mkdir()
    outside = Outside(words={"data_dir": data})
    assert (of(outside, "contact").value, of(outside, "contact").place) == ("", Place.BUILT_IN)
    (data / "settings.toml").write_text('contact = "folder"')
    assert (of(outside, "contact").value, of(outside, "contact").place) == ("folder", Place.FOLDER)
    file.write_text('contact = "file"')
    outside = dataclasses.replace(outside, path=file)
    assert (of(outside, "contact").value, of(outside, "contact").where) == ("file", str(file))
    outside = dataclasses.replace(outside, environment={"LASTVAGT_CONTACT": "environment"})
    assert of(outside, "contact").place is Place.ENVIRONMENT
    outside = dataclasses.replace(outside, words={"data_dir": data, "contact": "said"})
    assert outside.config().contact == "said"
    assert Config.load(file, {"LASTVAGT_CONTACT": "environment"}, data_dir=data).contact == "environment"


def test_a_change_is_kept_for_the_user_alone_and_can_be_taken_back(outside: Outside) -> None:
    assert settings.change(outside, "weather_every_h", "3").weather_every_h == 3
    settings.change(outside, "fetch_regions", "yes")
    file = outside.folder() / "settings.toml"
    assert file.read_text() == "weather_every_h = 3\nfetch_regions = true\n"
    if sys.platform != "win32":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert outside.config().fetch_regions
    settings.change(outside, "fetch_regions", None)
    settings.change(outside, "weather_every_h", None)
    assert not file.exists()
    assert outside.config() == Config(data_dir=outside.folder())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("weather_every_h", "0"),
        ("weather_every_h", "often"),
        ("port", "65536"),
        ("keep_forecasts_days", "1" + "0" * 40),
        ("entsoe_url", "ftp://x"),
        ("log_level", "LOUD"),
        ("fetch_regions", "perhaps"),
        ("peak_limits", "DK1=-3"),
        ("host", "0.0.0.0"),
        ("no_such", "1"),
    ],
)
def test_a_value_that_cannot_be_is_refused_and_nothing_changes(outside: Outside, name: str, value: str) -> None:
    with pytest.raises(settings.Invalid):
        settings.change(outside, name, value)
    assert not list(outside.folder().glob("*.toml"))


def test_what_is_overruled_is_told_and_not_ignored(outside: Outside) -> None:
    overruled = dataclasses.replace(outside, environment={"LASTVAGT_CONTACT": "me"})
    with pytest.raises(settings.Overruled, match="environment variable LASTVAGT_CONTACT"):
        settings.change(overruled, "contact", "you")
    assert "LASTVAGT_CONTACT" in of(overruled, "contact").closed
    for name in ("data_dir", "simulated"):
        with pytest.raises(settings.Overruled):
            settings.change(outside, name, "1")
    (outside.folder()).mkdir()
    (outside.folder() / "settings.toml").write_text("simulated = true")
    with pytest.raises(Expected, match="'simulated' may not stand in"):
        outside.config()


def test_a_secret_goes_to_a_file_of_its_own_where_no_keyring_works(outside: Outside) -> None:
    assert settings.change(outside, "entsoe_token", SECRET).entsoe_token == SECRET
    told = of(outside, "entsoe_token")
    assert (told.value, told.kept, told.kind) == ("", "file", "secret")
    assert SECRET not in str(settings.listed(outside))
    assert not (outside.folder() / "settings.toml").exists()
    if sys.platform != "win32":
        assert stat.S_IMODE((outside.folder() / "secrets.toml").stat().st_mode) == 0o600
    settings.change(outside, "entsoe_token", "")
    assert (outside.config().entsoe_token, of(outside, "entsoe_token").kept) == ("", "")


def test_a_secret_goes_to_the_keyring_where_one_works(outside: Outside, ring: Ring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vault, "_keyring", lambda: ring)
    settings.change(outside, "entsoe_token", SECRET)
    assert list(ring.held.values()) == [SECRET]
    assert outside.config().entsoe_token == SECRET
    assert of(outside, "entsoe_token").kept == "keyring"
    assert SECRET not in (outside.folder() / "secrets.toml").read_text()
    monkeypatch.setattr(vault, "_keyring", lambda: None)  # locked, or another session
    assert outside.config().entsoe_token == ""
    assert of(outside, "entsoe_token").kept == "locked"
    monkeypatch.setattr(vault, "_keyring", lambda: ring)
    settings.change(outside, "entsoe_token", None)
    assert ring.held == {}
    assert not (outside.folder() / "secrets.toml").exists()


def test_a_keyring_that_refuses_is_expected(outside: Outside, ring: Ring, monkeypatch: pytest.MonkeyPatch) -> None:
    errors = pytest.importorskip("keyring.errors")

    def refuse(*_: str) -> None:
        raise errors.KeyringLocked("locked")

    monkeypatch.setattr(ring, "set_password", refuse, raising=False)
    monkeypatch.setattr(vault, "_keyring", lambda: ring)
    with pytest.raises(Expected, match="The keyring refuses"):
        settings.change(outside, "entsoe_token", SECRET)


def test_a_keyring_that_only_fails_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "keyring", types.SimpleNamespace(get_keyring=lambda: types.SimpleNamespace(priority=0)))
    assert vault._keyring() is None


def test_a_secret_that_somebody_wrote_into_the_settings_leaves_them_when_it_is_changed(outside: Outside) -> None:
    outside.folder().mkdir()
    (outside.folder() / "settings.toml").write_text(f'entsoe_token = "{SECRET}"')
    settings.change(outside, "entsoe_token", "another")
    assert not (outside.folder() / "settings.toml").exists()
    assert outside.config().entsoe_token == "another"


def test_what_a_running_engine_cannot_take_over_waits(outside: Outside) -> None:
    running = outside.config()
    settings.change(outside, "port", "9000")
    new = settings.change(outside, "weather_every_h", "3")
    running = settings.adopted(running, new)
    assert (running.port, running.weather_every_h) == (8787, 3)
    assert {each.name for each in settings.listed(outside, running) if each.waits} == {"port"}
    assert not of(outside, "port").live


def test_every_setting_is_listed_with_what_it_takes() -> None:
    listed = {each.name: each for each in settings.listed(Outside())}
    assert list(listed) == [f.name for f in dataclasses.fields(Config)]
    assert listed.keys() >= settings.LIVE
    assert {"switch", "number", "choice", "folder", "address", "secret", "text"} == {each.kind for each in listed.values()}
    assert all(each.help for each in listed.values())
    assert [name for name in listed if is_secret(name)] == ["open_meteo_api_key", "entsoe_token"]


@given(st.text(max_size=30))
def test_any_text_comes_back_as_it_was_written(tmp_path: Path, text: str) -> None:
    file = tmp_path / "x.toml"
    if any(0xD800 <= ord(c) <= 0xDFFF for c in text):
        return
    vault.write(file, {"contact": text})
    (tmp_path / "data").mkdir(exist_ok=True)
    assert Config.load(file, {}, data_dir=tmp_path / "data").contact == text.strip()


@given(st.sampled_from([f.name for f in dataclasses.fields(Config)]), st.text(string.printable, max_size=12))
def test_any_change_is_made_or_refused(tmp_path: Path, name: str, value: str) -> None:
    outside = Outside(words={"data_dir": tmp_path / "data"})
    try:
        settings.change(outside, name, value)
    except (settings.Invalid, settings.Overruled):
        return
    outside.config()
