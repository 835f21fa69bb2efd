"""Which bundles serve and which are tried: found in two folders, verified, and kept in step with what people decide."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from engine import clock, disk, geography, roles, sealed, site
from engine.config import Config
from engine.domain import MODEL_TIERS, Expected, Tier
from engine.forecaster import Bundle, Forecaster
from engine.roles import Move, Roles
from engine.signing import PublicKey
from engine.store import Reader, Writer
from engine.store.roster import BundleState, RoleChange

#: In a data folder: by the name of a bundle, when the newest one that was used under it was signed.
NEWEST = "newest-bundles"
_FILES = (sealed.MANIFEST, sealed.SIGNATURE, *sealed.FILES)

Keys = tuple[PublicKey, ...]
Stamp = tuple[Keys, tuple[tuple[int, int], ...]]


@dataclass(frozen=True, slots=True)
class Duel:
    """A champion and the challenger that is tried beside it."""

    champion: Bundle
    challenger: Bundle


@dataclass(frozen=True, slots=True)
class Cast:
    """Who forecasts now: the champions of all tiers, behind each the former one, and the duels fought in shadow."""

    forecaster: Forecaster
    duels: tuple[Duel, ...]


class Shelf:
    """The bundles in the shipped and in the user's own folder. Looking again is cheap: what is as it was is not read again."""

    def __init__(self, config: Config) -> None:
        self._data_dir = config.data_dir
        self._folders = {"shipped": config.model_dir, "own": config.own_model_dir}
        self._manifests: dict[Path, tuple[Stamp, BundleState | Expected]] = {}
        self._bundles: dict[Path, tuple[Stamp, Bundle | Expected]] = {}
        self._where: dict[str, Path] = {}
        self._keys: Keys = ()

    def look(self) -> tuple[list[BundleState], dict[str, Expected]]:
        """Every bundle there is by its manifest, and what is wrong with folders whose manifest cannot be read, by name."""
        before, self._manifests, self._where = self._manifests, {}, {}
        states, problems = [], dict[str, Expected]()
        try:
            self._keys = site.model_keys(self._data_dir)
        except Expected as trouble:  # what came with the program serves nevertheless
            self._keys, problems["keys"] = site.program_model_keys(), trouble
        for origin, parent in self._folders.items():
            for path in (*sorted(parent.glob("[!.]*/manifest.json")), *parent.glob("manifest.json")):
                folder, stamp = path.parent, (self._keys, _stamp(path.parent))
                known = before.get(folder)
                state = known[1] if known is not None and known[0] == stamp else _read(folder, self._keys, origin)
                self._manifests[folder] = (stamp, state)
                if isinstance(state, Expected):
                    problems[folder.name] = state
                elif state.model_id not in self._where:  # of two with one name the shipped one counts
                    self._where[state.model_id] = folder
                    states.append(state)
        return states, problems

    def load(self, model_id: str) -> Bundle | Expected:
        """A bundle of the last look, verified, or what is wrong with it."""
        folder = self._where[model_id]
        stamp = self._manifests[folder][0]
        kept = self._bundles.get(folder)
        if kept is None or kept[0] != stamp:
            try:
                kept = (stamp, Bundle.load(folder, self._data_dir, self._keys))
            except Expected as problem:
                kept = (stamp, problem)
            self._bundles[folder] = kept
        bundle = kept[1]
        if isinstance(bundle, Bundle) and bundle.signed_at < (newest := self._newest(model_id)):
            return Expected(
                f"The bundle {model_id} was signed {clock.iso(bundle.signed_at)}; one of {clock.iso(newest)} was used under that name.",
                f"Put the newer one back. To use the older one on purpose, delete {self._data_dir / NEWEST / model_id}.",
            )
        return bundle

    def remember(self, bundles: Iterable[Bundle]) -> None:
        """No bundle of one's own that is older than these serves under their names from now on."""
        for bundle in bundles:
            if self._is_own(bundle.model_id) and bundle.signed_at > self._newest(bundle.model_id):
                with contextlib.suppress(OSError):  # a full disk stops no forecast; the next issue tries again
                    path = self._data_dir / NEWEST / bundle.model_id
                    path.parent.mkdir(exist_ok=True)
                    disk.write(path, f"{clock.iso(bundle.signed_at)}\n")

    def _newest(self, model_id: str) -> int:
        """When the newest bundle was signed that was used under a name; 0 for what came with the program, which may be taken back."""
        try:
            return (
                clock.parse_utc((self._data_dir / NEWEST / model_id).read_text("utf-8").strip()) if self._is_own(model_id) else 0
            )
        except (OSError, ValueError, Expected):  # none yet, or spoilt: it is written anew
            return 0

    def _is_own(self, model_id: str) -> bool:
        return self._where[model_id].is_relative_to(self._folders["own"])

    def folder(self, model_id: str) -> Path | None:
        """Where a bundle of the last look lies."""
        return self._where.get(model_id)

    def get(self, model_id: str) -> Bundle:
        """A bundle that may have no role any more, verified; raises Expected where it is gone or cannot be used."""
        if model_id not in self._where:
            self.look()
        if model_id not in self._where:
            raise roles.Unknown(f"The model bundle {model_id} is gone.", "Put its folder back to ask about what it forecast.")
        bundle = self.load(model_id)
        if isinstance(bundle, Expected):
            raise bundle
        return bundle

    def keep(self, model_ids: set[str]) -> None:
        """Let go of the graphs of all other bundles."""
        wanted = {self._where[model_id] for model_id in model_ids}
        self._bundles = {f: kept for f, kept in self._bundles.items() if f in wanted or isinstance(kept[1], Expected)}


