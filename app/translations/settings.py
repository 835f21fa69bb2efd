"""Texts of the view of settings: every setting's name, and in Danish the sentence that explains it, which it has in English itself."""

from __future__ import annotations

import typing

from engine.config import Config

_SENTENCES = {name: hint.__metadata__[0] for name, hint in typing.get_type_hints(Config, include_extras=True).items()}

#: Name in Danish and English, explanation in Danish.
_SETTINGS: dict[str, tuple[str, str, str]] = {
    "data_dir": ("Datamappe", "Data folder", "Mappen med databasen, loggen og låsen."),
    "model_dir": ("Modelmappe", "Model folder", "Mappen med modellerne, én mappe til hver."),
    "simulated": (
        "Simulerede data",
        "Simulated data",
        "Brug den indbyggede simulerede kilde i stedet for nettet, i en datamappe for sig.",
    ),
    "host": (
        "Adresse",
        "Address",
        "Adressen, HTTP-endepunktet lytter på; alt andet end denne maskine selv kræver tls_certificate, tls_key og nøgler.",
    ),
    "port": ("Port", "Port", "HTTP-endepunktets port; 0 lader systemet vælge."),
    "tls_certificate": ("Certifikat", "Certificate", "PEM-fil med certifikatet og dets kæde, til apps på andre maskiner."),
    "tls_key": ("Certifikatets nøgle", "Key of the certificate", "PEM-fil med certifikatets nøgle."),
    "public_names": (
        "Offentlige navne",
        "Public names",
        "Navne med komma imellem, som andre maskiner når denne ved, direkte eller gennem en proxy; hvem der bruger dem, skal have en nøgle.",
    ),
    "network": (
        "Net",
        "Network",
        "Spørg kilderne over nettet; uden kommer data kun med datapakker og importerede filer.",
    ),
    "energi_data_service_url": (
        "Energi Data Service",
        "Energi Data Service",
        "Adressen på Energi Data Service, eller på et spejl af den.",
    ),
    "mirror": (
        "Eget spejl",
        "Mirror of your own",
        "energi_data_service_url er et spejl, du selv ejer, og som ikke skal skånes: spørg uden et minut imellem.",
    ),
    "fetch_settlement": (
        "Afregnet forbrug",
        "Settled load",
        "Hent afregnet forbrug i prisområderne: 1 MB på disken om året, 1 forespørgsel om dagen.",
    ),
    "fetch_regions": (
        "Regioner",
        "Regions",
        "Hent husholdninger, erhverv og offentlig sektor i de fem regioner: 4 MB på disken om året, ca. 4 forespørgsler om dagen.",
    ),
    "fetch_municipalities": (
        "Kommuner",
        "Municipalities",
        "Hent husholdninger i de 98 kommuner: 26 MB på disken om året, ca. 30 forespørgsler om dagen på hver op til 2 MB, og i "
        "begyndelsen én for hver dag i backfill_days.",
    ),
    "fetch_industries": (
        "Brancher",
        "Industries",
        "Hent Danmarks forbrug efter branche (33 koder): 9 MB på disken om året, ca. 4 forespørgsler om dagen.",
    ),
    "fetch_grid_areas": (
        "Netområder",
        "Grid areas",
        "Hent forbrug efter netselskabets område: 0,3 MB på disken om året for hvert område, ca. 4 forespørgsler om dagen.",
    ),
    "open_meteo_url": (
        "Vejrprognose",
        "Weather forecast",
        "Adressen på Open-Meteos prognose. Tjenesten uden nøgle er kun til ikke-kommerciel brug; med en nøgle bruges "
        "https://customer-api.open-meteo.com.",
    ),
    "open_meteo_previous_runs_url": (
        "Tidligere vejrprognoser",
        "Earlier weather forecasts",
        "Adressen på Open-Meteos tidligere prognoser (vejret, som det blev forudsagt).",
    ),
    "open_meteo_archive_url": (
        "Vejrarkiv",
        "Weather archive",
        "Adressen på Open-Meteos arkiv af reanalyser (sidste udvej, mærket ex post).",
    ),
    "open_meteo_api_key": (
        "Nøgle til Open-Meteo",
        "Open-Meteo key",
        "Nøgle til en betalt aftale med Open-Meteo; tom for den ikke-kommercielle tjeneste uden nøgle.",
    ),
    "entsoe_url": ("ENTSO-E", "ENTSO-E", "Adressen på ENTSO-E Transparency Platforms grænseflade."),
    "entsoe_token": (
        "Nøgle til ENTSO-E",
        "ENTSO-E token",
        "Nøgle til ENTSO-E Transparency Platform; med den gemmes netoperatørens egen forbrugsprognose hver time.",
    ),
    "weather_every_h": (
        "Timer mellem vejrhentninger",
        "Hours between weather fetches",
        "Timer mellem to hentninger af vejr; modellerne bag fornys hver 3. til 6. time.",
    ),
    "contact": (
        "Kontakt",
        "Contact",
        "Kontakt, der føjes til User-Agent, så en udgiver kan få fat i dig.",
    ),
    "backfill_days": (
        "Dage bagud ved start",
        "Days back at the start",
        "Dage med forbrug og vejr, der hentes til en tom database.",
    ),
    "settled_after_days": (
        "Afregnet efter dage",
        "Settled after days",
        "Alder, hvorfra den nyeste værdi regnes for afregnet, når udgiveren ikke mærker nogen som endelig.",
    ),
    "keep_forecasts_days": (
        "Behold prognoser, dage",
        "Keep forecasts, days",
        "Dage, som udstedte prognoser beholdes; 0 beholder alle for altid.",
    ),
    "thin_forecasts_after_days": (
        "Udtynd prognoser efter dage",
        "Thin forecasts after days",
        "Dage, hvorefter der af timelige udstedelser beholdes én om dagen, den fra kl. 10 dansk tid; 0 beholder alle. Med 20 her og "
        "keep_forecasts_days på 180 fylder et år med 118 serier 430 MB i stedet for 1,2 GB.",
    ),
    "backup_dir": (
        "Mappe til sikkerhedskopier",
        "Backup folder",
        "Mappe til de daglige sikkerhedskopier, helst på en anden disk, kun til denne datamappe; tom: backups i datamappen.",
    ),
    "keep_backups": (
        "Behold sikkerhedskopier, dage",
        "Keep backups, days",
        "Dage, som der beholdes en sikkerhedskopi fra, hver så stor som databasen, ud over én om ugen i fire uger; 0 laver ingen.",
    ),
    "disk_low_mb": (
        "Alarm ved fri plads, MB",
        "Free space alarm, MB",
        "Megabyte fri på disken, hvorunder der gives alarm, og der ikke laves sikkerhedskopier.",
    ),
    "peak_limits": (
        "Grænser for spidser",
        "Peak limits",
        "Forbrug i MWh på en time, der ikke bør overskrides, efter område og forbrugertype: DK1=3400, DK2=2300, 851/household=120.",
    ),
    "peak_alarm_percent": (
        "Alarm fra sandsynlighed, %",
        "Alarm from probability, %",
        "Sandsynlighed, 1 til 100 procent, for at overskride en grænse inden for to døgn, hvorfra der er alarm.",
    ),
    "switch_back_percent": (
        "Skift tilbage ved merfejl, %",
        "Switch back at larger errors, %",
        "Procent, som fejlene for modellen i drift sikkert skal være større end fejlene for forbruget ugen før, over to til fire uger, før den "
        "tidligere model tager over igen; 0 overlader det til mennesker.",
    ),
    "update_url": (
        "Adresse for opdateringer",
        "Address of updates",
        "Adressen på en mappe med updates.json, https eller file, der fortæller om nyere versioner; tom spørger ingen.",
    ),
    "update_check_hours": (
        "Timer mellem opslag",
        "Hours between checks",
        "Timer mellem to spørgsmål om en nyere version.",
    ),
    "update_apply": (
        "Gør selv",
        "Do by itself",
        "Hvad der sker af sig selv med en nyere version: never (den nævnes kun), stage (den hentes og prøves) eller apply (en flytbar "
        "installation tager den også i brug).",
    ),
    "log_level": ("Log", "Log", "DEBUG, INFO, WARNING eller ERROR."),
}

