"""The error a forecast expects: that of its own distribution, and what is learned from how such expectations did."""

from __future__ import annotations

import numpy as np
import pytest
from filled_store import NOW, forecast
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from engine import expected_error, scoring
from engine.domain import DAY, HOUR, LEAD_BUCKETS, LEVELS
from engine.reliability import SUMS, Reliability

TODAY = NOW // DAY


def kept(days: int, actual: float, expected: float) -> Reliability:
    """Days before today, all lead buckets alike, one pair each."""
    table = np.ones((days, len(LEAD_BUCKETS), len(SUMS)))
    table[..., -2], table[..., -1] = actual, expected
    return Reliability.of(np.arange(TODAY - days, TODAY), table)


def test_of_an_even_distribution_it_is_a_quarter_of_its_width() -> None:
    quantiles = 100 + 40 * np.array(LEVELS)[None, :]
    assert scoring.expected_error(quantiles)[0] == pytest.approx(10.0)


def test_of_a_bell_curve_it_is_nearly_that() -> None:
    deviates = np.array([-1.645, -1.282, -0.842, -0.674, -0.524, -0.253, 0, 0.253, 0.524, 0.674, 0.842, 1.282, 1.645])
    assert scoring.expected_error(100 + deviates[None, :])[0] == pytest.approx(np.sqrt(2 / np.pi), rel=0.04)


@given(arrays.arrays(float, (4, len(LEVELS)), elements=st.floats(0, 1e4)), st.floats(0.1, 10))
def test_it_grows_with_the_forecast_and_is_never_negative(raw: np.ndarray, factor: float) -> None:
    quantiles = np.sort(raw, axis=1)
    error = scoring.expected_error(quantiles)
    assert (error >= 0).all()
    np.testing.assert_allclose(scoring.expected_error(factor * quantiles), factor * error, rtol=1e-9, atol=1e-9)


def test_errors_twice_the_expected_ones_are_expected_after_weeks_of_them() -> None:
    assert expected_error.ratios(kept(28, 20, 10), np.array([TODAY])) == pytest.approx((28 * 20 + 70) / (28 * 10 + 70))
    assert expected_error.ratios(kept(0, 0, 0), np.array([TODAY])).tolist() == [[1.0] * len(LEAD_BUCKETS)], (
        "nothing known: as it says itself"
    )
    assert expected_error.ratios(kept(60, 20, 10), np.array([TODAY - 60])).tolist() == [[1.0] * len(LEAD_BUCKETS)], (
        "nothing was known then"
    )


def test_the_hours_to_come_are_told_by_lead_bucket() -> None:
    issue = forecast("DK1", NOW - 20 * 60)
    found = expected_error.estimate(issue, NOW // HOUR * HOUR, kept(28, 12, 10), NOW)
    assert [e.lead_bucket for e in found] == list(range(len(LEAD_BUCKETS)))
    own = scoring.expected_error(issue.quantiles)
    bucket = scoring.lead_bucket((issue.valid_time - issue.issue_time) / HOUR)
    assert found[4].hours == 24
    assert found[4].mae == pytest.approx(own[bucket == 4].mean() * (28 * 12 + 70) / (28 * 10 + 70))
    assert expected_error.estimate(issue, int(issue.valid_time[-1]) + HOUR, kept(28, 12, 10), NOW) == []


@pytest.mark.parametrize("lag_days", [1, 11])
def test_an_earlier_estimate_knew_only_what_was_known_then(lag_days: int) -> None:
    told = expected_error.outcome(kept(60, 20, 10), (3, 4), lag_days)
    behind = lag_days + 1 + 2
    assert (told.expected[: behind + 1] == 10).all(), "the first days had nothing to learn from"
    assert told.expected[behind + 1] > 10
    assert told.expected[-1] == pytest.approx(10 * (28 * 20 + 70) / (28 * 10 + 70))
    assert told.ratio > 1
    changed = kept(60, 20, 10)
    changed.abs_error[-behind:] = 500
    again = expected_error.outcome(changed, (3, 4), lag_days)
    np.testing.assert_array_equal(again.expected, told.expected)
    assert np.isnan(expected_error.outcome(kept(0, 0, 0), (0,), 1).ratio)
