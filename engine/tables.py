"""What is stored, as tables with a head, ready for JSON and CSV: the one form in which figures leave the program."""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
import io
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from engine import adjusting, clock, contest, geography, ledger, limits, published, roles, scoreboard
from engine.adjusting import Published
from engine.calibration import LEAD_GROUPS, SHARES, Calibration
from engine.domain import (
    BRIDGE_H,
    DAY,
    FIGURES,
    HORIZON_H,
    HOUR,
    LEAD_BUCKETS,
    SETTLEMENT,
    UNITS,
    Consumer,
    Expected,
    FloatArray,
    History,
    freshness,
)
from engine.store import FOREVER, TRUTHS, Reader
from engine.store.roster import BundleState, RoleChange
from engine.store.schema import level_column

#: What a forecast can be held against.
SCORED_AGAINST = tuple(truth for truth in TRUTHS if truth != "newest")
#: Days whose planned issues are told where nobody says which.
PLANNED_DAYS = 28
#: Span in seconds that an export holds in memory at a time.
_SLICE_S = 90 * DAY
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2})$")
_CALIBRATION_COLUMNS = (
    *("area", "consumer_type", "model_id", "learned_at", "first_lead_h", "last_lead_h"),
    *("hours", "kind", "name", "nominal", "value", "unit"),
)
_MODEL_COLUMNS = (
    *(
        "model_id",
        "tier",
        "role",
        "since",
        "trained_to",
        "origin",
        "signed_by",
        "problem",
        "against",
        "days",
        "wape",
        "wape_against",
    ),
    *("wql", "wql_against", "difference", "low", "high", "verdict", "evidence"),
)
_ISSUE_COLUMNS = ("area", "consumer_type", "issue_time", "tier", "reason", "model_id", "created_at", "valid_start", "hours")


class Missing(Expected):
    """Nothing of the kind is stored."""


@dataclass(frozen=True, slots=True)
class Table:
    """`head` holds for the whole table; `units` gives the unit of each column that has one. Times are ISO UTC."""

    head: Mapping[str, object]
    columns: tuple[str, ...]
    rows: Sequence[tuple[object, ...]]
    units: Mapping[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, object]:
        """For JSON: the head, the units, and a record per row; NaN is None."""
        rows = [dict(zip(self.columns, map(_plain, row), strict=True)) for row in self.rows]
        return {name: _plain(value) for name, value in self.head.items()} | {"units": dict(self.units), "rows": rows}

    def csv(self, header: bool = True, european: bool = False) -> str:
        """RFC 4180, with a header line: the head repeated in each row, units in the column names, nothing for NaN.

        `european` is for a spreadsheet that takes a comma for the decimal mark: semicolons between cells, times without T and Z.
        """
        out = io.StringIO()
        writer = csv.writer(out, delimiter=";" if european else ",")
        if header:
            writer.writerow([*self.head, *(_with_unit(name, self.units.get(name, "")) for name in self.columns)])
        cell = _european if european else _cell
        head = [cell(value) for value in self.head.values()]
        writer.writerows([*head, *map(cell, row)] for row in self.rows)
        return out.getvalue()

    def lines(self) -> Iterator[str]:
        """JSON, an object per row that repeats the head; NaN is null."""
        head = {name: _plain(value) for name, value in self.head.items()}
        for row in self.rows:
            yield json.dumps(head | dict(zip(self.columns, map(_plain, row), strict=True)), ensure_ascii=False)


