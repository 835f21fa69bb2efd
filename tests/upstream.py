"""A stand-in for Energi Data Service, Open-Meteo and ENTSO-E on loopback: their answers, limits, quirks and faults, on an injected clock."""

from __future__ import annotations

import dataclasses
import gzip
import json
import threading
import zlib
from collections import defaultdict
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from engine.clock import Clock
from engine.config import Config
from engine.sources.fetch import Reply, Request
from engine.sources.simulated import SimulatedUpstream

#: Requests allowed and the window in seconds, per (IP, dataset); `legacy` counts all datasets together.
LIMITS = {"strict": (1, 60), "differentiated": (2, 300), "legacy": (40, 10), "none": (10**9, 1)}
LOAD = "GenerationProdTypeExchange"
CATALOGUE = "meta"
WEATHER = "weather"
LOAD_FORECAST = "load_forecast"
#: The security token that ENTSO-E's stand-in accepts.
TOKEN = "5e95fc18-55f9-4ab1-a2b3-4f1d7d0c9b1e"

Fault = Callable[[Reply], Reply]


def status(code: int, text: str = "", **headers: str) -> Fault:
    """Any other answer; header names are written with underscores."""
    return lambda _: Reply(code, {k.replace("_", "-"): v for k, v in headers.items()}, text.encode())


def too_many(seconds: object) -> Fault:
    """Energi Data Service's refusal, as its gateway words it."""
    text = json.dumps({"statusCode": 429, "message": f"Rate limit is exceeded. Try again in {seconds} seconds."})
    return status(429, text, retry_after=str(seconds))


def open_meteo_error(reason: str, code: int = 429) -> Fault:
    return status(code, json.dumps({"error": True, "reason": reason}))


def no_matching_data(code: int) -> Fault:
    """ENTSO-E's way to say that it has nothing, which comes with either status."""
    text = "<Reason><code>999</code><text>No matching data found for Data item X [6.1.B].</text></Reason>"
    return status(code, f"<Acknowledgement_MarketDocument>{text}</Acknowledgement_MarketDocument>")


def no_records(reply: Reply) -> Reply:
    """200 with an envelope that holds nothing, for data that exist."""
    return Reply(200, reply.headers, json.dumps({**json.loads(reply.body), "total": 0, "records": []}).encode())


def each_record(change: Callable[[dict], dict | None]) -> Fault:
    """Change or (None) drop rows of an Energi Data Service answer."""

    def fault(reply: Reply) -> Reply:
        envelope = json.loads(reply.body)
        kept = [changed for record in envelope["records"] if (changed := change(record)) is not None]
        return Reply(200, reply.headers, json.dumps({**envelope, "total": len(kept), "records": kept}).encode())

    return fault


