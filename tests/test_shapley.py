"""Exact splits of a joint effect."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine import shapley

NUMBERS = st.floats(-1e6, 1e6)


@given(st.integers(0, 5).flatmap(lambda k: st.lists(NUMBERS, min_size=2**k, max_size=2**k)))
def test_shares_add_up_to_what_all_do_together(worth):
    values = np.array(worth)[:, None]
    assert np.isclose(shapley.split(values).sum(), values[-1] - values[0], rtol=1e-9, atol=1e-6).all()


@given(st.lists(NUMBERS, min_size=4, max_size=4))
def test_who_adds_the_same_to_everybody_gets_just_that(amounts):
    worth = np.array([[sum(a for i, a in enumerate(amounts) if c >> i & 1)] for c in range(16)])
    assert np.allclose(shapley.split(worth)[:, 0], amounts, rtol=1e-9, atol=1e-6)


def test_what_two_do_only_together_is_shared_and_who_does_nothing_gets_nothing():
    worth = np.array([[6.0 if c & 0b011 == 0b011 else 0.0] for c in range(8)])
    assert np.allclose(shapley.split(worth)[:, 0], [3.0, 3.0, 0.0])
