"""Who serves and who is tried: each tier's champion and challenger, from the bundles there are and what people decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.domain import Expected, Tier
from engine.store.roster import BundleState, RoleChange

#: What can be decided: make a bundle champion, go back to the champion before, try a bundle (or none) in shadow.
ACTS = ("promote", "rollback", "challenge")
#: What ids of bundles look like, as a regular expression; a + joins the ids of those that made the parts of a sum.
MODEL_ID = "[A-Za-z0-9._-]{1,100}"
#: Who decides what nobody has decided yet.
ENGINE = "engine"


class Unknown(Expected):
    """There is no such bundle."""


class Pointless(Expected):
    """A decision that changes nothing, or cannot be carried out as roles stand."""


@dataclass(frozen=True, slots=True)
class Roles:
    """The roles of one tier; an empty id is nobody.

    `named` is the champion that was decided on (or the newest shipped bundle), `champion` the one that serves: another only
    where `named` cannot be used. `before` is whom a rollback brings back, `tried` the challenger decided on, `challenger` the
    same where it can be used, `spare` is `before` where it can take over at once, `untried` the newest bundle that is newer than `named` and that nobody has decided about.
    """

    tier: Tier
    bundles: Mapping[str, BundleState]
    named: str
    champion: str
    before: str
    spare: str
    tried: str
    challenger: str
    untried: str
    champion_since: int | None
    challenger_since: int | None

    def role(self, model_id: str) -> str:
        """champion, stand_in (for a champion that cannot be used), challenger, waiting (to be tried), or nothing."""
        if model_id == self.named:
            return "champion"
        if model_id == self.champion:
            return "stand_in"
        if model_id == self.tried:
            return "challenger"
        return "waiting" if model_id == self.untried else ""


@dataclass(frozen=True, slots=True)
class Move:
    """A decision that makes sense."""

    tier: Tier
    act: str
    from_id: str
    to_id: str


def assign(bundles: Sequence[BundleState], changes: Sequence[RoleChange]) -> dict[Tier, Roles]:
    """The roles of every tier that has a bundle or had one decided on; `changes` in the order they were made."""
    known = {b.tier for b in bundles} | {c.tier for c in changes}
    return {
        tier: _roles(tier, {b.model_id: b for b in bundles if b.tier is tier}, [c for c in changes if c.tier is tier])
        for tier in Tier
        if tier in known
    }


def _roles(tier: Tier, bundles: Mapping[str, BundleState], changes: Sequence[RoleChange]) -> Roles:
    line = [""]  # of champions, the one to serve last
    tried, champion_since, challenger_since = "", None, None
    for change in changes:
        if change.act == "challenge":
            tried, challenger_since = change.to_id, change.changed_at
            continue
        before = line if len(line) > 1 else [change.from_id]
        line = line[:-1] or [""] if change.act == "rollback" else [*before, change.to_id]
        champion_since = change.changed_at
        tried = "" if change.to_id == tried else tried
    usable = [b for b in bundles.values() if not b.problem]
    usable.sort(key=lambda b: (b.origin == "shipped", b.trained_to, b.model_id), reverse=True)
    ids = [b.model_id for b in usable]
    named = line[-1] or next(iter(ids), "")
    champion = next((model_id for model_id in (*reversed(line), *ids) if model_id in ids), "")
    decided = {model_id for change in changes for model_id in (change.from_id, change.to_id)}
    newer = [b for b in usable if b.trained_to > bundles[champion].trained_to and b.model_id not in decided]
    return Roles(
        tier=tier,
        bundles=bundles,
        named=named,
        champion=champion,
        before=line[-2] if len(line) > 1 else "",
        spare=line[-2] if len(line) > 1 and champion == named and line[-2] in ids else "",
        tried=tried,
        challenger=tried if tried in ids and tried != champion else "",
        untried=max(newer, key=lambda b: b.trained_to).model_id if newer else "",
        champion_since=champion_since,
        challenger_since=challenger_since if tried else None,
    )


def promotion(roles: Mapping[Tier, Roles], model_id: str) -> Move:
    """Make a bundle the champion of its tier. Raises Unknown, or Pointless where it is that already or cannot be used."""
    mine = _of(roles, model_id)
    if model_id == mine.named:
        raise Pointless(f"{model_id} is the champion of the tier '{mine.tier}' already.", "There is nothing to do.")
    return Move(mine.tier, "promote", mine.named, model_id)


def rollback(roles: Mapping[Tier, Roles], tier: Tier) -> Move:
    """Bring back the champion before. Raises Pointless where there was none, Unknown where it is gone."""
    mine = roles.get(tier)
    if mine is None or not mine.before:
        raise Pointless(f"The tier '{tier}' had no champion before this one.", "Promote the bundle that shall serve.")
    _of(roles, mine.before)
    return Move(tier, "rollback", mine.named, mine.before)


def challenge(roles: Mapping[Tier, Roles], model_id: str, tier: Tier) -> Move:
    """Try a bundle in shadow, or with an empty id none in `tier`. Raises Unknown, or Pointless where nothing would change."""
    mine = _of(roles, model_id) if model_id else roles.get(tier)
    if mine is None or model_id == mine.tried:
        who = f"{model_id} is tried" if model_id else "No bundle is tried"
        raise Pointless(f"{who} in the tier '{mine.tier if mine else tier}' already.", "There is nothing to do.")
    if model_id and model_id in (mine.named, mine.champion):
        raise Pointless(f"{model_id} is the champion, which cannot challenge itself.", "Name another bundle.")
    return Move(mine.tier, "challenge", mine.tried, model_id)


def _of(roles: Mapping[Tier, Roles], model_id: str) -> Roles:
    """The roles of a bundle's tier; raises where it cannot be used."""
    for mine in roles.values():
        bundle = mine.bundles.get(model_id)
        if bundle is not None and bundle.problem:
            raise Pointless(f"{model_id} cannot be used: {bundle.problem}", "Mend it first, or name another bundle.")
        if bundle is not None:
            return mine
    known = ", ".join(model_id for mine in roles.values() for model_id in mine.bundles)
    raise Unknown(f"There is no bundle '{model_id}'.", f"Known bundles: {known or 'none'}.")
