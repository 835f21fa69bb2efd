import dataclasses
import datetime as dt
import sqlite3
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from engine import clock
from engine.domain import (
    HOUR,
    LEAD_BUCKETS,
    LEVELS,
    Consumer,
    Expected,
    JobRun,
    Observations,
    QuantileForecast,
    Reason,
    Score,
    Series,
    Tier,
)
from engine.store import FOREVER, Reader, ScoreRow, Writer, codec, schema

NOW = 1_795_000_000 // HOUR * HOUR


def values(pairs: list[tuple[int, int, float]], source: str = "a", rank: int = 0, simulated: bool = False) -> Observations:
    """Load of DK1 from (hour number, hours until known, value)."""
    valid = NOW + HOUR * np.array([p[0] for p in pairs], np.int64)
    known = valid + HOUR * np.array([p[1] for p in pairs], np.int64)
    numbers = np.array([p[2] for p in pairs], np.float64)
    return Observations(
        Series("load", "DK1", source, rank=rank), valid, known, numbers, np.zeros(len(pairs), np.uint8), simulated
    )


def as_of(reader: Reader, hours: int) -> list[float | None]:
    """The first four hours as known `hours` after NOW."""
    grid = reader.as_of(NOW + hours * HOUR, NOW, 4).get("load", "DK1")
    return [None] * 4 if grid is None else [None if np.isnan(v) else float(v) for v in grid]


def test_a_revision_is_a_new_row_and_the_past_stays_as_it_was(writer: Writer, reader: Reader) -> None:
    writer.put([values([(0, 2, 100.0), (1, 2, 110.0)])])
    result = writer.put([values([(0, 30, 101.0), (1, 30, 110.0)])])
    assert (result.new, result.revised, result.unchanged) == (1, 1, 1)
    assert as_of(reader, 1) == [None] * 4
    assert as_of(reader, 2) == [100.0, None, None, None]
    assert as_of(reader, 29) == [100.0, 110.0, None, None]
    assert as_of(reader, 30) == [101.0, 110.0, None, None]
    truth = reader.truth("DK1", NOW, NOW + 4 * HOUR)
    assert truth["provisional"][1].tolist() == [100.0, 110.0]
    assert truth["newest"][1].tolist() == [101.0, 110.0]


def test_the_preferred_source_wins_where_it_has_a_value(writer: Writer, reader: Reader) -> None:
    writer.put([values([(0, 0, 1.0), (1, 0, 2.0)], "archive", rank=1), values([(0, 0, 5.0)], "live")])
    assert as_of(reader, 10) == [5.0, 2.0, None, None]


MESSAGES = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 6), st.sampled_from([100.0, 200.0, 300.0])), max_size=12)


@given(MESSAGES, MESSAGES)
@settings(max_examples=60)
def test_what_was_known_depends_on_what_came_not_on_the_batches(
    tmp_path_factory: pytest.TempPathFactory, a: list, b: list
) -> None:
    first = {(h, k): v for h, k, v in [*b, *a]}  # of one version only one value exists
    messages = [(h, k, v) for (h, k), v in first.items()]
    pictures = []
    in_order = [[m] for m in sorted(messages, key=lambda m: m[1])]
    for batches in ([messages], in_order, [messages[::-1], messages]):
        path = tmp_path_factory.mktemp("store") / "lastvagt.sqlite"
        writer = Writer(path)
        for batch in batches:
            writer.put([values(batch)])
        reader = Reader(path)
        pictures.append([as_of(reader, h) for h in range(12)])
        reader.close()
        writer.close()
    expected = []
    for moment in range(12):
        known = [max(((k, v) for (h, k), v in first.items() if h == hour and h + k <= moment), default=None) for hour in range(4)]
        expected.append([None if best is None else best[1] for best in known])
    assert all(picture == expected for picture in pictures)


def test_two_values_of_one_version_lose_neither(writer: Writer, reader: Reader) -> None:
    writer.put([values([(0, 2, 100.0)])])
    writer.put([values([(0, 2, 130.0)])], now=NOW + 9 * HOUR)
    assert as_of(reader, 8)[0] == 100.0
    assert as_of(reader, 9)[0] == 130.0


def test_simulated_and_real_never_share_a_database(writer: Writer) -> None:
    with pytest.raises(Expected, match="mixed"):
        writer.put([values([(0, 2, 100.0)], simulated=True)])
    with pytest.raises(Expected, match="holds real data"):
        Writer(writer.path, simulated=True)


