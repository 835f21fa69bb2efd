"""Areas of Denmark, the tree they form, whose loads add up to whose, and where the sun stands over them."""

from __future__ import annotations

import csv
import difflib
import enum
import importlib.resources
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from engine.domain import CONSUMER_TYPES, DAY, Consumer, FloatArray, IntArray


class Kind(enum.StrEnum):
    """What sort of place an area is."""

    COUNTRY = "country"
    PRICE_AREA = "price_area"
    REGION = "region"
    MUNICIPALITY = "municipality"
    OWN = "own"  # of the user: a plant, a feeder, a grid area


class Measure(enum.StrEnum):
    """What a load counts. Loads of different measures never add up."""

    GROSS = "gross"  # of a price area, with grid losses and without commercial self-consumption
    CATEGORY = "category"  # metered by region and household, business or public
    HOUSEHOLDS = "households"  # metered at the dwellings of a municipality
    INDUSTRY = "industry"  # metered in the whole country by industry code
    GRID_AREA = "grid_area"  # metered in the area of a grid company
    OWN = "own"  # whatever a user has imported


@dataclass(frozen=True, slots=True)
class Area:
    """A place with consumption, that exists in [since, until) where these are given (epoch seconds).

    `points` are population-weighted weather points (latitude, longitude, weight); `position` is where its people live.
    """

    code: str
    name_da: str
    name_en: str
    kind: Kind
    parent: str | None = None
    points: tuple[tuple[float, float, float], ...] = ()
    position: tuple[float, float] | None = None
    population: int = 0
    since: int = 0
    until: int | None = None


#: Weather points: the towns that hold most of each price area's population, weights their share of it
#: (municipal population 2026 K2, Statistics Denmark, grouped to the nearest of these towns).
_DK1_POINTS = (
    (56.1629, 10.2039, 0.249),  # Aarhus
    (57.0488, 9.9217, 0.178),  # Aalborg
    (55.4038, 10.4024, 0.146),  # Odense
    (55.4765, 8.4594, 0.063),  # Esbjerg
    (56.1393, 8.9738, 0.171),  # Herning
    (55.4904, 9.4722, 0.193),  # Kolding
)
_DK2_POINTS = (
    (55.6761, 12.5683, 0.487),  # København
    (55.9267, 12.3109, 0.155),  # Hillerød
    (55.6415, 12.0803, 0.188),  # Roskilde
    (55.2299, 11.7609, 0.156),  # Næstved
    (55.1009, 14.7066, 0.014),  # Rønne
)

#: On 2027-01-01, Danish time, Region Hovedstaden and Region Sjælland become one (Act 699 of 2025).
MERGER = 1798758000  # 2026-12-31T23:00Z
#: The region that others became, and those; together they are exactly DK2.
SUCCEEDED: dict[str, tuple[str, ...]] = {"OST": ("1084", "1085")}


def _municipalities() -> list[Area]:
    """The municipalities with their population of 2026 K2 (Statistics Denmark) and where it lives (after GeoNames)."""
    text = importlib.resources.files("engine").joinpath("municipalities.csv").read_text(encoding="utf-8")
    return [
        Area(
            row["code"],
            row["name"],
            row["name"],
            Kind.MUNICIPALITY,
            row["region_code"],
            position=(float(row["lat"]), float(row["lon"])),
            population=int(row["population"]),
        )
        for row in csv.DictReader(text.splitlines())
    ]


#: Consumer types that are metered in every region.
REGION_TYPES = ("household", "business", "public")

AREAS: dict[str, Area] = {
    area.code: area
    for area in (
        Area("DK", "Danmark", "Denmark", Kind.COUNTRY),
        Area("DK1", "Vestdanmark (DK1)", "Western Denmark (DK1)", Kind.PRICE_AREA, "DK", _DK1_POINTS),
        Area("DK2", "Østdanmark (DK2)", "Eastern Denmark (DK2)", Kind.PRICE_AREA, "DK", _DK2_POINTS),
        Area("1081", "Region Nordjylland", "North Denmark Region", Kind.REGION, "DK1"),
        Area("1082", "Region Midtjylland", "Central Denmark Region", Kind.REGION, "DK1"),
        Area("1083", "Region Syddanmark", "Region of Southern Denmark", Kind.REGION, "DK1"),
        Area("1084", "Region Hovedstaden", "Capital Region of Denmark", Kind.REGION, "DK2", until=MERGER),
        Area("1085", "Region Sjælland", "Region Zealand", Kind.REGION, "DK2", until=MERGER),
        Area("OST", "Region Østdanmark", "Region of Eastern Denmark", Kind.REGION, "DK2", since=MERGER),
        *_municipalities(),
    )
}
#: The areas of the power system, whose gross consumption the grid operator publishes within hours.
PRICE_AREAS = ("DK", "DK1", "DK2")


