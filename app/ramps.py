"""Colours of numbers on the map, which people of every colour vision can tell apart."""

from __future__ import annotations

import enum
import functools

import numpy as np

#: Colours a ramp is made of.
_STEPS = 256


class Ramp(enum.StrEnum):
    """What sort of numbers a ramp of colours is for."""

    SEQUENTIAL = "sequential"  # more is further from the ground: darker on light, lighter on dark
    DIVERGING = "diverging"  # blue below the middle, orange above
    CYCLIC = "cyclic"  # the hours of a day: dark at night, light at noon, blue before it and orange after


#: Colours at equal steps of a ramp, for a light and a dark ground. Blue against orange is told apart in each of the three
#: deficiencies of colour vision, and lightness alone tells the order of the others.
_STOPS = {
    (Ramp.SEQUENTIAL, False): ("#e9efe6", "#c3d7d6", "#93b7c6", "#5f91b0", "#346a93", "#123f66"),
    (Ramp.SEQUENTIAL, True): ("#26343d", "#2f4f62", "#3c6d88", "#5b90a8", "#8eb7bf", "#d2e2d4"),
    (Ramp.DIVERGING, False): ("#1f5f96", "#82add0", "#e8eaeb", "#e5ab72", "#a94f05"),
    (Ramp.DIVERGING, True): ("#8cc4f2", "#4b7ea8", "#343b41", "#a06a35", "#f5a55c"),
    (Ramp.CYCLIC, False): ("#2b2f47", "#4f84ad", "#f1ead4", "#cf7a33", "#2b2f47"),
    (Ramp.CYCLIC, True): ("#3a3f5c", "#5d95c0", "#f1ead4", "#d98440", "#3a3f5c"),
}


@functools.cache
def _table(ramp: Ramp, dark: bool) -> tuple[str, ...]:
    """Colours #rrggbb at equal steps from 0 to 1."""
    stops = [[int(stop[i : i + 2], 16) for i in (1, 3, 5)] for stop in _STOPS[ramp, dark]]
    at = np.linspace(0, len(stops) - 1, _STEPS)
    parts = [np.interp(at, range(len(stops)), part) for part in zip(*stops, strict=True)]
    return tuple(f"#{round(r):02x}{round(g):02x}{round(b):02x}" for r, g, b in zip(*parts, strict=True))


def colour(ramp: Ramp, position: float, dark: bool = False) -> str:
    """Colour #rrggbb of a position from 0 to 1; one outside has that of the end."""
    return _table(ramp, dark)[round(min(max(position, 0.0), 1.0) * (_STEPS - 1))]


@functools.cache
def ink(ground: str) -> str:
    """Black or white, whichever can be read better on a colour: at least 4.58:1."""
    red, green, blue = (int(ground[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (red, green, blue))
    luminance = sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    return "#000000" if luminance > 0.179 else "#ffffff"