def test_a_failed_put_leaves_nothing(writer: Writer, reader: Reader) -> None:
    with pytest.raises(ValueError, match="not a number"):
        writer.put([values([(0, 2, 100.0)]), values([(1, 2, np.nan)], "b")])
    assert reader.series() == []
    writer.put([values([(0, 2, 7.0)], "b")])
    writer.put([values([(0, 2, 5.0)])])
    assert [
        (s.source, reader.archive(NOW, NOW + HOUR, sources=[s.source]).versions[("load", "DK1", "total")].value.tolist())
        for s in reader.series()
    ] == [
        ("a", [5.0]),
        ("b", [7.0]),
    ]


def test_a_full_disk_is_named_and_mixes_nothing_up(writer: Writer, reader: Reader) -> None:
    pages = writer._db.execute("PRAGMA page_count").fetchone()[0]
    writer._db.execute(f"PRAGMA max_page_count = {pages}")
    many = values([(h, 2, float(h)) for h in range(5000)])
    with pytest.raises(Expected, match="full"):
        writer.put([many])
    writer._db.execute("PRAGMA max_page_count = 1000000")
    writer.put([values([(0, 2, 7.0)], "other")])
    writer.put([many])
    assert {s.source for s in reader.series()} == {"a", "other"}
    assert reader.archive(NOW, NOW + HOUR, sources=["a"]).versions[("load", "DK1", "total")].value.tolist() == [0.0]


def test_only_the_newest_versions_are_read_and_they_give_the_same_picture(writer: Writer, reader: Reader) -> None:
    rng = np.random.default_rng(5)
    known = sorted(rng.integers(1, 40, 30).tolist())
    for k in known:
        writer.put([values([(h, k, float(rng.integers(0, 9))) for h in range(4)])])
    for moment in range(0, 45, 3):
        everything = reader.archive(NOW, NOW + 4 * HOUR, known_until=NOW + moment * HOUR).as_of(NOW + moment * HOUR, NOW, 4)
        expected = everything.get("load", "DK1")
        assert as_of(reader, moment) == ([None] * 4 if expected is None else [None if np.isnan(v) else v for v in expected])


FANS = hnp.arrays(np.float64, st.tuples(st.integers(1, 30), st.just(13)), elements=st.floats(0, 1e6)).map(
    lambda a: np.sort(a, axis=1)
)


@given(FANS)
def test_quantiles_survive_their_coding(quantiles: np.ndarray) -> None:
    rounded = codec.quantise(quantiles, 0.0)
    np.testing.assert_array_equal(codec.decode(codec.encode(rounded)), rounded)
    assert (np.diff(rounded, axis=1) >= 0).all()
    assert np.abs(rounded - quantiles).max() <= 0.5001 * codec.quantum(quantiles.max())


@given(FANS, FANS)
def test_parts_rounded_for_their_whole_add_up_to_it(a: np.ndarray, b: np.ndarray) -> None:
    rows = min(len(a), len(b))
    largest = float(a.max() + b.max())
    whole = codec.quantise(a[:rows], largest) + codec.quantise(b[:rows], largest)
    np.testing.assert_allclose(codec.quantise(whole, largest), whole, rtol=1e-12)


NUMBERS = st.floats(0, 1e6, width=32)


BUCKETS = st.dictionaries(st.integers(0, len(LEAD_BUCKETS) - 1), NUMBERS, min_size=1)


@given(st.dictionaries(st.integers(0, 23), BUCKETS, min_size=1))
def test_scores_survive_their_coding(day: dict[int, dict[int, float]]) -> None:
    scores = {h: {b: Score(n=b + 1, observed=x, abs_error=x / 2) for b, x in hour.items()} for h, hour in day.items()}
    found = codec.decode_scores(codec.encode_scores({h: codec.score_sums(hour) for h, hour in scores.items()}))
    assert set(found) == set(day)
    for h, table in found.items():
        for bucket, row in enumerate(table):
            np.testing.assert_allclose(row, dataclasses.astuple(scores[h].get(bucket, Score())), rtol=2e-5, atol=1e-30)


def issue(issue_time: int = NOW, area: str = "DK1", tier: Tier = Tier.FULL) -> QuantileForecast:
    quantiles = codec.quantise(2600 + 300 * np.sin(np.arange(48))[:, None] + np.array(LEVELS) * 200, 0.0)
    hours = issue_time + HOUR * np.arange(1, 49)
    return QuantileForecast(area, "total", issue_time, hours, LEVELS, quantiles, tier, Reason.NONE, "m", {"x": "æøå"}, True)


