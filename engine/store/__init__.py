"""The database: the only place that knows SQL. One `Writer` (the engine), any number of `Reader`s (read-only)."""

from engine.store.archive import Archive
from engine.store.reader import FOREVER, ForecastIssue, Reader, ScoreRow, Target
from engine.store.writer import PutResult, Writer

__all__ = ["FOREVER", "Archive", "ForecastIssue", "PutResult", "Reader", "ScoreRow", "Target", "Writer"]
