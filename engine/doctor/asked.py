"""Whether the sources can be reached, step by step: name, proxy, connection, TLS, HTTP; and what they say of the time."""

from __future__ import annotations

import email.utils
import os
import re
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from engine import clock
from engine.config import Config
from engine.doctor.finding import Finding, fail, ok, warn

_REACH_S = 5.0
#: Seconds by which this computer's clock may differ from the sources'.
_APART_S = 60
#: What OpenSSL calls a certificate whose authority it does not know (18, 19, 20), and one that holds at another time (9, 10).
_STRANGE, _UNTIMELY = (18, 19, 20), (9, 10)


@dataclass(frozen=True, slots=True)
class Reached:
    """What came of asking a source; `ahead_s` is how much this computer's clock is ahead of the source's, where that is told."""

    finding: Finding
    ahead_s: float | None = None


def findings(config: Config, now: clock.Clock) -> Iterator[Finding]:
    """Every configured source, asked at the same time, then the clock beside theirs."""
    if config.is_offline:
        yield ok("source.off", "no network by settings: no source is asked, data come by kit")
        return
    urls = [config.energi_data_service_url, config.open_meteo_url, config.open_meteo_previous_runs_url]
    urls += [config.entsoe_url] if config.entsoe_token else []
    urls = list(dict.fromkeys(urls))
    yield from _proxies(urls)
    if not (trusted := _authorities()).exists():
        remedy = "Correct REQUESTS_CA_BUNDLE (or CURL_CA_BUNDLE), or take it away."
        yield fail("source.authority", f"There is no file of trusted authorities {trusted}.", remedy)
        return
    with ThreadPoolExecutor(len(urls)) as pool:
        reached = list(pool.map(lambda url: _reach(url, now), urls))
    yield from (each.finding for each in reached)
    apart = [each.ahead_s for each in reached if each.ahead_s is not None]
    if not apart:
        return
    worst = max(apart, key=abs)
    if abs(worst) > _APART_S:
        text = f"This computer's clock is {abs(worst):.0f} s {'ahead of' if worst > 0 else 'behind'} what the sources say."
        yield warn("clock.offset", text, "Set this computer's clock, or let a time service do it.")
    else:
        yield ok("clock.offset", f"within {abs(worst):.0f} s of what the sources say")


def _proxies(urls: list[str]) -> Iterator[Finding]:
    """Proxies that the environment names, without their passwords."""
    named = {_proxy(url) for url in urls}
    for proxy in sorted(filter(None, named)):
        direct = "" if all(named) else ", and some without one (NO_PROXY)"
        yield ok("source.proxy", f"sources are asked through {_covered(proxy)}{direct}")


def _proxy(url: str) -> str:
    return requests.utils.select_proxy(url, requests.utils.get_environ_proxies(url)) or ""


def _covered(url: str) -> str:
    return re.sub(r"//[^/@]*@", "//***@", url)


def _reach(url: str, now: clock.Clock) -> Reached:
    proxy = _proxy(url)
    parts = urlsplit(proxy if "//" in proxy else f"//{proxy}") if proxy else urlsplit(url)
    host, secure = parts.hostname or "", url.startswith("https:")
    port = parts.port or (3128 if proxy else 443 if secure else 80)
    began = time.monotonic()
    try:
        socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        text = f"{url}: the name {host} is not known here ({getattr(error, 'strerror', None) or error})."
        return Reached(fail("source.name", text, "Check the network and the name server (DNS) of this computer.", url))
    try:
        with socket.create_connection((host, port), _REACH_S) as connection:
            issuer = _issuer(connection, host) if secure and not proxy else ""
    except ssl.SSLError as error:
        return Reached(_untrusted(url, error))
    except OSError as error:
        why = "no answer in time" if isinstance(error, TimeoutError) else error.strerror or str(error)
        text = f"{url}: {'the proxy ' if proxy else ''}{host}:{port} cannot be reached ({why})."
        remedy = "Let it through the firewall, or name a proxy: HTTPS_PROXY=http://proxy.example.org:3128."
        return Reached(fail("source.connect", text, "Correct or take away HTTPS_PROXY." if proxy else remedy, url))
    return _ask(url, issuer, began, now)


def _authorities() -> Path:
    """The authorities that are trusted when data are fetched."""
    named = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    return Path(named or requests.utils.DEFAULT_CA_BUNDLE_PATH)


def _issuer(connection: socket.socket, host: str) -> str:
    """Who made the certificate of a source, which is checked as it is when data are fetched."""
    context, trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), _authorities()
    context.load_verify_locations(**{"capath" if trusted.is_dir() else "cafile": str(trusted)})
    with context.wrap_socket(connection, server_hostname=host) as wrapped:
        certificate: Mapping[str, Any] = wrapped.getpeercert() or {}
        names = {key: value for part in certificate.get("issuer", ()) for key, value in part}
        return f", {wrapped.version()}, certificate of {names.get('organizationName') or names.get('commonName', 'nobody')}"


def _untrusted(url: str, error: Exception) -> Finding:
    """TLS that did not come about, with its likely cause."""
    code = getattr(error, "verify_code", None)
    if code in _STRANGE:
        text = f"{url}: its certificate comes from an authority that is not known here, as that of a proxy which opens TLS."
        remedy = "Let the source through unopened, or name the proxy's authority: REQUESTS_CA_BUNDLE=/path/authority.pem."
        return fail("source.tls", text, remedy, url)
    if code in _UNTIMELY:
        text = f"{url}: its certificate does not hold at this time ({getattr(error, 'verify_message', '')})."
        return fail("source.tls", text, "Check this computer's clock; else the source must renew it.", url)
    why = getattr(error, "verify_message", "") or getattr(error, "reason", "") or type(error).__name__
    return fail("source.tls", f"{url}: no TLS ({why}).", "Check the address, and what stands between.", url)


def _ask(url: str, issuer: str, began: float, now: clock.Clock) -> Reached:
    try:
        answer = requests.head(url, timeout=_REACH_S)
    except requests.exceptions.ProxyError:
        text = f"{url}: the proxy lets nothing through to it."
        return Reached(fail("source.proxy", text, "Check name and password of HTTPS_PROXY, and what the proxy allows.", url))
    except requests.exceptions.SSLError as error:
        cause = next((each for each in _causes(error) if isinstance(each, ssl.SSLError)), error)
        return Reached(_untrusted(url, cause))
    except requests.RequestException as error:
        text = f"{url} does not answer HTTP ({type(error).__name__})."
        return Reached(fail("source.answer", text, "Check the address and what stands between; else wait.", url))
    took = 1000 * (time.monotonic() - began)
    date = email.utils.parsedate_to_datetime(answer.headers["Date"]) if "Date" in answer.headers else None
    ahead = None if date is None else now.now() - date.timestamp()
    text = f"{url} answers: HTTP {answer.status_code}{issuer}, {took:.0f} ms"
    if answer.status_code == requests.codes.proxy_authentication_required:
        finding = fail(
            "source.proxy", f"{text}.", "Give name and password of the proxy: HTTPS_PROXY=http://user:password@proxy.", url
        )
    elif answer.status_code >= requests.codes.internal_server_error:
        finding = warn("source.answer", f"{text}.", "It has a fault of its own; wait.", url)
    else:
        finding = ok("source.answer", text, url)
    return Reached(finding, ahead)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what it came from, which requests and urllib3 hide in each other."""
    yield error
    for inner in (*error.args, getattr(error, "reason", None), error.__cause__ or error.__context__):
        if isinstance(inner, BaseException) and inner is not error:
            yield from _causes(inner)
