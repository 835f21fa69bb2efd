"""How the program speaks: every text in Danish and English, and numbers, times and durations as each language writes them."""

from __future__ import annotations

import datetime as dt
import locale
import math
from dataclasses import dataclass

from app.translations.adjusting import TEXTS as ADJUSTING_TEXTS
from app.translations.backups import TEXTS as BACKUPS_TEXTS
from app.translations.clocks import TEXTS as CLOCK_TEXTS
from app.translations.consumers import TEXTS as CONSUMER_TEXTS
from app.translations.export import TEXTS as EXPORT_TEXTS
from app.translations.forecast import TEXTS as FORECAST_TEXTS
from app.translations.health import TEXTS as HEALTH_TEXTS
from app.translations.kits import TEXTS as KITS_TEXTS
from app.translations.map import TEXTS as MAP_TEXTS
from app.translations.monitoring import TEXTS as MONITORING_TEXTS
from app.translations.overview import TEXTS as OVERVIEW_TEXTS
from app.translations.remote import TEXTS as REMOTE_TEXTS
from app.translations.settings import TEXTS as SETTINGS_TEXTS
from app.translations.shell import TEXTS as SHELL_TEXTS
from app.translations.updates import TEXTS as UPDATE_TEXTS
from app.translations.why import TEXTS as WHY_TEXTS
from engine import clock
from engine.domain import DAY, HOUR

LANGUAGES = ("da", "en")

