"""How loads of one size are written: in MWh, kWh or GWh, with the decimals that tell their hours apart."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from app.snapshot import ConsumerSnapshot
from app.translations import Language

#: Units that can be chosen; a load that has too few of a GWh is told in MWh.
UNITS = ("MWh", "GWh")
_FROM_GWH_MWH = 100.0


@dataclass(frozen=True, slots=True)
class Scale:
    """A unit, how many of it one MWh is, and decimals of a load in it."""

    unit: str = "MWh"
    factor: float = 1.0
    decimals: int = 0

    def number(self, mwh: float, language: Language, sign: bool = False) -> str:
        """A load in MWh as a number of this unit."""
        return language.number(mwh * self.factor, self.decimals, sign)

    def quantity(self, mwh: float, language: Language, finer: int = 0, sign: bool = False) -> str:
        """A load in MWh with this unit, written with so many decimals more than a load needs."""
        return language.quantity(mwh * self.factor, self.unit, self.decimals + finer, sign)

    def fine_for(self, mwh: float) -> Scale:
        """The same with a decimal more where a load has three digits or fewer, to tell small parts of it."""
        return replace(self, decimals=self.decimals + (mwh * self.factor < 1000))

    def span(self, low_mwh: float, high_mwh: float, language: Language) -> str:
        """From one load to another."""
        return f"{self.number(low_mwh, language)}–{self.quantity(high_mwh, language)}"


def scale_of(largest_mwh: float, unit: str = "") -> Scale:
    """The scale of loads up to one: three digits of it at least, in the unit that was chosen, else in kWh where it is under one MWh.

    A GWh has three decimals, so that its MWh are told.
    """
    if unit == "GWh" and largest_mwh >= _FROM_GWH_MWH:
        return Scale("GWh", 0.001, 3)
    name, factor = ("kWh", 1000.0) if 0 < largest_mwh < 1 and unit != "MWh" else ("MWh", 1.0)
    decimals = next((n for n, enough in enumerate((100, 10)) if largest_mwh * factor >= enough), 2)
    return Scale(name, factor, decimals if largest_mwh > 0 else 0)


def scale_for(seen: ConsumerSnapshot, language: Language) -> Scale:
    """The scale of everything that is shown of a consumer."""
    forecast = np.empty(0) if seen.forecast is None else seen.forecast.median
    return scale_of(float(max(np.max(seen.observed, initial=0.0), np.max(forecast, initial=0.0))), language.unit)
