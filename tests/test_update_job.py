"""The job that looks for updates runs only where an address is set, as often as the settings say, and tells of what it found."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import versions

from engine import plan, timetable, update_job
from engine.clock import SimulatedClock, parse_utc
from engine.config import Config
from engine.domain import HOUR
from engine.installation import Form, Installation
from engine.service import Service
from engine.store import Reader, Writer
from engine.updates import Memory, Stand, Updates

NOW = parse_utc("2026-11-29T01:00Z")


@pytest.fixture
def updates(tmp_path: Path) -> Updates:
    versions.publish(tmp_path / "site", "0.2.0", versions.archive("0.2.0"))
    place = versions.install(tmp_path / "lastvagt", "0.1.0")
    config = Config(data_dir=tmp_path / "data", update_url=(tmp_path / "site").as_uri())
    return Updates(config, place, (versions.KEY.public("releases"),), "0.1.0")


def told(reader: Reader) -> list[tuple[str, str]]:
    return [(event.code, event.subject) for event in reader.events()]


def test_what_is_found_is_kept_and_told_once(updates: Updates, writer: Writer, reader: Reader) -> None:
    run = update_job.look(writer, updates, SimulatedClock(NOW), make_ready=False)
    assert (run.status, run.detail) == ("ok", {"stand": "available", "newest": "0.2.0", "every_h": 24})
    update_job.tell(writer, reader, updates.state(), NOW)
    update_job.tell(writer, reader, updates.state(), NOW)
    assert told(reader) == [("update", "0.2.0")]
    update_job.look(writer, updates, SimulatedClock(NOW + HOUR), make_ready=True)
    update_job.tell(writer, reader, updates.state(), NOW + HOUR)
    assert told(reader) == [("update_ready", "0.2.0")]
    Memory(refused={"0.2.0": "It ended."}).write(updates.folder)
    update_job.tell(writer, reader, updates.state(), NOW + 2 * HOUR)
    assert told(reader) == [("update_refused", "0.2.0")]
    update_job.tell(writer, reader, dataclasses.replace(updates, version="0.2.0").state(), NOW + 3 * HOUR)
    assert told(reader) == []


def test_a_fault_of_the_world_is_told_in_the_run(updates: Updates, writer: Writer) -> None:
    away = dataclasses.replace(updates, config=dataclasses.replace(updates.config, update_url="file:///nowhere"))
    run = update_job.look(writer, away, SimulatedClock(NOW), make_ready=False)
    assert (run.status, run.problem) == ("expected", "There is no /nowhere/updates.json.")


def test_the_job_is_in_the_plan_while_it_is_done(updates: Updates, writer: Writer, reader: Reader) -> None:
    def jobs(now: int) -> list[str]:
        return [state.job for state in timetable.jobs(reader, now)]

    assert plan.UPDATE not in jobs(NOW)
    update_job.look(writer, updates, SimulatedClock(NOW), make_ready=False)
    state = timetable.jobs(reader, NOW + HOUR)[-1]
    assert (state.job, state.next_time, state.rhythm.every_s, state.runnable) == ("update", NOW + 24 * HOUR, 24 * HOUR, False)
    assert plan.UPDATE not in jobs(NOW + 49 * HOUR), "who asks no more has no such job"


def test_a_checkout_is_told_of_nothing(updates: Updates, writer: Writer, reader: Reader) -> None:
    source = dataclasses.replace(updates, installation=Installation(Form.SOURCE, updates.installation.root))
    update_job.look(writer, source, SimulatedClock(NOW), make_ready=True)
    assert source.state().stand is Stand.NOT_FOR_HERE
    update_job.tell(writer, reader, source.state(), NOW)
    assert told(reader) == []


@pytest.mark.parametrize(
    ("more", "asked"),
    [
        ({}, [0]),
        ({"update_url": ""}, []),
        ({"update_check_hours": 2}, [0, 2, 4]),
        ({"network": False, "update_url": "https://x.example"}, []),
    ],
)
def test_an_engine_asks_as_often_as_it_is_told(
    updates: Updates, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, more: dict[str, object], asked: list[int]
) -> None:
    calls: list[int] = []
    monkeypatch.setattr(Updates, "_ask", lambda *_: calls.append((time.now() - NOW) // HOUR))
    config = dataclasses.replace(updates.config, **more)  # type: ignore[arg-type]
    time = SimulatedClock(NOW)
    with Service(config, time) as service:
        for hour in range(6):
            time.set(NOW + hour * HOUR)
            service.tick(time.now(), ("update",))
    assert calls == asked


def test_an_engine_that_may_lets_what_is_ready_take_over(
    updates: Updates, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    begun: list[Installation] = []
    monkeypatch.setattr("engine.service.installation.here", lambda: updates.installation)
    monkeypatch.setattr("engine.service.site.trusted_keys", lambda _: updates.keys)
    monkeypatch.setattr("engine.service.upgrade.begin_apart", lambda place, _: begun.append(place))
    versions.publish(tmp_path / "site", "999.0.0", versions.archive("999.0.0"))
    for wish, expected in (("never", 0), ("stage", 0), ("apply", 1)):
        Memory().write(updates.folder)
        with Service(dataclasses.replace(updates.config, update_apply=wish), SimulatedClock(NOW)) as service:
            service.tick(NOW, ("update",))
        assert len(begun) == expected
    assert begun == [updates.installation]
