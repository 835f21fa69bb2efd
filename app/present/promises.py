"""How forecasts keep their promises: the share of load at or below each level, and the error to expect by lead time."""

from __future__ import annotations

import math
from dataclasses import dataclass

from app.present.quality import JUDGED_DAYS, estimates, lead_words
from app.present.scale import scale_for
from app.record import Record
from app.snapshot import ConsumerSnapshot
from app.translations import Language
from engine import expected_error
from engine.domain import LEAD_BUCKETS, LEVELS

#: Days that tell how often load was below each level.
TOLD_DAYS = 84
#: Half of the 95 % interval in standard errors.
_SIGMAS = 1.96


@dataclass(frozen=True, slots=True)
class LevelLine:
    """A level: what it promises, what was seen, and the range that chance explains, in percent; `off` where it does not."""

    nominal: float
    seen: float
    reach: float
    cells: tuple[str, ...]
    off: bool


@dataclass(frozen=True, slots=True)
class PromiseView:
    """The reliability diagram of a lead bucket, and the table of expected errors. `leads` are all buckets that can be chosen."""

    leads: tuple[tuple[int, str], ...]
    lead: int
    caption: str
    heads: tuple[str, ...]
    levels: tuple[LevelLine, ...]
    about: str
    error_heads: tuple[str, ...]
    errors: tuple[tuple[str, ...], ...]
    empty: str
    summary: str


def promise_view(
    seen: ConsumerSnapshot, record: Record, lead: int | None, late: int, language: Language, now: int
) -> PromiseView:
    """The promises of one lead bucket; of the longest day ahead, or the only one there is, where none is chosen."""
    kept = record.kept
    newest = int(kept.day[-1]) if len(kept.day) else 0
    recent = kept.between(newest - TOLD_DAYS + 1, newest + 1)
    filled = [bucket for bucket in range(len(LEAD_BUCKETS)) if recent.n[:, bucket].any()]
    names = tuple((bucket, lead_words(record.of, (bucket,), language)) for bucket in filled)
    chosen = lead if lead in filled else 4 if 4 in filled else filled[0] if filled else 0
    shares, error = recent.shares([chosen])
    levels = tuple(
        _level(level, float(100 * share), float(100 * _SIGMAS * e), language)
        for level, share, e in zip(LEVELS, shares, error, strict=True)
    )
    off = [line for line in levels if line.off]
    days = int((recent.n[:, chosen] > 0).sum())
    worst = max(off or levels, key=lambda line: abs(line.seen - line.nominal) if math.isfinite(line.seen) else -1.0)
    summary = language.text(
        "promise.summary" if off else "promise.kept",
        count=len(off),
        level=f"P{worst.nominal:02.0f}",
        seen=language.quantity(worst.seen, "%", 1),
    )
    return PromiseView(
        leads=names,
        lead=chosen,
        caption=language.text("promise.caption"),
        heads=tuple(language.text(f"promise.{key}") for key in ("level", "seen", "chance")),
        levels=levels,
        about=language.text("promise.about", days=days, pairs=language.number(float(recent.n[:, chosen].sum()))),
        error_heads=tuple(
            language.text(f"promise.{key}", unit=scale_for(seen, language).unit)
            for key in ("lead", "hours", "coming", "of_load", "earlier")
        ),
        errors=_errors(seen, record, late, language, now),
        empty="" if filled else language.text("promise.empty"),
        summary=summary if filled else language.text("promise.empty"),
    )


def _level(level: float, seen: float, reach: float, language: Language) -> LevelLine:
    nominal = 100 * level
    off = math.isfinite(reach) and math.isfinite(seen) and abs(seen - nominal) > reach
    chance = f"±\u202f{language.number(reach, 1)}" if math.isfinite(reach) else "–"
    return LevelLine(nominal, seen, reach, (f"P{nominal:02.0f}", language.quantity(seen, "%", 1), chance), off)


def _errors(seen: ConsumerSnapshot, record: Record, late: int, language: Language, now: int) -> tuple[tuple[str, ...], ...]:
    """A line a lead bucket: hours, the error to expect of them, and how many times that of earlier estimates errors were."""
    scale, lines = scale_for(seen, language), []
    for estimate in estimates(seen, record, now):
        told = expected_error.outcome(record.kept, (estimate.lead_bucket,), late)
        recent = told.day > (int(told.day[-1]) if len(told.day) else 0) - JUDGED_DAYS
        ratio = expected_error.Outcome(told.day[recent], told.expected[recent], told.actual[recent]).ratio
        share = 100 * estimate.mae / estimate.load if estimate.load > 0 else math.nan
        lines.append(
            (
                lead_words(record.of, (estimate.lead_bucket,), language),
                language.number(estimate.hours),
                language.number(estimate.mae * scale.factor, scale.decimals + 1),
                language.quantity(share, "%", 1) if math.isfinite(share) else "–",
                language.number(ratio, 2) if math.isfinite(ratio) else "–",
            )
        )
    return tuple(lines)
