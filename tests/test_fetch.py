import contextlib
import itertools
import json
import random
import socket
import subprocess
import sys
import threading
from email.utils import formatdate

import faults
import pytest
import requests
import upstream as stand_in
from hypothesis import given
from hypothesis import strategies as st

from engine import __version__, pipeline, sources
from engine.clock import SimulatedClock, SystemClock, parse_utc
from engine.domain import DAY, HOUR, Expected
from engine.sources import connecting
from engine.sources.fetch import HttpTransport, Manners, Reply, Request, Unreachable, fetch
from engine.store import Reader, Writer

NOW = parse_utc("2026-06-15T10:20Z")
LOAD = stand_in.LOAD


class Limits(dict):
    def fetch_limit(self, dataset):
        return self.get(dataset, (0.0, 0.0))

    def set_fetch_limit(self, dataset, last_call, blocked_until):
        self[dataset] = (last_call, blocked_until)


class Scripted:
    """Answers in turn; an exception is raised."""

    def __init__(self, *replies):
        self.replies = list(replies)
        self.sent = []

    def send(self, request, timeout_s):
        self.sent.append(request)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, Exception):
            raise reply
        return reply


@pytest.fixture
def clock():
    return SimulatedClock(NOW)


@pytest.fixture
def server(clock):
    with stand_in.Upstream(clock) as upstream:
        yield upstream


def load_request(server):
    return sources.live(server.config())[0].requests(NOW, None)[0]


def ask(server, clock, limits=None, deadline_s=90.0):
    return fetch(load_request(server), HttpTransport("ops@example.dk"), Limits() if limits is None else limits, clock, deadline_s)


def test_a_plain_answer_comes_back_whole_and_we_say_who_we_are(server, clock):
    assert json.loads(ask(server, clock))["total"] > 4000
    assert server.agents == {f"Lastvagt/{__version__} (+ops@example.dk)"}


@pytest.mark.parametrize(
    "fault",
    [
        stand_in.status(500),
        stand_in.status(503, "overloaded"),
        stand_in.status(200, ""),
        stand_in.status(200, "<html>maintenance</html>"),
        stand_in.no_records,
        stand_in.mid_stream_text,
        stand_in.TRUNCATED,
        stand_in.RESET,
        stand_in.REDIRECT,
    ],
)
def test_a_passing_fault_is_tried_again_a_minute_later(server, clock, fault):
    server.faults[LOAD] = [fault]
    assert json.loads(ask(server, clock))["total"] > 4000
    first, second = server.calls[LOAD][0], server.calls[LOAD][-1]
    assert second - first >= 60
    assert clock.now() - NOW <= 90


@pytest.mark.parametrize("fault", [stand_in.status(500), stand_in.status(200, ""), stand_in.no_records, stand_in.status(403)])
def test_a_lasting_fault_ends_within_the_deadline_and_says_when_it_goes_on(server, clock, fault):
    server.always[LOAD] = fault
    with pytest.raises(Expected) as caught:
        ask(server, clock)
    assert clock.now() - NOW <= 90
    assert len(server.calls[LOAD]) <= 3
    assert "again" in caught.value.remedy


def test_the_firewall_that_blocks_filters_is_answered_without_one_and_parse_filters(server, clock):
    server.blocks_filter = True
    body = ask(server, clock)
    assert server.calls[LOAD][1] - server.calls[LOAD][0] >= 60
    batches = sources.live(server.config())[0].parse(load_request(server), body, NOW)
    assert {b.series.area for b in batches} == {"DK1", "DK2"}


@pytest.mark.parametrize("seconds", [292, 100])
def test_a_limited_dataset_is_left_alone_for_as_long_as_asked(server, clock, seconds):
    limits = Limits()
    server.faults[LOAD] = [stand_in.too_many(seconds)]
    with pytest.raises(Expected):
        ask(server, clock, limits)
    while True:
        clock.sleep(10)
        try:
            ask(server, clock, limits, deadline_s=1)
        except Expected:
            continue
        break
    assert server.calls[LOAD][1] - NOW >= seconds
    assert server.calls[LOAD][1] - NOW <= seconds + 30


@pytest.mark.parametrize("value", ["-1", "0", "1e10", "10000000000", "soon", "", formatdate(NOW - DAY), formatdate(NOW + 200)])
def test_a_hostile_retry_after_blocks_for_a_minute_to_an_hour(clock, value):
    limits = Limits()
    transport = Scripted(Reply(429, {"retry-after": value}, b""))
    with pytest.raises(Expected):
        fetch(Request("x/y", "http://x"), transport, limits, clock, deadline_s=5)
    wait = limits["x/y"][1] - NOW
    assert 60 <= wait <= HOUR + 10
    if value == formatdate(NOW + 200):
        assert wait >= 200


