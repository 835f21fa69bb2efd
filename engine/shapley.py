"""Who did how much: exact Shapley values, the one split of a joint effect that is symmetric and adds up."""

from __future__ import annotations

import math

import numpy as np

from engine.domain import FloatArray


def split(worth: FloatArray) -> FloatArray:
    """What each of k players adds, shape (k, n), of the worth (2**k, n) of every coalition, bit i of whose index is player i.

    Each gets the mean of what it adds over all orders of arriving (Shapley 1953), so that they sum to worth[-1] - worth[0].
    """
    players = int(math.log2(len(worth)))
    coalitions = np.arange(len(worth))
    size = np.array([int(c).bit_count() for c in coalitions])
    shares = np.zeros((players, worth.shape[1]))
    for i in range(players):
        without = coalitions[coalitions >> i & 1 == 0]
        weight = np.array([1 / (players * math.comb(players - 1, int(k))) for k in size[without]])
        shares[i] = weight @ (worth[without | 1 << i] - worth[without])
    return shares
