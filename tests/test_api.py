from __future__ import annotations

import asyncio
import contextlib
import csv
import functools
import io
import json
import re
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import requests

from engine import api, clock, health, openapi, roles, settings, tables, timetable
from engine.calibration import Calibration
from engine.config import Outside
from engine.domain import DAY, HOUR, LEVELS, Draft, Flag, JobRun, Observations, QuantileForecast, Reason, Score, Series, Tier
from engine.http_server import DEADLINE_S, MAX_CONNECTIONS, HttpServer
from engine.store import Reader, ScoreRow, Writer

NOW = clock.parse_utc("2026-10-26T12:00Z")


def fill(path: Path) -> None:
    """Two weeks of load of both price areas, a day of issues, scores, job runs and an event."""
    writer = Writer(path, simulated=True)
    valid_time = np.arange(NOW - 14 * DAY, NOW - 2 * HOUR, HOUR, dtype=np.int64)
    flags = np.full(len(valid_time), Flag.SETTLED, np.uint8)
    batches = [
        Observations(Series("load", area, "test"), valid_time, valid_time + 2 * HOUR, np.full(len(valid_time), mean), flags, True)
        for area, mean in (("DK1", 2600.0), ("DK2", 1500.0))
    ]
    batches.append(
        Observations(Series("temperature", "DK1", "test"), valid_time, valid_time, np.full(len(valid_time), 8.5), flags, True)
    )
    writer.put(batches)
    revised = valid_time[-1:]
    writer.put([Observations(Series("load", "DK1", "test"), revised, revised + DAY, np.array([2700.0]), flags[:1], True)])
    for issue_time in range(NOW - DAY, NOW + 1, HOUR):
        hours = issue_time + HOUR * np.arange(168, dtype=np.int64)
        for area in ("DK", "DK1", "DK2"):
            quantiles = 2000 + 1000 * np.tile(LEVELS, (168, 1))
            forecast = QuantileForecast(
                area, "total", issue_time, hours, LEVELS, quantiles, Tier.FULL, Reason.NONE, "m1", {}, area == "DK2", True
            )
            writer.put_forecasts([forecast], issue_time)
    score = Score(1, 2600.0, 10.0, 10.0, 100.0, 0, 0.0, 0.0, 5.0, 4.0, 1, 1, 1, 300.0, 1, 20.0, 10.0)
    writer.put_scores([ScoreRow("DK1", "total", "provisional", int(t), 1, score) for t in valid_time[-48:]])
    writer.put_forecasts([], NOW, {("DK1", "total", "m1"): _learned()})
    odd = Observations(Series("load", "DK2", "test"), valid_time[:2], valid_time[:2], np.array([0.0, 9e6]), flags[:2], True)
    writer.put([], [(odd, ["under 300 MWh", "over 5000 MWh"])])
    writer.put_job_run(JobRun("ingest", NOW - 60, NOW - 50, "ok", detail={"new": 3}))
    writer.put_job_run(JobRun("score", NOW - 40, NOW - 30, "expected", "No network.", "Wait."))
    writer.close()


def _learned() -> Calibration:
    """After three days of load a hundredth above what a windy day's model said, forecast a day ahead."""
    hours = NOW - 4 * DAY + HOUR * np.arange(96, dtype=np.int64)
    draft = Draft(("model", "trees"), np.full((96, 2), 2600.0), ("wind_speed_anomaly",), np.ones((96, 1)), np.zeros((96, 2)))
    quantiles = 2000 + 1200 * np.tile(LEVELS, (96, 1))
    issue = QuantileForecast(
        "DK1", "total", NOW - 4 * DAY - 20 * HOUR, hours, LEVELS, quantiles, Tier.FULL, Reason.NONE, "m1", draft=draft
    )
    learned = Calibration.start(draft)
    for hour in hours[:24].tolist():
        learned = learned.learn(hour, 2626.0, [issue], hour + 2 * HOUR)
    return learned


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    path = tmp_path_factory.mktemp("store") / "lastvagt.sqlite"
    fill(path)
    reader = Reader(path)
    yield reader
    reader.close()


