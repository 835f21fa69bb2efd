"""How the quantiles of one issue become bytes: whole steps of 0.001 % of the load, differences, deflate.

Values are rounded to five significant digits of the largest one when issued (`quantise`), so coding loses nothing further
and an issue of 168 hours and 13 levels takes about 2.5 kB where float32 takes 8.7 kB.
"""

from __future__ import annotations

import hashlib
import math
import struct
import zlib

import numpy as np
import numpy.typing as npt

from engine.domain import FloatArray


def quantum(largest: float) -> float:
    """Smallest step kept: a power of ten, the largest value being at most 100,000 steps."""
    return 1.0 if not largest > 0 else 10.0 ** (math.ceil(math.log10(largest)) - 5)


def _steps(quantiles: FloatArray) -> tuple[int, npt.NDArray[np.int64]]:
    exponent = round(math.log10(quantum(float(np.max(quantiles, initial=0.0)))))
    return exponent, np.rint(quantiles * 10.0**-exponent).astype(np.int64)


def _values(exponent: int, steps: npt.NDArray[np.int64]) -> FloatArray:
    values = steps.astype(np.float64)
    return values / 10.0**-exponent if exponent <= 0 else values * 10.0**exponent


def quantise(quantiles: FloatArray) -> FloatArray:
    """Round quantiles (any shape) to the precision they are kept with."""
    return _values(*_steps(quantiles))


def encode(quantiles: FloatArray) -> bytes:
    """Bytes of an (hours, levels) array that `quantise` has rounded."""
    exponent, steps = _steps(quantiles)
    steps[:, 1:] = np.diff(steps, axis=1)
    steps[1:] -= steps[:-1].copy()
    planes = steps.T.astype("<i4").reshape(-1).view(np.uint8).reshape(-1, 4).T
    return struct.pack("<bHB", exponent, *quantiles.shape) + zlib.compress(np.ascontiguousarray(planes).tobytes(), 9)


def decode(blob: bytes) -> FloatArray:
    """The (hours, levels) array that `encode` was given."""
    exponent, hours, levels = struct.unpack_from("<bHB", blob)
    planes = np.frombuffer(zlib.decompress(blob[4:]), np.uint8).reshape(4, -1)
    steps = np.ascontiguousarray(planes.T).reshape(-1).view("<i4").reshape(levels, hours).T.astype(np.int64)
    return _values(exponent, np.cumsum(np.cumsum(steps, axis=0), axis=1))


def digest(area: str, consumer_type: str, issue_time: int, valid_start: int, blob: bytes) -> bytes:
    """SHA-256 over an issue's identity and numbers."""
    return hashlib.sha256(f"{area}/{consumer_type}/{issue_time}/{valid_start}/".encode() + blob).digest()
