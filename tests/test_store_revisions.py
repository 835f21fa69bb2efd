import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain import DAY, HOUR, Flag, Observations, Series
from engine.store import Reader, Writer

LOAD = Series("load", "DK1", "energidataservice")
NOW = 1_700_000_000 // HOUR * HOUR


def rows(valid, available, value, flag=Flag.PLAIN, series=LOAD):
    valid = np.atleast_1d(np.asarray(valid, np.int64))
    full = np.broadcast_to
    return Observations(
        series,
        valid,
        full(np.asarray(available, np.int64), valid.shape),
        full(np.asarray(value, np.float64), valid.shape),
        np.full(len(valid), flag, np.uint8),
    )


@pytest.fixture
def store(tmp_path):
    writer = Writer(tmp_path / "lastvagt.sqlite")
    reader = Reader(tmp_path / "lastvagt.sqlite")
    yield writer, reader
    reader.close()
    writer.close()


def versions(reader, key=("load", "DK1", "total")):
    found = reader.archive(0, 1 << 40).versions[key]
    return list(zip(found.valid_time, found.available_at, found.value, found.flags, strict=True))


def test_a_backfilled_hour_keeps_its_nominal_lag_and_its_revision_becomes_known_when_it_is_seen(store):
    writer, reader = store
    hour = NOW - 30 * DAY
    writer.put([rows(hour, hour + 2 * HOUR, 100.0, Flag.NOMINAL)], now=NOW)
    assert writer.put([rows(hour, hour + 2 * HOUR, 101.0, Flag.NOMINAL)], now=NOW + 60).revised == 1
    again = writer.put([rows(hour, hour + 2 * HOUR, 101.0, Flag.NOMINAL)], now=NOW + 120)
    assert (again.new, again.unchanged) == (0, 1)
    assert versions(reader) == [(hour, hour + 2 * HOUR, 100.0, Flag.NOMINAL), (hour, NOW + 60, 101.0, Flag.PLAIN)]


def test_a_backfill_over_hours_that_were_seen_arriving_adds_no_earlier_knowledge(store):
    writer, reader = store
    hour = NOW - 3 * DAY
    writer.put([rows(hour, hour + 5 * HOUR, 100.0)], now=hour + 5 * HOUR)
    assert writer.put([rows(hour, hour + 2 * HOUR, 100.0, Flag.NOMINAL)], now=NOW).new == 0
    writer.put([rows(hour, hour + 2 * HOUR, 102.0, Flag.NOMINAL | Flag.SETTLED)], now=NOW)
    assert versions(reader)[1:] == [(hour, NOW, 102.0, Flag.SETTLED)]


def test_a_measured_row_equal_to_a_backfilled_one_is_no_revision(store):
    writer, _ = store
    hour = NOW - 3 * DAY
    writer.put([rows(hour, hour + 2 * HOUR, 100.0, Flag.NOMINAL)], now=NOW)
    assert writer.put([rows(hour, NOW, 100.0)], now=NOW).new == 0
    assert writer.put([rows(hour, NOW, 100.0, Flag.SETTLED)], now=NOW).revised == 1


def test_earlier_forecasts_of_one_hour_stand_side_by_side_and_stay_as_first_stored(store):
    writer, reader = store
    series = Series("temperature", "DK1", "open-meteo-previous-runs")
    hour = NOW - 3 * DAY
    days = np.arange(7, 0, -1)
    batch = rows(np.full(7, hour), hour - days * DAY, days / 10, Flag.NOMINAL, series)
    assert writer.put([batch], now=NOW).new == 7
    assert writer.put([batch], now=NOW + 60).new == 0
    changed = rows(np.full(7, hour), hour - days * DAY, days / 10 + 1, Flag.NOMINAL, series)
    assert writer.put([changed], now=NOW + 60).new == 0
    assert len(versions(reader, ("temperature", "DK1", "total"))) == 7


def test_of_two_values_for_one_version_the_last_counts_and_importing_again_changes_nothing(store):
    writer, reader = store
    batch = rows([NOW, NOW], NOW + HOUR, [1.0, 2.0])
    assert writer.put([batch], now=NOW + HOUR).new == 1
    assert writer.put([batch], now=NOW + 2 * HOUR).new == 0
    assert [v[2] for v in versions(reader)] == [2.0]


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from([0, 1, 2]), st.sampled_from([Flag.PLAIN, Flag.NOMINAL, Flag.SETTLED])),
        min_size=1,
        max_size=12,
    )
)
def test_putting_the_same_again_changes_nothing(tmp_path_factory, messages):
    writer = Writer(tmp_path_factory.mktemp("store") / "lastvagt.sqlite")
    try:
        for step, (hour, value, flag) in enumerate(messages):
            valid, now = NOW + hour * HOUR, NOW + 10 * HOUR + step * 60
            batch = rows(valid, valid + 2 * HOUR if flag & Flag.NOMINAL else now, float(value), flag)
            writer.put([batch], now=now)
            assert writer.put([batch], now=now + 1).new == 0
    finally:
        writer.close()
