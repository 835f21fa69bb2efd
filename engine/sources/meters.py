"""The meters of the made-up Denmark: who of it consumes how much, and when that is published and revised."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from engine import clock, geography
from engine.clock import local_day_time, parse_utc
from engine.domain import DAY, Consumer, FloatArray, IntArray
from engine.geography import Kind
from engine.sources.world import MEAN_LOAD, Noise, World

#: What meters see of gross consumption; the rest is lost in the grid.
METERED = 0.93
#: Share of the types, and what each takes over its mean by local hour, on working days and on days off.
_SHARES: Mapping[str, float] = {"household": 0.34, "business": 0.54, "public": 0.12}
_HOUSEHOLD = (72, 65, 62, 61, 63, 70, 92, 104, 96, 92, 92, 95, 97, 95, 95, 102, 124, 152, 156, 143, 128, 115, 99, 84)
_HOUSEHOLD_OFF = (80, 71, 66, 64, 63, 66, 76, 92, 110, 120, 122, 122, 120, 116, 112, 112, 124, 146, 148, 136, 122, 110, 98, 86)
_BUSINESS = (80, 79, 79, 80, 83, 91, 108, 124, 130, 131, 131, 127, 128, 126, 120, 112, 103, 98, 94, 91, 88, 86, 84, 82)
_BUSINESS_OFF = (78, 76, 76, 76, 76, 77, 79, 81, 84, 86, 87, 87, 86, 85, 84, 83, 83, 84, 84, 83, 82, 81, 80, 79)
_PROFILES = {
    "household": (_HOUSEHOLD, _HOUSEHOLD_OFF),
    "business": (_BUSINESS, _BUSINESS_OFF),
    "public": (_BUSINESS, _BUSINESS_OFF),
}
#: Rows of a municipality: kind of dwelling, kind of heating, share of its households' load.
CATEGORIES = (
    ("Parcel- og rækkehuse", "Elvarme eller varmepumpe", 0.4),
    ("Parcel- og rækkehuse", "Andet", 0.35),
    ("Etageejendom", "-", 0.25),
)
MUNICIPALITIES = geography.of_kind(Kind.MUNICIPALITY)
#: Share of each industry and of each grid area of a price area.
INDUSTRIES: Mapping[str, float] = {
    "AB": 0.04,
    "C": 0.2,
    "DB": 0.05,
    "F": 0.02,
    "G": 0.14,
    "H": 0.05,
    "J": 0.06,
    "O": 0.1,
    "PR": 0.34,
}
GRID_AREAS: Mapping[str, Mapping[str, float]] = {
    "DK1": {"131": 0.4, "151": 0.25, "244": 0.2, "344": 0.15},
    "DK2": {"791": 0.7, "740": 0.28, "911": 0.02},
}
#: Publication stood still, as it did in Denmark.
FREEZE = (parse_utc("2026-09-08T00:00Z"), parse_utc("2026-09-29T00:00Z"))
_REVISED_S = 2 * DAY


class Meters:
    """Metered loads, MWh per hour, as functions of seed, consumer and hour, and what is published of them at a moment."""

    def __init__(self, world: World, noise: Noise) -> None:
        self._world, self._noise = world, noise

    def published_at(self, hours: IntArray) -> IntArray:
        """When each hour is out: at 08:15, nine to fifteen days after its day, never before the day before it."""
        day, _ = clock.local_day_hour(hours)
        out = np.max(
            [day - back + 9 + np.floor(6 * self._noise.uniform(51, day - back)).astype(np.int64) for back in range(6)], 0
        )
        at = local_day_time(out, 8) + 15 * 60
        return np.where((at >= FREEZE[0]) & (at < FREEZE[1]), FREEZE[1], at)

    def revision(self, hours: IntArray, now: int) -> FloatArray:
        """What published loads are multiplied by until they are revised, two days later."""
        first = now < self.published_at(hours) + _REVISED_S
        return np.where(first, 1 + 0.004 * self._noise.normal(52, hours // 3600), 1.0)

    def regions(self, hours: IntArray) -> dict[Consumer, FloatArray]:
        """Load of each region that ever was and type; those of a price area add up to `METERED` of its gross consumption."""
        day, hour = clock.local_day_hour(hours)
        days, inverse = np.unique(day, return_inverse=True)
        off = np.array([clock.is_free(d) or clock.weekday(d) >= 5 for d in days.tolist()])[inverse]
        found: dict[Consumer, FloatArray] = {}
        for area in MEAN_LOAD:
            parts = {}
            regions = [code for code in geography.children(area) if code not in geography.SUCCEEDED]
            for region in regions:
                for i, (kind, share) in enumerate(_SHARES.items()):
                    working, free = (np.array(profile)[hour] for profile in _PROFILES[kind])
                    own = 1 + 0.03 * self._noise.smooth(600 + i, hours, (12, 90), np.full(len(hours), int(region)))
                    parts[Consumer(region, kind)] = _people(region) * share * np.where(off, free, working) * own
            scale = METERED * self._world.load(area, hours) / np.sum(list(parts.values()), axis=0)
            found |= {consumer: part * scale for consumer, part in parts.items()}
        return found

    def households(self, hours: IntArray) -> npt.NDArray[np.float64]:
        """Load of the households of `MUNICIPALITIES`, one row each: about their share of the people of their region."""
        regions = self.regions(hours)
        codes = np.repeat([int(code) for code in MUNICIPALITIES], len(hours))
        own = self._noise.smooth(620, np.tile(hours, len(MUNICIPALITIES)), (24, 120), codes).reshape(len(MUNICIPALITIES), -1)
        of_region = np.array([regions[Consumer(_region(code), "household")] * _people(code) for code in MUNICIPALITIES])
        people = np.array([_people(_region(code)) for code in MUNICIPALITIES])
        return np.asarray(of_region / people[:, None] * (1 + 0.04 * own), np.float64)

    def grid_area(self, area: str, code: str, hours: IntArray) -> FloatArray:
        """Load of the area of a grid company."""
        own = 1 + 0.02 * self._noise.smooth(640, hours, (24, 120), np.full(len(hours), int(code)))
        return METERED * GRID_AREAS[area][code] * self._world.load(area, hours) * own

    def industry(self, code: str, hours: IntArray) -> FloatArray:
        """Load of an industry in all of Denmark."""
        own = 1 + 0.02 * self._noise.smooth(650 + list(INDUSTRIES).index(code), hours, (24, 120))
        total = np.sum([self._world.load(area, hours) for area in MEAN_LOAD], axis=0)
        return np.asarray(METERED * INDUSTRIES[code] * total * own, np.float64)

    def self_consumption(self, area: str, hours: IntArray) -> FloatArray:
        """What businesses made and used themselves, which settled gross consumption holds and `World.load` does not."""
        stream = 660 + list(MEAN_LOAD).index(area)
        return np.asarray(0.03 * MEAN_LOAD[area] * (1 + 0.2 * self._noise.smooth(stream, hours, (24, 200))), np.float64)


def _region(code: str) -> str:
    return geography.ancestors(code)[1]


def _people(code: str) -> int:
    """Who lives in a municipality or region."""
    return geography.AREAS[code].population or sum(geography.AREAS[part].population for part in geography.children(code))
