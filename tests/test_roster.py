"""What the store keeps of bundles: roles, shadow issues, days compared; and how older databases come to hold them."""

from __future__ import annotations

import dataclasses
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from engine.calibration import Calibration
from engine.domain import DAY, HOUR, LEVELS, Draft, Expected, QuantileForecast, Reason, Tier
from engine.store import Reader, Writer, codec, schema
from engine.store.roster import BundleState, DayLoss, RoleChange

NOW = 1_795_000_000 // DAY * DAY


def shadow(issue_time: int = NOW, model_id: str = "new", area: str = "DK1") -> QuantileForecast:
    quantiles = codec.quantise(2600 + 300 * np.sin(np.arange(48))[:, None] + np.array(LEVELS) * 200, 0.0)
    draft = Draft(
        ("model", "trees"), quantiles[:, [6, 7]], ("wind",), np.round(np.linspace(-1, 1, 48), 3)[:, None], np.zeros((48, 2))
    )
    hours = issue_time + HOUR * np.arange(1, 49)
    return QuantileForecast(area, "total", issue_time, hours, LEVELS, quantiles, Tier.FULL, Reason.NONE, model_id, draft=draft)


def change(at: int, to_id: str) -> RoleChange:
    return RoleChange(at, Tier.FULL, "promote", "old", to_id, "me", "It is better, says æøå.")


def test_shadow_issues_come_back_whole_and_are_published_nowhere(writer: Writer, reader: Reader) -> None:
    given = shadow()
    assert given.draft is not None
    learned = {("DK1", "total", "new"): Calibration.start(given.draft)}
    writer.roster.put_shadows([given, shadow(model_id="other"), shadow(NOW + HOUR)], learned, NOW)
    writer.roster.put_shadows([dataclasses.replace(given, quantiles=given.quantiles + 1)], {}, NOW)  # there already
    newest, first, _other = reader.roster.shadows("DK1", NOW, NOW + DAY)
    assert (newest.issue_time, first.issue_time, first.model_id, first.tier) == (NOW + HOUR, NOW, "new", Tier.FULL)
    np.testing.assert_array_equal(first.quantiles, given.quantiles)
    np.testing.assert_array_equal(first.valid_time, given.valid_time)
    assert first.draft is not None
    np.testing.assert_array_equal(first.draft.medians, given.draft.medians)
    np.testing.assert_allclose(first.draft.inputs, given.draft.inputs)
    assert set(reader.calibrations()) == {("DK1", "total", "new")}
    assert [s.issue_time for s in reader.roster.shadows("DK1", 0, NOW + DAY, every_s=2 * HOUR)] == [NOW, NOW]
    assert reader.issues() == []
    assert reader.forecast("DK1") is None
    with sqlite3.connect(writer.path) as db:
        assert db.execute("SELECT count(*) FROM forecast_latest").fetchone() == (0,)
    db.close()


def test_a_damaged_shadow_issue_is_left_out(writer: Writer, reader: Reader) -> None:
    writer.roster.put_shadows([shadow(), shadow(model_id="other")], {}, NOW)
    with sqlite3.connect(writer.path) as db:
        db.execute("UPDATE shadow_run SET numbers = substr(numbers, 2) WHERE model_id='new'")
    db.close()
    assert [s.model_id for s in reader.roster.shadows("DK1", 0, NOW + DAY)] == ["other"]


def test_shadow_issues_and_only_they_are_let_go_when_drafts_are(writer: Writer, reader: Reader) -> None:
    writer.roster.put_shadows([shadow(NOW - 50 * DAY), shadow()], {}, NOW)
    writer.roster.put_losses("old", "new", [DayLoss(1, 2304, 4.0, 3.9, 3.0, 2.9)])
    assert writer.prune(NOW, keep_forecasts_days=0, keep_drafts_days=47)["shadow_run"] == 1
    assert len(reader.roster.shadows("DK1", 0, NOW + DAY)) == 1
    assert len(reader.roster.losses("old", "new")) == 1


def test_a_day_is_compared_once(writer: Writer, reader: Reader) -> None:
    days = [DayLoss(20_001, 2304, 4.0, 3.9, 3.0, 2.9), DayLoss(20_000, 2300, 4.1, 3.8, 3.1, 2.8)]
    writer.roster.put_losses("old", "new", days)
    writer.roster.put_losses("old", "new", [dataclasses.replace(days[0], pairs=1)])
    assert reader.roster.losses("old", "new") == days[::-1]
    assert reader.roster.losses("new", "old") == []


def test_a_change_of_roles_is_one_transaction_with_the_proposal_it_answers(writer: Writer, reader: Reader) -> None:
    writer.open_event("proposal", "full", "Promote it.", "Promote it.", NOW)
    writer.open_event("proposal", "late", "Promote that.", "Promote that.", NOW)
    with pytest.raises(Expected, match="same moment"):
        writer.roster.put_change(change(NOW, "new"), seen=1)
    assert len(reader.events()) == 2
    assert reader.roster.changes() == []
    writer.roster.put_change(change(NOW + 60, "new"), seen=0)
    assert [event.subject for event in reader.events()] == ["late"]
    assert reader.roster.changes() == [change(NOW + 60, "new")]


def test_bundles_are_those_of_the_last_look(writer: Writer, reader: Reader) -> None:
    old, new = BundleState("old", Tier.FULL, 1, "shipped"), BundleState("new", Tier.LATE, 2, "own", "It is damaged.")
    writer.roster.put_bundles([old, new])
    writer.roster.put_bundles([new])
    assert reader.roster.bundles() == [new]


@pytest.mark.parametrize("version", [1, 2])
def test_an_older_database_is_brought_up_to_date_with_a_copy_first(tmp_path: Path, version: int) -> None:
    path = tmp_path / "lastvagt.sqlite"
    with sqlite3.connect(path) as db:
        for migration in schema.MIGRATIONS[:version]:
            migration(db)
        db.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {version}")
        db.execute("INSERT INTO property VALUES('simulated', '0')")
        db.execute("INSERT INTO event(code, subject, problem, remedy, since) VALUES('source', 'x', 'It is down.', 'Wait.', 5)")
    db.close()
    writer = Writer(path)
    writer.roster.put_change(change(NOW, "new"), seen=0)
    reader = Reader(path)
    assert [event.problem for event in reader.events()] == ["It is down."]
    assert len(reader.roster.changes()) == 1
    reader.close()
    writer.close()
    copy = path.with_name(f"{path.name}.before-schema-{len(schema.MIGRATIONS)}")
    with sqlite3.connect(copy) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (version,)
        assert db.execute("SELECT count(*) FROM event").fetchone() == (1,)
    db.close()


def test_a_migration_that_fails_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lastvagt.sqlite"
    with monkeypatch.context() as older:
        older.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:2])
        Writer(path).close()

    def half(db: sqlite3.Connection) -> None:
        db.execute("CREATE TABLE bundle(model_id TEXT)")
        raise ZeroDivisionError

    with monkeypatch.context() as broken:
        broken.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS[:2], half))
        with pytest.raises(ZeroDivisionError):
            Writer(path)
    Writer(path).close()
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (len(schema.MIGRATIONS),)
    db.close()
