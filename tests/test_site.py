"""A site's file of settings: what it sets, what overrules it and what it overrules, and that only the right file counts."""

from __future__ import annotations

import dataclasses
import io
import json
import re
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from serving import serving

from engine import settings, site, vault
from engine.__main__ import main
from engine.config import Config, Outside, Place
from engine.domain import Expected
from engine.signing import SUFFIX, SecretKey

KEY = SecretKey(b"thesite.", bytes(range(32)))
posix = pytest.mark.skipif(sys.platform == "win32", reason="rights are in lists there")


@pytest.fixture(autouse=True)
def etc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The site's folder; no test touches the keyring of whoever runs it."""
    monkeypatch.setattr(vault, "_keyring", lambda: None)
    monkeypatch.setattr(site, "folders", lambda: (tmp_path / "etc", tmp_path / "program"))
    monkeypatch.delenv(site.VARIABLE, raising=False)
    (tmp_path / "etc").mkdir()
    return tmp_path / "etc"


@pytest.fixture
def outside(tmp_path: Path) -> Outside:
    return Outside(words={"data_dir": tmp_path / "data"})


def write(folder: Path, text: str, key: SecretKey | None = None) -> Path:
    """A site's file, signed where a key is given."""
    path = folder / site.FILE
    path.write_text(text, encoding="utf-8")
    if key is not None:
        path.with_name(path.name + SUFFIX).write_text(key.sign(path, "site"), encoding="utf-8")
    return path


def ask_for_signatures(etc: Path, key: SecretKey = KEY) -> None:
    (etc / site.SIGNERS).mkdir()
    (etc / site.SIGNERS / "grid.pub").write_text(key.public("grid").text())


