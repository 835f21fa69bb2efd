"""Twelve weeks of a site without a network: kits come every week, then for forty days none, and every planned issue is made."""

from __future__ import annotations

import collections
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from engine import clock, issuing, kit_export, pipeline, sources
from engine.clock import SimulatedClock
from engine.config import Config
from engine.domain import DAY, HOUR, INPUTS, MEDIAN, QuantileForecast, Tier
from engine.features import window
from engine.forecaster import Forecaster
from engine.geography import PRICE_AREAS
from engine.service import Service
from engine.signing import SecretKey
from engine.sources.simulated import SimulatedUpstream
from engine.store import Reader, Writer

KEY = SecretKey(b"kitmaker", bytes(range(32)))
#: A Monday in September; kits are made at eight on Mondays, and carried for six hours.
START = clock.parse_utc("2026-09-07T08:00Z")
CARRIED_S = 6 * HOUR
#: Weeks with a kit, and days without one afterwards.
WEEKS, WITHOUT_DAYS = 7, 40
#: Age of the newest load up to which the model for late load serves.
LATEST_S = 962 * HOUR
#: How often the mainland fetches.
FETCH_S = 6 * HOUR
#: Hours ahead that issues are held against.
AHEAD_H = 48


class Mainland:
    """A connected machine, of which only the fetching matters here. What it fetches is made up and taken for real."""

    def __init__(self, folder: Path) -> None:
        self.config = Config(data_dir=folder, mirror=True, backfill_days=70)
        self.time = SimulatedClock(START - HOUR)
        self.upstream = SimulatedUpstream(self.time)
        self.writer = Writer(self.config.database)
        self.reader = Reader(self.config.database)
        self._live = sources.live(self.config)
        self._due = dict.fromkeys((source.dataset for source in self._live), 0)

    def fetch(self, now: int) -> None:
        self.time.set(now)
        asked = [source for source in self._live if self._due[source.dataset] <= now]
        run = pipeline.ingest(self.writer, self.reader, asked, self.upstream, self.time)
        assert run.status == "ok", run.problem
        self._due |= {source.dataset: now + source.every_s for source in asked}

    def issue(self, forecaster: Forecaster, issue_time: int, known_until: int) -> list[QuantileForecast]:
        """What it would have said at `issue_time` from what it knew before `known_until`, with nothing learned online."""
        start, hours = window(issue_time)
        archive = self.reader.archive(start, start + hours * HOUR, PRICE_AREAS, known_until - 1, quantities=INPUTS)
        return issuing.make_issues(archive, forecaster, issue_time, {})


def wape(issues: Sequence[QuantileForecast], upstream: SimulatedUpstream) -> float:
    """Error of the first two days of issues of price areas, percent."""
    error = load = 0.0
    for issue in issues:
        ahead = (issue.valid_time > issue.issue_time) & (issue.valid_time <= issue.issue_time + AHEAD_H * HOUR)
        observed = upstream.world.load(issue.area, issue.valid_time[ahead])
        error += float(np.abs(issue.quantiles[ahead, MEDIAN] - observed).sum())
        load += float(observed.sum())
    return 100 * error / load


@pytest.mark.long
def test_a_site_lives_on_kits_for_months(tmp_path: Path) -> None:
    mainland = Mainland(tmp_path / "mainland")
    config = Config(data_dir=tmp_path / "island", network=False, port=0)
    (config.data_dir / "trusted").mkdir(parents=True)
    (config.data_dir / "trusted" / "mainland.pub").write_text(KEY.public("mainland").text())
    forecaster = Forecaster(config.model_dir)
    end = START + (WEEKS - 1) * 7 * DAY + WITHOUT_DAYS * DAY
    kits = {START + week * 7 * DAY for week in range(WEEKS)} | {end}
    since, until, waiting = 0, 0, tmp_path / "none"
    daily: dict[str, list[tuple[QuantileForecast, QuantileForecast, QuantileForecast]]] = collections.defaultdict(list)
    told, sizes = list[tuple[int, str]](), list[int]()
    time = SimulatedClock(START)
    with Service(config, time) as service:
        for now in range(START, end + 2 * DAY + 1, HOUR):
            if now % FETCH_S == START % FETCH_S:
                mainland.fetch(now)
            if now in kits:
                waiting = tmp_path / f"{now}.kit"
                kit_export.pack(mainland.reader, mainland.config, waiting, KEY, since, now, [])
                since = now
                sizes.append(waiting.stat().st_size)
            time.set(now)
            if now - CARRIED_S in kits:
                order = {"path": str(waiting), "who": "ferryman"}
                taken = service._carry_out("/v1/kits/import", order)
                assert not taken["again"]  # type: ignore[index]
                until = now - CARRIED_S
            service.tick(now)
            told += [(now, event.problem) for event in service._reader.events() if event.code == "kit"]
            if until and clock.local(now).hour == 10:
                apart = "kits" if now < START + (WEEKS * 7 + 1) * DAY else "without"
                delayed, current = (mainland.issue(forecaster, now, known) for known in (until, now + 1))
                for area, (late, fresh) in zip(PRICE_AREAS, zip(delayed, current, strict=True), strict=True):
                    made = service._reader.forecast(area, now)
                    assert made is not None
                    assert made.issue_time == now
                    if area != "DK" and now < end:
                        daily[apart].append((made, late, fresh))
        planned = set(range(START + CARRIED_S + HOUR, end + 2 * DAY + 1, HOUR))
        issued = {head.issue_time for head in service._reader.issues("DK", limit=10_000, consumer_type="total")}
        assert planned <= issued
        assert not [run for run in service._reader.job_runs("forecast", 10_000) if run.status in ("missed", "bug")]
        assert "kit" not in {event.code for event in service._reader.events()}
        carried = [made for made in service._reader.forecasts("DK1") if made.issue_time > START + CARRIED_S]
        scored = service._reader.scores("DK", "all")[0]
        values = [record.brought["new"] for record in service._reader.kits.imported()]
    found: dict[str, list[float]] = {}
    for apart, issues in daily.items():
        figures = [wape([three[i] for three in issues], mainland.upstream) for i in range(3)]
        used = collections.Counter(three[0].tier.value for three in issues)
        print(f"{apart}: {len(issues)} issues, {dict(used)}; on the island {figures[0]:.2f} %, ", end="")
        print(f"mainland with the same delay {figures[1]:.2f} %, without {figures[2]:.2f} %")
        found[apart] = figures
    print(f"{len(planned)} planned issues made; scored on the island: {scored.n} pairs, WAPE {scored.wape:.2f} %")
    print(f"Kits of {sizes[1] / 1e6:.2f} MB a week, {sizes[0] / 1e6:.2f} MB the first; new values {values[::-1]}")
    first = min(now for now, _ in told)
    print(f"Missed kits were told from {(first - START) / DAY - 42:.1f} days after the last one on: {told[-1][1]}")
    assert all(own <= 1.05 * delayed for own, delayed, _ in found.values())
    for made in carried:
        age_s = made.issue_time - clock.parse_utc(str(made.inputs["newest_load"]))
        assert (made.tier is Tier.SEASONAL) == (age_s > LATEST_S), f"{clock.iso(made.issue_time)}: {made.tier}"
    assert {made.tier for made in carried} == {Tier.FULL, Tier.NO_WEATHER, Tier.LATE, Tier.SEASONAL}
    assert START + 42 * DAY + 10.5 * DAY < first < START + 42 * DAY + 12.5 * DAY
    assert told[-1] == (end + CARRIED_S - HOUR, "The newest kit is 40 days old, and one usually comes every 7 days.")
    mainland.reader.close()
    mainland.writer.close()
