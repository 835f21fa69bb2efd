"""What the database knows of the errors of one consumer's forecasts: more than a snapshot holds, read when it is looked at."""

from __future__ import annotations

from dataclasses import dataclass

from engine import drift
from engine.domain import DAY, HOUR, Consumer, FloatArray, IntArray
from engine.drift import Course
from engine.reliability import Reliability
from engine.store import Reader

#: Days of scores: thirteen months, so that each month of the year has one.
RECORD_DAYS = 396
#: Days of kept promises: what levels are judged by, and what earlier estimates could learn from.
KEPT_DAYS = 130
#: Sums of scores that are read, in the order of the fields of `Record`.
_SUMS = ("n", "observed", "error", "abs_error", "ref_abs_error", "ref_model_abs_error")


@dataclass(frozen=True, slots=True)
class Record:
    """Sums over issues of scored hours against one truth, shape (hours, lead buckets), in MWh; see `engine.domain.Score`.

    `course` is the control chart, `kept` how issues kept their promises, both against first published load whatever the truth.
    """

    of: Consumer
    truth: str
    valid_time: IntArray
    n: FloatArray
    observed: FloatArray
    error: FloatArray
    abs_error: FloatArray
    ref_abs_error: FloatArray
    ref_model_abs_error: FloatArray
    course: Course
    kept: Reliability


def read(reader: Reader, of: Consumer, truth: str, now: int) -> Record:
    """The record of a consumer against a truth."""
    start = now - RECORD_DAYS * DAY
    hours, sums = reader.scorebook.parts(of, truth, start, now + HOUR, _SUMS)
    kept = reader.scorebook.reliability(of, now - KEPT_DAYS * DAY, now + HOUR)
    return Record(of, truth, hours, *sums, drift.read(reader, of, now), kept)
