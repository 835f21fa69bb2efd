"""Whether forecasts are as good as usual: the control chart of their error, their skill, and what error to expect now."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

import numpy as np

from app.present.frame import is_gross
from app.present.lateness import lag_of
from app.present.monitoring import Comparison
from app.present.scale import Scale, scale_for
from app.record import Record
from app.snapshot import ConsumerSnapshot, Snapshot
from app.translations import Language
from engine import clock, expected_error
from engine.domain import DAY, HOUR, LEAD_BUCKETS, Consumer, FloatArray, IntArray
from engine.drift import BRIDGE, WINDOW_DAYS, Course, Stand, judged
from engine.expected_error import Estimate, Outcome
from engine.scoreboard import Scoreboard

#: Days the charts reach back.
SHOWN_DAYS = 120
#: Days earlier estimates are judged over.
JUDGED_DAYS = 28
#: Percentage points a band may be off and still hold what it promises.
_NEAR = 3.0
#: Fewest days of seven for a skill to be told.
_FEWEST = 4


@dataclass(frozen=True, slots=True)
class Card:
    """A figure with its name and what to make of it; `state` is `usual`, `off` or `unknown`."""

    name: str
    figure: str
    words: str
    state: str


@dataclass(frozen=True, slots=True)
class Line:
    """A curve of days: its name, and values, NaN where there is none."""

    name: str
    value: FloatArray


@dataclass(frozen=True, slots=True)
class DayChart:
    """Curves over Danish days. `time` are middles of days, `low` and `high` a band, `texts` say each day in words.

    `marked` are days, by index, that must not be overlooked.
    """

    caption: str
    time: FloatArray
    lines: tuple[Line, ...]
    low: FloatArray
    high: FloatArray
    marked: tuple[int, ...]
    texts: tuple[str, ...]
    summary: str


@dataclass(frozen=True, slots=True)
class QualityView:
    """Cards and charts of whether forecasts are as good as usual."""

    cards: tuple[Card, ...]
    control: DayChart
    skill: DayChart
    expected_caption: str
    expected: Comparison
    expected_summary: str


def quality_view(snapshot: Snapshot, seen: ConsumerSnapshot, record: Record, language: Language, now: int) -> QualityView:
    """How errors stand, from the record against first published load."""
    scale = scale_for(seen, language)
    today = int(clock.local_day_hour(np.array([now], np.int64))[0][0])
    days = np.arange(today - SHOWN_DAYS + 1, today + 1)
    late = lag_days(snapshot, record.of)
    coming = estimates(seen, record, now)
    told = expected_error.outcome(record.kept, judged(record.of), late)
    lead = lead_words(record.of, judged(record.of), language)
    naive, tso = naive_skill(record, days), tso_skill(seen.board, days)
    cards = (
        _drift_card(record.course, language, today, late),
        _skill_card("naive", naive, language),
        *((_skill_card("tso", tso, language),) if is_gross(record.of) else ()),
        _held_card(record, language),
        _expected_card(coming, told, record.of, scale, language),
    )
    return QualityView(
        cards=cards,
        control=_control(record.course, days, lead, language),
        skill=_skill(naive, tso, days, lead, language),
        expected_caption=language.text("quality.expected_chart", lead=lead, unit=scale.unit),
        expected=_expected(told, scale, language),
        expected_summary=_told_words(told, language),
    )


def lead_words(of: Consumer, buckets: tuple[int, ...], language: Language) -> str:
    """The lead times of neighbouring buckets, as a consumer's are called."""
    if buckets == BRIDGE:
        return language.text("readout.bridge" if is_gross(of) else "readout.bridge_lead")
    return language.text("heat.ahead", span=f"{LEAD_BUCKETS[buckets[0]][0]}–{LEAD_BUCKETS[buckets[-1]][1]}")


def estimates(seen: ConsumerSnapshot, record: Record, now: int) -> list[Estimate]:
    """What to expect of the newest issue's hours that are not measured; nothing where there is no issue."""
    if seen.forecast is None:
        return []
    first = int(seen.observed_time[-1]) + HOUR if len(seen.observed_time) else 0
    return expected_error.estimate(seen.forecast, first, record.kept, now)


