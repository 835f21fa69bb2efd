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
    "menu.full_screen": ("Fuld skærm", "Full screen"),
    "menu.quit": ("Afslut", "Quit"),
    "finder.name": ("Find kommando, visning, område eller hjælp", "Find command, view, area or help"),
    "finder.hint": ("Skriv en del af en kommando, en visning eller et område", "Type part of a command, a view or an area"),
    "finder.list": ("Hvad der er fundet", "What was found"),
    "finder.none": ("Intet fundet.", "Nothing found."),
}
