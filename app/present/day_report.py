"""The day report: yesterday, today and tomorrow of one consumer on two pages, as arrays and finished strings."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from app import snapshot
from app.present.forecast import INTERVALS, Band, with_gaps
from app.present.frame import best_tier, level
from app.present.lateness import SourceAge, source_ages
from app.present.notices import Notice, notices
from app.present.scale import Scale, scale_for
from app.snapshot import ConsumerSnapshot, EngineKind, EngineStatus, Snapshot
from app.translations import Language
from engine import clock, geography
from engine.domain import HOUR, Consumer, FloatArray, IntArray, QuantileForecast
from engine.scoreboard import ISSUE_HOUR
from engine.store import Reader

_NOTHING = "–"
#: Days whose errors are told.
_ERROR_DAYS = 10


@dataclass(frozen=True, slots=True)
class ReportFacts:
    """What a report is made of. `day_ahead` is the issue that stood at ten o'clock on the day before yesterday."""

    of: Consumer
    now: int
    shown: Snapshot
    day_ahead: QuantileForecast | None


@dataclass(frozen=True, slots=True)
class Figure:
    """A number that stands out: its name, the number, and what is to be said of it."""

    name: str
    value: str
    detail: str


@dataclass(frozen=True, slots=True)
class Span:
    """One of the three days: when it begins and ends, and its name."""

    start: int
    end: int
    name: str


@dataclass(frozen=True, slots=True)
class DayReport:
    """The report. Loads of the chart are in its unit, a `tick` of which is written so; `rows` have a cell per column of `heads`, whose
    `groups` span so many of them.
    """

    title: str
    name: str
    date: str
    marks: tuple[str, ...]
    notes: tuple[str, ...]
    figures: tuple[Figure, ...]
    days: tuple[Span, ...]
    now: int
    axis: str
    legend: tuple[str, str, str, str]
    observed_time: FloatArray
    observed: FloatArray
    forecast_time: FloatArray
    median: FloatArray
    bands: tuple[Band, ...]
    ahead_time: FloatArray
    ahead: FloatArray
    groups: tuple[tuple[str, int], ...]
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    sources_title: str
    source_heads: tuple[str, ...]
    sources: tuple[SourceAge, ...]
    errors_title: str
    error_heads: tuple[str, ...]
    errors: tuple[tuple[str, ...], ...]
    troubles_title: str
    troubles: tuple[Notice, ...]
    no_troubles: str
    about: tuple[str, ...]
    tick: Callable[[float], str]


def report_facts(reader: Reader, of: Consumer, now: int) -> ReportFacts:
    """Read what a report needs."""
    asked = clock.local_time(clock.local(now).date() - dt.timedelta(days=2), ISSUE_HOUR)
    return ReportFacts(of, now, snapshot.read(reader, now, of), reader.forecast(of.area, asked, of.consumer_type))


