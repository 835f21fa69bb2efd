"""Every version of values, in memory: `as_of` cuts out what was known at a moment, `truth` what is held against forecasts."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from engine import geography
from engine.domain import HOUR, SETTLEMENT, Consumer, Flag, FloatArray, History, IntArray, Key

#: A moment after everything.
FOREVER = 1 << 40
#: What `Archive.truth` tells apart.
TRUTHS = ("provisional", "newest", "settled", "settlement")

Truth = tuple[IntArray, FloatArray]  # valid_time, load in MWh


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

    def between(self, start: int, end: int) -> Versions:
        """Those of valid times in [start, end)."""
        low, high = np.searchsorted(self.valid_time, (start, end))
        return Versions(*(getattr(self, f.name)[low:high] for f in fields(Versions)))

    def known(self, as_of: int, start: int, end: int) -> npt.NDArray[np.intp]:
        """Indices of the preferred version of each valid time in [start, end) as known at `as_of`."""
        low, high = np.searchsorted(self.valid_time, (start, end))
        indices = low + np.flatnonzero(self.available_at[low:high] <= as_of)
        times = self.valid_time[indices]
        last = np.ones(len(indices), bool)
        last[:-1] = times[1:] != times[:-1]
        chosen: npt.NDArray[np.intp] = indices[last]
        return chosen

    def of(self, chosen: npt.NDArray[np.intp]) -> Truth:
        """Valid times and values at these indices."""
        return self.valid_time[chosen], self.value[chosen]

    def first(self) -> npt.NDArray[np.intp]:
        """Indices of the version of each valid time that became known first."""
        order = np.lexsort((self.available_at, self.valid_time))
        times = self.valid_time[order]
        begins = np.ones(len(order), bool)
        begins[1:] = times[1:] != times[:-1]
        chosen: npt.NDArray[np.intp] = order[begins]
        return chosen


def total(parts: Sequence[Truth]) -> Truth:
    """Sum of series over the hours that all of them have."""
    common = functools.reduce(np.intersect1d, [times for times, _ in parts])
    return common, np.sum([values[np.searchsorted(times, common)] for times, values in parts], axis=0)


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


_NOTHING = Versions(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0), np.empty(0, np.uint8))


@dataclass(frozen=True, slots=True)
class Archive:
    """All versions by key. The one implementation of "as known at": live, replay, training and backtest use it."""

    versions: Mapping[Key, Versions]
    simulated: bool = False

    def truth(self, of: Consumer, start: int, end: int) -> Mapping[str, Truth]:
        """Load of [start, end): `provisional` (first published), `newest`, `settled` (marked final by the publisher), and
        `settlement`, which only gross consumption has. Where `geography.leaves` names others it is their sum, for the hours at
        which each is known.

        `settlement` is the newest gross consumption of ProductionConsumptionSettlement less its LocalPowerSelfConMWh, what
        businesses make and use themselves, which `load` (GrossCon of GenerationProdTypeExchange) leaves out by its definition.
        What owners of solar cells use themselves is in gross consumption as settled; no definition we know takes it out of
        `load`, so it is left in both, though nobody has compared them. Settlement is revised for two years.
        """
        parts = [self._truth(leaf, start, end) for leaf in geography.leaves(of, end)]
        return {name: total([part[name] for part in parts]) for name in TRUTHS}

    def _truth(self, of: Consumer, start: int, end: int) -> Mapping[str, Truth]:
        load, gross, own = (
            self.versions.get((quantity, *of), _NOTHING).between(start, end) for quantity in ("load", *SETTLEMENT)
        )
        newest = load.known(FOREVER, start, end)
        used = own.of(own.known(FOREVER, start, end))
        return {
            "provisional": load.of(load.first()),
            "newest": load.of(newest),
            "settled": load.of(newest[(load.flags[newest] & Flag.SETTLED) != 0]),
            "settlement": total([gross.of(gross.known(FOREVER, start, end)), (used[0], -used[1])]),
        }

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