def call(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = main([str(word) for word in words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_without_a_file_nothing_is_set(outside: Outside) -> None:
    assert outside.site() is None
    assert outside.config() == Config(data_dir=outside.folder())


#: Places from the weakest to the strongest.
PLACES = (Place.SITE, Place.FOLDER, Place.FILE, Place.ENVIRONMENT, Place.COMMAND_LINE, Place.REQUIRED)


@hypothesis_settings(max_examples=25)
@given(st.sets(st.sampled_from(PLACES)))
@example(set())
@example(set(PLACES))
def test_the_strongest_place_that_says_something_counts(tmp_path: Path, etc: Path, places: set[Place]) -> None:
    value = {place: number + 1 for number, place in enumerate(PLACES)}

    def line(place: Place) -> str:
        return f"weather_every_h = {value[place]}\n" if place in places else ""

    data, file = tmp_path / "data", tmp_path / "own.toml"
    data.mkdir(exist_ok=True)
    (data / "settings.toml").write_text(line(Place.FOLDER))
    file.write_text(line(Place.FILE))
    write(etc, f"[default]\n{line(Place.SITE)}[required]\n{line(Place.REQUIRED)}")
    environment = {"LASTVAGT_WEATHER_EVERY_H": str(value[Place.ENVIRONMENT])} if Place.ENVIRONMENT in places else {}
    words = {"weather_every_h": value[Place.COMMAND_LINE]} if Place.COMMAND_LINE in places else {}
    outside = Outside(file, environment, {"data_dir": data, **words})
    told = next(each for each in settings.listed(outside) if each.name == "weather_every_h")
    strongest = max(places, key=PLACES.index, default=Place.BUILT_IN)
    assert told.place is strongest
    assert told.value == value.get(strongest, 6) == outside.config().weather_every_h
    assert told.default == (value[Place.SITE] if Place.SITE in places else 6)
    assert bool(told.closed) == bool(places - {Place.SITE, Place.FOLDER})


def test_what_the_site_requires_cannot_be_changed_and_says_so(etc: Path, outside: Outside) -> None:
    path = write(etc, "[default]\nfetch_regions = true\n[required]\nnetwork = false\n")
    with pytest.raises(settings.Overruled) as caught:
        settings.change(outside, "network", "true")
    assert f"It is set by the site, in {path}." in caught.value.problem
    assert settings.change(outside, "fetch_regions", "false").fetch_regions is False
    assert settings.change(outside, "fetch_regions", None).fetch_regions is True


def test_a_site_may_choose_the_folder_of_the_data_but_not_force_it(etc: Path, tmp_path: Path) -> None:
    write(etc, f"[default]\ndata_dir = '{tmp_path / 'there'}'\n")
    assert Outside().folder() == tmp_path / "there"
    assert Outside(words={"data_dir": tmp_path / "here"}).folder() == tmp_path / "here"
    write(etc, f"[required]\ndata_dir = '{tmp_path / 'there'}'\n")
    with pytest.raises(Expected, match=r"'data_dir' may not stand in \[required\]"):
        Outside().config()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[default]\nprot = 1\n", r"Unknown setting 'prot' in \[default\] of"),
        ("[required]\nport = 'x'\n", r"'x' is no valid value of 'port' in \[required\] of"),
        ("[requird]\nport = 1\n", "'requird' may not stand in"),
        ("port = 1\n", "'port' may not stand in"),
        ("default = 1\n", "'default' may not stand in"),
        ("[app]\nlanguge = 'da'\n", r"Unknown word 'languge' in \[app\] of"),
        ("[app]\nturn = true\n", r"'True' is no value of 'turn' in \[app\] of"),
        ("[default\n", "is not valid TOML"),
    ],
)
def test_what_cannot_be_is_told_with_its_place(etc: Path, outside: Outside, text: str, told: str) -> None:
    path = write(etc, text)
    with pytest.raises(Expected, match=told) as caught:
        outside.config()
    assert str(path) in caught.value.problem


def test_a_value_that_is_overruled_is_checked_too(etc: Path, outside: Outside) -> None:
    write(etc, "[default]\nport = 'x'\n[required]\nport = 9000\n")
    with pytest.raises(Expected, match="no valid value of 'port'"):
        outside.config()


def test_the_folder_of_the_system_comes_before_that_of_the_program_and_a_named_file_before_both(
    etc: Path, tmp_path: Path, outside: Outside
) -> None:
    (tmp_path / "program").mkdir()
    write(tmp_path / "program", "[default]\ncontact = 'program'\n")
    assert outside.config().contact == "program"
    write(etc, "[default]\ncontact = 'system'\n")
    assert outside.config().contact == "system"
    named = tmp_path / "named.toml"
    named.write_text("[default]\ncontact = 'named'\n")
    assert dataclasses.replace(outside, environment={site.VARIABLE: str(named)}).config().contact == "named"
    with pytest.raises(Expected, match="There is no site file"):
        dataclasses.replace(outside, environment={site.VARIABLE: str(tmp_path / "none")}).config()


def test_where_a_signature_is_asked_for_only_a_signed_file_counts(etc: Path, tmp_path: Path, outside: Outside) -> None:
    ask_for_signatures(etc)
    write(etc, "[required]\nnetwork = false\n")
    with pytest.raises(Expected, match="must be signed here"):
        outside.config()
    write(etc, "[required]\nnetwork = false\n", KEY)
    found = outside.site()
    assert found is not None
    assert found.signer == "grid"
    assert outside.config().is_offline
    write(etc, "[required]\nnetwork = false\n", SecretKey.new())
    with pytest.raises(Expected, match="not trusted here"):
        outside.config()
    (tmp_path / "mine").mkdir()
    mine = write(tmp_path / "mine", "[required]\nnetwork = true\n")  # named instead, it is asked for the same signature
    with pytest.raises(Expected, match="must be signed here"):
        dataclasses.replace(outside, environment={site.VARIABLE: str(mine)}).config()


@pytest.mark.parametrize("command", [("run",), ("once",), ("forecast",), ("update",)])
def test_no_command_runs_on_a_file_that_does_not_count(
    etc: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    ask_for_signatures(etc)
    write(etc, "[required]\nnetwork = false\n")
    code, _, err = call(capsys, *command, "--data-dir", tmp_path / "data")
    assert (code, "must be signed here" in err) == (4, True)
    assert not (tmp_path / "data").exists()


@given(st.data())
def test_any_changed_byte_of_a_signed_file_is_refused(etc: Path, outside: Outside, data: st.DataObject) -> None:
    if not (etc / site.SIGNERS).exists():
        ask_for_signatures(etc)
    path = write(etc, "[default]\ncontact = 'ops@example.org'\n[required]\nnetwork = false\n", KEY)
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    with pytest.raises(Expected, match="must be signed here"):
        outside.config()


@posix
@pytest.mark.parametrize("whose", ["file", "folder", "signers"])
def test_a_file_that_anybody_could_have_written_is_refused(etc: Path, outside: Outside, whose: str) -> None:
    ask_for_signatures(etc)
    path = write(etc, "[required]\nnetwork = false\n", KEY)
    open_to_all = {"file": path, "folder": etc, "signers": etc / site.SIGNERS}[whose]
    open_to_all.chmod(open_to_all.stat().st_mode | 0o002)
    with pytest.raises(Expected, match="Every user may write to"):
        outside.config()


def test_a_secret_may_stand_in_a_file_but_not_by_order_of_a_user(etc: Path, tmp_path: Path, outside: Outside) -> None:
    (tmp_path / "entsoe.token").write_text("5e95fc18\n")
    place = f"file:{tmp_path / 'entsoe.token'}"
    write(etc, f"[default]\nentsoe_token = '{place}'\n")
    assert outside.config().entsoe_token == "5e95fc18"
    told = next(each for each in settings.listed(outside) if each.name == "entsoe_token")
    assert (told.value, told.default, told.kept) == ("", "", "site")
    assert settings.change(outside, "entsoe_token", place).entsoe_token == place
    environment = {"LASTVAGT_OPEN_METEO_API_KEY": place}
    assert dataclasses.replace(outside, environment=environment).config().open_meteo_api_key == "5e95fc18"
    assert dataclasses.replace(outside, environment={"LASTVAGT_CONTACT": place}).config().contact == place


def test_a_secret_whose_file_cannot_be_read_stops_nothing(
    etc: Path, tmp_path: Path, outside: Outside, caplog: pytest.LogCaptureFixture
) -> None:
    write(etc, f"[required]\nentsoe_token = 'file:{tmp_path / 'none'}'\n")
    assert outside.config().entsoe_token == ""
    assert "none cannot be read" in caplog.text


def test_the_example_shows_every_setting_and_can_be_used(etc: Path, outside: Outside, capsys: pytest.CaptureFixture[str]) -> None:
    code, text, _ = call(capsys, "settings", "example")
    assert code == 0
    assert tomllib.loads(text) == {"default": {}, "required": {}, "app": {}}
    used = write(etc, re.sub(r"^# (?=[a-z_]+ = )", "", text, flags=re.MULTILINE))
    outside.config()
    found = outside.site()
    assert found is not None
    assert list(found.default) == [f.name for f in dataclasses.fields(Config)], used
    assert found.app.keys() == site.APP.keys()
    words = " ".join(line.removeprefix("#").strip() for line in text.splitlines())
    assert [name for name in found.default if Config.help_of(name) not in words] == []
    usual = {name: Config.default_of(name) for name in found.default if name not in ("data_dir", "model_dir")}
    assert {name: found.default[name] for name in usual} == usual


def test_settings_are_listed_with_where_they_come_from(etc: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(etc, "[default]\nweather_every_h = 3\n[required]\nnetwork = false\n")
    words = ("--data-dir", tmp_path / "data")
    code, out, _ = call(capsys, "settings", *words)
    assert code == 0
    assert re.search(rf"^weather_every_h +3 +the site, {re.escape(str(path))}$", out, re.MULTILINE)
    assert re.search(rf"^network +false +fixed by the site, {re.escape(str(path))}$", out, re.MULTILINE)
    assert re.search(r"^port +8787 +built in$", out, re.MULTILINE)
    (one,) = json.loads(call(capsys, "settings", "list", "network", "--json", *words)[1])
    assert (one["place"], one["where"], one["value"]) == ("required", str(path), False)
    assert "set by the site" in call(capsys, "settings", "list", "network", *words)[1]
    assert call(capsys, "settings", "list", "none", *words)[0] == 4


def test_a_setting_is_changed_from_the_command_line(
    etc: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(etc, "[required]\nnetwork = false\n")
    words = ("--data-dir", tmp_path / "data")
    own = tmp_path / "data" / "settings.toml"
    assert call(capsys, "settings", "set", "port", "9000", *words)[:2] == (0, f"port = 9000, {own}\n")
    assert call(capsys, "settings", "reset", "port", *words)[:2] == (0, "port = 8787, built in\n")
    code, _, err = call(capsys, "settings", "set", "network", "true", *words)
    assert (code, "set by the site" in err) == (4, True)
    assert call(capsys, "settings", "set", "port", *words)[0] == 4
    monkeypatch.setattr("sys.stdin", io.StringIO("5e95fc18\n"))
    code, out, _ = call(capsys, "settings", "set", "entsoe_token", "-", *words)
    assert (code, "5e95fc18" in out, "(secret)" in out) == (0, False, True)
    assert Config.load(data_dir=tmp_path / "data").entsoe_token == "5e95fc18"


def test_an_engine_that_runs_takes_a_change_over_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = Config(data_dir=tmp_path / "data", simulated=True, port=0)
    with serving(config) as (service, _):
        code, out, _ = call(capsys, "settings", "set", "weather_every_h", "3", "--data-dir", config.data_dir, "--simulated")
        assert (code, service._config.weather_every_h) == (0, 3), out
        code, _, err = call(capsys, "settings", "set", "weather_every_h", "99", "--data-dir", config.data_dir, "--simulated")
        assert (code, "no valid value" in err) == (4, True)


def test_a_site_is_named_on_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(site.VARIABLE, "")  # what the command line sets ends with the test
    (tmp_path / "named").mkdir()
    path = write(tmp_path / "named", "[default]\ncontact = 'ops@example.org'\n")
    code, out, _ = call(capsys, "settings", "list", "contact", "--site", path, "--data-dir", tmp_path / "data")
    assert (code, f"ops@example.org, the site, {path}" in out) == (0, True)
    code, _, err = call(capsys, "status", "--site", tmp_path / "none", "--data-dir", tmp_path / "data")
    assert (code, "There is no site file" in err) == (4, True)
