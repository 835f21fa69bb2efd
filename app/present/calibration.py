"""What the program has learned of an area from hours that came true: how well bands hold, whom it trusts, what it corrects."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

import numpy as np

from app.snapshot import ConsumerSnapshot
from app.translations import TEXTS, Language
from engine import clock
from engine.adaptation import AHEAD, Adaptation
from engine.calibration import DAY_AHEAD, LEAD_GROUPS, SHARES, Calibration
from engine.domain import UNITS, FloatArray

#: Standard deviations of chance within which a coverage is as good as nominal.
_TOLERANCE = 2.0
#: Experts that are named; the rest is told as one.
_NAMED = 3
#: Percent under which a correction is none.
_NOTHING = 0.05


@dataclass(frozen=True, slots=True)
class Coverage:
    """How often a band held, percent: `share` of the recent hours (NaN: none yet), aimed at `nominal`.

    Within `tolerance` of it chance explains the difference; NaN where that is not known.
    """

    share: float
    nominal: float
    tolerance: float
    words: str

    @property
    def off(self) -> bool:
        """Whether chance does not explain the difference."""
        return abs(self.share - self.nominal) > self.tolerance


@dataclass(frozen=True, slots=True)
class Weight:
    """An expert's part in the median, of 1."""

    name: str
    share: float
    words: str


@dataclass(frozen=True, slots=True)
class CalibrationView:
    """`coverage` has a row per band (`bands`) and a column per group of lead hours (`leads`); weights and words are of tomorrow."""

    learned: str
    about: str
    leads: tuple[str, ...]
    bands: tuple[str, ...]
    coverage: tuple[tuple[Coverage, ...], ...]
    weights_of: str
    weights: tuple[Weight, ...]
    correction: str
    width: str
    empty: str
    summary: str


def calibration_view(of: ConsumerSnapshot, language: Language, now: int) -> CalibrationView:
    """What is known of how an area's forecasts are corrected now; before the first hour came true, that there is nothing yet."""
    if of.adaptation is not None and of.adaptation.days:
        return _adapted(of.adaptation, language)
    state = of.calibration
    if state is None or not state.hours.any():
        empty = language.text("calibration.empty")
        return CalibrationView("", "", (), (), (), "", (), "", "", empty, empty)
    hours = language.number(float(state.hours[DAY_AHEAD]))
    learned = language.text("calibration.learned", hours=hours, time=language.moment(of.learned_at, now, weekday=False))
    hour = "t" if language.code == "da" else "h"
    leads = tuple(
        language.text("calibration.first_lead", last=f"{last}\u00a0{hour}") if first <= 0 else f"{first}–{last}\u00a0{hour}"
        for first, last in LEAD_GROUPS
    )
    coverage = _coverage(state, language)
    bands = tuple(language.text("forecast.band", level=round(100 * share)) for share in SHARES)
    weights, correction, width = _weights(state, language), _correction(state, language), _width(state, language)
    held = ", ".join(f"{band}: {row[DAY_AHEAD].words}" for band, row in zip(bands, coverage, strict=True))
    summary = language.text("calibration.summary", lead=leads[DAY_AHEAD], held=held)
    shares = ", ".join(f"{part.name} {part.words}" for part in weights)
    return CalibrationView(
        learned=learned,
        about=language.text("calibration.about"),
        leads=leads,
        bands=bands,
        coverage=coverage,
        weights_of=language.text("calibration.weights", lead=leads[DAY_AHEAD]),
        weights=weights,
        correction=correction,
        width=width,
        empty="",
        summary=" ".join(part for part in (summary, shares, correction, width, learned) if part),
    )


