"""How the quantiles of one issue, and the scores of one day, become bytes.

Quantiles: whole steps of a power of ten, differences, deflate. Values are rounded to four significant digits of the largest one when issued (`quantise`; 1 MWh for a price area, far below
any error), so coding loses nothing further and an issue of 171 hours and 13 levels takes 1.5 kB where float32 takes 8.9 kB.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import operator
import struct
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from engine import reliability
from engine.adaptation import Adaptation
from engine.domain import LEAD_BUCKETS, Draft, FloatArray, Score

#: What a score keeps, all of which add up.
SCORE_SUMS = tuple(f.name for f in dataclasses.fields(Score))
_sums = operator.attrgetter(*SCORE_SUMS)
#: What an adaptation keeps besides its moments.
_ADAPTED = ("effects", "slopes", "width", "width_by_hour", "inside", "earlier")
#: Steps per unit that standardised inputs and corrections (logs) of a draft are kept in, in 16 bits.
_INPUT_STEPS, _CORRECTION_STEPS = 1000, 50_000


_SMALLEST = 1e-6  # MWh


def quantum(largest: float) -> float:
    """Smallest step kept: a power of ten, the largest value being at most 10,000 steps, and not under 1 Wh."""
    return 1.0 if not largest > 0 else max(10.0 ** (math.ceil(math.log10(largest)) - 4), _SMALLEST)


def _steps(quantiles: FloatArray, largest: float) -> tuple[int, npt.NDArray[np.int64]]:
    exponent = round(math.log10(quantum(largest)))
    return exponent, np.rint(quantiles * 10.0**-exponent).astype(np.int64)


def _values(exponent: int, steps: npt.NDArray[np.int64]) -> FloatArray:
    values = steps.astype(np.float64)
    return values / 10.0**-exponent if exponent <= 0 else values * 10.0**exponent


def quantise(quantiles: FloatArray, largest: float) -> FloatArray:
    """Round quantiles (any shape) to the precision with which values up to `largest` are kept.

    Parts rounded with the largest value of their whole add up to it exactly.
    """
    return rounded(quantiles, max(largest, float(np.max(quantiles, initial=0.0))))


def rounded(quantiles: FloatArray, largest: float) -> FloatArray:
    """Round quantiles (any shape), of which some may be larger, to the precision with which values up to `largest` are kept."""
    return _values(*_steps(quantiles, largest))


def encode(quantiles: FloatArray) -> bytes:
    """Bytes of an (hours, levels) array that `quantise` or `rounded` has rounded."""
    largest = float(np.max(quantiles, initial=0.0))
    while not np.allclose(rounded(quantiles, largest), quantiles, rtol=0, atol=1e-3 * quantum(largest)):
        if quantum(largest) <= _SMALLEST:
            break
        largest /= 10
    exponent, steps = _steps(quantiles, largest)
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


def quantise_draft(draft: Draft, largest: float) -> Draft:
    """Round a draft to the precision it is kept with: medians as quantiles of values up to `largest`, logs and inputs finely."""
    return dataclasses.replace(
        draft,
        medians=quantise(draft.medians, largest),
        inputs=_fine(draft.inputs, _INPUT_STEPS) / _INPUT_STEPS,
        corrections=_fine(draft.corrections, _CORRECTION_STEPS) / _CORRECTION_STEPS,
    )


def _fine(values: FloatArray, steps: int) -> npt.NDArray[np.int16]:
    return np.rint(np.clip(values * steps, -32767, 32767)).astype("<i2")


def encode_draft(draft: Draft) -> tuple[str, bytes]:
    """Names (JSON) and numbers of a draft that `quantise_draft` has rounded."""
    medians = encode(draft.medians) if draft.experts else b""
    fine = np.column_stack([_fine(draft.inputs, _INPUT_STEPS), _fine(draft.corrections, _CORRECTION_STEPS)])
    planes = np.ascontiguousarray(np.diff(fine, axis=0, prepend=np.zeros_like(fine[:1])).T).view(np.uint8).reshape(-1, 2).T
    numbers = struct.pack("<I", len(medians)) + medians + zlib.compress(planes.tobytes(), 9)
    named = {"experts": draft.experts, "responses": draft.responses}
    return json.dumps(named | {"seal": _seal(named, numbers)}), numbers


def decode_draft(names: str, blob: bytes) -> Draft | None:
    """The draft that `encode_draft` was given; None where it was damaged on disk. Drafts before seals came are taken as they are."""
    named = _whole(names, blob)
    if named is None:
        return None
    experts, responses = (tuple(named[kind]) for kind in ("experts", "responses"))
    length = int(struct.unpack_from("<I", blob)[0])
    planes = np.frombuffer(zlib.decompress(blob[4 + length :]), np.uint8).reshape(2, -1)
    steps = np.ascontiguousarray(planes.T).reshape(-1).view("<i2").reshape(len(responses) + 2, -1).T
    fine = np.cumsum(steps, axis=0, dtype=np.int16).astype(np.float64)
    medians = decode(blob[4 : 4 + length]) if experts else np.zeros((len(fine), 0))
    cut = len(responses)
    return Draft(experts, medians, responses, fine[:, :cut] / _INPUT_STEPS, fine[:, cut:] / _CORRECTION_STEPS)


def encode_adaptation(adaptation: Adaptation) -> bytes:
    """Bytes of what an adaptation has learned, exactly; of its moments, which are symmetric, one half."""
    size = len(adaptation.slopes)
    moments = adaptation.moments[np.triu_indices(size)]
    parts = (moments, *(getattr(adaptation, name) for name in _ADAPTED))
    return struct.pack("<I", size) + np.concatenate([part.reshape(-1) for part in parts]).astype("<f8").tobytes()


def without_moments(blob: bytes) -> bytes:
    """The same adaptation for one who reads it and learns nothing: its moments, nearly all of its bytes, are zero."""
    size = int(struct.unpack_from("<I", blob)[0])
    moments = 8 * (size * (size + 1) // 2)
    return blob[:4] + bytes(moments) + blob[4 + moments :]


def decode_adaptation(learned_to: int, days: int, blob: bytes) -> Adaptation:
    """The adaptation that `encode_adaptation` was given."""
    size = int(struct.unpack_from("<I", blob)[0])
    numbers = np.frombuffer(blob[4:], "<f8").astype(np.float64)
    start = Adaptation.start(size)
    half, rest = np.split(numbers, [size * (size + 1) // 2])
    moments = np.zeros((size, size))
    moments[np.triu_indices(size)] = half
    moments += np.triu(moments, 1).T
    shapes = [(-1, *getattr(start, name).shape[1:]) if name == "earlier" else getattr(start, name).shape for name in _ADAPTED]
    pieces = np.split(rest, np.cumsum([math.prod(shape) for shape in shapes[:-1]]))
    learned = {name: piece.reshape(shape) for name, piece, shape in zip(_ADAPTED, pieces, shapes, strict=True)}
    return dataclasses.replace(start, moments=moments, learned_to=learned_to, days=days, **learned)


def score_sums(by_bucket: Mapping[int, Score]) -> FloatArray:
    """Sums of the scores of one hour, shape (lead buckets, SCORE_SUMS)."""
    sums = np.zeros((len(LEAD_BUCKETS), len(SCORE_SUMS)))
    for bucket, score in by_bucket.items():
        sums[bucket] = _sums(score)
    return sums


def encode_scores(by_hour: Mapping[int, FloatArray]) -> bytes:
    """Bytes of the scores of a day, by hour (0-23) as `score_sums`: 16 bits of mantissa, alike next to alike, deflated.

    A row an hour takes four times as much, a row of columns per bucket twelve times.
    """
    hours = sorted(by_hour)
    sums = np.stack([by_hour[hour] for hour in hours]).transpose(2, 1, 0).astype("<f4")
    rounded = (np.ascontiguousarray(sums).reshape(-1).view("<u4") + 0x80) >> 8
    planes = rounded.view(np.uint8).reshape(-1, 4).T[:3]
    return struct.pack("<I", sum(1 << hour for hour in hours)) + zlib.compress(np.ascontiguousarray(planes).tobytes(), 9)


def decode_scores(blob: bytes) -> dict[int, FloatArray]:
    """The scores that `encode_scores` was given, to five digits."""
    mask = struct.unpack_from("<I", blob)[0]
    hours = [hour for hour in range(24) if mask >> hour & 1]
    planes = np.frombuffer(zlib.decompress(blob[4:]), np.uint8).reshape(3, -1)
    bits = np.zeros((planes.shape[1], 4), np.uint8)
    bits[:, 1:] = planes.T
    sums = bits.reshape(-1).view("<f4").astype(np.float64).reshape(len(SCORE_SUMS), len(LEAD_BUCKETS), -1)
    return dict(zip(hours, sums.transpose(2, 1, 0), strict=True))


def encode_reliability(hours: int, sums: FloatArray) -> bytes:
    """Bytes of a day's `reliability.SUMS` by lead bucket (lead buckets, SUMS), and of which hours (a bit each) they are made."""
    filled = [bucket for bucket in range(len(LEAD_BUCKETS)) if sums[bucket, 0]]
    head = struct.pack("<IB", hours, sum(1 << bucket for bucket in filled))
    planes = sums[filled].T.astype("<f4").reshape(-1).view(np.uint8).reshape(-1, 4).T
    return head + zlib.compress(np.ascontiguousarray(planes).tobytes(), 9)


