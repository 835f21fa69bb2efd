"""From a store to a model bundle: sample what was known at past moments, fit, export to ONNX, prove parity, write the card.

python -m models.train --data-dir STORE --to 2024-06-30 --out models
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime as dt
import hashlib
import importlib.metadata
import json
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime

import engine
from engine import clock, features, forecaster
from engine.config import Config
from engine.domain import DAY, HORIZON_H, HOUR, LEVELS, WEATHER, Expected, Flag, FloatArray, History, Tier
from engine.store import FOREVER, Archive, Reader
from models import learner, onnx_graph
from models.learner import Centre, Learner, Rows, Sample

AREAS = ("DK1", "DK2")
#: An issue every 7 hours meets every hour of day and weekday; each contributes this many lead times, short ones more often.
ISSUE_STEP_S = 7 * HOUR
LEADS_PER_ISSUE = 20
EARLIEST_LEAD_H = -2
#: Half-life of a row's weight.
HALF_LIFE_DAYS = 1500.0
#: Days of load that a bundle needs.
MODEL_DAYS = 28
#: Share of issues trained with forecast-like temperature and wind errors (AR(1) by hour, growing with lead time).
NOISY_SHARE, NOISE_AR = 0.5, 0.97
PARITY_ROWS, PARITY = 20_000, 1e-5
GOLDEN_ROWS = 500
_LARGEST_TARGET = 0.6  # |log(load / base)| beyond this is a fault of the data
#: Inputs whose effect the engine goes on estimating.
RESPONSES = ("wind_speed_anomaly", "temperature_ewma_12h_anomaly", "wind_chill_anomaly")


@dataclass(frozen=True, slots=True)
class Regime:
    """Under which circumstances a tier is trained: how often and by how many hours load is late, how often weather is missing."""

    weather: bool
    late_share: float = 0.15
    late_h: tuple[int, int] = (1, 72)
    blind_share: float = 0.0

    @property
    def load_lag_h(self) -> int:
        """Largest lag of the newest load in hours that is trained for; load is published two hours after its hour at best."""
        return self.late_h[1] + 2


REGIMES: Mapping[Tier, Regime] = {
    Tier.FULL: Regime(weather=True),
    Tier.NO_WEATHER: Regime(weather=False),
    Tier.LATE: Regime(weather=True, late_share=1.0, late_h=(3 * 24, 40 * 24), blind_share=0.2),
}


def _with_late_load(history: History, hours: tuple[int, int], rng: np.random.Generator) -> History:
    hidden = int(rng.integers(hours[0], hours[1], endpoint=True)) * HOUR
    values, newest = dict(history.values), dict(history.newest_valid)
    for key in values:
        if key[0] == "load":
            newest[key] -= hidden
            values[key] = np.where(history.times() <= newest[key], values[key], np.nan)
    return dataclasses.replace(history, values=values, newest_valid=newest)


def _with_weather_error(history: History, rng: np.random.Generator) -> History:
    """Disturb temperature and wind after the issue time: 0.8 K and 12 % a day ahead, 2 K and 30 % a week ahead."""
    lead = np.maximum(history.times() - history.as_of, 0) / HOUR
    values = dict(history.values)
    for quantity, day, week in (("temperature", 0.8, 2.0), ("wind_speed", 0.12, 0.30)):
        shock = rng.normal(size=history.hours) * np.sqrt(1 - NOISE_AR**2)
        error = np.empty(history.hours)
        state = rng.normal()
        for i, s in enumerate(shock):
            error[i] = state = NOISE_AR * state + s
        error *= np.interp(lead, (0, 24, 168), (0, day, week))
        for key in values:
            if key[0] == quantity:
                values[key] = values[key] + error if quantity == "temperature" else values[key] * np.exp(error)
    return dataclasses.replace(history, values=values)


def _without_weather(history: History) -> History:
    values = {key: value for key, value in history.values.items() if key[0] not in WEATHER}
    return dataclasses.replace(history, values=values)


def responses(sample: Sample) -> Mapping[str, tuple[float, float]]:
    """Mean and standard deviation of each of `RESPONSES` over the training rows."""
    columns = {name: sample.column(name).astype(np.float64) for name in RESPONSES}
    return {name: (round(float(np.nanmean(x)), 6), round(float(np.nanstd(x)), 6)) for name, x in columns.items()}


def sample_area(archive: Archive, area: str, start: int, end: int, regime: Regime, seed: int = 1) -> Sample:
    """Training rows of one area: issues in [start, end), hours valid before `end`, only what was known at each issue."""
    rng = np.random.default_rng(seed)
    leads = np.arange(EARLIEST_LEAD_H, HORIZON_H + 1)
    odds = np.where(leads <= 48, 1.0, 0.45)
    versions = archive.versions[("load", area, "total")]
    final = versions.known(FOREVER, start, end)
    truth = dict(zip(versions.valid_time[final].tolist(), versions.value[final].tolist(), strict=True))
    names: tuple[str, ...] = ()
    rows, target, issued, valid = [], [], [], []
    for issue_time in range(start, end, ISSUE_STEP_S):
        history = archive.as_of(issue_time, *features.window(issue_time))
        chosen = np.sort(rng.choice(leads, LEADS_PER_ISSUE, replace=False, p=odds / odds.sum()))
        if rng.random() < regime.late_share:
            history = _with_late_load(history, regime.late_h, rng)
        if regime.weather and rng.random() < NOISY_SHARE:
            history = _with_weather_error(history, rng)
        blind = rng.random() < regime.blind_share
        if blind:
            history = _without_weather(history)
        times = issue_time + HOUR * chosen.astype(np.int64)
        times = times[[int(t) in truth for t in times]]
        matrix = features.build(history, area, times) if len(times) else None
        if matrix is None:
            continue
        observed = np.array([truth[int(t)] for t in times])
        with np.errstate(divide="ignore"):
            ratio = np.log(observed / matrix.column("base_mwh").astype(np.float64))
        usable = np.isfinite(ratio) & (np.abs(ratio) < _LARGEST_TARGET)
        if regime.weather and not blind:
            usable &= ~np.isnan(matrix.column("temperature_ewma_12h_anomaly"))
        kept = [i for i, name in enumerate(matrix.names) if regime.weather or not features.is_weather(name)]
        names = tuple(matrix.names[i] for i in kept)
        rows.append(matrix.values[usable][:, kept])
        target.append(ratio[usable])
        issued.append(np.full(int(usable.sum()), issue_time))
        valid.append(times[usable])
    if not rows or not sum(map(len, rows)):
        raise Expected(f"The store holds nothing to train {area} on.", "Import load and weather of at least two years first.")
    valid_time = np.concatenate(valid)
    weight = 0.5 ** ((end - valid_time) / (HALF_LIFE_DAYS * DAY))
    return Sample(names, np.concatenate(rows), np.concatenate(target), np.concatenate(issued), valid_time, weight)


def pool(samples: Sequence[Sample]) -> Sample:
    """One sample of all areas."""
    parts = [[getattr(s, f) for s in samples] for f in ("rows", "target", "issue_time", "valid_time", "weight")]
    return Sample(samples[0].names, *(np.concatenate(p) for p in parts))


@dataclass(frozen=True, slots=True)
class Unseen:
    """Rows forecast by models that were trained on earlier years only, with their errors log(load / forecast)."""

    sample: Sample
    errors: FloatArray

    def wape(self, mask: npt.NDArray[np.bool_]) -> float:
        """WAPE in percent over the rows a mask selects."""
        observed = np.exp(self.sample.target[mask]) * self.sample.column("base_mwh")[mask]
        return float(100 * np.abs(observed * np.expm1(-self.errors[mask])).sum() / observed.sum()) if mask.any() else float("nan")


def forward_errors(sample: Sample, end: int) -> Unseen:
    """Errors on up to three past years, each forecast by a centre fitted to what came before it (at least 18 months)."""
    parts, errors = [], []
    for years in (3, 2, 1):
        first, last = end - years * 365 * DAY, end - (years - 1) * 365 * DAY
        known = sample.valid_time < first
        test = (sample.issue_time >= first) & (sample.valid_time < last)
        if not test.any() or not known.any() or first - int(sample.valid_time[known].min()) < 540 * DAY:
            continue
        part = sample.where(test)
        parts.append(part)
        errors.append(part.target - learner.fit_centre(sample.where(known)).predict(part.rows))
    if not parts:
        raise Expected("Less than two and a half years can be trained on.", "Import a longer history.")
    return Unseen(pool(parts), np.concatenate(errors))


def error_correlation(unseen: Unseen) -> float:
    """Correlation of the errors of the two price areas on the same issue and hour."""
    east = unseen.sample.column("east") > 0
    key = unseen.sample.issue_time * 1_000_000 + (unseen.sample.valid_time - unseen.sample.issue_time) // HOUR
    _, west_at, east_at = np.intersect1d(key[~east], key[east], return_indices=True)
    if len(west_at) < 100:
        return 0.5
    return float(np.corrcoef(unseen.errors[~east][west_at], unseen.errors[east][east_at])[0, 1])


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


def hard_rows(model: Learner, rows: Rows, seed: int = 1) -> Rows:
    """Rows to test an export with: real ones, a third with inputs put exactly on or beside split thresholds, a third with gaps."""
    rng = np.random.default_rng(seed)
    hard = rows[rng.integers(0, len(rows), PARITY_ROWS)].copy()
    columns = model.centre.columns
    splits: dict[int, list[float]] = {}
    for booster in (*model.centre.sisters.values(), model.scale):
        table = [node for tree in booster.dump_model()["tree_info"] for node in _splits(tree["tree_structure"])]
        for column, threshold in table:
            # LightGBM reads |x| <= 1e-35 as zero and writes 1e300 for "all": neither is a value an input can take.
            if 1e-30 < abs(threshold) < 1e6 or threshold == 0.0:
                splits.setdefault(columns[column], []).append(threshold)
    fixed = {model.centre.names.index(name) for name in ("hour", "east", "lead_h", "base_mwh")}
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


def train(reader: Reader, start: int, end: int, tier: Tier, out: Path) -> Path:
    """Train one bundle on [start, end) and write it to a folder of `out`; returns that folder."""
    began = time.monotonic()
    regime = REGIMES[tier]
    archive = reader.archive(start - features.LOOKBACK_DAYS * DAY, end, [*AREAS, "DK"])
    areas = [area for area in AREAS if ("load", area, "total") in archive.versions]
    sample = pool([sample_area(archive, area, start, end, regime) for area in areas])
    print(f"{tier.value}: {len(sample.target):,} rows, {len(sample.names)} inputs, {time.monotonic() - began:.0f} s", flush=True)
    unseen = forward_errors(sample, end)
    centre: Centre = learner.fit_centre(sample)
    model = learner.fit_spread(centre, unseen.sample, unseen.errors)
    graph = onnx_graph.build(model)
    difference = largest_difference(graph, model, hard_rows(model, sample.rows))
    if not difference <= PARITY:
        raise Expected(
            f"The ONNX graph differs from Python by {difference:.1e} relative.",
            "Nothing was exported; this is a fault to report.",
        )

    trained_to = clock.EPOCH + dt.timedelta(days=(end - 1) // DAY)
    model_id = f"price-areas-{tier.value.replace('_', '-')}-{trained_to:%Y-%m}"
    folder = out / model_id
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(graph)
    golden = sample.rows[np.random.default_rng(2).integers(0, len(sample.rows), GOLDEN_ROWS)]
    np.savez_compressed(folder / "golden.npz", features=golden, quantiles=model.predict(golden), experts=model.experts(golden))
    sources = sorted(
        {f"{s.quantity} {s.area} from {s.source}" for s in reader.series() if s.first_valid < end and s.newest_valid >= start}
    )
    manifest = {
        "model_id": model_id,
        "tier": tier.value,
        "areas": areas,
        "sha256": hashlib.sha256(graph).hexdigest(),
        "levels": LEVELS,
        "features": sample.names,
        "experts": centre.experts,
        "median_of": [name for name, share in zip(centre.experts, centre.chosen, strict=True) if share],
        "needs": {"weather": regime.weather and not regime.blind_share, "load_lag_h": regime.load_lag_h, "load_days": MODEL_DAYS},
        "responses": responses(sample) if regime.weather else {},
        "trained_from": clock.iso(int(sample.valid_time.min())),
        "trained_to": clock.iso(int(sample.valid_time.max())),
        "rows": len(sample.target),
        "data_sources": sources,
        "weather_ex_post": regime.weather and _uses_foresight(archive),
        "error_correlation": round(error_correlation(unseen), 3),
        "unseen_wape": _unseen_scores(unseen),
        "onnx_difference": float(f"{difference:.1e}"),
        "made_with": {"lastvagt": engine.__version__, "python": platform.python_version()}
        | {name: importlib.metadata.version(name) for name in ("numpy", "scikit-learn", "lightgbm", "onnx", "onnxruntime")},
        "seconds": round(time.monotonic() - began),
        "climatology": {area: climatology(archive, area, start, end) for area in areas},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    (folder / "card.md").write_text(card(manifest, len(graph)), encoding="utf-8")
    forecaster.Bundle.load(folder)
    print(f"{folder}: {len(graph) / 1e6:.2f} MB, ONNX differs by {difference:.1e}, {time.monotonic() - began:.0f} s", flush=True)
    return folder


def _uses_foresight(archive: Archive) -> bool:
    return any((v.flags & Flag.EX_POST).any() for key, v in archive.versions.items() if key[0] == "temperature")


def _unseen_scores(unseen: Unseen) -> Mapping[str, Mapping[str, float]]:
    lead, east = unseen.sample.column("lead_h"), unseen.sample.column("east") > 0
    spans: Mapping[str, tuple[float, float]] = {
        "1-6 h": (1, 6),
        "7-24 h": (7, 24),
        "25-48 h": (25, 48),
        "49-96 h": (49, 96),
        "97-168 h": (97, 168),
    }
    return {
        area: {name: round(unseen.wape(mine & (lead >= low) & (lead <= high)), 2) for name, (low, high) in spans.items()}
        for area, mine in (("DK1", ~east), ("DK2", east))
    }


def card(manifest: Mapping[str, object], size: int) -> str:
    """The model card as Markdown."""
    scores = manifest["unseen_wape"]
    sources, made_with, areas, inputs = (manifest[k] for k in ("data_sources", "made_with", "areas", "features"))
    assert isinstance(scores, Mapping)
    assert isinstance(made_with, Mapping)
    assert isinstance(sources, list)
    assert isinstance(areas, list)
    assert isinstance(inputs, Sequence)
    versions = ", ".join(f"{name} {version}" for name, version in made_with.items())
    origins: dict[str, list[str]] = {}
    for entry in sources:
        what, _, source = str(entry).partition(" from ")
        origins.setdefault(source, []).append(what.replace("_", " "))
    data = "\n".join(f"  * {source}: {', '.join(whats)}" for source, whats in sorted(origins.items()))
    leads = list(next(iter(scores.values())))
    table = [f"| area | {' | '.join(leads)} |", f"|---|{'---|' * len(leads)}"]
    table += [f"| {area} | {' | '.join(f'{x:.2f}' for x in row.values())} |" for area, row in scores.items()]
    foresight = (
        "The weather it was trained on is analysis, not forecast; half of the issues were disturbed with forecast-like errors. "
        "Scores below use the same weather and are therefore better than live ones (ex-post)."
        if manifest["weather_ex_post"]
        else "It uses no perfect-foresight input."
    )
    return f"""# {manifest["model_id"]}

