"""Tokens stay where they belong: in the file of the engine's user, and nowhere that is written, shown or sent on."""

from __future__ import annotations

import base64
import gzip
import itertools
import os
import random
import stat
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import filled_store
import pytest
from wire import Wire, request, serving_port

from engine import access
from engine.clock import SystemClock
from engine.tokens import Right, Tokens

ROOT = Path(__file__).resolve().parent.parent
#: An engine in which one route fails, as routes do by mistake, in the middle of a request.
FAULTY = """
import sys
from engine import tables
from engine.__main__ import main
def fail(*_):
    raise RuntimeError("made to fail")
tables.storage = fail
sys.exit(main(["run", "--data-dir", sys.argv[1]]))
"""


def test_tokens_are_nowhere_but_in_their_file(tmp_path: Path) -> None:
    _search(tmp_path, 400, print)


@pytest.mark.long
@pytest.mark.gate(
    "A3",
    "Tokens that leak",
    target="10,000 requests, failing routes among them: 0 tokens in any log, database, answer, report or process",
)
def test_ten_thousand_requests_leave_no_token_behind(tmp_path: Path, gate: Callable[[str], None]) -> None:
    _search(tmp_path, 10_000, gate)


def _search(home: Path, count: int, gate: Callable[[str], object]) -> None:
    folder = filled_store.fill(home / "data", SystemClock().now(), days=1, learned=False, tso=False)
    named = {right: Tokens(folder).new(right.value, right, 0) for right in Right}
    settings = {"PORT": "0", "LOG_LEVEL": "DEBUG", "NETWORK": "false", "MODEL_DIR": str(home / "models")}
    surroundings = os.environ | {f"LASTVAGT_{name}": value for name, value in settings.items()}
    with (home / "out").open("wb") as out:
        engine = subprocess.Popen([sys.executable, "-c", FAULTY, str(folder)], cwd=ROOT, env=surroundings, stdout=out, stderr=out)
    try:
        port = serving_port(folder, engine.pid)
        own = access.read(folder)
        if os.name == "posix":
            modes = {stat.S_IMODE((folder / name).stat().st_mode) for name in ("engine.token", "tokens.json")}
            assert modes == {0o600}
        wrong = [f"{own[:-2]}{n:02d}" for n in range(40)]
        secrets = [own, *named.values(), *wrong]
        wire = Wire(port)
        replies = list(wire.ask_all(_requests(port, secrets, count)))
        reports = [
            wire.ask(_order(port, own, "/v1/support")).body,
            gzip.decompress(wire.ask(_get(port, own, "/v1/replica")).body),
        ]
        wire.close()
        told = subprocess.run(
            [sys.executable, "-m", "engine", "support", "--data-dir", str(folder)],
            cwd=ROOT, env=surroundings, capture_output=True, check=False,
        )  # fmt: skip
        places = {"support": told.stdout + told.stderr, "answers": b"\n".join(reply.body for reply in replies)}
        places |= {f"report {n}": report for n, report in enumerate(reports)}
        places |= {str(path): path.read_bytes() for path in _files(folder) if path.name != "engine.token"}
        if sys.platform == "linux":
            for path in (*Path("/proc").glob("[0-9]*/cmdline"), Path(f"/proc/{engine.pid}/environ")):
                try:
                    places[str(path)] = path.read_bytes()
                except OSError:  # it has ended
                    continue
    finally:
        engine.terminate()
        engine.wait(30)
    places |= {f"{path}, stopped": path.read_bytes() for path in (*_files(folder), home / "out")}
    hits = [place for place, held in places.items() for secret in secrets if any(form in held for form in _forms(secret))]
    statuses = Counter(reply.status for reply in replies)
    size = sum(map(len, places.values()))
    gate(
        f"{len(replies):,} requests, {statuses[500]:,} of them failed inside, {size / 1e6:.0f} MB in {len(places)} places: {len(hits)} hits"
    )
    assert statuses[500] > count / 20
    assert statuses[200] > count / 20
    assert statuses[401] + statuses[429] > count / 20
    assert b"made to fail" in b"".join(held for place, held in places.items() if "engine.log" in place)
    assert not hits
    assert not (folder / "engine.token").exists()


def _requests(port: int, secrets: list[str], count: int) -> list[bytes]:
    """Requests with right and wrong tokens, in the header and in places where people put them by mistake."""
    chance = random.Random(7)
    reads = ("/health", "/v1/storage", "/v1/storage", "/v1/jobs", "/v1/forecast?area=DK1", "/v1/access", "/metrics", "/nowhere")
    orders = ("/v1/models/rollback", "/v1/quarantine/accept", "/v1/settings/change", "/v1/kits/import", "/v1/nowhere")
    made = []
    for n, token in zip(range(count), itertools.cycle(secrets[:3] * 8 + secrets), strict=False):
        match n % 8:
            case 0:
                made.append(_order(port, token, chance.choice(orders)))
            case 1:
                made.append(request("GET", f"{chance.choice(reads).partition('?')[0]}?token={token}", f"Host: localhost:{port}"))
            case 2:
                where = chance.choice(
                    ("X-Token", "Cookie", "Referer", "Authorization", "User-Agent", "If-None-Match", "Proxy-Authorization")
                )
                made.append(request("GET", chance.choice(reads), f"Host: localhost:{port}", f"{where}: {token}"))
            case 3:
                made.append(request("GET", f"/{token}", f"Host: localhost:{port}", f"Authorization: Basic {token}"))
            case _:
                made.append(_get(port, token, chance.choice(reads)))
    return made


def _get(port: int, token: str, path: str) -> bytes:
    return request("GET", path, f"Host: localhost:{port}", f"Authorization: Bearer {token}")


def _order(port: int, token: str, path: str) -> bytes:
    head = (f"Host: localhost:{port}", f"Authorization: Bearer {token}", "Content-Type: application/json")
    return request("POST", path, *head, body=b"{}")


def _forms(secret: str) -> tuple[bytes, ...]:
    plain = secret.encode()
    return plain, base64.b64encode(plain).rstrip(b"="), secret.encode("utf-16-le"), plain.hex().encode()


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
