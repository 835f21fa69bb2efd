import datetime as dt
import json
from pathlib import Path

import histories
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import clock, evaluation
from engine.domain import DAY, HOUR, LEVELS, MEDIAN, Expected
from engine.evaluation import Backtest, Pairs

# Standard normal quantiles of LEVELS, scipy.stats.norm.ppf.
NORMAL = np.array(
    [
        -1.644854,
        -1.281552,
        -0.841621,
        -0.674490,
        -0.524401,
        -0.253347,
        0.0,
        0.253347,
        0.524401,
        0.674490,
        0.841621,
        1.281552,
        1.644854,
    ]
)


def pairs(first: str, days: int, seed: int = 1, autocorrelation: float = 0.9, bias: float = 0.0, spread: float = 0.03) -> Pairs:
    """Day-ahead forecasts that are calibrated but for a bias (share of the load), whose errors last for hours."""
    random = np.random.default_rng(seed)
    start = dt.date.fromisoformat(first)
    hours = [clock.local_hours(start + dt.timedelta(days=i)) for i in range(days)]
    valid_time = np.concatenate(hours)
    issue_time = np.concatenate([np.full(len(h), h[0] - 14 * HOUR) for h in hours])
    noise = random.normal(size=len(valid_time))
    for i in range(1, len(noise)):
        noise[i] = autocorrelation * noise[i - 1] + np.sqrt(1 - autocorrelation**2) * noise[i]
    median = histories.load_at(valid_time)
    observed = median * (1 + spread * noise)
    quantiles = median[:, None] * (1 + bias + spread * NORMAL)
    return Pairs(valid_time, issue_time, observed, quantiles, observed * (1 + 2 * spread * random.normal(size=len(noise))))


def found(by_area: dict[str, Pairs], first: str, days: int, model: str = "one", temperature: bool = True) -> Backtest:
    start = dt.date.fromisoformat(first)
    all_days = [start + dt.timedelta(days=i) for i in range(days)]
    warm = {start + dt.timedelta(days=i): 5.0 + (i == days - 1) * 3 for i in range(-28, days)} if temperature else {}
    tiers = {area: dict.fromkeys(all_days, "full") for area in by_area}
    return Backtest(
        start, all_days[-1], "10:00 Europe/Copenhagen, the day before", (model,), False, False, True, by_area, tiers, dict.fromkeys(by_area, warm)
    )  # fmt: skip


def test_groups_add_up_to_the_whole() -> None:
    report = evaluation.report(found({"DK1": pairs("2022-01-01", 365)}, "2022-01-01", 365))
    area = report["areas"]["DK1"]
    assert area["n"] == 365 * 24
    for key in ("by_month", "by_hour", "by_lead_h", "by_weekday", "by_day_type", "by_holiday"):
        assert sum(row["n"] for row in area[key].values()) == area["n"], key
    assert area["tiers"] == {"full": 365}
    special = area["by_day_type"]["holiday"]["n"] + area["by_day_type"]["bridge_day"]["n"]
    assert area["by_holiday"]["holiday_or_bridge"]["n"] == special
    json.dumps(report, allow_nan=False)


def test_day_types() -> None:
    kinds = {
        "2022-12-23": "working_day",
        "2022-12-24": "holiday",
        "2022-12-26": "holiday",
        "2022-05-27": "bridge_day",
        "2022-05-28": "saturday",
        "2022-06-12": "sunday",
        "2022-06-13": "working_day",
        "2022-06-05": "holiday",  # Whit Sunday, and Constitution Day
    }
    for day, kind in kinds.items():
        assert evaluation.day_type((dt.date.fromisoformat(day) - clock.EPOCH).days) == kind, day


def test_a_calibrated_forecast_stays_inside_its_band_and_a_biased_one_leaves_it() -> None:
    for bias, inside in ((0.0, True), (0.03, False)):
        area = evaluation.report(found({"DK1": pairs("2022-01-01", 365, bias=bias)}, "2022-01-01", 365))["areas"]["DK1"]
        table = area["reliability"]
        held = [low <= share <= high for low, share, high in zip(table["low"], table["observed"], table["high"], strict=True)]
        assert all(held) is inside
        assert table["level"] == list(LEVELS)
        widths = np.diff(area["pit"]["edges"])
        assert np.sum(widths * area["pit"]["density"]) == pytest.approx(1, abs=1e-3)
    assert max(area["pit"]["density"]) > 1.5


