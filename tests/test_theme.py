"""Every palette can be read by everybody."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from app.theme import PALETTES, SYMBOLS, Palette, contrast, role_of
from engine.domain import Freshness

EACH = pytest.mark.parametrize("palette", PALETTES.values(), ids=PALETTES)

#: Linear RGB as seen by protanopes, deuteranopes and tritanopes (Viénot 1999; tritan by the same method).
DEFICIENCIES = {
    "protan": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "deutan": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "tritan": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}


@EACH
def test_text_reaches_4_5_to_1(palette: Palette) -> None:
    for ground in (palette.surface, palette.ground, palette.selected):
        for text in (palette.ink, palette.quiet, palette.late, palette.stale):
            assert contrast(text, ground) >= 4.5, (text, ground)
    assert contrast(palette.badge_ink, palette.badge) >= 4.5
    assert contrast(palette.badge, palette.badge_ink) >= 4.5


@EACH
def test_lines_reach_3_to_1(palette: Palette) -> None:
    for line in (palette.observed, palette.median, palette.old_median, palette.bar, palette.focus):
        assert contrast(line, palette.surface) >= 3.0, line
    for band in (*palette.bands, *palette.old_bands):
        assert contrast(palette.observed, band) >= 3.0


@EACH
def test_the_median_stands_out_from_its_bands_which_grow_denser_inwards(palette: Palette) -> None:
    assert contrast(palette.median, palette.bands[-1]) >= 3.0
    for bands in (palette.bands, palette.old_bands):
        steps = [contrast(band, palette.surface) for band in bands]
        assert steps == sorted(steps)
        assert steps[0] >= 1.1


def _lab(colour: str, kind: str | None) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    rgb = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    if kind:
        linear = np.clip(np.array(DEFICIENCIES[kind]) @ linear, 0, 1)
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ linear
    f = np.cbrt(xyz / np.array([0.9505, 1.0, 1.089]))
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@EACH
@pytest.mark.parametrize("kind", [None, *DEFICIENCIES])
def test_what_is_seen_together_looks_different_to_everybody(palette: Palette, kind: str | None) -> None:
    lines = (palette.observed, palette.median, palette.surface)
    old = (palette.observed, palette.old_median, palette.surface)
    bars = (palette.bar, palette.ink, palette.surface)
    states = (palette.late, palette.ink, palette.surface)
    stale = (palette.stale, palette.ink, palette.surface)
    marks = (palette.badge, palette.badge_ink, palette.ground)
    for together in (lines, old, bars, states, stale, marks, (palette.surface, *palette.bands, palette.median)):
        for one, other in itertools.combinations(together, 2):
            apart = 4 if {one, other} <= {palette.surface, *palette.bands} else 12
            assert np.linalg.norm(_lab(one, kind) - _lab(other, kind)) >= apart, (one, other)


@pytest.mark.parametrize("name", [name for name in PALETTES if name.endswith("_contrast")])
def test_high_contrast_reaches_7_to_1(name: str) -> None:
    palette = PALETTES[name]
    assert palette.is_dark == name.startswith("dark")
    for ground in (palette.surface, palette.ground):
        for text in (palette.ink, palette.quiet, palette.late, palette.stale):
            assert contrast(text, ground) >= 7, (text, ground)
    for line in (palette.observed, palette.median, palette.bar, palette.rule, palette.old_median):
        assert contrast(line, palette.surface) >= 4.5, line


def test_a_state_has_a_shape_of_its_own_and_no_colour_while_all_is_well() -> None:
    assert len(set(SYMBOLS.values())) == len(Freshness)
    assert [role_of(state) for state in Freshness] == ["quiet", "late", "stale", "stale"]
