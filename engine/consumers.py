"""Which consumers a store knows: found by what a user writes, and told with their kin, their measure and how late they are."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence

from engine import clock, geography, lag
from engine.domain import HOUR, Consumer
from engine.geography import Measure
from engine.store import Reader
from engine.tables import Missing, Table

#: What each measure counts. Loads of one measure add up exactly; loads of two never do.
MEANINGS: Mapping[Measure, str] = {
    Measure.GROSS: "what a price area draws from the grid: grid losses are in it, what businesses make and use themselves is not",
    Measure.CATEGORY: "what meters of households, business or public customers of a region count, without grid losses",
    Measure.HOUSEHOLDS: "what meters of dwellings in a municipality count, told apart by housing and heating, without grid losses",
    Measure.INDUSTRY: "what meters of the customers of an industry count in all of Denmark, without grid losses",
    Measure.GRID_AREA: "what meters in the area of a grid company count, without grid losses",
    Measure.OWN: "whatever was imported",
}
#: The setting that fetches what is published of a measure.
SWITCHES: Mapping[Measure, str] = {
    Measure.CATEGORY: "fetch_regions",
    Measure.HOUSEHOLDS: "fetch_municipalities",
    Measure.INDUSTRY: "fetch_industries",
    Measure.GRID_AREA: "fetch_grid_areas",
}
_LIST = "`lastvagt-engine areas` and /v1/areas list what there is."


def find(reader: Reader, area: str, consumer_type: str, now: int) -> Consumer:
    """The consumer a user names; raises `Missing` with the nearest choices where the store knows nobody of the name."""
    require(reader, area, consumer_type, now)
    return Consumer(area, consumer_type)


def require(reader: Reader, area: str | None, consumer_type: str | None, now: int) -> None:
    """Raise `Missing` where no known consumer has this area and consumer type (None: any)."""
    known = reader.consumers(now)
    if _chosen(known, area, consumer_type):
        return
    measured = [Consumer(state.area, state.consumer_type) for state in reader.series()]  # weather alone makes no consumer
    if _chosen(measured, area, consumer_type):
        return
    raise _refusal(area, consumer_type, known, now)


def _refusal(area: str | None, consumer_type: str | None, known: Sequence[Consumer], now: int) -> Missing:
    """Why nobody of this area and consumer type is known, and what to ask for or to do instead."""
    types = _or(_nearest(consumer_type or "", (of.consumer_type for of in known if area in (None, of.area))))
    if area is None:
        return Missing(f"There is no consumer type '{consumer_type}'.", f"Choose {types}.")
    of = Consumer(area, consumer_type or "total")
    title = geography.title(of, "en")
    if not geography.exists(area, now) and (before := geography.SUCCEEDED.get(area)):
        begins = clock.local(geography.AREAS[area].since).date()
        return Missing(f"{_place(area)} begins on {begins}.", f"Until then choose {_or(map(_place, before))}.")
    if switch := _switch(of, known):
        how = f"Set {switch} = true in the settings (LASTVAGT_{switch.upper()}=true) and restart the engine."
        return Missing(f"Nothing is stored of {title}.", how)
    if absent := [leaf for leaf in geography.leaves(of, now) if leaf not in (of, *known)]:
        missing = _or(geography.title(leaf, "en") for leaf in absent)
        return Missing(f"{title} is a sum, and nothing is stored of {missing}.", "Fetch them with lastvagt-engine backfill.")
    if types:
        return Missing(f"There is no consumer type '{consumer_type}' of {_place(area)}.", f"Choose {types}.")
    if geography.known(area):
        return Missing(f"Nothing is stored of {_place(area)}.", _LIST)
    near = _areas_like(area, known)
    return Missing(f"There is no area '{area}'.", f"Did you mean {_or(map(_place, near))}? {_LIST}" if near else _LIST)


def _switch(of: Consumer, known: Iterable[Consumer]) -> str | None:
    """The setting that is off, where a consumer, or somebody in its area of whom nothing is known, is published."""
    nobody = all(each.area != of.area for each in known)
    wanted = [geography.measure(each) for each in (of, *([Consumer(of.area, "household")] if nobody else []))]
    stored = {geography.measure(each) for each in known}
    return next((SWITCHES[measure] for measure in wanted if measure in SWITCHES and measure not in stored), None)


def _chosen(among: Iterable[Consumer], area: str | None, consumer_type: str | None) -> bool:
    return any(area in (None, of.area) and consumer_type in (None, of.consumer_type) for of in among)


def _areas_like(area: str, known: Iterable[Consumer]) -> list[str]:
    """Codes of at most three areas that are written or named alike: first that of the tree, then those that are stored."""
    names = ((of.area, text) for of in known for text in (of.area, *(geography.name(of.area, tongue) for tongue in ("da", "en"))))
    spelled = {text.casefold(): code for code, text in names}
    close = [spelled[text] for text in difflib.get_close_matches(area.casefold(), spelled, n=3)]
    return list(dict.fromkeys(code for code in (geography.meant_by(area), *close) if code))[:3]


def _nearest(word: str, choices: Iterable[str], most: int = 8) -> list[str]:
    """The choices, or of many those most alike a word."""
    distinct = list(dict.fromkeys(choices))
    return distinct if len(distinct) <= most else difflib.get_close_matches(word, distinct, n=most, cutoff=0.0)


def _place(code: str) -> str:
    name = geography.name(code, "en")
    return code if code in name else f"{code} ({name})"


def _or(words: Iterable[str]) -> str:
    *most, last = [*words] or [""]
    return f"{', '.join(most)} or {last}" if most else last


def areas(reader: Reader, now: int) -> Table:
    """A row per consumer, price areas first: names, place in the tree, measure, whose loads add up to its own, and its newest hours.

    The lag is in whole hours, so that the table changes with the data and once an hour, not every second.
    """
    known = reader.consumers(now)
    sums = _sums(known, now)
    newest = _newest_loads(reader)
    rows = []
    for of in known:
        place = geography.AREAS.get(of.area)
        line = geography.ancestors(of.area)
        load = _newest_load(of, newest, now)
        issues = reader.issues(of.area, end=now + 1, limit=1, consumer_type=of.consumer_type)
        rows.append(
            (
                *of,
                geography.title(of, "da"),
                geography.title(of, "en"),
                geography.kind(of.area).value,
                line[1] if len(line) > 1 else None,
                geography.price_area(of.area),
                geography.measure(of).value,
                [each._asdict() for each in sums.get(of, ())],
                [whole._asdict() for whole, addends in sums.items() if of in addends],
                clock.iso(place.since) if place and place.since else None,
                clock.iso(place.until) if place and place.until else None,
                None if load is None else clock.iso(load),
                None if load is None else (clock.floor_hour(now) - load) // HOUR,
                clock.iso(issues[0].issue_time) if issues else None,
            )
        )
    columns = ("area", "consumer_type", "name_da", "name_en", "kind", "parent", "price_area", "measure", "sum_of", "adds_up_to")
    times = ("since", "until", "newest_load", "lag_h", "newest_issue")
    return Table({"simulated": reader.simulated}, (*columns, *times), rows)


def _sums(known: Iterable[Consumer], now: int) -> dict[Consumer, tuple[Consumer, ...]]:
    """The known consumers whose loads are sums of others', with those."""
    return {of: addends for of in known if (addends := geography.addends(of, now))}


