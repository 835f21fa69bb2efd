"""What Prometheus is told."""

from __future__ import annotations

import math
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from engine import clock, metrics
from engine.domain import DAY, HOUR, LEVELS, Observations, QuantileForecast, Reason, Score, Series, Tier
from engine.domain import JobRun as Run
from engine.store import Reader, ScoreRow, Writer

NOW = clock.parse_utc("2026-10-26T12:10Z")
_LINE = re.compile(r'([a-z0-9_]+)(\{(?:[a-z_]+="(?:[^"\\]|\\.)*",?)+\})? (NaN|[-+.0-9e]+)')


def samples(text: str) -> dict[str, float]:
    """Values by name and labels."""
    found = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            match = _LINE.fullmatch(line)
            assert match is not None, line
            found[match[1] + (match[2] or "")] = float(match[3])
    return found


def issue(issue_time: int, area: str = "DK1") -> QuantileForecast:
    hours = clock.floor_hour(issue_time) + HOUR * np.arange(48, dtype=np.int64)
    quantiles = 2000 + 1000 * np.tile(LEVELS, (48, 1)) + np.arange(48)[:, None]
    return QuantileForecast(area, "total", issue_time, hours, LEVELS, quantiles, Tier.FULL, Reason.NONE, "m")


def test_an_empty_store_has_metrics_of_engine_and_process_alone(reader: Reader) -> None:
    found = samples(metrics.text(reader, NOW))
    assert found["lastvagt_simulated"] == 0
    assert found['lastvagt_open_events{code="drift"}'] == 0
    assert found["lastvagt_disk_free_bytes"] > 0
    assert found["process_cpu_seconds_total"] > 0
    hours = {
        outcome: found[f'lastvagt_planned_issues_last_day{{outcome="{outcome}"}}'] for outcome in ("on_time", "late", "missed")
    }
    assert set(hours.values()) == {0}
    assert not any("score" in name or "load" in name for name in found)


def test_hours_of_the_last_day_are_on_time_late_or_missed(writer: Writer, reader: Reader) -> None:
    this = clock.floor_hour(NOW)
    writer.put_forecasts([issue(this - 40 * HOUR)], this - 40 * HOUR)
    for back in range(24):
        if back not in (3, 4, 5):
            writer.put_forecasts([issue(this - back * HOUR)], this - back * HOUR + (20 * 60 if back == 7 else 30))
    writer.put_forecasts([issue(this - 5 * HOUR + 2000)], this - 5 * HOUR + 2010)
    found = samples(metrics.text(reader, NOW))
    assert found['lastvagt_planned_issues_last_day{outcome="on_time"}'] == 20
    assert found['lastvagt_planned_issues_last_day{outcome="late"}'] == 2
    assert found['lastvagt_planned_issues_last_day{outcome="missed"}'] == 2
    assert found['lastvagt_forecast_delay_seconds{area="DK1"}'] == 30
    assert found['lastvagt_forecast_issue_age_seconds{area="DK1",tier="full"}'] == 600


def test_an_hour_is_not_missed_before_its_issue_is_late_nor_before_the_first(writer: Writer, reader: Reader) -> None:
    this = clock.floor_hour(NOW)
    writer.put_forecasts([issue(this - 2 * HOUR)], this - 2 * HOUR)
    writer.put_forecasts([issue(this - HOUR)], this - HOUR)
    early, late = (samples(metrics.text(reader, this + after)) for after in (299, 300))
    assert early['lastvagt_planned_issues_last_day{outcome="missed"}'] == 0
    assert late['lastvagt_planned_issues_last_day{outcome="missed"}'] == 1
    assert late['lastvagt_planned_issues_last_day{outcome="on_time"}'] == 2


