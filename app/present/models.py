"""The view of models: which bundles there are, who serves, how a trial goes, who decided what, and what can be decided now."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from app.present.frame import Empty, closed, marks, nothing_to_show
from app.snapshot import EngineStatus, ModelsSnapshot, Snapshot
from app.translations import Language
from engine import clock, contest
from engine.contest import Evidence, Verdict
from engine.domain import DAY, Consumer, FloatArray, Tier
from engine.roles import ENGINE, Roles
from engine.store.roster import RoleChange

#: What can be decided about a bundle, in the order of the buttons. `end` is a challenge by nobody.
DECISIONS = ("promote", "rollback", "challenge", "end")
#: Decisions that are told.
_TOLD = 4
#: Days after which the mean difference says enough to set the scale of the chart.
_STEADY_DAYS = 14


@dataclass(frozen=True, slots=True)
class Decision:
    """Something that can be decided: what is asked before, and the words the engine is sent."""

    act: str
    question: str
    words: Mapping[str, str | None]
    needs_reason: bool


@dataclass(frozen=True, slots=True)
class ModelLine:
    """One bundle. `decisions` holds what can be decided about it, by the names in `DECISIONS`."""

    model_id: str
    tier: Tier
    cells: tuple[str, ...]
    decisions: Mapping[str, Decision]


@dataclass(frozen=True, slots=True)
class Trial:
    """How the trial of a tier goes: in words, and as the course of the mean difference with its bounds (NaN: not known yet).

    `time` is the middle of each day compared; `reach` is how far from 0 the chart must show.
    """

    sentence: str
    proposes: bool
    time: FloatArray
    mean: FloatArray
    low: FloatArray
    high: FloatArray
    reach: float


@dataclass(frozen=True, slots=True)
class ModelsView:
    """Everything the view shows. `first` is the line to look at first; `closed` says why nothing can be decided, if so."""

    title: str
    tab: str
    marks: tuple[str, ...]
    heads: tuple[str, ...]
    lines: tuple[ModelLine, ...]
    first: int
    trials: Mapping[Tier, Trial]
    log: tuple[str, ...]
    closed: str
    empty: Empty | None


def models_view(snapshot: Snapshot, engine: EngineStatus, language: Language) -> ModelsView:
    """The view of models."""
    text, models = language.text, snapshot.models
    lines = tuple(line for mine in models.roles.values() for line in _lines(mine, language))
    trials = {tier: _trial(mine, models, language) for tier, mine in models.roles.items()}
    proposed = [tier for tier, trial in trials.items() if trial.proposes]
    first = next((i for i, line in enumerate(lines) if line.tier in proposed and "end" in line.decisions), 0)
    return ModelsView(
        title=text("models.title"),
        tab=text("models.tab", count=len(proposed)) if proposed else text("window.models"),
        marks=marks(snapshot, None, language),
        heads=tuple(text(f"models.{head}") for head in ("model", "tier", "role", "since", "trained", "origin", "signed")),
        lines=lines,
        first=first,
        trials=trials,
        log=tuple(_told(change, language) for change in models.changes[: -_TOLD - 1 : -1]) or (text("models.no_changes"),),
        closed="" if engine.takes_orders else closed(engine, language) or text("models.no_engine"),
        empty=_nothing(snapshot, engine, language) if not lines else None,
    )


def _nothing(snapshot: Snapshot, engine: EngineStatus, language: Language) -> Empty:
    if snapshot.fault is not None:
        return nothing_to_show(snapshot, Consumer("DK"), engine, language)
    return Empty(language.text("models.none"), (language.text("models.none_why"),))


def _lines(mine: Roles, language: Language) -> list[ModelLine]:
    """A tier's bundles: those with a role first, then the newest first."""
    text = language.text
    named = [model_id for model_id in (mine.named, mine.champion, mine.tried) if model_id]
    others = sorted(mine.bundles.values(), key=lambda b: b.trained_to, reverse=True)
    lines = []
    for model_id in dict.fromkeys([*named, *(b.model_id for b in others)]):
        bundle, role = mine.bundles.get(model_id), mine.role(model_id)
        since = {"champion": mine.champion_since, "challenger": mine.challenger_since}.get(role)
        named_role = text(f"role.{role}") if role else "–"
        if bundle is None or bundle.problem:
            named_role = text("models.unusable", role=named_role) if role else text("models.damaged")
        cells = (
            model_id,
            text(f"tier.{mine.tier.value}"),
            named_role,
            _day(since, language) if since else "–",
            _day(bundle.trained_to, language) if bundle else "–",
            text(f"origin.{bundle.origin}") if bundle else text("models.gone"),
            _signer(bundle.signed_by, language) if bundle else "–",
        )
        lines.append(ModelLine(model_id, mine.tier, cells, _decisions(mine, model_id, language)))
    return lines


