"""Makes a kit of what this installation knows: everything that became known since a moment, holidays, bundles and an update."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from pathlib import Path

from engine import __version__, clock, kit, releases, sealed, signing
from engine.config import Config
from engine.domain import DAY, Expected
from engine.forecaster import Bundle
from engine.kit import Contents, Packer, Part
from engine.lineup import Shelf
from engine.releases import LIST
from engine.signing import SecretKey
from engine.store import Reader
from engine.store.reader import OFTEN_RENEWED

#: Hours before the beginning whose values go along whenever they became known: a source that had been silent sends them with the
#: moment at which they usually come.
AGAIN_S = 40 * DAY
#: Years before and after this one whose special days go along.
_YEARS = (-1, 3)


def pack(
    reader: Reader,
    config: Config,
    path: Path,
    key: SecretKey,
    since: int,
    now: int,
    models: Sequence[str] | None = None,
    update: Sequence[Path] = (),
    note: str = "",
    progress: Callable[[float], None] | None = None,
) -> Contents:
    """Write a kit of what became known from `since` until now, with these bundles (None: all that can be used); the engine may run.

    `update` are the files of a program update, with the list that names them and its signature.
    """
    if since >= now:
        raise Expected(f"Nothing became known after {clock.iso(since)} yet.", "Let the kit begin earlier: --since.")
    parts: list[Part] = []
    total = len(reader.series())
    with Packer(path) as packer:
        for series, rows in reader.kits.versions(since, now, since - AGAIN_S, tuple(OFTEN_RENEWED)):
            member = f"series/{len(parts):04d}.bin"
            packer.add(member, kit.pack(*rows))
            names = series.quantity, series.area, series.consumer_type, series.source, series.rank
            parts.append(Part(*names, len(rows[0]), member))
            if progress:
                progress(len(parts) / total)
        return packer.seal(
            Contents(
                since=since,
                until=now,
                program=__version__,
                simulated=reader.simulated,
                note=note,
                parts=tuple(parts),
                days=_days(now),
                models=_add_models(packer, config, models, key),
                update=_add_update(packer, update),
            ),
            key,
        )


def _days(now: int) -> dict[dt.date, str]:
    """Special days of the years around this one."""
    this = clock.local(now).year
    return {day: name for year in range(this + _YEARS[0], this + _YEARS[1] + 1) for day, name in clock.special_days(year).items()}


def _add_models(packer: Packer, config: Config, wanted: Sequence[str] | None, key: SecretKey) -> tuple[str, ...]:
    """The bundles that were wanted, each one that this machine can use; who signs the kit vouches for them."""
    shelf = Shelf(config)
    known = sorted(state.model_id for state in shelf.look()[0])
    for model_id in wanted or ():
        if model_id not in known:
            raise Expected(f"There is no bundle '{model_id}'.", f"Known bundles: {', '.join(known) or 'none'}; or none.")
    added = []
    for model_id in known if wanted is None else sorted(set(wanted)):
        bundle, folder = shelf.load(model_id), shelf.folder(model_id)
        if isinstance(bundle, Bundle) and folder is not None:
            for name in (sealed.MANIFEST, *sealed.FILES):
                packer.add_file(f"models/{model_id}/{name}", folder / name)
            vouched = key.sign(folder / sealed.MANIFEST, f"bundle:{model_id}")
            packer.add(f"models/{model_id}/{sealed.SIGNATURE}", vouched.encode())
            added.append(model_id)
        elif wanted is not None and isinstance(bundle, Expected):
            raise bundle
    return tuple(added)


def _add_update(packer: Packer, files: Sequence[Path]) -> str:
    """The files of an update; returns its version, empty where there is none."""
    if not files:
        return ""
    by_name = {path.name: path for path in files}
    missing = [name for name in (LIST, LIST + signing.SUFFIX) if name not in by_name]
    if missing or len(by_name) < len(files):
        raise Expected(
            f"An update needs {' and '.join(missing) or 'files of different names'}.",
            "Give the list of the update, its signature and the files for the systems of the site: --update updates.json ...",
        )
    release = releases.read(by_name[LIST])
    names = {file.name for file in release.files}
    for name, path in sorted(by_name.items()):
        if name not in names | {LIST, LIST + signing.SUFFIX}:
            raise Expected(f"{path} is no file of the update {release.version}.", f"Its files: {', '.join(sorted(names))}.")
        packer.add_file(f"update/{name}", path, packed=True)
    return release.version
