"""What the monitoring view says: the control chart, skill, heat maps and the hours behind them, promises and expected errors."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path

import filled_store
import numpy as np
import pytest
from filled_store import NOW

from app import present, record, snapshot
from app.present import HeatMap
from app.present.heat import SHOWN
from app.present.scale import Scale
from app.record import Record
from app.snapshot import Snapshot
from app.translations import Language
from engine import clock
from engine.domain import DAY, LEVELS, Consumer, Score
from engine.store import Reader, ScoreRow, Writer

DA, EN = Language("da"), Language("en")
DK1, OWN = Consumer("DK1"), filled_store.OWN


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filled_store.fill(tmp_path_factory.mktemp("monitored"), late=True)


@pytest.fixture(scope="module")
def filled(folder: Path) -> Snapshot:
    reader = Reader(folder / "lastvagt.sqlite")
    found = snapshot.read(reader, NOW, OWN)
    reader.close()
    return found


def read(folder: Path, of: Consumer, truth: str = "provisional") -> Record:
    reader = Reader(folder / "lastvagt.sqlite")
    try:
        return record.read(reader, of, truth, NOW)
    finally:
        reader.close()


@pytest.fixture(scope="module")
def held(folder: Path) -> Record:
    return read(folder, DK1)


def nothing(tmp_path: Path, of: Consumer = DK1) -> Record:
    writer = Writer(tmp_path / "lastvagt.sqlite")
    writer.close()
    return read(tmp_path, of)


def test_the_control_chart_tells_the_newest_day_beside_its_limit(filled: Snapshot, held: Record) -> None:
    view = present.quality_view(filled, filled.consumers[DK1], held, EN, NOW)
    error, naive, *_, held_card, expected = view.cards
    assert (error.state, naive.state) == ("usual", "usual")
    assert error.words.startswith("As usual: ")
    assert naive.figure.startswith("+0.")
    assert held_card.name == "In the 80 % band, 28 days"
    assert expected.figure.endswith("MWh")
    assert view.control.summary == view.control.texts[-2], "today is not over"
    assert view.control.texts[-1] == "Tue 24 Nov: not judged"
    wape, usual, limit = (line.value for line in view.control.lines)
    assert np.isfinite(wape[-2])
    assert usual[-2] < limit[-2]
    assert view.control.marked == ()
    assert np.isnan(view.skill.lines[0].value[0]), "before the first score there is none"


def test_drift_is_marked_with_more_than_colour(filled: Snapshot, held: Record) -> None:
    course = dataclasses.replace(held.course, drift=np.arange(len(held.course.day)) >= len(held.course.day) - 6)
    view = present.quality_view(filled, filled.consumers[DK1], dataclasses.replace(held, course=course), DA, NOW)
    assert view.cards[0].state == "off"
    assert view.cards[0].words.startswith("Over grænsen")
    assert len(view.control.marked) >= 4


def test_a_judgement_that_waits_for_load_says_so(filled: Snapshot, held: Record) -> None:
    card = present.quality_view(filled, filled.consumers[DK1], held, EN, NOW + 9 * DAY).cards[0]
    assert card.state == "unknown"
    assert card.words == "Waits for load; judged up to Mon 23 Nov"


def test_a_load_that_comes_late_is_judged_by_its_bridge_and_not_against_the_operator(filled: Snapshot, folder: Path) -> None:
    view = present.quality_view(filled, filled.consumers[OWN], read(folder, OWN), EN, NOW)
    assert [card.name for card in view.cards] == [
        "Error, last 7 days",
        "Against seasonal naive",
        "In the 80 % band, 28 days",
        "To expect, bridge",
    ]
    assert view.cards[0].state in ("usual", "unknown")
    assert view.control.caption == "WAPE of 7 days, bridge, %"


def test_without_scores_every_figure_is_absent_and_says_so(filled: Snapshot, tmp_path: Path) -> None:
    empty = nothing(tmp_path)
    view = present.quality_view(filled, dataclasses.replace(filled.consumers[DK1], published=None, board=None), empty, EN, NOW)
    assert {card.figure for card in view.cards} == {"–"}
    assert {card.state for card in view.cards} == {"unknown"}
    assert not np.isfinite(view.control.lines[0].value).any()
    for by in ("lead", "month"):
        heat = present.heat_map(empty, by, "wape", EN, NOW)
        assert heat.summary == "No data"
        assert heat.texts[0][5].endswith("05–06: no data")
        assert present.behind(empty, heat, 0, 5, Scale(), EN, NOW).lines == ()
    promises = present.promise_view(filled.consumers[DK1], empty, None, 1, EN, NOW)
    assert promises.empty
    assert promises.leads == ()
    assert [line.cells[1] for line in promises.levels] == ["no data"] * len(LEVELS)
    assert [cells[-1] for cells in promises.errors] == ["–"] * len(promises.errors), (
        "the forecast tells of itself, nothing of before"
    )


@pytest.mark.parametrize("by", ["lead", "month"])
@pytest.mark.parametrize("shown", SHOWN)
def test_a_cell_is_the_error_of_the_hours_behind_it(held: Record, by: str, shown: str) -> None:
    heat = present.heat_map(held, by, shown, EN, NOW)
    assert heat.values.shape == (len(heat.rows), 24)
    row, hour = len(heat.rows) - 1, 17
    listed = present.behind(held, heat, row, hour, Scale(), EN, NOW)
    local = clock.local_day_hour(np.array([line.valid_time for line in listed.lines]))[1]
    assert set(local.tolist()) == {hour}
    chosen = np.isin(held.valid_time, [line.valid_time for line in listed.lines])
    buckets = [heat.keys[row]] if by == "lead" else [3, 4]
    sums = held.abs_error if shown == "wape" else held.error
    whole = 100 * sums[chosen][:, buckets].sum() / held.observed[chosen][:, buckets].sum()
    assert heat.values[row, hour] == pytest.approx(whole)
    assert f"over {len(listed.lines)} hours" in heat.texts[row][hour]
    sizes = [abs(float(line.cells[3].replace("−", "-").replace(",", ""))) for line in listed.lines]
    assert sizes == sorted(sizes, reverse=True), "the worst come first"


def test_colours_of_a_bias_are_the_same_on_both_sides(held: Record) -> None:
    bias = present.heat_map(held, "lead", "bias", EN, NOW)
    assert bias.low == -bias.high
    assert present.heat_map(held, "lead", "wape", EN, NOW).low == 0
    assert bias.words[6][12][0] in "+−"


def test_both_hours_of_the_night_the_clock_goes_back_are_listed_apart(tmp_path: Path) -> None:
    times = clock.local_hours(dt.date.fromisoformat("2026-10-25")).tolist()
    writer = Writer(tmp_path / "lastvagt.sqlite")
    writer.put_scores(
        [ScoreRow("DK1", "total", "provisional", t, 4, Score(n=1, observed=100.0, error=5.0, abs_error=5.0)) for t in times]
    )
    writer.close()
    held = read(tmp_path, DK1)
    heat = present.heat_map(held, "lead", "wape", EN, NOW)
    assert "over 2 hours" in heat.texts[4][2]
    assert "over 1 hours" in heat.texts[4][3]
    assert [line.cells[0] for line in present.behind(held, heat, 4, 2, Scale(), EN, NOW).lines] == [
        "Sun 25 Oct 02a",
        "Sun 25 Oct 02b",
    ]


def test_errors_are_shown_against_the_chosen_truth(folder: Path, held: Record) -> None:
    settled = read(folder, DK1, "settled")
    assert len(settled.valid_time) < len(held.valid_time)
    np.testing.assert_array_equal(settled.kept.n, held.kept.n)


def test_levels_are_told_apart_from_chance(filled: Snapshot, held: Record) -> None:
    view = present.promise_view(filled.consumers[DK1], held, None, 1, DA, NOW)
    assert view.lead == 4
    assert dict(view.leads)[4] == "25–48 t frem"
    assert dict(view.leads)[0] == "begyndt"
    assert len(view.levels) == len(LEVELS)
    assert all(line.reach > 0 for line in view.levels)
    narrow = dataclasses.replace(held.kept, below=held.kept.below * 0.8)
    off = present.promise_view(filled.consumers[DK1], dataclasses.replace(held, kept=narrow), 3, 1, DA, NOW)
    assert off.lead == 3
    assert off.summary.startswith("▲ ")
    assert any(line.off for line in off.levels)
    assert present.promise_view(filled.consumers[DK1], held, 4, 1, DA, NOW).errors[0][0] == "begyndt"


def test_expected_errors_stand_beside_those_that_came(filled: Snapshot, held: Record) -> None:
    view = present.quality_view(filled, filled.consumers[DK1], held, EN, NOW)
    assert len(view.expected.at) == 28
    assert np.isfinite(view.expected.values[:-2]).all()
    assert np.isfinite(view.expected.reference[:-2]).all()
    assert view.expected_summary.startswith("Before, errors were 1.")
    assert view.expected.texts[0].count("MWh") == 2


def test_heat_maps_are_the_same_in_both_languages_but_for_words(held: Record) -> None:
    maps: list[HeatMap] = [present.heat_map(held, "month", "wape", language, NOW) for language in (DA, EN)]
    np.testing.assert_array_equal(maps[0].values, maps[1].values)
    assert maps[0].rows[-1] == "nov. 2026"
    assert maps[1].rows[-1] == "Nov 2026"
