"""Areas of Denmark, the tree they form, and where the sun stands over them."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

import numpy as np

from engine.domain import DAY, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Area:
    """A place with consumption. `points` are population-weighted weather points (latitude, longitude, weight)."""

    code: str
    name_da: str
    name_en: str
    parent: str | None = None
    points: tuple[tuple[float, float, float], ...] = ()


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

AREAS: dict[str, Area] = {
    area.code: area
    for area in (
        Area("DK", "Danmark", "Denmark"),
        Area("DK1", "Vestdanmark (DK1)", "Western Denmark (DK1)", "DK", _DK1_POINTS),
        Area("DK2", "Østdanmark (DK2)", "Eastern Denmark (DK2)", "DK", _DK2_POINTS),
    )
}


def known(code: str) -> bool:
    """Whether the code names an area of the tree."""
    return code in AREAS


def meant_by(code: str) -> str | None:
    """The area of the tree that a code names, or that one looks like written in another way; None where it looks like none."""
    if known(code):
        return code
    spelled = {_plain(text): area.code for area in AREAS.values() for text in (area.code, area.name_da, area.name_en)}
    close = difflib.get_close_matches(_plain(code), spelled, n=1, cutoff=0.66)
    return spelled[close[0]] if close else None


def _plain(text: str) -> str:
    """Letters and digits without case, look-alikes made equal."""
    return "".join(c for c in text.casefold() if c.isalnum()).translate(str.maketrans("lio", "110"))


def ancestors(code: str) -> tuple[str, ...]:
    """The area itself, then its parent, up to the root. A code outside the tree hangs directly under DK."""
    line = [code]
    while True:
        area = AREAS.get(line[-1])
        parent = area.parent if area else "DK"
        if parent is None:
            return tuple(line)
        line.append(parent)


def children(code: str) -> tuple[str, ...]:
    """Direct parts of an area, in a fixed order."""
    return tuple(a.code for a in AREAS.values() if a.parent == code)


def parts(code: str) -> tuple[str, ...]:
    """The areas whose load adds up to that of an area: its direct parts, or itself where it has none."""
    return children(code) or (code,)


def name(code: str, language: str) -> str:
    """Name of an area in `da` or `en`; an unknown code is its own name."""
    area = AREAS.get(code)
    if area is None:
        return code
    return area.name_da if language == "da" else area.name_en


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