class Client(requests.Session):
    """Calls one server by path."""

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self.base_url = base_url

    def request(self, method: str, url: str, **options: Any) -> requests.Response:  # type: ignore[override]
        return super().request(method, self.base_url + url, timeout=30, **options)


def no_model(reader: Reader, path: str, query: Mapping[str, Any]) -> object:
    """Answers for an engine without models."""
    if path == "/v1/plan":
        return timetable.document(reader, NOW, [timetable.SourceState("provider/dataset", 900, None, NOW)], {"score"})
    if path == "/v1/settings":
        return {"folder": "data", "settings": [each.document() for each in settings.listed(Outside())]}
    raise tables.Missing("There is no model.", "Add one.")


def no_bundle(path: str, words: Mapping[str, Any]) -> object:
    """Decides for an engine that has no bundles and nothing else to decide about."""
    match path.rpartition("/")[2]:
        case "promote":
            roles.promotion({}, str(words["model_id"]))
        case "rollback":
            roles.rollback({}, Tier(str(words["tier"])))
        case "run":
            raise roles.Pointless("There is nothing to run.", "Add one.")
        case "support":
            return {"text": "All is well."}
        case "change":
            raise settings.Invalid("There is no setting.", "Add one.")
        case "challenge":
            roles.challenge({}, words["model_id"] or "", Tier(str(words["tier"])))
    raise tables.Missing("There is nothing to decide about.", "Wait for something.")


@pytest.fixture(scope="module")
def client(reader: Reader) -> Iterator[Client]:
    app = api.create(reader, clock.SimulatedClock(NOW), api.Desk("token", no_bundle, functools.partial(no_model, reader)))
    server = HttpServer(app, "127.0.0.1", 0, posts=openapi.ORDERS, admits=lambda given: given == "token")
    server.start()
    with Client(f"http://localhost:{server.port}") as client:
        yield client
    server.stop()


def get(client: Client, url: str, status: int = 200, **headers: str) -> Any:
    response = client.get(url, headers=headers)
    assert response.status_code == status, response.text
    return response.json()


def test_forecast_tells_how_it_was_made(client: Client) -> None:
    answer = get(client, "/v1/forecast?area=DK2")
    head = {name: answer[name] for name in ("area", "issue_time", "tier", "reason", "model_id", "simulated", "ex_post")}
    assert head == {
        "area": "DK2",
        "issue_time": "2026-10-26T12:00:00Z",
        "tier": "full",
        "reason": "",
        "model_id": "m1",
        "simulated": True,
        "ex_post": True,
    }
    assert answer["units"]["p50"] == "MWh"
    assert len(answer["rows"]) == 168
    assert answer["rows"][1] | {"p05": 2050.0, "p50": 2500.0, "p95": 2950.0} == answer["rows"][1]
    assert answer["rows"][1]["valid_time"] == "2026-10-26T13:00:00Z"
    assert answer["rows"][1]["lead_time_h"] == 1


def test_as_of_gives_the_issue_of_that_moment(client: Client) -> None:
    assert get(client, "/v1/forecast?area=DK1&as_of=2026-10-26T03:30Z")["issue_time"] == "2026-10-26T03:00:00Z"
    assert get(client, "/v1/forecast?area=DK1&as_of=2020-01-01", 404)["remedy"]


def test_csv_carries_the_same_with_units_and_marks(client: Client) -> None:
    for url, headers in (("/v1/forecast?area=DK1&format=csv", {}), ("/v1/forecast?area=DK1", {"accept": "text/csv"})):
        response = client.get(url, headers=headers)
        assert response.headers["content-type"].startswith("text/csv")
        assert response.text.count("\r\n") == 169
        first = next(csv.DictReader(io.StringIO(response.text, newline="")))
        assert first["simulated"] == "true"
        assert first["issue_time"] == "2026-10-26T12:00:00Z"
        assert float(first["p50_mwh"]) == 2500.0


