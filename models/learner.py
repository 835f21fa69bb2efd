"""What the program learns: per-hour ridge heads, boosted trees beside and on top of them, and how large the error will be.

The target is log(load / base). A head per hour and price area extrapolates; sisters, boosted trees fitted to what the heads leave
or to the whole target, add what is not linear; the median is their mean. A further ensemble predicts the size of the error, and
a table of standardised out-of-sample errors per lead group turns size into quantiles.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from engine.domain import DAY, LEVELS, MEDIAN, Expected, FloatArray, IntArray, Tier
from models.sampling import DAY_AHEAD_H, Rows, Sample

#: Upper lead time in hours of each group that has error quantiles of its own.
LEAD_GROUPS_H = (6.0, 24.0, 48.0, 96.0)
#: Inputs of the pooled model that say what a row is and not what moves it: other series have other sizes.
NO_CAUSES = ("hour", "weekday", "lead_h", "age_d", "noise", "base_mwh")
HEADS = 48  # hour of day x price area
_SMALLEST_ERROR = 0.002
_COMMON: Mapping[str, object] = {
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "max_bin": 127,
    "verbose": -1,
    "num_threads": 0,  # what OpenMP has: all cores, or OMP_NUM_THREADS
    "deterministic": True,
    "force_col_wise": True,
}


@dataclass(frozen=True, slots=True)
class Sister:
    """An ensemble of trees: what it minimises, how it grows, and whether it learns what the heads leave or the whole target."""

    objective: str
    leaves: int
    smallest_leaf: int
    seed: int
    on_heads: bool = True
    rounds: int = 200
    rate: float = 0.03


@dataclass(frozen=True, slots=True)
class Recipe:
    """All choices of the learner. Weights are relative to rows of other lead times and undisturbed ones."""

    alpha: float = 0.02
    half_life_days: float = 1500.0
    day_ahead_weight: float = 3.0
    disturbed_weight: float = 1.0
    feature_fraction: float = 0.5
    lambda_l2: float = 5.0
    sisters: Mapping[str, Sister] = field(
        default_factory=lambda: {
            "trees_l1": Sister("regression_l1", 31, 80, 1),
            "trees_l2": Sister("regression", 47, 150, 2),
            "trees_alone": Sister("regression_l1", 31, 80, 4, on_heads=False, rate=0.06),
        }
    )

    @staticmethod
    def read(path: Path) -> Recipe:
        """A recipe from the JSON file that `tune` writes. Raises Expected."""
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            return Recipe(**found | {"sisters": {name: Sister(**s) for name, s in found["sisters"].items()}})
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise Expected(f"{path} is no recipe: {error}.", "Give the recipe.json that `tune` wrote.") from error

    @staticmethod
    def of(tier: Tier) -> Recipe:
        """The choices for a tier; of the pooled model those that forecast a hundred series within a second."""
        if tier is not Tier.POOLED:
            return Recipe()
        trees = {"trees_l1": Sister("regression_l1", 31, 150, 1, rounds=150, rate=0.04)}
        return Recipe(alpha=0.05, half_life_days=3000.0, day_ahead_weight=1.0, sisters=trees)

    def weights(self, sample: Sample, end: int) -> FloatArray:
        """How much each row counts in a model that ends at `end`."""
        lead = sample.column("lead_h")
        weight = 0.5 ** ((end - sample.valid_time) / (self.half_life_days * DAY))
        weight *= np.where((lead >= DAY_AHEAD_H[0]) & (lead <= DAY_AHEAD_H[1]), self.day_ahead_weight, 1.0)
        return weight * np.where(sample.disturbed, self.disturbed_weight, 1.0)

    def grow(self, data: lgb.Dataset, sister: Sister, rising: Sequence[bool] = ()) -> lgb.Booster:
        """Trees fitted to the label of a dataset; their output never falls where inputs that are `rising` rise."""
        own = {
            "objective": sister.objective,
            "num_leaves": sister.leaves,
            "min_data_in_leaf": sister.smallest_leaf,
            "seed": sister.seed,
            "learning_rate": sister.rate,
            "feature_fraction": self.feature_fraction,
            "lambda_l2": self.lambda_l2,
        }
        if any(rising):
            own["monotone_constraints"] = [int(each) for each in rising]
        return lgb.train({**_COMMON, **own}, data, sister.rounds)


_SIZE = Sister("regression", 15, 400, 3, rounds=100)


@dataclass(frozen=True, slots=True)
class Heads:
    """Linear part: missing inputs take `fill`; head h is `bias[h] + weights[:, h] . (input - fill)`."""

    fill: FloatArray
    weights: FloatArray  # (names, HEADS)
    bias: FloatArray

    def predict(self, rows: Rows, head: IntArray) -> FloatArray:
        """log(load / base) of each row by its head."""
        centred = np.where(np.isnan(rows), 0.0, rows.astype(np.float64) - self.fill)
        answer = np.empty(len(rows))
        for h in np.unique(head):
            mine = head == h
            answer[mine] = centred[mine] @ self.weights[:, h] + self.bias[h]
        return answer


def head_of(rows: Rows, names: tuple[str, ...]) -> IntArray:
    """Which head a row belongs to: hour of day, plus 24 in eastern Denmark where a model tells it apart."""
    east = rows[:, names.index("east")] if "east" in names else np.zeros(len(rows))
    return (rows[:, names.index("hour")] + 24 * east).astype(np.int64)


def noise_of(rows: Rows, names: tuple[str, ...]) -> FloatArray:
    """How much the weeks of a row's base differ, in logs, which the size of the error is a multiple of; 1 where no input tells."""
    return rows[:, names.index("noise")].astype(np.float64) if "noise" in names else np.ones(len(rows))


