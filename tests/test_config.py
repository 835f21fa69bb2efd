import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config import Config
from engine.domain import Consumer, Expected

SECRET = "5e95fc18-55f9-4ab1-a2b3-4f1d7d0c9b1e"


def load(**variables):
    return Config.load(environment={f"LASTVAGT_{name.upper()}": value for name, value in variables.items()})


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.example.org",
        "ftp://example.org",
        "https://",
        "http://x:99999",
        "http://[::1",
        "http://x/?key=1",
        "http://a b",
        "//x",
    ],
)
@pytest.mark.parametrize("name", ["energi_data_service_url", "open_meteo_url", "entsoe_url"])
def test_an_address_that_cannot_be_one_is_told_before_anything_is_asked(name, url):
    with pytest.raises(Expected, match=f"no valid value of '{name}'"):
        load(**{name: url})


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/mirror/", "https://api.example.org", " http://[::1]:80 "])
def test_an_address_loses_what_would_double_the_slash(url):
    assert load(entsoe_url=url).entsoe_url == url.strip().rstrip("/")


@given(st.text(max_size=30))
def test_any_text_is_an_address_or_expected(text):
    with contextlib.suppress(Expected):
        assert load(entsoe_url=text).entsoe_url.lower().startswith("http")


@pytest.mark.parametrize(("port", "fine"), [("0", True), ("65535", True), ("65536", False), ("-1", False), ("http", False)])
def test_ports_end_at_65535(port, fine):
    if fine:
        assert load(port=port).port == int(port)
    else:
        with pytest.raises(Expected, match="'port'"):
            load(port=port)


def test_a_secret_is_neither_in_the_settings_text_nor_in_a_complaint(tmp_path):
    assert load(entsoe_token=f" {SECRET}\n").entsoe_token == SECRET
    assert SECRET not in repr(load(entsoe_token=SECRET, open_meteo_api_key=SECRET))
    file = tmp_path / "settings.toml"
    file.write_text("entsoe_token = 123456789")
    with pytest.raises(Expected, match="no valid value of 'entsoe_token'") as caught:
        Config.load(file, environment={})
    assert "123456789" not in str(caught.value)


def test_peak_limits_are_checked_where_they_are_written():
    assert load(peak_limits="DK1=3400").limits.loads == {Consumer("DK1"): 3400.0}
    with pytest.raises(Expected, match=r"'DK1' is no limit of a load. It stands in 'peak_limits'"):
        load(peak_limits="DK1")
    with pytest.raises(Expected, match="peak_alarm_percent"):
        load(peak_alarm_percent="0")