def test_storage_tells_what_the_database_takes(client: Client) -> None:
    answer = get(client, "/v1/storage")
    assert answer["database_bytes"] > 100_000
    assert answer["free_bytes"] > 0
    assert (answer["issues"], answer["oldest_issue"]) == (75, "2026-10-25T12:00:00Z")
    assert answer["growth_bytes_a_day"] is None


def test_observations_of_a_whole_are_the_sum_of_its_parts(client: Client) -> None:
    rows = get(client, "/v1/observations?area=DK&start=2026-10-25&end=2026-10-26")["rows"]
    assert len(rows) == 24
    assert {row["value"] for row in rows} == {4100.0}


def test_observations_as_known_then(client: Client) -> None:
    newest = "/v1/observations?area=DK1&quantity=load&start=2026-10-26T09:00Z&end=2026-10-26T10:00Z"
    assert get(client, newest)["rows"] == [{"valid_time": "2026-10-26T09:00:00Z", "value": 2700.0}]
    assert get(client, newest + "&as_of=2026-10-26T11:00Z")["rows"][0]["value"] == 2600.0
    assert get(client, newest + "&as_of=2026-10-26T10:59Z")["rows"] == []
    assert get(client, newest + "&truth=provisional")["rows"][0]["value"] == 2600.0
    weather = get(client, "/v1/observations?area=DK1&quantity=temperature")
    assert weather["units"] == {"value": "C"}
    assert weather["rows"][0]["value"] == 8.5


def test_scores_by_group_have_null_where_there_are_no_data(client: Client) -> None:
    (row,) = get(client, "/v1/scores?area=DK1")["rows"]
    assert row["n"] == 48
    assert row["skill"] == pytest.approx(0.5)
    assert row["mape"] is None
    days = get(client, "/v1/scores?area=DK1&by=day")["rows"]
    assert [d["group"] for d in days] == ["2026-10-24", "2026-10-25", "2026-10-26"]
    assert sum(d["n"] for d in days) == 48
    assert get(client, "/v1/scores?area=DK1&by=lead_bucket")["rows"][0]["group"] == "1-6"
    assert get(client, "/v1/scores?area=DK1&by=month")["rows"][0]["group"] == "2026-10"
    assert get(client, "/v1/scores?area=DK2")["rows"] == []
    assert get(client, "/v1/scores?area=DK2")["ex_post"] is True


def test_issues_jobs_and_areas_list_what_there_is(client: Client) -> None:
    issues = get(client, "/v1/issues?area=DK1&limit=3")["rows"]
    assert [i["issue_time"][11:13] for i in issues] == ["12", "11", "10"]
    assert get(client, "/v1/issues?start=2026-10-26T12:00Z&area=DK1&end=2026-10-27")["rows"] == issues[:1]
    planned = get(client, "/v1/plan/issues?limit=3")
    assert [(i["issue_time"][11:13], i["outcome"]) for i in planned["rows"]] == [(hour, "on_time") for hour in ("11", "10", "09")]
    assert planned["areas"] == "DK DK1 DK2"
    assert get(client, "/v1/plan/issues?outcome=missed")["rows"] == []
    jobs = get(client, "/v1/jobs")["rows"]
    assert [(j["job"], j["status"]) for j in jobs] == [("score", "expected"), ("ingest", "ok")]
    assert jobs[1]["detail"] == {"new": 3}
    areas = {a["area"]: a for a in get(client, "/v1/areas")["rows"]}
    assert areas["DK1"]["parent"] == "DK"
    assert areas["DK"]["newest_load"] == "2026-10-26T09:00:00Z"


