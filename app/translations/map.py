"""What is said on the map. Danish, English."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    "map.title": ("Kort: {layer}", "Map: {layer}"),
    "map.title_type": ("Kort: {layer}, {type}", "Map: {layer}, {type}"),
    "map.layer": ("Lag", "Layer"),
    "map.type": ("Forbruger", "Consumer"),
    "map.shade": ("Farve", "Colour"),
    "map.price_area": ("Prisområder", "Price areas"),
    "map.region": ("Regioner", "Regions"),
    "map.municipality": ("Kommuner", "Municipalities"),
    "map.share": ("Andel af summen", "Share of the sum"),
    "map.change": ("Ændring mod ugen før", "Change on the week before"),
    "map.peak": ("Spidstime, kommende døgn", "Peak hour, coming day"),
    "map.person": ("Forbrug pr. indbygger", "Load per inhabitant"),
    # legend
    "map.legend_share": ("Andel af lagets sum i timen, %", "Share of the layer's sum in the hour, %"),
    "map.legend_share_of": (
        "Andel af summen af de {known} af {all} områder, der er kendt, %",
        "Share of the sum of the {known} of {all} areas that are known, %",
    ),
    "map.legend_change": ("Mod samme danske time ugen før, %", "On the same Danish hour a week before, %"),
    "map.legend_peak": (
        "Time med størst forbrug i de 24 timer fra den viste, dansk tid",
        "Hour of the largest load in the 24 hours from the one shown, Danish time",
    ),
    "map.legend_person": ("kWh pr. indbygger i timen", "kWh per inhabitant in the hour"),
    "map.with_kind": ("{value} · {kind}", "{value} · {kind}"),
    "map.legend_estimated": ("bro eller prognose", "bridge or forecast"),
    # kinds of value
    "map.measured": ("målt", "measured"),
    "map.bridge": ("bro", "bridge"),
    "map.ahead": ("prognose", "forecast"),
    "map.missing": ("ingen data", "no data"),
    # read-out
    "map.load": ("Timen {load}, {kind}", "The hour {load}, {kind}"),
    "map.band": ("80 %-interval {span}", "80 % interval {span}"),
    "map.issued": ("Udstedt {time}, for {age} siden", "Issued {time}, {age} ago"),
    "map.value_share": ("{value} af summen", "{value} of the sum"),
    "map.value_change": ("{value} mod ugen før ({before}, {kind})", "{value} on the week before ({before}, {kind})"),
    "map.value_peak": ("Spids {day} {value}, {load}", "Peak {day} {value}, {load}"),
    "map.value_person": ("{value} pr. indbygger", "{value} per inhabitant"),
    "map.no_value": ("Værdien kan ikke regnes ud for denne time.", "The value cannot be worked out for this hour."),
    # time and parts
    "map.play": ("Afspil", "Play"),
    "map.pause": ("Pause", "Pause"),
    "map.now": ("nu", "now"),
    "map.part_measured": ("Målt", "Measured"),
    "map.part_bridge": ("Bro: ingen har målt endnu", "Bridge: nobody has measured yet"),
    "map.part_bridge_short": ("Bro", "Bridge"),
    "map.part_ahead": ("Prognose", "Forecast"),
    "map.part_missing": ("Intet", "Nothing"),
    "map.hour": ("{date} kl. {span} {zone}", "{date} {span} {zone}"),
    "map.time": ("Vist time", "Hour shown"),
    "map.time_help": (
        "Pil til venstre og højre flytter en time, Page Up og Page Down et døgn, Home og End går til enderne.",
        "Left and right arrows move by an hour, Page Up and Page Down by a day, Home and End go to the ends.",
    ),
    "map.canvas": ("Kort over {layer}", "Map of {layer}"),
    "map.canvas_help": (
        "Piletaster går til naboen, Enter vælger området i de andre visninger.",
        "Arrow keys go to the neighbour, Enter chooses the area in the other views.",
    ),
    "map.table": ("Kortet som tabel", "The map as a table"),
    "map.column_area": ("Område", "Area"),
    "map.column_kind": ("Slags", "Kind"),
    "map.column_share": ("%", "%"),
    "map.column_change": ("%", "%"),
    "map.column_peak": ("Time", "Hour"),
    "map.column_person": ("kWh", "kWh"),
    "map.summary": (
        "{layer}, {shade}, {hour}. {kinds}. Højest: {highest}. Lavest: {lowest}.",
        "{layer}, {shade}, {hour}. {kinds}. Highest: {highest}. Lowest: {lowest}.",
    ),
    "map.count": ("{count} {kind}", "{count} {kind}"),
    "map.none": ("Kortet har endnu intet at vise for {layer}", "The map has nothing to show for {layer} yet"),
    "map.none_why": (
        "Motoren skal først hente forbrug for mindst ét område i laget.",
        "The engine must first fetch the load of at least one area of the layer.",
    ),
}
