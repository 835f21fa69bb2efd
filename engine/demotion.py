"""Whether a champion has become worse than the load a week before, surely and not by chance; then the former one serves again.

Its own issues of four weeks are held against first published load, day by day, beside `seasonal_naive` as of the same issues.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from engine import clock, comparison, contest, geography, scoring, verification
from engine.domain import DAY, HOUR, Consumer, Expected, FloatArray, IntArray
from engine.lineup import Lineup
from engine.store import Reader, Writer

#: Kind of the event that tells of a champion that is worse and goes on serving.
EVENT = "worse"
#: Days that are looked back, how many of them must be known, and pairs of an issue and an hour that make a day known.
WINDOW_DAYS, FEWEST_DAYS, _FEWEST_PAIRS = 28, 14, 24
#: Of hourly issues, which are much alike, those of every sixth hour are looked at.
_STEP_S = 6 * HOUR
#: Least doubt: the test of Diebold and Mariano, asked every day. Simulated, with days that scatter by 40 % and a limit of 10 %, a model
#: as bad as the reference loses its role once in twelve years, one with nine tenths of its error never (60 years each); one with
#: twice the error after 23 days, with one and a half times after nine weeks (medians).
_DOUBT = 0.002


@dataclass(frozen=True, slots=True)
class Record:
    """How a model did on Danish days (`day`, since 1970): errors of its median and of the reference over the same pairs, percent of load."""

    day: IntArray
    wape: FloatArray
    reference: FloatArray

    def on(self, days: IntArray) -> Record:
        """The same of these days alone."""
        chosen = np.isin(self.day, days)
        return Record(self.day[chosen], self.wape[chosen], self.reference[chosen])

    def is_worse(self, percent: int) -> bool:
        """Whether the error is surely more than so many percent larger than the reference's."""
        if len(self.day) < FEWEST_DAYS:
            return False
        statistic, p_value = comparison.diebold_mariano(self.wape - (1 + percent / 100) * self.reference)
        return statistic > 0 and p_value < _DOUBT


def record(reader: Reader, model_id: str, area: str, now: int) -> Record:
    """How the issues of a model of the last `WINDOW_DAYS` did, published or in shadow, with lead times of 1 to 48 h."""
    start = now - WINDOW_DAYS * DAY
    hours, loads = reader.truth(area, start, now)["provisional"]
    span = (area, start, now)
    issues = reader.forecasts(*span, every_s=_STEP_S) + reader.roster.shadows(*span, every_s=_STEP_S)
    made = [issue for issue in issues if issue.model_id == model_id]
    reach = (contest.FIRST_LEAD_H * HOUR, contest.LAST_LEAD_H * HOUR)
    known = [
        np.isin(i.valid_time, hours) & (i.valid_time >= i.issue_time + reach[0]) & (i.valid_time <= i.issue_time + reach[1])
        for i in made
    ]
    if not any(chosen.any() for chosen in known):
        return Record(np.empty(0, np.int64), np.empty(0), np.empty(0))
    valid = np.concatenate([i.valid_time[chosen] for i, chosen in zip(made, known, strict=True)])
    median = np.concatenate([i.median[chosen] for i, chosen in zip(made, known, strict=True)])
    issued = np.repeat([i.issue_time for i in made], [int(chosen.sum()) for chosen in known])
    archive = reader.archive(start - scoring.REFERENCE_S, now + HOUR, [area], quantities=["load"])
    reference = verification.seasonal_naive(archive, Consumer(area), valid, issued)
    observed = loads[np.searchsorted(hours, valid)]
    compared = np.isfinite(reference)
    day, place = np.unique(clock.local_day_hour(valid[compared])[0], return_inverse=True)
    pairs, load, error, other = (
        np.bincount(place, column[compared], len(day)).astype(np.float64)
        for column in (np.ones(len(valid)), observed, np.abs(median - observed), np.abs(reference - observed))
    )
    enough = (pairs >= _FEWEST_PAIRS) & (load > 0)
    return Record(day[enough], 100 * error[enough] / load[enough], 100 * other[enough] / load[enough])


def watch(writer: Writer, reader: Reader, lineup: Lineup, percent: int, now: int) -> Mapping[str, object]:
    """Judge the champion of every tier; one that is worse by over `percent` gives its role back, once, where the former one is no
    worse than it. Where that cannot be, an event tells of it. Returns what was found of each champion; nothing is judged at 0 %."""
    found, troubles = dict[str, object](), dict[str, Expected]()
    for champion, former in lineup.champions() if percent else ():
        areas = [area for area in sorted(champion.areas) if geography.parts(area) == (area,)]
        records = {area: record(reader, champion.model_id, area, now) for area in areas}
        days = {area: len(made.day) for area, made in records.items()}
        if max(days.values(), default=0) < FEWEST_DAYS:
            late = "" if areas else ": load of those it forecasts comes too late"
            found[champion.model_id] = f"cannot be judged{late or f': {max(days.values())} days of {FEWEST_DAYS} are known'}"
            continue
        worse = {area: made for area, made in records.items() if made.is_worse(percent)}
        found[champion.model_id] = {area: f"{_more(made):+.0f} %" for area, made in records.items() if days[area]}
        if not worse:
            continue
        what = sentence(*next(iter(worse.items())), percent)
        if former and not _does_no_better(reader, former, worse, now) and lineup.give_back(champion, what, now):
            continue
        troubles[champion.model_id] = Expected(
            f"{champion.model_id} goes on serving. {what} No former champion can take its place by itself.",
            "Decide in the view of models who shall serve, or: lastvagt-engine models",
        )
    for event in reader.events():
        if event.code == EVENT and event.subject not in troubles:
            writer.close_event(EVENT, event.subject, now)
    for model_id, trouble in troubles.items():
        writer.open_event(EVENT, model_id, trouble.problem, trouble.remedy, now)
    return found


def _does_no_better(reader: Reader, former: str, worse: Mapping[str, Record], now: int) -> bool:
    """Whether a former champion, too, has issues of enough of these days in an area, in shadow or published, and did no better."""
    for area, made in worse.items():
        its = record(reader, former, area, now).on(made.day)
        if len(its.day) >= FEWEST_DAYS and its.wape.mean() >= made.on(its.day).wape.mean():
            return True
    return False


def _more(made: Record) -> float:
    """By how many percent the error is larger than the reference's."""
    return 100 * float(made.wape.mean() / made.reference.mean() - 1)


def sentence(area: str, made: Record, percent: int) -> str:
    """What is told of a model that is worse."""
    return (
        f"Over {len(made.day)} days its errors for {area} were {_more(made):.0f} % larger than those of the load a week before "
        f"({made.wape.mean():.2f} against {made.reference.mean():.2f} % of load, surely over {percent} %)."
    )
