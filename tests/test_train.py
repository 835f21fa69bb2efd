import dataclasses
import datetime as dt
import json
import os
import subprocess
import sys
from pathlib import Path

import histories
import numpy as np
import pytest

from engine import clock, sealed
from engine.domain import DAY, MEDIAN, Expected, Tier
from engine.forecaster import Forecaster
from engine.store import Reader, Writer
from models import bundle, card, experiments, train
from models.learner import Recipe, Sister
from models.sampling import sample_area

END = train.end_of(dt.date(2025, 6, 30))
DAYS = 1000
SMALL = Recipe(
    sisters={"trees_l1": Sister("regression_l1", 6, 40, 1, rounds=8), "trees_alone": Sister("regression", 6, 40, 2, False, 8)}
)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    reader = histories.fill(folder / "lastvagt.sqlite", END, DAYS)
    for tier in (Tier.FULL, Tier.LATE):
        bundle.train(reader, END - (DAYS - 90) * DAY, END, tier, folder / "models", SMALL, step_h=251)
    return folder


def test_bundles_are_served_by_the_engine_and_say_what_they_need(out: Path) -> None:
    full, late = Forecaster(out / "models", out).bundles
    assert (full.tier, late.tier) == (Tier.FULL, Tier.LATE)
    assert full.model_id == "price-areas-full-2025-06-30"
    manifests = [json.loads((out / "models" / b.model_id / "manifest.json").read_text()) for b in (full, late)]
    assert [m["needs"] for m in manifests] == [
        {"weather": True, "load_lag_h": 74, "load_days": 28},
        {"weather": False, "load_lag_h": 962, "load_days": 28},
    ]
    for manifest in manifests:
        assert set(manifest["responses"]) == set(bundle.RESPONSES)
        assert all(deviation > 0 for _, deviation in manifest["responses"].values())
        assert clock.parse_utc(manifest["trained_to"]) < END


def test_the_median_is_the_mean_of_the_experts_named(out: Path) -> None:
    folder = out / "models" / "price-areas-full-2025-06-30"
    manifest = json.loads((folder / "manifest.json").read_text())
    with np.load(folder / "golden.npz") as golden:
        quantiles, experts = golden["quantiles"], golden["experts"]
    chosen = [manifest["experts"].index(name) for name in manifest["median_of"]]
    assert manifest["experts"] == ["heads", "trees_l1", "trees_alone"]
    np.testing.assert_allclose(quantiles[:, MEDIAN], experts[:, chosen].mean(axis=1), rtol=1e-9)
    assert (np.diff(quantiles, axis=1) >= 0).all()


def test_a_card_tells_the_span_the_inputs_and_how_often_the_test_year_was_opened(out: Path) -> None:
    text = (out / "models" / "price-areas-late-2025-06-30" / "card.md").read_text()
    for told in (
        "to 2025-06-",
        "at most 962 h old",
        f"looked at {card.TEST_YEAR_OPENED} times",
        "test: cloud cover DK1",
        "| DK2 |",
    ):
        assert told in text


def test_training_again_replaces_the_bundle_whole_and_adds_to_the_experiments(out: Path) -> None:
    reader = Reader(out / "lastvagt.sqlite")
    again = bundle.train(reader, END - (DAYS - 90) * DAY, END, Tier.LATE, out / "models", SMALL, step_h=251)
    assert {p.name for p in again.iterdir()} == {sealed.MANIFEST, sealed.SIGNATURE, *sealed.FILES}
    assert not [p for p in (out / "models").iterdir() if p.name.startswith(".")]
    runs = [json.loads(line) for line in (out / "models" / "experiments.jsonl").read_text().splitlines()]
    assert [run["tier"] for run in runs[-2:]] == ["late", "late"]
    assert runs[-1]["scores"] == runs[-2]["scores"]
    assert "DK1 1-6 h" in (out / "models" / "experiments.csv").read_text().splitlines()[0]
    assert (out / "models" / "experiments.html").read_text().count("<tr>") == len(runs) + 1


@pytest.mark.parametrize(
    ("days", "weather", "told"),
    [(0, False, "holds no load"), (300, True, "too little load"), (700, False, "two and a half years")],
)
def test_too_little_data_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, days: int, weather: bool, told: str
) -> None:
    histories.fill(tmp_path / "lastvagt.sqlite", END, max(days, 1), weather) if days else Writer(
        tmp_path / "lastvagt.sqlite"
    ).close()
    monkeypatch.setattr(bundle, "sample_area", lambda *a: sample_area(*a[:5], 501))
    assert train.main(["--data-dir", str(tmp_path), "--tiers", "full" if weather else "no_weather"]) == 4
    assert told in capsys.readouterr().err
    assert not list(tmp_path.glob("models/*/manifest.json"))


@pytest.mark.parametrize(
    ("words", "code", "told"), [(["--help"], 0, "ablate"), (["fit", "--to", "soon"], 2, "--to"), ([], 4, "no database")]
)
def test_the_command_line_tells(tmp_path: Path, words: list[str], code: int, told: str) -> None:
    """In a process of its own, as a user starts it."""
    environment = os.environ | {"LASTVAGT_DATA_DIR": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-m", "models.train", *words], env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert run.returncode == code
    assert told in run.stdout + run.stderr
    assert "Traceback" not in run.stderr


def test_a_tier_the_data_do_not_allow_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reader = histories.fill(tmp_path / "lastvagt.sqlite", END, 100)
    with pytest.raises(Expected, match="too little load"):
        train.fit(reader, END - 4 * DAY, END, [Tier.FULL, Tier.NO_WEATHER], tmp_path / "models", SMALL)
    assert capsys.readouterr().err.count("No bundle of tier") == 2


def test_the_newest_settled_day_is_the_last_that_every_area_knows(tmp_path: Path) -> None:
    reader = histories.fill(tmp_path / "lastvagt.sqlite", END, 40, weather=False)
    assert train.newest_settled_day(reader, 15) == dt.date(2025, 6, 15)
    assert train.newest_settled_day(reader, 0) == dt.date(2025, 6, 30)


def test_a_recipe_survives_its_file_and_a_wrong_one_is_told(tmp_path: Path) -> None:
    (tmp_path / "recipe.json").write_text(json.dumps(dataclasses.asdict(SMALL)))
    assert Recipe.read(tmp_path / "recipe.json") == SMALL
    (tmp_path / "recipe.json").write_text('{"alpha": 1}')
    with pytest.raises(Expected, match="no recipe"):
        Recipe.read(tmp_path / "recipe.json")


def test_experiments_with_other_scores_share_a_table(tmp_path: Path) -> None:
    experiments.record(tmp_path, "training", {"DK1": 3.5}, {"alpha": 1}, model_id="<b>", seconds=3)
    experiments.record(tmp_path, "tuning", {"DK2": 2.5}, {"alpha": 2})
    header, first, second = (tmp_path / "experiments.csv").read_text().splitlines()
    assert header.endswith("seconds,DK1,DK2,parameters")
    assert ",3.5,," in first
    assert ",,2.5," in second
    page = (tmp_path / "experiments.html").read_text()
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
    assert "http" not in page
