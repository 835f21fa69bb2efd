import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import comparison


def daily(n: int, seed: int, autocorrelation: float = 0.3, deviation: float = 1.0, mean: float = 0.0) -> np.ndarray:
    """Loss differences of days that depend on the days before."""
    shocks = np.random.default_rng(seed).normal(size=n + 50) * math.sqrt(1 - autocorrelation**2)
    values = np.zeros(n + 50)
    for i in range(1, n + 50):
        values[i] = autocorrelation * values[i - 1] + shocks[i]
    return mean + deviation * values[50:]


@pytest.mark.parametrize(
    ("t", "freedom", "expected"),
    [  # 2 * scipy.stats.t.sf(t, freedom), scipy 1.17
        (1.0, 1, 0.5),
        (2.0, 2, 0.18350341907227397),
        (1.3, 5, 0.2503006341706771),
        (0.01, 13, 0.9921731208426161),
        (2.2, 364, 0.02843477697344052),
        (-2.2, 364, 0.02843477697344052),
    ],
)
def test_student_p_is_that_of_scipy(t: float, freedom: int, expected: float) -> None:
    assert comparison.student_p(t, freedom) == pytest.approx(expected, rel=1e-9)


@given(st.integers(1, 60), st.integers(0, 8), st.integers(0, 1000))
def test_long_run_variance_is_newey_wests_for_every_prefix(n: int, lags: int, seed: int) -> None:
    x = daily(n, seed, mean=3.0)
    deviation = x - x.mean()
    products = [deviation[k:] @ deviation[: n - k] for k in range(min(lags, n - 1) + 1)]
    direct = (products[0] + 2 * sum((1 - k / (lags + 1)) * p for k, p in enumerate(products) if k)) / n
    assert comparison.long_run_variance(x, lags)[-1] == pytest.approx(max(direct, 0), abs=1e-9)


def test_diebold_mariano_by_hand() -> None:
    """With no lags it is the t-test of paired days: scipy.stats.ttest_1samp."""
    x = np.array([1.0, 2.0, 0.0, 3.0, -1.0, 2.0, 1.0, 4.0])
    t = x.mean() * math.sqrt(len(x) - 1) / x.std()
    assert comparison.diebold_mariano(x, lags=0) == pytest.approx((t, 0.03314550026377369), rel=1e-9)


def test_diebold_mariano_rejects_as_often_as_it_should() -> None:
    p_values = np.array([comparison.diebold_mariano(daily(365, seed))[1] for seed in range(600)])
    assert 0.03 < np.mean(p_values < 0.05) < 0.085


def test_equal_losses_and_few_days_give_no_claim() -> None:
    loss = np.random.default_rng(1).gamma(4, size=200)
    same = comparison.compare(loss, loss)
    assert same.better is None
    assert math.isnan(same.p_value)
    few = comparison.compare(loss[:10], loss[:10] + 5)
    assert few.better is None
    assert "too few" in few.sentence("a", "b", "absolute error")
    assert comparison.compare(loss[:0], loss[:0]).days == 0


def test_a_clear_difference_is_told_with_its_size() -> None:
    second = np.random.default_rng(1).gamma(20, size=365)
    found = comparison.compare(0.9 * second, second)
    assert found.better is True
    assert found.relative_difference == pytest.approx(-0.1)
    assert found.days_won == 100
    assert "absolute error of a is 10.0 % lower than that of b" in found.sentence("a", "b", "absolute error")
    worse = comparison.compare(second, 0.9 * second)
    assert worse.better is False
    assert "higher" in worse.sentence("a", "b", "absolute error")
    assert worse.interval == pytest.approx((-found.interval[1], -found.interval[0]))


def test_no_claim_while_the_interval_holds_zero() -> None:
    second = 20 + daily(365, 3)
    found = comparison.compare(second + daily(365, 4), second)
    assert found.interval[0] < 0 < found.interval[1]
    assert found.better is None
    assert "no difference in WQL can be claimed" in found.sentence("a", "b", "WQL")
    assert "holds 0" in found.sentence("a", "b", "WQL")


def test_no_claim_while_one_of_the_tests_does_not_agree() -> None:
    second = 20 + daily(21, 3)
    found = comparison.compare(second - 1 + daily(21, 2, 0.6), second)
    assert found.interval[1] < 0
    assert found.p_value > 0.05
    assert found.better is None
    assert "leaves 0 out" in found.sentence("a", "b", "WQL")


@pytest.mark.parametrize("autocorrelation", [0.0, 0.3])
def test_a_confidence_sequence_ever_excludes_zero_in_under_five_of_a_hundred_equal_races(autocorrelation: float) -> None:
    races = 1200
    wrong = 0
    for seed in range(races):
        lower, upper = comparison.confidence_sequence(daily(365, seed, autocorrelation))
        wrong += bool(((lower > 0) | (upper < 0)).any())
    assert wrong / races <= 0.05


def test_a_confidence_sequence_finds_three_percent_within_a_year_or_so() -> None:
    """Noise of 12 % of the mean loss, as between two trainings of one model; half of the races end within a year."""
    found = []
    for seed in range(300):
        _, upper = comparison.confidence_sequence(daily(730, seed, deviation=0.12, mean=-0.03))
        days = np.flatnonzero(upper < 0)
        found.append(days[0] + 1 if len(days) else 9999)
    assert np.median(found) < 300
    assert np.mean(np.array(found) <= 365) > 0.6


def test_a_confidence_sequence_uses_nothing_that_came_later() -> None:
    x = daily(200, 1)
    long, short = comparison.confidence_sequence(x), comparison.confidence_sequence(x[:100])
    for a, b in zip(long, short, strict=True):
        np.testing.assert_allclose(a[:100], b)
        assert np.isinf(a[:7]).all()
        assert np.isfinite(a[62:]).all()
    assert len(comparison.confidence_sequence(x[:0])[0]) == 0
    assert np.isinf(comparison.confidence_sequence(x[:3])[0]).all()


def test_a_confidence_sequence_scales_with_its_unit() -> None:
    x = daily(150, 1, mean=0.2)
    lower, upper = comparison.confidence_sequence(x)
    for bound, scaled in zip((lower, upper), comparison.confidence_sequence(1000 * x), strict=True):
        np.testing.assert_allclose(1000 * bound, scaled)