def day_report(facts: ReportFacts, notes: tuple[str, ...], language: Language) -> DayReport:
    """The report; what is not known stands as a dash."""
    text, of, now = language.text, facts.of, facts.now
    seen = facts.shown.consumers[of]
    scale, issue = scale_for(seen, language), seen.official
    today = clock.local(now).date()
    days = tuple(
        _span(today + dt.timedelta(days=n), text(f"report.{name}"), language)
        for n, name in ((-1, "yesterday"), (0, "today"), (1, "tomorrow"))
    )
    start, end = days[0].start, days[-1].end
    known = (seen.observed_time >= start) & (seen.observed_time < end)
    observed_time, observed = with_gaps(seen.observed_time[known], seen.observed[known] * scale.factor)
    ahead_time, ahead = _part(facts.day_ahead, days[0].start, days[0].end)
    forecast_time, median = _part(issue, start, end)
    inside = np.isin(issue.valid_time, forecast_time) if issue is not None else np.empty(0, bool)
    bands = (
        ()
        if issue is None
        else tuple(
            Band(p, level(issue, a)[inside] * scale.factor, level(issue, b)[inside] * scale.factor) for p, a, b in INTERVALS
        )
    )
    engine = EngineStatus(EngineKind.UNKNOWN)
    return DayReport(
        title=text("report.title"),
        name=geography.title(of, language.code),
        date=f"{language.date(now)} {clock.local(now).year}",
        marks=tuple(
            text(key)
            for key, holds in (("mark.simulated", facts.shown.simulated), ("mark.ex_post", issue is not None and issue.ex_post))
            if holds
        ),
        notes=notes,
        figures=(
            _energy(issue, days[1], "report.energy_today", scale, language, seen),
            _energy(issue, days[2], "report.energy_tomorrow", scale, language, seen),
            _peak(issue, now, end, scale, language),
            _miss(seen, facts.day_ahead, days[0], scale, language),
        ),
        days=days,
        now=now,
        axis=text("forecast.axis", unit=scale.unit),
        legend=(text("forecast.observed"), text("forecast.median"), text("report.bands"), text("report.day_ahead")),
        observed_time=observed_time,
        observed=observed,
        forecast_time=forecast_time,
        median=median * scale.factor,
        bands=bands,
        ahead_time=ahead_time,
        ahead=ahead * scale.factor,
        groups=(("", 1), *((day.name, n) for day, n in zip(days, (3, 3, 2), strict=True))),
        heads=(
            text("report.hour"),
            *(text("report.observed"), text("report.day_ahead_short"), text("report.deviation")),
            *(text("report.observed"), text("report.median"), text("report.interval")),
            *(text("report.median"), text("report.interval")),
        ),
        rows=_rows(seen, facts.day_ahead, days, scale, language),
        sources_title=text("report.sources"),
        source_heads=(text("report.source"), text("report.age"), text("report.usual"), text("report.state")),
        sources=source_ages(facts.shown, of, language, now),
        errors_title=text("report.errors"),
        error_heads=(
            text("report.day"),
            *(text(f"monitor.{name}", unit=scale.unit) for name in ("n", "mae", "bias", "wape", "skill")),
            text("monitor.covered", level=80),
        ),
        errors=_errors(seen, scale, language),
        troubles_title=text("report.troubles"),
        troubles=notices(facts.shown, engine, language, now),
        no_troubles=text("report.no_troubles"),
        about=(
            text("report.about_hours", zone=language.zone(start, end)),
            text("report.about_ahead", hour=ISSUE_HOUR),
            text("report.about_bands"),
            *((text("report.adjusted", count=len(seen.published.steps)),) if seen.published and seen.published.steps else ()),
            *((text("report.reduced"),) if issue is not None and issue.tier is not best_tier(of) else ()),
        ),
        tick=lambda value: language.number(value, scale.decimals),
    )


def _errors(seen: ConsumerSnapshot, scale: Scale, language: Language) -> tuple[tuple[str, ...], ...]:
    """How all issues for each of the newest scored days turned out, the newest first."""
    by_day = seen.scores.get(("provisional", "day"), {})
    rows = []
    for day in sorted(by_day, reverse=True)[:_ERROR_DAYS]:
        score = by_day[day]
        rows.append(
            (
                language.date(clock.local_midnight(clock.EPOCH + dt.timedelta(days=day))),
                language.number(score.n),
                scale.number(score.mae, language),
                scale.number(score.bias, language, sign=True),
                language.number(score.wape, 1),
                language.number(score.skill, 2),
                language.quantity(score.coverage_80, "%"),
            )
        )
    return tuple(rows)


def _span(day: dt.date, name: str, language: Language) -> Span:
    start = clock.local_midnight(day)
    return Span(start, clock.local_midnight(day + dt.timedelta(days=1)), f"{name}, {language.date(start)}")


def _part(issue: QuantileForecast | None, start: int, end: int) -> tuple[FloatArray, FloatArray]:
    """Hours and medians in MWh of an issue in [start, end)."""
    if issue is None:
        return np.empty(0), np.empty(0)
    inside = (issue.valid_time >= start) & (issue.valid_time < end)
    return issue.valid_time[inside].astype(float), issue.median[inside]


def _observed(seen: ConsumerSnapshot, hours: IntArray) -> FloatArray:
    """Loads of these hours in MWh, NaN where none is known."""
    found = dict(zip(seen.observed_time.tolist(), seen.observed.tolist(), strict=True))
    return np.array([found.get(hour, math.nan) for hour in hours.tolist()])


def _values(issue: QuantileForecast | None, hours: IntArray, probability: float) -> FloatArray:
    """Quantiles of an issue at these hours in MWh, NaN where it says nothing."""
    if issue is None:
        return np.full(len(hours), math.nan)
    found = dict(zip(issue.valid_time.tolist(), level(issue, probability).tolist(), strict=True))
    return np.array([found.get(hour, math.nan) for hour in hours.tolist()])


def _hours(day: Span) -> IntArray:
    return np.arange(day.start, day.end, HOUR, dtype=np.int64)


