"""Models that are asked and exchanged for months hold no more memory than at the beginning."""

from __future__ import annotations

import gc
from collections.abc import Callable

import bundles
import numpy as np
import psutil
import pytest

from engine import sealed
from engine.forecaster import Bundle

#: Rows of an inference.
_HOURS = 24


def grown_mb(act: Callable[[], object], times: int, before: int) -> float:
    """How much memory doing something so many times costs, after it was done often enough to have all it needs."""
    process = psutil.Process()
    for _ in range(before):
        act()
    gc.collect()
    size = process.memory_info().rss
    for _ in range(times):
        act()
    gc.collect()
    return (process.memory_info().rss - size) / 1e6


def inferences(times: int, before: int) -> float:
    """Growth in MB by inferences."""
    bundle = Bundle.load(bundles.shipped())
    with np.load(bundles.shipped() / sealed.GOLDEN) as golden:
        rows = np.resize(golden["features"], (_HOURS, len(bundle.features)))
    return grown_mb(lambda: bundle.run(rows), times, before)


def swaps(times: int, before: int) -> float:
    """Growth in MB by loading and dropping a bundle."""
    return grown_mb(lambda: Bundle.load(bundles.shipped()), times, before)


def test_models_in_use_hold_nothing_back() -> None:
    """What leaks does so each time; what other threads of this process take meanwhile may be counted once."""
    assert any(inferences(500, 100) <= 2 for _ in range(3))
    assert any(swaps(10, 10) <= 5 for _ in range(3))


@pytest.mark.long
@pytest.mark.gate("C9", "Inferences of years", target="60,000 of 24 hours: memory at most +2 MB")
def test_sixty_thousand_inferences(gate: Callable[[str], None]) -> None:
    grown = inferences(60_000, 1000)
    gate(f"{grown:+.1f} MB")
    assert grown <= 2


@pytest.mark.long
@pytest.mark.gate("C9", "Models exchanged", target="1,000 bundles verified, loaded and dropped: memory at most +5 MB")
def test_a_thousand_models_exchanged(gate: Callable[[str], None]) -> None:
    grown = swaps(1000, 100)
    gate(f"{grown:+.1f} MB")
    assert grown <= 5
