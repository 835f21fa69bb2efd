"""The pages of help, which lie beside the program and need no network: one for each view and some of their own."""

from __future__ import annotations

from pathlib import Path

from app.translations import Language

FOLDER = Path(__file__).parent / "help"


def topics() -> tuple[str, ...]:
    """Every page there is, by its topic."""
    return tuple(sorted(path.name.removesuffix(".en.md") for path in FOLDER.glob("*.en.md")))


def page(topic: str, language: Language) -> str:
    """A page as Markdown; that of the glossary for a topic that has none."""
    path = FOLDER / f"{topic}.{language.code}.md"
    return (path if path.exists() else FOLDER / f"glossary.{language.code}.md").read_text(encoding="utf-8")


def title(topic: str, language: Language) -> str:
    """What a page is headed with."""
    return page(topic, language).partition("\n")[0].removeprefix("# ").strip()
