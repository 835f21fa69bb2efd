"""Troubles an operator must not miss, in the user's language: what it is, what it does, what to do, since when."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from app.present import facts
from app.snapshot import EngineKind, EngineStatus, Snapshot, with_told
from app.translations import TEXTS, Language
from engine import __version__, clock, plan
from engine.domain import HOUR
from engine.store.reader import Event

#: Kinds of trouble, the most serious first; a kind that is not known comes last.
_SERIOUS = (
    "safe_mode",
    "disk_full",
    "read_only",
    "locked",
    "refused",
    "damaged",
    "disk_low",
    "clock_ahead",
    "job",
    "model",
    "rollback",
    "worse",
    "source",
    "clock_behind",
    "kit",
    "peak",
    "drift",
    "stalled",
    "contradicted",
    "incomplete",
    "challenger",
)
#: Kinds that are told elsewhere: a tier in the header of its area, a proposal by the name of its view, a newer version at the foot.
_TOLD_ELSEWHERE = ("tier", "proposal", *plan.VERSIONS)
#: Seconds a kind of trouble may last before it is one: a source that failed is asked again, and most often answers.
_PATIENCE_S = {"source": HOUR}
#: The local hour at which what was put off until tomorrow comes back.
_MORNING = 6


@dataclass(frozen=True, slots=True)
class Notice:
    """A trouble: `cause` names it for good, `detail` is the engine's own sentence where the others are not that."""

    cause: str
    problem: str
    effect: str
    remedy: str
    since: str
    detail: str = ""

    @property
    def told(self) -> str:
        """What it is, what it does and what to do, on one line."""
        return " ".join(filter(None, (f"{self.problem.rstrip('.')}.", self.effect, self.remedy)))

    def copied(self, now: int) -> str:
        """All of it in lines, to send to somebody."""
        told = (self.problem, self.effect, self.remedy, self.since, self.detail, f"Lastvagt {__version__}, {clock.iso(now)}")
        return "\n".join(line for line in told if line)


def notices(snapshot: Snapshot, engine: EngineStatus, language: Language, now: int) -> tuple[Notice, ...]:
    """Troubles to show over every view, the most serious first: the engine's, then by kind, the likeliest peaks and the newest first."""
    text, found = language.text, []
    if engine.kind is EngineKind.FAILED:
        problem = text("engine.died", detail=engine.detail) if engine.detail else text("engine.lost")
        found.append(Notice("engine", problem, text("engine.lost_effect"), text("engine.retry"), ""))
    if engine.kind is EngineKind.UNHEARD:
        since = text("engine.heard", time=language.moment(engine.heard, now)) if engine.heard else ""
        found.append(
            Notice(
                "engine",
                text("engine.not_heard"),
                text("engine.not_heard_effect"),
                text("engine.not_heard_remedy"),
                since,
                engine.detail,
            )
        )
    if snapshot.fault is not None and snapshot.consumers:
        since = text("window.since", time=language.moment(snapshot.read_at, now))
        found.append(Notice("database", snapshot.fault.problem, text("effect.database"), snapshot.fault.remedy, since))
    events = with_told(snapshot.events, engine)
    lasting = (e for e in events if e.code not in _TOLD_ELSEWHERE and now - e.since >= _PATIENCE_S.get(e.code, 0))
    return (*found, *(_of_event(event, snapshot, language, now) for event in sorted(lasting, key=_rank)))


def _rank(event: Event) -> tuple[int, int]:
    kind = _SERIOUS.index(event.code) if event.code in _SERIOUS else len(_SERIOUS)
    return kind, -facts.percent(event)


def _of_event(event: Event, snapshot: Snapshot, language: Language, now: int) -> Notice:
    """The engine words its troubles in English; those of a known kind are said in the user's language and keep its words as detail."""
    text, cause = language.text, f"{event.code}:{event.subject}"
    since = text("window.since", time=language.moment(event.since, now))
    if f"event.{event.code}" not in TEXTS:
        return Notice(cause, event.problem, "", event.remedy, since)
    problem = facts.title(event, language)
    figures = facts.told(event, language) or facts.shown(event, snapshot, language, now)
    effect, remedy = figures or text(f"effect.{event.code}"), text(f"action.{event.code}")
    return Notice(cause, problem, effect, remedy, since, f"{event.problem} {event.remedy}".strip())


def shelf_times(now: int) -> Mapping[str, int]:
    """Until when a trouble can be put out of sight, by the name of the choice."""
    tomorrow = clock.local(now).date() + dt.timedelta(days=1)
    return {"hour": now + HOUR, "shift": now + 8 * HOUR, "tomorrow": clock.local_time(tomorrow, _MORNING)}


def on_shelf(shelved: Mapping[str, int], now: int) -> dict[str, int]:
    """Of what was put off, what is not back yet."""
    return {cause: until for cause, until in shelved.items() if isinstance(until, int) and until > now}


def history(events: Iterable[Event], language: Language, now: int) -> str:
    """Troubles of the past and of now as a page of Markdown, the newest first."""
    text = language.text
    lines = [f"# {text('notices.history')}"]
    for event in events:
        until = language.moment(event.until, now) if event.until is not None else text("notices.open")
        kind = facts.title(event, language).rstrip(".")
        lines.append(f"**{language.moment(event.since, now)} – {until}**  \n{kind}. {facts.detail(event, language)}")
    return "\n\n".join(lines if len(lines) > 1 else [*lines, text("notices.none")])
