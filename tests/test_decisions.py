"""Decisions about models from outside: by the command line with and without an engine, and over HTTP with the token alone."""

from __future__ import annotations

import http.client
import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bundles
import pytest
from serving import serving
from test_contest import year

from engine import access
from engine.__main__ import main
from engine.clock import SystemClock
from engine.config import Config
from engine.domain import Expected
from engine.http_server import MAX_BODY_BYTES
from engine.lineup import Lineup
from engine.service import Service, exclusive
from engine.store import Reader, Writer


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """A data folder with a shipped bundle `old` and one of the user's own, `new`, that is tried."""
    for name, value in (("MODEL_DIR", tmp_path / "shipped"), ("PORT", "0")):
        monkeypatch.setenv(f"LASTVAGT_{name}", str(value))
    config = Config.load(data_dir=tmp_path / "data")
    bundles.copy(config.model_dir, "old")
    bundles.copy(config.own_model_dir, "new", "2026-02-01T00:00:00Z")
    writer = Writer(config.database)
    reader = Reader(config.database)
    Lineup(config, writer, reader).settle(SystemClock().now())
    reader.close()
    writer.close()
    return config


@dataclass
class Engine:
    """An engine that serves from a thread and has no job to do."""

    config: Config
    service: Service
    port: int = 0
    token: str = ""
    headers: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}

    def post(
        self, act: str, body: Any, headers: dict[str, str] | None = None, method: str = "POST"
    ) -> tuple[int, dict[str, Any]]:
        """Status and answer of a request; a header without a value is not sent."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        sent = {name: value for name, value in (self.headers | (headers or {})).items() if value}
        text = body if isinstance(body, str | bytes) else json.dumps(body)
        connection.request(method, f"/v1/models/{act}", text, sent)
        reply = connection.getresponse()
        answer = json.loads(reply.read() or "{}")
        connection.close()
        return reply.status, answer

    @property
    def acts(self) -> list[str]:
        reader = Reader(self.config.database)
        changes = [change.act for change in reader.roster.changes()]
        reader.close()
        return changes


@pytest.fixture
def engine(config: Config) -> Iterator[Engine]:
    with serving(config) as (service, state):
        yield Engine(config, service, state.port, access.read(config.data_dir))


def call(capsys: pytest.CaptureFixture[str], config: Config, *words: str) -> tuple[int, str, str]:
    code = main(["models", *words, "--data-dir", str(config.data_dir)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def decide_on_everything(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    """Promote, roll back, end the trial and begin it again, each seen in the list."""

    def roles() -> dict[str, str]:
        rows = json.loads(call(capsys, config, "--format", "json")[1])["rows"]
        return {row["model_id"]: row["role"] for row in rows}

    assert roles() == {"old": "champion", "new": "challenger"}
    code, out, _ = call(capsys, config, "promote", "new", "--reason", "Three percent better, æøå.")
    assert (code, out) == (0, "Tier full: champion new instead of old, from the next issue on.\n")
    assert roles() == {"old": "", "new": "champion"}
    assert call(capsys, config, "rollback", "--tier", "full")[0] == 0
    assert roles() == {"old": "champion", "new": ""}
    change = json.loads(call(capsys, config, "challenge", "new", "--format", "json")[1])
    assert (change["act"], change["to_id"], change["who"]) == ("challenge", "new", access.user())
    assert roles()["new"] == "challenger"
    assert call(capsys, config, "challenge", "none")[0] == 0
    assert roles()["new"] == ""
    code, out, _ = call(capsys, config, "changes")
    assert [line.split()[2] for line in out.splitlines()[1:6]] == ["challenge", "challenge", "rollback", "promote", "challenge"]
    assert "Three percent better, æøå." in out
    for words, told in (
        (("rollback",), "no champion before"),
        (("promote", "old", "--reason", "x"), "already"),
        (("promote", "nobody", "--reason", "x"), "no bundle 'nobody'"),
        (("promote", "new"), "needs a reason"),
        (("challenge",), "No bundle is named"),
    ):
        code, _, err = call(capsys, config, *words)
        assert (code, len(err.splitlines())) == (4, 2)
        assert told in err


def test_without_an_engine_the_command_line_decides_itself(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    decide_on_everything(config, capsys)


def test_with_an_engine_the_command_line_has_it_decide(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    decide_on_everything(engine.config, capsys)


def test_a_folder_held_by_another_command_is_not_written(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    with exclusive(config.data_dir):
        assert call(capsys, config, "promote", "new", "--reason", "x")[0] == 3


def test_an_empty_folder_is_not_made_a_database(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, Config(data_dir=tmp_path / "none"), "promote", "new", "--reason", "x")[0] == 4
    assert not (tmp_path / "none").exists()


def test_the_token_is_the_users_alone_fresh_each_time_and_gone_at_the_end(config: Config) -> None:
    (config.data_dir / "engine.token").write_text("of an engine that was killed")
    tokens = []
    for _ in range(2):
        with access.grant(config.data_dir) as token:
            tokens.append(token)
            assert access.read(config.data_dir) == token
            if os.name == "posix":
                assert stat.S_IMODE((config.data_dir / "engine.token").stat().st_mode) == 0o600
        assert not (config.data_dir / "engine.token").exists()
    assert len(set(tokens)) == 2
    assert min(map(len, tokens)) >= 43  # 256 bits
    with pytest.raises(Expected, match="cannot be read"):
        access.read(config.data_dir)


PROMOTE = {"model_id": "new", "reason": "It is better.", "who": "me"}


def test_a_decision_over_http_is_recorded_and_answered(engine: Engine) -> None:
    status, change = engine.post("promote", PROMOTE)
    assert status == 200
    assert change | {"changed_at": ""} == {
        "changed_at": "",
        "tier": "full",
        "act": "promote",
        "from_id": "old",
        "to_id": "new",
        "who": "me",
        "reason": "It is better.",
    }
    assert engine.post("promote", PROMOTE)[0] == 409
    assert engine.post("promote", PROMOTE | {"model_id": "nobody"})[0] == 404
    assert engine.acts == ["challenge", "promote"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": ""}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": "Bearer "}, 401),
        ({"Authorization": "Basic {token}"}, 401),
        ({"Authorization": "{token}"}, 401),
        ({"Authorization": "Bearer {token}x"}, 401),
        ({"Authorization": "Bearer \xe6\xf8\xe5"}, 401),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Referer": "http://evil.example/page"}, 403),
        ({"Host": "evil.example"}, 403),
        ({"Host": "evil.example:{port}"}, 403),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": ""}, 415),
        ({"Transfer-Encoding": "chunked", "Content-Length": ""}, 411),
    ],
)
def test_what_a_web_page_or_a_stranger_could_send_changes_nothing(engine: Engine, headers: dict[str, str], status: int) -> None:
    filled = {name: value.format(token=engine.token, port=engine.port) for name, value in headers.items()}
    got, answer = engine.post("promote", PROMOTE, filled)
    assert got == status
    assert answer["remedy"]
    assert engine.token not in json.dumps(answer)
    assert engine.acts == ["challenge"]


@pytest.mark.parametrize(
    ("act", "body", "status"),
    [
        ("promote", b"", 400),
        ("promote", b"\xff\xfe", 400),
        ("promote", b"[" * 50_000, 400),
        ("promote", "[]", 400),
        ("promote", "null", 400),
        ("promote", {"model_id": "new"}, 400),
        ("promote", {"model_id": "new", "reason": ""}, 400),
        ("promote", {"model_id": 7, "reason": "x"}, 400),
        ("promote", {"model_id": None, "reason": "x"}, 400),
        ("promote", {"model_id": "../../etc/passwd", "reason": "x"}, 400),
        ("promote", {"model_id": "new\n", "reason": "x"}, 400),
        ("promote", {"model_id": "new", "reason": "x" * 501}, 400),
        ("promote", {"model_id": "new", "reason": "x", "colour": "red"}, 400),
        ("promote", {"model_id": "new", "reason": "two\nlines"}, 422),
        ("promote", '{"model_id": "new", "reason": "\\ud800"}', 422),
        ("rollback", {"tier": "best"}, 400),
        ("rollback", {"tier": "full"}, 409),
        ("challenge", {"model_id": None, "tier": "late"}, 409),
        ("promote", b"x" * (MAX_BODY_BYTES + 1), 413),
    ],
)
def test_a_body_that_breaks_the_contract_is_refused(engine: Engine, act: str, body: Any, status: int) -> None:
    assert engine.post(act, body)[0] == status
    assert engine.acts == ["challenge"]


def test_roles_evidence_and_history_are_served(engine: Engine) -> None:
    days = year(0.2, days=200)
    engine.service._writer.roster.put_losses("old", "new", days)
    assert engine.post("rollback", {"tier": "full"})[0] == 409
    get = http.client.HTTPConnection("127.0.0.1", engine.port, timeout=30)

    def served(path: str) -> str:
        get.request("GET", path)
        return get.getresponse().read().decode()

    rows = {row["model_id"]: row for row in json.loads(served("/v1/models"))["rows"]}
    assert (rows["old"]["role"], rows["old"]["origin"], rows["old"]["since"]) == ("champion", "shipped", None)
    new = rows["new"]
    assert (new["role"], new["origin"], new["against"], new["days"], new["verdict"]) == (
        "challenger",
        "own",
        "old",
        200,
        "promote",
    )
    assert new["wql"] < new["wql_against"]
    assert new["low"] < new["difference"] < new["high"] < 0
    assert new["evidence"].endswith("promote it.")
    assert rows["old"]["wql"] is None
    engine.post("promote", PROMOTE)
    changes = json.loads(served("/v1/models/changes"))["rows"]
    assert [(c["act"], c["from_id"], c["to_id"], c["who"]) for c in changes] == [
        ("promote", "old", "new", "me"),
        ("challenge", "", "new", "engine"),
    ]
    assert "reason" in served("/v1/models/changes?format=csv&limit=1").splitlines()[0]
    get.close()


def test_a_decision_is_posted_and_read_nowhere(engine: Engine) -> None:
    for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"):
        assert engine.post("promote", PROMOTE, method=method)[0] == 405
    assert engine.acts == ["challenge"]


def test_the_token_is_in_no_log_no_answer_and_no_database(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    for body in (PROMOTE, PROMOTE, {"tier": "full"}, b"x"):
        for act in ("promote", "rollback", "challenge"):
            for headers in ({}, {"Authorization": f"Bearer {engine.token}x"}):
                assert engine.token not in json.dumps(engine.post(act, body, headers)[1])
    assert engine.token not in caplog.text
    assert engine.token not in repr(engine.service)
    files = [path for path in engine.config.data_dir.rglob("*") if path.is_file() and path.name != "engine.token"]
    assert not [path for path in files if engine.token.encode() in path.read_bytes()]


def test_an_engine_that_does_not_answer_is_told(config: Config) -> None:
    with pytest.raises(Expected, match="does not answer"):
        access.Endpoint("http://127.0.0.1:1", "token").post("/v1/models/promote", PROMOTE)
