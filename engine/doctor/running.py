"""Whether an engine runs here, is heard, and can be reached as the settings seem to say."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import subprocess
from collections.abc import Collection, Iterator
from pathlib import Path

from engine import __version__, access, diskguard, lock
from engine import clock as time
from engine.config import Config
from engine.doctor.finding import Finding, fail, ok, warn
from engine.domain import Expected
from engine.store import Reader
from engine.store.reader import EngineState

_HEARD_S = 300
_ANSWER_S = 2.0
_UNIT = "lastvagt-engine.service"
#: Is there where systemd rules.
_SYSTEMD = Path("/run/systemd/system")


def engine(config: Config, clock: time.Clock) -> Iterator[Finding]:
    """The engine of this data folder, and what the system was told of it."""
    yield from _unit()
    state, stored, holder = None, list[str](), _holder(config)
    if config.database.exists():
        # One that cannot be read is told of where the database is looked at.
        with contextlib.suppress(Expected), contextlib.closing(Reader(config.database)) as reader:
            state, stored = reader.engine(), [event.code for event in reader.events()]
    if state is None and holder is not None:
        yield ok("engine.state", f"process {holder} works on the folder: an import, a backfill or the like")
    elif state is None:
        yield ok("engine.state", "not running")
        yield from _port(config)
    elif holder is None:
        text = f"Process {state.pid} was last heard {time.iso(state.heartbeat)}, and is gone: it was killed or has failed."
        yield warn("engine.state", text, "Look at the end of engine.log, then start it again: lastvagt-engine run.")
    elif clock.now() - state.heartbeat > _HEARD_S:
        text = f"Process {state.pid} holds the folder, and was last heard {time.iso(state.heartbeat)}."
        yield warn("engine.state", text, "Look at engine.log; end that process and start the engine again.")
    else:
        yield ok("engine.state", f"process {state.pid} serves {state.url}")
        yield from _answers(state, stored)


def _holder(config: Config) -> int | None:
    """The process that holds the data folder, if one does."""
    try:
        return lock.holder(config.data_dir)
    except OSError as error:  # as another user
        raise Expected(
            f"{config.data_dir / lock.ENGINE} cannot be looked at: {error.strerror}.", "Run this as the user of the engine."
        ) from error


def _answers(state: EngineState, stored: Collection[str]) -> Iterator[Finding]:
    if state.version != __version__:
        text = f"Version {state.version} runs, this is {__version__}."
        yield warn("engine.version", text, "Start the engine again, so that the version installed last runs.")
    try:
        found = access.Endpoint(state.url, timeout_s=_ANSWER_S).get("/health")
    except Expected as silent:
        yield fail("engine.answer", silent.problem, "Look at engine.log; end that process and start the engine again.")
    else:
        yield ok("engine.answer", f"/health says {found['status']}")
        for event in found["events"]:
            if event["code"] in diskguard.CODES and event["code"] not in stored:
                yield fail(f"engine.{event['code']}", event["problem"], event["remedy"])


def _port(config: Config) -> Iterator[Finding]:
    """Whether the port is free that an engine would take."""
    if not config.port:
        return
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((config.host, config.port))
        except OSError as error:
            remedy = "Set another: lastvagt-engine settings set port 8788; or end the program that holds it."
            yield fail("endpoint.port", f"{config.host}:{config.port} cannot be taken: {error.strerror}.", remedy)
        else:
            yield ok("endpoint.port", f"{config.host}:{config.port} is free")


def _unit() -> Iterator[Finding]:
    """What systemd says of the service, where it rules and knows it."""
    command = shutil.which("systemctl")
    if command is None or not _SYSTEMD.is_dir():
        return
    asked = [command, "show", _UNIT, "--property=LoadState,ActiveState,UnitFileState,Result,NRestarts"]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, timeout=_ANSWER_S, check=False)
    except subprocess.TimeoutExpired:
        return
    told = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    if told.get("LoadState") != "loaded":
        return
    state, restarts = told.get("ActiveState", ""), int(told.get("NRestarts") or 0)
    text = f"{_UNIT} is {state}, {told.get('UnitFileState') or 'not installed'}, restarted {restarts} times by systemd"
    if state == "failed":
        yield fail(
            "engine.service", f"{text} ({told.get('Result')}).", f"Look why: journalctl -u {_UNIT}; then systemctl restart it."
        )
    elif state == "inactive" and told.get("UnitFileState") == "enabled":
        yield warn("engine.service", f"{text}.", f"systemctl start {_UNIT}")
    else:
        yield ok("engine.service", text)


def doors(config: Config) -> Iterator[Finding]:
    """Whether who may come in is what the settings seem to say."""
    if not (config.tls_certificate or config.tls_key):
        return
    if not config.is_remote:
        text = f"A certificate is set, but the engine listens on {config.host} only, and speaks plain HTTP there."
        remedy = "Set 'host' to an address of this machine to let others in, or take the certificate out of the settings."
        yield warn("endpoint.doors", text, remedy)
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(config.tls_certificate, config.tls_key)
    except ssl.SSLError as error:
        remedy = "Give the certificate with its chain, and the key it was made with, both as PEM."
        yield fail("endpoint.certificate", f"{config.tls_certificate} and {config.tls_key} do not serve: {error.reason}.", remedy)
    except OSError as error:
        text = f"{config.tls_certificate} or {config.tls_key} cannot be read: {error.strerror}."
        yield fail("endpoint.certificate", text, "Check the paths and that the engine's user may read them.")
    else:
        yield ok(
            "endpoint.certificate", f"{config.tls_certificate} and its key fit; {', '.join(config.names)} come in with a token"
        )