def test_the_newest_load_stands_beside_what_was_forecast_of_it_a_day_before(writer: Writer, reader: Reader) -> None:
    this = clock.floor_hour(NOW)
    hour = this - 3 * HOUR
    valid = np.array([hour - HOUR, hour], np.int64)
    writer.put(
        [Observations(Series("load", "DK1", "test"), valid, valid + HOUR, np.array([2400.0, 2450.5]), np.zeros(2, np.uint8))]
    )
    writer.put_forecasts([issue(hour - DAY)], hour - DAY)
    writer.put_forecasts([issue(hour - DAY + HOUR)], hour - DAY + HOUR)
    writer.put_forecasts([issue(this)], this)
    found = samples(metrics.text(reader, NOW))
    assert found['lastvagt_load_megawatthours{area="DK1"}'] == 2450.5
    assert found['lastvagt_load_hour_timestamp_seconds{area="DK1"}'] == hour
    assert found['lastvagt_load_forecast_megawatthours{area="DK1",level="0.5"}'] == pytest.approx(2524, abs=0.1)
    assert found['lastvagt_load_forecast_megawatthours{area="DK1",level="0.05"}'] == pytest.approx(2074, abs=0.1)
    assert found['lastvagt_forecast_megawatthours{area="DK1",level="0.9"}'] == pytest.approx(2900, abs=0.1)


def test_scores_are_told_by_lead_time_as_ratios(writer: Writer, reader: Reader) -> None:
    score = Score(1, 2600.0, 10.0, 10.0, 100.0, 0, 0.0, 0.0, 5.0, 4.0, 1, 1, 1, 300.0, 1, 20.0, 10.0)
    hour = clock.floor_hour(NOW) - 3 * HOUR
    writer.put_scores([ScoreRow("DK1", "total", "provisional", hour, bucket, score) for bucket in (1, 4)])
    found = samples(metrics.text(reader, NOW))
    assert found['lastvagt_score_wape_ratio{area="DK1",lead_hours="25-48"}'] == pytest.approx(10 / 2600)
    assert found['lastvagt_score_mae_megawatthours{area="DK1",lead_hours="1-6"}'] == 10
    assert found['lastvagt_score_skill_ratio{area="DK1",lead_hours="all"}'] == 0.5
    assert found['lastvagt_score_coverage_ratio{area="DK1",lead_hours="all",share="0.8"}'] == 1
    assert found['lastvagt_score_pairs{area="DK1",lead_hours="all"}'] == 2


def test_jobs_tell_when_how_long_how_often_and_how_overdue(writer: Writer, reader: Reader) -> None:
    this = clock.floor_hour(NOW)
    writer.put_job_run(Run("forecast", this - 2 * HOUR, this - 2 * HOUR + 3, "ok"))
    writer.put_job_run(Run("ingest", NOW - 2 * DAY, NOW - 2 * DAY, "ok"))
    writer.put_job_run(Run("ingest", NOW - 60, NOW - 58, "ok"))
    writer.put_job_run(Run("ingest", NOW - 20, NOW - 10, "expected", "No network.", "Wait."))
    found = samples(metrics.text(reader, NOW))
    assert found['lastvagt_job_last_success_timestamp_seconds{job="ingest"}'] == NOW - 58
    assert found['lastvagt_job_last_duration_seconds{job="ingest"}'] == 2
    assert found['lastvagt_job_runs_last_day{job="ingest",status="ok"}'] == 1
    assert found['lastvagt_job_runs_last_day{job="ingest",status="expected"}'] == 1
    assert found['lastvagt_job_overdue_seconds{job="forecast"}'] == NOW - (this - HOUR)
    assert 'lastvagt_job_overdue_seconds{job="ingest"}' not in found


def test_troubles_are_counted_by_kind(writer: Writer, reader: Reader) -> None:
    for subject in ("one", "two"):
        writer.open_event("drift", subject, "Bad.", "Look.", NOW)
    writer.open_event('odd "kind"', "one", "Bad.", "Look.", NOW)
    text = metrics.text(reader, NOW)
    found = samples(text)
    assert found['lastvagt_open_events{code="drift"}'] == 2
    assert found['lastvagt_open_events{code="peak"}'] == 0
    assert 'lastvagt_open_events{code="odd \\"kind\\""} 1.0' in text


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool of Prometheus is not installed")
def test_promtool_finds_nothing_to_say(writer: Writer, reader: Reader, tmp_path: Path) -> None:
    this = clock.floor_hour(NOW)
    writer.put_forecasts([issue(this)], this)
    writer.put_job_run(Run("forecast", this, this + 1, "ok"))
    text = metrics.text(reader, NOW)
    assert not any(math.isnan(value) for value in samples(text).values())
    found = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout + found.stderr) == (0, "")
