"""Signatures: only the file that was signed, by a key that is trusted, passes; minisign agrees."""

from __future__ import annotations

import os
import shutil
import stat
import string
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import signing
from engine.domain import Expected
from engine.signing import PublicKey, SecretKey

KEY = SecretKey(b"lastvagt", bytes(range(32)))


def signed(folder: Path, content: bytes, comment: str = "version:1", key: SecretKey = KEY) -> tuple[Path, Path]:
    """A file and its signature."""
    path = folder / "parcel"
    path.write_bytes(content)
    signature = folder / "parcel.minisig"
    signature.write_text(key.sign(path, comment), encoding="utf-8")
    return path, signature


@given(content=st.binary(max_size=300), comment=st.text(st.characters(codec="utf-8", categories=("L", "N", "S")), max_size=40))
def test_what_was_signed_passes(tmp_path_factory: pytest.TempPathFactory, content: bytes, comment: str) -> None:
    path, signature = signed(tmp_path_factory.mktemp("s"), content, comment)
    assert signing.verify(path, signature, [KEY.public("site")]) == (KEY.public("site"), comment)


@given(place=st.integers(0, 299), bit=st.integers(0, 7))
def test_any_flipped_bit_is_refused(tmp_path_factory: pytest.TempPathFactory, place: int, bit: int) -> None:
    content = bytes(range(256)) + bytes(44)
    path, signature = signed(tmp_path_factory.mktemp("s"), content)
    changed = bytearray(content)
    changed[place] ^= 1 << bit
    path.write_bytes(changed)
    with pytest.raises(Expected, match="is not what 'site' signed"):
        signing.verify(path, signature, [KEY.public("site")])


def test_what_was_read_already_is_what_is_checked(tmp_path: Path) -> None:
    path, signature = signed(tmp_path, b"x")
    signing.verify(path, signature, [KEY.public("site")], b"x")
    with pytest.raises(Expected, match="is not what"):
        signing.verify(path, signature, [KEY.public("site")], b"y")


def test_a_signed_comment_cannot_be_changed(tmp_path: Path) -> None:
    path, signature = signed(tmp_path, b"x")
    signature.write_text(signature.read_text().replace("version:1", "version:9"))
    with pytest.raises(Expected, match="is not what"):
        signing.verify(path, signature, [KEY.public("site")])


def test_a_key_nobody_trusts_is_refused_and_named(tmp_path: Path) -> None:
    path, signature = signed(tmp_path, b"x", key=SecretKey.new())
    with pytest.raises(Expected, match=r"not trusted here \(trusted: site\)"):
        signing.verify(path, signature, [KEY.public("site")])


def test_a_key_with_the_number_of_a_trusted_one_is_refused(tmp_path: Path) -> None:
    path, signature = signed(tmp_path, b"x", key=SecretKey(KEY.number, bytes(32)))
    with pytest.raises(Expected, match="is not what"):
        signing.verify(path, signature, [KEY.public("site")])


@pytest.mark.parametrize("text", ["", "a\nb\nc\nd\n", "a\n!!\ntrusted comment: x\n!!\n", "a\nRURU\ntrusted comment: x\nRURU\n"])
def test_what_is_no_signature_is_told(tmp_path: Path, text: str) -> None:
    path, signature = signed(tmp_path, b"x")
    signature.write_text(text)
    with pytest.raises(Expected):
        signing.verify(path, signature, [KEY.public("site")])


def _last_bits(text: str) -> str:
    """The same bytes to a reader that ignores the bits beyond the last of them."""
    alphabet = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"
    end = len(text.rstrip("="))
    if end == len(text):
        return text
    return text[: end - 1] + alphabet[alphabet.index(text[end - 1]) ^ 1] + text[end:]


#: Other texts that a lax reader of base64 takes for the same bytes.
LAX: dict[str, Callable[[str], str]] = {
    "a sign that is none of base64's": lambda text: f"{text[:9]}!{text[9:]}",
    "a space": lambda text: f"{text[:9]} {text[9:]}",
    "no padding": lambda text: text.rstrip("="),
    "padding within": lambda text: f"{text[:4]}=={text[4:]}",
    "more padding": lambda text: f"{text}=",
    "bits beyond the last byte": _last_bits,
    "the alphabet of addresses": lambda text: text.replace("+", "-").replace("/", "_"),
}


@pytest.mark.parametrize("name", LAX)
def test_keys_and_signatures_have_one_form(tmp_path: Path, name: str) -> None:
    key = SecretKey(b"\xfb\xff\xbf\xfb\xff\xbf\xfb\xff", bytes(range(32)))  # written with both + and /
    path, signature = signed(tmp_path, b"x", key=key)
    public = tmp_path / "site.pub"
    public.write_text(key.public("site").text())
    signing.verify(path, signature, [PublicKey.read(public)])
    for file, line in ((signature, 1), (signature, 3), (public, 1)):
        whole = file.read_text()
        lines = whole.split("\n")
        changed = LAX[name](lines[line])
        if changed != lines[line]:  # 42 bytes of a key have neither padding nor bits beyond
            file.write_bytes("\n".join([*lines[:line], changed, *lines[line + 1 :]]).encode())
            with pytest.raises(Expected, match="neither key nor signature"):
                signing.verify(path, signature, [PublicKey.read(public)])
            file.write_text(whole)
    assert any(LAX[name](text) != text for text in signature.read_text().split("\n"))


def test_keys_come_back_from_their_files(tmp_path: Path) -> None:
    key = SecretKey.new()
    key.write(tmp_path / "site.key")
    (tmp_path / "site.pub").write_text(key.public("site").text())
    assert SecretKey.read(tmp_path / "site.key") == key
    assert PublicKey.read(tmp_path / "site.pub") == key.public("site")
    if os.name == "posix":
        assert stat.S_IMODE((tmp_path / "site.key").stat().st_mode) == 0o600
    with pytest.raises(Expected, match="exists already"):
        key.write(tmp_path / "site.key")
    with pytest.raises(Expected, match="no secret key"):
        SecretKey.read(tmp_path / "site.pub")
    with pytest.raises(Expected, match="no public key"):
        PublicKey.read(tmp_path / "site.key")


@pytest.mark.skipif(shutil.which("minisign") is None, reason="minisign is not installed")
def test_minisign_agrees(tmp_path: Path) -> None:
    path, _ = signed(tmp_path, b"what minisign shall read")
    (tmp_path / "site.pub").write_text(KEY.public("site").text())
    subprocess.run(["minisign", "-Vm", path, "-p", tmp_path / "site.pub"], check=True, capture_output=True)
    subprocess.run(
        ["minisign", "-G", "-W", "-p", tmp_path / "own.pub", "-s", tmp_path / "own.key"], check=True, capture_output=True
    )
    subprocess.run(["minisign", "-Sm", path, "-s", tmp_path / "own.key", "-t", "by hand"], check=True, capture_output=True)
    own = PublicKey.read(tmp_path / "own.pub")
    assert signing.verify(path, tmp_path / "parcel.minisig", [own]) == (own, "by hand")
    again = SecretKey.read(tmp_path / "own.key")
    assert again.public("own") == own
