"""The map: what each area of a layer is coloured by in every hour, and the words of one hour."""

from __future__ import annotations

import enum
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.map_snapshot import LAYERS, MapSnapshot
from app.present.areas import week_before
from app.present.frame import Empty, marks, usual_issue_age_s
from app.present.measure import measure_text
from app.present.scale import Scale, scale_of
from app.ramps import Ramp
from app.snapshot import Snapshot
from app.translations import LANGUAGES, Language
from engine import clock, geography
from engine.domain import CONSUMER_TYPES, HOUR, Consumer, FloatArray, Freshness, IntArray, freshness
from engine.geography import Kind

#: Days of measured load at the left of the slider, before the newest of the middle area.
MEASURED_DAYS = 4
_WEEK_H = 7 * 24
#: Settings that turn on the fetching of a layer.
_SETTINGS = {Kind.REGION: "fetch_regions", Kind.MUNICIPALITY: "fetch_municipalities"}


class Shade(enum.StrEnum):
    """What an area is coloured by."""

    SHARE = "share"
    CHANGE = "change"
    PEAK = "peak"
    PERSON = "person"


class Origin(enum.IntEnum):
    """Where a value comes from: metered, forecast for an hour before the issue, or after it, or nowhere."""

    MEASURED = 0
    BRIDGE = 1
    AHEAD = 2
    MISSING = 3


_RAMPS = {Shade.CHANGE: Ramp.DIVERGING, Shade.PEAK: Ramp.CYCLIC}

OriginArray = npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class MapChoice:
    """What the user looks at."""

    layer: Kind = Kind.PRICE_AREA
    consumer_type: str = "total"
    shade: Shade = Shade.SHARE


@dataclass(frozen=True, slots=True)
class Legend:
    """A title with its unit, and words at positions from 0 to 1 of a ramp."""

    title: str
    ramp: Ramp
    ticks: tuple[tuple[float, str], ...]


@dataclass(frozen=True, slots=True)
class Run:
    """Hours [first, last) of the slider, by index, of which most areas' values come from one origin."""

    origin: Origin
    first: int
    last: int
    name: str
    short: str


