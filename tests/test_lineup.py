"""Which bundles serve and which are tried, as folders change and people decide."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bundles
import pytest

from engine import roles, sealed, site
from engine.config import Config
from engine.domain import Expected
from engine.forecaster import Bundle
from engine.lineup import NEWEST, Cast, Lineup
from engine.store import Reader, Writer

NOW = 1_795_000_000


@dataclass
class Desk:
    """A data folder with one shipped bundle, `old`, in a folder of its own."""

    config: Config
    writer: Writer
    reader: Reader
    lineup: Lineup

    def settle(self) -> Cast:
        return self.lineup.settle(NOW)

    def promote(self, model_id: str, now: int = NOW) -> None:
        self.lineup.decide("promote", {"model_id": model_id, "who": "me", "reason": "It is better."}, now)

    def own(self, model_id: str, trained_to: str = "2026-02-01T00:00:00Z") -> Path:
        return bundles.copy(self.config.own_model_dir, model_id, trained_to)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    config = Config(data_dir=tmp_path / "data", model_dir=tmp_path / "shipped")
    bundles.copy(config.model_dir, "old")
    writer = Writer(config.database)
    reader = Reader(config.database)
    yield Desk(config, writer, reader, Lineup(config, writer, reader))
    reader.close()
    writer.close()


def serving(cast: Cast) -> list[str]:
    """The first bundle of each tier."""
    first = {bundle.tier: bundle.model_id for bundle in reversed(cast.forecaster.bundles)}
    return list(reversed(first.values()))


def fighting(cast: Cast) -> list[tuple[str, str]]:
    return [(duel.champion.model_id, duel.challenger.model_id) for duel in cast.duels]


def test_the_shipped_bundle_serves_and_a_newer_one_of_ones_own_is_tried(desk: Desk) -> None:
    assert (serving(desk.settle()), fighting(desk.settle())) == (["old"], [])
    desk.own("new")
    desk.own("older", "2020-01-01T00:00:00Z")
    assert (serving(desk.settle()), fighting(desk.settle())) == (["old"], [("old", "new")])
    (change,) = desk.reader.roster.changes()
    assert (change.act, change.from_id, change.to_id, change.who, change.changed_at) == (
        "challenge",
        "",
        "new",
        roles.ENGINE,
        NOW,
    )
    assert [(b.model_id, b.origin) for b in desk.reader.roster.bundles()] == [
        ("new", "own"),
        ("old", "shipped"),
        ("older", "own"),
    ]


def test_a_running_trial_goes_on_when_a_still_newer_bundle_comes(desk: Desk) -> None:
    desk.own("new")
    desk.settle()
    desk.own("newer", "2026-03-01T00:00:00Z")
    assert fighting(desk.settle()) == [("old", "new")]
    desk.lineup.decide("challenge", {"model_id": "newer", "who": "me"}, NOW)
    assert fighting(desk.settle()) == [("old", "newer")]


def test_promotion_and_rollback_count_at_once_and_are_recorded(desk: Desk) -> None:
    desk.own("new")
    desk.settle()
    desk.promote("new", NOW + 60)
    assert (serving(desk.settle()), fighting(desk.settle())) == (["new"], [])
    desk.lineup.decide("rollback", {"tier": "full", "who": "you"}, NOW + 120)
    assert (serving(desk.settle()), fighting(desk.settle())) == (["old"], [])
    assert [(c.act, c.from_id, c.to_id, c.who, c.reason) for c in desk.reader.roster.changes()[1:]] == [
        ("promote", "old", "new", "me", "It is better."),
        ("rollback", "new", "old", "you", ""),
    ]


def test_a_champion_that_is_damaged_has_a_stand_in_and_is_told_of_until_it_is_mended(desk: Desk) -> None:
    folder = desk.own("new")
    desk.promote("new", NOW)
    bundles.damage(folder)
    assert serving(desk.settle()) == ["old"]
    (event,) = desk.reader.events()
    assert (event.code, event.subject) == ("model", "new")
    assert "old stands in" in event.problem
    assert [b.problem != "" for b in desk.reader.roster.bundles()] == [True, False]
    shutil.rmtree(folder)
    assert serving(desk.settle()) == ["old"]
    assert "is gone" in desk.reader.events()[0].problem
    desk.own("new")
    assert serving(desk.settle()) == ["new"]
    assert desk.reader.events() == []


@pytest.mark.gate(
    "D3",
    "An older bundle of the same name",
    target="signed by a trusted key and whole, put back in place of the newer: does not serve",
)
def test_an_older_bundle_does_not_serve_under_the_name_of_a_newer(desk: Desk, gate: Callable[[str], None]) -> None:
    first = desk.own("mine")
    desk.promote("mine")
    assert serving(desk.settle()) == ["mine"]
    older = first.rename(desk.config.data_dir / "older")
    newer = desk.own("mine")
    bundles.reseal(newer, signed_at="2026-03-01T12:00:00Z")
    assert serving(desk.settle()) == ["mine"]
    newer.rename(desk.config.data_dir / "newer")
    shutil.copytree(older, first)
    replayed, told = serving(desk.settle()), [(event.code, event.subject) for event in desk.reader.events()]
    again = serving(Lineup(desk.config, desk.writer, desk.reader).settle(NOW))
    gate(f"2 starts, then served by {', '.join(sorted({*replayed, *again}))}; {len(told)} event tells why")
    assert (replayed, again, told) == (["old"], ["old"], [("model", "mine")])
    (event,) = desk.reader.events()
    assert "one of 2026-03-01T12:00:00Z was used under that name" in event.problem
    with pytest.raises(Expected, match="on purpose"):
        desk.lineup.bundle("mine")

    (desk.config.data_dir / NEWEST / "mine").unlink()
    assert serving(desk.settle()) == ["mine"]
    assert desk.reader.events() == []
    shutil.rmtree(first)
    shutil.copytree(desk.config.data_dir / "newer", first)
    assert serving(desk.settle()) == ["mine"]
    assert (desk.config.data_dir / NEWEST / "mine").read_text() == "2026-03-01T12:00:00Z\n"


def test_what_is_remembered_of_bundles_stops_none_that_came_with_the_program(desk: Desk) -> None:
    desk.settle()
    assert not (desk.config.data_dir / NEWEST).exists()
    desk.own("new")
    desk.settle()
    memory = desk.config.data_dir / NEWEST
    assert [path.name for path in memory.iterdir()] == ["new"]
    (memory / "old").write_text("2030-01-01T00:00:00Z\n")
    (memory / "new").write_bytes(b"\xff spoilt")
    assert serving(desk.settle()) == ["old"]
    assert desk.reader.events() == []
    assert (memory / "new").read_text() == "2026-02-01T00:00:00Z\n"


def test_the_next_best_stands_in_even_where_it_is_damaged_too(desk: Desk) -> None:
    bundles.copy(desk.config.model_dir, "newest", "2026-05-01T00:00:00Z")
    bundles.copy(desk.config.model_dir, "newer", "2026-04-01T00:00:00Z")
    for name in ("newest", "newer"):
        bundles.damage(desk.config.model_dir / name)
    assert serving(desk.settle()) == ["old"]
    bundles.damage(desk.config.model_dir / "old")
    assert serving(desk.settle()) == []
    assert {event.subject for event in desk.reader.events()} == {"newest", "newer", "old"}


def test_a_damaged_challenger_leaves_the_champion_alone(desk: Desk) -> None:
    folder = desk.own("new")
    assert fighting(desk.settle()) == [("old", "new")]
    desk.writer.open_event("proposal", "full", "Promote it.", "Promote it.", NOW)
    desk.settle()
    assert [event.code for event in desk.reader.events()] == ["proposal"]
    bundles.damage(folder)
    cast = desk.settle()
    assert (serving(cast), fighting(cast)) == (["old"], [])
    assert [(event.code, event.subject) for event in desk.reader.events()] == [("model", "new")]


def test_a_damaged_bundle_is_neither_tried_by_itself_nor_promoted(desk: Desk) -> None:
    bundles.damage(desk.own("new"))
    assert fighting(desk.settle()) == []
    with pytest.raises(roles.Pointless, match="changed after it was signed"):
        desk.promote("new", NOW)
    assert desk.reader.roster.changes() == []


GOOD = {"model_id": "nonsense", "tier": "full", "trained_to": "2026-01-01T00:00:00Z"}
WRONG = (
    *({"model_id": 3}, {"model_id": "a+b"}, {"model_id": "a\n"}, {"model_id": ""}),
    *({"tier": "best"}, {"tier": "seasonal"}, {"trained_to": "soon"}, {"trained_to": None}),
)


@pytest.mark.parametrize("text", ["", "[]", "{", "\xff", "[" * 100_000, *(json.dumps(GOOD | wrong) for wrong in WRONG)])
def test_a_manifest_that_says_nonsense_harms_nobody(desk: Desk, text: str) -> None:
    folder = desk.config.own_model_dir / "nonsense"
    folder.mkdir(parents=True)
    (folder / sealed.MANIFEST).write_bytes(text.encode("latin-1"))
    (folder / sealed.SIGNATURE).write_text(bundles.KEY.sign(folder / sealed.MANIFEST, "nonsense"))
    assert serving(desk.settle()) == ["old"]
    assert [event.subject for event in desk.reader.events()] == ["nonsense"]
    shutil.rmtree(folder)
    desk.settle()
    assert desk.reader.events() == []


def test_a_folder_that_is_being_written_is_not_looked_at(desk: Desk) -> None:
    desk.own(".new")
    assert fighting(desk.settle()) == []
    assert desk.reader.events() == []


def test_looking_again_reads_only_what_changed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []
    load = Bundle.load

    def counted(folder: Path, *trust: object) -> Bundle:
        loaded.append(folder.name)
        return load(folder, *trust)  # type: ignore[arg-type]

    monkeypatch.setattr(Bundle, "load", staticmethod(counted))
    new = desk.own("new")
    for _ in range(3):
        desk.settle()
    assert sorted(loaded) == ["new", "old"]
    bundles.damage(new)
    for _ in range(3):
        desk.settle()
    assert sorted(loaded) == ["new", "new", "old"]


def test_two_decisions_at_one_moment_are_not_both_taken(desk: Desk) -> None:
    desk.own("new")
    desk.own("newer", "2026-03-01T00:00:00Z")
    seen = len(desk.reader.roster.changes())
    desk.promote("new", NOW)
    changed = desk.reader.roster.changes()[-1]
    with pytest.raises(Expected, match="same moment"):
        desk.writer.roster.put_change(changed, seen)


def killed(folder: Path, kills: int, seed: int = 20261129) -> dict[str, Any]:
    """What `role_kills.py` found, in a process of its own: only one without threads may fork."""
    script = Path(__file__).with_name("role_kills.py")
    command = [sys.executable, str(script), str(folder), str(kills), str(seed), str(site.SHIPPED_MODELS)]
    one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, env=os.environ | one_thread, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills without warning are those of POSIX")


@forks
def test_a_few_kills_leave_roles_as_they_were_or_as_they_became(tmp_path: Path) -> None:
    found = killed(tmp_path, kills=2)
    assert (found["wrong"], found["lost"]) == ([], []), found
    assert found["issues"] == 2 * found["looks"] > 0


@forks
@pytest.mark.long
@pytest.mark.gate(
    "D4",
    "Kill -9 while champions change",
    target="100 kills: always one valid champion, the one decided on, which makes the next issue",
)
def test_no_kill_leaves_two_champions_or_none(tmp_path: Path, gate: Callable[[str], None]) -> None:
    found = killed(tmp_path, kills=100)
    gate(
        f"{found['kills']} kills, {found['switches']:,} switches; {found['looks']} starts: {len(found['wrong'])} with another "
        f"champion or issue, {len(found['lost'])} decisions lost or halved"
    )
    assert (found["wrong"], found["lost"]) == ([], []), found
    assert found["looks"] > 60
    assert found["issues"] == 2 * found["looks"]


def test_a_bundle_without_a_role_answers_for_what_it_forecast_until_it_is_gone(desk: Desk) -> None:
    folder = desk.own("new")
    desk.settle()
    desk.promote("new")
    assert serving(desk.settle()) == ["new"]
    assert desk.lineup.bundle("old").model_id == "old"
    shutil.rmtree(folder)
    desk.settle()
    with pytest.raises(Expected, match="gone"):
        desk.lineup.bundle("new")
    bundles.damage(desk.config.model_dir / "old")
    with pytest.raises(Expected):
        Lineup(desk.config, desk.writer, desk.reader).bundle("old")