#: Text by key: Danish, English. `{name}` is filled in by the caller.
TEXTS: dict[str, tuple[str, str]] = {
    **ADJUSTING_TEXTS,
    **CLOCK_TEXTS,
    **CONSUMER_TEXTS,
    **EXPORT_TEXTS,
    **HEALTH_TEXTS,
    **KITS_TEXTS,
    **BACKUPS_TEXTS,
    **FORECAST_TEXTS,
    **MAP_TEXTS,
    **MONITORING_TEXTS,
    **REMOTE_TEXTS,
    **OVERVIEW_TEXTS,
    **SETTINGS_TEXTS,
    **SHELL_TEXTS,
    **UPDATE_TEXTS,
    **WHY_TEXTS,
    # words of the frame
    "window.title": ("Lastvagt: elforbrug i Danmark", "Lastvagt: Danish electricity load"),
    "window.forecast": ("Prognose", "Forecast"),
    "window.monitoring": ("Overvågning", "Monitoring"),
    "window.models": ("Modeller", "Models"),
    "window.map": ("Kort", "Map"),
    "window.views": ("Visninger", "Views"),
    "window.areas": ("Områder og serier", "Areas and series"),
    "window.clock": ("Klokken, dansk tid", "Time in Denmark"),
    "window.since": ("siden {time}", "since {time}"),
    "window.feed_stopped": (
        "Læsningen af databasen er stoppet, og skærmen opdateres ikke.",
        "Reading of the database has stopped and the screen is not updated.",
    ),
    "window.restart": ("Luk Lastvagt, og start det igen.", "Close Lastvagt and start it again."),
    "window.bug": (
        "Der er en fejl i Lastvagt. Resten kører videre; fejlen står i {log}.",
        "Lastvagt has a fault. The rest goes on; the fault is in {log}.",
    ),
    # the engine
    "engine.unknown": ("Motor: undersøges", "Engine: being looked for"),
    "engine.found": ("Motor: kører (proces {pid}, port {port})", "Engine: running (process {pid}, port {port})"),
    "engine.starting": ("Motor: starter", "Engine: starting"),
    "engine.ours": ("Motor: kører og stopper med dette vindue", "Engine: running, stops with this window"),
    "engine.failed": ("Motor: stoppet", "Engine: stopped"),
    "engine.absent": ("Motor: kører ikke", "Engine: not running"),
    # area list
    "area.observed": ("{value} kl. {time}", "{value} at {time}"),
    "area.estimate": ("Timen nu (80 %)", "This hour (80 %)"),
    "area.peak": ("Næste spids", "Next peak"),
    "area.trend": ("Mod sidste uge", "On last week"),
    "area.trend_about": (
        "Seneste døgns forbrug mod samme timer ugen før",
        "Load of the last 24 hours against the same hours a week before",
    ),
    "area.summary": (
        "{name}. Senest målt {observed}, {observed_at}. Timen nu {estimate}. Næste spids {peak}, {peak_at}. Mod sidste uge {trend}.",
        "{name}. Newest observed {observed}, {observed_at}. This hour {estimate}. Next peak {peak}, {peak_at}. On last week {trend}.",
    ),
    # forecast view
    "forecast.issued": ("Udstedt {time}, for {age} siden", "Issued {time}, {age} ago"),
    "forecast.none": ("Ingen prognose", "No forecast"),
    "forecast.none_reason": (
        "Der er endnu ikke udstedt en prognose for området.",
        "No forecast has been issued for this area yet.",
    ),
    "forecast.model": ("Model {model}", "Model {model}"),
    "forecast.stale_zone": ("Gammel prognose: {age}", "Old forecast: {age}"),
    "forecast.gap_zone": ("Ingen målinger i {age}", "No observations for {age}"),
    "forecast.now": ("nu", "now"),
    "forecast.axis": ("{unit} pr. time", "{unit} per hour"),
    "forecast.zone": ("Dansk tid ({zone})", "Danish time ({zone})"),
    "forecast.observed": ("Målt, foreløbigt", "Observed, provisional"),
    "forecast.observed_about": (
        "Først offentliggjort forbrug, eller senere rettet; det afregnede kan afvige.",
        "Load as first published, or since corrected; settled load may differ.",
    ),
    "forecast.median": ("Median", "Median"),
    "forecast.band": ("{level} %", "{level} %"),
    "forecast.tso": ("TSO (ENTSO-E) som udstedt", "TSO (ENTSO-E) as issued"),
    "forecast.chart": ("Forbrug og prognose for {name}", "Load and forecast of {name}"),
    "forecast.chart_help": (
        "Venstre og højre pil flytter aflæsningen en time, Page Up og Page Down et døgn, Home går tilbage til nu.",
        "Left and right arrows move the read-out by an hour, Page Up and Page Down by a day, Home goes back to now.",
    ),
    "forecast.summary": (
        "{tier}. {issued}. Median fra {low} til {high} i de kommende {span}; spids {peak}, {peak_at}.",
        "{tier}. {issued}. Median from {low} to {high} over the coming {span}; peak {peak}, {peak_at}.",
    ),
    "readout.time": ("Time", "Hour"),
    "readout.observed": ("Målt", "Observed"),
    "readout.median": ("P50", "P50"),
    "readout.interval": ("80 %-interval", "80 % interval"),
    "readout.lead": ("Timer frem", "Lead time"),
    "readout.bridge": ("begyndt", "begun"),
    # tiers
    "tier.full": ("Fuld model", "Full model"),
    "tier.no_weather": ("Model uden vejr", "Model without weather"),
    "tier.late": ("Model til sene målinger", "Model for late load"),
    "tier.pooled": ("Model for alle serier", "Model of all series"),
    "tier.seasonal": ("Ugeprofil", "Weekly profile"),
    "tier.climatology": ("Typisk forbrug", "Typical load"),
    # why not a better tier
    "reason.no_weather_forecast": (
        "Ingen temperaturprognose dækker de kommende timer.",
        "No temperature forecast covers the hours ahead.",
    ),
    "reason.late_load": (
        "Det nyeste forbrug er ældre, end den fulde model tillader.",
        "The newest load is older than the full model allows.",
    ),
    "reason.short_history": ("Under 28 døgns forbrug er kendt.", "Fewer than 28 days of load are known."),
    "reason.no_history": ("Under en uges forbrug er kendt.", "Less than a week of load is known."),
    "reason.no_model": ("Ingen model passer til området.", "No model bundle serves this area."),
    "reason.bad_output": (
        "Modellens tal var usandsynlige og blev ikke brugt.",
        "The model's output was implausible and was not used.",
    ),
    # marks
    "mark.simulated": ("SIMULEREDE DATA", "SIMULATED DATA"),
    "mark.ex_post": ("EX POST: VEJRET KENDT BAGEFTER", "EX POST: WEATHER KNOWN AFTERWARDS"),
    # sources
    "sources.title": ("Datakilder", "Sources"),
    "sources.age": ("Alder", "Age"),
    "sources.usual": ("Norm.", "Usual"),
    "sources.row": ("{name}: alder {age}, normalt {usual}, {state}", "{name}: age {age}, usually {usual}, {state}"),
    "freshness.fresh": ("aktuel", "fresh"),
    "freshness.late": ("forsinket", "late"),
    "freshness.stale": ("forældet", "stale"),
    "freshness.missing": ("mangler", "missing"),
    "quantity.load": ("Forbrug", "Load"),
    "quantity.weather": ("Vejr", "Weather"),
    "quantity.temperature": ("Temperatur", "Temperature"),
    "quantity.wind_speed": ("Vind", "Wind"),
    "quantity.global_radiation": ("Stråling", "Radiation"),
    "quantity.relative_humidity": ("Fugtighed", "Humidity"),
    "quantity.cloud_cover": ("Skydække", "Cloud cover"),
    "quantity.solar_forecast": ("Solkraft", "Solar power"),
    "quantity.onshore_wind_forecast": ("Landvind", "Onshore wind"),
    "quantity.offshore_wind_forecast": ("Havvind", "Offshore wind"),
    "quantity.day_ahead_price": ("Spotpris", "Day-ahead price"),
    "quantity.load_forecast": ("TSO-prognose", "TSO forecast"),
    "quantity.settlement": ("Afregnet forbrug", "Settled load"),
    "quantity.self_consumption": ("Egetforbrug", "Self-consumption"),
    # nothing to show
    "empty.no_database": ("Der er ingen database endnu", "There is no database yet"),
    "empty.unreadable": ("Databasen kan ikke læses", "The database cannot be read"),
    "empty.no_data": ("Ingen data for {name} endnu", "No data for {name} yet"),
    "empty.missing": (
        "Der mangler målt forbrug og en prognose.",
        "Observed load and a forecast are missing.",
    ),
    "empty.only_old": ("Intet nyt for {name}", "Nothing recent for {name}"),
    "empty.old_load": (
        "Databasen har forbrug til og med {last}, men intet fra de seneste uger og ingen prognose.",
        "The database holds load up to {last}, but nothing of the last weeks and no forecast.",
    ),
    "empty.backtest": (
        "Hvad prognosen ville have været dengang: lastvagt-engine backtest --help",
        "What would have been forecast then: lastvagt-engine backtest --help",
    ),
    "empty.keep_file": (
        "Filen røres ikke. Læg en kopi tilbage i dens sted, eller flyt den væk: så henter motoren de seneste måneder igen.",
        "The file is left alone. Put a copy back in its place, or move it away: the engine then fetches the last months again.",
    ),
    "empty.starting": (
        "Motoren starter. De første data kommer normalt inden for et minut.",
        "The engine is starting. The first data usually come within a minute.",
    ),
    "empty.running": (
        "Motoren kører og henter data. De første kommer normalt inden for et minut.",
        "The engine runs and fetches data. The first usually come within a minute.",
    ),
    "empty.start_engine": (
        "Start motoren: lastvagt-engine run. Uden netværk: tilføj --simulated og en egen datamappe.",
        "Start the engine: lastvagt-engine run. Without a network: add --simulated and a data folder of its own.",
    ),
    "empty.import": (
        "Egne data: lastvagt-engine import FIL.csv",
        "Data of your own: lastvagt-engine import FILE.csv",
    ),
    "empty.scores": ("Ingen scorer for {name} endnu", "No scores for {name} yet"),
    "empty.scores_why": (
        "En prognose får sin score, når forbruget for dens timer er målt, normalt 2 til 3 timer efter.",
        "A forecast is scored when the load of its hours has been observed, usually 2 to 3 hours later.",
    ),
    # monitoring view
    "monitor.title": ("Hvor gode prognoserne var: {name}", "How good the forecasts were: {name}"),
    "monitor.period": (
        "{first} til {last}, dansk tid: {count} døgn med scorer",
        "{first} to {last}, Danish time: {count} days with scores",
    ),
    "monitor.no_period": ("De seneste {days} døgn, dansk tid", "The last {days} days, Danish time"),
    "monitor.board": (
        "Mod TSO (ENTSO-E), begge som kl. 10 dagen før, {hours} timer af {days} døgn: WAPE {ours} mod {theirs}, skill {skill}{interval}.",
        "Against the TSO (ENTSO-E), both as of 10:00 the day before, {hours} hours of {days} days: WAPE {ours} against {theirs}, skill {skill}{interval}.",
    ),
    "monitor.board_interval": (" (95 %: {span})", " (95 %: {span})"),
    "monitor.daily": ("Middel absolut fejl pr. døgn, {unit}", "Mean absolute error by day, {unit}"),
    "monitor.lead": ("Middel absolut fejl efter timer frem, {unit}", "Mean absolute error by lead time, {unit}"),
    "monitor.hour": ("Middel absolut fejl efter time på døgnet, {unit}", "Mean absolute error by hour of day, {unit}"),
    "monitor.model": ("Prognose", "Forecast"),
    "monitor.reference": ("Sæsonnaiv", "Seasonal naive"),
    "monitor.ahead": ("{span} timer frem", "{span} hours ahead"),
    "monitor.bar": ("{name}: {model}, sæsonnaiv {reference}", "{name}: {model}, seasonal naive {reference}"),
    "monitor.no_data": ("ingen data", "no data"),
    "monitor.scores": ("Scorer", "Scores"),
    "monitor.row_provisional": ("Foreløbig, hele perioden", "Provisional, whole period"),
    "monitor.row_same": ("Foreløbig, afregnede døgn", "Provisional, settled days"),
    "monitor.row_settled": ("Afregnet, afregnede døgn", "Settled, settled days"),
    "monitor.truth": ("Målt mod", "Scored against"),
    "monitor.n": ("Timer", "Hours"),
    "monitor.mae": ("MAE, {unit}", "MAE, {unit}"),
    "monitor.bias": ("Bias, {unit}", "Bias, {unit}"),
    "monitor.wape": ("WAPE, %", "WAPE, %"),
    "monitor.skill": ("Skill", "Skill"),
    "monitor.crps": ("CRPS, {unit}", "CRPS, {unit}"),
    "monitor.covered": ("I {level} %", "In {level} %"),
    "monitor.about": (
        "Timer: par af time og udstedelse. Skill = 1 − MAE / MAE for sæsonnaiv (samme ugedag og time, senest kendte). "
        "I 50 %: andel af timer inden for 50 %-intervallet. Begyndte timer tælles kun med efter timer frem.",
        "Hours: pairs of hour and issue. Skill = 1 − MAE / MAE of seasonal naive (same weekday and hour, latest known). "
        "In 50 %: share of hours inside the 50 % interval. Hours already begun count only by lead time.",
    ),
    # what was learned
    "calibration.title": ("Kalibrering", "Calibration"),
    "calibration.about": (
        "Prik: seneste timers andel. Streg: mål. Felt: hvad tilfældet kan forklare.",
        "Dot: share of recent hours. Tick: nominal. Field: what chance can explain.",
    ),
    "calibration.empty": (
        "Lærer af de første timer, der bliver målt efter en udstedelse.",
        "Learns from the first hours that come true after an issue.",
    ),
    "calibration.learned": ("{hours} timer lært, senest {time}", "{hours} hours learned, last {time}"),
    "calibration.first_lead": ("til {last} frem", "to {last} ahead"),
    "calibration.weights": ("Vægte, {lead} frem", "Weights, {lead} ahead"),
    "calibration.others": ("andre", "others"),
    "calibration.corrects": ("Retter nu: {parts}", "Corrects now: {parts}"),
    "calibration.constant": ("grundniveau {value}", "constant {value}"),
    "calibration.responses": ("{effects} pr. std.afv.", "{effects} per std. dev."),
    "calibration.nothing": ("næsten intet", "next to nothing"),
    "calibration.sum_of_parts": (
        "Medianen er summen af delområdernes; her læres kun båndene.",
        "The median is the sum of its parts'; only the bands are learned here.",
    ),
    "calibration.width": ("Bånd: {percent} % af modellens bredde", "Bands: {percent} % as wide as the model's"),
    "calibration.summary": ("Dækning {lead} frem: {held}.", "Coverage {lead} ahead: {held}."),
    "expert.model": ("model", "model"),
    "expert.heads": ("lineær", "linear"),
    "expert.trees_l1": ("træer L1", "trees L1"),
    "expert.trees_l2": ("træer L2", "trees L2"),
    "expert.seasonal_naive": ("sæsonnaiv", "seasonal naive"),
    "expert.levelled": ("nyt niveau", "new level"),
    "expert.uncorrected": ("urettet", "uncorrected"),
    "input.wind_speed": ("vind", "wind"),
    "input.temperature_ewma_12h": ("temperatur", "temperature"),
    "input.wind_chill": ("vindkøling", "wind chill"),
    # view of models
    "models.title": ("Modeller, og hvem der er i drift", "Models, and who serves"),
    "models.tab": ("Modeller ({count})", "Models ({count})"),
    "models.table": ("Modeller", "Models"),
    "models.model": ("Model", "Model"),
    "models.tier": ("Trin", "Tier"),
    "models.role": ("Rolle", "Role"),
    "models.since": ("Siden", "Since"),
    "models.trained": ("Trænet til", "Trained to"),
    "models.origin": ("Fra", "From"),
    "models.signed": ("Signeret af", "Signed by"),
    "models.signed_program": ("programmets nøgle", "the program's key"),
    "models.signed_own": ("egen nøgle", "your own key"),
    "role.champion": ("I drift", "Champion"),
    "role.stand_in": ("Vikar", "Stand-in"),
    "role.challenger": ("På prøve", "Challenger"),
    "role.waiting": ("Venter på at blive prøvet", "Waits to be tried"),
    "origin.shipped": ("programmet", "the program"),
    "origin.own": ("egne data", "your data"),
    "models.unusable": ("▲ {role}, kan ikke bruges", "▲ {role}, cannot be used"),
    "models.damaged": ("▲ Kan ikke bruges", "▲ Cannot be used"),
    "models.gone": ("væk", "gone"),
    "models.promote": ("Sæt i drift …", "Promote …"),
    "models.rollback": ("Rul tilbage …", "Roll back …"),
    "models.challenge": ("Sæt på prøve …", "Try …"),
    "models.end": ("Afslut prøven …", "End the trial …"),
    "models.ask_promote": (
        "Sæt {model} i drift i stedet for {before} på trinet {tier}? Det gælder fra næste udstedelse.",
        "Promote {model} to champion instead of {before} in the tier {tier}? It counts from the next issue on.",
    ),
    "models.ask_rollback": (
        "Gå tilbage fra {before} til {after} på trinet {tier}? Det gælder fra næste udstedelse.",
        "Go back from {before} to {after} in the tier {tier}? It counts from the next issue on.",
    ),
    "models.ask_challenge": (
        "Sæt {model} på prøve ved siden af {before}? Dens prognoser offentliggøres ikke.",
        "Try {model} beside {before}? Its forecasts are not published.",
    ),
    "models.ask_end": (
        "Afslut prøven af {model}? Den prøves ikke igen af sig selv.",
        "End the trial of {model}? It is not tried again by itself.",
    ),
    "models.reason": ("Hvorfor?", "Why?"),
    "models.cancel": ("Fortryd", "Cancel"),
    "models.did_promote": ("{after} i drift i stedet for {before}", "{after} champion instead of {before}"),
    "models.did_rollback": ("rullet tilbage fra {before} til {after}", "rolled back from {before} to {after}"),
    "models.did_challenge": ("{after} på prøve", "{after} tried"),
    "models.did_end": ("prøven af {before} afsluttet", "trial of {before} ended"),
    "models.by_itself": ("af sig selv", "by itself"),
    "models.done": ("Gjort: {change}. Det gælder fra næste udstedelse.", "Done: {change}. It counts from the next issue on."),
    "models.sending": ("Motoren spørges …", "Asking the engine …"),
    "models.no_engine": (
        "Ingen motor kører, så roller kan ikke ændres her; lastvagt-engine models kan.",
        "No engine runs, so roles cannot be changed here; lastvagt-engine models can.",
    ),
    "models.no_changes": ("Ingen har ændret en rolle endnu.", "Nobody has changed a role yet."),
    "models.log": ("Seneste ændringer", "Latest changes"),
    "models.none": ("Ingen modeller er kendt endnu", "No models are known yet"),
    "models.none_why": (
        "Motoren ser efter modeller, hver gang den laver en prognose.",
        "The engine looks for models each time it makes a forecast.",
    ),
    "models.trial": ("Prøven: {tier}", "The trial: {tier}"),
    "models.chart": (
        "Middelforskel i WQL, % af forbruget; under 0 er modellen på prøve bedst",
        "Mean difference in WQL, % of load; below 0 the challenger is better",
    ),
    "models.mean": ("Middelforskel", "Mean difference"),
    "models.band": ("90 %-grænser", "90 % bounds"),
    "models.no_trial": ("Ingen model er på prøve på dette trin.", "No model is tried in this tier."),
    "models.no_days": (
        "{challenger} mod {champion}: endnu intet afregnet døgn; det tager godt to uger.",
        "{challenger} against {champion}: no settled day yet; it takes two weeks and a little.",
    ),
    "models.lower": (
        "WQL for {challenger} var {size} lavere end for {champion} på {days} døgn ({loss} mod {other} af forbruget).",
        "The WQL of {challenger} was {size} lower than that of {champion} on {days} days ({loss} against {other} of the load).",
    ),
    "models.higher": (
        "WQL for {challenger} var {size} højere end for {champion} på {days} døgn ({loss} mod {other} af forbruget).",
        "The WQL of {challenger} was {size} higher than that of {champion} on {days} days ({loss} against {other} of the load).",
    ),
    "models.too_early": ("Der dømmes først efter otte uger.", "Nothing is claimed before eight weeks."),
    "models.bounds": (
        "90 %-grænserne for forskellen er {low} og {high}.",
        "The 90 % bounds of the difference are {low} and {high}.",
    ),
    "models.verdict_promote": ("Forslag: sæt den i drift.", "Proposed: promote it."),
    "models.verdict_drop": ("Den er dårligere. Forslag: afslut prøven.", "It is worse. Proposed: end the trial."),
    "models.verdict_expired": (
        "Uafgjort efter {days} døgn. Forslag: afslut prøven.",
        "Undecided after {days} days. Proposed: end the trial.",
    ),
    "models.verdict_undecided": ("Ikke afgjort endnu.", "Not decided yet."),
    "models.verdict_absolute": (
        "Men den absolutte fejl er højere: ikke afgjort endnu.",
        "But its absolute error is higher: not decided yet.",
    ),
    "monitor.daily_summary": (
        "Middel absolut fejl de seneste {days} døgn: prognose {model}, sæsonnaiv {reference}.",
        "Mean absolute error of the last {days} days: forecast {model}, seasonal naive {reference}.",
    ),
}