TEXTS: dict[str, tuple[str, str]] = {
    **{f"setting.{name}": (danish, english) for name, (danish, english, _) in _SETTINGS.items()},
    **{f"setting.{name}_help": (told, _SENTENCES[name]) for name, (_, _, told) in _SETTINGS.items()},
    "window.settings": ("Indstillinger", "Settings"),
    "settings.title": ("Indstillinger", "Settings"),
    "settings.sections": ("Afsnit", "Sections"),
    "settings.window": ("Vinduet", "The window"),
    "settings.window_about": (
        "Gælder kun for dig på denne maskine, og straks.",
        "For you on this computer alone, and at once.",
    ),
    "settings.areas": ("Hvad der hentes", "What is fetched"),
    "settings.areas_about": (
        "Prisområderne hentes altid. Resten måles sent og koster plads og forespørgsler.",
        "Price areas are always fetched. The rest is measured late, and costs space and requests.",
    ),
    "settings.sources": ("Kilder og nøgler", "Sources and keys"),
    "settings.sources_about": (
        "Nøgler vises aldrig. De gemmes i systemets nøglering, hvor en virker, ellers i en fil, som kun du kan læse.",
        "Keys are never shown. They are kept in the system's keyring where one works, else in a file that only you can read.",
    ),
    "settings.limits": ("Grænser", "Limits"),
    "settings.limits_about": (
        "Hvad der er for meget, og hvornår det skal siges.",
        "What is too much, and when to say so.",
    ),
    "settings.backups": ("Sikkerhedskopier", "Backups"),
    "settings.backups_about": (
        "Hver nat kopieres databasen, og kopien kontrolleres.",
        "Every night the database is copied, and the copy is looked through.",
    ),
    "settings.retention": ("Opbevaring", "Retention"),
    "settings.retention_about": (
        "Hvor langt tilbage der hentes, og hvor længe prognoser beholdes. Det, der er udtyndet, kommer ikke igen.",
        "How far back is fetched, and how long forecasts are kept. What was thinned does not come back.",
    ),
    "settings.updates": ("Opdateringer", "Updates"),
    "settings.updates_about": (
        "Kun det, der er signeret med en nøgle, som denne maskine stoler på, kommer i brug, og en version, der ikke virker, går tilbage.",
        "Only what is signed by a key that this machine trusts is used, and a version that does not work is taken back.",
    ),
    "settings.models": ("Modeller", "Models"),
    "settings.models_about": (
        "Hvilke modeller der er i drift og på prøve, bestemmes i visningen af modeller.",
        "Which models serve and which are tried is decided in the view of models.",
    ),
    "settings.to_models": ("Gå til modellerne", "Go to the models"),
    "settings.program": ("Programmet", "The program"),
    "settings.program_about": (
        "Hvor motoren arbejder, og hvordan den nås. Det meste gælder, når den startes igen.",
        "Where the engine works and how it is reached. Most of it counts from its next start.",
    ),
    "settings.language": ("Sprog", "Language"),
    "settings.language_help": (
        "Sproget i vinduet og på hjælpesiderne. Motorens egne meddelelser er på engelsk.",
        "The language of the window and of the pages of help. The engine's own messages are in English.",
    ),
    "settings.unit": ("Enhed", "Unit"),
    "settings.unit_help": (
        "Enhed for forbrug pr. time. Efter størrelse: MWh, og kWh under 1 MWh. GWh bruges fra 100 MWh. Eksporterede tabeller er i MWh.",
        "Unit of load an hour. By size: MWh, and kWh under 1 MWh. GWh is used from 100 MWh on. Exported tables are in MWh.",
    ),
    "settings.by_size": ("efter størrelse", "by size"),
    "settings.theme": ("Tema", "Theme"),
    "settings.theme_help": (
        "Farver. Alle temaer kan skelnes af farveblinde; høj kontrast har kraftigere linjer og tekst.",
        "Colours. All themes can be told apart by the colour-blind; high contrast has stronger lines and text.",
    ),
    "settings.inspector": ("Panelet ved prognosen", "The panel beside the forecast"),
    "settings.inspector_help": (
        "Panelet, der fortæller om den time, man ser på.",
        "The panel that tells of the hour that is looked at.",
    ),
    "settings.by_room": ("hvor der er plads", "where there is room"),
    "settings.shown": ("altid vist", "always shown"),
    "settings.hidden": ("skjult", "hidden"),
    "settings.weather": ("Vejr under prognosen", "Weather under the forecast"),
    "settings.weather_help": (
        "Temperatur, vind og stråling under diagrammet, på samme tidsakse.",
        "Temperature, wind and radiation under the chart, on the same time axis.",
    ),
    "settings.naive": ("Sæsonnaiv i prognosen", "Seasonal naive in the forecast"),
    "settings.naive_help": (
        "Samme time i sidste uge som en stiplet linje at måle prognosen med.",
        "The same hour of last week as a dotted line to hold the forecast against.",
    ),
    "settings.by_system": ("som systemet", "as the system"),
    "settings.on": ("Til", "On"),
    "settings.save": ("Gem", "Save"),
    "settings.save_one": ("Gem {name}", "Save {name}"),
    "settings.reset": ("Nulstil", "Reset"),
    "settings.reset_one": ("Nulstil {name}", "Reset {name}"),
    "settings.remove": ("Fjern", "Remove"),
    "settings.remove_one": ("Fjern {name}", "Remove {name}"),
    "settings.built_in": ("Indbygget værdi", "Built in"),
    "settings.by_site": ("Anbefalet af din organisation i {where}", "Recommended by your organisation in {where}"),
    "settings.required": (
        "Fastsat af din organisation i {where}: kan ikke ændres her",
        "Set by your organisation in {where}: cannot be changed here",
    ),
    "settings.changed": ("Ændret i datamappen; ellers: {default}", "Changed in the data folder; otherwise: {default}"),
    "settings.empty": ("tom", "empty"),
    "settings.off": ("fra", "off"),
    "settings.is_on": ("til", "on"),
    "settings.outside": (
        "Givet af {where}, som går forud: kan ikke ændres her",
        "Given by {where}, which overrules: cannot be changed here",
    ),
    "settings.place_file": ("filen {where}", "the file {where}"),
    "settings.place_environment": ("miljøvariablen {where}", "the environment variable {where}"),
    "settings.place_command_line": ("kommandolinjen", "the command line"),
    "settings.fixed": ("Gives, hvor motoren startes", "Given where the engine is started"),
    "settings.restart": ("Gælder, når motoren startes igen", "Counts from the engine's next start"),
    "settings.waits": ("▲ Gemt; gælder, når motoren startes igen", "▲ Saved; counts from the engine's next start"),
    "settings.not_set": ("Ikke sat", "Not set"),
    "settings.kept_keyring": ("Sat; gemt i systemets nøglering", "Set; kept in the system's keyring"),
    "settings.kept_file": ("Sat; gemt i secrets.toml i datamappen", "Set; kept in secrets.toml in the data folder"),
    "settings.kept_locked": (
        "▲ Gemt i nøgleringen, som ikke giver den nu: lås den op, og start motoren igen",
        "▲ Kept in the keyring, which does not give it now: unlock it and start the engine again",
    ),
    "settings.new_secret": ("Ny nøgle", "New key"),
    "settings.saving": ("Gemmer …", "Saving …"),
    "settings.saved": ("Gemt", "Saved"),
    "settings.refused": ("Ikke gemt: {why}", "Not saved: {why}"),
    "settings.wrong_number": ("Skriv et helt tal fra {low} til {high}.", "Write a whole number from {low} to {high}."),
    "settings.wrong_address": ("Skriv en adresse som https://vært.dk.", "Write an address like https://host.org."),
    "settings.wrong_folder": ("Den mappe kan ikke findes.", "There is no such folder."),
    "settings.wrong_limits": (
        "Skriv grænser i MWh som DK1=3400, 851/household=120.",
        "Write limits in MWh like DK1=3400, 851/household=120.",
    ),
    "settings.no_engine": (
        "Ingen motor kører: indstillingerne herunder er læst fra datamappen og kan ikke ændres nu.",
        "No engine runs: the settings below were read from the data folder and cannot be changed now.",
    ),
    "settings.unread": ("Indstillingerne kan ikke læses: {why}", "The settings cannot be read: {why}"),
    "settings.asking": ("Motoren spørges …", "Asking the engine …"),
}