def decode_reliability(blob: bytes) -> tuple[int, FloatArray]:
    """The hours and sums that `encode_reliability` was given; counts exactly, errors to seven digits."""
    hours, mask = struct.unpack_from("<IB", blob)
    filled = [bucket for bucket in range(len(LEAD_BUCKETS)) if mask >> bucket & 1]
    planes = np.frombuffer(zlib.decompress(blob[5:]), np.uint8).reshape(4, -1)
    sums = np.zeros((len(LEAD_BUCKETS), len(reliability.SUMS)))
    sums[filled] = np.ascontiguousarray(planes.T).reshape(-1).view("<f4").reshape(len(reliability.SUMS), len(filled)).T
    return int(hours), sums


def decode_scores_of_an_hour(blob: bytes) -> FloatArray:
    """Sums of one hour, shape (lead buckets, SCORE_SUMS), as databases before schema 4 kept them."""
    sums = np.frombuffer(zlib.decompress(blob), "<f4").astype(np.float64)
    return sums.reshape(len(SCORE_SUMS), len(LEAD_BUCKETS)).T


def encode_inputs(inputs: Mapping[str, object], *head: object) -> str:
    """What an issue was made of, as JSON, sealed together with the rest of its head, which its digest leaves out."""
    made_of = dict(inputs)
    return json.dumps(made_of | {"seal": _seal(made_of, repr(head).encode())}, sort_keys=True, separators=(",", ":"))


def decode_inputs(text: str, *head: object) -> Mapping[str, object] | None:
    """The inputs that `encode_inputs` was given with the same head; None where either was damaged on disk. Issues before seals came
    are taken as they are."""
    return _whole(text, repr(head).encode())


def _seal(named: Mapping[str, object], numbers: bytes) -> str:
    return hashlib.sha256(json.dumps(named, sort_keys=True).encode() + numbers).hexdigest()[:16]


def _whole(text: str, numbers: bytes) -> Mapping[str, Any] | None:
    """The words of a JSON object without their seal; None where that is not theirs."""
    try:
        named = json.loads(text)
        seal = named.pop("seal", None)
    except (ValueError, AttributeError, TypeError):
        return None
    return named if seal is None or seal == _seal(named, numbers) else None


def digest(area: str, consumer_type: str, issue_time: int, valid_start: int, blob: bytes) -> bytes:
    """SHA-256 over an issue's identity and numbers."""
    return hashlib.sha256(f"{area}/{consumer_type}/{issue_time}/{valid_start}/".encode() + blob).digest()
