"""What the views are given to draw."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from pathlib import Path

import filled_store
import numpy as np
import pytest
from filled_store import NOW

from app import present, snapshot
from app.snapshot import ConsumerSnapshot, EngineKind, EngineStatus, Snapshot
from app.translations import TEXTS, Language
from engine import clock, demotion, drift, peaks, plan, whole_days
from engine.adjusting import untouched
from engine.calibration import Calibration
from engine.demotion import Record
from engine.domain import DAY, HOUR, Consumer, Expected, Freshness, JobRun, Observations, Reason, Score, Series, Tier
from engine.drift import Course
from engine.lag import Lag
from engine.limits import Peak
from engine.store import Reader, Writer
from engine.store.reader import EngineState, Event, SeriesState

DA, EN = Language("da"), Language("en")
NO_ENGINE = EngineStatus(EngineKind.ABSENT)


def _read(folder: Path, now: int = NOW) -> Snapshot:
    reader = Reader(folder / "lastvagt.sqlite")
    try:
        return snapshot.read(reader, now)
    finally:
        reader.close()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return _read(filled_store.fill(tmp_path_factory.mktemp("filled")))


def _area(code: str = "DK1", now: int = NOW, days: int = 15, **more: object) -> ConsumerSnapshot:
    times = np.arange(clock.floor_hour(now) - days * DAY, now - 2 * HOUR, HOUR, dtype=np.int64)
    return ConsumerSnapshot(
        Consumer(code), times, filled_store.load_mwh(code, times), untouched(filled_store.forecast(code, now - 1200)), **more
    )


def _with(area: ConsumerSnapshot, **more: object) -> Snapshot:
    return Snapshot(read_at=NOW, consumers={area.of: area}, **more)


def _view(of: Snapshot, code: str = "DK1", language: Language = DA, now: int = NOW) -> present.ForecastView:
    return present.forecast_view(of, Consumer(code), NO_ENGINE, language, now)


def test_the_country_is_the_sum_of_its_areas(filled: Snapshot) -> None:
    whole, west, east = (filled.consumers[Consumer(code)].observed for code in ("DK", "DK1", "DK2"))
    np.testing.assert_allclose(whole, west + east)


def test_a_row_tells_newest_load_estimate_peak_and_trend_in_danish() -> None:
    (row,) = present.area_rows(_with(_area()), DA, NOW)
    assert (row.name, row.observed_at) == ("Vestdanmark (DK1)", "16–17")
    assert row.observed == DA.quantity(float(_area().observed[-1]), "MWh")
    assert row.observed.startswith("2.")
    assert row.observed.endswith("\u00a0MWh")
    assert row.observed_freshness is Freshness.FRESH
    low, high = row.estimate_range.split("–")
    assert low < row.estimate < high
    assert all(words in row.summary for words in (row.observed, row.estimate, row.peak, row.trend))


def test_the_next_peak_is_the_highest_median_of_the_coming_day() -> None:
    area = _area()
    forecast = area.forecast
    assert forecast is not None
    quantiles = forecast.quantiles.copy()
    in_day, later = np.searchsorted(forecast.valid_time, (clock.floor_hour(NOW) + 16 * HOUR, clock.floor_hour(NOW) + 30 * HOUR))
    quantiles[in_day], quantiles[later] = 4000.0, 5000.0
    area = dataclasses.replace(area, published=untouched(dataclasses.replace(forecast, quantiles=quantiles)))
    (row,) = present.area_rows(_with(area), EN, NOW)
    assert (row.peak, row.peak_at) == ("4,000\u00a0MWh", "Wed 10–11")


@pytest.mark.parametrize(("factor", "trend"), [(1.05, "▲ +5,0\u00a0%"), (0.9, "▼ −10,0\u00a0%"), (1.002, "► +0,2\u00a0%")])
def test_the_trend_holds_the_last_day_against_the_same_hours_a_week_before(factor: float, trend: str) -> None:
    area = _area()
    values = np.full(len(area.observed), 1000.0)
    values[-24:] *= factor
    (row,) = present.area_rows(_with(dataclasses.replace(area, observed=values)), DA, NOW)
    assert row.trend == trend


def test_a_week_before_is_the_same_danish_hour_across_both_clock_changes() -> None:
    from app.present.areas import week_before

    for day in ("2026-10-28", "2026-10-25", "2026-03-31", "2026-03-29"):
        times = clock.parse_utc(day) + HOUR * np.arange(24, dtype=np.int64)
        before = week_before(times)
        _, hour = clock.local_day_hour(times)
        _, hour_before = clock.local_day_hour(before)
        np.testing.assert_array_equal(hour, hour_before)
        assert set(np.abs(times - before - 7 * DAY).tolist()) <= {0, HOUR}


def test_too_few_pairs_are_no_trend() -> None:
    (row,) = present.area_rows(_with(_area(days=5)), EN, NOW)
    assert row.trend == "no data"


def test_a_missing_hour_is_a_gap_and_the_curve_ends_at_its_last_stamp() -> None:
    area = _area()
    keep = np.ones(len(area.observed), bool)
    keep[-30:-25] = False
    view = _view(_with(dataclasses.replace(area, observed_time=area.observed_time[keep], observed=area.observed[keep])))
    assert int(np.isnan(view.observed).sum()) == 5
    assert view.observed_time[-1] == area.observed_time[-1] < view.now
    assert view.gap == (area.observed_time[-1] + HOUR, float(NOW))
    assert view.gap_label == ""


def test_load_that_stays_away_is_said() -> None:
    now = NOW + 2 * DAY
    view = _view(_with(_area()), now=now)
    assert view.gap_label == "Ingen målinger i 2\u00a0d\u00a02\u00a0t"
    (row,) = present.area_rows(_with(_area()), DA, now)
    assert row.observed_freshness is Freshness.STALE
    assert row.observed_at == "24. nov. 16–17"


def test_hours_begun_but_not_published_are_drawn_as_forecast() -> None:
    view = _view(_with(_area()))
    assert view.forecast_time[0] < view.issue_time
    assert [band.percent for band in view.bands] == [90, 80, 50]
    for wide, narrow in zip(view.bands, view.bands[1:], strict=False):
        assert (wide.low <= narrow.low).all()
        assert (wide.high >= narrow.high).all()
    assert view.value_range[0] <= view.bands[0].low.min()
    assert view.value_range[1] >= view.bands[0].high.max()


@pytest.mark.parametrize(
    ("age_s", "freshness", "stale"),
    [(600, Freshness.FRESH, False), (5 * HOUR, Freshness.LATE, False), (12 * HOUR, Freshness.STALE, True)],
)
def test_an_old_issue_is_told_from_a_current_one(age_s: int, freshness: Freshness, stale: bool) -> None:
    area = dataclasses.replace(_area(), published=untouched(filled_store.forecast("DK1", NOW - age_s)))
    view = _view(_with(area), language=EN)
    assert (view.issue_freshness, view.stale, bool(view.stale_label)) == (freshness, stale, stale)
    assert EN.duration(age_s) in view.issued


def test_an_issue_grows_old_while_no_snapshot_comes() -> None:
    unchanged = _with(_area())
    assert not _view(unchanged).stale
    assert _view(unchanged, now=NOW + DAY).stale


def test_what_is_made_of_old_data_is_marked_in_the_area_list() -> None:
    def row(now: int) -> present.AreaRow:
        return present.area_rows(_with(_area()), EN, now)[0]

    assert (row(NOW).observed_freshness, row(NOW).forecast_freshness) == (Freshness.FRESH, Freshness.FRESH)
    assert "stale" not in row(NOW).summary
    old = row(NOW + 2 * DAY)
    assert (old.observed_freshness, old.forecast_freshness) == (Freshness.STALE, Freshness.STALE)
    assert old.summary.count("(stale)") == 4
    none = present.area_rows(_with(dataclasses.replace(_area(), published=None)), EN, NOW)[0]
    assert none.forecast_freshness is Freshness.MISSING


@pytest.mark.parametrize("language", [DA, EN])
@pytest.mark.parametrize("reason", [r for r in Reason if r])
def test_a_lower_tier_is_named_with_its_reason(language: Language, reason: Reason) -> None:
    forecast = filled_store.forecast("DK1", NOW, Tier.SEASONAL, reason)
    of = _with(dataclasses.replace(_area(), published=untouched(forecast)))
    view = _view(of, language=language)
    assert view.reduced
    assert view.tier == language.text("tier.seasonal")
    assert view.tier_reason
    (row,) = present.area_rows(of, language, NOW)
    assert row.reduced == view.tier


def test_reasons_read_in_english_as_the_engine_says_them() -> None:
    for reason in Reason:
        if reason:
            assert EN.text(f"reason.{reason.value}") == reason.sentence


def test_simulated_and_ex_post_are_marked_in_both_views() -> None:
    forecast = filled_store.forecast("DK1", NOW, simulated=True, ex_post=True)
    of = _with(dataclasses.replace(_area(), published=untouched(forecast)), simulated=True)
    marks = ("SIMULEREDE DATA", "EX POST: VEJRET KENDT BAGEFTER")
    assert _view(of).marks == marks
    assert present.monitor_view(of, Consumer("DK1"), NO_ENGINE, DA, NOW).marks == marks
    assert _view(_with(_area())).marks == ()


def test_ages_of_sources_and_what_is_usual(filled: Snapshot) -> None:
    for code in ("DK", "DK1"):
        sources = {source.name: source for source in present.source_ages(filled, Consumer(code), DA, NOW)}
        assert sources["Forbrug"].age == "2\u00a0t\u00a020\u00a0min"
        assert sources["Temperatur"].age == "2\u00a0t\u00a015\u00a0min"
        assert (sources["Temperatur"].usual, sources["Temperatur"].state) == ("6\u00a0t", "aktuel")
    late = {source.name: source.freshness for source in present.source_ages(filled, Consumer("DK"), DA, NOW + 14 * HOUR)}
    assert (late["Forbrug"], late["Temperatur"]) == (Freshness.LATE, Freshness.LATE)


def test_a_source_that_one_part_of_the_country_lacks_is_missing_for_the_country(filled: Snapshot) -> None:
    west_only = dataclasses.replace(
        filled, series=tuple(s for s in filled.series if (s.quantity, s.area) != ("temperature", "DK2"))
    )
    state = {s.name: s.freshness for s in present.source_ages(west_only, Consumer("DK"), EN, NOW)}
    assert state["Temperature"] is Freshness.MISSING
    assert state["Wind"] is Freshness.FRESH


def test_an_empty_database_says_what_is_missing_and_what_to_do(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "lastvagt.sqlite")
    writer.put_job_run(JobRun("ingest", NOW, NOW, "expected", "No network.", "Check the cable."))
    writer.close()
    empty = _view(_read(tmp_path), "DK", EN).empty
    assert empty is not None
    assert empty.title == "No data for Denmark yet"
    words = " ".join(empty.lines)
    assert all(part in words for part in ("Observed load and a forecast are missing", "No network. Check the cable.", "import"))
    assert "lastvagt-engine run" in words


def test_an_imported_past_says_how_far_it_goes_and_what_it_is_good_for(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "lastvagt.sqlite")
    times = clock.parse_utc("2022-12-01") + HOUR * np.arange(31 * 24, dtype=np.int64)
    for area in ("DK1", "DK2"):
        writer.put(filled_store.observations(area, times))
    writer.close()
    read = _read(tmp_path)
    for empty in (_view(read, "DK", EN).empty, present.monitor_view(read, Consumer("DK"), NO_ENGINE, EN, NOW).empty):
        assert empty is not None
        assert empty.title == "Nothing recent for Denmark"
        words = " ".join(empty.lines)
        assert "up to 1 Jan 2023, but" in words
        assert "backtest" in words
        assert "lastvagt-engine run" in words
        assert "import" not in words


def test_no_database_is_told_from_an_unreadable_one() -> None:
    fault = Expected("There is no database.", "Start the engine.")
    absent = Snapshot(NOW, fault=fault, no_database=True)
    starting = present.forecast_view(absent, Consumer("DK"), EngineStatus(EngineKind.STARTING), EN, NOW).empty
    broken = _view(Snapshot(NOW, fault=fault), "DK", EN).empty
    assert starting is not None
    assert broken is not None
    assert starting.title == "There is no database yet"
    assert "within a minute" in " ".join(starting.lines)
    assert broken.title == "The database cannot be read"
    assert broken.lines[:2] == ("There is no database.", "Start the engine.")
    assert "move it away" in broken.lines[2]
    assert (_view(Snapshot(NOW, fault=fault), "DK", EN).tier_reason, _view(absent, "DK", EN).tier) == ("", "No forecast")
    assert "import" not in " ".join(broken.lines), "nothing can be imported into what cannot be read"
    assert len(present.area_rows(absent, EN, NOW)) == 3


def test_a_fault_over_data_read_before_is_a_notice_and_the_data_stay() -> None:
    of = dataclasses.replace(_with(_area()), fault=Expected("The disk is gone.", "Put it back."))
    (notice,) = present.notices(of, NO_ENGINE, EN, NOW + 60)
    assert (notice.problem, notice.remedy, notice.since) == ("The disk is gone.", "Put it back.", "since 18:20")
    assert _view(of).empty is None


def test_troubles_of_engine_and_sources_are_notices_and_a_tier_is_none(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "lastvagt.sqlite")
    writer.open_event("source", "eds", "It did not answer.", "It is asked again.", NOW - HOUR)
    writer.open_event("tier", "DK1", "Late load.", "Seasonal is used.", NOW - HOUR)
    writer.close()
    died = EngineStatus(EngineKind.FAILED, "disk full")
    first, second = present.notices(_read(tmp_path), died, DA, NOW)
    assert first.problem == "Motoren stoppede: disk full"
    assert (second.problem, second.detail) == ("Datakilden eds kan ikke hentes", "It did not answer. It is asked again.")
    assert second.since == "siden 17:20"


def test_every_kind_of_trouble_is_told_with_what_it_does_and_what_to_do() -> None:
    named = [key.removeprefix("event.") for key in TEXTS if key.startswith("event.")]
    kinds = [kind for kind in named if kind not in ("tier", "proposal", *plan.VERSIONS)]
    assert {"source", "stalled", "model", "challenger", "job", "peak", "drift"} <= set(kinds)
    events = [Event(kind, "energidataservice/Load", "It fails.", "Wait.", NOW - DAY, None) for kind in (*kinds, "unheard")]
    told = present.notices(Snapshot(NOW, events=tuple(events)), NO_ENGINE, DA, NOW)
    assert len(told) == len(events)
    for notice in told[:-1]:
        assert notice.effect
        assert notice.remedy
        assert notice.detail == "It fails. Wait."
        assert "It fails. Wait." in notice.copied(NOW)
    assert (told[-1].problem, told[-1].remedy) == ("It fails.", "Wait.")


def test_figures_of_a_model_that_is_worse_are_told_in_the_users_language() -> None:
    made = Record(np.arange(20), np.full(20, 6.0), np.full(20, 4.0))
    words = demotion.sentence("DK1", made, 10)
    events = (Event("rollback", "new", words, "Look.", NOW, None), Event("worse", "old", words, "Look.", NOW, None))
    gave_back, worse = present.notices(Snapshot(NOW, events=events), NO_ENGINE, DA, NOW)
    said = "Over 20 døgn var fejlene for Vestdanmark (DK1) 50\u00a0% større end for forbruget ugen før;"
    assert gave_back.effect == f"{said} den tidligere model laver prognosen igen."
    assert worse.effect == f"{said} ingen tidligere model kan tage over."
    assert "6.00 against 4.00 % of load" in worse.detail


def test_figures_of_a_peak_and_of_drift_are_told_in_the_users_language() -> None:
    limit, found = 3400.0, Peak(NOW + DAY, 3300, 3200, 3500, 0.63, NOW + 20 * HOUR)
    course = Course(np.array([20400]), *(np.array([n]) for n in (3.21, 2.5, 3.0, 2.8)), np.array([True]))
    said = (peaks.sentence(Consumer("DK1"), limit, found, NOW), drift.trouble(course, "DK1", NOW).problem)
    events = [
        Event(kind, "DK1", words, "Look.", NOW, None) for kind, words in zip(("drift", "peak"), reversed(said), strict=True)
    ]
    peak, drifts = present.notices(Snapshot(NOW, events=tuple(events)), NO_ENGINE, DA, NOW)
    assert (
        peak.effect
        == f"63\u00a0% sandsynlighed for over 3.400\u00a0MWh {DA.date(NOW + 20 * HOUR)} {DA.hour_span(NOW + 20 * HOUR)}."
    )
    assert drifts.effect.startswith("Fejlen er 3,2\u00a0% over 7 døgn, normalt 2,5\u00a0%, grænse 3,0\u00a0%")
    assert "3.400" in present.history(events, DA, NOW)


def test_days_that_lack_hours_or_are_contradicted_are_named_in_the_users_language(tmp_path: Path) -> None:
    times = np.arange(NOW // HOUR * HOUR - 30 * DAY, NOW - 2 * HOUR, HOUR, dtype=np.int64)
    yesterday = clock.local_midnight(clock.local(NOW).date()) - DAY
    gap, shifted = times == yesterday + 3 * HOUR, (times >= yesterday - 5 * DAY) & (times < yesterday - 3 * DAY)
    with contextlib.closing(Writer(tmp_path / "x.sqlite")) as writer, contextlib.closing(Reader(writer.path)) as reader:
        for quantity, moved in (("load", False), ("load_forecast", True)):
            value = filled_store.load_mwh("DK1", np.where(shifted & moved, times + HOUR, times))
            kept = ~gap | moved
            flags = np.zeros(int(kept.sum()), np.uint8)
            known = np.full(len(flags), NOW - HOUR)
            writer.put([Observations(Series(quantity, "DK1", "test"), times[kept], known, value[kept], flags)])
        whole_days.watch(writer, reader, NOW)
        apart, lacks = present.notices(Snapshot(NOW, events=tuple(reader.events())), NO_ENGINE, DA, NOW)
    days = ", ".join(DA.date(yesterday - back * DAY + 12 * HOUR) for back in (5, 4))
    assert apart.effect.startswith(f"Målingen passer ikke med netoperatørens prognose {days}. Ingen")
    assert lacks.effect == f"Der mangler 1 af 24 timer {DA.date(yesterday + 12 * HOUR)}. Prognoserne laves uden dem."


def test_the_most_serious_trouble_comes_first_and_of_peaks_the_likeliest() -> None:
    words = "The load may exceed 3400 MWh: {} % for 2026-11-30 10–11 Danish time, 34 h ahead."
    events = [Event("peak", of, words.format(percent), "", NOW, None) for of, percent in (("DK1", 31), ("DK", 72))]
    events = [Event("drift", "DK", "Worse.", "", NOW, None), *events, Event("job", "score", "Broken.", "", NOW, None)]
    told = present.notices(Snapshot(NOW, events=tuple(events)), NO_ENGINE, EN, NOW)
    assert [notice.cause for notice in told] == ["job:score", "peak:DK", "peak:DK1", "drift:DK"]


def test_a_source_that_fails_or_stands_still_says_how_old_its_data_are() -> None:
    series = SeriesState("temperature", "DK1", "total", "open-meteo", "C", 0, NOW - 3 * HOUR, NOW - 3 * HOUR)
    late = Lag(Consumer("851", "household"), "Private", NOW - 20 * DAY, 20 * DAY, 12 * DAY, NOW - 5 * DAY, (), 0, False)
    events = (Event("source", "open-meteo/forecast", "", "", NOW - DAY, None), Event("stalled", "Private", "", "", NOW, None))
    of = Snapshot(NOW, events=events, series=(series,), lags={late.consumer: late})
    source, stalled = present.notices(of, NO_ENGINE, EN, NOW)
    assert "is 3\u00a0h old" in source.effect
    assert "20\u00a0d old, usually 12\u00a0d" in stalled.effect


def test_a_source_that_failed_once_is_no_notice_until_it_has_failed_for_an_hour() -> None:
    event = Event("source", "open-meteo/forecast", "It fails.", "Wait.", NOW - HOUR + 60, None)
    of = Snapshot(NOW, events=(event,))
    assert present.notices(of, NO_ENGINE, EN, NOW) == ()
    (notice,) = present.notices(of, NO_ENGINE, EN, NOW + 60)
    assert notice.problem == "The source Open-Meteo (forecast) cannot be fetched"
    assert "Open-Meteo" in present.history([event], EN, NOW)


def test_what_is_put_off_comes_back_in_time_also_on_the_night_the_clock_changes() -> None:
    evening = clock.parse_utc("2026-10-24T20:00Z")
    times = present.shelf_times(evening)
    assert (times["hour"] - evening, times["shift"] - evening) == (HOUR, 8 * HOUR)
    assert clock.local(times["tomorrow"]).hour == 6
    assert present.on_shelf({"a": evening + 1, "b": evening, "c": "x"}, evening) == {"a": evening + 1}


def test_the_read_out_gives_the_numbers_of_an_hour() -> None:
    view = _view(_with(_area()))
    assert view.forecast_time[0] == clock.floor_hour(NOW) - HOUR
    now, past, ahead = (present.read_out(view, NOW + shift, DA) for shift in (0, -DAY, 30 * HOUR))
    assert now.hour == "tir. 24. nov. 18–19 CET"
    assert (now.observed, now.lead) == ("ingen data", "begyndt")
    assert past.observed == DA.quantity(filled_store.load_mwh("DK1", np.array([clock.floor_hour(NOW) - DAY]))[0], "MWh")
    assert (past.median, past.interval, past.lead) == ("ingen data", "ingen data", "–")
    assert ahead.lead == "+30\u00a0t"
    index = int(np.searchsorted(view.forecast_time, ahead.time))
    assert ahead.median == DA.quantity(view.median[index], "MWh")
    low, high = ahead.interval.removesuffix("\u00a0MWh").split("–")
    assert low < ahead.median.removesuffix("\u00a0MWh") < high
    assert (ahead.point, past.point) == (view.median[index], view.observed[int(np.searchsorted(view.observed_time, past.time))])


@pytest.mark.parametrize(
    ("day", "hours", "spans"),
    [
        ("2026-10-25", 25, ["00–01 CEST", "01–02a CEST", "02a–02b CEST", "02b–03 CET", "03–04 CET"]),
        ("2026-03-29", 23, ["00–01 CET", "01–03 CET", "03–04 CEST", "04–05 CEST"]),
    ],
)
def test_the_read_out_names_every_hour_of_a_long_and_a_short_day(day: str, hours: int, spans: list[str]) -> None:
    start = clock.local_midnight(clock.dt.date.fromisoformat(day))
    view = _view(_with(_area(now=start)), now=start)
    names = [present.read_out(view, start + HOUR * i, EN).hour.split(" ", 3)[3] for i in range(hours)]
    assert names[: len(spans)] == spans
    assert len(set(names)) == hours
    assert names[-1].startswith("23–00")


def test_the_monitor_tells_the_days_that_have_scores_and_shows_no_weeks_before_them() -> None:
    today = int(clock.local_day_hour(np.array([NOW], np.int64))[0][0])
    score = Score(n=24, observed=5e4, abs_error=900.0)
    area = dataclasses.replace(_area(), scores={("provisional", "day"): dict.fromkeys((today - 20, today - 3, today - 1), score)})
    view = present.monitor_view(_with(area), Consumer("DK1"), NO_ENGINE, EN, NOW)
    assert view.period == "Wed 4 Nov to Mon 23 Nov, Danish time: 3 days with scores"
    assert len(view.daily.at) == 21
    young = dataclasses.replace(area, scores={("provisional", "day"): {today: score}})
    assert len(present.monitor_view(_with(young), Consumer("DK1"), NO_ENGINE, EN, NOW).daily.at) == 14


def _learning(area: ConsumerSnapshot, calibration: Calibration) -> present.CalibrationView:
    area = dataclasses.replace(area, calibration=calibration, learned_at=NOW - HOUR)
    return present.monitor_view(_with(area), area.of, NO_ENGINE, EN, NOW).calibration


def test_calibration_tells_how_bands_held_whom_the_median_trusts_and_what_is_corrected(filled: Snapshot) -> None:
    view = present.monitor_view(filled, Consumer("DK1"), NO_ENGINE, DA, NOW).calibration
    assert view.leads == ("til 6\u00a0t frem", "7–48\u00a0t", "49–168\u00a0t")
    assert view.bands == tuple(f"{share} %" for share in (50, 80, 90))
    assert [cell.nominal for row in view.coverage for cell in row] == [50, 50, 50, 80, 80, 80, 90, 90, 90]
    assert view.learned == "400 timer lært, senest 18:00"
    assert sum(part.share for part in view.weights) == pytest.approx(1)
    assert [part.share for part in view.weights[:3]] == sorted((part.share for part in view.weights[:3]), reverse=True)
    assert (view.weights[0].name, view.weights[-1].name) == ("model", "andre")
    assert "vind +" in view.correction
    assert view.correction.endswith("pr. std.afv.")
    assert "% af modellens bredde" in view.width
    for words in (view.coverage[1][1].words, view.weights[0].words, view.correction, view.learned):
        assert words in view.summary
    whole = present.monitor_view(filled, Consumer("DK"), NO_ENGINE, EN, NOW).calibration
    assert (whole.weights, whole.correction) == ((), "The median is the sum of its parts'; only the bands are learned here.")


def test_a_coverage_is_off_where_chance_does_not_explain_it() -> None:
    area, state = _area(), filled_store.calibration("DK1", NOW)
    right = dataclasses.replace(state, inside=np.tile([0.5, 0.8, 0.9], (3, 1)))
    wrong = dataclasses.replace(right, inside=right.inside - [[0.0, 0.0, 0.1]])
    assert not any(cell.off for row in _learning(area, right).coverage for cell in row)
    assert [[cell.off for cell in row] for row in _learning(area, wrong).coverage] == [[False] * 3, [False] * 3, [True] * 3]
    few = dataclasses.replace(wrong, hours=np.full(3, 12.0))
    assert not any(cell.off for row in _learning(area, few).coverage for cell in row if cell.share > 0)


def test_nothing_learned_says_what_it_waits_for_and_one_group_may_learn_before_another() -> None:
    area, state = _area(), filled_store.calibration("DK1", NOW)
    assert present.monitor_view(_with(area), Consumer("DK1"), NO_ENGINE, EN, NOW).calibration.empty.startswith(
        "Learns from the first hours"
    )
    assert _learning(area, dataclasses.replace(state, hours=np.zeros(3))).empty
    view = _learning(
        area, dataclasses.replace(state, hours=np.array([9.0, 0.0, 0.0]), moments=0 * state.moments, effects=0 * state.effects)
    )
    assert [cell.words for cell in view.coverage[0]][1:] == ["–", "–"]
    assert not view.coverage[0][1].off
    assert view.correction == "Corrects now: next to nothing"


def test_an_expert_or_input_without_a_text_keeps_its_own_name() -> None:
    area, state = _area(), filled_store.calibration("DK1", NOW)
    experts = ("oracle", *state.experts[1:])
    of = dataclasses.replace(
        state, experts=experts, responses=("day_ahead_price_anomaly", "moon_phase"), effects=state.effects + 5
    )
    view = _learning(area, of)
    assert "oracle" in {part.name for part in view.weights}
    assert "day-ahead price +" in view.correction
    assert "moon_phase +" in view.correction


def test_the_operators_forecast_is_the_one_known_at_the_issue_and_is_told_in_a_line(filled: Snapshot) -> None:
    area = filled.consumers[Consumer("DK1")]
    view = _view(filled, "DK1")
    assert area.forecast is not None
    assert view.tso_time[0] >= area.forecast.valid_time[0]
    tomorrow = clock.local_midnight(clock.local(NOW).date() + clock.dt.timedelta(days=2))
    assert view.tso_time[-1] == tomorrow - HOUR
    assert view.value_range[1] >= np.nanmax(view.tso)
    line = present.monitor_view(filled, Consumer("DK1"), NO_ENGINE, EN, NOW).board
    assert line.startswith("Against the TSO (ENTSO-E), both as of 10:00 the day before, ")
    assert "skill +" in line
    without = dataclasses.replace(
        filled,
        consumers={Consumer("DK1"): dataclasses.replace(area, board=None, tso_time=np.empty(0, np.int64), tso=np.empty(0))},
    )
    assert present.monitor_view(without, Consumer("DK1"), NO_ENGINE, EN, NOW).board == ""
    assert len(_view(without, "DK1").tso) == 0


def test_the_monitor_holds_bars_against_the_reference(filled: Snapshot) -> None:
    view = present.monitor_view(filled, Consumer("DK1"), NO_ENGINE, DA, NOW)
    assert view.empty is None
    assert len(view.daily.at) == snapshot.SCORE_DAYS + 1
    assert len(np.unique(np.diff(view.daily.at))) == 2, "the period holds the day of 25 hours"
    assert (view.lead.values[:-1] < view.lead.values[1:]).all(), "the made-up scores grow worse with lead time"
    assert view.lead.labels[:2] == ("begyndt", "1–6")
    assert len(view.hour.labels) == 24
    assert "sæsonnaiv" in view.daily.texts[5]
    assert view.period == "tir. 13. okt. til tir. 24. nov., dansk tid: 43 døgn med scorer"


def test_settled_scores_stand_beside_provisional_ones_of_the_same_days(filled: Snapshot) -> None:
    lines = present.monitor_view(filled, Consumer("DK1"), NO_ENGINE, EN, NOW).lines
    hours = [line.cells[0] for line in lines]
    assert hours[1] == hours[2]
    assert int(hours[0].replace(",", "")) > int(hours[1].replace(",", ""))
    assert lines[1].cells[1] != lines[2].cells[1]


def test_numbers_of_the_table_are_those_of_the_scores() -> None:
    score = Score(n=1000, observed=2e6, error=-500, abs_error=4e4, crps=3e4, in50=498, in80=801, in90=0, ref_n=1000)
    score = dataclasses.replace(score, ref_abs_error=8e4, ref_model_abs_error=4e4)
    day = int(clock.local_day_hour(np.array([NOW], np.int64))[0][0])
    area = dataclasses.replace(_area(), scores={("provisional", "day"): {day: score}})
    first, same, settled = present.monitor_view(_with(area), Consumer("DK1"), NO_ENGINE, DA, NOW).lines
    percent = [f"{share}\u00a0%" for share in ("49,8", "80,1", "0,0")]
    assert first.cells == ("1.000", "40,0", "−0,5", "2,00", "30,0", "0,50", *percent)
    assert same.cells == settled.cells == ("ingen data", *8 * "–")


def test_nothing_scored_is_no_data_and_says_why() -> None:
    view = present.monitor_view(_with(_area()), Consumer("DK1"), NO_ENGINE, EN, NOW)
    assert view.empty is not None
    assert view.empty.title == "No scores for Western Denmark (DK1) yet"
    assert np.isnan(view.daily.values).all()
    assert all(line.cells == ("no data", *8 * "–") for line in view.lines)
    assert view.period == "The last 42 days, Danish time"
    nothing = present.monitor_view(
        Snapshot(NOW, fault=Expected("a", "b"), no_database=True), Consumer("DK1"), NO_ENGINE, EN, NOW
    ).empty
    assert nothing is not None
    assert nothing.title == "There is no database yet"


def test_a_view_of_nothing_has_a_scale_and_no_peak() -> None:
    nothing = ConsumerSnapshot(Consumer("DK1"), np.empty(0, np.int64), np.empty(0), None)
    view = _view(_with(nothing), language=EN)
    assert view.value_range == (0.0, 1.0)
    assert math.isnan(view.issue_time)
    assert (view.gap, view.bands) == (None, ())
    assert present.read_out(view, NOW, EN).median == "no data"


@pytest.mark.parametrize("kind", [EngineKind.CONNECTING, EngineKind.UNHEARD])
def test_before_anything_came_from_another_machine_nothing_is_said_of_files_here(kind: EngineKind) -> None:
    absent = Snapshot(NOW, fault=Expected("There is no database at x.", "Start the engine once."), no_database=True)
    told = present.forecast_view(absent, Consumer("DK1"), EngineStatus(kind, "https://there:8787"), EN, NOW).empty
    assert told is not None
    assert told.title == "No data have come from the engine yet"
    assert len(told.lines) == 1
    assert "https://there:8787" in told.lines[0]


def test_the_foot_says_where_other_machines_reach_the_engine(filled: Snapshot) -> None:
    engine = EngineState(1, "127.0.0.1", 8787, "1", NOW, NOW)
    for kind in (EngineKind.FOUND, EngineKind.OURS):
        alone = dataclasses.replace(filled, engine=engine)
        assert "åben" not in present.engine_line(alone, EngineStatus(kind), DA)
        told = present.engine_line(dataclasses.replace(alone, exposed="https://vagt.dk:8787"), EngineStatus(kind), DA)
        assert told.endswith(" · åben for andre maskiner: https://vagt.dk:8787")