@dataclass(frozen=True, slots=True)
class MapView:
    """One layer over all hours of the slider. Arrays are (areas, hours), NaN where nothing is known, loads in MWh.

    `value` is what is coloured, in the legend's unit; `position` where it stands on the ramp, from 0 to 1; `origin` says where each comes
    from, for the peak hour that of the peak. `before` is the load a week before,
    `peak_time` and `peak_load` are of the largest hour of the next 24.
    """

    choice: MapChoice
    layers: tuple[tuple[Kind, str], ...]
    types: tuple[tuple[str, str], ...]
    shades: tuple[tuple[Shade, str], ...]
    title: str
    marks: tuple[str, ...]
    heads: tuple[str, ...]
    areas: tuple[str, ...]
    names: tuple[str, ...]
    measures: tuple[str, ...]
    hours: IntArray
    now: int
    runs: tuple[Run, ...]
    legend: Legend
    value: FloatArray
    position: FloatArray
    origin: OriginArray
    load: FloatArray
    load_origin: OriginArray
    before: FloatArray
    before_origin: OriginArray
    peak_time: IntArray
    peak_load: FloatArray
    low: FloatArray
    high: FloatArray
    issue_time: IntArray
    empty: Empty | None = None

    def index_of(self, hour: int) -> int:
        """Index of an hour, or of the end it lies beyond."""
        return int(np.clip((hour - int(self.hours[0])) // HOUR, 0, len(self.hours) - 1)) if len(self.hours) else 0


@dataclass(frozen=True, slots=True)
class MapFrame:
    """One hour of the map: `position` and `origin` by area for colours, `labels` for the areas, `rows` for the table.

    A tile has room for the value alone; its corner says whether it was measured.
    """

    hour: str
    position: FloatArray
    origin: OriginArray
    labels: tuple[str, ...]
    rows: tuple[tuple[str, str, str], ...]
    legend_title: str
    summary: str


@dataclass(frozen=True, slots=True)
class MapReadOut:
    """One area in one hour: its name, the coloured value, its load and where that comes from, and of a forecast its interval and age."""

    name: str
    value: str
    lines: tuple[str, ...]
    issued: str
    issue_freshness: Freshness
    measure: str


def first_choice(snapshot: Snapshot) -> MapChoice:
    """The finest layer of which anything is known, by share."""
    held = {geography.kind(of.area) for of in snapshot.map.consumers}
    return MapChoice(next((layer for layer in reversed(LAYERS) if layer in held), Kind.PRICE_AREA))


def map_view(snapshot: Snapshot, choice: MapChoice, language: Language, now: int) -> MapView:
    """One layer of the map. A consumer type that the layer has not becomes the first one that it has."""
    known = snapshot.map
    areas = tuple(sorted(geography.of_kind(choice.layer, now), key=_alphabetical))
    held = {of.consumer_type for of in known.consumers if of.area in areas}
    types = tuple(kind for kind in CONSUMER_TYPES if kind in held) or ("total",)
    consumer_type = choice.consumer_type if choice.consumer_type in types else types[0]
    choice = MapChoice(choice.layer, consumer_type, choice.shade)
    rows = [known.consumers.index(of) if (of := Consumer(area, consumer_type)) in known.consumers else -1 for area in areas]
    times, load, origin, low, high, issue_time = _loads(known, rows)
    shown = _shown(times, origin)
    before, before_origin = _week_before(times, load, origin)
    peak_at = _peaks(load)
    value, value_origin = _values(choice, areas, times, load, origin, before, peak_at)
    peak_load = np.take_along_axis(load, np.maximum(peak_at, 0), axis=1)
    position, legend = _placed(choice, value[:, shown], language)
    names = dict(zip(LAYERS, (language.text(f"map.{layer.value}") for layer in LAYERS), strict=True))
    type_names = {kind: names_of[LANGUAGES.index(language.code)] for kind, names_of in CONSUMER_TYPES.items()}
    return MapView(
        choice=choice,
        layers=tuple(names.items()),
        types=tuple((kind, type_names[kind]) for kind in types),
        shades=tuple((shade, language.text(f"map.{shade.value}")) for shade in Shade),
        title=language.text(
            "map.title" if consumer_type == "total" else "map.title_type",
            layer=names[choice.layer].lower(),
            type=type_names[consumer_type].lower(),
        ),
        marks=marks(snapshot, None, language),
        heads=tuple(language.text(f"map.column_{column}") for column in ("area", choice.shade.value, "kind")),
        areas=areas,
        names=tuple(geography.name(area, language.code) for area in areas),
        measures=tuple(measure_text(Consumer(area, consumer_type), language, now) for area in areas),
        hours=times[shown],
        now=clock.floor_hour(now),
        runs=_runs(origin[:, shown], language),
        legend=legend,
        value=value[:, shown],
        position=position,
        origin=value_origin[:, shown],
        load=load[:, shown],
        load_origin=origin[:, shown],
        before=before[:, shown],
        before_origin=before_origin[:, shown],
        peak_time=(known.start + HOUR * peak_at)[:, shown],
        peak_load=peak_load[:, shown],
        low=low[:, shown],
        high=high[:, shown],
        issue_time=issue_time,
        empty=None if shown.stop > shown.start else _nothing(choice.layer, names[choice.layer], language),
    )


def _alphabetical(area: str) -> str:
    """Sorts municipalities as Danish does, aa being å; other areas stay in the order of their codes."""
    if geography.kind(area) is not Kind.MUNICIPALITY:
        return area
    return geography.AREAS[area].name_da.casefold().replace("aa", "å").translate(str.maketrans("æøå", "{|}"))


def _nothing(layer: Kind, name: str, language: Language) -> Empty:
    lines = [language.text("map.none_why")]
    if layer in _SETTINGS:
        lines.append(language.text("empty.opt_in", setting=_SETTINGS[layer]))
    return Empty(language.text("map.none", layer=name.lower()), tuple(lines))


def _loads(known: MapSnapshot, rows: Sequence[int]) -> tuple[IntArray, FloatArray, OriginArray, FloatArray, FloatArray, IntArray]:
    """Times, and by area (row -1: none) the load or its median, where it comes from, P10, P90, and the time of its issue."""
    times = known.times()
    absent = np.full((1, len(times)), np.nan)

    def of(table: FloatArray) -> FloatArray:
        found: FloatArray = np.concatenate([table, absent])[list(rows)]
        return found

    observed, median = of(known.observed), of(known.median)
    issue_time = np.append(known.issue_time, 0)[list(rows)]
    measured = np.isfinite(observed)
    load = np.where(measured, observed, median)
    origin = np.where(times[None, :] <= issue_time[:, None], Origin.BRIDGE, Origin.AHEAD)
    origin = np.where(measured, Origin.MEASURED, origin)
    origin = np.where(np.isfinite(load), origin, Origin.MISSING).astype(np.int8)
    return times, load, origin, of(known.low), of(known.high), issue_time


def _shown(times: IntArray, origin: OriginArray) -> slice:
    """Indices of the slider: some days of what is measured in half of the areas with data, then as far as half of them are known."""
    data = (origin != Origin.MISSING).any(axis=1)
    if not data.any():
        return slice(0, 0)
    hours = np.arange(len(times))
    last_measured = [int(hours[row == Origin.MEASURED].max(initial=0)) for row in origin[data]]
    ends = np.flatnonzero((origin[data] != Origin.MISSING).mean(axis=0) >= 0.5)
    first = max(_WEEK_H, sorted(last_measured)[len(last_measured) // 2] + 1 - MEASURED_DAYS * 24)
    return slice(min(first, int(ends[-1])), int(ends[-1]) + 1) if len(ends) else slice(0, 0)


def _week_before(times: IntArray, load: FloatArray, origin: OriginArray) -> tuple[FloatArray, OriginArray]:
    """Load and origin of the same Danish hour a week before."""
    at = (week_before(times) - times[0]) // HOUR if len(times) else times
    inside = at >= 0
    before, before_origin = np.full_like(load, np.nan), np.full_like(origin, Origin.MISSING)
    before[:, inside], before_origin[:, inside] = load[:, at[inside]], origin[:, at[inside]]
    return before, before_origin


def _peaks(load: FloatArray) -> IntArray:
    """Index of the largest load of the 24 hours from each on; -1 where one of them is not known."""
    found = np.full(load.shape, -1, np.int64)
    if load.shape[1] >= 24 and len(load):
        windows = np.lib.stride_tricks.sliding_window_view(load, 24, axis=1)
        best = np.argmax(windows, axis=2) + np.arange(windows.shape[1])
        found[:, : windows.shape[1]] = np.where(np.isfinite(windows).all(axis=2), best, -1)
    return found


def inhabitants(area: str) -> int:
    """People in an area, as the sum of its municipalities."""
    parts = geography.SUCCEEDED.get(area) or geography.children(area)
    return geography.AREAS[area].population or sum(inhabitants(part) for part in parts if part not in geography.SUCCEEDED)


def _values(
    choice: MapChoice,
    areas: Sequence[str],
    times: IntArray,
    load: FloatArray,
    origin: OriginArray,
    before: FloatArray,
    peak_at: IntArray,
) -> tuple[FloatArray, OriginArray]:
    """What is coloured, and where it comes from."""
    with np.errstate(divide="ignore", invalid="ignore"):
        if choice.shade is Shade.CHANGE:
            value = np.where(before > 0, 100 * (load / before - 1), np.nan)
        elif choice.shade is Shade.PERSON:
            value = 1000 * load / np.array([inhabitants(area) for area in areas])[:, None]
        elif choice.shade is Shade.SHARE:
            value = 100 * load / np.nansum(load, axis=0)
        else:
            _, hour = clock.local_day_hour(times)
            value = np.where(peak_at >= 0, hour[peak_at], np.nan)
            origin = np.where(peak_at >= 0, np.take_along_axis(origin, np.maximum(peak_at, 0), axis=1), Origin.MISSING)
    return value, np.where(np.isfinite(value), origin, Origin.MISSING).astype(np.int8)


def _round_up(number: float) -> float:
    """The next of 1, 1.5, 2, 3, 4, 5, 6, 8 times a power of ten."""
    if not number > 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(number))
    return next((step * power for step in (1, 1.5, 2, 3, 4, 5, 6, 8) if step * power >= number * (1 - 1e-9)), 10 * power)


def _placed(choice: MapChoice, value: FloatArray, language: Language) -> tuple[FloatArray, Legend]:
    """Positions on the ramp, the same for all hours so that colours can be compared while time passes; and the legend.

    Shares of municipalities, of which the largest is a thousand times the smallest, stand at their square roots.
    """
    shade = choice.shade
    ramp = _RAMPS.get(shade, Ramp.SEQUENTIAL)
    title = language.text(f"map.legend_{shade.value}")
    known = value[np.isfinite(value)]
    if shade is Shade.PEAK:
        return value / 24, Legend(title, ramp, tuple((hour / 24, f"{hour:02d}") for hour in (0, 6, 12, 18, 24)))
    if shade is Shade.CHANGE:
        reach = max(5.0, _round_up(float(np.quantile(np.abs(known), 0.98)))) if len(known) else 10.0
        steps = (-1.0, -0.5, 0.0, 0.5, 1.0)
        ends = {-1.0: "≤ ", 1.0: "≥ "}
        words = (ends.get(step, "") + language.number(step * reach, _decimals(step * reach), sign=step != 0) for step in steps)
        return (value / reach + 1) / 2, Legend(
            title, ramp, tuple((0.5 + step / 2, word) for step, word in zip(steps, words, strict=True))
        )
    top = _round_up(float(known.max(initial=0.0)))
    power = 0.5 if choice.layer is Kind.MUNICIPALITY and shade is Shade.SHARE else 1.0
    parts = (0.0, 0.05, 0.25, 1.0) if power < 1 else (0.0, 0.25, 0.5, 0.75, 1.0)
    ticks = tuple((part**power, language.number(part * top, _decimals(part * top))) for part in parts)
    return (value / top) ** power, Legend(title, ramp, ticks)


def _decimals(number: float) -> int:
    """Decimals that show a number as it is, at most three."""
    return next((n for n in (0, 1, 2) if abs(number - round(number, n)) < 1e-9), 3)


def _runs(origin: OriginArray, language: Language) -> tuple[Run, ...]:
    """Runs of hours by where most of the areas' loads come from."""
    data = origin[(origin != Origin.MISSING).any(axis=1)]
    if not data.size:
        return ()
    counts = np.stack([(data == kind).sum(axis=0) for kind in Origin])
    most = np.where(2 * counts[Origin.MISSING] > len(data), Origin.MISSING, counts[: Origin.MISSING].argmax(axis=0))
    starts = np.flatnonzero(np.concatenate([[True], most[1:] != most[:-1]])).tolist()
    parts = []
    for first, last in zip(starts, [*starts[1:], len(most)], strict=True):
        origin_of = Origin(most[first])
        name = language.text(f"map.part_{origin_of.name.lower()}")
        short = language.text("map.part_bridge_short") if origin_of is Origin.BRIDGE else name
        parts.append(Run(origin_of, first, last, name, short))
    return tuple(parts)


def hour_text(t: int, language: Language) -> str:
    """An hour with its date and zone."""
    return language.text("map.hour", date=language.date(t), span=language.hour_span(t), zone=language.zone(t, t))


def map_frame(view: MapView, index: int, language: Language) -> MapFrame:
    """One hour of a view that is not empty."""
    value, origin = view.value[:, index], view.origin[:, index]
    kinds = {kind: language.text(f"map.{kind.name.lower()}") for kind in Origin}
    words = tuple(_short(number, view.choice.shade, language) for number in value.tolist())
    rows = tuple((name, word, kinds[Origin(kind)]) for name, word, kind in zip(view.names, words, origin.tolist(), strict=True))
    with_kinds = tuple(language.text("map.with_kind", value=word, kind=kind) for _, word, kind in rows)
    known = np.flatnonzero(np.isfinite(value))
    title = view.legend.title
    if view.choice.shade is Shade.SHARE and len(known) < len(value):
        title = language.text("map.legend_share_of", known=len(known), all=len(value))
    hour = hour_text(int(view.hours[index]), language)
    counts = [(int((origin == kind).sum()), kinds[kind]) for kind in Origin]
    extremes = (
        [_named(view, words, known[pick]) for pick in (np.argmax(value[known]), np.argmin(value[known]))]
        if len(known)
        else ["–", "–"]
    )
    return MapFrame(
        hour=hour,
        position=view.position[:, index],
        origin=origin,
        labels=words if view.choice.layer is Kind.MUNICIPALITY else with_kinds,
        rows=rows,
        legend_title=title,
        summary=language.text(
            "map.summary",
            layer=dict(view.layers)[view.choice.layer],
            shade=dict(view.shades)[view.choice.shade],
            hour=hour,
            kinds=", ".join(language.text("map.count", count=count, kind=kind) for count, kind in counts if count),
            highest=extremes[0],
            lowest=extremes[1],
        ),
    )


def _named(view: MapView, words: Sequence[str], row: int) -> str:
    return f"{view.names[row]} {words[row]}"


def _short(number: float, shade: Shade, language: Language) -> str:
    """A coloured value without its unit, as it stands on a tile."""
    if not math.isfinite(number):
        return "–"
    if shade is Shade.PEAK:
        return f"{int(number):02d}–{int(number + 1) % 24:02d}"
    if shade is Shade.CHANGE:
        return language.number(number, 0, sign=round(number) != 0)
    return language.number(number, 2 if shade is Shade.PERSON or number < 10 else 1)


def map_read_out(view: MapView, row: int, index: int, language: Language, now: int) -> MapReadOut:
    """One area in one hour of a view that is not empty."""
    load, origin = float(view.load[row, index]), Origin(view.load_origin[row, index])
    units = scale_of(float(np.nanmax(np.append(view.load[row], 0.0))), language.unit)
    kind = language.text(f"map.{origin.name.lower()}")
    if origin is Origin.MISSING:
        return MapReadOut(view.names[row], kind, (), "", Freshness.MISSING, view.measures[row])
    lines = [language.text("map.load", load=units.quantity(load, language), kind=kind)]
    issued, state = "", Freshness.FRESH
    if origin is not Origin.MEASURED:
        span = units.span(float(view.low[row, index]), float(view.high[row, index]), language)
        lines.append(language.text("map.band", span=span))
        issue_time = int(view.issue_time[row])
        issued = language.text("map.issued", time=language.moment(issue_time, now), age=language.duration(now - issue_time))
        state = freshness(now - issue_time, usual_issue_age_s(Consumer(view.areas[row], view.choice.consumer_type)))
    value = _value_text(view, row, index, units, language)
    return MapReadOut(view.names[row], value, tuple(lines), issued, state, view.measures[row])


def _value_text(view: MapView, row: int, index: int, units: Scale, language: Language) -> str:
    number, shade = float(view.value[row, index]), view.choice.shade
    if not math.isfinite(number):
        return language.text("map.no_value")
    if shade is Shade.SHARE:
        return language.text("map.value_share", value=language.quantity(number, "%", 2 if number < 10 else 1))
    if shade is Shade.PERSON:
        return language.text("map.value_person", value=language.quantity(number, "kWh", 2))
    if shade is Shade.CHANGE:
        kind = language.text(f"map.{Origin(view.before_origin[row, index]).name.lower()}")
        before = units.quantity(float(view.before[row, index]), language)
        return language.text("map.value_change", value=language.quantity(number, "%", 1, sign=True), before=before, kind=kind)
    time, load = int(view.peak_time[row, index]), units.quantity(float(view.peak_load[row, index]), language)
    return language.text("map.value_peak", day=language.weekday(time), value=language.hour_span(time), load=load)
