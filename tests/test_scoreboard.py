"""The scoreboard: our forecasts and the grid operator's of the same hours, both as they stood the day before."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from engine import clock, scoreboard, tables
from engine.__main__ import main
from engine.domain import DAY, HOUR, LEVELS, Flag, Observations, QuantileForecast, Reason, Series, Tier
from engine.store import FOREVER, Reader, Writer

#: The day of 25 hours; on the day before it both forecasts of it are taken at 10:00 Danish time, 08:00 UTC.
FIRST = dt.date(2026, 10, 25)
DAYS = [FIRST + dt.timedelta(days=i) for i in range(3)]


def tso(area: str, hours: np.ndarray, known: int, value: float, flag: Flag = Flag.PLAIN) -> Observations:
    n = len(hours)
    return Observations(
        Series("load_forecast", area, "entsoe"), hours, np.full(n, known), np.full(n, value), np.full(n, flag, np.uint8)
    )


def issue(area: str, issue_time: int, value: float, ex_post: bool = False) -> QuantileForecast:
    hours = issue_time + HOUR * np.arange(1, 49, dtype=np.int64)
    quantiles = np.full((48, len(LEVELS)), value)
    return QuantileForecast(area, "total", issue_time, hours, LEVELS, quantiles, Tier.FULL, Reason.NONE, "m", ex_post=ex_post)


def board_time(day: dt.date) -> int:
    return clock.local_time(day - dt.timedelta(days=1), 10)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Load of 1000 MWh in both areas. Of the first day we said 1010 and the operator 980 by ten, and both something better later."""
    writer = Writer(tmp_path / "lastvagt.sqlite")
    for area in ("DK1", "DK2"):
        hours = np.concatenate([clock.local_hours(day) for day in DAYS])
        loads = np.full(len(hours), 1000.0)
        writer.put([Observations(Series("load", area, "test"), hours, hours + HOUR, loads, np.zeros(len(hours), np.uint8))])
        first = clock.local_hours(DAYS[0])
        writer.put([tso(area, first, board_time(DAYS[0]) - HOUR, 980.0), tso(area, first, board_time(DAYS[0]) + 60, 1000.0)])
        writer.put([tso(area, clock.local_hours(DAYS[1]), board_time(DAYS[1]) + 60, 1000.0)])  # fetched after ten
        if area == "DK1":
            writer.put([tso(area, clock.local_hours(DAYS[2]), board_time(DAYS[2]), 940.0)])
    for area, value in (("DK1", 1010.0), ("DK2", 1010.0), ("DK", 2020.0)):
        issues = [issue(area, board_time(day), value) for day in DAYS]
        writer.put_forecasts([*issues, issue(area, board_time(DAYS[0]) + HOUR, 0.99 * value)], FOREVER)
    writer.close()
    return tmp_path


@pytest.fixture
def reader(folder: Path) -> Iterator[Reader]:
    with closing(Reader(folder / "lastvagt.sqlite")) as reader:
        yield reader


def test_both_forecasts_count_as_they_stood_at_ten_the_day_before(reader: Reader) -> None:
    board = scoreboard.against_tso(reader, "DK2", 0, FOREVER)
    assert board.valid_time.tolist() == clock.local_hours(DAYS[0]).tolist(), "the second day was fetched too late"
    assert len(board.valid_time) == 25
    assert set(board.ours) == {1010.0}
    assert set(board.theirs) == {980.0}
    assert board.figures(board.ours) == pytest.approx({"wape": 1.0, "mae": 10, "bias": 10, "rmse": 10})
    assert board.figures(board.theirs) == pytest.approx({"wape": 2.0, "mae": 20, "bias": -20, "rmse": 20})
    assert board.skill == pytest.approx(0.5)
    assert np.isnan(board.skill_interval).all(), "a day or two prove nothing"


def test_a_country_is_the_sum_of_its_areas_where_both_have_hours(reader: Reader) -> None:
    assert scoreboard.against_tso(reader, "DK1", 0, FOREVER).days == 2
    board = scoreboard.against_tso(reader, "DK", 0, FOREVER)
    assert (board.days, set(board.theirs), set(board.ours), set(board.observed)) == (1, {1960.0}, {2020.0}, {2000.0})


def test_a_span_cuts_hours(reader: Reader) -> None:
    start = int(clock.local_hours(DAYS[0])[3])
    board = scoreboard.against_tso(reader, "DK1", start, start + 5 * HOUR)
    assert board.valid_time.tolist() == [start + i * HOUR for i in range(5)]


def test_an_archive_read_afterwards_is_no_forecast(tmp_path: Path) -> None:
    hours = clock.local_hours(FIRST)
    writer = Writer(tmp_path / "lastvagt.sqlite")
    writer.put([Observations(Series("load", "DK1", "test"), hours, hours, np.full(25, 1e3), np.zeros(25, np.uint8))])
    early = board_time(FIRST) - DAY
    writer.put([tso("DK1", hours[:5], early, 1e3, Flag.NOMINAL), tso("DK1", hours[5:9], early, 1e3, Flag.EX_POST)])
    writer.put([tso("DK1", hours[9:12], early, 990.0)])
    writer.put_forecasts([issue("DK1", board_time(FIRST), 1e3, ex_post=True)], FOREVER)
    writer.close()
    with closing(Reader(tmp_path / "lastvagt.sqlite")) as reader:
        board = scoreboard.against_tso(reader, "DK1", 0, FOREVER)
        assert board.valid_time.tolist() == hours[9:12].tolist()
        assert board.ex_post
        assert scoreboard.against_tso(reader, "DK2", 0, FOREVER).days == 0


def test_two_weeks_give_an_interval() -> None:
    hours = clock.local_midnight(FIRST) + HOUR * np.arange(21 * 24, dtype=np.int64)
    rng = np.random.default_rng(1)
    observed = np.full(len(hours), 1000.0)
    ours, theirs = (observed + size * rng.normal(size=len(hours)) for size in (10, 20))
    low, high = scoreboard.Scoreboard(hours, observed, ours, theirs).skill_interval
    assert 0.3 < low < scoreboard.Scoreboard(hours, observed, ours, theirs).skill < high < 0.7


def test_the_table_and_the_command_tell_both(folder: Path, reader: Reader, capsys: pytest.CaptureFixture[str]) -> None:
    document = tables.against_tso(reader, "DK2").document()
    rows = document["rows"]
    assert isinstance(rows, list)
    assert [(row["forecast"], row["n"], row["wape"]) for row in rows] == [("lastvagt", 25, 1.0), ("tso", 25, 2.0)]
    json.dumps(document, allow_nan=False)
    assert main(["scores", "--area", "DK2", "--against", "tso", "--data-dir", str(folder)]) == 0
    words = capsys.readouterr().out
    assert "10:00 Europe/Copenhagen, the day before" in words
    assert "Skill against the operator (1 - MAE / MAE): +0.500, no interval under 14 days." in words
    assert main(["scores", "--area", "DK2", "--against", "tso", "--to", "2026-01-01", "--data-dir", str(folder)]) == 0
    assert "ENTSO-E token" in capsys.readouterr().out
    assert main(["scores", "--area", "DK2", "--data-dir", str(folder)]) == 0
