"""Limits as they are written, and the probability of exceeding one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from filled_store import NOW, forecast
from hypothesis import given
from hypothesis import strategies as st

from engine import limits
from engine.domain import DAY, HOUR, LEVELS, Consumer, Expected
from engine.limits import Limits, exceedance, peak

LOADS = st.lists(st.floats(1.0, 5000.0), min_size=len(LEVELS), max_size=len(LEVELS)).map(sorted)


def test_limits_are_read_as_they_are_written() -> None:
    told = Limits.parse(" DK1=3400, DK2 = 2300.5,851/household=0.12 ,")
    assert told.loads == {Consumer("DK1"): 3400.0, Consumer("DK2"): 2300.5, Consumer("851", "household"): 0.12}
    assert Limits.parse(told.text) == told
    assert Limits.parse("") == Limits()


@pytest.mark.parametrize(
    "text", ["DK1", "DK1=", "=3", "DK1=-4", "DK1=0", "DK1=nan", "DK1=inf", "/household=3", "851/=3", "DK1=1,DK1=2"]
)
def test_a_limit_that_makes_no_sense_is_refused_with_its_words(text: str) -> None:
    with pytest.raises(Expected, match=r"limit"):
        Limits.parse(text)


@given(st.dictionaries(st.sampled_from([Consumer("DK1"), Consumer("851", "household")]), st.floats(1e-6, 1e9)))
def test_writing_and_reading_are_each_others_inverse(loads: dict[Consumer, float]) -> None:
    again = Limits.parse(Limits(loads).text).loads
    assert list(again) == list(loads)
    assert list(again.values()) == pytest.approx(list(loads.values()))


@given(LOADS, st.lists(st.floats(0.0, 6000.0), min_size=2, max_size=2).map(sorted))
def test_a_higher_limit_is_never_exceeded_more_probably(loads: list[float], pair: list[float]) -> None:
    quantiles = np.array([loads])
    lower, higher = (float(exceedance(quantiles, LEVELS, limit)[0]) for limit in pair)
    assert 0.0 <= higher <= lower <= 1.0


@given(LOADS, st.integers(0, len(LEVELS) - 1))
def test_at_a_quantile_the_probability_is_what_its_level_leaves(loads: list[float], index: int) -> None:
    ties = [level for level, load in zip(LEVELS, loads, strict=True) if load == loads[index]]
    assert exceedance(np.array([loads]), LEVELS, loads[index])[0] == pytest.approx(1 - max(ties))


def test_it_is_linear_between_levels_and_exponential_beyond_them() -> None:
    quantiles = 100.0 * np.array([LEVELS])
    assert exceedance(quantiles, LEVELS, 45.0)[0] == pytest.approx(0.55)
    assert exceedance(quantiles, LEVELS, 100.0)[0] == pytest.approx(0.05 * math.exp(-1))
    assert exceedance(quantiles, LEVELS, 0.0)[0] == pytest.approx(1 - 0.05 * math.exp(-1))
    one = np.full((1, len(LEVELS)), 70.0)
    assert [exceedance(one, LEVELS, x)[0] for x in (69.9, 70.0, 70.1)] == pytest.approx([1.0, 0.05, 0.0])


def test_an_hour_that_is_not_known_has_no_probability() -> None:
    quantiles = np.array([[math.nan] * len(LEVELS), np.array(LEVELS)])
    assert np.isnan(exceedance(quantiles, LEVELS, 0.5)).tolist() == [True, False]


def test_the_peak_is_the_largest_hour_that_has_not_begun() -> None:
    issue = forecast("DK1", NOW - 20 * 60)
    found = peak(issue, NOW, DAY, 3000.0)
    assert found is not None
    ahead = (issue.valid_time > NOW) & (issue.valid_time <= NOW + DAY)
    assert found.load == issue.median[ahead].max()
    assert found.low < found.load < found.high
    risk = exceedance(issue.quantiles[ahead], LEVELS, 3000.0)
    assert (found.probability, found.probable_at) == (risk.max(), issue.valid_time[ahead][risk.argmax()])
    assert 0 < limits.lead_h(found.time, NOW) <= 24


def test_without_a_limit_a_peak_has_no_probability_and_without_hours_there_is_none() -> None:
    issue = forecast("DK1", NOW)
    found = peak(issue, NOW, DAY)
    assert found is not None
    assert math.isnan(found.probability)
    assert peak(issue, NOW + 8 * DAY, DAY, 3000.0) is None
    assert limits.lead_h(NOW + HOUR, NOW) == 1
