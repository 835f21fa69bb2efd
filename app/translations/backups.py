"""Texts on backups of the database, and on putting one in its place."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    "backups.backups": ("Sikkerhedskopier", "Backups"),
    "backups.made_at": ("Lavet", "Made"),
    "backups.size": ("Størrelse", "Size"),
    "backups.issues": ("Udstedelser", "Issues"),
    "backups.newest_issue": ("Nyeste udstedelse", "Newest issue"),
    "backups.none": ("Der er ingen sikkerhedskopi i {folder}.", "There is no backup in {folder}."),
    "backups.folder": ("Ligger i {folder}.", "They lie in {folder}."),
    "backups.no_engine": (
        "Kopierne vises, når motoren kører; ellers viser lastvagt-engine backup list dem.",
        "Backups are shown while the engine runs; else lastvagt-engine backup list tells of them.",
    ),
    "backups.now": ("Lav kopi nu", "Back up now"),
    "backups.ordered": ("Kopien er bestilt og laves straks.", "The backup is ordered and is made at once."),
    "backups.restore": ("Gendan …", "Restore …"),
    "backups.noted": ("Notér tabet", "Take note of the loss"),
    "backups.noted_done": ("Noteret.", "Noted."),
    "backups.asking": ("Ser efter, hvad der ville gå tabt …", "Looking at what would be lost …"),
    "backups.sure": ("Gendan databasen?", "Restore the database?"),
    "backups.of": ("Kopien fra {made} træder i databasens sted.", "The backup of {made} takes the place of the database."),
    "backups.lost": ("Det går tabt: {what}.", "Lost by it: {what}."),
    "backups.lost_issues": ("{count} udstedelser", "{count} issues"),
    "backups.lost_values": ("{count} tal", "{count} values"),
    "backups.lost_decisions": ("{count} beslutninger", "{count} decisions of people"),
    "backups.lost_nothing": ("Intet går tabt.", "Nothing is lost by it."),
    "backups.lost_span": ("Udstedelserne er fra {first} til {last}.", "The issues are of {first} to {last}."),
    "backups.after": (
        "Motoren starter igen, hvilket tager nogle sekunder. Den nuværende database gemmes i mappen replaced til næste gang.",
        "The engine starts again, which takes some seconds. The present database is kept in the folder replaced until the next time.",
    ),
    "backups.go": ("Gendan", "Restore"),
    "backups.leave": ("Behold databasen", "Keep the database"),
    "backups.restoring": (
        "Kopien sættes på plads, og motoren starter igen …",
        "The backup is put in place and the engine starts again …",
    ),
}
