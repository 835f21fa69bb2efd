"""What the view of health asks the database beyond the snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine import clock, timetable
from engine.domain import DAY, Tier
from engine.geography import PRICE_AREAS
from engine.ledger import PlannedIssue, planned_issues
from engine.store import Reader
from engine.store.decisions import SetAside
from engine.store.kits import KitRecord
from engine.store.reader import Event
from engine.store.space import Space
from engine.timetable import JobState

#: Days of tiers that are shown, today last.
TIER_DAYS = 28
#: Troubles that are read, newest first.
_EVENTS = 60
_SET_ASIDE = 50
_KITS = 12


@dataclass(frozen=True, slots=True)
class HealthSnapshot:
    """Jobs, troubles open and past, space on the disk, what was set aside, and of each price area the tier of each planned issue.

    `kits` were imported, newest import first; `offline`: nothing else brings data.
    `issues` holds (issue time, tier), newest first, of the days that are shown; `planned` what became of each planned hour of them.
    """

    read_at: int
    jobs: tuple[JobState, ...]
    events: tuple[Event, ...]
    issues: Mapping[str, tuple[tuple[int, Tier], ...]]
    first_issue: int | None
    space: Space
    set_aside: tuple[SetAside, ...]
    planned: tuple[PlannedIssue, ...] = ()
    kits: tuple[KitRecord, ...] = ()
    offline: bool = False


def read(reader: Reader, now: int) -> HealthSnapshot:
    """All of it at `now`."""
    start = clock.local_midnight(clock.local(now - (TIER_DAYS - 1) * DAY).date())
    space = reader.space()
    return HealthSnapshot(
        read_at=now,
        jobs=timetable.jobs(reader, now),
        events=tuple(reader.events(open_only=False, limit=_EVENTS)),
        issues={
            area: tuple((head.issue_time, head.tier) for head in reader.issues(area, start, now + 1, consumer_type="total"))
            for area in PRICE_AREAS
        },
        first_issue=space.oldest_issue,
        space=space,
        set_aside=tuple(reader.decisions.quarantine(_SET_ASIDE)),
        planned=tuple(planned_issues(reader, start, now)),
        kits=tuple(reader.kits.imported(_KITS)),
        offline=reader.offline(),
    )
