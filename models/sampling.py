"""Training rows from a store: what was known at past moments, as it was or made worse on purpose, beside what came true."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine import clock, features, pooled
from engine.domain import (
    BRIDGE_H,
    DAY,
    HORIZON_H,
    HOUR,
    WEATHER,
    Consumer,
    Expected,
    FeatureMatrix,
    FloatArray,
    History,
    IntArray,
    Tier,
)
from engine.store import FOREVER, Archive

Rows = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

AREAS = ("DK1", "DK2")
#: Issues every five hours meet every hour of the week; each contributes this many hours, those of the next day more often.
ISSUE_STEP_H = 5
LEADS_PER_ISSUE = 16
DAY_AHEAD_H = (13, 39)
#: Hours that have begun but are not published yet are forecast too, back to this lead time.
_EARLIEST_LEAD_H = -6
#: Standard deviation of the errors of weather forecasts now, a day and a week ahead: K, and share of the wind. AR(1) by the hour.
FORECAST_LIKE = {"temperature": (0.0, 0.8, 2.0), "wind_speed": (0.0, 0.12, 0.30)}
_ERROR_LEADS_H = (0, 24, 168)
_ERROR_AR = 0.97
_LARGEST_TARGET = 0.6  # |log(load / base)| beyond this is a fault of the data
_LEAST_LAG_H = 2
_NEEDED_DAYS = 540
#: Inputs that are missing where no weather was known, of one area's model and of the pooled one.
_KNOWN_WEATHER = ("temperature_ewma_12h_anomaly", "temperature_7d")


@dataclass(frozen=True, slots=True)
class Regime:
    """Under which circumstances a tier is trained: the share of issues with each trouble, and by how many hours late load is late.

    `disturbed`: temperature and wind have forecast-like errors. `blind`: no weather. `narrow`: neither radiation nor clouds, which
    few sources have; a model used to them does worse without them than one that never saw them.
    """

    weather: bool
    late: float = 0.12
    late_h: tuple[int, int] = (1, 72)
    disturbed: float = 0.2
    blind: float = 0.0
    narrow: float = 0.6

    @property
    def load_lag_h(self) -> int:
        """Largest lag of the newest load in hours that is trained for."""
        return self.late_h[1] + _LEAST_LAG_H

    @property
    def needs_weather(self) -> bool:
        """Whether a model trained so is not meant to serve without weather."""
        return self.weather and not self.blind


REGIMES: Mapping[Tier, Regime] = {
    Tier.FULL: Regime(weather=True),
    Tier.NO_WEATHER: Regime(weather=False),
    Tier.LATE: Regime(weather=True, late=1.0, late_h=(3 * 24, 40 * 24), blind=0.2),
    Tier.POOLED: Regime(weather=True, late=1.0, late_h=(2, BRIDGE_H), blind=0.25),
}


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows to learn from: inputs (n, names), target log(load / base), when issued and valid, whether disturbed, and whether of
    eastern Denmark, each (n,)."""

    names: tuple[str, ...]
    rows: Rows
    target: FloatArray
    issue_time: IntArray
    valid_time: IntArray
    disturbed: Mask
    east: Mask

    def __len__(self) -> int:
        return len(self.target)

    def where(self, mask: Mask) -> Sample:
        """The rows a mask selects."""
        return Sample(self.names, self.rows[mask], *(getattr(self, name)[mask] for name in _PER_ROW))

    def only(self, names: Iterable[str]) -> Sample:
        """The same rows with these inputs only, in this sample's order."""
        wanted = set(names)
        kept = [i for i, name in enumerate(self.names) if name in wanted]
        return dataclasses.replace(self, names=tuple(self.names[i] for i in kept), rows=self.rows[:, kept])

    def column(self, name: str) -> Rows:
        """One input of all rows."""
        return self.rows[:, self.names.index(name)]

    @property
    def blind(self) -> Mask:
        """Which rows have no weather."""
        known = [self.column(name) for name in _KNOWN_WEATHER if name in self.names]
        return np.isnan(known[0]) if known else np.zeros(len(self), bool)

    @property
    def base(self) -> FloatArray:
        """Base of each row in MWh."""
        return self.column("base_mwh").astype(np.float64)

    @property
    def observed(self) -> FloatArray:
        """Load of each row in MWh."""
        load: FloatArray = np.exp(self.target) * self.base
        return load


