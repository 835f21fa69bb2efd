"""Texts on kits, which bring data to a site without a network."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    "menu.import_kit": ("Indlæs datapakke …", "Import kit …"),
    "kits.kits": ("Datapakker", "Kits"),
    "kits.import": ("Indlæs datapakke …", "Import kit …"),
    "kits.choose": ("Vælg en datapakke", "Choose a kit"),
    "kits.imported": ("Indlæst", "Imported"),
    "kits.file": ("Fil", "File"),
    "kits.until": ("Fortæller til", "Tells until"),
    "kits.brought": ("Bragte", "Brought"),
    "kits.signed_by": ("Underskrevet af", "Signed by"),
    "kits.none": ("Ingen datapakke er indlæst her.", "No kit was imported here."),
    "kits.newest": (
        "Den nyeste fortæller, hvad der var kendt {time}, for {age} siden.",
        "The newest tells what was known {time}, {age} ago.",
    ),
    "kits.values": ("{count} nye tal", "{count} new values"),
    "kits.set_aside": ("{count} sat til side", "{count} set aside"),
    "kits.model": ("1 model", "1 model"),
    "kits.models": ("{count} modeller", "{count} models"),
    "kits.update": ("programversion {version}", "program version {version}"),
    "kits.working": (
        "{file} kontrolleres og indlæses …",
        "{file} is checked and imported …",
    ),
    "kits.taken": (
        "{file} er indlæst: {brought}. Prognosen laves om med det samme.",
        "{file} is imported: {brought}. The forecast is made anew at once.",
    ),
    "kits.again": (
        "{file} blev indlæst {time}; intet er ændret.",
        "{file} was imported {time}; nothing changed.",
    ),
    "kits.elsewhere": (
        "Motoren kører på en anden maskine, hvor datapakken skal ligge: lastvagt-engine kit import.",
        "The engine runs on another machine, where the kit has to lie: lastvagt-engine kit import.",
    ),
    "kits.no_engine": (
        "Ingen motor kører, som kan tage imod den; lastvagt-engine kit import kan.",
        "No engine runs that could take it; lastvagt-engine kit import can.",
    ),
    "event.kit": ("Der mangler en ny datapakke", "A new kit is missing"),
    "effect.kit": (
        "Prognoserne laves af ældre data og har bredere bånd.",
        "Forecasts are made from older data and have wider bands.",
    ),
    "action.kit": (
        "Hent en nyere datapakke, og indlæs den under Drift.",
        "Bring a newer kit and import it in the view Health.",
    ),
    "facts.kit": ("Den nyeste er {days} døgn gammel.", "The newest is {days} days old."),
    "facts.kit_usual": (
        "Den nyeste er {days} døgn gammel; normalt kommer der én hver {usual}. dag.",
        "The newest is {days} days old; one usually comes every {usual} days.",
    ),
}
