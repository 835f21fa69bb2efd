"""The forecast view: what was observed, what is forecast, how old both are, and the numbers of one hour."""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from app.present.areas import next_peak, tier_text
from app.present.frame import Empty, best_tier, is_gross, level, marks, nothing_to_show, seen, usual_issue_age_s
from app.present.lateness import load_freshness, measured_text
from app.present.measure import measure_text
from app.present.scale import Scale, scale_for
from app.snapshot import ConsumerSnapshot, EngineStatus, Snapshot
from app.translations import Language
from engine import clock, geography
from engine.adjusting import Published
from engine.domain import DAY, HOUR, Consumer, FloatArray, Freshness, IntArray, QuantileForecast, freshness

#: Half the width of the chart of a price area when it opens.
SHOWN_S = 7 * DAY
#: Of a consumer that is measured late: how long before its newest truth and after its last forecast hour the chart reaches.
SHOWN_BEFORE_S, SHOWN_AFTER_S = 5 * DAY, 6 * HOUR
#: Central intervals drawn, widest first: percent, lower level, upper level.
INTERVALS = ((90, 0.05, 0.95), (80, 0.10, 0.90), (50, 0.25, 0.75))


@dataclass(frozen=True, slots=True)
class Band:
    """A central interval of the forecast in the view's unit, one value an hour of the forecast."""

    percent: int
    low: FloatArray
    high: FloatArray


class Part(enum.Enum):
    """What is known of a stretch of time: it was measured, is bridged, lies ahead of the issue, or nothing."""

    MEASURED = "measured"
    BRIDGE = "bridge"
    AHEAD = "ahead"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Stretch:
    """One part of a chart from `start` to `end`, with its names from the longest on. `freshness` is that of the load before it."""

    part: Part
    start: float
    end: float
    names: tuple[str, ...]
    freshness: Freshness | None = None


@dataclass(frozen=True, slots=True)
class ForecastView:
    """The forecast of one consumer. Times are epoch seconds as float; NaN in `observed` and `tso` is a gap and breaks the line.

    Loads are in `scale.unit`. `stretches` tell the parts of a chart of load that is measured late, in order, and are empty for
    a price area. `tso` is the grid operator's forecast as it was known when ours was made. `settled` is the observed load as
    settled since; `known` is each kind of truth.

    `median` and `bands` are the model's. `quantiles` are what is published: those of all `levels`, one row an hour of the forecast.
    `adjusted` is the published median at and beside the hours that operators have changed, NaN elsewhere, empty without such hours.
    `limit` is what the load should not exceed, NaN where the user set none.
    Of an earlier issue `known_at` marks it, `outcome` tells how it did, and `newest` is the median of the newest issue.
    """

    of: Consumer
    title: str
    scale: Scale
    tier: str
    tier_reason: str
    reduced: bool
    issued: str
    issue_freshness: Freshness
    issue_state: str
    model: str
    measured: str
    load_freshness: Freshness | None
    measure: str
    marks: tuple[str, ...]
    now: float
    shown: tuple[float, float]
    value_range: tuple[float, float]
    observed_time: FloatArray
    observed: FloatArray
    forecast_time: FloatArray
    median: FloatArray
    adjusted: FloatArray
    bands: tuple[Band, ...]
    levels: tuple[float, ...]
    quantiles: FloatArray
    settled_time: FloatArray
    settled: FloatArray
    known: Mapping[str, tuple[FloatArray, FloatArray]]
    stretches: tuple[Stretch, ...]
    tso_time: FloatArray
    tso: FloatArray
    issue_time: float
    rests_on: float
    stale: bool
    stale_label: str
    gap: tuple[float, float] | None
    gap_label: str
    axis: str
    zone: str
    empty: Empty | None
    summary: str
    naive_time: FloatArray = field(default_factory=lambda: np.empty(0))
    naive: FloatArray = field(default_factory=lambda: np.empty(0))
    limit: float = math.nan
    known_at: str = ""
    outcome: str = ""
    newest_time: FloatArray = field(default_factory=lambda: np.empty(0))
    newest: FloatArray = field(default_factory=lambda: np.empty(0))


@dataclass(frozen=True, slots=True)
class ReadOut:
    """The numbers of one hour. `time` is its start; `point` is the height of the marker in the view's unit, NaN for none.

    `part` says of load that is measured late whether the hour was measured, is bridged or lies ahead, and what that rests on.
    """

    time: float
    hour: str
    observed: str
    settled: str
    median: str
    interval: str
    naive: str
    tso: str
    lead: str
    part: str
    point: float


