"""What is said of an engine on another machine. Danish, English."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    "engine.connecting": ("Motor: forbinder", "Engine: connecting"),
    "engine.connected": ("Motor: {url}", "Engine: {url}"),
    "engine.unheard": ("Motor: svarer ikke", "Engine: not answering"),
    "engine.not_heard": ("Motoren på den anden maskine svarer ikke.", "The engine of the other machine does not answer."),
    "engine.not_heard_effect": ("Her vises det, der kom sidst.", "What is shown is the last that came."),
    "engine.not_heard_remedy": (
        "Der prøves igen af sig selv; se efter netværket og den anden maskine.",
        "It is tried again by itself; look at the network and the other machine.",
    ),
    "engine.heard": ("sidst hørt {time}", "last heard {time}"),
    "engine.exposed": ("åben for andre maskiner: {address}", "open to other machines: {address}"),
    "event.guesses": ("Forkerte nøgler sendes fra {subject}", "Wrong tokens are sent from {subject}"),
    "facts.guesses": (
        "Over {count} på et minut; ingen af dem lukkede nogen ind.",
        "More than {count} within a minute; none of them let anybody in.",
    ),
    "effect.guesses": ("Ingen af dem lukkede nogen ind.", "None of them let anybody in."),
    "action.guesses": (
        "Find programmet dér: giv det en gyldig nøgle, eller hold det ude med firewallen.",
        "Find the program there: give it a valid token, or keep it out with the firewall.",
    ),
    "engine.hindered": ("kan ikke gemme", "cannot store"),
    "engine.read_only": ("kun læsning", "read only"),
    "engine.read_only_why": (
        "Denne forbindelse må kun læse. En nøgle, der også må give ordrer, laves med lastvagt-engine token new --operator.",
        "This connection may only read. lastvagt-engine token new --operator makes a token that may give orders.",
    ),
    "engine.unheard_orders": (
        "Motoren svarer ikke, så intet kan ændres herfra lige nu.",
        "The engine does not answer, so nothing can be changed from here just now.",
    ),
    "empty.nothing_came": ("Der er endnu ikke kommet data fra motoren", "No data have come from the engine yet"),
    "empty.connecting": ("Data hentes fra {url}.", "Data are being fetched from {url}."),
}
