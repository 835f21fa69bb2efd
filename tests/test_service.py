from __future__ import annotations

import dataclasses
import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import bundles
import issued_store
import jsonschema
import pytest
import requests

from engine import answers, clock, health, ledger, metrics, pipeline, roles, settings
from engine.clock import SimulatedClock, parse_utc
from engine.config import Config
from engine.domain import DAY, HOUR, Expected, JobRun
from engine.forecaster import Forecaster
from engine.ledger import SLEPT
from engine.lineup import Cast
from engine.lock import AlreadyRuns, exclusive
from engine.plan import planned
from engine.service import Service
from engine.sources.fetch import Reply, Request, Unreachable
from engine.store import Reader, Writer

START = parse_utc("2026-10-24T21:00Z")
MINUTE = 60


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(data_dir=tmp_path / "data", simulated=True, port=0, backfill_days=30)


def tick_until(service: Service, time: SimulatedClock, end: int, step_s: int = 5 * MINUTE) -> list[JobRun]:
    runs = []
    while time.now() < end:
        time.set(planned(time.now(), step_s) + step_s)
        runs += service.tick(time.now())
    return runs


def issue_times(config: Config, area: str = "DK1") -> list[int]:
    reader = Reader(config.database)
    issues = reader.issues(area)
    reader.close()
    return sorted(issue.issue_time for issue in issues)


def test_an_issue_is_made_for_each_hour_through_the_clock_change(config: Config) -> None:
    time = SimulatedClock(START)
    with Service(config, time) as service:
        first = service.tick(START)
        assert [run.job for run in first] == ["ingest", "forecast", "score"]
        tick_until(service, time, START + 8 * HOUR)
    times = issue_times(config)
    assert [t for t in times if t % HOUR == 0][-8:] == [START + h * HOUR for h in range(1, 9)]
    assert times == issue_times(config, "DK") == issue_times(config, "DK2")


def test_after_a_gap_only_the_newest_issue_is_made_and_the_others_are_noted_once(config: Config) -> None:
    time = SimulatedClock(START)
    with Service(config, time) as service:
        tick_until(service, time, START + 2 * HOUR)
        time.set(START + 7 * HOUR + 37 * MINUTE)
        service.tick(time.now())
        tick_until(service, time, START + 9 * HOUR)
        late = [t for t in issue_times(config) if t > START + 2 * HOUR]
        assert START + 7 * HOUR + 37 * MINUTE <= late[0] < START + 7 * HOUR + 42 * MINUTE
        assert late[1:] == [START + 8 * HOUR, START + 9 * HOUR]
        (missed,) = [run for run in service._reader.job_runs("forecast") if run.status == "missed"]
        issues = ledger.planned_issues(service._reader, START, time.now())
        began = next(run for run in reversed(service._reader.job_runs("forecast")) if run.status == "ok")
    assert [issue.outcome.value for issue in issues[3:9]] == ["missed"] * 4 + ["late", "on_time"]
    assert "late" not in began.detail
    span = {"first": clock.iso(START + 3 * HOUR), "last": clock.iso(START + 6 * HOUR), "count": 4}
    assert missed.detail == span | {"why": SLEPT}


def test_a_clock_that_is_set_back_stops_nothing(config: Config) -> None:
    time = SimulatedClock(START + DAY)
    with Service(config, time) as service:
        service.tick(time.now())
        time.set(START)
        runs = tick_until(service, time, START + HOUR)
    assert {"ingest", "forecast", "score"} <= {run.job for run in runs}
    assert START + HOUR in issue_times(config)


