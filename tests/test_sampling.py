import dataclasses
import datetime as dt

import histories
import numpy as np
import pytest

from engine import clock, features
from engine.domain import DAY, HOUR, Expected, History, Tier
from models import sampling
from models.sampling import REGIMES, Regime

END = clock.parse_utc("2026-06-10T00:00Z")
QUIET = Regime(weather=True, late=0.0, disturbed=0.0, narrow=0.0)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "_NEEDED_DAYS", 10)


def sample(regime: Regime, days: int = 20, weather: bool = True, step_h: int = 5) -> sampling.Sample:
    archive = histories.archive(END, days=days + 100, noise=0.0, weather=weather)
    return sampling.sample_area(archive, "DK1", END - days * DAY, END, regime, step_h)


def test_rows_say_what_came_true() -> None:
    made = sample(REGIMES[Tier.FULL])
    np.testing.assert_allclose(made.observed, histories.load_at(made.valid_time), rtol=1e-4)
    assert (made.valid_time < END).all()
    np.testing.assert_array_equal(made.column("lead_h"), (made.valid_time - made.issue_time) / HOUR)


def test_no_row_has_its_answer_among_its_inputs() -> None:
    made = sample(REGIMES[Tier.FULL])
    assert (made.column("lead_h") > -made.column("load_lag_h")).all()
    assert made.column("lead_h").min() <= 0


def test_issues_meet_every_hour_of_the_week_and_the_next_day_most() -> None:
    made = sample(QUIET, days=80, step_h=11)
    assert len(np.unique(made.issue_time % (7 * DAY))) == 168
    lead = made.column("lead_h")
    assert np.mean((lead >= 13) & (lead <= 39)) > 1.5 * np.mean((lead >= 73) & (lead <= 99))


def test_areas_share_issues_and_hours() -> None:
    archive = histories.archive(END, days=130)
    west, east = (sampling.sample_area(archive, area, END - 20 * DAY, END, REGIMES[Tier.FULL]) for area in ("DK1", "DK2"))
    np.testing.assert_array_equal(west.issue_time, east.issue_time)
    np.testing.assert_array_equal(west.valid_time, east.valid_time)
    assert not west.east.any()
    assert east.east.all()


def test_a_late_regime_hides_days_of_load_and_sometimes_the_weather() -> None:
    made = sample(REGIMES[Tier.LATE], days=60)
    lag = made.column("load_lag_h")
    assert lag.min() >= 72
    assert lag.max() <= REGIMES[Tier.LATE].load_lag_h
    assert lag.max() > 35 * 24
    assert 0.1 < made.blind.mean() < 0.3
    assert np.isfinite(made.column("base_mwh")).all()


def test_a_regime_without_weather_knows_none() -> None:
    made = sampling.known_inputs(sample(REGIMES[Tier.NO_WEATHER]))
    assert not [name for name in made.names if features.is_weather(name)]
    assert "sun_anomaly" in made.names


def test_narrow_issues_lack_radiation_and_clouds_only() -> None:
    made = sample(dataclasses.replace(QUIET, narrow=0.5))
    hidden = np.isnan(made.column("global_radiation"))
    assert 0.3 < hidden.mean() < 0.7
    np.testing.assert_array_equal(hidden, np.isnan(made.column("cloud_cover_anomaly")))
    assert np.isfinite(made.column("wind_chill")).all()


def test_disturbed_rows_differ_in_the_weather_ahead_alone_and_more_with_lead_time() -> None:
    plain, worse = sample(QUIET), sample(dataclasses.replace(QUIET, disturbed=1.0))
    assert worse.disturbed.all()
    assert not plain.disturbed.any()
    error, lead = worse.column("temperature") - plain.column("temperature"), plain.column("lead_h")
    np.testing.assert_array_equal(error[lead <= 0], 0)
    near, far = (lead >= 12) & (lead <= 36), lead >= 144
    assert np.std(error[near]) == pytest.approx(0.8, rel=0.4)
    assert np.std(error[far]) == pytest.approx(1.9, rel=0.4)
    for name in ("recent_6h", "temperature_ewma_12h_anomaly_recent"):
        np.testing.assert_array_equal(worse.column(name), plain.column(name))


def test_errors_have_the_memory_of_a_weather_forecast() -> None:
    history = History(0, -10 * HOUR, 180, {("temperature", "DK", "total"): np.zeros(180)})
    rng = np.random.default_rng(1)
    made = np.stack(
        [
            sampling.with_weather_error(history, rng.normal(size=(1, 169)), {"temperature": (1.2, 1.2, 1.2)}).values[
                ("temperature", "DK", "total")
            ][11:]
            for _ in range(400)
        ]
    )
    assert made.std(axis=0) == pytest.approx(np.full(169, 1.2), rel=0.2)
    assert np.corrcoef(made[:, 30], made[:, 31])[0, 1] == pytest.approx(0.97, abs=0.02)


@pytest.mark.parametrize(("days", "weather", "told"), [(5, True, "load"), (20, False, "weather")])
def test_too_little_is_told(days: int, weather: bool, told: str) -> None:
    with pytest.raises(Expected, match=f"too little {told}"):
        sample(REGIMES[Tier.FULL], days, weather)


def test_a_day_ahead_is_issued_at_its_danish_hour_and_has_all_its_hours() -> None:
    archive = histories.archive(clock.parse_utc("2026-04-05T00:00Z"), days=120)
    made = sampling.day_ahead(archive, "DK2", dt.date(2026, 3, 28), dt.date(2026, 3, 30), 10)
    assert len(made) == 24 + 23 + 24
    assert {clock.local(int(t)).hour for t in made.issue_time} == {10}
    blind = sampling.day_ahead(
        archive, "DK2", dt.date(2026, 3, 28), dt.date(2026, 3, 28), change=lambda h: sampling.without(h, ["temperature"])
    )
    assert blind.blind.all()
    with pytest.raises(Expected, match="no load"):
        sampling.day_ahead(archive, "DK2", dt.date(2031, 3, 28), dt.date(2031, 3, 30))