def test_rolling_figures_are_those_of_their_28_days() -> None:
    made = pairs("2022-01-01", 60)
    rolling = evaluation.report(found({"DK1": made}, "2022-01-01", 60))["areas"]["DK1"]["rolling_28_days"]
    assert rolling["day"][0] == "2022-01-28"
    assert rolling["day"][-1] == "2022-03-01"
    last = slice(-28 * 24, None)
    error = np.abs(made.quantiles[last, MEDIAN] - made.observed[last]).sum()
    assert rolling["wape"][-1] == pytest.approx(100 * error / made.observed[last].sum(), abs=1e-3)
    naive = np.abs(made.reference[last] - made.observed[last]).sum()
    assert rolling["reference_wape"][-1] == pytest.approx(100 * naive / made.observed[last].sum(), abs=1e-3)
    inside = (made.quantiles[last, LEVELS.index(0.1)] <= made.observed[last]) & (
        made.observed[last] <= made.quantiles[last, LEVELS.index(0.9)]
    )
    assert rolling["coverage_80"][-1] == pytest.approx(100 * inside.mean(), abs=1e-3)


def test_holidays_are_told_one_by_one() -> None:
    holidays = evaluation.report(found({"DK1": pairs("2022-12-20", 13)}, "2022-12-20", 13))["areas"]["DK1"]["holidays"]
    assert [(row["day"], row["special_day"], row["weekday"]) for row in holidays] == [
        ("2022-12-24", "christmas_eve", "Saturday"),
        ("2022-12-25", "christmas_day", "Sunday"),
        ("2022-12-26", "second_christmas_day", "Monday"),
        ("2022-12-31", "new_years_eve", "Saturday"),
        ("2023-01-01", "new_year", "Sunday"),
    ]
    assert all(row["n"] == 24 for row in holidays)


def test_the_worst_day_is_found_with_its_story() -> None:
    made = pairs("2022-03-01", 40)
    day = clock.local_day_hour(made.valid_time)[0]
    level, shape = np.flatnonzero(day == day[-1]), np.flatnonzero(day == day[12 * 24])
    made.observed[level] = made.quantiles[level, MEDIAN] * 0.8
    made.observed[shape] = made.quantiles[shape, MEDIAN] * (1 + 0.15 * np.sin(np.arange(24) / 12 * np.pi))
    made.observed[level[9]] *= 0.7
    worst = evaluation.report(found({"DK1": made}, "2022-03-01", 40))["areas"]["DK1"]["worst_days"]
    assert len(worst) == 10
    assert [row["wape"] for row in worst] == sorted((row["wape"] for row in worst), reverse=True)
    first, second = worst[:2]
    assert (first["day"], second["day"]) == ("2022-04-09", "2022-03-13")
    assert first["level_share"] > 0.8
    assert second["level_share"] < 0.2
    assert first["worst_hour"] == 9
    assert first["worst_error"] > 0
    assert first["bias"] > 0
    assert (first["temperature"], first["temperature_anomaly"]) == (8.0, 3.0)
    assert first["tier"] == "full"
    assert len(first["observed"]) == len(first["p50"]) == len(first["local_hour"]) == 24


def test_a_day_of_23_hours_and_hours_without_truth_do_no_harm() -> None:
    made = pairs("2022-03-20", 14)
    made.observed[30:50] = np.nan
    made.reference[:200] = np.nan
    joined = evaluation.join("DK1", [made])
    assert len(joined.observed) == 14 * 24 - 1 - 20
    report = evaluation.report(found({"DK1": joined}, "2022-03-20", 14, temperature=False))
    json.dumps(report, allow_nan=False)
    area = report["areas"]["DK1"]
    assert "2022-03-21" not in {row["day"] for row in area["worst_days"]}  # four known hours tell nothing of a day
    assert all(row["temperature"] is None for row in area["worst_days"])
    with pytest.raises(Expected, match="holds no load of DK1"):
        evaluation.join(
            "DK1", [Pairs(made.valid_time, made.issue_time, np.full(len(made.observed), np.nan), made.quantiles, made.reference)]
        )
    with pytest.raises(Expected, match="No day"):
        evaluation.join("DK1", [])


