"""The thread that reads: soon, apart from the window, and whatever happens to the file."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import filled_store
import pytest
from filled_store import NOW
from PySide6 import QtCore
from pytestqt.qtbot import QtBot

from app import snapshot
from app.feed import Feed
from app.snapshot import Snapshot
from engine.clock import SimulatedClock
from engine.domain import Consumer
from engine.store import Reader, Writer


@pytest.fixture
def feed(tmp_path: Path) -> Iterator[Feed]:
    made = Feed(tmp_path / "lastvagt.sqlite", SimulatedClock(NOW))
    yield made
    made.stop()


def test_a_filled_database_comes_as_one_snapshot(qtbot: QtBot, feed: Feed, tmp_path: Path) -> None:
    filled_store.fill(tmp_path, days=16)
    with qtbot.waitSignal(feed.arrived) as sent:
        feed.start()
    found: Snapshot = sent.args[0]
    assert found.fault is None
    assert [len(area.observed) for area in found.consumers.values()] == [16 * 24 - 1] * 3
    assert found.consumers[Consumer("DK")].forecast is not None
    assert found.consumers[Consumer("DK")].scores["provisional", "lead_bucket"].keys() == set(range(7))


def test_a_chosen_consumer_is_read_at_once_and_the_rest_is_kept(
    qtbot: QtBot, feed: Feed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.feed.POLL_S", 3600.0)
    filled_store.fill(tmp_path, days=16, late=True)
    with qtbot.waitSignal(feed.arrived) as first:
        feed.start()
    before: Snapshot = first.args[0]
    for of in (Consumer("851", "household"), Consumer("1082", "business")):
        with qtbot.waitSignal(feed.arrived) as sent:
            feed.choose(of)
        after: Snapshot = sent.args[0]
        assert list(after.consumers)[3:] == [of]
        assert after.consumers[Consumer("DK")] is before.consumers[Consumer("DK")]
        assert len(after.consumers[of].observed)
    with qtbot.assertNotEmitted(feed.arrived, wait=100):
        feed.choose(of)


def test_a_change_is_noticed_and_nothing_is_sent_without_one(qtbot: QtBot, feed: Feed, tmp_path: Path) -> None:
    writer = Writer(tmp_path / "lastvagt.sqlite")
    with qtbot.waitSignal(feed.arrived):
        feed.start()
    with qtbot.assertNotEmitted(feed.arrived, wait=1300):
        pass
    with qtbot.waitSignal(feed.arrived) as sent:
        writer.open_event("source", "eds", "No answer.", "Wait.", NOW)
    assert [event.subject for event in sent.args[0].events] == ["eds"]
    writer.close()


def test_a_database_that_comes_later_is_found(qtbot: QtBot, feed: Feed, tmp_path: Path) -> None:
    with qtbot.waitSignal(feed.arrived) as sent:
        feed.start()
    assert sent.args[0].no_database
    with qtbot.waitSignal(feed.arrived, check_params_cb=lambda s: s.fault is None):
        Writer(tmp_path / "lastvagt.sqlite").close()


def test_what_was_read_stays_when_the_database_goes(qtbot: QtBot, feed: Feed, tmp_path: Path) -> None:
    filled_store.fill(tmp_path, days=16)
    with qtbot.waitSignal(feed.arrived):
        feed.start()
    with qtbot.waitSignal(feed.arrived, check_params_cb=lambda s: s.fault is not None) as sent:
        for path in tmp_path.iterdir():
            path.unlink()
    assert len(sent.args[0].consumers[Consumer("DK1")].observed)
    assert sent.args[0].no_database


def test_another_program_s_file_is_a_fault_and_not_a_crash(qtbot: QtBot, feed: Feed, tmp_path: Path) -> None:
    (tmp_path / "lastvagt.sqlite").write_bytes(b"not a database at all" * 100)
    with qtbot.waitSignal(feed.arrived) as sent:
        feed.start()
    assert sent.args[0].fault is not None
    assert not sent.args[0].no_database


def test_the_window_never_waits_for_the_database(
    qtbot: QtBot, feed: Feed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled_store.fill(tmp_path, days=16)
    reads, lives = threading.Event(), threading.Event()
    lived: list[bool] = []

    def until_the_window_lives(reader: Reader, now: int, chosen: Consumer | None) -> Snapshot:
        reads.set()
        lived.append(lives.wait(30))
        return snapshot.Snapshot(now)

    monkeypatch.setattr(snapshot, "read", until_the_window_lives)
    timer = QtCore.QTimer()
    timer.timeout.connect(lambda: reads.is_set() and lives.set())
    timer.start(5)
    with qtbot.waitSignal(feed.arrived, timeout=60_000):
        feed.start()
    timer.stop()
    assert lived == [True]


def test_a_file_that_took_the_place_of_the_database_is_read(qtbot: QtBot, feed: Feed, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    filled_store.fill(tmp_path, days=8, learned=False, tso=False)
    filled_store.fill(tmp_path / "other", days=10, learned=False, tso=False)
    with qtbot.waitSignal(feed.arrived):
        feed.start()
    with qtbot.waitSignal(feed.arrived) as sent:
        (tmp_path / "other" / "lastvagt.sqlite").replace(tmp_path / "lastvagt.sqlite")
    after: Snapshot = sent.args[0]
    assert after.fault is None
    assert len(after.consumers[Consumer("DK")].observed) == 10 * 24 - 1
