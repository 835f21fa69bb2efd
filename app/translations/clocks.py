"""Texts about the computer's clock and its sleep."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    "event.clock_ahead": ("Computerens ur går for hurtigt", "This computer's clock is ahead"),
    "effect.clock_ahead": (
        "Der laves ingen nye prognoser: de ville bære et tidspunkt, der endnu ikke er kommet.",
        "No new forecasts are made: they would bear a time that has not come yet.",
    ),
    "action.clock_ahead": (
        "Stil uret, eller lad en tidstjeneste (NTP) gøre det.",
        "Set the clock, or let a time service (NTP) do it.",
    ),
    "facts.clock_ahead": (
        "Det er {span} foran kilderne; så længe laves ingen nye prognoser.",
        "It is {span} ahead of the sources; until it is set, no new forecasts are made.",
    ),
    "facts.clock_behind": (
        "Det er {span} bagud for kilderne; prognoser får et for tidligt tidspunkt.",
        "It is {span} behind the sources; forecasts are dated too early.",
    ),
    "facts.pause": (
        "Den stod stille i {span}, til {time}; prognoserne for de timer mangler.",
        "It stood still for {span}, until {time}; the forecasts of those hours are missing.",
    ),
    "facts.set_forward": ("Det blev stillet {span} frem, til {time}.", "It was set forward by {span}, to {time}."),
    "facts.set_back": ("Det blev stillet {span} tilbage, til {time}.", "It was set back by {span}, to {time}."),
    "facts.withdrawn": (
        "Uret var foran, da de blev lavet: {count} i alt.",
        "The clock was ahead when they were made: {count} in all.",
    ),
    "event.clock_behind": ("Computerens ur er bagud", "This computer's clock is behind"),
    "effect.clock_behind": (
        "Prognoser og målinger får et for tidligt tidspunkt.",
        "Forecasts and measurements are dated too early.",
    ),
    "action.clock_behind": (
        "Stil uret, eller lad en tidstjeneste (NTP) gøre det.",
        "Set the clock, or let a time service (NTP) do it.",
    ),
    "event.pause": ("Motoren stod stille: computeren sov", "The engine stood still: the computer slept"),
    "effect.pause": ("Prognoserne for de timer mangler.", "The forecasts of those hours are missing."),
    "action.pause": (
        "Lad ikke computeren sove, hvor prognoser ikke må udeblive.",
        "Let the computer not sleep where forecasts must not fail.",
    ),
    "event.clock_set": ("Computerens ur blev stillet", "This computer's clock was set"),
    "effect.clock_set": ("Motoren så straks efter, hvad der manglede.", "The engine looked at once for what was due."),
    "action.clock_set": ("Lad en tidstjeneste (NTP) holde uret.", "Let a time service (NTP) keep the clock."),
    "event.withdrawn": ("Prognoser fra fremtiden blev trukket tilbage", "Forecasts from the future were withdrawn"),
    "effect.withdrawn": ("Uret var foran, da de blev lavet.", "The clock was ahead when they were made."),
    "action.withdrawn": ("Lad en tidstjeneste (NTP) holde uret.", "Let a time service (NTP) keep the clock."),
}