@pytest.mark.parametrize(
    ("reason", "at_least", "at_most"),
    [
        ("Minutely API request limit exceeded. Please try again in one minute.", 60, 90),
        ("Hourly API request limit exceeded. Please try again in the next hour.", 40 * 60, 41 * 60),
        ("Daily API request limit exceeded. Please try again tomorrow.", 13 * HOUR, 14 * HOUR),
        ("Too many concurrent requests", 60, 90),
    ],
)
def test_open_meteo_says_in_words_how_long_to_wait(clock, reason, at_least, at_most):
    limits = Limits()
    reply = stand_in.open_meteo_error(reason)(Reply(200, {}, b""))
    with pytest.raises(Expected):
        fetch(Request("open-meteo/forecast", "http://x"), Scripted(reply), limits, clock, deadline_s=5)
    assert at_least <= limits["open-meteo/forecast"][1] - NOW <= at_most


def test_a_refusal_says_the_providers_reason_and_never_the_key(clock):
    reply = stand_in.open_meteo_error("Parameter 'start_date' is out of allowed range", 400)(Reply(200, {}, b""))
    with pytest.raises(Expected, match="out of allowed range") as caught:
        fetch(Request("open-meteo/forecast", "http://x", {"apikey": "SECRET"}), Scripted(reply), Limits(), clock)
    assert "SECRET" not in str(caught.value)


@pytest.mark.gate(
    "E1", "Limits of the sources over restarts", target="20 restarts: never < 60 s apart for a dataset, never before Retry-After"
)
def test_no_restart_asks_a_dataset_too_early(server, clock, tmp_path, gate):
    live, until, answered = sources.live(server.config(backfill_days=5)), [], 0
    chance = random.Random(1)

    def refuse(in_words):
        def fault(_):
            wait_s = chance.randrange(100, 400)
            until.append((clock.now(), clock.now() + wait_s))
            return stand_in.status(429, retry_after=in_words(wait_s))(_)

        return fault

    for restart in range(20):
        if restart % 5 == 2:
            server.faults[LOAD] = [refuse(str if restart % 10 == 2 else lambda wait_s: formatdate(clock.now() + wait_s))]
        writer = Writer(tmp_path / "lastvagt.sqlite")
        reader = Reader(writer.path)
        answered += "new" in str(pipeline.ingest(writer, reader, live, HttpTransport(), clock).detail)
        reader.close()
        writer.close()
        clock.sleep(chance.randrange(1, 60))
    gaps = {name: min((b - a for a, b in itertools.pairwise(calls)), default=DAY) for name, calls in server.calls.items()}
    early = [t for begin, end in until for t in server.calls[LOAD] if begin < t < end]
    gate(
        f"{sum(map(len, server.calls.values()))} questions to {len(gaps)} datasets over 20 restarts, at least {min(gaps.values())} s "
        f"apart; {len(early)} before one of {len(until)} Retry-After was over"
    )
    assert min(gaps.values()) >= 60
    assert not early
    assert len(until) == 4
    assert answered >= 15


@pytest.mark.parametrize("mode", ["differentiated", "strict", "legacy"])
def test_an_hour_of_impatience_meets_every_limit_regime(clock, mode):
    with stand_in.Upstream(clock, limits=mode) as server:
        limits, answered = Limits(), 0
        while clock.now() < NOW + HOUR:
            try:
                ask(server, clock, limits, deadline_s=30)
                answered += 1
            except Expected:
                clock.sleep(20)
        calls = server.calls[LOAD]
        assert min(b - a for a, b in itertools.pairwise(calls)) >= 60
        assert answered >= (20 if mode == "differentiated" else 40)


def test_a_clock_set_back_does_not_lock_a_dataset(clock):
    limits = Limits({"x/y": (NOW + 30.0 * DAY, NOW + 40.0 * DAY)})
    with pytest.raises(Expected):
        fetch(Request("x/y", "http://x"), Scripted(Reply(200, {}, b"[1]")), limits, clock, deadline_s=5)
    clock.sleep(61)
    assert fetch(Request("x/y", "http://x"), Scripted(Reply(200, {}, b"[1]")), limits, clock, deadline_s=5) == b"[1]"