def known(code: str) -> bool:
    """Whether the code names an area of the tree."""
    return code in AREAS


def meant_by(code: str) -> str | None:
    """The area of the tree that a code names, or that one looks like written in another way; None where it looks like none.

    A code under an area (`DK1-plant`) is meant as it is, unless it is spelled as another (`DK-2`).
    """
    if known(code):
        return code
    alike = 1.0 if known(code.partition("-")[0]) else 0.66
    words = ((area.code, text) for area in AREAS.values() for text in (area.code, area.name_da, area.name_en))
    spelled = {_plain(text): code for code, text in words if not text.isdigit()}  # numbers are alike and mean something else
    close = difflib.get_close_matches(_plain(code), spelled, n=1, cutoff=alike)
    return spelled[close[0]] if close else None


def meant_type(consumer_type: str) -> str | None:
    """The consumer type that a text names, or that one looks like; None where it looks like none."""
    if consumer_type in CONSUMER_TYPES:
        return consumer_type
    spelled = {_plain(text): key for key, names in CONSUMER_TYPES.items() for text in (key, *names)}
    close = difflib.get_close_matches(_plain(consumer_type), spelled, n=1, cutoff=0.75)
    return spelled[close[0]] if close else None


def _plain(text: str) -> str:
    """Letters and digits without case, look-alikes made equal."""
    return "".join(c for c in text.casefold() if c.isalnum()).translate(str.maketrans("lio", "110"))


def kind(code: str) -> Kind:
    """What sort of place a code names."""
    return AREAS[code].kind if code in AREAS else Kind.OWN


def of_kind(wanted: Kind, at: int | None = None) -> tuple[str, ...]:
    """All areas of a kind, in a fixed order; with `at` those that exist at that moment."""
    return tuple(a.code for a in AREAS.values() if a.kind is wanted and (at is None or exists(a.code, at)))


def exists(code: str, at: int) -> bool:
    """Whether an area exists at a moment."""
    area = AREAS.get(code)
    return area is None or (area.since <= at and (area.until is None or at < area.until))


def ancestors(code: str) -> tuple[str, ...]:
    """The area itself, then its parent, up to the root.

    A code outside the tree hangs under the area before its first dash (`DK1-plant`, `851-school`), else directly under DK.
    """
    line = [code]
    while True:
        area = AREAS.get(line[-1])
        before = line[-1].partition("-")[0]
        parent = area.parent if area else before if before in AREAS and before != line[-1] else "DK"
        if parent is None:
            return tuple(line)
        line.append(parent)


def price_area(code: str) -> str:
    """The price area that a place lies in, DK where it lies in none."""
    return next((a for a in ancestors(code) if a in PRICE_AREAS), "DK")


def children(code: str) -> tuple[str, ...]:
    """Direct parts of an area, in a fixed order."""
    return tuple(a.code for a in AREAS.values() if a.parent == code)


def parts(code: str) -> tuple[str, ...]:
    """The areas whose gross consumption adds up to that of an area: DK1 and DK2 for DK, any other itself."""
    return ("DK1", "DK2") if code == "DK" else (code,)


#: Measures whose consumers are many: they are issued once a day, those of all others each hour.
ISSUED_DAILY = frozenset({Measure.HOUSEHOLDS, Measure.INDUSTRY, Measure.GRID_AREA})


def measure(of: Consumer) -> Measure:
    """What the load of a consumer counts."""
    area, consumer_type = of
    here = kind(area)
    if here in (Kind.COUNTRY, Kind.PRICE_AREA) and consumer_type == "total":
        return Measure.GROSS
    if here is Kind.MUNICIPALITY:
        return Measure.HOUSEHOLDS if consumer_type == "household" else Measure.OWN
    if consumer_type in REGION_TYPES or (here is Kind.REGION and consumer_type == "total"):
        return Measure.OWN if here is Kind.OWN else Measure.CATEGORY
    if area == "DK" and consumer_type.startswith("dk36-"):
        return Measure.INDUSTRY
    before, dash, number = area.partition("-")
    return Measure.GRID_AREA if before in parts("DK") and dash and number.isdigit() else Measure.OWN


