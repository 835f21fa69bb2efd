"""Names and figures of a trouble in the user's language: from the engine's words, which are English, or from what is on screen."""

from __future__ import annotations

import datetime as dt
import re

from app.present.scale import scale_of
from app.snapshot import Snapshot
from app.translations import Language
from engine import clock, geography
from engine.domain import Consumer
from engine.store.reader import Event

_PROVIDERS = {"energidataservice": "Energi Data Service", "open-meteo": "Open-Meteo", "entsoe": "ENTSO-E"}
#: As `engine.peaks`, `engine.drift`, `engine.demotion`, `engine.store.kits` and `engine.diskguard` word them.
_PEAK = re.compile(r"may exceed (?P<limit>\S+) MWh: (?P<percent>\d+) % for (?P<date>\S+) (?P<hour>\d\d)–\d\d Danish time")
_DRIFT = re.compile(r"are (?P<error>\S+) % of the load over seven days; (?P<usual>\S+) % is usual, (?P<limit>\S+) % the limit")
_KIT = re.compile(r"newest kit is (?P<days>\d+) days old(, and one usually comes every (?P<usual>\d+) days)?")
_WORSE = re.compile(r"Over (?P<days>\d+) days its errors for (?P<area>\S+) were (?P<percent>\d+) % larger")

_WAITING = re.compile(r"(?P<count>\d+) hourly issues wait in memory")


def name(subject: str, language: Language) -> str:
    """Who or what a trouble is about: a consumer and a provider by their names, the rest as the engine names it."""
    provider, _, dataset = subject.partition("/")
    if provider in _PROVIDERS:
        return f"{_PROVIDERS[provider]} ({dataset})" if dataset else _PROVIDERS[provider]
    area, _, consumer_type = subject.replace("/", " ").partition(" ")
    if area not in geography.AREAS:
        return subject
    return geography.title(Consumer(area, consumer_type or "total"), language.code)


def percent(event: Event) -> int:
    """How probable the peak is that it warns of; 0 for any other trouble."""
    found = _PEAK.search(event.problem)
    return int(found["percent"]) if found else 0


def told(event: Event, language: Language) -> str:
    """How large a peak or a drift is, how old a kit, how many issues wait; nothing for other troubles, and where the sentence is worded another way."""
    if peak := _PEAK.search(event.problem):
        limit, hour = float(peak["limit"]), _local_hour(peak["date"], int(peak["hour"]))
        return language.text(
            "facts.peak",
            percent=language.quantity(int(peak["percent"]), "%"),
            limit=scale_of(limit).quantity(limit, language),
            time=f"{language.date(hour)} {language.hour_span(hour)}",
        )
    if drift := _DRIFT.search(event.problem):
        return language.text(
            "facts.drift", **{name: language.quantity(float(part), "%", 1) for name, part in drift.groupdict().items()}
        )
    if worse := _WORSE.search(event.problem):
        key = "facts.gave_back" if event.code == "rollback" else "facts.worse"
        percent = language.quantity(int(worse["percent"]), "%")
        return language.text(key, days=worse["days"], area=name(worse["area"], language), percent=percent)
    if kit := _KIT.search(event.problem):
        return language.text("facts.kit_usual" if kit["usual"] else "facts.kit", **kit.groupdict(""))
    if waiting := _WAITING.search(event.problem):
        return language.text("facts.waiting", **waiting.groupdict())
    return ""


def shown(event: Event, snapshot: Snapshot, language: Language, now: int) -> str:
    """How old what a source has given is; nothing where that is not known."""
    provider, _, dataset = event.subject.partition("/")
    if event.code == "stalled":
        late = [lag for lag in snapshot.lags.values() if lag.source == event.subject and lag.stalled_since is not None]
        worst = max(late, key=lambda lag: lag.lag_s, default=None)
        if worst is not None and worst.usual_s is not None:
            ages = {"age": language.duration(worst.lag_s), "usual": language.duration(worst.usual_s)}
            return language.text("facts.stalled", **ages)
    if event.code == "source":
        # Energi Data Service has many datasets under one name, of which those that come late have their own.
        names = {dataset} if provider == "energidataservice" else {provider}
        ages_s = [state.age_s(now) for state in snapshot.series if state.source in names]
        if ages_s:
            return language.text("facts.source", age=language.duration(min(ages_s)))
    return ""


def _local_hour(date: str, hour: int) -> int:
    """The hour of a Danish day; of two that are alike the first."""
    return clock.local_time(dt.date.fromisoformat(date), hour)