def lead_group(lead_h: npt.NDArray[np.floating]) -> IntArray:
    """Error group of each lead time in hours."""
    return np.searchsorted(np.array(LEAD_GROUPS_H), lead_h).astype(np.int64)


def _fit_heads(sample: Sample, weight: FloatArray, alpha: float) -> Heads:
    """Ridge regression of standardised inputs per head; the penalty is `alpha` times the head's weight."""
    head = head_of(sample.rows, sample.names)
    known = ~np.isnan(sample.rows)
    fill = np.where(known, sample.rows, 0.0).sum(axis=0, dtype=np.float64) / np.maximum(known.sum(axis=0), 1)
    centred = np.where(known, sample.rows - fill, 0.0)
    scale = np.sqrt((centred**2).mean(axis=0))
    used = scale > 1e-9
    if "noise" in sample.names:  # of many series: what a row is must not stand in for what moves it
        used &= [name not in NO_CAUSES for name in sample.names]
    weights, bias = np.zeros((sample.rows.shape[1], HEADS)), np.zeros(HEADS)
    for h in np.unique(head):
        mine = head == h
        x, y, w = centred[mine][:, used] / scale[used], sample.target[mine], weight[mine]
        total = w.sum()
        x_mean, y_mean = w @ x / total, w @ y / total
        x = x - x_mean
        weighted = x * w[:, None]
        coefficients = np.linalg.solve(weighted.T @ x + alpha * total * np.eye(x.shape[1]), weighted.T @ (y - y_mean))
        weights[used, h] = coefficients / scale[used]
        bias[h] = y_mean - x_mean @ coefficients
    return Heads(fill, weights, bias)


#: Inputs by which trees would learn single past years by heart instead of what repeats.
_NOT_FOR_TREES = (
    *("sin", "cos", "temperature_ewma_240h", "temperature_ewma_48h", "temperature_72h", "july", "recent_day_", "base_mwh"),
    "noise",
)


def tree_columns(names: Sequence[str]) -> list[int]:
    """Inputs the trees may use."""
    return [i for i, name in enumerate(names) if not name.startswith(_NOT_FOR_TREES) and "fading" not in name]