def test_calibration_tells_what_was_learned_by_lead_group(client: Client) -> None:
    rows = get(client, "/v1/calibration?area=DK1")["rows"]
    day_ahead = {(r["kind"], r["name"]): r for r in rows if r["first_lead_h"] == 7}
    assert {r["hours"] for r in day_ahead.values()} == {24}
    assert {(r["model_id"], r["learned_at"]) for r in rows} == {("m1", "2026-10-26T12:00:00Z")}
    weights = [r["value"] for (kind, _), r in day_ahead.items() if kind == "weight"]
    assert sum(weights) == pytest.approx(100, abs=0.01)
    assert 0 < day_ahead["response", "wind_speed_anomaly"]["value"] < 1.01
    assert day_ahead["response", "wind_speed_anomaly"]["unit"] == "% per sd"
    assert day_ahead["coverage", "80"] | {"nominal": 80.0, "value": 100.0, "unit": "%"} == day_ahead["coverage", "80"]
    assert day_ahead["width", "80"]["value"] < 1, "all hours were inside, so bands grow narrower"
    unlearned = [r for r in rows if r["first_lead_h"] == 49 and r["kind"] == "coverage"]
    assert [(r["hours"], r["value"]) for r in unlearned] == [(0, None)] * 3
    assert get(client, "/v1/calibration?area=DK2")["rows"] == []
    assert get(client, "/v1/calibration")["rows"] == rows
    first = next(csv.DictReader(io.StringIO(client.get("/v1/calibration?format=csv").text, newline="")))
    assert (first["kind"], first["name"], first["unit"]) == ("weight", "model", "%")


def test_quarantine_lists_values_with_reasons(client: Client) -> None:
    rows = get(client, "/v1/quarantine?area=DK2")["rows"]
    assert [(r["value"], r["reason"]) for r in rows] == [(9e6, "over 5000 MWh"), (0.0, "under 300 MWh")]
    assert get(client, "/v1/quarantine?limit=1")["rows"] == rows[:1]
    assert get(client, "/v1/quarantine?area=DK1")["rows"] == []


def test_a_forecast_says_how_old_it_is_and_ages_without_becoming_another(reader: Reader) -> None:
    time = clock.SimulatedClock(NOW + 30 * 60)
    server = HttpServer(api.create(reader, time), "127.0.0.1", 0)
    server.start()
    with Client(f"http://localhost:{server.port}") as client:
        first = client.get("/v1/forecast?area=DK1")
        assert (first.json()["age_s"], first.json()["freshness"]) == (1800, "fresh")
        time.set(NOW + 40 * 60)
        unchanged = client.get("/v1/forecast?area=DK1", headers={"if-none-match": first.headers["etag"]})
        assert unchanged.status_code == 304
        time.set(NOW + DAY)
        old = client.get("/v1/forecast?area=DK1", headers={"if-none-match": first.headers["etag"]}).json()
        assert (old["age_s"], old["freshness"]) == (DAY, "stale")
        then = client.get("/v1/forecast?area=DK1&as_of=2026-10-26T03:30Z").json()
        assert (then["age_s"], then["freshness"]) == (1800, "fresh")
    server.stop()


def test_health_and_metrics_say_how_current_everything_is(client: Client) -> None:
    answer = get(client, "/health")
    assert answer["status"] == "ok"
    assert {a["area"]: a["freshness"] for a in answer["areas"]} == {"DK": "fresh", "DK1": "fresh", "DK2": "fresh"}
    assert {s["quantity"] for s in answer["sources"]} == {"load", "temperature"}
    text = client.get("/metrics").text
    assert 'lastvagt_forecast_issue_age_seconds{area="DK1",tier="full"} 0.0' in text
    covered = re.search(r'^lastvagt_calibration_coverage_ratio\{area="DK1",share="0.8"\} (.+)$', text, re.MULTILINE)
    assert covered is not None
    assert float(covered[1]) == pytest.approx(1)
    assert 'lastvagt_calibration_weight_ratio{area="DK1",expert="trees"} 0.' in text


