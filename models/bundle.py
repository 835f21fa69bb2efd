"""From a store to a model bundle: sample, fit, export to ONNX, prove parity, write manifest, golden rows and card."""

from __future__ import annotations

import dataclasses
import datetime as dt
import importlib.metadata
import itertools
import platform
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

import engine
from engine import calibration, clock, disk, features, forecaster, pooled, sealed, site
from engine.domain import BRIDGE_H, DAY, HORIZON_H, HOUR, LEVELS, Expected, Flag, FloatArray, Tier
from engine.signing import SecretKey
from engine.store import FOREVER, Archive, Reader
from models import card, experiments, harmonise, learner, onnx_graph
from models.learner import Learner, Recipe
from models.sampling import AREAS, ISSUE_STEP_H, REGIMES, Rows, Sample, known_inputs, pool, sample_area, sample_pooled

#: Days of load that a bundle needs.
LOAD_DAYS = 28
#: Inputs whose effect the engine goes on estimating.
RESPONSES = ("wind_speed_anomaly", "temperature_ewma_12h_anomaly", "wind_chill_anomaly")
PARITY_ROWS, PARITY = 20_000, 1e-5
_GOLDEN_ROWS = 500
_LEAST_KNOWN_DAYS = 540
_OWN = "own"


@dataclass(frozen=True, slots=True)
class Unseen:
    """Rows forecast by models that were trained on earlier years only, with their errors log(load / forecast)."""

    sample: Sample
    errors: FloatArray

    def wape(self, mask: npt.NDArray[np.bool_]) -> float:
        """WAPE in percent over the rows a mask selects."""
        observed = self.sample.observed[mask]
        return float(100 * np.abs(observed * np.expm1(-self.errors[mask])).sum() / observed.sum()) if mask.any() else float("nan")


def forward_errors(sample: Sample, end: int, recipe: Recipe) -> Unseen:
    """Errors on up to three past years, each forecast by a centre fitted to what came before it (at least 18 months)."""
    parts, errors = [], []
    for years in (3, 2, 1):
        first, last = end - years * 365 * DAY, end - (years - 1) * 365 * DAY
        known = sample.valid_time < first
        test = (sample.issue_time >= first) & (sample.valid_time < last)
        if not test.any() or not known.any() or first - int(sample.valid_time[known].min()) < _LEAST_KNOWN_DAYS * DAY:
            continue
        part = sample.where(test)
        parts.append(part)
        errors.append(part.target - learner.fit_centre(sample.where(known), first, recipe).predict(part.rows))
    if not parts:
        raise Expected(
            "Less than two and a half years can be trained on.",
            "Fetch more with `lastvagt-engine backfill`, or import a longer history.",
        )
    return Unseen(pool(parts), np.concatenate(errors))


def error_correlation(unseen: Unseen) -> list[float]:
    """Correlation of the errors of the two price areas on the same issue and hour, by lead group of the calibration."""
    east = unseen.sample.east
    key = unseen.sample.issue_time * 1_000_000 + (unseen.sample.valid_time - unseen.sample.issue_time) // HOUR
    _, west_at, east_at = np.intersect1d(key[~east], key[east], return_indices=True)
    west, east_too = unseen.errors[~east][west_at], unseen.errors[east][east_at]
    group = calibration.lead_group(unseen.sample.column("lead_h")[~east][west_at].astype(np.float64))
    found = []
    for g in range(len(calibration.LEAD_GROUPS)):
        mine = group == g
        found.append(round(float(np.corrcoef(west[mine], east_too[mine])[0, 1]), 3) if mine.sum() >= 100 else 0.5)
    return found


def climatology(archive: Archive, area: str, start: int, end: int) -> Mapping[str, object]:
    """Median load in MWh per climatology cell over three years, and quantiles of load over that median."""
    versions = archive.versions[("load", area, "total")]
    chosen = versions.known(FOREVER, max(start, end - 3 * 365 * DAY), end)
    cell, value = forecaster.climatology_cell(versions.valid_time[chosen]), versions.value[chosen]
    median = np.array([np.median(value[cell == c]) if (cell == c).any() else np.nan for c in range(12 * 3 * 24)])
    by_hour = np.nanmedian(median.reshape(-1, 24), axis=0)
    median = np.where(np.isnan(median), np.tile(by_hour, 36), median)
    ratios = np.quantile(value / median[cell], LEVELS)
    return {"median_mwh": [round(float(x), 1) for x in median], "ratios": [round(float(x), 4) for x in ratios]}


def responses(sample: Sample, names: Iterable[str]) -> Mapping[str, tuple[float, float]]:
    """Mean and standard deviation of each of these inputs over the training rows that know it, where it is no constant."""
    columns = {name: sample.column(name).astype(np.float64) for name in names if name in sample.names}
    known = {name: (round(float(np.nanmean(x)), 6), round(float(np.nanstd(x)), 6)) for name, x in columns.items()}
    return {name: (mean, deviation) for name, (mean, deviation) in known.items() if deviation > 0}


