"""What a forecast would be if: the change that is asked about, the ghost of the curve, and the numbers with and without it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from app.present.scale import Scale
from app.translations import Language
from engine import clock
from engine.domain import HOUR, FloatArray

#: Hours of which the load is summed and the peak is sought.
AHEAD_H = 24


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be different: kelvin and metres a second from the issue on, the kind of Danish days (`free` or `working`), and MWh more
    in each of some hours from one on."""

    temperature_k: float = 0.0
    wind_ms: float = 0.0
    days: Mapping[dt.date, str] = field(default_factory=dict)
    extra_mwh: float = 0.0
    start: int = 0
    hours: int = 1

    @property
    def query(self) -> dict[str, object]:
        """Its words for /v1/whatif; empty where nothing is different."""
        words: dict[str, object] = {}
        if self.temperature_k:
            words["temperature_k"] = self.temperature_k
        if self.wind_ms:
            words["wind_ms"] = self.wind_ms
        for kind in ("free", "working"):
            if days := sorted(day.isoformat() for day, told in self.days.items() if told == kind):
                words[kind] = ",".join(days)
        if self.extra_mwh:
            end = self.start + self.hours * HOUR
            words |= {"extra_mwh": self.extra_mwh, "start": clock.iso(self.start), "end": clock.iso(end)}
        return words


@dataclass(frozen=True, slots=True)
class WhatIfRow:
    """A number as it is published, as it would be, and the difference."""

    name: str
    published: str
    imagined: str
    difference: str


@dataclass(frozen=True, slots=True)
class WhatIfView:
    """The curve that would be, in the view's unit from epoch seconds, the numbers, and what the model does not know of."""

    time: FloatArray
    median: FloatArray
    rows: tuple[WhatIfRow, ...]
    note: str


def what_if_view(answer: Mapping[str, Any], wish: Wish, hour: int, scale: Scale, language: Language, now: int) -> WhatIfView:
    """What an answer of /v1/whatif tells, of an hour and of the next day."""
    scale = scale.fine_for(float(answer["rows"][0]["published"]))
    times = np.array([clock.parse_utc(row["valid_time"]) for row in answer["rows"]], np.int64)
    published, imagined = (np.array([row[name] for row in answer["rows"]], np.float64) for name in ("published", "p50"))
    rows = []
    here = times == hour
    if here.any():
        rows.append(_row(language.text("whatif.hour"), float(published[here][0]), float(imagined[here][0]), scale, language))
    ahead = np.flatnonzero(times > now)[:AHEAD_H]
    if len(ahead):
        peaks = [int(ahead[np.argmax(values[ahead])]) for values in (published, imagined)]
        peak = _row(language.text("whatif.peak"), float(published[peaks[0]]), float(imagined[peaks[1]]), scale, language)
        hours = [language.hour_span(int(times[peak])) for peak in peaks]
        at = WhatIfRow(language.text("whatif.peak_at"), *hours, "")
        total = (float(values[ahead].sum()) for values in (published, imagined))
        rows += [peak, at, _row(language.text("whatif.day", hours=len(ahead)), *total, scale, language)]
    return WhatIfView(times.astype(np.float64), imagined * scale.factor, tuple(rows), _note(answer, wish, language))


def _row(name: str, published: float, imagined: float, scale: Scale, language: Language) -> WhatIfRow:
    change = imagined - published
    moved = abs(change) * scale.factor >= 0.5 * 10.0**-scale.decimals
    difference = scale.number(change if moved else 0.0, language, sign=moved)
    return WhatIfRow(name, scale.number(published, language), scale.number(imagined, language), difference)


def _note(answer: Mapping[str, Any], wish: Wish, language: Language) -> str:
    """Which part of the wish the model has no inputs for."""
    asked = {"temperature": wish.temperature_k, "wind": wish.wind_ms, "calendar": wish.days}
    deaf = [
        language.text(f"whatif.{part}").lower() for part, wanted in asked.items() if wanted and part not in answer["answers_to"]
    ]
    return language.text("whatif.deaf", what=", ".join(deaf)) if deaf else ""
