import dataclasses
import datetime as dt
import json
from pathlib import Path

import histories
import numpy as np
import pytest

from engine import clock
from engine.domain import DAY, HOUR, Expected
from engine.store import Archive, Reader
from models import ablation, card, sampling, train, tuning, validation
from models.ablation import Change
from models.learner import Recipe, Sister
from models.sampling import Sample

END = train.end_of(dt.date(2025, 1, 20))
SMALL = Recipe(
    sisters={"trees_l1": Sister("regression_l1", 10, 40, 1, rounds=80), "trees_l2": Sister("regression", 10, 40, 2, rounds=80)}
)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    return histories.fill(tmp_path_factory.mktemp("store") / "lastvagt.sqlite", END, 760)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validation, "STEP_H", 251)
    monkeypatch.setattr(ablation, "_TRUE", SMALL)
    monkeypatch.setattr(tuning, "Recipe", lambda **given: dataclasses.replace(SMALL, **given))
    changes = (
        Change("without weather", lambda name: "temperature" in name, SMALL),
        Change("each area by itself", recipe=SMALL, apart=True),
        Change(
            "tried: all at once",
            recipe=SMALL,
            extra=lambda *a: {**ablation.market(*a), **ablation.neighbour(*a), **ablation.bends(*a)},
        ),
    )
    monkeypatch.setattr(ablation, "CHANGES", changes)


def test_an_ablation_is_a_table_of_changes_with_intervals(
    reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = ablation.ablate(reader, tmp_path, [2025])
    rows = json.loads(written.read_text())["changes"]
    assert [row["name"] for row in rows[:5]] == [
        "as shipped", "as shipped, temperature errors of 1.2 K", "heads only", "trees_l1 only", "trees_l2 only",
    ]  # fmt: skip
    by_name = {row["name"]: row for row in rows}
    change, low, high = by_name["without weather"]["difference_percent"]["DK"]
    assert 0 < low < change < high
    assert len((tmp_path / "experiments.jsonl").read_text().splitlines()) == len(rows)
    monkeypatch.setattr(card, "ABLATION", written)
    assert "| without weather |" in card._ablation()


def test_a_year_the_store_lacks_is_told(reader: Reader, tmp_path: Path) -> None:
    with pytest.raises(Expected, match="from 2031-01-01"):
        ablation.ablate(reader, tmp_path, [2031])


def test_a_search_goes_on_where_it_ended_and_keeps_the_best(
    reader: Reader, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        path = tuning.tune(reader, tmp_path, 2, [2025])
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == [f"trial {i}" for i in range(4)]
    found = Recipe.read(path)
    runs = [json.loads(line) for line in (tmp_path / "experiments.jsonl").read_text().splitlines()]
    assert len(runs) == 4
    assert dataclasses.replace(SMALL) == Recipe(**runs[0]["parameters"] | {"sisters": SMALL.sisters})
    best = min(runs, key=lambda run: np.mean(list(run["scores"].values())))
    assert found.alpha == best["parameters"]["alpha"]


def test_denmark_is_the_sum_of_its_areas() -> None:
    times = clock.parse_utc("2025-03-01T00:00Z") + HOUR * np.arange(48, dtype=np.int64)
    rows = np.array([[east, 1000.0 + 500 * east] for east in (0, 1) for _ in times], np.float32)
    target = np.zeros(96)
    sample = Sample(
        ("east", "base_mwh"),
        rows,
        target,
        np.zeros(96, np.int64),
        np.tile(times, 2),
        np.zeros(96, bool),
        np.repeat([False, True], 48),
    )
    daily = validation.score(sample, np.log(np.repeat([1.1, 0.9], 48)))
    assert daily.wape("DK1") == pytest.approx(10)
    assert daily.wape("DK2") == pytest.approx(10)
    assert daily.wape("DK") == pytest.approx(100 * 50 / 2500)
    assert (daily + daily).wape("DK") == pytest.approx(daily.wape("DK"))
    assert len((daily + daily).load["DK"]) == 2 * len(daily.load["DK"])


def test_market_inputs_are_those_known_at_the_issue() -> None:
    hours = clock.parse_utc("2025-03-01T00:00Z") + HOUR * np.arange(60 * 24, dtype=np.int64)
    price = histories.versions(hours, np.arange(len(hours), dtype=float), -11 * HOUR)
    archive = Archive({("day_ahead_price", "DK1", "total"): price})
    valid = hours[[800, 800, 801]]
    issued = valid - np.array([10, 12, 10]) * HOUR
    rows = np.array([[0], [0], [1]], np.float32)
    made = ablation.market(Sample(("east",), rows, np.zeros(3), issued, valid, np.zeros(3, bool), rows[:, 0] > 0), archive)
    np.testing.assert_array_equal(made["day_ahead_price"], [800, np.nan, np.nan])
    assert made["day_ahead_price_anomaly"][0] == np.mean([168, 336, 504, 672])


def test_the_neighbour_is_the_same_issue_and_hour() -> None:
    names = ("east", "recent_6h", "recent_24h", "same_hour_1", "week_1")
    rows = np.array([[0, 1, 2, 3, 4], [1, 5, 6, 7, 8], [1, 9, 9, 9, 9]], np.float32)
    issued, valid = np.zeros(3, np.int64), np.array([HOUR, HOUR, 2 * HOUR])
    made = ablation.neighbour(Sample(names, rows, np.zeros(3), issued, valid, np.zeros(3, bool), rows[:, 0] > 0), Archive({}))
    np.testing.assert_array_equal(made["neighbour_recent_6h"], [5, 1, np.nan])
    np.testing.assert_array_equal(made["neighbour_week_1"], [8, 4, np.nan])


def test_validation_knows_nothing_of_the_year_it_forecasts(reader: Reader) -> None:
    year = validation.load_year(reader, 2025, sampling.Tier.FULL, tests=("10:00",))
    assert year.train.valid_time.max() < year.end == clock.local_midnight(dt.date(2025, 1, 1))
    assert year.tests["10:00"].valid_time.min() == year.end
    assert year.tests["10:00"].issue_time.min() == year.end - 14 * HOUR
    assert year.tests["10:00"].valid_time.max() < END - DAY + DAY
