"""What an engine has told the outside of what it keeps, and whether a database keeps it: whole, once, with the sums right."""

from __future__ import annotations

import contextlib
import functools
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine import geography
from engine.domain import QuantileForecast
from engine.store import PutResult, Reader, Writer, codec

#: Area, consumer type and issue time.
Name = tuple[str, str, int]


def tell(send: Callable[[list[Any]], None], before: Callable[[], None] = lambda: None) -> None:
    """Have every writer of this process call `before` when it begins to keep issues, and `send` what it keeps when it says so:
    `["issue", area, consumer type, issue time, SHA-256 of the numbers]`, and `["rows", how many new observations]`."""
    put_forecasts, put = Writer.put_forecasts, Writer.put

    @functools.wraps(put_forecasts)
    def keep_issues(self: Writer, forecasts: Sequence[QuantileForecast], *more: Any, **words: Any) -> int:
        before()
        added = put_forecasts(self, forecasts, *more, **words)
        for each in forecasts if added else ():
            send(["issue", each.area, each.consumer_type, each.issue_time, fingerprint(codec.encode(each.quantiles))])
        return added

    @functools.wraps(put)
    def keep_rows(self: Writer, *of: Any, **words: Any) -> PutResult:
        result = put(self, *of, **words)
        send(["rows", result.new])
        return result

    Writer.put_forecasts, Writer.put = keep_issues, keep_rows  # type: ignore[method-assign]


def fingerprint(blob: bytes) -> str:
    return codec.digest("", "", 0, 0, blob).hex()


def lost(path: Path, issues: Mapping[Name, str], told_rows: int) -> list[str]:
    """What was told and is not there."""
    with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
        first = min((at for _, _, at in issues), default=0)
        columns = "area, consumer_type, issue_time, quantiles"
        kept = {
            (area, kind, at): fingerprint(blob)
            for area, kind, at, blob in db.execute(f"SELECT {columns} FROM forecast_run WHERE issue_time >= ?", (first,))
        }
    gone = [f"{name} is {'changed' if name in kept else 'gone'}" for name, numbers in issues.items() if kept.get(name) != numbers]
    missing = told_rows - rows(path)
    return gone + ([f"{missing} observations are gone"] if missing > 0 else [])


def rows(path: Path) -> int:
    """How many observations there are."""
    with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
        return int(db.execute("SELECT count(*) FROM observation").fetchone()[0])


def partial(path: Path, since: int) -> list[str]:
    """Issues of the price areas from a moment on that are not whole: an area, a draft or rows of it missing, damaged, or sums wrong."""
    reader = Reader(path)
    with contextlib.closing(reader):
        made = {area: reader.forecasts(area, since, drafts=True) for area in geography.PRICE_AREAS}
        heads = {(head.area, head.issue_time) for head in reader.issues(start=since, limit=1 << 40)}
    whole = {area: {issue.issue_time: issue for issue in issues} for area, issues in made.items()}
    times = {at for _, at in heads}
    wrong = [f"{area} of {at} is not there" for at in times for area in whole if at not in whole[area]]
    wrong += [f"{area} of {at} has no draft" for area in whole for at, issue in whole[area].items() if issue.draft is None]
    for at in times.intersection(*whole.values()):
        together, *parts = (whole[area][at] for area in ("DK", "DK1", "DK2"))
        if not np.allclose(together.median, sum(part.median for part in parts), atol=1e-6):
            wrong.append(f"the sum of {at} is wrong")
    return wrong + _rows_wrong(path, [issues[0] for issues in made.values() if issues])


def _rows_wrong(path: Path, newest: Iterable[QuantileForecast]) -> list[str]:
    """Issues, newest of their areas, that stand as other rows in the table for everybody."""
    wrong = []
    with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
        for issue in newest:
            rows = db.execute(
                """SELECT p05, p10, p20, p25, p30, p40, p50, p60, p70, p75, p80, p90, p95 FROM forecast_latest
                   WHERE area = ? AND consumer_type = ? AND issue_time = ? ORDER BY valid_time""",
                (issue.area, issue.consumer_type, issue.issue_time),
            ).fetchall()
            if not np.array_equal(np.array(rows), issue.quantiles):
                wrong.append(f"rows of {issue.area} of {issue.issue_time} are not those of the issue")
    return wrong


def integrity(path: Path) -> str:
    """`ok`, or what SQLite finds."""
    with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
        return "; ".join(row[0] for row in db.execute("PRAGMA integrity_check(5)"))
