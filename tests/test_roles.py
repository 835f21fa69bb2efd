"""Who serves and who is tried, from what there is and what was decided."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import roles
from engine.domain import Tier
from engine.roles import Roles
from engine.store.roster import BundleState, RoleChange

OLD = BundleState("old", Tier.FULL, 100, "shipped")
NEW = BundleState("new", Tier.FULL, 200, "own")
NEWER = BundleState("newer", Tier.FULL, 300, "own")
LATE = BundleState("late", Tier.LATE, 50, "shipped")


def broken(bundle: BundleState) -> BundleState:
    return BundleState(bundle.model_id, bundle.tier, bundle.trained_to, bundle.origin, "It is damaged.")


class Desk:
    """Decisions, one after the other."""

    def __init__(self, *bundles: BundleState) -> None:
        self.bundles, self.changes = list(bundles), list[RoleChange]()

    @property
    def roles(self) -> dict[Tier, Roles]:
        return roles.assign(self.bundles, self.changes)

    @property
    def full(self) -> Roles:
        return self.roles[Tier.FULL]

    def _record(self, move: roles.Move) -> None:
        self.changes.append(RoleChange(1000 + len(self.changes), move.tier, move.act, move.from_id, move.to_id, "me", ""))

    def promote(self, model_id: str) -> None:
        self._record(roles.promotion(self.roles, model_id))

    def rollback(self, tier: Tier = Tier.FULL) -> None:
        self._record(roles.rollback(self.roles, tier))

    def challenge(self, model_id: str) -> None:
        self._record(roles.challenge(self.roles, model_id, Tier.FULL))


def test_without_decisions_the_newest_shipped_bundle_serves_and_a_newer_one_waits() -> None:
    older = BundleState("older", Tier.FULL, 90, "shipped")
    desk = Desk(older, OLD, NEW, NEWER, LATE)
    assert (desk.full.champion, desk.full.challenger, desk.full.untried) == ("old", "", "newer")
    assert [desk.full.role(name) for name in ("older", "old", "new", "newer")] == ["", "champion", "", "waiting"]
    assert desk.roles[Tier.LATE].champion == "late"
    assert Tier.NO_WEATHER not in desk.roles


def test_a_bundle_of_ones_own_serves_where_none_was_shipped() -> None:
    assert Desk(NEW, NEWER).full.champion == "newer"


def test_promotion_and_rollback_go_up_and_down_one_ladder() -> None:
    desk = Desk(OLD, NEW, NEWER)
    desk.promote("new")
    desk.promote("newer")
    assert (desk.full.champion, desk.full.before, desk.full.champion_since) == ("newer", "new", 1001)
    desk.rollback()
    assert (desk.full.champion, desk.full.before) == ("new", "old")
    desk.rollback()
    assert (desk.full.champion, desk.full.before) == ("old", "")
    with pytest.raises(roles.Pointless, match="no champion before"):
        desk.rollback()
    desk.promote("newer")
    desk.rollback()
    assert desk.full.champion == "old"


def test_a_promoted_challenger_is_a_challenger_no_more() -> None:
    desk = Desk(OLD, NEW, NEWER)
    desk.challenge("new")
    assert (desk.full.challenger, desk.full.challenger_since) == ("new", 1000)
    desk.promote("new")
    assert (desk.full.champion, desk.full.challenger, desk.full.tried, desk.full.untried) == ("new", "", "", "newer")


def test_whoever_was_decided_about_is_not_tried_again_by_itself() -> None:
    desk = Desk(OLD, NEW)
    assert desk.full.untried == "new"
    desk.challenge("new")
    desk.challenge("")
    assert (desk.full.challenger, desk.full.untried) == ("", "")
    desk.bundles.append(NEWER)
    assert desk.full.untried == "newer"
    desk.promote("newer")
    desk.rollback()
    assert desk.full.untried == ""


def test_a_program_that_ships_a_newer_bundle_serves_it_unless_somebody_decided_otherwise() -> None:
    shipped = BundleState("shipped-2", Tier.FULL, 250, "shipped")
    assert Desk(OLD, shipped).full.champion == "shipped-2"
    desk = Desk(OLD, NEW)
    desk.promote("new")
    desk.bundles.append(shipped)
    assert (desk.full.champion, desk.full.untried) == ("new", "shipped-2")


def test_a_champion_that_cannot_be_used_has_a_stand_in_until_it_can() -> None:
    desk = Desk(OLD, NEW, NEWER)
    desk.promote("new")
    desk.promote("newer")
    desk.bundles = [OLD, NEW, broken(NEWER)]
    assert (desk.full.named, desk.full.champion) == ("newer", "new")
    assert desk.full.role("new") == "stand_in"
    desk.bundles = [OLD]
    assert desk.full.champion == "old"
    desk.bundles = []
    assert (desk.full.named, desk.full.champion) == ("newer", "")
    desk.bundles = [OLD, NEW, NEWER]
    assert desk.full.champion == "newer"


def test_a_challenger_that_cannot_be_used_keeps_its_place_and_nobody_takes_it() -> None:
    desk = Desk(OLD, NEW)
    desk.challenge("new")
    desk.bundles = [OLD, broken(NEW), NEWER]
    assert (desk.full.tried, desk.full.challenger) == ("new", "")
    desk.bundles = [broken(OLD), NEW]
    assert (desk.full.champion, desk.full.challenger) == ("new", "")


@pytest.mark.parametrize(
    ("decide", "kind", "words"),
    [
        (lambda desk: desk.promote("old"), roles.Pointless, "champion .* already"),
        (lambda desk: desk.promote("nobody"), roles.Unknown, "no bundle 'nobody'"),
        (lambda desk: desk.promote("damaged"), roles.Pointless, "cannot be used"),
        (lambda desk: desk.challenge("old"), roles.Pointless, "cannot challenge itself"),
        (lambda desk: desk.challenge(""), roles.Pointless, "No bundle is tried"),
        (lambda desk: desk.rollback(Tier.LATE), roles.Pointless, "no champion before"),
    ],
)
def test_a_decision_that_makes_no_sense_says_why(decide: object, kind: type[Exception], words: str) -> None:
    desk = Desk(OLD, NEW, broken(BundleState("damaged", Tier.FULL, 400, "own")))
    with pytest.raises(kind, match=words):
        decide(desk)  # type: ignore[operator]
    assert not desk.changes


ACTS = st.lists(st.tuples(st.sampled_from(roles.ACTS), st.sampled_from(["old", "new", "newer", ""])), max_size=12)


@given(ACTS)
def test_whatever_is_decided_somebody_serves_and_nobody_duels_with_himself(acts: list[tuple[str, str]]) -> None:
    desk = Desk(OLD, NEW, NEWER)
    for act, name in acts:
        try:
            desk.rollback() if act == "rollback" else getattr(desk, act)(name)
        except (roles.Pointless, roles.Unknown):
            continue
        assert desk.full.champion == desk.full.named != ""
        assert desk.full.champion not in (desk.full.challenger, desk.full.untried)
        assert desk.changes[-1].act == "challenge" or desk.changes[-1].to_id == desk.full.champion
