"""What a forecast would be if the weather, the calendar or the load were different."""

from collections.abc import Iterator

import issued_store
import numpy as np
import pytest
from issued_store import HOUSEHOLDS, NOW, bundle_of

from engine import clock, whatif
from engine.adjusting import Act, Adjustment
from engine.domain import DAY, HOUR, LEVELS, MEDIAN, Consumer, Expected, Tier
from engine.queries import Senseless
from engine.store import Reader, Writer
from engine.tables import Table
from engine.whatif import Change

DK, DK1, REGION = Consumer("DK"), Consumer("DK1"), Consumer("1082")
THURSDAY = int(clock.local_day_hour(np.array([NOW + 2 * DAY]))[0][0])


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    made = issued_store.fill(tmp_path_factory.mktemp("whatif") / "lastvagt.sqlite", late=True)
    yield made
    made.close()


def quantiles(table: Table) -> np.ndarray:
    return np.array([row[2:] for row in table.rows])


def moved(reader: Reader, of: Consumer, change: Change) -> tuple[np.ndarray, np.ndarray]:
    """Hours, and by how much the median of each moves."""
    table = whatif.imagine(reader, bundle_of, of, NOW, change)
    times = np.array([clock.parse_utc(str(row[0])) for row in table.rows])
    return times, quantiles(table)[:, MEDIAN] - np.array([row[1] for row in table.rows])


@pytest.mark.parametrize("of", [DK, DK1, HOUSEHOLDS, REGION], ids=str)
def test_without_a_change_nothing_moves(reader, of):
    table = whatif.imagine(reader, bundle_of, of, NOW, Change())
    issue = reader.forecast(of.area, consumer_type=of.consumer_type)
    assert np.allclose(quantiles(table), issue.quantiles, atol=1e-5)
    assert table.head["official"] is False
    assert table.head["answers_to"] == ["calendar", "temperature", "wind"]


@pytest.mark.parametrize("of", [DK, DK1, HOUSEHOLDS, REGION], ids=str)
def test_colder_weather_takes_more_and_bands_stay_in_order(reader, of):
    times, more = moved(reader, of, Change(temperature_k=-8.0))
    assert more[times > NOW + 12 * HOUR].mean() > 0
    assert np.allclose(more[times <= NOW], 0, atol=1e-6)
    assert np.all(np.diff(quantiles(whatif.imagine(reader, bundle_of, of, NOW, Change(temperature_k=-8.0))), axis=1) >= 0)


def test_the_parts_of_a_whole_move_it(reader):
    change = Change(wind_ms=6.0)
    whole, *parts = (moved(reader, Consumer(area), change)[1] for area in ("DK", "DK1", "DK2"))
    assert np.allclose(whole, sum(parts), atol=1e-5)


@pytest.mark.parametrize("of", [DK1, HOUSEHOLDS], ids=str)
def test_a_day_off_is_like_a_sunday_and_the_days_far_from_it_stay(reader, of):
    times, more = moved(reader, of, Change(free=frozenset([THURSDAY])))
    days = clock.local_day_hour(times)[0]
    assert more[days == THURSDAY].mean() < 0
    assert np.allclose(more[abs(days - THURSDAY) > 2], 0, atol=1e-6)


def test_a_working_day_instead_of_christmas(tmp_path, monkeypatch):
    monkeypatch.setattr(issued_store, "NOW", clock.parse_utc("2026-12-23T10:00Z"))
    reader = issued_store.fill(tmp_path / "lastvagt.sqlite", [issued_store.NOW], days=60)
    christmas = (clock.local(issued_store.NOW).date() - clock.EPOCH).days + 2
    times, more = moved(reader, DK1, Change(working=frozenset([christmas])))
    days = clock.local_day_hour(times)[0]
    assert more[days == christmas].mean() > 50
    assert np.allclose(more[days < christmas - 1], 0, atol=1e-6)
    reader.close()