def pooled_responses(sample: Sample) -> Mapping[str, tuple[float, float]]:
    """The same of all inputs of the pooled model that move a load, and of those that only series of their own learn from."""
    return {**responses(sample, [name for name in sample.names if name not in learner.NO_CAUSES]), **pooled.ONLY_ADAPTED}


def hard_rows(model: Learner, rows: Rows, seed: int = 1) -> Rows:
    """Rows to test an export with: real ones, a third with inputs put exactly on or beside split thresholds, a third with gaps."""
    rng = np.random.default_rng(seed)
    hard = rows[rng.integers(0, len(rows), PARITY_ROWS)].copy()
    columns = model.centre.columns
    splits: dict[int, list[float]] = {}
    for booster in model.boosters:
        table = [node for tree in booster.dump_model()["tree_info"] for node in _splits(tree["tree_structure"])]
        for column, threshold in table:
            # LightGBM reads |x| <= 1e-35 as zero and writes 1e300 for "all": neither is a value an input can take.
            if 1e-30 < abs(threshold) < 1e6 or threshold == 0.0:
                splits.setdefault(columns[column], []).append(threshold)
    names = model.centre.names
    fixed = {names.index(name) for name in ("hour", "east", "lead_h", "base_mwh", "noise") if name in names}
    third = PARITY_ROWS // 3
    for column, thresholds in splits.items():
        if column not in fixed:
            exact = np.array(thresholds, np.float32)[rng.integers(0, len(thresholds), third)]
            step = rng.integers(-1, 2, third)
            hard[:third, column] = np.where(
                step == 0, exact, np.nextafter(exact, np.where(step > 0, np.inf, -np.inf).astype(np.float32))
            )
    gaps = rng.random((third, hard.shape[1])) < 0.15
    gaps[:, list(fixed)] = False
    hard[third : 2 * third][gaps] = np.nan
    return hard


def _splits(node: Mapping[str, object]) -> list[tuple[int, float]]:
    if "split_feature" not in node:
        return []
    left, right = node["left_child"], node["right_child"]
    assert isinstance(left, Mapping)
    assert isinstance(right, Mapping)
    return [(int(str(node["split_feature"])), float(str(node["threshold"]))), *_splits(left), *_splits(right)]


