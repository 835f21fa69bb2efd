"""How late each load is, how late it usually is, and since when it stands still: measured from arrivals, never assumed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from engine import clock, geography
from engine.domain import DAY, HOUR, Consumer, Expected, IntArray
from engine.geography import Measure
from engine.store import Reader
from engine.store.arrivals import LoadSeries

#: Days of arrivals that tell what is usual, and days of hours that holes are looked for in.
WINDOW_DAYS = 60
#: Share of days on which a load is at most as late as usual.
USUAL_SHARE = 0.9
#: Days on which arrivals must have been seen to tell what is usual; before, publishers' nominal lags tell.
SEEN_DAYS = 7
#: A load stands still when it is later than usual by a tenth and three hours: one that comes every week (9 to 15 days late) may
#: slip a day, one that comes every hour may leave out three.
_SLACK, _GRACE_S = 1.1, 3 * HOUR


@dataclass(frozen=True, slots=True)
class Lag:
    """How late the load of a consumer is, by the source that reaches furthest.

    `lag_s` is now - `newest_valid`; `by_day` its largest value on each of the last days, as (Danish day since 1970, seconds), today
    last; `usual_s` what nine in ten of these days, but those of a stand-still that lasts, keep to, None where too few are known.
    `nominal`: no arrivals were seen, the publisher's nominal lag stands in for them. `stalled_since` is when the newest hour
    arrived, where the lag is beyond what is usual. `holes` counts hours missing from the last 60 days up to the newest.
    """

    consumer: Consumer
    source: str
    newest_valid: int
    lag_s: int
    usual_s: int | None
    stalled_since: int | None
    by_day: tuple[tuple[int, int], ...]
    holes: int
    nominal: bool


def measure(reader: Reader, now: int) -> tuple[Lag, ...]:
    """The lag of every stored load that more hours are expected of, in the order of `geography.known_consumers`."""
    furthest: dict[Consumer, LoadSeries] = {}
    for series in reader.arrivals.load_series(WINDOW_DAYS):
        best = furthest.get(series.consumer)
        if _is_expected(series, now) and (best is None or series.newest_valid > best.newest_valid):
            furthest[series.consumer] = series
    order = geography.known_consumers(furthest, now)
    return tuple(_measure(reader, furthest[of], now) for of in order if of in furthest)


def after_day_s(reader: Reader, source: str) -> int | None:
    """How long after its Danish day the load of a source usually becomes known; None where too few arrivals were seen to tell."""
    furthest = reader.arrivals.furthest(source)
    if furthest is None:
        return None
    series_id, newest = furthest
    ends = clock.local_day_time(np.arange(_day(newest) - WINDOW_DAYS, _day(newest) + 1), 0) - HOUR
    valid, arrival, nominal = reader.arrivals.first(series_id, ends)
    seen = arrival[~nominal]
    return int(np.median(seen - valid[~nominal] - HOUR)) if np.unique(seen // DAY).size >= SEEN_DAYS else None


def stands_still(lag_s: float, usual_s: float) -> bool:
    """Whether a load that late is later than it usually is."""
    return lag_s > _SLACK * usual_s + _GRACE_S


def _is_expected(series: LoadSeries, now: int) -> bool:
    """Whether more hours are to come: an area that others took over ends with its last hour."""
    area = series.consumer.area
    return geography.exists(area, now) or geography.exists(area, series.newest_valid + HOUR)


def _measure(reader: Reader, series: LoadSeries, now: int) -> Lag:
    newest = series.newest_valid
    last_day = _day(newest)
    ends = clock.local_day_time(np.arange(last_day - WINDOW_DAYS, last_day + 1), 0) - HOUR
    valid, arrival, nominal = reader.arrivals.first(series.series_id, np.append(ends, newest))
    if np.median(arrival - valid) < DAY:  # comes by the hour: the ends of days would hide what happens within one
        hours = np.arange(newest - WINDOW_DAYS * DAY, newest + 1, HOUR, dtype=np.int64)
        valid, arrival, nominal = reader.arrivals.first(series.series_id, hours)
    arrival = np.minimum(arrival, now)
    advanced = int(arrival[-1])
    seen = ~nominal if np.unique(arrival[~nominal] // DAY).size >= SEEN_DAYS else np.ones(len(valid), bool)
    advanced_day, today = _day(advanced), _day(now)
    days = np.arange(advanced_day + 1 - WINDOW_DAYS, today + 1)
    latest = _largest_by_day(valid[seen], arrival[seen], clock.local_day_time(np.append(days, today + 1), 0), now)
    moving = latest[(days <= advanced_day) & (latest > 0)]
    usual_s = int(np.quantile(moving, USUAL_SHARE, method="inverted_cdf")) if len(moving) >= SEEN_DAYS else None
    stalled = usual_s is not None and stands_still(now - newest, usual_s)
    shown = (days > today - WINDOW_DAYS) & (latest > 0)
    hours_held = min(WINDOW_DAYS * 24, (newest - series.first_valid) // HOUR + 1)
    return Lag(
        consumer=series.consumer,
        source=series.source,
        newest_valid=newest,
        lag_s=now - newest,
        usual_s=usual_s,
        stalled_since=advanced if stalled else None,
        by_day=tuple(zip(days[shown].tolist(), latest[shown].tolist(), strict=True)),
        holes=hours_held - series.known_hours,
        nominal=bool(nominal[seen].any()),
    )


def _day(moment: int) -> int:
    """Danish day since 1970."""
    return int(clock.local_day_hour(np.array([moment], np.int64))[0][0])


def _largest_by_day(valid: IntArray, arrival: IntArray, midnights: IntArray, now: int) -> IntArray:
    """The largest lag in seconds between each two midnights, 0 before anything was known.

    A lag grows until something arrives, so it is largest just before an arrival, at midnight, or now.
    """
    order = np.lexsort((valid, arrival))
    arrival, newest = arrival[order], np.maximum.accumulate(valid[order])
    ends = np.minimum(midnights[1:], now)
    known = np.searchsorted(arrival, ends, "right") - 1
    largest = np.where(known >= 0, ends - newest[known], 0)
    day = np.searchsorted(midnights, arrival[1:]) - 1  # what arrives at midnight ends the day before
    inside = (day >= 0) & (day < len(largest)) & (arrival[1:] > arrival[:-1])
    np.maximum.at(largest, day[inside], (arrival[1:] - newest[:-1])[inside])
    return largest


#: What the loads of a measure are called together.
_TOGETHER: Mapping[Measure, str] = {
    Measure.GROSS: "loads of price areas",
    Measure.CATEGORY: "loads of regions",
    Measure.HOUSEHOLDS: "households of municipalities",
    Measure.INDUSTRY: "loads of industries",
    Measure.GRID_AREA: "loads of grid areas",
    Measure.OWN: "imported loads",
}


def standing_still(lags: Iterable[Lag]) -> dict[str, Expected]:
    """One trouble for each source of which a load stands still, however many of them.

    A user's own load that was never seen arriving is none: nobody said that more would come.
    """
    by_source: dict[str, list[Lag]] = defaultdict(list)
    for each in lags:
        if not (each.nominal and geography.measure(each.consumer) is Measure.OWN):
            by_source[each.source].append(each)
    return {
        source: _trouble(source, stalled, len(all_of_it))
        for source, all_of_it in by_source.items()
        if (stalled := [each for each in all_of_it if each.stalled_since is not None])
    }


def _trouble(source: str, stalled: list[Lag], of_how_many: int) -> Expected:
    worst = max(stalled, key=lambda each: each.lag_s)
    assert worst.stalled_since is not None
    assert worst.usual_s is not None
    together = _TOGETHER[geography.measure(worst.consumer)]
    who = f"{len(stalled)} of {of_how_many} {together}" if len(stalled) < of_how_many else together[0].upper() + together[1:]
    since = clock.local(worst.stalled_since).date()
    return Expected(
        f"{who} ({source}) stand still since {since}: {_age(worst.lag_s)} old, usually {_age(worst.usual_s)}.",
        "Forecasts go on from older load with wider bands; ask the publisher if it lasts. This ends by itself when new hours arrive.",
    )


def _age(seconds: int) -> str:
    return f"{seconds / DAY:.0f} days" if seconds >= 2 * DAY else f"{seconds / HOUR:.0f} hours"