_WEEKDAYS = {
    "da": ("man.", "tir.", "ons.", "tor.", "fre.", "lør.", "søn."),
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
}
_MONTHS = {
    "da": ("jan.", "feb.", "mar.", "apr.", "maj", "jun.", "jul.", "aug.", "sep.", "okt.", "nov.", "dec."),
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
}
_SPACE = "\u00a0"  # keeps a number and its unit on one line


@dataclass(frozen=True, slots=True)
class Language:
    """One language, `da` or `en`, and the unit loads are told in, where the user chose one.

    Times are epoch seconds in and Danish wall-clock time out.
    """

    code: str
    unit: str = ""

    @staticmethod
    def of_system() -> Language:
        """Danish where the system speaks Danish, else English."""
        return Language("da" if (locale.getlocale()[0] or "").lower().startswith(("da", "danish")) else "en")

    def text(self, key: str, **values: object) -> str:
        """The text of a key with its places filled in; an unknown key is an error."""
        return TEXTS[key][LANGUAGES.index(self.code)].format(**values)

    def number(self, value: float, decimals: int = 0, sign: bool = False) -> str:
        """1.234,5 in Danish, 1,234.5 in English; a number that is none reads "no data"."""
        if not math.isfinite(value):
            return self.text("monitor.no_data")
        written = f"{abs(value):,.{decimals}f}"
        if self.code == "da":
            written = written.translate(str.maketrans(",.", ".,"))
        negative = value < 0 and any(digit in written for digit in "123456789")
        return ("−" if negative else "+" if sign else "") + written

    def quantity(self, value: float, unit: str, decimals: int = 0, sign: bool = False) -> str:
        """A number with its unit; without one where there is no number."""
        return self.number(value, decimals, sign) + (f"{_SPACE}{unit}" if math.isfinite(value) else "")

    def duration(self, seconds: float) -> str:
        """Two largest units: 12 min, 2 h 20 min, 3 d 4 h."""
        hour = "t" if self.code == "da" else "h"
        minutes = max(0, int(seconds)) // 60
        if minutes < 1:
            return f"<{_SPACE}1{_SPACE}min"
        days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
        parts = [(days, "d"), (hours, hour), (minutes, "min")]
        first = next(i for i, (count, _) in enumerate(parts) if count)
        return _SPACE.join(f"{count}{_SPACE}{unit}" for count, unit in parts[first : first + 2] if count)

    def weekday(self, t: float) -> str:
        """Abbreviated weekday."""
        return _WEEKDAYS[self.code][clock.local(t).weekday()]

    def month(self, t: float) -> str:
        """Abbreviated month."""
        return _MONTHS[self.code][clock.local(t).month - 1]

    def date(self, t: float, weekday: bool = True) -> str:
        """Weekday, day and month: søn. 25. okt., Sun 25 Oct; the first can be left out."""
        day = f"{clock.local(t).day}{'.' if self.code == 'da' else ''} {self.month(t)}"
        return f"{self.weekday(t)} {day}" if weekday else day

    def hour(self, t: float) -> str:
        """Two-digit hour; the two hours that the autumn clock change makes alike are 02a and 02b."""
        moment = clock.local(t)
        return f"{moment:%H}{_repeated(moment)}"

    def hour_span(self, t: int) -> str:
        """An hour by its start and end: 14–15, and 02a–02b where the clock goes back."""
        return f"{self.hour(t)}–{self.hour(t + HOUR)}"

    def time(self, t: float) -> str:
        """Wall-clock time: 14:20, and 02a:20 or 02b:20 in the repeated hour."""
        return f"{self.hour(t)}:{clock.local(t):%M}"

    def moment(self, t: float, now: float, weekday: bool = True) -> str:
        """Wall-clock time, with the date where it is not within half a day of now."""
        return self.time(t) if abs(t - now) < DAY / 2 else f"{self.date(t, weekday)} {self.time(t)}"

    def zone(self, first: float, last: float) -> str:
        """Abbreviation of Danish time over a span: CET, CEST, or both in order."""
        names = [clock.local(t).tzname() or "" for t in (first, last)]
        return names[0] if names[0] == names[1] else " → ".join(names)


def _repeated(moment: dt.datetime) -> str:
    """`a` or `b` where the clock shows this hour twice, else nothing."""
    certain = moment.replace(fold=0).utcoffset() == moment.replace(fold=1).utcoffset()
    return "" if certain else "ab"[moment.fold]
