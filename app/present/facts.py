"""Names and figures of a trouble in the user's language: from the engine's words, which are English, or from what is on screen."""

from __future__ import annotations

import datetime as dt
import re

from app.present.scale import scale_of
from app.snapshot import Snapshot
from app.translations import TEXTS, Language
from engine import clock, geography
from engine.domain import DAY, HOUR, Consumer, Reason
from engine.store.reader import Event

_PROVIDERS = {"energidataservice": "Energi Data Service", "open-meteo": "Open-Meteo", "entsoe": "ENTSO-E"}
#: As `engine.peaks`, `engine.drift`, `engine.demotion`, `engine.store.kits`, `engine.diskguard`, `engine.timeguard`,
#: `engine.reconciler`, `engine.guesses`, `engine.recovery` and `engine.whole_days` word them.
_PEAK = re.compile(r"may exceed (?P<limit>\S+) MWh: (?P<percent>\d+) % for (?P<date>\S+) (?P<hour>\d\d)–\d\d Danish time")
_DRIFT = re.compile(r"are (?P<error>\S+) % of the load over seven days; (?P<usual>\S+) % is usual, (?P<limit>\S+) % the limit")
_KIT = re.compile(r"newest kit is (?P<days>\d+) days old(, and one usually comes every (?P<usual>\d+) days)?")
_LACKS = re.compile(r"(?P<missing>\d+) of the (?P<hours>\d+) hours of (?P<date>[\d-]+)")
_APART = re.compile(r"from (?P<twin>settled consumption|the grid operator's forecast) on (?P<dates>[\d-]+(, [\d-]+)*)")
_WORSE = re.compile(r"Over (?P<days>\d+) days its errors for (?P<area>\S+) were (?P<percent>\d+) % larger")
_WAITING = re.compile(r"(?P<count>\d+) hourly issues wait in memory")
_CLOCK = re.compile(r"clock is (?P<span>.+) (?P<way>ahead of|behind) what the sources say")
_PAUSE = re.compile(r"did not run for (?P<span>.+) until (?P<time>\S+):")
_SET = re.compile(r"clock was set (?P<way>forward|back) by (?P<span>.+) to (?P<time>\S+)\.")
_WITHDRAWN = re.compile(r"(?P<count>\d+) issues dated after")
_GUESSES = re.compile(r"More than (?P<count>\d+) wrong tokens within a minute")
_FREE = re.compile(r"(?P<free>\d+) MB are free on the disk")
_BACKUP = re.compile(r"the backup of (?P<time>\S+) took its place")
_LOST = re.compile(r"issues of (?P<count>\d+) hours, (?P<first>\S+) to (?P<last>[^\s.,]+)")
_SPAN = re.compile(r"(\d+) (days|h|min|s)")
_SECONDS = {"days": DAY, "h": HOUR, "min": 60, "s": 1}
#: How the job of a step is called, where not as the step.
_JOBS = {"maintain": "maintenance", "back_up": "backup"}


def name(subject: str, language: Language) -> str:
    """Who or what a trouble is about: a consumer and a provider by their names, the rest as the engine names it."""
    provider, _, dataset = subject.partition("/")
    if provider in _PROVIDERS:
        return f"{_PROVIDERS[provider]} ({dataset})" if dataset else _PROVIDERS[provider]
    area, _, consumer_type = subject.replace("/", " ").partition(" ")
    if area not in geography.AREAS:
        return subject
    return geography.title(Consumer(area, consumer_type or "total"), language.code)


def title(event: Event, language: Language) -> str:
    """What a trouble is, in a few words; of a kind that is not known, the engine's own."""
    key = f"event.{event.code}"
    if key not in TEXTS:
        return event.problem
    job = f"job.{_JOBS.get(event.subject, event.subject)}"
    return language.text(
        key, subject=language.text(job) if event.code == "job" and job in TEXTS else name(event.subject, language)
    )


