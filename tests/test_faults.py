import contextlib
import dataclasses
import itertools
import logging
import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import faults
import pytest
from upstream import TOKEN

from engine import pipeline, sources
from engine.clock import SimulatedClock, parse_utc
from engine.config import Config
from engine.domain import Expected, Observations
from engine.store import Reader, Writer

START = parse_utc("2026-06-15T10:20Z")
SEEDS = (7, 8)
Row = tuple[str, str, int, float]


class Talk(logging.Handler):
    """Counts the lines of the log that hold the token."""

    def __init__(self) -> None:
        super().__init__(0)
        self.leaks = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.leaks += TOKEN in record.getMessage()


class Trial:
    """A store that is fed through a proxy whose faults come one after the other."""

    def __init__(self, folder: Path, proxy: faults.Proxy, time: SimulatedClock) -> None:
        urls = [field.name for field in dataclasses.fields(Config) if field.name.endswith("_url")]
        config = Config(
            data_dir=folder, entsoe_token=TOKEN, backfill_days=10, fetch_settlement=False, **dict.fromkeys(urls, proxy.url)
        )
        self.proxy, self.time = proxy, time
        self.sources = sources.live(config)
        self.writer = Writer(config.database)
        self.writer._db.execute("PRAGMA synchronous=OFF")  # what a power cut leaves is proved elsewhere
        self.reader = Reader(config.database)
        self.transport = faults.Through(proxy, time)
        self.true: set[Row] = set()
        self.early = 0  # questions before a dataset's turn

    def close(self) -> None:
        self.reader.close()
        self.writer.close()

    def ingest(self, source: sources.LiveSource) -> str:
        """Ask a source; the status of the run. What the upstream would have said unspoilt is noted as true."""
        run = pipeline.ingest(self.writer, self.reader, [source], self.transport, self.time)
        for body in self._unspoilt():
            for zone in source.requests(self.time.now(), None):
                with contextlib.suppress(Expected):  # it is the answer for the other zone, or the provider's catalogue
                    self.true.update(row for batch in source.parse(zone, body, self.time.now()) for row in rows(batch))
        return run.status

    def _unspoilt(self) -> list[bytes]:
        bodies, self.proxy.bodies = self.proxy.bodies, []
        return bodies

    def asks(self) -> list[sources.LiveSource]:
        """Sources that have something to ask now, those first that seldom have."""
        states = self.reader.series()
        now = self.time.now()
        due = [s for s in self.sources if s.requests(now, pipeline.newest_of(states, s))]
        return sorted(due, key=lambda s: s.dataset in ALWAYS)

    def wait_for(self, dataset: str) -> None:
        """Let a quarter of an hour pass, and then until a dataset may be asked again."""
        _, blocked_until = self.writer.fetch_limit(dataset)
        self.time.set(max(self.time.now() + 900, int(blocked_until) + 1))


#: Sources that always have something to ask, and how often each is chosen: an answer of weather costs more time than ten others.
ALWAYS = {"energidataservice/GenerationProdTypeExchange": 7, "open-meteo/forecast": 1, "entsoe/DayAheadLoadForecast": 7}


def rows(batch: Observations) -> Iterator[Row]:
    series = batch.series
    for t, x in zip(batch.valid_time.tolist(), batch.value.tolist(), strict=True):
        yield (series.quantity, series.area, t, x)


@pytest.fixture
def trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Trial]:
    time = SimulatedClock(START)
    with faults.two_addresses(monkeypatch), faults.Proxy(time) as proxy:
        made = Trial(tmp_path, proxy, time)
        yield made
        made.close()


def survive(trial: Trial, cycles: int, each: int, seed: int = SEEDS[0], gate: Callable[[str], None] | None = None) -> None:
    """Meet so many of the faults, drawn anew, in each cycle, each on one source, and ask that source again when its turn comes."""
    talk = Talk()
    logging.getLogger().addHandler(talk)
    chance = random.Random(seed)
    threads = threading.active_count()
    wrong: list[str] = []
    late: list[str] = []
    try:
        for source in trial.sources:
            trial.ingest(source)
        for cycle in range(cycles):
            for name in chance.sample(sorted(faults.FAULTS), each):
                trial.time.sleep(900)
                due = trial.asks()
                source = due[0] if due[0].dataset not in ALWAYS else chance.choices(due, [ALWAYS[s.dataset] for s in due])[0]
                trial.proxy.fault = fault = faults.FAULTS[name]
                status = trial.ingest(source)
                if status != ("ok" if fault.harmless else "expected"):
                    wrong.append(f"{name} on {source.dataset} in cycle {cycle}: {status}")
                trial.proxy.fault = None
                trial.wait_for(source.dataset)
                if trial.ingest(source) != "ok" or trial.reader.events():
                    late.append(f"{name} on {source.dataset} in cycle {cycle}: {trial.reader.events()}")
    finally:
        logging.getLogger().removeHandler(talk)
    stored = [row for versions in trial.reader.archive(0, 1 << 40).versions.items() for row in of(*versions)]
    bad = [row for row in stored if row not in trial.true]
    sent = trial.transport.sent
    early = [f"{path} at {b}" for path, calls in sent.items() for a, b in itertools.pairwise(calls) if b - a < least(path)]
    unnoted = [path for path, calls in trial.proxy.calls.items() if len(calls) > len(sent[path])]
    if gate:
        gate(
            f"seed {seed}: {each} of {len(faults.FAULTS)} faults x {cycles} cycles: {len(wrong)} not told, {len(late)} not over at the next question, "
            f"{len(bad)} bad of {len(stored):,} values stored, {len(early)} of {sum(map(len, sent.values())):,} "
            "questions too early"
        )
    assert not wrong, wrong[:5]
    assert not late, late[:5]
    assert not bad, bad[:5]
    assert not early, early[:5]
    assert not unnoted, unnoted
    assert stored
    assert not talk.leaks
    assert threading.active_count() <= threads + 2  # of the proxy, whose slow ones still wait


def of(key: tuple[str, str, str], versions: object) -> Iterator[Row]:
    for t, x in zip(versions.valid_time.tolist(), versions.value.tolist(), strict=True):
        yield (*key[:2], t, x)


def least(path: str) -> int:
    """Seconds that have to lie between two questions; ENTSO-E allows many."""
    return 5 if path == "/api" else 60


def test_every_fault_is_told_and_over_with_the_next_answer(trial: Trial) -> None:
    survive(trial, 1, len(faults.FAULTS))
    assert not trial.proxy.strangers


@pytest.mark.long
@pytest.mark.gate(
    "E4", "Broken answers of the sources", target="25 faults x 2 x 100 cycles: 0 errors of ours, 0 bad values, over in 1 cycle"
)
@pytest.mark.parametrize("seed", SEEDS)
def test_faults_for_months(trial: Trial, gate: Callable[[str], None], seed: int) -> None:
    survive(trial, 100, 25, seed, gate)
