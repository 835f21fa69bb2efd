"""Takes a kit in: what was signed by a trusted key goes into the database as fetched values do, and bundles onto the shelf.

A value became known here when the kit came, not when somebody else knew it: of several versions of an hour in a kit the newest counts,
from the moment of the import on. So lags are those of this site, and a forecast made before it stays explained by what was known then.
What was known elsewhere before this site began (its first kit, or its first issue where that is older) is history, as back-filled values
are: it keeps its moments, marked nominal. The newest versions are the same whatever the order in which kits come and however they
overlap: a version that is older than the kit which brought the one that is stored is passed over.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine import __version__, clock, features, installation, kit, pipeline, releases, sealed, site
from engine.config import Config
from engine.domain import HOUR, UNITS, Expected, Flag, IntArray, JobRun, Observations, Series
from engine.forecaster import Bundle
from engine.kit import Contents, Part
from engine.lineup import Shelf
from engine.signing import PublicKey
from engine.store import Reader, Writer
from engine.store.kits import USUAL_OF, Arrival, Calendar, KitRecord, late
from engine.updates import Stand, Updates

log = logging.getLogger(__name__)

#: Name of the job, and of the event that tells of missing kits.
JOB, EVENT = "kit", "kit"
#: In the data folder: what a kit is unpacked into while it comes in.
_FOLDER = "kit.part"
#: By how much the clocks of two machines may differ.
_SKEW_S = HOUR
_one_at_a_time = threading.Lock()


@dataclass(frozen=True, slots=True)
class Taken:
    """A kit that is in the database; `again`: it was there before, and nothing changed. `troubles` are bundles that were not taken."""

    record: KitRecord
    again: bool
    troubles: tuple[Expected, ...]

    def document(self) -> dict[str, object]:
        """The same for JSON."""
        record = self.record
        return {
            "file": record.file,
            "digest": record.digest,
            "since": clock.iso(record.since),
            "until": clock.iso(record.until),
            "imported_at": clock.iso(record.imported_at),
            "signed_by": record.signed_by,
            "program": record.program,
            "who": record.who,
            "again": self.again,
            "brought": dict(record.brought),
            "troubles": [f"{trouble.problem} {trouble.remedy}" for trouble in self.troubles],
        }


def take(
    path: Path, config: Config, writer: Writer, reader: Reader, who: str, now: int, keys: Sequence[PublicKey] | None = None
) -> Taken:
    """Import a kit, signed with one of `keys` (None: those trusted here); all of its values or none.

    Raises Expected where it is refused. Either way there is a `JobRun`.
    """
    with _one_at_a_time:
        detail: dict[str, object] = {"file": path.name, "who": who}
        try:
            if path.suffix != kit.SUFFIX:
                raise kit.Refused(f"{path} is not called a kit.", f"Their names end with {kit.SUFFIX}; use it as it came.")
            trusted = site.trusted_keys(config.data_dir) if keys is None else keys
            with kit.unpacked(path, config.data_dir / _FOLDER, trusted) as (contents, key):
                taken = _take(contents, key, path.name, config, writer, reader, who, now)
        except Expected as problem:
            log.warning("%s %s", problem.problem, problem.remedy)
            writer.put_job_run(JobRun(JOB, now, now, "expected", problem.problem, problem.remedy, detail))
            raise
        problem_of, remedies = (" ".join(getattr(t, part) for t in taken.troubles) for part in ("problem", "remedy"))
        status = "expected" if taken.troubles else "ok"
        detail |= {"again": True} if taken.again else dict(taken.record.brought)
        writer.put_job_run(JobRun(JOB, now, now, status, problem_of, remedies, detail))
        watch(writer, reader, now)
        return taken


def _take(
    contents: Contents, key: PublicKey, name: str, config: Config, writer: Writer, reader: Reader, who: str, now: int
) -> Taken:
    if contents.simulated != reader.simulated:
        kinds = ("real", "simulated")
        raise kit.Refused(
            f"{name} holds {kinds[contents.simulated]} data, and this data folder {kinds[reader.simulated]} ones.",
            "Give simulated data a folder of its own with --data-dir; the two are never mixed.",
        )
    if contents.until > now + _SKEW_S:
        raise kit.Refused(
            f"{name} was made at {clock.iso(contents.until)}, which by this computer's clock is yet to come.",
            "Set the clock of this computer, then import it again.",
        )
    folder = config.data_dir / _FOLDER
    models, troubles = _shelve(folder / "models", contents.models, config)
    kits = reader.kits.imported()
    known = next((record for record in kits if record.digest == contents.digest), None)
    if known is not None:
        return Taken(known, True, tuple(troubles))
    at = max(now, kits[0].imported_at + 1 if kits else 0)
    began = reader.kits.began()
    if began is None:
        oldest = reader.space().oldest_issue
        began = at if oldest is None else min(at, oldest)
    arrivals = _Arrivals(reader, kits, began, at)
    batches = [arrivals.observations(folder, part, contents.simulated) for part in contents.parts if part.quantity in UNITS]
    troubles += _hand_over(folder / "update", config, now) if contents.update else []
    brought: dict[str, object] = {"values": contents.rows, "series": len(batches), "models": models, "update": contents.update}
    unknown = sorted({part.quantity for part in contents.parts} - UNITS.keys())
    if unknown:
        brought["unknown"] = unknown
    record = KitRecord(
        *(contents.digest, contents.since, contents.until, at, key.name, contents.program, name, who), brought=brought
    )
    pipeline.keep(writer, reader, batches, at, Arrival(record, began, _newer(contents, reader)))
    adopt_calendar(reader)
    return Taken(reader.kits.imported(limit=1)[0], False, tuple(troubles))


@dataclass(frozen=True, slots=True)
class _Arrivals:
    """Gives the values of a kit the moments at which they became known here: `at`, or before `began` their own."""

    reader: Reader
    kits: Sequence[KitRecord]
    began: int
    at: int

    def observations(self, folder: Path, part: Part, simulated: bool) -> Observations:
        """What a series of a kit adds to the database."""
        series = Series(part.quantity, part.area, part.source, part.consumer_type, part.rank)
        try:
            valid, available, value, flags = kit.unpack((folder / part.member).read_bytes(), part.rows)
        except ValueError as error:
            raise kit.Refused(
                f"The values of {part.quantity} of {part.area} make no sense: {error}.", "Ask who made the kit."
            ) from error
        history = available < self.began
        newest = np.flatnonzero(~history & (np.append(valid[1:], -1) != valid))
        newest = newest[available[newest] >= self._from(series, valid[newest])]
        chosen = np.sort(np.concatenate([np.flatnonzero(history), newest]))
        arrived = ~history[chosen]
        foresight = np.where(valid[chosen] < self.at, int(Flag.EX_POST), 0)  # none is left when the hour has passed
        marks = np.where(arrived, flags[chosen] & ~(int(Flag.NOMINAL) | foresight), flags[chosen] | int(Flag.NOMINAL))
        known = np.where(arrived, self.at, available[chosen])
        return Observations(series, valid[chosen], known, value[chosen], marks.astype(np.uint8), simulated)

    def _from(self, series: Series, hours: IntArray) -> IntArray:
        """For each hour the moment from which on a version that became known elsewhere is newer than the one that is stored."""
        if not len(hours):
            return hours
        stored, known = self.reader.kits.newest_known(series, int(hours.min()), int(hours.max()))
        imported = {record.imported_at: record.until for record in self.kits}
        newer = np.array([imported.get(moment, moment + 1) for moment in known.tolist()], np.int64)
        place = np.searchsorted(stored, hours)
        found = place < len(stored)
        found[found] = stored[place[found]] == hours[found]
        moments = np.zeros(len(hours), np.int64)
        moments[found] = newer[place[found]]
        return moments


def _shelve(folder: Path, model_ids: Sequence[str], config: Config) -> tuple[list[str], list[Expected]]:
    """Put the bundles that are new here onto the shelf, each one verified; what was wrong with others is told.

    They begin to be tried as any new bundle does; a champion that serves stays.
    """
    shelf = Shelf(config)
    known = {state.model_id for state in shelf.look()[0]}
    added, troubles = [], []
    for model_id in model_ids:
        source, there = folder / model_id, shelf.folder(model_id) if model_id in known else config.own_model_dir / model_id
        assert there is not None
        try:
            if there.exists():
                if any(_bytes(source / name) != _bytes(there / name) for name in (sealed.MANIFEST, *sealed.FILES)):
                    raise kit.Refused(
                        f"Another bundle is called {model_id} here.", "Remove its folder, then import the kit again."
                    )
                continue
            Bundle.load(source, config.data_dir)
            there.parent.mkdir(parents=True, exist_ok=True)
            source.rename(there)
            added.append(model_id)
        except Expected as trouble:
            troubles.append(Expected(f"The bundle {model_id} was not taken: {trouble.problem}", trouble.remedy))
    return added, troubles


def _hand_over(folder: Path, config: Config, now: int) -> list[Expected]:
    """Have the update in a folder checked as a fetched one is and, where it is a newer version for here, made ready; it takes over when
    somebody says so. What was wrong with it is told."""
    # It is tried out, so that root trusts no key that the user of the data folder could have written there.
    as_root = hasattr(os, "geteuid") and os.geteuid() == 0
    keys = site.trusted_keys(None if as_root else config.data_dir)
    found = Updates(dataclasses.replace(config, update_url=folder.as_uri()), installation.here(), keys)
    try:
        if found.check(now).stand is Stand.AVAILABLE:
            found.stage()
    except Expected as trouble:
        return [Expected(f"The update was not taken: {trouble.problem}", trouble.remedy)]
    return []


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


# -- special days -----------------------------------------------------------------------------------------------------


def _newer(contents: Contents, reader: Reader) -> Calendar | None:
    """The calendar of a kit where a newer program than this one, and than the one whose calendar is kept, made it."""
    kept = reader.kits.calendar()
    if not all(releases.is_newer(contents.program, than) for than in (__version__, *([kept.program] if kept else []))):
        return None
    return Calendar(contents.program, {day.isoformat(): name for day, name in contents.days.items()})


def adopt_calendar(reader: Reader) -> None:
    """Let the special days be those of a newer program where a kit brought them: the next issue is the first made with them.

    A program that is as new as they are goes by its own.
    """
    kept = reader.kits.calendar()
    newer = kept is not None and releases.is_newer(kept.program, __version__)
    clock.take_over({dt.date.fromisoformat(day): name for day, name in kept.days.items()} if kept and newer else {})
    for made_of_days in (features.calendar, features.is_unusual):
        made_of_days.cache_clear()


# -- the age of kits --------------------------------------------------------------------------------------------------


def watch(writer: Writer, reader: Reader, now: int) -> None:
    """Keep an open event while the newest kit is older than kits usually are when the next one comes."""
    trouble = late(reader.kits.imported(USUAL_OF), now)
    if trouble is None:
        writer.close_event(EVENT, "age", now)
    else:
        writer.open_event(EVENT, "age", trouble.problem, trouble.remedy, now)


def order(config: Config, writer: Writer, reader: Reader, words: Mapping[str, Any], now: int) -> dict[str, object]:
    """Import the kit that an order names, a file on the engine's machine."""
    return take(Path(words["path"]), config, writer, reader, words.get("who") or "somebody", now).document()
