"""What the database knows of model bundles beside what they published: which there are, their roles, shadow issues, days compared."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.calibration import Calibration
from engine.domain import HOUR, LEVELS, Expected, QuantileForecast, Reason, Tier
from engine.store import codec


@dataclass(frozen=True, slots=True)
class BundleState:
    """A bundle as the engine saw it last: `origin` is shipped or own, `problem` says why it cannot be used, `signed_by` names the key."""

    model_id: str
    tier: Tier
    trained_to: int
    origin: str
    problem: str = ""
    signed_by: str = ""


@dataclass(frozen=True, slots=True)
class RoleChange:
    """What somebody decided. `act` is promote, rollback or challenge; an empty id is no bundle at all."""

    changed_at: int
    tier: Tier
    act: str
    from_id: str
    to_id: str
    who: str
    reason: str


@dataclass(frozen=True, slots=True)
class DayLoss:
    """Losses of two models over the same issues and hours of one Danish day (days since 1970), percent of the load."""

    day: int
    pairs: int
    champion_wape: float
    challenger_wape: float
    champion_wql: float
    challenger_wql: float


def put_calibrations(db: sqlite3.Connection, learned: Mapping[tuple[str, str, str], Calibration], now: int) -> None:
    """Within a transaction, keep what calibrations by area, consumer type and model have learned."""
    db.executemany(
        "INSERT OR REPLACE INTO calibration VALUES(?,?,?,?,?)",
        [(*target, now, calibration.text()) for target, calibration in learned.items()],
    )


class RosterReader:
    """Reads through the query function of a `Reader`, whose promises hold here too."""

    def __init__(self, rows: Callable[[str, Sequence[object]], list[tuple[Any, ...]]], simulated: bool) -> None:
        self._rows = rows
        self._simulated = simulated

    def bundles(self) -> list[BundleState]:
        """Every bundle the engine knows."""
        rows = self._rows("SELECT model_id, tier, trained_to, origin, problem, signed_by FROM bundle ORDER BY model_id", ())
        return [BundleState(model_id, Tier(tier), *rest) for model_id, tier, *rest in rows]

    def changes(self) -> list[RoleChange]:
        """Every change of a role, oldest first."""
        rows = self._rows(
            "SELECT changed_at, tier, act, from_id, to_id, who, reason FROM role_change ORDER BY role_change_id", ()
        )
        return [RoleChange(at, Tier(tier), *rest) for at, tier, *rest in rows]

    def shadows(self, area: str, start: int, end: int, every_s: int = 1) -> list[QuantileForecast]:
        """Unpublished issues with issue time in [start, end) and their drafts, newest first; damaged ones are left out.

        `every_s` asks for issue times that are multiples of so many seconds only.
        """
        rows = self._rows(
            """SELECT consumer_type, issue_time, model_id, tier, valid_start, quantiles, digest, ex_post, names, numbers FROM shadow_run
               WHERE area=? AND issue_time >= ? AND issue_time < ? AND issue_time % ? = 0 ORDER BY issue_time DESC, model_id""",
            (area, start, end, every_s),
        )
        return [shadow for row in rows if (shadow := self._shadow(area, *row)) is not None]

    def issued(self, model_id: str, area: str, start: int, end: int) -> bool:
        """Whether a model has a shadow issue with issue time in [start, end)."""
        rows = self._rows(
            "SELECT 1 FROM shadow_run WHERE area=? AND issue_time >= ? AND issue_time < ? AND model_id=? LIMIT 1",
            (area, start, end, model_id),
        )
        return bool(rows)

    def _shadow(
        self,
        area: str,
        consumer_type: str,
        issue_time: int,
        model_id: str,
        tier: str,
        valid_start: int,
        blob: bytes,
        digest: bytes,
        ex_post: int,
        names: str,
        numbers: bytes,
    ) -> QuantileForecast | None:
        if codec.digest(area, consumer_type, issue_time, valid_start, blob + numbers) != digest:
            return None
        quantiles = codec.decode(blob)
        return QuantileForecast(
            area,
            consumer_type,
            issue_time,
            valid_start + HOUR * np.arange(len(quantiles), dtype=np.int64),
            LEVELS,
            quantiles,
            Tier(tier),
            Reason.NONE,
            model_id,
            {},
            bool(ex_post),
            self._simulated,
            codec.decode_draft(names, numbers),
        )

    def losses(self, champion: str, challenger: str) -> list[DayLoss]:
        """Every day these two were compared on, oldest first."""
        rows = self._rows(
            """SELECT day, pairs, champion_wape, challenger_wape, champion_wql, challenger_wql FROM day_loss
               WHERE champion=? AND challenger=? ORDER BY day""",
            (champion, challenger),
        )
        return [DayLoss(*row) for row in rows]


class RosterWriter:
    """Writes through the transactions of a `Writer`."""

    def __init__(self, transaction: Callable[[], AbstractContextManager[sqlite3.Connection]]) -> None:
        self._transaction = transaction

    def put_bundles(self, bundles: Iterable[BundleState]) -> None:
        """These are all the bundles there are."""
        with self._transaction() as db:
            db.execute("DELETE FROM bundle")
            db.executemany(
                "INSERT INTO bundle(model_id, tier, trained_to, origin, problem, signed_by) VALUES(?,?,?,?,?,?)",
                [(b.model_id, b.tier.value, b.trained_to, b.origin, b.problem, b.signed_by) for b in bundles],
            )

    def put_change(self, change: RoleChange, seen: int) -> None:
        """Record a decision that was made on the first `seen` changes; raises Expected where there are more by now.

        The proposal it answers is closed with it.
        """
        with self._transaction() as db:
            if db.execute("SELECT count(*) FROM role_change").fetchone()[0] != seen:
                raise Expected("Somebody changed the roles at the same moment.", "Look at them again, then decide.")
            db.execute(
                "INSERT INTO role_change(changed_at, tier, act, from_id, to_id, who, reason) VALUES(?,?,?,?,?,?,?)",
                (change.changed_at, change.tier.value, change.act, change.from_id, change.to_id, change.who, change.reason),
            )
            db.execute(
                "UPDATE event SET until=? WHERE code='proposal' AND subject=? AND until IS NULL",
                (change.changed_at, change.tier.value),
            )

    def put_shadows(
        self, issues: Sequence[QuantileForecast], learned: Mapping[tuple[str, str, str], Calibration], now: int
    ) -> None:
        """Keep issues that are not published, with their drafts and what calibrations had learned when they were made.

        One that exists already stays as it is.
        """
        with self._transaction() as db:
            put_calibrations(db, learned, now)
            for issue in issues:
                assert issue.draft is not None
                blob, (names, numbers) = codec.encode(issue.quantiles), codec.encode_draft(issue.draft)
                valid_start = int(issue.valid_time[0])
                sha = codec.digest(issue.area, issue.consumer_type, issue.issue_time, valid_start, blob + numbers)
                db.execute(
                    """INSERT OR IGNORE INTO shadow_run(area, issue_time, consumer_type, model_id, tier, valid_start, quantiles, digest,
                       ex_post, names, numbers) VALUES(?,?,?,?,?,?,?,?,?,?,?)""",
                    (
                        issue.area,
                        issue.issue_time,
                        issue.consumer_type,
                        issue.model_id,
                        issue.tier.value,
                        valid_start,
                        blob,
                        sha,
                        int(issue.ex_post),
                        names,
                        numbers,
                    ),
                )

    def put_losses(self, champion: str, challenger: str, days: Iterable[DayLoss]) -> None:
        """Keep how two models did on these days; a day that is kept already stays as it is."""
        with self._transaction() as db:
            db.executemany(
                "INSERT OR IGNORE INTO day_loss VALUES(?,?,?,?,?,?,?,?)",
                [
                    (
                        champion,
                        challenger,
                        d.day,
                        d.pairs,
                        d.champion_wape,
                        d.challenger_wape,
                        d.champion_wql,
                        d.challenger_wql,
                    )
                    for d in days
                ],
            )
