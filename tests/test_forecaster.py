import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import bundles
import histories
import numpy as np
import onnx
import pytest

from engine import clock, features, sealed
from engine.config import Config
from engine.domain import DAY, HORIZON_H, HOUR, LEVELS, Expected, History, QuantileForecast, Reason, Tier
from engine.forecaster import Bundle, Forecaster
from engine.store import Archive

NOW = clock.parse_utc("2026-06-10T08:00Z")
HOURS = NOW + HOUR * np.arange(1, HORIZON_H + 1)


@pytest.fixture(scope="module")
def forecaster() -> Forecaster:
    made = Forecaster(Config().model_dir)
    assert not made.problems
    return made


def history(archive: Archive) -> History:
    return archive.as_of(NOW, *features.window(NOW))


def check(forecast: QuantileForecast | None) -> QuantileForecast:
    assert forecast is not None
    assert forecast.quantiles.shape == (HORIZON_H, len(LEVELS))
    assert np.isfinite(forecast.quantiles).all()
    assert (forecast.quantiles > 0).all()
    assert (np.diff(forecast.quantiles, axis=1) >= 0).all()
    return forecast


def test_full_tier_follows_the_load(forecaster: Forecaster) -> None:
    made = check(forecaster.forecast(history(histories.archive(NOW)), "DK1", HOURS))
    assert (made.tier, made.reason, made.ex_post) == (Tier.FULL, Reason.NONE, True)
    assert np.mean(np.abs(made.median / histories.load_at(HOURS) - 1)) < 0.08
    assert made.inputs["newest_load"] == clock.iso(NOW - 2 * HOUR)
    assert made.inputs["newest_weather"]


def test_without_weather(forecaster: Forecaster) -> None:
    made = check(forecaster.forecast(history(histories.archive(NOW, weather=False)), "DK2", HOURS))
    assert (made.tier, made.reason, made.ex_post) == (Tier.NO_WEATHER, Reason.NO_WEATHER_FORECAST, False)


def test_weather_that_ends_too_early_is_not_enough(forecaster: Forecaster) -> None:
    made = check(forecaster.forecast(history(histories.archive(NOW, ahead_days=3)), "DK1", HOURS))
    assert made.tier is Tier.NO_WEATHER


@pytest.mark.parametrize(
    ("days", "tier", "reason"),
    [
        (0, Tier.CLIMATOLOGY, Reason.NO_HISTORY),
        (1, Tier.CLIMATOLOGY, Reason.NO_HISTORY),
        (7, Tier.SEASONAL, Reason.SHORT_HISTORY),
        (35, Tier.FULL, Reason.NONE),
    ],
)
def test_cold_start(forecaster: Forecaster, days: int, tier: Tier, reason: Reason) -> None:
    archive = histories.archive(NOW, days=days) if days else Archive({})
    made = check(forecaster.forecast(history(archive), "DK1", HOURS))
    assert (made.tier, made.reason) == (tier, reason)
    assert 0.5 < np.mean(made.median) / 2600 < 1.6


def test_a_day_of_load_sets_the_level_of_the_climatology(forecaster: Forecaster) -> None:
    archive = histories.archive(NOW, days=1)
    twice = {k: type(v)(v.valid_time, v.available_at, v.value * 2, v.flags) for k, v in archive.versions.items()}
    low, high = (check(forecaster.forecast(history(a), "DK1", HOURS)) for a in (archive, Archive(twice)))
    np.testing.assert_allclose(high.median, 2 * low.median, rtol=1e-6)


@pytest.mark.parametrize(("days", "tier"), [(9, Tier.LATE), (45, Tier.SEASONAL)])
def test_late_load_falls_back(forecaster: Forecaster, days: int, tier: Tier) -> None:
    late = {}
    for key, v in histories.archive(NOW).versions.items():
        old = (v.valid_time < NOW - days * DAY) | (key[0] != "load")
        late[key] = type(v)(v.valid_time[old], v.available_at[old], v.value[old], v.flags[old])
    made = check(forecaster.forecast(history(Archive(late)), "DK1", HOURS))
    assert (made.tier, made.reason) == (tier, Reason.LATE_LOAD)


