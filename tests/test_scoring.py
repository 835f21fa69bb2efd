import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from engine import clock, scoring
from engine.domain import HOUR, LEVELS, Score

LOADS = hnp.arrays(np.float64, st.integers(1, 30), elements=st.floats(100, 5000))


def fan(middle: np.ndarray, width: float = 300.0) -> np.ndarray:
    return middle[:, None] + width * (np.array(LEVELS) - 0.5)


def test_pinball_by_hand() -> None:
    loss = scoring.pinball(np.array([10.0]), np.array([[8.0, 12.0]]), (0.1, 0.9))
    assert loss == pytest.approx(np.array([[0.2, 0.2]]))


def test_crps_of_a_uniform_distribution() -> None:
    levels = tuple(np.arange(0.005, 1, 0.01))
    quantiles = np.array([levels])  # uniform on [0, 1]
    assert scoring.crps(np.array([0.5]), quantiles, levels)[0] == pytest.approx(1 / 12, rel=1e-3)


@given(LOADS)
def test_a_perfect_forecast_scores_zero(load: np.ndarray) -> None:
    score = scoring.score(load, np.repeat(load[:, None], len(LEVELS), axis=1), load + 50, floor=1.0)
    assert score.mae == score.rmse == score.wape == score.wql == score.mean_crps == 0
    assert score.skill == 1
    assert score.coverage_80 == 100


@given(LOADS, st.integers(1, 29))
def test_scores_of_parts_add_up(load: np.ndarray, cut: int) -> None:
    quantiles, naive = fan(load * 1.03), np.where(np.arange(len(load)) % 3, load * 0.9, np.nan)
    whole = scoring.score(load, quantiles, naive, 10.0)
    parts = scoring.score(load[:cut], quantiles[:cut], naive[:cut], 10.0) + scoring.score(
        load[cut:], quantiles[cut:], naive[cut:], 10.0
    )
    for name in (
        "n",
        "mae",
        "rmse",
        "wape",
        "mape",
        "rmspe",
        "wql",
        "mean_crps",
        "skill",
        "coverage_50",
        "coverage_90",
        "mean_width_80",
    ):
        assert getattr(parts, name) == pytest.approx(getattr(whole, name), nan_ok=True)


def test_every_figure_by_hand() -> None:
    """Two hours of 100 and 200 MWh; forecast medians 110 and 190, P05..P95 evenly 2 MWh a percent around them."""
    load = np.array([100.0, 200.0])
    quantiles = np.array([110.0, 190.0])[:, None] + 200 * (np.array(LEVELS) - 0.5)
    score = scoring.score(load, quantiles, np.array([140.0, 200.0]), floor=1.0)
    assert score.mae == pytest.approx(10)
    assert score.bias == pytest.approx(0)
    assert score.rmse == pytest.approx(10)
    assert score.wape == pytest.approx(100 * 20 / 300)
    assert score.mape == pytest.approx(100 * (0.1 + 0.05) / 2)
    assert score.rmspe == pytest.approx(100 * math.sqrt((0.1**2 + 0.05**2) / 2))
    assert score.skill == pytest.approx(1 - 20 / 40)
    assert score.reference_mae == pytest.approx(20)
    assert score.mean_width_80 == pytest.approx(100 * 160 * 2 / 300)
    deciles = [i / 10 for i in range(1, 10)]
    loss = sum(max(a * m, (a - 1) * m) for y, q in ((100, 110), (200, 190)) for a in deciles for m in [y - q - 200 * (a - 0.5)])
    assert score.wql == pytest.approx(100 * 2 * loss / 9 / 300)


@pytest.mark.parametrize(
    ("miss", "in50", "in80", "in90"), [(49, 100, 100, 100), (51, 0, 100, 100), (81, 0, 0, 100), (91, 0, 0, 0)]
)
def test_which_interval_holds_an_hour(miss: float, in50: float, in80: float, in90: float) -> None:
    quantiles = 1000 + 200 * (np.array([LEVELS]) - 0.5)  # the 50 % interval ends 50 MWh from the median, 80 %: 80, 90 %: 90
    for load in (1000 + miss, 1000 - miss):
        score = scoring.score(np.array([load]), quantiles, np.array([np.nan]), 1.0)
        assert (score.coverage_50, score.coverage_80, score.coverage_90) == (in50, in80, in90)


def test_a_score_over_nothing_is_not_a_number() -> None:
    empty = Score()
    for name in ("mae", "rmse", "wape", "mape", "rmspe", "wql", "mean_crps", "skill", "coverage_80", "reference_mae", "bias"):
        assert math.isnan(getattr(empty, name))


def test_relative_errors_need_a_load_above_the_floor() -> None:
    load = np.array([5.0, 8.0])
    assert math.isnan(scoring.score(load, fan(load), load, floor=10.0).mape)


def test_skill_compares_the_same_hours_only() -> None:
    load = np.array([100.0, 100.0])
    score = scoring.score(load, fan(np.array([110.0, 500.0])), np.array([120.0, np.nan]), 1.0)
    assert score.skill == pytest.approx(0.5)


def test_lead_buckets() -> None:
    leads = np.array([-913.0, -912, 0, 0.5, 1, 6, 6.2, 24, 25, 72, 168, 169])
    assert scoring.lead_bucket(leads).tolist() == [-1, 0, 0, 1, 1, 1, 2, 3, 4, 5, 6, -1]


def test_same_hour_a_week_before_follows_the_danish_clock() -> None:
    noon = clock.local_time(clock.dt.date(2026, 10, 28), 12)
    before = scoring.same_hour_weeks_before(np.array([noon]), 1)[0]
    assert clock.local(int(before)).hour == 12
    assert noon - before == 7 * 24 * HOUR + HOUR


def test_bootstrap_interval_holds_the_skill_and_needs_two_blocks() -> None:
    rng = np.random.default_rng(0)
    naive, model = rng.uniform(80, 120, 365), rng.uniform(40, 60, 365)
    low, high = scoring.block_bootstrap(model, naive)
    assert low < 1 - model.sum() / naive.sum() < high < low + 0.05
    assert math.isnan(scoring.block_bootstrap(model[:10], naive[:10])[0])
