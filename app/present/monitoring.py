"""The monitoring view: how good the forecasts of an area turned out, as arrays and finished strings."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from app.present.calibration import CalibrationView, calibration_view
from app.present.frame import UNIT, Empty, area_of, marks, nothing_to_show
from app.snapshot import SCORE_DAYS, EngineStatus, Snapshot
from app.translations import Language
from engine import clock, geography
from engine.domain import LEAD_BUCKETS, FloatArray, Score
from engine.scoreboard import Scoreboard


@dataclass(frozen=True, slots=True)
class Comparison:
    """Bars against marks: `values` of the forecast, `reference` what they are held against; NaN where there is no score.

    `at` are positions, or times where `labels` is empty; `texts` say each bar in words.
    """

    at: FloatArray
    labels: tuple[str, ...]
    values: FloatArray
    reference: FloatArray
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ScoreLine:
    """One line of the score table: what it is scored against, and the numbers in the order of the heads."""

    name: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MonitorView:
    """How good the forecasts of one area turned out."""

    area: str
    title: str
    period: str
    marks: tuple[str, ...]
    heads: tuple[str, ...]
    lines: tuple[ScoreLine, ...]
    daily: Comparison
    lead: Comparison
    hour: Comparison
    board: str
    calibration: CalibrationView
    empty: Empty | None
    summary: str


def monitor_view(snapshot: Snapshot, code: str, engine: EngineStatus, language: Language, now: int) -> MonitorView:
    """The monitoring view of one area: charts against provisional truth, the table against both."""
    area = area_of(snapshot, code)
    name = geography.name(code, language.code)
    by_day = area.scores.get(("provisional", "day"), {})
    total = _sum(by_day.values())
    lines = _score_lines(by_day, area.scores.get(("settled", "day"), {}), language)
    daily = _daily(by_day, language, now)
    empty = None
    if not total.n:
        why = language.text("empty.scores_why")
        fault = nothing_to_show(snapshot, code, engine, language)
        nothing = not snapshot.areas or (area.forecast is None and not len(area.observed_time))
        empty = fault if nothing else Empty(language.text("empty.scores", name=name), (why,))
    return MonitorView(
        area=code,
        title=language.text("monitor.title", name=name),
        period=_period(by_day, language),
        marks=marks(snapshot, area.forecast, language),
        heads=_score_heads(language),
        lines=lines,
        daily=daily,
        lead=_by_lead(area.scores.get(("provisional", "lead_bucket"), {}), language),
        hour=_by_hour(area.scores.get(("provisional", "hour"), {}), language),
        board=_board(area.board, language),
        calibration=calibration_view(area, language, now),
        empty=empty,
        summary=language.text(
            "monitor.daily_summary",
            days=len(by_day),
            model=language.quantity(total.mae, UNIT, 1),
            reference=language.quantity(total.reference_mae, UNIT, 1),
        ),
    )


def _period(by_day: Mapping[int, Score], language: Language) -> str:
    """The days that are scored, of those the charts reach back to."""
    if not by_day:
        return language.text("monitor.no_period", days=SCORE_DAYS)
    first, last = (
        language.date(clock.local_midnight(clock.EPOCH + dt.timedelta(days=day))) for day in (min(by_day), max(by_day))
    )
    return language.text("monitor.period", first=first, last=last, count=len(by_day))


def _board(board: Scoreboard | None, language: Language) -> str:
    """Our day-ahead error beside the grid operator's, in a line; nothing where there is none of theirs."""
    if board is None or not len(board.observed):
        return ""
    ours, theirs = (language.quantity(board.figures(f)["wape"], "%", 2) for f in (board.ours, board.theirs))
    low, high = board.skill_interval
    interval = ""
    if not math.isnan(low):
        ends = (language.number(x, 2, sign=True) for x in (low, high))
        interval = language.text("monitor.board_interval", span="…".join(ends))
    return language.text(
        "monitor.board",
        hours=language.number(len(board.observed)),
        days=board.days,
        ours=ours,
        theirs=theirs,
        skill=language.number(board.skill, 2, sign=True),
        interval=interval,
    )


