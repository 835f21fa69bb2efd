"""The nouns of the program: what an observation, a history and a forecast are, whatever stores or shows them.

All times are UTC epoch seconds (int) and name the start of their hour. All arrays are one-dimensional unless a shape is given.
"""

from __future__ import annotations

import dataclasses
import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

HOUR = 3600
DAY = 24 * HOUR

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

#: Every quantity the program knows, with its unit. A quantity not listed here is an error at the edge.
UNITS: Mapping[str, str] = {
    "load": "MWh",
    "temperature": "C",
    "wind_speed": "m/s",
    "global_radiation": "W/m2",
    "relative_humidity": "%",
    "cloud_cover": "%",
    "solar_forecast": "MWh",
    "onshore_wind_forecast": "MWh",
    "offshore_wind_forecast": "MWh",
    "day_ahead_price": "EUR/MWh",
    "load_forecast": "MWh",
    "settlement": "MWh",
    "self_consumption": "MWh",
}
WEATHER = ("temperature", "wind_speed", "global_radiation", "relative_humidity", "cloud_cover")
#: Gross consumption as settled, and the part of it that businesses made and used themselves: without it, it is load as `load` is.
SETTLEMENT = ("settlement", "self_consumption")
#: What forecasts may be made from. The grid operator's load forecast and what is settled are to be measured against, not inputs.
INPUTS = tuple(quantity for quantity in UNITS if quantity not in ("load_forecast", *SETTLEMENT))

#: Levels of every forecast the program issues: P05, the deciles, the quartiles and P95.
LEVELS = (0.05, 0.10, 0.20, 0.25, 0.30, 0.40, 0.50, 0.60, 0.70, 0.75, 0.80, 0.90, 0.95)
MEDIAN = LEVELS.index(0.50)
HORIZON_H = 168


#: Consumer types the program knows, in Danish and English; a user's own type is its own name.
CONSUMER_TYPES: Mapping[str, tuple[str, str]] = {
    "total": ("Alle", "All"),
    "household": ("Husholdninger", "Households"),
    "business": ("Erhverv", "Business"),
    "public": ("Offentlig", "Public"),
}


class Consumer(NamedTuple):
    """Who consumes: an area and a consumer type."""

    area: str
    consumer_type: str = "total"


