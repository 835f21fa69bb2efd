"""The day report: what stands in it, on every day of the year, and that it becomes two pages."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import filled_store
import pytest
from filled_store import NOW
from PySide6 import QtWidgets

from app import day_report, present
from app.present import DayReport, ReportFacts
from app.theme import LIGHT
from app.translations import Language
from engine import clock
from engine.domain import DAY, HOUR, Consumer
from engine.store import Reader, Writer

DA, EN, DK = Language("da"), Language("en"), Consumer("DK")
MIDT = Consumer("1082", "household")


def _facts(folder: Path, of: Consumer = DK, now: int = NOW) -> ReportFacts:
    reader = Reader(folder / "lastvagt.sqlite")
    try:
        return present.report_facts(reader, of, now)
    finally:
        reader.close()


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> ReportFacts:
    return _facts(filled_store.fill(tmp_path_factory.mktemp("filled"), days=12))


def _pages(report: DayReport) -> int:
    return len(re.findall(rb"/Type /Page\b", day_report.pdf(report, LIGHT)))


def test_it_tells_yesterday_today_and_tomorrow(facts: ReportFacts) -> None:
    report = present.day_report(facts, ("issued",), EN)
    assert [day.name for day in report.days] == ["Yesterday, Mon 23 Nov", "Today, Tue 24 Nov", "Tomorrow, Wed 25 Nov"]
    assert [row[0] for row in report.rows][:2] == ["00–01", "01–02"]
    assert len(report.rows) == 24
    assert {len(row) for row in report.rows} == {len(report.heads)} == {sum(count for _, count in report.groups)}
    midnight = report.rows[0]
    seen = facts.shown.consumers[DK]
    first = seen.observed[seen.observed_time == report.days[0].start][0]
    assert midnight[1] == EN.number(first)
    assert report.rows[-1][4] == "–", "the last hour of today is not measured"
    assert report.figures[0].detail == "17 of 24 hours measured"
    assert report.figures[3].value.endswith("%")


def test_it_speaks_danish(facts: ReportFacts) -> None:
    report = present.day_report(facts, (), DA)
    assert (report.title, report.name, report.date) == ("Døgnrapport", "Danmark", "tir. 24. nov. 2026")
    assert "kl. 10" in report.about[1]


@pytest.mark.parametrize(
    ("today", "rows"),
    [(dt.date(2026, 10, 25), 25), (dt.date(2027, 3, 28), 24), (dt.date(2026, 10, 28), 24)],
)
def test_days_of_23_and_25_hours(tmp_path: Path, today: dt.date, rows: int) -> None:
    now = clock.local_time(today, 12)
    report = present.day_report(_facts(filled_store.fill(tmp_path, now=now, days=4, tso=False), now=now), (), EN)
    assert len(report.rows) == rows
    names = [row[0] for row in report.rows]
    assert ("02b–03" in names) == (rows == 25)
    hours = [(day.end - day.start) // HOUR for day in report.days]
    for number, count in enumerate(hours):
        column = (2, 5, 7)[number]
        assert sum(row[column] != "" for row in report.rows) == count


def test_who_is_measured_late_has_dashes_and_no_false_error(tmp_path: Path) -> None:
    facts = _facts(filled_store.fill(tmp_path, days=12, late=True, stalled_d=21), MIDT)
    report = present.day_report(facts, (), EN)
    assert {row[1] for row in report.rows} == {"–"}
    assert report.figures[3].value == "–"
    assert "not measured yet" in report.figures[3].detail


def test_an_empty_database_makes_a_report_of_dashes(qapp: QtWidgets.QApplication, tmp_path: Path) -> None:
    Writer(tmp_path / "lastvagt.sqlite", simulated=True).close()
    report = present.day_report(_facts(tmp_path), (), EN)
    assert report.marks == ("SIMULATED DATA",)
    assert {figure.value for figure in report.figures} == {"–"}
    assert _pages(report) == 2


def test_it_becomes_two_pages(qapp: QtWidgets.QApplication, facts: ReportFacts) -> None:
    assert _pages(present.day_report(facts, ("SIMULATED DATA", "Denmark", "issued Tue 24 Nov 18:00") * 3, DA)) == 2


def test_a_gap_in_the_load_breaks_the_line(tmp_path: Path) -> None:
    report = present.day_report(_facts(filled_store.fill(tmp_path, days=4, gap_h=(30, 20))), (), EN)
    assert len(day_report._stretches(report.observed)) == 2
    assert report.observed_time[-1] - report.observed_time[0] < 2 * DAY
