"""Forecasts of the past, and what stands around a forecast: read from the store and made into views."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import filled_store
import numpy as np
import pytest
from filled_store import NOW

from app import past_issues, snapshot, surroundings
from app.past_issues import Ahead
from app.present import (
    ForecastView,
    as_known,
    forecast_view,
    hour_rows,
    hours_ahead,
    read_out,
    surrounded,
    time_range,
    weather_at,
    weather_view,
    widened,
)
from app.snapshot import EngineKind, EngineStatus, Snapshot
from app.translations import Language
from engine import clock
from engine.domain import DAY, HOUR, WEATHER, Consumer, Observations, Series
from engine.limits import Limits
from engine.store import Reader, Writer

EN, DA = Language("en"), Language("da")
DK, MIDT = Consumer("DK"), Consumer("1082", "household")
HERE = clock.floor_hour(NOW)
ABSENT = EngineStatus(EngineKind.ABSENT)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    folder = filled_store.fill(tmp_path_factory.mktemp("past"), days=70, late=True)
    writer = Writer(folder / "lastvagt.sqlite")
    writer.set_limits(Limits.parse("DK=5000", 20))
    writer.close()
    made = Reader(folder / "lastvagt.sqlite")
    yield made
    made.close()


@pytest.fixture(scope="module")
def shown(reader: Reader) -> Snapshot:
    return snapshot.read(reader, NOW, MIDT)


def _view(shown: Snapshot, of: Consumer = DK) -> ForecastView:
    return forecast_view(shown, of, ABSENT, EN, NOW)


def test_issues_of_two_weeks_come_oldest_first(reader: Reader) -> None:
    past = past_issues.read_issues(reader, DK, NOW)
    issued = [issue.issue_time for issue in past.issues]
    assert issued == sorted(issued)
    assert len(issued) == 17, "every six hours of four days"
    assert past_issues.read_issues(reader, Consumer("DK1-none"), NOW).issues == ()


@pytest.mark.parametrize("lead_h", [1, 24, 72])
def test_each_hour_has_the_newest_issue_so_many_hours_before(reader: Reader, lead_h: int) -> None:
    start, end = HERE - 4 * DAY, HERE + 2 * DAY
    ahead = past_issues.read_ahead(reader, DK, lead_h, start, end)
    issues = past_issues.read_issues(reader, DK, NOW).issues
    assert np.isfinite(ahead.median).any()
    for hour, median in zip(ahead.hours.tolist(), ahead.median.tolist(), strict=True):
        made = [issue for issue in issues if hour - 6 * HOUR < issue.issue_time + lead_h * HOUR <= hour]
        if not made:
            assert np.isnan(median)
            continue
        place = (hour - int(made[-1].valid_time[0])) // HOUR
        assert median == made[-1].median[place]
    assert (ahead.low <= ahead.high)[np.isfinite(ahead.median)].all()


def test_a_gap_of_issues_is_a_gap_and_not_an_older_forecast(reader: Reader) -> None:
    ahead = past_issues.read_ahead(reader, DK, 1, HERE - 12 * DAY, HERE + 3 * DAY)
    first = min(issue.issue_time for issue in past_issues.read_issues(reader, DK, NOW).issues)
    newest = NOW - 20 * 60
    known = ahead.hours[np.isfinite(ahead.median)]
    assert known[0] >= first + HOUR
    assert known[-1] < newest + 7 * HOUR
    late = past_issues.read_ahead(reader, MIDT, 24, HERE - 5 * DAY, HERE + 2 * DAY)
    assert np.isfinite(late.median).any(), "one that is issued once a day speaks for a day"


def test_an_earlier_issue_is_muted_marked_and_judged(reader: Reader, shown: Snapshot) -> None:
    newest = _view(shown)
    issue = past_issues.read_issues(reader, DK, NOW).issues[0]
    then = as_known(newest, shown, issue, ABSENT, EN)
    assert then.known_at == "AS KNOWN Fri 20 Nov 18:00, 4\u00a0d ago"
    assert then.stale
    assert then.stale_label == ""
    assert (then.forecast_time[0], then.issue_time) == (issue.valid_time[0], issue.issue_time)
    assert then.newest.tolist() == newest.median.tolist()
    assert len(then.tso) == 0, "the operator's forecast is kept as known for the newest issue only"
    assert then.outcome.startswith("Since observed: ")
    hours = np.isin(newest.observed_time, then.forecast_time[then.forecast_time > issue.issue_time]).sum()
    assert f"{hours} hours" in then.outcome
    median = dict(zip(then.forecast_time, then.median, strict=True))
    errors = [
        abs(median[t] - load)
        for t, load in zip(newest.observed_time, newest.observed, strict=True)
        if t in median and t > issue.issue_time
    ]
    assert f"MAE {EN.quantity(float(np.mean(errors)), 'MWh')}" in then.outcome


def test_the_newest_issue_has_no_truth_yet_and_says_so(shown: Snapshot) -> None:
    own = shown.consumers[DK]
    assert own.forecast is not None
    fresh = dataclasses.replace(own, observed_time=own.observed_time[:-30], observed=own.observed[:-30])
    then = dataclasses.replace(shown, consumers={DK: fresh})
    assert as_known(_view(shown), then, own.forecast, ABSENT, EN).outcome == "None of the hours has been observed yet."


def test_of_late_load_the_bridge_of_an_earlier_issue_is_judged_too(reader: Reader) -> None:
    shown = snapshot.read(reader, NOW, MIDT)
    own = shown.consumers[MIDT]
    issue = own.forecast
    assert issue is not None
    back = 20 * DAY
    then = dataclasses.replace(issue, issue_time=issue.issue_time - back, valid_time=issue.valid_time - back)
    judged = as_known(_view(shown, MIDT), shown, then, ABSENT, EN)
    measured = np.isin(then.valid_time, own.observed_time).sum()
    assert f"{measured} hours" in judged.outcome
    assert measured > (own.observed_time > then.issue_time).sum() > 0


def test_hours_ahead_stand_against_what_came_true(shown: Snapshot) -> None:
    view = _view(shown)
    hours = view.observed_time[-48:].astype(np.int64)
    truth = view.observed[-48:]
    low, high = truth * 0.98, truth * 1.04
    high[:12] = truth[:12] * 0.99
    view = hours_ahead(view, Ahead(DK, 24, hours, low, truth * 1.01, high), DA)
    assert view.known_at == "SOM FORUDSAGT 24\u00a0t FØR HVER TIME"
    assert "48 timer" in view.outcome
    assert "(1,0\u00a0%), 75\u00a0%" in view.outcome
    assert [band.percent for band in view.bands] == [80]
    assert read_out(view, float(hours[3]), DA).lead == "–"
    assert [row.name for row in hour_rows(view, int(hours[3]), DA) if row.name.startswith("P") and row.value] == [
        "P90",
        "P50",
        "P10",
    ]


def test_what_stands_around_is_as_known_at_the_issue(reader: Reader, shown: Snapshot) -> None:
    issued = NOW - 20 * 60
    around = surroundings.read(reader, DK, issued, HERE - 7 * DAY, HERE + 6 * DAY)
    assert around.places == ("DK1", "DK2")
    assert set(around.weather) == {"temperature", "wind_speed", "global_radiation"}
    assert (around.weather["temperature"] == 5.0).sum() > 150
    week = 7 * DAY
    at = int(np.searchsorted(around.hours, HERE + 3 * DAY))
    truth = dict(zip(*(column.tolist() for column in reader.truth("DK", HERE - 5 * DAY, HERE)["newest"]), strict=True))
    assert around.naive[at] == pytest.approx(truth[HERE + 3 * DAY - week])
    assert around.limit_mwh == 5000.0
    view = surrounded(_view(shown), around)
    assert read_out(view, HERE + 3.0 * DAY, EN).naive == EN.quantity(truth[HERE + 3 * DAY - week], "MWh")
    assert any(row.name == "Above the limit 5,000\u00a0MWh" for row in hour_rows(view, HERE + DAY, EN))


def test_a_year_is_read_where_it_is_stored(reader: Reader, shown: Snapshot) -> None:
    around = surroundings.read(reader, DK, HERE, HERE - 365 * DAY, HERE)
    wide = widened(shown, around)
    assert len(wide.consumers[DK].observed_time) > 69 * 24 - 3
    assert len(shown.consumers[DK].observed_time) < 36 * 24
    narrow = surroundings.read(reader, DK, HERE, HERE - 7 * DAY, HERE)
    assert widened(shown, narrow) is shown


def test_a_late_consumer_has_the_weather_around_it_and_its_own_naive(reader: Reader) -> None:
    around = surroundings.read(reader, MIDT, HERE, HERE - 20 * DAY, HERE + 2 * DAY)
    assert around.places == ("DK1",)
    assert np.isfinite(around.naive).all()


def test_weather_is_told_in_rows_with_units_and_gaps(reader: Reader) -> None:
    around = surroundings.read(reader, Consumer("DK1"), HERE, HERE - 9 * DAY, HERE + DAY)
    view = weather_view(around, DA)
    assert [(row.name, row.unit) for row in view.rows] == [("Temperatur", "°C"), ("Vind", "m/s"), ("Stråling", "W/m²")]
    assert weather_at(view, HERE + 10.0, DA) == "5,0\u00a0°C · 5,0\u00a0m/s · 5\u00a0W/m²"
    assert weather_at(view, HERE - 8.5 * DAY, DA) == "ingen data"
    assert weather_at(None, HERE, DA) == "ingen data"
    assert "Temperatur fra 5,0" in view.summary
    low, high = view.rows[0].span(slice(None))
    assert high - low >= 8
    nothing = surroundings.read(reader, Consumer("DK1"), HERE - 30 * DAY, HERE - 30 * DAY, HERE - 29 * DAY)
    assert weather_view(nothing, EN).about == "No weather is known here."
    assert weather_view(nothing, EN).rows[0].span(slice(None)) == (-4, 4)


def test_the_mean_of_the_price_areas_needs_both(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "lastvagt.sqlite")
    times = np.arange(HERE, HERE + 3 * HOUR, HOUR, dtype=np.int64)
    flags = np.zeros(3, np.uint8)
    for area, values in (("DK1", [1.0, 2.0, 3.0]), ("DK2", [3.0, np.nan, 5.0])):
        known = np.isfinite(values)
        series = Series(WEATHER[0], area, "test")
        writer.put([Observations(series, times[known], times[known] - DAY, np.array(values)[known], flags[known])])
    writer.close()
    reader = Reader(tmp_path / "lastvagt.sqlite")
    around = surroundings.read(reader, DK, HERE, HERE, HERE + 3 * HOUR)
    reader.close()
    assert around.weather["temperature"].tolist() == pytest.approx([2.0, np.nan, 4.0], nan_ok=True)
    assert np.isnan(around.naive).all()


@pytest.mark.parametrize(("days", "back", "ahead"), [(1, 0.5, 0.5), (7, 3.5, 3.5), (14, 7, 7), (35, 28, 7), (365, 358, 7)])
def test_so_many_days_are_shared_between_past_and_future(shown: Snapshot, days: int, back: float, ahead: float) -> None:
    assert time_range(_view(shown), days) == (NOW - back * DAY, NOW + ahead * DAY)
