"""What became of each hourly issue that was planned, and why it came late or never."""

from __future__ import annotations

import dataclasses

import filled_store
import pytest

from app import present
from app.health_snapshot import TIER_DAYS
from app.present import planned
from app.translations import Language
from engine import clock, extracts, ledger, tables
from engine.domain import DAY, HOUR, Consumer, Freshness, JobRun
from engine.ledger import NOT_RUNNING, SLEPT, Outcome, planned_issues
from engine.store import Reader, Writer

DA, EN = Language("da"), Language("en")
THIS = clock.parse_utc("2026-10-25T12:00Z")
NOW = THIS + 20 * 60
#: How many hours ago issues were late, by how many seconds, and which nobody made; all others came in time.
LATE, MISSED = {4: 1500, 6: 600, 9: 300}, (7, 8, 12)


@pytest.fixture
def history(writer: Writer) -> Writer:
    for back in range(24):
        if back not in MISSED:
            hour = THIS - back * HOUR
            made = hour + LATE.get(back, 20)
            issue = dataclasses.replace(filled_store.forecast("DK1", hour), issue_time=made if back in LATE else hour)
            writer.put_forecasts([issue], made)
    failed = THIS - 4 * HOUR + 10
    writer.put_job_run(JobRun("forecast", failed, failed + 5, "expected", "No load is known.", "Wait."))
    first, last = THIS - 8 * HOUR, THIS - 7 * HOUR
    why = {"first": clock.iso(first), "last": clock.iso(last), "count": 2, "why": NOT_RUNNING}
    writer.put_job_run(JobRun("forecast", THIS - 6 * HOUR, THIS - 6 * HOUR, "missed", "2 were not made.", "", why))
    began = THIS - 9 * HOUR + 290
    writer.put_job_run(JobRun("forecast", began, began + 9, "ok", detail={"late": NOT_RUNNING}))
    writer.open_event("locked", "disk", "Another program keeps the database locked.", "End it.", THIS - 6 * HOUR - 60)
    writer.close_event("locked", "disk", THIS - 6 * HOUR + 500)
    writer.open_event("source", "open-meteo", "No answer.", "Wait.", THIS - 20 * HOUR)
    return writer


def test_each_hour_is_told_with_why_it_was_late_or_missed(history: Writer, reader: Reader) -> None:
    found = {(THIS - each.hour) // HOUR: each for each in planned_issues(reader, NOW - DAY, NOW)}
    assert set(found) == set(range(24))
    assert {back for back, each in found.items() if each.outcome is Outcome.LATE} == set(LATE)
    assert {back for back, each in found.items() if each.outcome is Outcome.MISSED} == set(MISSED)
    assert (found[4].reason, found[4].code) == ("No load is known.", "")
    assert (found[6].reason, found[6].code) == ("Another program keeps the database locked.", "locked")
    assert found[7].reason == found[8].reason == NOT_RUNNING
    assert (found[9].reason, found[12].reason) == (NOT_RUNNING, ""), "a source without an answer holds up no issue"
    assert all(not each.reason for each in found.values() if each.outcome is Outcome.ON_TIME)


def test_hours_of_which_one_issue_a_day_is_kept_are_not_called_missed(history: Writer, reader: Reader) -> None:
    midnight = clock.local_midnight(clock.local(THIS).date())
    assert history.thin_forecasts(midnight) > 0
    found = planned_issues(reader, NOW - DAY, NOW)
    assert found[0].hour == midnight
    assert [(THIS - each.hour) // HOUR for each in found if each.outcome is Outcome.MISSED] == [12, 8, 7]


def test_the_table_is_cut_by_span_outcome_and_limit(history: Writer, reader: Reader) -> None:
    missed = tables.planned(reader, NOW, outcome="missed")
    assert [row[0] for row in missed.rows] == [clock.iso(THIS - back * HOUR) for back in MISSED]
    assert (missed.head["job"], missed.head["areas"]) == ("forecast", "DK DK1 DK2")
    assert missed.rows[0] == (clock.iso(THIS - 7 * HOUR), "missed", None, NOT_RUNNING)
    span = tables.planned(reader, NOW, THIS - 9 * HOUR, THIS - 5 * HOUR)
    assert [row[1] for row in span.rows] == ["late", "missed", "missed", "late"]
    assert tables.planned(reader, NOW, NOW + 9 * DAY, NOW + 10 * DAY).rows == []
    assert [row[0] for row in tables.planned(reader, NOW, limit=2).rows] == [clock.iso(THIS), clock.iso(THIS - HOUR)]


def test_what_is_taken_away_has_danish_times_of_the_long_night(history: Writer, reader: Reader) -> None:
    start = clock.local_midnight(clock.local(THIS).date())
    table = extracts.planned(reader, Consumer("DK1"), start, NOW, NOW)
    danish = [str(row[1]) for row in table.rows]
    assert len(set(danish)) == len(danish) == (THIS - start) // HOUR + 1
    assert [each[11:13] for each in danish[:5]] == ["00", "01", "02", "02", "03"]
    assert table.head["times"] == "issue times"


def test_the_window_lists_what_was_late_or_missed_in_both_languages(history: Writer, reader: Reader) -> None:
    issues = planned_issues(reader, NOW - DAY, NOW)
    view, danish = (planned.planned_view(issues, TIER_DAYS, language, NOW) for language in (EN, DA))
    assert "Of 24 hours in the last 28 days the forecast came on time in 18, late in 3, and not at all in 3." in view.summary
    assert len(view.lines) == len(LATE) + len(MISSED)
    late, blocked, missed = view.lines[0], view.lines[1], view.lines[2]
    assert [cell.words for cell in late] == ["09:00", "late", "09:25, 25\u00a0min after", "No load is known."]
    assert blocked[3].words == EN.text("event.locked")
    assert [cell.words for cell in missed] == ["06:00", "missed", "–", NOT_RUNNING]
    assert missed[1].state is Freshness.MISSING
    assert [line[3].words for line in danish.lines[1:3]] == [DA.text("event.locked"), DA.text("planned.not_running")]
    assert planned.planned_view((), TIER_DAYS, EN, NOW).summary == EN.text("planned.none")


@pytest.mark.parametrize("words", [NOT_RUNNING, SLEPT])
def test_what_the_reconciler_says_is_said_in_danish_too(words: str) -> None:
    assert planned.reason(words, EN) == words
    assert planned.reason(words, DA) != words


def test_kinds_of_events_that_hinder_have_words(reader: Reader) -> None:
    for code in ledger._HINDER:
        assert present.planned.reason("", DA, code)
