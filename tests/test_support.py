"""The support text: what it tells, and that nothing planted where secrets lie gets into it."""

from __future__ import annotations

from pathlib import Path

import filled_store
import pytest
from filled_store import NOW

from engine import access, settings, support, vault
from engine.clock import SimulatedClock
from engine.config import Outside
from engine.domain import JobRun
from engine.store import Writer

TOKEN, KEY, OTHER = "5e95fc18-55f9-4ab1-a2b3-4f1d7d0c9b1e", "key0123456789abcdef", "93f0a1b2c3d4e5f6a7b8"
HOME, USER, HOST = "/home/kirsten.m", "kirsten.m", "kontrolrum-7"


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Outside:
    monkeypatch.setattr(vault, "_keyring", lambda: None)
    monkeypatch.setattr(Path, "home", lambda: Path(HOME))
    monkeypatch.setattr(access, "user", lambda: USER)
    monkeypatch.setattr("platform.node", lambda: f"{HOST}.energi.example")
    folder = filled_store.fill(tmp_path / "data", days=9)
    made = Outside(words={"data_dir": folder})
    settings.change(made, "entsoe_token", TOKEN)
    settings.change(made, "open_meteo_api_key", KEY)
    settings.change(made, "contact", "kirsten@energi.example")
    writer = Writer(folder / "lastvagt.sqlite")
    url = f"https://web-api.tp.entsoe.eu/api?securityToken={TOKEN}&x=1"
    writer.put_job_run(JobRun("ingest", NOW, NOW, "expected", f"{url} broke off.", "Wait.", {"apikey": KEY}))
    writer.open_event("source", "entsoe/x", f"No answer from {url}.", f"Look into {HOME}/x.", NOW)
    writer.close()
    (folder / "engine.log").write_text(
        f"GET {url}\nAuthorization: Bearer {OTHER}\npassword={OTHER}\n{USER} on {HOST} promoted\n"
        f"apikey='{OTHER}'\nhttp://{USER}:{OTHER}@proxy.example:80\n{HOME}/data\n" * 3,
        encoding="utf-8",
    )
    return made


def test_nothing_that_is_secret_or_personal_is_in_it(outside: Outside) -> None:
    with access.grant(outside.folder()) as granted:
        (outside.folder() / "engine.log").write_text(f"{granted}\n" + (outside.folder() / "engine.log").read_text())
        text = support.text(outside, SimulatedClock(NOW))
    for planted in (TOKEN, KEY, OTHER, granted, HOME, USER, HOST, "kirsten@", "kontrolrum"):
        assert planted not in text, planted
    assert "entsoe_token = set   (folder)" in text
    assert "<user> on <host> promoted" in text
    assert "~/data" in text


def test_it_tells_what_one_needs_to_know(outside: Outside) -> None:
    text = support.text(outside, SimulatedClock(NOW))
    for title in ("settings", "doctor, offline", "storage", "jobs", "runs", "issues", "events", "lags", "end of engine.log"):
        assert f"\n== {title}\n" in text
    assert "ingest: last 2026-11-24T17:20:00Z expected" in text
    assert "securityToken=***&x=1 broke off." in text
    assert len(text) < 60_000


def test_without_a_database_it_tells_that_there_is_none(tmp_path: Path) -> None:
    text = support.text(Outside(words={"data_dir": tmp_path}), SimulatedClock(NOW))
    assert "There is no database" in text
    assert text.endswith("There is none.\n")


def test_a_user_whose_name_is_a_word_of_ours_hides_no_setting(outside: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "user", lambda: "data")
    assert "\ndata_dir = " in support.text(outside, SimulatedClock(NOW))
