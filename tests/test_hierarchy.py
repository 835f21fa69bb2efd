import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import hierarchy
from engine.domain import HOUR, LEVELS, QuantileForecast, Reason, Tier


def part(area: str, middle: float, width: float, tier: Tier = Tier.FULL) -> QuantileForecast:
    quantiles = np.tile(middle + width * (np.array(LEVELS) - 0.5), (3, 1))
    return QuantileForecast(area, "total", 0, HOUR * np.arange(3), LEVELS, quantiles, tier, Reason.NONE, "m")


@given(st.floats(500, 4000), st.floats(500, 4000), st.floats(1, 400), st.floats(1, 400), st.floats(-0.9, 1.0))
def test_medians_add_and_levels_stay_ordered(a: float, b: float, wa: float, wb: float, correlation: float) -> None:
    whole = hierarchy.add("DK", [part("DK1", a, wa), part("DK2", b, wb)], np.full(3, correlation))
    assert whole.median == pytest.approx(np.full(3, a + b))
    assert (np.diff(whole.quantiles, axis=1) >= 0).all()
    widths = whole.quantiles[:, -1] - whole.quantiles[:, 0]
    assert (widths <= 0.9 * (wa + wb) + 1e-6).all()


def test_full_correlation_adds_quantiles_and_none_adds_variances() -> None:
    parts = [part("DK1", 2600, 300), part("DK2", 1500, 400)]
    assert hierarchy.add("DK", parts, np.ones(3)).quantiles == pytest.approx(parts[0].quantiles + parts[1].quantiles)
    assert np.ptp(hierarchy.add("DK", parts, np.zeros(3)).quantiles[0]) == pytest.approx(0.9 * 500)


def test_the_whole_is_as_good_as_its_worst_part() -> None:
    whole = hierarchy.add("DK", [part("DK1", 2600, 300), part("DK2", 1500, 400, Tier.SEASONAL)], np.full(3, 0.5))
    assert whole.tier is Tier.SEASONAL
