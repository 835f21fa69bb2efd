"""Who may come in by which name, with which token, from where; and which settings open the door at all."""

from __future__ import annotations

import functools
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import api, clock, openapi
from engine.access import Endpoint, Refused
from engine.config import Config
from engine.domain import Expected
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
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
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
