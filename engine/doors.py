"""The HTTP endpoints of a running engine: one for programs on this machine, and behind TLS one for all others."""

from __future__ import annotations

import logging
from pathlib import Path

from engine import api, openapi
from engine.config import Config
from engine.guesses import Guesses
from engine.http_server import App, HttpServer, Tls
from engine.tokens import Tokens

log = logging.getLogger(__name__)


def make(config: Config, app: App, desk: api.Desk, tokens: Tokens, guesses: Guesses) -> list[HttpServer]:
    """The endpoint for programs on this machine first; with another address than loopback's one behind TLS for all others."""

    def known(given: str) -> bool:
        return api.holder_of(given, desk, tokens) is not None

    def made_for_others(given: str) -> bool:
        return tokens.holder(given) is not None

    posts, wrong = openapi.ORDERS, guesses.wrong
    if not config.is_remote:
        return [HttpServer(app, config.host, config.port, posts=posts, public=config.names, admits=known, wrong=wrong)]
    tls = Tls(Path(config.tls_certificate), Path(config.tls_key))
    remote = HttpServer(
        app, config.host, config.port, posts=posts, public=config.names, admits=made_for_others, tls=tls, wrong=wrong
    )
    return [HttpServer(app, "127.0.0.1", 0, posts=posts, admits=known, wrong=wrong), remote]


def exposed_as(config: Config, port: int) -> str:
    """Where other machines reach the engine, as an address or the name that a proxy passes on; empty where none does."""
    if not config.names:
        return ""
    address = f"https://{config.names[0]}:{port}" if config.is_remote else config.names[0]
    log.info("Other machines reach it at %s with a token.", address)
    return address