def lag_days(snapshot: Snapshot, of: Consumer) -> int:
    """How late the load of a consumer usually is, in whole days; none where nobody knows."""
    lag = lag_of(snapshot, of)
    late_s = 0 if lag is None else lag.usual_s or lag.lag_s
    return -(-late_s // DAY)


def naive_skill(record: Record, days: IntArray) -> FloatArray:
    """Skill against the seasonal naive forecast of the seven days to each of `days`; NaN for too few."""
    buckets = list(judged(record.of))
    ours, theirs = (part[:, buckets].sum(axis=1) for part in (record.ref_model_abs_error, record.ref_abs_error))
    return _rolled(clock.local_day_hour(record.valid_time)[0], ours, theirs, days)


def tso_skill(board: Scoreboard | None, days: IntArray) -> FloatArray:
    """The same against the grid operator's forecast."""
    if board is None:
        return np.full(len(days), np.nan)
    ours, theirs = (np.abs(forecast - board.observed) for forecast in (board.ours, board.theirs))
    return _rolled(clock.local_day_hour(board.valid_time)[0], ours, theirs, days)


def _rolled(day: IntArray, ours: FloatArray, theirs: FloatArray, days: IntArray) -> FloatArray:
    """1 - ours / theirs over the week to each of `days`."""
    first = int(days[0]) - WINDOW_DAYS
    length = int(days[-1]) - first + 1
    inside = (day >= first) & (day <= days[-1])
    sums = [np.bincount(day[inside] - first, part[inside], length) for part in (ours, theirs)]
    known = (np.bincount(day[inside] - first, theirs[inside], length) > 0).astype(np.float64)
    week = np.ones(WINDOW_DAYS)
    mine, other, count = (np.convolve(part, week)[: len(part)][WINDOW_DAYS:] for part in (*sums, known))
    with np.errstate(invalid="ignore", divide="ignore"):
        fresh = known[WINDOW_DAYS:] > 0
        return np.where((count >= _FEWEST) & fresh & (other > 0), 1 - mine / other, np.nan)


def _middles(days: IntArray) -> FloatArray:
    return np.array([clock.local_midnight(clock.EPOCH + dt.timedelta(days=int(day))) + DAY / 2 for day in days], float)


def _drift_card(course: Course, language: Language, today: int, late: int) -> Card:
    """The error of the newest judged week; a judgement that waits for load says so."""
    name = language.text("quality.error", days=WINDOW_DAYS)
    newest = course.newest
    if newest is None:
        return Card(name, "–", language.text("quality.too_few"), "unknown")
    at = int(np.flatnonzero(course.day == newest)[0])
    figure = language.quantity(float(course.wape[at]), "%", 1)
    if course.stand is Stand.UNKNOWN:
        return Card(name, figure, language.text("quality.too_few"), "unknown")
    usual, upper = (language.quantity(float(part[np.isfinite(part)][-1]), "%", 1) for part in (course.usual, course.upper))
    waits = today - newest - late
    if waits > 4:
        date = language.date(float(_middles(np.array([newest]))[0]))
        return Card(name, figure, language.text("quality.waits", date=date), "unknown")
    key, state = ("quality.drifts", "off") if course.stand is Stand.DRIFT else ("quality.usual", "usual")
    return Card(name, figure, language.text(key, usual=usual, limit=upper), state)


def _skill_card(against: str, skill: FloatArray, language: Language) -> Card:
    name = language.text(f"quality.against_{against}")
    known = skill[np.isfinite(skill)]
    if not len(known):
        return Card(name, "–", language.text("quality.none"), "unknown")
    newest = float(known[-1])
    words = language.text("quality.better" if newest > 0 else "quality.worse", share=language.quantity(100 * abs(newest), "%"))
    return Card(name, language.number(newest, 2, sign=True), words, "usual" if newest > 0 else "off")


def _held_card(record: Record, language: Language) -> Card:
    """How often the 80 % band held, and whether chance explains what is missing."""
    name = language.text("quality.held")
    newest = int(record.kept.day[-1]) if len(record.kept.day) else 0
    shares, error = record.kept.between(newest - JUDGED_DAYS + 1, newest + 1).shares(list(judged(record.of)))
    low, high = 1, -2  # P10 and P90
    held = 100 * float(shares[high] - shares[low])
    if not math.isfinite(held):
        return Card(name, "–", language.text("quality.none"), "unknown")
    reach = 196 * float(np.hypot(error[low], error[high]))
    off = math.isfinite(reach) and abs(held - 80) > max(reach, _NEAR)
    if off:
        key = "quality.too_narrow" if held < 80 else "quality.too_wide"
    else:
        key = "quality.as_promised" if abs(held - 80) <= _NEAR else "quality.perhaps_chance"
    return Card(name, language.quantity(held, "%"), language.text(key), "off" if off else "usual")


def _expected_card(coming: list[Estimate], told: Outcome, of: Consumer, scale: Scale, language: Language) -> Card:
    buckets = judged(of)
    name = language.text("quality.expected", lead=lead_words(of, buckets, language))
    mine = [estimate for estimate in coming if estimate.lead_bucket in buckets]
    hours = sum(estimate.hours for estimate in mine)
    if not hours:
        return Card(name, "–", language.text("quality.none"), "unknown")
    mae = sum(estimate.hours * estimate.mae for estimate in mine) / hours
    return Card(name, scale.quantity(mae, language, finer=1), _told_words(told, language), "usual")


def _told_words(told: Outcome, language: Language) -> str:
    """How earlier estimates did, in a line."""
    newest = int(told.day[-1]) if len(told.day) else 0
    recent = told.day > newest - JUDGED_DAYS
    ratio = Outcome(told.day[recent], told.expected[recent], told.actual[recent]).ratio
    if not math.isfinite(ratio):
        return language.text("quality.not_told")
    return language.text("quality.told", ratio=language.number(ratio, 2), days=int(recent.sum()))


def _control(course: Course, days: IntArray, lead: str, language: Language) -> DayChart:
    wape, usual, low, high = (_on(course.day, part, days) for part in (course.wape, course.usual, course.lower, course.upper))
    drifting = _on(course.day, course.drift.astype(np.float64), days) > 0
    time = _middles(days)
    texts = []
    for i, t in enumerate(time.tolist()):
        key = "quality.day_unknown" if math.isnan(wape[i]) else "quality.day_new" if math.isnan(high[i]) else "quality.day"
        values = {
            name: language.quantity(float(part[i]), "%", 1) for name, part in (("wape", wape), ("usual", usual), ("limit", high))
        }
        texts.append(language.text(key, date=language.date(t), **values))
    told = [i for i in range(len(days)) if math.isfinite(wape[i])]
    return DayChart(
        caption=language.text("quality.control", lead=lead, days=WINDOW_DAYS),
        time=time,
        lines=(
            Line(language.text("quality.wape"), wape),
            Line(language.text("quality.usual_line"), usual),
            Line(language.text("quality.limit"), high),
        ),
        low=np.where(np.isfinite(low), 2 * usual - high, np.nan).clip(0),
        high=high,
        marked=tuple(np.flatnonzero(drifting & np.isfinite(wape)).tolist()),
        texts=tuple(texts),
        summary=texts[told[-1]] if told else language.text("quality.too_few"),
    )


def _skill(naive: FloatArray, tso: FloatArray, days: IntArray, lead: str, language: Language) -> DayChart:
    time = _middles(days)
    key = "quality.skill_day" if np.isfinite(tso).any() else "quality.skill_naive"
    texts = tuple(
        language.text(key, date=language.date(t), naive=_number(naive[i], language), tso=_number(tso[i], language))
        for i, t in enumerate(time.tolist())
    )
    told = np.flatnonzero(np.isfinite(naive) | np.isfinite(tso))
    nothing = np.full(len(days), np.nan)
    return DayChart(
        caption=language.text("quality.skill", lead=lead, days=WINDOW_DAYS),
        time=time,
        lines=(Line(language.text("quality.naive"), naive), Line(language.text("quality.tso"), tso)),
        low=nothing,
        high=nothing,
        marked=(),
        texts=texts,
        summary=texts[told[-1]] if len(told) else language.text("quality.none"),
    )


def _number(value: float, language: Language) -> str:
    return language.number(float(value), 2, sign=True)


def _expected(told: Outcome, scale: Scale, language: Language) -> Comparison:
    """Bars of what came under marks of what was expected, of the last days that are known."""
    newest = int(told.day[-1]) if len(told.day) else 0
    days = np.arange(newest - JUDGED_DAYS + 1, newest + 1)
    actual, expected = (_on(told.day, part, days) for part in (told.actual, told.expected))
    midnights = _middles(days) - DAY / 2
    texts = tuple(
        language.text(
            "quality.bar",
            date=language.date(t),
            actual=scale.quantity(actual[i], language, finer=1),
            expected=scale.quantity(expected[i], language, finer=1),
        )
        for i, t in enumerate(midnights.tolist())
    )
    return Comparison(midnights, (), actual * scale.factor, expected * scale.factor, texts)


def _on(day: IntArray, value: FloatArray, days: IntArray) -> FloatArray:
    """Values of `day` on consecutive `days`, NaN where there is none."""
    found = np.full(len(days), np.nan)
    at = day - days[0]
    inside = (at >= 0) & (at < len(days))
    found[at[inside]] = value[inside]
    return found
