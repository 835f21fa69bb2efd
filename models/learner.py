"""What the program learns: per-hour ridge heads, boosted trees on what they leave, and how large the error will be.

The target is log(load / base). A head per hour and price area extrapolates; LightGBM sisters, fitted to the heads' residual
and averaged, add what is not linear. A further ensemble predicts the size of the error, and a table of standardised
out-of-sample errors per lead group turns size into quantiles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
from sklearn.linear_model import Ridge

from engine.domain import LEVELS, MEDIAN, FloatArray, IntArray

Rows = npt.NDArray[np.float32]

#: Upper lead time in hours of each group that has error quantiles of its own.
LEAD_GROUPS_H = (6.0, 24.0, 48.0, 96.0)
HEADS = 48  # hour of day x price area
_SMALLEST_ERROR = 0.002
_COMMON: Mapping[str, object] = {
    "learning_rate": 0.03,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "max_bin": 127,
    "verbose": -1,
    "num_threads": 2,
    "deterministic": True,
    "force_col_wise": True,
}
SISTERS: Mapping[str, Mapping[str, object]] = {
    "trees_l1": {"objective": "regression_l1", "num_leaves": 31, "min_data_in_leaf": 80, "seed": 1},
    "trees_l2": {"objective": "regression", "num_leaves": 47, "min_data_in_leaf": 150, "seed": 2},
}
_SISTER_ROUNDS = 200
_SCALE: Mapping[str, object] = {"objective": "regression", "num_leaves": 15, "min_data_in_leaf": 400, "seed": 3}
_SCALE_ROUNDS = 100


@dataclass(frozen=True, slots=True)
class Sample:
    """Training rows: inputs (n, names), target log(load / base), when issued and valid, and weight, each (n,)."""

    names: tuple[str, ...]
    rows: Rows
    target: FloatArray
    issue_time: IntArray
    valid_time: IntArray
    weight: FloatArray

    def where(self, mask: npt.NDArray[np.bool_]) -> Sample:
        """The rows a mask selects."""
        return Sample(
            self.names, self.rows[mask], self.target[mask], self.issue_time[mask], self.valid_time[mask], self.weight[mask]
        )

    def column(self, name: str) -> Rows:
        """One input of all rows."""
        return self.rows[:, self.names.index(name)]


@dataclass(frozen=True, slots=True)
class Heads:
    """Linear part: missing inputs take `fill`; head h is `bias[h] + weights[:, h] . (input - fill)`."""

    fill: FloatArray
    weights: FloatArray  # (names, HEADS)
    bias: FloatArray

    def predict(self, rows: Rows, head: IntArray) -> FloatArray:
        """log(load / base) of each row by its head."""
        centred = np.where(np.isnan(rows), 0.0, rows.astype(np.float64) - self.fill)
        answer: FloatArray = np.take_along_axis(centred @ self.weights + self.bias, head[:, None], axis=1)[:, 0]
        return answer


def head_of(rows: Rows, names: tuple[str, ...]) -> IntArray:
    """Which head a row belongs to: hour of day, plus 24 in eastern Denmark."""
    return (rows[:, names.index("hour")] + 24 * rows[:, names.index("east")]).astype(np.int64)


def lead_group(lead_h: npt.NDArray[np.floating]) -> IntArray:
    """Error group of each lead time in hours."""
    return np.searchsorted(np.array(LEAD_GROUPS_H), lead_h).astype(np.int64)


def _fit_heads(sample: Sample, alpha: float) -> Heads:
    head = head_of(sample.rows, sample.names)
    known = ~np.isnan(sample.rows)
    count = np.maximum(known.sum(axis=0), 1)
    fill = np.where(known, sample.rows, 0.0).sum(axis=0, dtype=np.float64) / count
    centred = np.where(known, sample.rows - fill, 0.0)
    scale = np.sqrt((centred**2).mean(axis=0))
    used = scale > 1e-9
    weights, bias = np.zeros((sample.rows.shape[1], HEADS)), np.zeros(HEADS)
    for h in range(HEADS):
        mine = head == h
        if not mine.any():
            continue
        ridge = Ridge(alpha=alpha * sample.weight[mine].sum(), solver="cholesky")
        ridge.fit(centred[mine][:, used] / scale[used], sample.target[mine], sample_weight=sample.weight[mine])
        weights[used, h] = ridge.coef_ / scale[used]
        bias[h] = ridge.intercept_
    return Heads(fill, weights, bias)


#: Inputs by which trees would learn single past years by heart instead of what repeats.
_NOT_FOR_TREES = ("sin", "cos", "temperature_ewma_240h", "temperature_ewma_48h", "july", "recent_day_", "base_mwh")


def tree_columns(names: Sequence[str]) -> list[int]:
    """Inputs the trees may use."""
    return [i for i, name in enumerate(names) if not name.startswith(_NOT_FOR_TREES) and "fading" not in name]


@dataclass(frozen=True, slots=True)
class Centre:
    """The median's model: heads, and sisters (trees by name) on their residual over the inputs `columns`."""

    names: tuple[str, ...]
    heads: Heads
    sisters: Mapping[str, lgb.Booster]
    columns: list[int]

    @property
    def experts(self) -> tuple[str, ...]:
        """Names of the forecasts this centre can make: its heads alone, and its heads with each sister."""
        return ("heads", *self.sisters)

    @property
    def chosen(self) -> FloatArray:
        """Share of each expert in the median."""
        return np.array([0.0, *[1 / len(self.sisters)] * len(self.sisters)])

    def expert_logs(self, rows: Rows) -> FloatArray:
        """log(load / base) of each row by each expert, shape (n, experts)."""
        heads = self.heads.predict(rows, head_of(rows, self.names))
        return np.column_stack([heads, *(heads + tree.predict(rows[:, self.columns]) for tree in self.sisters.values())])

    def predict(self, rows: Rows) -> FloatArray:
        """log(load / base) of each row."""
        answer: FloatArray = np.log(np.exp(self.expert_logs(rows)) @ self.chosen)
        return answer


