"""The exercise every peer is set: each issue shows only what was known then; time and memory are taken around the answers.

Runs in the environments of the peers: needs numpy and nothing of the project.
"""

from __future__ import annotations

import importlib.metadata
import json
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

HOUR = 3600
FloatArray = npt.NDArray[np.float64]

#: The levels the scores need: P05, the deciles and P95. A peer may answer a part of them.
LEVELS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


@dataclass(frozen=True)
class Known:
    """What was known of one area at an issue: hourly grids from `start` (UTC epoch seconds).

    `load` in MWh ends with the newest known hour, its gaps filled along straight lines; `weather` ends with the last hour asked for
    and is NaN where there is none.
    """

    start: int
    load: FloatArray
    weather: Mapping[str, FloatArray]
    ahead: int  # hours from the newest known load to the last hour asked for

    def recent(self, days: int) -> Known:
        """The same without what lies further back than that many days of known load."""
        skip = max(0, len(self.load) - 24 * days)
        weather = {name: values[skip:] for name, values in self.weather.items()}
        return Known(self.start + skip * HOUR, self.load[skip:], weather, self.ahead)


class Peer(Protocol):
    """A forecaster of all areas, fitted at the first issue and again every `refit_days` days unless that is None."""

    levels: Sequence[float]
    packages: Sequence[str]
    refit_days: int | None

    def fit(self, known: Mapping[str, Known]) -> None:
        """Learn from what is known of each area."""

    def predict(self, known: Mapping[str, Known]) -> Mapping[str, FloatArray]:
        """Quantiles of each area in MWh, shape (at least the hours asked for, levels); the last row is the last hour asked for."""


def run(peer: Peer) -> None:
    """Set a peer the exercise that the first argument names, write its answers to the second and what they cost to standard output."""
    with np.load(sys.argv[1]) as file:
        given = {name: file[name] for name in file.files}
    start, areas = int(given["start"]), [str(area) for area in given["areas"]]
    answers: dict[str, list[FloatArray]] = {area: [] for area in areas}
    training, predicting = [], []
    for day, (newest, last, hours) in enumerate(zip(given["newest"], given["last"], given["hours"], strict=True)):
        known = {area: _known(given, area, start, int(newest), int(last)) for area in areas}
        if day == 0 or (peer.refit_days and day % peer.refit_days == 0):
            began = time.process_time()
            peer.fit(known)
            training.append(time.process_time() - began)
        began = time.process_time()
        forecast = peer.predict(known)
        predicting.append(time.process_time() - began)
        for area in areas:
            answers[area].append(forecast[area][-int(hours) :])
    together = {area: np.sort(np.concatenate(parts), axis=1) for area, parts in answers.items()}
    np.savez(sys.argv[2], levels=np.array(peer.levels), **together)
    tell(sum(training), float(np.median(predicting)) / len(areas), peer.packages)


def tell(training_s: float, issue_s: float, packages: Sequence[str]) -> None:
    """Print what the answers cost: CPU seconds of all training and of one issue of one area, and the peak memory of this process."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    versions = {name: importlib.metadata.version(name) for name in packages}
    print(json.dumps({"training_s": training_s, "issue_ms": 1e3 * issue_s, "memory_mb": peak / 1e6, "versions": versions}))


def _known(given: Mapping[str, npt.NDArray[np.generic]], area: str, start: int, newest: int, last: int) -> Known:
    known, asked = (newest - start) // HOUR + 1, (last - start) // HOUR + 1
    load = given[f"{area}/load"][:known]
    there = ~np.isnan(load)
    at = np.arange(known)
    weather = {
        name.partition("/")[2]: values[:asked]
        for name, values in given.items()
        if name.startswith(f"{area}/") and name != f"{area}/load"
    }
    return Known(start, np.interp(at, at[there], load[there]), weather, asked - known)