def _newest_loads(reader: Reader) -> dict[Consumer, int]:
    found: dict[Consumer, int] = {}
    for state in reader.series():
        if state.quantity == "load":
            of = Consumer(state.area, state.consumer_type)
            found[of] = max(found.get(of, 0), state.newest_valid)
    return found


def _newest_load(of: Consumer, newest: Mapping[Consumer, int], now: int) -> int | None:
    """The newest hour of a consumer's load; of a sum that which all addends reach."""
    addends = [_newest_load(each, newest, now) for each in geography.addends(of, now)]
    if addends:
        reached = [each for each in addends if each is not None]
        return min(reached) if len(reached) == len(addends) else None
    return newest.get(of)


def hierarchy(reader: Reader, now: int) -> Table:
    """A row per whole and part: whether the parts' loads add up to the whole's exactly, and where they do not, why."""
    known = reader.consumers(now)
    sums = _sums(known, now)
    rows = []
    for part in known:
        wholes = [whole for whole, addends in sums.items() if part in addends]
        wholes += [whole for whole in _around(part, set(known)) if whole not in wholes]
        for whole in wholes:
            exact = part in sums.get(whole, ())
            measures = (geography.measure(of).value for of in (whole, part))
            rows.append((*whole, *part, *measures, exact, "" if exact else _why_not(whole, part, now)))
    columns = ("area", "consumer_type", "part_area", "part_consumer_type", "measure", "part_measure", "adds_up", "reason")
    return Table({"simulated": reader.simulated}, columns, rows)


def _around(part: Consumer, known: set[Consumer]) -> list[Consumer]:
    """Whom a consumer is a piece of by place or by type: the total of its area, and its like, or else the total, further up the tree."""
    area, consumer_type = part
    found = [Consumer(area)] if consumer_type != "total" and Consumer(area) in known else []
    for above in geography.ancestors(area)[1:]:
        like = [whole for whole in (Consumer(above, consumer_type), Consumer(above)) if whole in known]
        if like:
            return [*found, like[0]]
    return found


def _why_not(whole: Consumer, part: Consumer, now: int) -> str:
    if not geography.exists(part.area, now):
        return f"{geography.name(part.area, 'en')} has ended; what took over from it is part of the sum."
    measures = dict.fromkeys(geography.measure(of) for of in (whole, part))
    told = "; ".join(f"{each} is {MEANINGS[each]}" for each in measures)
    return f"{'Two measures' if len(measures) == 2 else 'No sum of both is published'}: {told}."


def lags(reader: Reader, now: int) -> Table:
    """How late each stored load is now and usually, in whole hours, and since when it stands still; see `lag.measure`."""
    rows = [
        (
            *each.consumer,
            each.source,
            clock.iso(each.newest_valid),
            (clock.floor_hour(now) - each.newest_valid) // HOUR,
            None if each.usual_s is None else round(each.usual_s / HOUR),
            None if each.stalled_since is None else clock.iso(each.stalled_since),
            each.holes,
            each.nominal,
        )
        for each in lag.measure(reader, now)
    ]
    columns = ("area", "consumer_type", "source", "newest_valid", "lag_h", "usual_lag_h", "stalled_since", "holes", "nominal")
    return Table({"simulated": reader.simulated}, columns, rows)
