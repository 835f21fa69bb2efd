"""Why a forecast is what it is, and why it is not what the issue before said."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import issued_store
import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from issued_store import HOUSEHOLDS, NOW, bundle_of

from engine import answers, clock, explaining, features, geography, pooled, whatif
from engine.__main__ import main
from engine.adjusting import Act, Adjustment
from engine.domain import DAY, HOUR, Cause, Consumer, Expected, Part, Tier
from engine.forecaster import Forecaster
from engine.store import Reader, Writer
from engine.tables import Missing, Table
from engine.whatif import Change

DK, DK1, REGION = Consumer("DK"), Consumer("DK1"), Consumer("1082")
HOUR_AHEAD = NOW + 20 * HOUR


@pytest.fixture(scope="module")
def late(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    reader = issued_store.fill(tmp_path_factory.mktemp("late") / "lastvagt.sqlite", (NOW - DAY, NOW), late=True)
    yield reader
    reader.close()


def columns(table: Table) -> dict[str, np.ndarray]:
    return {name: np.array([row[i] for row in table.rows]) for i, name in enumerate(table.columns)}


def adds_up(table: Table, first: str, parts: type[Part] | type[Cause]) -> bool:
    found = columns(table)
    start = found[first] if first == "before" else 0.0
    total = start + np.nansum([found[part] for part in parts], axis=0)
    return np.allclose(total, found["published"], rtol=1e-6, atol=0)


@pytest.mark.parametrize("of", [DK1, DK, HOUSEHOLDS, REGION], ids=str)
@pytest.mark.parametrize("hour", [None, HOUR_AHEAD])
def test_parts_add_up_to_what_was_published(late, of, hour):
    table = explaining.explain(late, bundle_of, of, NOW, hour)
    issue = late.forecast(of.area, consumer_type=of.consumer_type)
    assert adds_up(table, "usual", Part)
    assert len(table.rows) == (len(issue.valid_time) if hour is None else 1)
    if hour is None:
        assert columns(table)["published"].tolist() == issue.median.tolist()
    assert table.head["remade"] is (True if geography.measure(of) is geography.Measure.GROSS else None)
    assert np.isfinite(columns(table)["around"]).all() == (of in (HOUSEHOLDS, REGION))


@pytest.mark.parametrize("of", [DK1, DK, HOUSEHOLDS, REGION], ids=str)
def test_causes_add_up_to_the_change(late, of):
    table = explaining.changes(late, bundle_of, of, NOW)
    assert adds_up(table, "before", Cause)
    assert len(table.rows) > 40
    assert np.all(columns(table)["model"] == 0)


def test_a_whole_is_explained_by_its_parts(late):
    whole, *parts = (columns(explaining.explain(late, bundle_of, Consumer(area), NOW)) for area in ("DK", "DK1", "DK2"))
    for part in (Part.USUAL, Part.LOAD, Part.TEMPERATURE, Part.WIND):
        assert np.allclose(whole[part], sum(each[part] for each in parts), atol=1e-5)


def test_every_input_of_a_model_is_in_a_group_or_says_which_hour_it_is():
    left = {name for name in (*features.names(), *pooled.names()) if explaining.group_of(name) is None}
    hours = {name for name in left if name.startswith(("weekday", "sin", "cos"))}
    others = {"hour", "lead_h", "east", "load_lag_h", "sunday", "base_mwh", "age_d", "noise"}
    outside = {name for name in left if name.startswith(("solar", "wind_power", "price"))}  # no bundle's inputs
    assert left == hours | others | outside
    assert explaining.group_of("sunday_if_free") is Part.CALENDAR
    assert explaining.group_of("sun_anomaly") is Part.LIGHT
    assert explaining.group_of("same_hour_unusual") is Part.CALENDAR


def test_a_free_day_is_told_by_the_calendar_and_an_ordinary_day_is_not(late, tmp_path, monkeypatch):
    assert np.all(columns(explaining.explain(late, bundle_of, DK1, NOW))["calendar"] == 0)
    monkeypatch.setattr(issued_store, "NOW", clock.parse_utc("2026-12-22T10:00Z"))
    reader = issued_store.fill(tmp_path / "lastvagt.sqlite", [issued_store.NOW])
    found = columns(explaining.explain(reader, bundle_of, DK1, NOW))
    christmas = np.array([str(t).startswith("2026-12-25") for t in found["valid_time"]])
    assert found["calendar"][christmas].mean() < -50
    reader.close()


@settings(max_examples=5)
@given(
    seed=st.integers(0, 99),
    back_h=st.integers(1, 30),
    warmer=st.sampled_from([-4.0, 0.0, 3.0]),
    of=st.sampled_from([DK, DK1]),
)
def test_whatever_became_known_splits_are_exact(seed, back_h, warmer, of):
    with TemporaryDirectory() as folder:
        runs = [(NOW - 30 * 60, warmer)] if warmer else []
        times = (NOW - back_h * HOUR, NOW)
        reader = issued_store.fill(Path(folder) / "lastvagt.sqlite", times, seed, runs)
        try:
            table = explaining.changes(reader, bundle_of, of, NOW)
            assert adds_up(table, "before", Cause)
            assert adds_up(explaining.explain(reader, bundle_of, of, NOW), "usual", Part)
            assert bool(np.any(columns(table)["weather"] != 0)) == bool(warmer)
            assert table.head["before"]["issue_time"] != table.head["issue_time"]
        finally:
            reader.close()


def test_new_weather_moves_the_forecast_by_weather(tmp_path):
    reader = issued_store.fill(tmp_path / "lastvagt.sqlite", weather_runs=[(NOW - 60, -8.0)])
    found = columns(explaining.changes(reader, bundle_of, DK1, NOW))
    colder = found["weather"][48:]
    assert colder.mean() > 20
    assert np.abs(colder).mean() > 3 * np.abs(found["load"][48:]).mean()
    reader.close()


def test_what_was_learned_alone_is_told_as_learned(tmp_path):
    path = tmp_path / "lastvagt.sqlite"
    reader = issued_store.fill(path, issue_times=[NOW])
    issue = reader.forecast("DK1")
    writer = Writer(path)
    writer.put_forecasts([dataclasses.replace(issue, issue_time=NOW + 60, quantiles=issue.quantiles + 25)], NOW + 60)
    writer.close()
    found = columns(explaining.changes(reader, bundle_of, DK1, NOW))
    assert np.allclose(found["learned"] + found["time"], 25, atol=1e-5)
    assert np.abs(found["time"]).max() < 15
    assert np.all(found["load"] == 0)
    assert np.all(found["weather"] == 0)
    reader.close()


def test_another_model_is_told_as_the_model(tmp_path):
    path = tmp_path / "lastvagt.sqlite"
    issued_store.fill(path, issue_times=[NOW - HOUR], tiers=(Tier.NO_WEATHER,)).close()
    reader = Reader(path)
    writer = Writer(path)
    issued_store.issue(writer, reader, Forecaster([issued_store.bundle(Tier.FULL)]), NOW)
    writer.close()
    table = explaining.changes(reader, bundle_of, DK, NOW)
    assert adds_up(table, "before", Cause)
    assert np.any(np.abs(columns(table)["model"]) > 1)
    assert table.head["tier"] == "full"
    assert table.head["before"]["tier"] == "no_weather"
    no_weather = columns(explaining.explain(reader, bundle_of, DK1, NOW, issue_time=NOW - HOUR))
    assert np.isnan(no_weather["temperature"]).all()
    assert np.isfinite(no_weather["light"]).all()
    reader.close()


def test_seasonal_issues_are_their_profile_and_the_level_of_the_last_days(tmp_path):
    reader = issued_store.fill(tmp_path / "lastvagt.sqlite", tiers=(), days=20)
    assert reader.forecast("DK1").tier is Tier.SEASONAL
    table = explaining.explain(reader, bundle_of, DK, NOW)
    found = columns(table)
    assert adds_up(table, "usual", Part)
    assert np.isnan(found["temperature"]).all()
    assert np.abs(found["load"][-1]) < np.abs(found["load"][0])
    assert adds_up(explaining.changes(reader, bundle_of, DK, NOW), "before", Cause)
    reader.close()


def test_inputs_that_changed_afterwards_are_told(tmp_path):
    path = tmp_path / "lastvagt.sqlite"
    reader = issued_store.fill(path, issue_times=[NOW])
    issue = reader.forecast("DK1")
    writer = Writer(path)
    draft = reader.forecasts("DK1", limit=1, drafts=True)[0].draft
    writer.put_forecasts(
        [dataclasses.replace(issue, issue_time=NOW + 1, draft=dataclasses.replace(draft, medians=draft.medians + 30))], NOW + 1
    )
    writer.close()
    assert explaining.explain(reader, bundle_of, DK1, NOW).head["remade"] is False
    reader.close()


def test_what_cannot_be_told_is_refused(late):
    with pytest.raises(Missing, match="does not forecast"):
        explaining.explain(late, bundle_of, DK1, NOW, NOW + 30 * DAY)
    with pytest.raises(Missing, match="No forecast"):
        explaining.explain(late, bundle_of, DK1, NOW, issue_time=NOW - 9 * DAY)
    with pytest.raises(Missing, match="No forecast"):
        explaining.changes(late, bundle_of, DK1, NOW, issue_time=NOW - HOUR)

    def gone(model_id: str) -> object:
        raise Expected(f"The model bundle {model_id} is gone.", "")

    with pytest.raises(Expected, match="gone"):
        explaining.explain(late, gone, DK1, NOW)


def test_what_operators_decided_is_told_by_itself(tmp_path):
    path = tmp_path / "lastvagt.sqlite"
    reader = issued_store.fill(path)
    made_at, start, end = NOW + 60, NOW + 4 * HOUR, NOW + 6 * HOUR
    writer = Writer(path)
    wanted = Adjustment(0, DK1, Act.ADD, 80.0, start, end, made_at, end, "kmj", "a plant starts")
    writer.decisions.put_adjustment(wanted)
    writer.close()
    for of in (DK, DK1):
        before, after = (explaining.explain(reader, bundle_of, of, now) for now in (NOW, NOW + HOUR))
        assert np.all(columns(before)["adjusted"] == 0)
        assert adds_up(after, "usual", Part)
        mine = [start <= clock.parse_utc(str(row[0])) < end for row in after.rows]
        assert np.allclose(columns(after)["adjusted"], np.where(mine, 80.0, 0.0))
        since = explaining.changes(reader, bundle_of, of, NOW + HOUR)
        assert adds_up(since, "before", Cause)
        assert columns(since)["adjusted"].sum() == 160.0
        same = explaining.changes(reader, bundle_of, of, NOW)
        assert np.all(columns(same)["adjusted"] == 0)
    reader.close()


@pytest.mark.parametrize("now", ["2026-10-24T08:00Z", "2026-03-28T09:00Z"])
def test_days_of_23_and_25_hours_and_holes_in_the_load_are_explained(tmp_path, monkeypatch, now):
    monkeypatch.setattr(issued_store, "NOW", clock.parse_utc(now))
    times = (issued_store.NOW - DAY, issued_store.NOW)
    reader = issued_store.fill(tmp_path / "lastvagt.sqlite", times, late=True, gap_h=(400, 340))
    for of in (DK, HOUSEHOLDS):
        assert adds_up(explaining.explain(reader, bundle_of, of, issued_store.NOW), "usual", Part)
        assert adds_up(explaining.changes(reader, bundle_of, of, issued_store.NOW), "before", Cause)
    reader.close()


def test_an_empty_store_has_nothing_to_explain(reader):
    with pytest.raises(Missing, match="No forecast"):
        explaining.explain(reader, bundle_of, DK1, NOW)


@pytest.mark.parametrize("of", [DK, HOUSEHOLDS], ids=str)
def test_answers_keep_the_contract(late, of):
    for table, schema in (
        (explaining.explain(late, bundle_of, of, NOW), answers.EXPLANATION),
        (explaining.changes(late, bundle_of, of, NOW), answers.CHANGES),
        (whatif.imagine(late, bundle_of, of, NOW, Change(temperature_k=-2.0)), answers.WHAT_IF),
    ):
        jsonschema.validate(table.document(), schema)


def test_the_command_line_explains(late, capsys):
    of = ["explain", "--data-dir", str(late.path.parent), "--area", "DK1", "--hour", clock.iso(HOUR_AHEAD)]
    assert main(of) == 0
    told = capsys.readouterr().out
    assert "usual" in told
    assert "around" not in told
    assert main([*of, "--changes", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["before"]["issue_time"] == clock.iso(NOW - DAY)
    assert main([*of, "--before", "2020-01-01", "--changes"]) == 4
    assert "No forecast" in capsys.readouterr().err
