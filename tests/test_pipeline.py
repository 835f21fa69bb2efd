import dataclasses
import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import histories
import numpy as np
import pytest

from engine import clock, evaluation, issuing, lag, pipeline, replay, sources, verification
from engine.clock import SimulatedClock
from engine.config import Config
from engine.domain import DAY, HOUR, Consumer, Expected, Observations, Series, Tier
from engine.forecaster import Forecaster
from engine.limits import Limits
from engine.sources.fetch import Reply, Request
from engine.store import FOREVER, Reader, Writer

END = clock.parse_utc("2026-10-26T00:00Z")


@dataclass
class Desk:
    """A store with everything a job needs."""

    config: Config
    writer: Writer
    reader: Reader
    forecaster: Forecaster
    time: SimulatedClock

    def ingest(self, transport: sources.Transport) -> str:
        return pipeline.ingest(self.writer, self.reader, sources.live(self.config), transport, self.time).status

    def forecast(self) -> str:
        return pipeline.forecast(self.writer, self.reader, self.forecaster, self.time.now(), self.time.now()).status


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    config = Config.load(environment={}, data_dir=tmp_path, simulated=True)
    writer = Writer(config.database, simulated=True)
    reader = Reader(config.database)
    yield Desk(config, writer, reader, Forecaster(config.model_dir), SimulatedClock(END))
    reader.close()
    writer.close()


class Dead:
    """An upstream that is down."""

    def send(self, request: Request, timeout_s: float) -> Reply:
        raise ConnectionError("no connection")


def test_the_whole_story_over_a_clock_change(tmp_path: Path) -> None:
    config = Config.load(environment={}, data_dir=tmp_path, simulated=True)
    counts = replay.demo(config, days=2, end=END)
    assert counts == {"issues": 49, "hours": 49}
    reader = Reader(config.database)
    for area in ("DK", "DK1", "DK2"):
        issues = reader.forecasts(area)
        assert [f.issue_time for f in issues] == [END - i * HOUR for i in range(49)]
        assert all(f.tier is Tier.FULL and f.simulated for f in issues)
        assert all(f.valid_time[0] <= f.issue_time < f.issue_time + 168 * HOUR == f.valid_time[-1] for f in issues)
        score = reader.scores(area)[0]
        assert score.n > 1000
        assert score.wape < 8
        assert set(reader.scores(area, by="lead_bucket", lead_buckets=range(7))) == {0, 1, 2, 3, 4}
    whole, *parts = (reader.forecasts(area) for area in ("DK", "DK1", "DK2"))
    for dk, dk1, dk2 in zip(whole, *parts, strict=True):
        np.testing.assert_allclose(dk.median, dk1.median + dk2.median, atol=1e-6)
    assert not reader.events()
    reader.close()


def test_an_outage_is_told_forecast_through_and_forgotten(desk: Desk) -> None:
    up = sources.transport(desk.config, desk.time)
    assert desk.ingest(up) == "ok"
    desk.time.sleep(18 * HOUR)  # to an hour at which every source expects something new
    assert desk.ingest(Dead()) == "expected"
    assert {e.subject for e in desk.reader.events()} == {s.dataset for s in sources.live(desk.config)}
    assert all(e.remedy for e in desk.reader.events())
    assert desk.forecast() == "ok"
    newest = desk.reader.forecast("DK")
    assert newest is not None
    assert newest.tier is Tier.FULL
    desk.time.sleep(HOUR)
    assert desk.ingest(up) == "ok"
    assert not desk.reader.events()


def test_nothing_known_at_all_still_gives_a_forecast(desk: Desk) -> None:
    desk.ingest(Dead())
    assert desk.forecast() == "ok"
    made = desk.reader.forecast("DK")
    assert made is not None
    assert made.tier is Tier.CLIMATOLOGY
    assert {e.code for e in desk.reader.events()} == {"source", "tier"}


def test_an_issue_over_a_limit_raises_the_alarm_of_a_peak(desk: Desk) -> None:
    desk.writer.set_limits(Limits.parse("DK1=500, DK2=9000"))
    desk.forecast()
    desk.time.set(END + HOUR)
    desk.forecast()
    assert [(event.code, event.subject, event.since) for event in desk.reader.events() if event.code == "peak"] == [
        ("peak", "DK1", END)
    ]


