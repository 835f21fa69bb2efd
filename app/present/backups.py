"""The list of backups: when each was made and what it holds, what putting one in place would lose, and why none can be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.present.cell import Cell
from app.present.frame import closed
from app.snapshot import EngineStatus
from app.translations import Language
from engine import clock


@dataclass(frozen=True, slots=True)
class BackupLine:
    """A backup: the name by which it is restored, and its cells."""

    name: str
    cells: tuple[Cell, ...]


def backup_lines(document: Mapping[str, Any], language: Language, now: int) -> tuple[BackupLine, ...]:
    """What the engine says of its backups, newest first."""
    return tuple(
        BackupLine(
            each["name"],
            (
                Cell(language.moment(clock.parse_utc(each["made_at"]), now)),
                Cell(language.quantity(each["size_bytes"] / 1e6, "MB", 1)),
                Cell(language.number(each["issues"])),
                Cell("–" if each["newest_issue"] is None else language.moment(clock.parse_utc(each["newest_issue"]), now)),
            ),
        )
        for each in document["backups"]
    )


def unrestorable(engine: EngineStatus, language: Language) -> str:
    """Why no backup can be made or put in place from here; empty where one can."""
    return "" if engine.takes_orders else closed(engine, language) or language.text("backups.no_engine")


def loss_text(document: Mapping[str, Any], language: Language, now: int) -> str:
    """What putting a backup in place loses, in sentences."""
    text = language.text
    made = language.moment(clock.parse_utc(document["made_at"]), now)
    lost = [
        text(f"backups.lost_{name}", count=language.number(document[name]))
        for name in ("issues", "values", "decisions")
        if document[name]
    ]
    told = text("backups.lost", what=", ".join(lost)) if lost else text("backups.lost_nothing")
    if document["first_issue"] is not None:
        first, last = (language.moment(clock.parse_utc(document[name]), now) for name in ("first_issue", "last_issue"))
        told += " " + text("backups.lost_span", first=first, last=last)
    return f"{text('backups.of', made=made)} {told}"