def test_without_any_model_there_is_still_a_forecast(tmp_path: Path) -> None:
    made = check(Forecaster(tmp_path).forecast(history(histories.archive(NOW)), "DK1", HOURS))
    assert (made.tier, made.reason) == (Tier.SEASONAL, Reason.NO_MODEL)
    assert Forecaster(tmp_path).forecast(history(Archive({})), "DK1", HOURS) is None


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return bundles.copy(tmp_path, "one")


def test_a_changed_graph_is_refused_and_the_rest_serves(bundle: Path) -> None:
    graph = bytearray((bundle / "model.onnx").read_bytes())
    graph[len(graph) // 2] ^= 1
    (bundle / "model.onnx").write_bytes(bytes(graph))
    forecaster = Forecaster(bundle.parent)
    assert not forecaster.bundles
    assert "changed" in forecaster.problems[0].problem
    assert check(forecaster.forecast(history(histories.archive(NOW)), "DK1", HOURS)).tier is Tier.SEASONAL


def test_a_graph_that_computes_other_numbers_is_refused(bundle: Path) -> None:
    model = onnx.load(bundle / "model.onnx")
    bias = next(i for i in model.graph.initializer if i.name == "bias")
    bias.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(bias) + 1e-4, "bias"))
    bundles.reseal(bundle, model.SerializeToString())
    with pytest.raises(Expected, match="other numbers"):
        Bundle.load(bundle)


def test_a_graph_with_data_outside_the_file_is_refused(bundle: Path) -> None:
    model = onnx.load(bundle / "model.onnx")
    onnx.save(model, bundle / "outside.onnx", save_as_external_data=True, location="weights.bin", size_threshold=0)
    bundles.reseal(bundle, (bundle / "outside.onnx").read_bytes())
    with pytest.raises(Expected, match=r"field 1[34]"):
        Bundle.load(bundle)


@pytest.mark.parametrize("name", [sealed.MANIFEST, sealed.SIGNATURE, *sealed.FILES])
def test_a_bundle_with_a_missing_or_empty_file_is_refused(bundle: Path, name: str) -> None:
    (bundle / name).write_bytes(b"")
    with pytest.raises(Expected):
        Bundle.load(bundle)
    (bundle / name).unlink()
    with pytest.raises(Expected):
        Bundle.load(bundle)


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m["features"].__setitem__(3, "no_such_input"),
        lambda m: m.update(tier="best"),
        lambda m: m.pop("climatology"),
        lambda m: m.update(levels=[0.5]),
    ],
)
def test_a_bundle_with_a_wrong_manifest_is_left_out(bundle: Path, change: Callable[[dict], object]) -> None:
    manifest = json.loads((bundle / "manifest.json").read_text())
    change(manifest)
    sealed.seal(bundle, manifest, bundles.KEY)
    forecaster = Forecaster(bundle.parent)
    assert not forecaster.bundles
    assert len(forecaster.problems) == 1
    assert check(forecaster.forecast(history(histories.archive(NOW)), "DK1", HOURS)).tier is Tier.SEASONAL


def test_garbage_with_the_right_hash_is_left_out(bundle: Path) -> None:
    bundles.reseal(bundle, b"no graph at all")
    assert len(Forecaster(bundle.parent).problems) == 1
    (bundle / "manifest.json").write_text("[]")
    assert len(Forecaster(bundle.parent).problems) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="there the model runtime keeps nothing in the home folder")
def test_the_model_runtime_keeps_nothing_of_its_own_and_calls_nobody(tmp_path: Path) -> None:
    program = "from engine.config import Config; from engine.forecaster import Forecaster; assert Forecaster(Config().model_dir).bundles"
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("ORT_", "XDG_"))}
    subprocess.run([sys.executable, "-c", program], env=plain | {"HOME": str(tmp_path)}, check=True)
    assert list(tmp_path.rglob("*")) == []
