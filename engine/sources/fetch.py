"""How a provider is asked politely and within bounds: one limit per dataset that outlives restarts, retries, deadlines, size caps."""

from __future__ import annotations

import dataclasses
import email.utils
import json
import logging
import math
import random
import re
import threading
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

import requests
import urllib3

from engine import __version__, pace
from engine.clock import Clock, floor_hour, iso
from engine.domain import DAY, HOUR, Expected
from engine.sources.connecting import Adapter, Deadline

log = logging.getLogger(__name__)
# Their warnings quote whole URLs, keys and tokens included.
for _name in ("urllib3.connection", "urllib3.connectionpool"):
    logging.getLogger(_name).setLevel(logging.ERROR)

TRIES = 3
#: A dataset is asked at most once in this time. One second over the minute, because the clock counts whole seconds.
TURN_S = 61
MAX_BODY_BYTES = 20_000_000
_READ_S = 60.0
#: Longest time one answer may keep a dataset blocked, whatever it says.
_MAX_BLOCK_S = DAY + HOUR
_MAX_RETRY_AFTER_S = HOUR
_REFUSED_S = 300
_JITTER_S = 5.0
#: Parameters that are secrets.
_SECRETS = ("apikey", "securityToken")


@dataclass(frozen=True, slots=True)
class Manners:
    """What is peculiar to a provider's interface."""

    turn_s: float = TURN_S  # a dataset is asked at most once in this time
    ban_s: float = TURN_S  # and left alone for this long after a 429 that does not say for how long
    ends_with: bytes = b""  # an answer that is not JSON is whole when it ends so
    no_data: bytes = b""  # an answer that holds this says that there are no data, whatever its status


@dataclass(frozen=True, slots=True)
class Request:
    """One question to a provider. `dataset` is the key of its limit; `params` may hold a key or token and are never shown."""

    dataset: str
    url: str
    params: Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False)
    expects_data: bool = True  # an answer without records is a fault
    backfill: bool = False  # hours the store is not believed to hold: they became known long before now
    catalogue: str = ""  # URL at which the provider lists its datasets
    manners: Manners = Manners()
    #: Name under which it is remembered when this was answered last, empty where that does not matter. An answer that came at or
    #: after `good_since` still holds, so the question need not be asked again.
    span: str = ""
    good_since: int = 0
    lag_s: int | None = None  # for a back-filled answer: how long after its day a value usually becomes known, where measured

    def without_filter(self) -> Request:
        """The same question without `filter`: the answer holds more rows, and `parse` drops them."""
        return dataclasses.replace(self, params={k: v for k, v in self.params.items() if k != "filter"})


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, inflated. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Unreachable(ConnectionError):
    """Nobody is there: the name is unknown, or nobody tells its address, or the connection is refused."""


class Transport(Protocol):
    """Sends one request. Raises `Unreachable` where nobody is there, another OSError when no whole answer came within
    `timeout_s`, Expected when it is too large."""

    def send(self, request: Request, timeout_s: float) -> Reply: ...


class Limits(Protocol):
    """Memory of when datasets were asked that outlives the process; `store.Writer` is one."""

    def fetch_limit(self, dataset: str) -> tuple[float, float]: ...

    def set_fetch_limit(self, dataset: str, last_call: float, blocked_until: float) -> None: ...


class HttpTransport:
    """The network."""

    def __init__(self, contact: str = "") -> None:
        agent = f"Lastvagt/{__version__}" + (f" (+{contact})" if contact else "")
        self._headers = {"User-Agent": agent, "Accept-Encoding": "gzip"}

    def send(self, request: Request, timeout_s: float) -> Reply:
        with Deadline(timeout_s) as deadline:
            try:
                reply = self._send(request, timeout_s, deadline)
            except OSError:
                deadline.check()
                raise
            deadline.check()  # an answer that does not say how long it is looks whole when it is cut
            return reply

    def _send(self, request: Request, timeout_s: float, deadline: Deadline) -> Reply:
        try:
            with _Session() as session:
                for scheme in ("https://", "http://"):
                    session.mount(scheme, Adapter(deadline))
                with session.get(
                    request.url, params=request.params, headers=self._headers, stream=True, timeout=min(_READ_S, timeout_s)
                ) as response:
                    headers = {name.lower(): value for name, value in response.headers.items()}
                    body = _read(response.raw, headers.get("content-encoding", "").lower())
                    return Reply(response.status_code, headers, body)
        except requests.exceptions.SSLError as error:
            raise ConnectionError("its certificate was not accepted") from error
        except requests.Timeout as error:
            raise TimeoutError("no answer in time") from error
        except requests.RequestException as error:
            reason = getattr(error.args[0] if error.args else None, "reason", None)
            if isinstance(reason, urllib3.exceptions.NameResolutionError):
                raise Unreachable("the address of its server is not to be found") from error
            refused = isinstance(reason, urllib3.exceptions.NewConnectionError)
            raise (Unreachable if refused else ConnectionError)("no connection") from error
        except (urllib3.exceptions.HTTPError, zlib.error) as error:
            raise ConnectionError("the answer broke off") from error