def test_extra_load_is_added_in_its_hours_to_every_level(reader):
    change = Change(extra_mwh=120.0, start=NOW + 5 * HOUR, end=NOW + 8 * HOUR)
    times, more = moved(reader, DK, change)
    inside = (times >= change.start) & (times < change.end)
    assert np.allclose(more[inside], 120)
    assert np.allclose(more[~inside], 0, atol=1e-6)
    levels = quantiles(whatif.imagine(reader, bundle_of, DK, NOW, change))[inside]
    kept = reader.forecast("DK")
    assert np.allclose(levels - kept.quantiles[np.isin(kept.valid_time, times[inside])], 120, atol=1e-5)
    assert levels.shape == (3, len(LEVELS))


def test_load_taken_away_leaves_nothing_below_zero(reader):
    change = Change(extra_mwh=-9000.0, start=NOW, end=NOW + DAY)
    assert quantiles(whatif.imagine(reader, bundle_of, DK1, NOW, change)).min() == 0.0


def test_a_seasonal_issue_answers_to_extra_load_alone(tmp_path):
    reader = issued_store.fill(tmp_path / "lastvagt.sqlite", tiers=(), days=20)
    assert reader.forecast("DK").tier is Tier.SEASONAL
    table = whatif.imagine(reader, bundle_of, DK, NOW, Change(temperature_k=-8.0))
    assert table.head["answers_to"] == []
    assert np.allclose(quantiles(table), reader.forecast("DK").quantiles, atol=1e-5)
    reader.close()


def test_what_a_query_asks_for():
    query = dict.fromkeys(("free", "working", "start", "end")) | {"temperature_k": -2.0, "wind_ms": 0.0, "extra_mwh": 0.0}
    assert whatif.change_of(query) == Change(temperature_k=-2.0)
    days = whatif.change_of(query | {"free": "2026-11-26", "working": "2026-12-24,2026-12-25"})
    assert (len(days.free), len(days.working)) == (1, 2)
    assert days.free == {THURSDAY}
    for senseless in (
        {"free": "2026-11-26", "working": "2026-11-26"},
        {"free": "2026-02-30"},
        {"extra_mwh": 5.0},
        {"extra_mwh": 5.0, "start": "2026-11-26T10:00Z", "end": "2026-11-26T10:00Z"},
    ):
        with pytest.raises(Senseless):
            whatif.change_of(query | senseless)


def test_a_change_without_an_answer_is_refused(reader, monkeypatch):
    monkeypatch.setattr(whatif, "plausible", lambda quantiles, _: np.zeros(len(quantiles), bool))
    with pytest.raises(Expected, match="no plausible answer"):
        whatif.imagine(reader, bundle_of, DK1, NOW, Change(temperature_k=20.0))


def test_what_operators_decided_stays(tmp_path):
    path = tmp_path / "lastvagt.sqlite"
    reader = issued_store.fill(path)
    writer = Writer(path)
    end = NOW + 6 * HOUR
    writer.decisions.put_adjustment(
        Adjustment(0, DK1, Act.MULTIPLY, 1.1, NOW + HOUR, end, NOW + 60, end, "kmj", "a plant starts")
    )
    writer.close()
    table = whatif.imagine(reader, bundle_of, DK1, NOW + 60, Change())
    untouched = reader.forecast("DK1")
    ratio = quantiles(table)[:, MEDIAN] / untouched.median
    adjusted = (untouched.valid_time > NOW) & (untouched.valid_time < end)
    assert np.allclose(ratio, np.where(adjusted, 1.1, 1.0))
    assert np.allclose(quantiles(table)[:, MEDIAN], [row[1] for row in table.rows])
    reader.close()


@pytest.mark.parametrize("now", ["2026-10-24T09:00Z", "2026-03-28T09:00Z"])
def test_the_day_of_a_clock_change_can_be_another_kind_of_day(tmp_path, monkeypatch, now):
    monkeypatch.setattr(issued_store, "NOW", clock.parse_utc(now))
    reader = issued_store.fill(tmp_path / "lastvagt.sqlite", [issued_store.NOW])
    sunday = (clock.local(issued_store.NOW).date() - clock.EPOCH).days + 1
    times, more = moved(reader, DK1, Change(free=frozenset([sunday])))
    days = clock.local_day_hour(times)[0]
    assert np.count_nonzero(days == sunday) in (23, 25)
    assert np.isfinite(more).all()
    assert np.allclose(more[days < sunday - 1], 0, atol=1e-6)
    reader.close()