def _adapted(state: Adaptation, language: Language) -> CalibrationView:
    """What was learned of one series that is measured late, of hours bridged and ahead; its median follows the series' own ways."""
    parts = (language.text("readout.bridge_lead"), language.text("calibration.ahead"))
    bands = tuple(language.text("forecast.band", level=round(100 * share)) for share in SHARES)
    coverage = tuple(
        tuple(Coverage(100 * s, 100 * nominal, math.nan, language.quantity(100 * s, "%", 1)) for s in row)
        for nominal, row in zip(SHARES, state.inside.T.tolist(), strict=True)
    )
    date = language.date(clock.local_midnight(clock.EPOCH + dt.timedelta(days=state.learned_to)))
    learned = language.text("calibration.learned_days", days=language.number(state.days), date=date)
    own = "calibration.own_ways" if len(state.slopes) else "calibration.sum_of_parts"
    width = _widths(state.width[AHEAD], language)
    held = ", ".join(f"{band}: {row[AHEAD].words}" for band, row in zip(bands, coverage, strict=True))
    summary = language.text("calibration.summary", lead=parts[AHEAD], held=held)
    return CalibrationView(
        learned=learned,
        about=language.text("calibration.about_plain"),
        leads=parts,
        bands=bands,
        coverage=coverage,
        weights_of="",
        weights=(),
        correction=language.text(own),
        width=width,
        empty="",
        summary=f"{summary} {language.text(own)} {width} {learned}",
    )


def _coverage(state: Calibration, language: Language) -> tuple[tuple[Coverage, ...], ...]:
    shares, tolerance = 100 * state.coverage.T, 100 * _TOLERANCE * state.coverage_deviation.T
    return tuple(
        tuple(
            Coverage(float(s), 100 * nominal, float(t), language.quantity(float(s), "%", 1) if math.isfinite(s) else "–")
            for s, t in zip(row, widths, strict=True)
        )
        for nominal, row, widths in zip(SHARES, shares, tolerance, strict=True)
    )


def _weights(state: Calibration, language: Language) -> tuple[Weight, ...]:
    """The experts that count most, and the rest together; none where an area is the sum of its parts."""
    weights = state.weights[DAY_AHEAD] if state.experts else np.empty(0)
    order = np.argsort(-weights, kind="stable")
    named = [(_expert(state.experts[i], language), float(weights[i])) for i in order[:_NAMED]]
    if len(order) > _NAMED:
        named.append((language.text("calibration.others"), float(weights[order[_NAMED:]].sum())))
    return tuple(Weight(name, share, language.quantity(100 * share, "%")) for name, share in named)


def _expert(name: str, language: Language) -> str:
    key = f"expert.{name}"
    return language.text(key) if key in TEXTS else name


def _correction(state: Calibration, language: Language) -> str:
    """What is added to the model's median: always, and per standard deviation of an input, the strongest first."""
    if not state.experts:
        return language.text("calibration.sum_of_parts")
    constant, *effects = (100 * np.expm1(state.slopes[DAY_AHEAD])).tolist()
    strong = sorted(zip(effects, state.responses, strict=True), key=lambda pair: -abs(pair[0]))
    told = [f"{_input(name, language)} {_percent(effect, language)}" for effect, name in strong if abs(effect) >= _NOTHING]
    parts = [language.text("calibration.constant", value=_percent(constant, language))] if abs(constant) >= _NOTHING else []
    parts += [language.text("calibration.responses", effects=", ".join(told))] if told else []
    return language.text("calibration.corrects", parts="; ".join(parts) or language.text("calibration.nothing"))


def _percent(value: float, language: Language) -> str:
    return language.quantity(value, "%", 1, sign=True)


def _input(name: str, language: Language) -> str:
    """An input by the quantity it is made of, as far as that is known."""
    key = f"input.{name.removesuffix('_anomaly')}"
    if key in TEXTS:
        return language.text(key)
    quantity = next((q for q in sorted(UNITS, key=len, reverse=True) if name.startswith(q)), "")
    return language.text(f"quantity.{quantity}").lower() if quantity else name


def _width(state: Calibration, language: Language) -> str:
    return _widths(state.width[DAY_AHEAD], language)


def _widths(logs: FloatArray, language: Language) -> str:
    percent = " / ".join(language.number(100 * float(factor)) for factor in np.exp(logs))
    return language.text("calibration.width", percent=percent)