def test_a_retired_dataset_that_still_answers_is_told_from_its_title(server, clock):
    server.retired = True
    server.always[LOAD] = stand_in.no_records
    with pytest.raises(Expected, match="retired"):
        ask(server, clock)


@pytest.mark.parametrize("answer", [None, stand_in.status(204)])
def test_a_dataset_the_catalogue_does_not_list_is_renamed_or_unknown(server, clock, answer):
    server.unknown = True
    if answer:
        server.always[LOAD] = answer
    with pytest.raises(Expected, match="renamed or unknown"):
        ask(server, clock)


def test_a_missing_dataset_without_a_catalogue_is_told_plainly(server, clock):
    server.always[LOAD] = stand_in.status(404, "dataset not found")
    server.always[stand_in.CATALOGUE] = stand_in.status(500)
    with pytest.raises(Expected, match="does not serve this dataset"):
        ask(server, clock)
    assert clock.now() - NOW <= 90


_MEASURED = """
import re, sys, time
from engine.clock import SystemClock
from engine.domain import Expected
from engine.sources import connecting
from engine.sources.fetch import HttpTransport, Request, fetch
class Limits(dict):
    def fetch_limit(self, dataset): return self.get(dataset, (0.0, 0.0))
    def set_fetch_limit(self, dataset, *limit): self[dataset] = limit
peak = lambda: int(re.search("VmHWM:\\s*(\\d+) kB", open("/proc/self/status").read())[1]) / 1e3
try:
    fetch(Request("x/y", sys.argv[1] + "/small"), HttpTransport(), Limits(), SystemClock(), 5)
except Expected:
    pass
before, begun = peak(), time.monotonic()
try:
    fetch(Request("x/z", sys.argv[1] + "/large"), HttpTransport(), Limits(), SystemClock(), 30)
except Expected as problem:
    print(f"{peak() - before:.1f} {time.monotonic() - begun:.1f} {problem.problem}")
"""


@pytest.mark.gate("E2", "Memory bombs", target="1 GB in a small answer: told within 90 s, memory grows by at most 50 MB")
@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a child's memory is read from /proc")
@pytest.mark.parametrize("fault", ["gzip bomb", "gzip bomb in a redirect", "gzip and no end"])
def test_a_gigabyte_in_a_small_answer_is_never_held(clock, gate, fault):
    status = 302 if "redirect" in fault else 200
    packed = Reply(status, {"content-encoding": "gzip", "location": "http://127.0.0.1:9/"}, faults.bomb(1000))
    spoil = (lambda connection, *_: connection.sendall(faults.answer(packed))) if "bomb" in fault else faults.FAULTS[fault].write

    def write(connection, reply, proxy):
        if proxy.calls["/large"]:
            spoil(connection, reply, proxy)
        else:
            connection.sendall(faults.answer(reply))

    with faults.Proxy(clock) as proxy:
        proxy.fault = faults.Fault(write)
        child = subprocess.run(
            [sys.executable, "-c", _MEASURED, proxy.url], capture_output=True, text=True, timeout=120, check=True
        )
    grown, seconds, problem = child.stdout.split(maxsplit=2)
    gate(f"{fault}: {grown} MB more, told after {seconds} s")
    assert problem
    assert float(grown) <= 50
    assert float(seconds) <= 90


@pytest.mark.gate(
    "E2", "Hostile Retry-After", target="A fetch ends within 90 s, and the dataset is left alone for a minute to an hour"
)
def test_no_retry_after_binds_for_ever(clock, gate):
    values = [
        "-1",
        "0",
        "1e10",
        "9999999999",
        "9" * 30,
        "soon",
        "NaN",
        "inf",
        "",
        "\u0663",
        formatdate(NOW - DAY),
        formatdate(2**34),
        "0x10",
    ]
    waits, spent = [], []
    for value in values:
        clock.set(NOW)
        limits = Limits()
        with pytest.raises(Expected):
            fetch(Request("x/y", "http://x"), Scripted(Reply(429, {"retry-after": value}, b"")), limits, clock)
        spent.append(clock.now() - NOW)
        waits.append(limits["x/y"][1] - clock.now())
    gate(
        f"{len(values)} values: fetches end within {max(spent)} s; datasets are left alone for {min(waits):.0f} to {max(waits):.0f} s"
    )
    assert max(spent) <= 90
    assert min(waits) >= 0
    assert max(waits) <= HOUR + 10


def test_a_body_that_trickles_ends_at_the_deadline():
    with stand_in.Upstream(SystemClock()) as server:
        server.always[LOAD] = stand_in.SLOW
        with pytest.raises(Expected, match="no whole answer in time"):
            ask(server, SystemClock(), deadline_s=1)


