"""Who may come in by which name, with which token, from where; and which settings open the door at all."""

from __future__ import annotations

import contextlib
import functools
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import filled_store
import psutil
import pytest
import requests
from serving import serving

from engine import api, clock, doors, health, openapi
from engine.__main__ import main
from engine.access import Endpoint, Refused
from engine.config import Config
from engine.domain import Expected
from engine.guesses import Guesses
from engine.http_server import HttpServer, Tls
from engine.store import Reader, Writer
from engine.tokens import Right, Tokens

NOW = clock.parse_utc("2026-10-26T12:00Z")


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Tokens:
    return Tokens(tmp_path_factory.mktemp("tokens"))


@pytest.fixture(scope="module")
def token(tokens: Tokens) -> str:
    return tokens.new("wall", Right.READER, NOW)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, tokens: Tokens) -> Iterator[HttpServer]:
    path = tmp_path_factory.mktemp("store") / "a.sqlite"
    Writer(path, simulated=True).close()
    reader = Reader(path)
    app = api.create(reader, clock.SimulatedClock(NOW), None, tokens)
    made = HttpServer(app, "127.0.0.1", 0, public=("desk.example.org",), admits=lambda given: tokens.holder(given) is not None)
    made.start()
    yield made
    made.stop()
    reader.close()


def _ask(server: HttpServer, host: str, *headers: str) -> int:
    lines = "\r\n".join((f"GET /v1/access HTTP/1.1\r\nHost: {host}\r\nConnection: close", *headers, "", ""))
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(lines.encode())
        return int(connection.recv(4096).split()[1])


@pytest.mark.parametrize("host", ["desk.example.org", "desk.example.org:443", "DESK.example.org:8787"])
def test_who_comes_by_a_public_name_needs_a_token(server: HttpServer, token: str, host: str) -> None:
    assert _ask(server, host) == 401
    assert _ask(server, host, "Authorization: Bearer x") == 401
    assert _ask(server, host, f"Authorization: Basic {token}") == 401
    assert _ask(server, host, f"Authorization: Bearer {token}") == 200


@pytest.mark.parametrize(
    "host", ["example.org", "xdesk.example.org", "desk.example.org.evil.example", "desk.example.org:123456", "desk"]
)
def test_a_token_does_not_make_up_for_a_foreign_name(server: HttpServer, token: str, host: str) -> None:
    assert _ask(server, host, f"Authorization: Bearer {token}") == 403


@pytest.mark.parametrize("header", ["X-Forwarded-For: 10.0.0.7", "Forwarded: for=10.0.0.7"])
def test_what_a_proxy_passes_on_needs_a_token_whatever_name_it_uses(server: HttpServer, token: str, header: str) -> None:
    host = f"localhost:{server.port}"
    assert _ask(server, host) == 200
    assert _ask(server, host, header) == 401
    assert _ask(server, host, header, f"Authorization: Bearer {token}") == 200


def test_a_revoked_token_ends_at_once(server: HttpServer, tokens: Tokens) -> None:
    given = f"Authorization: Bearer {tokens.new('guest', Right.OPERATOR, NOW)}"
    assert _ask(server, "desk.example.org", given) == 200
    tokens.revoke("guest")
    assert _ask(server, "desk.example.org", given) == 401


def test_tokens_that_cannot_be_read_are_told_of_and_open_nothing(tmp_path: Path) -> None:
    Writer(tmp_path / "a.sqlite", simulated=True).close()
    (tmp_path / "tokens.json").write_text("{")
    reader, tokens = Reader(tmp_path / "a.sqlite"), Tokens(tmp_path)
    desk = api.Desk("own", lambda *_: {}, lambda *_: {})
    (server,) = doors.make(
        _config(port="0"), api.create(reader, clock.SimulatedClock(NOW), desk, tokens), desk, tokens, Guesses()
    )
    server.start()
    try:
        assert Endpoint(f"http://127.0.0.1:{server.port}", "own").get("/v1/access")["orders"] is True
        with pytest.raises(Refused, match=r"tokens\.json cannot be read"):
            Endpoint(f"http://127.0.0.1:{server.port}", "other").get("/v1/access")
    finally:
        server.stop()
        reader.close()


def _listening(port: int | None = None) -> set[str]:
    """Addresses on which this process takes connections."""
    found = psutil.Process().net_connections("tcp")
    return {each.laddr.ip for each in found if each.status == psutil.CONN_LISTEN and port in (None, each.laddr.port)}


def test_localhost_is_both_loopback_addresses_on_one_port(tmp_path: Path) -> None:
    Writer(tmp_path / "a.sqlite", simulated=True).close()
    reader = Reader(tmp_path / "a.sqlite")
    server = HttpServer(api.create(reader, clock.SimulatedClock(NOW)), "localhost", 0)
    server.start()
    try:
        open_at = _listening(server.port)
        assert open_at - {"::1"} == {"127.0.0.1"}
        for host in open_at:
            assert Endpoint(f"http://[{host}]:{server.port}" if ":" in host else f"http://{host}:{server.port}").get("/v1/access")
    finally:
        server.stop()
        reader.close()


def test_small_answers_do_not_wait_for_one_another(server: HttpServer) -> None:
    def took_s(session: requests.Session) -> float:
        before = time.perf_counter()
        session.get(f"http://127.0.0.1:{server.port}/v1/access", timeout=30)
        return time.perf_counter() - before

    with requests.Session() as session:
        took_s(session)
        assert any(took_s(session) < 0.03 for _ in range(500)), "Nagle's algorithm makes each but the first wait 40 ms"