class Expected(Exception):
    """A fault of the world, not of the program: it has a cause and a remedy that a person understands."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem} {remedy}")
        self.problem = problem
        self.remedy = remedy


class Flag(enum.IntFlag):
    """What one stored value is, besides its number."""

    PLAIN = 0
    NOMINAL = 1  # available_at is the dataset's nominal lag, not a measured arrival
    EX_POST = 2  # known earlier than anybody could have known it (perfect-foresight weather)
    SETTLED = 4  # the publisher calls this version final


class Tier(enum.StrEnum):
    """How a forecast was made, best first."""

    FULL = "full"
    NO_WEATHER = "no_weather"
    LATE = "late"
    POOLED = "pooled"
    SEASONAL = "seasonal"
    CLIMATOLOGY = "climatology"


#: Tiers that model bundles are made for.
MODEL_TIERS = (Tier.FULL, Tier.NO_WEATHER, Tier.LATE, Tier.POOLED)


class Reason(enum.StrEnum):
    """Why a forecast was not made by a better tier."""

    NONE = ""
    NO_WEATHER_FORECAST = "no_weather_forecast"
    LATE_LOAD = "late_load"
    SHORT_HISTORY = "short_history"
    NO_HISTORY = "no_history"
    NO_MODEL = "no_model"
    BAD_OUTPUT = "bad_output"

    @property
    def sentence(self) -> str:
        """The reason in English."""
        return {
            Reason.NONE: "",
            Reason.NO_WEATHER_FORECAST: "No temperature forecast covers the hours ahead.",
            Reason.LATE_LOAD: "The newest load is older than the full model allows.",
            Reason.SHORT_HISTORY: "Fewer than 28 days of load are known.",
            Reason.NO_HISTORY: "Less than a week of load is known.",
            Reason.NO_MODEL: "No model bundle serves this area.",
            Reason.BAD_OUTPUT: "The model's output was implausible and was not used.",
        }[self]


class Part(enum.StrEnum):
    """What a median is made of: a usual hour like it, what groups of inputs add, what was learned, and what operators decided."""

    USUAL = "usual"
    LOAD = "load"
    AROUND = "around"
    CALENDAR = "calendar"
    TEMPERATURE = "temperature"
    WIND = "wind"
    LIGHT = "light"
    LEARNED = "learned"
    ADJUSTED = "adjusted"


class Cause(enum.StrEnum):
    """What differs between two issues: time has passed, more became known, another model made it, more was learned,
    operators decided otherwise."""

    TIME = "time"
    LOAD = "load"
    AROUND = "around"
    WEATHER = "weather"
    MODEL = "model"
    LEARNED = "learned"
    ADJUSTED = "adjusted"


class Freshness(enum.StrEnum):
    """How current a value is. Computed in one place (`freshness`) and shown the same everywhere."""

    FRESH = "fresh"
    LATE = "late"
    STALE = "stale"
    MISSING = "missing"


#: Age in seconds the newest value of a quantity usually reaches before the next arrives: load is published two hours late,
#: weather forecasts are fetched every six hours, the transmission system operator's forecasts and prices once a day, and what is
#: settled follows after nine to fifteen days.
USUAL_AGE_S: Mapping[str, int] = {
    **dict.fromkeys(UNITS, DAY),
    **dict.fromkeys(WEATHER, 6 * HOUR),
    **dict.fromkeys(SETTLEMENT, 12 * DAY),
    "load": 3 * HOUR,
}


def freshness(age_s: float | None, usual_s: float) -> Freshness:
    """Judge an age in seconds against the usual one: late beyond twice, stale beyond six times (at least 3 h and 12 h)."""
    if age_s is None:
        return Freshness.MISSING
    if age_s <= max(2 * usual_s, usual_s + 2 * HOUR):
        return Freshness.FRESH
    return Freshness.LATE if age_s <= max(6 * usual_s, usual_s + 10 * HOUR) else Freshness.STALE


@dataclass(frozen=True, slots=True)
class Series:
    """One measured or forecast quantity of one area and consumer type from one source. `rank` orders sources: 0 is preferred."""

    quantity: str
    area: str
    source: str
    consumer_type: str = "total"
    rank: int = 0

    def __post_init__(self) -> None:
        if self.quantity not in UNITS:
            raise Expected(f"Unknown quantity '{self.quantity}'.", f"Known quantities: {', '.join(UNITS)}.")

    @property
    def unit(self) -> str:
        return UNITS[self.quantity]


@dataclass(frozen=True, slots=True)
class Observations:
    """Values of one series, with when each became known. All arrays have the same length; `flags` holds `Flag` bits."""

    series: Series
    valid_time: IntArray
    available_at: IntArray
    value: FloatArray
    flags: npt.NDArray[np.uint8]
    simulated: bool = False

    def __post_init__(self) -> None:
        if not len(self.valid_time) == len(self.available_at) == len(self.value) == len(self.flags):
            raise ValueError("valid_time, available_at, value and flags differ in length")

    def __len__(self) -> int:
        return len(self.valid_time)


Key = tuple[str, str, str]  # quantity, area, consumer_type


@dataclass(frozen=True, slots=True)
class History:
    """What was known at `as_of`, on an hourly grid: the only thing a forecast may be made from.

    `values[key]` has `hours` entries, entry i for valid_time `start + i * 3600`, NaN where nothing was known.
    """

    as_of: int
    start: int
    hours: int
    values: Mapping[Key, FloatArray]
    newest_valid: Mapping[Key, int] = field(default_factory=dict)
    newest_available: Mapping[Key, int] = field(default_factory=dict)
    ex_post: frozenset[Key] = frozenset()
    simulated: bool = False

    def get(self, quantity: str, area: str, consumer_type: str = "total") -> FloatArray | None:
        """Values of one series on the grid, or None where nothing at all was known."""
        return self.values.get((quantity, area, consumer_type))

    def times(self) -> IntArray:
        """Valid times of the grid."""
        return self.start + HOUR * np.arange(self.hours, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class FeatureMatrix:
    """Model inputs: `values` is float32 of shape (len(valid_time), len(names)); NaN means missing."""

    names: tuple[str, ...]
    valid_time: IntArray
    values: npt.NDArray[np.float32]

    def column(self, name: str) -> npt.NDArray[np.float32]:
        """One input of all rows."""
        column: npt.NDArray[np.float32] = self.values[:, self.names.index(name)]
        return column


@dataclass(frozen=True, slots=True)
class Draft:
    """What an issue was made of, for calibration to weigh and to learn from.

    `medians` in MWh, shape (n, experts), `model` first; `inputs` whose effect is re-estimated, standardised, (n, responses);
    `corrections` (n, 2) are logs: what the responses and what the recent level added. The sum of parts has no experts.
    """

    experts: tuple[str, ...]
    medians: FloatArray
    responses: tuple[str, ...]
    inputs: FloatArray
    corrections: FloatArray


@dataclass(frozen=True, slots=True)
class QuantileForecast:
    """One issue for one area: `quantiles` in MWh, shape (len(valid_time), len(levels)), ascending along levels."""

    area: str
    consumer_type: str
    issue_time: int
    valid_time: IntArray
    levels: tuple[float, ...]
    quantiles: FloatArray
    tier: Tier
    reason: Reason
    model_id: str
    inputs: Mapping[str, object] = field(default_factory=dict)
    ex_post: bool = False
    simulated: bool = False
    draft: Draft | None = None

    def covers(self, hour: int) -> bool:
        """Whether it forecasts an hour."""
        return bool(self.valid_time[0] <= hour <= self.valid_time[-1])

    @property
    def median(self) -> FloatArray:
        """P50 in MWh."""
        column: FloatArray = self.quantiles[:, self.levels.index(0.5)]
        return column


#: Longest time in hours that hours which nobody has published yet are forecast back to.
BRIDGE_H = 40 * 24 - 48
#: Lead buckets a score is kept by, first and last lead hour of each. Bucket 0 bridges hours that have begun but are not yet published.
LEAD_BUCKETS = ((-BRIDGE_H, 0), (1, 6), (7, 12), (13, 24), (25, 48), (49, 72), (73, HORIZON_H))


#: The figures of a score under the names they are published by, with their units.
FIGURES: Mapping[str, str] = {
    "mae": "MWh",
    "bias": "MWh",
    "rmse": "MWh",
    "wape": "%",
    "mape": "%",
    "rmspe": "%",
    "wql": "%",
    "crps": "MWh",
    "coverage_50": "%",
    "coverage_80": "%",
    "coverage_90": "%",
    "width_80": "%",
    "skill": "",
    "reference_mae": "MWh",
}
#: Sums of `Score` have these names, so the figures made of them are attributes by another.
_FIGURE_ATTRIBUTES = {"crps": "mean_crps", "width_80": "mean_width_80"}


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan


@dataclass(frozen=True, slots=True)
class Score:
    """How forecasts did, as sums over `n` (hour, issue) pairs, so that scores of parts add up to the score of the whole.

    Errors are forecast median minus observed load, in MWh. `rel_n` pairs have a load above the floor that relative errors
    need; `ref_n` pairs have a `seasonal_naive` forecast, whose error and the model's on the same pairs are the last two sums.
    A score over nothing is NaN.
    """

    n: int = 0
    observed: float = 0.0
    error: float = 0.0
    abs_error: float = 0.0
    sq_error: float = 0.0
    rel_n: int = 0
    abs_rel: float = 0.0
    sq_rel: float = 0.0
    pinball: float = 0.0
    crps: float = 0.0
    in50: int = 0
    in80: int = 0
    in90: int = 0
    width80: float = 0.0
    ref_n: int = 0
    ref_abs_error: float = 0.0
    ref_model_abs_error: float = 0.0

    def __add__(self, other: Score) -> Score:
        return Score(*(getattr(self, f.name) + getattr(other, f.name) for f in dataclasses.fields(self)))

    def figures(self) -> dict[str, float]:
        """All `FIGURES` by name; NaN where there is nothing to compute them from."""
        return {name: getattr(self, _FIGURE_ATTRIBUTES.get(name, name)) for name in FIGURES}

    @property
    def mae(self) -> float:
        """Mean absolute error, MWh."""
        return _ratio(self.abs_error, self.n)

    @property
    def bias(self) -> float:
        """Mean error, MWh; positive where the forecast was too high."""
        return _ratio(self.error, self.n)

    @property
    def rmse(self) -> float:
        """Root mean squared error, MWh."""
        return math.sqrt(_ratio(self.sq_error, self.n))

    @property
    def wape(self) -> float:
        """Sum of absolute errors over sum of load, percent."""
        return 100 * _ratio(self.abs_error, self.observed)

    @property
    def mape(self) -> float:
        """Mean absolute relative error, percent; NaN where no load was above the floor."""
        return 100 * _ratio(self.abs_rel, self.rel_n)

    @property
    def rmspe(self) -> float:
        """Root mean squared relative error, percent; NaN where no load was above the floor."""
        return 100 * math.sqrt(_ratio(self.sq_rel, self.rel_n))

    @property
    def wql(self) -> float:
        """Weighted quantile loss: twice the pinball loss, averaged over the nine deciles, over the load, percent."""
        return 200 * _ratio(self.pinball, self.observed)

    @property
    def mean_crps(self) -> float:
        """Continuous ranked probability score approximated from the levels, MWh."""
        return _ratio(self.crps, self.n)

    @property
    def coverage_50(self) -> float:
        """Share of hours inside P25-P75, percent."""
        return 100 * _ratio(self.in50, self.n)

    @property
    def coverage_80(self) -> float:
        """Share of hours inside P10-P90, percent."""
        return 100 * _ratio(self.in80, self.n)

    @property
    def coverage_90(self) -> float:
        """Share of hours inside P05-P95, percent."""
        return 100 * _ratio(self.in90, self.n)

    @property
    def mean_width_80(self) -> float:
        """Mean width of P10-P90 over mean load, percent."""
        return 100 * _ratio(self.width80, self.observed)

    @property
    def skill(self) -> float:
        """1 - MAE / MAE of seasonal_naive, on the same pairs."""
        return 1.0 - _ratio(self.ref_model_abs_error, self.ref_abs_error) if self.ref_abs_error else math.nan

    @property
    def reference_mae(self) -> float:
        """Mean absolute error of seasonal_naive, MWh."""
        return _ratio(self.ref_abs_error, self.ref_n)


@dataclass(frozen=True, slots=True)
class JobRun:
    """What one run of a job did. `status` is ok, expected (the world's fault), bug (ours) or missed (nobody ran it)."""

    job: str
    started_at: int
    finished_at: int
    status: str
    problem: str = ""
    remedy: str = ""
    detail: Mapping[str, object] = field(default_factory=dict)
