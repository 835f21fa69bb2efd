"""How much of the disk the database takes and how it grew, which `maintenance` notes each day."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_Rows = Callable[[str, Sequence[object] | Mapping[str, object]], list[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True)
class Space:
    """Bytes of the file, of what is unused in it, of its write-ahead log, and free on its disk; `issues` counts forecast issues from
    `oldest_issue` on (None: there are none), of which one a day is left before `thinned_to`. `by_day` is (moment, bytes of the file),
    oldest first."""

    database_bytes: int
    unused_bytes: int
    log_bytes: int
    free_bytes: int
    issues: int
    oldest_issue: int | None
    thinned_to: int
    by_day: tuple[tuple[int, int], ...]

    @property
    def growth_bytes_a_day(self) -> float | None:
        """How much the file grew a day, first to last note; None before two notes that lie a day apart."""
        if len(self.by_day) < 2:
            return None
        (start, before), (end, after) = self.by_day[0], self.by_day[-1]
        return (after - before) * 86400 / (end - start) if end > start else None


def measure(rows: _Rows, path: Path) -> Space:
    """What there is now, through a reader's query function."""
    pages = rows(
        "SELECT page_size, page_count, freelist_count FROM pragma_page_size, pragma_page_count, pragma_freelist_count", ()
    )
    size, count, unused = pages[0]
    issues, oldest = rows("SELECT count(*), min(issue_time) FROM forecast_run", ())[0]
    thinned = rows("SELECT value FROM property WHERE name = 'thinned_to'", ())
    by_day = rows(
        """SELECT started_at, detail ->> 'database_bytes' AS bytes FROM job_run
           WHERE job = 'maintenance' AND bytes IS NOT NULL ORDER BY started_at""",
        (),
    )
    log = path.with_name(f"{path.name}-wal")
    return Space(
        database_bytes=size * count,
        unused_bytes=size * unused,
        log_bytes=log.stat().st_size if log.exists() else 0,
        free_bytes=shutil.disk_usage(path.parent).free,
        issues=issues,
        oldest_issue=oldest,
        thinned_to=int(thinned[0][0]) if thinned else 0,
        by_day=tuple(by_day),
    )
