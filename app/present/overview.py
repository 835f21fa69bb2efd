"""The overview: a line of figures and a small chart of each area, all on one time axis, and what stands out."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np

from app.overview_snapshot import OverviewSnapshot
from app.present.areas import AreaRow, area_row
from app.present.frame import Empty, is_gross, level, marks, nothing_to_show, seen
from app.present.scale import Scale, scale_for
from app.present.situation import Situation, percent_text, situation
from app.snapshot import PRICE_AREAS, ConsumerSnapshot, EngineStatus, Snapshot
from app.translations import Language
from engine import clock, limits
from engine.domain import HOUR, FloatArray, Score
from engine.limits import Limits

#: Hours shown before and after the present.
BACK_H, AHEAD_H = 30, 48
#: Days of the newest scores, and how much worse than usual they must be to be marked.
WEEK_DAYS, WORSE = 7, 1.5
_EMPTY = np.empty(0)


@dataclass(frozen=True, slots=True)
class Strip:
    """A small chart. Times are the middles of hours, loads in the area's unit, NaN a gap. `ticks` are round loads with their words.

    The median is drawn as an estimate before `solid_from`; `unmeasured` is the stretch up to now that nobody has measured.
    """

    observed_time: FloatArray
    observed: FloatArray
    time: FloatArray
    low: FloatArray
    median: FloatArray
    high: FloatArray
    solid_from: float
    unmeasured: tuple[float, float] | None
    limit: float | None
    value_range: tuple[float, float]
    ticks: tuple[tuple[float, str], ...]


@dataclass(frozen=True, slots=True)
class Tile:
    """One area: the figures of its card, and beside them its chart, the risk of its limit, and how good its forecasts were.

    `note` says what is not as usual with the forecast: its tier, and that operators have adjusted it. `alarm` is whether the risk has
    reached the alarm, `worse` whether the week was worse than usual.
    """

    row: AreaRow
    note: str
    measured: str
    strip: Strip
    risk: str
    alarm: bool
    wape: str
    usual: str
    skill: str
    worse: bool
    large: bool
    summary: str


@dataclass(frozen=True, slots=True)
class OverviewView:
    """All areas in the order shown. `span` is what every chart shows, `heads` are the words over the columns."""

    tiles: tuple[Tile, ...]
    heads: tuple[str, str, str]
    span: tuple[float, float]
    now: float
    situation: Situation
    marks: tuple[str, ...]
    empty: Empty | None = None


def overview_view(snapshot: Snapshot, more: OverviewSnapshot, engine: EngineStatus, language: Language, now: int) -> OverviewView:
    """The overview; before `more` was read of the price areas alone."""
    hour = clock.floor_hour(now)
    shown = {of: seen(snapshot, of) for of in PRICE_AREAS} | dict(more.beside)
    whole = dataclasses.replace(snapshot, consumers=shown)
    known = any(of.forecast is not None or len(of.observed_time) for of in shown.values())
    return OverviewView(
        tiles=tuple(_tile(whole, of, more.limits, language, now) for of in shown.values()),
        heads=(
            language.text("overview.area"),
            language.text("overview.peak"),
            language.text("overview.week"),
        ),
        span=(float(hour - BACK_H * HOUR), float(hour + AHEAD_H * HOUR)),
        now=float(now),
        situation=situation(whole, more, engine, language, now),
        marks=marks(snapshot, shown[PRICE_AREAS[0]].forecast, language),
        empty=None if known else nothing_to_show(snapshot, PRICE_AREAS[0], engine, language),
    )


def _tile(snapshot: Snapshot, of_it: ConsumerSnapshot, told: Limits, language: Language, now: int) -> Tile:
    row, scale = area_row(snapshot, of_it.of, language, now), scale_for(of_it, language)
    limit = told.loads.get(of_it.of)
    risk, alarm = _risk(of_it, limit, told, scale, language, now)
    adjusted = language.text("overview.adjusted") if of_it.published is not None and of_it.published.steps else ""
    week, usual = _scores(of_it, now)
    worse = week.n > 0 and usual.n > 0 and week.wape > WORSE * usual.wape
    words = [
        language.text("overview.wape", value=language.quantity(week.wape, "%", 1)),
        language.text("overview.usual", value=language.quantity(usual.wape, "%", 1)) if usual.n else "",
        language.text("overview.skill", value=language.number(week.skill, 2)) if math.isfinite(week.skill) else "",
    ]
    return Tile(
        row=row,
        note=" · ".join(filter(None, (row.reduced, adjusted))),
        measured=language.text("overview.observed", value=row.observed, time=row.observed_at)
        if row.observed_at
        else row.observed,
        strip=_strip(of_it, limit, scale, language, now),
        risk=risk,
        alarm=alarm,
        wape=language.quantity(week.wape, "%", 1),
        usual=words[1],
        skill=words[2],
        worse=worse,
        large=is_gross(of_it.of),
        summary=" ".join(filter(None, (row.summary, *(f"{word}." for word in (adjusted, risk, *words) if word)))),
    )


def _risk(
    of_it: ConsumerSnapshot, limit: float | None, told: Limits, scale: Scale, language: Language, now: int
) -> tuple[str, bool]:
    """How probable it is that an hour within two days exceeds the limit, in words, and whether that is an alarm."""
    if limit is None or of_it.official is None:
        return "", False
    found = limits.peak(of_it.official, now, limits.ALARM_S, limit)
    if found is None:
        return "", False
    words = language.text("overview.risk", limit=scale.number(limit, language), percent=percent_text(found.probability, language))
    alarm = found.probability >= told.alarm
    return f"{words} {language.weekday(found.probable_at)} {language.hour(found.probable_at)}" if alarm else words, alarm


def _scores(of_it: ConsumerSnapshot, now: int) -> tuple[Score, Score]:
    """Scores of the last seven days, of a consumer measured late of the last that were scored; and of all days before."""
    by_day = of_it.scores.get(("provisional", "day"), {})
    today = int(clock.local_day_hour(np.array([now], np.int64))[0][0])
    last = today if is_gross(of_it.of) else max(by_day, default=today)
    week = sum((score for day, score in by_day.items() if day > last - WEEK_DAYS), Score())
    return week, sum((score for day, score in by_day.items() if day <= last - WEEK_DAYS), Score())


def _strip(of_it: ConsumerSnapshot, limit: float | None, scale: Scale, language: Language, now: int) -> Strip:
    hour = clock.floor_hour(now)
    first, last = hour - BACK_H * HOUR, hour + AHEAD_H * HOUR
    of_load = (of_it.observed_time >= first - HOUR) & (of_it.observed_time <= last)
    load_time, load = _with_gaps(of_it.observed_time[of_load].astype(float), of_it.observed[of_load] * scale.factor)
    end = int(of_it.observed_time[-1]) + HOUR if len(of_it.observed_time) else first
    time = low = median = high = _EMPTY
    solid_from = float(end)
    if of_it.official is not None:
        ahead = (of_it.official.valid_time >= max(first, end) - HOUR) & (of_it.official.valid_time <= last)
        time = of_it.official.valid_time[ahead] + HOUR / 2
        low, median, high = (level(of_it.official, p)[ahead] * scale.factor for p in (0.1, 0.5, 0.9))
        solid_from = solid_from if is_gross(of_it.of) else float(of_it.official.issue_time)
    known = np.concatenate([load, low, high])
    known = known[np.isfinite(known)]
    value_range = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    top = None if limit is None else limit * scale.factor
    if top is not None and value_range[0] < top < 1.25 * value_range[1]:
        value_range = (value_range[0], max(value_range[1], top))
    room = 0.06 * (value_range[1] - value_range[0]) or 1.0
    value_range = (value_range[0] - room, value_range[1] + room)
    return Strip(
        observed_time=load_time + HOUR / 2,
        observed=load,
        time=time,
        low=low,
        median=median,
        high=high,
        solid_from=solid_from,
        unmeasured=(float(max(end, first)), float(now)) if end < now else None,
        limit=top if top is not None and value_range[0] < top < value_range[1] else None,
        value_range=value_range,
        ticks=_ticks(value_range, language) if len(known) else (),
    )


def _with_gaps(time: FloatArray, value: FloatArray) -> tuple[FloatArray, FloatArray]:
    """A NaN wherever an hour is missing, so that no line is drawn over it."""
    breaks = np.flatnonzero(np.diff(time) > HOUR) + 1
    return np.insert(time, breaks, time[breaks] - HOUR), np.insert(value, breaks, np.nan)


def _ticks(value_range: tuple[float, float], language: Language) -> tuple[tuple[float, str], ...]:
    """Two or three round loads within the range."""
    low, high = value_range
    power = 10.0 ** math.floor(math.log10(high - low))
    step = next(power * n for n in (0.2, 0.5, 1, 2, 5) if (high - low) / (power * n) <= 3.5)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return tuple(
        (n * step, language.number(n * step, decimals)) for n in range(math.ceil(low / step), math.floor(high / step) + 1)
    )
