"""What challengers would have said: their issues are made, learned from and held against their champions', and never published."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np

from engine import clock, contest, geography, issuing, pace, scoring
from engine.calibration import Calibration
from engine.domain import HOUR, Expected, QuantileForecast, Reason
from engine.forecaster import Bundle, Forecaster
from engine.lineup import Duel
from engine.store import Archive, Reader, Target, Writer
from engine.store.roster import DayLoss

#: Days looked back for some that are settled and not compared yet; shadow issues are kept a little longer.
_BACK_DAYS = 44


def issue(writer: Writer, reader: Reader, archive: Archive, duel: Duel, published: Sequence[QuantileForecast], now: int) -> int:
    """Make the issues of a duel that were not published, for the hours of those that were, and keep them; returns how many.

    Where another tier was published the champion, too, issues in shadow, so that the two can be compared. Raises Expected where
    the challenger's output is implausible.
    """
    issue_time, valid_time = published[0].issue_time, published[0].valid_time
    learned = _lessons(reader, duel, issue_time)
    calibrations = reader.calibrations() | learned
    made, implausible = [], []
    for bundle in (duel.champion, duel.challenger):
        areas = [f.area for f in published if f.area in _areas(bundle) and f.model_id != bundle.model_id]
        issues = issuing.make_issues(archive, Forecaster([bundle]), issue_time, calibrations, valid_time, areas)
        made += [f for f in issues if f.model_id == bundle.model_id]
        implausible += [f.area for f in issues if f.reason is Reason.BAD_OUTPUT and bundle is duel.challenger]
    writer.roster.put_shadows(made, learned, now)
    if implausible:
        raise Expected(
            f"The output of the challenger {duel.challenger.model_id} for {', '.join(implausible)} was implausible.",
            "Its issues are left out; what is published is not affected. Name another challenger if this lasts.",
        )
    return len(made)


def _lessons(reader: Reader, duel: Duel, issue_time: int) -> dict[Target, Calibration]:
    """What both learned in shadow since the issue before; a challenger that is new begins like the models of a new store."""
    learned = issuing.lessons_of(reader, issue_time, reader.roster.shadows)
    challenger = duel.challenger.model_id
    span = (issue_time - issuing.LEARN_BACK_S, issue_time)
    if not any(reader.roster.issued(challenger, area, *span) for area in duel.challenger.areas):
        learned |= issuing.first_lessons(reader, Forecaster([duel.challenger]), issue_time)
    return {target: known for target, known in learned.items() if target[2] in (duel.champion.model_id, challenger)}


def _areas(bundle: Bundle) -> list[str]:
    """Areas of a bundle that have no parts."""
    return [area for area in sorted(bundle.areas) if geography.parts(area) == (area,)]


def compare(reader: Reader, duel: Duel, now: int, settled_after_days: int) -> list[DayLoss]:
    """Losses of both on every Danish day that is settled in all areas and was not compared before."""
    champion, challenger = duel.champion.model_id, duel.challenger.model_id
    areas = [area for area in _areas(duel.champion) if area in duel.challenger.areas]
    compared = {loss.day for loss in reader.roster.losses(champion, challenger)}
    today = int(clock.local_day_hour(np.array([now]))[0][0])
    since = clock.local_midnight(clock.EPOCH + dt.timedelta(days=today - _BACK_DAYS))
    settled = {area: scoring.settled(reader.truth(area, since, now), now, settled_after_days) for area in areas}
    found = []
    for day in range(today - _BACK_DAYS, today):
        pace.step()
        hours = clock.local_hours(clock.EPOCH + dt.timedelta(days=day))
        if day in compared or not all(hour in settled[area] for area in areas for hour in hours.tolist()):
            continue
        start, end = int(hours[0]) - contest.LAST_LEAD_H * HOUR, int(hours[-1])
        issues = {area: reader.roster.shadows(area, start, end) for area in areas}
        if any(issues.values()):
            issues = {area: shadows + reader.forecasts(area, start, end) for area, shadows in issues.items()}
            loss = contest.day_loss(
                day,
                {area: (hours, np.array([settled[area][hour] for hour in hours.tolist()])) for area in areas},
                *(
                    {area: [f for f in made if f.model_id == name] for area, made in issues.items()}
                    for name in (champion, challenger)
                ),
            )
            found += [loss] if loss else []
    return found
