"""What can be wrong with an installation, looked at one by one, each with what to do about it."""

from __future__ import annotations

import dataclasses
import email.utils
import platform
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import onnxruntime
import requests

from engine import __version__
from engine import clock as time
from engine.config import Config
from engine.domain import DAY, Expected
from engine.forecaster import Forecaster
from engine.store import Reader

_DISK_FAIL, _DISK_WARN = 500e6, 2e9
_CLOCK_S = 300
_REACH_S = 5.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `status` is ok, warn or fail; `remedy` is empty where nothing need be done."""

    subject: str
    status: str
    text: str
    remedy: str = ""


def examine(config: Config, clock: time.Clock, offline: bool = False) -> Iterator[Finding]:
    """Findings, one after the other as they are made; nothing is changed."""
    yield Finding("program", "ok", f"Lastvagt {__version__}, Python {platform.python_version()}, {platform.platform()}")
    yield Finding("libraries", "ok", f"numpy {np.__version__}, onnxruntime {onnxruntime.__version__}")
    checks: list[Callable[[], Iterator[Finding]]] = [
        _sqlite,
        lambda: _clock(clock),
        lambda: _folder(config),
        lambda: _database(config, clock),
        lambda: _models(config),
        lambda: _metered(config),
        lambda: _doors(config),
    ]
    if not offline and not config.simulated:
        checks.append(lambda: _upstreams(config, clock))
    for check in checks:
        try:
            yield from check()
        except Expected as problem:
            yield Finding("database", "fail", problem.problem, problem.remedy)


def wal_reset_fixed(version: tuple[int, ...]) -> bool:
    """Whether an SQLite has the repair of the WAL-reset bug (sqlite.org/wal.html#walresetbug): 3.51.3, 3.50.7, 3.44.6."""
    return version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)


def _sqlite() -> Iterator[Finding]:
    text = f"SQLite {sqlite3.sqlite_version}"
    if not wal_reset_fixed(sqlite3.sqlite_version_info):
        text += " (has the WAL-reset bug, which needs two writers at once; Lastvagt has one and lets nobody else write)"
    yield Finding("sqlite", "ok", text)


def _clock(clock: time.Clock) -> Iterator[Finding]:
    now = clock.now()
    moments = np.array([now, now + 182 * DAY], np.int64)
    zone = [time.local(t) for t in moments.tolist()]
    rules = time.local_day_hour(moments)[1].tolist()
    if [t.hour for t in zone] == rules:
        yield Finding("clock", "ok", f"{time.iso(now)}, in Denmark {zone[0]:%Y-%m-%d %H:%M}")
    else:
        yield Finding(
            "clock", "warn", "The zone data of this computer disagree with EU clock rules.", "Update the package tzdata."
        )


def _folder(config: Config) -> Iterator[Finding]:
    folder = config.data_dir
    while not folder.exists():
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            yield Finding("data folder", "ok", str(config.data_dir))
    except OSError as error:
        yield Finding(
            "data folder", "fail", f"{folder} cannot be written: {error.strerror}.", "Change its permissions, or use --data-dir."
        )
    free = shutil.disk_usage(folder).free
    status = "fail" if free < _DISK_FAIL else "warn" if free < _DISK_WARN else "ok"
    yield Finding("disk", status, f"{free / 1e9:.1f} GB free", "" if status == "ok" else "Free disk space; a year takes 0.15 GB.")


def _database(config: Config, clock: time.Clock) -> Iterator[Finding]:
    if not config.database.exists():
        yield Finding("database", "ok", "none yet; the first start makes one")
        return
    reader = Reader(config.database)
    try:
        damage = reader.damage()
        if damage:
            yield Finding("database", "fail", f"{config.database} is damaged: {damage}.", "Restore a copy; keep this file.")
        kind = "simulated" if reader.simulated else "real"
        yield Finding("database", "ok", f"{reader.size_bytes() / 1e6:.1f} MB of {kind} data")
        newest = max((state.newest_available for state in reader.series()), default=0)
        if newest > clock.now() + _CLOCK_S:
            yield Finding("clock", "warn", f"The newest data came {time.iso(newest)}, after now.", "Set this computer's clock.")
        engine = reader.engine()
        if engine is None:
            yield Finding("engine", "ok", "not running")
        elif clock.now() - engine.heartbeat > _CLOCK_S:
            heard = time.iso(engine.heartbeat)
            yield Finding(
                "engine", "warn", f"process {engine.pid} was last heard {heard}", "Start it again: lastvagt-engine run."
            )
        else:
            yield Finding("engine", "ok", f"process {engine.pid} serves http://{engine.host}:{engine.port}")
        for event in reader.events():
            yield Finding(event.subject, "warn", event.problem, event.remedy)
    finally:
        reader.close()


def _models(config: Config) -> Iterator[Finding]:
    found = [Forecaster(folder) for folder in (config.model_dir, config.own_model_dir)]
    for problem in (problem for forecaster in found for problem in forecaster.problems):
        yield Finding("models", "fail", problem.problem, problem.remedy)
    for bundle in (bundle for forecaster in found for bundle in forecaster.bundles):
        yield Finding("models", "ok", f"{bundle.model_id} ({bundle.tier}, {', '.join(sorted(bundle.areas))})")
    if not any(forecaster.bundles for forecaster in found):
        yield Finding("models", "warn", f"no bundle in {config.model_dir}; a lower tier is used", "Check the setting model_dir.")


def _doors(config: Config) -> Iterator[Finding]:
    """Whether who may come in is what the settings seem to say."""
    if (config.tls_certificate or config.tls_key) and not config.is_remote:
        yield Finding(
            "endpoint",
            "warn",
            f"A certificate is set, but the engine listens on {config.host} only, and speaks plain HTTP there.",
            "Set 'host' to an address of this machine to let others in, or take the certificate out of the settings.",
        )


def _metered(config: Config) -> Iterator[Finding]:
    """What is fetched of metered consumption and what could be, with what it takes."""
    for name in (field.name for field in dataclasses.fields(config) if field.name.startswith("fetch_")):
        yield Finding(name, "ok", f"{'on' if getattr(config, name) else 'off'}. {Config.help_of(name)}")


def _upstreams(config: Config, clock: time.Clock) -> Iterator[Finding]:
    grid = [config.entsoe_url] if config.entsoe_token else []
    for url in dict.fromkeys((config.energi_data_service_url, config.open_meteo_url, *grid)):
        try:
            answer = requests.head(url, timeout=_REACH_S)
        except requests.RequestException as error:
            yield Finding(
                "upstream", "fail", f"{url} cannot be reached ({type(error).__name__}).", "Check network, proxy and DNS."
            )
            continue
        yield Finding("upstream", "ok", f"{url} answers")
        date = email.utils.parsedate_to_datetime(answer.headers["Date"]) if "Date" in answer.headers else None
        if date is not None and abs(date.timestamp() - clock.now()) > _CLOCK_S:
            yield Finding("clock", "warn", f"{url} says it is {date:%Y-%m-%d %H:%M} UTC.", "Set this computer's clock.")
