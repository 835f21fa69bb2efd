"""What is said by the window around the views: its menu, the finder of commands, notices and help. Danish, English."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    "menu.menu": ("Menu", "Menu"),
    "menu.views": ("Visning", "View"),
    "menu.here": ("I denne visning", "In this view"),
    "menu.area": ("Område", "Area"),
    "menu.find_area": ("Find område eller serie", "Find area or series"),
    "menu.next_area": ("Næste område", "Next area"),
    "menu.previous_area": ("Forrige område", "Previous area"),
    "menu.program": ("Program", "Program"),
    "menu.find": ("Find kommando", "Find command"),
    "menu.wall": ("Vægskærm", "Wall display"),
    "menu.quit": ("Afslut", "Quit"),
    "finder.name": ("Find kommando, visning, område eller hjælp", "Find command, view, area or help"),
    "finder.hint": ("Skriv en del af en kommando, en visning eller et område", "Type part of a command, a view or an area"),
    "finder.list": ("Hvad der er fundet", "What was found"),
    "finder.none": ("Intet fundet.", "Nothing found."),
    "menu.help": ("Hjælp", "Help"),
    "help.here": ("Hjælp til denne visning", "Help on this view"),
    "panel.close": ("Luk", "Close"),
    # first start
    "welcome.title": ("Velkommen til Lastvagt", "Welcome to Lastvagt"),
    "welcome.step_look": ("Udseende og områder", "Look and areas"),
    "welcome.step_sources": ("Datakilder", "Sources"),
    "welcome.step_folder": ("Mappe og start", "Folder and start"),
    "welcome.skip": ("Spring over", "Skip"),
    "welcome.back": ("Tilbage", "Back"),
    "welcome.next": ("Næste", "Next"),
    "welcome.start": ("Start", "Start"),
    "welcome.look": (
        "Lastvagt viser det danske elforbrug time for time og prognosen for de næste syv døgn. Alt kan ændres senere.",
        "Lastvagt shows Danish electricity load hour by hour and its forecast for the next seven days. All of it can be changed later.",
    ),
    "welcome.language": ("Sprog", "Language"),
    "welcome.theme": ("Tema", "Theme"),
    "welcome.area": ("Vis først", "Show first"),
    "welcome.more": ("Hent også, ud over Danmark og de to prisområder", "Fetch too, beside Denmark and the two price areas"),
    "welcome.fetch_regions": (
        "De fem regioner: husholdninger, erhverv og offentlig",
        "The five regions: households, business and public",
    ),
    "welcome.fetch_municipalities": ("Husholdninger i de 98 kommuner", "Households of the 98 municipalities"),
    "welcome.more_cost": (
        "Regionerne fylder 4 MB om året, kommunerne 26 MB; kommunerne hentes med omkring 30 forespørgsler i døgnet.",
        "The regions take 4 MB a year, the municipalities 26 MB; the municipalities are fetched with about 30 requests a day.",
    ),
    "welcome.live": ("Hent data fra nettet", "Fetch data from the network"),
    "welcome.live_about": (
        "Forbrug fra Energi Data Service (Energinet) og vejr fra Open-Meteo; ingen konto er nødvendig. "
        "Netoperatørens egen prognose (ENTSO-E) kræver en gratis token, som kan sættes senere i indstillingerne.",
        "Load from Energi Data Service (Energinet) and weather from Open-Meteo; no account is needed. "
        "The grid operator's own forecast (ENTSO-E) needs a free token, which can be set later in the settings.",
    ),
    "welcome.terms": (
        "▲ Open-Meteo uden nøgle er kun til ikke-kommerciel brug. Til kommerciel brug skal der en nøgle til.",
        "▲ Open-Meteo without a key is for non-commercial use only. Commercial use needs a key.",
    ),
    "welcome.check": ("Undersøg forbindelsen", "Check the connection"),
    "welcome.checking": ("Undersøger …", "Checking …"),
    "welcome.no_check": ("Forbindelsen kunne ikke undersøges.", "The connection could not be checked."),
    "welcome.simulated": ("Prøv med simulerede data, uden netværk", "Try it with simulated data, without a network"),
    "welcome.simulated_about": (
        "De er opdigtede, mærkes overalt som simulerede og gemmes i en mappe for sig.",
        "They are made up, marked as simulated everywhere, and kept in a folder of their own.",
    ),
    "welcome.folder": ("Datamappe", "Data folder"),
    "welcome.folder_about": (
        "Databasen, loggen og egne modeller ligger i én mappe. Et år fylder omkring 0,4 til 1,2 GB.",
        "The database, the log and your own models lie in one folder. A year takes about 0.4 to 1.2 GB.",
    ),
    "welcome.browse": ("Vælg …", "Browse …"),
    "welcome.no_folder": ("Der kan ikke skrives i {folder}.", "{folder} cannot be written to."),
    "welcome.other_folder": ("Vælg en anden mappe.", "Choose another folder."),
    "welcome.start_about": (
        "Start sætter motoren i gang. Den henter de seneste måneder; den første prognose kommer normalt inden for to minutter.",
        "Start sets the engine going. It fetches the last months; the first forecast usually comes within two minutes.",
    ),
    "window.frozen": ("Skærmen stod stille i {seconds} s", "The display stood still for {seconds} s"),
    "window.frozen_what": (
        "Den er aktuel igen. Hvor det skete, står i app.log.",
        "It is current again. Where it happened is in app.log.",
    ),
    # tray
    "tray.open": ("Vis Lastvagt", "Show Lastvagt"),
    "tray.well": ("alt er aktuelt", "all is current"),
    "tray.hidden": ("Lastvagt kører videre", "Lastvagt goes on"),
    "tray.hidden_why": (
        "Vinduet er lukket, men ikonet er her stadig. Afslut i dets menu eller med Ctrl+Q.",
        "The window is closed, but the icon is still here. Quit in its menu or with Ctrl+Q.",
    ),
    # look
    "menu.look": ("Udseende", "Appearance"),
    "menu.theme": ("Tema: {name}", "Theme: {name}"),
    "menu.language": ("Sprog: {name}", "Language: {name}"),
    "theme.system": ("som systemet", "as the system"),
    "theme.light": ("lyst", "light"),
    "theme.dark": ("mørkt", "dark"),
    "theme.light_contrast": ("lyst, høj kontrast", "light, high contrast"),
    "theme.dark_contrast": ("mørkt, høj kontrast", "dark, high contrast"),
    "language.da": ("dansk", "Danish"),
    "language.en": ("engelsk", "English"),
    # notices
    "menu.notices": ("Beskeder", "Notices"),
    "notices.name": ("Beskeder", "Notices"),
    "notices.copy": ("Kopiér", "Copy"),
    "notices.copy_about": ("Kopiér beskeden med alle detaljer: {problem}", "Copy the notice with every detail: {problem}"),
    "notices.shelve": ("Udsæt", "Shelve"),
    "notices.shelve_about": ("Gem beskeden væk for en tid: {problem}", "Put the notice out of sight for a while: {problem}"),
    "notices.hour": ("en time", "an hour"),
    "notices.shift": ("otte timer", "eight hours"),
    "notices.tomorrow": ("til i morgen kl. 6", "until 6 tomorrow"),
    "notices.shelved": ("{count} udsat til {time}", "{count} shelved until {time}"),
    "notices.more": ("Vis {count} mere", "Show {count} more"),
    "notices.fewer": ("Vis færre", "Show fewer"),
    "notices.copy_all": ("Kopiér alle beskeder", "Copy all notices"),
    "notices.unshelve": ("Vis udsatte beskeder igen", "Show shelved notices again"),
    "notices.history": ("Beskedhistorik", "History of notices"),
    "notices.open": ("endnu", "still"),
    "notices.none": ("Ingen beskeder endnu.", "No notices yet."),
    # troubles: what it is, what it does, what to do
    "engine.died": ("Motoren stoppede: {detail}", "The engine stopped: {detail}"),
    "engine.lost": ("Motoren svarer ikke længere", "The engine does not answer any more"),
    "engine.lost_effect": (
        "Intet nyt hentes, og ingen ny prognose udstedes.",
        "Nothing new is fetched and no new forecast is issued.",
    ),
    "engine.retry": (
        "Den findes eller startes igen af sig selv; lastvagt-engine doctor siger mere.",
        "It is found or started again by itself; lastvagt-engine doctor tells more.",
    ),
    "effect.database": (
        "Skærmen viser det, der sidst blev læst.",
        "The screen shows what was read last.",
    ),
    "event.tier": ("Prognosen for {subject} laves med mindre", "The forecast of {subject} is made with less"),
    "event.proposal": ("En models prøve er afgjort", "The trial of a model is decided"),
    "event.source": ("Datakilden {subject} kan ikke hentes", "The source {subject} cannot be fetched"),
    "effect.source": (
        "Prognosen laves af det, der er hentet, og bliver mere usikker, jo længere det varer.",
        "The forecast is made from what was fetched and grows less sure the longer it lasts.",
    ),
    "action.source": (
        "Motoren prøver igen af sig selv; bliver det ved, så se på netværket.",
        "The engine tries again by itself; if it goes on, look at the network.",
    ),
    "facts.source": (
        "Det nyeste, der er hentet, er {age} gammelt; prognosen laves af det.",
        "The newest that was fetched is {age} old; the forecast is made from that.",
    ),
    "facts.stalled": (
        "De er {age} gamle, normalt {usual}; prognosen er mindre sikker.",
        "They are {age} old, usually {usual}; the forecast is less sure.",
    ),
    "effect.stalled": (
        "Prognosen dækker flere timer, som ingen har målt, og er mindre sikker.",
        "The forecast covers more hours that nobody has measured and is less sure.",
    ),
    "action.stalled": ("Vent, eller spørg den, der udgiver dem.", "Wait, or ask whoever publishes it."),
    "event.model": ("Modellen {subject} kan ikke bruges", "The model {subject} cannot be used"),
    "effect.model": ("En vikar eller et lavere trin bruges i stedet.", "A stand-in or a lower tier is used instead."),
    "action.model": (
        "Rul tilbage i visningen Modeller, eller læg et helt bundt i mappen.",
        "Roll back in the view Models, or put a whole bundle into the folder.",
    ),
    "event.rollback": ("Modellen {subject} mistede sin rolle", "The model {subject} lost its role"),
    "effect.rollback": (
        "Dens tal var usandsynlige; den tidligere model laver prognosen igen.",
        "Its numbers were implausible; the former model makes the forecast again.",
    ),
    "action.rollback": (
        "Se på modellen, og bestem i visningen Modeller, hvem der skal lave prognosen.",
        "Look at the model, then decide in the view Models who shall make the forecast.",
    ),
    "facts.gave_back": (
        "Over {days} døgn var fejlene for {area} {percent} større end for forbruget ugen før; den tidligere model laver prognosen igen.",
        "Over {days} days its errors for {area} were {percent} larger than of the load a week before; the former model makes the forecast again.",
    ),
    "event.worse": ("Modellen {subject} er dårligere end ugen før", "The model {subject} does worse than the week before"),
    "facts.worse": (
        "Over {days} døgn var fejlene for {area} {percent} større end for forbruget ugen før; ingen tidligere model kan tage over.",
        "Over {days} days its errors for {area} were {percent} larger than of the load a week before; no former model can take over.",
    ),
    "effect.worse": (
        "Ingen tidligere model kan tage over af sig selv; den laver fortsat prognosen.",
        "No former model can take over by itself; it goes on making the forecast.",
    ),
    "action.worse": (
        "Bestem i visningen Modeller, hvilken model der skal lave prognosen.",
        "Decide in the view Models which model shall make the forecast.",
    ),
    "event.challenger": ("Modellen {subject}, som er på prøve, fejler", "The model {subject}, which is tried, fails"),
    "effect.challenger": ("Den offentliggjorte prognose er ikke berørt.", "The published forecast is not affected."),
    "action.challenger": ("Afslut prøven i visningen Modeller.", "End the trial in the view Models."),
    "facts.drift": (
        "Fejlen er {error} over 7 døgn, normalt {usual}, grænse {limit}; båndene kan være for smalle.",
        "The error is {error} over 7 days, usually {usual}, limit {limit}; the bands may be too narrow.",
    ),
    "effect.drift": (
        "Fejlen er uden for det sædvanlige; båndene kan være for smalle.",
        "The error is beyond the usual; the bands may be too narrow.",
    ),
    "action.drift": (
        "Se i Overvågning, hvornår og hvor det begyndte, og i Modeller, om en anden model er bedre.",
        "See in Monitoring when and where it began, and in Models whether another model does better.",
    ),
    "event.safe_mode": (
        "Motoren er i sikker tilstand: den gik ned flere gange lige efter start",
        "The engine is in safe mode: it ended several times soon after its start",
    ),
    "effect.safe_mode": (
        "Ingen opgaver kører: prognoser og målinger bliver ældre. Det, der er gemt, kan ses og hentes.",
        "No job runs: forecasts and measurements grow old. What is stored can be seen and fetched.",
    ),
    "action.safe_mode": (
        "Send engine.log til udviklerne. Motoren prøver igen om en time, eller når du kører en opgave i Drift.",
        "Send engine.log to the authors. The engine tries again within the hour, or when you run a job in Health.",
    ),
    "event.damaged": ("Databasen er beskadiget på disken", "The database is damaged on the disk"),
    "effect.damaged": (
        "Beskadigede prognoser vises ikke; andre tal kan være forkerte.",
        "Damaged forecasts are not shown; other figures may be wrong.",
    ),
    "action.damaged": (
        "Få disken undersøgt. Hent en sikkerhedskopi fra før skaden, hvis der mangler prognoser.",
        "Have the disk looked at. Restore a backup from before the damage where forecasts are missing.",
    ),
    "event.job": ("Opgaven {subject} fejlede", "The job {subject} failed"),
    "effect.job": ("Andre opgaver kører videre.", "Other jobs go on."),
    "action.job": ("Fejlen står i engine.log; opgaven prøves igen.", "The fault is in engine.log; the job is tried again."),
}
