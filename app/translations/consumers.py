"""What is said of consumers: how they are chosen, what their load counts, and how late it is measured. Danish, English."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    # choosing
    "choose.find": ("Find område eller serie", "Find an area or series"),
    "choose.about": (
        "Ctrl+F. Skriv en del af navnet eller koden; pil op og ned vælger, Enter viser, Esc lukker.",
        "Ctrl+F. Write a part of the name or the code; up and down choose, Enter shows, Esc closes.",
    ),
    "choose.list": ("Områder og serier", "Areas and series"),
    "choose.own": ("Egne serier", "Series of your own"),
    "choose.industries": ("Brancher", "Industries"),
    "choose.grid_areas": ("Netområder", "Grid areas"),
    "choose.close": ("Luk", "Close"),
    "choose.none": ("Intet navn eller ingen kode indeholder det.", "No name or code has that in it."),
    "choose.count": ("{count} kan vælges", "{count} to choose from"),
    "choose.found": ("{count} fundet", "{count} found"),
    # what a load counts
    "measure.gross": (
        "Bruttoforbrug i elnettet, med nettab.",
        "Gross consumption of the grid, grid losses included.",
    ),
    "measure.category": (
        "Målt hos forbrugerne. Ikke en del af bruttoforbruget for {parent} (nettab, egenproduktion).",
        "Metered at the consumers. Not part of the gross consumption of {parent} (grid losses, own production).",
    ),
    "measure.households": (
        "Målt ved boligerne. Ikke en del af bruttoforbruget for {parent} (nettab, egenproduktion), og summer ikke til regionen.",
        "Metered at dwellings. Not part of the gross consumption of {parent} (grid losses, own production); adds up to no region.",
    ),
    "measure.industry": (
        "Målt i hele landet efter branche. Ikke en del af bruttoforbruget (nettab, egenproduktion).",
        "Metered in the whole country by industry. Not part of gross consumption (grid losses, own production).",
    ),
    "measure.grid_area": (
        "Målt i et netselskabs område. Ikke en del af bruttoforbruget (nettab, egenproduktion).",
        "Metered in the area of a grid company. Not part of gross consumption (grid losses, own production).",
    ),
    "measure.own": (
        "Din egen serie. Den lægges ikke til noget andet.",
        "A series of your own. It is added to nothing else.",
    ),
    "measure.sum": ("Præcis summen af {parts}.", "Adds up exactly from {parts}."),
    "measure.sum_all": ("Præcis summen af alle dens typer.", "Adds up exactly from all its types."),
    "measure.and": ("{first} og {last}", "{first} and {last}"),
    # how late it is measured
    "late.measured": ("Målt til {time}, for {age} siden", "Measured until {time}, {age} ago"),
    "late.usual": ("{measured}; normalt {usual}", "{measured}; usually {usual}"),
    "late.stalled": (
        "{measured}; normalt {usual}. Intet nyt siden {since}",
        "{measured}; usually {usual}. Nothing new since {since}",
    ),
    "late.about": ("op til {usual}", "up to {usual}"),
    "event.stalled": ("Målingerne fra {subject} står stille", "The measurements of {subject} stand still"),
    "event.incomplete": ("Der mangler timer i forbruget for {subject}", "Hours are missing in the load of {subject}"),
    "effect.incomplete": (
        "Prognoserne laves uden dem. Dagens fejl regnes af de timer, der er.",
        "Forecasts are made without them. Errors of that day count the hours there are.",
    ),
    "action.incomplete": (
        "De hentes igen i to uger. En fil med dem kan indlæses.",
        "They are asked for again for two weeks. A file with them can be imported.",
    ),
    "facts.hours": ("{missing} af {hours} timer {day}", "{missing} of {hours} hours on {day}"),
    "facts.incomplete": (
        "Der mangler {days}. Prognoserne laves uden dem.",
        "Missing: {days}. Forecasts are made without them.",
    ),
    "facts.settled": ("det afregnede forbrug {days}", "settled consumption on {days}"),
    "facts.operator": ("netoperatørens prognose {days}", "the grid operator's forecast on {days}"),
    "facts.contradicted": (
        "Målingen passer ikke med {days}. Ingen kan vide, hvem der har ret, så intet er sat til side.",
        "The measurements do not fit {days}. Nobody can tell which is right, so nothing was set aside.",
    ),
    "event.contradicted": (
        "To kilder til forbruget i {subject} er forskudt en time",
        "Two sources of the load of {subject} are an hour apart",
    ),
    "effect.contradicted": (
        "Ingen kan vide, hvilken der har ret, så intet er sat til side.",
        "Nobody can tell which is right, so nothing was set aside.",
    ),
    "action.contradicted": (
        "Se på dagen, før du stoler på dens fejl.",
        "Look at that day before you trust its errors.",
    ),
    "sources.of": ("{name} {area}", "{name} {area}"),
    # the three parts of a chart
    "part.measured": ("Målt til {time}", "Measured until {time}"),
    "part.measured_short": ("Målt", "Measured"),
    "part.bridge": ("Bro: {age} ingen har målt endnu", "Bridge: {age} nobody has measured yet"),
    "part.bridge_short": ("Bro {age}", "Bridge {age}"),
    "part.ahead": ("Prognose {span} frem", "Forecast {span} ahead"),
    "part.ahead_short": ("Prognose", "Forecast"),
    "part.nothing": ("Ingen målinger og ingen prognose i {age}", "Neither measured nor forecast for {age}"),
    "part.nothing_short": ("Intet i {age}", "Nothing for {age}"),
    "forecast.bridge_median": ("Median, bro", "Median, bridge"),
    "forecast.not_yet": (
        "Motoren har endnu ikke udstedt en prognose for serien. Den kommer inden for et døgn, når en uges forbrug er kendt.",
        "The engine has not issued a forecast of this series yet. It comes within a day, once a week of load is known.",
    ),
    "forecast.summary_late": (
        "{tier}. {issued}. {measured}. Median fra {low} til {high} i de kommende {span}; spids {peak}, {peak_at}.",
        "{tier}. {issued}. {measured}. Median from {low} to {high} over the coming {span}; peak {peak}, {peak_at}.",
    ),
    "readout.measured": ("Målt.", "Measured."),
    "readout.bridged": (
        "Bro: ingen har målt timen endnu. Bygger på målinger til {time}, {age} før den.",
        "Bridge: nobody has measured this hour yet. Rests on measurements up to {time}, {age} before it.",
    ),
    "readout.ahead": (
        "Prognose. Bygger på målinger til {time}, {age} før timen.",
        "Forecast. Rests on measurements up to {time}, {age} before the hour.",
    ),
    "readout.unmeasured": ("Prognose uden målinger.", "Forecast without measurements."),
    "readout.outside": ("Hverken målt eller med i prognosen.", "Neither measured nor part of the forecast."),
    "readout.bridge_lead": ("bro", "bridge"),
    # nothing to show
    "empty.opt_in": (
        "Denne slags data hentes kun, hvis indstillingen {setting} er slået til.",
        "Data of this kind are fetched only where the setting {setting} is on.",
    ),
    "empty.scores_late": (
        "En prognose får sin score, når forbruget for dens timer er målt, her normalt efter {usual}.",
        "A forecast is scored when the load of its hours has been measured, here usually after {usual}.",
    ),
    "empty.scores_wait": (
        "En prognose får sin score, når forbruget for dens timer er målt, her først efter nogle døgn.",
        "A forecast is scored when the load of its hours has been measured, here only after some days.",
    ),
    # what was learned of one series
    "calibration.learned_days": ("{days} døgn lært, senest {date}", "{days} days learned, last {date}"),
    "calibration.ahead": ("frem", "ahead"),
    "calibration.about_plain": ("Prik: seneste døgns andel. Streg: mål.", "Dot: share of recent days. Tick: nominal."),
    "calibration.own_ways": (
        "Medianen rettes efter, hvordan serien selv svarer på vejr, sol og ugedag.",
        "The median is corrected by how the series itself answers to weather, sun and weekday.",
    ),
    # scores of late consumers
    "monitor.period_late": (
        "{first} til {last}, dansk tid: {count} døgn med scorer; senere timer er ikke målt endnu",
        "{first} to {last}, Danish time: {count} days with scores; later hours are not measured yet",
    ),
    "monitor.row_settlement": ("Afregning, hele perioden", "Settlement, whole period"),
    "monitor.settlement_about": (
        "Afregningen har erhvervets egetforbrug med, som trækkes fra; dens niveau kan afvige fra det først målte.",
        "Settlement counts commercial self-consumption, which is taken off; its level may differ from what was first measured.",
    ),
}