Quantile forecasts of hourly load of {", ".join(areas)}, lead times 1 to {HORIZON_H} h, tier `{manifest["tier"]}`.

* **Method.** Target: log of load over the mean of the last four clean same-weekday hours. Ridge heads per local hour and price area;
  {len(learner.SISTERS)} LightGBM sisters on their residual, averaged; error size from a further ensemble; standardised out-of-sample
  error quantiles per lead group. One ONNX graph, {size / 1e6:.2f} MB, {len(inputs)} inputs.
* **Trained on** {manifest["rows"]:,} rows, {manifest["trained_from"]} to {manifest["trained_to"]}, with
  {versions}, in {manifest["seconds"]} s.
* **Data**, by source in the store. Load: ENTSO-E Transparency (Energinet), Energi Data Service (CC BY 4.0), OPSD (CC BY).
  Weather: DMI open data, Open-Meteo (CC BY 4.0).
{data}
* {foresight}
* **ONNX against Python**: largest relative difference {manifest["onnx_difference"]:.1e} over {PARITY_ROWS:,} rows, ties and gaps included.

## WAPE in percent on years the model had not seen

Each of the last years forecast by a model fitted to the years before it; all issue hours, by lead time.

{chr(10).join(table)}

Day-ahead scores of 2022 by a bundle trained to the end of 2021: run `make bench-accuracy`.

