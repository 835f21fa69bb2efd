"""The nouns of the program: what an observation, a history and a forecast are, whatever stores or shows them.

All times are UTC epoch seconds (int) and name the start of their hour. All arrays are one-dimensional unless a shape is given.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

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
}
WEATHER = ("temperature", "wind_speed", "global_radiation", "relative_humidity", "cloud_cover")

#: Levels of every forecast the program issues: P05, the deciles, the quartiles and P95.
LEVELS = (0.05, 0.10, 0.20, 0.25, 0.30, 0.40, 0.50, 0.60, 0.70, 0.75, 0.80, 0.90, 0.95)
MEDIAN = LEVELS.index(0.50)
HORIZON_H = 168


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
    SEASONAL = "seasonal"
    CLIMATOLOGY = "climatology"


class Freshness(enum.StrEnum):
    """How current a value is. Computed in one place (`freshness`) and shown the same everywhere."""

    FRESH = "fresh"
    LATE = "late"
    STALE = "stale"
    MISSING = "missing"


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
    base: FloatArray  # MWh, the profile the model's output multiplies; shape (len(valid_time),)


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
    reason: str  # why not a better tier; empty for the best
    model_id: str
    inputs: Mapping[str, object] = field(default_factory=dict)
    ex_post: bool = False
    simulated: bool = False

    @property
    def median(self) -> FloatArray:
        """P50 in MWh."""
        column: FloatArray = self.quantiles[:, self.levels.index(0.5)]
        return column


@dataclass(frozen=True, slots=True)
class JobRun:
    """What one run of a job did. `status` is ok, expected (the world's fault) or bug (ours)."""

    job: str
    started_at: int
    finished_at: int
    status: str
    problem: str = ""
    remedy: str = ""
    detail: Mapping[str, object] = field(default_factory=dict)
