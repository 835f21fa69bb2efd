"""A page of the inspector beside the forecast chart: about the hour that is looked at, and what it lays over the chart."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6 import QtCore

from app.pane import Asker, Scene
from app.present import ForecastView
from engine.domain import FloatArray


@dataclass(frozen=True, slots=True)
class Overlay:
    """A curve over the chart in the view's unit, NaN where there is none. `style` is `ghost` (what if) or `published` (adjusted)."""

    time: FloatArray
    value: FloatArray
    name: str
    style: str


class Sheet(Asker):
    """`drawn` carries an Overlay, or None to take it away."""

    drawn = QtCore.Signal(object)

    def show_hour(self, scene: Scene, view: ForecastView, hour: int) -> None:
        """Show what there is to tell of an hour of the forecast that is on screen; called for the sheet in front only."""
        raise NotImplementedError