def addends(of: Consumer, at: int) -> tuple[Consumer, ...]:
    """The consumers whose loads add up to one's exactly, being published in the same measure; empty where its own is published.

    Gross consumption of DK is that of DK1 and DK2. What is metered by region and type adds up to all types of a region, and over
    the regions that exist at a moment to a type of a price area and of DK. Neither adds up to the other: gross consumption has
    grid losses in it. Households by municipality are a third measure, of which the sum over all is published by nobody.
    """
    area, consumer_type = of
    here = kind(area)
    if consumer_type == "total":
        if area == "DK":
            return tuple(Consumer(part) for part in parts(area))
        return tuple(Consumer(area, each) for each in REGION_TYPES) if here is Kind.REGION else ()
    if consumer_type not in REGION_TYPES:
        return ()
    if area == "DK":
        return tuple(Consumer(part, consumer_type) for part in parts(area))
    if here is Kind.PRICE_AREA:
        return tuple(
            Consumer(region, consumer_type) for region in children(area) if kind(region) is Kind.REGION and exists(region, at)
        )
    return ()


def leaves(of: Consumer, at: int) -> tuple[Consumer, ...]:
    """The consumers, published themselves, that one adds up from in the end; itself where it has no addends."""
    return tuple(leaf for each in addends(of, at) for leaf in leaves(each, at)) or (of,)


def name(code: str, language: str) -> str:
    """Name of an area in `da` or `en`; an unknown code is its own name."""
    area = AREAS.get(code)
    if area is None:
        return code
    return area.name_da if language == "da" else area.name_en


def title(of: Consumer, language: str) -> str:
    """Name of a consumer in `da` or `en`: its area, and its type where that is not all of it."""
    types = CONSUMER_TYPES.get(of.consumer_type, (of.consumer_type, of.consumer_type))
    place = name(of.area, language)
    return place if of.consumer_type == "total" else f"{place} · {types[language != 'da']}"


def known_consumers(stored: Collection[Consumer], at: int) -> tuple[Consumer, ...]:
    """Consumers whose load is stored or is the sum of stored ones at a moment: price areas first, then in the order of the tree."""
    sums = [Consumer(area, kind) for area in (*PRICE_AREAS[::-1], *of_kind(Kind.REGION, at)) for kind in ("total", *REGION_TYPES)]
    found = {*stored, *(Consumer(area) for area in PRICE_AREAS)}
    for successor, before in SUCCEEDED.items():
        both = [t for area, t in stored if area == before[0] and all((other, t) in stored for other in before)]
        found |= {Consumer(successor, t) for t in both if exists(successor, at)}
    for each in sums:
        if (needed := addends(each, at)) and found.issuperset(needed):
            found.add(each)
    places, types = list(AREAS), list(CONSUMER_TYPES)

    def order(of: Consumer) -> tuple[object, ...]:
        place = places.index(of.area) if of.area in AREAS else len(places)
        rank = types.index(of.consumer_type) if of.consumer_type in types else len(types)
        return (measure(of) is not Measure.GROSS, place, of.area, rank, of.consumer_type)

    return tuple(sorted(found, key=order))


def sun_height(code: str, t: IntArray) -> FloatArray:
    """Sine of the sun's height over the horizon of an area that has points, to about a degree; negative at night.

    Cooper's declination; the equation of time (up to 16 minutes) is left out.
    """
    points = AREAS[code].points
    latitude, longitude = np.average([p[:2] for p in points], axis=0, weights=[p[2] for p in points])
    declination = np.radians(-23.44) * np.cos(2 * np.pi * (t / DAY + 10) / 365.2425)
    hour_angle = 2 * np.pi * ((t % DAY) / DAY + longitude / 360 - 0.5)
    phi = np.radians(latitude)
    return np.asarray(np.sin(phi) * np.sin(declination) + np.cos(phi) * np.cos(declination) * np.cos(hour_angle), np.float64)