@pytest.mark.parametrize(("autocorrelation", "alarm"), [(0.9, False), (0.8, False), (0.5, True), (0.0, True)])
def test_the_leak_alarm_rings_for_errors_that_do_not_last(autocorrelation: float, alarm: bool) -> None:
    report = evaluation.report(found({"DK1": pairs("2022-01-01", 90, autocorrelation=autocorrelation)}, "2022-01-01", 90))
    assert report["areas"]["DK1"]["leak_alarm"] is alarm
    assert report["leak_alarm"] is alarm
    assert report["areas"]["DK1"]["leak_alarm_below"] == pytest.approx(0.669, abs=2e-3)


def test_the_leak_alarm_is_silent_where_few_hours_prove_nothing() -> None:
    one = evaluation.report(found({"DK1": pairs("2022-01-01", 1, autocorrelation=0)}, "2022-01-01", 1))
    assert one["areas"]["DK1"]["leak_alarm"] is None
    assert one["leak_alarm"] is False
    rings = [
        evaluation.report(found({"DK1": pairs("2022-01-01", 4, seed, autocorrelation=0.7)}, "2022-01-01", 4))["leak_alarm"]
        for seed in range(100)
    ]
    assert sum(rings) < 25  # at the very border, on four days


def test_two_models_are_compared_over_the_same_issues() -> None:
    good, bad = (pairs("2022-01-01", 200, bias=bias) for bias in (0.0, 0.03))
    cut = Pairs(*(getattr(bad, name)[240:] for name in Pairs.__slots__))
    report = evaluation.report(found({"DK1": good}, "2022-01-01", 200), found({"DK1": cut}, "2022-01-01", 200, "two"))
    assert report["against"]["models"] == ["two"]
    races = report["areas"]["DK1"]["comparisons"]
    assert list(races) == ["seasonal_naive", "two"]
    race = races["two"]["absolute_error"]
    assert race["days"] == 190
    assert race["better"] is True
    by_day = np.abs(good.quantiles[240:, MEDIAN] - good.observed[240:]) - np.abs(cut.quantiles[:, MEDIAN] - cut.observed)
    assert race["mean_difference"] == pytest.approx(by_day[: 190 * 24].mean(), rel=0.01)
    assert race["interval_95"][0] < race["mean_difference"] < race["interval_95"][1] < 0
    assert race["p_value"] < 0.01
    assert race["confidence_sequence"]["upper"][-1] < 0
    assert race["confidence_sequence"]["lower"][0] is None
    assert "two" in race["sentence"]
    naive = races["seasonal_naive"]
    assert naive["wql"]["relative_difference"] < naive["absolute_error"]["relative_difference"]
    assert report["areas"]["DK1"]["skill"] == pytest.approx(-naive["absolute_error"]["relative_difference"] / 100, abs=1e-3)


def test_a_model_against_itself_gives_no_claim() -> None:
    made = found({"DK1": pairs("2022-01-01", 60)}, "2022-01-01", 60)
    race = evaluation.report(made, made)["areas"]["DK1"]["comparisons"]["one (the other)"]["absolute_error"]
    assert race["better"] is None
    assert race["p_value"] is None
    assert "same absolute error" in race["sentence"]


def test_pairs_survive_their_file(tmp_path: Path) -> None:
    made = pairs("2022-01-01", 3)
    evaluation.save_pairs(found({"DK1": made}, "2022-01-01", 3), tmp_path / "pairs.npz")
    with np.load(tmp_path / "pairs.npz", allow_pickle=False) as file:
        assert file["levels"].tolist() == list(LEVELS)
        for name in Pairs.__slots__:
            np.testing.assert_array_equal(file[f"DK1_{name}"], getattr(made, name))


@settings(max_examples=20)
@given(st.integers(0, 360), st.integers(1, 40), st.integers(0, 1000))
def test_any_span_gives_a_whole_document(offset: int, days: int, seed: int) -> None:
    first = clock.local(clock.parse_utc("2022-01-01") + offset * DAY).date().isoformat()
    report = evaluation.report(found({"DK1": pairs(first, days, seed)}, first, days))
    json.dumps(report, allow_nan=False)
    assert len(report["areas"]["DK1"]["worst_days"]) == min(10, days)
