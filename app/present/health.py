"""The view of health: how late sources are, what jobs did and do next, how forecasts were made, troubles, and the disk."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from app.health_snapshot import TIER_DAYS, HealthSnapshot
from app.present import facts, planned
from app.present.cell import Cell
from app.present.frame import Empty, closed, marks, nothing_to_show
from app.present.lateness import judge
from app.present.planned import PlannedView
from app.snapshot import EngineStatus, Snapshot, with_told
from app.translations import TEXTS, Language
from engine import clock, geography, plan
from engine.domain import DAY, HOUR, UNITS, USUAL_AGE_S, WEATHER, Consumer, Freshness, JobRun, Tier, freshness
from engine.geography import Measure
from engine.lag import Lag
from engine.store.kits import usual_gap_s
from engine.store.reader import Event, SeriesState
from engine.store.space import Space
from engine.timetable import JobState

#: Days of a source's lag that are drawn.
_COURSE_DAYS = 30
#: Free bytes of the disk below which it is short, and nearly full; as `lastvagt-engine doctor` judges.
_SHORT_BYTES, _FULL_BYTES = 2e9, 500e6
_MEGABYTE = 1e6
#: How the state of a job's run is shown.
_JOB_STATES = {"ok": Freshness.FRESH, "expected": Freshness.LATE, "bug": Freshness.STALE, "missed": Freshness.MISSING}
#: Tiers that need no word, for nothing is missing.
_BEST = (Tier.FULL, Tier.POOLED)
#: Seconds an issue may take before it is missed.
_GRACE_S = 600
_RANK = {tier: rank for rank, tier in enumerate(Tier)}


@dataclass(frozen=True, slots=True)
class HealthLine:
    """A line of a list: its cells, what more there is to tell of it, and of a job its name."""

    cells: tuple[Cell, ...]
    more: str = ""
    job: str = ""


@dataclass(frozen=True, slots=True)
class TierDay:
    """How the issues of a Danish day were made: the lowest tier (None: no issue), and words.

    `full` and `lower` are the shares of the planned issues that were made with the full model and with less; `missing`: some were not.
    """

    worst: Tier | None
    full: float
    lower: float
    missing: bool
    words: str


@dataclass(frozen=True, slots=True)
class TierStrip:
    """The days of an area, oldest first, and in words those on which something was missing."""

    name: str
    days: tuple[TierDay, ...]
    summary: str


@dataclass(frozen=True, slots=True)
class HealthView:
    """Everything the view shows. `closed` says why no job can be run now, if so; `empty` why there is nothing, if so."""

    title: str
    marks: tuple[str, ...]
    sources: tuple[HealthLine, ...]
    jobs: tuple[HealthLine, ...]
    strips: tuple[TierStrip, ...]
    first_day: str
    last_day: str
    events: tuple[HealthLine, ...]
    no_events: str
    planned: PlannedView
    disk: tuple[tuple[str, Cell], ...]
    growth: Cell
    closed: str
    empty: Empty | None


def health_view(
    snapshot: Snapshot,
    found: HealthSnapshot | None,
    engine: EngineStatus,
    language: Language,
    now: int,
    asked_next: Mapping[str, int] = MappingProxyType({}),
) -> HealthView:
    """The view of health; lists that come with `found` are empty until it is there.

    `asked_next` tells when each dataset is asked next, as far as the engine has told.
    """
    if snapshot.fault is not None and not snapshot.series:
        empty: Empty | None = nothing_to_show(snapshot, Consumer("DK"), engine, language)
    else:
        empty = None
    noted = [] if found is None else [event for event in with_told(found.events, engine) if event.code != "proposal"]
    return HealthView(
        title=language.text("health.title"),
        marks=marks(snapshot, None, language),
        sources=_sources(snapshot, language, now, _between_kits_s(found)),
        jobs=() if found is None else tuple(_job(state, engine.answers, asked_next, language, now) for state in found.jobs),
        strips=() if found is None else tuple(_strip(area, found, language, now) for area in found.issues),
        first_day=language.date(now - (TIER_DAYS - 1) * DAY, weekday=False),
        last_day=language.text("health.today"),
        events=tuple(_event(event, language, now) for event in sorted(noted, key=lambda e: (e.until is not None, -e.since))),
        no_events=language.text("health.no_events") if found is not None and not noted else "",
        planned=PlannedView() if found is None else planned.planned_view(found.planned, TIER_DAYS, language, now),
        disk=() if found is None else _disk(found.space, language),
        growth=Cell() if found is None else _growth(found.space, language),
        closed="" if engine.takes_orders else closed(engine, language) or language.text("health.no_engine"),
        empty=empty,
    )


# -- sources ----------------------------------------------------------------------------------------------------------


def _between_kits_s(found: HealthSnapshot | None) -> int:
    """Seconds that usually lie between two kits where nothing else brings data: until the next one comes no value can be newer."""
    return (usual_gap_s(found.kits) or 0) if found is not None and found.offline else 0


def _sources(snapshot: Snapshot, language: Language, now: int, between_s: int) -> tuple[HealthLine, ...]:
    """A line for each kind of value of each source, judged by the series that is furthest behind; load first."""
    groups: dict[tuple[str, str], list[SeriesState]] = {}
    for state in snapshot.series:
        quantity = "weather" if state.quantity in WEATHER else state.quantity
        # What businesses used of their own comes with settlement, and is as old.
        if quantity not in ("load", "self_consumption"):
            groups.setdefault((quantity, state.source), []).append(state)
    loads: dict[str, list[Lag]] = {}
    for lag in snapshot.lags.values():
        loads.setdefault(lag.source, []).append(lag)
    order = ["weather" if quantity in WEATHER else quantity for quantity in UNITS]
    others = sorted(groups, key=lambda key: (order.index(key[0]), key[1]))
    return (
        *(_load(source, lags, language, now, between_s) for source, lags in loads.items()),
        *(_other(quantity, source, groups[quantity, source], language, now, between_s) for quantity, source in others),
    )


def _load(source: str, lags: Sequence[Lag], language: Language, now: int, between_s: int) -> HealthLine:
    """The loads of a source, by its measured lag."""
    worst = max(lags, key=lambda lag: (now - lag.newest_valid - (lag.usual_s or 0), now - lag.newest_valid))
    age_s = now - worst.newest_valid
    measure = geography.measure(worst.consumer)
    gross = measure is Measure.GROSS
    state = freshness(age_s - between_s, USUAL_AGE_S["load"]) if gross else judge(worst, age_s)
    usual = "–" if worst.usual_s is None else language.duration(_rounded(worst.usual_s))
    course = tuple(seconds / HOUR for _, seconds in worst.by_day[-_COURSE_DAYS:])
    name = language.text("quantity.load") if gross else language.text(f"health.of_{measure.name.lower()}")
    more = language.text(
        "health.load_more",
        source=facts.name(source, language),
        count=len(lags),
        name=geography.title(worst.consumer, language.code),
        until=language.moment(worst.newest_valid + HOUR, now),
        holes=worst.holes,
    )
    if worst.stalled_since is not None:
        more += " " + language.text("health.stalled", since=language.moment(worst.stalled_since, now))
    if worst.nominal:
        more += " " + language.text("health.nominal")
    cells = (
        Cell(name),
        Cell(language.duration(_rounded(age_s))),
        Cell(usual),
        _state_cell(state, language),
        Cell(course=course, usual=None if worst.usual_s is None else worst.usual_s / HOUR),
    )
    return HealthLine(cells, more)


def _rounded(seconds: int) -> int:
    """Whole hours of what comes daily, minutes of what comes by the hour."""
    return seconds // HOUR * HOUR if seconds >= 2 * DAY else seconds


def _other(quantity: str, source: str, states: Sequence[SeriesState], language: Language, now: int, between_s: int) -> HealthLine:
    usual_s = USUAL_AGE_S[WEATHER[0] if quantity == "weather" else quantity] + between_s
    behind = max(states, key=lambda state: state.age_s(now))
    age_s = behind.age_s(now)
    until = max(state.newest_valid for state in states) + HOUR
    more = language.text(
        "health.other_more",
        source=source,
        count=len(states),
        name=geography.title(Consumer(behind.area, behind.consumer_type), language.code),
        available=language.moment(behind.newest_available, now),
        until=language.moment(until, now),
    )
    cells = (
        Cell(language.text(f"quantity.{quantity}")),
        Cell(language.duration(_rounded(age_s))),
        Cell(language.duration(usual_s)),
        _state_cell(freshness(age_s, usual_s), language),
        Cell(),
    )
    return HealthLine(cells, more)


def _state_cell(state: Freshness | None, language: Language) -> Cell:
    return Cell("–") if state is None else Cell(language.text(f"freshness.{state.value}"), state)


# -- jobs -------------------------------------------------------------------------------------------------------------


def _job(state: JobState, runs: bool, asked_next: Mapping[str, int], language: Language, now: int) -> HealthLine:
    """A job; it is due next only where an engine runs, and sources are asked when the engine says so."""
    text = language.text
    last = state.runs[0] if state.runs else None
    after = text("health.after", job=text(f"job.{state.rhythm.after}")) if state.rhythm.after else ""
    next_time = min(asked_next.values(), default=state.next_time) if state.job == "ingest" else state.next_time
    idle = state.job == plan.ASKS and not state.runnable
    following = (
        text("health.no_network") if idle else after if next_time is None else language.moment(next_time, now) if runs else "–"
    )
    if last is None:
        did, told = (Cell("–"), Cell("–"), Cell(text("health.never"))), ""
    else:
        started, took = language.moment(last.started_at, now, weekday=False), _took(last, language)
        did = Cell(started), Cell(took), Cell(text(f"run.{last.status}"), _JOB_STATES[last.status])
        told = _missed(last, language, now) or f"{last.problem} {last.remedy}".strip() or _detail(last.detail, language)
    about = _about(state, told, language)
    if state.job == "ingest" and asked_next:
        times = sorted(asked_next.items(), key=lambda item: item[1])
        said = ", ".join(f"{dataset.rpartition('/')[2]} {language.moment(t, now)}" for dataset, t in times)
        about += " " + text("health.asked_next", times=said)
    job = state.job if state.runnable else ""
    return HealthLine((Cell(text(f"job.{state.job}")), *did, Cell(following)), about, job)


def _about(state: JobState, told: str, language: Language) -> str:
    """What a job is for, how often it runs and how long that usually takes, and what its last run told."""
    parts = [language.text(f"job.{state.job}_about")]
    if state.rhythm.every_s:
        parts.append(language.text("health.every", every=language.duration(state.rhythm.every_s)))
    if state.usual_s is not None:
        parts.append(language.text("health.usually", took=_seconds(state.usual_s, language)))
    return " ".join([*parts, *([language.text("health.last_told", told=told)] if told else [])])


def _missed(run: JobRun, language: Language, now: int) -> str:
    """Which hourly issues were missed, and why; nothing of another run."""
    if run.status != "missed" or "why" not in run.detail:
        return ""
    first, last = (language.moment(clock.parse_utc(str(run.detail[name])), now) for name in ("first", "last"))
    why = planned.reason(str(run.detail["why"]), language)
    return language.text("health.missed_told", count=run.detail["count"], first=first, last=last, reason=why)


def _took(run: JobRun, language: Language) -> str:
    return "–" if run.status == "missed" else _seconds(run.finished_at - run.started_at, language)


def _seconds(seconds: int, language: Language) -> str:
    if not seconds:
        return "<\u00a01\u00a0s"
    return f"{seconds}\u00a0s" if seconds < 120 else language.duration(seconds)


def _detail(detail: Mapping[str, object], language: Language) -> str:
    """What a run counted, on one line; of sources only what was new."""
    found = []
    for name, value in detail.items():
        if isinstance(value, Mapping):
            counts = ", ".join(_count(key, value[key], language) for key in value if value[key] and key != "unchanged")
            found.append(f"{facts.name(name, language)}: {counts}" if counts else "")
        elif value and name != "database_bytes":
            found.append(f"{name} {value}")
    return "; ".join(part for part in found if part)


def _count(name: str, value: object, language: Language) -> str:
    key = f"health.count_{name}"
    return f"{value} {language.text(key) if key in TEXTS else name}"


# -- tiers ------------------------------------------------------------------------------------------------------------


def _strip(area: str, found: HealthSnapshot, language: Language, now: int) -> TierStrip:
    by_day: dict[dt.date, dict[int, list[Tier]]] = {}
    for issue_time, tier in found.issues[area]:
        by_day.setdefault(clock.local(issue_time).date(), {}).setdefault(clock.floor_hour(issue_time), []).append(tier)
    today = clock.local(now).date()
    days, odd = [], []
    for back in range(TIER_DAYS - 1, -1, -1):
        day = today - dt.timedelta(days=back)
        made = by_day.get(day, {})
        past = [hour for hour in clock.local_hours(day).tolist() if (found.first_issue or now) <= hour <= now]
        hours = [hour for hour in past if hour in made or now - hour > _GRACE_S]
        if hours and hours[-1] < found.space.thinned_to:  # most issues of that day were made and have been dropped since
            hours = sorted(made)
        tiers = [_lowest(made[hour]) for hour in hours if hour in made]
        shown = _tier_day(day, len(hours), tiers, language)
        days.append(shown)
        if shown.missing or shown.lower:
            odd.append(shown.words)
    name = geography.name(area, language.code)
    said = "; ".join(odd) if odd else language.text("health.all_full", count=TIER_DAYS)
    return TierStrip(name, tuple(days), f"{name}: {said}")


def _lowest(tiers: Iterable[Tier]) -> Tier:
    return max(tiers, key=_RANK.__getitem__)


def _tier_day(day: dt.date, planned: int, tiers: Sequence[Tier], language: Language) -> TierDay:
    """What a day's issues were, of so many planned."""
    midday = clock.local_time(day, 12)
    counts = {tier: tiers.count(tier) for tier in Tier if tier in tiers}
    parts = [f"{count} × {language.text(f'tier.{tier.value}')}" for tier, count in counts.items()]
    missing = planned - len(tiers)
    if missing:
        parts.append(language.text("health.not_made", count=missing))
    words = f"{language.date(midday)}: {', '.join(parts) if planned else language.text('health.before')}"
    full = sum(tier in _BEST for tier in tiers)
    shares = (full / planned, (len(tiers) - full) / planned) if planned else (0.0, 0.0)
    return TierDay(_lowest(tiers) if tiers else None, *shares, missing > 0, words)


