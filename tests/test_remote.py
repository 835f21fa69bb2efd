"""The app against an engine of another machine: a real engine behind TLS, its tokens, and what is seen when it falls silent."""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import filled_store
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pytestqt.qtbot import QtBot

from app import present, remote, snapshot
from app.engine_link import Answer, Request
from app.remote import RemoteLink
from app.snapshot import EngineKind, EngineStatus, Snapshot
from app.translations import Language
from engine.access import Endpoint, Refused
from engine.clock import SystemClock
from engine.domain import Consumer, Expected
from engine.store import Reader
from engine.tokens import Right, Tokens

ROOT = Path(__file__).resolve().parent.parent
EN, DK = Language("en"), Consumer("DK")
ORDER = ("/v1/models/promote", {"model_id": "nowhere-2026", "reason": "to see"})
#: Seconds until an engine that is back is on screen.
PROMISED_S = 5.0
#: An address of this machine that programs do not call it by; other than Linux knows but one.
HOST = "127.0.0.2" if sys.platform == "linux" else "127.0.0.1"


def _certify(folder: Path) -> None:
    """A certificate for HOST that vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "lastvagt test")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, none))


@dataclass
class Engine:
    """An engine on HOST, behind TLS, on a filled and simulated database."""

    folder: Path
    tokens: dict[str, str]
    port: int = 0
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.port}"

    def start(self) -> None:
        settings = {
            "host": HOST,
            "port": self.port,
            "tls_certificate": self.folder / "certificate.pem",
            "tls_key": self.folder / "key.pem",
            "public_names": HOST,
        }
        surroundings = os.environ | {f"LASTVAGT_{name.upper()}": str(value) for name, value in settings.items()}
        command = [sys.executable, "-m", "engine", "run", "--simulated", "--data-dir", str(self.folder / "data")]
        with (self.folder / "out").open("wb") as out:
            self.process = subprocess.Popen(command, cwd=ROOT, env=surroundings, stdout=out, stderr=out)
        end = time.monotonic() + 120
        while time.monotonic() < end:
            said = (self.folder / "out").read_text("utf-8")
            if "serves http" in said:
                self.port = int(said.partition(f"https://{HOST}:")[2].split()[0])
                return
            time.sleep(0.05)
        raise AssertionError((self.folder / "out").read_text("utf-8"))

    def stop(self) -> None:
        assert self.process is not None
        self.process.terminate()
        self.process.wait(30)

    def endpoint(self, who: str = "reader") -> Endpoint:
        return remote.endpoint(self.url, self.folder / f"{who}.token" if who else None, self.folder / "certificate.pem")


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp("engine")
    _certify(folder)
    filled_store.fill(folder / "data", days=3, simulated=True)
    tokens = {right.value: Tokens(folder / "data").new(right.value, right, 0) for right in Right}
    for name, token in (*tokens.items(), ("wrong", "x" * 43)):
        (folder / f"{name}.token").write_text(token + "\n", encoding="ascii")
    made = Engine(folder, tokens)
    made.start()
    yield made
    made.stop()


def test_a_token_opens_what_it_may_and_nothing_opens_without(engine: Engine) -> None:
    for who in ("", "wrong"):
        for path in ("/health", "/v1/access", "/v1/replica", "/metrics", "/openapi.json", "/nowhere"):
            with pytest.raises(Expected, match=r"needs a token|does not know the token"):
                engine.endpoint(who).fetch(path, "")
        with pytest.raises(Refused, match=r"needs a token|does not know the token"):
            engine.endpoint(who).post(*ORDER)
    assert engine.endpoint("reader").get("/health")["exposed"] == engine.url
    assert engine.endpoint("reader").get("/v1/access") == {"name": "reader", "orders": False, "simulated": True}
    assert engine.endpoint("operator").get("/v1/access") == {"name": "operator", "orders": True, "simulated": True}
    with pytest.raises(Refused, match="may only read"):
        engine.endpoint("reader").post(*ORDER)
    with pytest.raises(Refused, match="There is no bundle"):
        engine.endpoint("operator").post(*ORDER)


def test_a_certificate_nobody_vouches_for_is_refused(engine: Engine) -> None:
    stranger = Endpoint(engine.url, engine.tokens["operator"])
    with pytest.raises(Expected, match="not to be trusted"):
        stranger.get("/v1/access")


def test_plain_http_and_foreign_names_get_nowhere(engine: Engine) -> None:
    with pytest.raises(Expected, match="does not answer"):
        Endpoint(f"http://{HOST}:{engine.port}", engine.tokens["operator"]).get("/v1/access")
    for host in (f"localhost:{engine.port}", "evil.example", f"127.0.0.1:{engine.port}" if HOST != "127.0.0.1" else "127.0.0.3"):
        with pytest.raises(Refused, match="does not answer to that name"):
            _Named(engine.url, engine.tokens["operator"], engine.folder / "certificate.pem", host=host).get("/v1/access")


@dataclass(frozen=True)
class _Named(Endpoint):
    """Asks by another name."""

    host: str = ""

    def _call(self, method, path, more=None, body=None):  # type: ignore[no-untyped-def]
        return super()._call(method, path, {**(more or {}), "Host": self.host}, body)


def test_the_screen_follows_the_engine_through_a_cut(engine: Engine, qtbot: QtBot, tmp_path: Path) -> None:
    database = tmp_path / "cache" / "lastvagt.sqlite"
    link = RemoteLink(engine.endpoint("reader"), database, SystemClock())
    seen: list[EngineStatus] = []
    link.changed.connect(seen.append)
    try:
        link.consider(Snapshot(0))
        qtbot.waitUntil(lambda: seen[-1].kind is EngineKind.CONNECTED)
        assert not seen[-1].takes_orders
        shown = _read(database)
        assert shown.simulated
        assert shown.consumers[DK].forecast is not None
        assert "read only" in present.engine_line(shown, seen[-1], EN)
        assert "may only read" in present.models_view(shown, seen[-1], EN).closed
        engine.stop()
        qtbot.waitUntil(lambda: seen[-1].kind is EngineKind.UNHEARD)
        (notice, *_) = present.notices(shown, seen[-1], EN, SystemClock().now())
        assert "other machine does not answer" in notice.problem
        assert "last heard" in notice.since
        engine.start()
        qtbot.waitUntil(lambda: seen[-1].kind is EngineKind.CONNECTED)
    finally:
        link.stop()


def test_an_engine_that_was_away_for_hours_is_asked_often_enough_to_be_back_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = RemoteLink(Endpoint("http://127.0.0.1:9"), tmp_path / "lastvagt.sqlite", SystemClock())
    rests: list[float] = []

    def rest(seconds: float) -> bool:
        rests.append(seconds)
        if len(rests) == 50:
            link._stopping.set()
        return False

    monkeypatch.setattr(link._stopping, "wait", rest)
    link._poll()
    assert rests[0] == remote.FIRST_RETRY_S
    assert max(rests) <= PROMISED_S - 2, "two seconds are left to answer and to fetch the copy"


def test_what_came_before_is_not_fetched_again(engine: Engine, tmp_path: Path) -> None:
    copy = remote.Copy(engine.endpoint("reader"), tmp_path / "lastvagt.sqlite")
    copy.renew()
    before = (tmp_path / "lastvagt.sqlite").stat().st_mtime_ns
    etag = (tmp_path / "lastvagt.etag").read_text("ascii")
    if engine.endpoint("reader").fetch("/v1/replica", etag) is None:  # unless a job has just ended
        copy.renew()
        assert (tmp_path / "lastvagt.sqlite").stat().st_mtime_ns == before


def test_an_order_is_brought_before_it_and_its_refusal_back(engine: Engine, qtbot: QtBot, tmp_path: Path) -> None:
    link = RemoteLink(engine.endpoint("operator"), tmp_path / "x.sqlite", SystemClock())
    with qtbot.waitSignal(link.answered) as heard:
        link.ask(Request("X", *ORDER))
    answer: Answer = heard.args[0]
    assert answer.refusal is not None
    assert "There is no bundle" in answer.refusal.problem


def test_programs_of_the_engines_own_machine_come_in_as_ever(engine: Engine) -> None:
    command = [sys.executable, "-m", "engine", "status", "--json", "--data-dir", str(engine.folder / "data")]
    state = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout)["engine"]
    assert state["host"] == "127.0.0.1"
    here = Endpoint(f"http://127.0.0.1:{state['port']}")
    assert here.get("/v1/access") == {"name": "", "orders": False, "simulated": True}
    with pytest.raises(Refused, match="needs a token"):
        here.post(*ORDER)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://desk.example.org:8787", "in the clear"),
        ("ftp://localhost", "no address"),
        ("localhost:8787", "no address"),
        ("https://", "no address"),
        ("https://localhost:8787?x=1", "no address"),
    ],
)
def test_an_address_that_will_not_do_is_refused_before_a_token_is_sent(url: str, told: str) -> None:
    with pytest.raises(Expected, match=told):
        remote.endpoint(url)


def test_a_token_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(Expected, match="cannot be read"):
        remote.endpoint("http://localhost:8787", tmp_path / "none")


def _read(database: Path) -> Snapshot:
    with contextlib.closing(Reader(database)) as reader:
        return snapshot.read(reader, SystemClock().now())