def test_without_network_issues_go_on_and_a_failed_source_is_soon_asked_again(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = SimulatedClock(START)
    with Service(config, time) as service:
        tick_until(service, time, START + HOUR)

        class Down:
            def send(self, request: object, timeout_s: float) -> object:
                raise ConnectionError("no network")

        up, service._transport = service._transport, Down()  # type: ignore[assignment]
        down = tick_until(service, time, START + 8 * HOUR)
        assert {run.status for run in down if run.job == "ingest"} >= {"expected"}
        assert not any(run.detail for run in down if run.job == "ingest")
        assert START + 8 * HOUR in issue_times(config)
        assert {event.code for event in service._reader.events()} >= {"source"}
        service._transport = up
        tick_until(service, time, START + 9 * HOUR)
        assert not [event for event in service._reader.events() if event.code == "source"]


def test_a_source_that_cannot_be_reached_is_told_at_once_and_asked_less_and_less_often(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = SimulatedClock(START)
    asked: dict[str, list[int]] = {}

    class Nobody:
        def send(self, request: Request, timeout_s: float) -> Reply:
            asked.setdefault(request.dataset, []).append((time.now() - START) // MINUTE)
            raise Unreachable("no connection")

    with Service(config, time) as service:
        service._transport = Nobody()
        service.tick(START)
        assert time.now() == START
        assert {event.since for event in service._reader.events() if event.code == "source"} == {START}
        tick_until(service, time, START + 4 * HOUR, MINUTE)
    weather = asked["open-meteo/forecast"]
    assert weather[:7] == [0, 1, 2, 4, 8, 16, 32]
    assert max(b - a for a, b in itertools.pairwise(weather)) <= 61
    load = asked["energidataservice/GenerationProdTypeExchange"]
    assert load[:4] == [0, 1, 2, 4]
    assert max(b - a for a, b in itertools.pairwise(load)) <= 16


def test_a_bug_in_one_job_leaves_the_others_running(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    time = SimulatedClock(START)

    def broken(*_: object) -> JobRun:
        raise ZeroDivisionError

    with Service(config, time) as service:
        monkeypatch.setattr(pipeline, "score", broken)
        assert "forecast" in {run.job for run in service.tick(START)}
        assert [event.subject for event in service._reader.events() if event.code == "job"] == ["score"]
        monkeypatch.undo()
        tick_until(service, time, START + HOUR)
        assert not [event for event in service._reader.events() if event.code == "job"]


def test_maintenance_runs_once_a_day(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(job: str) -> Callable[..., JobRun]:
        return lambda *_: JobRun(job, 0, 0, "ok")

    for job in ("ingest", "forecast", "score"):
        monkeypatch.setattr(pipeline, job, nothing(job))
    time = SimulatedClock(START)
    with Service(config, time) as service:
        runs = [run for run in tick_until(service, time, START + 3 * DAY) if run.job == "maintenance"]
    assert [run.started_at % DAY for run in runs] == [3 * HOUR + 20 * MINUTE] * 3


def test_one_folder_has_one_engine(tmp_path: Path) -> None:
    with exclusive(tmp_path):
        program = f"from pathlib import Path\nfrom engine.service import exclusive\nwith exclusive(Path({str(tmp_path)!r})): pass"
        other = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
        assert other.returncode == 1
        assert f"process {os.getpid()}" in other.stderr
    with exclusive(tmp_path):
        pass


def test_a_killed_engine_leaves_no_lock(tmp_path: Path) -> None:
    program = f"""
import sys, time
from pathlib import Path
from engine.lock import exclusive
with exclusive(Path({str(tmp_path)!r})):
    print("held", flush=True)
    time.sleep(60)
"""
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            with pytest.raises(AlreadyRuns, match=f"process {holder.pid}"), exclusive(tmp_path):
                pass
            holder.kill()
    with exclusive(tmp_path):
        pass


def started(config: Config, *options: str, stdin: int | None = None, **settings: str) -> tuple[subprocess.Popen[bytes], str]:
    """An engine of its own process, and its address."""
    command = [sys.executable, "-m", "engine", "run", "--data-dir", str(config.data_dir), *options]
    environment = {"LASTVAGT_PORT": "0"} | {f"LASTVAGT_{name.upper()}": value for name, value in settings.items()}
    engine = subprocess.Popen(command, env=os.environ | environment, stdin=stdin, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 120
    while time.monotonic() < end and engine.poll() is None:
        try:
            reader = Reader(config.database)
            state = reader.engine()
            reader.close()
        except Expected:  # the file is being made
            state = None
        if state is not None and state.pid == engine.pid:
            return engine, f"http://127.0.0.1:{state.port}"
        time.sleep(0.05)
    engine.kill()
    raise AssertionError("the engine does not serve")


def test_run_serves_until_it_is_told_to_stop(config: Config) -> None:
    died = Writer(config.database, simulated=True)
    died.set_engine({"pid": 1, "host": "127.0.0.1", "port": 9, "version": "0", "started_at": 0, "heartbeat": 0})
    died.close()
    engine, address = started(config, "--simulated")
    try:
        end = time.monotonic() + 120
        while requests.get(f"{address}/health", timeout=30).json()["status"] == "starting" and time.monotonic() < end:
            time.sleep(0.2)
        assert len(requests.get(f"{address}/v1/forecast?area=DK", timeout=30).json()["rows"]) >= 168
        second = subprocess.run(
            [sys.executable, "-m", "engine", "run", "--simulated", "--data-dir", str(config.data_dir)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert second.returncode == 3
        assert f"process {engine.pid}" in second.stderr
        engine.send_signal(signal.SIGTERM)
        assert engine.wait(30) == 0
    finally:
        engine.kill()
    assert not config.database.with_name(config.database.name + "-wal").exists()
    reader = Reader(config.database)
    assert reader.engine() is None
    reader.close()
    assert "serves http://127.0.0.1" in (config.data_dir / "engine.log").read_text()


def test_one_that_is_attached_ends_cleanly_with_whoever_started_it(config: Config) -> None:
    engine, address = started(config, "--simulated", "--attached", stdin=subprocess.PIPE)
    try:
        assert engine.stdin is not None
        engine.stdin.write(b"words mean nothing\n")
        engine.stdin.flush()
        assert requests.get(f"{address}/health", timeout=30).status_code in (200, 503)
        assert engine.poll() is None
        engine.stdin.close()  # as the system does when a program dies
        assert engine.wait(30) == 0
    finally:
        engine.kill()
    reader = Reader(config.database)
    assert reader.engine() is None
    reader.close()


def test_a_download_that_hangs_holds_up_neither_answers_nor_the_end(config: Config) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        nowhere = f"http://127.0.0.1:{silent.getsockname()[1]}"
        engine, address = started(config, energi_data_service_url=nowhere, open_meteo_url=nowhere)
        try:
            silent.settimeout(30)
            hanging, _ = silent.accept()
            with hanging:
                assert requests.get(f"{address}/health", timeout=30).json()["status"] == "starting"
                engine.send_signal(signal.SIGTERM)
                assert engine.wait(30) == 0
        finally:
            engine.kill()
    reader = Reader(config.database)
    assert reader.engine() is None
    reader.close()


@pytest.mark.parametrize(
    ("job", "runs"),
    [("ingest", ["ingest", "score"]), ("forecast", ["forecast"]), ("score", ["score"]), ("maintenance", ["maintenance"])],
)
def test_a_job_that_is_told_to_run_runs_once_with_the_next_tick(config: Config, job: str, runs: list[str]) -> None:
    time = SimulatedClock(START + MINUTE)
    with Service(config, time) as service:
        service.tick(time.now())
        time.set(START + 3 * MINUTE)
        assert service.tick(time.now()) == []
        told = service._carry_out("/v1/jobs/run", {"job": job, "who": "kmj"})
        assert told == {"job": job, "told_at": clock.iso(time.now())}
        plan = service._answer("/v1/plan", {})
        assert next(j["next_time"] for j in plan["jobs"] if j["job"] == job) == clock.iso(time.now())  # type: ignore[index]
        assert [run.job for run in service.tick(time.now())] == runs
        assert service.tick(time.now()) == []
    if job == "forecast":
        assert START + 3 * MINUTE in issue_times(config)


def test_where_nothing_is_tried_champions_are_compared_with_the_week_before(config: Config) -> None:
    time = SimulatedClock(START)
    with Service(config, time) as service:
        tick_until(service, time, START + HOUR)
        service._carry_out("/v1/jobs/run", {"job": "compare", "who": "kmj"})
        runs = [run for run in service.tick(time.now()) if run.job == "compare"]
    (found,) = (run.detail["champions"] for run in runs)
    assert isinstance(found, dict)
    assert found["price-areas-full-2024-06-30"] == "cannot be judged: 0 days of 14 are known"


def test_the_plan_tells_when_sources_are_asked_and_what_ran(config: Config) -> None:
    time = SimulatedClock(START + MINUTE)
    with Service(config, time) as service:
        service.tick(time.now())
        plan = service._answer("/v1/plan", {})
        jsonschema.validate(plan, answers.PLAN)
    jobs = {job["job"]: job for job in plan["jobs"]}  # type: ignore[index]
    assert jobs["forecast"]["next_time"] == clock.iso(START + HOUR)
    assert jobs["score"]["next_time"] == clock.iso(START + 5 * MINUTE)
    assert jobs["forecast_late"]["next_time"] is None
    assert jobs["ingest"]["last_status"] == "ok"
    asked = {source["dataset"]: source for source in plan["sources"]}  # type: ignore[index]
    assert asked["energidataservice/GenerationProdTypeExchange"]["next_time"] == clock.iso(START + 5 * MINUTE)
    assert asked["open-meteo/forecast"]["last_asked"] == clock.iso(START + MINUTE)


def test_a_changed_setting_counts_at_once_where_it_can(config: Config) -> None:
    time = SimulatedClock(START + MINUTE)
    config = dataclasses.replace(config, fetch_settlement=False)
    with Service(config, time) as service:
        service.tick(time.now())
        service._writer.open_event("source", "entsoe/gone", "No answer.", "Wait.", START)
        told = service._carry_out("/v1/settings/change", {"name": "fetch_settlement", "value": "yes", "who": "kmj"})
        jsonschema.validate(told, answers.SETTING)
        assert not [event for event in service._reader.events() if event.code == "source"]
        time.set(START + 2 * MINUTE)
        (run,) = [run for run in service.tick(time.now()) if run.job == "ingest"]
        assert list(run.detail) == ["energidataservice/ProductionConsumptionSettlement"]
        service._carry_out("/v1/settings/change", {"name": "peak_limits", "value": "DK1=3000", "who": "kmj"})
        assert service._reader.limits().text == "DK1=3000"
        service._carry_out("/v1/settings/change", {"name": "peak_limits", "value": "DK1=3", "who": "kmj"})
        assert [event.subject for event in service._reader.events() if event.code == "peak"] == ["DK1"]
        service._carry_out("/v1/settings/change", {"name": "peak_limits", "value": None, "who": "kmj"})
        assert not [event for event in service._reader.events() if event.code == "peak"]
        told = service._carry_out("/v1/settings/change", {"name": "port", "value": "9000", "who": "kmj"})
        assert told["waits"]  # type: ignore[index]
        listed = service._answer("/v1/settings", {})
        jsonschema.validate(listed, answers.SETTINGS)
        with pytest.raises(settings.Overruled):
            service._carry_out("/v1/settings/change", {"name": "simulated", "value": "no", "who": "kmj"})
        assert "== settings" in service._carry_out("/v1/support", {"who": "kmj"})["text"]  # type: ignore[index]
    assert Config.load(environment={}, data_dir=config.data_dir).port == 9000


def test_an_engine_kept_off_the_network_asks_nobody_and_blames_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It issues from what was imported, at once, for there is no first fetch to wait for."""
    issued_store.fill(tmp_path / "lastvagt.sqlite", issue_times=()).close()
    time = SimulatedClock(issued_store.NOW + MINUTE)
    config = Config(data_dir=tmp_path, network=False, port=0)
    monkeypatch.setattr(requests.Session, "request", lambda *_, **__: pytest.fail("a source was asked"))
    with Service(config, time) as service:
        service._writer.open_event("source", "open-meteo/forecast", "No answer.", "Wait.", START)
        service._writer.open_event("stalled", "energidataservice", "It stands still.", "Wait.", START)
        service._adopt(config)
        assert service._reader.events() == []
        assert [run.job for run in service.tick(time.now())] == ["forecast", "score"]
        plan = service._answer("/v1/plan", {})
        jsonschema.validate(plan, answers.PLAN)
        assert plan["sources"] == []  # type: ignore[index]
        ingest = next(job for job in plan["jobs"] if job["job"] == "ingest")  # type: ignore[index]
        assert (ingest["next_time"], ingest["can_be_run"]) == (None, False)
        with pytest.raises(roles.Pointless, match="No network by settings"):
            service._carry_out("/v1/jobs/run", {"job": "ingest", "who": "kmj"})
        assert health.state(service._reader, time.now())["offline"]
        assert "lastvagt_offline 1.0" in metrics.text(service._reader, time.now())
        service._carry_out("/v1/settings/change", {"name": "network", "value": None, "who": "kmj"})
        assert service._sources
        assert not service._reader.offline()
    assert issue_times(config) == [issued_store.NOW + MINUTE]


def test_the_first_issue_uses_what_the_first_fetch_brought(config: Config) -> None:
    """Started two minutes past the hour: an issue dated at the hour could not know data that arrived after it."""
    time = SimulatedClock(START + 2 * MINUTE)
    with Service(config, time) as service:
        service.tick(time.now())
    reader = Reader(config.database)
    issue = reader.forecast("DK1")
    reader.close()
    assert issue is not None
    assert issue.tier == "full"


def test_a_bundle_that_appears_is_tried_and_a_decision_counts_at_the_next_issue(config: Config, tmp_path: Path) -> None:
    config = dataclasses.replace(config, model_dir=tmp_path / "shipped")
    bundles.copy(config.model_dir, "old")
    time = SimulatedClock(START)
    with Service(config, time) as service:
        tick_until(service, time, START + HOUR)
        bundles.copy(config.own_model_dir, "new", "2026-02-01T00:00:00Z")
        tick_until(service, time, START + 3 * HOUR)
        reader = service._reader
        assert [s.issue_time for s in reader.roster.shadows("DK1", 0, time.now() + 1)] == [START + 3 * HOUR, START + 2 * HOUR]
        change = service._carry_out("/v1/models/promote", {"model_id": "new", "who": "me", "reason": "It is better."})
        assert (change["from_id"], change["to_id"], change["changed_at"]) == ("old", "new", clock.iso(time.now()))
        tick_until(service, time, START + 4 * HOUR)
        assert [issue.model_id for issue in reader.issues("DK1")][:2] == ["new", "old"]
        service._carry_out("/v1/models/rollback", {"tier": "full"})
        shutil.rmtree(config.model_dir)
        runs = tick_until(service, time, START + 5 * HOUR)
        assert next(issue.model_id for issue in reader.issues("DK1")) == "new"  # the only one that is left stands in
        assert [event.subject for event in reader.events() if event.code == "model"] == ["old"]
        assert {run.status for run in runs if run.job == "forecast"} == {"ok"}


def test_roles_that_cannot_be_settled_stop_no_issue(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    time = SimulatedClock(START)
    with Service(config, time) as service:
        tick_until(service, time, START + HOUR)
        monkeypatch.setattr(service._lineup, "settle", lambda _: 1 / 0)
        tick_until(service, time, START + 2 * HOUR)
    assert START + 2 * HOUR in issue_times(config)


def test_models_are_compared_once_a_day(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(job: str) -> Callable[..., JobRun]:
        return lambda *_: JobRun(job, 0, 0, "ok")

    for job in ("ingest", "score", "maintain", "compare"):
        monkeypatch.setattr(pipeline, job, nothing(job))
    monkeypatch.setattr(pipeline, "forecast", lambda *_: JobRun("forecast", 0, 0, "ok"))
    time = SimulatedClock(START)
    with Service(config, time) as service:
        monkeypatch.setattr(service._lineup, "settle", lambda _: Cast(Forecaster([]), (object(),)))  # type: ignore[arg-type]
        runs = [run for run in tick_until(service, time, START + 3 * DAY, HOUR) if run.job == "compare"]
    assert len(runs) in (3, 4)


def test_a_run_of_a_lane_that_comes_after_the_end_does_not_keep_the_process(config: Config) -> None:
    """One that was woken while another worked waits for it, also when the engine stops; its thread would be waited for at exit."""
    with Service(config, clock.SystemClock()) as service:
        service.stop()
        service.serve()
        late = threading.Thread(target=service.tick, args=(START,), daemon=True)
        late.start()
        late.join(30)
        assert not late.is_alive()


def test_an_engine_that_starts_within_an_hour_says_why_its_first_issue_is_late(config: Config) -> None:
    time = SimulatedClock(START)
    with Service(config, time) as service:
        service.tick(START)
    time.set(START + HOUR + 20 * MINUTE)
    with Service(config, time) as service:
        service.tick(time.now())
        *_, late = ledger.planned_issues(service._reader, START, time.now())
        assert (late.outcome, late.reason) == (ledger.Outcome.LATE, ledger.NOT_RUNNING)
