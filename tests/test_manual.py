"""The manual pages: that they hold what --help does, and that man has nothing to say against them."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "packaging"))

import completion
import manual

from engine.config import Config

PAGES = manual.pages(("lastvagt", "lastvagt-engine"), date(2026, 11, 29))


def plain(page: str) -> str:
    return PAGES[page].replace("\\-", "-")


def test_every_command_and_option_has_its_place() -> None:
    assert set(PAGES) == {"lastvagt.1", "lastvagt-engine.1", "lastvagt-settings.5"}
    for program in ("lastvagt", "lastvagt-engine"):
        for command in completion.commands(program):
            assert not command.name or f".SS {command.name}\n" in plain(f"{program}.1")
            assert all(option in plain(f"{program}.1") for option in command.options)
    assert "exit codes" in plain("lastvagt-engine.1").lower()


def test_every_setting_is_told_and_no_folder_of_this_machine() -> None:
    page = plain("lastvagt-settings.5")
    for field in dataclasses.fields(Config):
        assert f".B {field.name}\n" in page
    assert "8787" in page
    assert str(Path.home()) not in page
    assert str(Path(__file__).parent.parent) not in page


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not here")
@pytest.mark.parametrize("page", PAGES)
def test_man_reads_it_without_a_word(page: str) -> None:
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-Kutf8", "-ww", "-rCHECKSTYLE=10", "-P-cbou"],
        input=PAGES[page],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0
    assert done.stderr == ""
    assert "SEE ALSO\n" in done.stdout