def test_issues_are_kept_whole_and_once(writer: Writer, reader: Reader) -> None:
    assert writer.put_forecasts([issue(), issue(area="DK2")], NOW) == 2
    assert writer.put_forecasts([issue(tier=Tier.SEASONAL), issue(NOW + HOUR)], NOW) == 1
    newest, first = reader.forecasts("DK1")
    assert (newest.issue_time, first.issue_time) == (NOW + HOUR, NOW)
    np.testing.assert_array_equal(first.quantiles, issue().quantiles)
    assert (first.tier, first.inputs, first.ex_post, first.levels) == (Tier.FULL, {"x": "æøå"}, True, LEVELS)
    known_then = reader.forecast("DK1", as_of=NOW + 10)
    assert known_then is not None
    assert known_then.issue_time == NOW
    assert reader.forecast("DK1", as_of=NOW - 1) is None
    assert len(reader.issues()) == 3


def test_the_newest_issue_is_readable_with_plain_sql(writer: Writer) -> None:
    writer.put_forecasts([issue(NOW + HOUR)], NOW)
    writer.put_forecasts([issue(NOW)], NOW)  # arrives late: older than what is published
    with sqlite3.connect(writer.path) as db:
        rows = db.execute("SELECT issue_time, p05, p50, p95 FROM forecast_latest ORDER BY valid_time").fetchall()
    db.close()
    assert len(rows) == 49
    assert [r[0] for r in rows] == [NOW] + [NOW + HOUR] * 48
    assert all(low < middle < high for _, low, middle, high in rows)


def test_a_damaged_issue_is_not_shown(writer: Writer, reader: Reader) -> None:
    writer.put_forecasts([issue()], NOW)
    with sqlite3.connect(writer.path) as db:
        blob = bytearray(db.execute("SELECT quantiles FROM forecast_run").fetchall()[0][0])
        blob[-1] ^= 1
        db.execute("UPDATE forecast_run SET quantiles=?", (bytes(blob),))
    db.close()
    assert reader.forecast("DK1") is None
    writer.put_forecasts([issue(NOW - HOUR)], NOW)
    served = reader.forecast("DK1")
    assert served is not None
    assert served.issue_time == NOW - HOUR


def test_scores_group_by_danish_hour_and_add_up(writer: Writer, reader: Reader) -> None:
    rows = [
        ScoreRow("DK1", "total", "provisional", NOW + HOUR * h, bucket, Score(n=2, observed=200.0, abs_error=float(h)))
        for h in range(48)
        for bucket in (0, 1, 3)
    ]
    writer.put_scores(rows)
    writer.put_scores([ScoreRow("DK1", "total", "provisional", NOW, 1, Score(n=99))])  # scored already
    assert reader.scorebook.newest(Consumer("DK1"), "provisional") == NOW + 47 * HOUR
    assert reader.scores("DK1")[0] == Score(n=192, observed=19200.0, abs_error=2.0 * sum(range(48)))
    by_hour = reader.scores("DK1", by="hour")
    assert set(by_hour) == set(range(24))
    assert {s.n for s in by_hour.values()} == {8}
    assert set(reader.scores("DK1", by="lead_bucket")) == {1, 3}
    assert reader.scores("DK1", truth="settled") == {}
    assert reader.scorebook.loads(Consumer("DK1"), "provisional", NOW) == dict.fromkeys(range(NOW, NOW + 48 * HOUR, HOUR), 100.0)
    with pytest.raises(Expected, match="cannot be grouped"):
        reader.scores("DK1", by="moon")


def test_a_renewed_score_replaces_its_hour_alone(writer: Writer, reader: Reader) -> None:
    def row(hour: int, n: int) -> ScoreRow:
        return ScoreRow("DK1", "total", "settlement", NOW + hour * HOUR, 1, Score(n=n))

    writer.put_scores([row(0, 1), row(1, 1)])
    writer.put_scores([row(1, 5), row(2, 1)], renew=True)
    found = [reader.scores("DK1", "all", NOW + h * HOUR, NOW + (h + 1) * HOUR, "settlement")[0].n for h in range(3)]
    assert found == [1, 5, 1]


def test_scores_of_an_older_database_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "lastvagt.sqlite"
    sums = {
        hour: codec.score_sums({bucket: Score(n=hour + bucket + 1, abs_error=2.5) for bucket in (0, 3)}) for hour in range(30)
    }
    with sqlite3.connect(path) as db:
        for migration in schema.MIGRATIONS[:3]:
            migration(db)
        db.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        db.execute("PRAGMA user_version = 3")
        rows = [("DK1", "total", "settled", NOW + h * HOUR, zlib.compress(x.T.astype("<f4").tobytes())) for h, x in sums.items()]
        db.executemany("INSERT INTO score VALUES(?,?,?,?,?)", rows)
    db.close()
    Writer(path).close()
    reader = Reader(path)
    hours, found = reader.scorebook.sums(Consumer("DK1"), "settled", 0, FOREVER)
    reader.close()
    assert hours.tolist() == [NOW + h * HOUR for h in range(30)]
    np.testing.assert_array_equal(found, np.stack(list(sums.values())))


