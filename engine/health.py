"""Whether the engine does its work, for people and programs that watch over it: the answer of /health, and what /metrics tells too."""

from __future__ import annotations

from collections.abc import Sequence

from engine import __version__, clock, crashes, geography, plan
from engine.domain import DAY, HOUR, USUAL_AGE_S, Consumer, Freshness, Tier, freshness
from engine.geography import Measure
from engine.store import Reader
from engine.store.kits import USUAL_OF, on_plan, usual_gap_s
from engine.store.reader import SeriesState

#: Age that the newest metered load of a region, municipality or industry usually reaches: it is published 9 to 15 days late.
_METERED_AGE_S = 12 * DAY


def state(reader: Reader, now: int) -> dict[str, object]:
    """Whether forecasts are current and why not: the answer of /health. Its size does not grow with the consumers."""
    areas, events, kits = [], reader.events(), reader.kits.imported(USUAL_OF)
    for code in geography.PRICE_AREAS:
        for issue in reader.issues(code, end=now + 1, limit=1, consumer_type="total"):
            age_s = now - issue.issue_time
            areas.append(
                {
                    "area": code,
                    "issue_time": clock.iso(issue.issue_time),
                    "tier": issue.tier.value,
                    "reason": str(issue.reason),
                    "model_id": issue.model_id,
                    "age_s": age_s,
                    "freshness": freshness(age_s, HOUR).value,
                }
            )
    troubles = [event for event in events if event.code not in ("proposal", *plan.VERSIONS)]
    planned = reader.offline() and on_plan(kits, now)  # a lower tier is as everybody expects between two kits
    current = all(area["freshness"] == Freshness.FRESH and (planned or area["tier"] == Tier.FULL) for area in areas)
    status = "starting" if not areas else "ok" if current and not troubles else "degraded"
    return {
        "status": crashes.EVENT if any(event.code == crashes.EVENT for event in events) else status,
        "version": __version__,
        "now": clock.iso(now),
        "simulated": reader.simulated,
        "offline": reader.offline(),
        "exposed": reader.exposed() or None,
        "newest_kit": None if (newest := reader.kits.newest()) is None else clock.iso(newest),
        "next_kit": None if newest is None or (gap_s := usual_gap_s(kits)) is None else clock.iso(newest + gap_s),
        "backups": _backups(reader),
        "areas": areas,
        "others": others(reader, now),
        "sources": [_dataset(states, now) for states in datasets(reader).values()],
        "events": [
            {"code": e.code, "subject": e.subject, "problem": e.problem, "remedy": e.remedy, "since": clock.iso(e.since)}
            for e in events
        ],
    }


def _backups(reader: Reader) -> dict[str, object] | None:
    """How many backups there are, and of when the newest is; None where no engine has looked."""
    known = reader.backups()
    if known is None:
        return None
    newest = None if known.made_at is None else clock.iso(known.made_at)
    return {"count": known.count, "newest": newest, "size_bytes": known.size_bytes}


def others(reader: Reader, now: int) -> dict[str, object]:
    """How many consumers there are besides the price areas, and how current their issues are."""
    rest = [of for of in reader.consumers(now) if geography.measure(of) is not Measure.GROSS]
    heads = [head for of in rest for head in reader.issues(of.area, end=now + 1, limit=1, consumer_type=of.consumer_type)]
    times = [head.issue_time for head in heads]
    return {
        "consumers": len(rest),
        "forecast": len(heads),
        "oldest_issue": clock.iso(min(times)) if times else None,
        "newest_issue": clock.iso(max(times)) if times else None,
    }


def datasets(reader: Reader) -> dict[tuple[str, str], list[SeriesState]]:
    """The series of each quantity and source."""
    found: dict[tuple[str, str], list[SeriesState]] = {}
    for state in reader.series():
        found.setdefault((state.quantity, state.source), []).append(state)
    return found


def _dataset(states: Sequence[SeriesState], now: int) -> dict[str, object]:
    """The series of one quantity and source in one line, judged by the one that is furthest behind."""
    behind, fresh = judged(states, now)
    return {
        "quantity": behind.quantity,
        "source": behind.source,
        "series": len(states),
        "oldest_valid": clock.iso(behind.newest_valid),
        "newest_valid": clock.iso(max(state.newest_valid for state in states)),
        "newest_available": clock.iso(max(state.newest_available for state in states)),
        "age_s": behind.age_s(now),
        "freshness": fresh.value,
    }


def judged(states: Sequence[SeriesState], now: int) -> tuple[SeriesState, Freshness]:
    """The series of a dataset that is furthest behind, and whether that is usual."""
    behind = max(states, key=lambda state: state.age_s(now))
    gross = geography.measure(Consumer(behind.area, behind.consumer_type)) is Measure.GROSS
    usual_s = USUAL_AGE_S[behind.quantity] if gross or behind.quantity != "load" else _METERED_AGE_S
    return behind, freshness(behind.age_s(now), usual_s)
