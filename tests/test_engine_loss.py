"""A real engine is killed and started again under the window: the window says so soon, comes back soon, and nothing is lost."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import filled_store
import pytest
from PySide6 import QtWidgets
from pytestqt.qtbot import QtBot

from app.engine_link import EngineLink
from app.feed import Feed
from app.preferences import PLAIN, Preferences
from app.session import Session
from app.snapshot import EngineKind
from engine.clock import SystemClock
from engine.store import Reader

ROOT = Path(__file__).resolve().parent.parent


def _engine(folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "engine", "run", "--simulated", "--data-dir", str(folder)]
    return subprocess.Popen(
        command, cwd=ROOT, env=os.environ | {"LASTVAGT_PORT": "0"}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


@pytest.fixture
def session(qtbot: QtBot, qapp: QtWidgets.QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    monkeypatch.setattr(Preferences, "file", staticmethod(lambda: tmp_path / "window.json"))
    filled_store.fill(tmp_path, days=16, simulated=True)
    clock = SystemClock()
    feed, link = Feed(tmp_path / "lastvagt.sqlite", clock), EngineLink([], clock, start=False, data_dir=tmp_path)
    made = Session(qapp, PLAIN, dataclasses.replace(PLAIN, language="en"), feed, link, clock)
    made.start()
    yield made
    made.window.quit()
    made.deleteLater()


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL there")
def test_an_engine_that_is_killed_is_missed_and_found_again(session: Session, qtbot: QtBot, tmp_path: Path) -> None:
    window, link = session.window, session.link

    def issues() -> int:
        reader = Reader(tmp_path / "lastvagt.sqlite")
        try:
            return len(reader.issues("DK"))
        finally:
            reader.close()

    def told() -> bool:
        return window._notices.isVisible() and "The engine does not answer any more" in window._notices.accessibleName()

    first = _engine(tmp_path)
    try:
        qtbot.waitUntil(lambda: link.status.kind is EngineKind.FOUND, timeout=60_000)
        assert not told()
        held = issues()
    finally:
        first.kill()
        first.wait()
    killed = time.monotonic()
    qtbot.waitUntil(told)
    missed_s = time.monotonic() - killed
    second = _engine(tmp_path)
    try:
        reader = Reader(tmp_path / "lastvagt.sqlite")
        qtbot.waitUntil(lambda: (state := reader.engine()) is not None and state.pid == second.pid, timeout=60_000)
        reader.close()
        back = time.monotonic()
        qtbot.waitUntil(lambda: link.status.kind is EngineKind.FOUND and not told())
        print(f"missed after {missed_s:.1f} s, found {time.monotonic() - back:.1f} s after it was back")
        assert issues() >= held > 0
    finally:
        second.terminate()
        second.wait()
