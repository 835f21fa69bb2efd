"""Our forecasts of tomorrow beside the grid operator's own: the same hours, both as they stood at the same moment."""

from __future__ import annotations

import datetime as dt
import functools
from dataclasses import dataclass

import numpy as np

from engine import clock, geography, scoring
from engine.domain import HOUR, Flag, FloatArray, IntArray
from engine.store import Reader

#: Danish hour of the day before at which the forecasts of a day are compared.
ISSUE_HOUR = 10


@dataclass(frozen=True, slots=True)
class Scoreboard:
    """Newest known load, our median and the grid operator's forecast in MWh: the hours for which all three are known, in order.

    `ex_post` is true where one of ours used values that nobody could have known.
    """

    valid_time: IntArray
    observed: FloatArray
    ours: FloatArray
    theirs: FloatArray
    ex_post: bool = False

    @property
    def days(self) -> int:
        """How many Danish days the hours belong to."""
        return len(np.unique(clock.local_day_hour(self.valid_time)[0]))

    def figures(self, forecast: FloatArray) -> dict[str, float]:
        """`wape` in percent, `mae`, `bias` and `rmse` in MWh of `ours` or `theirs`; NaN where there is no hour."""
        if not len(self.observed):
            return dict.fromkeys(("wape", "mae", "bias", "rmse"), np.nan)
        error = forecast - self.observed
        return {
            "wape": 100 * float(np.abs(error).sum() / self.observed.sum()),
            "mae": float(np.abs(error).mean()),
            "bias": float(error.mean()),
            "rmse": float(np.sqrt((error**2).mean())),
        }

    @property
    def skill(self) -> float:
        """1 - our MAE / theirs."""
        theirs = float(np.abs(self.theirs - self.observed).sum())
        return 1 - float(np.abs(self.ours - self.observed).sum()) / theirs if theirs else np.nan

    @property
    def skill_interval(self) -> tuple[float, float]:
        """95 % interval of `skill` over days; NaN for fewer than two weeks of them."""
        index = np.unique(clock.local_day_hour(self.valid_time)[0], return_inverse=True)[1]
        ours, theirs = (np.bincount(index, np.abs(f - self.observed)).astype(np.float64) for f in (self.ours, self.theirs))
        return scoring.block_bootstrap(ours, theirs)


def tso_forecast(reader: Reader, area: str, as_of: int, start: int, end: int) -> tuple[IntArray, FloatArray]:
    """Hours of [start, end) and the grid operator's load forecast of them in MWh, as it had been fetched by `as_of`.

    Only values that were seen arriving count: the operator's archive is overwritten until delivery, so what is read from it
    later is better than what anybody knew. An area with parts has their sum.
    """
    archive = reader.archive(start, end, geography.parts(area), as_of, quantities=["load_forecast"], newest_only=True)
    found: list[tuple[IntArray, FloatArray]] = []
    for part in geography.parts(area):
        versions = archive.versions.get(("load_forecast", part, "total"))
        if versions is None:
            return np.empty(0, np.int64), np.empty(0)
        known = versions.known(as_of, start, end)
        known = known[(versions.flags[known] & (Flag.NOMINAL | Flag.EX_POST)) == 0]
        found.append((versions.valid_time[known], versions.value[known]))
    common = functools.reduce(np.intersect1d, [times for times, _ in found])
    return common, np.sum([values[np.searchsorted(times, common)] for times, values in found], axis=0)


def against_tso(reader: Reader, area: str, start: int, end: int) -> Scoreboard:
    """The hours of [start, end), both forecasts as they stood at `ISSUE_HOUR` the day before.

    Hours the operator's forecast had not been fetched for by then are left out.
    """
    stored = [s for s in reader.series() if s.quantity == "load_forecast" and s.area in geography.parts(area)]
    start = max([start, *(s.first_valid for s in stored)])
    end = min([end, *(s.newest_valid + HOUR for s in stored)]) if stored else start
    truth = dict(zip(*(column.tolist() for column in reader.truth(area, start, end)["newest"]), strict=True))
    rows: list[tuple[float, ...]] = []
    ex_post = False
    for number in np.unique(clock.local_day_hour(np.arange(start, end, HOUR, dtype=np.int64))[0]).tolist():
        day = clock.EPOCH + dt.timedelta(days=number)
        as_of = clock.local_time(day - dt.timedelta(days=1), ISSUE_HOUR)
        span = clock.local_hours(day)
        hours, theirs = tso_forecast(reader, area, as_of, max(start, int(span[0])), min(end, int(span[-1]) + HOUR))
        issue = reader.forecast(area, as_of) if len(hours) else None
        if issue is None:
            continue
        ours = dict(zip(issue.valid_time.tolist(), issue.median.tolist(), strict=True))
        known = [h in truth and h in ours for h in hours.tolist()]
        ex_post |= issue.ex_post and any(known)
        rows += [(h, truth[h], ours[h], t) for h, t, ok in zip(hours.tolist(), theirs.tolist(), known, strict=True) if ok]
    times, observed, median, operator = np.array(rows, np.float64).reshape(-1, 4).T
    return Scoreboard(times.astype(np.int64), observed, median, operator, ex_post)
