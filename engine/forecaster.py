"""Forecasts from a history: verified ONNX bundles first, and the tiers that stand in when they cannot serve."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnxruntime

from engine import clock, features
from engine.domain import (
    DAY,
    HOUR,
    LEVELS,
    Expected,
    FeatureMatrix,
    FloatArray,
    History,
    IntArray,
    QuantileForecast,
    Reason,
    Tier,
)

#: Days of load a model needs, and the greatest lag of the newest load it is used with (trained with up to three days).
_MODEL_DAYS = 28
_MODEL_LAG_S = 7 * DAY
_SEASONAL_DAYS = 6.5  # a week less a usual lag
_WEATHER_SHARE = 0.9
_PARITY = 1e-5


@dataclass(frozen=True, slots=True)
class Bundle:
    """One verified model: `predict` turns a feature matrix into quantiles in MWh."""

    model_id: str
    tier: Tier
    areas: frozenset[str]
    features: tuple[str, ...]
    trained_to: int
    error_correlation: float
    climatology: Mapping[str, tuple[FloatArray, FloatArray]]  # by area: MWh per cell, ratios per level
    session: onnxruntime.InferenceSession

    @staticmethod
    def load(folder: Path) -> Bundle:
        """Read a bundle folder, checking hash, external data and the answers to its golden rows."""
        try:
            manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
            graph = (folder / "model.onnx").read_bytes()
            with np.load(folder / "golden.npz", allow_pickle=False) as golden:
                rows, answers = golden["features"], golden["quantiles"]
            if hashlib.sha256(graph).hexdigest() != manifest["sha256"]:
                raise Expected(
                    f"Model bundle {folder} was changed after it was made.", "Copy the bundle again from where it came."
                )
            if tuple(manifest["levels"]) != LEVELS or not set(manifest["features"]) <= set(features.names()):
                raise Expected(
                    f"Model bundle {folder} has other inputs or levels than this program.", "Use a bundle made for this version."
                )
            bundle = Bundle(
                manifest["model_id"],
                Tier(manifest["tier"]),
                frozenset(manifest["areas"]),
                tuple(manifest["features"]),
                clock.parse_utc(manifest["trained_to"]),
                float(manifest["error_correlation"]),
                {area: (np.array(t["median_mwh"]), np.array(t["ratios"])) for area, t in manifest["climatology"].items()},
                _session(graph),
            )
            difference = np.max(np.abs(bundle.run(rows) - answers) / np.maximum(np.abs(answers), 1e-9))
        except Expected:
            raise
        except Exception as error:
            raise Expected(
                f"Model bundle {folder} is incomplete or damaged: {error}.", "Copy the whole bundle folder again."
            ) from error
        if not difference <= _PARITY:
            raise Expected(
                f"Model bundle {folder} computes other numbers on this machine (relative difference {difference:.1e}).",
                "Report this with the output of lastvagt-engine doctor; a lower tier is used meanwhile.",
            )
        return bundle

    def run(self, rows: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> FloatArray:
        """Quantiles in MWh, shape (n, LEVELS), of n rows whose columns are `features`."""
        answer: FloatArray = np.asarray(self.session.run(None, {"features": rows})[0], np.float64)
        return answer

    def predict(self, matrix: FeatureMatrix) -> FloatArray:
        """Quantiles in MWh, shape (n, LEVELS), ascending."""
        columns = [matrix.names.index(name) for name in self.features]
        return self.run(np.ascontiguousarray(matrix.values[:, columns]))


def _session(graph: bytes) -> onnxruntime.InferenceSession:
    """A session over a graph's bytes. External data resolves nowhere from bytes, and onnxruntime >= 1.32 refuses what is left."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


