"""Which hours are scored already, and against which load."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from engine.domain import Consumer
from engine.store import codec

_N, _OBSERVED = codec.SCORE_SUMS.index("n"), codec.SCORE_SUMS.index("observed")


class Scorebook:
    """The questions of the scoring job, asked through a reader's query function."""

    def __init__(self, rows: Callable[[str, Sequence[object] | Mapping[str, object]], list[tuple[Any, ...]]]) -> None:
        self._rows = rows

    def newest(self, of: Consumer, truth: str) -> int | None:
        """The newest hour of a consumer that is scored against a truth."""
        rows = self._rows("SELECT max(valid_time) FROM score WHERE area=? AND consumer_type=? AND truth=?", (*of, truth))
        newest: int | None = rows[0][0]
        return newest

    def loads(self, of: Consumer, truth: str, since: int) -> dict[int, float]:
        """Hours from `since` on that are scored against a truth, each with the load in MWh it was scored against."""
        rows = self._rows(
            "SELECT valid_time, sums FROM score WHERE area=? AND consumer_type=? AND truth=? AND valid_time>=?",
            (*of, truth, since),
        )
        sums = codec.decode_scores(blob for _, blob in rows).sum(axis=1)
        return dict(zip((t for t, _ in rows), (sums[:, _OBSERVED] / np.maximum(sums[:, _N], 1)).tolist(), strict=True))
