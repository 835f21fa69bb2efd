"""Heat maps of errors, by lead time or month and hour of day, and the hours behind a cell."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.present.frame import is_gross
from app.present.quality import lead_words
from app.present.scale import Scale
from app.record import Record
from app.snapshot import SCORE_DAYS
from app.translations import Language
from engine import clock
from engine.domain import DAY, LEAD_BUCKETS, Consumer, FloatArray, IntArray
from engine.drift import judged

#: What a cell may tell: how large errors are, or to which side.
SHOWN = ("wape", "bias")
#: Hours listed behind a cell, the worst first.
LISTED = 60
#: Share of cells that the strongest colour is for or beyond.
_REACH = 0.98

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class HeatMap:
    """`values` in percent of the load, shape (rows, columns), NaN where there is no hour; `words` are short, `texts` whole sentences.

    Colours reach from `low` to `high`. `keys` names each row to `behind`.
    """

    name: str
    caption: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    keys: tuple[int, ...]
    values: FloatArray
    words: tuple[tuple[str, ...], ...]
    texts: tuple[tuple[str, ...], ...]
    low: float
    high: float
    ends: tuple[str, str]
    summary: str


@dataclass(frozen=True, slots=True)
class HourLine:
    """An hour behind a cell: when, load, forecast, error, error in percent of the load."""

    valid_time: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Behind:
    """The hours behind a cell, the worst first."""

    title: str
    hint: str
    heads: tuple[str, ...]
    lines: tuple[HourLine, ...]


def heat_map(record: Record, by: str, shown: str, language: Language, now: int) -> HeatMap:
    """Errors by `lead` time (of six weeks) or `month` (of a year, day ahead), each by Danish hour of day."""
    rows = _leads(record) if by == "lead" else _months(now)
    names = [_row_name(record.of, by, key, language) for key in rows]
    values, hours = np.full((len(rows), 24), np.nan), np.zeros((len(rows), 24), np.int64)
    sums = record.abs_error if shown == "wape" else record.error
    at = clock.local_day_hour(record.valid_time)[1]
    for i, key in enumerate(rows):
        chosen, buckets = _chosen(record, by, key, now)
        count, error, load = (
            np.bincount(at[chosen], part[chosen][:, buckets].sum(axis=1), 24) for part in (record.n, sums, record.observed)
        )
        hours[i] = np.bincount(at[chosen], record.n[chosen][:, buckets].sum(axis=1) > 0, 24)
        values[i] = np.divide(100 * error, load, out=np.full(24, np.nan), where=(count > 0) & (load > 0))
    known = values[np.isfinite(values)]
    high = float(np.quantile(np.abs(known), _REACH)) if len(known) else 1.0
    low = -high if shown == "bias" else 0.0
    caption = language.text(f"heat.{by}_{shown}", lead=lead_words(record.of, judged(record.of), language))
    return HeatMap(
        name=by,
        caption=caption,
        rows=tuple(names),
        columns=tuple(f"{hour:02d}" for hour in range(24)),
        keys=tuple(rows),
        values=values,
        words=tuple(tuple(_short(value, shown, language) for value in row) for row in values.tolist()),
        texts=tuple(
            tuple(_sentence(names[i], hour, values[i, hour], int(hours[i, hour]), shown, language) for hour in range(24))
            for i in range(len(rows))
        ),
        low=low,
        high=high or 1.0,
        ends=tuple(language.quantity(end, "%", 1, sign=shown == "bias") for end in (low, high)),
        summary=_summary(names, values, shown, language),
    )


def behind(record: Record, heat: HeatMap, row: int, hour: int, scale: Scale, language: Language, now: int) -> Behind:
    """The hours of a cell: the mean of the issues of its lead times beside the load."""
    chosen, buckets = _chosen(record, heat.name, heat.keys[row], now)
    chosen = chosen & (clock.local_day_hour(record.valid_time)[1] == hour) & (record.n[:, buckets].sum(axis=1) > 0)
    n, observed, error = (part[chosen][:, buckets].sum(axis=1) for part in (record.n, record.observed, record.error))
    times = record.valid_time[chosen]
    lines = []
    for i in np.argsort(-np.abs(error / n), kind="stable")[:LISTED].tolist():
        load, mean = observed[i] / n[i], error[i] / n[i]
        share = 100 * mean / load if load > 0 else math.nan
        lines.append(HourLine(int(times[i]), _cells(int(times[i]), load, mean, share, scale, language)))
    hint = language.text("where.open", unit=scale.unit) if lines else language.text("where.none")
    heads = tuple(language.text(f"heat.{key}") for key in ("when", "observed", "forecast", "error", "share"))
    span = f"{hour:02d}–{(hour + 1) % 24:02d}"
    return Behind(language.text("heat.behind", row=heat.rows[row], span=span, count=len(times)), hint, heads, tuple(lines))


def _cells(t: int, load: float, error: float, share: float, scale: Scale, language: Language) -> tuple[str, ...]:
    written = language.number(error * scale.factor, scale.decimals, sign=True)
    hour = language.hour(t)
    when = (
        f"{language.date(t)} {'' if hour.isdigit() else hour}".strip()
    )  # where the clock goes back two hours of a day are behind a cell
    return when, scale.number(load, language), scale.number(load + error, language), written, language.number(share, 1, sign=True)


def _leads(record: Record) -> list[int]:
    """All lead buckets of a price area; of others those that have scores."""
    return [i for i in range(len(LEAD_BUCKETS)) if is_gross(record.of) or record.n[:, i].any()]


def _months(now: int) -> list[int]:
    """The last twelve Danish months up to now (since 1970)."""
    moment = clock.local(now)
    newest = (moment.year - 1970) * 12 + moment.month - 1
    return list(range(newest - 11, newest + 1))


def _month_of(valid_time: IntArray) -> IntArray:
    day = clock.local_day_hour(valid_time)[0]
    return day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)


def _chosen(record: Record, by: str, key: int, now: int) -> tuple[BoolArray, list[int]]:
    """Which hours of the record belong to a row, and the lead buckets that count."""
    if by == "lead":
        return record.valid_time >= now - SCORE_DAYS * DAY, [key]
    return _month_of(record.valid_time) == key, list(judged(record.of))


def _row_name(of: Consumer, by: str, key: int, language: Language) -> str:
    if by == "month":
        first = clock.local_midnight(dt.date(1970 + key // 12, key % 12 + 1, 1))
        return f"{language.month(first)} {1970 + key // 12}"
    return lead_words(of, (key,), language)


def _short(value: float, shown: str, language: Language) -> str:
    return language.number(value, 1 if abs(value) < 9.95 else 0, sign=shown == "bias") if math.isfinite(value) else ""


def _sentence(row: str, hour: int, value: float, hours: int, shown: str, language: Language) -> str:
    span = f"{hour:02d}–{(hour + 1) % 24:02d}"
    if not math.isfinite(value):
        return language.text("heat.nothing", row=row, span=span)
    written = language.quantity(value, "%", 2, sign=shown == "bias")
    return language.text("heat.cell", row=row, span=span, value=written, count=hours)


def _summary(names: Sequence[str], values: FloatArray, shown: str, language: Language) -> str:
    """The worst cell and the best, in words."""
    if not np.isfinite(values).any():
        return language.text("heat.empty")
    size = np.abs(values)
    ends = []
    for index in (int(np.nanargmax(size)), int(np.nanargmin(size))):
        row, hour = divmod(index, values.shape[1])
        ends.append(f"{names[row]} {hour:02d}–{(hour + 1) % 24:02d}")
        ends.append(language.quantity(float(values[row, hour]), "%", 1, sign=shown == "bias"))
    return language.text("heat.summary", worst=ends[0], most=ends[1], best=ends[2], least=ends[3])
