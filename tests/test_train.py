import histories
import lightgbm as lgb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import clock
from engine.domain import DAY, HOUR, LEVELS, MEDIAN, Tier
from models import learner, onnx_graph, train
from models.learner import Learner, Sample


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
    return Sample(names, rows, target.astype(np.float64), times, times, np.ones(n))


@pytest.fixture(scope="module")
def model(sample: Sample) -> Learner:
    centre = learner.fit_centre(sample)
    return learner.fit_spread(centre, sample, sample.target - centre.predict(sample.rows))


def test_graph_and_python_agree_on_ties_and_gaps(sample: Sample, model: Learner) -> None:
    assert train.largest_difference(onnx_graph.build(model), model, train.hard_rows(model, sample.rows)) < train.PARITY


def test_thresholds_rounded_to_nearest_would_not_agree(sample: Sample, model: Learner, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the test above: it can fail."""
    down = onnx_graph.floor32
    monkeypatch.setattr(
        onnx_graph, "floor32", lambda value: np.nextafter(down(value), np.float32(np.inf)) if abs(value) < 1e30 else down(value)
    )
    assert train.largest_difference(onnx_graph.build(model), model, train.hard_rows(model, sample.rows)) > train.PARITY


def test_quantiles_are_ordered_and_calibrated_on_what_they_were_learned_from(sample: Sample, model: Learner) -> None:
    quantiles = model.predict(sample.rows)
    observed = np.exp(sample.target) * sample.column("base_mwh")
    assert (np.diff(quantiles, axis=1) >= 0).all()
    share = (observed[:, None] <= quantiles).mean(axis=0)
    np.testing.assert_allclose(np.delete(share, MEDIAN), np.delete(np.array(LEVELS), MEDIAN), atol=0.03)


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


def test_sampled_rows_say_what_came_true() -> None:
    end = clock.parse_utc("2026-06-10T00:00Z")
    made = train.sample_area(histories.archive(end, days=120, noise=0.0), "DK1", end - 20 * DAY, end, train.REGIMES[Tier.FULL])
    observed = np.exp(made.target) * made.column("base_mwh")
    np.testing.assert_allclose(observed, histories.load_at(made.valid_time), rtol=1e-4)
    assert (made.valid_time < end).all()
    np.testing.assert_array_equal(made.column("lead_h"), (made.valid_time - made.issue_time) / HOUR)
    assert made.weight.max() <= 1 < 2 * made.weight.min()
