"""What the outermost layer of the HTTP endpoint lets through: by which names, from whom, with what; on every route."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

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
