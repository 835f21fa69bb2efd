"""The database: the only place that knows SQL. One `Writer` (the engine), any number of `Reader`s (read-only)."""

from engine.store.archive import FOREVER, TRUTHS, Archive
from engine.store.reader import ForecastIssue, Reader, ScoreRow, Target
from engine.store.writer import PutResult, Writer

__all__ = ["FOREVER", "TRUTHS", "Archive", "ForecastIssue", "PutResult", "Reader", "ScoreRow", "Target", "Writer"]
