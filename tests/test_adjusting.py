"""Adjustments: what makes sense, when each is in force, and that what is published stays ordered, coherent and reversible."""

from __future__ import annotations

import dataclasses
import math

import filled_store
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import adjusting, clock
from engine.adjusting import Act, Adjustment, Refused, State
from engine.domain import DAY, HOUR, LEVELS, Consumer, QuantileForecast, Reason, Tier

NOW = clock.parse_utc("2026-10-24T12:20Z")
FIRST = clock.parse_utc("2026-10-24T13:00Z")


def made(consumer: str | Consumer = "DK1", **changed: object) -> Adjustment:
    """100 MWh more for five hours, unless told otherwise."""
    of = Consumer(consumer) if isinstance(consumer, str) else consumer
    usual = Adjustment(1, of, Act.ADD, 100.0, FIRST, FIRST + 5 * HOUR, NOW, FIRST + 5 * HOUR, "kmj", "the works start")
    return dataclasses.replace(usual, **changed)  # type: ignore[arg-type]


def issue(of: str | Consumer, mean: float, start: int = NOW - 2 * HOUR, hours: int = 48) -> QuantileForecast:
    area, kind = Consumer(of) if isinstance(of, str) else of
    times = clock.floor_hour(start) + HOUR * np.arange(hours, dtype=np.int64)
    quantiles = mean * (0.9 + 0.2 * np.tile(LEVELS, (hours, 1)))
    return QuantileForecast(area, kind, start, times, LEVELS, quantiles, Tier.FULL, Reason.NONE, "m")


