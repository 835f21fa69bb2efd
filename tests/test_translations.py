"""Every text in both languages, and numbers and times as each writes them."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import translations
from app.translations import TEXTS, Language
from engine import clock
from engine.domain import DAY, HOUR, UNITS, Freshness, Reason, Tier

DA, EN = Language("da"), Language("en")
SOURCES = [path for path in Path(translations.__file__).parent.parent.rglob("*.py") if path.parent.name != "translations"]


def _places(text: str) -> set[str | None]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def _literals() -> Iterator[str]:
    """Pattern of every string in the app that may be a key; what is filled in matches anything."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield re.escape(node.value)
            elif isinstance(node, ast.JoinedStr):
                yield "".join(re.escape(str(part.value)) if isinstance(part, ast.Constant) else r"\w+" for part in node.values)


def test_every_text_is_there_in_both_languages_with_the_same_places() -> None:
    for key, (danish, english) in TEXTS.items():
        assert danish.strip(), key
        assert english.strip(), key
        assert _places(danish) == _places(english), key


def test_every_text_is_used() -> None:
    patterns = [re.compile(p) for p in {p for p in _literals() if re.match(r"[a-z]+\\\.", p)}]
    assert [key for key in TEXTS if not any(pattern.fullmatch(key) for pattern in patterns)] == []


def test_every_key_asked_for_exists() -> None:
    asked = set()
    for path in SOURCES:
        asked |= set(re.findall(r"\btext\(\s*\"([a-z_.]+)\"", path.read_text("utf-8")))
    assert len(asked) > 40
    assert asked - set(TEXTS) == set()


def test_every_word_of_the_domain_has_a_text() -> None:
    keys = {f"tier.{tier.value}" for tier in Tier} | {f"freshness.{state.value}" for state in Freshness}
    keys |= {f"quantity.{quantity}" for quantity in UNITS} | {f"reason.{reason.value}" for reason in Reason if reason}
    assert keys - set(TEXTS) == set()


def test_an_unknown_key_is_an_error() -> None:
    with pytest.raises(KeyError):
        DA.text("no.such")


@pytest.mark.parametrize(
    ("value", "decimals", "danish", "english"),
    [
        (1234.5, 1, "1.234,5", "1,234.5"),
        (1234567.0, 0, "1.234.567", "1,234,567"),
        (-0.04, 1, "0,0", "0.0"),
        (-3.0, 1, "−3,0", "−3.0"),
        (float("nan"), 1, "ingen data", "no data"),
    ],
)
def test_numbers(value: float, decimals: int, danish: str, english: str) -> None:
    assert (DA.number(value, decimals), EN.number(value, decimals)) == (danish, english)


def test_a_number_keeps_its_unit_and_nothing_has_none() -> None:
    assert DA.quantity(12.34, "%", 1, sign=True) == "+12,3\u00a0%"
    assert EN.quantity(float("nan"), "MWh") == "no data"


@pytest.mark.parametrize(
    ("seconds", "danish"),
    [
        (20, "<\u00a01\u00a0min"),
        (720, "12\u00a0min"),
        (8400, "2\u00a0t\u00a020\u00a0min"),
        (2 * HOUR, "2\u00a0t"),
        (DAY + HOUR + 60, "1\u00a0d\u00a01\u00a0t"),
    ],
)
def test_durations(seconds: int, danish: str) -> None:
    assert DA.duration(seconds) == danish
    assert EN.duration(seconds) == danish.replace("t", "h")


def test_both_hours_of_the_autumn_night_have_names_of_their_own() -> None:
    first = clock.parse_utc("2026-10-25T00:30Z")
    assert [DA.time(first + i * HOUR) for i in range(3)] == ["02a:30", "02b:30", "03:30"]
    assert [EN.hour_span(first - 1800 + i * HOUR) for i in (-1, 0, 1)] == ["01–02a", "02a–02b", "02b–03"]
    assert EN.zone(first, first + HOUR) == "CEST → CET"


def test_dates() -> None:
    t = clock.parse_utc("2026-05-04T10:00Z")
    assert (DA.date(t), EN.date(t)) == ("man. 4. maj", "Mon 4 May")
    assert (DA.moment(t, t + HOUR), DA.moment(t, t + DAY)) == ("12:00", "man. 4. maj 12:00")


@pytest.mark.parametrize(("name", "code"), [("da_DK", "da"), ("Danish_Denmark", "da"), ("en_GB", "en"), (None, "en")])
def test_the_language_of_the_system(monkeypatch: pytest.MonkeyPatch, name: str | None, code: str) -> None:
    monkeypatch.setattr("locale.getlocale", lambda: (name, "UTF-8"))
    assert Language.of_system().code == code