class _Session(requests.Session):
    """Follows no redirect: it may lead to a file, to another host or round in a circle, and each step is one more request.

    requests would even read and inflate the whole body of one that is not to be followed.
    """

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002 - wherever it leads
        return None


def _read(raw: urllib3.BaseHTTPResponse, encoding: str) -> bytes:
    """The body, inflated in small steps: neither a slow nor a highly compressed answer can cost more than the caps."""
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 16) if encoding in ("gzip", "x-gzip") else None
    body = bytearray()
    while chunk := raw.read1(65536, decode_content=False):
        body += inflate.decompress(chunk, MAX_BODY_BYTES + 1 - len(body)) if inflate else chunk
        if len(body) > MAX_BODY_BYTES:
            raise Expected(
                f"An answer is larger than {MAX_BODY_BYTES // 1_000_000} MB.", "Ask for a shorter period; nothing was stored."
            )
        if inflate and inflate.unused_data:
            raise zlib.error("something follows the gzip stream")
    if inflate and body and not inflate.eof:
        raise zlib.error("not one whole gzip stream")
    return bytes(body)


def decode(body: bytes, dataset: str) -> object:
    """The JSON value of a body; raw control characters inside strings are accepted, since a provider sends them.

    NaN, which is not JSON, and an object that names a thing twice are not: nobody could say which value is meant.
    """
    try:
        return json.loads(body.decode("utf-8-sig"), strict=False, parse_constant=_no_number, object_pairs_hook=_each_name_once)
    except (ValueError, RecursionError) as error:
        raise Expected(f"{dataset}: the answer is not JSON.", "Nothing to do; it is asked again later.") from error


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is not JSON")


def _each_name_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return members


def fetch(request: Request, transport: Transport, limits: Limits, clock: Clock, deadline_s: float = 90.0) -> bytes:
    """A body that is whole and holds what was asked for, within `deadline_s`; Expected for everything else."""
    deadline = clock.now() + deadline_s
    trouble = "it was asked less than a minute ago"
    for attempt in range(TRIES):
        pace.step()
        _take_turn(request, limits, clock, deadline, random.uniform(0, _JITTER_S * attempt), trouble)
        try:
            reply = transport.send(request, max(1.0, deadline - clock.now()))
        except Unreachable as error:
            # Waiting for a second try here would keep the other sources waiting too.
            raise Expected(f"{request.dataset}: {error}.", "Check the network, or wait; it is asked again soon.") from None
        except OSError as error:
            trouble = str(error)
            log.info("%s: %s; it is tried again in a minute.", request.dataset, trouble)
            continue
        if reply.status == 200 or (request.manners.no_data and request.manners.no_data in reply.body):
            trouble = _fault(request, reply.body)
            if not trouble:
                return reply.body
            if trouble == _EMPTY and request.catalogue:
                _refuse_if_retired(request, transport, limits, clock, deadline)
            if _says_wait(reply.body):
                _block(request, limits, clock, _wait_s(reply, clock.now()))
        elif reply.status == 429:
            trouble = "it wants fewer requests (429)"
            _block(request, limits, clock, _wait_s(reply, clock.now()) or request.manners.ban_s)
        elif reply.status == 401:
            raise Expected(
                f"{request.dataset}: the provider does not accept our key or token (401).",
                "Correct it in the settings (entsoe_token, open_meteo_api_key), or ask the provider for a new one.",
            )
        elif reply.status == 403 and "filter" in request.params:
            trouble = "it refuses the filter (403)"
            request = request.without_filter()
        elif reply.status == 403:
            trouble = "it refuses us (403)"
            _block(request, limits, clock, _REFUSED_S)
        elif 300 <= reply.status < 400:
            trouble = f"it sends us to {_host(reply.headers.get('location', ''))} ({reply.status}), where we do not follow"
        elif reply.status in (204, 404):
            _block(request, limits, clock, HOUR)
            _refuse_if_retired(request, transport, limits, clock, deadline)
            raise Expected(
                f"{request.dataset}: the provider does not serve this dataset now ({reply.status}).",
                "Look for news on the provider's site; it is asked again in an hour.",
            )
        elif 400 <= reply.status < 500 and reply.status not in (408, 411):
            raise Expected(
                f"{request.dataset}: the provider refuses the request ({reply.status}): {excerpt(request, reply.body)}.",
                "Its interface may have changed; look for a newer Lastvagt.",
            )
        else:
            trouble = f"it has a fault of its own ({reply.status})"
    raise Expected(f"{request.dataset}: {trouble}.", "Nothing to do; it is asked again at the next turn.")


_EMPTY = "it sent no data where there should be some"
#: One process asks at a time for its turn, so that two threads cannot both see a free dataset.
_turn = threading.Lock()