def test_events_open_once_and_close(writer: Writer, reader: Reader) -> None:
    writer.open_event("source", "x", "It is down.", "Wait.", NOW)
    writer.open_event("source", "x", "It is still down.", "Wait.", NOW + 60)
    (event,) = reader.events()
    assert (event.problem, event.since, event.until) == ("It is still down.", NOW, None)
    writer.close_event("source", "x", NOW + 120)
    assert reader.events() == []
    assert reader.events(open_only=False)[0].until == NOW + 120


def test_a_change_is_seen_and_job_runs_are_kept(writer: Writer, reader: Reader) -> None:
    before = reader.data_version()
    writer.put_job_run(JobRun("score", NOW, NOW + 1, "ok", detail={"rows": 3}))
    assert reader.data_version() != before
    assert reader.job_runs("score")[0].detail == {"rows": 3}


def test_retention_drops_what_the_settings_say(writer: Writer, reader: Reader) -> None:
    writer.put_forecasts([issue(NOW - 100 * 24 * HOUR), issue(NOW)], NOW)
    writer.prune(NOW, keep_forecasts_days=0, keep_drafts_days=47)
    assert len(reader.issues()) == 2
    assert writer.prune(NOW, keep_forecasts_days=30, keep_drafts_days=47)["forecast_run"] == 1
    assert len(reader.issues()) == 1


def test_of_old_hourly_issues_the_one_of_ten_o_clock_is_kept(writer: Writer, reader: Reader) -> None:
    end = clock.local_midnight(dt.date(2026, 10, 27))
    hourly = np.arange(clock.local_midnight(dt.date(2026, 10, 23)), end, HOUR).tolist()  # the 25th has 25 hours
    evening = [clock.local_time(dt.date(2026, 10, day), 20, 5) for day in (23, 24, 25, 26)]
    writer.put_forecasts([issue(t) for t in hourly] + [issue(t, "DK2") for t in evening], NOW)
    assert writer.thin_forecasts(end - 12 * HOUR) == 23 + 23 + 24
    kept = [made.issue_time for made in reader.issues("DK1")]
    assert kept[-3:] == [clock.local_time(dt.date(2026, 10, day), 10) for day in (25, 24, 23)]
    assert kept[:-3] == hourly[-24:][::-1], "a day is thinned when it is whole"
    assert [made.issue_time for made in reader.issues("DK2")] == evening[::-1], "one a day is what there was"
    assert writer.thin_forecasts(end - 12 * HOUR) == 0
    assert writer.thin_forecasts(end) == 23


def test_hours_long_gone_leave_the_table_of_newest_forecasts(writer: Writer) -> None:
    writer.put_forecasts([issue(NOW - 40 * 24 * HOUR), issue(NOW)], NOW)
    assert writer.prune(NOW, keep_forecasts_days=0, keep_drafts_days=47, keep_latest_days=30)["forecast_latest"] == 48


def test_a_newer_or_foreign_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    newer, foreign = tmp_path / "newer.sqlite", tmp_path / "foreign.sqlite"
    Writer(newer).close()
    with sqlite3.connect(newer) as db:
        db.execute(f"PRAGMA user_version = {len(schema.MIGRATIONS) + 1}")
    db.close()
    with sqlite3.connect(foreign) as db:
        db.execute("CREATE TABLE t(x)")
    db.close()
    for path, words in ((newer, "newer Lastvagt"), (foreign, "not a Lastvagt database")):
        before = path.read_bytes()
        for opened in (Writer, Reader):
            with pytest.raises(Expected, match=words):
                opened(path)
        assert path.read_bytes() == before


def test_a_file_of_an_earlier_version_is_not_read_until_an_engine_has_brought_it_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "lastvagt.sqlite"
    with sqlite3.connect(path) as db:
        schema.MIGRATIONS[0](db)
        db.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        db.execute("PRAGMA user_version = 1")
    db.close()
    with pytest.raises(Expected, match="earlier Lastvagt") as told:
        Reader(path)
    assert "lastvagt-engine run" in told.value.remedy
    Writer(path).close()
    Reader(path).close()


def test_a_missing_or_broken_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(Expected, match="no database"):
        Reader(tmp_path / "none.sqlite")
    broken = tmp_path / "broken.sqlite"
    broken.write_bytes(b"not a database at all" * 500)
    with pytest.raises(Expected, match=r"broken\.sqlite"):
        Writer(broken)


def test_a_forecast_whose_last_hour_did_not_change_is_still_current(writer: Writer, reader: Reader) -> None:
    writer.put([values([(0, -5, 1.0), (1, -6, 2.0)])])
    writer.put([values([(0, -2, 1.5), (1, -3, 2.0)])])
    assert reader.series()[0].newest_available == NOW - 2 * HOUR
