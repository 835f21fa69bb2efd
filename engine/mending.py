"""What is done about bits that flipped on disk: looked for, put right from backups, and told."""

from __future__ import annotations

from engine import clock, pace
from engine.config import Config
from engine.domain import DAY
from engine.store import Reader, Writer, backups
from engine.store.soundness import Finding


def examine(writer: Writer, reader: Reader, config: Config, now: int) -> int:
    """Look at every page, issue and value, put right what a backup has whole, and tell what was damaged until nothing is; returns how
    many issues there are. In a file whose structure is damaged nothing else is looked at: the engine starts again and recovers it."""
    there = backups.found(config.backups, config.simulated)
    pace.step()
    structure = reader.structure()
    found = Finding() if structure else writer.mend([backup.path for backup in there])
    writer.met_damage |= bool(structure)
    told = [f"SQLite finds: {structure}."] if structure else []
    if found.put_right:
        told.append(
            f"{found.put_right} issues or days of values were not as they were written, and were put right from a backup."
        )
    if found.damaged:
        area, kind, issue_time = found.damaged[-1]
        newest = f"{area}{'' if kind == 'total' else f'/{kind}'} of {clock.iso(issue_time)}"
        told.append(f"{len(found.damaged)} of {found.issues} issues are not as they were written and are not shown, as {newest}.")
    if found.days:
        quantity, area, day = found.days[-1]
        told.append(
            f"Values of {len(found.days)} days are not as they were written, as {quantity} of {area} of {clock.iso(day * DAY)[:10]}."
        )
    if found.renewed:
        told.append(f"{found.renewed} rows of newest forecasts were not those of their issues, and were put right or taken out.")
    if told:
        problem = f"The database was damaged on disk. {' '.join(told)}"
        writer.open_event("damaged", "", problem, "Check the disk; where issues are missed, restore a backup from before.", now)
    else:
        writer.close_event("damaged", "", now)
    return found.issues
