"""What a person who helps needs to know of an installation, as one text that can be read before it is sent."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import platform
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from engine import __version__, access, clock, doctor, lag, settings, timetable
from engine.clock import Clock
from engine.config import Config, Outside, is_secret
from engine.domain import DAY, HOUR, Expected
from engine.store import Reader

#: Lines of the log's end, and bytes that are read for them.
_LOG_LINES, _LOG_BYTES = 200, 200_000
_RUNS, _EVENTS, _ISSUES = 25, 25, 12
_MEGABYTE = 1e6

_PATTERNS = (
    # What follows a word that announces a secret, in a URL, a header, a setting or a sentence.
    (re.compile(r"(?i)\b((?:security_?token|api_?key|token|key|password|secret)[\"']?\s*[=:]\s*[\"']?)[^\s\"'&,;)]+"), r"\1***"),
    (re.compile(r"(?i)\b(bearer\s+)[A-Za-z0-9._~+/=-]+"), r"\1***"),
    (re.compile(r"(?i)\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b"), "<uuid>"),
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "<mail>"),
    (re.compile(r"(https?://)[^/\s@]+@"), r"\1***@"),
)


def text(outside: Outside, time: Clock) -> str:
    """The text: versions, settings, findings, jobs, troubles, lags, sizes and the end of the log, with secrets and names covered."""
    config, now = outside.config(), time.now()
    sections: list[tuple[str, Callable[[], Iterable[str]]]] = [
        ("settings", lambda: _settings(outside)),
        ("doctor, offline", lambda: (f"{f.status:4}  {f.check}: {f.text}" for f in doctor.examine(outside, time, offline=True))),
        *((name, functools.partial(_read, config, tell, now)) for name, tell in _FROM_DATABASE.items()),
        ("end of engine.log", lambda: _log(config.data_dir / "engine.log")),
    ]
    lines = [
        f"Lastvagt {__version__}, support text of {clock.iso(now)}",
        f"Python {platform.python_version()}, {platform.platform()}, {os.cpu_count()} processors",
    ]
    for title, tell in sections:
        lines += ["", f"== {title}"]
        try:
            lines += tell()
        except Expected as trouble:
            lines.append(f"{trouble.problem} {trouble.remedy}")
    return covered("\n".join(lines), _private(config)) + "\n"


def covered(words: str, private: Iterable[tuple[str, str]] = ()) -> str:
    """Words without what `private` names (each with what stands in its place), keys, tokens and mail addresses."""
    for secret, instead in private:
        # A name counts as a whole word only: a user called `data` hides no `data_dir`.
        pattern = rf"(?<![\w]){re.escape(secret)}(?![\w])" if instead.startswith("<") else re.escape(secret)
        words = re.sub(pattern, lambda _, instead=instead: instead, words)  # type: ignore[misc]
    for known, instead in _PATTERNS:
        words = known.sub(instead, words)
    return words


def _private(config: Config) -> list[tuple[str, str]]:
    """What this installation keeps to itself, longest first: secrets, home folder, names of the user and the computer."""
    secrets = [str(getattr(config, f.name)) for f in dataclasses.fields(Config) if is_secret(f.name)]
    with contextlib.suppress(Expected):  # no engine runs
        secrets.append(access.read(config.data_dir))
    found = [(secret, "***") for secret in secrets if secret]
    found += [(str(Path.home()), "~")] if len(Path.home().parts) > 1 else []
    found += [(user, "<user>") for user in {access.user()} if user != "somebody"]
    found += [(name, "<host>") for name in {platform.node(), platform.node().partition(".")[0]} if name]
    return sorted(found, key=lambda pair: -len(pair[0]))


def _settings(outside: Outside) -> Iterator[str]:
    for each in settings.listed(outside):
        value = ("set" if each.kept else "not set") if each.kind == "secret" else each.value
        yield f"{each.name} = {value}" + ("" if each.place == "built_in" else f"   ({each.place})")


def _read(config: Config, tell: Callable[[Reader, int], Iterable[str]], now: int) -> list[str]:
    reader = Reader(config.database)
    try:
        return list(tell(reader, now))
    finally:
        reader.close()


def _storage(reader: Reader, now: int) -> Iterator[str]:  # noqa: ARG001 - all sections are asked alike
    space = reader.space()
    growth = space.growth_bytes_a_day
    yield f"database {space.database_bytes / _MEGABYTE:.1f} MB, unused {space.unused_bytes / _MEGABYTE:.1f} MB"
    yield f"write-ahead log {space.log_bytes / _MEGABYTE:.1f} MB, free on the disk {space.free_bytes / _MEGABYTE:.0f} MB"
    yield "growth unknown" if growth is None else f"growth {growth / _MEGABYTE:.2f} MB a day"
    yield f"{space.issues} issues" + ("" if space.oldest_issue is None else f" since {clock.iso(space.oldest_issue)}")
    yield "simulated data" if reader.simulated else "real data"


def _jobs(reader: Reader, now: int) -> Iterator[str]:
    for state in timetable.jobs(reader, now):
        last = f"{clock.iso(state.runs[0].started_at)} {state.runs[0].status}" if state.runs else "never"
        following = f"after {state.rhythm.after}" if state.next_time is None else clock.iso(state.next_time)
        yield f"{state.job}: last {last}, usually {state.usual_s} s, next {following}"


def _runs(reader: Reader, now: int) -> Iterator[str]:  # noqa: ARG001
    for run in reader.job_runs(limit=_RUNS):
        took = run.finished_at - run.started_at
        yield f"{clock.iso(run.started_at)} {run.job} {run.status} {took} s {run.problem} {dict(run.detail)}"


def _issues(reader: Reader, now: int) -> Iterator[str]:  # noqa: ARG001
    for issue in reader.issues(limit=_ISSUES):
        yield f"{clock.iso(issue.issue_time)} {issue.area} {issue.consumer_type} {issue.tier} {issue.reason} {issue.model_id}"


def _events(reader: Reader, now: int) -> Iterator[str]:  # noqa: ARG001
    for event in reader.events(open_only=False, limit=_EVENTS):
        until = "open" if event.until is None else clock.iso(event.until)
        yield f"{clock.iso(event.since)} - {until} {event.code} {event.subject}: {event.problem}"


def _lags(reader: Reader, now: int) -> Iterator[str]:
    """Of each source the load that is furthest behind."""
    worst: dict[str, lag.Lag] = {}
    for each in lag.measure(reader, now):
        if each.source not in worst or each.lag_s > worst[each.source].lag_s:
            worst[each.source] = each
    for source, each in worst.items():
        usual = "unknown" if each.usual_s is None else f"{each.usual_s // HOUR} h"
        age = f"{each.lag_s // HOUR} h" if each.lag_s < 3 * DAY else f"{each.lag_s // DAY} days"
        yield f"{source}: {age} old at {each.consumer.area} {each.consumer.consumer_type}, usually {usual}, {each.holes} holes"


_FROM_DATABASE: Mapping[str, Callable[[Reader, int], Iterable[str]]] = {
    "storage": _storage,
    "jobs": _jobs,
    "runs": _runs,
    "issues": _issues,
    "events": _events,
    "lags": _lags,
}


def _log(path: Path) -> list[str]:
    if not path.exists():
        return ["There is none."]
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _LOG_BYTES))
        return file.read().decode("utf-8", "replace").splitlines()[-_LOG_LINES:]
