"""The monitoring view: how good the forecasts of an area turned out, as arrays and finished strings."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from app.present.calibration import CalibrationView, calibration_view
from app.present.frame import Empty, is_gross, marks, nothing_to_show, seen
from app.present.lateness import lag_of
from app.present.scale import Scale, scale_for
from app.snapshot import SCORE_DAYS, ConsumerSnapshot, EngineStatus, Snapshot
from app.translations import Language
from engine import clock, geography
from engine.domain import DAY, LEAD_BUCKETS, Consumer, FloatArray, Score
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
    """How good the forecasts of one consumer turned out. Errors are in the unit its heads and captions name."""

    of: Consumer
    title: str
    daily_caption: str
    lead_caption: str
    hour_caption: str
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


def monitor_view(snapshot: Snapshot, of: Consumer, engine: EngineStatus, language: Language, now: int) -> MonitorView:
    """The monitoring view of one consumer: charts against provisional truth, the table against every truth."""
    of_it = seen(snapshot, of)
    name, scale = geography.title(of, language.code), scale_for(of_it, language)
    errors = _Errors(language, scale)
    by_day = of_it.scores.get(("provisional", "day"), {})
    total = _sum(by_day.values())
    empty = None
    if not total.n:
        fault = nothing_to_show(snapshot, of, engine, language)
        nothing = not snapshot.consumers or (of_it.forecast is None and not len(of_it.observed_time))
        empty = fault if nothing else Empty(language.text("empty.scores", name=name), (_why_no_scores(snapshot, of, language),))
    daily, lead, hour = (language.text(f"monitor.{key}", unit=scale.unit) for key in ("daily", "lead", "hour"))
    return MonitorView(
        of=of,
        title=language.text("monitor.title", name=name),
        daily_caption=daily,
        lead_caption=lead,
        hour_caption=hour,
        period=_period(by_day, of, language),
        marks=marks(snapshot, of_it.forecast, language),
        heads=_score_heads(language, scale),
        lines=_score_lines(of_it, language, scale),
        daily=_daily(errors, by_day, now),
        lead=_by_lead(errors, of_it.scores.get(("provisional", "lead_bucket"), {}), of),
        hour=_by_hour(errors, of_it.scores.get(("provisional", "hour"), {})),
        board=_board(of_it, language),
        calibration=calibration_view(of_it, language, now),
        empty=empty,
        summary=language.text(
            "monitor.daily_summary",
            days=len(by_day),
            model=scale.quantity(total.mae, language, finer=1),
            reference=scale.quantity(total.reference_mae, language, finer=1),
        ),
    )


def _why_no_scores(snapshot: Snapshot, of: Consumer, language: Language) -> str:
    """A forecast waits for truth; for how long depends on the source."""
    lag = None if is_gross(of) else lag_of(snapshot, of)
    if lag is None or lag.usual_s is None:
        return language.text("empty.scores_why" if is_gross(of) else "empty.scores_wait")
    return language.text("empty.scores_late", usual=language.duration(lag.usual_s // DAY * DAY or lag.usual_s))


def _period(by_day: Mapping[int, Score], of: Consumer, language: Language) -> str:
    """The days that are scored, of those the charts reach back to."""
    if not by_day:
        return language.text("monitor.no_period", days=SCORE_DAYS)
    first, last = (
        language.date(clock.local_midnight(clock.EPOCH + dt.timedelta(days=day))) for day in (min(by_day), max(by_day))
    )
    key = "monitor.period" if is_gross(of) else "monitor.period_late"
    return language.text(key, first=first, last=last, count=len(by_day))


def _board(of_it: ConsumerSnapshot, language: Language) -> str:
    """What must be known to read the table: our day-ahead error beside the grid operator's, and what settlement counts."""
    settled = of_it.scores.get(("settlement", "day"))
    about = language.text("monitor.settlement_about") if settled else ""
    return "\n".join(part for part in (_against_tso(of_it.board, language), about) if part)


def _against_tso(board: Scoreboard | None, language: Language) -> str:
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


