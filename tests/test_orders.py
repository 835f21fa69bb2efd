"""Adjustments and verdicts from outside: by the command line with and without an engine, and over HTTP."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import filled_store
import jsonschema
import numpy as np
import pytest
from serving import serving

from engine import access, clock, openapi
from engine.__main__ import main
from engine.clock import SystemClock
from engine.config import Config
from engine.domain import HOUR, Flag, Observations, Series
from engine.store import Writer

NOW = SystemClock().now()
FIRST = clock.floor_hour(NOW) + 2 * HOUR  # the next hour may begin while this runs
SPAN = ("--from", clock.iso(FIRST), "--to", clock.iso(FIRST + 3 * HOUR))


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """A data folder with forecasts of now, and a value that was set aside."""
    for name, value in (("MODEL_DIR", tmp_path / "shipped"), ("PORT", "0")):
        monkeypatch.setenv(f"LASTVAGT_{name}", str(value))
    folder = filled_store.fill(tmp_path / "data", NOW, days=2, learned=False, tso=False)
    writer = Writer(folder / "lastvagt.sqlite")
    at, flags = np.array([FIRST - 4 * HOUR], np.int64), np.array([Flag.PLAIN], np.uint8)
    for value in (850.0, 9e5):
        odd = Observations(Series("load", "DK1", "test"), at, at + 2 * HOUR, np.array([value]), flags)
        writer.put([], [(odd, ["outside 900 to 5000 MWh"])])
    writer.close()
    return Config.load(data_dir=folder)


@pytest.fixture
def port(config: Config) -> Iterator[int]:
    """Where an engine serves that has no job to do."""
    with serving(config) as (_, state):
        yield state.port


def call(capsys: pytest.CaptureFixture[str], config: Config, *words: str) -> tuple[int, str, str]:
    code = main([*words, "--data-dir", str(config.data_dir)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def decide_on_everything(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    """Adjust, withdraw and judge, each seen in the list."""
    code, out, _ = call(capsys, config, "adjust")
    assert (code, out) == (0, "Nobody has adjusted a forecast.\n")
    code, out, _ = call(capsys, config, "adjust", "add", "-40", "--area", "DK1", *SPAN, "--reason", "stålværket står stille")
    assert (code, out[:37]) == (0, "Adjustment 1: DK1 -40 MWh an hour fro")
    made = json.loads(call(capsys, config, "adjust", "multiply", "1.03", *SPAN, "--reason", "x", "--format", "json")[1])
    assert (made["adjustment_id"], made["area"], made["amount"], made["who"]) == (2, "DK", 1.03, access.user())
    rows = json.loads(call(capsys, config, "forecast", "--area", "DK1", "--format", "json")[1])
    assert rows["adjustments"] == [1]
    assert sorted({row["adjustment"] for row in rows["rows"]}) == [-40.0, 0.0]
    untouched = json.loads(call(capsys, config, "forecast", "--area", "DK1", "--untouched", "--format", "json")[1])
    assert untouched["adjustments"] == []
    assert "Published with adjustments [1]" in call(capsys, config, "forecast", "--area", "DK1")[1]
    assert call(capsys, config, "adjust", "withdraw", "1", "--reason", "it runs again")[0] == 0
    listed = json.loads(call(capsys, config, "adjust", "--format", "json")[1])["rows"]
    assert [(row["adjustment_id"], row["state"], row["withdrawn_for"]) for row in listed] == [
        (2, "active", ""),
        (1, "withdrawn", "it runs again"),
    ]
    assert "stålværket står stille" in call(capsys, config, "adjust")[1]
    assert call(capsys, config, "quarantine", "accept", "1")[1].endswith("850.0: counts from now on.\n")
    assert call(capsys, config, "quarantine", "reject", "2")[0] == 0
    verdicts = [row["verdict"] for row in json.loads(call(capsys, config, "quarantine", "--format", "json")[1])["rows"]]
    assert verdicts == ["reject", "accept"]
    for words, told in (
        (("adjust", "add", "40", *SPAN), "reason"),
        (("adjust", "add", "--reason", "x"), "No amount"),
        (("adjust", "add", "9000", *SPAN, "--reason", "x"), "more than half"),
        (("adjust", "add", "40", "--reason", "x"), "No span"),
        (("adjust", "withdraw"), "No adjustment is named"),
        (("adjust", "withdraw", "1"), "withdrawn already"),
        (("adjust", "withdraw", "9"), "no adjustment 9"),
        (("quarantine", "accept"), "No value is named"),
        (("quarantine", "accept", "2"), "decided already"),
    ):
        code, _, err = call(capsys, config, *words)
        assert (code, len(err.splitlines())) == (4, 2), err
        assert told in err


def test_without_an_engine_the_command_line_decides_itself(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    decide_on_everything(config, capsys)


@pytest.mark.usefixtures("port")
def test_with_an_engine_the_command_line_has_it_decide(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    decide_on_everything(config, capsys)


def test_what_is_answered_keeps_the_contract(config: Config, port: int) -> None:
    endpoint = access.Endpoint(f"http://127.0.0.1:{port}", access.read(config.data_dir))
    words: dict[str, Any] = {"area": "DK1", "act": "add", "amount": 20, "reason": "æøå", "who": "kmj"}
    words |= {"valid_start": clock.iso(FIRST), "valid_end": clock.iso(FIRST + HOUR)}
    paths = openapi.DOCUMENT["paths"]

    def check(path: str, method: str, answer: Any) -> None:
        content = paths[path][method]["responses"]["200"]["content"]["application/json"]
        jsonschema.validate(answer, content["schema"])

    made = endpoint.post("/v1/adjustments/make", words)
    check("/v1/adjustments/make", "post", made)
    check("/v1/adjustments/withdraw", "post", endpoint.post("/v1/adjustments/withdraw", {"adjustment_id": 1.0}))
    check("/v1/quarantine/accept", "post", endpoint.post("/v1/quarantine/accept", {"quarantine_id": 1}))
    for path in ("/v1/adjustments", "/v1/quarantine"):
        check(path, "get", endpoint.get(path))
    check("/v1/forecast", "get", endpoint.get("/v1/forecast", {"area": "DK1", "untouched": "true"}))


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"amount": "20"}, 400),
        ({"amount": 1e9}, 400),
        ({"act": "divide"}, 400),
        ({"reason": ""}, 400),
        ({"reason": "two\nlines"}, 422),
        ({"reason": "   "}, 422),
        ({"valid_end": clock.iso(FIRST)}, 422),
        ({"area": "DK9"}, 404),
    ],
)
def test_an_adjustment_that_breaks_the_contract_or_makes_no_sense_is_refused(
    config: Config, port: int, changed: dict[str, Any], status: int
) -> None:
    words = {"area": "DK1", "act": "add", "amount": 20, "reason": "x", "valid_start": clock.iso(FIRST)}
    body = json.dumps(words | {"valid_end": clock.iso(FIRST + HOUR)} | changed)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Authorization": f"Bearer {access.read(config.data_dir)}", "Content-Type": "application/json"}
    connection.request("POST", "/v1/adjustments/make", body, headers)
    reply = connection.getresponse()
    assert reply.status == status
    assert json.loads(reply.read())["remedy"]
    connection.close()