def _sum(scores: Iterable[Score]) -> Score:
    return sum(scores, Score())


def _errors(
    language: Language, at: Iterable[float], names: Sequence[str], scores: Iterable[Score], labels: tuple[str, ...] = ()
) -> Comparison:
    listed = list(scores)
    return Comparison(
        at=np.array(list(at), float),
        labels=labels,
        values=np.array([score.mae for score in listed]),
        reference=np.array([score.reference_mae for score in listed]),
        texts=tuple(
            language.text(
                "monitor.bar",
                name=name,
                model=language.quantity(score.mae, UNIT, 1),
                reference=language.quantity(score.reference_mae, UNIT, 1),
            )
            for name, score in zip(names, listed, strict=True)
        ),
    )


def _daily(by_day: Mapping[int, Score], language: Language, now: int) -> Comparison:
    """Every day since the first with a score, and two weeks at least, each placed at its Danish midnight; one without is a gap."""
    today = int(clock.local_day_hour(np.array([now], np.int64))[0][0])
    days = range(max(today - SCORE_DAYS, min([today - 13, *by_day])), today + 1)
    midnights = [clock.local_midnight(clock.EPOCH + dt.timedelta(days=day)) for day in days]
    return _errors(language, midnights, [language.date(t) for t in midnights], (by_day.get(day, Score()) for day in days))


def _by_lead(scores: Mapping[int, Score], language: Language) -> Comparison:
    begun = language.text("readout.bridge")
    labels = tuple(begun if last <= 0 else f"{first}–{last}" for first, last in LEAD_BUCKETS)
    names = [begun if last <= 0 else language.text("monitor.ahead", span=f"{first}–{last}") for first, last in LEAD_BUCKETS]
    return _errors(language, range(len(labels)), names, (scores.get(i, Score()) for i in range(len(labels))), labels)


def _by_hour(scores: Mapping[int, Score], language: Language) -> Comparison:
    names = [f"{hour:02d}–{(hour + 1) % 24:02d}" for hour in range(24)]
    labels = tuple(f"{hour:02d}" for hour in range(24))
    return _errors(language, range(24), names, (scores.get(hour, Score()) for hour in range(24)), labels)


def _score_heads(language: Language) -> tuple[str, ...]:
    names = [language.text(f"monitor.{key}") for key in ("n", "mae", "bias", "wape", "crps", "skill")]
    return (*names, *(language.text("monitor.covered", level=level) for level in (50, 80, 90)))


def _score_lines(provisional: Mapping[int, Score], settled: Mapping[int, Score], language: Language) -> tuple[ScoreLine, ...]:
    """All provisional scores, and the days scored against both truths side by side, so that like is compared with like."""
    both = [day for day, score in settled.items() if day in provisional and provisional[day].n == score.n]
    return tuple(
        ScoreLine(language.text(f"monitor.row_{row}"), _cells(_sum(scores), language))
        for row, scores in (
            ("provisional", provisional.values()),
            ("same", [provisional[day] for day in both]),
            ("settled", [settled[day] for day in both]),
        )
    )


def _cells(score: Score, language: Language) -> tuple[str, ...]:
    """The numbers of a line: it says once that there are no data, and a number that cannot be computed is a dash."""
    if not score.n:
        return (language.text("monitor.no_data"), *("–" for _ in _score_heads(language)[1:]))
    return (
        language.number(score.n),
        language.number(score.mae, 1),
        language.number(score.bias, 1, sign=True),
        language.number(score.wape, 2),
        language.number(score.mean_crps, 1),
        language.number(score.skill, 2) if math.isfinite(score.skill) else "–",
        *(language.quantity(share, "%", 1) for share in (score.coverage_50, score.coverage_80, score.coverage_90)),
    )
