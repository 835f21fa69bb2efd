"""A cell of a list."""

from __future__ import annotations

from dataclasses import dataclass

from engine.domain import Freshness


@dataclass(frozen=True, slots=True)
class Cell:
    """Its words, the state they tell if any, and a course to draw with what is usual of it (None: nothing)."""

    words: str = ""
    state: Freshness | None = None
    course: tuple[float, ...] = ()
    usual: float | None = None
