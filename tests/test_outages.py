import dataclasses
import itertools
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from engine import sources
from engine.clock import SimulatedClock, parse_utc
from engine.config import Config
from engine.domain import HOUR, Tier
from engine.plan import MINUTE
from engine.service import Service
from engine.sources.fetch import Reply, Request, Unreachable
from engine.sources.simulated import SimulatedUpstream
from engine.store import Reader

START = parse_utc("2026-10-20T10:00Z")  # the clocks go back on the 25th
STEP_S = 5 * MINUTE
BETWEEN_H = 3
SEED = 3
LOAD, WEATHER = "energidataservice/GenerationProdTypeExchange", "open-meteo/forecast"
ENTSOE = "entsoe/DayAheadLoadForecast"  # which may be asked every five seconds
EVERY = ""


@dataclasses.dataclass
class Line:
    """The simulated upstream behind a line that may be dead for one dataset or for `EVERY` one, each time in another way."""

    upstream: SimulatedUpstream
    time: SimulatedClock
    dead: str | None = None
    chance: random.Random = dataclasses.field(default_factory=lambda: random.Random(SEED))
    failed: dict[str, list[int]] = dataclasses.field(default_factory=dict)
    answered: dict[str, list[int]] = dataclasses.field(default_factory=dict)

    def send(self, request: Request, timeout_s: float) -> Reply:
        if self.dead not in (EVERY, request.dataset):
            self.answered.setdefault(request.dataset, []).append(self.time.now())
            return self.upstream.send(request, timeout_s)
        self.failed.setdefault(request.dataset, []).append(self.time.now())
        match self.chance.randrange(3):
            case 0:
                raise Unreachable("no connection")
            case 1:
                raise TimeoutError("no answer in time")
        return Reply(503, {}, b"")


def outlive(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    outages: list[tuple[str, int]],
    gate: Callable[[str], None] | None = None,
) -> None:
    """Run the engine through outages of so many hours, with hours without fault between them."""
    time = SimulatedClock(START)
    line = Line(SimulatedUpstream(time), time)
    monkeypatch.setattr(sources, "transport", lambda *_: line)
    config = Config.load(environment={}, data_dir=folder, port=0, backfill_days=60, entsoe_token="any")
    every = {source.dataset: source.every_s for source in sources.live(config)}
    back: list[int] = []  # seconds after the end of an outage at which a source had answered
    open_after: list[str] = []
    moment = START
    with Service(config, time) as service:
        service._writer._db.execute("PRAGMA synchronous=OFF")  # what a power cut leaves is proved elsewhere
        reader = Reader(config.database)

        def run(until: int) -> None:
            nonlocal moment
            while moment < until:
                time.set(max(moment, time.now()))
                service.tick(time.now())
                moment += STEP_S

        run(START + BETWEEN_H * HOUR)
        for dead, hours in outages:
            line.dead = dead
            run(moment + hours * HOUR)
            assert dead == WEATHER or any(event.code == "source" for event in reader.events())  # asked every six hours
            line.dead, end, failing = None, moment, {e.subject: e.since for e in reader.events() if e.code == "source"}
            run(end + BETWEEN_H * HOUR)
            back += [next(t for t in line.answered[name] if t >= end) - end - min(every[name], HOUR) for name in failing]
            open_after += [event.subject for event in reader.events()]
        planned = range(START, moment, HOUR)
        made = {area: {f.issue_time: f for f in reader.forecasts(area)} for area in ("DK", "DK1", "DK2")}
        reader.close()
    missed = [(area, t) for area, issues in made.items() for t in planned if t not in issues]
    issues = [f for area in ("DK1", "DK2") for f in made[area].values()]
    ages = [f.issue_time - parse_utc(str(f.inputs["newest_load"])) for f in issues if f.inputs["newest_load"]]
    unnamed = [f for f in issues if (f.tier is not Tier.FULL) != bool(f.reason)]
    tiers = sorted({f.tier.value for f in issues})
    if gate:
        gate(
            f"{3 * len(planned) - len(missed):,} of {3 * len(planned):,} issues, tiers {', '.join(tiers)}; {len(ages):,} of "
            f"{len(issues):,} of the price areas say how old their inputs are, at most {max(ages) / HOUR:.0f} h; {len(back)} outages "
            f"of sources, {sum(seconds <= 0 for seconds in back)} over by its next turn"
        )
    assert not missed
    assert len(ages) == len(issues)
    assert not unnamed
    assert max(back) <= STEP_S
    assert not open_after
    for name, calls in line.failed.items():
        assert min((b - a for a, b in itertools.pairwise(calls)), default=HOUR) >= (MINUTE if name != ENTSOE else 5), name
    assert all(made["DK1"][t].tier is Tier.FULL for t in planned[-2:])


def test_an_outage_costs_no_issue_and_is_over_with_the_next_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outlive(tmp_path, monkeypatch, [(EVERY, 1)])


@pytest.mark.long
@pytest.mark.gate(
    "E3", "Outages of the sources", target="1 h, 1 day, 5 days, of all or one: every issue made, says how old its inputs are"
)
def test_outages_of_days(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gate: Callable[[str], None]) -> None:
    outlive(tmp_path, monkeypatch, [(dead, hours) for hours in (1, 24, 120) for dead in (EVERY, LOAD, WEATHER)], gate)
