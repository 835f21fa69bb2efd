"""Every version of the values a forecast may use, in memory; `as_of` cuts out what was known at a moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

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


def succession(versions: Mapping[Key, Versions], successor: str, before: Sequence[str]) -> dict[Key, Versions]:
    """Load of an area that others became, by key: as published, and for all hours before the sum of theirs."""
    found = {}
    for consumer_type in {kind for quantity, area, kind in versions if quantity == "load" and area in before}:
        own = versions.get(("load", successor, consumer_type))
        parts = [versions.get(("load", area, consumer_type)) for area in before]
        sums = [_sum([part for part in parts if part is not None])] if None not in parts else []
        if own is not None and sums:
            earlier = sums[0].valid_time < own.valid_time[0]
            sums = [Versions(*(getattr(sums[0], f.name)[earlier] for f in fields(Versions))), own]
        if sums:
            found["load", successor, consumer_type] = Versions(
                *(np.concatenate([getattr(of, f.name) for of in sums]) for f in fields(Versions))
            )
    return found


def _sum(parts: Sequence[Versions]) -> Versions:
    """Loads added: a version of each hour whenever, all parts being known, one of them became known or changed."""
    moments = [set(zip(part.valid_time.tolist(), part.available_at.tolist(), strict=True)) for part in parts]
    at = np.array(sorted(set().union(*moments)), np.int64).reshape(-1, 2)
    valid_time, available_at = at[:, 0].copy(), at[:, 1].copy()
    known, value, flags = np.ones(len(at), bool), np.zeros(len(at)), np.zeros(len(at), np.uint8)
    for part in parts:
        # Complex numbers compare by real, then by imaginary part.
        order = np.lexsort((part.available_at, part.valid_time))
        newest = (
            np.searchsorted(part.valid_time[order] + 1j * part.available_at[order], valid_time + 1j * available_at, "right") - 1
        )
        index = order[np.maximum(newest, 0)]
        known &= (newest >= 0) & (part.valid_time[index] == valid_time)
        value += part.value[index]
        flags |= part.flags[index]
    return Versions(valid_time[known], available_at[known], value[known], flags[known])


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
