"""Forecasts from a history: verified ONNX bundles first, and the tiers that stand in when they cannot serve."""

from __future__ import annotations

import io
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime

from engine import clock, features, graphs, pooled, sealed, site, trial
from engine.calibration import LEAD_GROUPS, MODEL, REFERENCES, lead_group
from engine.domain import (
    HOUR,
    LEVELS,
    MEDIAN,
    Draft,
    Expected,
    FeatureMatrix,
    FloatArray,
    History,
    IntArray,
    QuantileForecast,
    Reason,
    Tier,
)
from engine.signing import PublicKey

log = logging.getLogger(__name__)

_WEATHER_SHARE = 0.9
_PARITY = 1e-5
_DAY_H, _LEAST_MOVE = 24, 0.01


@dataclass(frozen=True, slots=True)
class Needs:
    """What a model must be given: a temperature forecast, load no older than `load_lag_h` hours, and days of it."""

    weather: bool
    load_lag_h: float
    load_days: float


@dataclass(frozen=True, slots=True)
class Bundle:
    """One verified model: `predict` turns a feature matrix into quantiles and the medians of its experts, in MWh.

    `responses` are the inputs whose effect calibration re-estimates, each with the mean and deviation it is standardised by.
    """

    model_id: str
    signed_by: str
    signed_at: int
    tier: Tier
    areas: frozenset[str]
    features: tuple[str, ...]
    experts: tuple[str, ...]
    responses: Mapping[str, tuple[float, float]]
    needs: Needs
    trained_to: int
    error_correlation: FloatArray  # of the price areas, by lead group of the calibration
    climatology: Mapping[str, tuple[FloatArray, FloatArray]]  # by area: MWh per cell, ratios per level
    session: onnxruntime.InferenceSession

    @staticmethod
    def load(folder: Path, data_dir: Path | None = None, keys: Sequence[PublicKey] | None = None) -> Bundle:
        """Read a bundle folder, checking whose it is, that it is as it was signed, its graph, and the answers to its golden rows.

        One of `keys` must have signed it (None: of those trusted here and in a data folder). Graphs that a data folder knows are not
        tried again.
        """
        try:
            opened = sealed.open_manifest(folder, site.model_keys(data_dir) if keys is None else keys)
            manifest, contents = opened.words, opened.contents()
            graph = contents[sealed.GRAPH]
            with np.load(io.BytesIO(contents[sealed.GOLDEN]), allow_pickle=False) as golden:
                rows, answers = golden["features"], (golden["quantiles"], golden["experts"])
            inputs = pooled.names() if manifest["tier"] == Tier.POOLED else features.names()
            if tuple(manifest["levels"]) != LEVELS or not set(manifest["features"]) <= set(inputs):
                raise Expected(
                    f"Model bundle {folder} has other inputs or levels than this program.", "Use a bundle made for this version."
                )
            graphs.check(graph, len(manifest["features"]), len(manifest["experts"]))
            if opened.signer not in site.program_model_keys():  # those were tried before they came with the program
                trial.require_harmless(graph, rows, data_dir)
            bundle = Bundle(
                manifest["model_id"],
                opened.signer.name,
                clock.parse_utc(manifest.get("signed_at", manifest["trained_to"])),
                Tier(manifest["tier"]),
                frozenset(manifest["areas"]),
                tuple(manifest["features"]),
                tuple(manifest["experts"]),
                {name: (float(mean), float(deviation)) for name, (mean, deviation) in manifest["responses"].items()},
                Needs(**manifest["needs"]),
                clock.parse_utc(manifest["trained_to"]),
                np.array(manifest["error_correlation"], np.float64).reshape(len(LEAD_GROUPS)),
                {area: (np.array(t["median_mwh"]), np.array(t["ratios"])) for area, t in manifest["climatology"].items()},
                graphs.session(graph),
            )
            difference = max(
                np.max(np.abs(given - answer) / np.maximum(np.abs(answer), 1e-9))
                for given, answer in zip(bundle.run(rows), answers, strict=True)
            )
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

    def run(self, rows: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> tuple[FloatArray, FloatArray]:
        """Quantiles (n, LEVELS) and medians of the experts (n, experts), in MWh, of n rows whose columns are `features`."""
        quantiles, experts = self.session.run(["quantiles", "experts"], {"features": rows})
        return np.asarray(quantiles, np.float64), np.asarray(experts, np.float64)

    def predict(self, matrix: FeatureMatrix) -> tuple[FloatArray, Draft]:
        """Quantiles in MWh, shape (n, LEVELS), ascending, and what they were made of."""
        quantiles, experts = self.run(self.rows(matrix))
        inputs = [(matrix.column(name) - mean) / deviation for name, (mean, deviation) in self.responses.items()]
        return quantiles, Draft(
            (MODEL, *self.experts, *REFERENCES),
            np.column_stack([quantiles[:, MEDIAN], experts, _reference(matrix, quantiles[:, MEDIAN])]),
            tuple(self.responses),
            np.nan_to_num(np.column_stack(inputs).astype(np.float64)) if inputs else np.zeros((len(quantiles), 0)),
            np.zeros((len(quantiles), 2)),
        )

    def quantiles(self, matrix: FeatureMatrix) -> FloatArray:
        """Quantiles in MWh alone, shape (n, LEVELS), ascending."""
        return self.run(self.rows(matrix))[0]

    def rows(self, matrix: FeatureMatrix) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        """What the graph takes: the columns of `features` in order, shape (n, features)."""
        return np.ascontiguousarray(matrix.values[:, [matrix.names.index(name) for name in self.features]])

    @property
    def uses_weather(self) -> bool:
        """Whether any input is made from weather."""
        return any(features.is_weather(name) for name in self.features)

    def lacks(self, lag_h: float, days: float, weather_share: float) -> Reason:
        """What is missing for this model to serve, NONE where nothing is."""
        if lag_h > self.needs.load_lag_h:
            return Reason.LATE_LOAD
        if days < self.needs.load_days:
            return Reason.SHORT_HISTORY
        return Reason.NO_WEATHER_FORECAST if self.needs.weather and weather_share < _WEATHER_SHARE else Reason.NONE


def _reference(matrix: FeatureMatrix, otherwise: FloatArray) -> FloatArray:
    """`seasonal_naive` in MWh: the latest known same weekday hour; `otherwise` where there is none."""
    load: FloatArray = matrix.column("base_mwh").astype(np.float64) * np.exp(matrix.column("week_1").astype(np.float64))
    return np.where(np.isfinite(load), load, otherwise)


@dataclass(slots=True)
class Forecaster:
    """These bundles, or all of a folder, the best tier first; of one tier the first named or newest. `problems` holds what was wrong with those
    left out; a data folder is that of `Bundle.load`."""

    source: InitVar[Path | Sequence[Bundle]]
    data_dir: InitVar[Path | None] = None
    bundles: list[Bundle] = field(init=False)
    problems: list[Expected] = field(init=False, default_factory=list)

    def __post_init__(self, source: Path | Sequence[Bundle], data_dir: Path | None) -> None:
        self.bundles = [] if isinstance(source, Path) else list(source)
        folders = [*source.glob("*/manifest.json"), *source.glob("manifest.json")] if isinstance(source, Path) else []
        for manifest in sorted(folders):
            try:
                self.bundles.append(Bundle.load(manifest.parent, data_dir))
            except Expected as problem:
                self.problems.append(problem)
        self.bundles.sort(key=lambda b: (list(Tier).index(b.tier), -b.trained_to if isinstance(source, Path) else 0))

    @property
    def pooled(self) -> Bundle | None:
        """The model of all series that the price areas are not, where there is one."""
        return next((bundle for bundle in self.bundles if bundle.tier is Tier.POOLED), None)

    @property
    def seen_to(self) -> int:
        """Newest hour any of the bundles was trained on; 0 where there are none."""
        return max((bundle.trained_to for bundle in self.bundles), default=0)

    def correlation(self, lead_h: FloatArray) -> FloatArray:
        """Correlation of the errors of the price areas at each lead time, as measured when the best bundle was trained."""
        by_group = self.bundles[0].error_correlation if self.bundles else np.full(len(LEAD_GROUPS), 0.5)
        correlation: FloatArray = by_group[lead_group(lead_h)]
        return correlation

    def trained_to(self, model_ids: Collection[str]) -> list[int]:
        """Newest hour each of these models was trained on."""
        used = {part for model_id in model_ids for part in model_id.split("+")}
        return [b.trained_to for b in self.bundles if b.model_id in used or "climatology" in used]

    def forecast(
        self, history: History, area: str, valid_time: IntArray, consumer_type: str = "total"
    ) -> QuantileForecast | None:
        """The best forecast this history allows, from `history.as_of`; None when nothing is known of the area at all."""
        matrix = features.build(history, area, valid_time, consumer_type)
        load_key = ("load", area, consumer_type)
        days = features.load_days(history, area, consumer_type)
        reason = Reason.NO_HISTORY if matrix is None or days < features.SEASONAL_DAYS else Reason.NO_MODEL
        if matrix is not None and reason is Reason.NO_MODEL:
            lag_h = (history.as_of - history.newest_valid[load_key]) / HOUR
            shape = Reason.SHORT_HISTORY if np.isnan(matrix.column("base_mwh")).any() else Reason.NONE
            lacking = Reason.NONE
            for bundle in (b for b in self.bundles if area in b.areas):
                lack = shape or bundle.lacks(lag_h, days, features.weather_share(matrix))
                lacking = lacking or lack
                if lack:
                    continue
                try:
                    quantiles, draft = bundle.predict(matrix)
                except Exception:  # whatever the runtime raises, the next bundle serves
                    log.exception("The model %s failed.", bundle.model_id)
                    lacking = Reason.BAD_OUTPUT
                    continue
                if plausible(quantiles, matrix).all() and _moves(quantiles[:, MEDIAN]):
                    used = features.weather_keys(history, area) if bundle.uses_weather else []
                    ex_post = any(key in history.ex_post for key in [*used, load_key])
                    how = (bundle.tier, lacking, bundle.model_id, ex_post, draft)
                    return _issue(history, area, consumer_type, valid_time, quantiles, *how)
                lacking = Reason.BAD_OUTPUT
            reason = lacking or reason
        seasonal = features.seasonal(history, area, valid_time, consumer_type) if matrix is not None else None
        if seasonal is not None and days >= features.SEASONAL_DAYS:
            how = (Tier.SEASONAL, reason, "seasonal", load_key in history.ex_post, _alone(seasonal))
            return _issue(history, area, consumer_type, valid_time, seasonal, *how)
        climatology = self._climatology(history, area, consumer_type, valid_time)
        if climatology is None:
            return None
        how = (Tier.CLIMATOLOGY, Reason.NO_HISTORY, "climatology", False, _alone(climatology))
        return _issue(history, area, consumer_type, valid_time, climatology, *how)

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


def _alone(quantiles: FloatArray) -> Draft:
    """The draft of a forecast without experts to weigh or responses to correct."""
    n = len(quantiles)
    return Draft((MODEL,), quantiles[:, [MEDIAN]], (), np.zeros((n, 0)), np.zeros((n, 2)))


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
    draft: Draft,
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
        draft,
    )


