"""What the outermost layer of the HTTP endpoint lets through: by which names, from whom, with what; on every route."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlencode

import filled_store
import pytest
from serving import serving
from wire import Wire, request

from engine import access, openapi
from engine.clock import SystemClock
from engine.config import Config

ROUTES = (*openapi.DOCUMENT["paths"], "/nowhere", "/", "/v1/../health", "//health")
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE")
JSON = "Content-Type: application/json"


@dataclass(frozen=True)
class Engine:
    """One that serves a filled database and has no job to do."""

    port: int
    token: str
    folder: Path
    home: Path

    @property
    def host(self) -> str:
        return f"Host: localhost:{self.port}"

    @property
    def bearer(self) -> str:
        return f"Authorization: Bearer {self.token}"

    def digest(self) -> str:
        """Of all that the store holds: a change that is committed shows in the database or its log."""
        files = sorted(p for p in self.folder.iterdir() if p.name.startswith("lastvagt.sqlite") and not p.name.endswith("-shm"))
        return hashlib.sha256(b"".join(p.name.encode() + p.read_bytes() for p in files)).hexdigest()


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    home = tmp_path_factory.mktemp("home")
    folder = filled_store.fill(home / "data", SystemClock().now(), days=2, learned=False, tso=False)
    config = Config.load(environment={"LASTVAGT_PORT": "0", "LASTVAGT_MODEL_DIR": str(home / "models")}, data_dir=folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.service.Service._beat", lambda *_: None)  # which writes
        with serving(config) as (_, state):
            yield Engine(state.port, access.read(folder), folder, home)


@pytest.fixture(scope="module")
def wire(engine: Engine) -> Iterator[Wire]:
    made = Wire(engine.port)
    yield made
    made.close()


def filled(path: str) -> str:
    return path.replace("{area}", "1").replace("{consumer_type}", "0")


#: Header lines by which a request names us, PORT in place of the port.
OUR_NAMES = (
    "Host: localhost:PORT",
    "Host: 127.0.0.1:PORT",
    "Host: [::1]:PORT",
    "Host: LocalHost:PORT",
    "Host:   localhost:PORT  ",
    "hOsT: localhost:PORT",
    "Host: localhost:PORT\r\nX-Forwarded-Host: evil.example",
)
FOREIGN_NAMES = (
    "X: no Host at all",
    "Host:",
    "Host:  ",
    "Host: localhost:PORT\r\nHost: localhost:PORT",
    "Host: localhost:PORT\r\nHost: evil.example",
    "Host: evil.example\r\nHost: localhost:PORT",
    "Host: evil.example",
    "Host: evil.example:PORT",
    "Host: localhost",
    "Host: 127.0.0.1",
    "Host: [::1]",
    "Host: localhost:1",
    "Host: localhost:0PORT",
    "Host: localhost:+PORT",
    "Host: localhost:",
    "Host: localhost.:PORT",
    "Host: localhost.evil.example:PORT",
    "Host: 127.0.0.1.evil.example:PORT",
    "Host: 127.0.0.1.:PORT",
    "Host: 127.0.0.2:PORT",
    "Host: 0.0.0.0:PORT",
    "Host: 127.1:PORT",
    "Host: 127.0.0.01:PORT",
    "Host: 2130706433:PORT",
    "Host: 0x7f000001:PORT",
    "Host: 0177.0.0.1:PORT",
    "Host: ::1:PORT",
    "Host: [::ffff:127.0.0.1]:PORT",
    "Host: [0:0:0:0:0:0:0:1]:PORT",
    "Host: [::1%25lo]:PORT",
    "Host: user@localhost:PORT",
    "Host: evil.example#@localhost:PORT",
    "Host: localhost:PORT/",
    "Host: localhost:PORT?",
    "Host: localhost:PORT, evil.example",
    "Host: localhost:PORT evil.example",
    "Host: http://localhost:PORT",
    "Host: ｌocalhost:PORT",
    "Host: evil.example\r\nX-Forwarded-Host: localhost:PORT",
    "Host: evil.example\r\nForwarded: host=localhost:PORT",
    "Host: evil.example\r\n localhost:PORT",
    "Host: localhost:PORT\nHost: evil.example",
    "Host : localhost:PORT",
    "Host: localhost:PORT\tevil",
)


def expected(method: str, path: str) -> set[int]:
    """What a request without token and body should be answered, by the contract alone."""
    operations = openapi.DOCUMENT["paths"].get(path)
    if operations is None:
        return {404} if method in ("GET", "HEAD") else {405}
    if "post" in operations:
        return {411} if method == "POST" else {405}
    if method not in ("GET", "HEAD"):
        return {405}
    asks = any(parameter["required"] and parameter["in"] == "query" for parameter in operations["get"]["parameters"])
    return {400} if asks else {200, 404, 503}


@pytest.mark.gate(
    "A1", "A web page that rebinds its name", target="44 foreign and 7 own forms of Host on every route and method: 0 wrong"
)
def test_only_exact_loopback_names_are_answered(engine: Engine, wire: Wire, gate: Callable[[str], None]) -> None:
    asked: list[tuple[str, str, str, bool]] = [
        (name, method, path, name in OUR_NAMES)
        for name in (*OUR_NAMES, *FOREIGN_NAMES)
        for method in (METHODS if name in (OUR_NAMES[0], *FOREIGN_NAMES[4:8]) else ("GET", "POST", "OPTIONS"))
        for path in ROUTES
    ]
    sent = [request(method, filled(path), name.replace("PORT", str(engine.port))) for name, method, path, _ in asked]
    wrong = []
    for (name, method, path, ours), reply in zip(asked, wire.ask_all(sent), strict=True):
        served = reply.status in (expected(method, path) if ours else {400, 403})
        told = method == "HEAD" or not reply.body or reply.status == 200 or b"DK" not in reply.body
        if not served or not told:
            wrong.append((name, method, path, reply))
    gate(f"{len(OUR_NAMES) + len(FOREIGN_NAMES)} forms, {len(ROUTES)} routes, {len(asked):,} requests: {len(wrong)} wrong")
    assert not wrong, wrong[:5]


#: What a web page can make a browser send with an order; a browser adds Origin to each of them.
PAGES = (
    ("Origin: http://evil.example", JSON),
    ("Origin: null", JSON),
    ("Origin: http://localhost:PORT", JSON),
    ("Origin:", JSON),
    ("Referer: http://evil.example/page", JSON),
    ("Referer: http://localhost:PORT/health", JSON),
    ("Sec-Fetch-Site: cross-site", JSON),
    ("Sec-Fetch-Site: same-origin", JSON),
    ("Content-Type: application/x-www-form-urlencoded",),
    ("Content-Type: text/plain",),
    ("Content-Type: text/plain; charset=application/json",),
    ("Content-Type: multipart/form-data; boundary=x",),
    ("Content-Type: application/jsonp",),
    ("Content-Type:",),
    ("X: no type at all",),
    ("Origin: http://evil.example", "Access-Control-Request-Method: POST", JSON),
)
#: An order of each kind that would be carried out, or refused for reasons of its own.
ORDERS = {
    "/v1/quarantine/accept": {"quarantine_id": 1},
    "/v1/quarantine/reject": {"quarantine_id": 1},
    "/v1/backups/noted": {},
    "/v1/backups/restore": {"name": "lastvagt-20260101T000000Z.sqlite"},
    "/v1/adjustments/make": {"area": "DK1", "act": "add", "amount": 1, "reason": "x"},
    "/v1/adjustments/withdraw": {"adjustment_id": 1},
    "/v1/models/promote": {"model_id": "m", "reason": "x"},
    "/v1/models/rollback": {"tier": "full"},
    "/v1/models/challenge": {"model_id": None},
    "/v1/jobs/run": {"job": "forecast"},
    "/v1/settings/change": {"name": "contact", "value": "evil@example.org"},
    "/v1/kits/import": {"path": "/a.kit"},
    "/v1/support": {},
}


@pytest.mark.gate(
    "A2",
    "Orders and questions from a web page",
    target="Every route by a page's means, the right token or none: 0 served, 0 changed",
)
def test_no_web_page_reads_or_orders_anything(engine: Engine, wire: Wire, gate: Callable[[str], None]) -> None:
    assert set(ORDERS) == set(openapi.ORDERS)
    before, wrong = engine.digest(), []
    asked: list[tuple[str, str, tuple[str, ...], set[int]]] = []
    for path in openapi.DOCUMENT["paths"]:
        for method in ("POST",) if path in ORDERS else ("GET", "HEAD"):
            asked += [(method, path, page, {403} if page[0].startswith("O") else {403, 415}) for page in PAGES]
        if path in ORDERS:
            asked += [(method, path, (JSON,), {405}) for method in METHODS if method != "POST"]
    asked = [each for each in asked if each[1] in ORDERS or each[2][0].startswith("Origin")]
    for bearer in ((), (engine.bearer,)):
        sent = [
            request(
                method,
                filled(path) + (f"?{urlencode(ORDERS[path])}" if method == "GET" and path in ORDERS else ""),
                engine.host,
                *(line.replace("PORT", str(engine.port)) for line in page),
                *bearer,
                body=json.dumps(ORDERS[path]).encode() if method == "POST" else b"",
            )
            for method, path, page, _ in asked
        ]
        for each, reply in zip(asked, wire.ask_all(sent), strict=True):
            allows = [name for name in reply.headers if name.startswith("access-control")]
            if reply.status not in each[3] or allows or "set-cookie" in reply.headers:
                wrong.append((each, reply))
    changed = engine.digest() != before
    gate(
        f"{2 * len(asked):,} requests to {len(openapi.DOCUMENT['paths'])} routes: {len(wrong)} served, database {'changed' if changed else 'unchanged'}"
    )
    assert not wrong, wrong[:5]
    assert not changed
    order = request(
        "POST", "/v1/settings/change", engine.host, JSON, engine.bearer, body=json.dumps(ORDERS["/v1/settings/change"]).encode()
    )
    assert wire.ask(order).status == 200, "the same order from a program is carried out"


def climbs() -> list[str]:
    """Ways to name a file outside, as they stand in a URL."""
    dots = ("..", "%2e%2e", "%2E.", "%252e%252e", "..%00", "%c0%ae%c0%ae", "%e0%80%ae%e0%80%ae", "....", "．．", "..;", ". .")
    slashes = ("/", "%2f", "%5c", "\\", "%252f", "%255c", "%c0%af", "//")
    targets = ("home.txt", "etc/passwd", "data/engine.token")
    found = [slash.join((dot, dot, target.replace("/", slash))) for dot in dots for slash in slashes for target in targets]
    whole = (
        "/etc/passwd",
        "file:///etc/passwd",
        "C:\\Windows\\win.ini",
        "\\\\evil\\share\\x",
        "/proc/self/environ",
        "~/.ssh/id_rsa",
        "%00",
        "a%00.kit",
    )
    odd = (
        "CON",
        "NUL.txt",
        "x" * 4000,
        "æ" * 1500,
        "%F0%9F%A6%86" * 300,
        "%",
        "%zz",
        "%ff%fe",
        "'; DROP TABLE event; --",
        "${jndi:ldap://x}",
        "{{7*7}}",
    )
    return [*found, *whole, *odd]


class _Opened:
    """Names of the files that this process opens, while it is asked to listen; there is no way to end an audit hook."""

    def __init__(self) -> None:
        self.names: list[str] | None = None
        sys.addaudithook(self._hear)

    def _hear(self, event: str, args: tuple[Any, ...]) -> None:
        named = bool(args) and isinstance(args[0], str | bytes | os.PathLike)
        if self.names is not None and named and event in ("open", "sqlite3.connect", "os.listdir", "os.scandir"):
            self.names.append(os.fsdecode(args[0]))


def test_no_parameter_reaches_a_file(engine: Engine, wire: Wire) -> None:
    _climb(engine, wire, climbs()[::30])


@pytest.mark.long
@pytest.mark.gate(
    "A5",
    "Names of files outside",
    target="Over 200 names on every parameter, path and word of an order: 0 files opened outside, 0 answers 5xx",
)
def test_no_parameter_reaches_a_file_by_any_name(engine: Engine, wire: Wire, gate: Callable[[str], None]) -> None:
    _climb(engine, wire, climbs(), gate)


def _climb(engine: Engine, wire: Wire, names: list[str], gate: Callable[[str], object] = print) -> None:
    (engine.home / "home.txt").write_text("canary")
    places = ["/{}", "/v1/{}", "/v1/models/{}", "/api/v1/predictions/{}/0", "/api/v1/monitoring/values/1/{}", "/health?{}=1"]
    for path, operations in openapi.DOCUMENT["paths"].items():
        asks = operations.get("get", {"parameters": []})["parameters"]
        needed = "&".join(f"{p['name']}=DK1" for p in asks if p["required"])
        for p in asks:
            if p["in"] == "query":
                others = "" if p["required"] else needed
                places.append(f"{path}?{'&'.join(filter(None, (others, p['name'] + '={}')))}")
    targets = [place.format(quote(name, "%/\\:;~${}'.")) for place in places for name in names]
    orders = [
        request("POST", path, engine.host, JSON, engine.bearer, body=json.dumps(words | {word: unquote(name)}).encode())
        for path, words in ORDERS.items()
        if path != "/v1/kits/import"  # which is for opening a file
        for word, value in words.items()
        if isinstance(value, str) or value is None
        for name in names
        if len(name) < 4000
    ]
    opened = _Opened()
    opened.names = []
    plain = (request("POST", path, engine.host, JSON, engine.bearer, body=json.dumps(ORDERS[path]).encode()) for path in ORDERS)
    list(wire.ask_all([*(request("GET", place.format("DK1"), engine.host) for place in places), *plain]))
    usual, opened.names = set(opened.names), []
    asked = [*(request("GET", target, engine.host) for target in targets), *orders]
    replies = list(wire.ask_all(asked))
    listened, opened.names = opened.names, None
    mine = {str(engine.folder), str(engine.home / "models")}
    outside = [
        name
        for name in listened
        if not any(name.removeprefix("file://").startswith(folder) for folder in mine)
        and not name.endswith(".py")
        and name not in usual
    ]
    failed = [
        (a[:200], r) for a, r in zip(asked, replies, strict=True) if r.status >= 500 or r.status == 0 or b"canary" in r.body
    ]
    gate(f"{len(names)} names, {len(asked):,} requests: {len(outside)} files opened outside, {len(failed)} answers 5xx")
    assert not failed, failed[:5]
    assert not outside, outside[:5]
    assert listened, "the hook heard the store being opened"


@pytest.mark.gate(
    "D5",
    "Models over HTTP",
    target="No route takes a file: every order is JSON of at most 64 KiB, a path names a file on the engine's machine",
)
def test_no_route_takes_a_model(engine: Engine, wire: Wire, gate: Callable[[str], None]) -> None:
    operations = [(path, method, of) for path, all_ in openapi.DOCUMENT["paths"].items() for method, of in all_.items()]
    takes = {path: set(of["requestBody"]["content"]) for path, _, of in operations if "requestBody" in of}
    binary = [path for path, _, of in operations if "binary" in json.dumps(of.get("requestBody", {}))]
    body = json.dumps({"model_id": "m", "reason": "x" * 70_000}).encode()
    status = wire.ask(request("POST", "/v1/models/promote", engine.host, JSON, engine.bearer, body=body)).status
    gate(f"{len(operations)} operations, {len(takes)} take a body, {len(binary)} a file; 70 kB are answered {status}")
    assert {method for _, method, _ in operations} == {"get", "post"}
    assert all(media == {"application/json"} for media in takes.values())
    assert not binary
    assert status == 413