def _take_turn(request: Request, limits: Limits, clock: Clock, deadline: float, pause_s: float, trouble: str) -> None:
    """Wait until the dataset may be asked and note the call, or raise Expected when that is after the deadline."""
    dataset, turn_s = request.dataset, request.manners.turn_s
    earliest = clock.now() + pause_s
    while True:
        with _turn:
            now = clock.now()
            last_call, blocked_until = limits.fetch_limit(dataset)
            if last_call > now or blocked_until > now + _MAX_BLOCK_S:  # the computer's clock was set back meanwhile
                last_call, blocked_until = float(min(last_call, now)), min(blocked_until, now + turn_s)
                limits.set_fetch_limit(dataset, last_call, blocked_until)
            turn = max(earliest, last_call + turn_s, blocked_until)
            if turn <= now:
                limits.set_fetch_limit(dataset, now, blocked_until)
                return
        if turn >= deadline:
            why = "it wants to be left alone" if blocked_until >= turn and last_call + turn_s <= now else trouble
            raise Expected(f"{dataset}: {why}.", f"Nothing to do; it is asked again from {iso(int(turn) + 1)}.")
        clock.sleep(math.ceil(turn - now))


def _block(request: Request, limits: Limits, clock: Clock, wait_s: float) -> None:
    last_call, blocked_until = limits.fetch_limit(request.dataset)
    until = clock.now() + max(wait_s, TURN_S) + random.uniform(0, _JITTER_S)
    limits.set_fetch_limit(request.dataset, last_call, max(blocked_until, until))


def _wait_s(reply: Reply, now: int) -> float:
    """How long a provider asks us to wait: header, Energi Data Service's sentence, or Open-Meteo's reason. 0 if it does not say."""
    text = reply.body[:2000].decode("utf-8", "replace")
    waits = [_retry_after_s(reply.headers.get("retry-after", ""), now)]
    if match := re.search(r"again in (\d{1,12}) second", text):
        waits.append(float(match[1]))
    wait = min(max(waits), _MAX_RETRY_AFTER_S)
    if "in the next hour" in text:
        wait = floor_hour(now) + HOUR - now
    elif "again tomorrow" in text:
        wait = (now // DAY + 1) * DAY - now
    return wait


def _retry_after_s(text: str, now: int) -> float:
    """Seconds of a Retry-After header in either form; 0 for nonsense and for the past."""
    text = text.strip()
    if re.fullmatch(r"\d{1,12}", text):
        return float(text)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, TypeError, OverflowError, IndexError):
        return 0.0


def _host(location: str) -> str:
    """Where a redirect leads, without what its path and query may hold."""
    with suppress(ValueError):
        return urlsplit(location).hostname or "another address"
    return "another address"


def _says_wait(body: bytes) -> bool:
    return len(body) < 2000 and (b'"statusCode":429' in body.replace(b" ", b"") or b"limit exceeded" in body)


def _fault(request: Request, body: bytes) -> str:
    """Why a 200 answer is none, or an empty string."""
    if not body.strip():
        return "it sent an empty answer"
    if request.manners.ends_with:
        return "" if body.rstrip().endswith(request.manners.ends_with) else "its answer broke off or is another than asked for"
    try:
        answer = decode(body, request.dataset)
    except Expected:
        return "its answer broke off or is not JSON"
    if isinstance(answer, dict) and (answer.get("error") is True or "statusCode" in answer):
        return f"it sent an error: {excerpt(request, body)}"
    records = answer.get("records") if isinstance(answer, dict) else answer
    return _EMPTY if request.expects_data and records == [] else ""


def excerpt(request: Request, body: bytes) -> str:
    """The first words of an answer, without its tags and without the secrets that were asked with, should it repeat them."""
    text = body[:100_000].decode("utf-8", "replace")
    for secret in filter(None, map(request.params.get, _SECRETS)):
        text = text.replace(secret, "***")
    return " ".join(re.sub(r"<[^<>]*>", " ", text).split())[:200].rstrip(".")


def _refuse_if_retired(request: Request, transport: Transport, limits: Limits, clock: Clock, deadline: float) -> None:
    """Raise Expected when the provider's own list says that the dataset is retired or does not have its name."""
    if not request.catalogue:
        return
    name = request.dataset.rpartition("/")[2]
    listing = Request(request.dataset.partition("/")[0] + "/catalogue", request.catalogue)
    try:
        entries = decode(fetch(listing, transport, limits, clock, deadline - clock.now()), listing.dataset)
    except Expected:
        return  # the list only explains; without it the plain fault is told
    titles = [
        str(e.get("title", ""))
        for e in (entries if isinstance(entries, list) else [])
        if isinstance(e, dict) and str(e.get("datasetName", "")).casefold() == name.casefold()
    ]
    if any("discontinued" in title.lower() for title in titles):
        raise Expected(f"{request.dataset} is retired by its provider.", "Look for a newer Lastvagt that uses the successor.")
    if not titles and isinstance(entries, list) and entries:
        raise Expected(
            f"{request.dataset} is renamed or unknown: the provider's catalogue does not list it.",
            "Look for a newer Lastvagt that knows the new name.",
        )
