"""Which of two forecasts was better: paired tests of daily losses that know how days depend on each other."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from engine import scoring
from engine.domain import FloatArray

#: Days over which loss differences are taken to depend on each other.
WEEK = 7
#: Weeks after which a confidence sequence is tightest.
_TIGHTEST_WEEKS = 52


@dataclass(frozen=True, slots=True)
class Comparison:
    """Daily losses of one forecast against another's on the same days; differences are first minus second, so negative is better.

    `interval` is the 95 % interval of the mean difference, `relative_interval` that of the difference as a share of the second's
    loss (7-day block bootstrap); `diebold_mariano` is the test's statistic. What cannot be computed is NaN.
    """

    days: int
    mean_difference: float
    interval: tuple[float, float]
    relative_difference: float
    relative_interval: tuple[float, float]
    days_won: float  # percent
    diebold_mariano: float
    p_value: float

    @property
    def better(self) -> bool | None:
        """Whether the first is better; None where no claim can be made: the interval holds 0, or the test does not reject."""
        low, high = self.interval
        if not (low > 0 or high < 0) or not self.p_value < 0.05:
            return None
        return high < 0

    def sentence(self, first: str, second: str, loss: str) -> str:
        """The finding in words."""
        if math.isnan(self.interval[0]):
            return f"{first} against {second}: too few days ({self.days}) to compare the {loss}."
        if self.interval == (0.0, 0.0):
            return f"{first} and {second} have the same {loss} on all {self.days} days."
        low, high = sorted(100 * abs(x) if self.better is not None else 100 * x for x in self.relative_interval)
        tests = f"Diebold-Mariano p {'< 0.001' if self.p_value < 0.001 else f'= {self.p_value:.3f}'}"
        won = f"{first} was better on {self.days_won:.0f} % of {self.days} days"
        if self.better is None:
            zero = "holds 0" if self.interval[0] <= 0 <= self.interval[1] else "leaves 0 out, but the test does not"
            return (
                f"Between {first} and {second} no difference in {loss} can be claimed: "
                f"the 95 % interval from {low:+.1f} to {high:+.1f} % {zero} ({tests}); {won}."
            )
        than = f"{'lower' if self.better else 'higher'} than that of {second}"
        size = f"{100 * abs(self.relative_difference):.1f} %"
        return f"The {loss} of {first} is {size} {than} (95 % interval {low:.1f} to {high:.1f} %, {tests}); {won}."


def compare(first: FloatArray, second: FloatArray) -> Comparison:
    """Compare two daily losses (n,) of the same days, in order of time."""
    n = len(first)
    difference = first - second
    days_won = 100 * float(np.mean(difference < 0)) if n else math.nan
    statistic, p_value = diebold_mariano(difference)
    interval = relative = (math.nan, math.nan)
    share = math.nan
    if n >= 2 * WEEK:
        days = scoring.block_days(n)
        means, others = difference[days].mean(axis=1), second[days].mean(axis=1)
        interval = _interval(means)
        if (others > 0).all():
            relative, share = _interval(means / others), float(difference.mean() / second.mean())
    mean = float(difference.mean()) if n else math.nan
    return Comparison(n, mean, interval, share, relative, days_won, statistic, p_value)


def _interval(draws: FloatArray) -> tuple[float, float]:
    low, high = np.quantile(draws, (0.025, 0.975))
    return float(low), float(high)


def diebold_mariano(difference: FloatArray, lags: int = WEEK) -> tuple[float, float]:
    """Statistic and two-sided p-value of "the mean loss difference is 0", for daily differences (n,) that depend over `lags` days.

    Diebold and Mariano 1995 with the variance of Newey and West 1987 and the small-sample factor and Student distribution of
    Harvey, Leybourne and Newbold 1997 for a horizon of `lags` + 1. NaN for fewer than 2 * lags days or equal losses.
    """
    n = len(difference)
    if n < 2 * lags or not np.ptp(difference):
        return math.nan, math.nan
    variance = float(long_run_variance(difference, lags)[-1])
    horizon = lags + 1
    factor = (n + 1 - 2 * horizon + horizon * (horizon - 1) / n) / n
    statistic = float(difference.mean()) * math.sqrt(n * max(factor, 0.0) / variance)
    return statistic, student_p(statistic, n - 1)


def long_run_variance(values: FloatArray, lags: int = WEEK) -> FloatArray:
    """n times the variance of the mean of the first n values, for every n; shape of `values`.

    Newey and West 1987, with weights falling linearly to zero after `lags`.
    """
    x = values - values.mean() if len(values) else values
    n = np.arange(1, len(x) + 1)
    total = np.cumsum(x)
    mean = total / n
    variance = np.cumsum(x**2) / n - mean**2
    for k in range(1, min(lags, len(x) - 1) + 1):
        # sum over i <= n of (x[i] - mean) * (x[i-k] - mean), for every n > k
        products = np.cumsum(x[k:] * x[:-k]) - mean[k:] * (total[k:] - total[k - 1] + total[:-k]) + (n[k:] - k) * mean[k:] ** 2
        variance[k:] += 2 * (1 - k / (lags + 1)) * products / n[k:]
    positive: FloatArray = np.maximum(variance, 0.0)
    return positive


def student_p(t: float, freedom: int) -> float:
    """Two-sided p-value of Student's t with a whole number of degrees of freedom. Abramowitz and Stegun 1964, 26.7.3 and 26.7.4."""
    angle = math.atan(abs(t) / math.sqrt(freedom))
    odd = freedom % 2
    term = math.cos(angle) if odd else 1.0
    total = 0.0
    for k in range(2 + odd, freedom + 1, 2):
        total += term
        term *= (k - 1) / k * math.cos(angle) ** 2
    inside = math.sin(angle) * total
    return max(0.0, 1 - (2 / math.pi * (angle + inside) if odd else inside))


