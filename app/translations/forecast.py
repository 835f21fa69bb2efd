"""What is said beside and around the forecast chart. Danish, English."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    "forecast.settled": ("Afregnet", "Settled"),
    # inspector
    "inspector.name": ("Om timen", "About the hour"),
    "inspector.pages": ("Sider om timen", "Pages about the hour"),
    "inspector.hour": ("Time", "Hour"),
    "inspector.similar": ("Lignende", "Similar"),
    "inspector.pinned": ("{hour}, fastholdt", "{hour}, pinned"),
    "inspector.show": ("Om timen", "About the hour"),
    "inspector.show_help": (
        "Vis eller skjul det, der er at fortælle om timen (I). Klik på en time, eller tryk Enter, for at fastholde den.",
        "Show or hide what there is to tell of the hour (I). Click an hour, or press Enter, to pin it.",
    ),
    # page of the hour
    "hour.table": ("Timens tal", "Numbers of the hour"),
    "hour.measured": ("Målt", "Observed"),
    "hour.provisional": ("Først offentliggjort", "First published"),
    "hour.newest": ("Siden rettet til", "Since corrected to"),
    "hour.settled": ("Endeligt hos udgiveren", "Final at the publisher"),
    "hour.settlement": ("Afregnet i markedet", "Settled in the market"),
    "hour.forecast": ("Prognose", "Forecast"),
    "hour.issued": ("Udstedt", "Issued"),
    "hour.age": ("Udstedt for siden", "Issued ago"),
    "hour.others": ("Andres prognoser", "Forecasts of others"),
    "hour.nothing": ("Hverken målt eller med i prognosen.", "Neither measured nor part of the forecast."),
}
