"""What a consumer's load counts, and what it adds up to: said on screen, so that nobody adds what does not add up."""

from __future__ import annotations

from app.translations import Language
from engine import geography
from engine.domain import Consumer


def measure_text(of: Consumer, language: Language, now: int) -> str:
    """What the load counts, whether it is a sum, and why it is no part of its price area's where it is not."""
    parent = geography.name(geography.price_area(of.area), language.code)
    counts = language.text(f"measure.{geography.measure(of).value}", parent=parent)
    parts = geography.addends(of, now)
    if not parts:
        return counts
    if parts[0].area == of.area:
        return f"{language.text('measure.sum_all')} {counts}"
    *first, last = (geography.name(part.area, language.code) for part in parts)
    names = language.text("measure.and", first=", ".join(first), last=last) if first else last
    return f"{language.text('measure.sum', parts=names)} {counts}"