## Limits

Trained on Danish price areas only. Load later than a week, fewer than 28 days of history, or no temperature forecast select a lower
tier. Level shifts (new large consumers) are followed with the delay of the recent-load inputs.
"""


def end_of(day: dt.date) -> int:
    """The end of a Danish day: training to a day must not see the first hour of a backtest that begins the day after."""
    return clock.local_midnight(day + dt.timedelta(days=1))


def main(argv: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m models.train", description=__doc__)
    parser.add_argument(
        "--data-dir", type=Path, required=True, help="folder of a store with years of load and weather (lastvagt-engine import)"
    )
    parser.add_argument("--from", dest="start", default="2015-04-05", help="first day of training (default %(default)s)")
    parser.add_argument("--to", dest="end", default="2024-06-30", help="last Danish day of training (default %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("models"), help="folder for the bundles (default %(default)s)")
    parser.add_argument("--tiers", default="full,no_weather,late", help="bundles to train (default %(default)s)")
    arguments = parser.parse_args(argv)
    start, end = clock.parse_utc(arguments.start), end_of(dt.date.fromisoformat(arguments.end))
    try:
        reader = Reader(Config.load(data_dir=arguments.data_dir).database)
        for tier in arguments.tiers.split(","):
            train(reader, start, end, Tier(tier), arguments.out)
    except Expected as problem:
        print(f"{problem.problem}\n{problem.remedy}", file=sys.stderr)
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(main())