def test_an_issue_is_made_once(desk: Desk) -> None:
    desk.ingest(sources.transport(desk.config, desk.time))
    desk.forecast()
    first = desk.reader.forecast("DK1")
    desk.forecast()
    assert len(desk.reader.issues("DK1")) == 1
    second = desk.reader.forecast("DK1")
    assert first is not None
    assert second is not None
    np.testing.assert_array_equal(first.quantiles, second.quantiles)


def load(values: np.ndarray, first: int, source: str = "file") -> Observations:
    hours = first + HOUR * np.arange(len(values), dtype=np.int64)
    return Observations(
        Series("load", "DK1", source), hours, hours + 2 * HOUR, values, np.zeros(len(values), np.uint8), simulated=True
    )


def test_one_impossible_hour_is_set_aside_and_the_rest_kept(desk: Desk) -> None:
    hours = END - 60 * DAY + HOUR * np.arange(60 * 24)
    values = histories.load_at(hours)
    values[700] *= 10
    result = pipeline.keep(desk.writer, desk.reader, [load(values, END - 60 * DAY)], END)
    assert (result.new, result.quarantined) == (len(values) - 1, 1)
    assert desk.reader.decisions.quarantine()[0].valid_time == hours[700]


def test_an_import_counts_each_line_once_and_asks_about_areas_that_look_mistyped(
    desk: Desk, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = Config(data_dir=tmp_path / "real")
    hour = "2026-06-01T00:00Z"
    lines = [f"{hour},DK1,load,2500"] * 3 + [f"{hour},dk-2,load,1500", f"{hour},851,load,150", f"{hour},DK1,temperature,99"]
    path = tmp_path / "values.csv"
    path.write_text("\n".join(["valid_time,area,quantity,value", *lines]), encoding="utf-8")
    writer = Writer(config.database)
    reader = Reader(config.database)
    details = [dict(pipeline.import_file(writer, reader, path, "csv", 2 * HOUR, END).detail) for _ in range(2)]
    reader.close()
    writer.close()
    common = {"file": "values.csv", "revised": 0, "repeated": 2, "perhaps mistyped": "'dk-2' (did you mean DK2?)"}
    assert details == [
        {**common, "new": 3, "unchanged": 0, "quarantined": 1},
        {**common, "new": 0, "unchanged": 3, "quarantined": 0},
    ]
    assert caplog.text.count("did you mean DK2?") == 2


def test_maintenance_thins_and_drops_as_the_settings_say(desk: Desk) -> None:
    desk.ingest(sources.transport(desk.config, desk.time))
    desk.forecast()
    desk.time.sleep(HOUR)
    desk.forecast()

    def maintain(days: int, **settings: int) -> int:
        config = dataclasses.replace(desk.config, **settings)  # type: ignore[arg-type]
        assert pipeline.maintain(desk.writer, config, desk.time.now() + days * DAY).status == "ok"
        return len(desk.reader.issues("DK"))

    assert maintain(100, thin_forecasts_after_days=0) == 2
    assert maintain(100, thin_forecasts_after_days=180) == 2
    assert maintain(100, thin_forecasts_after_days=90) == 1
    assert maintain(100, keep_forecasts_days=90) == 0


def test_a_series_of_ones_own_is_known_everywhere(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    writer = Writer(tmp_path / "lastvagt.sqlite")
    reader = Reader(writer.path)
    stamps = [clock.iso(END + HOUR * i) for i in range(3)]
    named = [("DK1-Mejeri Å", "total"), ("DK1-0151", "total"), ("Fabrik 4 (Køge)", "proces"), ("851", "household")]
    lines = [f"{t},{area},{kind},load,{250 + i},kWh" for area, kind in named for i, t in enumerate(stamps)]
    path = tmp_path / "plants.csv"
    path.write_text("\n".join(["valid_time,area,consumer_type,quantity,value,unit", *lines]), encoding="utf-8")
    detail = pipeline.import_file(writer, reader, path, "csv", None, END + DAY).detail
    assert (detail["new"], detail["quarantined"]) == (12, 0)
    assert not caplog.text
    assert {Consumer(*pair) for pair in named} <= set(reader.consumers(END))
    assert {each.consumer for each in lag.measure(reader, END + DAY)} == {Consumer(*pair) for pair in named}
    times, values = reader.truth("DK1-Mejeri Å", END, END + DAY)["newest"]
    assert (len(times), values.tolist()) == (3, [0.25, 0.251, 0.252])
    reader.close()
    writer.close()


def test_scores_are_computed_once_for_each_truth(desk: Desk) -> None:
    transport = sources.transport(desk.config, desk.time)
    desk.ingest(transport)
    desk.forecast()
    desk.time.sleep(6 * HOUR)
    desk.ingest(transport)

    def score() -> dict[str, object]:
        return dict(pipeline.score(desk.writer, desk.reader, desk.time.now(), 15).detail)

    first = score()
    assert int(str(first["provisional"])) > 0
    assert int(str(first["provisional"])) % 3 == 0
    assert score() == {}
    desk.time.sleep(17 * DAY)
    desk.ingest(transport)
    assert int(str(score()["settled"])) > 0
    assert desk.reader.scores("DK1", truth="settled")[0].n > 0


def test_the_reference_is_the_latest_week_that_was_known(desk: Desk) -> None:
    first = END - 40 * DAY
    values = np.arange(40 * 24, dtype=float) + 1000
    desk.writer.put([load(values, first)])
    archive = desk.reader.archive(first, END)
    hour = END - 3 * DAY
    week = (hour - 7 * DAY - first) // HOUR
    issued = np.array([hour - HOUR, hour - 7 * DAY + HOUR, hour - 60 * DAY])
    naive = verification.seasonal_naive(archive, Consumer("DK1"), np.full(3, hour), issued)
    assert naive.tolist()[:2] == [values[week], values[week - 168]]
    assert np.isnan(naive[2])


def backtest_report(desk: Desk, archive_end: int, days: int = 100) -> dict[str, object]:
    hours = archive_end - days * DAY + HOUR * np.arange(days * 24)
    noise = np.exp(0.02 * np.random.default_rng(1).normal(size=len(hours)))
    desk.writer.put([load(histories.load_at(hours) * noise, int(hours[0]))])
    last = clock.local(archive_end).date() - dt.timedelta(days=2)
    return evaluation.report(replay.collect(desk.reader, desk.forecaster, last - dt.timedelta(days=20), last, ["DK1"]))


def test_backtest_reports_what_an_examiner_asks_for(desk: Desk) -> None:
    report = backtest_report(desk, END)
    assert report["ex_post"] is False
    assert report["simulated"] is True
    area = report["areas"]["DK1"]  # type: ignore[index]
    assert area["n"] == 21 * 24  # 2026-10-25 is not reached: the store ends the day before
    for name in ("wape", "mae", "rmse", "skill", "wql", "coverage_80", "coverage_90", "width_80", "mape"):
        assert name in area
    assert area["tiers"] == {"no_weather": 21}
    assert set(area["by_hour"]) == {str(h) for h in range(24)}
    assert set(area["by_lead_h"]) >= {"14", "37"}
    assert area["by_holiday"]["other"]["n"] + area["by_holiday"]["holiday_or_bridge"]["n"] == area["n"]


def test_backtest_of_an_empty_span_says_so(desk: Desk) -> None:
    with pytest.raises(Expected, match="holds no load"):
        evaluation.report(replay.collect(desk.reader, desk.forecaster, dt.date(2020, 1, 1), dt.date(2020, 2, 1), ["DK1"]))
    with pytest.raises(Expected, match="before it begins"):
        evaluation.report(replay.collect(desk.reader, desk.forecaster, dt.date(2020, 2, 1), dt.date(2020, 1, 1), ["DK1"]))


def test_backtest_of_days_without_truth_says_so_and_counts_an_area_once(desk: Desk) -> None:
    backtest_report(desk, END)
    with pytest.raises(Expected, match="holds no load of DK1"):
        evaluation.report(replay.collect(desk.reader, desk.forecaster, dt.date(2026, 11, 20), dt.date(2026, 11, 21), ["DK1"]))
    day = dt.date(2026, 10, 20)
    assert evaluation.report(replay.collect(desk.reader, desk.forecaster, day, day, ["DK1", "DK1"]))["areas"]["DK1"]["n"] == 24


def test_backtest_sees_nothing_that_came_later(desk: Desk) -> None:
    """Doubling everything known after the last issue changes no forecast, only the truth."""
    first = backtest_report(desk, END)
    last_issue = clock.local_time(clock.local(END).date() - dt.timedelta(days=3), 10)
    hours = last_issue + HOUR * np.arange(1, 200)
    archive = desk.reader.archive(0, FOREVER)
    before = issuing.make_issues(archive, desk.forecaster, last_issue, {})
    desk.writer.put([load(5 * histories.load_at(hours), int(hours[0]))], now=last_issue + 5 * DAY)
    after = issuing.make_issues(desk.reader.archive(0, FOREVER), desk.forecaster, last_issue, {})
    assert first["models"]
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a.quantiles, b.quantiles)
