"""Tokens of other machines: told once, kept as hashes, gone when revoked."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from engine.domain import Expected
from engine.tokens import Holder, Right, Tokens

NOW = 1_790_000_000


def test_a_token_is_known_by_its_holder_until_it_is_revoked(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path)
    wall, anna = tokens.new("wall", Right.READER, NOW), tokens.new("anna", Right.OPERATOR, NOW + 1)
    assert tokens.holder(wall) == Holder("wall", Right.READER, NOW)
    assert tokens.holder(anna) == Holder("anna", Right.OPERATOR, NOW + 1)
    assert [holder.name for holder in tokens.holders()] == ["wall", "anna"]
    Tokens(tmp_path).revoke("wall")
    assert tokens.holder(wall) is None
    assert tokens.holder(anna) is not None


def test_a_renewed_token_ends_the_one_before_and_may_do_the_same(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path)
    old = tokens.new("anna", Right.OPERATOR, NOW)
    new = tokens.renew("anna", NOW + 1)
    assert tokens.holder(old) is None
    assert tokens.holder(new) == Holder("anna", Right.OPERATOR, NOW + 1)
    assert len(tokens.holders()) == 1
    with pytest.raises(Expected, match="Nobody named 'wall'"):
        tokens.renew("wall", NOW)


def test_what_is_no_token_is_nobody(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path)
    token = tokens.new("wall", Right.READER, NOW)
    for wrong in ("", "x", token[:-1], token + "a", token.upper(), " " + token):
        assert tokens.holder(wrong) is None


def test_the_file_holds_no_token_and_only_its_user_reads_it(tmp_path: Path) -> None:
    token = Tokens(tmp_path).new("wall", Right.READER, NOW)
    (file,) = tmp_path.iterdir()
    assert token not in file.read_text("utf-8")
    if os.name == "posix":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_name_has_one_token(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path)
    tokens.new("wall", Right.READER, NOW)
    with pytest.raises(Expected, match="'wall' has a token"):
        tokens.new("wall", Right.OPERATOR, NOW)
    for name in ("", "x" * 41, "two\nlines"):
        with pytest.raises(Expected, match="no name"):
            tokens.new(name, Right.READER, NOW)
    with pytest.raises(Expected, match="Nobody named 'anna'"):
        tokens.revoke("anna")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1}', '{"a": {"name": "x", "right": "king", "made_at": 1}}'])
def test_a_damaged_file_lets_nobody_in(tmp_path: Path, text: str) -> None:
    (tmp_path / "tokens.json").write_text(text, encoding="utf-8")
    with pytest.raises(Expected, match=r"tokens\.json cannot be read"):
        Tokens(tmp_path).holder("x")