@dataclass(slots=True)
class Forecaster:
    """All bundles of a folder, the newest of each tier first. `problems` holds what was wrong with those left out."""

    model_dir: Path
    bundles: list[Bundle] = field(init=False)
    problems: list[Expected] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.bundles = []
        for manifest in sorted(self.model_dir.glob("*/manifest.json")) + sorted(self.model_dir.glob("manifest.json")):
            try:
                self.bundles.append(Bundle.load(manifest.parent))
            except Expected as problem:
                self.problems.append(problem)
        self.bundles.sort(key=lambda b: b.trained_to, reverse=True)

    def correlation(self) -> float:
        """Correlation of the errors of the price areas, as measured when the newest bundle was trained."""
        return self.bundles[0].error_correlation if self.bundles else 0.5

    def trained_to(self, model_ids: Collection[str]) -> list[int]:
        """Newest hour each of these models was trained on."""
        used = {part for model_id in model_ids for part in model_id.split("+")}
        return [b.trained_to for b in self.bundles if b.model_id in used or "climatology" in used]

    def forecast(
        self, history: History, area: str, valid_time: IntArray, consumer_type: str = "total"
    ) -> QuantileForecast | None:
        """The best forecast this history allows, from `history.as_of`; None when nothing is known of the area at all."""
        matrix = features.build(history, area, valid_time, consumer_type)
        reason = self._obstacle(history, area, consumer_type, matrix)
        if matrix is not None and reason in (Reason.NONE, Reason.NO_WEATHER_FORECAST):
            tiers = (Tier.FULL, Tier.NO_WEATHER) if reason is Reason.NONE else (Tier.NO_WEATHER,)
            for bundle in (b for tier in tiers for b in self.bundles if b.tier is tier and area in b.areas):
                quantiles = bundle.predict(matrix)
                if _plausible(quantiles, matrix):
                    used = features.weather_keys(history, area) if bundle.tier is Tier.FULL else []
                    ex_post = any(key in history.ex_post for key in [*used, ("load", area, consumer_type)])
                    return self._issue(
                        history, area, consumer_type, valid_time, quantiles, bundle.tier, reason, bundle.model_id, ex_post
                    )
                reason = Reason.BAD_OUTPUT
            reason = reason if reason is Reason.BAD_OUTPUT else Reason.NO_MODEL
        seasonal = features.seasonal(history, area, valid_time, consumer_type) if matrix is not None else None
        if seasonal is not None and features.load_days(history, area, consumer_type) >= _SEASONAL_DAYS:
            return self._issue(
                history,
                area,
                consumer_type,
                valid_time,
                seasonal,
                Tier.SEASONAL,
                reason,
                "seasonal",
                ("load", area, consumer_type) in history.ex_post,
            )
        climatology = self._climatology(history, area, consumer_type, valid_time)
        if climatology is None:
            return None
        return self._issue(
            history, area, consumer_type, valid_time, climatology, Tier.CLIMATOLOGY, Reason.NO_HISTORY, "climatology", False
        )

    def _obstacle(self, history: History, area: str, consumer_type: str, matrix: FeatureMatrix | None) -> Reason:
        if matrix is None or features.load_days(history, area, consumer_type) < _SEASONAL_DAYS:
            return Reason.NO_HISTORY
        if not any(area in bundle.areas for bundle in self.bundles):
            return Reason.NO_MODEL
        if history.as_of - history.newest_valid[("load", area, consumer_type)] > _MODEL_LAG_S:
            return Reason.LATE_LOAD
        if features.load_days(history, area, consumer_type) < _MODEL_DAYS or np.isnan(matrix.column("base_mwh")).any():
            return Reason.SHORT_HISTORY
        return Reason.NONE if features.weather_share(matrix) >= _WEATHER_SHARE else Reason.NO_WEATHER_FORECAST

    def _climatology(self, history: History, area: str, consumer_type: str, valid_time: IntArray) -> FloatArray | None:
        """The profile that came with a bundle, scaled to what is known of the last days; shape (n, LEVELS)."""
        tables = [b.climatology[area] for b in self.bundles if consumer_type == "total" and area in b.climatology]
        if not tables:
            return None
        profile, ratios = tables[0]
        expected = profile[climatology_cell(valid_time)]
        load = history.get("load", area, consumer_type)
        if load is not None:
            known = np.flatnonzero(~np.isnan(load))[-14 * 24 :]
            if len(known) >= 12:
                expected = expected * np.median(load[known] / profile[climatology_cell(history.start + HOUR * known)])
        return expected[:, None] * ratios

    @staticmethod
    def _issue(
        history: History,
        area: str,
        consumer_type: str,
        valid_time: IntArray,
        quantiles: FloatArray,
        tier: Tier,
        reason: Reason,
        model_id: str,
        ex_post: bool,
    ) -> QuantileForecast:
        weather = [history.newest_available[key] for key in features.weather_keys(history, area)]
        load = history.newest_valid.get(("load", area, consumer_type))
        inputs = {
            "newest_load": None if load is None else clock.iso(load),
            "newest_weather": clock.iso(max(weather)) if weather else None,
        }
        return QuantileForecast(
            area,
            consumer_type,
            history.as_of,
            valid_time,
            LEVELS,
            quantiles,
            tier,
            reason,
            model_id,
            inputs,
            ex_post,
            history.simulated,
        )


def _plausible(quantiles: FloatArray, matrix: FeatureMatrix) -> bool:
    """Whether a model's output is finite, positive, ordered and near the load of recent weeks."""
    base = matrix.column("base_mwh").astype(np.float64)[:, None]
    finite = bool(np.isfinite(quantiles).all())
    return finite and bool(
        (np.diff(quantiles, axis=1) >= 0).all() and (quantiles > 0.2 * base).all() and (quantiles < 4.0 * base).all()
    )


def climatology_cell(valid_time: IntArray) -> IntArray:
    """Which of the 864 cells of a climatology each hour falls into: month x (working day, Saturday, Sunday or holiday) x hour."""
    day, hour = clock.local_day_hour(valid_time)
    month = day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12
    kind = np.array([2 if clock.is_free(int(d)) or clock.weekday(int(d)) == 6 else int(clock.weekday(int(d)) == 5) for d in day])
    cell: IntArray = (month * 3 + kind) * 24 + hour
    return cell