def test_nobody_there_is_told_plainly(clock):
    for url, problem in (("http://127.0.0.1:9/", "no connection"), ("http://nobody.invalid/", "address of its server")):
        with pytest.raises(Expected, match=problem):
            fetch(Request("x/y", url), HttpTransport(), limits := Limits(), clock)
        assert clock.now() == NOW
        assert limits["x/y"] == (NOW, 0.0)


def test_no_question_goes_past_a_proxy_that_cannot_be_used():
    with connecting.Deadline(5) as deadline, pytest.raises(requests.exceptions.InvalidProxyURL, match="not supported"):
        connecting.Adapter(deadline).proxy_manager_for("socks5h://127.0.0.1:9")


SECRET = "5e95fc18-55f9-4ab1-a2b3-4f1d7d0c9b1e"
ASKS = Request(
    "entsoe/x", "http://x/api", {"securityToken": SECRET}, manners=Manners(5, 600, b"_MarketDocument>", b"No matching")
)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(401, {}, f"Token {SECRET} is unknown".encode()),
        Reply(400, {}, f"<a>{' ' * 3000}<text>?securityToken={SECRET}</text></a>".encode()),
        Reply(404, {}, SECRET.encode()),
        Reply(429, {}, SECRET.encode()),
        Reply(200, {}, SECRET.encode()),
        Reply(500, {}, SECRET.encode()),
        ConnectionError("no connection"),
        Unreachable("no connection"),
    ],
)
def test_a_token_is_in_no_message_and_no_log(clock, reply, caplog):
    caplog.set_level(0)
    with pytest.raises(Expected) as caught:
        fetch(ASKS, Scripted(reply), Limits(), clock)
    assert SECRET[:8] not in f"{caught.value} {caught.value!r} {ASKS!r} {caplog.text}"


def test_even_a_broken_head_does_not_bring_the_url_into_the_log(caplog):
    """urllib3 warns of headers that it cannot read, with the whole URL."""
    caplog.set_level(0)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nnonsense without colon\r\nContent-Length: 2\r\n\r\n[]")

        thread = threading.Thread(target=answer)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/api"
        HttpTransport().send(Request("x/y", url, {"securityToken": SECRET}), 5.0)
        thread.join()
    assert SECRET not in caplog.text


def test_a_provider_has_its_own_turn_and_its_own_ban(clock):
    limits = Limits()
    whole = Reply(200, {}, b"<x_MarketDocument></x_MarketDocument>")
    for _ in range(3):
        fetch(ASKS, Scripted(whole), limits, clock)
    assert 10 <= clock.now() - NOW <= 12
    transport = Scripted(Reply(429, {}, b""), whole)
    with pytest.raises(Expected, match=r"left alone|fewer requests"):
        fetch(ASKS, transport, limits, clock)
    assert 600 <= limits["entsoe/x"][1] - clock.now() <= 610
    assert len(transport.sent) == 1
    clock.set(NOW)
    with pytest.raises(Expected):
        fetch(ASKS, Scripted(Reply(429, {"retry-after": "900"}, b"")), limits := Limits(), clock)
    assert limits["entsoe/x"][1] - NOW >= 900


def test_that_there_are_no_data_is_an_answer_whatever_its_status(clock):
    body = b"<Acknowledgement_MarketDocument>No matching data</Acknowledgement_MarketDocument>"
    for status in (200, 400):
        assert fetch(ASKS, Scripted(Reply(status, {}, body)), Limits(), clock) == body
    with pytest.raises(Expected, match=r"refuses the request \(400\): too much"):
        fetch(ASKS, Scripted(Reply(400, {}, b"<a><text>too much</text></a>")), Limits(), clock)
    with pytest.raises(Expected, match="broke off"):
        fetch(ASKS, Scripted(Reply(200, {}, body[:40])), Limits(), clock)


@given(
    st.integers(100, 599),
    st.binary(max_size=300),
    st.dictionaries(st.sampled_from(["retry-after", "content-type"]), st.text(max_size=20)),
)
def test_whatever_comes_back_only_expected_leaves_fetch(status, body, headers):
    clock = SimulatedClock(NOW)
    request = Request("x/y", "http://x", {"filter": "{}"}, catalogue="http://x/meta")
    with contextlib.suppress(Expected):
        fetch(request, Scripted(Reply(status, headers, body)), Limits(), clock)
    assert clock.now() - NOW <= 2 * 90
