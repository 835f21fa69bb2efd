"""What is shown of load that is measured days late: how late, what is bridged, what lies ahead, and in which unit."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import filled_store
import numpy as np
import pytest
from filled_store import NOW, OWN
from hypothesis import given
from hypothesis import strategies as st

from app import present, snapshot
from app.present import Part
from app.present.lateness import judge
from app.present.measure import measure_text
from app.present.scale import scale_of
from app.snapshot import EngineKind, EngineStatus, Snapshot
from app.translations import Language
from engine import clock, geography
from engine.adjusting import untouched
from engine.domain import BRIDGE_H, DAY, HOUR, Consumer, Freshness, Reason, Score, Tier
from engine.geography import MERGER
from engine.lag import Lag
from engine.store import Reader

DA, EN = Language("da"), Language("en")
NO_ENGINE = EngineStatus(EngineKind.ABSENT)
MIDT, AALBORG, DK_HOUSEHOLDS = Consumer("1082", "household"), Consumer("851", "household"), Consumer("DK", "household")


def _read(folder: Path, of: Consumer) -> Snapshot:
    reader = Reader(folder / "lastvagt.sqlite")
    try:
        return snapshot.read(reader, NOW, of)
    finally:
        reader.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filled_store.fill(tmp_path_factory.mktemp("late"), days=16, late=True)


@pytest.fixture(scope="module")
def filled(folder: Path) -> Snapshot:
    return _read(folder, MIDT)


@pytest.fixture(scope="module")
def stalled(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return _read(filled_store.fill(tmp_path_factory.mktemp("stalled"), days=16, late=True, stalled_d=21), MIDT)


def _view(of: Snapshot, consumer: Consumer = MIDT, language: Language = EN, now: int = NOW) -> present.ForecastView:
    return present.forecast_view(of, consumer, NO_ENGINE, language, now)


def _lag(age_d: float, usual_d: float | None) -> Lag:
    usual = None if usual_d is None else int(usual_d * DAY)
    return Lag(MIDT, "metered", NOW - int(age_d * DAY), int(age_d * DAY), usual, None, (), 0, False)


def test_only_the_price_areas_and_the_chosen_consumer_are_read(folder: Path, filled: Snapshot) -> None:
    assert list(filled.consumers) == [*snapshot.PRICE_AREAS, MIDT]
    reader = Reader(folder / "lastvagt.sqlite")
    other = snapshot.choose(filled, reader, NOW, AALBORG)
    reader.close()
    assert list(other.consumers) == [*snapshot.PRICE_AREAS, AALBORG]
    assert other.consumers[Consumer("DK")] is filled.consumers[Consumer("DK")]
    assert {MIDT, AALBORG, OWN, DK_HOUSEHOLDS, Consumer("1082")} <= set(filled.known)


def test_measured_bridged_and_ahead_follow_each_other_without_a_hole(filled: Snapshot) -> None:
    view = _view(filled)
    assert [s.part for s in view.stretches] == [Part.MEASURED, Part.BRIDGE, Part.AHEAD]
    measured, bridge, ahead = view.stretches
    assert measured.end == bridge.start == view.observed_time[-1] + HOUR
    assert bridge.end == ahead.start == clock.floor_hour(int(view.issue_time)) + HOUR
    assert ahead.end == view.forecast_time[-1] + HOUR
    assert view.shown[0] < measured.end - 4 * DAY
    assert view.shown[1] > ahead.end
    assert [s.names[0] for s in view.stretches] == [
        "Measured until Sat 14 Nov 00:00",
        "Bridge: 10\u00a0d\u00a019\u00a0h nobody has measured yet",
        "Forecast 48\u00a0h ahead",
    ]


def test_a_price_area_is_shown_as_before(filled: Snapshot) -> None:
    view = _view(filled, Consumer("DK1"))
    assert (view.stretches, view.measured, view.scale.unit) == ((), "", "MWh")
    assert view.gap is not None


def test_the_bands_widen_with_the_lag(filled: Snapshot, stalled: Snapshot) -> None:
    view = _view(filled)
    width = (view.bands[1].high - view.bands[1].low) / view.median
    assert width[-1] > 1.5 * width[0]
    longer = _view(stalled)
    later = (longer.bands[1].high - longer.bands[1].low) / longer.median
    assert later[-1] > 1.3 * width[-1]


def test_the_read_out_says_what_an_hour_is_and_what_it_rests_on(filled: Snapshot) -> None:
    view = _view(filled)
    newest = int(view.observed_time[-1])
    measured, bridged, ahead, outside = (
        present.read_out(view, t, EN) for t in (newest, newest + 3 * DAY, NOW + DAY, NOW + 3 * DAY)
    )
    assert (measured.part, measured.lead) == ("Measured.", "–")
    assert (bridged.observed, bridged.lead) == ("no data", "bridge")
    assert bridged.part.startswith(
        "Bridge: nobody has measured this hour yet. Rests on measurements up to Sat 14 Nov 00:00, 3\u00a0d"
    )
    assert ahead.lead == "+24\u00a0h"
    assert ahead.part.startswith("Forecast. Rests on measurements up to Sat 14 Nov 00:00, 11\u00a0d")
    assert outside.part == "Neither measured nor part of the forecast."


def test_a_lag_that_is_usual_is_said_and_is_fresh(filled: Snapshot) -> None:
    view = _view(filled)
    assert view.measured == "Measured until Sat 14 Nov 00:00, 10\u00a0d\u00a018\u00a0h ago; usually 11\u00a0d."
    assert view.load_freshness is Freshness.FRESH
    assert not view.reduced, "the pooled model is the best there is for it"
    (own, of_area, *weather) = present.source_ages(filled, MIDT, EN, NOW)
    assert (own.name, own.freshness) == ("Load", Freshness.FRESH)
    assert (of_area.name, of_area.age) == ("Load DK1", "2\u00a0h\u00a020\u00a0min")
    assert weather


def test_a_source_that_stands_still_is_late_everywhere(stalled: Snapshot) -> None:
    view = _view(stalled)
    assert view.load_freshness is Freshness.STALE
    assert "Nothing new since Tue 3 Nov." in view.measured
    assert present.source_ages(stalled, MIDT, EN, NOW)[0].state == "stale"
    assert next(s for s in view.stretches if s.part is Part.BRIDGE).freshness is Freshness.STALE
    row = present.area_rows(stalled, DA, NOW)[-1]
    assert row.observed_freshness is Freshness.STALE
    assert "(forældet)" in row.summary


@pytest.mark.parametrize(
    ("age_d", "usual_d", "judged"),
    [
        (11, 13, Freshness.FRESH),
        (14, 13, Freshness.FRESH),
        (15, 13, Freshness.LATE),
        (27, 13, Freshness.STALE),
        (11, None, None),
    ],
)
def test_lateness_is_judged_by_what_is_usual_for_the_series(
    age_d: float, usual_d: float | None, judged: Freshness | None
) -> None:
    assert judge(_lag(age_d, usual_d), int(age_d * DAY)) is judged


def test_a_load_grows_late_while_no_snapshot_comes(filled: Snapshot) -> None:
    assert _view(filled, now=NOW + 4 * DAY).load_freshness is Freshness.LATE
    assert _view(filled, now=NOW + 20 * DAY).load_freshness is Freshness.STALE


def test_without_measured_lags_an_age_is_shown_and_not_judged(filled: Snapshot) -> None:
    unknown = dataclasses.replace(filled, lags={})
    view = _view(unknown)
    assert view.load_freshness is None
    assert view.measured.endswith("ago.")
    own = present.source_ages(unknown, MIDT, EN, NOW)[0]
    assert (own.usual, own.state) == ("–", "")


def test_a_sum_is_as_late_as_its_latest_part(folder: Path) -> None:
    found = _read(folder, DK_HOUSEHOLDS)
    assert _view(found, DK_HOUSEHOLDS).load_freshness is Freshness.FRESH
    part, whole = Consumer("1081", "household"), found.consumers[DK_HOUSEHOLDS]
    known = whole.observed_time <= NOW - 20 * DAY
    cut = dataclasses.replace(whole, observed_time=whole.observed_time[known], observed=whole.observed[known])
    still = dataclasses.replace(found.lags[part], newest_valid=NOW - 20 * DAY, stalled_since=NOW - 9 * DAY)
    late = dataclasses.replace(found, consumers={DK_HOUSEHOLDS: cut}, lags=found.lags | {part: still})
    view = _view(late, DK_HOUSEHOLDS)
    assert view.load_freshness is Freshness.LATE
    assert "Nothing new since" in view.measured


def test_before_the_first_issue_the_screen_says_that_it_comes(filled: Snapshot) -> None:
    nothing = dataclasses.replace(filled.consumers[MIDT], published=None)
    view = _view(dataclasses.replace(filled, consumers=filled.consumers | {MIDT: nothing}))
    assert [s.part for s in view.stretches] == [Part.MEASURED, Part.NOTHING]
    assert view.tier_reason.startswith("The engine has not issued a forecast of this series yet.")
    assert view.empty is None
    assert present.read_out(view, NOW - DAY, EN).part == "Neither measured nor part of the forecast."


def test_a_consumer_without_data_says_which_setting_fetches_it(filled: Snapshot) -> None:
    empty = _view(dataclasses.replace(filled, consumers={}, series=()), AALBORG).empty
    assert empty is not None
    assert "fetch_municipalities" in " ".join(empty.lines)


def test_a_lower_tier_of_a_late_consumer_is_still_named(filled: Snapshot) -> None:
    issue = filled.consumers[MIDT].forecast
    assert issue is not None
    lower = dataclasses.replace(issue, tier=Tier.SEASONAL, reason=Reason.NO_MODEL)
    seen = dataclasses.replace(filled.consumers[MIDT], published=untouched(lower))
    of = dataclasses.replace(filled, consumers={MIDT: seen})
    assert _view(of).reduced
    assert present.area_rows(of, EN, NOW)[0].reduced == "Weekly profile"


def test_measures_say_what_adds_up_and_what_does_not() -> None:
    def words(area: str, kind: str = "total", now: int = NOW) -> str:
        return measure_text(Consumer(area, kind), EN, now)

    assert words("DK").startswith("Adds up exactly from Western Denmark (DK1) and Eastern Denmark (DK2).")
    assert "Adds up" not in words("DK1")
    assert words("1082").startswith("Adds up exactly from all its types.")
    assert "Not part of the gross consumption of Western Denmark (DK1)" in words("1082", "household")
    assert words("DK2", "public").startswith("Adds up exactly from Capital Region of Denmark and Region Zealand.")
    assert words("DK2", "public", MERGER + DAY).startswith("Adds up exactly from Region of Eastern Denmark.")
    assert words("851", "household").startswith("Metered at dwellings. Not part of the gross consumption")


@pytest.mark.parametrize("language", [DA, EN])
def test_every_measure_can_be_said(language: Language) -> None:
    for of in (Consumer("DK"), Consumer("DK", "dk36-PR"), Consumer("DK1-740"), OWN, MIDT, AALBORG, Consumer("1082")):
        assert measure_text(of, language, NOW).endswith(".")


@pytest.mark.parametrize(
    ("largest", "words"),
    [
        (5800.0, "5,800\u00a0MWh"),
        (488.0, "488\u00a0MWh"),
        (74.66, "74.7\u00a0MWh"),
        (4.321, "4.32\u00a0MWh"),
        (0.42, "420\u00a0kWh"),
        (0.0312, "31.2\u00a0kWh"),
        (0.0, "0\u00a0MWh"),
    ],
)
def test_a_load_is_written_in_the_unit_of_its_size(largest: float, words: str) -> None:
    assert scale_of(largest).quantity(largest, EN) == words


@pytest.mark.parametrize(
    ("largest", "unit", "words"),
    [
        (4581.0, "GWh", "4.581\u00a0GWh"),
        (99.9, "GWh", "99.9\u00a0MWh"),
        (0.42, "MWh", "0.42\u00a0MWh"),
        (4581.0, "?", "4,581\u00a0MWh"),
    ],
)
def test_a_load_is_told_in_the_unit_that_was_chosen_where_it_has_enough_of_it(largest: float, unit: str, words: str) -> None:
    assert scale_of(largest, unit).quantity(largest, EN) == words


@given(st.floats(1e-3, 1e5))
def test_three_digits_tell_loads_apart(largest: float) -> None:
    scale = scale_of(largest)
    step = 10.0**-scale.decimals / scale.factor
    assert step <= largest / 99 or step <= 1e-5


def test_a_small_load_has_an_axis_of_its_own(folder: Path) -> None:
    view = _view(_read(folder, OWN), OWN)
    assert view.axis == "kWh per hour"
    low, high = view.value_range
    everything = np.concatenate([view.bands[0].low, view.bands[0].high])
    assert 0 <= low < everything.min() < everything.max() < high < 1.5 * everything.max()
    assert present.read_out(view, NOW, EN).median.endswith("kWh")


def test_scores_of_a_late_consumer_are_in_its_unit_and_reach_as_far_as_its_issues(folder: Path) -> None:
    view = present.monitor_view(_read(folder, OWN), OWN, NO_ENGINE, EN, NOW)
    assert "MAE, kWh" in view.heads
    assert view.daily_caption.endswith("kWh")
    assert view.lead.labels == ("bridge", "1–6", "7–12", "13–24", "25–48")
    assert len(view.lines) == 1, "what is metered is never called settled"
    assert view.period.endswith("later hours are not measured yet")
    assert 5 < np.nanmean(view.daily.values) < 100


def test_what_was_learned_of_a_late_consumer_is_told_of_bridge_and_ahead(folder: Path) -> None:
    learned = present.monitor_view(_read(folder, OWN), OWN, NO_ENGINE, EN, NOW).calibration
    assert learned.leads == ("bridge", "ahead")
    assert [cell.words for cell in learned.coverage[1]] == ["83.0\u00a0%", "77.0\u00a0%"]
    assert not any(cell.off for row in learned.coverage for cell in row)
    assert learned.learned == "64 days learned, last Fri 13 Nov"
    assert (learned.weights, learned.empty) == ((), "")
    assert "answers to weather" in learned.correction


def test_a_late_consumer_waits_for_its_scores_as_long_as_its_truth_takes(filled: Snapshot) -> None:
    nothing = dataclasses.replace(filled.consumers[MIDT], scores={})
    empty = present.monitor_view(dataclasses.replace(filled, consumers={MIDT: nothing}), MIDT, NO_ENGINE, EN, NOW).empty
    assert empty is not None
    assert "usually after 11\u00a0d" in empty.lines[0]


def test_settlement_is_a_third_truth_with_a_note(filled: Snapshot) -> None:
    west = Consumer("DK1")
    scores = {("provisional", "day"): {20780: Score(n=24, observed=6e4, abs_error=900.0)}}
    seen = dataclasses.replace(filled.consumers[west], scores=scores)

    def view(of: snapshot.ConsumerSnapshot) -> present.MonitorView:
        return present.monitor_view(dataclasses.replace(filled, consumers={west: of}), west, NO_ENGINE, EN, NOW)

    assert len(view(seen).lines) == 3
    settled = view(dataclasses.replace(seen, scores=scores | {("settlement", "day"): scores["provisional", "day"]}))
    assert settled.lines[-1].name == "Settlement, whole period"
    assert "self-consumption" in settled.board


def test_a_bridge_of_the_longest_length_is_in_sight(filled: Snapshot) -> None:
    newest = clock.floor_hour(NOW) - BRIDGE_H * HOUR
    seen = filled.consumers[MIDT]
    early = seen.observed_time <= newest
    of = dataclasses.replace(
        seen,
        observed_time=seen.observed_time[early],
        observed=seen.observed[early],
        published=untouched(filled_store.bridging(MIDT, NOW, newest)),
    )
    view = _view(dataclasses.replace(filled, consumers={MIDT: of}))
    assert view.shown[0] < newest
    assert view.stretches[1].end - view.stretches[1].start == pytest.approx(BRIDGE_H * HOUR, abs=HOUR)
    assert geography.title(MIDT, "en") == view.title