def plausible(quantiles: FloatArray, matrix: FeatureMatrix) -> npt.NDArray[np.bool_]:
    """Which rows of a model's output are finite, positive, ordered and near the load of recent weeks; shape (n,)."""
    base = matrix.column("base_mwh").astype(np.float64)[:, None]
    near = np.isfinite(quantiles) & (quantiles > 0.2 * base) & (quantiles < 4.0 * base)
    fine: npt.NDArray[np.bool_] = np.all(near, axis=1) & np.all(np.diff(quantiles, axis=1) >= 0, axis=1)
    return fine


def _moves(median: FloatArray) -> bool:
    """Whether a day or more of medians is not the same load all the way."""
    return len(median) < _DAY_H or float(np.ptp(median)) > _LEAST_MOVE * float(median.mean())


def climatology_cell(valid_time: IntArray) -> IntArray:
    """Which of the 864 cells of a climatology each hour falls into: month x (working day, Saturday, Sunday or holiday) x hour."""
    day, hour = clock.local_day_hour(valid_time)
    month = day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12
    kind = np.array([2 if clock.is_free(int(d)) or clock.weekday(int(d)) == 6 else int(clock.weekday(int(d)) == 5) for d in day])
    cell: IntArray = (month * 3 + kind) * 24 + hour
    return cell
