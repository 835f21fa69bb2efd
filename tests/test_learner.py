import dataclasses

import lightgbm as lgb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain import DAY, HOUR, LEVELS, MEDIAN
from models import bundle, learner, onnx_graph
from models.learner import Learner, Recipe, Sister
from models.sampling import Sample

RECIPE = Recipe(
    sisters={
        "trees_l1": Sister("regression_l1", 31, 80, 1, rounds=60),
        "trees_alone": Sister("regression", 31, 80, 2, on_heads=False, rounds=60, rate=0.1),
    }
)


@pytest.fixture(scope="module")
def sample() -> Sample:
    """A small problem with what makes exports go wrong: gaps, repeated values, sines that differ in the last bit."""
    rng = np.random.default_rng(1)
    n = 6000
    names = ("hour", "lead_h", "east", "base_mwh", "recent_6h", "angle", "temperature", "weekday")
    hour = rng.integers(0, 24, n)
    rows = np.column_stack(
        [
            hour, rng.integers(-2, 169, n), rng.integers(0, 2, n), rng.uniform(1200, 3000, n), rng.normal(0, 0.05, n),
            np.sin(2 * np.pi * rng.integers(0, 360, n) / 360), np.round(rng.normal(8, 6, n), 1), rng.integers(0, 7, n),
        ]
    ).astype(np.float32)  # fmt: skip
    rows[rng.random(n) < 0.1, 6] = np.nan
    target = (
        0.5 * rows[:, 4]
        + 0.02 * rows[:, 5]
        - 0.002 * np.nan_to_num(rows[:, 6])
        + 0.03 * (rows[:, 7] > 4)
        + rng.normal(0, 0.01, n)
    )
    times = np.arange(n, dtype=np.int64) * HOUR
    return Sample(names, rows, target.astype(np.float64), times, times, np.zeros(n, bool), rows[:, names.index("east")] > 0)


@pytest.fixture(scope="module")
def model(sample: Sample) -> Learner:
    centre = learner.fit_centre(sample, 6000 * HOUR, RECIPE)
    return learner.fit_spread(centre, sample, sample.target - centre.predict(sample.rows), RECIPE)


def test_graph_and_python_agree_on_ties_and_gaps(sample: Sample, model: Learner) -> None:
    assert bundle.largest_difference(onnx_graph.build(model), model, bundle.hard_rows(model, sample.rows)) < bundle.PARITY


def test_thresholds_rounded_to_nearest_would_not_agree(sample: Sample, model: Learner, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the test above: it can fail."""
    down = onnx_graph.floor32
    monkeypatch.setattr(
        onnx_graph, "floor32", lambda value: np.nextafter(down(value), np.float32(np.inf)) if abs(value) < 1e30 else down(value)
    )
    assert bundle.largest_difference(onnx_graph.build(model), model, bundle.hard_rows(model, sample.rows)) > bundle.PARITY


def test_quantiles_are_ordered_and_calibrated_on_what_they_were_learned_from(sample: Sample, model: Learner) -> None:
    quantiles = model.predict(sample.rows)
    assert (np.diff(quantiles, axis=1) >= 0).all()
    share = (sample.observed[:, None] <= quantiles).mean(axis=0)
    np.testing.assert_allclose(np.delete(share, MEDIAN), np.delete(np.array(LEVELS), MEDIAN), atol=0.03)


def test_experts_differ_and_all_forecast(sample: Sample, model: Learner) -> None:
    experts = model.experts(sample.rows)
    assert model.centre.experts == ("heads", "trees_l1", "trees_alone")
    for column in experts.T:
        assert np.abs(np.log(column / sample.observed)).mean() < 0.02
    assert (experts.std(axis=1) > 0).mean() > 0.99
    np.testing.assert_allclose(model.predict(sample.rows)[:, MEDIAN], experts[:, 1:].mean(axis=1), rtol=1e-12)


def test_without_sisters_the_heads_forecast_alone(sample: Sample) -> None:
    centre = learner.fit_centre(sample, 6000 * HOUR, dataclasses.replace(RECIPE, sisters={}))
    assert centre.median_of == ("heads",)
    np.testing.assert_allclose(centre.predict(sample.rows), centre.expert_logs(sample.rows)[:, 0])


def test_heads_recover_a_linear_truth_and_take_the_mean_for_gaps() -> None:
    rng = np.random.default_rng(2)
    n = 48 * 60
    rows = np.column_stack([np.arange(n) % 24, np.arange(n) // 24 % 2, rng.normal(size=n), np.full(n, 30.0)]).astype(np.float32)
    target = 0.1 + 0.05 * rows[:, 2] * (1 + rows[:, 1]) + 0.01 * rows[:, 0]
    names = ("hour", "east", "recent_6h", "lead_h")
    sample = Sample(names, rows, target, np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n, bool), np.zeros(n, bool))
    centre = learner.fit_centre(sample, 0, Recipe(alpha=1e-9, sisters={}))
    np.testing.assert_allclose(centre.predict(rows), target, atol=1e-5)
    rows[0, 2] = np.nan
    assert centre.predict(rows[:1])[0] == pytest.approx(0.1, abs=0.01)


def test_rows_count_less_when_old_or_disturbed_and_more_for_the_next_day() -> None:
    rows = np.array([[24], [60], [60], [60]], np.float32)
    valid = np.array([0, 0, 0, -100 * DAY])
    sample = Sample(("lead_h",), rows, np.zeros(4), valid, valid, np.array([False, False, True, False]), np.zeros(4, bool))
    recipe = Recipe(half_life_days=100, day_ahead_weight=3.0, disturbed_weight=0.5)
    np.testing.assert_allclose(recipe.weights(sample, 0), [3, 1, 0.5, 0.5])


@given(st.floats(-1e30, 1e30))
def test_rounding_down_is_exact_for_float32(threshold: float) -> None:
    floor = onnx_graph.floor32(threshold)
    assert float(floor) <= threshold < float(np.nextafter(floor, np.float32(np.inf)))


def test_what_cannot_be_converted_is_refused() -> None:
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.integers(0, 5, 500), rng.normal(size=500)]).astype(float)
    data = lgb.Dataset(x, (x[:, 0] == 3) + x[:, 1], categorical_feature=[0])
    booster = lgb.train({"verbose": -1, "num_threads": 1, "min_data_per_group": 5, "cat_smooth": 1}, data, 5)
    with pytest.raises(ValueError, match="numeric"):
        onnx_graph.tree_node(booster, [0, 1], "features", "residual")