@dataclass(frozen=True, slots=True)
class Centre:
    """The median's model: heads, and sisters by name over the inputs `columns`; those in `on_heads` add to the heads."""

    names: tuple[str, ...]
    heads: Heads
    sisters: Mapping[str, lgb.Booster]
    on_heads: frozenset[str]
    columns: list[int]

    @property
    def experts(self) -> tuple[str, ...]:
        """Names of the forecasts this centre can make: its heads alone, and one with each sister."""
        return ("heads", *self.sisters)

    @property
    def median_of(self) -> tuple[str, ...]:
        """The experts whose mean is the median."""
        return tuple(self.sisters) or ("heads",)

    @property
    def shares(self) -> FloatArray:
        """Share of each expert in the median."""
        chosen = self.median_of
        return np.array([(name in chosen) / len(chosen) for name in self.experts])

    def expert_logs(self, rows: Rows) -> FloatArray:
        """log(load / base) of each row by each expert, shape (n, experts)."""
        heads = self.heads.predict(rows, head_of(rows, self.names))
        logs = [heads]
        for name, tree in self.sisters.items():
            grown = np.asarray(tree.predict(rows[:, self.columns]))
            logs.append(heads + grown if name in self.on_heads else grown)
        return np.column_stack(logs)

    def predict(self, rows: Rows) -> FloatArray:
        """log(load / base) of each row."""
        answer: FloatArray = np.log(np.exp(self.expert_logs(rows)) @ self.shares)
        return answer


def fit_centre(sample: Sample, end: int, recipe: Recipe) -> Centre:
    """Fit heads and sisters to a sample that ends at `end`."""
    weight = recipe.weights(sample, end)
    heads = _fit_heads(sample, weight, recipe.alpha)
    left = sample.target - heads.predict(sample.rows, head_of(sample.rows, sample.names))
    columns = tree_columns(sample.names)
    data = lgb.Dataset(sample.rows[:, columns], left, weight=weight, params=dict(_COMMON), free_raw_data=False)
    sisters = {}
    for name, sister in recipe.sisters.items():
        data.set_label(left if sister.on_heads else sample.target)
        sisters[name] = recipe.grow(data, sister)
    return Centre(sample.names, heads, sisters, frozenset(n for n, s in recipe.sisters.items() if s.on_heads), columns)


@dataclass(frozen=True, slots=True)
class Learner:
    """The whole model: centre, error size and error quantiles."""

    centre: Centre
    scale: lgb.Booster
    table: FloatArray  # (lead groups, LEVELS), standardised errors

    @property
    def boosters(self) -> Iterable[lgb.Booster]:
        """All ensembles of trees."""
        return (*self.centre.sisters.values(), self.scale)

    def experts(self, rows: Rows) -> FloatArray:
        """Median in MWh by each expert, shape (n, experts)."""
        base = rows[:, self.centre.names.index("base_mwh")].astype(np.float64)
        answer: FloatArray = base[:, None] * np.exp(self.centre.expert_logs(rows))
        return answer

    def predict(self, rows: Rows) -> FloatArray:
        """Quantiles in MWh, shape (n, LEVELS), ascending."""
        size = np.exp(self.scale.predict(rows[:, self.centre.columns])) * noise_of(rows, self.centre.names)
        z = self.table[lead_group(rows[:, self.centre.names.index("lead_h")])]
        answer: FloatArray = (self.experts(rows) @ self.centre.shares)[:, None] * np.exp(size[:, None] * z)
        return answer


def fit_spread(centre: Centre, unseen: Sample, errors: FloatArray, recipe: Recipe) -> Learner:
    """Add error size and quantiles learned from `errors` (log(load / forecast)) on rows the forecasting models had not seen."""
    noise = noise_of(unseen.rows, unseen.names)
    size = np.log((np.abs(errors) + _SMALLEST_ERROR) / noise)
    known = lgb.Dataset(unseen.rows[:, centre.columns], size, params=dict(_COMMON))
    scale = recipe.grow(known, _SIZE, [unseen.names[column] == "age_d" for column in centre.columns])
    z = errors / (np.exp(scale.predict(unseen.rows[:, centre.columns])) * noise)
    group = lead_group(unseen.column("lead_h"))
    reached = np.minimum(np.arange(len(LEAD_GROUPS_H) + 1), group.max())  # beyond them no row asks
    table = np.stack([np.quantile(z[group == g], LEVELS) for g in reached])
    table[:, MEDIAN] = 0.0
    return Learner(centre, scale, np.sort(table, axis=1))
