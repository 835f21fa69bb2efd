"""What days say about champion and challenger, and when they have said enough."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine import contest, scoring
from engine.contest import Verdict, day_loss, evidence
from engine.domain import DAY, HOUR, LEVELS, QuantileForecast, Reason, Tier
from engine.store.roster import DayLoss

DAY_START = 20_000 * DAY
HOURS = DAY_START + HOUR * np.arange(24)


def issue(issue_time: int, median: float, area: str = "DK1", width: float = 100.0) -> QuantileForecast:
    hours = issue_time + HOUR * np.arange(1, 169)
    quantiles = median + width * np.tile(np.array(LEVELS) - 0.5, (168, 1))
    return QuantileForecast(area, "total", issue_time, hours, LEVELS, quantiles, Tier.FULL, Reason.NONE, "m")


def issues(median: float, area: str = "DK1", missing: int = 0) -> list[QuantileForecast]:
    """Hourly issues of two days before and of the day, without the first so many."""
    return [issue(t, median, area) for t in range(DAY_START - 2 * DAY + missing * HOUR, DAY_START + DAY, HOUR)]


def observed(**loads: float) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    return {area: (HOURS, np.full(24, load)) for area, load in loads.items()}


def test_losses_of_a_day_are_those_of_all_areas_together_over_one_to_48_hours() -> None:
    champion = {"DK1": issues(2200.0), "DK2": issues(1000.0, "DK2")}
    challenger = {"DK1": issues(2100.0), "DK2": issues(1100.0, "DK2")}
    loss = day_loss(7, observed(DK1=2000.0, DK2=1000.0), champion, challenger)
    assert loss is not None
    assert (loss.day, loss.pairs) == (7, 2 * 24 * 48)
    assert loss.champion_wape == pytest.approx(100 * 200 / 3000)
    assert loss.challenger_wape == pytest.approx(100 * 200 / 3000)
    rows = np.vstack([issues(2200.0)[0].quantiles[:24], issues(1000.0)[0].quantiles[:24]])
    score = scoring.score(np.repeat([2000.0, 1000.0], 24), rows, np.full(48, np.nan), 0.0)
    assert (loss.champion_wape, loss.champion_wql) == (pytest.approx(score.wape), pytest.approx(score.wql))


def test_only_issues_that_both_made_count_and_too_few_say_nothing() -> None:
    both = day_loss(7, observed(DK1=2000.0), {"DK1": issues(2100.0)}, {"DK1": issues(2050.0, missing=24)})
    assert both is not None
    assert both.pairs < 24 * 48
    assert (both.champion_wape, both.challenger_wape) == (pytest.approx(5.0), pytest.approx(2.5))
    assert day_loss(7, observed(DK1=2000.0), {"DK1": issues(2100.0)}, {"DK1": issues(2050.0, missing=60)}) is None
    assert day_loss(7, observed(DK1=2000.0), {"DK1": issues(2100.0)}, {"DK1": []}) is None


def year(better_by: float, days: int = 400, seed: int = 3, absolute: float | None = None) -> list[DayLoss]:
    """Days on which the challenger's WQL is lower by so much of the champion's 2.2 %, with noise that lasts from day to day."""
    rng = np.random.default_rng(seed)
    noise = np.zeros(days)
    for i in range(days):
        noise[i] = (0.3 * noise[i - 1] if i else 0.0) + 0.15 * 2.2 * math.sqrt(1 - 0.3**2) * rng.normal()
    champion = 2.2 * (1 + 0.25 * rng.normal(size=days))
    other = champion * (1 - better_by) + noise
    more = better_by if absolute is None else absolute
    return [
        DayLoss(i, 2304, 1.3 * a, 1.3 * (a * (1 - more) + n), a, b)
        for i, (a, b, n) in enumerate(zip(champion, other, noise, strict=True))
    ]


def first(verdict: Verdict, losses: list[DayLoss]) -> int | None:
    """The first week after which that is the verdict."""
    return next((n for n in range(7, len(losses) + 1, 7) if evidence("a", "b", losses[:n]).verdict is verdict), None)


def test_a_clearly_better_challenger_is_proposed_and_a_clearly_worse_one_let_go() -> None:
    promoted = [first(Verdict.PROMOTE, year(0.12, seed=seed)) for seed in range(10)]
    assert all(day is not None and 56 <= day <= 300 for day in promoted)
    dropped = [first(Verdict.DROP, year(-0.12, seed=seed)) for seed in range(10)]
    assert all(day is not None and 56 <= day <= 300 for day in dropped)


def test_an_equal_challenger_is_hardly_ever_proposed_and_let_go_in_the_end() -> None:
    years = [year(0.0, seed=seed) for seed in range(100)]
    assert sum(bool((contest.course(losses).high < 0).any()) for losses in years) <= 8
    assert sum(evidence("a", "b", losses).verdict is Verdict.DROP for losses in years) >= 95


def test_nothing_is_claimed_in_the_first_eight_weeks() -> None:
    losses = year(0.5, days=55)
    found = evidence("old", "new", losses)
    assert (found.verdict, found.low, found.high) == (Verdict.UNDECIDED, -math.inf, math.inf)
    assert "before eight weeks" in found.sentence()
    assert "no settled day yet" in evidence("old", "new", []).sentence()


def test_a_better_spread_does_not_make_up_for_a_worse_median() -> None:
    found = evidence("old", "new", year(0.3, absolute=-0.4))
    assert found.high < 0
    assert found.verdict is not Verdict.PROMOTE


def test_the_sentence_tells_who_by_how_much_and_how_sure() -> None:
    found = evidence("old", "new", year(0.2, days=365))
    sentence = found.sentence()
    assert found.verdict is Verdict.PROMOTE
    assert sentence.startswith("The WQL of new was ")
    assert "lower than that of old on 365 days" in sentence
    assert sentence.endswith("promote it.")
    assert found.relative == pytest.approx(-20, abs=3)
    assert evidence("old", "new", year(-0.2)).sentence().endswith("leave out 0: drop it.")
    assert evidence("old", "new", year(0.0)).sentence().endswith("still hold 0 after 400 days: drop it.")


def test_the_course_ends_where_the_evidence_is() -> None:
    losses = year(0.1, days=200)
    run, found = contest.course(losses), evidence("a", "b", losses)
    assert len(run.day) == len(run.mean) == len(run.low) == len(run.high) == 200
    assert (run.mean[-1], run.low[-1], run.high[-1]) == (found.difference, found.low, found.high)
    assert np.isinf(run.high[:55]).all()
