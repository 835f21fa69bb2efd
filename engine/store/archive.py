"""Every version of the values a forecast may use, in memory; `as_of` cuts out what was known at a moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.domain import HOUR, Flag, FloatArray, History, IntArray, Key


@dataclass(frozen=True, slots=True)
class Versions:
    """All versions of one key, sorted so that of equal valid times the one to prefer comes last."""

    valid_time: IntArray
    available_at: IntArray
    value: FloatArray
    flags: npt.NDArray[np.uint8]

    @staticmethod
    def sort(
        valid_time: IntArray, rank: IntArray, available_at: IntArray, value: FloatArray, flags: npt.NDArray[np.uint8]
    ) -> Versions:
        """Versions in order: by valid time, then worst source first, then oldest first."""
        order = np.lexsort((available_at, -rank, valid_time))
        return Versions(valid_time[order], available_at[order], value[order], flags[order])

    def known(self, as_of: int, start: int, end: int) -> npt.NDArray[np.intp]:
        """Indices of the preferred version of each valid time in [start, end) as known at `as_of`."""
        low, high = np.searchsorted(self.valid_time, (start, end))
        indices = low + np.flatnonzero(self.available_at[low:high] <= as_of)
        times = self.valid_time[indices]
        last = np.ones(len(indices), bool)
        last[:-1] = times[1:] != times[:-1]
        chosen: npt.NDArray[np.intp] = indices[last]
        return chosen


@dataclass(frozen=True, slots=True)
class Archive:
    """All versions by key. The one implementation of "as known at": live, replay, training and backtest use it."""

    versions: Mapping[Key, Versions]
    simulated: bool = False

    def as_of(self, moment: int, start: int, hours: int) -> History:
        """What was known at `moment` of the `hours` hours from `start` (whole hour)."""
        values: dict[Key, FloatArray] = {}
        newest_valid: dict[Key, int] = {}
        newest_available: dict[Key, int] = {}
        ex_post: set[Key] = set()
        for key, versions in self.versions.items():
            chosen = versions.known(moment, start, start + hours * HOUR)
            if not len(chosen):
                continue
            grid = np.full(hours, np.nan)
            grid[(versions.valid_time[chosen] - start) // HOUR] = versions.value[chosen]
            values[key] = grid
            newest_valid[key] = int(versions.valid_time[chosen[-1]])
            newest_available[key] = int(versions.available_at[chosen].max())
            if (versions.flags[chosen] & Flag.EX_POST).any():
                ex_post.add(key)
        return History(moment, start, hours, values, newest_valid, newest_available, frozenset(ex_post), self.simulated)