def _plain(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _cell(value: object) -> object:
    value = _plain(value)
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


def _european(value: object) -> object:
    value = _cell(value)
    if isinstance(value, float):
        return repr(value).replace(".", ",")
    return value[:19].replace("T", " ") if isinstance(value, str) and _TIME.match(value) else value


def _with_unit(name: str, unit: str) -> str:
    return name + ("_" + re.sub("[^a-z0-9]+", "_", unit.lower().replace("%", "percent")) if unit else "")


def _iso(t: int | None) -> str | None:
    return None if t is None else clock.iso(t)


def forecast(reader: Reader, of: Consumer, now: int, as_of: int | None = None, untouched: bool = False) -> Table:
    """The newest issue made at or before `as_of` (None: `now`), a row per hour with its quantiles; raises `Missing`.

    It is published with the adjustments in force at that moment, which the head names, or `untouched` as the model made it.
    The head tells how old the issue was then.
    """
    found = published.read(reader, of, now if as_of is None else as_of)
    if found is None:
        when = "" if as_of is None else f" at or before {clock.iso(as_of)}"
        raise Missing(
            f"There is no forecast of {geography.title(of, 'en')}{when}.",
            "The engine makes one each hour, or each day; /v1/areas and `lastvagt-engine areas` tell the newest.",
        )
    table = issue_table(adjusting.untouched(found.issue) if untouched else found, untouched)
    age_s = (now if as_of is None else as_of) - found.issue.issue_time
    usual_s = DAY if geography.measure(of) in geography.ISSUED_DAILY else HOUR
    return dataclasses.replace(table, head={**table.head, "age_s": age_s, "freshness": freshness(age_s, usual_s).value})


def issue_table(found: Published, untouched: bool = False) -> Table:
    """One issue: a row per hour with its quantiles in MWh, and how many of them the `adjustment` of operators added to the median.

    `part` tells hours nobody has measured yet that had passed when it was made (`bridge`) from those to come (`ahead`). The head says
    whether it is `untouched`: the model's alone, whatever operators decided.
    """
    issue = found.forecast
    head = {
        "area": issue.area,
        "consumer_type": issue.consumer_type,
        "measure": geography.measure(Consumer(issue.area, issue.consumer_type)).value,
        "issue_time": clock.iso(issue.issue_time),
        "newest_load": issue.inputs.get("newest_load"),
        "tier": issue.tier.value,
        "reason": str(issue.reason),
        "model_id": issue.model_id,
        "simulated": issue.simulated,
        "ex_post": issue.ex_post,
        "untouched": untouched,
        "adjustments": [step.adjustment.adjustment_id for step in found.steps],
    }
    levels = tuple(level_column(level) for level in issue.levels)
    rows = [
        (
            clock.iso(valid_time),
            "bridge" if valid_time <= issue.issue_time else "ahead",
            round((valid_time - issue.issue_time) / HOUR, 2),
            *quantiles,
            change,
        )
        for valid_time, quantiles, change in zip(
            issue.valid_time.tolist(), issue.quantiles.tolist(), found.change.round(6).tolist(), strict=True
        )
    ]
    columns = (*levels, "adjustment")
    return Table(head, ("valid_time", "part", "lead_time_h", *columns), rows, dict.fromkeys(columns, "MWh"))


def _known(history: History, quantity: str, of: Consumer, leaves: Sequence[Consumer]) -> FloatArray:
    """Values on the history's grid, NaN where unknown: the sum of the leaves' where that is known at all, else a consumer's own."""
    nothing = np.full(history.hours, np.nan)
    values = [history.get(quantity, *each) for each in leaves]
    total = np.asarray(np.sum([nothing if each is None else each for each in values], axis=0), np.float64)
    own = history.get(quantity, *of)
    return total if own is None or np.isfinite(total).any() else own


def observations(
    reader: Reader, of: Consumer, quantity: str, start: int, end: int, as_of: int | None = None, truth: str = "newest"
) -> Table:
    """Values of the hours in [start, end) as known at `as_of` (None: now), or one version of the load (see `Reader.truth`)."""
    first = -(-start // HOUR) * HOUR
    leaves = geography.leaves(of, end) if quantity in ("load", *SETTLEMENT) else (of,)
    archive = reader.archive(first, end, {of.area, *(leaf.area for leaf in leaves)}, quantities=[quantity])
    history = archive.as_of(FOREVER if as_of is None else as_of, first, max(0, -(-(end - first) // HOUR)))
    if truth == "newest":
        values = _known(history, quantity, of, leaves)
        known = np.isfinite(values)
        times, values = history.times()[known], values[known]
    else:
        times, values = reader.truth(of.area, first, end, of.consumer_type)[truth]
    head = {
        "area": of.area,
        "consumer_type": of.consumer_type,
        "quantity": quantity,
        "truth": truth,
        "as_of": _iso(as_of),
        "simulated": reader.simulated,
        "ex_post": bool(history.ex_post),
    }
    rows = list(zip(map(clock.iso, times.tolist()), values.tolist(), strict=True))
    return Table(head, ("valid_time", "value"), rows, {"value": UNITS[quantity]})


def _group(by: str, key: int) -> str:
    match by:
        case "all":
            return "all"
        case "lead_bucket":
            return "{}-{}".format(*LEAD_BUCKETS[key]) if key else "bridge"
        case "day":
            return str(clock.EPOCH + dt.timedelta(days=key))
        case "month":
            return f"{1970 + key // 12}-{key % 12 + 1:02d}"
    return str(key)


def scores(
    reader: Reader,
    of: Consumer,
    by: str = "all",
    truth: str = "provisional",
    start: int | None = None,
    end: int | None = None,
) -> Table:
    """How the issues for the hours in [start, end) turned out, grouped; weekday 0 is Monday, hours and days are Danish.

    Hours that had passed when they were forecast, the bridge, are a lead bucket of their own and in no other grouping.
    """
    first, last = start or 0, FOREVER if end is None else end
    issues = reader.issues(of.area, first - HORIZON_H * HOUR, last + BRIDGE_H * HOUR, FOREVER, of.consumer_type)
    head = {
        "area": of.area,
        "consumer_type": of.consumer_type,
        "by": by,
        "truth": truth,
        "reference": "seasonal_naive",
        "start": _iso(start),
        "end": _iso(end),
        "simulated": reader.simulated,
        "ex_post": any(issue.ex_post for issue in issues),
    }
    buckets = range(len(LEAD_BUCKETS)) if by == "lead_bucket" else None
    found = reader.scores(of.area, by, first, last, truth, of.consumer_type, buckets)
    rows = [(_group(by, key), score.n, *score.figures().values()) for key, score in found.items()]
    return Table(head, ("group", "n", *FIGURES), rows, {name: unit for name, unit in FIGURES.items() if unit})


def against_tso(reader: Reader, area: str, start: int | None = None, end: int | None = None) -> Table:
    """Errors of our forecasts and the grid operator's for the hours in [start, end), both as known the day before."""
    board = scoreboard.against_tso(reader, area, start or 0, FOREVER if end is None else end)
    low, high = board.skill_interval
    head = {
        "area": area,
        "consumer_type": "total",
        "issue": f"{scoreboard.ISSUE_HOUR:02d}:00 Europe/Copenhagen, the day before",
        "start": _iso(start),
        "end": _iso(end),
        "days": board.days,
        "skill": board.skill,
        "skill_low_95": low,
        "skill_high_95": high,
        "simulated": reader.simulated,
        "ex_post": board.ex_post,
    }
    rows = [
        (name, len(of), *board.figures(of).values()) for name, of in (("lastvagt", board.ours), ("tso", board.theirs)) if len(of)
    ]
    units = {name: FIGURES[name] for name in ("wape", "mae", "bias", "rmse")}
    return Table(head, ("forecast", "n", *units), rows, units)


def issues(
    reader: Reader,
    area: str | None,
    consumer_type: str | None = None,
    start: int | None = None,
    end: int | None = None,
    limit: int = 168,
) -> Table:
    """Heads of issues with issue time in [start, end), of an area and consumer type (None: any), newest first."""
    found = reader.issues(area, start or 0, FOREVER if end is None else end, limit, consumer_type)
    rows = [
        (
            issue.area,
            issue.consumer_type,
            clock.iso(issue.issue_time),
            issue.tier.value,
            str(issue.reason),
            issue.model_id,
            clock.iso(issue.created_at),
            clock.iso(issue.valid_start),
            issue.hours,
            issue.ex_post,
        )
        for issue in found
    ]
    return Table({"simulated": reader.simulated}, (*_ISSUE_COLUMNS, "ex_post"), rows)


def planned(
    reader: Reader,
    now: int,
    start: int | None = None,
    end: int | None = None,
    outcome: str | None = None,
    limit: int = FOREVER,
) -> Table:
    """What became of each hourly issue planned in [start, end), of one outcome or of any, newest first; `start` is 28 days back by default."""
    end = now + 1 if end is None else end
    since = min(end, now) - PLANNED_DAYS * DAY if start is None else start
    found = [each for each in ledger.planned_issues(reader, since, now) if each.hour < end and outcome in (None, each.outcome)]
    rows = [(clock.iso(each.hour), each.outcome.value, _iso(each.made_at), each.reason) for each in found[::-1][:limit]]
    head = {"job": "forecast", "areas": " ".join(geography.PRICE_AREAS), "simulated": reader.simulated}
    return Table(head, ("issue_time", "outcome", "made_at", "reason"), rows)


def calibration(reader: Reader, area: str | None = None, consumer_type: str | None = None) -> Table:
    """What has been learned from hours that came true: a row per consumer, model, group of lead hours and thing learned.

    By kind: `weight` of an expert, `response` of load to an input (and the constant) beyond what the model says, the recent
    `level` left by them, `width` of the band of a share as a factor on the model's, recent `coverage` of that band. `nominal`
    is the value that means "as the model says", or for coverage the share aimed at.
    """
    rows = [
        (*target, clock.iso(learned_at), *lead_group, *learned)
        for target, (learned_at, calibrated) in reader.lessons().items()
        if area in (None, target[0]) and consumer_type in (None, target[1])
        for lead_group, learned in _learned(calibrated)
    ]
    return Table({"simulated": reader.simulated}, _CALIBRATION_COLUMNS, rows)


def _learned(calibrated: Calibration) -> Iterator[tuple[tuple[int, int], tuple[object, ...]]]:
    """Each lead group with (hours, kind, name, nominal, value, unit) of all that was learned for it."""
    shares = [f"{100 * share:.0f}" for share in SHARES]
    for g, leads in enumerate(LEAD_GROUPS):
        hours = int(calibrated.hours[g])
        found: list[tuple[str, str, float | None, float, str]] = []
        if calibrated.experts:
            percent = 100 * np.expm1(calibrated.slopes[g])
            found += [("weight", n, None, 100 * w, "%") for n, w in zip(calibrated.experts, calibrated.weights[g], strict=True)]
            found.append(("response", "constant", 0.0, percent[0], "%"))
            found += [("response", n, 0.0, v, "% per sd") for n, v in zip(calibrated.responses, percent[1:], strict=True)]
            found.append(("level", "recent", 0.0, 100 * np.expm1(calibrated.level[g]), "%"))
        found += [("width", share, 1.0, w, "factor") for share, w in zip(shares, np.exp(calibrated.width[g]), strict=True)]
        found += [
            ("coverage", share, float(share), 100 * inside, "%")
            for share, inside in zip(shares, calibrated.coverage[g], strict=True)
        ]
        for kind, name, nominal, value, unit in found:
            yield leads, (hours, kind, name, nominal, round(float(value), 4), unit)


def peaks(reader: Reader, now: int) -> Table:
    """The largest hour of the next day and of the next seven, of the price areas and of everybody with a limit.

    `probability` is that of the hour from `now` on that is most probable to exceed the limit, which begins at `probable_at`.
    """
    told = reader.limits()
    rows: list[tuple[object, ...]] = []
    for of in dict.fromkeys((*map(Consumer, geography.PRICE_AREAS), *told.loads)):
        its, limit = published.read(reader, of, now), told.loads.get(of)
        for hours in (24, HORIZON_H):
            found = None if its is None else limits.peak(its.forecast, now, hours * HOUR, limit)
            if its is None or found is None:
                continue
            risk = (None, None) if limit is None else (round(100 * found.probability, 2), clock.iso(found.probable_at))
            size = (clock.iso(found.time), found.load, found.low, found.high)
            rows.append((*of, hours, clock.iso(its.issue.issue_time), *size, limit, *risk))
    columns = ("area", "consumer_type", "within_h", "issue_time", "peak_time", "p50", "p10", "p90", "limit", "probability")
    head = {"alarm_percent": told.alarm_percent, "simulated": reader.simulated}
    units = dict.fromkeys(("p50", "p10", "p90", "limit"), "MWh") | {"within_h": "h", "probability": "%"}
    return Table(head, (*columns, "probable_at"), rows, units)


def models(reader: Reader, bundles: Sequence[BundleState] | None = None) -> Table:
    """Every bundle (None: those the engine saw last) with its role, and how a challenger did against its champion.

    Losses are means over compared days in percent of load; `difference` is that of the WQL, negative where the challenger is
    better, and `low` and `high` are its bounds.
    """
    rows: list[tuple[object, ...]] = []
    for mine in roles.assign(reader.roster.bundles() if bundles is None else bundles, reader.roster.changes()).values():
        for model_id in dict.fromkeys([mine.named, mine.champion, mine.tried, *mine.bundles]):
            if not model_id:
                continue
            bundle = mine.bundles.get(model_id)
            known = (
                (_iso(bundle.trained_to), bundle.origin, bundle.signed_by, bundle.problem)
                if bundle
                else (None, "", "", "Its folder is gone.")
            )
            role = mine.role(model_id)
            since = {"champion": mine.champion_since, "challenger": mine.challenger_since}.get(role)
            rows.append((model_id, mine.tier.value, role, _iso(since), *known, *_against(reader, mine, role)))
    losses = dict.fromkeys(("wape", "wape_against", "wql", "wql_against", "difference", "low", "high"), "%")
    return Table({"simulated": reader.simulated}, _MODEL_COLUMNS, rows, losses)


def _against(reader: Reader, mine: roles.Roles, role: str) -> tuple[object, ...]:
    """How a challenger did against its champion; nothing for others."""
    if role != "challenger":
        return ("", 0, *(math.nan,) * 7, "", "")
    found = contest.evidence(mine.champion, mine.tried, reader.roster.losses(mine.champion, mine.tried))
    losses = (found.challenger_wape, found.champion_wape, found.challenger_wql, found.champion_wql)
    bounds = (found.difference, found.low, found.high)
    return (mine.champion, found.days, *(round(x, 4) for x in (*losses, *bounds)), found.verdict.value, found.sentence())


def role_changes(reader: Reader, limit: int = 100) -> Table:
    """Every change of a role, newest first: who decided what, when and why."""
    rows = [tuple(role_change(change).values()) for change in reader.roster.changes()[::-1][:limit]]
    return Table({"simulated": reader.simulated}, ("changed_at", "tier", "act", "from_id", "to_id", "who", "reason"), rows)


def role_change(change: RoleChange) -> dict[str, object]:
    """One change as a record."""
    return dataclasses.asdict(change) | {"changed_at": clock.iso(change.changed_at), "tier": change.tier.value}


def jobs(reader: Reader, job: str | None = None, limit: int = 100) -> Table:
    """What the engine did, newest first."""
    rows = [
        (r.job, clock.iso(r.started_at), clock.iso(r.finished_at), r.status, r.problem, r.remedy, dict(r.detail))
        for r in reader.job_runs(job, limit)
    ]
    columns = ("job", "started_at", "finished_at", "status", "problem", "remedy", "detail")
    return Table({"simulated": reader.simulated}, columns, rows)


def storage(reader: Reader) -> dict[str, object]:
    """What the database takes of the disk, for JSON."""
    space = reader.space()
    return {
        "simulated": reader.simulated,
        "database_bytes": space.database_bytes,
        "unused_bytes": space.unused_bytes,
        "log_bytes": space.log_bytes,
        "free_bytes": space.free_bytes,
        "growth_bytes_a_day": space.growth_bytes_a_day,
        "issues": space.issues,
        "oldest_issue": _iso(space.oldest_issue),
    }


def export(reader: Reader, start: int, end: int) -> Iterator[tuple[str, Table]]:
    """Everything with a time in [start, end): names of files to be, and the tables that make them up; one name after the other.

    Issues are untouched: an archive of what models said. What was published at a moment, `forecast` tells.
    """
    spans: dict[tuple[str, Consumer], tuple[int, int]] = {}  # by what was measured of whom, whichever sources told it
    for state in reader.series():
        key = (state.quantity, Consumer(state.area, state.consumer_type))
        first, last = spans.get(key, (state.first_valid, state.newest_valid))
        spans[key] = (min(first, state.first_valid), max(last, state.newest_valid))
    for (quantity, of), (first, last) in sorted(spans.items()):
        stop = min(end, last + HOUR)
        for slice_start in range(max(start, first), stop, _SLICE_S):
            slice_end = min(slice_start + _SLICE_S, stop)
            yield f"observations_{quantity}", observations(reader, of, quantity, slice_start, slice_end)
    known = reader.consumers(end)
    for of in known:
        for head in reader.issues(of.area, start, end, FOREVER, of.consumer_type):
            for issue in reader.forecasts(of.area, head.issue_time, head.issue_time + 1, of.consumer_type):
                yield "forecasts", issue_table(adjusting.untouched(issue), untouched=True)
    for of in known:
        for truth in SCORED_AGAINST:
            yield "scores_by_day", scores(reader, of, "day", truth, start, end)
