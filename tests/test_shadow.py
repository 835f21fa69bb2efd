"""Challengers in shadow: they issue beside the champion, learn, are compared on settled days, and never show or harm anything."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bundles
import histories
import numpy as np
import pytest
from test_contest import year

from engine import clock, pipeline
from engine.config import Config
from engine.domain import DAY, HOUR, LEVELS, Draft, Flag, JobRun, Observations, QuantileForecast, Reason, Series, Tier
from engine.forecaster import Bundle, Forecaster
from engine.lineup import Duel, Lineup
from engine.store import Reader, Writer

NOW = clock.parse_utc("2026-06-10T08:00Z")


@dataclass
class Desk:
    """A store with a hundred days of load and weather, a champion `old` and a challenger `new` that computes the same."""

    config: Config
    writer: Writer
    reader: Reader
    duel: Duel
    forecaster: Forecaster = field(init=False)

    def __post_init__(self) -> None:
        self.forecaster = Forecaster([self.duel.champion])

    def forecast(self, issue_time: int, *duels: Duel, forecaster: Forecaster | None = None) -> JobRun:
        return pipeline.forecast(self.writer, self.reader, forecaster or self.forecaster, issue_time, issue_time, duels)

    def compare(self, now: int) -> JobRun:
        return pipeline.compare(self.writer, self.reader, [self.duel], now, settled_after_days=15)

    def shadows(self, area: str = "DK1") -> list[tuple[int, str]]:
        return [(s.issue_time, s.model_id) for s in self.reader.roster.shadows(area, 0, NOW + DAY)]


def duel(folder: Path, tier: Tier = Tier.FULL) -> Duel:
    champion = bundles.copy(folder, f"old-{tier}", "2026-01-01T00:00:00Z", tier)
    challenger = bundles.copy(folder, f"new-{tier}", "2025-12-01T00:00:00Z", tier)
    return Duel(Bundle.load(champion), Bundle.load(challenger))


@pytest.fixture(scope="module")
def observed() -> list[Observations]:
    made = []
    for (quantity, area, _), v in histories.archive(NOW).versions.items():
        made.append(Observations(Series(quantity, area, "test"), v.valid_time, v.available_at, v.value, v.flags))
    return made


@pytest.fixture
def desk(tmp_path: Path, observed: list[Observations], monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    # What calibrations learn from before a first issue takes seconds and is tested where it is made.
    monkeypatch.setattr("engine.issuing.first_lessons", lambda *_: {})
    config = Config(data_dir=tmp_path / "data", model_dir=tmp_path / "shipped")
    writer = Writer(config.database)
    writer.put(observed)
    reader = Reader(config.database)
    yield Desk(config, writer, reader, duel(config.model_dir))
    reader.close()
    writer.close()


def test_a_challenger_issues_the_same_hours_and_shows_nowhere(desk: Desk) -> None:
    run = desk.forecast(NOW, desk.duel)
    assert (run.status, run.detail["shadow_issues"]) == ("ok", {"new-full": 2})
    assert desk.shadows("DK1") == desk.shadows("DK2") == [(NOW, "new-full")]
    assert desk.shadows("DK") == []
    for area in ("DK1", "DK2"):
        published, (shadowed,) = desk.reader.forecasts(area), desk.reader.roster.shadows(area, 0, NOW + DAY)
        assert [f.model_id for f in published] == ["old-full"]
        np.testing.assert_array_equal(published[0].valid_time, shadowed.valid_time)
        # The same graph, rounded to its own area instead of the whole country.
        np.testing.assert_allclose(published[0].quantiles, shadowed.quantiles, atol=1.0)
    assert {issue.model_id for issue in desk.reader.issues()} == {"old-full"}
    assert desk.reader.events() == []


def test_both_learn_from_what_they_issued(desk: Desk) -> None:
    for hour in range(4):
        desk.forecast(NOW + hour * HOUR, desk.duel)
    learned = desk.reader.calibrations()
    mine, other = (learned["DK1", "total", f"{name}-full"] for name in ("old", "new"))
    np.testing.assert_array_equal(mine.hours, other.hours)
    assert mine.hours.sum() > 0
    np.testing.assert_allclose(mine.width, other.width, atol=0.1)


@dataclass
class Session:
    """A graph that does what no graph should."""

    answer: Any
    experts: int

    def run(self, names: list[str], inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        if isinstance(self.answer, Exception):
            raise self.answer
        n = len(next(iter(inputs.values())))
        return [np.full((n, len(LEVELS)), self.answer), np.full((n, self.experts), self.answer)]


@pytest.mark.parametrize("answer", [ZeroDivisionError("a fault"), np.nan, -5.0, 1e9, MemoryError()])
def test_a_challenger_that_fails_harms_nobody_and_is_told_of(desk: Desk, answer: Any) -> None:
    challenger = desk.duel.challenger
    bad = Duel(desk.duel.champion, dataclasses.replace(challenger, session=Session(answer, len(challenger.experts))))
    assert desk.forecast(NOW, bad).status == "ok"
    assert {issue.area for issue in desk.reader.issues()} == {"DK", "DK1", "DK2"}
    assert desk.shadows() == []
    (event,) = desk.reader.events()
    assert (event.code, event.subject) == ("challenger", "new-full")
    desk.forecast(NOW + HOUR, desk.duel)
    assert desk.reader.events() == []
    assert desk.shadows() == [(NOW + HOUR, "new-full")]


def test_a_challenger_changes_no_published_number(desk: Desk, tmp_path: Path, observed: list[Observations]) -> None:
    writer = Writer(tmp_path / "other" / "lastvagt.sqlite")
    writer.put(observed)
    reader = Reader(writer.path)
    for hour in range(3):
        desk.forecast(NOW + hour * HOUR, desk.duel)
        pipeline.forecast(writer, reader, desk.forecaster, NOW + hour * HOUR, NOW + hour * HOUR)
    for area in ("DK", "DK1", "DK2"):
        for mine, other in zip(desk.reader.forecasts(area), reader.forecasts(area), strict=True):
            np.testing.assert_array_equal(mine.quantiles, other.quantiles)
    reader.close()
    writer.close()


def test_a_champion_of_another_tier_issues_in_shadow_too(desk: Desk, tmp_path: Path) -> None:
    lower = duel(tmp_path / "lower", Tier.NO_WEATHER)
    both = Forecaster([desk.duel.champion, lower.champion])
    desk.forecast(NOW, lower, forecaster=both)
    assert desk.shadows() == [(NOW, "new-no_weather"), (NOW, "old-no_weather")]
    assert {issue.tier for issue in desk.reader.issues()} == {Tier.FULL}


def issue(area: str, issue_time: int, model_id: str, off: float) -> QuantileForecast:
    """An issue whose median is too high by a share of the load."""
    hours = issue_time + HOUR * np.arange(1, 169)
    load = histories.load_at(hours, {"DK1": 2600.0, "DK2": 1500.0}[area]) * (1 + off)
    quantiles = load[:, None] * (1 + 0.02 * (np.array(LEVELS) - 0.5))
    made = QuantileForecast(area, "total", issue_time, hours, LEVELS, np.round(quantiles), Tier.FULL, Reason.NONE, model_id)
    none = np.zeros((168, 0))
    return dataclasses.replace(made, draft=Draft((), none, (), none, np.zeros((168, 2))))


def load(area: str, first: int, days: int, flag: Flag = Flag.PLAIN) -> Observations:
    hours = first + HOUR * np.arange(24 * days)
    known = hours + (2 * HOUR if flag is Flag.PLAIN else 12 * DAY)
    value = histories.load_at(hours, {"DK1": 2600.0, "DK2": 1500.0}[area]) * (1.0 if flag is Flag.PLAIN else 1.001)
    return Observations(Series("load", area, "other"), hours, known, value, np.full(len(hours), flag, np.uint8))


def test_days_are_compared_once_they_are_settled_in_all_areas_and_only_once(desk: Desk) -> None:
    day = clock.local(NOW - 10 * DAY).date()
    midnight = clock.local_midnight(day)
    for hour in range(-48, 48):
        t = midnight + hour * HOUR
        desk.writer.put_forecasts([issue(area, t, "old-full", 0.04) for area in ("DK1", "DK2")], t)
        desk.writer.roster.put_shadows([issue(area, t, "new-full", 0.02) for area in ("DK1", "DK2")], {}, t)

    def losses() -> list[dt.date]:
        return [clock.EPOCH + dt.timedelta(days=d.day) for d in desk.reader.roster.losses("old-full", "new-full")]

    desk.compare(NOW)
    assert losses() == []
    desk.writer.put([load("DK1", midnight, 1, Flag.SETTLED)], now=NOW)
    desk.compare(NOW)
    assert losses() == []  # the other area is provisional
    desk.writer.put([load("DK2", midnight, 1, Flag.SETTLED)], now=NOW)
    desk.compare(NOW)
    assert losses() == [day]
    (first,) = desk.reader.roster.losses("old-full", "new-full")
    desk.compare(
        NOW + 6 * DAY
    )  # the day before is old enough to count as settled now, though nobody marked it; the day after is not
    assert losses() == [day - dt.timedelta(days=1), day]
    assert desk.reader.roster.losses("old-full", "new-full")[1] == first
    assert first.pairs == 2 * 24 * 48
    assert (first.champion_wape, first.challenger_wape) == (pytest.approx(3.9, abs=0.05), pytest.approx(1.9, abs=0.05))


@pytest.mark.parametrize(("better_by", "proposed"), [(0.15, "promote it."), (0.0, None), (-0.15, "drop it.")])
def test_a_year_of_days_leads_to_a_proposal_or_to_none(desk: Desk, better_by: float, proposed: str | None) -> None:
    days = year(better_by, days=365, seed=2)
    for day in range(7, 366, 7):
        desk.writer.roster.put_losses("old-full", "new-full", days[:day])
        desk.compare(NOW)
        if desk.reader.events():
            break
    events = [(event.code, event.subject, event.problem.rsplit(": ", 1)[1]) for event in desk.reader.events()]
    assert events == ([("proposal", "full", proposed)] if proposed else [])
    if proposed:
        assert "lastvagt-engine models" in desk.reader.events()[0].remedy


def test_a_decision_closes_the_proposal_it_answers(desk: Desk) -> None:
    lineup = Lineup(desk.config, desk.writer, desk.reader)
    lineup.settle(NOW)
    desk.writer.roster.put_losses("old-full", "new-full", year(0.2, days=365))
    desk.compare(NOW)
    assert [event.code for event in desk.reader.events()] == ["proposal"]
    lineup.decide("promote", {"model_id": "new-full", "reason": "It is better."}, NOW)
    assert desk.reader.events() == []


def test_a_challenger_begins_with_what_the_weeks_before_would_have_taught_it(
    tmp_path: Path, observed: list[Observations], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(
        "engine.issuing.first_lessons", lambda _, forecaster, __: asked.extend(b.model_id for b in forecaster.bundles) or {}
    )
    writer = Writer(tmp_path / "data" / "lastvagt.sqlite")
    writer.put(observed)
    reader = Reader(writer.path)
    fight = duel(tmp_path / "models")
    for hour in range(3):
        duels = [fight] if hour else []
        pipeline.forecast(writer, reader, Forecaster([fight.champion]), NOW + hour * HOUR, NOW + hour * HOUR, duels)
    assert asked == ["old-full", "new-full"]  # each once, at its first issue
    reader.close()
    writer.close()