def _stamp(folder: Path) -> tuple[tuple[int, int], ...]:
    """Times and sizes of a bundle's files, which change when it does; zeros for one that is missing."""
    stamps = []
    for name in _FILES:
        try:
            stat = (folder / name).stat()
            stamps.append((stat.st_mtime_ns, stat.st_size))
        except OSError:
            stamps.append((0, 0))
    return tuple(stamps)


def _read(folder: Path, keys: Keys, origin: str) -> BundleState | Expected:
    try:
        opened = sealed.open_manifest(folder, keys)
        words, model_id = opened.words, opened.words["model_id"]
        if not re.fullmatch(roles.MODEL_ID, model_id) or (tier := Tier(words["tier"])) not in MODEL_TIERS:
            raise ValueError(f"no bundle is called {model_id!r} or serves the tier {words['tier']!r}")
        return BundleState(model_id, tier, clock.parse_utc(words["trained_to"]), origin, signed_by=opened.signer.name)
    except Expected as refused:
        return refused
    except Exception as error:  # noqa: BLE001 - whatever a file says, it must not stop the bundles that serve
        return Expected(f"Model bundle {folder} cannot be read: {error}.", "Copy the whole bundle folder again.")


class Lineup:
    """Gives out the roles. Every decision is one transaction, and counts from the next issue on."""

    def __init__(self, config: Config, writer: Writer, reader: Reader) -> None:
        self._shelf = Shelf(config)
        self._writer, self._reader = writer, reader
        self._lock = threading.RLock()  # decisions come from other threads than issues

    def settle(self, now: int) -> Cast:
        """Who forecasts now. A new bundle that is newer than its champion begins to be tried; what cannot be used is told."""
        with self._lock:
            assigned, bundles, problems = self._assigned()
            new = [mine for mine in assigned.values() if mine.untried and not mine.tried]
            for mine in new:
                reason = f"It is newer than {mine.champion}, and nobody has decided about it."
                self._record(Move(mine.tier, "challenge", "", mine.untried), roles.ENGINE, reason, now)
            if new:
                assigned, bundles, problems = self._assigned()
            self._tell(assigned, problems, now)
            self._shelf.keep(set(bundles))
            self._shelf.remember(bundles.values())
            duels = [Duel(bundles[mine.champion], bundles[mine.challenger]) for mine in assigned.values() if mine.challenger]
            serving = [bundles[name] for mine in assigned.values() for name in (mine.champion, mine.spare) if name]
            return Cast(Forecaster(serving), tuple(duels))

    def retreat(self, issue_time: int, now: int) -> None:
        """After an issue: where a former champion stood in for one whose numbers were implausible, it is champion again."""
        with self._lock:
            issues = [issue for area in geography.PRICE_AREAS if (issue := self._reader.forecast(area, now)) is not None]
            stood_in = {issue.model_id: issue.area for issue in issues if issue.issue_time == issue_time}
            for mine in self._assigned()[0].values():
                if mine.spare in stood_in:
                    what = f"Its numbers for {stood_in[mine.spare]} were implausible; those of {mine.spare} from the same inputs were not."
                    self._fall_back(mine, what, now)

    def champions(self) -> list[tuple[Bundle, str]]:
        """The champion of every tier that serves itself, each with the name of the former one that could take over, if any."""
        with self._lock:
            assigned, bundles, _ = self._assigned()
            return [(bundles[mine.champion], mine.spare) for mine in assigned.values() if mine.champion == mine.named != ""]

    def give_back(self, champion: Bundle, what: str, now: int) -> bool:
        """Make the former champion serve again in place of one that does badly; returns whether.

        Not where there is none, or one of the two lost its role by the engine before: nobody is moved to and fro.
        """
        with self._lock:
            mine, changes = self._assigned()[0][champion.tier], self._reader.roster.changes()
            lost = {change.from_id for change in changes if (change.act, change.who) == ("rollback", roles.ENGINE)}
            if not mine.spare or mine.named != champion.model_id or lost & {mine.named, mine.spare}:
                return False
            self._fall_back(mine, what, now)
            return True

    def _fall_back(self, mine: Roles, what: str, now: int) -> None:
        """Record that the former champion serves again, and tell of it."""
        self._record(Move(mine.tier, "rollback", mine.named, mine.spare), roles.ENGINE, what, now)
        problem = f"{mine.named} lost its role in the tier '{mine.tier}' to {mine.spare}. {what}"
        self._writer.open_event("rollback", mine.named, problem, "Look at that bundle, then decide who shall serve.", now)

    def decide(self, act: str, words: Mapping[str, str | None], now: int) -> RoleChange:
        """Carry out a decision: promote `model_id`, rollback `tier`, or challenge `model_id` (without one: nobody in `tier`).

        `who` decided it and for what `reason` is recorded with it. Raises `roles.Unknown` or `roles.Pointless`.
        """
        with self._lock:
            assigned = self._assigned()[0]
            model_id, tier = words.get("model_id") or "", Tier(words.get("tier") or Tier.FULL)
            match act:
                case "promote":
                    move = roles.promotion(assigned, model_id)
                case "rollback":
                    move = roles.rollback(assigned, tier)
                case _:
                    move = roles.challenge(assigned, model_id, tier)
            trouble = self._shelf.load(move.to_id) if move.to_id else None
            if isinstance(trouble, Expected):
                raise roles.Pointless(trouble.problem, trouble.remedy)
            change = self._record(move, words.get("who") or "somebody", words.get("reason") or "", now)
            self.settle(now)
            return change

    def bundle(self, model_id: str) -> Bundle:
        """Any bundle of the shelf; see `Shelf.get`."""
        with self._lock:
            return self._shelf.get(model_id)

    def _record(self, move: Move, who: str, reason: str, now: int) -> RoleChange:
        change = RoleChange(now, move.tier, move.act, move.from_id, move.to_id, who, reason)
        self._writer.roster.put_change(change, len(self._reader.roster.changes()))
        return change

    def _assigned(self) -> tuple[dict[Tier, Roles], dict[str, Bundle], dict[str, Expected]]:
        """The roles, the verified bundles that fill them or are about to, and what is wrong with others."""
        changes = self._reader.roster.changes()
        states, problems = self._shelf.look()
        while True:
            assigned = roles.assign(states, changes)
            wanted = {
                name for r in assigned.values() for name in (r.champion, r.spare, r.challenger, "" if r.tried else r.untried)
            } - {""}
            loaded = {name: self._shelf.load(name) for name in wanted}
            failed = {name: trouble for name, trouble in loaded.items() if isinstance(trouble, Expected)}
            if not failed:
                return assigned, {name: bundle for name, bundle in loaded.items() if isinstance(bundle, Bundle)}, problems
            problems |= failed
            states = [replace(s, problem=failed[s.model_id].problem) if s.model_id in failed else s for s in states]

    def _tell(self, assigned: Mapping[Tier, Roles], problems: Mapping[str, Expected], now: int) -> None:
        """Keep what bundles there are, and an open event for each that cannot be used or is gone and has a role."""
        bundles = [bundle for mine in assigned.values() for bundle in mine.bundles.values()]
        if sorted(bundles, key=lambda b: b.model_id) != self._reader.roster.bundles():
            self._writer.roster.put_bundles(bundles)
        troubles = dict(problems)
        for mine in assigned.values():
            for name in {mine.named, mine.tried} - {""}:
                if name not in mine.bundles:
                    troubles[name] = Expected(
                        f"The model bundle {name} is gone.", "Put its folder back, or give its role to another."
                    )
                if name in troubles and name == mine.named:
                    then = f"{mine.champion} stands in for it" if mine.champion else "no bundle stands in for it"
                    troubles[name] = Expected(
                        f"{troubles[name].problem} In the tier '{mine.tier}' {then}.", troubles[name].remedy
                    )
        latest = {change.tier: change for change in self._reader.roster.changes() if change.act != "challenge"}
        lasting = {
            "model": troubles.keys(),
            "challenger": {mine.tried for mine in assigned.values()},
            "rollback": {last.from_id for last in latest.values() if (last.act, last.who) == ("rollback", roles.ENGINE)},
            "proposal": {mine.tier.value for mine in assigned.values() if mine.challenger},
        }
        for event in self._reader.events():
            if event.subject not in lasting.get(event.code, {event.subject}):
                self._writer.close_event(event.code, event.subject, now)
        for name, trouble in troubles.items():
            self._writer.open_event("model", name, trouble.problem, trouble.remedy, now)
