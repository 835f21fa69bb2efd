"""Every consumer there is to choose, as the tree of areas they hang in, and those whose name has some words in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.present.finding import ranked
from app.translations import LANGUAGES, Language
from engine import geography
from engine.domain import CONSUMER_TYPES, Consumer
from engine.geography import Kind, Measure


@dataclass(frozen=True, slots=True)
class Group:
    """A line of the tree: a consumer, or a heading over others where `of` is None."""

    name: str
    of: Consumer | None
    parts: tuple[Group, ...] = ()


def choices(known: Sequence[Consumer], language: Language) -> tuple[Group, ...]:
    """The tree: Denmark over price areas over regions over municipalities, types beside them; own series in a group of their own."""
    by_area: dict[str, list[Consumer]] = {}
    own, industries = [], []
    grid_areas: dict[str, list[Consumer]] = {}
    for of in known:
        measure = geography.measure(of)
        if measure is Measure.OWN:
            own.append(_leaf(of, language))
        elif measure is Measure.INDUSTRY:
            industries.append(_leaf(of, language))
        elif measure is Measure.GRID_AREA:
            grid_areas.setdefault(geography.price_area(of.area), []).append(of)
        else:
            by_area.setdefault(of.area, []).append(of)

    def place(code: str) -> Group | None:
        parts = [part for child in geography.children(code) if (part := place(child)) is not None]
        if geography.kind(code) is Kind.REGION:
            parts.sort(key=lambda part: _alphabet(part.name))
        here = by_area.get(code, [])
        if geography.kind(code) is Kind.MUNICIPALITY:
            return _leaf(here[0], language) if here else None
        whole = next((of for of in here if of.consumer_type == "total"), None)
        types = [Group(_type_name(of, language), of) for of in here if of is not whole]
        grid = [_leaf(of, language) for of in grid_areas.get(code, [])]
        groups = [Group(language.text(f"choose.{key}"), None, tuple(under)) for key, under in _filled(code, grid, industries)]
        together = (*types, *parts, *groups)
        return Group(geography.name(code, language.code), whole, together) if whole or together else None

    country = place("DK")
    mine = Group(language.text("choose.own"), None, tuple(own))
    return tuple(group for group in (country, mine if own else None) if group is not None)


def _filled(code: str, grid: list[Group], industries: list[Group]) -> Iterable[tuple[str, list[Group]]]:
    groups = {"industries": industries if code == "DK" else [], "grid_areas": grid}
    return ((key, under) for key, under in groups.items() if under)


def _alphabet(name: str) -> str:
    """To sort by as Danes do: æ, ø and å come last, and aa is å."""
    return name.casefold().replace("aa", "å").translate(str.maketrans("æøå", "{|}"))


def _leaf(of: Consumer, language: Language) -> Group:
    return Group(geography.title(of, language.code), of)


def _type_name(of: Consumer, language: Language) -> str:
    names = CONSUMER_TYPES.get(of.consumer_type, (of.consumer_type,) * 2)
    return names[LANGUAGES.index(language.code)]


def find(known: Sequence[Consumer], words: str, language: Language) -> tuple[Group, ...]:
    """The consumers whose name in either language, or whose code, has every word in it; the likeliest first (see `ranked`)."""
    names = [[*(geography.title(of, code) for code in LANGUAGES), f"{of.area} {of.consumer_type}"] for of in known]
    return tuple(_leaf(known[place], language) for place in ranked(words, names))
