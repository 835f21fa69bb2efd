"""Calibration: what it learns from hours that came true, and what it never does to a forecast."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.calibration import LEAD_GROUPS, SHARES, Calibration, lead_group
from engine.domain import DAY, HOUR, LEVELS, Draft, QuantileForecast, Reason, Tier
from engine.store import codec

START = 1_700_000_000 // DAY * DAY
EXPERTS = ("model", "heads", "trees", "seasonal_naive")
Z = np.array([-1.645, -1.282, -0.842, -0.674, -0.524, -0.253, 0.0, 0.253, 0.524, 0.674, 0.842, 1.282, 1.645])


def issue(day: int, wind: np.ndarray, load: float = 2000.0, spread: float = 0.03) -> QuantileForecast:
    """A raw issue at 10:00 UTC for the 24 hours of the next day; its heads are 5 % too high, its reference 10 % too low."""
    median = np.full(24, load)
    draft = Draft(EXPERTS, np.outer(median, [1.0, 1.05, 1.0, 0.9]), ("wind",), wind[:, None], np.zeros((24, 2)))
    issue_time = START + day * DAY + 10 * HOUR
    hours = START + (day + 1) * DAY + HOUR * np.arange(24)
    quantiles = median[:, None] * np.exp(spread * Z)
    return QuantileForecast("DK1", "total", issue_time, hours, LEVELS, quantiles, Tier.FULL, Reason.NONE, "m", draft=draft)


def live(
    days: int, truth: object, spread: float = 0.03, seed: int = 1, late: int = 1
) -> tuple[Calibration, list[QuantileForecast], np.ndarray]:
    """Issue and learn day after day; `truth(day, wind, rng)` is the load of a day, known `late` days after.

    Returns what was published and came true.
    """
    rng = np.random.default_rng(seed)
    calibration = Calibration.start(issue(0, np.zeros(24)).draft)
    published, observed = [], []
    for day in range(days):
        wind = np.repeat(rng.normal(), 24)
        made = calibration.apply(issue(day, wind, spread=spread))
        load = truth(day, wind, rng)
        published.append(made)
        observed.append(load)
        if day >= late:
            then = published[-1 - late]
            for hour, value in zip(then.valid_time, observed[-1 - late], strict=True):
                calibration = calibration.learn(int(hour), float(value), [then], int(hour) + (late - 1) * DAY + 2 * HOUR)
    return calibration, published, np.array(observed)


def noise(sd: float, bias: float = 0.0, response: float = 0.0, step: tuple[int, float] = (10**9, 0.0)) -> object:
    def truth(day: int, wind: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        shift = bias + response * wind + (step[1] if day >= step[0] else 0.0)
        return 2000 * np.exp(shift + sd * rng.normal(size=24))

    return truth


def covered(published: list[QuantileForecast], observed: np.ndarray, low: float, high: float, first: int) -> float:
    a, b = LEVELS.index(low), LEVELS.index(high)
    q = np.array([p.quantiles for p in published[first:]])
    return float(np.mean((q[:, :, a] <= observed[first:]) & (observed[first:] <= q[:, :, b])))


def test_nothing_learned_changes_next_to_nothing() -> None:
    raw = issue(0, np.zeros(24))
    assert raw.draft is not None
    made = Calibration.start(raw.draft).apply(raw)
    np.testing.assert_allclose(made.quantiles, raw.quantiles, rtol=0.01)  # other experts have a little weight from the start
    np.testing.assert_allclose(made.quantiles / made.median[:, None], raw.quantiles / raw.median[:, None], rtol=1e-9)


@pytest.mark.parametrize("spread", [0.01, 0.1])
def test_bands_come_to_hold_what_they_say(spread: float) -> None:
    _, published, observed = live(200, noise(0.03), spread)
    for share in SHARES:
        low, high = round((1 - share) / 2, 2), round((1 + share) / 2, 2)
        assert covered(published, observed, low, high, 60) == pytest.approx(share, abs=0.02)


@pytest.mark.parametrize("days", [3, 12])
def test_recent_coverage_is_that_of_the_hours_learned_however_few(days: int) -> None:
    calibration, published, observed = live(days, noise(0.05), spread=0.02)
    held = covered(published[:-1], observed[:-1], 0.1, 0.9, 0)
    assert calibration.coverage[1][1] == pytest.approx(held, abs=0.02)
    assert np.isnan(calibration.coverage[0]).all(), "no hour of these leads came true"
    assert calibration.coverage_deviation[1][1] > 0.5 / np.sqrt(24 * days), "a day tells less than 24 independent hours"


def test_bands_do_not_swing_when_truth_comes_late() -> None:
    _, published, observed = live(400, noise(0.03), 0.01, late=10)
    assert covered(published, observed, 0.10, 0.90, 120) == pytest.approx(0.8, abs=0.03)
    widths = np.array([np.log(p.quantiles[:, -2] / p.quantiles[:, 1]).mean() for p in published[120:]])
    assert widths.max() < 1.6 * np.median(widths)


def test_a_response_that_is_stronger_now_is_learned() -> None:
    calibration, published, observed = live(150, noise(0.01, response=0.03))
    assert calibration.slopes[1][1] == pytest.approx(0.03, abs=0.006)
    error = np.log([p.median for p in published]) - np.log(observed)
    assert np.abs(error[100:]).mean() < 0.5 * np.abs(error[:10]).mean()


def test_a_new_level_is_followed_within_weeks() -> None:
    _, published, observed = live(160, noise(0.01, step=(100, 0.08)))
    error = np.log(observed.mean(axis=1)) - np.log([p.median.mean() for p in published])
    assert abs(error[95:100]).mean() < 0.01
    assert error[101] > 0.06
    assert abs(error[130:]).mean() < 0.03


def test_the_expert_that_is_right_gets_the_weight() -> None:
    calibration, *_ = live(300, noise(0.002, bias=0.0))
    weights = dict(zip(calibration.experts, calibration.weights[1], strict=True))
    assert weights["heads"] < 0.01
    assert weights["seasonal_naive"] < 0.01
    assert sum(weights.values()) == pytest.approx(1.0)


def test_lead_groups_learn_apart_and_pass_over_smoothly() -> None:
    calibration, *_ = live(60, noise(0.03, bias=0.05))
    assert calibration.hours[1] > 1000
    assert calibration.hours[0] == calibration.hours[2] == 0
    assert lead_group(np.array([-3.0, 6.0, 6.5, 48.0, 49.0, 168.0])).tolist() == [0, 0, 1, 1, 2, 2]
    assert [last for _, last in LEAD_GROUPS] == [6, 48, 168]
    long = dataclasses.replace(
        issue(0, np.zeros(24)),
        valid_time=START + 10 * HOUR + HOUR * np.arange(1, 169),
        quantiles=np.tile(2000 * np.exp(0.03 * Z), (168, 1)),
        draft=Draft(EXPERTS, np.full((168, 4), 2000.0), ("wind",), np.zeros((168, 1)), np.zeros((168, 2))),
    )
    made = calibration.apply(long)
    assert np.abs(np.diff(np.log(made.median))).max() < 0.02  # 5 % are learned in the middle group, none beside it
    assert made.median[30] > 1.03 * made.median[2]


def test_a_sum_of_parts_keeps_its_median_and_learns_its_bands() -> None:
    nothing = np.zeros((24, 0))
    total = dataclasses.replace(issue(0, np.zeros(24)), draft=Draft((), nothing, (), nothing, np.zeros((24, 2))))
    assert total.draft is not None
    calibration = Calibration.start(total.draft)
    for hour in total.valid_time:
        calibration = calibration.learn(int(hour), 3000.0, [calibration.apply(total)], int(hour) + 2 * HOUR)
    made = calibration.apply(total)
    np.testing.assert_array_equal(made.median, total.median)
    assert (made.quantiles[:, -1] > total.quantiles[:, -1]).all()


def test_what_cannot_be_learned_from_changes_nothing() -> None:
    raw = issue(0, np.zeros(24))
    assert raw.draft is not None
    calibration = Calibration.start(raw.draft)
    hour = int(raw.valid_time[3])
    others = dataclasses.replace(
        raw, draft=dataclasses.replace(raw.draft, experts=("model", "new"), medians=raw.draft.medians[:, :2])
    )
    for observed, issues in ((0.0, [raw]), (2000.0, []), (2000.0, [others]), (2000.0, [dataclasses.replace(raw, draft=None)])):
        assert calibration.learn(hour, observed, issues, hour + 2 * HOUR) is calibration
    assert not calibration.suits(others.draft)  # type: ignore[arg-type]


def test_it_is_kept_and_read_again_exactly() -> None:
    calibration, *_ = live(30, noise(0.03, bias=0.02, response=0.01))
    assert Calibration.parse(calibration.text()).text() == calibration.text()
    again, *_ = live(30, noise(0.03, bias=0.02, response=0.01))
    assert again.text() == calibration.text()


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.floats(0.2, 5.0), st.integers(1, 8))
def test_levels_never_cross_and_load_is_never_negative(seed: int, wildness: float, days: int) -> None:
    calibration, published, _ = live(days, noise(0.1 * wildness, bias=0.2 * wildness), seed=seed)
    rng = np.random.default_rng(seed)
    wild = dataclasses.replace(calibration, width=rng.normal(0, wildness, calibration.width.shape))
    raw = issue(days, rng.normal(size=24))
    raw.quantiles[3, :2] = 0.0
    for made in (*published, wild.apply(raw)):
        assert np.isfinite(made.quantiles).all()
        assert (made.quantiles >= 0).all()
        assert (np.diff(made.quantiles, axis=1) >= 0).all()


@settings(max_examples=60)
@given(st.integers(1, 171), st.integers(0, 5), st.integers(0, 4), st.integers(0, 2**32 - 1))
def test_a_draft_is_kept_as_it_was_rounded(hours: int, experts: int, responses: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    draft = codec.quantise_draft(
        Draft(
            tuple(f"e{i}" for i in range(experts)),
            rng.uniform(0, 5000, (hours, experts)),
            tuple(f"r{i}" for i in range(responses)),
            rng.normal(0, 8, (hours, responses)),
            rng.normal(0, 0.2, (hours, 2)),
        ),
        6000.0,
    )
    again = codec.decode_draft(*codec.encode_draft(draft))
    assert (again.experts, again.responses) == (draft.experts, draft.responses)
    for name in ("medians", "inputs", "corrections"):
        np.testing.assert_array_equal(getattr(again, name), getattr(draft, name))
