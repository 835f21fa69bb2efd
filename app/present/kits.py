"""The list of kits that were imported: how old each is, what it brought, and why none can be imported where that is so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.present.cell import Cell
from app.present.frame import closed
from app.snapshot import EngineKind, EngineStatus
from app.translations import Language
from engine import clock
from engine.domain import Freshness
from engine.store.kits import KitRecord, late


@dataclass(frozen=True, slots=True)
class KitsView:
    """A sentence on the newest kit with its state (None: nothing is wrong), and a line of cells for each kit, newest import first."""

    newest: str
    state: Freshness | None
    lines: tuple[tuple[Cell, ...], ...]


def kits_view(kits: Sequence[KitRecord], language: Language, now: int) -> KitsView:
    """The kits as they stand at `now`."""
    if not kits:
        return KitsView(language.text("kits.none"), None, ())
    newest = max(record.until for record in kits)
    told = language.text("kits.newest", time=language.moment(newest, now), age=language.duration(now - newest))
    return KitsView(told, Freshness.LATE if late(kits, now) else None, tuple(_line(record, language, now) for record in kits))


def unimportable(engine: EngineStatus, language: Language) -> str:
    """Why no kit can be imported from here; empty where one can."""
    if engine.kind is EngineKind.CONNECTED:  # the file would have to lie there
        return language.text("kits.elsewhere")
    return "" if engine.takes_orders else closed(engine, language) or language.text("kits.no_engine")


def _line(record: KitRecord, language: Language, now: int) -> tuple[Cell, ...]:
    return (
        Cell(language.moment(record.imported_at, now, weekday=False)),
        Cell(record.file),
        Cell(language.moment(record.until, now, weekday=False)),
        Cell(_brought(record.brought, language)),
        Cell(record.signed_by),
    )


def _brought(brought: Mapping[str, Any], language: Language) -> str:
    parts = [language.text("kits.values", count=language.number(brought["new"]))]
    if brought["quarantined"]:
        parts.append(language.text("kits.set_aside", count=language.number(brought["quarantined"])))
    if brought["models"]:
        models = len(brought["models"])
        parts.append(language.text("kits.models", count=models) if models > 1 else language.text("kits.model"))
    if brought["update"]:
        parts.append(language.text("kits.update", version=brought["update"]))
    return ", ".join(parts)


def kit_taken(document: Mapping[str, Any], language: Language, now: int) -> str:
    """What became of an import, in words; the engine's own for what was not taken."""
    if document["again"]:
        at = language.moment(clock.parse_utc(document["imported_at"]), now)
        told = language.text("kits.again", file=document["file"], time=at)
    else:
        told = language.text("kits.taken", file=document["file"], brought=_brought(document["brought"], language))
    return " ".join([told, *document["troubles"]])
