"""The list of values that were set aside: what each is, why, and what somebody decided about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.present.cell import Cell
from app.present.frame import closed
from app.snapshot import EngineStatus
from app.translations import Language
from engine import clock, geography
from engine.domain import UNITS, Consumer
from engine.store.decisions import ACCEPT, SetAside


@dataclass(frozen=True, slots=True)
class SetAsideLine:
    """A value: its cells, and whether it `waits` for a decision; one without a number cannot be accepted."""

    quarantine_id: int
    cells: tuple[Cell, ...]
    waits: bool
    numeric: bool


def set_aside_lines(values: Sequence[SetAside], language: Language, now: int) -> tuple[SetAsideLine, ...]:
    """Those that wait first, each group newest first."""
    return tuple(_line(value, language, now) for value in sorted(values, key=lambda value: bool(value.verdict)))


def undecidable(engine: EngineStatus, language: Language) -> str:
    """Why nothing can be decided; empty where it can."""
    return "" if engine.takes_orders else closed(engine, language) or language.text("quarantine.closed")


def _line(value: SetAside, language: Language, now: int) -> SetAsideLine:
    cells = (
        language.moment(value.valid_time, now),
        geography.title(value.consumer, language.code),
        language.text(f"quantity.{value.quantity}"),
        _amount(value.quantity, value.value, language),
        value.reason,
        _verdict(value, language, now),
    )
    return SetAsideLine(value.quarantine_id, tuple(map(Cell, cells)), not value.verdict, value.value is not None)


def _amount(quantity: str, value: float | None, language: Language) -> str:
    return "–" if value is None else language.quantity(value, UNITS[quantity], 1)


def _verdict(value: SetAside, language: Language, now: int) -> str:
    if value.decided_at is None:
        return language.text("quarantine.open")
    done = "accepted" if value.verdict == ACCEPT else "rejected"
    return language.text(f"quarantine.{done}", who=value.who, time=language.moment(value.decided_at, now))


def judged_text(recorded: Mapping[str, Any], language: Language) -> str:
    """What the engine recorded about a value, in words."""
    whose = geography.title(Consumer(recorded["area"], recorded["consumer_type"]), language.code)
    t = clock.parse_utc(recorded["valid_time"])
    amount = _amount(recorded["quantity"], recorded["value"], language)
    what = f"{whose}, {language.date(t)} {language.hour_span(t)}, {amount}"
    return language.text(f"quarantine.done_{recorded['verdict']}", what=what)