def largest_difference(graph: bytes, model: Learner, rows: Rows) -> float:
    """Largest relative difference between the graph's outputs and the Python learner's over rows."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    answers = session.run(["quantiles", "experts"], {"features": rows})
    pairs = zip(answers, (model.predict(rows), model.experts(rows)), strict=True)
    return max(float(np.max(np.abs(a - expected) / np.maximum(np.abs(expected), 1e-9))) for a, expected in pairs)


def own_key(data_dir: Path) -> SecretKey:
    """The key that signs what is trained on the store of a data folder, and is trusted there; it is made when it is first needed."""
    secret = data_dir / site.MODELS / f"{_OWN}.key"
    if not secret.exists():
        secret.parent.mkdir(parents=True, exist_ok=True)
        SecretKey.new().write(secret)
    key = SecretKey.read(secret)
    if not secret.with_suffix(".pub").exists():
        disk.write(secret.with_suffix(".pub"), key.public(_OWN).text())
    return key


def train(
    reader: Reader, start: int, end: int, tier: Tier, out: Path, recipe: Recipe | None = None, step_h: int = ISSUE_STEP_H
) -> Path:
    """Train one bundle on [start, end) and put it, signed by the store's `own_key`, into a folder of `out`, replacing one of the same
    name; returns that folder.

    Learns from an issue every `step_h` hours. Raises Expected where the store holds too little.
    """
    began = time.monotonic()
    recipe, regime = recipe or Recipe.of(tier), REGIMES[tier]
    archive, links = harmonise.read(reader, start - pooled.LOOKBACK_DAYS * DAY, end, [*AREAS, "DK"])
    areas = [area for area in AREAS if ("load", area, "total") in archive.versions]
    if not areas:
        raise Expected("The store holds no load of a price area.", "Fetch it with `lastvagt-engine backfill`, or import it.")
    if tier is Tier.POOLED:
        sample = known_inputs(sample_pooled(archive, start, end, regime))
    else:
        sample = known_inputs(pool([sample_area(archive, area, start, end, regime, step_h) for area in areas]))
    print(f"{tier.value}: {len(sample):,} rows, {len(sample.names)} inputs, {time.monotonic() - began:.0f} s", flush=True)
    unseen = forward_errors(sample, end, recipe)
    centre = learner.fit_centre(sample, end, recipe)
    model = learner.fit_spread(centre, unseen.sample, unseen.errors, recipe)
    graph = onnx_graph.build(model)
    difference = largest_difference(graph, model, hard_rows(model, sample.rows))
    if not difference <= PARITY:
        raise Expected(
            f"The ONNX graph differs from Python by {difference:.1e} relative.",
            "Nothing was exported; this is a fault to report.",
        )
    trained_to = clock.EPOCH + dt.timedelta(days=int(clock.local_day_hour(np.array([end - HOUR]))[0][0]))
    model_id = f"{'all-series' if tier is Tier.POOLED else 'price-areas'}-{tier.value.replace('_', '-')}-{trained_to}"
    weather = regime.weather and not sample.blind.all()
    manifest: dict[str, Any] = {
        "model_id": model_id,
        "tier": tier.value,
        "areas": [] if tier is Tier.POOLED else areas,
        "levels": LEVELS,
        "features": sample.names,
        "experts": centre.experts,
        "median_of": centre.median_of,
        "needs": {"weather": regime.needs_weather, "load_lag_h": regime.load_lag_h, "load_days": LOAD_DAYS},
        "responses": pooled_responses(sample) if tier is Tier.POOLED else responses(sample, RESPONSES),
        "trained_from": clock.iso(int(sample.valid_time.min())),
        "trained_to": clock.iso(int(sample.valid_time.max())),
        "signed_at": clock.iso(clock.SystemClock().now()),
        "rows": len(sample),
        "rows_with_weather": int(np.count_nonzero(~sample.blind)),
        "data_sources": sorted(
            {
                f"{s.quantity} {s.area} from {s.source}"
                for s in reader.series()
                if _concerns(s.quantity, weather) and s.first_valid < end
            }
        ),
        "harmonised": [dataclasses.asdict(link) for link in links] if weather else [],
        "weather_ex_post": weather and _uses_foresight(archive),
        "regime": dataclasses.asdict(regime),
        "recipe": dataclasses.asdict(recipe),
        # The two areas of the pooled model forecast each other, so their errors say nothing of sums; bands of sums are steered.
        "error_correlation": [0.5] * len(calibration.LEAD_GROUPS) if tier is Tier.POOLED else error_correlation(unseen),
        "unseen_wape": _unseen_scores(unseen),
        "onnx_difference": float(f"{difference:.1e}"),
        "made_with": {"lastvagt": engine.__version__, "python": platform.python_version()}
        | {name: importlib.metadata.version(name) for name in ("numpy", "lightgbm", "onnx", "onnxruntime")},
        "seconds": round(time.monotonic() - began),
        "climatology": {} if tier is Tier.POOLED else {area: climatology(archive, area, start, end) for area in areas},
    }
    key = own_key(reader.path.parent)
    golden = sample.rows[np.random.default_rng(2).integers(0, len(sample), _GOLDEN_ROWS)]
    out.mkdir(parents=True, exist_ok=True)
    # An engine may be reading `out`: the folder appears there whole, or not at all.
    with tempfile.TemporaryDirectory(dir=out, prefix=".making-") as making:
        folder = Path(making) / "new" / model_id
        folder.mkdir(parents=True)
        (folder / sealed.GRAPH).write_bytes(graph)
        np.savez_compressed(
            folder / sealed.GOLDEN, features=golden, quantiles=model.predict(golden), experts=model.experts(golden)
        )
        (folder / sealed.CARD).write_text(card.text(manifest, len(graph)), encoding="utf-8")
        sealed.seal(folder, manifest, key)
        forecaster.Bundle.load(folder, keys=[key.public(_OWN)])
        target = out / model_id
        if target.exists():
            target.rename(Path(making) / "old")
        folder.rename(target)
    scores = {f"{area} {lead}": wape for area, row in manifest["unseen_wape"].items() for lead, wape in row.items()}
    experiments.record(
        out,
        "training",
        scores,
        manifest["recipe"],
        model_id=model_id,
        tier=tier.value,
        data_from=manifest["trained_from"],
        data_to=manifest["trained_to"],
        rows=len(sample),
        seconds=manifest["seconds"],
    )
    print(f"{target}: {len(graph) / 1e6:.2f} MB, ONNX differs by {difference:.1e}, {time.monotonic() - began:.0f} s", flush=True)
    return target


def _concerns(quantity: str, weather: bool) -> bool:
    return quantity == "load" or (weather and features.is_weather(quantity))


def _uses_foresight(archive: Archive) -> bool:
    return any((v.flags & Flag.EX_POST).any() for key, v in archive.versions.items() if key[0] == "temperature")


def _unseen_scores(unseen: Unseen) -> Mapping[str, Mapping[str, float]]:
    lead, east = unseen.sample.column("lead_h"), unseen.sample.east
    ends = [-BRIDGE_H, 0, 6, 24, 48, 96, HORIZON_H]
    spans = {f"{first + 1}-{last} h" if last else "bridge": (first + 1, last) for first, last in itertools.pairwise(ends)}
    spans = {name: span for name, span in spans.items() if ((lead >= span[0]) & (lead <= span[1])).any()}
    return {
        area: {name: round(unseen.wape(mine & (lead >= low) & (lead <= high)), 2) for name, (low, high) in spans.items()}
        for area, mine in (("DK1", ~east), ("DK2", east))
        if mine.any()
    }
