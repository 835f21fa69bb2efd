"""Wrong tokens: never let in, soon told to wait, told of to operators, and no trouble for anybody with a right one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import filled_store
import pytest
from serving import serving
from wire import Wire, request

from engine import access, guesses
from engine.clock import SystemClock
from engine.config import Config
from engine.guesses import MOST, REMEMBERED, Guesses
from engine.store import Reader, Writer

NOW = 1_790_000_000


@pytest.mark.gate(
    "A8", "Guessing of tokens", target="1,000 wrong tokens: 0 let in, 429 from the 11th, a right one from the same address served"
)
def test_a_thousand_wrong_tokens_open_nothing(tmp_path: Path, gate: Callable[[str], None]) -> None:
    folder = filled_store.fill(tmp_path / "data", SystemClock().now(), days=1, learned=False, tso=False)
    config = Config.load(environment={"LASTVAGT_PORT": "0", "LASTVAGT_MODEL_DIR": str(tmp_path)}, data_dir=folder)
    with serving(config) as (service, state):
        token = access.read(folder)
        host = f"Host: localhost:{state.port}"
        wrong = ("", "x", token[:-1], token + "x", token.swapcase(), *(f"{n:043d}" for n in range(995)))
        asked = [request("GET", "/v1/access", host, f"Authorization: Bearer {guess or '-'}") for guess in wrong]
        right = request("GET", "/v1/access", host, f"Authorization: Bearer {token}")
        guesser, user = Wire(state.port), Wire(state.port)
        statuses, served = [], []
        for at in range(0, len(asked), 50):
            replies = list(guesser.ask_all(asked[at : at + 50]))
            statuses += [reply.status for reply in replies]
            assert all(1 <= int(reply.headers["retry-after"]) <= 60 for reply in replies if reply.status == 429)
            served.append(user.ask(right))
        order = request("POST", "/v1/support", host, "Authorization: Bearer x", "Content-Type: application/json", body=b"{}")
        statuses.append(guesser.ask(order).status)
        guesser.close()
        user.close()
        service._beat(state.port)
        reader = Reader(config.database)
        told = [event for event in reader.events() if event.code == "guesses"]
        reader.close()
    count = Counter(statuses)
    gate(
        f"{len(statuses):,} wrong tokens: {count[200]} let in, {count[401]} refused, {count[429]} told to wait; {len(served)} right ones served"
    )
    assert statuses == [401] * MOST + [429] * (len(statuses) - MOST)
    assert {reply.status for reply in served} == {200}
    assert all(b'"orders": true' in reply.body for reply in served)
    assert [event.subject for event in told] == ["127.0.0.1"]


def test_an_address_that_waits_is_heard_again() -> None:
    now = [0.0]
    counted = Guesses(lambda: now[0])
    for second in range(MOST):
        now[0] = float(second)
        assert counted.wrong("a") == 0
    assert counted.wrong("a") == 60 - (MOST - 1)
    assert counted.wrong("b") == 0, "another address is another matter"
    now[0] = 60.0
    assert counted.wrong("a") == 0
    assert counted.wrong("a") == 1


def test_many_addresses_are_forgotten_rather_than_kept() -> None:
    counted = Guesses(lambda: 0.0)
    for n in range(20 * REMEMBERED):
        counted.wrong(f"2001:db8::{n:x}")
    assert len(counted._wrong) == REMEMBERED
    for n in range(3 * REMEMBERED):
        for _ in range(MOST + 1):
            counted.wrong(f"10.0.0.{n}")
    assert len(counted._wrong) == len(counted._loud) == REMEMBERED
    assert len(counted.loud()) == 5


def test_operators_hear_of_it_until_it_is_quiet(writer: Writer, reader: Reader) -> None:
    now = [0.0]
    counted = Guesses(lambda: now[0])
    for _ in range(MOST + 1):
        counted.wrong("192.0.2.7")
    guesses.watch(counted, writer, reader, NOW)
    guesses.watch(counted, writer, reader, NOW + 30)
    (event,) = reader.events()
    assert (event.code, event.subject, event.since) == ("guesses", "192.0.2.7", NOW)
    assert "192.0.2.7" in event.problem
    now[0] = guesses.QUIET_S
    guesses.watch(counted, writer, reader, NOW + 600)
    assert not reader.events()
