"""Fracast-0: a pre-trained model of 85,001 parameters that comes inside its package; it sees the load alone and learns nothing here."""

from __future__ import annotations

from collections.abc import Mapping

import exercise
import torch
from exercise import FloatArray, Known
from fracast import FracastModel


class Fracast:
    """Nine deciles from the last 2048 hours."""

    packages = ("fracast", "torch")
    refit_days = None

    def __init__(self) -> None:
        torch.set_num_threads(1)
        self._model = FracastModel.from_pretrained(weights="fp32")
        self.levels = self._model.quantiles

    def fit(self, known: Mapping[str, Known]) -> None:
        """Nothing is learnt."""

    def predict(self, known: Mapping[str, Known]) -> Mapping[str, FloatArray]:
        length = self._model.context_length
        return {area: self._model.forecast(k.load[-length:], horizon=k.ahead) for area, k in known.items()}


if __name__ == "__main__":
    exercise.run(Fracast())
