"""Texts about newer versions of the program."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    "event.update": ("Version {subject} kan hentes", "Version {subject} can be had"),
    "event.update_ready": ("Version {subject} er klar", "Version {subject} is ready"),
    "event.update_refused": ("Version {subject} gik tilbage igen", "Version {subject} was taken back"),
    "updates.elsewhere": ("Den tages i brug på motorens egen maskine", "It is brought in on the engine's own machine"),
    "updates.root": (
        "En administrator tager den i brug: sudo lastvagt-engine update apply",
        "An administrator brings it in: sudo lastvagt-engine update apply",
    ),
    "updates.open": ("Opdater …", "Update …"),
    "updates.later": ("Senere", "Later"),
    "updates.later_about": ("Vis den igen i morgen.", "Show it again tomorrow."),
    "updates.title": ("Opdater til version {version}", "Update to version {version}"),
    "updates.about": (
        "Den nye version prøves først på en kopi af dine data. Virker den ikke, kommer den, der kører nu, tilbage af sig selv. "
        "Prognoserne holder pause i nogle sekunder imens.",
        "The new version is first tried on a copy of your data. If it does not work, the one that runs now comes back by itself. "
        "Forecasts pause for some seconds meanwhile.",
    ),
    "updates.notes": ("Hvad der er nyt", "What is new"),
    "updates.steps": ("Hvad der sker", "What is being done"),
    "updates.now": ("Opdater nu", "Update now"),
    "updates.staging": ("Henter og prøver …", "Fetching and trying …"),
    "updates.applying": ("Tager den i brug …", "Bringing it in …"),
    "updates.done": (
        "Motoren kører nu version {version}. Vinduet følger med, når det starter igen.",
        "The engine runs version {version} now. The window follows when it starts again.",
    ),
    "updates.started": (
        "Installationsprogrammet er startet; det tager over herfra.",
        "The installer has been started; it goes on from here.",
    ),
    "updates.failed": ("Det lykkedes ikke. {why}", "That did not succeed. {why}"),
    "updates.restart": ("Genstart vinduet", "Restart the window"),
    "updates.close": ("Luk", "Close"),
}