_PER_ROW = ("target", "issue_time", "valid_time", "disturbed", "east")


def pool(samples: Sequence[Sample]) -> Sample:
    """One sample of all."""
    return Sample(samples[0].names, *(np.concatenate([getattr(s, name) for s in samples]) for name in ("rows", *_PER_ROW)))


def known_inputs(sample: Sample) -> Sample:
    """The sample without inputs that no row knows."""
    unknown = set(np.flatnonzero(np.isnan(sample.rows).all(axis=0)).tolist())
    return sample.only(name for i, name in enumerate(sample.names) if i not in unknown)


def sample_area(
    archive: Archive, area: str, start: int, end: int, regime: Regime, step_h: int = ISSUE_STEP_H, seed: int = 1
) -> Sample:
    """Training rows of one area: issues in [start, end), hours valid before `end`, only what was known at each issue.

    Draws the same issues and hours for every area. Raises Expected where there is too little to learn from.
    """
    rng = np.random.default_rng(seed)
    observed = _truth(archive, area, start, end)
    start = max(start, min(observed, default=end) // DAY * DAY)
    leads = np.arange(_EARLIEST_LEAD_H, HORIZON_H + 1)
    odds = np.where(leads <= 48, 1.0, 0.45)
    odds[(leads >= DAY_AHEAD_H[0]) & (leads <= DAY_AHEAD_H[1])] = 1.6
    parts = []
    for issue_time in range(start, end, step_h * HOUR):
        chosen = np.sort(rng.choice(leads, LEADS_PER_ISSUE, replace=False, p=odds / odds.sum()))
        shares = (regime.late, regime.disturbed, regime.blind, regime.narrow)
        late, disturbed, blind, narrow = (bool(rng.random() < share) for share in shares)
        hidden_h = int(rng.integers(*regime.late_h, endpoint=True))
        shocks = rng.normal(size=(2, HORIZON_H + 1))
        history = archive.as_of(issue_time, *features.window(issue_time))
        if late:
            history = with_late_load(history, hidden_h)
        if blind or not regime.weather:
            history = without(history, WEATHER)
        elif narrow:
            history = without(history, ("global_radiation", "cloud_cover"))
        if disturbed:
            history = with_weather_error(history, shocks)
        made = _rows(history, area, issue_time + HOUR * chosen, observed, disturbed)
        if made is not None:
            parts.append(made.where(np.abs(made.target) < _LARGEST_TARGET))
    sample = pool(parts) if parts else None
    for what, times in (
        ("load", sample.valid_time if sample else []),
        ("weather", sample.valid_time[~sample.blind] if sample and regime.weather else None),
    ):
        if times is not None and (not len(times) or np.ptp(times) < _NEEDED_DAYS * DAY):
            raise Expected(
                f"The store holds too little {what} to train on for {area}: fewer than {_NEEDED_DAYS} days.",
                "Fetch more with `lastvagt-engine backfill`, or import it.",
            )
    assert sample is not None
    return sample


#: Usual lag of a metered series, hours, around which training's lags lie.
_USUAL_LAG_H = 11 * 24
#: Standard deviation of the logs of errors that the load around a series is given where it is not known yet: AR(1) by the hour.
_AROUND_ERROR = 0.03
#: Pooled issues every so many hours meet every hour of the week too.
_POOLED_STEP_H = 29
_POOLED_PER_ISSUE = 24


def sample_pooled(archive: Archive, start: int, end: int, regime: Regime, step_h: int = _POOLED_STEP_H, seed: int = 1) -> Sample:
    """Training rows of the pooled model: each price area as a late series beside which the other one is known to the hour.

    So it learns what the load around a series says of it without having seen the series' own. Raises Expected where an area is
    missing.
    """
    rng = np.random.default_rng(seed)
    observed = {area: _truth(archive, area, start, end) for area in AREAS}
    if not all(observed.values()):
        raise Expected("The store lacks load of one price area.", "The pooled model learns from both; fetch or import them.")
    start = max(start, min(min(hours) for hours in observed.values()) // DAY * DAY)
    parts = []
    for issue_time in range(start, end, step_h * HOUR):
        window = pooled.window(issue_time)
        history, later = archive.as_of(issue_time, *window), archive.as_of(FOREVER, *window)
        lag_h = int(rng.triangular(regime.late_h[0], _USUAL_LAG_H, regime.late_h[1]))
        disturbed, blind, narrow = (bool(rng.random() < share) for share in (regime.disturbed, regime.blind, regime.narrow))
        shocks = rng.normal(size=(2, HORIZON_H + 1))
        chosen = rng.random(BRIDGE_H + pooled.AHEAD_H + 1)
        if any(("load", area, "total") not in history.values for area in AREAS):
            continue
        around = {}
        for area, other in zip(AREAS, AREAS[::-1], strict=True):
            known, truth = history.values["load", other, "total"], later.values["load", other, "total"]
            around[area] = np.where(np.isnan(known), truth * np.exp(_wandering(rng, len(truth))), known)
        history = with_late_load(history, lag_h)
        if blind:
            history = without(history, WEATHER)
        elif narrow:
            history = without(history, ("global_radiation", "cloud_cover"))
        if disturbed:
            history = with_weather_error(history, shocks)
        consumers = [Consumer(area) for area in AREAS]
        matrix, owner = pooled.build(history, consumers, around)
        names = tuple(
            name for name in matrix.names if name not in pooled.ONLY_ADAPTED
        )  # what lies beyond is here the series itself
        kept = [matrix.names.index(name) for name in names]
        matrix = FeatureMatrix(names, matrix.valid_time, matrix.values[:, kept])
        wanted = chosen[(matrix.valid_time - issue_time) // HOUR + BRIDGE_H] < _POOLED_PER_ISSUE * len(AREAS) / len(owner)
        for i, area in enumerate(AREAS):
            rows = np.flatnonzero(wanted & (owner == i))
            rows = rows[[t in observed[area] for t in matrix.valid_time[rows].tolist()]]
            load = np.array([observed[area][t] for t in matrix.valid_time[rows].tolist()])
            with np.errstate(divide="ignore", invalid="ignore"):
                target = np.log(load / matrix.column("base_mwh")[rows].astype(np.float64))
            n = len(rows)
            part = Sample(
                matrix.names,
                matrix.values[rows],
                target,
                np.full(n, issue_time),
                matrix.valid_time[rows],
                np.full(n, disturbed),
                np.full(n, area == "DK2"),
            )
            parts.append(part.where(np.abs(np.nan_to_num(target, nan=np.inf)) < _LARGEST_TARGET))
    sample = pool(parts)
    if not len(sample) or np.ptp(sample.valid_time) < _NEEDED_DAYS * DAY:
        raise Expected(
            f"The store holds too little load to train on: fewer than {_NEEDED_DAYS} days.",
            "Fetch more with `lastvagt-engine backfill`, or import it.",
        )
    return sample


def _wandering(rng: np.random.Generator, hours: int) -> FloatArray:
    """A path of errors in logs, as forecasts of load have them."""
    steps = rng.normal(size=hours) * np.sqrt(1 - _ERROR_AR**2)
    steps[0] = rng.normal()
    decay = _ERROR_AR ** np.arange(hours)
    path: FloatArray = _AROUND_ERROR * decay * np.cumsum(steps / decay)
    return path


def day_ahead(
    archive: Archive,
    area: str,
    first: dt.date,
    last: dt.date,
    issue_hour: int = 10,
    change: Callable[[History], History] | None = None,
) -> Sample:
    """All hours of the Danish days `first` to `last` that came true, each day issued at that Danish hour of the day before.

    `change` alters what was known at each issue.
    """
    observed = _truth(archive, area, clock.local_midnight(first), clock.local_midnight(last + dt.timedelta(days=1)))
    parts = []
    for i in range((last - first).days + 1):
        day = first + dt.timedelta(days=i)
        hours = clock.local_hours(day)
        if observed.keys().isdisjoint(hours.tolist()):
            continue
        issue_time = clock.local_time(day - dt.timedelta(days=1), issue_hour)
        history = archive.as_of(issue_time, *features.window(issue_time))
        made = _rows(change(history) if change else history, area, hours, observed)
        if made is not None:
            parts.append(made)
    if not parts:
        raise Expected(f"The store holds no load of {area} from {first} to {last}.", "Import it, or choose other years.")
    return pool(parts)


def _truth(archive: Archive, area: str, start: int, end: int) -> Mapping[int, float]:
    """Newest known load in MWh by valid time in [start, end)."""
    versions = archive.versions.get(("load", area, "total"))
    if versions is None:
        return {}
    final = versions.known(FOREVER, start, end)
    return dict(zip(versions.valid_time[final].tolist(), versions.value[final].tolist(), strict=True))


def _rows(
    history: History, area: str, valid_time: IntArray, observed: Mapping[int, float], disturbed: bool = False
) -> Sample | None:
    """Rows of one issue for those of the hours that came true and whose truth was not known yet; None where there are none."""
    newest = history.newest_valid.get(("load", area, "total"))
    times = np.array([t for t in valid_time.tolist() if t in observed and newest is not None and t > newest], np.int64)
    matrix = features.build(history, area, times) if len(times) else None
    if matrix is None:
        return None
    load = np.array([observed[t] for t in times.tolist()])
    with np.errstate(divide="ignore", invalid="ignore"):
        target = np.log(load / matrix.column("base_mwh").astype(np.float64))
    n = len(times)
    made = Sample(
        matrix.names, matrix.values, target, np.full(n, history.as_of), times, np.full(n, disturbed), np.full(n, area == "DK2")
    )
    return made.where(np.isfinite(target))


def with_late_load(history: History, hours: int) -> History:
    """What would have been known had load come `hours` hours later."""
    values, newest = dict(history.values), dict(history.newest_valid)
    for key in history.values:
        if key[0] == "load":
            newest[key] -= hours * HOUR
            values[key] = np.where(history.times() <= newest[key], values[key], np.nan)
    return dataclasses.replace(history, values=values, newest_valid=newest)


def without(history: History, quantities: Iterable[str]) -> History:
    """What would have been known without these quantities."""
    hidden = set(quantities)
    return dataclasses.replace(history, values={key: value for key, value in history.values.items() if key[0] not in hidden})


def with_weather_error(
    history: History, shocks: FloatArray, errors: Mapping[str, tuple[float, float, float]] = FORECAST_LIKE
) -> History:
    """What would have been known had the weather after the issue been forecast with such errors, made of normal shocks
    (quantities, hours)."""
    lead = (history.times() - history.as_of) / HOUR
    ahead = lead > 0
    decay = _ERROR_AR ** np.arange(np.count_nonzero(ahead))
    values = dict(history.values)
    for (quantity, sizes), shock in zip(errors.items(), shocks, strict=True):
        fresh = shock[: len(decay)] * np.append(1.0, np.full(len(decay) - 1, np.sqrt(1 - _ERROR_AR**2)))
        error = np.zeros(history.hours)
        error[ahead] = decay * np.cumsum(fresh / decay) * np.interp(lead[ahead], _ERROR_LEADS_H, sizes)
        for key in history.values:
            if key[0] == quantity:
                values[key] = values[key] + error if quantity == "temperature" else values[key] * np.exp(error)
    return dataclasses.replace(history, values=values)