PARTS = {Consumer(area): issue(area, mean) for area, mean in (("DK1", 2600.0), ("DK2", 1500.0))}
WHOLE = issue("DK", 4100.0)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"valid_start": FIRST - HOUR}, "has begun"),
        ({"valid_start": FIRST + 60}, "full hour"),
        ({"valid_end": FIRST}, "before it begins"),
        ({"valid_end": FIRST + 9 * DAY, "expires_at": FIRST + HOUR}, "further ahead"),
        ({"expires_at": NOW}, "expires outside"),
        ({"expires_at": FIRST + 6 * HOUR}, "expires outside"),
        ({"reason": " "}, "needs a reason"),
        ({"amount": 0.0}, "changes nothing"),
        ({"amount": math.nan}, "changes nothing"),
        ({"amount": math.inf}, "changes nothing"),
        ({"amount": -1301.0}, "more than half"),
        ({"act": Act.MULTIPLY, "amount": 1.0}, "changes nothing"),
        ({"act": Act.MULTIPLY, "amount": 1.51}, "too far from 1"),
        ({"act": Act.MULTIPLY, "amount": 0.0}, "too far from 1"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_remedy(changed: dict[str, object], told: str) -> None:
    adjusting.check(made(), NOW, 2600.0)
    with pytest.raises(Refused, match=told) as refused:
        adjusting.check(made(**changed), NOW, 2600.0)
    assert refused.value.remedy


def test_what_was_in_force_when_an_hour_began_stays_with_it() -> None:
    hours = FIRST + HOUR * np.arange(-1, 7, dtype=np.int64)
    five = [False, *5 * [True], False, False]
    assert made().in_force(hours, NOW).tolist() == five
    assert not made().in_force(hours, NOW - 60).any()  # nobody knew of it then
    assert made().in_force(hours, FIRST + 30 * DAY).tolist() == five
    soon_over = made(expires_at=FIRST + 2 * HOUR + 60)
    assert soon_over.in_force(hours, NOW).tolist() == five
    assert soon_over.in_force(hours, FIRST + 2 * HOUR + 60).tolist() == [False, True, True, True, *4 * [False]]
    back = made(withdrawn_at=FIRST + HOUR + 1)
    assert back.in_force(hours, FIRST + DAY).tolist() == [False, True, True, *5 * [False]]


def test_states_follow_the_clock() -> None:
    expired = made(expires_at=FIRST + HOUR)
    assert [made().state(at) for at in (NOW, FIRST + 5 * HOUR)] == [State.ACTIVE, State.ENDED]
    assert [expired.state(at) for at in (NOW, FIRST + HOUR, FIRST + DAY)] == [State.ACTIVE, State.EXPIRED, State.EXPIRED]
    assert made(withdrawn_at=FIRST).state(FIRST + DAY) is State.WITHDRAWN


def test_an_adjustment_of_a_part_changes_the_sum_by_as_many_mwh_and_one_of_the_sum_stays_there() -> None:
    both = [made("DK1", act=Act.MULTIPLY, amount=1.1), made("DK2", adjustment_id=2, made_at=NOW + 1, amount=-50.0)]
    own = made("DK", adjustment_id=3, made_at=NOW + 2, amount=7.0)
    at = NOW + 60
    whole = adjusting.published(WHOLE, [*both, own], at, PARTS)
    parts = [adjusting.published(part, [*both, own], at, {}) for part in PARTS.values()]
    inside = (WHOLE.valid_time >= FIRST) & (WHOLE.valid_time < FIRST + 5 * HOUR)
    assert np.allclose(whole.change[inside], 260.0 - 50.0 + 7.0)
    assert not whole.change[~inside].any()
    assert np.allclose(whole.change - sum(part.change for part in parts), np.where(inside, 7.0, 0.0))
    assert [step.adjustment.adjustment_id for step in whole.steps] == [1, 2, 3]
    assert whole.issue is WHOLE


def test_households_of_a_region_count_in_its_total_and_in_the_country_but_not_in_gross_consumption() -> None:
    of = Consumer("1082", "household")
    known = {c: issue(c, 300.0) for c in (of, *(Consumer("1082", kind) for kind in ("business", "public")))}
    total = adjusting.published(issue("1082", 900.0), [made(of)], NOW, known)
    assert np.allclose(total.change.sum(), 500.0)
    beneath = {Consumer("DK1", "household"): issue(Consumer("DK1", "household"), 900.0), of: known[of]}
    assert np.allclose(
        adjusting.published(issue(Consumer("DK", "household"), 1500.0), [made(of)], NOW, beneath).change.sum(), 500.0
    )
    assert adjusting.published(issue("DK1", 2600.0), [made(of)], NOW, known).steps == ()


def test_sums_are_shifted_where_issues_cover_the_same_hours_only() -> None:
    short = {Consumer("DK1"): issue("DK1", 2600.0, hours=6)}
    change = adjusting.published(WHOLE, [made()], NOW, short).change
    assert change.sum() == pytest.approx(300.0)  # the part ends three hours after the adjustment begins
    assert not adjusting.published(WHOLE, [made()], NOW, {}).change.any()


def test_the_night_the_clock_goes_back_is_adjusted_hour_by_hour() -> None:
    start = clock.parse_utc("2026-10-24T22:00Z")  # 00:00 in Denmark, the day has 25 hours
    whole_day = made(valid_start=start, valid_end=start + 25 * HOUR, expires_at=start + 25 * HOUR)
    found = adjusting.published(PARTS[Consumer("DK1")], [whole_day], NOW, {})
    assert np.count_nonzero(found.change) == 25


amounts = st.one_of(
    st.tuples(st.just(Act.ADD), st.floats(-1300, 1300)), st.tuples(st.just(Act.MULTIPLY), st.floats(*adjusting.FACTORS))
)


@settings(max_examples=60)
@given(st.lists(st.tuples(amounts, st.integers(0, 40), st.integers(1, 20), st.sampled_from(["DK", "DK1", "DK2"])), max_size=6))
def test_published_quantiles_are_ordered_never_negative_and_steps_add_up(
    several: list[tuple[tuple[Act, float], int, int, str]],
) -> None:
    adjustments = [
        made(area, adjustment_id=i + 1, act=act, amount=amount, valid_start=FIRST + h * HOUR, valid_end=FIRST + (h + n) * HOUR)
        for i, ((act, amount), h, n, area) in enumerate(several)
    ]
    adjustments = [dataclasses.replace(a, expires_at=a.valid_end) for a in adjustments]
    for forecast in (WHOLE, *PARTS.values()):
        found = adjusting.published(forecast, adjustments, NOW, PARTS)
        assert (np.diff(found.forecast.quantiles, axis=1) >= 0).all()
        assert (found.forecast.quantiles >= 0).all()
        assert np.allclose(found.forecast.median, forecast.median + found.change, atol=1e-5)
        again = adjusting.published(forecast, adjustments, NOW - 1, PARTS)  # before anybody had decided
        assert (again.forecast.quantiles == forecast.quantiles).all()


def test_a_forecast_of_little_is_never_below_nothing() -> None:
    small = filled_store.bridging(filled_store.OWN, NOW, NOW - 3 * DAY)
    found = adjusting.published(small, [made(filled_store.OWN, amount=-50.0)], NOW, {})
    inside = found.change != 0
    assert inside.sum() == 5
    assert (found.forecast.quantiles[inside] == 0).all()
