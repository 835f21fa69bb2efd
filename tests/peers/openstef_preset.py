"""OpenSTEF 4 with one of its own presets, named by the third argument, its own features, and the weather as covariates.

`ensemble` is its preset of LightGBM and linear boosting with learnt weights, on the last 90 days and refitted weekly, as its published
benchmark does. `lgbm` is its LightGBM preset on two years, the choice that did best on November and December 2021.
"""

from __future__ import annotations

import datetime as dt
import sys
import warnings
from collections.abc import Mapping

import exercise
import numpy as np
import pandas as pd
from exercise import HOUR, LEVELS, FloatArray, Known
from openstef_core.datasets import TimeSeriesDataset
from openstef_core.types import LeadTime, Q
from openstef_meta.presets import EnsembleForecastingWorkflowConfig, create_ensemble_forecasting_workflow
from openstef_models.presets import ForecastingWorkflowConfig, create_forecasting_workflow
from openstef_models.presets.forecasting_workflow import LocationConfig
from pydantic_extra_types.coordinate import Coordinate

STEP = dt.timedelta(hours=1)
#: The longest lead time: from the newest known load to the end of the next day of 25 hours.
LONGEST = dt.timedelta(hours=40)
PLACES = {"DK1": Coordinate(56.2, 9.5), "DK2": Coordinate(55.6, 12.2)}
#: Days of load that the lags of the presets reach back.
CONTEXT_DAYS = 15
QUANTILES = [Q(level) for level in LEVELS]


class OpenSTEF:
    """One workflow an area."""

    levels = LEVELS
    packages = ("openstef-models", "openstef-meta")

    def __init__(self, preset: str) -> None:
        self._preset = preset
        self._training_days, self.refit_days = {"ensemble": (90, 7), "lgbm": (730, 28)}[preset]

    def fit(self, known: Mapping[str, Known]) -> None:
        self._workflows = {area: self._workflow(area) for area in known}
        for area, workflow in self._workflows.items():
            workflow.fit(dataset(known[area].recent(self._training_days), ahead=False))

    def predict(self, known: Mapping[str, Known]) -> Mapping[str, FloatArray]:
        answers = {}
        for area, workflow in self._workflows.items():
            recent = known[area].recent(CONTEXT_DAYS)
            newest = dt.datetime.fromtimestamp(recent.start + HOUR * len(recent.load), dt.UTC)
            forecast = workflow.predict(dataset(recent, ahead=True), forecast_start=newest)
            answers[area] = forecast.data[[quantile.format() for quantile in QUANTILES]].to_numpy()
        return answers

    def _workflow(self, area: str):
        common = {
            "model_id": area,
            "quantiles": QUANTILES,
            "sample_interval": STEP,
            "horizons": [LeadTime(LONGEST)],
            "location": LocationConfig(name=area, coordinate=PLACES[area], country_code="DK"),
            "wind_speed_column": "wind_speed",
            "radiation_column": "global_radiation",
            "mlflow_storage": None,
        }
        if self._preset == "ensemble":
            return create_ensemble_forecasting_workflow(EnsembleForecastingWorkflowConfig(**common))
        return create_forecasting_workflow(ForecastingWorkflowConfig(model=self._preset, **common))


def dataset(known: Known, ahead: bool) -> TimeSeriesDataset:
    """OpenSTEF's table of load and weather, up to the newest known load or `ahead` to the last hour asked for."""
    hours = len(known.load) + (known.ahead if ahead else 0)
    time = pd.to_datetime(known.start + HOUR * np.arange(hours), unit="s", utc=True).rename("timestamp")
    load = np.append(known.load, np.full(known.ahead, np.nan))[:hours]
    weather = {name: values[:hours] for name, values in known.weather.items()}
    return TimeSeriesDataset(pd.DataFrame({"load": load, **weather}, index=time), sample_interval=STEP)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    exercise.run(OpenSTEF(sys.argv[3]))
