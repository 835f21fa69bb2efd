"""What is said in the overview. Danish, English."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    "window.overview": ("Overblik", "Overview"),
    "event.peak": ("Risiko for spids i {subject}", "Risk of a peak in {subject}"),
    "facts.peak": (
        "{percent} sandsynlighed for over {limit} {time}.",
        "{percent} probability of more than {limit} {time}.",
    ),
    "effect.peak": (
        "Inden for to døgn kan forbruget overstige den grænse, der er sat.",
        "Within two days the load may exceed the limit that was set.",
    ),
    "action.peak": (
        "Se timen i Prognose.",
        "See the hour in Forecast.",
    ),
    "overview.area": ("Timen nu, med 80 %-interval", "This hour, with 80 % interval"),
    "overview.peak": ("Næste spids", "Next peak"),
    "overview.week": ("Fejl, 7 døgn", "Error, 7 days"),
    "overview.observed": ("målt {value}, {time}", "measured {value}, {time}"),
    "overview.risk": ("P(>{limit}) {percent}", "P(>{limit}) {percent}"),
    "overview.adjusted": ("justeret", "adjusted"),
    "overview.wape": ("WAPE {value}", "WAPE {value}"),
    "overview.usual": ("plejer {value}", "usually {value}"),
    "overview.skill": ("skill {value}", "skill {value}"),
    "overview.pin": ("Fastgør {name} i overblikket", "Pin {name} to the overview"),
    "overview.unpin": ("Fjern {name} fra overblikket", "Take {name} from the overview"),
    "overview.pin_none": ("{name} står her altid", "{name} is always here"),
    "overview.help": (
        "Pil op og ned skifter område. Enter åbner prognosen.",
        "Up and down change the area. Enter opens the forecast.",
    ),
    "overview.map": ("Timen nu mod ugen før", "This hour on the week before"),
    "overview.map_help": (
        "Piletasterne skifter område. Enter åbner prognosen.",
        "The arrow keys change the area. Enter opens the forecast.",
    ),
    "situation.all_current": ("Alt er aktuelt", "Everything is current"),
    "situation.forecasts_current": ("Prognoserne er aktuelle", "Forecasts are current"),
    "situation.offline": (
        "Uden net efter indstillingerne: data kommer med datapakker",
        "No network by settings: data come by kit",
    ),
    "situation.one": ("1 ting at se på", "1 thing to look at"),
    "situation.many": ("{count} ting at se på", "{count} things to look at"),
    "situation.unreadable": (
        "Databasen kan ikke læses; det viste er gammelt",
        "The database cannot be read; what is shown is old",
    ),
    "situation.no_engine": ("Motoren kører ikke", "The engine does not run"),
    "situation.events": ("Meddelelser fra motoren: {count}", "Messages of the engine: {count}"),
    "situation.late": ("{what}: {state}", "{what}: {state}"),
    "situation.forecast": ("Prognose", "Forecast"),
    "situation.metered": ("Målt forbrug", "Metered load"),
    "situation.peak": (
        "Spids: {area} overstiger {limit}, {percent} sandsynligt, {time} (om {lead})",
        "Peak: {area} exceeds {limit}, {percent} likely, {time} (in {lead})",
    ),
    "situation.peak_past": ("Risiko for spids over grænsen: {area}", "Risk of a peak over the limit: {area}"),
    "situation.week": (
        "Seneste døgn mod ugen før afviger mest i {area}: {change}",
        "The last 24 hours differ most from the week before in {area}: {change}",
    ),
    "situation.inside": (
        "mod prognosen i {area} kl. {time}: {change}, inden for 90 %-båndet",
        "from the forecast in {area} at {time}: {change}, inside the 90 % band",
    ),
    "situation.outside": (
        "mod prognosen i {area} kl. {time}: {change}, uden for 90 %-båndet",
        "from the forecast in {area} at {time}: {change}, outside the 90 % band",
    ),
    "situation.issued": ("Prognose udstedt {time}, for {age} siden", "Forecast issued {time}, {age} ago"),
    "situation.measured": ("forbrug målt til {time}, for {age} siden", "load measured until {time}, {age} ago"),
    "situation.weather": ("vejr hentet for {age} siden", "weather fetched {age} ago"),
}