def _energy(
    issue: QuantileForecast | None, day: Span, key: str, scale: Scale, language: Language, seen: ConsumerSnapshot
) -> Figure:
    """What a day takes in all: measured hours as they were measured, the others by their median."""
    hours = _hours(day)
    measured = _observed(seen, hours)
    total = float(np.where(np.isfinite(measured), measured, _values(issue, hours, 0.5)).sum())
    unit, factor = ("GWh", 1e-3) if total >= 1000 else (scale.unit, scale.factor)
    value = language.quantity(total * factor, unit, 1) if math.isfinite(total) else _NOTHING
    count = int(np.isfinite(measured).sum())
    return Figure(language.text(key), value, language.text("report.hours_measured", count=count, all=len(hours)))


def _peak(issue: QuantileForecast | None, now: int, end: int, scale: Scale, language: Language) -> Figure:
    """The largest median from now until tomorrow ends, with its 80 % interval."""
    name = language.text("report.peak")
    ahead = np.flatnonzero((issue.valid_time + HOUR > now) & (issue.valid_time < end)) if issue is not None else np.empty(0, int)
    if issue is None or not len(ahead):
        return Figure(name, _NOTHING, "")
    at = int(ahead[np.argmax(issue.median[ahead])])
    hour, low, high = int(issue.valid_time[at]), float(level(issue, 0.1)[at]), float(level(issue, 0.9)[at])
    when = f"{language.date(hour)} {language.hour_span(hour)}"
    return Figure(name, scale.quantity(float(issue.median[at]), language), f"{when}\n80 %: {scale.span(low, high, language)}")


def _miss(seen: ConsumerSnapshot, ahead: QuantileForecast | None, day: Span, scale: Scale, language: Language) -> Figure:
    """How far yesterday's forecast of the day before was off."""
    hours = _hours(day)
    observed, forecast = _observed(seen, hours), _values(ahead, hours, 0.5)
    both = np.isfinite(observed) & np.isfinite(forecast)
    name = language.text("report.miss")
    if not both.any():
        return Figure(name, _NOTHING, language.text("report.no_miss"))
    wape = 100 * float(np.abs(observed - forecast)[both].sum() / observed[both].sum())
    bias = scale.quantity(float((forecast[both] - observed[both]).mean()), language, sign=True)
    return Figure(name, language.quantity(wape, "%", 1), language.text("report.miss_detail", bias=bias, count=int(both.sum())))


def _rows(
    seen: ConsumerSnapshot, ahead: QuantileForecast | None, days: tuple[Span, ...], scale: Scale, language: Language
) -> tuple[tuple[str, ...], ...]:
    """A row per hour of the clock; of a day that has no such hour the cells are empty. The hour that comes twice has two rows."""
    places = [{_on_the_clock(hour): n for n, hour in enumerate(_hours(day).tolist())} for day in days]
    columns = [_columns(n, seen, ahead, _hours(day), scale, language) for n, day in enumerate(days)]
    known = sorted({place for of_day in places for place in of_day})
    return tuple(
        (
            f"{hour:02d}{'ab'[fold] if (hour, 1) in known else ''}–{(hour + 1) % 24:02d}",
            *(
                column[of_day[hour, fold]] if (hour, fold) in of_day else ""
                for of_day, its in zip(places, columns, strict=True)
                for column in its
            ),
        )
        for hour, fold in known
    )


def _on_the_clock(hour: int) -> tuple[int, int]:
    moment = clock.local(hour)
    return moment.hour, moment.fold


def _columns(
    number: int, seen: ConsumerSnapshot, ahead: QuantileForecast | None, hours: IntArray, scale: Scale, language: Language
) -> list[list[str]]:
    """The cells of a day, column by column."""

    def words(values: FloatArray, sign: bool = False) -> list[str]:
        return [scale.number(v, language, sign) if math.isfinite(v) else _NOTHING for v in values.tolist()]

    observed = _observed(seen, hours)
    if number == 0:
        forecast = _values(ahead, hours, 0.5)
        return [words(observed), words(forecast), words(observed - forecast, sign=True)]
    issue = seen.official
    low, high = _values(issue, hours, 0.1), _values(issue, hours, 0.9)
    spans = [
        f"{scale.number(a, language)}–{scale.number(b, language)}" if math.isfinite(a) else _NOTHING
        for a, b in zip(low.tolist(), high.tolist(), strict=True)
    ]
    return [*([words(observed)] if number == 1 else []), words(_values(issue, hours, 0.5)), spans]
