"""The pages of help: all there, in both languages, with links that lead somewhere."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from app import help_pages
from app.translations import LANGUAGES, Language
from app.window import VIEWS

PAGES = [(topic, code) for topic in help_pages.topics() for code in LANGUAGES]


@pytest.mark.parametrize(("topic", "code"), PAGES)
def test_a_page_has_a_title_and_links_that_lead_somewhere(topic: str, code: str) -> None:
    words = help_pages.page(topic, Language(code))
    assert words.startswith("# ")
    assert 150 <= len(words.split()) <= 600
    for target in re.findall(r"\]\(([^)]+)\)", words):
        assert target.removesuffix(".md") in help_pages.topics(), target


def test_every_view_has_a_page_and_every_page_both_languages() -> None:
    assert set(VIEWS) <= set(help_pages.topics())
    files = {path.name for path in help_pages.FOLDER.glob("*.md")}
    assert files == {f"{topic}.{code}.md" for topic, code in PAGES}


def test_the_languages_say_different_things_and_danish_is_written_with_its_letters() -> None:
    for topic in help_pages.topics():
        danish, english = (help_pages.page(topic, Language(code)) for code in LANGUAGES)
        assert danish.count("\n## ") == english.count("\n## "), topic
        assert re.search("[æøå]", danish)
        assert not re.search("[æøåÆØÅ]", english)


def test_the_pages_are_packed_with_the_program() -> None:
    project = tomllib.loads((Path(__file__).resolve().parent.parent / "pyproject.toml").read_text("utf-8"))
    assert "help/*.md" in project["tool"]["setuptools"]["package-data"]["app"]