def _config(**settings: str) -> Config:
    return Config.load(environment={f"LASTVAGT_{name.upper()}": value for name, value in settings.items()})


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_loopback_needs_nothing(host: str) -> None:
    assert not _config(host=host).is_remote


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "desk.example.org", "127.0.0.2"])
def test_other_addresses_need_a_certificate_its_key_and_names(host: str) -> None:
    whole = {"tls_certificate": "c.pem", "tls_key": "k.pem", "public_names": "desk.example.org, desk"}
    for missing in whole:
        with pytest.raises(Expected, match="may not listen"):
            _config(host=host, **{name: value for name, value in whole.items() if name != missing})
    config = _config(host=host, **whole)
    assert (config.is_remote, config.names) == (True, ("desk.example.org", "desk"))


@pytest.mark.gate(
    "A4",
    "Exposure beyond this machine",
    target="15 starts on other addresses without all of TLS: all refused; else loopback only",
)
def test_no_start_opens_more_than_loopback_by_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], gate: Callable[[str], None]
) -> None:
    monkeypatch.setenv("LASTVAGT_PORT", "0")
    monkeypatch.setenv("LASTVAGT_MODEL_DIR", str(tmp_path))
    whole = {"TLS_CERTIFICATE": "c.pem", "TLS_KEY": "k.pem", "PUBLIC_NAMES": "desk"}
    refused = []
    for host in ("0.0.0.0", "::", "192.0.2.5", "desk", "127.0.0.2"):
        for given in ((), ("PUBLIC_NAMES",), ("TLS_CERTIFICATE", "TLS_KEY")):
            with monkeypatch.context() as patch:
                patch.setenv("LASTVAGT_HOST", host)
                for name in given:
                    patch.setenv(f"LASTVAGT_{name}", whole[name])
                code = main(["run", "--data-dir", str(tmp_path / "none")])
            told = capsys.readouterr().err
            refused.append(code != 0 and f"may not listen on '{host}'" in told and "Traceback" not in told)
    folder = filled_store.fill(tmp_path / "data", clock.SystemClock().now(), days=1, learned=False, tso=False)
    with serving(Config.load(data_dir=folder)) as (_, state):
        open_at = _listening()
        answer = Endpoint(state.url).get("/health")
    gate(f"{sum(refused)} of {len(refused)} refused; an engine as it is installed listens on {', '.join(sorted(open_at))}")
    assert all(refused)
    assert not (tmp_path / "none").exists()
    assert open_at <= {"127.0.0.1", "::1"}
    assert answer["exposed"] is None


def test_who_can_reach_it_is_told(tmp_path: Path) -> None:
    assert doors.exposed_as(_config(), 8787) == ""
    assert doors.exposed_as(_config(public_names="desk.example.org"), 8787) == "desk.example.org"
    whole = {"tls_certificate": "c.pem", "tls_key": "k.pem", "public_names": "desk.example.org, desk"}
    assert doors.exposed_as(_config(host="0.0.0.0", **whole), 8787) == "https://desk.example.org:8787"
    writer = Writer(tmp_path / "a.sqlite")
    writer.set_exposed("https://desk.example.org:8787")
    writer.close()
    with contextlib.closing(Reader(tmp_path / "a.sqlite")) as reader:
        assert health.state(reader, NOW)["exposed"] == "https://desk.example.org:8787"


def test_a_certificate_that_is_none_is_told_before_anything_listens(tmp_path: Path) -> None:
    (tmp_path / "c.pem").write_text("nothing")
    for certificate in ("c.pem", "none.pem"):
        with pytest.raises(Expected, match="cannot be used"):
            HttpServer(lambda *_: None, "127.0.0.1", 0, tls=Tls(tmp_path / certificate, tmp_path / "k.pem"))  # type: ignore[arg-type,return-value]


def test_an_order_from_elsewhere_bears_the_name_of_the_token(tmp_path: Path, tokens: Tokens) -> None:
    Writer(tmp_path / "a.sqlite", simulated=True).close()
    reader, heard = Reader(tmp_path / "a.sqlite"), []
    desk = api.Desk("own", lambda path, words: heard.append((path, words["who"])) or {}, lambda *_: {})
    app = api.create(reader, clock.SimulatedClock(NOW), desk, tokens)
    known = functools.partial(api.holder_of, desk=desk, tokens=tokens)
    server = HttpServer(app, "127.0.0.1", 0, posts=openapi.ORDERS, admits=lambda given: known(given) is not None)
    server.start()
    try:
        url, order = f"http://127.0.0.1:{server.port}", "/v1/models/promote"
        words = {"model_id": "new-2026", "reason": "better", "who": "anna"}
        Endpoint(url, tokens.new("office", Right.OPERATOR, NOW)).post(order, words)
        Endpoint(url, "own").post(order, words)
        with pytest.raises(Refused, match="needs a token"):
            Endpoint(url).post(order, words)
        with pytest.raises(Refused, match="may only read"):
            Endpoint(url, tokens.new("hall", Right.READER, NOW)).post(order, words)
    finally:
        server.stop()
        reader.close()
    assert heard == [(order, "anna (office)"), (order, "anna")]
