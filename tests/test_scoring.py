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
    leads = np.array([-13.0, -12, 0, 0.5, 1, 6, 6.2, 24, 25, 72, 168, 169])
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
