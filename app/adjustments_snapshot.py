"""What the page of adjustments asks the database beyond the snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine import published
from engine.adjusting import Adjustment
from engine.domain import Consumer
from engine.store import Reader
from engine.store.decisions import Worth

#: Adjustments that are listed.
_MOST = 50


@dataclass(frozen=True, slots=True)
class AdjustmentsSnapshot:
    """Adjustments that change the forecast of a consumer, newest first, what each was worth by its number, and those of each operator."""

    of: Consumer
    adjustments: tuple[Adjustment, ...] = ()
    worth: Mapping[int, Worth] = field(default_factory=dict)
    operators: Mapping[str, Worth] = field(default_factory=dict)


def read(reader: Reader, now: int, of: Consumer) -> AdjustmentsSnapshot:
    """All of it, of the consumer and of those whose loads add up to it."""
    concerned = {of, *published.parts_of(of, now)}
    made = [each for each in reader.decisions.adjustments() if each.consumer in concerned]
    return AdjustmentsSnapshot(of, tuple(made[:_MOST]), reader.decisions.worth(), reader.decisions.worth_by_operator())