def test_health_degrades_when_issues_grow_old(reader: Reader, tmp_path: Path) -> None:
    assert health.state(reader, NOW + 5 * HOUR)["status"] == "degraded"
    Writer(tmp_path / "empty.sqlite").close()
    with contextlib.closing(Reader(tmp_path / "empty.sqlite")) as empty:
        assert health.state(empty, NOW)["status"] == "starting"


def test_an_unchanged_answer_costs_nothing(client: Client) -> None:
    first = client.get("/v1/scores?area=DK1")
    again = client.get("/v1/scores?area=DK1", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/v1/scores?area=DK2", headers={"if-none-match": first.headers["etag"]}).status_code == 200
    packed = client.get("/v1/forecast?area=DK1", headers={"accept-encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.json()["rows"]


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("/v1/forecast", 400),
        ("/v1/forecast?area=DK1&colour=red", 400),
        ("/v1/forecast?area=DK1&area=DK2", 400),
        ("/v1/forecast?area=..%2f..%2fetc", 404),
        ("/v1/forecast?area=" + "x" * 65, 400),
        ("/v1/forecast?area=DK1&consumer_type=", 400),
        ("/v1/forecast?area=DK1&consumer_type=household", 404),
        ("/v1/forecast?area=DK1%0A", 400),
        ("/v1/forecast?area=DK1&as_of=yesterday", 400),
        ("/v1/forecast?area=DK1&as_of=2026-02-30", 422),
        ("/v1/forecast?area=DK9", 404),
        ("/v1/observations?area=DK1&quantity=happiness", 400),
        ("/v1/observations?area=DK1&start=2026-01-02&end=2026-01-01", 422),
        ("/v1/observations?area=DK1&start=2020-01-01&end=2026-01-01", 422),
        ("/v1/observations?area=DK1&quantity=temperature&truth=settled", 422),
        ("/v1/issues?limit=0", 400),
        ("/v1/issues?limit=1e3", 400),
        ("/health?x=1", 400),
        ("/health/", 404),
        ("/etc/passwd", 404),
    ],
)
def test_a_bad_request_gets_a_problem_with_a_remedy(client: Client, url: str, status: int) -> None:
    response = client.get(url)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert set(response.json()) == {"type", "title", "status", "detail", "remedy"}
    assert response.json()["remedy"]


def test_nothing_but_reading_is_served(client: Client) -> None:
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"):
        for path in ("/health", "/v1/forecast?area=DK1", "/nowhere"):
            response = client.request(method, path)
            assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD")
    assert client.head("/health").status_code == 200
    for origin in ("http://evil.example", "null", "http://localhost"):
        assert client.get("/health", headers={"origin": origin}).status_code == 403


def test_the_contract_is_valid_openapi(client: Client) -> None:
    assert get(client, "/openapi.json") == json.loads(json.dumps(openapi.DOCUMENT))
    for operation in (of for path in openapi.DOCUMENT["paths"].values() for of in path.values()):
        for response in operation["responses"].values():
            for media in response.get("content", {}).values():
                jsonschema.Draft202012Validator.check_schema(media["schema"])


@pytest.fixture
def server(reader: Reader, request: pytest.FixtureRequest) -> Iterator[HttpServer]:
    server = HttpServer(
        api.create(reader, clock.SimulatedClock(NOW)), "127.0.0.1", 0, deadline_s=getattr(request, "param", DEADLINE_S)
    )
    server.start()
    yield server
    server.stop()


def raw(port: int, request: bytes) -> int:
    """Status of a request sent byte for byte; 0 where the connection was closed without one."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(request)
        answer = connection.recv(4096)
    return int(answer.split()[1]) if answer else 0


def test_only_exact_loopback_hosts_are_answered(server: HttpServer) -> None:
    port = server.port
    good = [f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}", f"LOCALHOST:{port}"]
    bad = [
        "localhost",
        "127.0.0.1",
        f"localhost:{port + 1}",
        "evil.example",
        f"evil.example:{port}",
        f"localhost.evil.example:{port}",
        f"localhost.:{port}",
        f"127.0.0.2:{port}",
        f"0.0.0.0:{port}",
        f"127.1:{port}",
        f"2130706433:{port}",
        f"::1:{port}",
        f"[::ffff:127.0.0.1]:{port}",
        f"user@localhost:{port}",
        f"localhost:{port}/",
        f"localhost:{port}, evil.example",
        f"localhost:0{port}",
        "",
    ]
    for path in ("/health", "/v1/areas", "/nowhere"):
        for method in ("GET", "POST", "OPTIONS"):
            for host in good:
                expected = {"GET": 404 if path == "/nowhere" else 200}.get(method, 405)
                assert raw(port, f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()) == expected, (path, method, host)
            for host in bad:
                forwarded = f"X-Forwarded-Host: localhost:{port}\r\n"
                status = raw(port, f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n{forwarded}\r\n".encode())
                assert status in (400, 403), (path, method, host)
    assert raw(port, b"GET /health HTTP/1.0\r\n\r\n") == 400
    assert raw(port, f"GET /health HTTP/1.1\r\nHost: localhost:{port}\r\nHost: evil.example\r\n\r\n".encode()) == 400


def test_large_headers_and_bodies_are_refused(server: HttpServer) -> None:
    head = f"GET /health HTTP/1.1\r\nHost: localhost:{server.port}\r\n".encode()
    assert raw(server.port, head + b"Content-Length: 200000000\r\n\r\n") == 413
    assert raw(server.port, head + b"X: " + b"x" * 20_000 + b"\r\n\r\n") == 431
    assert raw(server.port, head + b"X: " + b"x" * 200_000) == 400
    assert raw(server.port, head + b"Transfer-Encoding: chunked\r\n\r\n" + b"5\r\nhello\r\n") == 411


@pytest.mark.parametrize("server", [1.0], indirect=True)
def test_slow_clients_die_and_a_healthy_one_is_answered(server: HttpServer) -> None:
    head = f"GET /health HTTP/1.1\r\nHost: localhost:{server.port}\r\n".encode()
    slow = [socket.create_connection(("127.0.0.1", server.port), timeout=30) for _ in range(20)]
    died: list[OSError] = []

    def trickle(connection: socket.socket) -> None:
        with connection:
            try:
                for byte in head + b"X: " + b"x" * 500:
                    connection.sendall(bytes([byte]))
                    time.sleep(0.05)
            except OSError as end:
                died.append(end)

    threads = [threading.Thread(target=trickle, args=(c,)) for c in slow]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert requests.get(f"http://localhost:{server.port}/health", timeout=30).ok
    assert len(died) == 20, "all before they had said everything, which takes half a minute"


def ended(connection: socket.socket) -> bool:
    """Whether the server closed the connection without a word."""
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


def test_the_oldest_unfinished_connection_makes_room(server: HttpServer) -> None:
    head = f"HEAD /health HTTP/1.1\r\nHost: localhost:{server.port}\r\n".encode()
    with contextlib.ExitStack() as stack:
        waiting = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=30)) for _ in range(MAX_CONNECTIONS)
        ]
        for connection in waiting:
            connection.sendall(head)
        assert requests.get(f"http://127.0.0.1:{server.port}/health", timeout=30).ok
        assert ended(waiting[0])
        waiting[-1].sendall(b"\r\n")
        assert waiting[-1].recv(4096).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("server", [1.0], indirect=True)
def test_a_later_request_on_a_connection_has_the_same_deadline(server: HttpServer) -> None:
    head = f"HEAD /health HTTP/1.1\r\nHost: localhost:{server.port}\r\n".encode()
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        for _ in range(2):
            connection.sendall(head + b"\r\n")
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        connection.sendall(head)
        assert ended(connection)


def test_a_taken_port_is_explained(server: HttpServer) -> None:
    with pytest.raises(Exception, match="cannot be used"):
        HttpServer(asyncio.sleep, "127.0.0.1", server.port)  # type: ignore[arg-type]