def confidence_sequence(differences: FloatArray, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
    """Lower and upper bound, each (n,), of the mean of daily loss differences (n,) after each day, valid on all days together.

    One may look every day and stop at will: with probability `level` the bounds never exclude the true mean. A one-sided question
    ("is the first better?") may take the level 0.90 for 5 %. Bounds move after every whole week; for eight weeks they are infinite.

    Forecasters are compared by such a sequence after Choe and Ramdas 2023; this one inverts the sequential t-test of Lai 1976 in the
    form of Wang and Ramdas 2023: a normal mixture over mean / deviation, with the variance unknown. It is exact for independent
    normal weekly means: weeks take up the weekday pattern and nearly all dependence between days. Looking daily has its price: with
    autocorrelation 0.3 it takes a median of 8, 11 or 18 months to be sure of 3 % when daily differences deviate by 12, 15 or 20 % of
    the mean loss, and 6 months to be sure of 10 % when they deviate by 34 % (simulated).
    """
    weeks = len(differences) // WEEK
    lower, upper = np.full(len(differences), -np.inf), np.full(len(differences), np.inf)
    week = np.asarray(differences[: weeks * WEEK]).reshape(weeks, WEEK).mean(axis=1)
    n = np.arange(1.0, weeks + 1)
    mean = np.cumsum(week) / n
    variance = np.maximum(np.cumsum((week - week.mean()) ** 2) / n - (mean - week.mean()) ** 2, 0.0) if weeks else mean
    miss = 1 - level
    prior = _TIGHTEST_WEEKS / (-2 * math.log(miss) + math.log(-2 * math.log(miss) + 1))  # in weeks; Waudby-Smith et al. 2024
    # With S and V the sums of the first n deviations from a mean and of their squares, the mean is excluded once
    # sqrt(prior / (n + prior)) * (V / (V - S^2 / (n + prior)))^(n / 2) reaches 1 / miss; solved for the mean:
    growth = (np.sqrt(1 + n / prior) / miss) ** (2 / n)
    room = 1 - growth * prior / (n + prior)
    half = np.sqrt(variance * (growth - 1) / np.where(room > 0, room, 1.0))
    half[room <= 0] = np.inf
    day = np.arange(WEEK - 1, len(differences))
    last = (day + 1) // WEEK - 1
    lower[day], upper[day] = (mean - half)[last], (mean + half)[last]
    return lower, upper