# -- troubles, what was set aside, the disk ------------------------------------------------------------------------------


def _event(event: Event, language: Language, now: int) -> HealthLine:
    kind = facts.title(event, language)
    over = event.until is not None
    lasted = language.duration((now if event.until is None else event.until) - event.since)
    cells = (
        Cell(language.text("health.over" if over else "health.open"), None if over else Freshness.LATE),
        Cell(language.moment(event.since, now, weekday=False)),
        Cell(lasted),
        Cell(kind),
    )
    return HealthLine(cells, f"{kind.rstrip('.')}. {facts.detail(event, language)}")


def _disk(space: Space, language: Language) -> tuple[tuple[str, Cell], ...]:
    """What the database takes, by name."""
    text = language.text
    free = Freshness.STALE if space.free_bytes < _FULL_BYTES else Freshness.LATE if space.free_bytes < _SHORT_BYTES else None
    oldest = "–" if space.oldest_issue is None else _day_and_year(space.oldest_issue, language)
    growth = space.growth_bytes_a_day
    return (
        (text("health.size"), Cell(_megabytes(space.database_bytes, language))),
        (text("health.unused"), Cell(_megabytes(space.unused_bytes, language))),
        (text("health.log"), Cell(_megabytes(space.log_bytes, language))),
        (text("health.free"), Cell(language.quantity(space.free_bytes / 1e9, "GB", 1), free)),
        (
            text("health.growth"),
            Cell("–" if growth is None else f"{_megabytes(growth, language, sign=True)}/{text('health.day')}"),
        ),
        (text("health.issues"), Cell(language.number(space.issues))),
        (text("health.oldest"), Cell(oldest)),
    )


def _day_and_year(moment: int, language: Language) -> str:
    return f"{language.date(moment, weekday=False)} {clock.local(moment).year}"


def _megabytes(size: float, language: Language, sign: bool = False) -> str:
    return language.quantity(size / _MEGABYTE, "MB", 1 if abs(size) < 100 * _MEGABYTE else 0, sign)


def _growth(space: Space, language: Language) -> Cell:
    """The size by day, to draw; no words where it was not noted yet."""
    if len(space.by_day) < 2:
        return Cell(language.text("health.no_growth"))
    (first, before), (_, after) = space.by_day[0], space.by_day[-1]
    words = language.text(
        "health.grew",
        day=_day_and_year(first, language),
        before=_megabytes(before, language),
        after=_megabytes(after, language),
    )
    return Cell(words, course=tuple(size / _MEGABYTE for _, size in space.by_day))
