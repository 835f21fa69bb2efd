"""How ingest and backfill go through the spans of metered datasets: few at a time, none in vain, on from where they were ended."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from upstream import Upstream, each_record, status

from engine import lag, pipeline, sources
from engine.clock import SimulatedClock, iso, local_hours, parse_utc
from engine.config import Config
from engine.domain import DAY, HOUR, Consumer, Flag, JobRun
from engine.sources.fetch import HttpTransport, Reply, Request
from engine.sources.metered import ConsumptionConsumerCategoryHour, PrivateConsumptionHeatingHour
from engine.store import Reader, Writer

NOW = parse_utc("2026-06-15T10:20Z")
NAME = "PrivateConsumptionHeatingHour"
HOUSEHOLDS = f"energidataservice/{NAME}"


@dataclass
class Desk:
    config: Config
    writer: Writer
    reader: Reader
    time: SimulatedClock
    transport: sources.Transport

    def ingest(self, only: Sequence[sources.LiveSource] = ()) -> JobRun:
        return pipeline.ingest(self.writer, self.reader, only or sources.live(self.config), self.transport, self.time)

    def backfill(self, transport: sources.Transport, start: str, end: str) -> JobRun:
        past = [PrivateConsumptionHeatingHour(self.config)]
        return pipeline.backfill(self.writer, self.reader, past, transport, self.time, parse_utc(start), parse_utc(end))


class Counting:
    """Passes requests on, notes what was asked for, and breaks where it is told to."""

    def __init__(self, upstream: sources.Transport, break_after: int = 10**9) -> None:
        self.upstream, self.break_after = upstream, break_after
        self.asked: list[tuple[str, str]] = []

    def send(self, request: Request, timeout_s: float) -> Reply:
        if len(self.asked) == self.break_after:
            raise KeyboardInterrupt
        self.asked.append((request.dataset.rpartition("/")[2], request.params.get("start", "")))
        return self.upstream.send(request, timeout_s)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    config = Config(data_dir=tmp_path, simulated=True, fetch_municipalities=True, fetch_regions=True, backfill_days=5)
    writer, time = Writer(config.database, simulated=True), SimulatedClock(NOW)
    reader = Reader(config.database)
    yield Desk(config, writer, reader, time, sources.transport(config, time))
    reader.close()
    writer.close()


def test_all_that_is_wanted_comes_and_is_not_asked_for_again_until_it_may_have_changed(desk: Desk) -> None:
    desk.transport = counting = Counting(desk.transport)
    assert desk.ingest().status == "ok"
    first = [start for name, start in counting.asked if name == NAME]
    assert len(first) == len(set(first)) == 21
    counting.asked.clear()
    desk.time.sleep(900)
    assert HOUSEHOLDS not in desk.ingest().detail
    desk.time.sleep(5 * HOUR)  # after 14:30: only what is still to come
    desk.ingest()
    newest = pipeline.newest_of(desk.reader.series(), PrivateConsumptionHeatingHour(desk.config))
    assert newest is not None
    again = [start for name, start in counting.asked if name == NAME]
    assert again
    assert min(again) == iso(newest + HOUR)[:16]
    counting.asked.clear()
    desk.time.sleep(DAY - 6 * HOUR)  # the next morning: the last fifteen days
    desk.ingest()
    morning = [start for name, start in counting.asked if name == NAME]
    assert set(again) < set(morning)
    assert len(morning) <= 20


def test_a_clock_that_was_ahead_and_is_set_back_stops_nothing(desk: Desk) -> None:
    desk.time.set(NOW + 90 * DAY)
    desk.writer.set_fetch_limit(f"{HOUSEHOLDS} 2026-06-01", NOW + 90 * DAY, 0.0)
    desk.time.set(NOW)
    desk.transport = counting = Counting(desk.transport)
    desk.ingest([PrivateConsumptionHeatingHour(desk.config)])
    assert (NAME, "2026-05-31T22:00") in counting.asked


def test_a_consumer_gets_its_types_and_back_filled_hours_their_nominal_lag(desk: Desk) -> None:
    desk.ingest()
    series = {(s.area, s.consumer_type, s.source) for s in desk.reader.series() if s.quantity == "load"}
    assert ("851", "household", NAME) in series
    assert {("1081", kind, "ConsumptionConsumerCategoryHour") for kind in ("household", "business", "public")} <= series
    assert sum(source == NAME for *_, source in series) == 98
    day = local_hours(np.datetime64("2026-05-26").item())
    versions = desk.reader.archive(int(day[0]), int(day[-1]) + 1, ["851"]).versions["load", "851", "household"]
    assert set(versions.available_at.tolist()) == {int(day[-1]) + HOUR + 10 * DAY}
    assert set(versions.flags.tolist()) == {int(Flag.NOMINAL)}


def test_live_hours_became_known_when_they_came_are_revised_and_tell_the_lag(desk: Desk) -> None:
    source = ConsumptionConsumerCategoryHour(desk.config)
    desk.ingest([source])
    for _ in range(16):
        desk.time.sleep(DAY)
        desk.ingest([source])
    measured = lag.after_day_s(desk.reader, source.source)
    assert measured is not None
    assert 9 * DAY <= measured <= 16 * DAY
    newest = max(s.newest_valid for s in desk.reader.series())
    key = "load", "1083", "business"
    versions = desk.reader.archive(newest, newest + 1, ["1083"]).versions[key]
    assert versions.flags.tolist() == [Flag.PLAIN]
    recent = desk.reader.archive(NOW - 5 * DAY, newest, ["1083"]).versions[key]
    assert len(recent.valid_time) > len(set(recent.valid_time.tolist()))
    old = parse_utc("2026-02-01T00:00Z")
    pipeline.backfill(desk.writer, desk.reader, [source], desk.transport, desk.time, old, old + DAY)
    filled = desk.reader.archive(old, old + 1, ["1083"]).versions[key]
    assert filled.available_at.tolist() == [parse_utc("2026-02-01T23:00Z") + measured]


def test_at_one_question_a_minute_a_run_ends_in_time_and_the_next_goes_on(tmp_path: Path) -> None:
    time = SimulatedClock(NOW)
    with Upstream(time) as upstream:
        config = upstream.config(data_dir=tmp_path, fetch_municipalities=True, fetch_settlement=False, backfill_days=5)
        writer = Writer(config.database)
        reader = Reader(config.database)
        desk = Desk(config, writer, reader, time, HttpTransport())
        others = {s.dataset for s in sources.live(config)} - {HOUSEHOLDS}
        runs = []
        while len(upstream.calls[NAME]) < 21 and len(runs) < 9:
            began = time.now()
            runs.append(desk.ingest())
            assert time.now() - began <= 12 * 60
            time.set(max(time.now(), began + 900))
        reader.close()
        writer.close()
    assert all(run.status == "ok" for run in runs)
    assert others <= set(runs[0].detail)
    assert len(runs) == 2
    assert len(upstream.calls[NAME]) == 21
    assert min(np.diff(upstream.calls[NAME])) >= 60


def test_a_source_that_fails_is_left_alone_until_the_next_run_and_stops_no_other(desk: Desk) -> None:
    class Broken(Counting):
        def send(self, request: Request, timeout_s: float) -> Reply:
            reply = super().send(request, timeout_s)
            return Reply(400, {}, b"Invalid column") if NAME in request.url else reply

    desk.transport = counting = Broken(desk.transport)
    run = desk.ingest()
    assert run.status == "expected"
    assert [name for name, _ in counting.asked].count(NAME) == 1
    assert "energidataservice/ConsumptionConsumerCategoryHour" in run.detail
    assert [e.subject for e in desk.reader.events()] == [HOUSEHOLDS]
    desk.transport = counting.upstream
    assert desk.ingest().status == "ok"
    assert desk.reader.events() == []


def test_an_unknown_name_is_told_and_costs_only_its_own_rows(tmp_path: Path) -> None:
    time = SimulatedClock(NOW)

    def renamed(record: dict[str, object]) -> dict[str, object]:
        return record | ({"RegionName": "Region Kattegat"} if record["RegionName"] == "Region Nordjylland" else {})

    with Upstream(time, limits="none") as upstream:
        upstream.always["ConsumptionConsumerCategoryHour"] = each_record(renamed)
        config = upstream.config(data_dir=tmp_path, mirror=True)
        writer = Writer(config.database)
        reader = Reader(config.database)
        source = ConsumptionConsumerCategoryHour(config)
        run = pipeline.ingest(writer, reader, [source], HttpTransport(), time)
        stored = {s.area for s in reader.series()}
        (event,) = reader.events()
        reader.close()
        writer.close()
    assert "Region Kattegat" in run.problem
    assert "Region Kattegat" in event.problem
    assert stored == {"1082", "1083", "1084", "1085"}


def test_a_backfill_that_was_killed_goes_on_where_it_was(desk: Desk) -> None:
    first = Counting(desk.transport, break_after=7)
    with pytest.raises(KeyboardInterrupt):
        desk.backfill(first, "2026-02-01", "2026-02-20")
    second = Counting(desk.transport)
    assert desk.backfill(second, "2026-02-01", "2026-02-20").status == "ok"
    asked = [*first.asked, *second.asked]
    assert len(asked) == len(set(asked)) == 20
    third = Counting(desk.transport)
    desk.time.sleep(3 * DAY)
    assert desk.backfill(third, "2026-02-01", "2026-02-20").status == "ok"
    assert third.asked == []


def test_young_days_are_looked_at_again_by_a_backfill_of_another_day(desk: Desk) -> None:
    desk.backfill(desk.transport, "2026-05-20", "2026-05-22")
    desk.time.sleep(2 * DAY)
    again = Counting(desk.transport)
    desk.backfill(again, "2026-05-20", "2026-05-22")
    assert len(again.asked) == 3


def test_a_failing_span_of_a_backfill_is_asked_for_again(desk: Desk) -> None:
    class Torn(Counting):
        def send(self, request: Request, timeout_s: float) -> Reply:
            reply = super().send(request, timeout_s)
            return Reply(400, {}, b"no") if len(self.asked) == 3 else reply

    torn = Torn(desk.transport)
    assert desk.backfill(torn, "2026-02-01", "2026-02-06").status == "expected"
    again = Counting(desk.transport)
    desk.backfill(again, "2026-02-01", "2026-02-06")
    assert again.asked == [torn.asked[2]]


def test_a_series_that_ended_holds_no_dataset_back(desk: Desk) -> None:
    desk.ingest()
    source = PrivateConsumptionHeatingHour(desk.config)
    states = desk.reader.series()
    newest = pipeline.newest_of(states, source)
    assert newest is not None
    ended = [dataclasses.replace(s, newest_valid=newest - 90 * DAY) if s.area == "851" else s for s in states]
    late = [dataclasses.replace(s, newest_valid=newest - DAY) if s.area == "851" else s for s in states]
    assert pipeline.newest_of(ended, source) == newest
    assert pipeline.newest_of(late, source) == newest - DAY
    load = sources.live(desk.config)[0]
    assert pipeline.newest_of(states, load) == max(s.newest_valid for s in states if s.area == "DK1" and s.quantity == "load")


def test_a_dataset_that_is_gone_is_told(tmp_path: Path) -> None:
    time = SimulatedClock(NOW)
    with Upstream(time, limits="none") as upstream:
        upstream.always[NAME] = status(404, f"dataset not found {NAME}")
        config = upstream.config(data_dir=tmp_path, mirror=True)
        writer = Writer(config.database)
        reader = Reader(config.database)
        run = pipeline.ingest(writer, reader, [PrivateConsumptionHeatingHour(config)], HttpTransport(), time)
        reader.close()
        writer.close()
    assert "does not serve this dataset now (404)" in run.problem
    assert Consumer("851", "household") not in reader_consumers(config)


def reader_consumers(config: Config) -> tuple[Consumer, ...]:
    reader = Reader(config.database)
    try:
        return reader.consumers(NOW)
    finally:
        reader.close()
