"""mlforecast (Nixtla) with LightGBM: lags, rolling means, Danish calendar and weather; told the new load each day, never refitted.

Settings were chosen on November and December 2021.
"""

from __future__ import annotations

from collections.abc import Mapping

import exercise
import holidays
import lightgbm
import numpy as np
import pandas as pd
from exercise import HOUR, LEVELS, FloatArray, Known
from mlforecast import MLForecast
from mlforecast.lag_transforms import RollingMean
from mlforecast.utils import PredictionIntervals

#: Steps the intervals are calibrated for: from 09:00 to the end of the next day of 25 hours.
LONGEST = 40
CALIBRATION_WINDOWS = 30
DANISH = holidays.country_holidays("DK", categories=("public", "optional"))


def danish(times: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Danish wall-clock times of UTC ones."""
    return times.tz_localize("UTC").tz_convert("Europe/Copenhagen")


def hour(times: pd.DatetimeIndex) -> pd.Index:
    return danish(times).hour


def weekday(times: pd.DatetimeIndex) -> pd.Index:
    return danish(times).weekday


def day_of_year(times: pd.DatetimeIndex) -> pd.Index:
    return danish(times).dayofyear


def holiday(times: pd.DatetimeIndex) -> FloatArray:
    return np.array([date in DANISH for date in danish(times).date], float)


class MLForecastLightGBM:
    """Quantiles by mlforecast's conformal intervals."""

    levels = LEVELS
    packages = ("mlforecast", "lightgbm")
    refit_days = None

    def fit(self, known: Mapping[str, Known]) -> None:
        model = lightgbm.LGBMRegressor(n_estimators=500, learning_rate=0.05, n_jobs=1, verbose=-1)
        self._model = MLForecast(
            models={"load": model},
            freq="h",
            lags=[24, 48, 168, 336],
            lag_transforms={24: [RollingMean(24), RollingMean(168)], 168: [RollingMean(24)]},
            date_features=[hour, weekday, day_of_year, holiday],
        )
        first = min(int(np.argmin(np.isnan(values))) for k in known.values() for values in k.weather.values())
        self._model.fit(
            pd.concat([table(area, k, first, len(k.load)) for area, k in known.items()]),
            static_features=["area"],
            prediction_intervals=PredictionIntervals(CALIBRATION_WINDOWS, LONGEST, "conformal_distribution"),
        )
        self._told = {area: len(k.load) for area, k in known.items()}

    def predict(self, known: Mapping[str, Known]) -> Mapping[str, FloatArray]:
        news = [table(area, k, self._told[area], len(k.load)) for area, k in known.items() if len(k.load) > self._told[area]]
        if news:
            self._model.update(pd.concat(news))
            self._told = {area: len(k.load) for area, k in known.items()}
        ahead = next(iter(known.values())).ahead
        future = [table(area, k, len(k.load), len(k.load) + ahead) for area, k in known.items()]
        answer = self._model.predict(ahead, X_df=pd.concat(future).drop(columns=["y", "area"]), level=[20, 40, 60, 80, 90])
        return {area: answer.loc[answer["unique_id"] == area, [column(level) for level in LEVELS]].to_numpy() for area in known}


def table(area: str, known: Known, first: int, last: int) -> pd.DataFrame:
    """The hours [first, last) of an area in mlforecast's long form; `y` is NaN where the load is not known."""
    at = np.arange(first, last)
    load = np.append(known.load, np.full(known.ahead, np.nan))
    time = pd.to_datetime(known.start + HOUR * at, unit="s")
    weather = {name: values[at] for name, values in known.weather.items()}
    return pd.DataFrame({"unique_id": area, "ds": time, "y": load[at], "area": int(area == "DK2"), **weather})


def column(level: float) -> str:
    """mlforecast's name of a quantile: the lower or upper end of a central interval."""
    side = "lo" if level < 0.5 else "hi"
    return "load" if level == 0.5 else f"load-{side}-{round(100 * abs(1 - 2 * level))}"


if __name__ == "__main__":
    exercise.run(MLForecastLightGBM())
