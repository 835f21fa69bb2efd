import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import adaptation
from engine.adaptation import AHEAD, BRIDGE, Adaptation, Lesson
from engine.domain import HOUR, LEVELS, MEDIAN, FeatureMatrix
from engine.store import codec

SIZE = 4
HOURS = np.arange(24)


def lesson(
    day: int, median: float = 100.0, width: float = 0.1, part: int = AHEAD, size: int = SIZE, days_back: int = 10
) -> Lesson:
    rng = np.random.default_rng(day)
    quantiles = median * np.exp(width * np.linspace(-1, 1, len(LEVELS)))[None].repeat(24, axis=0)
    inputs = np.column_stack([np.ones(24), rng.normal(size=(24, size - 1))]) if size else np.zeros((24, 0))
    return Lesson(day * 86400 + HOUR * HOURS, quantiles, inputs, np.full(24, part), HOURS, days_back)


def taught(days: int, load, size: int = SIZE, **how) -> Adaptation:
    learned = Adaptation.start(size)
    for day in range(1, days + 1):
        given_lesson = lesson(day, size=size, **how)
        learned = learned.learn(day, [given_lesson], [load(day, given_lesson)])
    return learned


def published(learned: Adaptation, of: Lesson):
    return learned.apply(of)


def test_a_beginner_publishes_what_the_model_says():
    of = lesson(1)
    np.testing.assert_allclose(published(Adaptation.start(SIZE), of), of.quantiles, rtol=1e-9)


def test_a_series_that_answers_otherwise_is_followed():
    learned = taught(200, lambda _day, of: 100 * np.exp(0.04 + 0.05 * of.inputs[:, 2]))
    new = lesson(999)
    truth = 100 * np.exp(0.04 + 0.05 * new.inputs[:, 2])
    before, after = (np.abs(q[:, MEDIAN] - truth).mean() for q in (new.quantiles, published(learned, new)))
    assert after < 0.45 * before
    assert (learned.learned_to, learned.days) == (200, 200)


def test_one_broken_day_bends_little():
    usual = taught(60, lambda _day, _of: np.full(24, 100.0))
    broken = taught(60, lambda day, _of: np.full(24, 100.0 if day != 60 else 4000.0))
    difference = published(broken, lesson(999))[:, MEDIAN] - published(usual, lesson(999))[:, MEDIAN]
    assert np.abs(difference).max() < 1.0


@pytest.mark.parametrize(("spread", "wider"), [(0.3, True), (0.01, False)])
def test_bands_are_steered_to_hold_their_shares(spread, wider):
    rng = np.random.default_rng(5)
    learned = taught(250, lambda _day, _of: 100 * np.exp(rng.normal(0, spread, 24)), size=0)
    new = lesson(999, size=0)
    made = published(learned, new)
    assert (made[:, -1] > new.quantiles[:, -1]).all() == wider
    np.testing.assert_array_equal(made[:, MEDIAN], new.quantiles[:, MEDIAN])  # a sum keeps the median of its parts
    observed = 100 * np.exp(rng.normal(0, spread, (4000, 24)))
    held = ((observed >= made[:, LEVELS.index(0.1)]) & (observed <= made[:, LEVELS.index(0.9)])).mean()
    assert 0.70 < held < 0.90
    assert (np.diff(made, axis=1) >= 0).all()


def test_bridge_and_ahead_learn_their_widths_apart():
    learned = taught(40, lambda _day, _of: np.full(24, 150.0), size=0, part=BRIDGE)
    assert (learned.width[BRIDGE] > 0).all()
    assert (learned.width[AHEAD] == 0).all()


def test_hours_without_load_teach_nothing():
    whole = taught(30, lambda _day, _of: np.where(HOURS < 12, 110.0, np.nan))
    assert np.isfinite(whole.slopes).all()
    nothing = whole.learn(31, [lesson(31)], [np.full(24, np.nan)])
    np.testing.assert_array_equal(nothing.slopes, whole.slopes)
    np.testing.assert_array_equal(nothing.width, whole.width)
    assert nothing.learned_to == 31


@given(size=st.integers(0, 6), days=st.integers(0, 20))
def test_what_was_learned_survives_its_coding(size, days):
    learned = taught(days, lambda day, _of: np.full(24, 90.0 + day), size=size)
    again = codec.decode_adaptation(learned.learned_to, learned.days, codec.encode_adaptation(learned))
    for name in ("moments", "effects", "slopes", "width", "width_by_hour", "inside", "earlier"):
        np.testing.assert_array_equal(getattr(again, name), getattr(learned, name))


def test_the_design_is_one_and_every_input_standardised():
    matrix = FeatureMatrix(("hour", "free", "cold"), np.zeros(2, np.int64), np.array([[0, 1, 4], [6, np.nan, 8]], np.float32))
    made = adaptation.design(matrix, {"free": (0.0, 1.0), "cold": (4.0, 2.0)})
    np.testing.assert_allclose(made[:, :3], [[1, 1, 0], [1, 0, 2]])
    np.testing.assert_allclose(made[0, 3:], [1, 0, 1, 0], atol=1e-12)  # free at midnight: its cosines