@dataclass(frozen=True, slots=True)
class _Errors:
    """Scores as bars, in one language and unit."""

    language: Language
    scale: Scale

    def bars(
        self, at: Iterable[float], names: Sequence[str], scores: Iterable[Score], labels: tuple[str, ...] = ()
    ) -> Comparison:
        """A bar with its words for each score."""
        listed = list(scores)
        words = [[self.scale.quantity(e, self.language, finer=1) for e in (s.mae, s.reference_mae)] for s in listed]
        return Comparison(
            at=np.array(list(at), float),
            labels=labels,
            values=np.array([score.mae for score in listed]) * self.scale.factor,
            reference=np.array([score.reference_mae for score in listed]) * self.scale.factor,
            texts=tuple(
                self.language.text("monitor.bar", name=name, model=model, reference=reference)
                for name, (model, reference) in zip(names, words, strict=True)
            ),
        )


def _daily(errors: _Errors, by_day: Mapping[int, Score], now: int) -> Comparison:
    """Every day since the first with a score, and two weeks at least, each placed at its Danish midnight; one without is a gap."""
    today = int(clock.local_day_hour(np.array([now], np.int64))[0][0])
    days = range(max(today - SCORE_DAYS, min([today - 13, *by_day])), today + 1)
    midnights = [clock.local_midnight(clock.EPOCH + dt.timedelta(days=day)) for day in days]
    return errors.bars(midnights, [errors.language.date(t) for t in midnights], (by_day.get(day, Score()) for day in days))


def _by_lead(errors: _Errors, scores: Mapping[int, Score], of: Consumer) -> Comparison:
    """All lead buckets of a price area; of a consumer that is measured late those that its issues reach."""
    text = errors.language.text
    bridge = text("readout.bridge" if is_gross(of) else "readout.bridge_lead")
    buckets = [i for i in range(len(LEAD_BUCKETS)) if is_gross(of) or i <= max(scores, default=len(LEAD_BUCKETS))]
    spans = [f"{first}–{last}" if last > 0 else "" for first, last in (LEAD_BUCKETS[i] for i in buckets)]
    names = [text("monitor.ahead", span=span) if span else bridge for span in spans]
    labels = tuple(span or bridge for span in spans)
    return errors.bars(range(len(labels)), names, (scores.get(i, Score()) for i in buckets), labels)


def _by_hour(errors: _Errors, scores: Mapping[int, Score]) -> Comparison:
    names = [f"{hour:02d}–{(hour + 1) % 24:02d}" for hour in range(24)]
    labels = tuple(f"{hour:02d}" for hour in range(24))
    return errors.bars(range(24), names, (scores.get(hour, Score()) for hour in range(24)), labels)


def _score_heads(language: Language, scale: Scale) -> tuple[str, ...]:
    names = [language.text(f"monitor.{key}", unit=scale.unit) for key in ("n", "mae", "bias", "wape", "crps", "skill")]
    return (*names, *(language.text("monitor.covered", level=level) for level in (50, 80, 90)))


def _score_lines(of_it: ConsumerSnapshot, language: Language, scale: Scale) -> tuple[ScoreLine, ...]:
    """All provisional scores, and the days scored against both truths side by side, so that like is compared with like.

    Settlement has a line where something was scored against it.
    """
    provisional, settled, settlement = (
        of_it.scores.get((truth, "day"), {}) for truth in ("provisional", "settled", "settlement")
    )
    both = [day for day, score in settled.items() if day in provisional and provisional[day].n == score.n]
    rows: list[tuple[str, Iterable[Score]]] = [
        ("provisional", provisional.values()),
        ("same", [provisional[day] for day in both]),
        ("settled", [settled[day] for day in both]),
    ]
    if settlement:
        rows.append(("settlement", settlement.values()))
    if not is_gross(of_it.of):
        rows = rows[:1]  # what is metered is never called final
    return tuple(ScoreLine(language.text(f"monitor.row_{row}"), _cells(_sum(scores), language, scale)) for row, scores in rows)


def _cells(score: Score, language: Language, scale: Scale) -> tuple[str, ...]:
    """The numbers of a line: it says once that there are no data, and a number that cannot be computed is a dash."""
    if not score.n:
        return (language.text("monitor.no_data"), *("–" for _ in _score_heads(language, scale)[1:]))
    mae, bias, crps = (error * scale.factor for error in (score.mae, score.bias, score.mean_crps))
    decimals = scale.decimals + 1
    return (
        language.number(score.n),
        language.number(mae, decimals),
        language.number(bias, decimals, sign=True),
        language.number(score.wape, 2),
        language.number(crps, decimals),
        language.number(score.skill, 2) if math.isfinite(score.skill) else "–",
        *(language.quantity(share, "%", 1) for share in (score.coverage_50, score.coverage_80, score.coverage_90)),
    )
