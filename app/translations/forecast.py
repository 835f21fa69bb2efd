"""What is said beside and around the forecast chart. Danish, English."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    "forecast.settled": ("Afregnet", "Settled"),
    "forecast.issued_here": ("udstedt", "issued"),
    "forecast.naive": ("Sæsonnaiv", "Seasonal naive"),
    "forecast.newest": ("Nyeste median", "Newest median"),
    "forecast.range_days": ("{days} d", "{days} d"),
    "forecast.range_year": ("1 år", "1 y"),
    "forecast.range_named": ("Vis {days} døgn", "Show {days} days"),
    "forecast.zoom_in": ("Zoom ind", "Zoom in"),
    "forecast.zoom_out": ("Zoom ud", "Zoom out"),
    "forecast.reset": ("Vis tiden omkring nu", "Show the time around now"),
    "forecast.reset_help": ("Tilbage til tiden omkring nu (Home)", "Back to the time around now (Home)"),
    "forecast.weather": ("Vejr", "Weather"),
    "forecast.weather_help": ("Vis eller skjul vejret under kurverne (W)", "Show or hide the weather under the curves (W)"),
    "forecast.naive_help": (
        "Vis eller skjul sæsonnaiv: samme ugedag og time, senest kendte (N)",
        "Show or hide seasonal naive: same weekday and hour, latest known (N)",
    ),
    # weather under the chart
    "weather.about": ("Vejr i {where}, som kendt {time}.", "Weather of {where}, as known {time}."),
    "weather.about_mean": ("Vejr, middel af {where}, som kendt {time}.", "Weather, mean of {where}, as known {time}."),
    "weather.and": (" og ", " and "),
    "weather.none": ("Intet vejr er kendt her.", "No weather is known here."),
    "weather.span": ("{name} fra {low} til {high}.", "{name} from {low} to {high}."),
    "weather.chart": ("Vejr for {name}", "Weather of {name}"),
    # forecasts of the past
    "past.show": ("Tidligere", "Earlier"),
    "past.show_help": (
        "Se en tidligere udstedelse og det, der siden blev målt ([ og ])",
        "Look at an earlier issue and what came true since ([ and ])",
    ),
    "past.before": ("Udstedelsen før", "The issue before"),
    "past.after": ("Udstedelsen efter", "The issue after"),
    "past.slider": ("Udstedelse, der vises", "Issue that is shown"),
    "past.slider_help": (
        "Pilene går til udstedelsen før og efter, Page Up og Page Down et døgn.",
        "The arrows go to the issue before and after, Page Up and Page Down by a day.",
    ),
    "past.newest": ("Nyeste", "Newest"),
    "past.newest_help": ("Tilbage til den nyeste udstedelse", "Back to the newest issue"),
    "past.play": ("Afspil", "Play"),
    "past.pause": ("Pause", "Pause"),
    "past.known_at": ("SOM KENDT {time}, for {age} siden", "AS KNOWN {time}, {age} ago"),
    "past.ahead": ("SOM FORUDSAGT {span} FØR HVER TIME", "AS FORECAST {span} BEFORE EACH HOUR"),
    "past.outcome": (
        "Siden målt: {hours} timer, MAE {mae} ({share}), {inside} inden for 80 %-båndet.",
        "Since observed: {hours} hours, MAE {mae} ({share}), {inside} inside the 80 % band.",
    ),
    "past.no_truth": ("Endnu ingen af timerne er målt.", "None of the hours has been observed yet."),
    "past.lead": ("Forudsagt", "Forecast"),
    "past.lead_help": (
        "Vis, hvad der blev forudsagt så mange timer før hver time, mod det, der blev målt.",
        "Show what was forecast so many hours before each hour, against what came true.",
    ),
    "past.lead_newest": ("nyeste udstedelse", "newest issue"),
    "past.lead_hours": ("{hours} t før", "{hours} h before"),
    # read-out
    "readout.settled": ("Afregnet", "Settled"),
    "readout.naive": ("Sæsonnaiv", "Seasonal naive"),
    "readout.tso": ("TSO", "TSO"),
    "readout.weather": ("Vejr", "Weather"),
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