def _signer(name: str, language: Language) -> str:
    """Whose key signed a bundle, in words where it has no name of its own."""
    return language.text(f"models.signed_{name}") if name in ("program", "own") else name or "–"


def _decisions(mine: Roles, model_id: str, language: Language) -> dict[str, Decision]:
    """What can be decided about a bundle, or with it in sight about its tier."""
    tier, bundle = language.text(f"tier.{mine.tier.value}"), mine.bundles.get(model_id)
    usable = bundle is not None and not bundle.problem
    found: dict[str, Decision] = {}

    def offer(name: str, words: Mapping[str, str | None], needs_reason: bool = False, **places: str) -> None:
        act = "challenge" if name == "end" else name
        question = language.text(f"models.ask_{name}", tier=tier, model=model_id, **places)
        found[name] = Decision(act, question, words, needs_reason)

    if usable and model_id != mine.named:
        offer("promote", {"model_id": model_id}, True, before=mine.named)
    if mine.before:
        offer("rollback", {"tier": mine.tier.value}, before=mine.named, after=mine.before)
    if usable and model_id not in (mine.named, mine.champion, mine.tried):
        offer("challenge", {"model_id": model_id}, before=mine.named)
    if mine.tried and model_id == mine.tried:
        offer("end", {"model_id": None, "tier": mine.tier.value})
    return found


def _day(t: float, language: Language) -> str:
    return f"{language.date(t, weekday=False)} {clock.local(t).year}"


def _trial(mine: Roles, models: ModelsSnapshot, language: Language) -> Trial:
    losses = models.losses.get(mine.tier, ())
    found = contest.evidence(mine.champion, mine.tried, losses)
    run = contest.course(losses)
    middles = [clock.local_midnight(clock.EPOCH + dt.timedelta(days=int(day))) + DAY / 2 for day in run.day]
    low, high = (np.where(np.isfinite(bound), bound, np.nan) for bound in (run.low, run.high))
    steady = np.concatenate([run.mean[_STEADY_DAYS:], low[len(low) // 2 :], high[len(high) // 2 :], [0.02]])
    return Trial(
        sentence=_sentence(found, language) if mine.tried else language.text("models.no_trial"),
        proposes=bool(mine.tried) and found.verdict is not Verdict.UNDECIDED,
        time=np.array(middles),
        mean=run.mean,
        low=low,
        high=high,
        reach=1.15 * float(np.nanmax(np.abs(steady))),
    )


def _sentence(found: Evidence, language: Language) -> str:
    """What the days say of a trial, in the language of the user (`Evidence.sentence` in the user's words)."""
    if not found.days:
        return language.text("models.no_days", challenger=found.challenger, champion=found.champion)
    said = language.text(
        "models.lower" if found.difference < 0 else "models.higher",
        challenger=found.challenger,
        champion=found.champion,
        size=language.quantity(abs(found.relative), "%", 1),
        days=language.number(found.days),
        loss=language.number(found.challenger_wql, 2),
        other=language.quantity(found.champion_wql, "%", 2),
    )
    if not math.isfinite(found.low):
        return f"{said} {language.text('models.too_early')}"
    low, high = (language.number(bound, 3, sign=True) for bound in (found.low, found.high))
    verdict = found.verdict.value
    if found.verdict is Verdict.DROP and not found.low > 0:
        verdict = "expired"
    elif found.verdict is Verdict.UNDECIDED and found.high < 0:
        verdict = "absolute"
    bounds = language.text("models.bounds", low=low, high=high)
    return f"{said} {bounds} {language.text(f'models.verdict_{verdict}', days=language.number(contest.LONGEST_DAYS))}"


def _told(change: RoleChange, language: Language) -> str:
    when = f"{_day(change.changed_at, language)} {language.time(change.changed_at)}"
    what = change_text(change.act, change.from_id, change.to_id, language)
    if change.who == ENGINE:
        return f"{when}  {what} ({language.text('models.by_itself')})"
    return f"{when}  {what} ({change.who})" + (f": {change.reason}" if change.reason else "")


def change_text(act: str, from_id: str, to_id: str, language: Language) -> str:
    """A change of roles in words."""
    name = act if to_id else "end"
    return language.text(f"models.did_{name}", before=from_id or "–", after=to_id)
