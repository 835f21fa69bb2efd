"""What is said of an engine on another machine. Danish, English."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    "engine.connecting": ("Motor: forbinder", "Engine: connecting"),
    "engine.connected": ("Motor: {url}", "Engine: {url}"),
    "engine.lost": ("Motor: svarer ikke", "Engine: not answering"),
    "engine.unheard": (
        "Motoren på den anden maskine høres ikke: {detail}",
        "The engine of the other machine is not heard: {detail}",
    ),
    "engine.heard": ("sidst hørt {time}", "last heard {time}"),
    "engine.lost_remedy": (
        "Der prøves igen af sig selv. Imens vises det, der kom sidst.",
        "It is tried again by itself. Meanwhile the last that came is shown.",
    ),
    "engine.read_only": ("kun læsning", "read only"),
    "engine.read_only_why": (
        "Denne forbindelse må kun læse. En nøgle med ret til at give ordrer laves med lastvagt-engine token new --operator.",
        "This connection may only read. lastvagt-engine token new --operator makes a token that may give orders.",
    ),
    "engine.lost_orders": (
        "Motoren svarer ikke, så intet kan ændres herfra lige nu.",
        "The engine does not answer, so nothing can be changed from here just now.",
    ),
    "empty.connecting": ("Data hentes fra {url}.", "Data are being fetched from {url}."),
}