def with_gaps(times: IntArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The series on an unbroken hourly grid from its first to its last hour, NaN where an hour is missing."""
    if not len(times):
        return np.empty(0), np.empty(0)
    grid = np.arange(times[0], times[-1] + HOUR, HOUR, dtype=np.int64)
    filled = np.full(len(grid), np.nan)
    filled[(times - times[0]) // HOUR] = values
    return grid.astype(float), filled


def _settled(known: Mapping[str, tuple[FloatArray, FloatArray]]) -> tuple[FloatArray, FloatArray]:
    """As settled between market players, which only gross consumption has; else what the publisher calls final."""
    return next(
        (known[truth] for truth in ("settlement", "settled") if len(known.get(truth, ((),))[0])), (np.empty(0), np.empty(0))
    )


def forecast_view(snapshot: Snapshot, of: Consumer, engine: EngineStatus, language: Language, now: int) -> ForecastView:
    """The forecast view of one consumer at `now`, which moves on while a snapshot stays."""
    of_it = seen(snapshot, of)
    forecast, official, scale = of_it.forecast, of_it.official, scale_for(of_it, language)
    observed_time, observed = with_gaps(of_it.observed_time, of_it.observed * scale.factor)
    tso_time, tso = with_gaps(of_it.tso_time, of_it.tso * scale.factor)
    known = {truth: with_gaps(times, loads * scale.factor) for truth, (times, loads) in of_it.truths.items()}
    settled_time, settled = _settled(known)
    age = None if forecast is None else now - forecast.issue_time
    issue_freshness = freshness(age, usual_issue_age_s(of))
    stale = issue_freshness is Freshness.STALE
    nothing = nothing_to_show(snapshot, of, engine, language) if not len(observed_time) and forecast is None else None
    tier, reason, issued, model = _head(snapshot, of, forecast, language, now)
    measured = "" if is_gross(of) else measured_text(snapshot, of_it, language, now)
    load_state = load_freshness(snapshot, of_it, now)
    stretches = () if is_gross(of) else _stretches(of_it, load_state, language, now)
    shown = _shown(stretches, now)
    bands = () if forecast is None else tuple(Band(p, *_levels(forecast, scale, a, b)) for p, a, b in INTERVALS)
    adjusted = _adjusted(of_it.published, scale)
    in_sight = (observed_time >= shown[0]) & np.isfinite(observed)
    return ForecastView(
        of=of,
        title=geography.title(of, language.code),
        scale=scale,
        tier=tier,
        tier_reason=reason if nothing is None or is_gross(of) else "",
        reduced=forecast is None or forecast.tier is not best_tier(of),
        issued=issued,
        issue_freshness=issue_freshness,
        issue_state=language.text(f"freshness.{issue_freshness.value}"),
        model=model,
        measured=measured,
        load_freshness=load_state,
        measure=measure_text(of, language, now),
        marks=marks(snapshot, forecast, language),
        now=float(now),
        shown=shown,
        value_range=value_range(
            [observed[in_sight], tso, adjusted, *(edge for band in bands for edge in (band.low, band.high))],
            headed=bool(stretches),
        ),
        observed_time=observed_time,
        observed=observed,
        forecast_time=np.empty(0) if forecast is None else forecast.valid_time.astype(float),
        median=np.empty(0) if forecast is None else forecast.median * scale.factor,
        adjusted=adjusted,
        bands=bands,
        levels=() if official is None else official.levels,
        quantiles=np.empty((0, 0)) if official is None else official.quantiles * scale.factor,
        settled_time=settled_time,
        settled=settled,
        known=known,
        stretches=stretches,
        tso_time=tso_time,
        tso=tso,
        issue_time=math.nan if forecast is None else float(forecast.issue_time),
        rests_on=_rests_on(forecast),
        stale=stale,
        stale_label=language.text("forecast.stale_zone", age=language.duration(age)) if stale and age is not None else "",
        gap=_gap(of_it, now),
        gap_label=_gap_label(of_it, load_state, language, now),
        axis=language.text("forecast.axis", unit=scale.unit),
        zone=language.text("forecast.zone", zone=language.zone(*shown)),
        empty=nothing,
        summary=_summary(of_it, tier, issued, measured, language, now),
    )


def _head(
    snapshot: Snapshot, of: Consumer, forecast: QuantileForecast | None, language: Language, now: int
) -> tuple[str, str, str, str]:
    """How the forecast was made, why not better, when, and by which model; of one that is none, that it is not there yet."""
    if forecast is None:
        if snapshot.fault is not None and not snapshot.no_database:
            return "", "", "", ""
        why = "forecast.none_reason" if is_gross(of) else "forecast.not_yet"
        return language.text("forecast.none"), language.text(why), "", ""
    age = language.duration(now - forecast.issue_time)
    return (
        tier_text(forecast.tier, language),
        language.text(f"reason.{forecast.reason.value}") if forecast.reason else "",
        language.text("forecast.issued", time=language.moment(forecast.issue_time, now), age=age),
        language.text("forecast.model", model=forecast.model_id),
    )


def _levels(forecast: QuantileForecast, scale: Scale, low: float, high: float) -> tuple[FloatArray, FloatArray]:
    return level(forecast, low) * scale.factor, level(forecast, high) * scale.factor


def _adjusted(found: Published | None, scale: Scale) -> FloatArray:
    """The published median where a line can be drawn that leaves the model's and comes back to it."""
    if found is None or not found.steps:
        return np.empty(0)
    changed = found.change != 0
    beside = changed.copy()
    beside[1:] |= changed[:-1]
    beside[:-1] |= changed[1:]
    return np.where(beside, found.forecast.median * scale.factor, np.nan)


def _rests_on(forecast: QuantileForecast | None) -> float:
    """The end of the newest measured hour that the forecast knew."""
    newest = None if forecast is None else forecast.inputs.get("newest_load")
    return float(clock.parse_utc(str(newest)) + HOUR) if newest else math.nan


def _stretches(of_it: ConsumerSnapshot, load_state: Freshness | None, language: Language, now: int) -> tuple[Stretch, ...]:
    """The measured hours, those until the issue that nobody has measured, and those ahead of it."""
    times, forecast = of_it.observed_time, of_it.forecast
    found, end = [], -math.inf
    if len(times):
        end = float(times[-1]) + HOUR
        names = (language.text("part.measured", time=language.moment(end, now)), language.text("part.measured_short"))
        found.append(Stretch(Part.MEASURED, float(times[0]), end, names))
    if forecast is None:
        if found:
            found.append(_named(Part.NOTHING, end, float(now), language.duration(now - end), language, load_state))
        return tuple(found)
    begun = float(clock.floor_hour(forecast.issue_time) + HOUR)
    start, last = max(end, float(forecast.valid_time[0])), float(forecast.valid_time[-1]) + HOUR
    if start < begun:
        age = language.duration((begun - start) // HOUR * HOUR)
        found.append(_named(Part.BRIDGE, start, min(begun, last), age, language, load_state))
    if begun < last:
        hours = language.quantity(round((last - begun) / HOUR), "t" if language.code == "da" else "h")
        found.append(_named(Part.AHEAD, max(start, begun), last, hours, language))
    return tuple(found)


def _named(part: Part, start: float, end: float, size: str, language: Language, state: Freshness | None = None) -> Stretch:
    names = tuple(language.text(f"part.{part.value}{form}", age=size, span=size) for form in ("", "_short"))
    return Stretch(part, start, end, (*names, size), state)


def _shown(stretches: tuple[Stretch, ...], now: int) -> tuple[float, float]:
    """The time in sight when a chart opens: a week to both sides, or enough to see all that nobody has measured."""
    if not stretches:
        return float(now - SHOWN_S), float(now + SHOWN_S)
    known = [s.end for s in stretches if s.part is Part.MEASURED]
    start = min(*known, now) if known else stretches[0].start
    ahead = [s.end for s in stretches if s.part is Part.AHEAD]
    return start - SHOWN_BEFORE_S, max(*ahead, now) + SHOWN_AFTER_S if ahead else now + 2.0 * DAY


def _gap(of_it: ConsumerSnapshot, now: int) -> tuple[float, float] | None:
    """From the end of the newest observed hour until now; stretches tell it of load that is measured late."""
    if not is_gross(of_it.of) or not len(of_it.observed_time):
        return None
    end = float(of_it.observed_time[-1]) + HOUR
    return (end, float(now)) if end < now else None


def _gap_label(of_it: ConsumerSnapshot, load_state: Freshness | None, language: Language, now: int) -> str:
    """Nothing for the usual lag of load, which needs no words; beyond it, for how long there was none."""
    if load_state in (None, Freshness.FRESH) or not len(of_it.observed_time):
        return ""
    return language.text("forecast.gap_zone", age=language.duration(now - int(of_it.observed_time[-1])))


def value_range(series: Iterable[FloatArray], headed: bool) -> tuple[float, float]:
    """Limits of the value axis: round numbers around everything in sight; more room above where words stand at the head."""
    together = np.concatenate([np.empty(0), *series])
    together = together[np.isfinite(together)]
    if not len(together):
        return 0.0, 1.0
    low, high = float(together.min()), float(together.max())
    span = max(high - low, 0.05 * abs(high), 1e-3)
    step = 10.0 ** math.floor(math.log10(span / 10))
    top = high + (0.16 if headed else 0.06) * span
    return step * math.floor(max(0.0, low - 0.06 * span) / step), step * math.ceil(top / step)


def time_range(view: ForecastView, days: int) -> tuple[float, float]:
    """So many days: as far ahead as the forecast of this consumer opens with, at most half of them, and the rest before now."""
    ahead = min(days * DAY / 2, view.shown[1] - view.now)
    return view.now + ahead - days * DAY, view.now + ahead


def _summary(of_it: ConsumerSnapshot, tier: str, issued: str, measured: str, language: Language, now: int) -> str:
    forecast, scale = of_it.official, scale_for(of_it, language)
    ahead = np.empty(0) if forecast is None else forecast.median[forecast.valid_time > now]
    if forecast is None or not len(ahead):
        return " ".join(part for part in (f"{tier}.", measured) if part)
    low, high = (scale.quantity(float(f(ahead)), language) for f in (np.min, np.max))
    peak, peak_at = next_peak(forecast, scale, language, now)
    span = language.duration(len(ahead) * HOUR)
    text = "forecast.summary_late" if measured else "forecast.summary"
    measured = measured.rstrip(".")
    told = language.text(
        text, tier=tier, issued=issued, measured=measured, low=low, high=high, span=span, peak=peak, peak_at=peak_at
    )
    adjusted = of_it.published is not None and of_it.published.steps
    return f"{told} {language.text('forecast.has_adjustments', count=len(adjusted))}" if adjusted else told


def read_out(view: ForecastView, time: float, language: Language) -> ReadOut:
    """The numbers of the hour that holds `time`; what is not known reads "no data"."""
    start = clock.floor_hour(int(time))
    no_data = language.text("monitor.no_data")
    unit, decimals = view.scale.unit, view.scale.decimals
    observed = value_at(view.observed_time, view.observed, start)
    published = published_at(view, start)
    median = published.get(0.5, math.nan)
    interval, lead = no_data, "–"

    def told(times: FloatArray, values: FloatArray) -> str:
        return language.quantity(value_at(times, values, start), unit, decimals)

    if math.isfinite(median):
        interval = f"{language.number(published[0.1], decimals)}–{language.quantity(published[0.9], unit, decimals)}"
        lead = _lead(view, start, language)
    told_median = language.quantity(median, unit, decimals)
    return ReadOut(
        time=float(start),
        hour=f"{language.date(start)} {language.hour_span(start)} {language.zone(start, start)}",
        observed=language.quantity(observed, unit, decimals),
        settled=told(view.settled_time, view.settled),
        median=language.text("readout.adjusted", value=told_median) if is_adjusted(view, start) else told_median,
        interval=interval,
        naive=told(view.naive_time, view.naive),
        tso=told(view.tso_time, view.tso),
        lead=lead,
        part=_part(view, start, observed, median, language) if view.stretches else "",
        point=observed if math.isfinite(observed) else median,
    )


def _lead(view: ForecastView, start: int, language: Language) -> str:
    if math.isnan(view.issue_time):  # each hour has another
        return "–"
    hours = round((start - view.issue_time) / HOUR)
    if hours > 0:
        return language.quantity(hours, "t" if language.code == "da" else "h", sign=True)
    return language.text("readout.bridge_lead" if view.stretches else "readout.bridge")


def _part(view: ForecastView, start: int, observed: float, median: float, language: Language) -> str:
    if math.isfinite(observed):
        return language.text("readout.measured")
    if not math.isfinite(median):
        return language.text("readout.outside")
    if not math.isfinite(view.rests_on):
        return language.text("readout.unmeasured")
    time, age = language.moment(view.rests_on, view.now), language.duration(start + HOUR - view.rests_on)
    return language.text("readout.bridged" if start <= view.issue_time else "readout.ahead", time=time, age=age)


def published_at(view: ForecastView, hour: int) -> dict[float, float]:
    """What is published of an hour, by level; nothing where it is not forecast."""
    found = int(np.searchsorted(view.forecast_time, hour))
    inside = found < len(view.forecast_time) and view.forecast_time[found] == hour
    return dict(zip(view.levels, view.quantiles[found].tolist(), strict=True)) if inside else {}


def is_adjusted(view: ForecastView, hour: int) -> bool:
    """Whether operators have changed the median of an hour."""
    published = value_at(view.forecast_time[: len(view.adjusted)], view.adjusted, hour)
    return math.isfinite(published) and published != value_at(view.forecast_time, view.median, hour)


def value_at(times: FloatArray, values: FloatArray, time: int) -> float:
    """The value of an hour, NaN where there is none."""
    found = int(np.searchsorted(times, time))
    return float(values[found]) if found < len(times) and times[found] == time else math.nan
