"""Whether a release may hold what it holds, and the text that tells of it."""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path

import pytest

from engine import licences as shipped
from engine.__main__ import main
from engine.domain import Expected

PACKAGING = Path(__file__).parent.parent / "packaging"
sys.path.insert(0, str(PACKAGING))

import contents  # noqa: E402
import licences  # noqa: E402
from contents import Part, Share  # noqa: E402

OWN = Part("own", "lastvagt", "9.9.9")


def pypi(name: str) -> Part:
    return Part("pypi", name, importlib.metadata.version(name))


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("GPL-3.0-or-later", False),
        ("GPL-3.0-or-later OR MIT", True),
        ("GPL-3.0-or-later AND MIT", False),
        ("MIT AND (GPL-2.0-only OR BSD-3-Clause)", True),
        ("(MIT OR GPL-2.0-only) AND (GPL-2.0-only OR GPL-3.0-only)", False),
        ("GPL-3.0-or-later WITH GCC-exception-3.1", True),
        ("GPL-3.0-or-later WITH Classpath-exception-2.0", False),
        ("MIT OR GPL-2.0-only AND GPL-3.0-only", True),
        ("MIT License", False),
        ("", False),
        ("MIT AND", False),
    ],
)
def test_one_of_or_is_enough_and_all_of_and_are_needed(expression: str, allowed: bool) -> None:
    assert licences.is_allowed(expression) is allowed


def test_a_distribution_says_it_itself_or_the_table_does() -> None:
    assert licences.of(pypi("starlette")) == "BSD-3-Clause"
    assert licences.of(pypi("h11")) == "MIT"
    assert licences.of(pypi("python-dateutil")) == "Apache-2.0 OR BSD-3-Clause"


def test_what_nobody_read_and_what_is_not_allowed_end_the_build() -> None:
    parts = [OWN, pypi("numpy"), Part("deb", "readline", "8.2-1.3"), Part("deb", "zlib", "1.2")]
    assert licences.refused(parts) == ["Whose licence readline has is not in licences.toml: read its copyright file."]
    assert licences.refused([OWN, pypi("numpy")]) == []


def test_licences_of_what_is_inside_a_wheel_count_too(monkeypatch: pytest.MonkeyPatch) -> None:
    inside = [
        {"name": "crate", "version": "1", "licenses": [{"expression": "AGPL-3.0-only"}]},
        {"name": "openssl", "version": "4"},
    ]
    monkeypatch.setattr(contents, "vendored", lambda part: inside if part.name == "numpy" else [])
    (trouble,) = licences.refused([pypi("numpy")])
    assert trouble == "crate inside numpy is under AGPL-3.0-only, which licences.toml does not allow."


def test_the_text_has_each_part_its_terms_and_how_qt_is_replaced() -> None:
    shares = {OWN: Share(), pypi("starlette"): Share(), pypi("PySide6_Essentials"): Share(), pypi("certifi"): Share()}
    text = licences.text(shares)
    assert "made of besides its own code" in text.splitlines()[0]
    assert f"starlette {importlib.metadata.version('starlette')}: BSD-3-Clause" in text
    assert "Redistribution and use in source and binary forms" in text
    assert "You may put your own build of these libraries in the place of ours." in text
    assert "GNU LESSER GENERAL PUBLIC LICENSE" in text
    assert "GNU GENERAL PUBLIC LICENSE" in text
    without = licences.text({OWN: Share(), pypi("starlette"): Share()})
    assert "Qt" not in without
    assert "GNU" not in without


def test_the_program_prints_what_lies_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "lastvagt-engine"))
    (tmp_path / "LICENSE.txt").write_text("Ours.\n", encoding="utf-8")
    with pytest.raises(Expected, match="There is no THIRD_PARTY_LICENSES"):
        shipped.text(tmp_path)
    (tmp_path / licences.FILE).write_text("Theirs.\n", encoding="utf-8")
    assert main(["licences"]) == 0
    assert capsys.readouterr().out == "Ours.\n\nTheirs.\n"