def fit_centre(sample: Sample, alpha: float = 0.05) -> Centre:
    """Fit heads and sisters to a sample."""
    heads = _fit_heads(sample, alpha)
    left = sample.target - heads.predict(sample.rows, head_of(sample.rows, sample.names))
    columns = tree_columns(sample.names)
    data = lgb.Dataset(sample.rows[:, columns], left, weight=sample.weight, free_raw_data=False)
    sisters = {name: lgb.train({**_COMMON, **sister}, data, _SISTER_ROUNDS) for name, sister in SISTERS.items()}
    return Centre(sample.names, heads, sisters, columns)


@dataclass(frozen=True, slots=True)
class Learner:
    """The whole model: centre, error size and error quantiles."""

    centre: Centre
    scale: lgb.Booster
    table: FloatArray  # (lead groups, LEVELS), standardised errors

    def experts(self, rows: Rows) -> FloatArray:
        """Median in MWh by each expert, shape (n, experts)."""
        base = rows[:, self.centre.names.index("base_mwh")].astype(np.float64)
        answer: FloatArray = base[:, None] * np.exp(self.centre.expert_logs(rows))
        return answer

    def predict(self, rows: Rows) -> FloatArray:
        """Quantiles in MWh, shape (n, LEVELS), ascending."""
        size = np.exp(self.scale.predict(rows[:, self.centre.columns]))
        z = self.table[lead_group(rows[:, self.centre.names.index("lead_h")])]
        answer: FloatArray = (self.experts(rows) @ self.centre.chosen)[:, None] * np.exp(size[:, None] * z)
        return answer


def fit_spread(centre: Centre, unseen: Sample, errors: FloatArray) -> Learner:
    """Add error size and quantiles learned from `errors` (log(load / forecast)) on rows the forecasting models had not seen."""
    data = lgb.Dataset(unseen.rows[:, centre.columns], np.log(np.abs(errors) + _SMALLEST_ERROR))
    scale = lgb.train({**_COMMON, **_SCALE}, data, _SCALE_ROUNDS)
    z = errors / np.exp(scale.predict(unseen.rows[:, centre.columns]))
    group = lead_group(unseen.column("lead_h"))
    table = np.stack([np.quantile(z[group == g], LEVELS) for g in range(len(LEAD_GROUPS_H) + 1)])
    table[:, MEDIAN] = 0.0
    return Learner(centre, scale, np.sort(table, axis=1))
