"""Measures a backfill of a year of 98 municipalities from a stand-in at loopback speed, killed once and resumed.

make bench-backfill        (or: python tests/bench_backfill.py [--days 365]). Prints a table, writes out/bench-backfill.json.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import psutil

from engine import clock, geography
from engine.domain import DAY, HOUR
from engine.geography import Kind
from engine.store import Reader

DATASET = "PrivateConsumptionHeatingHour"
START = clock.local_midnight(clock.local(clock.parse_utc("2024-01-02")).date())
HOUSING = ("Parcel- og rækkehuse", "Etageejendom", "Fritidshuse", "Erhverv", "Andet")
HEATING = ("Elvarme eller varmepumpe", "Andet", "-")


def rows_of_an_hour() -> list[tuple[int, str, str]]:
    """Municipality, dwelling and heating of about 625 rows, as many as the publisher has."""
    pairs = [(housing, heating) for housing in HOUSING for heating in HEATING][:7]
    rows = [(int(code), *pair) for code in geography.of_kind(Kind.MUNICIPALITY) for pair in pairs]
    return [row for i, row in enumerate(rows) if i % 11]


class StandIn:
    """Energi Data Service on loopback, which holds nothing but the households of all municipalities."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        rows = rows_of_an_hour()
        self.rows_per_day = 24 * len(rows)
        self._hour = ",".join(
            f'{{"TimeUTC":"%(t)s","MunicipalityCode":{code},"HousingCategory":"{housing}","HeatingCategory":"{heating}",'
            f'"ConsumptionkWh":%(v{i % 50}).3f}}'
            for i, (code, housing, heating) in enumerate(rows)
        )
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                params = parse_qs(parts.query)
                stand_in.asked[params["start"][0]] += 1
                body = stand_in.answer(params["start"][0], params["end"][0])
                with contextlib.suppress(OSError):  # the client was killed
                    self.send_response(200)
                    self.send_header("content-length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def answer(self, start: str, end: str) -> bytes:
        hours = range(clock.parse_utc(f"{start}Z"), clock.parse_utc(f"{end}Z"), HOUR)
        texts = []
        for t in hours:
            level = 400 + 200 * np.sin(2 * np.pi * t / DAY) + np.random.default_rng(t).normal(0, 20, 50)
            texts.append(self._hour % {"t": clock.iso(t)[:19], **{f"v{i}": v for i, v in enumerate(level.tolist())}})
        total = len(texts) * self.rows_per_day // 24
        return f'{{"total":{total},"dataset":"{DATASET}","records":[{",".join(texts)}]}}'.encode()


def backfill(folder: Path, url: str, days: int) -> subprocess.Popen[bytes]:
    environment = os.environ | {
        "LASTVAGT_ENERGI_DATA_SERVICE_URL": url,
        "LASTVAGT_MIRROR": "true",
        "LASTVAGT_FETCH_MUNICIPALITIES": "true",
    }
    words = ["--from", clock.iso(START), "--to", clock.iso(START + days * DAY), "--only", DATASET, "--data-dir", str(folder)]
    return subprocess.Popen([sys.executable, "-m", "engine", "backfill", *words], env=environment, stdout=subprocess.DEVNULL)


def watch(process: subprocess.Popen[bytes], stand_in: StandIn, kill_at: int | None) -> tuple[float, float, float]:
    """Seconds until it ended or, after so many answers, was killed; MB it had when it first asked, and at its peak."""
    began, before, peak = time.perf_counter(), 0.0, 0.0
    answered = sum(stand_in.asked.values())
    while process.poll() is None:
        try:
            memory = psutil.Process(process.pid).memory_info().rss / 1e6
        except psutil.NoSuchProcess:
            break
        if sum(stand_in.asked.values()) == answered:
            before = memory
        peak = max(peak, memory)
        if kill_at is not None and len(stand_in.asked) >= kill_at:
            process.kill()
        time.sleep(0.01)
    return time.perf_counter() - began, before, peak


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--json", type=Path, default=Path("out/bench-backfill.json"))
    args = parser.parse_args()
    stand_in = StandIn()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        first_s, _, _ = watch(backfill(folder, stand_in.url, args.days), stand_in, args.days // 3)
        rest = backfill(folder, stand_in.url, args.days)
        rest_s, before_mb, peak_mb = watch(rest, stand_in, None)
        reader = Reader(folder / "lastvagt.sqlite")
        stored = reader.archive(START, START + args.days * DAY, quantities=["load"]).versions
        hours = sum(len(versions.valid_time) for versions in stored.values())
        lost = 98 * args.days * 24 - hours
        size_mb = reader.size_bytes() / 1e6
        reader.close()
    twice = sum(count - 1 for count in stand_in.asked.values())
    figures = [
        ("days", args.days, ""),
        ("rows sent", len(stand_in.asked) * stand_in.rows_per_day, ""),
        ("time until killed and to the end", first_s + rest_s, "s"),
        ("time for a year", (first_s + rest_s) * 365 / args.days, "s"),
        ("days asked for twice", twice, ""),
        ("memory before the first day", before_mb, "MB"),
        ("memory at its peak", peak_mb, "MB"),
        ("memory grown", peak_mb - before_mb, "MB"),
        ("hours stored", hours, ""),
        ("database for a year", size_mb * 365 / args.days, "MB"),
    ]
    for what, value, unit in figures:
        print(f"{what:36} {value:12,.1f} {unit}")
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps([dict(zip(("figure", "value", "unit"), row, strict=True)) for row in figures], indent=2))
    good = rest.returncode == 0 and twice <= 1 and lost == 0 and peak_mb - before_mb <= 200
    return 0 if good and (first_s + rest_s) * 365 / args.days <= 600 else 1


if __name__ == "__main__":
    sys.exit(main())