def detail(event: Event, language: Language) -> str:
    """What there is to tell of a trouble beyond its title: figures, else the engine's own words; while it lasts also what it does and
    what to do."""
    text, code, lasts = language.text, event.code, event.until is None
    figures, known = told(event, language), f"event.{event.code}" in TEXTS
    parts = [figures or (text(f"effect.{code}") if lasts and f"effect.{code}" in TEXTS else "")]
    parts += [text(f"action.{code}") if lasts and f"action.{code}" in TEXTS else "" if known else event.remedy]
    parts += [text("facts.words", words=f"{event.problem} {event.remedy}".strip()) if known and not figures else ""]
    return " ".join(filter(None, parts))


def percent(event: Event) -> int:
    """How probable the peak is that it warns of; 0 for any other trouble."""
    found = _PEAK.search(event.problem)
    return int(found["percent"]) if found else 0


def told(event: Event, language: Language) -> str:
    """The figures of a trouble in a sentence; nothing where it has none, and where the engine words it another way."""
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
    if event.code == "tier":
        reason = next((each for each in Reason if each and each.sentence == event.problem), None)
        return language.text(f"reason.{reason.value}") if reason is not None else ""
    return _of_time(event, language) or _of_store(event, language) or _of_days(event, language)


def _of_days(event: Event, language: Language) -> str:
    """Which days of load lack hours, or are contradicted by whom."""
    text = language.text
    lacks = [
        text("facts.hours", missing=found["missing"], hours=found["hours"], day=_day(found["date"], language))
        for found in _LACKS.finditer(event.problem)
    ]
    if lacks:
        return text("facts.incomplete", days=", ".join(lacks))
    apart = [
        text(
            "facts.settled" if found["twin"].startswith("settled") else "facts.operator",
            days=", ".join(_day(date, language) for date in found["dates"].split(", ")),
        )
        for found in _APART.finditer(event.problem)
    ]
    return text("facts.contradicted", days="; ".join(apart)) if apart else ""


def _day(date: str, language: Language) -> str:
    return language.date(_local_hour(date, 12))


def _of_time(event: Event, language: Language) -> str:
    """What the clock did."""
    text, problem = language.text, event.problem
    if found := _CLOCK.search(problem):
        return text(
            "facts.clock_ahead" if found["way"] == "ahead of" else "facts.clock_behind", span=_span(found["span"], language)
        )
    if found := _PAUSE.search(problem):
        return text("facts.pause", span=_span(found["span"], language), time=_moment(found["time"], event, language))
    if found := _SET.search(problem):
        key = "facts.set_forward" if found["way"] == "forward" else "facts.set_back"
        return text(key, span=_span(found["span"], language), time=_moment(found["time"], event, language))
    if found := _WITHDRAWN.search(problem):
        return text("facts.withdrawn", count=found["count"])
    return ""


def _of_store(event: Event, language: Language) -> str:
    """What the disk has, what a recovery lost, who knocks at the door."""
    text, problem = language.text, event.problem
    if event.code == "disk_low" and (found := _FREE.search(problem)):
        return text("facts.free", free=language.quantity(int(found["free"]), "MB"))
    if event.code == "guesses" and (found := _GUESSES.search(problem)):
        return text("facts.guesses", count=found["count"])
    if event.code != "restored":
        return ""
    backup, lost = _BACKUP.search(problem), _LOST.search(problem)
    parts = [text("facts.backup", time=_moment(backup["time"], event, language))] if backup else []
    if "write-ahead log of the database was damaged" in problem:
        parts.append(text("facts.log"))
    if lost:
        first, last = (_moment(lost[name], event, language) for name in ("first", "last"))
        parts.append(text("facts.lost", count=lost["count"], first=first, last=last))
    elif "No issue is lost." in problem:
        parts.append(text("facts.lost_none"))
    return " ".join(parts)


def _span(words: str, language: Language) -> str:
    return language.duration(sum(int(count) * _SECONDS[unit] for count, unit in _SPAN.findall(words)))


def _moment(iso: str, event: Event, language: Language) -> str:
    return language.moment(clock.parse_utc(iso), event.since)


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