def mid_stream_text(reply: Reply) -> Reply:
    """Open-Meteo's way to fail after it has begun to answer."""
    half = reply.body[: len(reply.body) // 2]
    return Reply(200, reply.headers, half + b"Unexpected error while streaming data: timeoutReached")


def bomb(reply: Reply) -> Reply:
    """A small answer that inflates to 200 MB."""
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    packed = b"".join(packer.compress(b" " * 1_000_000) for _ in range(200))
    return Reply(200, {"content-encoding": "gzip"}, packed + packer.flush())


#: Faults of the connection instead of the answer.
TRUNCATED, SLOW, RESET, REDIRECT = "truncated", "slow", "reset", "redirect"


@dataclasses.dataclass
class _DataClock:
    """The time up to which data exist: the clock's, or a moment at which publication froze."""

    clock: Clock
    frozen_at: int | None = None

    def now(self) -> int:
        return self.clock.now() if self.frozen_at is None else min(self.clock.now(), self.frozen_at)

    def sleep(self, seconds: float) -> None:
        self.clock.sleep(seconds)


class Upstream:
    """Serves while used as a context manager. `faults[dataset]` are consumed a request each, `always[dataset]` stay."""

    def __init__(self, clock: Clock, limits: str = "strict", seed: int = 1) -> None:
        self.clock = clock
        self.limits = limits
        self.blocks_filter = False  # the firewall rule of 2026-08-05
        self.retired = False  # only the title says so; the old rows are still served
        self.unknown = False  # renamed or deleted
        self.calls: dict[str, list[int]] = defaultdict(list)
        self.agents: set[str] = set()
        self.ahead_s = 0  # what its replies say of the time, beside the clock
        self.faults: dict[str, list[Fault | str | None]] = defaultdict(list)
        self.always: dict[str, Fault] = {}
        self._granted: dict[tuple[str, str], list[int]] = defaultdict(list)
        self._data_clock = _DataClock(clock)
        self._answers = SimulatedUpstream(self._data_clock, seed)
        self._lock = threading.Lock()
        self._ended = threading.Event()

    def freeze(self, moment: int | None) -> None:
        """Nothing is published after `moment`."""
        self._data_clock.frozen_at = moment

    def config(self, **settings: object) -> Config:
        """Settings whose services are this server."""
        names = [field.name for field in dataclasses.fields(Config) if field.name.endswith("_url")]
        return Config(**dict.fromkeys(names, self.url), **settings)

    def __enter__(self) -> Upstream:
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                upstream._serve(self)

            def date_time_string(self, timestamp: float | None = None) -> str:
                return super().date_time_string(upstream.clock.now() + upstream.ahead_s if timestamp is None else timestamp)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        keys = {"dataset": parts.path.rpartition("/")[2], "meta": CATALOGUE, "api": LOAD_FORECAST}
        key = keys.get(parts.path.split("/")[1], WEATHER)
        params = dict(parse_qsl(parts.query))
        with self._lock:
            self.agents.add(handler.headers.get("User-Agent", ""))
            reply = self._limited(handler.client_address[0], key)
            self.calls[key].append(self.clock.now())
            fault = self.faults[key].pop(0) if self.faults[key] else self.always.get(key)
            if reply is None:
                reply = self._answer(parts.path, params)
                if callable(fault):
                    reply = fault(reply)
        headers = dict(reply.headers)
        body = reply.body
        if "gzip" in handler.headers.get("Accept-Encoding", "") and "content-encoding" not in headers:
            body = gzip.compress(body, 1)
            headers["content-encoding"] = "gzip"
        self._write(handler, reply.status, headers, body, fault)

    def _answer(self, path: str, params: dict[str, str]) -> Reply:
        if path.startswith("/dataset/") and self.blocks_filter and "filter" in params:
            return Reply(403, {}, b"Access has been blocked by application")
        if path.startswith("/dataset/") and self.unknown:
            return Reply(404, {}, f"dataset not found {path.rpartition('/')[2]}".encode())
        if path.startswith("/meta/dataset/") and self.unknown:
            return Reply(204, {}, b"")
        if path == "/api" and params.get("securityToken") != TOKEN:
            return Reply(401, {}, f"Unauthorized. Missing or invalid security token {params.get('securityToken')}".encode())
        reply = self._answers.send(Request("", path, params), 1.0)
        if path == "/meta/dataset" and self.retired:
            return Reply(200, reply.headers, reply.body.replace(b'"title": "', b'"title": "(Discontinued\n2026-01-06) '))
        if path == "/meta/dataset" and self.unknown:
            return Reply(200, reply.headers, reply.body.replace(LOAD.encode(), b"GenerationPerType"))
        return reply

    def _limited(self, address: str, key: str) -> Reply | None:
        """A refusal when the caller has used up its requests, else None."""
        allowed, window_s = LIMITS[self.limits]
        now = self.clock.now()
        mine = self._granted[(address, "" if self.limits == "legacy" else key)]
        mine[:] = [t for t in mine if t > now - window_s]
        if key in (WEATHER, LOAD_FORECAST) or len(mine) < allowed:
            mine.append(now)
            return None
        return too_many(mine[0] + window_s - now)(Reply(200, {}, b""))

    def _write(self, handler: BaseHTTPRequestHandler, code: int, headers: dict[str, str], body: bytes, fault: object) -> None:
        handler.close_connection = True
        if fault == RESET:
            return
        if fault == REDIRECT:
            code, headers = 302, {"location": handler.path}
        try:
            handler.send_response(code)
            for name, value in {**headers, "content-length": str(len(body)), "connection": "close"}.items():
                handler.send_header(name, value)
            handler.end_headers()
            if fault == TRUNCATED:
                handler.wfile.write(body[: len(body) // 2])
            elif fault == SLOW:
                for i in range(len(body)):
                    handler.wfile.write(body[i : i + 1])
                    if self._ended.wait(0.05):
                        return
            else:
                handler.wfile.write(body)
        except OSError:
            pass  # the client hung up, as it should on a slow or endless answer
