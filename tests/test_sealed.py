"""Whose bundles serve: no change of a byte, no file of another bundle, no name but its own, no key but a trusted one."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import bundles
import pytest

from engine import sealed, site
from engine.domain import Expected, Tier
from engine.forecaster import Bundle
from engine.signing import SecretKey

_ALL = (sealed.MANIFEST, sealed.SIGNATURE, *sealed.FILES)


def _flip(bundle: Path, dice: random.Random) -> str:
    """Change one bit; of the signature not in its first line, which minisign leaves unsigned and nothing reads."""
    name = dice.choice(_ALL)
    content = bytearray((bundle / name).read_bytes())
    at = dice.randrange(content.index(b"\n") + 1 if name == sealed.SIGNATURE else 0, len(content))
    bit = dice.randrange(8)
    content[at] ^= 1 << bit
    (bundle / name).write_bytes(bytes(content))
    return f"bit {bit} of byte {at} of {name}"


def _swap(bundle: Path, other: Path, dice: random.Random) -> str:
    """Put a file, or several that belong together, of another signed bundle in place of this one's."""
    names = dice.choice([*((name,) for name in _ALL), (sealed.MANIFEST, sealed.SIGNATURE), _ALL])
    for name in names:
        shutil.copy(other / name, bundle / name)
    return f"{', '.join(names)} of {other.name}"


def _tampered(folder: Path, changes: int, seed: int) -> list[str]:
    """Changes that were not refused."""
    whole, older = bundles.copy(folder, "newest"), bundles.copy(folder, "older", "2025-01-01T00:00:00Z", Tier.LATE)
    dice, accepted = random.Random(seed), []
    for number in range(changes):
        victim = folder / "tampered" / whole.name
        shutil.copytree(whole, victim)
        told = _swap(victim, older, dice) if number % 5 == 0 else _flip(victim, dice)
        try:
            Bundle.load(victim)
            accepted.append(told)
        except Expected:
            pass
        shutil.rmtree(victim)
    Bundle.load(whole)
    return accepted


@pytest.mark.long
@pytest.mark.gate(
    "D3", "Tampered model bundles", target="1,000 flipped bits, swapped files and replayed older manifests: 1,000 refused"
)
def test_no_tampered_bundle_serves(tmp_path: Path, gate: Callable[[str], None]) -> None:
    accepted = _tampered(tmp_path, 1000, seed=7)
    gate(f"{1000 - len(accepted):,} of 1,000 refused")
    assert not accepted, f"seed 7: {accepted}"


def test_a_few_tampered_bundles_do_not_serve(tmp_path: Path) -> None:
    assert not _tampered(tmp_path, 60, seed=11)


def test_a_bundle_of_a_stranger_serves_once_its_key_is_trusted_for_bundles(tmp_path: Path) -> None:
    stranger, data = SecretKey(b"stranger", bytes(32)), tmp_path / "data"
    bundle = bundles.copy(tmp_path, "strange", key=stranger)
    with pytest.raises(Expected, match="not trusted here") as told:
        Bundle.load(bundle, data)
    assert "key trust FILE --models" in told.value.remedy
    (data / site.MODELS).mkdir(parents=True)
    (data / site.MODELS / "anna.pub").write_text(stranger.public("anna").text())
    assert Bundle.load(bundle, data).signed_by == "anna"
    with pytest.raises(Expected, match="not trusted here"):
        Bundle.load(bundle)


def test_an_unsigned_bundle_and_one_under_another_name_are_refused(tmp_path: Path) -> None:
    bundle = bundles.copy(tmp_path, "mine")
    bundle.rename(tmp_path / "newer")
    with pytest.raises(Expected, match="was signed as mine"):
        Bundle.load(tmp_path / "newer")
    (tmp_path / "newer" / sealed.SIGNATURE).unlink()
    with pytest.raises(Expected, match="is not signed"):
        Bundle.load(tmp_path / "newer")
