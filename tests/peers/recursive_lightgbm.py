"""The method of the older service: one LightGBM step applied again and again to its own answers.

After its published source (iusztinpaul/energy-forecasting, `models.py`, `extract.py`): sktime's recursive reduction of LightGBM with
its default settings, pooled over areas; lags 1 to 72; mean and standard deviation of the last 24, 48 and 72 hours; hour and weekday
in UTC; trained on 30 days.
"""

from __future__ import annotations

from collections.abc import Mapping

import exercise
import lightgbm
import numpy as np
from exercise import HOUR, FloatArray, Known

WINDOW = 72
TRAINING_DAYS = 30


class RecursiveLightGBM:
    """Point forecasts, fitted anew every day as the service was."""

    levels = (0.5,)
    packages = ("lightgbm",)
    refit_days = 1

    def fit(self, known: Mapping[str, Known]) -> None:
        rows, targets = [], []
        for number, recent in enumerate(area.recent(TRAINING_DAYS) for area in known.values()):
            windows = np.lib.stride_tricks.sliding_window_view(recent.load, WINDOW)[:-1]
            rows.append(inputs(windows, recent.start + HOUR * np.arange(WINDOW, len(recent.load)), number))
            targets.append(recent.load[WINDOW:])
        sample = lightgbm.Dataset(np.concatenate(rows), np.concatenate(targets))
        self._model = lightgbm.train({"num_threads": 1, "verbose": -1}, sample)

    def predict(self, known: Mapping[str, Known]) -> Mapping[str, FloatArray]:
        windows = np.stack([area.load[-WINDOW:] for area in known.values()])
        one = next(iter(known.values()))
        answers = []
        for step in range(one.ahead):
            time = np.full(len(known), one.start + HOUR * (len(one.load) + step))
            answers.append(self._model.predict(inputs(windows, time, np.arange(len(known))), num_threads=1))
            windows = np.column_stack([windows[:, 1:], answers[-1]])
        return {area: np.array(answers)[:, [number]] for number, area in enumerate(known)}


def inputs(windows: FloatArray, time: FloatArray, area: FloatArray | int) -> FloatArray:
    """One row an hour: the 72 loads before it, their summaries, UTC hour and weekday, and the number of the area."""
    spans = [windows[:, -hours:] for hours in (24, 48, 72)]
    summaries = [*(s.mean(axis=1) for s in spans), *(s.std(axis=1, ddof=1) for s in spans)]
    hour, weekday = time // HOUR % 24, (time // (24 * HOUR) + 3) % 7
    return np.column_stack([windows, *summaries, hour, weekday, np.broadcast_to(area, len(time))])


if __name__ == "__main__":
    exercise.run(RecursiveLightGBM())
